/* Signing in and up on the pages, with a browser that has no JavaScript. */
#include "http/browser.h"

#include "social/signin.h"
#include "social/totp.h"

static uint64_t ada;
static char one_time[32];

static void start_with(const char *conf)
{
    mn_err e = {0};
    char all[512];
    snprintf(all, sizeof all, "rate_limits = off\n%s", conf);
    masto_start_with(all);
    RUN(mn_social_account_create(masto_home.store, MN_STR("ada"), MN_STR("Ada"), MN_ROLE_MEMBER,
                                 "correct horse", NULL, &ada, &e));
    browser_clear();
}
static int setup(void **s)
{
    (void)s;
    start_with("");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_now_freeze(0);
    masto_stop();
    return 0;
}

static int sign_in(const char *name, const char *password)
{
    char form[256];
    browser_get("/auth/sign_in");
    snprintf(form, sizeof form, "name=%s&password=%s", name, password);
    browser_form(form);
    return browser_post("/auth/sign_in");
}
static bool is_in(void)
{
    return browser_get("/settings/security") == 200;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static void the_right_password_gives_a_cookie_that_scripts_and_others_cannot_use(void **s)
{
    (void)s;
    assert_int_equal(sign_in("ada", "correct+horse"), 303);
    assert_string_equal(browser_location, "/");
    OK(masto_says("Set-Cookie: __Host-mynah="));
    OK(masto_says("; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000; Secure"));
    OK(is_in());
    OK(masto_says("Cache-Control: no-store") && masto_says("X-Frame-Options: DENY"));
}

static void names_are_taken_in_any_case_and_with_an_at(void **s)
{
    (void)s;
    assert_int_equal(sign_in("%40Ada", "correct+horse"), 303);
}

static void a_wrong_name_and_a_wrong_password_look_the_same(void **s)
{
    (void)s;
    char first[8192];
    assert_int_equal(sign_in("ada", "wrong+horse"), 401);
    OK(masto_says("Wrong name or password."));
    snprintf(first, sizeof first, "%.*s", MN_STR_FMT(masto_body));
    assert_int_equal(sign_in("nob", "wrong+horse"), 401);
    char *at = strstr(first, "value=\"ada\"");
    OK(at != NULL);
    memcpy(at, "value=\"nob\"", 11);
    assert_int_equal(strlen(first), masto_body.len);
    OK(memcmp(first, masto_body.ptr, masto_body.len) == 0);
    OK(!is_in());
}

static void both_take_as_long(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_sign_in how;
    uint64_t id;
    double cpu_s[2] = {0};
    mn_social_sign_in(masto_home.store, MN_STR("x"), MN_STR("x"), &how, &id, &e);
    for (int i = 0; i < 6; i++) {
        double t0 = mn_thread_cpu_s();
        RUN(mn_social_sign_in(masto_home.store, i % 2 ? MN_STR("ada") : MN_STR("nobody"),
                              MN_STR("wrong horse"), &how, &id, &e));
        cpu_s[i % 2] += mn_thread_cpu_s() - t0;
        OK(how == MN_SIGN_IN_WRONG);
    }
    print_message("no such account %.1f ms, wrong password %.1f ms\n", cpu_s[0] * 1e3 / 3,
                  cpu_s[1] * 1e3 / 3);
    OK(cpu_s[0] > cpu_s[1] / 2 && cpu_s[1] > cpu_s[0] / 2);
}

static void a_form_of_another_site_signs_nobody_in(void **s)
{
    (void)s;
    browser_get("/auth/sign_in");
    browser_form_without_csrf("name=ada&password=correct+horse");
    assert_int_equal(browser_post("/auth/sign_in"), 403);
    browser_form_without_csrf("name=ada&password=correct+horse&csrf=deadbeef");
    assert_int_equal(browser_post("/auth/sign_in"), 403);
    browser_get("/auth/sign_in");
    browser_form("name=ada&password=correct+horse");
    snprintf(browser_extra, sizeof browser_extra, "Sec-Fetch-Site: cross-site\r\n");
    assert_int_equal(browser_post("/auth/sign_in"), 403);
    browser_clear(); /* without the cookie the text is worth nothing */
    browser_form("name=ada&password=correct+horse");
    assert_int_equal(browser_post("/auth/sign_in"), 403);
}

static void where_to_go_next_is_always_here(void **s)
{
    (void)s;
    static const char *const bad[] = {"https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example",
                                      "%2F%5Cevil.example", "javascript%3Aalert(1)",
                                      "%2Fa%0d%0aSet-Cookie%3Ax"};
    char form[256];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        browser_clear();
        browser_get("/auth/sign_in");
        snprintf(form, sizeof form, "name=ada&password=correct+horse&next=%s", bad[i]);
        browser_form(form);
        assert_int_equal(browser_post("/auth/sign_in"), 303);
        assert_string_equal(browser_location, "/");
    }
}

