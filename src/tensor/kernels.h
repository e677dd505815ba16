/* The fast kernels: one vectorised text, built for several instruction sets, chosen at run time.
 *
 * Contracts are those of ref.h but for what is said here. None of them starts threads: the caller splits rows or ranges
 * over its pool, each part a call, so results do not depend on how parts meet threads. Sums run in a fixed order per
 * instruction set; two machines with the same set give the same bits.
 * twins   ref.h; tests/unit/tensor/test_kernels.c holds every set to it, on awkward shapes, within 2e-5 relative */
#ifndef MN_TENSOR_KERNELS_H
#define MN_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/ref.h"

typedef struct mn_kernels {
    const char *name; /* "avx512", "avx2", "plain" */

    void (*rmsnorm)(float *y, float *r, const float *x, const float *g, size_t T, size_t C,
                    float eps);
    void (*rmsnorm_back)(float *dx, float *dg, const float *dy, const float *x, const float *g,
                         const float *r, size_t T, size_t C);
    /* turn: mn_rope_table's, [positions][D], read at pos[t] */
    void (*rope)(float *x, size_t stride, const float *turn, const uint32_t *pos, size_t T,
                 size_t n_heads, size_t D, bool inverse);
    /* work: mn_attention_work(T, D) floats for both; first must not fall; the backward overwrites dqkv */
    void (*attention)(float *o, float *lse, const float *qkv, const uint32_t *first, size_t T,
                      size_t H, size_t KV, size_t D, float *work);
    void (*attention_back)(float *dqkv, const float *dO, const float *o, const float *lse,
                           const float *qkv, const uint32_t *first, size_t T, size_t H,
                           size_t KV, size_t D, float *work);
    void (*swiglu)(float *h, const float *gu, size_t T, size_t F);
    /* also gives h again, so that the forward pass need not keep it */
    void (*swiglu_back)(float *dgu, float *h, const float *dh, const float *gu, size_t T,
                        size_t F);
    void (*cross_entropy)(float *logits, float *losses, const uint32_t *target,
                          const float *weight, size_t T, size_t V);
    void (*adamw)(float *p, float *m, float *v, const float *g, size_t n, const mn_adamw *o);
    void (*add)(float *y, const float *x, size_t n); /* y += x */
    double (*sum_squares)(const float *x, size_t n);
    void (*to_bf16)(uint16_t *y, const float *x, size_t n); /* to nearest, ties to even */
    /* c = a b (+ c when add), a is [M][K] or with ta [K][M], b is [K][N] or with tb [N][K]; leading dimensions lda, ldb,
     * ldc. work: MN_GEMM_WORK floats. Blocked and packed; for when oneDNN is absent (gemm.h). */
    void (*gemm)(bool ta, bool tb, size_t M, size_t N, size_t K, const float *a, size_t lda,
                 const float *b, size_t ldb, bool add, float *c, size_t ldc, float *work);
} mn_kernels;

#define MN_GEMM_WORK (size_t)(256 * (96 + 768))

/* The best set for this CPU; $MYNAH_KERNELS names another that the CPU has (for tests and comparisons). */
const mn_kernels *mn_kernels_best(void);
/* The i-th set that this CPU can run, best first; NULL past the last ("plain"). */
const mn_kernels *mn_kernels_at(int i);

size_t mn_attention_work(size_t T, size_t D);
/* ret[p][i] = cos, ret[p][D/2 + i] = sin of p theta^(-2i/D), p < n_pos. */
void mn_rope_table(float *ret, size_t n_pos, size_t D, double theta);
/* The same from angles that were stretched: angle[i], i < D/2, is what each position adds to the i-th pair. */
void mn_rope_table_from(float *ret, size_t n_pos, size_t D, const double *angle);

#endif
