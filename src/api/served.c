/* The registry of served models.
 *
 * A list of a few entries under one lock. An entry is found by the path of its weights; when the file there is another one than the entry
 * was made from, the entry is stale: it serves those who hold it and goes with the last of them. Loading happens outside the lock;
 * whoever asks for the same model meanwhile waits for it. Nothing is freed under the lock: what goes is unlinked first. */
#include "api/served.h"

#include <stdio.h>

#include "api/served_int.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/version.h"
#include "model/descent.h"
#include "tensor/cuda.h"

#define BROKEN_MAX 16 /* remembered, so that each is said and tried once */

struct mn_served {
    char dir[768];
    mn_engine_opts engine;
    mn_batcher_opts batcher;
    size_t most;
    pthread_mutex_t lock;
    pthread_cond_t loaded;
    mn_served__model *first;
    uint64_t takes;
    mn_guard *guard; /* NULL: none */
};

/* ---- settings ------------------------------------------------------------------------------------------------------ */

static mn_rc read_number(const mn_conf *c, const char *key, uint64_t least, uint64_t most,
                         uint32_t *ret, mn_err *e)
{
    uint64_t n = 0;
    MN_TRY(mn_conf_u64(c, key, least, most, &n, e));
    *ret = (uint32_t)n;
    return MN_OK;
}

static mn_rc read_settings(mn_served *s, const mn_conf *c, mn_err *e)
{
    uint32_t threads = 0;
    uint64_t most = 0, bytes = 0;
    const char *type = mn_conf_get(c, "model_cache_type");
    MN_TRY(mn_conf_u64(c, "model_loaded", 1, 64, &most, e));
    MN_TRY(read_number(c, "model_threads", 0, 256, &threads, e));
    MN_TRY(read_number(c, "model_context", 0, 1u << 20, &s->engine.context, e));
    MN_TRY(mn_conf_u64(c, "model_cache_bytes", 0, UINT64_C(1) << 44, &bytes, e));
    MN_TRY(read_number(c, "model_running", 1, 1024, &s->batcher.running, e));
    MN_TRY(read_number(c, "model_waiting", 1, 65536, &s->batcher.waiting, e));
    if (strcmp(type, "int8") == 0) s->engine.kv = MN_KV_I8;
    else if (strcmp(type, "f16") != 0)
        return mn_fail(e, MN_E_USAGE, "the setting 'model_cache_type' is f16 or int8, not '%s'",
                       type);
    s->most = (size_t)most;
    s->engine.n_threads = (int)threads;
    s->engine.cache_bytes = (size_t)bytes;
    return MN_OK;
}

