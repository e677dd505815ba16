/* Moderation's decisions: addresses, domains, words, who may act on whom, what becomes of strikes and suspensions. */
#include "test.h"

#include "base/clock.h"
#include "social/moderation_int.h"
#include "store/access.h"

static char dir[64];
static mn_err e;
static mn_home home;
static mn_moderation *m;
static mn_arena ar;

static int set_up(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    RUN(mn_home_open(test_tmp(dir), &home, &e));
    RUN(mn_moderation_new(home.store, &m, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_moderation_free(m);
    mn_home_close(&home);
    mn_arena_release(&ar);
    mn_now_freeze(0);
    test_tmp_remove(dir);
    return 0;
}

static const mn_actor root = {.role = MN_ROLE_OPERATOR};

static uint64_t account(const char *name, mn_account_role role)
{
    uint64_t id = 0;
    RUN(mn_social_account_create(home.store, mn_str_from(name), mn_str_from(name), role, "",
                                 NULL, &id, &e));
    return id;
}

/* ---- addresses and domains, pure ---------------------------------------------------------------------------------------- */

static void addresses_are_brought_into_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: refused */
    } rows[] = {
        {"192.0.2.7", "192.0.2.7/32"},
        {" 192.0.2.7/24 ", "192.0.2.0/24"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"10.255.255.255/9", "10.128.0.0/9"},
        {"2001:DB8::1/32", "2001:db8::/32"},
        {"::1", "::1/128"},
        {"::ffff:192.0.2.7", "192.0.2.7/32"},
        {"::/0", "::/0"},
        {"192.0.2.7/33", NULL},
        {"::1/129", NULL},
        {"192.0.2", NULL},
        {"192.0.2.7/", NULL},
        {"192.0.2.7/x", NULL},
        {"", NULL},
        {"/8", NULL},
        {"example.org", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mn_net n;
        char text[64];
        mn_rc rc = mn_moderation__net_parse(mn_str_from(rows[i].in), &n, &e);
        if ((rc == MN_OK) != (rows[i].out != NULL)) fail_msg("%s: %d", rows[i].in, rc);
        if (rc != MN_OK) continue;
        mn_moderation__net_text(&n, text);
        assert_string_equal(text, rows[i].out);
    }
}

static void the_most_severe_block_of_an_address_counts_until_it_expires(void **state)
{
    (void)state;
    uint64_t id;
    mn_now_freeze(1000000);
    mn_ip_block wide = {.ip = MN_STR("198.51.100.0/24"),
                        .severity = MN_IP_APPROVAL,
                        .comment = MN_STR("")},
                one = {.ip = MN_STR("198.51.100.9"),
                       .severity = MN_IP_NO_ACCESS,
                       .comment = MN_STR(""),
                       .expires_ms = 2000000},
                six = {.ip = MN_STR("2001:db8::/33"),
                       .severity = MN_IP_NO_SIGN_UP,
                       .comment = MN_STR("")};
    OK(mn_moderation_address(m, MN_STR("198.51.100.9")) == MN_IP_FREE);
    RUN(mn_social_ip_block_put(home.store, root, &wide, &id, &e));
    RUN(mn_social_ip_block_put(home.store, root, &one, &id, &e));
    RUN(mn_social_ip_block_put(home.store, root, &six, &id, &e));
    OK(mn_moderation_address(m, MN_STR("198.51.100.9")) == MN_IP_NO_ACCESS);
    OK(mn_moderation_address(m, MN_STR("::ffff:198.51.100.9")) == MN_IP_NO_ACCESS);
    OK(mn_moderation_address(m, MN_STR("198.51.100.10")) == MN_IP_APPROVAL);
    OK(mn_moderation_address(m, MN_STR("198.51.101.9")) == MN_IP_FREE);
    OK(mn_moderation_address(m, MN_STR("2001:db8:7fff::1")) == MN_IP_NO_SIGN_UP);
    OK(mn_moderation_address(m, MN_STR("2001:db8:8000::1")) == MN_IP_FREE);
    OK(mn_moderation_address(m, MN_STR("nonsense")) == MN_IP_FREE);
    mn_now_freeze(2000000);
    OK(mn_moderation_address(m, MN_STR("198.51.100.9")) == MN_IP_APPROVAL);
    FAILS(MN_E_EXISTS, mn_social_ip_block_put(home.store, root, &wide, &id, &e));
}

static void a_domains_block_covers_those_below_it(void **state)
{
    (void)state;
    uint64_t id;
    mn_domain_block got, b = {.domain = MN_STR("Evil.Example"),
                              .severity = MN_BLOCK_SUSPEND,
                              .private_comment = MN_STR(""),
                              .public_comment = MN_STR("")};
    RUN(mn_social_domain_block_put(home.store, root, &b, &id, &e));
    OK(mn_moderation_domain(m, MN_STR("evil.example"), &got) && got.id == id);
    OK(mn_moderation_domain(m, MN_STR("A.b.EVIL.example."), &got));
    OK(!mn_moderation_domain(m, MN_STR("notevil.example"), &got));
    OK(!mn_moderation_domain(m, MN_STR("example"), &got));
    OK(mn_moderation_domain_allowed(m, MN_STR("any.example")));
    RUN(mn_social_block_line_add(home.store, root, MN_LIST_DOMAIN_ALLOWS, MN_STR("ok.example"),
                                 &id, &e));
    OK(!mn_moderation_domain_allowed(m, MN_STR("any.example")));
    OK(mn_moderation_domain_allowed(m, MN_STR("OK.example")));
    RUN(mn_social_mod_delete(home.store, root, MN_TABLE_DOMAIN_ALLOWS, id, &e));
    OK(mn_moderation_domain_allowed(m, MN_STR("any.example")));
    static const char *const bad[] = {"",      "localhost", "a..b", ".a.b",
                                      "a b.c", "-a.b",      "a-.b", "b\303\274cher.example",
                                      "a.b/c", "a.b:80"};
    char out[MN_DOMAIN_MAX + 1];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mn_moderation__domain(mn_str_from(bad[i]), out, &e) == MN_OK)
            fail_msg("'%s' passed as a domain", bad[i]);
}

