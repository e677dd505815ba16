/* The fast model. Contracts: forward.h; the same mathematics, slow and plain: reference_body.inc.
 *
 * Idea. Forward, a part of work is a whole sequence through all layers: no barrier, and its activations stay in the
 * part's cache. The head runs in blocks of rows, so logits of a large vocabulary are never held whole. Backward, layer
 * by layer, a part is again a sequence (gradients of activations), and the gradients of weights, which sum over all
 * sequences, are parts over the weights' own rows. Those of layer l run in the same parallel loop as the sequences of
 * layer l-1: they read different buffers (two sets, `side`), so a layer costs one barrier.
 *
 * Kept per layer: x, qkv, lse, att, mid, gu. The norms' and SwiGLU's outputs are made again in the backward pass: cheaper
 * than memory. Where only x is kept, two layers' worth of the others serve in turn, for the gradients of one layer's weights are
 * summed while the layer below is computed again. In bf16, each operand of a product has a bf16 twin (mat.h), made where the operand is made. */
#include "model/forward.h"

#include <string.h>

#include "base/mem.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define HEAD_ROWS   128                /* rows of logits a part works on */
#define HEAD_FLOATS ((size_t)16 << 20) /* logits held at once, about */
#define GRAD_FLOPS                                                                             \
    ((size_t)150 << 20) /* multiplications in a part of a weight's gradient, about */

typedef struct mat { /* an operand: float32, and in bf16 runs its twin */
    float *f;
    uint16_t *h;
} mat;

typedef struct saved { /* one layer's activations, [rows * T] each but lse [rows][H][T] */
    float *x, *qkv, *lse, *att, *mid, *gu;
} saved;

typedef struct side { /* operands of one layer's weight gradients, [rows * T] each */
    mat n1, n2, h, att, dqkv, dgu, dmid, dout;
} side;

typedef struct scratch { /* one thread's */
    mat n, h;
    float *attention, *gemm, *d; /* d: [T][max(C, Q, F)] */
} scratch;

struct mn_pass {
    const mn_weights *w;
    mn_pool *pool;
    const mn_kernels *k;
    mn_config c;
    size_t rows, T, Q, W, n_threads, head_rows; /* head_rows: rows of logits held at once */
    bool bf16;
    mn_keep keep;
    float *memory, *turn, *logits, *last, *gains; /* gains: [rows][2 L + 1][C] */
    /* layer l: from dx[(l + 1) % 3] to dx[l % 3]; the third is read by the weights of l + 1 */
    float *dx[3];
    mat nf, dlogits; /* normalised last activations; dlogits.f == logits */
    mat all;         /* weights: f == w->all */
    saved *layer;    /* [L] */
    side side[2];
    scratch *own; /* [n_threads] */

    /* the run at hand */
    const mn_batch *b;
    float *losses, *dall;
    size_t head_from, head_n;
    uint32_t l;       /* layer whose sequences run */
    bool with_layer;  /* ... if any */
    uint32_t grads_l; /* layer whose weight gradients run */
    bool with_grads;
};

/* ---- memory: counted with base NULL, then handed out --------------------------------------------------------------- */

typedef struct bump {
    float *base;
    size_t n;
} bump;

static float *take(bump *b, size_t n)
{
    float *p = b->base ? b->base + b->n : NULL;
    b->n += (n + 15) / 16 * 16;
    return p;
}

static mat take_mat(bump *b, size_t n, bool bf16)
{
    mat m = {.f = take(b, n)};
    if (bf16) m.h = (uint16_t *)(void *)take(b, (n + 1) / 2);
    return m;
}

static void lay_side(mn_pass *p, bump *b, side *s)
{
    const size_t N = p->rows * p->T, C = p->c.C, F = p->c.F;
    s->n1 = take_mat(b, N * C, p->bf16), s->n2 = take_mat(b, N * C, p->bf16);
    s->h = take_mat(b, N * F, p->bf16), s->dgu = take_mat(b, N * 2 * F, p->bf16);
    s->dqkv = take_mat(b, N * p->W, p->bf16), s->dmid = take_mat(b, N * C, p->bf16);
    if (!p->bf16) return;
    s->att = take_mat(b, N * p->Q, true), s->dout = take_mat(b, N * C, true);
}

