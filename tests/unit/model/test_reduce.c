/* The sum of gradients, with threads for ranks: the same bits from any number of them, and a failure that reaches all. */
#include "ranks_fixture.h"

#include "base/hash.h"
#include "model/reduce.h"

#define N_WEIGHTS 70001 /* more than a part of the pool's */
#define BATCHES   3

typedef struct summing {
    size_t n_micro;
    float *sum; /* [BATCHES][N_WEIGHTS], put together from the ranks' slices */
} summing;

/* Weights of very different sizes, so that the order of a sum shows in its bits. */
static float gradient(size_t batch, size_t micro, size_t i)
{
    uint64_t u = mn_rand_at(batch + 1, micro, i);
    return (float)(mn_rand_unit(u) - 0.5) * (float)(1 << (u & 15));
}

static void sum_up(mn_ranks *r, void *arg)
{
    const summing *s = arg;
    mn_err e = {0};
    mn_reduce *x;
    mn_pool *pool;
    const size_t me = (size_t)mn_ranks_rank(r), size = (size_t)mn_ranks_size(r);
    uint64_t at[BOARD_RANKS + 1];
    for (size_t k = 0; k <= size; k++) at[k] = N_WEIGHTS * k / size;
    if (size == 5) at[2] = at[1]; /* a rank that owns nothing */
    const size_t own = (size_t)(at[me + 1] - at[me]);
    float *sum = mn_calloc(own + 1, sizeof *sum), *g;
    RUN(mn_pool_new(2, &pool, &e));
    RUN(mn_reduce_new(r, pool, N_WEIGHTS, at, sum, s->n_micro, &x, &e));
    for (size_t b = 0; b < BATCHES; b++) {
        mn_reduce_begin(x);
        for (size_t m = me; m < s->n_micro; m += size) {
            RUN(mn_reduce_take(x, &g, &e));
            if (me == 1) usleep(300); /* somebody is always late */
            for (size_t i = 0; i < N_WEIGHTS; i++) g[i] += gradient(b, m, i);
            mn_reduce_give(x);
        }
        RUN(mn_reduce_end(x, &e));
        memcpy(s->sum + b * N_WEIGHTS + at[me], sum, own * sizeof *sum);
        memset(sum, 0, own * sizeof *sum);
    }
    mn_reduce_free(x);
    mn_pool_free(pool);
    mn_free(sum);
}

static void expect(const summing *s, bool backwards, float *ret)
{
    for (size_t b = 0; b < BATCHES; b++)
        for (size_t i = 0; i < N_WEIGHTS; i++) {
            size_t last = s->n_micro - 1;
            float sum = gradient(b, backwards ? last : 0, i);
            for (size_t m = 1; m < s->n_micro; m++)
                sum += gradient(b, backwards ? last - m : m, i);
            ret[b * N_WEIGHTS + i] = sum;
        }
}

static void any_number_of_ranks_sums_to_the_same_bits(void **state)
{
    (void)state;
    const size_t bytes = BATCHES * N_WEIGHTS * sizeof(float);
    summing s = {.sum = mn_alloc(bytes)};
    float *want = mn_alloc(bytes);
    for (s.n_micro = 1; s.n_micro <= 7; s.n_micro += 2)
        for (int size = 1; size <= 5; size++) {
            expect(&s, false, want);
            memset(s.sum, 0xff, bytes);
            crew(size, -1, 0, sum_up, &s);
            OK(memcmp(s.sum, want, bytes) == 0);
        }
    s.n_micro = 7; /* and the order does matter, else this would have shown nothing */
    expect(&s, true, want);
    crew(2, -1, 0, sum_up, &s);
    OK(memcmp(s.sum, want, bytes) != 0);
    mn_free(want);
    mn_free(s.sum);
}

static void lose_the_wire(mn_ranks *r, void *arg)
{
    (void)arg;
    mn_err e = {0};
    mn_reduce *x;
    uint64_t at[] = {0, 500, 1000};
    float *sum = mn_calloc(500, sizeof *sum), *g;
    RUN(mn_reduce_new(r, NULL, 1000, at, sum, 8, &x, &e));
    mn_reduce_begin(x);
    mn_rc rc = MN_OK;
    for (int m = 0; m < 4 && rc == MN_OK; m++)
        if ((rc = mn_reduce_take(x, &g, &e)) == MN_OK) mn_reduce_give(x);
    if (rc == MN_OK) rc = mn_reduce_end(x, &e);
    OK(rc == MN_E_IO && strstr(e.msg, "is cut"));
    mn_reduce_begin(x); /* and it stays so */
    FAILS(MN_E_IO, mn_reduce_take(x, &g, &e));
    mn_reduce_free(x);
    mn_free(sum);
}

static void a_wire_that_is_cut_ends_the_sum_everywhere(void **state)
{
    (void)state;
    crew(2, 1, 5, lose_the_wire, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_number_of_ranks_sums_to_the_same_bits),
        TEST(a_wire_that_is_cut_ends_the_sum_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
