/* Messages as clients send them, checked, and in the form that chat templates know: the role "developer" is "system", content that
 * consists of parts of text is one string, absent content is an empty one. Control tokens in them stay text (infer/chat.h). */
#include <stdio.h>

#include "api/openai/openai_int.h"

#define MESSAGES_MAX 4096

static bool is_role(mn_str role)
{
    static const char *const known[] = {"system",    "developer", "user",
                                        "assistant", "tool",      "function"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mn_str_eqz(role, known[i])) return true;
    return false;
}

static bool no_memory(const mn_oai_body *b)
{
    return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
}

static bool add_part(const mn_oai_body *b, const mn_json *part, const char *param, mn_buf *text)
{
    mn_str type = mn_json_str(mn_json_get(part, "type"));
    const mn_json *v = NULL;
    if (part->type != MN_JSON_OBJECT || !type.ptr)
        return mn_oai_wrong_type(b->w, param, "an array of parts with a type", part);
    if (mn_str_eqz(type, "text") || mn_str_eqz(type, "input_text") ||
        mn_str_eqz(type, "output_text"))
        v = mn_json_get(part, "text");
    else if (mn_str_eqz(type, "refusal")) v = mn_json_get(part, "refusal");
    else
        return mn_oai_bad(b->w, param, "unsupported_value",
                          "parts of type '%.*s' are not understood here: models read text only",
                          MN_STR_FMT(mn_utf8_cut(type, 40)));
    if (!v || v->type != MN_JSON_STRING) return mn_oai_wrong_type(b->w, param, "text", v);
    mn_buf_adds(text, v->text);
    return true;
}

/* The content as one string on the arena. */
static bool read_content(const mn_oai_body *b, const mn_json *content, const char *param,
                         mn_str *ret)
{
    mn_buf text;
    bool fine = true;
    if (!content || content->type == MN_JSON_NULL) {
        *ret = MN_STR("");
        return true;
    }
    if (content->type == MN_JSON_STRING) {
        *ret = content->text;
        return true;
    }
    if (content->type != MN_JSON_ARRAY)
        return mn_oai_wrong_type(b->w, param, "a string or an array of parts", content);
    mn_buf_init(&text, MN_OAI_BODY);
    for (size_t i = 0; fine && i < content->n; i++)
        fine = add_part(b, content->items[i], param, &text);
    *ret = fine ? mn_str_dup(b->arena, mn_buf_str(&text)) : MN_STR_NONE;
    mn_buf_release(&text);
    return fine && (ret->ptr || no_memory(b));
}

static mn_json *text_node(mn_arena *ar, mn_str text)
{
    mn_json *v = mn_arena_calloc(ar, 1, sizeof *v);
    if (v) *v = (mn_json){.type = MN_JSON_STRING, .text = text};
    return v;
}

/* The message with role and content as templates want them; its other members as they are. */
static mn_json *rewritten(const mn_oai_body *b, const mn_json *m, mn_str role, mn_str content)
{
    mn_arena *ar = b->arena;
    mn_json *o = mn_arena_calloc(ar, 1, sizeof *o);
    mn_json **items = mn_arena_calloc(ar, m->n + 1, sizeof *items);
    mn_str *keys = mn_arena_calloc(ar, m->n + 1, sizeof *keys);
    mn_json *role_node = text_node(ar, role), *content_node = text_node(ar, content);
    if (!o || !items || !keys || !role_node || !content_node) return NULL;
    *o = (mn_json){.type = MN_JSON_OBJECT, .n = 2, .items = items, .keys = keys};
    keys[0] = MN_STR("role"), items[0] = role_node;
    keys[1] = MN_STR("content"), items[1] = content_node;
    for (size_t i = 0; i < m->n; i++) {
        bool ours = mn_str_eqz(m->keys[i], "role") || mn_str_eqz(m->keys[i], "content");
        if (ours || m->items[i]->type == MN_JSON_NULL) continue;
        keys[o->n] = m->keys[i];
        items[o->n++] = m->items[i];
    }
    return o;
}

static bool check_calls(const mn_oai_body *b, const mn_json *calls, const char *param)
{
    if (!calls || calls->type == MN_JSON_NULL) return true;
    if (calls->type != MN_JSON_ARRAY)
        return mn_oai_wrong_type(b->w, param, "an array of tool calls", calls);
    for (size_t i = 0; i < calls->n; i++) {
        const mn_json *f = mn_json_get(calls->items[i], "function");
        const mn_json *name = mn_json_get(f, "name"), *args = mn_json_get(f, "arguments");
        if (!name || name->type != MN_JSON_STRING || !args || args->type != MN_JSON_STRING)
            return mn_oai_bad(
                b->w, param, "invalid_value",
                "a tool call has function.name and function.arguments, both text");
    }
    return true;
}

static bool read_message(const mn_oai_body *b, const mn_json *m, size_t i, mn_json **ret)
{
    char param[64], calls[64];
    mn_str content = MN_STR_NONE, role = mn_json_str(mn_json_get(m, "role"));
    const mn_json *said = mn_json_get(m, "content");
    snprintf(param, sizeof param, "messages[%zu].content", i);
    snprintf(calls, sizeof calls, "messages[%zu].tool_calls", i);
    if (m->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "messages", "an array of objects", m);
    if (!role.ptr || !is_role(role))
        return mn_oai_bad(b->w, "messages", "invalid_value",
                          "messages[%zu].role is system, developer, user, assistant or tool",
                          i);
    bool assistant = mn_str_eqz(role, "assistant");
    if (!assistant && (!said || said->type == MN_JSON_NULL))
        return mn_oai_bad(b->w, param, "invalid_value", "messages[%zu] has no content", i);
    if (!read_content(b, said, param, &content) ||
        !check_calls(b, mn_json_get(m, "tool_calls"), calls))
        return false;
    if (mn_str_eqz(role, "developer")) role = MN_STR("system");
    if (mn_str_eqz(role, "function")) role = MN_STR("tool");
    *ret = rewritten(b, m, role, content);
    return *ret || no_memory(b);
}

bool mn_oai_messages(const mn_oai_body *b, const mn_json **ret)
{
    const mn_json *v = mn_oai_get(b, "messages");
    if (!v)
        return mn_oai_bad(b->w, "messages", "missing_required_parameter",
                          "'messages' is missing");
    if (v->type != MN_JSON_ARRAY)
        return mn_oai_wrong_type(b->w, "messages", "an array of objects", v);
    if (v->n == 0 || v->n > MESSAGES_MAX)
        return mn_oai_bad(b->w, "messages", "invalid_value", "'messages' has 1 to %d elements",
                          MESSAGES_MAX);
    mn_json *list = mn_arena_calloc(b->arena, 1, sizeof *list);
    mn_json **items = mn_arena_calloc(b->arena, v->n, sizeof *items);
    if (!list || !items) return no_memory(b);
    *list = (mn_json){.type = MN_JSON_ARRAY, .n = v->n, .items = items};
    for (size_t i = 0; i < v->n; i++)
        if (!read_message(b, v->items[i], i, &items[i])) return false;
    *ret = list;
    return true;
}
