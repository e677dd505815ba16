/* Notifications in the store: once only, pages, groups, requests, policies. */
#include "contract/store.h"

#include "store/notifications.h"

static void people(void)
{
    add_account(1, "me");
    for (uint64_t id = 2; id <= 20; id++) {
        char name[8];
        snprintf(name, sizeof name, "p%llu", (unsigned long long)id);
        add_account(id, name);
    }
    add_post(100, 1, "mine", 0);
    add_post(101, 1, "mine too", 0);
}

/* From somebody to account 1, at the next id. */
static uint64_t next_id;
static uint64_t give(mn_notice_kind kind, uint64_t from, uint64_t post, const char *key,
                     bool filtered)
{
    uint64_t id = 0;
    mn_notification n = {.id = ++next_id,
                         .account_id = 1,
                         .kind = kind,
                         .from_id = from,
                         .post_id = post,
                         .at_ms = (int64_t)next_id * 10,
                         .group_key = mn_str_from(key),
                         .filtered = filtered};
    TX(mn_store_notification_add(tx, &n, &id, &e));
    return id;
}

static uint64_t favourite(uint64_t from)
{
    return give(MN_NOTICE_FAVOURITE, from, 100, "favourite-100-7", false);
}

static size_t list(mn_notification_query q, mn_notification **ret)
{
    size_t n = 0;
    q.account = 1;
    if (!q.page.limit) q.page.limit = 40;
    RUN(mn_store_notifications(s, &q, &ar, ret, &n, &e));
    return n;
}

