/* Events between stores on one PostgreSQL: in order, once, not told to who made them; too many, and after a loss; between
 * processes. And their bytes, which need no server. */
#include "contract/postgres.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/store_int.h"

static char url[PG_URL_MAX];
static mn_err e;
static mn_store *a, *b;

/* ---- what was heard ------------------------------------------------------------------------------------------ */

enum { HEARD_MAX = 20000 };
typedef struct ear {
    pthread_mutex_t lock;
    mn_event ev[HEARD_MAX];
    size_t n;
} ear;
static ear ear_a = {.lock = PTHREAD_MUTEX_INITIALIZER},
           ear_b = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *arg, const mn_event *ev, size_t n)
{
    ear *x = arg;
    pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < n && x->n < HEARD_MAX; i++) x->ev[x->n++] = ev[i];
    pthread_mutex_unlock(&x->lock);
}

static size_t heard(ear *x)
{
    pthread_mutex_lock(&x->lock);
    size_t n = x->n;
    pthread_mutex_unlock(&x->lock);
    return n;
}

static void wait_until_heard(ear *x, size_t n)
{
    int64_t until = mn_mono_us() + 10000000;
    while (heard(x) < n && mn_mono_us() < until) usleep(500);
    if (heard(x) < n) fail_msg("%d events of %d were heard", (int)heard(x), (int)n);
}

static int open_two(void **state)
{
    (void)state;
    e = (mn_err){0};
    ear_a.n = ear_b.n = 0;
    pg_fresh(url);
    if (mn_store_open(url, &a, &e) || mn_store_open(url, &b, &e) ||
        mn_store_listen(a, hear, &ear_a, &e) || mn_store_listen(b, hear, &ear_b, &e))
        return -1;
    return 0;
}

static int close_two(void **state)
{
    (void)state;
    mn_store_close(a);
    mn_store_close(b);
    a = b = NULL;
    pg_drop(url);
    return 0;
}

/* One commit that tells n events, numbered from `first`. */
static mn_rc say(mn_store *s, uint64_t first, size_t n)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, &e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_store_event(tx, (mn_event){MN_EV_POST_NEW, first + i, 7, UINT64_MAX}, &e));
    return mn_store_commit(tx, &e);
}

static void is_sequence(ear *x, uint64_t first, size_t n)
{
    assert_int_equal(heard(x), n);
    for (size_t i = 0; i < n; i++)
        OK(x->ev[i].kind == MN_EV_POST_NEW && x->ev[i].id == first + i &&
           x->ev[i].account == 7 && x->ev[i].other == UINT64_MAX);
}

/* ---- two stores in this process ------------------------------------------------------------------------------ */

static void the_other_store_hears_each_commit_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 50; i++) RUN(say(a, 1 + i * 3, 3));
    wait_until_heard(&ear_b, 150);
    usleep(50000); /* nothing comes twice */
    is_sequence(&ear_b, 1, 150);
    is_sequence(&ear_a, 1, 150);
}

static void a_rollback_tells_nobody(void **state)
{
    (void)state;
    mn_tx *tx;
    RUN(mn_store_begin(a, &tx, &e));
    RUN(mn_store_event(tx, (mn_event){MN_EV_POST_NEW, 1, 7, 0}, &e));
    mn_store_rollback(tx);
    RUN(say(a, 2, 1));
    wait_until_heard(&ear_b, 1);
    is_sequence(&ear_b, 2, 1);
}

static void a_commit_of_many_events_comes_in_pieces_and_whole(void **state)
{
    (void)state;
    RUN(say(a, 1000, 1900));
    RUN(say(a, 2900, 1));
    wait_until_heard(&ear_b, 1901);
    is_sequence(&ear_b, 1000, 1901);
}

static void the_same_piece_again_is_told_again(void **state)
{
    (void)state;
    mn_tx *tx;
    RUN(mn_store_begin(a, &tx, &e));
    for (uint64_t i = 0; i < 600; i++) /* kept: the one before is another each time */
        RUN(mn_store_event(tx, (mn_event){MN_EV_ACCOUNT, 0, 1 + i % 2, 0}, &e));
    RUN(mn_store_commit(tx, &e));
    wait_until_heard(&ear_b, 600);
    for (uint64_t i = 0; i < 600; i++) OK(ear_b.ev[i].account == 1 + i % 2);
}

static void too_many_events_are_told_as_anything(void **state)
{
    (void)state;
    RUN(say(a, 1, 2001));
    RUN(say(a, 5, 1));
    wait_until_heard(&ear_b, 2);
    OK(heard(&ear_b) == 2 && ear_b.ev[0].kind == MN_EV_ALL && ear_b.ev[1].id == 5);
    assert_int_equal(ear_a.n, 2002); /* who made them has them all */
}

