/* Conversations and markers. */
#include "store/conversations.h"

#include "base/snowflake.h"
#include "store/store_int.h"

/* ---- others, as text ------------------------------------------------------------------------------------------------ */

static mn_rc write_others(const mn_conversation *c, mn_buf *b, mn_err *e)
{
    for (size_t i = 0; i < c->n_others; i++) {
        if (i) mn_buf_addc(b, ',');
        mn_buf_addu(b, c->others[i]);
    }
    return b->failed ? mn_fail(e, b->failed, "out of memory for a conversation") : MN_OK;
}

static mn_rc read_others(mn_str text, mn_arena *ar, mn_conversation *c, mn_err *e)
{
    size_t n = 0, cap = 1;
    for (size_t i = 0; i < text.len; i++) cap += text.ptr[i] == ',';
    uint64_t *ids = mn_arena_alloc(ar, cap * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    for (mn_str rest = text; rest.len;) {
        mn_str one = mn_str_split(rest, ',', &rest);
        if (mn_str_to_u64(one, &ids[n]) != MN_OK)
            return mn_fail(e, MN_E_CORRUPT, "conversation %llu names '%.*s', which is no id",
                           (unsigned long long)c->id, MN_STR_FMT(one));
        n++;
    }
    c->others = ids;
    c->n_others = n;
    return MN_OK;
}

static mn_rc read_conversation(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_conversation c = {.id = db_col_u64(q, 0),
                         .account_id = db_col_u64(q, 1),
                         .thread_id = db_col_u64(q, 2),
                         .last_post_id = db_col_u64(q, 3),
                         .unread = db_col_i64(q, 4) != 0};
    MN_TRY(read_others(db_col_str(q, 5), ar, &c, e));
    *(mn_conversation *)ret = c;
    return MN_OK;
}

#define COLUMNS "id, account_id, thread_id, last_post_id, unread, others"

static mn_rc tell(mn_tx *tx, uint64_t id, uint64_t account, mn_err *e)
{
    return mn_store_event(
        tx, (mn_event){.kind = MN_EV_CONVERSATION, .id = id, .account = account}, e);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static mn_rc row_of(mn_tx *tx, uint64_t account, uint64_t thread, uint64_t *ret, mn_err *e)
{
    int64_t id = 0;
    mn_rc rc = mn_store__get2(
        tx->db, "SELECT id FROM conversations WHERE account_id = ?1 AND thread_id = ?2",
        account, thread, &id, e);
    if (rc == MN_OK) *ret = (uint64_t)id;
    return rc;
}

static mn_rc put(mn_tx *tx, const char *sql, const mn_conversation *c, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    mn_buf others;
    MN_TRY(db_prepare(tx->db, sql, &q, e));
    mn_buf_init(&others, 0);
    mn_rc rc = write_others(c, &others, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        db_u64(q, 2, c->account_id);
        db_u64(q, 3, c->thread_id);
        db_u64(q, 4, c->last_post_id);
        db_i64(q, 5, c->unread);
        db_text(q, 6, mn_buf_str(&others));
        rc = mn_store__run(q, NULL, e);
    }
    mn_buf_release(&others);
    return rc;
}

mn_rc mn_store_conversation_put(mn_tx *tx, const mn_conversation *c, uint64_t *ret_id,
                                mn_err *e)
{
    uint64_t id = 0;
    if (c->n_others > MN_CONVERSATION_PEOPLE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a conversation has at most %d people",
                       MN_CONVERSATION_PEOPLE_MAX);
    mn_rc rc = row_of(tx, c->account_id, c->thread_id, &id, e);
    if (rc == MN_E_NOT_FOUND) {
        id = mn_snowflake_next();
        rc = put(tx, "INSERT INTO conversations (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                 c, id, e);
    } else if (rc == MN_OK) {
        rc = put(tx,
                 "UPDATE conversations SET last_post_id = ?4, unread = ?5, others = ?6 "
                 "WHERE id = ?1 AND account_id = ?2 AND thread_id = ?3",
                 c, id, e);
    }
    if (rc != MN_OK) return rc;
    *ret_id = id;
    return MN_OK;
}

/* The newest direct post of the thread but one, that the account has part in; 0: none is left. */
static mn_rc newest_of(mn_tx *tx, uint64_t account, uint64_t thread, uint64_t but,
                       uint64_t *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "SELECT coalesce(max(p.id), 0) FROM posts p WHERE p.id IN (SELECT t.id FROM posts t "
        "WHERE t.thread_id = ?2 AND t.thread_id <> t.id UNION ALL SELECT r.id FROM posts r "
        "WHERE r.id = ?2 AND r.thread_id = r.id) AND p.id <> ?3 AND p.visibility = 3 AND "
        "p.deleted_ms = 0 AND (p.account_id = ?1 OR EXISTS (SELECT 1 FROM mentions m WHERE "
        "m.post_id = p.id AND m.account_id = ?1))",
        &q, e));
    db_u64(q, 1, account);
    db_u64(q, 2, thread);
    db_u64(q, 3, but);
    return mn_store__one(q, mn_store__row_id, NULL, ret, e);
}

static mn_rc step_back(mn_tx *tx, uint64_t id, uint64_t account, uint64_t thread, uint64_t post,
                       mn_err *e)
{
    uint64_t last = 0;
    MN_TRY(newest_of(tx, account, thread, post, &last, e));
    MN_TRY(last ? mn_store__run2(tx->db,
                                 "UPDATE conversations SET last_post_id = ?2 WHERE id = ?1", id,
                                 last, e)
                : mn_store__run2(tx->db, "DELETE FROM conversations WHERE id = ?1", id, 0, e));
    return tell(tx, id, account, e);
}

typedef struct owned {
    uint64_t id, account;
} owned;

static mn_rc read_owned(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(owned *)ret = (owned){db_col_u64(q, 0), db_col_u64(q, 1)};
    return MN_OK;
}

mn_rc mn_store_conversation_post_gone(mn_tx *tx, uint64_t thread_id, uint64_t post_id,
                                      mn_err *e)
{
    mn_arena ar;
    mn_stmt *q;
    void *items = NULL;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = db_prepare(tx->db,
                          "SELECT id, account_id FROM conversations WHERE thread_id = ?1 AND "
                          "last_post_id = ?2 ORDER BY id",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, thread_id);
        db_u64(q, 2, post_id);
        rc = mn_store__collect(q, read_owned, sizeof(owned), &ar, &items, &n, e);
    }
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        const owned *o = (const owned *)items + i;
        rc = step_back(tx, o->id, o->account, thread_id, post_id, e);
    }
    mn_arena_release(&ar);
    return rc;
}

