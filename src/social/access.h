/* Who may do what: scopes, access tokens, sessions. Signing up and in is in social/signin.h. */
#ifndef MN_SOCIAL_ACCESS_H
#define MN_SOCIAL_ACCESS_H

#include "social/social.h"

/* A set of OAuth scopes, a bit for each of the finest (read:accounts, write:statuses, admin:write:reports, push, profile …).
 * A wide name ("read", "write", "follow", "admin:read") is the union of its parts. */
typedef uint64_t mn_scopes;

/* Names separated by blanks (or '+'). MN_E_PARSE names the first that is not a scope; nothing gives "read". */
mn_rc mn_scopes_parse(mn_str text, mn_scopes *ret, mn_err *e);
/* The shortest list of names that says the same: "read write push". */
mn_str mn_scopes_text(mn_scopes s, mn_arena *ar);
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
    bool web;       /* a session of the web app (cookie) */
    bool confirmed; /* the account may act: approved and, where it is asked for, its address confirmed */
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

#endif
