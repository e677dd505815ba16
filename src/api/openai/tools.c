/* Tools: which there are, and the grammar where a call is demanded.
 *
 *   none      the model is not told of the tools
 *   auto      it is told; what it writes is looked through for calls (infer/chat.h)
 *   required  what it writes is {"name": one of the tools, "arguments": as that tool's schema says}
 *   a name    what it writes is the arguments of that tool
 *
 * A schema's $defs belong to its root. Where schemas of several tools become parts of one, their definitions move to the common root under
 * names of their own ("0.Point"), and references follow them; "#" is the tool's own schema ("0"). */
#include <stdio.h>

#include "api/openai/openai_int.h"

static bool no_memory(const mn_oai_body *b)
{
    return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
}

/* ---- small trees --------------------------------------------------------------------------------------------------- */

static mn_json *node(mn_arena *ar, mn_json_type type, size_t room)
{
    mn_json *v = mn_arena_calloc(ar, 1, sizeof *v);
    if (!v) return NULL;
    v->type = type;
    v->items = mn_arena_calloc(ar, room + 1, sizeof *v->items);
    v->keys = type == MN_JSON_OBJECT ? mn_arena_calloc(ar, room + 1, sizeof *v->keys) : NULL;
    return v->items && (v->keys || type != MN_JSON_OBJECT) ? v : NULL;
}

static mn_json *text_node(mn_arena *ar, mn_str text)
{
    mn_json *v = mn_arena_calloc(ar, 1, sizeof *v);
    if (v && text.ptr) *v = (mn_json){.type = MN_JSON_STRING, .text = text};
    return v && text.ptr ? v : NULL;
}

/* A member more; false when value or key is NULL for want of memory. */
static bool put(mn_json *o, mn_str key, mn_json *value)
{
    if (!o || !value || !key.ptr) return false;
    o->keys[o->n] = key;
    o->items[o->n++] = value;
    return true;
}

static mn_json *parse(mn_arena *ar, const char *json)
{
    mn_json *v = NULL;
    return mn_json_parse(mn_str_from(json), ar, &v, NULL) == MN_OK ? v : NULL;
}

/* ---- schemas moved into another ------------------------------------------------------------------------------------- */

static bool is_definitions(mn_str key)
{
    return mn_str_eqz(key, "$defs") || mn_str_eqz(key, "definitions");
}

/* "#/$defs/Point" of tool 0 → "#/$defs/0.Point"; "#" → "#/$defs/0"; others stay, and the grammar names them. */
static mn_str moved_ref(mn_arena *ar, mn_str ref, size_t tool)
{
    static const char *const begins[] = {"#/$defs/", "#/definitions/"};
    if (mn_str_eqz(ref, "#")) return mn_str_fmt(ar, "#/$defs/%zu", tool);
    for (int i = 0; i < 2; i++)
        if (mn_str_starts(ref, begins[i])) {
            mn_str name = mn_str_sub(ref, strlen(begins[i]), ref.len);
            return mn_str_fmt(ar, "#/$defs/%zu.%.*s", tool, MN_STR_FMT(name));
        }
    return ref;
}

static mn_json *moved(mn_arena *ar, const mn_json *v, size_t tool, mn_json *defs);

/* The members of $defs go to the common ones. */
static bool move_definitions(mn_arena *ar, const mn_json *v, size_t tool, mn_json *defs)
{
    if (v->type != MN_JSON_OBJECT) return true;
    for (size_t i = 0; i < v->n; i++) {
        mn_str name = mn_str_fmt(ar, "%zu.%.*s", tool, MN_STR_FMT(v->keys[i]));
        if (!put(defs, name, moved(ar, v->items[i], tool, NULL))) return false;
    }
    return true;
}

/* A copy with its references turned; defs: of a root, whose definitions move there. */
static mn_json *moved(mn_arena *ar, const mn_json *v, size_t tool, mn_json *defs)
{
    if (v->type != MN_JSON_OBJECT && v->type != MN_JSON_ARRAY) {
        mn_json *leaf = mn_arena_alloc(ar, sizeof *leaf);
        if (leaf) *leaf = *v;
        return leaf;
    }
    mn_json *copy = node(ar, v->type, v->n);
    if (!copy) return NULL;
    for (size_t i = 0; i < v->n; i++) {
        mn_str key = v->keys ? v->keys[i] : MN_STR("");
        if (defs && is_definitions(key)) {
            if (!move_definitions(ar, v->items[i], tool, defs)) return NULL;
            continue;
        }
        mn_json *item = mn_str_eqz(key, "$ref") && v->items[i]->type == MN_JSON_STRING
                            ? text_node(ar, moved_ref(ar, v->items[i]->text, tool))
                            : moved(ar, v->items[i], tool, NULL);
        if (!item) return NULL;
        if (copy->keys) copy->keys[copy->n] = key;
        copy->items[copy->n++] = item;
    }
    return copy;
}

