#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/json.h"

static mn_arena arena;
static mn_err e;

static int begin(void **state)
{
    (void)state;
    mn_arena_init(&arena, 0);
    e = (mn_err){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    mn_mem_fail_after(0);
    mn_arena_release(&arena);
    return 0;
}

static mn_json *parse(const char *text)
{
    mn_json *v = NULL;
    RUN(mn_json_parse(mn_str_from(text), &arena, &v, &e));
    return v;
}

static void refuse(mn_str text, mn_rc rc, const char *msg)
{
    mn_json *v = NULL;
    mn_err why = {0};
    mn_rc got = mn_json_parse(text, &arena, &v, &why);
    if (got != rc || v) fail_msg("%.*s: %s", MN_STR_FMT(text), mn_rc_name(got));
    if (msg && strcmp(why.msg, msg) != 0)
        fail_msg("%.*s: '%s', expected '%s'", MN_STR_FMT(text), why.msg, msg);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static void a_document_is_read_in_one_pass(void **state)
{
    (void)state;
    mn_json_reader r;
    mn_str key, s;
    bool more, b;
    int64_t n;
    double x, sum = 0;
    mn_json_reader_init(
        &r,
        MN_STR(" {\"id\" : 17,\"t\":\"a\\u00e9\\n\", \"l\":[1,2.5 , -3e0],\"b\":true,"
               "\"z\":null,\"skip\":{\"a\":[{},[]]}} "),
        &arena, &e);
    mn_rc rc;
    int n_keys = 0;
    RUN(mn_json_object_enter(&r));
    while ((rc = mn_json_object_next(&r, &key, &more)) == MN_OK && more) {
        n_keys++;
        if (mn_str_eqz(key, "id")) {
            RUN(mn_json_read_i64(&r, &n));
            assert_int_equal(n, 17);
        } else if (mn_str_eqz(key, "t")) {
            RUN(mn_json_read_string(&r, &s));
            IS(s, "aé\n");
        } else if (mn_str_eqz(key, "l")) {
            RUN(mn_json_array_enter(&r));
            while ((rc = mn_json_array_next(&r, &more)) == MN_OK && more) {
                RUN(mn_json_read_f64(&r, &x));
                sum += x;
            }
            RUN(rc);
        } else if (mn_str_eqz(key, "b")) {
            RUN(mn_json_read_bool(&r, &b));
            OK(b);
        } else if (mn_str_eqz(key, "z")) {
            RUN(mn_json_read_null(&r));
        } else {
            RUN(mn_json_skip(&r));
        }
    }
    RUN(rc);
    RUN(mn_json_end(&r));
    assert_int_equal(n_keys, 6);
    OK(sum == 0.5);
}

static void plain_strings_are_borrowed_and_escaped_ones_are_not(void **state)
{
    (void)state;
    static const char text[] = "[\"plain\",\"esc\\taped\"]";
    mn_json_reader r;
    mn_str s;
    bool more;
    mn_json_reader_init(&r, mn_str_from(text), &arena, &e);
    RUN(mn_json_array_enter(&r));
    RUN(mn_json_array_next(&r, &more));
    RUN(mn_json_read_string(&r, &s));
    OK(s.ptr == text + 2);
    assert_int_equal(arena.used_bytes, 0);
    RUN(mn_json_array_next(&r, &more));
    RUN(mn_json_read_string(&r, &s));
    IS(s, "esc\taped");
    OK(s.ptr < text || s.ptr > text + sizeof text);
}

static void without_an_arena_escapes_are_refused(void **state)
{
    (void)state;
    mn_json_reader r;
    mn_str s = MN_STR("before");
    mn_json_reader_init(&r, MN_STR("\"a\\n\""), NULL, &e);
    FAILS(MN_E_PARSE, mn_json_read_string(&r, &s));
    IS(s, "before");
    mn_json_reader_init(&r, MN_STR("\"a\\n\\ud83d\\udc26\""), NULL, &e);
    RUN(mn_json_skip(&r));
    RUN(mn_json_end(&r));
}

static void every_escape_is_undone(void **state)
{
    (void)state;
    IS(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")->text, "\"\\/\b\f\n\r\t");
    IS(parse("\"\\u0041\\u00Df\\u8a9E\\uD83D\\uDC26\"")->text, "Aß語🐦");
    mn_str nul = parse("\"a\\u0000b\"")->text;
    OK(nul.len == 3 && memcmp(nul.ptr, "a\0b", 4) == 0);
}

static void long_strings_of_any_alignment_are_read(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++)
        for (size_t at = 0; at <= n; at++) {
            char *text = malloc(n + 10), want[96];
            memset(want, 'x', n);
            mn_buf b = {0};
            mn_json_writer w;
            if (at < n) want[at] = '"';
            mn_json_writer_init(&w, &b, 0);
            mn_jw_str(&w, (mn_str){want, n});
            memcpy(text, b.ptr, b.len); /* exact size: reads past the end are seen */
            text = realloc(text, b.len);
            mn_json *v;
            RUN(mn_json_parse((mn_str){text, b.len}, &arena, &v, &e));
            OK(mn_str_eq(v->text, (mn_str){want, n}));
            mn_buf_release(&b);
            free(text);
            mn_arena_reset(&arena);
        }
}

static void errors_say_where_and_what(void **state)
{
    (void)state;
    refuse(MN_STR("{\"a\" 1}"), MN_E_PARSE, "line 1, column 6: expected ':'");
    refuse(MN_STR("{\n  \"é\": tru\n}"), MN_E_PARSE,
           "line 2, column 8: expected true or false");
    refuse(MN_STR("[1,\n2,\n]"), MN_E_PARSE, "line 3, column 1: expected a value");
    refuse(MN_STR("{\"a\":1,}"), MN_E_PARSE, "line 1, column 8: expected a key in quotes");
    refuse(MN_STR("[1 2]"), MN_E_PARSE, "line 1, column 4: expected ',' or ']'");
    refuse(MN_STR("{\"a\":1 \"b\""), MN_E_PARSE, "line 1, column 8: expected ',' or '}'");
    refuse(MN_STR("[1"), MN_E_PARSE,
           "line 1, column 3: expected ',' or ']', but the text ends");
    refuse(MN_STR(""), MN_E_PARSE, "line 1, column 1: expected a value, but the text ends");
    refuse(MN_STR("1 x"), MN_E_PARSE, "line 1, column 3: expected the end of the text");
    refuse(MN_STR("\"ab\\q\""), MN_E_PARSE, "line 1, column 4: unknown escape in a string");
    refuse(MN_STR("\"\xff\""), MN_E_PARSE, "line 1, column 2: the string is not valid UTF-8");
    refuse(MN_STR("\"語\n\""), MN_E_PARSE,
           "line 1, column 3: a control character in a string must be escaped");
    refuse(MN_STR("{\"a\":0,\"a\":1}"), MN_E_PARSE, "the key \"a\" stands twice in one object");
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"nul",
                               "True",
                               "NaN",
                               "Infinity",
                               "-",
                               "+1",
                               "01",
                               "-01",
                               "1.",
                               ".5",
                               "1e",
                               "1e+",
                               "0x1",
                               "'a'",
                               "\"a",
                               "\"a\\",
                               "\"a\\\"",
                               "[",
                               "{",
                               "}",
                               "]",
                               "[,]",
                               "[1,,2]",
                               "{,}",
                               "{1:2}",
                               "{\"a\"}",
                               "{\"a\":}",
                               "[1}",
                               "{\"a\":1]",
                               "//x\n1",
                               "1 //",
                               "\"\\u12\"",
                               "\"\\u12g4\"",
                               "\"\\ud800\"",
                               "\"\\udc00\"",
                               "\"\\ud800\\u0041\"",
                               "\"\\ud800\\ud800\"",
                               "\"\\ud800x\"",
                               "\xEF\xBB\xBF{}",
                               "\"\t\"",
                               "\"\x7f\xc0\x80\"",
                               "[\"\\uD83D\\u\"]",
                               "\v1",
                               "1\f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(mn_str_from(bad[i]), MN_E_PARSE, NULL);
    refuse((mn_str){"1\0", 2}, MN_E_PARSE, NULL);
    refuse((mn_str){"\"a\0\"", 4}, MN_E_PARSE, NULL);
    refuse(MN_STR_NONE, MN_E_PARSE, NULL);
}

static void every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e3,\"x\\u00e9\\ud83d\\udc26é語\",true,false,null,{\"b\":{}}],\"c\":-0}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text, n);
        refuse((mn_str){copy, n}, MN_E_PARSE, NULL);
        free(copy);
    }
    parse(text);
}

