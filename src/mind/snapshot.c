/* A snapshot: the segments and their dead at one moment. Queries hold one while an update makes
 * the next; whoever drops the last reference unmaps. */
#include "mind/parts.h"

#include <math.h>
#include <stdlib.h>

static int by_falling_newest(const void *x, const void *y)
{
    const mn_snap_item *a = x, *b = y;
    uint64_t i = mn_mind__seg_id(a->seg, 0), j = mn_mind__seg_id(b->seg, 0);
    return i < j ? 1 : i > j ? -1 : 0;
}

mn_rc mn_mind__snap_new(const mn_snap_item *items, size_t n, mn_snap **ret, mn_err *e)
{
    mn_snap *s = mn_calloc(1, sizeof *s + n * sizeof *s->items);
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory for a list of search segments");
    atomic_init(&s->refs, 1);
    for (size_t i = 0; i < n; i++) {
        const mn_snap_item *it = &items[i];
        if (it->seg->n_docs == 0) continue;
        s->items[s->n++] =
            (mn_snap_item){mn_mind__seg_ref(it->seg), mn_mind__dead_ref(it->dead)};
        s->n_docs += it->seg->n_docs;
        s->total_len += it->seg->total_len;
        s->n_live += it->seg->n_docs - (it->dead ? it->dead->n_dead : 0);
    }
    if (s->n) qsort(s->items, s->n, sizeof *s->items, by_falling_newest);
    *ret = s;
    return MN_OK;
}

mn_snap *mn_mind__snap_ref(mn_snap *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void mn_mind__snap_unref(mn_snap *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    for (size_t i = 0; i < s->n; i++) {
        mn_mind__seg_unref(s->items[i].seg);
        mn_mind__dead_unref(s->items[i].dead);
    }
    mn_free(s);
}

uint64_t mn_mind__snap_df(const mn_snap *s, mn_str term)
{
    uint64_t df = 0;
    mn_postings p;
    for (size_t i = 0; i < s->n; i++)
        if (mn_mind__seg_find_term(s->items[i].seg, term, &p)) df += p.df;
    return df;
}

double mn_mind__idf(uint64_t n_docs, uint64_t df)
{
    return log(1.0 + ((double)(n_docs - df) + 0.5) / ((double)df + 0.5));
}
