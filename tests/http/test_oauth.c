/* OAuth 2 over HTTP: an app registers, a member lets it in with a browser, codes become tokens; and everything that must not
 * work. */
#include "http/browser.h"

#include <openssl/evp.h>

#include "base/hash.h"
#include "social/oauth.h"

static member ada;

static int setup(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start_with("rate_limits = off\n");
    ada = masto_member("ada");
    RUN(mn_social_password_set(masto_home.store, ada.id, "correct horse", NULL, &e));
    browser_clear();
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

typedef struct app {
    char id[64], secret[64];
} app;

static app register_app(const char *redirects, const char *scopes)
{
    char body[1024];
    app a;
    snprintf(body, sizeof body,
             "{\"client_name\":\"Test\",\"redirect_uris\":%s,\"scopes\":\"%s\"}", redirects,
             scopes);
    if (masto("POST", "/api/v1/apps", NULL, body) != 200)
        fail_msg("registering: %.*s", MN_STR_FMT(masto_body));
    snprintf(a.id, sizeof a.id, "%.*s", MN_STR_FMT(masto_str("client_id")));
    snprintf(a.secret, sizeof a.secret, "%.*s", MN_STR_FMT(masto_str("client_secret")));
    return a;
}

#define APP_URI "https://app.example/back"

static void sign_in(void)
{
    browser_get("/auth/sign_in");
    browser_form("name=ada&password=correct+horse");
    assert_int_equal(browser_post("/auth/sign_in"), 303);
    assert_int_equal(browser_get("/auth/sign_out"),
                     200); /* a page with the session's own text */
}

/* The code the app gets when ada says yes to these parameters. */
static void allow(const app *a, const char *uri, const char *more, char ret[128])
{
    char path[1024], form[1024];
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=%s%s", a->id, uri,
             more);
    if (browser_get(path) != 200) fail_msg("authorize: %.*s", MN_STR_FMT(masto_body));
    snprintf(form, sizeof form,
             "response_type=code&client_id=%s&redirect_uri=%s%s&decision=allow", a->id, uri,
             more);
    browser_form(form);
    int status = browser_post("/oauth/authorize");
    if (status != 303) fail_msg("consent gave %d: %.*s", status, MN_STR_FMT(masto_body));
    browser_query("code", ret, 128);
}

static int trade(const app *a, const char *code, const char *uri, const char *more)
{
    char body[1024];
    snprintf(
        body, sizeof body,
        "grant_type=authorization_code&client_id=%s&client_secret=%s&code=%s&redirect_uri=%s%s",
        a->id, a->secret, code, uri, more);
    return masto("POST", "/oauth/token", NULL, body);
}

static bool token_works(const char *token)
{
    mn_grant g;
    mn_err e = {0};
    mn_access *x;
    RUN(mn_access_new(masto_home.store, &x, &e));
    bool works = mn_access_check(x, mn_str_from(token), &g, &e) == MN_OK;
    mn_access_free(x);
    return works;
}

/* ---- apps ------------------------------------------------------------------------------------------------------ */

static void an_app_registers_with_json_and_gets_what_mastodon_gives(void **s)
{
    (void)s;
    OK(masto("POST", "/api/v1/apps", NULL,
             "{\"client_name\":\"My "
             "app\",\"redirect_uris\":[\"https://a.example/x\",\"urn:ietf:wg:oauth:2.0:oob\"],"
             "\"scopes\":\"read write follow\",\"website\":\"https://a.example\"}") == 200);
    openapi_check("post", "/api/v1/apps", "200", masto_json());
    IS(masto_str("name"), "My app");
    IS(masto_str("website"), "https://a.example");
    IS(masto_str("redirect_uris.1"), "urn:ietf:wg:oauth:2.0:oob");
    IS(masto_str("redirect_uri"), "https://a.example/x\nurn:ietf:wg:oauth:2.0:oob");
    IS(masto_str("scopes.2"), "follow");
    assert_int_equal(masto_str("client_id").len, 43);
    assert_int_equal(mn_json_i64(masto_at("client_secret_expires_at"), -1), 0);
}

