/* Matrix products, for one thread each: oneDNN when libdnnl.so.2 can be loaded, else our own blocked kernel.
 *
 * oneDNN is loaded at the first mn_gemm_setup, not linked: only training and prompts need it, and a server that does
 * neither stays small. It runs on the calling thread alone (its OpenMP is told so, per thread): the process has one pool,
 * mn_pool, which splits the work, so a product's bits depend only on its own operands and shape. */
#ifndef MN_TENSOR_GEMM_H
#define MN_TENSOR_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Loads what there is, once; thread-safe. Must come before the products. */
void mn_gemm_setup(void);
/* "onednn 2.6.3" or "built-in (avx512): libdnnl.so.2 not found", for logs and training.json. */
const char *mn_gemm_backend(void);
/* bf16 products need oneDNN and a CPU with avx512_bf16: MN_E_UNSUPPORTED says which is absent. */
mn_rc mn_gemm_bf16_check(mn_err *e);

/* c[m][n] (+)= sum over k of a b. a is [M][K] (rows lda apart), with ta [K][M]; b is [K][N], with tb [N][K]; c [M][N].
 * add: to what is in c. work: MN_GEMM_WORK floats (kernels.h) of the calling thread's own. Never fails: should oneDNN refuse a
 * product, ours does it. */
void mn_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, const float *a, size_t lda,
             const float *b, size_t ldb, bool add, float *c, size_t ldc, float *work);
/* The same on bfloat16 operands with float32 sums. Only after mn_gemm_bf16_check said yes. */
void mn_gemm_bf16(bool ta, bool tb, size_t M, size_t N, size_t K, const uint16_t *a, size_t lda,
                  const uint16_t *b, size_t ldb, bool add, float *c, size_t ldc);

#endif
