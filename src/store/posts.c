/* Posts, written: add, import, edit, delete.
 *
 * Places. An imported post stands at the id its origin gives; a second one with that id goes to the next free id and is
 * noted in `displaced`, so that a repeated import finds either without an index on origin. `places` remembers where the
 * last search for a free id ended: hundreds of posts of one second do not each walk past the others.
 */
#include "store/store_int.h"

#include "base/clock.h"

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static bool fits(uint64_t id)
{
    return id <= (uint64_t)INT64_MAX;
}

static mn_rc check(const mn_post *p, mn_err *e)
{
    if (p->id == 0 || !fits(p->id))
        return mn_fail(e, MN_E_USAGE, "a post needs an id of 1 to 2^63 - 1");
    if (!fits(p->reply_to) || !fits(p->quote_of) || !fits(p->boost_of) || !fits(p->thread_id))
        return mn_fail(e, MN_E_USAGE, "post %llu names a post whose id is over 2^63 - 1",
                       (unsigned long long)p->id);
    if (p->text.len > MN_STORE_TEXT_MAX || p->warning.len > MN_STORE_TEXT_MAX)
        return mn_fail(e, MN_E_LIMIT, "the text of post %llu is over %u MiB",
                       (unsigned long long)p->id, MN_STORE_TEXT_MAX >> 20);
    return MN_OK;
}

/* Writes the row at `id` unless that is taken: *ret_added. */
static mn_rc insert(mn_tx *tx, const mn_post *p, uint64_t id, uint64_t thread, uint64_t author,
                    bool *ret_added, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO posts (id, account_id, rev, created_ms, edited_ms, deleted_ms, "
        "visibility, "
        "reply_to, quote_of, boost_of, thread_id, sensitive, import_id, consent, consent_rev, "
        "origin, lang, warning, text, reply_account, app_id, poll_id, quote_policy, "
        "quote_state) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12, 0, 0, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) ON CONFLICT (id) DO NOTHING",
        &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, p->account_id);
    db_u64(q, 3, tx->rev + 1);
    db_i64(q, 4, p->created_ms);
    db_i64(q, 5, p->edited_ms);
    db_i64(q, 6, p->visibility);
    db_u64(q, 7, p->reply_to);
    db_u64(q, 8, p->quote_of);
    db_u64(q, 9, p->boost_of);
    db_u64(q, 10, thread);
    db_i64(q, 11, p->sensitive);
    db_u64(q, 12, p->import_id);
    db_text(q, 13, p->origin);
    db_text(q, 14, p->lang);
    db_text(q, 15, p->warning);
    db_text(q, 16, p->text);
    db_u64(q, 17, author);
    db_u64(q, 18, p->app_id);
    db_u64(q, 19, p->poll_id);
    db_i64(q, 20, p->quote_policy);
    db_i64(q, 21, p->quote_state);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 1) mn_store__next_rev(tx);
    *ret_added = n == 1;
    return MN_OK;
}

/* Settings that came with a post are lines of the ledger like any others. */
static mn_rc enter_consent(mn_tx *tx, const mn_post *p, uint64_t id, mn_err *e)
{
    for (int i = 0; i < MN_PURPOSES && p->consent != 0; i++) {
        mn_ledger_line l = {.scope = MN_SCOPE_POST,
                            .scope_id = id,
                            .purpose = (mn_purpose)i,
                            .value = mn_consents_get(p->consent, (mn_purpose)i),
                            .actor_id = p->import_id ? 0 : p->account_id,
                            .reason = p->import_id ? MN_STR("came with the imported post")
                                                   : MN_STR("set with the post"),
                            .at_ms = p->import_id ? mn_now_ms() : p->created_ms};
        if (l.value != MN_CONSENT_UNSET) MN_TRY(mn_store_consent_add(tx, &l, NULL, e));
    }
    return MN_OK;
}

static mn_rc count_in(mn_tx *tx, const mn_post *p, mn_err *e)
{
    mn_tx_account *a;
    MN_TRY(mn_store__tx_account(tx, p->account_id, &a, e));
    if (a->fresh && p->import_id != 0) {
        a->import_id = p->import_id;
        a->claimed = true;
    }
    a->fresh = false;
    if (p->import_id != 0) a->imported = true;
    a->delta++;
    if (p->visibility != MN_VIS_DIRECT && p->created_ms > a->last_ms)
        a->last_ms = p->created_ms;
    return mn_store__post_count(tx, p, 1, e);
}

/* At exactly this id, with all that follows from it. */
static mn_rc add_at(mn_tx *tx, const mn_post *p, uint64_t id, bool *ret_added, mn_err *e)
{
    uint64_t found = 0, author = p->reply_account;
    mn_tx_account *a;
    MN_TRY(mn_store__tx_account(tx, p->account_id, &a, e));
    if (p->thread_id == 0 || p->reply_to != 0)
        MN_TRY(mn_store__thread_find(tx, id, p->reply_to, &found, &author, e));
    uint64_t thread = p->thread_id ? p->thread_id : found;
    MN_TRY(insert(tx, p, id, thread, author, ret_added, e));
    if (!*ret_added) return MN_OK;
    MN_TRY(count_in(tx, p, e));
    if (p->import_id) MN_TRY(mn_store__count_waiting(tx, id, e));
    MN_TRY(mn_store__thread_move(tx, id, thread, e));
    return enter_consent(tx, p, id, e);
}