static void stores_of_other_schemas_are_not_heard(void **state)
{
    (void)state;
    char other_url[PG_URL_MAX];
    mn_store *other = NULL;
    pg_fresh(other_url);
    RUN(mn_store_open(other_url, &other, &e));
    RUN(say(other, 1, 3));
    mn_store_close(other);
    RUN(say(a, 9, 1));
    wait_until_heard(&ear_b, 1);
    is_sequence(&ear_b, 9, 1);
    pg_drop(other_url);
}

static void both_write_at_once_and_both_hear_all(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        RUN(say(a, 1000 + i, 1));
        RUN(say(b, 2000 + i, 1));
    }
    wait_until_heard(&ear_a, 80);
    wait_until_heard(&ear_b, 80);
    ear *ears[] = {&ear_a, &ear_b};
    for (int k = 0; k < 2; k++) {
        uint64_t next[] = {1000, 2000}; /* each one's in its order */
        for (size_t i = 0; i < 80; i++) {
            int of = ears[k]->ev[i].id >= 2000;
            assert_int_equal(ears[k]->ev[i].id, next[of]++);
        }
        assert_int_equal(heard(ears[k]), 80);
    }
}

static void who_stops_listening_hears_no_more(void **state)
{
    (void)state;
    mn_store_unlisten(b, hear, &ear_b);
    RUN(say(a, 1, 1));
    RUN(mn_store_listen(b, hear, &ear_b, &e));
    RUN(say(a, 2, 1));
    wait_until_heard(&ear_b, 1);
    usleep(20000);
    OK(ear_b.ev[heard(&ear_b) - 1].id == 2);
}

/* Anyone who may write to the database may say anything there. */
static void what_cannot_be_read_may_have_been_anything(void **state)
{
    (void)state;
    char sql[200];
    PGconn *h = PQconnectdb(url);
    PGresult *r = PQexec(h, "SELECT current_schema()");
    mn_str schema = mn_str_from(PQgetvalue(r, 0, 0));
    snprintf(sql, sizeof sql, "SELECT pg_notify('mynah_%016llx', 'nonsense')",
             (unsigned long long)mn_hash64(schema.ptr, schema.len, 0));
    PQclear(r);
    PQclear(PQexec(h, sql));
    PQfinish(h);
    wait_until_heard(&ear_b, 1);
    OK(heard(&ear_b) == 1 && ear_b.ev[0].kind == MN_EV_ALL);
}

static void a_lost_listener_comes_back_and_says_that_something_may_be_missing(void **state)
{
    (void)state;
    RUN(say(a, 1, 1));
    wait_until_heard(&ear_b, 1);
    pg_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "
                "'LISTEN %'");
    wait_until_heard(&ear_b, 2);
    OK(ear_b.ev[1].kind == MN_EV_ALL);
    RUN(say(a, 2, 1));
    wait_until_heard(&ear_b, 3);
    OK(heard(&ear_b) == 3 && ear_b.ev[2].id == 2);
}

/* ---- two processes ------------------------------------------------------------------------------------------- */

static _Noreturn void child_says(uint64_t first, int n)
{
    mn_store *s = NULL;
    if (mn_store_open(url, &s, &e) != MN_OK) _exit(1);
    for (int i = 0; i < n; i++)
        if (say(s, first + (uint64_t)i, 1) != MN_OK) _exit(2);
    mn_store_close(s);
    _exit(0);
}

