/* The server: the library's callbacks, one exchange from target to last byte, start and stop.
 *
 * Threads: the library's pool of n_threads event loops (epoll) reads, calls handlers and writes; handlers of routes that
 * say so run on crews of ours while their connection is suspended; the watchdog (conn.c) cuts what is overdue.
 *
 * An exchange begins when the target has been read (on_target), is checked and routed when the headers are complete (begin),
 * collects its body (take_body), is answered once (answer) and ends when the last byte is out or the client is gone
 * (on_completed), which the library calls exactly once for each on_target. */
#include "net/http.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_int.h"

#define LATER_MS                                                                               \
    10000 /* what answers that come later may take once they know that nobody waits */

/* ---- an exchange's life -------------------------------------------------------------------------------------- */

static void active_add(mn_http *h, int n)
{
    pthread_mutex_lock(&h->lock);
    h->active += n;
    if (h->active == 0) pthread_cond_broadcast(&h->quiet);
    pthread_mutex_unlock(&h->lock);
}

static mn_conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i ? i->socket_context : NULL;
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    mn_http *h = cls;
    mn_exchange *x = mn_calloc(1, sizeof *x);
    if (!x) return NULL;
    mn_arena_init(&x->arena, 0);
    mn_buf_init(&x->body, 0);
    x->http = h;
    x->mhd = mhd;
    x->conn = conn_of(mhd);
    x->target_at = target;
    x->target = mn_str_dup(&x->arena, mn_str_from(target));
    x->req.arena = &x->arena;
    x->req.app = h->opts.app;
    mn_resp__init(&x->resp, &x->req);
    active_add(h, 1);
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    mn_http *h = cls;
    mn_exchange *x = *con_cls;
    (void)mhd, (void)why;
    if (!x) return;
    mn_conns__phase(&h->conns, x->conn, MN_PHASE_IDLE);
    if (x->answer) MHD_destroy_response(x->answer);
    mn_ws__forget(x->upgrade);
    mn_resp__release(&x->resp);
    mn_buf_release(&x->body);
    atomic_fetch_sub(&h->bodies, x->body_held);
    mn_arena_release(&x->arena);
    mn_free(x);
    *con_cls = NULL;
    active_add(h, -1);
}

static void refuse(mn_exchange *x, int status, const char *reason)
{
    if (x->refusal) return;
    x->refusal = status;
    x->reason = reason;
}

/* ---- headers ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    mn_method method;
} methods[] = {
    {"GET", MN_GET},     {"HEAD", MN_GET},      {"POST", MN_POST},       {"PUT", MN_PUT},
    {"PATCH", MN_PATCH}, {"DELETE", MN_DELETE}, {"OPTIONS", MN_OPTIONS},
};

static bool read_method(mn_exchange *x, const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0) {
            x->req.method = methods[i].method;
            x->req.head = strcmp(name, "HEAD") == 0;
            return true;
        }
    return false;
}

static void note_allowed(mn_exchange *x, mn_method m)
{
    size_t n = strlen(x->allow);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].method == m && !strstr(x->allow, methods[i].name)) {
            snprintf(x->allow + n, sizeof x->allow - n, "%s%s", n ? ", " : "", methods[i].name);
            n = strlen(x->allow);
        }
}

/* The first route that fits wins, so literal ones stand before patterns. */
static bool find_route_of(mn_exchange *x, mn_str path)
{
    for (const mn_route *r = x->http->opts.routes; r->path; r++) {
        mn_http_param params[MN_HTTP_PARAMS_MAX];
        size_t n = 0;
        if (!mn_http_match(r->path, path, params, &n)) continue;
        if (r->method != x->req.method) {
            note_allowed(x, r->method);
            continue;
        }
        memcpy(x->params, params, sizeof params);
        x->n_params = n;
        x->route = r;
        x->body_limit = r->body_limit;
        if (x->body_limit > MN_HTTP_BODY_FREE && x->http->opts.body_limit)
            x->body_limit = x->http->opts.body_limit(&x->req, x->body_limit);
        return true;
    }
    return false;
}

