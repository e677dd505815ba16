/* Statements, macros, and rendering as a whole. */
#include "text/jinja_int.h"

#include <string.h>

static mn_rc one(jx *x, const jnode *n);

/* A body in a scope of its own; the scope is the current one only while it runs. */
static mn_rc in_scope(jx *x, jscope *s, const jnode *body)
{
    jscope *was = x->scope;
    x->scope = s;
    mn_rc rc = mn_jinja__exec(x, body);
    x->scope = was;
    return rc;
}

/* What a body writes, as a string. */
static mn_rc captured(jx *x, jscope *s, const jnode *body, jval *ret)
{
    jtext *was = x->out, *t;
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    x->out = t;
    mn_rc rc = in_scope(x, s, body);
    x->out = was;
    if (rc == MN_OK) *ret = mn_jinja__whole(t, false);
    return rc;
}

static mn_rc print(jx *x, const jnode *n)
{
    jval v;
    MN_TRY(mn_jinja__eval(x, n->a, &v));
    return mn_jinja__put_str(x, x->out, v);
}

static mn_rc if_(jx *x, const jnode *n)
{
    for (const jnode *b = n->a; b; b = b->next) {
        jval v = mn_jinja__bool(true);
        if (b->a) MN_TRY(mn_jinja__eval(x, b->a, &v));
        if (mn_jinja__truth(v)) return mn_jinja__exec(x, b->b);
    }
    return MN_OK;
}

/* ---- loops ---------------------------------------------------------------------------------------------------------- */

/* The items for which the loop's condition holds. */
static mn_rc filtered(jx *x, const jnode *n, jlist *io)
{
    jscope *s, *was = x->scope;
    mn_rc rc = MN_OK;
    jlist in = *io, kept = {0};
    if (!n->d->b) return MN_OK;
    MN_TRY(mn_jinja__scope_new(x, was, &s));
    x->scope = s;
    for (size_t i = 0; i < in.n && rc == MN_OK; i++) {
        jval v;
        rc = mn_jinja__assign(x, n->a, in.items[i]);
        if (rc == MN_OK) rc = mn_jinja__eval(x, n->d->b, &v);
        if (rc == MN_OK && mn_jinja__truth(v)) rc = mn_jinja__list_add(x, &kept, in.items[i]);
    }
    x->scope = was;
    *io = kept;
    return rc;
}

/* The number of a name that the template may not have: then nobody can look it up. */
static uint32_t name_of(const jx *x, const char *name)
{
    for (size_t i = 0; i < x->t->n_names; i++)
        if (mn_str_eqz(x->t->names[i], name)) return (uint32_t)i;
    return UINT32_MAX;
}

/* *ret_through: some round reached its end; without one, Jinja takes the else branch. */
static mn_rc loop(jx *x, const jnode *n, jloop *l, jscope *s, bool *ret_through)
{
    uint32_t name = name_of(x, "loop");
    for (; l->at < l->n && x->leaving != 'b'; l->at++) {
        x->leaving = 0;
        s->n = 0;
        MN_TRY(mn_jinja__spend(x, 0));
        x->scope = s;
        MN_TRY(mn_jinja__assign(x, n->a, l->items[l->at]));
        MN_TRY(mn_jinja__define(x, s, name, (jval){.type = J_LOOP, .loop = l}));
        MN_TRY(mn_jinja__exec(x, n->c));
        *ret_through |= !x->leaving;
    }
    x->leaving = 0;
    return MN_OK;
}

static mn_rc for_(jx *x, const jnode *n)
{
    jval over;
    jlist items;
    jscope *s, *was = x->scope;
    bool through = false;
    MN_TRY(mn_jinja__eval(x, n->b, &over));
    MN_TRY(mn_jinja__items(x, over, &items));
    MN_TRY(filtered(x, n, &items));
    MN_TRY(mn_jinja__scope_new(x, was, &s));
    jloop *l = mn_jinja__alloc(x, 1, sizeof *l);
    if (!l) return x->e->rc;
    l->items = items.items;
    l->n = items.n;
    mn_rc rc = loop(x, n, l, s, &through);
    x->scope = was;
    if (rc != MN_OK || through || !n->d->a) return rc;
    MN_TRY(mn_jinja__scope_new(x, was, &s));
    return in_scope(x, s, n->d->a);
}

