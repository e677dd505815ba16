/* Writing weights in each format.
 *
 * A block is fitted by least squares: for a number of first guesses at the scale, values go to their nearest levels and the scale
 * (and offset) that suits these levels best follows from sums; the guess with the smallest squared error wins and is polished by doing
 * the same again from there. Then scales are rounded to the form they are stored in, and the levels are chosen once more for exactly
 * that form. Blocks of 256 keep their sub-blocks' scales as small integers times one half: these integers are searched around their
 * nearest values, and the half is fitted to all of it. The error is never above that of llama.cpp's reference (docs/design/quantisation.md). */
#include "tensor/quant.h"

#include <math.h>
#include <string.h>

#include "tensor/quant_int.h"

#define GUESSES   9    /* to each side of the plain scale */
#define STEP      0.1f /* levels between two guesses */
#define POLISH    3
#define HALF_MAX  65504.0f
#define HALF_MIN  0x1p-24f
#define VALUE_MAX 1e15f /* squares of it can be summed */

/* n values and what every error needs of them. */
typedef struct piece {
    const float *x;
    int n;
    float sum, sum2, min, max;
} piece;

static piece piece_of(const float *x, int n)
{
    piece p = {.x = x, .n = n, .min = x[0], .max = x[0]};
    for (int i = 0; i < n; i++) {
        p.sum += x[i];
        p.sum2 += x[i] * x[i];
        if (x[i] < p.min) p.min = x[i];
        if (x[i] > p.max) p.max = x[i];
    }
    return p;
}

/* Levels lo..hi; value = d * level + m. */
typedef struct levels {
    float lo, hi;
} levels;

typedef struct fit {
    float d, m;
} fit;

static inline float clamp(float v, float lo, float hi)
{
    v = v < lo ? lo : v;
    return v > hi ? hi : v;
}

/* To nearest, for magnitudes below 2^22: the adder does it, and the loop around it is vectorised everywhere. */
static inline float round_small(float v)
{
    return v + 0x1.8p23f - 0x1.8p23f;
}

static inline float level_of(float x, float inverse, float m, levels l)
{
    return round_small(clamp((x - m) * inverse, l.lo, l.hi));
}

static float inverse_of(float d)
{
    float i = d != 0 ? 1 / d : 0;
    return isfinite(i) ? i : 0;
}

/* Sums over the levels q nearest to (x - m) * inverse. */
typedef struct sums {
    float q, q2, xq;
} sums;

static sums sums_of(const piece *p, float inverse, float m, levels l)
{
    float q1[8] = {0}, q2[8] = {0}, xq[8] = {0};
    for (int i = 0; i < p->n; i += 8) {
        for (int k = 0; k < 8; k++) {
            float q = level_of(p->x[i + k], inverse, m, l);
            q1[k] += q;
            q2[k] += q * q;
            xq[k] += q * p->x[i + k];
        }
    }
    sums s = {0};
    for (int k = 0; k < 8; k++) s.q += q1[k], s.q2 += q2[k], s.xq += xq[k];
    return s;
}

/* The squared error of d * q + m. */
static float error_of(const piece *p, const sums *s, fit f)
{
    double d = (double)f.d, m = (double)f.m;
    return (float)((double)p->sum2 - 2 * d * (double)s->xq - 2 * m * (double)p->sum +
                   d * d * (double)s->q2 + 2 * d * m * (double)s->q + m * m * p->n);
}

/* The error when levels are chosen for this very fit. */
static float error_at(const piece *p, fit f, levels l)
{
    sums s = sums_of(p, inverse_of(f.d), f.m, l);
    return error_of(p, &s, f);
}

typedef enum offset { OFFSET_NONE, OFFSET_ANY, OFFSET_BELOW /* at most 0 */ } offset;

