/* The promoted model: loaded when it is first needed, let go when models/current comes to point elsewhere.
 *
 * An engine runs one call at a time, so its lock is held while it works. A model that cannot be loaded is said once in the
 * log, and answers are made without it until another one is promoted. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api_int.h"
#include "base/log.h"

/* Which model "current" is now: the link's target and the time of its weights; "" when there is none. */
static void current_id(const char *data_dir, char *ret, size_t cap)
{
    char path[1024], target[256] = "";
    struct stat st;
    ret[0] = 0;
    snprintf(path, sizeof path, "%s/models/current", data_dir);
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    snprintf(path, sizeof path, "%s/models/current/model.safetensors", data_dir);
    if (stat(path, &st) != 0) return;
    snprintf(ret, cap, "%s %lld.%ld", target, (long long)st.st_mtim.tv_sec,
             (long)st.st_mtim.tv_nsec);
}

static void reload(mn_loaded *m, const char *data_dir, const char *id)
{
    char path[1024];
    mn_err e = {0};
    mn_engine_free(m->engine);
    m->engine = NULL;
    snprintf(m->id, sizeof m->id, "%s", id);
    if (!id[0]) return;
    snprintf(path, sizeof path, "%s/models/current", data_dir);
    if (mn_engine_load(path, &(mn_engine_opts){.n_threads = 1}, &m->engine, &e) != MN_OK) {
        m->engine = NULL;
        mn_warn("serve", "answers go without a model: %s", e.msg);
        return;
    }
    mn_info("serve", "model %s loaded", id);
}

mn_engine *mn_loaded__take(mn_loaded *m, const char *data_dir)
{
    char id[sizeof m->id];
    pthread_mutex_lock(&m->lock);
    current_id(data_dir, id, sizeof id);
    if (strcmp(id, m->id) != 0) reload(m, data_dir, id);
    return m->engine;
}

void mn_loaded__done(mn_loaded *m)
{
    pthread_mutex_unlock(&m->lock);
}

void mn_loaded__release(mn_loaded *m)
{
    mn_engine_free(m->engine);
    m->engine = NULL;
    pthread_mutex_destroy(&m->lock);
}
