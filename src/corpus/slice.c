#include "corpus/slice.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "corpus/gate.h"
#include "text/shard.h"

#define PAGE 8192

typedef struct ids {
    uint64_t *id;
    size_t n, cap;
} ids;

/* A document of the chain's train splits. */
typedef struct old_doc {
    uint64_t key, bytes;
    size_t from, n; /* of its posts in `posts` */
} old_doc;

typedef struct chain {
    ids kept, refused; /* refused: left out for what they say */
    ids posts;         /* of the documents below */
    old_doc *docs;
    size_t n_docs, cap_docs;
    uint64_t seed;
    bool full; /* of memory */
} chain;

static mn_rc add(ids *x, uint64_t id)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? 2 * x->cap : 1024;
        uint64_t *more = mn_reallocarray(x->id, cap, sizeof *more);
        if (!more) return MN_E_NOMEM;
        x->id = more, x->cap = cap;
    }
    x->id[x->n++] = id;
    return MN_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort(ids *x)
{
    if (x->n) qsort(x->id, x->n, sizeof *x->id, by_number);
}

static bool has(const uint64_t *sorted, size_t n, uint64_t id)
{
    return n && bsearch(&id, sorted, n, sizeof id, by_number);
}

/* ---- the corpora of the chain -------------------------------------------------------------------------------------- */

/* Posts stand in the order of their documents. */
static mn_rc add_document(chain *c, const mn_shard *s, uint64_t from, uint64_t to,
                          uint64_t text_end)
{
    uint64_t end = to < s->n_posts ? s->posts[to].text_offset : text_end;
    if (mn_shard_erased(s, s->posts[from].document)) return MN_OK;
    if (c->n_docs == c->cap_docs) {
        size_t cap = c->cap_docs ? 2 * c->cap_docs : 1024;
        old_doc *more = mn_reallocarray(c->docs, cap, sizeof *more);
        if (!more) return MN_E_NOMEM;
        c->docs = more, c->cap_docs = cap;
    }
    c->docs[c->n_docs++] = (old_doc){.key = mn_rand_at(c->seed, s->posts[from].post_id, 0),
                                     .bytes = end - s->posts[from].text_offset,
                                     .from = c->posts.n,
                                     .n = (size_t)(to - from)};
    for (uint64_t i = from; i < to; i++) MN_TRY(add(&c->posts, s->posts[i].post_id));
    return MN_OK;
}

static mn_rc read_split(chain *c, const char *dir, const char *name, bool train, mn_err *e)
{
    char stem[MN_CORPUS_PATH];
    mn_shard s;
    mn_rc rc = MN_OK;
    MN_TRY(mn_corpus__path(dir, name, NULL, stem, e));
    MN_TRY(mn_shard_open(stem, MN_SHARD_ANY, &s, e));
    const uint64_t text_end = s.text_bytes + s.n_posts; /* a line feed each */
    for (uint64_t i = 0, from = 0; rc == MN_OK && i < s.n_posts; i++) {
        rc = add(&c->kept, s.posts[i].post_id);
        bool last = i + 1 == s.n_posts || s.posts[i + 1].document != s.posts[i].document;
        if (rc == MN_OK && train && last) rc = add_document(c, &s, from, i + 1, text_end);
        if (last) from = i + 1;
    }
    mn_shard_close(&s);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory while reading corpus '%s'", dir);
}

static bool note_dropped(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    chain *c = arg;
    (void)of;
    if (why >= MN_DROP_TOO_LONG && add(&c->refused, id) != MN_OK) c->full = true;
    return !c->full;
}

static mn_rc read_corpus(chain *c, const char *data_dir, mn_corpus_report *r, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    MN_TRY(mn_corpus__path(data_dir, "corpus", r->name, dir, e));
    MN_TRY(read_split(c, dir, "train", true, e));
    MN_TRY(read_split(c, dir, "val", false, e));
    MN_TRY(mn_corpus__dropped(dir, note_dropped, c, e));
    return c->full ? mn_fail(e, MN_E_NOMEM, "out of memory while reading corpus '%s'", dir)
                   : MN_OK;
}

