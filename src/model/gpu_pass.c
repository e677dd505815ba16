/* The model forward and backward on a GPU: reference_body.inc's order of kernels, for all rows of a micro-batch at once.
 *
 * Kept per layer: x, r1, qkv, lse, att, mid, r2, gu, as forward.c keeps them; or x alone. Norms' and SwiGLU's outputs are made again. In bfloat16 runs the
 * kernel that makes an operand writes its twin; what a kernel of another kind made is rounded where it becomes one. */
#include "model/gpu_int.h"

typedef struct run {
    mn_gpu *g;
    const mn_cuda_api *k;
    mn_cuda *d;
    const mn_model__gpu_rows *b;
    float *grad;
    mn_cuda_rows shape;
    size_t N, C, F; /* N: tokens at hand */
} run;

/* ---- places ------------------------------------------------------------------------------------------------------------------ */

static float *on_device(const run *r, const float *tensor)
{
    return r->g->all + (tensor - r->g->w->all);
}

static float *gradient_of(const run *r, const float *tensor)
{
    return r->grad + (tensor - r->g->w->all);
}

static mn_cuda_mat weight(const run *r, const float *tensor)
{
    const size_t at = (size_t)(tensor - r->g->w->all);
    return (mn_cuda_mat){r->g->all + at, r->g->bf16 ? r->g->half + at : NULL};
}

/* x's n values as an operand; in bfloat16 runs in half_out, until the next. */
static mn_cuda_mat rounded(const run *r, float *x, size_t n)
{
    if (!r->g->bf16) return (mn_cuda_mat){x, NULL};
    r->k->round(r->d, r->g->half_out, x, n);
    return (mn_cuda_mat){x, r->g->half_out};
}

/* ---- products of a linear layer, W [N][K] ----------------------------------------------------------------------------------------- */

/* y [M][N] (+)= x W^T */
static void linear(const run *r, float *y, mn_cuda_mat x, const float *W, size_t M, size_t N,
                   size_t K, bool add)
{
    const mn_cuda_product p = {.tb = true,
                               .add = add,
                               .M = M,
                               .N = N,
                               .K = K,
                               .a = x,
                               .lda = K,
                               .b = weight(r, W),
                               .ldb = K,
                               .c = y,
                               .ldc = N};
    r->k->product(r->d, &p);
}

/* dx [M][K] = dy W */
static void linear_back(const run *r, float *dx, mn_cuda_mat dy, const float *W, size_t M,
                        size_t N, size_t K)
{
    const mn_cuda_product p = {.M = M,
                               .N = K,
                               .K = N,
                               .a = dy,
                               .lda = N,
                               .b = weight(r, W),
                               .ldb = K,
                               .c = dx,
                               .ldc = K};
    r->k->product(r->d, &p);
}

/* dW += dy^T x over M rows */
static void weight_back(const run *r, const float *W, mn_cuda_mat dy, mn_cuda_mat x, size_t M,
                        size_t N, size_t K)
{
    const mn_cuda_product p = {.ta = true,
                               .add = true,
                               .M = N,
                               .N = K,
                               .K = M,
                               .a = dy,
                               .lda = N,
                               .b = x,
                               .ldb = K,
                               .c = gradient_of(r, W),
                               .ldc = K};
    r->k->product(r->d, &p);
}

/* ---- forward ---------------------------------------------------------------------------------------------------------------------- */

/* What layer l keeps, from its x. */
static void fill_saved(const run *r, uint32_t l)
{
    mn_gpu *g = r->g;
    const mn_layer *y = &g->w->layers[l];
    const mn_model__gpu_saved *s = &g->layer[l];
    const size_t N = r->N, C = r->C;
    r->k->rmsnorm(r->d, g->n, s->r1, s->x, on_device(r, y->norm1), N, C, g->c.eps);
    linear(r, s->qkv, g->n, y->wq, N, g->W, C, false);
    r->k->rope(r->d, s->qkv, g->W, g->turn, r->b->pos, N, g->c.H + g->c.KV, g->c.D, false);
    const mn_cuda_mat att = {s->att, g->bf16 ? g->half_out : NULL};
    r->k->attention(r->d, att, s->lse, s->qkv, &r->shape);
    r->k->copy(r->d, s->mid, s->x, N * C * sizeof(float));
    linear(r, s->mid, att, y->wo, N, C, g->Q, true);

    r->k->rmsnorm(r->d, g->n, s->r2, s->mid, on_device(r, y->norm2), N, C, g->c.eps);
    linear(r, s->gu, g->n, y->wg, N, 2 * r->F, C, false);
}

static void layer_forward(const run *r, uint32_t l, float *out)
{
    mn_gpu *g = r->g;
    const mn_model__gpu_saved *s = &g->layer[l];
    const size_t N = r->N, C = r->C, F = r->F;
    fill_saved(r, l);
    r->k->swiglu(r->d, g->h, s->gu, N, F);
    r->k->copy(r->d, out, s->mid, N * C * sizeof(float));
    linear(r, out, g->h, g->w->layers[l].wd, N, C, F, true);
}

static void forward(const run *r)
{
    mn_gpu *g = r->g;
    const uint32_t L = g->c.L;
    r->k->embed(r->d, g->layer[0].x, on_device(r, g->w->embed), r->b->ids, r->N, r->C);
    for (uint32_t l = 0; l < L; l++)
        layer_forward(r, l, l + 1 < L ? g->layer[l + 1].x : g->last);
    r->k->rmsnorm(r->d, g->nf, g->last_r, g->last, on_device(r, g->w->norm), r->N, r->C,
                  g->c.eps);
}

