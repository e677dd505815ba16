/* Three sources of candidates (what changed, what was due before, what the server alone had allowed) are cut down to those that the corpus
 * holds, and each of these is then looked at as the store has it now. So no source need be exact, only complete. */
#include "corpus/due.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "corpus/sides.h"
#include "social/social.h"

#define PAGE        1000
#define LEDGER_MOST 100000

typedef enum why { LIVE, GONE, WITHDRAWN } why;

typedef struct ids {
    uint64_t *ptr;
    size_t n, cap;
} ids;

static mn_rc add(ids *x, uint64_t id, mn_err *e)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? 2 * x->cap : 256;
        uint64_t *more = mn_reallocarray(x->ptr, cap, sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "out of memory looking for what is due");
        x->ptr = more, x->cap = cap;
    }
    x->ptr[x->n++] = id;
    return MN_OK;
}

/* Rising, each once. */
static void order(ids *x)
{
    size_t n = 0;
    if (x->n) qsort(x->ptr, x->n, sizeof *x->ptr, mn_corpus__by_number);
    for (size_t i = 0; i < x->n; i++)
        if (!n || x->ptr[n - 1] != x->ptr[i]) x->ptr[n++] = x->ptr[i];
    x->n = n;
}

static why look(const mn_post *p, mn_consents server)
{
    if (p->deleted_ms || p->account_state == MN_ACCOUNT_DELETED) return GONE;
    bool allowed = p->visibility == MN_VIS_PUBLIC &&
                   mn_social_setting(p, server, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_ALLOW;
    return allowed ? LIVE : WITHDRAWN;
}

/* ---- since when --------------------------------------------------------------------------------------------------- */

static void key_of(const mn_corpus_report *c, char ret[80])
{
    snprintf(ret, 80, "due.%s", c->sha256);
}

/* A revision that the store has not reached is another store's, or it was put back from a copy: then from the start. */
static mn_rc since(mn_store *s, const mn_corpus_report *c, uint64_t *ret, mn_err *e)
{
    char key[80];
    mn_arena a;
    mn_str text;
    uint64_t rev = c->store_rev, noted, last;
    key_of(c, key);
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_meta_get(s, key, &a, &text, e);
    if (rc == MN_OK && mn_str_to_u64(text, &noted) == MN_OK && noted > rev) rev = noted;
    mn_arena_release(&a);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    MN_TRY(mn_store_counts(s, NULL, NULL, &last, e));
    *ret = rev > last ? 0 : rev;
    return MN_OK;
}

mn_rc mn_corpus_due_done(mn_store *store, const mn_corpus_report *corpus,
                         const mn_corpus_due *d, mn_err *e)
{
    char key[80], text[24];
    mn_tx *tx;
    uint64_t from;
    MN_TRY(since(store, corpus, &from, e));
    if (from == d->rev) return MN_OK;
    key_of(corpus, key);
    snprintf(text, sizeof text, "%llu", (unsigned long long)d->rev);
    MN_TRY(mn_store_begin(store, &tx, e));
    return mn_store_end(tx, mn_store_meta_set(tx, key, mn_str_from(text), e), e);
}

/* ---- candidates --------------------------------------------------------------------------------------------------- */

static mn_rc changed(mn_store *s, mn_consents server, uint64_t *io_rev, ids *to, mn_err *e)
{
    mn_arena a;
    mn_posts page = {0};
    mn_rc rc;
    mn_arena_init(&a, 0);
    do {
        mn_arena_reset(&a);
        rc = mn_store_posts_changed(s, *io_rev, PAGE, &a, &page, e);
        for (size_t i = 0; rc == MN_OK && i < page.n; i++) {
            *io_rev = page.items[i].rev;
            if (look(&page.items[i], server) != LIVE) rc = add(to, page.items[i].id, e);
        }
    } while (rc == MN_OK && page.n == PAGE);
    mn_arena_release(&a);
    return rc;
}

/* The lines of the server's scope in the ledger, rising, when one of them ever allowed training; else none. */
static mn_rc server_lines(mn_store *s, ids *to, mn_err *e)
{
    mn_arena a;
    mn_ledger_line *line = NULL;
    size_t n = 0;
    bool allowed = false;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_ledger_of(s, MN_SCOPE_SERVER, 0, LEDGER_MOST, &a, &line, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        allowed |=
            line[i].purpose == MN_P_TRAIN_GENERATIVE && line[i].value == MN_CONSENT_ALLOW;
        rc = add(to, line[i].seq, e);
    }
    if (!allowed) to->n = 0;
    order(to);
    mn_arena_release(&a);
    return rc;
}

/* Posts that were learnt from because the server's setting said so, which it no longer does. */
static mn_rc by_server(mn_store *s, const char *dir, mn_consents server, ids *to, mn_err *e)
{
    ids lines = {0};
    mn_corpus__sides sides = {0};
    if (mn_consents_get(server, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_ALLOW) return MN_OK;
    mn_rc rc = server_lines(s, &lines, e);
    if (rc == MN_OK && lines.n) rc = mn_corpus__sides_open(dir, NULL, 0, NULL, 0, &sides, e);
    for (int k = 0; k < 2 && rc == MN_OK && lines.n; k++) {
        const mn_shard *x = &sides.side[k].s;
        for (uint64_t i = 0; i < x->n_posts && rc == MN_OK; i++)
            if (mn_corpus__among(lines.ptr, lines.n, x->posts[i].consent_rev) &&
                !mn_corpus__side_gone(&sides.side[k], i))
                rc = add(to, x->posts[i].post_id, e);
    }
    mn_corpus__sides_close(&sides);
    mn_free(lines.ptr);
    return rc;
}

/* Those of the candidates that the corpus holds, or a post in whose favour they were left out. */
static mn_rc held(const char *dir, const ids *candidates, ids *ret, mn_err *e)
{
    mn_corpus__sides s = {0};
    mn_rc rc = mn_corpus__sides_open(dir, candidates->ptr, candidates->n, NULL, 0, &s, e);
    for (int k = 0; k < 2 && rc == MN_OK; k++) {
        const mn_corpus__side *x = &s.side[k];
        for (uint64_t i = 0; i < x->s.n_posts && rc == MN_OK; i++) {
            const uint64_t id = x->s.posts[i].post_id;
            if (x->mark[i] == MN_MARK_NAMED) rc = add(ret, id, e);
            for (size_t c = 0; x->mark[i] == MN_MARK_COPY && c < s.n_copies && rc == MN_OK; c++)
                if (s.copy[c].kept == id) rc = add(ret, s.copy[c].id, e);
        }
    }
    mn_corpus__sides_close(&s);
    order(ret);
    return rc;
}

/* ---- the decision ------------------------------------------------------------------------------------------------- */

static void count(mn_corpus_due *d, uint64_t id, why w)
{
    if (w == LIVE) return;
    d->posts[d->n++] = id;
    d->gone += w == GONE;
    d->withdrawn += w == WITHDRAWN;
}

/* As the store has them now; a post that it does not have at all is gone. */
static mn_rc decide(mn_store *s, mn_consents server, const ids *x, mn_corpus_due *ret,
                    mn_err *e)
{
    mn_arena a;
    mn_posts page;
    mn_rc rc = MN_OK;
    mn_arena_init(&a, 0);
    for (size_t at = 0; rc == MN_OK && at < x->n; at += PAGE) {
        size_t n = x->n - at < PAGE ? x->n - at : PAGE, k = 0;
        mn_arena_reset(&a);
        rc = mn_store_posts_by_ids(s, x->ptr + at, n, &a, &page, e);
        for (size_t i = 0; rc == MN_OK && i < n; i++) {
            bool there = k < page.n && page.items[k].id == x->ptr[at + i];
            count(ret, x->ptr[at + i], there ? look(&page.items[k], server) : GONE);
            k += there;
        }
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc candidates(mn_store *s, const char *dir, mn_consents server,
                        const mn_corpus_due *known, uint64_t *io_rev, ids *ret, mn_err *e)
{
    MN_TRY(changed(s, server, io_rev, ret, e));
    MN_TRY(by_server(s, dir, server, ret, e));
    for (size_t i = 0; known && i < known->n; i++) MN_TRY(add(ret, known->posts[i], e));
    order(ret);
    return MN_OK;
}

mn_rc mn_corpus_due_find(mn_store *store, const char *data_dir, const mn_corpus_report *corpus,
                         const mn_corpus_due *known, mn_arena *a, mn_corpus_due *ret, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_consents server;
    ids all = {0}, in = {0};
    mn_corpus_due d = {.rev = known ? known->rev : 0};
    MN_TRY(mn_corpus__path(data_dir, "corpus", corpus->name, dir, e));
    MN_TRY(mn_store_consent_server(store, &server, NULL, e));
    if (!known) MN_TRY(since(store, corpus, &d.rev, e));
    mn_rc rc = candidates(store, dir, server, known, &d.rev, &all, e);
    if (rc == MN_OK && all.n) rc = held(dir, &all, &in, e);
    if (rc == MN_OK && !(d.posts = mn_arena_calloc(a, in.n + 1, sizeof *d.posts)))
        rc = mn_fail(e, MN_E_NOMEM, "out of memory looking for what is due");
    if (rc == MN_OK) rc = decide(store, server, &in, &d, e);
    mn_free(all.ptr);
    mn_free(in.ptr);
    if (rc == MN_OK) *ret = d;
    return rc;
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

mn_rc mn_corpus_texts(const char *data_dir, const char *name, const uint64_t *posts, size_t n,
                      mn_corpus_text_fn fn, void *arg, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_corpus__sides s = {0};
    bool more = true;
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    mn_rc rc = mn_corpus__sides_open(dir, posts, n, NULL, 0, &s, e);
    for (int k = 0; k < 2 && rc == MN_OK && more; k++)
        for (uint64_t i = 0; i < s.side[k].s.n_posts && more; i++)
            if (s.side[k].mark[i]) more = fn(arg, mn_corpus__side_text(&s.side[k], i));
    mn_corpus__sides_close(&s);
    return rc;
}
