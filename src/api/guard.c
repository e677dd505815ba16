/* What the served models must not say word for word: posts that are due to be forgotten (corpus/due.h), until they are.
 *
 * Every few seconds the change feeds of the corpora are followed a little further. Only when what is due has changed are texts read and a
 * new guard made; it counts for generations that begin from then on. */
#include <stdio.h>

#include "api/api_int.h"
#include "api/served.h"
#include "base/log.h"
#include "corpus/due.h"

typedef struct watched {
    char sha256[65]; /* of the corpus */
    const char *name;
    mn_corpus_due due;
} watched;

/* Everything on the arena, which is exchanged as a whole. */
struct mn_api_guard {
    pthread_mutex_t lock; /* one renewal at a time */
    mn_arena arena;
    watched *list;
    size_t n;
    char said[200]; /* the trouble that was logged last */
};

typedef struct texts {
    mn_arena *a;
    mn_str *list;
    size_t n, cap;
    mn_rc rc;
} texts;

static bool add_text(void *arg, mn_str text)
{
    texts *t = arg;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        mn_str *list = mn_reallocarray(t->list, cap, sizeof *list);
        if (!list) {
            t->rc = MN_E_NOMEM;
            return false;
        }
        t->list = list, t->cap = cap;
    }
    mn_str copy = mn_str_dup(t->a, text);
    t->rc = copy.ptr ? MN_OK : MN_E_NOMEM;
    if (copy.ptr) t->list[t->n++] = copy;
    return copy.ptr != NULL;
}

static const watched *known(const struct mn_api_guard *g, const char *sha256)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->list[i].sha256, sha256) == 0) return &g->list[i];
    return NULL;
}

static bool same(const mn_corpus_due *a, const mn_corpus_due *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->posts, b->posts, a->n * sizeof *a->posts) == 0);
}

/* What is due now; *ret_changed: something else than before. */
static mn_rc look(mn_api *a, mn_arena *ar, watched **ret, size_t *ret_n, bool *ret_changed,
                  mn_err *e)
{
    mn_corpus_report *all;
    size_t n, had = 0, have = 0;
    bool changed = false;
    MN_TRY(mn_corpus_list(a->home->dir, ar, &all, &n, e));
    watched *list = mn_arena_calloc(ar, n + 1, sizeof *list);
    if (!list) return mn_fail(e, MN_E_NOMEM, "out of memory for the guard");
    for (size_t i = 0; i < a->guard->n; i++) had += a->guard->list[i].due.n;
    for (size_t i = 0; i < n; i++) {
        const watched *old = known(a->guard, all[i].sha256);
        snprintf(list[i].sha256, sizeof list[i].sha256, "%s", all[i].sha256);
        list[i].name = all[i].name;
        MN_TRY(mn_corpus_due_find(a->home->store, a->home->dir, &all[i], old ? &old->due : NULL,
                                  ar, &list[i].due, e));
        changed |= old ? !same(&old->due, &list[i].due) : list[i].due.n > 0;
        have += list[i].due.n;
    }
    *ret_changed = changed || had != have; /* or a corpus went, with what was due in it */
    *ret = list;
    *ret_n = n;
    return MN_OK;
}

static mn_rc renew(mn_api *a, const watched *list, size_t n, mn_arena *ar, mn_err *e)
{
    texts t = {.a = ar};
    mn_guard *g = NULL;
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        if (!list[i].due.n) continue;
        rc = mn_corpus_texts(a->home->dir, list[i].name, list[i].due.posts, list[i].due.n,
                             add_text, &t, e);
        if (rc == MN_OK && t.rc != MN_OK) rc = mn_fail(e, t.rc, "out of memory for the guard");
    }
    if (rc == MN_OK && t.n) rc = mn_guard_new(t.list, t.n, &g, e);
    if (rc == MN_OK) {
        mn_served_guard(a->served, g);
        mn_info("guard", "posts to be forgotten, which models do not say until they are: %zu",
                t.n);
    }
    mn_guard_unref(g);
    mn_free(t.list);
    return rc;
}

/* Kept for the next time; texts are not kept twice. */
static mn_rc keep(struct mn_api_guard *g, const watched *list, size_t n, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    watched *copy = mn_arena_calloc(&a, n + 1, sizeof *copy);
    bool ok = copy != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        const mn_corpus_due *d = &list[i].due;
        copy[i] = list[i];
        copy[i].name = NULL;
        copy[i].due.posts = mn_arena_calloc(&a, d->n + 1, sizeof *d->posts);
        ok = copy[i].due.posts != NULL;
        if (ok && d->n) memcpy(copy[i].due.posts, d->posts, d->n * sizeof *d->posts);
    }
    if (!ok) {
        mn_arena_release(&a);
        return mn_fail(e, MN_E_NOMEM, "out of memory for the guard");
    }
    mn_arena_release(&g->arena);
    g->arena = a;
    g->list = copy;
    g->n = n;
    return MN_OK;
}

/* Trouble leaves the guard as it is, and is said once: a corpus from which something is being erased cannot be read for a moment. */
mn_rc mn_api__guard_renew(mn_api *a, mn_arena *ar, mn_err *e)
{
    struct mn_api_guard *g = a->guard;
    watched *list = NULL;
    size_t n = 0;
    bool changed = false;
    pthread_mutex_lock(&g->lock);
    mn_rc rc = look(a, ar, &list, &n, &changed, e);
    if (rc == MN_OK && changed) rc = renew(a, list, n, ar, e);
    if (rc == MN_OK) rc = keep(g, list, n, e);
    if (rc == MN_OK) g->said[0] = 0;
    else if (strncmp(g->said, e->msg, sizeof g->said - 1) != 0) {
        mn_warn("guard", "what is due to be forgotten cannot be read: %s", e->msg);
        snprintf(g->said, sizeof g->said, "%.*s", (int)sizeof g->said - 1, e->msg);
    }
    pthread_mutex_unlock(&g->lock);
    return MN_OK;
}

mn_rc mn_api__guard_start(mn_api *a, mn_err *e)
{
    mn_arena ar;
    a->guard = mn_calloc(1, sizeof *a->guard);
    if (!a->guard) return mn_fail(e, MN_E_NOMEM, "out of memory for the guard");
    pthread_mutex_init(&a->guard->lock, NULL);
    mn_arena_init(&a->guard->arena, 0);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_api__guard_renew(a, &ar, e);
    mn_arena_release(&ar);
    return rc;
}

void mn_api__guard_free(mn_api *a)
{
    if (!a->guard) return;
    mn_arena_release(&a->guard->arena);
    pthread_mutex_destroy(&a->guard->lock);
    mn_free(a->guard);
    a->guard = NULL;
}
