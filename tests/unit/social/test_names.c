#include "test.h"

#include "social/social.h"

static mn_err e;

static void plain_names_are_fine(void **state)
{
    (void)state;
    static const char *const names[] = {"a",     "Ada",  "a.b-c", "_",
                                        "x_1.2", "9to5", "tags_", "z..z"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        RUN(mn_social_name_check(mn_str_from(names[i]), &e));
}

static void names_that_would_break_an_address_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",    ".a",    "a.",           "-a",   "a-",
                                        "a b", "a/b",   "a@b",          "a\nb", "\xc3\xa9",
                                        "a%b", "a\xff", "\xe2\x80\xae", "a?b",  "a#b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        FAILS(MN_E_USAGE, mn_social_name_check(mn_str_from(names[i]), &e));
    FAILS(MN_E_USAGE, mn_social_name_check((mn_str){"a\0b", 3}, &e));
}

static void a_name_has_at_most_64_bytes(void **state)
{
    (void)state;
    char name[65];
    memset(name, 'n', 65);
    RUN(mn_social_name_check((mn_str){name, 64}, &e));
    FAILS(MN_E_USAGE, mn_social_name_check((mn_str){name, 65}, &e));
}

static void reserved_names_are_refused_in_any_case(void **state)
{
    (void)state;
    static const char *const names[] = {"api",  "OAuth", "ADMIN",    "inbox",      "users",
                                        "tags", "model", "operator", "robots.txt", "www"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        FAILS(MN_E_USAGE, mn_social_name_check(mn_str_from(names[i]), &e));
    OK(strstr(e.msg, "reserved"));
}

static void a_name_is_made_from_any_text(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Bob's Quotes", "bobs_quotes"},
        {"Bob\xe2\x80\x99s  --  Quotes!", "bobs_quotes"},
        {"\xc3\x89lan vital", "elan_vital"},
        {"Stra\xc3\x9f"
         "e",
         "strase"},
        {"\xc4\x8c\xc3\xa1slav \xc5\xbb", "caslav_z"},
        {"__x__y__", "x_y"},
        {"Admin", "admin_"},
        {"a\xff"
         "b",
         "a_b"},
    };
    mn_arena a;
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_str name = mn_social_name_from(mn_str_from(cases[i][0]), &a);
        if (!mn_str_eqz(name, cases[i][1]))
            fail_msg("'%s' gives '%.*s'", cases[i][0], MN_STR_FMT(name));
    }
    mn_arena_release(&a);
}

static void whatever_the_text_the_name_is_one_that_passes(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    char text[200];
    uint32_t x = 12345;
    for (int i = 0; i < 20000; i++) {
        size_t n = (x = x * 1664525 + 1013904223) >> 24;
        if (n > sizeof text) n = sizeof text;
        for (size_t k = 0; k < n; k++)
            text[k] = (char)((x = x * 1664525 + 1013904223) >> (i % 2 ? 24 : 25));
        mn_str name = mn_social_name_from((mn_str){text, n}, &a);
        RUN(mn_social_name_check(name, &e));
        if (i % 1000 == 0) mn_arena_reset(&a);
    }
    /* scripts we cannot fold get a name that is stable and their own */
    mn_str one = mn_social_name_from(MN_STR("\xe6\x97\xa5\xe6\x9c\xac"), &a);
    mn_str two = mn_social_name_from(MN_STR("\xe4\xb8\xad\xe5\x9b\xbd"), &a);
    OK(mn_str_starts(one, "account_") && !mn_str_eq(one, two));
    OK(mn_str_eq(one, mn_social_name_from(MN_STR("\xe6\x97\xa5\xe6\x9c\xac"), &a)));
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_names_are_fine),         TEST(names_that_would_break_an_address_are_refused),
        TEST(a_name_has_at_most_64_bytes),  TEST(reserved_names_are_refused_in_any_case),
        TEST(a_name_is_made_from_any_text), TEST(whatever_the_text_the_name_is_one_that_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
