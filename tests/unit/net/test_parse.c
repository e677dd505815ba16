#include "net/parse.h"

#include "test.h"

static mn_arena A;

static mn_rc target(const char *z, mn_str *path, mn_str *query)
{
    return mn_http_target(mn_str_from(z), &A, path, query);
}

static void a_path_is_decoded_once(void **s)
{
    (void)s;
    mn_str p, q;
    mn_err e = {0};
    RUN(target("/tags/caf%C3%A9%2541?x=%41", &p, &q));
    IS(p, "/tags/café%41");
    IS(q, "x=%41");
    RUN(target("http://example.org/a", &p, &q));
    IS(p, "/a");
    OK(!q.ptr);
    RUN(target("HTTPS://example.org?x", &p, &q));
    IS(p, "/");
    RUN(target("*", &p, &q));
    IS(p, "*");
}

static void a_path_that_two_readers_could_take_differently_is_refused(void **s)
{
    (void)s;
    mn_str p, q;
    static const char *const bad[] = {"",
                                      "a",
                                      "/%",
                                      "/%4",
                                      "/%zz",
                                      "/a%2fb",
                                      "/a%2Fb",
                                      "/%00",
                                      "/%0a",
                                      "/\x7f",
                                      "/../etc",
                                      "/a/..",
                                      "/a/%2e%2e/b",
                                      "/%2e.",
                                      "/%ff",
                                      "/%c0%af",
                                      "/\xed\xa0\x80",
                                      "ftp://x/",
                                      "?q",
                                      "**"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (target(bad[i], &p, &q) != MN_E_PARSE) fail_msg("took '%s'", bad[i]);
    char long_one[MN_HTTP_TARGET_MAX + 2];
    memset(long_one, 'a', sizeof long_one);
    long_one[0] = '/';
    OK(mn_http_target((mn_str){long_one, MN_HTTP_TARGET_MAX}, &A, &p, &q) == MN_OK);
    OK(mn_http_target((mn_str){long_one, MN_HTTP_TARGET_MAX + 1}, &A, &p, &q) == MN_E_LIMIT);
}

static void dots_inside_a_segment_are_ordinary(void **s)
{
    (void)s;
    mn_str p, q;
    mn_err e = {0};
    RUN(target("/@a..b/...", &p, &q));
    IS(p, "/@a..b/...");
}

static bool match(const char *pattern, const char *path, mn_http_param *ret, size_t *n)
{
    return mn_http_match(pattern, mn_str_from(path), ret, n);
}

static void a_parameter_takes_the_rest_of_its_segment(void **s)
{
    (void)s;
    mn_http_param v[MN_HTTP_PARAMS_MAX];
    size_t n;
    OK(match("/@:name/:id", "/@bob/17", v, &n) && n == 2);
    IS(v[0].name, "name");
    IS(v[0].value, "bob");
    IS(v[1].value, "17");
    OK(match("/", "/", v, &n) && n == 0);
    OK(!match("/@:name", "/@", v, &n));
    OK(!match("/@:name", "/@bob/", v, &n));
    OK(!match("/@:name", "/bob", v, &n));
    OK(!match("/@:name/:id", "/@bob", v, &n));
    OK(!match("/a", "/ab", v, &n));
    OK(!match("/ab", "/a", v, &n));
}

static void a_form_value_is_decoded_whatever_it_holds(void **s)
{
    (void)s;
    mn_str f = MN_STR("a=1+2&b=%C3%A9&c=100%&d=%ff&e=%00&n%61me=x&empty=&flag&a=9");
    IS(mn_http_form_get(f, "a", &A), "1 2");
    IS(mn_http_form_get(f, "b", &A), "é");
    IS(mn_http_form_get(f, "c", &A), "100%");
    IS(mn_http_form_get(f, "d", &A), "\xEF\xBF\xBD");
    IS(mn_http_form_get(f, "e", &A), "\xEF\xBF\xBD");
    IS(mn_http_form_get(f, "name", &A), "x");
    IS(mn_http_form_get(f, "empty", &A), "");
    IS(mn_http_form_get(f, "flag", &A), "");
    OK(!mn_http_form_get(f, "absent", &A).ptr);
    OK(!mn_http_form_get(MN_STR_NONE, "a", &A).ptr);
}

static void the_best_coding_follows_the_weights(void **s)
{
    (void)s;
    static const struct {
        const char *accept;
        mn_coding all, no_zstd;
    } t[] = {
        {NULL, MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"gzip, deflate, br, zstd", MN_CODING_ZSTD, MN_CODING_GZIP},
        {"gzip;q=1.0, zstd;q=0.5", MN_CODING_GZIP, MN_CODING_GZIP},
        {"zstd;q=0, gzip;q=0", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"*", MN_CODING_ZSTD, MN_CODING_GZIP},
        {"*;q=0", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"GZIP", MN_CODING_GZIP, MN_CODING_GZIP},
        {"identity, gzip;q=0.5", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"gzip;q=2", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"gzip;q=abc", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
        {"gzip ; q=0.001", MN_CODING_GZIP, MN_CODING_GZIP},
        {"br", MN_CODING_IDENTITY, MN_CODING_IDENTITY},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        mn_str a = mn_str_from(t[i].accept);
        if (mn_http_coding(a, true) != t[i].all || mn_http_coding(a, false) != t[i].no_zstd)
            fail_msg("wrong for '%s'", t[i].accept ? t[i].accept : "(absent)");
    }
}

static void the_most_specific_media_range_counts(void **s)
{
    (void)s;
    bool named;
    mn_str a = MN_STR("text/*;q=0.3, text/html;q=0.7, */*;q=0.5, application/json");
    OK(mn_http_accept_weight(a, "text/html", &named) == 700 && named);
    OK(mn_http_accept_weight(a, "text/plain", &named) == 300 && !named);
    OK(mn_http_accept_weight(a, "image/png", NULL) == 500);
    OK(mn_http_accept_weight(a, "application/json", NULL) == 1000);
    OK(mn_http_accept_weight(MN_STR_NONE, "text/html", &named) == 1000 && !named);
    OK(mn_http_accept_weight(MN_STR("text/html"), "image/png", NULL) == 0);
}

static void entity_tags_are_compared_weakly(void **s)
{
    (void)s;
    mn_str tag = MN_STR("W/\"abc\"");
    OK(mn_http_etag_in(MN_STR("\"abc\""), tag));
    OK(mn_http_etag_in(MN_STR("\"x\", W/\"abc\""), tag));
    OK(mn_http_etag_in(MN_STR("*"), tag));
    OK(mn_http_etag_in(MN_STR("\"a,b\",\"abc\""), tag));
    OK(!mn_http_etag_in(MN_STR("\"abcd\""), tag));
    OK(!mn_http_etag_in(MN_STR("abc"), tag));
    OK(!mn_http_etag_in(MN_STR("\"abc"), tag));
    OK(!mn_http_etag_in(MN_STR_NONE, tag));
}

static void listening_addresses_are_read(void **s)
{
    (void)s;
    char host[256], port[8];
    mn_err e = {0};
    RUN(mn_http_listen_parse("[::1]:0", host, port, &e));
    assert_string_equal(host, "::1");
    assert_string_equal(port, "0");
    RUN(mn_http_listen_parse(":80", host, port, &e));
    assert_string_equal(host, "");
    static const char *const bad[] = {"",         "localhost", "1.2.3.4:", "1.2.3.4:65536",
                                      "::1:8420", "a:-1",      "a:b",      "a:080808"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_USAGE, mn_http_listen_parse(bad[i], host, port, &e));
}

static void the_last_hop_is_an_address_or_nothing(void **s)
{
    (void)s;
    IS(mn_http_last_hop(MN_STR("6.6.6.6, 10.1.2.3")), "10.1.2.3");
    IS(mn_http_last_hop(MN_STR(" 2001:db8::1 ")), "2001:db8::1");
    OK(!mn_http_last_hop(MN_STR("evil")).ptr);
    OK(!mn_http_last_hop(MN_STR("1.2.3.4,")).ptr);
    OK(!mn_http_last_hop(MN_STR_NONE).ptr);
}

static int setup(void **s)
{
    (void)s;
    mn_arena_init(&A, 0);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_arena_release(&A);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_is_decoded_once),
        TEST(a_path_that_two_readers_could_take_differently_is_refused),
        TEST(dots_inside_a_segment_are_ordinary),
        TEST(a_parameter_takes_the_rest_of_its_segment),
        TEST(a_form_value_is_decoded_whatever_it_holds),
        TEST(the_best_coding_follows_the_weights),
        TEST(the_most_specific_media_range_counts),
        TEST(entity_tags_are_compared_weakly),
        TEST(listening_addresses_are_read),
        TEST(the_last_hop_is_an_address_or_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
