/* Packed matrices: what is packed is what the file says; every set of kernels that this CPU can run gives the plain ones' bits for
 * blocks and their numbers for plain formats; a product does not depend on what is computed beside it. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tensor/packed_int.h"

enum { N_MAX = 100, K_MAX = 1024, T_MAX = 67, Y_STRIDE = N_MAX + 3 };

static uint64_t stream;
static uint8_t SRC[N_MAX * K_MAX * 4];
static float X[T_MAX * K_MAX], Y[T_MAX * Y_STRIDE], Z[T_MAX * Y_STRIDE], W[N_MAX * K_MAX];
static _Alignas(64) uint8_t ACT[T_MAX * (K_MAX * 4 + 64)];

static double unit(size_t i)
{
    return 2 * mn_rand_unit(mn_rand_at(5, stream, i)) - 1;
}

static void put_half(uint8_t *at, double v)
{
    uint16_t h = mn_f32_to_f16((float)v);
    memcpy(at, &h, sizeof h);
}

/* Where a block's half-precision scales are: -1 for none. */
static void scales_of(mn_qtype type, int ret[2])
{
    bool two = type == MN_Q_Q4_1 || type == MN_Q_Q5_1 || type == MN_Q_Q4_K || type == MN_Q_Q5_K;
    ret[0] = type == MN_Q_Q6_K ? 208 : 0;
    ret[1] = two ? 2 : -1;
}

/* N rows of K values: any bytes for codes (so that all occur), scales of ordinary size. */
static void make_source(const mn_qformat *f, size_t N, size_t K)
{
    size_t n = N * mn_qformat_row_bytes(f, K);
    int at[2];
    stream++;
    scales_of(f->type, at);
    for (size_t i = 0; i < n; i++) SRC[i] = (uint8_t)mn_rand_at(7, stream, i);
    for (size_t b = 0; b < n / f->bytes; b++) {
        uint8_t *p = SRC + b * f->bytes;
        float v = (float)unit(b);
        uint16_t h = mn_f32_to_bf16(v);
        if (f->type == MN_Q_F32) memcpy(p, &v, 4);
        else if (f->type == MN_Q_BF16) memcpy(p, &h, 2);
        else if (f->type == MN_Q_F16) put_half(p, v);
        else
            for (int i = 0; i < 2; i++)
                if (at[i] >= 0) put_half(p + at[i], unit(2 * b + (size_t)i) * 0.02);
    }
    mn_dequant(f->type, SRC, W, N * K);
}

static void make_x(mn_act act, uint32_t K, size_t T)
{
    stream++;
    for (size_t i = 0; i < T * K; i++) X[i] = (float)(unit(i) * exp2(4 * unit(i / 32 + 999)));
    for (size_t t = 0; t < T; t++)
        mn_act_pack(act, X + t * K, K, ACT + t * mn_act_bytes(act, K));
}

static uint32_t same_row(const void *arg, uint32_t n)
{
    return ((const uint32_t *)arg)[0] - 1 - n;
}

#define EACH_FORMAT(f)                                                                         \
    const mn_qformat *f;                                                                       \
    for (size_t f_ = 0; (f = mn_qformat_at(f_)); f_++)
#define EACH_SET(s)                                                                            \
    const mn_packed__set *s;                                                                   \
    for (int s_ = 0; (s = mn_packed__set_at(s_)); s_++)

typedef struct shape {
    uint32_t N, K;
    size_t T;
} shape;

/* K counts blocks, or for plain formats values: 3 makes an odd one. */
static shape shape_of(const mn_qformat *f, int i)
{
    static const uint32_t N[] = {1, 16, 17, 33, 50, 100, 96, 31},
                          B[] = {1, 2, 3, 9, 4, 1, 5, 7};
    static const size_t T[] = {1, 2, 3, 5, 8, 13, 30, 67};
    uint32_t K = f->block == 1    ? B[i] * 37
                 : f->block == 32 ? B[i] * 3 * 32
                                  : 256 * (B[i] % 4 + 1);
    if (f->block == 32 && B[i] == 1) K = 32;
    return (shape){N[i], K, T[i]};
}
enum { SHAPES = 8 };

static mn_packed packed_of(const mn_qformat *f, shape s)
{
    mn_packed p;
    mn_err e = {0};
    make_source(f, s.N, s.K);
    RUN(mn_packed_new(f->type, s.N, s.K, SRC, NULL, NULL, NULL, &p, &e));
    make_x(p.act, s.K, s.T);
    return p;
}

/* ---- packing ------------------------------------------------------------------------------------------------------ */

