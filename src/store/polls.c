/* Polls: their options and votes, counted as they come. */
#include "store/polls.h"

#include "store/store_int.h"

/* ---- making, changing ---------------------------------------------------------------------------------------------- */

static mn_rc check(const mn_poll *p, mn_err *e)
{
    if (p->id == 0 || p->id > (uint64_t)INT64_MAX)
        return mn_fail(e, MN_E_USAGE, "a poll needs an id of 1 to 2^63 - 1");
    if (p->n_options == 0 || p->n_options > MN_POLL_OPTIONS_MAX)
        return mn_fail(e, MN_E_USAGE, "a poll has 1 to %d options", MN_POLL_OPTIONS_MAX);
    return MN_OK;
}

static mn_rc add_options(mn_tx *tx, const mn_poll *p, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "INSERT INTO poll_options (poll_id, n, title, votes) VALUES (?1, ?2, ?3, 0)",
        &q, e));
    for (size_t i = 0; i < p->n_options; i++) {
        db_u64(q, 1, p->id);
        db_u64(q, 2, i);
        db_text(q, 3, p->options[i].title);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store_poll_add(mn_tx *tx, const mn_poll *p, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(check(p, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO polls (id, post_id, account_id, expires_ms, multiple, "
                      "hide_totals, n_voters, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
                      &q, e));
    db_u64(q, 1, p->id);
    db_u64(q, 2, p->post_id);
    db_u64(q, 3, p->account_id);
    db_i64(q, 4, p->expires_ms);
    db_i64(q, 5, p->multiple);
    db_i64(q, 6, p->hide_totals);
    db_i64(q, 7, p->expires_ms == 0); /* a poll without an end has nothing to be told of */
    MN_TRY(mn_store__run(q, NULL, e));
    return add_options(tx, p, e);
}

static bool same_options(const mn_poll *a, const mn_poll *b)
{
    bool same = a->n_options == b->n_options && a->multiple == b->multiple;
    for (size_t i = 0; same && i < a->n_options; i++)
        same = mn_str_eq(a->options[i].title, b->options[i].title);
    return same;
}

static mn_rc replace_options(mn_tx *tx, const mn_poll *p, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM poll_votes WHERE poll_id = ?1", p->id, 0, e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM poll_options WHERE poll_id = ?1", p->id, 0, e));
    MN_TRY(mn_store__run2(tx->db, "UPDATE polls SET n_voters = 0 WHERE id = ?1", p->id, 0, e));
    return add_options(tx, p, e);
}

