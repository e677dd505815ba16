/* People in the store: relations, counters, lists of people, finding them, what a profile shows. */
#include "contract/store.h"

#include <pthread.h>

#include "store/lists.h"
#include "store/marks.h"
#include "store/people.h"

static mn_account account(uint64_t id)
{
    mn_account a = {0};
    RUN(mn_store_account_by_id(s, id, &ar, &a, &e));
    return a;
}

static mn_relation relation(uint64_t me, uint64_t id)
{
    mn_relation *r = NULL;
    size_t n = 0;
    RUN(mn_store_relations(s, me, &id, 1, &ar, &r, &n, &e));
    assert_int_equal(n, 1);
    return r[0];
}

static void follow(uint64_t a, uint64_t b)
{
    const mn_follow f = {.boosts = true, .at_ms = 5};
    TX(mn_store_follow_set(tx, a, b, &f, NULL, &e));
}

static void abc(void)
{
    add_account(1, "ada");
    add_account(2, "bob");
    add_account(3, "cy");
}

/* Changes an account through the row: fn gets it. */
#define CHANGE(ID, code)                                                                       \
    do {                                                                                       \
        mn_account a = account(ID);                                                            \
        code;                                                                                  \
        TX(mn_store_account_update(tx, &a, &e));                                               \
    } while (0)

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static void an_account_keeps_all_of_its_columns(void **state)
{
    (void)state;
    mn_account nine = {.id = 9,
                       .name = MN_STR("Nine"),
                       .domain = MN_STR("far.example"),
                       .display_name = MN_STR("Neun"),
                       .bio = MN_STR("b"),
                       .fields = MN_STR("[{}]"),
                       .settings = MN_STR("{\"x\":1}"),
                       .avatar_id = 5,
                       .header_id = 6,
                       .discoverable = true,
                       .hide_follows = true,
                       .silenced_ms = 7,
                       .sensitized_ms = 8,
                       .moved_to = 3,
                       .plan = MN_STR("gold"),
                       .n_followers = 99 /* not ours to say */};
    TX(mn_store_account_add(tx, &nine, &e));
    mn_account b = account(9);
    IS(b.domain, "far.example");
    IS(b.fields, "[{}]");
    IS(b.settings, "{\"x\":1}");
    IS(b.plan, "gold");
    OK(b.avatar_id == 5 && b.header_id == 6 && b.discoverable && b.hide_follows);
    OK(b.silenced_ms == 7 && b.sensitized_ms == 8 && b.moved_to == 3 && b.n_followers == 0);
    RUN(mn_store_account_by_name(s, MN_STR("nine@FAR.example"), &ar, &b, &e));
    assert_int_equal(b.id, 9);
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_name(s, MN_STR("nine"), &ar, &b, &e));
    CHANGE(9, (a.plan = MN_STR(""), a.hide_follows = false, a.moved_to = 0));
    b = account(9);
    OK(b.plan.len == 0 && !b.hide_follows && b.moved_to == 0 && b.avatar_id == 5);
}

static void the_time_of_the_last_post_is_kept(void **state)
{
    (void)state;
    abc();
    assert_int_equal(account(1).last_post_ms, 0);
    add_post(10, 1, "one", 0);
    assert_int_equal(account(1).last_post_ms, 1000);
    mn_post p = post(11, 1, "an older one, brought along");
    p.created_ms = 400;
    TX(mn_store_post_add(tx, &p, &e));
    assert_int_equal(account(1).last_post_ms, 1000);
}

/* ---- follows ----------------------------------------------------------------------------------------------------- */