static void depth_is_limited_to_64(void **state)
{
    (void)state;
    char text[200];
    mn_json_reader r;
    for (int depth = 63; depth <= 66; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        mn_str s = {text, (size_t)depth * 2};
        mn_json *v = NULL;
        assert_int_equal(mn_json_parse(s, &arena, &v, NULL), depth <= 64 ? MN_OK : MN_E_LIMIT);
        mn_json_reader_init(&r, s, NULL, NULL);
        assert_int_equal(mn_json_skip(&r), depth <= 64 ? MN_OK : MN_E_LIMIT);
    }
    refuse(mn_str_fmt(&arena, "%.*s", 66,
                      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
           MN_E_LIMIT, "line 1, column 65: nested more than 64 deep");
    for (int i = 0; i < 100; i++) parse("[[],[],{\"a\":{}},[[[]]]]"); /* depth falls again */
}

static void numbers_keep_their_text_and_their_range(void **state)
{
    (void)state;
    mn_json_reader r;
    int64_t i = 7;
    double x = 7;
    IS(parse("-12.50E+03")->text, "-12.50E+03");
    IS(parse("123456789012345678901234567890")->text, "123456789012345678901234567890");
    const struct {
        const char *text;
        mn_rc rc;
        int64_t v;
    } whole[] = {{"0", MN_OK, 0},
                 {"-0", MN_OK, 0},
                 {"9223372036854775807", MN_OK, INT64_MAX},
                 {"-9223372036854775808", MN_OK, INT64_MIN},
                 {"9223372036854775808", MN_E_PARSE, 7},
                 {"1.0", MN_E_PARSE, 7},
                 {"1e3", MN_E_PARSE, 7},
                 {"\"1\"", MN_E_PARSE, 7}};
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) {
        i = 7;
        mn_json_reader_init(&r, mn_str_from(whole[k].text), NULL, NULL);
        assert_int_equal(mn_json_read_i64(&r, &i), whole[k].rc);
        OK(i == whole[k].v);
    }
    mn_json_reader_init(&r, MN_STR("1e999"), NULL, &e);
    FAILS(MN_E_LIMIT, mn_json_read_f64(&r, &x));
    mn_json_reader_init(&r, MN_STR("-0.0"), NULL, &e);
    RUN(mn_json_read_f64(&r, &x));
    OK(x == 0 && signbit(x));
}

