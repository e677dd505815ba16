/* The server against clients that say exactly what they want, well and badly. */
#include <stdatomic.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include "net/http.h"
#include "raw.h"

static mn_http *H;
static int P;
static char B[1 << 20];
static atomic_int handled, closed_streams, news, after_calls, after_status;

static void get_hello(mn_req *r, mn_resp *w)
{
    atomic_fetch_add(&handled, 1);
    mn_resp_type(w, "text/plain; charset=utf-8");
    mn_resp_etag(w);
    mn_buf_addz(mn_resp_body(w), "hello ");
    mn_buf_adds(mn_resp_body(w), r->path);
}

static void get_big(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_type(w, "application/json");
    for (int i = 0; i < 2000; i++) mn_buf_addf(mn_resp_body(w), "{\"n\":%d}\n", i);
}

static void get_param(mn_req *r, mn_resp *w)
{
    mn_resp_type(w, "text/plain");
    mn_buf_adds(mn_resp_body(w), mn_req_param(r, "name"));
    mn_buf_addc(mn_resp_body(w), '|');
    mn_buf_adds(mn_resp_body(w), mn_req_query(r, "q"));
    mn_buf_addc(mn_resp_body(w), '|');
    mn_buf_adds(mn_resp_body(w), r->peer);
}

static void post_echo(mn_req *r, mn_resp *w)
{
    atomic_fetch_add(&handled, 1);
    mn_resp_type(w, "text/plain");
    mn_buf_adds(mn_resp_body(w), r->body);
}

static void get_slow(mn_req *r, mn_resp *w)
{
    usleep(400000);
    get_hello(r, w);
}

static void get_split(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_header(w, "X-Bad", MN_STR("a\r\nSet-Cookie: b"));
    mn_buf_addz(mn_resp_body(w), "x");
}

static void get_fail(mn_req *r, mn_resp *w)
{
    mn_resp_error(r, w, 418, "no \"%s\" here", "coffee");
}

typedef struct ticker {
    int seen;
} ticker;
static bool tick(void *state, mn_buf *out)
{
    ticker *t = state;
    int now = atomic_load(&news);
    if (now != t->seen) mn_buf_addf(out, "data: %d\n\n", now);
    t->seen = now;
    return now < 1000000;
}
static void tick_close(void *state)
{
    atomic_fetch_add(&closed_streams, 1);
    mn_free(state);
}
static void get_events(mn_req *r, mn_resp *w)
{
    (void)r;
    ticker *t = mn_calloc(1, sizeof *t);
    t->seen = -1;
    mn_resp_stream(w, "news", tick, tick_close, t);
}

static bool before(mn_req *r, mn_resp *w)
{
    mn_resp_header(w, "X-Content-Type-Options", MN_STR("nosniff"));
    if (!mn_str_eqz(r->path, "/forbidden")) return false;
    mn_resp_error(r, w, 403, "not for you");
    return true;
}
static void after(const mn_req *r, int status, size_t bytes, double cpu_us)
{
    (void)r, (void)bytes;
    OK(cpu_us >= 0);
    atomic_fetch_add(&after_calls, 1);
    atomic_store(&after_status, status);
}

static const mn_route routes[] = {
    {.method = MN_GET, .path = "/hello", .handler = get_hello},
    {.method = MN_GET, .path = "/hello/:name", .handler = get_hello},
    {.method = MN_GET, .path = "/big", .handler = get_big},
    {.method = MN_GET, .path = "/@:name", .handler = get_param},
    {.method = MN_POST, .path = "/echo", .handler = post_echo, .body_limit = 1000},
    {.method = MN_GET, .path = "/slow", .handler = get_slow, .run = MN_RUN_WORKER},
    {.method = MN_GET, .path = "/split", .handler = get_split},
    {.method = MN_GET, .path = "/fail", .handler = get_fail},
    {.method = MN_GET, .path = "/events", .handler = get_events},
    {.path = NULL},
};

static mn_http_opts options(void)
{
    return (mn_http_opts){.listen = "127.0.0.1:0",
                          .routes = routes,
                          .before = before,
                          .after = after,
                          .limits = {.headers_ms = 1000,
                                     .body_ms = 1000,
                                     .idle_ms = 1000,
                                     .ping_ms = 300,
                                     .per_address = 200}};
}

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_http_opts o = options();
    if (mn_http_start(&o, &H, &e) != MN_OK) fail_msg("%s", e.msg);
    P = mn_http_port(H);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_http_stop(H, 1000);
    return 0;
}

