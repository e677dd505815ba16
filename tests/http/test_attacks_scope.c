/* Who may call what, asked of the whole table of routes: no route is open by mistake, and a token that is absent, wrong, too
 * narrow, an app's own, or of somebody who is shut out gets nothing from any of them. */
#include "http/masto.h"

#include "api/mastodon/mastodon.h"
#include "store/access.h"

static mn_route *routes;
static member ada;

static int set_up(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start();
    ada = masto_member("ada");
    RUN(mn_api__routes_new(&routes, &e));
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    mn_free(routes);
    masto_stop();
    return 0;
}

static const char *method_of(const mn_route *r)
{
    static const char *const names[] = {
        [MN_GET] = "GET",     [MN_POST] = "POST",     [MN_PUT] = "PUT",
        [MN_PATCH] = "PATCH", [MN_DELETE] = "DELETE", [MN_OPTIONS] = "OPTIONS"};
    return names[r->method];
}

/* The pattern with "1" for each parameter. */
static const char *address_of(const mn_route *r)
{
    static char out[256];
    size_t n = 0;
    for (const char *p = r->path; *p && n < sizeof out - 1;) {
        if (*p != ':') {
            out[n++] = *p++;
            continue;
        }
        out[n++] = '1';
        while (*p && *p != '/') p++;
    }
    out[n] = 0;
    return out;
}

static int ask(const mn_route *r, const member *m)
{
    return masto(method_of(r), address_of(r), m, r->method == MN_GET ? NULL : "x=1");
}

static bool is_open(const mn_route *r)
{
    return !r->scope || !*r->scope || *r->scope == '?' || strcmp(r->scope, "-") == 0;
}

/* The model API: it has its own words (tests/http/test_openai_keys.c). */
static bool is_model_api(const mn_route *r)
{
    return strncmp(r->path, "/v1/", 4) == 0;
}

/* A failure of the shape that Mastodon's have, or OpenAI's. */
static void refuses(const mn_route *r, const member *m, int status, const char *who)
{
    int got = ask(r, m);
    if (got != status)
        fail_msg("%s %s (%s) by %s gave %d: %.*s", method_of(r), r->path, r->scope, who, got,
                 MN_STR_FMT(masto_body));
    OK(masto_str(is_model_api(r) ? "error.message" : "error").len > 0);
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *method, *path, *scope;
} open_api[] = {
    {"GET", "/api/mynah/timeline", NULL},
    {"GET", "/api/mynah/posts/:id", NULL},
    {"GET", "/api/mynah/accounts/:name", NULL},
    {"GET", "/api/mynah/ask", NULL},
    {"POST", "/api/mynah/ask", NULL},
    {"GET", "/api/mynah/search", NULL},
    {"GET", "/api/mynah/model", NULL},
    {"GET", "/api/mynah/events", NULL},
    {"GET", "/api/mynah/limits", ""},
    {"POST", "/api/v1/apps", "-"},
    {"GET", "/api/v1/streaming", "-"}, /* asks for itself: tests/http/test_streaming.c */
    {"GET", "/api/v1/streaming/", "-"},
    {"GET", "/api/v1/streaming/health", "-"},
    {"GET", "/api/v1/streaming/:a", "-"},
    {"GET", "/api/v1/streaming/:a/:b", "-"},
    {"GET", "/api/v1/accounts", "?read:accounts"},
    {"GET", "/api/v1/accounts/lookup", "?read:accounts"},
    {"GET", "/api/v1/accounts/:id", "?read:accounts"},
    {"GET", "/api/v1/accounts/:id/statuses", "?read:statuses"},
    {"GET", "/api/v1/accounts/:id/followers", "?read:accounts"},
    {"GET", "/api/v1/accounts/:id/following", "?read:accounts"},
    {"GET", "/api/v1/accounts/:id/endorsements", "?read:accounts"},
    {"GET", "/api/v1/accounts/:id/featured_tags", ""},
    {"GET", "/api/v1/statuses", "?read:statuses"},
    {"GET", "/api/v1/statuses/:id", "?read:statuses"},
    {"GET", "/api/v1/statuses/:id/context", "?read:statuses"},
    {"GET", "/api/v1/statuses/:id/history", "?read:statuses"},
    {"GET", "/api/v1/statuses/:id/favourited_by", "?read:accounts"},
    {"GET", "/api/v1/statuses/:id/reblogged_by", "?read:accounts"},
    {"GET", "/api/v1/polls/:id", "?read:statuses"},
    {"GET", "/api/v1/timelines/public", "?read:statuses"},
    {"GET", "/api/v1/timelines/tag/:hashtag", "?read:statuses"},
    {"GET", "/api/v1/timelines/link", "?read:statuses"},
    {"GET", "/api/v2/search", "?read:search"},
    {"GET", "/api/v1/tags/:name", ""},
    {"GET", "/api/v1/trends", ""},
    {"GET", "/api/v1/trends/tags", ""},
    {"GET", "/api/v1/trends/links", ""},
    {"GET", "/api/v1/trends/statuses", "?read:statuses"},
    {"GET", "/api/v1/custom_emojis", ""},
    {"GET", "/api/v1/directory", ""},
    {"GET", "/api/oembed", "-"},
};