/* The best d and m for given levels. */
static fit solve(const piece *p, const sums *s, offset o)
{
    fit plain = {s->q2 > 0 ? s->xq / s->q2 : 0, 0};
    double det = (double)p->n * (double)s->q2 - (double)s->q * (double)s->q;
    if (o == OFFSET_NONE || det <= 0) return plain;
    double d = ((double)p->n * (double)s->xq - (double)p->sum * (double)s->q) / det;
    double m = ((double)s->q2 * (double)p->sum - (double)s->q * (double)s->xq) / det;
    if (o == OFFSET_BELOW && m > 0) return plain;
    return (fit){(float)d, (float)m};
}

typedef struct best {
    fit f;
    float error;
} best;

static void try_guess(const piece *p, float inverse, float m, levels l, offset o, best *b)
{
    if (!isfinite(inverse)) return;
    sums s = sums_of(p, inverse, m, l);
    fit f = solve(p, &s, o);
    float error = error_of(p, &s, f);
    if (error < b->error) *b = (best){f, error};
}

static fit polish(const piece *p, levels l, offset o, best b)
{
    for (int i = 0; i < POLISH && b.f.d != 0; i++) {
        float before = b.error;
        try_guess(p, inverse_of(b.f.d), b.f.m, l, o, &b);
        if (b.error >= before) break;
    }
    return b.f;
}

/* value = d * level, levels on both sides of 0: the largest value lies near either end. */
static fit fit_signed(const piece *p, levels l)
{
    float far = -p->min > p->max ? p->min : p->max;
    best b = {{0, 0}, p->sum2};
    if (far == 0) return b.f;
    for (int i = -GUESSES; i <= GUESSES; i++) {
        try_guess(p, (l.lo + STEP * (float)i) / far, 0, l, OFFSET_NONE, &b);
        try_guess(p, (l.hi + STEP * (float)i) / far, 0, l, OFFSET_NONE, &b);
    }
    return polish(p, l, OFFSET_NONE, b);
}

/* value = d * level + m, levels from 0. */
static fit fit_offset(const piece *p, levels l, offset o)
{
    float m = o == OFFSET_BELOW && p->min > 0 ? 0 : p->min, range = p->max - m;
    best b = {{0, m}, INFINITY};
    if (!(range > 0)) return b.f;
    for (int i = -GUESSES; i <= GUESSES; i++)
        try_guess(p, (l.hi + STEP * (float)i) / range, m, l, o, &b);
    return polish(p, l, o, b);
}

/* ---- blocks of 32 ------------------------------------------------------------------------------------------------ */

/* Stores the half nearest to f that is finite, and gives what was stored. */
static float put_half(uint8_t *b, float f)
{
    uint16_t h = mn_f32_to_f16(clamp(f, -HALF_MAX, HALF_MAX));
    b[0] = (uint8_t)h;
    b[1] = (uint8_t)(h >> 8);
    return mn_f16_to_f32(h);
}

/* As above, for the scale of levels up to n: tiny ones, which halves round coarsely, are rounded up rather than cut the largest values off. */
static float put_scale(uint8_t *b, float d, float n)
{
    float stored = put_half(b, d);
    if (fabsf(stored) * (n + 0.5f) >= fabsf(d) * n || fabsf(d) > 1) return stored;
    return put_half(b, stored + copysignf(HALF_MIN, d));
}

/* Levels from 0 on (lo is level 0). */
static void choose(const float *x, int n, fit f, levels l, uint8_t *ret)
{
    float inverse = inverse_of(f.d);
    for (int i = 0; i < n; i++) ret[i] = (uint8_t)(level_of(x[i], inverse, f.m, l) - l.lo);
}

static void put_nibbles(uint8_t *b, const uint8_t *q, int half)
{
    for (int i = 0; i < half; i++) b[i] = (uint8_t)((q[i] & 15) | (q[i + half] & 15) << 4);
}

static void put_fifths(uint8_t *word, const uint8_t *q)
{
    memset(word, 0, 4);
    for (int i = 0; i < 32; i++) word[i / 8] |= (uint8_t)(q[i] >> 4 << (i % 8));
}