static void peeking_reads_nothing(void **state)
{
    (void)state;
    const char *const text[] = {"null", "true", "-1", "\"\"", "[]", "{}"};
    for (int i = 0; i < 6; i++) {
        mn_json_reader r;
        mn_json_type t;
        mn_json_reader_init(&r, mn_str_from(text[i]), NULL, &e);
        RUN(mn_json_peek(&r, &t));
        RUN(mn_json_peek(&r, &t));
        assert_int_equal(t, i);
        RUN(mn_json_skip(&r));
        RUN(mn_json_end(&r));
        FAILS(MN_E_PARSE, mn_json_peek(&r, &t));
    }
}

static void asking_for_the_wrong_type_fails(void **state)
{
    (void)state;
    const char *const text[] = {"null", "true", "1", "\"s\"", "[]", "{}"};
    for (int i = 0; i < 6; i++)
        for (int want = 0; want < 6; want++) {
            mn_json_reader r;
            bool b;
            mn_str s;
            mn_json_reader_init(&r, mn_str_from(text[i]), NULL, NULL);
            mn_rc rc = want == 0   ? mn_json_read_null(&r)
                       : want == 1 ? mn_json_read_bool(&r, &b)
                       : want == 2 ? mn_json_read_number(&r, &s)
                       : want == 3 ? mn_json_read_string(&r, &s)
                       : want == 4 ? mn_json_array_enter(&r)
                                   : mn_json_object_enter(&r);
            assert_int_equal(rc, i == want ? MN_OK : MN_E_PARSE);
        }
}

