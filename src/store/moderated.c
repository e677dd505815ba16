/* Accounts as moderators see them, and what moderation sets on them. */
#include "store/access.h"
#include "store/moderation_int.h"

#define COLUMNS                                                                                \
    "SELECT a.id, a.name, a.domain, coalesce(c.email, ''), coalesce(c.reason, ''), "           \
    "coalesce(c.sign_up_ip, ''), coalesce(c.locale, ''), a.plan, a.state, a.role, "            \
    "CASE WHEN a.password_hash <> '' OR c.account_id IS NOT NULL THEN 1 ELSE 0 END, "          \
    "coalesce(c.approved, 1), "                                                                \
    "coalesce(c.email_confirmed_ms, 1), a.created_ms, a.silenced_ms, a.sensitized_ms, "        \
    "a.disabled_ms, a.suspended_ms, coalesce(c.last_seen_ms, 0), coalesce(i.account_id, 0), "  \
    "a.n_posts FROM accounts a LEFT JOIN credentials c ON c.account_id = a.id LEFT JOIN "      \
    "invites i ON i.id = c.invite_id "

static mn_rc read_moderated(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_moderated m = {.id = db_col_u64(q, 0),
                      .state = (mn_account_state)db_col_i64(q, 8),
                      .role = (mn_account_role)db_col_i64(q, 9),
                      .has_user = db_col_i64(q, 10) != 0,
                      .approved = db_col_i64(q, 11) != 0,
                      .confirmed = db_col_i64(q, 12) != 0,
                      .created_ms = db_col_i64(q, 13),
                      .silenced_ms = db_col_i64(q, 14),
                      .sensitized_ms = db_col_i64(q, 15),
                      .disabled_ms = db_col_i64(q, 16),
                      .suspended_ms = db_col_i64(q, 17),
                      .last_seen_ms = db_col_i64(q, 18),
                      .invited_by = db_col_u64(q, 19),
                      .n_posts = db_col_u64(q, 20)};
    mn_str *texts[] = {&m.name,       &m.domain, &m.email, &m.reason,
                       &m.sign_up_ip, &m.locale, &m.plan};
    for (int i = 0; i < 7; i++) MN_TRY(mn_store__col_dup(q, i + 1, ar, texts[i], e));
    *(mn_moderated *)ret = m;
    return MN_OK;
}

