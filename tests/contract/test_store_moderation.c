/* What every back end of the store must do for moderation: rules, blocks, reports, strikes, appeals, announcements, readings. */
#include "contract/store.h"

#include "base/snowflake.h"
#include "store/access.h"
#include "store/moderation.h"

static mn_page_ids page(size_t limit)
{
    return (mn_page_ids){.limit = limit};
}

static void sign_up_row(uint64_t id, bool approved, const char *email)
{
    mn_credentials c = {.account_id = id,
                        .approved = approved,
                        .email = mn_str_from(email),
                        .reason = MN_STR("let me in"),
                        .sign_up_ip = MN_STR("192.0.2.9"),
                        .locale = MN_STR("it")};
    TX(mn_store_credentials_add(tx, &c, &e));
}

static void rules_stand_in_their_order(void **state)
{
    (void)state;
    mn_rule *r, a = {.id = 5, .place = 2, .text = MN_STR("Be kind"), .hint = MN_STR("really")},
                b = {.id = 6, .place = 1, .text = MN_STR("No spam"), .hint = MN_STR("")};
    size_t n = 0;
    TX(mn_store_rule_put(tx, &a, &e));
    TX(mn_store_rule_put(tx, &b, &e));
    RUN(mn_store_rules(s, &ar, &r, &n, &e));
    OK(n == 2 && r[0].id == 6 && r[1].id == 5);
    a.place = 0;
    TX(mn_store_rule_put(tx, &a, &e));
    RUN(mn_store_rules(s, &ar, &r, &n, &e));
    OK(n == 2 && r[0].id == 5 && mn_str_eqz(r[0].hint, "really"));
    TX(mn_store_rule_delete(tx, 5, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_rule_delete(tx, 5, &e));
}

static void a_blocked_domain_is_blocked_once_and_can_be_changed(void **state)
{
    (void)state;
    mn_domain_block *l, got,
        b = {.id = 9,
             .domain = MN_STR("bad.example"),
             .severity = MN_BLOCK_SILENCE,
             .reject_media = true,
             .private_comment = MN_STR("spam"),
             .public_comment = MN_STR(""),
             .at_ms = 7};
    size_t n = 0;
    mn_page_ids p = page(10);
    TX(mn_store_domain_block_put(tx, &b, false, &e));
    b.id = 10;
    TX_FAILS(MN_E_EXISTS, mn_store_domain_block_put(tx, &b, false, &e));
    b.id = 9;
    b.severity = MN_BLOCK_SUSPEND;
    b.reject_media = false;
    TX(mn_store_domain_block_put(tx, &b, true, &e));
    RUN(mn_store_domain_block(s, 9, &ar, &got, &e));
    OK(got.severity == MN_BLOCK_SUSPEND && !got.reject_media && got.at_ms == 7);
    IS(got.domain, "bad.example");
    RUN(mn_store_domain_blocks(s, &p, &ar, &l, &n, &e));
    OK(n == 1);
    TX(mn_store_mod_delete(tx, MN_TABLE_DOMAIN_BLOCKS, 9, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_domain_block(s, 9, &ar, &got, &e));
}

static void pages_go_down_and_up_by_id(void **state)
{
    (void)state;
    mn_block_line *l;
    size_t n = 0;
    for (uint64_t id = 1; id <= 9; id++) {
        char name[32];
        snprintf(name, sizeof name, "d%llu.example", (unsigned long long)id);
        mn_block_line b = {id, mn_str_from(name), (int64_t)id};
        TX(mn_store_block_line_add(tx, MN_LIST_DOMAIN_ALLOWS, &b, &e));
    }
    mn_page_ids p = {.max_id = 8, .since_id = 3, .limit = 3};
    RUN(mn_store_block_lines(s, MN_LIST_DOMAIN_ALLOWS, &p, &ar, &l, &n, &e));
    OK(n == 3 && l[0].id == 7 && l[2].id == 5);
    p = (mn_page_ids){.min_id = 3, .limit = 3};
    RUN(mn_store_block_lines(s, MN_LIST_DOMAIN_ALLOWS, &p, &ar, &l, &n, &e));
    OK(n == 3 && l[0].id == 6 && l[2].id == 4); /* the page right above, newest first */
    p = (mn_page_ids){.limit = 1001};
    FAILS(MN_E_LIMIT, mn_store_block_lines(s, MN_LIST_DOMAIN_ALLOWS, &p, &ar, &l, &n, &e));
}

static void a_report_comes_back_with_its_posts_and_rules(void **state)
{
    (void)state;
    uint64_t posts[] = {31, 30}, rules[] = {4};
    mn_report *l, got,
        r = {.id = 100,
             .account_id = 1,
             .target_id = 2,
             .category = MN_REPORT_VIOLATION,
             .comment = MN_STR("look"),
             .created_ms = 5,
             .posts = posts,
             .n_posts = 2,
             .rules = rules,
             .n_rules = 1};
    size_t n = 0;
    mn_page_ids p = page(10);
    mn_report_filter open = {0}, done = {.resolved = true}, of = {.any = true, .target_id = 3};
    TX(mn_store_report_add(tx, &r, &e));
    RUN(mn_store_report(s, 100, &ar, &got, &e));
    OK(got.n_posts == 2 && got.posts[0] == 30 && got.n_rules == 1 && got.rules[0] == 4);
    RUN(mn_store_reports(s, &open, &p, &ar, &l, &n, &e));
    OK(n == 1 && l[0].n_posts == 2);
    TX(mn_store_reports_close(tx, 2, 7, 50, &e));
    RUN(mn_store_reports(s, &open, &p, &ar, &l, &n, &e));
    OK(n == 0);
    RUN(mn_store_reports(s, &done, &p, &ar, &l, &n, &e));
    OK(n == 1 && l[0].done_by == 7 && l[0].done_ms == 50);
    RUN(mn_store_reports(s, &of, &p, &ar, &l, &n, &e));
    OK(n == 0);
}

static void a_strike_is_appealed_once_and_decided_once(void **state)
{
    (void)state;
    uint64_t posts[] = {5, 6};
    mn_strike *l, got,
        k = {.id = 20,
             .target_id = 2,
             .account_id = 1,
             .action = MN_STRIKE_SILENCE,
             .text = MN_STR("why"),
             .posts = posts,
             .n_posts = 2,
             .at_ms = 3};
    size_t n = 0;
    mn_page_ids p = page(10);
    TX(mn_store_strike_add(tx, &k, &e));
    RUN(mn_store_strikes(s, 0, true, &p, &ar, &l, &n, &e));
    OK(n == 0);
    TX(mn_store_appeal_add(tx, 21, 20, 2, MN_STR("but"), 4, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_appeal_add(tx, 22, 20, 2, MN_STR("again"), 5, &e));
    RUN(mn_store_strikes(s, 2, true, &p, &ar, &l, &n, &e));
    OK(n == 1 && l[0].appeal_id == 21 && mn_str_eqz(l[0].appeal, "but"));
    TX(mn_store_appeal_decide(tx, 20, 9, true, 6, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_appeal_decide(tx, 20, 9, false, 7, &e));
    RUN(mn_store_strike(s, 20, &ar, &got, &e));
    OK(got.granted && got.overruled_ms == 6 && got.decided_by == 9 && got.n_posts == 2 &&
       got.posts[1] == 6);
}

static void a_suspension_gives_posts_a_new_rev_and_back(void **state)
{
    (void)state;
    mn_moderated m;
    add_account(1, "bob");
    add_post(10, 1, "hello", 0);
    uint64_t rev = get(10).rev;
    mn_measures x = {.state = MN_ACCOUNT_SUSPENDED, .suspended_ms = 1000, .silenced_ms = 5};
    TX(mn_store_account_measures_set(tx, 1, &x, &e));
    OK(get(10).rev > rev && get(10).account_state == MN_ACCOUNT_SUSPENDED);
    uint64_t *ids;
    size_t n = 0;
    RUN(mn_store_suspended_since(s, 1001, 0, 10, &ar, &ids, &n, &e));
    OK(n == 1 && ids[0] == 1);
    RUN(mn_store_suspended_since(s, 1000, 0, 10, &ar, &ids, &n, &e));
    OK(n == 0);
    x = (mn_measures){.state = MN_ACCOUNT_ACTIVE, .silenced_ms = 5};
    TX(mn_store_account_measures_set(tx, 1, &x, &e));
    RUN(mn_store_moderated(s, 1, &ar, &m, &e));
    OK(m.state == MN_ACCOUNT_ACTIVE && m.silenced_ms == 5 && m.suspended_ms == 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_account_measures_set(tx, 99, &x, &e));
}

static size_t listed(mn_mod_filter f)
{
    mn_moderated *l;
    size_t n = 0;
    mn_page_ids p = page(50);
    RUN(mn_store_moderated_list(s, &f, &p, &ar, &l, &n, &e));
    return n;
}

static void accounts_are_found_by_state_name_mail_and_address(void **state)
{
    (void)state;
    mn_moderated m;
    add_account(1, "Alice_A");
    add_account(2, "bob");
    add_account(3, "carol");
    sign_up_row(2, false, "Bob@Example.org");
    mn_measures x = {.state = MN_ACCOUNT_SUSPENDED, .suspended_ms = 1};
    TX(mn_store_account_measures_set(tx, 3, &x, &e));
    TX(mn_store_account_role_set(tx, 1, MN_ROLE_MODERATOR, &e));
    OK(listed((mn_mod_filter){.role = -1}) == 3);
    OK(listed((mn_mod_filter){.role = -1, .status = MN_MOD_ACTIVE}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .status = MN_MOD_PENDING}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .status = MN_MOD_SUSPENDED}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .staff = true}) == 1);
    OK(listed((mn_mod_filter){.role = MN_ROLE_MEMBER}) == 2);
    OK(listed((mn_mod_filter){.role = -1, .username = MN_STR("LICE_")}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .username = MN_STR("%")}) == 0);
    OK(listed((mn_mod_filter){.role = -1, .email = MN_STR("example.ORG")}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .ip = MN_STR("192.0.2.9")}) == 1);
    OK(listed((mn_mod_filter){.role = -1, .remote = true}) == 0);
    RUN(mn_store_moderated(s, 2, &ar, &m, &e));
    OK(!m.approved && m.has_user && mn_str_eqz(m.locale, "it"));
    TX(mn_store_account_approve(tx, 2, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_account_approve(tx, 2, &e));
}

