/* How a packed matrix and a packed row of x lie in memory, and the table of kernels that each instruction set fills.
 *
 * A matrix is a list of panels of MN_PACK_ROWS rows. A panel is its scales, then its values, both padded to 64 bytes:
 *
 *   F32    values: for each k the 16 rows' values
 *   F16    the same
 *   BF16   for each pair of k: 16 times (even k, odd k); an odd K ends with a zero
 *   blocks values: for each 32 k: [planes][nibbles], or 8 vectors of bytes. A vector is 64 bytes: byte 4r + i belongs to row r and
 *          to k = 4j + i, j being the "step" 0..7 of the vector within the block.
 *            8 bits   8 vectors, step by step; the signed values plus 128
 *            4 bits   4 vectors: v has step v in its low halves, step 4 + v in its high ones
 *            5 bits   a plane (1 vector, bit j of a byte is the fifth bit of step j), then as 4 bits
 *            6 bits   2 planes (plane p, bits 2f and 2f + 1 of a byte: the highest two of step 4p + f), then as 4 bits
 *          scales: Q8_0, Q4_0, Q5_0   for each block 16 f16 (d)
 *                  Q4_1, Q5_1         for each block 16 f16 (d), 16 f16 (m)
 *                  Q4_K, Q5_K         for each 8 blocks 16 f16 (d), 16 f16 (minus dmin), then for each block 16 bytes (scale), 16 bytes (min)
 *                  Q6_K               for each 8 blocks 16 f16 (d), then for each half block 16 signed bytes (scale)
 *
 * A row of x for blocks (MN_ACT_Q8): K signed bytes within -127..127, padded to 64, then for each 32 of them a mn_act__block, padded.
 * A block of x whose largest value is not finite has d = NaN and bytes 0; one below 2^-100 has d = 0.
 *
 * A product of blocks, for each row n and t, with c the unsigned codes and b ascending:
 *   s   = -offset * sum + sum over k of c * x          in int32: offset is 128, 8, 16, 32, or 0 where there is a minimum
 *   acc = fma((float)s, dw * dx, acc), and with a minimum acc = fma(mw, dsum, acc)
 * dw is d, or d * scale, which float32 holds exactly; Q6_K does it for each half block. */
#ifndef MN_TENSOR_PACKED_INT_H
#define MN_TENSOR_PACKED_INT_H

#include <string.h>

#include "tensor/attend.h"
#include "tensor/packed.h"

/* What a set brings. */
typedef void mn_packed__product(const mn_packed *p, const uint8_t *x, size_t T, uint32_t from,
                                uint32_t to, float *y, size_t stride);
typedef struct mn_packed__set {
    const char *name;
    mn_packed__product *product[MN_Q_BF16 + 1]; /* by type */
    void (*act_q8)(const float *x, uint32_t K, uint8_t *ret);
    void (*act_bf16)(const float *x, uint32_t K, uint8_t *ret);
    void (*kv_store)(const mn_kv_shape *s, void *block, uint32_t at, uint32_t kv,
                     const float *k, const float *v);
    void (*attend)(const mn_kv_shape *s, const float *q, size_t n, size_t stride, uint32_t from,
                   uint32_t to, uint32_t kv, uint32_t pos, const void *const *blocks, float *o,
                   float *work);
} mn_packed__set;

extern const mn_packed__set mn_packed__plain;
extern const mn_packed__set mn_packed__avx512, mn_packed__avxvnni, mn_packed__avx2; /* x86-64 */
extern const mn_packed__set mn_packed__neondot, mn_packed__neon; /* aarch64 */
void mn_act__bf16_plain(const float *x, uint32_t K, uint8_t *ret);
/* Attention of each set: attend_SET.c. */
#define MN_ATTEND__SET(set)                                                                    \
    void mn_attend__store_##set(const mn_kv_shape *s, void *block, uint32_t at, uint32_t kv,   \
                                const float *k, const float *v);                               \
    void mn_attend__##set(const mn_kv_shape *s, const float *q, size_t n, size_t stride,       \
                          uint32_t from, uint32_t to, uint32_t kv, uint32_t pos,               \
                          const void *const *blocks, float *o, float *work)
MN_ATTEND__SET(plain);
MN_ATTEND__SET(avx512);
MN_ATTEND__SET(avx2);
MN_ATTEND__SET(neon);

/* The i-th set that this CPU can run, best first; NULL past the last ("plain"). For tests and benches. */
const mn_packed__set *mn_packed__set_at(int i);
/* The best, or what $MYNAH_KERNELS names ("avx2", or "avx512" for the first that begins so). */
const mn_packed__set *mn_packed__best(void);

static inline size_t mn_packed__64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* ---- matrices ---------------------------------------------------------------------------------------------------- */

