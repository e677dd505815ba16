/* Hashtags: rows of posts, followed and featured tags, use.
 *
 * post_tags has a row for each tag of each live post: by tag and post, which is what timelines walk, and by post. */
#include "store/tags.h"

#include "base/clock.h"
#include "base/snowflake.h"
#include "store/store_int.h"

#define DAY_MS      INT64_C(86400000)
#define POST_MAX    1024 /* tags of one post */
#define RECENT_MAX  500  /* posts looked at for suggestions */
#define HISTORY_MAX 31

static mn_rc read_tag(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_tag t = {.id = db_col_u64(q, 0),
                .hidden = db_col_i64(q, 3) != 0,
                .last_used_ms = db_col_i64(q, 4)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &t.name, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &t.display, e));
    *(mn_tag *)ret = t;
    return MN_OK;
}

#define TAG "t.id, t.name, t.display, t.hidden, t.last_used_ms"

/* ---- making ------------------------------------------------------------------------------------------------------- */

static mn_rc find(mn_tx *tx, mn_str key, uint64_t *ret_id, int64_t *ret_used, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db, "SELECT id, last_used_ms FROM tags WHERE name = ?1", &q, e));
    db_text(q, 1, key);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret_id = db_col_u64(q, 0);
    *ret_used = db_col_i64(q, 1);
    db_reset(q);
    return MN_OK;
}

static mn_rc make(mn_tx *tx, mn_str key, mn_str display, int64_t now, uint64_t *ret_id,
                  mn_err *e)
{
    mn_stmt *q;
    uint64_t id = mn_snowflake_next();
    if (key.len == 0 || key.len > MN_TAG_NAME_MAX || display.len > MN_TAG_NAME_MAX)
        return mn_fail(e, MN_E_LIMIT, "a hashtag has 1 to %d bytes", MN_TAG_NAME_MAX);
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO tags (id, name, display, hidden, last_used_ms) VALUES "
                      "(?1, ?2, ?3, 0, ?4)",
                      &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, key);
    db_text(q, 3, display);
    db_i64(q, 4, now);
    MN_TRY(mn_store__run(q, NULL, e));
    *ret_id = id;
    return MN_OK;
}

mn_rc mn_store_tag_make(mn_tx *tx, mn_str key, mn_str display, uint64_t *ret_id, mn_err *e)
{
    int64_t used = 0;
    mn_rc rc = find(tx, key, ret_id, &used, e);
    return rc == MN_E_NOT_FOUND ? make(tx, key, display, 0, ret_id, e) : rc;
}

/* Found or made; its last use noted once a day, so that posting rarely writes it. */
static mn_rc use(mn_tx *tx, mn_str key, mn_str display, int64_t now, uint64_t *ret_id,
                 mn_err *e)
{
    int64_t used = 0;
    mn_rc rc = find(tx, key, ret_id, &used, e);
    if (rc == MN_E_NOT_FOUND) return make(tx, key, display, now, ret_id, e);
    if (rc != MN_OK || used / DAY_MS == now / DAY_MS) return rc;
    return mn_store__run2(tx->db, "UPDATE tags SET last_used_ms = ?2 WHERE id = ?1", *ret_id,
                          (uint64_t)now, e);
}

/* ---- tags of posts -------------------------------------------------------------------------------------------------- */

static bool holds(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

static mn_rc tag_ids(mn_tx *tx, uint64_t post, mn_arena *ar, uint64_t **ret, size_t *ret_n,
                     mn_err *e)
{
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(db_prepare(tx->db, "SELECT tag_id FROM post_tags WHERE post_id = ?1", &q, e));
    db_u64(q, 1, post);
    MN_TRY(mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, &items, ret_n, e));
    *ret = items;
    return MN_OK;
}

