/* Forgetting: what is to be repeated, and repeating it. The contract is in forget.h, the folder's in forget_files.c. */
#include "model/forget.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "model/forget_int.h"
#include "model/train_int.h"

/* ---- what there is ------------------------------------------------------------------------------------------------ */

/* The newest checkpoint, and the log up to it, each fitting the other. */
static mn_rc open_log(mn_forget__plan *p, mn_err *e)
{
    const char *name = mn_fs_base(p->o->model_dir);
    char *wal = mn_forget__path(p, "steps.wal", e);
    if (!wal) return MN_E_NOMEM;
    mn_rc rc = mn_checkpoint_peek(p->checkpoints, &p->to, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no training in '%s': `mynah model list` shows models",
                       p->o->model_dir);
    if (rc != MN_OK) return rc;
    if (p->to.tune.tuned)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "model '%s' was tuned, and tunings cannot forget: tune its base again "
                       "after the base has forgotten",
                       name);
    if (!mn_fs_exists(wal))
        return mn_fail(e, MN_E_NOT_FOUND,
                       "model '%s' has no log of its steps, so it cannot forget exactly: train "
                       "it anew (mynah train)",
                       name);
    MN_TRY(mn_wal_log_open(wal, p->to.step, &p->log, e));
    if (memcmp(p->log.chain, p->to.log, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT,
                       "the log '%s' cannot be trusted: it is not the one that the newest "
                       "checkpoint was made with; put it back from a copy, or train anew",
                       wal);
    return MN_OK;
}

static mn_rc check_corpus(mn_forget__plan *p, const mn_model__corpus *c, mn_err *e)
{
    snprintf(p->corpus, sizeof p->corpus, "%s", c->name);
    snprintf(p->corpus_sha256, sizeof p->corpus_sha256, "%s", c->sha256);
    if (memcmp(p->to.corpus, c->hash, 32) != 0 ||
        memcmp(p->to.tokenizer, c->tokenizer_hash, 32) != 0)
        return mn_fail(e, MN_E_USAGE, "model '%s' was not trained on corpus '%s'",
                       mn_fs_base(p->o->model_dir), c->name);
    for (size_t i = 0; i < p->o->n_docs; i++)
        if (p->o->docs[i] >= c->train.n_docs)
            return mn_fail(e, MN_E_USAGE, "corpus '%s' has no document %llu", c->name,
                           (unsigned long long)p->o->docs[i]);
    return MN_OK;
}

static mn_rc difference(const mn_mask *all, const mn_mask *old, mn_mask *ret, mn_err *e)
{
    uint64_t n = 0;
    MN_TRY(mn_mask_from(all->doc, all->n, ret, e));
    for (uint64_t i = 0; i < all->n; i++)
        if (!mn_mask_has(old, all->doc[i])) ret->doc[n++] = all->doc[i];
    ret->n = n;
    return MN_OK;
}

static mn_rc widen(mn_mask *io, const mn_mask *by, mn_err *e)
{
    mn_mask both;
    MN_TRY(mn_mask_union(io, by, &both, e));
    mn_mask_release(io);
    *io = both;
    return MN_OK;
}

