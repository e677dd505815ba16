/* Running a grammar: what a byte does to a set of configurations, and walking the vocabulary's trie with it.
 *
 * Frames lie in a pool and name the frame below; they are never changed, so configurations share what they have in common, and going back in
 * the trie is cutting the pool. A configuration's node is one that eats a byte, or DONE. */
#include "infer/grammar_run.h"

mn_rc mn_grammar__pool_push(mn_gpool *p, const mn_gframe *f, uint32_t *ret)
{
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 64;
        mn_gframe *q = mn_reallocarray(p->f, cap, sizeof *q);
        if (!q) return MN_E_NOMEM;
        p->f = q;
        p->cap = cap;
    }
    p->f[p->n] = *f;
    *ret = p->n++;
    return MN_OK;
}

static uint32_t plus(uint32_t a, uint32_t b)
{
    return a >= MN_G_INF - b ? MN_G_INF : a + b;
}

/* Bytes that a repetition still owes after the run that is under way. */
static uint32_t rep_rest(const mn_grammar *g, const mn_gnode *r, uint32_t count)
{
    uint64_t runs = r->min > count + 1 ? r->min - count - 1 : 0,
             least = runs ? runs * g->nodes[r->other].least : 0;
    if (least >= MN_G_INF) return MN_G_INF;
    return r->next == MN_G_NONE ? (uint32_t)least
                                : plus((uint32_t)least, g->nodes[r->next].least);
}