#define ASK(z) ask_bytes((z), sizeof(z) - 1)
static bool shut;
static int ask_bytes(const char *p, size_t n)
{
    return raw_ask(P, p, n, B, sizeof B, &shut);
}
static bool says(const char *what)
{
    return strstr(B, what) != NULL;
}

/* ---- the ordinary way ---------------------------------------------------------------------------------------- */

static void a_connection_is_kept_alive(void **s)
{
    (void)s;
    int fd = raw_dial(P);
    for (int i = 0; i < 3; i++) {
        const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
        raw_say(fd, q, sizeof q - 1);
        raw_hear(fd, B, sizeof B, "hello /hello", 1000, &shut);
        OK(raw_status(B) == 200 && !shut && says("hello /hello"));
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **s)
{
    (void)s;
    OK(ASK("GET /hello/1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\n"
           "Content-Length: 3\r\n\r\nabcGET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
           "GET /hello/3 HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
    OK(!shut &&
       raw_count(B, strlen(B), "HTTP/1.1 200") == 2); /* the slow one is still at work */
    int fd = raw_dial(P);
    const char q[] =
        "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /hello/3 HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    raw_hear(fd, B, sizeof B, "hello /hello/3", 3000, &shut);
    OK(says("hello /slow") && strstr(B, "hello /slow") < strstr(B, "hello /hello/3"));
    close(fd);
}

static void close_is_honoured(void **s)
{
    (void)s;
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == 200 && shut);
    OK(ASK("GET /hello HTTP/1.0\r\n\r\n") == 200 && shut);
}

static void head_has_the_headers_of_get_and_no_body(void **s)
{
    (void)s;
    OK(ASK("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
    OK(says("Content-Length: 12") && says("ETag: W/\"") && !says("hello"));
    OK(ASK("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\nHEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n") ==
       200);
    OK(raw_count(B, strlen(B), "200 OK") == 2);
}

static void an_unchanged_page_is_304(void **s)
{
    (void)s;
    char q[256], tag[64] = "";
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
    OK(sscanf(strstr(B, "ETag: "), "ETag: %60s", tag) == 1);
    snprintf(q, sizeof q, "GET /hello HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"no\", %s\r\n\r\n",
             tag);
    OK(ask_bytes(q, strlen(q)) == 304 && says(tag) && !says("hello") && !shut);
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"no\"\r\n\r\n") == 200);
}

static void bodies_are_compressed_as_asked(void **s)
{
    (void)s;
    static char out[1 << 16];
    int fd = raw_dial(P);
    const char q[] = "GET /big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, "
                     "zstd\r\nConnection: close\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    size_t n = raw_hear(fd, B, sizeof B, NULL, 2000, &shut);
    close(fd);
    OK(says("Content-Encoding: zstd") && says("Vary: Accept-Encoding"));
    char *body = strstr(B, "\r\n\r\n") + 4;
    size_t k = ZSTD_decompress(out, sizeof out, body, n - (size_t)(body - B));
    OK(!ZSTD_isError(k) && k > 15000 && memcmp(out, "{\"n\":0}\n", 8) == 0);

    fd = raw_dial(P);
    const char q2[] =
        "GET /big HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    raw_say(fd, q2, sizeof q2 - 1);
    n = raw_hear(fd, B, sizeof B, NULL, 2000, &shut);
    close(fd);
    OK(says("Content-Encoding: gzip"));
    body = strstr(B, "\r\n\r\n") + 4;
    z_stream z = {.next_in = (Bytef *)body,
                  .avail_in = (uInt)(n - (size_t)(body - B)),
                  .next_out = (Bytef *)out,
                  .avail_out = sizeof out};
    OK(inflateInit2(&z, 15 + 16) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
    OK(z.total_out == k);
    inflateEnd(&z);

    OK(ASK("GET /big HTTP/1.1\r\nHost: x\r\n\r\n") == 200 && !says("Content-Encoding"));
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n") == 200);
    OK(!says("Content-Encoding")); /* too short to be worth it */
}

static void parameters_and_queries_reach_the_handler(void **s)
{
    (void)s;
    OK(ASK("GET /@b%C3%B6b?q=a+b%26c HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
    OK(says("b\xC3\xB6"
            "b|a b&c|127.0.0.1"));
    OK(ASK("GET http://x/@bob?q=1 HTTP/1.1\r\nHost: x\r\n\r\n") == 200 && says("bob|1|"));
}

static void a_forwarded_address_is_believed_only_from_the_proxy(void **s)
{
    (void)s;
    OK(ASK("GET /@b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n") == 200);
    OK(says("||127.0.0.1"));
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.trusted_proxy = MN_STR("127.0.0.1");
    RUN(mn_http_start(&o, &h2, &e));
    const char q[] =
        "GET /@b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\n"
        "x-forwarded-for: 2.2.2.2, 6.6.6.6\r\n\r\n"; /* the proxy's own line comes last */
    OK(raw_ask(mn_http_port(h2), q, sizeof q - 1, B, sizeof B, &shut) == 200);
    OK(says("||6.6.6.6"));
    mn_http_stop(h2, 100);
}

static void wrong_addresses_and_methods_have_their_answers(void **s)
{
    (void)s;
    OK(ASK("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n") == 404 && says("{\"error\":") && !shut);
    OK(ASK("GET /hello/ HTTP/1.1\r\nHost: x\r\n\r\n") == 200 && says("hello /hello/"));
    OK(ASK("GET /hello// HTTP/1.1\r\nHost: x\r\n\r\n") == 404);
    OK(ASK("GET /nothing HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n") == 404);
    OK(says("text/plain") && says("nosniff"));
    OK(ASK("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n") == 405);
    OK(says("Allow: GET, HEAD"));
    OK(ASK("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n") == 204 && says("Allow: POST"));
    OK(ASK("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n") == 204);
    OK(ASK("BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n") == 501 && shut);
    OK(ASK("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n") == 505 && shut);
    OK(ASK("GET /forbidden HTTP/1.1\r\nHost: x\r\n\r\n") == 403 &&
       atomic_load(&after_status) == 403);
    OK(ASK("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n") == 418 && says("no \\\"coffee\\\" here"));
}

static void a_header_cannot_be_split(void **s)
{
    (void)s;
    OK(ASK("GET /split HTTP/1.1\r\nHost: x\r\n\r\n") == 500 && !says("Set-Cookie"));
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

#define REFUSED(z)                                                                             \
    do {                                                                                       \
        int before_n = atomic_load(&handled);                                                  \
        int status = ASK(z);                                                                   \
        if (status != 400 || !shut || atomic_load(&handled) != before_n)                       \
            fail_msg("answered %d%s for %s", status, shut ? "" : " and stays open", #z);       \
    } while (0)

static void requests_that_could_be_smuggled_are_refused(void **s)
{
    (void)s;
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
            "chunked\r\n\r\n"
            "0\r\n\r\n");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n");
    REFUSED("POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na");
    REFUSED("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\nD: e\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\n Host: x\r\nA: b\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n");
    REFUSED("GET /hello\0/x HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\nA: b\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\nHost: x\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA: b\n\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nA(b): c\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\nHost: x\r\nnocolon\r\n\r\n");
    REFUSED("GET  /hello  HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED("GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_missing_host_is_400_and_closes(void **s)
{
    (void)s;
    REFUSED("GET /hello HTTP/1.1\r\nA: b\r\n\r\n");
    REFUSED("GET /hello HTTP/1.1\r\n\r\n");
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n") ==
       501);
}

static void bad_targets_are_400(void **s)
{
    (void)s;
    REFUSED("GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED("GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED("GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n");
    REFUSED("GET hello HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void a_long_target_is_414_and_long_headers_are_431(void **s)
{
    (void)s;
    static char q[100000];
    int n = snprintf(q, sizeof q, "GET /%09000d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    OK(ask_bytes(q, (size_t)n) == 414 && shut);
    n = snprintf(q, sizeof q, "GET /hello HTTP/1.1\r\nHost: x\r\nA: %017000d\r\n\r\n", 0);
    OK(ask_bytes(q, (size_t)n) == 431 && shut);
    n = snprintf(q, sizeof q, "GET /hello HTTP/1.1\r\nHost: x\r\nA: %090000d\r\n\r\n", 0);
    OK(ask_bytes(q, (size_t)n) == 431 && shut);
    n = snprintf(q, sizeof q, "GET /hello HTTP/1.1\r\nHost: x\r\nA: %015000d\r\n\r\n", 0);
    OK(ask_bytes(q, (size_t)n) == 200);
}

static void a_body_over_the_limit_is_413(void **s)
{
    (void)s;
    static char q[4000];
    int n =
        snprintf(q, sizeof q,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n%01000d", 0);
    OK(ask_bytes(q, (size_t)n) == 200);
    n = snprintf(q, sizeof q,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n%01001d", 0);
    OK(ask_bytes(q, (size_t)n) == 413 && says("larger") && !shut);
    n = snprintf(q, sizeof q,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "%x\r\n%01500d\r\n0\r\n\r\n",
                 1500, 0);
    OK(ask_bytes(q, (size_t)n) == 413);
    OK(ASK("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n") == 413 &&
       shut);
    OK(ASK("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
           "99999999999999999999999\r\n\r\n") >= 400);
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab") == 413);
    OK(ASK("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
           "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n"
           "0\r\n\r\n") == 200 &&
       says("abcde"));
    OK(ASK("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
           "chunked\r\n\r\nzz\r\nabc\r\n") == 400);
}

static void an_expected_100_is_sent(void **s)
{
    (void)s;
    int fd = raw_dial(P);
    const char q[] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    raw_hear(fd, B, sizeof B, "\r\n\r\n", 500, &shut);
    OK(raw_status(B) == 100);
    raw_say(fd, "abc", 3);
    raw_hear(fd, B, sizeof B, "abc", 500, &shut);
    OK(raw_status(B) == 200 && says("abc"));
    close(fd);
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

/* Trickles a byte each 100 ms until the server hangs up; the milliseconds it took. */
static int64_t trickle(const char *start, const char *drip)
{
    int fd = raw_dial(P);
    int64_t t0 = mn_mono_us();
    raw_say(fd, start, strlen(start));
    for (size_t i = 0; i < 50; i++) {
        raw_say(fd, drip + i % strlen(drip), 1);
        raw_hear(fd, B, sizeof B, NULL, 100, &shut);
        if (shut || raw_status(B)) break;
    }
    close(fd);
    return (mn_mono_us() - t0) / 1000;
}

static void headers_that_trickle_are_cut_at_the_deadline(void **s)
{
    (void)s;
    int64_t ms = trickle("GET /hello HTTP/1.1\r\nHost: x\r\n", "A: b\r\n");
    OK(ms >= 900 && ms < 2500);
    OK(raw_status(B) == 408);
}

static void a_body_that_trickles_is_cut_at_the_deadline(void **s)
{
    (void)s;
    int64_t ms = trickle("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", "x");
    OK(ms >= 900 && ms < 2500);
}

static void a_second_request_cannot_trickle_for_ever(void **s)
{
    (void)s;
    int fd = raw_dial(P);
    const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    raw_hear(fd, B, sizeof B, "hello /hello", 1000, &shut);
    OK(raw_status(B) == 200 && !shut);
    int64_t t0 = mn_mono_us();
    for (int i = 0; i < 60 && !shut; i++) {
        raw_say(fd, &"GET /hello?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[i],
                1);
        raw_hear(fd, B, sizeof B, NULL, 100, &shut);
    }
    close(fd);
    OK(shut && (mn_mono_us() - t0) / 1000 < 4000);
}

static void an_idle_connection_is_closed(void **s)
{
    (void)s;
    int fd = raw_dial(P);
    const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    raw_hear(fd, B, sizeof B, NULL, 4000, &shut);
    OK(shut);
    close(fd);
}

/* ---- streams ------------------------------------------------------------------------------------------------- */

static int listen_in(void)
{
    int fd = raw_dial(P);
    const char q[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    return fd;
}

static void a_stream_tells_news_and_stays_open_in_silence(void **s)
{
    (void)s;
    int fd = listen_in();
    atomic_store(&news, 1);
    raw_hear(fd, B, sizeof B, "data: ", 1000, &shut);
    OK(raw_status(B) == 200 && says("Content-Type: text/event-stream"));
    OK(says("X-Accel-Buffering: no"));
    raw_hear(fd, B, sizeof B, ": still here\n", 1000, &shut);
    OK(says(": still here"));
    atomic_store(&news, 7);
    int64_t t0 = mn_mono_us();
    mn_http_wake(H, "other");
    mn_http_wake(H, "news");
    raw_hear(fd, B, sizeof B, "data: 7\n\n", 1000, &shut);
    OK(says("data: 7") && mn_mono_us() - t0 < 200000);
    close(fd);
}

static void many_idle_streams_starve_nobody(void **s)
{
    (void)s;
    enum { N = 150 };
    static int fds[N];
    int was = atomic_load(&closed_streams);
    for (int i = 0; i < N; i++) fds[i] = listen_in();
    for (int i = 0; i < N; i++) {
        raw_hear(fds[i], B, sizeof B, "\r\n\r\n", 2000, &shut);
        OK(raw_status(B) == 200);
    }
    int64_t t0 = mn_mono_us();
    for (int i = 0; i < 20; i++) {
        int fd = raw_dial(P);
        const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
        raw_say(fd, q, sizeof q - 1);
        raw_hear(fd, B, sizeof B, "hello /hello", 1000, &shut);
        OK(raw_status(B) == 200);
        close(fd);
    }
    OK(mn_mono_us() - t0 < 2000000);
    atomic_store(&news, 4242);
    mn_http_wake(H, "news");
    for (int i = 0; i < N; i++) {
        raw_hear(fds[i], B, sizeof B, "data: 4242\n\n", 3000, &shut);
        OK(says("data: 4242"));
        close(fds[i]);
    }
    for (int i = 0; i < 100 && atomic_load(&closed_streams) < was + N; i++) {
        mn_http_wake(H, "news");
        usleep(50000);
    }
    OK(atomic_load(&closed_streams) >= was + N);
}

static void streams_leave_room_for_pages(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.limits.streams = 3;
    RUN(mn_http_start(&o, &h2, &e));
    int fds[5], was = atomic_load(&closed_streams), taken = 0;
    const char listen_q[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < 5; i++) {
        fds[i] = raw_dial(mn_http_port(h2));
        raw_say(fds[i], listen_q, sizeof listen_q - 1);
        raw_hear(fds[i], B, sizeof B, "\r\n\r\n", 2000, &shut);
        taken += raw_status(B) == 200;
        OK(raw_status(B) == (i < 3 ? 200 : 503));
    }
    OK(taken == 3 && says("Retry-After: 30") && !says("X-Accel-Buffering"));
    OK(atomic_load(&closed_streams) == was + 2); /* what was refused is let go */
    OK(raw_ask(mn_http_port(h2), q, sizeof q - 1, B, sizeof B, &shut) == 200);
    close(fds[0]); /* one goes, one may come */
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        usleep(50000);
        int fd = raw_dial(mn_http_port(h2));
        raw_say(fd, listen_q, sizeof listen_q - 1);
        raw_hear(fd, B, sizeof B, "\r\n\r\n", 2000, &shut);
        status = raw_status(B);
        close(fd);
    }
    OK(status == 200);
    for (int i = 1; i < 5; i++) close(fds[i]);
    mn_http_stop(h2, 100);
}

/* ---- limits, start and stop ---------------------------------------------------------------------------------- */

static void one_address_cannot_take_all_connections(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.limits.per_address = 5;
    RUN(mn_http_start(&o, &h2, &e));
    int fds[8], open_n = 0;
    const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 8; i++) {
        fds[i] = raw_dial(mn_http_port(h2));
        raw_say(fds[i], q, sizeof q - 1);
        raw_hear(fds[i], B, sizeof B, "hello /hello", 300, &shut);
        open_n += raw_status(B) == 200;
    }
    OK(open_n == 5);
    for (int i = 0; i < 8; i++) close(fds[i]);
    usleep(100000);
    OK(raw_ask(mn_http_port(h2), q, sizeof q - 1, B, sizeof B, &shut) == 200);
    mn_http_stop(h2, 100);
}

static void bodies_of_all_requests_together_have_a_limit(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.limits.bodies_bytes = 1000;
    RUN(mn_http_start(&o, &h2, &e));
    int port = mn_http_port(h2), first = raw_dial(port), second = raw_dial(port);
    char q[900];
    int n =
        snprintf(q, sizeof q, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 700\r\n\r\n");
    memset(q + n, 'a', 600);
    raw_say(first, q, (size_t)n + 600); /* not whole yet: it is held */
    usleep(100000);
    raw_say(second, q, (size_t)n + 600);
    raw_hear(second, B, sizeof B, NULL, 300, &shut);
    OK(shut && raw_status(B) == 0);
    raw_say(first, q + n, 100);
    raw_hear(first, B, sizeof B, "aaa", 500, &shut);
    OK(raw_status(B) == 200);
    close(first);
    close(second);
    usleep(100000);
    raw_say(first = raw_dial(port), q,
            (size_t)n + 600); /* what was given back can be used again */
    raw_say(first, q + n, 100);
    raw_hear(first, B, sizeof B, "aaa", 500, &shut);
    OK(raw_status(B) == 200);
    close(first);
    mn_http_stop(h2, 100);
}

static void a_busy_port_is_said(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    char at[32], want[200];
    snprintf(at, sizeof at, "127.0.0.1:%d", P);
    mn_http_opts o = options();
    o.listen = at;
    FAILS(MN_E_BUSY, mn_http_start(&o, &h2, &e));
    snprintf(want, sizeof want,
             "127.0.0.1:%d is in use by another program; stop it or choose --listen HOST:PORT",
             P);
    assert_string_equal(e.msg, want);
    o.listen = "192.0.2.1:8420";
    FAILS(MN_E_USAGE, mn_http_start(&o, &h2, &e));
    o.listen = "nonsense";
    FAILS(MN_E_USAGE, mn_http_start(&o, &h2, &e));
}

static void stopping_finishes_what_runs_and_ends_streams(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    RUN(mn_http_start(&o, &h2, &e));
    int port = mn_http_port(h2), slow = raw_dial(port), stream = raw_dial(port);
    const char q[] = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
               q2[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(slow, q, sizeof q - 1);
    raw_say(stream, q2, sizeof q2 - 1);
    usleep(100000);
    int64_t t0 = mn_mono_us();
    mn_http_stop(h2, 5000);
    OK(mn_mono_us() - t0 < 2000000);
    raw_hear(slow, B, sizeof B, NULL, 500, &shut);
    OK(raw_status(B) == 200 && says("hello /slow") && shut);
    raw_hear(stream, B, sizeof B, NULL, 500, &shut);
    OK(raw_status(B) == 200 && shut && says("\r\n0\r\n\r\n"));
    close(slow);
    close(stream);
}

static void slow_handlers_do_not_hold_up_others(void **s)
{
    (void)s;
    int slow[4];
    const char q[] = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
               q2[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 4; i++) {
        slow[i] = raw_dial(P);
        raw_say(slow[i], q, sizeof q - 1);
    }
    usleep(50000);
    int64_t t0 = mn_mono_us();
    int fd = raw_dial(P);
    raw_say(fd, q2, sizeof q2 - 1);
    raw_hear(fd, B, sizeof B, "hello /hello", 1000, &shut);
    OK(raw_status(B) == 200 && mn_mono_us() - t0 < 300000);
    close(fd);
    for (int i = 0; i < 4; i++) {
        raw_hear(slow[i], B, sizeof B, "hello /slow", 3000, &shut);
        OK(raw_status(B) == 200);
        close(slow[i]);
    }
}

static void clients_that_vanish_leave_nothing_behind(void **s)
{
    (void)s;
    const char *const parts[] = {
        "",
        "GET /hel",
        "GET /hello HTTP/1.1\r\nHo",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab",
        "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (int i = 0; i < 60; i++) {
        const char *p = parts[(size_t)i % (sizeof parts / sizeof *parts)];
        int fd = raw_dial(P);
        raw_say(fd, p, strlen(p));
        struct linger hard = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
    }
    OK(ASK("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_is_kept_alive),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(close_is_honoured),
        TEST(head_has_the_headers_of_get_and_no_body),
        TEST(an_unchanged_page_is_304),
        TEST(bodies_are_compressed_as_asked),
        TEST(parameters_and_queries_reach_the_handler),
        TEST(a_forwarded_address_is_believed_only_from_the_proxy),
        TEST(wrong_addresses_and_methods_have_their_answers),
        TEST(a_header_cannot_be_split),
        TEST(requests_that_could_be_smuggled_are_refused),
        TEST(a_missing_host_is_400_and_closes),
        TEST(bad_targets_are_400),
        TEST(a_long_target_is_414_and_long_headers_are_431),
        TEST(a_body_over_the_limit_is_413),
        TEST(an_expected_100_is_sent),
        TEST(headers_that_trickle_are_cut_at_the_deadline),
        TEST(a_body_that_trickles_is_cut_at_the_deadline),
        TEST(a_second_request_cannot_trickle_for_ever),
        TEST(an_idle_connection_is_closed),
        TEST(a_stream_tells_news_and_stays_open_in_silence),
        TEST(many_idle_streams_starve_nobody),
        TEST(streams_leave_room_for_pages),
        TEST(one_address_cannot_take_all_connections),
        TEST(bodies_of_all_requests_together_have_a_limit),
        TEST(a_busy_port_is_said),
        TEST(stopping_finishes_what_runs_and_ends_streams),
        TEST(slow_handlers_do_not_hold_up_others),
        TEST(clients_that_vanish_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
