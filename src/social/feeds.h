/* Home and list timelines, kept in memory for those who read or listen.
 *
 * What belongs into the home of an account X (as Mastodon's FeedManager decides), asked of a live post P by author A:
 *   X's own posts, whatever they are;
 *   what A writes, followed by X: P public, unlisted or for followers, or direct and mentioning X; unless A is a member of one of
 *     X's exclusive lists, or the follow asks for languages and P's is another. A reply only when it answers X, A or somebody
 *     X follows. A boost only when the follow shows boosts, and unless the boosted post, or another boost of it, is among the 40
 *     posts before it in that same timeline;
 *   what carries a tag that X follows: P public, no boost, A not silenced.
 *   Never: when X blocks or mutes A, the boosted or quoted author, or anybody mentioned in P or in what it boosts; when A or the
 *     boosted author blocks X; when either is of a domain that X blocks and X does not follow that author.
 * A list of X shows by the rules of the second kind what its members write (people X follows, or X), exclusive lists aside, no
 * direct posts, with replies to X, to A, and to others by the list's policy.
 *
 * A timeline is a function of the store alone: of its posts, in order of ids, those that belong. Memory holds the newest
 * 800 of it (none or less when it was not read lately); what is older is computed from the store page by page, with the same
 * result. Posts by accounts that are suspended are in the sequence and left out by those who read pages.
 *
 * threads all functions, from any thread. Events are followed through mn_store_listen, so other processes' writes count.
 */
#ifndef MN_SOCIAL_FEEDS_H
#define MN_SOCIAL_FEEDS_H

#include "social/social.h"
#include "store/timelines.h"

#define MN_FEED_KEPT  800
#define MN_FEED_BOOST 40

typedef struct mn_feeds mn_feeds;

/* bytes_max: for all timelines together, 0: 32 MiB; those not used for the longest go first. Borrows the store. */
mn_rc mn_feeds_new(mn_store *s, size_t bytes_max, mn_feeds **ret, mn_err *e);
void mn_feeds_free(mn_feeds *f); /* NULL is fine */

/* A page of ids. Newest first whatever sp->upward (upward: the page nearest above sp->above). list 0: the home; else
 * that list: MN_E_NOT_FOUND (no message) unless it is the account's. */
mn_rc mn_feeds_page(mn_feeds *f, uint64_t account, uint64_t list, const mn_span *sp,
                    mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);

/* ---- for streams ------------------------------------------------------------------------------------------------------ */

/* While an account is watched (counted; as often unwatched), mn_feeds_audience speaks of it. */
mn_rc mn_feeds_watch(mn_feeds *f, uint64_t account, mn_err *e);
void mn_feeds_unwatch(mn_feeds *f, uint64_t account);

/* A watched account into whose home or lists a post belongs. */
typedef struct mn_audience {
    uint64_t account;
    bool home;
    uint64_t *lists;
    size_t n_lists;
} mn_audience;
/* Of all watched accounts those that the post concerns, in no order; nothing when there is no such live post. To be asked from
 * an event listener or anywhere else. */
mn_rc mn_feeds_audience(mn_feeds *f, uint64_t post, mn_arena *ar, mn_audience **ret,
                        size_t *ret_n, mn_err *e);

/* ---- for public timelines and streams ----------------------------------------------------------------------------------- */

/* Rows that the viewer (0: anybody) should not be shown in a public, tag or link timeline are taken out, order kept: of
 * those blocked, muted or blocking, of blocked domains, of silenced accounts the viewer does not follow. */
mn_rc mn_feeds_public(mn_feeds *f, uint64_t viewer, mn_row *rows, size_t *n, mn_err *e);

/* For metrics and tests. */
typedef struct mn_feeds_stats {
    size_t accounts, feeds, bytes;
    uint64_t built, rebuilt_by_event, evicted, from_store;
} mn_feeds_stats;
void mn_feeds_stats_get(mn_feeds *f, mn_feeds_stats *ret);

#endif
