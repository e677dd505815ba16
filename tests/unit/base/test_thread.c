#include "test.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"

typedef struct job {
    mn_pool *pool, *other;
    int n_threads;
    _Atomic int runs[3000];
    _Atomic int inner, wrong;
    long busy[16]; /* by thread, deliberately not atomic: each thread has its own */
    double sum[3000];
} job;

static void count(void *arg, size_t part, int thread)
{
    job *j = arg;
    atomic_fetch_add(&j->runs[part], 1);
    if (thread < 0 || thread >= j->n_threads) atomic_fetch_add(&j->wrong, 1);
    j->busy[thread]++;
    j->sum[part] = 0;
    for (size_t i = 0; i < part % 50; i++) j->sum[part] += 1.0 / (double)(i + part + 1);
}

static void every_part_runs_once_whatever_the_thread_count(void **state)
{
    (void)state;
    static job first, j;
    mn_err e = {0};
    for (int n = 1; n <= 6; n++) {
        mn_pool *p;
        RUN(mn_pool_new(n, &p, &e));
        assert_int_equal(mn_pool_threads(p), n);
        for (int round = 0; round < 30; round++) {
            size_t parts = round < 3 ? (size_t)round : 3000 - (size_t)round;
            memset(&j, 0, sizeof j);
            j.n_threads = n;
            mn_pool_run(p, parts, count, &j);
            long busy = 0;
            for (int t = 0; t < n; t++) busy += j.busy[t];
            assert_int_equal(busy, parts);
            for (size_t i = 0; i < 3000; i++) assert_int_equal(j.runs[i], i < parts);
            OK(j.wrong == 0);
            if (n == 1) memcpy(&first, &j, sizeof j);
        }
        OK(memcmp(first.sum, j.sum, sizeof j.sum) == 0); /* the same bits */
        mn_pool_free(p);
    }
    mn_pool_free(NULL);
}

static void in_order(void *arg, size_t part, int thread)
{
    job *j = arg;
    if (atomic_fetch_add(&j->runs[0], 1) != (int)part || thread != 0) j->wrong++;
}

static void without_a_pool_parts_run_in_order_on_the_caller(void **state)
{
    (void)state;
    static job j;
    memset(&j, 0, sizeof j);
    mn_pool_run(NULL, 100, in_order, &j);
    OK(j.runs[0] == 100 && j.wrong == 0);
    assert_int_equal(mn_pool_threads(NULL), 1);
}

static void tiny(void *arg, size_t part, int thread)
{
    (void)thread;
    atomic_fetch_add_explicit(&((job *)arg)->runs[part], 1, memory_order_relaxed);
}

static void many_short_runs_after_each_other_lose_nothing(void **state)
{
    (void)state;
    static job j;
    mn_err e = {0};
    mn_pool *p;
    memset(&j, 0, sizeof j);
    RUN(mn_pool_new(4, &p, &e));
    for (int i = 0; i < 20000; i++) {
        mn_pool_run(p, 1 + (size_t)i % 5, tiny, &j);
        if (i % 4000 == 0) usleep(2000); /* let the workers fall asleep */
    }
    for (int i = 0; i < 5; i++) assert_int_equal(j.runs[i], 20000 - 4000 * i);
    mn_pool_free(p);
}

static void inner(void *arg, size_t part, int thread)
{
    (void)part, (void)thread;
    atomic_fetch_add(&((job *)arg)->inner, 1);
}

/* Inside a part of the same pool the scratch space stays the thread's; in another pool it is 0. */
static _Thread_local int outer_thread;
static void inner_same(void *arg, size_t part, int thread)
{
    if (thread != outer_thread) ((job *)arg)->wrong++;
    inner(arg, part, thread);
}
static void inner_other(void *arg, size_t part, int thread)
{
    if (thread != 0) ((job *)arg)->wrong++;
    inner(arg, part, thread);
}

static void outer(void *arg, size_t part, int thread)
{
    job *j = arg;
    outer_thread = thread;
    atomic_fetch_add(&j->runs[part], 1);
    mn_pool_run(j->pool, 5, inner_same, j);
    mn_pool_run(j->other, 5, inner_other, j);
    mn_pool_run(NULL, 5, inner_other, j);
}

static void nested_runs_stay_on_their_thread(void **state)
{
    (void)state;
    static job j;
    mn_err e = {0};
    memset(&j, 0, sizeof j);
    RUN(mn_pool_new(3, &j.pool, &e));
    RUN(mn_pool_new(2, &j.other, &e));
    for (int i = 0; i < 50; i++) mn_pool_run(j.pool, 20, outer, &j);
    assert_int_equal(j.inner, 50 * 20 * 15);
    assert_int_equal(j.wrong, 0);
    for (int i = 0; i < 20; i++) assert_int_equal(j.runs[i], 50);
    mn_pool_free(j.pool);
    mn_pool_free(j.other);
}

