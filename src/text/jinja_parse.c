/* Tokens → statements, and the template as a whole. */
#include "text/jinja_int.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static mn_rc body(jparser *p, const char *const *ends, jnode **ret);

#define NODE(p, kind, out)                                                                     \
    do {                                                                                       \
        if (!((out) = mn_jinja__node((p), (kind)))) return MN_E_NOMEM;                         \
    } while (0)

/* ---- the parser's own tools -------------------------------------------------------------------------------------- */

mn_rc mn_jinja__parse_fail(const jparser *p, mn_rc rc, const char *fmt, ...)
{
    char msg[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return mn_fail(p->e, rc, "template, line %u: %s", p->tok->line, msg);
}

jnode *mn_jinja__node(jparser *p, jkind kind)
{
    jnode *n = mn_arena_calloc(&p->t->arena, 1, sizeof *n);
    if (!n) {
        mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory");
        return NULL;
    }
    n->kind = (uint8_t)kind;
    n->line = p->tok->line;
    return n;
}

static mn_rc names_grow(jparser *p)
{
    size_t cap = p->n_slots ? p->n_slots * 2 : 64;
    uint32_t *slots = mn_calloc(cap, sizeof *slots);
    mn_str *names = mn_arena_calloc(&p->t->arena, cap, sizeof *names);
    if (!slots || !names) {
        mn_free(slots);
        return mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < p->t->n_names; i++) {
        names[i] = p->t->names[i];
        size_t at = mn_hash64(names[i].ptr, names[i].len, 0) & (cap - 1);
        while (slots[at]) at = (at + 1) & (cap - 1);
        slots[at] = (uint32_t)i + 1;
    }
    mn_free(p->slots);
    p->slots = slots;
    p->n_slots = cap;
    p->t->names = names;
    return MN_OK;
}

/* The number of a name: equal names, equal numbers. */
mn_rc mn_jinja__name(jparser *p, mn_str s, uint32_t *ret)
{
    if (p->t->n_names * 2 >= p->n_slots) MN_TRY(names_grow(p));
    size_t at = mn_hash64(s.ptr, s.len, 0) & (p->n_slots - 1);
    for (; p->slots[at]; at = (at + 1) & (p->n_slots - 1)) {
        if (!mn_str_eq(p->t->names[p->slots[at] - 1], s)) continue;
        *ret = p->slots[at] - 1;
        return MN_OK;
    }
    p->t->names[p->t->n_names] = s;
    *ret = (uint32_t)p->t->n_names++;
    p->slots[at] = *ret + 1;
    return MN_OK;
}

bool mn_jinja__at_name(const jparser *p, const char *name)
{
    return p->tok->type == T_NAME && mn_str_eqz(p->tok->text, name);
}

bool mn_jinja__at_op(const jparser *p, int op)
{
    return p->tok->type == T_OP && p->tok->op == op;
}

bool mn_jinja__skip_name(jparser *p, const char *name)
{
    if (!mn_jinja__at_name(p, name)) return false;
    p->tok++;
    return true;
}

bool mn_jinja__skip_op(jparser *p, int op)
{
    if (!mn_jinja__at_op(p, op)) return false;
    p->tok++;
    return true;
}

mn_rc mn_jinja__expect_op(jparser *p, int op)
{
    if (mn_jinja__skip_op(p, op)) return MN_OK;
    return mn_jinja__parse_fail(p, MN_E_PARSE, "'%c' was expected", op);
}

mn_rc mn_jinja__expect_name(jparser *p, mn_str *ret)
{
    if (p->tok->type != T_NAME)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "a name was expected");
    *ret = p->tok++->text;
    return MN_OK;
}

mn_rc mn_jinja__enter(jparser *p)
{
    if (p->nest == MN_JINJA_NEST_MAX)
        return mn_jinja__parse_fail(p, MN_E_LIMIT, "more than %u levels of nesting",
                                    MN_JINJA_NEST_MAX);
    p->nest++;
    return MN_OK;
}

