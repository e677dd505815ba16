/* From a file's rows to panels, and a row of a panel back to numbers. packed_int.h draws the panels, quant.h's formats are those
 * of docs/design/quantisation.md. */
#include <string.h>

#include "base/mem.h"
#include "tensor/packed_int.h"
#include "tensor/quant_int.h"

enum { ROWS = MN_PACK_ROWS };

typedef struct job {
    const mn_packed *p;
    const mn_qformat *format;
    mn_packed__layout layout;
    const uint8_t *src;
    uint32_t (*row_of)(const void *arg, uint32_t n);
    const void *arg;
} job;

/* ---- codes of a block of 32, as the file has them ----------------------------------------------------------------- */

static void low_and_high_halves(const uint8_t *q, uint8_t *code)
{
    for (int i = 0; i < 16; i++) {
        code[i] = q[i] & 15;
        code[16 + i] = q[i] >> 4;
    }
}

static void fifth_bits(uint32_t bits, uint8_t *code)
{
    for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((bits >> i & 1) << 4);
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)mn_q__u16(p) | (uint32_t)mn_q__u16(p + 2) << 16;
}

/* Sub-block j of Q4_K's or Q5_K's 256 values; high: a bit more of each, or NULL. */
static void codes_k(const uint8_t *q, const uint8_t *high, uint32_t j, uint8_t *code)
{
    for (uint32_t i = 0; i < 32; i++) {
        uint8_t byte = q[j / 2 * 32 + i];
        code[i] = j % 2 ? byte >> 4 : byte & 15;
        if (high) code[i] |= (uint8_t)((high[i] >> j & 1) << 4);
    }
}

static void codes_q6_k(const uint8_t *sup, uint32_t j, uint8_t *code)
{
    uint32_t h = j / 4, quarter = j % 4;
    const uint8_t *low = sup + 64 * h + quarter % 2 * 32, *high = sup + 128 + 32 * h;
    for (uint32_t i = 0; i < 32; i++)
        code[i] = (uint8_t)((quarter < 2 ? low[i] & 15 : low[i] >> 4) |
                            (high[i] >> 2 * quarter & 3) << 4);
}

/* b: the block of the file that holds them; j: which 32 of it. */
static void codes_of(mn_qtype type, const uint8_t *b, uint32_t j, uint8_t *code)
{
    switch (type) {
    case MN_Q_Q8_0:
        for (int i = 0; i < 32; i++) code[i] = b[2 + i] ^ 0x80;
        return;
    case MN_Q_Q4_0:
        low_and_high_halves(b + 2, code);
        return;
    case MN_Q_Q4_1:
        low_and_high_halves(b + 4, code);
        return;
    case MN_Q_Q5_0:
        low_and_high_halves(b + 6, code);
        fifth_bits(u32(b + 2), code);
        return;
    case MN_Q_Q5_1:
        low_and_high_halves(b + 8, code);
        fifth_bits(u32(b + 4), code);
        return;
    case MN_Q_Q4_K:
        codes_k(b + 16, NULL, j, code);
        return;
    case MN_Q_Q5_K:
        codes_k(b + 48, b + 16, j, code);
        return;
    case MN_Q_Q6_K:
        codes_q6_k(b, j, code);
        return;
    case MN_Q_F32:
    case MN_Q_F16:
    case MN_Q_BF16:
        return;
    }
}

/* ---- into a panel ------------------------------------------------------------------------------------------------- */

/* v: the block's values in the panel; r: the row in it. Four codes at a time, each in its byte of a word. */
static void codes_put(const mn_packed__layout *l, uint8_t *v, uint32_t r, const uint8_t *code)
{
    uint32_t w[8], plane[2] = {0, 0}, planes = l->bits - 4u;
    memcpy(w, code, sizeof w);
    v += 4 * r;
    if (l->bits == 8) {
        for (uint32_t j = 0; j < 8; j++) memcpy(v + 64 * j, w + j, 4);
        return;
    }
    for (uint32_t j = 0; j < 8; j++)
        if (planes == 1) plane[0] |= (w[j] >> 4 & 0x01010101) << j;
        else plane[j / 4] |= (w[j] >> 4 & 0x03030303) << 2 * (j % 4);
    for (uint32_t p = 0; p < planes; p++) memcpy(v + 64 * p, plane + p, 4);
    for (uint32_t j = 0; j < 4; j++) {
        uint32_t both = (w[j] & 0x0f0f0f0f) | (w[4 + j] & 0x0f0f0f0f) << 4;
        memcpy(v + 64 * (planes + j), &both, 4);
    }
}