static void a_rejected_sign_up_leaves_its_name_free(void **state)
{
    (void)state;
    mn_moderated m;
    mn_seen_ip *ips;
    size_t n = 0;
    add_account(2, "bob");
    sign_up_row(2, false, "bob@example.org");
    RUN(mn_store_account_ips(s, 2, &ar, &ips, &n, &e));
    OK(n == 1 && mn_str_eqz(ips[0].ip, "192.0.2.9"));
    TX(mn_store_sign_up_drop(tx, 2, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_moderated(s, 2, &ar, &m, &e));
    add_account(3, "bob");
    sign_up_row(3, true, "bob@example.org");
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_sign_up_drop(tx, 3, &e)); /* approved: not to be dropped */
}

static void announcements_run_and_are_read_and_reacted_to(void **state)
{
    (void)state;
    mn_announcement *l,
        a = {.id = 1, .text = MN_STR("party"), .published_ms = 10, .updated_ms = 10},
        b = {.id = 2, .text = MN_STR("over"), .published_ms = 10, .ends_ms = 50},
        c = {.id = 3, .text = MN_STR("draft")};
    mn_reaction *r;
    size_t n = 0;
    TX(mn_store_announcement_put(tx, &a, false, &e));
    TX(mn_store_announcement_put(tx, &b, false, &e));
    TX(mn_store_announcement_put(tx, &c, false, &e));
    RUN(mn_store_announcements(s, 7, 100, &ar, &l, &n, &e));
    OK(n == 1 && l[0].id == 1 && !l[0].read);
    RUN(mn_store_announcements(s, 7, 0, &ar, &l, &n, &e));
    OK(n == 3);
    TX(mn_store_announcement_read(tx, 1, 7, &e));
    TX(mn_store_announcement_read(tx, 1, 7, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_announcement_read(tx, 99, 7, &e));
    RUN(mn_store_announcements(s, 7, 100, &ar, &l, &n, &e));
    OK(n == 1 && l[0].read);
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "r%d", i);
        TX(mn_store_reaction_add(tx, 1, mn_str_from(name), 7, &e));
    }
    TX_FAILS(MN_E_LIMIT, mn_store_reaction_add(tx, 1, MN_STR("r9"), 8, &e));
    TX(mn_store_reaction_add(tx, 1, MN_STR("r0"), 8, &e)); /* one that is there already */
    RUN(mn_store_reactions(s, 8, &ar, &r, &n, &e));
    OK(n == 8);
    for (size_t i = 0; i < n; i++)
        if (mn_str_eqz(r[i].name, "r0")) OK(r[i].n == 2 && r[i].me);
        else OK(r[i].n == 1 && !r[i].me);
    TX(mn_store_reaction_remove(tx, 1, MN_STR("r0"), 8, &e));
    TX(mn_store_announcement_delete(tx, 1, &e));
    RUN(mn_store_reactions(s, 8, &ar, &r, &n, &e));
    OK(n == 0);
}