/* ---- the tree ------------------------------------------------------------------------------------------------ */

static void lookups_are_total(void **state)
{
    (void)state;
    mn_json *v = parse(
        "{\"id\":\"1993\",\"n\":-5,\"x\":2.5,\"b\":true,\"l\":[1,\"two\"],\"t\":\"text\"}");
    assert_int_equal(mn_json_i64(mn_json_get(v, "id"), 0), 1993);
    assert_int_equal(mn_json_u64(mn_json_get(v, "id"), 0), 1993);
    assert_int_equal(mn_json_i64(mn_json_get(v, "n"), 0), -5);
    assert_int_equal(mn_json_u64(mn_json_get(v, "n"), 9), 9);
    assert_int_equal(mn_json_i64(mn_json_get(v, "x"), 9), 9);
    assert_int_equal(mn_json_i64(mn_json_get(v, "t"), 9), 9);
    OK(mn_json_f64(mn_json_get(v, "x"), 0) == 2.5 && mn_json_f64(mn_json_get(v, "t"), 9) == 9);
    OK(mn_json_bool(mn_json_get(v, "b"), false) && mn_json_bool(mn_json_get(v, "n"), true));
    IS(mn_json_str(mn_json_at(mn_json_get(v, "l"), 1)), "two");
    OK(!mn_json_str(mn_json_at(mn_json_get(v, "l"), 0)).ptr);
    OK(!mn_json_at(mn_json_get(v, "l"), 2) && !mn_json_at(v, 0) && !mn_json_get(v, "none"));
    OK(!mn_json_get(NULL, "a") && !mn_json_at(NULL, 0) && !mn_json_str(NULL).ptr);
    OK(mn_json_i64(NULL, 3) == 3 && mn_json_u64(NULL, 3) == 3 && mn_json_f64(NULL, 3) == 3);
    OK(mn_json_bool(NULL, true) && !mn_json_get(mn_json_get(v, "l"), "id"));
    assert_int_equal(parse("[]")->n, 0);
    assert_int_equal(parse("{}")->n, 0);
}

static void repeated_keys_are_found_among_many(void **state)
{
    (void)state;
    mn_buf b = {0};
    for (int repeated = 0; repeated < 2; repeated++) {
        mn_json_writer w;
        mn_buf_clear(&b);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_object(&w);
        for (int i = 0; i < 5000; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%d", i);
            mn_jw_ki64(&w, key, i);
        }
        if (repeated) mn_jw_ki64(&w, "k17", 1);
        mn_jw_object_end(&w);
        mn_json *v = NULL;
        assert_int_equal(mn_json_parse(mn_buf_str(&b), &arena, &v, &e),
                         repeated ? MN_E_PARSE : MN_OK);
        if (v) assert_int_equal(mn_json_i64(mn_json_get(v, "k4999"), 0), 4999);
    }
    OK(strstr(e.msg, "\"k17\""));
    refuse(MN_STR("{\"a\":1,\"\\u0061\":2}"), MN_E_PARSE,
           NULL); /* the same key, written otherwise */
    mn_buf_release(&b);
}