static void an_e_mail_address_is_the_same_whatever_its_dots_and_plus(void **state)
{
    (void)state;
    char a[65], b[65];
    uint64_t id;
    mn_email_hash(MN_STR("Me.Too+x@Example.com"), a);
    mn_email_hash(MN_STR("metoo@example.com"), b);
    assert_string_equal(a, b);
    mn_email_hash(MN_STR("metoo@example.org"), b);
    OK(strcmp(a, b) != 0);
    RUN(mn_social_block_line_add(home.store, root, MN_LIST_EMAIL_HASHES,
                                 MN_STR("m.e.too@example.com"), &id, &e));
    RUN(mn_social_block_line_add(home.store, root, MN_LIST_EMAIL_DOMAINS,
                                 MN_STR("spam.example"), &id, &e));
    OK(mn_moderation_email_blocked(m, MN_STR("MeToo+1@example.com")));
    OK(!mn_moderation_email_blocked(m, MN_STR("you@example.com")));
    OK(mn_moderation_email_blocked(m, MN_STR("you@mail.spam.example")));
    OK(!mn_moderation_email_blocked(m, MN_STR("you@notspam.example")));
    OK(!mn_moderation_email_blocked(m, MN_STR("nonsense")));
}

/* ---- words --------------------------------------------------------------------------------------------------------------- */

static bool fits(mn_word_kind kind, const char *pattern, const char *text)
{
    mn_word *w = NULL;
    mn_word_filter f = {.pattern = mn_str_from(pattern), .kind = kind};
    RUN(mn_moderation__word_new(&f, &w, &e));
    bool yes = mn_moderation__word_fits(w, mn_str_from(text));
    mn_moderation__word_free(w);
    return yes;
}

static void phrases_are_whole_words_whatever_their_case(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool yes;
    } rows[] = {
        {"ass", "What an ASS!", true},
        {"ass", "the class", false},
        {"buy now", "BUY\n  now, quick", true},
        {"buy now", "buy nowhere", false},
        {"a.b", "a.b", true},
        {"a.b", "axb", false},
        {"$$$", "win $$$ today", true},
        {"caf\xc3\xa9", "CAF\xc3\x89", true},
        {"caf\xc3\xa9", "caf\xc3\xa9s", false},
        {"\xe5\x9e\x83\xe5\x9c\xbe", "\xe8\xbf\x99\xe5\x9e\x83\xe5\x9c\xbe\xe5\xad\x97", true},
        {"\\E(", "a \\E( b", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(MN_WORD_PHRASE, rows[i].pattern, rows[i].text) != rows[i].yes)
            fail_msg("'%s' in '%s'", rows[i].pattern, rows[i].text);
}

static void links_are_known_by_their_host(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool yes;
    } rows[] = {
        {"see https://evil.example/x", true},
        {"see https://www.Evil.Example:8080?x", true},
        {"see https://me@evil.example", true},
        {"see https://notevil.example", false},
        {"see https://good.example/evil.example", false},
        {"see https://good.example/?u=https://evil.example", false},
        {"evil.example without a scheme", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(MN_WORD_LINK, "evil.example", rows[i].text) != rows[i].yes)
            fail_msg("'%s'", rows[i].text);
}