static void readings_add_up_by_day(void **state)
{
    (void)state;
    uint64_t n = 9;
    RUN(mn_store_reading(s, MN_STR("a:1"), 5, &n, &e));
    OK(n == 0);
    TX(mn_store_reading_add(tx, MN_STR("a:1"), 5, 20, &e));
    TX(mn_store_reading_add(tx, MN_STR("a:1"), 5, 22, &e));
    TX(mn_store_reading_add(tx, MN_STR("a:1"), 6, 1, &e));
    RUN(mn_store_reading(s, MN_STR("a:1"), 5, &n, &e));
    OK(n == 42);
    TX(mn_store_readings_forget(tx, 6, &e));
    RUN(mn_store_reading(s, MN_STR("a:1"), 5, &n, &e));
    OK(n == 0);
    RUN(mn_store_reading(s, MN_STR("a:1"), 6, &n, &e));
    OK(n == 1);
}

static void the_audit_log_is_found_by_actor_and_target(void **state)
{
    (void)state;
    mn_audit *l;
    size_t n = 0;
    mn_page_ids p = page(10);
    add_account(1, "mod");
    for (uint64_t i = 1; i <= 3; i++) {
        mn_audit a = {.id = i,
                      .account_id = i == 3 ? 0 : 1,
                      .action = MN_STR("suspend"),
                      .target_kind = i == 1 ? MN_STR("account") : MN_STR("report"),
                      .target_id = 70 + i,
                      .detail = MN_STR(""),
                      .at_ms = (int64_t)i};
        TX(mn_store_audit_add(tx, &a, &e));
    }
    RUN(mn_store_audits(s, 0, MN_STR(""), 0, &p, &ar, &l, &n, &e));
    OK(n == 3 && l[0].id == 3 && l[0].account_name.len == 0);
    RUN(mn_store_audits(s, 1, MN_STR("report"), 0, &p, &ar, &l, &n, &e));
    OK(n == 1 && l[0].target_id == 72 && mn_str_eqz(l[0].account_name, "mod"));
}

