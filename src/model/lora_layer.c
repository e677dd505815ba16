/* One layer of the pass over a frozen base, for one sequence. The formulas are forward.c's and reference_body.inc's; what differs is that
 * the base has no gradient and each target has an adapter beside it. */
#include <string.h>

#include "model/lora_int.h"

typedef mn_lora__mat mat;
typedef mn_lora__saved saved;
typedef mn_lora__own own;

/* y [T][N] (+)= x [T][K] W^T, W [N][K] of the base */
static void linear(mn_lora_pass *p, int thread, float *y, mat x, mat W, size_t N, size_t K,
                   bool add)
{
    mn_lora__product(p, thread, false, true, p->T, N, K, x, K, W, K, add, y, N);
}

/* dx [T][K] = dy [T][N] W */
static void linear_back(mn_lora_pass *p, int thread, float *dx, mat dy, mat W, size_t N,
                        size_t K)
{
    mn_lora__product(p, thread, false, false, p->T, K, N, dy, N, W, K, false, dx, K);
}

static bool adapted(const mn_lora_pass *p, mn_lora_target t)
{
    return p->a && mn_lora_has(p->a, t);
}

/* to = scale * c [T][r], as an operand */
static mat scaled(mn_lora_pass *p, mat to)
{
    const size_t n = p->T * p->a->rank;
    const float scale = mn_lora_scale(p->a);
    for (size_t i = 0; i < n; i++) to.f[i] *= scale;
    return mn_lora__ready(p, to, n);
}

/* t = scale x A^T */
static mat inner(mn_lora_pass *p, int thread, mat A, mat x, size_t K)
{
    const size_t r = p->a->rank;
    mat t = p->own[thread].t;
    mn_lora__product(p, thread, false, true, p->T, r, K, x, K, A, K, false, t.f, r);
    return scaled(p, t);
}

/* y [T][..] += scale (x A^T) B^T in N columns from y on; rows of y are ld apart */
static void adapt(mn_lora_pass *p, int thread, uint32_t l, mn_lora_target t, mat x, float *y,
                  size_t ld)
{
    if (!adapted(p, t)) return;
    uint32_t N, K;
    mn_lora_shape(&p->c, t, &N, &K);
    const size_t r = p->a->rank;
    mat A = mn_lora__at(p->adapter, mn_lora_a(p->a, l, t));
    mat B = mn_lora__at(p->adapter, mn_lora_b(p->a, l, t));
    mat low = inner(p, thread, A, x, K);
    mn_lora__product(p, thread, false, true, p->T, N, r, low, r, B, r, true, y, ld);
}

/* dA and dB of one sequence, and dx [T][K] += scale (dy B) A; rows of dy are ld apart */
static void adapt_back(mn_lora_pass *p, int thread, uint32_t l, size_t row, mn_lora_target t,
                       mat dy, size_t ld, mat x, float *dx)
{
    if (!adapted(p, t)) return;
    uint32_t N, K;
    mn_lora_shape(&p->c, t, &N, &K);
    const size_t r = p->a->rank, T = p->T;
    mat A = mn_lora__at(p->adapter, mn_lora_a(p->a, l, t));
    mat B = mn_lora__at(p->adapter, mn_lora_b(p->a, l, t));
    float *g = p->grads[l % 2] + row * p->a->n_layer;
    float *dA = g + mn_lora_a(p->a, 0, t), *dB = g + mn_lora_b(p->a, 0, t);
    mat low = inner(p, thread, A, x, K), u = p->own[thread].u;
    mn_lora__product(p, thread, true, false, N, r, T, dy, ld, low, r, false, dB, r);
    mn_lora__product(p, thread, false, false, T, r, N, dy, ld, B, r, false, u.f, r);
    u = scaled(p, u);
    mn_lora__product(p, thread, true, false, r, K, T, u, r, x, K, false, dA, K);
    mn_lora__product(p, thread, false, false, T, K, r, u, r, A, K, true, dx, K);
}

