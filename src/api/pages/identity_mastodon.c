/* A Mastodon account elsewhere: we register there as an app, the member lets us in for reading their account, and their
 * server says who they are. The token is given back at once. */
#include "api/pages/identity.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"

#define SCOPES "read:accounts"

/* ---- which server ---------------------------------------------------------------------------------------------- */

static bool outgoing_private(const mn_api *a)
{
    bool on = false;
    return mn_conf_bool(a->home->conf, "outgoing_private", &on, NULL) == MN_OK && on;
}

static bool is_host_char(char c, bool port)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           (port && c == ':');
}

mn_rc mn_elsewhere__domain(const mn_api *a, mn_str text, mn_arena *ar, mn_str *ret, mn_err *e)
{
    text = mn_str_trim(text);
    if (mn_str_starts(text, "https://")) text = mn_str_sub(text, 8, text.len);
    if (mn_str_starts(text, "http://")) text = mn_str_sub(text, 7, text.len);
    text = mn_str_split(text, '/', &(mn_str){0});
    for (size_t at; (at = mn_str_find(text, MN_STR("@"), 0)) != SIZE_MAX;)
        text = mn_str_sub(text, at + 1, text.len);
    char *p = mn_arena_strndup(ar, text.ptr ? text.ptr : "", text.len);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory");
    bool fine = text.len >= 3 && text.len <= 253 && memchr(p, '.', text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
        fine = fine && is_host_char(p[i], outgoing_private(a));
    }
    mn_str domain = {p, text.len};
    if (!fine || p[0] == '.' || p[0] == '-' || mn_str_ends(domain, "."))
        return mn_fail(e, MN_E_USAGE,
                       "that is not the name of a server, such as example.social");
    if (mn_str_eqz(domain, a->domain))
        return mn_fail(e, MN_E_USAGE, "that is this server: sign in with your password");
    *ret = domain;
    return MN_OK;
}

/* https, but for servers of a closed network that are named with a port. */
static mn_str address(const mn_api *a, mn_str domain, const char *path, mn_arena *ar)
{
    bool plain = outgoing_private(a) && mn_str_find(domain, MN_STR(":"), 0) != SIZE_MAX;
    return mn_str_fmt(ar, "%s://%.*s%s", plain ? "http" : "https", MN_STR_FMT(domain), path);
}

/* ---- being an app there ---------------------------------------------------------------------------------------- */

static mn_rc keep_app(mn_store *s, const mn_remote_app *app, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_remote_app_set(tx, app, e), e);
}

static mn_rc register_there(mn_api *a, const mn_identity_flow *f, mn_arena *ar,
                            mn_remote_app *ret, mn_err *e)
{
    mn_json *j = NULL;
    const mn_str pairs[][2] = {
        {MN_STR("client_name"), mn_str_fmt(ar, "Sign-in to %.40s", a->domain)},
        {MN_STR("redirect_uris"), f->redirect_uri},
        {MN_STR("scopes"), MN_STR(SCOPES)},
        {MN_STR("website"), mn_masto_base(a)}};
    mn_str form = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    MN_TRY(mn_identity__ask(a, address(a, f->who, "/api/v1/apps", ar), form, MN_STR_NONE, ar,
                            &j, NULL, e));
    mn_remote_app app = {.domain = f->who,
                         .client_id = mn_json_str(mn_json_get(j, "client_id")),
                         .client_secret = mn_json_str(mn_json_get(j, "client_secret")),
                         .created_ms = mn_now_ms()};
    if (app.client_id.len == 0 || app.client_id.len > 512 || app.client_secret.len == 0 ||
        app.client_secret.len > 512)
        return mn_fail(e, MN_E_DENIED, "that server does not speak the Mastodon API");
    MN_TRY(keep_app(a->home->store, &app, e));
    *ret = app;
    return MN_OK;
}

mn_rc mn_elsewhere__begin(mn_api *a, const mn_identity_flow *f, mn_arena *ar, mn_str *ret_url,
                          mn_err *e)
{
    mn_remote_app app;
    mn_rc rc = mn_store_remote_app(a->home->store, f->who, ar, &app, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && app.created_ms == 0))
        rc = register_there(a, f, ar, &app, e);
    if (rc != MN_OK) return rc;
    const mn_str pairs[][2] = {{MN_STR("response_type"), MN_STR("code")},
                               {MN_STR("client_id"), app.client_id},
                               {MN_STR("redirect_uri"), f->redirect_uri},
                               {MN_STR("scope"), MN_STR(SCOPES)},
                               {MN_STR("state"), f->state},
                               {MN_STR("code_challenge"), f->challenge},
                               {MN_STR("code_challenge_method"), MN_STR("S256")}};
    mn_str query = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    *ret_url =
        mn_str_fmt(ar, "%.*s?%.*s", MN_STR_FMT(address(a, f->who, "/oauth/authorize", ar)),
                   MN_STR_FMT(query));
    return ret_url->ptr && query.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

