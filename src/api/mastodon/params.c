/* Query strings, forms and JSON as one flat list of names and texts. Multipart bodies are in multipart.c. */
#include "api/mastodon/params.h"

#include <stdio.h>

#include "net/parse.h"

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "out of memory reading the request");
}

mn_rc mn_params__add(mn_params *p, mn_str name, mn_str value, mn_arena *ar, mn_err *e)
{
    if (p->n == MN_PARAMS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a request has at most %d values", MN_PARAMS_MAX);
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        mn_param_item *more = mn_arena_alloc(ar, cap * sizeof *more);
        if (!more) return no_memory(e);
        if (p->n > 0) memcpy(more, p->items, p->n * sizeof *more);
        p->items = more;
        p->cap = cap;
    }
    if (mn_str_ends(name, "[]")) name.len -= 2;
    p->items[p->n++] = (mn_param_item){name, value};
    return MN_OK;
}

mn_rc mn_params__form(mn_str text, mn_arena *ar, mn_params *p, mn_err *e)
{
    mn_str rest = text;
    while (rest.ptr && rest.len > 0) {
        mn_str pair = mn_str_split(rest, '&', &rest), value;
        if (pair.len == 0) continue;
        mn_str name = mn_str_split(pair, '=', &value);
        if (!value.ptr) value = MN_STR("");
        name = mn_http_form_decode(name, ar);
        value = mn_http_form_decode(value, ar);
        if (!name.ptr || !value.ptr) return no_memory(e);
        MN_TRY(mn_params__add(p, name, value, ar, e));
    }
    return MN_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static mn_rc flatten(const mn_json *v, mn_str name, int depth, mn_arena *ar, mn_params *p,
                     mn_err *e);

static mn_rc flatten_object(const mn_json *v, mn_str name, int depth, mn_arena *ar,
                            mn_params *p, mn_err *e)
{
    for (size_t i = 0; i < v->n; i++) {
        mn_str key = v->keys[i];
        if (name.len > 0) key = mn_str_fmt(ar, "%.*s[%.*s]", MN_STR_FMT(name), MN_STR_FMT(key));
        if (!key.ptr) return no_memory(e);
        MN_TRY(flatten(v->items[i], key, depth + 1, ar, p, e));
    }
    return MN_OK;
}

/* Plain values repeat the name; objects are numbered. */
static mn_rc flatten_array(const mn_json *v, mn_str name, int depth, mn_arena *ar, mn_params *p,
                           mn_err *e)
{
    if (v->n == 0) return mn_params__add(p, name, MN_STR_NONE, ar, e);
    for (size_t i = 0; i < v->n; i++) {
        const mn_json *item = v->items[i];
        mn_str key = name;
        if (item->type == MN_JSON_OBJECT || item->type == MN_JSON_ARRAY)
            key = mn_str_fmt(ar, "%.*s[%zu]", MN_STR_FMT(name), i);
        if (!key.ptr) return no_memory(e);
        MN_TRY(flatten(item, key, depth + 1, ar, p, e));
    }
    return MN_OK;
}

static mn_rc flatten(const mn_json *v, mn_str name, int depth, mn_arena *ar, mn_params *p,
                     mn_err *e)
{
    if (depth > MN_PARAMS_DEPTH)
        return mn_fail(e, MN_E_LIMIT, "the JSON is nested deeper than %d levels",
                       MN_PARAMS_DEPTH);
    switch (v->type) {
    case MN_JSON_OBJECT:
        return flatten_object(v, name, depth, ar, p, e);
    case MN_JSON_ARRAY:
        return flatten_array(v, name, depth, ar, p, e);
    case MN_JSON_NULL:
        return mn_params__add(p, name, MN_STR_NONE, ar, e);
    case MN_JSON_BOOL:
        return mn_params__add(p, name, v->boolean ? MN_STR("true") : MN_STR("false"), ar, e);
    default:
        return mn_params__add(p, name, v->text, ar, e);
    }
}

mn_rc mn_params__json(mn_str text, mn_arena *ar, mn_params *p, mn_err *e)
{
    mn_json *v = NULL;
    if (mn_str_trim(text).len == 0) return MN_OK;
    MN_TRY(mn_json_parse(text, ar, &v, e));
    if (v->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_PARSE, "the body should be a JSON object");
    return flatten_object(v, MN_STR(""), 0, ar, p, e);
}

/* ---- for handlers ------------------------------------------------------------------------------------------------ */

static const mn_params *params_of(const mn_req *r)
{
    const mn_masto_state *s = r->priv;
    return &s->params;
}

mn_str mn_param(const mn_req *r, const char *name)
{
    const mn_params *p = params_of(r);
    for (size_t i = p->n; i-- > 0;)
        if (mn_str_eqz(p->items[i].name, name)) return p->items[i].value;
    return MN_STR_NONE;
}

/* Is `s` the name itself, or name[…]? */
static bool is_or_within(mn_str s, const char *name)
{
    size_t n = strlen(name);
    return mn_str_starts(s, name) && (s.len == n || s.ptr[n] == '[');
}

bool mn_param_has(const mn_req *r, const char *name)
{
    const mn_params *p = params_of(r);
    for (size_t i = 0; i < p->n; i++)
        if (is_or_within(p->items[i].name, name)) return true;
    for (size_t i = 0; i < p->n_files; i++)
        if (mn_str_eqz(p->files[i].name, name)) return true;
    return false;
}

bool mn_param_bool(const mn_req *r, const char *name, bool fallback)
{
    static const char *const yes[] = {"true", "1", "on", "t", "yes", "TRUE", "True"};
    mn_str s = mn_param(r, name);
    if (s.len == 0) return fallback;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (mn_str_eqz(s, yes[i])) return true;
    return false;
}

/* name, name[] and name[0], name[1] … alike. */
static bool is_element(mn_str s, const char *name)
{
    size_t n = strlen(name), i = n + 1;
    if (!mn_str_starts(s, name)) return false;
    if (s.len == n) return true;
    if (s.ptr[n] != '[' || s.ptr[s.len - 1] != ']') return false;
    while (i < s.len - 1 && s.ptr[i] >= '0' && s.ptr[i] <= '9') i++;
    return i == s.len - 1;
}

size_t mn_param_list(const mn_req *r, const char *name, mn_str **ret)
{
    const mn_params *p = params_of(r);
    mn_str *list = mn_arena_alloc(r->arena, (p->n + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; list && i < p->n; i++)
        if (p->items[i].value.ptr && is_element(p->items[i].name, name))
            list[n++] = p->items[i].value;
    *ret = list;
    return n;
}

size_t mn_param_ids(const mn_req *r, const char *name, uint64_t **ret)
{
    mn_str *texts;
    size_t n = mn_param_list(r, name, &texts), k = 0;
    uint64_t *ids = mn_arena_alloc(r->arena, (n + 1) * sizeof *ids);
    for (size_t i = 0; ids && i < n; i++)
        if (mn_str_to_u64(texts[i], &ids[k]) == MN_OK && ids[k] > 0 && ids[k] <= INT64_MAX) k++;
    *ret = ids;
    return k;
}

bool mn_param_i64(mn_req *r, mn_resp *w, const char *name, int64_t least, int64_t most,
                  int64_t fallback, int64_t *ret)
{
    mn_str s = mn_str_trim(mn_param(r, name));
    char text[160];
    *ret = fallback;
    if (s.len == 0) return true;
    if (mn_str_to_i64(s, ret) == MN_OK && *ret >= least && *ret <= most) return true;
    snprintf(text, sizeof text, "Validation failed: %s should be a number from %lld to %lld",
             name, (long long)least, (long long)most);
    mn_masto_error(r, w, 422, text);
    return false;
}

size_t mn_param_objects(const mn_req *r, const char *name)
{
    const mn_params *p = params_of(r);
    size_t most = 0, n = strlen(name);
    for (size_t i = 0; i < p->n; i++) {
        mn_str s = p->items[i].name, rest, digits;
        uint64_t k = 0;
        if (!mn_str_starts(s, name) || s.len < n + 4 || s.ptr[n] != '[') continue;
        digits = mn_str_split(mn_str_sub(s, n + 1, SIZE_MAX - n - 1), ']', &rest);
        if (rest.len > 0 && mn_str_to_u64(digits, &k) == MN_OK && k < MN_PARAMS_MAX &&
            k + 1 > most)
            most = (size_t)k + 1;
    }
    return most;
}

mn_str mn_param_of(const mn_req *r, const char *name, size_t i, const char *key)
{
    char full[200];
    int n = snprintf(full, sizeof full, "%s[%zu][%s]", name, i, key);
    return n > 0 && (size_t)n < sizeof full ? mn_param(r, full) : MN_STR_NONE;
}

bool mn_param_file(const mn_req *r, const char *name, mn_upload *ret)
{
    const mn_params *p = params_of(r);
    for (size_t i = 0; i < p->n_files; i++)
        if (mn_str_eqz(p->files[i].name, name)) {
            *ret = p->files[i].file;
            return true;
        }
    return false;
}
