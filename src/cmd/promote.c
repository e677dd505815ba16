#include "cmd/promote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "cmd/models.h"
#include "model/descent.h"

#define LIST_MAX (1u << 20)
#define WAIT_MS  5000 /* for another promotion, which takes moments */

/* ---- the list ------------------------------------------------------------------------------------------------------ */

typedef struct list {
    mn_promoted *items;
    size_t n;
} list;

static char *in_models(const char *data_dir, const char *name, mn_arena *a, mn_err *e)
{
    char *models = mn_fs_join(a, data_dir, "models");
    char *path = models ? mn_fs_join(a, models, name) : NULL;
    if (!path) mn_fail(e, MN_E_NOMEM, "out of memory");
    return path;
}

static const char *text_of(mn_arena *a, const mn_json *entry, const char *key)
{
    mn_str s = mn_json_str(mn_json_get(entry, key));
    return s.ptr ? mn_str_dup(a, s).ptr : "";
}

static mn_rc parse(mn_str text, mn_arena *a, list *ret, mn_err *e)
{
    mn_json *t = NULL;
    if (mn_json_parse(text, a, &t, NULL) != MN_OK || t->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_CORRUPT, "it is no list of promotions");
    const mn_json *all = mn_json_get(t, "promoted");
    const size_t n = all ? all->n : 0;
    /* room for the model in use and one more */
    mn_promoted *items = mn_arena_calloc(a, n + 2, sizeof *items);
    if (!items) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const mn_json *entry = mn_json_at(all, i);
        items[i] = (mn_promoted){text_of(a, entry, "model"), text_of(a, entry, "by"), 0,
                                 text_of(a, entry, "weights_sha256")};
        items[i].at_ms = mn_json_i64(mn_json_get(entry, "at_ms"), 0);
        if (!items[i].model || !items[i].by || !items[i].weights_sha256)
            return mn_fail(e, MN_E_NOMEM, "out of memory");
        if (!items[i].model[0]) return mn_fail(e, MN_E_CORRUPT, "an entry names no model");
    }
    *ret = (list){items, n};
    return MN_OK;
}

static mn_rc read_file(const char *path, mn_arena *a, list *ret, mn_err *e)
{
    mn_buf b;
    mn_err why = {0};
    mn_buf_init(&b, LIST_MAX);
    mn_rc rc = MN_E_NOT_FOUND;
    if (mn_fs_exists(path)) rc = mn_fs_read(path, LIST_MAX, &b, &why);
    if (rc == MN_OK) rc = parse(mn_str_dup(a, mn_buf_str(&b)), a, ret, &why);
    else if (rc == MN_E_NOT_FOUND) rc = parse(MN_STR("{}"), a, ret, &why);
    mn_buf_release(&b);
    if (rc == MN_OK) return MN_OK;
    return mn_fail(e, rc, "'%s' cannot be read (%s): remove it to begin a new list", path,
                   why.msg);
}

static mn_rc write_file(const char *path, const list *l, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, LIST_MAX);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_key(&w, "promoted");
    mn_jw_array(&w);
    for (size_t i = l->n > MN_PROMOTED_MOST ? l->n - MN_PROMOTED_MOST : 0; i < l->n; i++) {
        const mn_promoted *p = &l->items[i];
        mn_jw_object(&w);
        mn_jw_kstrz(&w, "model", p->model);
        mn_jw_kstrz(&w, "by", p->by);
        mn_jw_ki64(&w, "at_ms", p->at_ms);
        mn_jw_kstrz(&w, "weights_sha256", p->weights_sha256);
        mn_jw_object_end(&w);
    }
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "out of memory")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

void mn_promoted_current(const char *data_dir, char ret[256])
{
    char path[1100];
    ret[0] = 0;
    if (snprintf(path, sizeof path, "%s/models/current", data_dir) >= (int)sizeof path) return;
    ssize_t n = readlink(path, ret, 255);
    ret[n > 0 ? n : 0] = 0;
}

