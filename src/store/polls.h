/* Polls. A poll has the id of its own that clients see and belongs to one post, which names it (mn_post.poll_id). */
#ifndef MN_STORE_POLLS_H
#define MN_STORE_POLLS_H

#include "store/store.h"

#define MN_POLL_OPTIONS_MAX 16

typedef struct mn_poll_option {
    mn_str title;
    uint64_t votes;
} mn_poll_option;
typedef struct mn_poll {
    uint64_t id, post_id, account_id;
    int64_t expires_ms; /* 0: never */
    bool multiple, hide_totals;
    uint64_t n_voters;
    size_t n_options;
    mn_poll_option options[MN_POLL_OPTIONS_MAX];
} mn_poll;

/* id must be set; 1 to MN_POLL_OPTIONS_MAX options (MN_E_USAGE). Votes in it are ignored: it begins with none. */
mn_rc mn_store_poll_add(mn_tx *tx, const mn_poll *p, mn_err *e);
/* New time and settings; options that differ from those there replace them and the votes are gone. */
mn_rc mn_store_poll_change(mn_tx *tx, const mn_poll *p, bool *ret_reset, mn_err *e);
mn_rc mn_store_poll_remove(mn_tx *tx, uint64_t id, mn_err *e);
/* MN_E_NOT_FOUND without a message. */
mn_rc mn_store_poll(mn_store *s, uint64_t id, mn_arena *ar, mn_poll *ret, mn_err *e);
/* As the transaction sees it. */
mn_rc mn_store_poll_in(mn_tx *tx, uint64_t id, mn_arena *ar, mn_poll *ret, mn_err *e);
/* By ids, in the order asked; absent ones are left out. n ≤ 1,000. */
mn_rc mn_store_polls(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar, mn_poll **ret,
                     size_t *ret_n, mn_err *e);
/* The options that the account chose, as a set of bits (bit 0: the first); 0: it has not voted. */
mn_rc mn_store_poll_votes(mn_store *s, uint64_t poll, uint64_t account, uint32_t *ret,
                          mn_err *e);
/* Counts the account's votes; choices is a set of bits of existing options, not empty. Tells MN_EV_POST_COUNTS.
 * errors MN_E_EXISTS (no message) it has voted; MN_E_NOT_FOUND (no message) no such poll */
mn_rc mn_store_poll_vote(mn_tx *tx, uint64_t poll, uint64_t account, uint32_t choices,
                         mn_err *e);
/* Polls that ended by now and that nobody was told of, oldest first, now marked as told. */
mn_rc mn_store_polls_take_ended(mn_tx *tx, int64_t now_ms, size_t limit, mn_arena *ar,
                                mn_poll **ret, size_t *ret_n, mn_err *e);
/* Accounts that voted (ids, ascending), after `after`, up to limit. */
mn_rc mn_store_poll_voters(mn_tx *tx, uint64_t poll, uint64_t after, size_t limit, mn_arena *ar,
                           uint64_t **ret, size_t *ret_n, mn_err *e);

#endif
