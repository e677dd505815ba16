/* The pages that anybody reads: what hangs on a post is there without scripts, and what is not for everybody is not. */
#include "http/masto.h"

static member alice, bob;

static int setup(void **s)
{
    (void)s;
    masto_start();
    alice = masto_member("alice");
    bob = masto_member("bob");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

static uint64_t write_post(const member *m, const char *json)
{
    if (masto("POST", "/api/v1/statuses", m, json) != 200)
        fail_msg("posting failed: %.*s", MN_STR_FMT(masto_body));
    return masto_id("id");
}
static int get(const char *path)
{
    return masto_raw("GET", path, "Accept: text/html\r\n", NULL, 0);
}
static int get_post(const char *name, uint64_t id)
{
    char path[100];
    snprintf(path, sizeof path, "/@%s/%llu", name, (unsigned long long)id);
    return get(path);
}

static void a_poll_and_a_quote_are_on_the_page(void **s)
{
    (void)s;
    char body[200];
    uint64_t poll = write_post(&alice, "{\"status\":\"which way?\",\"poll\":{\"options\":"
                                       "[\"left <b>\",\"right\"],\"expires_in\":3600}}");
    OK(get_post("alice", poll) == 200);
    OK(masto_says("left &lt;b&gt;") && masto_says("right") && masto_says("0 voters"));
    snprintf(body, sizeof body, "{\"status\":\"look at this\",\"quoted_status_id\":\"%llu\"}",
             (unsigned long long)poll);
    uint64_t quote = write_post(&bob, body);
    OK(get_post("bob", quote) == 200);
    OK(masto_says("look at this") && masto_says("which way?"));
}

static void a_boost_shows_what_it_boosts(void **s)
{
    (void)s;
    char path[100];
    uint64_t id = write_post(&alice, "{\"status\":\"the harbour opens at seven\"}");
    snprintf(path, sizeof path, "/api/v1/statuses/%llu/reblog", (unsigned long long)id);
    OK(masto("POST", path, &bob, "{}") == 200);
    OK(get("/@bob") == 200 && masto_says("the harbour opens at seven") &&
       masto_says("bob boosted"));
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    OK(masto("DELETE", path, &alice, NULL) == 200);
    OK(get("/@bob") == 200 && !masto_says("harbour opens") && !masto_says("bob boosted"));
}

static void what_is_for_followers_is_on_no_page_of_others(void **s)
{
    (void)s;
    uint64_t id =
        write_post(&alice, "{\"status\":\"only for friends\",\"visibility\":\"private\"}");
    write_post(&alice, "{\"status\":\"@bob a secret\",\"visibility\":\"direct\"}");
    OK(get_post("alice", id) == 404);
    static const char *const pages[] = {"/", "/@alice", "/search?q=friends",
                                        "/search?q=secret"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        OK(get(pages[i]) == 200);
        OK(!masto_says("only for friends") && !masto_says("a secret"));
    }
}

static void a_profile_shows_its_fields_as_text(void **s)
{
    (void)s;
    OK(masto("PATCH", "/api/v1/accounts/update_credentials", &alice,
             "{\"note\":\"keeper of <script>alert(1)</script>\",\"fields_attributes\":["
             "{\"name\":\"Web\",\"value\":\"https://example.org/\\\" onclick=x\"}]}") == 200);
    OK(get("/@alice") == 200);
    OK(masto_says("keeper of &lt;script&gt;") && !masto_says("<script>alert"));
    OK(masto_says("Web") && !masto_says("\" onclick=x"));
}

static void a_page_says_who_is_signed_in_only_to_them(void **s)
{
    (void)s;
    char headers[300];
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_session_make(tx, alice.id, MN_STR("127.0.0.1"), MN_STR("test"), &secret, NULL,
                               &e));
    RUN(mn_store_commit(tx, &e));
    OK(get("/@alice") == 200 && !masto_says("data-me") && masto_says("Vary: Cookie"));
    /* The domain is test.example, so people come by https. */
    snprintf(headers, sizeof headers, "Accept: text/html\r\nCookie: __Host-mynah=%s\r\n",
             secret.text);
    OK(masto_raw("GET", "/@alice", headers, NULL, 0) == 200);
    OK(masto_says("data-me=\"") && masto_says("data-csrf=\"") && masto_says("private"));
    OK(masto_raw("GET", "/notifications", headers, NULL, 0) == 200);
    OK(get("/notifications") == 302 || raw_status(masto_answer) == 303);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_poll_and_a_quote_are_on_the_page),
        CASE(a_boost_shows_what_it_boosts),
        CASE(what_is_for_followers_is_on_no_page_of_others),
        CASE(a_profile_shows_its_fields_as_text),
        CASE(a_page_says_who_is_signed_in_only_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
