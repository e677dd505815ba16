/* The newest posts that hold all of some words: no scores, the lists of postings are intersected. Documents of a segment are
 * numbered from the newest, so a walk along the rarest word's list meets the newest first and ends when there are enough. */
#include <stdlib.h>

#include "mind/parts.h"

/* One term in one segment. */
typedef struct walk {
    mn_postings p;
    uint32_t block, n, at; /* the block held; n 0: none */
    uint32_t docs[MN_SEG_BLOCK];
    uint8_t tfs[MN_SEG_BLOCK];
} walk;

#define END UINT32_MAX

/* The first document of the list at or after doc, or END; asked in rising order. */
static uint32_t seek(walk *w, uint32_t doc)
{
    while (w->block < w->p.n_blocks) {
        if (mn_mind__block_last(&w->p, w->block) < doc) {
            w->block++;
            w->n = w->at = 0;
            continue;
        }
        if (w->n == 0) w->n = mn_mind__block_decode(&w->p, w->block, w->docs, w->tfs);
        if (w->n == 0) return END; /* impossible bytes: nothing more is found here */
        while (w->at < w->n && w->docs[w->at] < doc) w->at++;
        if (w->at < w->n) return w->docs[w->at];
        w->block++;
        w->n = w->at = 0;
    }
    return END;
}

/* The first document at or after doc that all lists hold. */
static uint32_t seek_all(walk *w, size_t n, uint32_t doc)
{
    for (size_t i = 0, same = 0; same < n; i = (i + 1) % n) {
        uint32_t d = seek(&w[i], doc);
        if (d == END) return END;
        same = d == doc ? same + 1 : 1;
        doc = d;
    }
    return doc;
}

static int rarest_first(const void *a, const void *b)
{
    uint32_t x = ((const walk *)a)->p.df, y = ((const walk *)b)->p.df;
    return x < y ? -1 : x > y;
}

/* Up to limit ids of one segment, newest first; how many. */
static size_t match_segment(const mn_snap_item *it, const mn_query_term *terms, size_t n,
                            uint64_t before, size_t limit, walk *w, uint64_t *ret)
{
    size_t got = 0;
    for (size_t i = 0; i < n; i++) {
        w[i].block = w[i].n = w[i].at = 0;
        if (!mn_mind__seg_find_term(it->seg, terms[i].term, &w[i].p)) return 0;
    }
    qsort(w, n, sizeof *w, rarest_first);
    uint32_t doc = before ? mn_mind__seg_from_id(it->seg, before - 1) : 0;
    while (got < limit && (doc = seek_all(w, n, doc)) != END) {
        if (!mn_mind__dead_has(it->dead, doc)) ret[got++] = mn_mind__seg_id(it->seg, doc);
        doc++;
    }
    return got;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x > y ? -1 : x < y;
}

static mn_rc match(const mn_snap *s, const mn_query_term *terms, size_t n, uint64_t before,
                   size_t limit, mn_arena *a, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    size_t got = 0;
    uint64_t *ids = mn_arena_alloc(a, (s->n * limit + 1) * sizeof *ids);
    walk *w = mn_arena_alloc(a, (n + 1) * sizeof *w);
    if (!ids || !w) return mn_fail(e, MN_E_NOMEM, "no memory for a search");
    for (size_t i = 0; n && i < s->n; i++)
        got += match_segment(&s->items[i], terms, n, before, limit, w, ids + got);
    qsort(ids, got, sizeof *ids, newest_first);
    *ret = ids;
    *ret_n = got < limit ? got : limit;
    return MN_OK;
}

mn_rc mn_search_match(mn_search *x, mn_str words, uint64_t before, size_t limit, mn_arena *a,
                      uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_query_term *t = NULL;
    size_t n = 0;
    if (limit > MN_SEARCH_LIMIT_MAX)
        return mn_fail(e, MN_E_USAGE, "limit %zu is too high: at most %d", limit,
                       MN_SEARCH_LIMIT_MAX);
    MN_TRY(mn_mind__query_terms(words, a, &t, &n, e));
    mn_snap *s = mn_mind__search_snap(x);
    mn_rc rc = match(s, t, n, before, limit, a, ret, ret_n, e);
    mn_mind__snap_unref(s);
    return rc;
}
