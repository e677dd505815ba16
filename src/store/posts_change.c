/* Posts, changed: edited and deleted, and what hangs on them taken away.
 *
 * A deleted post stays as a tombstone that holds its thread together; everything that says something about it goes: its
 * versions, media, mentions, tags, marks, poll, the notifications about it, and the boosts of it, which become tombstones
 * too. What it answered, quoted or boosted counts one less. */
#include "store/marks.h"
#include "store/notifications.h"
#include "store/polls.h"
#include "store/store_int.h"
#include "store/tags.h"

#define BOOSTS_TOLD                                                                            \
    4096 /* events of one deletion; further boosts are found gone when they are read */

/* ---- editing ----------------------------------------------------------------------------------------------------- */

static mn_rc keep_version(mn_tx *tx, const mn_post_change *c, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO post_versions (post_id, n, at_ms, text, warning, sensitive, media, poll) "
        "SELECT id, (SELECT coalesce(max(n), 0) + 1 FROM post_versions WHERE post_id = ?1), "
        "CASE WHEN edited_ms <> 0 THEN edited_ms ELSE created_ms END, text, warning, "
        "sensitive, ?2, ?3 FROM posts WHERE id = ?1",
        &q, e));
    db_u64(q, 1, c->id);
    db_text(q, 2, c->was_media);
    db_text(q, 3, c->was_poll);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_head(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_post *)ret = (mn_post){.id = db_col_u64(q, 0),
                                .account_id = db_col_u64(q, 1),
                                .deleted_ms = db_col_i64(q, 2),
                                .visibility = (mn_visibility)db_col_i64(q, 3),
                                .reply_to = db_col_u64(q, 4),
                                .quote_of = db_col_u64(q, 5),
                                .boost_of = db_col_u64(q, 6),
                                .poll_id = db_col_u64(q, 7),
                                .quote_state = (mn_quote_state)db_col_i64(q, 8),
                                .sensitive = db_col_i64(q, 9) != 0,
                                .quote_policy = (mn_quote_policy)db_col_i64(q, 10)};
    return MN_OK;
}

mn_rc mn_store__post_head(mn_tx *tx, uint64_t id, mn_post *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "SELECT id, account_id, deleted_ms, visibility, reply_to, quote_of, "
                      "boost_of, poll_id, quote_state, sensitive, quote_policy FROM posts "
                      "WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, id);
    return mn_store__one(q, read_head, NULL, ret, e);
}

static mn_rc no_post(uint64_t id, mn_err *e)
{
    return mn_fail(e, MN_E_NOT_FOUND, "there is no post %llu", (unsigned long long)id);
}

mn_rc mn_store_post_head(mn_tx *tx, uint64_t id, mn_post *ret, mn_err *e)
{
    mn_rc rc = mn_store__post_head(tx, id, ret, e);
    return rc == MN_E_NOT_FOUND ? no_post(id, e) : rc;
}

static mn_rc live_head(mn_tx *tx, uint64_t id, mn_post *ret, mn_err *e)
{
    mn_rc rc = mn_store__post_head(tx, id, ret, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && ret->deleted_ms != 0)) return no_post(id, e);
    return rc;
}

mn_rc mn_store_post_change(mn_tx *tx, const mn_post_change *c, mn_err *e)
{
    mn_stmt *q;
    mn_post was;
    if (c->text.len > MN_STORE_TEXT_MAX || c->warning.len > MN_STORE_TEXT_MAX)
        return mn_fail(e, MN_E_LIMIT, "the text of post %llu is over %u MiB",
                       (unsigned long long)c->id, MN_STORE_TEXT_MAX >> 20);
    MN_TRY(live_head(tx, c->id, &was, e));
    MN_TRY(keep_version(tx, c, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE posts SET text = ?2, warning = ?3, lang = ?4, edited_ms = ?5, "
                      "rev = ?6, sensitive = ?7, poll_id = ?8 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, c->id);
    db_text(q, 2, c->text);
    db_text(q, 3, c->warning);
    db_text(q, 4, c->lang);
    db_i64(q, 5, c->at_ms);
    db_u64(q, 6, mn_store__next_rev(tx));
    db_i64(q, 7, c->sensitive < 0 ? was.sensitive : c->sensitive != 0);
    db_u64(q, 8, c->poll_id < 0 ? was.poll_id : (uint64_t)c->poll_id);
    MN_TRY(mn_store__run(q, NULL, e));
    return mn_store_event(
        tx, (mn_event){.kind = MN_EV_POST_EDITED, .id = c->id, .account = was.account_id}, e);
}

mn_rc mn_store_post_edit(mn_tx *tx, uint64_t id, mn_str text, mn_str warning, mn_str lang,
                         int64_t at_ms, mn_err *e)
{
    return mn_store_post_change(tx,
                                &(mn_post_change){.id = id,
                                                  .text = text,
                                                  .warning = warning,
                                                  .lang = lang,
                                                  .at_ms = at_ms,
                                                  .sensitive = -1,
                                                  .poll_id = -1},
                                e);
}

mn_rc mn_store_post_quote(mn_tx *tx, uint64_t id, mn_quote_policy policy, mn_quote_state state,
                          mn_err *e)
{
    mn_stmt *q;
    mn_post was;
    MN_TRY(live_head(tx, id, &was, e));
    MN_TRY(db_prepare(
        tx->db, "UPDATE posts SET quote_policy = ?2, quote_state = ?3 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, policy);
    db_i64(q, 3, state);
    MN_TRY(mn_store__run(q, NULL, e));
    int by = (state == MN_QUOTE_ACCEPTED) - (was.quote_state == MN_QUOTE_ACCEPTED);
    if (by != 0 && was.visibility <= MN_VIS_UNLISTED) {
        MN_TRY(mn_store__count(tx, was.quote_of, MN_COUNT_QUOTES, by, e));
        MN_TRY(
            mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = was.quote_of}, e));
    }
    return mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = id}, e);
}

