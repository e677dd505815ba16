/* Writing: posts made, edited, deleted, boosted, quoted, marked, voted on, scheduled and kept as drafts.
 *
 * Each function is one transaction of its own unless its first argument is an mn_tx. What must be so with a change is done
 * in that transaction: counters, mentions, tags, marks, notifications (social/notify.h), conversations, events
 * (mn_store_event). Who asks is given as an account id and is checked here: callers need not look whether a post may be
 * seen or is one's own. A post that the asker may not see is MN_E_NOT_FOUND, as if there were none.
 *
 * errors  MN_E_NOT_FOUND   no such post (or not for the asker's eyes), poll, scheduled post or draft
 *         MN_E_DENIED      it is there and may be seen, but not this by this account
 *         MN_E_USAGE       what was sent makes no post; the message is for people ("text can't be blank")
 *         MN_E_LIMIT       too long, too many, too soon; the message says what the limit is
 *         and those of the store
 * thread  all functions, from any thread
 */
#ifndef MN_SOCIAL_COMPOSE_H
#define MN_SOCIAL_COMPOSE_H

#include "social/social.h"
#include "store/store.h"

struct mn_conf;

/* ---- limits ---------------------------------------------------------------------------------------------------- */

/* What one post may hold; instance endpoints show it. */
typedef struct mn_compose_limits {
    size_t characters;   /* `post_characters`: as mn_text_characters counts, warning included */
    size_t media;        /* 4 */
    size_t poll_options; /* 4 */
    size_t poll_option_characters;     /* 50 */
    int64_t poll_min_s, poll_max_s;    /* 5 minutes to a month */
    size_t pins;                       /* 5 */
    size_t scheduled, scheduled_a_day; /* 300, 25 */
    int64_t scheduled_min_s;           /* 300: not sooner */
    size_t drafts;                     /* 100 */
} mn_compose_limits;

struct mn_moderation;
struct mn_limits;
/* What the functions here need to know besides the request. Borrowed, never changed. */
typedef struct mn_compose {
    mn_store *store;
    mn_str domain; /* ours: @name@domain is @name */
    mn_compose_limits limits;
    struct mn_moderation *moderation; /* word and link filters; NULL: none are asked */
    /* Called in the transaction that made or edited a post (its link's preview is to be fetched); NULL: nobody. */
    mn_rc (*written)(mn_tx *tx, const mn_post *p, mn_err *e);
    struct mn_limits *plans; /* what the author's plan includes; NULL: `limits` for everybody */
} mn_compose;
/* Limits from the settings. Borrows the store and the domain. errors MN_E_USAGE a setting out of range */
mn_rc mn_compose_init(mn_store *s, const struct mn_conf *conf, mn_str domain, mn_compose *ret,
                      mn_err *e);

/* ---- a post to be made ------------------------------------------------------------------------------------------- */

typedef struct mn_draft {
    uint64_t account_id, app_id;
    mn_str text, warning;
    mn_str lang;      /* BCP 47; empty: the account's default, else what the text looks like */
    int visibility;   /* mn_visibility, or -1: the account's default */
    int sensitive;    /* 0, 1, or -1: the account's default */
    int quote_policy; /* mn_quote_policy, or -1: the account's default */
    uint64_t reply_to, quote_of; /* 0: none */
    const uint64_t *media;       /* own and not attached to anything, at most limits.media */
    size_t n_media;
    const mn_str *poll; /* options; none: no poll */
    size_t n_poll;
    int64_t poll_expires_s; /* from the post's making */
    bool poll_multiple, poll_hide_totals;
    mn_consents consent;    /* the post's own settings; UNSET: as the account says */
    int64_t scheduled_ms;   /* 0 or past, as Mastodon has it: now */
    mn_str idempotency_key; /* empty: none */
} mn_draft;
/* All defaults: nothing said. */
void mn_draft_init(mn_draft *d, uint64_t account_id);

typedef struct mn_created {
    uint64_t post_id;      /* 0: it was scheduled */
    uint64_t scheduled_id; /* 0: it was posted */
    bool repeated; /* made by an earlier request with the same key: nothing was made now */
} mn_created;
/* The accounts that a post with this text would mention, each once, on the arena; nothing is written. */
mn_rc mn_social_mentions_of(const mn_compose *c, mn_str text, mn_arena *ar,
                            const uint64_t **ret, size_t *ret_n, mn_err *e);
/* Makes the post, or the scheduled post. A direct post is seen by those it mentions. A reply keeps no more public a
 * visibility than asked for; replying to what one may not see is MN_E_NOT_FOUND. A quote needs the quoted author's policy
 * (else MN_E_DENIED) and a post that is public or unlisted, or one's own. */
mn_rc mn_social_post_create(const mn_compose *c, const mn_draft *d, mn_created *ret, mn_err *e);

/* An edit by the author: replaces text, warning, language, sensitivity, media (ids of its own or fresh ones, in order),
 * descriptions, poll (other options or another kind of poll set the votes to nothing) and keeps the version before. The same
 * again changes nothing. Those who boosted or quoted the post are told. */
typedef struct mn_edit {
    mn_str text, warning, lang; /* lang empty: as it is */
    int sensitive;              /* -1: as it is */
    int quote_policy;           /* -1: as it is */
    const uint64_t *media;
    size_t n_media;
    const uint64_t *alt_ids; /* new descriptions: of which media */
    const mn_str *alts;
    size_t n_alts;
    const mn_str *poll; /* none: a poll that is there goes */
    size_t n_poll;
    int64_t poll_expires_s; /* 0: as it is */
    bool poll_multiple, poll_hide_totals;
} mn_edit;
mn_rc mn_social_post_edit(const mn_compose *c, uint64_t account, uint64_t post,
                          const mn_edit *x, mn_err *e);

