#include "text/page.h"

#include "base/clock.h"
#include "test.h"

static mn_arena ar;

static int up(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    return 0;
}
static int down(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    return 0;
}

static mn_page_meta read_as(mn_str html, const char *charset)
{
    mn_err e = {0};
    mn_page_meta m;
    RUN(mn_page_meta_read(html, mn_str_from(charset), &ar, &m, &e));
    return m;
}

static mn_page_meta read_page(const char *html)
{
    return read_as(mn_str_from(html), "");
}

static void open_graph_comes_before_the_rest(void **state)
{
    (void)state;
    mn_page_meta m = read_page(
        "<!doctype html><html lang=en_GB><head><title>Plain &amp; simple</title>"
        "<meta name=description content='the least'>"
        "<META CONTENT=\"Of birds\" property='og:title'><meta property=og:description "
        "content=\"Long &lt;b&gt; story\">"
        "<meta property=og:site_name content='The Aviary'><meta name=author content='A. Bird'>"
        "<meta property=article:author content=https://aviary.example/a>"
        "<meta property=og:image content=/bird.jpg><meta property='og:image:alt' content='a "
        "bird'>"
        "<meta property=article:published_time content=2026-01-02T03:04:05Z><base "
        "href='/x/'></head>");
    IS(m.title, "Of birds");
    IS(m.description, "Long <b> story");
    IS(m.site, "The Aviary");
    IS(m.author, "A. Bird");
    IS(m.author_url, "https://aviary.example/a");
    IS(m.image, "/bird.jpg");
    IS(m.image_alt, "a bird");
    IS(m.lang, "en-GB");
    IS(m.published, "2026-01-02T03:04:05Z");
    IS(m.base, "/x/");
    OK(!m.no_preview);
    m = read_page("<title>\n Only \t a&nbsp;title \n</title><p>text");
    IS(m.title, "Only a title");
    IS(m.description, "");
    IS(m.image, "");
}

static void what_is_not_markup_is_not_read(void **state)
{
    (void)state;
    mn_page_meta m = read_page(
        "<script>'<title>no</title>'</script><!-- <title>no</title> "
        "--><style><title>no</title></style>"
        "<svg><title>no</title></svg><title>yes <b>bold</title><title>second</title>");
    IS(m.title, "yes <b>bold");
    m = read_page("<p title='<meta property=og:title content=no>'>a < b <meta "
                  "property=og:title content=yes");
    IS(m.title, "yes");
}

static void names_in_other_character_sets_are_read(void **state)
{
    (void)state;
    IS(read_as(MN_STR("<title>caf\xe9 \x93q\x94</title>"), "ISO-8859-1").title,
       "caf\u00e9 \u201cq\u201d");
    IS(read_page("<meta charset=shift_jis><title>\x93\xfa\x96\x7b</title>").title,
       "\u65e5\u672c");
    IS(read_page("<meta http-equiv=content-type content='text/html; "
                 "charset=koi8-r'><title>\xd0\xd4\xc9\xc3\xc1</title>")
           .title,
       "\u043f\u0442\u0438\u0446\u0430");
    IS(read_page("<title>bad \xff utf-8</title>").title, "bad \ufffd utf-8");
    IS(read_as(MN_STR("<title>caf\xc3\xa9</title>"), "x-made-up").title, "caf\u00e9");
}

static void texts_are_one_line_and_not_long(void **state)
{
    static char html[40000];
    (void)state;
    IS(read_page("<title>a\x01\xe2\x80\xae\x62\r\n\r\nc\xe2\x80\xa8</title>").title, "a b c");
    size_t n = (size_t)sprintf(html, "<title>");
    for (int i = 0; i < 10000; i++) n += (size_t)sprintf(html + n, "\u00e9");
    mn_page_meta m = read_page(html);
    OK(m.title.len == MN_PAGE_TITLE_MAX && mn_utf8_valid(m.title));
    n = (size_t)sprintf(html, "<meta property=og:image content='https://a.example/");
    memset(html + n, 'a', 3000);
    strcpy(html + n + 3000, "'>");
    IS(read_page(html).image, "");
    IS(read_page("<html lang='en\"><script>'><title>x</title>").lang, "");
}

static void a_page_may_ask_for_no_preview(void **state)
{
    (void)state;
    OK(read_page("<meta name=robots content='index, NoSnippet'><title>x</title>").no_preview);
    OK(read_page("<meta name=mynah content=nopreview>").no_preview);
    OK(!read_page("<meta name=robots content='noindex'>").no_preview);
}

static void hostile_pages_cost_little(void **state)
{
    static char html[1 << 20];
    static const char *const pieces[] = {"<",
                                         "<a ",
                                         "<a b=",
                                         "<script>",
                                         "<!--",
                                         "<title>",
                                         "<meta ",
                                         "<meta content='",
                                         "<svg>",
                                         "</",
                                         "<p a a a a a a a a a a",
                                         "&amp",
                                         "<a b=\"\"c=''"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t n = 0, k = strlen(pieces[i]);
        for (; n + k < sizeof html; n += k) memcpy(html + n, pieces[i], k);
        int64_t began = mn_mono_us();
        read_as((mn_str){html, n}, "");
        if (mn_mono_us() - began > 1000000)
            fail_msg("'%s' costs %lld us", pieces[i], (long long)(mn_mono_us() - began));
    }
    mn_err e = {0};
    mn_page_meta m;
    FAILS(MN_E_LIMIT,
          mn_page_meta_read((mn_str){html, MN_PAGE_BYTES_MAX + 1}, MN_STR(""), &ar, &m, &e));
}

static void a_page_links_back_with_rel_me(void **state)
{
    (void)state;
    static const struct {
        const char *html;
        bool is;
    } pages[] = {
        {"<a rel=me href='https://a.example/@ada'>me</a>", true},
        {"<link REL=\"nofollow ME\" href=https://a.example/@ada/>", true},
        {"<A HREF=\"https://a.example/&#64;ada\" rel=\"noopener me\">", true},
        {"<a rel=friend href='https://a.example/@ada'><a rel=me href='https://b.example/'>",
         false},
        {"<a rel=mee href='https://a.example/@ada'>", false},
        {"<a rel=me href='https://a.example/@ada2'>", false},
        {"<!-- <a rel=me href='https://a.example/@ada'> -->", false},
        {"<script>'<a rel=me href=\"https://a.example/@ada\">'</script>", false},
        {"<textarea><a rel=me href='https://a.example/@ada'></textarea>", false},
        {"</a rel=me href='https://a.example/@ada'>", false},
        {"<a rel=me>", false},
        {"", false}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (mn_page_links_me(mn_str_from(pages[i].html), MN_STR("https://a.example/@ada")) !=
            pages[i].is)
            fail_msg("%s", pages[i].html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_graph_comes_before_the_rest),       TEST(what_is_not_markup_is_not_read),
        TEST(names_in_other_character_sets_are_read), TEST(texts_are_one_line_and_not_long),
        TEST(a_page_may_ask_for_no_preview),          TEST(hostile_pages_cost_little),
        TEST(a_page_links_back_with_rel_me),
    };
    return cmocka_run_group_tests(tests, up, down);
}
