/* The closure of posts in a corpus. Quotations are found by windows: of the named posts every 16th window of 32 bytes is put into
 * a table; a text that shares 50 bytes with one shares one of these windows whole, wherever the 50 begin. A hit is then widened to both
 * sides and counts when it is long enough. */
#include "corpus/closure.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "corpus/corpus_int.h"
#include "text/shard.h"

#define WINDOW 32
#define STRIDE 16
_Static_assert(WINDOW + STRIDE - 1 <= MN_CORPUS_QUOTATION, "every quotation holds a window");

#define VOCAB_MAX 65536 /* of what a shard can hold: tokens are not looked at here */

enum { NAMED = 1, COPY, QUOTATION };

/* One shard with its text. */
typedef struct side {
    mn_shard s;
    mn_fs_map text;
    uint8_t *mark; /* [n_posts] */
    bool open;
} side;

typedef struct window {
    const uint8_t *at, *from, *end; /* it; the text of its post */
} window;

typedef struct search {
    const uint64_t *posts;
    size_t n;
    uint64_t author;
    uint64_t *kept; /* posts in whose favour named ones were left out, rising when sorted */
    size_t n_kept, cap_kept;
    side sides[2];
    window *table;
    uint64_t *hash;
    size_t mask; /* size - 1, a power of two less one */
    mn_rc rc;
} search;

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool among(const uint64_t *sorted, size_t n, uint64_t id)
{
    return n && bsearch(&id, sorted, n, sizeof id, by_number);
}

static mn_str text_of(const side *x, uint64_t i)
{
    uint64_t from = x->s.posts[i].text_offset;
    uint64_t end = i + 1 < x->s.n_posts ? x->s.posts[i + 1].text_offset : x->text.len;
    return (mn_str){(const char *)x->text.ptr + from,
                    (size_t)(end > from ? end - from - 1 : 0)};
}

static bool gone(const side *x, uint64_t i)
{
    return mn_shard_erased(&x->s, x->s.posts[i].document);
}

/* ---- named posts and copies -------------------------------------------------------------------------------------- */

static bool note_dropped(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    search *q = arg;
    (void)why;
    if (!of || !among(q->posts, q->n, id)) return true;
    if (q->n_kept == q->cap_kept) {
        size_t cap = q->cap_kept ? 2 * q->cap_kept : 64;
        uint64_t *kept = mn_reallocarray(q->kept, cap, sizeof *kept);
        if (!kept) {
            q->rc = MN_E_NOMEM;
            return false;
        }
        q->kept = kept, q->cap_kept = cap;
    }
    q->kept[q->n_kept++] = of;
    return true;
}

