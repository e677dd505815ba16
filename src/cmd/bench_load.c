/* The client of benches of the network: see bench_server.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/bench_server.h"

#define WAIT_MS 30000

/* ---- one connection -------------------------------------------------------------------------------------------- */

mn_rc mn_bench_dial(int port, int *ret, mn_err *e)
{
    int one = 1;
    struct timeval limit = {WAIT_MS / 1000, 0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot open a socket");
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        mn_fail_errno(e, MN_E_IO, "cannot connect to port %d", port);
        close(fd);
        return MN_E_IO;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    *ret = fd;
    return MN_OK;
}

mn_rc mn_bench_send(int fd, const char *p, size_t n, mn_err *e)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return mn_fail_errno(e, MN_E_IO, "cannot send to the server");
        p += k;
        n -= (size_t)k;
    }
    return MN_OK;
}

/* Bytes of the whole answer once its header is here, else 0. */
static size_t whole_length(const mn_buf *b, size_t *ret_body)
{
    const char *end = b->len ? strstr(b->ptr, "\r\n\r\n") : NULL;
    if (!end) return 0;
    const char *length = strcasestr(b->ptr, "\r\ncontent-length:");
    *ret_body = (size_t)(end - b->ptr) + 4;
    if (!length || length > end) return *ret_body;
    return *ret_body + (size_t)strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
}

/* ---- many ------------------------------------------------------------------------------------------------------ */

typedef struct lane {
    int fd;
    mn_buf answer, question;
    size_t want, body_at;
    int64_t sent_us;
} lane;

typedef struct run {
    const mn_bench_load *load;
    lane *lanes;
    double *times;
    uint64_t asked, done, bytes;
    double cpu_from;
    int64_t from_us, until_us;
    int epoll;
    bool killed;
} run;

static mn_rc ask(run *r, lane *k, mn_err *e)
{
    const mn_bench_load *l = r->load;
    mn_buf_clear(&k->question);
    mn_buf_clear(&k->answer);
    k->want = 0;
    l->ask(l->arg, r->asked++, &k->question);
    if (k->question.failed) return mn_fail(e, MN_E_NOMEM, "out of memory");
    k->sent_us = mn_mono_us();
    return mn_bench_send(k->fd, k->question.ptr, k->question.len, e);
}

static void begin_counting(run *r)
{
    r->from_us = mn_mono_us();
    if (r->load->server) r->cpu_from = mn_bench_server_cpu(r->load->server);
}

static mn_rc take_answer(run *r, lane *k, mn_err *e)
{
    const mn_bench_load *l = r->load;
    mn_str body = mn_str_sub(mn_buf_str(&k->answer), k->body_at, k->want);
    if (!mn_str_starts(mn_buf_str(&k->answer), "HTTP/1.1 200"))
        return mn_fail(e, MN_E_IO, "the server answered '%.40s': %.200s", k->answer.ptr,
                       body.len ? body.ptr : "");
    if (r->done >= l->warm) r->times[r->done - l->warm] = (double)(mn_mono_us() - k->sent_us);
    r->bytes = body.len;
    if (l->answered) l->answered(l->arg, body);
    if (++r->done == l->warm) begin_counting(r);
    if (l->kill_after && r->done == (uint64_t)l->kill_after) {
        kill(l->server->pid, SIGKILL);
        r->killed = true;
    }
    return MN_OK;
}

/* What has come; when the answer is whole, the next question goes out. */
static mn_rc hear(run *r, lane *k, mn_err *e)
{
    char piece[65536];
    ssize_t n = recv(k->fd, piece, sizeof piece, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return MN_OK;
    if (n <= 0) return mn_fail(e, MN_E_IO, "the server did not answer to the end");
    if (mn_buf_add(&k->answer, piece, (size_t)n) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!k->want) k->want = whole_length(&k->answer, &k->body_at);
    if (!k->want || k->answer.len < k->want) return MN_OK;
    MN_TRY(take_answer(r, k, e));
    return r->asked < r->load->requests + r->load->warm ? ask(r, k, e) : MN_OK;
}

static mn_rc go(run *r, mn_err *e)
{
    const mn_bench_load *l = r->load;
    struct epoll_event ready[64];
    for (int i = 0; i < l->connections; i++) MN_TRY(ask(r, &r->lanes[i], e));
    while (r->done < r->asked && mn_mono_us() < r->until_us) {
        int n = epoll_wait(r->epoll, ready, 64, 1000);
        for (int i = 0; i < n && r->done < r->asked; i++) {
            mn_rc rc = hear(r, ready[i].data.ptr, e);
            if (rc != MN_OK) return r->killed ? MN_OK : rc;
        }
        if (r->killed && n == 0) return MN_OK;
    }
    return MN_OK;
}

static mn_rc open_lanes(run *r, mn_err *e)
{
    const mn_bench_load *l = r->load;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll < 0) return mn_fail_errno(e, MN_E_IO, "cannot wait for sockets");
    for (int i = 0; i < l->connections; i++) {
        lane *k = &r->lanes[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = k};
        MN_TRY(mn_bench_dial(l->port, &k->fd, e));
        if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, k->fd, &ev) != 0)
            return mn_fail_errno(e, MN_E_IO, "cannot wait for a socket");
    }
    return MN_OK;
}

