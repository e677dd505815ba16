/* People: how they stand to each other, and the lists of it. Writing is in people_write.c. */
#include "store/people.h"

#include "base/clock.h"
#include "store/people_int.h"

/* ---- one to one -------------------------------------------------------------------------------------------------- */

/* ?1 me, ?2 the other, ?3 now. A follow's settings, else those of the request that waits. */
static const char relation_sql[] =
    "SELECT a.id, coalesce(f.follower, 0), coalesce(f.boosts, q.boosts, 0), "
    "coalesce(f.notify, q.notify, 0), coalesce(f.languages, q.languages, ''), "
    "coalesce(g.follower, 0), coalesce(g.at_ms, 0), coalesce(q.account_id, 0), "
    "coalesce(r.account_id, 0), coalesce(b.account_id, 0), coalesce(c.account_id, 0), "
    "coalesce(m.account_id, 0), coalesce(m.notifications, 0), coalesce(m.expires_ms, 0), "
    "coalesce(e.account_id, 0), coalesce(d.account_id, 0), coalesce(n.text, ''), a.state "
    "FROM accounts a "
    "LEFT JOIN follows f ON f.follower = ?1 AND f.followee = a.id "
    "LEFT JOIN follows g ON g.follower = a.id AND g.followee = ?1 "
    "LEFT JOIN follow_requests q ON q.account_id = ?1 AND q.target_id = a.id "
    "LEFT JOIN follow_requests r ON r.account_id = a.id AND r.target_id = ?1 "
    "LEFT JOIN blocks b ON b.account_id = ?1 AND b.target_id = a.id "
    "LEFT JOIN blocks c ON c.account_id = a.id AND c.target_id = ?1 "
    "LEFT JOIN mutes m ON m.account_id = ?1 AND m.target_id = a.id "
    "AND (m.expires_ms = 0 OR m.expires_ms > ?3) "
    "LEFT JOIN endorsements e ON e.account_id = ?1 AND e.target_id = a.id "
    "LEFT JOIN account_domain_blocks d ON d.account_id = ?1 AND d.domain = a.domain "
    "LEFT JOIN account_notes n ON n.account_id = ?1 AND n.target_id = a.id WHERE a.id = ?2";

static mn_rc read_relation(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_relation r = {.id = db_col_u64(q, 0),
                     .following = db_col_i64(q, 1) != 0,
                     .boosts = db_col_i64(q, 2) != 0,
                     .notify = db_col_i64(q, 3) != 0,
                     .followed_by = db_col_i64(q, 5) != 0,
                     .followed_by_ms = db_col_i64(q, 6),
                     .requested = db_col_i64(q, 7) != 0,
                     .requested_by = db_col_i64(q, 8) != 0,
                     .blocking = db_col_i64(q, 9) != 0,
                     .blocked_by = db_col_i64(q, 10) != 0,
                     .muting = db_col_i64(q, 11) != 0,
                     .muting_notifications = db_col_i64(q, 12) != 0,
                     .mute_expires_ms = db_col_i64(q, 13),
                     .endorsed = db_col_i64(q, 14) != 0,
                     .domain_blocking = db_col_i64(q, 15) != 0,
                     .state = (mn_account_state)db_col_i64(q, 17)};
    MN_TRY(mn_store__col_dup(q, 4, ar, &r.languages, e));
    MN_TRY(mn_store__col_dup(q, 16, ar, &r.note, e));
    *(mn_relation *)ret = r;
    return MN_OK;
}

static mn_rc one_relation(mn_db *db, uint64_t me, uint64_t id, mn_arena *ar, mn_relation *ret,
                          mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, relation_sql, &q, e));
    db_u64(q, 1, me);
    db_u64(q, 2, id);
    db_i64(q, 3, mn_now_ms());
    return mn_store__one(q, read_relation, ar, ret, e);
}

mn_rc mn_store_relation(mn_tx *tx, uint64_t me, uint64_t id, mn_arena *ar, mn_relation *ret,
                        mn_err *e)
{
    return one_relation(tx->db, me, id, ar, ret, e);
}