static void mark_named(const search *q, side *x)
{
    for (uint64_t i = 0; i < x->s.n_posts; i++) {
        const mn_origin *o = &x->s.posts[i];
        if (gone(x, i)) continue;
        if (among(q->posts, q->n, o->post_id) || (q->author && o->author_id == q->author))
            x->mark[i] = NAMED;
        else if (among(q->kept, q->n_kept, o->post_id)) x->mark[i] = COPY;
    }
}

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
        for (uint64_t i = 0; i < q->sides[k].s.n_posts; i++)
            if (q->sides[k].mark[i]) n += text_of(&q->sides[k], i).len / STRIDE + 1;
    size_t size = 64;
    while (size < 2 * n) size *= 2;
    q->mask = size - 1;
    q->table = mn_calloc(size, sizeof *q->table);
    q->hash = mn_calloc(size, sizeof *q->hash);
    if (!q->table || !q->hash)
        return mn_fail(e, MN_E_NOMEM, "out of memory while looking for quotations");
    for (int k = 0; k < 2; k++) {
        const side *x = &q->sides[k];
        for (uint64_t i = 0; i < x->s.n_posts; i++) {
            mn_str t = x->mark[i] ? text_of(x, i) : (mn_str){0};
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

static void mark_quotations(const search *q, side *x)
{
    for (uint64_t i = 0; i < x->s.n_posts; i++)
        if (!x->mark[i] && !gone(x, i) && quotes(q, text_of(x, i))) x->mark[i] = QUOTATION;
}

/* ---- documents ---------------------------------------------------------------------------------------------------- */

static mn_rc documents(const side *x, mn_arena *a, uint64_t **ret, size_t *ret_n,
                       mn_corpus_closure *c, mn_err *e)
{
    size_t n = 0;
    uint64_t *doc = mn_arena_calloc(a, x->s.n_posts + 1, sizeof *doc);
    if (!doc) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < x->s.n_posts; i++) {
        c->posts += x->mark[i] == NAMED;
        c->copies += x->mark[i] == COPY;
        c->quotations += x->mark[i] == QUOTATION;
        if (x->mark[i] && (!n || doc[n - 1] != x->s.posts[i].document))
            doc[n++] = x->s.posts[i].document;
    }
    for (uint64_t i = 0; i < x->s.n_posts; i++)
        c->others += !x->mark[i] && among(doc, n, x->s.posts[i].document);
    *ret = doc;
    *ret_n = n;
    return MN_OK;
}

static mn_rc open_side(const char *dir, const char *name, side *x, mn_err *e)
{
    char stem[MN_CORPUS_PATH], text[MN_CORPUS_PATH];
    MN_TRY(mn_corpus__path(dir, name, NULL, stem, e));
    if (snprintf(text, sizeof text, "%s.txt", stem) >= (int)sizeof text)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", stem);
    MN_TRY(mn_shard_open(stem, VOCAB_MAX, &x->s, e));
    x->open = true;
    MN_TRY(mn_fs_map_open(text, &x->text, e));
    x->mark = mn_calloc(x->s.n_posts + 1, 1);
    return x->mark ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

static void close_side(side *x)
{
    if (x->text.ptr) mn_fs_map_close(&x->text);
    if (x->open) mn_shard_close(&x->s);
    mn_free(x->mark);
}

static mn_rc find(search *q, const char *dir, mn_err *e)
{
    MN_TRY(open_side(dir, "train", &q->sides[0], e));
    MN_TRY(open_side(dir, "val", &q->sides[1], e));
    MN_TRY(mn_corpus__dropped(dir, note_dropped, q, e));
    if (q->rc != MN_OK) return mn_fail(e, q->rc, "out of memory");
    if (q->n_kept) qsort(q->kept, q->n_kept, sizeof *q->kept, by_number);
    for (int k = 0; k < 2; k++) mark_named(q, &q->sides[k]);
    MN_TRY(fill_table(q, e));
    for (int k = 0; k < 2; k++) mark_quotations(q, &q->sides[k]);
    return MN_OK;
}

mn_rc mn_corpus_closure_find(const char *data_dir, const char *name, const uint64_t *posts,
                             size_t n, uint64_t author, mn_arena *a, mn_corpus_closure *ret,
                             mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_corpus_report report;
    mn_corpus_closure c = {0};
    MN_TRY(mn_corpus_read(data_dir, name, &report, e));
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    uint64_t *sorted = mn_reallocarray(NULL, n + 1, sizeof *sorted);
    if (!sorted) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (n) memcpy(sorted, posts, n * sizeof *sorted);
    if (n) qsort(sorted, n, sizeof *sorted, by_number);
    search q = {.posts = sorted, .n = n, .author = author};
    mn_rc rc = find(&q, dir, e);
    if (rc == MN_OK) rc = documents(&q.sides[0], a, &c.train, &c.n_train, &c, e);
    if (rc == MN_OK) rc = documents(&q.sides[1], a, &c.val, &c.n_val, &c, e);
    for (int k = 0; k < 2; k++) close_side(&q.sides[k]);
    mn_free(q.table);
    mn_free(q.hash);
    mn_free(q.kept);
    mn_free(sorted);
    if (rc == MN_OK) *ret = c;
    return rc;
}
