/* Patterns: ECMA 262's regular expressions as far as they are regular, compiled to a deterministic automaton over the bytes of a JSON string's inside: UTF-8,
 * with ", \, and the control characters that have a short escape written with it (others cannot be written and match nothing).
 *
 * Pattern → tree → nondeterministic automaton (made from its end, as the grammar's rules are) → sets of its states. `^` and `$` may stand at the
 * ends of each of the pattern's alternatives; without them anything may stand before and behind. */
#include <stdlib.h>

#include "infer/grammar_int.h"

#define STATES_MAX    20000u /* nondeterministic */
#define TMP_BYTES_MAX (64u << 20)
#define NO            UINT32_MAX

/* ---- the tree -------------------------------------------------------------------------------------------------- */

typedef struct span {
    uint32_t lo, hi; /* code points */
} span;

typedef enum tkind { T_EMPTY, T_CLASS, T_CAT, T_ALT, T_REP } tkind;
typedef struct tree {
    tkind kind;
    struct tree *x, *y;
    uint32_t min, max; /* REP */
    span *spans;       /* CLASS: sorted, apart */
    size_t n_spans;
} tree;

typedef struct parser {
    mn_gbuild *b;
    mn_str s;
    size_t at;
    int depth;
} parser;

static tree *fail(parser *p, mn_rc rc, const char *what)
{
    mn_grammar__fail(p->b, rc, "pattern '%.*s': %s", (int)(p->s.len < 80 ? p->s.len : 80),
                     p->s.len ? p->s.ptr : "", what);
    return NULL;
}

static tree *node(parser *p, tkind kind, tree *x, tree *y)
{
    if (p->b->rc != MN_OK) return NULL;
    tree *t = mn_arena_calloc(p->b->a, 1, sizeof *t);
    if (!t) return fail(p, MN_E_NOMEM, "out of memory");
    t->kind = kind;
    t->x = x;
    t->y = y;
    return t;
}

static int peek(const parser *p)
{
    return p->at < p->s.len ? (uint8_t)p->s.ptr[p->at] : -1;
}

