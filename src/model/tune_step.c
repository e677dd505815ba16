/* A step of tuning, and the loss of what is held out. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/tune_int.h"

mn_rc mn_tune__open_epoch(mn_tune__run *r, mn_err *e)
{
    if (r->packing.pieces && r->packed == r->at.epoch) return MN_OK;
    mn_packing_release(&r->packing);
    r->packed = r->at.epoch;
    return mn_pack_ends(r->train.end, r->train.n, (size_t)r->at.row_tokens, 1, true, r->at.seed,
                        r->at.epoch, &r->packing, e);
}

/* Row `at` of the batch from row `row` of a packing. Returns the slots that are not padding. */
static size_t fill_row(mn_batch_buf *b, size_t at, const mn_examples *x, const mn_packing *p,
                       uint64_t row, size_t *io_learnt)
{
    size_t t = 0, i = at * b->T;
    for (uint64_t k = p->row_piece[row]; k < p->row_piece[row + 1]; k++) {
        const mn_piece *q = &p->pieces[k];
        const uint32_t start = (uint32_t)t;
        for (uint32_t j = 0; j < q->n; j++, t++, i++) {
            b->ids[i] = x->ids[q->from + j];
            b->target[i] = x->ids[q->from + j + 1];
            b->pos[i] = j;
            b->first[i] = start;
            b->weight[i] = x->learn[q->from + j + 1];
            *io_learnt += x->learn[q->from + j + 1];
        }
    }
    const size_t used = t;
    for (; t < b->T; t++, i++) {
        b->ids[i] = b->target[i] = 0;
        b->pos[i] = 0;
        b->first[i] = (uint32_t)t; /* padding sees itself alone */
        b->weight[i] = 0;
    }
    return used;
}

static void run_pass(mn_tune__run *r, size_t at, size_t n, float *d)
{
    mn_batch b = mn_batch_view(&r->batch, at, n);
    if (r->lora_pass) mn_lora_pass_run(r->lora_pass, &b, r->losses + at * b.T, d);
    else mn_pass_run(r->full_pass, &b, r->losses + at * b.T, d);
}

/* Runs the first n rows of the batch; the weighted sum of their losses. */
static double run_rows(mn_tune__run *r, size_t n_rows, float *d)
{
    double loss = 0;
    for (size_t at = 0; at < n_rows; at += r->pass_rows)
        run_pass(r, at, n_rows - at < r->pass_rows ? n_rows - at : r->pass_rows, d);
    for (size_t i = 0; i < n_rows * r->batch.T; i++)
        if (r->batch.weight[i] > 0) loss += (double)(r->batch.weight[i] * r->losses[i]);
    return loss;
}

/* The next rows, over the end of an epoch into the next one. Weights then sum to 1: the loss is a mean. */
static mn_rc fill_batch(mn_tune__run *r, size_t *ret_tokens, size_t *ret_learnt, mn_err *e)
{
    size_t tokens = 0, learnt = 0;
    for (size_t i = 0; i < r->batch.n_rows; i++) {
        if (r->at.row >= r->packing.n_rows) {
            r->at.epoch++;
            r->at.row = 0;
            MN_TRY(mn_tune__open_epoch(r, e));
        }
        tokens += fill_row(&r->batch, i, &r->train, &r->packing, r->at.row++, &learnt);
    }
    const float each = learnt ? 1.0f / (float)learnt : 0;
    for (size_t i = 0; i < r->batch.n_rows * r->batch.T; i++) r->batch.weight[i] *= each;
    *ret_tokens = tokens;
    *ret_learnt = learnt;
    return MN_OK;
}

mn_rc mn_tune__step(mn_tune__run *r, mn_err *e)
{
    size_t tokens, learnt;
    MN_TRY(fill_batch(r, &tokens, &learnt, e));
    double loss = run_rows(r, r->batch.n_rows, r->optim.d);
    mn_optim_opts opts = {.lr = mn_schedule_rate(&r->at.schedule, r->at.step),
                          .b1 = 0.9,
                          .b2 = 0.99,
                          .eps = 1e-8,
                          .decay = mn_tune__full(r) ? 0.01 : 0,
                          .clip = 1};
    double norm = mn_optim_step(&r->optim, r->all, r->pool, &opts, r->at.step + 1);
    if (!isfinite(loss) || !isfinite(norm))
        return mn_fail(e, MN_E_LIMIT,
                       "the loss is no longer a number at step %llu: tune anew with a lower "
                       "learning rate than %g (--lr)",
                       (unsigned long long)r->at.step + 1, r->at.schedule.peak);
    r->at.step++;
    r->at.tokens += tokens;
    r->at.tune.learnt += learnt;
    r->loss = loss;
    return MN_OK;
}

double mn_tune__held_loss(mn_tune__run *r)
{
    double sum = 0;
    size_t learnt = 0, n;
    for (uint64_t row = 0; row < r->held_packing.n_rows; row += n) {
        const uint64_t left = r->held_packing.n_rows - row;
        n = left < r->batch.n_rows ? (size_t)left : r->batch.n_rows;
        for (size_t i = 0; i < n; i++)
            fill_row(&r->batch, i, &r->held, &r->held_packing, row + i, &learnt);
        sum += run_rows(r, n, NULL);
    }
    return learnt ? sum / (double)learnt : 0;
}