static void a_packed_row_is_the_row_of_the_file(void **state)
{
    (void)state;
    EACH_FORMAT(f) for (int i = 0; i < SHAPES; i++)
    {
        shape s = shape_of(f, i);
        mn_packed p = packed_of(f, s);
        for (uint32_t n = 0; n < s.N; n++) {
            mn_packed_row(&p, n, Y);
            if (memcmp(Y, W + (size_t)n * s.K, s.K * 4))
                fail_msg("%s row %u of %u x %u", f->name, n, s.N, s.K);
        }
        mn_packed_release(&p);
    }
}

static void rows_may_be_taken_in_another_order(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_packed p;
    mn_pool *pool;
    uint32_t N = 40, K = 256;
    RUN(mn_pool_new(2, &pool, &e));
    EACH_FORMAT(f)
    {
        make_source(f, N, K);
        RUN(mn_packed_new(f->type, N, K, SRC, same_row, &N, pool, &p, &e));
        for (uint32_t n = 0; n < N; n++) {
            mn_packed_row(&p, n, Y);
            OK(memcmp(Y, W + (size_t)(N - 1 - n) * K, K * 4) == 0);
        }
        mn_packed_release(&p);
    }
    mn_pool_free(pool);
}

static void a_matrix_may_lie_in_memory_of_the_callers(void **state)
{
    (void)state;
    mn_err e = {0};
    enum { N = 40, K = 256 };
    EACH_FORMAT(f)
    {
        mn_packed own = packed_of(f, (shape){N, K, 1}), p;
        size_t bytes = mn_packed_bytes(f->type, N, K);
        OK(bytes == own.bytes && bytes % 64 == 0);
        uint8_t *at = mn_alloc_aligned(64, bytes + 64);
        memset(at, 0xa5, bytes + 64);
        RUN(mn_packed_new_at(at, f->type, N, K, SRC, NULL, NULL, NULL, &p, &e));
        OK(p.data == at && p.bytes == bytes);
        for (uint32_t n = 0; n < N; n++) {
            mn_packed_row(&p, n, Y);
            OK(memcmp(Y, W + (size_t)n * K, K * 4) == 0);
        }
        for (size_t i = 0; i < 64; i++) OK(at[bytes + i] == 0xa5);
        mn_packed_release(&p);
        mn_packed_release(&own);
        mn_free(at);
    }
}

static void a_quantised_matrix_takes_about_the_bytes_of_the_file(void **state)
{
    (void)state;
    mn_err e = {0};
    EACH_FORMAT(f)
    {
        mn_packed p;
        make_source(f, 64, 1024);
        RUN(mn_packed_new(f->type, 64, 1024, SRC, NULL, NULL, NULL, &p, &e));
        double more = (double)p.bytes / (double)(64 * mn_qformat_row_bytes(f, 1024));
        if (more > 1.04) fail_msg("%s: %.3f times the file", f->name, more);
        mn_packed_release(&p);
    }
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_packed p;
    FAILS(MN_E_USAGE, mn_packed_new(MN_Q_Q8_0, 4, 33, SRC, NULL, NULL, NULL, &p, &e));
    FAILS(MN_E_USAGE, mn_packed_new(MN_Q_Q4_K, 4, 32, SRC, NULL, NULL, NULL, &p, &e));
    FAILS(MN_E_USAGE, mn_packed_new(MN_Q_F32, 0, 32, SRC, NULL, NULL, NULL, &p, &e));
    FAILS(MN_E_USAGE, mn_packed_new(MN_Q_F32, 1, 0, SRC, NULL, NULL, NULL, &p, &e));
    OK(mn_packed_bytes(MN_Q_Q8_0, 4, 33) == 0 && mn_packed_bytes(MN_Q_F32, 0, 32) == 0);
    FAILS(MN_E_USAGE, mn_packed_new((mn_qtype)5, 1, 32, SRC, NULL, NULL, NULL, &p, &e));
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_packed_new(MN_Q_F32, 16, 32, SRC, NULL, NULL, NULL, &p, &e));
    mn_mem_fail_after(0);
}

/* ---- rows of x ---------------------------------------------------------------------------------------------------- */

