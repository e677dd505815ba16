/* Scheduled posts and drafts, the media that wait for them, and requests that may be repeated. */
#include "store/scheduled.h"

#include "store/store_int.h"

#define DAY_MS INT64_C(86400000)

/* ---- both kinds ---------------------------------------------------------------------------------------------------- */

typedef struct kind_sql {
    const char *add, *change, *remove, *one, *down, *up;
} kind_sql;
#define KIND(table, at)                                                                        \
    {                                                                                          \
        "INSERT INTO " table " (id, account_id, " at ", params) VALUES (?1, ?2, ?3, ?4)",      \
            "UPDATE " table " SET " at " = ?3, params = ?4 WHERE id = ?1 AND account_id = ?2", \
            "DELETE FROM " table " WHERE id = ?1 AND account_id = ?2",                         \
            "SELECT id, account_id, " at ", params FROM " table                                \
            " WHERE id = ?1 AND account_id = ?2",                                              \
            "SELECT id, account_id, " at ", params FROM " table                                \
            " WHERE account_id = ?4 AND id < ?1 AND id > ?2 ORDER BY id DESC LIMIT ?3",        \
            "SELECT id, account_id, " at ", params FROM " table                                \
            " WHERE account_id = ?4 AND id < ?1 AND id > ?2 ORDER BY id LIMIT ?3"              \
    }
static const kind_sql scheduled = KIND("scheduled", "at_ms");
static const kind_sql drafts = KIND("drafts", "updated_ms");

static mn_rc read_row(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_scheduled x = {
        .id = db_col_u64(q, 0), .account_id = db_col_u64(q, 1), .at_ms = db_col_i64(q, 2)};
    MN_TRY(mn_store__col_dup(q, 3, ar, &x.params, e));
    *(mn_scheduled *)ret = x;
    return MN_OK;
}

/* Inserts or updates; MN_E_NOT_FOUND without a message when nothing was written. */
static mn_rc put(mn_tx *tx, const char *sql, const mn_scheduled *x, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, x->id);
    db_u64(q, 2, x->account_id);
    db_i64(q, 3, x->at_ms);
    db_text(q, 4, x->params);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

static mn_rc let_go(mn_tx *tx, uint64_t account, uint64_t holder, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "UPDATE media SET post_id = 0 WHERE post_id = ?2 AND account_id = ?1",
                          account, holder, e);
}

static mn_rc remove_row(mn_tx *tx, const kind_sql *sql, uint64_t account, uint64_t id,
                        mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, sql->remove, &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 0) return MN_E_NOT_FOUND;
    return let_go(tx, account, id, e);
}

