/* What steps weights, beside products: norms of gradients, AdamW, Muon. References: mn_ref_adamw; model/muon.c. */
#include "tensor/cuda/device.cuh"
#include "tensor/polar.h"

/* ---- plain passes over values ---------------------------------------------------------------------------------------------- */

__global__ static void round_all(uint16_t *h, const float *f, size_t n)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) h[i] = mn_cuda__bf16(f[i]);
}

__global__ static void add_all(float *y, const float *x, size_t n)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) y[i] += x[i];
}

void mn_cuda__round(mn_cuda *d, uint16_t *h, const float *f, size_t n)
{
    if (!mn_cuda__ready(d) || !n) return;
    MN_LAUNCH(round_all, mn_cuda__blocks(n), MN_BLOCK, 0, d->stream, h, f, n);
    mn_cuda__launched(d, "round");
}

void mn_cuda__add(mn_cuda *d, float *y, const float *x, size_t n)
{
    if (!mn_cuda__ready(d) || !n) return;
    MN_LAUNCH(add_all, mn_cuda__blocks(n), MN_BLOCK, 0, d->stream, y, x, n);
    mn_cuda__launched(d, "add");
}

/* ---- sums of squares --------------------------------------------------------------------------------------------------------- */

__global__ static void square_part(double *parts, const float *x, size_t n, size_t stride)
{
    MN_SHARED(double, shared);
    const size_t from = (size_t)blockIdx.x * MN_CUDA_SQUARE_PART;
    const size_t to = from + MN_CUDA_SQUARE_PART < n ? from + MN_CUDA_SQUARE_PART : n;
    const float *own = x + blockIdx.y * stride;
    double sum = 0;
    for (size_t i = from + threadIdx.x; i < to; i += MN_BLOCK)
        sum += (double)own[i] * (double)own[i];
    sum = mn_cuda__block_sum(sum, shared);
    if (threadIdx.x == 0) parts[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

__global__ static void square_sum(double *ret, const double *parts, size_t n_parts)
{
    MN_SHARED(double, shared);
    double sum = 0;
    for (size_t i = threadIdx.x; i < n_parts; i += MN_BLOCK)
        sum += parts[blockIdx.x * n_parts + i];
    sum = mn_cuda__block_sum(sum, shared);
    if (threadIdx.x == 0) ret[blockIdx.x] = sum;
}

void mn_cuda__sum_squares(mn_cuda *d, double *ret, const float *x, size_t n, size_t batch,
                          size_t stride, double *work)
{
    if (!mn_cuda__ready(d) || !n || !batch) return;
    const size_t parts = mn_cuda_square_parts(n), shared = MN_WARPS * sizeof(double);
    const dim3 grid((unsigned)parts, (unsigned)batch);
    MN_LAUNCH(square_part, grid, MN_BLOCK, shared, d->stream, work, x, n, stride);
    MN_LAUNCH(square_sum, (unsigned)batch, MN_BLOCK, shared, d->stream, ret, work, parts);
    mn_cuda__launched(d, "sum_squares");
}

__global__ static void clip(float *scale, const double *squares, double most)
{
    const double norm = sqrt(*squares);
    if (threadIdx.x == 0) *scale = most > 0 && norm > most ? (float)(most / norm) : 1.0f;
}

void mn_cuda__clip(mn_cuda *d, float *scale, const double *squares, double most)
{
    if (!mn_cuda__ready(d)) return;
    MN_LAUNCH(clip, 1, 32, 0, d->stream, scale, squares, most);
    mn_cuda__launched(d, "clip");
}

/* ---- AdamW --------------------------------------------------------------------------------------------------------------------- */

__global__ static void adamw(mn_cuda_adamw a)
{
    const mn_adamw o = a.how;
    const float scale = *a.scale;
    for (size_t i = MN_FIRST; i < a.n; i += MN_STEP) {
        const size_t at = blockIdx.y * a.stride + i;
        const float x = a.g[at] * scale;
        const float m = o.b1 * a.m[at] + (1 - o.b1) * x,
                    v = o.b2 * a.v[at] + (1 - o.b2) * x * x;
        const float step = m / o.fix1 / (sqrtf(v / o.fix2) + o.eps), p = a.p[at];
        const float decay = o.cautious && step * p < 0 ? 0 : o.decay;
        a.m[at] = m, a.v[at] = v;
        const mn_cuda_mat out = {a.p, a.half};
        mn_cuda__put(out, at, p - o.lr * (step + decay * p));
    }
}

void mn_cuda__adamw(mn_cuda *d, const mn_cuda_adamw *a)
{
    if (!mn_cuda__ready(d) || !a->n || !a->batch) return;
    const dim3 grid(mn_cuda__blocks(a->n), (unsigned)a->batch);
    MN_LAUNCH(adamw, grid, MN_BLOCK, 0, d->stream, *a);
    mn_cuda__launched(d, "adamw");
}

/* ---- Muon: see model/muon.h for what it is --------------------------------------------------------------------------------------- */

#define NS_ZERO 1e-12

static const float polynomials[MN_POLAR_STEPS][3] = MN_POLAR_POLYNOMIALS;

/* m = mu m + x, g = mu m + x, x = (1 - mu) scale g; blockIdx.y is the matrix. */
__global__ static void muon_momentum(float *m, float *g, size_t n, size_t stride, float mu,
                                     const float *scale)
{
    const float fresh = (1 - mu) * *scale;
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t at = blockIdx.y * stride + i;
        const float x = fresh * g[at], moved = mu * m[at] + x;
        m[at] = moved;
        g[at] = mu * moved + x;
    }
}

/* Matrices of Frobenius norm 1; h is contiguous. */
__global__ static void muon_normalise(float *g, uint16_t *h, size_t n, size_t stride,
                                      const double *squares)
{
    const double norm = sqrt(squares[blockIdx.y]);
    const bool nothing = norm < NS_ZERO;
    const float inverse = nothing ? 0 : (float)(1 / norm);
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        float *x = g + blockIdx.y * stride + i;
        *x = nothing ? 0 : *x * inverse;
        if (h) h[blockIdx.y * n + i] = mn_cuda__bf16(*x);
    }
}

