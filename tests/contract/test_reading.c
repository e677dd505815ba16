/* Tags, lists, filters, conversations, markers and light rows, on every back end. */
#include "contract/store.h"

#include "base/snowflake.h"
#include "social/conversations.h"
#include "social/tags.h"
#include "store/conversations.h"
#include "store/filters.h"
#include "store/lists.h"
#include "store/marks.h"
#include "store/tags.h"
#include "store/timelines.h"

static void three_people(void)
{
    add_account(1, "ann");
    add_account(2, "bob");
    add_account(3, "cat");
}

static void tagged_post(uint64_t id, uint64_t account, const char *text)
{
    mn_post p = post(id, account, text);
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_social_tags_write(tx, id, p.text, true, &e));
    RUN(mn_store_commit(tx, &e));
}

static uint64_t tag(const char *name)
{
    mn_tag t = {0};
    RUN(mn_store_tag_by_name(s, mn_str_from(name), &ar, &t, &e));
    return t.id;
}

/* ---- tags -------------------------------------------------------------------------------------------------------------- */

static void tags_are_found_by_name_and_prefix(void **state)
{
    (void)state;
    three_people();
    tagged_post(10, 1, "#Birds #birdsong #tea");
    mn_tag *t = NULL;
    size_t n = 0;
    RUN(mn_store_tags_search(s, MN_STR("bird"), 0, 10, &ar, &t, &n, &e));
    assert_int_equal(n, 2);
    RUN(mn_store_tags_search(s, MN_STR("bird"), 1, 10, &ar, &t, &n, &e));
    assert_int_equal(n, 1);
    RUN(mn_store_tags_search(s, MN_STR("x"), 0, 10, &ar, &t, &n, &e));
    assert_int_equal(n, 0);
    mn_tag one;
    RUN(mn_store_tag_by_name(s, MN_STR("birds"), &ar, &one, &e));
    IS(one.display, "Birds");
    FAILS(MN_E_NOT_FOUND, mn_store_tag_by_name(s, MN_STR("Birds"), &ar, &one, &e));
}

static void a_history_counts_posts_and_people_by_day(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000), today = 20000;
    mn_tag_use use[3];
    three_people();
    tagged_post(mn_snowflake_at(today * day + 5, 1), 1, "#x");
    tagged_post(mn_snowflake_at(today * day + 6, 2), 1, "#x");
    tagged_post(mn_snowflake_at(today * day - 1, 3), 2, "#x");
    RUN(mn_store_tag_history(s, tag("x"), today - 1, 2, use, &e));
    assert_int_equal(use[0].uses, 1);
    assert_int_equal(use[0].accounts, 1);
    assert_int_equal(use[1].uses, 2);
    assert_int_equal(use[1].accounts, 1);
    FAILS(MN_E_LIMIT, mn_store_tag_history(s, tag("x"), 0, 32, use, &e));
}

static void tags_are_followed_in_pages(void **state)
{
    (void)state;
    mn_tag_follow *f = NULL;
    size_t n = 0;
    uint64_t id = 0;
    bool yes = false;
    three_people();
    const char *const names[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++)
        RUN(mn_social_tag_follow(s, 1, mn_str_from(names[i]), true, &id, &e));
    RUN(mn_social_tag_follow(s, 1, MN_STR("one"), true, &id, &e)); /* again: nothing new */
    RUN(mn_store_followed_tags(s, 1, 0, 0, false, 2, &ar, &f, &n, &e));
    assert_int_equal(n, 2);
    assert_int_equal(f[0].tag_id, tag("three"));
    uint64_t below = f[1].id;
    RUN(mn_store_followed_tags(s, 1, below, 0, false, 2, &ar, &f, &n, &e));
    assert_int_equal(n, 1);
    uint64_t above = f[0].id;
    RUN(mn_store_followed_tags(s, 1, 0, above, true, 1, &ar, &f, &n, &e));
    assert_int_equal(f[0].tag_id, tag("two"));
    RUN(mn_store_tag_is_followed(s, 1, tag("one"), &yes, &e));
    OK(yes);
    RUN(mn_social_tag_follow(s, 1, MN_STR("ONE"), false, &id, &e));
    RUN(mn_store_tag_is_followed(s, 1, tag("one"), &yes, &e));
    OK(!yes);
    FAILS(MN_E_USAGE, mn_social_tag_follow(s, 1, MN_STR("no tag"), true, &id, &e));
}

