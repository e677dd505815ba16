/* WebSockets against a client that sends exactly the bytes it is told: handshake, frames, limits, slow and dead peers. */
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/ws.h"
#include "ws_client.h"

static mn_http *H;
static int P;
static char B[1 << 20];
static atomic_int opened, closed, refused, texts;
static atomic_long text_bytes;

/* The last socket opened, with a reference of ours. */
static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static mn_ws *last;

static mn_ws *take_last(void)
{
    pthread_mutex_lock(&last_lock);
    mn_ws *ws = last;
    last = NULL;
    pthread_mutex_unlock(&last_lock);
    return ws;
}

static void on_open(void *state, mn_ws *ws)
{
    OK(state == &H);
    pthread_mutex_lock(&last_lock);
    mn_ws_unref(last);
    last = mn_ws_ref(ws);
    pthread_mutex_unlock(&last_lock);
    atomic_fetch_add(&opened, 1);
}

static void on_text(void *state, mn_ws *ws, mn_str text)
{
    OK(state == &H);
    atomic_fetch_add(&texts, 1);
    atomic_fetch_add(&text_bytes, (long)text.len);
    if (mn_str_eqz(text, "bye")) {
        mn_ws_close(ws, 3000);
        return;
    }
    mn_ws_data *d = mn_ws_data_text(text);
    mn_ws_send(ws, d);
    mn_ws_data_unref(d);
}

static void on_close(void *state, mn_ws *ws)
{
    OK(state == &H);
    atomic_fetch_add(ws ? &closed : &refused, 1);
}

static const mn_ws_calls calls = {on_open, on_text, on_close};

static void get_echo(mn_req *r, mn_resp *w)
{
    mn_str offered = mn_req_header(r, "Sec-WebSocket-Protocol");
    mn_resp_websocket(w, offered, &calls, &H);
}
static void get_hello(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_buf_addz(mn_resp_body(w), "hello");
}

static const mn_route routes[] = {
    {.method = MN_GET, .path = "/echo", .handler = get_echo},
    {.method = MN_GET, .path = "/worker", .handler = get_echo, .run = MN_RUN_WORKER},
    {.method = MN_GET, .path = "/hello", .handler = get_hello},
    {.path = NULL},
};

static mn_http_opts options(void)
{
    return (mn_http_opts){.listen = "127.0.0.1:0",
                          .routes = routes,
                          .limits = {.websockets_per_address = 100,
                                     .ws_ping_ms = 500,
                                     .ws_pong_ms = 1000,
                                     .ws_queue_bytes = 200000}};
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
    mn_ws_unref(take_last());
    OK(atomic_load(&opened) == atomic_load(&closed));
    return 0;
}

/* ---- a client -------------------------------------------------------------------------------------------------- */

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE(path, more)                                                                  \
    "GET " path " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, "       \
    "Upgrade\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n" more "\r\n"

#define hear(fd, p, n)          ws_hear((fd), (p), (n))
#define hear_head(fd, p, n)     ws_hear_head((fd), (p), (n))
#define frame(out, first, p, n) ws_frame((out), (first), (p), (n))
#define say(fd, first, p, n)    ws_say((fd), (first), (p), (n))
#define next_frame(fd, ret_n)   ws_next((fd), B, sizeof B, (ret_n))
#define SAY(fd, first, z)       ws_say((fd), (first), (z), sizeof(z) - 1)

static int dial_to(int port, const char *handshake)
{
    int fd = raw_dial(port);
    raw_say(fd, handshake, strlen(handshake));
    hear_head(fd, B, sizeof B);
    return fd;
}
static int dial(void)
{
    int fd = dial_to(P, HANDSHAKE("/echo", ""));
    if (raw_status(B) != 101) fail_msg("handshake: %s", B);
    return fd;
}

static bool echoes(int fd, const char *z)
{
    size_t n = 0;
    return next_frame(fd, &n) == MN_WS_OP_TEXT && n == strlen(z) && memcmp(B, z, n) == 0;
}
/* The server closes with that code, and the connection ends. */
static bool closes(int fd, int code)
{
    size_t n = 0;
    int op;
    while ((op = next_frame(fd, &n)) == MN_WS_OP_TEXT) {
    }
    bool ok = op == MN_WS_OP_CLOSE && n == (code == 1005 ? 0u : 2u) &&
              (n == 0 || ((uint8_t)B[0] << 8 | (uint8_t)B[1]) == code);
    ok = ok && next_frame(fd, &n) == -1;
    close(fd);
    return ok;
}

