/* See muon.h. The polynomial is applied as one factor, x = P x with P = a I + b A + c A^2 (tensor/polar.h), which is symmetric: a tall x takes
 * it from the right with the same products, and nothing is ever transposed. */
#include "model/muon.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/gemm.h"
#include "tensor/kernels.h"
#include "tensor/polar.h"

static const float steps[MN_POLAR_STEPS][3] = MN_POLAR_POLYNOMIALS;

static size_t whole_lines(size_t n)
{
    return (n + 15) / 16 * 16;
}

typedef struct scratch {
    size_t rows, cols, side; /* of the matrix; the shorter of both */
    bool bf16;
    float *other, *gram, *poly, *work; /* [rows][cols], [side][side] twice, MN_GEMM_WORK */
    uint16_t *x, *square;              /* bfloat16 of [rows][cols], of [side][side] */
    size_t floats;                     /* all of it */
} scratch;

static scratch lay_out(size_t rows, size_t cols, bool bf16, float *at)
{
    const size_t side = rows < cols ? rows : cols;
    const size_t n = whole_lines(rows * cols), square = whole_lines(side * side);
    scratch s = {.rows = rows, .cols = cols, .side = side, .bf16 = bf16};
    s.floats = whole_lines(n + n / 2 + 2 * square + square / 2 + MN_GEMM_WORK);
    if (!at) return s;
    s.other = at, s.gram = s.other + n, s.poly = s.gram + square;
    s.work = s.poly + square;
    s.x = (uint16_t *)(s.work + MN_GEMM_WORK), s.square = s.x + n;
    return s;
}

size_t mn_muon_work(size_t rows, size_t cols)
{
    return lay_out(rows, cols, false, NULL).floats;
}

/* A factor of a product in both kinds of numbers; h is filled only for bfloat16. */
typedef struct factor {
    const float *f;
    uint16_t *h;
    size_t ld;
    bool turned;
} factor;

static void fill_half(const scratch *s, const factor *x, size_t n)
{
    if (s->bf16) mn_kernels_best()->to_bf16(x->h, x->f, n);
}

static void product(const scratch *s, size_t M, size_t N, size_t K, factor l, factor r,
                    float *ret)
{
    if (s->bf16) mn_gemm_bf16(l.turned, r.turned, M, N, K, l.h, l.ld, r.h, r.ld, false, ret, N);
    else mn_gemm(l.turned, r.turned, M, N, K, l.f, l.ld, r.f, r.ld, false, ret, N, s->work);
}

/* y = one step from x. */
static void newton_schulz(const scratch *s, const float by[3], float *y, const float *x)
{
    const size_t n = s->side, nn = n * n, rows = s->rows, cols = s->cols;
    const bool tall = rows > cols;
    factor left = {x, s->x, cols, tall}, right = {x, s->x, cols, !tall};
    const factor gram = {s->gram, s->square, n, false}, poly = {s->poly, s->square, n, false};
    fill_half(s, &left, rows * cols);
    product(s, n, n, tall ? rows : cols, left, right, s->gram);
    fill_half(s, &gram, nn);
    product(s, n, n, n, gram, gram, s->poly);
    for (size_t i = 0; i < nn; i++) s->poly[i] = by[1] * s->gram[i] + by[2] * s->poly[i];
    for (size_t i = 0; i < n; i++) s->poly[i * n + i] += by[0];
    fill_half(s, &poly, nn);
    left.turned = right.turned = false;
    if (tall) product(s, rows, n, n, left, poly, y);
    else product(s, n, cols, n, poly, right, y);
}

void mn_muon_orthogonalise(float *x, size_t rows, size_t cols, bool bf16, float *work)
{
    const scratch s = lay_out(rows, cols, bf16, work);
    const size_t n = rows * cols;
    const double norm = sqrt(mn_kernels_best()->sum_squares(x, n));
    if (norm < MN_MUON_ZERO) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    const float inverse = (float)(1 / norm);
    for (size_t i = 0; i < n; i++) x[i] *= inverse;
    float *from = x, *to = s.other;
    for (int i = 0; i < MN_POLAR_STEPS; i++) {
        newton_schulz(&s, steps[i], to, from);
        float *t = from;
        from = to, to = t;
    }
    if (from != x) memcpy(x, from, n * sizeof *x);
}

void mn_muon_step(float *p, float *m, float *g, size_t rows, size_t cols, const mn_muon *o,
                  float *work)
{
    const size_t n = rows * cols;
    const float mu = o->momentum, fresh = (1 - mu) * o->scale;
    for (size_t i = 0; i < n; i++) {
        float x = fresh * g[i];
        m[i] = mu * m[i] + x;
        g[i] = mu * m[i] + x;
    }
    mn_muon_orthogonalise(g, rows, cols, o->bf16, work);
    const float rate = o->lr * 0.2f * sqrtf((float)(rows > cols ? rows : cols));
    const float decay = o->lr * o->decay, least = o->cautious ? 0 : -HUGE_VALF;
    for (size_t i = 0; i < n; i++)
        p[i] -= rate * g[i] + (g[i] * p[i] < least ? 0 : decay) * p[i];
}
