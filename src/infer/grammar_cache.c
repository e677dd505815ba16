/* Masks that were worked out before. A walk of the trie from a configuration reads its node and the uppermost frames of its stack, no deeper than a token
 * can leave rules; the mask depends on nothing else. So the key is the node and those frames, and a node remembers how many frames its walks
 * have read. The count of a repetition is part of the key only where a token could reach its bounds.
 *
 * What is kept is the part of the mask that was walked (plain text is added from the vocabulary's own masks), as a list of ids where that is
 * shorter than the bits. When the memory set aside for it is full, all is forgotten. */
#include "infer/grammar_run.h"

#define CACHE_BYTES (8u << 20)
#define BUCKETS     1024u
#define COUNT_FREE  0xFFFFFFFEu
#define COUNT_LOW   0xFFFFFFFDu
#define FRAMES_MAX  63u

typedef struct frame_key {
    uint32_t pc, count;
} frame_key;

typedef struct entry {
    struct entry *next;
    uint64_t hash;
    uint32_t n_frames, n_ids; /* UINT32_MAX: bits */
    int32_t room;
    uint16_t pc;
    const frame_key *frames; /* all three point behind this struct */
    const uint32_t *ids;
    const uint64_t *bits;
} entry;

struct mn_gcache {
    const mn_grammar *g;
    pthread_mutex_t lock;
    entry *buckets[BUCKETS];
    uint64_t *depths; /* per node: bit d set: a walk from it has read d frames */
    mn_gmask_stats stats;
};

mn_gcache *mn_grammar__cache_new(const mn_grammar *g)
{
    mn_gcache *c = mn_calloc(1, sizeof *c);
    if (!c) return NULL;
    c->g = g;
    c->depths = mn_calloc(g->n, sizeof *c->depths);
    if (!c->depths || pthread_mutex_init(&c->lock, NULL) != 0) {
        mn_free(c->depths);
        mn_free(c);
        return NULL;
    }
    return c;
}

static void forget(mn_gcache *c)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (entry *e = c->buckets[i], *next; e; e = next) {
            next = e->next;
            mn_free(e);
        }
        c->buckets[i] = NULL;
    }
    memset(c->depths, 0, c->g->n * sizeof *c->depths);
    c->stats.bytes = 0;
}

void mn_grammar__cache_free(mn_gcache *c)
{
    if (!c) return;
    forget(c);
    pthread_mutex_destroy(&c->lock);
    mn_free(c->depths);
    mn_free(c);
}

