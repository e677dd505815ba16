/* Transfers, and what was brought along. */
#include "store/transfers.h"

#include "store/store_int.h"

/* ---- what was asked for -------------------------------------------------------------------------------------------- */

#define COLUMNS "id, account_id, kind, state, done, total, file, report, created_ms, ended_ms"

mn_rc mn_store_transfer_add(mn_tx *tx, const mn_transfer *t, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO transfers (id, account_id, kind, state, done, total, file, "
                      "report, created_ms, ended_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                      "?9, ?10)",
                      &q, e));
    db_u64(q, 1, t->id);
    db_u64(q, 2, t->account_id);
    db_text(q, 3, t->kind);
    db_i64(q, 4, t->state);
    db_u64(q, 5, t->done);
    db_u64(q, 6, t->total);
    db_text(q, 7, t->file);
    db_text(q, 8, t->report);
    db_i64(q, 9, t->created_ms);
    db_i64(q, 10, t->ended_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_transfer_update(mn_tx *tx, const mn_transfer *t, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE transfers SET state = ?2, done = ?3, total = ?4, file = ?5, "
                      "report = ?6, ended_ms = ?7 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, t->id);
    db_i64(q, 2, t->state);
    db_u64(q, 3, t->done);
    db_u64(q, 4, t->total);
    db_text(q, 5, t->file);
    db_text(q, 6, t->report);
    db_i64(q, 7, t->ended_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

static mn_rc read_transfer(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_transfer t = {.id = db_col_u64(q, 0),
                     .account_id = db_col_u64(q, 1),
                     .state = (mn_transfer_state)db_col_i64(q, 3),
                     .done = db_col_u64(q, 4),
                     .total = db_col_u64(q, 5),
                     .created_ms = db_col_i64(q, 8),
                     .ended_ms = db_col_i64(q, 9)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &t.kind, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &t.file, e));
    MN_TRY(mn_store__col_dup(q, 7, ar, &t.report, e));
    *(mn_transfer *)ret = t;
    return MN_OK;
}

mn_rc mn_store_transfer(mn_store *s, uint64_t id, mn_arena *ar, mn_transfer *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " COLUMNS " FROM transfers WHERE id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_transfer, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_transfers(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                         mn_transfer **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT " COLUMNS " FROM transfers WHERE account_id = ?1 "
                          "ORDER BY id DESC LIMIT ?2",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_limit(q, 2, limit);
        rc = mn_store__collect(q, read_transfer, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_transfers_sweep(mn_tx *tx, int64_t before_ms, size_t limit, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "DELETE FROM transfers WHERE id IN (SELECT id FROM transfers WHERE "
                      "created_ms < ?1 ORDER BY id LIMIT ?2)",
                      &q, e));
    db_i64(q, 1, before_ms);
    db_limit(q, 2, limit);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_transfer_file_used(mn_store *s, mn_str file, bool *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT 1 FROM transfers WHERE file = ?1 LIMIT 1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, file);
        rc = db_step(q, ret, e);
        if (rc == MN_OK && *ret) db_reset(q);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- what waits ------------------------------------------------------------------------------------------------------ */

mn_rc mn_store_brought_add(mn_tx *tx, uint64_t account, mn_str kind, const mn_brought *b,
                           bool *ret_new, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO brought (account_id, kind, ref, data) VALUES (?1, ?2, ?3, "
                      "?4) ON CONFLICT (account_id, kind, ref) DO NOTHING",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, kind);
    db_text(q, 3, b->ref);
    db_text(q, 4, b->data);
    MN_TRY(mn_store__run(q, &n, e));
    if (ret_new) *ret_new = n > 0;
    return MN_OK;
}

static mn_rc read_brought(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_brought b;
    MN_TRY(mn_store__col_dup(q, 0, ar, &b.ref, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &b.data, e));
    *(mn_brought *)ret = b;
    return MN_OK;
}

mn_rc mn_store_brought(mn_store *s, uint64_t account, mn_str kind, mn_str after, size_t limit,
                       mn_arena *ar, mn_brought **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT ref, data FROM brought WHERE account_id = ?1 AND kind = ?2 "
                          "AND ref > ?3 ORDER BY ref LIMIT ?4",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_text(q, 2, kind);
        db_text(q, 3, after);
        db_limit(q, 4, limit);
        rc = mn_store__collect(q, read_brought, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- posts with all that is about them ---------------------------------------------------------------------------------- */

mn_rc mn_store_poll_result_set(mn_tx *tx, uint64_t poll, const uint64_t *counts, size_t n,
                               uint64_t voters, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE polls SET n_voters = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, poll);
    db_u64(q, 2, voters);
    MN_TRY(mn_store__run(q, NULL, e));
    MN_TRY(db_prepare(
        tx->db, "UPDATE poll_options SET votes = ?3 WHERE poll_id = ?1 AND n = ?2", &q, e));
    for (size_t i = 0; i < n; i++) {
        db_u64(q, 1, poll);
        db_u64(q, 2, i);
        db_u64(q, 3, counts[i]);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store_post_ids_of(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                           mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT id FROM posts WHERE account_id = ?1 AND id > ?2 AND "
                          "deleted_ms = 0 ORDER BY id LIMIT ?3",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_u64(q, 2, after);
        db_limit(q, 3, limit);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_post_version_add(mn_tx *tx, uint64_t post, uint64_t n, const mn_post_version *v,
                                mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO post_versions (post_id, n, at_ms, text, warning, sensitive, "
                      "media, poll) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      &q, e));
    db_u64(q, 1, post);
    db_u64(q, 2, n);
    db_i64(q, 3, v->at_ms);
    db_text(q, 4, v->text);
    db_text(q, 5, v->warning);
    db_i64(q, 6, v->sensitive);
    db_text(q, 7, v->media);
    db_text(q, 8, v->poll);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_line(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_ledger_line l;
    MN_TRY(mn_store__ledger_read(q, &l, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &l.reason, e));
    *(mn_ledger_line *)ret = l;
    return MN_OK;
}

/* scope 3: a post's. */
mn_rc mn_store_ledger_of_posts(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                               mn_arena *ar, mn_ledger_line **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db,
                   "SELECT l.seq, l.scope, l.scope_id, l.purpose, l.value, l.actor_id, "
                   "l.reason, l.at_ms, l.hash FROM ledger l, posts p WHERE l.scope = 3 AND "
                   "l.scope_id = p.id AND p.account_id = ?1 AND l.seq > ?2 "
                   "ORDER BY l.seq LIMIT ?3",
                   &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_u64(q, 2, after);
        db_limit(q, 3, limit);
        rc = mn_store__collect(q, read_line, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}
