/* The durable queue. A job is due at run_at_ms; taking it moves that to the end of its lease, so that a job whose worker
 * died is simply due again. After MN_STORE_JOB_TRIES tries it is kept as dead, with the last reason. */
#include "store/store_int.h"

#include "base/clock.h"
#include "base/snowflake.h"

mn_rc mn_store_job_add(mn_tx *tx, mn_str kind, mn_str payload, int64_t run_at_ms,
                       uint64_t *ret_id, mn_err *e)
{
    mn_stmt *q;
    uint64_t id = mn_snowflake_next();
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO jobs (id, kind, payload, tries, run_at_ms, dead, reason) VALUES "
        "(?1, ?2, ?3, 0, ?4, 0, '')",
        &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, kind);
    db_text(q, 3, payload);
    db_i64(q, 4, run_at_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    if (ret_id) *ret_id = id;
    return MN_OK;
}

static mn_rc read_job(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_job j = {
        .id = db_col_u64(q, 0), .tries = (int)db_col_i64(q, 3), .run_at_ms = db_col_i64(q, 4)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &j.kind, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &j.payload, e));
    *(mn_job *)ret = j;
    return MN_OK;
}

static mn_rc bury(mn_tx *tx, uint64_t id, mn_str reason, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "UPDATE jobs SET dead = 1, reason = ?2 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, reason);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_job_take(mn_tx *tx, mn_str kind, int64_t lease_ms, mn_arena *ar, mn_job *ret,
                        mn_err *e)
{
    mn_stmt *q;
    mn_job j = {0};
    int64_t now = mn_now_ms();
    for (;;) {
        MN_TRY(db_prepare(
            tx->db,
            "SELECT id, kind, payload, tries, run_at_ms FROM jobs WHERE kind = ?1 AND "
            "dead = 0 AND run_at_ms <= ?2 ORDER BY run_at_ms, id LIMIT 1",
            &q, e));
        db_text(q, 1, kind);
        db_i64(q, 2, now);
        MN_TRY(mn_store__one(q, read_job, ar, &j, e));
        if (j.tries < MN_STORE_JOB_TRIES) break;
        MN_TRY(bury(tx, j.id, MN_STR("its worker died each time"), e)); /* lease after lease */
    }
    MN_TRY(db_prepare(tx->db, "UPDATE jobs SET run_at_ms = ?2, tries = tries + 1 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, j.id);
    db_i64(q, 2, now + lease_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    j.tries++;
    *ret = j;
    return MN_OK;
}

static mn_rc read_due(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(int64_t *)ret = db_col_i64(q, 0);
    return MN_OK;
}

mn_rc mn_store_job_due(mn_store *s, mn_str kind, int64_t *ret_ms, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT run_at_ms FROM jobs WHERE kind = ?1 AND dead = 0 "
                          "ORDER BY run_at_ms, id LIMIT 1",
                          &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, kind);
        rc = mn_store__one(q, read_due, NULL, ret_ms, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_job_done(mn_tx *tx, uint64_t id, mn_err *e)
{
    return mn_store__run2(tx->db, "DELETE FROM jobs WHERE id = ?1", id, 0, e);
}

mn_rc mn_store_job_failed(mn_tx *tx, uint64_t id, mn_str reason, int64_t retry_at_ms, mn_err *e)
{
    mn_stmt *q;
    int64_t tries = 0;
    mn_rc rc = mn_store__get2(tx->db, "SELECT tries FROM jobs WHERE id = ?1", id, 0, &tries, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no job with id %llu", (unsigned long long)id);
    if (rc != MN_OK) return rc;
    if (tries >= MN_STORE_JOB_TRIES) return bury(tx, id, reason, e);
    MN_TRY(
        db_prepare(tx->db, "UPDATE jobs SET run_at_ms = ?2, reason = ?3 WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    db_i64(q, 2, retry_at_ms);
    db_text(q, 3, reason);
    return mn_store__run(q, NULL, e);
}
