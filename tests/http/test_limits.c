/* Limits over real sockets: how often, from where, how much is read; and the ways in which people try to get round them. */
#include "http/masto.h"

#include "api/api_int.h"

static int setup(void **s, const char *conf)
{
    (void)s;
    masto_start_with(conf);
    return 0;
}
static int with_rates(void **s)
{
    return setup(s, "rate_limit_account = 40\nrate_limit_address = 200\n");
}
static int with_reading(void **s)
{
    return setup(s, "rate_limits = off\nreading_limit_anonymous = 5\nreading_limit_new = 8\n"
                    "new_account_posts = 100\nnew_account_days = 1\n");
}
static int for_members(void **s)
{
    return setup(s, "rate_limits = off\nreading = members\n");
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

#define APP "client_name=x&redirect_uris=urn:ietf:wg:oauth:2.0:oob"

/* One with headers and a form. */
static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    char all[600];
    snprintf(all, sizeof all, "%s%s", headers,
             body ? "Content-Type: application/x-www-form-urlencoded\r\n" : "");
    return masto_raw(method, path, all, body, body ? strlen(body) : 0);
}

static void the_headers_are_mastodons(void **state)
{
    (void)state;
    member a = masto_member("alice");
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &a, NULL) == 200);
    OK(masto_says("X-RateLimit-Limit: 40\r\n") && masto_says("X-RateLimit-Remaining: 39\r\n"));
    const char *at = memmem(masto_answer, masto_answer_len, "X-RateLimit-Reset: ", 19);
    int64_t ms = 0;
    OK(at && at[19 + 19] == '.' && at[19 + 26] == 'Z'); /* six digits of a second */
    OK(mn_time_parse((mn_str){at + 19, 27}, &ms) == MN_OK);
    OK(ms > mn_now_ms() && ms <= mn_now_ms() + 300000 && ms % 300000 == 0);
    OK(masto("GET", "/api/v1/instance", NULL, NULL) == 200 &&
       masto_says("X-RateLimit-Limit: 200\r\n"));
}

static void no_spelling_of_the_path_gets_round_a_limit(void **state)
{
    (void)state;
    int n = 0;
    while (n < 20 && ask("POST", "/api/v1/apps", "", APP) == 200) n++;
    OK(n == 5 || n == 10); /* 10: half an hour has ended in between */
    if (n == 10) return;
    OK(ask("POST", "/api/v1/apps", "", APP) == 429);
    OK(masto_says("{\"error\":\"Too many requests\"}") && masto_says("Retry-After: "));
    OK(masto_says("X-RateLimit-Remaining: 0\r\n") && masto_says("X-RateLimit-Limit: 5\r\n"));
    static const char *const paths[] = {
        "/api/v1/apps.json",   "/api/v1/apps/",
        "//api/v1/apps",       "/api//v1/apps",
        "/api/v1/./apps",      "/API/v1/apps",
        "/api/v1/apps?x",      "/api/v1/app%73",
        "/api/v1/apps%2ejson", "/x/../api/v1/apps",
        "/api/v1/apps;x",      "/api/v1/apps#x",
        "/api/v1/apps%00",     "http://test.example/api/v1/apps"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (ask("POST", paths[i], "", APP) == 200) fail_msg("%s got through", paths[i]);
    static const char *const headers[] = {
        "X-Forwarded-For: 203.0.113.7\r\n",
        "X-Forwarded-For: 203.0.113.8, 203.0.113.9\r\n",
        "X-Real-IP: 203.0.113.7\r\n",
        "Forwarded: for=203.0.113.7\r\n",
        "Client-IP: 203.0.113.7\r\nTrue-Client-IP: 203.0.113.7\r\n",
        "X-HTTP-Method-Override: GET\r\n",
        "X-Original-URL: /\r\nX-Rewrite-URL: /\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (ask("POST", "/api/v1/apps", headers[i], APP) != 429)
            fail_msg("%s got through", headers[i]);
}

static void behind_a_proxy_its_clients_are_counted_by_the_last_hop(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_api_stop(masto_api, 1000);
    mn_api_opts o = {.home = &masto_home,
                     .listen = "127.0.0.1:0",
                     .domain = "test.example",
                     .trusted_proxy = MN_STR("127.0.0.1")};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
    int n = 0;
    while (n < 20 &&
           ask("POST", "/api/v1/apps", "X-Forwarded-For: 203.0.113.7\r\n", APP) == 200)
        n++;
    OK(n == 5 || n == 10);
    if (n == 10) return;
    OK(ask("POST", "/api/v1/apps", "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n", APP) ==
       429); /* what the client wrote itself stands before what the proxy adds */
    OK(ask("POST", "/api/v1/apps", "X-Forwarded-For: 203.0.113.8\r\n", APP) == 200);
}

static void guessing_tokens_uses_up_the_address(void **state)
{
    (void)state;
    int n = 0, status = 0;
    for (; n < 450 && status != 429; n++) {
        char head[100];
        snprintf(head, sizeof head, "Authorization: Bearer guess%d\r\n", n);
        status = ask("GET", "/api/v1/accounts/verify_credentials", head, NULL);
        OK(status == 401 || status == 429);
    }
    OK(status == 429);
    OK(ask("GET", "/about", "Accept: text/html\r\n", NULL) == 429 && masto_says("<!doctype"));
    OK(ask("GET", "/nothing/here", "", NULL) == 429);
}

static void a_members_limit_is_the_members_own(void **state)
{
    (void)state;
    member a = masto_member("alice"), b = masto_member("bob");
    int n = 0, status = 200;
    for (; n < 90 && status == 200; n++)
        status = masto("GET", "/api/v1/accounts/verify_credentials", &a, NULL);
    OK(status == 429);
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &b, NULL) == 200);
}

