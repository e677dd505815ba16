/* Is an answer what the description of the Mastodon API says? A checker of the JSON Schema that it uses: type (one or a list),
 * enum, const, required, properties, items, additionalProperties, allOf, anyOf, oneOf, $ref, and the formats date-time, date and uri.
 * The description stands beside a checkout (../shared/data/specs); tests skip by name without it. */
#ifndef MN_TESTS_OPENAPI_H
#define MN_TESTS_OPENAPI_H

#include "base/clock.h"
#include "base/json.h"
#include "test.h"

static mn_json *openapi;
static mn_arena openapi_arena;
static char openapi_why[600];

/* False when the description is not here. */
static inline bool openapi_load(void)
{
    char path[512];
    mn_err e = {0};
    mn_buf b;
    if (openapi) return true;
    if (!test_data("specs/mastodon-openapi.json", path)) return false;
    mn_arena_init(&openapi_arena, 0);
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 16 << 20, &b, &e));
    RUN(mn_json_parse(mn_str_dup(&openapi_arena, mn_buf_str(&b)), &openapi_arena, &openapi,
                      &e));
    mn_buf_release(&b);
    return true;
}

static inline bool openapi_bad(const char *at, const char *what)
{
    if (!openapi_why[0]) snprintf(openapi_why, sizeof openapi_why, "%s: %s", at, what);
    return false;
}

static inline const mn_json *openapi_ref(const mn_json *schema)
{
    for (int i = 0; i < 8; i++) {
        mn_str ref = mn_json_str(mn_json_get(schema, "$ref")), rest = ref;
        if (ref.len == 0) return schema;
        schema = openapi;
        mn_str_split(rest, '/', &rest);
        while (rest.ptr) {
            char key[200];
            mn_str part = mn_str_split(rest, '/', &rest);
            snprintf(key, sizeof key, "%.*s", MN_STR_FMT(part));
            schema = mn_json_get(schema, key);
        }
    }
    return schema;
}

static inline bool openapi_is(const mn_json *v, mn_str type)
{
    switch (v->type) {
    case MN_JSON_NULL:
        return mn_str_eqz(type, "null");
    case MN_JSON_BOOL:
        return mn_str_eqz(type, "boolean");
    case MN_JSON_STRING:
        return mn_str_eqz(type, "string");
    case MN_JSON_ARRAY:
        return mn_str_eqz(type, "array");
    case MN_JSON_OBJECT:
        return mn_str_eqz(type, "object");
    default:
        return mn_str_eqz(type, "number") ||
               (mn_str_eqz(type, "integer") && !memchr(v->text.ptr, '.', v->text.len));
    }
}

static inline bool openapi_type(const mn_json *schema, const mn_json *v, const char *at)
{
    const mn_json *t = mn_json_get(schema, "type");
    bool fits = !t || (t->type == MN_JSON_STRING && openapi_is(v, t->text));
    for (size_t i = 0; t && t->type == MN_JSON_ARRAY && i < t->n; i++)
        fits = fits || openapi_is(v, t->items[i]->text);
    return fits ? true : openapi_bad(at, "has another type");
}

static inline bool openapi_enum(const mn_json *schema, const mn_json *v, const char *at)
{
    const mn_json *list = mn_json_get(schema, "enum");
    if (!list || v->type != MN_JSON_STRING) return true;
    for (size_t i = 0; i < list->n; i++)
        if (mn_str_eq(list->items[i]->text, v->text)) return true;
    return openapi_bad(at, "is none of the values there are");
}

static inline bool openapi_format(const mn_json *schema, const mn_json *v, const char *at)
{
    mn_str f = mn_json_str(mn_json_get(schema, "format"));
    int64_t ms;
    if (v->type != MN_JSON_STRING || f.len == 0) return true;
    if (mn_str_eqz(f, "date-time") && mn_time_parse(v->text, &ms) != MN_OK)
        return openapi_bad(at, "is no date and time");
    if (mn_str_eqz(f, "uri") && v->text.len > 0 &&
        mn_str_find(v->text, MN_STR(":"), 0) == SIZE_MAX)
        return openapi_bad(at, "is no URI");
    return true;
}

static inline bool openapi_fits(const mn_json *schema, const mn_json *v, const char *at,
                                int depth);