static void rows_of_x_are_the_same_bytes_on_every_set(void **state)
{
    (void)state;
    static _Alignas(64) uint8_t a[K_MAX * 8], b[K_MAX * 8];
    static const float odd[] = {0,      -0.0f, INFINITY, NAN,     1e-38f, 3e38f,
                                1e-31f, 127,   0.5f,     -1e-45f, 1.5f,   -INFINITY};
    for (uint32_t round = 0; round < 40; round++) {
        uint32_t K = 32 * (1 + round % 9);
        stream++;
        for (uint32_t i = 0; i < K; i++) X[i] = (float)unit(i);
        if (round % 3 == 1) X[round * 5 % K] = odd[round % 12];
        if (round % 3 == 2) /* halves, so that ties are met */
            for (uint32_t i = 0; i < K; i++)
                X[i] = (float)((int)(unit(i) * 254) / 2.0), X[i / 32 * 32] = 127;
        EACH_SET(s)
        {
            memset(a, 1, sizeof a), memset(b, 2, sizeof b);
            s->act_q8(X, K, a);
            mn_packed__plain.act_q8(X, K, b);
            size_t at = mn_act__blocks_at(K), end = mn_act__q8_bytes(K);
            OK(memcmp(a, b, at) == 0);
            for (size_t i = at; i < end; i += 4) { /* any NaN is as good as another */
                float u, v;
                memcpy(&u, a + i, 4), memcpy(&v, b + i, 4);
                bool scale = (i - at) % sizeof(mn_act__block) < 8;
                OK(memcmp(&u, &v, 4) == 0 || (scale && isnan(u) && isnan(v)));
            }
            for (uint32_t odd_K = K - 1; odd_K <= K; odd_K++) {
                s->act_bf16(X, odd_K, a);
                mn_packed__plain.act_bf16(X, odd_K, b);
                OK(memcmp(a, b, mn_act_bytes(MN_ACT_BF16, odd_K)) == 0);
            }
        }
    }
}

static void a_block_of_x_is_rounded_to_the_nearest_of_127_steps(void **state)
{
    (void)state;
    make_x(MN_ACT_Q8, 64, 1);
    for (int i = 0; i < 64; i++) {
        float d;
        memcpy(&d, ACT + 64 + (size_t)i / 32 * sizeof(mn_act__block), 4);
        OK(fabsf(d * (float)(int8_t)ACT[i] - X[i]) <= d * 0.5001f);
    }
}

/* ---- products ----------------------------------------------------------------------------------------------------- */

/* Row t of x as its packed form says. */
static double x_at(mn_act act, uint32_t K, size_t t, uint32_t k)
{
    const uint8_t *row = ACT + t * mn_act_bytes(act, K);
    float f;
    uint16_t h;
    if (act == MN_ACT_F32) return memcpy(&f, row + 4 * k, 4), (double)f;
    if (act == MN_ACT_BF16) return memcpy(&h, row + 2 * k, 2), (double)mn_bf16_to_f32(h);
    memcpy(&f, row + mn_act__blocks_at(K) + k / 32 * sizeof(mn_act__block), 4);
    return (double)f * (int8_t)row[k];
}

/* y, from `from` on, within tol of the products in double precision, relative to the sum of magnitudes. */
static void near_exact(const char *set, const mn_qformat *f, mn_act act, shape s, double tol)
{
    for (size_t t = 0; t < s.T; t++)
        for (uint32_t n = 0; n < s.N; n++) {
            double sum = 0, size = 1e-30;
            for (uint32_t k = 0; k < s.K; k++) {
                double v = x_at(act, s.K, t, k) * (double)W[(size_t)n * s.K + k];
                sum += v, size += fabs(v);
            }
            double y = (double)Y[t * Y_STRIDE + n];
            if (!(fabs(y - sum) <= tol * size))
                fail_msg("%s %s %ux%u y[%zu of %zu][%u] = %.9g, exactly %.9g", set, f->name,
                         s.N, s.K, t, s.T, n, y, sum);
        }
}

static void every_set_multiplies(void **state)
{
    (void)state;
    EACH_FORMAT(f) for (int i = 0; i < SHAPES; i++)
    {
        shape s = shape_of(f, i);
        mn_packed p = packed_of(f, s);
        mn_packed__plain.product[f->type](&p, ACT, s.T, 0, s.N, Z, Y_STRIDE);
        EACH_SET(set)
        {
            for (size_t j = 0; j < T_MAX * Y_STRIDE; j++) Y[j] = -77;
            set->product[f->type](&p, ACT, s.T, 0, s.N, Y, Y_STRIDE);
            near_exact(set->name, f, p.act, s, 1e-5);
            for (size_t t = 0; t < s.T; t++) {
                for (uint32_t n = 0; f->block > 1 && n < s.N; n++)
                    if (memcmp(Y + t * Y_STRIDE + n, Z + t * Y_STRIDE + n, 4))
                        fail_msg("%s %s %ux%u y[%zu of %zu][%u] = %.9g, plain %.9g", set->name,
                                 f->name, s.N, s.K, t, s.T, n, (double)Y[t * Y_STRIDE + n],
                                 (double)Z[t * Y_STRIDE + n]);
                for (uint32_t n = s.N; n < Y_STRIDE; n++) OK(Y[t * Y_STRIDE + n] == -77);
            }
        }
        mn_packed_release(&p);
    }
}