/* The twins of matrices that are stride apart; h is contiguous. */
__global__ static void muon_round(uint16_t *h, const float *x, size_t n, size_t stride)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP)
        h[blockIdx.y * n + i] = mn_cuda__bf16(x[blockIdx.y * stride + i]);
}

/* poly = a I + b gram + c poly, all [batch][side][side]. */
__global__ static void muon_poly(mn_cuda_mat poly, const float *gram, size_t side, size_t batch,
                                 float a, float b, float c)
{
    const size_t square = side * side, n = batch * square;
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t at = i % square;
        const float x = b * gram[i] + c * poly.f[i];
        mn_cuda__put(poly, i, at / side == at % side ? x + a : x);
    }
}

__global__ static void muon_apply(mn_cuda_muon m, const float *x, float rate)
{
    const size_t n = m.rows * m.cols;
    const float decay = m.lr * m.decay, least = m.cautious ? 0 : -HUGE_VALF;
    const mn_cuda_mat out = {m.p, m.half};
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t at = blockIdx.y * m.stride + i;
        const float o = x[blockIdx.y * n + i], p = m.p[at];
        mn_cuda__put(out, at, p - (rate * o + (o * p < least ? 0 : decay) * p));
    }
}

/* Scratch of a step, in the order of mn_cuda_muon_work. */
struct muon_scratch {
    double *squares, *parts;
    float *other;
    uint16_t *x_half;
    float *gram, *poly;
    uint16_t *square_half;
};

static char *take(char **at, size_t bytes)
{
    char *p = *at;
    *at += mn_cuda_whole(bytes);
    return p;
}

static muon_scratch lay_out(const mn_cuda_muon *m)
{
    const size_t n = m->rows * m->cols, side = m->rows < m->cols ? m->rows : m->cols,
                 square = side * side;
    char *at = (char *)m->work;
    muon_scratch s;
    s.squares = (double *)take(&at, m->batch * (1 + mn_cuda_square_parts(n)) * sizeof(double));
    s.parts = s.squares + m->batch;
    s.other = (float *)take(&at, m->batch * n * sizeof(float));
    s.x_half = (uint16_t *)take(&at, m->batch * n * sizeof(uint16_t));
    s.gram = (float *)take(&at, m->batch * square * sizeof(float));
    s.poly = (float *)take(&at, m->batch * square * sizeof(float));
    s.square_half = (uint16_t *)take(&at, m->batch * square * sizeof(uint16_t));
    return s;
}

