/* The consent ledger: append-only, hash-chained, and the settings derived from it.
 *
 * Each line's hash is SHA-256 over the hash before it and the line's own fields (docs/design/store.md has the bytes).
 * Derived settings stand beside what they speak of, so that readers need no ledger: in `counters` for the server, in the
 * rows of accounts, imports and posts. They are always the fold of that scope's lines, the last one of a purpose deciding;
 * mn_store_ledger_verify (verify.c) folds again and compares.
 */
#include "store/store_int.h"

#include "base/hash.h"

#define COLUMNS MN_STORE_LEDGER_COLUMNS

const char *const mn_purpose_names[MN_PURPOSES] = {
    [MN_P_SEARCH] = "search",
    [MN_P_TRAIN_GENERATIVE] = "train_generative",
    [MN_P_TRAIN_OTHER] = "train_other",
    [MN_P_INFERENCE_INPUT] = "inference_input",
    [MN_P_EMBEDDING] = "embedding",
    [MN_P_ARCHIVE] = "archive",
    [MN_P_BULK_DATASET] = "bulk_dataset",
    [MN_P_BRIDGE] = "bridge",
};

mn_rc mn_purpose_parse(mn_str s, mn_purpose *ret, mn_err *e)
{
    mn_buf list;
    for (int i = 0; i < MN_PURPOSES; i++) {
        if (!mn_str_eqz(s, mn_purpose_names[i])) continue;
        *ret = (mn_purpose)i;
        return MN_OK;
    }
    mn_buf_init(&list, 0);
    for (int i = 0; i < MN_PURPOSES; i++)
        mn_buf_addf(&list, "%s%s", i ? ", " : "", mn_purpose_names[i]);
    mn_fail(e, MN_E_USAGE, "there is no purpose '%.*s'; the purposes are %s",
            s.len < 64 ? (int)s.len : 64, s.ptr ? s.ptr : "", list.ptr ? list.ptr : "");
    mn_buf_release(&list);
    return MN_E_USAGE;
}

/* ---- the chain --------------------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, uint64_t v, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) *at++ = (uint8_t)(v >> (8 * i));
    return at;
}

void mn_store__ledger_hash(const uint8_t prev[32], const mn_ledger_line *l, uint8_t ret[32])
{
    uint8_t bytes[32 + 8 + 1 + 8 + 1 + 1 + 8 + 8 + 4 + MN_STORE_REASON_MAX], *at = bytes;
    MN_ASSERT(l->reason.len <= MN_STORE_REASON_MAX);
    memcpy(at, prev, 32);
    at = put(at + 32, l->seq, 8);
    at = put(at, (uint64_t)l->scope, 1);
    at = put(at, l->scope_id, 8);
    at = put(at, (uint64_t)l->purpose, 1);
    at = put(at, (uint64_t)l->value, 1);
    at = put(at, l->actor_id, 8);
    at = put(at, (uint64_t)l->at_ms, 8);
    at = put(at, l->reason.len, 4);
    if (l->reason.len > 0) memcpy(at, l->reason.ptr, l->reason.len);
    mn_sha256_of(bytes, (size_t)(at - bytes) + l->reason.len, ret);
}

static mn_rc load_end(mn_tx *tx, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    if (tx->ledger_loaded) return MN_OK;
    MN_TRY(mn_store__counter(tx->db, "ledger", &tx->ledger_seq, e));
    if (tx->ledger_seq > 0) {
        MN_TRY(db_prepare(tx->db, "SELECT hash FROM ledger WHERE seq = ?1", &q, e));
        db_u64(q, 1, tx->ledger_seq);
        MN_TRY(db_step(q, &row, e));
        mn_str hash = row ? db_col_str(q, 0) : MN_STR_NONE;
        if (hash.len == 32) memcpy(tx->ledger_hash, hash.ptr, 32);
        if (row) db_reset(q);
        if (hash.len != 32)
            return mn_fail(e, MN_E_CORRUPT, "the consent ledger has lost its last line, %llu",
                           (unsigned long long)tx->ledger_seq);
    }
    tx->ledger_loaded = true;
    return MN_OK;
}

static mn_rc append(mn_tx *tx, const mn_ledger_line *given, uint64_t *ret_seq, mn_err *e)
{
    mn_stmt *q;
    mn_ledger_line l = *given;
    MN_TRY(load_end(tx, e));
    l.seq = tx->ledger_seq + 1;
    mn_store__ledger_hash(tx->ledger_hash, &l, l.hash);
    MN_TRY(db_prepare(
        tx->db, "INSERT INTO ledger (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &q, e));
    db_u64(q, 1, l.seq);
    db_i64(q, 2, l.scope);
    db_u64(q, 3, l.scope_id);
    db_i64(q, 4, l.purpose);
    db_i64(q, 5, l.value);
    db_u64(q, 6, l.actor_id);
    db_text(q, 7, l.reason);
    db_i64(q, 8, l.at_ms);
    db_blob(q, 9, l.hash, 32);
    MN_TRY(mn_store__run(q, NULL, e));
    tx->ledger_seq = l.seq;
    memcpy(tx->ledger_hash, l.hash, 32);
    tx->ledger_dirty = true;
    *ret_seq = l.seq;
    return MN_OK;
}

/* ---- derived settings -------------------------------------------------------------------------------------------- */

