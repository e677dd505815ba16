/* See muon.h. The polynomial is applied as one factor, x = P x with P = a I + b A + c A^2, which is symmetric: a tall x takes
 * it from the right with the same products, and nothing is ever transposed. */
#include "model/muon.h"

#include <math.h>
#include <string.h>

#include "tensor/gemm.h"
#include "tensor/kernels.h"

/* Chosen by its author for the steepest rise from zero that still stays around 1. */
static const float a = 3.4445f, b = -4.7750f, c = 2.0315f;

static size_t whole_lines(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t mn_muon_work(size_t rows, size_t cols)
{
    size_t n = rows < cols ? rows : cols;
    return whole_lines(rows * cols) + 2 * whole_lines(n * n) + MN_GEMM_WORK;
}

/* y = one step from x. gram, poly: [n][n], n the shorter side. */
static void newton_schulz(float *y, const float *x, size_t rows, size_t cols, float *gram,
                          float *poly, float *work)
{
    const bool tall = rows > cols;
    const size_t n = tall ? cols : rows, len = tall ? rows : cols;
    mn_gemm(tall, !tall, n, n, len, x, cols, x, cols, false, gram, n, work);
    mn_gemm(false, false, n, n, n, gram, n, gram, n, false, poly, n, work);
    for (size_t i = 0; i < n * n; i++) poly[i] = b * gram[i] + c * poly[i];
    for (size_t i = 0; i < n; i++) poly[i * n + i] += a;
    if (tall) mn_gemm(false, false, rows, n, n, x, n, poly, n, false, y, n, work);
    else mn_gemm(false, false, n, cols, n, poly, n, x, cols, false, y, cols, work);
}

void mn_muon_orthogonalise(float *x, size_t rows, size_t cols, float *work)
{
    const size_t n = rows * cols, side = rows < cols ? rows : cols;
    float *other = work, *gram = other + whole_lines(n);
    float *poly = gram + whole_lines(side * side), *rest = poly + whole_lines(side * side);
    const double norm = sqrt(mn_kernels_best()->sum_squares(x, n));
    if (norm < MN_MUON_ZERO) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    const float inverse = (float)(1 / norm);
    for (size_t i = 0; i < n; i++) x[i] *= inverse;
    float *from = x, *to = other;
    for (int i = 0; i < MN_MUON_STEPS; i++) {
        newton_schulz(to, from, rows, cols, gram, poly, rest);
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
    mn_muon_orthogonalise(g, rows, cols, work);
    const float rate = o->lr * 0.2f * sqrtf((float)(rows > cols ? rows : cols));
    const float decay = o->lr * o->decay, least = o->cautious ? 0 : -HUGE_VALF;
    for (size_t i = 0; i < n; i++)
        p[i] -= rate * g[i] + (g[i] * p[i] < least ? 0 : decay) * p[i];
}
