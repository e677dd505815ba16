/* Nodes: making them, JSON's smallest parts (white space, strings), and what every node knows of the way to the end.
 *
 * Rules are built from their end to their beginning: a function that makes a part is told where to go on after it. After the last node two numbers
 * are worked out for each: `least`, the bytes that the shortest way to its rule's end takes, and `need`, how deep arrays and objects must nest on
 * some way there. Both are the smallest solution of equations that only rise, found by going over the nodes until nothing falls any more. A node
 * without a way to the end has neither; it is never entered, so that generation cannot run into a dead end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/grammar_int.h"

uint16_t mn_grammar__fail(mn_gbuild *b, mn_rc rc, const char *fmt, ...)
{
    if (b->rc != MN_OK) return MN_G_NONE;
    char msg[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    b->rc = mn_fail(b->e, rc, "%s", msg);
    return MN_G_NONE;
}

mn_rc mn_grammar__build_init(mn_gbuild *b, const mn_vocab_trie *t, mn_arena *a, mn_err *e)
{
    *b = (mn_gbuild){.trie = t, .a = a, .e = e};
    b->ws = b->character = b->string = b->integer = b->number = b->body = MN_G_NONE;
    b->ret = mn_grammar__hole(b);
    if (b->rc == MN_OK) b->nodes[b->ret].kind = MN_G_RET;
    return b->rc;
}

void mn_grammar__build_release(mn_gbuild *b)
{
    mn_free(b->nodes);
    mn_free(b->tables);
    b->nodes = NULL;
    b->tables = NULL;
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

static uint16_t add(mn_gbuild *b, mn_gnode n)
{
    if (b->rc != MN_OK) return MN_G_NONE;
    if (b->n >= MN_G_NODES_MAX)
        return mn_grammar__fail(
            b, MN_E_LIMIT,
            "the schema is too large: more than %u states; use fewer or shorter values",
            MN_G_NODES_MAX);
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 256;
        mn_gnode *p = mn_reallocarray(b->nodes, cap, sizeof *p);
        if (!p) return mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
        b->nodes = p;
        b->cap = cap;
    }
    b->nodes[b->n] = n;
    return (uint16_t)b->n++;
}

uint16_t mn_grammar__byte(mn_gbuild *b, uint8_t byte, uint16_t next)
{
    if (next == MN_G_NONE) return MN_G_NONE;
    return add(b,
               (mn_gnode){.kind = MN_G_BYTE, .byte = byte, .next = next, .other = MN_G_NONE});
}

uint16_t mn_grammar__table(mn_gbuild *b)
{
    uint16_t pc = add(b, (mn_gnode){.kind = MN_G_TABLE, .other = MN_G_NONE});
    if (pc == MN_G_NONE) return pc;
    if (b->n_tables == b->tables_cap) {
        uint32_t cap = b->tables_cap ? b->tables_cap * 2 : 32;
        uint16_t(*p)[256] = mn_reallocarray(b->tables, cap, sizeof *p);
        if (!p) return mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
        b->tables = p;
        b->tables_cap = cap;
    }
    memset(b->tables[b->n_tables], 0xFF, sizeof *b->tables);
    b->nodes[pc].next = (uint16_t)b->n_tables++;
    return pc;
}

void mn_grammar__edges(mn_gbuild *b, uint16_t table, unsigned lo, unsigned hi, uint16_t next)
{
    if (b->rc != MN_OK || table == MN_G_NONE) return;
    for (unsigned c = lo; c <= hi; c++) b->tables[b->nodes[table].next][c] = next;
}

uint16_t mn_grammar__split(mn_gbuild *b, uint16_t one, uint16_t other)
{
    if (one == MN_G_NONE) return other;
    if (other == MN_G_NONE) return one;
    return add(b, (mn_gnode){.kind = MN_G_SPLIT, .next = one, .other = other});
}

uint16_t mn_grammar__hole(mn_gbuild *b)
{
    return add(b, (mn_gnode){.kind = MN_G_SPLIT, .next = MN_G_NONE, .other = MN_G_NONE});
}

void mn_grammar__fill(mn_gbuild *b, uint16_t hole, uint16_t next)
{
    if (b->rc == MN_OK) b->nodes[hole].next = next;
}

uint16_t mn_grammar__call(mn_gbuild *b, uint16_t rule, bool nests, uint16_t next)
{
    if (rule == MN_G_NONE || next == MN_G_NONE) return MN_G_NONE;
    return add(b, (mn_gnode){.kind = MN_G_CALL, .nests = nests, .next = next, .other = rule});
}

uint16_t mn_grammar__rep(mn_gbuild *b, uint16_t rule, uint32_t min, uint32_t max, uint16_t next)
{
    if (next == MN_G_NONE || min > max || (rule == MN_G_NONE && min)) return MN_G_NONE;
    if (!max || rule == MN_G_NONE) return next;
    return add(
        b, (mn_gnode){.kind = MN_G_REP, .next = next, .other = rule, .min = min, .max = max});
}

uint16_t mn_grammar__literal(mn_gbuild *b, mn_str bytes, uint16_t next)
{
    for (size_t i = bytes.len; i-- > 0;)
        next = mn_grammar__byte(b, (uint8_t)bytes.ptr[i], next);
    return next;
}

/* ---- one of several strings ------------------------------------------------------------------------------------ */

