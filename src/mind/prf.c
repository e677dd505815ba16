/* Expansion of a query by pseudo-relevance feedback (RM3: Abdul-Jaleel et al., TREC 2004).
 *
 * The first documents found are taken for relevant. A term's share is the sum of their scores
 * where it stands; the TERMS with the greatest share, made to sum to 1, are mixed with (MIX to 1
 * − MIX) the query's own terms. Words without a topic are left out. RM3 divides by the
 * document's length: posts are so short and alike in length that this only favours the shortest,
 * and leaving it out was better by measurement (docs/design/search.md).
 */
#include "mind/parts.h"

#include <stdlib.h>

#define TERMS 20u
#define MIX   0.6

typedef struct candidate {
    mn_str term;
    double share;
} candidate;

static int by_term(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    return mn_str_cmp(a->term, b->term);
}

static int by_share(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->share != b->share) return a->share < b->share ? 1 : -1;
    return mn_str_cmp(a->term, b->term);
}

static bool is_tag(mn_str t)
{
    return t.len && (t.ptr[0] == '#' || t.ptr[0] == '@');
}

/* All terms of the feedback documents, one line a term and document. */
static mn_rc gather(const mn_feedback *docs, size_t n_docs, mn_arena *a, candidate **ret,
                    size_t *ret_n, mn_err *e)
{
    size_t n = 0, cap = 1;
    mn_bag *bags = mn_arena_calloc(a, n_docs + 1, sizeof *bags);
    if (!bags) return mn_fail(e, MN_E_NOMEM, "no memory to expand a query");
    for (size_t i = 0; i < n_docs; i++) {
        MN_TRY(mn_mind__bag(docs[i].text, a, &bags[i], e));
        cap += bags[i].n;
    }
    candidate *c = mn_arena_alloc(a, cap * sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "no memory to expand a query");
    for (size_t i = 0; i < n_docs; i++)
        for (size_t k = 0; k < bags[i].n; k++) {
            mn_bag_term t = bags[i].items[k];
            if (is_tag(t.term) || mn_mind__stop_word(t.term)) continue;
            c[n++] = (candidate){t.term, docs[i].score};
        }
    *ret = c;
    *ret_n = n;
    return MN_OK;
}

/* Lines of the same term become one. */
static size_t add_up(candidate *c, size_t n)
{
    size_t m = 0;
    if (n) qsort(c, n, sizeof *c, by_term);
    for (size_t i = 0; i < n; i++) {
        if (m && mn_str_eq(c[m - 1].term, c[i].term)) {
            c[m - 1].share += c[i].share;
        } else {
            c[m++] = c[i];
        }
    }
    return m;
}

mn_rc mn_mind__expand(const mn_snap *s, const mn_query_term *terms, size_t n,
                      const mn_feedback *docs, size_t n_docs, mn_arena *a, mn_query_term **ret,
                      size_t *ret_n, mn_err *e)
{
    candidate *c = NULL;
    size_t m = 0;
    double sum = 0;
    MN_TRY(gather(docs, n_docs, a, &c, &m, e));
    m = add_up(c, m);
    if (m) qsort(c, m, sizeof *c, by_share);
    if (m > TERMS) m = TERMS;
    mn_query_term *out = mn_arena_alloc(a, (n + m + 1) * sizeof *out);
    if (!out) return mn_fail(e, MN_E_NOMEM, "no memory to expand a query");
    for (size_t i = 0; i < m; i++) sum += c[i].share;
    size_t known = 0, k = 0;
    for (size_t i = 0; i < n; i++) known += mn_mind__snap_df(s, terms[i].term) > 0;
    /* weights sum to 2, so that none is above it */
    for (; k < n; k++)
        out[k] = (mn_query_term){terms[k].term,
                                 2.0 * (m ? 1 - MIX : 1) / (double)(known ? known : 1)};
    for (size_t i = 0; i < m; i++) {
        double w = 2.0 * MIX * c[i].share / sum;
        size_t j = 0;
        while (j < n && !mn_str_eq(out[j].term, c[i].term)) j++;
        if (j < n) out[j].weight += w;
        else out[k++] = (mn_query_term){c[i].term, w};
    }
    *ret = out;
    *ret_n = k;
    return MN_OK;
}

mn_rc mn_mind__query_terms(mn_str query, mn_arena *a, mn_query_term **ret, size_t *ret_n,
                           mn_err *e)
{
    mn_bag bag;
    MN_TRY(mn_mind__bag(query, a, &bag, e));
    size_t n = bag.n < MN_QUERY_TERMS_MAX ? bag.n : MN_QUERY_TERMS_MAX;
    mn_query_term *t = mn_arena_alloc(a, (n + 1) * sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "no memory for a query");
    for (size_t i = 0; i < n; i++) t[i] = (mn_query_term){bag.items[i].term, 1.0};
    *ret = t;
    *ret_n = n;
    return MN_OK;
}
