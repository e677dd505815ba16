/* Input that is wrong in form: sent to every route of the API. The answer is a refusal or a page of what there is, of Mastodon's
 * shape and never a fault of the server; and the server answers the next one. */
#include "http/masto.h"

#include "api/mastodon/mastodon.h"

static member op;
static mn_route *routes;
static mn_buf big;

static int set_up(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start();
    op = masto_staff("op", MN_ROLE_OPERATOR);
    RUN(mn_api__routes_new(&routes, &e));
    mn_buf_init(&big, 0);
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    mn_buf_release(&big);
    mn_free(routes);
    masto_stop();
    return 0;
}

static const char *method_of(const mn_route *r)
{
    static const char *const names[] = {
        [MN_GET] = "GET",     [MN_POST] = "POST",     [MN_PUT] = "PUT",
        [MN_PATCH] = "PATCH", [MN_DELETE] = "DELETE", [MN_OPTIONS] = "OPTIONS"};
    return names[r->method];
}

static const char *address_of(const mn_route *r, const char *param, const char *query)
{
    static char out[9000];
    size_t n = 0;
    for (const char *p = r->path; *p;) {
        if (*p != ':') {
            out[n++] = *p++;
            continue;
        }
        n += (size_t)snprintf(out + n, 3000, "%s", param);
        while (*p && *p != '/') p++;
    }
    snprintf(out + n, sizeof out - n, "%s", query);
    return out;
}

static bool is_api(const mn_route *r)
{
    return strncmp(r->path, "/api/", 5) == 0 && !strstr(r->path, "streaming") &&
           !strstr(r->path, "events");
}

/* The last answer is none of the server's fault, and an error has its shape. */
static int sound(const mn_route *r, const char *what, int status)
{
    if ((status == 0 || status >= 500) && status != 501)
        fail_msg("%s %s with %.80s gave %d: %.200s", method_of(r), r->path, what, status,
                 masto_body.ptr);
    if (status >= 400 && masto_str("error").len == 0)
        fail_msg("%s %s with %.80s: %d has no error: %.200s", method_of(r), r->path, what,
                 status, masto_body.ptr);
    return status;
}

static int send_as(const mn_route *r, const char *type, const char *body, size_t n)
{
    char headers[400];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: %s\r\n",
             op.token, type);
    return masto_raw(method_of(r), address_of(r, "1", ""), headers, body, n);
}

static bool takes_body(const mn_route *r)
{
    return r->method != MN_GET && is_api(r) && r->scope && strcmp(r->scope, "-") != 0;
}

/* ---- addresses -------------------------------------------------------------------------------------------------------- */

static void ids_that_are_none_are_not_found(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "0",
        "-1",
        "+1",
        "1e3",
        "0x10",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
        "1%20",
        "%201",
        "1;",
        "1'",
        "1%22",
        "1)--",
        "%F0%9F%90%A6",
        "%EF%BC%91",
        "null",
        "NaN",
        "1.0",
        ".",
        "1.json",
        "%25",
    };
    for (const mn_route *r = routes; r->path; r++) {
        if (!is_api(r) || !strchr(r->path, ':')) continue;
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            int status = masto(method_of(r), address_of(r, ids[i], ""), &op,
                               r->method == MN_GET ? NULL : "x=1");
            sound(r, ids[i], status);
        }
    }
}

static void numbers_that_are_none_change_nothing_but_the_page(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "?limit=-1&offset=-1",
        "?limit=0",
        "?limit=99999999999999999999",
        "?limit=abc&max_id=abc&since_id=&min_id=%00",
        "?max_id=-1&min_id=-1&since_id=-1",
        "?max_id=99999999999999999999999&min_id=18446744073709551615",
        "?max_id=1&min_id=9223372036854775807",
        "?offset=99999999999999999999",
        "?id[]=-1&id[]=99999999999999999999&id[]=x&id=1",
        "?limit[]=1&limit[a]=2&limit[a][b]=3",
        "?q[]=a&q[b]=c",
        "?=&&&=&a=b=c&[]=1&[=1&]=1&[[]]=1",
        "?%ff=%fe&a=%c0%80&b=%ed%a0%80&q=%f8%88%80%80%80",
        "?q=%00%01%02%7f%0d%0aX-Evil:%201",
        "?q=%22&type=accounts",
        "?q=*+OR+%22+NEAR(+a:b",
        "?q=%25%5f%5c",
        "?local=maybe&only_media=2&pinned=null&exclude_replies[]=",
        "?types[]=nonsense&exclude_types[]=&grouped_types[]=x&account_id=-5",
        "?days=-1&period=x&start_at=nonsense&end_at=9999-99-99",
        "?url=javascript:1&resource=%00&acct=@@@@&hashtag=%23%23",
        "?timeline[]=../../etc/passwd&timeline=x",
    };
    for (const mn_route *r = routes; r->path; r++) {
        if (!is_api(r) || r->method != MN_GET) continue;
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
            sound(r, queries[i], masto("GET", address_of(r, "1", queries[i]), &op, NULL));
            OK(!masto_says("\r\nX-Evil"));
            sound(r, queries[i], masto("GET", address_of(r, "1", queries[i]), NULL, NULL));
        }
    }
}

