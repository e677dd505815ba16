/* Trends: who counts, how they fade. */
#include "test.h"

#include "base/snowflake.h"
#include "social/tags.h"
#include "social/trends.h"
#include "store/marks.h"

static char dir[64];
static mn_store *s;
static mn_trends *t;
static mn_arena ar;
static mn_err e;
static const int64_t now = INT64_C(1760000000000), hour = 3600000;

static int set_up(void **state)
{
    (void)state;
    char path[100];
    mn_tx *tx;
    test_tmp(dir);
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &s, &e));
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t i = 1; i <= 6; i++) {
        mn_account a = {.id = i,
                        .name = mn_str_fmt(&ar, "a%d", (int)i),
                        .discoverable = i != 5,
                        .silenced_ms = i == 6 ? 1 : 0};
        RUN(mn_store_account_add(tx, &a, &e));
        RUN(mn_store_account_update(tx, &a, &e));
    }
    RUN(mn_store_commit(tx, &e));
    RUN(mn_trends_new(s, &t, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_trends_free(t);
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static uint64_t said(uint64_t who, int64_t hours_ago, const char *text, bool sensitive)
{
    static uint64_t n;
    mn_tx *tx;
    mn_post p = {.id = mn_snowflake_at(now - hours_ago * hour, ++n),
                 .account_id = who,
                 .created_ms = now - hours_ago * hour,
                 .sensitive = sensitive,
                 .text = mn_str_from(text)};
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_social_tags_write(tx, p.id, p.text, true, &e));
    RUN(mn_store_commit(tx, &e));
    return p.id;
}

static void mark(uint64_t who, uint64_t post)
{
    mn_tx *tx;
    bool changed = false;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_mark_set(tx, MN_MARK_FAVOURITE, who, post, true, &changed, &e));
    RUN(mn_store_commit(tx, &e));
}

static size_t get(mn_trend_kind kind, mn_trend **ret)
{
    size_t n = 0;
    RUN(mn_trends_refresh(t, now, &e));
    RUN(mn_trends_get(t, kind, 0, 10, now, &ar, ret, &n, &e));
    return n;
}

static void a_tag_trends_by_accounts_not_by_posts(void **state)
{
    (void)state;
    mn_trend *x = NULL;
    mn_tag tag;
    said(1, 1, "#many", false);
    said(2, 2, "#many", false);
    said(3, 3, "#many", false);
    for (int i = 0; i < 9; i++) said(4, 1, "#loud", false);
    said(1, 1, "#two", false);
    said(2, 1, "#two", false);
    assert_int_equal(get(MN_TREND_TAGS, &x), 2);
    RUN(mn_store_tag_by_name(s, MN_STR("many"), &ar, &tag, &e));
    assert_int_equal(x[0].id, tag.id);
    assert_int_equal(x[0].days[0].accounts + x[0].days[1].accounts, 3);
}

static void what_is_old_fades(void **state)
{
    (void)state;
    mn_trend *x = NULL;
    mn_tag tag;
    said(1, 60, "#old", false);
    said(2, 60, "#old", false);
    said(3, 60, "#old", false);
    said(1, 1, "#new", false);
    said(2, 1, "#new", false);
    said(1, 24 * 9, "#ancient", false);
    said(2, 24 * 9, "#ancient", false);
    assert_int_equal(get(MN_TREND_TAGS, &x), 2);
    RUN(mn_store_tag_by_name(s, MN_STR("new"), &ar, &tag, &e));
    assert_int_equal(x[0].id, tag.id);
    OK(x[0].score > x[1].score);
}

static void who_does_not_want_to_be_found_does_not_count(void **state)
{
    (void)state;
    mn_trend *x = NULL;
    said(1, 1, "#shy", false);
    said(5, 1, "#shy", false); /* not discoverable */
    said(1, 1, "#quiet", false);
    said(6, 1, "#quiet", false); /* silenced */
    said(1, 1, "#rude", false);
    said(2, 1, "#rude", true); /* sensitive */
    assert_int_equal(get(MN_TREND_TAGS, &x), 0);
}

static void a_post_trends_by_its_marks_one_an_account(void **state)
{
    (void)state;
    mn_trend *x = NULL;
    uint64_t good = said(1, 1, "good", false), better = said(1, 1, "better", false),
             lone = said(2, 1, "lone", false), old = said(3, 24 * 4, "old", false);
    mark(2, good);
    mark(3, good);
    for (uint64_t i = 2; i <= 4; i++) mark(i, better);
    mark(1, lone);
    mark(1, old);
    mark(2, old);
    assert_int_equal(get(MN_TREND_POSTS, &x), 1);
    assert_int_equal(x[0].id, better);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_tag_trends_by_accounts_not_by_posts),
        CASE(what_is_old_fades),
        CASE(who_does_not_want_to_be_found_does_not_count),
        CASE(a_post_trends_by_its_marks_one_an_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
