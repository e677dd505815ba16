/* mynah bench pages: what a public page costs the server, and how much memory it holds.
 *
 * The server is this very program, as a child on a free loopback port, over a community of 5,000 made posts. Each page is
 * asked for 300 times over one connection that stays open, with the headers of a browser. CPU is of the whole server process
 * (reading the request, rendering, compressing, writing), by its own CPU clock, the median of blocks of 30 requests. Each
 * request names another client behind the trusted proxy, so that the limit on questions does not answer in place of `ask`.
 *
 * Memory is asked of /proc: after the start, after the pages, when 100,000 posts were imported beside the running server
 * and its index has followed, and when the sample community was imported by the server itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cmd/bench.h"
#include "social/social.h"

enum {
    POSTS = 5000,
    AUTHORS = 50,
    REQUESTS = 300,
    BLOCK = 30,
    BLOCKS = REQUESTS / BLOCK,
    IMPORTED = 100000,
    WAIT_MS = 60000
};
#define SAMPLE_DIR "/usr/share/games/fortunes"

typedef struct server {
    char dir[64]; /* data/, log */
    pid_t pid;
    int port, fd;
    uint64_t asked; /* requests so far */
    mn_buf answer;
    size_t body_at;
    bool compressed;
} server;

/* ---- the community ------------------------------------------------------------------------------------------- */

static mn_rc add_community(mn_tx *tx, mn_err *e)
{
    mn_buf text;
    char name[32];
    mn_rc rc = MN_OK;
    for (unsigned k = 0; k < AUTHORS && rc == MN_OK; k++) {
        snprintf(name, sizeof name, "author%u", k);
        mn_account a = {.id = mn_bench_id_of(POSTS + k),
                        .name = mn_str_from(name),
                        .created_ms = mn_bench_time_of(0)};
        rc = mn_store_account_add(tx, &a, e);
    }
    mn_buf_init(&text, 0);
    for (uint64_t i = 0; i < POSTS && rc == MN_OK; i++) {
        mn_buf_clear(&text);
        mn_bench_text_of(i, &text);
        mn_post p = {.id = mn_bench_id_of(i),
                     .account_id = mn_bench_id_of(POSTS + i % AUTHORS),
                     .created_ms = mn_bench_time_of(i),
                     .reply_to = mn_bench_parent_of(i),
                     .text = mn_buf_str(&text)};
        rc = mn_store_post_add(tx, &p, e);
    }
    mn_buf_release(&text);
    return rc;
}

static mn_rc fill(const char *data, mn_err *e)
{
    mn_home h = {0};
    mn_tx *tx;
    MN_TRY(mn_home_open(data, &h, e));
    mn_rc rc = mn_store_begin(h.store, &tx, e);
    if (rc == MN_OK) {
        rc = add_community(tx, e);
        if (rc == MN_OK) rc = mn_store_commit(tx, e);
        else mn_store_rollback(tx);
    }
    if (rc == MN_OK)
        rc = mn_social_consent_set(h.store, MN_SCOPE_SERVER, 0, MN_P_INFERENCE_INPUT,
                                   MN_CONSENT_ALLOW, 0, MN_STR("bench"), e);
    mn_home_close(&h);
    return rc;
}

/* ---- the server ---------------------------------------------------------------------------------------------- */

static _Noreturn void become_server(const server *s, bool sample, pid_t parent)
{
    char data[80], log[80];
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log, sizeof log, "%s/log", s->dir);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (getppid() != parent || fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) _exit(127);
    close_range(3, ~0u, 0);
    execl("/proc/self/exe", "mynah", "serve", "--data", data, "--listen", "127.0.0.1:0",
          "--no-train", sample ? (char *)NULL : "--no-sample", (char *)NULL);
    _exit(127);
}

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* The port stands in the greeting. */
static int port_in_log(const server *s, mn_buf *log)
{
    char path[80];
    int port = 0;
    snprintf(path, sizeof path, "%s/log", s->dir);
    mn_buf_clear(log);
    if (mn_fs_read(path, 1 << 20, log, NULL) != MN_OK) return 0;
    const char *at = strstr(log->ptr, "http://127.0.0.1:");
    if (at) port = atoi(at + strlen("http://127.0.0.1:"));
    return port;
}

