/* Values: strings that remember which of their bytes came from the variables, lists, dicts; truth, equality, order.
 *
 * A string is a stretch of a jtext. Appending to a string that ends where its text ends writes behind it, so building a
 * string piece by piece costs its length, not its square; what was there never changes. */
#include "text/jinja_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static mn_rc no_memory(jx *x)
{
    return mn_jinja__fail(x, MN_E_NOMEM, "out of memory");
}

static mn_rc too_much(jx *x)
{
    return mn_jinja__fail(x, MN_E_LIMIT, "the template makes more than %zu bytes",
                          x->limit_bytes);
}

/* Does one more value of that size fit? */
static bool fits(const jx *x, size_t bytes)
{
    size_t used = x->arena->used_bytes + x->heap_bytes;
    return used <= x->limit_bytes && bytes <= x->limit_bytes - used;
}

void *mn_jinja__alloc(jx *x, size_t n, size_t size)
{
    size_t sum;
    if (__builtin_mul_overflow(n, size, &sum) || !fits(x, sum)) {
        too_much(x);
        return NULL;
    }
    void *p = mn_arena_calloc(x->arena, n, size);
    if (!p) no_memory(x);
    return p;
}

mn_rc mn_jinja__spend(jx *x, size_t bytes)
{
    uint64_t n = 1 + bytes / 256;
    if (n > x->steps_left) {
        x->steps_left = 0;
        return mn_jinja__fail(x, MN_E_LIMIT, "the template takes too many steps");
    }
    x->steps_left -= n;
    return MN_OK;
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

static char nothing[1]; /* what an empty text points at; never written */

mn_rc mn_jinja__text_new(jx *x, size_t room, jtext **ret)
{
    jtext *t = mn_jinja__alloc(x, 1, sizeof *t);
    if (!t) return x->e->rc;
    if (room > UINT32_MAX / 2) return too_much(x);
    t->ptr = nothing;
    if (room && !(t->ptr = mn_jinja__alloc(x, room, 1))) return x->e->rc;
    t->cap = (uint32_t)room;
    *ret = t;
    return MN_OK;
}

/* Room for n more bytes: from the heap, in steps that double. */
static mn_rc text_room(jx *x, jtext *t, size_t n)
{
    if (n <= t->cap - t->len) return MN_OK;
    size_t need = t->len + n, cap = need + need / 2 + 32, had = t->heap ? t->cap : 0;
    if (n > x->limit_bytes || cap > UINT32_MAX / 2 || !fits(x, cap - had)) return too_much(x);
    char *p = mn_realloc(t->heap ? t->ptr : NULL, cap);
    if (!p) return no_memory(x);
    if (!t->heap) {
        if (t->len) memcpy(p, t->ptr, t->len);
        t->heap = true;
        t->next = x->heap;
        x->heap = t;
    }
    x->heap_bytes += cap - had;
    t->ptr = p;
    t->cap = (uint32_t)cap;
    return MN_OK;
}

/* Bytes from..to of t are marked; they stand behind all that are marked so far. */
static mn_rc mark(jx *x, jtext *t, size_t from, size_t to)
{
    if (from == to) return MN_OK;
    if (t->n_spans && t->spans[t->n_spans - 1].to == from) {
        t->spans[t->n_spans - 1].to = to;
        return MN_OK;
    }
    if (t->n_spans == t->cap_spans) {
        uint32_t cap = t->cap_spans ? t->cap_spans * 2 : 2;
        mn_span *more = mn_jinja__alloc(x, cap, sizeof *more);
        if (!more) return x->e->rc;
        if (t->n_spans) memcpy(more, t->spans, t->n_spans * sizeof *more);
        t->spans = more;
        t->cap_spans = cap;
    }
    t->spans[t->n_spans++] = (mn_span){from, to};
    return MN_OK;
}

mn_rc mn_jinja__put(jx *x, jtext *t, mn_str s, bool marked)
{
    MN_TRY(text_room(x, t, s.len));
    if (s.len) memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += (uint32_t)s.len;
    return marked ? mark(x, t, t->len - s.len, t->len) : MN_OK;
}

/* The first span of t that ends behind `at`. */
static uint32_t span_after(const jtext *t, size_t at)
{
    uint32_t low = 0, high = t->n_spans;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->spans[mid].to > at) high = mid;
        else low = mid + 1;
    }
    return low;
}

