/* People, as they stand to each other: follows and requests, blocks, mutes, notes, endorsements, blocked domains.
 *
 * These functions keep rows and counters together and tell of what they change (MN_EV_FOLLOW, _UNFOLLOW, _RELATION, _LIST,
 * _ACCOUNT); what may be done and what follows from it is decided in social/people.h, which callers outside of src/social
 * use for writing.
 *
 * A mute that has expired counts as none everywhere here, whether its row is still there or not. */
#ifndef MN_STORE_PEOPLE_H
#define MN_STORE_PEOPLE_H

#include "store/store.h"

/* ---- how one stands to another --------------------------------------------------------------------------------- */

/* A viewer (`me`) and one account. */
typedef struct mn_relation {
    uint64_t id;            /* the other account … */
    mn_account_state state; /* … and its own state */
    bool following;         /* me → it */
    bool boosts,
        notify; /* of that follow, or of the request that waits: shows boosts; tells of each post */
    mn_str languages;             /* of the same: comma-separated, empty: all */
    bool followed_by;             /* it → me */
    int64_t followed_by_ms;       /* since when; 0: not */
    bool requested, requested_by; /* me → it, it → me: a follow request waits */
    bool blocking, blocked_by;    /* me → it, it → me */
    bool muting, muting_notifications;
    int64_t mute_expires_ms; /* 0: never, or not muting */
    bool endorsed, domain_blocking;
    mn_str note; /* what I wrote about it, for me alone */
} mn_relation;

/* How `me` stands to each of n accounts (≤ 1,000), in their order; accounts that are not here are left out. me 0: nothing
 * but ids. Strings live in the arena. One reader, about 10 µs an account. */
mn_rc mn_store_relations(mn_store *s, uint64_t me, const uint64_t *ids, size_t n, mn_arena *ar,
                         mn_relation **ret, size_t *ret_n, mn_err *e);
/* The same for one, as the transaction sees it. MN_E_NOT_FOUND (no message) when `id` is not here. */
mn_rc mn_store_relation(mn_tx *tx, uint64_t me, uint64_t id, mn_arena *ar, mn_relation *ret,
                        mn_err *e);

/* ---- lists of people ------------------------------------------------------------------------------------------- */

typedef enum mn_rel {
    MN_REL_FOLLOWING,
    MN_REL_FOLLOWERS,
    MN_REL_REQUESTED,    /* I wait for their answer */
    MN_REL_REQUESTED_BY, /* they wait for mine */
    MN_REL_BLOCKING,
    MN_REL_BLOCKED_BY,
    MN_REL_MUTING,
    MN_REL_MUTED_BY,
    MN_REL_ENDORSED,
    MN_RELS
} mn_rel;

/* All ids of one relation, ascending: for caches of who hides from whom. */
mn_rc mn_store_rel_ids(mn_store *s, uint64_t me, mn_rel rel, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, mn_err *e);
/* One row of a page: `id` is the relation's own (pages go by it). */
typedef struct mn_rel_row {
    uint64_t id, account_id;
    int64_t expires_ms; /* of a mute */
} mn_rel_row;
/* Bounds on the relation's id, 0: none. Newest first: ids < before and > since; with `after`: the `limit` rows right above
 * it, newest first too. limit ≤ 1,000. Suspended and deleted accounts are left out. */
