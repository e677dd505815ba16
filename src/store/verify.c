/* mn_store_ledger_verify: folds the ledger again and compares, in one snapshot and in little memory.
 *
 * First the chain, line by line, which also folds the server's settings. Then for each scope two cursors run side by
 * side, the things (by id) and the scope's lines (by scope_id, seq), as in a merge join. Lines of things that are gone
 * (an undone import) are passed over: the ledger keeps them.
 */
#include "store/store_int.h"

typedef struct fold {
    mn_consents consent;
    uint64_t seq; /* of the line that set them last; 0: none */
} fold;

static mn_rc differ(const char *what, uint64_t id, const fold *f, mn_err *e)
{
    if (f->seq == 0)
        return mn_fail(e, MN_E_CORRUPT,
                       "the settings of %s %llu stand on no line of the consent ledger", what,
                       (unsigned long long)id);
    return mn_fail(e, MN_E_CORRUPT,
                   "line %llu of the consent ledger does not fit the settings of %s %llu",
                   (unsigned long long)f->seq, what, (unsigned long long)id);
}

/* ---- the chain --------------------------------------------------------------------------------------------------- */

static mn_rc check_line(const mn_ledger_line *l, uint64_t n, uint8_t last[32], fold *server,
                        mn_err *e)
{
    uint8_t hash[32];
    if (l->seq != n + 1)
        return mn_fail(e, MN_E_CORRUPT, "line %llu of the consent ledger is missing",
                       (unsigned long long)(n + 1));
    mn_store__ledger_hash(last, l, hash);
    if (memcmp(hash, l->hash, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT, "line %llu of the consent ledger does not fit its hash",
                       (unsigned long long)l->seq);
    memcpy(last, hash, 32);
    if (l->scope == MN_SCOPE_SERVER)
        *server = (fold){mn_consents_set(server->consent, l->purpose, l->value), l->seq};
    return MN_OK;
}

static mn_rc check_server(mn_db *db, uint64_t n, const fold *server, mn_err *e)
{
    uint64_t count = 0, consent = 0, seq = 0;
    MN_TRY(mn_store__counter(db, "ledger", &count, e));
    if (count != n)
        return mn_fail(e, MN_E_CORRUPT, "line %llu of the consent ledger is missing",
                       (unsigned long long)(n + 1));
    MN_TRY(mn_store__counter(db, "server_consent", &consent, e));
    MN_TRY(mn_store__counter(db, "server_consent_rev", &seq, e));
    if (consent == server->consent && seq == server->seq) return MN_OK;
    return differ("server", 0, server, e);
}

static mn_rc check_chain(mn_db *db, uint64_t *ret_lines, mn_err *e)
{
    mn_stmt *q;
    uint8_t last[32] = {0};
    uint64_t n = 0;
    fold server = {0};
    MN_TRY(db_scan(db, "SELECT " MN_STORE_LEDGER_COLUMNS " FROM ledger ORDER BY seq", &q, e));
    for (bool row = true;; n++) {
        mn_ledger_line l;
        MN_TRY(db_step(q, &row, e));
        if (!row) break;
        mn_rc rc = mn_store__ledger_read(q, &l, e);
        if (rc == MN_OK) rc = check_line(&l, n, last, &server, e);
        if (rc != MN_OK) {
            db_reset(q);
            return rc;
        }
    }
    MN_TRY(check_server(db, n, &server, e));
    *ret_lines = n;
    return MN_OK;
}

/* ---- what was derived -------------------------------------------------------------------------------------------- */

/* Folds the lines of `id`; `lines` stands on the first line not yet passed (*more: there is one). */
static mn_rc fold_lines(mn_stmt *lines, uint64_t id, bool *more, fold *ret, mn_err *e)
{
    fold f = {0};
    while (*more && db_col_u64(lines, 0) <= id) {
        if (db_col_u64(lines, 0) == id)
            f = (fold){mn_consents_set(f.consent, (mn_purpose)db_col_i64(lines, 1),
                                       (mn_consent)db_col_i64(lines, 2)),
                       db_col_u64(lines, 3)};
        MN_TRY(db_step(lines, more, e));
    }
    *ret = f;
    return MN_OK;
}

static mn_rc check_scope(mn_db *db, mn_scope scope, const char *what, const char *sql,
                         mn_err *e)
{
    mn_stmt *things, *lines;
    bool row = false, more = false;
    MN_TRY(db_scan(db, sql, &things, e));
    MN_TRY(db_scan(db,
                   "SELECT scope_id, purpose, value, seq FROM ledger WHERE scope = ?1 "
                   "ORDER BY scope_id, seq",
                   &lines, e));
    db_i64(lines, 1, scope);
    mn_rc rc = db_step(lines, &more, e);
    while (rc == MN_OK) {
        fold f;
        rc = db_step(things, &row, e);
        if (rc != MN_OK || !row) break;
        uint64_t id = db_col_u64(things, 0);
        rc = fold_lines(lines, id, &more, &f, e);
        if (rc == MN_OK &&
            (f.consent != (mn_consents)db_col_i64(things, 1) || f.seq != db_col_u64(things, 2)))
            rc = differ(what, id, &f, e);
    }
    db_reset(things);
    db_reset(lines);
    return rc;
}

static mn_rc verify(mn_db *db, uint64_t *ret_lines, mn_err *e)
{
    MN_TRY(check_chain(db, ret_lines, e));
    MN_TRY(check_scope(db, MN_SCOPE_ACCOUNT, "account",
                       "SELECT id, consent, consent_rev FROM accounts ORDER BY id", e));
    MN_TRY(check_scope(db, MN_SCOPE_IMPORT, "import",
                       "SELECT id, consent, consent_rev FROM imports ORDER BY id", e));
    return check_scope(db, MN_SCOPE_POST, "post",
                       "SELECT id, consent, consent_rev FROM posts ORDER BY id", e);
}

mn_rc mn_store_ledger_verify(mn_store *s, uint64_t *ret_lines, mn_err *e)
{
    mn_db *db;
    uint64_t n = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = verify(db, &n, e);
    mn_store__reader_done(s, db);
    if (rc == MN_OK && ret_lines) *ret_lines = n;
    return rc;
}
