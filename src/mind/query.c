/* The best k documents for some weighted terms, over postings that are mostly not looked at.
 *
 * A segment is walked in windows of WINDOW documents. In each window a term cannot add more than
 * the greatest bound of its blocks there. Terms are ordered by that bound; the longest prefix
 * whose bounds together cannot lift a document into the heap is "non-essential" (MaxScore:
 * Turtle and Flood 1995; windows and block bounds: Ding and Suel 2011, "block-max"). The others
 * are summed into an array, term by term, leaving out blocks that cannot matter; only documents
 * whose sum could still reach the heap ask the non-essential terms.
 *
 * Scores are whole numbers (2^−20), so sums are exact and the order of terms is free; pruning
 * never changes a result: tests/unit/mind/test_query.c compares with a plain scan. Documents are
 * met newest first, so one with the same score as the worst of a full heap is left out, unless
 * an earlier segment held older ones.
 */
#include "mind/parts.h"

#define WINDOW 4096u
#define SCALE  1048576.0

/* One term in one segment. */
typedef struct cursor {
    mn_postings p;
    const uint32_t *table; /* its scores: tf 1 then tf 2, by length */
    double factor;         /* weight · idf · scale, for greater tf */
    uint32_t first;        /* first block whose last document is ≥ the window's start */
    uint32_t held, n_held; /* block in docs and tfs, UINT32_MAX: none */
    uint32_t at;           /* place in docs where a probe goes on */
    uint32_t bound;        /* in this window */
    uint32_t docs[MN_SEG_BLOCK];
    uint8_t tfs[MN_SEG_BLOCK];
} cursor;

typedef struct scored_term {
    mn_str term;
    double factor;
    uint32_t *table;
} scored_term;

typedef struct heap_item {
    uint32_t score;
    uint64_t id;
} heap_item;

typedef struct run {
    const mn_snap *snap;
    double norm[256]; /* k1 (1 − b + b · len / mean) */
    heap_item *heap;  /* worst on top */
    size_t n, limit;
    const mn_seg *seg;
    const mn_dead *dead;
    bool newest_first; /* no document of this segment is newer than one in the heap */
    cursor *cursors;
    cursor **order; /* by bound in this window */
    size_t n_cursors;
    uint64_t *rest; /* rest[i]: Σ bounds of order[0..i) */
    uint32_t acc[WINDOW];
    bool corrupt;
} run;

static uint32_t score_of(const run *r, double factor, uint32_t tf, uint32_t len)
{
    double t = (double)tf;
    return (uint32_t)(factor * t / (t + r->norm[len]) + 0.5);
}

static inline uint32_t posting_score(const run *r, const cursor *c, uint32_t tf, uint32_t len)
{
    return tf <= 2 ? c->table[(tf - 1) * 256 + len] : score_of(r, c->factor, tf, len);
}

/* ---- the heap -------------------------------------------------------------------------------- */

static inline bool worse(heap_item a, heap_item b)
{
    return a.score != b.score ? a.score < b.score : a.id < b.id;
}

static void sift_down(heap_item *h, size_t n, size_t i)
{
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= n) return;
        if (k + 1 < n && worse(h[k + 1], h[k])) k++;
        if (!worse(h[k], h[i])) return;
        heap_item t = h[k];
        h[k] = h[i];
        h[i] = t;
        i = k;
    }
}

