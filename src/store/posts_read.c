/* Posts, read: one, pages, threads, the change feed, the scan.
 *
 * Every reader gives whole posts with what is joined in: the author's name, state and settings, and the settings of the
 * import where the post has none of its own. LEFT JOIN keeps posts the outer loop, whatever the planner thinks.
 */
#include "store/store_int.h"

#define SELECT_POSTS                                                                           \
    "SELECT p.id, p.account_id, p.rev, p.created_ms, p.edited_ms, p.deleted_ms, "              \
    "p.visibility, "                                                                           \
    "p.reply_to, p.quote_of, p.boost_of, p.thread_id, p.sensitive, p.import_id, p.consent, "   \
    "p.consent_rev, p.origin, p.lang, p.warning, p.text, coalesce(i.consent, 0), "             \
    "coalesce(i.consent_rev, 0), coalesce(a.consent, 0), coalesce(a.consent_rev, 0), a.name, " \
    "a.display_name, coalesce(a.state, 2), p.n_replies, p.n_boosts, p.n_favourites, "          \
    "p.n_quotes, p.n_media, p.reply_account, p.app_id, p.poll_id, p.card_id, p.quote_policy, " \
    "p.quote_state, a.domain, coalesce(a.sensitized_ms, 0) FROM posts p "                      \
    "LEFT JOIN accounts a ON a.id = p.account_id LEFT JOIN imports i ON i.id = p.import_id "

mn_consents mn_store__nearer(mn_consents near, mn_consents far)
{
    mn_consents set = (near | near >> 1) & 0x55555555u;
    return near | (far & ~(set | set << 1));
}

static mn_rc read_strings(mn_stmt *q, mn_arena *ar, mn_post *p, mn_err *e)
{
    MN_TRY(mn_store__col_dup(q, 15, ar, &p->origin, e));
    MN_TRY(mn_store__col_dup(q, 16, ar, &p->lang, e));
    MN_TRY(mn_store__col_dup(q, 17, ar, &p->warning, e));
    MN_TRY(mn_store__col_dup(q, 18, ar, &p->text, e));
    MN_TRY(mn_store__col_dup(q, 23, ar, &p->account_name, e));
    MN_TRY(mn_store__col_dup(q, 24, ar, &p->account_display, e));
    return mn_store__col_dup(q, 37, ar, &p->account_domain, e);
}

static void read_network(mn_stmt *q, mn_post *p)
{
    p->n_replies = db_col_u64(q, 26);
    p->n_boosts = db_col_u64(q, 27);
    p->n_favourites = db_col_u64(q, 28);
    p->n_quotes = db_col_u64(q, 29);
    p->n_media = db_col_u64(q, 30);
    p->reply_account = db_col_u64(q, 31);
    p->app_id = db_col_u64(q, 32);
    p->poll_id = db_col_u64(q, 33);
    p->card_id = db_col_u64(q, 34);
    p->quote_policy = (mn_quote_policy)db_col_i64(q, 35);
    p->quote_state = (mn_quote_state)db_col_i64(q, 36);
}

static mn_rc read_post(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_post p = {.id = db_col_u64(q, 0),
                 .account_id = db_col_u64(q, 1),
                 .rev = db_col_u64(q, 2),
                 .created_ms = db_col_i64(q, 3),
                 .edited_ms = db_col_i64(q, 4),
                 .deleted_ms = db_col_i64(q, 5),
                 .visibility = (mn_visibility)db_col_i64(q, 6),
                 .reply_to = db_col_u64(q, 7),
                 .quote_of = db_col_u64(q, 8),
                 .boost_of = db_col_u64(q, 9),
                 .thread_id = db_col_u64(q, 10),
                 .sensitive = db_col_i64(q, 11) != 0,
                 .import_id = db_col_u64(q, 12),
                 .consent_rev = db_col_u64(q, 14),
                 .account_consent = (mn_consents)db_col_i64(q, 21),
                 .account_consent_rev = db_col_u64(q, 22),
                 .account_state = (mn_account_state)db_col_i64(q, 25),
                 .account_sensitized = db_col_i64(q, 38) != 0};
    p.consent =
        mn_store__nearer((mn_consents)db_col_i64(q, 13), (mn_consents)db_col_i64(q, 19));
    if (db_col_u64(q, 20) > p.consent_rev) p.consent_rev = db_col_u64(q, 20);
    read_network(q, &p);
    MN_TRY(read_strings(q, ar, &p, e));
    *(mn_post *)ret = p;
    return MN_OK;
}