static void lay_layers(mn_pass *p, bump *b)
{
    const size_t N = p->rows * p->T, C = p->c.C;
    const uint32_t sets = p->keep == MN_KEEP_ALL ? p->c.L : (uint32_t)p->keep + 1;
    for (uint32_t l = 0; l < p->c.L; l++) {
        saved *s = &p->layer[l];
        if (l >= sets) *s = p->layer[l % sets];
        if (l < sets || p->keep != MN_KEEP_NOTHING) s->x = take(b, N * C);
        if (l >= sets) continue;
        s->qkv = take(b, N * p->W), s->lse = take(b, N * p->c.H), s->att = take(b, N * p->Q);
        s->mid = take(b, N * C), s->gu = take(b, N * 2 * p->c.F);
    }
    p->last = take(b, N * C);
}

static size_t max3(size_t a, size_t b, size_t c)
{
    a = a > b ? a : b;
    return a > c ? a : c;
}

static void lay_out(mn_pass *p, bump *b)
{
    const size_t N = p->rows * p->T, C = p->c.C;
    p->turn = take(b, p->T * p->c.D);
    lay_layers(p, b);
    p->nf = take_mat(b, N * C, p->bf16);
    p->dlogits = take_mat(b, p->head_rows * p->c.V, p->bf16);
    p->logits = p->dlogits.f;
    p->all.f = p->w->all;
    if (p->bf16) p->all.h = (uint16_t *)(void *)take(b, (size_t)(p->w->n_all + 1) / 2);
    for (size_t i = 0; i < p->n_threads; i++) {
        scratch *s = &p->own[i];
        s->n = take_mat(b, p->T * (C > p->Q ? C : p->Q), p->bf16);
        s->h = take_mat(b, p->T * p->c.F, p->bf16);
        s->d = take(b, p->T * max3(C, p->Q, p->c.F));
        s->attention = take(b, mn_attention_work(p->T, p->c.D));
        s->gemm = take(b, MN_GEMM_WORK);
    }
    if (p->keep == MN_KEEP_NOTHING) return;
    p->gains = take(b, p->rows * (2 * p->c.L + 1) * C);
    for (int i = 0; i < 3; i++) p->dx[i] = take(b, N * C);
    lay_side(p, b, &p->side[0]);
    lay_side(p, b, &p->side[1]);
}

static mn_rc fill_turn(mn_pass *p, mn_err *e)
{
    double *angle = mn_calloc(p->c.D / 2, sizeof *angle);
    if (!angle) return mn_fail(e, MN_E_NOMEM, "no memory for a pass");
    mn_config_rope(&p->c, angle);
    mn_rope_table_from(p->turn, p->T, p->c.D, angle);
    mn_free(angle);
    return MN_OK;
}

/* A pass without memory, whose layout can be counted; NULL: there is none even for that. */
static mn_pass *outline(const mn_weights *w, int n_threads, size_t n_rows, size_t T,
                        mn_dtype dtype, mn_keep keep)
{
    mn_pass *p = mn_calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (mn_pass){.w = w,
                   .c = w->cfg,
                   .rows = n_rows,
                   .T = T,
                   .n_threads = (size_t)n_threads,
                   .keep = keep,
                   .bf16 = dtype == MN_BF16};
    p->Q = (size_t)p->c.H * p->c.D, p->W = p->Q + 2 * (size_t)p->c.KV * p->c.D;
    size_t head = HEAD_FLOATS / p->c.V / HEAD_ROWS * HEAD_ROWS;
    p->head_rows = head < HEAD_ROWS ? HEAD_ROWS : head;
    if (p->head_rows > n_rows * T) p->head_rows = n_rows * T;
    p->layer = mn_calloc(p->c.L, sizeof *p->layer);
    p->own = mn_calloc(p->n_threads, sizeof *p->own);
    if (p->layer && p->own) return p;
    mn_pass_free(p);
    return NULL;
}