static mn_rc one(mn_store *s, const char *sql, uint64_t account, uint64_t id, mn_arena *ar,
                 mn_scheduled *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        db_u64(q, 2, account);
        rc = mn_store__one(q, read_row, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc page(mn_store *s, const kind_sql *sql, uint64_t account, const mn_mark_span *sp,
                  mn_arena *ar, mn_scheduled **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *p = NULL;
    size_t n = 0;
    if (sp->limit > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d rows", MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sp->upward ? sql->up : sql->down, &q, e);
    if (rc == MN_OK) {
        db_i64(q, 1, db_below(sp->below));
        db_u64(q, 2, sp->since);
        db_u64(q, 3, sp->limit);
        db_u64(q, 4, account);
        rc = mn_store__collect(q, read_row, sizeof(mn_scheduled), ar, &p, &n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    if (sp->upward) mn_store__turn(p, n, sizeof(mn_scheduled));
    *ret = p;
    *ret_n = n;
    return MN_OK;
}

/* ---- scheduled posts ----------------------------------------------------------------------------------------------- */

mn_rc mn_store_scheduled_add(mn_tx *tx, const mn_scheduled *x, mn_err *e)
{
    return put(tx, scheduled.add, x, e);
}

mn_rc mn_store_scheduled_move(mn_tx *tx, uint64_t account, uint64_t id, int64_t at_ms,
                              mn_str params, mn_err *e)
{
    return put(
        tx, scheduled.change,
        &(mn_scheduled){.id = id, .account_id = account, .at_ms = at_ms, .params = params}, e);
}

mn_rc mn_store_scheduled_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    return remove_row(tx, &scheduled, account, id, e);
}

mn_rc mn_store_scheduled(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                         mn_scheduled *ret, mn_err *e)
{
    return one(s, scheduled.one, account, id, ar, ret, e);
}

mn_rc mn_store_scheduled_page(mn_store *s, uint64_t account, const mn_mark_span *sp,
                              mn_arena *ar, mn_scheduled **ret, size_t *ret_n, mn_err *e)
{
    return page(s, &scheduled, account, sp, ar, ret, ret_n, e);
}

mn_rc mn_store_scheduled_count(mn_tx *tx, uint64_t account, int64_t day_ms, uint64_t *ret_all,
                               uint64_t *ret_day, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db,
                      "SELECT count(*), coalesce(sum(CASE WHEN at_ms >= ?2 AND at_ms < ?3 THEN "
                      "1 ELSE 0 END), 0) FROM scheduled WHERE account_id = ?1",
                      &q, e));
    db_u64(q, 1, account);
    db_i64(q, 2, day_ms);
    db_i64(q, 3, day_ms + DAY_MS);
    MN_TRY(db_step(q, &row, e));
    *ret_all = db_col_u64(q, 0);
    *ret_day = db_col_u64(q, 1);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_scheduled_due(mn_store *s, int64_t now_ms, size_t limit, mn_arena *ar,
                             mn_scheduled **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *p = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT id, account_id, at_ms, params FROM scheduled WHERE at_ms <= "
                          "?1 ORDER BY at_ms, id LIMIT ?2",
                          &q, e);
    if (rc == MN_OK) {
        db_i64(q, 1, now_ms);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_row, sizeof(mn_scheduled), ar, &p, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = p;
    return rc;
}

/* ---- drafts -------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_draft_put(mn_tx *tx, const mn_scheduled *x, bool fresh, mn_err *e)
{
    return put(tx, fresh ? drafts.add : drafts.change, x, e);
}

mn_rc mn_store_draft_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    return remove_row(tx, &drafts, account, id, e);
}

mn_rc mn_store_draft(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                     mn_scheduled *ret, mn_err *e)
{
    return one(s, drafts.one, account, id, ar, ret, e);
}

mn_rc mn_store_drafts_page(mn_store *s, uint64_t account, const mn_mark_span *sp, mn_arena *ar,
                           mn_scheduled **ret, size_t *ret_n, mn_err *e)
{
    return page(s, &drafts, account, sp, ar, ret, ret_n, e);
}

mn_rc mn_store_drafts_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e)
{
    int64_t n = 0;
    MN_TRY(mn_store__get2(tx->db, "SELECT count(*) FROM drafts WHERE account_id = ?1", account,
                          0, &n, e));
    *ret = (uint64_t)n;
    return MN_OK;
}

/* ---- media that wait ----------------------------------------------------------------------------------------------- */

mn_rc mn_store_media_hold(mn_tx *tx, uint64_t account, uint64_t holder, const uint64_t *ids,
                          size_t n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(let_go(tx, account, holder, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE media SET post_id = ?3, place = ?4 WHERE id = ?1 AND account_id "
                      "= ?2 AND post_id = 0 AND use = 0",
                      &q, e));
    for (size_t i = 0; i < n; i++) {
        db_u64(q, 1, ids[i]);
        db_u64(q, 2, account);
        db_u64(q, 3, holder);
        db_u64(q, 4, i);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

/* ---- repeated requests --------------------------------------------------------------------------------------------- */

mn_rc mn_store_idempotency_get(mn_tx *tx, uint64_t account, mn_str key, int64_t since_ms,
                               uint64_t *ret_post, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db,
                      "SELECT post_id FROM idempotency WHERE account_id = ?1 AND request = ?2 "
                      "AND at_ms >= ?3",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, key);
    db_i64(q, 3, since_ms);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret_post = db_col_u64(q, 0);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_idempotency_put(mn_tx *tx, uint64_t account, mn_str key, uint64_t post,
                               int64_t at_ms, int64_t since_ms, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO idempotency (account_id, request, post_id, at_ms) VALUES "
                      "(?1, ?2, ?3, ?4) ON CONFLICT (account_id, request) DO UPDATE SET "
                      "post_id = excluded.post_id, at_ms = excluded.at_ms WHERE "
                      "idempotency.at_ms < ?5",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, key);
    db_u64(q, 3, post);
    db_i64(q, 4, at_ms);
    db_i64(q, 5, since_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_EXISTS;
}

mn_rc mn_store_idempotency_forget(mn_tx *tx, int64_t before_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM idempotency WHERE at_ms < ?1", &q, e));
    db_i64(q, 1, before_ms);
    return mn_store__run(q, NULL, e);
}
