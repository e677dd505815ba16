/* Imports: each is a row, its posts carry its id. An import notes the rev it began with: all of its posts have later
 * ones, whatever happens to them, so they are found through the index by rev, and none is needed by import. */
#include "store/people.h"
#include "store/store_int.h"

#include "base/clock.h"
#include "base/snowflake.h"

mn_rc mn_store_import_begin(mn_tx *tx, mn_str path, mn_str format, uint64_t *ret_id, mn_err *e)
{
    mn_stmt *q;
    uint64_t id = mn_snowflake_next();
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO imports (id, path, format, state, started_ms, ended_ms, created, "
        "first_rev, consent, consent_rev) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, 0, 0)",
        &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, path);
    db_text(q, 3, format);
    db_i64(q, 4, MN_IMPORT_RUNNING);
    db_i64(q, 5, mn_now_ms());
    db_u64(q, 6, tx->rev);
    MN_TRY(mn_store__run(q, NULL, e));
    *ret_id = id;
    return MN_OK;
}

static mn_rc no_import(uint64_t id, mn_err *e)
{
    return mn_fail(e, MN_E_NOT_FOUND, "there is no import with id %llu",
                   (unsigned long long)id);
}

mn_rc mn_store_import_end(mn_tx *tx, uint64_t id, mn_import_state state, uint64_t created,
                          mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    bool ended = state != MN_IMPORT_RUNNING && state != MN_IMPORT_UNDOING;
    MN_TRY(db_prepare(
        tx->db, "UPDATE imports SET state = ?2, ended_ms = ?3, created = ?4 WHERE id = ?1", &q,
        e));
    db_u64(q, 1, id);
    db_i64(q, 2, state);
    db_i64(q, 3, ended ? mn_now_ms() : 0);
    db_u64(q, 4, created);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK : no_import(id, e);
}

/* ---- undo -------------------------------------------------------------------------------------------------------- */

static mn_rc read_gone(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_post *)ret = (mn_post){.id = db_col_u64(q, 0),
                                .account_id = db_col_u64(q, 1),
                                .deleted_ms = db_col_i64(q, 2),
                                .visibility = (mn_visibility)db_col_i64(q, 3),
                                .reply_to = db_col_u64(q, 4),
                                .quote_of = db_col_u64(q, 5),
                                .boost_of = db_col_u64(q, 6),
                                .poll_id = db_col_u64(q, 7),
                                .quote_state = (mn_quote_state)db_col_i64(q, 8)};
    return MN_OK;
}

/* For those who follow the changes: the id is gone since this rev. */
static mn_rc note_removed(mn_tx *tx, uint64_t id, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "INSERT INTO removed (post_id, rev) VALUES (?1, ?2) "
                          "ON CONFLICT (post_id) DO UPDATE SET rev = excluded.rev",
                          id, mn_store__next_rev(tx), e);
}

static mn_rc remove_post(mn_tx *tx, const mn_post *g, mn_err *e)
{
    mn_tx_account *a;
    MN_TRY(mn_store__tx_account(tx, g->account_id, &a, e));
    if (!g->deleted_ms) {
        a->delta--;
        MN_TRY(mn_store__post_count(tx, g, -1, e));
    }
    MN_TRY(note_removed(tx, g->id, e));
    MN_TRY(mn_store__post_strip(tx, g->id, g->account_id, g->poll_id, e));
    MN_TRY(mn_store_event(tx,
                          (mn_event){.kind = MN_EV_POST_GONE,
                                     .id = g->id,
                                     .account = g->account_id,
                                     .other = g->boost_of},
                          e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM displaced WHERE post_id = ?1", g->id, 0, e));
    return mn_store__run2(tx->db, "DELETE FROM posts WHERE id = ?1", g->id, 0, e);
}

static mn_rc remove_posts(mn_tx *tx, uint64_t id, uint64_t first_rev, size_t limit,
                          mn_arena *ar, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    void *list = NULL;
    MN_TRY(db_prepare(
        tx->db,
        "SELECT id, account_id, deleted_ms, visibility, reply_to, quote_of, boost_of, poll_id, "
        "quote_state FROM posts WHERE rev > ?1 AND import_id = ?2 ORDER BY rev LIMIT ?3",
        &q, e));
    db_u64(q, 1, first_rev);
    db_u64(q, 2, id);
    db_u64(q, 3, limit);
    MN_TRY(mn_store__collect(q, read_gone, sizeof(mn_post), ar, &list, ret_n, e));
    for (size_t i = 0; i < *ret_n; i++) MN_TRY(remove_post(tx, (const mn_post *)list + i, e));
    return MN_OK;
}

#define WITHOUT_POSTS                                                                          \
    "accounts WHERE import_id = ?1 AND import_id <> 0 AND NOT EXISTS "                         \
    "(SELECT 1 FROM posts WHERE posts.account_id = accounts.id)"

/* Somebody may have followed or blocked them meanwhile: their counters follow. */
static mn_rc forget_relations(mn_tx *tx, const uint64_t *ids, size_t n, mn_err *e)
{
    for (size_t i = 0; i < n; i++)
        for (bool left = true; left;)
            MN_TRY(mn_store_people_forget(tx, ids[i], MN_STORE_PAGE_MAX, &left, e));
    return MN_OK;
}

static mn_rc remove_accounts(mn_tx *tx, uint64_t id, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *ids = NULL;
    size_t n = 0;
    MN_TRY(mn_store__flush_accounts(tx, e));
    MN_TRY(db_prepare(tx->db, "SELECT id FROM " WITHOUT_POSTS, &q, e));
    db_u64(q, 1, id);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, mn_store__row_id, sizeof(uint64_t), &ar, &ids, &n, e);
    if (rc == MN_OK) rc = forget_relations(tx, ids, n, e);
    if (rc == MN_OK) rc = mn_store__run2(tx->db, "DELETE FROM " WITHOUT_POSTS, id, 0, e);
    mn_arena_release(&ar);
    return rc;
}
#undef WITHOUT_POSTS

mn_rc mn_store_import_undo(mn_tx *tx, uint64_t id, size_t limit, bool *ret_left, mn_err *e)
{
    mn_arena ar;
    int64_t first_rev = 0;
    size_t n = 0;
    mn_rc rc = mn_store__get2(tx->db, "SELECT first_rev FROM imports WHERE id = ?1", id, 0,
                              &first_rev, e);
    if (rc == MN_E_NOT_FOUND) return no_import(id, e);
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store__flush_moves(tx, e)); /* of threads whose posts are about to go */
    mn_arena_init(&ar, 0);
    rc = remove_posts(tx, id, (uint64_t)first_rev, limit, &ar, &n, e);
    mn_arena_release(&ar);
    if (rc == MN_OK && n < limit) rc = remove_accounts(tx, id, e);
    if (rc == MN_OK) *ret_left = n == limit;
    return rc;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static mn_rc read_import(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_import i = {.id = db_col_u64(q, 0),
                   .state = (mn_import_state)db_col_i64(q, 3),
                   .started_ms = db_col_i64(q, 4),
                   .ended_ms = db_col_i64(q, 5),
                   .created = db_col_u64(q, 6)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &i.path, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &i.format, e));
    *(mn_import *)ret = i;
    return MN_OK;
}

mn_rc mn_store_imports(mn_store *s, mn_arena *ar, mn_import **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db,
                   "SELECT id, path, format, state, started_ms, ended_ms, created FROM imports "
                   "ORDER BY id",
                   &q, e);
    if (rc == MN_OK)
        rc = mn_store__collect(q, read_import, sizeof **ret, ar, (void **)ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}