/* The scales of a block of the file, number i of row r, into the panel's. */
static void scales_put(mn_qtype type, uint8_t *s, uint32_t r, const uint8_t *b)
{
    uint8_t scale[8], min[8];
    switch (type) {
    case MN_Q_Q8_0:
    case MN_Q_Q4_0:
    case MN_Q_Q5_0:
        memcpy(s + 2 * r, b, 2);
        return;
    case MN_Q_Q4_1:
    case MN_Q_Q5_1:
        memcpy(s + 2 * r, b, 2);
        memcpy(s + 32 + 2 * r, b + 2, 2);
        return;
    case MN_Q_Q4_K:
    case MN_Q_Q5_K:
        memcpy(s + 2 * r, b, 2);
        memcpy(s + 32 + 2 * r, b + 2, 2);
        s[32 + 2 * r + 1] ^= 0x80; /* the sign */
        mn_q__scales_get(b + 4, scale, min);
        for (uint32_t j = 0; j < 8; j++) {
            s[64 + 32 * j + r] = scale[j];
            s[64 + 32 * j + 16 + r] = min[j];
        }
        return;
    case MN_Q_Q6_K:
        memcpy(s + 2 * r, b + 208, 2);
        for (uint32_t j = 0; j < 16; j++) s[32 + 16 * j + r] = b[192 + j];
        return;
    case MN_Q_F32:
    case MN_Q_F16:
    case MN_Q_BF16:
        return;
    }
}

static void row_put_blocks(const job *o, uint8_t *panel, uint32_t r, const uint8_t *row)
{
    const mn_packed__layout *l = &o->layout;
    uint32_t each = o->format->block / 32, n = o->p->K / o->format->block;
    uint8_t *values = panel + mn_packed__scale_bytes(l, o->p->K), code[32];
    for (uint32_t f = 0; f < n; f++, row += o->format->bytes) {
        scales_put(o->p->type, panel + (size_t)f * l->scales, r, row);
        for (uint32_t j = 0; j < each; j++, values += l->values) {
            codes_of(o->p->type, row, j, code);
            codes_put(l, values, r, code);
        }
    }
}

/* Value k of each row after the other: written in order, read from as many places as there are rows. */
static void panel_put_plain(const job *o, uint8_t *panel, const uint8_t *const *row, uint32_t n)
{
    size_t K = o->p->K;
    if (o->p->type == MN_Q_F32)
        for (size_t k = 0; k < K; k++)
            for (uint32_t r = 0; r < n; r++) memcpy(panel + 64 * k + 4 * r, row[r] + 4 * k, 4);
    else if (o->p->type == MN_Q_F16)
        for (size_t k = 0; k < K; k++)
            for (uint32_t r = 0; r < n; r++) memcpy(panel + 32 * k + 2 * r, row[r] + 2 * k, 2);
    else {
        for (size_t k = 0; k + 1 < K; k += 2)
            for (uint32_t r = 0; r < n; r++) memcpy(panel + 32 * k + 4 * r, row[r] + 2 * k, 4);
        for (uint32_t r = 0; r < n && K % 2; r++)
            memcpy(panel + 32 * (K - 1) + 4 * r, row[r] + 2 * (K - 1), 2);
    }
}

static void panel_put(void *arg, size_t part, int thread)
{
    (void)thread;
    const job *o = arg;
    const mn_packed *p = o->p;
    size_t bytes = mn_packed__panel_bytes(&o->layout, p->K);
    uint8_t *panel = p->data + part * bytes;
    const uint8_t *row[ROWS];
    uint32_t from = (uint32_t)part * ROWS, n = p->N - from < ROWS ? p->N - from : ROWS;
    if (n < ROWS || p->K % 32) memset(panel, 0, bytes); /* what no row fills */
    for (uint32_t r = 0; r < n; r++) {
        uint32_t i = o->row_of ? o->row_of(o->arg, from + r) : from + r;
        row[r] = o->src + i * mn_qformat_row_bytes(o->format, p->K);
    }
    if (!o->layout.bits) panel_put_plain(o, panel, row, n);
    for (uint32_t r = 0; o->layout.bits && r < n; r++) row_put_blocks(o, panel, r, row[r]);
}

size_t mn_packed_bytes(mn_qtype type, uint32_t N, uint32_t K)
{
    const mn_qformat *f = mn_qformat_of(type);
    if (!f || !N || !K || K % f->block) return 0;
    mn_packed__layout l = mn_packed__layout_of(type);
    size_t panels = ((size_t)N + ROWS - 1) / ROWS, bytes;
    return __builtin_mul_overflow(panels, mn_packed__panel_bytes(&l, K), &bytes) ? 0 : bytes;
}

