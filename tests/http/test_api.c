/* The application over real sockets: every JSON address, what surrounds it, and what nobody may see. */
#include "api/api.h"

#include "api/assets.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "social/social.h"
#include "unit/net/raw.h"

static char dir[64], B[1 << 20];
static mn_home home;
static mn_api *api;
static int port;
static bool shut;
static mn_arena A;
static uint64_t bob;

enum { PUBLIC = 1000, REPLY, UNLISTED, FOLLOWERS, DIRECT, GONE, SILENT, OLD };

static void post(uint64_t id, mn_visibility v, const char *text, uint64_t reply_to, bool allow)
{
    mn_err e = {0};
    mn_tx *tx;
    mn_post p = {.id = id,
                 .account_id = bob,
                 .created_ms = 1700000000000 + (int64_t)id,
                 .visibility = v,
                 .text = mn_str_from(text),
                 .lang = MN_STR("en"),
                 .reply_to = reply_to};
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    if (allow)
        RUN(mn_social_consent_set(home.store, MN_SCOPE_POST, id, MN_P_INFERENCE_INPUT,
                                  MN_CONSENT_ALLOW, 0, MN_STR("a test"), &e));
}

static void fill(void)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_social_account_create(home.store, MN_STR("bob"), MN_STR("Bob"), MN_ROLE_MEMBER, "",
                                 NULL, &bob, &e));
    post(PUBLIC, MN_VIS_PUBLIC,
         "Kingfishers nest in river banks. See https://example.org #birds", 0, true);
    post(REPLY, MN_VIS_PUBLIC, "They dig tunnels with their beaks & feet", PUBLIC, false);
    post(UNLISTED, MN_VIS_UNLISTED, "an unlisted remark", 0, false);
    post(FOLLOWERS, MN_VIS_FOLLOWERS, "secret for followers", PUBLIC, false);
    post(DIRECT, MN_VIS_DIRECT, "secret message", 0, false);
    post(GONE, MN_VIS_PUBLIC, "secret regret", PUBLIC, false);
    post(SILENT, MN_VIS_PUBLIC, "A platypus lays eggs and sweats milk", 0, false);
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_post_delete(tx, GONE, mn_now_ms(), &e));
    RUN(mn_store_commit(tx, &e));
}

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_arena_init(&A, 0);
    RUN(mn_home_open(test_tmp(dir), &home, &e));
    fill();
    mn_api_opts o = {.home = &home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &api, &e));
    port = mn_api_port(api);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_api_stop(api, 500);
    mn_home_close(&home);
    mn_arena_release(&A);
    test_tmp_remove(dir);
    return 0;
}