typedef struct mn_packed__layout {
    uint8_t bits;   /* of a code; 0: a plain format */
    uint8_t offset; /* subtracted from codes */
    uint8_t parts;  /* of a block that have a scale of their own: 1, 2 */
    bool min;
    bool super;      /* scales are kept for 8 blocks */
    uint16_t values; /* bytes of a block's values in a panel; of one k for plain formats */
    uint16_t scales; /* bytes of a block's scales in a panel, of 8 blocks' when super */
    mn_act act;
} mn_packed__layout;

static inline mn_packed__layout mn_packed__layout_of(mn_qtype type)
{
    switch (type) {
    case MN_Q_F32:
        return (mn_packed__layout){.values = 64, .act = MN_ACT_F32};
    case MN_Q_F16:
        return (mn_packed__layout){.values = 32, .act = MN_ACT_F32};
    case MN_Q_BF16:
        return (mn_packed__layout){.values = 32, .act = MN_ACT_BF16};
    case MN_Q_Q8_0:
        return (mn_packed__layout){8, 128, 1, false, false, 512, 32, MN_ACT_Q8};
    case MN_Q_Q4_0:
        return (mn_packed__layout){4, 8, 1, false, false, 256, 32, MN_ACT_Q8};
    case MN_Q_Q4_1:
        return (mn_packed__layout){4, 0, 1, true, false, 256, 64, MN_ACT_Q8};
    case MN_Q_Q5_0:
        return (mn_packed__layout){5, 16, 1, false, false, 320, 32, MN_ACT_Q8};
    case MN_Q_Q5_1:
        return (mn_packed__layout){5, 0, 1, true, false, 320, 64, MN_ACT_Q8};
    case MN_Q_Q4_K:
        return (mn_packed__layout){4, 0, 1, true, true, 256, 320, MN_ACT_Q8};
    case MN_Q_Q5_K:
        return (mn_packed__layout){5, 0, 1, true, true, 320, 320, MN_ACT_Q8};
    case MN_Q_Q6_K:
        return (mn_packed__layout){6, 32, 2, false, true, 384, 288, MN_ACT_Q8};
    }
    return (mn_packed__layout){0};
}

/* Bytes of a panel's scales, padded; of a panel. */
static inline size_t mn_packed__scale_bytes(const mn_packed__layout *l, uint32_t K)
{
    return mn_packed__64((size_t)K / (l->super ? 256 : 32) * l->scales);
}
static inline size_t mn_packed__panel_bytes(const mn_packed__layout *l, uint32_t K)
{
    size_t n = l->bits ? K / 32 : l->act == MN_ACT_BF16 ? K + (K & 1) : K;
    return mn_packed__scale_bytes(l, K) + mn_packed__64(n * l->values);
}

/* A block of row n as its matrix has it: for mn_packed_row and the plain kernels. */
typedef struct mn_packed__block {
    uint8_t code[32];
    float d[2], m; /* scale of each part, minimum (0 where the format has none) */
} mn_packed__block;
void mn_packed__block_get(const mn_packed *p, uint32_t n, uint32_t b, mn_packed__block *ret);
/* Value k of row n of a plain format. */
float mn_packed__value(const mn_packed *p, uint32_t n, uint32_t k);

/* The largest magnitude of n floats. As bits, floats that are not negative have the order of integers, infinity and NaN
 * above all. */
static inline float mn_act__largest(const float *x, uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, x + i, sizeof u);
        u &= 0x7fffffff;
        most = u > most ? u : most;
    }
    float f;
    memcpy(&f, &most, sizeof f);
    return f;
}

/* Adding and taking 1.5 x 2^23 rounds to an integer, ties to even. */
static inline int32_t mn_act__nearest(float v)
{
    return (int32_t)(v + 0x1.8p23f - 0x1.8p23f);
}

/* A scale d = top/127 for signed bytes, and its inverse. top: the largest magnitude. NaN and 0 when top is not finite, 0 and 0 when
 * it is below 2^-100: then all bytes are 0. */
static inline float mn_act__scale(float top, float *ret_inverse)
{
    *ret_inverse = 0;
    if (!(top <= 0x1.fffffep127f)) return __builtin_nanf("");
    if (top < 0x1p-100f) return 0;
    *ret_inverse = 127 / top;
    return top / 127;
}

/* ---- rows of x --------------------------------------------------------------------------------------------------- */

/* What goes with 32 bytes of a row of MN_ACT_Q8. */
typedef struct mn_act__block {
    float d;      /* the scale: x is about d * byte */
    float dsum;   /* d * (float)(sum of the bytes) */
    int32_t sum;  /* minus the sum of the bytes */
    int32_t half; /* minus the sum of the first 16 */
} mn_act__block;

/* Where they begin, in bytes. */
static inline size_t mn_act__blocks_at(uint32_t K)
{
    return mn_packed__64(K);
}
static inline size_t mn_act__q8_bytes(uint32_t K)
{
    return mn_packed__64(K) + mn_packed__64((size_t)K / 32 * sizeof(mn_act__block));
}

#endif