static void start(void)
{
    next_id = 1000;
    people();
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void every_kind_has_its_name(void **state)
{
    (void)state;
    for (int k = 1; k < MN_NOTICE_KINDS; k++) {
        OK(mn_notice_name((mn_notice_kind)k) != NULL);
        OK(mn_notice_parse(mn_str_from(mn_notice_name((mn_notice_kind)k))) ==
           (mn_notice_kind)k);
    }
    OK(mn_notice_parse(MN_STR("poke")) == 0 && mn_notice_name(0) == NULL);
    OK(mn_notice_name(MN_NOTICE_KINDS) == NULL);
}

static void the_same_is_told_once(void **state)
{
    (void)state;
    mn_notification *l;
    start();
    favourite(2);
    mn_notification again = {
        .account_id = 1, .kind = MN_NOTICE_FAVOURITE, .from_id = 2, .post_id = 100, .at_ms = 1};
    TX_FAILS(MN_E_EXISTS, mn_store_notification_add(tx, &again, NULL, &e));
    again.post_id = 101;
    TX(mn_store_notification_add(tx, &again, NULL, &e));
    OK(list((mn_notification_query){0}, &l) == 2);
    /* of edits the newest counts */
    give(MN_NOTICE_UPDATE, 3, 100, "", false);
    uint64_t second = give(MN_NOTICE_UPDATE, 3, 100, "", false);
    OK(list((mn_notification_query){.kinds = MN_NOTICE_BIT(MN_NOTICE_UPDATE)}, &l) == 1);
    OK(l[0].id == second);
}

static void what_is_undone_is_told_no_more(void **state)
{
    (void)state;
    mn_notification *l;
    start();
    favourite(2);
    favourite(3);
    TX(mn_store_notifications_undo(tx, 1, MN_NOTICE_FAVOURITE, 2, 100, &e));
    OK(list((mn_notification_query){0}, &l) == 1 && l[0].from_id == 3);
    TX(mn_store_notifications_post_gone(tx, 100, &e));
    OK(list((mn_notification_query){0}, &l) == 0);
}

static void a_deleted_post_takes_its_notifications_along(void **state)
{
    (void)state;
    mn_notification *l;
    start();
    favourite(2);
    give(MN_NOTICE_FOLLOW, 2, 0, "follow-1", false);
    TX(mn_store_post_delete(tx, 100, 5, &e));
    OK(list((mn_notification_query){0}, &l) == 1 && l[0].kind == MN_NOTICE_FOLLOW);
}

static void lists_go_by_pages_kinds_and_senders(void **state)
{
    (void)state;
    mn_notification *l;
    uint64_t ids[10];
    start();
    for (uint64_t i = 0; i < 10; i++)
        ids[i] = give(i % 2 ? MN_NOTICE_MENTION : MN_NOTICE_FAVOURITE, 2 + i, 100, "", i == 9);
    OK(list((mn_notification_query){0}, &l) == 9 && l[0].id == ids[8] && l[8].id == ids[0]);
    OK(list((mn_notification_query){.include_filtered = true}, &l) == 10 && l[0].id == ids[9]);
    OK(list((mn_notification_query){.kinds = MN_NOTICE_BIT(MN_NOTICE_MENTION)}, &l) == 4);
    OK(list((mn_notification_query){.from = 5}, &l) == 1 && l[0].id == ids[3]);
    OK(list((mn_notification_query){.from = 11}, &l) == 1 && l[0].filtered);
    OK(list((mn_notification_query){.page = {.before = ids[8], .limit = 2}}, &l) == 2);
    OK(l[0].id == ids[7] && l[1].id == ids[6]);
    OK(list((mn_notification_query){.page = {.after = ids[2], .limit = 2}}, &l) == 2);
    OK(l[0].id == ids[4] && l[1].id == ids[3]);
    OK(list((mn_notification_query){.page = {.since = ids[6], .limit = 9}}, &l) == 2);
    OK(list((mn_notification_query){.include_filtered = true,
                                    .page = {.after = ids[7], .limit = 9}},
            &l) == 2);
    OK(l[0].id == ids[9] && l[1].id == ids[8]);
    uint64_t n = 0;
    mn_notification_query q = {.account = 1, .page = {.since = ids[3]}};
    RUN(mn_store_notifications_count(s, &q, 100, &n, &e));
    assert_int_equal(n, 5);
    RUN(mn_store_notifications_count(s, &q, 2, &n, &e));
    assert_int_equal(n, 2);
}

static void the_suspended_are_not_heard(void **state)
{
    (void)state;
    mn_notification *l, one;
    start();
    uint64_t id = favourite(2);
    mn_account a = {0};
    RUN(mn_store_account_by_id(s, 2, &ar, &a, &e));
    a.state = MN_ACCOUNT_SUSPENDED;
    TX(mn_store_account_update(tx, &a, &e));
    OK(list((mn_notification_query){0}, &l) == 0);
    FAILS(MN_E_NOT_FOUND, mn_store_notification(s, 1, id, &ar, &one, &e));
    a.state = MN_ACCOUNT_ACTIVE;
    TX(mn_store_account_update(tx, &a, &e));
    OK(list((mn_notification_query){0}, &l) == 1);
    FAILS(MN_E_NOT_FOUND, mn_store_notification(s, 2, id, &ar, &one, &e)); /* not theirs */
    RUN(mn_store_notification(s, 1, id, &ar, &one, &e));
    bool was = true;
    TX(mn_store_notification_remove(tx, 2, id, &was, &e));
    OK(!was);
    TX(mn_store_notification_remove(tx, 1, id, &was, &e));
    OK(was);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static size_t groups(mn_bounds page, mn_notice_set grouped, mn_notification_group **ret)
{
    size_t n = 0;
    mn_notification_query q = {.account = 1, .page = page};
    if (!q.page.limit) q.page.limit = 40;
    RUN(mn_store_notification_groups(s, &q, grouped, &ar, ret, &n, &e));
    return n;
}

static void notifications_with_one_key_are_one_group(void **state)
{
    (void)state;
    mn_notification_group *g;
    start();
    uint64_t first = favourite(2);
    for (uint64_t from = 3; from <= 12; from++) favourite(from);
    uint64_t mention = give(MN_NOTICE_MENTION, 2, 101, "", false);
    uint64_t last = favourite(13);
    OK(groups((mn_bounds){0}, 0, &g) == 2);
    OK(g[0].newest.id == last && g[0].n == 12 && g[0].n_sample == MN_GROUP_SAMPLE);
    OK(g[0].sample[0] == 13 && g[0].sample[7] == 6);
    OK(g[0].page_max_id == last && g[0].page_min_id == first &&
       g[0].page_at_ms == (int64_t)last * 10);
    IS(g[0].newest.group_key, "favourite-100-7");
    OK(g[1].newest.id == mention && g[1].n == 1 && g[1].newest.group_key.len == 0);
    /* asked for one by one */
    OK(groups((mn_bounds){0}, MN_NOTICE_BIT(MN_NOTICE_REBLOG), &g) == 13);
    OK(g[0].n == 1 && g[0].newest.id == last);
}

static void a_page_of_groups_knows_what_it_covers(void **state)
{
    (void)state;
    mn_notification_group *g;
    start();
    uint64_t a = favourite(2);
    uint64_t m1 = give(MN_NOTICE_MENTION, 2, 101, "", false);
    uint64_t b = favourite(3);
    uint64_t m2 = give(MN_NOTICE_MENTION, 3, 101, "", false);
    uint64_t c = favourite(4);
    OK(groups((mn_bounds){.limit = 2}, 0, &g) == 2);
    OK(g[0].newest.id == c && g[0].n == 3 && g[1].newest.id == m2);
    OK(g[0].page_max_id == c && g[0].page_min_id == c); /* b and a lie below the page */
    OK(groups((mn_bounds){.before = m2, .limit = 2}, 0, &g) == 2);
    OK(g[0].newest.id == b && g[0].n == 2 && g[0].page_min_id == b && g[1].newest.id == m1);
    OK(groups((mn_bounds){.before = m1, .limit = 2}, 0, &g) == 1);
    OK(g[0].newest.id == a && g[0].n == 1);
    /* upwards: the page right above */
    OK(groups((mn_bounds){.after = a, .limit = 2}, 0, &g) == 2);
    OK(g[0].newest.id == b && g[1].newest.id == m1);
    uint64_t n = 0;
    mn_notification_query q = {.account = 1, .page = {.since = m1}};
    RUN(mn_store_notification_groups_count(s, &q, 0, 100, &n, &e));
    assert_int_equal(n, 2);
}

static void a_group_that_many_add_to_does_not_hide_what_is_below(void **state)
{
    (void)state;
    mn_notification_group *g;
    mn_tx *tx;
    start();
    uint64_t below = give(MN_NOTICE_MENTION, 2, 101, "", false);
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t i = 0; i < 3000; i++) {
        mn_notification n = {.id = ++next_id,
                             .account_id = 1,
                             .kind = MN_NOTICE_FOLLOW,
                             .from_id = 2 + i % 18,
                             .other_id = i, /* as if they were different people */
                             .at_ms = 1,
                             .group_key = MN_STR("follow-1")};
        RUN(mn_store_notification_add(tx, &n, NULL, &e));
    }
    RUN(mn_store_commit(tx, &e));
    OK(groups((mn_bounds){.limit = 2}, 0, &g) == 2);
    OK(g[0].n == 3000 && g[1].newest.id == below);
}

static void a_group_is_found_by_its_key(void **state)
{
    (void)state;
    mn_notification_group g;
    mn_rel_row *rows = NULL;
    mn_notification *l;
    char key[40];
    size_t n = 0;
    start();
    favourite(2);
    favourite(3);
    uint64_t m = give(MN_NOTICE_MENTION, 4, 101, "", false);
    RUN(mn_store_notification_group(s, 1, MN_STR("favourite-100-7"), &ar, &g, &e));
    OK(g.n == 2 && g.sample[0] == 3);
    FAILS(MN_E_NOT_FOUND,
          mn_store_notification_group(s, 2, MN_STR("favourite-100-7"), &ar, &g, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_notification_group(s, 1, MN_STR(""), &ar, &g, &e));
    FAILS(MN_E_NOT_FOUND,
          mn_store_notification_group(s, 1, MN_STR("ungrouped-x"), &ar, &g, &e));
    snprintf(key, sizeof key, "ungrouped-%llu", (unsigned long long)m);
    RUN(mn_store_notification_group(s, 1, mn_str_from(key), &ar, &g, &e));
    OK(g.n == 1 && g.newest.id == m);
    RUN(mn_store_notification_group_people(s, 1, MN_STR("favourite-100-7"),
                                           (mn_bounds){.limit = 9}, &ar, &rows, &n, &e));
    OK(n == 2 && rows[0].account_id == 3);
    RUN(mn_store_notification_group_people(s, 1, mn_str_from(key), (mn_bounds){.limit = 9}, &ar,
                                           &rows, &n, &e));
    OK(n == 1 && rows[0].account_id == 4);
    TX(mn_store_notification_group_remove(tx, 2, MN_STR("favourite-100-7"), &e));
    OK(list((mn_notification_query){0}, &l) == 3);
    TX(mn_store_notification_group_remove(tx, 1, MN_STR("favourite-100-7"), &e));
    TX(mn_store_notification_group_remove(tx, 1, mn_str_from(key), &e));
    OK(list((mn_notification_query){0}, &l) == 0);
}

static void the_key_of_the_newest_of_a_kind_is_known(void **state)
{
    (void)state;
    mn_str key = MN_STR("?");
    start();
    TX(mn_store_notification_key(tx, 1, MN_NOTICE_FAVOURITE, 100, &ar, &key, &e));
    IS(key, "");
    favourite(2);
    give(MN_NOTICE_FAVOURITE, 3, 100, "favourite-100-20", false);
    TX(mn_store_notification_key(tx, 1, MN_NOTICE_FAVOURITE, 100, &ar, &key, &e));
    IS(key, "favourite-100-20");
    TX(mn_store_notification_key(tx, 1, MN_NOTICE_FAVOURITE, 101, &ar, &key, &e));
    IS(key, "");
}

/* ---- requests, policy -------------------------------------------------------------------------------------------- */

static void set_aside(uint64_t from, uint64_t post)
{
    give(MN_NOTICE_MENTION, from, post, "", true);
    TX(mn_store_notification_request_note(tx, 1, from, post, 50, &e));
}

static mn_notification_request *requests(size_t *n)
{
    mn_notification_request *r = NULL;
    RUN(mn_store_notification_requests(s, 1, (mn_bounds){.limit = 9}, &ar, &r, n, &e));
    return r;
}

static void senders_set_aside_wait_in_requests(void **state)
{
    (void)state;
    size_t n = 0;
    uint64_t a = 0, b = 0;
    bool permitted = true;
    mn_notification *l;
    start();
    add_post(200, 2, "hi", 0);
    add_post(201, 2, "hi again", 0);
    set_aside(2, 200);
    set_aside(2, 201);
    set_aside(3, 101);
    mn_notification_request *r = requests(&n);
    OK(n == 2 && r[0].from_id == 3 && r[1].from_id == 2 && r[1].n == 2);
    OK(r[1].last_post_id == 201);
    RUN(mn_store_notification_requests_count(s, 1, &a, &b, &e));
    OK(a == 2 && b == 3);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_notification_request_end(tx, 2, r[1].id, true, &e));
    TX(mn_store_notification_request_end(tx, 1, r[1].id, true, &e));
    OK(list((mn_notification_query){0}, &l) == 2 && l[0].from_id == 2);
    TX(mn_store_permission(tx, 1, 2, &permitted, &e));
    OK(permitted);
    TX(mn_store_notification_request_end(tx, 1, r[0].id, false, &e));
    OK(list((mn_notification_query){.include_filtered = true}, &l) == 2);
    TX(mn_store_permission(tx, 1, 3, &permitted, &e));
    OK(!permitted);
    requests(&n);
    OK(n == 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_notification_request_end(tx, 1, r[0].id, false, &e));
}

static void a_request_without_notifications_is_none(void **state)
{
    (void)state;
    size_t n = 0;
    start();
    set_aside(2, 100);
    TX(mn_store_notifications_undo(tx, 1, MN_NOTICE_MENTION, 2, 100, &e));
    requests(&n);
    OK(n == 0);
    set_aside(3, 100);
    TX(mn_store_notifications_cut(tx, 1, 3, &e));
    requests(&n);
    OK(n == 0);
    set_aside(4, 100);
    TX(mn_store_notifications_clear(tx, 1, &e));
    requests(&n);
    OK(n == 0);
}

static void a_policy_is_kept_and_has_a_default(void **state)
{
    (void)state;
    mn_notification_policy p;
    start();
    RUN(mn_store_policy(s, 1, &p, &e));
    OK(p.not_following == MN_POLICY_ACCEPT && p.private_mentions == MN_POLICY_FILTER);
    OK(p.limited_accounts == MN_POLICY_FILTER && p.new_accounts == MN_POLICY_ACCEPT);
    p.new_accounts = MN_POLICY_DROP;
    TX(mn_store_policy_set(tx, 1, &p, &e));
    p.not_followers = MN_POLICY_FILTER;
    TX(mn_store_policy_set(tx, 1, &p, &e));
    p = (mn_notification_policy){0};
    TX(mn_store_policy_tx(tx, 1, &p, &e));
    OK(p.new_accounts == MN_POLICY_DROP && p.not_followers == MN_POLICY_FILTER);
    OK(p.not_following == MN_POLICY_ACCEPT && p.private_mentions == MN_POLICY_FILTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_kind_has_its_name),
        CASE(the_same_is_told_once),
        CASE(what_is_undone_is_told_no_more),
        CASE(a_deleted_post_takes_its_notifications_along),
        CASE(lists_go_by_pages_kinds_and_senders),
        CASE(the_suspended_are_not_heard),
        CASE(notifications_with_one_key_are_one_group),
        CASE(a_page_of_groups_knows_what_it_covers),
        CASE(a_group_that_many_add_to_does_not_hide_what_is_below),
        CASE(a_group_is_found_by_its_key),
        CASE(the_key_of_the_newest_of_a_kind_is_known),
        CASE(senders_set_aside_wait_in_requests),
        CASE(a_request_without_notifications_is_none),
        CASE(a_policy_is_kept_and_has_a_default),
    };
    RUN_ON_ALL(tests);
}