static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    static char q[20000];
    int n = snprintf(q, sizeof q, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s",
                     method, path, headers);
    if (body)
        n += snprintf(q + n, sizeof q - (size_t)n, "Content-Length: %zu\r\n", strlen(body));
    n += snprintf(q + n, sizeof q - (size_t)n, "\r\n%s", body ? body : "");
    int fd = raw_dial(port);
    raw_say(fd, q, (size_t)n);
    raw_hear(fd, B, sizeof B, NULL, 5000, &shut);
    close(fd);
    return raw_status(B);
}
static int get(const char *path)
{
    return ask("GET", path, "", NULL);
}
static bool says(const char *what)
{
    return strstr(B, what) != NULL;
}
/* The answer's body as JSON. */
static const mn_json *doc(void)
{
    mn_err e = {0};
    mn_json *j = NULL;
    char *body = strstr(B, "\r\n\r\n");
    OK(body);
    RUN(mn_json_parse(mn_str_dup(&A, mn_str_from(body + 4)), &A, &j, &e));
    return j;
}
/* The index follows in its own thread. */
static void wait_for_index(void)
{
    for (int i = 0; i < 100; i++) {
        mn_api_index_wake(api);
        if (get("/api/mynah/search?q=platypus") == 200 && says("platypus")) return;
        usleep(50000);
    }
    fail_msg("the index does not follow");
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static void the_timeline_is_public_posts_newest_first(void **s)
{
    (void)s;
    OK(get("/api/mynah/timeline") == 200 && says("application/json"));
    const mn_json *posts = mn_json_get(doc(), "posts");
    OK(posts->n == 3);
    IS(mn_json_str(mn_json_get(mn_json_at(posts, 0), "id")), "1006");
    IS(mn_json_str(mn_json_get(mn_json_at(posts, 2), "id")), "1000");
    OK(!says("secret") && !says("unlisted remark"));
    OK(mn_json_get(doc(), "next")->type == MN_JSON_NULL);
}

static void the_timeline_has_pages(void **s)
{
    (void)s;
    OK(get("/api/mynah/timeline?limit=2") == 200);
    mn_str next = mn_json_str(mn_json_get(doc(), "next"));
    IS(next, "1001");
    OK(get("/api/mynah/timeline?limit=2&before=1001") == 200);
    OK(mn_json_get(doc(), "posts")->n == 1 && mn_json_get(doc(), "next")->type == MN_JSON_NULL);
    OK(get("/api/mynah/timeline?limit=0") == 400 && says("limit should be"));
    OK(get("/api/mynah/timeline?limit=101") == 400);
    OK(get("/api/mynah/timeline?before=x") == 400 && says("id of a post"));
    OK(get("/api/mynah/timeline?before=99999999999999999999") == 400);
}

static void a_post_has_its_shape_and_its_thread(void **s)
{
    (void)s;
    OK(get("/api/mynah/posts/1000") == 200);
    const mn_json *d = doc(), *p = mn_json_get(d, "post"), *spans = mn_json_get(p, "spans");
    IS(mn_json_str(mn_json_get(p, "id")), "1000");
    IS(mn_json_str(mn_json_get(p, "created_at")), "2023-11-14T22:13:21.000Z");
    IS(mn_json_str(mn_json_get(mn_json_get(p, "account"), "name")), "bob");
    IS(mn_json_str(mn_json_get(mn_json_get(p, "account"), "display")), "Bob");
    IS(mn_json_str(mn_json_get(p, "visibility")), "public");
    IS(mn_json_str(mn_json_get(p, "url")), "/@bob/1000");
    IS(mn_json_str(mn_json_get(p, "lang")), "en");
    OK(mn_json_get(p, "reply_to")->type == MN_JSON_NULL);
    OK(spans->n == 2);
    IS(mn_json_str(mn_json_get(mn_json_at(spans, 0), "kind")), "url");
    OK(mn_json_u64(mn_json_get(mn_json_at(spans, 0), "start"), 0) == 37);
    IS(mn_json_str(mn_json_get(mn_json_at(spans, 1), "kind")), "hashtag");
    const mn_json *thread = mn_json_get(d, "thread");
    OK(thread->n == 3); /* itself, the reply, the tombstone; not the followers' post */
    OK(!says("secret"));
    OK(mn_json_bool(mn_json_get(mn_json_at(thread, 2), "deleted"), false));
}

static void hidden_posts_look_like_none(void **s)
{
    (void)s;
    OK(get("/api/mynah/posts/1002") == 200); /* unlisted */
    static const char *const paths[] = {"/api/mynah/posts/1003", "/api/mynah/posts/1004",
                                        "/api/mynah/posts/1005", "/api/mynah/posts/77",
                                        "/api/mynah/posts/x",    "/api/mynah/posts/-1"};
    char first[200] = "";
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        OK(get(paths[i]) == 404);
        char *body = strstr(B, "\r\n\r\n") + 4;
        if (!i) snprintf(first, sizeof first, "%s", body);
        assert_string_equal(body, first);
    }
}

