/* Notifications: who is told of what.
 *
 * Nobody is told of their own doing, nor of what comes from somebody they block, have muted with notifications, or whose
 * domain they block, nor of what happens in a thread they have muted. What remains goes past the receiver's policy: by
 * class of sender (not followed, not a follower, new here, limited, unsolicited private mention) it is taken, set aside in
 * requests, or dropped; a sender who was accepted once passes. Warnings, polls, edits and what is for moderators pass always. */
#ifndef MN_SOCIAL_NOTIFY_H
#define MN_SOCIAL_NOTIFY_H

#include "social/social.h"
#include "store/notifications.h"

typedef struct mn_notice {
    mn_notice_kind kind;
    uint64_t to; /* who is told */
    uint64_t
        from; /* whose doing it is; for POLL its author, for SEVERED and MODERATION_WARNING the receiver itself */
    uint64_t post_id;  /* 0: none. FAVOURITE, REBLOG: the post that was liked or boosted */
    uint64_t other_id; /* report, strike, severed event; 0: none */
    int64_t at_ms;     /* 0: now */
} mn_notice;

/* Makes the notification unless something forbids it, in the caller's transaction; tells MN_EV_NOTIFICATION with its commit
 * when the receiver is to see it. The post must have been written (with its mentions) before. Doing it twice makes one.
 * *ret_id (may be NULL): the notification, 0 when none was made.
 * errors those of the store; that it is forbidden or its receiver is not here is no error */
mn_rc mn_social_notify(mn_tx *tx, const mn_notice *n, uint64_t *ret_id, mn_err *e);
/* Takes back: a favourite undone, a boost undone, a follow ended. */
mn_rc mn_social_notify_undo(mn_tx *tx, const mn_notice *n, mn_err *e);
/* To all moderators and operators (ADMIN_SIGN_UP, ADMIN_REPORT); n->to is ignored. */
mn_rc mn_social_notify_staff(mn_tx *tx, const mn_notice *n, mn_err *e);

/* ---- the decision, pure ---------------------------------------------------------------------------------------- */

/* What the decision looks at. */
typedef struct mn_notice_facts {
    mn_notice_kind kind;
    bool to_self;    /* sender and receiver are one */
    bool to_gone;    /* the receiver is suspended or deleted */
    bool from_staff; /* the sender is a moderator or the operator */
    bool from_gone;  /* the sender is suspended or deleted */
    bool from_silenced;
    bool from_new; /* younger than 30 days */
    bool blocking, blocked_by, domain_blocking,
        muting_notifications; /* receiver → sender, but blocked_by */
    bool muted_thread;
    bool following; /* receiver → sender */
    bool follower;  /* sender → receiver, for three days at least */
    bool direct;    /* a direct post … */
    bool
        answer; /* … in answer to the receiver, or to a thread where the receiver wrote to the sender */
    bool permitted; /* the receiver has accepted this sender */
    mn_notification_policy policy;
} mn_notice_facts;
/* MN_POLICY_ACCEPT, _FILTER or _DROP. */
mn_policy_value mn_social_notice_decide(const mn_notice_facts *f);

#endif
