/* A timeline from the store: a merge of those who write in it.
 *
 * Each source (an account followed, a tag followed, oneself) gives its rows in order, a few at a time; a heap says whose row
 * comes next. A source that has not been asked yet stands in the heap with the bound itself, so that it is asked before
 * anything is given out. How many rows it is asked for first goes by how many sources there are, and doubles from then on:
 * most give what they have in one answer, and little is read for nothing. A post that comes from several sources (author and
 * tag) comes out once. */
#include "social/feeds_int.h"

#define MOST_ROWS 64

typedef struct source {
    uint64_t id;
    bool tag, ended;
    mn_row *rows;
    size_t n, at, asked; /* asked: rows to ask for next */
    uint64_t bound;      /* where the next question begins */
} source;

struct mn_feed_merge {
    mn_store *store;
    const mn_feed_ctx *ctx;
    const mn_feed_list *list;
    bool upward;
    mn_arena *ar;
    mn_arena rows; /* of the sources, and what the rules ask for; freed at the end */
    source **heap; /* first on top */
    size_t n, n_sources;
    uint64_t last; /* given out */
};

/* ---- the heap ----------------------------------------------------------------------------------------------------- */

/* Where a source stands: its next row, or its bound when it must be asked first. */
static uint64_t key(const source *s)
{
    return s->at < s->n ? s->rows[s->at].id : s->bound;
}

static bool before(const mn_feed_merge *m, const source *a, const source *b)
{
    uint64_t x = key(a), y = key(b);
    if (x != y) return m->upward ? x < y : x > y;
    return a->at == a->n && b->at < b->n; /* ask before giving out the same id */
}

static void sift_down(mn_feed_merge *m, size_t i)
{
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= m->n) return;
        if (k + 1 < m->n && before(m, m->heap[k + 1], m->heap[k])) k++;
        if (!before(m, m->heap[k], m->heap[i])) return;
        source *t = m->heap[k];
        m->heap[k] = m->heap[i];
        m->heap[i] = t;
        i = k;
    }
}