bool mn_jinja__is_marked(const jtext *t, size_t at, size_t *ret_until)
{
    *ret_until = t->len;
    if (t->all) return true;
    uint32_t i = span_after(t, at);
    if (i == t->n_spans) return false;
    bool marked = t->spans[i].from <= at;
    *ret_until = marked ? t->spans[i].to : t->spans[i].from;
    return marked;
}

mn_rc mn_jinja__put_sub(jx *x, jtext *t, jval s, size_t from, size_t len)
{
    const jtext *src = s.text;
    size_t at = s.off + from, end = at + len, to = t->len;
    MN_TRY(mn_jinja__spend(x, len));
    MN_TRY(text_room(x, t, len)); /* may move src's bytes when it is t: read them after */
    if (len) memmove(t->ptr + t->len, src->ptr + at, len);
    t->len += (uint32_t)len;
    if (src->all) return mark(x, t, to, t->len);
    for (uint32_t i = span_after(src, at); i < src->n_spans && src->spans[i].from < end; i++) {
        size_t a = src->spans[i].from > at ? src->spans[i].from : at;
        size_t b = src->spans[i].to < end ? src->spans[i].to : end;
        MN_TRY(mark(x, t, to + (a - at), to + (b - at)));
    }
    return MN_OK;
}

mn_rc mn_jinja__put_val(jx *x, jtext *t, jval s)
{
    return mn_jinja__put_sub(x, t, s, 0, s.len);
}

jval mn_jinja__whole(jtext *t, bool safe)
{
    return (jval){.type = J_STR, .op = safe, .len = t->len, .text = t};
}

jval mn_jinja__sub(jval s, size_t from, size_t len)
{
    s.off += (uint32_t)from;
    s.len = (uint32_t)len;
    return s;
}

mn_rc mn_jinja__str(jx *x, mn_str s, jval *ret)
{
    jtext *t = mn_jinja__alloc(x, 1, sizeof *t);
    if (!t) return x->e->rc;
    if (s.len > UINT32_MAX / 2) return too_much(x);
    union {
        const char *in;
        char *out;
    } unconst = {s.ptr ? s.ptr : nothing}; /* cap is 0: never written to */
    t->ptr = unconst.out;
    t->len = (uint32_t)s.len;
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

mn_rc mn_jinja__concat(jx *x, jval a, jval b, jval *ret)
{
    jtext *t = a.text;
    MN_TRY(mn_jinja__spend(x, b.len));
    if (!b.len || !a.len) {
        *ret = a.len ? a : b;
        ret->op = a.op;
        return MN_OK;
    }
    if (!t->cap || a.off + a.len != t->len || t->all) {
        MN_TRY(mn_jinja__text_new(x, (size_t)a.len + b.len, &t));
        MN_TRY(mn_jinja__put_val(x, t, a));
        a.text = t;
        a.off = 0;
    }
    MN_TRY(mn_jinja__put_val(x, t, b));
    *ret = a;
    ret->len = a.len + b.len;
    return MN_OK;
}

bool mn_jinja__is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

size_t mn_jinja__cp(mn_str s, size_t at, uint32_t *ret)
{
    unsigned char c = (unsigned char)s.ptr[at];
    size_t n = 1;
    if (c < 0x80) {
        *ret = c;
    } else if (!(n = mn_utf8_decode(s.ptr + at, s.len - at, ret))) {
        *ret = 0xfffd;
        n = 1;
    }
    return n;
}

size_t mn_jinja__count_cp(mn_str s)
{
    size_t n = 0;
    uint32_t cp;
    for (size_t at = 0; at < s.len; at += mn_jinja__cp(s, at, &cp)) n++;
    return n;
}

size_t mn_jinja__at_cp(mn_str s, size_t n)
{
    size_t at = 0;
    uint32_t cp;
    while (n-- && at < s.len) at += mn_jinja__cp(s, at, &cp);
    return at;
}

/* ---- lists and dicts ---------------------------------------------------------------------------------------------- */

mn_rc mn_jinja__list_new(jx *x, jtype type, size_t room, jval *ret)
{
    jlist *l = mn_jinja__alloc(x, 1, sizeof *l);
    if (!l || (room && !(l->items = mn_jinja__alloc(x, room, sizeof *l->items))))
        return x->e->rc;
    l->cap = room;
    *ret = (jval){.type = (uint8_t)type, .list = l};
    return MN_OK;
}

mn_rc mn_jinja__list_add(jx *x, jlist *l, jval v)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        jval *more = mn_jinja__alloc(x, cap, sizeof *more);
        if (!more) return x->e->rc;
        if (l->n) memcpy(more, l->items, l->n * sizeof *more);
        l->items = more;
        l->cap = cap;
    }
    l->items[l->n++] = v;
    return MN_OK;
}

