/* Replies whose parent could only be found after both were in: the importer knows the pair, here it is entered.
 *
 * The child was added without a parent, so it stands at the head of a thread of its own, with whatever already answers
 * it. All of that moves to the parent's thread. Given children in ascending order, parents are settled before their
 * children and nothing moves twice. */
#include "store/store_int.h"

static mn_rc read_child(mn_tx *tx, uint64_t child, uint64_t *ret_reply, uint64_t *ret_thread,
                        mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db,
                      "SELECT reply_to, thread_id FROM posts WHERE id = ?1 AND deleted_ms = 0",
                      &q, e));
    db_u64(q, 1, child);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret_reply = db_col_u64(q, 0);
    *ret_thread = db_col_u64(q, 1);
    db_reset(q);
    return MN_OK;
}

static mn_rc set_parent(mn_tx *tx, uint64_t child, uint64_t parent, uint64_t thread, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE posts SET reply_to = ?2, thread_id = ?3, rev = ?4 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, child);
    db_u64(q, 2, parent);
    db_u64(q, 3, thread);
    db_u64(q, 4, mn_store__next_rev(tx));
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_import_link(mn_tx *tx, uint64_t child, uint64_t parent, mn_err *e)
{
    uint64_t reply = 0, thread = 0;
    int64_t parent_thread = 0;
    if (child == parent) return MN_OK;
    mn_rc rc = read_child(tx, child, &reply, &thread, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    rc = mn_store__get2(tx->db, "SELECT thread_id FROM posts WHERE id = ?1", parent, 0,
                        &parent_thread, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    /* Has a parent already; or the parent is one of its own answers, which no thread can be made of. */
    if (reply != 0 || thread != child || (uint64_t)parent_thread == child) return MN_OK;
    MN_TRY(mn_store__touch_posts(
        tx, "SELECT id FROM posts WHERE thread_id = ?1 AND thread_id <> id", child, 0, e));
    MN_TRY(mn_store__run2(
        tx->db, "UPDATE posts SET thread_id = ?2 WHERE thread_id = ?1 AND thread_id <> id",
        child, (uint64_t)parent_thread, e));
    return set_parent(tx, child, parent, (uint64_t)parent_thread, e);
}
