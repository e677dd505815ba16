/* Candidates are in time order and a forerunner must be earlier, so links point to lower indices: there are no cycles,
 * heights are known walking down, and documents come out walking up. */
#include "corpus/threads.h"

#include "base/mem.h"

#define NONE UINT32_MAX

typedef struct forest {
    uint32_t *parent, *heir, *height; /* [n] */
    uint8_t *kind;
    bool *taken;
} forest;

static mn_rc forest_new(size_t n, forest *f)
{
    *f = (forest){mn_reallocarray(NULL, n + 1, 4), mn_reallocarray(NULL, n + 1, 4),
                  mn_calloc(n + 1, 4), mn_calloc(n + 1, 1), mn_calloc(n + 1, sizeof(bool))};
    return f->parent && f->heir && f->height && f->kind && f->taken ? MN_OK : MN_E_NOMEM;
}

static void forest_release(forest *f)
{
    mn_free(f->parent);
    mn_free(f->heir);
    mn_free(f->height);
    mn_free(f->kind);
    mn_free(f->taken);
}

/* The kept, earlier candidate with that id. */
static uint32_t earlier(const mn_keyed *ids, size_t n, uint64_t id, size_t than)
{
    uint64_t at = id ? mn_keyed_find(ids, n, id) : UINT64_MAX;
    return at < than ? (uint32_t)at : NONE;
}

static mn_rc find_parents(const mn_cands *c, forest *f)
{
    size_t n = 0;
    mn_keyed *ids = mn_keyed_new(c->n);
    if (!ids) return MN_E_NOMEM;
    for (size_t i = 0; i < c->n; i++)
        if (!c->items[i].drop) ids[n++] = (mn_keyed){c->items[i].id, i};
    mn_keyed_sort(ids, ids + c->n, n);
    for (size_t i = 0; i < c->n; i++) {
        const mn_cand *x = &c->items[i];
        f->parent[i] = f->heir[i] = NONE;
        if (x->drop) continue;
        f->parent[i] = earlier(ids, n, x->reply_to, i);
        if (f->parent[i] != NONE) f->kind[i] = MN_LINK_REPLY;
        else if ((f->parent[i] = earlier(ids, n, x->quote_of, i)) != NONE)
            f->kind[i] = MN_LINK_QUOTE;
    }
    mn_free(ids);
    return MN_OK;
}

/* Each post's heir: the child with the greatest height; walking down, an equal but earlier child comes later. */
static void find_heirs(size_t n, forest *f)
{
    for (size_t i = n; i-- > 0;) {
        uint32_t p = f->parent[i];
        if (p == NONE) continue;
        if (f->heir[p] == NONE || f->height[i] + 1 >= f->height[p]) {
            f->heir[p] = (uint32_t)i;
            f->height[p] = f->height[i] + 1;
        }
    }
}

/* The document that begins with i. */
static void gather(const mn_cands *c, forest *f, uint32_t i, mn_documents *d)
{
    size_t start = d->n_posts, bytes = 0;
    for (; i != NONE; i = f->heir[i]) {
        bool first = d->n_posts == start;
        bytes += c->items[i].text_len;
        if (!first && (bytes > MN_DOCUMENT_BYTES || d->n_posts - start >= MN_DOCUMENT_POSTS))
            break;
        d->posts[d->n_posts] = i;
        d->kinds[d->n_posts++] = first ? MN_LINK_FIRST : f->kind[i];
        f->taken[i] = true;
    }
    d->ends[d->n++] = d->n_posts;
}

mn_rc mn_corpus_documents(const mn_cands *c, mn_documents *ret)
{
    forest f;
    mn_documents d = {mn_reallocarray(NULL, c->n + 1, sizeof *d.posts), mn_alloc(c->n + 1),
                      mn_reallocarray(NULL, c->n + 1, sizeof *d.ends), 0, 0};
    mn_rc rc = forest_new(c->n, &f);
    if (!d.posts || !d.kinds || !d.ends) rc = MN_E_NOMEM;
    if (rc == MN_OK) rc = find_parents(c, &f);
    if (rc == MN_OK) {
        find_heirs(c->n, &f);
        for (size_t i = 0; i < c->n; i++)
            if (!c->items[i].drop && !f.taken[i]) gather(c, &f, (uint32_t)i, &d);
        *ret = d;
    } else {
        mn_documents_release(&d);
    }
    forest_release(&f);
    return rc;
}

void mn_documents_release(mn_documents *d)
{
    mn_free(d->posts);
    mn_free(d->kinds);
    mn_free(d->ends);
    *d = (mn_documents){0};
}
