/* Arrays and objects of a schema: items one after the other, members in the order of `properties`. Each is built from its end to its beginning. */
#include "infer/grammar_int.h"

enum { MEMBERS_MAX = 2000 };

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

/* What the set says of the item at index i (SIZE_MAX: of those behind all prefixes): false when there must be none. */
static bool item_set(mn_gbuild *b, const mn_gset *a, size_t i, mn_gset *ret)
{
    for (size_t k = 0; k < a->n; k++) {
        const mn_json *items = mn_json_get(a->s[k], "items"),
                      *prefix = mn_json_get(a->s[k], "prefixItems");
        if (items && items->type == MN_JSON_ARRAY) { /* of old */
            prefix = items;
            items = mn_json_get(a->s[k], "additionalItems");
        }
        const mn_json *s = prefix && i < prefix->n ? mn_json_at(prefix, i) : items;
        if (s && s->type == MN_JSON_BOOL && !s->boolean) return false;
        if (s && !mn_grammar__set_add(b, ret, s)) return false;
    }
    return true;
}

static size_t prefix_of(mn_gbuild *b, const mn_gset *a)
{
    size_t most = 0;
    for (size_t k = 0; k < a->n; k++) {
        const mn_json *items = mn_json_get(a->s[k], "items"),
                      *prefix = mn_json_get(a->s[k], "prefixItems");
        if (prefix && prefix->type != MN_JSON_ARRAY)
            mn_grammar__fail(b, MN_E_PARSE, "'prefixItems' is not an array");
        if (items && items->type == MN_JSON_ARRAY) prefix = items;
        if (prefix && prefix->n > most) most = prefix->n;
    }
    return most;
}

static uint16_t item_rule(mn_gbuild *b, const mn_gset *a, size_t i)
{
    const mn_json *s[MN_G_SET_MAX];
    mn_gset of = {s, 0};
    return item_set(b, a, i, &of) ? mn_grammar__rule_of(b, of) : MN_G_NONE;
}

uint16_t mn_grammar__ws_then(mn_gbuild *b, uint16_t next)
{
    return mn_grammar__call(b, mn_grammar__ws(b), false, next);
}

static uint16_t comma_then(mn_gbuild *b, uint16_t next)
{
    return next == MN_G_NONE ? next : mn_grammar__byte(b, ',', mn_grammar__ws_then(b, next));
}

/* Items behind the prefix, each with its comma before it, then the end: min .. max of them. */
static uint16_t more_items(mn_gbuild *b, uint16_t item, uint32_t min, uint32_t max,
                           uint16_t end)
{
    if (item == MN_G_NONE || !max) return min ? MN_G_NONE : end;
    if (min || max != MN_G_INF)
        return mn_grammar__rep(b, comma_then(b, mn_grammar__call(b, item, false, b->ret)), min,
                               max, end);
    uint16_t loop = mn_grammar__hole(b); /* no counting */
    uint16_t more = comma_then(b, mn_grammar__call(b, item, false, loop));
    mn_grammar__fill(b, loop, mn_grammar__split(b, more, end));
    return loop;
}

static uint32_t less(uint32_t n, size_t k)
{
    return n == MN_G_INF ? n : n > k ? n - (uint32_t)k : 0;
}

uint16_t mn_grammar__array(mn_gbuild *b, const mn_gset *a)
{
    uint32_t min = mn_grammar__count_of(b, a, "minItems", true, 0),
             max = mn_grammar__count_of(b, a, "maxItems", false, MN_G_INF);
    size_t prefix = prefix_of(b, a);
    uint16_t close = mn_grammar__byte(b, ']', b->ret), end = mn_grammar__ws_then(b, close);
    if (b->rc != MN_OK || min > max) return MN_G_NONE;
    if (prefix > max) prefix = max;
    uint16_t more = item_rule(b, a, SIZE_MAX);
    size_t k = prefix ? prefix : 1; /* items that are written out */
    uint16_t at = more_items(b, more, less(min, k), less(max, k), end);
    for (size_t i = k; i-- > 0;) { /* at: what stands behind item i */
        uint16_t item = max ? (i < prefix ? item_rule(b, a, i) : more) : MN_G_NONE;
        at = mn_grammar__call(b, item, false, at);
        if (i) at = mn_grammar__split(b, comma_then(b, at), min <= i ? end : MN_G_NONE);
    }
    at = at == MN_G_NONE ? at : mn_grammar__ws_then(b, at);
    return mn_grammar__byte(b, '[', mn_grammar__split(b, at, min == 0 ? close : MN_G_NONE));
}

