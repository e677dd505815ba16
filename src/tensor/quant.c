/* The formats of weights, and reading them. Writing: quantise.c. docs/design/quantisation.md draws each block.
 *
 * One small function a block format, over bytes: blocks lie at any address and the machine's byte order does not matter. */
#include "tensor/quant.h"

#include <string.h>

#include "tensor/quant_int.h"

static const mn_qformat formats[] = {
    {MN_Q_F32, "f32", 1, 4},       {MN_Q_F16, "f16", 1, 2},       {MN_Q_BF16, "bf16", 1, 2},
    {MN_Q_Q8_0, "q8_0", 32, 34},   {MN_Q_Q4_0, "q4_0", 32, 18},   {MN_Q_Q4_1, "q4_1", 32, 20},
    {MN_Q_Q5_0, "q5_0", 32, 22},   {MN_Q_Q5_1, "q5_1", 32, 24},   {MN_Q_Q4_K, "q4_k", 256, 144},
    {MN_Q_Q5_K, "q5_k", 256, 176}, {MN_Q_Q6_K, "q6_k", 256, 210},
};

const mn_qformat *mn_qformat_at(size_t i)
{
    return i < sizeof formats / sizeof *formats ? &formats[i] : NULL;
}

const mn_qformat *mn_qformat_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if ((uint32_t)formats[i].type == type) return &formats[i];
    return NULL;
}

const mn_qformat *mn_qformat_named(mn_str name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (mn_str_eq_nocase(name, mn_str_from(formats[i].name))) return &formats[i];
    return NULL;
}

/* ---- halves ----------------------------------------------------------------------------------------------------- */

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* The half's exponent and fraction where a float has them, times 2^(127 - 15): exact for subnormal halves too. */
float mn_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, m = (uint32_t)(h & 0x7fff) << 13;
    if (m >= 0x7c00u << 13) return from_bits(sign | 0x7f800000 | m); /* infinity, NaN */
    return from_bits(sign | to_bits(from_bits(m) * 0x1p112f));
}

uint16_t mn_f32_to_f16(float f)
{
    uint32_t u = to_bits(f), a = u & 0x7fffffff;
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x1ff));
    if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65,520 and more */
    if (a < 0x38800000) /* subnormal: adding 1/2 lets the adder round at 2^-24 */
        return (uint16_t)(sign | (to_bits(from_bits(a) + 0.5f) - to_bits(0.5f)));
    return (uint16_t)(sign | (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13);
}

float mn_bf16_to_f32(uint16_t h)
{
    return from_bits((uint32_t)h << 16);
}

