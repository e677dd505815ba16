/* Merging: of all neighbouring pairs the one with the lowest rank is joined, the leftmost first, until no pair has a rank. Short words
 * do it on two small arrays (finding the lowest by looking at all: quadratic, but of at most MN_TOK_SHORT symbols); long ones keep the
 * pairs in a heap over a doubly linked list, n log n whatever they hold.
 *
 * SentencePiece merges by score, and equal scores are equal: t->order then says which ranks count as the same.
 */
#include <string.h>

#include "text/tok_int.h"

static inline uint32_t order_of(const mn_tokenizer *t, uint32_t rank)
{
    return t->order && rank != MN_TOK_NO_RANK ? t->order[rank] : rank;
}

/* n ≤ MN_TOK_SHORT; returns how many are left. */
static inline size_t merge_short(const mn_tokenizer *t, uint32_t *ids, size_t n, bool ties)
{
    uint32_t ranks[MN_TOK_SHORT]; /* of ids[i], ids[i + 1] */
    if (n < 2) return n;
    for (size_t i = 0; i + 1 < n; i++) ranks[i] = mn_tok__rank(t, ids[i], ids[i + 1]);
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++) {
            if (ranks[i] < ranks[best]) best = i;
        }
        if (ranks[best] == MN_TOK_NO_RANK) return n;
        if (ties) { /* the leftmost of those with the same score */
            for (size_t i = 0; i < best; i++)
                if (order_of(t, ranks[i]) == order_of(t, ranks[best])) best = i;
        }
        ids[best] = t->merges[ranks[best]].id;
        n--;
        memmove(ids + best + 1, ids + best + 2, (n - best - 1) * sizeof *ids);
        if (n < 2) return n;
        memmove(ranks + best, ranks + best + 1, (n - best - 1) * sizeof *ranks);
        if (best) ranks[best - 1] = mn_tok__rank(t, ids[best - 1], ids[best]);
        if (best + 1 < n) ranks[best] = mn_tok__rank(t, ids[best], ids[best + 1]);
    }
}

/* One symbol of a long word. A dead one has id MN_TOK_NONE. */
typedef struct node {
    uint32_t id, prev, next; /* MN_TOK_NONE at the ends */
} node;

typedef struct long_word {
    const mn_tokenizer *t;
    node *nodes;
    uint64_t *heap; /* order << 32 | index of the left symbol; the lowest on top */
    size_t n_heap;
} long_word;

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

static uint32_t rank_at(const long_word *p, uint32_t left)
{
    uint32_t right = p->nodes[left].next;
    if (right == MN_TOK_NONE || p->nodes[left].id == MN_TOK_NONE) return MN_TOK_NO_RANK;
    return mn_tok__rank(p->t, p->nodes[left].id, p->nodes[right].id);
}

static void push_pair(long_word *p, uint32_t left)
{
    uint32_t rank = rank_at(p, left);
    if (rank == MN_TOK_NO_RANK) return;
    uint64_t x = (uint64_t)order_of(p->t, rank) << 32 | left;
    size_t i = p->n_heap++;
    for (; i && p->heap[(i - 1) / 2] > x; i = (i - 1) / 2) p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = x;
}

static void merge_nodes(long_word *p)
{
    while (p->n_heap) {
        uint32_t left = (uint32_t)p->heap[0], order = (uint32_t)(p->heap[0] >> 32);
        p->heap[0] = p->heap[--p->n_heap];
        if (p->n_heap) sift_down(p->heap, p->n_heap, 0);

        uint32_t rank = rank_at(p, left);
        if (rank == MN_TOK_NO_RANK || order_of(p->t, rank) != order) continue; /* out of date */
        node *l = &p->nodes[left], *r = &p->nodes[l->next];
        l->id = p->t->merges[rank].id;
        r->id = MN_TOK_NONE;
        l->next = r->next;
        if (l->next != MN_TOK_NONE) p->nodes[l->next].prev = left;
        if (l->prev != MN_TOK_NONE) push_pair(p, l->prev);
        push_pair(p, left);
    }
}

mn_rc mn_tok__merge_long(const mn_tokenizer *t, uint32_t *ids, size_t n, size_t *ret_n)
{
    if (n >= UINT32_MAX / 4) return MN_E_LIMIT;
    long_word p = {.t = t};
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

size_t mn_tok__merge_short(const mn_tokenizer *t, uint32_t *ids, size_t n)
{
    return t->order ? merge_short(t, ids, n, true) : merge_short(t, ids, n, false);
}

/* ---- pieces: characters ------------------------------------------------------------------------------------- */

static inline size_t length_by_first(uint8_t c)
{
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

size_t mn_tok__symbols(const mn_tokenizer *t, mn_str s, bool symbols, uint32_t *ids)
{
    size_t k = 0;
    uint32_t unk = t->rules.unk;
    for (size_t at = 0, n; at < s.len; at += n) {
        const mn_tok_pattern *p =
            symbols && t->symbols.n ? mn_tok__pattern_at(&t->symbols, s, at) : NULL;
        uint8_t c = (uint8_t)s.ptr[at];
        n = p ? p->text.len : length_by_first(c);
        uint32_t id = p          ? p->id
                      : c < 0x80 ? t->ascii_id[c]
                                 : mn_tok__find_normal(t, (mn_str){s.ptr + at, n});
        if (id != MN_TOK_NONE) {
            ids[k++] = id;
        } else if (t->rules.byte_fallback) {
            for (size_t i = 0; i < n; i++) ids[k++] = t->byte_id[(uint8_t)s.ptr[at + i]];
        } else if (unk != MN_TOK_NONE && !(k && ids[k - 1] == unk)) {
            ids[k++] = unk; /* several in a row are one */
        }
    }
    return k;
}
