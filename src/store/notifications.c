/* Notifications: written, undone, read one by one; policies. Groups and requests are in files of their own. */
#include "store/notifications.h"

#include "base/snowflake.h"
#include "store/notifications_int.h"
#include "store/push.h"

static const char *const names[MN_NOTICE_KINDS] = {
    [MN_NOTICE_MENTION] = "mention",
    [MN_NOTICE_STATUS] = "status",
    [MN_NOTICE_REBLOG] = "reblog",
    [MN_NOTICE_FOLLOW] = "follow",
    [MN_NOTICE_FOLLOW_REQUEST] = "follow_request",
    [MN_NOTICE_FAVOURITE] = "favourite",
    [MN_NOTICE_POLL] = "poll",
    [MN_NOTICE_UPDATE] = "update",
    [MN_NOTICE_ADMIN_SIGN_UP] = "admin.sign_up",
    [MN_NOTICE_ADMIN_REPORT] = "admin.report",
    [MN_NOTICE_SEVERED] = "severed_relationships",
    [MN_NOTICE_MODERATION_WARNING] = "moderation_warning",
    [MN_NOTICE_QUOTE] = "quote",
    [MN_NOTICE_QUOTED_UPDATE] = "quoted_update",
};

const char *mn_notice_name(mn_notice_kind k)
{
    return k > 0 && k < MN_NOTICE_KINDS ? names[k] : NULL;
}

