/* The store's tables of signing in: credentials, identities, invites, links sent by mail, apps, tokens, codes.
 *
 * What a client holds (tokens, codes, links) is never stored: `hash` is always the SHA-256 of it, as 64 hex digits. Rules
 * (who may, how long, what it means) are in src/social; this is the keeping. Strings given are copied, strings got live in
 * the arena. "Not found" comes without a message. Functions with a transaction see what that transaction has written. */
#ifndef MN_STORE_ACCESS_H
#define MN_STORE_ACCESS_H

#include "store/store.h"

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

typedef enum mn_token_kind {
    MN_TOKEN_ACCESS,  /* an app's */
    MN_TOKEN_SESSION, /* a browser's */
    MN_TOKEN_KEY      /* made by the member for the model API */
} mn_token_kind;

typedef struct mn_token {
    uint64_t id, app_id, account_id; /* app 0: a session; account 0: the app alone */
    mn_token_kind kind;
    mn_str scopes;                           /* as they were asked for */
    int64_t created_ms, used_ms, expires_ms; /* expires 0: never */
    mn_str ip, agent;                        /* of its making */
    mn_str name, hint;            /* of a key: the member's word for it, its last letters */
    mn_str app_name, app_website; /* read only */
} mn_token;
/* A token with what its account is at this moment. */
typedef struct mn_token_now {
    mn_token token;
    mn_account_state state;
    mn_account_role role;
    bool silenced, approved, must_confirm, email_confirmed; /* without credentials: approved */
} mn_token_now;

mn_rc mn_store_token_add(mn_tx *tx, mn_str hash, const mn_token *t, mn_err *e);
mn_rc mn_store_token_by_hash(mn_store *s, mn_str hash, mn_arena *ar, mn_token_now *ret,
                             mn_err *e);
mn_rc mn_store_token_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_token_now *ret,
                           mn_err *e);
/* What an account has given out, newest first: sessions and apps' tokens. */
mn_rc mn_store_tokens_of(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                         mn_token **ret, size_t *ret_n, mn_err *e);
/* The keys among them, newest first. */
mn_rc mn_store_keys_of(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                       mn_token **ret, size_t *ret_n, mn_err *e);
/* Used at that time: the token, and its account was seen. A token that is gone is fine. */
mn_rc mn_store_token_used(mn_tx *tx, uint64_t id, int64_t at_ms, mn_err *e);
/* Takes a token out, with the push subscription that hangs on it, and tells MN_EV_TOKEN_GONE. MN_OK when it is gone. */
mn_rc mn_store_token_remove(mn_tx *tx, uint64_t id, mn_err *e);
/* All of an account but one (0: all); with codes not yet used. */
mn_rc mn_store_tokens_remove(mn_tx *tx, uint64_t account, uint64_t but_id, mn_err *e);
/* Those of one app that an account gave it (what "revoke this app" means). */
mn_rc mn_store_tokens_remove_app(mn_tx *tx, uint64_t account, uint64_t app, mn_err *e);
/* Tokens and codes past their time, up to limit; *ret_n: how many. */
mn_rc mn_store_tokens_expire(mn_tx *tx, int64_t now_ms, size_t limit, size_t *ret_n, mn_err *e);

/* ---- apps and codes -------------------------------------------------------------------------------------------- */

typedef struct mn_app {
    uint64_t id;
    mn_str client_id, secret_hash, name, website;
    mn_str redirect_uris; /* one a line */
    mn_str scopes;        /* as registered */
    int64_t created_ms;
} mn_app;
mn_rc mn_store_app_add(mn_tx *tx, const mn_app *a, mn_err *e);
mn_rc mn_store_app_by_client(mn_store *s, mn_str client_id, mn_arena *ar, mn_app *ret,
                             mn_err *e);
mn_rc mn_store_app_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_app *ret, mn_err *e);
/* Registered before that time and without any token or code, up to limit; *ret_n: how many went. */
mn_rc mn_store_apps_unused(mn_tx *tx, int64_t before_ms, size_t limit, size_t *ret_n,
                           mn_err *e);

typedef struct mn_code {
    uint64_t app_id, account_id;
    mn_str redirect_uri, scopes;
    mn_str challenge; /* PKCE S256; empty: none was given */
    int64_t expires_ms;
    uint64_t token_id; /* made with it; 0: not used yet */
} mn_code;
mn_rc mn_store_code_add(mn_tx *tx, mn_str hash, const mn_code *c, mn_err *e);
mn_rc mn_store_code_get(mn_tx *tx, mn_str hash, mn_arena *ar, mn_code *ret, mn_err *e);
mn_rc mn_store_code_used(mn_tx *tx, mn_str hash, uint64_t token_id, mn_err *e);

/* ---- credentials ----------------------------------------------------------------------------------------------- */

