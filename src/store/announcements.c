/* Announcements, who has read them, and reactions to them. */
#include "store/moderation_int.h"

#define REACTIONS_MAX 8

static mn_rc told(mn_tx *tx, uint64_t id, uint64_t what, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ANNOUNCEMENT, .id = id, .other = what},
                          e);
}

mn_rc mn_store_announcement_put(mn_tx *tx, const mn_announcement *a, bool replace, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        replace ? "UPDATE announcements SET text = ?2, starts_ms = ?3, ends_ms = ?4, all_day = "
                  "?5, published_ms = ?6, updated_ms = ?7 WHERE id = ?1"
                : "INSERT INTO announcements (id, text, starts_ms, ends_ms, all_day, "
                  "published_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &q, e));
    db_u64(q, 1, a->id);
    db_text(q, 2, a->text);
    db_i64(q, 3, a->starts_ms);
    db_i64(q, 4, a->ends_ms);
    db_i64(q, 5, a->all_day);
    db_i64(q, 6, a->published_ms);
    db_i64(q, 7, a->updated_ms);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return told(tx, a->id, 0, e);
}

mn_rc mn_store_announcement_delete(mn_tx *tx, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM announcements WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM announcement_reads WHERE announcement_id = ?1",
                          id, 0, e));
    MN_TRY(mn_store__run2(
        tx->db, "DELETE FROM announcement_reactions WHERE announcement_id = ?1", id, 0, e));
    return told(tx, id, 1, e);
}

static mn_rc read_announcement(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_announcement a = {.id = db_col_u64(q, 0),
                         .starts_ms = db_col_i64(q, 2),
                         .ends_ms = db_col_i64(q, 3),
                         .all_day = db_col_i64(q, 4) != 0,
                         .published_ms = db_col_i64(q, 5),
                         .updated_ms = db_col_i64(q, 6),
                         .read = db_col_i64(q, 7) != 0};
    MN_TRY(mn_store__col_dup(q, 1, ar, &a.text, e));
    *(mn_announcement *)ret = a;
    return MN_OK;
}

mn_rc mn_store_announcements(mn_store *s, uint64_t account_id, int64_t now_ms, mn_arena *ar,
                             mn_announcement **ret, size_t *ret_n, mn_err *e)
{
    return mn_store__all2(
        s,
        "SELECT n.id, n.text, n.starts_ms, n.ends_ms, n.all_day, n.published_ms, n.updated_ms, "
        "CASE WHEN r.account_id IS NULL THEN 0 ELSE 1 END FROM announcements n LEFT JOIN "
        "announcement_reads r ON "
        "r.announcement_id = n.id AND r.account_id = ?1 WHERE ?2 = 0 OR (n.published_ms <> 0 "
        "AND n.published_ms <= ?2 AND (n.ends_ms = 0 OR n.ends_ms > ?2)) ORDER BY n.id LIMIT "
        "100",
        account_id, (uint64_t)now_ms, read_announcement, sizeof **ret, ar, (void **)ret, ret_n,
        e);
}

mn_rc mn_store_announcement_read(mn_tx *tx, uint64_t id, uint64_t account_id, mn_err *e)
{
    int64_t there = 0;
    MN_TRY(
        mn_store__get2(tx->db, "SELECT 1 FROM announcements WHERE id = ?1", id, 0, &there, e));
    return mn_store__run2(tx->db,
                          "INSERT INTO announcement_reads (announcement_id, account_id) VALUES "
                          "(?1, ?2) ON CONFLICT DO NOTHING",
                          id, account_id, e);
}

static mn_rc read_reaction(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_reaction r = {.announcement_id = db_col_u64(q, 0),
                     .n = db_col_u64(q, 2),
                     .me = db_col_i64(q, 3) != 0};
    MN_TRY(mn_store__col_dup(q, 1, ar, &r.name, e));
    *(mn_reaction *)ret = r;
    return MN_OK;
}

mn_rc mn_store_reactions(mn_store *s, uint64_t account_id, mn_arena *ar, mn_reaction **ret,
                         size_t *ret_n, mn_err *e)
{
    return mn_store__all2(
        s,
        "SELECT announcement_id, name, count(*), max(CASE WHEN account_id = ?1 THEN 1 ELSE 0 "
        "END) FROM announcement_reactions GROUP BY announcement_id, name ORDER BY "
        "announcement_id, min(account_id), name",
        account_id, 0, read_reaction, sizeof **ret, ar, (void **)ret, ret_n, e);
}

/* How many different ones, and whether this is one of them. */
static mn_rc room_for(mn_tx *tx, uint64_t id, mn_str name, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    int64_t kinds = 0, there = 0;
    MN_TRY(db_prepare(tx->db,
                      "SELECT count(DISTINCT name), coalesce(max(CASE WHEN name = ?2 THEN 1 "
                      "ELSE 0 END), 0) FROM announcement_reactions WHERE announcement_id = ?1",
                      &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, name);
    MN_TRY(db_step(q, &row, e));
    if (row) kinds = db_col_i64(q, 0), there = db_col_i64(q, 1);
    db_reset(q);
    if (there || kinds < REACTIONS_MAX) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "Validation failed: Limit of different reactions reached");
}

mn_rc mn_store_reaction_add(mn_tx *tx, uint64_t id, mn_str name, uint64_t account_id, mn_err *e)
{
    mn_stmt *q;
    int64_t there = 0;
    MN_TRY(
        mn_store__get2(tx->db, "SELECT 1 FROM announcements WHERE id = ?1", id, 0, &there, e));
    MN_TRY(room_for(tx, id, name, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO announcement_reactions (announcement_id, name, account_id) "
                      "VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                      &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, name);
    db_u64(q, 3, account_id);
    MN_TRY(mn_store__run(q, NULL, e));
    return told(tx, id, 2, e);
}

mn_rc mn_store_reaction_remove(mn_tx *tx, uint64_t id, mn_str name, uint64_t account_id,
                               mn_err *e)
{
    mn_stmt *q;
    MN_TRY(
        db_prepare(tx->db,
                   "DELETE FROM announcement_reactions WHERE announcement_id = ?1 AND name = "
                   "?2 AND account_id = ?3",
                   &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, name);
    db_u64(q, 3, account_id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return told(tx, id, 2, e);
}
