/* The optimiser; see optim.h. Parts are at most 64 Ki weights and never cross from one kind of tensor to another; a matrix that
 * Muon steps is one part of the second loop, its ranges matter for the norm alone. */
#include "model/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/muon.h"
#include "model/tensors.h"
#include "tensor/kernels.h"

#define PART (UINT64_C(1) << 16)

/* ---- recipes ---------------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"adamw", "muon"};
#define N_NAMES (sizeof names / sizeof *names)

const char *mn_optimiser_name(mn_optimiser o)
{
    return names[o];
}

mn_rc mn_optimiser_parse(const char *name, mn_optimiser *ret, mn_err *e)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *ret = (mn_optimiser)i;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE, "no optimiser '%s': expected adamw or muon", name);
}

/* Bits 0-7 the optimiser, 8 and 9 the flags, 10: something is said; 16-31 thousandths of fall; 32-63 the decay. */
#define CAUTIOUS  (UINT64_C(1) << 8)
#define ZERO_INIT (UINT64_C(1) << 9)
#define SAID      (UINT64_C(1) << 10)
#define OLD_DECAY 0.1f
#define OLD_FALL  0.5f

uint64_t mn_recipe_pack(const mn_recipe *r)
{
    uint32_t decay;
    if (r->optimiser == MN_OPTIM_ADAMW && !r->cautious && !r->zero_init &&
        r->decay == OLD_DECAY && r->fall == OLD_FALL)
        return 0;
    memcpy(&decay, &r->decay, sizeof decay);
    return (uint64_t)r->optimiser | (r->cautious ? CAUTIOUS : 0) |
           (r->zero_init ? ZERO_INIT : 0) | SAID | (uint64_t)lroundf(r->fall * 1000) << 16 |
           (uint64_t)decay << 32;
}

