/* Going on with the stable phase of another training: the rate has not fallen in it, so nothing in its weights knows where that
 * run ended, and it can be longer by a corpus. docs/design/current.md. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "model/descent.h"
#include "model/train_int.h"

#define LINEAGE_MAX (1u << 20)

static mn_rc checkpoints_of(const char *model_dir, char ret[4096], mn_err *e)
{
    if (snprintf(ret, 4096, "%s/checkpoints", model_dir) >= 4096)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", model_dir);
    return MN_OK;
}

mn_rc mn_train_stable(const char *model_dir, mn_checkpoint *ret, mn_err *e)
{
    char dir[4096];
    mn_checkpoint last, c;
    const char *name = mn_fs_base(model_dir);
    MN_TRY(checkpoints_of(model_dir, dir, e));
    mn_rc rc = mn_checkpoint_peek(dir, &last, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "model '%s' was not trained here: --from begins with its weights",
                       name);
    if (rc != MN_OK) return rc;
    if (last.tune.tuned)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "model '%s' was tuned: go on with the model that it was tuned from",
                       name);
    rc = last.stable ? mn_checkpoint_peek_at(dir, last.stable, &c, NULL) : MN_E_NOT_FOUND;
    if (rc == MN_OK && c.step != last.stable) rc = MN_E_CORRUPT;
    if (rc != MN_OK)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "model '%s' has no checkpoint from before its rate fell: --from begins "
                       "with its weights",
                       name);
    *ret = c;
    return MN_OK;
}

mn_rc mn_model__load_stable(mn_model__run *r, mn_checkpoint *ret, mn_err *e)
{
    char dir[4096];
    mn_checkpoint c;
    MN_TRY(mn_train_stable(r->o->stable_of, &c, e));
    if (memcmp(c.tokenizer, r->corpus.tokenizer_hash, 32) != 0 ||
        !mn_model__has_room(r, &c.cfg))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "corpus '%s' has another tokenizer than model '%s': build it with "
                       "`mynah corpus build --tokenizer %s`",
                       r->corpus.name, mn_fs_base(r->o->stable_of),
                       mn_fs_base(r->o->stable_of));
    MN_TRY(mn_weights_new(&c.cfg, &r->w, e));
    MN_TRY(mn_optim_new(&r->w, c.recipe.optimiser, mn_pool_threads(r->pool), &r->optim, e));
    MN_TRY(checkpoints_of(r->o->stable_of, dir, e));
    return mn_checkpoint_load_at(dir, c.step, ret, r->w.all, &r->optim, e);
}

void mn_model__go_on_from(mn_model__run *r, const mn_checkpoint *c)
{
    mn_checkpoint *at = &r->at;
    const mn_recipe own = at->recipe;
    at->recipe = c->recipe;
    at->recipe.fall = own.fall, at->recipe.decay = own.decay;
    if (!at->dtype) at->dtype = c->dtype;
    if (!r->o->batch_rows) at->batch_rows = c->batch_rows;
    if (!r->o->row_tokens) at->row_tokens = c->row_tokens;
    at->before = c->before + c->step;
    memcpy(at->previous, c->self, 32);
}

bool mn_model__note_stable(mn_model__run *r)
{
    const mn_train_replay *replay = r->o->replay;
    const mn_schedule *s = &r->at.schedule;
    const uint64_t step = r->at.step;
    if (r->at.stable) return false;
    if (replay ? step != replay->to->stable : !s->n_steps || step != s->fall_from) return false;
    r->at.stable = step;
    return true;
}

/* ---- lineage.json -------------------------------------------------------------------------------------------------- */

static char *lineage_path(const char *model_dir, mn_arena *a)
{
    return mn_fs_join(a, model_dir, "lineage.json");
}

mn_rc mn_model__write_lineage(mn_model__run *r, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    mn_json_writer w;
    char hex[65];
    if (r->o->from_dir) return mn_descent_note(r->o->model_dir, r->o->from_dir, "from", e);
    if (!r->o->stable_of) return MN_OK;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, LINEAGE_MAX);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "continues", mn_fs_base(r->o->stable_of));
    mn_jw_ku64(&w, "steps_before", r->at.before);
    mn_jw_kstrz(&w, "checkpoint_sha256", mn_hex(r->at.previous, 32, hex));
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    const char *path = lineage_path(r->o->model_dir, &a);
    mn_rc rc = b.failed || !path ? mn_fail(e, MN_E_NOMEM, "no memory for lineage.json")
                                 : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_train_continues(const char *model_dir, mn_arena *a, const char **ret, mn_err *e)
{
    mn_buf b;
    mn_json *t = NULL;
    const char *path = lineage_path(model_dir, a);
    *ret = NULL;
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to read '%s'", model_dir);
    if (!mn_fs_exists(path)) return MN_OK;
    mn_buf_init(&b, LINEAGE_MAX);
    mn_rc rc = mn_fs_read(path, LINEAGE_MAX, &b, e);
    if (rc == MN_OK) {
        rc = mn_json_parse(mn_str_dup(a, mn_buf_str(&b)), a, &t, NULL);
        mn_str name = mn_json_str(mn_json_get(t, "continues"));
        if (rc != MN_OK || !name.len || name.ptr[0] == '.' || memchr(name.ptr, '/', name.len))
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged", path);
        else *ret = mn_str_dup(a, name).ptr;
    }
    mn_buf_release(&b);
    return rc == MN_OK && !*ret && t ? mn_fail(e, MN_E_NOMEM, "no memory") : rc;
}

/* Its first checkpoint names the one that it began with. */
mn_rc mn_train_is_stale(const char *model_dir, const char *parent_dir, bool *ret, mn_err *e)
{
    char dir[4096];
    mn_checkpoint first, stable;
    MN_TRY(checkpoints_of(model_dir, dir, e));
    MN_TRY(mn_checkpoint_peek_at(dir, 0, &first, e));
    MN_TRY(mn_train_stable(parent_dir, &stable, e));
    *ret = memcmp(first.previous, stable.self, 32) != 0;
    return MN_OK;
}