/* Pushes a return to pc, or the repetition pc in its run number `count`. */
static mn_rc push(mn_gwalk *w, uint16_t pc, uint32_t count, uint32_t below, bool nests,
                  uint32_t *ret)
{
    const mn_grammar *g = w->g;
    mn_gframe f = {.pc = pc, .count = count, .below = below, .nest = nests, .height = 1};
    const mn_gnode *n = &g->nodes[pc];
    f.rest = n->kind == MN_G_REP && count != MN_G_RETURN ? rep_rest(g, n, count) : n->least;
    uint64_t h = (uint64_t)pc << 32 | count;
    if (below != MN_G_NO_FRAME) {
        const mn_gframe *u = &w->pool->f[below];
        f.rest = plus(f.rest, u->rest);
        f.nest = (uint16_t)(f.nest + u->nest);
        f.height = u->height + 1;
        h ^= (uint64_t)u->hash * UINT64_C(0xC2B2AE3D27D4EB4F);
    }
    h = (h ^ h >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    f.hash = (uint32_t)(h >> 32);
    return mn_grammar__pool_push(w->pool, &f, ret);
}

/* Notes that the walk depends on frame `at` of those that were there before it. */
static void touch(mn_gwalk *w, uint32_t at)
{
    if (at == MN_G_NO_FRAME || at >= w->base) return;
    uint32_t depth = w->height - w->pool->f[at].height + 1;
    if (depth > w->touched) w->touched = depth;
}

static bool same_stack(const mn_gpool *p, uint32_t x, uint32_t y)
{
    while (x != y) {
        if (x == MN_G_NO_FRAME || y == MN_G_NO_FRAME) return false;
        const mn_gframe *a = &p->f[x], *b = &p->f[y];
        if (a->hash != b->hash || a->pc != b->pc || a->count != b->count ||
            a->height != b->height)
            return false;
        x = a->below;
        y = b->below;
    }
    return true;
}

/* Room for nesting, and a way to the end. */
static bool may_enter(mn_gwalk *w, uint16_t pc, uint32_t stack)
{
    uint32_t need = w->g->nodes[pc].need;
    if (need == MN_G_INF || w->g->nodes[pc].least == MN_G_INF) return false;
    uint32_t nest = stack == MN_G_NO_FRAME ? 0 : w->pool->f[stack].nest;
    int32_t room = (int32_t)(nest + need) - w->nest;
    if (room > w->room) w->room = room;
    return nest + need <= MN_G_NEST_MAX;
}

static mn_rc reserve(mn_gwalk *w, size_t n)
{
    if (n <= w->cap) return MN_OK;
    size_t cap = w->cap ? w->cap * 2 : 64;
    while (cap < n) cap *= 2;
    mn_gconf *c = mn_reallocarray(w->c, cap, sizeof *c);
    if (!c) return MN_E_NOMEM;
    w->c = c;
    w->cap = cap;
    return MN_OK;
}

static mn_rc emit(mn_gwalk *w, uint16_t pc, uint32_t stack, size_t from, uint32_t left)
{
    uint32_t rest = stack == MN_G_NO_FRAME ? 0 : w->pool->f[stack].rest;
    if (left != MN_G_INF && plus(w->g->nodes[pc].least, rest) > left) return MN_OK;
    for (size_t i = from; i < w->n; i++) {
        if (w->c[i].pc == pc && same_stack(w->pool, w->c[i].stack, stack)) return MN_OK;
    }
    if (w->n - from >= MN_G_SETS_MAX) return MN_OK;
    MN_TRY(reserve(w, w->n + 1));
    w->c[w->n++] = (mn_gconf){pc, stack};
    return MN_OK;
}

/* A repetition that has run `count` times: once more, and on. */
static mn_rc repeat(mn_gwalk *w, uint16_t pc, uint32_t count, uint32_t below, size_t from,
                    uint32_t left)
{
    const mn_gnode *r = &w->g->nodes[pc];
    uint32_t frame;
    if (r->max == MN_G_INF && count > r->min)
        count = r->min; /* it makes no difference any more */
    if (count < r->max && may_enter(w, r->other, below)) {
        MN_TRY(push(w, pc, count, below, false, &frame));
        MN_TRY(mn_grammar__enter(w, r->other, frame, from, left));
    }
    return count >= r->min ? mn_grammar__enter(w, r->next, below, from, left) : MN_OK;
}

mn_rc mn_grammar__enter(mn_gwalk *w, uint16_t pc, uint32_t stack, size_t from, uint32_t left)
{
    for (;;) {
        if (pc == MN_G_NONE || !may_enter(w, pc, stack)) return MN_OK;
        const mn_gnode *n = &w->g->nodes[pc];
        if (n->kind == MN_G_BYTE || n->kind == MN_G_TABLE || n->kind == MN_G_DONE)
            return emit(w, pc, stack, from, left);
        if (n->kind == MN_G_REP) return repeat(w, pc, 0, stack, from, left);
        if (n->kind == MN_G_SPLIT) {
            MN_TRY(mn_grammar__enter(w, n->next, stack, from, left));
            pc = n->other;
        } else if (n->kind == MN_G_CALL) {
            if (n->nests || w->g->nodes[n->next].kind != MN_G_RET)
                MN_TRY(push(w, n->next, MN_G_RETURN, stack, n->nests, &stack));
            pc = n->other;
        } else { /* RET */
            MN_ASSERT(stack != MN_G_NO_FRAME);
            touch(w, stack);
            mn_gframe f = w->pool->f[stack];
            if (f.count != MN_G_RETURN)
                return repeat(w, f.pc, f.count + 1, f.below, from, left);
            pc = f.pc;
            stack = f.below;
        }
    }
}

/* The node after eating a byte; MN_G_NONE: it does not eat it. */
static uint16_t eat(const mn_grammar *g, uint16_t pc, uint8_t byte)
{
    const mn_gnode *n = &g->nodes[pc];
    if (n->kind == MN_G_BYTE) return n->byte == byte ? n->next : MN_G_NONE;
    return n->kind == MN_G_TABLE ? g->tables[n->next][byte] : MN_G_NONE;
}

mn_rc mn_grammar__step(mn_gwalk *w, size_t from, size_t to, uint8_t byte, uint32_t left)
{
    size_t at = w->n;
    for (size_t i = from; i < to; i++) {
        uint16_t pc = eat(w->g, w->c[i].pc, byte);
        if (pc != MN_G_NONE) MN_TRY(mn_grammar__enter(w, pc, w->c[i].stack, at, left));
    }
    return MN_OK;
}

uint32_t mn_grammar__left(const mn_gwalk *w, size_t from, size_t to)
{
    uint32_t left = MN_G_INF;
    for (size_t i = from; i < to; i++) {
        uint32_t stack = w->c[i].stack,
                 n = plus(w->g->nodes[w->c[i].pc].least,
                          stack == MN_G_NO_FRAME ? 0 : w->pool->f[stack].rest);
        if (n < left) left = n;
    }
    return left;
}

void mn_grammar__walk_begin(mn_gwalk *w, const mn_gconf *c)
{
    w->base = w->pool->n;
    w->height = c->stack == MN_G_NO_FRAME ? 0 : w->pool->f[c->stack].height;
    w->nest = c->stack == MN_G_NO_FRAME ? 0 : w->pool->f[c->stack].nest;
    w->touched = 0;
    w->room = 0;
}

/* The node's tokens and their likes are allowed. */
static void allow(const mn_vocab_trie *t, uint32_t id, uint64_t *mask)
{
    for (; id != UINT32_MAX; id = t->same[id]) mask[id / 64] |= UINT64_C(1) << id % 64;
}

/* What stands before the byte at one depth of the trie: one node with the stack that the walk began with, or a set. */
typedef struct level {
    uint16_t pc; /* MN_G_NONE: a set */
    uint32_t frames;
    size_t from, to, top; /* of the set; where the next one goes */
} level;

/* Most steps: from one node to another that eats a byte again, on the same stack. MN_G_NONE: there is none such; *ret_dead: there is nothing. */
static uint16_t step_lightly(mn_gwalk *w, uint16_t from, uint8_t byte, uint32_t nest,
                             bool *ret_dead)
{
    uint16_t pc = eat(w->g, from, byte);
    *ret_dead = true;
    if (pc == MN_G_NONE) return pc;
    const mn_gnode *n = &w->g->nodes[pc];
    *ret_dead = false;
    if (n->kind > MN_G_TABLE || n->need > MN_G_NEST_MAX - nest) return MN_G_NONE;
    if ((int32_t)n->need > w->room) w->room = (int32_t)n->need;
    return pc;
}

/* The set after the byte in at[1]; false: it is empty. */
static mn_rc step_level(mn_gwalk *w, level *at, mn_gconf first, size_t kept, uint8_t byte,
                        uint32_t left, bool *ret_dead)
{
    w->pool->n = at->frames;
    w->n = at->top;
    if (at->pc != MN_G_NONE) { /* becomes a set again */
        w->c[kept] = (mn_gconf){at->pc, first.stack};
        at->from = kept;
        at->to = w->n = kept + 1;
    }
    at[1] = (level){.pc = MN_G_NONE, .from = w->n};
    MN_TRY(mn_grammar__step(w, at->from, at->to, byte, left));
    at[1].to = at[1].top = w->n;
    at[1].frames = w->pool->n;
    *ret_dead = at[1].to == at[1].from;
    return MN_OK;
}

mn_rc mn_grammar__walk(mn_gwalk *w, const mn_gtrie *t, size_t from, size_t to, uint32_t left,
                       uint64_t *mask)
{
    level at[MN_G_TOKEN_MAX + 1];
    uint32_t frames = w->pool->n, nest;
    size_t kept = w->n;
    mn_gconf first = w->c[from];
    mn_rc rc = MN_OK;
    MN_TRY(reserve(w, kept + 1));
    nest = first.stack == MN_G_NO_FRAME ? 0 : w->pool->f[first.stack].nest;
    at[0] = (level){.pc = to - from == 1 && left == MN_G_INF ? first.pc : MN_G_NONE,
                    .frames = frames,
                    .from = from,
                    .to = to,
                    .top = kept};
    for (uint32_t i = 0; i < t->n && rc == MN_OK;) {
        uint32_t depth = t->depth[i];
        level *l = &at[depth];
        bool dead = false;
        uint16_t pc =
            l->pc == MN_G_NONE ? MN_G_NONE : step_lightly(w, l->pc, t->byte[i], nest, &dead);
        if (pc != MN_G_NONE) {
            l[1] = (level){.pc = pc, .frames = frames, .top = kept};
        } else if (!dead) {
            rc = step_level(w, l, first, kept, t->byte[i],
                            left == MN_G_INF ? left : left - depth - 1, &dead);
        }
        if (dead || rc != MN_OK) {
            i = t->end[i];
            continue;
        }
        if (t->id[i] != UINT32_MAX) allow(w->g->trie, t->id[i], mask);
        i++;
    }
    w->n = kept;
    w->pool->n = frames;
    return rc;
}
