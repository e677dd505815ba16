/* Text to ids and back.
 *
 * A piece is merged by rank: of all neighbouring pairs the one with the lowest rank is joined, the leftmost first, until
 * no pair has a rank. Short pieces do it on two small arrays (finding the lowest by looking at all: quadratic, but
 * of at most MN_SHORT symbols); long ones keep the pairs in a heap over a doubly linked list, n log n whatever they hold.
 *
 * Most pieces are words seen a moment ago: the cache is a direct-mapped table from pieces of up to 16 bytes and 7 ids to
 * their ids, half a cache line an entry. An entry is right or absent, never approximate: the whole piece is compared.
 */
#include <string.h>

#include "text/tok_int.h"

enum { MN_SHORT = 48, KEY_MAX = 16, IDS_MAX = 7, CACHE_BITS = 16 };

typedef struct cached {
    uint64_t lo, hi; /* the piece's first and last bytes, see make_key */
    uint8_t len, n;  /* of the piece; of its ids. len 0: empty */
    uint16_t ids[IDS_MAX];
} cached;

struct mn_tok_cache {
    uint64_t serial; /* of the tokenizer whose ids these are */
    cached slots[1u << CACHE_BITS];
};

mn_rc mn_tok_cache_new(mn_tok_cache **ret, mn_err *e)
{
    mn_tok_cache *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory for a cache of words");
    *ret = c;
    return MN_OK;
}

void mn_tok_cache_free(mn_tok_cache *c)
{
    mn_free(c);
}

/* ---- merging one piece -------------------------------------------------------------------------------------- */

/* A piece's bytes as ids; bytes that the vocabulary lacks are left out. */
static size_t byte_ids(const mn_tokenizer *t, const char *s, size_t n, uint32_t *ret)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = t->byte_id[(uint8_t)s[i]];
        if (id != MN_TOK_NONE) ret[k++] = id;
    }
    return k;
}

/* Merges ids[0..n), n ≤ MN_SHORT, in place; returns how many are left. */
static size_t merge_short(const mn_tokenizer *t, uint32_t *ids, size_t n)
{
    uint32_t ranks[MN_SHORT]; /* of ids[i], ids[i + 1] */
    if (n < 2) return n;
    for (size_t i = 0; i + 1 < n; i++) ranks[i] = mn_tok__rank(t, ids[i], ids[i + 1]);
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++) {
            if (ranks[i] < ranks[best]) best = i;
        }
        if (ranks[best] == MN_TOK_NONE) return n;
        ids[best] = t->merges[ranks[best]].id;
        n--;
        memmove(ids + best + 1, ids + best + 2, (n - best - 1) * sizeof *ids);
        if (n < 2) return n;
        memmove(ranks + best, ranks + best + 1, (n - best - 1) * sizeof *ranks);
        if (best) ranks[best - 1] = mn_tok__rank(t, ids[best - 1], ids[best]);
        if (best + 1 < n) ranks[best] = mn_tok__rank(t, ids[best], ids[best + 1]);
    }
}

/* One symbol of a long piece. A dead one has id MN_TOK_NONE. */
typedef struct node {
    uint32_t id, prev, next; /* MN_TOK_NONE at the ends */
} node;

typedef struct long_piece {
    const mn_tokenizer *t;
    node *nodes;
    uint64_t *heap; /* rank << 32 | index of the left symbol; the lowest on top */
    size_t n_heap;
} long_piece;

static void sift_down(uint64_t *heap, size_t n, size_t i)
{
    uint64_t x = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= x) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = x;
}

static void push_pair(long_piece *p, uint32_t left)
{
    uint32_t right = p->nodes[left].next;
    if (right == MN_TOK_NONE) return;
    uint32_t rank = mn_tok__rank(p->t, p->nodes[left].id, p->nodes[right].id);
    if (rank == MN_TOK_NONE) return;
    uint64_t x = (uint64_t)rank << 32 | left;
    size_t i = p->n_heap++;
    for (; i && p->heap[(i - 1) / 2] > x; i = (i - 1) / 2) p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = x;
}

