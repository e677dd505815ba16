/* Tokens: made, checked, remembered, revoked. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/snowflake.h"
#include "social/access.h"

static char dir[64];
static mn_store *s;
static mn_access *x;
static mn_arena ar;
static mn_err e;
static uint64_t ada;

static int set_up(void **state)
{
    char path[128];
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/mynah.db", test_tmp(dir));
    if (mn_store_open(path, &s, &e) != MN_OK) return -1;
    if (mn_access_new(s, &x, &e) != MN_OK) return -1;
    return mn_social_account_create(s, MN_STR("ada"), MN_STR(""), MN_ROLE_MEMBER, "", NULL,
                                    &ada, &e) == MN_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mn_now_freeze(0);
    mn_access_free(x);
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

#define TX(call)                                                                               \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        RUN(call);                                                                             \
        RUN(mn_store_commit(tx, &e));                                                          \
    } while (0)

static mn_secret make(uint64_t account, const char *scopes, uint64_t *ret_id)
{
    mn_secret t;
    TX(mn_access_token_make(tx, account, 0, mn_str_from(scopes), &t, ret_id, &e));
    return t;
}

static mn_rc check(mn_secret t, mn_grant *ret)
{
    return mn_access_check(x, mn_str_from(t.text), ret, &e);
}

static void a_token_says_whose_it_is_and_what_it_may(void **state)
{
    (void)state;
    mn_grant g = {0}, again = {0};
    uint64_t id = 0;
    mn_secret t = make(ada, "read write:statuses", &id);
    assert_int_equal(strlen(t.text), 43);
    RUN(check(t, &g));
    OK(g.account_id == ada && g.token_id == id && !g.web && g.confirmed && !g.silenced);
    mn_scopes want = 0;
    RUN(mn_scopes_parse(MN_STR("read write:statuses"), &want, &e));
    OK(g.scopes == want);
    RUN(check(t, &again)); /* from memory */
    OK(memcmp(&g, &again, sizeof g) == 0);
    RUN(mn_access_check_id(x, id, &again, &e));
    OK(again.scopes == want && again.account_id == ada);
}

static void what_was_never_given_is_denied(void **state)
{
    (void)state;
    mn_grant g = {.account_id = 7};
    FAILS(MN_E_DENIED, mn_access_check(x, MN_STR("nonsense"), &g, &e));
    FAILS(MN_E_DENIED, mn_access_check(x, MN_STR(""), &g, &e));
    FAILS(MN_E_DENIED, mn_access_check(x, MN_STR_NONE, &g, &e));
    FAILS(MN_E_DENIED, mn_access_check_id(x, 12345, &g, &e));
    OK(g.account_id == 7);
}

static void the_store_holds_no_token_only_its_hash(void **state)
{
    (void)state;
    char hash[MN_SECRET_HASH];
    mn_token_now now;
    mn_secret t = make(ada, "read", NULL);
    FAILS(MN_E_NOT_FOUND, mn_store_token_by_hash(s, mn_str_from(t.text), &ar, &now, &e));
    RUN(mn_store_token_by_hash(s, mn_secret_hash(mn_str_from(t.text), hash), &ar, &now, &e));
}

static void a_revoked_token_is_dead_at_once_though_it_was_remembered(void **state)
{
    (void)state;
    mn_grant g;
    uint64_t id = 0;
    mn_secret t = make(ada, "read", &id), other = make(ada, "read", NULL);
    RUN(check(t, &g));
    RUN(check(other, &g));
    TX(mn_store_token_remove(tx, id, &e));
    FAILS(MN_E_DENIED, check(t, &g));
    RUN(check(other, &g));
}

static void revoking_all_but_one_leaves_that_one(void **state)
{
    (void)state;
    mn_grant g;
    uint64_t kept = 0;
    mn_secret a = make(ada, "read", NULL), b = make(ada, "read", &kept);
    RUN(check(a, &g));
    RUN(check(b, &g));
    TX(mn_store_tokens_remove(tx, ada, kept, &e));
    FAILS(MN_E_DENIED, check(a, &g));
    RUN(check(b, &g));
}

static void suspension_and_a_new_password_end_all_tokens_at_once(void **state)
{
    (void)state;
    mn_grant g;
    mn_secret t = make(ada, "read", NULL);
    RUN(check(t, &g));
    OK(g.state == MN_ACCOUNT_ACTIVE);
    RUN(mn_social_account_suspend(s, ada, true, &e));
    FAILS(MN_E_DENIED, check(t, &g));
    RUN(mn_social_account_suspend(s, ada, false, &e));
    FAILS(MN_E_DENIED, check(t, &g));
    t = make(ada, "read", NULL);
    RUN(check(t, &g));
    RUN(mn_social_password_set(s, ada, "a new password", NULL, &e));
    FAILS(MN_E_DENIED, check(t, &g));
}

static void a_session_has_all_scopes_of_its_role_and_ends_after_a_year(void **state)
{
    (void)state;
    mn_grant g;
    mn_secret t;
    int64_t now = mn_now_ms();
    mn_now_freeze(now);
    TX(mn_access_session_make(tx, ada, MN_STR("::1"), MN_STR("browser"), &t, NULL, &e));
    RUN(check(t, &g));
    OK(g.web && g.scopes == mn_scopes_all(MN_ROLE_MEMBER));
    mn_now_freeze(now + INT64_C(366) * 86400000);
    FAILS(MN_E_DENIED, check(t, &g));
}

