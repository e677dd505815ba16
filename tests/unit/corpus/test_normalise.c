#include "corpus/normalise.h"

#include "base/hash.h"
#include "test.h"
#include "text/unicode.h"

static void becomes(const char *in, const char *out)
{
    mn_buf b;
    mn_offsets m = {0};
    mn_buf_init(&b, 0);
    OK(mn_corpus_normalise(mn_str_from(in), &b, &m) == MN_OK);
    if (!mn_str_eqz(mn_buf_str(&b), out))
        fail_msg("'%s' became '%s', not '%s'", in, b.ptr, out);
    OK(m.out_len == b.len);
    mn_offsets_release(&m);
    mn_buf_release(&b);
}

static void plain_text_stays_as_it_is(void **state)
{
    (void)state;
    becomes("Hello, world! 1 + 1 = 2", "Hello, world! 1 + 1 = 2");
    becomes("", "");
    becomes("naïve café 日本語 🙂", "naïve café 日本語 🙂");
}

static void blanks_are_squeezed_and_line_ends_made_one(void **state)
{
    (void)state;
    becomes("  a \t b  ", "a b");
    becomes("a\r\nb\rc\n d", "a\nb\nc\nd");
    becomes("a\n\n\n\n\nb", "a\n\nb");
    becomes("a \n \n b", "a\n\nb");
    becomes("a\xc2\xa0"
            "b\xe3\x80\x80"
            "c\xe2\x80\x83"
            "d",
            "a b c d");
    becomes("a\xe2\x80\xa8"
            "b\xe2\x80\xa9"
            "c",
            "a\nb\nc");
    becomes(" \n\t ", "");
}

static void invisible_characters_go(void **state)
{
    (void)state;
    becomes("a\x01\x02"
            "b\x7f",
            "ab");
    becomes("\xef\xbb\xbf"
            "zero\xe2\x80\x8bwidth\xc2\xad\xe2\x81\xa0",
            "zerowidth");
    becomes("\xe2\x80\xae"
            "evil\xe2\x80\xac",
            "evil");
    becomes("\xee\x80\x80private\xef\xbf\xbf", "private");
    becomes("a\xe2\x80\x8d"
            "b",
            "ab"); /* a joiner between Latin letters joins nothing */
}

static void joiners_stay_where_they_matter(void **state)
{
    (void)state;
    becomes("👩‍👩‍👧", "👩‍👩‍👧");
    becomes("می‌خواهم", "می‌خواهم");
    becomes("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿");
    becomes("a󠁧b", "ab");
}

static void html_leftovers_are_undone_once(void **state)
{
    (void)state;
    becomes("Q&amp;A &lt;3 &quot;x&quot;", "Q&A <3 \"x\"");
    becomes("one<br>two<br />three", "one\ntwo\nthree");
    becomes("<p>one</p><p>two</p>", "one\n\ntwo");
    becomes("a <b>bold</b> <a href=\"x\">link</a>", "a bold link");
    becomes("1 < 2 & 3 > 2 <user> &nosuch; &", "1 < 2 & 3 > 2 <user> &nosuch; &");
    becomes("&amp;amp;", "&amp;");
    becomes("<a <a <a href", "<a <a <a href");
}

