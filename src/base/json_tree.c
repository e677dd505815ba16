/* The JSON tree: see json.h. Children of the containers being read stand on one stack off the arena and are copied to
 * the arena when their container closes, so that the arena holds exactly the tree. */
#include "base/json.h"

#include "base/hash.h"

typedef struct child {
    mn_str key;
    mn_json *value;
} child;

typedef struct builder {
    mn_json_reader r;
    child *stack;
    size_t n, cap;
} builder;

static mn_rc build(builder *b, mn_json **ret);

static mn_rc no_memory(builder *b)
{
    return mn_fail(b->r.err, MN_E_NOMEM, "out of memory for a JSON document");
}

static mn_rc push(builder *b, child c)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 32;
        child *more = mn_reallocarray(b->stack, cap, sizeof *more);
        if (!more) return no_memory(b);
        b->stack = more;
        b->cap = cap;
    }
    b->stack[b->n++] = c;
    return MN_OK;
}

static mn_rc repeated(builder *b, mn_str key)
{
    key = mn_utf8_cut(key, 100);
    return mn_fail(b->r.err, MN_E_PARSE, "the key \"%.*s\" stands twice in one object",
                   MN_STR_FMT(key));
}

/* Many keys: an open-addressing table of indices + 1. */
static mn_rc keys_differ_table(builder *b, const mn_str *keys, size_t n)
{
    size_t size = 64;
    while (size < n * 2) size *= 2;
    uint32_t *table = mn_calloc(size, sizeof *table);
    if (!table) return no_memory(b);
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < n && rc == MN_OK; i++) {
        size_t at = mn_hash64(keys[i].ptr, keys[i].len, 0) & (size - 1);
        for (; table[at]; at = (at + 1) & (size - 1))
            if (mn_str_eq(keys[table[at] - 1], keys[i])) {
                rc = repeated(b, keys[i]);
                break;
            }
        table[at] = (uint32_t)i + 1;
    }
    mn_free(table);
    return rc;
}

static mn_rc keys_differ(builder *b, const mn_str *keys, size_t n)
{
    if (n >= UINT32_MAX) return mn_fail(b->r.err, MN_E_LIMIT, "an object has too many keys");
    if (n > 16) return keys_differ_table(b, keys, n);
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (mn_str_eq(keys[i], keys[j])) return repeated(b, keys[i]);
    return MN_OK;
}

/* Moves the children from `base` on into v. */
static mn_rc close_container(builder *b, size_t base, mn_json *v)
{
    mn_arena *a = b->r.arena;
    v->n = b->n - base;
    v->items = mn_arena_alloc(a, v->n * sizeof *v->items);
    if (!v->items) return no_memory(b);
    if (v->type == MN_JSON_OBJECT && !(v->keys = mn_arena_alloc(a, v->n * sizeof *v->keys)))
        return no_memory(b);
    for (size_t i = 0; i < v->n; i++) {
        v->items[i] = b->stack[base + i].value;
        if (v->keys) v->keys[i] = b->stack[base + i].key;
    }
    b->n = base;
    return v->keys ? keys_differ(b, v->keys, v->n) : MN_OK;
}

static mn_rc build_container(builder *b, mn_json *v)
{
    bool object = v->type == MN_JSON_OBJECT, more;
    size_t base = b->n;
    MN_TRY(object ? mn_json_object_enter(&b->r) : mn_json_array_enter(&b->r));
    for (;;) {
        child c = {0};
        MN_TRY(object ? mn_json_object_next(&b->r, &c.key, &more)
                      : mn_json_array_next(&b->r, &more));
        if (!more) return close_container(b, base, v);
        MN_TRY(build(b, &c.value));
        MN_TRY(push(b, c));
    }
}

static mn_rc build(builder *b, mn_json **ret)
{
    mn_json_type type;
    MN_TRY(mn_json_peek(&b->r, &type));
    mn_json *v = mn_arena_calloc(b->r.arena, 1, sizeof *v);
    if (!v) return no_memory(b);
    v->type = type;
    *ret = v;
    switch (type) {
    case MN_JSON_NULL:
        return mn_json_read_null(&b->r);
    case MN_JSON_BOOL:
        return mn_json_read_bool(&b->r, &v->boolean);
    case MN_JSON_NUMBER:
        return mn_json_read_number(&b->r, &v->text);
    case MN_JSON_STRING:
        return mn_json_read_string(&b->r, &v->text);
    case MN_JSON_ARRAY:
        break;
    case MN_JSON_OBJECT:
        break;
    }
    return build_container(b, v);
}

mn_rc mn_json_parse(mn_str text, mn_arena *a, mn_json **ret, mn_err *e)
{
    builder b = {0};
    mn_json *v = NULL;
    mn_json_reader_init(&b.r, text, a, e);
    mn_rc rc = build(&b, &v);
    if (rc == MN_OK) rc = mn_json_end(&b.r);
    mn_free(b.stack);
    if (rc == MN_OK) *ret = v;
    return rc;
}

const mn_json *mn_json_get(const mn_json *o, const char *key)
{
    if (!o || o->type != MN_JSON_OBJECT) return NULL;
    mn_str k = mn_str_from(key);
    for (size_t i = 0; i < o->n; i++)
        if (mn_str_eq(o->keys[i], k)) return o->items[i];
    return NULL;
}

const mn_json *mn_json_at(const mn_json *a, size_t i)
{
    return a && a->type == MN_JSON_ARRAY && i < a->n ? a->items[i] : NULL;
}

mn_str mn_json_str(const mn_json *v)
{
    return v && v->type == MN_JSON_STRING ? v->text : MN_STR_NONE;
}

/* A number, or a string that may be one; MN_STR_NONE otherwise. */
static mn_str numeric(const mn_json *v)
{
    bool may = v && (v->type == MN_JSON_NUMBER || v->type == MN_JSON_STRING);
    return may ? v->text : MN_STR_NONE;
}

int64_t mn_json_i64(const mn_json *v, int64_t fallback)
{
    int64_t n;
    return mn_str_to_i64(numeric(v), &n) == MN_OK ? n : fallback;
}

uint64_t mn_json_u64(const mn_json *v, uint64_t fallback)
{
    uint64_t n;
    return mn_str_to_u64(numeric(v), &n) == MN_OK ? n : fallback;
}

double mn_json_f64(const mn_json *v, double fallback)
{
    double x;
    bool number = v && v->type == MN_JSON_NUMBER;
    return number && mn_str_to_f64(v->text, &x) == MN_OK ? x : fallback;
}

bool mn_json_bool(const mn_json *v, bool fallback)
{
    return v && v->type == MN_JSON_BOOL ? v->boolean : fallback;
}
