/* What the files of the template interpreter share. See jinja.h for the contract and docs/design/chat.md for the design.
 *
 *   jinja_lex.c    source → tokens            jinja_value.c  strings with marks, lists, dicts, truth, equality, order
 *   jinja_expr.c   tokens → expressions       jinja_show.c   str(), repr(), tojson
 *   jinja_parse.c  tokens → statements        jinja_ops.c    operators, formats
 *   jinja_eval.c   expressions                jinja_call.c   attributes, subscripts, calls, arguments
 *   jinja_exec.c   statements, macros         jinja_filter.c, jinja_filter_seq.c, jinja_test.c, jinja_str.c  the library
 *
 * Everything of one rendering lies on one arena with a limit, but for strings that grow, which are counted with it. */
#ifndef MN_TEXT_JINJA_INT_H
#define MN_TEXT_JINJA_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "text/jinja.h"

#define MN_JINJA_SOURCE_MAX (1u << 20)
#define MN_JINJA_NEST_MAX   64u  /* of the source */
#define MN_JINJA_DEPTH_MAX  400u /* of evaluations within evaluations: macros that call macros */
#define MN_JINJA_VALUE_MAX  200u    /* lists within lists, when they are printed or compared */
#define MN_JINJA_RANGE_MAX  100000u /* as Jinja's sandbox */

/* ---- values ------------------------------------------------------------------------------------------------------ */

typedef enum jtype {
    J_MISSING, /* an argument that was not given; never seen by a template */
    J_UNDEF,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_BIG, /* an integer beyond 64 bits, kept as its digits: it can be printed, not counted with */
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_RANGE,
    J_VIEW, /* a dict's keys(), values(), items(): op says which */
    J_ITER, /* what map() and its kin give: can be walked once */
    J_SPACE,
    J_MACRO,
    J_FUNC,
    J_METHOD,
    J_LOOP
} jtype;

/* Bytes that only ever grow at their end; strings are stretches of them, so that x = x + y in a loop is linear. cap 0: borrowed. */
typedef struct jtext {
    char *ptr;
    uint32_t len, cap;
    bool all;  /* every byte is text of the variables (then there are no spans) */
    bool heap; /* ptr came from mn_realloc, and next leads to the others like it */
    uint32_t n_spans, cap_spans;
    mn_span *spans; /* in order, disjoint */
    struct jtext *next;
} jtext;

typedef struct jval jval;
typedef struct jlist {
    jval *items;
    size_t n, cap;
    size_t at; /* J_ITER: the first that was not taken yet */
} jlist;
typedef struct jdict {
    jval *keys, *vals;
    size_t n, cap;
} jdict;
typedef struct jrange {
    int64_t from, to, step; /* to: as it was given */
    size_t n;
} jrange;

struct jval {
    uint8_t type;
    uint8_t
        op; /* J_UNDEF: a jundef; J_VIEW: 'k', 'v' or 'i'; J_STR: 1 when marked safe (markupsafe's Markup) */
    uint32_t off, len; /* J_STR: the stretch of text */
    union {
        bool b;
        int64_t i;
        double f;
        jtext *text;
        jlist *list;
        jdict *dict;
        jrange *range;
        const struct jmacro *macro;
        const struct jfunc *func;
        const struct jbound *bound;
        struct jloop *loop;
        const char *hint; /* J_UNDEF: a name, [len] */
    };
};

typedef enum jundef {
    JU_NAME,
    JU_ATTR,
    JU_HINT,
    JU_UNSAFE
} jundef; /* off: type of what lacks it */

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

typedef enum jkind {
    N_CONST,
    N_NAME,
    N_LIST,     /* a: items */
    N_TUPLE,    /* a: items */
    N_DICT,     /* a: key, value, key … */
    N_AND,      /* a: operands */
    N_OR,       /* a: operands */
    N_NOT,      /* a */
    N_NEG,      /* a */
    N_POS,      /* a */
    N_COMPARE,  /* a: first, b: N_OPERAND… */
    N_MATH,     /* a: first, b: N_OPERAND… */
    N_OPERAND,  /* op, a */
    N_CONCAT,   /* a: operands */
    N_COND,     /* a: test, b: then, c: else or NULL */
    N_CHAIN,    /* a: base, b: links */
    L_ATTR,     /* name */
    L_ITEM,     /* a */
    L_SLICE,    /* a, b, c, each may be NULL */
    L_CALL,     /* a: N_ARG… */
    L_FILTER,   /* name, a: N_ARG… */
    L_TEST,     /* name, a: N_ARG…, flag: not */
    N_ARG,      /* op: 0, 'k' (name), '*' or 'd' (double star); a */
    N_NSREF,    /* name, value: the attribute's name */
    N_PARAM,    /* name, a: default or NULL */
    S_DATA,     /* value */
    S_PRINT,    /* a */
    S_IF,       /* a: N_BRANCH… */
    N_BRANCH,   /* a: test (NULL: else), b: body */
    S_FOR,      /* a: target, b: over, c: body, d: N_FOR */
    N_FOR,      /* a: else body, b: condition */
    S_SET,      /* a: target, b: value */
    S_SETBLOCK, /* a: target, b: filters, c: body */
    S_MACRO,    /* name, a: N_PARAM…, c: body */
    S_FILTER,   /* b: filters, c: body */
    S_CALL,     /* a: the call, b: N_PARAM…, c: body */
    S_WITH,     /* a: S_SET…, c: body */
    S_SCOPE,    /* c: body of a generation block */
    S_BREAK,
    S_CONTINUE
} jkind;