/* Where each scope keeps them, and whose posts change with them. */
static const struct place {
    const char *what, *get, *set, *posts;
    bool by_rev; /* `posts` begins at the rev the import began with */
} places[] = {
    [MN_SCOPE_ACCOUNT] = {"account", "SELECT consent FROM accounts WHERE id = ?1",
                          "UPDATE accounts SET consent = ?2, consent_rev = ?3 WHERE id = ?1",
                          "SELECT id FROM posts WHERE account_id = ?1", false},
    [MN_SCOPE_IMPORT] = {"import", "SELECT consent FROM imports WHERE id = ?1",
                         "UPDATE imports SET consent = ?2, consent_rev = ?3 WHERE id = ?1",
                         "SELECT id FROM posts WHERE rev > ?2 AND import_id = ?1", true},
    [MN_SCOPE_POST] = {"post", "SELECT consent FROM posts WHERE id = ?1",
                       "UPDATE posts SET consent = ?2, consent_rev = ?3 WHERE id = ?1",
                       "SELECT id FROM posts WHERE id = ?1", false},
};

static mn_rc derive_server(mn_tx *tx, const mn_ledger_line *l, uint64_t seq, mn_err *e)
{
    uint64_t c = 0;
    MN_TRY(mn_store__counter(tx->db, "server_consent", &c, e));
    c = mn_consents_set((mn_consents)c, l->purpose, l->value);
    MN_TRY(mn_store__counter_set(tx->db, "server_consent", c, e));
    return mn_store__counter_set(tx->db, "server_consent_rev", seq, e);
}

static mn_rc derive(mn_tx *tx, const mn_ledger_line *l, uint64_t seq, mn_err *e)
{
    const struct place *p = &places[l->scope];
    mn_stmt *q;
    int64_t now = 0, first_rev = 0;
    MN_TRY(mn_store__get2(tx->db, p->get, l->scope_id, 0, &now, e));
    MN_TRY(db_prepare(tx->db, p->set, &q, e));
    db_u64(q, 1, l->scope_id);
    db_i64(q, 2, mn_consents_set((mn_consents)now, l->purpose, l->value));
    db_u64(q, 3, seq);
    MN_TRY(mn_store__run(q, NULL, e));
    if (p->by_rev)
        MN_TRY(mn_store__get2(tx->db, "SELECT first_rev FROM imports WHERE id = ?1",
                              l->scope_id, 0, &first_rev, e));
    return mn_store__touch_posts(tx, p->posts, l->scope_id, (uint64_t)first_rev, e);
}

static mn_rc check(mn_tx *tx, const mn_ledger_line *l, mn_err *e)
{
    int64_t now = 0;
    if ((unsigned)l->purpose >= MN_PURPOSES || (unsigned)l->value > MN_CONSENT_DENY ||
        (unsigned)l->scope > MN_SCOPE_GRANT)
        return mn_fail(e, MN_E_USAGE, "a ledger line needs a scope, a purpose and a value");
    if (l->scope == MN_SCOPE_GRANT)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "this version has no licensees to grant anything to");
    if (l->reason.len > MN_STORE_REASON_MAX)
        return mn_fail(e, MN_E_LIMIT, "the reason is over %d bytes", MN_STORE_REASON_MAX);
    if (l->scope == MN_SCOPE_SERVER)
        return l->scope_id == 0 ? MN_OK
                                : mn_fail(e, MN_E_USAGE, "the server's scope has the id 0");
    mn_rc rc = mn_store__get2(tx->db, places[l->scope].get, l->scope_id, 0, &now, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    return mn_fail(e, rc, "there is no %s with id %llu", places[l->scope].what,
                   (unsigned long long)l->scope_id);
}