/* Where a sequence's activations of layer l are. */
static saved saved_of(const mn_lora_pass *p, uint32_t l, size_t row, int thread)
{
    const saved *s = &p->layer[l];
    const size_t n0 = row * p->T;
    saved ret = p->own[thread].again;
    if (s->qkv)
        ret = (saved){NULL,
                      s->qkv + n0 * p->W,
                      s->lse + n0 * p->c.H,
                      s->att + n0 * p->Q,
                      s->mid + n0 * p->c.C,
                      s->gu + n0 * 2 * p->c.F};
    ret.x = s->x + n0 * p->c.C;
    return ret;
}

static const float *norm_of(const mn_lora_pass *p, uint32_t which)
{
    return p->norms + (size_t)which * p->c.C;
}

/* All of the layer but its last product. */
static void layer_inner(mn_lora_pass *p, uint32_t l, size_t row, const saved *s, int thread)
{
    const own *my = &p->own[thread];
    const mn_lora__frozen *w = &p->frozen[l % 2];
    const size_t T = p->T, C = p->c.C, F = p->c.F, n0 = row * T, KD = (p->W - p->Q) / 2;
    p->k->rmsnorm(my->n.f, my->r, s->x, norm_of(p, 2 * l), T, C, p->c.eps);
    mat n = mn_lora__ready(p, my->n, T * C);
    linear(p, thread, s->qkv, n, w->wqkv, p->W, C, false);
    adapt(p, thread, l, MN_LORA_Q, n, s->qkv, p->W);
    adapt(p, thread, l, MN_LORA_K, n, s->qkv + p->Q, p->W);
    adapt(p, thread, l, MN_LORA_V, n, s->qkv + p->Q + KD, p->W);
    p->k->rope(s->qkv, p->W, p->turn, p->b->pos + n0, T, p->c.H + p->c.KV, p->c.D, false);
    p->k->attention(s->att, s->lse, s->qkv, p->b->first + n0, T, p->c.H, p->c.KV, p->c.D,
                    my->attention);
    memcpy(s->mid, s->x, T * C * sizeof(float));
    mat att = mn_lora__ready(p, (mat){s->att, my->n.h}, T * p->Q);
    linear(p, thread, s->mid, att, w->wo, C, p->Q, true);
    adapt(p, thread, l, MN_LORA_O, att, s->mid, C);

    p->k->rmsnorm(my->n.f, my->r, s->mid, norm_of(p, 2 * l + 1), T, C, p->c.eps);
    n = mn_lora__ready(p, my->n, T * C);
    linear(p, thread, s->gu, n, w->wgu, 2 * F, C, false);
    adapt(p, thread, l, MN_LORA_GATE, n, s->gu, 2 * F);
    adapt(p, thread, l, MN_LORA_UP, n, s->gu + F, 2 * F);
}

void mn_lora__layer_forward(mn_lora_pass *p, uint32_t l, size_t row, float *out, int thread)
{
    const own *my = &p->own[thread];
    const size_t T = p->T, C = p->c.C, F = p->c.F;
    saved s = saved_of(p, l, row, thread);
    layer_inner(p, l, row, &s, thread);
    p->k->swiglu(my->h.f, s.gu, T, F);
    mat h = mn_lora__ready(p, my->h, T * F);
    memcpy(out, s.mid, T * C * sizeof *out);
    linear(p, thread, out, h, p->frozen[l % 2].wd, C, F, true);
    adapt(p, thread, l, MN_LORA_DOWN, h, out, C);
}

/* dx += the norm's gradient for dy; r: what the norm divided by. The gain is frozen: its gradient goes nowhere. */
static void norm_back(mn_lora_pass *p, float *dx, const float *dy, const float *x,
                      uint32_t which, int thread)
{
    const own *my = &p->own[thread];
    p->k->rmsnorm_back(dx, my->junk, dy, x, norm_of(p, which), my->r, p->T, p->c.C);
}

