#include "test.h"

#include <locale.h>
#include <math.h>

#include "base/base_int.h"
#include "base/hash.h"

#define S(literal) MN_STR(literal)

static void slices_compare_bytewise(void **state)
{
    (void)state;
    OK(mn_str_eq(S("a"), S("a")) && !mn_str_eq(S("a"), S("b")) && !mn_str_eq(S("a"), S("ab")));
    OK(mn_str_eq(MN_STR_NONE, S("")) && mn_str_eqz(S("mynah"), "mynah"));
    OK(mn_str_eq_nocase(S("MyNaH"), S("mYnAh")) && !mn_str_eq_nocase(S("É"), S("é")));
    OK(!mn_str_eq_nocase(S("["), S("{")) && !mn_str_eq_nocase(S("@"), S("`")));
    OK(mn_str_cmp(S("a"), S("b")) < 0 && mn_str_cmp(S("ab"), S("a")) > 0);
    OK(mn_str_cmp(S("\xff"), S("a")) > 0 && mn_str_cmp(S(""), MN_STR_NONE) == 0);
    OK(mn_str_starts(S("https://x"), "https:") && !mn_str_starts(S("h"), "https:"));
    OK(mn_str_ends(S("a.json"), ".json") && !mn_str_ends(S("n"), ".json"));
    OK(mn_str_starts(MN_STR_NONE, "") && mn_str_ends(MN_STR_NONE, ""));
}

static void slices_are_cut_within_bounds(void **state)
{
    (void)state;
    IS(mn_str_trim(S(" \t\r\n\v\f a b \n")), "a b");
    OK(mn_str_trim(S("   ")).len == 0);
    IS(mn_str_sub(S("abcdef"), 2, 3), "cde");
    IS(mn_str_sub(S("abcdef"), 4, SIZE_MAX), "ef");
    OK(mn_str_sub(S("abc"), 9, 1).len == 0 && mn_str_sub(S("abc"), 9, 1).ptr);
    OK(!mn_str_sub(MN_STR_NONE, 1, 1).ptr);
    assert_int_equal(mn_str_find(S("banana"), S("ana"), 0), 1);
    assert_int_equal(mn_str_find(S("banana"), S("ana"), 2), 3);
    OK(mn_str_find(S("banana"), S("x"), 0) == SIZE_MAX);
    OK(mn_str_find(S("banana"), S("ana"), 4) == SIZE_MAX);
    OK(mn_str_find(S("ab"), S("abc"), 0) == SIZE_MAX &&
       mn_str_find(S("a"), S("a"), 7) == SIZE_MAX);
    assert_int_equal(mn_str_find(S("abc"), S(""), 3), 3);
}

static void splitting_walks_through_all_fields(void **state)
{
    (void)state;
    mn_str rest = S("a,,b,");
    IS(mn_str_split(rest, ',', &rest), "a");
    IS(mn_str_split(rest, ',', &rest), "");
    IS(mn_str_split(rest, ',', &rest), "b");
    OK(rest.ptr && rest.len == 0);
    IS(mn_str_split(rest, ',', &rest), "");
    OK(!rest.ptr);
    OK(mn_str_split(MN_STR_NONE, ',', &rest).len == 0 && !rest.ptr);
}

static void arena_strings_are_terminated(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 2000);
    assert_string_equal(mn_str_dup(&a, (mn_str){"abc", 2}).ptr, "ab");
    assert_string_equal(mn_str_fmt(&a, "%d-%s", 5, "x").ptr, "5-x");
    mn_str longer = mn_str_fmt(&a, "%0500d", 7);
    OK(longer.len == 500 && longer.ptr[499] == '7' && longer.ptr[500] == '\0');
    OK(!mn_str_fmt(&a, "%03000d", 7).ptr);
    mn_arena_release(&a);
}

