/* Signing up and in with an identity from elsewhere: a small provider in the test's process plays OpenID Connect and a Mastodon
 * server, well and badly. */
#include "http/browser.h"

#include <openssl/evp.h>

#include "base/hash.h"
#include "net/http.h"
#include "social/signin.h"
#include "unit/net/jwt_make.h"

/* ---- the provider ---------------------------------------------------------------------------------------------- */

static mn_http *provider;
static char issuer[64];
static jwt_key key;
/* What it is to say, and what it was asked. */
static char claims_nonce[80], claims_sub[64], claims_iss[80], claims_aud[32],
    given_challenge[64], remote_name[64], last_auth[300];
static int64_t claims_exp;
static bool wrong_key, forgetful;
static int registrations, revocations;

static void json(mn_resp *w, const char *fmt, ...)
{
    va_list args;
    char text[6144];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mn_resp_type(w, "application/json");
    mn_buf_addz(mn_resp_body(w), text);
}

static void discovery(mn_req *r, mn_resp *w)
{
    (void)r;
    json(w,
         "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/"
         "authorize\",\"token_endpoint\":\"%s/token\","
         "\"jwks_uri\":\"%s/jwks\"}",
         issuer, issuer, issuer, issuer);
}

static void jwks(mn_req *r, mn_resp *w)
{
    char set[4096];
    (void)r;
    jwt_set(set, sizeof set, (const jwt_key *[]){&key}, 1);
    json(w, "%s", set);
}

/* PKCE as a provider checks it. */
static bool verifier_fits(mn_str verifier)
{
    uint8_t hash[32];
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_sha256_of(verifier.ptr, verifier.len, hash);
    mn_base64url_add(&b, hash, 32, false);
    bool fits = mn_str_eqz(mn_buf_str(&b), given_challenge);
    mn_buf_release(&b);
    return fits;
}

static void token(mn_req *r, mn_resp *w)
{
    char claims[512];
    snprintf(last_auth, sizeof last_auth, "%.*s",
             MN_STR_FMT(mn_req_header(r, "Authorization")));
    if (!mn_str_eqz(mn_req_form(r, "code"), "good") ||
        !verifier_fits(mn_req_form(r, "code_verifier"))) {
        json(w, "{\"error\":\"invalid_grant\"}");
        mn_resp_status(w, 400);
        return;
    }
    snprintf(claims, sizeof claims,
             "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"exp\":%lld,\"nonce\":\"%s\","
             "\"preferred_username\":\"Zoë B.\",\"name\":\"Zoë\",\"email\":\"ada@example.org\","
             "\"email_verified\":true}",
             claims_iss, claims_sub, claims_aud, (long long)claims_exp, claims_nonce);
    jwt_key wrong = {0};
    if (wrong_key) wrong = jwt_key_rsa("k", 2048);
    json(w, "{\"access_token\":\"x\",\"id_token\":\"%s\"}",
         jwt_sign(wrong_key ? &wrong : &key, "{\"alg\":\"RS256\",\"kid\":\"k\"}", claims));
    if (wrong_key) jwt_key_free(&wrong);
}

static void apps(mn_req *r, mn_resp *w)
{
    registrations++;
    OK(mn_str_eqz(mn_req_form(r, "redirect_uris"),
                  "https://test.example/auth/identity/callback"));
    json(w, "{\"id\":\"1\",\"client_id\":\"cid\",\"client_secret\":\"csecret\"}");
}

static void masto_token(mn_req *r, mn_resp *w)
{
    if (forgetful || !mn_str_eqz(mn_req_form(r, "code"), "good") ||
        !mn_str_eqz(mn_req_form(r, "client_secret"), "csecret") ||
        !verifier_fits(mn_req_form(r, "code_verifier"))) {
        json(w, "{\"error\":\"invalid_client\"}");
        mn_resp_status(w, 401);
        return;
    }
    json(w, "{\"access_token\":\"remote-token\",\"token_type\":\"Bearer\"}");
}

