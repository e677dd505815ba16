/* Attributes, subscripts, slices and calls. What Jinja's sandbox keeps from templates (names with an underscore before them, methods
 * that change a list or a dict) is undefined here too, and an error as soon as it is used. */
#include "text/jinja_int.h"

#include <string.h>

/* ---- arguments ------------------------------------------------------------------------------------------------------ */

const jfunc *mn_jinja__find(const jfunc *table, mn_str name)
{
    for (; table->name; table++)
        if (mn_str_eqz(name, table->name)) return table;
    return NULL;
}

/* The place of a name among params ("a,b,c"); SIZE_MAX when it is none of them. */
static size_t param_at(const char *params, mn_str name)
{
    mn_str rest = mn_str_from(params);
    for (size_t i = 0; rest.ptr && rest.len; i++) {
        mn_str one = mn_str_split(rest, ',', &rest);
        if (mn_str_eq(one, name) && !mn_str_eqz(one, "/")) return i;
    }
    return SIZE_MAX;
}

static size_t count_params(const char *params)
{
    size_t n = *params != '\0';
    for (; *params; params++) n += *params == ',';
    return n;
}

static mn_rc bind(jx *x, const jfunc *f, const jargs *args, jcall *c)
{
    size_t n = count_params(f->params);
    for (size_t i = 0; i < MN_JINJA_ARGS_MAX; i++) c->arg[i] = (jval){.type = J_MISSING};
    if (args->n > n)
        return mn_jinja__fail(x, MN_E_PARSE, "'%s' takes at most %zu arguments, not %zu",
                              f->name, n, args->n);
    for (size_t i = 0; i < args->n; i++) c->arg[i] = args->pos[i];
    for (size_t i = 0; i < args->n_kw; i++) {
        size_t at = param_at(f->params, args->kw[i].name);
        if (at == SIZE_MAX || c->arg[at].type != J_MISSING)
            return mn_jinja__fail(x, MN_E_PARSE, "'%s' does not take the argument '%.*s'%s",
                                  f->name, MN_STR_FMT(mn_utf8_cut(args->kw[i].name, 64)),
                                  at == SIZE_MAX ? "" : " twice");
        c->arg[at] = args->kw[i].v;
    }
    for (size_t i = 0; i < f->needed; i++)
        if (c->arg[i].type == J_MISSING)
            return mn_jinja__fail(x, MN_E_PARSE, "'%s' needs %u argument%s", f->name, f->needed,
                                  f->needed == 1 ? "" : "s");
    return MN_OK;
}

mn_rc mn_jinja__run(jx *x, const jfunc *f, jval self, const jargs *args, jval *ret)
{
    jcall c = {.self = self, .args = args};
    jval v = {0};
    MN_TRY(mn_jinja__spend(x, 0));
    if (f->params) MN_TRY(bind(x, f, args, &c));
    MN_TRY(f->run(x, &c, &v));
    *ret = v;
    return MN_OK;
}

mn_rc mn_jinja__want_int(jx *x, jval v, const char *what, int64_t *ret)
{
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    if (v.type != J_INT && v.type != J_BOOL)
        return mn_jinja__fail(x, MN_E_PARSE, "%s should be an integer, not a %s", what,
                              mn_jinja__type_name(v));
    *ret = v.type == J_BOOL ? v.b : v.i;
    return MN_OK;
}

mn_rc mn_jinja__want_str(jx *x, jval v, const char *what)
{
    if (v.type == J_STR) return MN_OK;
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    return mn_jinja__fail(x, MN_E_PARSE, "%s should be a string, not a %s", what,
                          mn_jinja__type_name(v));
}

static mn_rc unknown(jx *x, const char *what, mn_str name)
{
    return mn_jinja__fail(x, MN_E_UNSUPPORTED, "the %s '%.*s' is not known", what,
                          MN_STR_FMT(mn_utf8_cut(name, 64)));
}

mn_rc mn_jinja__filter(jx *x, mn_str name, jval self, const jargs *args, jval *ret)
{
    const jfunc *f = mn_jinja__find(mn_jinja__filters_text, name);
    if (!f) f = mn_jinja__find(mn_jinja__filters_seq, name);
    if (!f && mn_str_eqz(name, "tojson")) f = &mn_jinja__tojson;
    return f ? mn_jinja__run(x, f, self, args, ret) : unknown(x, "filter", name);
}

