/* The plain kernels of packed matrices: their definition in C. Every set gives these bits for blocks (packed_int.h says why it can),
 * and these numbers within rounding for plain formats.
 *
 * y itself is the running sum, block after block. */
#include <math.h>
#include <string.h>

#include "tensor/packed_int.h"

/* ---- rows of x --------------------------------------------------------------------------------------------------- */

static void act_q8(const float *x, uint32_t K, uint8_t *ret)
{
    uint8_t *blocks = ret + mn_act__blocks_at(K);
    memset(ret + K, 0, mn_act__q8_bytes(K) - K);
    for (uint32_t b = 0; b < K / 32; b++, x += 32) {
        mn_act__block a = {0};
        float inverse;
        a.d = mn_act__scale(mn_act__largest(x, 32), &inverse);
        for (uint32_t i = 0; i < 32; i++) {
            int32_t q = inverse > 0 ? mn_act__nearest(x[i] * inverse) : 0;
            ret[32 * b + i] = (uint8_t)(int8_t)q;
            a.sum -= q;
            if (i < 16) a.half -= q;
        }
        a.dsum = a.d * (float)-a.sum;
        memcpy(blocks + b * sizeof a, &a, sizeof a);
    }
}

void mn_act__bf16_plain(const float *x, uint32_t K, uint8_t *ret)
{
    for (uint32_t k = 0; k < K + (K & 1); k++) {
        uint16_t h = k < K ? mn_f32_to_bf16(x[k]) : 0;
        memcpy(ret + 2 * (size_t)k, &h, sizeof h);
    }
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

static int32_t dot(const uint8_t *code, const int8_t *x, int n)
{
    int32_t s = 0;
    for (int i = 0; i < n; i++) s += code[i] * x[i];
    return s;
}

/* What block b of row n adds to the running sum of each row of x. */
static void block_add(const mn_packed *p, const mn_packed__layout *l, uint32_t n, uint32_t b,
                      const uint8_t *x, size_t T, float *y, size_t stride)
{
    mn_packed__block w;
    mn_packed__block_get(p, n, b, &w);
    for (size_t t = 0; t < T; t++) {
        const uint8_t *row = x + t * mn_act__q8_bytes(p->K);
        const int8_t *q = (const int8_t *)row + 32 * (size_t)b;
        mn_act__block a;
        memcpy(&a, row + mn_act__blocks_at(p->K) + b * sizeof a, sizeof a);
        float acc = b ? y[t * stride + n] : 0;
        if (l->parts == 2) {
            int32_t s = l->offset * a.half + dot(w.code, q, 16);
            acc = fmaf((float)s, w.d[0] * a.d, acc);
            s = l->offset * (a.sum - a.half) + dot(w.code + 16, q + 16, 16);
            acc = fmaf((float)s, w.d[1] * a.d, acc);
        } else {
            int32_t s = l->offset * a.sum + dot(w.code, q, 32);
            acc = fmaf((float)s, w.d[0] * a.d, acc);
        }
        y[t * stride + n] = l->min ? fmaf(w.m, a.dsum, acc) : acc;
    }
}

static void product_blocks(const mn_packed *p, const uint8_t *x, size_t T, uint32_t from,
                           uint32_t to, float *y, size_t stride)
{
    mn_packed__layout l = mn_packed__layout_of(p->type);
    for (uint32_t n = from; n < to; n++)
        for (uint32_t b = 0; b < p->K / 32; b++) block_add(p, &l, n, b, x, T, y, stride);
}

static float x_value(const mn_packed *p, const uint8_t *row, uint32_t k)
{
    if (p->act == MN_ACT_F32) return ((const float *)(const void *)row)[k];
    return mn_bf16_to_f32(((const uint16_t *)(const void *)row)[k]);
}

static void product_values(const mn_packed *p, const uint8_t *x, size_t T, uint32_t from,
                           uint32_t to, float *y, size_t stride)
{
    size_t x_bytes = mn_act_bytes(p->act, p->K);
    for (uint32_t n = from; n < to; n++)
        for (uint32_t k = 0; k < p->K; k++) {
            float w = mn_packed__value(p, n, k);
            for (size_t t = 0; t < T; t++) {
                float *at = y + t * stride + n;
                *at = fmaf(w, x_value(p, x + t * x_bytes, k), k ? *at : 0);
            }
        }
}

const mn_packed__set mn_packed__plain = {
    .name = "plain",
    .product = {[MN_Q_F32] = product_values,
                [MN_Q_F16] = product_values,
                [MN_Q_BF16] = product_values,
                [MN_Q_Q8_0] = product_blocks,
                [MN_Q_Q4_0] = product_blocks,
                [MN_Q_Q4_1] = product_blocks,
                [MN_Q_Q5_0] = product_blocks,
                [MN_Q_Q5_1] = product_blocks,
                [MN_Q_Q4_K] = product_blocks,
                [MN_Q_Q5_K] = product_blocks,
                [MN_Q_Q6_K] = product_blocks},
    .act_q8 = act_q8,
    .act_bf16 = mn_act__bf16_plain,
    .kv_store = mn_attend__store_plain,
    .attend = mn_attend__plain,
};