mn_rc mn_recipe_unpack(uint64_t packed, mn_recipe *ret, mn_err *e)
{
    mn_recipe r = {.decay = OLD_DECAY, .fall = OLD_FALL};
    if (packed) {
        uint32_t decay = (uint32_t)(packed >> 32);
        memcpy(&r.decay, &decay, sizeof decay);
        r.optimiser = (mn_optimiser)(packed & 0xff);
        r.cautious = packed & CAUTIOUS;
        r.zero_init = packed & ZERO_INIT;
        r.fall = (float)(packed >> 16 & 0xffff) / 1000;
    }
    if ((packed & 0xff) >= N_NAMES || !(r.decay >= 0 && r.decay <= 1000) || !(r.fall <= 1) ||
        mn_recipe_pack(&r) != packed)
        return mn_fail(e, MN_E_CORRUPT, "no such optimiser");
    *ret = r;
    return MN_OK;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

enum { OF_NORM, OF_MATRIX, OF_MUON };

/* Cuts [from, to) into parts; counts only while o->cut is not there. whole: no slice ends within. */
static void cut_range(mn_optim *o, uint64_t from, uint64_t to, uint8_t kind, bool whole)
{
    for (bool first = true; from < to; first = false) {
        uint64_t end = to - from < PART ? to : from + PART;
        if (o->cut) {
            o->cut[o->n_parts + 1] = end, o->kind[o->n_parts] = kind;
            o->joined[o->n_parts] = whole && !first;
        }
        o->n_parts++;
        from = end;
    }
}

static uint8_t kind_of(const mn_tensor *t, mn_optimiser by)
{
    if (!t->cols) return OF_NORM;
    bool hidden = t->part != MN_PART_EMBED && t->part != MN_PART_HEAD;
    return by == MN_OPTIM_MUON && hidden ? OF_MUON : OF_MATRIX;
}

static void note_matrix(mn_optim *o, const mn_tensor *t, uint64_t at)
{
    size_t work = mn_muon_work(t->rows, t->cols);
    if (o->matrices) o->matrices[o->n_matrices] = (mn_optim_matrix){at, t->rows, t->cols};
    o->n_matrices++;
    if (work > o->work_each) o->work_each = work;
}

/* Tensor by tensor; without weights all is one stretch. Embedding and head, which are large, may lie in several slices. */
static void cut_all(mn_optim *o, const mn_weights *w, mn_optimiser by)
{
    mn_tensor t;
    uint64_t at = 0;
    o->n_parts = o->n_matrices = 0;
    for (uint64_t i = 0; w && mn_tensor_at(&w->cfg, i, &t); i++) {
        const uint64_t end = at + (uint64_t)t.rows * (t.cols ? t.cols : 1);
        const bool table = t.part == MN_PART_EMBED || t.part == MN_PART_HEAD;
        if (kind_of(&t, by) == OF_MUON) note_matrix(o, &t, at);
        cut_range(o, at, end, kind_of(&t, by), !table);
        at = end;
    }
    cut_range(o, at, o->n, OF_MATRIX, false);
}

/* The largest first, so that the last that is begun is soon done; of one size in their order. */
static int by_size(const void *x, const void *y)
{
    const mn_optim_matrix *a = x, *b = y;
    uint64_t na = (uint64_t)a->rows * a->cols, nb = (uint64_t)b->rows * b->cols;
    return na != nb ? (na < nb ? 1 : -1) : a->at < b->at ? -1 : 1;
}

size_t mn_optim_slice_from(const mn_optim *o, size_t k, size_t n)
{
    const double want = (double)o->n * (double)k / (double)n;
    size_t best = 0;
    if (k >= n) return o->n_parts;
    for (size_t i = 0; i <= o->n_parts; i++) {
        if (i < o->n_parts && o->joined[i]) continue;
        if (fabs((double)o->cut[i] - want) < fabs((double)o->cut[best] - want)) best = i;
    }
    return best;
}

/* What slice k of n works on; the matrices of others are dropped. */
static void choose_slice(mn_optim *o, size_t k, size_t n)
{
    size_t kept = 0;
    o->part_from = mn_optim_slice_from(o, k, n), o->part_to = mn_optim_slice_from(o, k + 1, n);
    o->from = o->cut[o->part_from];
    o->n_own = o->cut[o->part_to] - o->from;
    for (size_t i = 0; i < o->n_matrices; i++) {
        const mn_optim_matrix x = o->matrices[i];
        if (x.at >= o->from && x.at < o->from + o->n_own) o->matrices[kept++] = x;
    }
    o->n_matrices = kept;
    if (kept) qsort(o->matrices, kept, sizeof *o->matrices, by_size);
}

static mn_rc make_parts(const mn_weights *w, mn_optimiser by, mn_optim *o, mn_err *e)
{
    cut_all(o, w, by);
    o->cut = mn_calloc(o->n_parts + 1, sizeof *o->cut);
    o->kind = mn_calloc(o->n_parts, 1);
    o->joined = mn_calloc(o->n_parts, 1);
    o->squares = mn_calloc(o->n_parts, sizeof *o->squares);
    o->matrices = mn_calloc(o->n_matrices + 1, sizeof *o->matrices);
    if (!o->cut || !o->kind || !o->joined || !o->squares || !o->matrices)
        return mn_fail(e, MN_E_NOMEM, "no memory for the optimiser");
    cut_all(o, w, by);
    return MN_OK;
}

static mn_rc make_moments(mn_optim *o, mn_err *e)
{
    o->m = mn_alloc_aligned(64, (size_t)o->n_own * 3 * sizeof *o->m);
    if (o->n_matrices)
        o->work = mn_alloc_aligned(64, (size_t)o->threads * o->work_each * sizeof *o->work);
    if (!o->m || (o->n_matrices && !o->work))
        return mn_fail(e, MN_E_NOMEM, "no memory for the optimiser");
    o->v = o->m + o->n_own, o->d = o->v + o->n_own;
    return MN_OK;
}

static mn_rc make(mn_optim o, const mn_weights *w, mn_optimiser by, size_t k, size_t n,
                  mn_optim *ret, mn_err *e)
{
    mn_rc rc = make_parts(w, by, &o, e);
    if (rc == MN_OK) {
        choose_slice(&o, k, n);
        rc = make_moments(&o, e);
    }
    if (rc == MN_OK) *ret = o;
    else mn_optim_release(&o);
    return rc;
}

mn_rc mn_optim_new(const mn_weights *w, mn_optimiser kind, int threads, mn_optim *ret,
                   mn_err *e)
{
    return mn_optim_new_slice(w, kind, threads, 0, 1, ret, e);
}

mn_rc mn_optim_new_slice(const mn_weights *w, mn_optimiser kind, int threads, size_t k,
                         size_t n, mn_optim *ret, mn_err *e)
{
    MN_ASSERT(k < n);
    return make((mn_optim){.n = w->n_all, .threads = threads}, w, kind, k, n, ret, e);
}

mn_rc mn_optim_new_flat(uint64_t n, mn_optim *ret, mn_err *e)
{
    return make((mn_optim){.n = n, .threads = 1}, NULL, MN_OPTIM_ADAMW, 0, 1, ret, e);
}

void mn_optim_release(mn_optim *o)
{
    mn_free(o->m);
    mn_free(o->cut);
    mn_free(o->kind);
    mn_free(o->joined);
    mn_free(o->squares);
    mn_free(o->matrices);
    mn_free(o->work);
    *o = (mn_optim){0};
}

/* ---- a step ------------------------------------------------------------------------------------------------------------ */

typedef struct job {
    mn_optim *o;
    float *p;
    const mn_kernels *k;
    mn_adamw how;
    mn_muon muon;
} job;

static void square_part(void *arg, size_t i, int thread)
{
    (void)thread;
    job *j = arg;
    const mn_optim *o = j->o;
    i += o->part_from;
    o->squares[i] =
        j->k->sum_squares(o->d + (o->cut[i] - o->from), (size_t)(o->cut[i + 1] - o->cut[i]));
}

static void step_range(const job *j, size_t i)
{
    const mn_optim *o = j->o;
    mn_adamw how = j->how;
    uint64_t at = o->cut[i], own = at - o->from;
    size_t n = (size_t)(o->cut[i + 1] - at);
    if (o->kind[i] == OF_MUON) return;
    if (o->kind[i] == OF_NORM) how.decay = 0;
    j->k->adamw(j->p + at, o->m + own, o->v + own, o->d + own, n, &how);
    memset(o->d + own, 0, n * sizeof *o->d);
}

static void step_matrix(const job *j, const mn_optim_matrix *x, int thread)
{
    const mn_optim *o = j->o;
    const uint64_t own = x->at - o->from;
    mn_muon_step(j->p + x->at, o->m + own, o->d + own, x->rows, x->cols, &j->muon,
                 o->work + (size_t)thread * o->work_each);
    memset(o->d + own, 0, (size_t)x->rows * x->cols * sizeof *o->d);
}

/* Matrices are what takes long: they come first, and the ranges fill the end. */
static void step_part(void *arg, size_t i, int thread)
{
    const job *j = arg;
    if (i < j->o->n_matrices) step_matrix(j, &j->o->matrices[i], thread);
    else step_range(j, i - j->o->n_matrices + j->o->part_from);
}

void mn_optim_squares(mn_optim *o, mn_pool *pool)
{
    job j = {.o = o, .k = mn_kernels_best()};
    mn_pool_run(pool, o->part_to - o->part_from, square_part, &j);
}

double mn_optim_apply(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                      uint64_t step)
{
    job j = {.o = o, .p = all, .k = mn_kernels_best()};
    double sum = 0;
    MN_ASSERT(!o->n_matrices || mn_pool_threads(pool) <= o->threads);
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
                       .scale = (float)scale,
                       .cautious = opts->cautious};
    j.muon = (mn_muon){.lr = (float)opts->lr,
                       .momentum = (float)opts->momentum,
                       .decay = (float)opts->decay,
                       .scale = (float)scale,
                       .cautious = opts->cautious,
                       .bf16 = opts->bf16};
    mn_pool_run(pool, o->n_matrices + o->part_to - o->part_from, step_part, &j);
    return norm;
}

double mn_optim_step(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                     uint64_t step)
{
    MN_ASSERT(o->n_own == o->n);
    mn_optim_squares(o, pool);
    return mn_optim_apply(o, all, pool, opts, step);
}
