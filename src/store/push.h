/* Subscriptions to Web Push: at most one a token, gone with it. Which notifications are worth a push is decided in
 * api/mastodon/push_send.c. */
#ifndef MN_STORE_PUSH_H
#define MN_STORE_PUSH_H

#include "store/notifications.h"

/* From whom pushes are wanted; the numbers are stored. */
typedef enum mn_push_policy {
    MN_PUSH_ALL,
    MN_PUSH_FOLLOWED, /* people I follow */
    MN_PUSH_FOLLOWER, /* people who follow me */
    MN_PUSH_NONE
} mn_push_policy;

typedef struct mn_push {
    uint64_t id, token_id, account_id;
    mn_str endpoint, p256dh, auth;
    /* The token itself, as the client sent it: it is part of every message, and how clients of several accounts know whom it
     * is for. Tokens without a subscription are kept as hashes only. */
    mn_str access_token;
    mn_notice_set alerts;
    mn_push_policy policy;
    bool standard;
    int64_t created_ms;
} mn_push;

/* Takes the place of the token's subscription, with an id of its own (p->id must be set). */
mn_rc mn_store_push_set(mn_tx *tx, const mn_push *p, mn_err *e);
/* MN_E_NOT_FOUND (no message) when the token has none; this one and the next. */
mn_rc mn_store_push_change(mn_tx *tx, uint64_t token_id, mn_notice_set alerts,
                           mn_push_policy policy, mn_err *e);
mn_rc mn_store_push(mn_store *s, uint64_t token_id, mn_arena *ar, mn_push *ret, mn_err *e);
/* id 0: whichever the token has; else that one only. MN_OK when there is none. */
mn_rc mn_store_push_remove(mn_tx *tx, uint64_t token_id, uint64_t id, mn_err *e);
/* A notification was made (its id set): a job of kind "push" for each subscription of its account that has the alert on. */
mn_rc mn_store_push_note(mn_tx *tx, const mn_notification *n, mn_err *e);

#endif