static int by_text(const void *x, const void *y)
{
    return mn_str_cmp(*(const mn_str *)x, *(const mn_str *)y);
}

/* The strings s[from .. to), alike in their first `at` bytes, sorted. What they share further is a chain; where they part, a table. */
static uint16_t choice_tree(mn_gbuild *b, const mn_str *s, size_t from, size_t to, size_t at,
                            uint16_t next)
{
    if (b->rc != MN_OK) return MN_G_NONE;
    if (to - from == 1) return mn_grammar__literal(b, mn_str_sub(s[from], at, SIZE_MAX), next);
    if (s[from].len == at) {
        uint16_t longer = choice_tree(b, s, from + 1, to, at, next);
        return mn_grammar__split(b, next, longer);
    }
    size_t shared = at;
    while (shared < s[from].len && shared < s[to - 1].len &&
           s[from].ptr[shared] == s[to - 1].ptr[shared])
        shared++;
    if (shared > at) {
        uint16_t then = choice_tree(b, s, from, to, shared, next);
        return mn_grammar__literal(b, mn_str_sub(s[from], at, shared - at), then);
    }
    uint16_t table = mn_grammar__table(b);
    for (size_t i = from; i < to && b->rc == MN_OK;) {
        size_t j = i;
        while (j < to && s[j].ptr[at] == s[i].ptr[at]) j++;
        mn_grammar__edges(b, table, (uint8_t)s[i].ptr[at], (uint8_t)s[i].ptr[at],
                          choice_tree(b, s, i, j, at + 1, next));
        i = j;
    }
    return table;
}

uint16_t mn_grammar__choice(mn_gbuild *b, mn_str *s, size_t n, uint16_t next)
{
    size_t kept = 0;
    qsort(s, n, sizeof *s, by_text);
    for (size_t i = 0; i < n; i++) {
        if (!kept || !mn_str_eq(s[kept - 1], s[i])) s[kept++] = s[i];
    }
    if (kept > MN_G_NODES_MAX)
        return mn_grammar__fail(b, MN_E_LIMIT,
                                "%zu different values are too many: %u is the most", kept,
                                MN_G_NODES_MAX);
    return choice_tree(b, s, 0, kept, 0, next);
}

/* ---- white space ----------------------------------------------------------------------------------------------- */

enum { INDENT_BLANKS = 32, INDENT_TABS = 16 };

static uint16_t indent(mn_gbuild *b, uint8_t byte, int most)
{
    uint16_t at = b->ret;
    for (int i = 0; i < most; i++)
        at = mn_grammar__split(b, b->ret, mn_grammar__byte(b, byte, at));
    return at;
}

