/* Values as text: str() and repr() as Python prints them, and tojson as json.dumps. What stands between quotes keeps its marks. */
#include "text/jinja_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

static mn_rc put(jx *x, jtext *t, const char *z)
{
    return mn_jinja__put(x, t, mn_str_from(z), false);
}

static mn_rc enter(jx *x)
{
    if (++x->depth > MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "values are nested too deep");
    return mn_jinja__spend(x, 0);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* The fewest digits that read back the same; with an exponent below 1e-4 and from 1e16 on. */
size_t mn_jinja__f64_repr(double f, char ret[40])
{
    char digits[40];
    int precision = 0;
    if (isnan(f)) return (size_t)snprintf(ret, 40, "nan");
    if (isinf(f)) return (size_t)snprintf(ret, 40, f < 0 ? "-inf" : "inf");
    do snprintf(digits, sizeof digits, "%.*e", precision, f);
    while (precision++ < 17 && strtod(digits, NULL) != f);
    char *e = strchr(digits, 'e');
    int exponent = atoi(e + 1), n = precision; /* n significant digits */
    if (exponent < -4 || exponent >= 16) {
        char mantissa[32];
        snprintf(mantissa, sizeof mantissa, "%.*s", (int)(e - digits), digits);
        return (size_t)snprintf(ret, 40, "%se%c%02d", mantissa, exponent < 0 ? '-' : '+',
                                abs(exponent));
    }
    int after = n - 1 - exponent;
    return (size_t)snprintf(ret, 40, "%.*f", after > 1 ? after : 1, f);
}

static mn_rc put_number(jx *x, jtext *t, jval v)
{
    char tmp[40];
    if (v.type == J_BIG) return mn_jinja__put(x, t, mn_jinja__bytes(v), false);
    if (v.type == J_FLOAT) mn_jinja__f64_repr(v.f, tmp);
    else snprintf(tmp, sizeof tmp, "%lld", (long long)v.i);
    return put(x, t, tmp);
}

/* ---- repr --------------------------------------------------------------------------------------------------------- */

static bool printable(uint32_t cp)
{
    if (cp < 0x80) return cp >= 0x20 && cp < 0x7f;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
        return false;
    default:
        return true;
    }
}

