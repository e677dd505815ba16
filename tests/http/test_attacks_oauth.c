/* Attempts on the way a member lets an app in, beyond those of test_oauth.c: addresses that look like the registered one, policies
 * that an address would write, pages laid under others, sessions that somebody else chose. */
#include "api/mastodon/mastodon.h"
#include "http/browser.h"

static member ada, eve;
static char client_id[64], client_secret[64];

#define APP_URI "https://app.example/back"

static void register_app(const char *redirect, int want)
{
    char body[1024];
    snprintf(body, sizeof body,
             "{\"client_name\":\"Test\",\"redirect_uris\":\"%s\",\"scopes\":\"read write\"}",
             redirect);
    int status = masto("POST", "/api/v1/apps", NULL, body);
    if (status != want) fail_msg("registering %s gave %d", redirect, status);
    if (status != 200) return;
    snprintf(client_id, sizeof client_id, "%.*s", MN_STR_FMT(masto_str("client_id")));
    snprintf(client_secret, sizeof client_secret, "%.*s",
             MN_STR_FMT(masto_str("client_secret")));
}

static int set_up(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start();
    ada = masto_member("ada");
    eve = masto_member("eve");
    RUN(mn_social_password_set(masto_home.store, ada.id, "correct horse", NULL, &e));
    RUN(mn_social_password_set(masto_home.store, eve.id, "wrong horse", NULL, &e));
    browser_clear();
    register_app(APP_URI, 200);
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

static void sign_in(const char *name, const char *password)
{
    char form[200];
    browser_get("/auth/sign_in");
    snprintf(form, sizeof form, "name=%s&password=%s", name, password);
    browser_form(form);
    assert_int_equal(browser_post("/auth/sign_in"), 303);
    browser_get("/auth/sign_out");
}

static int authorize(const char *redirect, const char *more)
{
    char path[2048];
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=%s%s", client_id,
             redirect, more);
    return browser_get(path);
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

static void an_address_that_looks_like_the_registered_one_is_another(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "https://app.example/back/../evil",
        "https://app.example/back/..%252fevil",
        "https://app.example/./back",
        "https://app.example//back",
        "https://app.example/Back",
        "https://app.example/back%23",
        "https://app.example/back%23@evil.example",
        "https://app.example/back%3Fx",
        "https://app.example/back%20",
        "%20https://app.example/back",
        "https://app.example/back%00",
        "https://app.example/back%09",
        "https://app.example:443/back",
        "https://app.example./back",
        "https://app.example%40evil.example/back",
        "https://user@app.example/back",
        "https://user:x@app.example/back",
        "https://app.example.evil.example/back",
        "https://evil.example/https://app.example/back",
        "https://evil.example?https://app.example/back",
        "https:app.example/back",
        "https:/app.example/back",
        "https:%5C%5Capp.example/back",
        "//app.example/back",
        "app.example/back",
        "HTTPS://app.example/back",
        "https://app.example/b%61ck%00",
        "https://%D0%B0pp.example/back",
        "javascript:alert(1)//https://app.example/back",
        "data:text/html,x",
    };
    sign_in("ada", "correct+horse");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = authorize(bad[i], "");
        if (status != 400 || browser_location[0])
            fail_msg("%s gave %d and led to '%s'", bad[i], status, browser_location);
        status = authorize(bad[i], "&prompt=none&state=x"); /* nor with an error for the app */
        if (browser_location[0]) fail_msg("%s led to '%s'", bad[i], browser_location);
        OK(status == 400);
    }
    OK(authorize(APP_URI, "") == 200);
    OK(authorize(APP_URI "&redirect_uri=https://evil.example/", "") == 400);
}

static void an_app_cannot_register_what_is_no_place_to_be_sent(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://x/1",
        "https://",
        "https:///x",
        "https://a.example;script-src */x",
        "https://a.example,https://b.example/x",
        "https://a.example 'unsafe-inline'/x",
        "https://user:pass@a.example/",
        "https://a.example/#fragment",
        "https://a.example/\\r\\nX-Evil: 1",
        "https://a.example/\\u0000",
        "/back",
        "//a.example/back",
        "",
        " ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) register_app(bad[i], 422);
}

