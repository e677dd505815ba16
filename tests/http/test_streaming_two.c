/* Two servers on one PostgreSQL database: what is written at one is heard at the other, and revoked there too. */
#include "api/api_int.h"
#include "api/mastodon/streaming.h"
#include "contract/postgres.h"
#include "http/masto.h"
#include "social/people.h"
#include "unit/net/ws_client.h"

typedef struct server {
    char dir[64];
    mn_home home;
    mn_api *api;
    int port;
} server;

static server one, two;
static char url[PG_URL_MAX];
static member alice, bob;
static char B[1 << 20];

static void start(server *v)
{
    mn_err e = {0};
    char path[128], conf[PG_URL_MAX + 40];
    test_tmp(v->dir);
    snprintf(path, sizeof path, "%s/mynah.conf", v->dir);
    snprintf(conf, sizeof conf, "database = \"%s\"\n", url);
    RUN(mn_fs_write_atomic(path, conf, strlen(conf), &e));
    RUN(mn_home_open(v->dir, &v->home, &e));
    mn_api_opts o = {.home = &v->home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &v->api, &e));
    v->port = mn_api_port(v->api);
}
static void stop(server *v)
{
    mn_api_stop(v->api, 1000);
    mn_home_close(&v->home);
    test_tmp_remove(v->dir);
}
/* Requests by masto() go there. */
static void talk_to(const server *v)
{
    masto_home = v->home;
    masto_api = v->api;
    masto_port = v->port;
}

static int setup(void **s)
{
    (void)s;
    if (!pg_there()) return 0;
    pg_fresh(url);
    start(&one);
    start(&two);
    mn_arena_init(&masto_arena, 0);
    masto_answer = malloc(MASTO_ANSWER_MAX);
    talk_to(&one);
    alice = masto_member("alice");
    bob = masto_member("bob");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    if (!*url) return 0;
    stop(&two);
    stop(&one);
    pg_drop(url);
    mn_arena_release(&masto_arena);
    free(masto_answer);
    return 0;
}

/* bob listens at the second server. */
static int listen_there(void)
{
    char q[700];
    mn_streaming_stats st = {0};
    int fd = raw_dial(two.port);
    int n = snprintf(q, sizeof q,
                     "GET /api/v1/streaming?stream=user&access_token=%s HTTP/1.1\r\nHost: x\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     bob.token);
    raw_say(fd, q, (size_t)n);
    ws_hear_head(fd, B, sizeof B);
    if (raw_status(B) != 101) fail_msg("%s", B);
    for (int i = 0; i < 400 && st.subscriptions == 0; i++, usleep(5000))
        mn_streaming_stats_get(two.api, &st);
    OK(st.subscriptions == 1);
    return fd;
}

static bool hears(int fd, const char *event, const char *what)
{
    size_t n = 0;
    return ws_next(fd, B, sizeof B, &n) == MN_WS_OP_TEXT && strstr(B, event) && strstr(B, what);
}

static void what_is_written_at_one_server_is_heard_at_the_other(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_grant g;
    size_t n = 0;
    if (!*url) SKIP(pg_why);
    RUN(mn_store_begin(one.home.store, &tx, &e));
    RUN(mn_social_follow(tx, bob.id, alice.id, NULL, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    int fd = listen_there();
    for (int i = 0; i < 20; i++) {
        char text[60], want[80];
        snprintf(text, sizeof text, "from the first server %d", i);
        snprintf(want, sizeof want, "<p>%s</p>", text);
        masto_post(&alice, text);
        if (!hears(fd, "\"event\":\"update\"", want)) fail_msg("heard: %s", B);
    }
    masto_post(&alice, "and you, @bob");
    OK(hears(fd, "\"event\":\"", "\"stream\":[\"user\"]"));
    OK(hears(fd, "\"event\":\"", "\"stream\":[\"user\"]")); /* the post and the notification */
    RUN(mn_access_check(one.api->access, mn_str_from(bob.token), &g, &e));
    RUN(mn_store_begin(one.home.store, &tx, &e));
    RUN(mn_store_token_remove(tx, g.token_id, &e));
    RUN(mn_store_commit(tx, &e));
    OK(ws_next(fd, B, sizeof B, &n) == MN_WS_OP_CLOSE);
    close(fd);
    talk_to(&two);
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &bob, NULL) == 401);
    assert_string_equal(mn_api__vapid_public(one.api), mn_api__vapid_public(two.api));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_at_one_server_is_heard_at_the_other),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
