#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "tensor/ref.h"
#include "tensor/rows.h"

static float *numbers(size_t n, uint64_t seed)
{
    float *p = calloc(n, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = (float)(mn_rand_unit(mn_rand_at(seed, 1, i)) * 2 - 1);
    return p;
}

static const size_t shapes[][3] = {{1, 1, 1},     {1, 7, 15},   {1, 64, 16}, {2, 5, 17},
                                   {3, 33, 48},   {4, 4, 100},  {5, 9, 257}, {64, 70, 31},
                                   {1, 513, 256}, {6, 300, 688}};

static void few_rows_equal_the_reference_on_awkward_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t T = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
        float *x = numbers(T * K, 1), *W = numbers(N * K, 2), *y = calloc(T * N, 4),
              *want = calloc(T * N, 4);
        mn_linear_rows(NULL, y, x, W, T, N, K);
        mn_ref_matmul_nt(want, x, W, T, N, K, false);
        for (size_t j = 0; j < T * N; j++)
            OK(fabsf(y[j] - want[j]) <= 1e-5f * (1 + sqrtf((float)K)));
        free(x), free(W), free(y), free(want);
    }
}

static void bits_do_not_depend_on_threads_or_on_how_many_rows_go_together(void **state)
{
    (void)state;
    mn_err e = {0};
    size_t T = 9, N = 515, K = 301;
    float *x = numbers(T * K, 3), *W = numbers(N * K, 4), *one = calloc(T * N, 4),
          *many = calloc(T * N, 4);
    mn_linear_rows(NULL, many, x, W, T, N, K);
    for (size_t t = 0; t < T; t++) mn_linear_rows(NULL, one + t * N, x + t * K, W, 1, N, K);
    assert_memory_equal(one, many, T * N * 4);
    for (int threads = 2; threads <= 3; threads++) {
        mn_pool *p;
        RUN(mn_pool_new(threads, &p, &e));
        memset(one, 0, T * N * 4);
        mn_linear_rows(p, one, x, W, T, N, K);
        assert_memory_equal(one, many, T * N * 4);
        mn_pool_free(p);
    }
    free(x), free(W), free(one), free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(few_rows_equal_the_reference_on_awkward_shapes),
        TEST(bits_do_not_depend_on_threads_or_on_how_many_rows_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
