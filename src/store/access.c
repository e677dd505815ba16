/* Tokens: what clients hold, kept as hashes. Apps, codes and credentials are in the files beside (apps.c, credentials.c). */
#include "store/access.h"

#include "store/store_int.h"

/* One row with the account as it is now; an app's own token has no account, a session no app. An account that moderators have
 * disabled (it cannot sign in, its posts stay) counts as suspended here. */
#define TOKEN_COLUMNS                                                                          \
    "t.id, t.app_id, t.account_id, t.kind, t.scopes, t.created_ms, t.used_ms, t.expires_ms, "  \
    "t.ip, t.agent, COALESCE(p.name, ''), COALESCE(p.website, ''), t.name, t.hint"
#define NOW_COLUMNS                                                                            \
    TOKEN_COLUMNS                                                                              \
    ", CASE WHEN a.state = 0 AND a.disabled_ms <> 0 THEN 1 ELSE "                              \
    "COALESCE(a.state, 0) END, COALESCE(a.role, 0), COALESCE(a.silenced_ms, 0), "              \
    "COALESCE(c.approved, 1), COALESCE(c.must_confirm, 0), "                                   \
    "COALESCE(c.email_confirmed_ms, 0)"
#define TOKEN_FROM " FROM tokens t LEFT JOIN apps p ON p.id = t.app_id"
#define NOW_FROM                                                                               \
    TOKEN_FROM " LEFT JOIN accounts a ON a.id = t.account_id "                                 \
               "LEFT JOIN credentials c ON c.account_id = t.account_id"

static mn_rc read_token(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_token t = {.id = db_col_u64(q, 0),
                  .app_id = db_col_u64(q, 1),
                  .account_id = db_col_u64(q, 2),
                  .kind = (mn_token_kind)db_col_i64(q, 3),
                  .created_ms = db_col_i64(q, 5),
                  .used_ms = db_col_i64(q, 6),
                  .expires_ms = db_col_i64(q, 7)};
    MN_TRY(mn_store__col_dup(q, 4, ar, &t.scopes, e));
    MN_TRY(mn_store__col_dup(q, 8, ar, &t.ip, e));
    MN_TRY(mn_store__col_dup(q, 9, ar, &t.agent, e));
    MN_TRY(mn_store__col_dup(q, 10, ar, &t.app_name, e));
    MN_TRY(mn_store__col_dup(q, 11, ar, &t.app_website, e));
    MN_TRY(mn_store__col_dup(q, 12, ar, &t.name, e));
    MN_TRY(mn_store__col_dup(q, 13, ar, &t.hint, e));
    *(mn_token *)ret = t;
    return MN_OK;
}

static mn_rc read_now(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_token_now n = {.state = (mn_account_state)db_col_i64(q, 14),
                      .role = (mn_account_role)db_col_i64(q, 15),
                      .silenced = db_col_i64(q, 16) != 0,
                      .approved = db_col_i64(q, 17) != 0,
                      .must_confirm = db_col_i64(q, 18) != 0,
                      .email_confirmed = db_col_i64(q, 19) != 0};
    MN_TRY(read_token(q, ar, &n.token, e));
    *(mn_token_now *)ret = n;
    return MN_OK;
}

