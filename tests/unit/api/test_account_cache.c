/* Account entities in memory: bounded, gone with the events that change them, the same from many threads. */
#include "test.h"

#include <pthread.h>

#include "api/mastodon/accounts.h"
#include "base/clock.h"

static char dir[64], url[128];
static mn_store *s;
static mn_account_cache *c;
static mn_err e;

static int setup(void **state)
{
    (void)state;
    e = (mn_err){0};
    snprintf(url, sizeof url, "%s/mynah.db", test_tmp(dir));
    RUN(mn_store_open(url, &s, &e));
    RUN(mn_account_cache_new(s, &c, &e));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_account_cache_free(c);
    mn_store_close(s);
    test_tmp_remove(dir);
    return 0;
}

/* What is kept for the id; "" when nothing is. */
static const char *get(uint64_t id, uint64_t *ticket)
{
    static char text[4096];
    uint64_t t = 0;
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    bool is = mn_account_cache_get(c, id, &j, ticket ? ticket : &t);
    OK(is == (b.len > 0));
    snprintf(text, sizeof text, "%s", b.ptr ? b.ptr : "");
    mn_buf_release(&b);
    return text;
}

static void put(uint64_t id, const char *json)
{
    uint64_t ticket = 0;
    get(id, &ticket);
    mn_account_cache_put(c, id, mn_str_from(json), ticket);
}

static void tell(mn_event_kind kind, uint64_t account)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_event(tx, (mn_event){.kind = kind, .account = account}, &e));
    RUN(mn_store_commit(tx, &e));
}

static void what_is_kept_comes_back(void **state)
{
    (void)state;
    put(5, "{\"id\":\"5\"}");
    put(6, "{\"id\":\"6\"}");
    assert_string_equal(get(5, NULL), "{\"id\":\"5\"}");
    assert_string_equal(get(6, NULL), "{\"id\":\"6\"}");
    assert_string_equal(get(7, NULL), "");
    put(5, "{}");
    assert_string_equal(get(5, NULL), "{}");
    put(0, "{}"); /* nobody */
    assert_string_equal(get(0, NULL), "");
}

static void a_change_takes_it_out(void **state)
{
    (void)state;
    static const mn_event_kind kinds[] = {MN_EV_ACCOUNT, MN_EV_POST_NEW, MN_EV_POST_GONE,
                                          MN_EV_POSTS, MN_EV_RULES};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        put(5, "{}");
        tell(MN_EV_MARKERS, 5);
        assert_string_equal(get(5, NULL), "{}");
        tell(kinds[i], 5);
        assert_string_equal(get(5, NULL), "");
    }
}

static void what_was_read_before_a_change_is_not_kept_after_it(void **state)
{
    (void)state;
    uint64_t ticket = 0;
    get(5, &ticket); /* reads the store … */
    tell(MN_EV_ACCOUNT, 5);
    mn_account_cache_put(c, 5, MN_STR("{\"old\":1}"), ticket); /* … and comes too late */
    assert_string_equal(get(5, NULL), "");
}

static void it_keeps_to_its_size(void **state)
{
    (void)state;
    static char big[3000];
    size_t n = 0, bytes = 0, there = 0;
    memset(big, 'x', sizeof big - 1);
    put(UINT64_C(1) << 40, "{}");
    for (uint64_t id = 1; id <= 8000; id++) {
        put(id, big);
        if (id % 50 == 0) get(UINT64_C(1) << 40, NULL); /* read again and again */
    }
    mn_account_cache_counts(c, &n, &bytes);
    OK(bytes <= MN_ACCOUNT_CACHE_BYTES && bytes > MN_ACCOUNT_CACHE_BYTES / 2);
    for (uint64_t id = 1; id <= 8000; id++) there += *get(id, NULL) != 0;
    OK(there + 1 >= n && there <= n);
    assert_string_equal(get(UINT64_C(1) << 40, NULL), "{}");
    tell(MN_EV_RULES, 0);
    mn_account_cache_counts(c, &n, &bytes);
    OK(n == 0 && bytes == 0);
}

static _Atomic bool stop;

static void *reads_and_writes(void *arg)
{
    char want[64];
    for (uint64_t i = 0; !stop; i++) {
        uint64_t id = 1 + (i * 7 + (uintptr_t)arg) % 300, ticket = 0;
        mn_buf b;
        mn_json_writer j;
        mn_buf_init(&b, 0);
        mn_json_writer_init(&j, &b, 0);
        snprintf(want, sizeof want, "{\"id\":\"%llu\"}", (unsigned long long)id);
        if (mn_account_cache_get(c, id, &j, &ticket)) {
            if (strcmp(b.ptr, want) != 0) abort();
        } else mn_account_cache_put(c, id, mn_str_from(want), ticket);
        mn_buf_release(&b);
    }
    return NULL;
}

static void many_threads_see_whole_entities(void **state)
{
    (void)state;
    pthread_t t[3];
    stop = false;
    for (uintptr_t i = 0; i < 3; i++) pthread_create(&t[i], NULL, reads_and_writes, (void *)i);
    for (uint64_t i = 0; i < 200; i++) tell(i % 50 ? MN_EV_ACCOUNT : MN_EV_RULES, 1 + i);
    stop = true;
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_is_kept_comes_back),
        CASE(a_change_takes_it_out),
        CASE(what_was_read_before_a_change_is_not_kept_after_it),
        CASE(it_keeps_to_its_size),
        CASE(many_threads_see_whole_entities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