static void pop(mn_feed_merge *m)
{
    m->heap[0] = m->heap[--m->n];
    sift_down(m, 0);
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

static mn_rc ask(mn_feed_merge *m, source *s, mn_err *e)
{
    mn_span sp = {.below = m->upward ? 0 : s->bound,
                  .above = m->upward ? s->bound : 0,
                  .upward = m->upward,
                  .limit = s->asked};
    mn_tag_query t = {.any = &s->id, .n_any = 1};
    s->rows = NULL;
    s->n = s->at = 0;
    MN_TRY(s->tag
               ? mn_store_rows_tagged(m->store, &t, &sp, &m->rows, &s->rows, &s->n, e)
               : mn_store_rows_by_account(m->store, s->id, &sp, &m->rows, &s->rows, &s->n, e));
    if (s->asked < MOST_ROWS) s->asked *= 2;
    s->ended = s->n < sp.limit;
    if (s->n) s->bound = s->rows[s->n - 1].id;
    return MN_OK;
}

static mn_rc add_sources(mn_feed_merge *m, const uint64_t *ids, size_t n, bool tag,
                         uint64_t bound, mn_err *e)
{
    const size_t share = (MN_FEED_KEPT + MN_FEED_BOOST) / m->n_sources;
    const size_t first = share < 1 ? 1 : share > MOST_ROWS / 2 ? MOST_ROWS / 2 : share;
    source *s = mn_arena_calloc(m->ar, n ? n : 1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    for (size_t i = 0; i < n; i++) {
        s[i] = (source){.id = ids[i], .tag = tag, .bound = bound, .asked = first};
        m->heap[m->n++] = &s[i]; /* all the same key: a heap already */
    }
    return MN_OK;
}

mn_rc mn_social__merge_new(mn_store *s, const mn_feed_ctx *c, const mn_feed_list *list,
                           uint64_t bound, bool upward, mn_arena *ar, mn_feed_merge **ret,
                           mn_err *e)
{
    size_t n = list ? list->n_members : c->n_follows + c->n_tags + 1;
    mn_feed_merge *m = mn_arena_calloc(ar, 1, sizeof *m);
    if (m) m->heap = mn_arena_alloc(ar, (n + 1) * sizeof(source *));
    if (!m || !m->heap) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    m->store = s;
    m->ctx = c;
    m->list = list;
    m->upward = upward;
    m->ar = ar;
    m->n_sources = n ? n : 1;
    if (bound == 0 && !upward) bound = INT64_MAX;
    m->last = bound;
    if (list) {
        MN_TRY(add_sources(m, list->members, list->n_members, false, bound, e));
    } else {
        MN_TRY(add_sources(m, &c->account, 1, false, bound, e));
        MN_TRY(add_sources(m, c->follows, c->n_follows, false, bound, e));
        MN_TRY(add_sources(m, c->tags, c->n_tags, true, bound, e));
    }
    mn_arena_init(&m->rows, 0);
    *ret = m;
    return MN_OK;
}

void mn_social__merge_end(mn_feed_merge *m)
{
    if (m) mn_arena_release(&m->rows);
}

/* The next row of all, whether it belongs or not; NULL: no more. Borrowed until the next call. */
static mn_rc next_row(mn_feed_merge *m, const mn_row **ret, mn_err *e)
{
    while (m->n) {
        source *s = m->heap[0];
        if (s->at < s->n) {
            const mn_row *r = &s->rows[s->at++];
            if (s->at == s->n && s->ended) pop(m);
            else sift_down(m, 0);
            if (r->id == m->last) continue; /* came from another source */
            m->last = r->id;
            *ret = r;
            return MN_OK;
        }
        if (s->ended) {
            pop(m);
            continue;
        }
        MN_TRY(ask(m, s, e));
        if (s->n == 0) pop(m);
        else sift_down(m, 0);
    }
    *ret = NULL;
    return MN_OK;
}

mn_rc mn_social__merge_next(mn_feed_merge *m, mn_feed_entry *ret, bool *ret_more, mn_err *e)
{
    const mn_row *r = NULL;
    for (;;) {
        bool yes = false;
        MN_TRY(next_row(m, &r, e));
        if (!r) {
            *ret_more = false;
            return MN_OK;
        }
        mn_feed_post p = {.row = r, .store = m->store, .arena = &m->rows};
        MN_TRY(m->list ? mn_social__feed_in_list(m->ctx, m->list, &p, &yes, e)
                       : mn_social__feed_in_home(m->ctx, &p, &yes, e));
        if (yes) break;
    }
    *ret = (mn_feed_entry){r->id, r->boost_of};
    *ret_more = true;
    return MN_OK;
}

/* ---- pages ---------------------------------------------------------------------------------------------------------- */

/* Entries fetched so far, in the merge's order. */
typedef struct stretch {
    mn_feed_entry *items;
    size_t n, cap;
    bool ended;
} stretch;

static mn_rc fetch(mn_feed_merge *m, stretch *s, size_t n, mn_arena *ar, mn_err *e)
{
    while (s->n < n && !s->ended) {
        bool more = false;
        if (s->n == s->cap) {
            size_t cap = s->cap ? s->cap * 2 : 128;
            mn_feed_entry *bigger = mn_arena_alloc(ar, cap * sizeof *bigger);
            if (!bigger) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
            if (s->n) memcpy(bigger, s->items, s->n * sizeof *bigger);
            s->items = bigger;
            s->cap = cap;
        }
        MN_TRY(mn_social__merge_next(m, &s->items[s->n], &more, e));
        if (more) s->n++;
        else s->ended = true;
    }
    return MN_OK;
}

/* Newest first, from sp->below down to sp->above. A boost is judged when the 40 before it are there. */
static mn_rc page_down(mn_feed_merge *m, const mn_span *sp, mn_arena *ar, uint64_t *ret,
                       size_t *ret_n, mn_err *e)
{
    stretch s = {0};
    size_t n = 0;
    for (size_t i = 0; n < sp->limit; i++) {
        MN_TRY(fetch(m, &s, i + 1, ar, e));
        if (i >= s.n || s.items[i].id <= sp->above) break;
        if (s.items[i].boost_of) MN_TRY(fetch(m, &s, i + 1 + MN_FEED_BOOST, ar, e));
        if (!mn_social__feed_repeats(&s.items[i], 1, s.n - i - 1)) ret[n++] = s.items[i].id;
    }
    *ret_n = n;
    return MN_OK;
}

/* Oldest first from sp->above: the 40 before it are fetched by a merge of their own. */
static mn_rc page_up(mn_feed_merge *m, mn_feed_merge *older, const mn_span *sp, mn_arena *ar,
                     uint64_t *ret, size_t *ret_n, mn_err *e)
{
    stretch back = {0}, s = {0};
    size_t n = 0;
    MN_TRY(fetch(older, &back, MN_FEED_BOOST, ar, e));
    s.n = back.n;
    s.cap = back.n + 128;
    s.items = mn_arena_alloc(ar, s.cap * sizeof *s.items);
    if (!s.items) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    for (size_t i = 0; i < back.n; i++) s.items[i] = back.items[back.n - 1 - i];
    for (size_t i = back.n; n < sp->limit; i++) {
        MN_TRY(fetch(m, &s, i + 1, ar, e));
        if (i >= s.n || (sp->below && s.items[i].id >= sp->below)) break;
        if (!mn_social__feed_repeats(&s.items[i], -1, i)) ret[n++] = s.items[i].id;
    }
    for (size_t i = 0; i < n / 2; i++) {
        uint64_t t = ret[i];
        ret[i] = ret[n - 1 - i];
        ret[n - 1 - i] = t;
    }
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_social__merge_page(mn_store *s, const mn_feed_ctx *c, const mn_feed_list *list,
                            const mn_span *sp, mn_arena *ar, uint64_t *ret, size_t *ret_n,
                            mn_err *e)
{
    mn_feed_merge *m = NULL, *older = NULL;
    mn_rc rc = mn_social__merge_new(s, c, list, sp->upward ? sp->above : sp->below, sp->upward,
                                    ar, &m, e);
    if (rc == MN_OK && sp->upward)
        rc = mn_social__merge_new(s, c, list, sp->above + 1, false, ar, &older, e);
    if (rc == MN_OK)
        rc = sp->upward ? page_up(m, older, sp, ar, ret, ret_n, e)
                        : page_down(m, sp, ar, ret, ret_n, e);
    mn_social__merge_end(m);
    mn_social__merge_end(older);
    return rc;
}
