/* Light rows of timelines. Each query has two forms, newest first and oldest first; ?1 and ?2 are the bounds, ?3 the limit. */
#include "store/timelines.h"

#include "store/store_int.h"

#define COLUMNS                                                                                \
    "p.id, p.account_id, p.boost_of, coalesce(b.account_id, 0), p.reply_to, "                  \
    "CASE WHEN p.reply_account <> 0 THEN p.reply_account ELSE coalesce(r.account_id, 0) END, " \
    "p.quote_of, coalesce(q.account_id, 0), p.visibility, coalesce(b.visibility, 0), "         \
    "coalesce(a.silenced_ms, 0), coalesce(a.state, 2), coalesce(ba.state, 0), p.n_media, "     \
    "p.lang, coalesce(a.domain, ''), coalesce(ba.domain, '')"
/* What hangs on a row, wherever the row itself comes from. */
#define HANGS                                                                                  \
    "LEFT JOIN accounts a ON a.id = p.account_id LEFT JOIN posts b ON b.id = p.boost_of "      \
    "LEFT JOIN accounts ba ON ba.id = b.account_id LEFT JOIN posts r ON r.id = p.reply_to "    \
    "LEFT JOIN posts q ON q.id = p.quote_of "
#define SELECT_ROWS "SELECT " COLUMNS " FROM posts p " HANGS
#define LIVE        "p.deleted_ms = 0 AND (p.boost_of = 0 OR b.deleted_ms = 0) "
#define WITHIN      "p.id < ?1 AND p.id > ?2 "
#define BOTH_WAYS(sql)                                                                         \
    {                                                                                          \
        sql "ORDER BY p.id DESC LIMIT ?3", sql "ORDER BY p.id LIMIT ?3"                        \
    }

static mn_rc read_row(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_row r = {.id = db_col_u64(q, 0),
                .account_id = db_col_u64(q, 1),
                .boost_of = db_col_u64(q, 2),
                .boost_account = db_col_u64(q, 3),
                .reply_to = db_col_u64(q, 4),
                .reply_account = db_col_u64(q, 5),
                .quote_of = db_col_u64(q, 6),
                .quote_account = db_col_u64(q, 7),
                .visibility = (mn_visibility)db_col_i64(q, 8),
                .boost_visibility = (mn_visibility)db_col_i64(q, 9),
                .silenced = db_col_i64(q, 10) != 0,
                .active = db_col_i64(q, 11) == MN_ACCOUNT_ACTIVE &&
                          db_col_i64(q, 12) == MN_ACCOUNT_ACTIVE,
                .media = db_col_i64(q, 13) != 0};
    mn_str lang = mn_utf8_cut(db_col_str(q, 14), MN_ROW_LANG_MAX - 1);
    if (lang.len) memcpy(r.lang, lang.ptr, lang.len);
    MN_TRY(mn_store__col_dup(q, 15, ar, &r.domain, e));
    MN_TRY(mn_store__col_dup(q, 16, ar, &r.boost_domain, e));
    *(mn_row *)ret = r;
    return MN_OK;
}

static void bind_span(mn_stmt *q, const mn_span *sp)
{
    db_i64(q, 1, db_below(sp->below));
    db_i64(q, 2, db_number(sp->above));
    db_i64(q, 3, (int64_t)sp->limit);
}

static mn_rc check_span(const mn_span *sp, mn_err *e)
{
    if (sp->limit <= MN_STORE_PAGE_MAX) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "a page has at most %d posts", MN_STORE_PAGE_MAX);
}

