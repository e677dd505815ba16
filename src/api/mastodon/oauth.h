/* OAuth 2 over HTTP: what its files share. Private to src/api. */
#ifndef MN_API_OAUTH_H
#define MN_API_OAUTH_H

#include "api/mastodon/mastodon.h"
#include "social/oauth.h"

/* The key that browsers subscribe to pushes with; empty when there is none. */
mn_str mn_oauth__vapid(mn_req *r);
/* {"error","error_description"} with the status of RFC 6749, section 5.2. */
void mn_oauth__fault(mn_req *r, mn_resp *w, mn_oauth_fault f);
/* The same with words of its own: "Missing required parameter: code." */
void mn_oauth__fault_says(mn_req *r, mn_resp *w, mn_oauth_fault f, const char *text);
/* The answer of the token endpoint. */
void mn_oauth__token(mn_resp *w, const mn_oauth_token *t);
/* Client id and secret of HTTP Basic (RFC 6749, section 2.3.1: form-encoded, then joined by ':', then base64). false: there
 * is no such header, or it can't be read. The texts live in the arena. */
bool mn_oauth__basic(mn_str header, mn_arena *ar, mn_str *ret_id, mn_str *ret_secret);
/* "redirect_uri" with parameters added to its query. The pairs are names and values; values are encoded. */
mn_str mn_oauth__redirect(mn_str uri, const mn_str (*pairs)[2], size_t n, mn_arena *ar);

#endif