/* A slash at the end that no route has counts as none: there are clients that write "/api/v1/instance/". */
static void find_route(mn_exchange *x)
{
    mn_str path = x->req.path;
    if (find_route_of(x, path)) return;
    if (path.len > 1 && mn_str_ends(path, "/"))
        find_route_of(x, mn_str_sub(path, 0, path.len - 1));
}

static enum MHD_Result keep_forwarded(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    if (value && mn_str_eq_nocase(mn_str_from(name), MN_STR("X-Forwarded-For")))
        *(mn_str *)arg = mn_str_from(value);
    return MHD_YES;
}

/* Some proxies add a line of their own below the client's instead of adding to it: the last line is the proxy's. */
static void read_peer(mn_exchange *x)
{
    mn_str peer = mn_str_from(x->conn ? x->conn->peer : "");
    if (x->http->trusted[0] && mn_str_eqz(peer, x->http->trusted)) {
        mn_str forwarded = MN_STR_NONE;
        MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, keep_forwarded, &forwarded);
        mn_str hop = mn_http_last_hop(forwarded);
        if (hop.ptr) peer = hop;
    }
    x->req.peer = peer;
}

static void check_length(mn_exchange *x)
{
    uint64_t n = 0;
    mn_str s = mn_req_header(&x->req, "Content-Length");
    if (!s.ptr) return;
    mn_rc rc = mn_str_to_u64(mn_str_trim(s), &n);
    if (rc == MN_E_PARSE) refuse(x, 400, "the Content-Length is not a number");
    else if (rc != MN_OK || n > x->body_limit + MN_HTTP_DRAIN_MAX)
        refuse(x, 413, "the body is larger than is taken here");
}

static const char *target_fault(mn_rc rc)
{
    return rc == MN_E_LIMIT ? "the address is longer than 8,192 bytes"
                            : "the address is malformed";
}

static struct MHD_Response *refusal_response(mn_exchange *x)
{
    mn_resp *w = &x->resp;
    mn_resp__reset(w);
    w->close = true;
    w->status = x->refusal;
    mn_resp_header(w, "X-Content-Type-Options", MN_STR("nosniff"));
    mn_resp__error_bare(&x->req, w, mn_str_from(x->reason));
    size_t bytes = 0;
    return mn_resp__finish(x, &x->status, &bytes);
}

static enum MHD_Result queue(mn_exchange *x)
{
    if (!x->answer) return MHD_NO;
    x->queued = true;
    mn_conns__phase(&x->http->conns, x->conn,
                    x->resp.next && !x->req.head ? MN_PHASE_BUSY : MN_PHASE_SEND);
    enum MHD_Result ok = MHD_queue_response(x->mhd, (unsigned)x->status, x->answer);
    MHD_destroy_response(x->answer);
    x->answer = NULL;
    return ok;
}

static enum MHD_Result refuse_now(mn_exchange *x)
{
    x->answer = refusal_response(x);
    if (x->http->opts.after) x->http->opts.after(&x->req, x->status, x->resp.body.len, 0);
    return queue(x);
}

static enum MHD_Result begin(mn_exchange *x, const char *method, const char *version)
{
    const char *reason = NULL;
    x->begun = true;
    mn_conns__phase(&x->http->conns, x->conn, MN_PHASE_BODY);
    if (!x->target.ptr) return MHD_NO;
    read_peer(x);
    int status = mn_http__check(x, method, version, &reason);
    if (status) refuse(x, status, reason);
    if (!x->refusal && !read_method(x, method)) refuse(x, 501, "this method is not known here");
    mn_rc rc =
        x->refusal ? MN_OK : mn_http_target(x->target, &x->arena, &x->req.path, &x->req.query);
    if (rc == MN_E_NOMEM) return MHD_NO;
    if (rc) refuse(x, rc == MN_E_LIMIT ? 414 : 400, target_fault(rc));
    if (!x->refusal) {
        find_route(x);
        check_length(x);
    }
    return x->refusal ? refuse_now(x) : MHD_YES;
}

