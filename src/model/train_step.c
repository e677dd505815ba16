/* A step of training: the batch, its gradient summed over micro-batches, the weights (reduce.h, optim.h). Several ranks take the same
 * step together: each sums and steps a slice of the weights, and tells the others what came of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "model/train_int.h"

/* Of several ranks of one machine, each the next GPU. */
int mn_model__gpu_index(const mn_model__run *r)
{
    const char *place = r->ranks ? getenv("OMPI_COMM_WORLD_LOCAL_RANK") : NULL;
    return r->o->device - 1 + (place ? atoi(place) : 0);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static size_t micro_of(const mn_model__run *r)
{
    return (size_t)((r->at.batch_rows + r->at.micro_rows - 1) / r->at.micro_rows);
}

/* Micro-batches of rank k. */
static size_t micro_of_rank(const mn_model__run *r, size_t k)
{
    const size_t n = micro_of(r), size = (size_t)mn_ranks_size(r->ranks);
    return k < n ? (n - k - 1) / size + 1 : 0;
}

/* Where the slices of the weights lie, and in `told` what each rank tells. */
static mn_rc lay_out(mn_model__run *r, uint64_t *ret_from, mn_err *e)
{
    mn_model__told *t = &r->told;
    const size_t size = (size_t)mn_ranks_size(r->ranks);
    t->weights = mn_calloc(size + 1, sizeof *t->weights);
    t->at = mn_calloc(size + 1, sizeof *t->at);
    if (!t->weights || !t->at) return mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    for (size_t k = 0; k <= size; k++) {
        size_t part = mn_optim_slice_from(&r->optim, k, size);
        ret_from[k] = r->optim.cut[part];
        t->weights[k] = ret_from[k] * sizeof(float);
        if (k == size) break;
        size_t parts = mn_optim_slice_from(&r->optim, k + 1, size) - part;
        t->at[k + 1] = t->at[k] + (parts + micro_of_rank(r, k) + 1) * sizeof(double);
    }
    t->values = mn_calloc(1, (size_t)t->at[size]);
    return t->values ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for ranks");
}

/* Rank 0 makes the meeting. What ranks tell each other of a step: their losses, whether they were asked to stop. */
static mn_rc meet_gpus(mn_model__run *r, unsigned char *ret, mn_err *e)
{
    mn_model__told *t = &r->told;
    const size_t size = (size_t)mn_ranks_size(r->ranks);
    mn_rc rc = mn_ranks_rank(r->ranks) ? MN_OK : mn_gpu_meeting(ret, e);
    t->at = mn_calloc(size + 1, sizeof *t->at);
    t->values = mn_calloc(2 * size, sizeof *t->values);
    if (rc == MN_OK && (!t->at || !t->values))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    MN_TRY(mn_ranks_agree(r->ranks, rc, e));
    for (size_t k = 0; k <= size; k++) t->at[k] = k * 2 * sizeof *t->values;
    return mn_ranks_broadcast(r->ranks, ret, MN_CUDA_ID_BYTES, e);
}

static mn_rc open_gpu(mn_model__run *r, mn_err *e)
{
    unsigned char meeting[MN_CUDA_ID_BYTES] = {0};
    if (r->ranks) MN_TRY(meet_gpus(r, meeting, e));
    const mn_gpu_opts o = {.index = mn_model__gpu_index(r),
                           .rank = mn_ranks_rank(r->ranks),
                           .size = mn_ranks_size(r->ranks),
                           .meeting = meeting,
                           .batch_rows = (size_t)r->at.batch_rows,
                           .micro_rows = (size_t)r->at.micro_rows,
                           .T = (size_t)r->at.row_tokens,
                           .dtype = r->at.dtype ? MN_BF16 : MN_F32,
                           .optimiser = r->at.recipe.optimiser,
                           .recompute = r->o->recompute};
    mn_rc rc = mn_batch_buf_new(o.batch_rows, o.T, &r->batch, e);
    MN_TRY(mn_ranks_agree(r->ranks, rc, e)); /* who is to meet others must come */
    MN_TRY(mn_gpu_new(&r->w, &o, &r->gpu, e));
    return mn_gpu_load(r->gpu, r->w.all, r->optim.m, r->optim.v, e);
}

/* It changes no bit, so each process may choose for itself. */
static mn_keep what_to_keep(const mn_model__run *r, size_t rows, size_t T, mn_dtype dtype)
{
    const int threads = mn_pool_threads(r->pool);
    const uint64_t all = mn_pass_bytes(&r->w, threads, rows, T, dtype, MN_KEEP_ALL);
    const uint64_t memory = mn_mem_of_machine();
    char line[160];
    if (r->o->recompute) return MN_KEEP_INPUTS;
    if (!memory || all <= memory / 2) return MN_KEEP_ALL;
    snprintf(line, sizeof line,
             "activations would take %llu MB of %llu: they are computed again (--recompute)",
             (unsigned long long)(all >> 20), (unsigned long long)(memory >> 20));
    if (r->o->on_note && mn_ranks_rank(r->ranks) == 0) r->o->on_note(r->o->arg, line);
    return MN_KEEP_INPUTS;
}

mn_rc mn_model__step_open(mn_model__run *r, mn_err *e)
{
    if (r->o->device) return open_gpu(r, e);
    const size_t T = (size_t)r->at.row_tokens, rows = (size_t)r->at.micro_rows;
    const mn_dtype dtype = r->at.dtype ? MN_BF16 : MN_F32;
    const size_t size = (size_t)mn_ranks_size(r->ranks);
    uint64_t *from = mn_calloc(size + 1, sizeof *from);
    mn_rc rc = from ? lay_out(r, from, e) : mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    if (rc == MN_OK)
        rc = mn_reduce_new(r->ranks, r->pool, r->w.n_all, from, r->optim.d, micro_of(r),
                           &r->reduce, e);
    mn_free(from);
    MN_TRY(rc);
    MN_TRY(mn_batch_buf_new((size_t)r->at.batch_rows, T, &r->batch, e));
    MN_TRY(mn_pass_new(&r->w, r->pool, rows, T, dtype, what_to_keep(r, rows, T, dtype),
                       &r->pass, e));
    r->losses = mn_calloc(rows * T, sizeof *r->losses);
    return r->losses ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for a batch");
}

void mn_model__step_close(mn_model__run *r)
{
    mn_reduce_free(r->reduce);
    mn_pass_free(r->pass);
    mn_gpu_free(r->gpu);
    mn_batch_buf_release(&r->batch);
    mn_free(r->losses);
    mn_free(r->told.weights);
    mn_free(r->told.at);
    mn_free(r->told.values);
}

/* ---- the batch -------------------------------------------------------------------------------------------------------- */

/* The next rows, over the end of an epoch into the next one. Weights then sum to 1: the loss is a mean. Every rank fills the whole batch:
 * what a row weighs depends on the others. */
static mn_rc fill_batch(mn_model__run *r, size_t *ret_tokens, size_t *ret_scored, mn_err *e)
{
    size_t tokens = 0, scored = 0;
    mn_buf_clear(&r->docs);
    for (size_t i = 0; i < r->batch.n_rows; i++) {
        if (r->at.row >= r->packing.n_rows) {
            r->at.epoch++;
            r->at.row = 0;
            MN_TRY(mn_model__open_epoch(r, e));
        }
        tokens +=
            mn_batch_fill(&r->batch, i, &r->corpus.train, &r->packing, r->at.row, &scored);
        mn_mask_row(&r->mask, &r->corpus.train, &r->packing, r->at.row, &r->batch, i, &scored);
        MN_TRY(mn_model__note_row(r, r->at.row++, e));
    }
    float each = scored ? 1.0f / (float)scored : 0;
    for (size_t i = 0; i < r->batch.n_rows * r->batch.T; i++) r->batch.weight[i] *= each;
    *ret_tokens = tokens;
    *ret_scored = scored;
    return MN_OK;
}

/* Micro-batch m into d; its share of the loss. */
static double run_micro(mn_model__run *r, size_t m, float *d)
{
    const size_t rows = (size_t)r->at.micro_rows, from = m * rows;
    const size_t left = r->batch.n_rows - from, n = left < rows ? left : rows;
    const mn_batch b = mn_batch_view(&r->batch, from, n);
    double loss = 0;
    mn_pass_run(r->pass, &b, r->losses, d);
    for (size_t i = 0; i < n * b.T; i++) loss += (double)(b.weight[i] * r->losses[i]);
    return loss;
}

/* ---- telling each other ----------------------------------------------------------------------------------------------- */

/* What rank k tells: the squares of its parts, the losses of its micro-batches, whether it was asked to stop. */
static double *told_by(const mn_model__run *r, size_t k)
{
    return r->told.values + r->told.at[k] / sizeof(double);
}

static double *losses_of(const mn_model__run *r, size_t k)
{
    const size_t size = (size_t)mn_ranks_size(r->ranks);
    return told_by(r, k) + mn_optim_slice_from(&r->optim, k + 1, size) -
           mn_optim_slice_from(&r->optim, k, size);
}

/* All squares where the optimiser looks for them; the loss is summed in the order of micro-batches. */
static double hear(mn_model__run *r)
{
    const size_t size = (size_t)mn_ranks_size(r->ranks), n = micro_of(r);
    double loss = 0;
    for (size_t k = 0; k < size; k++) {
        const double *said = told_by(r, k), *losses = losses_of(r, k);
        memcpy(r->optim.squares + mn_optim_slice_from(&r->optim, k, size), said,
               (size_t)(losses - said) * sizeof *said);
        if (losses[micro_of_rank(r, k)] > 0) r->asked_to_stop = true;
    }
    for (size_t m = 0; m < n; m++) loss += losses_of(r, m % size)[m / size];
    return loss;
}

/* ---- the step --------------------------------------------------------------------------------------------------------- */

static mn_rc sum_gradient(mn_model__run *r, mn_err *e)
{
    const size_t me = (size_t)mn_ranks_rank(r->ranks), size = (size_t)mn_ranks_size(r->ranks);
    double *losses = losses_of(r, me);
    mn_reduce_begin(r->reduce);
    for (size_t m = me; m < micro_of(r); m += size) {
        float *d;
        MN_TRY(mn_reduce_take(r->reduce, &d, e));
        losses[m / size] = run_micro(r, m, d);
        mn_reduce_give(r->reduce);
    }
    losses[micro_of_rank(r, me)] = mn_stop_requested();
    return mn_reduce_end(r->reduce, e);
}

static mn_optim_opts optim_opts(const mn_model__run *r, double rate)
{
    return (mn_optim_opts){.lr = rate,
                           .b1 = 0.9,
                           .b2 = 0.95,
                           .eps = 1e-8,
                           .decay = (double)r->at.recipe.decay,
                           .clip = 1,
                           .momentum = 0.95,
                           .cautious = r->at.recipe.cautious,
                           .bf16 = r->at.dtype != 0};
}

/* Squares and losses to all, the step of the own slice, the slice to all. */
static mn_rc step_weights(mn_model__run *r, double rate, double *ret_loss, double *ret_norm,
                          mn_err *e)
{
    const size_t me = (size_t)mn_ranks_rank(r->ranks);
    const mn_optim_opts opts = optim_opts(r, rate);
    int64_t from = mn_mono_us();
    mn_optim_squares(&r->optim, r->pool);
    memcpy(told_by(r, me), r->optim.squares + r->optim.part_from,
           (r->optim.part_to - r->optim.part_from) * sizeof(double));
    MN_TRY(mn_ranks_share(r->ranks, r->told.values, r->told.at, e));
    *ret_loss = hear(r);
    *ret_norm =
        mn_optim_apply(&r->optim, r->w.all, r->pool, &opts, r->at.before + r->at.step + 1);
    r->optim_s += (double)(mn_mono_us() - from) * 1e-6;
    return mn_ranks_share(r->ranks, r->w.all, r->told.weights, e);
}

static mn_rc step_gpu(mn_model__run *r, double rate, double *ret_loss, double *ret_norm,
                      mn_err *e)
{
    const mn_batch b = mn_batch_view(&r->batch, 0, r->batch.n_rows);
    const mn_optim_opts opts = optim_opts(r, rate);
    r->gpu_ahead = true;
    MN_TRY(mn_gpu_step(r->gpu, &b, &opts, r->at.step + 1, ret_loss, ret_norm, e));
    if (!r->ranks) return MN_OK;
    double *told = r->told.values, *own = told + 2 * mn_ranks_rank(r->ranks);
    own[0] = *ret_loss, own[1] = mn_stop_requested();
    MN_TRY(mn_ranks_share(r->ranks, told, r->told.at, e));
    *ret_loss = 0;
    for (int k = 0; k < mn_ranks_size(r->ranks); k++) {
        *ret_loss += told[2 * k];
        if (told[2 * k + 1] > 0) r->asked_to_stop = true;
    }
    return MN_OK;
}

mn_rc mn_model__fetch(mn_model__run *r, mn_err *e)
{
    if (!r->gpu_ahead) return MN_OK;
    MN_TRY(mn_gpu_store(r->gpu, r->w.all, r->optim.m, r->optim.v, e));
    r->gpu_ahead = false;
    return MN_OK;
}

static mn_rc compute(mn_model__run *r, double rate, double *ret_loss, double *ret_norm,
                     mn_err *e)
{
    if (r->gpu) return step_gpu(r, rate, ret_loss, ret_norm, e);
    MN_TRY(sum_gradient(r, e));
    return step_weights(r, rate, ret_loss, ret_norm, e);
}

mn_rc mn_model__step(mn_model__run *r, mn_err *e)
{
    size_t tokens, scored;
    const uint64_t epoch = r->at.epoch, row = r->at.row;
    double rate, loss, norm;
    r->in_step = true;
    MN_TRY(fill_batch(r, &tokens, &scored, e));
    MN_TRY(mn_model__rate(r, epoch, row, &rate, e));
    MN_TRY(compute(r, rate, &loss, &norm, e));
    r->in_step = false;
    if (!isfinite(loss) || !isfinite(norm))
        return mn_fail(e, MN_E_LIMIT,
                       "the loss is no longer a number at step %llu: train anew with a lower "
                       "learning rate than %g (--lr)",
                       (unsigned long long)r->at.step + 1, r->at.schedule.peak);
    r->at.step++;
    r->at.tokens += tokens;
    r->loss = loss;
    return mn_model__note_step(r, epoch, row, rate, scored, e);
}
