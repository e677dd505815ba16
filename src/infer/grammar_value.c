/* Values against schemas: for enum and const beside other words. Also where a $ref leads, and what `type` and the counts say. */
#include "infer/grammar_int.h"

enum { STEPS_MAX = 1 << 20, DEPTH_MAX = 128 };

/* ---- references ------------------------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One part of a pointer: %41 and ~0, ~1 undone, on the arena. */
static mn_str part_of(mn_gbuild *b, mn_str s)
{
    char *p = mn_arena_alloc(b->a, s.len + 1);
    size_t n = 0;
    if (!p) {
        mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
        return MN_STR_NONE;
    }
    for (size_t i = 0; i < s.len; i++) {
        int hi = s.ptr[i] == '%' && i + 2 < s.len ? hex(s.ptr[i + 1]) : -1;
        int lo = hi >= 0 ? hex(s.ptr[i + 2]) : -1;
        p[n++] = lo >= 0 ? (char)(hi * 16 + lo) : s.ptr[i];
        if (lo >= 0) i += 2;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool tilde = p[i] == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1');
        p[kept++] = tilde ? (p[i + 1] == '0' ? '~' : '/') : p[i];
        i += tilde;
    }
    return (mn_str){p, kept};
}

static const mn_json *child(const mn_json *v, mn_str name)
{
    uint64_t i;
    if (v->type == MN_JSON_ARRAY)
        return mn_str_to_u64(name, &i) == MN_OK ? mn_json_at(v, (size_t)i) : NULL;
    for (size_t k = 0; v->type == MN_JSON_OBJECT && k < v->n; k++) {
        if (mn_str_eq(v->keys[k], name)) return v->items[k];
    }
    return NULL;
}

