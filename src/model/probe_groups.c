/* Sums of what was scored. Contract: probe.h. */
#include <stdio.h>
#include <stdlib.h>

#include "model/probe.h"

typedef struct keyed {
    mn_str key;
    uint64_t post;
} keyed;

static void add(mn_probe_group *g, const mn_probe_post *post)
{
    g->posts++;
    g->bytes += post->bytes;
    g->tokens += post->tokens;
    g->bits += post->bits;
}

static void join(mn_probe_group *g, const mn_probe_group *other)
{
    g->posts += other->posts;
    g->bytes += other->bytes;
    g->tokens += other->tokens;
    g->bits += other->bits;
}

mn_probe_group mn_probe_total(const mn_probe *p)
{
    mn_probe_group g = {0};
    for (uint64_t i = 0; i < p->n_posts; i++) add(&g, &p->posts[i]);
    return g;
}

static mn_str key_of(const mn_probe_post *post, mn_probe_by by, mn_arena *a)
{
    if (by == MN_PROBE_BY_AUTHOR) return post->author.ptr ? post->author : MN_STR("");
    if (by == MN_PROBE_BY_LANG)
        return mn_str_from(mn_tok_langs[(post->lang - MN_TOK_LANG0) % MN_TOK_LANGS]);
    if (!post->month) return MN_STR("");
    return mn_str_fmt(a, "%04u-%02u", post->month / 12, post->month % 12 + 1);
}

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    int order = mn_str_cmp(x->key, y->key);
    return order ? order : (x->post > y->post) - (x->post < y->post);
}

static int by_size(const void *a, const void *b)
{
    const mn_probe_group *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return mn_str_cmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const mn_probe_group *x = a, *y = b;
    return mn_str_cmp(x->name, y->name);
}

/* Groups of equal keys, at `ret`, which has room for one a post; how many. */
static size_t gather(const mn_probe *p, const keyed *k, mn_probe_group *ret)
{
    size_t n = 0;
    for (uint64_t i = 0; i < p->n_posts; i++) {
        if (!n || !mn_str_eq(ret[n - 1].name, k[i].key))
            ret[n++] = (mn_probe_group){.name = k[i].key};
        add(&ret[n - 1], &p->posts[k[i].post]);
    }
    return n;
}

/* The largest first; what is too small or too far behind goes into one at the end. */
static size_t fold(mn_probe_group *g, size_t n, uint64_t least, size_t most)
{
    mn_probe_group rest = {.name = MN_STR("others"), .others = true};
    size_t kept = 0;
    qsort(g, n, sizeof *g, by_size);
    for (size_t i = 0; i < n; i++) {
        if (kept < most && g[i].posts >= least) g[kept++] = g[i];
        else join(&rest, &g[i]);
    }
    if (rest.posts) g[kept++] = rest;
    return kept;
}

mn_rc mn_probe_groups(const mn_probe *p, mn_probe_by by, uint64_t least, size_t most,
                      mn_arena *a, mn_probe_group **ret, size_t *ret_n, mn_err *e)
{
    keyed *k = mn_arena_calloc(a, p->n_posts + 1, sizeof *k);
    mn_probe_group *g = mn_arena_calloc(a, p->n_posts + 1, sizeof *g);
    if (!k || !g) return mn_fail(e, MN_E_NOMEM, "no memory to add up the evaluation");
    for (uint64_t i = 0; i < p->n_posts; i++) {
        k[i] = (keyed){key_of(&p->posts[i], by, a), i};
        if (!k[i].key.ptr) return mn_fail(e, MN_E_NOMEM, "no memory to add up the evaluation");
    }
    qsort(k, p->n_posts, sizeof *k, by_key);
    size_t n = fold(g, gather(p, k, g), least, most);
    if (by == MN_PROBE_BY_MONTH) qsort(g, n && g[n - 1].others ? n - 1 : n, sizeof *g, by_name);
    *ret = g;
    *ret_n = n;
    return MN_OK;
}
