/* Answers that come later, and clients that hang up while they wait. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/thread.h"
#include "net/http.h"
#include "raw.h"

static mn_http *H;
static int P;
static char B[1 << 16];
static atomic_int gone_calls, waiting, closed_streams, after_calls;
static mn_queue *todo; /* answers to be done by the thread below */
static pthread_t doer;

static void gone(void *state)
{
    (void)state;
    atomic_fetch_add(&gone_calls, 1);
}

static void *answer_later(void *arg)
{
    mn_resp *w;
    (void)arg;
    while ((w = mn_queue_pop(todo)) != NULL) {
        usleep(30000);
        mn_resp_status(w, 201);
        mn_resp_type(w, "text/plain");
        mn_resp_header(w, "X-Late", MN_STR("yes"));
        mn_buf_addz(mn_resp_body(w), "late");
        mn_resp_done(w);
    }
    return NULL;
}

static void get_late(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_later(w, gone, NULL);
    mn_queue_push(todo, w);
}

static void get_at_once(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_buf_addz(mn_resp_body(w), "done before the handler returns");
    mn_resp_later(w, NULL, NULL);
    mn_resp_done(w);
    usleep(20000);
}

static mn_resp *held;
static pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;

static void *finish_held(void *arg)
{
    mn_resp *w = arg;
    usleep(
        20000); /* gone is called with a lock held that mn_resp_done takes: another thread does it */
    mn_resp_done(w);
    atomic_fetch_sub(&waiting, 1);
    return NULL;
}
static void gone_ends(void *state)
{
    pthread_t t;
    gone(NULL);
    pthread_create(&t, NULL, finish_held, state);
    pthread_detach(t);
}
static void get_never(mn_req *r, mn_resp *w)
{
    (void)r;
    pthread_mutex_lock(&hold);
    held = w;
    pthread_mutex_unlock(&hold);
    atomic_fetch_add(&waiting, 1);
    mn_resp_later(w, gone_ends, w);
}

static bool next_none(void *state, mn_buf *out)
{
    (void)state, (void)out;
    return true;
}
static void close_stream(void *state)
{
    (void)state;
    atomic_fetch_add(&closed_streams, 1);
}
static void get_stream(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_stream(w, "quiet", next_none, close_stream, NULL);
}

static bool errors_as_objects(const mn_req *r, mn_resp *w, int status, mn_str message)
{
    if (!mn_str_starts(r->path, "/v/")) return false;
    mn_resp_type(w, "application/json");
    mn_buf_addf(mn_resp_body(w), "{\"status\":%d,\"said\":\"%.*s\"}", status,
                MN_STR_FMT(message));
    return true;
}

static void after(const mn_req *r, int status, size_t bytes, double cpu_us)
{
    (void)r, (void)status, (void)bytes, (void)cpu_us;
    atomic_fetch_add(&after_calls, 1);
}

static const mn_route routes[] = {
    {MN_GET, "/late", get_late, 0, MN_RUN_MODEL, NULL},
    {MN_GET, "/at-once", get_at_once, 0, MN_RUN_MODEL, NULL},
    {MN_GET, "/never", get_never, 0, MN_RUN_MODEL, NULL},
    {MN_GET, "/stream", get_stream, 0, MN_RUN_HERE, NULL},
    {MN_POST, "/v/x", get_late, 16, MN_RUN_MODEL, NULL},
    {.path = NULL},
};

static int start(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_http_opts o = {.listen = "127.0.0.1:0",
                      .routes = routes,
                      .after = after,
                      .error_json = errors_as_objects,
                      .limits = {.ping_ms = 60000, .model_workers = 1, .model_waiting = 8}};
    RUN(mn_queue_new(64, &todo, &e));
    assert_int_equal(pthread_create(&doer, NULL, answer_later, NULL), 0);
    RUN(mn_http_start(&o, &H, &e));
    P = mn_http_port(H);
    return 0;
}
static int stop(void **s)
{
    (void)s;
    mn_http_stop(H, 200);
    mn_queue_close(todo);
    pthread_join(doer, NULL);
    mn_queue_free(todo);
    return 0;
}