/* ---- the grammar ----------------------------------------------------------------------------------------------------- */

static const mn_json *function_of(const mn_json *tool)
{
    return mn_json_get(tool, "function");
}

/* The tool's parameters; a tool without any takes an empty object. */
static const mn_json *parameters_of(mn_arena *ar, const mn_json *tool)
{
    const mn_json *p = mn_json_get(function_of(tool), "parameters");
    if (p && p->type == MN_JSON_OBJECT && p->n > 0) return p;
    return parse(ar, "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");
}

/* {"type":"object","properties":{"name":{"const":NAME},"arguments":{"$ref":"#/$defs/I"}},"required":[…]} */
static mn_json *call_schema(mn_arena *ar, const mn_json *tool, size_t i)
{
    mn_json *o = node(ar, MN_JSON_OBJECT, 4), *p = node(ar, MN_JSON_OBJECT, 2);
    mn_json *name = node(ar, MN_JSON_OBJECT, 1), *args = node(ar, MN_JSON_OBJECT, 1);
    mn_str what = mn_json_str(mn_json_get(function_of(tool), "name"));
    bool fine = o && p && name && args && put(name, MN_STR("const"), text_node(ar, what)) &&
                put(args, MN_STR("$ref"), text_node(ar, mn_str_fmt(ar, "#/$defs/%zu", i))) &&
                put(p, MN_STR("name"), name) && put(p, MN_STR("arguments"), args) &&
                put(o, MN_STR("type"), text_node(ar, MN_STR("object"))) &&
                put(o, MN_STR("properties"), p) &&
                put(o, MN_STR("required"), parse(ar, "[\"name\",\"arguments\"]")) &&
                put(o, MN_STR("additionalProperties"), parse(ar, "false"));
    return fine ? o : NULL;
}

static size_t count_definitions(const mn_json *p)
{
    size_t n = 1;
    for (size_t i = 0; i < p->n; i++)
        if (is_definitions(p->keys[i])) n += p->items[i]->n;
    return n;
}

mn_json *mn_oai_calls_schema(mn_arena *ar, const mn_json *tools)
{
    size_t n = 0;
    for (size_t i = 0; i < tools->n; i++) {
        const mn_json *p = parameters_of(ar, tools->items[i]);
        if (!p) return NULL;
        n += count_definitions(p);
    }
    mn_json *root = node(ar, MN_JSON_OBJECT, 2), *any = node(ar, MN_JSON_ARRAY, tools->n);
    mn_json *defs = node(ar, MN_JSON_OBJECT, n);
    if (!root || !any || !defs) return NULL;
    for (size_t i = 0; i < tools->n; i++) {
        const mn_json *p = parameters_of(ar, tools->items[i]);
        if (!p || !put(defs, mn_str_fmt(ar, "%zu", i), moved(ar, p, i, defs))) return NULL;
        any->items[any->n] = call_schema(ar, tools->items[i], i);
        if (!any->items[any->n++]) return NULL;
    }
    bool fine = put(root, MN_STR("anyOf"), any) && put(root, MN_STR("$defs"), defs);
    return fine ? root : NULL;
}

static bool demand_call(mn_oai_job *job, const mn_oai_body *b, const mn_json *schema)
{
    mn_err e = {0};
    if (!schema) return no_memory(b);
    if (mn_serving_schema(job->model, schema, &job->grammar, &e) == MN_OK) return true;
    return mn_oai_failed(b->w, "tools", 0, &e);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

static bool is_tool_name(mn_str s)
{
    if (s.len == 0 || s.len > 64) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!fine) return false;
    }
    return true;
}