/* ---- the head, a chunk of rows after the other: logits are never held whole ----------------------------------------------------------- */

static mn_cuda_mat rows_from(mn_cuda_mat m, size_t i)
{
    return (mn_cuda_mat){m.f ? m.f + i : NULL, m.h ? m.h + i : NULL};
}

/* Losses; with a gradient also the head's, and that of the normed activations, in g->narrow. */
static void head(const run *r)
{
    mn_gpu *g = r->g;
    const size_t C = r->C, V = g->c.V;
    for (size_t t = 0; t < r->N; t += g->head_rows) {
        const size_t n = r->N - t < g->head_rows ? r->N - t : g->head_rows;
        const mn_cuda_mat x = rows_from(g->nf, t * C), none = {NULL, NULL};
        linear(r, g->logits, x, g->w->head, n, V, C, false);
        r->k->cross_entropy(r->d, r->grad ? g->dlogits : none, g->losses + t, g->logits,
                            r->b->target + t, r->b->weight + t, n, V);
        if (!r->grad) continue;
        linear_back(r, g->narrow + t * C, g->dlogits, g->w->head, n, V, C);
        weight_back(r, g->w->head, g->dlogits, x, n, V, C);
    }
}

/* ---- backward ------------------------------------------------------------------------------------------------------------------------- */

static void norm_back(const run *r, const float *gain, const float *x, const float *scale)
{
    r->k->rmsnorm_back(r->d, r->g->dx, gradient_of(r, gain), r->g->narrow, x,
                       on_device(r, gain), scale, r->N, r->C, r->g->norm_work);
}

/* g->dx: the gradient at the middle of the layer out, at its output in. */
static void feed_forward_back(const run *r, const mn_layer *y, const mn_model__gpu_saved *s)
{
    mn_gpu *g = r->g;
    const size_t N = r->N, C = r->C, F = r->F;
    const mn_cuda_mat dout = rounded(r, g->dx, N * C);
    linear_back(r, g->wide, dout, y->wd, N, C, F);
    r->k->swiglu_back(r->d, g->dgu, g->h, g->wide, s->gu, N, F);
    weight_back(r, y->wd, dout, g->h, N, C, F);
    linear_back(r, g->narrow, g->dgu, y->wg, N, 2 * F, C);
    r->k->rmsnorm(r->d, g->n, s->r2, s->mid, on_device(r, y->norm2), N, C, g->c.eps);
    weight_back(r, y->wg, g->dgu, g->n, N, 2 * F, C);
    norm_back(r, y->norm2, s->mid, s->r2);
}

/* ... at its input out, at its middle in. */
static void attention_back(const run *r, const mn_layer *y, const mn_model__gpu_saved *s)
{
    mn_gpu *g = r->g;
    const size_t N = r->N, C = r->C, Q = g->Q;
    mn_cuda_mat dmid = rounded(r, g->dx, N * C), att = {s->att, NULL};
    linear_back(r, g->wide, dmid, y->wo, N, C, Q);
    if (g->bf16) { /* g->h is free, and as wide as its room says */
        att.h = g->h.h;
        r->k->round(r->d, att.h, s->att, N * Q);
    }
    weight_back(r, y->wo, dmid, att, N, C, Q);
    r->k->attention_back(r->d, g->dqkv, g->wide, s->att, s->lse, s->qkv, &r->shape, g->delta);
    r->k->rope(r->d, g->dqkv, g->W, g->turn, r->b->pos, N, g->c.H + g->c.KV, g->c.D, true);
    const mn_cuda_mat dqkv = rounded(r, g->dqkv, N * g->W);
    linear_back(r, g->narrow, dqkv, y->wq, N, g->W, C);
    r->k->rmsnorm(r->d, g->n, s->r1, s->x, on_device(r, y->norm1), N, C, g->c.eps);
    weight_back(r, y->wq, dqkv, g->n, N, g->W, C);
    norm_back(r, y->norm1, s->x, s->r1);
}

static void backward(const run *r)
{
    mn_gpu *g = r->g;
    r->k->zero(r->d, g->dx, r->N * r->C * sizeof(float));
    norm_back(r, g->w->norm, g->last, g->last_r);
    for (uint32_t l = g->c.L; l-- > 0;) {
        if (g->o.recompute) fill_saved(r, l);
        feed_forward_back(r, &g->w->layers[l], &g->layer[l]);
        attention_back(r, &g->w->layers[l], &g->layer[l]);
    }
    r->k->embed_back(r->d, gradient_of(r, g->w->embed), g->dx, r->b->ids, &r->b->plan, r->C);
}

void mn_model__gpu_run(mn_gpu *g, const mn_model__gpu_rows *b, float *grad)
{
    const run r = {.g = g,
                   .k = g->api,
                   .d = g->d,
                   .b = b,
                   .grad = grad,
                   .N = b->n_rows * g->o.T,
                   .C = g->c.C,
                   .F = g->c.F,
                   .shape = {b->first, b->n_rows, g->o.T, g->c.H, g->c.KV, g->c.D}};
    forward(&r);
    head(&r);
    if (grad) backward(&r);
}