mn_rc mn_store_post_add(mn_tx *tx, const mn_post *p, mn_err *e)
{
    bool added = false;
    MN_TRY(check(p, e));
    MN_TRY(add_at(tx, p, p->id, &added, e));
    if (added)
        return mn_store_event(
            tx, (mn_event){.kind = MN_EV_POST_NEW, .id = p->id, .account = p->account_id}, e);
    return mn_fail(e, MN_E_EXISTS, "there is a post with id %llu already",
                   (unsigned long long)p->id);
}

/* ---- importing --------------------------------------------------------------------------------------------------- */

static mn_rc any_displaced(mn_tx *tx, bool *ret, mn_err *e)
{
    if (tx->displaced < 0) {
        int64_t one = 0;
        mn_stmt *q;
        bool row = false;
        MN_TRY(db_prepare(tx->db, "SELECT 1 FROM displaced LIMIT 1", &q, e));
        MN_TRY(db_step(q, &row, e));
        if (row) one = db_col_i64(q, 0);
        db_reset(q);
        tx->displaced = one != 0;
    }
    *ret = tx->displaced != 0;
    return MN_OK;
}

static mn_rc find_displaced(mn_tx *tx, mn_str origin, uint64_t *ret_id, mn_err *e)
{
    mn_stmt *q;
    bool any = false, row = false;
    MN_TRY(any_displaced(tx, &any, e));
    if (!any) return MN_E_NOT_FOUND;
    MN_TRY(db_prepare(tx->db, "SELECT post_id FROM displaced WHERE origin = ?1", &q, e));
    db_text(q, 1, origin);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret_id = db_col_u64(q, 0);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_post_by_origin(mn_tx *tx, uint64_t derived_id, mn_str origin, uint64_t *ret_id,
                              mn_err *e)
{
    mn_stmt *q;
    bool row = false, same = false;
    MN_TRY(db_prepare(tx->db, "SELECT origin FROM posts WHERE id = ?1", &q, e));
    db_u64(q, 1, derived_id);
    MN_TRY(db_step(q, &row, e));
    if (row) {
        same = mn_str_eq(db_col_str(q, 0), origin);
        db_reset(q);
    }
    if (!same) return find_displaced(tx, origin, ret_id, e);
    *ret_id = derived_id;
    return MN_OK;
}

static mn_rc displace(mn_tx *tx, mn_str origin, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(
        db_prepare(tx->db, "INSERT INTO displaced (origin, post_id) VALUES (?1, ?2)", &q, e));
    db_text(q, 1, origin);
    db_u64(q, 2, id);
    MN_TRY(mn_store__run(q, NULL, e));
    tx->displaced = 1;
    return MN_OK;
}

/* The place is taken by another post: on to the next free one. */
static mn_rc import_beside(mn_tx *tx, const mn_post *p, uint64_t *ret_id, mn_err *e)
{
    mn_place *hint = &tx->s->places[(p->id * UINT64_C(0x9E3779B97F4A7C15)) >> 54];
    uint64_t id = hint->derived == p->id ? hint->next : p->id + 1;
    for (bool added = false;; id++) {
        if (!fits(id))
            return mn_fail(e, MN_E_LIMIT, "there is no free id after %llu",
                           (unsigned long long)p->id);
        MN_TRY(add_at(tx, p, id, &added, e));
        if (added) break;
    }
    *hint = (mn_place){p->id, id + 1};
    MN_TRY(displace(tx, p->origin, id, e));
    *ret_id = id;
    return MN_OK;
}

mn_rc mn_store_post_import(mn_tx *tx, const mn_post *p, uint64_t *ret_id, mn_err *e)
{
    bool any = false, added = false;
    MN_TRY(check(p, e));
    if (p->origin.len == 0) return mn_fail(e, MN_E_USAGE, "an imported post needs an origin");
    MN_TRY(any_displaced(tx, &any, e));
    if (!any) {
        MN_TRY(add_at(tx, p, p->id, &added, e));
        if (added) {
            *ret_id = p->id;
            return MN_OK;
        }
    }
    mn_rc rc = mn_store_post_by_origin(tx, p->id, p->origin, ret_id, e);
    if (rc == MN_OK) return MN_E_EXISTS;
    if (rc != MN_E_NOT_FOUND) return rc;
    if (any) MN_TRY(add_at(tx, p, p->id, &added, e));
    if (!added) return import_beside(tx, p, ret_id, e);
    *ret_id = p->id;
    return MN_OK;
}
