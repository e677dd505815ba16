/* Attention over a cache in blocks: every set against sums in double precision over what the cache holds, and against the plain
 * kernels bit for bit; the same bits however the rows are split; nothing read beyond the positions that are seen. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tensor/attend_int.h"

enum { BLOCKS = 5, POSITIONS = BLOCKS * 32, HEADS = 12, D_MAX = 256, ROWS_MAX = 70 };

static uint64_t stream;
static float K[POSITIONS][3 * D_MAX], V[POSITIONS][3 * D_MAX];
static float Q[ROWS_MAX * HEADS * D_MAX], O[ROWS_MAX * HEADS * D_MAX],
    Z[ROWS_MAX * HEADS * D_MAX];
static uint8_t *block[BLOCKS];

static void fill(float *p, size_t n, double size)
{
    stream++;
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(size * (2 * mn_rand_unit(mn_rand_at(3, stream, i)) - 1));
}

static const mn_kv_shape shapes[] = {
    {MN_KV_F16, 3, 64}, {MN_KV_I8, 3, 64}, {MN_KV_F16, 1, 128}, {MN_KV_I8, 1, 128},
    {MN_KV_F16, 2, 80}, {MN_KV_I8, 2, 96}, {MN_KV_F16, 1, 2},   {MN_KV_I8, 2, 2},
    {MN_KV_F16, 2, 34}, {MN_KV_I8, 1, 50}, {MN_KV_F16, 1, 256}, {MN_KV_I8, 1, 256}};
#define EACH_SHAPE(s)                                                                          \
    for (const mn_kv_shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)
#define EACH_SET(set)                                                                          \
    for (int s_ = 0; mn_packed__set_at(s_); s_++)                                              \
        for (const mn_packed__set *set = mn_packed__set_at(s_); set; set = NULL)

/* A cache of n positions of K and V in blocks whose other bytes are all ones: NaN as f16 and f32. */
static void make_cache(const mn_packed__set *set, const mn_kv_shape *s, uint32_t n)
{
    for (int b = 0; b < BLOCKS; b++) {
        block[b] = mn_alloc_aligned(64, mn_kv_block_bytes(s));
        memset(block[b], 255, mn_kv_block_bytes(s));
    }
    for (uint32_t p = 0; p < n; p++)
        for (uint32_t h = 0; h < s->KV; h++)
            set->kv_store(s, block[p / 32], p % 32, h, K[p] + h * s->D, V[p] + h * s->D);
}

static void new_numbers(void)
{
    fill(K[0], sizeof K / sizeof K[0][0], 2);
    fill(V[0], sizeof V / sizeof V[0][0], 1);
}

static void drop_cache(void)
{
    for (int b = 0; b < BLOCKS; b++) mn_free(block[b]);
}

static float *work_of(const mn_kv_shape *s)
{
    return mn_alloc_aligned(64, mn_attend_work(s, ROWS_MAX, HEADS) * sizeof(float));
}

/* All heads of all key/value heads, rows [from, to) of those that end at position pos + n - 1. */
static void attend(const mn_packed__set *set, const mn_kv_shape *s, uint32_t group, size_t from,
                   size_t to, uint32_t pos, float *o, float *work)
{
    size_t stride = (size_t)s->KV * group * s->D;
    for (uint32_t kv = 0; kv < s->KV; kv++)
        set->attend(s, Q + from * stride, to - from, stride, kv * group, (kv + 1) * group, kv,
                    pos + (uint32_t)from, (const void *const *)block, o + from * stride, work);
}

/* What the cache holds of component d. */
static double cached(const mn_kv_shape *s, const uint8_t *head, bool key, uint32_t p,
                     uint32_t d)
{
    mn_attend__layout l = mn_attend__layout_of(s);
    size_t i = key ? (size_t)d * 32 + p : p * mn_attend__wide(s->D) + d;
    const uint8_t *at = head + (key ? 0 : l.v) + i * l.size;
    uint16_t h;
    float scale;
    if (s->type == MN_KV_F16) return memcpy(&h, at, 2), (double)mn_f16_to_f32(h);
    memcpy(&scale, head + (key ? l.k_scale : l.v_scale) + 4 * (size_t)p, 4);
    return (double)scale * (int8_t)*at;
}

/* One row in double precision. */
static void exactly(const mn_kv_shape *s, const float *q, uint32_t kv, uint32_t limit,
                    double *o)
{
    double e[POSITIONS], sum = 0, top = -INFINITY;
    for (uint32_t p = 0; p < limit; p++) {
        const uint8_t *head = block[p / 32] + kv * mn_attend__layout_of(s).head;
        e[p] = 0;
        for (uint32_t d = 0; d < s->D; d++)
            e[p] += (double)q[d] * cached(s, head, true, p % 32, d);
        e[p] /= sqrt(s->D);
        top = fmax(top, e[p]);
    }
    memset(o, 0, s->D * sizeof *o);
    for (uint32_t p = 0; p < limit; p++) {
        const uint8_t *head = block[p / 32] + kv * mn_attend__layout_of(s).head;
        sum += e[p] = exp(e[p] - top);
        for (uint32_t d = 0; d < s->D; d++) o[d] += e[p] * cached(s, head, false, p % 32, d);
    }
    for (uint32_t d = 0; d < s->D; d++) o[d] /= sum;
}