static void edit_distance_counts_typing_mistakes(void **state)
{
    (void)state;
    assert_int_equal(mn_str_distance(S("threads"), S("threads")), 0);
    assert_int_equal(mn_str_distance(S("thread"), S("threads")), 1);
    assert_int_equal(mn_str_distance(S("htreads"), S("threads")), 1);
    assert_int_equal(mn_str_distance(S("kitten"), S("sitting")), 3);
    assert_int_equal(mn_str_distance(S(""), S("abc")), 3);
    char big[65] = {0};
    OK(mn_str_distance((mn_str){big, 65}, S("a")) == SIZE_MAX);
    assert_int_equal(mn_str_distance((mn_str){big, 64}, S("")), 64);
}

/* ---- numbers from text --------------------------------------------------------------------------------------- */

static void whole_numbers_are_read_to_their_limits(void **state)
{
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    FAILS(MN_OK, mn_str_to_u64(S("18446744073709551615"), &u));
    OK(u == UINT64_MAX);
    u = 7;
    FAILS(MN_E_LIMIT, mn_str_to_u64(S("18446744073709551616"), &u));
    FAILS(MN_E_LIMIT, mn_str_to_u64(S("99999999999999999999999"), &u));
    const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1.0", "one", "٣"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        FAILS(MN_E_PARSE, mn_str_to_u64(mn_str_from(bad[k]), &u));
    FAILS(MN_E_PARSE, mn_str_to_u64(S("99999999999999999999999x"), &u));
    FAILS(MN_E_PARSE, mn_str_to_u64(MN_STR_NONE, &u));
    OK(u == 7);
    FAILS(MN_OK, mn_str_to_i64(S("-9223372036854775808"), &i));
    OK(i == INT64_MIN);
    FAILS(MN_OK, mn_str_to_i64(S("+9223372036854775807"), &i));
    OK(i == INT64_MAX);
    FAILS(MN_E_LIMIT, mn_str_to_i64(S("9223372036854775808"), &i));
    FAILS(MN_E_LIMIT, mn_str_to_i64(S("-9223372036854775809"), &i));
    FAILS(MN_E_PARSE, mn_str_to_i64(S("--1"), &i));
    FAILS(MN_E_PARSE, mn_str_to_i64(S("-"), &i));
    OK(i == INT64_MAX);
}

static void reads(const char *text, double value)
{
    double x = 0;
    if (mn_str_to_f64(mn_str_from(text), &x) != MN_OK || memcmp(&x, &value, sizeof x) != 0)
        fail_msg("'%s' gave %.17g, expected %.17g", text, x, value);
}

static void doubles_are_read_exactly(void **state)
{
    (void)state;
    reads("0", 0), reads("-0", -0.0), reads("1", 1), reads("+1.5", 1.5), reads(".5", .5);
    reads("5.", 5), reads("0.1", 0.1), reads("1e22", 1e22), reads("1e23", 1e23);
    reads("123456789.123456789e-5", 1234.56789123456789);
    reads("9007199254740993", 9007199254740992.0);
    reads("9007199254740993.00000000000000000000000000001", 9007199254740994.0);
    reads("1.7976931348623157e308", 1.7976931348623157e308), reads("5e-324", 5e-324);
    reads("2.2250738585072011e-308", 2.2250738585072011e-308), reads("1e-400", 0);
    reads("0e999999999999999999999", 0), reads("00001", 1);
    reads("100000000000000000000000000000e-29", 1);
    reads("0.00000000000000000000000000000000000001", 1e-38);
    char many[900];
    memset(many, '3', sizeof many);
    many[1] = '.', many[899] = '\0';
    reads(many, 10.0 / 3);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    double x = 7;
    const char *const bad[] = {"",    ".",     "-",     "+",   "e1",  "1e",
                               "1e+", "1.2.3", "0x10",  "inf", "nan", "NaN",
                               "1 ",  " 1",    "1e1.0", "1,5", "--1", "infinity"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        FAILS(MN_E_PARSE, mn_str_to_f64(mn_str_from(bad[k]), &x));
    FAILS(MN_E_LIMIT, mn_str_to_f64(S("1e999"), &x));
    FAILS(MN_E_LIMIT, mn_str_to_f64(S("-1e309"), &x));
    OK(x == 7);
}

static void the_locale_changes_nothing(void **state)
{
    (void)state;
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    bool set = false;
    for (size_t i = 0; i < 4 && !set; i++) set = setlocale(LC_ALL, names[i]) != NULL;
    if (!set) SKIP("no locale with a decimal comma is installed");
    reads("1.5", 1.5), reads("1.00000000000000000000001", 1);
    char tmp[32];
    size_t n = mn_base__f64_put(0.1 + 0.2, tmp);
    IS(((mn_str){tmp, n}), "0.30000000000000004");
    setlocale(LC_ALL, "C");
}

static void random_doubles_read_as_the_c_library_does(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = mn_rand_at(1, 0, i);
        double v;
        char text[64];
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        if (i % 2) v = (double)(int64_t)(bits % 2000000) / 1000 - 1000;
        snprintf(text, sizeof text, "%.*g", (int)(i % 17) + 1, v);
        reads(text, strtod(text, NULL));
    }
}