mn_rc mn_jinja__dict_new(jx *x, size_t room, jval *ret)
{
    jdict *d = mn_jinja__alloc(x, 1, sizeof *d);
    if (!d || (room && (!(d->keys = mn_jinja__alloc(x, room, sizeof *d->keys)) ||
                        !(d->vals = mn_jinja__alloc(x, room, sizeof *d->vals)))))
        return x->e->rc;
    d->cap = room;
    *ret = (jval){.type = J_DICT, .dict = d};
    return MN_OK;
}

const jval *mn_jinja__dict_find(const jdict *d, mn_str key)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->keys[i].type == J_STR && mn_str_eq(mn_jinja__bytes(d->keys[i]), key))
            return &d->vals[i];
    return NULL;
}

static bool hashable(jval v, unsigned depth)
{
    if (v.type == J_LIST || v.type == J_DICT || v.type == J_VIEW) return false;
    if (v.type == J_TUPLE && depth < MN_JINJA_VALUE_MAX)
        for (size_t i = 0; i < v.list->n; i++)
            if (!hashable(v.list->items[i], depth + 1)) return false;
    return true;
}

/* The place of a key; d->n when it is absent. */
static mn_rc dict_at(jx *x, const jdict *d, jval key, size_t *ret)
{
    if (!hashable(key, 0))
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be a key", mn_jinja__type_name(key));
    MN_TRY(mn_jinja__spend(x, d->n * 16));
    for (*ret = 0; *ret < d->n; ++*ret) {
        bool same;
        if (d->keys[*ret].type == J_STR && key.type == J_STR)
            same = mn_str_eq(mn_jinja__bytes(d->keys[*ret]), mn_jinja__bytes(key));
        else MN_TRY(mn_jinja__equal(x, d->keys[*ret], key, &same));
        if (same) break;
    }
    return MN_OK;
}

mn_rc mn_jinja__dict_get(jx *x, const jdict *d, jval key, const jval **ret)
{
    size_t at;
    MN_TRY(dict_at(x, d, key, &at));
    *ret = at < d->n ? &d->vals[at] : NULL;
    return MN_OK;
}

mn_rc mn_jinja__dict_set(jx *x, jdict *d, jval key, jval v)
{
    size_t at;
    MN_TRY(dict_at(x, d, key, &at));
    if (at == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        jval *k = mn_jinja__alloc(x, cap, sizeof *k), *w = mn_jinja__alloc(x, cap, sizeof *w);
        if (!k || !w) return x->e->rc;
        for (size_t i = 0; i < d->n; i++) k[i] = d->keys[i], w[i] = d->vals[i];
        d->keys = k;
        d->vals = w;
        d->cap = cap;
    }
    if (at == d->n) d->keys[d->n++] = key;
    d->vals[at] = v;
    return MN_OK;
}

