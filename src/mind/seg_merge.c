/* Many segments into one: the live documents by falling id, then every term's postings
 * renumbered.
 *
 * An id is live in at most one segment, so the documents are a plain merge. Postings of one
 * segment stay in order under the new numbers; those of several are sorted only when their
 * documents interleave.
 */
#include "mind/parts.h"

#include <stdlib.h>

#define GONE UINT32_MAX

typedef struct merge {
    const mn_snap_item *items;
    size_t n;
    uint32_t **number; /* [item][old document] → new, or GONE */
    uint32_t *next;    /* [item]: document, then term */
    mn_doc *docs;
    uint32_t n_docs;
    uint64_t *posts; /* document << 8 | tf − 1 */
    uint32_t *out_docs;
    uint8_t *out_tfs;
} merge;

static void merge_release(merge *m)
{
    for (size_t i = 0; m->number && i < m->n; i++) mn_free(m->number[i]);
    mn_free(m->number);
    mn_free(m->next);
    mn_free(m->docs);
    mn_free(m->posts);
    mn_free(m->out_docs);
    mn_free(m->out_tfs);
}

static bool merge_alloc(merge *m)
{
    size_t total = 1;
    m->number = mn_calloc(m->n, sizeof *m->number);
    m->next = mn_calloc(m->n, sizeof *m->next);
    if (!m->number || !m->next) return false;
    for (size_t i = 0; i < m->n; i++) {
        total += m->items[i].seg->n_docs;
        m->number[i] =
            mn_reallocarray(NULL, (size_t)m->items[i].seg->n_docs + 1, sizeof **m->number);
        if (!m->number[i]) return false;
    }
    m->docs = mn_reallocarray(NULL, total, sizeof *m->docs);
    m->posts = mn_reallocarray(NULL, total, sizeof *m->posts);
    m->out_docs = mn_reallocarray(NULL, total, sizeof *m->out_docs);
    m->out_tfs = mn_alloc(total);
    return m->docs && m->posts && m->out_docs && m->out_tfs;
}

/* Skips the dead; the item whose next document is newest, or n. */
static size_t newest_item(merge *m)
{
    size_t best = m->n;
    uint64_t best_id = 0;
    for (size_t i = 0; i < m->n; i++) {
        const mn_snap_item *it = &m->items[i];
        while (m->next[i] < it->seg->n_docs && mn_mind__dead_has(it->dead, m->next[i]))
            m->number[i][m->next[i]++] = GONE;
        if (m->next[i] == it->seg->n_docs) continue;
        uint64_t id = mn_mind__seg_id(it->seg, m->next[i]);
        if (best < m->n && id <= best_id) continue;
        best = i;
        best_id = id;
    }
    return best;
}

static mn_rc merge_docs(merge *m, mn_err *e)
{
    for (size_t i; (i = newest_item(m)) < m->n;) {
        const mn_seg *s = m->items[i].seg;
        uint32_t doc = m->next[i]++;
        mn_doc d = {mn_mind__seg_id(s, doc), mn_mind__seg_author(s, doc),
                    s->part[MN_PART_LENS][doc]};
        if (m->n_docs && d.id >= m->docs[m->n_docs - 1].id)
            return mn_fail(e, MN_E_CORRUPT, "post %llu is in two search segments",
                           (unsigned long long)d.id);
        m->number[i][doc] = m->n_docs;
        m->docs[m->n_docs++] = d;
    }
    memset(m->next, 0, m->n * sizeof *m->next);
    return MN_OK;
}

static mn_rc gather(merge *m, size_t item, uint32_t term, uint32_t *n, mn_err *e)
{
    mn_postings p;
    uint32_t docs[MN_SEG_BLOCK];
    uint8_t tfs[MN_SEG_BLOCK];
    mn_mind__seg_postings(m->items[item].seg, term, &p);
    for (uint32_t b = 0; b < p.n_blocks; b++) {
        uint32_t k = mn_mind__block_decode(&p, b, docs, tfs);
        if (k == 0) return mn_fail(e, MN_E_CORRUPT, "a block of a search segment is damaged");
        for (uint32_t i = 0; i < k; i++) {
            uint32_t d = m->number[item][docs[i]];
            if (d != GONE) m->posts[(*n)++] = (uint64_t)d << 8 | (tfs[i] - 1u);
        }
    }
    return MN_OK;
}

static int by_value(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

static mn_rc write_term(merge *m, mn_seg_out *o, mn_str term, uint32_t n, mn_err *e)
{
    bool sorted = true;
    for (uint32_t i = 1; i < n && sorted; i++) sorted = m->posts[i - 1] < m->posts[i];
    if (!sorted) qsort(m->posts, n, sizeof *m->posts, by_value);
    for (uint32_t i = 0; i < n; i++) {
        m->out_docs[i] = (uint32_t)(m->posts[i] >> 8);
        m->out_tfs[i] = (uint8_t)((m->posts[i] & 255u) + 1);
    }
    return n ? mn_mind__out_term(o, term, m->out_docs, m->out_tfs, n, e) : MN_OK;
}

/* The smallest of the next terms; false when all are done. */
static bool next_term(const merge *m, mn_str *ret)
{
    bool any = false;
    for (size_t i = 0; i < m->n; i++) {
        if (m->next[i] == m->items[i].seg->n_terms) continue;
        mn_str t = mn_mind__seg_term(m->items[i].seg, m->next[i]);
        if (any && mn_str_cmp(t, *ret) >= 0) continue;
        *ret = t;
        any = true;
    }
    return any;
}

static mn_rc merge_terms(merge *m, mn_seg_out *o, mn_err *e)
{
    for (mn_str term; next_term(m, &term);) {
        uint32_t n = 0;
        for (size_t i = 0; i < m->n; i++) {
            const mn_seg *s = m->items[i].seg;
            if (m->next[i] == s->n_terms || !mn_str_eq(mn_mind__seg_term(s, m->next[i]), term))
                continue;
            MN_TRY(gather(m, i, m->next[i]++, &n, e));
        }
        MN_TRY(write_term(m, o, term, n, e));
    }
    return MN_OK;
}

mn_rc mn_mind__seg_merge(const mn_snap_item *items, size_t n, const char *path, mn_err *e)
{
    merge m = {.items = items, .n = n};
    mn_seg_out *o = NULL;
    mn_rc rc =
        merge_alloc(&m) ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to merge search segments");
    if (rc == MN_OK) rc = merge_docs(&m, e);
    if (rc == MN_OK) rc = mn_mind__out_new(path, m.docs, m.n_docs, &o, e);
    if (rc == MN_OK) rc = merge_terms(&m, o, e);
    if (rc == MN_OK) {
        rc = mn_mind__out_close(o, e);
        o = NULL;
    }
    mn_mind__out_abort(o);
    merge_release(&m);
    return rc;
}
