/* Which thread a post belongs to, and threads that become one.
 *
 * A post's thread is that of the post it answers. While that one is not here, its id stands for the thread, so that all
 * answers to it meet; when it arrives and is itself an answer, those waiting move to its thread. An importer may also learn
 * only at its end what a post answers (mn_store_import_link): the post then stands at the head of a thread of its own, and
 * that thread moves.
 *
 * Rows move at the commit. Until then the transaction only notes "thread a is now b"; whoever asks for a thread within it
 * follows the notes. So a chain that arrives newest first, which moves its tail with every post, writes each row of the
 * tail once a transaction. The notes are a forest whose roots are where the rows go: a note is only made from a root to
 * another root, so there are no circles, and looking up shortens the paths (Tarjan 1975). */
#include "store/marks.h"
#include "store/store_int.h"

#define MOVES_MIN 64

/* ---- notes ------------------------------------------------------------------------------------------------------- */

static size_t move_slot(const mn_tx_move *t, size_t cap, uint64_t from)
{
    size_t i = (size_t)((from * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
    while (t[i].from != 0 && t[i].from != from) i = (i + 1) & (cap - 1);
    return i;
}

/* The note about that thread, or NULL: it stays where it is. */
static mn_tx_move *move_of(const mn_tx *tx, uint64_t thread)
{
    if (tx->cap_moves == 0 || thread == 0) return NULL;
    mn_tx_move *m = &tx->moves[move_slot(tx->moves, tx->cap_moves, thread)];
    return m->from ? m : NULL;
}

static uint64_t settled(const mn_tx *tx, uint64_t thread)
{
    uint64_t root = thread;
    mn_tx_move *m;
    while ((m = move_of(tx, root))) root = m->to;
    while ((m = move_of(tx, thread))) {
        thread = m->to;
        m->to = root;
    }
    return root;
}

static mn_rc grow_moves(mn_tx *tx, mn_err *e)
{
    size_t cap = tx->cap_moves ? tx->cap_moves * 2 : MOVES_MIN;
    mn_tx_move *t = mn_calloc(cap, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < tx->cap_moves; i++)
        if (tx->moves[i].from) t[move_slot(t, cap, tx->moves[i].from)] = tx->moves[i];
    mn_free(tx->moves);
    tx->moves = t;
    tx->cap_moves = cap;
    return MN_OK;
}

mn_rc mn_store__thread_move(mn_tx *tx, uint64_t from, uint64_t to, mn_err *e)
{
    int64_t one = 0;
    to = settled(tx, to);
    if (to == from || settled(tx, from) != from) return MN_OK;
    mn_rc rc = mn_store__get2(
        tx->db, "SELECT id FROM posts WHERE thread_id = ?1 AND thread_id <> id LIMIT 1", from,
        0, &one, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK; /* nobody waits */
    if (rc != MN_OK) return rc;
    if (tx->n_moves * 2 >= tx->cap_moves) MN_TRY(grow_moves(tx, e));
    tx->moves[move_slot(tx->moves, tx->cap_moves, from)] = (mn_tx_move){from, to};
    tx->n_moves++;
    return MN_OK;
}

/* A list of ids first, then their updates: the statement that finds them must not see them move. */
static mn_rc move_rows(mn_tx *tx, const mn_tx_move *m, mn_arena *ar, mn_err *e)
{
    mn_stmt *q, *set;
    void *ids = NULL;
    size_t n = 0;
    MN_TRY(db_prepare(tx->db, "SELECT id FROM posts WHERE thread_id = ?1 AND thread_id <> id",
                      &q, e));
    MN_TRY(
        db_prepare(tx->db, "UPDATE posts SET thread_id = ?2, rev = ?3 WHERE id = ?1", &set, e));
    db_u64(q, 1, m->from);
    MN_TRY(mn_store__collect(q, mn_store__row_id, sizeof(uint64_t), ar, &ids, &n, e));
    for (size_t i = 0; i < n; i++) {
        db_u64(set, 1, ((const uint64_t *)ids)[i]);
        db_u64(set, 2, settled(tx, m->from));
        db_u64(set, 3, mn_store__next_rev(tx));
        MN_TRY(mn_store__run(set, NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store__flush_moves(mn_tx *tx, mn_err *e)
{
    mn_arena ar;
    mn_rc rc = MN_OK;
    if (tx->n_moves == 0) return MN_OK;
    mn_arena_init(&ar, 0);
    for (size_t i = 0; rc == MN_OK && i < tx->cap_moves; i++) {
        if (tx->moves[i].from == 0) continue;
        mn_arena_reset(&ar);
        rc = move_rows(tx, &tx->moves[i], &ar, e);
    }
    mn_arena_release(&ar);
    memset(tx->moves, 0, tx->cap_moves * sizeof *tx->moves);
    tx->n_moves = 0;
    return rc;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/* The thread and author of a post that is here; MN_E_NOT_FOUND without a message when it is not. */
static mn_rc thread_of(mn_tx *tx, uint64_t post, uint64_t *ret, uint64_t *ret_author, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db, "SELECT thread_id, account_id FROM posts WHERE id = ?1", &q, e));
    db_u64(q, 1, post);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret = settled(tx, db_col_u64(q, 0));
    *ret_author = db_col_u64(q, 1);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_post_thread(mn_tx *tx, uint64_t post, uint64_t *ret, mn_err *e)
{
    uint64_t author = 0;
    return thread_of(tx, post, ret, &author, e);
}

mn_rc mn_store__thread_find(mn_tx *tx, uint64_t id, uint64_t reply_to, uint64_t *ret,
                            uint64_t *ret_author, mn_err *e)
{
    *ret_author = 0;
    if (reply_to == 0 || reply_to == id) {
        *ret = id;
        return MN_OK;
    }
    mn_rc rc = thread_of(tx, reply_to, ret, ret_author, e);
    if (rc == MN_E_NOT_FOUND) *ret = reply_to;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* ---- parents that are known late --------------------------------------------------------------------------------- */

static mn_rc parent_of(mn_tx *tx, uint64_t child, uint64_t *ret, bool *ret_counts, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db,
                      "SELECT reply_to, visibility FROM posts WHERE id = ?1 AND deleted_ms = 0",
                      &q, e));
    db_u64(q, 1, child);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret = db_col_u64(q, 0);
    *ret_counts = db_col_i64(q, 1) <= MN_VIS_UNLISTED;
    db_reset(q);
    return MN_OK;
}

static mn_rc set_parent(mn_tx *tx, uint64_t child, uint64_t parent, uint64_t author,
                        uint64_t thread, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE posts SET reply_to = ?2, thread_id = ?3, rev = ?4, "
                      "reply_account = ?5 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, child);
    db_u64(q, 2, parent);
    db_u64(q, 3, thread);
    db_u64(q, 4, mn_store__next_rev(tx));
    db_u64(q, 5, author);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_import_link(mn_tx *tx, uint64_t child, uint64_t parent, mn_err *e)
{
    uint64_t answers = 0, own = 0, thread = 0, author = 0;
    bool counts = false;
    if (child == parent) return MN_OK;
    mn_rc rc = parent_of(tx, child, &answers, &counts, e);
    if (rc == MN_OK) rc = thread_of(tx, child, &own, &author, e);
    if (rc == MN_OK) rc = thread_of(tx, parent, &thread, &author, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    /* Has a parent already; or the parent is one of its own answers, which no thread can be made of. */
    if (answers != 0 || own != child || thread == child) return MN_OK;
    MN_TRY(mn_store__thread_move(tx, child, thread, e));
    if (counts) MN_TRY(mn_store__count(tx, parent, MN_COUNT_REPLIES, 1, e));
    return set_parent(tx, child, parent, author, thread, e);
}