/* What is said of the instance as a whole. */
static bool is_of_the_instance(const mn_route *r)
{
    return r->method == MN_GET && (strcmp(r->path, "/api/v1/instance") == 0 ||
                                   strcmp(r->path, "/api/v2/instance") == 0 ||
                                   strncmp(r->path, "/api/v1/instance/", 17) == 0);
}

static void no_route_is_open_by_mistake(void **state)
{
    (void)state;
    for (const mn_route *r = routes; r->path; r++) {
        bool known = is_of_the_instance(r);
        if (strncmp(r->path, "/api/", 5) != 0 || !is_open(r)) continue;
        for (size_t i = 0; !known && i < sizeof open_api / sizeof *open_api; i++)
            known = strcmp(r->path, open_api[i].path) == 0 &&
                    strcmp(method_of(r), open_api[i].method) == 0 &&
                    (r->scope ? open_api[i].scope && strcmp(r->scope, open_api[i].scope) == 0
                              : !open_api[i].scope);
        if (!known)
            fail_msg("%s %s is open (\"%s\") and not known to be", method_of(r), r->path,
                     r->scope ? r->scope : "page");
    }
}

static void what_changes_something_needs_write_and_what_reads_needs_read(void **state)
{
    (void)state;
    mn_scopes need;
    for (const mn_route *r = routes; r->path; r++) {
        if (is_open(r) || strcmp(r->scope, "app") == 0) continue;
        mn_str rest = mn_str_from(r->scope);
        while (rest.ptr) {
            mn_err e = {0};
            mn_str one = mn_str_split(rest, '|', &rest);
            RUN(mn_scopes_parse(one, &need, &e));
            bool admin = strncmp(r->path, "/api/v1/admin/", 14) == 0 ||
                         strncmp(r->path, "/api/v2/admin/", 14) == 0 ||
                         strncmp(r->path, "/api/mynah/admin/", 17) == 0;
            if (admin && !mn_str_starts(one, "admin:"))
                fail_msg("%s %s needs only %s", method_of(r), r->path, r->scope);
            bool counts = mn_str_eqz(one, "admin:read"); /* questions sent as POST */
            if (r->method != MN_GET && !counts && mn_str_find(one, MN_STR("read"), 0) == 0 &&
                !strstr(r->path, "/translate"))
                fail_msg("%s %s needs only %s", method_of(r), r->path, r->scope);
        }
    }
}

/* ---- tokens that do not do ------------------------------------------------------------------------------------------------ */

static void nobody_and_a_wrong_token_are_401_everywhere(void **state)
{
    (void)state;
    member wrong = {.token = "nonsense"};
    for (const mn_route *r = routes; r->path; r++) {
        if (!r->scope || strcmp(r->scope, "-") == 0) continue;
        if (!is_open(r)) refuses(r, NULL, 401, "nobody");
        refuses(r, &wrong, 401, "a wrong token");
    }
}

static void a_token_of_another_scope_is_403_everywhere(void **state)
{
    (void)state;
    member push = masto_member_with("pusher", MN_ROLE_OPERATOR, "push");
    member mark = masto_member_with("marker", MN_ROLE_OPERATOR, "write:bookmarks");
    mn_scopes has, need;
    mn_err e = {0};
    RUN(mn_scopes_parse(MN_STR("push"), &has, &e));
    for (const mn_route *r = routes; r->path; r++) {
        if (!r->scope || !*r->scope || strcmp(r->scope, "-") == 0 ||
            strcmp(r->scope, "app") == 0)
            continue;
        bool fits = mn_scopes_parse(mn_str_from(r->scope), &need, NULL) == MN_OK && need == has;
        refuses(r, fits ? &mark : &push, 403, "a token of another scope");
    }
}

