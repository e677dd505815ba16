/* Tests, and the functions that are there without being variables. */
#include "text/jinja_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static mn_rc answer(bool yes, jval *ret)
{
    *ret = mn_jinja__bool(yes);
    return MN_OK;
}

/* "is NAME" for those that only look at the type; one line each below. */
#define TYPE_TEST(name, expr)                                                                  \
    static mn_rc name(jx *x, const jcall *c, jval *ret)                                        \
    {                                                                                          \
        jval v = c->self;                                                                      \
        (void)x;                                                                               \
        return answer((expr), ret);                                                            \
    }

static bool callable(jval v)
{
    return v.type == J_MACRO || v.type == J_FUNC || v.type == J_METHOD || v.type == J_LOOP ||
           v.type == J_UNDEF;
}

static bool sequence(jval v)
{
    return v.type == J_STR || v.type == J_LIST || v.type == J_TUPLE || v.type == J_DICT ||
           v.type == J_RANGE || v.type == J_UNDEF;
}

static bool iterable(jval v)
{
    return sequence(v) || v.type == J_VIEW || v.type == J_ITER || v.type == J_LOOP;
}

TYPE_TEST(defined, v.type != J_UNDEF)
TYPE_TEST(undefined, v.type == J_UNDEF)
TYPE_TEST(none, v.type == J_NONE)
TYPE_TEST(boolean, v.type == J_BOOL)
TYPE_TEST(true_, v.type == J_BOOL && v.b)
TYPE_TEST(false_, v.type == J_BOOL && !v.b)
TYPE_TEST(integer, v.type == J_INT || v.type == J_BIG)
TYPE_TEST(float_, v.type == J_FLOAT)
TYPE_TEST(number, mn_jinja__is_number(v) || v.type == J_BIG)
TYPE_TEST(string, v.type == J_STR)
TYPE_TEST(mapping, v.type == J_DICT)
TYPE_TEST(sequence_, sequence(v))
TYPE_TEST(iterable_, iterable(v))
TYPE_TEST(callable_, callable(v))
TYPE_TEST(escaped, v.type == J_STR && v.op)

static mn_rc lower(jx *x, const jcall *c, jval *ret)
{
    jval s;
    MN_TRY(mn_jinja__to_str(x, c->self, &s));
    return answer(mn_jinja__case_is(mn_jinja__bytes(s), false), ret);
}

static mn_rc upper(jx *x, const jcall *c, jval *ret)
{
    jval s;
    MN_TRY(mn_jinja__to_str(x, c->self, &s));
    return answer(mn_jinja__case_is(mn_jinja__bytes(s), true), ret);
}

static mn_rc divides(jx *x, jval v, jval by, int64_t want, jval *ret)
{
    jval rest;
    bool same;
    MN_TRY(mn_jinja__math(x, '%', v, by, &rest));
    MN_TRY(mn_jinja__equal(x, rest, mn_jinja__int(want), &same));
    return answer(same, ret);
}

static mn_rc odd(jx *x, const jcall *c, jval *ret)
{
    return divides(x, c->self, mn_jinja__int(2), 1, ret);
}

static mn_rc even(jx *x, const jcall *c, jval *ret)
{
    return divides(x, c->self, mn_jinja__int(2), 0, ret);
}

static mn_rc divisibleby(jx *x, const jcall *c, jval *ret)
{
    return divides(x, c->self, c->arg[0], 0, ret);
}

static mn_rc sameas(jx *x, const jcall *c, jval *ret)
{
    jval a = c->self, b = c->arg[0];
    bool same;
    if (a.type != b.type) return answer(false, ret);
    if (a.type == J_STR || a.type == J_INT || a.type <= J_BOOL) {
        MN_TRY(mn_jinja__equal(x, a, b, &same));
        return answer(same, ret);
    }
    return answer(a.type != J_FLOAT && a.list == b.list, ret);
}

static mn_rc in_(jx *x, const jcall *c, jval *ret)
{
    bool is;
    MN_TRY(mn_jinja__contains(x, c->arg[0], c->self, &is));
    return answer(is, ret);
}