/* [{"id","description"}] of a post's media and {"multiple","options"} of a poll (0: none) as they are now, the way a version
 * keeps them (mn_post_version); empty: none. */
mn_rc mn_social_media_json(mn_store *s, uint64_t post, mn_arena *ar, mn_str *ret, mn_err *e);
mn_rc mn_social_poll_json(mn_store *s, uint64_t poll, mn_arena *ar, mn_str *ret, mn_err *e);

/* By its author. With keep_media its media become unattached again, to be used in a new post (delete and redraft). */
mn_rc mn_social_post_delete(const mn_compose *c, uint64_t account, uint64_t post,
                            bool keep_media, mn_err *e);
/* By anybody entitled (moderators, expiry, deletion of accounts), inside a transaction: the post becomes a tombstone; its
 * boosts do too; marks, tags, mentions, poll and notifications about it go; its parent's, quoted and boosted posts' counters
 * fall; quotes of it show that it is gone. Deleting a tombstone changes nothing. */
mn_rc mn_social_post_remove(mn_tx *tx, uint64_t post, int64_t at_ms, mn_err *e);

/* ---- boosts, quotes ------------------------------------------------------------------------------------------------ */

/* *ret_id: the boost, the one that was there already included. visibility -1: the account's default; own followers-only
 * posts are boosted for followers, others' are MN_E_DENIED, direct ones too. */
mn_rc mn_social_boost(const mn_compose *c, uint64_t account, uint64_t app_id, uint64_t post,
                      int visibility, uint64_t *ret_id, mn_err *e);
mn_rc mn_social_unboost(const mn_compose *c, uint64_t account, uint64_t post, mn_err *e);

typedef enum mn_quote_may {
    MN_QUOTE_YES,
    MN_QUOTE_ASK, /* somebody must say yes first: not used between local accounts */
    MN_QUOTE_NO
} mn_quote_may;
/* May the viewer quote it? Pure, but for what is asked: whether the viewer follows the author. */
mn_quote_may mn_social_may_quote(const mn_post *p, uint64_t viewer, bool follows_author);
/* The quoted author takes consent back: `post`, by that author, is shown in `quoting` no more. */
mn_rc mn_social_quote_revoke(const mn_compose *c, uint64_t account, uint64_t post,
                             uint64_t quoting, mn_err *e);
mn_rc mn_social_quote_policy_set(const mn_compose *c, uint64_t account, uint64_t post,
                                 mn_quote_policy policy, mn_err *e);

/* ---- marks --------------------------------------------------------------------------------------------------------- */

/* on or off; doing it twice is doing it once. *ret: the post as it is then (its strings on the arena). Taking a mark off is
 * allowed on posts that one may not see any more; a post that is not there and has no mark is MN_E_NOT_FOUND. */
mn_rc mn_social_favourite(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                          mn_err *e);
mn_rc mn_social_bookmark(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                         mn_err *e);
mn_rc mn_social_pin(const mn_compose *c, uint64_t account, uint64_t post, bool on, mn_err *e);
/* No notifications from this post's thread. */
mn_rc mn_social_thread_mute(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                            mn_err *e);

/* ---- polls --------------------------------------------------------------------------------------------------------- */

/* choices: option numbers, once a poll and account. MN_E_NOT_FOUND unless the poll's post may be seen. */
mn_rc mn_social_vote(const mn_compose *c, uint64_t account, uint64_t poll,
                     const uint64_t *choices, size_t n, mn_err *e);
/* Tells author and voters of polls that have ended, up to `limit` polls; *ret_n: how many there were. */
mn_rc mn_social_polls_ended(const mn_compose *c, int64_t now_ms, size_t limit, size_t *ret_n,
                            mn_err *e);

/* ---- scheduled posts, drafts ----------------------------------------------------------------------------------------- */

/* Posts what is due, up to `limit`; one that can't be posted any more (what it answers is gone) is dropped with a line in
 * the log. *ret_n: how many were taken. */
mn_rc mn_social_scheduled_due(const mn_compose *c, int64_t now_ms, size_t limit, size_t *ret_n,
                              mn_err *e);
mn_rc mn_social_scheduled_move(const mn_compose *c, uint64_t account, uint64_t id,
                               int64_t at_ms, mn_err *e);
mn_rc mn_social_scheduled_cancel(const mn_compose *c, uint64_t account, uint64_t id, mn_err *e);

/* A draft to be kept: id 0 makes one. Only checked for size; its media are kept from cleaning. */
mn_rc mn_social_draft_save(const mn_compose *c, const mn_draft *d, uint64_t id,
                           uint64_t *ret_id, mn_err *e);
mn_rc mn_social_draft_delete(const mn_compose *c, uint64_t account, uint64_t id, mn_err *e);

/* A draft as JSON, the way scheduled posts and drafts are kept, and back (total: MN_E_PARSE). Strings on the arena. */
mn_rc mn_draft_write(const mn_draft *d, mn_buf *ret, mn_err *e);
mn_rc mn_draft_read(mn_str json, mn_arena *ar, mn_draft *ret, mn_err *e);

/* Requests remembered by Idempotency-Key for longer than an hour are forgotten. */
mn_rc mn_social_idempotency_forget(const mn_compose *c, int64_t now_ms, mn_err *e);

#endif
