/* Ranks and the sum of their gradients, with threads for ranks: the same bits from any number of them, and failures that reach all. */
#include "ranks_fixture.h"

#include <dlfcn.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "model/reduce.h"

static void without_mpirun_there_is_one_rank_and_no_mpi(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_ranks *r = (mn_ranks *)&e;
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("PMI_SIZE");
    RUN(mn_ranks_open(&r, &e));
    OK(r == NULL && mn_ranks_size(r) == 1 && mn_ranks_rank(r) == 0 && mn_ranks_tells(r));
    OK(mn_ranks_threads(r) >= 1);
    RUN(mn_ranks_barrier(r, &e));
    RUN(mn_ranks_broadcast(r, &e, sizeof e, &e));
    FAILS(MN_E_LIMIT, mn_ranks_agree(r, MN_E_LIMIT, &e));
    mn_ranks_close(r);
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    RUN(mn_ranks_open(&r, &e));
    OK(r == NULL && dlopen("libmpi.so.40", RTLD_NOW | RTLD_NOLOAD) == NULL);
    unsetenv("OMPI_COMM_WORLD_SIZE");
}

static void another_mpi_is_refused_by_name(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_ranks *r;
    setenv("PMI_SIZE", "3", 1);
    FAILS(MN_E_UNSUPPORTED, mn_ranks_open(&r, &e));
    OK(strstr(e.msg, "Open MPI"));
    unsetenv("PMI_SIZE");
}

/* Where Open MPI is installed it begins, alone; where not, it cannot be loaded. It leaves memory behind: in a child. */
static void ranks_that_mpi_does_not_know_of_are_refused(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        mn_err e = {0};
        mn_ranks *r;
        setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
        setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
        setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
        mn_rc rc = mn_ranks_open(&r, &e);
        bool told = strstr(e.msg, "knows of 1") || strstr(e.msg, "cannot be loaded");
        _exit(rc == MN_E_UNSUPPORTED && told ? 0 : 1);
    }
    int status = 0;
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what all do together ------------------------------------------------------------------------------------------- */

static void talk(mn_ranks *r, void *arg)
{
    (void)arg;
    mn_err e = {0};
    const int me = mn_ranks_rank(r), size = mn_ranks_size(r);
    uint64_t word = me == 0 ? 4711 : 0, own = 100 + (uint64_t)me, all[BOARD_RANKS] = {0};
    RUN(mn_ranks_broadcast(r, &word, sizeof word, &e));
    OK(word == 4711);
    RUN(mn_ranks_gather(r, &own, sizeof own, all, &e));
    for (int k = 0; k < size && me == 0 && r; k++) OK(all[k] == 100 + (uint64_t)k);
    /* rank k has k values, rank 0 none */
    uint64_t at[BOARD_RANKS + 1] = {0}, many[64] = {0};
    for (int k = 0; k < size; k++) at[k + 1] = at[k] + (uint64_t)k * 8;
    for (uint64_t i = at[me] / 8; i < at[me + 1] / 8; i++) many[i] = 1000 + i;
    RUN(mn_ranks_share(r, many, at, &e));
    for (uint64_t i = 0; i < at[size] / 8; i++) OK(many[i] == 1000 + i);
    RUN(mn_ranks_barrier(r, &e));
    RUN(mn_ranks_agree(r, MN_OK, &e));
    OK(!r || !mn_ranks_agreed(r));
}

static void what_one_knows_all_learn(void **state)
{
    (void)state;
    for (int size = 1; size <= BOARD_RANKS; size++) crew(size, -1, 0, talk, NULL);
}

static void disagree(mn_ranks *r, void *arg)
{
    const int *failing = arg, me = mn_ranks_rank(r);
    mn_err e = {0};
    mn_rc own = MN_OK;
    if (*failing >> me & 1) own = mn_fail(&e, MN_E_IO, "disk of rank %d is full", me);
    FAILS(MN_E_IO, mn_ranks_agree(r, own, &e));
    OK(strstr(e.msg, *failing & 1 ? "disk of rank 0 is full" : "disk of rank 1 is full"));
    OK((*failing & 1) || strstr(e.msg, "rank 1 on '"));
    OK(mn_ranks_agreed(r) && mn_ranks_tells(r) == (me == 0));
}

static void the_failure_of_one_is_that_of_all_and_told_once(void **state)
{
    (void)state;
    for (int failing = 2; failing <= 7; failing++)
        if (failing != 4) crew(3, -1, 0, disagree, &failing);
}

static void send_much(mn_ranks *r, void *arg)
{
    (void)arg;
    mn_err e = {0};
    const size_t n = MN_RANKS_BLOCK + 5;
    uint8_t *p = mn_alloc(n);
    memset(p, mn_ranks_rank(r) ? 0 : 77, n);
    RUN(mn_ranks_broadcast(r, p, n, &e));
    OK(p[0] == 77 && p[MN_RANKS_BLOCK - 1] == 77 && p[MN_RANKS_BLOCK] == 77 && p[n - 1] == 77);
    mn_free(p);
}

static void what_is_too_long_for_a_message_goes_in_several(void **state)
{
    (void)state;
    crew(2, -1, 0, send_much, NULL);
}

/* ---- the sum -------------------------------------------------------------------------------------------------------- */

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
        TEST(without_mpirun_there_is_one_rank_and_no_mpi),
        TEST(another_mpi_is_refused_by_name),
        TEST(ranks_that_mpi_does_not_know_of_are_refused),
        TEST(what_one_knows_all_learn),
        TEST(the_failure_of_one_is_that_of_all_and_told_once),
        TEST(what_is_too_long_for_a_message_goes_in_several),
        TEST(any_number_of_ranks_sums_to_the_same_bits),
        TEST(a_wire_that_is_cut_ends_the_sum_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