static bool soon(atomic_int *n, int at_least)
{
    for (int i = 0; i < 400 && atomic_load(n) < at_least; i++) usleep(10000);
    return atomic_load(n) >= at_least;
}

/* ---- the handshake --------------------------------------------------------------------------------------------- */

static void the_handshake_is_that_of_the_standard(void **s)
{
    (void)s;
    int fd = dial();
    OK(strstr(B, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    OK(strstr(B, "Upgrade: websocket\r\n") && strstr(B, "Connection: Upgrade"));
    OK(!strstr(B, "Sec-WebSocket-Protocol"));
    SAY(fd, 0x81, "hello");
    OK(echoes(fd, "hello"));
    close(fd);
    fd = dial_to(P, HANDSHAKE("/worker", "Sec-WebSocket-Protocol: a-token\r\n"));
    OK(raw_status(B) == 101 && strstr(B, "Sec-WebSocket-Protocol: a-token\r\n"));
    SAY(fd, 0x81, "from a worker");
    OK(echoes(fd, "from a worker"));
    close(fd);
}

static int try(const char *request)
{
    close(dial_to(P, request));
    return raw_status(B);
}

static void other_handshakes_are_refused_and_their_state_let_go(void **s)
{
    (void)s;
    int was = atomic_load(&refused);
    OK(try("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n") == 426);
    OK(strstr(B, "Upgrade: websocket\r\n") && strstr(B, "Sec-WebSocket-Version: 13\r\n"));
    OK(try("GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 8\r\n\r\n") == 426);
    OK(try("GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n\r\n") == 400);
    OK(try("GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\n\r\n") == 400);
    OK(try("GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n"
           "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n") == 400);
    OK(try("HEAD /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n") == 426);
    OK(try("GET /echo HTTP/1.0\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n") != 101);
    OK(soon(&refused, was + 7));
}

static void frames_sent_with_the_handshake_are_read(void **s)
{
    (void)s;
    char q[600];
    int n = snprintf(q, sizeof q, "%s", HANDSHAKE("/echo", ""));
    size_t k = frame(q + n, 0x81, "early", 5);
    int fd = raw_dial(P);
    raw_say(fd, q, (size_t)n + k);
    hear_head(fd, B, sizeof B);
    OK(raw_status(B) == 101 && echoes(fd, "early"));
    SAY(fd, 0x81, "late");
    OK(echoes(fd, "late"));
    close(fd);
}

static void the_connection_counts_no_more_among_requests(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.limits.connections = 8;
    o.limits.per_address = 8;
    o.limits.websockets_per_address = 40;
    o.limits.websockets = 50;
    o.limits.ws_ping_ms = 60000;
    OK(soon(&closed, atomic_load(&opened))); /* those of the tests before */
    RUN(mn_http_start(&o, &h2, &e));
    int fds[41], port = mn_http_port(h2), was = atomic_load(&closed);
    for (int i = 0; i < 41; i++) {
        fds[i] = dial_to(port, HANDSHAKE("/echo", ""));
        OK(raw_status(B) == (i < 40 ? 101 : 503));
    }
    OK(strstr(B, "Retry-After: 30"));
    OK(mn_http_websockets(h2) == 40);
    const char q[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    bool shut;
    OK(raw_ask(port, q, sizeof q - 1, B, sizeof B, &shut) == 200);
    close(fds[40]);
    close(fds[0]); /* one goes, one may come */
    OK(soon(&closed, was + 1));
    usleep(20000);
    fds[0] = dial_to(port, HANDSHAKE("/echo", ""));
    OK(raw_status(B) == 101);
    for (int i = 0; i < 40; i++) close(fds[i]);
    mn_http_stop(h2, 1000);
    OK(atomic_load(&closed) == was + 41);
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

static void messages_come_back_whole_however_they_are_cut(void **s)
{
    (void)s;
    static char big[65536], out[70000];
    memset(big, 'x', sizeof big);
    int fd = dial(), on = 1;
    size_t n = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        say(fd, 0x81, big, sizes[i]);
        OK(next_frame(fd, &n) == MN_WS_OP_TEXT && n == sizes[i] && memcmp(B, big, n) == 0);
    }
    SAY(fd, 0x01, "he");
    SAY(fd, 0x89, "ping between");
    SAY(fd, 0x00, "");
    SAY(fd, 0x80, "llo");
    OK(next_frame(fd, &n) == MN_WS_OP_PONG && n == 12 && memcmp(B, "ping between", 12) == 0);
    OK(echoes(fd, "hello"));
    size_t k = frame(out, 0x01, "gr\xC3", 3);
    k += frame(out + k, 0x80, "\xBC\xC3\x9F", 3);
    for (size_t i = 0; i < k; i++) {
        raw_say(fd, out + i, 1);
        usleep(300);
    }
    OK(echoes(fd, "gr\xC3\xBC\xC3\x9F"));
    close(fd);
}

static void the_close_is_answered_in_kind(void **s)
{
    (void)s;
    int fd = dial();
    SAY(fd, 0x88, "\x03\xE8 done");
    OK(closes(fd, 1000));
    fd = dial();
    SAY(fd, 0x88, "");
    OK(closes(fd, 1005));
    fd = dial();
    SAY(fd, 0x81, "bye");
    OK(closes(fd, 3000));
    OK(soon(&closed, atomic_load(&opened)));
}

#define BREAKS(code, bytes)                                                                    \
    do {                                                                                       \
        int fd_ = dial();                                                                      \
        raw_say(fd_, bytes, sizeof(bytes) - 1);                                                \
        if (!closes(fd_, code)) fail_msg("not closed with %d: %s", code, #bytes);              \
    } while (0)
#define SAYS(code, first, z)                                                                   \
    do {                                                                                       \
        int fd_ = dial();                                                                      \
        SAY(fd_, first, z);                                                                    \
        if (!closes(fd_, code)) fail_msg("not closed with %d: %s", code, #z);                  \
    } while (0)

static void what_breaks_the_protocol_is_closed_with_its_code(void **s)
{
    (void)s;
    BREAKS(1002, "\x81\x05hello");                                    /* not masked */
    BREAKS(1002, "\xC1\x80\x01\x02\x03\x04");                         /* an extension's bit */
    BREAKS(1002, "\x83\x80\x01\x02\x03\x04");                         /* unknown opcode */
    BREAKS(1002, "\x8B\x80\x01\x02\x03\x04");                         /* unknown control */
    BREAKS(1002, "\x09\x80\x01\x02\x03\x04");                         /* fragmented ping */
    BREAKS(1002, "\x89\xFE\x00\x7E\x01\x02\x03\x04");                 /* long ping */
    BREAKS(1002, "\x80\x80\x01\x02\x03\x04");                         /* nothing to continue */
    BREAKS(1002, "\x01\x80\x01\x02\x03\x04\x81\x80\x01\x02\x03\x04"); /* not continued */
    BREAKS(1002, "\x81\xFE\x00\x05\x01\x02\x03\x04hello");            /* length not minimal */
    BREAKS(1002, "\x81\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF\x01\x02\x03\x04");
    BREAKS(1002, "\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04");
    BREAKS(1009, "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x03\x04");
    BREAKS(1009, "\x81\xFF\x00\x00\x00\x00\x00\x01\x00\x01\x01\x02\x03\x04");
    SAYS(1003, 0x82, "binary");
    SAYS(1007, 0x81, "\xC3\x28");
    SAYS(1007, 0x81, "\xED\xA0\x80");
    SAYS(1007, 0x88, "\x03\xE8\xFF");
    SAYS(1002, 0x88, "\x03");
    SAYS(1002, 0x88, "\x03\xED"); /* 1005 may not be sent */
    SAYS(1002, 0x88, "\x00\x01");
    OK(soon(&closed, atomic_load(&opened)));
}

static void fragments_cannot_add_up_to_more_than_the_limit(void **s)
{
    (void)s;
    static char part[40000];
    memset(part, 'y', sizeof part);
    int fd = dial();
    say(fd, 0x01, part, sizeof part);
    say(fd, 0x80, part, sizeof part);
    OK(closes(fd, 1009));
}

/* ---- slow, silent and vanished peers ---------------------------------------------------------------------------- */

static void a_slow_reader_is_cut_and_nobody_waits_for_it(void **s)
{
    (void)s;
    static char text[50000];
    memset(text, 'z', sizeof text);
    mn_ws_unref(take_last());
    int fd = dial(), was = atomic_load(&closed), small = 4096, sent = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    mn_ws *ws = NULL;
    for (int i = 0; i < 200 && !ws; i++, usleep(1000)) ws = take_last();
    OK(ws);
    mn_ws_data *d = mn_ws_data_text((mn_str){text, sizeof text});
    int64_t t0 = mn_mono_us();
    while (sent < 2000 && mn_ws_send(ws, d)) sent++;
    OK(mn_mono_us() - t0 < 1000000);
    OK(sent > 3 && sent < 2000);
    OK(!mn_ws_send(ws, d)); /* and stays cut */
    OK(soon(&closed, was + 1));
    mn_ws_data_unref(d);
    mn_ws_unref(ws);
    close(fd);
}

static void what_waits_is_sent_when_the_reader_reads_on(void **s)
{
    (void)s;
    static char text[20000];
    memset(text, 'w', sizeof text);
    mn_ws_unref(take_last());
    int small = 4096, fd = raw_dial(P);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    raw_say(fd, HANDSHAKE("/echo", ""), sizeof HANDSHAKE("/echo", "") - 1);
    hear_head(fd, B, sizeof B);
    mn_ws *ws = NULL;
    for (int i = 0; i < 200 && !ws; i++, usleep(1000)) ws = take_last();
    for (int i = 0; i < 8; i++) {
        text[0] = (char)('0' + i);
        mn_ws_data *d = mn_ws_data_text((mn_str){text, sizeof text});
        OK(mn_ws_send(ws, d));
        mn_ws_data_unref(d);
    }
    mn_ws_close(ws, 1000);
    mn_ws_unref(ws);
    for (int i = 0; i < 8; i++) {
        size_t n = 0;
        OK(next_frame(fd, &n) == MN_WS_OP_TEXT && n == sizeof text && B[0] == '0' + i);
    }
    OK(closes(fd, 1000));
}

static void a_peer_that_answers_no_ping_is_dropped(void **s)
{
    (void)s;
    OK(soon(&closed, atomic_load(&opened)));
    int fd = dial(), was = atomic_load(&closed), alive = dial();
    int64_t t0 = mn_mono_us();
    bool shut = false;
    while (mn_mono_us() - t0 < 10000000 && atomic_load(&closed) == was) { /* this one answers */
        struct pollfd f = {alive, POLLIN, 0};
        if (poll(&f, 1, 50) == 1) {
            char ping[2];
            OK(hear(alive, ping, 2) && (uint8_t)ping[0] == 0x89);
            SAY(alive, 0x8a, "");
        }
    }
    raw_hear(fd, B, sizeof B, NULL, 1000, &shut); /* pings, and then the end */
    OK(shut && atomic_load(&closed) == was + 1);
    SAY(alive, 0x81, "still here");
    OK(echoes(alive, "still here"));
    close(fd);
    close(alive);
}

static void a_client_that_vanishes_leaves_nothing_behind(void **s)
{
    (void)s;
    for (int i = 0; i < 60; i++) {
        int fd = raw_dial(P);
        raw_say(fd, HANDSHAKE("/echo", ""), sizeof HANDSHAKE("/echo", "") - 1);
        if (i % 3 == 1) raw_say(fd, "\x81\xFE", 2);
        if (i % 3 == 2) SAY(fd, 0x01, "part");
        struct linger hard = {1, 0};
        if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        if (i % 5 == 0) hear_head(fd, B, sizeof B);
        close(fd);
    }
    for (int i = 0; i < 300 && mn_http_websockets(H) > 0; i++) usleep(10000);
    OK(mn_http_websockets(H) == 0);
    OK(atomic_load(&opened) == atomic_load(&closed));
}

static void a_peer_that_floods_after_the_close_is_cut(void **s)
{
    (void)s;
    static char junk[100000];
    int fd = dial(), was = atomic_load(&closed);
    SAY(fd, 0x88, "\x03\xE8");
    for (int i = 0; i < 40 && atomic_load(&closed) == was; i++) {
        ssize_t k = send(fd, junk, sizeof junk, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0) usleep(5000);
    }
    OK(soon(&closed, was + 1));
    close(fd);
}

/* ---- many senders, and the end ---------------------------------------------------------------------------------- */

enum { READERS = 20, SENDERS = 4, EACH = 200 };
static mn_ws *crowd[READERS];

static void *send_to_all(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%d %d", *(int *)arg, i);
        mn_ws_data *d = mn_ws_data_text((mn_str){text, (size_t)n});
        for (int k = 0; k < READERS; k++) mn_ws_send(crowd[k], d);
        mn_ws_data_unref(d);
    }
    return NULL;
}

static void many_threads_send_and_each_keeps_its_order(void **s)
{
    (void)s;
    int fds[READERS], who[SENDERS];
    pthread_t t[SENDERS];
    mn_ws_unref(take_last());
    for (int i = 0; i < READERS; i++) {
        fds[i] = dial();
        for (int k = 0; k < 200 && !(crowd[i] = take_last()); k++) usleep(1000);
        OK(crowd[i]);
    }
    for (int i = 0; i < SENDERS; i++) {
        who[i] = i;
        pthread_create(&t[i], NULL, send_to_all, &who[i]);
    }
    for (int i = 0; i < READERS; i++) {
        int next[SENDERS] = {0}, from, seq;
        size_t n;
        for (int k = 0; k < SENDERS * EACH; k++) {
            OK(next_frame(fds[i], &n) == MN_WS_OP_TEXT && sscanf(B, "%d %d", &from, &seq) == 2);
            OK(seq == next[from]++);
        }
    }
    for (int i = 0; i < SENDERS; i++) pthread_join(t[i], NULL);
    for (int i = 0; i < READERS; i++) {
        close(fds[i]);
        mn_ws_unref(crowd[i]);
    }
}

static void stopping_says_that_the_server_goes_away(void **s)
{
    (void)s;
    mn_http *h2;
    mn_err e = {0};
    mn_http_opts o = options();
    o.limits.ws_ping_ms = 10000; /* a pong to a closed socket would be answered with a reset */
    RUN(mn_http_start(&o, &h2, &e));
    OK(soon(&closed, atomic_load(&opened))); /* those of the test before */
    int was = atomic_load(&closed), polite = dial_to(mn_http_port(h2), HANDSHAKE("/echo", ""));
    OK(raw_status(B) == 101);
    int deaf = dial_to(mn_http_port(h2), HANDSHAKE("/echo", ""));
    OK(raw_status(B) == 101);
    int64_t t0 = mn_mono_us();
    mn_http_stop(h2, 5000);
    OK(mn_mono_us() - t0 < 3000000);
    OK(atomic_load(&closed) == was + 2);
    OK(closes(polite, 1001));
    OK(closes(deaf, 1001));
    mn_ws *ws = take_last();
    mn_ws_data *d = mn_ws_data_text(MN_STR("too late"));
    OK(ws && !mn_ws_send(ws, d));
    mn_ws_data_unref(d);
    mn_ws_unref(ws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_handshake_is_that_of_the_standard),
        TEST(other_handshakes_are_refused_and_their_state_let_go),
        TEST(frames_sent_with_the_handshake_are_read),
        TEST(the_connection_counts_no_more_among_requests),
        TEST(messages_come_back_whole_however_they_are_cut),
        TEST(the_close_is_answered_in_kind),
        TEST(what_breaks_the_protocol_is_closed_with_its_code),
        TEST(fragments_cannot_add_up_to_more_than_the_limit),
        TEST(a_slow_reader_is_cut_and_nobody_waits_for_it),
        TEST(what_waits_is_sent_when_the_reader_reads_on),
        TEST(a_peer_that_answers_no_ping_is_dropped),
        TEST(a_client_that_vanishes_leaves_nothing_behind),
        TEST(a_peer_that_floods_after_the_close_is_cut),
        TEST(many_threads_send_and_each_keeps_its_order),
        TEST(stopping_says_that_the_server_goes_away),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