static void signing_out_ends_the_session_on_the_server(void **s)
{
    (void)s;
    char cookie[128];
    sign_in("ada", "correct+horse");
    snprintf(cookie, sizeof cookie, "%s", browser_cookie("__Host-mynah"));
    OK(browser_get("/auth/sign_out") == 200);
    browser_form("x=1");
    assert_int_equal(browser_post("/auth/sign_out"), 303);
    OK(!browser_cookie("__Host-mynah"));
    browser_keep("__Host-mynah", 12, cookie, strlen(cookie));
    OK(!is_in());
}

static void a_suspended_member_is_told_so_and_stays_out(void **s)
{
    (void)s;
    mn_err e = {0};
    sign_in("ada", "correct+horse");
    OK(is_in());
    RUN(mn_social_account_suspend(masto_home.store, ada, true, &e));
    OK(!is_in());
    assert_int_equal(sign_in("ada", "correct+horse"), 403);
    OK(masto_says("suspended"));
    assert_int_equal(sign_in("ada", "wrong"), 401); /* told only who knows the password */
    OK(!is_in());
}

static void the_operator_s_one_time_password_leads_to_a_choice(void **s)
{
    (void)s;
    mn_err e = {0};
    char form[800], ticket[600];
    RUN(mn_social_account_create(masto_home.store, MN_STR("operator"), MN_STR("Operator"),
                                 MN_ROLE_OPERATOR, NULL, one_time, NULL, &e));
    assert_int_equal(sign_in("operator", one_time), 200);
    OK(masto_says("Choose your password") && !is_in());
    assert_int_equal(sign_in("operator", one_time), 200);
    browser_hidden("ticket", ticket, sizeof ticket);
    snprintf(form, sizeof form, "password=short&ticket=%s", ticket);
    browser_form(form);
    assert_int_equal(browser_post("/auth/setup"), 422);
    browser_hidden("ticket", ticket, sizeof ticket);
    snprintf(form, sizeof form, "password=my+own+words&ticket=%s", ticket);
    browser_form(form);
    assert_int_equal(browser_post("/auth/setup"), 303);
    OK(is_in());
    browser_clear();
    assert_int_equal(sign_in("operator", one_time), 401);
    assert_int_equal(sign_in("operator", "my+own+words"), 303);
}

static void a_ticket_is_good_in_its_own_browser_only(void **s)
{
    (void)s;
    mn_err e = {0};
    char form[800], ticket[600];
    RUN(mn_social_account_create(masto_home.store, MN_STR("operator"), MN_STR("Operator"),
                                 MN_ROLE_OPERATOR, NULL, one_time, NULL, &e));
    sign_in("operator", one_time);
    browser_hidden("ticket", ticket, sizeof ticket);
    browser_clear();
    browser_get("/auth/sign_in");
    snprintf(form, sizeof form, "password=my+own+words&ticket=%s", ticket);
    browser_form(form);
    assert_int_equal(browser_post("/auth/setup"), 403);
}

/* ---- second factor --------------------------------------------------------------------------------------------- */

static void code_at(const char *secret, int64_t ms, char ret[7])
{
    mn_err e = {0};
    RUN(mn_totp_code(mn_str_from(secret), ms / 30000, ret, &e));
}

