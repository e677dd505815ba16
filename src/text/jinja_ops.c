/* Operators: arithmetic with Python's rules, comparisons, "%" on strings, HTML escaping of what is not marked safe. */
#include "text/jinja_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t as_int(jval v)
{
    return v.type == J_BOOL ? v.b : v.i;
}

static const char *op_text(int op, char ret[2])
{
    switch (op) {
    case JOP_POW:
        return "**";
    case JOP_FLOORDIV:
        return "//";
    default:
        ret[0] = (char)op;
        ret[1] = '\0';
        return ret;
    }
}

static mn_rc unsuited(jx *x, int op, jval a, jval b)
{
    char tmp[2];
    if (a.type == J_BIG || b.type == J_BIG)
        return mn_jinja__fail(x, MN_E_LIMIT, "'%s' on an integer larger than 64 bits",
                              op_text(op, tmp));
    return mn_jinja__fail(x, MN_E_PARSE, "'%s' does not work on a %s and a %s",
                          op_text(op, tmp), mn_jinja__type_name(a), mn_jinja__type_name(b));
}

/* ---- strings and lists ---------------------------------------------------------------------------------------------- */

static mn_rc put_escaped(jx *x, jtext *t, jval s)
{
    size_t from = 0, until;
    for (size_t at = 0; at < s.len; at++) {
        char c = mn_jinja__bytes(s).ptr[at];
        const char *e = c == '&'    ? "&amp;"
                        : c == '<'  ? "&lt;"
                        : c == '>'  ? "&gt;"
                        : c == '\'' ? "&#39;"
                        : c == '"'  ? "&#34;"
                                    : NULL;
        if (!e) continue;
        MN_TRY(mn_jinja__put_sub(x, t, s, from, at - from));
        MN_TRY(mn_jinja__put(x, t, mn_str_from(e),
                             mn_jinja__is_marked(s.text, s.off + at, &until)));
        from = at + 1;
    }
    return mn_jinja__put_sub(x, t, s, from, s.len - from);
}

mn_rc mn_jinja__escape(jx *x, jval v, jval *ret)
{
    jtext *t;
    MN_TRY(mn_jinja__to_str(x, v, ret));
    if (ret->op) return MN_OK;
    MN_TRY(mn_jinja__spend(x, ret->len));
    MN_TRY(mn_jinja__text_new(x, ret->len, &t));
    MN_TRY(put_escaped(x, t, *ret));
    *ret = mn_jinja__whole(t, true);
    return MN_OK;
}

/* What is marked safe escapes what is not, as markupsafe does even without autoescape. */
static mn_rc add_strings(jx *x, jval a, jval b, jval *ret)
{
    bool safe = a.op || b.op;
    if (safe && !a.op) MN_TRY(mn_jinja__escape(x, a, &a));
    if (safe && !b.op) MN_TRY(mn_jinja__escape(x, b, &b));
    return mn_jinja__concat(x, a, b, ret);
}

static mn_rc add_lists(jx *x, jval a, jval b, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, (jtype)a.type, a.list->n + b.list->n, ret));
    MN_TRY(mn_jinja__spend(x, (a.list->n + b.list->n) * 16));
    for (size_t i = 0; i < a.list->n; i++)
        MN_TRY(mn_jinja__list_add(x, ret->list, a.list->items[i]));
    for (size_t i = 0; i < b.list->n; i++)
        MN_TRY(mn_jinja__list_add(x, ret->list, b.list->items[i]));
    return MN_OK;
}

static mn_rc repeat(jx *x, jval v, int64_t n, jval *ret)
{
    jtext *t;
    size_t one = v.type == J_STR ? v.len : v.list->n * sizeof(jval);
    if (n < 0) n = 0;
    if (one && (uint64_t)n > x->limit_bytes / one)
        return mn_jinja__fail(x, MN_E_LIMIT, "'*' makes more than %zu bytes", x->limit_bytes);
    if (!one) n = 0;
    if (v.type == J_STR) {
        MN_TRY(mn_jinja__text_new(x, one * (size_t)n, &t));
        for (int64_t i = 0; i < n; i++) MN_TRY(mn_jinja__put_val(x, t, v));
        *ret = mn_jinja__whole(t, v.op);
        return MN_OK;
    }
    MN_TRY(mn_jinja__list_new(x, (jtype)v.type, v.list->n * (size_t)n, ret));
    for (int64_t i = 0; i < n; i++) {
        MN_TRY(mn_jinja__spend(x, one));
        for (size_t k = 0; k < v.list->n; k++)
            MN_TRY(mn_jinja__list_add(x, ret->list, v.list->items[k]));
    }
    return MN_OK;
}

