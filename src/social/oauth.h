/* The OAuth 2 server: apps that register themselves, codes, access tokens. RFC 6749, 7636 (S256 only), 7009, 9700; where
 * those leave a choice, as Mastodon chose.
 *
 * What a client got wrong is a mn_oauth_fault, which is no failure of ours: a function that takes `ret_fault` returns MN_OK
 * and sets it (and then nothing else); MN_OAUTH_FINE with everything else. mn_rc is for the store and for memory. */
#ifndef MN_SOCIAL_OAUTH_H
#define MN_SOCIAL_OAUTH_H

#include "social/access.h"

#define MN_OAUTH_OOB     "urn:ietf:wg:oauth:2.0:oob"
#define MN_OAUTH_CODE_MS 600000 /* a code lives ten minutes and works once */

typedef enum mn_oauth_fault {
    MN_OAUTH_FINE,
    MN_OAUTH_INVALID_REQUEST,
    MN_OAUTH_INVALID_CLIENT,
    MN_OAUTH_INVALID_GRANT,
    MN_OAUTH_INVALID_SCOPE,
    MN_OAUTH_INVALID_REDIRECT,
    MN_OAUTH_INVALID_CHALLENGE,
    MN_OAUTH_UNAUTHORIZED_CLIENT,
    MN_OAUTH_UNSUPPORTED_GRANT,
    MN_OAUTH_UNSUPPORTED_RESPONSE,
    MN_OAUTH_ACCESS_DENIED,
    MN_OAUTH_INTERACTION
} mn_oauth_fault;
typedef struct mn_oauth_words {
    const char *code; /* "invalid_grant" */
    const char *text; /* a sentence for people */
    int status;       /* at the token endpoint */
} mn_oauth_words;
const mn_oauth_words *mn_oauth_fault_words(mn_oauth_fault f);

/* ---- apps ------------------------------------------------------------------------------------------------------ */

typedef struct mn_app_ask {
    mn_str name, website;
    const mn_str *redirects; /* each may hold several, one a line */
    size_t n_redirects;
    mn_str scopes; /* nothing: "read" */
} mn_app_ask;
/* Registers; strings of *ret live in the arena. The secret is given out this once.
 * errors MN_E_USAGE "Validation failed: …", as Mastodon words it
 * limits name 60 characters, website 2,000 bytes, 32 redirect addresses of 2,000 bytes */
mn_rc mn_oauth_app_register(mn_store *s, const mn_app_ask *ask, mn_arena *ar, mn_app *ret,
                            mn_secret *ret_secret, mn_err *e);
/* An address that a browser may be sent to after signing in: an absolute URI of printable ASCII without a fragment; http(s)
 * with a plain host and nothing before an @; never a scheme that runs or shows what follows it (javascript:, data: …). */
bool mn_oauth_redirect_fine(mn_str uri);
/* What a form on our page may lead to, as a source of the policy's form-action: "https://app.example:8443", "myapp:";
 * MN_STR_NONE for the out-of-band address. */
mn_str mn_oauth_redirect_source(mn_str uri, mn_arena *ar);

/* ---- asking a member ------------------------------------------------------------------------------------------- */

typedef struct mn_oauth_ask {
    mn_str response_type, client_id, redirect_uri, scope, challenge, challenge_method;
} mn_oauth_ask;
/* Is it an app of ours, one of its addresses (equal byte by byte), scopes among those it registered, PKCE with S256 or none?
 * *ret_scopes: the names to be granted. */
mn_rc mn_oauth_ask_check(mn_store *s, const mn_oauth_ask *ask, mn_arena *ar, mn_app *ret_app,
                         mn_str *ret_scopes, mn_oauth_fault *ret_fault, mn_err *e);
/* The member said yes. */
mn_rc mn_oauth_code_make(mn_store *s, const mn_app *app, uint64_t account_id,
                         const mn_oauth_ask *ask, mn_str scopes, mn_secret *ret, mn_err *e);

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

typedef struct mn_oauth_trade {
    mn_str client_id, client_secret; /* secret absent: only for a code that is bound by PKCE */
    mn_str code, redirect_uri, verifier;
    mn_str scope; /* client_credentials */
} mn_oauth_trade;
typedef struct mn_oauth_token {
    mn_secret secret;
    mn_str scopes; /* in the arena */
    int64_t created_ms;
} mn_oauth_token;
/* A code for a token. A code that is shown a second time takes back the token it gave: one of the two had stolen it. */
mn_rc mn_oauth_trade_code(mn_store *s, const mn_oauth_trade *t, mn_arena *ar,
                          mn_oauth_token *ret, mn_oauth_fault *ret_fault, mn_err *e);
/* A token for the app alone. */
mn_rc mn_oauth_trade_client(mn_store *s, const mn_oauth_trade *t, mn_arena *ar,
                            mn_oauth_token *ret, mn_oauth_fault *ret_fault, mn_err *e);
/* Revokes a token of that client; one that does not exist is fine. Without a secret: only by who holds the token and names
 * the client it was given to. */
mn_rc mn_oauth_revoke(mn_store *s, mn_str client_id, mn_str client_secret, mn_str token,
                      mn_oauth_fault *ret_fault, mn_err *e);
/* Expired tokens, codes and links go; apps too that were never used within a week. By a timer. */
mn_rc mn_oauth_sweep(mn_store *s, int64_t now_ms, mn_err *e);

#endif