static void merge_nodes(long_piece *p)
{
    while (p->n_heap) {
        uint32_t left = (uint32_t)p->heap[0], rank = (uint32_t)(p->heap[0] >> 32);
        p->heap[0] = p->heap[--p->n_heap];
        if (p->n_heap) sift_down(p->heap, p->n_heap, 0);

        const mn_tok_merge *m = &p->t->merges[rank];
        node *l = &p->nodes[left];
        if (l->id != m->left || l->next == MN_TOK_NONE) continue; /* out of date */
        node *r = &p->nodes[l->next];
        if (r->id != m->right) continue;
        l->id = m->id;
        r->id = MN_TOK_NONE;
        l->next = r->next;
        if (l->next != MN_TOK_NONE) p->nodes[l->next].prev = left;
        if (l->prev != MN_TOK_NONE) push_pair(p, l->prev);
        push_pair(p, left);
    }
}

/* As merge_short, for any n. */
static mn_rc merge_long(const mn_tokenizer *t, uint32_t *ids, size_t n, size_t *ret_n)
{
    if (n >= UINT32_MAX / 4) return MN_E_LIMIT;
    long_piece p = {.t = t};
    p.nodes = mn_reallocarray(NULL, n, sizeof *p.nodes);
    p.heap = mn_reallocarray(NULL, n * 3, sizeof *p.heap); /* n - 1 pairs, two more a merge */
    mn_rc rc = p.nodes && p.heap ? MN_OK : MN_E_NOMEM;
    if (rc == MN_OK) {
        for (size_t i = 0; i < n; i++) {
            uint32_t here = (uint32_t)i;
            p.nodes[i] =
                (node){ids[i], i ? here - 1 : MN_TOK_NONE, i + 1 < n ? here + 1 : MN_TOK_NONE};
        }
        for (size_t i = 0; i + 1 < n; i++) push_pair(&p, (uint32_t)i);
        merge_nodes(&p);
        size_t k = 0;
        for (uint32_t i = 0; i != MN_TOK_NONE; i = p.nodes[i].next) ids[k++] = p.nodes[i].id;
        *ret_n = k;
    }
    mn_free(p.nodes);
    mn_free(p.heap);
    return rc;
}

/* Room for `extra` more ids. */
static inline mn_rc ids_room(mn_ids *ids, size_t extra)
{
    if (extra <= ids->cap - ids->n) return MN_OK;
    if (extra > SIZE_MAX / 4 - ids->n) return MN_E_NOMEM;
    size_t cap = ids->cap * 2 > ids->n + extra ? ids->cap * 2 : ids->n + extra;
    uint32_t *bigger = mn_reallocarray(ids->ptr, cap, sizeof *bigger);
    if (!bigger) return MN_E_NOMEM;
    ids->ptr = bigger;
    ids->cap = cap;
    return MN_OK;
}

/* Appends a piece's ids; there is room for n more. */
static mn_rc encode_piece(const mn_tokenizer *t, const char *s, size_t n, mn_ids *ret)
{
    uint32_t *ids = ret->ptr + ret->n;
    size_t k = byte_ids(t, s, n, ids);
    if (k <= MN_SHORT) k = merge_short(t, ids, k);
    else MN_TRY(merge_long(t, ids, k, &k));
    ret->n += k;
    return MN_OK;
}

/* ---- the cache ---------------------------------------------------------------------------------------------- */

/* A piece of 1 to 16 bytes as two words that, with its length, tell it from every other. */
static inline void make_key(const char *s, size_t n, uint64_t *lo, uint64_t *hi)
{
    if (n >= 8) {
        memcpy(lo, s, 8);
        memcpy(hi, s + n - 8, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, s, 4);
        memcpy(&last, s + n - 4, 4);
        *lo = first;
        *hi = last;
    } else {
        *lo = (uint8_t)s[0];
        *hi = (uint64_t)(uint8_t)s[n / 2] << 8 | (uint8_t)s[n - 1];
    }
}

static inline size_t cache_slot(uint64_t lo, uint64_t hi, size_t n)
{
    uint64_t h = (lo ^ (hi + n) * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)((h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93) >> (64 - CACHE_BITS));
}