mn_rc mn_store_token_add(mn_tx *tx, mn_str hash, const mn_token *t, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO tokens (id, hash, kind, app_id, account_id, scopes, created_ms, used_ms, "
        "expires_ms, ip, agent, name, hint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "?11, ?12, ?13)",
        &q, e));
    db_u64(q, 1, t->id);
    db_text(q, 2, hash);
    db_i64(q, 3, t->kind);
    db_u64(q, 4, t->app_id);
    db_u64(q, 5, t->account_id);
    db_text(q, 6, t->scopes);
    db_i64(q, 7, t->created_ms);
    db_i64(q, 8, t->used_ms);
    db_i64(q, 9, t->expires_ms);
    db_text(q, 10, t->ip);
    db_text(q, 11, t->agent);
    db_text(q, 12, t->name);
    db_text(q, 13, t->hint);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_token_by_hash(mn_store *s, mn_str hash, mn_arena *ar, mn_token_now *ret,
                             mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " NOW_COLUMNS NOW_FROM " WHERE t.hash = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, hash);
        rc = mn_store__one(q, read_now, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_token_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_token_now *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " NOW_COLUMNS NOW_FROM " WHERE t.id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_now, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc list_tokens(mn_store *s, const char *sql, uint64_t account, size_t limit,
                         mn_arena *ar, mn_token **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_token, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_tokens_of(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                         mn_token **ret, size_t *ret_n, mn_err *e)
{
    return list_tokens(s,
                       "SELECT " TOKEN_COLUMNS TOKEN_FROM
                       " WHERE t.account_id = ?1 AND t.kind <> 2 ORDER BY t.id DESC LIMIT ?2",
                       account, limit, ar, ret, ret_n, e);
}

mn_rc mn_store_keys_of(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                       mn_token **ret, size_t *ret_n, mn_err *e)
{
    return list_tokens(s,
                       "SELECT " TOKEN_COLUMNS TOKEN_FROM
                       " WHERE t.account_id = ?1 AND t.kind = 2 ORDER BY t.id DESC LIMIT ?2",
                       account, limit, ar, ret, ret_n, e);
}

mn_rc mn_store_token_used(mn_tx *tx, uint64_t id, int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE tokens SET used_ms = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, at_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE credentials SET last_seen_ms = ?2 WHERE account_id IN "
                      "(SELECT account_id FROM tokens WHERE id = ?1)",
                      &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, at_ms);
    return mn_store__run(q, NULL, e);
}

/* ---- taking out ------------------------------------------------------------------------------------------------ */

typedef struct gone {
    uint64_t id, account;
} gone;

static mn_rc read_gone(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(gone *)ret = (gone){db_col_u64(q, 0), db_col_u64(q, 1)};
    return MN_OK;
}

/* Takes out the tokens that a bound statement names (id, account_id). */
static mn_rc remove_named(mn_tx *tx, mn_stmt *named, size_t *ret_n, mn_err *e)
{
    mn_arena ar;
    gone *list = NULL;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(named, read_gone, sizeof *list, &ar, (void **)&list, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        rc = mn_store__run2(tx->db, "DELETE FROM push_subscriptions WHERE token_id = ?1",
                            list[i].id, 0, e);
        if (rc == MN_OK)
            rc = mn_store__run2(tx->db, "DELETE FROM tokens WHERE id = ?1", list[i].id, 0, e);
        if (rc == MN_OK)
            rc = mn_store_event(tx,
                                (mn_event){.kind = MN_EV_TOKEN_GONE,
                                           .id = list[i].id,
                                           .account = list[i].account},
                                e);
    }
    mn_arena_release(&ar);
    if (rc == MN_OK && ret_n) *ret_n = n;
    return rc;
}

mn_rc mn_store_token_remove(mn_tx *tx, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "SELECT id, account_id FROM tokens WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    return remove_named(tx, q, NULL, e);
}

mn_rc mn_store_tokens_remove(mn_tx *tx, uint64_t account, uint64_t but_id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "SELECT id, account_id FROM tokens WHERE account_id = ?1 AND id <> ?2", &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, but_id);
    MN_TRY(remove_named(tx, q, NULL, e));
    return mn_store__run2(tx->db, "DELETE FROM codes WHERE account_id = ?1 AND token_id = 0",
                          account, 0, e);
}

mn_rc mn_store_tokens_remove_app(mn_tx *tx, uint64_t account, uint64_t app, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT id, account_id FROM tokens WHERE account_id = ?1 AND app_id = ?2",
                      &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, app);
    MN_TRY(remove_named(tx, q, NULL, e));
    return mn_store__run2(tx->db,
                          "DELETE FROM codes WHERE account_id = ?1 AND app_id = ?2 AND "
                          "token_id = 0",
                          account, app, e);
}

mn_rc mn_store_tokens_expire(mn_tx *tx, int64_t now_ms, size_t limit, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT id, account_id FROM tokens WHERE expires_ms <> 0 AND "
                      "expires_ms <= ?1 ORDER BY id LIMIT ?2",
                      &q, e));
    db_i64(q, 1, now_ms);
    db_u64(q, 2, limit);
    MN_TRY(remove_named(tx, q, ret_n, e));
    MN_TRY(db_prepare(tx->db, "DELETE FROM codes WHERE expires_ms <= ?1", &q, e));
    db_i64(q, 1, now_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    MN_TRY(db_prepare(tx->db, "DELETE FROM email_links WHERE expires_ms <= ?1", &q, e));
    db_i64(q, 1, now_ms);
    return mn_store__run(q, NULL, e);
}