static bool is_sequence(jval v)
{
    return v.type == J_STR || v.type == J_LIST || v.type == J_TUPLE;
}

static bool is_whole(jval v)
{
    return v.type == J_INT || v.type == J_BOOL;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static mn_rc too_large(jx *x)
{
    return mn_jinja__fail(x, MN_E_LIMIT, "an integer is larger than 64 bits");
}

static mn_rc int_power(jx *x, int64_t a, int64_t b, jval *ret)
{
    int64_t v = 1;
    if (b < 0) {
        if (!a) return mn_jinja__fail(x, MN_E_PARSE, "0 cannot be raised to a negative power");
        *ret = mn_jinja__float(pow((double)a, (double)b));
        return MN_OK;
    }
    while (b) {
        if ((b & 1) && __builtin_mul_overflow(v, a, &v)) return too_large(x);
        b >>= 1;
        if (b && __builtin_mul_overflow(a, a, &a)) return too_large(x);
    }
    *ret = mn_jinja__int(v);
    return MN_OK;
}

static mn_rc int_divide(jx *x, int op, int64_t a, int64_t b, jval *ret)
{
    if (!b) return mn_jinja__fail(x, MN_E_PARSE, "division by zero");
    if (op == '/') {
        *ret = mn_jinja__float((double)a / (double)b);
        return MN_OK;
    }
    if (b == -1) { /* INT64_MIN / -1 does not fit */
        if (op == '%') *ret = mn_jinja__int(0);
        else if (a == INT64_MIN) return too_large(x);
        else *ret = mn_jinja__int(-a);
        return MN_OK;
    }
    int64_t q = a / b, r = a % b;
    if (r && (r < 0) != (b < 0)) r += b, q--;
    *ret = mn_jinja__int(op == '%' ? r : q);
    return MN_OK;
}

static mn_rc int_math(jx *x, int op, int64_t a, int64_t b, jval *ret)
{
    int64_t v;
    bool over;
    switch (op) {
    case '+':
        over = __builtin_add_overflow(a, b, &v);
        break;
    case '-':
        over = __builtin_sub_overflow(a, b, &v);
        break;
    case '*':
        over = __builtin_mul_overflow(a, b, &v);
        break;
    case JOP_POW:
        return int_power(x, a, b, ret);
    default:
        return int_divide(x, op, a, b, ret);
    }
    if (over) return too_large(x);
    *ret = mn_jinja__int(v);
    return MN_OK;
}

static mn_rc float_power(jx *x, double a, double b, jval *ret)
{
    double v = pow(a, b);
    if (a == 0 && b < 0)
        return mn_jinja__fail(x, MN_E_PARSE, "0 cannot be raised to a negative power");
    if (isnan(v) && !isnan(a) && !isnan(b))
        return mn_jinja__fail(x, MN_E_UNSUPPORTED, "complex numbers are not supported");
    if (isinf(v) && !isinf(a) && !isinf(b))
        return mn_jinja__fail(x, MN_E_PARSE, "a number is too large");
    *ret = mn_jinja__float(v);
    return MN_OK;
}

static mn_rc float_math(jx *x, int op, double a, double b, jval *ret)
{
    if (strchr("+-*", op) && op < 128) {
        *ret = mn_jinja__float(op == '+' ? a + b : op == '-' ? a - b : a * b);
        return MN_OK;
    }
    if (op == JOP_POW) return float_power(x, a, b, ret);
    if (b == 0) return mn_jinja__fail(x, MN_E_PARSE, "division by zero");
    if (op == '/') {
        *ret = mn_jinja__float(a / b);
        return MN_OK;
    }
    double r = fmod(a, b);
    double q = (a - r) / b;
    if (r != 0 && (r < 0) != (b < 0)) r += b, q -= 1;
    if (r == 0) r = copysign(0, b);
    if (q != 0) q = floor(q + 0.5) - q > 0.5 ? floor(q) : floor(q + 0.5);
    else q = copysign(0, a / b);
    *ret = mn_jinja__float(op == '%' ? r : q);
    return MN_OK;
}

mn_rc mn_jinja__math(jx *x, int op, jval a, jval b, jval *ret)
{
    MN_TRY(mn_jinja__spend(x, 0));
    if (op == '%' && a.type == J_STR) return mn_jinja__percent(x, a, b, ret);
    if (a.type == J_UNDEF || b.type == J_UNDEF)
        return mn_jinja__undefined(x, a.type == J_UNDEF ? a : b);
    if (mn_jinja__is_number(a) && mn_jinja__is_number(b)) {
        if (is_whole(a) && is_whole(b)) return int_math(x, op, as_int(a), as_int(b), ret);
        return float_math(x, op, mn_jinja__as_f64(a), mn_jinja__as_f64(b), ret);
    }
    if (op == '+' && a.type == J_STR && b.type == J_STR) return add_strings(x, a, b, ret);
    if (op == '+' && a.type == b.type && is_sequence(a)) return add_lists(x, a, b, ret);
    if (op == '*' && is_sequence(a) && is_whole(b)) return repeat(x, a, as_int(b), ret);
    if (op == '*' && is_whole(a) && is_sequence(b)) return repeat(x, b, as_int(a), ret);
    return unsuited(x, op, a, b);
}

mn_rc mn_jinja__negate(jx *x, int op, jval a, jval *ret)
{
    if (a.type == J_UNDEF) return mn_jinja__undefined(x, a);
    if (a.type == J_FLOAT) {
        *ret = mn_jinja__float(op == '-' ? -a.f : a.f);
        return MN_OK;
    }
    if (!is_whole(a))
        return mn_jinja__fail(x, a.type == J_BIG ? MN_E_LIMIT : MN_E_PARSE,
                              "a sign does not work on a %s", mn_jinja__type_name(a));
    if (as_int(a) == INT64_MIN && op == '-') return too_large(x);
    *ret = mn_jinja__int(op == '-' ? -as_int(a) : as_int(a));
    return MN_OK;
}

mn_rc mn_jinja__compare(jx *x, int op, jval a, jval b, bool *ret)
{
    int c;
    switch (op) {
    case JOP_EQ:
        return mn_jinja__equal(x, a, b, ret);
    case JOP_NE:
        MN_TRY(mn_jinja__equal(x, a, b, ret));
        *ret = !*ret;
        return MN_OK;
    case JOP_IN:
        return mn_jinja__contains(x, b, a, ret);
    case JOP_NOT_IN:
        MN_TRY(mn_jinja__contains(x, b, a, ret));
        *ret = !*ret;
        return MN_OK;
    default:
        break;
    }
    MN_TRY(mn_jinja__order(x, a, b, &c));
    if ((a.type == J_FLOAT && isnan(a.f)) || (b.type == J_FLOAT && isnan(b.f))) *ret = false;
    else *ret = op == '<' ? c < 0 : op == '>' ? c > 0 : op == JOP_LE ? c <= 0 : c >= 0;
    return MN_OK;
}

/* ---- "…" % values ---------------------------------------------------------------------------------------------------- */

typedef struct percent {
    jx *x;
    jtext *t;
    jval args; /* a tuple's items one by one, or one value, or a dict */
    size_t next;
    bool safe; /* the format is: what is put in gets escaped */
} percent;

static mn_rc next_arg(percent *p, mn_str key, jval *ret)
{
    jx *x = p->x;
    if (key.ptr) {
        const jval *v = p->args.type == J_DICT ? mn_jinja__dict_find(p->args.dict, key) : NULL;
        if (!v)
            return mn_jinja__fail(x, MN_E_PARSE, "'%%' finds no value for '%.*s'",
                                  MN_STR_FMT(mn_utf8_cut(key, 64)));
        *ret = *v;
        return MN_OK;
    }
    size_t n = p->args.type == J_TUPLE ? p->args.list->n : 1;
    if (p->next >= n) return mn_jinja__fail(x, MN_E_PARSE, "'%%' has too few values");
    *ret = p->args.type == J_TUPLE ? p->args.list->items[p->next] : p->args;
    p->next++;
    return MN_OK;
}

typedef struct spec {
    bool left, zero, plus, blank;
    int64_t width, precision; /* -1: none */
    char type;
} spec;

/* "%…" from behind the percent sign on: flags, width, precision, type. */
static mn_rc read_spec(percent *p, mn_str f, size_t *at, spec *s)
{
    *s = (spec){.precision = -1};
    for (; *at < f.len && f.ptr[*at] && strchr("-0+ #", f.ptr[*at]); ++*at) {
        s->left |= f.ptr[*at] == '-';
        s->zero |= f.ptr[*at] == '0';
        s->plus |= f.ptr[*at] == '+';
        s->blank |= f.ptr[*at] == ' ';
    }
    for (int64_t *n = &s->width;; n = &s->precision) {
        for (; *at < f.len && f.ptr[*at] >= '0' && f.ptr[*at] <= '9' && *n < 100000; ++*at)
            *n = *n * 10 + (f.ptr[*at] - '0');
        if (n == &s->precision || *at >= f.len || f.ptr[*at] != '.') break;
        ++*at;
        s->precision = 0;
    }
    if (*at >= f.len)
        return mn_jinja__fail(p->x, MN_E_PARSE, "a format of '%%' is not complete");
    s->type = f.ptr[(*at)++];
    if (s->width > 10000 || s->precision > 10000)
        return mn_jinja__fail(p->x, MN_E_LIMIT, "a width or precision is above 10,000");
    return MN_OK;
}

/* |i| in the base of the type. */
static void whole_digits(char type, int precision, unsigned long long i, char ret[512])
{
    if (type == 'x') snprintf(ret, 512, "%.*llx", precision, i);
    else if (type == 'X') snprintf(ret, 512, "%.*llX", precision, i);
    else if (type == 'o') snprintf(ret, 512, "%.*llo", precision, i);
    else snprintf(ret, 512, "%.*llu", precision, i);
}

static void float_digits(char type, int precision, double f, char ret[512])
{
    switch (type) {
    case 'e':
        snprintf(ret, 512, "%.*e", precision, f);
        return;
    case 'E':
        snprintf(ret, 512, "%.*E", precision, f);
        return;
    case 'g':
        snprintf(ret, 512, "%.*g", precision, f);
        return;
    case 'G':
        snprintf(ret, 512, "%.*G", precision, f);
        return;
    default:
        snprintf(ret, 512, "%.*f", precision, f);
    }
}

static mn_rc number_text(percent *p, const spec *s, jval v, jtext *out)
{
    char tmp[512];
    int precision = s->precision > 100 ? 100 : (int)s->precision;
    double f = mn_jinja__is_number(v) ? mn_jinja__as_f64(v) : NAN;
    bool dec = strchr("diu", s->type) != NULL, minus = f < 0 || (f == 0 && signbit(f));
    if (!mn_jinja__is_number(v))
        return mn_jinja__fail(p->x, MN_E_PARSE, "'%%%c' needs a number, not a %s", s->type,
                              mn_jinja__type_name(v));
    if (dec || strchr("xXo", s->type)) {
        if (v.type == J_FLOAT && (!dec || !(fabs(f) < 9e18)))
            return mn_jinja__fail(p->x, MN_E_PARSE, "'%%%c' needs an integer", s->type);
        int64_t i = v.type == J_FLOAT ? (int64_t)f : as_int(v);
        minus = i < 0;
        whole_digits(s->type, precision < 0 ? 1 : precision,
                     minus ? 0 - (unsigned long long)i : (unsigned long long)i, tmp);
    } else {
        float_digits(s->type, precision < 0 ? 6 : precision, fabs(f), tmp);
    }
    const char *sign = minus ? "-" : s->plus ? "+" : s->blank ? " " : "";
    MN_TRY(mn_jinja__put(p->x, out, mn_str_from(sign), false));
    return mn_jinja__put(p->x, out, mn_str_from(tmp), false);
}

static mn_rc piece(percent *p, const spec *s, jval v, jval *ret)
{
    jx *x = p->x;
    jtext *t;
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    if (s->type == 's' || s->type == 'r') {
        if (s->type == 's') MN_TRY(mn_jinja__put_str(x, t, v));
        else MN_TRY(mn_jinja__put_repr(x, t, v));
        *ret = mn_jinja__whole(t, v.type == J_STR && v.op);
        if (p->safe) MN_TRY(mn_jinja__escape(x, *ret, ret));
        if (s->precision >= 0)
            *ret = mn_jinja__sub(*ret, 0,
                                 mn_jinja__at_cp(mn_jinja__bytes(*ret), (size_t)s->precision));
        return MN_OK;
    }
    if (!s->type || !strchr("diuxXoeEfFgG", s->type))
        return mn_jinja__fail(x, MN_E_UNSUPPORTED, "the format '%%%c' is not supported",
                              s->type >= 32 && s->type < 127 ? s->type : '?');
    MN_TRY(number_text(p, s, v, t));
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

static mn_rc fill(percent *p, char c, size_t n)
{
    while (n--) MN_TRY(mn_jinja__put(p->x, p->t, (mn_str){&c, 1}, false));
    return MN_OK;
}

static mn_rc put_piece(percent *p, const spec *s, jval v)
{
    mn_str b = mn_jinja__bytes(v);
    size_t n = mn_jinja__count_cp(b), width = (size_t)s->width, pad = width > n ? width - n : 0;
    bool number = strchr("sr", s->type) == NULL;
    if (s->left) {
        MN_TRY(mn_jinja__put_val(p->x, p->t, v));
        return fill(p, ' ', pad);
    }
    if (!number || !s->zero) {
        MN_TRY(fill(p, ' ', pad));
        return mn_jinja__put_val(p->x, p->t, v);
    }
    size_t sign = b.len && strchr("+- ", b.ptr[0]) ? 1 : 0;
    MN_TRY(mn_jinja__put_sub(p->x, p->t, v, 0, sign));
    MN_TRY(fill(p, '0', pad));
    return mn_jinja__put_sub(p->x, p->t, v, sign, v.len - sign);
}

/* One "%…" whose percent sign stands before *at. */
static mn_rc conversion(percent *p, mn_str f, size_t *at)
{
    spec s;
    jval v;
    mn_str key = MN_STR_NONE;
    if (*at < f.len && f.ptr[*at] == '%') {
        ++*at;
        return fill(p, '%', 1);
    }
    if (*at < f.len && f.ptr[*at] == '(') {
        size_t close = mn_str_find(f, MN_STR(")"), *at);
        if (close == SIZE_MAX)
            return mn_jinja__fail(p->x, MN_E_PARSE, "a format of '%%' is not complete");
        key = mn_str_sub(f, *at + 1, close - *at - 1);
        *at = close + 1;
    }
    MN_TRY(read_spec(p, f, at, &s));
    MN_TRY(next_arg(p, key, &v));
    MN_TRY(piece(p, &s, v, &v));
    return put_piece(p, &s, v);
}

mn_rc mn_jinja__percent(jx *x, jval format, jval args, jval *ret)
{
    percent p = {.x = x, .args = args, .safe = format.op};
    MN_TRY(mn_jinja__spend(x, format.len));
    MN_TRY(mn_jinja__text_new(x, 0, &p.t));
    for (size_t at = 0; at < format.len;) {
        mn_str f = mn_jinja__bytes(format);
        size_t next = mn_str_find(f, MN_STR("%"), at);
        if (next == SIZE_MAX) next = f.len;
        MN_TRY(mn_jinja__put_sub(x, p.t, format, at, next - at));
        at = next;
        if (at < f.len) {
            at++;
            MN_TRY(conversion(&p, f, &at));
        }
    }
    if (args.type == J_TUPLE
            ? p.next < args.list->n
            : !p.next && args.type != J_DICT && args.type != J_LIST && args.type != J_UNDEF)
        return mn_jinja__fail(x, MN_E_PARSE, "'%%' has values left over");
    *ret = mn_jinja__whole(p.t, format.op);
    return MN_OK;
}
