/* The bare tree of a thread is read once (ids and parents); then the way up from the post, and a walk down. */
#include "social/context.h"

#include <stdlib.h>

#include "store/marks.h"

#define THREAD_MOST 20000

typedef struct tree {
    const mn_thread_link *links; /* by id */
    size_t n;
    size_t *by_parent; /* indices of links, by parent and id */
} tree;

static int by_parent(const void *a, const void *b, void *arg)
{
    const mn_thread_link *l = arg, *x = &l[*(const size_t *)a], *y = &l[*(const size_t *)b];
    if (x->reply_to != y->reply_to) return x->reply_to < y->reply_to ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static mn_rc grow_tree(mn_store *s, uint64_t thread, mn_arena *ar, tree *ret, mn_err *e)
{
    union {
        const mn_thread_link *in;
        void *out;
    } links;
    mn_thread_link *l = NULL;
    MN_TRY(mn_store_thread_links(s, thread, THREAD_MOST, ar, &l, &ret->n, e));
    ret->links = links.in = l;
    ret->by_parent = mn_arena_alloc(ar, (ret->n + 1) * sizeof *ret->by_parent);
    if (!ret->by_parent) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < ret->n; i++) ret->by_parent[i] = i;
    qsort_r(ret->by_parent, ret->n, sizeof *ret->by_parent, by_parent, links.out);
    return MN_OK;
}

static const mn_thread_link *find(const tree *t, uint64_t id)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (t->links[mid].id < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < t->n && t->links[lo].id == id ? &t->links[lo] : NULL;
}

/* The first place in by_parent whose parent is at least `id`. */
static size_t first_answer(const tree *t, uint64_t id)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (t->links[t->by_parent[mid]].reply_to < id) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Nearest first, then turned round. No way up is longer than the thread, whatever the rows say. */
static void climb(const tree *t, const mn_post *p, size_t most, mn_context *ret)
{
    uint64_t up = p->reply_to;
    for (size_t steps = 0; up && up != p->id && steps < t->n && ret->n_ancestors < most;
         steps++) {
        const mn_thread_link *l = find(t, up);
        if (!l) break;
        if (!l->gone) ret->ancestors[ret->n_ancestors++] = l->id;
        up = l->reply_to == l->id ? 0 : l->reply_to;
    }
    for (size_t i = 0, n = ret->n_ancestors; i < n / 2; i++) {
        uint64_t x = ret->ancestors[i];
        ret->ancestors[i] = ret->ancestors[n - 1 - i];
        ret->ancestors[n - 1 - i] = x;
    }
}

/* Where the walk goes on at one depth: answers to `parent` from place `at`. */
typedef struct level {
    uint64_t parent;
    size_t at;
} level;

static size_t descend(const tree *t, uint64_t id, const mn_context_limits *l, level *stack,
                      const mn_thread_link **ret)
{
    size_t n = 0, depth = 1, most_depth = l->depth ? l->depth : t->n;
    stack[0] = (level){id, first_answer(t, id)};
    while (depth > 0 && n < l->descendants) {
        level *top = &stack[depth - 1];
        const mn_thread_link *x = top->at < t->n ? &t->links[t->by_parent[top->at]] : NULL;
        if (!x || x->reply_to != top->parent) {
            depth--;
            continue;
        }
        top->at++;
        if (x->id == top->parent) continue;
        if (!x->gone) ret[n++] = x;
        if (depth < most_depth && depth < t->n)
            stack[depth++] = (level){x->id, first_answer(t, x->id)};
    }
    return n;
}

/* What authors answered to themselves comes first; else the order stays. */
static void promote(const mn_thread_link *const *found, size_t n, mn_context *ret)
{
    for (int own = 1; own >= 0; own--)
        for (size_t i = 0; i < n; i++)
            if ((found[i]->reply_account == found[i]->account_id) == own)
                ret->descendants[ret->n_descendants++] = found[i]->id;
}

mn_rc mn_social_context(mn_store *s, const mn_post *p, const mn_context_limits *l, mn_arena *ar,
                        mn_context *ret, mn_err *e)
{
    tree t = {0};
    mn_context c = {0};
    MN_TRY(grow_tree(s, p->thread_id, ar, &t, e));
    c.ancestors = mn_arena_alloc(ar, (t.n + 1) * sizeof *c.ancestors);
    c.descendants = mn_arena_alloc(ar, (t.n + 1) * sizeof *c.descendants);
    level *stack = mn_arena_alloc(ar, (t.n + 1) * sizeof *stack);
    const mn_thread_link **found = mn_arena_alloc(ar, (t.n + 1) * sizeof *found);
    if (!c.ancestors || !c.descendants || !stack || !found)
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    climb(&t, p, l->ancestors, &c);
    mn_context_limits m = *l;
    if (m.descendants > t.n) m.descendants = t.n;
    promote(found, descend(&t, p->id, &m, stack, found), &c);
    *ret = c;
    return MN_OK;
}
