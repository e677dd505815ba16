/* mynah/chats.jsonl: an account's conversations with models; a line for each, and after it a line for each of its turns. */
#include "archive/export_int.h"
#include "store/chats.h"

#define CHATS_AT_ONCE 100

static void put_turn(mn_out *o, const mn_chat_turn *t)
{
    mn_json_writer *j = &o->j;
    mn_json_writer_init(j, &o->b, 0);
    mn_jw_object(j);
    mn_jw_kid(j, "turn", t->id);
    mn_jw_kid(j, "parent", t->parent);
    mn_jw_kstrz(j, "role", t->role == MN_CHAT_MODEL ? "assistant" : "user");
    mn_jw_kstr(j, "content", t->content);
    if (t->role == MN_CHAT_MODEL) {
        mn_jw_kstr(j, "model", t->model);
        mn_jw_ku64(j, "tokens", t->tokens);
        mn_jw_kstrz(j, "end", mn_archive_chat_ends[t->end]);
    }
    mn_jw_ki64(j, "created_ms", t->created_ms);
    mn_jw_object_end(j);
    mn_buf_addc(&o->b, '\n');
}

static void put_head(mn_out *o, const mn_chat *c)
{
    mn_json_writer *j = &o->j;
    mn_json_writer_init(j, &o->b, 0);
    mn_jw_object(j);
    mn_jw_kid(j, "chat", c->id);
    mn_jw_kstr(j, "title", c->title);
    mn_jw_kstr(j, "model", c->model);
    mn_jw_kstr(j, "system", c->system);
    mn_jw_kid(j, "head", c->head);
    mn_jw_ki64(j, "created_ms", c->created_ms);
    mn_jw_ki64(j, "updated_ms", c->updated_ms);
    mn_jw_object_end(j);
    mn_buf_addc(&o->b, '\n');
}

static mn_rc put_chat(mn_out *o, const mn_chat *c, mn_err *e)
{
    mn_arena ar;
    mn_chat_turn *t = NULL;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_chat_turns(o->p->store, c->id, &ar, &t, &n, e);
    if (rc == MN_OK) put_head(o, c);
    for (size_t i = 0; i < n; i++) put_turn(o, &t[i]);
    mn_arena_release(&ar);
    return rc == MN_OK ? mn_zip_flush(o->zip, &o->b, e) : rc;
}

mn_rc mn_out__chats(mn_out *o, mn_err *e)
{
    MN_TRY(mn_zip_entry(o->zip, "mynah/chats.jsonl", o->account.created_ms, false, e));
    for (uint64_t after = 0;;) {
        mn_chat *c = NULL;
        size_t n = 0;
        mn_arena_reset(&o->page);
        MN_TRY(mn_store_chats_by_id(o->p->store, o->account.id, after, CHATS_AT_ONCE, &o->page,
                                    &c, &n, e));
        for (size_t i = 0; i < n; i++) MN_TRY(put_chat(o, &c[i], e));
        if (n < CHATS_AT_ONCE) return MN_OK;
        after = c[n - 1].id;
    }
}
