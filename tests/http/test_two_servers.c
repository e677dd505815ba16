/* Two servers on one PostgreSQL, each with a data folder of its own: what happens at one is seen at the other, in pages,
 * timelines kept in memory, streams and tokens. */
#include "contract/postgres.h"
#include "http/masto.h"
#include "store/access.h"

static char other_dir[64], url[PG_URL_MAX];
static mn_home other_home;
static mn_api *other_api;
static int first_port, other_port;
static member alice, bob;
static char B[1 << 18];

static void start_other(const char *conf)
{
    mn_err e = {0};
    char path[128];
    test_tmp(other_dir);
    snprintf(path, sizeof path, "%s/mynah.conf", other_dir);
    RUN(mn_fs_write_atomic(path, conf, strlen(conf), &e));
    RUN(mn_home_open(other_dir, &other_home, &e));
    mn_api_opts o = {.home = &other_home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &other_api, &e));
    other_port = mn_api_port(other_api);
}

static int setup(void **state)
{
    (void)state;
    char conf[PG_URL_MAX + 64];
    pg_fresh(url);
    snprintf(conf, sizeof conf, "rate_limits = off\ndatabase = %s\n", url);
    masto_start_with(conf);
    first_port = masto_port;
    start_other(conf);
    alice = masto_member("alice");
    bob = masto_member("bob");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_api_stop(other_api, 1000);
    mn_home_close(&other_home);
    test_tmp_remove(other_dir);
    masto_stop();
    pg_drop(url);
    return 0;
}

/* The next requests go there. */
static void at_first(void)
{
    masto_port = first_port;
}
static void at_other(void)
{
    masto_port = other_port;
}

static void follow_alice(void)
{
    char path[80];
    snprintf(path, sizeof path, "/api/v1/accounts/%llu/follow", (unsigned long long)alice.id);
    assert_int_equal(masto("POST", path, &bob, ""), 200);
}

/* Asks again until the answer says so: what one server tells the other takes a moment. */
static bool comes_to_say(const char *path, const member *m, const char *what)
{
    int64_t until = mn_mono_us() + 5000000;
    do {
        if (masto("GET", path, m, NULL) == 200 && masto_says(what)) return true;
        usleep(2000);
    } while (mn_mono_us() < until);
    return false;
}

static void a_post_at_one_is_read_at_the_other(void **state)
{
    (void)state;
    at_first();
    uint64_t id = masto_post(&alice, "written at the first");
    at_other();
    char path[80];
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    assert_int_equal(masto("GET", path, NULL, NULL), 200);
    OK(masto_says("written at the first"));
    assert_int_equal(masto("GET", "/@alice", NULL, NULL), 200);
    OK(masto_says("written at the first"));
}

static void a_home_timeline_kept_at_the_other_follows(void **state)
{
    (void)state;
    at_other();
    follow_alice();
    assert_int_equal(masto("GET", "/api/v1/timelines/home", &bob, NULL), 200); /* kept now */
    at_first();
    uint64_t id = masto_post(&alice, "the swallow is back");
    at_other();
    OK(comes_to_say("/api/v1/timelines/home", &bob, "the swallow is back"));
    at_first();
    char path[80];
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    assert_int_equal(masto("PUT", path, &alice, "{\"status\":\"the martin is back\"}"), 200);
    at_other();
    OK(comes_to_say("/api/v1/timelines/home", &bob, "the martin is back"));
}

static int listen_at(int port, const member *m)
{
    char head[400];
    bool closed;
    int fd = raw_dial(port);
    int n = snprintf(head, sizeof head,
                     "GET /api/v1/streaming/user HTTP/1.1\r\nHost: test.example\r\n"
                     "Authorization: Bearer %s\r\n\r\n",
                     m->token);
    raw_say(fd, head, (size_t)n);
    raw_hear(fd, B, sizeof B, "text/event-stream", 3000, &closed);
    if (raw_status(B) != 200) fail_msg("listening gave: %.200s", B);
    return fd;
}

static void a_stream_at_the_other_tells_of_posts_at_the_first(void **state)
{
    (void)state;
    bool closed;
    at_first();
    follow_alice();
    int fd = listen_at(other_port, &bob), own = listen_at(first_port, &bob);
    for (int i = 0; i < 5; i++) {
        char text[40];
        snprintf(text, sizeof text, "streamed number %d", i);
        masto_post(&alice, text);
    }
    for (int k = 0; k < 2; k++) {
        size_t n = raw_hear(k ? own : fd, B, sizeof B, "streamed number 4", 5000, &closed);
        n += raw_hear(k ? own : fd, B + n, sizeof B - n, NULL, 100, &closed);
        assert_int_equal(raw_count(B, n, "event: update"), 5); /* each once */
        char *zero = strstr(B, "streamed number 0"), *three = strstr(B, "streamed number 3");
        OK(zero && three && zero < three);
    }
    close(fd);
    close(own);
}

static void a_token_revoked_at_one_is_dead_at_the_other(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tx *tx;
    at_other();
    assert_int_equal(masto("GET", "/api/v1/accounts/verify_credentials", &bob, NULL), 200);
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_tokens_remove(tx, bob.id, 0, &e));
    RUN(mn_store_commit(tx, &e));
    int64_t until = mn_mono_us() + 5000000;
    int status = 200;
    while (status == 200 && mn_mono_us() < until)
        status = masto("GET", "/api/v1/accounts/verify_credentials", &bob, NULL);
    assert_int_equal(status, 401);
}

static void the_suite_on_postgres(void **state)
{
    (void)state;
    SKIP(pg_why);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_post_at_one_is_read_at_the_other),
        CASE(a_home_timeline_kept_at_the_other_follows),
        CASE(a_stream_at_the_other_tells_of_posts_at_the_first),
        CASE(a_token_revoked_at_one_is_dead_at_the_other),
    };
    const struct CMUnitTest none[] = {TEST(the_suite_on_postgres)};
    return pg_there() ? cmocka_run_group_tests_name("postgres", tests, NULL, NULL)
                      : cmocka_run_group_tests_name("postgres", none, NULL, NULL);
}