static void every_set_attends(void **state)
{
    (void)state;
    static const uint32_t groups[] = {3, 1, 4, 2}, starts[] = {0, 31, 32, 77},
                          counts[] = {1, 2, 5, 40};
    double o[D_MAX];
    new_numbers();
    EACH_SHAPE(s) for (int c = 0; c < 16; c++)
    {
        uint32_t group = groups[c % 4], pos = starts[c / 4], n = counts[(c + c / 4) % 4],
                 heads = s->KV * group;
        float *work = work_of(s);
        fill(Q, (size_t)n * heads * s->D, 1.5);
        make_cache(&mn_packed__plain, s, pos + n);
        attend(&mn_packed__plain, s, group, 0, n, pos, Z, work);
        for (uint32_t r = 0; r < n * heads; r += 1 + r % 3) {
            exactly(s, Q + r * s->D, r % heads / group, pos + r / heads + 1, o);
            for (uint32_t d = 0; d < s->D; d++)
                if (!(fabs(o[d] - (double)Z[r * s->D + d]) < 2e-6))
                    fail_msg("type %d D %u: o[%u][%u] = %.9g, exactly %.9g", s->type, s->D, r,
                             d, (double)Z[r * s->D + d], o[d]);
        }
        EACH_SET(set)
        {
            memset(O, 0, sizeof O);
            attend(set, s, group, 0, n, pos, O, work);
            for (size_t i = 0; i < (size_t)n * heads * s->D; i++)
                if (memcmp(O + i, Z + i, 4))
                    fail_msg("%s type %d D %u rows %u at %u: o[%zu] = %.9g, plain %.9g",
                             set->name, s->type, s->D, n, pos, i, (double)O[i], (double)Z[i]);
        }
        drop_cache();
        mn_free(work);
    }
}

static void every_set_stores_the_same_bytes(void **state)
{
    (void)state;
    EACH_SHAPE(s) EACH_SET(set)
    {
        size_t bytes = mn_kv_block_bytes(s);
        OK(bytes % 64 == 0);
        uint8_t *a = mn_alloc_aligned(64, bytes), *b = mn_alloc_aligned(64, bytes);
        memset(a, 7, bytes), memset(b, 7, bytes);
        for (uint32_t at = 0; at < 32; at += 3) {
            uint32_t h = at % s->KV;
            fill(K[0], s->D, 1), fill(V[0], s->D, 1);
            K[0][0] = at == 6 ? INFINITY : at == 9 ? 1e6f : at == 12 ? 1e-7f : 1;
            V[0][1] = at == 6 ? -INFINITY : at == 9 ? -65519.0f : at == 12 ? -1e-40f : 1;
            const float *k = at == 15 ? NULL : K[0], *v = at == 18 ? NULL : V[0];
            set->kv_store(s, a, at, h, k, v);
            mn_packed__plain.kv_store(s, b, at, h, k, v);
        }
        for (size_t i = 0; i < bytes; i++)
            if (a[i] != b[i])
                fail_msg("%s type %d D %u: byte %zu of %zu", set->name, s->type, s->D, i,
                         bytes);
        mn_free(a), mn_free(b);
    }
}

static void rows_give_the_same_bits_however_they_are_split(void **state)
{
    (void)state;
    uint32_t n = 70, pos = 45;
    new_numbers();
    EACH_SHAPE(s) EACH_SET(set)
    {
        uint32_t group = 3, heads = s->KV * group;
        if (s->D > 128) continue;
        size_t row = (size_t)heads * s->D;
        float *work = work_of(s);
        fill(Q, n * row, 1.5);
        make_cache(set, s, pos + n);
        attend(set, s, group, 0, n, pos, O, work);
        for (size_t step = 1; step < n; step += step < 14 ? 1 : 9) {
            memset(Z, 0, sizeof Z);
            for (size_t at = 0; at < n; at += step)
                attend(set, s, group, at, at + step < n ? at + step : n, pos, Z, work);
            OK(memcmp(O, Z, n * row * sizeof *O) == 0);
        }
        for (uint32_t t = 0; t < n;
             t += 23) { /* when what comes later is not in the cache yet */
            drop_cache();
            make_cache(set, s, pos + t + 1);
            attend(set, s, group, t, t + 1, pos, Z, work);
            OK(memcmp(O + t * row, Z + t * row, row * sizeof *O) == 0);
        }
        drop_cache();
        mn_free(work);
    }
}

static void far_apart_scores_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    mn_kv_shape s = {MN_KV_F16, 1, 64};
    double o[D_MAX];
    float *work = work_of(&s);
    EACH_SET(set)
    {
        new_numbers();
        fill(Q, 4 * 64, 300); /* scores of thousands */
        make_cache(set, &s, 100);
        attend(set, &s, 1, 0, 4, 96, O, work);
        for (uint32_t t = 0; t < 4; t++) {
            exactly(&s, Q + t * 64, 0, 97 + t, o);
            for (uint32_t d = 0; d < 64; d++) OK(fabs(o[d] - (double)O[t * 64 + d]) < 1e-3);
        }
        drop_cache();
    }
    mn_free(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_set_attends),
        TEST(every_set_stores_the_same_bytes),
        TEST(rows_give_the_same_bits_however_they_are_split),
        TEST(far_apart_scores_neither_overflow_nor_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
