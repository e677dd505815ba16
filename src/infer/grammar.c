/* Grammars and constraints: the public side (grammar.h). A constraint is a set of configurations and the pool their stacks lie in. The mask is the
 * union of each configuration's own mask, which is found in the grammar's cache or walked; plain text inside strings comes from the vocabulary's
 * ready masks. */
#include "infer/grammar.h"

#include "infer/grammar_run.h"

enum { FORCED_MAX = 256, POOL_SLACK = 512 };

struct mn_constraint {
    mn_grammar *g;
    mn_gpool pool;
    mn_gwalk w;    /* the set is w.c[0 .. w.n) */
    uint64_t size; /* bytes so far */
    uint32_t
        left; /* MN_G_INF: it may go on; else it has been long enough, and ends within so many bytes */
    uint32_t tidy_at; /* frames in the pool */
    bool ended;
    uint64_t *mask, *part; /* [words] */
    char forced[FORCED_MAX];
};

/* ---- grammars -------------------------------------------------------------------------------------------------- */

static mn_rc finish(mn_gbuild *b, uint16_t start, mn_grammar **ret)
{
    mn_grammar *g;
    MN_TRY(mn_grammar__build_finish(b, start, &g));
    g->cache = mn_grammar__cache_new(g);
    if (!g->cache) {
        mn_grammar_unref(g);
        return mn_fail(b->e, MN_E_NOMEM, "out of memory for a grammar");
    }
    *ret = g;
    return MN_OK;
}

static mn_rc schema(const mn_vocab_trie *t, const mn_json *root, mn_grammar **ret, mn_err *e)
{
    mn_arena a;
    mn_gbuild b;
    mn_arena_init(&a, 64u << 20);
    mn_rc rc = mn_grammar__build_init(&b, t, &a, e);
    if (rc == MN_OK) {
        uint16_t start = mn_grammar__schema(&b, root);
        rc = finish(&b, start, ret);
    }
    mn_grammar__build_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_grammar_json_schema(const mn_vocab_trie *t, const mn_json *root, mn_grammar **ret,
                             mn_err *e)
{
    if (!root || (root->type != MN_JSON_OBJECT && root->type != MN_JSON_BOOL))
        return mn_fail(e, MN_E_PARSE, "a JSON schema is an object, or true");
    return schema(t, root, ret, e);
}

mn_rc mn_grammar_json(const mn_vocab_trie *t, mn_grammar **ret, mn_err *e)
{
    static mn_json object = {.type = MN_JSON_STRING, .text = {"object", 6}};
    static mn_json *items[] = {&object};
    static mn_str keys[] = {{"type", 4}};
    static const mn_json any = {.type = MN_JSON_OBJECT, .n = 1, .items = items, .keys = keys};
    return schema(t, &any, ret, e);
}

static mn_rc check_choice(const mn_str *strings, size_t n, mn_err *e)
{
    size_t bytes = 0;
    if (!n) return mn_fail(e, MN_E_USAGE, "a choice needs at least one string");
    for (size_t i = 0; i < n; i++) {
        if (!strings[i].len) return mn_fail(e, MN_E_USAGE, "an empty string cannot be chosen");
        bytes += strings[i].len;
        if (bytes > MN_GRAMMAR_CHOICE_BYTES)
            return mn_fail(e, MN_E_LIMIT, "the strings to choose from have more than %u bytes",
                           MN_GRAMMAR_CHOICE_BYTES);
    }
    return MN_OK;
}

mn_rc mn_grammar_choice(const mn_vocab_trie *t, const mn_str *strings, size_t n,
                        mn_grammar **ret, mn_err *e)
{
    mn_arena a;
    mn_gbuild b = {0};
    MN_TRY(check_choice(strings, n, e));
    mn_arena_init(&a, 0);
    mn_rc rc = MN_E_NOMEM;
    mn_str *copy = mn_arena_alloc(&a, n * sizeof *copy);
    if (!copy) {
        mn_fail(e, rc, "out of memory for a grammar");
        goto out;
    }
    memcpy(copy, strings, n * sizeof *copy);
    rc = mn_grammar__build_init(&b, t, &a, e);
    if (rc == MN_OK) rc = finish(&b, mn_grammar__choice(&b, copy, n, b.ret), ret);
out:
    mn_grammar__build_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_grammar *mn_grammar_ref(mn_grammar *g)
{
    atomic_fetch_add(&g->refs, 1);
    return g;
}

void mn_grammar_unref(mn_grammar *g)
{
    if (!g || atomic_fetch_sub(&g->refs, 1) != 1) return;
    mn_grammar__cache_free(g->cache);
    mn_free(g->nodes);
    mn_free(g->tables);
    mn_free(g);
}

/* ---- constraints ----------------------------------------------------------------------------------------------- */

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "out of memory for constrained output");
}