static mn_rc compared(jx *x, const jcall *c, int op, jval *ret)
{
    bool is;
    MN_TRY(mn_jinja__compare(x, op, c->self, c->arg[0], &is));
    return answer(is, ret);
}

#define COMPARE_TEST(name, op)                                                                 \
    static mn_rc name(jx *x, const jcall *c, jval *ret)                                        \
    {                                                                                          \
        return compared(x, c, (op), ret);                                                      \
    }
COMPARE_TEST(eq, JOP_EQ)
COMPARE_TEST(ne, JOP_NE)
COMPARE_TEST(gt, '>')
COMPARE_TEST(ge, JOP_GE)
COMPARE_TEST(lt, '<')
COMPARE_TEST(le, JOP_LE)

static mn_rc filter(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(mn_jinja__want_str(x, c->self, "the name of a filter"));
    mn_str s = mn_jinja__bytes(c->self);
    return answer(mn_jinja__find(mn_jinja__filters_text, s) ||
                      mn_jinja__find(mn_jinja__filters_seq, s) || mn_str_eqz(s, "tojson"),
                  ret);
}

static mn_rc test(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(mn_jinja__want_str(x, c->self, "the name of a test"));
    return answer(mn_jinja__find(mn_jinja__tests, mn_jinja__bytes(c->self)) != NULL, ret);
}

const jfunc mn_jinja__tests[] = {
    {"defined", defined, "", 0},
    {"undefined", undefined, "", 0},
    {"none", none, "", 0},
    {"boolean", boolean, "", 0},
    {"true", true_, "", 0},
    {"false", false_, "", 0},
    {"integer", integer, "", 0},
    {"float", float_, "", 0},
    {"number", number, "", 0},
    {"string", string, "", 0},
    {"mapping", mapping, "", 0},
    {"sequence", sequence_, "", 0},
    {"iterable", iterable_, "", 0},
    {"callable", callable_, "", 0},
    {"escaped", escaped, "", 0},
    {"lower", lower, "", 0},
    {"upper", upper, "", 0},
    {"odd", odd, "", 0},
    {"even", even, "", 0},
    {"divisibleby", divisibleby, "num", 1},
    {"sameas", sameas, "other", 1},
    {"in", in_, "seq", 1},
    {"filter", filter, "", 0},
    {"test", test, "", 0},
    {"eq", eq, "/", 1},
    {"equalto", eq, "/", 1},
    {"==", eq, "/", 1},
    {"ne", ne, "/", 1},
    {"!=", ne, "/", 1},
    {"gt", gt, "/", 1},
    {"greaterthan", gt, "/", 1},
    {">", gt, "/", 1},
    {"ge", ge, "/", 1},
    {">=", ge, "/", 1},
    {"lt", lt, "/", 1},
    {"lessthan", lt, "/", 1},
    {"<", lt, "/", 1},
    {"le", le, "/", 1},
    {"<=", le, "/", 1},
    {0},
};

/* ---- functions ---------------------------------------------------------------------------------------------------- */

/* dict() and namespace(): a dict or pairs, then names. */
static mn_rc dict_from(jx *x, const jcall *c, jval *ret)
{
    const jargs *a = c->args;
    jlist l;
    MN_TRY(mn_jinja__dict_new(x, a->n_kw, ret));
    if (a->n > 1) return mn_jinja__fail(x, MN_E_PARSE, "at most one dict can be given");
    if (a->n == 1) {
        jval v = a->pos[0];
        if (v.type == J_DICT) v.type = J_VIEW, v.op = 'i';
        MN_TRY(mn_jinja__items(x, v, &l));
        for (size_t i = 0; i < l.n; i++) {
            jlist pair;
            MN_TRY(mn_jinja__items(x, l.items[i], &pair));
            if (pair.n != 2) return mn_jinja__fail(x, MN_E_PARSE, "a dict is made of pairs");
            MN_TRY(mn_jinja__dict_set(x, ret->dict, pair.items[0], pair.items[1]));
        }
    }
    for (size_t i = 0; i < a->n_kw; i++) {
        jval key;
        MN_TRY(mn_jinja__str(x, a->kw[i].name, &key));
        MN_TRY(mn_jinja__dict_set(x, ret->dict, key, a->kw[i].v));
    }
    return MN_OK;
}

