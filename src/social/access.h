/* Who may do what: scopes, access tokens, sessions. Signing up and in is in social/signin.h. */
#ifndef MN_SOCIAL_ACCESS_H
#define MN_SOCIAL_ACCESS_H

#include "social/social.h"
#include "store/access.h"

/* A set of OAuth scopes, a bit for each of the finest (read:accounts, write:statuses, admin:write:reports, push, profile …).
 * A wide name ("read", "write", "follow", "admin:read") is the union of its parts. */
typedef uint64_t mn_scopes;

/* Names separated by blanks (or '+'). MN_E_PARSE names the first that is not a scope; nothing gives "read". */
mn_rc mn_scopes_parse(mn_str text, mn_scopes *ret, mn_err *e);
/* The shortest list of names that says the same: "read write push". */
mn_str mn_scopes_text(mn_scopes s, mn_arena *ar);
/* The names as they were asked for, in that order, each once, separated by a blank: what is stored and told to the client,
 * since clients compare it with what they asked ("follow" stays "follow"). Parse it first. Nothing gives "read". */
mn_str mn_scopes_names(mn_str text, mn_arena *ar);
/* Everything that somebody of that role can be granted. */
mn_scopes mn_scopes_all(mn_account_role role);
/* What they mean in plain words, "post, edit and delete posts in your name"; how many lines. */
#define MN_SCOPE_LINES 64
size_t mn_scopes_meanings(mn_scopes s, const char *ret[MN_SCOPE_LINES]);
/* All names one after the other, i = 0, 1 …; NULL after the last. */
const char *mn_scopes_name(size_t i);
static inline bool mn_scopes_cover(mn_scopes have, mn_scopes need)
{
    return (need & ~have) == 0;
}

/* What a token stands for, as it is now. */
typedef struct mn_grant {
    uint64_t token_id, app_id;
    uint64_t account_id; /* 0: the app alone (client_credentials) */
    mn_scopes scopes;
    mn_account_role role;
    mn_account_state state;
    bool web; /* a session of the web app (cookie) */
    bool key; /* a key of the model API: opens nothing else (social/keys.h) */
    bool
        confirmed; /* the account may act: approved and, where it is asked for, its address confirmed */
    bool silenced;
} mn_grant;

/* Tokens that were seen lately, in memory (follows the store's events, so that revocation counts at once). */
typedef struct mn_access mn_access;
mn_rc mn_access_new(mn_store *s, mn_access **ret, mn_err *e);
void mn_access_free(mn_access *x);
/* errors MN_E_DENIED (no message for clients in it) unknown, expired or revoked. Thread-safe; about 1 µs when known. */
mn_rc mn_access_check(mn_access *x, mn_str token, mn_grant *ret, mn_err *e);
/* The same for a token id, for streams that look again. */
mn_rc mn_access_check_id(mn_access *x, uint64_t token_id, mn_grant *ret, mn_err *e);
/* Writes down when tokens were used (noted in memory, at most once an hour a token): call it every minute or so. */
mn_rc mn_access_flush(mn_access *x, mn_err *e);

/* ---- tokens made ------------------------------------------------------------------------------------------------ */

/* A secret that is given to a client: 32 random bytes in base64url, 43 characters. */
typedef struct mn_secret {
    char text[44];
} mn_secret;
mn_rc mn_secret_make(mn_secret *ret, mn_err *e);
/* What is stored in its place: SHA-256 in hex. Any text. */
#define MN_SECRET_HASH 65
mn_str mn_secret_hash(mn_str secret, char ret[MN_SECRET_HASH]);
/* Equal texts, compared in constant time for texts of the same length. */
bool mn_secret_same(mn_str a, mn_str b);

/* An access token: app_id 0 for none, account_id 0 for the app's own; scopes as names ("read write follow"), stored as they
 * are. Tests make theirs with it. */
mn_rc mn_access_token_make(mn_tx *tx, uint64_t account_id, uint64_t app_id, mn_str scopes,
                           mn_secret *ret, uint64_t *ret_id, mn_err *e);
/* A session of the web app, which ends after a year. ip and agent (cut to 300 bytes) are shown to the member. */
mn_rc mn_access_session_make(mn_tx *tx, uint64_t account_id, mn_str ip, mn_str agent,
                             mn_secret *ret, uint64_t *ret_id, mn_err *e);

#endif