static void use_is_written_once_an_hour(void **state)
{
    (void)state;
    mn_grant g;
    uint64_t id = 0;
    mn_token_now n;
    int64_t t0 = mn_now_ms();
    mn_now_freeze(t0);
    mn_secret t = make(ada, "read", &id);
    mn_now_freeze(t0 + 1800000);
    RUN(check(t, &g));
    RUN(mn_access_flush(x, &e));
    RUN(mn_store_token_by_id(s, id, &ar, &n, &e));
    OK(n.token.used_ms == t0);
    mn_now_freeze(t0 + 3600001);
    RUN(check(t, &g));
    RUN(mn_access_flush(x, &e));
    RUN(mn_store_token_by_id(s, id, &ar, &n, &e));
    OK(n.token.used_ms == t0 + 3600001);
}

static void an_account_not_approved_or_not_confirmed_may_not_act_yet(void **state)
{
    (void)state;
    mn_grant g;
    mn_secret t = make(ada, "read", NULL);
    mn_credentials c = {.account_id = ada,
                        .email = MN_STR("ada@example.org"),
                        .must_confirm = true,
                        .approved = true};
    TX(mn_store_credentials_add(tx, &c, &e));
    RUN(check(t, &g));
    OK(!g.confirmed);
    c.email_confirmed_ms = 1;
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_credentials_set(tx, &c, &e));
    RUN(mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = ada}, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(check(t, &g));
    OK(g.confirmed);
}

static void many_tokens_push_out_the_oldest_and_are_found_again(void **state)
{
    (void)state;
    enum { N = 300 };
    static mn_secret t[N];
    mn_tx *tx;
    mn_grant g;
    RUN(mn_store_begin(s, &tx, &e));
    for (int i = 0; i < N; i++)
        RUN(mn_access_token_make(tx, ada, 0, MN_STR("read"), &t[i], NULL, &e));
    RUN(mn_store_commit(tx, &e));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++) RUN(check(t[i], &g));
    int64_t t0 = mn_mono_us();
    for (int i = 0; i < 10000; i++) RUN(check(t[i % 16], &g));
    print_message("a known token: %.2f us\n", (double)(mn_mono_us() - t0) / 10000);
}

typedef struct asker {
    pthread_t thread;
    mn_secret token;
    _Atomic bool *revoked, *stop;
    _Atomic int taken;
    int taken_late;
} asker;

/* Asks as long as the test runs; a yes to a question that was asked after the revocation is a fault. */
static void *ask(void *arg)
{
    asker *a = arg;
    while (!*a->stop) {
        mn_grant g;
        mn_err why = {0};
        bool late = *a->revoked;
        if (mn_access_check(x, mn_str_from(a->token.text), &g, &why) != MN_OK) continue;
        a->taken++;
        a->taken_late += late;
    }
    return NULL;
}

static void while_many_ask_a_revocation_counts_from_its_commit_on(void **state)
{
    (void)state;
    _Atomic bool revoked = false, stop = false;
    asker a[4];
    uint64_t id = 0;
    mn_secret t = make(ada, "read", &id);
    for (int i = 0; i < 4; i++) {
        a[i] = (asker){.token = t, .revoked = &revoked, .stop = &stop};
        OK(pthread_create(&a[i].thread, NULL, ask, &a[i]) == 0);
    }
    for (int i = 0; i < 20; i++) { /* events that make the entry be read again meanwhile */
        mn_tx *tx;
        RUN(mn_store_begin(s, &tx, &e));
        RUN(mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = ada}, &e));
        RUN(mn_store_commit(tx, &e));
        usleep(1000);
    }
    for (int i = 0; i < 4; i++)
        for (int ms = 0; a[i].taken == 0 && ms < 10000; ms++) usleep(1000);
    TX(mn_store_token_remove(tx, id, &e));
    revoked = true;
    usleep(20000);
    stop = true;
    int late = 0, idle = 0;
    for (int i = 0; i < 4; i++) {
        pthread_join(a[i].thread, NULL);
        late += a[i].taken_late;
        idle += a[i].taken == 0;
    }
    assert_int_equal(late, 0);
    assert_int_equal(idle, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_token_says_whose_it_is_and_what_it_may),
        CASE(what_was_never_given_is_denied),
        CASE(the_store_holds_no_token_only_its_hash),
        CASE(a_revoked_token_is_dead_at_once_though_it_was_remembered),
        CASE(revoking_all_but_one_leaves_that_one),
        CASE(suspension_and_a_new_password_end_all_tokens_at_once),
        CASE(a_session_has_all_scopes_of_its_role_and_ends_after_a_year),
        CASE(use_is_written_once_an_hour),
        CASE(an_account_not_approved_or_not_confirmed_may_not_act_yet),
        CASE(while_many_ask_a_revocation_counts_from_its_commit_on),
        CASE(many_tokens_push_out_the_oldest_and_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
