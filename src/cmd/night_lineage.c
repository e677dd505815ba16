/* The models that go on from one another: which they are, training again those behind one that forgot, and removing what is over. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/night_int.h"
#include "cmd/promote.h"
#include "model/descent.h"
#include "model/train.h"

#define AGAIN "again-" /* and the name of a model: it is trained again under this one */

mn_rc mn_night__lineage(mn_night *n, const char *model, const char ***ret, size_t *ret_n,
                        mn_err *e)
{
    const char **all = mn_arena_calloc(&n->a, MN_NIGHT_LINEAGE, sizeof *all);
    size_t k = 0;
    if (!all) return mn_fail(e, MN_E_NOMEM, "no memory");
    for (const char *at = model; at;) {
        if (k == MN_NIGHT_LINEAGE)
            return mn_fail(e, MN_E_LIMIT, "model '%s' goes on from more than %d others", model,
                           MN_NIGHT_LINEAGE);
        all[k++] = at;
        const char *dir = mn_night__path(n, at, NULL, e);
        MN_TRY(dir ? mn_train_continues(dir, &n->a, &at, e) : MN_E_NOMEM);
    }
    *ret = all;
    *ret_n = k;
    return MN_OK;
}

/* ---- training again -------------------------------------------------------------------------------------------------- */

/* What is new in `fresh` takes the place of `model`, at once. */
static mn_rc exchange(const char *model, const char *fresh, mn_err *e)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, model, RENAME_EXCHANGE) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot put '%s' into the place of '%s'", fresh,
                             model);
    return mn_fs_remove_tree(fresh, e);
}