static mn_rc expect(jparser *p, jtok type, const char *what)
{
    if (p->tok->type != type)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "%s was expected", what);
    p->tok++;
    return MN_OK;
}

/* The rest of a tag, then what stands up to a tag that begins with one of `ends`; that name is the current token then. */
static mn_rc block(jparser *p, const char *const *ends, jnode **ret)
{
    mn_jinja__skip_op(p, ':');
    MN_TRY(expect(p, T_BLOCK_END, "'%}'"));
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(body(p, ends, ret));
    p->nest--;
    return MN_OK;
}

/* ---- statements --------------------------------------------------------------------------------------------------- */

static mn_rc if_(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif",
                                                                                        NULL};
    jnode *n, **at;
    NODE(p, S_IF, n);
    at = &n->a;
    bool again = true;
    while (again) {
        p->tok++; /* if, elif */
        NODE(p, N_BRANCH, *at);
        MN_TRY(mn_jinja__tuple(p, false, false, &(*at)->a));
        MN_TRY(block(p, ends, &(*at)->b));
        at = &(*at)->next;
        again = mn_jinja__at_name(p, "elif");
    }
    if (mn_jinja__skip_name(p, "else")) {
        NODE(p, N_BRANCH, *at);
        MN_TRY(block(p, last, &(*at)->b));
    }
    p->tok++; /* endif */
    *ret = n;
    return MN_OK;
}

static mn_rc for_(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endfor", "else", NULL}, *const last[] = {"endfor",
                                                                                 NULL};
    jnode *n;
    NODE(p, S_FOR, n);
    p->tok++;
    MN_TRY(mn_jinja__target(p, false, &n->a));
    if (n->a->kind == N_NAME && mn_str_eqz(p->t->names[n->a->name], "loop"))
        return mn_jinja__parse_fail(p, MN_E_PARSE, "'loop' cannot be what a loop assigns to");
    if (!mn_jinja__skip_name(p, "in"))
        return mn_jinja__parse_fail(p, MN_E_PARSE, "'in' was expected");
    MN_TRY(mn_jinja__tuple(p, false, false, &n->b));
    NODE(p, N_FOR, n->d);
    if (mn_jinja__skip_name(p, "if")) MN_TRY(mn_jinja__expression(p, true, &n->d->b));
    if (mn_jinja__at_name(p, "recursive"))
        return mn_jinja__parse_fail(p, MN_E_UNSUPPORTED, "recursive loops are not supported");
    p->loops++;
    MN_TRY(block(p, ends, &n->c));
    p->loops--;
    if (mn_jinja__skip_name(p, "else")) MN_TRY(block(p, last, &n->d->a));
    p->tok++; /* endfor */
    *ret = n;
    return MN_OK;
}

static mn_rc set(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endset", NULL};
    jnode *n;
    NODE(p, S_SET, n);
    p->tok++;
    MN_TRY(mn_jinja__target(p, true, &n->a));
    *ret = n;
    if (mn_jinja__skip_op(p, '=')) return mn_jinja__tuple(p, true, false, &n->b);
    n->kind = S_SETBLOCK;
    MN_TRY(mn_jinja__filters(p, false, &n->b));
    MN_TRY(block(p, ends, &n->c));
    p->tok++;
    return MN_OK;
}

static mn_rc params(jparser *p, jnode **ret)
{
    jnode **at = ret;
    bool defaults = false;
    *ret = NULL;
    MN_TRY(mn_jinja__expect_op(p, '('));
    while (!mn_jinja__at_op(p, ')')) {
        mn_str s;
        if (*ret) MN_TRY(mn_jinja__expect_op(p, ','));
        NODE(p, N_PARAM, *at);
        MN_TRY(mn_jinja__expect_name(p, &s));
        MN_TRY(mn_jinja__name(p, s, &(*at)->name));
        if (mn_jinja__skip_op(p, '=')) {
            defaults = true;
            MN_TRY(mn_jinja__expression(p, true, &(*at)->a));
        } else if (defaults) {
            return mn_jinja__parse_fail(
                p, MN_E_PARSE, "an argument without a default follows one that has one");
        }
        at = &(*at)->next;
    }
    p->tok++;
    return MN_OK;
}

