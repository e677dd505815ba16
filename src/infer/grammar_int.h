/* Shared by the files of the grammar (grammar.h; docs/design/constrained.md): the vocabulary's trie, the nodes of the automaton, the builder.
 *
 * A grammar is an array of nodes. A configuration is a node that eats a byte and a stack of frames: where to go on after the rule that was called,
 * or which repetition is under way and how often it has run. What may come next is a set of configurations; alternatives that begin alike
 * stay side by side until the bytes tell them apart. */
#ifndef MN_INFER_GRAMMAR_INT_H
#define MN_INFER_GRAMMAR_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "infer/grammar.h"

#define MN_G_NONE      0xFFFFu /* no node: nothing is possible here */
#define MN_G_NODES_MAX 10000u
#define MN_G_INF       UINT32_MAX
#define MN_G_NEST_MAX  64u  /* arrays and objects in each other */
#define MN_G_TOKEN_MAX 255u /* longer tokens are never allowed */
#define MN_G_SETS_MAX                                                                          \
    512u /* configurations side by side; more are dropped, the first alternatives stay */
#define MN_G_ALTS_MAX   256u   /* alternatives of one schema */
#define MN_G_SOFT_BYTES 65536u /* output longer than this is brought to an end */

/* ---- the vocabulary -------------------------------------------------------------------------------------------- */

/* Tokens by their bytes. Node i's children follow it, up to end[i]. */
typedef struct mn_gtrie {
    uint32_t n;
    uint8_t *byte, *depth; /* bytes before it */
    uint32_t *end;
    uint32_t *
        id; /* the first token that ends here, or UINT32_MAX; others of the same bytes by mn_vocab_trie.same */
} mn_gtrie;

#define MN_G_LEVELS 64u
struct mn_vocab_trie {
    const mn_tokenizer *tok;
    uint32_t V;
    size_t words;   /* of a mask */
    mn_gtrie all;   /* every token that is text */
    mn_gtrie rest;  /* those that are not plain */
    uint32_t *same; /* [V] the next token of the same bytes */
    uint32_t *ends;
    size_t n_ends;
    uint32_t longest; /* bytes of the longest token of `all` */
    bool have
        [256]; /* bytes that are tokens by themselves: only by them a way to the end is counted on */
    /* plain[k]: tokens of at most k + 1 characters that may stand inside a JSON string as they are (whole characters, none of them control, " or \) */
    uint64_t *plain[MN_G_LEVELS];
    uint32_t n_plain;
};

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

typedef enum mn_gkind {
    MN_G_BYTE,  /* eats `byte`, then next */
    MN_G_TABLE, /* eats a byte, then tables[next][byte] */
    MN_G_DONE,  /* the whole output is complete */
    MN_G_SPLIT, /* next or other, without eating */
    MN_G_CALL,  /* the rule at `other`, then next */
    MN_G_RET,   /* the end of a rule */
    MN_G_REP    /* the rule at `other` min .. max times, then next */
} mn_gkind;

typedef enum mn_gplain {
    MN_G_NOT_PLAIN,
    MN_G_PLAIN_LOOP, /* plain characters lead back here */
    MN_G_PLAIN_CHAR /* the beginning of a character; in a repetition of it they lead back here, counted */
} mn_gplain;

typedef struct mn_gnode {
    uint8_t kind, byte, plain;
    bool nests; /* CALL: of an array or object */
    uint16_t next, other;
    uint32_t min, max; /* REP; MN_G_INF: no bound */
    uint32_t least;    /* bytes at least to the end of the rule; MN_G_INF: it has none */
    uint32_t need;     /* arrays and objects in each other at least, on the way there */
} mn_gnode;

typedef struct mn_gcache mn_gcache;
struct mn_grammar {
    atomic_uint refs;
    const mn_vocab_trie *trie;
    mn_gnode *nodes;
    uint32_t n;
    uint16_t (*tables)[256];
    uint32_t n_tables;
    uint16_t start;
    mn_gcache *cache;
};

/* ---- building -------------------------------------------------------------------------------------------------- */