/* Takes away the rows whose tag is not among those wanted. */
static mn_rc drop_others(mn_tx *tx, uint64_t post, const uint64_t *want, size_t n, mn_err *e)
{
    mn_arena ar;
    uint64_t *old = NULL;
    size_t n_old = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = tag_ids(tx, post, &ar, &old, &n_old, e);
    for (size_t i = 0; rc == MN_OK && i < n_old; i++)
        if (!holds(want, n, old[i]))
            rc = mn_store__run2(tx->db,
                                "DELETE FROM post_tags WHERE tag_id = ?1 AND post_id = ?2",
                                old[i], post, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_store_post_tags_set(mn_tx *tx, uint64_t post_id, const mn_str *keys,
                             const mn_str *displays, size_t n, bool fresh, mn_err *e)
{
    uint64_t ids[POST_MAX];
    int64_t now = n ? mn_now_ms() : 0;
    if (n > POST_MAX)
        return mn_fail(e, MN_E_LIMIT, "a post carries at most %d hashtags", POST_MAX);
    for (size_t i = 0; i < n; i++) MN_TRY(use(tx, keys[i], displays[i], now, &ids[i], e));
    if (!fresh) MN_TRY(drop_others(tx, post_id, ids, n, e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_store__run2(tx->db,
                              "INSERT INTO post_tags (tag_id, post_id) VALUES (?1, ?2) "
                              "ON CONFLICT DO NOTHING",
                              ids[i], post_id, e));
    return MN_OK;
}

mn_rc mn_store_post_tags_clear(mn_tx *tx, uint64_t post_id, mn_err *e)
{
    return mn_store__run2(tx->db, "DELETE FROM post_tags WHERE post_id = ?1", post_id, 0, e);
}

/* ---- reading tags --------------------------------------------------------------------------------------------------- */

/* Runs a query with up to two numbers and collects tags. */
static mn_rc tags(mn_store *s, const char *sql, const int64_t *args, int n_args, mn_arena *ar,
                  mn_tag **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        for (int i = 0; i < n_args; i++) db_i64(q, i + 1, args[i]);
        rc = mn_store__collect(q, read_tag, sizeof(mn_tag), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

mn_rc mn_store_post_tags(mn_store *s, uint64_t post_id, mn_arena *ar, mn_tag **ret,
                         size_t *ret_n, mn_err *e)
{
    return tags(s,
                "SELECT " TAG " FROM post_tags p JOIN tags t ON t.id = p.tag_id WHERE "
                "p.post_id = ?1 ORDER BY t.id",
                (int64_t[]){db_number(post_id)}, 1, ar, ret, ret_n, e);
}

mn_rc mn_store_tag_by_name(mn_store *s, mn_str key, mn_arena *ar, mn_tag *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " TAG " FROM tags t WHERE t.name = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, key);
        rc = mn_store__one(q, read_tag, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_by_ids(mn_db *db, const uint64_t *ids, size_t n, mn_arena *ar, mn_tag **ret,
                         size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    size_t got = 0;
    mn_tag *out = mn_arena_alloc(ar, (n + 1) * sizeof *out);
    if (!out) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    MN_TRY(db_prepare(db, "SELECT " TAG " FROM tags t WHERE t.id = ?1", &q, e));
    for (size_t i = 0; i < n; i++) {
        db_u64(q, 1, ids[i]);
        mn_rc rc = mn_store__one(q, read_tag, ar, &out[got], e);
        if (rc == MN_OK) got++;
        else if (rc != MN_E_NOT_FOUND) return rc;
    }
    *ret = out;
    *ret_n = got;
    return MN_OK;
}

mn_rc mn_store_tags_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                           mn_tag **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_by_ids(db, ids, n, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* The first key that does not begin with the prefix: keys are UTF-8, whose bytes are all below 0xFF. */
static mn_str after_prefix(mn_str prefix, mn_arena *ar)
{
    mn_buf b;
    char last[4];
    mn_str ret = MN_STR_NONE;
    mn_buf_init(&b, 0);
    mn_buf_adds(&b, prefix);
    mn_buf_add(&b, last, mn_utf8_encode(0x10FFFF, last));
    if (!b.failed) ret = mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return ret;
}

mn_rc mn_store_tags_search(mn_store *s, mn_str prefix, size_t offset, size_t limit,
                           mn_arena *ar, mn_tag **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    mn_str end = after_prefix(prefix, ar);
    if (!end.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db,
                   "SELECT " TAG " FROM tags t WHERE t.name >= ?1 AND t.name < ?2 AND "
                   "t.hidden = 0 AND EXISTS (SELECT 1 FROM post_tags x JOIN posts p ON "
                   "p.id = x.post_id WHERE x.tag_id = t.id AND p.visibility = 0 AND "
                   "p.deleted_ms = 0) ORDER BY t.last_used_ms DESC, t.name LIMIT ?3 OFFSET "
                   "?4",
                   &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, prefix);
        db_text(q, 2, end);
        db_u64(q, 3, limit);
        db_u64(q, 4, offset);
        rc = mn_store__collect(q, read_tag, sizeof(mn_tag), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

static mn_rc read_history(mn_db *db, uint64_t tag, int64_t first_day, size_t n, mn_tag_use *ret,
                          mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        db,
        "SELECT count(*), count(DISTINCT p.account_id) FROM post_tags t JOIN posts p ON p.id = "
        "t.post_id WHERE t.tag_id = ?1 AND t.post_id >= ?2 AND t.post_id < ?3 AND "
        "p.visibility = 0 AND p.deleted_ms = 0",
        &q, e));
    for (size_t i = 0; i < n; i++) {
        int64_t day = first_day + (int64_t)i;
        bool row = false;
        db_u64(q, 1, tag);
        db_u64(q, 2, mn_snowflake_floor(day * DAY_MS));
        db_u64(q, 3, mn_snowflake_floor((day + 1) * DAY_MS));
        MN_TRY(db_step(q, &row, e));
        ret[i] = (mn_tag_use){db_col_u64(q, 0), db_col_u64(q, 1)};
        db_reset(q);
    }
    return MN_OK;
}

mn_rc mn_store_tag_history(mn_store *s, uint64_t tag_id, int64_t first_day, size_t n_days,
                           mn_tag_use *ret, mn_err *e)
{
    mn_db *db;
    if (n_days > HISTORY_MAX)
        return mn_fail(e, MN_E_LIMIT, "a history has at most %d days", HISTORY_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_history(db, tag_id, first_day, n_days, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- followed ------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_tag_follow(mn_tx *tx, uint64_t account, uint64_t tag_id, bool on,
                          bool *ret_changed, mn_err *e)
{
    return mn_store__join(
        tx->db,
        on ? "INSERT INTO followed_tags (account_id, tag_id, id) VALUES "
             "(?1, ?2, ?3) ON CONFLICT DO NOTHING"
           : "DELETE FROM followed_tags WHERE account_id = ?1 AND tag_id = ?2",
        account, tag_id, ret_changed, e);
}

static mn_rc read_follow(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_tag_follow *)ret = (mn_tag_follow){db_col_u64(q, 0), db_col_u64(q, 1)};
    return MN_OK;
}

#define FOLLOWED(order)                                                                        \
    "SELECT id, tag_id FROM followed_tags WHERE account_id = ?1 AND id < ?2 AND id > ?3 "      \
    "ORDER BY id " order " LIMIT ?4"

mn_rc mn_store_followed_tags(mn_store *s, uint64_t account, uint64_t below, uint64_t above,
                             bool upward, size_t limit, mn_arena *ar, mn_tag_follow **ret,
                             size_t *ret_n, mn_err *e)
{
    static const mn_store__pages sql = {FOLLOWED("DESC"), FOLLOWED("ASC"), read_follow,
                                        sizeof **ret};
    mn_store__span sp = {below, above, limit, upward};
    return mn_store__page_of(s, &sql, account, sp, ar, (void **)ret, ret_n, e);
}

static mn_rc is(mn_store *s, const char *sql, uint64_t a, uint64_t b, bool *ret, mn_err *e)
{
    mn_db *db;
    int64_t one = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mn_store__get2(db, sql, a, b, &one, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

mn_rc mn_store_tag_is_followed(mn_store *s, uint64_t account, uint64_t tag_id, bool *ret,
                               mn_err *e)
{
    return is(s, "SELECT 1 FROM followed_tags WHERE account_id = ?1 AND tag_id = ?2", account,
              tag_id, ret, e);
}

/* ---- featured ------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_tag_is_featured(mn_store *s, uint64_t account, uint64_t tag_id, bool *ret,
                               mn_err *e)
{
    return is(s, "SELECT 1 FROM featured_tags WHERE account_id = ?1 AND tag_id = ?2", account,
              tag_id, ret, e);
}

static mn_rc read_featured(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_featured_tag f = {.id = db_col_u64(q, 0),
                         .tag_id = db_col_u64(q, 1),
                         .n_posts = db_col_u64(q, 4),
                         .last_post_id = db_col_u64(q, 5)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &f.name, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &f.display, e));
    *(mn_featured_tag *)ret = f;
    return MN_OK;
}

mn_rc mn_store_featured_tags(mn_store *s, uint64_t account, mn_arena *ar, mn_featured_tag **ret,
                             size_t *ret_n, mn_err *e)
{
#define OF_TAG                                                                                 \
    "FROM posts p JOIN post_tags x ON x.post_id = p.id AND x.tag_id = f.tag_id WHERE "         \
    "p.account_id = f.account_id AND p.deleted_ms = 0 AND p.visibility <= 1"
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT f.id, f.tag_id, t.name, t.display, (SELECT count(*) " OF_TAG
                          "), (SELECT coalesce(max(p.id), 0) " OF_TAG ") FROM featured_tags f "
                          "JOIN tags t ON t.id = f.tag_id WHERE f.account_id = ?1 ORDER BY "
                          "f.id",
                          &q, e);
#undef OF_TAG
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        rc = mn_store__collect(q, read_featured, sizeof(mn_featured_tag), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

mn_rc mn_store_featured_tag_add(mn_tx *tx, uint64_t account, uint64_t tag_id, size_t most,
                                uint64_t *ret_id, mn_err *e)
{
    mn_stmt *q;
    int64_t have = 0;
    uint64_t n = 0, id = mn_snowflake_next();
    MN_TRY(mn_store__get2(tx->db, "SELECT count(*) FROM featured_tags WHERE account_id = ?1",
                          account, 0, &have, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO featured_tags (id, account_id, tag_id) VALUES (?1, ?2, ?3) "
                      "ON CONFLICT DO NOTHING",
                      &q, e));
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    db_u64(q, 3, tag_id);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 0) return mn_fail(e, MN_E_EXISTS, "the hashtag is featured already");
    if ((uint64_t)have >= most)
        return mn_fail(e, MN_E_LIMIT, "a profile features at most %zu hashtags", most);
    *ret_id = id;
    return MN_OK;
}

mn_rc mn_store_featured_tag_remove(mn_tx *tx, uint64_t account, uint64_t id, uint64_t tag_id,
                                   mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      id ? "DELETE FROM featured_tags WHERE account_id = ?1 AND id = ?2"
                         : "DELETE FROM featured_tags WHERE account_id = ?1 AND tag_id = ?2",
                      &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, id ? id : tag_id);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

mn_rc mn_store_featured_suggestions(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                                    mn_tag **ret, size_t *ret_n, mn_err *e)
{
    return tags(
        s,
        "SELECT " TAG " FROM (SELECT x.tag_id AS tag_id, count(*) AS n FROM (SELECT id FROM "
        "posts WHERE account_id = ?1 AND deleted_ms = 0 AND visibility <= 1 ORDER BY id DESC "
        "LIMIT ?2) p JOIN post_tags x ON x.post_id = p.id GROUP BY x.tag_id) u JOIN tags t ON "
        "t.id = u.tag_id WHERE t.hidden = 0 AND NOT EXISTS (SELECT 1 FROM featured_tags f "
        "WHERE "
        "f.account_id = ?1 AND f.tag_id = t.id) ORDER BY u.n DESC, t.name LIMIT ?3",
        (int64_t[]){db_number(account), RECENT_MAX, db_number(limit)}, 3, ar, ret, ret_n, e);
}

/* ---- use, for trends --------------------------------------------------------------------------------------------------- */

static mn_rc read_mention(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_tag_mention *)ret =
        (mn_tag_mention){db_col_u64(q, 0), db_col_u64(q, 1), db_col_u64(q, 2)};
    return MN_OK;
}

mn_rc mn_store_tag_mentions(mn_store *s, uint64_t from_id, size_t limit, mn_arena *ar,
                            mn_tag_mention **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT x.post_id, x.tag_id, p.account_id FROM post_tags x JOIN posts p ON p.id = "
        "x.post_id JOIN accounts a ON a.id = p.account_id JOIN tags t ON t.id = x.tag_id WHERE "
        "x.post_id >= ?1 AND p.visibility = 0 AND p.deleted_ms = 0 AND p.sensitive = 0 AND "
        "a.state = 0 AND a.silenced_ms = 0 AND a.discoverable = 1 AND t.hidden = 0 "
        "ORDER BY x.post_id DESC LIMIT ?2",
        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, from_id);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_mention, sizeof(mn_tag_mention), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}