/* The policy of the page names where its form may lead: an address cannot write more into it. */
static void the_policy_of_the_page_is_ours(void **state)
{
    (void)state;
    static const char *const odd[] = {"https://a.example/;script-src%20*",
                                      "com.example.app:/x;default-src",
                                      "https://a.example:8443/?x=;y", "x-y.z+1://back"};
    sign_in("ada", "correct+horse");
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char encoded[300];
        size_t n = 0;
        register_app(odd[i], 200);
        for (const char *p = odd[i]; *p; p++)
            n += (size_t)snprintf(encoded + n, sizeof encoded - n, "%%%02X", (unsigned char)*p);
        OK(authorize(encoded, "") == 200);
        const char *policy =
            memmem(masto_answer, masto_answer_len, "Content-Security-Policy: ", 25);
        OK(policy);
        size_t len = strcspn(policy, "\r");
        OK(!memmem(policy, len, "script-src", 10) && !memmem(policy, len, "unsafe", 6));
        int parts = 0;
        for (size_t k = 0; k < len; k++) parts += policy[k] == ';';
        assert_int_equal(parts, 4); /* five directives */
        OK(memmem(policy, len, "frame-ancestors 'none'", 22));
        OK(masto_says("X-Frame-Options: DENY\r\n"));
    }
}

/* ---- codes -------------------------------------------------------------------------------------------------------------------- */

static void consent(const char *who, const char *password, const char *more, char ret[128])
{
    char form[1024];
    browser_clear();
    sign_in(who, password);
    OK(authorize(APP_URI, more) == 200);
    snprintf(form, sizeof form,
             "response_type=code&client_id=%s&redirect_uri=" APP_URI "%s&decision=allow",
             client_id, more);
    browser_form(form);
    OK(browser_post("/oauth/authorize") == 303);
    browser_query("code", ret, 128);
}

static int trade(const char *code, const char *secret, const char *more)
{
    char body[1024];
    snprintf(body, sizeof body,
             "grant_type=authorization_code&client_id=%s&client_secret=%s&code=%s"
             "&redirect_uri=" APP_URI "%s",
             client_id, secret, code, more);
    return masto("POST", "/oauth/token", NULL, body);
}

static void a_code_is_not_to_be_had_with_less_than_all(void **state)
{
    (void)state;
    char code[128];
    static const char challenge[] = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-"
                                    "cM&code_challenge_method=S256";
    consent("ada", "correct+horse", challenge, code);
    OK(trade(code, client_secret, "") ==
       400); /* the secret does not stand in for the verifier */
    OK(trade(code, client_secret, "&code_verifier=") == 400);
    OK(trade(code, client_secret,
             "&code_verifier=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") == 400);
    consent("ada", "correct+horse", "", code);
    OK(trade(code, "", "") >= 400); /* neither secret nor verifier */
    OK(trade(code, "wrong", "") >= 400);
    consent("ada", "correct+horse", "", code);
    OK(trade(code, client_secret, "&scope=admin:write+push") == 200); /* is not asked here */
    OK(mn_str_find(masto_str("scope"), MN_STR("admin"), 0) == SIZE_MAX);
    OK(mn_str_find(masto_str("scope"), MN_STR("push"), 0) == SIZE_MAX);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------------ */

static void a_session_that_somebody_else_chose_is_not_taken(void **state)
{
    (void)state;
    const char *name = mn_web_cookie_name(masto_api);
    char chosen[200], got[200];
    sign_in("eve", "wrong+horse");
    snprintf(chosen, sizeof chosen, "%s", browser_cookie(name));
    /* ada's browser was given eve's session; signing in gives another */
    browser_get("/auth/sign_in?again=1");
    browser_form("name=ada&password=correct+horse");
    OK(browser_post("/auth/sign_in") == 303);
    snprintf(got, sizeof got, "%s", browser_cookie(name));
    OK(strcmp(chosen, got) != 0);
    /* and one that nobody ever had does not become one */
    browser_clear();
    browser_keep(name, strlen(name), "fixed-by-eve", 12);
    browser_get("/auth/sign_in");
    browser_form("name=ada&password=correct+horse");
    OK(browser_post("/auth/sign_in") == 303);
    OK(strcmp(browser_cookie(name), "fixed-by-eve") != 0);
    member thief = {.token = "fixed-by-eve"};
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &thief, NULL) == 401);
    snprintf(thief.token, sizeof thief.token, "%s", browser_cookie(name));
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &thief, NULL) == 401); /* no token */
}

static void pages_of_members_cannot_be_laid_under_others(void **state)
{
    (void)state;
    static const char *const pages[] = {"/",
                                        "/auth/sign_in",
                                        "/auth/sign_out",
                                        "/settings/security",
                                        "/settings/delete",
                                        "/settings/invites",
                                        "/settings/profile",
                                        "/moderation",
                                        "/home",
                                        "/nowhere"};
    sign_in("ada", "correct+horse");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        browser_get(pages[i]);
        if (!masto_says("frame-ancestors 'none'")) fail_msg("%s can be framed", pages[i]);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_address_that_looks_like_the_registered_one_is_another),
        CASE(an_app_cannot_register_what_is_no_place_to_be_sent),
        CASE(the_policy_of_the_page_is_ours),
        CASE(a_code_is_not_to_be_had_with_less_than_all),
        CASE(a_session_that_somebody_else_chose_is_not_taken),
        CASE(pages_of_members_cannot_be_laid_under_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
