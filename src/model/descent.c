#include "model/descent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"

#define FILE_MOST (16u << 20) /* training.json has a curve */

static const char *const causes[] = {
    [MN_STALE_ANCESTOR] = "ancestor", [MN_STALE_TUNED] = "tuned", [MN_STALE_UNABLE] = "unable"};

/* NULL: there is none that can be read. */
static const mn_json *read_json(const char *dir, const char *name, mn_arena *a)
{
    mn_buf b;
    mn_json *t = NULL;
    const char *path = mn_fs_join(a, dir, name);
    mn_buf_init(&b, FILE_MOST);
    if (path && mn_fs_read(path, FILE_MOST, &b, NULL) == MN_OK) {
        mn_str text = mn_str_dup(a, mn_buf_str(&b));
        if (!text.ptr || mn_json_parse(text, a, &t, NULL) != MN_OK) t = NULL;
    }
    mn_buf_release(&b);
    return t;
}

static mn_rc write_json(const char *dir, const char *name, const char *const (*members)[2],
                        size_t n, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    mn_json_writer w;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    for (size_t i = 0; i < n; i++) mn_jw_kstrz(&w, members[i][0], members[i][1]);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    const char *path = mn_fs_join(&a, dir, name);
    mn_rc rc = path && !b.failed ? mn_fs_write_atomic(path, b.ptr, b.len, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory for '%s'", name);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

/* ---- descent ------------------------------------------------------------------------------------------------------ */

static bool is_beside(const char *a, const char *b, mn_arena *ar)
{
    struct stat x, y;
    const char *up_a = mn_fs_join(ar, a, ".."), *up_b = mn_fs_join(ar, b, "..");
    return up_a && up_b && stat(up_a, &x) == 0 && stat(up_b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

mn_rc mn_descent_note(const char *model_dir, const char *parent, const char *how, mn_err *e)
{
    char real[4096];
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *path = realpath(parent, real) ? real : parent; /* `current` is a link */
    const char *const members[][2] = {{"made_from", mn_fs_base(path)}, {"how", how}};
    mn_rc rc = MN_OK;
    if (mn_fs_is_dir(path) && is_beside(model_dir, path, &a))
        rc = write_json(model_dir, "made_from.json", members, 2, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_descent_parents(const char *model_dir, mn_arena *a,
                         const char *ret[MN_DESCENT_PARENTS], size_t *ret_n, mn_err *e)
{
    static const char *const places[MN_DESCENT_PARENTS][2] = {{"made_from.json", "made_from"},
                                                              {"origin.json", "tuned_from"},
                                                              {"training.json", "tuned_from"},
                                                              {"lineage.json", "continues"}};
    size_t n = 0;
    for (size_t i = 0; i < MN_DESCENT_PARENTS; i++) {
        mn_str s =
            mn_json_str(mn_json_get(read_json(model_dir, places[i][0], a), places[i][1]));
        if (!s.len) continue;
        s = mn_str_dup(a, s);
        if (!s.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
        ret[n++] = mn_fs_base(s.ptr);
    }
    *ret_n = n;
    return MN_OK;
}

/* ---- stale -------------------------------------------------------------------------------------------------------- */

mn_rc mn_stale_mark(const char *model_dir, mn_stale_cause cause, const char *because, mn_err *e)
{
    char now[MN_TIME_MAX];
    const char *there;
    mn_arena a;
    const char *const members[][2] = {{"stale_because", because},
                                      {"cause", causes[cause]},
                                      {"since", mn_time_format(mn_now_ms(), now)}};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_stale_because(model_dir, &a, &there, e);
    if (rc == MN_OK && !there) rc = write_json(model_dir, "stale.json", members, 3, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_stale_able(const char *model_dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const mn_json *t = read_json(model_dir, "stale.json", &a);
    const char *path = mn_fs_join(&a, model_dir, "stale.json");
    mn_rc rc = path ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK &&
        mn_str_eqz(mn_json_str(mn_json_get(t, "cause")), causes[MN_STALE_UNABLE]) &&
        unlink(path) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", path);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_stale_because(const char *model_dir, mn_arena *a, const char **ret, mn_err *e)
{
    const char *path = mn_fs_join(a, model_dir, "stale.json");
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory");
    *ret = NULL;
    if (!mn_fs_exists(path)) return MN_OK;
    mn_str why =
        mn_json_str(mn_json_get(read_json(model_dir, "stale.json", a), "stale_because"));
    why = mn_str_dup(a, why.len ? why : MN_STR("its mark, stale.json, cannot be read"));
    *ret = why.ptr;
    return why.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}