static frame_key key_of(const mn_grammar *g, const mn_gframe *f)
{
    frame_key k = {f->pc, f->count};
    if (f->count == MN_G_RETURN) return k;
    const mn_gnode *r = &g->nodes[f->pc];
    uint64_t count = f->count, reach = g->trie->longest + 1u;
    if (r->max != MN_G_INF && count + reach >= r->max) return k;
    if (count >= r->min) k.count = COUNT_FREE;
    else if (count + reach < r->min) k.count = COUNT_LOW;
    return k;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

static uint64_t hash_frame(uint64_t h, frame_key k)
{
    return mix(h, (uint64_t)k.pc << 32 | k.count);
}

static bool is_it(const mn_gcache *c, const entry *e, const mn_gwalk *w, const mn_gconf *k)
{
    uint32_t at = k->stack;
    for (uint32_t i = 0; i < e->n_frames; i++) {
        frame_key f = key_of(c->g, &w->pool->f[at]);
        if (f.pc != e->frames[i].pc || f.count != e->frames[i].count) return false;
        at = w->pool->f[at].below;
    }
    return true;
}

static const entry *find_at(const mn_gcache *c, uint64_t hash, uint32_t n_frames,
                            const mn_gwalk *w, const mn_gconf *k)
{
    int32_t nest = k->stack == MN_G_NO_FRAME ? 0 : w->pool->f[k->stack].nest;
    for (const entry *e = c->buckets[hash % BUCKETS]; e; e = e->next) {
        if (e->hash == hash && e->pc == k->pc && e->n_frames == n_frames &&
            nest + e->room <= (int32_t)MN_G_NEST_MAX && is_it(c, e, w, k))
            return e;
    }
    return NULL;
}

static const entry *find(const mn_gcache *c, const mn_gwalk *w, const mn_gconf *k)
{
    uint64_t depths = c->depths[k->pc], h = mix(1, k->pc);
    uint32_t at = k->stack;
    for (uint32_t d = 0; depths >> d; d++) {
        const entry *e = depths >> d & 1 ? find_at(c, h, d, w, k) : NULL;
        if (e) return e;
        if (at == MN_G_NO_FRAME) return NULL;
        h = hash_frame(h, key_of(c->g, &w->pool->f[at]));
        at = w->pool->f[at].below;
    }
    return NULL;
}

bool mn_grammar__cache_find(mn_gcache *c, const mn_gwalk *w, const mn_gconf *k, uint64_t *mask)
{
    pthread_mutex_lock(&c->lock);
    const entry *e = find(c, w, k);
    if (e && e->bits) {
        for (size_t i = 0; i < c->g->trie->words; i++) mask[i] |= e->bits[i];
    } else if (e) {
        for (uint32_t i = 0; i < e->n_ids; i++)
            mask[e->ids[i] / 64] |= UINT64_C(1) << e->ids[i] % 64;
    }
    c->stats.found += e != NULL;
    pthread_mutex_unlock(&c->lock);
    return e != NULL;
}

static void store(mn_gcache *c, entry *e, size_t bytes)
{
    if (c->stats.bytes + bytes > CACHE_BYTES) forget(c);
    c->stats.bytes += bytes;
    c->depths[e->pc] |= UINT64_C(1) << e->n_frames;
    e->next = c->buckets[e->hash % BUCKETS];
    c->buckets[e->hash % BUCKETS] = e;
}

static void copy_mask(entry *e, void *to, const uint64_t *mask, size_t words)
{
    uint32_t *ids = to;
    size_t n = 0;
    if (e->n_ids == UINT32_MAX) {
        e->bits = memcpy(to, mask, words * sizeof *mask);
        return;
    }
    for (size_t i = 0; i < words; i++) {
        for (uint64_t bits = mask[i]; bits; bits &= bits - 1)
            ids[n++] = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(bits));
    }
    e->ids = ids;
}

void mn_grammar__cache_add(mn_gcache *c, const mn_gwalk *w, const mn_gconf *k,
                           const uint64_t *mask)
{
    size_t words = c->g->trie->words, n = 0;
    if (w->touched > FRAMES_MAX || w->nest + w->room > (int32_t)MN_G_NEST_MAX) return;
    for (size_t i = 0; i < words; i++) n += (size_t)__builtin_popcountll(mask[i]);
    bool bits = n * sizeof(uint32_t) > words * sizeof(uint64_t);
    size_t frames = w->touched * sizeof(frame_key),
           bytes = sizeof(entry) + frames +
                   (bits ? words * sizeof(uint64_t) : n * sizeof(uint32_t));
    entry *e = mn_alloc(bytes);
    if (!e) return;
    frame_key *f = (frame_key *)(e + 1);
    *e = (entry){.n_frames = w->touched,
                 .n_ids = bits ? UINT32_MAX : (uint32_t)n,
                 .room = w->room,
                 .pc = k->pc,
                 .frames = f,
                 .hash = mix(1, k->pc)};
    uint32_t at = k->stack;
    for (uint32_t i = 0; i < w->touched; i++) {
        f[i] = key_of(c->g, &w->pool->f[at]);
        e->hash = hash_frame(e->hash, f[i]);
        at = w->pool->f[at].below;
    }
    copy_mask(e, f + w->touched, mask, words);
    pthread_mutex_lock(&c->lock);
    c->stats.made++;
    if (find(c, w, k)) mn_free(e); /* another thread was first */
    else store(c, e, bytes);
    pthread_mutex_unlock(&c->lock);
}

void mn_grammar__cache_stats(const mn_grammar *g, mn_gmask_stats *ret)
{
    pthread_mutex_lock(&g->cache->lock);
    *ret = g->cache->stats;
    pthread_mutex_unlock(&g->cache->lock);
}
