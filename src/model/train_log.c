/* What a run remembers of itself so that it can forget: its mask, and the log of its steps (wal.h). docs/design/forgetting.md. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/train_int.h"

static void note(const mn_model__run *r, const char *line)
{
    if (r->o->on_note) r->o->on_note(r->o->arg, line);
}

static char *path_of(mn_arena *a, const mn_model__run *r, const char *name, mn_err *e)
{
    char *path = mn_fs_join(a, r->o->model_dir, name);
    if (!path) mn_fail(e, MN_E_NOMEM, "no memory to open the model's folder");
    return path;
}

/* ---- the mask ----------------------------------------------------------------------------------------------------- */

/* A new run leaves out what it is told to, and what its corpus has already lost. */
static mn_rc new_mask(mn_model__run *r, const mn_mask *erased, const char *path, mn_err *e)
{
    const mn_mask none = {0};
    MN_TRY(mn_mask_union(r->o->masked ? r->o->masked : &none, erased, &r->mask, e));
    const mn_mask *m = &r->mask;
    if (m->n && m->doc[m->n - 1] >= r->corpus.train.n_docs)
        return mn_fail(e, MN_E_USAGE, "corpus '%s' has no document %llu to leave out",
                       r->corpus.name, (unsigned long long)m->doc[m->n - 1]);
    return m->n ? mn_mask_write(m, path, e) : MN_OK;
}

/* A run that goes on has the mask of its checkpoint; a replay brings a wider one. */
static mn_rc old_mask(mn_model__run *r, const mn_mask *erased, const char *path, mn_err *e)
{
    uint8_t hash[32];
    MN_TRY(mn_mask_read(path, &r->mask, e));
    mn_mask_hash(&r->mask, hash);
    if (!r->o->replay && memcmp(hash, r->at.masked, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT,
                       "'%s' does not list the documents that the checkpoint was made without: "
                       "it was changed",
                       path);
    if (!mn_mask_within(erased, &r->mask))
        return mn_fail(
            e, MN_E_USAGE,
            "corpus '%s' has forgotten posts that model '%s' has seen: `mynah forget "
            "--model %s` first makes the model forget them too",
            r->corpus.name, r->log->model, r->log->model);
    return MN_OK;
}

static mn_rc open_mask(mn_model__run *r, mn_arena *a, mn_err *e)
{
    mn_mask erased;
    char *path = path_of(a, r, "masked", e);
    if (!path) return MN_E_NOMEM;
    MN_TRY(mn_mask_erased(&r->corpus.train, &erased, e));
    static const uint8_t none[32]; /* a checkpoint that was loaded has a hash */
    const bool begun = memcmp(r->at.self, none, 32) != 0;
    mn_rc rc = !begun ? new_mask(r, &erased, path, e) : old_mask(r, &erased, path, e);
    mn_mask_release(&erased);
    if (rc == MN_OK) mn_mask_hash(&r->mask, r->at.masked);
    return rc;
}

/* ---- the log of steps --------------------------------------------------------------------------------------------- */

/* A model that began before there were logs, or whose log was lost, is trained on without one. */
static mn_rc without_log(mn_model__run *r)
{
    memset(r->at.log, 0, 32);
    note(r,
         "there is no log of this model's steps: it cannot be made to forget a post exactly");
    return MN_OK;
}

static mn_rc open_steps(mn_model__run *r, mn_arena *a, mn_err *e)
{
    static const uint8_t none[32];
    mn_wal_run run = {r->at.seed, r->at.batch_rows, r->at.row_tokens, {0}, {0}};
    char *path = path_of(a, r, "steps.wal", e);
    if (!path) return MN_E_NOMEM;
    memcpy(run.corpus, r->at.corpus, 32);
    memcpy(run.tokenizer, r->at.tokenizer, 32);
    if (r->at.step && !mn_fs_exists(path)) return without_log(r);
    mn_rc rc = mn_wal_open(path, &run, r->at.step, &r->wal, e);
    if (rc != MN_OK)
        return mn_err_wrap(e, "put the log back from a copy, or remove it to train on without");
    r->has_wal = true;
    if (!r->at.step || memcmp(r->at.log, none, 32) == 0 ||
        memcmp(r->at.log, r->wal.chain, 32) == 0)
        return MN_OK;
    return mn_fail(e, MN_E_CORRUPT,
                   "'%s' is not the log that the checkpoint was made with: it was changed; put "
                   "it back from a copy, or remove it to train on without",
                   path);
}

mn_rc mn_model__open_log(mn_model__run *r, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = open_mask(r, &a, e);
    if (rc == MN_OK) rc = open_steps(r, &a, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_model__note_row(mn_model__run *r, uint64_t row, mn_err *e)
{
    const mn_packing *p = &r->packing;
    for (uint64_t k = p->row_piece[row]; k < p->row_piece[row + 1]; k++) {
        uint64_t doc = mn_piece_document(&r->corpus.train, &p->pieces[k]);
        mn_buf_add(&r->docs, &doc, sizeof doc);
    }
    return r->docs.failed ? mn_fail(e, MN_E_NOMEM, "no memory for the log of steps") : MN_OK;
}

mn_rc mn_model__rate(mn_model__run *r, uint64_t epoch, uint64_t row, double *ret, mn_err *e)
{
    *ret = mn_schedule_rate(&r->at.schedule, r->at.step);
    if (!r->o->replay) return MN_OK;
    mn_wal_record was;
    uint8_t docs[32];
    mn_wal_log_at(r->o->replay->log, r->at.step, &was);
    mn_sha256_of(r->docs.ptr, r->docs.len, docs);
    if (was.epoch != epoch || was.row != row || was.rows != r->batch.n_rows ||
        memcmp(was.docs, docs, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT,
                       "step %llu of model '%s' saw other documents than its corpus gives now: "
                       "the log, the corpus or this program's packing has changed; train anew",
                       (unsigned long long)was.step, r->log->model);
    *ret = was.rate;
    return MN_OK;
}

mn_rc mn_model__note_step(mn_model__run *r, uint64_t epoch, uint64_t row, double rate,
                          uint64_t scored, mn_err *e)
{
    if (!r->has_wal) return MN_OK;
    mn_wal_record rec = {.step = r->at.step,
                         .epoch = epoch,
                         .row = row,
                         .rows = r->batch.n_rows,
                         .rate = rate,
                         .scored = scored};
    mn_sha256_of(r->docs.ptr, r->docs.len, rec.docs);
    return mn_wal_add(&r->wal, &rec, e);
}

mn_rc mn_model__flush_log(mn_model__run *r, mn_err *e)
{
    if (!r->has_wal) return MN_OK;
    memcpy(r->at.log, r->wal.chain, 32);
    return mn_wal_flush(&r->wal, e);
}

void mn_model__close_log(mn_model__run *r)
{
    if (r->has_wal) mn_wal_close(&r->wal);
    mn_mask_release(&r->mask);
    mn_buf_release(&r->docs);
}
