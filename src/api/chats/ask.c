/* A message to a model, and another answer to one: what was said before becomes the prompt, as far back as the model remembers. */
#include <stdio.h>
#include <stdlib.h>

#include "api/chats/chats_int.h"
#include "base/clock.h"
#include "base/snowflake.h"
#include "infer/chat.h"

#define TITLE_CHARACTERS 60

/* What is asked: the conversation, its turns, and the way from the first to the one that is to be answered. */
typedef struct asking {
    mn_req *r;
    mn_resp *w;
    mn_api *api;
    mn_chat chat;
    mn_chat_turn *turns;
    size_t n_turns;
    mn_chat_turn **way;
    size_t n_way;
    mn_chat_turn *fresh; /* the member's new turn; NULL: another answer to an old one */
} asking;

static bool refuse(asking *a, int status, const char *message)
{
    mn_masto_error(a->r, a->w, status, message);
    return false;
}

static bool failed(asking *a, mn_rc rc, mn_err *e)
{
    mn_masto_failed(a->r, a->w, rc, e);
    return false;
}

static bool open_chat(asking *a, mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    *a = (asking){.r = r, .w = w, .api = r->app};
    if (!mn_chats__of(r, w, &a->chat)) return false;
    mn_rc rc = mn_store_chat_turns(a->api->home->store, a->chat.id, r->arena, &a->turns,
                                   &a->n_turns, &e);
    if (rc != MN_OK) return failed(a, rc, &e);
    a->way = mn_arena_alloc(r->arena, (a->n_turns + 1) * sizeof *a->way);
    return a->way || failed(a, MN_E_NOMEM, &e);
}

static mn_chat_turn *turn_of(const asking *a, uint64_t id)
{
    for (size_t i = 0; i < a->n_turns; i++) {
        if (a->turns[i].id == id) return &a->turns[i];
    }
    return NULL;
}

/* The turns from the first to `last`. Parents are older than children, so this ends. */
static void find_way(asking *a, mn_chat_turn *last)
{
    size_t n = 0;
    for (mn_chat_turn *t = last; t && n <= a->n_turns; t = turn_of(a, t->parent))
        a->way[n++] = t;
    for (size_t i = 0; i < n / 2; i++) {
        mn_chat_turn *t = a->way[i];
        a->way[i] = a->way[n - 1 - i];
        a->way[n - 1 - i] = t;
    }
    a->n_way = n;
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

static bool too_many(asking *a, int64_t resets_ms, const char *message)
{
    int64_t wait_s = (resets_ms - mn_now_ms() + 999) / 1000;
    mn_resp_header(a->w, "Retry-After",
                   mn_str_fmt(a->r->arena, "%lld", (long long)(wait_s > 0 ? wait_s : 1)));
    return refuse(a, 429, message);
}

static bool within_limits(asking *a)
{
    mn_err e = {0};
    mn_rate_state s;
    mn_reading tokens;
    uint64_t me = a->chat.account_id;
    mn_rc rc = mn_limits_model_tokens(a->api->limits, me, 0, &tokens, &e);
    if (rc == MN_OK && tokens.limit && tokens.used >= tokens.limit)
        return too_many(a, tokens.resets_ms,
                        "All tokens of today are used; there are new ones from midnight UTC.");
    if (rc == MN_OK)
        rc = mn_limits_take_plan(a->api->limits, "chat", me, MN_PLAN_CHAT_MESSAGES, &s, &e);
    if (rc != MN_OK) return failed(a, rc, &e);
    return !s.rate || !s.over ||
           too_many(a, s.resets_ms,
                    "These were all messages of today; there are new ones from midnight UTC.");
}

/* ---- the prompt ---------------------------------------------------------------------------------------------------- */

static void message(mn_json_writer *j, const char *role, mn_str content)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "role", role);
    mn_jw_kstr(j, "content", content);
    mn_jw_object_end(j);
}

/* Turns from..: what two of the same side say after each other is one message, as templates want them in turn. */
static void messages(const asking *a, size_t from, mn_json_writer *j, mn_buf *joined)
{
    mn_jw_array(j);
    if (a->chat.system.len) message(j, "system", a->chat.system);
    for (size_t i = from; i < a->n_way;) {
        mn_chat_role role = a->way[i]->role;
        mn_buf_clear(joined);
        for (; i < a->n_way && a->way[i]->role == role; i++) {
            if (joined->len) mn_buf_addz(joined, "\n\n");
            mn_buf_adds(joined, a->way[i]->content);
        }
        message(j, role == MN_CHAT_MODEL ? "assistant" : "user", mn_buf_str(joined));
    }
    mn_jw_array_end(j);
}

