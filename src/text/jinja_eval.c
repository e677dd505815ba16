/* Expressions. */
#include "text/jinja_int.h"

#include <stdio.h>
#include <string.h>

mn_rc mn_jinja__fail(jx *x, mn_rc rc, const char *fmt, ...)
{
    char msg[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return mn_fail(x->e, rc, "template, line %u: %s", x->line, msg);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

mn_rc mn_jinja__scope_new(jx *x, jscope *up, jscope **ret)
{
    jscope *s = mn_jinja__alloc(x, 1, sizeof *s);
    if (!s) return x->e->rc;
    s->up = up;
    *ret = s;
    return MN_OK;
}

static const jval *find(const jx *x, uint32_t name)
{
    for (const jscope *s = x->scope; s; s = s->up)
        for (size_t i = 0; i < s->n; i++)
            if (s->vars[i].name == name) return &s->vars[i].v;
    return NULL;
}

jval mn_jinja__lookup(const jx *x, uint32_t name)
{
    const jval *v = find(x, name);
    return v ? *v : x->globals[name];
}

mn_rc mn_jinja__define(jx *x, jscope *s, uint32_t name, jval v)
{
    size_t at = 0;
    while (at < s->n && s->vars[at].name != name) at++;
    if (at == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        void *more = mn_jinja__alloc(x, cap, sizeof *s->vars);
        if (!more) return x->e->rc;
        if (s->n) memcpy(more, s->vars, s->n * sizeof *s->vars);
        s->vars = more;
        s->cap = cap;
    }
    if (at == s->n) s->n++;
    s->vars[at].name = name;
    s->vars[at].v = v;
    return MN_OK;
}

static mn_rc unpack(jx *x, const jnode *target, jval v)
{
    jlist l;
    size_t n = 0;
    MN_TRY(mn_jinja__items(x, v, &l));
    for (const jnode *t = target->a; t; t = t->next) n++;
    if (l.n != n)
        return mn_jinja__fail(x, MN_E_PARSE, "%zu values cannot be assigned to %zu names", l.n,
                              n);
    n = 0;
    for (const jnode *t = target->a; t; t = t->next)
        MN_TRY(mn_jinja__assign(x, t, l.items[n++]));
    return MN_OK;
}

mn_rc mn_jinja__assign(jx *x, const jnode *target, jval v)
{
    if (target->kind == N_NAME) return mn_jinja__define(x, x->scope, target->name, v);
    if (target->kind == N_TUPLE) return unpack(x, target, v);
    jval space = mn_jinja__lookup(x, target->name);
    mn_str attr = mn_jinja__bytes(target->value);
    if (space.type == J_UNDEF) return mn_jinja__undefined(x, space);
    if (space.type != J_SPACE)
        return mn_jinja__fail(x, MN_E_PARSE, "attributes can be set of a namespace only");
    if (attr.len && attr.ptr[0] == '_')
        return mn_jinja__fail(x, MN_E_PARSE, "the attribute '%.*s' of a namespace is unsafe",
                              MN_STR_FMT(mn_utf8_cut(attr, 64)));
    return mn_jinja__dict_set(x, space.dict, target->value, v);
}

/* ---- arguments ---------------------------------------------------------------------------------------------------- */

static mn_rc add_kw(jx *x, jargs *args, size_t *cap, mn_str name, jval v)
{
    for (size_t i = 0; i < args->n_kw; i++)
        if (mn_str_eq(args->kw[i].name, name))
            return mn_jinja__fail(x, MN_E_PARSE, "the argument '%.*s' is given twice",
                                  MN_STR_FMT(mn_utf8_cut(name, 64)));
    if (args->n_kw == *cap) {
        size_t more_cap = *cap ? *cap * 2 : 2;
        jkw *more = mn_jinja__alloc(x, more_cap, sizeof *more);
        if (!more) return x->e->rc;
        if (args->n_kw) memcpy(more, args->kw, args->n_kw * sizeof *more);
        args->kw = more;
        *cap = more_cap;
    }
    args->kw[args->n_kw++] = (jkw){name, v};
    return mn_jinja__spend(x, args->n_kw * 8);
}

static mn_rc spread_dict(jx *x, jargs *args, size_t *cap, jval v)
{
    if (v.type != J_DICT)
        return mn_jinja__fail(x, MN_E_PARSE, "what follows '**' should be a dict, not a %s",
                              mn_jinja__type_name(v));
    for (size_t i = 0; i < v.dict->n; i++) {
        MN_TRY(mn_jinja__want_str(x, v.dict->keys[i], "the name of an argument"));
        MN_TRY(add_kw(x, args, cap, mn_jinja__bytes(v.dict->keys[i]), v.dict->vals[i]));
    }
    return MN_OK;
}

mn_rc mn_jinja__eval_args(jx *x, const jnode *first, jargs *ret)
{
    jlist pos = {0};
    size_t cap_kw = 0;
    jargs args = {0};
    for (const jnode *n = first; n; n = n->next) {
        jval v;
        MN_TRY(mn_jinja__eval(x, n->a, &v));
        if (n->op == 'k') {
            MN_TRY(add_kw(x, &args, &cap_kw, x->t->names[n->name], v));
        } else if (n->op == '*') {
            jlist l;
            MN_TRY(mn_jinja__items(x, v, &l));
            for (size_t i = 0; i < l.n; i++) MN_TRY(mn_jinja__list_add(x, &pos, l.items[i]));
        } else if (n->op == 'd') {
            MN_TRY(spread_dict(x, &args, &cap_kw, v));
        } else {
            MN_TRY(mn_jinja__list_add(x, &pos, v));
        }
    }
    args.pos = pos.items;
    args.n = pos.n;
    *ret = args;
    return MN_OK;
}

/* ---- what follows a value ----------------------------------------------------------------------------------------- */

static mn_rc slice(jx *x, const jnode *l, jval of, jval *ret)
{
    jval part[3];
    const jnode *n[3] = {l->a, l->b, l->c};
    for (int i = 0; i < 3; i++) {
        part[i] = (jval){.type = J_MISSING};
        if (n[i]) MN_TRY(mn_jinja__eval(x, n[i], &part[i]));
    }
    return mn_jinja__slice(x, of, part, ret);
}

static mn_rc link_(jx *x, const jnode *l, jval *io)
{
    jval v = *io, key;
    jargs args;
    bool yes;
    switch ((jkind)l->kind) {
    case L_ATTR:
        return mn_jinja__attr(x, v, x->t->names[l->name], io);
    case L_ITEM:
        MN_TRY(mn_jinja__eval(x, l->a, &key));
        return mn_jinja__item(x, v, key, io);
    case L_SLICE:
        return slice(x, l, v, io);
    case L_CALL:
        MN_TRY(mn_jinja__eval_args(x, l->a, &args));
        return mn_jinja__call(x, v, &args, io);
    case L_FILTER:
        MN_TRY(mn_jinja__eval_args(x, l->a, &args));
        return mn_jinja__filter(x, x->t->names[l->name], v, &args, io);
    default:
        MN_TRY(mn_jinja__eval_args(x, l->a, &args));
        MN_TRY(mn_jinja__test(x, x->t->names[l->name], v, &args, &yes));
        *io = mn_jinja__bool(yes != l->flag);
        return MN_OK;
    }
}

mn_rc mn_jinja__links(jx *x, const jnode *link, jval *io)
{
    for (; link; link = link->next) {
        x->line = link->line;
        MN_TRY(link_(x, link, io));
    }
    return MN_OK;
}

/* ---- operators ---------------------------------------------------------------------------------------------------- */

static mn_rc and_or(jx *x, const jnode *n, jval *ret)
{
    for (const jnode *o = n->a; o; o = o->next) {
        MN_TRY(mn_jinja__eval(x, o, ret));
        if (mn_jinja__truth(*ret) != (n->kind == N_AND)) break;
    }
    return MN_OK;
}

static mn_rc compare(jx *x, const jnode *n, jval *ret)
{
    jval a, b;
    bool yes = true;
    MN_TRY(mn_jinja__eval(x, n->a, &a));
    for (const jnode *o = n->b; o && yes; o = o->next) {
        MN_TRY(mn_jinja__eval(x, o->a, &b));
        MN_TRY(mn_jinja__compare(x, o->op, a, b, &yes));
        a = b;
    }
    *ret = mn_jinja__bool(yes);
    return MN_OK;
}

static mn_rc math(jx *x, const jnode *n, jval *ret)
{
    jval b;
    MN_TRY(mn_jinja__eval(x, n->a, ret));
    for (const jnode *o = n->b; o; o = o->next) {
        MN_TRY(mn_jinja__eval(x, o->a, &b));
        x->line = o->line;
        MN_TRY(mn_jinja__math(x, o->op, *ret, b, ret));
    }
    return MN_OK;
}

static mn_rc concat(jx *x, const jnode *n, jval *ret)
{
    MN_TRY(mn_jinja__str(x, MN_STR(""), ret));
    for (const jnode *o = n->a; o; o = o->next) {
        jval v;
        MN_TRY(mn_jinja__eval(x, o, &v));
        MN_TRY(mn_jinja__to_str(x, v, &v));
        v.op = 0;
        MN_TRY(mn_jinja__concat(x, *ret, v, ret));
    }
    return MN_OK;
}

static mn_rc list(jx *x, const jnode *n, jval *ret)
{
    MN_TRY(mn_jinja__list_new(x, n->kind == N_LIST ? J_LIST : J_TUPLE, 0, ret));
    for (const jnode *o = n->a; o; o = o->next) {
        jval v;
        MN_TRY(mn_jinja__eval(x, o, &v));
        MN_TRY(mn_jinja__list_add(x, ret->list, v));
    }
    return MN_OK;
}

static mn_rc dict(jx *x, const jnode *n, jval *ret)
{
    MN_TRY(mn_jinja__dict_new(x, 0, ret));
    for (const jnode *o = n->a; o; o = o->next->next) {
        jval k, v;
        MN_TRY(mn_jinja__eval(x, o, &k));
        MN_TRY(mn_jinja__eval(x, o->next, &v));
        MN_TRY(mn_jinja__dict_set(x, ret->dict, k, v));
    }
    return MN_OK;
}

static mn_rc cond(jx *x, const jnode *n, jval *ret)
{
    jval test;
    MN_TRY(mn_jinja__eval(x, n->a, &test));
    if (mn_jinja__truth(test)) return mn_jinja__eval(x, n->b, ret);
    if (n->c) return mn_jinja__eval(x, n->c, ret);
    *ret = mn_jinja__undef(JU_HINT, J_UNDEF,
                           MN_STR("an inline if without an else is false and has no value"));
    return MN_OK;
}

static mn_rc chain(jx *x, const jnode *n, jval *ret)
{
    jval v;
    MN_TRY(mn_jinja__eval(x, n->a, &v));
    MN_TRY(mn_jinja__links(x, n->b, &v));
    *ret = v;
    return MN_OK;
}

static mn_rc eval(jx *x, const jnode *n, jval *ret)
{
    jval v = {0};
    switch ((jkind)n->kind) {
    case N_CONST:
        *ret = n->value;
        return MN_OK;
    case N_NAME:
        *ret = mn_jinja__lookup(x, n->name);
        return MN_OK;
    case N_CHAIN:
        return chain(x, n, ret);
    case N_AND:
    case N_OR:
        return and_or(x, n, ret);
    case N_NOT:
        MN_TRY(mn_jinja__eval(x, n->a, &v));
        *ret = mn_jinja__bool(!mn_jinja__truth(v));
        return MN_OK;
    case N_NEG:
    case N_POS:
        MN_TRY(mn_jinja__eval(x, n->a, &v));
        return mn_jinja__negate(x, n->kind == N_NEG ? '-' : '+', v, ret);
    case N_COMPARE:
        return compare(x, n, ret);
    case N_MATH:
        return math(x, n, ret);
    case N_CONCAT:
        return concat(x, n, ret);
    case N_COND:
        return cond(x, n, ret);
    case N_LIST:
    case N_TUPLE:
        return list(x, n, ret);
    default:
        return dict(x, n, ret);
    }
}

mn_rc mn_jinja__eval(jx *x, const jnode *n, jval *ret)
{
    x->line = n->line;
    if (x->depth >= MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "the template goes too deep into itself");
    MN_TRY(mn_jinja__spend(x, 0));
    x->depth++;
    mn_rc rc = eval(x, n, ret);
    x->depth--;
    return rc;
}
