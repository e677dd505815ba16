/* Filters on one value: text, numbers, defaults. */
#include "text/jinja_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/unicode.h"

static bool given(jval v)
{
    return v.type != J_MISSING;
}

static mn_rc self_str(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__to_str(x, c->self, ret);
}

static mn_rc upper(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    return mn_jinja__upper(x, *ret, ret);
}

static mn_rc lower(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    return mn_jinja__lower(x, *ret, ret);
}

static mn_rc capitalize(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    return mn_jinja__capitalize(x, *ret, ret);
}

static mn_rc title(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    return mn_jinja__title_filter(x, *ret, ret);
}

static mn_rc trim(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    return mn_jinja__strip(x, *ret, c->arg[0], 3, ret);
}

static mn_rc string(jx *x, const jcall *c, jval *ret)
{
    return self_str(x, c, ret);
}

static mn_rc safe(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    ret->op = 1;
    return MN_OK;
}

static mn_rc escape(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__escape(x, c->self, ret);
}

static mn_rc forceescape(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(self_str(x, c, ret));
    ret->op = 0;
    return mn_jinja__escape(x, *ret, ret);
}

static mn_rc replace(jx *x, const jcall *c, jval *ret)
{
    jval old, with;
    int64_t n = -1;
    MN_TRY(self_str(x, c, ret));
    MN_TRY(mn_jinja__to_str(x, c->arg[0], &old));
    MN_TRY(mn_jinja__to_str(x, c->arg[1], &with));
    if (given(c->arg[2]) && c->arg[2].type != J_NONE)
        MN_TRY(mn_jinja__want_int(x, c->arg[2], "how often to replace", &n));
    ret->op = 0;
    return mn_jinja__replace(x, *ret, old, with, n, ret);
}