/* Masked until now, and from now on: what is asked for, what one that was interrupted was to forget, what the corpus has lost. */
static mn_rc choose_mask(mn_forget__plan *p, const mn_model__corpus *c, mn_err *e)
{
    uint8_t hash[32];
    mn_mask pending = {0}, erased = {0};
    char *path = mn_forget__path(p, "masked", e);
    if (!path) return MN_E_NOMEM;
    MN_TRY(mn_mask_read(path, &p->old, e));
    mn_mask_hash(&p->old, hash);
    if (memcmp(hash, p->to.masked, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT,
                       "'%s' does not list the documents that the checkpoint was made without: "
                       "it was changed",
                       path);
    mn_rc rc = mn_mask_from(p->o->docs, p->o->n_docs, &p->all, e);
    if (rc == MN_OK) rc = mn_forget__pending(p, &pending, e);
    if (rc == MN_OK) rc = mn_mask_erased(&c->train, &erased, e);
    if (rc == MN_OK) rc = widen(&p->all, &p->old, e);
    if (rc == MN_OK) rc = widen(&p->all, &pending, e);
    if (rc == MN_OK) rc = widen(&p->all, &erased, e);
    if (rc == MN_OK) rc = difference(&p->all, &p->old, &p->add, e);
    mn_mask_release(&pending);
    mn_mask_release(&erased);
    return rc;
}

/* ---- where to begin ----------------------------------------------------------------------------------------------- */

/* Records are in the order of their places: the last one that begins at or before (0, row), and holds it. */
static uint64_t step_of_row(const mn_wal_log *l, uint64_t row)
{
    uint64_t low = 0, high = l->n;
    mn_wal_record r;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        mn_wal_log_at(l, mid, &r);
        if (r.epoch > 0 || r.row > row) high = mid;
        else low = mid + 1;
    }
    if (!low) return 0;
    mn_wal_log_at(l, low - 1, &r);
    return row < r.row + r.rows ? r.step : 0;
}

/* Every document of two tokens or more stands in the first epoch's rows, so that is where each was seen first. */
static mn_rc find_first(mn_forget__plan *p, const mn_model__corpus *c, mn_err *e)
{
    mn_packing k;
    uint64_t row = UINT64_MAX;
    if (!p->add.n) return MN_OK;
    MN_TRY(mn_pack(&c->train, p->to.row_tokens, 1, true, p->to.seed, 0, &k, e));
    for (uint64_t i = 0; i < k.n_pieces && row == UINT64_MAX; i++)
        if (mn_mask_has(&p->add, mn_piece_document(&c->train, &k.pieces[i])))
            row = k.pieces[i].row; /* pieces lie by row */
    mn_packing_release(&k);
    p->first = row == UINT64_MAX ? 0 : step_of_row(&p->log, row);
    return MN_OK;
}

/* Whether the checkpoint of that step is whole and of this very run. */
static bool usable(const mn_forget__plan *p, uint64_t step, mn_checkpoint *ret)
{
    mn_wal_record r;
    if (mn_checkpoint_check(p->checkpoints, step, NULL) != MN_OK ||
        mn_checkpoint_peek_at(p->checkpoints, step, ret, NULL) != MN_OK || ret->step != step ||
        memcmp(ret->corpus, p->to.corpus, 32) != 0)
        return false;
    if (!step) return true;
    mn_wal_log_at(&p->log, step - 1, &r);
    return memcmp(r.chain, ret->log, 32) == 0;
}

static mn_rc find_from(mn_forget__plan *p, mn_err *e)
{
    uint64_t *step, most = p->first ? p->first - 1 : p->to.step;
    size_t n;
    MN_TRY(mn_checkpoint_steps(p->checkpoints, &p->a, &step, &n, e));
    while (n-- > 0)
        if (step[n] <= most && usable(p, step[n], &p->from)) return MN_OK;
    return mn_fail(
        e, MN_E_NOT_FOUND,
        "model '%s' has no checkpoint left from before step %llu, which saw it first: "
        "train it anew (mynah train)",
        mn_fs_base(p->o->model_dir), (unsigned long long)most + 1);
}

/* ---- repeating ---------------------------------------------------------------------------------------------------- */

typedef struct shown {
    const mn_forget__plan *p;
} shown;

static void on_note(void *arg, const char *line)
{
    const mn_forget__plan *p = ((const shown *)arg)->p;
    if (p->o->on_note) p->o->on_note(p->o->arg, line);
}

static void on_step(void *arg, const mn_curve_point *c, uint64_t total, double share)
{
    const mn_forget__plan *p = ((const shown *)arg)->p;
    const double all = (double)(p->to.step - p->from.step);
    share = (double)(c->step - p->from.step) / all;
    if (p->o->on_step) p->o->on_step(p->o->arg, c, total ? total : p->to.step, share);
}

