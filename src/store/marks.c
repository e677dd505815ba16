/* Favourites, bookmarks, pins, muted threads, boosts and quotes: set, counted, and read a page at a time. */
#include "store/marks.h"

#include "store/store_int.h"

/* ---- set and taken off --------------------------------------------------------------------------------------------- */

static const struct {
    const char *add, *remove;
} mark_sql[MN_MARKS] = {
    [MN_MARK_FAVOURITE] = {"INSERT INTO favourites (account_id, post_id, id) VALUES (?1, ?2, "
                           "?3) ON CONFLICT (account_id, post_id) DO NOTHING",
                           "DELETE FROM favourites WHERE account_id = ?1 AND post_id = ?2"},
    [MN_MARK_BOOKMARK] = {"INSERT INTO bookmarks (account_id, post_id, id) VALUES (?1, ?2, ?3) "
                          "ON CONFLICT (account_id, post_id) DO NOTHING",
                          "DELETE FROM bookmarks WHERE account_id = ?1 AND post_id = ?2"},
    [MN_MARK_PIN] = {"INSERT INTO pins (account_id, post_id, id) VALUES (?1, ?2, ?3) "
                     "ON CONFLICT (account_id, post_id) DO NOTHING",
                     "DELETE FROM pins WHERE account_id = ?1 AND post_id = ?2"},
};

static mn_rc is_live(mn_tx *tx, uint64_t post, mn_err *e)
{
    int64_t one = 0;
    mn_rc rc = mn_store__get2(tx->db, "SELECT 1 FROM posts WHERE id = ?1 AND deleted_ms = 0",
                              post, 0, &one, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no post %llu", (unsigned long long)post);
    return rc;
}

mn_rc mn_store_mark_set(mn_tx *tx, mn_mark m, uint64_t account, uint64_t post, bool on,
                        bool *ret_changed, mn_err *e)
{
    bool changed = false;
    if (on) MN_TRY(is_live(tx, post, e));
    MN_TRY(mn_store__join(tx->db, on ? mark_sql[m].add : mark_sql[m].remove, account, post,
                          &changed, e));
    if (changed && m == MN_MARK_FAVOURITE) {
        MN_TRY(mn_store__count(tx, post, MN_COUNT_FAVOURITES, on ? 1 : -1, e));
        MN_TRY(mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = post}, e));
    }
    if (ret_changed) *ret_changed = changed;
    return MN_OK;
}

mn_rc mn_store_thread_mute_set(mn_tx *tx, uint64_t account, uint64_t thread, bool on,
                               bool *ret_changed, mn_err *e)
{
    return mn_store__join(
        tx->db,
        on ? "INSERT INTO thread_mutes (account_id, thread_id) VALUES (?1, ?2) "
             "ON CONFLICT (account_id, thread_id) DO NOTHING"
           : "DELETE FROM thread_mutes WHERE account_id = ?1 AND thread_id = ?2",
        account, thread, ret_changed, e);
}

mn_rc mn_store_boost_of(mn_tx *tx, uint64_t account, uint64_t post, uint64_t *ret_id, mn_err *e)
{
    int64_t id = 0;
    MN_TRY(mn_store__get2(tx->db,
                          "SELECT id FROM posts WHERE account_id = ?1 AND boost_of = ?2 AND "
                          "boost_of <> 0 AND deleted_ms = 0 LIMIT 1",
                          account, post, &id, e));
    *ret_id = (uint64_t)id;
    return MN_OK;
}

mn_rc mn_store_pins_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e)
{
    int64_t n = 0;
    MN_TRY(mn_store__get2(tx->db, "SELECT count(*) FROM pins WHERE account_id = ?1", account, 0,
                          &n, e));
    *ret = (uint64_t)n;
    return MN_OK;
}

/* ---- pages --------------------------------------------------------------------------------------------------------- */

static mn_rc read_row(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_mark_row *)ret = (mn_mark_row){
        .id = db_col_u64(q, 0), .post_id = db_col_u64(q, 1), .account_id = db_col_u64(q, 2)};
    return MN_OK;
}

/* One page: ?1 ?2 the bounds, ?3 the limit, ?4 ?5 what the text means by them. */
typedef struct page_sql {
    const char *down, *up;
} page_sql;