uint16_t mn_grammar__ws(mn_gbuild *b)
{
    if (b->ws != MN_G_NONE) return b->ws;
    uint16_t line =
        mn_grammar__split(b, indent(b, ' ', INDENT_BLANKS), indent(b, '\t', INDENT_TABS));
    uint16_t table = mn_grammar__table(b);
    mn_grammar__edges(b, table, ' ', ' ', b->ret);
    mn_grammar__edges(b, table, '\n', '\n', line);
    return b->ws = mn_grammar__split(b, b->ret, table);
}

/* ---- strings --------------------------------------------------------------------------------------------------- */

/* Adds to `table` what begins a character of more than one byte; after it, `then`. */
static void utf8_edges(mn_gbuild *b, uint16_t table, uint16_t then)
{
    uint16_t c1 = mn_grammar__table(b), c2 = mn_grammar__table(b), c3 = mn_grammar__table(b),
             e0 = mn_grammar__table(b), ed = mn_grammar__table(b), f0 = mn_grammar__table(b),
             f4 = mn_grammar__table(b);
    mn_grammar__edges(b, c1, 0x80, 0xBF, then);
    mn_grammar__edges(b, c2, 0x80, 0xBF, c1);
    mn_grammar__edges(b, c3, 0x80, 0xBF, c2);
    mn_grammar__edges(b, e0, 0xA0, 0xBF, c1);
    mn_grammar__edges(b, ed, 0x80, 0x9F, c1);
    mn_grammar__edges(b, f0, 0x90, 0xBF, c2);
    mn_grammar__edges(b, f4, 0x80, 0x8F, c2);
    mn_grammar__edges(b, table, 0xC2, 0xDF, c1);
    mn_grammar__edges(b, table, 0xE0, 0xE0, e0);
    mn_grammar__edges(b, table, 0xE1, 0xEF, c2);
    mn_grammar__edges(b, table, 0xED, 0xED, ed);
    mn_grammar__edges(b, table, 0xF0, 0xF0, f0);
    mn_grammar__edges(b, table, 0xF1, 0xF3, c3);
    mn_grammar__edges(b, table, 0xF4, 0xF4, f4);
}

static void hex_edges(mn_gbuild *b, uint16_t table, uint16_t next)
{
    mn_grammar__edges(b, table, '0', '9', next);
    mn_grammar__edges(b, table, 'a', 'f', next);
    mn_grammar__edges(b, table, 'A', 'F', next);
}

/* What may follow a backslash: no \u0000, and no surrogates (a character beyond U+FFFF is written as itself). */
static uint16_t escape(mn_gbuild *b, uint16_t then)
{
    static const char letters[] = "\"\\/bfnrt";
    uint16_t esc = mn_grammar__table(b), u = mn_grammar__table(b);
    uint16_t any[4], zero[4],
        d = mn_grammar__table(b); /* any[k]: k digits are left; zero: all before were 0 */
    any[0] = then;
    zero[0] = MN_G_NONE;
    for (int k = 1; k < 4; k++) {
        any[k] = mn_grammar__table(b);
        hex_edges(b, any[k], any[k - 1]);
        zero[k] = mn_grammar__table(b);
        hex_edges(b, zero[k], any[k - 1]);
        mn_grammar__edges(b, zero[k], '0', '0', zero[k - 1]);
    }
    hex_edges(b, u, any[3]);
    mn_grammar__edges(b, u, '0', '0', zero[3]);
    mn_grammar__edges(b, u, 'd', 'd', d);
    mn_grammar__edges(b, u, 'D', 'D', d);
    mn_grammar__edges(b, d, '0', '7', any[2]);
    for (size_t i = 0; i < sizeof letters - 1; i++)
        mn_grammar__edges(b, esc, (uint8_t)letters[i], (uint8_t)letters[i], then);
    mn_grammar__edges(b, esc, 'u', 'u', u);
    return esc;
}

