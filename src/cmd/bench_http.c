/* mynah bench http: what the network costs.
 *
 *   http-small  one account with 1,000 posts of about 160 characters and a hashtag, pages of 20: the data of the peers' figures
 *               in docs/benchmarks.md. The pages, posting, events, sign-ups, idle and slow connections.
 *   http-large  --posts posts of 10,000 accounts, read by a member who follows 200 of them
 *
 * The server is a child of its own, so that its CPU and memory are its own; the client (bench_load.c) is this process. Rates
 * are not limited, and every client is the trusted proxy's, which may open as many connections as it likes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cmd/bench.h"
#include "cmd/bench_server.h"
#include "social/access.h"
#include "social/compose.h"
#include "social/people.h"
#include "social/signin.h"
#include "social/social.h"

enum {
    POSTS = 1000,
    ACCOUNTS = 10000, /* of the large data */
    FOLLOWED = 200,
    BATCH = 10000,
    REQUESTS = 10000,
    WARM = 500,
    MADE = 5000,   /* posts of one connection */
    KILLED = 3000, /* … before the server is killed */
    EVENTS = 1000,
    SOCKETS = 10000,
    SLOW = 100,
    PIPELINED = 100,
    SIGN_UP_S = 5,
    IDLE_S = 31 /* each is pinged once meanwhile */
};

typedef struct place {
    mn_bench_run *r;
    mn_bench_server server;
    char name[32]; /* whose profile is asked for, and who reads */
    uint64_t me;
    char token[128], app_token[128];
} place;

/* ---- the data -------------------------------------------------------------------------------------------------- */

