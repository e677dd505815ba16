/* How a block of the cache lies, and what every set of attention kernels computes.
 *
 * In a block, for each key/value head (P = MN_KV_BLOCK positions, Dp = D rounded up to 16):
 *   keys    [D][P]: turned round, so that a vector holds one component of many positions and scores need no sums across lanes
 *   values  [P][Dp]: a vector holds many components of one position
 *   int8    then the scales of the P keys and of the P values, as float32
 *
 * A row (a query of one head that sees `limit` positions) goes through the blocks in order, with top = -inf, l[16] = 0, o = 0:
 *   s[p]  = (sum over d ascending, by fma, of (q[d] * log2(e) / sqrt(D)) k[d][p]) (* key scale); -inf from limit on
 *   high  = the largest s; if it is above top: f = exp2(top - high), top = high, l *= f, o *= f
 *   e[p]  = exp2(s[p] - top);  l[p % 16] += e[p], p ascending
 *   o[d]  = fma(e[p] (* value scale), v[p][d], o[d]), p ascending
 * and ends with o / l, l summed by halves (lane i + lane i + 8, + 4, + 2, + 1). Every operation is rounded as IEEE says and in this
 * order, so that all sets and all ways of splitting rows give the same bits. */
#ifndef MN_TENSOR_ATTEND_INT_H
#define MN_TENSOR_ATTEND_INT_H

#include "tensor/attend.h"
#include "tensor/packed_int.h"

/* The most rows that a set takes at a time. */
#define MN_ATTEND__ROWS 12

static inline size_t mn_attend__wide(size_t D)
{
    return (D + 15) & ~(size_t)15;
}

/* Bytes: of a value, of a head's part of a block, and where in it the parts begin. */
typedef struct mn_attend__layout {
    size_t size, v, k_scale, v_scale, head;
} mn_attend__layout;

static inline mn_attend__layout mn_attend__layout_of(const mn_kv_shape *s)
{
    size_t size = s->type == MN_KV_I8 ? 1 : 2, k = MN_KV_BLOCK * s->D * size;
    size_t v = MN_KV_BLOCK * mn_attend__wide(s->D) * size, sc = MN_KV_BLOCK * sizeof(float);
    size_t end = k + v, scales = s->type == MN_KV_I8 ? sc : 0;
    return (mn_attend__layout){size, k, end, end + scales, mn_packed__64(end + 2 * scales)};
}

/* Softmax in base 2: queries are multiplied by this. */
static inline float mn_attend__factor(uint32_t D)
{
    return 1.44269504088896341f / __builtin_sqrtf((float)D);
}

/* Of the 16 partial sums. */
static inline float mn_attend__sum(const float *l)
{
    float s[8];
    for (int i = 0; i < 8; i++) s[i] = l[i] + l[i + 8];
    for (int half = 4; half; half /= 2)
        for (int i = 0; i < half; i++) s[i] += s[i + half];
    return s[0];
}

/* 2^x for x <= 0, 0 below -126: 2^n (1 + f C1 + ... + f^6 C6), f = x - n in [-1/2, 1/2], within 7e-8. Interpolates (2^f - 1) / f at the
 * six Chebyshev points. */
#define MN_EXP2__C1 0x1.62e43p-1f
#define MN_EXP2__C2 0x1.ebfbep-3f
#define MN_EXP2__C3 0x1.c6af6cp-5f
#define MN_EXP2__C4 0x1.3b2a54p-7f
#define MN_EXP2__C5 0x1.5f089p-10f
#define MN_EXP2__C6 0x1.44138ap-13f

#endif