static mn_rc start(server *s, bool sample, mn_err *e)
{
    int status = 0;
    mn_buf log;
    pid_t parent = getpid();
    fflush(stdout);
    s->pid = fork();
    if (s->pid < 0) return mn_fail_errno(e, MN_E_IO, "cannot start a server");
    if (s->pid == 0) become_server(s, sample, parent);
    mn_buf_init(&log, 0);
    mn_rc rc = mn_fail(e, MN_E_IO, "the server did not start within 10 s");
    for (int i = 0; i < 1000 && rc != MN_OK; i++) {
        sleep_ms(10);
        s->port = port_in_log(s, &log);
        if (s->port) rc = MN_OK;
        else if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            rc = mn_fail(e, MN_E_IO, "the server ended: %.200s", log.len ? log.ptr : "no word");
            break;
        }
    }
    mn_buf_release(&log);
    return rc;
}

static void stop(server *s)
{
    int status;
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    s->pid = 0;
}

static double cpu_of(const server *s)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(s->pid, &clock) == 0) clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- a small client ------------------------------------------------------------------------------------------ */

static mn_rc dial(server *s, mn_err *e)
{
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    struct timeval limit = {30, 0};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof a) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot connect to port %d", s->port);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return MN_OK;
}

/* Bytes of the whole answer once its header is complete, else 0. */
static size_t whole_length(server *s)
{
    const char *end = s->answer.len ? strstr(s->answer.ptr, "\r\n\r\n") : NULL;
    if (!end) return 0;
    const char *length = strcasestr(s->answer.ptr, "\r\ncontent-length:");
    const char *encoding = strcasestr(s->answer.ptr, "\r\ncontent-encoding:");
    s->body_at = (size_t)(end - s->answer.ptr) + 4;
    s->compressed = encoding && encoding < end;
    if (!length || length > end) return s->body_at;
    return s->body_at + (size_t)strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
}