mn_rc mn_constraint_new(mn_grammar *g, mn_constraint **ret, mn_err *e)
{
    mn_constraint *c = mn_calloc(1, sizeof *c);
    if (!c) return no_memory(e);
    uint32_t bottom;
    mn_gframe done = {
        .pc = (uint16_t)(g->n - 1), .count = MN_G_RETURN, .below = MN_G_NO_FRAME, .height = 1};
    c->g = mn_grammar_ref(g);
    c->left = MN_G_INF;
    c->tidy_at = POOL_SLACK;
    c->w.g = g;
    c->w.pool = &c->pool;
    mn_rc rc = mn_grammar__pool_push(&c->pool, &done, &bottom);
    if (rc == MN_OK) rc = mn_grammar__enter(&c->w, g->start, bottom, 0, MN_G_INF);
    if (rc != MN_OK) {
        mn_constraint_free(c);
        return no_memory(e);
    }
    MN_ASSERT(c->w.n > 0);
    *ret = c;
    return MN_OK;
}

void mn_constraint_free(mn_constraint *c)
{
    if (!c) return;
    mn_grammar_unref(c->g);
    mn_free(c->pool.f);
    mn_free(c->w.c);
    mn_free(c->mask);
    mn_free(c);
}

mn_rc mn_constraint_copy(const mn_constraint *c, mn_constraint **ret, mn_err *e)
{
    mn_constraint *d = mn_alloc(sizeof *d);
    if (!d) return no_memory(e);
    *d = (mn_constraint){.g = mn_grammar_ref(c->g),
                         .size = c->size,
                         .left = c->left,
                         .tidy_at = c->tidy_at,
                         .ended = c->ended};
    d->w = (mn_gwalk){.g = c->g, .pool = &d->pool, .n = c->w.n, .cap = c->w.n};
    d->pool = (mn_gpool){.n = c->pool.n, .cap = c->pool.n};
    d->pool.f = mn_reallocarray(NULL, c->pool.n, sizeof *d->pool.f);
    d->w.c = mn_reallocarray(NULL, c->w.n, sizeof *d->w.c);
    if (!d->pool.f || !d->w.c) {
        mn_constraint_free(d);
        return no_memory(e);
    }
    memcpy(d->pool.f, c->pool.f, c->pool.n * sizeof *d->pool.f);
    memcpy(d->w.c, c->w.c, c->w.n * sizeof *d->w.c);
    *ret = d;
    return MN_OK;
}

static bool is_end(const mn_vocab_trie *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_ends; i++) {
        if (t->ends[i] == id) return true;
    }
    return false;
}

bool mn_constraint_complete(const mn_constraint *c)
{
    if (c->ended) return true;
    for (size_t i = 0; i < c->w.n; i++) {
        if (c->g->nodes[c->w.c[i].pc].kind == MN_G_DONE) return true;
    }
    return false;
}

/* ---- masks ----------------------------------------------------------------------------------------------------- */

/* Adds the plain tokens that the configuration takes without asking; gives the trie that is left to walk. */
static const mn_gtrie *add_plain(const mn_constraint *c, const mn_gconf *k)
{
    const mn_vocab_trie *t = c->g->trie;
    const mn_gnode *n = &c->g->nodes[k->pc];
    uint32_t most = t->n_plain;
    if (n->plain == MN_G_NOT_PLAIN) return &t->all;
    if (n->plain == MN_G_PLAIN_CHAR) {
        const mn_gframe *f = &c->pool.f[k->stack];
        const mn_gnode *r = &c->g->nodes[f->pc];
        if (f->count == MN_G_RETURN || r->other != k->pc) return &t->all;
        if (r->max != MN_G_INF && r->max - f->count < most) most = r->max - f->count;
    }
    for (size_t i = 0; most && i < t->words; i++) c->mask[i] |= t->plain[most - 1][i];
    return &t->rest;
}

