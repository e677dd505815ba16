/* Posts to come: scheduled ones, drafts, and what requests that may be repeated have made (Idempotency-Key).
 *
 * What is to be posted is kept as JSON (mn_draft_write in social/compose.h). Media that wait for it name it in their
 * post_id, so that nothing else can take them and no sweep removes them.
 */
#ifndef MN_STORE_SCHEDULED_H
#define MN_STORE_SCHEDULED_H

#include "store/marks.h"
#include "store/store.h"

typedef struct mn_scheduled {
    uint64_t id, account_id;
    int64_t at_ms; /* of a draft: when it was changed last */
    mn_str params;
} mn_scheduled;

mn_rc mn_store_scheduled_add(mn_tx *tx, const mn_scheduled *x, mn_err *e);
/* MN_E_NOT_FOUND (no message) unless it is the account's. */
mn_rc mn_store_scheduled_move(mn_tx *tx, uint64_t account, uint64_t id, int64_t at_ms,
                              mn_str params, mn_err *e);
/* Also lets go of its media. */
mn_rc mn_store_scheduled_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
mn_rc mn_store_scheduled(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                         mn_scheduled *ret, mn_err *e);
/* By id, newest first, as mn_mark_span says. */
mn_rc mn_store_scheduled_page(mn_store *s, uint64_t account, const mn_mark_span *sp,
                              mn_arena *ar, mn_scheduled **ret, size_t *ret_n, mn_err *e);
/* How many wait in all, and for [day_ms, day_ms + 24 h). */
mn_rc mn_store_scheduled_count(mn_tx *tx, uint64_t account, int64_t day_ms, uint64_t *ret_all,
                               uint64_t *ret_day, mn_err *e);
/* What is due by now, oldest first. */
mn_rc mn_store_scheduled_due(mn_store *s, int64_t now_ms, size_t limit, mn_arena *ar,
                             mn_scheduled **ret, size_t *ret_n, mn_err *e);

/* Drafts: put makes it or, when it is the account's, replaces it (MN_E_NOT_FOUND when it is somebody else's). */
mn_rc mn_store_draft_put(mn_tx *tx, const mn_scheduled *x, bool fresh, mn_err *e);
mn_rc mn_store_draft_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
mn_rc mn_store_draft(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                     mn_scheduled *ret, mn_err *e);
mn_rc mn_store_drafts_page(mn_store *s, uint64_t account, const mn_mark_span *sp, mn_arena *ar,
                           mn_scheduled **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_drafts_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e);

/* The media `ids` of the account wait for `holder` (a scheduled post or draft) and no others do. What is attached to
 * anything else is left alone; who asks has checked. */
mn_rc mn_store_media_hold(mn_tx *tx, uint64_t account, uint64_t holder, const uint64_t *ids,
                          size_t n, mn_err *e);

/* The post that an earlier request with that key made, if it was not before since_ms; MN_E_NOT_FOUND without a message. */
mn_rc mn_store_idempotency_get(mn_tx *tx, uint64_t account, mn_str key, int64_t since_ms,
                               uint64_t *ret_post, mn_err *e);
/* Takes the key for what this request makes. MN_E_EXISTS (no message): an earlier request has it, since since_ms. */
mn_rc mn_store_idempotency_put(mn_tx *tx, uint64_t account, mn_str key, uint64_t post,
                               int64_t at_ms, int64_t since_ms, mn_err *e);
mn_rc mn_store_idempotency_forget(mn_tx *tx, int64_t before_ms, mn_err *e);

#endif
