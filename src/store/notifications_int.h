/* What the files about notifications share. Private to src/store. */
#ifndef MN_STORE_NOTIFICATIONS_INT_H
#define MN_STORE_NOTIFICATIONS_INT_H

#include "store/notifications.h"
#include "store/people_int.h"

/* Rows of mn_store__notification_read; `a` is the sender's account. */
#define MN_NOTIFICATION_SELECT                                                                 \
    "SELECT n.id, n.account_id, n.kind, n.from_id, n.post_id, n.other_id, n.at_ms, "           \
    "n.group_key, n.filtered FROM notifications n JOIN accounts a ON a.id = n.from_id "
/* A list of kinds from parameter 6 on, bound by mn_store__bind_kinds(q, 6, …). */
#define MN_NOTIFICATION_KINDS_6                                                                \
    "(?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
_Static_assert(MN_NOTICE_KINDS == 15, "a parameter for each kind");

mn_rc mn_store__notification_read(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e);
void mn_store__bind_kinds(mn_stmt *q, int first, mn_notice_set kinds);
/* A page in the order it is read: newest first, with page.after by rising ids. */
mn_rc mn_store__notification_list(mn_db *db, const mn_notification_query *x, mn_arena *ar,
                                  mn_notification **ret, size_t *ret_n, mn_err *e);
/* A request without a notification that is filtered is none: it goes. */
mn_rc mn_store__notification_request_look(mn_tx *tx, uint64_t account, uint64_t from,
                                          mn_err *e);

#endif
