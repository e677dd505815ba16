/* The closure of posts in a corpus. Quotations are found by windows: of the named posts every 16th window of 32 bytes is put into
 * a table; a text that shares 50 bytes with one shares one of these windows whole, wherever the 50 begin. A hit is then widened to both
 * sides and counts when it is long enough. */
#include "corpus/closure.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "corpus/sides.h"

#define WINDOW 32
#define STRIDE 16
_Static_assert(WINDOW + STRIDE - 1 <= MN_CORPUS_QUOTATION, "every quotation holds a window");

enum { QUOTATION = MN_MARK_COPY + 1 };

typedef struct window {
    const uint8_t *at, *from, *end; /* it; the text of its post */
} window;

typedef struct search {
    mn_corpus__sides sides;
    window *table;
    uint64_t *hash;
    size_t mask; /* size - 1, a power of two less one */
} search;

/* ---- quotations --------------------------------------------------------------------------------------------------- */

static void put(search *q, const uint8_t *at, mn_str text)
{
    const uint8_t *from = (const uint8_t *)text.ptr;
    uint64_t h = mn_hash64(at, WINDOW, 0);
    size_t i = (size_t)h & q->mask;
    while (q->table[i].at) i = (i + 1) & q->mask;
    q->table[i] = (window){at, from, from + text.len};
    q->hash[i] = h;
}

static mn_rc fill_table(search *q, mn_err *e)
{
    uint64_t n = 0;
    for (int k = 0; k < 2; k++)
        for (uint64_t i = 0; i < q->sides.side[k].s.n_posts; i++)
            if (q->sides.side[k].mark[i])
                n += mn_corpus__side_text(&q->sides.side[k], i).len / STRIDE + 1;
    size_t size = 64;
    while (size < 2 * n) size *= 2;
    q->mask = size - 1;
    q->table = mn_calloc(size, sizeof *q->table);
    q->hash = mn_calloc(size, sizeof *q->hash);
    if (!q->table || !q->hash)
        return mn_fail(e, MN_E_NOMEM, "out of memory while looking for quotations");
    for (int k = 0; k < 2; k++) {
        const mn_corpus__side *x = &q->sides.side[k];
        for (uint64_t i = 0; i < x->s.n_posts; i++) {
            mn_str t = x->mark[i] ? mn_corpus__side_text(x, i) : (mn_str){0};
            for (size_t at = 0; at + WINDOW <= t.len; at += STRIDE)
                put(q, (const uint8_t *)t.ptr + at, t);
        }
    }
    return MN_OK;
}

/* The bytes that w's text and t have in common around w and `at` in t. */
static size_t common(const window *w, const uint8_t *at, const uint8_t *from,
                     const uint8_t *end)
{
    size_t back = 0, on = WINDOW;
    if (memcmp(w->at, at, WINDOW) != 0) return 0;
    while (w->at - back > w->from && at - back > from &&
           w->at[-1 - (ptrdiff_t)back] == at[-1 - (ptrdiff_t)back])
        back++;
    while (w->at + on < w->end && at + on < end && w->at[on] == at[on]) on++;
    return back + on;
}

static bool quotes(const search *q, mn_str text)
{
    const uint8_t *from = (const uint8_t *)text.ptr, *end = from + text.len;
    for (const uint8_t *at = from; end - at >= WINDOW; at++) {
        uint64_t h = mn_hash64(at, WINDOW, 0);
        for (size_t i = (size_t)h & q->mask; q->table[i].at; i = (i + 1) & q->mask)
            if (q->hash[i] == h && common(&q->table[i], at, from, end) >= MN_CORPUS_QUOTATION)
                return true;
    }
    return false;
}

static void mark_quotations(const search *q, mn_corpus__side *x)
{
    for (uint64_t i = 0; i < x->s.n_posts; i++)
        if (!x->mark[i] && !mn_corpus__side_gone(x, i) && quotes(q, mn_corpus__side_text(x, i)))
            x->mark[i] = QUOTATION;
}

/* ---- documents ---------------------------------------------------------------------------------------------------- */

static mn_rc documents(const mn_corpus__side *x, mn_arena *a, uint64_t **ret, size_t *ret_n,
                       mn_corpus_closure *c, mn_err *e)
{
    size_t n = 0;
    uint64_t *doc = mn_arena_calloc(a, x->s.n_posts + 1, sizeof *doc);
    if (!doc) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < x->s.n_posts; i++) {
        c->posts += x->mark[i] == MN_MARK_NAMED;
        c->copies += x->mark[i] == MN_MARK_COPY;
        c->quotations += x->mark[i] == QUOTATION;
        if (x->mark[i] && (!n || doc[n - 1] != x->s.posts[i].document))
            doc[n++] = x->s.posts[i].document;
    }
    for (uint64_t i = 0; i < x->s.n_posts; i++)
        c->others += !x->mark[i] && mn_corpus__among(doc, n, x->s.posts[i].document);
    *ret = doc;
    *ret_n = n;
    return MN_OK;
}

static mn_rc find(search *q, const char *dir, const uint64_t *posts, size_t n,
                  const uint64_t *authors, size_t n_authors, mn_err *e)
{
    MN_TRY(mn_corpus__sides_open(dir, posts, n, authors, n_authors, &q->sides, e));
    MN_TRY(fill_table(q, e));
    for (int k = 0; k < 2; k++) mark_quotations(q, &q->sides.side[k]);
    return MN_OK;
}

/* Rising, on the arena; NULL: no memory. */
static uint64_t *sorted(const uint64_t *x, size_t n, mn_arena *a)
{
    uint64_t *to = mn_arena_calloc(a, n + 1, sizeof *to);
    if (to && n) memcpy(to, x, n * sizeof *to);
    if (to && n) qsort(to, n, sizeof *to, mn_corpus__by_number);
    return to;
}

mn_rc mn_corpus_closure_find(const char *data_dir, const char *name, const uint64_t *posts,
                             size_t n, const uint64_t *authors, size_t n_authors, mn_arena *a,
                             mn_corpus_closure *ret, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_corpus_report report;
    mn_corpus_closure c = {0};
    search q = {0};
    MN_TRY(mn_corpus_read(data_dir, name, &report, e));
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    posts = sorted(posts, n, a);
    authors = sorted(authors, n_authors, a);
    if (!posts || !authors) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_rc rc = find(&q, dir, posts, n, authors, n_authors, e);
    if (rc == MN_OK) rc = documents(&q.sides.side[0], a, &c.train, &c.n_train, &c, e);
    if (rc == MN_OK) rc = documents(&q.sides.side[1], a, &c.val, &c.n_val, &c, e);
    mn_corpus__sides_close(&q.sides);
    mn_free(q.table);
    mn_free(q.hash);
    if (rc == MN_OK) *ret = c;
    return rc;
}