mn_rc mn_store_relations(mn_store *s, uint64_t me, const uint64_t *ids, size_t n, mn_arena *ar,
                         mn_relation **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    size_t found = 0;
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d accounts", MN_STORE_PAGE_MAX);
    mn_relation *items = mn_arena_alloc(ar, (n ? n : 1) * sizeof *items);
    if (!items) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        rc = one_relation(db, me, ids[i], ar, &items[found], e);
        if (rc == MN_OK) found++;
        else if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = items;
    *ret_n = found;
    return MN_OK;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* ?1 me, ?2 below, ?3 above, ?4 limit; of mutes ?5 now. */
#define PAGE(table, self, other, expires, and, order)                                          \
    "SELECT r.id, r." other ", " expires " FROM " table                                        \
    " r JOIN accounts a ON a.id = r." other " WHERE r." self                                   \
    " = ?1 AND r.id < ?2 AND r.id > ?3 AND a.state = 0 " and                                   \
        "ORDER BY r.id " order " LIMIT ?4"
#define IDS(table, self, other, and)                                                           \
    "SELECT r." other " FROM " table " r WHERE r." self " = ?1 " and "ORDER BY r." other
#define COUNT_OF(table, self, other, and)                                                      \
    "SELECT count(*) FROM " table " r JOIN accounts a ON a.id = r." other " WHERE r." self     \
    " = ?1 AND a.state = 0 " and
#define REL(table, self, other)                                                                \
    {                                                                                          \
        PAGE(table, self, other, "0", "", "DESC"), PAGE(table, self, other, "0", "", "ASC"),   \
            IDS(table, self, other, ""), COUNT_OF(table, self, other, ""), 0, 0                \
    }
#define LIVE_5 "AND (r.expires_ms = 0 OR r.expires_ms > ?5) "
#define LIVE_2 "AND (r.expires_ms = 0 OR r.expires_ms > ?2) "
#define REL_MUTE(self, other)                                                                  \
    {                                                                                          \
        PAGE("mutes", self, other, "r.expires_ms", LIVE_5, "DESC"),                            \
            PAGE("mutes", self, other, "r.expires_ms", LIVE_5, "ASC"),                         \
            IDS("mutes", self, other, LIVE_2), COUNT_OF("mutes", self, other, LIVE_2), 5, 2    \
    }

static const struct rel_sql {
    const char *newest, *oldest, *ids, *count;
    int page_now, now; /* the parameters that hold the present time; 0: none */
} rels[MN_RELS] = {
    [MN_REL_FOLLOWING] = REL("follows", "follower", "followee"),
    [MN_REL_FOLLOWERS] = REL("follows", "followee", "follower"),
    [MN_REL_REQUESTED] = REL("follow_requests", "account_id", "target_id"),
    [MN_REL_REQUESTED_BY] = REL("follow_requests", "target_id", "account_id"),
    [MN_REL_BLOCKING] = REL("blocks", "account_id", "target_id"),
    [MN_REL_BLOCKED_BY] = REL("blocks", "target_id", "account_id"),
    [MN_REL_MUTING] = REL_MUTE("account_id", "target_id"),
    [MN_REL_MUTED_BY] = REL_MUTE("target_id", "account_id"),
    [MN_REL_ENDORSED] = REL("endorsements", "account_id", "target_id"),
};

static mn_rc read_row(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_rel_row *)ret = (mn_rel_row){
        .id = db_col_u64(q, 0), .account_id = db_col_u64(q, 1), .expires_ms = db_col_i64(q, 2)};
    return MN_OK;
}

mn_rc mn_store__bounds(mn_bounds b, mn_err *e)
{
    if (b.limit <= MN_STORE_PAGE_MAX) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "a page has at most %d entries", MN_STORE_PAGE_MAX);
}

void mn_store__bind_bounds(mn_stmt *q, int first, mn_bounds b)
{
    db_i64(q, first, db_below(b.before));
    db_u64(q, first + 1, b.after ? b.after : b.since);
    db_u64(q, first + 2, b.limit);
}

