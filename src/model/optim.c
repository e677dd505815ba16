/* AdamW; see optim.h. Parts are at most 64 Ki weights and never cross from a matrix to a norm. */
#include "model/optim.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/kernels.h"

#define PART (UINT64_C(1) << 16)

/* Cuts [from, to) into parts; counts only while o->cut is not there. */
static void cut_range(mn_optim *o, uint64_t from, uint64_t to, bool decayed)
{
    while (from < to) {
        uint64_t end = to - from < PART ? to : from + PART;
        if (o->cut) o->cut[o->n_parts + 1] = end, o->decayed[o->n_parts] = decayed;
        o->n_parts++;
        from = end;
    }
}

/* The norms lie between the matrices: two a layer and one at the end. Without weights all is one stretch. */
static void cut_all(mn_optim *o, const mn_weights *w)
{
    uint64_t at = 0;
    if (!w) {
        cut_range(o, 0, o->n, true);
        return;
    }
    const uint64_t C = w->cfg.C;
    for (uint64_t i = 0; i <= 2 * (uint64_t)w->cfg.L; i++) {
        const mn_layer *y = &w->layers[i / 2 < w->cfg.L ? i / 2 : 0];
        const float *norm = i == 2 * (uint64_t)w->cfg.L ? w->norm : i % 2 ? y->norm2 : y->norm1;
        uint64_t from = (uint64_t)(norm - w->all);
        cut_range(o, at, from, true);
        cut_range(o, from, from + C, false);
        at = from + C;
    }
    cut_range(o, at, w->n_all, true);
}

static mn_rc make(uint64_t n, const mn_weights *w, mn_optim *ret, mn_err *e)
{
    mn_optim o = {.n = n};
    cut_all(&o, w);
    o.cut = mn_calloc(o.n_parts + 1, sizeof *o.cut);
    o.decayed = mn_calloc(o.n_parts, 1);
    o.squares = mn_calloc(o.n_parts, sizeof *o.squares);
    o.m = mn_alloc_aligned(64, (size_t)o.n * 3 * sizeof *o.m);
    if (!o.cut || !o.decayed || !o.squares || !o.m) {
        mn_optim_release(&o);
        return mn_fail(e, MN_E_NOMEM, "no memory for the optimiser");
    }
    o.v = o.m + o.n, o.d = o.v + o.n;
    o.n_parts = 0;
    cut_all(&o, w);
    *ret = o;
    return MN_OK;
}

mn_rc mn_optim_new(const mn_weights *w, mn_optim *ret, mn_err *e)
{
    return make(w->n_all, w, ret, e);
}

mn_rc mn_optim_new_flat(uint64_t n, mn_optim *ret, mn_err *e)
{
    return make(n, NULL, ret, e);
}

void mn_optim_release(mn_optim *o)
{
    mn_free(o->m);
    mn_free(o->cut);
    mn_free(o->decayed);
    mn_free(o->squares);
    *o = (mn_optim){0};
}

typedef struct job {
    mn_optim *o;
    float *p;
    const mn_kernels *k;
    mn_adamw how;
} job;

static void square_part(void *arg, size_t i, int thread)
{
    (void)thread;
    job *j = arg;
    const mn_optim *o = j->o;
    o->squares[i] = j->k->sum_squares(o->d + o->cut[i], (size_t)(o->cut[i + 1] - o->cut[i]));
}

static void step_part(void *arg, size_t i, int thread)
{
    (void)thread;
    job *j = arg;
    const mn_optim *o = j->o;
    mn_adamw how = j->how;
    uint64_t at = o->cut[i];
    size_t n = (size_t)(o->cut[i + 1] - at);
    if (!o->decayed[i]) how.decay = 0;
    j->k->adamw(j->p + at, o->m + at, o->v + at, o->d + at, n, &how);
    memset(o->d + at, 0, n * sizeof *o->d);
}

double mn_optim_step(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                     uint64_t step)
{
    job j = {.o = o, .p = all, .k = mn_kernels_best()};
    double sum = 0;
    mn_pool_run(pool, o->n_parts, square_part, &j);
    for (size_t i = 0; i < o->n_parts; i++) sum += o->squares[i];
    double norm = sqrt(sum),
           scale = opts->clip > 0 && norm > opts->clip ? opts->clip / norm : 1;
    j.how = (mn_adamw){.lr = (float)opts->lr,
                       .b1 = (float)opts->b1,
                       .b2 = (float)opts->b2,
                       .eps = (float)opts->eps,
                       .decay = (float)opts->decay,
                       .fix1 = (float)(1 - pow(opts->b1, (double)step)),
                       .fix2 = (float)(1 - pow(opts->b2, (double)step)),
                       .scale = (float)scale};
    mn_pool_run(pool, o->n_parts, step_part, &j);
    return norm;
}