mn_rc mn_jinja__test(jx *x, mn_str name, jval self, const jargs *args, bool *ret)
{
    jval v;
    const jfunc *f = mn_jinja__find(mn_jinja__tests, name);
    if (!f) return unknown(x, "test", name);
    MN_TRY(mn_jinja__run(x, f, self, args, &v));
    *ret = mn_jinja__truth(v);
    return MN_OK;
}

/* ---- attributes ----------------------------------------------------------------------------------------------------- */

static const jfunc *methods_of(jval v)
{
    switch ((jtype)v.type) {
    case J_STR:
        return mn_jinja__str_methods;
    case J_DICT:
        return mn_jinja__dict_methods;
    case J_LIST:
        return mn_jinja__list_methods;
    case J_TUPLE:
        return mn_jinja__tuple_methods;
    case J_LOOP:
        return mn_jinja__loop_methods;
    default:
        return NULL;
    }
}

static bool in_words(const char *words, mn_str name)
{
    mn_str rest = mn_str_from(words);
    while (rest.ptr && rest.len)
        if (mn_str_eq(mn_str_split(rest, ' ', &rest), name)) return true;
    return false;
}

/* What the sandbox refuses. */
static bool unsafe(jval v, mn_str name)
{
    if (name.len && name.ptr[0] == '_') return true;
    if (v.type == J_DICT) return in_words("clear pop popitem setdefault update", name);
    if (v.type == J_LIST)
        return in_words("append clear pop reverse insert sort extend remove", name);
    return false;
}

/* What Python's type has and we do not. */
static bool lacking(jval v, mn_str name)
{
    if (v.type == J_STR)
        return in_words("casefold encode expandtabs isdecimal isidentifier isnumeric "
                        "isprintable maketrans translate format_map",
                        name);
    if (mn_jinja__is_number(v))
        return in_words(
            "real imag numerator denominator conjugate bit_length bit_count to_bytes "
            "from_bytes as_integer_ratio is_integer hex fromhex",
            name);
    return v.type == J_DICT && in_words("fromkeys", name);
}

static mn_rc bound(jx *x, jval self, const jfunc *f, jval *ret)
{
    jbound *b = mn_jinja__alloc(x, 1, sizeof *b);
    if (!b) return x->e->rc;
    b->self = self;
    b->func = f;
    *ret = (jval){.type = J_METHOD, .bound = b};
    return MN_OK;
}

static bool loop_attr(const jloop *l, mn_str name, jval *ret)
{
    int64_t at = (int64_t)l->at, n = (int64_t)l->n;
    static const char *const names[] = {"index",  "index0", "revindex", "revindex0",
                                        "length", "depth",  "depth0"};
    const int64_t values[] = {at + 1, at, n - at, n - at - 1, n, 1, 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!mn_str_eqz(name, names[i])) continue;
        *ret = mn_jinja__int(values[i]);
        return true;
    }
    if (mn_str_eqz(name, "first")) *ret = mn_jinja__bool(at == 0);
    else if (mn_str_eqz(name, "last")) *ret = mn_jinja__bool(at + 1 >= n);
    else if (mn_str_eqz(name, "previtem"))
        *ret = at > 0 ? l->items[at - 1]
                      : mn_jinja__undef(JU_HINT, J_LOOP, MN_STR("there is no previous item"));
    else if (mn_str_eqz(name, "nextitem"))
        *ret = at + 1 < n ? l->items[at + 1]
                          : mn_jinja__undef(JU_HINT, J_LOOP, MN_STR("there is no next item"));
    else return false;
    return true;
}

static bool macro_attr(jx *x, const jmacro *m, mn_str name, jval *ret, mn_rc *rc)
{
    if (!mn_str_eqz(name, "name")) return false;
    *rc = mn_jinja__str(x, m->name, ret);
    return true;
}

