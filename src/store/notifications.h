/* Notifications as rows: lists, groups, requests, policies. What becomes one is decided in social/notify.h. */
#ifndef MN_STORE_NOTIFICATIONS_H
#define MN_STORE_NOTIFICATIONS_H

#include "store/people.h"

/* The numbers are stored. */
typedef enum mn_notice_kind {
    MN_NOTICE_MENTION = 1,
    MN_NOTICE_STATUS, /* someone whose posts one asked to be told of has posted */
    MN_NOTICE_REBLOG,
    MN_NOTICE_FOLLOW,
    MN_NOTICE_FOLLOW_REQUEST,
    MN_NOTICE_FAVOURITE,
    MN_NOTICE_POLL,   /* a poll that one made or voted in has ended */
    MN_NOTICE_UPDATE, /* a post that one boosted was edited */
    MN_NOTICE_ADMIN_SIGN_UP,
    MN_NOTICE_ADMIN_REPORT,       /* other_id: report */
    MN_NOTICE_SEVERED,            /* other_id: what severed them */
    MN_NOTICE_MODERATION_WARNING, /* other_id: strike */
    MN_NOTICE_QUOTE,              /* post_id: the post that quotes */
    MN_NOTICE_QUOTED_UPDATE, /* a post that one quoted was edited; post_id: one's own post that quotes it */
    MN_NOTICE_KINDS /* one more than the last */
} mn_notice_kind;

/* "mention", "admin.sign_up" … as the Mastodon API names them; NULL for a number that is none. */
const char *mn_notice_name(mn_notice_kind k);
/* 0 when there is no such kind. */
mn_notice_kind mn_notice_parse(mn_str name);
/* A set of kinds, bit k for kind k. */
typedef uint32_t mn_notice_set;
#define MN_NOTICE_ALL    ((mn_notice_set)((1u << MN_NOTICE_KINDS) - 2u))
#define MN_NOTICE_BIT(k) ((mn_notice_set)1u << (unsigned)(k))

typedef struct mn_notification {
    uint64_t id, account_id, from_id, post_id, other_id;
    mn_notice_kind kind;
    bool filtered;
    int64_t at_ms;
    mn_str group_key; /* empty: not grouped, "ungrouped-ID" for clients */
} mn_notification;

/* ---- reading --------------------------------------------------------------------------------------------------- */

typedef struct mn_notification_query {
    uint64_t account;
    mn_notice_set kinds; /* 0: all */
    uint64_t from;       /* 0: anybody */
    bool include_filtered;
    mn_bounds page;
} mn_notification_query;
/* Newest first. What comes from suspended or deleted accounts is left out. */
mn_rc mn_store_notifications(mn_store *s, const mn_notification_query *q, mn_arena *ar,
                             mn_notification **ret, size_t *ret_n, mn_err *e);
/* One; MN_E_NOT_FOUND (no message). account 0: whoever's. */
mn_rc mn_store_notification(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                            mn_notification *ret, mn_err *e);
/* How many are newer than `since`, counted up to `most`. */
mn_rc mn_store_notifications_count(mn_store *s, const mn_notification_query *q, uint64_t most,
                                   uint64_t *ret, mn_err *e);

#define MN_GROUP_SAMPLE 8
/* Notifications with one key; one that is not grouped is a group of its own. */
typedef struct mn_notification_group {
    uint64_t lead_id;       /* what put it on the page: pages go by it */
    mn_notification newest; /* of the group, as far as the page's upper bound reaches */
    uint64_t n;             /* in all, up to the same bound */
    uint64_t page_min_id, page_max_id; /* of those within the page */
    int64_t page_at_ms;                /* when the newest within the page came */
    uint64_t sample[MN_GROUP_SAMPLE];  /* from whom, newest first */
    size_t n_sample;
} mn_notification_group;
/* A page of groups, the one with the newest notification first. Kinds that are not in `grouped` (0: all that can be) are
 * given one by one. */
mn_rc mn_store_notification_groups(mn_store *s, const mn_notification_query *q,
                                   mn_notice_set grouped, mn_arena *ar,
                                   mn_notification_group **ret, size_t *ret_n, mn_err *e);
/* How many groups are newer than page.since, counted up to `most`. */
mn_rc mn_store_notification_groups_count(mn_store *s, const mn_notification_query *q,
                                         mn_notice_set grouped, uint64_t most, uint64_t *ret,
                                         mn_err *e);
/* The group with that key ("ungrouped-ID" too); MN_E_NOT_FOUND (no message). */
mn_rc mn_store_notification_group(mn_store *s, uint64_t account, mn_str key, mn_arena *ar,
                                  mn_notification_group *ret, mn_err *e);
