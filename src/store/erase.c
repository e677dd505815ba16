/* An account's rows, table by table. Tables whose rows are counted elsewhere (favourites, votes) go through code that counts;
 * what stands between people goes through mn_store_people_forget; everything else is in one of the two lists below.
 * tests/unit/social/test_erase.c fills every table of the schema that has an account in it and looks that nothing is left:
 * a new table that is forgotten here fails there. */
#include "store/erase.h"

#include "store/access.h"
#include "store/marks.h"
#include "store/people.h"
#include "store/store_int.h"

/* Long tables, a batch at a time: what remains is found by the same condition. ?1 account, ?2 rows. */
static const char *const batches[] = {
    "DELETE FROM bookmarks WHERE account_id = ?1 AND post_id IN (SELECT post_id FROM bookmarks "
    "WHERE account_id = ?1 ORDER BY id LIMIT ?2)",
    "DELETE FROM mentions WHERE account_id = ?1 AND post_id IN (SELECT post_id FROM mentions "
    "WHERE account_id = ?1 ORDER BY post_id LIMIT ?2)",
    "DELETE FROM thread_mutes WHERE account_id = ?1 AND thread_id IN (SELECT thread_id FROM "
    "thread_mutes WHERE account_id = ?1 ORDER BY thread_id LIMIT ?2)",
    "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE account_id = ?1 "
    "ORDER BY id LIMIT ?2)",
    "DELETE FROM idempotency WHERE account_id = ?1 AND request IN (SELECT request FROM "
    "idempotency WHERE account_id = ?1 ORDER BY request LIMIT ?2)",
    "DELETE FROM media WHERE id IN (SELECT id FROM media WHERE account_id = ?1 ORDER BY id "
    "LIMIT ?2)",
    "DELETE FROM uses WHERE account_id = ?1 AND post_id IN (SELECT post_id FROM uses WHERE "
    "account_id = ?1 ORDER BY post_id LIMIT ?2)",
    "DELETE FROM chat_turns WHERE id IN (SELECT t.id FROM chat_turns t, chats c WHERE "
    "t.chat_id "
    "= c.id AND c.account_id = ?1 ORDER BY t.id LIMIT ?2)",
    "DELETE FROM chats WHERE id IN (SELECT id FROM chats WHERE account_id = ?1 ORDER BY id "
    "LIMIT "
    "?2)",
};

/* Short ones, all at once. What hangs on a row goes before the row. */
static const char *const wholes[] = {
    "DELETE FROM filter_keywords WHERE filter_id IN (SELECT id FROM filters WHERE account_id = "
    "?1)",
    "DELETE FROM filter_posts WHERE filter_id IN (SELECT id FROM filters WHERE account_id = "
    "?1)",
    "DELETE FROM filters WHERE account_id = ?1",
    "DELETE FROM list_accounts WHERE list_id IN (SELECT id FROM lists WHERE account_id = ?1)",
    "DELETE FROM lists WHERE account_id = ?1",
    "DELETE FROM followed_tags WHERE account_id = ?1",
    "DELETE FROM featured_tags WHERE account_id = ?1",
    "DELETE FROM markers WHERE account_id = ?1",
    "DELETE FROM pins WHERE account_id = ?1",
    "DELETE FROM poll_votes WHERE poll_id IN (SELECT id FROM polls WHERE account_id = ?1)",
    "DELETE FROM poll_options WHERE poll_id IN (SELECT id FROM polls WHERE account_id = ?1)",
    "DELETE FROM polls WHERE account_id = ?1",
    "DELETE FROM scheduled WHERE account_id = ?1",
    "DELETE FROM drafts WHERE account_id = ?1",
    "DELETE FROM announcement_reads WHERE account_id = ?1",
    "DELETE FROM announcement_reactions WHERE account_id = ?1",
    "DELETE FROM report_posts WHERE report_id IN (SELECT id FROM reports WHERE account_id = ?1 "
    "OR target_id = ?1)",
    "DELETE FROM report_rules WHERE report_id IN (SELECT id FROM reports WHERE account_id = ?1 "
    "OR target_id = ?1)",
    "DELETE FROM reports WHERE account_id = ?1 OR target_id = ?1",
    "DELETE FROM moderation_notes WHERE target_id = ?1",
    "DELETE FROM appeals WHERE account_id = ?1",
    "DELETE FROM strikes WHERE target_id = ?1",
    "DELETE FROM transfers WHERE account_id = ?1",
    "DELETE FROM brought WHERE account_id = ?1",
    "DELETE FROM push_subscriptions WHERE account_id = ?1",
    "DELETE FROM codes WHERE account_id = ?1",
    "DELETE FROM email_links WHERE account_id = ?1",
    "DELETE FROM invites WHERE account_id = ?1",
    "DELETE FROM identities WHERE account_id = ?1",
    "DELETE FROM credentials WHERE account_id = ?1",
};