/* What an account signs in with besides its password. An account made at the command line or by an import has none, which
 * counts as approved and needs no confirmed address. */
typedef struct mn_credentials {
    uint64_t account_id;
    mn_str email;               /* as typed; unique in lower case; empty: none */
    int64_t email_confirmed_ms; /* 0: not */
    bool must_confirm;          /* may not act before the address is confirmed */
    bool approved;
    mn_str totp_secret; /* base32; empty: none was made */
    bool totp_on;
    int64_t totp_last; /* step of the last code that was taken */
    mn_str recovery;   /* SHA-256 of the codes left, hex, one a line */
    mn_str reason;     /* why they want to join */
    mn_str sign_up_ip;
    uint64_t invite_id;
    mn_str locale;
    int64_t last_seen_ms;
} mn_credentials;
/* MN_E_EXISTS when another account has the address. */
mn_rc mn_store_credentials_add(mn_tx *tx, const mn_credentials *c, mn_err *e);
/* Replaces all but last_seen_ms; adds the row when there is none. MN_E_EXISTS as above. */
mn_rc mn_store_credentials_set(mn_tx *tx, const mn_credentials *c, mn_err *e);
mn_rc mn_store_credentials(mn_store *s, uint64_t account, mn_arena *ar, mn_credentials *ret,
                           mn_err *e);
mn_rc mn_store_credentials_tx(mn_tx *tx, uint64_t account, mn_arena *ar, mn_credentials *ret,
                              mn_err *e);
/* The account with that address, in any case of letters. */
mn_rc mn_store_account_by_email(mn_store *s, mn_str email, uint64_t *ret, mn_err *e);

/* ---- identities from elsewhere --------------------------------------------------------------------------------- */

typedef struct mn_identity {
    mn_str provider, subject;
    uint64_t account_id;
    int64_t at_ms;
} mn_identity;
mn_rc mn_store_identity_add(mn_tx *tx, const mn_identity *i, mn_err *e); /* MN_E_EXISTS */
mn_rc mn_store_identity(mn_store *s, mn_str provider, mn_str subject, uint64_t *ret_account,
                        mn_err *e);
mn_rc mn_store_identities_of(mn_store *s, uint64_t account, mn_arena *ar, mn_identity **ret,
                             size_t *ret_n, mn_err *e);
mn_rc mn_store_identity_remove(mn_tx *tx, uint64_t account, mn_str provider, mn_str subject,
                               mn_err *e);

/* What another server gave us when we registered there as an app. */
typedef struct mn_remote_app {
    mn_str domain, client_id, client_secret;
    int64_t created_ms;
} mn_remote_app;
mn_rc mn_store_remote_app_set(mn_tx *tx, const mn_remote_app *a, mn_err *e); /* replaces */
mn_rc mn_store_remote_app(mn_store *s, mn_str domain, mn_arena *ar, mn_remote_app *ret,
                          mn_err *e);

/* ---- invites --------------------------------------------------------------------------------------------------- */

typedef struct mn_invite {
    uint64_t id, account_id;
    mn_str code;
    uint64_t max_uses, uses; /* max 0: no limit */
    int64_t expires_ms;      /* 0: never */
    bool follow;             /* who comes by it follows who invited */
} mn_invite;
mn_rc mn_store_invite_add(mn_tx *tx, const mn_invite *i, mn_err *e);
mn_rc mn_store_invite(mn_store *s, mn_str code, mn_arena *ar, mn_invite *ret, mn_err *e);
mn_rc mn_store_invites_of(mn_store *s, uint64_t account, mn_arena *ar, mn_invite **ret,
                          size_t *ret_n, mn_err *e);
/* Counts one use; MN_E_DENIED (no message) when it is used up, expired, or gone. */
mn_rc mn_store_invite_use(mn_tx *tx, mn_str code, int64_t now_ms, mn_err *e);
/* MN_E_NOT_FOUND unless it is that account's. */
mn_rc mn_store_invite_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);

/* ---- links sent by mail ---------------------------------------------------------------------------------------- */

typedef enum mn_link_kind { MN_LINK_CONFIRM = 1, MN_LINK_PASSWORD = 2 } mn_link_kind;
typedef struct mn_email_link {
    uint64_t account_id;
    mn_link_kind kind;
    mn_str email; /* it was sent to */
    int64_t expires_ms;
} mn_email_link;
/* Takes the place of earlier links of that kind of the account. */
mn_rc mn_store_link_add(mn_tx *tx, mn_str hash, const mn_email_link *l, mn_err *e);
/* Reads and removes: a link works once. */
mn_rc mn_store_link_take(mn_tx *tx, mn_str hash, mn_arena *ar, mn_email_link *ret, mn_err *e);

#endif