static mn_rc choose_device(mn_served *s, const char *device, mn_err *e)
{
    const mn_cuda_api *api;
    mn_cuda *d;
    MN_TRY(mn_cuda_device(device, &s->engine.gpu, e));
    if (!s->engine.gpu) return MN_OK;
    MN_TRY(mn_cuda_open(s->engine.gpu - 1, &api, &d, e));
    api->close(d);
    return MN_OK;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

mn_rc mn_served_new(const char *data_dir, const mn_conf *c, const char *device, mn_served **ret,
                    mn_err *e)
{
    mn_served *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory for the models");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->loaded, NULL);
    snprintf(s->dir, sizeof s->dir, "%s", data_dir);
    mn_rc rc = read_settings(s, c, e);
    if (rc == MN_OK) rc = choose_device(s, device ? device : mn_conf_get(c, "model_device"), e);
    if (rc != MN_OK) {
        mn_served_free(s);
        return rc;
    }
    *ret = s;
    return MN_OK;
}

static void model_free(mn_served__model *m)
{
    mn_batcher_free(m->pub.batcher);
    mn_served__grammars_release(m);
    mn_engine_free(m->pub.engine);
    pthread_mutex_destroy(&m->lock);
    mn_free(m);
}

static void free_all(mn_served__model *gone)
{
    for (mn_served__model *next; gone; gone = next) {
        next = gone->next;
        model_free(gone);
    }
}

void mn_served_free(mn_served *s)
{
    if (!s) return;
    for (mn_served__model *m = s->first; m; m = m->next) MN_ASSERT(m->refs == 0);
    free_all(s->first);
    mn_guard_unref(s->guard);
    pthread_cond_destroy(&s->loaded);
    pthread_mutex_destroy(&s->lock);
    mn_free(s);
}

/* ---- what goes (the lock is held) ---------------------------------------------------------------------------------- */

static void unlink_model(mn_served *s, mn_served__model *m, mn_served__model **gone)
{
    mn_served__model **at = &s->first;
    while (*at != m) at = &(*at)->next;
    *at = m->next;
    m->next = *gone;
    *gone = m;
}

static bool is_free(const mn_served__model *m)
{
    return m->refs == 0 && m->state != MN_SERVED_LOADING;
}

static void drop_stale(mn_served *s, mn_served__model **gone)
{
    for (mn_served__model *m = s->first, *next; m; m = next) {
        next = m->next;
        if (m->stale && is_free(m)) unlink_model(s, m, gone);
    }
}

/* How many entries of a kind there are, and the one that nobody holds and was not taken for the longest time. */
static size_t count(mn_served *s, bool broken, mn_served__model **ret_oldest)
{
    size_t n = 0;
    *ret_oldest = NULL;
    for (mn_served__model *m = s->first; m; m = m->next) {
        if (m->stale || (m->state == MN_SERVED_BROKEN) != broken) continue;
        n++;
        if (is_free(m) && (!*ret_oldest || m->used < (*ret_oldest)->used)) *ret_oldest = m;
    }
    return n;
}

/* False: all places are held. */
static bool make_room(mn_served *s, mn_served__model **gone)
{
    mn_served__model *oldest;
    if (count(s, true, &oldest) >= BROKEN_MAX && oldest) unlink_model(s, oldest, gone);
    while (count(s, false, &oldest) >= s->most) {
        if (!oldest) return false;
        mn_info("serve", "model %s makes room for another", oldest->pub.name);
        unlink_model(s, oldest, gone);
    }
    return true;
}

/* ---- loading ------------------------------------------------------------------------------------------------------- */

static void set_fingerprint(mn_served__model *m)
{
    char text[400];
    int n = snprintf(text, sizeof text, "%s %s %s", m->place.name, m->place.id, MN_VERSION);
    snprintf(m->pub.fingerprint, sizeof m->pub.fingerprint, "fp_%016llx",
             (unsigned long long)mn_hash64(text, (size_t)n, 0));
}

static mn_rc load(mn_served *s, mn_served__model *m, mn_err *e)
{
    MN_TRY(mn_engine_load(m->place.path, &s->engine, &m->pub.engine, e));
    return mn_batcher_new(m->pub.engine, &s->batcher, &m->pub.batcher, e);
}

static mn_served__model *model_new(mn_served *s, const mn_served__place *p)
{
    mn_served__model *m = mn_calloc(1, sizeof *m);
    if (!m) return NULL;
    pthread_mutex_init(&m->lock, NULL);
    m->all = s;
    m->place = *p;
    m->pub.name = m->place.name;
    m->pub.path = m->place.path;
    m->pub.created_ms = p->created_ms;
    m->refs = 1;
    m->next = s->first;
    s->first = m;
    set_fingerprint(m);
    return m;
}

/* It is served all the same, for whoever put it there may know; but not in silence. */
static void warn_if_stale(const mn_served__model *m)
{
    mn_arena a;
    const char *why = NULL, *dir = m->place.path;
    mn_arena_init(&a, 1u << 20);
    if (!mn_fs_is_dir(dir)) /* a file in the model's folder */
        dir = mn_arena_strndup(&a, dir, (size_t)(mn_fs_base(dir) - dir));
    if (dir && mn_stale_because(dir, &a, &why, NULL) == MN_OK && why)
        mn_warn("serve", "model %s is stale and served all the same: %s", m->pub.name, why);
    mn_arena_release(&a);
}

/* Loads a model that stands in the list. The lock is held, but not while it works. */
static void load_here(mn_served *s, mn_served__model *m)
{
    mn_err e = {0};
    pthread_mutex_unlock(&s->lock);
    mn_rc rc = load(s, m, &e);
    if (rc == MN_OK) mn_info("serve", "model %s loaded", m->pub.name);
    if (rc == MN_OK) warn_if_stale(m);
    else mn_warn("serve", "the model %s cannot be used: %s", m->pub.name, e.msg);
    pthread_mutex_lock(&s->lock);
    m->state = rc == MN_OK ? MN_SERVED_READY : MN_SERVED_BROKEN;
    if (rc == MN_OK) mn_engine_guard(m->pub.engine, s->guard);
    m->rc = rc;
    m->stale = m->stale || rc == MN_E_NOMEM; /* there may be memory the next time */
    snprintf(m->why, sizeof m->why, "%s", e.msg);
    pthread_cond_broadcast(&s->loaded);
}

/* ---- taking -------------------------------------------------------------------------------------------------------- */

/* The entry for a place, stale ones set aside; NULL: none. */
static mn_served__model *find(mn_served *s, const mn_served__place *p)
{
    for (mn_served__model *m = s->first; m; m = m->next) {
        if (m->stale || strcmp(m->place.path, p->path) != 0) continue;
        if (strcmp(m->place.id, p->id) == 0) return m;
        m->stale = true;
    }
    return NULL;
}

static mn_rc take(mn_served *s, const mn_served__place *p, mn_served__model **gone,
                  mn_serving **ret, mn_err *e)
{
    mn_served__model *m = find(s, p);
    drop_stale(s, gone);
    if (m) {
        m->refs++;
        while (m->state == MN_SERVED_LOADING) pthread_cond_wait(&s->loaded, &s->lock);
    } else {
        if (!make_room(s, gone))
            return mn_fail(e, MN_E_BUSY, "all models in memory are in use; try again later");
        m = model_new(s, p);
        if (!m) return mn_fail(e, MN_E_NOMEM, "out of memory for a model");
        load_here(s, m);
    }
    m->used = ++s->takes;
    if (m->state == MN_SERVED_READY) {
        *ret = &m->pub;
        return MN_OK;
    }
    m->refs--;
    return mn_fail(e, m->rc, "the model '%s' cannot be used: %.400s", m->pub.name, m->why);
}

mn_rc mn_served_take(mn_served *s, mn_str name, mn_serving **ret, mn_err *e)
{
    mn_served__place p;
    mn_served__model *gone = NULL;
    MN_TRY(mn_served__find(s->dir, name, &p, e));
    pthread_mutex_lock(&s->lock);
    mn_rc rc = take(s, &p, &gone, ret, e);
    pthread_mutex_unlock(&s->lock);
    free_all(gone);
    return rc;
}

mn_serving *mn_serving_ref(mn_serving *v)
{
    mn_served__model *m = (mn_served__model *)(void *)v;
    pthread_mutex_lock(&m->all->lock);
    m->refs++;
    pthread_mutex_unlock(&m->all->lock);
    return v;
}

void mn_serving_done(mn_serving *v)
{
    mn_served__model *m = (mn_served__model *)(void *)v, *gone = NULL;
    if (!v) return;
    mn_served *s = m->all;
    pthread_mutex_lock(&s->lock);
    MN_ASSERT(m->refs > 0);
    m->refs--;
    drop_stale(s, &gone);
    pthread_mutex_unlock(&s->lock);
    free_all(gone);
}

void mn_served_guard(mn_served *s, mn_guard *g)
{
    pthread_mutex_lock(&s->lock);
    mn_guard *old = s->guard;
    s->guard = mn_guard_ref(g);
    for (mn_served__model *m = s->first; m; m = m->next)
        if (m->state == MN_SERVED_READY) mn_engine_guard(m->pub.engine, g);
    pthread_mutex_unlock(&s->lock);
    mn_guard_unref(old);
}

/* ---- what there is ------------------------------------------------------------------------------------------------- */

mn_rc mn_served_list(mn_served *s, mn_arena *ar, mn_served_model **ret, size_t *ret_n,
                     mn_err *e)
{
    return mn_served__list(s->dir, ar, ret, ret_n, e);
}

void mn_served_each(mn_served *s, void (*fn)(void *arg, const mn_served_now *m), void *arg)
{
    pthread_mutex_lock(&s->lock);
    for (mn_served__model *m = s->first; m; m = m->next) {
        if (m->state != MN_SERVED_READY || m->stale) continue;
        mn_served_now now = {.name = m->pub.name, .bytes = mn_engine_bytes(m->pub.engine)};
        mn_batcher_stats(m->pub.batcher, &now.batch);
        fn(arg, &now);
    }
    pthread_mutex_unlock(&s->lock);
}