static mn_rc prompt_from(const asking *a, const mn_engine *g, size_t from, mn_ids *ids,
                         mn_err *e)
{
    mn_arena ar;
    mn_buf text, joined;
    mn_json_writer j;
    mn_json *v;
    mn_arena_init(&ar, 0);
    mn_buf_init(&text, 0);
    mn_buf_init(&joined, 0);
    mn_json_writer_init(&j, &text, 0);
    messages(a, from, &j, &joined);
    mn_rc rc = text.failed || joined.failed
                   ? mn_fail(e, MN_E_NOMEM, "out of memory for a prompt")
                   : mn_json_parse(mn_buf_str(&text), &ar, &v, e);
    if (rc == MN_OK) {
        const mn_chat_prompt p = {.messages = v, .answer = true, .now_ms = mn_now_ms()};
        rc = mn_chat_ids(g, &p, ids, NULL, e);
    }
    mn_buf_release(&joined);
    mn_buf_release(&text);
    mn_arena_release(&ar);
    return rc;
}

/* The next turn of the member's after the one at `from`; the last one when there is none. */
static size_t later(const asking *a, size_t from)
{
    for (size_t i = from + 1; i < a->n_way; i++) {
        if (a->way[i]->role == MN_CHAT_USER) return i;
    }
    return a->n_way;
}

/* Leaves out what was said first until a quarter of the context is free for the answer. A token has at most some eight bytes on average, which
 * is where to begin. *ret_from: the first turn that is told. */
static mn_rc make_prompt(const asking *a, const mn_engine *g, mn_ids *ids, size_t *ret_from,
                         mn_err *e)
{
    size_t most = mn_engine_context(g) - mn_engine_context(g) / 4, bytes = 0, from = a->n_way;
    while (from > 0 && bytes < most * 8) bytes += a->way[--from]->content.len;
    if (from > 0 && a->way[from]->role != MN_CHAT_USER) from = later(a, from);
    for (;;) {
        ids->n = 0;
        MN_TRY(prompt_from(a, g, from, ids, e));
        if (ids->n <= most) break;
        size_t next = later(a, from);
        if (next >= a->n_way)
            return mn_fail(e, MN_E_LIMIT,
                           "Validation failed: the message is too long for this model: it has "
                           "%zu tokens, %zu fit",
                           ids->n, most);
        from = next;
    }
    *ret_from = from;
    return MN_OK;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

static mn_rc begin_json(asking *a, mn_answering *x, size_t forgotten, mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_key(&j, "user");
    if (a->fresh) mn_chats__turn_json(&j, a->fresh);
    else mn_jw_null(&j);
    mn_jw_kid(&j, "turn", x->turn.id);
    mn_jw_kid(&j, "parent", x->turn.parent);
    mn_jw_kstrz(&j, "model", x->model->name);
    mn_jw_ku64(&j, "forgotten", forgotten);
    mn_jw_object_end(&j);
    x->begin = b.failed ? MN_STR_NONE : mn_str_dup(&x->arena, mn_buf_str(&b));
    mn_buf_release(&b);
    return x->begin.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory for an answer");
}

/* The member's new turn, and the title that the conversation has from its first words. */
static mn_rc keep_question(asking *a, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->api->home->store, &tx, e));
    mn_rc rc = MN_OK;
    if (!a->chat.title.len) {
        mn_str line = a->fresh->content, rest;
        line = mn_str_split(line, '\n', &rest);
        size_t n = 0;
        for (int k = 0; n < line.len && k < TITLE_CHARACTERS; k++) {
            uint32_t cp;
            n += mn_utf8_decode(line.ptr + n, line.len - n, &cp);
        }
        a->chat.title = mn_utf8_cut(mn_str_sub(line, 0, n), MN_CHATS_TITLE);
        rc = mn_store_chat_update(tx, &a->chat, e);
    }
    if (rc == MN_OK) rc = mn_store_chat_turn_add(tx, a->chat.account_id, a->fresh, e);
    return mn_store_end(tx, rc, e);
}

static bool take_model(asking *a, mn_answering *x)
{
    mn_err e = {0};
    mn_rc rc = mn_served_take(a->api->served, a->chat.model, &x->model, &e);
    if (rc == MN_OK) return true;
    if (rc == MN_E_NOT_FOUND)
        return refuse(a, 404,
                      a->chat.model.len ? "This model is not here any more: choose another one."
                                        : "There is no model here to talk to yet.");
    if (rc != MN_E_BUSY)
        return refuse(
            a, 503,
            "This model cannot be used at the moment; the reason is in the server's log.");
    mn_resp_header(a->w, "Retry-After", MN_STR("5"));
    return refuse(a, 503, "All models are busy; try again in a moment.");
}

