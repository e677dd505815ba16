/* Limits: rates in their windows, levels, what is read in a day and over a restart, the document made of the tables. */
#include "test.h"

#include <pthread.h>

#include "base/clock.h"
#include "social/limits.h"
#include "store/moderation.h"

static char dir[64];
static mn_err e;
static mn_home home;
static mn_limits *l;
#define T0 INT64_C(1700006400000) /* a midnight, UTC */

static void begin(const char *conf)
{
    char path[128];
    e = (mn_err){0};
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/mynah.conf", dir);
    RUN(mn_fs_write_atomic(path, conf, strlen(conf), &e));
    RUN(mn_home_open(dir, &home, &e));
    RUN(mn_limits_new(home.store, home.conf, &l, &e));
    mn_now_freeze(T0 + 1000);
}

static int tear_down(void **state)
{
    (void)state;
    mn_limits_free(l);
    l = NULL;
    mn_home_close(&home);
    mn_now_freeze(0);
    test_tmp_remove(dir);
    return 0;
}

static mn_rate_state take(const char *method, const char *pattern, const char *path,
                          const char *address, uint64_t account)
{
    mn_caller who = {mn_str_from(address), account, account * 10};
    mn_rate_state s;
    mn_limits_take(l, method, pattern, mn_str_from(path), &who, &s);
    return s;
}

/* How many requests pass before one is refused. */
static int passes(const char *method, const char *pattern, const char *address,
                  uint64_t account, int most)
{
    for (int i = 0; i < most; i++)
        if (take(method, pattern, pattern, address, account).over) return i;
    return most;
}

/* ---- rates --------------------------------------------------------------------------------------------------------------- */

static void each_kind_of_request_has_its_count(void **state)
{
    (void)state;
    begin("");
    assert_int_equal(passes("POST", "/api/v2/media", "192.0.2.1", 7, 99), 30);
    assert_int_equal(passes("POST", "/api/v1/media", "192.0.2.1", 7, 99), 0); /* one rate */
    assert_int_equal(passes("DELETE", "/api/v1/statuses/:id", "192.0.2.1", 7, 99), 30);
    assert_int_equal(passes("POST", "/api/v1/statuses/:id/unreblog", "192.0.2.1", 7, 99), 0);
    assert_int_equal(passes("POST", "/api/v1/apps", "192.0.2.1", 0, 99), 5);
    assert_int_equal(passes("POST", "/api/v1/apps", "192.0.2.2", 0, 99),
                     5); /* another address */
    assert_int_equal(passes("POST", "/auth/sign_in", "192.0.2.1", 0, 99), 25);
    assert_int_equal(passes("GET", "/api/v1/timelines/home", "192.0.2.9", 8, 999), 300);
    assert_int_equal(passes("GET", "/auth/sign_in", "192.0.2.77", 0, 99), 99); /* a page */
}

static void an_ipv6_network_is_one_caller_and_so_is_a_mapped_address(void **state)
{
    (void)state;
    begin("");
    assert_int_equal(passes("POST", "/api/v1/apps", "2001:db8:0:1::1", 0, 99), 5);
    assert_int_equal(passes("POST", "/api/v1/apps", "2001:db8:0:1:ffff::2", 0, 99), 0);
    assert_int_equal(passes("POST", "/api/v1/apps", "2001:db8:0:2::1", 0, 99), 5);
    assert_int_equal(passes("POST", "/api/v1/apps", "192.0.2.1", 0, 99), 5);
    assert_int_equal(passes("POST", "/api/v1/apps", "::ffff:192.0.2.1", 0, 99), 0);
}

static void a_window_ends_at_a_multiple_of_its_length(void **state)
{
    (void)state;
    begin("");
    mn_rate_state s = take("POST", "/api/v1/apps", "", "192.0.2.1", 0);
    OK(s.limit == 5 && s.remaining == 4 && !s.over && s.resets_ms == T0 + 1800000);
    OK(passes("POST", "/api/v1/apps", "192.0.2.1", 0, 99) == 4);
    s = take("POST", "/api/v1/apps", "", "192.0.2.1", 0);
    OK(s.over && s.remaining == 0 && strcmp(s.rate->name, "app") == 0);
    mn_now_freeze(T0 + 1799999);
    OK(take("POST", "/api/v1/apps", "", "192.0.2.1", 0).over);
    mn_now_freeze(T0 + 1800000);
    OK(!take("POST", "/api/v1/apps", "", "192.0.2.1", 0).over);
}