/* ---- from JSON ---------------------------------------------------------------------------------------------------- */

static mn_rc json_number(jx *x, mn_str s, jval *ret)
{
    int64_t i;
    double f;
    bool whole = true;
    for (size_t k = 0; k < s.len; k++) whole = whole && !strchr(".eE", s.ptr[k]);
    if (whole && mn_str_to_i64(s, &i) == MN_OK) {
        *ret = mn_jinja__int(i);
    } else if (whole) {
        MN_TRY(mn_jinja__str(x, s, ret));
        ret->type = J_BIG;
    } else {
        if (mn_jinja__parse_f64(s, &f) != MN_OK)
            return mn_jinja__fail(x, MN_E_PARSE, "'%.*s' is no number",
                                  MN_STR_FMT(mn_str_sub(s, 0, 40)));
        *ret = mn_jinja__float(f);
    }
    return MN_OK;
}

static mn_rc json_string(jx *x, mn_str s, bool trusted, jval *ret)
{
    bool word = trusted;
    for (size_t i = 0; !word && i < x->o->n_words; i++) word = mn_str_eq(s, x->o->words[i]);
    MN_TRY(mn_jinja__str(x, s.ptr ? s : MN_STR(""), ret));
    ret->text->all = !word;
    return MN_OK;
}

static mn_rc json_array(jx *x, const mn_json *j, bool trusted, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, J_LIST, j->n, ret));
    for (size_t i = 0; i < j->n; i++) {
        jval v = {0};
        MN_TRY(mn_jinja__from_json(x, j->items[i], trusted, &v));
        MN_TRY(mn_jinja__list_add(x, ret->list, v));
    }
    return MN_OK;
}

static mn_rc json_object(jx *x, const mn_json *j, bool trusted, jval *ret)
{
    MN_TRY(mn_jinja__dict_new(x, j->n, ret));
    jdict *d = ret->dict;
    for (size_t i = 0; i < j->n; i++) {
        MN_TRY(json_string(x, j->keys[i], trusted, &d->keys[i]));
        MN_TRY(mn_jinja__from_json(x, j->items[i], trusted, &d->vals[i]));
        d->n++;
    }
    return MN_OK;
}

mn_rc mn_jinja__from_json(jx *x, const mn_json *j, bool trusted, jval *ret)
{
    if (++x->depth > MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "the variables are nested too deep");
    mn_rc rc = MN_OK;
    switch (j->type) {
    case MN_JSON_NULL:
        *ret = mn_jinja__none();
        break;
    case MN_JSON_BOOL:
        *ret = mn_jinja__bool(j->boolean);
        break;
    case MN_JSON_NUMBER:
        rc = json_number(x, j->text, ret);
        break;
    case MN_JSON_STRING:
        rc = json_string(x, j->text, trusted, ret);
        break;
    case MN_JSON_ARRAY:
        rc = json_array(x, j, trusted, ret);
        break;
    case MN_JSON_OBJECT:
        rc = json_object(x, j, trusted, ret);
        break;
    }
    x->depth--;
    return rc;
}

/* ---- what a value is ---------------------------------------------------------------------------------------------- */

const char *mn_jinja__type_name(jval v)
{
    static const char *const names[] = {"missing argument",
                                        "Undefined",
                                        "NoneType",
                                        "bool",
                                        "int",
                                        "float",
                                        "int",
                                        "str",
                                        "list",
                                        "tuple",
                                        "dict",
                                        "range",
                                        "dict view",
                                        "generator",
                                        "Namespace",
                                        "Macro",
                                        "function",
                                        "method",
                                        "LoopContext"};
    return names[v.type];
}

