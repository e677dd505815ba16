/* What a viewer has done with the posts of a page, and whom they must not see: the same few statements whatever the page.
 *
 * A page's posts lie close together in time, so a range scan of the viewer's marks between the least and the greatest id
 * finds them with few rows besides. Where it meets too many (a page of old bookmarks), each post is asked for by itself. */
#include <stdlib.h>

#include "store/marks.h"
#include "store/store_int.h"

#define ROWS_SPARE 64

/* ---- a page's ids, sorted ------------------------------------------------------------------------------------------ */

typedef struct place {
    uint64_t id;
    size_t at; /* in the caller's order */
} place;

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const place *)a)->id, y = ((const place *)b)->id;
    return (x > y) - (x < y);
}

static mn_rc sort_ids(const uint64_t *ids, size_t n, mn_arena *ar, place **ret, mn_err *e)
{
    place *p = mn_arena_alloc(ar, n * sizeof *p);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) p[i] = (place){ids[i], i};
    qsort(p, n, sizeof *p, by_id);
    *ret = p;
    return MN_OK;
}

typedef enum flag { FLAG_FAVOURITE, FLAG_BOOKMARK, FLAG_PIN, FLAG_BOOST, FLAG_MUTE } flag;

static void set_flag(mn_post_flags *f, flag k)
{
    switch (k) {
    case FLAG_FAVOURITE:
        f->favourited = true;
        return;
    case FLAG_BOOKMARK:
        f->bookmarked = true;
        return;
    case FLAG_PIN:
        f->pinned = true;
        return;
    case FLAG_BOOST:
        f->boosted = true;
        return;
    case FLAG_MUTE:
        f->muted = true;
        return;
    }
}

/* Every place with that id. */
static void mark(const place *p, size_t n, uint64_t id, flag k, mn_post_flags *ret)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p[mid].id < id) lo = mid + 1;
        else hi = mid;
    }
    for (; lo < n && p[lo].id == id; lo++) set_flag(&ret[p[lo].at], k);
}

/* ---- flags --------------------------------------------------------------------------------------------------------- */

/* k is a number in the text, so that one statement serves all kinds whose ids are posts. */
static const char range_sql[] =
    "SELECT 0, post_id FROM favourites WHERE account_id = ?1 AND post_id >= ?2 AND post_id <= "
    "?3 UNION ALL SELECT 1, post_id FROM bookmarks WHERE account_id = ?1 AND post_id >= ?2 AND "
    "post_id <= ?3 UNION ALL SELECT 2, post_id FROM pins WHERE account_id = ?1 AND post_id >= "
    "?2 AND post_id <= ?3 UNION ALL SELECT 3, boost_of FROM posts WHERE account_id = ?1 AND "
    "boost_of <> 0 AND boost_of >= ?2 AND boost_of <= ?3 AND deleted_ms = 0 LIMIT ?4";
static const char mutes_sql[] =
    "SELECT 4, thread_id FROM thread_mutes WHERE account_id = ?1 AND thread_id >= ?2 AND "
    "thread_id <= ?3 LIMIT ?4";

static mn_rc scan(mn_db *db, const char *sql, uint64_t account, const place *p, size_t n,
                  uint64_t first, uint64_t last, size_t most, mn_post_flags *ret,
                  bool *ret_over, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    size_t rows = 0;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, first);
    db_u64(q, 3, last);
    db_u64(q, 4, most + 1);
    for (;; rows++) {
        MN_TRY(db_step(q, &row, e));
        if (!row) break;
        mark(p, n, db_col_u64(q, 1), (flag)db_col_i64(q, 0), ret);
    }
    *ret_over = rows > most;
    return MN_OK;
}