typedef struct jnode jnode;
struct jnode {
    uint8_t kind, op;
    bool flag;
    uint32_t line, name; /* name: index into the template's names */
    jnode *next;         /* the next of the list it stands in */
    jnode *a, *b, *c, *d;
    jval value;
};

struct mn_jinja {
    mn_arena arena;
    mn_str *names; /* each once */
    size_t n_names;
    jnode *body;
};

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

typedef enum jtok {
    T_EOF,
    T_DATA,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_VAR_BEGIN,
    T_VAR_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_FLOAT,
    T_OP /* op: the character, or one of JOP_ */
} jtok;
enum { JOP_EQ = 128, JOP_NE, JOP_GE, JOP_LE, JOP_POW, JOP_FLOORDIV, JOP_IN, JOP_NOT_IN };

typedef struct jtoken {
    jtok type;
    int op;
    uint32_t line;
    mn_str text; /* name; data; string, unescaped; number as written without "_" */
} jtoken;

/* All tokens of a source, their text on the arena; the last is T_EOF. The caller frees *ret with mn_free.
 * errors MN_E_PARSE, MN_E_UNSUPPORTED, MN_E_NOMEM */
mn_rc mn_jinja__lex(mn_str source, mn_arena *a, jtoken **ret, mn_err *e);

typedef struct jparser {
    mn_jinja *t;
    const jtoken *tok; /* at: the current one */
    unsigned nest, loops;
    uint32_t *slots; /* of names by hash, index + 1 */
    size_t n_slots, cap_names;
    mn_err *e;
} jparser;

