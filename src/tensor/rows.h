/* Linear layers for few rows: decoding one token, or a short piece of a prompt. */
#ifndef MN_TENSOR_ROWS_H
#define MN_TENSOR_ROWS_H

#include "base/thread.h"

/* y[t][n] = sum over k of x[t][k] W[n][k], for T rows (meant for T ≤ 64; right for any).
 *
 * shapes  y: [T][N], x: [T][K], W: [N][K], row-major, contiguous
 * memory  y may not overlap x or W; nothing is allocated or kept
 * numbers f32; each result is 16 running sums over k, added in a fixed order, then the tail: the same bits for every T, every
 *         thread count and every processor
 * thread  parts of N run on the pool (NULL: on the caller)
 * twins   mn_ref_matmul_nt, within 1e-5 relative; tests/unit/tensor/test_rows.c */
void mn_linear_rows(mn_pool *pool, float *y, const float *x, const float *W, size_t T, size_t N,
                    size_t K);

#endif
