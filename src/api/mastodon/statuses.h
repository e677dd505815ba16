/* What the files about posts share. Private to src/api/mastodon. */
#ifndef MN_MASTO_STATUSES_H
#define MN_MASTO_STATUSES_H

#include "api/mastodon/mastodon.h"
#include "api/mastodon/shown.h"
#include "social/compose.h"
#include "store/polls.h"
#include "store/scheduled.h"

/* ---- status_part.c: what is the same for every viewer -------------------------------------------------------------------- */

/* The post as it is kept in memory, rendered when it is not; give back with mn_shown_done. MN_E_NOT_FOUND (no message): there
 * is no such post, or only a tombstone. */
mn_rc mn_masto__shown(const mn_view *v, uint64_t id, const mn_shown_entry **ret, mn_err *e);
/* "public", "unlisted", "private", "direct". MN_E_USAGE for another word. */
const char *mn_masto__visibility_name(mn_visibility v);
mn_rc mn_masto__visibility_parse(mn_str s, mn_visibility *ret, mn_err *e);
mn_rc mn_masto__policy_parse(mn_str s, mn_quote_policy *ret, mn_err *e);

/* ---- status_json.c ---------------------------------------------------------------------------------------------------------- */

/* Status entities by ids, as elements of an array under way. Ids of posts that are gone are left out; with `check`, those that
 * the viewer may not see too. The quickest way from ids to JSON: posts in memory are not read from the store. */
mn_rc mn_entity_statuses_by_ids(const mn_view *v, const uint64_t *ids, size_t n, bool check,
                                mn_filter_context where, mn_json_writer *j, mn_err *e);
/* One that the viewer may see, as a value; with_text adds the source (a deleted post). MN_E_NOT_FOUND (no message). */
mn_rc mn_masto__status(const mn_view *v, uint64_t id, bool with_text, mn_json_writer *j,
                       mn_err *e);

/* ---- poll_json.c ------------------------------------------------------------------------------------------------------------ */

/* The Poll entity for the viewer. */
mn_rc mn_entity_poll(const mn_view *v, uint64_t poll_id, mn_json_writer *j, mn_err *e);

/* ---- for handlers ----------------------------------------------------------------------------------------------------------- */

/* What composing needs, for the one who asks. */
static inline const mn_compose *mn_masto__compose(const mn_req *r)
{
    return ((const mn_api *)r->app)->compose;
}
/* The parts of an mn_api that posts need: `shown` and `compose`. Stop is fine when start failed or was not called. */
mn_rc mn_masto__statuses_start(mn_api *a, mn_err *e);
void mn_masto__statuses_stop(mn_api *a);
/* Answers by the code of a failed service of social/compose.h: what was sent in vain, 404, 403 or 422 with the message. */
void mn_masto__compose_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e);
/* The post of ":id" when the one who asks may see it; false: 404 was answered. */
bool mn_masto__visible_post(mn_req *r, mn_resp *w, mn_post *ret);
void mn_masto__history(mn_req *r, mn_resp *w); /* GET …/:id/history: status_history.c */
/* The Status entity as the answer; 404 when the one who asks may not see it. */
void mn_masto__answer_status(mn_req *r, mn_resp *w, uint64_t id);
/* The request's members of a new post as a draft, on its arena; false: answered. */
bool mn_masto__read_draft(mn_req *r, mn_resp *w, mn_draft *ret);

/* Timers: what is due is posted, polls that ended are told of, keys of repeated requests are forgotten. */
mn_rc mn_masto__scheduled_timer(mn_api *a, mn_arena *ar, mn_err *e);
mn_rc mn_masto__polls_timer(mn_api *a, mn_arena *ar, mn_err *e);
mn_rc mn_masto__repeats_timer(mn_api *a, mn_arena *ar, mn_err *e);
/* The ScheduledStatus entity as the answer. */
void mn_masto__answer_scheduled(mn_req *r, mn_resp *w, uint64_t id);
/* A page's bounds as the store takes them. */
static inline mn_mark_span mn_masto__span(const mn_page *p)
{
    return (mn_mark_span){.below = p->max_id,
                          .since = p->min_id ? p->min_id : p->since_id,
                          .upward = p->min_id != 0,
                          .limit = p->limit};
}

#endif