/* ---- shortest text ------------------------------------------------------------------------------------------- */

static void shortest(double v, const char *text)
{
    char tmp[32];
    mn_str s = {tmp, mn_base__f64_put(v, tmp)};
    if (!mn_str_eqz(s, text)) fail_msg("%.17g gave %.*s, expected %s", v, MN_STR_FMT(s), text);
}

static void doubles_are_written_shortest(void **state)
{
    (void)state;
    shortest(0, "0"), shortest(-0.0, "-0"), shortest(1, "1"), shortest(-1.5, "-1.5");
    shortest(0.1, "0.1"), shortest(100, "100"), shortest(1e20, "100000000000000000000");
    shortest(1e21, "1e+21"), shortest(1e22, "1e+22"), shortest(1e-6, "0.000001");
    shortest(1.5e-7, "1.5e-7"), shortest(5e-324, "5e-324"),
        shortest(0.30000000000000004, "0.30000000000000004");
    shortest(1.7976931348623157e308, "1.7976931348623157e+308"),
        shortest(1.0 / 3, "0.3333333333333333");
    shortest(2.2250738585072014e-308, "2.2250738585072014e-308"),
        shortest(9007199254740993, "9007199254740992");
    shortest(123456.789, "123456.789"), shortest(0x1p-44, "5.684341886080802e-14");
    shortest(9.5367431640625e-7, "9.5367431640625e-7"), shortest(1e23, "1e+23");
}

static int digits_in(mn_str s)
{
    int n = 0, zeros = 0;
    for (size_t i = 0; i < s.len && s.ptr[i] != 'e'; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || (n == 0 && s.ptr[i] == '0')) continue;
        n++;
        zeros = s.ptr[i] == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

static void any_double_reads_back_and_no_shorter_text_would(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t bits = mn_rand_at(2, 0, i);
        double v, back;
        char tmp[32], c_text[40];
        if (i % 3 == 1) bits &= UINT64_C(0xFFF0000000000000);             /* powers of two */
        if (i % 3 == 2) bits &= UINT64_C(0x800FFFFFFFFFFFFF) >> (i % 40); /* subnormal */
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v) || v == 0) continue;
        mn_str s = {tmp, mn_base__f64_put(v, tmp)};
        OK(s.len <= sizeof tmp);
        OK(mn_str_to_f64(s, &back) == MN_OK && memcmp(&v, &back, sizeof v) == 0);
        int p = 1;
        for (; p < 17; p++) {
            snprintf(c_text, sizeof c_text, "%.*e", p - 1, v);
            if (strtod(c_text, NULL) == v) break;
        }
        if (digits_in(s) > p) fail_msg("%.*s has more than %d digits", MN_STR_FMT(s), p);
    }
}

/* ---- buffers ------------------------------------------------------------------------------------------------- */

static void a_buffer_is_always_terminated(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    assert_string_equal(b.ptr, "");
    mn_buf_addz(&b, "ab");
    mn_buf_addc(&b, 'c');
    mn_buf_adds(&b, S("de"));
    mn_buf_addf(&b, "%d", 42);
    mn_buf_addu(&b, UINT64_MAX);
    mn_buf_addi(&b, INT64_MIN);
    mn_buf_adds(&b, MN_STR_NONE);
    assert_string_equal(b.ptr, "abcde4218446744073709551615-9223372036854775808");
    assert_int_equal(b.len, strlen(b.ptr));
    mn_buf_clear(&b);
    assert_string_equal(b.ptr, "");
    OK(b.cap > 0);
    mn_buf_addf(&b, "%0999d", 1);
    OK(b.len == 999 && b.ptr[998] == '1' && b.ptr[999] == '\0');
    mn_buf_release(&b);
    OK(b.cap == 0 && b.len == 0);
    assert_string_equal(b.ptr, "");
    mn_buf zero = {0};
    IS(mn_buf_str(&zero), "");
    mn_buf_addz(&zero, "x");
    assert_string_equal(zero.ptr, "x");
    mn_buf_release(&zero);
}