/* y = (a I + b A + c A A) x with A = x x^T, of all matrices; tall ones from the right with A = x^T x. x and y are x_stride and y_stride
 * apart; x_half, contiguous, is x's twin. */
static void newton_schulz(mn_cuda *d, const mn_cuda_muon *m, const muon_scratch *s,
                          const float by[3], float *y, size_t y_stride, float *x,
                          size_t x_stride)
{
    const size_t rows = m->rows, cols = m->cols, side = rows < cols ? rows : cols,
                 square = side * side;
    const bool tall = rows > cols, bf16 = m->bf16;
    const mn_cuda_mat X = {x, bf16 ? s->x_half : NULL},
                      A = {s->gram, bf16 ? s->square_half : NULL};
    const mn_cuda_mat P = {s->poly, bf16 ? s->square_half : NULL};
    const size_t xs = bf16 ? rows * cols : x_stride;
    mn_cuda_product q = {};
    q.batch = m->batch;
    /* A */
    q.ta = tall, q.tb = !tall, q.M = side, q.N = side, q.K = tall ? rows : cols;
    q.a = X, q.lda = cols, q.a_stride = xs, q.b = X, q.ldb = cols, q.b_stride = xs;
    q.c = s->gram, q.ldc = side, q.c_stride = square;
    mn_cuda__product(d, &q);
    if (bf16) mn_cuda__round(d, s->square_half, s->gram, m->batch * square);
    /* A A, then P */
    q.ta = q.tb = false, q.K = side;
    q.a = A, q.lda = side, q.a_stride = square, q.b = A, q.ldb = side, q.b_stride = square,
    q.c = s->poly;
    mn_cuda__product(d, &q);
    if (!mn_cuda__ready(d)) return;
    MN_LAUNCH(muon_poly, mn_cuda__blocks(m->batch * square), MN_BLOCK, 0, d->stream, P, s->gram,
              side, m->batch, by[0], by[1], by[2]);
    mn_cuda__launched(d, "muon_poly");
    /* P x or x P */
    q.M = rows, q.N = cols;
    q.a = tall ? X : P, q.lda = tall ? cols : side, q.a_stride = tall ? xs : square;
    q.b = tall ? P : X, q.ldb = tall ? side : cols, q.b_stride = tall ? square : xs;
    q.c = y, q.ldc = cols, q.c_stride = y_stride;
    mn_cuda__product(d, &q);
}

void mn_cuda__muon(mn_cuda *d, const mn_cuda_muon *m)
{
    if (!mn_cuda__ready(d) || !m->batch) return;
    const muon_scratch s = lay_out(m);
    const size_t n = m->rows * m->cols, longer = m->rows > m->cols ? m->rows : m->cols;
    const dim3 grid(mn_cuda__blocks(n), (unsigned)m->batch);
    uint16_t *half = m->bf16 ? s.x_half : NULL;
    MN_LAUNCH(muon_momentum, grid, MN_BLOCK, 0, d->stream, m->m, m->g, n, m->stride,
              m->momentum, m->scale);
    mn_cuda__launched(d, "muon_momentum");
    mn_cuda__sum_squares(d, s.squares, m->g, n, m->batch, m->stride, s.parts);
    if (!mn_cuda__ready(d)) return;
    MN_LAUNCH(muon_normalise, grid, MN_BLOCK, 0, d->stream, m->g, half, n, m->stride,
              s.squares);
    mn_cuda__launched(d, "muon_normalise");
    float *x = m->g, *y = s.other;
    size_t x_stride = m->stride, y_stride = n;
    for (int i = 0; i < MN_POLAR_STEPS;
         i++) { /* odd: the last is in s.other, which is contiguous */
        newton_schulz(d, m, &s, polynomials[i], y, y_stride, x, x_stride);
        if (!mn_cuda__ready(d)) return;
        if (half && i + 1 < MN_POLAR_STEPS)
            MN_LAUNCH(muon_round, grid, MN_BLOCK, 0, d->stream, half, y, n, y_stride);
        float *t = x;
        const size_t t_stride = x_stride;
        x = y, x_stride = y_stride;
        y = t, y_stride = t_stride;
    }
    if (!mn_cuda__ready(d)) return;
    MN_LAUNCH(muon_apply, grid, MN_BLOCK, 0, d->stream, *m, s.other,
              m->lr * 0.2f * sqrtf((float)longer));
    mn_cuda__launched(d, "muon_apply");
}