mn_rc mn_jinja__parse_fail(const jparser *p, mn_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
jnode *mn_jinja__node(jparser *p, jkind kind); /* NULL: no memory, the error is set */
mn_rc mn_jinja__name(jparser *p, mn_str s, uint32_t *ret);
bool mn_jinja__at_name(const jparser *p, const char *name);
bool mn_jinja__at_op(const jparser *p, int op);
bool mn_jinja__skip_name(jparser *p, const char *name);
bool mn_jinja__skip_op(jparser *p, int op);
mn_rc mn_jinja__expect_op(jparser *p, int op);
mn_rc mn_jinja__expect_name(jparser *p, mn_str *ret);
mn_rc mn_jinja__enter(jparser *p); /* one level deeper; leave with p->nest-- */
mn_rc mn_jinja__expression(jparser *p, bool cond, jnode **ret);
/* An expression, or several with commas between: a tuple. */
mn_rc mn_jinja__tuple(jparser *p, bool cond, bool in_parens, jnode **ret);
mn_rc mn_jinja__target(jparser *p, bool spaces, jnode **ret);
mn_rc mn_jinja__filters(jparser *p, bool inline_first, jnode **ret);
mn_rc mn_jinja__statements(jparser *p, jnode **ret); /* the whole template */

/* ---- one rendering ----------------------------------------------------------------------------------------------- */

typedef struct jscope {
    struct jscope *up;
    struct {
        uint32_t name;
        jval v;
    } * vars;
    size_t n, cap;
} jscope;

typedef struct jmacro {
    mn_str name;
    const jnode *params, *body;
    jscope *scope; /* where it was defined */
    bool has_caller_param;
} jmacro;

typedef struct jloop {
    jval *items;
    size_t n, at; /* at: index0 */
    jval changed; /* what changed() was given last; J_MISSING at first */
} jloop;

typedef struct jx {
    const mn_jinja *t;
    mn_arena *arena;
    jval *globals; /* [n_names] */
    jscope *scope;
    jtext *out;
    jtext *heap;       /* texts to free */
    size_t heap_bytes; /* of them */
    size_t limit_bytes;
    uint64_t steps_left;
    unsigned depth;
    uint32_t line;
    int leaving; /* 'b' or 'c' while a break or continue goes up to its loop */
    const mn_jinja_opts *o;
    mn_err *e;
} jx;

typedef struct jkw {
    mn_str name;
    jval v;
} jkw;
typedef struct jargs {
    jval *pos;
    size_t n;
    jkw *kw;
    size_t n_kw;
} jargs;

/* A filter, test, method or global function. params: names of the arguments after self, separated by commas ("/" for one that
 * cannot be named); they come in arg[], J_MISSING where they were not given. NULL: takes args as they are. */
#define MN_JINJA_ARGS_MAX 6
typedef struct jcall {
    jval self;
    jval arg[MN_JINJA_ARGS_MAX];
    const jargs *args;
} jcall;
typedef struct jfunc {
    const char *name;
    mn_rc (*run)(jx *x, const jcall *c, jval *ret);
    const char *params;
    unsigned needed; /* how many of params must be given */
} jfunc;
typedef struct jbound {
    jval self;
    const jfunc *func;
} jbound;

/* Records "line N: …". */
mn_rc mn_jinja__fail(jx *x, mn_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
mn_rc mn_jinja__undefined(jx *x, jval v);   /* the error of using v, which is J_UNDEF */
mn_rc mn_jinja__spend(jx *x, size_t bytes); /* a step, and more for much text; MN_E_LIMIT */
void *mn_jinja__alloc(jx *x, size_t n, size_t size); /* zeroed; NULL: the error is set */

/* jinja_value.c */
static inline jval mn_jinja__bool(bool b)
{
    return (jval){.type = J_BOOL, .b = b};
}
static inline jval mn_jinja__int(int64_t i)
{
    return (jval){.type = J_INT, .i = i};
}
static inline jval mn_jinja__float(double f)
{
    return (jval){.type = J_FLOAT, .f = f};
}
static inline jval mn_jinja__none(void)
{
    return (jval){.type = J_NONE};
}
static inline mn_str mn_jinja__bytes(jval v)
{
    return (mn_str){v.text->ptr + v.off, v.len};
}
const char *mn_jinja__type_name(jval v); /* as Python calls it */
jval mn_jinja__undef(jundef kind, jtype of, mn_str name);
mn_rc mn_jinja__text_new(jx *x, size_t room, jtext **ret);
mn_rc mn_jinja__put(jx *x, jtext *t, mn_str s, bool marked);
mn_rc mn_jinja__put_val(jx *x, jtext *t, jval s); /* a J_STR with its marks */
mn_rc mn_jinja__put_sub(jx *x, jtext *t, jval s, size_t from, size_t len);
jval mn_jinja__whole(jtext *t, bool safe);           /* all of t as a value */
jval mn_jinja__sub(jval s, size_t from, size_t len); /* shares the text */
mn_rc mn_jinja__str(jx *x, mn_str s, jval *ret);     /* unmarked, borrowed */
bool mn_jinja__is_marked(const jtext *t, size_t at, size_t *ret_until);
mn_rc mn_jinja__concat(jx *x, jval a, jval b, jval *ret);
mn_rc mn_jinja__list_new(jx *x, jtype type, size_t room, jval *ret);
mn_rc mn_jinja__list_add(jx *x, jlist *l, jval v);
mn_rc mn_jinja__dict_new(jx *x, size_t room, jval *ret);
mn_rc mn_jinja__dict_set(jx *x, jdict *d, jval key, jval v);
mn_rc mn_jinja__dict_get(jx *x, const jdict *d, jval key, const jval **ret); /* NULL: absent */
const jval *mn_jinja__dict_find(const jdict *d, mn_str key);
mn_rc mn_jinja__from_json(jx *x, const mn_json *j, bool trusted, jval *ret);
bool mn_jinja__is_number(jval v); /* bool, int, float */
double mn_jinja__as_f64(jval v);
bool mn_jinja__truth(jval v);
mn_rc mn_jinja__length(jx *x, jval v, size_t *ret, bool *ret_has); /* has = false: no len() */
mn_rc mn_jinja__equal(jx *x, jval a, jval b, bool *ret);
mn_rc mn_jinja__order(jx *x, jval a, jval b,
                      int *ret); /* <0, 0, >0; a type error as Python's */
mn_rc mn_jinja__contains(jx *x, jval in, jval what, bool *ret);
/* Everything that iterating gives, as a list (an iterator is then used up). errors MN_E_PARSE: not iterable */
mn_rc mn_jinja__items(jx *x, jval v, jlist *ret);
bool mn_jinja__is_space(uint32_t cp);                    /* str.isspace */
size_t mn_jinja__cp(mn_str s, size_t at, uint32_t *ret); /* a bad byte stands for itself */
size_t mn_jinja__count_cp(mn_str s);
size_t mn_jinja__at_cp(mn_str s, size_t n); /* the byte where code point n begins */

/* jinja_show.c */
mn_rc mn_jinja__put_str(jx *x, jtext *t, jval v);  /* str(v) */
mn_rc mn_jinja__put_repr(jx *x, jtext *t, jval v); /* repr(v) */
mn_rc mn_jinja__to_str(jx *x, jval v, jval *ret);  /* str(v), itself if it is a string */
size_t mn_jinja__f64_repr(double f, char ret[40]);
extern const jfunc mn_jinja__tojson;

/* jinja_ops.c */
mn_rc mn_jinja__math(jx *x, int op, jval a, jval b, jval *ret);
mn_rc mn_jinja__compare(jx *x, int op, jval a, jval b, bool *ret);
mn_rc mn_jinja__negate(jx *x, int op, jval a, jval *ret);
mn_rc mn_jinja__percent(jx *x, jval format, jval args, jval *ret); /* "…" % args */
mn_rc mn_jinja__escape(jx *x, jval v, jval *ret);                  /* HTML, marked safe */

/* jinja_call.c */
mn_rc mn_jinja__attr(jx *x, jval of, mn_str name, jval *ret); /* of.name */
mn_rc mn_jinja__item(jx *x, jval of, jval key, jval *ret);    /* of[key] */
mn_rc mn_jinja__slice(jx *x, jval of, const jval part[3], jval *ret);
mn_rc mn_jinja__call(jx *x, jval f, const jargs *args, jval *ret);
mn_rc mn_jinja__run(jx *x, const jfunc *f, jval self, const jargs *args, jval *ret);
mn_rc mn_jinja__filter(jx *x, mn_str name, jval self, const jargs *args, jval *ret);
mn_rc mn_jinja__test(jx *x, mn_str name, jval self, const jargs *args, bool *ret);
const jfunc *mn_jinja__find(const jfunc *table, mn_str name);
jval mn_jinja__global(mn_str name); /* J_UNDEF when there is none */
mn_rc mn_jinja__want_int(jx *x, jval v, const char *what, int64_t *ret);
mn_rc mn_jinja__want_str(jx *x, jval v, const char *what);

/* jinja_exec.c */
mn_rc mn_jinja__exec(jx *x, const jnode *body);
mn_rc mn_jinja__macro_call(jx *x, const jmacro *m, const jargs *args, jval *ret);

/* jinja_eval.c */
mn_rc mn_jinja__eval(jx *x, const jnode *n, jval *ret);
mn_rc mn_jinja__eval_args(jx *x, const jnode *first, jargs *ret);
mn_rc mn_jinja__links(jx *x, const jnode *link, jval *io);
jval mn_jinja__lookup(const jx *x, uint32_t name);
mn_rc mn_jinja__define(jx *x, jscope *s, uint32_t name, jval v);
mn_rc mn_jinja__assign(jx *x, const jnode *target, jval v);
mn_rc mn_jinja__scope_new(jx *x, jscope *up, jscope **ret);

/* The library: tables that end with {0}. */
extern const jfunc mn_jinja__filters_text[], mn_jinja__filters_seq[], mn_jinja__tests[],
    mn_jinja__str_methods[], mn_jinja__dict_methods[], mn_jinja__list_methods[],
    mn_jinja__tuple_methods[], mn_jinja__loop_methods[], mn_jinja__functions[];
mn_rc mn_jinja__upper(jx *x, jval s, jval *ret);
mn_rc mn_jinja__lower(jx *x, jval s, jval *ret);
mn_rc mn_jinja__strip(jx *x, jval s, jval chars, int sides, jval *ret); /* 1 left, 2 right */
mn_rc mn_jinja__replace(jx *x, jval s, jval old, jval with, int64_t count, jval *ret);
mn_rc mn_jinja__lines(jx *x, jval s, bool keep_ends, jval *ret);
mn_rc mn_jinja__capitalize(jx *x, jval s, jval *ret);
mn_rc mn_jinja__title_filter(jx *x, jval s, jval *ret);
mn_rc mn_jinja__join(jx *x, jval by, const jlist *items, jval *ret); /* str() of each */
mn_rc mn_jinja__sort(jx *x, jval *v, const jval *keys, size_t n, bool reverse);
mn_rc mn_jinja__parse_int(mn_str s, int base,
                          int64_t *ret);          /* as int("…"); MN_E_PARSE, MN_E_LIMIT */
mn_rc mn_jinja__parse_f64(mn_str s, double *ret); /* as float("…") */
bool mn_jinja__case_is(mn_str s, bool upper);     /* islower, isupper */

#endif