static mn_rc read_chain(chain *c, const char *data_dir, const char *after, mn_err *e)
{
    mn_corpus_report r;
    uint8_t seed[8];
    char name[MN_CORPUS_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", after);
    for (int i = 0; name[0]; i++) {
        if (i == MN_CORPUS_CHAIN_MOST)
            return mn_fail(e, MN_E_LIMIT, "corpus '%s' goes on from more than %d others", after,
                           MN_CORPUS_CHAIN_MOST);
        MN_TRY(mn_corpus_read(data_dir, name, &r, e));
        if (i == 0) {
            MN_TRY(mn_unhex((mn_str){r.sha256, 16}, seed, 8));
            memcpy(&c->seed, seed, 8);
        }
        MN_TRY(read_corpus(c, data_dir, &r, e));
        snprintf(name, sizeof name, "%s", r.after);
    }
    sort(&c->kept);
    sort(&c->refused);
    return MN_OK;
}

/* ---- what is new --------------------------------------------------------------------------------------------------- */

static mn_rc count_new(mn_store *store, const chain *c, mn_slice *s, mn_err *e)
{
    mn_consents server;
    uint64_t seq, after = 0;
    mn_posts page = {0};
    mn_arena a;
    mn_rc rc = mn_store_consent_server(store, &server, &seq, e);
    mn_arena_init(&a, 0);
    do {
        mn_arena_reset(&a);
        if (rc == MN_OK && mn_stop_requested()) rc = mn_fail(e, MN_E_CANCELLED, "stopped");
        if (rc == MN_OK) rc = mn_store_posts_scan(store, after, PAGE, &a, &page, e);
        for (size_t i = 0; rc == MN_OK && i < page.n; i++) {
            const mn_post *p = &page.items[i];
            after = p->id;
            if (mn_corpus_gate(p, server) || has(c->kept.id, c->kept.n, p->id) ||
                has(c->refused.id, c->refused.n, p->id))
                continue;
            s->new_posts++;
            s->new_bytes += p->text.len;
        }
    } while (rc == MN_OK && page.n == PAGE);
    mn_arena_release(&a);
    return rc;
}

/* ---- what is old --------------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    const old_doc *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

/* Posts of the documents that come first, until there is enough text. A document that was drawn for an earlier corpus of the chain
 * stands in two of them: the same key, taken once. */
static mn_rc draw(chain *c, uint64_t bytes, ids *ret)
{
    uint64_t sum = 0;
    if (c->n_docs) qsort(c->docs, c->n_docs, sizeof *c->docs, by_key);
    for (size_t k = 0; k < c->n_docs && sum < bytes; k++) {
        const old_doc *d = &c->docs[k];
        if (k && c->docs[k - 1].key == d->key) continue;
        for (size_t i = 0; i < d->n; i++) MN_TRY(add(ret, c->posts.id[d->from + i]));
        sum += d->bytes;
    }
    sort(ret);
    return MN_OK;
}

/* Whatever the chain has seen, but what was drawn. */
static mn_rc leave_out(const chain *c, const ids *drawn, ids *ret)
{
    for (size_t i = 0; i < c->kept.n; i++)
        if (!has(drawn->id, drawn->n, c->kept.id[i])) MN_TRY(add(ret, c->kept.id[i]));
    for (size_t i = 0; i < c->refused.n; i++) MN_TRY(add(ret, c->refused.id[i]));
    sort(ret);
    return MN_OK;
}

/* old : all = replay : 1 */
static uint64_t bytes_to_draw(uint64_t new_bytes, double replay)
{
    return (uint64_t)((double)new_bytes * replay / (1 - replay));
}

mn_rc mn_slice_open(mn_store *store, const char *data_dir, const char *after, double replay,
                    mn_slice *ret, mn_err *e)
{
    chain c = {0};
    ids drawn = {0}, except = {0};
    mn_slice s = {0};
    mn_rc rc = after ? read_chain(&c, data_dir, after, e) : MN_OK;
    if (rc == MN_OK) rc = count_new(store, &c, &s, e);
    if (rc == MN_OK) {
        rc = draw(&c, bytes_to_draw(s.new_bytes, replay), &drawn);
        if (rc == MN_OK) rc = leave_out(&c, &drawn, &except);
        if (rc != MN_OK) mn_fail(e, rc, "out of memory while drawing old posts");
    }
    if (rc == MN_OK) {
        s.old = c.kept.id, s.n_old = c.kept.n;
        s.except = except.id, s.n_except = except.n;
        *ret = s;
    } else {
        mn_free(c.kept.id);
        mn_free(except.id);
    }
    mn_free(c.refused.id);
    mn_free(c.posts.id);
    mn_free(c.docs);
    mn_free(drawn.id);
    return rc;
}

void mn_slice_release(mn_slice *s)
{
    mn_free(s->old);
    mn_free(s->except);
    *s = (mn_slice){0};
}

bool mn_slice_is_old(const mn_slice *s, uint64_t id)
{
    return has(s->old, s->n_old, id);
}

mn_rc mn_corpus_new_posts(mn_store *store, const char *data_dir, const char *after,
                          uint64_t *ret, uint64_t *ret_bytes, mn_err *e)
{
    mn_slice s;
    MN_TRY(mn_slice_open(store, data_dir, after, 0, &s, e));
    *ret = s.new_posts;
    *ret_bytes = s.new_bytes;
    mn_slice_release(&s);
    return MN_OK;
}