static int get(const char *path)
{
    char q[256];
    bool closed;
    int n =
        snprintf(q, sizeof q, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    int fd = raw_dial(P);
    raw_say(fd, q, (size_t)n);
    raw_hear(fd, B, sizeof B, NULL, 3000, &closed);
    close(fd);
    return raw_status(B);
}
static int open_and_ask(const char *path)
{
    char q[256];
    int n = snprintf(q, sizeof q, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path), fd = raw_dial(P);
    raw_say(fd, q, (size_t)n);
    return fd;
}
static bool soon(atomic_int *v, int want)
{
    for (int i = 0; i < 200; i++) {
        if (atomic_load(v) == want) return true;
        usleep(10000);
    }
    return false;
}

static void an_answer_may_come_later(void **s)
{
    (void)s;
    assert_int_equal(get("/late"), 201);
    OK(strstr(B, "X-Late: yes") && strstr(B, "\r\n\r\nlate"));
    assert_int_equal(get("/at-once"), 200);
    OK(strstr(B, "done before"));
}

static void many_wait_on_one_thread(void **s)
{
    (void)s;
    int fd[20], late = 0;
    bool closed;
    for (int i = 0; i < 20; i++) fd[i] = open_and_ask("/late");
    for (int i = 0; i < 20; i++) {
        raw_hear(fd[i], B, sizeof B, "late", 5000, &closed);
        late += raw_status(B) == 201;
        OK(raw_status(B) == 201 || (raw_status(B) == 503 && strstr(B, "Retry-After: 2")));
        close(fd[i]);
    }
    OK(late >= 8);
}

static void a_client_that_hangs_up_is_noticed_while_it_waits(void **s)
{
    (void)s;
    int before = atomic_load(&gone_calls);
    int fd = open_and_ask("/never");
    OK(soon(&waiting, 1));
    usleep(600000);
    assert_int_equal(atomic_load(&gone_calls), before);
    close(fd);
    OK(soon(&gone_calls, before + 1));
    OK(soon(&waiting, 0));
    assert_int_equal(get("/late"), 201);
}

static void a_silent_stream_ends_when_its_client_hangs_up(void **s)
{
    (void)s;
    int before = atomic_load(&closed_streams), fd = open_and_ask("/stream");
    bool closed;
    raw_hear(fd, B, sizeof B, "event-stream", 1000, &closed);
    usleep(600000);
    assert_int_equal(atomic_load(&closed_streams), before);
    close(fd);
    OK(soon(&closed_streams, before + 1));
}

static void errors_look_as_the_application_wants(void **s)
{
    (void)s;
    OK(get("/v/x") == 405 && strstr(B, "{\"status\":405,\"said\":\"this address"));
    OK(get("/v/y") == 404 && strstr(B, "{\"status\":404"));
    OK(get("/y") == 404 && strstr(B, "{\"error\":\"there is nothing"));
    char q[400];
    bool closed;
    int n = snprintf(q, sizeof q,
                     "POST /v/x HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"
                     "01234567890123456789");
    OK(raw_ask(P, q, (size_t)n, B, sizeof B, &closed) == 413 && strstr(B, "{\"status\":413"));
    n = snprintf(q, sizeof q,
                 "POST /v/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    OK(raw_ask(P, q, (size_t)n, B, sizeof B, &closed) == 413 && strstr(B, "{\"status\":413"));
}

static void stopping_tells_those_who_wait(void **s)
{
    (void)s;
    mn_http *first = H;
    int first_port = P, before = atomic_load(&gone_calls), done = atomic_load(&after_calls);
    mn_err e = {0};
    mn_http_opts o = {.listen = "127.0.0.1:0", .routes = routes, .after = after};
    RUN(mn_http_start(&o, &H, &e));
    P = mn_http_port(H);
    int fd = open_and_ask("/never");
    OK(soon(&waiting, 1));
    mn_http_stop(H, 100);
    assert_int_equal(atomic_load(&gone_calls), before + 1);
    assert_int_equal(atomic_load(&after_calls), done + 1);
    close(fd);
    H = first;
    P = first_port;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_may_come_later),
        TEST(many_wait_on_one_thread),
        TEST(a_client_that_hangs_up_is_noticed_while_it_waits),
        TEST(a_silent_stream_ends_when_its_client_hangs_up),
        TEST(errors_look_as_the_application_wants),
        TEST(stopping_tells_those_who_wait),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
