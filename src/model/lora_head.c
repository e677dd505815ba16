/* The head of the pass over a frozen base: only the rows that count, gathered, block by block; the head's matrix piece by piece.
 *
 * A block of rows has its logits whole. They are made, and taken back, by MN_LORA_GROUPS parts, each over pieces of the
 * vocabulary of its own: the gradient at the block's rows is the groups' sums, added in their order. */
#include <string.h>

#include "model/lora_int.h"

#define ROWS MN_LORA_ROWS /* rows of a block in a part that goes over whole rows */

/* Libraries multiply few rows in another order of sums than many (oneDNN: below 16). Products are of at least ROWS rows, the last of them
 * what lay there: so the bits of a row do not depend on how many count beside it. */
static size_t product_rows(const mn_lora_pass *p)
{
    return p->head_n < MN_LORA_ROWS ? MN_LORA_ROWS : p->head_n;
}

static const mn_tensor_view *head_of(const mn_lora_pass *p)
{
    return p->m->head.data ? &p->m->head : &p->m->embed;
}

/* The pieces of a group: [*ret_from, *ret_to) in rows of the vocabulary. */
static void group_span(const mn_lora_pass *p, size_t group, uint32_t *ret_from,
                       uint32_t *ret_to)
{
    const uint64_t V = p->c.V, pieces = (V + MN_LORA_PIECE - 1) / MN_LORA_PIECE;
    uint64_t from = pieces * group / p->n_groups * MN_LORA_PIECE;
    uint64_t to = pieces * (group + 1) / p->n_groups * MN_LORA_PIECE;
    *ret_from = (uint32_t)from;
    *ret_to = (uint32_t)(to < V ? to : V);
}

static uint32_t piece_end(uint32_t at, uint32_t to)
{
    return to - at < MN_LORA_PIECE ? to : at + MN_LORA_PIECE;
}

static void logits_part(void *arg, size_t group, int thread)
{
    mn_lora_pass *p = arg;
    const mn_lora__own *my = &p->own[thread];
    const size_t C = p->c.C, V = p->c.V;
    uint32_t at, to;
    group_span(p, group, &at, &to);
    for (uint32_t end; at < to; at = end) {
        end = piece_end(at, to);
        mn_lora__bring(p, head_of(p), at, end, my->piece, my->row);
        mn_lora__product(p, thread, false, true, product_rows(p), end - at, C,
                         mn_lora__at(p->nf, p->head_from * C), C, my->piece, C, false,
                         p->dlogits.f + at, V);
    }
}

static size_t rows_of(const mn_lora_pass *p, size_t part)
{
    size_t left = p->head_n - part * ROWS;
    return left < ROWS ? left : ROWS;
}

static void entropy_part(void *arg, size_t part, int thread)
{
    (void)thread;
    mn_lora_pass *p = arg;
    const size_t V = p->c.V, from = part * ROWS, n = rows_of(p, part), t = p->head_from + from;
    mn_lora__mat x = mn_lora__at(p->dlogits, from * V);
    p->k->cross_entropy(x.f, p->loss + t, p->target + t, p->weight + t, n, V);
    if (p->dall) mn_lora__ready(p, x, n * V);
}

static void dlogits_part(void *arg, size_t group, int thread)
{
    mn_lora_pass *p = arg;
    const mn_lora__own *my = &p->own[thread];
    const size_t C = p->c.C, V = p->c.V;
    float *d = p->dnf + group * p->head_rows * C;
    uint32_t from, to;
    group_span(p, group, &from, &to);
    for (uint32_t at = from, end; at < to; at = end) {
        end = piece_end(at, to);
        mn_lora__bring(p, head_of(p), at, end, my->piece, my->row);
        mn_lora__product(p, thread, false, false, product_rows(p), C, end - at,
                         mn_lora__at(p->dlogits, at), V, my->piece, C, at > from, d, C);
    }
}

/* Through the last norm, from the groups' sums to p->dx. */
static void last_norm_part(void *arg, size_t part, int thread)
{
    mn_lora_pass *p = arg;
    const mn_lora__own *my = &p->own[thread];
    const size_t C = p->c.C;
    const float *gain = p->norms + 2 * (size_t)p->c.L * C;
    for (size_t i = 0; i < rows_of(p, part); i++) {
        const size_t row = part * ROWS + i, t = p->scored[p->head_from + row];
        float r, *dy = p->dnf + row * C;
        for (size_t g = 1; g < p->n_groups; g++)
            p->k->add(dy, p->dnf + (g * p->head_rows + row) * C, C);
        p->k->rmsnorm(my->d, &r, p->last + t * C, gain, 1, C, p->c.eps);
        p->k->rmsnorm_back(p->dx + t * C, my->junk, dy, p->last + t * C, gain, &r, 1, C);
    }
}