mn_rc mn_store_moderated(mn_store *s, uint64_t id, mn_arena *ar, mn_moderated *ret, mn_err *e)
{
    return mn_store__by_id(s, COLUMNS "WHERE a.id = ?1", id, read_moderated, ar, ret, e);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* "%text%" in lower case, its own % and _ taken as they are (ESCAPE '!'). Empty stays empty. */
static mn_str like(mn_str s, mn_arena *ar)
{
    char *out = mn_arena_alloc(ar, s.len * 2 + 3), *p = out;
    if (s.len == 0 || !out) return MN_STR("");
    *p++ = '%';
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%' || c == '_' || c == '!') *p++ = '!';
        *p++ = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *p++ = '%';
    return (mn_str){out, (size_t)(p - out)};
}

static void bind_filter(mn_stmt *q, const void *arg)
{
    const mn_mod_filter *f = arg;
    db_i64(q, 4, f->status);
    db_i64(q, 5, f->local);
    db_i64(q, 6, f->remote);
    db_i64(q, 7, f->staff);
    db_i64(q, 8, f->role);
    db_text(q, 9, f->username);
    db_text(q, 10, f->display_name);
    db_text(q, 11, f->domain);
    db_text(q, 12, f->email);
    db_text(q, 13, f->ip);
    db_u64(q, 14, f->invited_by);
}

#define FILTERED                                                                               \
    "WHERE a.state <> 2 AND (?4 = 0 OR (?4 = 1 AND a.state = 0 AND a.disabled_ms = 0 AND "     \
    "coalesce(c.approved, 1) = 1) OR (?4 = 2 AND c.approved = 0) OR (?4 = 3 AND "              \
    "a.disabled_ms <> 0) OR (?4 = 4 AND a.silenced_ms <> 0) OR (?4 = 5 AND a.state = 1) OR "   \
    "(?4 = 6 AND a.sensitized_ms <> 0)) AND (?5 = 0 OR a.domain = '') AND (?6 = 0 OR "         \
    "a.domain <> '') AND (?7 = 0 OR a.role > 0) AND (?8 < 0 OR a.role = ?8) AND (?9 = '' OR "  \
    "a.name_key LIKE ?9 ESCAPE '!') AND (?10 = '' OR lower(a.display_name) LIKE ?10 ESCAPE "   \
    "'!') AND (?11 = '' OR a.domain LIKE ?11 ESCAPE '!') AND (?12 = '' OR c.email_key LIKE "   \
    "?12 ESCAPE '!') AND (?13 = '' OR c.sign_up_ip = ?13 OR EXISTS (SELECT 1 FROM tokens t "   \
    "WHERE t.account_id = a.id AND t.ip = ?13)) AND (?14 = 0 OR i.account_id = ?14)"

mn_rc mn_store_moderated_list(mn_store *s, const mn_mod_filter *f, const mn_page_ids *p,
                              mn_arena *ar, mn_moderated **ret, size_t *ret_n, mn_err *e)
{
    mn_mod_filter bound = *f;
    bound.username = like(f->username, ar);
    bound.display_name = like(f->display_name, ar);
    bound.domain = like(f->domain, ar);
    bound.email = like(f->email, ar);
    mn_store__paged x = {COLUMNS FILTERED PAGE_DOWN("a.id"),
                         COLUMNS FILTERED PAGE_UP("a.id"),
                         bind_filter,
                         &bound,
                         read_moderated,
                         sizeof(mn_moderated)};
    return mn_store__page(s, &x, p, ar, (void **)ret, ret_n, e);
}

static mn_rc read_three(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    uint64_t *n = ret;
    (void)ar, (void)e;
    for (int i = 0; i < 3; i++) n[i] = db_col_u64(q, i);
    return MN_OK;
}

mn_rc mn_store_moderation_waiting(mn_store *s, uint64_t *ret_accounts, uint64_t *ret_reports,
                                  uint64_t *ret_appeals, mn_err *e)
{
    uint64_t *n;
    size_t rows;
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__all2(
        s,
        "SELECT (SELECT count(*) FROM credentials WHERE approved = 0), (SELECT count(*) FROM "
        "reports WHERE done_ms = 0), (SELECT count(*) FROM appeals WHERE decided_ms = 0)",
        0, 0, read_three, 3 * sizeof *n, &ar, (void **)&n, &rows, e);
    if (rc == MN_OK) *ret_accounts = n[0], *ret_reports = n[1], *ret_appeals = n[2];
    mn_arena_release(&ar);
    return rc;
}

static mn_rc read_ip(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_seen_ip p = {.used_ms = db_col_i64(q, 1)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &p.ip, e));
    *(mn_seen_ip *)ret = p;
    return MN_OK;
}

mn_rc mn_store_account_ips(mn_store *s, uint64_t account_id, mn_arena *ar, mn_seen_ip **ret,
                           size_t *ret_n, mn_err *e)
{
    return mn_store__all2(
        s,
        "SELECT ip, max(at_ms) AS last_ms FROM (SELECT ip, used_ms AS at_ms FROM tokens WHERE "
        "account_id = ?1 AND ip <> '' UNION ALL SELECT c.sign_up_ip, a.created_ms FROM "
        "credentials c JOIN accounts a ON a.id = c.account_id WHERE c.account_id = ?1 AND "
        "c.sign_up_ip <> '') AS seen GROUP BY ip ORDER BY last_ms DESC LIMIT 20",
        account_id, 0, read_ip, sizeof **ret, ar, (void **)ret, ret_n, e);
}