/* ---- coming back ----------------------------------------------------------------------------------------------- */

static mn_rc fetch_token(mn_api *a, const mn_remote_app *app, const mn_identity_flow *f,
                         mn_str code, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_json *j = NULL;
    int status = 0;
    mn_err late = {0};
    const mn_str pairs[][2] = {{MN_STR("grant_type"), MN_STR("authorization_code")},
                               {MN_STR("code"), code},
                               {MN_STR("redirect_uri"), f->redirect_uri},
                               {MN_STR("code_verifier"), f->verifier},
                               {MN_STR("client_id"), app->client_id},
                               {MN_STR("client_secret"), app->client_secret}};
    mn_str form = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    mn_rc rc = mn_identity__ask(a, address(a, f->who, "/oauth/token", ar), form, MN_STR_NONE,
                                ar, &j, &status, e);
    if (rc != MN_OK && status == 401) { /* it has forgotten us: register anew next time */
        mn_remote_app gone = *app;
        gone.created_ms = 0;
        if (keep_app(a->home->store, &gone, &late) != MN_OK) mn_warn("sign", "%s", late.msg);
    }
    if (rc != MN_OK) return rc;
    *ret = mn_json_str(mn_json_get(j, "access_token"));
    return ret->len && ret->len < 2048
               ? MN_OK
               : mn_fail(e, MN_E_DENIED, "the other server gave no token");
}

/* The token has done its work. That the other server does not take it back is no reason to stop. */
static void give_back(mn_api *a, const mn_remote_app *app, const mn_identity_flow *f,
                      mn_str token, mn_arena *ar)
{
    mn_err e = {0};
    mn_json *j = NULL;
    const mn_str pairs[][2] = {{MN_STR("token"), token},
                               {MN_STR("client_id"), app->client_id},
                               {MN_STR("client_secret"), app->client_secret}};
    mn_str form = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    if (mn_identity__ask(a, address(a, f->who, "/oauth/revoke", ar), form, MN_STR_NONE, ar, &j,
                         NULL, &e) != MN_OK)
        mn_info("sign", "%.*s did not take its token back: %s", MN_STR_FMT(f->who), e.msg);
}

/* A name of theirs, in lower case; MN_STR_NONE when it is none. */
static mn_str their_name(mn_str s, mn_arena *ar)
{
    char *p = s.len && s.len <= 64 ? mn_arena_strndup(ar, s.ptr, s.len) : NULL;
    for (size_t i = 0; p && i < s.len; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
        bool word = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') ||
                    p[i] == '_' || p[i] == '.' || p[i] == '-';
        if (!word) p = NULL;
    }
    return p ? (mn_str){p, s.len} : MN_STR_NONE;
}

mn_rc mn_elsewhere__finish(mn_api *a, const mn_identity_flow *f, mn_str code, mn_arena *ar,
                           mn_sign_identity *ret, mn_err *e)
{
    mn_remote_app app;
    mn_str token;
    mn_json *j = NULL;
    mn_rc rc = mn_store_remote_app(a->home->store, f->who, ar, &app, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, MN_E_DENIED, "begin again");
    if (rc == MN_OK) rc = fetch_token(a, &app, f, code, ar, &token, e);
    if (rc != MN_OK) return rc;
    mn_str auth = mn_str_fmt(ar, "Bearer %.*s", MN_STR_FMT(token));
    rc = mn_identity__ask(a, address(a, f->who, "/api/v1/accounts/verify_credentials", ar),
                          MN_STR_NONE, auth, ar, &j, NULL, e);
    give_back(a, &app, f, token, ar);
    if (rc != MN_OK) return rc;
    mn_str name = their_name(mn_json_str(mn_json_get(j, "username")), ar);
    if (!name.ptr) return mn_fail(e, MN_E_DENIED, "the other server did not say who you are");
    mn_str subject = mn_str_fmt(ar, "%.*s@%.*s", MN_STR_FMT(name), MN_STR_FMT(f->who));
    *ret = (mn_sign_identity){
        .provider = MN_STR("mastodon"),
        .subject = subject,
        .shown = subject,
        .name = name,
        .display = mn_utf8_cut(mn_json_str(mn_json_get(j, "display_name")), 200)};
    return MN_OK;
}
