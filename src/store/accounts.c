/* Accounts and who follows whom. A name is unique without regard to ASCII case: name_key is the name in lower case. */
#include "store/store_int.h"

#include "base/hash.h"

#define NAME_MAX_BYTES 64
#define COLUMNS                                                                                \
    "id, name, display_name, bio, password_hash, origin, import_id, state, role, bot, "        \
    "locked, "                                                                                 \
    "created_ms, n_posts"

static mn_str lower(mn_str s, char ret[NAME_MAX_BYTES])
{
    size_t n = s.len < NAME_MAX_BYTES ? s.len : NAME_MAX_BYTES;
    for (size_t i = 0; i < n; i++)
        ret[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]);
    return (mn_str){ret, n};
}

/* The parameters that adding and updating share: ?2 … ?9. */
static void bind_fields(mn_stmt *q, const mn_account *a)
{
    db_u64(q, 1, a->id);
    db_text(q, 2, a->display_name);
    db_text(q, 3, a->bio);
    db_text(q, 4, a->password_hash);
    db_text(q, 5, a->origin);
    db_i64(q, 6, a->state);
    db_i64(q, 7, a->role);
    db_i64(q, 8, a->bot);
    db_i64(q, 9, a->locked);
    db_i64(q, 10, a->created_ms);
}

mn_rc mn_store_account_add(mn_tx *tx, const mn_account *a, mn_err *e)
{
    mn_stmt *q;
    char key[NAME_MAX_BYTES];
    uint64_t n = 0;
    if (a->id == 0 || a->id > (uint64_t)INT64_MAX || a->name.len == 0 ||
        a->name.len > NAME_MAX_BYTES)
        return mn_fail(e, MN_E_USAGE, "an account needs an id and a name of 1 to %d bytes",
                       NAME_MAX_BYTES);
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO accounts (id, display_name, bio, password_hash, origin, state, role, bot, "
        "locked, created_ms, name, name_key, import_id, n_posts, consent, consent_rev) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, 0, 0) "
        "ON CONFLICT DO NOTHING",
        &q, e));
    bind_fields(q, a);
    db_text(q, 11, a->name);
    db_text(q, 12, lower(a->name, key));
    db_u64(q, 13, a->import_id);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 1) return MN_OK;
    return mn_fail(e, MN_E_EXISTS, "the account name '%.*s' is taken", MN_STR_FMT(a->name));
}

mn_rc mn_store_account_update(mn_tx *tx, const mn_account *a, mn_err *e)
{
    mn_stmt *q;
    int64_t state = 0;
    mn_rc rc =
        mn_store__get2(tx->db, "SELECT state FROM accounts WHERE id = ?1", a->id, 0, &state, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no account with id %llu", (unsigned long long)a->id);
    if (rc != MN_OK) return rc;
    MN_TRY(db_prepare(
        tx->db,
        "UPDATE accounts SET display_name = ?2, bio = ?3, password_hash = ?4, origin = ?5, "
        "state = ?6, role = ?7, bot = ?8, locked = ?9, created_ms = ?10 WHERE id = ?1",
        &q, e));
    bind_fields(q, a);
    MN_TRY(mn_store__run(q, NULL, e));
    if (state == (int64_t)a->state) return MN_OK;
    return mn_store__touch_posts(tx, "SELECT id FROM posts WHERE account_id = ?1", a->id, 0, e);
}

static mn_rc read_account(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_account a = {.id = db_col_u64(q, 0)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &a.name, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &a.display_name, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &a.bio, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &a.password_hash, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &a.origin, e));
    a.import_id = db_col_u64(q, 6);
    a.state = (mn_account_state)db_col_i64(q, 7);
    a.role = (mn_account_role)db_col_i64(q, 8);
    a.bot = db_col_i64(q, 9) != 0;
    a.locked = db_col_i64(q, 10) != 0;
    a.created_ms = db_col_i64(q, 11);
    a.n_posts = db_col_u64(q, 12);
    *(mn_account *)ret = a;
    return MN_OK;
}

mn_rc mn_store_account_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_account *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " COLUMNS " FROM accounts WHERE id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_account, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_account_by_name(mn_store *s, mn_str name, mn_arena *ar, mn_account *ret,
                               mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    char key[NAME_MAX_BYTES];
    if (name.len > NAME_MAX_BYTES) return MN_E_NOT_FOUND;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " COLUMNS " FROM accounts WHERE name_key = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, lower(name, key));
        rc = mn_store__one(q, read_account, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_accounts(mn_db *db, mn_str after, size_t limit, mn_arena *ar,
                           mn_account **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    char key[NAME_MAX_BYTES];
    MN_TRY(db_prepare(
        db, "SELECT " COLUMNS " FROM accounts WHERE name_key > ?1 ORDER BY name_key LIMIT ?2",
        &q, e));
    db_text(q, 1, lower(after, key));
    db_u64(q, 2, limit);
    return mn_store__collect(q, read_account, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_accounts(mn_store *s, mn_str after, size_t limit, mn_arena *ar, mn_account **ret,
                        size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_accounts(db, after, limit, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- follows ----------------------------------------------------------------------------------------------------- */

mn_rc mn_store_follow_add(mn_tx *tx, uint64_t follower, uint64_t followee, int64_t at_ms,
                          mn_err *e)
{
    mn_stmt *q;
    mn_tx_account *a;
    if (follower == followee) return mn_fail(e, MN_E_USAGE, "an account cannot follow itself");
    MN_TRY(mn_store__tx_account(tx, follower, &a, e));
    MN_TRY(mn_store__tx_account(tx, followee, &a, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO follows (follower, followee, at_ms) VALUES (?1, ?2, ?3) "
                      "ON CONFLICT DO NOTHING",
                      &q, e));
    db_u64(q, 1, follower);
    db_u64(q, 2, followee);
    db_i64(q, 3, at_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_follow_remove(mn_tx *tx, uint64_t follower, uint64_t followee, mn_err *e)
{
    return mn_store__run2(tx->db, "DELETE FROM follows WHERE follower = ?1 AND followee = ?2",
                          follower, followee, e);
}

mn_rc mn_store_follow_is(mn_store *s, uint64_t follower, uint64_t followee, bool *ret,
                         mn_err *e)
{
    mn_db *db;
    int64_t at_ms = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        mn_store__get2(db, "SELECT at_ms FROM follows WHERE follower = ?1 AND followee = ?2",
                       follower, followee, &at_ms, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

static mn_rc read_follows(mn_db *db, uint64_t follower, mn_arena *ar, uint64_t **ret,
                          size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT followee FROM follows WHERE follower = ?1 ORDER BY followee",
                      &q, e));
    db_u64(q, 1, follower);
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_follows(mn_store *s, uint64_t follower, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_follows(db, follower, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}
