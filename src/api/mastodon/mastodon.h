/* The Mastodon client API: what its handlers share.
 *
 * Routes stand in tables of their own, one a file (`const mn_route mn_masto__routes_X[]`, ended by .path = NULL, named in
 * api/routes.c). `scope` in a route is checked before its handler runs:
 *   NULL            a page: nothing is read beforehand; mn_masto_grant knows the web session, if there is one
 *   "-"             anybody, and no token is looked at            ("/oauth/token", "/api/v1/apps")
 *   ""              anybody; a token, when given, must be valid   (public data that looks different when signed in)
 *   "?read:statuses" anybody; a token, when given, must be valid and have that scope (what a member may see is in the answer)
 *   "app"           any valid token, an app's own too
 *   "read:statuses" a member's token with that scope; several are separated by '|': one of them is enough
 * 401 {"error":"The access token is invalid"} when absent or invalid, 403 {"error":"This action is outside the authorized
 * scopes"} when the scope is missing; what Mastodon answers to accounts that are suspended, not approved or not confirmed (403).
 * A web session (cookie) counts as a token with all scopes of its role; anything but GET then needs the header
 * X-CSRF-Token (or the form field csrf) that belongs to the session.
 *
 * Every answer here is JSON; CORS headers and X-RateLimit-* are set around the handlers; errors have Mastodon's shape.
 */
#ifndef MN_API_MASTODON_H
#define MN_API_MASTODON_H

#include "api/api_int.h"
#include "social/access.h"

/* ---- who asks -------------------------------------------------------------------------------------------------- */

/* Never NULL; account_id 0 when nobody is signed in. Belongs to the request. On pages too (by cookie). */
const mn_grant *mn_masto_grant(const mn_req *r);
static inline uint64_t mn_masto_me(const mn_req *r)
{
    return mn_masto_grant(r)->account_id;
}

/* The web session: a cookie that holds its token ("__Host-mynah" with https, else "mynah"; HttpOnly, SameSite=Lax), and the
 * text that a form or script must send along to show that it is ours: derived from the token, so it lives as long. */
const char *mn_web_cookie_name(const mn_api *a);
mn_str mn_web_cookie(const mn_req *r); /* the token, MN_STR_NONE without one */
mn_str mn_web_csrf(const mn_req *r, mn_str token);
bool mn_web_csrf_right(const mn_req *r); /* what was sent fits the cookie */
bool mn_web_https(const mn_api *a);      /* people reach this instance by https */

/* ---- what was sent --------------------------------------------------------------------------------------------- */

/* Query and body (JSON, form or multipart) as one flat list of names and texts in Rails' spelling, whatever the form:
 * {"poll":{"options":["a","b"],"multiple":true}} → poll[options][]=a, poll[options][]=b, poll[multiple]=true;
 * an array of objects: keywords[0][keyword]=x. JSON null is an absent value. Limits: 1,024 values, depth 8. A body that can't
 * be read was answered with 400 before the handler. Names are given without "[]". */
mn_str mn_param(const mn_req *r,
                const char *name); /* the last value; MN_STR_NONE when absent */
bool mn_param_has(const mn_req *r, const char *name); /* also as an empty list or null */
/* true, "true", "1", "on", "t" …; anything else that is given is false (as Rails reads it). */
bool mn_param_bool(const mn_req *r, const char *name, bool fallback);
/* All values of name[] (or of a repeated name), on the request's arena. */
size_t mn_param_list(const mn_req *r, const char *name, mn_str **ret);
/* The same as ids; what is no id is left out. */
size_t mn_param_ids(const mn_req *r, const char *name, uint64_t **ret);
/* Whole numbers; false: 422 was answered ("name should be …"). Absent: the fallback. */
bool mn_param_i64(mn_req *r, mn_resp *w, const char *name, int64_t least, int64_t most,
                  int64_t fallback, int64_t *ret);
/* For name[0][key], name[1][key] …: how many elements there are, and a value of one. */
size_t mn_param_objects(const mn_req *r, const char *name);
mn_str mn_param_of(const mn_req *r, const char *name, size_t i, const char *key);
typedef struct mn_upload {
    mn_str name, type; /* as the client says: trusted in nothing */
    mn_str bytes;      /* borrowed from the request */
} mn_upload;
bool mn_param_file(const mn_req *r, const char *name, mn_upload *ret);
/* The id in the route's ":id" (or another name); false: 404 was answered. */
bool mn_masto_id(mn_req *r, mn_resp *w, const char *name, uint64_t *ret);

/* ---- answers --------------------------------------------------------------------------------------------------- */