static mn_rc read_page(mn_db *db, uint64_t me, mn_rel rel, mn_bounds b, mn_arena *ar,
                       mn_rel_row **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, b.after ? rels[rel].oldest : rels[rel].newest, &q, e));
    db_u64(q, 1, me);
    mn_store__bind_bounds(q, 2, b);
    if (rels[rel].page_now) db_i64(q, rels[rel].page_now, mn_now_ms());
    MN_TRY(mn_store__collect(q, read_row, sizeof **ret, ar, (void **)ret, ret_n, e));
    if (b.after) mn_store__turn(*ret, *ret_n, sizeof **ret);
    return MN_OK;
}

mn_rc mn_store_rel_page(mn_store *s, uint64_t me, mn_rel rel, mn_bounds b, mn_arena *ar,
                        mn_rel_row **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__bounds(b, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_page(db, me, rel, b, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_rel_ids(mn_store *s, uint64_t me, mn_rel rel, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, rels[rel].ids, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, me);
        if (rels[rel].now) db_i64(q, rels[rel].now, mn_now_ms());
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_rel_count(mn_store *s, uint64_t me, mn_rel rel, uint64_t *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, rels[rel].count, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, me);
        if (rels[rel].now) db_i64(q, rels[rel].now, mn_now_ms());
        rc = mn_store__one(q, mn_store__row_id, NULL, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_follow_bells(mn_tx *tx, uint64_t author, mn_arena *ar, uint64_t **ret,
                            size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "SELECT follower FROM follows WHERE followee = ?1 AND notify = 1 ORDER BY follower", &q,
        e));
    db_u64(q, 1, author);
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_staff(mn_tx *tx, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "SELECT id FROM accounts WHERE role <> 0 AND state = 0 ORDER BY id", &q, e));
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_familiar(mn_store *s, uint64_t me, uint64_t id, size_t limit, mn_arena *ar,
                        uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT f.followee FROM follows f JOIN follows g ON g.follower = "
                          "f.followee AND g.followee = ?2 JOIN accounts a ON a.id = f.followee "
                          "WHERE f.follower = ?1 AND a.state = 0 AND a.hide_follows = 0 "
                          "ORDER BY f.id DESC LIMIT ?3",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, me);
        db_u64(q, 2, id);
        db_u64(q, 3, limit);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- follows, the short words of store.h ------------------------------------------------------------------------- */

mn_rc mn_store_follow_is(mn_store *s, uint64_t follower, uint64_t followee, bool *ret,
                         mn_err *e)
{
    mn_db *db;
    int64_t at_ms = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        mn_store__get2(db, "SELECT at_ms FROM follows WHERE follower = ?1 AND followee = ?2",
                       follower, followee, &at_ms, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

mn_rc mn_store_follows(mn_store *s, uint64_t follower, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, mn_err *e)
{
    return mn_store_rel_ids(s, follower, MN_REL_FOLLOWING, ar, ret, ret_n, e);
}

/* ---- blocked domains --------------------------------------------------------------------------------------------- */

static mn_rc read_domain(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_domain_row r = {.id = db_col_u64(q, 0)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &r.domain, e));
    *(mn_domain_row *)ret = r;
    return MN_OK;
}

#define DOMAINS(order)                                                                         \
    "SELECT id, domain FROM account_domain_blocks WHERE account_id = ?1 AND id < ?2 AND id > " \
    "?3 ORDER BY id " order " LIMIT ?4"

mn_rc mn_store_domain_blocks_page(mn_store *s, uint64_t me, mn_bounds b, mn_arena *ar,
                                  mn_domain_row **ret, size_t *ret_n, mn_err *e)
{
    static const mn_store__pages sql = {DOMAINS("DESC"), DOMAINS("ASC"), read_domain,
                                        sizeof **ret};
    MN_TRY(mn_store__bounds(b, e));
    return mn_store__page_of(s, &sql, me, mn_store__span_of(b), ar, (void **)ret, ret_n, e);
}