/* From whom: rows of notification id and account, newest first. */
mn_rc mn_store_notification_group_people(mn_store *s, uint64_t account, mn_str key, mn_bounds b,
                                         mn_arena *ar, mn_rel_row **ret, size_t *ret_n,
                                         mn_err *e);

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Enters it (n->id is made when 0) and tells MN_EV_NOTIFICATION, unless it is filtered. What there can be once only
 * (favourite, reblog, follow, follow_request, poll of one post and sender) and is there already gives MN_E_EXISTS (no message). */
mn_rc mn_store_notification_add(mn_tx *tx, const mn_notification *n, uint64_t *ret_id,
                                mn_err *e);
/* What there is to know of a post before somebody is told of it. */
typedef struct mn_notice_post {
    bool gone; /* deleted, or not here */
    mn_visibility visibility;
    bool muted; /* the receiver wants nothing of its thread */
    bool
        answer; /* it answers the receiver, or the receiver has mentioned its author in that thread */
} mn_notice_post;
mn_rc mn_store_notice_post(mn_tx *tx, uint64_t to, uint64_t from, uint64_t post_id,
                           mn_notice_post *ret, mn_err *e);
/* The group key of the newest of that receiver, kind and post; empty when there is none. */
mn_rc mn_store_notification_key(mn_tx *tx, uint64_t account, mn_notice_kind kind,
                                uint64_t post_id, mn_arena *ar, mn_str *ret, mn_err *e);
mn_rc mn_store_notification_remove(mn_tx *tx, uint64_t account, uint64_t id, bool *ret_was,
                                   mn_err *e);
mn_rc mn_store_notification_group_remove(mn_tx *tx, uint64_t account, mn_str key, mn_err *e);
mn_rc mn_store_notifications_clear(mn_tx *tx, uint64_t account, mn_err *e);
/* What was undone: all of that receiver, kind, sender and post. */
mn_rc mn_store_notifications_undo(mn_tx *tx, uint64_t account, mn_notice_kind kind,
                                  uint64_t from, uint64_t post_id, mn_err *e);
/* All between two accounts that `account` got, its request and permission too. */
mn_rc mn_store_notifications_cut(mn_tx *tx, uint64_t account, uint64_t from, mn_err *e);
/* All about a post that is gone. Called by whoever deletes posts. */
mn_rc mn_store_notifications_post_gone(mn_tx *tx, uint64_t post_id, mn_err *e);

/* ---- policy ---------------------------------------------------------------------------------------------------- */

typedef enum mn_policy_value {
    MN_POLICY_ACCEPT,
    MN_POLICY_FILTER,
    MN_POLICY_DROP
} mn_policy_value;
typedef struct mn_notification_policy {
    mn_policy_value not_following, not_followers, new_accounts, private_mentions,
        limited_accounts;
} mn_notification_policy;
/* What holds for an account that has chosen nothing: private mentions and limited accounts are filtered. */
extern const mn_notification_policy mn_notification_policy_default;
mn_rc mn_store_policy(mn_store *s, uint64_t account, mn_notification_policy *ret, mn_err *e);
mn_rc mn_store_policy_tx(mn_tx *tx, uint64_t account, mn_notification_policy *ret, mn_err *e);
mn_rc mn_store_policy_set(mn_tx *tx, uint64_t account, const mn_notification_policy *p,
                          mn_err *e);
/* Senders whom the policy does not touch. */
mn_rc mn_store_permission(mn_tx *tx, uint64_t account, uint64_t from, bool *ret, mn_err *e);
mn_rc mn_store_permission_set(mn_tx *tx, uint64_t account, uint64_t from, bool on, mn_err *e);

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* A sender whose notifications are filtered. */
typedef struct mn_notification_request {
    uint64_t id, account_id, from_id, last_post_id, n;
    int64_t created_ms, updated_ms;
} mn_notification_request;
mn_rc mn_store_notification_request_note(mn_tx *tx, uint64_t account, uint64_t from,
                                         uint64_t post_id, int64_t at_ms, mn_err *e);
mn_rc mn_store_notification_requests(mn_store *s, uint64_t account, mn_bounds b, mn_arena *ar,
                                     mn_notification_request **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_notification_request(mn_store *s, uint64_t account, uint64_t id,
                                    mn_notification_request *ret, mn_err *e);
/* How many requests and how many notifications in them, each counted up to 100. */
mn_rc mn_store_notification_requests_count(mn_store *s, uint64_t account,
                                           uint64_t *ret_requests, uint64_t *ret_notifications,
                                           mn_err *e);
/* accept: the sender has permission from now on, what was filtered joins the list (MN_EV_NOTIFICATIONS_MERGED); else it is
 * deleted. MN_E_NOT_FOUND (no message). */
mn_rc mn_store_notification_request_end(mn_tx *tx, uint64_t account, uint64_t id, bool accept,
                                        mn_err *e);

#endif