static void composition_is_canonical(void **state)
{
    (void)state;
    becomes("e\xcc\x81", "é");
    becomes("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "각");
    becomes("\xe2\x84\xab", "Å");
}

static void bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
    (void)state;
    becomes("a\xff"
            "b\xc3",
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
}

static void a_text_too_long_is_refused(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    char *big = calloc(1, MN_NORMALISE_MAX + 1);
    OK(mn_corpus_normalise((mn_str){big, MN_NORMALISE_MAX + 1}, &b, NULL) == MN_E_LIMIT);
    free(big);
    mn_buf_release(&b);
}

/* ---- properties over made-up texts --------------------------------------------------------------------------- */

static const char *const pieces[] = {"a",
                                     "B",
                                     "7",
                                     " ",
                                     "  ",
                                     "\n",
                                     "\r\n",
                                     "\t",
                                     "é",
                                     "e\xcc\x81",
                                     "&amp;",
                                     "&lt;",
                                     "&",
                                     "<br>",
                                     "<p>",
                                     "<",
                                     ">",
                                     "日",
                                     "🙂",
                                     "\xe2\x80\x8d",
                                     "👩",
                                     "\xcc\x88",
                                     "\xe1\x84\x80",
                                     "\xe1\x85\xa1",
                                     "\xe1\x86\xa8",
                                     "\xef\xbb\xbf",
                                     "\x01",
                                     "\xff",
                                     "\xe2\x84\xab",
                                     "\xc2\xa0",
                                     "word",
                                     "@bob",
                                     "x@y.org",
                                     "http://a.b/c",
                                     "\xe0\xa4\x95",
                                     "\xe0\xa4\xbc"};

static mn_str made_up(uint64_t seed, char *ret, size_t size)
{
    size_t n = 0, count = mn_rand_at(seed, 0, 0) % 24;
    for (size_t i = 0; i < count; i++) {
        const char *p = pieces[mn_rand_at(seed, 1, i) % (sizeof pieces / sizeof *pieces)];
        if (n + strlen(p) > size) break;
        memcpy(ret + n, p, strlen(p));
        n += strlen(p);
    }
    return (mn_str){ret, n};
}

static void the_map_covers_every_byte_and_copies_are_copies(void **state)
{
    (void)state;
    char text[512];
    for (uint64_t seed = 0; seed < 20000; seed++) {
        mn_str in = made_up(seed, text, sizeof text);
        mn_buf plain, mapped;
        mn_offsets m = {0};
        mn_buf_init(&plain, 0);
        mn_buf_init(&mapped, 0);
        OK(mn_corpus_normalise(in, &plain, NULL) == MN_OK);
        OK(mn_corpus_normalise(in, &mapped, &m) == MN_OK);
        OK(mn_str_eq(mn_buf_str(&plain), mn_buf_str(&mapped)));
        size_t at = 0;
        for (size_t i = 0; i < m.n; i++) {
            const mn_offset_run *r = &m.runs[i];
            OK(r->out == at && r->out_len > 0 && r->in + r->in_len <= in.len);
            if (r->copied) OK(memcmp(mapped.ptr + r->out, in.ptr + r->in, r->out_len) == 0);
            at += r->out_len;
        }
        OK(at == mapped.len);
        mn_offsets_release(&m);
        mn_buf_release(&plain);
        mn_buf_release(&mapped);
    }
}

static void the_result_is_composed_trimmed_and_valid(void **state)
{
    (void)state;
    char text[512];
    for (uint64_t seed = 0; seed < 20000; seed++) {
        mn_str in = made_up(seed, text, sizeof text);
        mn_buf b, nfc;
        mn_buf_init(&b, 0);
        mn_buf_init(&nfc, 0);
        OK(mn_corpus_normalise(in, &b, NULL) == MN_OK);
        mn_str s = mn_buf_str(&b);
        OK(mn_utf8_valid(s));
        OK(mn_unfc(s, &nfc) == MN_OK);
        OK(mn_str_eq(s, mn_buf_str(&nfc)));
        OK(s.len == 0 || (s.ptr[0] > ' ' || s.ptr[0] < 0));
        OK(mn_str_find(s, MN_STR("  "), 0) == SIZE_MAX);
        OK(mn_str_find(s, MN_STR("\n\n\n"), 0) == SIZE_MAX);
        OK(!memchr(s.ptr, '\r', s.len));
        mn_buf_release(&b);
        mn_buf_release(&nfc);
    }
}

static void a_span_of_clean_text_leads_back_to_its_words(void **state)
{
    (void)state;
    mn_str in = MN_STR("  Caf\x65\xcc\x81 &amp; \r\n bar ");
    mn_buf b;
    mn_offsets m = {0};
    size_t from, to;
    mn_buf_init(&b, 0);
    OK(mn_corpus_normalise(in, &b, &m) == MN_OK);
    IS(mn_buf_str(&b), "Café &\nbar");
    mn_offsets_span(&m, 3, 5, &from, &to); /* é */
    OK(from == 5 && to == 8);
    mn_offsets_span(&m, 6, 7, &from, &to); /* & */
    OK(from == 9 && to == 14);
    mn_offsets_span(&m, 8, 11, &from, &to); /* bar */
    OK(memcmp(in.ptr + from, "bar", 3) == 0 && to - from == 3);
    mn_offsets_release(&m);
    mn_buf_release(&b);
}

static void running_out_of_memory_is_reported(void **state)
{
    (void)state;
    mn_str in = MN_STR("e\xcc\x81 \xe1\x84\x80\xe1\x85\xa1 &amp; <br> text that grows");
    int failures = 0;
    for (long n = 1; n < 40; n++) {
        mn_buf b;
        mn_offsets m = {0};
        mn_buf_init(&b, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_corpus_normalise(in, &b, &m);
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        failures += rc == MN_E_NOMEM;
        mn_offsets_release(&m);
        mn_buf_release(&b);
    }
    OK(failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_text_stays_as_it_is),
        TEST(blanks_are_squeezed_and_line_ends_made_one),
        TEST(invisible_characters_go),
        TEST(joiners_stay_where_they_matter),
        TEST(html_leftovers_are_undone_once),
        TEST(composition_is_canonical),
        TEST(bytes_that_are_no_utf8_become_replacement_characters),
        TEST(a_text_too_long_is_refused),
        TEST(the_map_covers_every_byte_and_copies_are_copies),
        TEST(the_result_is_composed_trimmed_and_valid),
        TEST(a_span_of_clean_text_leads_back_to_its_words),
        TEST(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