static void write_q8_0(const float *x, uint8_t *b)
{
    piece p = piece_of(x, 32);
    float far = -p.min > p.max ? -p.min : p.max,
          inverse = inverse_of(put_scale(b, far / 127, 127));
    for (int i = 0; i < 32; i++)
        b[2 + i] = (uint8_t)(int8_t)level_of(x[i], inverse, 0, (levels){-127, 127});
}

static void write_signed(const float *x, uint8_t *b, levels l, uint8_t ret_q[32])
{
    piece p = piece_of(x, 32);
    fit f = {put_scale(b, fit_signed(&p, l).d, -l.lo), 0};
    choose(x, 32, f, l, ret_q);
}

static void write_offset(const float *x, uint8_t *b, levels l, uint8_t ret_q[32])
{
    piece p = piece_of(x, 32);
    fit f = fit_offset(&p, l, OFFSET_ANY);
    f = (fit){put_scale(b, f.d, l.hi), put_half(b + 2, f.m)};
    choose(x, 32, f, l, ret_q);
}

static void write_q4_0(const float *x, uint8_t *b)
{
    uint8_t q[32];
    write_signed(x, b, (levels){-8, 7}, q);
    put_nibbles(b + 2, q, 16);
}

static void write_q4_1(const float *x, uint8_t *b)
{
    uint8_t q[32];
    write_offset(x, b, (levels){0, 15}, q);
    put_nibbles(b + 4, q, 16);
}

static void write_q5_0(const float *x, uint8_t *b)
{
    uint8_t q[32];
    write_signed(x, b, (levels){-16, 15}, q);
    put_fifths(b + 2, q);
    put_nibbles(b + 6, q, 16);
}

static void write_q5_1(const float *x, uint8_t *b)
{
    uint8_t q[32];
    write_offset(x, b, (levels){0, 31}, q);
    put_fifths(b + 4, q);
    put_nibbles(b + 8, q, 16);
}

/* ---- Q4_K and Q5_K: eight sub-blocks of 32, value = d * scale * level - dm * min -------------------------------------- */

typedef struct kblock {
    piece p[8];
    levels l;
    float d, dm; /* as stored */
    uint8_t scale[8], min[8];
    double error;
} kblock;

static fit k_fit(const kblock *k, int scale, int min)
{
    return (fit){k->d * (float)scale, -(k->dm * (float)min)};
}

static uint8_t ratio(float v, float unit)
{
    return (uint8_t)round_small(clamp(v * inverse_of(unit), 0, 63));
}

/* The pair of integers around (scale, min) with the least error; adds that. */
static void k_search(kblock *k, int j)
{
    int at_s = k->scale[j], at_m = k->min[j];
    float least = INFINITY;
    for (int s = at_s > 0 ? at_s - 1 : 0; s <= at_s + 1 && s < 64; s++) {
        for (int m = at_m > 0 ? at_m - 1 : 0; m <= at_m + 1 && m < 64; m++) {
            float error = error_at(&k->p[j], k_fit(k, s, m), k->l);
            if (error >= least) continue;
            least = error;
            k->scale[j] = (uint8_t)s;
            k->min[j] = (uint8_t)m;
        }
    }
    k->error += (double)least;
}

/* d and dm that suit the integers and their levels best. */
static fit k_solve(const kblock *k)
{
    double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
    for (int j = 0; j < 8; j++) {
        fit f = k_fit(k, k->scale[j], k->min[j]);
        sums s = sums_of(&k->p[j], inverse_of(f.d), f.m, k->l);
        double a = k->scale[j], b = k->min[j];
        aa += a * a * (double)s.q2;
        ab += a * b * (double)s.q;
        bb += b * b * k->p[j].n;
        xa += a * (double)s.xq;
        xb += b * (double)k->p[j].sum;
    }
    double det = aa * bb - ab * ab;
    if (det <= 1e-9 * aa * bb)
        return (fit){aa > 0 && k->dm == 0 ? (float)(xa / aa) : k->d, k->dm};
    return (fit){(float)((bb * xa - ab * xb) / det), (float)((ab * xa - aa * xb) / det)};
}

