/* Filters with their keywords and posts. Every change tells MN_EV_FILTERS. */
#include "store/filters.h"

#include "store/store_int.h"

static mn_rc tell(mn_tx *tx, uint64_t account, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = MN_EV_FILTERS, .account = account}, e);
}

/* Runs a bound statement that must change a row. */
static mn_rc run_told(mn_tx *tx, mn_stmt *q, uint64_t account, mn_err *e)
{
    uint64_t n = 0;
    MN_TRY(mn_store__run(q, &n, e));
    return n ? tell(tx, account, e) : MN_E_NOT_FOUND;
}

/* ---- filters -------------------------------------------------------------------------------------------------------- */

static void bind_filter(mn_stmt *q, const mn_filter *f)
{
    db_u64(q, 1, f->id);
    db_u64(q, 2, f->account_id);
    db_text(q, 3, f->title);
    db_i64(q, 4, f->context);
    db_i64(q, 5, f->action);
    db_i64(q, 6, f->expires_ms);
}

mn_rc mn_store_filter_add(mn_tx *tx, const mn_filter *f, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO filters (id, account_id, title, context, action, "
                      "expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      &q, e));
    bind_filter(q, f);
    return run_told(tx, q, f->account_id, e);
}

mn_rc mn_store_filter_update(mn_tx *tx, const mn_filter *f, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE filters SET title = ?3, context = ?4, action = ?5, expires_ms = "
                      "?6 WHERE id = ?1 AND account_id = ?2",
                      &q, e));
    bind_filter(q, f);
    return run_told(tx, q, f->account_id, e);
}

mn_rc mn_store_filter_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM filters WHERE id = ?1 AND account_id = ?2", &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(run_told(tx, q, account, e));
    MN_TRY(
        mn_store__run2(tx->db, "DELETE FROM filter_keywords WHERE filter_id = ?1", id, 0, e));
    return mn_store__run2(tx->db, "DELETE FROM filter_posts WHERE filter_id = ?1", id, 0, e);
}

static mn_rc read_filter(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_filter f = {.id = db_col_u64(q, 0),
                   .account_id = db_col_u64(q, 1),
                   .context = (unsigned)db_col_i64(q, 3),
                   .action = (mn_filter_action)db_col_i64(q, 4),
                   .expires_ms = db_col_i64(q, 5)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &f.title, e));
    *(mn_filter *)ret = f;
    return MN_OK;
}

static mn_rc read_keyword(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_filter_keyword k = {.id = db_col_u64(q, 0),
                           .filter_id = db_col_u64(q, 1),
                           .whole_word = db_col_i64(q, 3) != 0};
    MN_TRY(mn_store__col_dup(q, 2, ar, &k.keyword, e));
    *(mn_filter_keyword *)ret = k;
    return MN_OK;
}

static mn_rc read_filter_post(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_filter_post *)ret =
        (mn_filter_post){db_col_u64(q, 0), db_col_u64(q, 1), db_col_u64(q, 2)};
    return MN_OK;
}

#define FILTER  "id, account_id, title, context, action, expires_ms"
#define KEYWORD "id, filter_id, keyword, whole_word"

static mn_rc hang_on(mn_db *db, mn_filter *f, mn_arena *ar, mn_err *e)
{
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(db_prepare(
        db, "SELECT " KEYWORD " FROM filter_keywords WHERE filter_id = ?1 ORDER BY id", &q, e));
    db_u64(q, 1, f->id);
    MN_TRY(
        mn_store__collect(q, read_keyword, sizeof *f->keywords, ar, &items, &f->n_keywords, e));
    f->keywords = items;
    MN_TRY(db_prepare(
        db, "SELECT id, filter_id, post_id FROM filter_posts WHERE filter_id = ?1 ORDER BY id",
        &q, e));
    db_u64(q, 1, f->id);
    MN_TRY(
        mn_store__collect(q, read_filter_post, sizeof *f->posts, ar, &items, &f->n_posts, e));
    f->posts = items;
    return MN_OK;
}