static inline bool openapi_object(const mn_json *schema, const mn_json *v, const char *at,
                                  int depth)
{
    const mn_json *need = mn_json_get(schema, "required"),
                  *props = mn_json_get(schema, "properties"),
                  *more = mn_json_get(schema, "additionalProperties");
    char path[300], key[120];
    for (size_t i = 0; need && i < need->n; i++) {
        snprintf(key, sizeof key, "%.*s", MN_STR_FMT(need->items[i]->text));
        snprintf(path, sizeof path, "%s.%s", at, key);
        if (!mn_json_get(v, key)) return openapi_bad(path, "is missing");
    }
    for (size_t i = 0; i < v->n; i++) {
        snprintf(key, sizeof key, "%.*s", MN_STR_FMT(v->keys[i]));
        snprintf(path, sizeof path, "%s.%s", at, key);
        const mn_json *p = mn_json_get(props, key);
        if (!p && more && more->type == MN_JSON_OBJECT) p = more;
        if (p && !openapi_fits(p, v->items[i], path, depth + 1)) return false;
    }
    return true;
}

/* One (or, for allOf, each) of the alternatives fits. */
static inline bool openapi_choice(const mn_json *schema, const mn_json *v, const char *at,
                                  int depth)
{
    const mn_json *all = mn_json_get(schema, "allOf"), *any = mn_json_get(schema, "oneOf");
    if (!any) any = mn_json_get(schema, "anyOf");
    for (size_t i = 0; all && i < all->n; i++)
        if (!openapi_fits(all->items[i], v, at, depth + 1)) return false;
    if (!any) return true;
    for (size_t i = 0; i < any->n; i++) {
        char why[sizeof openapi_why];
        memcpy(why, openapi_why, sizeof why);
        if (openapi_fits(any->items[i], v, at, depth + 1)) return true;
        if (i + 1 < any->n) memcpy(openapi_why, why, sizeof why);
    }
    return openapi_bad(at, "fits none of the alternatives");
}

static inline bool openapi_fits(const mn_json *schema, const mn_json *v, const char *at,
                                int depth)
{
    char path[300];
    schema = openapi_ref(schema);
    if (!schema || depth > 40) return true;
    if (!openapi_type(schema, v, at) || !openapi_enum(schema, v, at) ||
        !openapi_format(schema, v, at) || !openapi_choice(schema, v, at, depth))
        return false;
    if (v->type == MN_JSON_OBJECT) return openapi_object(schema, v, at, depth);
    const mn_json *items = mn_json_get(schema, "items");
    for (size_t i = 0; v->type == MN_JSON_ARRAY && items && i < v->n; i++) {
        snprintf(path, sizeof path, "%s[%zu]", at, i);
        if (!openapi_fits(items, v->items[i], path, depth + 1)) return false;
    }
    return true;
}

/* Fails the test when `answer` is not what operation `method path` ("get", "/api/v1/accounts/{id}") answers with `status`. Does
 * nothing without the description; a test that is about nothing else begins with `if (!openapi_load()) SKIP(…)`. */
static inline void openapi_check(const char *method, const char *path, const char *status,
                                 const mn_json *answer)
{
    if (!openapi_load()) return;
    const mn_json *op = mn_json_get(mn_json_get(mn_json_get(openapi, "paths"), path), method);
    if (!op) fail_msg("the API knows no %s %s", method, path);
    const mn_json *content =
        mn_json_get(openapi_ref(mn_json_get(mn_json_get(op, "responses"), status)), "content");
    const mn_json *schema = mn_json_get(mn_json_get(content, "application/json"), "schema");
    if (!schema) fail_msg("the API says nothing about %s of %s %s", status, method, path);
    openapi_why[0] = 0;
    if (!openapi_fits(schema, answer, "answer", 0))
        fail_msg("%s %s: %s", method, path, openapi_why);
}
/* The same against a named schema ("Status"). */
static inline void openapi_check_entity(const char *name, const mn_json *v)
{
    if (!openapi_load()) return;
    const mn_json *schema =
        mn_json_get(mn_json_get(mn_json_get(openapi, "components"), "schemas"), name);
    if (!schema) fail_msg("the API knows no entity %s", name);
    openapi_why[0] = 0;
    if (!openapi_fits(schema, v, name, 0)) fail_msg("%s", openapi_why);
}

#endif
