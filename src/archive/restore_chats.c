/* chats.jsonl brought back: conversations with models as they were, ids too where nobody has them here.
 *
 * A line with "chat" begins a conversation, the lines with "turn" after it are its turns, parents before children. Each conversation
 * is one transaction, so a broken file loses at most the last one, and one that is here already is passed over. */
#include <string.h>

#include "archive/restore_int.h"
#include "base/clock.h"
#include "base/snowflake.h"

#define CONTENT_MAX (64u << 10)
#define SYSTEM_MAX  (16u << 10)

const char *const mn_archive_chat_ends[] = {"whole", "length", "stopped", "failed"};

static mn_str text_of(const mn_json *line, const char *key, size_t most)
{
    mn_str s = mn_json_str(mn_json_get(line, key));
    return s.ptr ? mn_utf8_cut(s, most) : MN_STR("");
}

static int64_t moment_of(const mn_json *line, const char *key)
{
    int64_t at = mn_json_i64(mn_json_get(line, key), 0), now = mn_now_ms();
    return at < 0 ? 0 : at > now ? now : at;
}

/* The id under which the turn is known here; 0: it is none of this conversation. */
static uint64_t here(const mn_bringing *b, uint64_t id)
{
    for (size_t i = b->n; i-- > 0;)
        if (b->was[i] == id) return b->is[i];
    return 0;
}

static mn_rc read_id(const mn_json *line, const char *key, uint64_t *ret, mn_err *e)
{
    *ret = mn_json_u64(mn_json_get(line, key), 0);
    return *ret && *ret <= (uint64_t)INT64_MAX
               ? MN_OK
               : mn_fail(e, MN_E_PARSE, "\"%s\" must be the number of one, as a text", key);
}

mn_rc mn_restore__chat_end(mn_restore *x, mn_rc rc, mn_err *e)
{
    mn_bringing *b = &x->chats;
    mn_tx *tx = b->tx;
    if (!tx) return rc;
    b->tx = NULL;
    b->chat.head = here(b, b->chat.head);
    if (rc == MN_OK) rc = mn_store_chat_update(tx, &b->chat, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

/* The id as it is, or a fresh one when somebody has it. From then on all are fresh, as turns are ordered by their ids. */
static uint64_t id_for(mn_bringing *b, uint64_t id, bool taken)
{
    b->renewed |= taken;
    return b->renewed ? mn_snowflake_next() : id;
}

static mn_rc begin_chat(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_bringing *b = &x->chats;
    uint64_t id, owner, count;
    MN_TRY(mn_restore__chat_end(x, MN_OK, e));
    b->n = 0;
    b->renewed = false;
    MN_TRY(read_id(line, "chat", &id, e));
    MN_TRY(mn_store_chat_owner(x->s, id, &owner, e));
    b->passed_over = owner == x->account;
    if (b->passed_over) return MN_OK;
    MN_TRY(mn_store_chats_count(x->s, x->account, &count, e));
    if (count >= MN_CHATS_MOST)
        return mn_fail(e, MN_E_LIMIT, "an account has at most %d conversations", MN_CHATS_MOST);
    mn_arena_reset(&b->text);
    b->chat = (mn_chat){.id = id_for(b, id, owner != 0),
                        .account_id = x->account,
                        .title = mn_str_dup(&b->text, text_of(line, "title", MN_CHATS_TITLE)),
                        .model = mn_str_dup(&b->text, text_of(line, "model", MN_CHATS_NAME)),
                        .system = mn_str_dup(&b->text, text_of(line, "system", SYSTEM_MAX)),
                        .created_ms = moment_of(line, "created_ms"),
                        .updated_ms = moment_of(line, "updated_ms")};
    uint64_t head = mn_json_u64(mn_json_get(line, "head"), 0);
    MN_TRY(mn_store_begin(x->s, &b->tx, e));
    MN_TRY(mn_store_chat_add(b->tx, &b->chat, e));
    b->chat.head = head; /* as the archive counts, until its turns are here */
    return MN_OK;
}

static mn_rc read_role(const mn_json *line, mn_chat_turn *t, mn_err *e)
{
    mn_str role = mn_json_str(mn_json_get(line, "role")),
           end = mn_json_str(mn_json_get(line, "end"));
    if (mn_str_eqz(role, "user")) return MN_OK;
    if (!mn_str_eqz(role, "assistant"))
        return mn_fail(e, MN_E_PARSE, "\"role\" must be user or assistant");
    uint64_t tokens = mn_json_u64(mn_json_get(line, "tokens"), 0);
    t->role = MN_CHAT_MODEL;
    t->model = text_of(line, "model", MN_CHATS_NAME);
    t->tokens = tokens < UINT32_MAX ? (uint32_t)tokens : 0;
    for (int i = 0; i <= MN_CHAT_FAILED; i++)
        if (mn_str_eqz(end, mn_archive_chat_ends[i])) t->end = (mn_chat_end)i;
    return MN_OK;
}

static mn_rc add_turn(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_bringing *b = &x->chats;
    uint64_t id, in, parent = mn_json_u64(mn_json_get(line, "parent"), 0);
    if (b->passed_over) return MN_OK;
    if (!b->tx) return mn_fail(e, MN_E_PARSE, "a turn stands before every conversation");
    MN_TRY(read_id(line, "turn", &id, e));
    if (b->n == MN_CHAT_TURNS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a conversation has at most %d turns", MN_CHAT_TURNS_MAX);
    if (b->n && id <= b->was[b->n - 1])
        return mn_fail(e, MN_E_PARSE, "turns must be ordered by their numbers");
    MN_TRY(mn_store_chat_of_turn(x->s, id, &in, e));
    mn_chat_turn t = {.chat_id = b->chat.id,
                      .parent = here(b, parent),
                      .content = mn_json_str(mn_json_get(line, "content")),
                      .model = MN_STR(""),
                      .created_ms = moment_of(line, "created_ms")};
    if (parent && !t.parent)
        return mn_fail(e, MN_E_PARSE, "\"parent\" is no turn before this one");
    if (!t.content.ptr || t.content.len > CONTENT_MAX)
        return mn_fail(e, MN_E_PARSE, "a turn needs a \"content\" of up to %u bytes",
                       CONTENT_MAX);
    MN_TRY(read_role(line, &t, e));
    t.id = id_for(b, id, in != 0);
    b->was[b->n] = id;
    b->is[b->n++] = t.id;
    return mn_store_chat_turn_add(b->tx, x->account, &t, e);
}

mn_rc mn_restore__chat(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_rc rc = MN_OK;
    if (mn_json_get(line, "chat")) rc = begin_chat(x, line, e);
    else if (mn_json_get(line, "turn")) rc = add_turn(x, line, e);
    return rc;
}