static void k_set(kblock *k, fit units, uint8_t *b)
{
    k->d = put_scale(b, units.d > 0 ? units.d : 0, 63);
    k->dm = put_scale(b + 2, units.m > 0 ? units.m : 0, 63);
    k->error = 0;
    for (int j = 0; j < 8; j++) k_search(k, j);
}

static void k_first(kblock *k, uint8_t *b)
{
    fit f[8];
    float d = 0, m = 0;
    for (int j = 0; j < 8; j++) {
        f[j] = fit_offset(&k->p[j], k->l, OFFSET_BELOW);
        d = f[j].d > d ? f[j].d : d;
        m = -f[j].m > m ? -f[j].m : m;
    }
    d = put_scale(b, d / 63, 63);
    m = put_scale(b + 2, m / 63, 63);
    for (int j = 0; j < 8; j++) {
        k->scale[j] = ratio(f[j].d, d);
        k->min[j] = ratio(-f[j].m, m);
    }
    k_set(k, (fit){d, m}, b);
}

static void k_fit_all(const float *x, levels l, kblock *ret, uint8_t *b)
{
    kblock k = {.l = l};
    for (int j = 0; j < 8; j++) k.p[j] = piece_of(x + 32 * j, 32);
    k_first(&k, b);
    kblock least = k;
    for (int i = 0; i < POLISH; i++) {
        k_set(&k, k_solve(&k), b);
        if (k.error >= least.error) break;
        least = k;
    }
    put_half(b, least.d);
    put_half(b + 2, least.dm);
    *ret = least;
}

void mn_q__scales_put(const uint8_t scale[8], const uint8_t min[8], uint8_t *b)
{
    for (int j = 0; j < 4; j++) {
        b[j] = (uint8_t)(scale[j] | scale[4 + j] >> 4 << 6);
        b[4 + j] = (uint8_t)(min[j] | min[4 + j] >> 4 << 6);
        b[8 + j] = (uint8_t)((scale[4 + j] & 15) | (min[4 + j] & 15) << 4);
    }
}

static void write_k(const float *x, uint8_t *b, levels l, uint8_t q[256])
{
    kblock k;
    k_fit_all(x, l, &k, b);
    mn_q__scales_put(k.scale, k.min, b + 4);
    for (int j = 0; j < 8; j++)
        choose(x + 32 * j, 32, k_fit(&k, k.scale[j], k.min[j]), l, q + 32 * j);
}

static void write_q4_k(const float *x, uint8_t *b)
{
    uint8_t q[256];
    write_k(x, b, (levels){0, 15}, q);
    for (int j = 0; j < 4; j++) put_nibbles(b + 16 + 32 * j, q + 64 * j, 32);
}

static void write_q5_k(const float *x, uint8_t *b)
{
    uint8_t q[256];
    write_k(x, b, (levels){0, 31}, q);
    memset(b + 16, 0, 32);
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 32; i++) b[16 + i] |= (uint8_t)(q[32 * j + i] >> 4 << j);
    for (int j = 0; j < 4; j++) put_nibbles(b + 48 + 32 * j, q + 64 * j, 32);
}

/* ---- Q6_K: sixteen sub-blocks of 16, value = d * scale * level ----------------------------------------------------- */

static const levels six = {-32, 31};

typedef struct sixblock {
    piece p[16];
    float d;
    int8_t scale[16];
    double error;
} sixblock;

static void six_search(sixblock *k, int j)
{
    int at = k->scale[j];
    float least = INFINITY;
    for (int s = at > -128 ? at - 1 : at; s <= at + 1 && s < 128; s++) {
        float error = error_at(&k->p[j], (fit){k->d * (float)s, 0}, six);
        if (error >= least) continue;
        least = error;
        k->scale[j] = (int8_t)s;
    }
    k->error += (double)least;
}