/* From dout to dmid: the feed-forward part. */
static void feed_back(mn_lora_pass *p, uint32_t l, size_t row, const saved *s,
                      const float *dout, int thread)
{
    const own *my = &p->own[thread];
    const mn_lora__frozen *w = &p->frozen[l % 2];
    const size_t T = p->T, C = p->c.C, F = p->c.F;
    memcpy(my->dout.f, dout, T * C * sizeof(float));
    mat dy = mn_lora__ready(p, my->dout, T * C);
    linear_back(p, thread, my->d, dy, w->wd, C, F);
    if (adapted(p, MN_LORA_DOWN)) {
        p->k->swiglu(my->h.f, s->gu, T, F);
        mat h = mn_lora__ready(p, my->h, T * F);
        adapt_back(p, thread, l, row, MN_LORA_DOWN, dy, C, h, my->d);
    }
    p->k->swiglu_back(my->dgu.f, my->h.f, my->d, s->gu, T, F);
    mat dgu = mn_lora__ready(p, my->dgu, T * 2 * F);
    linear_back(p, thread, my->d, dgu, w->wgu, 2 * F, C);
    p->k->rmsnorm(my->n.f, my->r, s->mid, norm_of(p, 2 * l + 1), T, C, p->c.eps);
    mat n = mn_lora__ready(p, my->n, T * C);
    adapt_back(p, thread, l, row, MN_LORA_GATE, dgu, 2 * F, n, my->d);
    adapt_back(p, thread, l, row, MN_LORA_UP, mn_lora__at(dgu, F), 2 * F, n, my->d);
    memcpy(my->dmid.f, dout, T * C * sizeof(float));
    norm_back(p, my->dmid.f, my->d, s->mid, 2 * l + 1, thread);
}

/* From dmid to the gradient at the layer's input: attention. */
static void attention_back(mn_lora_pass *p, uint32_t l, size_t row, const saved *s, float *din,
                           int thread)
{
    const own *my = &p->own[thread];
    const mn_lora__frozen *w = &p->frozen[l % 2];
    const size_t T = p->T, C = p->c.C, Q = p->Q, n0 = row * T, KD = (p->W - Q) / 2;
    mat dmid = mn_lora__ready(p, my->dmid, T * C);
    linear_back(p, thread, my->d, dmid, w->wo, C, Q);
    mat att = mn_lora__ready(p, (mat){s->att, my->n.h}, T * Q);
    adapt_back(p, thread, l, row, MN_LORA_O, dmid, C, att, my->d);
    p->k->attention_back(my->dqkv.f, my->d, s->att, s->lse, s->qkv, p->b->first + n0, T, p->c.H,
                         p->c.KV, p->c.D, my->attention);
    p->k->rope(my->dqkv.f, p->W, p->turn, p->b->pos + n0, T, p->c.H + p->c.KV, p->c.D, true);
    mat dqkv = mn_lora__ready(p, my->dqkv, T * p->W);
    linear_back(p, thread, my->d, dqkv, w->wqkv, p->W, C);
    p->k->rmsnorm(my->n.f, my->r, s->x, norm_of(p, 2 * l), T, C, p->c.eps);
    mat n = mn_lora__ready(p, my->n, T * C);
    adapt_back(p, thread, l, row, MN_LORA_Q, dqkv, p->W, n, my->d);
    adapt_back(p, thread, l, row, MN_LORA_K, mn_lora__at(dqkv, Q), p->W, n, my->d);
    adapt_back(p, thread, l, row, MN_LORA_V, mn_lora__at(dqkv, Q + KD), p->W, n, my->d);
    memcpy(din, my->dmid.f, T * C * sizeof(float));
    norm_back(p, din, my->d, s->x, 2 * l, thread);
}

void mn_lora__layer_backward(mn_lora_pass *p, uint32_t l, size_t row, int thread)
{
    saved s = saved_of(p, l, row, thread);
    float *dx = p->dx + row * p->T * p->c.C;
    if (!p->layer[l].qkv) layer_inner(p, l, row, &s, thread);
    feed_back(p, l, row, &s, dx, thread);
    attention_back(p, l, row, &s, dx, thread);
}