/* Each wide scope opens what it names and nothing of the others. */
static void wide_scopes_do_not_reach_each_other(void **state)
{
    (void)state;
    member reader = masto_member_with("reader", MN_ROLE_OPERATOR, "read admin:read");
    member writer = masto_member_with("writer", MN_ROLE_OPERATOR, "write");
    for (const mn_route *r = routes; r->path; r++) {
        if (is_open(r) || strcmp(r->scope, "app") == 0) continue;
        if (strncmp(r->scope, "write", 5) == 0 || strncmp(r->scope, "admin:write", 11) == 0)
            refuses(r, &reader, 403, "a reader");
        if (strncmp(r->scope, "read", 4) == 0 || strncmp(r->scope, "admin:", 6) == 0)
            refuses(r, &writer, 403, "a writer");
    }
}

static void an_apps_own_token_is_no_member(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    member app = {0};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_token_make(tx, 0, 0,
                             MN_STR("read write follow push profile admin:read admin:write"),
                             &secret, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(app.token, sizeof app.token, "%s", secret.text);
    for (const mn_route *r = routes; r->path; r++) {
        if (is_open(r) || strcmp(r->scope, "app") == 0) continue;
        refuses(r, &app, is_model_api(r) ? 403 : 422, "an app");
    }
}

/* All that a member's token opens is shut to members who are shut out, reading what anybody may read included: or their eyes
 * would still see what is for their friends. */
static void who_is_suspended_gets_nothing_by_a_token(void **state)
{
    (void)state;
    mn_err e = {0};
    member out = masto_staff("outcast", MN_ROLE_OPERATOR);
    RUN(mn_social_account_suspend(masto_home.store, out.id, true, &e));
    mn_tx *tx;
    mn_secret secret;
    RUN(mn_store_begin(masto_home.store, &tx, &e)); /* one that a suspension did not end */
    RUN(mn_access_token_make(tx, out.id, 0,
                             MN_STR("read write follow push profile admin:read admin:write"),
                             &secret, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(out.token, sizeof out.token, "%s", secret.text);
    for (const mn_route *r = routes; r->path; r++)
        if (r->scope && strcmp(r->scope, "-") != 0) refuses(r, &out, 403, "a suspended member");
}

static void a_member_is_no_moderator_and_a_moderator_no_operator(void **state)
{
    (void)state;
    static const char all[] = "read write follow push profile admin:read admin:write";
    member plain = masto_member_with("plain", MN_ROLE_MEMBER, all);
    for (const mn_route *r = routes; r->path; r++)
        if (r->scope && strncmp(r->scope, "admin:", 6) == 0)
            refuses(r, &plain, 403, "a plain member");
}

/* ---- what a narrow token must not see ---------------------------------------------------------------------------------------- */

static void a_narrow_token_does_not_see_what_is_for_followers(void **state)
{
    (void)state;
    char path[128], body[128];
    member narrow = masto_member_with("narrow", MN_ROLE_MEMBER, "push profile");
    member friend = masto_member_with("narrowsfriend", MN_ROLE_MEMBER, "read write follow");
    snprintf(path, sizeof path, "/api/v1/accounts/%llu/follow", (unsigned long long)ada.id);
    OK(masto("POST", path, &friend, "x=1") == 200);
    OK(masto("POST", "/api/v1/statuses", &ada,
             "{\"status\":\"for @narrow alone\",\"visibility\":\"direct\"}") == 200);
    uint64_t id = masto_id("id");
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    OK(masto("GET", path, &narrow, NULL) == 403);
    OK(!masto_says("alone"));
    snprintf(body, sizeof body, "/api/v1/statuses?id[]=%llu", (unsigned long long)id);
    OK(masto("GET", body, &narrow, NULL) == 403);
    snprintf(path, sizeof path, "/api/v1/accounts/%llu/statuses", (unsigned long long)ada.id);
    OK(masto("GET", path, &narrow, NULL) == 403);
    OK(masto("GET", "/api/v2/search?q=alone", &narrow, NULL) == 403);
    OK(masto("GET", "/api/v1/timelines/public", &narrow, NULL) == 403);
    OK(masto("GET", "/api/v1/timelines/public", &friend, NULL) == 200);
    OK(masto("GET", "/api/v1/timelines/public", NULL, NULL) == 200);
}

/* ---- CSRF -------------------------------------------------------------------------------------------------------------------- */

/* A browser that is signed in and led to send anything at all, by a page elsewhere, changes nothing. */
static void a_cookie_alone_changes_nothing(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tx *tx;
    mn_secret session;
    char headers[600];
    static const char *const types[] = {"application/x-www-form-urlencoded", "text/plain",
                                        "application/json", "multipart/form-data; boundary=x"};
    static const char *const bodies[] = {"status=x&csrf=", "{\"status\":\"x\"}",
                                         "{\"status\":\"x\",\"csrf\":\"\"}",
                                         "--x\r\nContent-Disposition: form-data; "
                                         "name=\"csrf\"\r\n\r\n0\r\n--x--\r\n"};
    member op = masto_staff("chief", MN_ROLE_OPERATOR);
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_session_make(tx, op.id, MN_STR("127.0.0.1"), MN_STR("test"), &session, NULL,
                               &e));
    RUN(mn_store_commit(tx, &e));
    for (const mn_route *r = routes; r->path; r++)
        for (size_t t = 0; r->method != MN_GET && r->scope && t < 4; t++) {
            if (strcmp(r->scope, "-") == 0 && strncmp(r->path, "/api/", 5) == 0) continue;
            if (strncmp(r->path, "/oauth/token", 12) == 0) continue; /* no cookie is read */
            if (strncmp(r->path, "/oauth/revoke", 13) == 0) continue;
            snprintf(headers, sizeof headers,
                     "Cookie: %s=%s\r\nOrigin: https://evil.example\r\nContent-Type: "
                     "%s\r\nX-CSRF-Token: %.*s\r\n",
                     mn_web_cookie_name(masto_api), session.text, types[t], t ? 32 : 0,
                     "00000000000000000000000000000000");
            int got =
                masto_raw(method_of(r), address_of(r), headers, bodies[t], strlen(bodies[t]));
            bool refused = got == 403 || got == 401 || got == 400 || got == 404 || got == 422;
            if (is_model_api(r)) refused = got == 401; /* no cookie is read */
            else if (strcmp(r->scope, "-") != 0) refused = got == 403 || got == 400;
            if (!refused)
                fail_msg("%s %s as %s gave %d: %.*s", method_of(r), r->path, types[t], got,
                         MN_STR_FMT(masto_body));
            OK(!masto_says("Access-Control-Allow-Credentials"));
        }
    OK(mn_access_check(masto_api->access, mn_str_from(session.text), &(mn_grant){0}, &e) ==
       MN_OK);
}

/* Nor may a page elsewhere read with it: answers are for any origin, but never with credentials. */
static void no_answer_allows_credentials_of_other_origins(void **state)
{
    (void)state;
    for (const mn_route *r = routes; r->path; r++) {
        if (strstr(r->path, "events") || strstr(r->path, "streaming")) continue;
        masto_raw("OPTIONS", address_of(r),
                  "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n"
                  "Access-Control-Request-Headers: cookie\r\n",
                  NULL, 0);
        OK(!masto_says("Access-Control-Allow-Credentials") &&
           !masto_says("Access-Control-Allow-Origin: https"));
        if (r->method != MN_GET) continue;
        masto_raw("GET", address_of(r), "Origin: https://evil.example\r\n", NULL, 0);
        OK(!masto_says("Access-Control-Allow-Credentials") &&
           !masto_says("Access-Control-Allow-Origin: https"));
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(no_route_is_open_by_mistake),
        CASE(what_changes_something_needs_write_and_what_reads_needs_read),
        CASE(nobody_and_a_wrong_token_are_401_everywhere),
        CASE(a_token_of_another_scope_is_403_everywhere),
        CASE(wide_scopes_do_not_reach_each_other),
        CASE(an_apps_own_token_is_no_member),
        CASE(who_is_suspended_gets_nothing_by_a_token),
        CASE(a_member_is_no_moderator_and_a_moderator_no_operator),
        CASE(a_narrow_token_does_not_see_what_is_for_followers),
        CASE(a_cookie_alone_changes_nothing),
        CASE(no_answer_allows_credentials_of_other_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