/* ---- rows that are counted ------------------------------------------------------------------------------------- */

static mn_rc ids_of(mn_tx *tx, const char *sql, uint64_t account, size_t limit, mn_arena *ar,
                    uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, limit);
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

static mn_rc erase_favourites(mn_tx *tx, uint64_t account, size_t limit, mn_arena *ar,
                              bool *ret_left, mn_err *e)
{
    uint64_t *posts = NULL;
    size_t n = 0;
    bool changed;
    MN_TRY(ids_of(tx,
                  "SELECT post_id FROM favourites WHERE account_id = ?1 ORDER BY id LIMIT ?2",
                  account, limit, ar, &posts, &n, e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_store_mark_set(tx, MN_MARK_FAVOURITE, account, posts[i], false, &changed, e));
    *ret_left = n == limit;
    return MN_OK;
}

/* The votes of one poll: each choice loses one, the poll a voter. */
static mn_rc erase_vote(mn_tx *tx, uint64_t account, uint64_t poll, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db,
                          "UPDATE poll_options SET votes = votes - 1 WHERE poll_id = ?1 AND "
                          "votes > 0 AND n IN (SELECT v.n FROM poll_votes v WHERE v.poll_id = "
                          "?1 AND v.account_id = ?2)",
                          poll, account, e));
    MN_TRY(mn_store__run2(tx->db,
                          "DELETE FROM poll_votes WHERE poll_id = ?1 AND account_id = ?2", poll,
                          account, e));
    return mn_store__run2(tx->db,
                          "UPDATE polls SET n_voters = n_voters - 1 WHERE id = ?1 AND n_voters "
                          "> 0",
                          poll, 0, e);
}

static mn_rc erase_votes(mn_tx *tx, uint64_t account, size_t limit, mn_arena *ar,
                         bool *ret_left, mn_err *e)
{
    uint64_t *polls = NULL;
    size_t n = 0;
    MN_TRY(ids_of(tx,
                  "SELECT DISTINCT poll_id FROM poll_votes WHERE account_id = ?1 ORDER BY "
                  "poll_id LIMIT ?2",
                  account, limit, ar, &polls, &n, e));
    for (size_t i = 0; i < n; i++) MN_TRY(erase_vote(tx, account, polls[i], e));
    *ret_left = n == limit;
    return MN_OK;
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

static mn_rc erase_batches(mn_tx *tx, uint64_t account, size_t limit, bool *ret_left, mn_err *e)
{
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        uint64_t n = 0;
        mn_stmt *q;
        MN_TRY(db_prepare(tx->db, batches[i], &q, e));
        db_u64(q, 1, account);
        db_u64(q, 2, limit);
        MN_TRY(mn_store__run(q, &n, e));
        *ret_left = n >= limit;
        if (*ret_left) return MN_OK;
    }
    return MN_OK;
}

/* What was read on a day is kept under a text. */
static mn_rc erase_readings(mn_tx *tx, uint64_t account, mn_arena *ar, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM readings WHERE who = ?1", &q, e));
    db_text(q, 1, mn_str_fmt(ar, "a:%llu", (unsigned long long)account));
    return mn_store__run(q, NULL, e);
}

static mn_rc erase_wholes(mn_tx *tx, uint64_t account, mn_arena *ar, mn_err *e)
{
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        MN_TRY(mn_store__run2(tx->db, wholes[i], account, 0, e));
    MN_TRY(erase_readings(tx, account, ar, e));
    return mn_store_tokens_remove(tx, account, 0, e);
}

static mn_rc erase_step(mn_tx *tx, uint64_t account, size_t limit, mn_arena *ar, bool *ret_left,
                        mn_err *e)
{
    bool left = false;
    mn_rc rc = mn_store_people_forget(tx, account, limit, &left, e);
    if (rc == MN_OK && !left) rc = erase_favourites(tx, account, limit, ar, &left, e);
    if (rc == MN_OK && !left) rc = erase_votes(tx, account, limit, ar, &left, e);
    if (rc == MN_OK && !left) rc = erase_batches(tx, account, limit, &left, e);
    if (rc == MN_OK && !left) rc = erase_wholes(tx, account, ar, e);
    if (rc == MN_OK) *ret_left = left;
    return rc;
}

mn_rc mn_store_account_erase(mn_tx *tx, uint64_t account, size_t limit, bool *ret_left,
                             mn_err *e)
{
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = erase_step(tx, account, limit, &ar, ret_left, e);
    mn_arena_release(&ar);
    return rc;
}