/* ---- set, with, filter, call ---------------------------------------------------------------------------------------- */

static mn_rc set(jx *x, const jnode *n)
{
    jval v;
    MN_TRY(mn_jinja__eval(x, n->b, &v));
    return mn_jinja__assign(x, n->a, v);
}

static mn_rc captured_inside(jx *x, const jnode *body, const jnode *filters, jval *ret)
{
    jscope *s;
    MN_TRY(mn_jinja__scope_new(x, x->scope, &s));
    MN_TRY(captured(x, s, body, ret));
    return x->leaving ? MN_OK : mn_jinja__links(x, filters, ret);
}

static mn_rc set_block(jx *x, const jnode *n)
{
    jval v;
    MN_TRY(captured_inside(x, n->c, n->b, &v));
    return x->leaving ? MN_OK : mn_jinja__assign(x, n->a, v);
}

static mn_rc filter_block(jx *x, const jnode *n)
{
    jval v;
    MN_TRY(captured_inside(x, n->c, n->b, &v));
    return x->leaving ? MN_OK : mn_jinja__put_str(x, x->out, v);
}

/* The values see what is around, not each other. */
static mn_rc with(jx *x, const jnode *n)
{
    jscope *s, *was = x->scope;
    mn_rc rc = MN_OK;
    MN_TRY(mn_jinja__scope_new(x, was, &s));
    for (const jnode *k = n->a; k && rc == MN_OK; k = k->next) {
        jval v;
        rc = mn_jinja__eval(x, k->b, &v);
        x->scope = s;
        if (rc == MN_OK) rc = mn_jinja__assign(x, k->a, v);
        x->scope = was;
    }
    return rc == MN_OK ? in_scope(x, s, n->c) : rc;
}

static mn_rc scoped(jx *x, const jnode *n)
{
    jscope *s;
    MN_TRY(mn_jinja__scope_new(x, x->scope, &s));
    return in_scope(x, s, n->c);
}

static mn_rc macro_new(jx *x, mn_str name, const jnode *params, const jnode *body, jval *ret)
{
    jmacro *m = mn_jinja__alloc(x, 1, sizeof *m);
    if (!m) return x->e->rc;
    *m = (jmacro){.name = name, .params = params, .body = body, .scope = x->scope};
    for (const jnode *p = params; p; p = p->next)
        m->has_caller_param |= mn_str_eqz(x->t->names[p->name], "caller");
    *ret = (jval){.type = J_MACRO, .macro = m};
    return MN_OK;
}

static mn_rc macro(jx *x, const jnode *n)
{
    jval m;
    MN_TRY(macro_new(x, x->t->names[n->name], n->a, n->c, &m));
    return mn_jinja__define(x, x->scope, n->name, m);
}

/* The last link is the call that gets the body as `caller`. */
static mn_rc call_block(jx *x, const jnode *n)
{
    jval v, caller;
    jargs args;
    const jnode *l = n->a->b;
    MN_TRY(mn_jinja__eval(x, n->a->a, &v));
    for (; l->next; l = l->next) {
        jnode alone = *l;
        alone.next = NULL;
        MN_TRY(mn_jinja__links(x, &alone, &v));
    }
    MN_TRY(mn_jinja__eval_args(x, l->a, &args));
    MN_TRY(macro_new(x, MN_STR("caller"), n->b, n->c, &caller));
    jkw *kw = mn_jinja__alloc(x, args.n_kw + 1, sizeof *kw);
    if (!kw) return x->e->rc;
    for (size_t i = 0; i < args.n_kw; i++) kw[i] = args.kw[i];
    kw[args.n_kw++] = (jkw){MN_STR("caller"), caller};
    args.kw = kw;
    MN_TRY(mn_jinja__call(x, v, &args, &v));
    return mn_jinja__put_str(x, x->out, v);
}

/* ---- macros --------------------------------------------------------------------------------------------------------- */

static bool uses(const jx *x, const jmacro *m, const char *name)
{
    (void)m; /* a name the template never says is never looked up */
    return name_of(x, name) != UINT32_MAX;
}