/* Adds to `table` one character of a string's inside; after it, `then`. */
static void character_edges(mn_gbuild *b, uint16_t table, uint16_t then, bool escapes)
{
    mn_grammar__edges(b, table, 0x20, 0x7F, then);
    mn_grammar__edges(b, table, '"', '"', MN_G_NONE);
    mn_grammar__edges(b, table, '\\', '\\', escapes ? escape(b, then) : MN_G_NONE);
    utf8_edges(b, table, then);
}

static uint16_t text_loop(mn_gbuild *b, bool escapes)
{
    uint16_t body = mn_grammar__table(b);
    character_edges(b, body, body, escapes);
    mn_grammar__edges(b, body, '"', '"', b->ret);
    if (b->rc == MN_OK) b->nodes[body].plain = MN_G_PLAIN_LOOP;
    return body;
}

uint16_t mn_grammar__string(mn_gbuild *b)
{
    if (b->string == MN_G_NONE) b->string = mn_grammar__byte(b, '"', text_loop(b, true));
    return b->string;
}

uint16_t mn_grammar__string_counted(mn_gbuild *b, uint32_t min, uint32_t max)
{
    if (b->character == MN_G_NONE) {
        b->character = mn_grammar__table(b);
        character_edges(b, b->character, b->ret, true);
        if (b->rc == MN_OK) b->nodes[b->character].plain = MN_G_PLAIN_CHAR;
    }
    uint16_t close = mn_grammar__byte(b, '"', b->ret);
    return mn_grammar__byte(b, '"', mn_grammar__rep(b, b->character, min, max, close));
}

/* As text_loop, in the place that the bytes of a forbidden name lead to: each place knows where the loop would be after the same bytes, goes where that
 * goes, and on along the names where their bytes come; at the end of a name there is no closing quote. */
static uint16_t name_place(mn_gbuild *b, const mn_str *s, size_t from, size_t to, size_t at,
                           uint16_t free)
{
    uint16_t pc = mn_grammar__table(b);
    if (b->rc != MN_OK || free == MN_G_NONE || b->nodes[free].kind != MN_G_TABLE)
        return MN_G_NONE;
    uint16_t *like = b->tables[b->nodes[free].next];
    memcpy(b->tables[b->nodes[pc].next], like, sizeof *b->tables);
    for (; from < to && s[from].len == at; from++)
        mn_grammar__edges(b, pc, '"', '"', MN_G_NONE);
    for (size_t i = from; i < to && b->rc == MN_OK;) {
        size_t j = i;
        uint8_t c = (uint8_t)s[i].ptr[at];
        while (j < to && (uint8_t)s[j].ptr[at] == c) j++;
        uint16_t then = b->tables[b->nodes[free].next][c];
        if (then != MN_G_NONE && c != '"')
            mn_grammar__edges(b, pc, c, c, name_place(b, s, i, j, at + 1, then));
        i = j;
    }
    return pc;
}

uint16_t mn_grammar__name_but(mn_gbuild *b, const mn_str * not, size_t n)
{
    mn_str *s = mn_arena_alloc(b->a, (n + 1) * sizeof *s);
    if (!s) return mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
    if (n) memcpy(s, not, n * sizeof *s);
    qsort(s, n, sizeof *s, by_text);
    uint16_t loop = text_loop(b, false);
    return mn_grammar__byte(b, '"', n ? name_place(b, s, 0, n, 0, loop) : loop);
}

/* ---- the way to the end ---------------------------------------------------------------------------------------- */

static uint32_t plus(uint32_t a, uint32_t b)
{
    return a >= MN_G_INF - b ? MN_G_INF : a + b;
}

static uint32_t times(uint32_t n, uint32_t a)
{
    uint64_t v = (uint64_t)n * a;
    return n == 0 ? 0 : a == MN_G_INF || v >= MN_G_INF ? MN_G_INF : (uint32_t)v;
}

static uint32_t least_of(const mn_grammar *g, uint16_t pc)
{
    return pc == MN_G_NONE ? MN_G_INF : g->nodes[pc].least;
}