mn_notice_kind mn_notice_parse(mn_str name)
{
    for (int k = 1; k < MN_NOTICE_KINDS; k++)
        if (mn_str_eqz(name, names[k])) return (mn_notice_kind)k;
    return 0;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

mn_rc mn_store__notification_read(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_notification n = {.id = db_col_u64(q, 0),
                         .account_id = db_col_u64(q, 1),
                         .kind = (mn_notice_kind)db_col_i64(q, 2),
                         .from_id = db_col_u64(q, 3),
                         .post_id = db_col_u64(q, 4),
                         .other_id = db_col_u64(q, 5),
                         .at_ms = db_col_i64(q, 6),
                         .filtered = db_col_i64(q, 8) != 0};
    MN_TRY(mn_store__col_dup(q, 7, ar, &n.group_key, e));
    *(mn_notification *)ret = n;
    return MN_OK;
}

void mn_store__bind_kinds(mn_stmt *q, int first, mn_notice_set kinds)
{
    for (int k = 1; k < MN_NOTICE_KINDS; k++)
        db_i64(q, first + k - 1, kinds == 0 || kinds & MN_NOTICE_BIT(k) ? k : 0);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* ?1 account, ?2 below, ?3 above, ?4 limit, ?5 filtered, ?6 … kinds; of one sender: ?5 is the sender. */
#define ALL_OF(order)                                                                          \
    MN_NOTIFICATION_SELECT                                                                     \
    "WHERE n.account_id = ?1 AND n.id < ?2 AND n.id > ?3 AND n.filtered = ?5 AND "             \
    "n.kind IN " MN_NOTIFICATION_KINDS_6 " AND a.state = 0 ORDER BY n.id " order " LIMIT ?4"
#define FROM_ONE(order)                                                                        \
    MN_NOTIFICATION_SELECT                                                                     \
    "WHERE n.account_id = ?1 AND n.id < ?2 AND n.id > ?3 AND n.from_id = ?5 AND "              \
    "n.kind IN " MN_NOTIFICATION_KINDS_6 " AND a.state = 0 ORDER BY n.id " order " LIMIT ?4"

static mn_rc read_list(mn_db *db, const char *sql, const mn_notification_query *x, uint64_t p5,
                       mn_arena *ar, mn_notification **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, x->account);
    mn_store__bind_bounds(q, 2, x->page);
    db_u64(q, 5, p5);
    mn_store__bind_kinds(q, 6, x->kinds);
    return mn_store__collect(q, mn_store__notification_read, sizeof **ret, ar, (void **)ret,
                             ret_n, e);
}

/* The first `limit` of two lists in the same order (up: by rising id). */
static mn_rc merge(const mn_notification *a, size_t n_a, const mn_notification *b, size_t n_b,
                   bool up, size_t limit, mn_arena *ar, mn_notification **ret, size_t *ret_n,
                   mn_err *e)
{
    size_t n = n_a + n_b, i = 0, k = 0;
    if (n > limit) n = limit;
    mn_notification *all = mn_arena_alloc(ar, (n ? n : 1) * sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    while (i + k < n) {
        bool first = k == n_b || (i < n_a && (a[i].id < b[k].id) == up);
        all[i + k] = first ? a[i] : b[k];
        if (first) i++;
        else k++;
    }
    *ret = all;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store__notification_list(mn_db *db, const mn_notification_query *x, mn_arena *ar,
                                  mn_notification **ret, size_t *ret_n, mn_err *e)
{
    bool up = x->page.after != 0;
    mn_notification *set_aside = NULL;
    size_t n = 0;
    if (x->from)
        return read_list(db, up ? FROM_ONE("ASC") : FROM_ONE("DESC"), x, x->from, ar, ret,
                         ret_n, e);
    MN_TRY(read_list(db, up ? ALL_OF("ASC") : ALL_OF("DESC"), x, 0, ar, ret, ret_n, e));
    if (!x->include_filtered) return MN_OK;
    MN_TRY(read_list(db, up ? ALL_OF("ASC") : ALL_OF("DESC"), x, 1, ar, &set_aside, &n, e));
    return merge(*ret, *ret_n, set_aside, n, up, x->page.limit, ar, ret, ret_n, e);
}

mn_rc mn_store_notifications(mn_store *s, const mn_notification_query *q, mn_arena *ar,
                             mn_notification **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__bounds(q->page, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mn_store__notification_list(db, q, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    if (rc == MN_OK && q->page.after) mn_store__turn(*ret, *ret_n, sizeof **ret);
    return rc;
}

mn_rc mn_store_notification(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                            mn_notification *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          MN_NOTIFICATION_SELECT
                          "WHERE n.id = ?1 AND (?2 = 0 OR n.account_id = ?2) AND a.state = 0",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        db_u64(q, 2, account);
        rc = mn_store__one(q, mn_store__notification_read, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_notifications_count(mn_store *s, const mn_notification_query *q, uint64_t most,
                                   uint64_t *ret, mn_err *e)
{
    static const char sql[] =
        "SELECT count(*) FROM (SELECT n.id FROM notifications n JOIN accounts a ON a.id = "
        "n.from_id WHERE n.account_id = ?1 AND n.id < ?2 AND n.id > ?3 AND n.filtered = ?5 AND "
        "n.kind IN " MN_NOTIFICATION_KINDS_6 " AND a.state = 0 LIMIT ?4) counted";
    mn_db *db;
    mn_stmt *st;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &st, e);
    if (rc == MN_OK) {
        mn_bounds b = q->page;
        b.limit = (size_t)most;
        db_u64(st, 1, q->account);
        mn_store__bind_bounds(st, 2, b);
        db_u64(st, 5, 0);
        mn_store__bind_kinds(st, 6, q->kinds);
        rc = mn_store__one(st, mn_store__row_id, NULL, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Of an edit the newest one counts; anything else is told once. */
static bool replaces(mn_notice_kind k)
{
    return k == MN_NOTICE_UPDATE || k == MN_NOTICE_QUOTED_UPDATE;
}

static mn_rc there(mn_tx *tx, const mn_notification *n, bool *ret, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db,
                      "SELECT id FROM notifications WHERE from_id = ?1 AND account_id = ?2 AND "
                      "kind = ?3 AND post_id = ?4 AND other_id = ?5 LIMIT 1",
                      &q, e));
    db_u64(q, 1, n->from_id);
    db_u64(q, 2, n->account_id);
    db_i64(q, 3, n->kind);
    db_u64(q, 4, n->post_id);
    db_u64(q, 5, n->other_id);
    MN_TRY(db_step(q, &row, e));
    if (row) db_reset(q);
    *ret = row;
    return MN_OK;
}

/* MN_E_EXISTS, without a message: there is one with this id. */
static mn_rc insert(mn_tx *tx, const mn_notification *n, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    uint64_t rows;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO notifications (id, account_id, kind, from_id, post_id, "
                      "other_id, at_ms, group_key, filtered) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
                      "?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
                      &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, n->account_id);
    db_i64(q, 3, n->kind);
    db_u64(q, 4, n->from_id);
    db_u64(q, 5, n->post_id);
    db_u64(q, 6, n->other_id);
    db_i64(q, 7, n->at_ms);
    db_text(q, 8, n->group_key);
    db_i64(q, 9, n->filtered);
    MN_TRY(mn_store__run(q, &rows, e));
    return rows ? MN_OK : MN_E_EXISTS;
}

/* Enters it under a fresh id. Clients read this id as a JSON number ("most_recent_notification_id") and send it back: a short one;
 * another process may have drawn it just now. */
static mn_rc insert_fresh(mn_tx *tx, const mn_notification *n, uint64_t *ret_id, mn_err *e)
{
    for (int i = 0; i < 16; i++) {
        uint64_t id = mn_snowflake_short();
        mn_rc rc = insert(tx, n, id, e);
        if (rc == MN_E_EXISTS) continue;
        if (rc == MN_OK) *ret_id = id;
        return rc;
    }
    return mn_fail(e, MN_E_BUSY, "no fresh id for a notification in 16 tries");
}

mn_rc mn_store_notification_add(mn_tx *tx, const mn_notification *n, uint64_t *ret_id,
                                mn_err *e)
{
    uint64_t id = n->id;
    bool is = false;
    if (replaces(n->kind))
        MN_TRY(
            mn_store_notifications_undo(tx, n->account_id, n->kind, n->from_id, n->post_id, e));
    else MN_TRY(there(tx, n, &is, e));
    if (is) return MN_E_EXISTS;
    MN_TRY(id ? insert(tx, n, id, e) : insert_fresh(tx, n, &id, e));
    mn_notification made = *n;
    made.id = id;
    MN_TRY(mn_store_push_note(tx, &made, e));
    if (!n->filtered)
        MN_TRY(mn_store_event(
            tx, (mn_event){.kind = MN_EV_NOTIFICATION, .id = id, .account = n->account_id}, e));
    if (ret_id) *ret_id = id;
    return MN_OK;
}

static mn_rc read_notice_post(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_notice_post *)ret = (mn_notice_post){.gone = db_col_i64(q, 0) != 0,
                                              .visibility = (mn_visibility)db_col_i64(q, 1),
                                              .muted = db_col_i64(q, 2) != 0,
                                              .answer = db_col_i64(q, 3) != 0};
    return MN_OK;
}

mn_rc mn_store_notice_post(mn_tx *tx, uint64_t to, uint64_t from, uint64_t post_id,
                           mn_notice_post *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "SELECT p.deleted_ms, p.visibility, CASE WHEN m.account_id IS NULL THEN 0 ELSE 1 END, "
        "CASE WHEN p.reply_account = ?1 OR (p.visibility = 3 AND p.reply_to <> 0 AND ("
        "EXISTS (SELECT 1 FROM posts x JOIN mentions y ON y.post_id = x.id AND y.account_id = "
        "?2 WHERE x.id = p.thread_id AND x.account_id = ?1 AND x.deleted_ms = 0) OR "
        "EXISTS (SELECT 1 FROM posts x JOIN mentions y ON y.post_id = x.id AND y.account_id = "
        "?2 WHERE x.thread_id = p.thread_id AND x.thread_id <> x.id AND x.account_id = ?1 AND "
        "x.deleted_ms = 0))) THEN 1 ELSE 0 END FROM posts p LEFT JOIN thread_mutes m ON "
        "m.account_id = ?1 AND m.thread_id = p.thread_id WHERE p.id = ?3",
        &q, e));
    db_u64(q, 1, to);
    db_u64(q, 2, from);
    db_u64(q, 3, post_id);
    mn_rc rc = mn_store__one(q, read_notice_post, NULL, ret, e);
    if (rc == MN_E_NOT_FOUND) *ret = (mn_notice_post){.gone = true};
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc read_key(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    return mn_store__col_dup(q, 0, ar, ret, e);
}

mn_rc mn_store_notification_key(mn_tx *tx, uint64_t account, mn_notice_kind kind,
                                uint64_t post_id, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT group_key FROM notifications WHERE account_id = ?1 AND kind = ?2 "
                      "AND post_id = ?3 AND filtered = 0 ORDER BY id DESC LIMIT 1",
                      &q, e));
    db_u64(q, 1, account);
    db_i64(q, 2, kind);
    db_u64(q, 3, post_id);
    mn_rc rc = mn_store__one(q, read_key, ar, ret, e);
    if (rc == MN_E_NOT_FOUND) *ret = MN_STR("");
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

mn_rc mn_store_notification_remove(mn_tx *tx, uint64_t account, uint64_t id, bool *ret_was,
                                   mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, "DELETE FROM notifications WHERE id = ?1 AND account_id = ?2", &q,
                      e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    if (ret_was) *ret_was = n > 0;
    return MN_OK;
}

mn_rc mn_store_notifications_clear(mn_tx *tx, uint64_t account, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM notification_requests WHERE account_id = ?1",
                          account, 0, e));
    return mn_store__run2(tx->db, "DELETE FROM notifications WHERE account_id = ?1", account, 0,
                          e);
}

mn_rc mn_store_notifications_undo(mn_tx *tx, uint64_t account, mn_notice_kind kind,
                                  uint64_t from, uint64_t post_id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "DELETE FROM notifications WHERE from_id = ?1 AND account_id = ?2 AND "
                      "kind = ?3 AND post_id = ?4",
                      &q, e));
    db_u64(q, 1, from);
    db_u64(q, 2, account);
    db_i64(q, 3, kind);
    db_u64(q, 4, post_id);
    MN_TRY(mn_store__run(q, NULL, e));
    return mn_store__notification_request_look(tx, account, from, e);
}

