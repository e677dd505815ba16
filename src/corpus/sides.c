#include "corpus/sides.h"

#include <stdlib.h>

#include "base/mem.h"

int mn_corpus__by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

bool mn_corpus__among(const uint64_t *sorted, size_t n, uint64_t id)
{
    return n && bsearch(&id, sorted, n, sizeof id, mn_corpus__by_number);
}

mn_str mn_corpus__side_text(const mn_corpus__side *x, uint64_t post)
{
    uint64_t from = x->s.posts[post].text_offset;
    uint64_t end = post + 1 < x->s.n_posts ? x->s.posts[post + 1].text_offset : x->text.len;
    return (mn_str){(const char *)x->text.ptr + from,
                    (size_t)(end > from ? end - from - 1 : 0)};
}

/* ---- copies ------------------------------------------------------------------------------------------------------- */

typedef struct collect {
    mn_corpus__sides *to;
    const uint64_t *posts;
    size_t n;
    mn_rc rc;
} collect;

static bool note_copy(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    collect *c = arg;
    mn_corpus__sides *s = c->to;
    (void)why;
    if (!of || !mn_corpus__among(c->posts, c->n, id)) return true;
    if (s->n_copies == s->cap_copies) {
        size_t cap = s->cap_copies ? 2 * s->cap_copies : 64;
        mn_corpus__copy *copy = mn_reallocarray(s->copy, cap, sizeof *copy);
        if (!copy) {
            c->rc = MN_E_NOMEM;
            return false;
        }
        s->copy = copy, s->cap_copies = cap;
    }
    s->copy[s->n_copies++] = (mn_corpus__copy){of, id};
    return true;
}

/* ---- marks -------------------------------------------------------------------------------------------------------- */

static void mark(const mn_corpus__sides *s, mn_corpus__side *x, const uint64_t *posts, size_t n,
                 const uint64_t *authors, size_t n_authors)
{
    for (uint64_t i = 0; i < x->s.n_posts; i++) {
        const mn_origin *o = &x->s.posts[i];
        if (mn_corpus__among(posts, n, o->post_id) ||
            mn_corpus__among(authors, n_authors, o->author_id))
            x->mark[i] = MN_MARK_NAMED;
        /* a copy begins with the number it is ordered by */
        else if (s->n_copies && bsearch(&o->post_id, s->copy, s->n_copies, sizeof *s->copy,
                                        mn_corpus__by_number))
            x->mark[i] = MN_MARK_COPY;
        if (x->mark[i] && mn_corpus__side_gone(x, i)) x->mark[i] = MN_MARK_NONE;
    }
}

static mn_rc open_side(const char *dir, const char *name, mn_corpus__side *x, mn_err *e)
{
    char stem[MN_CORPUS_PATH], text[MN_CORPUS_PATH];
    MN_TRY(mn_corpus__path(dir, name, NULL, stem, e));
    if (snprintf(text, sizeof text, "%s.txt", stem) >= (int)sizeof text)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", stem);
    MN_TRY(mn_shard_open(stem, MN_SHARD_ANY, &x->s, e));
    x->open = true;
    MN_TRY(mn_fs_map_open(text, &x->text, e));
    x->mark = mn_calloc(x->s.n_posts + 1, 1);
    return x->mark ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

mn_rc mn_corpus__sides_open(const char *dir, const uint64_t *posts, size_t n,
                            const uint64_t *authors, size_t n_authors, mn_corpus__sides *ret,
                            mn_err *e)
{
    collect c = {ret, posts, n, MN_OK};
    MN_TRY(open_side(dir, "train", &ret->side[0], e));
    MN_TRY(open_side(dir, "val", &ret->side[1], e));
    if (n) MN_TRY(mn_corpus__dropped(dir, note_copy, &c, e));
    if (c.rc != MN_OK) return mn_fail(e, c.rc, "out of memory");
    if (ret->n_copies) qsort(ret->copy, ret->n_copies, sizeof *ret->copy, mn_corpus__by_number);
    for (int k = 0; k < 2; k++) mark(ret, &ret->side[k], posts, n, authors, n_authors);
    return MN_OK;
}

void mn_corpus__sides_close(mn_corpus__sides *s)
{
    for (int k = 0; k < 2; k++) {
        if (s->side[k].text.ptr) mn_fs_map_close(&s->side[k].text);
        if (s->side[k].open) mn_shard_close(&s->side[k].s);
        mn_free(s->side[k].mark);
    }
    mn_free(s->copy);
    *s = (mn_corpus__sides){0};
}