/* Switches it on for ada, who is signed in; a recovery code. */
static void set_up_totp(char secret[64], char recovery[32])
{
    char code[7], form[256];
    OK(is_in());
    browser_form("x=1");
    assert_int_equal(browser_post("/settings/security/totp"), 200);
    OK(masto_says("<svg class=\"qr\""));
    browser_hidden("secret", secret, 64);
    snprintf(form, sizeof form, "secret=%s&code=000000", secret);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/totp/on"), 422);
    code_at(secret, mn_now_ms(), code);
    snprintf(form, sizeof form, "secret=%s&code=%s", secret, code);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/totp/on"), 200);
    const char *at = memmem(masto_body.ptr, masto_body.len, "class=\"codes\">", 14);
    OK(at != NULL);
    snprintf(recovery, 32, "%.19s", at + 14);
}

static int give_code(const char *code)
{
    char form[800], ticket[600];
    assert_int_equal(sign_in("ada", "correct+horse"), 200);
    browser_hidden("ticket", ticket, sizeof ticket);
    snprintf(form, sizeof form, "ticket=%s&code=%s", ticket, code);
    browser_form(form);
    return browser_post("/auth/sign_in/code");
}

static void with_a_second_factor_the_password_alone_is_not_enough(void **s)
{
    (void)s;
    char secret[64], recovery[32], code[7];
    int64_t now = mn_now_ms();
    sign_in("ada", "correct+horse");
    mn_now_freeze(now);
    set_up_totp(secret, recovery);
    browser_clear();
    assert_int_equal(sign_in("ada", "correct+horse"), 200);
    OK(!is_in());
    assert_int_equal(give_code("123456"), 401);
    code_at(secret, now, code); /* was used to switch it on */
    assert_int_equal(give_code(code), 401);
    mn_now_freeze(now + 60000);
    code_at(secret, now + 60000, code);
    assert_int_equal(give_code(code), 303);
    OK(is_in());
    browser_clear();
    assert_int_equal(give_code(code), 401); /* once */
}

static void a_recovery_code_works_once(void **s)
{
    (void)s;
    char secret[64], recovery[32];
    sign_in("ada", "correct+horse");
    set_up_totp(secret, recovery);
    browser_clear();
    assert_int_equal(give_code(recovery), 303);
    OK(is_in());
    browser_clear();
    assert_int_equal(give_code(recovery), 401);
    OK(!is_in());
}

/* ---- settings -------------------------------------------------------------------------------------------------- */

static void a_changed_password_signs_out_all_but_this_browser(void **s)
{
    (void)s;
    char old[128];
    sign_in("ada", "correct+horse");
    snprintf(old, sizeof old, "%s", browser_cookie("__Host-mynah"));
    browser_clear();
    sign_in("ada", "correct+horse");
    OK(is_in());
    browser_form("current=wrong&password=another+horse");
    assert_int_equal(browser_post("/settings/security/password"), 422);
    OK(is_in());
    browser_form("current=correct+horse&password=another+horse");
    assert_int_equal(browser_post("/settings/security/password"), 200);
    OK(is_in());
    browser_clear();
    browser_keep("__Host-mynah", 12, old, strlen(old));
    OK(!is_in());
    browser_clear();
    assert_int_equal(sign_in("ada", "correct+horse"), 401);
}

static void sessions_are_seen_and_ended_one_by_one(void **s)
{
    (void)s;
    char other[128], id[64], form[128];
    snprintf(browser_extra, sizeof browser_extra, "User-Agent: <b>Old</b> telephone\r\n");
    sign_in("ada", "correct+horse");
    snprintf(other, sizeof other, "%s", browser_cookie("__Host-mynah"));
    browser_clear();
    sign_in("ada", "correct+horse");
    OK(is_in());
    OK(masto_says("&lt;b&gt;Old&lt;/b&gt; telephone") && !masto_says("<b>Old"));
    browser_hidden("id", id, sizeof id);
    snprintf(form, sizeof form, "id=%s", id);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/session"), 303);
    OK(is_in() && !masto_says("Old"));
    browser_clear();
    browser_keep("__Host-mynah", 12, other, strlen(other));
    OK(!is_in());
}