static void numbers_of_every_length_are_written(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    for (uint64_t v = 1, i = 0; i < 20; i++, v *= 10)
        for (int d = -1; d <= 1; d++) {
            char text[32];
            mn_buf_clear(&b);
            mn_buf_addu(&b, v + (uint64_t)d);
            snprintf(text, sizeof text, "%llu", (unsigned long long)(v + (uint64_t)d));
            assert_string_equal(b.ptr, text);
        }
    mn_buf_release(&b);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 5);
    FAILS(MN_OK, mn_buf_addz(&b, "abc"));
    FAILS(MN_E_LIMIT, mn_buf_addz(&b, "def"));
    assert_string_equal(b.ptr, "abc");
    FAILS(MN_E_LIMIT, mn_buf_addc(&b, 'd')); /* so that nothing is missing in the middle */
    FAILS(MN_E_LIMIT, mn_buf_addf(&b, "%d", 1));
    assert_int_equal(b.failed, MN_E_LIMIT);
    assert_string_equal(b.ptr, "abc");
    mn_buf_clear(&b);
    assert_int_equal(b.failed, MN_OK);
    FAILS(MN_OK, mn_buf_addz(&b, "abcde"));
    FAILS(MN_E_LIMIT, mn_buf_reserve(&b, 1));
    mn_buf_clear(&b);
    FAILS(MN_E_LIMIT, mn_buf_addf(&b, "%0300d", 1));
    mn_buf_clear(&b);
    FAILS(MN_E_LIMIT, mn_buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.max, 5);
    mn_buf_release(&b);
}

static void a_buffer_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    for (long n = 1; n < 6; n++) {
        mn_buf b;
        char all[4001] = {0}, part[401];
        mn_buf_init(&b, 0);
        memset(part, 'x', 400);
        part[400] = 0;
        mn_mem_fail_after(n);
        size_t kept = 0;
        for (int i = 0; i < 10; i++)
            if (mn_buf_addz(&b, part) == MN_OK) kept += 400;
        mn_mem_fail_after(0);
        assert_int_equal(b.failed, MN_E_NOMEM);
        memset(all, 'x', kept);
        assert_string_equal(b.ptr, all);
        FAILS(MN_E_NOMEM, mn_buf_addc(&b, 'y'));
        mn_buf_release(&b);
    }
}

/* ---- UTF-8 --------------------------------------------------------------------------------------------------- */

static void every_scalar_value_survives_utf8(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        char tmp[4];
        uint32_t back = 1;
        size_t n = mn_utf8_encode(cp, tmp);
        bool scalar = cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
        if ((n != 0) != scalar) fail_msg("U+%04X", cp);
        if (!n) continue;
        if (mn_utf8_decode(tmp, n, &back) != n || back != cp) fail_msg("U+%04X", cp);
        for (size_t k = 1; k < n; k++) assert_int_equal(mn_utf8_decode(tmp, k, &back), 0);
    }
    uint32_t cp;
    assert_int_equal(mn_utf8_decode("", 0, &cp), 0);
}

/* The definition, written another way: decode by bits, then require that encoding gives the same bytes. */
static bool valid_by_definition(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = p[i] < 0x80       ? 1
                     : p[i] >> 5 == 6  ? 2
                     : p[i] >> 4 == 14 ? 3
                     : p[i] >> 3 == 30 ? 4
                                       : 0;
        if (!len || i + len > n) return false;
        uint32_t cp = len == 1 ? p[i] : p[i] & (0x7Fu >> len);
        for (size_t k = 1; k < len; k++) {
            if (p[i + k] >> 6 != 2) return false;
            cp = cp << 6 | (p[i + k] & 0x3F);
        }
        char tmp[4];
        if (mn_utf8_encode(cp, tmp) != len) return false;
        i += len;
    }
    return true;
}