/* ---- bodies ------------------------------------------------------------------------------------------------------------ */

static void json_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{",
        "}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\xff\xfe\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\x01\"}",
        "{\"status\":\"a\",\"status\":\"b\"}",
        "\xEF\xBB\xBF{\"a\":1}",
    };
    for (const mn_route *r = routes; r->path; r++)
        for (size_t i = 0; takes_body(r) && i < sizeof bodies / sizeof *bodies; i++) {
            int status = sound(r, bodies[i],
                               send_as(r, "application/json", bodies[i], strlen(bodies[i])));
            if (status != 400)
                fail_msg("%s %s takes %s: %d", method_of(r), r->path, bodies[i], status);
        }
}

static void values_of_another_type_are_no_fault(void **state)
{
    (void)state;
    static const char *const values[] = {"null",
                                         "true",
                                         "-1",
                                         "1e400",
                                         "1e-400",
                                         "[]",
                                         "{}",
                                         "[[[]]]",
                                         "\"\"",
                                         "\"\\u0000\"",
                                         "[1]",
                                         "{\"0\":1}",
                                         "99999999999999999999999"};
    static const char *const names[] = {"status",
                                        "spoiler_text",
                                        "visibility",
                                        "language",
                                        "in_reply_to_id",
                                        "media_ids",
                                        "poll",
                                        "scheduled_at",
                                        "sensitive",
                                        "title",
                                        "context",
                                        "expires_in",
                                        "keywords_attributes",
                                        "account_ids",
                                        "account_id",
                                        "comment",
                                        "home",
                                        "id",
                                        "fields_attributes",
                                        "display_name",
                                        "note",
                                        "avatar",
                                        "source",
                                        "subscription",
                                        "data",
                                        "policy",
                                        "choices",
                                        "duration",
                                        "reblogs",
                                        "languages",
                                        "name",
                                        "value",
                                        "consent",
                                        "search",
                                        "train_generative",
                                        "text",
                                        "type",
                                        "severity",
                                        "ip",
                                        "domain",
                                        "keys",
                                        "dimensions",
                                        "start_at",
                                        "end_at",
                                        "frequency",
                                        "whole_word",
                                        "hint",
                                        "email",
                                        "starts_at",
                                        "keyword"};
    for (const mn_route *r = routes; r->path; r++)
        for (size_t i = 0; takes_body(r) && i < sizeof values / sizeof *values; i++) {
            mn_buf_clear(&big);
            for (size_t k = 0; k < sizeof names / sizeof *names; k++)
                mn_buf_addf(&big, "%s\"%s\":%s", k ? "," : "{", names[k], values[i]);
            mn_buf_addc(&big, '}');
            sound(r, values[i], send_as(r, "application/json", big.ptr, big.len));
        }
}

static void depth_and_number_have_their_limits(void **state)
{
    (void)state;
    const mn_route *r = routes;
    while (strcmp(r->path, "/api/v1/lists") != 0 || r->method != MN_POST) r++;
    static const size_t depths[] = {9, 63, 64, 65, 1000, 20000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        mn_buf_clear(&big);
        mn_buf_addz(&big, "{\"title\":\"x\",\"a\":");
        for (size_t k = 0; k < depths[i]; k++) mn_buf_addc(&big, '[');
        for (size_t k = 0; k < depths[i]; k++) mn_buf_addc(&big, ']');
        mn_buf_addc(&big, '}');
        int status = send_as(r, "application/json", big.ptr, big.len);
        sound(r, "depth", status);
        if (status == 200) fail_msg("nested %zu deep is taken", depths[i]);
    }
    for (int more = 0; more < 2; more++) { /* 1,024 and one more */
        mn_buf_clear(&big);
        for (int k = 0; k < 1023 + more; k++) mn_buf_addf(&big, "a%d=1&", k);
        mn_buf_addz(&big, "title=x");
        int status = send_as(r, "application/x-www-form-urlencoded", big.ptr, big.len);
        assert_int_equal(sound(r, "many", status), more ? 400 : 200);
    }
}