static mn_rc flags_of(mn_db *db, const char *sql, uint64_t account, const uint64_t *ids,
                      size_t n, mn_post_flags *ret, mn_err *e)
{
    mn_arena ar;
    place *p = NULL;
    bool over = false;
    mn_arena_init(&ar, 0);
    mn_rc rc = sort_ids(ids, n, &ar, &p, e);
    if (rc == MN_OK)
        rc = scan(db, sql, account, p, n, p[0].id, p[n - 1].id, 2 * n + ROWS_SPARE, ret, &over,
                  e);
    /* One post has at most one row of each kind, so this never overflows. */
    for (size_t i = 0; rc == MN_OK && over && i < n; i++) {
        bool again = false;
        rc = scan(db, sql, account, &p[i], 1, p[i].id, p[i].id, MN_MARKS + 1, ret, &again, e);
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_store_post_flags(mn_store *s, uint64_t account, const uint64_t *posts,
                          const uint64_t *threads, size_t n, mn_post_flags *ret, mn_err *e)
{
    mn_db *db;
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d posts", MN_STORE_PAGE_MAX);
    memset(ret, 0, n * sizeof *ret);
    if (n == 0 || account == 0) return MN_OK;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = flags_of(db, range_sql, account, posts, n, ret, e);
    if (rc == MN_OK) rc = flags_of(db, mutes_sql, account, threads, n, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- hidden from each other ------------------------------------------------------------------------------------------- */

/* Rows of `few` (at most ROWS_SPARE + 1), or, when there are more, `one` for each author. */
typedef struct pair_sql {
    const char *few, *one;
} pair_sql;

static mn_rc each_pair(mn_db *db, const char *sql, uint64_t viewer, int64_t now_ms,
                       const uint64_t *authors, size_t n, bool *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, sql, &q, e));
    for (size_t i = 0; i < n; i++) {
        bool row = false;
        db_u64(q, 1, viewer);
        db_u64(q, 2, authors[i]);
        db_i64(q, 3, now_ms);
        MN_TRY(db_step(q, &row, e));
        if (row) ret[i] = true;
        db_reset(q);
    }
    return MN_OK;
}

static mn_rc pairs(mn_db *db, const pair_sql *sql, uint64_t viewer, int64_t now_ms,
                   const uint64_t *authors, size_t n, bool *ret, mn_err *e)
{
    mn_stmt *q;
    size_t rows = 0;
    MN_TRY(db_prepare(db, sql->few, &q, e));
    db_u64(q, 1, viewer);
    db_i64(q, 2, now_ms);
    db_i64(q, 3, ROWS_SPARE + 1);
    for (bool row = true; rows <= ROWS_SPARE; rows++) {
        MN_TRY(db_step(q, &row, e));
        if (!row) return MN_OK;
        uint64_t other = db_col_u64(q, 0);
        for (size_t i = 0; i < n; i++)
            if (authors[i] == other) ret[i] = true;
    }
    db_reset(q);
    return each_pair(db, sql->one, viewer, now_ms, authors, n, ret, e);
}

/* ?2 and ?3 are bound whatever the text needs. */
static const pair_sql blocking = {
    "SELECT target_id FROM blocks WHERE account_id = ?1 AND ?2 >= 0 LIMIT ?3",
    "SELECT 1 FROM blocks WHERE account_id = ?1 AND target_id = ?2 AND ?3 >= 0"};
static const pair_sql blocked_by = {
    "SELECT account_id FROM blocks WHERE target_id = ?1 AND ?2 >= 0 LIMIT ?3",
    "SELECT 1 FROM blocks WHERE account_id = ?2 AND target_id = ?1 AND ?3 >= 0"};
static const pair_sql muting = {
    "SELECT target_id FROM mutes WHERE account_id = ?1 AND (expires_ms = 0 OR expires_ms > ?2) "
    "LIMIT ?3",
    "SELECT 1 FROM mutes WHERE account_id = ?1 AND target_id = ?2 AND (expires_ms = 0 OR "
    "expires_ms > ?3)"};

mn_rc mn_store_blocked_pairs(mn_store *s, uint64_t viewer, const uint64_t *authors, size_t n,
                             bool *ret, mn_err *e)
{
    mn_db *db;
    memset(ret, 0, n * sizeof *ret);
    if (n == 0 || viewer == 0) return MN_OK;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = pairs(db, &blocking, viewer, 0, authors, n, ret, e);
    if (rc == MN_OK) rc = pairs(db, &blocked_by, viewer, 0, authors, n, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_muted(mn_store *s, uint64_t viewer, const uint64_t *authors, size_t n,
                     int64_t now_ms, bool *ret, mn_err *e)
{
    mn_db *db;
    memset(ret, 0, n * sizeof *ret);
    if (n == 0 || viewer == 0) return MN_OK;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = pairs(db, &muting, viewer, now_ms, authors, n, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}