static mn_rc add_mask(mn_constraint *c, size_t i)
{
    mn_gconf k = c->w.c[i];
    size_t words = c->g->trie->words;
    const mn_gtrie *t = add_plain(c, &k);
    if (mn_grammar__cache_find(c->g->cache, &c->w, &k, c->mask)) return MN_OK;
    memset(c->part, 0, words * sizeof *c->part);
    mn_grammar__walk_begin(&c->w, &k);
    MN_TRY(mn_grammar__walk(&c->w, t, i, i + 1, MN_G_INF, c->part));
    mn_grammar__cache_add(c->g->cache, &c->w, &k, c->part);
    for (size_t j = 0; j < words; j++) c->mask[j] |= c->part[j];
    return MN_OK;
}

mn_rc mn_constraint_mask(mn_constraint *c, const uint64_t **ret, mn_err *e)
{
    const mn_vocab_trie *t = c->g->trie;
    if (!c->mask) {
        c->mask = mn_reallocarray(NULL, t->words, 2 * sizeof *c->mask);
        if (!c->mask) return no_memory(e);
        c->part = c->mask + t->words;
    }
    memset(c->mask, 0, t->words * sizeof *c->mask);
    if (mn_constraint_complete(c)) {
        for (size_t i = 0; i < t->n_ends; i++)
            c->mask[t->ends[i] / 64] |= UINT64_C(1) << t->ends[i] % 64;
    }
    mn_rc rc = MN_OK;
    if (c->ended) {
        /* nothing but the end */
    } else if (c->left != MN_G_INF) {
        rc = mn_grammar__walk(&c->w, &t->all, 0, c->w.n, c->left, c->mask);
    } else {
        for (size_t i = 0, n = c->w.n; i < n && rc == MN_OK; i++) {
            if (c->g->nodes[c->w.c[i].pc].kind != MN_G_DONE) rc = add_mask(c, i);
        }
    }
    if (rc != MN_OK) return no_memory(e);
    *ret = c->mask;
    return MN_OK;
}

/* ---- going on -------------------------------------------------------------------------------------------------- */

/* Takes the bytes from the set [from .. to); the new set is at *ret .. w.n, empty when they do not fit. */
static mn_rc take_bytes(mn_constraint *c, size_t from, size_t to, mn_str s, size_t *ret)
{
    for (size_t i = 0; i < s.len && from < to; i++) {
        uint32_t left = c->left == MN_G_INF ? MN_G_INF : c->left - (uint32_t)i - 1;
        size_t next = c->w.n;
        MN_TRY(mn_grammar__step(&c->w, from, to, (uint8_t)s.ptr[i], left));
        from = next;
        to = c->w.n;
    }
    *ret = from;
    return MN_OK;
}

static mn_str text_of(const mn_constraint *c, uint32_t id)
{
    const mn_tokenizer *tok = c->g->trie->tok;
    if (id >= c->g->trie->V || mn_tok_is_special(tok, id)) return MN_STR_NONE;
    mn_str s = mn_tok_bytes(tok, id);
    return s.len > MN_G_TOKEN_MAX ? MN_STR_NONE : s;
}

/* As the mask: from all configurations at once when the end is near, else from any one of them. On success the new set is [*ret .. w.n). */
static mn_rc try_bytes(mn_constraint *c, mn_str s, bool whole, size_t *ret)
{
    size_t n = c->w.n;
    uint32_t frames = c->pool.n;
    if (whole || c->left != MN_G_INF) {
        MN_TRY(take_bytes(c, 0, n, s, ret));
        if (*ret < c->w.n || c->left != MN_G_INF) return MN_OK;
    }
    for (size_t i = 0; i < n; i++) {
        c->w.n = n;
        c->pool.n = frames;
        MN_TRY(take_bytes(c, i, i + 1, s, ret));
        if (*ret < c->w.n) return MN_OK;
    }
    return MN_OK;
}