static void a_product_does_not_depend_on_what_is_computed_beside_it(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        shape s = {93, 512, 41};
        mn_packed p = packed_of(f, s);
        EACH_SET(set)
        {
            set->product[f->type](&p, ACT, s.T, 0, s.N, Y, Y_STRIDE);
            for (size_t T = 1; T <= s.T;
                 T += T < 16 ? 1 : 5) { /* other batches, other splits */
                size_t t = s.T - T, bytes = mn_act_bytes(p.act, s.K);
                uint32_t cut = (uint32_t)(T % 6) * 16;
                memset(Z, 0, sizeof Z);
                if (cut) set->product[f->type](&p, ACT + t * bytes, T, 0, cut, Z, Y_STRIDE);
                set->product[f->type](&p, ACT + t * bytes, T, cut, s.N, Z, Y_STRIDE);
                for (size_t i = 0; i < T; i++)
                    if (memcmp(Z + i * Y_STRIDE, Y + (t + i) * Y_STRIDE, s.N * 4))
                        fail_msg("%s %s: row %zu of %zu differs", set->name, f->name, i, T);
            }
        }
        mn_packed_release(&p);
    }
}

static void only_the_asked_columns_are_written(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        shape s = {90, 256, 9};
        mn_packed p = packed_of(f, s);
        EACH_SET(set)
        for (uint32_t from = 0; from < 96; from += 16)
            for (uint32_t to = from + 16; to <= 96; to += 16) {
                uint32_t end = to < s.N ? to : s.N;
                for (size_t j = 0; j < T_MAX * Y_STRIDE; j++) Y[j] = -77;
                set->product[f->type](&p, ACT, s.T, from, end, Y, Y_STRIDE);
                for (size_t t = 0; t < s.T; t++)
                    for (uint32_t n = 0; n < Y_STRIDE; n++)
                        OK((Y[t * Y_STRIDE + n] != -77) == (n >= from && n < end));
            }
        mn_packed_release(&p);
    }
}

static void scales_that_are_not_finite_stay_in_their_rows(void **state)
{
    (void)state;
    EACH_FORMAT(f)
    {
        shape s = {40, 256, 7};
        if (f->block == 1) continue;
        int at[2];
        make_source(f, s.N, s.K);
        scales_of(f->type, at);
        size_t row = mn_qformat_row_bytes(f, s.K);
        put_half(SRC + 3 * row + (size_t)at[0], INFINITY);
        put_half(SRC + 17 * row + (size_t)at[0], NAN);
        if (at[1] >= 0) put_half(SRC + 33 * row + (size_t)at[1], -INFINITY);
        mn_packed p;
        mn_err e = {0};
        RUN(mn_packed_new(f->type, s.N, s.K, SRC, NULL, NULL, NULL, &p, &e));
        make_x(p.act, s.K, s.T);
        X[2 * s.K + 5] = NAN;
        mn_act_pack(p.act, X + 2 * s.K, s.K, ACT + 2 * mn_act_bytes(p.act, s.K));
        EACH_SET(set)
        {
            set->product[f->type](&p, ACT, s.T, 0, s.N, Y, Y_STRIDE);
            for (size_t t = 0; t < s.T; t++)
                for (uint32_t n = 0; n < s.N; n++) {
                    bool ill = t == 2 || n == 3 || n == 17 || (n == 33 && at[1] >= 0);
                    if (isfinite(Y[t * Y_STRIDE + n]) == ill)
                        fail_msg("%s %s y[%zu][%u]", set->name, f->name, t, n);
                }
        }
        mn_packed_release(&p);
    }
}

static void the_set_can_be_named(void **state)
{
    (void)state;
    OK(mn_packed_set() == mn_packed__best()->name);
    const char *wish = getenv("MYNAH_KERNELS");
    if (!wish) OK(mn_packed__best() == mn_packed__set_at(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_packed_row_is_the_row_of_the_file),
        TEST(rows_may_be_taken_in_another_order),
        TEST(a_matrix_may_lie_in_memory_of_the_callers),
        TEST(a_quantised_matrix_takes_about_the_bytes_of_the_file),
        TEST(shapes_that_do_not_fit_are_refused),
        TEST(rows_of_x_are_the_same_bytes_on_every_set),
        TEST(a_block_of_x_is_rounded_to_the_nearest_of_127_steps),
        TEST(every_set_multiplies),
        TEST(a_product_does_not_depend_on_what_is_computed_beside_it),
        TEST(only_the_asked_columns_are_written),
        TEST(scales_that_are_not_finite_stay_in_their_rows),
        TEST(the_set_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