static void an_app_registers_with_a_form_and_lines(void **s)
{
    (void)s;
    OK(masto("POST", "/api/v1/apps", NULL,
             "client_name=F&redirect_uris=urn:ietf:wg:oauth:2.0:oob%0Amyapp%3A%2F%2Fback&"
             "scopes=read+write") == 200);
    IS(masto_str("redirect_uris.1"), "myapp://back");
    OK(masto_at("website")->type == MN_JSON_NULL);
}

static void what_cannot_be_an_app_is_refused_in_mastodons_words(void **s)
{
    (void)s;
    static const char *const bad[][2] = {
        {"client_name=&redirect_uris=https://a.example/", "Name can't be blank"},
        {"client_name=x", "Redirect URI can't be blank"},
        {"client_name=x&redirect_uris=nonsense", "Redirect URI must be an absolute URI."},
        {"client_name=x&redirect_uris=javascript:alert(1)", "Redirect URI is invalid"},
        {"client_name=x&redirect_uris=data:text/html,x", "Redirect URI is invalid"},
        {"client_name=x&redirect_uris=https://a.example/%23frag", "Redirect URI is invalid"},
        {"client_name=x&redirect_uris=https://u@a.example/", "Redirect URI is invalid"},
        {"client_name=x&redirect_uris=https://a.example/&scopes=everything",
         "Scopes doesn't match configured on the server."},
        {"client_name=x&redirect_uris=https://a.example/&website=javascript:1",
         "Website must be a valid URL"},
        {"client_name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&"
         "redirect_uris="
         "https://a.example/",
         "Name is too long"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(masto("POST", "/api/v1/apps", NULL, bad[i][0]), 422);
        if (!masto_says(bad[i][1])) fail_msg("%s: %.*s", bad[i][0], MN_STR_FMT(masto_body));
        OK(mn_str_starts(masto_str("error"), "Validation failed: "));
    }
}

static void an_app_is_told_about_itself(void **s)
{
    (void)s;
    char body[256];
    member m = {0};
    app a = register_app("\"" APP_URI "\"", "read write");
    snprintf(body, sizeof body,
             "grant_type=client_credentials&client_id=%s&client_secret=%s&scope=write", a.id,
             a.secret);
    assert_int_equal(masto("POST", "/oauth/token", NULL, body), 200);
    openapi_check("post", "/oauth/token", "200", masto_json());
    IS(masto_str("scope"), "write");
    snprintf(m.token, sizeof m.token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    assert_int_equal(masto("GET", "/api/v1/apps/verify_credentials", &m, NULL), 200);
    openapi_check("get", "/api/v1/apps/verify_credentials", "200", masto_json());
    IS(masto_str("name"), "Test");
    OK(!masto_at("client_secret"));
    assert_int_equal(masto("GET", "/api/v1/apps/verify_credentials", NULL, NULL), 401);
}

/* ---- the way it should go -------------------------------------------------------------------------------------- */

static void a_member_lets_an_app_in(void **s)
{
    (void)s;
    char code[128];
    app a = register_app("\"" APP_URI "\"", "read write follow push");
    sign_in();
    allow(&a, APP_URI, "&scope=read+write&state=a%26b%20c", code);
    OK(strstr(browser_location, APP_URI "?code=") == browser_location);
    OK(strstr(browser_location, "&state=a%26b%20c") != NULL);
    assert_int_equal(trade(&a, code, APP_URI, ""), 200);
    openapi_check("post", "/oauth/token", "200", masto_json());
    IS(masto_str("token_type"), "Bearer");
    IS(masto_str("scope"), "read write");
    OK(masto_says("Cache-Control: no-store"));
    char token[64];
    snprintf(token, sizeof token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    OK(token_works(token));
}

static void the_page_says_what_each_scope_allows_and_cannot_be_framed(void **s)
{
    (void)s;
    char path[512];
    app a = register_app("[\"" APP_URI "\",\"myapp://x\"]", "read write:statuses push");
    sign_in();
    snprintf(path, sizeof path,
             "/oauth/authorize/?response_type=code&client_id=%s&redirect_uri=" APP_URI
             "&scope=write:statuses+push",
             a.id);
    assert_int_equal(browser_get(path), 200);
    OK(masto_says("post, edit and delete posts in your name"));
    OK(masto_says("send you notifications"));
    OK(!masto_says("read everything"));
    OK(masto_says("frame-ancestors 'none'") && masto_says("X-Frame-Options: DENY"));
    OK(masto_says("form-action 'self' https://app.example;"));
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=myapp://x", a.id);
    assert_int_equal(browser_get(path), 200);
    OK(masto_says("form-action 'self' myapp:;"));
}

static void who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(void **s)
{
    (void)s;
    char path[512];
    app a = register_app("\"" APP_URI "\"", "read");
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=" APP_URI, a.id);
    assert_int_equal(browser_get(path), 302);
    OK(strstr(browser_location, "/auth/sign_in?next=%2Foauth%2Fauthorize%3F") ==
       browser_location);
    char there[4096];
    snprintf(there, sizeof there, "%s", browser_location);
    assert_int_equal(browser_get(there), 200);
    char form[4200];
    snprintf(form, sizeof form, "name=ada&password=correct+horse&next=%s",
             strstr(there, "next=") + 5);
    browser_form(form);
    assert_int_equal(browser_post("/auth/sign_in"), 303);
    assert_string_equal(browser_location, path);
    assert_int_equal(browser_get(path), 200);
}

static void out_of_band_shows_the_code(void **s)
{
    (void)s;
    char code[128];
    app a = register_app("\"" MN_OAUTH_OOB "\"", "read write follow");
    sign_in();
    allow(&a, MN_OAUTH_OOB, "&scope=read+write+follow", code);
    OK(strstr(browser_location, "/oauth/authorize/native?code=") == browser_location);
    char there[4096];
    snprintf(there, sizeof there, "%s", browser_location);
    assert_int_equal(browser_get(there), 200);
    OK(masto_says(code));
    assert_int_equal(trade(&a, code, MN_OAUTH_OOB, ""), 200);
    IS(masto_str("scope"), "read write follow");
}

static void saying_no_tells_the_app(void **s)
{
    (void)s;
    char form[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    snprintf(form, sizeof form,
             "response_type=code&client_id=%s&redirect_uri=" APP_URI "&state=s&decision=deny",
             a.id);
    browser_form(form);
    assert_int_equal(browser_post("/oauth/authorize"), 303);
    OK(strstr(browser_location, APP_URI "?error=access_denied&error_description=") ==
       browser_location);
    OK(strstr(browser_location, "&state=s") != NULL && !strstr(browser_location, "code="));
}

static void a_client_may_use_http_basic_and_json(void **s)
{
    (void)s;
    char code[128], pair[160], b64[256], headers[512], body[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    int n = snprintf(pair, sizeof pair, "%s:%s", a.id, a.secret);
    EVP_EncodeBlock((unsigned char *)b64, (unsigned char *)pair, n);
    snprintf(headers, sizeof headers,
             "Authorization: Basic %s\r\nContent-Type: application/json\r\n", b64);
    n = snprintf(
        body, sizeof body,
        "{\"grant_type\":\"authorization_code\",\"code\":\"%s\",\"redirect_uri\":\"" APP_URI
        "\"}",
        code);
    assert_int_equal(masto_raw("POST", "/oauth/token", headers, body, (size_t)n), 200);
}

/* ---- PKCE ------------------------------------------------------------------------------------------------------ */

static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char challenge[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; /* RFC 7636, B */

static void pkce_binds_the_code_to_the_verifier(void **s)
{
    (void)s;
    char code[128], more[256], body[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    snprintf(more, sizeof more, "&code_challenge=%s&code_challenge_method=S256", challenge);
    allow(&a, APP_URI, more, code);
    assert_int_equal(trade(&a, code, APP_URI, ""), 400);
    IS(masto_str("error"), "invalid_grant");
    assert_int_equal(trade(&a, code, APP_URI,
                           "&code_verifier=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                     400);
    /* with the right one, and without a secret: a public client */
    snprintf(body, sizeof body,
             "grant_type=authorization_code&client_id=%s&code=%s&redirect_uri=" APP_URI
             "&code_verifier=%s",
             a.id, code, verifier);
    assert_int_equal(masto("POST", "/oauth/token", NULL, body), 200);
}

static void plain_pkce_and_half_of_it_are_refused(void **s)
{
    (void)s;
    static const char *const bad[] = {
        "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method="
        "plain",
        "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "&code_challenge_method=S256",
        "&code_challenge=short&code_challenge_method=S256",
    };
    char path[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path,
                 "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=" APP_URI "%s",
                 a.id, bad[i]);
        assert_int_equal(browser_get(path), 400);
        OK(!browser_location[0]);
    }
}

static void a_stripped_challenge_is_noticed(void **s)
{
    (void)s;
    char code[128], more[128];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    snprintf(more, sizeof more, "&code_verifier=%s", verifier);
    assert_int_equal(trade(&a, code, APP_URI, more), 400);
    IS(masto_str("error"), "invalid_grant");
}

/* ---- misuse ---------------------------------------------------------------------------------------------------- */

static void a_code_works_once_and_its_second_use_takes_the_token_back(void **s)
{
    (void)s;
    char code[128], token[64];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    assert_int_equal(trade(&a, code, APP_URI, ""), 200);
    snprintf(token, sizeof token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    OK(token_works(token));
    assert_int_equal(trade(&a, code, APP_URI, ""), 400);
    IS(masto_str("error"), "invalid_grant");
    OK(!token_works(token));
}

static void a_code_is_bound_to_its_app_address_and_time(void **s)
{
    (void)s;
    char code[128];
    app a = register_app("[\"" APP_URI "\",\"https://app.example/other\"]", "read"),
        other = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    assert_int_equal(trade(&other, code, APP_URI, ""), 400);
    assert_int_equal(trade(&a, code, "https://app.example/other", ""), 400);
    assert_int_equal(trade(&a, "nonsense", APP_URI, ""), 400);
    mn_now_freeze(mn_now_ms() + MN_OAUTH_CODE_MS + 1);
    assert_int_equal(trade(&a, code, APP_URI, ""), 400);
    mn_now_freeze(0);
    IS(masto_str("error"), "invalid_grant");
}

static void only_an_address_that_was_registered_is_sent_to(void **s)
{
    (void)s;
    static const char *const bad[] = {
        "https://app.example/back/",     "https://app.example/back?x=1",
        "https://app.example/",          "https://APP.example/back",
        "http://app.example/back",       "https://evil.example/",
        "https://app.example/back%2f..", "",
        "urn:ietf:wg:oauth:2.0:oob",     "https://app.example/back%0ahttps://x.example",
    };
    char path[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path,
                 "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=%s", a.id,
                 bad[i]);
        assert_int_equal(browser_get(path), 400);
        OK(!browser_location[0]);
    }
    assert_int_equal(
        browser_get("/oauth/authorize?response_type=code&client_id=nobody&redirect_uri="
                    "https://evil.example/"),
        401);
    OK(!browser_location[0]);
}

static void scopes_cannot_grow(void **s)
{
    (void)s;
    static const char *const bad[] = {"read+write", "admin:read", "push", "read:everything",
                                      "follow"};
    char path[512], body[512];
    app a = register_app("\"" APP_URI "\"", "read write:statuses");
    sign_in();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path,
                 "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=" APP_URI
                 "&scope=%s",
                 a.id, bad[i]);
        assert_int_equal(browser_get(path), 400);
        snprintf(body, sizeof body,
                 "grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s", a.id,
                 a.secret, bad[i]);
        assert_int_equal(masto("POST", "/oauth/token", NULL, body), 400);
        IS(masto_str("error"), "invalid_scope");
    }
    /* nor by changing the form after the page was shown */
    snprintf(body, sizeof body,
             "response_type=code&client_id=%s&redirect_uri=" APP_URI
             "&scope=write&decision=allow",
             a.id);
    browser_form(body);
    assert_int_equal(browser_post("/oauth/authorize"), 400);
}

static void only_codes_are_given_and_passwords_never_taken(void **s)
{
    (void)s;
    char path[512], body[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=token&client_id=%s&redirect_uri=" APP_URI, a.id);
    assert_int_equal(browser_get(path), 400);
    OK(masto_says("unsupported_response_type"));
    snprintf(
        body, sizeof body,
        "grant_type=password&client_id=%s&client_secret=%s&username=ada&password=correct+horse",
        a.id, a.secret);
    assert_int_equal(masto("POST", "/oauth/token", NULL, body), 400);
    IS(masto_str("error"), "unsupported_grant_type");
    assert_int_equal(masto("POST", "/oauth/token", NULL, "grant_type=refresh_token"), 400);
    assert_int_equal(masto("POST", "/oauth/token", NULL, "x=1"), 400);
    IS(masto_str("error"), "invalid_request");
}

static void a_wrong_secret_is_invalid_client(void **s)
{
    (void)s;
    char code[128], body[512];
    app a = register_app("\"" APP_URI "\"", "read"), wrong = a;
    sign_in();
    allow(&a, APP_URI, "", code);
    wrong.secret[0] = wrong.secret[0] == 'x' ? 'y' : 'x';
    assert_int_equal(trade(&wrong, code, APP_URI, ""), 401);
    IS(masto_str("error"), "invalid_client");
    OK(masto_says("WWW-Authenticate: "));
    /* none at all, without PKCE */
    snprintf(body, sizeof body,
             "grant_type=authorization_code&client_id=%s&code=%s&redirect_uri=" APP_URI, a.id,
             code);
    assert_int_equal(masto("POST", "/oauth/token", NULL, body), 400);
    snprintf(body, sizeof body, "grant_type=client_credentials&client_id=%s", a.id);
    assert_int_equal(masto("POST", "/oauth/token", NULL, body), 401);
    assert_int_equal(masto("POST", "/oauth/token", NULL,
                           "grant_type=client_credentials&client_id=nobody&client_secret=x"),
                     401);
}

static void consent_needs_the_page_s_own_text(void **s)
{
    (void)s;
    char body[512];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    snprintf(body, sizeof body,
             "response_type=code&client_id=%s&redirect_uri=" APP_URI "&decision=allow", a.id);
    browser_form_without_csrf(body);
    assert_int_equal(browser_post("/oauth/authorize"), 403);
    snprintf(body, sizeof body,
             "response_type=code&client_id=%s&redirect_uri=" APP_URI
             "&decision=allow&csrf=00000000000000000000000000000000",
             a.id);
    browser_form_without_csrf(body);
    assert_int_equal(browser_post("/oauth/authorize"), 403);
    OK(!browser_location[0]);
}

static void an_app_s_token_opens_no_page(void **s)
{
    (void)s;
    char path[512];
    app a = register_app("\"" APP_URI "\"", "read");
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%s&redirect_uri=" APP_URI, a.id);
    assert_int_equal(masto("GET", path, &ada, NULL), 302);
}

static void the_name_of_an_app_is_text(void **s)
{
    (void)s;
    char path[512];
    OK(masto("POST", "/api/v1/apps", NULL,
             "{\"client_name\":\"<script>x</script>\",\"redirect_uris\":\"" APP_URI
             "\"}") == 200);
    snprintf(path, sizeof path,
             "/oauth/authorize?response_type=code&client_id=%.*s&redirect_uri=" APP_URI
             "&state=%%22%%3E%%3Cscript%%3E",
             MN_STR_FMT(masto_str("client_id")));
    sign_in();
    assert_int_equal(browser_get(path), 200);
    OK(!masto_says("<script>x") && masto_says("&lt;script&gt;x"));
    OK(!masto_says("\"><script>"));
}

/* ---- revoking -------------------------------------------------------------------------------------------------- */

static void an_app_revokes_its_own_token_only(void **s)
{
    (void)s;
    char code[128], token[64], body[512];
    app a = register_app("\"" APP_URI "\"", "read"),
        other = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    assert_int_equal(trade(&a, code, APP_URI, ""), 200);
    snprintf(token, sizeof token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    snprintf(body, sizeof body, "client_id=%s&client_secret=%s&token=%s", other.id,
             other.secret, token);
    assert_int_equal(masto("POST", "/oauth/revoke", NULL, body), 403);
    IS(masto_str("error"), "unauthorized_client");
    OK(token_works(token));
    snprintf(body, sizeof body, "client_id=%s&client_secret=wrong&token=%s", a.id, token);
    assert_int_equal(masto("POST", "/oauth/revoke", NULL, body), 403);
    OK(token_works(token));
    snprintf(body, sizeof body, "client_id=%s&client_secret=%s&token=%s", a.id, a.secret,
             token);
    assert_int_equal(masto("POST", "/oauth/revoke", NULL, body), 200);
    OK(!token_works(token));
    assert_int_equal(masto("POST", "/oauth/revoke", NULL, body), 200);
}

static void a_new_password_ends_apps_and_sessions(void **s)
{
    (void)s;
    mn_err e = {0};
    char code[128], token[64], late[128];
    app a = register_app("\"" APP_URI "\"", "read");
    sign_in();
    allow(&a, APP_URI, "", code);
    assert_int_equal(trade(&a, code, APP_URI, ""), 200);
    snprintf(token, sizeof token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    allow(&a, APP_URI, "", late);
    RUN(mn_social_password_set(masto_home.store, ada.id, "another one", NULL, &e));
    OK(!token_works(token));
    assert_int_equal(trade(&a, late, APP_URI, ""), 400); /* nor a code from before */
    assert_int_equal(browser_get("/oauth/authorize/native?code=x"), 302);
}

/* ---- about ----------------------------------------------------------------------------------------------------- */

static void the_server_describes_itself(void **s)
{
    (void)s;
    assert_int_equal(masto("GET", "/.well-known/oauth-authorization-server", NULL, NULL), 200);
    openapi_check("get", "/.well-known/oauth-authorization-server", "200", masto_json());
    IS(masto_str("issuer"), "https://test.example/");
    IS(masto_str("code_challenge_methods_supported.0"), "S256");
    OK(!masto_at("code_challenge_methods_supported.1"));
    IS(masto_str("token_endpoint"), "https://test.example/oauth/token");
    OK(!masto_says("\"password\""));
    OK(masto_says("Access-Control-Allow-Origin: *"));
}

static void userinfo_needs_the_profile_scope(void **s)
{
    (void)s;
    member m = masto_member_with("bob", MN_ROLE_MEMBER, "profile"),
           n = masto_member_with("eve", MN_ROLE_MEMBER, "push");
    assert_int_equal(masto("GET", "/oauth/userinfo", &m, NULL), 200);
    IS(masto_str("preferred_username"), "bob");
    IS(masto_str("iss"), "https://test.example/");
    assert_int_equal(masto("GET", "/oauth/userinfo", &n, NULL), 403);
    assert_int_equal(masto("GET", "/oauth/userinfo", NULL, NULL), 401);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_app_registers_with_json_and_gets_what_mastodon_gives),
        CASE(an_app_registers_with_a_form_and_lines),
        CASE(what_cannot_be_an_app_is_refused_in_mastodons_words),
        CASE(an_app_is_told_about_itself),
        CASE(a_member_lets_an_app_in),
        CASE(the_page_says_what_each_scope_allows_and_cannot_be_framed),
        CASE(who_is_not_signed_in_is_sent_to_sign_in_and_comes_back),
        CASE(out_of_band_shows_the_code),
        CASE(saying_no_tells_the_app),
        CASE(a_client_may_use_http_basic_and_json),
        CASE(pkce_binds_the_code_to_the_verifier),
        CASE(plain_pkce_and_half_of_it_are_refused),
        CASE(a_stripped_challenge_is_noticed),
        CASE(a_code_works_once_and_its_second_use_takes_the_token_back),
        CASE(a_code_is_bound_to_its_app_address_and_time),
        CASE(only_an_address_that_was_registered_is_sent_to),
        CASE(scopes_cannot_grow),
        CASE(only_codes_are_given_and_passwords_never_taken),
        CASE(a_wrong_secret_is_invalid_client),
        CASE(consent_needs_the_page_s_own_text),
        CASE(an_app_s_token_opens_no_page),
        CASE(the_name_of_an_app_is_text),
        CASE(an_app_revokes_its_own_token_only),
        CASE(a_new_password_ends_apps_and_sessions),
        CASE(the_server_describes_itself),
        CASE(userinfo_needs_the_profile_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