mn_rc mn_packed_new_at(void *at, mn_qtype type, uint32_t N, uint32_t K, const void *src,
                       uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                       mn_pool *pool, mn_packed *ret, mn_err *e)
{
    const mn_qformat *f = mn_qformat_of(type);
    size_t bytes = mn_packed_bytes(type, N, K);
    if (!bytes)
        return mn_fail(e, MN_E_USAGE, "a matrix of %u rows of %u values cannot be packed as %s",
                       N, K, f ? f->name : "an unknown format");
    mn_packed__layout l = mn_packed__layout_of(type);
    mn_packed p = {type, l.act, N, K, bytes, at, NULL};
    job o = {&p, f, l, src, row_of, arg};
    mn_pool_run(pool, ((size_t)N + ROWS - 1) / ROWS, panel_put, &o);
    *ret = p;
    return MN_OK;
}

mn_rc mn_packed_new(mn_qtype type, uint32_t N, uint32_t K, const void *src,
                    uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                    mn_pool *pool, mn_packed *ret, mn_err *e)
{
    size_t bytes = mn_packed_bytes(type, N, K);
    uint8_t *own = mn_alloc_pages(bytes);
    if (!own) return mn_fail(e, MN_E_NOMEM, "out of memory for a matrix of %zu bytes", bytes);
    mn_rc rc = mn_packed_new_at(own, type, N, K, src, row_of, arg, pool, ret, e);
    if (rc == MN_OK) ret->own = own;
    else mn_free(own);
    return rc;
}

/* ---- back --------------------------------------------------------------------------------------------------------- */

static void codes_get(const mn_packed__layout *l, const uint8_t *v, uint32_t r, uint8_t *code)
{
    v += 4 * r;
    uint32_t planes = l->bits - 4u, each = planes == 2 ? 4 : 8;
    for (uint32_t k = 0; k < 32; k++) {
        uint32_t j = k / 4, i = k % 4;
        if (l->bits == 8) {
            code[k] = v[64 * j + i];
            continue;
        }
        uint8_t both = v[64 * (planes + j % 4) + i];
        code[k] = j < 4 ? both & 15 : both >> 4;
        if (planes)
            code[k] |= (uint8_t)((v[64 * (j / each) + i] >> (planes * (j % each)) &
                                  ((1 << planes) - 1))
                                 << 4);
    }
}

void mn_packed__block_get(const mn_packed *p, uint32_t n, uint32_t b, mn_packed__block *ret)
{
    mn_packed__layout l = mn_packed__layout_of(p->type);
    uint32_t r = n % ROWS;
    const uint8_t *panel = p->data + (size_t)(n / ROWS) * mn_packed__panel_bytes(&l, p->K);
    const uint8_t *s = panel + (size_t)(l.super ? b / 8 : b) * l.scales;
    codes_get(&l, panel + mn_packed__scale_bytes(&l, p->K) + (size_t)b * l.values, r,
              ret->code);
    ret->d[0] = ret->d[1] = mn_q__half(s + 2 * r);
    ret->m = l.min ? mn_q__half(s + 32 + 2 * r) : 0;
    if (l.parts == 2) {
        ret->d[0] *= (float)(int8_t)s[32 + 32 * (b % 8) + r];
        ret->d[1] *= (float)(int8_t)s[32 + 32 * (b % 8) + 16 + r];
    } else if (l.super) {
        ret->d[0] *= (float)s[64 + 32 * (b % 8) + r];
        ret->m *= (float)s[64 + 32 * (b % 8) + 16 + r];
    }
}

float mn_packed__value(const mn_packed *p, uint32_t n, uint32_t k)
{
    mn_packed__layout l = mn_packed__layout_of(p->type);
    const uint8_t *panel = p->data + (size_t)(n / ROWS) * mn_packed__panel_bytes(&l, p->K);
    uint32_t r = n % ROWS;
    if (p->type == MN_Q_BF16)
        return mn_bf16_to_f32(mn_q__u16(panel + (size_t)k / 2 * 64 + 4 * r + k % 2 * 2));
    if (p->type == MN_Q_F16) return mn_q__half(panel + ((size_t)k * ROWS + r) * 2);
    float v;
    memcpy(&v, panel + ((size_t)k * ROWS + r) * 4, sizeof v);
    return v;
}

void mn_packed_row(const mn_packed *p, uint32_t n, float *ret)
{
    mn_packed__layout l = mn_packed__layout_of(p->type);
    if (!l.bits) {
        for (uint32_t k = 0; k < p->K; k++) ret[k] = mn_packed__value(p, n, k);
        return;
    }
    for (uint32_t b = 0; b < p->K / 32; b++, ret += 32) {
        mn_packed__block blk;
        mn_packed__block_get(p, n, b, &blk);
        for (int i = 0; i < 32; i++) {
            float v = blk.d[l.parts == 2 && i >= 16] * (float)(blk.code[i] - l.offset);
            ret[i] = l.min ? v + blk.m : v;
        }
    }
}
