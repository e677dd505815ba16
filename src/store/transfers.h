/* Moving in and out: what members asked for, and what they brought along that has nothing here to stand for yet.
 *
 * errors those of the store; MN_E_NOT_FOUND (no message worded) where something is asked for by its id */
#ifndef MN_STORE_TRANSFERS_H
#define MN_STORE_TRANSFERS_H

#include "store/store.h"

/* ---- what was asked for -------------------------------------------------------------------------------------------- */

typedef enum mn_transfer_state {
    MN_TRANSFER_WAITING,
    MN_TRANSFER_RUNNING,
    MN_TRANSFER_DONE,
    MN_TRANSFER_FAILED
} mn_transfer_state;
typedef struct mn_transfer {
    uint64_t id, account_id;
    mn_str kind; /* "export", "archive", "follows" … */
    mn_transfer_state state;
    uint64_t done, total; /* total 0: not known */
    mn_str
        file; /* name below the data folder's transfers/: what came in, or what was made; empty: none (any more) */
    mn_str report; /* one sentence for people */
    int64_t created_ms, ended_ms;
} mn_transfer;
/* id must be set. */
mn_rc mn_store_transfer_add(mn_tx *tx, const mn_transfer *t, mn_err *e);
/* State, numbers, file, report, end. MN_E_NOT_FOUND when its account has gone in the meantime. */
mn_rc mn_store_transfer_update(mn_tx *tx, const mn_transfer *t, mn_err *e);
mn_rc mn_store_transfer(mn_store *s, uint64_t id, mn_arena *ar, mn_transfer *ret, mn_err *e);
/* Of an account, newest first, up to limit. */
mn_rc mn_store_transfers(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                         mn_transfer **ret, size_t *ret_n, mn_err *e);
/* Removes what was asked for before that, up to limit. */
mn_rc mn_store_transfers_sweep(mn_tx *tx, int64_t before_ms, size_t limit, mn_err *e);
/* Does a transfer name the file? */
mn_rc mn_store_transfer_file_used(mn_store *s, mn_str file, bool *ret, mn_err *e);

/* ---- what waits ------------------------------------------------------------------------------------------------------ */

/* Something brought along whose account or post is not here: kept to be taken along again, and for the day it comes here.
 * Kinds: "follow" ("name@domain"), "block", "mute", "list" (the list's title, a line feed, the address), "bookmark", "like",
 * "boost" (the post's reference, docs/design/moving.md). data: JSON or empty. */
typedef struct mn_brought {
    mn_str ref, data;
} mn_brought;
/* *ret_new: it was not there. What is there stays as it is. */
mn_rc mn_store_brought_add(mn_tx *tx, uint64_t account, mn_str kind, const mn_brought *b,
                           bool *ret_new, mn_err *e);
/* By ref, those after `after` (empty: from the first), up to limit. */
mn_rc mn_store_brought(mn_store *s, uint64_t account, mn_str kind, mn_str after, size_t limit,
                       mn_arena *ar, mn_brought **ret, size_t *ret_n, mn_err *e);

/* Votes of a poll that was brought along with its result: the numbers, not who voted. counts[i] of the i-th option. */
mn_rc mn_store_poll_result_set(mn_tx *tx, uint64_t poll, const uint64_t *counts, size_t n,
                               uint64_t voters, mn_err *e);

/* Ids of live posts of an account above `after`, ascending, whoever may see them, up to limit. */
mn_rc mn_store_post_ids_of(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                           mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);
/* A version of a post before its current one, as it was elsewhere. Called in order, before the post is seen by others. */
mn_rc mn_store_post_version_add(mn_tx *tx, uint64_t post, uint64_t n, const mn_post_version *v,
                                mn_err *e);
/* Ledger lines about posts of an account, by number, after `after`, up to limit. */
mn_rc mn_store_ledger_of_posts(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                               mn_arena *ar, mn_ledger_line **ret, size_t *ret_n, mn_err *e);

#endif