static mn_rc dict(jx *x, const jcall *c, jval *ret)
{
    return dict_from(x, c, ret);
}

static mn_rc namespace_(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(dict_from(x, c, ret));
    for (size_t i = 0; i < ret->dict->n; i++) {
        jval k = ret->dict->keys[i];
        if (k.type == J_STR && k.len && mn_jinja__bytes(k).ptr[0] == '_')
            return mn_jinja__fail(x, MN_E_PARSE,
                                  "the attribute '%.*s' of a namespace is unsafe",
                                  MN_STR_FMT(mn_utf8_cut(mn_jinja__bytes(k), 64)));
    }
    ret->type = J_SPACE;
    return MN_OK;
}

static mn_rc range(jx *x, const jcall *c, jval *ret)
{
    int64_t v[3] = {0, 0, 1};
    size_t n = c->args->n;
    if (!n || n > 3 || c->args->n_kw)
        return mn_jinja__fail(x, MN_E_PARSE, "range takes one to three integers");
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_jinja__want_int(x, c->args->pos[i], "a bound of range", &v[n == 1 ? 1 : i]));
    if (!v[2]) return mn_jinja__fail(x, MN_E_PARSE, "range's step is 0");
    bool up = v[2] > 0;
    uint64_t span = 0, step = up ? (uint64_t)v[2] : 0 - (uint64_t)v[2];
    if (up ? v[0] < v[1] : v[0] > v[1])
        span = up ? (uint64_t)v[1] - (uint64_t)v[0] : (uint64_t)v[0] - (uint64_t)v[1];
    uint64_t count = span ? (span - 1) / step + 1 : 0;
    if (count > MN_JINJA_RANGE_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "a range of more than %u", MN_JINJA_RANGE_MAX);
    jrange *r = mn_jinja__alloc(x, 1, sizeof *r);
    if (!r) return x->e->rc;
    *r = (jrange){.from = v[0], .to = v[1], .step = v[2], .n = (size_t)count};
    *ret = (jval){.type = J_RANGE, .range = r};
    return MN_OK;
}