typedef struct mn_bounds {
    uint64_t before, since, after;
    size_t limit;
} mn_bounds;
mn_rc mn_store_rel_page(mn_store *s, uint64_t me, mn_rel rel, mn_bounds b, mn_arena *ar,
                        mn_rel_row **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_rel_count(mn_store *s, uint64_t me, mn_rel rel, uint64_t *ret, mn_err *e);
/* Followers of `author` who asked to be told of each post (ids), as the transaction sees them. */
mn_rc mn_store_follow_bells(mn_tx *tx, uint64_t author, mn_arena *ar, uint64_t **ret,
                            size_t *ret_n, mn_err *e);
/* Active moderators and operators, by id. */
mn_rc mn_store_staff(mn_tx *tx, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);
/* Whom `me` follows among the followers of `id`: up to limit ids, newest first. */
mn_rc mn_store_familiar(mn_store *s, uint64_t me, uint64_t id, size_t limit, mn_arena *ar,
                        uint64_t **ret, size_t *ret_n, mn_err *e);

/* ---- writing --------------------------------------------------------------------------------------------------- */

typedef struct mn_follow {
    bool boosts, notify;
    mn_str languages; /* comma-separated, empty: all */
    int64_t at_ms;
} mn_follow;
/* Makes the follow, or changes its settings when it is there; a request that waited is taken away. Counters of both are
 * exact, whatever runs beside. *ret_new (may be NULL): it was not there.
 * errors MN_E_USAGE oneself; MN_E_NOT_FOUND either is not here */
mn_rc mn_store_follow_set(mn_tx *tx, uint64_t follower, uint64_t followee, const mn_follow *f,
                          bool *ret_new, mn_err *e);
/* Ends it: the followee leaves the follower's lists and endorsements. *ret_was (may be NULL): it was there. */
mn_rc mn_store_follow_end(mn_tx *tx, uint64_t follower, uint64_t followee, bool *ret_was,
                          mn_err *e);
/* A request, or other settings of the one that waits. */
mn_rc mn_store_request_set(mn_tx *tx, uint64_t from, uint64_t to, const mn_follow *f,
                           bool *ret_new, mn_err *e);
/* What was asked for; MN_E_NOT_FOUND (no message) when nothing was. */
mn_rc mn_store_request(mn_tx *tx, uint64_t from, uint64_t to, mn_arena *ar, mn_follow *ret,
                       mn_err *e);
mn_rc mn_store_request_remove(mn_tx *tx, uint64_t from, uint64_t to, bool *ret_was, mn_err *e);
mn_rc mn_store_block_set(mn_tx *tx, uint64_t me, uint64_t id, bool on, int64_t at_ms,
                         bool *ret_changed, mn_err *e);
mn_rc mn_store_mute_set(mn_tx *tx, uint64_t me, uint64_t id, bool notifications,
                        int64_t expires_ms, int64_t at_ms, mn_err *e);
mn_rc mn_store_mute_remove(mn_tx *tx, uint64_t me, uint64_t id, bool *ret_was, mn_err *e);
/* Removes up to `limit` mutes that expired by now, with their events; *ret_n: how many. */
mn_rc mn_store_mutes_expire(mn_tx *tx, int64_t now_ms, size_t limit, size_t *ret_n, mn_err *e);
/* An empty text removes the note. */
mn_rc mn_store_note_set(mn_tx *tx, uint64_t me, uint64_t id, mn_str text, mn_err *e);
mn_rc mn_store_endorse_set(mn_tx *tx, uint64_t me, uint64_t id, bool on, mn_err *e);
/* Domains in lower case (the caller has checked them). */
mn_rc mn_store_domain_block_set(mn_tx *tx, uint64_t me, mn_str domain, bool on, mn_err *e);
/* Ends the follows between `me` and accounts of that domain, both ways. */
mn_rc mn_store_domain_follows_end(mn_tx *tx, uint64_t me, mn_str domain, mn_err *e);
typedef struct mn_domain_row {
    uint64_t id;
    mn_str domain;
} mn_domain_row;
mn_rc mn_store_domain_blocks_page(mn_store *s, uint64_t me, mn_bounds b, mn_arena *ar,
                                  mn_domain_row **ret, size_t *ret_n, mn_err *e);
/* Takes away all that stands between this account and others, both ways, with what hangs on it (notifications, requests,
 * notes, permissions): for a deleted account. Follows go up to `limit` a call, with their events and counters; *ret_left:
 * call again. */
mn_rc mn_store_people_forget(mn_tx *tx, uint64_t id, size_t limit, bool *ret_left, mn_err *e);

/* ---- finding people -------------------------------------------------------------------------------------------- */

/* Active accounts whose name starts with the text's first word, or whose display name has words that start with each of the
 * text's first three (any case); whom `me` follows first, then by followers. following: only those. limit ≤ 1,000. Of what
 * more than 5,000 accounts fit, any 5,000 are looked at. */
typedef struct mn_people_query {
    mn_str text;
    uint64_t me;
    bool following;
    size_t limit, offset;
} mn_people_query;
mn_rc mn_store_people_search(mn_store *s, const mn_people_query *q, mn_arena *ar,
                             uint64_t **ret, size_t *ret_n, mn_err *e);
/* The directory: discoverable active accounts, not silenced, that `me` neither blocks nor is blocked by nor mutes.
 * newest: by when they were made; else by their last post. local_only: those of this server. */
mn_rc mn_store_directory(mn_store *s, uint64_t me, bool newest, bool local_only, size_t limit,
                         size_t offset, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);
/* Why somebody is suggested; the first that applies. */
typedef enum mn_suggestion_source {
    MN_SUGGEST_FRIENDS,  /* people I follow follow it */
    MN_SUGGEST_FOLLOWED, /* has many followers */
    MN_SUGGEST_ACTIVE    /* was here lately */
} mn_suggestion_source;
typedef struct mn_suggestion {
    uint64_t account_id;
    mn_suggestion_source source;
} mn_suggestion;
/* Discoverable accounts that `me` does not follow, has not asked, blocked, muted or dismissed. */
mn_rc mn_store_suggestions(mn_store *s, uint64_t me, size_t limit, mn_arena *ar,
                           mn_suggestion **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_suggestion_dismiss(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);

/* ---- an account's posts ---------------------------------------------------------------------------------------- */

/* Which posts of `account` someone may see; the caller has decided how much that is. Direct posts are seen by their author
 * and by whom they mention; followers-only ones by followers (most_private) and by whom they mention. Boosts of posts whose
 * author has blocked `me` or is blocked by me are left out. */
typedef struct mn_profile_query {
    uint64_t account, me;
    mn_visibility
        most_private; /* without a mention: DIRECT for the author, FOLLOWERS for a follower, else UNLISTED */
    bool only_media, exclude_replies, exclude_boosts, pinned;
    mn_str tagged; /* lower case, without '#'; empty: any */
    mn_bounds page;
} mn_profile_query;
/* Ids, newest first. exclude_replies keeps answers to oneself. */
mn_rc mn_store_profile_posts(mn_store *s, const mn_profile_query *q, mn_arena *ar,
                             uint64_t **ret, size_t *ret_n, mn_err *e);

#endif