mn_rc mn_store_notifications_cut(mn_tx *tx, uint64_t account, uint64_t from, mn_err *e)
{
    static const char *const sql[] = {
        "DELETE FROM notifications WHERE account_id = ?1 AND from_id = ?2",
        "DELETE FROM notification_requests WHERE account_id = ?1 AND from_id = ?2",
        "DELETE FROM notification_permissions WHERE account_id = ?1 AND from_id = ?2",
    };
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        MN_TRY(mn_store__run2(tx->db, sql[i], account, from, e));
    return MN_OK;
}

mn_rc mn_store_notifications_post_gone(mn_tx *tx, uint64_t post_id, mn_err *e)
{
    if (post_id == 0) return MN_OK;
    MN_TRY(
        mn_store__run2(tx->db, "DELETE FROM notifications WHERE post_id = ?1", post_id, 0, e));
    return mn_store__run2(tx->db,
                          "UPDATE notification_requests SET last_post_id = 0 WHERE "
                          "last_post_id = ?1",
                          post_id, 0, e);
}

/* ---- policy ------------------------------------------------------------------------------------------------------ */

const mn_notification_policy mn_notification_policy_default = {
    .private_mentions = MN_POLICY_FILTER, .limited_accounts = MN_POLICY_FILTER};

static mn_rc read_policy(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_notification_policy *)ret =
        (mn_notification_policy){.not_following = (mn_policy_value)db_col_i64(q, 0),
                                 .not_followers = (mn_policy_value)db_col_i64(q, 1),
                                 .new_accounts = (mn_policy_value)db_col_i64(q, 2),
                                 .private_mentions = (mn_policy_value)db_col_i64(q, 3),
                                 .limited_accounts = (mn_policy_value)db_col_i64(q, 4)};
    return MN_OK;
}