static void an_account_shows_what_anybody_may_see(void **s)
{
    (void)s;
    OK(get("/api/mynah/accounts/BOB") == 200);
    IS(mn_json_str(mn_json_get(mn_json_get(doc(), "account"), "name")), "bob");
    OK(mn_json_get(doc(), "posts")->n == 4 && !says("secret") && !says("password"));
    OK(get("/api/mynah/accounts/nobody") == 404);
    mn_err e = {0};
    mn_account a;
    mn_tx *tx;
    RUN(mn_store_account_by_name(home.store, MN_STR("bob"), &A, &a, &e));
    a.state = MN_ACCOUNT_SUSPENDED;
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_account_update(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
    OK(get("/api/mynah/accounts/bob") == 404);
    a.state = MN_ACCOUNT_ACTIVE;
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_account_update(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
}

static void pages_and_files_are_served(void **s)
{
    (void)s;
    static const char *const pages[] = {"/",           "/ask",           "/model",
                                        "/about",      "/@bob",          "/@bob/1000",
                                        "/tags/birds", "/search?q=birds"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (ask("GET", pages[i], "Accept: text/html\r\n", NULL) != 200 ||
            !says("<!doctype html>"))
            fail_msg("%s: %.80s", pages[i], B);
    mn_str css = mn_asset_url("app.css");
    OK(css.ptr && get(css.ptr) == 200 && says("immutable") && says("text/css") &&
       says("ETag: "));
    OK(ask("GET", css.ptr, "Accept-Encoding: gzip\r\n", NULL) == 200 &&
       says("Content-Encoding: gzip"));
    OK(get("/assets/app.css") == 404);
    OK(ask("GET", "/nothing", "Accept: text/html\r\n", NULL) == 404 && says("<!doctype html>"));
    OK(get("/@bob/1003") == 404 && get("/@nobody") == 404);
}

/* ---- search and ask ------------------------------------------------------------------------------------------------ */

static void search_finds_what_may_be_found(void **s)
{
    (void)s;
    wait_for_index();
    OK(get("/api/mynah/search?q=kingfishers") == 200);
    IS(mn_json_str(mn_json_get(mn_json_at(mn_json_get(doc(), "posts"), 0), "id")), "1000");
    OK(get("/api/mynah/search?q=secret") == 200 && mn_json_get(doc(), "posts")->n == 0);
    OK(get("/api/mynah/search?q=") == 400 && get("/api/mynah/search") == 400);
}

static void pages_of_results_hide_what_may_not_be_seen(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    wait_for_index();
    OK(get("/search?q=platypus") == 200 && says("sweats milk"));
    OK(get("/search?q=secret") == 200 && !says("secret for") && !says("was deleted"));
    /* the index follows a moment later; what is shown does not wait for it */
    uint64_t eve;
    RUN(mn_social_account_create(home.store, MN_STR("eve"), MN_STR("Eve"), MN_ROLE_MEMBER, "",
                                 NULL, &eve, &e));
    mn_post p = {.id = 900,
                 .account_id = eve,
                 .created_ms = 1600000000000,
                 .visibility = MN_VIS_PUBLIC,
                 .text = MN_STR("narwhals have one tusk"),
                 .lang = MN_STR("en")};
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    for (int i = 0; i < 100 && !(get("/search?q=narwhals") == 200 && says("one tusk")); i++) {
        mn_api_index_wake(api);
        usleep(50000);
    }
    OK(says("one tusk"));
    RUN(mn_store_begin(home.store, &tx, &e));
    RUN(mn_store_post_delete(tx, 900, mn_now_ms(), &e));
    RUN(mn_store_commit(tx, &e));
    OK(get("/search?q=narwhals") == 200 && !says("was deleted") && says("No post that"));
    char path[2000] = "/search?q=";
    memset(path + 10, 'a', 1500);
    OK(get(path) == 400);
    OK(get("/?before=18446744073709551615") == 400 && get("/?before=") == 200);
}

/* A training.json may come from elsewhere with its model. */
static void a_chart_of_odd_numbers_ends(void **s)
{
    (void)s;
    mn_err e = {0};
    char path[200];
    const char doc[] = "{\"name\":\"m\",\"curve\":[{\"step\":1,\"loss\":10000000000000000},"
                       "{\"step\":2,\"loss\":10000000000000004}],\"evals\":[]}";
    snprintf(path, sizeof path, "%s/models/odd", dir);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/models/odd/training.json", dir);
    RUN(mn_fs_write_atomic(path, doc, sizeof doc - 1, &e));
    mn_api_live_model(api, "odd");
    OK(get("/model") == 200 && says("</html>"));
    mn_api_live_model(api, NULL);
    snprintf(path, sizeof path, "%s/models", dir);
    mn_fs_remove_tree(path, NULL);
}

static void an_answer_cites_or_declines(void **s)
{
    (void)s;
    wait_for_index();
    OK(get("/api/mynah/ask?q=where+do+kingfishers+nest") == 200);
    const mn_json *d = doc();
    OK(mn_json_bool(mn_json_get(d, "found"), false));
    const mn_json *line = mn_json_at(mn_json_get(d, "answer"), 0);
    IS(mn_json_str(mn_json_at(mn_json_get(line, "citations"), 0)), "1000");
    OK(mn_json_u64(mn_json_get(line, "n_posts"), 0) == 1);
    OK(mn_json_u64(mn_json_get(line, "n_accounts"), 0) == 1);
    OK(mn_json_u64(mn_json_get(line, "first_ms"), 0) > 0);
    OK(mn_json_bool(mn_json_get(line, "unconfirmed"), false));
    IS(mn_json_str(mn_json_get(mn_json_at(mn_json_get(d, "posts"), 0), "id")), "1000");
    OK(get("/api/mynah/ask?q=platypus+eggs") == 200); /* nobody allowed quoting it */
    OK(!mn_json_bool(mn_json_get(doc(), "found"), true) && !says("sweats milk"));
    OK(mn_json_u64(mn_json_get(doc(), "withheld"), 0) == 1);
    OK(ask("POST", "/api/mynah/ask", "", "{\"question\":\"where do kingfishers nest?\"}") ==
       200);
    OK(mn_json_bool(mn_json_get(doc(), "found"), false));
}

static void the_ask_page_says_how_many_say_it(void **s)
{
    (void)s;
    wait_for_index();
    OK(ask("GET", "/ask?q=where+do+kingfishers+nest", "Accept: text/html\r\n", NULL) == 200);
    OK(says("one account says this, on <time datetime=\"") && says("</time>: unconfirmed</p>"));
    OK(ask("GET", "/ask?q=platypus+eggs", "Accept: text/html\r\n", NULL) == 200);
    OK(says("Nothing here speaks of that.") && !says("account says this"));
}

static void bad_questions_are_400(void **s)
{
    (void)s;
    static char long_one[6000];
    memset(long_one, 'a', 5000);
    memcpy(long_one, "/api/mynah/ask?q=", 17);
    OK(get("/api/mynah/ask") == 400 && get("/api/mynah/ask?q=+") == 400);
    OK(get(long_one) == 400);
    OK(ask("POST", "/api/mynah/ask", "", "{\"question\":") == 400 && says("line 1"));
    OK(ask("POST", "/api/mynah/ask", "", "[]") == 400);
    OK(ask("POST", "/api/mynah/ask", "", "{\"question\":7}") == 400);
    OK(ask("POST", "/api/mynah/ask", "", "\xff") == 400);
    OK(ask("PUT", "/api/mynah/ask", "", "x") == 405 && says("Allow: GET, HEAD, POST"));
}

/* ---- the model ----------------------------------------------------------------------------------------------------- */

static void the_model_document_and_the_events_follow_training(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_live_line l;
    OK(get("/api/mynah/model") == 200);
    IS(mn_json_str(mn_json_get(doc(), "state")), "idle");
    OK(mn_json_get(doc(), "training")->type == MN_JSON_NULL);
    int fd = raw_dial(port);
    const char q[] = "GET /api/mynah/events HTTP/1.1\r\nHost: x\r\n\r\n";
    raw_say(fd, q, sizeof q - 1);
    raw_hear(fd, B, sizeof B, "\"evals\":[]}\n\n", 2000, &shut);
    OK(says("text/event-stream") && says("event: training\ndata: {\"state\":\"idle\""));
    mn_api_live_state(api, "training", "The model is learning");
    RUN(mn_live_line_parse(MN_STR("{\"step\":7,\"tokens\":700,\"loss\":5.5,\"lr\":0.001,"
                                  "\"tokens_per_s\":99,\"steps_total\":70}"),
                           &A, &l, &e));
    mn_api_live_line(api, &l);
    RUN(mn_live_line_parse(MN_STR("{\"step\":7,\"val_bits_per_byte\":2.25}"), &A, &l, &e));
    mn_api_live_line(api, &l);
    raw_hear(fd, B, sizeof B, "2.25", 2000, &shut);
    close(fd);
    OK(says("\"loss\":5.5") || says("2.25"));
    OK(get("/api/mynah/model") == 200 &&
       says("\"progress\":{\"done\":7,\"total\":70,\"unit\":\"steps\"}"));
    OK(get("/metrics") == 200 && says("mynah_training 1\n") &&
       says("mynah_training_step 7\n") && says("mynah_training_val_bits_per_byte 2.25\n"));
    mn_api_live_state(api, "failed", "it \"broke\"");
    OK(get("/api/mynah/model") == 200 && says("it \\\"broke\\\"") && says("\"progress\":null"));
    FAILS(MN_E_PARSE, mn_live_line_parse(MN_STR("[1]"), &A, &l, &e));
    FAILS(MN_E_PARSE, mn_live_line_parse(MN_STR("step 7"), &A, &l, &e));
}

/* ---- what surrounds ------------------------------------------------------------------------------------------------ */

static void every_answer_bears_the_security_headers(void **s)
{
    (void)s;
    static const char *const paths[] = {"/",           "/api/mynah/timeline",
                                        "/nothing",    "/metrics",
                                        "/robots.txt", "/api/mynah/posts/x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        get(paths[i]);
        OK(says("Content-Security-Policy: default-src 'self'") && !says("unsafe-inline"));
        OK(says("frame-ancestors 'none'") && says("X-Content-Type-Options: nosniff"));
        OK(says("Referrer-Policy: ") && says("Permissions-Policy: "));
    }
}

static void unchanged_answers_are_304(void **s)
{
    (void)s;
    static const char *const paths[] = {"/", "/api/mynah/timeline", "/api/mynah/posts/1000",
                                        "/about"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char tag[100] = "", header[200];
        OK(get(paths[i]) == 200 && strstr(B, "ETag: "));
        OK(sscanf(strstr(B, "ETag: "), "ETag: %80s", tag) == 1);
        snprintf(header, sizeof header, "If-None-Match: %s\r\n", tag);
        OK(ask("GET", paths[i], header, NULL) == 304);
    }
}

static void robots_say_what_the_ledger_says(void **s)
{
    (void)s;
    mn_err e = {0};
    OK(get("/robots.txt") == 200 &&
       says("Content-Signal: search=yes, ai-input=no, ai-train=no"));
    OK(says("Content-Usage: train-ai=n, search=y"));
    RUN(mn_social_consent_set(home.store, MN_SCOPE_SERVER, 0, MN_P_TRAIN_GENERATIVE,
                              MN_CONSENT_ALLOW, 0, MN_STR("a test"), &e));
    OK(get("/robots.txt") == 200 && says("train-ai=y") && says("ai-train=no"));
    RUN(mn_social_consent_set(home.store, MN_SCOPE_SERVER, 0, MN_P_TRAIN_OTHER,
                              MN_CONSENT_ALLOW, 0, MN_STR("a test"), &e));
    OK(get("/robots.txt") == 200 && says("ai-train=yes"));
    RUN(mn_social_consent_set(home.store, MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_DENY, 0,
                              MN_STR("a test"), &e));
    OK(get("/robots.txt") == 200 && says("search=no") && says("search=n\n"));
    RUN(mn_social_consent_set(home.store, MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_UNSET, 0,
                              MN_STR("a test"), &e));
}

static void health_and_metrics_can_be_read_by_machines(void **s)
{
    (void)s;
    OK(get("/healthz") == 200 && says("\"status\":\"ok\""));
    OK(get("/metrics") == 200 && says("text/plain; version=0.0.4"));
    OK(says("mynah_http_requests_total{route=\"/healthz\",status=\"200\"} "));
    OK(says("process_resident_memory_bytes ") && says("mynah_posts 6\n"));
    OK(!says("/api/mynah/posts/1000")); /* patterns, never paths */
    for (char *line = strstr(B, "\r\n\r\n") + 4;
         *line;) { /* each line is a comment or NAME VALUE */
        char *end = strchr(line, '\n'), *blank;
        OK(end);
        *end = 0;
        blank = strrchr(line, ' ');
        OK(line[0] == '#' ||
           (blank && strspn(blank + 1, "0123456789.e+-na") == strlen(blank + 1)));
        line = end + 1;
    }
}

/* Last: it uses up this address' allowance. */
static void too_many_questions_are_429(void **s)
{
    (void)s;
    int status = 0, n = 0;
    while (n < 70 && status != 429) { /* 30 in a minute; one may end in between */
        status = get("/api/mynah/ask?q=kingfishers");
        n++;
    }
    OK(status == 429 && says("Retry-After: ") && says("X-RateLimit-Remaining: 0") &&
       says("{\"error\":\"Too many requests\"}"));
    OK(ask("GET", "/ask?q=kingfishers", "Accept: text/html\r\n", NULL) == 429 &&
       says("<!doctype"));
    OK(get("/api/mynah/timeline") == 200);
    for (n = 0, status = 0; n < 70 && status != 429; n++)
        status = ask("POST", "/api/mynah/ask", "", "{}");
    OK(status == 429);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_timeline_is_public_posts_newest_first),
        TEST(the_timeline_has_pages),
        TEST(a_post_has_its_shape_and_its_thread),
        TEST(hidden_posts_look_like_none),
        TEST(an_account_shows_what_anybody_may_see),
        TEST(pages_and_files_are_served),
        TEST(search_finds_what_may_be_found),
        TEST(pages_of_results_hide_what_may_not_be_seen),
        TEST(a_chart_of_odd_numbers_ends),
        TEST(an_answer_cites_or_declines),
        TEST(the_ask_page_says_how_many_say_it),
        TEST(bad_questions_are_400),
        TEST(the_model_document_and_the_events_follow_training),
        TEST(every_answer_bears_the_security_headers),
        TEST(unchanged_answers_are_304),
        TEST(robots_say_what_the_ledger_says),
        TEST(health_and_metrics_can_be_read_by_machines),
        TEST(too_many_questions_are_429),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
