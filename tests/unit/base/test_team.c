#include "test.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/team.h"

/* Each stage adds to what the one before wrote: a stage begun too early shows in the sums. */
enum { PARTS = 37, STAGES = 200 };

typedef struct job {
    uint64_t *cells; /* [PARTS] */
    size_t n_stages;
} job;

static void add_neighbours(void *arg, mn_walk *w)
{
    job j = *(job *)arg;
    for (size_t s = 0; s < j.n_stages; s++) {
        uint64_t *from = j.cells + (s % 2) * PARTS, *to = j.cells + ((s + 1) % 2) * PARTS;
        for (size_t p; mn_stage_next(w, PARTS, &p);)
            to[p] = from[p] * 3 + from[(p + 1) % PARTS] + s;
        if (!mn_stage_done(w)) return;
    }
}

static uint64_t run_once(mn_team *t, size_t n_stages)
{
    uint64_t cells[2 * PARTS], sum = 0;
    for (size_t i = 0; i < PARTS; i++) cells[i] = i;
    mn_team_run(t, add_neighbours, &(job){cells, n_stages}, sizeof(job));
    for (size_t i = 0; i < PARTS; i++) sum = sum * 31 + cells[(n_stages % 2) * PARTS + i];
    memset(cells, 0xee, sizeof cells); /* a thread that came too late would be seen */
    return sum;
}

static mn_team *team_of(int n)
{
    mn_team *t = NULL;
    mn_err e = {0};
    OK(mn_team_new(n, &t, &e) == MN_OK);
    return t;
}

static void any_number_of_threads_gives_the_same(void **state)
{
    (void)state;
    mn_team *alone = team_of(1);
    for (int n = 2; n <= 8; n++) {
        mn_team *t = team_of(n);
        OK(mn_team_threads(t) == n);
        for (size_t s = 1; s < STAGES; s += 13) OK(run_once(t, s) == run_once(alone, s));
        mn_team_free(t);
    }
    mn_team_free(alone);
}

static void thousands_of_short_runs_end(void **state)
{
    (void)state;
    mn_team *t = team_of(3), *alone = team_of(1);
    uint64_t want = run_once(alone, 3);
    for (int i = 0; i < 5000; i++) OK(run_once(t, 3) == want);
    mn_team_free(t);
    mn_team_free(alone);
}

typedef struct slow {
    _Atomic int *n_done;
} slow;

static void one_part_is_slow(void *arg, mn_walk *w)
{
    slow s = *(slow *)arg;
    for (size_t p; mn_stage_next(w, 2, &p);) {
        if (p == 1) usleep(20000);
        atomic_fetch_add(s.n_done, 1);
    }
    if (!mn_stage_done(w)) return;
    for (size_t p; mn_stage_next(w, 1, &p);) OK(atomic_load(s.n_done) == 2);
    mn_stage_done(w);
}

static void who_waits_sleeps_and_is_woken(void **state)
{
    (void)state;
    mn_team *t = team_of(2);
    for (int i = 0; i < 5; i++) {
        _Atomic int n = 0;
        mn_team_run(t, one_part_is_slow, &(slow){&n}, sizeof(slow));
        OK(n == 2);
    }
    mn_team_free(t);
}

/* Who has the first part keeps it until all others are done, its own share among them: somebody else must take that. */
static void hold_the_first(void *arg, mn_walk *w)
{
    slow s = *(slow *)arg;
    for (size_t p; mn_stage_next(w, PARTS, &p);) {
        for (int i = 0; p == 0 && atomic_load(s.n_done) < PARTS - 1; i++) {
            if (i == 10000) fail_msg("%d of %d parts done", atomic_load(s.n_done), PARTS);
            usleep(1000);
        }
        atomic_fetch_add(s.n_done, 1);
    }
    mn_stage_done(w);
}

static void what_a_slow_thread_has_left_is_taken(void **state)
{
    (void)state;
    for (int threads = 2; threads <= 5; threads++) {
        mn_team *t = team_of(threads);
        _Atomic int n = 0;
        mn_team_run(t, hold_the_first, &(slow){&n}, sizeof(slow));
        OK(n == PARTS);
        mn_team_free(t);
    }
}

static void a_stage_without_parts_is_over_at_once(void **state)
{
    (void)state;
    mn_team *t = team_of(2);
    uint64_t cells[2 * PARTS] = {0};
    mn_team_run(t, add_neighbours, &(job){cells, 0}, sizeof(job));
    mn_team_free(t);
    mn_team_free(NULL);
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    mn_team *t = NULL;
    mn_err e = {0};
    OK(mn_team_new(-1, &t, &e) == MN_E_LIMIT);
    OK(mn_team_new(5000, &t, &e) == MN_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same),
        cmocka_unit_test(thousands_of_short_runs_end),
        cmocka_unit_test(who_waits_sleeps_and_is_woken),
        cmocka_unit_test(what_a_slow_thread_has_left_is_taken),
        cmocka_unit_test(a_stage_without_parts_is_over_at_once),
        cmocka_unit_test(too_many_threads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
