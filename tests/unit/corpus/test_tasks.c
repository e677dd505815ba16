/* Tasks that several ranks share, with threads for ranks: results come in order, whoever did them, and a failure is everybody's. */
#include "corpus/tasks.h"
#include "ranks_fixture.h"

#include "base/hash.h"

#define TASKS 300
enum { SQUARE, NAME };

typedef struct doing {
    uint64_t tasks;  /* to be made */
    int64_t fail_at; /* the task that fails, or -1 */
    int bad_rank;    /* who fails at `fail_at`; -1: whoever has it */
    uint64_t made, taken, by[BOARD_RANKS];
    uint64_t named; /* ranks, as each says its own */
    mn_rc rc[BOARD_RANKS];
    mn_err e[BOARD_RANKS];
    bool agreed[BOARD_RANKS], tells[BOARD_RANKS];
} doing;

typedef struct hand { /* what a rank has for itself */
    doing *d;
    int rank;
} hand;

/* Bytes of task i: none, a few, or many, and never the same. */
static size_t length_of(uint64_t i)
{
    return i % 7 == 0 ? 0 : i % 50 == 1 ? 300000 : (size_t)(i % 90);
}

static mn_rc work(void *arg, uint32_t op, mn_str request, mn_buf *ret, mn_err *e)
{
    hand *h = arg;
    uint64_t n;
    if (op == NAME) return mn_buf_add(ret, &h->rank, sizeof h->rank);
    OK(op == SQUARE && request.len >= 8);
    memcpy(&n, request.ptr, 8);
    OK(request.len == 8 + length_of(n));
    h->d->by[h->rank]++;
    if (h->rank == 1 && n % 3 == 0) usleep(200); /* somebody is slower */
    if ((int64_t)n >= h->d->fail_at && h->d->fail_at >= 0 &&
        (h->d->bad_rank < 0 || h->d->bad_rank == h->rank))
        return mn_fail(e, MN_E_LIMIT, "task %llu is too heavy", (unsigned long long)n);
    n *= n;
    mn_buf_add(ret, &n, 8);
    return mn_buf_adds(ret, mn_str_sub(request, 8, SIZE_MAX));
}

static mn_rc next(void *arg, mn_buf *ret, bool *ret_more, mn_err *e)
{
    doing *d = arg;
    (void)e;
    *ret_more = d->made < d->tasks;
    if (!*ret_more) return MN_OK;
    mn_buf_add(ret, &d->made, 8);
    for (size_t i = 0; i < length_of(d->made); i++) mn_buf_addc(ret, (char)(d->made + i));
    d->made++;
    return ret->failed;
}

static mn_rc take(void *arg, mn_str result, mn_err *e)
{
    doing *d = arg;
    uint64_t n;
    (void)e;
    OK(result.len == 8 + length_of(d->taken));
    memcpy(&n, result.ptr, 8);
    OK(n == d->taken * d->taken);
    for (size_t i = 8; i < result.len; i++) OK(result.ptr[i] == (char)(d->taken + i - 8));
    d->taken++;
    return MN_OK;
}

static mn_rc take_name(void *arg, mn_str result, mn_err *e)
{
    doing *d = arg;
    int rank;
    (void)e;
    OK(result.len == sizeof rank);
    memcpy(&rank, result.ptr, sizeof rank);
    OK((uint64_t)rank == d->named); /* in their order */
    d->named++;
    return MN_OK;
}

static mn_rc lead(doing *d, mn_tasks *t, mn_err *e)
{
    const mn_tasks_work w = {SQUARE, next, take, d};
    MN_TRY(mn_tasks_each(t, NAME, MN_STR("who?"), take_name, d, e));
    MN_TRY(mn_tasks_run(t, &w, e));
    d->named = 0;
    return mn_tasks_each(t, NAME, (mn_str){NULL, 0}, take_name, d, e);
}

static void all_work(mn_ranks *r, void *arg)
{
    doing *d = arg;
    const int me = mn_ranks_rank(r);
    hand h = {d, me};
    mn_err *e = &d->e[me];
    mn_tasks *t;
    *e = (mn_err){0};
    if (me) d->rc[me] = mn_tasks_serve(r, work, &h, e);
    else if ((d->rc[0] = mn_tasks_new(r, work, &h, &t, e)) == MN_OK) {
        d->rc[0] = mn_tasks_end(t, lead(d, t, e), e);
        mn_tasks_free(t);
    }
    d->agreed[me] = mn_ranks_agreed(r);
    d->tells[me] = mn_ranks_tells(r);
}

static void results_come_in_order_whoever_did_them(void **state)
{
    (void)state;
    for (int size = 2; size <= BOARD_RANKS; size++)
        for (uint64_t tasks = 0; tasks <= TASKS; tasks = tasks * 3 + 1) {
            doing d = {.tasks = tasks, .fail_at = -1};
            crew(size, -1, 0, all_work, &d);
            uint64_t done = 0;
            for (int k = 0; k < size; k++) {
                if (d.rc[k] != MN_OK) fail_msg("rank %d: %s", k, d.e[k].msg);
                done += d.by[k];
            }
            OK(d.taken == tasks && done == tasks && d.named == (uint64_t)size);
            for (int k = 1; k < size; k++) OK(tasks < (uint64_t)size || d.by[k] > 0);
        }
}

static void a_task_that_fails_fails_everywhere_and_is_told_once(void **state)
{
    (void)state;
    for (int bad = -1; bad <= 2; bad++)
        for (int64_t at = 0; at < 60; at += 19) {
            doing d = {.tasks = TASKS, .fail_at = at, .bad_rank = bad};
            crew(3, -1, 0, all_work, &d);
            for (int k = 0; k < 3; k++) {
                OK(d.rc[k] == MN_E_LIMIT && strstr(d.e[k].msg, "is too heavy"));
                if (bad > 0) OK(strstr(d.e[k].msg, bad == 1 ? "rank 1: task" : "rank 2: task"));
                OK(d.agreed[k] && d.tells[k] == (k == 0));
            }
            OK(d.taken < TASKS);
        }
}

static void a_wire_that_is_cut_ends_it_everywhere(void **state)
{
    (void)state;
    for (int after = 8; after < 200; after += 17)
        for (int who = 0; who < 3; who++) {
            doing d = {.tasks = 100 * TASKS, .fail_at = -1};
            crew(3, who, after, all_work, &d);
            for (int k = 0; k < 3; k++) {
                OK(d.rc[k] == MN_E_IO && strstr(d.e[k].msg, "is cut"));
                OK(!d.agreed[k]); /* so the program ends the others */
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_come_in_order_whoever_did_them),
        TEST(a_task_that_fails_fails_everywhere_and_is_told_once),
        TEST(a_wire_that_is_cut_ends_it_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
