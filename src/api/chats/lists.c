/* Conversations as lists and one by one. */
#include <stdlib.h>

#include "api/chats/chats_int.h"
#include "base/clock.h"
#include "base/snowflake.h"

#define PAGE 40

/* ---- what is written -------------------------------------------------------------------------------------------------- */

void mn_chats__turn_json(mn_json_writer *j, const mn_chat_turn *t)
{
    static const char *const ends[] = {"whole", "length", "stopped", "failed"};
    mn_jw_object(j);
    mn_jw_kid(j, "id", t->id);
    mn_jw_key(j, "parent");
    if (t->parent) mn_jw_id(j, t->parent);
    else mn_jw_null(j);
    mn_jw_kstrz(j, "role", t->role == MN_CHAT_MODEL ? "assistant" : "user");
    mn_jw_kstr(j, "content", t->content);
    mn_jw_kstr(j, "model", t->model);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, t->created_ms);
    mn_jw_ku64(j, "tokens", t->tokens);
    mn_jw_kstrz(j, "end", ends[t->end]);
    mn_jw_object_end(j);
}

void mn_chats__chat_json(mn_json_writer *j, const mn_chat *c)
{
    mn_jw_kid(j, "id", c->id);
    mn_jw_kstr(j, "title", c->title);
    mn_jw_kstr(j, "model", c->model);
    mn_jw_kstr(j, "system", c->system);
    mn_jw_key(j, "head");
    if (c->head) mn_jw_id(j, c->head);
    else mn_jw_null(j);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, c->created_ms);
    mn_jw_key(j, "updated_at");
    mn_jw_time(j, c->updated_ms);
    mn_jw_ki64(j, "updated_ms", c->updated_ms);
}

static void answer_chat(mn_resp *w, const mn_chat *c)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_chats__chat_json(&j, c);
    mn_jw_object_end(&j);
}

