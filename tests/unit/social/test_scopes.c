/* Scopes: names, sets, what covers what. */
#include "test.h"

#include "social/access.h"

static mn_arena ar;
static mn_err e;

static int set_up(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    return 0;
}

static mn_scopes of(const char *text)
{
    mn_scopes s = 0;
    RUN(mn_scopes_parse(mn_str_from(text), &s, &e));
    return s;
}

static void a_wide_scope_covers_its_parts_and_nothing_else(void **state)
{
    (void)state;
    OK(mn_scopes_cover(of("read"), of("read:statuses read:accounts")));
    OK(!mn_scopes_cover(of("read"), of("write:statuses")));
    OK(!mn_scopes_cover(of("read write"), of("admin:read:accounts")));
    OK(!mn_scopes_cover(of("read:statuses"), of("read")));
    OK(mn_scopes_cover(of("admin:write"), of("admin:write:reports")));
    OK(!mn_scopes_cover(of("admin:write"), of("write:reports")));
    OK(!mn_scopes_cover(of("read write follow"), of("push")));
}

static void follow_is_six_of_read_and_write(void **state)
{
    (void)state;
    OK(of("follow") ==
       of("read:blocks read:follows read:mutes write:blocks write:follows write:mutes"));
    OK(mn_scopes_cover(of("read write"), of("follow")));
    OK(!mn_scopes_cover(of("follow"), of("admin:read:ip_blocks")));
    OK(!mn_scopes_cover(of("follow"), of("admin:write:domain_blocks")));
}

static void nothing_asked_is_read_and_plus_separates_too(void **state)
{
    (void)state;
    OK(of("") == of("read") && of("  ") == of("read"));
    OK(of("read+write") == of("write read"));
}

static void what_is_no_scope_is_named(void **state)
{
    (void)state;
    mn_scopes s = 42;
    FAILS(MN_E_PARSE, mn_scopes_parse(MN_STR("read everything"), &s, &e));
    OK(strstr(e.msg, "'everything'") != NULL && s == 42);
    FAILS(MN_E_PARSE, mn_scopes_parse(MN_STR("admin:read:rest"), &s, &e));
    FAILS(MN_E_PARSE, mn_scopes_parse(MN_STR("admin"), &s, &e));
    FAILS(MN_E_PARSE, mn_scopes_parse(MN_STR("read:"), &s, &e));
    FAILS(MN_E_PARSE, mn_scopes_parse(MN_STR("READ"), &s, &e));
}

static void the_shortest_text_is_found_and_reads_back(void **state)
{
    (void)state;
    IS(mn_scopes_text(of("write push read:statuses read"), &ar), "read write push");
    IS(mn_scopes_text(of("follow profile"), &ar), "follow profile");
    for (size_t i = 0; mn_scopes_name(i); i++) {
        mn_scopes one = of(mn_scopes_name(i));
        mn_str text = mn_scopes_text(one, &ar);
        IS(text, mn_scopes_name(i));
        OK(of(text.ptr) == one && one != 0);
    }
}

static void what_was_asked_is_kept_in_its_words_each_once(void **state)
{
    (void)state;
    IS(mn_scopes_names(MN_STR("read  write+follow read push"), &ar), "read write follow push");
    IS(mn_scopes_names(MN_STR_NONE, &ar), "read");
}

static void a_member_is_never_granted_what_moderators_may(void **state)
{
    (void)state;
    OK(!(mn_scopes_all(MN_ROLE_MEMBER) & of("admin:read admin:write")));
    OK(mn_scopes_cover(mn_scopes_all(MN_ROLE_MEMBER), of("read write follow push profile")));
    OK(mn_scopes_cover(mn_scopes_all(MN_ROLE_MODERATOR), of("admin:read admin:write")));
}

static void meanings_are_one_line_for_a_wide_scope(void **state)
{
    (void)state;
    const char *lines[MN_SCOPE_LINES];
    assert_int_equal(mn_scopes_meanings(of("read write follow push"), lines), 3);
    assert_int_equal(mn_scopes_meanings(of("read:statuses"), lines), 1);
    OK(strstr(lines[0], "private messages") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wide_scope_covers_its_parts_and_nothing_else),
        TEST(follow_is_six_of_read_and_write),
        TEST(nothing_asked_is_read_and_plus_separates_too),
        TEST(what_is_no_scope_is_named),
        TEST(the_shortest_text_is_found_and_reads_back),
        TEST(what_was_asked_is_kept_in_its_words_each_once),
        TEST(a_member_is_never_granted_what_moderators_may),
        TEST(meanings_are_one_line_for_a_wide_scope),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