jval mn_jinja__undef(jundef kind, jtype of, mn_str name)
{
    return (jval){.type = J_UNDEF,
                  .op = (uint8_t)kind,
                  .off = (uint32_t)of,
                  .len = (uint32_t)(name.len < 200 ? name.len : 200),
                  .hint = name.ptr};
}

mn_rc mn_jinja__undefined(jx *x, jval v)
{
    mn_str name = mn_utf8_cut((mn_str){v.hint, v.len}, 120);
    const char *of = mn_jinja__type_name((jval){.type = (uint8_t)v.off});
    switch ((jundef)v.op) {
    case JU_NAME:
        return mn_jinja__fail(x, MN_E_PARSE, "'%.*s' is undefined", MN_STR_FMT(name));
    case JU_ATTR:
        return mn_jinja__fail(x, MN_E_PARSE, "'%s object' has no attribute '%.*s'", of,
                              MN_STR_FMT(name));
    case JU_UNSAFE:
        return mn_jinja__fail(x, MN_E_PARSE,
                              "access to attribute '%.*s' of '%s' object is unsafe",
                              MN_STR_FMT(name), of);
    case JU_HINT:
        break;
    }
    return mn_jinja__fail(x, MN_E_PARSE, "%.*s", MN_STR_FMT(name));
}

bool mn_jinja__is_number(jval v)
{
    return v.type == J_BOOL || v.type == J_INT || v.type == J_FLOAT;
}

static int64_t as_int(jval v)
{
    return v.type == J_BOOL ? v.b : v.i;
}

double mn_jinja__as_f64(jval v)
{
    return v.type == J_FLOAT ? v.f : (double)as_int(v);
}

bool mn_jinja__truth(jval v)
{
    switch ((jtype)v.type) {
    case J_MISSING:
    case J_UNDEF:
    case J_NONE:
        return false;
    case J_BOOL:
        return v.b;
    case J_INT:
        return v.i != 0;
    case J_FLOAT:
        return v.f != 0;
    case J_STR:
        return v.len != 0;
    case J_LIST:
    case J_TUPLE:
        return v.list->n != 0;
    case J_DICT:
    case J_VIEW:
        return v.dict->n != 0;
    case J_RANGE:
        return v.range->n != 0;
    default:
        return true;
    }
}

mn_rc mn_jinja__length(jx *x, jval v, size_t *ret, bool *ret_has)
{
    *ret_has = true;
    *ret = 0;
    switch ((jtype)v.type) {
    case J_UNDEF:
        return MN_OK;
    case J_STR:
        *ret = mn_jinja__count_cp(mn_jinja__bytes(v));
        return mn_jinja__spend(x, v.len);
    case J_LIST:
    case J_TUPLE:
        *ret = v.list->n;
        return MN_OK;
    case J_DICT:
    case J_VIEW:
        *ret = v.dict->n;
        return MN_OK;
    case J_RANGE:
        *ret = v.range->n;
        return MN_OK;
    case J_LOOP:
        *ret = v.loop->n;
        return MN_OK;
    default:
        *ret_has = false;
        return MN_OK;
    }
}

/* ---- equality and order ------------------------------------------------------------------------------------------- */

static mn_rc deeper(jx *x)
{
    if (++x->depth > MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "values are nested too deep");
    return mn_jinja__spend(x, 0);
}

static mn_rc lists_equal(jx *x, const jlist *a, const jlist *b, bool *ret)
{
    *ret = a->n == b->n;
    for (size_t i = 0; i < a->n && *ret; i++)
        MN_TRY(mn_jinja__equal(x, a->items[i], b->items[i], ret));
    return MN_OK;
}

static mn_rc dicts_equal(jx *x, const jdict *a, const jdict *b, bool *ret)
{
    *ret = a->n == b->n;
    for (size_t i = 0; i < a->n && *ret; i++) {
        const jval *other;
        MN_TRY(mn_jinja__dict_get(x, b, a->keys[i], &other));
        if (other) MN_TRY(mn_jinja__equal(x, a->vals[i], *other, ret));
        else *ret = false;
    }
    return MN_OK;
}