bool mn_chats__of(mn_req *r, mn_resp *w, mn_chat *ret)
{
    mn_err e = {0};
    mn_api *a = r->app;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_chat(a->home->store, mn_masto_me(r), id, r->arena, ret, &e);
    if (rc == MN_OK) return true;
    mn_masto_failed(r, w, rc, &e);
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void list(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_chat *c = NULL;
    size_t n = 0;
    int64_t before;
    if (!mn_param_i64(r, w, "before", 0, INT64_MAX, 0, &before)) return;
    if (mn_store_chats(a->home->store, mn_masto_me(r), before, PAGE, r->arena, &c, &n, &e) !=
        MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_chats__chat_json(&j, &c[i]);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
}

static void read_one(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_chat c;
    mn_chat_turn *t = NULL;
    size_t n = 0;
    if (!mn_chats__of(r, w, &c)) return;
    if (mn_store_chat_turns(a->home->store, c.id, r->arena, &t, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_chats__chat_json(&j, &c);
    mn_jw_key(&j, "turns");
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) mn_chats__turn_json(&j, &t[i]);
    mn_jw_array_end(&j);
    mn_jw_kbool(&j, "answering", mn_chats__answering(a->chats, c.account_id, c.id));
    mn_jw_object_end(&j);
}

/* ---- changing ------------------------------------------------------------------------------------------------------ */

/* A text that was sent, or what is there; false: it is too long, answered. */
static bool text_param(mn_req *r, mn_resp *w, const char *name, size_t most, mn_str *io)
{
    mn_str s = mn_param(r, name);
    if (!s.ptr) return true;
    s = mn_str_trim(s);
    if (s.len <= most) {
        *io = s;
        return true;
    }
    mn_str words = mn_str_fmt(
        r->arena, "Validation failed: %s is too long (maximum is %zu bytes)", name, most);
    mn_masto_error(r, w, 422, words.ptr ? words.ptr : "Validation failed");
    return false;
}

static bool texts(mn_req *r, mn_resp *w, mn_chat *c)
{
    return text_param(r, w, "title", MN_CHATS_TITLE, &c->title) &&
           text_param(r, w, "model", MN_CHATS_NAME, &c->model) &&
           text_param(r, w, "system", MN_CHATS_SYSTEM, &c->system);
}

static mn_rc add(mn_api *a, const mn_chat *c, mn_err *e)
{
    uint64_t n = 0;
    mn_tx *tx;
    MN_TRY(mn_store_chats_count(a->home->store, c->account_id, &n, e));
    if (n >= MN_CHATS_MOST)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: there are %u conversations already; delete some",
                       MN_CHATS_MOST);
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_chat_add(tx, c, e), e);
}

static void create(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_chat c = {.id = mn_snowflake_next(),
                 .account_id = mn_masto_me(r),
                 .title = MN_STR(""),
                 .model = MN_STR(""),
                 .system = MN_STR(""),
                 .created_ms = mn_now_ms()};
    c.updated_ms = c.created_ms;
    if (!texts(r, w, &c)) return;
    if (add(r->app, &c, &e) != MN_OK) mn_masto_fail(r, w, &e);
    else answer_chat(w, &c);
}

/* The turn that is to be shown last must be one of the conversation's. */
static bool head_param(mn_req *r, mn_resp *w, mn_chat *c)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_chat_turn *t = NULL;
    size_t n = 0;
    uint64_t head = 0;
    mn_str s = mn_param(r, "head");
    if (!s.ptr) return true;
    if (mn_store_chat_turns(a->home->store, c->id, r->arena, &t, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return false;
    }
    for (size_t i = 0; mn_str_to_u64(s, &head) == MN_OK && i < n; i++) {
        if (t[i].id != head) continue;
        c->head = head;
        return true;
    }
    mn_masto_error(r, w, 422, "Validation failed: head is no turn of this conversation");
    return false;
}

static void change(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_chat c;
    mn_tx *tx;
    if (!mn_chats__of(r, w, &c) || !texts(r, w, &c) || !head_param(r, w, &c)) return;
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK) rc = mn_store_end(tx, mn_store_chat_update(tx, &c, &e), &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else answer_chat(w, &c);
}

static void remove_one(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_tx *tx;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK)
        rc = mn_store_end(tx, mn_store_chat_remove(tx, mn_masto_me(r), id, &e), &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_chats__stop(a->chats, mn_masto_me(r), id);
    mn_masto_empty(w);
}

static void stop(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_chat c;
    if (!mn_chats__of(r, w, &c)) return;
    mn_chats__stop(a->chats, c.account_id, c.id);
    mn_masto_empty(w);
}

const mn_route mn_api__routes_chats[] = {
    {MN_GET, "/api/mynah/chats", list, 0, MN_RUN_HERE, "read:statuses"},
    {MN_POST, "/api/mynah/chats", create, 16384, MN_RUN_WORKER, "write:statuses"},
    {MN_GET, "/api/mynah/chats/models", mn_chats__models, 0, MN_RUN_WORKER, "read:statuses"},
    {MN_GET, "/api/mynah/chats/models/:name", mn_chats__card, 0, MN_RUN_WORKER,
     "read:statuses"},
    {MN_GET, "/api/mynah/chats/:id", read_one, 0, MN_RUN_WORKER, "read:statuses"},
    {MN_PUT, "/api/mynah/chats/:id", change, 16384, MN_RUN_WORKER, "write:statuses"},
    {MN_DELETE, "/api/mynah/chats/:id", remove_one, 1024, MN_RUN_WORKER, "write:statuses"},
    {MN_POST, "/api/mynah/chats/:id/messages", mn_chats__message, 1 << 18, MN_RUN_MODEL,
     "write:statuses"},
    {MN_POST, "/api/mynah/chats/:id/retry", mn_chats__retry, 1024, MN_RUN_MODEL,
     "write:statuses"},
    {MN_POST, "/api/mynah/chats/:id/stop", stop, 1024, MN_RUN_HERE, "write:statuses"},
    {.path = NULL},
};