static void the_nearest_limit_is_the_one_that_is_shown(void **state)
{
    (void)state;
    begin("");
    mn_rate_state s = take("GET", "/api/v1/timelines/home", "", "192.0.2.1", 7);
    OK(strcmp(s.rate->name, "account") == 0 && s.limit == 300 && s.remaining == 299);
    s = take("POST", "/api/v2/media", "", "192.0.2.1", 7);
    OK(strcmp(s.rate->name, "media") == 0 && s.limit == 30);
    s = take("GET", "/api/v1/instance", "", "192.0.2.1", 0);
    OK(strcmp(s.rate->name, "address") == 0 && s.limit == 7500);
}

static void requests_that_no_route_took_count_for_the_address(void **state)
{
    (void)state;
    begin("rate_limit_address = 20\n");
    for (int i = 0; i < 20; i++) {
        char path[40];
        snprintf(path, sizeof path, "/nothing/%d", i);
        OK(!take("GET", NULL, path, "192.0.2.1", 0).over);
    }
    OK(take("GET", NULL, "/other", "192.0.2.1", 0).over);
    OK(take("GET", "/", "/", "192.0.2.1", 7).over); /* signed in, the same address */
    OK(!take("GET", "/", "/", "192.0.2.2", 7).over);
}

static void names_are_counted_whatever_their_case(void **state)
{
    (void)state;
    begin("");
    mn_rate_state s;
    for (int i = 0; i < 25; i++)
        OK(mn_limits_take_name(l, "sign_in_name", i % 2 ? MN_STR("Bob") : MN_STR("bOB"), NULL));
    OK(!mn_limits_take_name(l, "sign_in_name", MN_STR("bob"), &s));
    OK(s.over && s.resets_ms == T0 + 3600000);
    OK(mn_limits_take_name(l, "sign_in_name", MN_STR("bobby"), NULL));
    OK(mn_limits_take_name(l, "password_name", MN_STR("bob"), NULL));
}

static void switched_off_nothing_is_counted(void **state)
{
    (void)state;
    begin("rate_limits = off\n");
    OK(passes("POST", "/api/v1/apps", "192.0.2.1", 0, 1000) == 1000);
    OK(take("POST", "/api/v1/apps", "", "192.0.2.1", 0).rate == NULL);
    for (int i = 0; i < 100; i++)
        OK(mn_limits_take_name(l, "password_name", MN_STR("x"), NULL));
}

static void
two_hundred_thousand_callers_do_not_make_the_table_grow_or_free_a_guesser(void **state)
{
    (void)state;
    begin("");
    OK(passes("POST", "/auth/sign_in", "192.0.2.1", 0, 99) == 25);
    for (int i = 0; i < 200000; i++) {
        char a[32];
        snprintf(a, sizeof a, "10.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
        take("GET", "/about", "", a, 0);
    }
    /* those who were there once go before the one who is over its limit */
    OK(take("POST", "/auth/sign_in", "", "192.0.2.1", 0).over);
}

static void a_setting_that_is_none_is_refused(void **state)
{
    (void)state;
    begin("");
    mn_limits *other = NULL;
    static const char *const bad[] = {"reading = closed\n", "rate_limits = maybe\n",
                                      "rate_limit_account = 0\n", "reading_limit_new = many\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char d[64], path[128];
        mn_home h;
        test_tmp(d);
        snprintf(path, sizeof path, "%s/mynah.conf", d);
        RUN(mn_fs_write_atomic(path, bad[i], strlen(bad[i]), &e));
        RUN(mn_home_open(d, &h, &e));
        FAILS(MN_E_USAGE, mn_limits_new(h.store, h.conf, &other, &e));
        mn_home_close(&h);
        test_tmp_remove(d);
    }
}

/* ---- levels -------------------------------------------------------------------------------------------------------------- */

static uint64_t account(const char *name, mn_account_role role)
{
    uint64_t id = 0;
    RUN(mn_social_account_create(home.store, mn_str_from(name), mn_str_from(name), role, "",
                                 NULL, &id, &e));
    return id;
}

static void posts(uint64_t account_id, uint64_t first, int n)
{
    mn_tx *tx;
    RUN(mn_store_begin(home.store, &tx, &e));
    for (int i = 0; i < n; i++) {
        mn_post p = {.id = first + (uint64_t)i,
                     .account_id = account_id,
                     .created_ms = 1,
                     .text = MN_STR("x")};
        RUN(mn_store_post_add(tx, &p, &e));
    }
    RUN(mn_store_commit(tx, &e));
}

static mn_level level(uint64_t id)
{
    mn_level v;
    RUN(mn_limits_level(l, id, &v, &e));
    return v;
}

static void an_account_is_new_until_it_is_old_enough_and_has_written(void **state)
{
    (void)state;
    begin("new_account_days = 2\nnew_account_posts = 3\n");
    uint64_t a = account("alice", MN_ROLE_MEMBER), m = account("mod", MN_ROLE_MODERATOR);
    OK(level(0) == MN_LEVEL_ANONYMOUS && level(a) == MN_LEVEL_NEW &&
       level(m) == MN_LEVEL_SUBSCRIBER);
    posts(a, 100, 3);
    OK(level(a) == MN_LEVEL_NEW); /* too young */
    mn_now_freeze(T0 + 3 * INT64_C(86400000));
    OK(level(a) == MN_LEVEL_MEMBER);
    uint64_t b = account("bob", MN_ROLE_MEMBER);
    mn_now_freeze(T0 + 9 * INT64_C(86400000));
    OK(level(b) == MN_LEVEL_NEW); /* has not written */
    mn_tx *tx;
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_account_plan_set(tx, b, MN_STR("supporter"), &e));
    RUN(mn_store_commit(tx, &e));
    OK(level(b) == MN_LEVEL_SUBSCRIBER);
    mn_level v;
    FAILS(MN_E_NOT_FOUND, mn_limits_level(l, 12345, &v, &e));
}

