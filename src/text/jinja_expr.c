/* Tokens → expressions. Operators of one rank stand in one node with a list of operands, and what follows a value (attributes,
 * calls, filters, tests) is a list of links, so the tree is only as deep as its brackets. */
#include "text/jinja_int.h"

#include <string.h>

static mn_rc cond(jparser *p, jnode **ret);
static mn_rc or_(jparser *p, jnode **ret);
static mn_rc unary(jparser *p, bool with_filters, jnode **ret);
static mn_rc concat(jparser *p, jnode **ret);

#define NODE(p, kind, out)                                                                     \
    do {                                                                                       \
        if (!((out) = mn_jinja__node((p), (kind)))) return MN_E_NOMEM;                         \
    } while (0)

typedef struct jchain {
    jnode *first, **last;
} jchain;

static void chain_add(jchain *c, jnode *n)
{
    if (!c->first) c->last = &c->first;
    *c->last = n;
    c->last = &n->next;
}

static mn_rc unexpected(const jparser *p)
{
    const jtoken *t = p->tok;
    switch (t->type) {
    case T_OP:
        if (t->op < 128)
            return mn_jinja__parse_fail(p, MN_E_PARSE, "'%c' was not expected", t->op);
        return mn_jinja__parse_fail(p, MN_E_PARSE, "an operator was not expected here");
    case T_NAME:
        return mn_jinja__parse_fail(p, MN_E_PARSE, "'%.*s' was not expected",
                                    MN_STR_FMT(mn_utf8_cut(t->text, 64)));
    case T_BLOCK_END:
    case T_VAR_END:
        return mn_jinja__parse_fail(p, MN_E_PARSE,
                                    "an expression was expected before the tag's end");
    default:
        return mn_jinja__parse_fail(p, MN_E_PARSE, "an expression was expected");
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static mn_rc constant(jparser *p, jval v, jnode **ret)
{
    NODE(p, N_CONST, *ret);
    (*ret)->value = v;
    p->tok++;
    return MN_OK;
}

static mn_rc text_constant(jparser *p, mn_str s, jval *ret)
{
    jtext *t = mn_arena_calloc(&p->t->arena, 1, sizeof *t);
    if (!t) return mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory");
    union {
        const char *in;
        char *out;
    } unconst = {s.ptr}; /* cap is 0: never written to */
    t->ptr = unconst.out;
    t->len = (uint32_t)s.len;
    *ret = (jval){.type = J_STR, .len = t->len, .text = t};
    return MN_OK;
}

/* Neighbouring string literals are one. */
static mn_rc string(jparser *p, jnode **ret)
{
    const jtoken *first = p->tok;
    mn_buf b;
    jval v;
    if (first[1].type != T_STRING) {
        MN_TRY(text_constant(p, first->text, &v));
        return constant(p, v, ret);
    }
    mn_buf_init(&b, 0);
    for (; p->tok->type == T_STRING; p->tok++) mn_buf_adds(&b, p->tok->text);
    p->tok--;
    mn_str s = mn_str_dup(&p->t->arena, mn_buf_str(&b));
    mn_rc rc =
        b.failed || !s.ptr ? mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory") : MN_OK;
    mn_buf_release(&b);
    if (rc == MN_OK) rc = text_constant(p, s, &v);
    return rc == MN_OK ? constant(p, v, ret) : rc;
}

static mn_rc integer(jparser *p, jnode **ret)
{
    jval v;
    int64_t i;
    mn_str s = p->tok->text;
    mn_rc rc = mn_jinja__parse_int(s, 0, &i);
    if (rc == MN_OK) return constant(p, mn_jinja__int(i), ret);
    if (s.len > 1 && (s.ptr[1] | 32) > '9')
        return mn_jinja__parse_fail(p, MN_E_LIMIT, "an integer is larger than 64 bits");
    MN_TRY(text_constant(p, s, &v));
    v.type = J_BIG;
    return constant(p, v, ret);
}

static mn_rc float_(jparser *p, jnode **ret)
{
    double f;
    if (mn_jinja__parse_f64(p->tok->text, &f) != MN_OK)
        return mn_jinja__parse_fail(p, MN_E_PARSE, "a number was expected");
    return constant(p, mn_jinja__float(f), ret);
}

static mn_rc name(jparser *p, jnode **ret)
{
    mn_str s = p->tok->text;
    if (mn_str_eqz(s, "true") || mn_str_eqz(s, "True"))
        return constant(p, mn_jinja__bool(true), ret);
    if (mn_str_eqz(s, "false") || mn_str_eqz(s, "False"))
        return constant(p, mn_jinja__bool(false), ret);
    if (mn_str_eqz(s, "none") || mn_str_eqz(s, "None"))
        return constant(p, mn_jinja__none(), ret);
    NODE(p, N_NAME, *ret);
    p->tok++;
    return mn_jinja__name(p, s, &(*ret)->name);
}

static mn_rc list(jparser *p, jnode **ret)
{
    jchain items = {0};
    NODE(p, N_LIST, *ret);
    p->tok++;
    while (!mn_jinja__at_op(p, ']')) {
        jnode *item;
        if (items.first) MN_TRY(mn_jinja__expect_op(p, ','));
        if (mn_jinja__at_op(p, ']')) break;
        MN_TRY(mn_jinja__expression(p, true, &item));
        chain_add(&items, item);
    }
    p->tok++;
    (*ret)->a = items.first;
    return MN_OK;
}

static mn_rc dict(jparser *p, jnode **ret)
{
    jchain items = {0};
    NODE(p, N_DICT, *ret);
    p->tok++;
    while (!mn_jinja__at_op(p, '}')) {
        jnode *key, *value;
        if (items.first) MN_TRY(mn_jinja__expect_op(p, ','));
        if (mn_jinja__at_op(p, '}')) break;
        MN_TRY(mn_jinja__expression(p, true, &key));
        MN_TRY(mn_jinja__expect_op(p, ':'));
        MN_TRY(mn_jinja__expression(p, true, &value));
        chain_add(&items, key);
        chain_add(&items, value);
    }
    p->tok++;
    (*ret)->a = items.first;
    return MN_OK;
}

static mn_rc parens(jparser *p, jnode **ret)
{
    p->tok++;
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(mn_jinja__tuple(p, true, true, ret));
    p->nest--;
    return mn_jinja__expect_op(p, ')');
}

static mn_rc primary(jparser *p, jnode **ret)
{
    switch (p->tok->type) {
    case T_NAME:
        return name(p, ret);
    case T_STRING:
        return string(p, ret);
    case T_INT:
        return integer(p, ret);
    case T_FLOAT:
        return float_(p, ret);
    default:
        if (mn_jinja__at_op(p, '(')) return parens(p, ret);
        if (mn_jinja__at_op(p, '[')) return list(p, ret);
        if (mn_jinja__at_op(p, '{')) return dict(p, ret);
        return unexpected(p);
    }
}

/* ---- what follows a value ------------------------------------------------------------------------------------------ */

static mn_rc argument(jparser *p, jnode **ret)
{
    NODE(p, N_ARG, *ret);
    jnode *n = *ret;
    if (mn_jinja__skip_op(p, '*')) {
        n->op = '*';
    } else if (mn_jinja__skip_op(p, JOP_POW)) {
        n->op = 'd';
    } else if (p->tok->type == T_NAME && p->tok[1].type == T_OP && p->tok[1].op == '=') {
        n->op = 'k';
        MN_TRY(mn_jinja__name(p, p->tok->text, &n->name));
        p->tok += 2;
    }
    return mn_jinja__expression(p, true, &n->a);
}

/* Between "(" and ")": those without a name, then those with one or "*", then "**". */
static mn_rc arguments(jparser *p, jnode **ret)
{
    jchain args = {0};
    int rank = 0;
    MN_TRY(mn_jinja__expect_op(p, '('));
    while (!mn_jinja__at_op(p, ')')) {
        jnode *arg;
        if (args.first) MN_TRY(mn_jinja__expect_op(p, ','));
        if (args.first && mn_jinja__at_op(p, ')')) break;
        MN_TRY(argument(p, &arg));
        int at = arg->op == 0 ? 0 : arg->op == 'd' ? 2 : 1;
        if (at < rank || (at == 2 && rank == 2))
            return mn_jinja__parse_fail(p, MN_E_PARSE,
                                        "the arguments of a call are out of order");
        rank = at;
        chain_add(&args, arg);
    }
    p->tok++;
    *ret = args.first;
    return MN_OK;
}

static mn_rc call(jparser *p, jchain *links)
{
    jnode *n;
    NODE(p, L_CALL, n);
    MN_TRY(arguments(p, &n->a));
    chain_add(links, n);
    return MN_OK;
}

static mn_rc attribute(jparser *p, jchain *links)
{
    jnode *n;
    NODE(p, L_ATTR, n);
    p->tok++;
    if (p->tok->type == T_INT) {
        n->kind = L_ITEM;
        MN_TRY(integer(p, &n->a));
    } else {
        mn_str s;
        MN_TRY(mn_jinja__expect_name(p, &s));
        MN_TRY(mn_jinja__name(p, s, &n->name));
    }
    chain_add(links, n);
    return MN_OK;
}

static bool at_part_end(const jparser *p)
{
    return mn_jinja__at_op(p, ':') || mn_jinja__at_op(p, ']');
}

static mn_rc subscript(jparser *p, jchain *links)
{
    jnode *n;
    NODE(p, L_ITEM, n);
    p->tok++;
    if (!at_part_end(p)) MN_TRY(mn_jinja__expression(p, true, &n->a));
    if (mn_jinja__skip_op(p, ':')) {
        n->kind = L_SLICE;
        if (!at_part_end(p)) MN_TRY(mn_jinja__expression(p, true, &n->b));
        if (mn_jinja__skip_op(p, ':') && !at_part_end(p))
            MN_TRY(mn_jinja__expression(p, true, &n->c));
    } else if (!n->a) {
        return unexpected(p);
    }
    if (mn_jinja__at_op(p, ','))
        return mn_jinja__parse_fail(p, MN_E_UNSUPPORTED,
                                    "subscripts with commas are not supported");
    chain_add(links, n);
    return mn_jinja__expect_op(p, ']');
}

/* The name of a filter or test, which may have dots in Jinja (ours have none, so it is then unknown). */
static mn_rc dotted(jparser *p, uint32_t *ret)
{
    mn_str s, more;
    MN_TRY(mn_jinja__expect_name(p, &s));
    for (bool first = true; mn_jinja__skip_op(p, '.'); first = false) {
        MN_TRY(mn_jinja__expect_name(p, &more));
        if (!first) continue;
        s = mn_str_fmt(&p->t->arena, "%.*s.%.*s", MN_STR_FMT(mn_utf8_cut(s, 64)),
                       MN_STR_FMT(mn_utf8_cut(more, 64)));
        if (!s.ptr) return mn_jinja__parse_fail(p, MN_E_NOMEM, "out of memory");
    }
    return mn_jinja__name(p, s, ret);
}

static mn_rc filter(jparser *p, jchain *links)
{
    jnode *n;
    NODE(p, L_FILTER, n);
    MN_TRY(dotted(p, &n->name));
    if (mn_jinja__at_op(p, '(')) MN_TRY(arguments(p, &n->a));
    chain_add(links, n);
    return MN_OK;
}

static mn_rc postfix(jparser *p, jchain *links)
{
    for (;;) {
        if (mn_jinja__at_op(p, '.')) MN_TRY(attribute(p, links));
        else if (mn_jinja__at_op(p, '[')) MN_TRY(subscript(p, links));
        else if (mn_jinja__at_op(p, '(')) MN_TRY(call(p, links));
        else return MN_OK;
    }
}

static mn_rc chained(jparser *p, jnode *base, const jchain *links, jnode **ret)
{
    *ret = base;
    if (!links->first) return MN_OK;
    NODE(p, N_CHAIN, *ret);
    (*ret)->a = base;
    (*ret)->b = links->first;
    return MN_OK;
}

/* May a test's one argument stand here without brackets? */
static bool at_bare_argument(const jparser *p)
{
    switch (p->tok->type) {
    case T_NAME:
        return !mn_jinja__at_name(p, "else") && !mn_jinja__at_name(p, "or") &&
               !mn_jinja__at_name(p, "and");
    case T_STRING:
    case T_INT:
    case T_FLOAT:
        return true;
    default:
        return mn_jinja__at_op(p, '[') || mn_jinja__at_op(p, '{');
    }
}

static mn_rc test(jparser *p, jchain *links)
{
    jnode *n, *arg, *base;
    jchain more = {0};
    NODE(p, L_TEST, n);
    p->tok++;
    n->flag = mn_jinja__skip_name(p, "not");
    MN_TRY(dotted(p, &n->name));
    chain_add(links, n);
    if (mn_jinja__at_op(p, '(')) return arguments(p, &n->a);
    if (!at_bare_argument(p)) return MN_OK;
    if (mn_jinja__at_name(p, "is"))
        return mn_jinja__parse_fail(p, MN_E_PARSE, "tests with 'is' cannot be chained");
    NODE(p, N_ARG, arg);
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(primary(p, &base));
    MN_TRY(postfix(p, &more));
    p->nest--;
    n->a = arg;
    return chained(p, base, &more, &arg->a);
}

static mn_rc filters_and_tests(jparser *p, jchain *links)
{
    for (;;) {
        if (mn_jinja__skip_op(p, '|')) MN_TRY(filter(p, links));
        else if (mn_jinja__at_name(p, "is")) MN_TRY(test(p, links));
        else if (mn_jinja__at_op(p, '(')) MN_TRY(call(p, links));
        else return MN_OK;
    }
}

mn_rc mn_jinja__filters(jparser *p, bool inline_first, jnode **ret)
{
    jchain links = {0};
    if (inline_first) MN_TRY(filter(p, &links));
    while (mn_jinja__skip_op(p, '|')) MN_TRY(filter(p, &links));
    *ret = links.first;
    return MN_OK;
}

/* ---- operators ----------------------------------------------------------------------------------------------------- */

static mn_rc sign(jparser *p, jnode **ret)
{
    NODE(p, p->tok->op == '-' ? N_NEG : N_POS, *ret);
    p->tok++;
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(unary(p, false, &(*ret)->a));
    p->nest--;
    return MN_OK;
}

static mn_rc unary(jparser *p, bool with_filters, jnode **ret)
{
    jnode *base;
    jchain links = {0};
    bool is_sign = mn_jinja__at_op(p, '-') || mn_jinja__at_op(p, '+');
    MN_TRY(is_sign ? sign(p, &base) : primary(p, &base));
    MN_TRY(postfix(p, &links));
    if (with_filters) MN_TRY(filters_and_tests(p, &links));
    return chained(p, base, &links, ret);
}

static mn_rc filtered(jparser *p, jnode **ret)
{
    return unary(p, true, ret);
}

/* first OP next OP next …, all of one rank; is_op: which operators those are (0: none at this token). */
static mn_rc ranked(jparser *p, mn_rc (*next)(jparser *, jnode **), int (*is_op)(jparser *),
                    jkind kind, jnode **ret)
{
    jnode *first, *operand;
    jchain rest = {0};
    int op;
    MN_TRY(next(p, &first));
    while ((op = is_op(p))) {
        NODE(p, N_OPERAND, operand);
        operand->op = (uint8_t)op;
        MN_TRY(next(p, &operand->a));
        chain_add(&rest, operand);
    }
    *ret = first;
    if (!rest.first) return MN_OK;
    NODE(p, kind, *ret);
    (*ret)->a = first;
    (*ret)->b = rest.first;
    return MN_OK;
}

static int skip_any(jparser *p, const char *ops, int also)
{
    int op = p->tok->op;
    if (p->tok->type != T_OP || !op || !((op < 128 && strchr(ops, op)) || op == also)) return 0;
    p->tok++;
    return op;
}

static int is_pow(jparser *p)
{
    return skip_any(p, "", JOP_POW);
}

static int is_product(jparser *p)
{
    return skip_any(p, "*/%", JOP_FLOORDIV);
}

static int is_sum(jparser *p)
{
    return skip_any(p, "+-", 0);
}

static int is_comparison(jparser *p)
{
    int op = p->tok->op;
    if (mn_jinja__skip_name(p, "in")) return JOP_IN;
    if (mn_jinja__at_name(p, "not") && p->tok[1].type == T_NAME &&
        mn_str_eqz(p->tok[1].text, "in")) {
        p->tok += 2;
        return JOP_NOT_IN;
    }
    if (p->tok->type != T_OP) return 0;
    if (op != '<' && op != '>' && (op < JOP_EQ || op > JOP_LE)) return 0;
    p->tok++;
    return op;
}

static mn_rc power(jparser *p, jnode **ret)
{
    return ranked(p, filtered, is_pow, N_MATH, ret);
}

static mn_rc product(jparser *p, jnode **ret)
{
    return ranked(p, power, is_product, N_MATH, ret);
}

static mn_rc sum(jparser *p, jnode **ret)
{
    return ranked(p, concat, is_sum, N_MATH, ret);
}

static mn_rc comparison(jparser *p, jnode **ret)
{
    return ranked(p, sum, is_comparison, N_COMPARE, ret);
}

/* a KEYWORD b KEYWORD c, or "~" when word is NULL: one node with all of them. */
static mn_rc joined(jparser *p, mn_rc (*next)(jparser *, jnode **), const char *word,
                    jkind kind, jnode **ret)
{
    jchain all = {0};
    jnode *n;
    MN_TRY(next(p, &n));
    *ret = n;
    while (word ? mn_jinja__skip_name(p, word) : mn_jinja__skip_op(p, '~')) {
        if (!all.first) chain_add(&all, n);
        MN_TRY(next(p, &n));
        chain_add(&all, n);
    }
    if (!all.first) return MN_OK;
    NODE(p, kind, *ret);
    (*ret)->a = all.first;
    return MN_OK;
}

static mn_rc concat(jparser *p, jnode **ret)
{
    return joined(p, product, NULL, N_CONCAT, ret);
}

static mn_rc not_(jparser *p, jnode **ret)
{
    if (!mn_jinja__at_name(p, "not")) return comparison(p, ret);
    NODE(p, N_NOT, *ret);
    p->tok++;
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(not_(p, &(*ret)->a));
    p->nest--;
    return MN_OK;
}

static mn_rc and_(jparser *p, jnode **ret)
{
    return joined(p, not_, "and", N_AND, ret);
}

static mn_rc or_(jparser *p, jnode **ret)
{
    return joined(p, and_, "or", N_OR, ret);
}

static mn_rc cond(jparser *p, jnode **ret)
{
    unsigned nest = p->nest;
    MN_TRY(or_(p, ret));
    while (mn_jinja__skip_name(p, "if")) {
        jnode *n;
        NODE(p, N_COND, n);
        n->b = *ret;
        MN_TRY(mn_jinja__enter(p)); /* `x if a if b …` leans left: it deepens the tree too */
        MN_TRY(or_(p, &n->a));
        if (mn_jinja__skip_name(p, "else")) MN_TRY(cond(p, &n->c));
        *ret = n;
    }
    p->nest = nest;
    return MN_OK;
}

mn_rc mn_jinja__expression(jparser *p, bool with_cond, jnode **ret)
{
    MN_TRY(mn_jinja__enter(p));
    MN_TRY(with_cond ? cond(p, ret) : or_(p, ret));
    p->nest--;
    return MN_OK;
}

static bool at_tuple_end(const jparser *p)
{
    return p->tok->type == T_VAR_END || p->tok->type == T_BLOCK_END || mn_jinja__at_op(p, ')');
}

/* The items of a tuple, by `next`; *ret_many: a comma stood among them. */
static mn_rc items(jparser *p, mn_rc (*next)(jparser *, bool, jnode **), bool arg, jnode **ret,
                   bool *ret_many)
{
    jchain all = {0};
    *ret_many = false;
    for (;;) {
        jnode *n;
        if (all.first) MN_TRY(mn_jinja__expect_op(p, ','));
        if (at_tuple_end(p)) break;
        MN_TRY(next(p, arg, &n));
        chain_add(&all, n);
        if (!mn_jinja__at_op(p, ',')) break;
        *ret_many = true;
    }
    *ret = all.first;
    return MN_OK;
}

mn_rc mn_jinja__tuple(jparser *p, bool with_cond, bool in_parens, jnode **ret)
{
    jnode *first;
    bool many;
    MN_TRY(items(p, mn_jinja__expression, with_cond, &first, &many));
    if (!many && first) {
        *ret = first;
        return MN_OK;
    }
    if (!many && !in_parens) return unexpected(p);
    NODE(p, N_TUPLE, *ret);
    (*ret)->a = first;
    return MN_OK;
}

/* ---- what is assigned to --------------------------------------------------------------------------------------------- */

static mn_rc one_target(jparser *p, bool spaces, jnode **ret)
{
    mn_str s, attr;
    if (mn_jinja__at_op(p, '(')) {
        p->tok++;
        MN_TRY(mn_jinja__enter(p));
        MN_TRY(mn_jinja__target(p, spaces, ret));
        p->nest--;
        return mn_jinja__expect_op(p, ')');
    }
    MN_TRY(mn_jinja__expect_name(p, &s));
    for (const char *const *w =
             (const char *const[]){"true", "false", "none", "True", "False", "None", NULL};
         *w; w++)
        if (mn_str_eqz(s, *w))
            return mn_jinja__parse_fail(p, MN_E_PARSE, "'%s' cannot be assigned to", *w);
    NODE(p, N_NAME, *ret);
    MN_TRY(mn_jinja__name(p, s, &(*ret)->name));
    if (!spaces || !mn_jinja__skip_op(p, '.')) return MN_OK;
    (*ret)->kind = N_NSREF;
    MN_TRY(mn_jinja__expect_name(p, &attr));
    return text_constant(p, attr, &(*ret)->value);
}

mn_rc mn_jinja__target(jparser *p, bool spaces, jnode **ret)
{
    jnode *first;
    bool many;
    MN_TRY(items(p, one_target, spaces, &first, &many));
    if (!first) return unexpected(p);
    *ret = first;
    if (!many) return MN_OK;
    NODE(p, N_TUPLE, *ret);
    (*ret)->a = first;
    return MN_OK;
}
