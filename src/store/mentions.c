/* Whom posts mention, and the bare tree of a thread. */
#include "store/marks.h"
#include "store/store_int.h"

static mn_rc add_mention(mn_tx *tx, uint64_t post, uint64_t account, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "INSERT INTO mentions (post_id, account_id) VALUES (?1, ?2) "
                          "ON CONFLICT (post_id, account_id) DO NOTHING",
                          post, account, e);
}

mn_rc mn_store_mentions_set(mn_tx *tx, uint64_t post, const uint64_t *accounts, size_t n,
                            mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM mentions WHERE post_id = ?1", post, 0, e));
    for (size_t i = 0; i < n; i++) MN_TRY(add_mention(tx, post, accounts[i], e));
    return MN_OK;
}

static mn_rc read_mention(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_mention m = {.post_id = db_col_u64(q, 0), .account_id = db_col_u64(q, 1)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &m.name, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &m.domain, e));
    *(mn_mention *)ret = m;
    return MN_OK;
}

typedef struct many {
    mn_mention *items;
    size_t n, cap;
} many;

static mn_rc append(many *all, const mn_mention *more, size_t n, mn_arena *ar, mn_err *e)
{
    if (n == 0) return MN_OK;
    if (all->n + n > all->cap) {
        size_t cap = (all->n + n) * 2;
        mn_mention *items = mn_arena_alloc(ar, cap * sizeof *items);
        if (!items) return mn_fail(e, MN_E_NOMEM, "out of memory");
        if (all->n) memcpy(items, all->items, all->n * sizeof *items);
        all->items = items;
        all->cap = cap;
    }
    memcpy(all->items + all->n, more, n * sizeof *more);
    all->n += n;
    return MN_OK;
}

static mn_rc mentions_of(mn_db *db, const uint64_t *posts, size_t n, mn_arena *ar, many *ret,
                         mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db,
                      "SELECT m.post_id, m.account_id, a.name, a.domain FROM mentions m JOIN "
                      "accounts a ON a.id = m.account_id WHERE m.post_id = ?1 ORDER BY "
                      "m.account_id",
                      &q, e));
    for (size_t i = 0; i < n; i++) {
        void *rows = NULL;
        size_t k = 0;
        db_u64(q, 1, posts[i]);
        MN_TRY(mn_store__collect(q, read_mention, sizeof(mn_mention), ar, &rows, &k, e));
        MN_TRY(append(ret, rows, k, ar, e));
    }
    return MN_OK;
}

mn_rc mn_store_mentions_of(mn_store *s, const uint64_t *posts, size_t n, mn_arena *ar,
                           mn_mention **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    many all = {0};
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d posts", MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mentions_of(db, posts, n, ar, &all, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = all.items;
    *ret_n = all.n;
    return MN_OK;
}

mn_rc mn_store_mentions_is(mn_store *s, uint64_t post, uint64_t account, bool *ret, mn_err *e)
{
    mn_db *db;
    int64_t one = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        mn_store__get2(db, "SELECT 1 FROM mentions WHERE post_id = ?1 AND account_id = ?2",
                       post, account, &one, e);
    mn_store__reader_done(s, db);
    if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    if (rc == MN_OK) *ret = one != 0;
    return rc;
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

static mn_rc read_link(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_thread_link *)ret = (mn_thread_link){.id = db_col_u64(q, 0),
                                              .reply_to = db_col_u64(q, 1),
                                              .account_id = db_col_u64(q, 2),
                                              .reply_account = db_col_u64(q, 3),
                                              .gone = db_col_i64(q, 4) != 0};
    return MN_OK;
}

mn_rc mn_store_thread_links(mn_store *s, uint64_t thread, size_t limit, mn_arena *ar,
                            mn_thread_link **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *rows = NULL;
    size_t n = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    /* The first post is found by its id, the others by the index of those that do not start their thread. */
    mn_rc rc = db_prepare(db,
                          "SELECT id, reply_to, account_id, reply_account, deleted_ms FROM "
                          "posts WHERE id IN (SELECT t.id FROM posts t WHERE t.thread_id = ?1 "
                          "AND t.thread_id <> t.id UNION ALL SELECT r.id FROM posts r WHERE "
                          "r.id = ?1 AND r.thread_id = r.id) ORDER BY id LIMIT ?2",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, thread);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_link, sizeof(mn_thread_link), ar, &rows, &n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = rows;
    *ret_n = n;
    return MN_OK;
}
