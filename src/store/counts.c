/* The counters in a post's row: replies, boosts, favourites, quotes, media.
 *
 * A transaction gathers what it adds and takes away and writes each post once, at the commit: an import of a thread with a
 * thousand answers writes one number, and a favourite given and taken back in one transaction writes none. */
#include "store/store_int.h"

#define COUNTS_MIN 16

static size_t slot_of(const mn_tx_count *t, size_t cap, uint64_t post)
{
    size_t i = (size_t)((post * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
    while (t[i].post != 0 && t[i].post != post) i = (i + 1) & (cap - 1);
    return i;
}

static mn_rc grow(mn_tx *tx, mn_err *e)
{
    size_t cap = tx->cap_counts ? tx->cap_counts * 2 : COUNTS_MIN;
    mn_tx_count *t = mn_calloc(cap, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < tx->cap_counts; i++)
        if (tx->counts[i].post) t[slot_of(t, cap, tx->counts[i].post)] = tx->counts[i];
    mn_free(tx->counts);
    tx->counts = t;
    tx->cap_counts = cap;
    return MN_OK;
}

mn_rc mn_store__count(mn_tx *tx, uint64_t post, mn_counted what, int by, mn_err *e)
{
    if (post == 0 || by == 0) return MN_OK;
    if (tx->n_counts * 2 >= tx->cap_counts) MN_TRY(grow(tx, e));
    mn_tx_count *c = &tx->counts[slot_of(tx->counts, tx->cap_counts, post)];
    if (c->post == 0) {
        c->post = post;
        tx->n_counts++;
    }
    c->delta[what] += by;
    return MN_OK;
}

mn_rc mn_store__count_waiting(mn_tx *tx, uint64_t post, mn_err *e)
{
    int64_t n = 0;
    MN_TRY(mn_store__get2(tx->db,
                          "SELECT count(*) FROM posts WHERE thread_id = ?1 AND thread_id <> id "
                          "AND reply_to = ?1 AND deleted_ms = 0 AND visibility <= 1",
                          post, 0, &n, e));
    if (n == 0) return MN_OK;
    /* Those of this transaction are among them and have been noted already. */
    MN_TRY(mn_store__count(tx, post, MN_COUNT_REPLIES, 1, e));
    tx->counts[slot_of(tx->counts, tx->cap_counts, post)].delta[MN_COUNT_REPLIES] = (int32_t)n;
    return MN_OK;
}

/* Each a statement of its own, so that one kind of change writes one column. The floor is for counters that an earlier
 * version has not kept. */
#define ADD(column)                                                                            \
    "UPDATE posts SET " column " = CASE WHEN " column " + ?2 < 0 THEN 0 ELSE " column          \
    " + ?2 END WHERE id = ?1"
static const char *const add_sql[MN_COUNTED] = {
    [MN_COUNT_REPLIES] = ADD("n_replies"),       [MN_COUNT_BOOSTS] = ADD("n_boosts"),
    [MN_COUNT_FAVOURITES] = ADD("n_favourites"), [MN_COUNT_QUOTES] = ADD("n_quotes"),
    [MN_COUNT_MEDIA] = ADD("n_media"),
};

static mn_rc write_one(mn_tx *tx, const mn_tx_count *c, mn_err *e)
{
    for (int k = 0; k < MN_COUNTED; k++) {
        mn_stmt *q;
        if (c->delta[k] == 0) continue;
        MN_TRY(db_prepare(tx->db, add_sql[k], &q, e));
        db_u64(q, 1, c->post);
        db_i64(q, 2, c->delta[k]);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store__flush_counts(mn_tx *tx, mn_err *e)
{
    if (tx->n_counts == 0) return MN_OK;
    for (size_t i = 0; i < tx->cap_counts; i++)
        if (tx->counts[i].post) MN_TRY(write_one(tx, &tx->counts[i], e));
    memset(tx->counts, 0, tx->cap_counts * sizeof *tx->counts);
    tx->n_counts = 0;
    return MN_OK;
}

mn_rc mn_store__post_count(mn_tx *tx, const mn_post *p, int by, mn_err *e)
{
    if (p->boost_of) MN_TRY(mn_store__count(tx, p->boost_of, MN_COUNT_BOOSTS, by, e));
    if (p->visibility > MN_VIS_UNLISTED) return MN_OK;
    if (p->reply_to != p->id) MN_TRY(mn_store__count(tx, p->reply_to, MN_COUNT_REPLIES, by, e));
    if (p->quote_state != MN_QUOTE_ACCEPTED) return MN_OK;
    return mn_store__count(tx, p->quote_of, MN_COUNT_QUOTES, by, e);
}