static void heap_push(run *r, heap_item x)
{
    if (r->n == r->limit) {
        if (!worse(r->heap[0], x)) return;
        r->heap[0] = x;
        sift_down(r->heap, r->n, 0);
        return;
    }
    size_t i = r->n++;
    for (; i && worse(x, r->heap[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = x;
}

/* The least score that can still enter. */
static inline uint64_t needed(const run *r)
{
    if (r->n < r->limit) return 1;
    return (uint64_t)r->heap[0].score + (r->newest_first ? 1 : 0);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static uint32_t block_bound(const run *r, const cursor *c, uint32_t block)
{
    const uint8_t *m = c->p.entries + (size_t)block * MN_SEG_ENTRY + 8;
    uint32_t best = c->table[m[0]], s = c->table[256 + m[1]];
    if (s > best) best = s;
    if (m[2] > 2 && (s = score_of(r, c->factor, m[2], m[3])) > best) best = s;
    return best;
}

static bool hold(run *r, cursor *c, uint32_t block)
{
    if (c->held == block) return true;
    c->n_held = mn_mind__block_decode(&c->p, block, c->docs, c->tfs);
    c->held = block;
    c->at = 0;
    if (c->n_held == 0) r->corrupt = true;
    return c->n_held > 0;
}

static inline uint32_t block_first(const cursor *c, uint32_t block)
{
    return block ? mn_mind__block_last(&c->p, block - 1) + 1 : 0;
}

/* The next document of the term at or after lo, or an earlier place when finding out would mean
 * unpacking a dense block; n_docs when there is none. Moves `first`. */
static uint32_t next_of(run *r, cursor *c, uint32_t lo)
{
    while (c->first < c->p.n_blocks && mn_mind__block_last(&c->p, c->first) < lo) c->first++;
    if (c->first == c->p.n_blocks) return r->seg->n_docs;
    uint32_t from = block_first(c, c->first);
    if (from < lo) from = lo;
    if (mn_mind__block_last(&c->p, c->first) - from < WINDOW) return from;
    if (!hold(r, c, c->first)) return r->seg->n_docs;
    uint32_t i = 0;
    while (i < c->n_held && c->docs[i] < lo) i++;
    return i < c->n_held ? c->docs[i] : r->seg->n_docs;
}

/* Moves every cursor to the window and finds its bound there; returns their sum. */
static uint64_t enter_window(run *r, uint32_t lo, uint32_t hi)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n_cursors; i++) {
        cursor *c = &r->cursors[i];
        c->bound = 0;
        if (next_of(r, c, lo) >= hi) continue;
        for (uint32_t b = c->first; b < c->p.n_blocks && block_first(c, b) < hi; b++) {
            uint32_t s = block_bound(r, c, b);
            if (s > c->bound) c->bound = s;
        }
        sum += c->bound;
    }
    return sum;
}

static void sort_by_bound(run *r)
{
    for (size_t i = 0; i < r->n_cursors; i++) {
        cursor *c = &r->cursors[i];
        size_t k = i;
        for (; k && r->order[k - 1]->bound > c->bound; k--) r->order[k] = r->order[k - 1];
        r->order[k] = c;
    }
    r->rest[0] = 0;
    for (size_t i = 0; i < r->n_cursors; i++) r->rest[i + 1] = r->rest[i] + r->order[i]->bound;
}

/* Adds an essential term; `others`: what all other terms may add in this window. */
static void add_term(run *r, cursor *c, uint32_t lo, uint32_t hi, uint64_t others)
{
    const uint8_t *lens = r->seg->part[MN_PART_LENS];
    uint64_t need = needed(r);
    for (uint32_t b = c->first; b < c->p.n_blocks && block_first(c, b) < hi; b++) {
        if (others + block_bound(r, c, b) < need) continue;
        if (!hold(r, c, b)) return;
        for (uint32_t i = 0; i < c->n_held; i++) {
            uint32_t d = c->docs[i];
            if (d < lo) continue;
            if (d >= hi) break;
            r->acc[d - lo] += posting_score(r, c, c->tfs[i], lens[d]);
        }
    }
}

/* The score that a non-essential term gives to one document; documents are asked in rising order. */
static uint32_t probe(run *r, cursor *c, uint32_t doc)
{
    uint32_t b = c->held == UINT32_MAX || c->held < c->first ? c->first : c->held;
    while (b < c->p.n_blocks && mn_mind__block_last(&c->p, b) < doc) b++;
    if (b == c->p.n_blocks || block_first(c, b) > doc || !hold(r, c, b)) return 0;
    uint32_t i = c->at;
    if (i >= c->n_held || c->docs[i] > doc) i = 0;
    while (i < c->n_held && c->docs[i] < doc) i++;
    c->at = i;
    if (i == c->n_held || c->docs[i] != doc) return 0;
    return posting_score(r, c, c->tfs[i], r->seg->part[MN_PART_LENS][doc]);
}

static void finish_doc(run *r, uint32_t doc, uint64_t score, size_t n_rest)
{
    if (mn_mind__dead_has(r->dead, doc)) return;
    for (size_t i = n_rest; i-- > 0;) {
        if (score + r->rest[i + 1] < needed(r)) return;
        score += probe(r, r->order[i], doc);
    }
    if (score >= needed(r))
        heap_push(r, (heap_item){(uint32_t)score, mn_mind__seg_id(r->seg, doc)});
}

static void search_window(run *r, uint32_t lo, uint32_t hi)
{
    uint64_t sum = enter_window(r, lo, hi);
    if (sum < needed(r)) return;
    sort_by_bound(r);
    size_t n_rest = 0;
    while (n_rest < r->n_cursors && r->rest[n_rest + 1] < needed(r)) n_rest++;
    memset(r->acc, 0, (size_t)(hi - lo) * sizeof *r->acc);
    for (size_t i = r->n_cursors; i-- > n_rest;)
        add_term(r, r->order[i], lo, hi, sum - r->order[i]->bound);
    uint64_t need = needed(r);
    uint32_t least = need > r->rest[n_rest] ? (uint32_t)(need - r->rest[n_rest]) : 1;
    for (uint32_t i = 0; i < hi - lo && !r->corrupt; i++)
        if (r->acc[i] >= least) finish_doc(r, lo + i, r->acc[i], n_rest);
}

/* Where the next window begins: no term has a document between lo and there. n_docs: nowhere. */
static uint32_t next_doc(run *r, uint32_t lo)
{
    uint32_t least = r->seg->n_docs;
    for (size_t i = 0; i < r->n_cursors && least > lo; i++) {
        uint32_t d = next_of(r, &r->cursors[i], lo);
        if (d < least) least = d;
    }
    return least;
}

static void search_segment(run *r, const scored_term *terms, size_t n, uint64_t before)
{
    r->n_cursors = 0;
    for (size_t i = 0; i < n; i++) {
        cursor *c = &r->cursors[r->n_cursors];
        if (!mn_mind__seg_find_term(r->seg, terms[i].term, &c->p)) continue;
        c->table = terms[i].table;
        c->factor = terms[i].factor;
        c->first = c->n_held = c->at = 0;
        c->held = UINT32_MAX;
        r->n_cursors++;
    }
    uint32_t lo = before ? mn_mind__seg_from_id(r->seg, before) : 0;
    while (!r->corrupt && (lo = next_doc(r, lo)) < r->seg->n_docs) {
        uint32_t hi = r->seg->n_docs - lo < WINDOW ? r->seg->n_docs : lo + WINDOW;
        search_window(r, lo, hi);
        lo = hi;
    }
}

/* ---- a query --------------------------------------------------------------------------------- */

static mn_rc prepare(run *r, const mn_query_term *terms, size_t n, mn_arena *a,
                     scored_term **ret, size_t *ret_n, mn_err *e)
{
    const mn_snap *s = r->snap;
    double mean = s->n_docs && s->total_len ? (double)s->total_len / (double)s->n_docs : 1.0;
    for (uint32_t len = 0; len < 256; len++)
        r->norm[len] = MN_BM25_K1 * (1.0 - MN_BM25_B + MN_BM25_B * (double)len / mean);
    scored_term *t = mn_arena_alloc(a, (n + 1) * sizeof *t);
    uint32_t *tables = mn_arena_alloc(a, (n + 1) * 512 * sizeof *tables);
    if (!t || !tables) return mn_fail(e, MN_E_NOMEM, "no memory for a query");
    size_t m = 0;
    for (size_t i = 0; i < n && m < MN_QUERY_TERMS_MAX; i++) {
        uint64_t df = mn_mind__snap_df(s, terms[i].term);
        if (df == 0 || !(terms[i].weight > 0)) continue;
        double w = terms[i].weight < 2.0 ? terms[i].weight : 2.0; /* 64 terms stay below 2^32 */
        t[m] = (scored_term){terms[i].term, w * mn_mind__idf(s->n_docs, df) * SCALE,
                             tables + m * 512};
        for (uint32_t k = 0; k < 512; k++)
            t[m].table[k] = score_of(r, t[m].factor, k / 256 + 1, k % 256);
        m++;
    }
    *ret = t;
    *ret_n = m;
    return MN_OK;
}

static void give_hits(run *r, mn_hit *hits)
{
    size_t n = r->n;
    for (size_t i = n; i-- > 0;) { /* the worst leaves first */
        hits[i] = (mn_hit){r->heap[0].id, (double)r->heap[0].score / SCALE};
        r->heap[0] = r->heap[--r->n];
        sift_down(r->heap, r->n, 0);
    }
}

mn_rc mn_mind__query_run(const mn_snap *s, const mn_query_term *terms, size_t n,
                         uint64_t before, size_t limit, mn_arena *a, mn_hit **ret,
                         size_t *ret_n, mn_err *e)
{
    scored_term *t = NULL;
    size_t n_terms = 0;
    run *r = mn_arena_calloc(a, 1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "no memory for a query");
    r->snap = s;
    r->limit = limit;
    MN_TRY(prepare(r, terms, n, a, &t, &n_terms, e));
    r->heap = mn_arena_alloc(a, (limit + 1) * sizeof *r->heap);
    r->cursors = mn_arena_alloc(a, (n_terms + 1) * sizeof *r->cursors);
    r->order = mn_arena_alloc(a, (n_terms + 1) * sizeof(cursor *));
    r->rest = mn_arena_alloc(a, (n_terms + 1) * sizeof *r->rest);
    mn_hit *hits = mn_arena_alloc(a, (limit + 1) * sizeof *hits);
    if (!r->heap || !r->cursors || !r->order || !r->rest || !hits)
        return mn_fail(e, MN_E_NOMEM, "no memory for a query");
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < s->n && n_terms && limit; i++) {
        r->seg = s->items[i].seg;
        r->dead = s->items[i].dead;
        r->newest_first = mn_mind__seg_id(r->seg, 0) < oldest;
        search_segment(r, t, n_terms, before);
        uint64_t last = mn_mind__seg_id(r->seg, r->seg->n_docs - 1);
        if (last < oldest) oldest = last;
    }
    if (r->corrupt) return mn_fail(e, MN_E_CORRUPT, "a block of a search segment is damaged");
    *ret_n = r->n;
    give_hits(r, hits);
    *ret = hits;
    return MN_OK;
}