static void a_follow_is_counted_once_and_its_end_once(void **state)
{
    (void)state;
    abc();
    follow(1, 2);
    follow(1, 2);
    follow(3, 2);
    OK(account(1).n_following == 1 && account(2).n_followers == 2);
    TX(mn_store_follow_end(tx, 1, 2, NULL, &e));
    TX(mn_store_follow_end(tx, 1, 2, NULL, &e));
    TX(mn_store_follow_remove(tx, 2, 1, &e));
    OK(account(1).n_following == 0 && account(2).n_followers == 1);
    OK(account(1).n_followers == 0 && account(2).n_following == 0);
    TX_FAILS(MN_E_USAGE, mn_store_follow_set(tx, 1, 1, &(mn_follow){0}, NULL, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_follow_set(tx, 1, 99, &(mn_follow){0}, NULL, &e));
}

static void *follows_and_unfollows(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    mn_err err = {0};
    for (int i = 0; i < 40; i++) {
        mn_tx *tx;
        uint64_t a = 1 + (uint64_t)rand_r(&seed) % 3, b = 1 + (uint64_t)rand_r(&seed) % 3;
        if (a == b || mn_store_begin(s, &tx, &err) != MN_OK) continue;
        mn_rc rc = rand_r(&seed) % 2 ? mn_store_follow_add(tx, a, b, 1, &err)
                                     : mn_store_follow_end(tx, a, b, NULL, &err);
        if (rc == MN_OK) (void)mn_store_commit(tx, &err);
        else mn_store_rollback(tx);
    }
    return NULL;
}

static void counters_are_exact_whatever_runs_beside(void **state)
{
    (void)state;
    pthread_t t[4];
    abc();
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, follows_and_unfollows, (void *)(i + 1));
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    for (uint64_t id = 1; id <= 3; id++) {
        uint64_t in = 0, out = 0;
        RUN(mn_store_rel_count(s, id, MN_REL_FOLLOWERS, &in, &e));
        RUN(mn_store_rel_count(s, id, MN_REL_FOLLOWING, &out, &e));
        OK(account(id).n_followers == in && account(id).n_following == out && in <= 2);
    }
}

static void the_settings_of_a_follow_can_be_changed(void **state)
{
    (void)state;
    abc();
    follow(1, 2);
    mn_relation r = relation(1, 2);
    OK(r.following && r.boosts && !r.notify && r.languages.len == 0);
    bool fresh = true;
    TX(mn_store_follow_set(tx, 1, 2, &(mn_follow){.notify = true, .languages = MN_STR("fr,it")},
                           &fresh, &e));
    r = relation(1, 2);
    OK(!fresh && r.following && !r.boosts && r.notify);
    IS(r.languages, "fr,it");
    uint64_t *bells = NULL;
    size_t n = 0;
    TX(mn_store_follow_bells(tx, 2, &ar, &bells, &n, &e));
    OK(n == 1 && bells[0] == 1);
}

static void a_request_becomes_a_follow(void **state)
{
    (void)state;
    abc();
    mn_follow f = {.boosts = true, .notify = true, .languages = MN_STR("de"), .at_ms = 3}, got;
    TX(mn_store_request_set(tx, 1, 2, &f, NULL, &e));
    mn_relation r = relation(1, 2);
    OK(r.requested && !r.following && r.notify && !relation(2, 1).requested);
    OK(relation(2, 1).requested_by);
    TX(mn_store_request(tx, 1, 2, &ar, &got, &e));
    OK(got.notify && got.boosts && got.at_ms == 3);
    IS(got.languages, "de");
    TX_FAILS(MN_E_NOT_FOUND, mn_store_request(tx, 2, 1, &ar, &got, &e));
    TX(mn_store_follow_set(tx, 1, 2, &got, NULL, &e));
    r = relation(1, 2);
    OK(!r.requested && r.following && r.notify);
}

static void the_end_of_a_follow_takes_the_followed_out_of_lists_and_endorsements(void **state)
{
    (void)state;
    bool fresh = false;
    abc();
    follow(1, 2);
    TX(mn_store_list_add(tx, &(mn_list){.id = 77, .account_id = 1, .title = MN_STR("friends")},
                         &e));
    TX(mn_store_list_member_set(tx, 77, 2, true, &fresh, &e));
    TX(mn_store_endorse_set(tx, 1, 2, true, &e));
    OK(relation(1, 2).endorsed);
    TX(mn_store_follow_end(tx, 1, 2, NULL, &e));
    mn_list *lists = NULL;
    size_t n = 9;
    RUN(mn_store_lists(s, 1, 2, &ar, &lists, &n, &e));
    OK(n == 0 && !relation(1, 2).endorsed);
}

/* ---- relations --------------------------------------------------------------------------------------------------- */

