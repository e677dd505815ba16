/* People found: by words, in the directory, as suggestions. */
#include "store/people_int.h"

#define CANDIDATES_MAX 5000
#define FRIENDS_MAX    100 /* of one's newest follows are asked whom they follow … */
#define FRIENDLY_MAX   500 /* … those who follow no more than that: it says little of others */

/* Signed up, and waiting for something: not to be shown. */
#define NOT_WAITING                                                                            \
    "NOT EXISTS (SELECT 1 FROM credentials c WHERE c.account_id = a.id AND (c.approved = 0 "   \
    "OR (c.must_confirm = 1 AND c.email_confirmed_ms = 0))) "

/* ---- search ------------------------------------------------------------------------------------------------------ */

/* ?1 me, ?2 ?3 the bounds of the name, ?4 … ?9 those of three words, ?10 only whom I follow, ?11 limit, ?12 offset,
 * ?13 candidates. */
static const char search_sql[] =
    "SELECT a.id FROM (SELECT id FROM (SELECT id FROM accounts WHERE name_key >= ?2 AND "
    "name_key < ?3 LIMIT ?13) named UNION SELECT account_id FROM (SELECT w.account_id FROM "
    "account_words w WHERE w.word >= ?4 AND w.word < ?5 "
    "AND EXISTS (SELECT 1 FROM account_words v WHERE v.account_id = w.account_id AND v.word >= "
    "?6 AND v.word < ?7) "
    "AND EXISTS (SELECT 1 FROM account_words v WHERE v.account_id = w.account_id AND v.word >= "
    "?8 AND v.word < ?9) LIMIT ?13) worded) x JOIN accounts a ON a.id = x.id "
    "LEFT JOIN follows f ON f.follower = ?1 AND f.followee = a.id "
    "WHERE a.state = 0 AND (?10 = 0 OR f.follower IS NOT NULL) AND " NOT_WAITING
    "ORDER BY CASE WHEN a.name_key = ?2 THEN 0 ELSE 1 END, "
    "CASE WHEN f.follower IS NULL THEN 1 ELSE 0 END, a.n_followers DESC, a.id "
    "LIMIT ?11 OFFSET ?12";

/* What a prefix's words lie between: the prefix and the prefix followed by the last of all characters. */
typedef struct span {
    char hi[256];
    size_t n;
} span;

static void bind_prefix(mn_stmt *q, int i, mn_str prefix, span *hi)
{
    hi->n = prefix.len < sizeof hi->hi - 4 ? prefix.len : sizeof hi->hi - 4;
    memcpy(hi->hi, prefix.ptr, hi->n);
    memcpy(hi->hi + hi->n, "\xF4\x8F\xBF\xBF", 4);
    db_text(q, i, (mn_str){hi->hi, hi->n});
    db_text(q, i + 1, (mn_str){hi->hi, hi->n + 4});
}

/* The first word as a name may be written: with an @ before it, a domain behind it, in any case. */
static mn_str name_prefix(mn_str text, char ret[256])
{
    text = mn_str_trim(text);
    if (mn_str_starts(text, "@")) text = mn_str_sub(text, 1, SIZE_MAX);
    size_t n = 0;
    for (; n < text.len && n < 250 && (unsigned char)text.ptr[n] > ' '; n++)
        ret[n] =
            (char)(text.ptr[n] >= 'A' && text.ptr[n] <= 'Z' ? text.ptr[n] + 32 : text.ptr[n]);
    return (mn_str){ret, n};
}