mn_rc mn_store_poll_change(mn_tx *tx, const mn_poll *p, bool *ret_reset, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    mn_poll was;
    MN_TRY(check(p, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_poll_in(tx, p->id, &ar, &was, e);
    bool reset = rc == MN_OK && !same_options(&was, p);
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    if (reset) MN_TRY(replace_options(tx, p, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE polls SET expires_ms = ?2, multiple = ?3, hide_totals = ?4, told "
                      "= ?5 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, p->id);
    db_i64(q, 2, p->expires_ms);
    db_i64(q, 3, p->multiple);
    db_i64(q, 4, p->hide_totals);
    db_i64(q, 5, p->expires_ms == 0);
    MN_TRY(mn_store__run(q, NULL, e));
    if (ret_reset) *ret_reset = reset;
    return MN_OK;
}

mn_rc mn_store_poll_remove(mn_tx *tx, uint64_t id, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM poll_votes WHERE poll_id = ?1", id, 0, e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM poll_options WHERE poll_id = ?1", id, 0, e));
    return mn_store__run2(tx->db, "DELETE FROM polls WHERE id = ?1", id, 0, e);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

#define COLUMNS "id, post_id, account_id, expires_ms, multiple, hide_totals, n_voters"

static mn_rc read_poll(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_poll *)ret = (mn_poll){.id = db_col_u64(q, 0),
                                .post_id = db_col_u64(q, 1),
                                .account_id = db_col_u64(q, 2),
                                .expires_ms = db_col_i64(q, 3),
                                .multiple = db_col_i64(q, 4) != 0,
                                .hide_totals = db_col_i64(q, 5) != 0,
                                .n_voters = db_col_u64(q, 6)};
    return MN_OK;
}

static mn_rc read_options(mn_db *db, mn_arena *ar, mn_poll *p, mn_err *e)
{
    mn_stmt *q;
    bool row = true;
    MN_TRY(db_prepare(db, "SELECT title, votes FROM poll_options WHERE poll_id = ?1 ORDER BY n",
                      &q, e));
    db_u64(q, 1, p->id);
    for (;;) {
        MN_TRY(db_step(q, &row, e));
        if (!row) return MN_OK;
        if (p->n_options == MN_POLL_OPTIONS_MAX) {
            db_reset(q);
            return mn_fail(e, MN_E_CORRUPT, "poll %llu has more than %d options",
                           (unsigned long long)p->id, MN_POLL_OPTIONS_MAX);
        }
        mn_poll_option *o = &p->options[p->n_options];
        mn_rc rc = mn_store__col_dup(q, 0, ar, &o->title, e);
        if (rc != MN_OK) {
            db_reset(q);
            return rc;
        }
        o->votes = db_col_u64(q, 1);
        p->n_options++;
    }
}

static mn_rc poll_by_id(mn_db *db, uint64_t id, mn_arena *ar, mn_poll *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT " COLUMNS " FROM polls WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    mn_poll p;
    MN_TRY(mn_store__one(q, read_poll, ar, &p, e));
    MN_TRY(read_options(db, ar, &p, e));
    *ret = p;
    return MN_OK;
}

mn_rc mn_store_poll(mn_store *s, uint64_t id, mn_arena *ar, mn_poll *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = poll_by_id(db, id, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_poll_in(mn_tx *tx, uint64_t id, mn_arena *ar, mn_poll *ret, mn_err *e)
{
    return poll_by_id(tx->db, id, ar, ret, e);
}

mn_rc mn_store_polls(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar, mn_poll **ret,
                     size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_rc rc = MN_OK;
    size_t k = 0;
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d polls", MN_STORE_PAGE_MAX);
    mn_poll *polls = mn_arena_alloc(ar, (n + 1) * sizeof *polls);
    if (!polls) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store__reader(s, &db, e));
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        rc = poll_by_id(db, ids[i], ar, &polls[k], e);
        if (rc == MN_OK) k++;
        if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = polls;
    *ret_n = k;
    return MN_OK;
}

/* ---- votes --------------------------------------------------------------------------------------------------------- */

static mn_rc votes_of(mn_db *db, uint64_t poll, uint64_t account, uint32_t *ret, mn_err *e)
{
    mn_stmt *q;
    uint32_t bits = 0;
    MN_TRY(db_prepare(db, "SELECT n FROM poll_votes WHERE poll_id = ?1 AND account_id = ?2", &q,
                      e));
    db_u64(q, 1, poll);
    db_u64(q, 2, account);
    for (bool row = true;;) {
        MN_TRY(db_step(q, &row, e));
        if (!row) break;
        bits |= UINT32_C(1) << (db_col_u64(q, 0) & 31);
    }
    *ret = bits;
    return MN_OK;
}

mn_rc mn_store_poll_votes(mn_store *s, uint64_t poll, uint64_t account, uint32_t *ret,
                          mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = votes_of(db, poll, account, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc enter_vote(mn_tx *tx, uint64_t poll, uint64_t account, unsigned n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "INSERT INTO poll_votes (poll_id, account_id, n) VALUES (?1, ?2, ?3)", &q, e));
    db_u64(q, 1, poll);
    db_u64(q, 2, account);
    db_u64(q, 3, n);
    MN_TRY(mn_store__run(q, NULL, e));
    return mn_store__run2(
        tx->db, "UPDATE poll_options SET votes = votes + 1 WHERE poll_id = ?1 AND n = ?2", poll,
        n, e);
}

mn_rc mn_store_poll_vote(mn_tx *tx, uint64_t poll, uint64_t account, uint32_t choices,
                         mn_err *e)
{
    uint32_t before = 0;
    int64_t post = 0;
    MN_TRY(
        mn_store__get2(tx->db, "SELECT post_id FROM polls WHERE id = ?1", poll, 0, &post, e));
    MN_TRY(votes_of(tx->db, poll, account, &before, e));
    if (before) return MN_E_EXISTS;
    for (unsigned n = 0; n < MN_POLL_OPTIONS_MAX; n++)
        if (choices >> n & 1) MN_TRY(enter_vote(tx, poll, account, n, e));
    MN_TRY(mn_store__run2(tx->db, "UPDATE polls SET n_voters = n_voters + 1 WHERE id = ?1",
                          poll, 0, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = (uint64_t)post}, e);
}

mn_rc mn_store_polls_take_ended(mn_tx *tx, int64_t now_ms, size_t limit, mn_arena *ar,
                                mn_poll **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    void *rows = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "SELECT " COLUMNS " FROM polls WHERE told = 0 AND expires_ms <= ?1 ORDER "
                      "BY expires_ms LIMIT ?2",
                      &q, e));
    db_i64(q, 1, now_ms);
    db_u64(q, 2, limit);
    MN_TRY(mn_store__collect(q, read_poll, sizeof(mn_poll), ar, &rows, &n, e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_store__run2(tx->db, "UPDATE polls SET told = 1 WHERE id = ?1",
                              ((const mn_poll *)rows)[i].id, 0, e));
    *ret = rows;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_poll_voters(mn_tx *tx, uint64_t poll, uint64_t after, size_t limit, mn_arena *ar,
                           uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    void *rows = NULL;
    MN_TRY(db_prepare(tx->db,
                      "SELECT DISTINCT account_id FROM poll_votes WHERE poll_id = ?1 AND "
                      "account_id > ?2 ORDER BY account_id LIMIT ?3",
                      &q, e));
    db_u64(q, 1, poll);
    db_u64(q, 2, after);
    db_u64(q, 3, limit);
    MN_TRY(mn_store__collect(q, mn_store__row_id, sizeof(uint64_t), ar, &rows, ret_n, e));
    *ret = rows;
    return MN_OK;
}