/* The body of something that is a function in Jinja: a break in it does not reach the loop around. */
static mn_rc function_body(jparser *p, const char *const *ends, jnode **ret)
{
    unsigned loops = p->loops;
    p->loops = 0;
    MN_TRY(block(p, ends, ret));
    p->loops = loops;
    p->tok++;
    return MN_OK;
}

static mn_rc macro(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endmacro", NULL};
    jnode *n;
    mn_str s;
    NODE(p, S_MACRO, n);
    p->tok++;
    MN_TRY(mn_jinja__expect_name(p, &s));
    MN_TRY(mn_jinja__name(p, s, &n->name));
    MN_TRY(params(p, &n->a));
    *ret = n;
    return function_body(p, ends, &n->c);
}

static mn_rc call_block(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endcall", NULL};
    jnode *n;
    NODE(p, S_CALL, n);
    p->tok++;
    if (mn_jinja__at_op(p, '(')) MN_TRY(params(p, &n->b));
    MN_TRY(mn_jinja__expression(p, true, &n->a));
    const jnode *last = n->a->kind == N_CHAIN ? n->a->b : NULL;
    while (last && last->next) last = last->next;
    if (!last || last->kind != L_CALL)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "a call was expected");
    *ret = n;
    return function_body(p, ends, &n->c);
}

static mn_rc filter_block(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endfilter", NULL};
    jnode *n;
    NODE(p, S_FILTER, n);
    p->tok++;
    MN_TRY(mn_jinja__filters(p, true, &n->b));
    MN_TRY(block(p, ends, &n->c));
    p->tok++;
    *ret = n;
    return MN_OK;
}

static mn_rc with(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endwith", NULL};
    jnode *n, **at;
    NODE(p, S_WITH, n);
    p->tok++;
    at = &n->a;
    while (p->tok->type != T_BLOCK_END) {
        if (n->a) MN_TRY(mn_jinja__expect_op(p, ','));
        NODE(p, S_SET, *at);
        MN_TRY(mn_jinja__target(p, false, &(*at)->a));
        MN_TRY(mn_jinja__expect_op(p, '='));
        MN_TRY(mn_jinja__expression(p, true, &(*at)->b));
        at = &(*at)->next;
    }
    MN_TRY(block(p, ends, &n->c));
    p->tok++;
    *ret = n;
    return MN_OK;
}

static mn_rc print(jparser *p, jnode **ret)
{
    jnode **at = ret;
    p->tok++;
    *ret = NULL;
    while (p->tok->type != T_BLOCK_END) {
        if (*ret) MN_TRY(mn_jinja__expect_op(p, ','));
        NODE(p, S_PRINT, *at);
        MN_TRY(mn_jinja__expression(p, true, &(*at)->a));
        at = &(*at)->next;
    }
    return MN_OK;
}

static mn_rc generation(jparser *p, jnode **ret)
{
    static const char *const ends[] = {"endgeneration", NULL};
    NODE(p, S_SCOPE, *ret);
    p->tok++;
    return function_body(p, ends, &(*ret)->c);
}

static mn_rc leave(jparser *p, jnode **ret)
{
    bool is_break = mn_jinja__at_name(p, "break");
    if (!p->loops)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "'%s' stands outside of a loop",
                                    is_break ? "break" : "continue");
    NODE(p, is_break ? S_BREAK : S_CONTINUE, *ret);
    p->tok++;
    return MN_OK;
}

static const struct {
    const char *name;
    mn_rc (*parse)(jparser *p, jnode **ret);
} statements[] = {{"if", if_},      {"for", for_},        {"set", set},
                  {"macro", macro}, {"call", call_block}, {"filter", filter_block},
                  {"with", with},   {"print", print},     {"generation", generation},
                  {"break", leave}, {"continue", leave}};

