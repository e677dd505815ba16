/* Hashtags: how names are compared, which a text holds. */
#include "test.h"

#include "social/tags.h"
#include "store/tags.h"
#include "text/unicode.h"

static mn_err e;
static mn_arena ar;

static mn_str key(const char *name)
{
    return mn_social_tag_key(mn_str_from(name), &ar);
}

static void names_are_compared_as_people_mean_them(void **state)
{
    (void)state;
    IS(key("Café"), "cafe");
    IS(key("#CAFE"), "cafe");
    IS(key("Cafe\xcc\x81"), "cafe");
    IS(key("Łódź"), "lodz");
    IS(key("ＡＢＣ"), "abc");
    IS(key("\uff03tag"), "tag");
    IS(key("Straße"), "straße");
    IS(key("ПРИВЕТ"), "привет");
    IS(key("日本語"), "日本語");
    IS(key("a_b"), "a_b");
}

static void what_is_no_tag_has_no_key(void **state)
{
    (void)state;
    OK(!key("").ptr);
    OK(!key("12345").ptr);
    OK(!key("two words").ptr);
    OK(!key("a-b").ptr);
    OK(!key("a#b").ptr);
    OK(!key("\xff\xfe").ptr);
    char longest[MN_TAG_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    OK(!key(longest).ptr);
}

static char dir[64];
static mn_store *s;

static int open_store(void **state)
{
    (void)state;
    char path[100];
    test_tmp(dir);
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &s, &e));
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_account_add(tx, &(mn_account){.id = 1, .name = MN_STR("a")}, &e));
    RUN(mn_store_commit(tx, &e));
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static void write_tags(uint64_t id, const char *text, bool fresh)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    if (fresh)
        RUN(mn_store_post_add(
            tx,
            &(mn_post){.id = id, .account_id = 1, .created_ms = 5, .text = mn_str_from(text)},
            &e));
    RUN(mn_social_tags_write(tx, id, mn_str_from(text), fresh, &e));
    RUN(mn_store_commit(tx, &e));
}

static size_t tags_of(uint64_t id, mn_tag **ret)
{
    size_t n = 0;
    RUN(mn_store_post_tags(s, id, &ar, ret, &n, &e));
    return n;
}

static void a_text_holds_each_tag_once(void **state)
{
    (void)state;
    mn_tag *t = NULL;
    write_tags(10, "#Bird #bird \uff03BIRD, https://x.org/#frag a#b #tea #42 #x1", true);
    assert_int_equal(tags_of(10, &t), 3);
    IS(t[0].name, "bird");
    IS(t[0].display, "Bird");
    IS(t[1].name, "tea");
    IS(t[2].name, "x1");
}

static void an_edit_takes_tags_away_and_adds_others(void **state)
{
    (void)state;
    mn_tag *t = NULL;
    write_tags(10, "#one #two", true);
    write_tags(10, "#two #three", false);
    assert_int_equal(tags_of(10, &t), 2);
    write_tags(10, "none", false);
    assert_int_equal(tags_of(10, &t), 0);
}

static void a_deleted_post_has_no_tags(void **state)
{
    (void)state;
    mn_tx *tx;
    mn_tag *t = NULL;
    write_tags(10, "#one", true);
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_delete(tx, 10, 6, &e));
    RUN(mn_store_commit(tx, &e));
    assert_int_equal(tags_of(10, &t), 0);
}

static void a_post_has_a_limit_of_tags(void **state)
{
    (void)state;
    mn_tag *t = NULL;
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < 2000; i++) mn_buf_addf(&b, "#t%d ", i);
    write_tags(10, b.ptr, true);
    mn_buf_release(&b);
    assert_int_equal(tags_of(10, &t), MN_POST_TAGS_MAX);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names_are_compared_as_people_mean_them),
        CASE(what_is_no_tag_has_no_key),
        CASE(a_text_holds_each_tag_once),
        CASE(an_edit_takes_tags_away_and_adds_others),
        CASE(a_deleted_post_has_no_tags),
        CASE(a_post_has_a_limit_of_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
