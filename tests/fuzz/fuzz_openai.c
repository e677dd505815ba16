/* module: api */
/* Bodies of the model API: whatever is sent is read or refused with an error that is JSON; a response turned into chat is read as chat;
 * what a stream has sent as plain text is never taken back as the beginning of a tool call. */
#include "api/openai/openai_int.h"
#include "net/http_int.h"

static void is_error(mn_resp *w)
{
    mn_arena ar;
    mn_json *v = NULL;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_json_parse(mn_buf_str(mn_resp_body(w)), &ar, &v, NULL);
    MN_ASSERT(rc == MN_OK && w->status >= 400);
    MN_ASSERT(mn_json_str(mn_json_get(mn_json_get(v, "error"), "message")).len > 0);
    mn_arena_release(&ar);
}

static void read_as_chat(const mn_oai_body *b)
{
    const mn_json *messages, *tools = mn_oai_get(b, "tools");
    if (!mn_oai_messages(b, &messages)) is_error(b->w);
    else MN_ASSERT(messages->type == MN_JSON_ARRAY && messages->n > 0);
    if (tools && tools->type == MN_JSON_ARRAY) {
        mn_json *schema = mn_oai_calls_schema(b->arena, tools);
        MN_ASSERT(!schema || mn_json_get(schema, "anyOf")->n == tools->n);
    }
}

static void read_body(mn_str text)
{
    mn_exchange x = {0};
    mn_oai_body b, chat;
    mn_arena ar;
    mn_arena_init(&x.arena, 0);
    mn_arena_init(&ar, 4u << 20);
    x.req.arena = &x.arena;
    x.req.body = text;
    mn_resp__init(&x.resp, &x.req);
    if (!mn_oai_read(&x.req, &x.resp, &ar, &b)) is_error(&x.resp);
    else {
        read_as_chat(&b);
        if (mn_oai_as_chat(&b, MN_STR("be kind"), &chat)) read_as_chat(&chat);
        else is_error(&x.resp);
    }
    mn_resp__release(&x.resp);
    mn_arena_release(&x.arena);
    mn_arena_release(&ar);
}

static void hold_back(mn_str text)
{
    size_t sent = 0;
    for (size_t n = 0; n <= text.len && n < 2000; n++) {
        size_t plain = mn_oai_tools_plain(mn_str_sub(text, 0, n));
        MN_ASSERT(plain <= n && plain >= sent);
        sent = plain;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    if (size > 1u << 16) return 0;
    read_body(text);
    hold_back(text);
    return 0;
}
