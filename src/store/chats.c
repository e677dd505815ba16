/* Conversations with a language model: rows. */
#include "store/chats.h"

#include "store/store_int.h"

#define CHAT "id, account_id, head, title, model, system, created_ms, updated_ms"

mn_rc mn_store_chat_add(mn_tx *tx, const mn_chat *c, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(
        db_prepare(tx->db,
                   "INSERT INTO chats (id, account_id, head, title, model, system, created_ms, "
                   "updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                   &q, e));
    db_u64(q, 1, c->id);
    db_u64(q, 2, c->account_id);
    db_u64(q, 3, c->head);
    db_text(q, 4, c->title);
    db_text(q, 5, c->model);
    db_text(q, 6, c->system);
    db_i64(q, 7, c->created_ms);
    db_i64(q, 8, c->updated_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_chat_update(mn_tx *tx, const mn_chat *c, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE chats SET head = ?3, title = ?4, model = ?5, system = ?6, "
                      "updated_ms = ?7 WHERE id = ?1 AND account_id = ?2",
                      &q, e));
    db_u64(q, 1, c->id);
    db_u64(q, 2, c->account_id);
    db_u64(q, 3, c->head);
    db_text(q, 4, c->title);
    db_text(q, 5, c->model);
    db_text(q, 6, c->system);
    db_i64(q, 7, c->updated_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

mn_rc mn_store_chat_remove(mn_tx *tx, uint64_t account, uint64_t chat, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, "DELETE FROM chats WHERE id = ?1 AND account_id = ?2", &q, e));
    db_u64(q, 1, chat);
    db_u64(q, 2, account);
    MN_TRY(mn_store__run(q, &n, e));
    if (!n) return MN_E_NOT_FOUND;
    return mn_store__run2(tx->db, "DELETE FROM chat_turns WHERE chat_id = ?1", chat, 0, e);
}

static mn_rc count_turns(mn_tx *tx, uint64_t chat, uint64_t *ret, mn_err *e)
{
    mn_stmt *q;
    bool row;
    MN_TRY(db_prepare(tx->db, "SELECT count(*) FROM chat_turns WHERE chat_id = ?1", &q, e));
    db_u64(q, 1, chat);
    MN_TRY(db_step(q, &row, e));
    if (row) {
        *ret = db_col_u64(q, 0);
        db_reset(q);
    }
    return MN_OK;
}

static mn_rc move_head(mn_tx *tx, uint64_t account, const mn_chat_turn *t, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(
        db_prepare(tx->db,
                   "UPDATE chats SET head = ?3, updated_ms = ?4 WHERE id = ?1 AND account_id "
                   "= ?2",
                   &q, e));
    db_u64(q, 1, t->chat_id);
    db_u64(q, 2, account);
    db_u64(q, 3, t->id);
    db_i64(q, 4, t->created_ms);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

mn_rc mn_store_chat_turn_add(mn_tx *tx, uint64_t account, const mn_chat_turn *t, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(move_head(tx, account, t, e));
    MN_TRY(count_turns(tx, t->chat_id, &n, e));
    if (n >= MN_CHAT_TURNS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a conversation has at most %d turns: begin a new one",
                       MN_CHAT_TURNS_MAX);
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO chat_turns (id, chat_id, parent, role, content, model, "
                      "created_ms, tokens, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                      &q, e));
    db_u64(q, 1, t->id);
    db_u64(q, 2, t->chat_id);
    db_u64(q, 3, t->parent);
    db_i64(q, 4, t->role);
    db_text(q, 5, t->content);
    db_text(q, 6, t->model);
    db_i64(q, 7, t->created_ms);
    db_u64(q, 8, t->tokens);
    db_i64(q, 9, t->end);
    return mn_store__run(q, NULL, e);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static mn_rc read_chat(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_chat c = {.id = db_col_u64(q, 0),
                 .account_id = db_col_u64(q, 1),
                 .head = db_col_u64(q, 2),
                 .created_ms = db_col_i64(q, 6),
                 .updated_ms = db_col_i64(q, 7)};
    MN_TRY(mn_store__col_dup(q, 3, ar, &c.title, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &c.model, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &c.system, e));
    *(mn_chat *)ret = c;
    return MN_OK;
}

mn_rc mn_store_chat(mn_store *s, uint64_t account, uint64_t chat, mn_arena *ar, mn_chat *ret,
                    mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db, "SELECT " CHAT " FROM chats WHERE id = ?1 AND account_id = ?2", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, chat);
        db_u64(q, 2, account);
        rc = mn_store__one(q, read_chat, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc list(mn_store *s, const char *sql, uint64_t account, int64_t from, size_t limit,
                  mn_arena *ar, mn_chat **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        db_i64(q, 2, from);
        db_limit(q, 3, limit);
        rc = mn_store__collect(q, read_chat, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_chats(mn_store *s, uint64_t account, int64_t before_ms, size_t limit,
                     mn_arena *ar, mn_chat **ret, size_t *ret_n, mn_err *e)
{
    return list(s,
                "SELECT " CHAT " FROM chats WHERE account_id = ?1 AND updated_ms < ?2 "
                "ORDER BY updated_ms DESC, id DESC LIMIT ?3",
                account, before_ms ? before_ms : INT64_MAX, limit, ar, ret, ret_n, e);
}

mn_rc mn_store_chats_by_id(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                           mn_arena *ar, mn_chat **ret, size_t *ret_n, mn_err *e)
{
    return list(s,
                "SELECT " CHAT " FROM chats WHERE account_id = ?1 AND id > ?2 ORDER BY id "
                "LIMIT ?3",
                account, (int64_t)after, limit, ar, ret, ret_n, e);
}

static mn_rc read_turn(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_chat_turn t = {.id = db_col_u64(q, 0),
                      .chat_id = db_col_u64(q, 1),
                      .parent = db_col_u64(q, 2),
                      .role = (mn_chat_role)db_col_i64(q, 3),
                      .created_ms = db_col_i64(q, 6),
                      .tokens = (uint32_t)db_col_u64(q, 7),
                      .end = (mn_chat_end)db_col_i64(q, 8)};
    MN_TRY(mn_store__col_dup(q, 4, ar, &t.content, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &t.model, e));
    *(mn_chat_turn *)ret = t;
    return MN_OK;
}

mn_rc mn_store_chat_turns(mn_store *s, uint64_t chat, mn_arena *ar, mn_chat_turn **ret,
                          size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db,
                   "SELECT id, chat_id, parent, role, content, model, created_ms, "
                   "tokens, ended FROM chat_turns WHERE chat_id = ?1 ORDER BY id LIMIT ?2",
                   &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, chat);
        db_limit(q, 2, MN_CHAT_TURNS_MAX);
        rc = mn_store__collect(q, read_turn, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* One number by one number; 0 when there is no row. */
static mn_rc number_of(mn_store *s, const char *sql, uint64_t key, uint64_t *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    bool row = false;
    *ret = 0;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, key);
        rc = db_step(q, &row, e);
    }
    if (rc == MN_OK && row) {
        *ret = db_col_u64(q, 0);
        db_reset(q);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_chats_count(mn_store *s, uint64_t account, uint64_t *ret, mn_err *e)
{
    return number_of(s, "SELECT count(*) FROM chats WHERE account_id = ?1", account, ret, e);
}

mn_rc mn_store_chat_owner(mn_store *s, uint64_t chat, uint64_t *ret, mn_err *e)
{
    return number_of(s, "SELECT account_id FROM chats WHERE id = ?1", chat, ret, e);
}

mn_rc mn_store_chat_of_turn(mn_store *s, uint64_t turn, uint64_t *ret, mn_err *e)
{
    return number_of(s, "SELECT chat_id FROM chat_turns WHERE id = ?1", turn, ret, e);
}