static void featured_tags_have_counts_and_a_limit(void **state)
{
    (void)state;
    mn_featured_tag *f = NULL;
    mn_tag *t = NULL;
    size_t n = 0;
    uint64_t id = 0;
    three_people();
    tagged_post(10, 1, "#tea #bread");
    tagged_post(11, 1, "#tea");
    tagged_post(12, 2, "#tea");
    RUN(mn_store_featured_suggestions(s, 1, 5, &ar, &t, &n, &e));
    assert_int_equal(n, 2);
    IS(t[0].name, "tea");
    RUN(mn_social_tag_feature(s, 1, MN_STR("Tea"), &id, &e));
    FAILS(MN_E_EXISTS, mn_social_tag_feature(s, 1, MN_STR("tea"), &id, &e));
    RUN(mn_store_featured_tags(s, 1, &ar, &f, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(f[0].n_posts, 2);
    assert_int_equal(f[0].last_post_id, 11);
    RUN(mn_store_featured_suggestions(s, 1, 5, &ar, &t, &n, &e));
    assert_int_equal(n, 1);
    for (int i = 0; i < 9; i++)
        RUN(mn_social_tag_feature(s, 1, mn_str_fmt(&ar, "x%d", i), &id, &e));
    FAILS(MN_E_LIMIT, mn_social_tag_feature(s, 1, MN_STR("more"), &id, &e));
    FAILS(MN_E_NOT_FOUND, mn_social_tag_unfeature(s, 2, f[0].id, MN_STR_NONE, &e));
    RUN(mn_social_tag_unfeature(s, 1, 0, MN_STR("#TEA"), &e));
    FAILS(MN_E_NOT_FOUND, mn_social_tag_unfeature(s, 1, 0, MN_STR("tea"), &e));
}

/* ---- rows -------------------------------------------------------------------------------------------------------------- */

static size_t tagged(const mn_tag_query *q, mn_span sp, mn_row **ret)
{
    size_t n = 0;
    if (sp.limit == 0) sp.limit = 10;
    RUN(mn_store_rows_tagged(s, q, &sp, &ar, ret, &n, &e));
    return n;
}

static void tagged_rows_take_any_all_and_none(void **state)
{
    (void)state;
    mn_row *r = NULL;
    three_people();
    tagged_post(10, 1, "#a #b");
    tagged_post(11, 1, "#a");
    tagged_post(12, 2, "#b");
    tagged_post(13, 2, "#c");
    uint64_t a = tag("a"), b = tag("b"), c = tag("c"), ab[] = {a, b};
    assert_int_equal(tagged(&(mn_tag_query){.any = &a, .n_any = 1}, (mn_span){0}, &r), 2);
    assert_int_equal(r[0].id, 11);
    assert_int_equal(tagged(&(mn_tag_query){.any = ab, .n_any = 2}, (mn_span){0}, &r), 3);
    assert_int_equal(r[0].id, 12);
    assert_int_equal(r[2].id, 10);
    assert_int_equal(tagged(&(mn_tag_query){.any = ab, .n_any = 2},
                            (mn_span){.upward = true, .limit = 2}, &r),
                     2);
    assert_int_equal(r[0].id, 10);
    assert_int_equal(
        tagged(&(mn_tag_query){.any = &a, .n_any = 1, .all = &b, .n_all = 1}, (mn_span){0}, &r),
        1);
    assert_int_equal(tagged(&(mn_tag_query){.any = ab, .n_any = 2, .none = &a, .n_none = 1},
                            (mn_span){.below = 13}, &r),
                     1);
    assert_int_equal(r[0].id, 12);
    assert_int_equal(tagged(&(mn_tag_query){.any = &c, .n_any = 1, .where = MN_WHERE_REMOTE},
                            (mn_span){0}, &r),
                     0);
    TX(mn_store_post_delete(tx, 13, 5, &e));
    assert_int_equal(tagged(&(mn_tag_query){.any = &c, .n_any = 1}, (mn_span){0}, &r), 0);
}

static void public_rows_leave_out_replies_to_others(void **state)
{
    (void)state;
    mn_row *r = NULL;
    size_t n = 0;
    three_people();
    add_post(10, 1, "first", 0);
    add_post(11, 2, "answer", 10);
    add_post(12, 1, "goes on", 10);
    RUN(mn_store_rows_public(s, MN_WHERE_ALL, false, &(mn_span){.limit = 9}, &ar, &r, &n, &e));
    assert_int_equal(n, 2);
    assert_int_equal(r[0].id, 12);
    assert_int_equal(r[0].reply_account, 1);
    RUN(mn_store_rows_public(s, MN_WHERE_LOCAL, false, &(mn_span){.upward = true, .limit = 9},
                             &ar, &r, &n, &e));
    assert_int_equal(r[0].id, 10);
    RUN(mn_store_rows_public(s, MN_WHERE_REMOTE, true, &(mn_span){.limit = 9}, &ar, &r, &n,
                             &e));
    assert_int_equal(n, 0);
    FAILS(MN_E_LIMIT, mn_store_rows_public(s, MN_WHERE_ALL, false, &(mn_span){.limit = 1001},
                                           &ar, &r, &n, &e));
}

static void the_library_is_what_one_wrote_marked_or_is_named_in(void **state)
{
    (void)state;
    uint64_t *ids = NULL, me = 1;
    size_t n = 0;
    bool changed = false;
    three_people();
    add_post(10, 1, "own", 0);
    for (uint64_t i = 11; i < 16; i++) add_post(i, 2, "another's", 0);
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 1, 12, true, &changed, &e));
    TX(mn_store_mark_set(tx, MN_MARK_BOOKMARK, 1, 12, true, &changed, &e));
    TX(mn_store_mark_set(tx, MN_MARK_BOOKMARK, 1, 13, true, &changed, &e));
    TX(mn_store_mentions_set(tx, 14, &me, 1, &e));
    RUN(mn_store_library(s, 1, 0, 10, &ar, &ids, &n, &e));
    assert_int_equal(n, 4);
    assert_int_equal(ids[0], 14);
    assert_int_equal(ids[3], 10);
    RUN(mn_store_library(s, 1, 14, 2, &ar, &ids, &n, &e));
    assert_int_equal(n, 2);
    assert_int_equal(ids[1], 12);
    RUN(mn_store_library(s, 3, 0, 10, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
}

static void what_may_trend_is_read_newest_first(void **state)
{
    (void)state;
    mn_trend_row *r = NULL;
    mn_tag_mention *m = NULL;
    size_t n = 0;
    bool changed = false;
    three_people();
    for (uint64_t i = 1; i <= 3; i++) {
        mn_account a = {0};
        RUN(mn_store_account_by_id(s, i, &ar, &a, &e));
        a.discoverable = i != 3;
        TX(mn_store_account_update(tx, &a, &e));
    }
    tagged_post(10, 1, "#x");
    tagged_post(11, 2, "#x #y");
    tagged_post(12, 3, "#x");
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 3, 10, true, &changed, &e));
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 1, 11, true, &changed, &e));
    RUN(mn_store_trend_rows(s, 1, 10, &ar, &r, &n, &e));
    assert_int_equal(n, 2);
    assert_int_equal(r[0].id, 11);
    assert_int_equal(r[0].marks, 1);
    RUN(mn_store_trend_rows(s, 11, 10, &ar, &r, &n, &e));
    assert_int_equal(n, 1);
    RUN(mn_store_tag_mentions(s, 1, 10, &ar, &m, &n, &e));
    assert_int_equal(n, 3);
    assert_int_equal(m[2].post_id, 10);
    RUN(mn_store_tag_mentions(s, 1, 2, &ar, &m, &n, &e));
    assert_int_equal(n, 2);
}