static void a_relation_says_all_that_stands_between_two(void **state)
{
    (void)state;
    abc();
    follow(2, 1);
    TX(mn_store_block_set(tx, 1, 2, true, 1, NULL, &e));
    TX(mn_store_mute_set(tx, 1, 2, true, 0, 1, &e));
    TX(mn_store_note_set(tx, 1, 2, MN_STR("met in Rome"), &e));
    mn_relation r = relation(1, 2);
    OK(r.followed_by && r.followed_by_ms == 5 && r.blocking && !r.blocked_by && r.muting);
    OK(r.muting_notifications && !r.following && !r.domain_blocking);
    IS(r.note, "met in Rome");
    r = relation(2, 1);
    OK(r.following && r.blocked_by && !r.blocking && !r.muting && r.note.len == 0);
    TX(mn_store_note_set(tx, 1, 2, MN_STR(""), &e));
    IS(relation(1, 2).note, "");
    mn_relation *list = NULL;
    size_t n = 0;
    RUN(mn_store_relations(s, 1, (const uint64_t[]){3, 99, 2}, 3, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == 3 && list[1].id == 2 && !list[0].blocking);
    RUN(mn_store_relations(s, 0, (const uint64_t[]){2}, 1, &ar, &list, &n, &e));
    OK(n == 1 && !list[0].blocking && !list[0].followed_by);
}

static void a_mute_that_has_ended_counts_as_none(void **state)
{
    (void)state;
    abc();
    mn_now_freeze(1000000);
    TX(mn_store_mute_set(tx, 1, 2, false, 1000500, 1000000, &e));
    TX(mn_store_mute_set(tx, 1, 3, false, 0, 1000000, &e));
    OK(relation(1, 2).muting && relation(1, 2).mute_expires_ms == 1000500);
    mn_now_freeze(1000500);
    OK(!relation(1, 2).muting && relation(1, 3).muting);
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_rel_row *rows = NULL;
    RUN(mn_store_rel_ids(s, 1, MN_REL_MUTING, &ar, &ids, &n, &e));
    OK(n == 1 && ids[0] == 3);
    RUN(mn_store_rel_page(s, 1, MN_REL_MUTING, (mn_bounds){.limit = 9}, &ar, &rows, &n, &e));
    OK(n == 1 && rows[0].account_id == 3);
    TX(mn_store_mutes_expire(tx, 1000500, 10, &n, &e));
    assert_int_equal(n, 1);
    TX(mn_store_mutes_expire(tx, 1000500, 10, &n, &e));
    assert_int_equal(n, 0);
    mn_now_freeze(0);
}

static void blocked_domains_are_kept_and_cut_follows(void **state)
{
    (void)state;
    abc();
    TX(mn_store_account_add(
        tx, &(mn_account){.id = 8, .name = MN_STR("far"), .domain = MN_STR("far.example")},
        &e));
    follow(1, 8);
    follow(8, 1);
    TX(mn_store_domain_block_set(tx, 1, MN_STR("far.example"), true, &e));
    TX(mn_store_domain_block_set(tx, 1, MN_STR("far.example"), true, &e));
    TX(mn_store_domain_follows_end(tx, 1, MN_STR("far.example"), &e));
    mn_relation r = relation(1, 8);
    OK(r.domain_blocking && !r.following && !r.followed_by && !relation(1, 2).domain_blocking);
    mn_domain_row *rows = NULL;
    size_t n = 0;
    RUN(mn_store_domain_blocks_page(s, 1, (mn_bounds){.limit = 5}, &ar, &rows, &n, &e));
    assert_int_equal(n, 1);
    IS(rows[0].domain, "far.example");
    TX(mn_store_domain_block_set(tx, 1, MN_STR("far.example"), false, &e));
    OK(!relation(1, 8).domain_blocking);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void lists_of_people_go_by_pages(void **state)
{
    (void)state;
    add_account(1, "star");
    for (uint64_t id = 2; id <= 9; id++) {
        char name[8];
        snprintf(name, sizeof name, "fan%llu", (unsigned long long)id);
        add_account(id, name);
        follow(id, 1);
    }
    mn_rel_row *p = NULL, *q = NULL;
    size_t n = 0, m = 0;
    RUN(mn_store_rel_page(s, 1, MN_REL_FOLLOWERS, (mn_bounds){.limit = 3}, &ar, &p, &n, &e));
    OK(n == 3 && p[0].account_id == 9 && p[2].account_id == 7);
    RUN(mn_store_rel_page(s, 1, MN_REL_FOLLOWERS, (mn_bounds){.before = p[2].id, .limit = 3},
                          &ar, &q, &m, &e));
    OK(m == 3 && q[0].account_id == 6 && q[2].account_id == 4);
    RUN(mn_store_rel_page(s, 1, MN_REL_FOLLOWERS, (mn_bounds){.after = q[2].id, .limit = 2},
                          &ar, &q, &m, &e));
    OK(m == 2 && q[0].account_id == 6 && q[1].account_id == 5);
    CHANGE(9, a.state = MN_ACCOUNT_SUSPENDED);
    RUN(mn_store_rel_page(s, 1, MN_REL_FOLLOWERS, (mn_bounds){.limit = 3}, &ar, &p, &n, &e));
    OK(n == 3 && p[0].account_id == 8);
    FAILS(MN_E_LIMIT, mn_store_rel_page(s, 1, MN_REL_FOLLOWERS, (mn_bounds){.limit = 1001}, &ar,
                                        &p, &n, &e));
}

static void familiar_are_those_i_follow_who_follow(void **state)
{
    (void)state;
    abc();
    add_account(4, "dee");
    follow(1, 2);
    follow(1, 3);
    follow(2, 4);
    follow(3, 4);
    uint64_t *ids = NULL;
    size_t n = 0;
    RUN(mn_store_familiar(s, 1, 4, 10, &ar, &ids, &n, &e));
    OK(n == 2 && ids[0] == 3 && ids[1] == 2);
    CHANGE(3, a.hide_follows = true);
    RUN(mn_store_familiar(s, 1, 4, 10, &ar, &ids, &n, &e));
    OK(n == 1 && ids[0] == 2);
}

static void a_deleted_account_takes_its_relations_along(void **state)
{
    (void)state;
    bool left = true;
    int rounds = 0;
    abc();
    follow(1, 2);
    follow(2, 1);
    follow(3, 1);
    TX(mn_store_block_set(tx, 1, 3, true, 1, NULL, &e));
    TX(mn_store_note_set(tx, 3, 1, MN_STR("hm"), &e));
    for (; left; rounds++) TX(mn_store_people_forget(tx, 1, 1, &left, &e));
    OK(rounds > 1); /* some at a time */
    OK(account(2).n_followers == 0 && account(2).n_following == 0);
    OK(account(3).n_following == 0 && !relation(3, 1).blocked_by && !relation(3, 1).note.len);
}

static void an_import_undone_takes_the_follows_of_its_accounts_along(void **state)
{
    (void)state;
    uint64_t import = 0;
    bool left = true;
    abc();
    TX(mn_store_import_begin(tx, MN_STR("x"), MN_STR("jsonl"), &import, &e));
    TX(mn_store_account_add(
        tx, &(mn_account){.id = 8, .name = MN_STR("brought"), .import_id = import}, &e));
    follow(1, 8);
    follow(8, 2);
    OK(account(1).n_following == 1 && account(2).n_followers == 1);
    while (left) TX(mn_store_import_undo(tx, import, 10, &left, &e));
    mn_account gone;
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, 8, &ar, &gone, &e));
    OK(account(1).n_following == 0 && account(2).n_followers == 0);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static size_t found(const char *text, uint64_t me, bool following, uint64_t **ids)
{
    size_t n = 0;
    mn_people_query q = {
        .text = mn_str_from(text), .me = me, .following = following, .limit = 20};
    RUN(mn_store_people_search(s, &q, &ar, ids, &n, &e));
    return n;
}

static void people_are_found_by_name_and_by_words(void **state)
{
    (void)state;
    uint64_t *ids;
    abc();
    CHANGE(1, a.display_name = MN_STR("Ada Lovelace \xC3\x89mile"));
    CHANGE(2, a.display_name = MN_STR("Bob Adams"));
    OK(found("AD", 0, false, &ids) == 2);
    OK(found("ada", 3, false, &ids) == 2 && ids[0] == 1); /* the very name first */
    OK(found("@bob", 0, false, &ids) == 1 && ids[0] == 2);
    OK(found("love", 0, false, &ids) == 1 && ids[0] == 1);
    OK(found("lovelace ada", 0, false, &ids) == 1 && ids[0] == 1);
    OK(found("lovelace bob", 0, false, &ids) == 0);
    OK(found("\xC3\xA9mi", 0, false, &ids) == 1 && ids[0] == 1);
    OK(found("%", 0, false, &ids) == 0 && found("", 0, false, &ids) == 0);
    OK(found("  ", 0, false, &ids) == 0 &&
       found("'; DROP TABLE accounts", 0, false, &ids) == 0);
    follow(3, 2);
    OK(found("ad", 3, false, &ids) == 2 && ids[0] == 2); /* whom I follow first */
    OK(found("ad", 3, true, &ids) == 1 && ids[0] == 2);
    CHANGE(1, a.display_name = MN_STR("Countess"));
    OK(found("love", 0, false, &ids) == 0 && found("count", 0, false, &ids) == 1);
    CHANGE(1, a.state = MN_ACCOUNT_SUSPENDED);
    OK(found("count", 0, false, &ids) == 0);
}

static size_t directory(uint64_t me, bool newest, uint64_t **ids)
{
    size_t n = 0;
    RUN(mn_store_directory(s, me, newest, true, 20, 0, &ar, ids, &n, &e));
    return n;
}

static void the_directory_shows_who_wants_to_be_found(void **state)
{
    (void)state;
    uint64_t *ids;
    abc();
    OK(directory(0, true, &ids) == 0);
    CHANGE(1, a.discoverable = true);
    CHANGE(2, a.discoverable = true);
    CHANGE(3, (a.discoverable = true, a.silenced_ms = 5));
    add_post(10, 1, "x", 0);
    OK(directory(0, true, &ids) == 2 && ids[0] == 2);
    OK(directory(0, false, &ids) == 2 && ids[0] == 1);
    OK(directory(1, true, &ids) == 1); /* not oneself */
    TX(mn_store_block_set(tx, 2, 1, true, 1, NULL, &e));
    OK(directory(1, true, &ids) == 0);
}

static void suggestions_say_why_and_know_what_i_have(void **state)
{
    (void)state;
    mn_suggestion *list = NULL;
    size_t n = 0;
    abc();
    add_account(4, "dee");
    for (uint64_t id = 1; id <= 4; id++) CHANGE(id, a.discoverable = true);
    follow(1, 2);
    follow(2, 3);
    add_post(10, 4, "here", 0);
    RUN(mn_store_suggestions(s, 1, 10, &ar, &list, &n, &e));
    OK(n == 2 && list[0].account_id == 3 && list[0].source == MN_SUGGEST_FRIENDS);
    OK(list[1].account_id == 4 && list[1].source == MN_SUGGEST_ACTIVE);
    TX(mn_store_suggestion_dismiss(tx, 1, 3, &e));
    TX(mn_store_suggestion_dismiss(tx, 1, 3, &e));
    TX(mn_store_mute_set(tx, 1, 4, false, 0, 1, &e));
    RUN(mn_store_suggestions(s, 1, 10, &ar, &list, &n, &e));
    OK(n == 0);
}

/* ---- profiles ---------------------------------------------------------------------------------------------------- */

static size_t profile(mn_profile_query q, uint64_t **ids)
{
    size_t n = 0;
    if (!q.page.limit) q.page.limit = 20;
    RUN(mn_store_profile_posts(s, &q, &ar, ids, &n, &e));
    return n;
}

static void add_with(uint64_t id, uint64_t by, mn_visibility v, uint64_t boost, uint64_t reply,
                     uint64_t reply_account)
{
    mn_post p = post(id, by, boost ? "" : "text");
    p.visibility = v;
    p.boost_of = boost;
    p.reply_to = reply;
    p.reply_account = reply_account;
    TX(mn_store_post_add(tx, &p, &e));
}

static void a_profile_shows_what_the_reader_may_see(void **state)
{
    (void)state;
    uint64_t *ids;
    abc();
    add_with(10, 1, MN_VIS_PUBLIC, 0, 0, 0);
    add_with(11, 1, MN_VIS_UNLISTED, 0, 0, 0);
    add_with(12, 1, MN_VIS_FOLLOWERS, 0, 0, 0);
    add_with(13, 1, MN_VIS_DIRECT, 0, 0, 0);
    TX(mn_store_mentions_set(tx, 13, (const uint64_t[]){2}, 1, &e));
    mn_profile_query q = {.account = 1, .most_private = MN_VIS_UNLISTED};
    OK(profile(q, &ids) == 2 && ids[0] == 11 && ids[1] == 10);
    q.me = 2;
    OK(profile(q, &ids) == 3 && ids[0] == 13);
    q.most_private = MN_VIS_FOLLOWERS;
    OK(profile(q, &ids) == 4);
    q.me = 3;
    OK(profile(q, &ids) == 3 && ids[0] == 12);
    q.me = 1, q.most_private = MN_VIS_DIRECT;
    OK(profile(q, &ids) == 4);
    q.page = (mn_bounds){.before = 12, .limit = 1};
    OK(profile(q, &ids) == 1 && ids[0] == 11);
    q.page = (mn_bounds){.after = 10, .limit = 2};
    OK(profile(q, &ids) == 2 && ids[0] == 12 && ids[1] == 11);
}

static void a_profile_can_leave_out_replies_and_boosts(void **state)
{
    (void)state;
    uint64_t *ids;
    abc();
    add_with(10, 1, MN_VIS_PUBLIC, 0, 0, 0);
    add_with(20, 2, MN_VIS_PUBLIC, 0, 0, 0);
    add_with(21, 1, MN_VIS_PUBLIC, 0, 10, 1); /* an answer to oneself stays */
    add_with(22, 1, MN_VIS_PUBLIC, 0, 20, 2);
    add_with(23, 1, MN_VIS_PUBLIC, 20, 0, 0);
    mn_profile_query q = {.account = 1, .me = 3, .most_private = MN_VIS_UNLISTED};
    OK(profile(q, &ids) == 4);
    q.exclude_replies = true;
    OK(profile(q, &ids) == 3 && ids[1] == 21);
    q.exclude_boosts = true;
    OK(profile(q, &ids) == 2 && ids[0] == 21);
    q = (mn_profile_query){.account = 1, .me = 3, .only_media = true};
    OK(profile(q, &ids) == 0);
}

static void boosts_do_not_bring_back_whom_one_does_not_see(void **state)
{
    (void)state;
    uint64_t *ids;
    abc();
    add_with(20, 2, MN_VIS_PUBLIC, 0, 0, 0);
    add_with(21, 1, MN_VIS_PUBLIC, 20, 0, 0);
    mn_profile_query q = {.account = 1, .me = 3, .most_private = MN_VIS_UNLISTED};
    OK(profile(q, &ids) == 1);
    TX(mn_store_block_set(tx, 2, 3, true, 1, NULL, &e));
    OK(profile(q, &ids) == 0);
    q.me = 0;
    OK(profile(q, &ids) == 1);
    CHANGE(2, a.state = MN_ACCOUNT_SUSPENDED);
    OK(profile(q, &ids) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_account_keeps_all_of_its_columns),
        CASE(the_time_of_the_last_post_is_kept),
        CASE(a_follow_is_counted_once_and_its_end_once),
        CASE(counters_are_exact_whatever_runs_beside),
        CASE(the_settings_of_a_follow_can_be_changed),
        CASE(a_request_becomes_a_follow),
        CASE(the_end_of_a_follow_takes_the_followed_out_of_lists_and_endorsements),
        CASE(a_relation_says_all_that_stands_between_two),
        CASE(a_mute_that_has_ended_counts_as_none),
        CASE(blocked_domains_are_kept_and_cut_follows),
        CASE(lists_of_people_go_by_pages),
        CASE(familiar_are_those_i_follow_who_follow),
        CASE(a_deleted_account_takes_its_relations_along),
        CASE(an_import_undone_takes_the_follows_of_its_accounts_along),
        CASE(people_are_found_by_name_and_by_words),
        CASE(the_directory_shows_who_wants_to_be_found),
        CASE(suggestions_say_why_and_know_what_i_have),
        CASE(a_profile_shows_what_the_reader_may_see),
        CASE(a_profile_can_leave_out_replies_and_boosts),
        CASE(boosts_do_not_bring_back_whom_one_does_not_see),
    };
    RUN_ON_ALL(tests);
}
