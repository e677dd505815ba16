#include "store/uses.h"

#include "store/store_int.h"

static mn_rc add_one(mn_tx *tx, uint64_t post, mn_str kind, mn_str ref, int64_t at_ms,
                     mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO uses (post_id, kind, ref, account_id, n, last_ms) "
                      "SELECT p.id, ?2, ?3, p.account_id, 1, ?4 FROM posts p WHERE p.id = ?1 "
                      "ON CONFLICT (post_id, kind, ref) DO UPDATE SET n = uses.n + 1, "
                      "last_ms = excluded.last_ms",
                      &q, e));
    db_u64(q, 1, post);
    db_text(q, 2, kind);
    db_text(q, 3, ref);
    db_i64(q, 4, at_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_uses_add(mn_tx *tx, const uint64_t *post_ids, size_t n, mn_str kind, mn_str ref,
                        int64_t at_ms, mn_err *e)
{
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "at most %d posts at a time", MN_STORE_PAGE_MAX);
    for (size_t i = 0; i < n; i++) MN_TRY(add_one(tx, post_ids[i], kind, ref, at_ms, e));
    return MN_OK;
}

static mn_rc read_uses(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_uses u = {
        .posts = db_col_u64(q, 2), .times = db_col_u64(q, 3), .last_ms = db_col_i64(q, 4)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &u.kind, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &u.ref, e));
    *(mn_uses *)ret = u;
    return MN_OK;
}

mn_rc mn_store_uses_of(mn_store *s, uint64_t account, mn_arena *ar, mn_uses **ret,
                       size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT kind, ref, count(*), CAST(sum(n) AS BIGINT), max(last_ms) "
                          "FROM uses WHERE account_id = ?1 GROUP BY kind, ref "
                          "ORDER BY max(last_ms) DESC, kind, ref",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        rc = mn_store__collect(q, read_uses, sizeof(mn_uses), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}