static mn_rc encode_cached(const mn_tokenizer *t, mn_tok_cache *c, const char *s, size_t n,
                           mn_ids *ret)
{
    uint64_t lo, hi;
    make_key(s, n, &lo, &hi);
    cached *slot = &c->slots[cache_slot(lo, hi, n)];
    uint32_t *ids = ret->ptr + ret->n;
    if (slot->lo == lo && slot->hi == hi && slot->len == n) {
        for (size_t i = 0; i < IDS_MAX; i++) ids[i] = slot->ids[i]; /* there is room */
        ret->n += slot->n;
        return MN_OK;
    }
    size_t k = merge_short(t, ids, byte_ids(t, s, n, ids));
    ret->n += k;
    if (k > IDS_MAX) return MN_OK;
    *slot = (cached){.lo = lo, .hi = hi, .len = (uint8_t)n, .n = (uint8_t)k};
    for (size_t i = 0; i < k; i++) slot->ids[i] = (uint16_t)ids[i];
    return MN_OK;
}

/* A cache serves one tokenizer at a time: another one empties it. */
static void cache_adopt(mn_tok_cache *c, const mn_tokenizer *t)
{
    if (c->serial == t->serial) return;
    memset(c->slots, 0, sizeof c->slots);
    c->serial = t->serial;
}

/* ---- whole texts -------------------------------------------------------------------------------------------- */

mn_rc mn_tok_encode(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, mn_ids *ret)
{
    size_t before = ret->n;
    mn_rc rc = MN_OK;
    if (c) cache_adopt(c, t);
    for (size_t at = 0; at < text.len && rc == MN_OK;) {
        size_t end = mn_tok__split(text.ptr, text.len, at, t->digits_alone);
        rc = ids_room(ret, end - at + IDS_MAX); /* never more ids than bytes */
        if (rc != MN_OK) break;
        if (c && end - at <= KEY_MAX) rc = encode_cached(t, c, text.ptr + at, end - at, ret);
        else rc = encode_piece(t, text.ptr + at, end - at, ret);
        at = end;
    }
    if (rc != MN_OK) ret->n = before;
    return rc;
}

/* Among added[lo..hi), which share their first n bytes and are longer: the first whose byte n is at least c. */
static uint32_t added_bound(const mn_tokenizer *t, uint32_t lo, uint32_t hi, size_t n,
                            unsigned c)
{
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if ((uint8_t)t->tokens[t->added[mid]].bytes.ptr[n] < c) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* The longest added token that the text has at `at`; MN_TOK_NONE for none. */
static uint32_t added_at(const mn_tokenizer *t, mn_str text, size_t at)
{
    uint32_t lo = 0, hi = t->n_added, found = MN_TOK_NONE;
    for (size_t n = 0; lo < hi && at + n < text.len; n++) {
        unsigned c = (uint8_t)text.ptr[at + n];
        lo = added_bound(t, lo, hi, n, c);
        hi = added_bound(t, lo, hi, n, c + 1);
        if (lo < hi && t->tokens[t->added[lo]].bytes.len == n + 1) found = t->added[lo++];
    }
    return found;
}

mn_rc mn_tok_encode_special(const mn_tokenizer *t, mn_str text, mn_ids *ret)
{
    size_t before = ret->n, from = 0;
    mn_rc rc = MN_OK;
    for (size_t at = 0; at < text.len && rc == MN_OK;) {
        uint32_t id = added_at(t, text, at);
        if (id == MN_TOK_NONE) {
            at++;
            continue;
        }
        rc = mn_tok_encode(t, NULL, mn_str_sub(text, from, at - from), ret);
        if (rc == MN_OK) rc = mn_ids_add(ret, id);
        from = at += t->tokens[id].bytes.len;
    }
    if (rc == MN_OK) rc = mn_tok_encode(t, NULL, mn_str_sub(text, from, SIZE_MAX), ret);
    if (rc != MN_OK) ret->n = before;
    return rc;
}

mn_rc mn_tok_decode(const mn_tokenizer *t, const uint32_t *ids, size_t n, bool specials,
                    mn_buf *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= t->n || t->tokens[ids[i]].kind == MN_TOK_HOLE) return MN_E_USAGE;
        if (t->tokens[ids[i]].kind == MN_TOK_SPECIAL && !specials) continue;
        MN_TRY(mn_buf_adds(ret, t->tokens[ids[i]].bytes));
    }
    return MN_OK;
}
