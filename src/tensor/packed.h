/* Weight matrices as inference wants them: y = x W^T for few rows of x (decoding) and many (prompts), on all formats of quant.h.
 *
 * At load a matrix [N][K] is laid out anew: 16 rows interleaved so that one vector holds the same k of 16 rows, four k at a time for
 * 8-bit dot products, two for bf16; scales beside them. The values are those of the file, bit for bit (a quantised matrix
 * stays quantised: about as many bytes as in the file), so that no format loses by it. x is brought to what the format is multiplied
 * with: float32 for F32 and F16, bfloat16 for BF16, and for blocks 8-bit integers with a scale for each 32 (sums of products
 * are exact in int32).
 *
 * numbers  y[t][n] is a function of row t of x and row n of W alone: the same bits for every T, every split of N, every number of
 *          threads; and for blocks the same bits on every instruction set too. (So greedy results cannot depend on what else
 *          is in a batch, and checking several drafted tokens at once gives what one by one would.)
 * sets     AVX-512 (VNNI, BF16), AVX2 with and without AVX-VNNI, NEON with and without dot product, plain C; chosen at run
 *          time as kernels.h does, $MYNAH_KERNELS too
 * twins    packed_plain.c: tests/unit/tensor/test_packed.c holds every set to it on awkward shapes, tests/neon/run.sh on aarch64
 * thread   a packed matrix never changes; products write only what they are told to */
#ifndef MN_TENSOR_PACKED_H
#define MN_TENSOR_PACKED_H

#include "base/err.h"
#include "base/thread.h"
#include "tensor/quant.h"

/* What rows of x are turned into. */
typedef enum mn_act { MN_ACT_F32, MN_ACT_BF16, MN_ACT_Q8 } mn_act;

typedef struct mn_packed {
    mn_qtype type;
    mn_act act;
    uint32_t N, K;
    size_t bytes;
    uint8_t *data; /* 64-byte aligned */
    uint8_t *own;  /* data, where the matrix has memory of its own */
} mn_packed;

#define MN_PACK_ROWS 16u /* products are split at multiples of it */

/* src: N rows of K values in the given format, row after row, no alignment needed; only read.
 * row_of: which row of src becomes row n (NULL: n itself) — GGUF stores the rows of q and k in another order.
 * limits  K a multiple of the format's block, N and K at least 1; a tail of N below 16 is padded inside
 * errors  MN_E_NOMEM, MN_E_USAGE (shape) */
mn_rc mn_packed_new(mn_qtype type, uint32_t N, uint32_t K, const void *src,
                    uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                    mn_pool *pool, mn_packed *ret, mn_err *e);
/* The same in memory of the caller's, mn_packed_bytes of it and 64-byte aligned, that is kept until the matrix is released: matrices
 * that are read one after the other lie best in one piece of memory, on large pages (mn_alloc_pages). */
mn_rc mn_packed_new_at(void *at, mn_qtype type, uint32_t N, uint32_t K, const void *src,
                       uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                       mn_pool *pool, mn_packed *ret, mn_err *e);
/* Of the packed form, a multiple of 64; 0 for what cannot be packed or is too large. */
size_t mn_packed_bytes(mn_qtype type, uint32_t N, uint32_t K);
void mn_packed_release(mn_packed *p);
/* One row as float32 [K]: an embedding. */
void mn_packed_row(const mn_packed *p, uint32_t n, float *ret);

/* Bytes of one row of x in the form `act`, a multiple of 64; and that form of it. */
size_t mn_act_bytes(mn_act act, uint32_t K);
void mn_act_pack(mn_act act, const float *x, uint32_t K, void *ret);

/* y[t][n] = sum over k of x[t][k] W[n][k] for t < T and from <= n < to.
 *   x       T rows as mn_act_pack made them for p->act, mn_act_bytes apart, 64-byte aligned
 *   y       row t at y + t * stride; only columns from..to are written
 *   from    a multiple of MN_PACK_ROWS; to: one too, or N
 * Nothing is allocated. T = 1 is the decoding path, bound by reading the weights once; larger T reads them once for every few rows. */
void mn_packed_product(const mn_packed *p, const void *x, size_t T, uint32_t from, uint32_t to,
                       float *y, size_t stride);

/* "avx512-vnni-bf16", "avx2-vnni", "avx2", "neon-dot", "neon", "plain": what runs here. */
const char *mn_packed_set(void);

#endif
