/* Tool calls in what a model wrote: see chat.h. JSON is searched for where the known forms have it, and nowhere else. */
#include "infer/chat.h"

#include <string.h>

#define CALLS_MAX 128u

typedef struct calls {
    const mn_json *tools;
    mn_arena *a;
    mn_tool_call *ptr; /* [CALLS_MAX] */
    size_t n;
    mn_err *e;
} calls;

static mn_rc no_memory(const calls *c)
{
    return mn_fail(c->e, MN_E_NOMEM, "out of memory for tool calls");
}

static bool is_tool(const mn_json *tools, mn_str name)
{
    for (size_t i = 0; tools && tools->type == MN_JSON_ARRAY && i < tools->n; i++) {
        const mn_json *f = mn_json_get(tools->items[i], "function");
        if (mn_str_eq(mn_json_str(mn_json_get(f ? f : tools->items[i], "name")), name))
            return name.len > 0;
    }
    return false;
}

static mn_rc write_object(const calls *c, const mn_json *o, mn_str *ret)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_tree(&w, o);
    mn_str s = b.failed ? MN_STR_NONE : mn_str_dup(c->a, mn_buf_str(&b));
    mn_buf_release(&b);
    if (!s.ptr) return no_memory(c);
    *ret = s;
    return MN_OK;
}

/* {"name","arguments"} with the arguments as an object, or an object as text; none at all is {}. */
static mn_rc add(calls *c, const mn_json *o)
{
    const mn_json *f = mn_json_get(o, "function"), *args;
    mn_json *parsed;
    if (f && f->type == MN_JSON_OBJECT) o = f;
    mn_str name = mn_json_str(mn_json_get(o, "name")), text;
    if (!is_tool(c->tools, name) || c->n == CALLS_MAX) return MN_OK;
    args = mn_json_get(o, "arguments");
    if (!args) args = mn_json_get(o, "parameters");
    text = mn_json_str(args);
    if (text.ptr) {
        if (mn_json_parse(text, c->a, &parsed, NULL) != MN_OK) return MN_OK;
        args = parsed;
    }
    text = MN_STR("{}");
    if (args && args->type != MN_JSON_OBJECT && args->type != MN_JSON_NULL) return MN_OK;
    if (args && args->type == MN_JSON_OBJECT) MN_TRY(write_object(c, args, &text));
    name = mn_str_dup(c->a, name);
    if (!name.ptr) return no_memory(c);
    c->ptr[c->n++] = (mn_tool_call){name, text};
    return MN_OK;
}

/* One object, or a list of them. */
static mn_rc add_value(calls *c, mn_str json)
{
    mn_json *v;
    mn_rc rc = mn_json_parse(json, c->a, &v, NULL);
    if (rc == MN_E_NOMEM) return no_memory(c);
    if (rc != MN_OK) return MN_OK;
    if (v->type == MN_JSON_OBJECT) return add(c, v);
    for (size_t i = 0; v->type == MN_JSON_ARRAY && i < v->n; i++) MN_TRY(add(c, v->items[i]));
    return MN_OK;
}

/* Values one after the other, with white space, ";" or "," between: all of s must be that, or none counts. */
static mn_rc add_values(calls *c, mn_str s)
{
    const size_t had = c->n;
    for (s = mn_str_trim(s); s.len;) {
        mn_json_reader r;
        if (*s.ptr != '{' && *s.ptr != '[') break;
        mn_json_reader_init(&r, s, c->a, NULL);
        if (mn_json_skip(&r) != MN_OK) break;
        size_t n = (size_t)(r.at - s.ptr);
        MN_TRY(add_value(c, (mn_str){s.ptr, n}));
        s = mn_str_trim(mn_str_sub(s, n, s.len));
        while (s.len && strchr(";,", *s.ptr)) s = mn_str_trim(mn_str_sub(s, 1, s.len));
    }
    if (s.len) c->n = had;
    return MN_OK;
}

/* Every stretch between open and close; the last may lack its end (the model was stopped by it). */
static mn_rc between_tags(calls *c, mn_str text, mn_str open, mn_str close)
{
    size_t at = 0;
    while ((at = mn_str_find(text, open, at)) != SIZE_MAX) {
        size_t from = at + open.len, end = mn_str_find(text, close, from);
        MN_TRY(
            add_values(c, mn_str_sub(text, from, (end == SIZE_MAX ? text.len : end) - from)));
        if (end == SIZE_MAX) break;
        at = end + close.len;
    }
    return MN_OK;
}

/* Where a text of nothing but a call begins: at its first character, or behind a marker. */
static size_t bare_begin(mn_str text, size_t *ret_json)
{
    static const mn_str markers[] = {{"<|python_tag|>", 14}, {"[TOOL_CALLS]", 12}};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        size_t at = mn_str_find(text, markers[i], 0);
        if (at == SIZE_MAX) continue;
        *ret_json = at + markers[i].len;
        return at;
    }
    *ret_json = 0;
    return 0;
}

mn_rc mn_chat_tool_calls(mn_str text, const mn_json *tools, mn_arena *a, mn_tool_call **ret,
                         size_t *ret_n, mn_str *ret_text, mn_err *e)
{
    static const mn_str open = {"<tool_call>", 11}, close = {"</tool_call>", 12};
    calls c = {.tools = tools, .a = a, .e = e};
    size_t begin = mn_str_find(text, open, 0), json;
    c.ptr = mn_arena_alloc(a, CALLS_MAX * sizeof *c.ptr);
    if (!c.ptr) return no_memory(&c);
    if (begin != SIZE_MAX) {
        MN_TRY(between_tags(&c, text, open, close));
    } else {
        begin = bare_begin(text, &json);
        MN_TRY(add_values(&c, mn_str_sub(text, json, text.len)));
    }
    *ret = c.ptr;
    *ret_n = c.n;
    *ret_text = c.n ? mn_str_trim(mn_str_sub(text, 0, begin)) : text;
    return MN_OK;
}
