/* The cache of posts as JSON: what was changed is never shown as it was, however the threads come together. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/mastodon/shown.h"
#include "base/clock.h"

static char dir[64];
static mn_store *s;
static mn_shown *c;
static mn_err e;

static int open_all(void **state)
{
    (void)state;
    char file[100];
    e = (mn_err){0};
    test_tmp(dir);
    snprintf(file, sizeof file, "%s/mynah.db", dir);
    RUN(mn_store_open(file, &s, &e));
    RUN(mn_shown_new(s, 1 << 20, &c, &e));
    return 0;
}
static int close_all(void **state)
{
    (void)state;
    mn_shown_free(c);
    mn_store_close(s);
    test_tmp_remove(dir);
    return 0;
}

static void tell(mn_event ev)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_event(tx, ev, &e));
    RUN(mn_store_commit(tx, &e));
}

static mn_post post(uint64_t id)
{
    return (mn_post){.id = id,
                     .account_id = 7,
                     .text = MN_STR("text"),
                     .lang = MN_STR("en"),
                     .account_name = MN_STR("ann")};
}

static void put(uint64_t id, const char *json)
{
    const mn_shown_entry *x;
    mn_post p = post(id);
    RUN(mn_shown_put(c, mn_shown_ticket(c, id), &p, mn_str_from(json), &x, &e));
    mn_shown_done(c, x);
}
static bool has(uint64_t id, const char *json)
{
    const mn_shown_entry *x = mn_shown_get(c, id);
    bool same = x && mn_str_eqz(x->json, json) && mn_str_eqz(x->post.text, "text") &&
                mn_str_eqz(x->post.account_name, "ann");
    mn_shown_done(c, x);
    return same;
}

static void what_is_put_is_found_until_it_changes(void **state)
{
    static const mn_event_kind kinds[] = {MN_EV_POST_NEW, MN_EV_POST_EDITED, MN_EV_POST_COUNTS,
                                          MN_EV_POST_GONE};
    (void)state;
    put(1, "\"one\":1");
    put(2, "\"two\":2");
    OK(has(1, "\"one\":1") && has(2, "\"two\":2") && !has(3, ""));
    for (int i = 0; i < 4; i++) {
        put(1, "again");
        OK(has(1, "again"));
        tell((mn_event){.kind = kinds[i], .id = 1, .account = 7});
        OK(!has(1, "again") && has(2, "\"two\":2"));
    }
    put(1, "boosted");
    tell((mn_event){.kind = MN_EV_POST_GONE, .id = 9, .account = 8, .other = 1});
    OK(!has(1, "boosted"));
    put(1, "x");
    tell((mn_event){.kind = MN_EV_ACCOUNT, .account = 7, .other = MN_EV_ACCOUNT_COUNTS});
    OK(has(1, "x"));
    tell((mn_event){.kind = MN_EV_ACCOUNT, .account = 7});
    OK(!has(1, "x") && !has(2, "\"two\":2"));
    put(1, "x");
    tell((mn_event){.kind = MN_EV_RULES});
    OK(!has(1, "x"));
}

static void what_was_overtaken_is_not_kept(void **state)
{
    const mn_shown_entry *x;
    mn_post p = post(5);
    (void)state;
    uint64_t ticket = mn_shown_ticket(c, 5);
    tell((mn_event){.kind = MN_EV_POST_EDITED, .id = 5, .account = 7});
    RUN(mn_shown_put(c, ticket, &p, MN_STR("old"), &x, &e));
    OK(mn_str_eqz(x->json, "old")); /* for the one who made it */
    mn_shown_done(c, x);
    OK(!has(5, "old"));
    ticket = mn_shown_ticket(c, 5);
    tell((mn_event){.kind = MN_EV_ACCOUNT, .account = 7});
    RUN(mn_shown_put(c, ticket, &p, MN_STR("old"), &x, &e));
    mn_shown_done(c, x);
    OK(!has(5, "old"));
}

static void room_is_bounded_and_the_oldest_goes_first(void **state)
{
    mn_shown_stats st;
    char json[2000];
    (void)state;
    memset(json, 'j', sizeof json);
    json[sizeof json - 1] = 0;
    for (uint64_t i = 1; i <= 3000; i++) {
        put(i, json);
        OK(has(1, json) || i > 1); /* read all the time: stays */
        if (i % 2 == 0) (void)has(1, json);
    }
    mn_shown_stats_get(c, &st);
    OK(st.bytes <= 1 << 20 && st.entries > 100 && st.entries < 600);
    OK(has(3000, json) && !has(2, json));
}

/* Writers change a number and tell; readers must never see a smaller one than was told before they asked. */
static _Atomic uint64_t truth, told; /* in the store; told of */
static _Atomic bool done;

static void *reader(void *arg)
{
    (void)arg;
    while (!atomic_load(&done)) {
        uint64_t least = atomic_load(&told), seen = 0;
        const mn_shown_entry *x = mn_shown_get(c, 1);
        if (!x) {
            mn_err err = {0};
            char json[40];
            mn_post p = post(1);
            uint64_t ticket = mn_shown_ticket(c, 1);
            snprintf(json, sizeof json, "%llu", (unsigned long long)atomic_load(&truth));
            if (mn_shown_put(c, ticket, &p, mn_str_from(json), &x, &err) != MN_OK) abort();
        }
        if (mn_str_to_u64(x->json, &seen) != MN_OK || seen < least) abort();
        mn_shown_done(c, x);
    }
    return NULL;
}

static void nobody_reads_what_was_before(void **state)
{
    pthread_t t[3];
    (void)state;
    atomic_store(&truth, 1);
    atomic_store(&told, 1);
    atomic_store(&done, false);
    for (int i = 0; i < 3; i++) OK(pthread_create(&t[i], NULL, reader, NULL) == 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t next = atomic_load(&truth) + 1;
        atomic_store(&truth, next);
        tell((mn_event){.kind = MN_EV_POST_COUNTS, .id = 1});
        atomic_store(&told, next);
    }
    atomic_store(&done, true);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_put_is_found_until_it_changes),
        CASE(what_was_overtaken_is_not_kept),
        CASE(room_is_bounded_and_the_oldest_goes_first),
        CASE(nobody_reads_what_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