mn_rc mn_store_consent_add(mn_tx *tx, const mn_ledger_line *l, uint64_t *ret_seq, mn_err *e)
{
    uint64_t seq = 0;
    MN_TRY(check(tx, l, e));
    MN_TRY(append(tx, l, &seq, e));
    MN_TRY(l->scope == MN_SCOPE_SERVER ? derive_server(tx, l, seq, e) : derive(tx, l, seq, e));
    if (l->scope == MN_SCOPE_ACCOUNT || l->scope == MN_SCOPE_SERVER)
        MN_TRY(mn_store_event(
            tx,
            (mn_event){.kind = l->scope == MN_SCOPE_SERVER ? MN_EV_RULES : MN_EV_ACCOUNT,
                       .account = l->scope_id},
            e));
    if (ret_seq) *ret_seq = seq;
    return MN_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

mn_rc mn_store_consent_server(mn_store *s, mn_consents *ret, uint64_t *ret_seq, mn_err *e)
{
    mn_db *db;
    uint64_t c = 0, seq = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mn_store__counter(db, "server_consent", &c, e);
    if (rc == MN_OK) rc = mn_store__counter(db, "server_consent_rev", &seq, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = (mn_consents)c;
    if (ret_seq) *ret_seq = seq;
    return MN_OK;
}

mn_rc mn_store_consent_account(mn_store *s, uint64_t account_id, mn_consents *ret,
                               uint64_t *ret_seq, mn_err *e)
{
    mn_db *db;
    int64_t c = 0, seq = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mn_store__get2(db, places[MN_SCOPE_ACCOUNT].get, account_id, 0, &c, e);
    if (rc == MN_OK)
        rc = mn_store__get2(db, "SELECT consent_rev FROM accounts WHERE id = ?1", account_id, 0,
                            &seq, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = (mn_consents)c;
    if (ret_seq) *ret_seq = (uint64_t)seq;
    return MN_OK;
}

mn_rc mn_store__ledger_read(mn_stmt *q, mn_ledger_line *ret, mn_err *e)
{
    mn_ledger_line l = {.seq = db_col_u64(q, 0),
                        .scope = (mn_scope)db_col_i64(q, 1),
                        .scope_id = db_col_u64(q, 2),
                        .purpose = (mn_purpose)db_col_i64(q, 3),
                        .value = (mn_consent)db_col_i64(q, 4),
                        .actor_id = db_col_u64(q, 5),
                        .reason = db_col_str(q, 6),
                        .at_ms = db_col_i64(q, 7)};
    mn_str hash = db_col_str(q, 8);
    if (hash.len != 32 || l.reason.len > MN_STORE_REASON_MAX ||
        (unsigned)l.purpose >= MN_PURPOSES || (unsigned)l.value > MN_CONSENT_DENY ||
        (unsigned)l.scope > MN_SCOPE_GRANT)
        return mn_fail(e, MN_E_CORRUPT, "line %llu of the consent ledger is damaged",
                       (unsigned long long)l.seq);
    memcpy(l.hash, hash.ptr, 32);
    *ret = l;
    return MN_OK;
}

static mn_rc read_line(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_ledger_line l;
    MN_TRY(mn_store__ledger_read(q, &l, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &l.reason, e));
    *(mn_ledger_line *)ret = l;
    return MN_OK;
}

mn_rc mn_store_ledger(mn_store *s, uint64_t after_seq, size_t limit, mn_arena *ar,
                      mn_ledger_line **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, "SELECT " COLUMNS " FROM ledger WHERE seq > ?1 ORDER BY seq LIMIT ?2", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, after_seq);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_line, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_ledger_of(mn_store *s, mn_scope scope, uint64_t scope_id, size_t limit,
                         mn_arena *ar, mn_ledger_line **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db,
                   "SELECT " COLUMNS
                   " FROM ledger WHERE scope = ?1 AND scope_id = ?2 ORDER BY seq DESC LIMIT ?3",
                   &q, e);
    if (rc == MN_OK) {
        db_i64(q, 1, scope);
        db_u64(q, 2, scope_id);
        db_u64(q, 3, limit);
        rc = mn_store__collect(q, read_line, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}