static float six_solve(const sixblock *k)
{
    double aa = 0, xa = 0;
    for (int j = 0; j < 16; j++) {
        double s = k->scale[j];
        sums t = sums_of(&k->p[j], inverse_of(k->d * (float)k->scale[j]), 0, six);
        aa += s * s * (double)t.q2;
        xa += s * (double)t.xq;
    }
    return aa > 0 ? (float)(xa / aa) : k->d;
}

static void six_set(sixblock *k, float d, uint8_t *b)
{
    k->d = put_scale(b + 208, d, 128);
    k->error = 0;
    for (int j = 0; j < 16; j++) six_search(k, j);
}

static void six_first(sixblock *k, uint8_t *b)
{
    float d[16], far = 0;
    for (int j = 0; j < 16; j++) {
        d[j] = fit_signed(&k->p[j], six).d;
        if (fabsf(d[j]) > fabsf(far)) far = d[j];
    }
    float unit = put_scale(b + 208, far / -128, 128);
    for (int j = 0; j < 16; j++)
        k->scale[j] = (int8_t)round_small(clamp(d[j] * inverse_of(unit), -128, 127));
    six_set(k, unit, b);
}

static void write_q6_k(const float *x, uint8_t *b)
{
    sixblock k = {0}, least;
    uint8_t q[256];
    for (int j = 0; j < 16; j++) k.p[j] = piece_of(x + 16 * j, 16);
    six_first(&k, b);
    least = k;
    for (int i = 0; i < POLISH; i++) {
        six_set(&k, six_solve(&k), b);
        if (k.error >= least.error) break;
        least = k;
    }
    put_half(b + 208, least.d);
    memcpy(b + 192, least.scale, 16);
    for (int j = 0; j < 16; j++)
        choose(x + 16 * j, 16, (fit){least.d * (float)least.scale[j], 0}, six, q + 16 * j);
    for (int h = 0; h < 2; h++) {
        const uint8_t *v = q + 128 * h;
        put_nibbles(b + 64 * h, v, 64);
        for (int i = 0; i < 32; i++)
            b[128 + 32 * h + i] = (uint8_t)(v[i] >> 4 | v[32 + i] >> 4 << 2 |
                                            v[64 + i] >> 4 << 4 | v[96 + i] >> 4 << 6);
    }
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void write_plain(mn_qtype type, const float *x, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        int bytes = type == MN_Q_F32 ? 4 : 2;
        if (type != MN_Q_F32) u = type == MN_Q_F16 ? mn_f32_to_f16(x[i]) : mn_f32_to_bf16(x[i]);
        for (int k = 0; k < bytes; k++) *p++ = (uint8_t)(u >> 8 * k);
    }
}

static void (*writer_of(mn_qtype type))(const float *x, uint8_t *b)
{
    switch (type) {
    case MN_Q_Q8_0:
        return write_q8_0;
    case MN_Q_Q4_0:
        return write_q4_0;
    case MN_Q_Q4_1:
        return write_q4_1;
    case MN_Q_Q5_0:
        return write_q5_0;
    case MN_Q_Q5_1:
        return write_q5_1;
    case MN_Q_Q4_K:
        return write_q4_k;
    case MN_Q_Q5_K:
        return write_q5_k;
    case MN_Q_Q6_K:
        return write_q6_k;
    case MN_Q_F32:
    case MN_Q_F16:
    case MN_Q_BF16:
        break;
    }
    return NULL;
}

void mn_quant(mn_qtype type, const float *src, void *ret, size_t n)
{
    const mn_qformat *f = mn_qformat_of(type);
    MN_ASSERT(f && n % f->block == 0);
    void (*write)(const float *, uint8_t *) = writer_of(type);
    uint8_t *p = ret;
    if (!write) {
        write_plain(type, src, p, n);
        return;
    }
    for (size_t i = 0; i < n; i += f->block, p += f->bytes) {
        float x[256];
        for (uint32_t k = 0; k < f->block; k++)
            x[k] = isfinite(src[i + k]) ? clamp(src[i + k], -VALUE_MAX, VALUE_MAX) : 0;
        write(x, p);
    }
}