/* ---- objects --------------------------------------------------------------------------------------------------- */

typedef struct member {
    mn_str name;
    bool required;
    uint16_t rule; /* MN_G_NONE: it may not be there */
} member;

typedef struct object {
    mn_gbuild *b;
    const mn_gset *a;
    member *m;
    size_t n, cap;
    bool open;      /* others may follow */
    uint16_t other; /* their rule */
} object;

static member *member_of(object *o, mn_str name)
{
    for (size_t i = 0; i < o->n; i++) {
        if (mn_str_eq(o->m[i].name, name)) return &o->m[i];
    }
    o->m[o->n] = (member){name, false, MN_G_NONE};
    return &o->m[o->n++];
}

static void gather_members(object *o)
{
    for (size_t k = 0; k < o->a->n; k++) {
        const mn_json *p = mn_json_get(o->a->s[k], "properties"),
                      *r = mn_json_get(o->a->s[k], "required");
        if (p && p->type != MN_JSON_OBJECT)
            mn_grammar__fail(o->b, MN_E_PARSE, "'properties' is not an object");
        if (r && r->type == MN_JSON_BOOL) r = NULL; /* of very old */
        if (r && r->type != MN_JSON_ARRAY)
            mn_grammar__fail(o->b, MN_E_PARSE, "'required' is not an array");
        for (size_t i = 0; p && i < p->n && o->b->rc == MN_OK; i++) member_of(o, p->keys[i]);
    }
    for (size_t k = 0; k < o->a->n; k++) {
        const mn_json *r = mn_json_get(o->a->s[k], "required");
        for (size_t i = 0; r && r->type == MN_JSON_ARRAY && i < r->n && o->b->rc == MN_OK;
             i++) {
            if (r->items[i]->type != MN_JSON_STRING)
                mn_grammar__fail(o->b, MN_E_PARSE, "'required' names no property");
            member *m = o->b->rc == MN_OK ? member_of(o, r->items[i]->text) : NULL;
            if (m) m->required = true;
        }
    }
}

/* What the set says of the property (name.ptr NULL: of those that nobody names); MN_G_NONE: it may not be there. */
static uint16_t member_rule(object *o, mn_str name)
{
    const mn_json *s[MN_G_SET_MAX];
    mn_gset of = {s, 0};
    for (size_t k = 0; k < o->a->n; k++) {
        const mn_json *p = mn_json_get(o->a->s[k], "properties"), *say = NULL;
        for (size_t i = 0; p && name.ptr && i < p->n; i++) {
            if (mn_str_eq(p->keys[i], name)) say = p->items[i];
        }
        if (!say) say = mn_json_get(o->a->s[k], "additionalProperties");
        if (say && say->type == MN_JSON_BOOL && !say->boolean) return MN_G_NONE;
        if (say && !mn_grammar__set_add(o->b, &of, say)) return MN_G_NONE;
    }
    return mn_grammar__rule_of(o->b, of);
}

/* Others follow where they are asked for, or where nothing at all is said of members. */
static void find_others(object *o)
{
    bool asked = false, named = o->n > 0;
    for (size_t k = 0; k < o->a->n; k++) {
        if (mn_json_get(o->a->s[k], "additionalProperties")) asked = true;
        if (mn_json_get(o->a->s[k], "properties")) named = true;
    }
    o->other = asked || !named ? member_rule(o, MN_STR_NONE) : MN_G_NONE;
    o->open = o->other != MN_G_NONE;
}