const mn_json *mn_grammar__deref(mn_gbuild *b, mn_str ref)
{
    const mn_json *v = b->root;
    mn_str rest = ref, whole = {ref.ptr, ref.len < 80 ? ref.len : 80};
    mn_str before = mn_str_split(ref, '#', &rest);
    if (before.len || !rest.ptr || (rest.len && rest.ptr[0] != '/')) {
        mn_grammar__fail(b, MN_E_UNSUPPORTED,
                         "'$ref' to '%.*s' is not supported: expected one that begins with '#'",
                         MN_STR_FMT(whole));
        return NULL;
    }
    if (rest.len) mn_str_split(rest, '/', &rest);
    while (v && rest.ptr && rest.len && b->rc == MN_OK) {
        mn_str part = mn_str_split(rest, '/', &rest);
        v = child(v, part_of(b, part));
    }
    if (!v)
        mn_grammar__fail(b, MN_E_PARSE, "'$ref' to '%.*s' leads nowhere", MN_STR_FMT(whole));
    return b->rc == MN_OK ? v : NULL;
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static unsigned type_named(mn_gbuild *b, const mn_json *t)
{
    static const struct {
        const char *name;
        unsigned types;
    } names[] = {{"null", MN_GT_NULL},       {"boolean", MN_GT_BOOL},
                 {"integer", MN_GT_INTEGER}, {"number", MN_GT_INTEGER | MN_GT_FRACTION},
                 {"string", MN_GT_STRING},   {"array", MN_GT_ARRAY},
                 {"object", MN_GT_OBJECT}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (t->type == MN_JSON_STRING && mn_str_eqz(t->text, names[i].name))
            return names[i].types;
    }
    mn_grammar__fail(b, MN_E_PARSE, "a 'type' that JSON Schema does not have: '%.*s'",
                     (int)(t->text.len < 40 ? t->text.len : 40),
                     t->text.len ? t->text.ptr : "");
    return 0;
}

unsigned mn_grammar__types(mn_gbuild *b, const mn_json *schema)
{
    const mn_json *t = mn_json_get(schema, "type");
    unsigned types = 0;
    if (!t) return MN_GT_ANY;
    if (t->type != MN_JSON_ARRAY) types = type_named(b, t);
    for (size_t i = 0; t->type == MN_JSON_ARRAY && i < t->n; i++)
        types |= type_named(b, t->items[i]);
    return mn_json_bool(mn_json_get(schema, "nullable"), false) ? types | MN_GT_NULL : types;
}

mn_rc mn_grammar__count(mn_gbuild *b, const mn_json *schema, const char *key, uint32_t fallback,
                        uint32_t *ret)
{
    const mn_json *v = mn_json_get(schema, key);
    int c = -1;
    *ret = fallback;
    if (!v) return MN_OK;
    if (v->type != MN_JSON_NUMBER || v->text.ptr[0] == '-' ||
        !mn_grammar__number_is_integer(v->text)) {
        mn_grammar__fail(b, MN_E_PARSE, "the schema's '%s' is not a whole number", key);
        return b->rc;
    }
    if (mn_grammar__number_cmp(v->text, MN_STR("1000000"), &c) == MN_OK && c <= 0)
        *ret = (uint32_t)mn_json_f64(v, 0);
    else if (mn_str_starts(mn_str_from(key), "max")) *ret = MN_G_INF;
    else mn_grammar__fail(b, MN_E_LIMIT, "the schema's '%s' is larger than 1,000,000", key);
    return b->rc;
}

/* ---- equality --------------------------------------------------------------------------------------------------- */

bool mn_grammar__same(const mn_json *x, const mn_json *y)
{
    int c = 1;
    if (x->type != y->type) return false;
    switch (x->type) {
    case MN_JSON_NULL:
        return true;
    case MN_JSON_BOOL:
        return x->boolean == y->boolean;
    case MN_JSON_NUMBER:
        return mn_grammar__number_cmp(x->text, y->text, &c) == MN_OK && c == 0;
    case MN_JSON_STRING:
        return mn_str_eq(x->text, y->text);
    case MN_JSON_ARRAY:
    case MN_JSON_OBJECT:
        break;
    }
    if (x->n != y->n) return false;
    for (size_t i = 0; i < x->n; i++) {
        const mn_json *other = x->type == MN_JSON_ARRAY ? y->items[i] : child(y, x->keys[i]);
        if (!other || !mn_grammar__same(x->items[i], other)) return false;
    }
    return true;
}

/* ---- suiting ---------------------------------------------------------------------------------------------------- */

static unsigned type_of(const mn_json *v)
{
    switch (v->type) {
    case MN_JSON_NULL:
        return MN_GT_NULL;
    case MN_JSON_BOOL:
        return MN_GT_BOOL;
    case MN_JSON_NUMBER:
        return mn_grammar__number_is_integer(v->text) ? MN_GT_INTEGER : MN_GT_FRACTION;
    case MN_JSON_STRING:
        return MN_GT_STRING;
    case MN_JSON_ARRAY:
        return MN_GT_ARRAY;
    case MN_JSON_OBJECT:
        return MN_GT_OBJECT;
    }
    return 0;
}

static bool number_suits(const mn_json *v, const mn_json *s)
{
    static const struct {
        const char *key, *exclusive;
        int sign;
    } bounds[] = {{"minimum", "exclusiveMinimum", 1}, {"maximum", "exclusiveMaximum", -1}};
    for (size_t i = 0; i < 2; i++) {
        const mn_json *at = mn_json_get(s, bounds[i].key),
                      *x = mn_json_get(s, bounds[i].exclusive);
        int c = 1;
        if (at && (mn_grammar__number_cmp(v->text, at->text, &c) != MN_OK ||
                   c * bounds[i].sign < mn_json_bool(x, false)))
            return false;
        if (x && x->type == MN_JSON_NUMBER &&
            (mn_grammar__number_cmp(v->text, x->text, &c) != MN_OK || c * bounds[i].sign <= 0))
            return false;
    }
    return true;
}

static bool string_suits(mn_gbuild *b, const mn_json *v, const mn_json *s)
{
    uint32_t min, max, n = (uint32_t)mn_utf8_count(v->text);
    const mn_json *pattern = mn_json_get(s, "pattern"), *format = mn_json_get(s, "format");
    mn_gdfa d;
    if (mn_grammar__count(b, s, "minLength", 0, &min) != MN_OK ||
        mn_grammar__count(b, s, "maxLength", MN_G_INF, &max) != MN_OK)
        return false;
    if (n < min || n > max) return false;
    if (!pattern && !format) return true;
    mn_buf buf;
    mn_json_writer w;
    mn_buf_init(&buf, 0);
    mn_json_writer_init(&w, &buf, 0);
    mn_jw_str(&w, v->text);
    mn_str inside = buf.len > 2 ? mn_str_sub(mn_buf_str(&buf), 1, buf.len - 2) : MN_STR("");
    bool ok = buf.failed == MN_OK;
    if (ok && pattern)
        ok = mn_grammar__pattern(b, mn_json_str(pattern), &d) == MN_OK &&
             mn_grammar__dfa_accepts(&d, inside);
    if (ok && format)
        ok = mn_grammar__format(b, mn_json_str(format), &d) == MN_OK &&
             mn_grammar__dfa_accepts(&d, inside);
    mn_buf_release(&buf);
    return ok;
}

static bool array_suits(mn_gbuild *b, const mn_json *v, const mn_json *s, int depth)
{
    uint32_t min, max;
    const mn_json *items = mn_json_get(s, "items"), *prefix = mn_json_get(s, "prefixItems");
    if (mn_grammar__count(b, s, "minItems", 0, &min) != MN_OK ||
        mn_grammar__count(b, s, "maxItems", MN_G_INF, &max) != MN_OK)
        return false;
    if (v->n < min || v->n > max) return false;
    if (items && items->type == MN_JSON_ARRAY) {
        prefix = items;
        items = mn_json_get(s, "additionalItems");
    }
    for (size_t i = 0; i < v->n; i++) {
        const mn_json *say = prefix && i < prefix->n ? mn_json_at(prefix, i) : items;
        if (say && !mn_grammar__suits(b, v->items[i], say, depth + 1)) return false;
        for (size_t k = 0; mn_json_bool(mn_json_get(s, "uniqueItems"), false) && k < i; k++) {
            if (mn_grammar__same(v->items[i], v->items[k])) return false;
        }
    }
    return true;
}

static bool object_suits(mn_gbuild *b, const mn_json *v, const mn_json *s, int depth)
{
    const mn_json *p = mn_json_get(s, "properties"),
                  *more = mn_json_get(s, "additionalProperties"),
                  *required = mn_json_get(s, "required");
    for (size_t i = 0; i < v->n; i++) {
        const mn_json *say = p ? child(p, v->keys[i]) : NULL;
        if (!say) say = more;
        if (say && !mn_grammar__suits(b, v->items[i], say, depth + 1)) return false;
    }
    for (size_t i = 0; required && required->type == MN_JSON_ARRAY && i < required->n; i++) {
        if (!child(v, mn_json_str(required->items[i]))) return false;
    }
    uint32_t min, max;
    return mn_grammar__count(b, s, "minProperties", 0, &min) == MN_OK &&
           mn_grammar__count(b, s, "maxProperties", MN_G_INF, &max) == MN_OK && v->n >= min &&
           v->n <= max;
}

static bool listed_in(mn_gbuild *b, const mn_json *v, const mn_json *s)
{
    const mn_json *k = mn_json_get(s, "const"), *list = mn_json_get(s, "enum");
    if (k && !mn_grammar__same(v, k)) return false;
    for (size_t i = 0; list && i < list->n; i++) {
        if (list->items[i] == v) return true; /* it comes from there */
    }
    for (size_t i = 0; list && i < list->n && b->steps <= STEPS_MAX; i++, b->steps++) {
        if (mn_grammar__same(v, list->items[i])) return true;
    }
    return !list;
}

static bool parts_suit(mn_gbuild *b, const mn_json *v, const mn_json *s, int depth)
{
    static const char *const any[] = {"anyOf", "oneOf"};
    const mn_json *all = mn_json_get(s, "allOf"), *ref = mn_json_get(s, "$ref");
    if (ref) {
        const mn_json *to = mn_grammar__deref(b, mn_json_str(ref));
        if (!to || !mn_grammar__suits(b, v, to, depth + 1)) return false;
    }
    for (size_t i = 0; all && i < all->n; i++) {
        if (!mn_grammar__suits(b, v, all->items[i], depth + 1)) return false;
    }
    for (size_t k = 0; k < 2; k++) {
        const mn_json *list = mn_json_get(s, any[k]);
        bool found = !list;
        for (size_t i = 0; list && i < list->n && !found; i++)
            found = mn_grammar__suits(b, v, list->items[i], depth + 1);
        if (!found) return false;
    }
    return true;
}

bool mn_grammar__suits(mn_gbuild *b, const mn_json *v, const mn_json *s, int depth)
{
    if (++b->steps > STEPS_MAX || depth > DEPTH_MAX)
        mn_grammar__fail(
            b, MN_E_LIMIT,
            "checking the values of an enum against the rest of the schema takes too long");
    if (b->rc != MN_OK || s->type == MN_JSON_BOOL) return b->rc == MN_OK && s->boolean;
    if (!(mn_grammar__types(b, s) & type_of(v)) || !listed_in(b, v, s) ||
        !parts_suit(b, v, s, depth))
        return false;
    switch (v->type) {
    case MN_JSON_NUMBER:
        return number_suits(v, s);
    case MN_JSON_STRING:
        return string_suits(b, v, s);
    case MN_JSON_ARRAY:
        return array_suits(b, v, s, depth);
    case MN_JSON_OBJECT:
        return object_suits(b, v, s, depth);
    default:
        return true;
    }
}