/* An attribute as getattr() finds it. *ret_found: false when there is none of that name. */
static mn_rc getattr_(jx *x, jval of, mn_str name, jval *ret, bool *ret_found)
{
    mn_rc rc = MN_OK;
    const jfunc *table = methods_of(of), *f = NULL;
    *ret_found = true;
    if (unsafe(of, name)) {
        *ret = mn_jinja__undef(JU_UNSAFE, (jtype)of.type, name);
        return MN_OK;
    }
    if (lacking(of, name)) return unknown(x, "attribute", name);
    if (table && (f = mn_jinja__find(table, name))) return bound(x, of, f, ret);
    if (of.type == J_LOOP && loop_attr(of.loop, name, ret)) return MN_OK;
    if (of.type == J_MACRO && macro_attr(x, of.macro, name, ret, &rc)) return rc;
    if (of.type == J_SPACE) {
        const jval *v = mn_jinja__dict_find(of.dict, name);
        if (v) {
            *ret = *v;
            return MN_OK;
        }
    }
    *ret_found = false;
    return MN_OK;
}

static jval absent(jval of, mn_str name)
{
    return mn_jinja__undef(JU_ATTR, (jtype)of.type, name);
}

mn_rc mn_jinja__attr(jx *x, jval of, mn_str name, jval *ret)
{
    bool found;
    MN_TRY(mn_jinja__spend(x, 0));
    if (of.type == J_UNDEF) return mn_jinja__undefined(x, of);
    jval v = absent(of, name);
    MN_TRY(getattr_(x, of, name, &v, &found));
    if (!found && of.type == J_DICT) {
        const jval *at = mn_jinja__dict_find(of.dict, name);
        MN_TRY(mn_jinja__spend(x, of.dict->n * 16));
        if (at) v = *at;
    }
    *ret = v;
    return MN_OK;
}

/* ---- subscripts ------------------------------------------------------------------------------------------------------- */

/* A negative index counts from the end. false: outside. */
static bool index_at(int64_t i, size_t n, size_t *ret)
{
    if (i < 0) i += (int64_t)n;
    if (i < 0 || (uint64_t)i >= n) return false;
    *ret = (size_t)i;
    return true;
}

static mn_rc string_at(jx *x, jval s, int64_t i, jval *ret)
{
    size_t at;
    mn_str b = mn_jinja__bytes(s);
    uint32_t cp;
    MN_TRY(mn_jinja__spend(x, s.len));
    if (!index_at(i, mn_jinja__count_cp(b), &at)) return MN_OK;
    at = mn_jinja__at_cp(b, at);
    *ret = mn_jinja__sub(s, at, mn_jinja__cp(b, at, &cp));
    return MN_OK;
}

mn_rc mn_jinja__item(jx *x, jval of, jval key, jval *ret)
{
    bool whole = key.type == J_INT || key.type == J_BOOL, found;
    int64_t i = key.type == J_BOOL ? key.b : key.i;
    size_t at;
    MN_TRY(mn_jinja__spend(x, 0));
    if (of.type == J_UNDEF) return mn_jinja__undefined(x, of);
    jval v = absent(of, key.type == J_STR ? mn_jinja__bytes(key) : MN_STR("[…]"));
    if (of.type == J_DICT && key.type != J_LIST && key.type != J_DICT && key.type != J_VIEW) {
        const jval *entry;
        MN_TRY(mn_jinja__dict_get(x, of.dict, key, &entry));
        if (entry) {
            *ret = *entry;
            return MN_OK;
        }
    } else if (whole && of.type == J_STR) {
        MN_TRY(string_at(x, of, i, &v));
    } else if (whole && (of.type == J_LIST || of.type == J_TUPLE)) {
        if (index_at(i, of.list->n, &at)) v = of.list->items[at];
    } else if (whole && of.type == J_RANGE) {
        if (index_at(i, of.range->n, &at))
            v = mn_jinja__int(of.range->from + (int64_t)at * of.range->step);
    }
    if (key.type == J_STR) MN_TRY(getattr_(x, of, mn_jinja__bytes(key), &v, &found));
    *ret = v;
    return MN_OK;
}

/* ---- slices ----------------------------------------------------------------------------------------------------------- */

static mn_rc bound_of(jx *x, jval v, int64_t n, int64_t none, int64_t low, int64_t high,
                      int64_t *ret)
{
    if (v.type == J_MISSING || v.type == J_NONE) {
        *ret = none;
        return MN_OK;
    }
    MN_TRY(mn_jinja__want_int(x, v, "a slice's bound", ret));
    if (*ret < 0) *ret = *ret < -n ? -1 : *ret + n; /* -1: before the first, clamped below */
    if (*ret < low) *ret = low;
    if (*ret > high) *ret = high;
    return MN_OK;
}

typedef struct cut {
    int64_t from, step, n; /* n: how many */
} cut;