uint64_t mn_pass_bytes(const mn_weights *w, int n_threads, size_t n_rows, size_t T,
                       mn_dtype dtype, mn_keep keep)
{
    bump count = {0};
    mn_pass *p = outline(w, n_threads, n_rows, T, dtype, keep);
    if (p) lay_out(p, &count);
    mn_pass_free(p);
    return count.n * sizeof(float);
}

mn_rc mn_pass_new(const mn_weights *w, mn_pool *pool, size_t n_rows, size_t T, mn_dtype dtype,
                  mn_keep keep, mn_pass **ret, mn_err *e)
{
    MN_ASSERT(n_rows > 0 && T > 0 && T <= w->cfg.T);
    mn_gemm_setup();
    if (dtype == MN_BF16) MN_TRY(mn_gemm_bf16_check(e));
    bump count = {0};
    mn_pass *p = outline(w, mn_pool_threads(pool), n_rows, T, dtype, keep);
    if (p) lay_out(p, &count);
    float *memory = p ? mn_alloc_aligned(64, count.n * sizeof(float)) : NULL;
    if (!memory) {
        mn_pass_free(p);
        return mn_fail(e, MN_E_NOMEM, "no memory for %zu sequences of %zu tokens (%zu MB)",
                       n_rows, T, count.n / (256 << 10));
    }
    bump real = {.base = memory};
    p->memory = memory, p->pool = pool, p->k = mn_kernels_best();
    lay_out(p, &real);
    mn_rc rc = fill_turn(p, e);
    if (rc == MN_OK) *ret = p;
    else mn_pass_free(p);
    return rc;
}

void mn_pass_free(mn_pass *p)
{
    if (!p) return;
    mn_free(p->memory);
    mn_free(p->layer);
    mn_free(p->own);
    mn_free(p);
}

/* ---- operands and products ----------------------------------------------------------------------------------------- */

static mat at(mat m, size_t i)
{
    return (mat){m.f ? m.f + i : NULL, m.h ? m.h + i : NULL};
}

static mat weight(const mn_pass *p, const float *tensor)
{
    return at(p->all, (size_t)(tensor - p->w->all));
}

/* m holds n values in f: gives it its twin. */
static mat ready(const mn_pass *p, mat m, size_t n)
{
    if (p->bf16) p->k->to_bf16(m.h, m.f, n);
    return m;
}

/* x's values as an operand; `twin` has room for them in bf16. */
static mat operand(const mn_pass *p, float *x, mat twin, size_t n)
{
    return ready(p, (mat){x, twin.h}, n);
}

/* y [M][N] (+)= x [M][K] W^T, W [N][K] */
static void linear(const mn_pass *p, int thread, float *y, mat x, const float *W, size_t M,
                   size_t N, size_t K, bool add)
{
    mat w = weight(p, W);
    if (p->bf16) mn_gemm_bf16(false, true, M, N, K, x.h, K, w.h, K, add, y, N);
    else mn_gemm(false, true, M, N, K, x.f, K, w.f, K, add, y, N, p->own[thread].gemm);
}

/* dx [M][K] = dy [M][N] W */
static void linear_back(const mn_pass *p, int thread, float *dx, mat dy, const float *W,
                        size_t M, size_t N, size_t K)
{
    mat w = weight(p, W);
    if (p->bf16) mn_gemm_bf16(false, false, M, K, N, dy.h, N, w.h, K, false, dx, K);
    else mn_gemm(false, false, M, K, N, dy.f, N, w.f, K, false, dx, K, p->own[thread].gemm);
}