static bool check_tool(const mn_oai_body *b, const mn_json *t, size_t i)
{
    const mn_json *f = function_of(t), *p = mn_json_get(f, "parameters");
    if (t->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "tools", "an array of objects", t);
    if (!mn_str_eqz(mn_json_str(mn_json_get(t, "type")), "function"))
        return mn_oai_bad(b->w, "tools", "invalid_value",
                          "tools[%zu].type should be 'function'", i);
    if (!is_tool_name(mn_json_str(mn_json_get(f, "name"))))
        return mn_oai_bad(
            b->w, "tools", "invalid_value",
            "tools[%zu].function.name has 1 to 64 letters, digits, '_', '-' and '.'", i);
    if (p && p->type != MN_JSON_OBJECT && p->type != MN_JSON_NULL)
        return mn_oai_wrong_type(b->w, "tools", "an array of functions with a schema", p);
    return true;
}

static bool read_tools(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *v = mn_oai_get(b, "tools");
    if (!v) return true;
    if (v->type != MN_JSON_ARRAY) return mn_oai_wrong_type(b->w, "tools", "an array", v);
    if (v->n > MN_OAI_TOOLS)
        return mn_oai_bad(b->w, "tools", "invalid_value", "'tools' has at most %d elements",
                          MN_OAI_TOOLS);
    for (size_t i = 0; i < v->n; i++)
        if (!check_tool(b, v->items[i], i)) return false;
    if (v->n == 0) return true;
    job->tool_list = v;
    job->tools = MN_OAI_TOOLS_AUTO;
    return true;
}

/* A choice of one tool by name. */
static bool choose_named(mn_oai_job *job, const mn_oai_body *b, const mn_json *choice)
{
    mn_str name = mn_json_str(mn_json_get(function_of(choice), "name"));
    if (choice->type != MN_JSON_OBJECT || !name.ptr)
        return mn_oai_wrong_type(b->w, "tool_choice",
                                 "'none', 'auto', 'required' or {\"type\":\"function\",…}",
                                 choice);
    for (size_t i = 0; job->tool_list && i < job->tool_list->n; i++) {
        const mn_json *t = job->tool_list->items[i];
        if (!mn_str_eq(mn_json_str(mn_json_get(function_of(t), "name")), name)) continue;
        job->tools = MN_OAI_TOOLS_NAMED;
        job->tool = name;
        return demand_call(job, b, parameters_of(b->arena, t));
    }
    return mn_oai_bad(b->w, "tool_choice", "invalid_value",
                      "'tool_choice' names '%.*s', which is not among the tools",
                      MN_STR_FMT(mn_utf8_cut(name, 64)));
}

bool mn_oai_ask_tools(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *choice = mn_oai_get(b, "tool_choice");
    bool several;
    if (!read_tools(job, b) || !mn_oai_bool(b, "parallel_tool_calls", true, &several))
        return false;
    if (!choice) return true;
    if (choice->type != MN_JSON_STRING) return choose_named(job, b, choice);
    mn_str word = choice->text;
    if (mn_str_eqz(word, "auto")) return true;
    if (mn_str_eqz(word, "none")) {
        job->tools = MN_OAI_TOOLS_NONE;
        return true;
    }
    if (!mn_str_eqz(word, "required"))
        return mn_oai_bad(b->w, "tool_choice", "invalid_value",
                          "'tool_choice' is none, auto, required, or names a function");
    if (!job->tool_list)
        return mn_oai_bad(b->w, "tool_choice", "invalid_value",
                          "'tool_choice' demands a call, but there are no tools");
    job->tools = MN_OAI_TOOLS_REQUIRED;
    return demand_call(job, b, mn_oai_calls_schema(b->arena, job->tool_list));
}

/* ---- calls in what is being written -------------------------------------------------------------------------------------- */

/* Where a call may begin, or the beginning of such a beginning at the end of the text. */
static size_t call_at(mn_str text, mn_str begin)
{
    size_t at = mn_str_find(text, begin, 0);
    if (at != SIZE_MAX) return at;
    for (size_t n = begin.len - 1; n > 0; n--)
        if (n <= text.len && memcmp(text.ptr + text.len - n, begin.ptr, n) == 0)
            return text.len - n;
    return text.len;
}

size_t mn_oai_tools_plain(mn_str text)
{
    static const char *const begins[] = {"<tool_call", "<|python_tag|>", "<function",
                                         "[TOOL_CALLS]"};
    size_t plain = text.len, i = 0;
    while (i < text.len && strchr(" \t\r\n", text.ptr[i])) i++;
    if (i == text.len || text.ptr[i] == '{' || text.ptr[i] == '[') return 0;
    for (size_t k = 0; k < sizeof begins / sizeof *begins; k++) {
        size_t at = call_at(text, mn_str_from(begins[k]));
        if (at < plain) plain = at;
    }
    return plain;
}