static mn_rc raise_exception(jx *x, const jcall *c, jval *ret)
{
    jval s;
    MN_TRY(mn_jinja__to_str(x, c->arg[0], &s));
    *ret = s;
    return mn_fail(x->e, MN_E_USAGE, "%.*s", MN_STR_FMT(mn_utf8_cut(mn_jinja__bytes(s), 400)));
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

typedef struct civil {
    int year, month, day, hour, min, sec, weekday, yearday;
    int64_t ms;
} civil;

static civil civil_of(int64_t ms)
{
    civil t = {.ms = ms};
    int64_t first = 0, midnight = 0;
    mn_time_to_civil(ms, &t.year, &t.month, &t.day, &t.hour, &t.min, &t.sec);
    mn_time_from_civil(t.year, t.month, t.day, 0, 0, 0, &midnight);
    mn_time_from_civil(t.year, 1, 1, 0, 0, 0, &first);
    t.yearday = (int)((midnight - first) / 86400000) + 1;
    t.weekday = (int)(((midnight / 86400000 + 4) % 7 + 7) % 7);
    return t;
}

/* One conversion of strftime in the C locale; false: not one of ours. */
static bool time_part(const civil *t, char what, char ret[64])
{
    int h12 = t->hour % 12 ? t->hour % 12 : 12;
    switch (what) {
    case 'Y':
        return snprintf(ret, 64, "%d", t->year) > 0;
    case 'm':
        return snprintf(ret, 64, "%02d", t->month) > 0;
    case 'd':
        return snprintf(ret, 64, "%02d", t->day) > 0;
    case 'e':
        return snprintf(ret, 64, "%2d", t->day) > 0;
    case 'y':
        return snprintf(ret, 64, "%02d", t->year % 100) > 0;
    case 'H':
        return snprintf(ret, 64, "%02d", t->hour) > 0;
    case 'I':
        return snprintf(ret, 64, "%02d", h12) > 0;
    case 'M':
        return snprintf(ret, 64, "%02d", t->min) > 0;
    case 'S':
        return snprintf(ret, 64, "%02d", t->sec) > 0;
    case 'f':
        return snprintf(ret, 64, "%03d000", (int)(((t->ms % 1000) + 1000) % 1000)) > 0;
    case 'j':
        return snprintf(ret, 64, "%03d", t->yearday) > 0;
    case 'p':
        return snprintf(ret, 64, "%s", t->hour < 12 ? "AM" : "PM") > 0;
    case 'B':
        return snprintf(ret, 64, "%s", months[t->month - 1]) > 0;
    case 'b':
    case 'h':
        return snprintf(ret, 64, "%.3s", months[t->month - 1]) > 0;
    case 'A':
        return snprintf(ret, 64, "%s", days[t->weekday]) > 0;
    case 'a':
        return snprintf(ret, 64, "%.3s", days[t->weekday]) > 0;
    case 'w':
        return snprintf(ret, 64, "%d", t->weekday) > 0;
    case 'u':
        return snprintf(ret, 64, "%d", t->weekday ? t->weekday : 7) > 0;
    case 'F':
        return snprintf(ret, 64, "%d-%02d-%02d", t->year, t->month, t->day) > 0;
    case 'T':
        return snprintf(ret, 64, "%02d:%02d:%02d", t->hour, t->min, t->sec) > 0;
    case 'R':
        return snprintf(ret, 64, "%02d:%02d", t->hour, t->min) > 0;
    case 'D':
        return snprintf(ret, 64, "%02d/%02d/%02d", t->month, t->day, t->year % 100) > 0;
    case '%':
        return snprintf(ret, 64, "%%") > 0;
    case 'Z':
    case 'z': /* a time without a zone prints none */
        ret[0] = '\0';
        return true;
    default:
        return false;
    }
}

/* Takes the "0" off "%-d" and its kin. */
static const char *unpadded(const char *s)
{
    while (s[0] == '0' && s[1]) s++;
    return s[0] == ' ' ? s + 1 : s;
}

static mn_rc strftime_now(jx *x, const jcall *c, jval *ret)
{
    jtext *t;
    char tmp[64];
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "a format of time"));
    mn_str f = mn_jinja__bytes(c->arg[0]);
    civil now = civil_of(x->o->now_ms);
    MN_TRY(mn_jinja__text_new(x, 32, &t));
    for (size_t at = 0; at < f.len; at++) {
        if (f.ptr[at] != '%' || at + 1 == f.len) {
            MN_TRY(mn_jinja__put_sub(x, t, c->arg[0], at, 1));
            continue;
        }
        bool bare = f.ptr[at + 1] == '-' && at + 2 < f.len;
        at += bare ? 2 : 1;
        if (!time_part(&now, f.ptr[at], tmp))
            return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                                  "strftime_now does not know the conversion '%%%.*s'", 1,
                                  f.ptr + at);
        MN_TRY(mn_jinja__put(x, t, mn_str_from(bare ? unpadded(tmp) : tmp), false));
    }
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

static mn_rc not_here(jx *x, const jcall *c, jval *ret)
{
    *ret = c->self;
    return mn_jinja__fail(x, MN_E_UNSUPPORTED, "the function '%s' is not supported",
                          c->self.func->name);
}

const jfunc mn_jinja__functions[] = {
    {"namespace", namespace_, NULL, 0},
    {"dict", dict, NULL, 0},
    {"range", range, NULL, 0},
    {"raise_exception", raise_exception, "message", 1},
    {"strftime_now", strftime_now, "format", 1},
    {"joiner", not_here, NULL, 0},
    {"cycler", not_here, NULL, 0},
    {"lipsum", not_here, NULL, 0},
    {0},
};

jval mn_jinja__global(mn_str name)
{
    const jfunc *f = mn_jinja__find(mn_jinja__functions, name);
    if (f) return (jval){.type = J_FUNC, .func = f};
    return mn_jinja__undef(JU_NAME, J_UNDEF, name);
}
