/* Codes and tokens. Everything that decides whether a code is still good and marks it used is one transaction, so that of two
 * clients that show it at once exactly one gets a token. */
#include "social/oauth.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/hash.h"

#define APP_IDLE_MS  (INT64_C(7) * 86400000)
#define SWEEP_LIMIT  500
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128

const mn_oauth_words *mn_oauth_fault_words(mn_oauth_fault f)
{
    static const mn_oauth_words words[] = {
        [MN_OAUTH_FINE] = {"", "", 200},
        [MN_OAUTH_INVALID_REQUEST] =
            {"invalid_request",
             "The request is missing a required parameter, includes an unsupported parameter "
             "value, or is otherwise malformed.",
             400},
        [MN_OAUTH_INVALID_CLIENT] = {"invalid_client",
                                     "Client authentication failed due to unknown client, no "
                                     "client authentication included, or unsupported "
                                     "authentication method.",
                                     401},
        [MN_OAUTH_INVALID_GRANT] =
            {"invalid_grant",
             "The provided authorization grant is invalid, expired, revoked, does not match "
             "the redirection URI used in the authorization request, or was issued to another "
             "client.",
             400},
        [MN_OAUTH_INVALID_SCOPE] = {"invalid_scope",
                                    "The requested scope is invalid, unknown, or malformed.",
                                    400},
        [MN_OAUTH_INVALID_REDIRECT] = {"invalid_redirect_uri",
                                       "The redirect uri included is not valid.", 400},
        [MN_OAUTH_INVALID_CHALLENGE] = {"invalid_code_challenge_method",
                                        "The code challenge method must be S256.", 400},
        [MN_OAUTH_UNAUTHORIZED_CLIENT] = {"unauthorized_client",
                                          "You are not authorized to revoke this token", 403},
        [MN_OAUTH_UNSUPPORTED_GRANT] = {"unsupported_grant_type",
                                        "The authorization grant type is not supported by the "
                                        "authorization server.",
                                        400},
        [MN_OAUTH_UNSUPPORTED_RESPONSE] =
            {"unsupported_response_type",
             "The authorization server does not support this response type.", 400},
        [MN_OAUTH_ACCESS_DENIED] =
            {"access_denied", "The resource owner or authorization server denied the request.",
             403},
        [MN_OAUTH_INTERACTION] = {"interaction_required",
                                  "The member has to be asked; this server grants nothing "
                                  "unseen.",
                                  400},
    };
    return &words[f];
}

/* ---- asking a member ------------------------------------------------------------------------------------------- */

static bool has_line(mn_str lines, mn_str wanted)
{
    mn_str rest = lines;
    while (rest.ptr)
        if (mn_str_eq(mn_str_split(rest, '\n', &rest), wanted)) return wanted.len > 0;
    return false;
}