static void what_happened_in_a_time_is_counted(void **state)
{
    (void)state;
    uint64_t n = 0;
    mn_share *l;
    size_t k = 0;
    int64_t t = 1700000000000, day = 86400000;
    mn_account a = {.id = mn_snowflake_at(t, 1), .name = MN_STR("bob"), .created_ms = t};
    TX(mn_store_account_add(tx, &a, &e));
    sign_up_row(a.id, true, "");
    for (int i = 0; i < 3; i++) {
        mn_post p = post(mn_snowflake_at(t + i * day, (uint64_t)i), a.id, "x");
        p.lang = i ? MN_STR("en") : MN_STR("it");
        TX(mn_store_post_add(tx, &p, &e));
    }
    RUN(mn_store_measure(s, MN_MEASURE_POSTS, 0, t, t + 2 * day, &n, &e));
    OK(n == 2);
    RUN(mn_store_measure(s, MN_MEASURE_NEW_USERS, 0, t, t + 1, &n, &e));
    OK(n == 1);
    RUN(mn_store_measure(s, MN_MEASURE_ACTIVE_USERS, 0, 1, t, &n, &e));
    OK(n == 0); /* never seen */
    RUN(mn_store_dimension(s, MN_DIMENSION_LANGUAGES, 0, t, t + 9 * day, 5, &ar, &l, &k, &e));
    OK(k == 2 && mn_str_eqz(l[0].key, "en") && l[0].n == 2);
    mn_stayed *y;
    RUN(mn_store_stayed(s, t - day, t + day, &ar, &y, &k, &e));
    OK(k == 1 && y[0].made_day == t / day && y[0].seen_day == 0 && y[0].n == 1);
    mn_measure all[] = {MN_MEASURE_INTERACTIONS, MN_MEASURE_REPORTS_OPENED,
                        MN_MEASURE_REPORTS_RESOLVED, MN_MEASURE_TAG_USES,
                        MN_MEASURE_TAG_ACCOUNTS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        RUN(mn_store_measure(s, all[i], 1, t, t + day, &n, &e));
        OK(n == 0);
    }
    RUN(mn_store_dimension(s, MN_DIMENSION_TAG_LANGUAGES, 1, t, t + day, 5, &ar, &l, &k, &e));
    OK(k == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rules_stand_in_their_order),
        CASE(a_blocked_domain_is_blocked_once_and_can_be_changed),
        CASE(pages_go_down_and_up_by_id),
        CASE(a_report_comes_back_with_its_posts_and_rules),
        CASE(a_strike_is_appealed_once_and_decided_once),
        CASE(a_suspension_gives_posts_a_new_rev_and_back),
        CASE(accounts_are_found_by_state_name_mail_and_address),
        CASE(a_rejected_sign_up_leaves_its_name_free),
        CASE(announcements_run_and_are_read_and_reacted_to),
        CASE(readings_add_up_by_day),
        CASE(the_audit_log_is_found_by_actor_and_target),
        CASE(what_happened_in_a_time_is_counted),
    };
    RUN_ON_ALL(tests);
}
