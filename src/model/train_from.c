/* Going on from the weights of another model. Of one that speaks our own tokens only the weights are taken; an open one also keeps its
 * tokenizer, chat template and licence, and learns as a model may that has seen far more than it is shown now: docs/design/training.md,
 * "From an open model". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/export.h"
#include "model/provenance.h"
#include "model/train_int.h"

#define OPEN_ROW_TOKENS 512
#define OPEN_BATCH_ROWS 4
#define OPEN_RATE       2e-4 /* at the width of SmolLM2-135M */

bool mn_model__is_open(const mn_model__run *r)
{
    return !r->corpus.form.ours;
}

static const char *base_path(const mn_model__run *r)
{
    return r->o->from_dir ? r->o->from_dir : r->o->stable_of;
}

static mn_rc check_tokens(const mn_model__run *r, const mn_model *m, const char *path,
                          mn_err *e)
{
    uint8_t hash[32];
    mn_tok_hash(m->tok, hash);
    if (memcmp(hash, r->corpus.tokenizer_hash, 32) == 0 && mn_model__has_room(r, &m->cfg))
        return MN_OK;
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "corpus '%s' has another tokenizer than '%s': build one in its vocabulary "
                   "with `mynah corpus build --tokenizer %s`",
                   r->corpus.name, path, mn_fs_base(path));
}

bool mn_model__has_room(const mn_model__run *r, const mn_config *c)
{
    const uint32_t vocab = mn_tok_vocab(r->corpus.tok);
    return mn_model__is_open(r) ? c->V >= vocab : c->V == vocab;
}

/* Weights in blocks are learnt on as the numbers that they stand for. */
static void note_format(const mn_model__run *r)
{
    const mn_qformat *f = mn_qformat_of(mn_model_format(r->base));
    char line[200];
    if (f->block == 1 || !r->o->on_note) return;
    snprintf(line, sizeof line,
             "the weights of '%.80s' are %s: they are taken as the float32 numbers that they "
             "stand for",
             mn_fs_base(r->base->path), f->name);
    r->o->on_note(r->o->arg, line);
}

mn_rc mn_model__open_base(mn_model__run *r, mn_err *e)
{
    const bool open = mn_model__is_open(r);
    const char *path = base_path(r);
    if (open && !path)
        return mn_fail(e, MN_E_USAGE,
                       "corpus '%s' is in the vocabulary of another model: go on from that one "
                       "with --from",
                       r->corpus.name);
    if (!open && !r->o->from_dir) return MN_OK;
    MN_TRY(mn_model_open(path, &r->base, e));
    return check_tokens(r, r->base, path, e);
}

mn_rc mn_model__load_from(mn_model__run *r, mn_err *e)
{
    note_format(r);
    return mn_weights_from(r->base, &r->w, e);
}

/* The rate is that of a model that has learnt from far more than it is shown now: what is asked of it is little, and it forgets with every
 * step. Narrow models take larger ones; the measurements are in docs/design/training.md, "From an open model". */
void mn_model__choose_open(const mn_model__run *r, mn_train_opts *io)
{
    const mn_config *c = &r->w.cfg;
    if (!mn_model__is_open(r) || io->stable_of) return;
    if (!io->row_tokens) io->row_tokens = c->T < OPEN_ROW_TOKENS ? c->T : OPEN_ROW_TOKENS;
    if (!io->batch_rows) io->batch_rows = OPEN_BATCH_ROWS;
    if (!(io->peak_lr > 0)) io->peak_lr = OPEN_RATE * sqrt(576.0 / c->C);
}

/* ---- what stands beside the weights ------------------------------------------------------------------------------- */

static mn_rc write_origin(const mn_model__run *r, mn_err *e)
{
    mn_provenance p = {.base = r->base,
                       .base_name = mn_fs_base(base_path(r)),
                       .verb = "continued",
                       .kind = "corpus",
                       .data = r->corpus.name,
                       .how = "pre-training gone on with, all weights"};
    memcpy(p.data_hash, r->corpus.hash, 32);
    MN_TRY(mn_model_hash(r->base, p.base_hash, e));
    return mn_provenance_write(&p, r->o->model_dir, e);
}

mn_rc mn_model__write_beside(mn_model__run *r, mn_err *e)
{
    const mn_train_opts *o = r->o;
    if (!mn_model__is_open(r))
        return mn_model__copy_tokenizer(&r->corpus, o->corpus_dir, o->model_dir, r->w.cfg.T, e);
    if (!r->base) return MN_OK; /* it is there: this run goes on, or repeats a part of itself */
    MN_TRY(mn_model_export_beside(r->base, o->model_dir, e));
    return write_origin(r, e);
}

mn_rc mn_model__save_weights(const mn_model__run *r, mn_err *e)
{
    return mn_model__is_open(r) ? mn_weights_save_tensors(&r->w, r->o->model_dir, e)
                                : mn_weights_save(&r->w, r->o->model_dir, e);
}