static void direct_rows_are_for_those_they_name(void **state)
{
    (void)state;
    mn_row *r = NULL;
    size_t n = 0;
    uint64_t to = 2, card = 0;
    three_people();
    mn_post p = post(10, 1, "psst");
    p.visibility = MN_VIS_DIRECT;
    TX(mn_store_post_add(tx, &p, &e));
    TX(mn_store_mentions_set(tx, 10, &to, 1, &e));
    for (uint64_t who = 1; who <= 3; who++) {
        RUN(mn_store_rows_direct(s, who, &(mn_span){.limit = 5}, &ar, &r, &n, &e));
        assert_int_equal(n, who < 3);
    }
    RUN(mn_store_rows_linking(s, 77, &(mn_span){.limit = 5}, &ar, &r, &n, &e));
    assert_int_equal(n, 0);
    FAILS(MN_E_NOT_FOUND, mn_store_card_by_url(s, MN_STR("https://x.example/"), &card, &e));
}

/* ---- lists, filters ------------------------------------------------------------------------------------------------------ */

static void lists_belong_to_one_account(void **state)
{
    (void)state;
    mn_list l = {.id = 50, .account_id = 1, .title = MN_STR("L")}, got;
    mn_list_member *m = NULL;
    mn_list *all = NULL;
    size_t n = 0;
    bool changed = false;
    three_people();
    TX(mn_store_list_add(tx, &l, &e));
    l.replies = MN_LIST_REPLIES_NONE;
    l.exclusive = true;
    TX(mn_store_list_update(tx, &l, &e));
    RUN(mn_store_list(s, 1, 50, &ar, &got, &e));
    OK(got.exclusive && got.replies == MN_LIST_REPLIES_NONE);
    FAILS(MN_E_NOT_FOUND, mn_store_list(s, 2, 50, &ar, &got, &e));
    l.account_id = 2;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_list_update(tx, &l, &e));
    TX(mn_store_list_member_set(tx, 50, 2, true, &changed, &e));
    OK(changed);
    TX(mn_store_list_member_set(tx, 50, 2, true, &changed, &e));
    OK(!changed);
    TX(mn_store_list_member_set(tx, 50, 3, true, &changed, &e));
    RUN(mn_store_list_members(s, 50, 0, 0, false, 1, &ar, &m, &n, &e));
    assert_int_equal(m[0].account_id, 3);
    RUN(mn_store_list_members(s, 50, m[0].id, 0, false, 0, &ar, &m, &n, &e));
    assert_int_equal(n, 1);
    RUN(mn_store_lists(s, 1, 2, &ar, &all, &n, &e));
    assert_int_equal(n, 1);
    TX(mn_store_list_remove(tx, 1, 50, &e));
    RUN(mn_store_list_members(s, 50, 0, 0, false, 0, &ar, &m, &n, &e));
    assert_int_equal(n, 0);
}