/* Its decision stays: what was measured then is how it came into use. */
static mn_rc keep_decision(mn_night *n, const char *model, const char *fresh, mn_err *e)
{
    mn_buf b;
    const char *from = mn_night__path(n, model, "decision.json", e);
    const char *to = mn_night__path(n, fresh, "decision.json", e);
    if (!from || !to) return MN_E_NOMEM;
    if (!mn_fs_exists(from)) return MN_OK;
    mn_buf_init(&b, 1u << 20);
    mn_rc rc = mn_fs_read(from, 1u << 20, &b, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(to, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

/* The same number of steps, seed, fall and decay, from the parent as it is now. */
static mn_rc train_again(mn_night *n, const char *model, const char *parent, mn_err *e)
{
    char steps[24], seed[24], fall[24], decay[24];
    mn_checkpoint c;
    const char *dir = mn_night__path(n, model, NULL, e);
    const char *checkpoints = mn_night__path(n, model, "checkpoints", e);
    const char *fresh = mn_str_fmt(&n->a, AGAIN "%s", model).ptr;
    const char *fresh_dir = fresh ? mn_night__path(n, fresh, NULL, e) : NULL;
    if (!dir || !checkpoints || !fresh_dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    const char *corpus = mn_night__corpus_of(n, model);
    MN_TRY(mn_checkpoint_peek(checkpoints, &c, e));
    snprintf(steps, sizeof steps, "%llu", (unsigned long long)c.schedule.n_steps);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c.seed);
    snprintf(fall, sizeof fall, "%.3f", (double)c.recipe.fall);
    snprintf(decay, sizeof decay, "%.9g", (double)c.recipe.decay);
    const char *const args[] = {"train",     "--json", "--data",     n->dir, "--name",  fresh,
                                "--corpus",  corpus,   "--continue", parent, "--steps", steps,
                                "--seed",    seed,     "--fall",     fall,   "--decay", decay,
                                "--history", "4",      NULL};
    bool stale = true;
    if (mn_fs_is_dir(
            fresh_dir)) { /* of an attempt that was interrupted: is its beginning still right? */
        const char *parent_dir = mn_night__path(n, parent, NULL, e);
        if (!parent_dir || mn_train_is_stale(fresh_dir, parent_dir, &stale, NULL) != MN_OK ||
            stale)
            MN_TRY(mn_fs_remove_tree(fresh_dir, e));
    }
    mn_info("learn",
            "'%s' is trained again: '%s', which it goes on from, has forgotten something",
            model, parent);
    MN_TRY(mn_stage_train(n->o->stages, fresh, args, e));
    MN_TRY(keep_decision(n, model, fresh, e));
    return exchange(dir, fresh_dir, e);
}

/* Forgetting marks all that was made from a model that forgot. What went on from its stable phase is only concerned when that changed: the
 * mark of one that was not, or is trained again, goes. */
static mn_rc lift_mark(mn_night *n, const char *model, mn_err *e)
{
    const char *path = mn_night__path(n, model, "stale.json", e);
    if (!path) return MN_E_NOMEM;
    const mn_json *cause = mn_json_get(mn_night__file(n, model, "stale.json"), "cause");
    if (!mn_str_eqz(mn_json_str(cause), "ancestor")) return MN_OK;
    return unlink(path) == 0 ? MN_OK : mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", path);
}

/* What an attempt left whose model is no longer stale: the model as it was before, or one that nobody waits for. */
static mn_rc drop_leftovers(mn_night *n, mn_err *e)
{
    char **names = NULL;
    size_t k = 0;
    const char *models = mn_str_fmt(&n->a, "%s/models", n->dir).ptr;
    if (!models) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(mn_fs_list(models, &n->a, &names, &k, e));
    for (size_t i = 0; i < k; i++) {
        const char *dir = mn_night__path(n, names[i], NULL, e);
        if (!dir) return MN_E_NOMEM;
        if (mn_str_starts(mn_str_from(names[i]), AGAIN)) MN_TRY(mn_fs_remove_tree(dir, e));
    }
    return MN_OK;
}

mn_rc mn_night__refresh(mn_night *n, const char *current, mn_err *e)
{
    const char **all;
    size_t m;
    MN_TRY(mn_night__lineage(n, current, &all, &m, e));
    for (size_t i = m - 1; i-- > 0;) {
        bool stale = false;
        const char *dir = mn_night__path(n, all[i], NULL, e);
        const char *parent = mn_night__path(n, all[i + 1], NULL, e);
        if (!dir || !parent) return MN_E_NOMEM;
        MN_TRY(mn_train_is_stale(dir, parent, &stale, e));
        MN_TRY(stale ? train_again(n, all[i], all[i + 1], e) : lift_mark(n, all[i], e));
    }
    return drop_leftovers(n, e);
}

/* ---- removing -------------------------------------------------------------------------------------------------------- */

static bool among(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* Out of use, but others go on from it: what it takes to forget exactly stays. */
static mn_rc thin(mn_night *n, const char *model, mn_err *e)
{
    uint64_t *step;
    size_t k;
    mn_checkpoint c;
    const char *weights = mn_night__path(n, model, "model.safetensors", e);
    const char *dir = mn_night__path(n, model, "checkpoints", e);
    if (!weights || !dir) return MN_E_NOMEM;
    if (!mn_fs_exists(weights)) return MN_OK;
    MN_TRY(mn_checkpoint_peek(dir, &c, e));
    MN_TRY(mn_checkpoint_steps(dir, &n->a, &step, &k, e));
    for (size_t i = 1; i + 1 < k; i++) {
        char *path = step[i] == c.stable ? NULL : mn_checkpoint_path(&n->a, dir, step[i]);
        if (path) unlink(path);
    }
    unlink(weights);
    mn_info("learn", "'%s' can no longer be gone back to", model);
    return MN_OK;
}

static mn_rc drop(mn_night *n, const char *model, mn_err *e)
{
    mn_str corpus = mn_str_fmt(&n->a, "%s/corpus/%s", n->dir, model);
    const char *dir = mn_night__path(n, model, NULL, e);
    if (!corpus.ptr || !dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(mn_fs_remove_tree(dir, e));
    if (mn_fs_is_dir(corpus.ptr)) MN_TRY(mn_fs_remove_tree(corpus.ptr, e));
    mn_info("learn", "'%s' is removed: nothing goes on from it", model);
    return MN_OK;
}

static bool is_ours(mn_night *n, const char *model)
{
    const char *decision = mn_night__path(n, model, "decision.json", NULL);
    return !decision || mn_fs_exists(decision);
}

/* Whether a model that no cycle made was made from this one: an adapter needs its base. */
static mn_rc is_needed(mn_night *n, char *const *names, size_t k, const char *model, bool *ret,
                       mn_err *e)
{
    *ret = false;
    for (size_t i = 0; i < k && !*ret; i++) {
        const char *parents[MN_DESCENT_PARENTS], *dir = mn_night__path(n, names[i], NULL, e);
        size_t n_parents = 0;
        if (!dir) return MN_E_NOMEM;
        if (strcmp(names[i], "current") == 0 || !mn_fs_is_dir(dir) || is_ours(n, names[i]))
            continue;
        MN_TRY(mn_descent_parents(dir, &n->a, parents, &n_parents, e));
        *ret = among(parents, n_parents, model);
    }
    return MN_OK;
}

/* Only what cycles made is touched: it has a decision. */
mn_rc mn_night__prune(mn_night *n, mn_err *e)
{
    char current[256];
    const char **lineage = NULL, *keep[MN_PROMOTED_MOST + 1];
    char **names = NULL;
    mn_promoted *p;
    size_t k, n_names = 0, n_lineage = 0, n_keep = 0;
    const char *models = mn_str_fmt(&n->a, "%s/models", n->dir).ptr;
    if (!models) return mn_fail(e, MN_E_NOMEM, "no memory");
    mn_promoted_current(n->dir, current);
    MN_TRY(mn_promoted_trim(n->dir, (size_t)n->o->keep + 1, e)); /* and the one in use */
    MN_TRY(mn_promoted_list(n->dir, &n->a, &p, &k, e));
    for (size_t i = 0; i < k && n_keep < MN_PROMOTED_MOST; i++) keep[n_keep++] = p[i].model;
    if (n->planned) keep[n_keep++] = n->plan.model;
    if (current[0]) MN_TRY(mn_night__lineage(n, current, &lineage, &n_lineage, e));
    MN_TRY(mn_fs_list(models, &n->a, &names, &n_names, e));
    for (size_t i = 0; i < n_names; i++) {
        bool needed = false;
        if (strcmp(names[i], "current") == 0 || among(keep, n_keep, names[i]) ||
            !is_ours(n, names[i]))
            continue;
        MN_TRY(is_needed(n, names, n_names, names[i], &needed, e));
        if (needed) continue;
        MN_TRY(among(lineage, n_lineage, names[i]) ? thin(n, names[i], e)
                                                   : drop(n, names[i], e));
    }
    return MN_OK;
}
