/* Who may use the model API: keys, scopes, limits, revocation; and the page where members make keys. */
#include "http/browser.h"
#include "http/openai.h"

static int setup(void **s)
{
    (void)s;
    openai_start(
        "model_tokens_new = 60\nmodel_requests_new = 5\nmodel_requests_subscriber = 0\n"
        "model_tokens_subscriber = 0\n");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

#define ONE "{\"prompt\":\"x\",\"max_tokens\":1}"

static int as(const char *key, const char *path)
{
    bool get = strcmp(path, "/v1/models") == 0;
    const char *body = strstr(path, "embed") ? "{\"input\":\"x\"}" : ONE;
    return openai_send(get ? "GET" : "POST", path, key, NULL, get ? NULL : body,
                       get ? 0 : strlen(body));
}

/* An operator: as many requests as they like. */
static uint64_t boss(void)
{
    static uint64_t id;
    mn_err e = {0};
    if (!id)
        RUN(mn_social_account_create(masto_home.store, MN_STR("boss"), MN_STR(""),
                                     MN_ROLE_OPERATOR, "", NULL, &id, &e));
    return id;
}

static void nobody_comes_in_without_a_key(void **s)
{
    (void)s;
    char key[64];
    OK(as(NULL, "/v1/models") == 401 && openai_error("invalid_api_key", NULL));
    OK(masto_says("WWW-Authenticate: Bearer"));
    OK(as("sk-mynah-wrong", "/v1/models") == 401 && openai_error("invalid_api_key", NULL));
    OK(as("", "/v1/completions") == 401);
    OK(openai_send("GET", "/v1/models", NULL, "Authorization: Basic eDp5\r\n", NULL, 0) == 401);
    OK(openai_send("GET", "/v1/models?api_key=x&access_token=y", NULL, NULL, NULL, 0) == 401);
    openai_make_key(boss(), "", key);
    OK(as(key, "/v1/models") == 200);
}

static void a_key_opens_what_its_scopes_say(void **s)
{
    (void)s;
    char key[64];
    openai_make_key(boss(), "model:list", key);
    OK(as(key, "/v1/models") == 200);
    OK(as(key, "/v1/completions") == 403 && openai_error("insufficient_scope", NULL));
    OK(as(key, "/v1/embeddings") == 403);
    openai_make_key(boss(), "model:embed", key);
    OK(as(key, "/v1/embeddings") == 200 && as(key, "/v1/completions") == 403);
    openai_make_key(boss(), "model:generate", key);
    OK(as(key, "/v1/completions") == 200 && as(key, "/v1/models") == 403);
}

static void a_key_opens_nothing_else(void **s)
{
    (void)s;
    char key[64];
    openai_make_key(boss(), "", key);
    OK(openai_send("GET", "/api/v1/accounts/verify_credentials", key, NULL, NULL, 0) == 401);
    OK(openai_send("GET", "/api/v1/timelines/public", key, NULL, NULL, 0) == 401);
    OK(openai_send("POST", "/api/v1/statuses", key, NULL, "{\"status\":\"x\"}", 14) == 401);
}

static void an_apps_token_needs_a_scope_made_for_it(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    member with = masto_member_with("carol", MN_ROLE_OPERATOR, "read model:generate");
    member without = masto_member_with("dave", MN_ROLE_OPERATOR, "read write follow push");
    OK(as(with.token, "/v1/completions") == 200 && as(with.token, "/v1/embeddings") == 403);
    OK(as(without.token, "/v1/completions") == 403 && openai_error("insufficient_scope", NULL));
    RUN(mn_store_begin(masto_home.store, &tx,
                       &e)); /* an app alone has no member to count for */
    RUN(mn_access_token_make(tx, 0, 5, MN_STR("model"), &secret, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    OK(as(secret.text, "/v1/completions") == 403);
    RUN(mn_store_begin(masto_home.store, &tx, &e)); /* nor does a browser's session open it */
    RUN(mn_access_session_make(tx, boss(), MN_STR("127.0.0.1"), MN_STR("x"), &secret, NULL,
                               &e));
    RUN(mn_store_commit(tx, &e));
    OK(as(secret.text, "/v1/completions") == 401);
    char cookie[200];
    snprintf(cookie, sizeof cookie, "Cookie: __Host-mynah=%s; mynah=%s\r\n", secret.text,
             secret.text);
    OK(openai_send("GET", "/v1/models", NULL, cookie, NULL, 0) == 401);
}

static void a_revoked_key_ends_at_once_and_its_streams_with_it(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_key key;
    uint64_t id;
    bool closed;
    RUN(mn_key_make(masto_home.store, boss(), MN_STR("short"), MN_STR(""), &key, &id, &e));
    snprintf(openai_key, sizeof openai_key, "%s", key.text);
    int stream = v1_open("completions",
                         "{\"prompt\":\"x\",\"max_tokens\":500,\"n\":16,\"stream\":true}");
    int whole = v1_open("completions", "{\"prompt\":\"x\",\"max_tokens\":500,\"n\":16}");
    raw_hear(stream, masto_answer, 4096, "data:", 5000, &closed);
    for (int i = 0; i < 500 && openai_metric("mynah_openai_open") < 2; i++) usleep(1000);
    RUN(mn_key_revoke(masto_home.store, boss(), id, &e));
    int status = v1_close(whole);
    OK(status == 401 && openai_error("invalid_api_key", NULL));
    v1_close(stream);
    OK(memmem(masto_answer, masto_answer_len, "the key was revoked", 19));
    OK(!memmem(masto_answer, masto_answer_len, "[DONE]", 6));
    OK(as(key.text, "/v1/models") == 401);
    OK(openai_becomes("mynah_openai_open", 0));
}

static void a_suspended_member_is_shut_out_in_the_middle(void **s)
{
    (void)s;
    mn_err e = {0};
    uint64_t id;
    RUN(mn_social_account_create(masto_home.store, MN_STR("eve"), MN_STR(""), MN_ROLE_MODERATOR,
                                 "", NULL, &id, &e));
    openai_make_key(id, "", openai_key);
    int whole = v1_open("completions", "{\"prompt\":\"x\",\"max_tokens\":500,\"n\":16}");
    for (int i = 0; i < 500 && openai_metric("mynah_openai_open") < 1; i++) usleep(1000);
    RUN(mn_social_account_suspend(masto_home.store, id, true, &e));
    OK(v1_close(whole) == 401);
    OK(as(openai_key, "/v1/models") == 401); /* suspending takes tokens back */
}

static void requests_and_tokens_are_counted_and_told(void **s)
{
    (void)s;
    char key[64];
    int codes[8], n429 = 0;
    openai_make_key(openai_ada, "", key);
    OK(as(key, "/v1/completions") == 200);
    OK(masto_says("X-RateLimit-Limit-Requests: 5") &&
       masto_says("X-RateLimit-Limit-Tokens: 60"));
    OK(masto_says("X-RateLimit-Remaining-Requests: ") &&
       masto_says("X-RateLimit-Reset-Tokens: "));
    OK(masto_says("X-RateLimit-Remaining-Tokens: 60"));
    for (int i = 0; i < 8; i++) {
        codes[i] = as(key, "/v1/completions");
        n429 += codes[i] == 429;
    }
    OK(n429 >= 1); /* by requests within a minute, or by tokens if a minute began in between */
    OK(openai_error("rate_limit_exceeded", NULL) && masto_says("Retry-After: "));
    OK(as(key, "/v1/models") == 200); /* lists are not counted */
}

static void the_tokens_of_a_day_end(void **s)
{
    (void)s;
    mn_err e = {0};
    uint64_t id;
    char key[64];
    RUN(mn_social_account_create(masto_home.store, MN_STR("frank"), MN_STR(""), MN_ROLE_MEMBER,
                                 "", NULL, &id, &e));
    openai_make_key(id, "", key);
    char body[1300]; /* nothing but letters, so that it does not end before its 60 tokens */
    snprintf(body, sizeof body, "{\"prompt\":\"x\",\"max_tokens\":60,\"logit_bias\":%s}",
             openai_letters);
    OK(openai_send("POST", "/v1/completions", key, NULL, body, strlen(body)) == 200);
    OK(as(key, "/v1/completions") == 429);
    IS(masto_str("error.type"), "tokens");
    OK(openai_error("rate_limit_exceeded", NULL) &&
       masto_says("X-RateLimit-Remaining-Tokens: 0"));
}

/* ---- the page -------------------------------------------------------------------------------------------------------- */

static void keys_are_made_and_revoked_on_a_page(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret session;
    uint64_t id;
    RUN(mn_social_account_create(masto_home.store, MN_STR("gina"), MN_STR(""),
                                 MN_ROLE_MODERATOR, "", NULL, &id, &e));
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_session_make(tx, id, MN_STR("127.0.0.1"), MN_STR("x"), &session, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    browser_clear();
    browser_keep("__Host-mynah", 12, session.text, strlen(session.text));
    OK(browser_get("/settings/keys") == 200 && masto_says("Make a key"));
    browser_form("name=%3Cmy%3E+laptop&generate=1");
    OK(browser_post("/settings/keys") == 200 && masto_says("Your new key"));
    OK(masto_says("&lt;my&gt; laptop") && masto_says("never used"));
    char key[64], id_text[32];
    const char *at = memmem(masto_body.ptr, masto_body.len, "<code>sk-mynah-", 15);
    OK(at && strncmp(at + 15, "…", 3) != 0);
    snprintf(key, sizeof key, "%.52s", at + 6);
    browser_hidden("id", id_text, sizeof id_text);
    OK(as(key, "/v1/completions") == 200 && as(key, "/v1/embeddings") == 403);
    OK(browser_get("/settings/keys") == 200 && !masto_says(key));
    char form[64];
    snprintf(form, sizeof form, "id=%s", id_text);
    browser_form_without_csrf(form);
    OK(browser_post("/settings/keys/revoke") == 403 && as(key, "/v1/models") == 200);
    browser_form(form);
    OK(browser_post("/settings/keys/revoke") == 303);
    OK(as(key, "/v1/models") == 401);
    browser_form("name=");
    OK(browser_post("/settings/keys") == 422 &&
       masto_says("a key's name has") + masto_says("name has"));
    browser_clear();
    OK(browser_get("/settings/keys") == 302); /* strangers sign in first */
}

/* ---- no key ---------------------------------------------------------------------------------------------------------- */

static void an_open_door_is_open_to_programs_of_this_machine_alone(void **s)
{
    (void)s;
    static const char *const foreign[] = {"Origin: https://evil.example\r\n",
                                          "X-Forwarded-For: 203.0.113.5\r\n",
                                          "Forwarded: for=203.0.113.5\r\n", "Via: 1.1 x\r\n"};
    char key[64];
    masto_stop();
    openai_start("model_open = yes\nrate_limits = off\n");
    OK(as(NULL, "/v1/models") == 200 && as(NULL, "/v1/completions") == 200);
    OK(as("anything", "/v1/embeddings") == 200); /* clients send some key */
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        OK(openai_send("GET", "/v1/models", NULL, foreign[i], NULL, 0) == 401);
    openai_make_key(openai_ada, "model:list", key);
    OK(as(key, "/v1/models") == 200 && as(key, "/v1/completions") == 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_comes_in_without_a_key),
        TEST(a_key_opens_what_its_scopes_say),
        TEST(a_key_opens_nothing_else),
        TEST(an_apps_token_needs_a_scope_made_for_it),
        TEST(a_revoked_key_ends_at_once_and_its_streams_with_it),
        TEST(a_suspended_member_is_shut_out_in_the_middle),
        TEST(requests_and_tokens_are_counted_and_told),
        TEST(the_tokens_of_a_day_end),
        TEST(keys_are_made_and_revoked_on_a_page),
        TEST(an_open_door_is_open_to_programs_of_this_machine_alone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