static mn_rc page(mn_store *s, const page_sql *sql, uint64_t a, uint64_t b, bool has_b,
                  const mn_mark_span *sp, mn_arena *ar, mn_mark_row **ret, size_t *ret_n,
                  mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *rows = NULL;
    size_t n = 0;
    if (sp->limit > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d rows", MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sp->upward ? sql->up : sql->down, &q, e);
    if (rc == MN_OK) {
        db_i64(q, 1, db_below(sp->below));
        db_u64(q, 2, sp->since);
        db_u64(q, 3, sp->limit);
        db_u64(q, 4, a);
        if (has_b) db_u64(q, 5, b);
        rc = mn_store__collect(q, read_row, sizeof(mn_mark_row), ar, &rows, &n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    if (sp->upward) mn_store__turn(rows, n, sizeof(mn_mark_row));
    *ret = rows;
    *ret_n = n;
    return MN_OK;
}

#define PAGE(select, id)                                                                       \
    {                                                                                          \
        select " AND " id " < ?1 AND " id " > ?2 ORDER BY " id " DESC LIMIT ?3",               \
            select " AND " id " < ?1 AND " id " > ?2 ORDER BY " id " LIMIT ?3"                 \
    }
#define BY(table)                                                                              \
    "SELECT m.id, m.post_id, m.account_id FROM " table " m JOIN posts p ON p.id = m.post_id "  \
    "WHERE m.account_id = ?4 AND p.deleted_ms = 0"

mn_rc mn_store_marks_by(mn_store *s, mn_mark m, uint64_t account, const mn_mark_span *sp,
                        mn_arena *ar, mn_mark_row **ret, size_t *ret_n, mn_err *e)
{
    static const page_sql sql[MN_MARKS] = {
        [MN_MARK_FAVOURITE] = PAGE(BY("favourites"), "m.id"),
        [MN_MARK_BOOKMARK] = PAGE(BY("bookmarks"), "m.id"),
        [MN_MARK_PIN] = PAGE(BY("pins"), "m.id"),
    };
    return page(s, &sql[m], account, 0, false, sp, ar, ret, ret_n, e);
}

mn_rc mn_store_favourites_of(mn_store *s, uint64_t post, const mn_mark_span *sp, mn_arena *ar,
                             mn_mark_row **ret, size_t *ret_n, mn_err *e)
{
    static const page_sql sql =
        PAGE("SELECT m.id, m.post_id, m.account_id FROM favourites m JOIN accounts a ON a.id = "
             "m.account_id WHERE m.post_id = ?4 AND a.state = 0",
             "m.id");
    return page(s, &sql, post, 0, false, sp, ar, ret, ret_n, e);
}

mn_rc mn_store_boosts_of(mn_store *s, uint64_t post, uint64_t viewer, const mn_mark_span *sp,
                         mn_arena *ar, mn_mark_row **ret, size_t *ret_n, mn_err *e)
{
    static const page_sql sql =
        PAGE("SELECT p.id, p.boost_of, p.account_id FROM posts p JOIN accounts a ON a.id = "
             "p.account_id WHERE p.boost_of = ?4 AND p.boost_of <> 0 AND p.deleted_ms = 0 AND "
             "a.state = 0 AND (p.visibility <= 1 OR p.account_id = ?5)",
             "p.id");
    return page(s, &sql, post, viewer, true, sp, ar, ret, ret_n, e);
}

mn_rc mn_store_quotes_of(mn_store *s, uint64_t post, const mn_mark_span *sp, mn_arena *ar,
                         mn_mark_row **ret, size_t *ret_n, mn_err *e)
{
    static const page_sql sql =
        PAGE("SELECT id, id, account_id FROM posts WHERE quote_of = ?4 AND quote_of <> 0 AND "
             "deleted_ms = 0 AND quote_state = 0",
             "id");
    return page(s, &sql, post, 0, false, sp, ar, ret, ret_n, e);
}

static mn_rc rows_in(mn_tx *tx, const char *sql, uint64_t post, size_t limit, mn_arena *ar,
                     mn_mark_row **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    void *rows = NULL;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, post);
    db_u64(q, 2, limit);
    MN_TRY(mn_store__collect(q, read_row, sizeof(mn_mark_row), ar, &rows, ret_n, e));
    *ret = rows;
    return MN_OK;
}

mn_rc mn_store_boosters(mn_tx *tx, uint64_t post, size_t limit, mn_arena *ar, mn_mark_row **ret,
                        size_t *ret_n, mn_err *e)
{
    return rows_in(tx,
                   "SELECT id, id, account_id FROM posts WHERE boost_of = ?1 AND boost_of <> 0 "
                   "AND deleted_ms = 0 LIMIT ?2",
                   post, limit, ar, ret, ret_n, e);
}

mn_rc mn_store_quoters(mn_tx *tx, uint64_t post, size_t limit, mn_arena *ar, mn_mark_row **ret,
                       size_t *ret_n, mn_err *e)
{
    return rows_in(tx,
                   "SELECT id, id, account_id FROM posts WHERE quote_of = ?1 AND quote_of <> 0 "
                   "AND deleted_ms = 0 AND quote_state = 0 ORDER BY id LIMIT ?2",
                   post, limit, ar, ret, ret_n, e);
}
