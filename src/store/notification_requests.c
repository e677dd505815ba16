/* Requests: senders whose notifications the policy sets aside. */
#include "store/notifications_int.h"

#include "base/snowflake.h"

#define MEANINGFUL_MAX                                                                         \
    100 /* a number above it says no more than "many"; of notifications it stands in the SQL */

mn_rc mn_store__notification_request_look(mn_tx *tx, uint64_t account, uint64_t from, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "DELETE FROM notification_requests WHERE account_id = ?1 AND from_id "
                          "= ?2 AND NOT EXISTS (SELECT 1 FROM notifications n WHERE "
                          "n.from_id = ?2 AND n.account_id = ?1 AND n.filtered = 1)",
                          account, from, e);
}

mn_rc mn_store_notification_request_note(mn_tx *tx, uint64_t account, uint64_t from,
                                         uint64_t post_id, int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO notification_requests (id, account_id, from_id, "
                      "last_post_id, created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5) "
                      "ON CONFLICT (account_id, from_id) DO UPDATE SET last_post_id = "
                      "excluded.last_post_id, updated_ms = excluded.updated_ms",
                      &q, e));
    db_u64(q, 1, mn_snowflake_next());
    db_u64(q, 2, account);
    db_u64(q, 3, from);
    db_u64(q, 4, post_id);
    db_i64(q, 5, at_ms);
    return mn_store__run(q, NULL, e);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

#define SELECT_REQUESTS                                                                        \
    "SELECT r.id, r.account_id, r.from_id, r.last_post_id, r.created_ms, r.updated_ms, "       \
    "(SELECT count(*) FROM (SELECT n.id FROM notifications n WHERE n.from_id = r.from_id AND " \
    "n.account_id = r.account_id AND n.filtered = 1 LIMIT 100) AS some_of_them) "              \
    "FROM notification_requests r JOIN accounts a ON a.id = r.from_id "

static mn_rc read_request(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_notification_request *)ret =
        (mn_notification_request){.id = db_col_u64(q, 0),
                                  .account_id = db_col_u64(q, 1),
                                  .from_id = db_col_u64(q, 2),
                                  .last_post_id = db_col_u64(q, 3),
                                  .created_ms = db_col_i64(q, 4),
                                  .updated_ms = db_col_i64(q, 5),
                                  .n = db_col_u64(q, 6)};
    return MN_OK;
}

#define PAGE(order)                                                                            \
    SELECT_REQUESTS                                                                            \
    "WHERE r.account_id = ?1 AND r.id < ?2 AND r.id > ?3 AND a.state = 0 ORDER BY r.id " order \
    " LIMIT ?4"

mn_rc mn_store_notification_requests(mn_store *s, uint64_t account, mn_bounds b, mn_arena *ar,
                                     mn_notification_request **ret, size_t *ret_n, mn_err *e)
{
    static const mn_store__pages sql = {PAGE("DESC"), PAGE("ASC"), read_request, sizeof **ret};
    MN_TRY(mn_store__bounds(b, e));
    return mn_store__page_of(s, &sql, account, mn_store__span_of(b), ar, (void **)ret, ret_n,
                             e);
}

mn_rc mn_store_notification_request(mn_store *s, uint64_t account, uint64_t id,
                                    mn_notification_request *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, SELECT_REQUESTS "WHERE r.id = ?1 AND r.account_id = ?2 AND a.state = 0", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        db_u64(q, 2, account);
        rc = mn_store__one(q, read_request, NULL, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_notification_requests_count(mn_store *s, uint64_t account,
                                           uint64_t *ret_requests, uint64_t *ret_notifications,
                                           mn_err *e)
{
    mn_arena ar;
    mn_notification_request *r = NULL;
    size_t n = 0;
    uint64_t sum = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_notification_requests(s, account, (mn_bounds){.limit = MEANINGFUL_MAX},
                                              &ar, &r, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) sum += r[i].n;
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    *ret_requests = n;
    *ret_notifications = sum;
    return MN_OK;
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static mn_rc sender_of(mn_tx *tx, uint64_t account, uint64_t id, uint64_t *ret, mn_err *e)
{
    int64_t from = 0;
    MN_TRY(mn_store__get2(
        tx->db, "SELECT from_id FROM notification_requests WHERE id = ?1 AND account_id = ?2",
        id, account, &from, e));
    *ret = (uint64_t)from;
    return MN_OK;
}

static mn_rc accept(mn_tx *tx, uint64_t account, uint64_t from, mn_err *e)
{
    MN_TRY(mn_store_permission_set(tx, account, from, true, e));
    MN_TRY(mn_store__run2(tx->db,
                          "UPDATE notifications SET filtered = 0 WHERE account_id = ?1 AND "
                          "from_id = ?2 AND filtered = 1",
                          account, from, e));
    return mn_store_event(
        tx, (mn_event){.kind = MN_EV_NOTIFICATIONS_MERGED, .account = account}, e);
}

mn_rc mn_store_notification_request_end(mn_tx *tx, uint64_t account, uint64_t id, bool yes,
                                        mn_err *e)
{
    uint64_t from = 0;
    MN_TRY(sender_of(tx, account, id, &from, e));
    if (yes) MN_TRY(accept(tx, account, from, e));
    else
        MN_TRY(mn_store__run2(tx->db,
                              "DELETE FROM notifications WHERE account_id = ?1 AND from_id = "
                              "?2 AND filtered = 1",
                              account, from, e));
    return mn_store__run2(
        tx->db, "DELETE FROM notification_requests WHERE account_id = ?1 AND from_id = ?2",
        account, from, e);
}
