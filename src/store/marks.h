/* What members do with posts: mentions in them, favourites, bookmarks, boosts, pins, muted threads, media kept for later.
 *
 * Adding what is there and removing what is not changes nothing (*ret_changed false); counters in the posts' rows follow in
 * the same transaction. Whether somebody may do it is decided in social/compose.h.
 *
 * errors those of the store; others are named
 */
#ifndef MN_STORE_MARKS_H
#define MN_STORE_MARKS_H

#include "store/store.h"

typedef enum mn_mark {
    MN_MARK_FAVOURITE, /* counted; tells MN_EV_POST_COUNTS */
    MN_MARK_BOOKMARK,
    MN_MARK_PIN,
    MN_MARKS
} mn_mark;

/* ---- one account, one post ----------------------------------------------------------------------------------------- */

/* There need not be a post to take a mark off. Adding: MN_E_NOT_FOUND unless a live post is there. */
mn_rc mn_store_mark_set(mn_tx *tx, mn_mark m, uint64_t account, uint64_t post, bool on,
                        bool *ret_changed, mn_err *e);
mn_rc mn_store_thread_mute_set(mn_tx *tx, uint64_t account, uint64_t thread, bool on,
                               bool *ret_changed, mn_err *e);
/* The live boost of `post` by the account; MN_E_NOT_FOUND without a message. */
mn_rc mn_store_boost_of(mn_tx *tx, uint64_t account, uint64_t post, uint64_t *ret_id,
                        mn_err *e);
mn_rc mn_store_pins_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e);

/* ---- flags for a page ------------------------------------------------------------------------------------------------ */

typedef struct mn_post_flags {
    bool favourited, boosted, bookmarked, pinned, muted;
} mn_post_flags;
/* How `account` marked each of n ≤ 1,000 posts. threads[i] is the thread of posts[i]. A few range scans, 10 µs or so. */
mn_rc mn_store_post_flags(mn_store *s, uint64_t account, const uint64_t *posts,
                          const uint64_t *threads, size_t n, mn_post_flags *ret, mn_err *e);

/* ---- pages ---------------------------------------------------------------------------------------------------------- */

/* A mark has an id of its own, by which pages go, newest first. */
typedef struct mn_mark_row {
    uint64_t id, post_id, account_id;
} mn_mark_row;
/* Ids strictly between since and below (0: no bound); upward: the `limit` rows right above `since`. Newest first in any case.
 * limit ≤ 1,000 (MN_E_LIMIT). */
typedef struct mn_mark_span {
    uint64_t below, since;
    bool upward;
    size_t limit;
} mn_mark_span;
/* Of an account: what it marked, live posts only. */
mn_rc mn_store_marks_by(mn_store *s, mn_mark m, uint64_t account, const mn_mark_span *sp,
                        mn_arena *ar, mn_mark_row **ret, size_t *ret_n, mn_err *e);
/* Of a post: active accounts that favourited it. */
mn_rc mn_store_favourites_of(mn_store *s, uint64_t post, const mn_mark_span *sp, mn_arena *ar,
                             mn_mark_row **ret, size_t *ret_n, mn_err *e);
/* Of a post: its live boosts by active accounts that are public or unlisted, or by `viewer`; id is the boost's. */
mn_rc mn_store_boosts_of(mn_store *s, uint64_t post, uint64_t viewer, const mn_mark_span *sp,
                         mn_arena *ar, mn_mark_row **ret, size_t *ret_n, mn_err *e);
/* Of a post: live, accepted quotes of it; id and post_id are the quoting post's. */
mn_rc mn_store_quotes_of(mn_store *s, uint64_t post, const mn_mark_span *sp, mn_arena *ar,
                         mn_mark_row **ret, size_t *ret_n, mn_err *e);
/* Who boosted, or who wrote live accepted quotes of, a post: to be told of an edit. At most limit. account_id is who;
 * post_id what of theirs. */
mn_rc mn_store_boosters(mn_tx *tx, uint64_t post, size_t limit, mn_arena *ar, mn_mark_row **ret,
                        size_t *ret_n, mn_err *e);
mn_rc mn_store_quoters(mn_tx *tx, uint64_t post, size_t limit, mn_arena *ar, mn_mark_row **ret,
                       size_t *ret_n, mn_err *e);

/* ---- mentions -------------------------------------------------------------------------------------------------------- */

typedef struct mn_mention {
    uint64_t post_id, account_id;
    mn_str name, domain; /* of the account */
} mn_mention;
/* The post mentions exactly these accounts from now on. */
mn_rc mn_store_mentions_set(mn_tx *tx, uint64_t post, const uint64_t *accounts, size_t n,
                            mn_err *e);
/* Of several posts, by post (in the order asked) and account. n ≤ 1,000. */
mn_rc mn_store_mentions_of(mn_store *s, const uint64_t *posts, size_t n, mn_arena *ar,
                           mn_mention **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_mentions_is(mn_store *s, uint64_t post, uint64_t account, bool *ret, mn_err *e);

/* ---- threads --------------------------------------------------------------------------------------------------------- */

/* The bare tree: live posts and tombstones of a thread, oldest first, up to limit. */
typedef struct mn_thread_link {
    uint64_t id, reply_to, account_id, reply_account;
    bool gone;
} mn_thread_link;
mn_rc mn_store_thread_links(mn_store *s, uint64_t thread, size_t limit, mn_arena *ar,
                            mn_thread_link **ret, size_t *ret_n, mn_err *e);

/* The numbers of a post's row as the transaction sees them, no texts, tombstones too; MN_E_NOT_FOUND with a message. */
mn_rc mn_store_post_head(mn_tx *tx, uint64_t id, mn_post *ret, mn_err *e);
/* The thread of a post, as it will be after the commit; MN_E_NOT_FOUND without a message. */
mn_rc mn_store_post_thread(mn_tx *tx, uint64_t post, uint64_t *ret, mn_err *e);

/* ---- hidden from each other ---------------------------------------------------------------------------------------------- */

/* ret[i]: one of viewer and authors[i] has blocked the other. */
mn_rc mn_store_blocked_pairs(mn_store *s, uint64_t viewer, const uint64_t *authors, size_t n,
                             bool *ret, mn_err *e);
/* ret[i]: viewer mutes authors[i] at now_ms. */
mn_rc mn_store_muted(mn_store *s, uint64_t viewer, const uint64_t *authors, size_t n,
                     int64_t now_ms, bool *ret, mn_err *e);

#endif