/* Positional arguments beyond the parameters are `varargs`. */
static mn_rc bind_rest(jx *x, const jmacro *m, const jargs *args, size_t n_params, jscope *s)
{
    jval rest;
    if (args->n > n_params && !uses(x, m, "varargs"))
        return mn_jinja__fail(x, MN_E_PARSE, "the macro '%.*s' takes at most %zu arguments",
                              MN_STR_FMT(mn_utf8_cut(m->name, 64)), n_params);
    MN_TRY(mn_jinja__list_new(x, J_TUPLE, 0, &rest));
    for (size_t i = n_params; i < args->n; i++)
        MN_TRY(mn_jinja__list_add(x, rest.list, args->pos[i]));
    return mn_jinja__define(x, s, name_of(x, "varargs"), rest);
}

/* Named arguments that are no parameter are `kwargs`, but for `caller`. taken: one bit a named argument. */
static mn_rc bind_named_rest(jx *x, const jmacro *m, const jargs *args, const bool *taken,
                             jscope *s)
{
    jval rest, caller = mn_jinja__undef(JU_HINT, J_MACRO, MN_STR("no caller is defined"));
    MN_TRY(mn_jinja__dict_new(x, 0, &rest));
    for (size_t i = 0; i < args->n_kw; i++) {
        jval key;
        if (taken[i]) continue;
        if (mn_str_eqz(args->kw[i].name, "caller") && uses(x, m, "caller")) {
            caller = args->kw[i].v;
            continue;
        }
        if (!uses(x, m, "kwargs"))
            return mn_jinja__fail(x, MN_E_PARSE,
                                  "the macro '%.*s' does not take the argument '%.*s'",
                                  MN_STR_FMT(mn_utf8_cut(m->name, 64)),
                                  MN_STR_FMT(mn_utf8_cut(args->kw[i].name, 64)));
        MN_TRY(mn_jinja__str(x, args->kw[i].name, &key));
        MN_TRY(mn_jinja__dict_set(x, rest.dict, key, args->kw[i].v));
    }
    MN_TRY(mn_jinja__define(x, s, name_of(x, "kwargs"), rest));
    if (m->has_caller_param) return MN_OK;
    return mn_jinja__define(x, s, name_of(x, "caller"), caller);
}

static mn_rc bind_param(jx *x, const jnode *p, size_t at, const jargs *args, bool *taken)
{
    jval v = {.type = J_MISSING};
    mn_str name = x->t->names[p->name];
    if (at < args->n) v = args->pos[at];
    for (size_t i = 0; i < args->n_kw && at >= args->n; i++) {
        if (!mn_str_eq(args->kw[i].name, name)) continue;
        v = args->kw[i].v;
        taken[i] = true;
    }
    if (v.type == J_MISSING) {
        v = mn_jinja__undef(JU_HINT, J_MACRO,
                            MN_STR("a parameter of a macro was not provided"));
        if (p->a) MN_TRY(mn_jinja__eval(x, p->a, &v));
    }
    return mn_jinja__define(x, x->scope, p->name, v);
}

/* Defaults are evaluated in the macro's scope, so they may use the parameters before them. */
static mn_rc bind_params(jx *x, const jmacro *m, const jargs *args, jscope *s)
{
    jscope *was = x->scope;
    size_t n = 0;
    mn_rc rc = MN_OK;
    bool *taken = mn_jinja__alloc(x, args->n_kw + 1, sizeof *taken);
    if (!taken) return x->e->rc;
    x->scope = s;
    for (const jnode *p = m->params; p && rc == MN_OK; p = p->next)
        rc = bind_param(x, p, n++, args, taken);
    x->scope = was;
    if (rc == MN_OK) rc = bind_rest(x, m, args, n, s);
    return rc == MN_OK ? bind_named_rest(x, m, args, taken, s) : rc;
}