static mn_rc statement(jparser *p, jnode **ret)
{
    static const char *const lacking[] = {"block",  "extends", "include",
                                          "import", "from",    "autoescape"};
    if (p->tok->type != T_NAME)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "the name of a tag was expected");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (mn_jinja__at_name(p, statements[i].name)) return statements[i].parse(p, ret);
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        if (mn_jinja__at_name(p, lacking[i]))
            return mn_jinja__parse_fail(p, MN_E_UNSUPPORTED, "the tag '%s' is not supported",
                                        lacking[i]);
    return mn_jinja__parse_fail(p, MN_E_PARSE, "the tag '%.*s' was not expected here",
                                MN_STR_FMT(mn_utf8_cut(p->tok->text, 64)));
}

static bool at_any(const jparser *p, const char *const *names)
{
    for (; names && *names; names++)
        if (mn_jinja__at_name(p, *names)) return true;
    return false;
}

static mn_rc data(jparser *p, jnode **ret)
{
    NODE(p, S_DATA, *ret);
    jtext *t = mn_arena_calloc(&p->t->arena, 1, sizeof *t);
    if (!t) return mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory");
    union {
        const char *in;
        char *out;
    } unconst = {p->tok->text.ptr}; /* cap is 0: never written to */
    t->ptr = unconst.out;
    t->len = (uint32_t)p->tok->text.len;
    (*ret)->value = (jval){.type = J_STR, .len = t->len, .text = t};
    p->tok++;
    return MN_OK;
}

/* One piece of a body: data, an expression, a statement. *ret_end: it was a tag of `ends` instead. */
static mn_rc piece(jparser *p, const char *const *ends, jnode **ret, bool *ret_end)
{
    *ret_end = false;
    if (p->tok->type == T_DATA) return data(p, ret);
    if (p->tok->type == T_VAR_BEGIN) {
        p->tok++;
        NODE(p, S_PRINT, *ret);
        MN_TRY(mn_jinja__tuple(p, true, false, &(*ret)->a));
        return expect(p, T_VAR_END, "'}}'");
    }
    MN_TRY(expect(p, T_BLOCK_BEGIN, "a tag"));
    if (at_any(p, ends)) {
        *ret_end = true;
        return MN_OK;
    }
    MN_TRY(statement(p, ret));
    return expect(p, T_BLOCK_END, "'%}'");
}

static mn_rc body(jparser *p, const char *const *ends, jnode **ret)
{
    jnode **at = ret;
    *ret = NULL;
    while (p->tok->type != T_EOF) {
        bool end;
        MN_TRY(piece(p, ends, at, &end));
        if (end) return MN_OK;
        while (*at) at = &(*at)->next; /* a print of several is several */
    }
    if (!ends) return MN_OK;
    size_t last = 0;
    while (ends[last + 1]) last++;
    return mn_jinja__parse_fail(p, MN_E_PARSE, "the template ends before '%s'",
                                ends[strcmp(ends[0], "endfor") == 0 ? 0 : last]);
}

mn_rc mn_jinja__statements(jparser *p, jnode **ret)
{
    return body(p, NULL, ret);
}

/* ---- compiling ------------------------------------------------------------------------------------------------------ */

mn_rc mn_jinja_compile(mn_str source, mn_jinja **ret, mn_err *e)
{
    jtoken *tokens = NULL;
    if (source.len > MN_JINJA_SOURCE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a template of more than %u bytes", MN_JINJA_SOURCE_MAX);
    if (!mn_utf8_valid(source))
        return mn_fail(e, MN_E_PARSE, "a template should be UTF-8, and this one is not");
    mn_jinja *t = mn_calloc(1, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for a template");
    mn_arena_init(&t->arena, 0);
    jparser p = {.t = t, .e = e};
    mn_rc rc = mn_jinja__lex(source, &t->arena, &tokens, e);
    p.tok = tokens;
    if (rc == MN_OK) rc = mn_jinja__statements(&p, &t->body);
    mn_free(p.slots);
    mn_free(tokens);
    if (rc == MN_OK) *ret = t;
    else mn_jinja_free(t);
    return rc;
}

void mn_jinja_free(mn_jinja *t)
{
    if (!t) return;
    mn_arena_release(&t->arena);
    mn_free(t);
}