static void idle_workers_sleep(void **state)
{
    (void)state;
    static job j;
    mn_err e = {0};
    mn_pool *p;
    memset(&j, 0, sizeof j);
    RUN(mn_pool_new(2, &p, &e));
    mn_pool_run(p, 100, tiny, &j);
    usleep(20000);
    double before = mn_cpu_s();
    usleep(200000);
    OK(mn_cpu_s() - before < 0.05);
    mn_pool_free(p);
}

static void a_pool_has_a_sensible_size(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_pool *p = NULL;
    FAILS(MN_E_LIMIT, mn_pool_new(-1, &p, &e));
    FAILS(MN_E_LIMIT, mn_pool_new(1000000, &p, &e));
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_pool_new(2, &p, &e));
    mn_mem_fail_after(0);
    OK(!p && mn_cpu_count() >= 1);
    RUN(mn_pool_new(0, &p, &e));
    assert_int_equal(mn_pool_threads(p), mn_cpu_count());
    mn_pool_free(p);
}

/* ---- queue --------------------------------------------------------------------------------------------------- */

typedef struct traffic {
    mn_queue *q;
    int numbers[4000];
    _Atomic long sum;
    _Atomic int taken;
} traffic;

static void *produce(void *arg)
{
    traffic *t = arg;
    for (int i = 0; i < 4000; i++) mn_queue_push(t->q, &t->numbers[i]);
    return NULL;
}

static void *consume(void *arg)
{
    traffic *t = arg;
    for (int *n; (n = mn_queue_pop(t->q));) {
        t->sum += *n;
        t->taken++;
    }
    return NULL;
}

static void all_that_is_pushed_is_popped(void **state)
{
    (void)state;
    static traffic t;
    mn_err e = {0};
    pthread_t makers[2], takers[3];
    memset(&t, 0, sizeof t);
    for (int i = 0; i < 4000; i++) t.numbers[i] = i;
    RUN(mn_queue_new(7, &t.q, &e));
    for (int i = 0; i < 3; i++) pthread_create(&takers[i], NULL, consume, &t);
    for (int i = 0; i < 2; i++) pthread_create(&makers[i], NULL, produce, &t);
    for (int i = 0; i < 2; i++) pthread_join(makers[i], NULL);
    mn_queue_close(t.q);
    for (int i = 0; i < 3; i++) pthread_join(takers[i], NULL);
    assert_int_equal(t.taken, 8000);
    assert_int_equal(t.sum, 2L * 3999 * 4000 / 2);
    mn_queue_free(t.q);
}

static void a_closed_queue_is_drained_in_order(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_queue *q = NULL;
    int a, b, c;
    RUN(mn_queue_new(3, &q, &e));
    OK(mn_queue_push(q, &a) && mn_queue_push(q, &b));
    OK(mn_queue_pop(q) == &a);
    OK(mn_queue_push(q, &c) && mn_queue_push(q, &a));
    mn_queue_close(q);
    OK(!mn_queue_push(q, &b));
    OK(mn_queue_pop(q) == &b && mn_queue_pop(q) == &c && mn_queue_pop(q) == &a);
    OK(!mn_queue_pop(q) && !mn_queue_pop(q));
    mn_queue_free(q);
    mn_queue_free(NULL);
    q = NULL;
    FAILS(MN_E_LIMIT, mn_queue_new(SIZE_MAX / 4, &q, &e));
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_queue_new(4, &q, &e));
    mn_mem_fail_after(0);
    OK(!q);
}

static void *push_when_full(void *arg)
{
    return mn_queue_push(((traffic *)arg)->q, arg) ? arg : NULL;
}

static void closing_wakes_those_who_wait(void **state)
{
    (void)state;
    traffic *t = calloc(1, sizeof *t);
    mn_err e = {0};
    pthread_t pusher;
    void *pushed;
    RUN(mn_queue_new(1, &t->q, &e));
    mn_queue_push(t->q, t);
    pthread_create(&pusher, NULL, push_when_full, t);
    usleep(10000);
    mn_queue_close(t->q);
    pthread_join(pusher, &pushed);
    OK(!pushed && mn_queue_pop(t->q) == t && !mn_queue_pop(t->q));
    mn_queue_free(t->q);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_part_runs_once_whatever_the_thread_count),
        TEST(without_a_pool_parts_run_in_order_on_the_caller),
        TEST(many_short_runs_after_each_other_lose_nothing),
        TEST(nested_runs_stay_on_their_thread),
        TEST(idle_workers_sleep),
        TEST(a_pool_has_a_sensible_size),
        TEST(all_that_is_pushed_is_popped),
        TEST(a_closed_queue_is_drained_in_order),
        TEST(closing_wakes_those_who_wait),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