static mn_rc read_all(mn_db *db, uint64_t account, mn_arena *ar, mn_filter **ret, size_t *ret_n,
                      mn_err *e)
{
    mn_stmt *q;
    void *items = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(db, "SELECT " FILTER " FROM filters WHERE account_id = ?1 ORDER BY id",
                      &q, e));
    db_u64(q, 1, account);
    MN_TRY(mn_store__collect(q, read_filter, sizeof(mn_filter), ar, &items, &n, e));
    for (size_t i = 0; i < n; i++) MN_TRY(hang_on(db, (mn_filter *)items + i, ar, e));
    *ret = items;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_filters(mn_store *s, uint64_t account, mn_arena *ar, mn_filter **ret,
                       size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_all(db, account, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* A row by id and account. */
static mn_rc one(mn_db *db, const char *sql, uint64_t account, uint64_t id, mn_store__row_fn fn,
                 mn_arena *ar, void *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    return mn_store__one(q, fn, ar, ret, e);
}

mn_rc mn_store_filter(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar, mn_filter *ret,
                      mn_err *e)
{
    mn_db *db;
    mn_filter f = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = one(db, "SELECT " FILTER " FROM filters WHERE id = ?1 AND account_id = ?2",
                   account, id, read_filter, ar, &f, e);
    if (rc == MN_OK) rc = hang_on(db, &f, ar, e);
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = f;
    return rc;
}

mn_rc mn_store_filter_counts(mn_tx *tx, uint64_t account, uint64_t *ret_filters,
                             uint64_t *ret_keywords, mn_err *e)
{
    int64_t filters = 0, keywords = 0;
    MN_TRY(mn_store__get2(tx->db, "SELECT count(*) FROM filters WHERE account_id = ?1", account,
                          0, &filters, e));
    MN_TRY(mn_store__get2(tx->db,
                          "SELECT count(*) FROM filter_keywords WHERE filter_id IN (SELECT id "
                          "FROM filters WHERE account_id = ?1)",
                          account, 0, &keywords, e));
    *ret_filters = (uint64_t)filters;
    *ret_keywords = (uint64_t)keywords;
    return MN_OK;
}

/* The filter is the account's: MN_OK, or MN_E_NOT_FOUND. */
static mn_rc owns(mn_tx *tx, uint64_t account, uint64_t filter, mn_err *e)
{
    int64_t found = 0;
    return mn_store__get2(tx->db, "SELECT 1 FROM filters WHERE id = ?1 AND account_id = ?2",
                          filter, account, &found, e);
}

#define MINE "filter_id IN (SELECT id FROM filters WHERE account_id = ?2)"

/* ---- keywords --------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_filter_keyword_add(mn_tx *tx, uint64_t account, const mn_filter_keyword *k,
                                  mn_err *e)
{
    mn_stmt *q;
    MN_TRY(owns(tx, account, k->filter_id, e));
    MN_TRY(db_prepare(
        tx->db, "INSERT INTO filter_keywords (" KEYWORD ") VALUES (?1, ?2, ?3, ?4)", &q, e));
    db_u64(q, 1, k->id);
    db_u64(q, 2, k->filter_id);
    db_text(q, 3, k->keyword);
    db_i64(q, 4, k->whole_word);
    return run_told(tx, q, account, e);
}

mn_rc mn_store_filter_keyword_update(mn_tx *tx, uint64_t account, const mn_filter_keyword *k,
                                     mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE filter_keywords SET keyword = ?3, whole_word = ?4 WHERE id = ?1 "
                      "AND " MINE,
                      &q, e));
    db_u64(q, 1, k->id);
    db_u64(q, 2, account);
    db_text(q, 3, k->keyword);
    db_i64(q, 4, k->whole_word);
    return run_told(tx, q, account, e);
}

mn_rc mn_store_filter_keyword_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM filter_keywords WHERE id = ?1 AND " MINE, &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    return run_told(tx, q, account, e);
}

mn_rc mn_store_filter_keyword(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                              mn_filter_keyword *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = one(db, "SELECT " KEYWORD " FROM filter_keywords WHERE id = ?1 AND " MINE,
                   account, id, read_keyword, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- posts -------------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_filter_post_add(mn_tx *tx, uint64_t account, const mn_filter_post *p, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(owns(tx, account, p->filter_id, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO filter_posts (id, filter_id, post_id) VALUES (?1, ?2, ?3) "
                      "ON CONFLICT DO NOTHING",
                      &q, e));
    db_u64(q, 1, p->id);
    db_u64(q, 2, p->filter_id);
    db_u64(q, 3, p->post_id);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? tell(tx, account, e) : MN_E_EXISTS;
}

mn_rc mn_store_filter_post_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM filter_posts WHERE id = ?1 AND " MINE, &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    return run_told(tx, q, account, e);
}

mn_rc mn_store_filter_post(mn_store *s, uint64_t account, uint64_t id, mn_filter_post *ret,
                           mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        one(db, "SELECT id, filter_id, post_id FROM filter_posts WHERE id = ?1 AND " MINE,
            account, id, read_filter_post, NULL, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}