static mn_rc add_me(place *p, mn_store *s, const char *name, mn_err *e)
{
    mn_tx *tx;
    mn_secret mine, app;
    snprintf(p->name, sizeof p->name, "%s", name);
    MN_TRY(mn_social_account_create(s, mn_str_from(name), mn_str_from(name), MN_ROLE_MEMBER, "",
                                    NULL, &p->me, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_access_token_make(tx, p->me, 0, MN_STR("read write"), &mine, NULL, e);
    if (rc == MN_OK) rc = mn_access_token_make(tx, 0, 0, MN_STR("read write"), &app, NULL, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    snprintf(p->token, sizeof p->token, "%s", mine.text);
    snprintf(p->app_token, sizeof p->app_token, "%s", app.text);
    return mn_store_commit(tx, e);
}

static mn_rc fill_small(place *p, mn_home *h, mn_err *e)
{
    mn_compose c;
    MN_TRY(add_me(p, h->store, "alice", e));
    MN_TRY(mn_compose_init(h->store, h->conf, MN_STR("localhost"), &c, e));
    for (int i = 0; i < POSTS; i++) {
        char text[300];
        mn_draft d;
        mn_created made;
        snprintf(text, sizeof text,
                 "Post number %d of the bench says a few words about nothing in particular, as "
                 "long as people write: a hundred and sixty characters, give or take some. "
                 "#tag%d",
                 i, i % 10);
        mn_draft_init(&d, p->me);
        d.text = mn_str_from(text);
        d.lang = MN_STR("en");
        MN_TRY(mn_social_post_create(&c, &d, &made, e));
    }
    return MN_OK;
}

static mn_rc add_accounts(place *p, mn_tx *tx, mn_err *e)
{
    char name[32];
    for (unsigned k = 0; k < ACCOUNTS; k++) {
        uint64_t id = mn_bench_id_of(p->r->posts + k);
        snprintf(name, sizeof name, "author%u", k);
        mn_account a = {.id = id, .name = mn_str_from(name), .created_ms = mn_bench_time_of(0)};
        MN_TRY(mn_store_account_add(tx, &a, e));
        if (k % (ACCOUNTS / FOLLOWED) == 0)
            MN_TRY(
                mn_social_follow(tx, p->me, id, &(mn_follow_opts){.no_notice = true}, NULL, e));
    }
    return MN_OK;
}

static mn_rc add_posts(const place *p, mn_tx *tx, uint64_t from, mn_err *e)
{
    mn_buf text;
    mn_rc rc = MN_OK;
    mn_buf_init(&text, 0);
    for (uint64_t i = from; i < from + BATCH && i < p->r->posts && rc == MN_OK; i++) {
        mn_buf_clear(&text);
        mn_bench_text_of(i, &text);
        mn_post post = {.id = mn_bench_id_of(i),
                        .account_id = mn_bench_id_of(p->r->posts + i % ACCOUNTS),
                        .created_ms = mn_bench_time_of(i),
                        .text = mn_buf_str(&text)};
        rc = mn_store_post_add(tx, &post, e);
    }
    mn_buf_release(&text);
    return rc;
}

static mn_rc finish(mn_tx *tx, mn_rc rc, mn_err *e)
{
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc fill_large(place *p, mn_home *h, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(add_me(p, h->store, "alice", e));
    MN_TRY(mn_store_begin(h->store, &tx, e));
    MN_TRY(finish(tx, add_accounts(p, tx, e), e));
    snprintf(p->name, sizeof p->name, "author0");
    mn_store_bulk(h->store, true);
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; i < p->r->posts && rc == MN_OK; i += BATCH) {
        rc = mn_store_begin(h->store, &tx, e);
        if (rc == MN_OK) rc = finish(tx, add_posts(p, tx, i, e), e);
    }
    mn_store_bulk(h->store, false);
    return rc;
}

static mn_rc open_place(place *p, mn_rc (*fill)(place *, mn_home *, mn_err *), mn_err *e)
{
    static const char conf[] = "trusted_proxy = 127.0.0.1\nrate_limits = off\n";
    char data[80], path[96];
    mn_home h = {0};
    MN_TRY(mn_bench_tmp(p->server.dir, e));
    snprintf(data, sizeof data, "%s/data", p->server.dir);
    snprintf(path, sizeof path, "%s/mynah.conf", data);
    MN_TRY(mn_fs_mkdirs(data, e));
    MN_TRY(mn_fs_write_atomic(path, conf, sizeof conf - 1, e));
    MN_TRY(mn_home_open(data, &h, e));
    mn_rc rc = fill(p, &h, e);
    mn_home_close(&h);
    if (rc == MN_OK) rc = mn_bench_server_start(&p->server, e);
    return rc == MN_OK ? mn_bench_server_rest(&p->server, e) : rc;
}

static void close_place(place *p)
{
    mn_bench_server_stop(&p->server, SIGTERM);
    if (*p->server.dir) mn_fs_remove_tree(p->server.dir, NULL);
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

typedef struct page {
    const place *place;
    char path[160];
    bool member;
    mn_buf ids; /* answers of posting, eight bytes each */
} page;

static void ask_page(void *arg, uint64_t i, mn_buf *ret)
{
    const page *g = arg;
    (void)i;
    mn_buf_addf(ret, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\n", g->path,
                g->path[1] == '@' ? "text/html" : "application/json");
    if (g->member) mn_buf_addf(ret, "Authorization: Bearer %s\r\n", g->place->token);
    mn_buf_addz(ret, "\r\n");
}

static double rss(const place *p)
{
    return mn_bench_memory_mb((long)p->server.pid, "VmRSS:");
}

static void say(const place *p, const char *name, const mn_bench_loaded *l, const char *unit)
{
    char note[160];
    snprintf(note, sizeof note, "%.0f us of CPU each; p50 %.2f ms, p99 %.2f ms; %.1f MB",
             l->cpu_us, l->p50_us / 1000, l->p99_us / 1000, rss(p));
    mn_bench_times(p->r, name, (double)l->n, unit, note, l->cpu_us * (double)l->n / 1e6,
                   l->wall_s);
}

static mn_rc measure_page(place *p, const char *name, const char *path, bool member, mn_err *e)
{
    static const int widths[] = {2, 64};
    page g = {.place = p, .member = member};
    snprintf(g.path, sizeof g.path, "%s", path);
    for (size_t i = 0; i < 2; i++) {
        char line[64];
        mn_bench_loaded l;
        mn_bench_load load = {.port = p->server.port,
                              .connections = widths[i],
                              .requests = REQUESTS,
                              .warm = WARM,
                              .most_s = 60,
                              .ask = ask_page,
                              .arg = &g,
                              .server = &p->server};
        MN_TRY(mn_bench_load_run(&load, &l, e));
        snprintf(line, sizeof line, "%s, %d connections", name, widths[i]);
        say(p, line, &l, "requests");
    }
    return MN_OK;
}

static mn_rc measure_pages(place *p, mn_err *e)
{
    char profile[64], finger[120];
    snprintf(profile, sizeof profile, "/@%s", p->name);
    snprintf(finger, sizeof finger, "/.well-known/webfinger?resource=acct:%s@localhost",
             p->name);
    mn_bench_value(p->r, "started", rss(p), "MB", "resident");
    MN_TRY(measure_page(p, "home", "/api/v1/timelines/home?limit=20", true, e));
    MN_TRY(measure_page(p, "public?local", "/api/v1/timelines/public?local=true&limit=20", true,
                        e));
    MN_TRY(measure_page(p, "profile, HTML", profile, false, e));
    MN_TRY(measure_page(p, "instance", "/api/v1/instance", false, e));
    return measure_page(p, "webfinger", finger, false, e);
}

/* ---- posting --------------------------------------------------------------------------------------------------- */

static void ask_post(void *arg, uint64_t i, mn_buf *ret)
{
    const page *g = arg;
    char body[300];
    int n = snprintf(body, sizeof body,
                     "{\"status\":\"Post %llu of the bench, said over HTTP by one who has the "
                     "patience to say much the same thing some thousand times in a row. "
                     "#bench\",\"language\":\"en\"}",
                     (unsigned long long)i);
    mn_buf_addf(ret,
                "POST /api/v1/statuses HTTP/1.1\r\nHost: localhost\r\n"
                "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %d\r\n\r\n%s",
                g->place->token, n, body);
}

static void note_id(void *arg, mn_str body)
{
    page *g = arg;
    size_t at = mn_str_find(body, MN_STR("\"id\":\""), 0);
    uint64_t id = at == SIZE_MAX ? 0 : strtoull(body.ptr + at + 6, NULL, 10);
    mn_buf_add(&g->ids, &id, sizeof id);
}

static mn_rc measure_posting(place *p, mn_err *e)
{
    mn_bench_loaded l;
    page g = {.place = p};
    mn_bench_load load = {.port = p->server.port,
                          .connections = 1,
                          .requests = MADE,
                          .warm = WARM,
                          .most_s = 60,
                          .ask = ask_post,
                          .arg = &g,
                          .server = &p->server};
    MN_TRY(mn_bench_load_run(&load, &l, e));
    say(p, "posting, 1 connection", &l, "posts");
    return MN_OK;
}

/* How many of the ids are posts of the store? */
static mn_rc count_posts(const place *p, const page *g, uint64_t *ret, mn_err *e)
{
    char data[80];
    mn_home h = {0};
    mn_arena ar;
    snprintf(data, sizeof data, "%s/data", p->server.dir);
    MN_TRY(mn_home_open(data, &h, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = MN_OK;
    *ret = 0;
    for (size_t at = 0; at < g->ids.len && rc == MN_OK; at += sizeof(uint64_t)) {
        uint64_t id;
        mn_post post;
        memcpy(&id, g->ids.ptr + at, sizeof id);
        mn_rc found = mn_store_post(h.store, id, &ar, &post, e);
        if (found == MN_OK) ++*ret;
        else if (found != MN_E_NOT_FOUND) rc = found;
        mn_arena_reset(&ar);
    }
    mn_arena_release(&ar);
    mn_home_close(&h);
    return rc;
}

/* The server is killed while it takes posts; each one that it acknowledged has to be there. */
static mn_rc measure_killed(place *p, mn_err *e)
{
    mn_bench_loaded l;
    uint64_t there = 0;
    page g = {.place = p};
    mn_bench_load load = {.port = p->server.port,
                          .connections = 8,
                          .requests = KILLED * 2,
                          .most_s = 60,
                          .ask = ask_post,
                          .answered = note_id,
                          .arg = &g,
                          .server = &p->server,
                          .kill_after = KILLED};
    mn_buf_init(&g.ids, 0);
    mn_rc rc = mn_bench_load_run(&load, &l, e);
    mn_bench_server_stop(&p->server, SIGKILL);
    uint64_t n = g.ids.len / sizeof(uint64_t);
    if (rc == MN_OK) rc = count_posts(p, &g, &there, e);
    if (rc == MN_OK && there != n)
        rc = mn_fail(e, MN_E_CORRUPT, "of %llu acknowledged posts %llu are there after a kill",
                     (unsigned long long)n, (unsigned long long)there);
    if (rc == MN_OK)
        mn_bench_value(p->r, "after kill -9", (double)there, "posts",
                       "acknowledged, and all there");
    mn_buf_release(&g.ids);
    return rc == MN_OK ? mn_bench_server_start(&p->server, e) : rc;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static mn_rc one_event(const place *p, int ws, int http, uint64_t i, mn_buf *b, double *ret_us,
                       mn_err *e)
{
    page g = {.place = p};
    char answer[16384];
    mn_buf_clear(b);
    ask_post(&g, i, b);
    int64_t from = mn_mono_us();
    MN_TRY(mn_bench_send(http, b->ptr, b->len, e));
    do MN_TRY(mn_bench_ws_next(ws, 5000, b, e));
    while (mn_str_find(mn_buf_str(b), MN_STR("\"update\""), 0) == SIZE_MAX);
    *ret_us = (double)(mn_mono_us() - from);
    if (recv(http, answer, sizeof answer, 0) > 0) return MN_OK;
    return mn_fail(e, MN_E_IO, "a post was not answered");
}

static mn_rc events(const place *p, int ws, int http, mn_err *e)
{
    double times[EVENTS];
    char note[80];
    mn_buf b;
    mn_rc rc = MN_OK;
    mn_buf_init(&b, 0);
    for (uint64_t i = 0; i < EVENTS && rc == MN_OK; i++)
        rc = one_event(p, ws, http, i, &b, &times[i], e);
    mn_buf_release(&b);
    if (rc != MN_OK) return rc;
    double p99 = mn_bench_percentile(times, EVENTS, 0.99);
    snprintf(note, sizeof note, "p99 %.2f ms, worst %.2f ms", p99 / 1000,
             times[EVENTS - 1] / 1000);
    mn_bench_value(p->r, "post to event", times[EVENTS / 2] / 1000, "ms p50", note);
    return MN_OK;
}

static mn_rc measure_events(place *p, mn_err *e)
{
    int ws = -1, http = -1;
    mn_rc rc = mn_bench_dial(p->server.port, &ws, e);
    if (rc == MN_OK) rc = mn_bench_dial(p->server.port, &http, e);
    if (rc == MN_OK) rc = mn_bench_ws_open(ws, "/api/v1/streaming?stream=user", p->token, 1, e);
    if (rc == MN_OK) usleep(100000); /* the hub takes it in */
    if (rc == MN_OK) rc = events(p, ws, http, e);
    if (ws >= 0) close(ws);
    if (http >= 0) close(http);
    return rc;
}

/* ---- reading beside something else ----------------------------------------------------------------------------- */

static mn_rc read_home(place *p, const char *name, int port, double most_s, mn_err *e)
{
    mn_bench_loaded l;
    page g = {.place = p, .path = "/api/v1/timelines/home?limit=20", .member = true};
    mn_bench_load load = {.port = port,
                          .connections = 2,
                          .requests = most_s > 0 ? 200000 : REQUESTS,
                          .most_s = most_s > 0 ? most_s : 60,
                          .ask = ask_page,
                          .arg = &g,
                          .server = &p->server};
    MN_TRY(mn_bench_load_run(&load, &l, e));
    say(p, name, &l, "requests");
    return MN_OK;
}

/* One newcomer, as bench_access.c: everything that a sign-up writes, and the session it begins. */
static mn_rc sign_up(mn_store *s, uint64_t i, mn_err *e)
{
    const mn_sign_up_rules rules = {MN_SIGN_UP_OPEN, MN_EMAIL_OPTIONAL, false};
    char name[32], subject[64];
    mn_faults faults = {.n = 0};
    mn_secret session;
    uint64_t account = 0;
    bool waits = false;
    snprintf(name, sizeof name, "newcomer_%llu", (unsigned long long)i);
    snprintf(subject, sizeof subject, "%s@elsewhere.example", name);
    mn_sign_up up = {.name = mn_str_from(name),
                     .ip = MN_STR("192.0.2.1"),
                     .agreement = true,
                     .provider = MN_STR("mastodon"),
                     .subject = mn_str_from(subject),
                     .consent = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_DENY)};
    MN_TRY(mn_social_sign_up(s, &rules, &up, &account, &waits, &faults, e));
    if (faults.n) return mn_fail(e, MN_E_USAGE, "a made sign-up was refused");
    return mn_social_session_begin(s, account, up.ip, MN_STR("bench"), &session, e);
}

/* A server whose process also signs people up, on a thread of its own as a worker would: says its port, waits for a byte, and
 * says how many it made in SIGN_UP_S seconds. */
static _Noreturn void serve_sign_ups(const place *p, int in, int out)
{
    char data[80], byte;
    mn_home h = {0};
    mn_api *api = NULL;
    mn_err e = {0};
    uint64_t n = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(data, sizeof data, "%s/data", p->server.dir);
    if (mn_home_open(data, &h, &e) != MN_OK) _exit(1);
    mn_api_opts o = {.home = &h, .listen = "127.0.0.1:0", .domain = "localhost"};
    if (mn_api_start(&o, &api, &e) != MN_OK) _exit(1);
    int port = mn_api_port(api);
    if (write(out, &port, sizeof port) != sizeof port || read(in, &byte, 1) != 1) _exit(1);
    int64_t until = mn_mono_us() + SIGN_UP_S * INT64_C(1000000);
    while (mn_mono_us() < until && sign_up(h.store, n, &e) == MN_OK) n++;
    if (e.msg[0]) fprintf(stderr, "%s\n", e.msg);
    if (write(out, &n, sizeof n) != sizeof n || read(in, &byte, 1) != 1) _exit(1);
    mn_api_stop(api, 1000);
    mn_home_close(&h);
    _exit(0);
}

static mn_rc with_sign_ups(place *p, int in, int out, mn_err *e)
{
    int port = 0;
    uint64_t n = 0;
    if (read(in, &port, sizeof port) != sizeof port)
        return mn_fail(e, MN_E_IO, "the server with sign-ups did not start");
    MN_TRY(mn_bench_server_rest(&p->server, e));
    if (write(out, "g", 1) != 1) return mn_fail_errno(e, MN_E_IO, "cannot begin");
    MN_TRY(read_home(p, "home beside sign-ups", port, SIGN_UP_S, e));
    if (read(in, &n, sizeof n) != sizeof n)
        return mn_fail(e, MN_E_IO, "the server with sign-ups ended");
    mn_bench_times(p->r, "sign-ups by identity", (double)n, "accounts",
                   "one thread, homes read meanwhile on two connections", -1, SIGN_UP_S);
    return write(out, "e", 1) == 1 ? MN_OK : mn_fail_errno(e, MN_E_IO, "cannot end");
}

static mn_rc measure_sign_ups(place *p, mn_err *e)
{
    int to[2], from[2], status;
    mn_bench_server_stop(&p->server, SIGTERM);
    fflush(stdout);
    if (pipe(to) != 0) return mn_fail_errno(e, MN_E_IO, "cannot start a server");
    if (pipe(from) != 0) {
        close(to[0]), close(to[1]);
        return mn_fail_errno(e, MN_E_IO, "cannot start a server");
    }
    pid_t pid = fork();
    if (pid == 0) serve_sign_ups(p, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    p->server.pid = pid;
    mn_rc rc = pid > 0 ? with_sign_ups(p, from[0], to[1], e)
                       : mn_fail_errno(e, MN_E_IO, "cannot start a server");
    if (pid > 0 && rc != MN_OK) kill(pid, SIGKILL);
    if (pid > 0) waitpid(pid, &status, 0);
    p->server.pid = 0;
    close(to[1]);
    close(from[0]);
    return rc == MN_OK ? mn_bench_server_start(&p->server, e) : rc;
}

static void ask_account(void *arg, uint64_t i, mn_buf *ret)
{
    const page *g = arg;
    char body[200];
    int n = snprintf(body, sizeof body,
                     "username=arrival%llu&password=a+few+long+words&agreement=true&locale=en",
                     (unsigned long long)i);
    mn_buf_addf(ret,
                "POST /api/v1/accounts HTTP/1.1\r\nHost: localhost\r\n"
                "Authorization: Bearer %s\r\nContent-Length: %d\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n%s",
                g->place->app_token, n, body);
}

/* Passwords are hashed as fast as they can be, by requests of a child; homes are read here. */
static mn_rc measure_passwords(place *p, mn_err *e)
{
    int from[2], status;
    mn_bench_loaded l = {0};
    page g = {.place = p};
    mn_bench_load load = {.port = p->server.port,
                          .connections = 8,
                          .requests = 100000,
                          .most_s = SIGN_UP_S,
                          .ask = ask_account,
                          .arg = &g};
    fflush(stdout);
    if (pipe(from) != 0) return mn_fail_errno(e, MN_E_IO, "cannot start a client");
    pid_t pid = fork();
    if (pid == 0) {
        mn_rc rc = mn_bench_load_run(&load, &l, e);
        if (rc != MN_OK) fprintf(stderr, "%s\n", e->msg);
        _exit(rc == MN_OK && write(from[1], &l, sizeof l) == sizeof l ? 0 : 1);
    }
    close(from[1]);
    mn_rc rc = pid > 0 ? read_home(p, "home beside passwords", p->server.port, SIGN_UP_S, e)
                       : mn_fail_errno(e, MN_E_IO, "cannot start a client");
    if (rc == MN_OK && read(from[0], &l, sizeof l) != sizeof l)
        rc = mn_fail(e, MN_E_IO, "the sign-ups with a password failed");
    if (pid > 0) waitpid(pid, &status, 0);
    close(from[0]);
    if (rc == MN_OK)
        mn_bench_times(p->r, "sign-ups by password", (double)l.n, "accounts",
                       "eight connections, homes read meanwhile on two", -1, l.wall_s);
    return rc;
}

/* ---- idle, slow, half ------------------------------------------------------------------------------------------ */

static void close_all(const int *fds, int n)
{
    for (int i = 0; i < n; i++) close(fds[i]);
}

static mn_rc open_sockets(const place *p, int *fds, int *n, mn_err *e)
{
    for (; *n < SOCKETS; ++*n) {
        MN_TRY(mn_bench_dial(p->server.port, &fds[*n], e));
        mn_rc rc = mn_bench_ws_open(fds[*n], "/api/v1/streaming?stream=public:local", p->token,
                                    (unsigned)*n, e);
        if (rc == MN_OK) continue;
        close(fds[*n]);
        return rc;
    }
    return MN_OK;
}

static mn_rc measure_sockets(place *p, mn_err *e)
{
    int n = 0, *fds = mn_arena_calloc(&p->r->arena, SOCKETS, sizeof *fds);
    char note[120];
    if (!fds) return mn_fail(e, MN_E_NOMEM, "out of memory");
    double before = rss(p);
    mn_rc rc = open_sockets(p, fds, &n, e);
    if (rc == MN_OK) rc = mn_bench_server_rest(&p->server, e);
    double cpu = mn_bench_server_cpu(&p->server);
    int64_t from = mn_mono_us();
    if (rc == MN_OK) sleep(IDLE_S);
    double share =
        (mn_bench_server_cpu(&p->server) - cpu) * 1e8 / (double)(mn_mono_us() - from);
    if (rc == MN_OK) {
        snprintf(note, sizeof note, "%d idle, %.1f kB each; %.1f%% of a processor", n,
                 (rss(p) - before) * 1024 / n, share);
        mn_bench_value(p->r, "idle WebSockets", rss(p), "MB", note);
        rc = read_home(p, "home beside them", p->server.port, 0, e);
    }
    close_all(fds, n);
    return rc;
}

/* Half of them ask much and take nothing; the others never come to the end of their headers. */
static mn_rc open_slow(const place *p, int *fds, int *n, mn_err *e)
{
    page g = {
        .place = p, .path = "/api/v1/timelines/public?local=true&limit=20", .member = true};
    mn_buf many;
    mn_rc rc = MN_OK;
    mn_buf_init(&many, 0);
    for (int i = 0; i < PIPELINED; i++) ask_page(&g, 0, &many);
    for (; *n < SLOW && rc == MN_OK; ++*n) {
        rc = mn_bench_dial(p->server.port, &fds[*n], e);
        if (rc != MN_OK) break;
        rc = mn_bench_send(fds[*n], many.ptr, *n % 2 ? 40 : many.len, e);
    }
    mn_buf_release(&many);
    return rc;
}

static mn_rc measure_slow(place *p, mn_err *e)
{
    int n = 0, fds[SLOW];
    mn_rc rc = open_slow(p, fds, &n, e);
    if (rc == MN_OK) usleep(500000);
    if (rc == MN_OK) rc = read_home(p, "home beside slow readers", p->server.port, 0, e);
    close_all(fds, n);
    return rc;
}

/* ---- the benches ----------------------------------------------------------------------------------------------- */

static mn_rc run_small(mn_bench_run *r, mn_err *e)
{
    static mn_rc (*const parts[])(place *, mn_err *) = {
        measure_pages,    measure_posting, measure_events,    measure_slow,
        measure_sign_ups, measure_sockets, measure_passwords, measure_killed};
    place p = {.r = r};
    mn_rc rc = open_place(&p, fill_small, e);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && rc == MN_OK; i++)
        rc = parts[i](&p, e);
    close_place(&p);
    return rc;
}

static mn_rc run_large(mn_bench_run *r, mn_err *e)
{
    place p = {.r = r};
    mn_rc rc = open_place(&p, fill_large, e);
    if (rc == MN_OK) rc = measure_pages(&p, e);
    if (rc == MN_OK) rc = measure_posting(&p, e);
    close_place(&p);
    return rc;
}

const mn_bench mn_bench_http[] = {
    {"http-small", "the network: pages, posting, events, sign-ups, many connections",
     run_small},
    {"http-large", "the same pages over --posts posts of 10,000 accounts", run_large},
    {0},
};