/* A body somewhat too large is read to its end, so that the client hears the refusal instead of a reset. */
static enum MHD_Result take_body(mn_exchange *x, const char *data, size_t n)
{
    x->body_seen += n;
    if (x->body_seen > x->body_limit + MN_HTTP_DRAIN_MAX) return MHD_NO;
    if (x->body_seen > x->body_limit) return MHD_YES;
    x->body_held += n;
    if (atomic_fetch_add(&x->http->bodies, n) + n > x->http->conns.limits.bodies_bytes)
        return MHD_NO;
    return mn_buf_add(&x->body, data, n) == MN_OK ? MHD_YES : MHD_NO;
}

/* ---- answering ----------------------------------------------------------------------------------------------- */

static void no_route(mn_exchange *x)
{
    mn_resp *w = &x->resp;
    if (!x->allow[0] && !mn_str_eqz(x->req.path, "*")) {
        mn_resp_error(&x->req, w, 404, "there is nothing at this address");
        return;
    }
    bool ask = x->req.method == MN_OPTIONS;
    if (!ask) mn_resp_error(&x->req, w, 405, "this address does not take this method");
    mn_resp_header(w, "Allow",
                   mn_str_from(x->allow[0] ? x->allow : "GET, HEAD, POST, OPTIONS"));
    if (ask) w->status = 204;
}

static void run_handler(mn_exchange *x)
{
    const mn_http_opts *o = &x->http->opts;
    if (o->before && o->before(&x->req, &x->resp)) return;
    if (!x->route) no_route(x);
    else if (x->body_seen > x->body_limit)
        mn_resp_error(&x->req, &x->resp, 413, "the body is larger than is taken here");
    else {
        x->route->handler(&x->req, &x->resp);
        if (o->finish && !x->later) o->finish(&x->req, &x->resp);
    }
}

/* What was written becomes the library's; on whatever thread it was written. */
static void finish(mn_exchange *x)
{
    double cpu = mn_thread_cpu_s();
    size_t bytes = 0;
    if (x->later && x->http->opts.finish) x->http->opts.finish(&x->req, &x->resp);
    x->answer = mn_resp__finish(x, &x->status, &bytes);
    x->handled = true;
    x->cpu_us += (mn_thread_cpu_s() - cpu) * 1e6;
    if (x->http->opts.after)
        x->http->opts.after(&x->req, x->answer ? x->status : 500, bytes, x->cpu_us);
}

/* Runs the handler; on whatever thread it belongs to. */
static void handle(mn_exchange *x)
{
    double cpu = mn_thread_cpu_s();
    x->req.body = mn_buf_str(&x->body);
    x->resp.close = atomic_load(&x->http->stopping);
    run_handler(x);
    x->cpu_us = (mn_thread_cpu_s() - cpu) * 1e6;
}

/* The handler has returned, or the answer that comes later is done: who comes second sends it. */
static void half_done(mn_exchange *x)
{
    if (atomic_fetch_sub(&x->halves, 1) != 1) return;
    finish(x);
    MHD_resume_connection(x->mhd);
}

void mn_resp_later(mn_resp *w, void (*gone)(void *state), void *state)
{
    mn_exchange *x = (mn_exchange *)(void *)w->req;
    MN_ASSERT(x->route && x->http->crews[x->route->run].n > 0 && !x->later);
    x->later = true;
    atomic_store(&x->halves, 2);
    mn_conns__watch(&x->http->conns, x->conn, gone, state);
}

void mn_resp_done(mn_resp *w)
{
    mn_exchange *x = (mn_exchange *)(void *)w->req;
    mn_conns__watch(&x->http->conns, x->conn, NULL, NULL);
    half_done(x);
}

static void *work(void *arg)
{
    mn_crew *c = arg;
    mn_exchange *x;
    while ((x = mn_queue_pop(c->queue)) != NULL) {
        handle(x);
        atomic_fetch_sub(&c->waiting, 1);
        if (x->later) {
            half_done(x);
            continue;
        }
        finish(x);
        MHD_resume_connection(x->mhd);
    }
    return NULL;
}

