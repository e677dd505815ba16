/* Lines and array elements out of a stream. */
#include "test.h"

#include "archive/archive_int.h"

static mn_err e;

/* Gives the text in pieces of `step` bytes. */
typedef struct slow {
    mn_str rest;
    size_t step;
} slow;
static mn_rc read_slow(void *arg, void *p, size_t n, size_t *ret_n, mn_err *err)
{
    slow *s = arg;
    return mn_window_read_memory(&s->rest, p, n < s->step ? n : s->step, ret_n, err);
}

/* "[1|{}|x]" of the elements; the last failure otherwise. */
static mn_rc elements(const char *text, size_t len, size_t step, size_t max, const char *key,
                      mn_buf *out)
{
    slow s = {{text, len}, step};
    mn_window w;
    bool more = true;
    mn_window_init(&w, "t", max, read_slow, &s);
    mn_buf_clear(out);
    mn_rc rc = mn_window_array(&w, key, NULL, &e);
    while (rc == MN_OK) {
        mn_str el;
        if ((rc = mn_window_element(&w, &el, &more, &e)) != MN_OK || !more) break;
        mn_buf_adds(out, el);
        mn_buf_addc(out, '|');
    }
    mn_window_release(&w);
    return rc;
}
static void gives(const char *text, const char *key, const char *expected)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (size_t step = 1; step < 70; step = step * 3 + 1) {
        RUN(elements(text, strlen(text), step, 1000, key, &b));
        assert_string_equal(b.ptr, expected);
    }
    mn_buf_release(&b);
}
static void refuses(const char *text, const char *key)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    FAILS(MN_E_PARSE, elements(text, strlen(text), 7, 1000, key, &b));
    mn_buf_release(&b);
}

