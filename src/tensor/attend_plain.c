/* The plain kernels of attention: the definition in attend_int.h, a row at a time. */
#include <math.h>
#include <string.h>

#include "tensor/attend_int.h"

enum { P = MN_KV_BLOCK };

/* ---- storing ------------------------------------------------------------------------------------------------------ */

static void put_f16(uint8_t *at, float v)
{
    /* Infinity would make NaN of every row that gives the position no weight. */
    uint16_t h = mn_f32_to_f16(v > 65504 ? 65504 : v < -65504 ? -65504 : v);
    memcpy(at, &h, sizeof h);
}

/* Stores x [D], `step` values apart. ret_scale: int8 only. */
static void put(mn_kv_type type, const float *x, uint32_t D, uint8_t *at, size_t step,
                uint8_t *ret_scale)
{
    if (type == MN_KV_F16) {
        for (uint32_t d = 0; d < D; d++) put_f16(at + 2 * d * step, x[d]);
        return;
    }
    float inverse, scale = mn_act__scale(mn_act__largest(x, D), &inverse);
    for (uint32_t d = 0; d < D; d++)
        at[d * step] = inverse > 0 ? (uint8_t)mn_act__nearest(x[d] * inverse) : 0;
    memcpy(ret_scale, &scale, sizeof scale);
}

void mn_attend__store_plain(const mn_kv_shape *s, void *block, uint32_t at, uint32_t kv,
                            const float *k, const float *v)
{
    mn_attend__layout l = mn_attend__layout_of(s);
    size_t wide = mn_attend__wide(s->D);
    uint8_t *head = (uint8_t *)block + kv * l.head, *row = head + l.v + at * wide * l.size;
    if (k) put(s->type, k, s->D, head + at * l.size, P, head + l.k_scale + 4 * (size_t)at);
    if (!v) return;
    memset(row, 0, wide * l.size);
    put(s->type, v, s->D, row, 1, head + l.v_scale + 4 * (size_t)at);
}

/* ---- attending ---------------------------------------------------------------------------------------------------- */

/* One row on its way through the blocks. */
typedef struct row {
    const float *q;
    uint32_t D, limit;
    float top, l[16], *o;
} row;

static float value(mn_kv_type type, const uint8_t *p, size_t i)
{
    if (type == MN_KV_I8) return (float)(int8_t)p[i];
    uint16_t h;
    memcpy(&h, p + 2 * i, sizeof h);
    return mn_f16_to_f32(h);
}

static float scale_at(const mn_kv_shape *s, const uint8_t *scales, uint32_t p)
{
    float f = 1;
    if (s->type == MN_KV_I8) memcpy(&f, scales + 4 * (size_t)p, sizeof f);
    return f;
}

static float exp2_of(float x)
{
    if (x < -126) return 0;
    float n = x + 0x1.8p23f - 0x1.8p23f, f = x - n, y = MN_EXP2__C6, power;
    const float c[] = {MN_EXP2__C5, MN_EXP2__C4, MN_EXP2__C3, MN_EXP2__C2, MN_EXP2__C1, 1};
    for (int i = 0; i < 6; i++) y = fmaf(y, f, c[i]);
    if (!(n >= -126 && n <= 0)) return x; /* NaN */
    uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

static void scores(const mn_kv_shape *s, const row *r, const uint8_t *head, uint32_t n,
                   float *e)
{
    mn_attend__layout l = mn_attend__layout_of(s);
    float factor = mn_attend__factor(r->D);
    for (uint32_t p = 0; p < P; p++) {
        e[p] = -INFINITY;
        if (p >= n) continue;
        float sum = 0;
        for (uint32_t d = 0; d < r->D; d++)
            sum = fmaf(r->q[d] * factor, value(s->type, head, (size_t)d * P + p), sum);
        e[p] = s->type == MN_KV_I8 ? sum * scale_at(s, head + l.k_scale, p) : sum;
    }
}

static void raise_top(row *r, float high)
{
    float f = exp2_of(r->top - high);
    r->top = high;
    for (int i = 0; i < 16; i++) r->l[i] *= f;
    for (uint32_t d = 0; d < r->D; d++) r->o[d] *= f;
}

/* The first n positions of a block. */
static void block_take(const mn_kv_shape *s, row *r, const uint8_t *head, uint32_t n)
{
    mn_attend__layout l = mn_attend__layout_of(s);
    float e[P], high = -INFINITY;
    scores(s, r, head, n, e);
    for (uint32_t p = 0; p < P; p++) high = e[p] > high ? e[p] : high;
    if (high > r->top) raise_top(r, high);
    for (uint32_t p = 0; p < n; p++) {
        float w = exp2_of(e[p] - r->top);
        r->l[p % 16] += w;
        if (s->type == MN_KV_I8) w *= scale_at(s, head + l.v_scale, p);
        const uint8_t *v = head + l.v + p * mn_attend__wide(r->D) * l.size;
        for (uint32_t d = 0; d < r->D; d++) r->o[d] = fmaf(w, value(s->type, v, d), r->o[d]);
    }
}

static void finish(const row *r, float *o)
{
    float sum = mn_attend__sum(r->l);
    for (uint32_t d = 0; d < r->D; d++) o[d] = r->o[d] / sum;
}

void mn_attend__plain(const mn_kv_shape *s, const float *q, size_t n, size_t stride,
                      uint32_t from, uint32_t to, uint32_t kv, uint32_t pos,
                      const void *const *blocks, float *o, float *work)
{
    size_t skip = kv * mn_attend__layout_of(s).head;
    for (size_t t = 0; t < n; t++)
        for (size_t h = from; h < to; h++) {
            row r = {
                q + t * stride + h * s->D, s->D, pos + (uint32_t)t + 1, -INFINITY, {0}, work};
            memset(work, 0, s->D * sizeof *work);
            for (uint32_t at = 0; at < r.limit; at += P) {
                uint32_t left = r.limit - at;
                block_take(s, &r, (const uint8_t *)blocks[at / P] + skip, left < P ? left : P);
            }
            finish(&r, o + t * stride + h * s->D);
        }
}
