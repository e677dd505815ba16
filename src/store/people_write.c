/* People: what they do to each other, as rows, counters and events. A row that is written or taken away changes its
 * counters in the same transaction, and only then: so they are exact whatever runs beside. */
#include "base/clock.h"
#include "base/snowflake.h"
#include "store/people_int.h"

static mn_rc tell(mn_tx *tx, mn_event_kind kind, uint64_t account, uint64_t other, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = kind, .account = account, .other = other}, e);
}

static mn_rc both_here(mn_tx *tx, uint64_t a, uint64_t b, mn_err *e)
{
    mn_tx_account *x;
    MN_TRY(mn_store__tx_account(tx, a, &x, e));
    return mn_store__tx_account(tx, b, &x, e);
}

/* Runs a statement of two ids; *ret (may be NULL): it wrote a row. */
static mn_rc run_pair(mn_tx *tx, const char *sql, uint64_t a, uint64_t b, bool *ret, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, a);
    db_u64(q, 2, b);
    MN_TRY(mn_store__run(q, &n, e));
    if (ret) *ret = n > 0;
    return MN_OK;
}

/* ---- follows ----------------------------------------------------------------------------------------------------- */

static mn_rc count(mn_tx *tx, const char *sql, uint64_t account, int64_t delta, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, account);
    db_i64(q, 2, delta);
    MN_TRY(mn_store__run(q, NULL, e));
    return tell(tx, MN_EV_ACCOUNT, account, 0, e);
}

/* A floor of 0 in case the counter was wrong before: it must not be given out as a huge number. */
#define COUNT_SQL(column)                                                                      \
    "UPDATE accounts SET " column " = CASE WHEN " column " + ?2 < 0 THEN 0 ELSE " column       \
    " + ?2 END WHERE id = ?1"

static mn_rc count_follow(mn_tx *tx, uint64_t follower, uint64_t followee, int64_t delta,
                          mn_err *e)
{
    MN_TRY(count(tx, COUNT_SQL("n_following"), follower, delta, e));
    return count(tx, COUNT_SQL("n_followers"), followee, delta, e);
}

/* One statement with the parameters of a follow or a request. */
static mn_rc write_follow(mn_tx *tx, const char *sql, uint64_t from, uint64_t to,
                          const mn_follow *f, bool with_id, bool *ret, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, from);
    db_u64(q, 2, to);
    db_i64(q, 3, f->boosts);
    db_i64(q, 4, f->notify);
    db_text(q, 5, f->languages);
    if (with_id) db_i64(q, 6, f->at_ms);
    if (with_id) db_u64(q, 7, mn_snowflake_next());
    MN_TRY(mn_store__run(q, &n, e));
    *ret = n == 1;
    return MN_OK;
}