/* How many members there are is only understood where it is so anyway. */
static void check_counts(object *o)
{
    uint32_t required = 0, min = mn_grammar__count_of(o->b, o->a, "minProperties", true, 0),
             max = mn_grammar__count_of(o->b, o->a, "maxProperties", false, MN_G_INF);
    for (size_t i = 0; i < o->n; i++) required += o->m[i].required;
    if (min > required || (max != MN_G_INF && (o->open || max < o->n)))
        mn_grammar__fail(o->b, MN_E_UNSUPPORTED,
                         "the schema's 'minProperties' or 'maxProperties' is not supported: "
                         "name the properties and require them");
}

static uint16_t colon_then(mn_gbuild *b, uint16_t rule, uint16_t next)
{
    uint16_t value = mn_grammar__call(b, rule, false, next);
    if (value == MN_G_NONE) return value;
    return mn_grammar__byte(b, ':',
                            mn_grammar__split(b, value, mn_grammar__byte(b, ' ', value)));
}

static mn_str quoted(mn_gbuild *b, mn_str name)
{
    const mn_json v = {.type = MN_JSON_STRING, .text = name};
    return mn_grammar__text_of(b, &v);
}

/* Other members, one or more, then the end. */
static uint16_t others(object *o, uint16_t end)
{
    mn_gbuild *b = o->b;
    mn_str *names = mn_arena_alloc(b->a, (o->n + 1) * sizeof *names);
    if (!names) return mn_grammar__no_memory(b);
    for (size_t i = 0; i < o->n; i++) names[i] = o->m[i].name;
    uint16_t after = mn_grammar__hole(b), name = mn_grammar__name_but(b, names, o->n);
    uint16_t one = mn_grammar__call(b, name, false, colon_then(b, o->other, after));
    mn_grammar__fill(b, after, mn_grammar__split(b, comma_then(b, one), end));
    return one;
}

/* Members i.. in their order. keys: the place where a name must come; after: behind a value. */
static uint16_t members(object *o, uint16_t close)
{
    mn_gbuild *b = o->b;
    uint16_t end = mn_grammar__ws_then(b, close), keys = o->open ? others(o, end) : MN_G_NONE;
    bool must = false; /* one of those that follow is required */
    for (size_t i = o->n; i-- > 0 && b->rc == MN_OK;) {
        member *m = &o->m[i];
        if (m->rule == MN_G_NONE && !m->required) continue;
        uint16_t after = mn_grammar__split(b, comma_then(b, keys), must ? MN_G_NONE : end);
        uint16_t this = colon_then(b, m->rule, after);
        if (this != MN_G_NONE) this = mn_grammar__literal(b, quoted(b, m->name), this);
        keys = m->required ? this : mn_grammar__split(b, this, keys);
        must = must || m->required;
    }
    uint16_t first = keys == MN_G_NONE ? keys : mn_grammar__ws_then(b, keys);
    return mn_grammar__split(b, first, must ? MN_G_NONE : close);
}

uint16_t mn_grammar__object(mn_gbuild *b, const mn_gset *a)
{
    object o = {.b = b, .a = a};
    for (size_t k = 0; k < a->n; k++) {
        const mn_json *p = mn_json_get(a->s[k], "properties"),
                      *r = mn_json_get(a->s[k], "required");
        o.cap += (p ? p->n : 0) + (r ? r->n : 0);
    }
    if (o.cap > MEMBERS_MAX)
        return mn_grammar__fail(b, MN_E_LIMIT, "an object with more than %d properties",
                                MEMBERS_MAX);
    o.m = mn_arena_alloc(b->a, (o.cap + 1) * sizeof *o.m);
    if (!o.m) return mn_grammar__no_memory(b);
    gather_members(&o);
    for (size_t i = 0; i < o.n && b->rc == MN_OK; i++)
        o.m[i].rule = member_rule(&o, o.m[i].name);
    if (b->rc == MN_OK) find_others(&o);
    if (b->rc == MN_OK) check_counts(&o);
    if (b->rc != MN_OK) return MN_G_NONE;
    return mn_grammar__byte(b, '{', members(&o, mn_grammar__byte(b, '}', b->ret)));
}
