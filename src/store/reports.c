/* Reports, notes beside them, strikes and their appeals. */
#include "store/moderation_int.h"

/* ---- reports ------------------------------------------------------------------------------------------------------- */

#define REPORTS                                                                                \
    "SELECT id, account_id, target_id, category, comment, forward, assigned_id, done_by, "     \
    "created_ms, updated_ms, done_ms FROM reports WHERE "

static mn_rc read_report(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_report r = {.id = db_col_u64(q, 0),
                   .account_id = db_col_u64(q, 1),
                   .target_id = db_col_u64(q, 2),
                   .category = (mn_report_category)db_col_i64(q, 3),
                   .forward = db_col_i64(q, 5) != 0,
                   .assigned_id = db_col_u64(q, 6),
                   .done_by = db_col_u64(q, 7),
                   .created_ms = db_col_i64(q, 8),
                   .updated_ms = db_col_i64(q, 9),
                   .done_ms = db_col_i64(q, 10)};
    MN_TRY(mn_store__col_dup(q, 4, ar, &r.comment, e));
    *(mn_report *)ret = r;
    return MN_OK;
}

static mn_rc add_posts(mn_tx *tx, const mn_report *r, mn_err *e)
{
    for (size_t i = 0; i < r->n_posts; i++)
        MN_TRY(mn_store__run2(tx->db,
                              "INSERT INTO report_posts (report_id, post_id) VALUES (?1, ?2) "
                              "ON CONFLICT DO NOTHING",
                              r->id, r->posts[i], e));
    return MN_OK;
}

static mn_rc add_rules(mn_tx *tx, const mn_report *r, mn_err *e)
{
    for (size_t i = 0; i < r->n_rules; i++)
        MN_TRY(mn_store__run2(tx->db,
                              "INSERT INTO report_rules (report_id, rule_id) VALUES (?1, ?2) "
                              "ON CONFLICT DO NOTHING",
                              r->id, r->rules[i], e));
    return MN_OK;
}

mn_rc mn_store_report_add(mn_tx *tx, const mn_report *r, mn_err *e)
{
    mn_stmt *q;
    if (r->n_posts > MN_STORE_PAGE_MAX || r->n_rules > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a report has at most %d posts", MN_STORE_PAGE_MAX);
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO reports (id, account_id, target_id, category, comment, forward, "
        "assigned_id, done_by, created_ms, updated_ms, done_ms) VALUES (?1, ?2, ?3, ?4, ?5, "
        "?6, 0, 0, ?7, ?7, 0)",
        &q, e));
    db_u64(q, 1, r->id);
    db_u64(q, 2, r->account_id);
    db_u64(q, 3, r->target_id);
    db_i64(q, 4, r->category);
    db_text(q, 5, r->comment);
    db_i64(q, 6, r->forward);
    db_i64(q, 7, r->created_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    MN_TRY(add_posts(tx, r, e));
    return add_rules(tx, r, e);
}

static mn_rc read_parts(mn_store *s, mn_report *r, mn_arena *ar, mn_err *e)
{
    MN_TRY(mn_store__all2(
        s, "SELECT post_id FROM report_posts WHERE report_id = ?1 ORDER BY post_id", r->id, 0,
        mn_store__row_id, sizeof *r->posts, ar, (void **)&r->posts, &r->n_posts, e));
    return mn_store__all2(
        s, "SELECT rule_id FROM report_rules WHERE report_id = ?1 ORDER BY rule_id", r->id, 0,
        mn_store__row_id, sizeof *r->rules, ar, (void **)&r->rules, &r->n_rules, e);
}

mn_rc mn_store_report(mn_store *s, uint64_t id, mn_arena *ar, mn_report *ret, mn_err *e)
{
    mn_report r;
    MN_TRY(mn_store__by_id(s, REPORTS "id = ?1", id, read_report, ar, &r, e));
    MN_TRY(read_parts(s, &r, ar, e));
    *ret = r;
    return MN_OK;
}

static void bind_reports(mn_stmt *q, const void *arg)
{
    const mn_report_filter *f = arg;
    db_i64(q, 4, f->any ? 2 : f->resolved);
    db_u64(q, 5, f->account_id);
    db_u64(q, 6, f->target_id);
    db_u64(q, 7, f->assigned_id);
}

mn_rc mn_store_reports(mn_store *s, const mn_report_filter *f, const mn_page_ids *p,
                       mn_arena *ar, mn_report **ret, size_t *ret_n, mn_err *e)
{
#define FILTERED                                                                               \
    "(?4 = 2 OR (?4 = 0 AND done_ms = 0) OR (?4 = 1 AND done_ms <> 0)) AND (?5 = 0 OR "        \
    "account_id = ?5) AND (?6 = 0 OR target_id = ?6) AND (?7 = 0 OR assigned_id = ?7)"
    mn_report *reports;
    size_t n = 0;
    mn_store__paged x = {REPORTS FILTERED PAGE_DOWN("id"),
                         REPORTS FILTERED PAGE_UP("id"),
                         bind_reports,
                         f,
                         read_report,
                         sizeof(mn_report)};
    MN_TRY(mn_store__page(s, &x, p, ar, (void **)&reports, &n, e));
    for (size_t i = 0; i < n; i++) MN_TRY(read_parts(s, &reports[i], ar, e));
    *ret = reports;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_report_update(mn_tx *tx, const mn_report *r, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE reports SET category = ?2, assigned_id = ?3, done_by = ?4, "
                      "done_ms = ?5, updated_ms = ?6 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, r->id);
    db_i64(q, 2, r->category);
    db_u64(q, 3, r->assigned_id);
    db_u64(q, 4, r->done_by);
    db_i64(q, 5, r->done_ms);
    db_i64(q, 6, r->updated_ms);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    MN_TRY(
        mn_store__run2(tx->db, "DELETE FROM report_rules WHERE report_id = ?1", r->id, 0, e));
    return add_rules(tx, r, e);
}

mn_rc mn_store_reports_close(mn_tx *tx, uint64_t target_id, uint64_t by, int64_t at_ms,
                             mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE reports SET done_ms = ?3, updated_ms = ?3, done_by = ?2, "
                      "assigned_id = ?2 WHERE target_id = ?1 AND done_ms = 0",
                      &q, e));
    db_u64(q, 1, target_id);
    db_u64(q, 2, by);
    db_i64(q, 3, at_ms);
    return mn_store__run(q, NULL, e);
}

