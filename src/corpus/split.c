/* Union-find over posts; a component's name is the smallest author id in it (or thread id, when authors are not joined). */
#include "corpus/split.h"

#include "base/hash.h"
#include "base/mem.h"

#define SPLIT_SEED UINT64_C(0x6d796e616853504c)

typedef struct sets {
    uint32_t *up;           /* [n] */
    uint64_t *name, *bytes; /* of roots */
    mn_keyed *scratch;      /* [2n] */
    bool *old;              /* [n]: in a document with an old post */
    size_t n_old;           /* such posts */
    const mn_cands *c;
    const mn_documents *d;
} sets;

static uint32_t root(sets *s, uint32_t i)
{
    while (s->up[i] != i) {
        s->up[i] = s->up[s->up[i]];
        i = s->up[i];
    }
    return i;
}

static void join(sets *s, uint32_t a, uint32_t b)
{
    a = root(s, a);
    b = root(s, b);
    if (a < b) s->up[b] = a;
    else s->up[a] = b;
}

static uint64_t author_of(const mn_cand *x)
{
    return x->author;
}

static uint64_t thread_of(const mn_cand *x)
{
    return x->thread;
}

/* Joins all posts of the same key. */
static void join_by(sets *s, uint64_t (*key)(const mn_cand *))
{
    size_t n = 0;
    for (size_t i = 0; i < s->d->n_posts; i++)
        if (!s->old[s->d->posts[i]])
            s->scratch[n++] = (mn_keyed){key(&s->c->items[s->d->posts[i]]), s->d->posts[i]};
    mn_keyed_sort(s->scratch, s->scratch + s->d->n_posts, n);
    for (size_t i = 1; i < n; i++)
        if (s->scratch[i].key == s->scratch[i - 1].key)
            join(s, (uint32_t)s->scratch[i - 1].val, (uint32_t)s->scratch[i].val);
}

static void join_documents(sets *s)
{
    for (size_t k = 0; k < s->d->n; k++)
        for (size_t i = mn_document_start(s->d, k) + 1; i < s->d->ends[k]; i++)
            join(s, s->d->posts[i - 1], s->d->posts[i]);
}

/* Name and size of each component; *ret_n components stand in scratch as (hash of the name, root), in hash order. */
static void list_components(sets *s, uint64_t (*key)(const mn_cand *), size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < s->c->n; i++) {
        s->name[i] = UINT64_MAX;
        s->bytes[i] = 0;
    }
    for (size_t i = 0; i < s->d->n_posts; i++) {
        const mn_cand *x = &s->c->items[s->d->posts[i]];
        uint32_t r = root(s, s->d->posts[i]);
        if (key(x) < s->name[r]) s->name[r] = key(x);
        s->bytes[r] += x->text_len;
    }
    for (size_t i = 0; i < s->d->n_posts; i++) {
        uint32_t p = s->d->posts[i];
        if (root(s, p) == p && !s->old[p])
            s->scratch[n++] = (mn_keyed){mn_rand_at(SPLIT_SEED, s->name[p], 0), p};
    }
    mn_keyed_sort(s->scratch, s->scratch + s->d->n_posts, n);
    *ret_n = n;
}

/* Takes components in hash order up to the target; each taken gets name 0. Returns the bytes taken. */
static uint64_t take(sets *s, size_t n, uint64_t target, uint64_t most)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) s->name[s->scratch[i].val] = 1;
    for (size_t i = 0; i < n && sum < target; i++) {
        uint64_t size = s->bytes[s->scratch[i].val];
        if (sum + size > most) continue;
        s->name[s->scratch[i].val] = 0;
        sum += size;
    }
    return sum;
}

