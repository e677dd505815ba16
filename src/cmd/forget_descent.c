/* Models that were made from one that has forgotten: they know what it knew. */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/forgetting.h"

static bool is_changed(const mn_forgetting *j, const char *name)
{
    for (size_t i = 0; i < j->n_changed; i++)
        if (strcmp(j->changed[i], name) == 0) return true;
    return false;
}

mn_rc mn_forgetting__changed(mn_forgetting *j, const char *name, mn_err *e)
{
    if (is_changed(j, name)) return MN_OK;
    if (j->n_changed == j->cap_changed) {
        size_t cap = j->cap_changed ? 2 * j->cap_changed : 16;
        const char **more = mn_arena_calloc(&j->arena, cap, sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
        for (size_t i = 0; i < j->n_changed; i++) more[i] = j->changed[i];
        j->changed = more;
        j->cap_changed = cap;
    }
    j->changed[j->n_changed] = mn_arena_strndup(&j->arena, name, strlen(name));
    if (!j->changed[j->n_changed]) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
    j->n_changed++;
    return MN_OK;
}

static mn_rc tell(mn_forgetting *j, const char *name, const char *because, mn_err *e)
{
    if (!j->l.json) {
        fprintf(stderr, "mynah forget: model %s is stale: %s; make it anew or remove it\n",
                name, because);
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "stale", name);
    mn_jw_kstrz(&w, "because", because);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

mn_rc mn_forgetting__stale(mn_forgetting *j, const char *name, mn_stale_cause cause,
                           const char *because, mn_err *e)
{
    const char *dir = mn_learning_dir(&j->l, name);
    if (!because || !dir) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
    MN_TRY(mn_stale_mark(dir, cause, because, e));
    MN_TRY(mn_forgetting__changed(j, name, e));
    return tell(j, name, because, e);
}

static mn_rc is_stale(mn_forgetting *j, const char *name, bool *ret, mn_err *e)
{
    const char *why, *dir = mn_learning_dir(&j->l, name);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
    MN_TRY(mn_stale_because(dir, &j->arena, &why, e));
    *ret = why != NULL;
    return MN_OK;
}

/* Marks it when one of those that it was made from has changed; *io_more: it was. It may have forgotten something itself, and still be so. */
static mn_rc look_at(mn_forgetting *j, const char *name, bool *io_more, mn_err *e)
{
    const char *parents[MN_DESCENT_PARENTS], *dir = mn_learning_dir(&j->l, name);
    size_t n = 0;
    bool stale;
    MN_TRY(is_stale(j, name, &stale, e));
    if (!stale) MN_TRY(mn_descent_parents(dir, &j->arena, parents, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(parents[i], name) == 0 || !is_changed(j, parents[i])) continue;
        mn_str why =
            mn_str_fmt(&j->arena,
                       "'%s', which it was made from, has forgotten, or has to forget, "
                       "what this one still knows",
                       parents[i]);
        *io_more = true;
        return mn_forgetting__stale(j, name, MN_STALE_ANCESTOR, why.ptr, e);
    }
    return MN_OK;
}

/* Folders of models, without `current`. */
static mn_rc list(mn_forgetting *j, char ***ret, size_t *ret_n, mn_err *e)
{
    size_t n = 0, kept = 0;
    const char *dir = mn_learning_dir(&j->l, "");
    *ret_n = 0;
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
    if (!mn_fs_is_dir(dir)) return MN_OK;
    MN_TRY(mn_fs_list(dir, &j->arena, ret, &n, e));
    for (size_t i = 0; i < n; i++)
        if ((*ret)[i][0] != '.' && strcmp((*ret)[i], "current") != 0)
            (*ret)[kept++] = (*ret)[i];
    *ret_n = kept;
    return MN_OK;
}

mn_rc mn_forgetting__descendants(mn_forgetting *j, mn_err *e)
{
    char **names = NULL;
    size_t n;
    bool stale, more;
    MN_TRY(list(j, &names, &n, e));
    for (size_t i = 0; i < n; i++) { /* what was made from a stale model since is stale too */
        MN_TRY(is_stale(j, names[i], &stale, e));
        if (stale) MN_TRY(mn_forgetting__changed(j, names[i], e));
    }
    more = j->n_changed > 0;
    while (more) {
        more = false;
        for (size_t i = 0; i < n; i++) MN_TRY(look_at(j, names[i], &more, e));
    }
    return MN_OK;
}