static void filters_are_read_whole_and_by_their_owner_alone(void **state)
{
    (void)state;
    mn_filter f = {.id = 60, .account_id = 1, .title = MN_STR("T"), .context = 3}, got;
    mn_filter_keyword k = {.id = 61, .filter_id = 60, .keyword = MN_STR("word")};
    mn_filter_post p = {.id = 62, .filter_id = 60, .post_id = 10}, gp;
    uint64_t n_filters = 0, n_words = 0;
    three_people();
    TX(mn_store_filter_add(tx, &f, &e));
    TX(mn_store_filter_keyword_add(tx, 1, &k, &e));
    TX(mn_store_filter_post_add(tx, 1, &p, &e));
    p.id = 63;
    TX_FAILS(MN_E_EXISTS, mn_store_filter_post_add(tx, 1, &p, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_filter_keyword_add(tx, 2, &k, &e));
    k.whole_word = true;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_filter_keyword_update(tx, 2, &k, &e));
    TX(mn_store_filter_keyword_update(tx, 1, &k, &e));
    RUN(mn_store_filter(s, 1, 60, &ar, &got, &e));
    assert_int_equal(got.n_keywords, 1);
    OK(got.keywords[0].whole_word);
    assert_int_equal(got.posts[0].post_id, 10);
    FAILS(MN_E_NOT_FOUND, mn_store_filter(s, 2, 60, &ar, &got, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_filter_post(s, 2, 62, &gp, &e));
    RUN(mn_store_filter_post(s, 1, 62, &gp, &e));
    TX(mn_store_filter_counts(tx, 1, &n_filters, &n_words, &e));
    assert_int_equal(n_filters, 1);
    assert_int_equal(n_words, 1);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_filter_remove(tx, 2, 60, &e));
    TX(mn_store_filter_remove(tx, 1, 60, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_filter_keyword(s, 1, 61, &ar, &k, &e));
}

/* ---- conversations, markers ------------------------------------------------------------------------------------------------ */

static void direct(uint64_t id, uint64_t from, uint64_t to, uint64_t reply_to)
{
    mn_post p = post(id, from, "psst");
    mn_tx *tx;
    p.visibility = MN_VIS_DIRECT;
    p.reply_to = reply_to;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_mentions_set(tx, id, &to, 1, &e));
    p.thread_id = reply_to ? reply_to : id;
    RUN(mn_social_conversation_add(tx, &p, &to, 1, &e));
    RUN(mn_store_commit(tx, &e));
}

