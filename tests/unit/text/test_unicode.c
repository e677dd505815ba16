#include "test.h"

#include <utf8proc.h>

#include "base/clock.h"
#include "text/unicode.h"

static void every_code_point_has_the_class_that_utf8proc_says(void **state)
{
    uint32_t later = 0; /* letters and numbers newer than utf8proc's Unicode 15.0 */
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        if (c == UTF8PROC_CATEGORY_CN &&
            (mn_uclass_of(cp) == MN_U_LETTER || mn_uclass_of(cp) == MN_U_NUMBER)) {
            later++;
            continue;
        }
        bool letter = c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
        bool number = c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO;
        bool mark = c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
        mn_uclass got = mn_uclass_of(cp);
        if (letter != (got == MN_U_LETTER) || number != (got == MN_U_NUMBER) ||
            mark != mn_umark(cp))
            fail_msg("U+%04X", cp);
        if (mn_ulower(cp) != (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp))
            fail_msg("lower case of U+%04X", cp);
    }
    if (strcmp(utf8proc_unicode_version(), "15.0.0") == 0) assert_int_equal(later, 5004);
    OK(mn_uclass_of(0x1C89) == MN_U_LETTER && mn_uclass_of(0x1CCF0) == MN_U_NUMBER &&
       mn_uclass_of(0x13460) == MN_U_LETTER);
}

static void the_white_space_is_the_25_characters_of_the_property(void **state)
{
    static const uint32_t want[] = {
        0x9,    0xA,    0xB,    0xC,    0xD,    0x20,   0x85,   0xA0,   0x1680,
        0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
        0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
    };
    size_t n = 0;
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (mn_uclass_of(cp) != MN_U_SPACE) continue;
        OK(n < sizeof want / sizeof *want);
        assert_int_equal(cp, want[n++]);
    }
    assert_int_equal(n, sizeof want / sizeof *want);
}

static void beyond_unicode_there_is_nothing(void **state)
{
    (void)state;
    for (uint32_t cp = 0x110000; cp; cp <<= 1) {
        assert_int_equal(mn_uclass_of(cp), MN_U_OTHER);
        OK(!mn_umark(cp) && !mn_uemoji(cp));
        assert_int_equal(mn_ulower(cp), cp);
    }
    assert_int_equal(mn_uclass_of(UINT32_MAX), MN_U_OTHER);
}

static void emoji_are_known_and_letters_are_not_emoji(void **state)
{
    static const uint32_t yes[] = {0x1F642, 0x1F468, 0x2764, 0x1F1E9,
                                   0x1F3FB, 0x1F3FF, 0xFE0F, 0x200D};
    static const uint32_t no[] = {'a', '1', '#', 0xE9, 0x4E00, 0x301, 0x200C, 0x10FFFF};
    (void)state;
    for (size_t i = 0; i < 8; i++) OK(mn_uemoji(yes[i]) && !mn_uemoji(no[i]));
}

static void nfc_is(mn_str in, mn_str want)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    assert_int_equal(mn_unfc(in, &b), MN_OK);
    if (!mn_str_eq(mn_buf_str(&b), want))
        fail_msg("'%s' became '%s'", in.ptr, b.ptr ? b.ptr : "");
    mn_buf_release(&b);
}

static void nfc_composes_and_orders_marks(void **state)
{
    (void)state;
    nfc_is(MN_STR(""), MN_STR(""));
    nfc_is(MN_STR("plain text"), MN_STR("plain text"));
    nfc_is(MN_STR("cafe\u0301 ol\u00e9 e"), MN_STR("caf\u00e9 ol\u00e9 e"));
    nfc_is(MN_STR("q\u0307\u0323"), MN_STR("q\u0323\u0307"));
    nfc_is(MN_STR("\u1112\u1161\u11ab"), MN_STR("\ud55c"));
    nfc_is(MN_STR("\u212b\u2126"), MN_STR("\u00c5\u03a9"));
    nfc_is(MN_STR("\u0958"), MN_STR("\u0915\u093c")); /* an exclusion of composition */
    nfc_is(MN_STR("\u0301x"), MN_STR("\u0301x"));
}

static void nfc_agrees_with_utf8proc_on_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 1; cp <= 0x10FFFF; cp++) {
        char in[16] = "a";
        size_t n = mn_utf8_encode(cp, in + 1);
        if (!n) continue;
        memcpy(in + 1 + n, "\u0323\u0301", 5);
        utf8proc_uint8_t *want = utf8proc_NFC((const utf8proc_uint8_t *)in);
        nfc_is(mn_str_from(in), mn_str_from((const char *)want));
        (free)(want);
    }
}

static void nfc_refuses_what_is_not_utf8(void **state)
{
    mn_buf b;
    (void)state;
    mn_buf_init(&b, 0);
    FAILS(MN_E_PARSE, mn_unfc(MN_STR("a\xc3"), &b));
    FAILS(MN_E_PARSE, mn_unfc(MN_STR("\xff\xfe"), &b));
    mn_buf_release(&b);
}

static void a_post_of_a_million_marks_takes_linear_time(void **state)
{
    enum { N = 500000 };
    mn_buf in, out;
    (void)state;
    mn_buf_init(&in, 0);
    mn_buf_init(&out, 0);
    for (int i = 0; i < N; i++)
        mn_buf_addz(&in, "\u0301\u0323"); /* each pair is out of order */
    double from = mn_thread_cpu_s();
    assert_int_equal(mn_unfc(mn_buf_str(&in), &out), MN_OK);
    OK(mn_thread_cpu_s() - from < 5); /* quadratic: minutes */
    assert_int_equal(out.len, in.len);
    OK(memcmp(out.ptr, "\u0323\u0323", 4) == 0);
    OK(memcmp(out.ptr + out.len - 4, "\u0301\u0301", 4) == 0);
    mn_buf_release(&in);
    mn_buf_release(&out);
}

static void nfc_says_when_memory_runs_out(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        mn_buf b;
        mn_buf_init(&b, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_unfc(MN_STR("e\u0301\u0323 \u00e9"), &b);
        mn_mem_fail_after(0);
        mn_buf_release(&b);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(n < 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_code_point_has_the_class_that_utf8proc_says),
        TEST(the_white_space_is_the_25_characters_of_the_property),
        TEST(beyond_unicode_there_is_nothing),
        TEST(emoji_are_known_and_letters_are_not_emoji),
        TEST(nfc_composes_and_orders_marks),
        TEST(nfc_agrees_with_utf8proc_on_every_code_point),
        TEST(nfc_refuses_what_is_not_utf8),
        TEST(a_post_of_a_million_marks_takes_linear_time),
        TEST(nfc_says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
