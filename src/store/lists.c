/* Lists and their members. */
#include "store/lists.h"

#include "store/store_int.h"

static mn_rc read_list(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_list l = {.id = db_col_u64(q, 0),
                 .account_id = db_col_u64(q, 1),
                 .replies = (mn_list_replies)db_col_i64(q, 3),
                 .exclusive = db_col_i64(q, 4) != 0};
    MN_TRY(mn_store__col_dup(q, 2, ar, &l.title, e));
    *(mn_list *)ret = l;
    return MN_OK;
}

#define COLUMNS "l.id, l.account_id, l.title, l.replies, l.exclusive"

static void bind_list(mn_stmt *q, const mn_list *l)
{
    db_u64(q, 1, l->id);
    db_u64(q, 2, l->account_id);
    db_text(q, 3, l->title);
    db_i64(q, 4, l->replies);
    db_i64(q, 5, l->exclusive);
}

mn_rc mn_store_list_add(mn_tx *tx, const mn_list *l, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO lists (id, account_id, title, replies, exclusive) "
                      "VALUES (?1, ?2, ?3, ?4, ?5)",
                      &q, e));
    bind_list(q, l);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_list_update(mn_tx *tx, const mn_list *l, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE lists SET title = ?3, replies = ?4, exclusive = ?5 "
                      "WHERE id = ?1 AND account_id = ?2",
                      &q, e));
    bind_list(q, l);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

mn_rc mn_store_list_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, "DELETE FROM lists WHERE id = ?1 AND account_id = ?2", &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 0) return MN_E_NOT_FOUND;
    return mn_store__run2(tx->db, "DELETE FROM list_accounts WHERE list_id = ?1", id, 0, e);
}

/* Runs a query with two ids and collects lists. */
static mn_rc collect(mn_store *s, const char *sql, uint64_t a, uint64_t b, bool two,
                     mn_arena *ar, mn_list **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, a);
        if (two) db_u64(q, 2, b);
        rc = mn_store__collect(q, read_list, sizeof(mn_list), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

mn_rc mn_store_list(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar, mn_list *ret,
                    mn_err *e)
{
    mn_list *l = NULL;
    size_t n = 0;
    MN_TRY(collect(s, "SELECT " COLUMNS " FROM lists l WHERE l.id = ?1 AND l.account_id = ?2",
                   id, account, true, ar, &l, &n, e));
    if (n == 0) return MN_E_NOT_FOUND;
    *ret = *l;
    return MN_OK;
}

mn_rc mn_store_lists(mn_store *s, uint64_t account, uint64_t member, mn_arena *ar,
                     mn_list **ret, size_t *ret_n, mn_err *e)
{
    if (member == 0)
        return collect(s,
                       "SELECT " COLUMNS " FROM lists l WHERE l.account_id = ?1 ORDER BY l.id",
                       account, 0, false, ar, ret, ret_n, e);
    return collect(s,
                   "SELECT " COLUMNS " FROM lists l JOIN list_accounts m ON m.list_id = l.id "
                   "WHERE l.account_id = ?1 AND m.account_id = ?2 ORDER BY l.id",
                   account, member, true, ar, ret, ret_n, e);
}

mn_rc mn_store_list_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e)
{
    int64_t n = 0;
    MN_TRY(mn_store__get2(tx->db, "SELECT count(*) FROM lists WHERE account_id = ?1", account,
                          0, &n, e));
    *ret = (uint64_t)n;
    return MN_OK;
}

/* ---- members ------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_list_member_set(mn_tx *tx, uint64_t list, uint64_t member, bool on,
                               bool *ret_changed, mn_err *e)
{
    return mn_store__join(
        tx->db,
        on ? "INSERT INTO list_accounts (list_id, account_id, id) VALUES "
             "(?1, ?2, ?3) ON CONFLICT DO NOTHING"
           : "DELETE FROM list_accounts WHERE list_id = ?1 AND account_id = ?2",
        list, member, ret_changed, e);
}

static mn_rc read_member(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_list_member *)ret =
        (mn_list_member){db_col_u64(q, 0), db_col_u64(q, 1), db_col_u64(q, 2)};
    return MN_OK;
}

static mn_rc members(mn_store *s, const char *sql, const int64_t *args, int n_args,
                     mn_arena *ar, mn_list_member **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        for (int i = 0; i < n_args; i++) db_i64(q, i + 1, args[i]);
        rc = mn_store__collect(q, read_member, sizeof(mn_list_member), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

#define MEMBERS(order)                                                                         \
    "SELECT id, list_id, account_id FROM list_accounts WHERE list_id = ?1 AND id < ?2 AND "    \
    "id > ?3 ORDER BY id " order " LIMIT ?4"

mn_rc mn_store_list_members(mn_store *s, uint64_t list, uint64_t below, uint64_t above,
                            bool upward, size_t limit, mn_arena *ar, mn_list_member **ret,
                            size_t *ret_n, mn_err *e)
{
    static const mn_store__pages sql = {MEMBERS("DESC"), MEMBERS("ASC"), read_member,
                                        sizeof **ret};
    mn_store__span sp = {below, above, limit ? limit : SIZE_MAX, upward};
    return mn_store__page_of(s, &sql, list, sp, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_lists_members(mn_store *s, uint64_t account, mn_arena *ar, mn_list_member **ret,
                             size_t *ret_n, mn_err *e)
{
    const int64_t args[] = {db_number(account)};
    return members(s,
                   "SELECT m.id, m.list_id, m.account_id FROM list_accounts m JOIN lists l ON "
                   "l.id = m.list_id WHERE l.account_id = ?1 ORDER BY m.list_id, m.account_id",
                   args, 1, ar, ret, ret_n, e);
}