static mn_rc cut_of(jx *x, const jval part[3], int64_t len, cut *ret)
{
    int64_t to;
    ret->step = 1;
    if (part[2].type != J_MISSING && part[2].type != J_NONE)
        MN_TRY(mn_jinja__want_int(x, part[2], "a slice's step", &ret->step));
    if (!ret->step) return mn_jinja__fail(x, MN_E_PARSE, "a slice's step is 0");
    bool up = ret->step > 0;
    int64_t low = up ? 0 : -1, high = up ? len : len - 1;
    MN_TRY(bound_of(x, part[0], len, up ? 0 : len - 1, low, high, &ret->from));
    MN_TRY(bound_of(x, part[1], len, up ? len : -1, low, high, &to));
    int64_t span = up ? to - ret->from : ret->from - to;
    uint64_t stride = up ? (uint64_t)ret->step : 0 - (uint64_t)ret->step;
    ret->n = span > 0 ? (int64_t)(((uint64_t)span - 1) / stride) + 1 : 0;
    return MN_OK;
}

static mn_rc slice_string(jx *x, jval s, cut c, jval *ret)
{
    mn_str b = mn_jinja__bytes(s);
    jtext *t;
    if (c.step == 1 || c.n < 2) {
        size_t from = mn_jinja__at_cp(b, (size_t)(c.n ? c.from : 0));
        *ret = mn_jinja__sub(s, from, mn_jinja__at_cp(mn_str_sub(b, from, b.len), (size_t)c.n));
        return MN_OK;
    }
    jlist chars;
    MN_TRY(mn_jinja__items(x, s, &chars));
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    for (int64_t i = 0; i < c.n; i++)
        MN_TRY(mn_jinja__put_val(x, t, chars.items[c.from + i * c.step]));
    *ret = mn_jinja__whole(t, s.op);
    return MN_OK;
}

static mn_rc slice_list(jx *x, jval of, cut c, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, (jtype)of.type, (size_t)c.n, ret));
    MN_TRY(mn_jinja__spend(x, (size_t)c.n * 16));
    for (int64_t i = 0; i < c.n; i++)
        MN_TRY(mn_jinja__list_add(x, ret->list, of.list->items[c.from + i * c.step]));
    return MN_OK;
}

static mn_rc slice_range(jx *x, const jrange *r, cut c, jval *ret)
{
    jrange *out = mn_jinja__alloc(x, 1, sizeof *out);
    if (!out) return x->e->rc;
    if (__builtin_mul_overflow(r->step, c.n > 1 ? c.step : 1, &out->step))
        return mn_jinja__fail(x, MN_E_LIMIT, "an integer is larger than 64 bits");
    out->from = r->from + (c.n ? c.from : 0) * r->step;
    out->n = (size_t)c.n;
    out->to = out->from + c.n * out->step;
    *ret = (jval){.type = J_RANGE, .range = out};
    return MN_OK;
}

mn_rc mn_jinja__slice(jx *x, jval of, const jval part[3], jval *ret)
{
    cut c;
    size_t n;
    bool has;
    MN_TRY(mn_jinja__spend(x, 0));
    if (of.type == J_UNDEF) return mn_jinja__undefined(x, of);
    if (of.type != J_STR && of.type != J_LIST && of.type != J_TUPLE && of.type != J_RANGE) {
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be sliced", mn_jinja__type_name(of));
    }
    MN_TRY(mn_jinja__length(x, of, &n, &has));
    MN_TRY(cut_of(x, part, (int64_t)n, &c));
    if (of.type == J_STR) return slice_string(x, of, c, ret);
    if (of.type == J_RANGE) return slice_range(x, of.range, c, ret);
    return slice_list(x, of, c, ret);
}

/* ---- calls ------------------------------------------------------------------------------------------------------------ */

mn_rc mn_jinja__call(jx *x, jval f, const jargs *args, jval *ret)
{
    switch ((jtype)f.type) {
    case J_MACRO:
        return mn_jinja__macro_call(x, f.macro, args, ret);
    case J_FUNC:
        return mn_jinja__run(x, f.func, f, args, ret);
    case J_METHOD:
        return mn_jinja__run(x, f.bound->func, f.bound->self, args, ret);
    case J_UNDEF:
        return mn_jinja__undefined(x, f);
    default:
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be called", mn_jinja__type_name(f));
    }
}