mn_rc mn_store_follow_set(mn_tx *tx, uint64_t follower, uint64_t followee, const mn_follow *f,
                          bool *ret_new, mn_err *e)
{
    bool fresh = false, done = false;
    if (follower == followee) return mn_fail(e, MN_E_USAGE, "an account cannot follow itself");
    MN_TRY(both_here(tx, follower, followee, e));
    MN_TRY(write_follow(tx,
                        "INSERT INTO follows (follower, followee, boosts, notify, languages, "
                        "at_ms, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                        follower, followee, f, true, &fresh, e));
    if (fresh) {
        MN_TRY(mn_store_request_remove(tx, follower, followee, NULL, e));
        MN_TRY(count_follow(tx, follower, followee, 1, e));
        MN_TRY(tell(tx, MN_EV_FOLLOW, follower, followee, e));
    } else {
        MN_TRY(write_follow(tx,
                            "UPDATE follows SET boosts = ?3, notify = ?4, languages = ?5 WHERE "
                            "follower = ?1 AND followee = ?2",
                            follower, followee, f, false, &done, e));
        MN_TRY(tell(tx, MN_EV_RELATION, follower, followee, e));
    }
    if (ret_new) *ret_new = fresh;
    return MN_OK;
}

mn_rc mn_store_follow_add(mn_tx *tx, uint64_t follower, uint64_t followee, int64_t at_ms,
                          mn_err *e)
{
    const mn_follow f = {.boosts = true, .at_ms = at_ms};
    return mn_store_follow_set(tx, follower, followee, &f, NULL, e);
}

/* Out of the lists that `owner` has. */
static mn_rc leave_lists(mn_tx *tx, uint64_t owner, uint64_t member, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *p = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "SELECT l.id FROM list_accounts m JOIN lists l ON l.id = m.list_id "
                      "WHERE m.account_id = ?2 AND l.account_id = ?1",
                      &q, e));
    db_u64(q, 1, owner);
    db_u64(q, 2, member);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, mn_store__row_id, sizeof(uint64_t), &ar, &p, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        uint64_t list = ((const uint64_t *)p)[i];
        rc = run_pair(tx, "DELETE FROM list_accounts WHERE list_id = ?1 AND account_id = ?2",
                      list, member, NULL, e);
        if (rc == MN_OK)
            rc = mn_store_event(
                tx, (mn_event){.kind = MN_EV_LIST, .id = list, .account = owner}, e);
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_store_follow_end(mn_tx *tx, uint64_t follower, uint64_t followee, bool *ret_was,
                          mn_err *e)
{
    bool was = false;
    MN_TRY(run_pair(tx, "DELETE FROM follows WHERE follower = ?1 AND followee = ?2", follower,
                    followee, &was, e));
    if (was) {
        MN_TRY(count_follow(tx, follower, followee, -1, e));
        MN_TRY(leave_lists(tx, follower, followee, e));
        MN_TRY(mn_store_endorse_set(tx, follower, followee, false, e));
        MN_TRY(tell(tx, MN_EV_UNFOLLOW, follower, followee, e));
    }
    if (ret_was) *ret_was = was;
    return MN_OK;
}

mn_rc mn_store_follow_remove(mn_tx *tx, uint64_t follower, uint64_t followee, mn_err *e)
{
    return mn_store_follow_end(tx, follower, followee, NULL, e);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

mn_rc mn_store_request_set(mn_tx *tx, uint64_t from, uint64_t to, const mn_follow *f,
                           bool *ret_new, mn_err *e)
{
    bool fresh = false, done = false;
    if (from == to) return mn_fail(e, MN_E_USAGE, "an account cannot follow itself");
    MN_TRY(both_here(tx, from, to, e));
    MN_TRY(write_follow(tx,
                        "INSERT INTO follow_requests (account_id, target_id, boosts, notify, "
                        "languages, at_ms, id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT "
                        "DO NOTHING",
                        from, to, f, true, &fresh, e));
    if (!fresh)
        MN_TRY(write_follow(tx,
                            "UPDATE follow_requests SET boosts = ?3, notify = ?4, languages = "
                            "?5 WHERE account_id = ?1 AND target_id = ?2",
                            from, to, f, false, &done, e));
    if (ret_new) *ret_new = fresh;
    return tell(tx, MN_EV_RELATION, from, to, e);
}

static mn_rc read_request(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_follow f = {.boosts = db_col_i64(q, 0) != 0,
                   .notify = db_col_i64(q, 1) != 0,
                   .at_ms = db_col_i64(q, 3)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &f.languages, e));
    *(mn_follow *)ret = f;
    return MN_OK;
}

mn_rc mn_store_request(mn_tx *tx, uint64_t from, uint64_t to, mn_arena *ar, mn_follow *ret,
                       mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT boosts, notify, languages, at_ms FROM follow_requests WHERE "
                      "account_id = ?1 AND target_id = ?2",
                      &q, e));
    db_u64(q, 1, from);
    db_u64(q, 2, to);
    return mn_store__one(q, read_request, ar, ret, e);
}

mn_rc mn_store_request_remove(mn_tx *tx, uint64_t from, uint64_t to, bool *ret_was, mn_err *e)
{
    bool was = false;
    MN_TRY(run_pair(tx, "DELETE FROM follow_requests WHERE account_id = ?1 AND target_id = ?2",
                    from, to, &was, e));
    if (was) MN_TRY(tell(tx, MN_EV_RELATION, from, to, e));
    if (ret_was) *ret_was = was;
    return MN_OK;
}

/* ---- blocks, mutes ----------------------------------------------------------------------------------------------- */

mn_rc mn_store_block_set(mn_tx *tx, uint64_t me, uint64_t id, bool on, int64_t at_ms,
                         bool *ret_changed, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    bool was = false;
    if (on) {
        MN_TRY(both_here(tx, me, id, e));
        MN_TRY(db_prepare(tx->db,
                          "INSERT INTO blocks (account_id, target_id, id, at_ms) VALUES (?1, "
                          "?2, ?3, ?4) ON CONFLICT DO NOTHING",
                          &q, e));
        db_u64(q, 1, me);
        db_u64(q, 2, id);
        db_u64(q, 3, mn_snowflake_next());
        db_i64(q, 4, at_ms);
        MN_TRY(mn_store__run(q, &n, e));
        was = n > 0;
    } else {
        MN_TRY(run_pair(tx, "DELETE FROM blocks WHERE account_id = ?1 AND target_id = ?2", me,
                        id, &was, e));
    }
    if (was) MN_TRY(tell(tx, MN_EV_RELATION, me, id, e));
    if (ret_changed) *ret_changed = was;
    return MN_OK;
}