/* As the link says: what was promoted behind the model in use did not become it. */
static void settle(list *l, const char *current)
{
    size_t n = l->n;
    while (n > 0 && strcmp(l->items[n - 1].model, current) != 0) n--;
    if (n > 0 || !current[0]) {
        l->n = n;
        return;
    }
    /* from before there was a list, or a link that somebody made by hand */
    l->items[l->n++] = (mn_promoted){current, "operator", 0, ""};
}

static mn_rc read_list(const char *data_dir, mn_arena *a, list *ret, mn_err *e)
{
    char current[256];
    const char *path = in_models(data_dir, "promoted.json", a, e);
    MN_TRY(path ? read_file(path, a, ret, e) : MN_E_NOMEM);
    mn_promoted_current(data_dir, current);
    const char *copy = mn_arena_strndup(a, current, strlen(current));
    if (!copy) return mn_fail(e, MN_E_NOMEM, "out of memory");
    settle(ret, copy);
    return MN_OK;
}

mn_rc mn_promoted_list(const char *data_dir, mn_arena *a, mn_promoted **ret, size_t *ret_n,
                       mn_err *e)
{
    list l;
    MN_TRY(read_list(data_dir, a, &l, e));
    *ret = l.items;
    *ret_n = l.n;
    return MN_OK;
}

/* ---- changing it ---------------------------------------------------------------------------------------------------- */

static mn_rc lock(const char *data_dir, mn_arena *a, mn_fs_lock *ret, mn_err *e)
{
    const char *path = in_models(data_dir, ".promote.lock", a, e);
    const int64_t until = mn_mono_us() + WAIT_MS * INT64_C(1000);
    mn_rc rc = MN_E_NOMEM;
    while (path && (rc = mn_fs_lock_take(path, ret, e)) == MN_E_BUSY && mn_mono_us() < until)
        usleep(20000);
    return rc == MN_E_BUSY ? mn_fail(e, rc, "another promotion is under way; try again") : rc;
}

