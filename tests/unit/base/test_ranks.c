/* Ranks, with threads for ranks: what one knows all learn, and failures that reach all. */
#include "ranks_fixture.h"

#include <dlfcn.h>
#include <sys/wait.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_mpirun_there_is_one_rank_and_no_mpi),
        TEST(another_mpi_is_refused_by_name),
        TEST(ranks_that_mpi_does_not_know_of_are_refused),
        TEST(what_one_knows_all_learn),
        TEST(the_failure_of_one_is_that_of_all_and_told_once),
        TEST(what_is_too_long_for_a_message_goes_in_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
