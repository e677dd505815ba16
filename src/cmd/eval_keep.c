/* evaluation.json: what is known of a model, one member for each kind of evaluation, the latest of each. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/eval.h"
#include "social/social.h"

#define FILE_MAX (16u << 20)

/* The model's folder if it lies below DATA/models, else NULL; links ("current") are followed. */
static const char *folder(const mn_eval_job *j, mn_arena *a)
{
    const char *models = mn_fs_join(a, mn_home_dir(j->data), "models");
    char *inside = models ? realpath(models, NULL) : NULL, *at = realpath(j->path, NULL);
    const char *ret = NULL;
    size_t n = inside ? strlen(inside) : 0;
    if (inside && at && mn_fs_is_dir(at) && strncmp(at, inside, n) == 0 && at[n] == '/')
        ret = mn_arena_strndup(a, at, strlen(at));
    (free)(inside); /* realpath's own memory */
    (free)(at);
    return ret;
}

/* The members that stay. A file that is no such object is not built on. */
static mn_rc put_others(mn_json_writer *w, const char *path, const char *section, mn_arena *a,
                        mn_err *e)
{
    mn_buf b;
    mn_json *t = NULL;
    if (!mn_fs_exists(path)) return MN_OK;
    mn_buf_init(&b, FILE_MAX);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    mn_str text = rc == MN_OK ? mn_str_dup(a, mn_buf_str(&b)) : MN_STR_NONE;
    mn_buf_release(&b);
    if (rc != MN_OK) return rc;
    if (!text.ptr) return mn_fail(e, MN_E_NOMEM, "no memory to keep the evaluation");
    if (mn_json_parse(text, a, &t, NULL) != MN_OK || t->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_CORRUPT, "'%s' is damaged: remove it and evaluate again", path);
    for (size_t i = 0; i < t->n; i++) {
        if (mn_str_eqz(t->keys[i], section)) continue;
        mn_jw_key_str(w, t->keys[i]);
        mn_jw_tree(w, t->items[i]);
    }
    return MN_OK;
}

static mn_rc write_file(const mn_eval_job *j, const char *path, const char *section,
                        mn_arena *a, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_json *result = NULL;
    MN_TRY(mn_json_parse(mn_buf_str(&j->out), a, &result, e));
    mn_buf_init(&b, FILE_MAX);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_rc rc = put_others(&w, path, section, a, e);
    mn_jw_key(&w, section);
    mn_jw_tree(&w, result);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    if (rc == MN_OK && b.failed) rc = mn_fail(e, b.failed, "no memory to keep the evaluation");
    if (rc == MN_OK) rc = mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_eval_keep(const mn_eval_job *j, const char *section, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *dir = folder(j, &a);
    const char *path = dir ? mn_fs_join(&a, dir, "evaluation.json") : NULL;
    mn_rc rc = path ? write_file(j, path, section, &a, e) : MN_OK;
    mn_arena_release(&a);
    return rc;
}