static bool hand_to_worker(mn_exchange *x)
{
    mn_crew *c = &x->http->crews[x->route ? x->route->run : MN_RUN_HERE];
    if (c->n == 0) return false;
    if (atomic_fetch_add(&c->waiting, 1) >= c->most) {
        atomic_fetch_sub(&c->waiting, 1);
        mn_resp_header(&x->resp, "Retry-After", MN_STR("2"));
        refuse(x, 503, "too many are waiting for this; try again in a moment");
        return false;
    }
    MHD_suspend_connection(x->mhd);
    if (mn_queue_push(c->queue, x)) return true;
    atomic_fetch_sub(&c->waiting, 1);
    refuse(x, 503, "the server is stopping");
    x->answer = refusal_response(x);
    x->handled = true;
    MHD_resume_connection(x->mhd);
    return true;
}

static enum MHD_Result answer(mn_exchange *x)
{
    if (x->handled) return queue(x);
    mn_conns__phase(&x->http->conns, x->conn, MN_PHASE_BUSY);
    if (hand_to_worker(x)) return MHD_YES;
    if (x->refusal) return refuse_now(x);
    handle(x);
    finish(x);
    return queue(x);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **con_cls)
{
    mn_exchange *x = *con_cls;
    (void)cls, (void)mhd, (void)url;
    if (!x) return MHD_NO;
    if (!x->begun) return begin(x, method, version);
    if (x->queued) return MHD_YES;
    if (*size == 0) return answer(x);
    size_t n = *size;
    *size = 0;
    return take_body(x, data, n);
}

/* ---- connections --------------------------------------------------------------------------------------------- */

static enum MHD_Result on_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
    mn_http *h = cls;
    (void)len;
    return !atomic_load(&h->stopping) && mn_conns__admit(&h->conns, addr) ? MHD_YES : MHD_NO;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    mn_http *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        mn_conns__remove(&h->conns, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *addr =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (fd)
        *context = mn_conns__add(&h->conns, addr ? addr->client_addr : NULL, fd->connect_fd);
}

/* Targets are decoded by mn_http_target; the library must leave them alone. */
static size_t leave_alone(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls, (void)mhd;
    return strlen(s);
}

void mn_http__tick(mn_http *h)
{
    mn_streams__ping(&h->streams);
}

/* ---- start and stop ------------------------------------------------------------------------------------------ */

static void set_limits(mn_http_limits *l)
{
    int *const field[] = {&l->headers_ms,       &l->body_ms,       &l->send_ms,
                          &l->idle_ms,          &l->ping_ms,       &l->connections,
                          &l->per_address,      &l->waiting,       &l->workers,
                          &l->password_workers, &l->media_workers, &l->model_workers,
                          &l->model_waiting};
    const int half = (mn_cpu_count() + 1) / 2;
    const int fallback[] = {10000, 60000, 120000, 30000,          15000, 1024, 256,
                            64,    4,     half,   mn_cpu_count(), 2,     1024};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (*field[i] <= 0) *field[i] = fallback[i];
    if (!l->bodies_bytes) l->bodies_bytes = (size_t)512 << 20;
    if (l->streams <= 0) l->streams = (l->connections + 1) / 2;
}

static mn_rc start_daemon(mn_http *h, mn_err *e)
{
    const mn_http_limits *l = &h->conns.limits;
    int n_threads = h->opts.n_threads > 0 ? h->opts.n_threads : 2;
    struct MHD_OptionItem more[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, n_threads > 1 ? n_threads : 0, NULL},
#if MHD_VERSION >= 0x00097600 /* before, check.c is the strict one */
        {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2, NULL},
#endif
        {MHD_OPTION_END, 0, NULL},
    };
    MN_TRY(mn_mhd_open(e));
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_UPGRADE | MHD_USE_SUSPEND_RESUME |
            MHD_USE_TURBO,
        0, on_accept, h, on_request, h, MHD_OPTION_LISTEN_SOCKET, h->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_alone,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)l->connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((l->idle_ms + 999) / 1000), MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (!h->daemon) return mn_fail(e, MN_E_IO, "the HTTP library could not start its threads");
    return MN_OK;
}

static mn_rc start_crew(mn_http *h, mn_run run, int n, int most, mn_err *e)
{
    mn_crew *c = &h->crews[run];
    c->http = h;
    c->most = most;
    MN_TRY(mn_queue_new((size_t)most + 1, &c->queue, e));
    for (int i = 0; i < n && i < MN_HTTP_CREW_MAX; i++) {
        if (pthread_create(&c->threads[i], NULL, work, c) != 0)
            return mn_fail(e, MN_E_IO, "cannot start a worker thread");
        c->n++;
    }
    return MN_OK;
}