static void other_processes_are_heard_in_the_order_of_their_commits(void **state)
{
    (void)state;
    enum { N = 100 };
    mn_store_close(a); /* no connection goes over a fork */
    mn_store_close(b);
    a = b = NULL;
    ear_b.n = 0;
    int ready[2];
    char x;
    pid_t pids[2];
    OK(pipe(ready) == 0);
    for (uint64_t i = 0; i < 2; i++) {
        pids[i] = fork();
        OK(pids[i] >= 0);
        if (pids[i] == 0) {
            close(ready[1]);
            if (read(ready[0], &x, 1) != 0) _exit(3); /* until the parent listens */
            child_says(1000 * (i + 1), N);
        }
    }
    RUN(mn_store_open(url, &b, &e));
    RUN(mn_store_listen(b, hear, &ear_b, &e));
    close(ready[1]);
    close(ready[0]);
    for (int i = 0; i < 2; i++) {
        int status = 0;
        waitpid(pids[i], &status, 0);
        OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    wait_until_heard(&ear_b, 2 * N);
    usleep(20000);
    assert_int_equal(heard(&ear_b), 2 * N);
    uint64_t next[] = {1000, 2000};
    for (size_t i = 0; i < 2 * N; i++)
        assert_int_equal(ear_b.ev[i].id, next[ear_b.ev[i].id >= 2000]++);
}

/* ---- bytes --------------------------------------------------------------------------------------------------- */

static void events_are_written_and_read_back(void **state)
{
    (void)state;
    static char payload[MN_STORE_PAYLOAD_MAX + 1];
    static mn_event in[1000], out[MN_STORE_PAYLOAD_EVENTS];
    uint64_t origin = 0;
    size_t n = 0, done = 0;
    unsigned part = 0;
    for (size_t i = 0; i < 1000; i++)
        in[i] = (mn_event){1 + (mn_event_kind)(i % MN_EV_KIND_LAST), UINT64_MAX >> (i % 64),
                           i % 3 ? UINT64_MAX : 0, i};
    while (done < 1000) {
        size_t taken = mn_store__events_write(0xabc, part++, in + done, 1000 - done, payload);
        OK(taken > 100 && strlen(payload) <= MN_STORE_PAYLOAD_MAX);
        RUN(mn_store__events_read(mn_str_from(payload), &origin, out, &n, &e));
        OK(origin == 0xabc && n == taken);
        for (size_t i = 0; i < n; i++)
            OK(out[i].kind == in[done + i].kind && out[i].id == in[done + i].id &&
               out[i].account == in[done + i].account && out[i].other == in[done + i].other);
        done += taken;
    }
    mn_store__events_write(5, 0, NULL, 0, payload);
    assert_string_equal(payload, "0000000000000005.0:*");
    RUN(mn_store__events_read(mn_str_from(payload), &origin, out, &n, &e));
    OK(origin == 5 && n == 1 && out[0].kind == MN_EV_ALL);
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "*",
                                      "0000000000000005",
                                      "0000000000000005.",
                                      "0000000000000005.0",
                                      "0000000000000005.0:",
                                      "0000000000000005.0:**",
                                      "0000000000000005.0:1,2,3",
                                      "0000000000000005.0:1,2,3,4,5",
                                      "0000000000000005.0:1,2,3,4;",
                                      "0000000000000005.0:;1,2,3,4",
                                      "0000000000000005.0:1,02,3,4",
                                      "0000000000000005.0:1,0,3,4",
                                      "0000000000000005.0:1,11112222333344445,3,4",
                                      "0000000000000005.0:,2,3,4",
                                      "0000000000000005.0:ff,2,3,4",
                                      "0000000000000005.0:1,A,3,4",
                                      "0000000000000005.0:1,-1,3,4",
                                      "000000000000005.0:1,2,3,4",
                                      "00000000000000050.0:1,2,3,4",
                                      "000000000000000g.0:1,2,3,4"};
    static mn_event out[MN_STORE_PAYLOAD_EVENTS];
    static char long_one[MN_STORE_PAYLOAD_MAX + 2];
    uint64_t origin = 0;
    size_t n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_rc rc = mn_store__events_read(mn_str_from(bad[i]), &origin, out, &n, &e);
        if (rc != MN_E_PARSE) fail_msg("'%s': %s", bad[i], mn_rc_name(rc));
    }
    memset(long_one, '1', sizeof long_one);
    FAILS(MN_E_LIMIT,
          mn_store__events_read((mn_str){long_one, sizeof long_one}, &origin, out, &n, &e));
    snprintf(long_one, sizeof long_one, "0000000000000005.0:");
    for (int i = 0; i <= MN_STORE_PAYLOAD_EVENTS; i++) strcat(long_one, i ? ";1,,," : "1,,,");
    FAILS(MN_E_PARSE, mn_store__events_read(mn_str_from(long_one), &origin, out, &n, &e));
}

static void the_suite_on_postgres(void **state)
{
    (void)state;
    SKIP(pg_why);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_two, close_two)

int main(void)
{
    const struct CMUnitTest bytes[] = {TEST(events_are_written_and_read_back),
                                       TEST(other_bytes_are_refused)};
    const struct CMUnitTest tests[] = {
        CASE(the_other_store_hears_each_commit_once_and_in_order),
        CASE(a_rollback_tells_nobody),
        CASE(a_commit_of_many_events_comes_in_pieces_and_whole),
        CASE(the_same_piece_again_is_told_again),
        CASE(too_many_events_are_told_as_anything),
        CASE(stores_of_other_schemas_are_not_heard),
        CASE(both_write_at_once_and_both_hear_all),
        CASE(who_stops_listening_hears_no_more),
        CASE(what_cannot_be_read_may_have_been_anything),
        CASE(a_lost_listener_comes_back_and_says_that_something_may_be_missing),
        CASE(other_processes_are_heard_in_the_order_of_their_commits),
    };
    const struct CMUnitTest none[] = {TEST(the_suite_on_postgres)};
    int failed = cmocka_run_group_tests_name("bytes", bytes, NULL, NULL);
    /* A server of its own: listeners are cut off by what they have said last. */
    if (pg_start_own()) failed += cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
    else failed += cmocka_run_group_tests_name("postgres", none, NULL, NULL);
    return failed;
}