static void every_route_that_is_limited_is_there(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_route *all = NULL;
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    RUN(mn_api__routes_new(&all, &e));
    for (size_t i = 0; mn_rates[i].name; i++)
        for (const char *const *r = mn_rates[i].routes; r && *r; r++) {
            bool found = **r == '*';
            for (const mn_route *x = all; !found && x->path; x++) {
                char name[300];
                snprintf(name, sizeof name, "%s %s", methods[x->method], x->path);
                found = strcmp(name, *r) == 0;
            }
            if (!found)
                fail_msg("the limit '%s' names '%s', which is no route", mn_rates[i].name, *r);
        }
    mn_free(all);
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

static void restart(void)
{
    mn_err e = {0};
    mn_api_stop(masto_api, 1000);
    mn_api_opts o = {.home = &masto_home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
}

static void reading_is_counted_by_post_and_over_a_restart(void **state)
{
    (void)state;
    member a = masto_member("alice");
    for (int i = 0; i < 3; i++) masto_post(&a, "a post to read");
    OK(masto("GET", "/api/v1/timelines/public?local=true", NULL, NULL) == 200);
    OK(masto_json()->n == 3 && masto_says("X-Mynah-Reading-Limit: 5\r\n") &&
       masto_says("X-Mynah-Reading-Used: 3\r\n") && masto_says("X-Mynah-Reading-Reset: "));
    restart();
    OK(masto("GET", "/api/mynah/limits", NULL, NULL) == 200);
    OK(mn_json_u64(masto_at("reading.used"), 0) == 3 &&
       mn_json_u64(masto_at("reading.limit"), 0) == 5);
    IS(masto_str("level"), "anonymous");
    OK(masto("GET", "/api/v1/timelines/public?local=true", NULL, NULL) ==
       200); /* goes over it */
    OK(masto("GET", "/api/v1/timelines/public?local=true", NULL, NULL) == 429);
    OK(masto_says("as many posts today as your plan includes") && masto_says("Retry-After: "));
    OK(masto("GET", "/@alice", NULL, NULL) == 429);
    OK(masto("GET", "/api/v1/instance", NULL, NULL) == 200); /* no reading */
    /* who signs in has a count of their own; writing is not reading */
    OK(masto("GET", "/api/mynah/limits", &a, NULL) == 200);
    IS(masto_str("level"), "new");
    OK(mn_json_u64(masto_at("reading.used"), 9) == 0);
    for (int i = 0; i < 3; i++)
        OK(masto("GET", "/api/v1/timelines/home", &a, NULL) == (i < 3 ? 200 : 429));
    OK(masto("GET", "/api/v1/timelines/home", &a, NULL) == 429);
    OK(masto("POST", "/api/v1/statuses", &a, "status=still+writing") == 200);
}

static void a_closed_community_shows_nothing_to_strangers(void **state)
{
    (void)state;
    member a = masto_member("alice");
    uint64_t id = masto_post(&a, "a secret among us");
    char path[100];
    static const char *const closed[] = {"/api/v1/timelines/public",
                                         "/api/v1/timelines/tag/x",
                                         "/api/v1/accounts/1/statuses",
                                         "/api/v1/trends/statuses",
                                         "/api/v2/search?q=x",
                                         "/api/mynah/timeline",
                                         "/api/mynah/search?q=x",
                                         "/@alice",
                                         "/tags/x",
                                         "/search?q=secret",
                                         "/"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        int status = masto("GET", closed[i], NULL, NULL);
        if (status != 401) fail_msg("%s gave %d", closed[i], status);
        OK(!masto_says("secret among"));
    }
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    OK(masto("GET", path, NULL, NULL) == 401);
    OK(masto_says("This API requires an authenticated user"));
    OK(masto("GET", path, &a, NULL) == 200);
    OK(masto("GET", "/api/v2/instance", NULL, NULL) == 200);
    IS(masto_str("configuration.timelines_access.live_feeds.local"), "authenticated");
    OK(masto("GET", "/about/limits", NULL, NULL) == 200 && masto_says("<table>"));
}

static void a_blocked_address_reaches_nothing(void **state)
{
    (void)state;
    member mod = masto_staff("mod", MN_ROLE_MODERATOR);
    OK(masto("POST", "/api/v1/admin/ip_blocks", &mod,
             "ip=127.0.0.0/8&severity=no_access&expires_in=1") == 200);
    OK(masto("GET", "/api/v1/instance", NULL, NULL) == 403);
    OK(masto("GET", "/api/v1/admin/ip_blocks", &mod, NULL) == 403);
    OK(masto("GET", "/", NULL, NULL) == 403);
    usleep(1100000);
    OK(masto("GET", "/api/v1/instance", NULL, NULL) == 200);
}

#define CASE(f, up) cmocka_unit_test_setup_teardown(f, up, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_headers_are_mastodons, with_rates),
        CASE(no_spelling_of_the_path_gets_round_a_limit, with_rates),
        CASE(behind_a_proxy_its_clients_are_counted_by_the_last_hop, with_rates),
        CASE(guessing_tokens_uses_up_the_address, with_rates),
        CASE(a_members_limit_is_the_members_own, with_rates),
        CASE(every_route_that_is_limited_is_there, with_rates),
        CASE(reading_is_counted_by_post_and_over_a_restart, with_reading),
        CASE(a_closed_community_shows_nothing_to_strangers, for_members),
        CASE(a_blocked_address_reaches_nothing, for_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
