/* Apps, the codes they trade for tokens, and what other servers gave us as their app. */
#include "store/access.h"
#include "store/store_int.h"

#define APP_COLUMNS                                                                            \
    "id, client_id, secret_hash, name, website, redirect_uris, scopes, created_ms"

mn_rc mn_store_app_add(mn_tx *tx, const mn_app *a, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO apps (id, client_id, secret_hash, name, website, "
                      "redirect_uris, scopes, created_ms) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      &q, e));
    db_u64(q, 1, a->id);
    db_text(q, 2, a->client_id);
    db_text(q, 3, a->secret_hash);
    db_text(q, 4, a->name);
    db_text(q, 5, a->website);
    db_text(q, 6, a->redirect_uris);
    db_text(q, 7, a->scopes);
    db_i64(q, 8, a->created_ms);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_app(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_app a = {.id = db_col_u64(q, 0), .created_ms = db_col_i64(q, 7)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &a.client_id, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &a.secret_hash, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &a.name, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &a.website, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &a.redirect_uris, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &a.scopes, e));
    *(mn_app *)ret = a;
    return MN_OK;
}

mn_rc mn_store_app_by_client(mn_store *s, mn_str client_id, mn_arena *ar, mn_app *ret,
                             mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " APP_COLUMNS " FROM apps WHERE client_id = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, client_id);
        rc = mn_store__one(q, read_app, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_app_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_app *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " APP_COLUMNS " FROM apps WHERE id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_app, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_apps_unused(mn_tx *tx, int64_t before_ms, size_t limit, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "DELETE FROM apps WHERE id IN (SELECT p.id FROM apps p WHERE "
                      "p.created_ms < ?1 AND NOT EXISTS (SELECT 1 FROM tokens t WHERE "
                      "t.app_id = p.id) AND NOT EXISTS (SELECT 1 FROM codes c WHERE "
                      "c.app_id = p.id) ORDER BY p.id LIMIT ?2)",
                      &q, e));
    db_i64(q, 1, before_ms);
    db_u64(q, 2, limit);
    MN_TRY(mn_store__run(q, &n, e));
    *ret_n = (size_t)n;
    return MN_OK;
}

/* ---- codes ----------------------------------------------------------------------------------------------------- */

mn_rc mn_store_code_add(mn_tx *tx, mn_str hash, const mn_code *c, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO codes (hash, app_id, account_id, redirect_uri, scopes, "
                      "challenge, expires_ms, token_id) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                      &q, e));
    db_text(q, 1, hash);
    db_u64(q, 2, c->app_id);
    db_u64(q, 3, c->account_id);
    db_text(q, 4, c->redirect_uri);
    db_text(q, 5, c->scopes);
    db_text(q, 6, c->challenge);
    db_i64(q, 7, c->expires_ms);
    db_u64(q, 8, c->token_id);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_code(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_code c = {.app_id = db_col_u64(q, 0),
                 .account_id = db_col_u64(q, 1),
                 .expires_ms = db_col_i64(q, 5),
                 .token_id = db_col_u64(q, 6)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &c.redirect_uri, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &c.scopes, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &c.challenge, e));
    *(mn_code *)ret = c;
    return MN_OK;
}

mn_rc mn_store_code_get(mn_tx *tx, mn_str hash, mn_arena *ar, mn_code *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT app_id, account_id, redirect_uri, scopes, challenge, expires_ms, "
                      "token_id FROM codes WHERE hash = ?1",
                      &q, e));
    db_text(q, 1, hash);
    return mn_store__one(q, read_code, ar, ret, e);
}

mn_rc mn_store_code_used(mn_tx *tx, mn_str hash, uint64_t token_id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE codes SET token_id = ?2 WHERE hash = ?1", &q, e));
    db_text(q, 1, hash);
    db_u64(q, 2, token_id);
    return mn_store__run(q, NULL, e);
}

/* ---- other servers --------------------------------------------------------------------------------------------- */

mn_rc mn_store_remote_app_set(mn_tx *tx, const mn_remote_app *a, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO remote_apps (domain, client_id, client_secret, created_ms) "
                      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (domain) DO UPDATE SET "
                      "client_id = excluded.client_id, client_secret = excluded.client_secret, "
                      "created_ms = excluded.created_ms",
                      &q, e));
    db_text(q, 1, a->domain);
    db_text(q, 2, a->client_id);
    db_text(q, 3, a->client_secret);
    db_i64(q, 4, a->created_ms);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_remote(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_remote_app a = {.created_ms = db_col_i64(q, 3)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &a.domain, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &a.client_id, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &a.client_secret, e));
    *(mn_remote_app *)ret = a;
    return MN_OK;
}

mn_rc mn_store_remote_app(mn_store *s, mn_str domain, mn_arena *ar, mn_remote_app *ret,
                          mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT domain, client_id, client_secret, created_ms FROM "
                          "remote_apps WHERE domain = ?1",
                          &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, domain);
        rc = mn_store__one(q, read_remote, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}