static void close_lanes(run *r)
{
    for (int i = 0; r->lanes && i < r->load->connections; i++) {
        if (r->lanes[i].fd >= 0) close(r->lanes[i].fd);
        mn_buf_release(&r->lanes[i].answer);
        mn_buf_release(&r->lanes[i].question);
    }
    if (r->epoll >= 0) close(r->epoll);
    mn_free(r->lanes);
    mn_free(r->times);
}

static void sum_up(run *r, mn_bench_loaded *ret)
{
    const mn_bench_load *l = r->load;
    size_t n = r->done > l->warm ? (size_t)(r->done - l->warm) : 0;
    double cpu = l->server && !r->killed ? mn_bench_server_cpu(l->server) - r->cpu_from : 0;
    *ret = (mn_bench_loaded){.n = n,
                             .bytes = r->bytes,
                             .wall_s = (double)(mn_mono_us() - r->from_us) / 1e6,
                             .cpu_us = n ? cpu * 1e6 / (double)n : 0};
    ret->p50_us = mn_bench_percentile(r->times, n, 0.5);
    ret->p99_us = mn_bench_percentile(r->times, n, 0.99);
    ret->worst_us = mn_bench_percentile(r->times, n, 1);
}

mn_rc mn_bench_load_run(const mn_bench_load *l, mn_bench_loaded *ret, mn_err *e)
{
    run r = {.load = l, .epoll = -1};
    r.lanes = mn_calloc((size_t)l->connections, sizeof *r.lanes);
    r.times = mn_calloc((size_t)(l->requests + (uint64_t)l->connections), sizeof *r.times);
    mn_rc rc = r.lanes && r.times ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    for (int i = 0; rc == MN_OK && i < l->connections; i++) {
        r.lanes[i].fd = -1;
        mn_buf_init(&r.lanes[i].answer, 0);
        mn_buf_init(&r.lanes[i].question, 0);
    }
    if (rc == MN_OK) rc = open_lanes(&r, e);
    r.until_us = mn_mono_us() + (int64_t)(l->most_s * 1e6);
    begin_counting(&r);
    if (rc == MN_OK) rc = go(&r, e);
    if (rc == MN_OK) sum_up(&r, ret);
    close_lanes(&r);
    return rc;
}

/* ---- WebSockets ------------------------------------------------------------------------------------------------ */

static mn_rc read_n(int fd, void *p, size_t n, mn_err *e)
{
    for (char *at = p; n > 0;) {
        ssize_t k = recv(fd, at, n, 0);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return mn_fail(e, MN_E_IO, "the WebSocket ended");
        at += k;
        n -= (size_t)k;
    }
    return MN_OK;
}

mn_rc mn_bench_ws_open(int fd, const char *path, const char *token, unsigned client, mn_err *e)
{
    char q[600], head[2048];
    size_t n = 0;
    int len = snprintf(q, sizeof q,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Authorization: Bearer %s\r\nX-Forwarded-For: 10.%u.%u.%u\r\n\r\n",
                       path, token, client >> 16 & 255, client >> 8 & 255, client & 255);
    MN_TRY(mn_bench_send(fd, q, (size_t)len, e));
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        if (n == sizeof head - 1) return mn_fail(e, MN_E_IO, "a handshake without end");
        MN_TRY(read_n(fd, head + n++, 1, e));
    }
    head[n] = 0;
    if (mn_str_starts((mn_str){head, n}, "HTTP/1.1 101")) return MN_OK;
    return mn_fail(e, MN_E_IO, "no WebSocket but '%.60s'", head);
}

mn_rc mn_bench_ws_next(int fd, int wait_ms, mn_buf *ret, mn_err *e)
{
    uint8_t head[2], more[8];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    mn_buf_clear(ret);
    if (poll(&p, 1, wait_ms) <= 0) return mn_fail(e, MN_E_BUSY, "no event came");
    MN_TRY(read_n(fd, head, 2, e));
    uint64_t n = head[1] & 127;
    size_t n_more = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (n_more) {
        MN_TRY(read_n(fd, more, n_more, e));
        n = 0;
    }
    for (size_t i = 0; i < n_more; i++) n = n << 8 | more[i];
    if (n > 1 << 20) return mn_fail(e, MN_E_LIMIT, "a frame of more than 1 MiB");
    char piece[4096];
    while (n > 0) {
        size_t k = n < sizeof piece ? (size_t)n : sizeof piece;
        MN_TRY(read_n(fd, piece, k, e));
        MN_TRY(mn_buf_add(ret, piece, k));
        n -= k;
    }
    return MN_OK;
}

/* ---- percentiles ----------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double mn_bench_percentile(double *v, size_t n, double p)
{
    if (n == 0) return 0;
    qsort(v, n, sizeof *v, by_size);
    size_t i = (size_t)(p * (double)n);
    return v[i < n ? i : n - 1];
}