/* ---- notes ----------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_mod_note_add(mn_tx *tx, const mn_mod_note *n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO moderation_notes (id, account_id, target_id, report_id, "
                      "text, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      &q, e));
    db_u64(q, 1, n->id);
    db_u64(q, 2, n->account_id);
    db_u64(q, 3, n->target_id);
    db_u64(q, 4, n->report_id);
    db_text(q, 5, n->text);
    db_i64(q, 6, n->at_ms);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_note(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_mod_note n = {.id = db_col_u64(q, 0),
                     .account_id = db_col_u64(q, 1),
                     .target_id = db_col_u64(q, 2),
                     .report_id = db_col_u64(q, 3),
                     .at_ms = db_col_i64(q, 5)};
    MN_TRY(mn_store__col_dup(q, 4, ar, &n.text, e));
    *(mn_mod_note *)ret = n;
    return MN_OK;
}

mn_rc mn_store_mod_notes(mn_store *s, uint64_t target_id, uint64_t report_id, mn_arena *ar,
                         mn_mod_note **ret, size_t *ret_n, mn_err *e)
{
    return mn_store__all2(s,
                          "SELECT id, account_id, target_id, report_id, text, at_ms FROM "
                          "moderation_notes WHERE target_id = ?1 AND report_id = ?2 ORDER BY "
                          "id DESC LIMIT 1000",
                          target_id, report_id, read_note, sizeof **ret, ar, (void **)ret,
                          ret_n, e);
}

/* ---- strikes ----------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_strike_add(mn_tx *tx, const mn_strike *k, mn_err *e)
{
    mn_stmt *q;
    mn_buf ids;
    mn_buf_init(&ids, 64 << 10);
    mn_rc rc = mn_store__ids_text(k->posts, k->n_posts, &ids, e);
    if (rc == MN_OK)
        rc = db_prepare(tx->db,
                        "INSERT INTO strikes (id, target_id, account_id, action, text, "
                        "report_id, post_ids, at_ms, overruled_ms) VALUES (?1, ?2, ?3, ?4, "
                        "?5, ?6, ?7, ?8, 0)",
                        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, k->id);
        db_u64(q, 2, k->target_id);
        db_u64(q, 3, k->account_id);
        db_i64(q, 4, k->action);
        db_text(q, 5, k->text);
        db_u64(q, 6, k->report_id);
        db_text(q, 7, mn_buf_str(&ids));
        db_i64(q, 8, k->at_ms);
        rc = mn_store__run(q, NULL, e);
    }
    mn_buf_release(&ids);
    return rc;
}

#define STRIKES                                                                                \
    "SELECT k.id, k.target_id, k.account_id, k.action, k.text, k.report_id, k.post_ids, "      \
    "k.at_ms, k.overruled_ms, coalesce(p.id, 0), coalesce(p.decided_by, 0), "                  \
    "coalesce(p.text, ''), coalesce(p.at_ms, 0), coalesce(p.decided_ms, 0), "                  \
    "coalesce(p.granted, 0) FROM strikes k LEFT JOIN appeals p ON p.strike_id = k.id WHERE "

static mn_rc read_strike(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_strike k = {.id = db_col_u64(q, 0),
                   .target_id = db_col_u64(q, 1),
                   .account_id = db_col_u64(q, 2),
                   .action = (mn_strike_action)db_col_i64(q, 3),
                   .report_id = db_col_u64(q, 5),
                   .at_ms = db_col_i64(q, 7),
                   .overruled_ms = db_col_i64(q, 8),
                   .appeal_id = db_col_u64(q, 9),
                   .decided_by = db_col_u64(q, 10),
                   .appealed_ms = db_col_i64(q, 12),
                   .decided_ms = db_col_i64(q, 13),
                   .granted = db_col_i64(q, 14) != 0};
    mn_str ids;
    MN_TRY(mn_store__col_dup(q, 4, ar, &k.text, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &ids, e));
    MN_TRY(mn_store__col_dup(q, 11, ar, &k.appeal, e));
    MN_TRY(mn_store__ids_read(ids, ar, &k.posts, &k.n_posts, e));
    *(mn_strike *)ret = k;
    return MN_OK;
}

mn_rc mn_store_strike(mn_store *s, uint64_t id, mn_arena *ar, mn_strike *ret, mn_err *e)
{
    return mn_store__by_id(s, STRIKES "k.id = ?1", id, read_strike, ar, ret, e);
}

typedef struct strike_filter {
    uint64_t target_id;
    bool appealed;
} strike_filter;
static void bind_strikes(mn_stmt *q, const void *arg)
{
    const strike_filter *f = arg;
    db_u64(q, 4, f->target_id);
    db_i64(q, 5, f->appealed);
}

mn_rc mn_store_strikes(mn_store *s, uint64_t target_id, bool appealed, const mn_page_ids *p,
                       mn_arena *ar, mn_strike **ret, size_t *ret_n, mn_err *e)
{
#define WHICH                                                                                  \
    "(?4 = 0 OR k.target_id = ?4) AND (?5 = 0 OR (p.id IS NOT NULL AND p.decided_ms = 0))"
    strike_filter f = {target_id, appealed};
    mn_store__paged x = {STRIKES WHICH PAGE_DOWN("k.id"),
                         STRIKES WHICH PAGE_UP("k.id"),
                         bind_strikes,
                         &f,
                         read_strike,
                         sizeof(mn_strike)};
    return mn_store__page(s, &x, p, ar, (void **)ret, ret_n, e);
}

/* ---- appeals ------------------------------------------------------------------------------------------------------------ */