static bool ranges_equal(const jrange *a, const jrange *b)
{
    return a->n == b->n &&
           (a->n == 0 || (a->from == b->from && (a->n == 1 || a->step == b->step)));
}

static mn_rc same_type_equal(jx *x, jval a, jval b, bool *ret)
{
    switch ((jtype)a.type) {
    case J_STR:
    case J_BIG:
        MN_TRY(mn_jinja__spend(x, a.len < b.len ? a.len : b.len));
        *ret = mn_str_eq(mn_jinja__bytes(a), mn_jinja__bytes(b));
        return MN_OK;
    case J_LIST:
    case J_TUPLE:
        return lists_equal(x, a.list, b.list, ret);
    case J_DICT:
        return dicts_equal(x, a.dict, b.dict, ret);
    case J_RANGE:
        *ret = ranges_equal(a.range, b.range);
        return MN_OK;
    case J_UNDEF:
    case J_NONE:
    case J_MISSING:
        *ret = true;
        return MN_OK;
    default:
        *ret = a.list == b.list;
        return MN_OK;
    }
}

/* Exactly, as Python does: 2^53 + 1 is not 2.0^53. */
static int number_order(jval a, jval b)
{
    if (a.type != J_FLOAT && b.type != J_FLOAT)
        return as_int(a) < as_int(b) ? -1 : as_int(a) > as_int(b);
    if (a.type == J_FLOAT && b.type == J_FLOAT) return a.f < b.f ? -1 : a.f > b.f;
    bool swap = a.type == J_FLOAT;
    int64_t i = as_int(swap ? b : a);
    double f = swap ? a.f : b.f;
    int c;
    if (f >= 9223372036854775808.0) c = -1;
    else if (f < -9223372036854775808.0) c = 1;
    else {
        int64_t whole = (int64_t)f;
        double rest = f - (double)whole;
        c = i < whole ? -1 : i > whole ? 1 : rest > 0 ? -1 : rest < 0;
    }
    return swap ? -c : c;
}

static bool is_nan(jval v)
{
    return v.type == J_FLOAT && isnan(v.f);
}

mn_rc mn_jinja__equal(jx *x, jval a, jval b, bool *ret)
{
    mn_rc rc = MN_OK;
    MN_TRY(deeper(x));
    if (mn_jinja__is_number(a) && mn_jinja__is_number(b))
        *ret = !is_nan(a) && !is_nan(b) && number_order(a, b) == 0;
    else if (a.type != b.type) *ret = false;
    else rc = same_type_equal(x, a, b, ret);
    x->depth--;
    return rc;
}

static mn_rc lists_order(jx *x, const jlist *a, const jlist *b, int *ret)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        bool same;
        MN_TRY(mn_jinja__equal(x, a->items[i], b->items[i], &same));
        if (!same) return mn_jinja__order(x, a->items[i], b->items[i], ret);
    }
    *ret = a->n < b->n ? -1 : a->n > b->n;
    return MN_OK;
}

mn_rc mn_jinja__order(jx *x, jval a, jval b, int *ret)
{
    mn_rc rc = MN_OK;
    if (a.type == J_UNDEF || b.type == J_UNDEF)
        return mn_jinja__undefined(x, a.type == J_UNDEF ? a : b);
    MN_TRY(deeper(x));
    if (mn_jinja__is_number(a) && mn_jinja__is_number(b)) {
        *ret = number_order(a, b);
    } else if (a.type == J_STR && b.type == J_STR) {
        rc = mn_jinja__spend(x, a.len < b.len ? a.len : b.len);
        *ret = mn_str_cmp(mn_jinja__bytes(a), mn_jinja__bytes(b));
    } else if (a.type == b.type && (a.type == J_LIST || a.type == J_TUPLE)) {
        rc = lists_order(x, a.list, b.list, ret);
    } else {
        rc = mn_jinja__fail(x, MN_E_PARSE, "a %s and a %s cannot be ordered",
                            mn_jinja__type_name(a), mn_jinja__type_name(b));
    }
    x->depth--;
    return rc;
}