static mn_rc policy(mn_db *db, uint64_t account, mn_notification_policy *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db,
                      "SELECT not_following, not_followers, new_accounts, private_mentions, "
                      "limited_accounts FROM notification_policies WHERE account_id = ?1",
                      &q, e));
    db_u64(q, 1, account);
    mn_rc rc = mn_store__one(q, read_policy, NULL, ret, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    *ret = mn_notification_policy_default;
    return MN_OK;
}

mn_rc mn_store_policy(mn_store *s, uint64_t account, mn_notification_policy *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = policy(db, account, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_policy_tx(mn_tx *tx, uint64_t account, mn_notification_policy *ret, mn_err *e)
{
    return policy(tx->db, account, ret, e);
}

mn_rc mn_store_policy_set(mn_tx *tx, uint64_t account, const mn_notification_policy *p,
                          mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO notification_policies (account_id, not_following, "
                      "not_followers, new_accounts, private_mentions, limited_accounts) VALUES "
                      "(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id) DO UPDATE SET "
                      "not_following = excluded.not_following, not_followers = "
                      "excluded.not_followers, new_accounts = excluded.new_accounts, "
                      "private_mentions = excluded.private_mentions, limited_accounts = "
                      "excluded.limited_accounts",
                      &q, e));
    db_u64(q, 1, account);
    db_i64(q, 2, p->not_following);
    db_i64(q, 3, p->not_followers);
    db_i64(q, 4, p->new_accounts);
    db_i64(q, 5, p->private_mentions);
    db_i64(q, 6, p->limited_accounts);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_permission(mn_tx *tx, uint64_t account, uint64_t from, bool *ret, mn_err *e)
{
    int64_t one = 0;
    mn_rc rc = mn_store__get2(
        tx->db, "SELECT 1 FROM notification_permissions WHERE account_id = ?1 AND from_id = ?2",
        account, from, &one, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

mn_rc mn_store_permission_set(mn_tx *tx, uint64_t account, uint64_t from, bool on, mn_err *e)
{
    return mn_store__run2(
        tx->db,
        on ? "INSERT INTO notification_permissions (account_id, from_id) VALUES (?1, ?2) ON "
             "CONFLICT DO NOTHING"
           : "DELETE FROM notification_permissions WHERE account_id = ?1 AND from_id = ?2",
        account, from, e);
}