mn_rc mn_store_appeal_add(mn_tx *tx, uint64_t id, uint64_t strike_id, uint64_t account_id,
                          mn_str text, int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO appeals (id, strike_id, account_id, text, at_ms, "
                      "decided_ms, decided_by, granted) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0) "
                      "ON CONFLICT (strike_id) DO NOTHING",
                      &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, strike_id);
    db_u64(q, 3, account_id);
    db_text(q, 4, text);
    db_i64(q, 5, at_ms);
    return mn_store__run_one(q, MN_E_EXISTS, "there is an appeal already", e);
}

mn_rc mn_store_appeal_decide(mn_tx *tx, uint64_t strike_id, uint64_t by, bool granted,
                             int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE appeals SET decided_ms = ?2, decided_by = ?3, granted = ?4 WHERE "
                      "strike_id = ?1 AND decided_ms = 0",
                      &q, e));
    db_u64(q, 1, strike_id);
    db_i64(q, 2, at_ms);
    db_u64(q, 3, by);
    db_i64(q, 4, granted);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    if (!granted) return MN_OK;
    MN_TRY(db_prepare(tx->db, "UPDATE strikes SET overruled_ms = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, strike_id);
    db_i64(q, 2, at_ms);
    return mn_store__run(q, NULL, e);
}
