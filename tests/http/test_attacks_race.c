/* The same thing asked for by many connections at once: it is done once, and counts are right afterwards. */
#include "http/masto.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/mastodon/mastodon.h"
#include "unit/media/pictures.h"

#define THREADS 8
#define ROUNDS  6

static member ada, bob;

static int set_up(void **s)
{
    (void)s;
    masto_start();
    ada = masto_member("ada");
    bob = masto_member("bob");
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

typedef struct rush {
    const char *headers;
    const char *paths[2],
        *body; /* each thread asks the first, then the second if there is one */
    int rounds;
    atomic_int ok, failed;
    pthread_barrier_t start;
} rush;

static int one_request(const rush *x, const char *path)
{
    char q[2048], answer[32768];
    bool shut;
    int n = snprintf(q, sizeof q,
                     "POST %s HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n%s"
                     "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                     "%zu\r\n\r\n%s",
                     path, x->headers, strlen(x->body), x->body);
    int fd = raw_dial(masto_port);
    raw_say(fd, q, (size_t)n);
    size_t got = raw_hear(fd, answer, sizeof answer, NULL, 10000, &shut);
    close(fd);
    return got ? raw_status(answer) : 0;
}

static void *run(void *arg)
{
    rush *x = arg;
    pthread_barrier_wait(&x->start);
    for (int i = 0; i < x->rounds; i++)
        for (int k = 0; k < 2 && x->paths[k]; k++) {
            int status = one_request(x, x->paths[k]);
            if (status == 200) atomic_fetch_add(&x->ok, 1);
            if (status == 0 || status >= 500) atomic_fetch_add(&x->failed, 1);
        }
    return NULL;
}

/* How many of them were answered 200; none may fail. */
static int all_at_once(const char *headers, const char *first, const char *second,
                       const char *body, int rounds)
{
    pthread_t t[THREADS];
    rush x = {.headers = headers, .paths = {first, second}, .body = body, .rounds = rounds};
    pthread_barrier_init(&x.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, run, &x);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    pthread_barrier_destroy(&x.start);
    if (x.failed) fail_msg("%d of the requests to %s failed", x.failed, first);
    return x.ok;
}

static const char *by(const member *m, const char *more)
{
    static char out[400];
    snprintf(out, sizeof out, "Authorization: Bearer %s\r\n%s", m->token, more);
    return out;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *at(const char *fmt, uint64_t id)
{
    static char out[8][200];
    static int k;
    char *p = out[k++ % 8];
    snprintf(p, 200, fmt, (unsigned long long)id);
    return p;
}

static int64_t number_at(const char *path, const char *where)
{
    OK(masto("GET", path, &bob, NULL) == 200);
    return mn_json_i64(masto_at(where), -1);
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------- */

static void marks_count_once_however_many_ask(void **state)
{
    (void)state;
    uint64_t id = masto_post(&ada, "hello");
    const char *post = at("/api/v1/statuses/%llu", id);
    all_at_once(by(&bob, ""), at("/api/v1/statuses/%llu/favourite", id), NULL, "x=1", 2);
    assert_int_equal(number_at(post, "favourites_count"), 1);
    all_at_once(by(&bob, ""), at("/api/v1/statuses/%llu/unfavourite", id), NULL, "x=1", 2);
    assert_int_equal(number_at(post, "favourites_count"), 0);
    all_at_once(by(&bob, ""), at("/api/v1/statuses/%llu/reblog", id), NULL, "x=1", 2);
    assert_int_equal(number_at(post, "reblogs_count"), 1);
    all_at_once(by(&bob, ""), at("/api/v1/statuses/%llu/unreblog", id), NULL, "x=1", 2);
    assert_int_equal(number_at(post, "reblogs_count"), 0);
    all_at_once(by(&bob, ""), at("/api/v1/statuses/%llu/favourite", id),
                at("/api/v1/statuses/%llu/unfavourite", id), "x=1", ROUNDS);
    OK(masto("POST", at("/api/v1/statuses/%llu/unfavourite", id), &bob, "x=1") == 200);
    assert_int_equal(number_at(post, "favourites_count"), 0);
}

static void follows_count_once_and_never_below_nothing(void **state)
{
    (void)state;
    const char *follow = at("/api/v1/accounts/%llu/follow", ada.id),
               *unfollow = at("/api/v1/accounts/%llu/unfollow", ada.id);
    const char *hers = at("/api/v1/accounts/%llu", ada.id);
    all_at_once(by(&bob, ""), follow, NULL, "x=1", 2);
    assert_int_equal(number_at(hers, "followers_count"), 1);
    all_at_once(by(&bob, ""), unfollow, NULL, "x=1", 2);
    assert_int_equal(number_at(hers, "followers_count"), 0);
    all_at_once(by(&bob, ""), follow, unfollow, "x=1", ROUNDS);
    OK(masto("POST", unfollow, &bob, "x=1") == 200);
    assert_int_equal(number_at(hers, "followers_count"), 0);
    assert_int_equal(number_at("/api/v1/accounts/verify_credentials", "following_count"), 0);
}

static void a_voter_votes_once(void **state)
{
    (void)state;
    OK(masto("POST", "/api/v1/statuses", &ada,
             "status=which&poll[options][]=a&poll[options][]=b&poll[expires_in]=3600") == 200);
    uint64_t poll = masto_id("poll.id");
    const char *path = at("/api/v1/polls/%llu", poll);
    int ok =
        all_at_once(by(&bob, ""), at("/api/v1/polls/%llu/votes", poll), NULL, "choices[]=1", 1);
    assert_int_equal(ok, 1);
    assert_int_equal(number_at(path, "votes_count"), 1);
    assert_int_equal(number_at(path, "options.1.votes_count"), 1);
}

static void one_key_makes_one_post(void **state)
{
    (void)state;
    int ok = all_at_once(by(&ada, "Idempotency-Key: once\r\n"), "/api/v1/statuses", NULL,
                         "status=once", 2);
    assert_int_equal(ok, 2 * THREADS);
    assert_int_equal(number_at(at("/api/v1/accounts/%llu", ada.id), "statuses_count"), 1);
}

static uint64_t upload(const member *m)
{
    mn_buf pic, b;
    char headers[300];
    mn_buf_init(&pic, 0);
    mn_buf_init(&b, 0);
    make_png(60, 40, 255, &pic);
    mn_buf_addz(&b, "--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                    "filename=\"a.png\"\r\n\r\n");
    mn_buf_adds(&b, mn_buf_str(&pic));
    mn_buf_addz(&b, "\r\n--XX--\r\n");
    snprintf(headers, sizeof headers,
             "Authorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=XX\r\n",
             m->token);
    assert_int_equal(masto_raw("POST", "/api/v2/media", headers, b.ptr, b.len), 200);
    mn_buf_release(&pic);
    mn_buf_release(&b);
    return masto_id("id");
}

static void an_upload_hangs_on_one_post(void **state)
{
    (void)state;
    char body[80];
    snprintf(body, sizeof body, "status=look&media_ids[]=%llu",
             (unsigned long long)upload(&ada));
    int ok = all_at_once(by(&ada, ""), "/api/v1/statuses", NULL, body, 1);
    assert_int_equal(ok, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(marks_count_once_however_many_ask),
        CASE(follows_count_once_and_never_below_nothing),
        CASE(a_voter_votes_once),
        CASE(one_key_makes_one_post),
        CASE(an_upload_hangs_on_one_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