static void nobody_ends_another_s_session(void **s)
{
    (void)s;
    mn_err e = {0};
    uint64_t bob, *unused = NULL;
    mn_token *list;
    size_t n;
    char form[64];
    (void)unused;
    RUN(mn_social_account_create(masto_home.store, MN_STR("bob"), MN_STR("Bob"), MN_ROLE_MEMBER,
                                 "battery staple", NULL, &bob, &e));
    sign_in("bob", "battery+staple");
    RUN(mn_store_tokens_of(masto_home.store, bob, 10, &masto_arena, &list, &n, &e));
    OK(n == 1);
    browser_clear();
    sign_in("ada", "correct+horse");
    OK(is_in());
    snprintf(form, sizeof form, "id=%llu", (unsigned long long)list[0].id);
    browser_form(form);
    assert_int_equal(browser_post("/settings/security/session"), 303);
    RUN(mn_store_tokens_of(masto_home.store, bob, 10, &masto_arena, &list, &n, &e));
    OK(n == 1);
}

/* ---- up -------------------------------------------------------------------------------------------------------- */

#define UP "name=eve&password=long+enough+words&agreement=1"

static mn_consents consent_of(const char *name, mn_account *ret)
{
    mn_err e = {0};
    mn_consents c = 0;
    RUN(mn_store_account_by_name(masto_home.store, mn_str_from(name), &masto_arena, ret, &e));
    RUN(mn_store_consent_account(masto_home.store, ret->id, &c, NULL, &e));
    return c;
}

