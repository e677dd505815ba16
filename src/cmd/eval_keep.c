/* evaluation.json: what is known of a model, one member for each kind of evaluation, the latest of each. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/card.h"
#include "cmd/eval.h"
#include "model/card.h"
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

/* The file as it is; NULL when there is none. One that is no such object is not built on. */
static mn_rc read_file_of(const char *path, mn_arena *a, mn_json **ret, mn_err *e)
{
    mn_buf b;
    *ret = NULL;
    if (!mn_fs_exists(path)) return MN_OK;
    mn_buf_init(&b, FILE_MAX);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    mn_str text = rc == MN_OK ? mn_str_dup(a, mn_buf_str(&b)) : MN_STR_NONE;
    mn_buf_release(&b);
    if (rc != MN_OK) return rc;
    if (!text.ptr) return mn_fail(e, MN_E_NOMEM, "no memory to keep the evaluation");
    if (mn_json_parse(text, a, ret, NULL) != MN_OK || (*ret)->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_CORRUPT, "'%s' is damaged: remove it and evaluate again", path);
    return MN_OK;
}

static bool has_key(const mn_json *o, mn_str key)
{
    for (size_t i = 0; i < o->n; i++)
        if (mn_str_eq(o->keys[i], key)) return true;
    return false;
}

/* Members of `old` (NULL: none) that `fresh` has not. Nothing that was measured with other weights. */
static void put_rest(mn_json_writer *w, const mn_json *old, const mn_json *fresh,
                     mn_str weights)
{
    const mn_str was = mn_json_str(mn_json_get(old, MN_CARD_WEIGHTS));
    if (was.len && !mn_str_eq(was, weights)) return;
    for (size_t i = 0; old && old->type == MN_JSON_OBJECT && i < old->n; i++) {
        if (has_key(fresh, old->keys[i]) || mn_str_eqz(old->keys[i], MN_CARD_WEIGHTS)) continue;
        mn_jw_key_str(w, old->keys[i]);
        mn_jw_tree(w, old->items[i]);
    }
}

static void put_members(mn_json_writer *w, const mn_json *o)
{
    for (size_t i = 0; i < o->n; i++) {
        mn_jw_key_str(w, o->keys[i]);
        mn_jw_tree(w, o->items[i]);
    }
}

static void put_file(mn_json_writer *w, const mn_json *old, const char *section, bool join,
                     const mn_json *result, mn_str weights)
{
    mn_jw_object(w);
    for (size_t i = 0; old && i < old->n; i++) {
        if (mn_str_eqz(old->keys[i], section)) continue;
        mn_jw_key_str(w, old->keys[i]);
        mn_jw_tree(w, old->items[i]);
    }
    mn_jw_key(w, section);
    mn_jw_object(w);
    if (join) put_rest(w, mn_json_get(old, section), result, weights);
    put_members(w, result);
    if (weights.len) mn_jw_kstr(w, MN_CARD_WEIGHTS, weights);
    mn_jw_object_end(w);
    mn_jw_object_end(w);
}

static mn_rc write_file(const mn_eval_job *j, const char *dir, const char *section, bool join,
                        mn_arena *a, mn_err *e)
{
    mn_buf b;
    mn_card c;
    mn_json_writer w;
    mn_json *result = NULL, *old;
    const char *path = mn_fs_join(a, dir, "evaluation.json");
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to keep the evaluation");
    MN_TRY(mn_json_parse(mn_buf_str(&j->out), a, &result, e));
    MN_TRY(mn_card_read(dir, NULL, a, &c, e));
    MN_TRY(read_file_of(path, a, &old, e));
    mn_buf_init(&b, FILE_MAX);
    mn_json_writer_init(&w, &b, 2);
    put_file(&w, old, section, join, result,
             mn_json_str(mn_json_get(c.training, MN_CARD_WEIGHTS)));
    mn_buf_addc(&b, '\n');
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory to keep the evaluation")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_eval_keep(const mn_eval_job *j, const char *section, bool join, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *dir = folder(j, &a);
    mn_rc rc = dir ? write_file(j, dir, section, join, &a, e) : MN_OK;
    if (rc == MN_OK && dir) rc = mn_card_make(mn_home_dir(j->data), dir, e);
    mn_arena_release(&a);
    return rc;
}