static void a_pattern_that_is_none_says_where(void **state)
{
    (void)state;
    mn_word *w = NULL;
    mn_word_filter f = {.pattern = MN_STR("a(b"), .kind = MN_WORD_PATTERN};
    FAILS(MN_E_USAGE, mn_moderation__word_new(&f, &w, &e));
    OK(strstr(e.msg, "at character 4"));
    f.pattern = MN_STR("");
    FAILS(MN_E_USAGE, mn_moderation__word_new(&f, &w, &e));
    f = (mn_word_filter){.pattern = MN_STR("no domain"), .kind = MN_WORD_LINK};
    FAILS(MN_E_USAGE, mn_moderation__word_new(&f, &w, &e));
}

static void a_catastrophe_of_a_pattern_ends_soon(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 2] = '!';
    text[sizeof text - 1] = 0;
    int64_t began = mn_mono_us();
    OK(!fits(MN_WORD_PATTERN, "^(a|aa)+$", text));
    OK(!fits(MN_WORD_PATTERN, "(x+x+)+y", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    OK(mn_mono_us() - began < 2000000);
}

/* ---- who may act on whom ---------------------------------------------------------------------------------------------------- */

static void the_table_of_who_may_act_on_whom(void **state)
{
    (void)state;
    uint64_t by_role[3] = {account("amember", MN_ROLE_MEMBER),
                           account("amod", MN_ROLE_MODERATOR),
                           account("anoperator", MN_ROLE_OPERATOR)};
    uint64_t target[3] = {account("bmember", MN_ROLE_MEMBER),
                          account("bmod", MN_ROLE_MODERATOR),
                          account("boperator", MN_ROLE_OPERATOR)};
    static const bool may[3][3] = {/* target: member, moderator, operator */
                                   {false, false, false},
                                   {true, false, false},
                                   {true, true, false}};
    for (int b = 0; b < 3; b++)
        for (int t = 0; t < 3; t++) {
            mn_moderated x;
            mn_actor by = {.account_id = by_role[b], .role = (mn_account_role)b};
            mn_rc rc = mn_moderation__target(home.store, by, target[t], &ar, &x, &e);
            if (rc != (may[b][t] ? MN_OK : MN_E_DENIED)) fail_msg("%d on %d: %d", b, t, rc);
            rc = mn_moderation__target(home.store, by, by_role[b], &ar, &x, &e);
            if (rc != MN_E_DENIED) fail_msg("%d on themselves: %d", b, rc);
        }
    mn_moderated x;
    RUN(mn_moderation__target(home.store, root, target[2], &ar, &x, &e)); /* the command line */
    FAILS(MN_E_NOT_FOUND, mn_moderation__target(home.store, root, 999, &ar, &x, &e));
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------------------ */

static mn_moderated now_of(uint64_t id)
{
    mn_moderated x;
    RUN(mn_store_moderated(home.store, id, &ar, &x, &e));
    return x;
}

static uint64_t act(mn_actor by, uint64_t target, mn_strike_action what)
{
    uint64_t strike = 0;
    mn_act a = {.action = what, .text = MN_STR("")};
    RUN(mn_social_moderate(home.store, by, target, &a, &strike, &e));
    return strike;
}

static void a_suspension_is_purged_after_thirty_days_unless_it_was_undone(void **state)
{
    (void)state;
    size_t n = 0;
    int64_t t = 1700000000000, day = 86400000;
    uint64_t a = account("eve", MN_ROLE_MEMBER), b = account("mallory", MN_ROLE_MEMBER);
    mn_now_freeze(t);
    act(root, a, MN_STRIKE_SUSPEND);
    act(root, b, MN_STRIKE_SUSPEND);
    RUN(mn_social_suspended_purge(home.store, t + 30 * day, &n, &e));
    OK(n == 0);
    RUN(mn_social_moderate_undo(home.store, root, b, MN_UNDO_SUSPEND, &e));
    OK(now_of(b).state == MN_ACCOUNT_ACTIVE && now_of(b).suspended_ms == 0);
    RUN(mn_social_suspended_purge(home.store, t + 31 * day, &n, &e));
    OK(n == 1 && now_of(a).suspended_ms == 0);
    RUN(mn_social_suspended_purge(home.store, t + 31 * day, &n, &e));
    OK(n == 0); /* it is in the queue once */
    mn_tx *tx;
    mn_job job;
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_job_take(tx, MN_STR("erase"), 1000, &ar, &job, &e));
    RUN(mn_store_commit(tx, &e));
}

static void an_appeal_takes_back_what_no_later_strike_did_again(void **state)
{
    (void)state;
    uint64_t eve = account("eve", MN_ROLE_MEMBER);
    mn_now_freeze(1700000000000);
    uint64_t first = act(root, eve, MN_STRIKE_SILENCE);
    RUN(mn_social_moderate_undo(home.store, root, eve, MN_UNDO_SILENCE, &e));
    uint64_t second = act(root, eve, MN_STRIKE_SILENCE);
    RUN(mn_social_appeal(home.store, eve, first, MN_STR("no"), &e));
    RUN(mn_social_appeal_decide(home.store, root, first, true, &e));
    OK(now_of(eve).silenced_ms != 0); /* the second one stands */
    RUN(mn_social_appeal(home.store, eve, second, MN_STR("no"), &e));
    RUN(mn_social_appeal_decide(home.store, root, second, true, &e));
    OK(now_of(eve).silenced_ms == 0);
}

static void an_appeal_comes_in_time_and_from_the_right_one(void **state)
{
    (void)state;
    int64_t t = 1700000000000, day = 86400000;
    uint64_t eve = account("eve", MN_ROLE_MEMBER), bob = account("bob", MN_ROLE_MEMBER);
    mn_now_freeze(t);
    uint64_t k = act(root, eve, MN_STRIKE_NONE);
    FAILS(MN_E_NOT_FOUND, mn_social_appeal(home.store, bob, k, MN_STR("x"), &e));
    FAILS(MN_E_LIMIT, mn_social_appeal(home.store, eve, k, MN_STR(""), &e));
    mn_now_freeze(t + 21 * day);
    FAILS(MN_E_DENIED, mn_social_appeal(home.store, eve, k, MN_STR("x"), &e));
    mn_now_freeze(t + 19 * day);
    RUN(mn_social_appeal(home.store, eve, k, MN_STR("x"), &e));
    FAILS(MN_E_EXISTS, mn_social_appeal(home.store, eve, k, MN_STR("x"), &e));
    mn_actor member = {.account_id = bob, .role = MN_ROLE_MEMBER};
    FAILS(MN_E_DENIED, mn_social_appeal_decide(home.store, member, k, true, &e));
}

static void rules_change_at_once_and_texts_meet_them(void **state)
{
    (void)state;
    uint64_t id;
    mn_text_verdict v;
    mn_text_ask ask = {.texts = {MN_STR("a bad word"), MN_STR("")}, .n_texts = 2, .links = 3};
    mn_word_filter f = {.pattern = MN_STR("bad word"),
                        .kind = MN_WORD_PHRASE,
                        .action = MN_WORD_REPORT,
                        .comment = MN_STR("")};
    RUN(mn_moderation_text(m, &ask, &v, &e));
    OK(!v.report && !v.sensitive && v.filter_id == 0);
    RUN(mn_social_word_filter_put(home.store, root, &f, &id, &e));
    RUN(mn_moderation_text(m, &ask, &v, &e));
    OK(v.report && !v.sensitive && v.filter_id == id);
    f.id = id;
    f.action = MN_WORD_REJECT;
    RUN(mn_social_word_filter_put(home.store, root, &f, &id, &e));
    FAILS(MN_E_DENIED, mn_moderation_text(m, &ask, &v, &e));
    RUN(mn_social_mod_delete(home.store, root, MN_TABLE_WORD_FILTERS, id, &e));
    RUN(mn_moderation_text(m, &ask, &v, &e));
    ask.most_links = 2;
    FAILS(MN_E_DENIED, mn_moderation_text(m, &ask, &v, &e));
    ask.most_links = 3;
    RUN(mn_moderation_text(m, &ask, &v, &e));
    mn_actor mod = {.account_id = 5, .role = MN_ROLE_MODERATOR};
    f.id = 0;
    FAILS(MN_E_DENIED, mn_social_word_filter_put(home.store, mod, &f, &id, &e));
}

static void a_name_that_is_none_is_answered_with_those_there_are(void **state)
{
    (void)state;
    int k = -1;
    RUN(mn_name_parse(&mn_strike_names, "type", MN_STR("silence"), &k, &e));
    OK(k == MN_STRIKE_SILENCE);
    FAILS(MN_E_USAGE, mn_name_parse(&mn_strike_names, "type", MN_STR("ban"), &k, &e));
    OK(strstr(e.msg, "none, disable, mark_statuses_as_sensitive"));
    OK(mn_strike_names.n == MN_STRIKES);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(addresses_are_brought_into_one_form),
        CASE(the_most_severe_block_of_an_address_counts_until_it_expires),
        CASE(a_domains_block_covers_those_below_it),
        CASE(an_e_mail_address_is_the_same_whatever_its_dots_and_plus),
        CASE(phrases_are_whole_words_whatever_their_case),
        CASE(links_are_known_by_their_host),
        CASE(a_pattern_that_is_none_says_where),
        CASE(a_catastrophe_of_a_pattern_ends_soon),
        CASE(the_table_of_who_may_act_on_whom),
        CASE(a_suspension_is_purged_after_thirty_days_unless_it_was_undone),
        CASE(an_appeal_takes_back_what_no_later_strike_did_again),
        CASE(an_appeal_comes_in_time_and_from_the_right_one),
        CASE(rules_change_at_once_and_texts_meet_them),
        CASE(a_name_that_is_none_is_answered_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
