/* Deterministic automata over the bytes of a JSON string's inside: what two accept together, how long what they accept is, and the rule made of one. */
#include "infer/grammar_int.h"

#define WORK_MAX (4u << 20)

static bool dfa_room(mn_gbuild *b, mn_gdfa *d)
{
    if (d->n < d->cap) return true;
    uint32_t cap = d->cap ? d->cap * 2 : 32;
    uint16_t(*to)[256] = mn_arena_alloc(b->a, cap * sizeof *to);
    bool *accept = mn_arena_alloc(b->a, cap);
    if (!to || !accept) {
        mn_grammar__fail(b, MN_E_LIMIT,
                         "a pattern needs too much memory; use fewer repetitions");
        return false;
    }
    if (d->n) {
        memcpy(to, d->to, d->n * sizeof *to);
        memcpy(accept, d->accept, d->n);
    }
    d->to = to;
    d->accept = accept;
    d->cap = cap;
    return true;
}

bool mn_grammar__spend(mn_gbuild *b, uint32_t n)
{
    b->work += n;
    if (b->work > WORK_MAX)
        mn_grammar__fail(b, MN_E_LIMIT,
                         "the schema's patterns are too intricate; use fewer repetitions");
    return b->rc == MN_OK;
}

uint16_t mn_grammar__dfa_add(mn_gbuild *b, mn_gdfa *d, bool accept)
{
    if (b->rc != MN_OK || !dfa_room(b, d)) return MN_G_NONE;
    if (d->n >= MN_G_NODES_MAX)
        return mn_grammar__fail(
            b, MN_E_LIMIT,
            "a pattern with its lengths needs more than %u states; use fewer repetitions",
            MN_G_NODES_MAX);
    memset(d->to[d->n], 0xFF, sizeof *d->to);
    d->accept[d->n] = accept;
    return (uint16_t)d->n++;
}

/* ---- with deterministic automata -------------------------------------------------------------------------------- */

mn_rc mn_grammar__dfa_both(mn_gbuild *b, const mn_gdfa *x, const mn_gdfa *y, mn_gdfa *ret)
{
    mn_gdfa d = {0};
    size_t pairs = (size_t)x->n * y->n;
    if (pairs > 8u << 20) {
        mn_grammar__fail(b, MN_E_LIMIT,
                         "patterns and lengths that must hold together are too large");
        return b->rc;
    }
    uint16_t *made = mn_arena_alloc(b->a, pairs * sizeof *made);
    uint32_t *pair = mn_arena_alloc(b->a, MN_G_NODES_MAX * sizeof *pair);
    if (!made || !pair) {
        mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a pattern");
        return b->rc;
    }
    memset(made, 0xFF, pairs * sizeof *made);
    pair[0] = 0;
    made[0] = mn_grammar__dfa_add(b, &d, x->accept[0] && y->accept[0]);
    for (uint32_t i = 0; i < d.n && mn_grammar__spend(b, 16); i++) {
        for (unsigned c = 0; c < 256 && b->rc == MN_OK; c++) {
            uint16_t p = x->to[pair[i] / y->n][c], q = y->to[pair[i] % y->n][c];
            if (p == MN_G_NONE || q == MN_G_NONE) continue;
            uint32_t k = p * y->n + q;
            if (made[k] == MN_G_NONE) {
                made[k] = mn_grammar__dfa_add(b, &d, x->accept[p] && y->accept[q]);
                if (made[k] == MN_G_NONE) break;
                pair[made[k]] = k;
            }
            d.to[i][c] = made[k];
        }
    }
    *ret = d;
    return b->rc;
}

bool mn_grammar__dfa_accepts(const mn_gdfa *d, mn_str s)
{
    uint16_t at = 0;
    for (size_t i = 0; i < s.len && at != MN_G_NONE; i++) at = d->to[at][(uint8_t)s.ptr[i]];
    return at != MN_G_NONE && d->accept[at];
}

uint16_t mn_grammar__string_dfa(mn_gbuild *b, const mn_gdfa *d)
{
    if (b->rc != MN_OK) return MN_G_NONE;
    uint16_t *at = mn_arena_alloc(b->a, d->n * sizeof *at);
    if (!at) return mn_grammar__fail(b, MN_E_NOMEM, "out of memory for a grammar");
    for (uint32_t i = 0; i < d->n; i++) at[i] = mn_grammar__table(b);
    for (uint32_t i = 0; i < d->n && b->rc == MN_OK; i++) {
        for (unsigned c = 0; c < 256; c++) {
            if (d->to[i][c] != MN_G_NONE) mn_grammar__edges(b, at[i], c, c, at[d->to[i][c]]);
        }
        if (d->accept[i]) mn_grammar__edges(b, at[i], '"', '"', b->ret);
    }
    return mn_grammar__byte(b, '"', at[0]);
}

/* ---- lengths ---------------------------------------------------------------------------------------------------- */

/* The characters that the shortest way from each state to an accepting one has at least (MN_G_INF: there is none): a byte that continues a
 * character or begins an escape is none. */
static void shortest(const mn_gdfa *d, uint32_t *ret)
{
    bool changed = true;
    for (uint32_t i = 0; i < d->n; i++) ret[i] = d->accept[i] ? 0 : MN_G_INF;
    while (changed) {
        changed = false;
        for (uint32_t k = 0; k < 2 * d->n; k++) { /* up and down */
            uint32_t i = k < d->n ? k : 2 * d->n - 1 - k;
            for (unsigned c = 0; c < 256; c++) {
                uint16_t to = d->to[i][c];
                if (to == MN_G_NONE || ret[to] == MN_G_INF) continue;
                uint32_t n = ret[to] + (c != '\\' && (c & 0xC0) != 0x80);
                if (n >= ret[i]) continue;
                ret[i] = n;
                changed = true;
            }
        }
    }
}

/* Bytes of the longest string; MN_G_INF: there is no bound. States are taken once all that lead to them were. */
static uint32_t longest(const mn_gdfa *d, const uint32_t *near, uint32_t *before, uint32_t *far,
                        uint32_t *queue)
{
    uint32_t n = 0, done = 0, live = 0, most = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        live += near[i] != MN_G_INF;
        for (unsigned c = 0; c < 256 && near[i] != MN_G_INF; c++) {
            uint16_t to = d->to[i][c];
            if (to != MN_G_NONE && near[to] != MN_G_INF) before[to]++;
        }
    }
    for (uint32_t i = 0; i < d->n; i++) {
        if (near[i] != MN_G_INF && !before[i]) queue[n++] = i;
    }
    for (; done < n; done++) {
        uint32_t i = queue[done];
        if (d->accept[i] && far[i] > most) most = far[i];
        for (unsigned c = 0; c < 256; c++) {
            uint16_t to = d->to[i][c];
            if (to == MN_G_NONE || near[to] == MN_G_INF) continue;
            if (far[i] + 1 > far[to]) far[to] = far[i] + 1;
            if (!--before[to]) queue[n++] = to;
        }
    }
    return done < live ? MN_G_INF : most; /* a circle is never taken */
}

bool mn_grammar__dfa_within(mn_gbuild *b, const mn_gdfa *d, uint32_t min, uint32_t max)
{
    uint32_t *room_for = mn_arena_calloc(b->a, d->n, 4 * sizeof *room_for);
    if (!room_for || !mn_grammar__spend(b, 16 * d->n)) return false;
    shortest(d, room_for);
    if (room_for[0] < min) return false;
    return max == MN_G_INF || longest(d, room_for, room_for + d->n, room_for + 2 * d->n,
                                      room_for + 3 * d->n) <= max;
}