static void a_plan_includes_what_the_settings_say(void **state)
{
    (void)state;
    begin("post_characters = 600\npost_characters_subscriber = 4000\nnew_account_links = 2\n");
    OK(mn_limits_of(l, MN_LEVEL_MEMBER, MN_PLAN_CHARACTERS) == 600);
    OK(mn_limits_of(l, MN_LEVEL_NEW, MN_PLAN_CHARACTERS) == 600);
    OK(mn_limits_of(l, MN_LEVEL_SUBSCRIBER, MN_PLAN_CHARACTERS) == 4000);
    /* 0 means: as a member */
    OK(mn_limits_of(l, MN_LEVEL_SUBSCRIBER, MN_PLAN_IMAGE_BYTES) ==
       mn_limits_of(l, MN_LEVEL_MEMBER, MN_PLAN_IMAGE_BYTES));
    OK(mn_limits_of(l, MN_LEVEL_NEW, MN_PLAN_LINKS) == 2);
    OK(mn_limits_of(l, MN_LEVEL_MEMBER, MN_PLAN_LINKS) == 0);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

static uint64_t read_n(const char *address, uint64_t account_id, uint64_t n)
{
    mn_caller who = {mn_str_from(address), account_id, 0};
    mn_reading d;
    RUN(mn_limits_read(l, &who, n, &d, &e));
    return d.used;
}

static void what_is_read_adds_up_over_a_restart_and_ends_with_the_day(void **state)
{
    (void)state;
    begin("reading_limit_anonymous = 300\nreading_limit_new = 600\n");
    uint64_t a = account("alice", MN_ROLE_MEMBER);
    OK(read_n("192.0.2.1", 0, 20) == 20 && read_n("192.0.2.1", 0, 20) == 40);
    OK(read_n("192.0.2.2", 0, 5) == 5 && read_n("192.0.2.1", a, 7) == 7);
    RUN(mn_limits_flush(l, &e));
    OK(read_n("192.0.2.1", 0, 1) == 41);
    mn_limits_free(l); /* writes the one more */
    RUN(mn_limits_new(home.store, home.conf, &l, &e));
    OK(read_n("192.0.2.1", 0, 0) == 41 && read_n("9.9.9.9", a, 3) == 10);
    mn_caller who = {MN_STR("192.0.2.1"), 0, 0};
    mn_reading d;
    RUN(mn_limits_reading(l, &who, &d, &e));
    OK(d.limit == 300 && d.level == MN_LEVEL_ANONYMOUS && d.resets_ms == T0 + 86400000);
    who.account_id = a;
    RUN(mn_limits_reading(l, &who, &d, &e));
    OK(d.limit == 600 && d.level == MN_LEVEL_NEW);
    mn_now_freeze(T0 + 86400000);
    OK(read_n("192.0.2.1", 0, 0) == 0 && read_n("x", a, 1) == 1);
    RUN(mn_limits_flush(l, &e));
    uint64_t n = 1;
    RUN(mn_store_reading(home.store, MN_STR("i:::ffff:192.0.2.1"), T0 / 86400000, &n, &e));
    OK(n == 0); /* yesterday is forgotten */
}

static void where_there_is_no_limit_nothing_is_kept(void **state)
{
    (void)state;
    begin("");
    OK(read_n("192.0.2.1", 0, 20) == 0 && read_n("192.0.2.1", 0, 20) == 0);
    RUN(mn_limits_flush(l, &e));
    mn_caller who = {MN_STR("192.0.2.1"), 0, 0};
    mn_reading d;
    RUN(mn_limits_reading(l, &who, &d, &e));
    OK(d.limit == 0 && d.used == 0);
}

static void more_readers_than_the_table_holds_are_counted_still(void **state)
{
    (void)state;
    begin("reading_limit_anonymous = 300\n");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1500; i++) {
            char a[32];
            snprintf(a, sizeof a, "10.0.%d.%d", i >> 8, i & 255);
            OK(read_n(a, 0, 2) == (uint64_t)(2 * round + 2));
            if (i % 400 == 0) RUN(mn_limits_flush(l, &e));
        }
}