static mn_rc changed_one(mn_tx *tx, mn_stmt *q, uint64_t id, uint64_t account, mn_err *e)
{
    uint64_t n = 0;
    db_u64(q, 1, id);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? tell(tx, id, account, e) : MN_E_NOT_FOUND;
}

mn_rc mn_store_conversation_unread_set(mn_tx *tx, uint64_t account, uint64_t id, bool unread,
                                       mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE conversations SET unread = ?3 WHERE id = ?1 AND account_id = ?2",
                      &q, e));
    db_i64(q, 3, unread);
    return changed_one(tx, q, id, account, e);
}

mn_rc mn_store_conversation_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM conversations WHERE id = ?1 AND account_id = ?2", &q,
                      e));
    return changed_one(tx, q, id, account, e);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_conversation(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                            mn_conversation *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db, "SELECT " COLUMNS " FROM conversations WHERE id = ?1 AND account_id = ?2", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        db_u64(q, 2, account);
        rc = mn_store__one(q, read_conversation, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

#define PAGE(order)                                                                            \
    "SELECT " COLUMNS " FROM conversations WHERE account_id = ?1 AND last_post_id < ?2 AND "   \
    "last_post_id > ?3 ORDER BY last_post_id " order " LIMIT ?4"

mn_rc mn_store_conversations(mn_store *s, uint64_t account, uint64_t below, uint64_t above,
                             bool upward, size_t limit, mn_arena *ar, mn_conversation **ret,
                             size_t *ret_n, mn_err *e)
{
    static const mn_store__pages sql = {PAGE("DESC"), PAGE("ASC"), read_conversation,
                                        sizeof **ret};
    mn_store__span sp = {below, above, limit, upward};
    return mn_store__page_of(s, &sql, account, sp, ar, (void **)ret, ret_n, e);
}

/* ---- markers ---------------------------------------------------------------------------------------------------------- */

static mn_rc read_marker(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_marker m = {.version = db_col_u64(q, 2), .updated_ms = db_col_i64(q, 3)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &m.timeline, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &m.last_read_id, e));
    *(mn_marker *)ret = m;
    return MN_OK;
}

mn_rc mn_store_marker(mn_store *s, uint64_t account, mn_str timeline, mn_arena *ar,
                      mn_marker *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT timeline, last_read_id, version, updated_ms FROM markers "
                          "WHERE account_id = ?1 AND timeline = ?2",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_text(q, 2, timeline);
        rc = mn_store__one(q, read_marker, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_marker_set(mn_tx *tx, uint64_t account, mn_str timeline, mn_str last_read_id,
                          int64_t now_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO markers (account_id, timeline, last_read_id, version, "
                      "updated_ms) VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (account_id, "
                      "timeline) DO UPDATE SET last_read_id = excluded.last_read_id, version = "
                      "markers.version + 1, updated_ms = excluded.updated_ms",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, timeline);
    db_text(q, 3, last_read_id);
    db_i64(q, 4, now_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_MARKERS, .account = account}, e);
}