uint16_t mn_f32_to_bf16(float f)
{
    uint32_t u = to_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* ---- blocks of 32 ------------------------------------------------------------------------------------------------ */

static void read_q8_0(const uint8_t *b, float *y)
{
    float d = mn_q__half(b);
    for (int i = 0; i < 32; i++) y[i] = d * (float)(int8_t)b[2 + i];
}

/* Sixteen bytes: the low halves are the first 16 values, the high halves the others. */
static void read_q4_0(const uint8_t *b, float *y)
{
    float d = mn_q__half(b);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)((b[2 + i] & 15) - 8);
        y[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

static void read_q4_1(const uint8_t *b, float *y)
{
    float d = mn_q__half(b), m = mn_q__half(b + 2);
    for (int i = 0; i < 16; i++) {
        y[i] = d * (float)(b[4 + i] & 15) + m;
        y[i + 16] = d * (float)(b[4 + i] >> 4) + m;
    }
}

/* Value i of five bits: bit i of the word is its highest. */
static int fifth(const uint8_t *word, const uint8_t *q, int i)
{
    int low = i < 16 ? q[i] & 15 : q[i - 16] >> 4;
    return low | (word[i / 8] >> (i % 8) & 1) << 4;
}

static void read_q5_0(const uint8_t *b, float *y)
{
    float d = mn_q__half(b);
    for (int i = 0; i < 32; i++) y[i] = d * (float)(fifth(b + 2, b + 6, i) - 16);
}

static void read_q5_1(const uint8_t *b, float *y)
{
    float d = mn_q__half(b), m = mn_q__half(b + 2);
    for (int i = 0; i < 32; i++) y[i] = d * (float)fifth(b + 4, b + 8, i) + m;
}

/* ---- blocks of 256 ----------------------------------------------------------------------------------------------- */

void mn_q__scales_get(const uint8_t *b, uint8_t ret_scale[8], uint8_t ret_min[8])
{
    for (int j = 0; j < 4; j++) {
        ret_scale[j] = b[j] & 63;
        ret_min[j] = b[4 + j] & 63;
        ret_scale[4 + j] = (uint8_t)((b[8 + j] & 15) | b[j] >> 6 << 4);
        ret_min[4 + j] = (uint8_t)(b[8 + j] >> 4 | b[4 + j] >> 6 << 4);
    }
}

/* high: 32 bytes with one more bit of each value, or NULL. */
static void read_k(const uint8_t *b, const uint8_t *high, const uint8_t *q, float *y)
{
    uint8_t scale[8], min[8];
    float d = mn_q__half(b), dm = mn_q__half(b + 2);
    mn_q__scales_get(b + 4, scale, min);
    for (int j = 0; j < 8; j++) {
        float s = d * (float)scale[j], m = dm * (float)min[j];
        for (int i = 0; i < 32; i++) {
            uint8_t byte = q[j / 2 * 32 + i];
            int v = j % 2 ? byte >> 4 : byte & 15;
            if (high) v |= (high[i] >> j & 1) << 4;
            y[32 * j + i] = s * (float)v - m;
        }
    }
}

static void read_q4_k(const uint8_t *b, float *y)
{
    read_k(b, NULL, b + 16, y);
}

static void read_q5_k(const uint8_t *b, float *y)
{
    read_k(b, b + 16, b + 48, y);
}

/* Two halves of 128 values; in each, the value's quarter says which part of which byte holds it. */
static void read_q6_k(const uint8_t *b, float *y)
{
    const int8_t *scale = (const int8_t *)b + 192;
    float d = mn_q__half(b + 208);
    for (int h = 0; h < 2; h++) {
        const uint8_t *low = b + 64 * h, *high = b + 128 + 32 * h;
        for (int i = 0; i < 128; i++) {
            int quarter = i / 32, l = i % 32, byte = low[l + quarter % 2 * 32];
            int v = (quarter < 2 ? byte & 15 : byte >> 4) | (high[l] >> 2 * quarter & 3) << 4;
            y[128 * h + i] = d * (float)scale[8 * h + i / 16] * (float)(v - 32);
        }
    }
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void read_plain(mn_qtype type, const uint8_t *p, float *y, size_t n)
{
    if (type == MN_Q_F32)
        for (size_t i = 0; i < n; i++)
            y[i] = from_bits((uint32_t)mn_q__u16(p + 4 * i) | (uint32_t)mn_q__u16(p + 4 * i + 2)
                                                                  << 16);
    else if (type == MN_Q_F16)
        for (size_t i = 0; i < n; i++) y[i] = mn_f16_to_f32(mn_q__u16(p + 2 * i));
    else
        for (size_t i = 0; i < n; i++) y[i] = mn_bf16_to_f32(mn_q__u16(p + 2 * i));
}

static void (*reader_of(mn_qtype type))(const uint8_t *b, float *y)
{
    switch (type) {
    case MN_Q_Q8_0:
        return read_q8_0;
    case MN_Q_Q4_0:
        return read_q4_0;
    case MN_Q_Q4_1:
        return read_q4_1;
    case MN_Q_Q5_0:
        return read_q5_0;
    case MN_Q_Q5_1:
        return read_q5_1;
    case MN_Q_Q4_K:
        return read_q4_k;
    case MN_Q_Q5_K:
        return read_q5_k;
    case MN_Q_Q6_K:
        return read_q6_k;
    case MN_Q_F32:
    case MN_Q_F16:
    case MN_Q_BF16:
        break;
    }
    return NULL;
}

void mn_dequant(mn_qtype type, const void *src, float *ret, size_t n)
{
    const mn_qformat *f = mn_qformat_of(type);
    MN_ASSERT(f && n % f->block == 0);
    void (*read)(const uint8_t *, float *) = reader_of(type);
    const uint8_t *p = src;
    if (!read) {
        read_plain(type, p, ret, n);
        return;
    }
    for (size_t i = 0; i < n; i += f->block, p += f->bytes) read(p, ret + i);
}