static void signing_up_asks_for_consent_with_nothing_ticked(void **s)
{
    (void)s;
    mn_account a;
    assert_int_equal(browser_get("/auth/sign_up"), 200);
    OK(masto_says("learn from your public posts") && masto_says("quote your public posts"));
    OK(!masto_says(" checked"));
    browser_form(UP "&consent-train_generative=deny&consent-inference_input=allow");
    assert_int_equal(browser_post("/auth/sign_up"), 303);
    OK(is_in());
    mn_consents c = consent_of("eve", &a);
    OK(mn_consents_get(c, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_DENY);
    OK(mn_consents_get(c, MN_P_INFERENCE_INPUT) == MN_CONSENT_ALLOW);
    OK(mn_consents_get(c, MN_P_BULK_DATASET) == MN_CONSENT_UNSET);
    uint64_t lines = 0;
    mn_err e = {0};
    RUN(mn_store_ledger_verify(masto_home.store, &lines, &e));
    assert_int_equal(lines, 2);
}

static void what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(void **s)
{
    (void)s;
    browser_get("/auth/sign_up");
    browser_form("name=ada&email=ev%22%3Ee&password=short&consent-search=deny");
    assert_int_equal(browser_post("/auth/sign_up"), 422);
    OK(masto_says("This name has already been taken."));
    OK(masto_says("This address is invalid."));
    OK(masto_says("This password is too short."));
    OK(masto_says("The rules must be accepted."));
    OK(masto_says("value=\"ev&quot;&gt;e\"") && !masto_says("ev\">e"));
    OK(masto_says("value=\"deny\" checked"));
    OK(!masto_says("value=\"short\""));
    static const char *const names[] = {"admin",
                                        "oauth",
                                        "a%20b",
                                        "%3Cb%3E",
                                        "ad%C3%A4",
                                        ".x",
                                        "abcdefghijabcdefghijabcdefghijx"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char form[200];
        snprintf(form, sizeof form, "name=%s&password=long+enough+words&agreement=1", names[i]);
        browser_form(form);
        assert_int_equal(browser_post("/auth/sign_up"), 422);
        OK(masto_says("This name "));
    }
}

static void closed_means_closed(void **s)
{
    (void)s;
    masto_stop();
    start_with("registrations = closed\n");
    assert_int_equal(browser_get("/auth/sign_up"), 403);
    browser_get("/auth/sign_in");
    browser_form(UP);
    assert_int_equal(browser_post("/auth/sign_up"), 403);
}

static void with_approval_one_waits_with_a_reason(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_account a;
    mn_credentials c;
    masto_stop();
    start_with("registrations = approval\n");
    browser_get("/auth/sign_up");
    browser_form(UP);
    assert_int_equal(browser_post("/auth/sign_up"), 422);
    OK(masto_says("The reason can&#39;t be blank") || masto_says("The reason can't be blank"));
    browser_form(UP "&reason=birds");
    assert_int_equal(browser_post("/auth/sign_up"), 200);
    OK(masto_says("with the moderators"));
    RUN(mn_store_account_by_name(masto_home.store, MN_STR("eve"), &masto_arena, &a, &e));
    RUN(mn_store_credentials(masto_home.store, a.id, &masto_arena, &c, &e));
    OK(!c.approved);
    IS(c.reason, "birds");
}

static void an_invite_opens_the_door_as_often_as_it_says(void **s)
{
    (void)s;
    char path[200], form[300];
    masto_stop();
    start_with("registrations = invite\n");
    sign_in("ada", "correct+horse");
    OK(browser_get("/settings/invites") == 200);
    browser_form("uses=1&days=1&follow=1");
    assert_int_equal(browser_post("/settings/invites"), 303);
    OK(browser_get("/settings/invites") == 200);
    const char *at = memmem(masto_body.ptr, masto_body.len, "?invite=", 8);
    char code[16];
    snprintf(code, sizeof code, "%.12s", at + 8);
    browser_clear();
    snprintf(path, sizeof path, "/auth/sign_up?invite=%s", code);
    assert_int_equal(browser_get(path), 200);
    browser_form(UP);
    assert_int_equal(browser_post("/auth/sign_up"), 422);
    browser_form(UP "&invite=nonsense");
    assert_int_equal(browser_post("/auth/sign_up"), 422);
    snprintf(form, sizeof form, UP "&invite=%s", code);
    browser_form(form);
    assert_int_equal(browser_post("/auth/sign_up"), 303);
    mn_account eve;
    bool follows = false;
    mn_err e = {0};
    consent_of("eve", &eve);
    RUN(mn_store_follow_is(masto_home.store, eve.id, ada, &follows, &e));
    OK(follows);
    browser_clear();
    browser_get(path);
    snprintf(form, sizeof form, "name=late&password=long+enough+words&agreement=1&invite=%s",
             code);
    browser_form(form);
    assert_int_equal(browser_post("/auth/sign_up"), 422);
}

/* ---- an app signs somebody up ---------------------------------------------------------------------------------- */

static member app_token(const char *scopes)
{
    member m = {0};
    mn_err e = {0};
    mn_tx *tx;
    mn_secret t;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_token_make(tx, 0, 0, mn_str_from(scopes), &t, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(m.token, sizeof m.token, "%s", t.text);
    return m;
}

static void an_app_signs_somebody_up_as_with_mastodon(void **s)
{
    (void)s;
    member app = app_token("read write"), weak = app_token("read"), no = {0};
    const char *body =
        "{\"username\":\"eve\",\"email\":\"eve@example.org\",\"password\":\"long enough "
        "words\",\"agreement\":true,\"locale\":\"en\"}";
    assert_int_equal(masto("POST", "/api/v1/accounts", &app, body), 200);
    openapi_check("post", "/api/v1/accounts", "200", masto_json());
    IS(masto_str("scope"), "read write");
    snprintf(no.token, sizeof no.token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    assert_int_equal(masto("POST", "/api/v1/accounts", &app, body), 422);
    IS(masto_str("details.username.0.error"), "ERR_TAKEN");
    IS(masto_str("details.email.0.error"), "ERR_TAKEN");
    OK(mn_str_starts(masto_str("error"), "Validation failed: Username has already been taken"));
    assert_int_equal(masto("POST", "/api/v1/accounts", &app, "{\"username\":\"\"}"), 422);
    IS(masto_str("details.username.0.error"), "ERR_BLANK");
    IS(masto_str("details.password.0.error"), "ERR_BLANK");
    IS(masto_str("details.agreement.0.error"), "ERR_ACCEPTED");
    assert_int_equal(masto("POST", "/api/v1/accounts", &weak, body), 403);
    assert_int_equal(masto("POST", "/api/v1/accounts", &no, body), 403);
    assert_int_equal(masto("POST", "/api/v1/accounts", NULL, body), 401);
}

/* ---- an address that has to be confirmed ----------------------------------------------------------------------- */

/* The path of the link in the newest mail that waits in the queue, looked at as if it were due, and left there. */
static void mailed_path(char ret[200])
{
    mn_err e = {0};
    mn_tx *tx;
    mn_job job = {0}, newest = {0};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    mn_now_freeze(mn_now_ms() + 86400000);
    while (mn_store_job_take(tx, MN_STR("mail"), 1000, &masto_arena, &job, &e) == MN_OK) {
        if (job.id > newest.id) newest = job;
        RUN(mn_store_job_done(tx, job.id, &e));
    }
    mn_now_freeze(0);
    mn_store_rollback(tx);
    if (!newest.id) fail_msg("no mail waits");
    const char *at = strstr(newest.payload.ptr, "https://test.example/");
    OK(at != NULL);
    snprintf(ret, 200, "%.*s", (int)strcspn(at + 20, "\\\""), at + 20);
}

static void an_address_that_must_be_confirmed_is_before_anything_is_done(void **s)
{
    (void)s;
    member app, eve = {0};
    char path[200], form[300];
    masto_stop();
    start_with("sign_up_email = required\nsmtp_url = smtp://127.0.0.1:1\nmail_from = "
               "a@test.example\n");
    app = app_token("read write");
    assert_int_equal(
        masto("POST", "/api/v1/accounts", &app,
              "{\"username\":\"eve\",\"password\":\"long enough words\",\"agreement\":true}"),
        422);
    IS(masto_str("details.email.0.error"), "ERR_BLANK");
    assert_int_equal(
        masto("POST", "/api/v1/accounts", &app,
              "{\"username\":\"eve\",\"email\":\"eve@example.org\",\"password\":\"long "
              "enough words\",\"agreement\":true}"),
        200);
    snprintf(eve.token, sizeof eve.token, "%.*s", MN_STR_FMT(masto_str("access_token")));
    assert_int_equal(masto("POST", "/api/v1/statuses", &eve, "{\"status\":\"hello\"}"), 403);
    assert_int_equal(masto("POST", "/api/v1/emails/confirmations", &eve, "{}"), 200);
    mailed_path(path);
    OK(strncmp(path, "/auth/confirm?token=", 20) == 0);
    assert_int_equal(browser_get(path), 200);
    assert_int_equal(masto("POST", "/api/v1/statuses", &eve, "{\"status\":\"hello\"}"), 403);
    browser_get(path);
    snprintf(form, sizeof form, "token=%s", path + 20);
    browser_form(form);
    assert_int_equal(browser_post("/auth/confirm"), 200);
    assert_int_equal(masto("POST", "/api/v1/statuses", &eve, "{\"status\":\"hello\"}"), 200);
    assert_int_equal(masto("POST", "/api/v1/emails/confirmations", &eve, "{}"), 403);
    browser_form(form);
    assert_int_equal(browser_post("/auth/confirm"), 403); /* once */
    /* the confirmed address is a name to sign in with, and a way to a new password */
    browser_clear();
    assert_int_equal(sign_in("Eve%40example.org", "long+enough+words"), 303);
    browser_clear();
    browser_get("/auth/password");
    browser_form("email=eve%40example.org");
    assert_int_equal(browser_post("/auth/password"), 200);
    mailed_path(path);
    OK(strncmp(path, "/auth/password/edit?token=", 26) == 0);
    browser_get("/auth/password");
    browser_form("email=nobody%40example.org");
    assert_int_equal(browser_post("/auth/password"), 200); /* looks the same */
}

/* ---- out for good ---------------------------------------------------------------------------------------------- */

static void leaving_needs_the_password_and_the_name(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_account a;
    mn_tx *tx;
    mn_post p = {.id = 77, .account_id = ada, .created_ms = 1000, .text = MN_STR("mine")};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    sign_in("ada", "correct+horse");
    assert_int_equal(browser_get("/settings/delete"), 200);
    browser_form("password=wrong&name=ada");
    assert_int_equal(browser_post("/settings/delete"), 422);
    browser_form("password=correct+horse&name=bob");
    assert_int_equal(browser_post("/settings/delete"), 422);
    OK(is_in());
    browser_form("password=correct+horse&name=ada");
    assert_int_equal(browser_post("/settings/delete"), 200);
    OK(!is_in());
    RUN(mn_store_account_by_name(masto_home.store, MN_STR("ada"), &masto_arena, &a, &e));
    OK(a.state == MN_ACCOUNT_DELETED);
    for (int ms = 0; p.deleted_ms == 0 && ms < 10000; ms += 20) { /* by the job */
        usleep(20000);
        RUN(mn_store_post(masto_home.store, 77, &masto_arena, &p, &e));
    }
    OK(p.deleted_ms > 0 && p.text.len == 0);
    browser_clear();
    assert_int_equal(sign_in("ada", "correct+horse"), 401);
}

/* ---- links by mail --------------------------------------------------------------------------------------------- */

static void a_reset_link_works_once_and_ends_everything(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret link;
    char form[200];
    member app = {0};
    mn_secret t;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_link_make(tx, ada, MN_LINK_PASSWORD, MN_STR("a@example.org"), &link, &e));
    RUN(mn_access_token_make(tx, ada, 0, MN_STR("read"), &t, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(app.token, sizeof app.token, "%s", t.text);
    snprintf(form, sizeof form, "/auth/password/edit?token=%s", link.text);
    assert_int_equal(browser_get(form), 200); /* a scanner's look does no harm */
    assert_int_equal(browser_get(form), 200);
    snprintf(form, sizeof form, "token=%s&password=brand+new+words", link.text);
    browser_form(form);
    assert_int_equal(browser_post("/auth/password/edit"), 200);
    assert_int_equal(masto("GET", "/oauth/userinfo", &app, NULL), 401);
    browser_form(form);
    assert_int_equal(browser_post("/auth/password/edit"), 403);
    assert_int_equal(sign_in("ada", "brand+new+words"), 303);
}

static void a_link_of_another_kind_or_past_its_hour_is_refused(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret confirm, reset;
    char form[200];
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_link_make(tx, ada, MN_LINK_CONFIRM, MN_STR("a@example.org"), &confirm, &e));
    RUN(mn_social_link_make(tx, ada, MN_LINK_PASSWORD, MN_STR("a@example.org"), &reset, &e));
    RUN(mn_store_commit(tx, &e));
    browser_get("/auth/sign_in");
    snprintf(form, sizeof form, "token=%s&password=brand+new+words", confirm.text);
    browser_form(form);
    assert_int_equal(browser_post("/auth/password/edit"), 403);
    mn_now_freeze(mn_now_ms() + 3600001);
    snprintf(form, sizeof form, "token=%s&password=brand+new+words", reset.text);
    browser_form(form);
    assert_int_equal(browser_post("/auth/password/edit"), 403);
    assert_int_equal(sign_in("ada", "correct+horse"), 303);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_right_password_gives_a_cookie_that_scripts_and_others_cannot_use),
        CASE(names_are_taken_in_any_case_and_with_an_at),
        CASE(a_wrong_name_and_a_wrong_password_look_the_same),
        CASE(both_take_as_long),
        CASE(a_form_of_another_site_signs_nobody_in),
        CASE(where_to_go_next_is_always_here),
        CASE(signing_out_ends_the_session_on_the_server),
        CASE(a_suspended_member_is_told_so_and_stays_out),
        CASE(the_operator_s_one_time_password_leads_to_a_choice),
        CASE(a_ticket_is_good_in_its_own_browser_only),
        CASE(with_a_second_factor_the_password_alone_is_not_enough),
        CASE(a_recovery_code_works_once),
        CASE(a_changed_password_signs_out_all_but_this_browser),
        CASE(sessions_are_seen_and_ended_one_by_one),
        CASE(nobody_ends_another_s_session),
        CASE(signing_up_asks_for_consent_with_nothing_ticked),
        CASE(what_is_wrong_is_said_beside_its_field_and_nothing_is_lost),
        CASE(closed_means_closed),
        CASE(with_approval_one_waits_with_a_reason),
        CASE(an_invite_opens_the_door_as_often_as_it_says),
        CASE(an_app_signs_somebody_up_as_with_mastodon),
        CASE(an_address_that_must_be_confirmed_is_before_anything_is_done),
        CASE(leaving_needs_the_password_and_the_name),
        CASE(a_reset_link_works_once_and_ends_everything),
        CASE(a_link_of_another_kind_or_past_its_hour_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