/* {"error": message} as Mastodon words it. */
void mn_masto_error(mn_req *r, mn_resp *w, int status, const char *message);
#define MN_MASTO_NOT_FOUND "Record not found"
/* By code: NOT_FOUND 404 "Record not found"; DENIED 403 "This action is not allowed"; USAGE, LIMIT, PARSE, EXISTS and UNSUPPORTED
 * 422 with the message ("Validation failed: …" is the caller's to word); BUSY and NOMEM 503; else logged and 500. */
void mn_masto_fail(mn_req *r, mn_resp *w, const mn_err *e);
/* The same for what a call gave, which may be a code without a message. */
void mn_masto_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e);
/* Status 200 and a writer onto the body. */
mn_json_writer mn_masto_json(mn_resp *w);
void mn_masto_empty(mn_resp *w); /* {} */

/* Pages. Exactly one of max_id (older), since_id (newest first, down to it) and min_id (the page right after it) leads. */
typedef struct mn_page {
    uint64_t max_id, since_id, min_id; /* 0: not given */
    size_t limit, offset;
} mn_page;
/* Reads the parameters; a limit above `most` counts as `most`; what is no number is as if absent, as Mastodon does. */
mn_page mn_masto_page(const mn_req *r, size_t fallback, size_t most);
/* Sets Link: rel="next" (max_id = oldest) when the page was full, rel="prev" (min_id = newest); nothing for an empty page.
 * Other parameters of the request are kept. */
void mn_masto_link(mn_req *r, mn_resp *w, uint64_t newest, uint64_t oldest, bool full);
/* "https://DOMAIN" (or http://127.0.0.1:PORT while the domain is localhost), without a slash at the end. */
mn_str mn_masto_base(const mn_api *a);

/* ---- entities: for handlers, streams and push ------------------------------------------------------------------------ */

/* For whom something is written. */
typedef struct mn_view {
    mn_api *api;
    mn_arena *arena;
    uint64_t me; /* 0: anybody */
    /* Posts written for a reader are counted here; NULL: for nobody who reads now. */
    size_t *n_read;
} mn_view;
mn_view mn_masto_view(mn_req *r);

/* Where posts are shown; decides which filters apply. */
typedef enum mn_filter_context {
    MN_FILTER_HOME = 1,
    MN_FILTER_NOTIFICATIONS = 2,
    MN_FILTER_PUBLIC = 4,
    MN_FILTER_THREAD = 8,
    MN_FILTER_ACCOUNT = 16,
    MN_FILTER_NONE = 0
} mn_filter_context;

/* src/api/mastodon/status_json.c: Status entities as array elements of an array under way. Posts that the
 * viewer may not see must have been left out before. Loads what hangs on them in batches; boosts bring their post. */
mn_rc mn_entity_statuses(const mn_view *v, const mn_posts *posts, mn_filter_context where,
                         mn_json_writer *j, mn_err *e);
mn_rc mn_entity_status(const mn_view *v, const mn_post *p, mn_filter_context where,
                       mn_json_writer *j, mn_err *e);
/* src/api/mastodon/account_json.c: Account entities. ids not found are left out. n ≤ 1,000. */
mn_rc mn_entity_accounts(const mn_view *v, const uint64_t *ids, size_t n, mn_json_writer *j,
                         mn_err *e);
mn_rc mn_entity_account(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e);
/* src/api/mastodon/media_json.c: a MediaAttachment; a PreviewCard by card id; CustomEmoji used in texts. */
void mn_entity_media(const mn_view *v, const mn_media *m, mn_json_writer *j);
mn_rc mn_entity_card(const mn_view *v, uint64_t card_id, mn_json_writer *j, mn_err *e);
mn_rc mn_entity_emoji_in(const mn_view *v, const mn_str *texts, size_t n, mn_json_writer *j,
                         mn_err *e); /* the whole array */
/* src/api/mastodon/filter_json.c: the `filtered` array of a status for the viewer; *ret_hide: an action
 * "hide" matches, the post is to be left out of that list. */
mn_rc mn_entity_filtered(const mn_view *v, const mn_post *p, mn_filter_context where,
                         mn_json_writer *j, bool *ret_hide, mn_err *e);
/* src/api/mastodon/notification_json.c: a Notification; MN_E_NOT_FOUND when it is gone. */
mn_rc mn_entity_notification(const mn_view *v, uint64_t notification_id, mn_json_writer *j,
                             mn_err *e);
/* src/api/mastodon/conversations.c: a Conversation of the viewer; MN_E_NOT_FOUND when it is gone. */
mn_rc mn_entity_conversation(const mn_view *v, uint64_t conversation_id, mn_json_writer *j,
                             mn_err *e);
/* A post's text as the HTML of `content`: paragraphs, links, mentions and hashtags in Mastodon's markup. */
mn_rc mn_masto_content(const mn_view *v, const mn_post *p, mn_buf *ret, mn_err *e);

#endif