/* Runs one of the two forms with the span and up to two more numbers, ?4 and ?5. */
static mn_rc rows(mn_store *s, const char *const sql[2], const mn_span *sp, const int64_t *more,
                  int n_more, mn_arena *ar, mn_row **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    size_t n = 0;
    MN_TRY(check_span(sp, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql[sp->upward], &q, e);
    if (rc == MN_OK) {
        bind_span(q, sp);
        for (int i = 0; i < n_more; i++) db_i64(q, 4 + i, more[i]);
        rc = mn_store__collect(q, read_row, sizeof(mn_row), ar, &items, &n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = items;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_row(mn_store *s, uint64_t id, mn_arena *ar, mn_row *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, SELECT_ROWS "WHERE p.id = ?1 AND " LIVE, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_row, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_rows_by_account(mn_store *s, uint64_t account, const mn_span *sp, mn_arena *ar,
                               mn_row **ret, size_t *ret_n, mn_err *e)
{
    static const char *const sql[2] =
        BOTH_WAYS(SELECT_ROWS "WHERE p.account_id = ?4 AND " WITHIN "AND " LIVE);
    return rows(s, sql, sp, (int64_t[]){db_number(account)}, 1, ar, ret, ret_n, e);
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

#define PUBLIC                                                                                 \
    "p.visibility = 0 AND p.deleted_ms = 0 AND p.boost_of = 0 AND a.state = 0 AND " WITHIN
/* A reply is shown when it goes on with a thread of one's own. reply_to <> 0 without a known author is one to others. */
#define NO_REPLIES                                                                             \
    "(p.reply_to = 0 OR p.reply_account = p.account_id OR r.account_id = p.account_id) "

/* The two forms, by place and media. */
static const char *const public_sql[3][2][2] = {
    {BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC "AND " NO_REPLIES),
     BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC "AND p.n_media > 0 AND " NO_REPLIES)},
    {BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC "AND a.domain = '' AND " NO_REPLIES),
     BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC
                           "AND a.domain = '' AND p.n_media > 0 AND " NO_REPLIES)},
    {BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC "AND a.domain <> '' AND " NO_REPLIES),
     BOTH_WAYS(SELECT_ROWS "WHERE " PUBLIC
                           "AND a.domain <> '' AND p.n_media > 0 AND " NO_REPLIES)},
};

/* A server that knows nobody elsewhere need not look through all of its posts to find that out. */
static mn_rc any_remote(mn_store *s, bool *ret, mn_err *e)
{
    mn_db *db;
    int64_t id = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = mn_store__get2(
        db, "SELECT id FROM accounts WHERE domain <> '' AND id > ?1 LIMIT 1", 0, 0, &id, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

mn_rc mn_store_rows_public(mn_store *s, mn_where where, bool only_media, const mn_span *sp,
                           mn_arena *ar, mn_row **ret, size_t *ret_n, mn_err *e)
{
    bool remote = true;
    if (where == MN_WHERE_REMOTE) MN_TRY(any_remote(s, &remote, e));
    if (remote) return rows(s, public_sql[where][only_media], sp, NULL, 0, ar, ret, ret_n, e);
    *ret = NULL;
    *ret_n = 0;
    return MN_OK;
}

mn_rc mn_store_rows_linking(mn_store *s, uint64_t card_id, const mn_span *sp, mn_arena *ar,
                            mn_row **ret, size_t *ret_n, mn_err *e)
{
    static const char *const sql[2] = BOTH_WAYS(
        SELECT_ROWS "WHERE " PUBLIC "AND p.card_id = ?4 AND p.card_id <> 0 AND a.discoverable "
                    "= 1 ");
    return rows(s, sql, sp, (int64_t[]){db_number(card_id)}, 1, ar, ret, ret_n, e);
}

mn_rc mn_store_rows_direct(mn_store *s, uint64_t account, const mn_span *sp, mn_arena *ar,
                           mn_row **ret, size_t *ret_n, mn_err *e)
{
    static const char *const sql[2] =
        BOTH_WAYS(SELECT_ROWS "WHERE p.visibility = 3 AND p.deleted_ms = 0 AND " WITHIN
                              "AND p.id IN (SELECT m.post_id FROM mentions m WHERE "
                              "m.account_id = ?4 UNION SELECT o.id FROM posts o WHERE "
                              "o.account_id = ?4 AND o.visibility = 3) ");
    return rows(s, sql, sp, (int64_t[]){db_number(account)}, 1, ar, ret, ret_n, e);
}

mn_rc mn_store_library(mn_store *s, uint64_t account, uint64_t below, size_t limit,
                       mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
#define ARM(table, of) /* each arm is short and in order, so that the union is small */        \
    "UNION SELECT id FROM (SELECT " of " AS id FROM " table " WHERE account_id = ?1 AND " of   \
    " < ?2 ORDER BY " of " DESC LIMIT ?3) arm "
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(check_span(&(mn_span){.limit = limit}, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT id FROM (SELECT id FROM posts WHERE account_id = ?1 AND id < ?2 AND boost_of = "
        "0 AND deleted_ms = 0 ORDER BY id DESC LIMIT ?3) p " ARM("favourites f", "post_id")
            ARM("bookmarks b", "post_id") ARM("mentions m", "post_id") "ORDER BY 1 DESC LIMIT "
                                                                       "?3",
        &q, e);
#undef ARM
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_i64(q, 2, db_below(below));
        db_i64(q, 3, (int64_t)limit);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

mn_rc mn_store_card_by_url(mn_store *s, mn_str url, uint64_t *ret_id, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT id FROM cards WHERE url = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, url);
        rc = mn_store__one(q, mn_store__row_id, NULL, ret_id, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- tagged ------------------------------------------------------------------------------------------------------ */

#define TAGS_MAX 16

/* Rows of one tag, one place. */
#define TAGGED "SELECT " COLUMNS " FROM post_tags t JOIN posts p ON p.id = t.post_id " HANGS
#define BY_TAG "WHERE t.tag_id = ?4 AND t.post_id < ?1 AND t.post_id > ?2 AND " PUBLIC
#define TAG_WAYS(more)                                                                         \
    {                                                                                          \
        TAGGED BY_TAG more "ORDER BY t.post_id DESC LIMIT ?3",                                 \
            TAGGED BY_TAG more "ORDER BY t.post_id LIMIT ?3"                                   \
    }

static const char *const tagged_sql[3][2][2] = {
    {TAG_WAYS(""), TAG_WAYS("AND p.n_media > 0 ")},
    {TAG_WAYS("AND a.domain = '' "), TAG_WAYS("AND a.domain = '' AND p.n_media > 0 ")},
    {TAG_WAYS("AND a.domain <> '' "), TAG_WAYS("AND a.domain <> '' AND p.n_media > 0 ")},
};

static mn_rc carries(mn_db *db, uint64_t tag, uint64_t post, bool *ret, mn_err *e)
{
    int64_t one = 0;
    mn_rc rc = mn_store__get2(db, "SELECT 1 FROM post_tags WHERE tag_id = ?1 AND post_id = ?2",
                              tag, post, &one, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK;
    return MN_OK;
}

static mn_rc fits(mn_db *db, const mn_tag_query *t, uint64_t post, bool *ret, mn_err *e)
{
    bool has = true;
    for (size_t i = 0; i < t->n_all && has; i++) MN_TRY(carries(db, t->all[i], post, &has, e));
    *ret = has;
    has = false;
    for (size_t i = 0; i < t->n_none && *ret && !has; i++)
        MN_TRY(carries(db, t->none[i], post, &has, e));
    *ret = *ret && !has;
    return MN_OK;
}

static bool comes_first(const mn_span *sp, uint64_t a, uint64_t b)
{
    return sp->upward ? a < b : a > b;
}

/* Rows of one tag that fit the other conditions: batches until there are enough or no more. */
static mn_rc one_tag(mn_db *db, const mn_tag_query *t, uint64_t tag, const mn_span *span,
                     mn_arena *ar, mn_row *out, size_t *ret_n, mn_err *e)
{
    mn_span sp = *span;
    size_t n = 0;
    for (;;) {
        mn_stmt *q;
        void *items = NULL;
        size_t got = 0;
        MN_TRY(db_prepare(db, tagged_sql[t->where][t->only_media][sp.upward], &q, e));
        bind_span(q, &sp);
        db_u64(q, 4, tag);
        MN_TRY(mn_store__collect(q, read_row, sizeof(mn_row), ar, &items, &got, e));
        for (size_t i = 0; i < got && n < span->limit; i++) {
            const mn_row *r = (const mn_row *)items + i;
            bool ok = true;
            MN_TRY(fits(db, t, r->id, &ok, e));
            if (ok) out[n++] = *r;
        }
        if (got < sp.limit || n == span->limit) break;
        uint64_t last = ((const mn_row *)items)[got - 1].id;
        if (sp.upward) sp.above = last;
        else sp.below = last;
    }
    *ret_n = n;
    return MN_OK;
}

/* b into a, both in order; the first `limit` of the union stay. */
static void merge(mn_row *a, size_t *n_a, const mn_row *b, size_t n_b, const mn_span *sp,
                  mn_row *room)
{
    size_t n = 0, i = 0, k = 0;
    while (n < sp->limit && (i < *n_a || k < n_b)) {
        if (i < *n_a && k < n_b && a[i].id == b[k].id) {
            k++;
            continue;
        }
        bool from_a = k == n_b || (i < *n_a && comes_first(sp, a[i].id, b[k].id));
        room[n++] = from_a ? a[i++] : b[k++];
    }
    memcpy(a, room, n * sizeof *a);
    *n_a = n;
}

static mn_rc tagged(mn_db *db, const mn_tag_query *t, const mn_span *sp, mn_arena *ar,
                    mn_row **ret, size_t *ret_n, mn_err *e)
{
    size_t n = 0, cap = sp->limit + 1;
    mn_row *all = mn_arena_alloc(ar, cap * sizeof *all * 3);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    mn_row *one = all + cap, *room = all + 2 * cap;
    for (size_t i = 0; i < t->n_any; i++) {
        size_t got = 0;
        MN_TRY(one_tag(db, t, t->any[i], sp, ar, one, &got, e));
        merge(all, &n, one, got, sp, room);
    }
    *ret = all;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_rows_tagged(mn_store *s, const mn_tag_query *t, const mn_span *sp, mn_arena *ar,
                           mn_row **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(check_span(sp, e));
    if (t->n_any > TAGS_MAX || t->n_all > TAGS_MAX || t->n_none > TAGS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a timeline of tags takes at most %d of a kind",
                       TAGS_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = tagged(db, t, sp, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- beside a row ------------------------------------------------------------------------------------------------ */

static mn_rc ids_of(mn_store *s, const char *sql, uint64_t id, mn_arena *ar, uint64_t **ret,
                    size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

mn_rc mn_store_row_mentions(mn_store *s, uint64_t post_id, mn_arena *ar, uint64_t **ret,
                            size_t *ret_n, mn_err *e)
{
    return ids_of(s, "SELECT account_id FROM mentions WHERE post_id = ?1 ORDER BY account_id",
                  post_id, ar, ret, ret_n, e);
}

mn_rc mn_store_row_tags(mn_store *s, uint64_t post_id, mn_arena *ar, uint64_t **ret,
                        size_t *ret_n, mn_err *e)
{
    return ids_of(s, "SELECT tag_id FROM post_tags WHERE post_id = ?1 ORDER BY tag_id", post_id,
                  ar, ret, ret_n, e);
}

/* ---- trends ---------------------------------------------------------------------------------------------------------- */

static mn_rc read_trend(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_trend_row *)ret = (mn_trend_row){.id = db_col_u64(q, 0),
                                          .account_id = db_col_u64(q, 1),
                                          .card_id = db_col_u64(q, 2),
                                          .marks = db_col_u64(q, 3),
                                          .reply = db_col_i64(q, 4) != 0};
    return MN_OK;
}

mn_rc mn_store_trend_rows(mn_store *s, uint64_t from_id, size_t limit, mn_arena *ar,
                          mn_trend_row **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT p.id, p.account_id, p.card_id, p.n_boosts + p.n_favourites, p.reply_to FROM "
        "posts p JOIN accounts a ON a.id = p.account_id WHERE p.id >= ?1 AND p.visibility = 0 "
        "AND p.deleted_ms = 0 AND p.boost_of = 0 AND p.sensitive = 0 AND (p.card_id <> 0 OR "
        "p.n_boosts + p.n_favourites > 0) AND a.state = 0 AND a.silenced_ms = 0 AND "
        "a.discoverable = 1 ORDER BY p.id DESC LIMIT ?2",
        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, from_id);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_trend, sizeof(mn_trend_row), ar, &items, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = items;
    return rc;
}

/* ---- the outlook --------------------------------------------------------------------------------------------------- */

static mn_rc read_followee(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_followee f = {.id = db_col_u64(q, 0), .boosts = db_col_i64(q, 1) != 0};
    MN_TRY(mn_store__col_dup(q, 2, ar, &f.languages, e));
    *(mn_followee *)ret = f;
    return MN_OK;
}

static mn_rc read_text(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    return mn_store__col_dup(q, 0, ar, ret, e);
}

static mn_rc part(mn_db *db, const char *sql, uint64_t account, int64_t now, bool timed,
                  mn_store__row_fn fn, size_t size, mn_arena *ar, void *ret, size_t *ret_n,
                  mn_err *e)
{
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, account);
    if (timed) db_i64(q, 2, now);
    MN_TRY(mn_store__collect(q, fn, size, ar, &items, ret_n, e));
    memcpy(ret, &items, sizeof items);
    return MN_OK;
}

static mn_rc read_outlook(mn_db *db, uint64_t id, int64_t now, mn_arena *ar, mn_outlook *ret,
                          mn_err *e)
{
    mn_rc rc;
    MN_TRY(part(db,
                "SELECT followee, boosts, languages FROM follows WHERE follower = ?1 "
                "ORDER BY followee",
                id, 0, false, read_followee, sizeof(mn_followee), ar, &ret->follows,
                &ret->n_follows, e));
    MN_TRY(part(db,
                "SELECT target_id FROM blocks WHERE account_id = ?1 UNION SELECT target_id "
                "FROM mutes WHERE account_id = ?1 AND (expires_ms = 0 OR expires_ms > ?2) "
                "ORDER BY 1",
                id, now, true, mn_store__row_id, sizeof(uint64_t), ar, &ret->hidden,
                &ret->n_hidden, e));
    MN_TRY(part(db, "SELECT account_id FROM blocks WHERE target_id = ?1 ORDER BY account_id",
                id, 0, false, mn_store__row_id, sizeof(uint64_t), ar, &ret->hidden_by,
                &ret->n_hidden_by, e));
    MN_TRY(part(db, "SELECT tag_id FROM followed_tags WHERE account_id = ?1 ORDER BY tag_id",
                id, 0, false, mn_store__row_id, sizeof(uint64_t), ar, &ret->tags, &ret->n_tags,
                e));
    MN_TRY(part(db,
                "SELECT domain FROM account_domain_blocks WHERE account_id = ?1 ORDER BY "
                "domain",
                id, 0, false, read_text, sizeof(mn_str), ar, &ret->domains, &ret->n_domains,
                e));
    rc = mn_store__get2(db,
                        "SELECT coalesce(min(expires_ms), 0) FROM mutes WHERE account_id = ?1 "
                        "AND expires_ms > ?2",
                        id, (uint64_t)now, &ret->mute_ends_ms, e);
    return rc;
}

mn_rc mn_store_outlook(mn_store *s, uint64_t account, int64_t now_ms, mn_arena *ar,
                       mn_outlook *ret, mn_err *e)
{
    mn_db *db;
    mn_outlook o = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_outlook(db, account, now_ms, ar, &o, e);
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = o;
    return rc;
}