static size_t talks(uint64_t account, mn_conversation **ret)
{
    size_t n = 0;
    RUN(mn_store_conversations(s, account, 0, 0, false, 10, &ar, ret, &n, &e));
    return n;
}

static void conversations_follow_their_last_post(void **state)
{
    (void)state;
    mn_conversation *c = NULL;
    three_people();
    direct(10, 1, 2, 0);
    direct(11, 2, 1, 10);
    assert_int_equal(talks(1, &c), 1);
    assert_int_equal(c[0].last_post_id, 11);
    OK(c[0].unread);
    assert_int_equal(c[0].n_others, 1);
    assert_int_equal(c[0].others[0], 2);
    assert_int_equal(talks(2, &c), 1);
    OK(!c[0].unread);
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_conversation_unread_set(tx, 1, c[0].id, false, &e)); /* bob's */
    TX(mn_social_conversation_gone(tx, 11, 10, &e));
    assert_int_equal(talks(1, &c), 1);
    assert_int_equal(c[0].last_post_id, 10);
    TX(mn_store_post_delete(tx, 11, 5, &e));
    TX(mn_social_conversation_gone(tx, 10, 10, &e));
    assert_int_equal(talks(1, &c), 0);
    assert_int_equal(talks(2, &c), 0);
}

static void conversations_go_in_pages(void **state)
{
    (void)state;
    mn_conversation *c = NULL;
    size_t n = 0;
    three_people();
    for (uint64_t i = 10; i < 15; i++) direct(i, 1, 2, 0);
    RUN(mn_store_conversations(s, 2, 0, 0, false, 2, &ar, &c, &n, &e));
    assert_int_equal(c[1].last_post_id, 13);
    RUN(mn_store_conversations(s, 2, 13, 0, false, 2, &ar, &c, &n, &e));
    assert_int_equal(c[0].last_post_id, 12);
    RUN(mn_store_conversations(s, 2, 0, 11, true, 2, &ar, &c, &n, &e));
    assert_int_equal(c[0].last_post_id, 13);
    assert_int_equal(c[1].last_post_id, 12);
}

static void markers_count_their_versions(void **state)
{
    (void)state;
    mn_marker m;
    three_people();
    FAILS(MN_E_NOT_FOUND, mn_store_marker(s, 1, MN_STR("home"), &ar, &m, &e));
    TX(mn_store_marker_set(tx, 1, MN_STR("home"), MN_STR("5"), 100, &e));
    TX(mn_store_marker_set(tx, 1, MN_STR("home"), MN_STR("6"), 200, &e));
    RUN(mn_store_marker(s, 1, MN_STR("home"), &ar, &m, &e));
    IS(m.last_read_id, "6");
    assert_int_equal(m.version, 2);
    assert_int_equal(m.updated_ms, 200);
    FAILS(MN_E_NOT_FOUND, mn_store_marker(s, 2, MN_STR("home"), &ar, &m, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tags_are_found_by_name_and_prefix),
        CASE(a_history_counts_posts_and_people_by_day),
        CASE(tags_are_followed_in_pages),
        CASE(featured_tags_have_counts_and_a_limit),
        CASE(tagged_rows_take_any_all_and_none),
        CASE(public_rows_leave_out_replies_to_others),
        CASE(the_library_is_what_one_wrote_marked_or_is_named_in),
        CASE(what_may_trend_is_read_newest_first),
        CASE(direct_rows_are_for_those_they_name),
        CASE(lists_belong_to_one_account),
        CASE(filters_are_read_whole_and_by_their_owner_alone),
        CASE(conversations_follow_their_last_post),
        CASE(conversations_go_in_pages),
        CASE(markers_count_their_versions),
    };
    RUN_ON_ALL(tests);
}