/* ---- iterating ---------------------------------------------------------------------------------------------------- */

static mn_rc string_items(jx *x, jval s, jlist *l)
{
    mn_str b = mn_jinja__bytes(s);
    for (size_t at = 0, n; at < b.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(b, at, &cp);
        MN_TRY(mn_jinja__list_add(x, l, mn_jinja__sub(s, at, n)));
    }
    return MN_OK;
}

static mn_rc pair(jx *x, jval a, jval b, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, J_TUPLE, 2, ret));
    ret->list->items[0] = a;
    ret->list->items[1] = b;
    ret->list->n = 2;
    return MN_OK;
}

static mn_rc dict_items(jx *x, const jdict *d, char what, jlist *l)
{
    for (size_t i = 0; i < d->n; i++) {
        jval v = what == 'v' ? d->vals[i] : d->keys[i];
        if (what == 'i') MN_TRY(pair(x, d->keys[i], d->vals[i], &v));
        MN_TRY(mn_jinja__list_add(x, l, v));
    }
    return MN_OK;
}

mn_rc mn_jinja__items(jx *x, jval v, jlist *ret)
{
    jlist l = {0};
    MN_TRY(mn_jinja__spend(x, 0));
    switch ((jtype)v.type) {
    case J_UNDEF:
        break;
    case J_STR:
        MN_TRY(string_items(x, v, &l));
        break;
    case J_LIST:
    case J_TUPLE:
        l = *v.list;
        break;
    case J_ITER:
        if (v.list->at < v.list->n)
            l = (jlist){.items = v.list->items + v.list->at, .n = v.list->n - v.list->at};
        v.list->at = v.list->n;
        break;
    case J_DICT:
        MN_TRY(dict_items(x, v.dict, 'k', &l));
        break;
    case J_VIEW:
        MN_TRY(dict_items(x, v.dict, (char)v.op, &l));
        break;
    case J_RANGE:
        for (size_t i = 0; i < v.range->n; i++)
            MN_TRY(mn_jinja__list_add(
                x, &l, mn_jinja__int(v.range->from + (int64_t)i * v.range->step)));
        break;
    default:
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be iterated over",
                              mn_jinja__type_name(v));
    }
    l.cap = l.n; /* adding would copy */
    MN_TRY(mn_jinja__spend(x, l.n * 8));
    *ret = l;
    return MN_OK;
}

/* Takes from an iterator up to the one that is equal. */
static mn_rc items_contain(jx *x, jval in, jval what, bool *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, in, &l));
    *ret = false;
    for (size_t i = 0; i < l.n && !*ret; i++) {
        MN_TRY(mn_jinja__equal(x, l.items[i], what, ret));
        if (*ret && in.type == J_ITER) in.list->at -= l.n - i - 1;
    }
    return MN_OK;
}

mn_rc mn_jinja__contains(jx *x, jval in, jval what, bool *ret)
{
    const jval *found;
    if (in.type == J_STR) {
        if (what.type != J_STR)
            return mn_jinja__fail(x, MN_E_PARSE,
                                  "'in' a string needs a string on its left, not a %s",
                                  mn_jinja__type_name(what));
        MN_TRY(mn_jinja__spend(x, in.len));
        *ret = mn_str_find(mn_jinja__bytes(in), mn_jinja__bytes(what), 0) != SIZE_MAX;
        return MN_OK;
    }
    if (in.type == J_DICT || (in.type == J_VIEW && in.op == 'k')) {
        MN_TRY(mn_jinja__dict_get(x, in.dict, what, &found));
        *ret = found != NULL;
        return MN_OK;
    }
    return items_contain(x, in, what, ret);
}
