/* Counting: what was read on a day, and how much of what happened in a time. Ids are snowflakes, so "made in that time" is a
 * range of ids wherever a table has them. */
#include "store/moderation_int.h"

#include "base/snowflake.h"

#define DAY_MS INT64_C(86400000)

/* ---- readings ------------------------------------------------------------------------------------------------------ */

mn_rc mn_store_reading_add(mn_tx *tx, mn_str who, int64_t day, uint64_t n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO readings (who, day, n) VALUES (?1, ?2, ?3) ON CONFLICT "
                      "(who, day) DO UPDATE SET n = readings.n + excluded.n",
                      &q, e));
    db_text(q, 1, who);
    db_i64(q, 2, day);
    db_u64(q, 3, n);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_number(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(uint64_t *)ret = db_col_u64(q, 0);
    return MN_OK;
}

mn_rc mn_store_reading(mn_store *s, mn_str who, int64_t day, uint64_t *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT n FROM readings WHERE who = ?1 AND day = ?2", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, who);
        db_i64(q, 2, day);
        rc = mn_store__one(q, read_number, NULL, &n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = n;
    return MN_OK;
}

mn_rc mn_store_readings_forget(mn_tx *tx, int64_t before_day, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM readings WHERE day < ?1", &q, e));
    db_i64(q, 1, before_day);
    return mn_store__run(q, NULL, e);
}

/* ---- peers ----------------------------------------------------------------------------------------------------------- */

static mn_rc read_text(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    return mn_store__col_dup(q, 0, ar, ret, e);
}

mn_rc mn_store_peers(mn_store *s, size_t limit, mn_arena *ar, mn_str **ret, size_t *ret_n,
                     mn_err *e)
{
    return mn_store__all2(s,
                          "SELECT DISTINCT domain FROM accounts WHERE domain <> '' ORDER BY "
                          "domain LIMIT ?1",
                          limit, 0, read_text, sizeof **ret, ar, (void **)ret, ret_n, e);
}

/* ---- measures ---------------------------------------------------------------------------------------------------------- */

/* ?1 ≤ … < ?2 in milliseconds or, by_id, in ids; ?3 the tag. */
static const struct {
    const char *sql;
    bool by_id, tagged;
} measures[] = {
    [MN_MEASURE_ACTIVE_USERS] =
        {"SELECT count(*) FROM credentials WHERE last_seen_ms >= ?1 AND last_seen_ms < ?2",
         false, false},
    [MN_MEASURE_NEW_USERS] = {"SELECT count(*) FROM accounts WHERE created_ms >= ?1 AND "
                              "created_ms < ?2 AND domain = '' AND origin = '' AND state <> 2",
                              false, false},
    [MN_MEASURE_INTERACTIONS] =
        {"SELECT (SELECT count(*) FROM favourites WHERE id >= ?1 AND id < ?2) + (SELECT "
         "count(*) FROM posts WHERE id >= ?1 AND id < ?2 AND boost_of <> 0 AND deleted_ms = 0)",
         true, false},
    [MN_MEASURE_POSTS] =
        {"SELECT count(*) FROM posts WHERE id >= ?1 AND id < ?2 AND deleted_ms = 0", true,
         false},
    [MN_MEASURE_REPORTS_OPENED] = {"SELECT count(*) FROM reports WHERE id >= ?1 AND id < ?2",
                                   true, false},
    [MN_MEASURE_REPORTS_RESOLVED] =
        {"SELECT count(*) FROM reports WHERE done_ms >= ?1 AND done_ms < ?2", false, false},
    [MN_MEASURE_TAG_USES] = {"SELECT count(*) FROM post_tags WHERE tag_id = ?3 AND post_id >= "
                             "?1 AND post_id < ?2",
                             true, true},
    [MN_MEASURE_TAG_ACCOUNTS] = {"SELECT count(DISTINCT p.account_id) FROM post_tags t JOIN "
                                 "posts p ON p.id = t.post_id "
                                 "WHERE t.tag_id = ?3 AND t.post_id >= ?1 AND t.post_id < ?2",
                                 true, true},
};

static void bind_time(mn_stmt *q, bool by_id, int64_t from_ms, int64_t to_ms)
{
    db_i64(q, 1, by_id ? (int64_t)mn_snowflake_floor(from_ms) : from_ms);
    db_i64(q, 2, by_id ? (int64_t)mn_snowflake_floor(to_ms) : to_ms);
}

mn_rc mn_store_measure(mn_store *s, mn_measure m, uint64_t id, int64_t from_ms, int64_t to_ms,
                       uint64_t *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, measures[m].sql, &q, e);
    if (rc == MN_OK) {
        bind_time(q, measures[m].by_id, from_ms, to_ms);
        if (measures[m].tagged) db_u64(q, 3, id);
        rc = mn_store__one(q, read_number, NULL, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_share(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_share h = {.n = db_col_u64(q, 1)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &h.key, e));
    *(mn_share *)ret = h;
    return MN_OK;
}

mn_rc mn_store_dimension(mn_store *s, mn_dimension d, uint64_t id, int64_t from_ms,
                         int64_t to_ms, size_t limit, mn_arena *ar, mn_share **ret,
                         size_t *ret_n, mn_err *e)
{
    static const char *const sql[] = {
        [MN_DIMENSION_LANGUAGES] =
            "SELECT lang, count(*) AS n FROM posts WHERE id >= ?1 AND id < ?2 AND boost_of = 0 "
            "AND deleted_ms = 0 GROUP BY lang ORDER BY n DESC, lang LIMIT ?3",
        [MN_DIMENSION_TAG_LANGUAGES] =
            "SELECT p.lang, count(*) AS n FROM post_tags t JOIN posts p ON p.id = t.post_id "
            "WHERE t.post_id >= ?1 AND t.post_id < ?2 AND t.tag_id = ?4 AND p.deleted_ms = 0 "
            "GROUP BY p.lang ORDER BY n DESC, p.lang LIMIT ?3",
    };
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql[d], &q, e);
    if (rc == MN_OK) {
        bind_time(q, true, from_ms, to_ms);
        db_limit(q, 3, limit);
        if (d == MN_DIMENSION_TAG_LANGUAGES) db_u64(q, 4, id);
        rc = mn_store__collect(q, read_share, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_stayed(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_stayed *)ret = (mn_stayed){db_col_i64(q, 0), db_col_i64(q, 1), db_col_u64(q, 2)};
    return MN_OK;
}

mn_rc mn_store_stayed(mn_store *s, int64_t from_ms, int64_t to_ms, mn_arena *ar,
                      mn_stayed **ret, size_t *ret_n, mn_err *e)
{
    _Static_assert(DAY_MS == 86400000, "the SQL below says so too");
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT a.created_ms / 86400000, c.last_seen_ms / 86400000, count(*) FROM accounts a "
        "JOIN credentials c ON c.account_id = a.id WHERE a.created_ms >= ?1 AND a.created_ms < "
        "?2 GROUP BY a.created_ms / 86400000, c.last_seen_ms / 86400000",
        &q, e);
    if (rc == MN_OK) {
        bind_time(q, false, from_ms, to_ms);
        rc = mn_store__collect(q, read_stayed, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}