static void norm_part(void *arg, size_t part, int thread)
{
    (void)thread;
    mn_lora_pass *p = arg;
    const size_t C = p->c.C, from = part * ROWS;
    size_t n = p->n_scored - from < ROWS ? p->n_scored - from : ROWS;
    float r;
    for (size_t i = from; i < from + n; i++)
        p->k->rmsnorm(p->nf.f + i * C, &r, p->last + (size_t)p->scored[i] * C,
                      p->norms + 2 * (size_t)p->c.L * C, 1, C, p->c.eps);
    mn_lora__ready(p, mn_lora__at(p->nf, from * C), n * C);
}

static size_t parts_of(size_t rows)
{
    return (rows + ROWS - 1) / ROWS;
}

static void gather(mn_lora_pass *p)
{
    p->n_scored = 0;
    for (size_t i = 0; i < p->b->n_rows * p->T; i++) {
        if (!(p->b->weight[i] > 0)) continue;
        p->scored[p->n_scored] = (uint32_t)i;
        p->target[p->n_scored] = p->b->target[i];
        p->weight[p->n_scored++] = p->b->weight[i];
    }
}

void mn_lora__head(mn_lora_pass *p, float *losses)
{
    const size_t N = p->b->n_rows * p->T;
    gather(p);
    mn_pool_run(p->pool, parts_of(p->n_scored), norm_part, p);
    if (p->dall) memset(p->dx, 0, N * p->c.C * sizeof *p->dx);
    for (size_t from = 0; from < p->n_scored; from += p->head_n) {
        p->head_from = from;
        p->head_n = p->n_scored - from < p->head_rows ? p->n_scored - from : p->head_rows;
        mn_pool_run(p->pool, p->n_groups, logits_part, p);
        mn_pool_run(p->pool, parts_of(p->head_n), entropy_part, p);
        if (!p->dall) continue;
        mn_pool_run(p->pool, p->n_groups, dlogits_part, p);
        mn_pool_run(p->pool, parts_of(p->head_n), last_norm_part, p);
    }
    memset(losses, 0, N * sizeof *losses);
    for (size_t i = 0; i < p->n_scored; i++) losses[p->scored[i]] = p->loss[i];
}

void mn_lora__states(mn_lora_pass *p, float *ret)
{
    gather(p);
    mn_pool_run(p->pool, parts_of(p->n_scored), norm_part, p);
    memcpy(ret, p->nf.f, p->n_scored * p->c.C * sizeof *ret);
}

void mn_lora__states_back(mn_lora_pass *p, const float *d)
{
    const mn_lora__own *my = &p->own[0];
    const size_t C = p->c.C;
    const float *gain = p->norms + 2 * (size_t)p->c.L * C;
    float r;
    memset(p->dx, 0, p->b->n_rows * p->T * C * sizeof *p->dx);
    for (size_t i = 0; i < p->n_scored; i++) {
        const float *x = p->last + (size_t)p->scored[i] * C;
        p->k->rmsnorm(my->d, &r, x, gain, 1, C, p->c.eps);
        p->k->rmsnorm_back(p->dx + (size_t)p->scored[i] * C, my->junk, d + i * C, x, gain, &r,
                           1, C);
    }
}

void mn_lora__logits(mn_lora_pass *p, size_t at, float *ret)
{
    const mn_lora__own *my = &p->own[0];
    const size_t C = p->c.C;
    float r;
    p->k->rmsnorm(my->n.f, &r, p->last + at * C, p->norms + 2 * (size_t)p->c.L * C, 1, C,
                  p->c.eps);
    mn_lora__mat n = mn_lora__ready(p, my->n, C);
    for (uint32_t from = 0, end; from < p->c.V; from = end) {
        end = piece_end(from, p->c.V);
        mn_lora__bring(p, head_of(p), from, end, my->piece, my->row);
        mn_lora__product(p, 0, false, true, 1, end - from, C, n, C, my->piece, C, false,
                         ret + from, end - from);
    }
}