/* An escape of cp in a repr between such quotes; false: it stands for itself. */
static bool repr_escape(uint32_t cp, char quote, char ret[12])
{
    const char *known = cp == '\n' ? "\\n" : cp == '\r' ? "\\r" : cp == '\t' ? "\\t" : NULL;
    if (known) memcpy(ret, known, 3);
    else if (cp == '\\' || cp == (unsigned char)quote) snprintf(ret, 12, "\\%c", (char)cp);
    else if (printable(cp)) return false;
    else snprintf(ret, 12, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
    return true;
}

static mn_rc repr_string(jx *x, jtext *t, jval s)
{
    mn_str b = mn_jinja__bytes(s);
    bool single = b.len && memchr(b.ptr, '\'', b.len),
         twice = b.len && memchr(b.ptr, '"', b.len);
    char quote[2] = {single && !twice ? '"' : '\'', 0}, tmp[12];
    MN_TRY(mn_jinja__spend(x, b.len));
    if (s.op) MN_TRY(put(x, t, "Markup("));
    MN_TRY(put(x, t, quote));
    size_t from = 0;
    for (size_t at = 0, n; at < b.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(b, at, &cp);
        if (!repr_escape(cp, quote[0], tmp)) continue;
        size_t until;
        MN_TRY(mn_jinja__put_sub(x, t, s, from, at - from));
        MN_TRY(mn_jinja__put(x, t, mn_str_from(tmp),
                             mn_jinja__is_marked(s.text, s.off + at, &until)));
        b = mn_jinja__bytes(s);
        from = at + n;
    }
    MN_TRY(mn_jinja__put_sub(x, t, s, from, b.len - from));
    return put(x, t, s.op ? (quote[0] == '"' ? "\")" : "')") : quote);
}

static mn_rc repr_list(jx *x, jtext *t, const jlist *l, const char *open, const char *close)
{
    MN_TRY(put(x, t, open));
    for (size_t i = 0; i < l->n; i++) {
        if (i) MN_TRY(put(x, t, ", "));
        MN_TRY(mn_jinja__put_repr(x, t, l->items[i]));
    }
    return put(x, t, close);
}

static mn_rc repr_dict(jx *x, jtext *t, const jdict *d)
{
    MN_TRY(put(x, t, "{"));
    for (size_t i = 0; i < d->n; i++) {
        if (i) MN_TRY(put(x, t, ", "));
        MN_TRY(mn_jinja__put_repr(x, t, d->keys[i]));
        MN_TRY(put(x, t, ": "));
        MN_TRY(mn_jinja__put_repr(x, t, d->vals[i]));
    }
    return put(x, t, "}");
}

static mn_rc repr_view(jx *x, jtext *t, jval v)
{
    jlist l;
    const char *open = v.op == 'k'   ? "dict_keys(["
                       : v.op == 'v' ? "dict_values(["
                                     : "dict_items([";
    MN_TRY(mn_jinja__items(x, v, &l));
    return repr_list(x, t, &l, open, "])");
}

static mn_rc repr_range(jx *x, jtext *t, const jrange *r)
{
    char tmp[96];
    if (r->step == 1)
        snprintf(tmp, sizeof tmp, "range(%lld, %lld)", (long long)r->from, (long long)r->to);
    else
        snprintf(tmp, sizeof tmp, "range(%lld, %lld, %lld)", (long long)r->from,
                 (long long)r->to, (long long)r->step);
    return put(x, t, tmp);
}

static mn_rc repr_any(jx *x, jtext *t, jval v)
{
    switch ((jtype)v.type) {
    case J_NONE:
        return put(x, t, "None");
    case J_BOOL:
        return put(x, t, v.b ? "True" : "False");
    case J_INT:
    case J_FLOAT:
    case J_BIG:
        return put_number(x, t, v);
    case J_STR:
        return repr_string(x, t, v);
    case J_LIST:
        return repr_list(x, t, v.list, "[", "]");
    case J_TUPLE:
        return repr_list(x, t, v.list, "(", v.list->n == 1 ? ",)" : ")");
    case J_DICT:
        return repr_dict(x, t, v.dict);
    case J_VIEW:
        return repr_view(x, t, v);
    case J_RANGE:
        return repr_range(x, t, v.range);
    case J_UNDEF:
        return put(x, t, "Undefined");
    default: /* Python prints an address: nothing a template can mean */
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be printed", mn_jinja__type_name(v));
    }
}

mn_rc mn_jinja__put_repr(jx *x, jtext *t, jval v)
{
    MN_TRY(enter(x));
    mn_rc rc = repr_any(x, t, v);
    x->depth--;
    return rc;
}

mn_rc mn_jinja__put_str(jx *x, jtext *t, jval v)
{
    if (v.type == J_STR) return mn_jinja__put_val(x, t, v);
    if (v.type == J_UNDEF) return MN_OK;
    return mn_jinja__put_repr(x, t, v);
}

mn_rc mn_jinja__to_str(jx *x, jval v, jval *ret)
{
    jtext *t;
    if (v.type == J_STR) {
        *ret = v;
        return MN_OK;
    }
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    MN_TRY(mn_jinja__put_str(x, t, v));
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

/* ---- tojson ------------------------------------------------------------------------------------------------------- */

typedef struct dump {
    jx *x;
    jtext *t;
    bool ascii, sort;
    jval indent, item_sep, key_sep; /* indent J_NONE: on one line */
    unsigned level;
} dump;

static mn_rc dump_value(dump *d, jval v);

/* An escape of cp in JSON; false: it stands for itself. */
static bool json_escape(uint32_t cp, bool ascii, char ret[16])
{
    static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
    const char *known = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
    if (known) snprintf(ret, 16, "\\%c", to[known - from]);
    else if (cp >= 0x20 && (cp < 0x7f || !ascii)) return false;
    else if (cp < 0x10000) snprintf(ret, 16, "\\u%04x", cp);
    else
        snprintf(ret, 16, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                 0xdc00 + ((cp - 0x10000) & 0x3ff));
    return true;
}

static mn_rc dump_string(dump *d, jval s)
{
    mn_str b = mn_jinja__bytes(s);
    char tmp[16];
    size_t from = 0, until;
    MN_TRY(mn_jinja__spend(d->x, b.len));
    MN_TRY(put(d->x, d->t, "\""));
    for (size_t at = 0, n; at < b.len; at += n) {
        uint32_t cp = (unsigned char)b.ptr[at];
        n = 1;
        if (cp >= 0x80 && d->ascii) n = mn_jinja__cp(b, at, &cp);
        if (!json_escape(cp, d->ascii, tmp)) continue;
        MN_TRY(mn_jinja__put_sub(d->x, d->t, s, from, at - from));
        MN_TRY(mn_jinja__put(d->x, d->t, mn_str_from(tmp),
                             mn_jinja__is_marked(s.text, s.off + at, &until)));
        from = at + n;
    }
    MN_TRY(mn_jinja__put_sub(d->x, d->t, s, from, b.len - from));
    return put(d->x, d->t, "\"");
}

static mn_rc dump_float(dump *d, double f)
{
    char tmp[40];
    if (isnan(f)) return put(d->x, d->t, "NaN");
    if (isinf(f)) return put(d->x, d->t, f < 0 ? "-Infinity" : "Infinity");
    mn_jinja__f64_repr(f, tmp);
    return put(d->x, d->t, tmp);
}

static mn_rc new_line(dump *d)
{
    if (d->indent.type == J_NONE) return MN_OK;
    MN_TRY(put(d->x, d->t, "\n"));
    for (unsigned i = 0; i < d->level; i++) MN_TRY(mn_jinja__put_val(d->x, d->t, d->indent));
    return MN_OK;
}

static mn_rc separate(dump *d, bool first)
{
    if (!first) MN_TRY(mn_jinja__put_val(d->x, d->t, d->item_sep));
    return new_line(d);
}

static mn_rc dump_list(dump *d, const jlist *l)
{
    if (!l->n) return put(d->x, d->t, "[]");
    MN_TRY(put(d->x, d->t, "["));
    d->level++;
    for (size_t i = 0; i < l->n; i++) {
        MN_TRY(separate(d, i == 0));
        MN_TRY(dump_value(d, l->items[i]));
    }
    d->level--;
    MN_TRY(new_line(d));
    return put(d->x, d->t, "]");
}

static mn_rc dump_key(dump *d, jval key)
{
    switch ((jtype)key.type) {
    case J_STR:
        return dump_string(d, key);
    case J_NONE:
    case J_BOOL:
    case J_INT:
    case J_FLOAT:
    case J_BIG:
        MN_TRY(put(d->x, d->t, "\""));
        MN_TRY(dump_value(d, key));
        return put(d->x, d->t, "\"");
    default:
        return mn_jinja__fail(d->x, MN_E_PARSE, "a %s cannot be a key in JSON",
                              mn_jinja__type_name(key));
    }
}

/* Keys and values in the order they are written in. */
static mn_rc dump_order(dump *d, const jdict *in, jdict *ret)
{
    jx *x = d->x;
    *ret = *in;
    if (!d->sort || in->n < 2) return MN_OK;
    jval *order = mn_jinja__alloc(x, in->n, sizeof *order);
    ret->keys = mn_jinja__alloc(x, in->n, sizeof *ret->keys);
    ret->vals = mn_jinja__alloc(x, in->n, sizeof *ret->vals);
    if (!order || !ret->keys || !ret->vals) return x->e->rc;
    for (size_t i = 0; i < in->n; i++) order[i] = mn_jinja__int((int64_t)i);
    MN_TRY(mn_jinja__sort(x, order, in->keys, in->n, false));
    for (size_t i = 0; i < in->n; i++) {
        ret->keys[i] = in->keys[order[i].i];
        ret->vals[i] = in->vals[order[i].i];
    }
    return MN_OK;
}

static mn_rc dump_dict(dump *d, const jdict *in)
{
    jdict o;
    if (!in->n) return put(d->x, d->t, "{}");
    MN_TRY(dump_order(d, in, &o));
    MN_TRY(put(d->x, d->t, "{"));
    d->level++;
    for (size_t i = 0; i < o.n; i++) {
        MN_TRY(separate(d, i == 0));
        MN_TRY(dump_key(d, o.keys[i]));
        MN_TRY(mn_jinja__put_val(d->x, d->t, d->key_sep));
        MN_TRY(dump_value(d, o.vals[i]));
    }
    d->level--;
    MN_TRY(new_line(d));
    return put(d->x, d->t, "}");
}

static mn_rc dump_any(dump *d, jval v)
{
    switch ((jtype)v.type) {
    case J_NONE:
        return put(d->x, d->t, "null");
    case J_BOOL:
        return put(d->x, d->t, v.b ? "true" : "false");
    case J_INT:
    case J_BIG:
        return put_number(d->x, d->t, v);
    case J_FLOAT:
        return dump_float(d, v.f);
    case J_STR:
        return dump_string(d, v);
    case J_LIST:
    case J_TUPLE:
        return dump_list(d, v.list);
    case J_DICT:
        return dump_dict(d, v.dict);
    default:
        return mn_jinja__fail(d->x, MN_E_PARSE, "a value of type %s cannot be written as JSON",
                              mn_jinja__type_name(v));
    }
}

static mn_rc dump_value(dump *d, jval v)
{
    MN_TRY(enter(d->x));
    mn_rc rc = dump_any(d, v);
    d->x->depth--;
    return rc;
}

static mn_rc indent_of(jx *x, jval given, jval *ret)
{
    jtext *t;
    int64_t n;
    *ret = mn_jinja__none();
    if (given.type == J_MISSING || given.type == J_NONE) return MN_OK;
    if (given.type == J_STR) {
        *ret = given;
        return MN_OK;
    }
    MN_TRY(mn_jinja__want_int(x, given, "tojson's indent", &n));
    if (n > 1000) return mn_jinja__fail(x, MN_E_LIMIT, "tojson's indent is above 1,000");
    MN_TRY(mn_jinja__text_new(x, 16, &t));
    for (int64_t i = 0; i < n; i++) MN_TRY(put(x, t, " "));
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

static mn_rc separators_of(dump *d, jval given)
{
    jx *x = d->x;
    if (given.type != J_MISSING && given.type != J_NONE) {
        jlist l;
        MN_TRY(mn_jinja__items(x, given, &l));
        if (l.n != 2 || l.items[0].type != J_STR || l.items[1].type != J_STR)
            return mn_jinja__fail(x, MN_E_PARSE, "tojson's separators should be two strings");
        d->item_sep = l.items[0];
        d->key_sep = l.items[1];
        return MN_OK;
    }
    MN_TRY(
        mn_jinja__str(x, d->indent.type == J_NONE ? MN_STR(", ") : MN_STR(","), &d->item_sep));
    return mn_jinja__str(x, MN_STR(": "), &d->key_sep);
}

/* transformers' own: json.dumps without ensure_ascii, nothing escaped for HTML, keys in their order. */
static mn_rc tojson(jx *x, const jcall *c, jval *ret)
{
    dump d = {.x = x, .ascii = mn_jinja__truth(c->arg[0]), .sort = mn_jinja__truth(c->arg[3])};
    MN_TRY(indent_of(x, c->arg[1], &d.indent));
    MN_TRY(separators_of(&d, c->arg[2]));
    MN_TRY(mn_jinja__text_new(x, 0, &d.t));
    MN_TRY(dump_value(&d, c->self));
    *ret = mn_jinja__whole(d.t, false);
    return MN_OK;
}

const jfunc mn_jinja__tojson = {"tojson", tojson, "ensure_ascii,indent,separators,sort_keys",
                                0};