static mn_rc sets_new(const mn_cands *c, const mn_documents *d, sets *s)
{
    *s = (sets){.up = mn_reallocarray(NULL, c->n + 1, sizeof *s->up),
                .name = mn_reallocarray(NULL, c->n + 1, sizeof *s->name),
                .bytes = mn_reallocarray(NULL, c->n + 1, sizeof *s->bytes),
                .scratch = mn_keyed_new(c->n),
                .old = mn_calloc(c->n + 1, sizeof *s->old),
                .c = c,
                .d = d};
    return s->up && s->name && s->bytes && s->scratch && s->old ? MN_OK : MN_E_NOMEM;
}

static void mark_old(sets *s)
{
    for (size_t k = 0; k < s->d->n; k++) {
        bool old = false;
        const size_t from = mn_document_start(s->d, k), to = s->d->ends[k];
        for (size_t i = from; i < to; i++) old |= s->c->items[s->d->posts[i]].old;
        for (size_t i = from; i < to; i++) s->old[s->d->posts[i]] = old;
        if (old) s->n_old += to - from;
    }
}

static uint64_t new_bytes(const sets *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->d->n_posts; i++)
        if (!s->old[s->d->posts[i]]) sum += s->c->items[s->d->posts[i]].text_len;
    return sum;
}

static void sets_release(sets *s)
{
    mn_free(s->up);
    mn_free(s->name);
    mn_free(s->bytes);
    mn_free(s->scratch);
    mn_free(s->old);
}

/* One way of joining: fills val, and says how much of the text that holds out. */
static uint64_t attempt(sets *s, bool by_author, double share, uint64_t total, mn_split *ret)
{
    size_t n;
    uint64_t target = (uint64_t)(share * (double)total), largest = 0;
    for (uint32_t i = 0; i < s->c->n; i++) s->up[i] = i;
    join_documents(s);
    join_by(s, thread_of);
    if (by_author) join_by(s, author_of);
    list_components(s, by_author ? author_of : thread_of, &n);
    for (size_t i = 0; i < n; i++)
        if (s->bytes[s->scratch[i].val] > largest) largest = s->bytes[s->scratch[i].val];
    /* the last resort holds out something even where the smallest component is more than the share */
    uint64_t sum = take(s, n, target, target + target / 2);
    if (!by_author && sum == 0) sum = take(s, n, target ? target : 1, total / 2);
    for (size_t k = 0; k < s->d->n; k++) {
        const uint32_t first = s->d->posts[mn_document_start(s->d, k)];
        ret->val[k] = !s->old[first] && s->name[root(s, first)] == 0;
    }
    ret->by_author = by_author;
    ret->components = n;
    ret->largest = total ? (double)largest / (double)total : 0;
    ret->share = total ? (double)sum / (double)total : 0;
    return sum;
}

mn_rc mn_corpus_split_of(const mn_cands *c, const mn_documents *d, double share, mn_split *ret,
                         mn_err *e)
{
    sets s;
    mn_split sp = {.val = mn_calloc(d->n + 1, sizeof(bool))};
    uint64_t total = 0, sum = 0;
    mn_rc rc = sets_new(c, d, &s);
    if (rc != MN_OK || !sp.val) {
        rc = mn_fail(e, MN_E_NOMEM, "out of memory while splitting the corpus");
        goto out;
    }
    mark_old(&s);
    total = new_bytes(&s);
    uint64_t half = (uint64_t)(share * (double)total / 2);
    sum = attempt(&s, true, share, total, &sp);
    if (share > 0 && (sum == 0 || sum < half)) sum = attempt(&s, false, share, total, &sp);
    if (share > 0 && sum == 0 && !s.n_old)
        rc =
            mn_fail(e, MN_E_USAGE,
                    "%zu posts in %zu conversations are too few to hold any out; add posts, or "
                    "use --val-share 0",
                    d->n_posts, sp.components);
out:
    sets_release(&s);
    if (rc == MN_OK) *ret = sp;
    else mn_split_release(&sp);
    return rc;
}

void mn_split_release(mn_split *s)
{
    mn_free(s->val);
    *s = (mn_split){0};
}