static bool start(asking *a, mn_answering *x, const mn_ids *ids)
{
    mn_err e = {0};
    uint32_t retry_s = 0, room = mn_engine_context(x->model->engine) - (uint32_t)ids->n;
    mn_gen_request g = {.prompt = ids->ptr,
                        .n_prompt = ids->n,
                        .sampling = {.temperature = 0.5f,
                                     .top_p = 0.9f,
                                     .repetition = 1.05f,
                                     .seed = x->turn.id},
                        .max_tokens = room < MN_CHATS_ANSWER ? room : MN_CHATS_ANSWER};
    mn_rc rc = mn_chats__start(x, &g, a->w, &retry_s, &e);
    if (rc == MN_OK) return true;
    if (rc != MN_E_BUSY) return failed(a, rc, &e);
    mn_resp_header(a->w, "Retry-After", mn_str_fmt(a->r->arena, "%u", retry_s ? retry_s : 1));
    return refuse(a, 429, "Many are waiting for this model; try again in a moment.");
}

/* Everything that can be refused is, before anything is kept. False: answered, x is the caller's to free. */
static bool answer_with(asking *a, mn_answering *x, mn_ids *ids)
{
    mn_err e = {0};
    size_t from = 0;
    if (!take_model(a, x)) return false;
    mn_rc rc = make_prompt(a, x->model->engine, ids, &from, &e);
    if (rc == MN_OK) rc = begin_json(a, x, from, &e);
    if (rc != MN_OK) return failed(a, rc, &e);
    if (mn_chats__enter(x, &e) != MN_OK) return refuse(a, 409, e.msg);
    rc = a->fresh ? keep_question(a, &e) : MN_OK;
    if (rc != MN_OK) {
        mn_chats__leave(x);
        return failed(a, rc, &e);
    }
    snprintf(x->title, sizeof x->title, "%.*s", MN_STR_FMT(a->chat.title));
    return start(a, x, ids);
}

static void answer(asking *a)
{
    mn_ids ids = {0};
    mn_answering *x = within_limits(a) ? mn_chats__new(a->api) : NULL;
    if (!x) return;
    x->account_id = a->chat.account_id;
    x->turn.chat_id = a->chat.id;
    x->turn.parent = a->way[a->n_way - 1]->id;
    x->http = mn_req_http(a->r);
    if (!answer_with(a, x, &ids)) mn_chats__free(x);
    mn_ids_release(&ids);
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

/* Where a new turn goes; false: answered. */
static bool parent_param(asking *a, uint64_t *ret)
{
    mn_str s = mn_param(a->r, "parent");
    *ret = a->chat.head;
    if (!s.ptr) return true;
    if (mn_str_to_u64(s, ret) == MN_OK && (!*ret || turn_of(a, *ret))) return true;
    return refuse(a, 422, "Validation failed: parent is no turn of this conversation");
}

void mn_chats__message(mn_req *r, mn_resp *w)
{
    asking a;
    uint64_t parent;
    if (!open_chat(&a, r, w) || !parent_param(&a, &parent)) return;
    mn_chat_turn t = {.id = mn_snowflake_next(),
                      .chat_id = a.chat.id,
                      .parent = parent,
                      .role = MN_CHAT_USER,
                      .content = mn_str_trim(mn_param(r, "text")),
                      .model = MN_STR(""),
                      .created_ms = mn_now_ms()};
    if (!t.content.len) {
        refuse(&a, 422, "Validation failed: text can't be blank");
        return;
    }
    if (t.content.len > MN_CHATS_TEXT || memchr(t.content.ptr, 0, t.content.len)) {
        refuse(&a, 422, "Validation failed: text is too long (maximum is 32 KiB), or no text");
        return;
    }
    a.fresh = &t;
    find_way(&a, turn_of(&a, parent));
    a.way[a.n_way++] = &t;
    answer(&a);
}

void mn_chats__retry(mn_req *r, mn_resp *w)
{
    asking a;
    uint64_t id = 0;
    mn_str s = mn_param(r, "turn");
    if (!open_chat(&a, r, w)) return;
    if (!s.ptr) id = a.chat.head;
    mn_chat_turn *t = !s.ptr || mn_str_to_u64(s, &id) == MN_OK ? turn_of(&a, id) : NULL;
    if (t && t->role == MN_CHAT_MODEL) t = turn_of(&a, t->parent);
    if (!t) {
        refuse(&a, 422, "Validation failed: turn is no turn of this conversation");
        return;
    }
    find_way(&a, t);
    answer(&a);
}