static mn_rc point_to(const char *data_dir, const char *name, mn_arena *a, mn_err *e)
{
    const char *models = mn_fs_join(a, data_dir, "models");
    const char *link = in_models(data_dir, "current", a, e);
    const char *fresh = in_models(data_dir, ".current.tmp", a, e);
    if (!models || !link || !fresh) return mn_fail(e, MN_E_NOMEM, "out of memory");
    unlink(fresh);
    if (symlink(name, fresh) != 0 || rename(fresh, link) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot make '%s' point to '%s'", link, name);
    return mn_fs_sync_dir(models, e);
}

/* Of the one file that holds them; "" where there are several. */
static mn_rc hash_weights(const char *model, mn_arena *a, const char **ret, mn_err *e)
{
    static const char *const names[] = {"model.safetensors", "model.gguf"};
    uint8_t sha[32];
    char *hex = mn_arena_alloc(a, 65);
    if (!hex) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = "";
    const char *path = mn_fs_is_dir(model) ? NULL : model;
    for (size_t i = 0; i < 2 && !path; i++) {
        path = mn_fs_join(a, model, names[i]);
        if (path && !mn_fs_exists(path)) path = NULL;
    }
    if (!path) return MN_OK;
    MN_TRY(mn_sha256_file(path, sha, e));
    *ret = mn_hex(sha, 32, hex);
    return MN_OK;
}

/* The model of that name in this data folder: a link to one elsewhere would point to nothing. */
/* What knows something that it should have forgotten is not put to use. */
static mn_rc check_fresh(const char *name, const char *dir, mn_arena *a, mn_err *e)
{
    const char *why = NULL;
    if (mn_fs_is_dir(dir)) MN_TRY(mn_stale_because(dir, a, &why, e));
    if (!why) return MN_OK;
    return mn_fail(e, MN_E_DENIED, "model '%s' is stale: %.300s; make it anew", name, why);
}

static mn_rc check(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                   mn_err *e)
{
    if (strchr(name, '/') || strcmp(name, "current") == 0)
        return mn_fail(e, MN_E_USAGE, "'%s' is not the name of a model in '%s/models'", name,
                       data_dir);
    MN_TRY(mn_models_inside(data_dir, name, a, ret, e));
    return check_fresh(name, *ret, a, e);
}

static mn_rc promote(const char *data_dir, mn_promoted *p, mn_arena *a, mn_err *e)
{
    list l;
    const char *path = in_models(data_dir, "promoted.json", a, e);
    MN_TRY(path ? read_list(data_dir, a, &l, e) : MN_E_NOMEM);
    if (l.n && strcmp(l.items[l.n - 1].model, p->model) == 0) return MN_OK;
    l.items[l.n++] = *p;
    MN_TRY(write_file(path, &l, e));
    return point_to(data_dir, p->model, a, e);
}

mn_rc mn_promote(const char *data_dir, const char *name, const char *by, mn_err *e)
{
    mn_arena a;
    mn_fs_lock held;
    const char *dir = NULL;
    mn_promoted p = {.model = name, .by = by, .at_ms = mn_now_ms()};
    mn_arena_init(&a, 4u << 20);
    mn_rc rc = check(data_dir, name, &a, &dir, e);
    if (rc == MN_OK) rc = hash_weights(dir, &a, &p.weights_sha256, e);
    if (rc == MN_OK) rc = lock(data_dir, &a, &held, e);
    if (rc == MN_OK) {
        rc = promote(data_dir, &p, &a, e);
        mn_fs_lock_release(&held);
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc go_back(const char *data_dir, mn_rolled_back *ret, mn_arena *a, mn_err *e)
{
    list l;
    const char *dir, *now, *path = in_models(data_dir, "promoted.json", a, e);
    MN_TRY(path ? read_list(data_dir, a, &l, e) : MN_E_NOMEM);
    if (l.n < 2)
        return mn_fail(e, MN_E_NOT_FOUND,
                       "no model was in use before this one; `mynah model promote NAME` "
                       "promotes another");
    const mn_promoted *from = &l.items[l.n - 1], *to = &l.items[l.n - 2];
    if (mn_models_inside(data_dir, to->model, a, &dir, NULL) != MN_OK)
        return mn_fail(
            e, MN_E_NOT_FOUND,
            "'%s', which was in use before, is no longer there; `mynah model promote "
            "NAME` promotes another",
            to->model);
    MN_TRY(check_fresh(to->model, dir, a, e));
    MN_TRY(hash_weights(dir, a, &now, e));
    mn_rolled_back r = {.changed = to->weights_sha256[0] && strcmp(now, to->weights_sha256)};
    snprintf(r.from, sizeof r.from, "%s", from->model);
    snprintf(r.to, sizeof r.to, "%s", to->model);
    MN_TRY(point_to(data_dir, to->model, a, e));
    l.n--;
    MN_TRY(write_file(path, &l, e));
    *ret = r;
    return MN_OK;
}

mn_rc mn_promote_back(const char *data_dir, mn_rolled_back *ret, mn_err *e)
{
    mn_arena a;
    mn_fs_lock held;
    char models[1100];
    mn_rc rc = MN_OK;
    snprintf(models, sizeof models, "%s/models", data_dir);
    if (!mn_fs_is_dir(models))
        return mn_fail(e, MN_E_NOT_FOUND, "there is no model yet in '%s'", models);
    mn_arena_init(&a, 4u << 20);
    rc = lock(data_dir, &a, &held, e);
    if (rc == MN_OK) {
        rc = go_back(data_dir, ret, &a, e);
        mn_fs_lock_release(&held);
    }
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_promoted_trim(const char *data_dir, size_t keep, mn_err *e)
{
    mn_arena a;
    mn_fs_lock held;
    list l;
    mn_arena_init(&a, 4u << 20);
    mn_rc rc = lock(data_dir, &a, &held, e);
    if (rc == MN_OK) {
        const char *path = in_models(data_dir, "promoted.json", &a, e);
        rc = path ? read_list(data_dir, &a, &l, e) : MN_E_NOMEM;
        if (rc == MN_OK && l.n > keep) {
            l.items += l.n - keep, l.n = keep;
            rc = write_file(path, &l, e);
        }
        mn_fs_lock_release(&held);
    }
    mn_arena_release(&a);
    return rc;
}