static mn_rc search(mn_db *db, const mn_people_query *x, mn_arena *ar, uint64_t **ret,
                    size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    mn_words w;
    char name[256];
    span hi[4];
    mn_str prefix = name_prefix(x->text, name);
    mn_store__words(x->text, &w);
    MN_TRY(db_prepare(db, search_sql, &q, e));
    db_u64(q, 1, x->me);
    bind_prefix(q, 2, prefix, &hi[0]);
    for (size_t i = 0; i < 3; i++) {
        /* what has no letters is nobody's word; words that were not given fit everybody */
        mn_str word = i < w.n ? (mn_str){w.text[i], w.len[i]}
                              : (i == 0 ? MN_STR("\xF4\x8F\xBF\xBF") : MN_STR(""));
        bind_prefix(q, 4 + 2 * (int)i, word, &hi[1 + i]);
    }
    db_i64(q, 10, x->following);
    db_u64(q, 11, x->limit);
    db_u64(q, 12, x->offset);
    db_i64(q, 13, CANDIDATES_MAX);
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_people_search(mn_store *s, const mn_people_query *q, mn_arena *ar,
                             uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    char name[256];
    if (name_prefix(q->text, name).len == 0) {
        *ret = NULL;
        *ret_n = 0;
        return MN_OK;
    }
    MN_TRY(mn_store__bounds((mn_bounds){.limit = q->limit}, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = search(db, q, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

#define NOT_BETWEEN_US                                                                         \
    "NOT EXISTS (SELECT 1 FROM blocks b WHERE b.account_id = ?1 AND b.target_id = a.id) AND "  \
    "NOT EXISTS (SELECT 1 FROM blocks b WHERE b.account_id = a.id AND b.target_id = ?1) AND "  \
    "NOT EXISTS (SELECT 1 FROM mutes m WHERE m.account_id = ?1 AND m.target_id = a.id) AND "
#define SHOWN                                                                                  \
    "FROM accounts a WHERE a.discoverable = 1 AND a.state = 0 AND a.silenced_ms = 0 AND "      \
    "a.moved_to = 0 AND a.id <> ?1 AND " NOT_BETWEEN_US NOT_WAITING
#define DIRECTORY(order)                                                                       \
    "SELECT a.id " SHOWN "AND (?2 = 0 OR a.domain = '') ORDER BY " order " LIMIT ?3 OFFSET ?4"

mn_rc mn_store_directory(mn_store *s, uint64_t me, bool newest, bool local_only, size_t limit,
                         size_t offset, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__bounds((mn_bounds){.limit = limit}, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, newest ? DIRECTORY("a.id DESC") : DIRECTORY("a.last_post_ms DESC, a.id DESC"), &q,
        e);
    if (rc == MN_OK) {
        db_u64(q, 1, me);
        db_i64(q, 2, local_only);
        db_u64(q, 3, limit);
        db_u64(q, 4, offset);
        rc = mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- suggestions ------------------------------------------------------------------------------------------------- */

#define NEW_TO_ME                                                                              \
    "AND NOT EXISTS (SELECT 1 FROM follows f WHERE f.follower = ?1 AND f.followee = a.id) "    \
    "AND NOT EXISTS (SELECT 1 FROM follow_requests r WHERE r.account_id = ?1 AND r.target_id " \
    "= a.id) AND NOT EXISTS (SELECT 1 FROM suggestions_dismissed d WHERE d.account_id = ?1 "   \
    "AND d.target_id = a.id) "

/* ?1 me, ?2 limit; of friends ?3 how many and ?4 how friendly. */
static const char *const suggestion_sql[] = {
    [MN_SUGGEST_FRIENDS] =
        "SELECT a.id " SHOWN NEW_TO_ME
        "AND a.id IN (SELECT g.followee FROM follows g WHERE g.follower IN (SELECT t.followee "
        "FROM (SELECT f.followee FROM follows f JOIN accounts p ON p.id = f.followee WHERE "
        "f.follower = ?1 AND p.n_following <= ?4 AND p.hide_follows = 0 ORDER BY f.id DESC "
        "LIMIT ?3) t)) ORDER BY a.n_followers DESC, a.id LIMIT ?2",
    [MN_SUGGEST_FOLLOWED] = "SELECT a.id " SHOWN NEW_TO_ME
                            "AND a.n_followers > 0 ORDER BY a.n_followers DESC, a.id LIMIT ?2",
    [MN_SUGGEST_ACTIVE] = "SELECT a.id " SHOWN NEW_TO_ME
                          "AND a.last_post_ms > 0 ORDER BY a.last_post_ms DESC, a.id LIMIT ?2",
};

static mn_rc of_source(mn_db *db, uint64_t me, mn_suggestion_source source, size_t limit,
                       mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, suggestion_sql[source], &q, e));
    db_u64(q, 1, me);
    db_u64(q, 2, limit);
    if (source == MN_SUGGEST_FRIENDS) {
        db_i64(q, 3, FRIENDS_MAX);
        db_i64(q, 4, FRIENDLY_MAX);
    }
    return mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e);
}

/* Each account once, with the first reason. */
static size_t append(mn_suggestion *all, size_t n, size_t limit, const uint64_t *ids,
                     size_t n_ids, mn_suggestion_source source)
{
    for (size_t i = 0; i < n_ids && n < limit; i++) {
        size_t k = 0;
        while (k < n && all[k].account_id != ids[i]) k++;
        if (k == n) all[n++] = (mn_suggestion){ids[i], source};
    }
    return n;
}

mn_rc mn_store_suggestions(mn_store *s, uint64_t me, size_t limit, mn_arena *ar,
                           mn_suggestion **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    size_t n = 0;
    MN_TRY(mn_store__bounds((mn_bounds){.limit = limit}, e));
    mn_suggestion *all = mn_arena_alloc(ar, (limit ? limit : 1) * sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (int k = MN_SUGGEST_FRIENDS; rc == MN_OK && n < limit && k <= MN_SUGGEST_ACTIVE; k++) {
        uint64_t *ids = NULL;
        size_t n_ids = 0;
        rc = of_source(db, me, (mn_suggestion_source)k, limit, ar, &ids, &n_ids, e);
        if (rc == MN_OK) n = append(all, n, limit, ids, n_ids, (mn_suggestion_source)k);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = all;
    *ret_n = n;
    return MN_OK;
}

/* ---- an account's posts ------------------------------------------------------------------------------------------ */

/* ?1 author, ?2 below, ?3 above, ?4 limit, ?5 most private, ?6 me, ?7 only media, ?8 no replies, ?9 no boosts; ?10 tag.
 * A boost of what was deleted, or of somebody suspended, is not there; nor, for me, of those between whom and me a block or
 * my mute stands. */
#define PROFILE(from, where, order)                                                            \
    "SELECT p.id FROM " from " WHERE " where "p.account_id = ?1 AND p.id < ?2 AND p.id > ?3 "  \
    "AND p.deleted_ms = 0 AND (p.visibility <= ?5 OR EXISTS (SELECT 1 FROM mentions m WHERE "  \
    "m.post_id = p.id AND m.account_id = ?6)) AND (?7 = 0 OR p.n_media > 0) AND (?8 = 0 OR "   \
    "p.reply_to = 0 OR p.reply_account = p.account_id) AND (p.boost_of = 0 OR (?9 = 0 AND "    \
    "EXISTS (SELECT 1 FROM posts o JOIN accounts a ON a.id = o.account_id WHERE o.id = "       \
    "p.boost_of AND o.deleted_ms = 0 AND a.state = 0 "                                         \
    "AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.account_id = ?6 AND b.target_id = a.id) "  \
    "AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.account_id = a.id AND b.target_id = ?6) "  \
    "AND NOT EXISTS (SELECT 1 FROM mutes t WHERE t.account_id = ?6 AND t.target_id = a.id)"    \
    "))) ORDER BY p.id " order " LIMIT ?4"
#define ALL_OF(order) PROFILE("posts p", "", order)
#define PINNED_OF(order)                                                                       \
    PROFILE("pins n JOIN posts p ON p.id = n.post_id", "n.account_id = ?1 AND ", order)
#define TAGGED_OF(order)                                                                       \
    PROFILE("tags g JOIN post_tags t ON t.tag_id = g.id JOIN posts p ON p.id = t.post_id",     \
            "g.name = ?10 AND ", order)

static const char *profile_sql(const mn_profile_query *x)
{
    if (x->tagged.len) return x->page.after ? TAGGED_OF("ASC") : TAGGED_OF("DESC");
    if (x->pinned) return x->page.after ? PINNED_OF("ASC") : PINNED_OF("DESC");
    return x->page.after ? ALL_OF("ASC") : ALL_OF("DESC");
}

static mn_rc profile_posts(mn_db *db, const mn_profile_query *x, mn_arena *ar, uint64_t **ret,
                           size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, profile_sql(x), &q, e));
    db_u64(q, 1, x->account);
    mn_store__bind_bounds(q, 2, x->page);
    db_i64(q, 5, x->most_private);
    db_u64(q, 6, x->me);
    db_i64(q, 7, x->only_media);
    db_i64(q, 8, x->exclude_replies);
    db_i64(q, 9, x->exclude_boosts);
    if (x->tagged.len) db_text(q, 10, x->tagged);
    MN_TRY(mn_store__collect(q, mn_store__row_id, sizeof **ret, ar, (void **)ret, ret_n, e));
    if (x->page.after) mn_store__turn(*ret, *ret_n, sizeof **ret);
    return MN_OK;
}

mn_rc mn_store_profile_posts(mn_store *s, const mn_profile_query *q, mn_arena *ar,
                             uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__bounds(q->page, e));
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = profile_posts(db, q, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}