static mn_rc indention(jx *x, jval width, jval *ret)
{
    int64_t n = 4;
    jtext *t;
    if (width.type == J_STR) {
        *ret = width;
        return MN_OK;
    }
    if (given(width)) MN_TRY(mn_jinja__want_int(x, width, "indent's width", &n));
    if (n > 1000) return mn_jinja__fail(x, MN_E_LIMIT, "indent's width is above 1,000");
    MN_TRY(mn_jinja__text_new(x, 16, &t));
    for (int64_t i = 0; i < n; i++) MN_TRY(mn_jinja__put(x, t, MN_STR(" "), false));
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

static mn_rc indent(jx *x, const jcall *c, jval *ret)
{
    jval by, lines, s;
    jtext *t;
    bool first = given(c->arg[1]) && mn_jinja__truth(c->arg[1]),
         blank = given(c->arg[2]) && mn_jinja__truth(c->arg[2]);
    MN_TRY(mn_jinja__want_str(x, c->self, "what is indented"));
    MN_TRY(indention(x, c->arg[0], &by));
    MN_TRY(mn_jinja__str(x, MN_STR("\n"), &s));
    MN_TRY(mn_jinja__concat(x, c->self, s, &s));
    MN_TRY(mn_jinja__lines(x, s, false, &lines));
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    for (size_t i = 0; i < lines.list->n; i++) {
        jval line = lines.list->items[i];
        if (i) MN_TRY(mn_jinja__put(x, t, MN_STR("\n"), false));
        if (i ? line.len || blank : first) MN_TRY(mn_jinja__put_val(x, t, by));
        MN_TRY(mn_jinja__put_val(x, t, line));
    }
    *ret = mn_jinja__whole(t, c->self.op);
    return MN_OK;
}

static mn_rc center(jx *x, const jcall *c, jval *ret)
{
    jval s, width = given(c->arg[0]) ? c->arg[0] : mn_jinja__int(80);
    jargs args = {.pos = &width, .n = 1};
    MN_TRY(self_str(x, c, &s));
    return mn_jinja__run(x, mn_jinja__find(mn_jinja__str_methods, MN_STR("center")), s, &args,
                         ret);
}

static mn_rc wordcount(jx *x, const jcall *c, jval *ret)
{
    jval s;
    MN_TRY(self_str(x, c, &s));
    mn_str b = mn_jinja__bytes(s);
    int64_t n = 0;
    bool inside = false;
    MN_TRY(mn_jinja__spend(x, b.len));
    for (size_t at = 0, len; at < b.len; at += len) {
        uint32_t cp;
        len = mn_jinja__cp(b, at, &cp);
        mn_uclass class = mn_uclass_of(cp);
        bool word = cp == '_' || class == MN_U_LETTER || class == MN_U_NUMBER;
        n += word && !inside;
        inside = word;
    }
    *ret = mn_jinja__int(n);
    return MN_OK;
}

static mn_rc default_(jx *x, const jcall *c, jval *ret)
{
    bool also_false = given(c->arg[1]) && mn_jinja__truth(c->arg[1]);
    *ret = c->self;
    if (c->self.type != J_UNDEF && !(also_false && !mn_jinja__truth(c->self))) return MN_OK;
    *ret = c->arg[0];
    return given(c->arg[0]) ? MN_OK : mn_jinja__str(x, MN_STR(""), ret);
}

/* "…"|format(values) */
static mn_rc format(jx *x, const jcall *c, jval *ret)
{
    jval s, values;
    MN_TRY(self_str(x, c, &s));
    if (c->args->n && c->args->n_kw)
        return mn_jinja__fail(x, MN_E_PARSE,
                              "format takes values by place or by name, not both");
    if (c->args->n_kw) {
        MN_TRY(mn_jinja__dict_new(x, c->args->n_kw, &values));
        for (size_t i = 0; i < c->args->n_kw; i++) {
            jval key;
            MN_TRY(mn_jinja__str(x, c->args->kw[i].name, &key));
            MN_TRY(mn_jinja__dict_set(x, values.dict, key, c->args->kw[i].v));
        }
    } else {
        MN_TRY(mn_jinja__list_new(x, J_TUPLE, c->args->n, &values));
        for (size_t i = 0; i < c->args->n; i++)
            MN_TRY(mn_jinja__list_add(x, values.list, c->args->pos[i]));
    }
    return mn_jinja__percent(x, s, values, ret);
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static mn_rc from_float(jx *x, double f, jval *ret, bool *ret_ok)
{
    *ret_ok = !isnan(f) && !isinf(f);
    if (!*ret_ok) return MN_OK;
    if (!(fabs(f) < 9.2e18))
        return mn_jinja__fail(x, MN_E_LIMIT, "an integer is larger than 64 bits");
    *ret = mn_jinja__int((int64_t)f);
    return MN_OK;
}

static mn_rc int_(jx *x, const jcall *c, jval *ret)
{
    int64_t i, base = 10;
    double f;
    bool ok = true;
    jval v = c->self;
    if (given(c->arg[1])) MN_TRY(mn_jinja__want_int(x, c->arg[1], "int's base", &base));
    if (base != 0 && (base < 2 || base > 36)) base = 10, ok = false;
    *ret = given(c->arg[0]) ? c->arg[0] : mn_jinja__int(0);
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    if (v.type == J_INT || v.type == J_BIG) *ret = v;
    else if (v.type == J_BOOL) *ret = mn_jinja__int(v.b);
    else if (v.type == J_FLOAT) MN_TRY(from_float(x, v.f, ret, &ok));
    if (v.type != J_STR) return MN_OK;
    mn_rc rc = ok ? mn_jinja__parse_int(mn_jinja__bytes(v), (int)base, &i) : MN_E_PARSE;
    if (rc == MN_E_LIMIT)
        return mn_jinja__fail(x, MN_E_LIMIT, "an integer is larger than 64 bits");
    if (rc == MN_OK) *ret = mn_jinja__int(i);
    else if (mn_jinja__parse_f64(mn_jinja__bytes(v), &f) == MN_OK)
        return from_float(x, f, ret, &ok);
    return MN_OK;
}

static mn_rc float_(jx *x, const jcall *c, jval *ret)
{
    double f;
    jval v = c->self;
    *ret = given(c->arg[0]) ? c->arg[0] : mn_jinja__float(0);
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    if (mn_jinja__is_number(v)) *ret = mn_jinja__float(mn_jinja__as_f64(v));
    else if ((v.type == J_STR || v.type == J_BIG) &&
             mn_jinja__parse_f64(mn_jinja__bytes(v), &f) == MN_OK)
        *ret = mn_jinja__float(f);
    return MN_OK;
}

static mn_rc abs_(jx *x, const jcall *c, jval *ret)
{
    jval v = c->self;
    if (v.type == J_FLOAT) {
        *ret = mn_jinja__float(fabs(v.f));
        return MN_OK;
    }
    MN_TRY(mn_jinja__negate(x, '+', v, ret));
    return ret->i < 0 ? mn_jinja__negate(x, '-', v, ret) : MN_OK;
}

/* Halves go to the even neighbour, as the decimal digits of the number say. */
static double round_to(double f, int64_t digits)
{
    char tmp[400];
    if (isnan(f) || isinf(f) || digits > 300) return f;
    if (digits < 0) {
        double scale = pow(10, (double)-digits);
        return digits < -300 ? 0 : nearbyint(f / scale) * scale;
    }
    snprintf(tmp, sizeof tmp, "%.*f", (int)digits, f);
    return strtod(tmp, NULL);
}

static mn_rc round_(jx *x, const jcall *c, jval *ret)
{
    int64_t digits = 0;
    jval v = c->self;
    mn_str how = MN_STR("common");
    if (given(c->arg[0]))
        MN_TRY(mn_jinja__want_int(x, c->arg[0], "round's precision", &digits));
    if (given(c->arg[1])) {
        MN_TRY(mn_jinja__want_str(x, c->arg[1], "round's method"));
        how = mn_jinja__bytes(c->arg[1]);
    }
    if (v.type == J_UNDEF) return mn_jinja__undefined(x, v);
    if (!mn_jinja__is_number(v))
        return mn_jinja__fail(x, MN_E_PARSE, "a %s cannot be rounded", mn_jinja__type_name(v));
    double f = mn_jinja__as_f64(v), scale = pow(10, (double)digits);
    if (mn_str_eqz(how, "common")) {
        if (v.type == J_FLOAT) *ret = mn_jinja__float(round_to(f, digits));
        else if (digits >= 0) *ret = mn_jinja__int(v.type == J_BOOL ? v.b : v.i);
        else
            return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                                  "rounding whole numbers is not supported");
        return MN_OK;
    }
    if (!mn_str_eqz(how, "ceil") && !mn_str_eqz(how, "floor"))
        return mn_jinja__fail(x, MN_E_PARSE, "round's method should be common, ceil or floor");
    *ret =
        mn_jinja__float((mn_str_eqz(how, "ceil") ? ceil(f * scale) : floor(f * scale)) / scale);
    return MN_OK;
}

static mn_rc attr(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "the name of an attribute"));
    jval v = c->self;
    if (v.type == J_DICT) { /* attributes only, no items */
        jdict none = {0};
        v.dict = &none;
        MN_TRY(mn_jinja__attr(x, v, mn_jinja__bytes(c->arg[0]), ret));
        if (ret->type != J_METHOD) return MN_OK;
        v = c->self;
    }
    return mn_jinja__attr(x, v, mn_jinja__bytes(c->arg[0]), ret);
}

const jfunc mn_jinja__filters_text[] = {
    {"upper", upper, "", 0},
    {"lower", lower, "", 0},
    {"capitalize", capitalize, "", 0},
    {"title", title, "", 0},
    {"trim", trim, "chars", 0},
    {"string", string, "", 0},
    {"safe", safe, "", 0},
    {"escape", escape, "", 0},
    {"e", escape, "", 0},
    {"forceescape", forceescape, "", 0},
    {"replace", replace, "old,new,count", 2},
    {"indent", indent, "width,first,blank", 0},
    {"center", center, "width", 0},
    {"wordcount", wordcount, "", 0},
    {"default", default_, "default_value,boolean", 0},
    {"d", default_, "default_value,boolean", 0},
    {"format", format, NULL, 0},
    {"int", int_, "default,base", 0},
    {"float", float_, "default", 0},
    {"abs", abs_, "", 0},
    {"round", round_, "precision,method", 0},
    {"attr", attr, "name", 1},
    {0},
};
