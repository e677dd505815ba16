/* What accounts sign in with: credentials, identities from elsewhere, invites, links sent by mail. */
#include "store/access.h"
#include "store/store_int.h"

#define EMAIL_MAX 254
#define COLUMNS                                                                                \
    "account_id, email, email_confirmed_ms, must_confirm, approved, totp_secret, totp_on, "    \
    "totp_last, recovery, reason, sign_up_ip, invite_id, locale, last_seen_ms"

/* The address in lower case (ASCII): what is unique. */
static mn_str email_key(mn_str email, char ret[EMAIL_MAX])
{
    size_t n = email.len < EMAIL_MAX ? email.len : EMAIL_MAX;
    for (size_t i = 0; i < n; i++)
        ret[i] = (char)(email.ptr[i] >= 'A' && email.ptr[i] <= 'Z' ? email.ptr[i] + 32
                                                                   : email.ptr[i]);
    return (mn_str){ret, n};
}

static mn_rc read_credentials(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_credentials c = {.account_id = db_col_u64(q, 0),
                        .email_confirmed_ms = db_col_i64(q, 2),
                        .must_confirm = db_col_i64(q, 3) != 0,
                        .approved = db_col_i64(q, 4) != 0,
                        .totp_on = db_col_i64(q, 6) != 0,
                        .totp_last = db_col_i64(q, 7),
                        .invite_id = db_col_u64(q, 11),
                        .last_seen_ms = db_col_i64(q, 13)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &c.email, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &c.totp_secret, e));
    MN_TRY(mn_store__col_dup(q, 8, ar, &c.recovery, e));
    MN_TRY(mn_store__col_dup(q, 9, ar, &c.reason, e));
    MN_TRY(mn_store__col_dup(q, 10, ar, &c.sign_up_ip, e));
    MN_TRY(mn_store__col_dup(q, 12, ar, &c.locale, e));
    *(mn_credentials *)ret = c;
    return MN_OK;
}

/* Parameters ?1 … ?14 of adding and replacing. key: EMAIL_MAX bytes that outlive the statement's run. */
static void bind_credentials(mn_stmt *q, const mn_credentials *c, char key[EMAIL_MAX])
{
    db_u64(q, 1, c->account_id);
    db_text(q, 2, c->email);
    db_text(q, 3, email_key(c->email, key));
    db_i64(q, 4, c->email_confirmed_ms);
    db_i64(q, 5, c->must_confirm);
    db_i64(q, 6, c->approved);
    db_text(q, 7, c->totp_secret);
    db_i64(q, 8, c->totp_on);
    db_i64(q, 9, c->totp_last);
    db_text(q, 10, c->recovery);
    db_text(q, 11, c->reason);
    db_text(q, 12, c->sign_up_ip);
    db_u64(q, 13, c->invite_id);
    db_text(q, 14, c->locale);
}

/* Does an account other than this one have the address? */
static mn_rc check_email(mn_tx *tx, mn_str email, uint64_t account, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    char key[EMAIL_MAX];
    if (email.len == 0) return MN_OK;
    if (email.len > EMAIL_MAX)
        return mn_fail(e, MN_E_USAGE, "an e-mail address has at most %d bytes", EMAIL_MAX);
    MN_TRY(db_prepare(
        tx->db, "SELECT account_id FROM credentials WHERE email_key = ?1 AND account_id <> ?2",
        &q, e));
    db_text(q, 1, email_key(email, key));
    db_u64(q, 2, account);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_OK;
    db_reset(q);
    return mn_fail(e, MN_E_EXISTS, "that e-mail address belongs to another account here");
}

