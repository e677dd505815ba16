/* What people do to each other, with what follows from it; the JSON of profiles. */
#include "test.h"

#include "base/clock.h"
#include "social/people.h"

static char dir[64], url[128];
static mn_store *s;
static mn_arena ar;
static mn_err e;

#define TX(call)                                                                               \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        RUN(call);                                                                             \
        RUN(mn_store_commit(tx, &e));                                                          \
    } while (0)
#define TX_FAILS(code, call)                                                                   \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        FAILS(code, call);                                                                     \
        mn_store_rollback(tx);                                                                 \
    } while (0)

static void add(uint64_t id, const char *name, bool locked)
{
    TX(mn_store_account_add(
        tx, &(mn_account){.id = id, .name = mn_str_from(name), .locked = locked}, &e));
}

static int setup(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    snprintf(url, sizeof url, "%s/mynah.db", test_tmp(dir));
    RUN(mn_store_open(url, &s, &e));
    add(1, "ada", false);
    add(2, "bob", false);
    add(3, "locked", true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static mn_account account(uint64_t id)
{
    mn_account a = {0};
    RUN(mn_store_account_by_id(s, id, &ar, &a, &e));
    return a;
}

#define CHANGE(ID, code)                                                                       \
    do {                                                                                       \
        mn_account a = account(ID);                                                            \
        code;                                                                                  \
        TX(mn_store_account_update(tx, &a, &e));                                               \
    } while (0)

static mn_relation relation(uint64_t me, uint64_t id)
{
    mn_relation *r = NULL;
    size_t n = 0;
    RUN(mn_store_relations(s, me, &id, 1, &ar, &r, &n, &e));
    assert_int_equal(n, 1);
    return r[0];
}

/* How many notifications of that kind an account has. */
static size_t told(uint64_t to, mn_notice_kind kind)
{
    mn_notification *l = NULL;
    size_t n = 0;
    mn_notification_query q = {
        .account = to, .kinds = MN_NOTICE_BIT(kind), .page = {.limit = 100}};
    RUN(mn_store_notifications(s, &q, &ar, &l, &n, &e));
    return n;
}

/* ---- follow ------------------------------------------------------------------------------------------------------ */

static void a_follow_is_made_told_and_ended(void **state)
{
    (void)state;
    bool asked = true;
    TX(mn_social_follow(tx, 1, 2, NULL, &asked, &e));
    OK(!asked && relation(1, 2).following && relation(1, 2).boosts);
    TX(mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    OK(account(2).n_followers == 1 && told(2, MN_NOTICE_FOLLOW) == 1);
    TX(mn_social_unfollow(tx, 1, 2, &e));
    OK(!relation(1, 2).following && told(2, MN_NOTICE_FOLLOW) == 0);
    TX(mn_social_unfollow(tx, 1, 2, &e));
    assert_int_equal(account(2).n_followers, 0);
}

static void what_is_not_said_stays_as_it_was(void **state)
{
    (void)state;
    TX(mn_social_follow(tx, 1, 2, &(mn_follow_opts){.has_notify = true, .notify = true}, NULL,
                        &e));
    TX(mn_social_follow(
        tx, 1, 2, &(mn_follow_opts){.has_languages = true, .languages = MN_STR("en,pt-BR")},
        NULL, &e));
    TX(mn_social_follow(tx, 1, 2, &(mn_follow_opts){.has_boosts = true}, NULL, &e));
    mn_relation r = relation(1, 2);
    OK(r.notify && !r.boosts);
    IS(r.languages, "en,pt-BR");
    TX_FAILS(MN_E_USAGE,
             mn_social_follow(
                 tx, 1, 2, &(mn_follow_opts){.has_languages = true, .languages = MN_STR("<b>")},
                 NULL, &e));
}

static void a_locked_account_is_asked(void **state)
{
    (void)state;
    bool asked = false;
    TX(mn_social_follow(tx, 1, 3, NULL, &asked, &e));
    OK(asked && relation(1, 3).requested && !relation(1, 3).following);
    OK(told(3, MN_NOTICE_FOLLOW_REQUEST) == 1 && told(3, MN_NOTICE_FOLLOW) == 0);
    TX(mn_social_request_accept(tx, 3, 1, &e));
    OK(relation(1, 3).following && !relation(1, 3).requested);
    OK(told(3, MN_NOTICE_FOLLOW_REQUEST) == 0 && told(3, MN_NOTICE_FOLLOW) == 1);
    assert_int_equal(account(3).n_followers, 1);
}

static void a_request_that_nobody_made_is_not_granted(void **state)
{
    (void)state;
    TX_FAILS(MN_E_NOT_FOUND, mn_social_request_accept(tx, 3, 2, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_social_request_reject(tx, 3, 2, &e));
    TX(mn_social_follow(tx, 2, 3, NULL, NULL, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_social_request_accept(tx, 2, 3, &e)); /* the wrong way round */
    TX(mn_social_request_reject(tx, 3, 2, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_social_request_accept(tx, 3, 2, &e));
    OK(!relation(2, 3).following && !relation(2, 3).requested);
}

static void a_withdrawn_request_cannot_be_granted(void **state)
{
    (void)state;
    TX(mn_social_follow(tx, 2, 3, NULL, NULL, &e));
    TX(mn_social_unfollow(tx, 2, 3, &e));
    OK(told(3, MN_NOTICE_FOLLOW_REQUEST) == 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_social_request_accept(tx, 3, 2, &e));
}

static void whoever_is_limited_asks_everybody(void **state)
{
    (void)state;
    bool asked = false;
    CHANGE(1, a.silenced_ms = 5);
    TX(mn_social_follow(tx, 1, 2, NULL, &asked, &e));
    OK(asked && !relation(1, 2).following);
}

static void some_cannot_be_followed(void **state)
{
    (void)state;
    TX_FAILS(MN_E_NOT_FOUND, mn_social_follow(tx, 1, 1, NULL, NULL, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_social_follow(tx, 1, 99, NULL, NULL, &e));
    TX(mn_social_block(tx, 2, 1, &e));
    TX_FAILS(MN_E_DENIED, mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    TX_FAILS(MN_E_DENIED, mn_social_follow(tx, 2, 1, NULL, NULL, &e));
    TX(mn_social_unblock(tx, 2, 1, &e));
    CHANGE(2, a.moved_to = 3);
    TX_FAILS(MN_E_DENIED, mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    CHANGE(2, (a.moved_to = 0, a.state = MN_ACCOUNT_SUSPENDED));
    TX_FAILS(MN_E_NOT_FOUND, mn_social_follow(tx, 1, 2, NULL, NULL, &e));
}

/* Account 1 follows n others, 100 and on. */
static void follow_many(uint64_t n)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t id = 100; id < 100 + n; id++) {
        char name[16];
        snprintf(name, sizeof name, "u%llu", (unsigned long long)id);
        RUN(mn_store_account_add(tx, &(mn_account){.id = id, .name = mn_str_from(name)}, &e));
        RUN(mn_store_follow_add(tx, 1, id, 1, &e));
    }
    RUN(mn_store_commit(tx, &e));
}

static void who_follows_very_many_needs_followers(void **state)
{
    (void)state;
    follow_many(7500);
    TX_FAILS(MN_E_LIMIT, mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    TX_FAILS(MN_E_LIMIT, mn_social_follow(tx, 1, 3, NULL, NULL, &e)); /* asking too */
    TX(mn_social_follow(tx, 1, 100, &(mn_follow_opts){.has_notify = true, .notify = true}, NULL,
                        &e)); /* whom one follows already */
    TX(mn_social_unfollow(tx, 1, 101, &e));
    TX(mn_social_follow(tx, 1, 2, NULL, NULL, &e));
}

static void a_follower_can_be_sent_away(void **state)
{
    (void)state;
    TX(mn_social_follow(tx, 2, 1, NULL, NULL, &e));
    TX(mn_social_remove_follower(tx, 1, 2, &e));
    OK(!relation(2, 1).following && account(1).n_followers == 0);
}

/* ---- block, mute, notes ------------------------------------------------------------------------------------------ */

static void a_block_cuts_everything_both_ways(void **state)
{
    (void)state;
    TX(mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    TX(mn_social_follow(tx, 2, 1, NULL, NULL, &e));
    TX(mn_social_endorse(tx, 2, 1, true, &e));
    TX(mn_social_follow(tx, 2, 3, NULL, NULL, &e));
    TX(mn_social_block(tx, 1, 2, &e));
    TX(mn_social_block(tx, 1, 2, &e));
    mn_relation r = relation(1, 2);
    OK(r.blocking && !r.following && !r.followed_by && !relation(2, 1).endorsed);
    OK(told(1, MN_NOTICE_FOLLOW) == 0 && told(2, MN_NOTICE_FOLLOW) == 0);
    OK(account(1).n_followers == 0 && account(1).n_following == 0 &&
       account(2).n_followers == 0);
    TX(mn_social_block(tx, 3, 2, &e)); /* who waits at one's door is sent away too */
    OK(!relation(2, 3).requested && told(3, MN_NOTICE_FOLLOW_REQUEST) == 0);
    TX(mn_social_unblock(tx, 1, 2, &e));
    OK(!relation(1, 2).blocking && !relation(1, 2).following);
    TX_FAILS(MN_E_NOT_FOUND, mn_social_block(tx, 1, 1, &e));
}

static void a_mute_may_end_by_itself(void **state)
{
    (void)state;
    mn_now_freeze(INT64_C(1800000000000));
    TX(mn_social_mute(tx, 1, 2, true, 3600, &e));
    mn_relation r = relation(1, 2);
    OK(r.muting && r.muting_notifications && r.mute_expires_ms == INT64_C(1800003600000));
    TX(mn_social_mute(tx, 1, 2, false, 0, &e));
    r = relation(1, 2);
    OK(r.muting && !r.muting_notifications && r.mute_expires_ms == 0);
    TX_FAILS(MN_E_USAGE, mn_social_mute(tx, 1, 2, true, -1, &e));
    TX_FAILS(MN_E_USAGE, mn_social_mute(tx, 1, 2, true, INT64_MAX, &e));
    TX(mn_social_unmute(tx, 1, 2, &e));
    OK(!relation(1, 2).muting);
    mn_now_freeze(0);
}

static void a_note_has_a_length(void **state)
{
    (void)state;
    char text[2 * MN_NOTE_MAX + 8];
    for (size_t i = 0; i < MN_NOTE_MAX; i++) memcpy(text + 2 * i, "\xC3\xA9", 2);
    TX(mn_social_note(tx, 1, 2, (mn_str){text, 2 * MN_NOTE_MAX}, &e));
    text[2 * MN_NOTE_MAX] = 'x';
    TX_FAILS(MN_E_USAGE, mn_social_note(tx, 1, 2, (mn_str){text, 2 * MN_NOTE_MAX + 1}, &e));
    TX_FAILS(MN_E_USAGE, mn_social_note(tx, 1, 2, MN_STR("\xFF"), &e));
    assert_int_equal(relation(1, 2).note.len, 2 * MN_NOTE_MAX);
}

static void one_endorses_whom_one_follows(void **state)
{
    (void)state;
    TX_FAILS(MN_E_USAGE, mn_social_endorse(tx, 1, 2, true, &e));
    TX(mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    TX(mn_social_endorse(tx, 1, 2, true, &e));
    OK(relation(1, 2).endorsed);
    TX(mn_social_unfollow(tx, 1, 2, &e));
    OK(!relation(1, 2).endorsed);
    TX(mn_social_endorse(tx, 1, 2, false, &e));
}

static void a_domain_is_a_host_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    ".",          "a..b", "-a.b", "a-.b",
                                      "a b", "http://a.b", "a/b",  "a.b.", "\xC3\xA9.org"};
    mn_domain_row *rows = NULL;
    size_t n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        TX_FAILS(MN_E_USAGE, mn_social_domain_block(tx, 1, mn_str_from(bad[i]), true, &e));
    TX(mn_social_domain_block(tx, 1, MN_STR(" Bad.Example "), true, &e));
    RUN(mn_store_domain_blocks_page(s, 1, (mn_bounds){.limit = 5}, &ar, &rows, &n, &e));
    assert_int_equal(n, 1);
    IS(rows[0].domain, "bad.example");
    TX(mn_social_domain_block(tx, 1, MN_STR("bad.example"), false, &e));
}

static void a_deleted_account_stands_to_nobody(void **state)
{
    (void)state;
    bool left = true;
    TX(mn_social_follow(tx, 1, 2, NULL, NULL, &e));
    TX(mn_social_follow(tx, 2, 1, NULL, NULL, &e));
    while (left) RUN(mn_social_account_delete(s, 2, 10, &left, &e));
    OK(account(1).n_followers == 0 && account(1).n_following == 0);
    OK(told(1, MN_NOTICE_FOLLOW) == 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_social_follow(tx, 1, 2, NULL, NULL, &e));
}

/* ---- profiles ---------------------------------------------------------------------------------------------------- */

static void fields_and_choices_read_back_as_they_were_written(void **state)
{
    (void)state;
    mn_field f[] = {{MN_STR("Web"), MN_STR("https://a.example/\"<>"), 5},
                    {MN_STR("\xE2\x99\xA5"), MN_STR(""), 0}},
             got[MN_FIELDS_MAX];
    size_t n = mn_social_fields_read(mn_social_fields_write(f, 2, &ar), &ar, got);
    assert_int_equal(n, 2);
    IS(got[0].value, "https://a.example/\"<>");
    OK(got[0].verified_ms == 5 && got[1].verified_ms == 0);
    IS(got[1].name, "\xE2\x99\xA5");
    const mn_str domains[] = {MN_STR("a.example"), MN_STR("b.example")};
    mn_prefs p = {.privacy = MN_VIS_FOLLOWERS,
                  .sensitive = true,
                  .language = MN_STR("it"),
                  .quotes = MN_QUOTES_NOBODY,
                  .expand_warnings = true,
                  .hide_media_tab = true,
                  .avatar_alt = MN_STR("me"),
                  .attribution = domains,
                  .n_attribution = 2};
    mn_prefs q = mn_social_prefs_read(mn_social_prefs_write(&p, &ar), &ar);
    OK(q.privacy == MN_VIS_FOLLOWERS && q.sensitive && q.quotes == MN_QUOTES_NOBODY);
    OK(q.expand_warnings && q.hide_media_tab && !q.hide_featured && q.n_attribution == 2);
    IS(q.language, "it");
    IS(q.avatar_alt, "me");
    IS(q.attribution[1], "b.example");
}

static void what_is_no_json_is_a_profile_with_nothing_said(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "null",
                                      "[",
                                      "7",
                                      "{\"privacy\":7,\"attribution\":{}}",
                                      "{\"privacy\":\"secret\"}",
                                      "[[],7,{}]"};
    mn_field f[MN_FIELDS_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_prefs p = mn_social_prefs_read(mn_str_from(bad[i]), &ar);
        OK(p.privacy == MN_VIS_PUBLIC && !p.sensitive && p.n_attribution == 0);
        OK(p.language.ptr && p.language.len == 0);
        OK(mn_social_fields_read(mn_str_from(bad[i]), &ar, f) <= 1);
    }
    OK(mn_social_fields_read(MN_STR("[{},{},{},{},{},{}]"), &ar, f) == MN_FIELDS_MAX);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_follow_is_made_told_and_ended),
        CASE(what_is_not_said_stays_as_it_was),
        CASE(a_locked_account_is_asked),
        CASE(a_request_that_nobody_made_is_not_granted),
        CASE(a_withdrawn_request_cannot_be_granted),
        CASE(whoever_is_limited_asks_everybody),
        CASE(some_cannot_be_followed),
        CASE(who_follows_very_many_needs_followers),
        CASE(a_follower_can_be_sent_away),
        CASE(a_block_cuts_everything_both_ways),
        CASE(a_mute_may_end_by_itself),
        CASE(a_note_has_a_length),
        CASE(one_endorses_whom_one_follows),
        CASE(a_domain_is_a_host_name),
        CASE(a_deleted_account_stands_to_nobody),
        CASE(fields_and_choices_read_back_as_they_were_written),
        CASE(what_is_no_json_is_a_profile_with_nothing_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