static void elements_are_found_whatever_is_in_them(void **st)
{
    (void)st;
    gives(
        "window.YTD.tweets.part0 = [ {\"a\" : \"]}\\\"[\"} ,\n [1,[2]], \"x,y\", 12 ,null ]\n",
        NULL, "{\"a\" : \"]}\\\"[\"}|[1,[2]]|\"x,y\"|12|null|");
    gives("x = []", NULL, "");
    gives("x = [ ] ;\n", NULL, "");
    gives("{\"a\":[1,2],\"b\":{\"items\":[9]},\"items\":[ 1 , 2 ],\"z\":\"}\"}", "items",
          "1|2|");
    gives("\xef\xbb\xbf{\"items\":[]}", "items", "");
}
static void a_file_cut_anywhere_is_refused(void **st)
{
    (void)st;
    const char whole[] = "{\"a\":{\"b\":[1]},\"items\":[{\"x\":\"y\"},2],\"c\":[3]}";
    mn_buf b;
    mn_buf_init(&b, 0);
    for (size_t n = 0; n < sizeof whole - 1; n++)
        FAILS(MN_E_PARSE, elements(whole, n, 5, 1000, "items", &b));
    RUN(elements(whole, sizeof whole - 1, 5, 1000, "items", &b));
    mn_buf_release(&b);
}
static void what_is_no_list_is_refused(void **st)
{
    (void)st;
    refuses("no list", NULL);
    refuses("x = [1 2]", NULL);
    refuses("x = [1,]", NULL);
    refuses("x = [,1]", NULL);
    refuses("x = [1] [2]", NULL);
    refuses("{\"items\":{}}", "items");
    refuses("{\"other\":[1]}", "items");
    refuses("[1]", "items");
    refuses("{\"items\":[1]} x", "items");
}
static void an_element_over_the_maximum_is_refused(void **st)
{
    (void)st;
    mn_buf text, b;
    mn_buf_init(&text, 0);
    mn_buf_init(&b, 0);
    mn_buf_addz(&text, "[\"");
    for (int i = 0; i < 300000; i++) mn_buf_addc(&text, 'x');
    mn_buf_addz(&text, "\"]");
    FAILS(MN_E_LIMIT, elements(text.ptr, text.len, 4096, 100000, NULL, &b));
    FAILS(MN_E_LIMIT, elements(text.ptr, text.len, 4096, 299999, NULL, &b));
    RUN(elements(text.ptr, text.len, 4096, 400000, NULL, &b));
    OK(b.len == 300003);
    mn_buf_release(&text);
    mn_buf_release(&b);
}
static void lines_end_in_lf_crlf_or_the_file(void **st)
{
    (void)st;
    slow s = {MN_STR("\xef\xbb\xbfone\r\n\ntwo\nthree"), 3};
    mn_window w;
    mn_str line;
    bool more;
    static const char *const expected[] = {"one", "", "two", "three"};
    mn_window_init(&w, "t", 100, read_slow, &s);
    for (uint64_t i = 0; i < 4; i++) {
        OK(w.line == i + 1);
        RUN(mn_window_line(&w, &line, &more, &e));
        OK(more && mn_str_eqz(line, expected[i]));
    }
    RUN(mn_window_line(&w, &line, &more, &e));
    OK(!more);
    mn_window_release(&w);
}
static void a_line_over_the_maximum_is_refused_with_its_number(void **st)
{
    (void)st;
    mn_buf text;
    mn_buf_init(&text, 0);
    mn_buf_addz(&text, "a\n");
    for (int i = 0; i < 200000; i++) mn_buf_addc(&text, 'x');
    slow s = {mn_buf_str(&text), 10000};
    mn_window w;
    mn_str line;
    bool more;
    mn_window_init(&w, "file.jsonl", 100000, read_slow, &s);
    RUN(mn_window_line(&w, &line, &more, &e));
    FAILS(MN_E_LIMIT, mn_window_line(&w, &line, &more, &e));
    OK(strstr(e.msg, "'file.jsonl', line 2") != NULL);
    mn_window_release(&w);
    mn_buf_release(&text);
}
static void more_pairs_than_fit_come_out_sorted(void **st)
{
    (void)st;
    enum { N = 5000 };
    mn_sorter *s;
    RUN(mn_sorter_new(NULL, 300, &s, &e));
    for (uint64_t i = 0; i < N; i++) RUN(mn_sorter_add(s, (i * 7919) % N, i, &e));
    OK(mn_sorter_count(s) == N);
    for (uint64_t i = 0; i < N; i++) {
        mn_pair p;
        bool more = false;
        RUN(mn_sorter_next(s, &p, &more, &e));
        OK(more && p.key == i && (p.value * 7919) % N == i);
    }
    mn_pair p;
    bool more = true;
    RUN(mn_sorter_next(s, &p, &more, &e));
    OK(!more);
    mn_sorter_free(s);
    RUN(mn_sorter_new("/nowhere/at/all", 1, &s, &e));
    RUN(mn_sorter_add(s, 1, 1, &e));
    FAILS(MN_E_IO, mn_sorter_add(s, 2, 2, &e));
    mn_sorter_free(s);
}
static void times_of_x_are_read_in_all_their_forms(void **st)
{
    (void)st;
    int64_t a = 0, b = 0, c = 0, d = 0;
    OK(mn_x_time(MN_STR("Sat Feb 18 12:33:11 +0000 2023"), &a) == MN_OK);
    OK(mn_x_time(MN_STR("2023-02-18 12:33:11 +0000"), &b) == MN_OK);
    OK(mn_x_time(MN_STR("2023-02-18T12:33:11.000Z"), &c) == MN_OK);
    OK(mn_x_time(MN_STR("Sat Feb 18 14:03:11 +0130 2023"), &d) == MN_OK);
    OK(a == INT64_C(1676723591000) && a == b && a == c && a == d);
    OK(mn_x_time(MN_STR("Sat Feb 30 12:33:11 +0000 2023"), &a) != MN_OK);
    OK(mn_x_time(MN_STR("Sat Fab 18 12:33:11 +0000 2023"), &a) != MN_OK);
    OK(mn_x_time(MN_STR(""), &a) != MN_OK);
}
static void ids_are_kept_when_they_agree_with_the_time(void **st)
{
    (void)st;
    const mn_str o = MN_STR("x:1");
    /* 1626926416868519936 was made at 2023-02-18T12:47:39.269Z */
    OK(mn_import_post_id(MN_STR("1626926416868519936"), INT64_C(1676724459000), o) ==
       UINT64_C(1626926416868519936));
    OK(mn_import_post_id(MN_STR("1626926416868519936"), INT64_C(1676724461000), o) !=
       UINT64_C(1626926416868519936));
    OK(mn_import_post_id(MN_STR("20"), INT64_C(1142974214000), o) == 20);
    OK(mn_import_post_id(MN_STR("20"), INT64_C(1676724459000), o) > UINT64_C(1) << 35);
    OK(mn_import_post_id(MN_STR("https://a.example/1"), INT64_C(1676724459000), o) ==
       mn_import_post_id(MN_STR("something else"), INT64_C(1676724459000), o));
    OK(mn_import_post_id(MN_STR("99999999999999999999999"), INT64_C(1676724459000), o) <=
       (uint64_t)INT64_MAX);
    OK(mn_import_parent_id(MN_STR("1626926416868519936"), INT64_C(1676724460000)) ==
       UINT64_C(1626926416868519936));
    OK(mn_import_parent_id(MN_STR("1626926416868519936"), INT64_C(1576723592000)) == 0);
    OK(mn_import_parent_id(MN_STR("abc"), INT64_C(1676724460000)) == 0);
}
static void texts_are_cleaned_of_control_bytes(void **st)
{
    (void)st;
    mn_buf b;
    mn_buf_init(&b, 0);
    IS(mn_clean_text(MN_STR("  plain\ttext\n"), &b), "plain\ttext");
    IS(mn_clean_text(((mn_str){"a\r\nb\rc\0d\x1b"
                               "e\x7f",
                               11}),
                     &b),
       "a\nb\ncde");
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(elements_are_found_whatever_is_in_them),
        TEST(a_file_cut_anywhere_is_refused),
        TEST(what_is_no_list_is_refused),
        TEST(an_element_over_the_maximum_is_refused),
        TEST(lines_end_in_lf_crlf_or_the_file),
        TEST(a_line_over_the_maximum_is_refused_with_its_number),
        TEST(more_pairs_than_fit_come_out_sorted),
        TEST(times_of_x_are_read_in_all_their_forms),
        TEST(ids_are_kept_when_they_agree_with_the_time),
        TEST(texts_are_cleaned_of_control_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