/* A SHA-256 in base64url: 43 characters. */
static bool is_challenge(mn_str s)
{
    if (s.len != 43) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* The names asked for, when they are scopes and among those the app registered. */
static bool scopes_among(mn_str asked, mn_str registered, mn_arena *ar, mn_str *ret)
{
    mn_scopes want = 0, have = 0;
    if (asked.len > 2048 || mn_scopes_parse(asked, &want, NULL) != MN_OK ||
        mn_scopes_parse(registered, &have, NULL) != MN_OK || !mn_scopes_cover(have, want))
        return false;
    *ret = mn_scopes_names(asked, ar);
    return ret->ptr != NULL;
}

static mn_oauth_fault ask_fault(const mn_oauth_ask *ask, const mn_app *app, mn_arena *ar,
                                mn_str *ret_scopes)
{
    if (!has_line(app->redirect_uris, ask->redirect_uri)) return MN_OAUTH_INVALID_REDIRECT;
    if (ask->response_type.len == 0) return MN_OAUTH_INVALID_REQUEST;
    if (!mn_str_eqz(ask->response_type, "code")) return MN_OAUTH_UNSUPPORTED_RESPONSE;
    if (ask->challenge.len || ask->challenge_method.len) {
        if (!mn_str_eqz(ask->challenge_method, "S256")) return MN_OAUTH_INVALID_CHALLENGE;
        if (!is_challenge(ask->challenge)) return MN_OAUTH_INVALID_REQUEST;
    }
    if (!scopes_among(ask->scope, app->scopes, ar, ret_scopes)) return MN_OAUTH_INVALID_SCOPE;
    return MN_OAUTH_FINE;
}

/* The app of that name, or *ret_fault. */
static mn_rc find_app(mn_store *s, mn_str client_id, mn_arena *ar, mn_app *ret,
                      mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_rc rc = MN_E_NOT_FOUND;
    *ret_fault = MN_OAUTH_FINE;
    if (client_id.len > 0 && client_id.len <= 128)
        rc = mn_store_app_by_client(s, client_id, ar, ret, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    *ret_fault = MN_OAUTH_INVALID_CLIENT;
    return MN_OK;
}

mn_rc mn_oauth_ask_check(mn_store *s, const mn_oauth_ask *ask, mn_arena *ar, mn_app *ret_app,
                         mn_str *ret_scopes, mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_app app;
    mn_str scopes = MN_STR_NONE;
    mn_oauth_fault fault;
    MN_TRY(find_app(s, ask->client_id, ar, &app, &fault, e));
    if (!fault) fault = ask_fault(ask, &app, ar, &scopes);
    if (!fault) {
        *ret_app = app;
        *ret_scopes = scopes;
    }
    *ret_fault = fault;
    return MN_OK;
}

mn_rc mn_oauth_code_make(mn_store *s, const mn_app *app, uint64_t account_id,
                         const mn_oauth_ask *ask, mn_str scopes, mn_secret *ret, mn_err *e)
{
    mn_tx *tx;
    mn_secret secret;
    char hash[MN_SECRET_HASH];
    mn_code c = {.app_id = app->id,
                 .account_id = account_id,
                 .redirect_uri = ask->redirect_uri,
                 .scopes = scopes,
                 .challenge = ask->challenge,
                 .expires_ms = mn_now_ms() + MN_OAUTH_CODE_MS};
    MN_TRY(mn_secret_make(&secret, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_code_add(tx, mn_secret_hash(mn_str_from(secret.text), hash), &c, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    MN_TRY(mn_store_commit(tx, e));
    *ret = secret;
    return MN_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

static bool secret_right(const mn_app *app, mn_str secret)
{
    char hash[MN_SECRET_HASH];
    return secret.len > 0 && mn_secret_same(mn_secret_hash(secret, hash), app->secret_hash);
}

static bool verifier_right(mn_str challenge, mn_str verifier)
{
    uint8_t hash[32];
    char text[44];
    if (challenge.len == 0)
        return verifier.len == 0; /* a verifier without: a stripped challenge */
    if (verifier.len < VERIFIER_MIN || verifier.len > VERIFIER_MAX) return false;
    mn_sha256_of(verifier.ptr, verifier.len, hash);
    sodium_bin2base64(text, sizeof text, hash, sizeof hash,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return mn_secret_same(mn_str_from(text), challenge);
}

static bool code_fits(const mn_code *c, const mn_app *app, const mn_oauth_trade *t)
{
    return c->app_id == app->id && c->expires_ms > mn_now_ms() &&
           mn_str_eq(c->redirect_uri, t->redirect_uri) &&
           (t->client_secret.len > 0 || c->challenge.len > 0) &&
           verifier_right(c->challenge, t->verifier);
}

/* In the transaction: the code's token, or a fault; what was written is to be committed in either case. */
static mn_rc use_code(mn_tx *tx, const mn_app *app, const mn_oauth_trade *t, mn_arena *ar,
                      mn_oauth_token *ret, mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_code c;
    uint64_t id = 0;
    char hash[MN_SECRET_HASH];
    mn_str key = mn_secret_hash(t->code, hash);
    *ret_fault = MN_OAUTH_INVALID_GRANT;
    mn_rc rc = mn_store_code_get(tx, key, ar, &c, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    if (c.token_id != 0) return mn_store_token_remove(tx, c.token_id, e);
    if (!code_fits(&c, app, t)) return MN_OK;
    MN_TRY(mn_access_token_make(tx, c.account_id, c.app_id, c.scopes, &ret->secret, &id, e));
    MN_TRY(mn_store_code_used(tx, key, id, e));
    ret->scopes = c.scopes;
    *ret_fault = MN_OAUTH_FINE;
    return MN_OK;
}

mn_rc mn_oauth_trade_code(mn_store *s, const mn_oauth_trade *t, mn_arena *ar,
                          mn_oauth_token *ret, mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_tx *tx;
    mn_app app;
    mn_oauth_fault fault;
    mn_oauth_token token = {.created_ms = mn_now_ms()};
    MN_TRY(find_app(s, t->client_id, ar, &app, &fault, e));
    if (!fault && t->client_secret.len && !secret_right(&app, t->client_secret))
        fault = MN_OAUTH_INVALID_CLIENT;
    if (!fault && t->code.len == 0) fault = MN_OAUTH_INVALID_REQUEST;
    if (fault) {
        *ret_fault = fault;
        return MN_OK;
    }
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = use_code(tx, &app, t, ar, &token, &fault, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    MN_TRY(mn_store_commit(tx, e));
    if (!fault) *ret = token;
    *ret_fault = fault;
    return MN_OK;
}

static mn_rc make_client_token(mn_store *s, const mn_app *app, mn_oauth_token *token, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_access_token_make(tx, 0, app->id, token->scopes, &token->secret, NULL, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_oauth_trade_client(mn_store *s, const mn_oauth_trade *t, mn_arena *ar,
                            mn_oauth_token *ret, mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_app app;
    mn_oauth_fault fault;
    mn_oauth_token token = {.created_ms = mn_now_ms()};
    MN_TRY(find_app(s, t->client_id, ar, &app, &fault, e));
    if (!fault && !secret_right(&app, t->client_secret)) fault = MN_OAUTH_INVALID_CLIENT;
    if (!fault && !scopes_among(t->scope, app.scopes, ar, &token.scopes))
        fault = MN_OAUTH_INVALID_SCOPE;
    if (!fault) {
        MN_TRY(make_client_token(s, &app, &token, e));
        *ret = token;
    }
    *ret_fault = fault;
    return MN_OK;
}

static mn_rc remove_token(mn_store *s, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_token_remove(tx, id, e), e);
}

mn_rc mn_oauth_revoke(mn_store *s, mn_str client_id, mn_str client_secret, mn_str token,
                      mn_oauth_fault *ret_fault, mn_err *e)
{
    mn_app app;
    mn_token_now now;
    mn_arena ar;
    mn_oauth_fault fault;
    char hash[MN_SECRET_HASH];
    mn_arena_init(&ar, 0);
    mn_rc rc = find_app(s, client_id, &ar, &app, &fault, e);
    bool known =
        rc == MN_OK && !fault && (client_secret.len == 0 || secret_right(&app, client_secret));
    fault = known ? MN_OAUTH_FINE : MN_OAUTH_UNAUTHORIZED_CLIENT;
    if (known) {
        rc = mn_store_token_by_hash(s, mn_secret_hash(token, hash), &ar, &now, e);
        if (rc == MN_OK && now.token.app_id != app.id) fault = MN_OAUTH_UNAUTHORIZED_CLIENT;
        else if (rc == MN_OK) rc = remove_token(s, now.token.id, e);
        else if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    }
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_fault = fault;
    return rc;
}

mn_rc mn_oauth_sweep(mn_store *s, int64_t now_ms, mn_err *e)
{
    for (size_t n = SWEEP_LIMIT, apps = SWEEP_LIMIT; n == SWEEP_LIMIT || apps == SWEEP_LIMIT;) {
        mn_tx *tx;
        MN_TRY(mn_store_begin(s, &tx, e));
        mn_rc rc = mn_store_tokens_expire(tx, now_ms, SWEEP_LIMIT, &n, e);
        if (rc == MN_OK)
            rc = mn_store_apps_unused(tx, now_ms - APP_IDLE_MS, SWEEP_LIMIT, &apps, e);
        if (rc != MN_OK) {
            mn_store_rollback(tx);
            return rc;
        }
        MN_TRY(mn_store_commit(tx, e));
    }
    return MN_OK;
}