typedef struct mn_grule mn_grule;
/* The first failure stays in rc (its words in e); after it all functions give MN_G_NONE. A `next` of MN_G_NONE gives MN_G_NONE too where nothing
 * else is possible. */
typedef struct mn_gbuild {
    const mn_vocab_trie *trie;
    mn_arena *a;
    mn_err *e;
    mn_rc rc;
    mn_gnode *nodes;
    uint32_t n, cap;
    uint16_t (*tables)[256];
    uint32_t n_tables, tables_cap;
    uint16_t ret;                                    /* the one RET */
    uint16_t ws, character, string, integer, number; /* shared rules, MN_G_NONE: not made yet */
    uint16_t body;                                   /* of `string` */
    const mn_json *root;
    mn_grule *rules, *todo;
    uint32_t steps; /* of checking values against schemas: bounded */
    uint32_t work;  /* of making patterns deterministic: bounded */
} mn_gbuild;

mn_rc mn_grammar__build_init(mn_gbuild *b, const mn_vocab_trie *t, mn_arena *a, mn_err *e);
void mn_grammar__build_release(mn_gbuild *b);
/* Makes the grammar that begins at `start` (a rule); takes the nodes. MN_E_USAGE: nothing finite suits it. */
mn_rc mn_grammar__build_finish(mn_gbuild *b, uint16_t start, mn_grammar **ret);
/* Records a failure unless there is one; gives MN_G_NONE. */
uint16_t mn_grammar__fail(mn_gbuild *b, mn_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

uint16_t mn_grammar__byte(mn_gbuild *b, uint8_t byte, uint16_t next);
uint16_t mn_grammar__table(mn_gbuild *b); /* that leads nowhere yet */
/* Bytes lo .. hi of the table node lead to next. */
void mn_grammar__edges(mn_gbuild *b, uint16_t table, unsigned lo, unsigned hi, uint16_t next);
uint16_t mn_grammar__split(mn_gbuild *b, uint16_t one, uint16_t other); /* either may be NONE */
uint16_t mn_grammar__hole(mn_gbuild *b); /* a node that goes where mn_grammar__fill says */
void mn_grammar__fill(mn_gbuild *b, uint16_t hole, uint16_t next);
uint16_t mn_grammar__call(mn_gbuild *b, uint16_t rule, bool nests, uint16_t next);
uint16_t mn_grammar__rep(mn_gbuild *b, uint16_t rule, uint32_t min, uint32_t max,
                         uint16_t next);
uint16_t mn_grammar__literal(mn_gbuild *b, mn_str bytes, uint16_t next);
/* One of n strings (sorted here; n ≥ 1). */
uint16_t mn_grammar__choice(mn_gbuild *b, mn_str *strings, size_t n, uint16_t next);

/* Rules of JSON's parts; each ends in RET. */
uint16_t mn_grammar__ws(mn_gbuild *b);     /* white space or none, bounded */
uint16_t mn_grammar__string(mn_gbuild *b); /* any string with its quotes */
uint16_t mn_grammar__string_counted(mn_gbuild *b, uint32_t min, uint32_t max);
/* A string that is none of `not` (raw text), written without escapes: a name for an additional property. */
uint16_t mn_grammar__name_but(mn_gbuild *b, const mn_str * not, size_t n);

/* Numbers (grammar_number.c). Bounds are JSON numbers; MN_STR_NONE: none. Each is a rule; MN_G_NONE without failure when no number suits. */
typedef struct mn_gbounds {
    mn_str lo, hi;
    bool lo_open, hi_open; /* exclusive */
} mn_gbounds;
uint16_t mn_grammar__number(mn_gbuild *b, const mn_gbounds *in, bool integer);
/* < 0, 0, > 0 as a is less than, equal to or greater than b, exactly; both JSON numbers. MN_E_LIMIT beyond 300 digits. */
mn_rc mn_grammar__number_cmp(mn_str a, mn_str b, int *ret);
bool mn_grammar__number_is_integer(mn_str a);

/* Patterns (grammar_pattern.c, grammar_dfa.c): deterministic automata over the bytes of what stands between the quotes of a JSON string. */
typedef struct mn_gdfa {
    uint32_t n, cap;
    uint16_t (*to)[256]; /* MN_G_NONE: dead */
    bool *accept;
} mn_gdfa; /* on the builder's arena; state 0 is the first */
/* A new state that leads nowhere; MN_G_NONE on failure. */
uint16_t mn_grammar__dfa_add(mn_gbuild *b, mn_gdfa *d, bool accept);
bool mn_grammar__spend(mn_gbuild *b, uint32_t n); /* counts work; false once it is too much */
/* errors MN_E_UNSUPPORTED (what of it), MN_E_PARSE, MN_E_LIMIT */
mn_rc mn_grammar__pattern(mn_gbuild *b, mn_str pattern, mn_gdfa *ret);
mn_rc mn_grammar__format(mn_gbuild *b, mn_str format, mn_gdfa *ret);
/* Whether all that it accepts is known to have min .. max characters; it may say no to what has. */
bool mn_grammar__dfa_within(mn_gbuild *b, const mn_gdfa *d, uint32_t min, uint32_t max);
/* What both accept. */
mn_rc mn_grammar__dfa_both(mn_gbuild *b, const mn_gdfa *x, const mn_gdfa *y, mn_gdfa *ret);
mn_rc mn_grammar__dfa_length(mn_gbuild *b, uint32_t min, uint32_t max, mn_gdfa *ret);
bool mn_grammar__dfa_accepts(const mn_gdfa *d, mn_str bytes);
uint16_t mn_grammar__string_dfa(mn_gbuild *b, const mn_gdfa *d); /* the rule, with quotes */

/* Schemas (grammar_schema.c, grammar_members.c, grammar_value.c): those that a value must suit together. */
#define MN_G_SET_MAX 128u
typedef struct mn_gset {
    const mn_json **s; /* room for MN_G_SET_MAX where something is added */
    size_t n;
} mn_gset;
bool mn_grammar__set_add(mn_gbuild *b, mn_gset *to,
                         const mn_json *s); /* each once, those that say nothing never */
/* The rule of a set; made later when it is new. Copies the set. */
uint16_t mn_grammar__rule_of(mn_gbuild *b, mn_gset of);
uint16_t mn_grammar__array(mn_gbuild *b, const mn_gset *a);
uint16_t mn_grammar__object(mn_gbuild *b, const mn_gset *a);
/* The largest or smallest count of that name in the set. */
uint32_t mn_grammar__count_of(mn_gbuild *b, const mn_gset *a, const char *key, bool largest,
                              uint32_t fallback);
mn_str mn_grammar__text_of(mn_gbuild *b, const mn_json *v); /* as JSON, on the arena */
uint16_t mn_grammar__ws_then(mn_gbuild *b, uint16_t next);
uint16_t mn_grammar__no_memory(mn_gbuild *b);
uint16_t mn_grammar__schema(mn_gbuild *b, const mn_json *root);
/* Where a $ref leads; NULL and a failure recorded when nowhere. */
const mn_json *mn_grammar__deref(mn_gbuild *b, mn_str ref);
/* Whether a value suits a schema, for enum and const beside other keywords. Total; counts its steps. */
bool mn_grammar__suits(mn_gbuild *b, const mn_json *value, const mn_json *schema, int depth);
/* JSON equality: numbers by value, objects whatever the order. */
bool mn_grammar__same(const mn_json *x, const mn_json *y);
/* Types as bits; a number that need not be whole is INTEGER | FRACTION. */
enum {
    MN_GT_NULL = 1,
    MN_GT_BOOL = 2,
    MN_GT_INTEGER = 4,
    MN_GT_FRACTION = 8,
    MN_GT_STRING = 16,
    MN_GT_ARRAY = 32,
    MN_GT_OBJECT = 64,
    MN_GT_ANY = 127
};
unsigned mn_grammar__types(mn_gbuild *b,
                           const mn_json *schema); /* what its `type` and `nullable` allow */
mn_rc mn_grammar__count(mn_gbuild *b, const mn_json *schema, const char *key, uint32_t fallback,
                        uint32_t *ret);

#endif