mn_rc mn_store_post(mn_store *s, uint64_t id, mn_arena *ar, mn_post *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, SELECT_POSTS "WHERE p.id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_post, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* Runs a query with up to four numbers and collects its posts. */
static mn_rc collect(mn_store *s, const char *sql, const int64_t *args, int n_args,
                     mn_arena *ar, mn_posts *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    void *items = NULL;
    mn_posts posts = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        for (int i = 0; i < n_args; i++) db_i64(q, i + 1, args[i]);
        rc = mn_store__collect(q, read_post, sizeof(mn_post), ar, &items, &posts.n, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    posts.items = items;
    *ret = posts;
    return MN_OK;
}

static mn_rc check_page(size_t limit, mn_err *e)
{
    if (limit <= MN_STORE_PAGE_MAX) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "a page has at most %d posts", MN_STORE_PAGE_MAX);
}

mn_rc mn_store_posts_public(mn_store *s, uint64_t before, size_t limit, mn_arena *ar,
                            mn_posts *ret, mn_err *e)
{
    const int64_t args[] = {db_below(before), (int64_t)limit};
    MN_TRY(check_page(limit, e));
    return collect(s,
                   SELECT_POSTS "WHERE p.visibility = 0 AND p.deleted_ms = 0 AND p.id < ?1 "
                                "AND a.state = 0 ORDER BY p.id DESC LIMIT ?2",
                   args, 2, ar, ret, e);
}

mn_rc mn_store_posts_by_account(mn_store *s, uint64_t account_id, mn_visibility most_private,
                                uint64_t before, size_t limit, mn_arena *ar, mn_posts *ret,
                                mn_err *e)
{
    const int64_t args[] = {db_number(account_id), db_below(before), most_private,
                            (int64_t)limit};
    MN_TRY(check_page(limit, e));
    return collect(s,
                   SELECT_POSTS "WHERE p.account_id = ?1 AND p.id < ?2 AND p.visibility <= ?3 "
                                "AND p.deleted_ms = 0 ORDER BY p.id DESC LIMIT ?4",
                   args, 4, ar, ret, e);
}

mn_rc mn_store_posts_thread(mn_store *s, uint64_t thread_id, size_t limit, mn_arena *ar,
                            mn_posts *ret, mn_err *e)
{
    const int64_t args[] = {db_number(thread_id), db_number(limit)};
    /* The first post is found by its id, the others by the index of those that do not start their thread. */
    return collect(s,
                   SELECT_POSTS "WHERE p.id IN (SELECT t.id FROM posts t WHERE t.thread_id = "
                                "?1 AND t.thread_id <> t.id "
                                "UNION ALL SELECT r.id FROM posts r WHERE r.id = ?1 "
                                "AND r.thread_id = r.id) ORDER BY p.id LIMIT ?2",
                   args, 2, ar, ret, e);
}

/* ---- the change feed --------------------------------------------------------------------------------------------- */

static mn_rc read_removed(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_post *)ret = (mn_post){.id = db_col_u64(q, 0),
                                .rev = db_col_u64(q, 1),
                                .deleted_ms = 1,
                                .account_state = MN_ACCOUNT_DELETED,
                                .text = MN_STR(""),
                                .lang = MN_STR(""),
                                .warning = MN_STR(""),
                                .origin = MN_STR(""),
                                .account_name = MN_STR(""),
                                .account_display = MN_STR(""),
                                .account_domain = MN_STR("")};
    return MN_OK;
}

/* One side of the feed: rows with rev > ?1 in rev order, at most ?2. */
static mn_rc read_changes(mn_db *db, const char *sql, mn_store__row_fn row, uint64_t after,
                          size_t limit, mn_arena *ar, mn_posts *ret, mn_err *e)
{
    mn_stmt *q;
    void *items = NULL;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_i64(q, 1, db_number(after));
    db_i64(q, 2, db_number(limit));
    MN_TRY(mn_store__collect(q, row, sizeof(mn_post), ar, &items, &ret->n, e));
    ret->items = items;
    return MN_OK;
}

/* The first `limit` of both, by rev. */
static mn_rc merge(const mn_posts *posts, const mn_posts *removed, size_t limit, mn_arena *ar,
                   mn_posts *ret, mn_err *e)
{
    size_t n = posts->n + removed->n, i = 0, k = 0;
    if (n > limit) n = limit;
    if (removed->n == 0) {
        *ret = *posts;
        return MN_OK;
    }
    mn_post *items = mn_arena_alloc(ar, n * sizeof *items);
    if (!items) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    while (i + k < n) {
        bool gone =
            i == posts->n || (k < removed->n && removed->items[k].rev < posts->items[i].rev);
        const mn_post *next = gone ? &removed->items[k] : &posts->items[i];
        items[i + k] = *next;
        if (gone) k++;
        else i++;
    }
    *ret = (mn_posts){items, n};
    return MN_OK;
}

mn_rc mn_store_posts_changed(mn_store *s, uint64_t after_rev, size_t limit, mn_arena *ar,
                             mn_posts *ret, mn_err *e)
{
    mn_db *db;
    mn_posts posts = {0}, removed = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_changes(db, SELECT_POSTS "WHERE p.rev > ?1 ORDER BY p.rev LIMIT ?2",
                            read_post, after_rev, limit, ar, &posts, e);
    if (rc == MN_OK)
        rc = read_changes(
            db, "SELECT post_id, rev FROM removed WHERE rev > ?1 ORDER BY rev LIMIT ?2",
            read_removed, after_rev, limit, ar, &removed, e);
    mn_store__reader_done(s, db);
    return rc == MN_OK ? merge(&posts, &removed, limit, ar, ret, e) : rc;
}