static void *reader_main(void *arg)
{
    mn_caller who = {MN_STR("192.0.2.1"), 0, 0};
    mn_err why = {0};
    mn_reading d;
    for (int i = 0; i < 2000; i++)
        if (mn_limits_read(l, &who, 1, &d, &why) != MN_OK) *(bool *)arg = false;
    return NULL;
}

static void counting_and_writing_at_once_loses_nothing(void **state)
{
    (void)state;
    pthread_t t[4];
    bool good = true;
    begin("reading_limit_anonymous = 1000000\n");
    for (int i = 0; i < 4; i++) OK(pthread_create(&t[i], NULL, reader_main, &good) == 0);
    for (int i = 0; i < 20; i++) RUN(mn_limits_flush(l, &e));
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    RUN(mn_limits_flush(l, &e));
    uint64_t n = 0;
    RUN(mn_store_reading(home.store, MN_STR("i:::ffff:192.0.2.1"), T0 / 86400000, &n, &e));
    OK(good && n == 8000 && read_n("192.0.2.1", 0, 0) == 8000);
}

static void reading_routes_are_known_by_their_pattern(void **state)
{
    (void)state;
    begin("reading = members\n");
    OK(mn_limits_members_only(l));
    OK(mn_limits_is_reading(l, "GET", "/api/v1/timelines/home"));
    OK(mn_limits_is_reading(l, "GET", "/@:name/:id"));
    OK(!mn_limits_is_reading(l, "POST", "/api/v1/statuses"));
    OK(!mn_limits_is_reading(l, "GET", "/api/v1/instance"));
    OK(!mn_limits_is_reading(l, "GET", NULL));
}

static void the_document_has_every_line_of_the_tables(void **state)
{
    (void)state;
    mn_buf md, html;
    begin("reading_limit_anonymous = 300\n");
    mn_buf_init(&md, 0);
    mn_buf_init(&html, 0);
    RUN(mn_limits_markdown(l, &md, &e));
    RUN(mn_limits_html(l, &html, &e));
    for (size_t i = 0; mn_rates[i].name; i++)
        OK(strstr(md.ptr, mn_rates[i].help) && strstr(html.ptr, mn_rates[i].help));
    for (int i = 0; i < MN_PLAN_ITEMS; i++) OK(strstr(md.ptr, mn_plan[i].help));
    OK(strstr(md.ptr, "| 300 | no limit |") && strstr(md.ptr, "| 7,500 | 5 minutes |"));
    OK(strstr(html.ptr, "<th scope=\"col\">"));
    mn_buf_release(&md);
    mn_buf_release(&html);
}

#define CASE(f) cmocka_unit_test_teardown(f, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_kind_of_request_has_its_count),
        CASE(an_ipv6_network_is_one_caller_and_so_is_a_mapped_address),
        CASE(a_window_ends_at_a_multiple_of_its_length),
        CASE(the_nearest_limit_is_the_one_that_is_shown),
        CASE(requests_that_no_route_took_count_for_the_address),
        CASE(names_are_counted_whatever_their_case),
        CASE(switched_off_nothing_is_counted),
        CASE(two_hundred_thousand_callers_do_not_make_the_table_grow_or_free_a_guesser),
        CASE(a_setting_that_is_none_is_refused),
        CASE(an_account_is_new_until_it_is_old_enough_and_has_written),
        CASE(a_plan_includes_what_the_settings_say),
        CASE(what_is_read_adds_up_over_a_restart_and_ends_with_the_day),
        CASE(where_there_is_no_limit_nothing_is_kept),
        CASE(more_readers_than_the_table_holds_are_counted_still),
        CASE(counting_and_writing_at_once_loses_nothing),
        CASE(reading_routes_are_known_by_their_pattern),
        CASE(the_document_has_every_line_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