static mn_rc hear(server *s, mn_err *e)
{
    char piece[16384];
    size_t want = 0;
    mn_buf_clear(&s->answer);
    while (want == 0 || s->answer.len < want) {
        ssize_t n = recv(s->fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return mn_fail(e, MN_E_IO, "the server did not answer to the end");
        if (mn_buf_add(&s->answer, piece, (size_t)n) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "out of memory");
        if (!want) want = whole_length(s);
    }
    return MN_OK;
}

static mn_rc get(server *s, const char *path, const char *encodings, mn_err *e)
{
    char q[600];
    unsigned client = (unsigned)s->asked++;
    int n =
        snprintf(q, sizeof q,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/html,*/*;q=0.8\r\n"
                 "Accept-Language: en\r\nAccept-Encoding: %s\r\n"
                 "X-Forwarded-For: 10.%u.%u.%u\r\n\r\n",
                 path, s->port, encodings, client >> 16 & 255, client >> 8 & 255, client & 255);
    if (send(s->fd, q, (size_t)n, MSG_NOSIGNAL) != n)
        return mn_fail_errno(e, MN_E_IO, "cannot ask for '%s'", path);
    MN_TRY(hear(s, e));
    if (mn_str_starts(mn_buf_str(&s->answer), "HTTP/1.1 200")) return MN_OK;
    return mn_fail(e, MN_E_IO, "'%s' was answered with '%.40s'", path, s->answer.ptr);
}

/* A number of /metrics; −1 when it is not there. */
static mn_rc metric(server *s, const char *name, double *ret, mn_err *e)
{
    char line[80];
    MN_TRY(get(s, "/metrics", "identity", e));
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(s->answer.ptr, line);
    *ret = at ? strtod(at + strlen(line), NULL) : -1;
    return MN_OK;
}

static mn_rc wait_for_index(server *s, double posts, mn_err *e)
{
    double n = 0;
    for (int64_t until = mn_mono_us() + WAIT_MS * 1000; mn_mono_us() < until; sleep_ms(100)) {
        MN_TRY(metric(s, "mynah_index_posts", &n, e));
        if (n >= posts) return MN_OK;
    }
    return mn_fail(e, MN_E_IO, "the index has %.0f of %.0f posts after a minute", n, posts);
}

/* ---- measuring ----------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mn_rc measure_page(mn_bench_run *r, server *s, const char *name, const char *path,
                          mn_err *e)
{
    double cpu[BLOCKS], wall[BLOCKS];
    char note[96];
    MN_TRY(get(s, path, "identity", e));
    size_t plain = s->answer.len - s->body_at;
    for (int i = 0; i < BLOCK; i++) MN_TRY(get(s, path, "gzip, deflate, br, zstd", e));
    for (int b = 0; b < BLOCKS; b++) {
        double cpu_from = cpu_of(s);
        int64_t from = mn_mono_us();
        for (int i = 0; i < BLOCK; i++) MN_TRY(get(s, path, "gzip, deflate, br, zstd", e));
        wall[b] = (double)(mn_mono_us() - from) / 1e6;
        cpu[b] = cpu_of(s) - cpu_from;
    }
    qsort(cpu, BLOCKS, sizeof *cpu, by_size);
    qsort(wall, BLOCKS, sizeof *wall, by_size);
    snprintf(note, sizeof note, "%.3f ms of CPU each; %zu bytes%s, %zu plain",
             1000 * cpu[BLOCKS / 2] / BLOCK, s->answer.len - s->body_at,
             s->compressed ? " compressed" : "", plain);
    mn_bench_times(r, name, BLOCK, "requests", note, cpu[BLOCKS / 2], wall[BLOCKS / 2]);
    return MN_OK;
}

static mn_rc measure_pages(mn_bench_run *r, server *s, mn_err *e)
{
    char post[64], question[200];
    mn_buf text;
    uint64_t i = POSTS / 2; /* one with replies below it */
    snprintf(post, sizeof post, "/@author%u/%llu", (unsigned)(i % AUTHORS),
             (unsigned long long)mn_bench_id_of(i));
    mn_buf_init(&text, 0);
    mn_bench_text_of(i, &text);
    mn_str rest = mn_buf_str(&text), first = mn_str_split(rest, ' ', &rest),
           second = mn_str_split(rest, ' ', &rest);
    snprintf(question, sizeof question, "/ask?q=%.*s+%.*s", MN_STR_FMT(first),
             MN_STR_FMT(second));
    mn_buf_release(&text);
    MN_TRY(measure_page(r, s, "page /", "/", e));
    MN_TRY(measure_page(r, s, "page of a post", post, e));
    MN_TRY(measure_page(r, s, "page of a profile", "/@author7", e));
    MN_TRY(measure_page(r, s, "page /model", "/model", e));
    MN_TRY(measure_page(r, s, "page /ask?q=", question, e));
    return measure_page(r, s, "healthz", "/healthz", e);
}

static void say_memory(mn_bench_run *r, const server *s, const char *name)
{
    char note[64];
    snprintf(note, sizeof note, "resident; %.1f MB at its highest",
             mn_bench_memory_mb((long)s->pid, "VmHWM:"));
    mn_bench_value(r, name, mn_bench_memory_mb((long)s->pid, "VmRSS:"), "MB", note);
}

/* `mynah import` beside the running server. */
static mn_rc import_beside(const server *s, mn_err *e)
{
    char file[80], data[80];
    double mb;
    int status = 0;
    snprintf(file, sizeof file, "%s/posts.jsonl", s->dir);
    snprintf(data, sizeof data, "%s/data", s->dir);
    MN_TRY(mn_bench_write_jsonl(file, POSTS, IMPORTED, &mb, e));
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) return mn_fail_errno(e, MN_E_IO, "cannot start an import");
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null < 0 || dup2(null, 1) < 0) _exit(127);
        execl("/proc/self/exe", "mynah", "import", file, "--data", data, "--json",
              (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    unlink(file);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return MN_OK;
    return mn_fail(e, MN_E_IO, "the import beside the server failed");
}

static mn_rc with_server(mn_bench_run *r, server *s, mn_err *e)
{
    char data[80], conf[96];
    static const char proxy[] = "trusted_proxy = 127.0.0.1\n";
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(conf, sizeof conf, "%s/mynah.conf", data);
    MN_TRY(mn_fs_mkdirs(data, e));
    MN_TRY(mn_fs_write_atomic(conf, proxy, sizeof proxy - 1, e));
    MN_TRY(fill(data, e));
    MN_TRY(start(s, false, e));
    MN_TRY(dial(s, e));
    MN_TRY(wait_for_index(s, POSTS, e));
    say_memory(r, s, "server, started");
    MN_TRY(measure_pages(r, s, e));
    say_memory(r, s, "server, after the pages");
    MN_TRY(import_beside(s, e));
    MN_TRY(wait_for_index(s, POSTS + IMPORTED, e));
    sleep_ms(500);
    say_memory(r, s, "server, 100,000 imported");
    return MN_OK;
}

static mn_rc bench_pages(mn_bench_run *r, mn_err *e)
{
    server s = {.fd = -1};
    mn_buf_init(&s.answer, 0);
    mn_rc rc = mn_bench_tmp(s.dir, e);
    if (rc == MN_OK) rc = with_server(r, &s, e);
    stop(&s);
    mn_buf_release(&s.answer);
    if (*s.dir) mn_fs_remove_tree(s.dir, NULL);
    return rc;
}

/* ---- the sample community, imported by the server ------------------------------------------------------------- */

/* The state is idle again and the index (which leaves out what has no words) has stopped growing. */
static mn_rc wait_for_sample(server *s, double *ret_posts, mn_err *e)
{
    double before = -1, indexed = -1;
    for (int64_t until = mn_mono_us() + WAIT_MS * 1000; mn_mono_us() < until; sleep_ms(1500)) {
        MN_TRY(get(s, "/api/mynah/model", "identity", e));
        bool idle = strstr(s->answer.ptr, "\"state\":\"idle\"") != NULL;
        before = indexed;
        MN_TRY(metric(s, "mynah_index_posts", &indexed, e));
        if (idle && indexed > 0 && indexed == before)
            return metric(s, "mynah_posts", ret_posts, e);
    }
    return mn_fail(e, MN_E_IO, "the sample community was not there after a minute");
}

static mn_rc with_sample(mn_bench_run *r, server *s, mn_err *e)
{
    char name[64];
    double posts = 0;
    MN_TRY(mn_bench_tmp(s->dir, e));
    MN_TRY(start(s, true, e));
    MN_TRY(dial(s, e));
    MN_TRY(wait_for_sample(s, &posts, e));
    snprintf(name, sizeof name, "server, sample of %.0f", posts);
    say_memory(r, s, name);
    return MN_OK;
}

static mn_rc bench_sample(mn_bench_run *r, mn_err *e)
{
    server s = {.fd = -1};
    if (!mn_fs_is_dir(SAMPLE_DIR))
        return mn_fail(e, MN_E_NOT_FOUND, "no '%s'; the package 'fortunes' has them",
                       SAMPLE_DIR);
    mn_buf_init(&s.answer, 0);
    mn_rc rc = with_sample(r, &s, e);
    stop(&s);
    mn_buf_release(&s.answer);
    if (*s.dir) mn_fs_remove_tree(s.dir, NULL);
    return rc;
}

const mn_bench mn_bench_pages[] = {
    {"pages", "public pages: CPU and bytes a request; the server's memory", bench_pages},
    {"pages-sample", "the server's memory after importing the sample community", bench_sample},
    {0}};