static bool take(parser *p, char c)
{
    if (peek(p) != (uint8_t)c) return false;
    p->at++;
    return true;
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

enum { SPANS_MAX = 512 };
typedef struct class
{
    span s[SPANS_MAX];
    size_t n;
} class;

static void class_add(parser *p, class *c, uint32_t lo, uint32_t hi)
{
    if (c->n == SPANS_MAX) fail(p, MN_E_LIMIT, "a class of too many parts");
    else c->s[c->n++] = (span){lo, hi};
}

static int by_lo(const void *x, const void *y)
{
    uint32_t a = ((const span *)x)->lo, b = ((const span *)y)->lo;
    return (a > b) - (a < b);
}

static void class_tidy(class *c)
{
    size_t n = 0;
    qsort(c->s, c->n, sizeof *c->s, by_lo);
    for (size_t i = 0; i < c->n; i++) {
        if (n && c->s[i].lo <= c->s[n - 1].hi + 1) {
            if (c->s[i].hi > c->s[n - 1].hi) c->s[n - 1].hi = c->s[i].hi;
        } else {
            c->s[n++] = c->s[i];
        }
    }
    c->n = n;
}

static void class_add_not(parser *p, class *to, class *c)
{
    uint32_t from = 0;
    class_tidy(c);
    for (size_t i = 0; i < c->n; i++) {
        if (c->s[i].lo > from) class_add(p, to, from, c->s[i].lo - 1);
        from = c->s[i].hi + 1;
    }
    if (from <= 0x10FFFF) class_add(p, to, from, 0x10FFFF);
}

static tree *class_node(parser *p, class *c)
{
    class_tidy(c);
    tree *t = node(p, T_CLASS, NULL, NULL);
    if (!t) return NULL;
    t->n_spans = c->n;
    t->spans = mn_arena_alloc(p->b->a, (c->n + 1) * sizeof *t->spans);
    if (!t->spans) return fail(p, MN_E_NOMEM, "out of memory");
    memcpy(t->spans, c->s, c->n * sizeof *c->s);
    return t;
}

/* \d \w \s and their opposites; false: it is none of them. */
static bool class_named(parser *p, class *to, char name)
{
    static const span digits[] = {{'0', '9'}},
                      word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
                      space[] = {{9, 13},          {32, 32},         {0xA0, 0xA0},
                                 {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                                 {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
                                 {0xFEFF, 0xFEFF}};
    const span *s = name == 'd' || name == 'D'   ? digits
                    : name == 'w' || name == 'W' ? word
                    : name == 's' || name == 'S' ? space
                                                 : NULL;
    size_t n = s == digits ? 1 : s == word ? 4 : sizeof space / sizeof *space;
    if (!s) return false;
    class c = {.n = n};
    memcpy(c.s, s, n * sizeof *s);
    if (name >= 'a') {
        for (size_t i = 0; i < n; i++) class_add(p, to, s[i].lo, s[i].hi);
    } else {
        class_add_not(p, to, &c);
    }
    return true;
}

static uint32_t hex(parser *p, int n)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++, p->at++) {
        int c = peek(p), lower = c | 32;
        if (c >= '0' && c <= '9') v = v * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f') v = v * 16 + (uint32_t)(lower - 'a' + 10);
        else {
            fail(p, MN_E_PARSE, "an escape lacks hexadecimal digits");
            return 0;
        }
    }
    return v;
}

static uint32_t character(parser *p)
{
    uint32_t cp = 0;
    size_t n = mn_utf8_decode(p->s.ptr + p->at, p->s.len - p->at, &cp);
    if (!n) fail(p, MN_E_PARSE, p->at < p->s.len ? "not UTF-8" : "it ends too early");
    p->at += n;
    return cp;
}

/* What stands behind a backslash and is one character. */
static uint32_t escaped(parser *p)
{
    uint32_t c = character(p);
    switch (c) {
    case 't':
        return 9;
    case 'n':
        return 10;
    case 'v':
        return 11;
    case 'f':
        return 12;
    case 'r':
        return 13;
    case 'x':
        return hex(p, 2);
    case 'u':
        return hex(p, 4);
    default:
        break;
    }
    bool letter = (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128;
    if (letter || (c >= '0' && c <= '9'))
        fail(p, MN_E_UNSUPPORTED,
             "an escape that is not supported (back references, \\b, \\p)");
    return c;
}

static bool is_named(const parser *p)
{
    return p->at + 1 < p->s.len && p->s.ptr[p->at] == '\\' &&
           strchr("dDwWsS", p->s.ptr[p->at + 1]) && p->s.ptr[p->at + 1];
}

static tree *bracket(parser *p)
{
    class c = {.n = 0}, not = {.n = 0};
    bool negated = take(p, '^');
    while (p->b->rc == MN_OK && peek(p) != ']') {
        if (is_named(p)) {
            class_named(p, &c, p->s.ptr[p->at + 1]);
            p->at += 2;
            continue;
        }
        uint32_t lo = take(p, '\\') ? (take(p, 'b')   ? 8
                                       : take(p, '-') ? '-'
                                                      : escaped(p))
                                    : character(p),
                 hi = lo;
        if (peek(p) == '-' && p->at + 1 < p->s.len && p->s.ptr[p->at + 1] != ']') {
            p->at++;
            if (is_named(p)) return fail(p, MN_E_PARSE, "a range that ends in a class");
            hi = take(p, '\\') ? escaped(p) : character(p);
        }
        if (lo > hi) return fail(p, MN_E_PARSE, "a range that falls");
        class_add(p, &c, lo, hi);
    }
    if (!take(p, ']')) return fail(p, MN_E_PARSE, "a class without its ']'");
    if (!negated) return class_node(p, &c);
    class_add_not(p, &not, &c);
    return class_node(p, &not );
}

static tree *any_character(parser *p, bool lines)
{
    class c = {.n = 0}, not = {{{10, 10}, {13, 13}, {0x2028, 0x2029}}, 3};
    if (lines) class_add(p, &c, 0, 0x10FFFF);
    else class_add_not(p, &c, &not );
    return class_node(p, &c);
}

/* ---- expressions ----------------------------------------------------------------------------------------------- */

static tree *alternatives(parser *p, bool top);

static tree *group(parser *p)
{
    if (peek(p) == '?') {
        if (p->at + 1 >= p->s.len || p->s.ptr[p->at + 1] != ':')
            return fail(p, MN_E_UNSUPPORTED,
                        "looking ahead or behind and named groups are not supported");
        p->at += 2;
    }
    if (++p->depth > 64) return fail(p, MN_E_LIMIT, "groups nest too deep");
    tree *t = alternatives(p, false);
    p->depth--;
    if (p->b->rc == MN_OK && !take(p, ')'))
        return fail(p, MN_E_PARSE, "a group without its ')'");
    return t;
}

static tree *atom(parser *p)
{
    class c = {.n = 0};
    if (take(p, '(')) return group(p);
    if (take(p, '[')) return bracket(p);
    if (take(p, '.')) return any_character(p, false);
    int next = peek(p);
    if (next == '^' || next == '$')
        return fail(p, MN_E_UNSUPPORTED,
                    "'^' and '$' are supported at the ends of the pattern only");
    if (next >= 0 && strchr("*+?{}])", next))
        return fail(p, MN_E_PARSE, "a sign where it has no meaning");
    if (is_named(p)) {
        class_named(p, &c, p->s.ptr[p->at + 1]);
        p->at += 2;
    } else {
        uint32_t cp = take(p, '\\') ? escaped(p) : character(p);
        class_add(p, &c, cp, cp);
    }
    return class_node(p, &c);
}

static uint32_t number(parser *p)
{
    uint32_t v = 0;
    if (peek(p) < '0' || peek(p) > '9') fail(p, MN_E_PARSE, "'{' without a number");
    while (peek(p) >= '0' && peek(p) <= '9') {
        if (v > 100000) fail(p, MN_E_LIMIT, "too many repetitions");
        if (v <= 100000) v = v * 10 + (uint32_t)(peek(p) - '0');
        p->at++;
    }
    return v;
}

static tree *repeated(parser *p)
{
    tree *t = atom(p);
    while (p->b->rc == MN_OK && peek(p) >= 0 && strchr("*+?{", peek(p))) {
        uint32_t min = 0, max = MN_G_INF;
        char c = p->s.ptr[p->at++];
        if (c == '+') min = 1;
        if (c == '?') max = 1;
        if (c == '{') {
            min = max = number(p);
            if (take(p, ',')) max = peek(p) == '}' ? MN_G_INF : number(p);
            if (!take(p, '}') && p->b->rc == MN_OK)
                return fail(p, MN_E_PARSE, "'{' without its '}'");
            if (min > max) return fail(p, MN_E_PARSE, "repetitions that fall");
        }
        take(p, '?'); /* as few as possible: the same strings */
        t = node(p, T_REP, t, NULL);
        if (!t) return NULL;
        t->min = min;
        t->max = max;
        if (++p->depth > 200) return fail(p, MN_E_LIMIT, "repetitions nest too deep");
    }
    return t;
}

static tree *anything(parser *p)
{
    tree *t = node(p, T_REP, any_character(p, true), NULL);
    if (t) t->max = MN_G_INF;
    return t;
}

/* One alternative; at the top with its anchors. */
static tree *sequence(parser *p, bool top)
{
    bool begins = !top || take(p, '^'), ends = !top;
    tree *t = begins ? node(p, T_EMPTY, NULL, NULL) : anything(p);
    while (p->b->rc == MN_OK && peek(p) >= 0 && peek(p) != '|' && peek(p) != ')') {
        size_t next = p->at + 1;
        if (top && peek(p) == '$' && (next == p->s.len || p->s.ptr[next] == '|')) {
            p->at++;
            ends = true;
            break;
        }
        int depth = p->depth;
        t = node(p, T_CAT, t, repeated(p));
        p->depth = depth;
    }
    return ends ? t : node(p, T_CAT, t, anything(p));
}

static tree *alternatives(parser *p, bool top)
{
    tree *t = sequence(p, top);
    while (p->b->rc == MN_OK && take(p, '|')) t = node(p, T_ALT, t, sequence(p, top));
    if (top && p->b->rc == MN_OK && p->at < p->s.len)
        return fail(p, MN_E_PARSE, "a ')' without its '('");
    return t;
}

/* ---- the nondeterministic automaton ----------------------------------------------------------------------------- */

typedef struct state {
    uint8_t lo, hi; /* bytes it eats; lo > hi: it eats none and goes to next and other */
    uint32_t next, other;
} state;

typedef struct nfa {
    parser *p;
    state *s;
    uint32_t n;
    mn_arena tmp;
} nfa;

static uint32_t put(nfa *a, state s)
{
    if (a->p->b->rc != MN_OK) return NO;
    if (a->n == STATES_MAX) {
        fail(a->p, MN_E_LIMIT, "it is too large; use fewer repetitions");
        return NO;
    }
    a->s[a->n] = s;
    return a->n++;
}

static uint32_t either(nfa *a, uint32_t x, uint32_t y)
{
    if (x == NO) return y;
    return y == NO ? x : put(a, (state){1, 0, x, y});
}

static uint32_t bytes(nfa *a, unsigned lo, unsigned hi, uint32_t next)
{
    return put(a, (state){(uint8_t)lo, (uint8_t)hi, next, NO});
}

/* Code points lo .. hi of which the encodings have the same length and differ in a suffix of bytes only, or are cut until they do. */
static uint32_t utf8_span(nfa *a, uint32_t lo, uint32_t hi, uint32_t next)
{
    static const uint32_t last[] = {0x7F, 0x7FF, 0xFFFF};
    char x[4], y[4];
    if (a->p->b->rc != MN_OK || lo > hi) return NO;
    for (int i = 0; i < 3; i++) {
        if (lo <= last[i] && hi > last[i])
            return either(a, utf8_span(a, lo, last[i], next),
                          utf8_span(a, last[i] + 1, hi, next));
    }
    for (int i = 1; i < 4 && lo > 0x7F; i++) {
        uint32_t m = (1u << 6 * i) - 1;
        if ((lo & ~m) == (hi & ~m)) continue;
        if (lo & m)
            return either(a, utf8_span(a, lo, lo | m, next),
                          utf8_span(a, (lo | m) + 1, hi, next));
        if ((hi & m) != m)
            return either(a, utf8_span(a, lo, (hi & ~m) - 1, next),
                          utf8_span(a, hi & ~m, hi, next));
    }
    size_t n = mn_utf8_encode(lo, x);
    if (mn_utf8_encode(hi, y) != n || !n) return NO;
    while (n-- > 0) next = bytes(a, (uint8_t)x[n], (uint8_t)y[n], next);
    return next;
}

/* A character of the span as it is written in a JSON string. */
static uint32_t json_span(nfa *a, uint32_t lo, uint32_t hi, uint32_t next)
{
    static const struct {
        uint8_t cp, letter;
    } short_escapes[] = {{8, 'b'},  {9, 't'},   {10, 'n'},   {12, 'f'},
                         {13, 'r'}, {'"', '"'}, {'\\', '\\'}};
    static const span plain[] = {
        {0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, 0xD7FF}, {0xE000, 0x10FFFF}};
    uint32_t all_of = NO;
    for (size_t i = 0; i < sizeof short_escapes / sizeof *short_escapes; i++) {
        if (short_escapes[i].cp < lo || short_escapes[i].cp > hi) continue;
        uint32_t letter = bytes(a, short_escapes[i].letter, short_escapes[i].letter, next);
        all_of = either(a, bytes(a, '\\', '\\', letter), all_of);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        uint32_t from = lo > plain[i].lo ? lo : plain[i].lo,
                 to = hi < plain[i].hi ? hi : plain[i].hi;
        all_of = either(a, utf8_span(a, from, to, next), all_of);
    }
    return all_of;
}

static uint32_t emit(nfa *a, const tree *t, uint32_t next);

static uint32_t emit_rep(nfa *a, const tree *t, uint32_t next)
{
    uint32_t at = next;
    if (t->max == MN_G_INF) {
        uint32_t loop = put(a, (state){1, 0, NO, next});
        uint32_t body = emit(a, t->x, loop);
        if (a->p->b->rc != MN_OK) return NO;
        a->s[loop].next = body;
        at = loop;
    } else {
        for (uint32_t i = t->min; i < t->max && a->p->b->rc == MN_OK; i++)
            at = either(a, next, emit(a, t->x, at));
    }
    for (uint32_t i = 0; i < t->min && at != NO && a->p->b->rc == MN_OK; i++) {
        uint32_t n = a->n;
        at = emit(a, t->x, at);
        if (a->n == n) break; /* it is empty */
    }
    return at;
}

/* NO: nothing matches. The left spine of sequences and alternatives is walked, not descended. */
static uint32_t emit(nfa *a, const tree *t, uint32_t next)
{
    uint32_t all_of = NO;
    switch (t->kind) {
    case T_EMPTY:
        return next;
    case T_CLASS:
        for (size_t i = 0; i < t->n_spans; i++)
            all_of = either(a, json_span(a, t->spans[i].lo, t->spans[i].hi, next), all_of);
        return all_of;
    case T_CAT:
        for (; t->kind == T_CAT && next != NO; t = t->x) next = emit(a, t->y, next);
        return next == NO ? NO : emit(a, t, next);
    case T_ALT:
        for (; t->kind == T_ALT; t = t->x) all_of = either(a, emit(a, t->y, next), all_of);
        return either(a, emit(a, t, next), all_of);
    case T_REP:
        return emit_rep(a, t, next);
    }
    return NO;
}

/* ---- making it deterministic ------------------------------------------------------------------------------------ */

typedef struct sets {
    nfa *a;
    mn_gdfa *d;
    uint32_t **list,
        *n; /* per deterministic state: the eating states and the end, sorted by number */
    uint32_t *slot, mask; /* hash of lists */
    uint32_t *mark, round;
    uint32_t *stack, *now, n_now; /* the set that is being made */
} sets;

/* Adds what state i stands for; a stack of its own, as chains of splits are long. */
static void close_over(sets *x, uint32_t i)
{
    uint32_t n = 0;
    x->stack[n++] = i;
    while (n) {
        i = x->stack[--n];
        if (i == NO || x->mark[i] == x->round) continue;
        x->mark[i] = x->round;
        x->a->p->b->work++;
        const state *s = &x->a->s[i];
        if (s->lo <= s->hi || i == 0) {
            x->now[x->n_now++] = i;
            continue;
        }
        x->stack[n++] = s->other;
        x->stack[n++] = s->next;
    }
}

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

/* The deterministic state of the set `now`; made when it is new. */
static uint16_t dfa_state(sets *x)
{
    uint64_t h = 1;
    mn_gbuild *b = x->a->p->b;
    if (!x->n_now) return MN_G_NONE;
    qsort(x->now, x->n_now, sizeof *x->now, by_number);
    for (uint32_t i = 0; i < x->n_now; i++)
        h = (h ^ x->now[i]) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 31;
    uint32_t at = (uint32_t)h & x->mask;
    for (; x->slot[at] != NO; at = (at + 1) & x->mask) {
        uint32_t i = x->slot[at];
        if (x->n[i] == x->n_now && !memcmp(x->list[i], x->now, x->n_now * sizeof *x->now))
            return (uint16_t)i;
    }
    uint16_t made = mn_grammar__dfa_add(b, x->d, x->now[0] == 0);
    uint32_t *list = mn_arena_alloc(&x->a->tmp, x->n_now * sizeof *list);
    if (made == MN_G_NONE) return made;
    if (!list)
        return mn_grammar__fail(b, MN_E_LIMIT,
                                "a pattern needs too much memory; use fewer repetitions");
    memcpy(list, x->now, x->n_now * sizeof *list);
    x->list[made] = list;
    x->n[made] = x->n_now;
    x->slot[at] = made;
    return made;
}

/* Where the bytes lead from deterministic state i: between two bounds of its ranges they all lead to the same. */
static void dfa_edges(sets *x, uint32_t i)
{
    bool bound[257] = {true};
    for (uint32_t k = 0; k < x->n[i]; k++) {
        const state *s = &x->a->s[x->list[i][k]];
        if (x->list[i][k] == 0) continue;
        bound[s->lo] = bound[s->hi + 1] = true;
    }
    for (unsigned lo = 0, hi; lo < 256; lo = hi + 1) {
        for (hi = lo; hi < 255 && !bound[hi + 1];) hi++;
        x->n_now = 0;
        x->round++;
        for (uint32_t k = 0; k < x->n[i]; k++) {
            const state *s = &x->a->s[x->list[i][k]];
            x->a->p->b->work++;
            if (x->list[i][k] && s->lo <= lo && s->hi >= lo) close_over(x, s->next);
        }
        uint16_t to = dfa_state(x);
        if (x->a->p->b->rc != MN_OK) return;
        for (unsigned c = lo; c <= hi; c++) x->d->to[i][c] = to;
        if (!mn_grammar__spend(x->a->p->b, 1)) return;
    }
}

static void *room(nfa *a, size_t n, size_t bytes_each)
{
    void *p = mn_arena_calloc(&a->tmp, n, bytes_each);
    if (!p) mn_grammar__fail(a->p->b, MN_E_NOMEM, "out of memory for a pattern");
    return p;
}

static void determine(nfa *a, uint32_t start, mn_gdfa *d)
{
    sets x = {.a = a, .d = d, .mask = 32767};
    x.list = room(a, MN_G_NODES_MAX, sizeof *x.list);
    x.n = room(a, MN_G_NODES_MAX, sizeof *x.n);
    x.slot = room(a, x.mask + 1, sizeof *x.slot);
    x.mark = room(a, a->n, sizeof *x.mark);
    x.stack = room(a, 2 * (size_t)a->n + 2, sizeof *x.stack);
    x.now = room(a, a->n, sizeof *x.now);
    if (a->p->b->rc != MN_OK) return;
    memset(x.slot, 0xFF, (x.mask + 1) * sizeof *x.slot);
    x.round = 1;
    if (start != NO) close_over(&x, start);
    if (dfa_state(&x) == MN_G_NONE)
        mn_grammar__dfa_add(a->p->b, d, false); /* nothing matches */
    for (uint32_t i = 0; i < d->n && x.n[i] && a->p->b->rc == MN_OK; i++) dfa_edges(&x, i);
}

static mn_rc compile(parser *p, const tree *t, mn_gdfa *ret)
{
    nfa a = {.p = p};
    mn_gdfa d = {0};
    if (p->b->rc != MN_OK) return p->b->rc;
    mn_arena_init(&a.tmp, TMP_BYTES_MAX);
    a.s = room(&a, STATES_MAX, sizeof *a.s);
    if (a.s) {
        uint32_t end = put(&a, (state){1, 0, NO, NO}); /* state 0 */
        uint32_t start = emit(&a, t, end);
        if (p->b->rc == MN_OK) determine(&a, start, &d);
    }
    mn_arena_release(&a.tmp);
    *ret = d;
    return p->b->rc;
}

mn_rc mn_grammar__pattern(mn_gbuild *b, mn_str pattern, mn_gdfa *ret)
{
    parser p = {.b = b, .s = pattern};
    tree *t = alternatives(&p, true);
    return compile(&p, t, ret);
}

mn_rc mn_grammar__dfa_length(mn_gbuild *b, uint32_t min, uint32_t max, mn_gdfa *ret)
{
    parser p = {.b = b, .s = MN_STR("minLength and maxLength")};
    tree *t = node(&p, T_REP, any_character(&p, true), NULL);
    if (!t) return b->rc;
    t->min = min;
    t->max = max;
    return compile(&p, t, ret);
}

mn_rc mn_grammar__format(mn_gbuild *b, mn_str format, mn_gdfa *ret)
{
#define DATE                                                                                   \
    "(19|20)[0-9][0-9]-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-" \
    "9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
#define TIME                                                                                   \
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][" \
    "0-9])"
#define LABEL "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"
#define BYTE  "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    static const char *const known[][2] = {
        {"date", "^" DATE "$"},
        {"time", "^" TIME "$"},
        {"date-time", "^" DATE "T" TIME "$"},
        {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        {"email", "^[A-Za-z0-9_+-]{1,30}(\\.[A-Za-z0-9_+-]{1,30}){0,1}@" LABEL "(\\." LABEL
                  "){0,2}\\.[a-z]{2,12}$"},
        {"hostname", "^" LABEL "(\\." LABEL "){0,3}$"},
        {"ipv4", "^" BYTE "(\\." BYTE "){3}$"},
        {"uri", "^https?://" LABEL "(\\." LABEL
                "){0,3}(/[A-Za-z0-9._~-]{0,40}){0,6}([?][A-Za-z0-9._~=&-]{0,80})?$"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (mn_str_eqz(format, known[i][0]))
            return mn_grammar__pattern(b, mn_str_from(known[i][1]), ret);
    }
    mn_grammar__fail(b, MN_E_UNSUPPORTED,
                     "format '%.*s' is not supported: expected date, time, date-time, uuid, "
                     "email, hostname, ipv4 or uri",
                     (int)(format.len < 60 ? format.len : 60), format.len ? format.ptr : "");
    return b->rc;
}
