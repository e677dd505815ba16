/* Signing up and in with an identity one already has. Private to src/api.
 *
 * A flow lives in a cookie of the browser that began it: 32 random bytes, which provider, and where to go afterwards. Its
 * `state`, `nonce` and PKCE verifier are hashes of the cookie, so that nothing is kept here for strangers, an answer that belongs
 * to another browser or another provider does not fit, and each flow has its own. */
#ifndef MN_API_PAGES_IDENTITY_H
#define MN_API_PAGES_IDENTITY_H

#include "api/pages/sign_pages.h"
#include "net/client.h"

#define MN_IDENTITY_WAIT_MS 8000

typedef struct mn_identity_flow {
    mn_str cookie; /* all of it */
    mn_str kind;   /* "openid" or "mastodon" */
    mn_str who;    /* the provider's name, or the other server's domain */
    mn_str next;
    bool link; /* asked for by a member, on our own page, for their account */
    mn_str state, nonce, verifier, challenge;
    mn_str redirect_uri; /* of ours */
} mn_identity_flow;

typedef struct mn_openid_provider {
    mn_str name, shown, issuer, client_id, secret;
} mn_openid_provider;
#define MN_OPENID_MAX 8
/* Those of `openid_providers`. What can't be read is left out. */
size_t mn_identity__providers(const char *setting, mn_arena *ar,
                              mn_openid_provider ret[MN_OPENID_MAX]);

/* Both kinds: where the browser is to go; and, with the code it came back with, who it is.
 * errors MN_E_DENIED the other side says no or something that does not fit; those of mn_client_do */
mn_rc mn_openid__begin(mn_api *a, const mn_openid_provider *p, const mn_identity_flow *f,
                       mn_arena *ar, mn_str *ret_url, mn_err *e);
mn_rc mn_openid__finish(mn_api *a, const mn_openid_provider *p, const mn_identity_flow *f,
                        mn_str code, mn_arena *ar, mn_sign_identity *ret, mn_err *e);
/* "Example.Social", "@ada@example.social", "https://example.social/" → "example.social". MN_E_USAGE when it is no server. */
mn_rc mn_elsewhere__domain(const mn_api *a, mn_str text, mn_arena *ar, mn_str *ret, mn_err *e);
mn_rc mn_elsewhere__begin(mn_api *a, const mn_identity_flow *f, mn_arena *ar, mn_str *ret_url,
                          mn_err *e);
mn_rc mn_elsewhere__finish(mn_api *a, const mn_identity_flow *f, mn_str code, mn_arena *ar,
                           mn_sign_identity *ret, mn_err *e);

/* ---- asking other servers ------------------------------------------------------------------------------------- */

/* A form for a body, or an address with a query: name and value pairs, absent values left out. */
mn_str mn_identity__form(const mn_str (*pairs)[2], size_t n, mn_arena *ar);
/* One exchange; JSON of a 2xx answer. form absent: GET. authorization absent: none.
 * errors MN_E_DENIED a status of 4xx or an answer that is no JSON object, and those of mn_client_do; *ret_status (may be NULL) */
mn_rc mn_identity__ask(mn_api *a, mn_str url, mn_str form, mn_str authorization, mn_arena *ar,
                       mn_json **ret, int *ret_status, mn_err *e);

#endif
