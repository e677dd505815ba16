/* Timelines, read as light rows: enough to decide whose timeline a post belongs into, nothing of its text. Whole posts are
 * then fetched by id (mn_store_posts_by_ids). Rules are in social/feeds.h. */
#ifndef MN_STORE_TIMELINES_H
#define MN_STORE_TIMELINES_H

#include "store/store.h"

#define MN_ROW_LANG_MAX 16

/* A live post, as timelines need it. */
typedef struct mn_row {
    uint64_t id, account_id;
    uint64_t boost_of, boost_account; /* boosts of what is gone are not given */
    uint64_t reply_to, reply_account; /* reply_account 0: what it answers is not here */
    uint64_t quote_of, quote_account;
    mn_visibility visibility, boost_visibility;
    bool silenced; /* its author, by a moderator */
    bool active;   /* its author, and the boosted author */
    bool media;
    char lang[MN_ROW_LANG_MAX];  /* cut */
    mn_str domain, boost_domain; /* of the authors; empty: ours. On the arena */
} mn_row;

/* Which part of a sequence of posts: ids strictly between above and below, 0: no bound. Newest first from `below`, or,
 * upward, oldest first from `above`. */
typedef struct mn_span {
    uint64_t below, above;
    bool upward;
    size_t limit; /* ≤ 1,000 */
} mn_span;

/* One light row; MN_E_NOT_FOUND (no message) when there is no such live post. */
mn_rc mn_store_row(mn_store *s, uint64_t id, mn_arena *ar, mn_row *ret, mn_err *e);
/* Of one account, all visibilities, in the span's own order (the same below). */
mn_rc mn_store_rows_by_account(mn_store *s, uint64_t account, const mn_span *sp, mn_arena *ar,
                               mn_row **ret, size_t *ret_n, mn_err *e);

typedef enum mn_where { MN_WHERE_ALL, MN_WHERE_LOCAL, MN_WHERE_REMOTE } mn_where;
/* Public posts of active accounts, without boosts and without replies to others. */
mn_rc mn_store_rows_public(mn_store *s, mn_where where, bool only_media, const mn_span *sp,
                           mn_arena *ar, mn_row **ret, size_t *ret_n, mn_err *e);
/* Public posts of active accounts with any of the first tags, all of the second and none of the third; each ≤ 16. */
typedef struct mn_tag_query {
    const uint64_t *any, *all, *none;
    size_t n_any, n_all, n_none;
    mn_where where;
    bool only_media;
} mn_tag_query;
mn_rc mn_store_rows_tagged(mn_store *s, const mn_tag_query *t, const mn_span *sp, mn_arena *ar,
                           mn_row **ret, size_t *ret_n, mn_err *e);
/* Public posts of active, discoverable accounts whose preview is this card. */
mn_rc mn_store_rows_linking(mn_store *s, uint64_t card_id, const mn_span *sp, mn_arena *ar,
                            mn_row **ret, size_t *ret_n, mn_err *e);
/* Direct posts that the account wrote or is mentioned in. */
mn_rc mn_store_rows_direct(mn_store *s, uint64_t account, const mn_span *sp, mn_arena *ar,
                           mn_row **ret, size_t *ret_n, mn_err *e);
/* Ids of posts that concern the account, newest first, below `below` (0: no bound): its own (no boosts), those it favourited or
 * bookmarked, those that mention it. Some may be gone. limit ≤ 1,000 */
mn_rc mn_store_library(mn_store *s, uint64_t account, uint64_t below, size_t limit,
                       mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);
/* MN_E_NOT_FOUND (no message) when no post here has that preview. */
mn_rc mn_store_card_by_url(mn_store *s, mn_str url, uint64_t *ret_id, mn_err *e);

/* The accounts a post mentions, and its tags; ascending. */
mn_rc mn_store_row_mentions(mn_store *s, uint64_t post_id, mn_arena *ar, uint64_t **ret,
                            size_t *ret_n, mn_err *e);
mn_rc mn_store_row_tags(mn_store *s, uint64_t post_id, mn_arena *ar, uint64_t **ret,
                        size_t *ret_n, mn_err *e);

/* Recent posts that may trend: public, no boosts, not sensitive, with a mark or a preview, by accounts that are active, not
 * silenced and discoverable. From from_id on, newest first, up to limit. */
typedef struct mn_trend_row {
    uint64_t id, account_id, card_id;
    uint64_t marks; /* favourites and boosts */
    bool reply;
} mn_trend_row;
mn_rc mn_store_trend_rows(mn_store *s, uint64_t from_id, size_t limit, mn_arena *ar,
                          mn_trend_row **ret, size_t *ret_n, mn_err *e);

/* ---- what an account's timelines go by --------------------------------------------------------------------------------- */

typedef struct mn_followee {
    uint64_t id;
    bool boosts;      /* theirs are wanted */
    mn_str languages; /* comma-separated, empty: all */
} mn_followee;
/* The rows of an account that decide what it is shown, read in one snapshot; all ids ascending. */
typedef struct mn_outlook {
    mn_followee *follows;
    uint64_t *hidden;    /* blocked or (until now_ms) muted */
    uint64_t *hidden_by; /* those who have blocked the account */
    uint64_t *tags;      /* followed */
    mn_str *domains;     /* blocked */
    size_t n_follows, n_hidden, n_hidden_by, n_tags, n_domains;
    int64_t mute_ends_ms; /* when the next mute does; 0: none will */
} mn_outlook;
mn_rc mn_store_outlook(mn_store *s, uint64_t account, int64_t now_ms, mn_arena *ar,
                       mn_outlook *ret, mn_err *e);

#endif