static void parsing_survives_any_failed_allocation(void **state)
{
    (void)state;
    mn_buf b = {0};
    mn_buf_addz(&b, "{\"esc\\n\":[\"\\u00e9\",1,{\"x\":[]}],\"big\":[0");
    for (int i = 0; i < 500; i++) mn_buf_addz(&b, ",[1]");
    mn_buf_addz(&b, "],\"keys\":{\"k\":0");
    for (int i = 0; i < 100; i++) mn_buf_addf(&b, ",\"%d\":\"\\t\"", i);
    mn_buf_addz(&b, "}}");
    int failed = 0;
    for (long n = 1;; n++) {
        mn_arena a;
        mn_json *v = NULL;
        mn_arena_init(&a, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_json_parse(mn_buf_str(&b), &a, &v, &e);
        mn_mem_fail_after(0);
        mn_arena_release(&a);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(!v);
        failed++;
    }
    OK(failed >= 5);
    mn_buf_release(&b);
}

static void an_arena_limit_stops_a_large_document(void **state)
{
    (void)state;
    mn_arena a;
    mn_json *v = NULL;
    mn_arena_init(&a, 300);
    FAILS(MN_E_NOMEM, mn_json_parse(MN_STR("[1,2,3,4,5,6,7,8,9,10,11,12]"), &a, &v, &e));
    mn_arena_release(&a);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void the_writer_places_commas_and_escapes(void **state)
{
    (void)state;
    mn_buf b = {0};
    mn_json_writer w;
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kid(&w, "id", UINT64_MAX);
    mn_jw_kstr(&w, "s", MN_STR("a\"\\/\b\f\n\r\t\x01\x1f\x7fé"));
    mn_jw_kstrz(&w, "none", NULL);
    mn_jw_key(&w, "l");
    mn_jw_array(&w);
    mn_jw_u64(&w, 1);
    mn_jw_i64(&w, -1);
    mn_jw_f64(&w, 0.1);
    mn_jw_f64(&w, NAN);
    mn_jw_f64(&w, -INFINITY);
    mn_jw_bool(&w, false);
    mn_jw_null(&w);
    mn_jw_time(&w, 0);
    mn_jw_raw(&w, MN_STR("{\"r\":1}"));
    mn_jw_id(&w, 5);
    mn_jw_array_end(&w);
    mn_jw_ku64(&w, "u", 2);
    mn_jw_ki64(&w, "i", -2);
    mn_jw_kf64(&w, "f", 2.5);
    mn_jw_kbool(&w, "b", true);
    mn_jw_key(&w, "empty");
    mn_jw_object(&w);
    mn_jw_object_end(&w);
    mn_jw_object_end(&w);
    assert_int_equal(b.failed, MN_OK);
    assert_string_equal(b.ptr, "{\"id\":\"18446744073709551615\",\"s\":\"a\\\"\\\\/"
                               "\\b\\f\\n\\r\\t\\u0001\\u001f\x7fé\","
                               "\"none\":null,\"l\":[1,-1,0.1,null,null,false,null,\"1970-01-"
                               "01T00:00:00.000Z\",{\"r\":1},"
                               "\"5\"],\"u\":2,\"i\":-2,\"f\":2.5,\"b\":true,\"empty\":{}}");
    parse(b.ptr);
    mn_buf_release(&b);
}

static void indented_output_has_one_member_a_line(void **state)
{
    (void)state;
    mn_buf b = {0};
    mn_json_writer w;
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "a", 1);
    mn_jw_key(&w, "l");
    mn_jw_array(&w);
    mn_jw_u64(&w, 1);
    mn_jw_object(&w);
    mn_jw_object_end(&w);
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
    assert_string_equal(b.ptr, "{\n  \"a\": 1,\n  \"l\": [\n    1,\n    {}\n  ]\n}");
    mn_buf_release(&b);
}

static void values_one_after_the_other_need_no_comma(void **state)
{
    (void)state;
    mn_buf b = {0};
    mn_json_writer w;
    mn_json_writer_init(&w, &b, 0);
    for (int i = 0; i < 2; i++) {
        mn_jw_array(&w);
        mn_jw_array_end(&w);
        mn_buf_addc(&b, '\n');
    }
    assert_string_equal(b.ptr, "[]\n[]\n");
    mn_buf_release(&b);
}

static void broken_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    const struct {
        const char *in, *out;
    } pairs[] = {{"\xff", "\"\xEF\xBF\xBD\""},
                 {"a\xC3", "\"a\xEF\xBF\xBD\""},
                 {"é\xE8\xAA"
                  "b\n\xC3",
                  "\"é\xEF\xBF\xBD\xEF\xBF\xBD"
                  "b\\n\xEF\xBF\xBD\""},
                 {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
                 {"0123456789abcdef0123456789abcde\x80 and more of it",
                  "\"0123456789abcdef0123456789abcde\xEF\xBF\xBD and more of it\""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        mn_buf b = {0};
        mn_json_writer w;
        mn_json_writer_init(&w, &b, 0);
        mn_jw_strz(&w, pairs[i].in);
        assert_string_equal(b.ptr, pairs[i].out);
        parse(b.ptr);
        mn_buf_release(&b);
    }
}

static void random_bytes_survive_or_are_repaired(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        char text[200];
        size_t n = mn_rand_at(1, i, 0) % sizeof text;
        for (size_t k = 0; k < n; k++) {
            uint64_t r = mn_rand_at(1, i, k + 1);
            text[k] = (char)(r % 4 ? 'a' + r / 4 % 26 : r / 4);
        }
        mn_buf b = {0};
        mn_json_writer w;
        mn_json_writer_init(&w, &b, 0);
        mn_jw_str(&w, (mn_str){text, n});
        mn_str back = parse(b.ptr)->text;
        if (mn_utf8_valid((mn_str){text, n})) OK(mn_str_eq(back, (mn_str){text, n}));
        else OK(mn_str_find(back, MN_STR("\xEF\xBF\xBD"), 0) != SIZE_MAX);
        mn_buf_release(&b);
        mn_arena_reset(&arena);
    }
}

static void a_full_buffer_is_noticed_at_the_end(void **state)
{
    (void)state;
    for (size_t max = 1; max < 60; max++) {
        mn_buf b;
        mn_json_writer w;
        mn_buf_init(&b, max);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_array(&w);
        for (int i = 0; i < 5; i++) mn_jw_strz(&w, "a\tbc");
        mn_jw_array_end(&w);
        assert_int_equal(b.failed, max < 41 ? MN_E_LIMIT : MN_OK);
        OK(b.len <= max);
        mn_buf_release(&b);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_document_is_read_in_one_pass),
        T(plain_strings_are_borrowed_and_escaped_ones_are_not),
        T(without_an_arena_escapes_are_refused),
        T(every_escape_is_undone),
        T(long_strings_of_any_alignment_are_read),
        T(errors_say_where_and_what),
        T(what_is_not_json_is_refused),
        T(every_prefix_of_a_document_is_refused),
        T(depth_is_limited_to_64),
        T(numbers_keep_their_text_and_their_range),
        T(peeking_reads_nothing),
        T(asking_for_the_wrong_type_fails),
        T(lookups_are_total),
        T(repeated_keys_are_found_among_many),
        T(parsing_survives_any_failed_allocation),
        T(an_arena_limit_stops_a_large_document),
        T(the_writer_places_commas_and_escapes),
        T(indented_output_has_one_member_a_line),
        T(values_one_after_the_other_need_no_comma),
        T(broken_utf8_becomes_the_replacement_character),
        T(random_bytes_survive_or_are_repaired),
        T(a_full_buffer_is_noticed_at_the_end),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