mn_rc mn_store_mute_set(mn_tx *tx, uint64_t me, uint64_t id, bool notifications,
                        int64_t expires_ms, int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(both_here(tx, me, id, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO mutes (account_id, target_id, id, at_ms, notifications, "
                      "expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account_id, "
                      "target_id) DO UPDATE SET notifications = excluded.notifications, "
                      "expires_ms = excluded.expires_ms",
                      &q, e));
    db_u64(q, 1, me);
    db_u64(q, 2, id);
    db_u64(q, 3, mn_snowflake_next());
    db_i64(q, 4, at_ms);
    db_i64(q, 5, notifications);
    db_i64(q, 6, expires_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    return tell(tx, MN_EV_RELATION, me, id, e);
}

mn_rc mn_store_mute_remove(mn_tx *tx, uint64_t me, uint64_t id, bool *ret_was, mn_err *e)
{
    bool was = false;
    MN_TRY(run_pair(tx, "DELETE FROM mutes WHERE account_id = ?1 AND target_id = ?2", me, id,
                    &was, e));
    if (was) MN_TRY(tell(tx, MN_EV_RELATION, me, id, e));
    if (ret_was) *ret_was = was;
    return MN_OK;
}

typedef struct pair {
    uint64_t a, b;
} pair;

static mn_rc read_pair(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(pair *)ret = (pair){db_col_u64(q, 0), db_col_u64(q, 1)};
    return MN_OK;
}

mn_rc mn_store_mutes_expire(mn_tx *tx, int64_t now_ms, size_t limit, size_t *ret_n, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *p = NULL;
    MN_TRY(db_prepare(tx->db,
                      "SELECT account_id, target_id FROM mutes WHERE expires_ms <> 0 AND "
                      "expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2",
                      &q, e));
    db_i64(q, 1, now_ms);
    db_u64(q, 2, limit);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, read_pair, sizeof(pair), &ar, &p, ret_n, e);
    for (size_t i = 0; rc == MN_OK && i < *ret_n; i++)
        rc = mn_store_mute_remove(tx, ((const pair *)p)[i].a, ((const pair *)p)[i].b, NULL, e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- notes, endorsements, domains -------------------------------------------------------------------------------- */

mn_rc mn_store_note_set(mn_tx *tx, uint64_t me, uint64_t id, mn_str text, mn_err *e)
{
    mn_stmt *q;
    if (text.len == 0)
        return mn_store__run2(
            tx->db, "DELETE FROM account_notes WHERE account_id = ?1 AND target_id = ?2", me,
            id, e);
    MN_TRY(both_here(tx, me, id, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO account_notes (account_id, target_id, text) VALUES (?1, ?2, "
                      "?3) ON CONFLICT (account_id, target_id) DO UPDATE SET text = "
                      "excluded.text",
                      &q, e));
    db_u64(q, 1, me);
    db_u64(q, 2, id);
    db_text(q, 3, text);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_endorse_set(mn_tx *tx, uint64_t me, uint64_t id, bool on, mn_err *e)
{
    mn_stmt *q;
    if (!on)
        return mn_store__run2(
            tx->db, "DELETE FROM endorsements WHERE account_id = ?1 AND target_id = ?2", me, id,
            e);
    MN_TRY(both_here(tx, me, id, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO endorsements (account_id, target_id, id) VALUES (?1, ?2, "
                      "?3) ON CONFLICT DO NOTHING",
                      &q, e));
    db_u64(q, 1, me);
    db_u64(q, 2, id);
    db_u64(q, 3, mn_snowflake_next());
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_domain_block_set(mn_tx *tx, uint64_t me, mn_str domain, bool on, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        on ? "INSERT INTO account_domain_blocks (account_id, domain, id) VALUES (?1, ?2, ?3) "
             "ON CONFLICT DO NOTHING"
           : "DELETE FROM account_domain_blocks WHERE account_id = ?1 AND domain = ?2",
        &q, e));
    db_u64(q, 1, me);
    db_text(q, 2, domain);
    if (on) db_u64(q, 3, mn_snowflake_next());
    MN_TRY(mn_store__run(q, NULL, e));
    return tell(tx, MN_EV_RELATION, me, 0, e);
}

mn_rc mn_store_suggestion_dismiss(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "INSERT INTO suggestions_dismissed (account_id, target_id) VALUES "
                          "(?1, ?2) ON CONFLICT DO NOTHING",
                          me, id, e);
}

/* Ends up to `limit` follows that the statement (?1 id, ?2 limit) finds. */
static mn_rc end_some(mn_tx *tx, const char *sql, uint64_t id, size_t limit, size_t *ret_n,
                      mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *p = NULL;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, limit);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, read_pair, sizeof(pair), &ar, &p, ret_n, e);
    for (size_t i = 0; rc == MN_OK && i < *ret_n; i++)
        rc = mn_store_follow_end(tx, ((const pair *)p)[i].a, ((const pair *)p)[i].b, NULL, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_store_domain_follows_end(mn_tx *tx, uint64_t me, mn_str domain, mn_err *e)
{
    static const char *const sql[] = {
        "SELECT f.follower, f.followee FROM follows f JOIN accounts a ON a.id = f.followee "
        "WHERE f.follower = ?1 AND a.domain = ?2",
        "SELECT f.follower, f.followee FROM follows f JOIN accounts a ON a.id = f.follower "
        "WHERE f.followee = ?1 AND a.domain = ?2"};
    mn_rc rc = MN_OK;
    mn_arena ar;
    mn_arena_init(&ar, 0);
    for (size_t k = 0; rc == MN_OK && k < 2; k++) {
        mn_stmt *q;
        void *p = NULL;
        size_t n = 0;
        rc = db_prepare(tx->db, sql[k], &q, e);
        if (rc != MN_OK) break;
        db_u64(q, 1, me);
        db_text(q, 2, domain);
        rc = mn_store__collect(q, read_pair, sizeof(pair), &ar, &p, &n, e);
        for (size_t i = 0; rc == MN_OK && i < n; i++)
            rc = mn_store_follow_end(tx, ((const pair *)p)[i].a, ((const pair *)p)[i].b, NULL,
                                     e);
    }
    mn_arena_release(&ar);
    return rc;
}

/* ---- forgetting -------------------------------------------------------------------------------------------------- */

mn_rc mn_store_people_forget(mn_tx *tx, uint64_t id, size_t limit, bool *ret_left, mn_err *e)
{
    static const char *const rest[] = {
        "DELETE FROM follow_requests WHERE account_id = ?1",
        "DELETE FROM follow_requests WHERE target_id = ?1",
        "DELETE FROM blocks WHERE account_id = ?1",
        "DELETE FROM blocks WHERE target_id = ?1",
        "DELETE FROM mutes WHERE account_id = ?1",
        "DELETE FROM mutes WHERE target_id = ?1",
        "DELETE FROM account_domain_blocks WHERE account_id = ?1",
        "DELETE FROM account_notes WHERE account_id = ?1",
        "DELETE FROM account_notes WHERE target_id = ?1",
        "DELETE FROM endorsements WHERE account_id = ?1",
        "DELETE FROM endorsements WHERE target_id = ?1",
        "DELETE FROM suggestions_dismissed WHERE account_id = ?1",
        "DELETE FROM suggestions_dismissed WHERE target_id = ?1",
        "DELETE FROM list_accounts WHERE account_id = ?1",
        "DELETE FROM notifications WHERE account_id = ?1",
        "DELETE FROM notifications WHERE from_id = ?1",
        "DELETE FROM notification_policies WHERE account_id = ?1",
        "DELETE FROM notification_permissions WHERE account_id = ?1",
        "DELETE FROM notification_permissions WHERE from_id = ?1",
        "DELETE FROM notification_requests WHERE account_id = ?1",
        "DELETE FROM notification_requests WHERE from_id = ?1",
        "DELETE FROM account_words WHERE account_id = ?1",
    };
    size_t out = 0, in = 0;
    MN_TRY(end_some(tx, "SELECT follower, followee FROM follows WHERE follower = ?1 LIMIT ?2",
                    id, limit, &out, e));
    MN_TRY(end_some(tx, "SELECT follower, followee FROM follows WHERE followee = ?1 LIMIT ?2",
                    id, limit, &in, e));
    *ret_left = out == limit || in == limit;
    for (size_t i = 0; !*ret_left && i < sizeof rest / sizeof *rest; i++)
        MN_TRY(mn_store__run2(tx->db, rest[i], id, 0, e));
    return MN_OK;
}
