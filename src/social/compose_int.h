/* What the files of composing share. Private to src/social. */
#ifndef MN_SOCIAL_COMPOSE_INT_H
#define MN_SOCIAL_COMPOSE_INT_H

#include "social/compose.h"
#include "social/people.h"

/* A text understood: what it says once tidied, whom it names, how many links it holds. On an arena. */
typedef struct mn_compose_text {
    mn_str text, warning;
    uint64_t *mentions; /* accounts, each once, in the order of the text */
    size_t n_mentions, links;
    bool sensitive, report; /* what the word filters say */
    uint64_t filter_id;
} mn_compose_text;

/* Tidies (white space at the ends, CR LF), counts and resolves. `bare`: there is something besides the text (media, a
 * poll, a quote), so that it may be empty. extra: other texts for the filters (poll options, descriptions).
 * errors MN_E_USAGE empty, MN_E_LIMIT too long, MN_E_DENIED a filter says no */
mn_rc mn_compose__text(const mn_compose *c, uint64_t author, mn_str text, mn_str warning,
                       bool bare, const mn_str *extra, size_t n_extra, mn_arena *ar,
                       mn_compose_text *ret, mn_err *e);
/* The language of a post: given (when it is a code), else the account's default, else what the text looks like; empty: unknown. */
mn_rc mn_compose__lang(mn_str given, mn_str preferred, mn_str text, mn_arena *ar, mn_str *ret,
                       mn_err *e);
/* The account that writes, active; MN_E_DENIED when it may not. */
mn_rc mn_compose__author(const mn_compose *c, uint64_t id, mn_arena *ar, mn_account *ret,
                         mn_prefs *ret_prefs, mn_err *e);
/* A live post that `viewer` may see; MN_E_NOT_FOUND with `message` (NULL: "there is no such post"). */
mn_rc mn_compose__visible(mn_store *s, uint64_t id, uint64_t viewer, const char *message,
                          mn_arena *ar, mn_post *ret, mn_err *e);
/* Options of a poll against the limits, tidied; *ret is filled but for its ids. expires_s 0: as `expires_ms`. */
mn_rc mn_compose__poll(const mn_compose_limits *l, const mn_str *options, size_t n,
                       int64_t expires_s, mn_err *e);
/* What the store says of media that cannot be attached, as a fault of what was sent. */
mn_rc mn_compose__media_rc(mn_rc rc, mn_err *e);
/* A post of others than its author is told of by MN_EV_POST_COUNTS. */
mn_rc mn_compose__tell_counts(mn_tx *tx, uint64_t post, mn_err *e);
/* Everything mn_social_post_create asks of a draft before it writes, but for its media. */
mn_rc mn_compose__check(const mn_compose *c, const mn_draft *d, mn_err *e);
/* As mn_social_post_create, now, and the scheduled post goes in the same transaction: MN_E_EXISTS when it was not there any
 * more (nothing is made then). */
mn_rc mn_compose__publish(const mn_compose *c, const mn_draft *d, uint64_t scheduled,
                          mn_err *e);
/* The scheduled form of mn_social_post_create. */
mn_rc mn_compose__schedule(const mn_compose *c, const mn_draft *d, mn_created *ret, mn_err *e);
/* For how long the same key makes no second post. */
#define MN_IDEMPOTENT_MS (INT64_C(3600) * 1000)

#endif