/* ---- the scan ---------------------------------------------------------------------------------------------------- */

mn_rc mn_store_posts_scan(mn_store *s, uint64_t after_id, size_t limit, mn_arena *ar,
                          mn_posts *ret, mn_err *e)
{
    const int64_t args[] = {db_number(after_id), db_number(limit)};
    return collect(s,
                   SELECT_POSTS "WHERE p.id > ?1 AND p.deleted_ms = 0 ORDER BY p.id LIMIT ?2",
                   args, 2, ar, ret, e);
}

static mn_rc read_mark(mn_db *db, uint64_t after_id, size_t n, uint64_t *ret, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(db,
                      "SELECT id FROM posts WHERE id > ?1 AND deleted_ms = 0 ORDER BY id "
                      "LIMIT 1 OFFSET ?2",
                      &q, e));
    db_i64(q, 1, db_number(after_id));
    db_i64(q, 2, db_number(n - 1));
    MN_TRY(db_step(q, &row, e));
    *ret = row ? db_col_u64(q, 0) : 0;
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_posts_mark(mn_store *s, uint64_t after_id, size_t n, uint64_t *ret, mn_err *e)
{
    mn_db *db;
    MN_ASSERT(n > 0);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_mark(db, after_id, n, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* That many ids are asked for at once: a statement each would be a journey each to a database on another machine. */
#define IDS_AT_ONCE 20
#define IDS_SQL                                                                                \
    "WHERE p.id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "   \
    "?17, ?18, ?19, ?20)"

/* Up to IDS_AT_ONCE posts, in the order asked for; ids that are not here leave no gap. */
static mn_rc read_some(mn_db *db, const uint64_t *ids, size_t n, mn_arena *ar, mn_posts *ret,
                       mn_err *e)
{
    mn_stmt *q;
    void *rows = NULL;
    size_t n_rows = 0;
    MN_TRY(
        db_prepare(db, n == 1 ? SELECT_POSTS "WHERE p.id = ?1" : SELECT_POSTS IDS_SQL, &q, e));
    for (size_t i = 0; i < (n == 1 ? 1 : IDS_AT_ONCE); i++)
        db_u64(q, (int)i + 1, ids[i < n ? i : 0]);
    MN_TRY(mn_store__collect(q, read_post, sizeof(mn_post), ar, &rows, &n_rows, e));
    const mn_post *posts = rows;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_rows && posts[k].id != ids[i]) k++;
        if (k < n_rows) ret->items[ret->n++] = posts[k];
    }
    return MN_OK;
}

static mn_rc read_ids(mn_db *db, const uint64_t *ids, size_t n, mn_arena *ar, mn_posts *ret,
                      mn_err *e)
{
    mn_posts posts = {.items = mn_arena_alloc(ar, n * sizeof(mn_post))};
    if (!posts.items) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    for (size_t i = 0; i < n; i += IDS_AT_ONCE)
        MN_TRY(
            read_some(db, ids + i, n - i < IDS_AT_ONCE ? n - i : IDS_AT_ONCE, ar, &posts, e));
    *ret = posts;
    return MN_OK;
}

mn_rc mn_store_posts_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                            mn_posts *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(check_page(n, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_ids(db, ids, n, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- versions, counts -------------------------------------------------------------------------------------------- */

static mn_rc read_version(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_post_version v = {.at_ms = db_col_i64(q, 0)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &v.text, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &v.warning, e));
    v.sensitive = db_col_i64(q, 3) != 0;
    MN_TRY(mn_store__col_dup(q, 4, ar, &v.media, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &v.poll, e));
    *(mn_post_version *)ret = v;
    return MN_OK;
}

mn_rc mn_store_post_versions(mn_store *s, uint64_t id, mn_arena *ar, mn_post_version **ret,
                             size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT at_ms, text, warning, sensitive, media, poll FROM post_versions WHERE post_id "
        "= ?1 ORDER BY n",
        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__collect(q, read_version, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_counts(mn_db *db, uint64_t ret[3], mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(mn_store__counter(db, "rev", &ret[2], e));
    /* The accounts' own counters: counting a million rows would take their time. */
    MN_TRY(db_prepare(
        db,
        "SELECT count(*) FILTER (WHERE state <> 2), coalesce(sum(n_posts), 0) FROM accounts",
        &q, e));
    MN_TRY(db_step(q, &row, e));
    ret[0] = db_col_u64(q, 0);
    ret[1] = db_col_u64(q, 1);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store_counts(mn_store *s, uint64_t *ret_accounts, uint64_t *ret_posts,
                      uint64_t *ret_last_rev, mn_err *e)
{
    mn_db *db;
    uint64_t n[3] = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_counts(db, n, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    if (ret_accounts) *ret_accounts = n[0];
    if (ret_posts) *ret_posts = n[1];
    if (ret_last_rev) *ret_last_rev = n[2];
    return MN_OK;
}
