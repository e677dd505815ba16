/* HTML to text, references, links. */
#include "test.h"
#include "text/html.h"

static mn_err e;
static mn_buf b;

static const char *text_of(const char *html)
{
    mn_buf_clear(&b);
    RUN(mn_html_to_text(mn_str_from(html), &b, &e));
    return b.ptr;
}
static const char *plain(const char *s)
{
    mn_buf_clear(&b);
    RUN(mn_html_unescape(mn_str_from(s), &b));
    return b.ptr;
}
#define SAME(a, b) assert_string_equal((a), (b))

static void paragraphs_and_breaks_become_lines(void **st)
{
    (void)st;
    SAME(text_of("<p>one<br>two</p><p>three</p>"), "one\ntwo\n\nthree");
    SAME(text_of("  <div>a</div>\n <div>b</div> "), "a\nb");
    SAME(text_of("<ul><li>x</li><li>y</li></ul>z"), "- x\n- y\n\nz");
    SAME(text_of("<pre>a\n  b</pre>"), "a\n  b");
}
static void white_space_collapses(void **st)
{
    (void)st;
    SAME(text_of("a \n\t b<b> c</b> d"), "a b c d");
    SAME(text_of(""), "");
    SAME(text_of("<p></p>"), "");
}
static void references_are_decoded_once(void **st)
{
    (void)st;
    SAME(text_of("<p>a &amp;amp; &lt;b&gt; &#39;c&#x27; &hellip;</p>"),
         "a &amp; <b> 'c' \u2026");
    SAME(plain("&amp;lt; &quot;x&quot; &CounterClockwiseContourIntegral; 1 < 2 &nope; &"),
         "&lt; \"x\" \u2233 1 < 2 &nope; &");
    SAME(plain("&#0; &#xD800; &#x110000; &#128; &#99999999999999999999;"),
         "\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd \u20ac \xef\xbf\xbd");
    SAME(plain("&#38;lt; &#60;b&#62; &rarr; &#71888888888888888888;"),
         "&lt; <b> \u2192 \xef\xbf\xbd");
    SAME(plain(" &rarr; x"), " \u2192 x");
    SAME(plain("a&copyb &# &#x &;"), "a\u00a9"
                                     "b &# &#x &;");
}
static void shortened_links_keep_their_address(void **st)
{
    (void)st;
    SAME(text_of("see <a href=\"https://example.org/a/long/path?x=1&amp;y=2\"><span "
                 "class=\"invisible\">"
                 "https://</span><span class=\"ellipsis\">example.org/a/long</span><span "
                 "class=\"invisible\">/path?x=1&amp;y=2</span></a>!"),
         "see https://example.org/a/long/path?x=1&y=2!");
    SAME(text_of("<a href='https://example.org/abcdef'>example.org/abc\u2026</a>"),
         "https://example.org/abcdef");
    SAME(text_of("<a href=https://example.org/>example.org</a> x"), "https://example.org/ x");
    SAME(text_of(
             "<a href=\"https://a.example/@bob\" class=\"mention\">@<span>bob</span></a> hi"),
         "@bob hi");
    SAME(text_of("<a href=\"https://example.org/\">the words</a>"), "the words");
}
static void scripts_styles_and_comments_are_dropped(void **st)
{
    (void)st;
    SAME(
        text_of(
            "a<script>if (1 < 2) '<p>'</script>b<style>p{}</style>c<!-- <p> -->d<!doctype x>e"),
        "abcde");
    SAME(text_of("a<script>never closed"), "a");
    SAME(text_of("a <b title=\"x > y\">c</b> < d <3"), "a c < d <3");
}
static void broken_bytes_become_replacement_characters(void **st)
{
    (void)st;
    SAME(text_of("a\xff"
                 "b\xc3"),
         "a\xef\xbf\xbd"
         "b\xef\xbf\xbd");
    SAME(text_of("<p"), "");
    SAME(text_of("a<a href=\"x"), "a");
}
static void deep_nesting_is_refused(void **st)
{
    (void)st;
    mn_buf deep;
    mn_buf_init(&deep, 0);
    for (int i = 0; i < 100000; i++) mn_buf_addz(&deep, "<div>");
    mn_buf_clear(&b);
    FAILS(MN_E_LIMIT, mn_html_to_text(mn_buf_str(&deep), &b, &e));
    OK(b.len == 0);
    mn_buf_clear(&deep);
    for (int i = 0; i < 1000; i++) mn_buf_addz(&deep, "<p>x"); /* siblings, not nesting */
    RUN(mn_html_to_text(mn_buf_str(&deep), &b, &e));
    mn_buf_release(&deep);
}
static void failing_memory_is_reported(void **st)
{
    (void)st;
    for (long n = 1; n < 40; n++) {
        mn_buf out;
        mn_buf_init(&out, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_html_to_text(MN_STR("<p>a &rarr; b</p>"), &out, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        mn_buf_release(&out);
    }
}
static void escaping_round_trips(void **st)
{
    (void)st;
    mn_buf_clear(&b);
    RUN(mn_html_escape(MN_STR("<a href=\"x\">'&'"), &b));
    SAME(b.ptr, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
    mn_buf back;
    mn_buf_init(&back, 0);
    RUN(mn_html_unescape(mn_buf_str(&b), &back));
    SAME(back.ptr, "<a href=\"x\">'&'");
    mn_buf_release(&back);
}

/* "u:http://x @:@bob" */
static const char *links_of(const char *s)
{
    mn_link_span spans[16];
    size_t n = mn_text_links(mn_str_from(s), spans, 16);
    mn_buf_clear(&b);
    for (size_t i = 0; i < n; i++)
        mn_buf_addf(&b, "%s%c:%.*s", i ? " " : "", spans[i].kind, (int)spans[i].len,
                    s + spans[i].start);
    return b.ptr;
}
static void links_are_found(void **st)
{
    (void)st;
    SAME(links_of("see https://example.org/a_(b), (http://x.y/z). ok"),
         "u:https://example.org/a_(b) u:http://x.y/z");
    SAME(links_of("@bob hi @al.ice@example.org. bob@example.org"),
         "@:@bob @:@al.ice@example.org");
    SAME(links_of("#one #2 #3d a#b &#39; ##x #caf\u00e9 #\u732b\u3002"),
         "#:#one #:#3d #:#caf\u00e9 #:#\u732b");
    SAME(links_of("http:// https://. HTTP://A.B/ xhttp://no"), "u:HTTP://A.B/");
    SAME(links_of("\u300chttps://example.jp/\u30d1\u30b9\u300d https://e.org/x\u2026"),
         "u:https://example.jp/\u30d1\u30b9 u:https://e.org/x");
    SAME(links_of(""), "");
    mn_link_span one[1];
    OK(mn_text_links(MN_STR("#a #b"), one, 1) == 1);
    OK(mn_text_links(MN_STR("#a"), one, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paragraphs_and_breaks_become_lines),
        TEST(white_space_collapses),
        TEST(references_are_decoded_once),
        TEST(shortened_links_keep_their_address),
        TEST(scripts_styles_and_comments_are_dropped),
        TEST(broken_bytes_become_replacement_characters),
        TEST(deep_nesting_is_refused),
        TEST(failing_memory_is_reported),
        TEST(escaping_round_trips),
        TEST(links_are_found),
    };
    mn_buf_init(&b, 0);
    int n = cmocka_run_group_tests(tests, NULL, NULL);
    mn_buf_release(&b);
    return n;
}