static void parts_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "--x",
        "--x--",
        "--x\r\n",
        "--x\r\n\r\n--x--",
        "--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"\"\r\n\r\n\r\n--x--\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--x--\r\n",
        "--x\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nb\r\n--x--\r\n",
        "--x\nContent-Disposition: form-data; name=\"a\"\n\nb\n--x--\n",
        "--y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--y--\r\n",
    };
    static const char *const types[] = {
        "multipart/form-data; boundary=x", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"x"};
    for (const mn_route *r = routes; r->path; r++) {
        if (!takes_body(r)) continue;
        if (!strstr(r->path, "media") && !strstr(r->path, "credentials") &&
            !strstr(r->path, "/lists"))
            continue;
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
            for (size_t t = 0; t < 4; t++)
                sound(r, bodies[i], send_as(r, types[t], bodies[i], strlen(bodies[i])));
    }
}

/* Bytes of every value where text is expected: what is kept is UTF-8, without NUL, and comes out as JSON. */
static void bytes_that_are_no_text_do_not_come_out_again(void **state)
{
    (void)state;
    mn_buf_clear(&big);
    mn_buf_addz(&big, "status=x");
    for (int c = 0; c < 256; c++) mn_buf_addf(&big, "%%%02X", c);
    assert_int_equal(masto("POST", "/api/v1/statuses", &op, big.ptr), 200);
    masto_json();
    OK(!memchr(masto_body.ptr, 0, masto_body.len) && mn_utf8_valid(masto_body));
    mn_str content = masto_str("content");
    OK(content.len > 0 && !memchr(content.ptr, 0, content.len));
}

/* What is refused before anybody looks for a route has the same shape. */
static void addresses_that_are_malformed_are_refused_in_the_same_shape(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/v1/statuses/%00",   "/api/v1/statuses/%zz",
                                        "/api/v1/../v2/instance", "/api/v1/statuses/%ff",
                                        "/api/v1/statuses/1%2f2", "/api/v1/%0d%0aX-Evil:1"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(masto("GET", paths[i], &op, NULL), 400);
        OK(masto_says("Content-Type: application/json") && masto_str("error").len > 0);
        OK(!masto_says("\r\nX-Evil"));
        assert_int_equal(masto_raw("GET", paths[i], "Accept: text/html\r\n", NULL, 0), 400);
        OK(masto_says("Content-Type: text/plain") && masto_says("nosniff"));
    }
}

/* ---- headers -------------------------------------------------------------------------------------------------------------- */

static void headers_of_any_kind_are_no_fault(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "Authorization: \r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: bearer  x  y\r\n",
        "Authorization: Basic !!!\r\n",
        "Authorization: Bearer \xff\xfe\r\n",
        "Cookie: =; =; mynah\r\n",
        "Cookie: mynah==;mynah=\"\"; __Host-mynah=\xff\r\n",
        "Content-Type: ;;;\r\n",
        "Content-Type: application/json; charset=utf-7\r\n",
        "Accept: */*;q=2, text/html;q=x\r\n",
        "Accept-Language: ,,,;;;\r\nAccept-Encoding: zstd;q=9, \r\n",
        "If-None-Match: \"\"\"\", W/\r\n",
        "Range: bytes=-0, bytes=9-1\r\n",
        "Idempotency-Key: \r\nX-CSRF-Token: \r\n",
        "Origin: null\r\nReferer: ::\r\n",
    };
    static const char *const paths[] = {"/api/v1/timelines/public",
                                        "/api/v2/instance",
                                        "/api/v1/accounts/verify_credentials",
                                        "/",
                                        "/auth/sign_in",
                                        "/api/v1/streaming/user",
                                        "/oauth/userinfo"};
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
        for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
            int status = masto_raw("GET", paths[p], headers[i], NULL, 0);
            if (status < 200 || status >= 500)
                fail_msg("%s with %s gave %d", paths[p], headers[i], status);
        }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ids_that_are_none_are_not_found),
        CASE(numbers_that_are_none_change_nothing_but_the_page),
        CASE(json_that_is_none_is_refused),
        CASE(values_of_another_type_are_no_fault),
        CASE(depth_and_number_have_their_limits),
        CASE(parts_that_are_none_are_refused),
        CASE(bytes_that_are_no_text_do_not_come_out_again),
        CASE(addresses_that_are_malformed_are_refused_in_the_same_shape),
        CASE(headers_of_any_kind_are_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