mn_rc mn_jinja__macro_call(jx *x, const jmacro *m, const jargs *args, jval *ret)
{
    jscope *s;
    if (x->depth >= MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "macros call each other too deep");
    MN_TRY(mn_jinja__scope_new(x, m->scope, &s));
    MN_TRY(bind_params(x, m, args, s));
    x->depth++;
    mn_rc rc = captured(x, s, m->body, ret);
    x->depth--;
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static mn_rc one(jx *x, const jnode *n)
{
    switch ((jkind)n->kind) {
    case S_DATA:
        return mn_jinja__put_val(x, x->out, n->value);
    case S_PRINT:
        return print(x, n);
    case S_IF:
        return if_(x, n);
    case S_FOR:
        return for_(x, n);
    case S_SET:
        return set(x, n);
    case S_SETBLOCK:
        return set_block(x, n);
    case S_MACRO:
        return macro(x, n);
    case S_FILTER:
        return filter_block(x, n);
    case S_CALL:
        return call_block(x, n);
    case S_WITH:
        return with(x, n);
    case S_SCOPE:
        return scoped(x, n);
    default:
        x->leaving = n->kind == S_BREAK ? 'b' : 'c';
        return MN_OK;
    }
}

mn_rc mn_jinja__exec(jx *x, const jnode *body)
{
    if (x->depth >= MN_JINJA_DEPTH_MAX)
        return mn_jinja__fail(x, MN_E_LIMIT, "the template goes too deep into itself");
    x->depth++;
    mn_rc rc = MN_OK;
    for (const jnode *n = body; n && rc == MN_OK && !x->leaving; n = n->next) {
        x->line = n->line;
        rc = mn_jinja__spend(x, 0);
        if (rc == MN_OK) rc = one(x, n);
    }
    x->depth--;
    return rc;
}

/* Every name of the template that stands for something before it begins. */
static mn_rc globals(jx *x, const mn_json *vars)
{
    const mn_json *from[2] = {vars, x->o->trusted};
    x->globals = mn_jinja__alloc(x, x->t->n_names, sizeof *x->globals);
    if (!x->globals) return x->e->rc;
    for (size_t i = 0; i < x->t->n_names; i++) {
        x->globals[i] = mn_jinja__global(x->t->names[i]);
        for (int k = 0; k < 2; k++) {
            if (!from[k] || from[k]->type != MN_JSON_OBJECT) continue;
            for (size_t j = 0; j < from[k]->n; j++)
                if (mn_str_eq(from[k]->keys[j], x->t->names[i]))
                    MN_TRY(mn_jinja__from_json(x, from[k]->items[j], k == 1, &x->globals[i]));
        }
    }
    return MN_OK;
}

static mn_rc give(jx *x, mn_arena *a, mn_buf *ret, mn_span **ret_spans, size_t *ret_n)
{
    const jtext *t = x->out;
    size_t n = t->n_spans;
    mn_span *spans = NULL;
    if (ret_spans && n) {
        spans = mn_arena_alloc(a, n * sizeof *spans);
        if (!spans) return mn_fail(x->e, MN_E_NOMEM, "out of memory");
        memcpy(spans, t->spans, n * sizeof *spans);
        for (size_t i = 0; i < n; i++) spans[i].from += ret->len, spans[i].to += ret->len;
    }
    mn_rc rc = mn_buf_add(ret, t->ptr, t->len);
    if (rc != MN_OK) return mn_fail(x->e, rc, "no room for what the template renders");
    if (ret_spans) {
        *ret_spans = spans;
        *ret_n = n;
    }
    return MN_OK;
}

mn_rc mn_jinja_render(const mn_jinja *t, const mn_json *vars, const mn_jinja_opts *o,
                      mn_arena *a, mn_buf *ret, mn_span **ret_spans, size_t *ret_n_spans,
                      mn_err *e)
{
    static const mn_jinja_opts none;
    mn_err unseen = {0};
    mn_arena work;
    jx x = {.t = t, .arena = &work, .o = o ? o : &none, .e = e ? e : &unseen};
    x.steps_left = x.o->steps ? x.o->steps : 1000000;
    x.limit_bytes = x.o->bytes ? x.o->bytes : (size_t)64 << 20;
    mn_arena_init(&work, 0);
    mn_rc rc = mn_jinja__text_new(&x, 0, &x.out);
    if (rc == MN_OK) rc = globals(&x, vars);
    if (rc == MN_OK) rc = mn_jinja__scope_new(&x, NULL, &x.scope);
    if (rc == MN_OK) rc = mn_jinja__exec(&x, t->body);
    if (rc == MN_OK) rc = give(&x, a, ret, ret_spans, ret_n_spans);
    for (jtext *h = x.heap; h; h = h->next) mn_free(h->ptr);
    mn_arena_release(&work);
    return rc;
}