static mn_rc repeat(mn_forget__plan *p, bool *ret_whole, mn_err *e)
{
    shown s = {p};
    mn_train_result r;
    const mn_train_replay replay = {&p->log, &p->to, mn_fs_base(p->o->model_dir)};
    const mn_train_opts o = {.corpus_dir = p->o->corpus_dir,
                             .model_dir = p->work,
                             .threads = p->o->threads,
                             .resume = true,
                             .checkpoint_s = p->o->checkpoint_s,
                             .checkpoint_steps = p->o->checkpoint_steps,
                             .history = p->o->history,
                             .no_samples = p->o->no_samples,
                             .replay = &replay,
                             .arg = &s,
                             .on_note = on_note,
                             .on_step = on_step};
    mn_rc rc = mn_train_run(&o, &r, e);
    if (rc == MN_OK) *ret_whole = r.steps == p->to.step;
    if (rc == MN_E_CORRUPT) mn_fs_remove_tree(p->work, NULL); /* going on would end the same */
    return rc;
}

static void tell(mn_forget__plan *p, mn_forget_result *ret)
{
    *ret = (mn_forget_result){.documents = p->add.n,
                              .masked = p->all.n,
                              .first_step = p->first,
                              .from_step = p->from.step,
                              .step = p->to.step};
    if (p->to.step) ret->share = (double)(p->to.step - p->from.step) / (double)p->to.step;
}

static mn_rc forget(mn_forget__plan *p, mn_forget_result *ret, mn_err *e)
{
    mn_model__corpus c = {0};
    MN_TRY(open_log(p, e));
    mn_rc rc = mn_model__corpus_open(p->o->corpus_dir, &c, e);
    if (rc == MN_OK) rc = check_corpus(p, &c, e);
    if (rc == MN_OK) rc = choose_mask(p, &c, e);
    if (rc == MN_OK) rc = find_first(p, &c, e);
    mn_model__corpus_close(&c);
    if (rc != MN_OK) return rc;
    if (!p->add.n) {
        *ret = (mn_forget_result){
            .nothing = true, .finished = true, .masked = p->all.n, .step = p->to.step};
        return MN_OK;
    }
    MN_TRY(find_from(p, e));
    if (!mn_forget__under_way(p)) MN_TRY(mn_forget__begin(p, e));
    mn_forget_result r;
    tell(p, &r);
    MN_TRY(repeat(p, &r.finished, e));
    if (r.finished) MN_TRY(mn_forget__seal(p, &r, e));
    if (r.finished) MN_TRY(mn_forget__put(p, e));
    *ret = r;
    return MN_OK;
}

mn_rc mn_forget_run(const mn_forget_opts *o, mn_forget_result *ret, mn_err *e)
{
    mn_forget__plan p = {.o = o};
    mn_fs_lock lock;
    mn_arena_init(&p.a, 0);
    if (!mn_fs_is_dir(o->model_dir)) {
        mn_arena_release(&p.a);
        return mn_fail(e, MN_E_NOT_FOUND, "there is no model '%s'", mn_fs_base(o->model_dir));
    }
    char *path = mn_forget__path(&p, "lock", e);
    p.work = mn_forget__path(&p, "forgetting", e);
    p.checkpoints = mn_forget__path(&p, "checkpoints", e);
    mn_rc rc = path && p.work && p.checkpoints ? mn_fs_lock_take(path, &lock, e) : MN_E_NOMEM;
    if (rc == MN_OK) {
        rc = mn_forget__put(&p, e);
        if (rc == MN_OK) rc = forget(&p, ret, e);
        mn_fs_lock_release(&lock);
    } else if (rc == MN_E_BUSY) {
        rc = mn_err_wrap(e, "model '%s' is being trained; stop that first",
                         mn_fs_base(o->model_dir));
    }
    mn_wal_log_close(&p.log);
    mn_mask_release(&p.old);
    mn_mask_release(&p.all);
    mn_mask_release(&p.add);
    mn_arena_release(&p.a);
    return rc;
}