static void verify_credentials(mn_req *r, mn_resp *w)
{
    if (!mn_str_eqz(mn_req_header(r, "Authorization"), "Bearer remote-token")) {
        json(w, "{\"error\":\"no\"}");
        mn_resp_status(w, 401);
        return;
    }
    json(w,
         "{\"id\":\"7\",\"username\":\"%s\",\"acct\":\"operator@elsewhere.example\",\"display_"
         "name\":\"<b>Zo</b>\"}",
         remote_name);
}

static void revoke_there(mn_req *r, mn_resp *w)
{
    if (mn_str_eqz(mn_req_form(r, "token"), "remote-token")) revocations++;
    json(w, "{}");
}

static const mn_route provider_routes[] = {
    {MN_GET, "/.well-known/openid-configuration", discovery, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/jwks", jwks, 0, MN_RUN_HERE, NULL},
    {MN_POST, "/token", token, 8192, MN_RUN_HERE, NULL},
    {MN_POST, "/api/v1/apps", apps, 8192, MN_RUN_HERE, NULL},
    {MN_POST, "/oauth/token", masto_token, 8192, MN_RUN_HERE, NULL},
    {MN_POST, "/oauth/revoke", revoke_there, 8192, MN_RUN_HERE, NULL},
    {MN_GET, "/api/v1/accounts/verify_credentials", verify_credentials, 0, MN_RUN_HERE, NULL},
    {.path = NULL},
};

/* ---- the tests' own -------------------------------------------------------------------------------------------- */

static uint64_t ada;
static char link_text[40]; /* of the security page; empty: signing in */

static int setup(void **s)
{
    mn_err e = {0};
    char conf[512];
    (void)s;
    key = jwt_key_rsa("k", 2048);
    mn_http_opts o = {.listen = "127.0.0.1:0", .routes = provider_routes, .n_threads = 1};
    RUN(mn_http_start(&o, &provider, &e));
    snprintf(issuer, sizeof issuer, "http://127.0.0.1:%d", mn_http_port(provider));
    snprintf(conf, sizeof conf,
             "rate_limits = off\noutgoing_private = yes\nopenid_providers = "
             "\"Uni_One|%s|me|s3cret\"\n",
             issuer);
    masto_start_with(conf);
    RUN(mn_social_account_create(masto_home.store, MN_STR("ada"), MN_STR("Ada"), MN_ROLE_MEMBER,
                                 "correct horse", NULL, &ada, &e));
    browser_clear();
    snprintf(claims_sub, sizeof claims_sub, "42");
    snprintf(claims_iss, sizeof claims_iss, "%s", issuer);
    snprintf(claims_aud, sizeof claims_aud, "me");
    snprintf(remote_name, sizeof remote_name, "Zoe");
    claims_exp = mn_now_ms() / 1000 + 300;
    wrong_key = forgetful = false;
    link_text[0] = 0;
    registrations = revocations = 0;
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    mn_http_stop(provider, 1000);
    jwt_key_free(&key);
    return 0;
}

static void sign_in(void)
{
    browser_get("/auth/sign_in");
    browser_form("name=ada&password=correct+horse");
    assert_int_equal(browser_post("/auth/sign_in"), 303);
}

/* Goes to the provider and comes back with that code; the status of coming back. */
static int openid(const char *code)
{
    char state[80], path[400];
    snprintf(path, sizeof path, "/auth/identity/start?provider=Uni_One&next=/public&link=%s",
             link_text);
    assert_int_equal(browser_get(path), 302);
    OK(strstr(browser_location,
              "/authorize?response_type=code&client_id=me&redirect_uri=https%3A%2F%2F"
              "test.example%2Fauth%2Fidentity%2Fcallback&") != NULL);
    browser_query("state", state, sizeof state);
    browser_query("nonce", claims_nonce, sizeof claims_nonce);
    browser_query("code_challenge", given_challenge, sizeof given_challenge);
    snprintf(path, sizeof path, "/auth/identity/callback?code=%s&state=%s", code, state);
    return browser_get(path);
}

/* The same with the Mastodon server of this test. */
static int elsewhere(const char *code)
{
    char state[80], path[400], url[2048];
    snprintf(path, sizeof path, "/auth/identity/start?server=%%40zoe%%40127.0.0.1:%d",
             mn_http_port(provider));
    assert_int_equal(browser_get(path), 200);
    const char *at = memmem(masto_body.ptr, masto_body.len, "noreferrer\" href=\"", 18);
    OK(at != NULL);
    size_t n = 0;
    for (at += 18; *at != '"' && n < sizeof url - 1; at++) {
        url[n++] = *at;
        if (strncmp(at, "&amp;", 5) == 0) at += 4;
    }
    url[n] = 0;
    snprintf(browser_location, sizeof browser_location, "%s", url);
    OK(strstr(url, "/oauth/authorize?response_type=code&client_id=cid&") != NULL);
    browser_query("state", state, sizeof state);
    browser_query("code_challenge", given_challenge, sizeof given_challenge);
    snprintf(path, sizeof path, "/auth/identity/callback?code=%s&state=%s", code, state);
    return browser_get(path);
}

/* From the form that comes back: the account of that name is made. */
static int sign_up_as(const char *name)
{
    char ticket[1400], form[2048];
    browser_hidden("identity", ticket, sizeof ticket);
    snprintf(form, sizeof form, "name=%s&agreement=1&identity=%s&next=/public", name, ticket);
    browser_form(form);
    return browser_post("/auth/sign_up/identity");
}
static bool is_in(void)
{
    return browser_get("/settings/security") == 200;
}
static mn_account named(const char *name)
{
    mn_err e = {0};
    mn_account a;
    RUN(mn_store_account_by_name(masto_home.store, mn_str_from(name), &masto_arena, &a, &e));
    return a;
}

/* ---- OpenID Connect -------------------------------------------------------------------------------------------- */

static void the_provider_is_offered_by_its_name(void **s)
{
    (void)s;
    assert_int_equal(browser_get("/auth/sign_in?next=/public"), 200);
    OK(masto_says("/auth/identity/start?provider=Uni_One&amp;next=%2Fpublic"));
    OK(masto_says("Go on with Uni One"));
}

static void a_newcomer_signs_up_and_later_in(void **s)
{
    (void)s;
    mn_err e = {0};
    uint64_t id = 0;
    assert_int_equal(openid("good"), 200);
    OK(masto_says("Zoë B. (Uni One)") && masto_says("value=\"zoe_b\""));
    OK(!masto_says("name=\"password\""));
    OK(strncmp(last_auth, "Basic ", 6) == 0);
    assert_int_equal(sign_up_as("zoe"), 303);
    assert_string_equal(browser_location, "/public");
    OK(is_in());
    char provider_name[100];
    snprintf(provider_name, sizeof provider_name, "openid:%s", issuer);
    RUN(mn_social_identity_account(masto_home.store, mn_str_from(provider_name), MN_STR("42"),
                                   &id, &e));
    mn_account a = named("zoe");
    OK(a.id == id && a.password_hash.len == 0);
    IS(a.display_name, "Zoë");
    browser_clear();
    assert_int_equal(openid("good"), 302);
    assert_string_equal(browser_location, "/public");
    OK(is_in());
}

static void the_second_factor_is_asked_for_here_too(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_credentials c;
    openid("good");
    assert_int_equal(sign_up_as("zoe"), 303);
    mn_account a = named("zoe");
    RUN(mn_store_credentials(masto_home.store, a.id, &masto_arena, &c, &e));
    c.totp_on = true;
    c.totp_secret = MN_STR("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_credentials_set(tx, &c, &e));
    RUN(mn_store_commit(tx, &e));
    browser_clear();
    assert_int_equal(openid("good"), 200);
    OK(masto_says("One more step") && masto_says("value=\"/public\""));
    OK(!is_in());
}

static void an_e_mail_address_opens_no_account(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_credentials c = {.account_id = ada,
                        .email = MN_STR("ada@example.org"),
                        .email_confirmed_ms = 1,
                        .approved = true};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_credentials_add(tx, &c, &e));
    RUN(mn_store_commit(tx, &e));
    assert_int_equal(openid("good"), 200); /* the provider says ada@example.org, verified */
    OK(masto_says("Choose what you are called here"));
    OK(!is_in());
}

static void who_is_signed_in_links_it_and_can_unlink_it(void **s)
{
    (void)s;
    char form[300];
    sign_in();
    assert_int_equal(openid("good"), 409); /* not by itself: it must have been asked for */
    snprintf(link_text, sizeof link_text, "00000000000000000000000000000000");
    assert_int_equal(openid("good"), 409);
    assert_int_equal(browser_get("/settings/security"), 200);
    browser_hidden("link", link_text, sizeof link_text);
    assert_int_equal(openid("good"), 302);
    assert_string_equal(browser_location, "/settings/security");
    browser_clear();
    link_text[0] = 0;
    assert_int_equal(openid("good"), 302);
    OK(is_in() && masto_says("openid:"));
    snprintf(form, sizeof form, "provider=openid:%s&subject=42", issuer);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/identity"), 303);
    browser_clear();
    assert_int_equal(openid("good"), 200);
}

static void the_only_way_in_cannot_be_removed(void **s)
{
    (void)s;
    char form[300];
    openid("good");
    assert_int_equal(sign_up_as("zoe"), 303);
    OK(is_in());
    snprintf(form, sizeof form, "provider=openid:%s&subject=42", issuer);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/identity"), 422);
    OK(masto_says("only way into your account"));
}

static void an_identity_of_one_account_is_not_taken_by_another(void **s)
{
    (void)s;
    openid("good");
    assert_int_equal(sign_up_as("zoe"), 303);
    browser_clear();
    sign_in();
    char before[128];
    snprintf(before, sizeof before, "%s", browser_cookie("__Host-mynah"));
    assert_int_equal(openid("good"), 409);
    assert_string_equal(browser_cookie("__Host-mynah"), before); /* ada stays ada */
    mn_identity *list;
    size_t n = 0;
    mn_err e = {0};
    RUN(mn_store_identities_of(masto_home.store, ada, &masto_arena, &list, &n, &e));
    assert_int_equal(n, 0);
}

static void tokens_that_do_not_fit_open_nothing(void **s)
{
    (void)s;
    wrong_key = true;
    assert_int_equal(openid("good"), 502);
    wrong_key = false;
    snprintf(claims_iss, sizeof claims_iss, "https://evil.example");
    assert_int_equal(openid("good"), 502);
    snprintf(claims_iss, sizeof claims_iss, "%s", issuer);
    snprintf(claims_aud, sizeof claims_aud, "another");
    assert_int_equal(openid("good"), 502);
    snprintf(claims_aud, sizeof claims_aud, "me");
    claims_exp = mn_now_ms() / 1000 - 3600;
    assert_int_equal(openid("good"), 502);
    claims_exp = mn_now_ms() / 1000 + 300;
    assert_int_equal(openid("bad"), 502);
    OK(!is_in());
    assert_int_equal(openid("good"), 200);
}

static void an_answer_without_its_state_or_cookie_is_nobody_s(void **s)
{
    (void)s;
    char state[80], path[400];
    assert_int_equal(browser_get("/auth/identity/callback?code=good&state=x"), 403);
    browser_get("/auth/identity/start?provider=Uni_One");
    browser_query("state", state, sizeof state);
    assert_int_equal(browser_get("/auth/identity/callback?code=good&state=0000"), 403);
    browser_clear(); /* another browser */
    snprintf(path, sizeof path, "/auth/identity/callback?code=good&state=%s", state);
    assert_int_equal(browser_get(path), 403);
}

static void a_nonce_of_another_sign_in_is_refused(void **s)
{
    (void)s;
    char state[80], path[400];
    browser_get("/auth/identity/start?provider=Uni_One");
    browser_query("nonce", claims_nonce, sizeof claims_nonce);
    browser_get("/auth/identity/start?provider=Uni_One"); /* begins anew */
    browser_query("state", state, sizeof state);
    browser_query("code_challenge", given_challenge, sizeof given_challenge);
    snprintf(path, sizeof path, "/auth/identity/callback?code=good&state=%s", state);
    assert_int_equal(browser_get(path), 502);
}

static void a_ticket_of_another_browser_makes_no_account(void **s)
{
    (void)s;
    char ticket[1400], form[2048];
    openid("good");
    browser_hidden("identity", ticket, sizeof ticket);
    browser_clear();
    browser_get("/auth/sign_up");
    snprintf(form, sizeof form, "name=zoe&agreement=1&identity=%s", ticket);
    browser_form(form);
    assert_int_equal(browser_post("/auth/sign_up/identity"), 403);
}

static void the_other_side_s_no_is_a_no(void **s)
{
    (void)s;
    char state[80], path[400];
    browser_get("/auth/identity/start?provider=Uni_One");
    browser_query("state", state, sizeof state);
    snprintf(path, sizeof path, "/auth/identity/callback?error=access_denied&state=%s", state);
    assert_int_equal(browser_get(path), 403);
    OK(masto_says("Not signed in"));
    assert_int_equal(browser_get("/auth/identity/start?provider=Nobody"), 404);
}

/* ---- Mastodon elsewhere ---------------------------------------------------------------------------------------- */

static void a_mastodon_account_elsewhere_signs_up_and_in(void **s)
{
    (void)s;
    mn_err e = {0};
    uint64_t id = 0;
    char subject[80];
    assert_int_equal(elsewhere("good"), 200);
    assert_int_equal(registrations, 1);
    assert_int_equal(revocations, 1); /* its token was given back */
    snprintf(subject, sizeof subject, "zoe@127.0.0.1:%d", mn_http_port(provider));
    OK(masto_says(subject));
    assert_int_equal(sign_up_as("zoe"), 303);
    RUN(mn_social_identity_account(masto_home.store, MN_STR("mastodon"), mn_str_from(subject),
                                   &id, &e));
    mn_account a = named("zoe");
    OK(a.id == id);
    IS(a.display_name, "<b>Zo</b>");
    browser_clear();
    assert_int_equal(elsewhere("good"), 302);
    OK(is_in() && !masto_says("<b>Zo"));
    assert_int_equal(registrations, 1); /* once a server */
}

static void what_the_other_server_says_cannot_name_a_third(void **s)
{
    (void)s;
    snprintf(remote_name, sizeof remote_name, "zoe@mastodon.example");
    assert_int_equal(elsewhere("good"), 502);
    snprintf(remote_name, sizeof remote_name, "a b");
    assert_int_equal(elsewhere("good"), 502);
    remote_name[0] = 0;
    assert_int_equal(elsewhere("good"), 502);
}

static void a_server_that_has_forgotten_us_is_registered_with_again(void **s)
{
    (void)s;
    assert_int_equal(elsewhere("good"), 200);
    forgetful = true;
    assert_int_equal(elsewhere("good"), 502);
    forgetful = false;
    assert_int_equal(elsewhere("good"), 200);
    assert_int_equal(registrations, 2);
}

static void what_is_no_server_is_not_asked(void **s)
{
    (void)s;
    static const char *const bad[] = {
        "",           "localhost",    "a",          "x%20y.example",
        ".example",   "test.example", "exa%0d.org", "a.example%3Fx",
        "%3Cb%3E.org"};
    char path[200];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(path, sizeof path, "/auth/identity/start?server=%s", bad[i]);
        assert_int_equal(browser_get(path), 422);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_provider_is_offered_by_its_name),
        CASE(a_newcomer_signs_up_and_later_in),
        CASE(the_second_factor_is_asked_for_here_too),
        CASE(an_e_mail_address_opens_no_account),
        CASE(who_is_signed_in_links_it_and_can_unlink_it),
        CASE(the_only_way_in_cannot_be_removed),
        CASE(an_identity_of_one_account_is_not_taken_by_another),
        CASE(tokens_that_do_not_fit_open_nothing),
        CASE(an_answer_without_its_state_or_cookie_is_nobody_s),
        CASE(a_nonce_of_another_sign_in_is_refused),
        CASE(a_ticket_of_another_browser_makes_no_account),
        CASE(the_other_side_s_no_is_a_no),
        CASE(a_mastodon_account_elsewhere_signs_up_and_in),
        CASE(what_the_other_server_says_cannot_name_a_third),
        CASE(a_server_that_has_forgotten_us_is_registered_with_again),
        CASE(what_is_no_server_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