/* ---- deleting ---------------------------------------------------------------------------------------------------- */

mn_rc mn_store__post_strip(mn_tx *tx, uint64_t id, uint64_t account, uint64_t poll, mn_err *e)
{
    static const char *const sql[] = {
        "DELETE FROM post_versions WHERE post_id = ?1",
        "DELETE FROM media WHERE post_id = ?1",
        "DELETE FROM mentions WHERE post_id = ?1",
        "DELETE FROM favourites WHERE post_id = ?1",
        "DELETE FROM bookmarks WHERE post_id = ?1",
    };
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
        MN_TRY(mn_store__run2(tx->db, sql[i], id, 0, e));
    MN_TRY(mn_store_post_tags_clear(tx, id, e));
    MN_TRY(mn_store_notifications_post_gone(tx, id, e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM pins WHERE account_id = ?1 AND post_id = ?2",
                          account, id, e));
    return poll ? mn_store_poll_remove(tx, poll, e) : MN_OK;
}

static mn_rc entomb(mn_tx *tx, const mn_post *p, int64_t at_ms, mn_err *e)
{
    mn_stmt *q;
    mn_tx_account *a;
    MN_TRY(mn_store__tx_account(tx, p->account_id, &a, e));
    MN_TRY(db_prepare(tx->db,
                      "UPDATE posts SET text = '', warning = '', lang = '', deleted_ms = ?2, "
                      "rev = ?3, n_media = 0, poll_id = 0, card_id = 0 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, p->id);
    db_i64(q, 2, at_ms > 0 ? at_ms : 1); /* 0 would mean never */
    db_u64(q, 3, mn_store__next_rev(tx));
    MN_TRY(mn_store__run(q, NULL, e));
    a->delta--;
    return mn_store__post_count(tx, p, -1, e);
}

static mn_rc tell_gone(mn_tx *tx, const mn_post *p, mn_err *e)
{
    const uint64_t changed[] = {p->boost_of, p->reply_to, p->quote_of};
    MN_TRY(mn_store_event(tx,
                          (mn_event){.kind = MN_EV_POST_GONE,
                                     .id = p->id,
                                     .account = p->account_id,
                                     .other = p->boost_of},
                          e));
    for (size_t i = 0; i < 3; i++)
        if (changed[i])
            MN_TRY(
                mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = changed[i]}, e));
    return MN_OK;
}

/* Little hangs on a boost: what people do with one is done with the post that it boosts. */
static mn_rc strip_boost(mn_tx *tx, uint64_t id, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM favourites WHERE post_id = ?1", id, 0, e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM bookmarks WHERE post_id = ?1", id, 0, e));
    return mn_store_notifications_post_gone(tx, id, e);
}

static mn_rc entomb_boosts(mn_tx *tx, uint64_t id, int64_t at_ms, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *boosts = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "SELECT id, account_id, deleted_ms, visibility, reply_to, quote_of, "
                      "boost_of, poll_id, quote_state, sensitive, quote_policy FROM posts "
                      "WHERE boost_of = ?1 AND boost_of <> 0 AND deleted_ms = 0",
                      &q, e));
    db_u64(q, 1, id);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, read_head, sizeof(mn_post), &ar, &boosts, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        const mn_post *b = (const mn_post *)boosts + i;
        rc = entomb(tx, b, at_ms, e);
        if (rc == MN_OK) rc = strip_boost(tx, b->id, e);
        if (rc == MN_OK && i < BOOSTS_TOLD) rc = tell_gone(tx, b, e);
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_store_post_delete(mn_tx *tx, uint64_t id, int64_t at_ms, mn_err *e)
{
    mn_post p;
    mn_rc rc = mn_store__post_head(tx, id, &p, e);
    if (rc == MN_E_NOT_FOUND) return no_post(id, e);
    if (rc != MN_OK || p.deleted_ms != 0) return rc;
    MN_TRY(entomb_boosts(tx, id, at_ms, e));
    MN_TRY(entomb(tx, &p, at_ms, e));
    MN_TRY(mn_store__post_strip(tx, id, p.account_id, p.poll_id, e));
    return tell_gone(tx, &p, e);
}

/* A batch of ids first, then their updates: the statement that finds them must not see them move. */
mn_rc mn_store__touch_posts(mn_tx *tx, const char *sql, uint64_t a, uint64_t b, mn_err *e)
{
    mn_arena ar;
    mn_stmt *q, *set;
    void *p = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    MN_TRY(db_prepare(tx->db, "UPDATE posts SET rev = ?2 WHERE id = ?1", &set, e));
    db_u64(q, 1, a);
    if (strstr(sql, "?2")) db_u64(q, 2, b);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store__collect(q, mn_store__row_id, sizeof(uint64_t), &ar, &p, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        db_u64(set, 1, ((const uint64_t *)p)[i]);
        db_u64(set, 2, mn_store__next_rev(tx));
        rc = mn_store__run(set, NULL, e);
    }
    mn_arena_release(&ar);
    return rc;
}