static void validity_agrees_with_its_definition(void **state)
{
    (void)state;
    static const unsigned char pool[] = {0x00, 'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                         0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                         0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    static const char *const good[] = {
        "a", "é", "語", "🐦", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80"};
    int n_valid = 0;
    for (uint64_t i = 0; i < 60000; i++) {
        unsigned char *text = malloc(128); /* exact sizes, for the sanitizer */
        size_t n = 0, want = mn_rand_at(3, i, 0) % 100;
        for (uint64_t k = 1; n < want; k++) {
            uint64_t r = mn_rand_at(3, i, k);
            const char *g = good[r % 7];
            if (r % 16 < 9) text[n++] = 'x';
            else memcpy(text + n, g, strlen(g)), n += strlen(g);
        }
        if (i % 2 && n) text[mn_rand_at(4, i, 0) % n] = pool[mn_rand_at(4, i, 1) % sizeof pool];
        if (i % 5 == 0 && n) n -= mn_rand_at(4, i, 2) % (n < 4 ? n : 4);
        text = realloc(text, n ? n : 1);
        bool v = valid_by_definition(text, n);
        if (mn_utf8_valid((mn_str){(char *)text, n}) != v)
            fail_msg("text %llu", (unsigned long long)i);
        n_valid += v;
        free(text);
    }
    OK(n_valid > 10000 && n_valid < 50000);
}

static void all_short_sequences_are_judged_right(void **state)
{
    (void)state;
    for (uint32_t v = 0; v < 1 << 24; v += v < 0x10000 ? 1 : 7) {
        unsigned char p[40];
        memset(p, 'a', sizeof p);
        p[17] = (unsigned char)v, p[18] = (unsigned char)(v >> 8),
        p[19] = (unsigned char)(v >> 16);
        if (mn_utf8_valid((mn_str){(char *)p, sizeof p}) != valid_by_definition(p, sizeof p))
            fail_msg("%06x", v);
    }
}

static void code_points_are_counted_and_cut_whole(void **state)
{
    (void)state;
    mn_str s = S("aé語🐦z");
    assert_int_equal(mn_utf8_count(s), 5);
    IS(mn_utf8_cut(s, 100), "aé語🐦z");
    IS(mn_utf8_cut(s, 10), "aé語🐦");
    IS(mn_utf8_cut(s, 9), "aé語");
    IS(mn_utf8_cut(s, 6), "aé語");
    IS(mn_utf8_cut(s, 5), "aé");
    IS(mn_utf8_cut(s, 2), "a");
    assert_int_equal(mn_utf8_cut(s, 0).len, 0);
    for (size_t n = 0; n < 300; n++) {
        char text[600];
        for (size_t i = 0; i < n; i++) memcpy(text + 2 * i, "é", 2);
        assert_int_equal(mn_utf8_count((mn_str){text, 2 * n}), n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slices_compare_bytewise),
        TEST(slices_are_cut_within_bounds),
        TEST(splitting_walks_through_all_fields),
        TEST(arena_strings_are_terminated),
        TEST(edit_distance_counts_typing_mistakes),
        TEST(whole_numbers_are_read_to_their_limits),
        TEST(doubles_are_read_exactly),
        TEST(what_is_no_number_is_refused),
        TEST(the_locale_changes_nothing),
        TEST(random_doubles_read_as_the_c_library_does),
        TEST(doubles_are_written_shortest),
        TEST(any_double_reads_back_and_no_shorter_text_would),
        TEST(a_buffer_is_always_terminated),
        TEST(numbers_of_every_length_are_written),
        TEST(a_full_buffer_stays_as_it_was),
        TEST(a_buffer_without_memory_stays_as_it_was),
        TEST(every_scalar_value_survives_utf8),
        TEST(validity_agrees_with_its_definition),
        TEST(all_short_sequences_are_judged_right),
        TEST(code_points_are_counted_and_cut_whole),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