/* ---- measures ------------------------------------------------------------------------------------------------------ */

static mn_rc account_told(mn_tx *tx, uint64_t id, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = id}, e);
}

mn_rc mn_store_account_measures_set(mn_tx *tx, uint64_t id, const mn_measures *m, mn_err *e)
{
    mn_stmt *q;
    int64_t state = 0;
    MN_TRY(
        mn_store__get2(tx->db, "SELECT state FROM accounts WHERE id = ?1", id, 0, &state, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE accounts SET state = ?2, silenced_ms = ?3, sensitized_ms = ?4, "
                      "disabled_ms = ?5, suspended_ms = ?6 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, m->state);
    db_i64(q, 3, m->silenced_ms);
    db_i64(q, 4, m->sensitized_ms);
    db_i64(q, 5, m->disabled_ms);
    db_i64(q, 6, m->suspended_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    if (state != (int64_t)m->state)
        MN_TRY(
            mn_store__touch_posts(tx, "SELECT id FROM posts WHERE account_id = ?1", id, 0, e));
    return account_told(tx, id, e);
}

mn_rc mn_store_account_approve(mn_tx *tx, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "UPDATE credentials SET approved = 1 WHERE account_id = ?1 AND approved = 0",
        &q, e));
    db_u64(q, 1, id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return account_told(tx, id, e);
}

mn_rc mn_store_sign_up_drop(mn_tx *tx, uint64_t id, mn_err *e)
{
    static const char *const sql[] = {
        "DELETE FROM identities WHERE account_id = ?1",
        "DELETE FROM email_links WHERE account_id = ?1",
        "DELETE FROM notifications WHERE from_id = ?1",
        "DELETE FROM account_words WHERE account_id = ?1",
        "DELETE FROM accounts WHERE id = ?1",
    };
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM credentials WHERE account_id = ?1 AND approved = 0",
                      &q, e));
    db_u64(q, 1, id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    MN_TRY(mn_store_tokens_remove(tx, id, 0, e));
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        MN_TRY(mn_store__run2(tx->db, sql[i], id, 0, e));
    return account_told(tx, id, e);
}

mn_rc mn_store_account_role_set(mn_tx *tx, uint64_t id, mn_account_role role, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE accounts SET role = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, role);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return account_told(tx, id, e);
}

mn_rc mn_store_account_plan_set(mn_tx *tx, uint64_t id, mn_str plan, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE accounts SET plan = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, plan);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return account_told(tx, id, e);
}

mn_rc mn_store_suspended_since(mn_store *s, int64_t before_ms, uint64_t after, size_t limit,
                               mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT id FROM accounts WHERE suspended_ms <> 0 AND suspended_ms < "
                          "?1 AND state = 1 AND domain = '' AND id > ?2 ORDER BY id LIMIT ?3",
                          &q, e);
    if (rc == MN_OK) {
        db_i64(q, 1, before_ms);
        db_u64(q, 2, after);
        db_limit(q, 3, limit);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_posts_cover(mn_tx *tx, uint64_t account_id, const uint64_t *ids, size_t n,
                           mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        mn_stmt *q;
        uint64_t changed = 0;
        MN_TRY(db_prepare(tx->db,
                          "UPDATE posts SET sensitive = 1, rev = ?3 WHERE id = ?1 AND "
                          "account_id = ?2 AND deleted_ms = 0 AND sensitive = 0",
                          &q, e));
        db_u64(q, 1, ids[i]);
        db_u64(q, 2, account_id);
        db_u64(q, 3, mn_store__next_rev(tx));
        MN_TRY(mn_store__run(q, &changed, e));
        mn_event ev = {.kind = MN_EV_POST_EDITED, .id = ids[i], .account = account_id};
        if (changed) MN_TRY(mn_store_event(tx, ev, e));
    }
    return MN_OK;
}
