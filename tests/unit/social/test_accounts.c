/* Accounts made, suspended and deleted; passwords; who sees what. */
#include "test.h"

#include <pthread.h>

#include "social/social.h"

static char dir[64];
static mn_store *s;
static mn_arena ar;
static mn_err e;

static int set_up(void **state)
{
    char path[128];
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/mynah.db", test_tmp(dir));
    return mn_store_open(path, &s, &e) == MN_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static uint64_t make(const char *name, const char *password, char *one_time)
{
    uint64_t id = 0;
    RUN(mn_social_account_create(s, mn_str_from(name), MN_STR(""), MN_ROLE_MEMBER, password,
                                 one_time, &id, &e));
    return id;
}

static mn_account get(uint64_t id)
{
    mn_account a = {0};
    RUN(mn_store_account_by_id(s, id, &ar, &a, &e));
    return a;
}

static bool opens(uint64_t id, const char *password)
{
    bool ok = false;
    mn_account a = get(id);
    RUN(mn_social_password_check(&a, mn_str_from(password), &ok, &e));
    return ok;
}

static void add_post(uint64_t id, uint64_t account, mn_visibility v)
{
    mn_tx *tx;
    mn_post p = {.id = id, .account_id = account, .visibility = v, .text = MN_STR("x")};
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
}

static bool sees(uint64_t viewer, uint64_t post)
{
    bool may = false;
    mn_post p = {0};
    RUN(mn_store_post(s, post, &ar, &p, &e));
    RUN(mn_social_may_see(s, &p, viewer, &may, &e));
    return may;
}

static void a_one_time_password_is_made_and_opens(void **state)
{
    (void)state;
    char one[32], two[32];
    uint64_t id = make("ada", NULL, one);
    make("bob", NULL, two);
    assert_int_equal(strlen(one), 20);
    OK(strcmp(one, two) != 0 && strspn(one, "abcdefghijkmnpqrstuvwxyz23456789") == 20);
    mn_account a = get(id);
    OK(mn_str_starts(a.password_hash, "one-time:$argon2id$") && a.role == MN_ROLE_MEMBER);
    IS(a.display_name, "ada");
    OK(opens(id, one) && !opens(id, two) && !opens(id, ""));
}

static void an_account_without_a_password_opens_to_nothing(void **state)
{
    (void)state;
    uint64_t id = make("import", "", NULL);
    assert_int_equal(get(id).password_hash.len, 0);
    OK(!opens(id, "") && !opens(id, "anything"));
}

static void passwords_that_are_too_short_or_long_are_refused(void **state)
{
    (void)state;
    static char longer[1026];
    memset(longer, 'p', 1025);
    mn_account a = {0};
    FAILS(MN_E_USAGE, mn_social_account_create(s, MN_STR("ada"), MN_STR(""), MN_ROLE_MEMBER,
                                               "seven77", NULL, NULL, &e));
    FAILS(MN_E_USAGE, mn_social_account_create(s, MN_STR("ada"), MN_STR(""), MN_ROLE_MEMBER,
                                               longer, NULL, NULL, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_name(s, MN_STR("ada"), &ar, &a, &e));
    uint64_t id = make("ada", "eight888", NULL);
    OK(opens(id, "eight888") && !opens(id, "eight88") && !opens(id, longer));
}

static void taken_and_reserved_names_make_nothing(void **state)
{
    (void)state;
    char one[32] = "untouched";
    make("ada", "", NULL);
    FAILS(MN_E_EXISTS, mn_social_account_create(s, MN_STR("ADA"), MN_STR(""), MN_ROLE_MEMBER,
                                                NULL, one, NULL, &e));
    FAILS(MN_E_USAGE, mn_social_account_create(s, MN_STR("admin"), MN_STR(""), MN_ROLE_MEMBER,
                                               NULL, one, NULL, &e));
    assert_string_equal(one, "untouched"); /* written only on success */
}

static void a_new_password_replaces_the_old_one(void **state)
{
    (void)state;
    char one[32], two[32];
    uint64_t id = make("ada", NULL, one);
    RUN(mn_social_password_set(s, id, NULL, two, &e));
    OK(opens(id, two) && !opens(id, one));
    FAILS(MN_E_NOT_FOUND, mn_social_password_set(s, 5, "long enough", NULL, &e));
}

static void a_hash_that_is_none_opens_to_nothing(void **state)
{
    (void)state;
    static char longer[300];
    bool ok = true;
    memset(longer, 'h', sizeof longer);
    mn_account a = {.password_hash = {longer, sizeof longer}};
    RUN(mn_social_password_check(&a, MN_STR("x"), &ok, &e));
    OK(!ok);
    a.password_hash = MN_STR("$argon2id$v=19$m=99999999,t=9$rubbish");
    ok = true;
    RUN(mn_social_password_check(&a, MN_STR("x"), &ok, &e));
    OK(!ok);
}

static void a_suspended_account_is_neither_seen_nor_signed_in(void **state)
{
    (void)state;
    uint64_t id = make("ada", "long enough", NULL), other = make("bob", "", NULL);
    add_post(10, id, MN_VIS_PUBLIC);
    OK(sees(0, 10) && sees(other, 10));
    RUN(mn_social_account_suspend(s, id, true, &e));
    OK(!opens(id, "long enough") && !sees(0, 10) && !sees(other, 10) && sees(id, 10));
    RUN(mn_social_account_suspend(s, id, false, &e));
    OK(opens(id, "long enough") && sees(0, 10));
    FAILS(MN_E_NOT_FOUND, mn_social_account_suspend(s, 5, true, &e));
}

static void *set_password(void *arg)
{
    mn_err mine = {0};
    return mn_social_password_set(s, *(uint64_t *)arg, "a new password", NULL, &mine) == MN_OK
               ? arg
               : NULL;
}

/* The password's change waits for a writer that suspends: it must not bring back what it saw before. */
static void a_change_that_waits_writes_over_nothing(void **state)
{
    (void)state;
    pthread_t thread;
    mn_tx *tx;
    void *good = NULL;
    uint64_t id = make("ada", "old password", NULL);
    mn_account a = get(id);
    a.state = MN_ACCOUNT_SUSPENDED;
    RUN(mn_store_begin(s, &tx, &e));
    OK(pthread_create(&thread, NULL, set_password, &id) == 0);
    usleep(400000); /* time to hash, and to come to wait */
    RUN(mn_store_account_update(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
    OK(pthread_join(thread, &good) == 0 && good);
    OK(get(id).state == MN_ACCOUNT_SUSPENDED);
    RUN(mn_social_account_suspend(s, id, false, &e)); /* who is suspended cannot sign in */
    OK(opens(id, "a new password"));
}

static void a_deleted_account_is_empty_and_its_name_taken(void **state)
{
    (void)state;
    bool left = true;
    int calls = 0;
    mn_post p = {0};
    uint64_t id = make("ada", "long enough", NULL), other = make("bob", "", NULL);
    for (uint64_t i = 1; i <= 25; i++)
        add_post(i, i == 25 ? other : id, (mn_visibility)(i % 4));
    for (; left && calls < 10; calls++) RUN(mn_social_account_delete(s, id, 10, &left, &e));
    OK(calls == 3);
    mn_account a = get(id);
    OK(a.state == MN_ACCOUNT_DELETED && a.n_posts == 0 && a.password_hash.len == 0 &&
       a.display_name.len == 0);
    for (uint64_t i = 1; i <= 25; i++) {
        RUN(mn_store_post(s, i, &ar, &p, &e));
        OK((p.deleted_ms == 0 && p.text.len == 1) == (i == 25));
    }
    OK(!opens(id, "long enough"));
    FAILS(MN_E_EXISTS, mn_social_account_create(s, MN_STR("ada"), MN_STR(""), MN_ROLE_MEMBER,
                                                "", NULL, NULL, &e));
    FAILS(MN_E_DENIED, mn_social_account_suspend(s, id, false, &e)); /* no way back */
    RUN(mn_social_account_delete(s, id, 10, &left, &e));
    OK(!left);
    FAILS(MN_E_NOT_FOUND, mn_social_account_delete(s, 5, 10, &left, &e));
}

static void each_visibility_shows_to_whom_it_says(void **state)
{
    (void)state;
    mn_tx *tx;
    uint64_t author = make("ada", "", NULL), fan = make("fan", "", NULL),
             other = make("other", "", NULL);
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_follow_add(tx, fan, author, 1, &e));
    RUN(mn_store_commit(tx, &e));
    for (int v = 0; v < 4; v++) add_post(10 + (uint64_t)v, author, (mn_visibility)v);
    static const bool expected[4][4] = {/* author, follower, other, anonymous */
                                        {true, true, true, true},
                                        {true, true, true, true},
                                        {true, true, false, false},
                                        {true, false, false, false}};
    const uint64_t viewers[] = {author, fan, other, 0};
    for (int v = 0; v < 4; v++)
        for (int w = 0; w < 4; w++) OK(sees(viewers[w], 10 + (uint64_t)v) == expected[v][w]);
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_delete(tx, 10, 1, &e));
    RUN(mn_store_commit(tx, &e));
    OK(!sees(author, 10)); /* a tombstone shows to nobody */
}

static void consent_is_set_by_a_line_of_the_ledger(void **state)
{
    (void)state;
    mn_consents c = 0;
    uint64_t id = make("ada", "", NULL), seq = 0, lines = 0;
    RUN(mn_social_consent_set(s, MN_SCOPE_ACCOUNT, id, MN_P_EMBEDDING, MN_CONSENT_ALLOW, id,
                              MN_STR("asked at sign-up"), &e));
    FAILS(MN_E_NOT_FOUND, mn_social_consent_set(s, MN_SCOPE_ACCOUNT, 5, MN_P_EMBEDDING,
                                                MN_CONSENT_ALLOW, 0, MN_STR(""), &e));
    RUN(mn_store_consent_account(s, id, &c, &seq, &e));
    OK(seq == 1 && c == mn_consents_set(0, MN_P_EMBEDDING, MN_CONSENT_ALLOW));
    RUN(mn_store_ledger_verify(s, &lines, &e));
    assert_int_equal(lines, 1);
}

static void roles_and_states_have_names(void **state)
{
    (void)state;
    mn_account_role r = MN_ROLE_MEMBER;
    RUN(mn_social_role_parse("operator", &r, &e));
    assert_int_equal(r, MN_ROLE_OPERATOR);
    FAILS(MN_E_USAGE, mn_social_role_parse("king", &r, &e));
    OK(strstr(e.msg, "moderator"));
    assert_string_equal(mn_social_role_name(MN_ROLE_MODERATOR), "moderator");
    assert_string_equal(mn_social_state_name(MN_ACCOUNT_DELETED), "deleted");
    assert_string_equal(mn_social_consent_name(MN_CONSENT_DENY), "deny");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_one_time_password_is_made_and_opens),
        CASE(an_account_without_a_password_opens_to_nothing),
        CASE(passwords_that_are_too_short_or_long_are_refused),
        CASE(taken_and_reserved_names_make_nothing),
        CASE(a_new_password_replaces_the_old_one),
        CASE(a_hash_that_is_none_opens_to_nothing),
        CASE(a_suspended_account_is_neither_seen_nor_signed_in),
        CASE(a_change_that_waits_writes_over_nothing),
        CASE(a_deleted_account_is_empty_and_its_name_taken),
        CASE(each_visibility_shows_to_whom_it_says),
        CASE(consent_is_set_by_a_line_of_the_ledger),
        CASE(roles_and_states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