static uint32_t need_of(const mn_grammar *g, uint16_t pc)
{
    return pc == MN_G_NONE ? MN_G_INF : g->nodes[pc].need;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void improve_table(const mn_grammar *g, mn_gnode *n)
{
    for (unsigned c = 0; c < 256; c++) {
        uint16_t to = g->tables[n->next][c];
        if (to == MN_G_NONE || !g->trie->have[c]) continue;
        n->least = smaller(n->least, plus(1, g->nodes[to].least));
        n->need = smaller(n->need, g->nodes[to].need);
    }
}

/* Whether the node's numbers fell. */
static bool improve(const mn_grammar *g, mn_gnode *n)
{
    uint32_t least = n->least, need = n->need, next = least_of(g, n->next);
    switch ((mn_gkind)n->kind) {
    case MN_G_DONE:
    case MN_G_RET:
        n->least = n->need = 0;
        break;
    case MN_G_BYTE:
        if (!g->trie->have[n->byte]) break;
        n->least = plus(1, next);
        n->need = need_of(g, n->next);
        break;
    case MN_G_TABLE:
        improve_table(g, n);
        break;
    case MN_G_SPLIT:
        n->least = smaller(next, least_of(g, n->other));
        n->need = smaller(need_of(g, n->next), need_of(g, n->other));
        break;
    case MN_G_CALL:
        n->least = plus(next, least_of(g, n->other));
        n->need = larger(need_of(g, n->next), plus(n->nests, need_of(g, n->other)));
        break;
    case MN_G_REP:
        n->least = plus(next, times(n->min, least_of(g, n->other)));
        n->need = larger(need_of(g, n->next), n->min ? need_of(g, n->other) : 0);
        break;
    }
    return n->least < least || n->need < need;
}

static void analyse(mn_grammar *g)
{
    bool changed = true;
    for (uint32_t i = 0; i < g->n; i++) g->nodes[i].least = g->nodes[i].need = MN_G_INF;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < g->n; i++) changed |= improve(g, &g->nodes[i]);
        for (uint32_t i = g->n; i-- > 0;) changed |= improve(g, &g->nodes[i]);
    }
}

static mn_rc check_finite(const mn_grammar *g, mn_gbuild *b)
{
    const mn_gnode *s = &g->nodes[g->start];
    if (s->need != MN_G_INF && s->need > MN_G_NEST_MAX)
        return mn_fail(b->e, MN_E_LIMIT, "every value of the schema nests deeper than %u",
                       MN_G_NEST_MAX);
    if (s->least != MN_G_INF) return MN_OK;
    return mn_fail(b->e, MN_E_USAGE,
                   "no finite value suits the schema: it contradicts itself, or it contains "
                   "itself without a way to stop");
}

mn_rc mn_grammar__build_finish(mn_gbuild *b, uint16_t start, mn_grammar **ret)
{
    uint16_t done =
        add(b, (mn_gnode){.kind = MN_G_DONE, .next = MN_G_NONE, .other = MN_G_NONE});
    if (b->rc == MN_OK && start == MN_G_NONE)
        mn_grammar__fail(b, MN_E_USAGE, "no value suits the schema: it contradicts itself");
    if (b->rc != MN_OK) return b->rc;
    mn_grammar *g = mn_calloc(1, sizeof *g);
    if (!g) return mn_fail(b->e, MN_E_NOMEM, "out of memory for a grammar");
    *g = (mn_grammar){.refs = 1,
                      .trie = b->trie,
                      .nodes = b->nodes,
                      .n = b->n,
                      .tables = b->tables,
                      .n_tables = b->n_tables,
                      .start = start};
    MN_ASSERT(done == g->n - 1);
    b->nodes = NULL;
    b->tables = NULL;
    analyse(g);
    mn_rc rc = check_finite(g, b);
    if (rc == MN_OK) *ret = g;
    else mn_grammar_unref(g);
    return rc;
}
