/* What people do to each other: follow, block, mute, and take it back.
 *
 * Each function works in the caller's transaction, checks what may be, does all that follows from it and tells the events;
 * the caller commits. Doing again what is done already succeeds and changes nothing.
 * errors of all: MN_E_NOT_FOUND ("there is no such account") when the other is not here, is deleted or waits for approval;
 *        those of the store */
#ifndef MN_SOCIAL_PEOPLE_H
#define MN_SOCIAL_PEOPLE_H

#include "social/notify.h"
#include "store/people.h"

/* What is given is set, the rest stays (of a new follow: boosts shown, no notifications, all languages). */
typedef struct mn_follow_opts {
    bool has_boosts, boosts;
    bool has_notify, notify;
    bool has_languages;
    mn_str languages; /* comma-separated codes */
    bool no_notice;   /* tells the followed nothing: for follows brought over in bulk */
} mn_follow_opts;
/* A locked account, and any when the follower is silenced, is asked instead. *ret_asked (may be NULL): a request waits now.
 * errors MN_E_NOT_FOUND also: oneself, or suspended; MN_E_DENIED either blocks the other, or the other has moved away;
 *        MN_E_USAGE a language that is no code; MN_E_LIMIT more than 7,500 follows (and more than 1.1 times one's
 *        followers), as Mastodon */
mn_rc mn_social_follow(mn_tx *tx, uint64_t me, uint64_t id, const mn_follow_opts *o,
                       bool *ret_asked, mn_err *e);
/* Ends the follow, or withdraws the request. */
mn_rc mn_social_unfollow(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
/* `id` follows me no more. */
mn_rc mn_social_remove_follower(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
/* MN_E_NOT_FOUND when that account has not asked. */
mn_rc mn_social_request_accept(mn_tx *tx, uint64_t me, uint64_t from, mn_err *e);
mn_rc mn_social_request_reject(mn_tx *tx, uint64_t me, uint64_t from, mn_err *e);

/* Cuts follows and requests both ways, takes each out of the other's lists, notifications and endorsements. */
mn_rc mn_social_block(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
mn_rc mn_social_unblock(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
/* duration_s 0: for good. notifications: nothing of theirs is told either. */
mn_rc mn_social_mute(mn_tx *tx, uint64_t me, uint64_t id, bool notifications,
                     int64_t duration_s, mn_err *e);
mn_rc mn_social_unmute(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
#define MN_NOTE_MAX 2000 /* characters */
mn_rc mn_social_note(mn_tx *tx, uint64_t me, uint64_t id, mn_str text, mn_err *e);
/* MN_E_USAGE unless followed. */
mn_rc mn_social_endorse(mn_tx *tx, uint64_t me, uint64_t id, bool on, mn_err *e);
/* MN_E_USAGE when it is no host name. Blocking cuts follows with accounts of that domain both ways. */
mn_rc mn_social_domain_block(mn_tx *tx, uint64_t me, mn_str domain, bool on, mn_err *e);

/* ---- profiles -------------------------------------------------------------------------------------------------- */

#define MN_FIELDS_MAX      4
#define MN_FIELD_MAX       255 /* characters, of name and of value */
#define MN_DISPLAY_MAX     30
#define MN_BIO_MAX         500
#define MN_ATTRIBUTION_MAX 100 /* domains */
typedef struct mn_field {
    mn_str name, value;  /* plain text */
    int64_t verified_ms; /* the page it links to links back (rel=me); 0: not */
} mn_field;
/* mn_account.fields, read and written. What is no such JSON reads as none. */
size_t mn_social_fields_read(mn_str json, mn_arena *ar, mn_field ret[MN_FIELDS_MAX]);
mn_str mn_social_fields_write(const mn_field *f, size_t n, mn_arena *ar);

/* mn_account.settings: what a member chose for the client and for new posts. */
typedef struct mn_prefs {
    mn_visibility privacy; /* of new posts */
    bool sensitive;
    mn_str language;        /* of new posts; empty: found out from the text */
    mn_quote_policy quotes; /* who may quote new posts */
    bool hide_media,
        show_all_media; /* reading:expand:media: "hide_all", "show_all"; neither: "default" */
    bool expand_warnings;
    bool noindex; /* asks search engines of the web to stay away */
    bool memorial;
    bool hide_featured, hide_media_tab, hide_media_replies; /* tabs of the profile */
    mn_str avatar_alt, header_alt;
    const mn_str *attribution; /* domains that may name this account as author */
    size_t n_attribution;
} mn_prefs;
/* Defaults where the JSON says nothing. Strings borrow from the JSON or live in the arena. */
mn_prefs mn_social_prefs_read(mn_str json, mn_arena *ar);
mn_str mn_social_prefs_write(const mn_prefs *p, mn_arena *ar);

#endif