static mn_rc start_workers(mn_http *h, mn_err *e)
{
    const mn_http_limits *l = &h->conns.limits;
    MN_TRY(start_crew(h, MN_RUN_WORKER, l->workers, l->waiting, e));
    MN_TRY(start_crew(h, MN_RUN_PASSWORD, l->password_workers, l->waiting, e));
    MN_TRY(start_crew(h, MN_RUN_MEDIA, l->media_workers, l->waiting, e));
    return start_crew(h, MN_RUN_MODEL, l->model_workers, l->model_waiting, e);
}

static void copy_address(char ret[INET6_ADDRSTRLEN], mn_str s)
{
    if (s.len >= INET6_ADDRSTRLEN) return;
    if (s.len > 0) memcpy(ret, s.ptr, s.len);
    ret[s.len] = 0;
}

static void http_free(mn_http *h)
{
    for (int k = 0; k < MN_RUNS; k++) {
        mn_crew *c = &h->crews[k];
        if (c->queue) mn_queue_close(c->queue);
        for (int i = 0; i < c->n; i++) pthread_join(c->threads[i], NULL);
    }
    mn_streams__end(&h->streams);
    mn_ws__end(h->sockets);
    if (h->daemon) MHD_stop_daemon(h->daemon);
    mn_ws__free(h->sockets);
    for (int k = 0; k < MN_RUNS; k++)
        mn_queue_free(h->crews[k].queue); /* a late push finds it closed, not gone */
    mn_conns__stop(&h->conns);
    if (h->listen_fd >= 0) close(h->listen_fd);
    pthread_mutex_destroy(&h->streams.lock);
    pthread_mutex_destroy(&h->conns.lock);
    pthread_cond_destroy(&h->conns.tick);
    pthread_cond_destroy(&h->quiet);
    pthread_mutex_destroy(&h->lock);
    mn_free(h);
}

mn_rc mn_http_start(const mn_http_opts *o, mn_http **ret, mn_err *e)
{
    mn_rc rc;
    mn_http *h = mn_calloc(1, sizeof *h);
    if (!h) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    h->opts = *o;
    h->listen_fd = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->quiet, NULL);
    pthread_mutex_init(&h->streams.lock, NULL);
    h->conns.limits = o->limits;
    set_limits(&h->conns.limits);
    h->streams.ping_ms = h->conns.limits.ping_ms;
    h->streams.most = h->conns.limits.streams;
    copy_address(h->trusted, o->trusted_proxy);
    copy_address(h->conns.proxy, o->trusted_proxy);
    rc = mn_conns__start(&h->conns, h, e);
    if (rc == MN_OK) rc = mn_http__listen(o->listen, &h->listen_fd, &h->port, e);
    if (rc == MN_OK) rc = mn_ws__start(h, e);
    if (rc == MN_OK) rc = start_workers(h, e);
    if (rc == MN_OK) rc = start_daemon(h, e);
    if (rc != MN_OK) {
        http_free(h);
        return rc;
    }
    *ret = h;
    return MN_OK;
}

int mn_http_port(const mn_http *h)
{
    return h->port;
}

void mn_http_wake(mn_http *h, const char *topic)
{
    mn_streams__wake(&h->streams, topic);
}

static void wait_quiet(mn_http *h, int grace_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += grace_ms / 1000;
    until.tv_nsec += (long)(grace_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&h->lock);
    while (h->active > 0)
        if (pthread_cond_timedwait(&h->quiet, &h->lock, &until) != 0) break;
    pthread_mutex_unlock(&h->lock);
}

void mn_http_quiesce(mn_http *h)
{
    if (!atomic_exchange(&h->stopping, true)) MHD_quiesce_daemon(h->daemon);
}

void mn_http_stop(mn_http *h, int grace_ms)
{
    if (!h) return;
    mn_http_quiesce(h);
    mn_streams__end(&h->streams);
    mn_ws__end(h->sockets);
    wait_quiet(h, grace_ms);
    mn_conns__all_gone(&h->conns);
    wait_quiet(h, LATER_MS);
    http_free(h);
}