/* rows [from, from + n) of dW [..][K] += dy^T x over M rows of tokens */
static void weight_back(const mn_pass *p, int thread, float *dW, mat dy, mat x, size_t M,
                        size_t N, size_t K, size_t from, size_t n)
{
    mat a = at(dy, from);
    dW += from * K;
    if (p->bf16) mn_gemm_bf16(true, false, n, K, M, a.h, N, x.h, K, true, dW, K);
    else mn_gemm(true, false, n, K, M, a.f, N, x.f, K, true, dW, K, p->own[thread].gemm);
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */

/* What layer l keeps of the sequence whose first token is number `n0` of the batch, from its x. */
static void fill_saved(mn_pass *p, uint32_t l, size_t n0, int thread)
{
    const mn_layer *y = &p->w->layers[l];
    const saved *s = &p->layer[l];
    const scratch *my = &p->own[thread];
    const size_t T = p->T, C = p->c.C, F = p->c.F;
    float *x = s->x + n0 * C, *qkv = s->qkv + n0 * p->W, *att = s->att + n0 * p->Q;
    float *mid = s->mid + n0 * C, r;
    for (size_t t = 0; t < T; t++)
        p->k->rmsnorm(my->n.f + t * C, &r, x + t * C, y->norm1, 1, C, p->c.eps);
    linear(p, thread, qkv, ready(p, my->n, T * C), y->wq, T, p->W, C, false);
    p->k->rope(qkv, p->W, p->turn, p->b->pos + n0, T, p->c.H + p->c.KV, p->c.D, false);
    p->k->attention(att, s->lse + n0 * p->c.H, qkv, p->b->first + n0, T, p->c.H, p->c.KV,
                    p->c.D, my->attention);
    memcpy(mid, x, T * C * sizeof *mid);
    linear(p, thread, mid, operand(p, att, my->n, T * p->Q), y->wo, T, C, p->Q, true);

    for (size_t t = 0; t < T; t++)
        p->k->rmsnorm(my->n.f + t * C, &r, mid + t * C, y->norm2, 1, C, p->c.eps);
    linear(p, thread, s->gu + n0 * 2 * F, ready(p, my->n, T * C), y->wg, T, 2 * F, C, false);
}

/* That sequence through layer l; writes `out` [T][C]. */
static void layer_forward(mn_pass *p, uint32_t l, size_t n0, float *out, int thread)
{
    const saved *s = &p->layer[l];
    const scratch *my = &p->own[thread];
    const size_t T = p->T, C = p->c.C, F = p->c.F;
    fill_saved(p, l, n0, thread);
    p->k->swiglu(my->h.f, s->gu + n0 * 2 * F, T, F);
    memcpy(out, s->mid + n0 * C, T * C * sizeof *out);
    linear(p, thread, out, ready(p, my->h, T * F), p->w->layers[l].wd, T, C, F, true);
}

static void forward_part(void *arg, size_t row, int thread)
{
    mn_pass *p = arg;
    const size_t T = p->T, C = p->c.C, n0 = row * T;
    for (size_t t = 0; t < T; t++)
        memcpy(p->layer[0].x + (n0 + t) * C, p->w->embed + p->b->ids[n0 + t] * C,
               C * sizeof(float));
    for (uint32_t l = 0; l < p->c.L; l++) {
        float *next = l + 1 < p->c.L ? p->layer[l + 1].x : p->last;
        layer_forward(p, l, n0, next + n0 * C, thread);
    }
    float r;
    for (size_t t = n0; t < n0 + T; t++)
        p->k->rmsnorm(p->nf.f + t * C, &r, p->last + t * C, p->w->norm, 1, C, p->c.eps);
    ready(p, at(p->nf, n0 * C), T * C);
}

/* ---- the head, block by block of rows ---------------------------------------------------------------------------------- */

static void head_part(void *arg, size_t part, int thread)
{
    mn_pass *p = arg;
    const size_t C = p->c.C, V = p->c.V, from = part * HEAD_ROWS;
    const size_t n = p->head_n - from < HEAD_ROWS ? p->head_n - from : HEAD_ROWS;
    const size_t t = p->head_from + from;
    float *x = p->logits + from * V;
    linear(p, thread, x, at(p->nf, t * C), p->w->head, n, V, C, false);
    p->k->cross_entropy(x, p->losses + t, p->b->target + t, p->b->weight + t, n, V);
    if (!p->dall) return;
    mat d = ready(p, at(p->dlogits, from * V), n * V);
    linear_back(p, thread, p->dx[1] + t * C, d, p->w->head, n, V, C);
}

#define HEAD_GRAD_ROWS 1024
static void head_grad_part(void *arg, size_t part, int thread)
{
    mn_pass *p = arg;
    size_t from = part * HEAD_GRAD_ROWS, n = p->c.V - from;
    if (n > HEAD_GRAD_ROWS) n = HEAD_GRAD_ROWS;
    weight_back(p, thread, p->dall + (p->w->head - p->w->all), p->dlogits,
                at(p->nf, p->head_from * p->c.C), p->head_n, p->c.V, p->c.C, from, n);
}

static void run_head(mn_pass *p)
{
    const size_t N = p->b->n_rows * p->T;
    for (size_t from = 0; from < N; from += p->head_rows) {
        p->head_from = from;
        p->head_n = N - from < p->head_rows ? N - from : p->head_rows;
        mn_pool_run(p->pool, (p->head_n + HEAD_ROWS - 1) / HEAD_ROWS, head_part, p);
        if (p->dall)
            mn_pool_run(p->pool, (p->c.V + HEAD_GRAD_ROWS - 1) / HEAD_GRAD_ROWS, head_grad_part,
                        p);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------------- */

static float *gain_of(const mn_pass *p, size_t row, size_t which)
{
    return p->gains + (row * (2 * p->c.L + 1) + which) * p->c.C;
}

/* dx += the norm's gradient for dy; its gain's gradient goes to this sequence's own place. y: the norm's output, again. */
static void norm_back(const mn_pass *p, size_t row, size_t which, float *dx, const float *dy,
                      const float *x, const float *g, float *y)
{
    const size_t C = p->c.C;
    for (size_t t = 0; t < p->T; t++) {
        float r;
        p->k->rmsnorm(y + t * C, &r, x + t * C, g, 1, C, p->c.eps);
        p->k->rmsnorm_back(dx + t * C, gain_of(p, row, which), dy + t * C, x + t * C, g, &r, 1,
                           C);
    }
}

/* From dx at layer l's output to dx at its input, one sequence; leaves the operands of the weight gradients in side. */
static void layer_backward(mn_pass *p, uint32_t l, size_t row, int thread)
{
    const mn_layer *y = &p->w->layers[l];
    const saved *s = &p->layer[l];
    side *o = &p->side[l % 2];
    const scratch *my = &p->own[thread];
    const size_t T = p->T, C = p->c.C, F = p->c.F, n0 = row * T;
    float *dout = p->dx[(l + 1) % 3] + n0 * C, *din = p->dx[l % 3] + n0 * C;
    float *mid = s->mid + n0 * C, *att = s->att + n0 * p->Q, *d = my->d;
    mat dgu = at(o->dgu, n0 * 2 * F), h = at(o->h, n0 * F), n2 = at(o->n2, n0 * C);
    mat dmid = at(o->dmid, n0 * C), dqkv = at(o->dqkv, n0 * p->W), n1 = at(o->n1, n0 * C);

    if (p->keep == MN_KEEP_INPUTS) fill_saved(p, l, n0, thread);
    linear_back(p, thread, d, operand(p, dout, at(o->dout, n0 * C), T * C), y->wd, T, C, F);
    p->k->swiglu_back(dgu.f, h.f, d, s->gu + n0 * 2 * F, T, F);
    ready(p, h, T * F);
    linear_back(p, thread, d, ready(p, dgu, T * 2 * F), y->wg, T, 2 * F, C);
    memcpy(dmid.f, dout, T * C * sizeof(float));
    norm_back(p, row, 2 * l + 1, dmid.f, d, mid, y->norm2, n2.f);
    ready(p, n2, T * C);

    linear_back(p, thread, d, ready(p, dmid, T * C), y->wo, T, C, p->Q);
    operand(p, att, at(o->att, n0 * p->Q), T * p->Q);
    p->k->attention_back(dqkv.f, d, att, s->lse + n0 * p->c.H, s->qkv + n0 * p->W,
                         p->b->first + n0, T, p->c.H, p->c.KV, p->c.D, my->attention);
    p->k->rope(dqkv.f, p->W, p->turn, p->b->pos + n0, T, p->c.H + p->c.KV, p->c.D, true);
    linear_back(p, thread, d, ready(p, dqkv, T * p->W), y->wq, T, p->W, C);
    memcpy(din, dmid.f, T * C * sizeof(float));
    norm_back(p, row, 2 * l, din, d, s->x + n0 * C, y->norm1, n1.f);
    ready(p, n1, T * C);
}

/* The gradients of a layer's four products, each in parts of its rows. */
typedef struct product {
    const float *W;
    mat dy, x;
    size_t N, K, step, parts; /* W [N][K]; step: rows a part */
} product;

static void list_products(const mn_pass *p, uint32_t l, product ret[4])
{
    const mn_layer *y = &p->w->layers[l];
    const side *o = &p->side[l % 2];
    const saved *s = &p->layer[l];
    const size_t C = p->c.C, F = p->c.F, M = p->b->n_rows * p->T;
    mat dout = p->bf16 ? o->dout : (mat){.f = p->dx[(l + 1) % 3]};
    mat att = p->bf16 ? o->att : (mat){.f = s->att};
    ret[0] = (product){.W = y->wd, .dy = dout, .x = o->h, .N = C, .K = F};
    ret[1] = (product){.W = y->wg, .dy = o->dgu, .x = o->n2, .N = 2 * F, .K = C};
    ret[2] = (product){.W = y->wo, .dy = o->dmid, .x = att, .N = C, .K = p->Q};
    ret[3] = (product){.W = y->wq, .dy = o->dqkv, .x = o->n1, .N = p->W, .K = C};
    for (int i = 0; i < 4; i++) {
        size_t step = GRAD_FLOPS / (M * ret[i].K) / 16 * 16;
        ret[i].step = step < 64 ? 64 : step;
        ret[i].parts = (ret[i].N + ret[i].step - 1) / ret[i].step;
    }
}

static void grads_part(mn_pass *p, size_t part, int thread)
{
    product q[4];
    list_products(p, p->grads_l, q);
    int i = 0;
    for (; part >= q[i].parts; i++) part -= q[i].parts;
    size_t from = part * q[i].step, n = q[i].N - from < q[i].step ? q[i].N - from : q[i].step;
    weight_back(p, thread, p->dall + (q[i].W - p->w->all), q[i].dy, q[i].x, p->b->n_rows * p->T,
                q[i].N, q[i].K, from, n);
}

static void backward_part(void *arg, size_t part, int thread)
{
    mn_pass *p = arg;
    size_t n_rows = p->with_layer ? p->b->n_rows : 0;
    if (part < n_rows) layer_backward(p, p->l, part, thread);
    else grads_part(p, part - n_rows, thread);
}

static void final_norm_part(void *arg, size_t row, int thread)
{
    mn_pass *p = arg;
    const size_t C = p->c.C, n0 = row * p->T;
    /* where layer L-1 looks for its output's gradient */
    float *dx = p->dx[p->c.L % 3] + n0 * C;
    float *dy = p->own[thread].d;
    memcpy(dy, p->dx[1] + n0 * C, p->T * C * sizeof *dy);
    memset(dx, 0, p->T * C * sizeof *dx);
    norm_back(p, row, 2 * p->c.L, dx, dy, p->last + n0 * C, p->w->norm, p->own[thread].n.f);
}

static void run_layers_back(mn_pass *p)
{
    const uint32_t L = p->c.L;
    for (uint32_t i = 0; i <= L;
         i++) { /* sequences of layer L-1-i beside weights of layer L-i */
        product q[4];
        size_t parts = 0;
        p->with_layer = i<L, p->with_grads = i> 0;
        p->l = i < L ? L - 1 - i : 0;
        p->grads_l = i > 0 ? L - i : 0;
        if (p->with_layer) parts += p->b->n_rows;
        if (p->with_grads) list_products(p, p->grads_l, q);
        for (int k = 0; k < 4 && p->with_grads; k++) parts += q[k].parts;
        mn_pool_run(p->pool, parts, backward_part, p);
    }
}

/* Columns of dE are parts: tokens are walked in order, so an id that comes often is summed in order. */
#define EMBED_COLS 64
static void embed_part(void *arg, size_t part, int thread)
{
    (void)thread;
    mn_pass *p = arg;
    const size_t C = p->c.C, from = part * EMBED_COLS;
    const size_t n = C - from < EMBED_COLS ? C - from : EMBED_COLS;
    float *dE = p->dall + (p->w->embed - p->w->all) + from;
    const float *dx = p->dx[0] + from;
    for (size_t t = 0; t < p->b->n_rows * p->T; t++)
        p->k->add(dE + p->b->ids[t] * C, dx + t * C, n);
}

static void add_gains(mn_pass *p)
{
    const uint32_t L = p->c.L;
    for (size_t row = 0; row < p->b->n_rows; row++) {
        for (uint32_t l = 0; l < L; l++) {
            const mn_layer *y = &p->w->layers[l];
            p->k->add(p->dall + (y->norm1 - p->w->all), gain_of(p, row, 2 * l), p->c.C);
            p->k->add(p->dall + (y->norm2 - p->w->all), gain_of(p, row, 2 * l + 1), p->c.C);
        }
        p->k->add(p->dall + (p->w->norm - p->w->all), gain_of(p, row, 2 * L), p->c.C);
    }
}

/* ---- a run ---------------------------------------------------------------------------------------------------------------- */

#define TWIN_FLOATS ((size_t)1 << 18)
static void twin_part(void *arg, size_t part, int thread)
{
    (void)thread;
    mn_pass *p = arg;
    size_t from = part * TWIN_FLOATS, n = (size_t)p->w->n_all - from;
    if (n > TWIN_FLOATS) n = TWIN_FLOATS;
    ready(p, at(p->all, from), n);
}

void mn_pass_run(mn_pass *p, const mn_batch *b, float *losses, float *dall)
{
    MN_ASSERT(b->T == p->T && b->n_rows > 0 && b->n_rows <= p->rows);
    MN_ASSERT(!dall || p->keep != MN_KEEP_NOTHING);
    p->b = b, p->losses = losses, p->dall = dall;
    if (p->bf16)
        mn_pool_run(p->pool, ((size_t)p->w->n_all + TWIN_FLOATS - 1) / TWIN_FLOATS, twin_part,
                    p);
    mn_pool_run(p->pool, b->n_rows, forward_part, p);
    run_head(p);
    if (!dall) return;
    memset(p->gains, 0, b->n_rows * (2 * p->c.L + 1) * p->c.C * sizeof *p->gains);
    mn_pool_run(p->pool, b->n_rows, final_norm_part, p);
    run_layers_back(p);
    mn_pool_run(p->pool, (p->c.C + EMBED_COLS - 1) / EMBED_COLS, embed_part, p);
    add_gains(p);
}

void mn_pass_logits(mn_pass *p, size_t row, size_t t, float *ret_logits)
{
    linear(p, 0, ret_logits, at(p->nf, (row * p->T + t) * p->c.C), p->w->head, 1, p->c.V,
           p->c.C, false);
}
