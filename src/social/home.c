/* The data folder: found or made, its settings read, its database opened. */
#include "social/social.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "social/settings.h"

static mn_rc make_dir(const char *dir, mn_err *e)
{
    if (mn_fs_exists(dir) && !mn_fs_is_dir(dir))
        return mn_fail(e, MN_E_IO,
                       "'%s' is not a folder; choose another data folder with --data", dir);
    if (mn_fs_mkdirs(dir, e) != MN_OK)
        return mn_fail(e, MN_E_IO,
                       "%s; make it yourself or choose another data folder with --data",
                       e ? e->msg : "cannot make the data folder");
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        return mn_fail_errno(e, MN_E_IO,
                             "cannot write in the data folder '%s'; make it writable or choose "
                             "another with --data",
                             dir);
    return MN_OK;
}

static mn_rc write_template(const char *path, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_conf_template(mn_settings, &b);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "out of memory for '%s'", path)
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    if (rc == MN_E_IO)
        return mn_fail(e, rc, "%s; make room there or choose another data folder with --data",
                       e ? e->msg : "cannot write mynah.conf");
    return rc;
}

static mn_rc read_settings(mn_home *h, mn_arena *a, mn_err *e)
{
    const char *path = mn_fs_join(a, h->dir, "mynah.conf");
    if (!path) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!mn_fs_exists(path)) MN_TRY(write_template(path, e));
    return mn_conf_load(path, mn_settings, &h->conf, e);
}

static mn_rc open_store(mn_home *h, mn_arena *a, mn_err *e)
{
    mn_store_opts o = {0};
    const char *name = mn_conf_get(h->conf, "database"), *url = name;
    const char *durability = mn_conf_get(h->conf, "durability");
    if (strcmp(durability, "full") == 0) o.durable = true;
    else if (strcmp(durability, "normal") != 0)
        return mn_fail(e, MN_E_USAGE,
                       "'durability' in '%s/mynah.conf' is normal or full, not '%s'", h->dir,
                       durability);
    if (!strstr(name, "://") && name[0] != '/' && *name) url = mn_fs_join(a, h->dir, name);
    if (!url) return mn_fail(e, MN_E_NOMEM, "out of memory");
    return mn_store_open_opts(url, &o, &h->store, e);
}

mn_rc mn_home_open(const char *data, mn_home *ret, mn_err *e)
{
    mn_arena a;
    mn_home h = {.dir = mn_strdup(mn_home_dir(data))};
    mn_arena_init(&a, 0);
    mn_rc rc = h.dir ? make_dir(h.dir, e) : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = read_settings(&h, &a, e);
    if (rc == MN_OK) rc = open_store(&h, &a, e);
    mn_arena_release(&a);
    if (rc == MN_OK) *ret = h;
    else mn_home_close(&h);
    return rc;
}

void mn_home_close(mn_home *h)
{
    mn_store_close(h->store);
    mn_conf_free(h->conf);
    mn_free(h->dir);
    *h = (mn_home){0};
}

char *mn_home_path(const mn_home *h, mn_arena *a, const char *name)
{
    return mn_fs_join(a, h->dir, name);
}
