/* What the handlers of timelines, lists, tags, filters, conversations, search and trends share. Private to this folder. */
#ifndef MN_API_MASTODON_READING_INT_H
#define MN_API_MASTODON_READING_INT_H

#include "api/mastodon/mastodon.h"
#include "social/feeds.h"
#include "store/tags.h"

/* ---- pages of posts: timelines.c ----------------------------------------------------------------------------------- */

/* Where ids of posts come from: those of the span in its own order (upward: oldest first). *ret_next: the bound to go on
 * from; *ret_ended: there is nothing beyond. */
typedef mn_rc (*mn_masto__source)(void *arg, const mn_span *sp, mn_arena *ar, uint64_t **ret,
                                  size_t *ret_n, uint64_t *ret_next, bool *ret_ended,
                                  mn_err *e);
/* Answers a page of posts that the viewer may see, with its Link header. */
void mn_masto__posts_out(mn_req *r, mn_resp *w, const mn_page *p, mn_masto__source source,
                         void *arg, mn_filter_context where);
/* The posts of these ids that are there and that the viewer may see, as an array. */
mn_rc mn_masto__posts_write(const mn_view *v, const uint64_t *ids, size_t n,
                            mn_filter_context where, mn_json_writer *j, mn_err *e);
/* False, and 401 answered, where the setting `public_timeline` wants a member. */
bool mn_masto__may_read_public(mn_req *r, mn_resp *w);

/* ---- tags: tags.c ---------------------------------------------------------------------------------------------------- */

/* A Tag entity with its week; signed in, whether it is followed and featured. */
mn_rc mn_masto__tag(const mn_view *v, const mn_tag *t, mn_json_writer *j, mn_err *e);
/* The members day, uses, accounts of one entry of a history. */
void mn_masto__history_day(mn_json_writer *j, int64_t day, uint64_t uses, uint64_t accounts);
void mn_masto__tag_url(const mn_view *v, mn_str name, mn_json_writer *j);

#endif