mn_rc mn_store_credentials_add(mn_tx *tx, const mn_credentials *c, mn_err *e)
{
    mn_stmt *q;
    char key[EMAIL_MAX];
    MN_TRY(check_email(tx, c->email, c->account_id, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO credentials (account_id, email, email_key, "
                      "email_confirmed_ms, must_confirm, approved, totp_secret, totp_on, "
                      "totp_last, recovery, reason, sign_up_ip, invite_id, locale, "
                      "last_seen_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                      "?12, ?13, ?14, 0)",
                      &q, e));
    bind_credentials(q, c, key);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_credentials_set(mn_tx *tx, const mn_credentials *c, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    char key[EMAIL_MAX];
    MN_TRY(check_email(tx, c->email, c->account_id, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE credentials SET email = ?2, email_key = ?3, email_confirmed_ms = "
                      "?4, must_confirm = ?5, approved = ?6, totp_secret = ?7, totp_on = ?8, "
                      "totp_last = ?9, recovery = ?10, reason = ?11, sign_up_ip = ?12, "
                      "invite_id = ?13, locale = ?14 WHERE account_id = ?1",
                      &q, e));
    bind_credentials(q, c, key);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK : mn_store_credentials_add(tx, c, e);
}

static mn_rc get_credentials(mn_db *db, uint64_t account, mn_arena *ar, mn_credentials *ret,
                             mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT " COLUMNS " FROM credentials WHERE account_id = ?1", &q, e));
    db_u64(q, 1, account);
    return mn_store__one(q, read_credentials, ar, ret, e);
}

mn_rc mn_store_credentials_tx(mn_tx *tx, uint64_t account, mn_arena *ar, mn_credentials *ret,
                              mn_err *e)
{
    return get_credentials(tx->db, account, ar, ret, e);
}

mn_rc mn_store_credentials(mn_store *s, uint64_t account, mn_arena *ar, mn_credentials *ret,
                           mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = get_credentials(db, account, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_account_by_email(mn_store *s, mn_str email, uint64_t *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    char key[EMAIL_MAX];
    if (email.len == 0 || email.len > EMAIL_MAX) return MN_E_NOT_FOUND;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT account_id FROM credentials WHERE email_key = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, email_key(email, key));
        rc = mn_store__one(q, mn_store__row_id, NULL, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- identities ------------------------------------------------------------------------------------------------ */

mn_rc mn_store_identity_add(mn_tx *tx, const mn_identity *i, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO identities (provider, subject, account_id, at_ms) VALUES "
                      "(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                      &q, e));
    db_text(q, 1, i->provider);
    db_text(q, 2, i->subject);
    db_u64(q, 3, i->account_id);
    db_i64(q, 4, i->at_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK
                  : mn_fail(e, MN_E_EXISTS, "that identity belongs to an account here already");
}

mn_rc mn_store_identity(mn_store *s, mn_str provider, mn_str subject, uint64_t *ret_account,
                        mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, "SELECT account_id FROM identities WHERE provider = ?1 AND subject = ?2", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, provider);
        db_text(q, 2, subject);
        rc = mn_store__one(q, mn_store__row_id, NULL, ret_account, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_identity(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_identity i = {.account_id = db_col_u64(q, 2), .at_ms = db_col_i64(q, 3)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &i.provider, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &i.subject, e));
    *(mn_identity *)ret = i;
    return MN_OK;
}

mn_rc mn_store_identities_of(mn_store *s, uint64_t account, mn_arena *ar, mn_identity **ret,
                             size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT provider, subject, account_id, at_ms FROM identities WHERE "
                          "account_id = ?1 ORDER BY provider, subject",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        rc = mn_store__collect(q, read_identity, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_identity_remove(mn_tx *tx, uint64_t account, mn_str provider, mn_str subject,
                               mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "DELETE FROM identities WHERE account_id = ?1 AND provider = ?2 AND "
                      "subject = ?3",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, provider);
    db_text(q, 3, subject);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK : MN_E_NOT_FOUND;
}

/* ---- invites --------------------------------------------------------------------------------------------------- */

#define INVITE_COLUMNS "id, code, account_id, max_uses, uses, expires_ms, follow"

mn_rc mn_store_invite_add(mn_tx *tx, const mn_invite *i, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO invites (id, code, account_id, max_uses, uses, expires_ms, "
                      "follow) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                      &q, e));
    db_u64(q, 1, i->id);
    db_text(q, 2, i->code);
    db_u64(q, 3, i->account_id);
    db_u64(q, 4, i->max_uses);
    db_u64(q, 5, i->uses);
    db_i64(q, 6, i->expires_ms);
    db_i64(q, 7, i->follow);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_invite(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_invite i = {.id = db_col_u64(q, 0),
                   .account_id = db_col_u64(q, 2),
                   .max_uses = db_col_u64(q, 3),
                   .uses = db_col_u64(q, 4),
                   .expires_ms = db_col_i64(q, 5),
                   .follow = db_col_i64(q, 6) != 0};
    MN_TRY(mn_store__col_dup(q, 1, ar, &i.code, e));
    *(mn_invite *)ret = i;
    return MN_OK;
}

mn_rc mn_store_invite(mn_store *s, mn_str code, mn_arena *ar, mn_invite *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " INVITE_COLUMNS " FROM invites WHERE code = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, code);
        rc = mn_store__one(q, read_invite, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_invites_of(mn_store *s, uint64_t account, mn_arena *ar, mn_invite **ret,
                          size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, "SELECT " INVITE_COLUMNS " FROM invites WHERE account_id = ?1 ORDER BY id DESC", &q,
        e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        rc = mn_store__collect(q, read_invite, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_invite_use(mn_tx *tx, mn_str code, int64_t now_ms, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE invites SET uses = uses + 1 WHERE code = ?1 AND (max_uses = 0 OR "
                      "uses < max_uses) AND (expires_ms = 0 OR expires_ms > ?2)",
                      &q, e));
    db_text(q, 1, code);
    db_i64(q, 2, now_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK : MN_E_DENIED;
}

mn_rc mn_store_invite_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, "DELETE FROM invites WHERE id = ?1 AND account_id = ?2", &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    return n == 1 ? MN_OK : MN_E_NOT_FOUND;
}

/* ---- links sent by mail ---------------------------------------------------------------------------------------- */

mn_rc mn_store_link_add(mn_tx *tx, mn_str hash, const mn_email_link *l, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM email_links WHERE account_id = ?1 AND kind = ?2",
                          l->account_id, (uint64_t)l->kind, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO email_links (hash, account_id, kind, email, expires_ms) "
                      "VALUES (?1, ?2, ?3, ?4, ?5)",
                      &q, e));
    db_text(q, 1, hash);
    db_u64(q, 2, l->account_id);
    db_i64(q, 3, l->kind);
    db_text(q, 4, l->email);
    db_i64(q, 5, l->expires_ms);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_link(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_email_link l = {.account_id = db_col_u64(q, 0),
                       .kind = (mn_link_kind)db_col_i64(q, 1),
                       .expires_ms = db_col_i64(q, 3)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &l.email, e));
    *(mn_email_link *)ret = l;
    return MN_OK;
}

static mn_rc get_link(mn_db *db, mn_str hash, mn_arena *ar, mn_email_link *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        db, "SELECT account_id, kind, email, expires_ms FROM email_links WHERE hash = ?1", &q,
        e));
    db_text(q, 1, hash);
    return mn_store__one(q, read_link, ar, ret, e);
}

mn_rc mn_store_link_take(mn_tx *tx, mn_str hash, mn_arena *ar, mn_email_link *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(get_link(tx->db, hash, ar, ret, e));
    MN_TRY(db_prepare(tx->db, "DELETE FROM email_links WHERE hash = ?1", &q, e));
    db_text(q, 1, hash);
    return mn_store__run(q, NULL, e);
}