static void go_back(mn_constraint *c, size_t n, uint32_t frames)
{
    c->w.n = n;
    c->pool.n = frames;
}

bool mn_constraint_allows(mn_constraint *c, uint32_t id)
{
    if (is_end(c->g->trie, id)) return mn_constraint_complete(c);
    mn_str s = text_of(c, id);
    if (c->ended || !s.len) return false;
    size_t n = c->w.n, at = n;
    uint32_t frames = c->pool.n;
    bool ok = try_bytes(c, s, false, &at) == MN_OK && at < c->w.n;
    go_back(c, n, frames);
    return ok;
}

/* Drops the frames that no configuration stands on. Order is kept, so what is below stays below. Without memory they just stay. */
static void tidy(mn_constraint *c)
{
    mn_gpool *p = &c->pool;
    uint32_t kept = 0, *to = mn_calloc(p->n, sizeof *to); /* where a frame goes, plus one */
    if (!to) return;
    for (size_t i = 0; i < c->w.n; i++) {
        for (uint32_t at = c->w.c[i].stack; at != MN_G_NO_FRAME && !to[at]; at = p->f[at].below)
            to[at] = 1;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        if (!to[i]) continue;
        mn_gframe f = p->f[i];
        if (f.below != MN_G_NO_FRAME) f.below = to[f.below] - 1;
        p->f[kept] = f;
        to[i] = ++kept;
    }
    for (size_t i = 0; i < c->w.n; i++) c->w.c[i].stack = to[c->w.c[i].stack] - 1;
    p->n = kept;
    c->tidy_at = kept > POOL_SLACK / 2 ? kept * 2 : POOL_SLACK;
    mn_free(to);
}

mn_rc mn_constraint_take(mn_constraint *c, uint32_t id, mn_err *e)
{
    if (is_end(c->g->trie, id) && mn_constraint_complete(c)) {
        c->ended = true;
        return MN_OK;
    }
    mn_str s = text_of(c, id);
    size_t n = c->w.n, at = n;
    uint32_t frames = c->pool.n;
    mn_rc rc = c->ended || !s.len ? MN_OK : try_bytes(c, s, true, &at);
    if (rc != MN_OK || at >= c->w.n || c->ended || !s.len) {
        go_back(c, n, frames);
        if (rc != MN_OK) return no_memory(e);
        return mn_fail(e, MN_E_USAGE, "token %u does not fit the grammar here", id);
    }
    memmove(c->w.c, c->w.c + at, (c->w.n - at) * sizeof *c->w.c);
    c->w.n -= at;
    c->size += s.len;
    if (c->left != MN_G_INF) c->left -= (uint32_t)s.len;
    else if (c->size >= MN_G_SOFT_BYTES) c->left = mn_grammar__left(&c->w, 0, c->w.n);
    if (c->pool.n > c->tidy_at) tidy(c);
    return MN_OK;
}

/* The one byte that the configuration eats, or −1. */
static int only_byte(const mn_grammar *g, const mn_gconf *k)
{
    const mn_gnode *n = &g->nodes[k->pc];
    int only = -1;
    if (n->kind == MN_G_BYTE) return n->byte;
    for (int i = 0; n->kind == MN_G_TABLE && i < 256; i++) {
        if (g->tables[n->next][i] == MN_G_NONE) continue;
        if (only >= 0) return -1;
        only = i;
    }
    return only;
}

mn_str mn_constraint_forced(mn_constraint *c)
{
    size_t n = c->w.n, from = 0, to = n, len = 0;
    uint32_t frames = c->pool.n;
    while (len < FORCED_MAX && from < to && !c->ended) {
        int byte = only_byte(c->g, &c->w.c[from]);
        for (size_t i = from + 1; i < to && byte >= 0; i++) {
            if (only_byte(c->g, &c->w.c[i]) != byte) byte = -1;
        }
        uint32_t left = c->left == MN_G_INF ? MN_G_INF : c->left - (uint32_t)len - 1;
        if (byte < 0 || mn_grammar__step(&c->w, from, to, (uint8_t)byte, left) != MN_OK) break;
        c->forced[len++] = (char)byte;
        from = to;
        to = c->w.n;
    }
    go_back(c, n, frames);
    return (mn_str){c->forced, len};
}
