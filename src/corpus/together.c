#include "corpus/together.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/version.h"

/* ---- are we the same? ------------------------------------------------------------------------------------------------ */

#define TRIES    20
#define PAUSE_US 50000

enum { PROGRAM, OPTIONS, STORE, STAGES, N_FIELDS };
static const char *const what[N_FIELDS] = {"version", "command", "store", "cleaning of posts"};

typedef struct hello {
    char field[N_FIELDS][160];
} hello;

/* The line's hash is over all lines before it. */
static mn_rc say_ledger(mn_store *s, uint64_t *ret_seq, char ret_hash[17], mn_err *e)
{
    mn_ledger_line *line;
    mn_arena a;
    char hex[65];
    size_t n = 0;
    MN_TRY(mn_corpus__ledger_end(s, ret_seq, e));
    snprintf(ret_hash, 17, "none");
    if (!*ret_seq) return MN_OK;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_ledger(s, *ret_seq - 1, 1, &a, &line, &n, e);
    if (rc == MN_OK && n) snprintf(ret_hash, 17, "%s", mn_hex(line->hash, 32, hex));
    mn_arena_release(&a);
    return rc;
}

static uint64_t hash_posts(const mn_posts *p)
{
    uint64_t h = p->n;
    for (size_t i = 0; i < p->n; i++) {
        const mn_post *x = &p->items[i];
        const uint64_t facts[] = {x->id, x->rev, x->account_id, (uint64_t)x->created_ms, h};
        h = mn_hash64(x->text.ptr, x->text.len, mn_hash64(facts, sizeof facts, 0));
    }
    return h;
}

/* Stores that are equal in their last changes and their ledger, at one revision, are the same or copies of one. */
static mn_rc say_store(mn_store *s, mn_helper *h, const mn_corpus_opts *o, hello *ret,
                       mn_err *e)
{
    uint64_t posts, rev, seq, tried = 0;
    char ledger[17];
    mn_posts last = {0};
    mn_arena a;
    MN_TRY(mn_store_counts(s, NULL, &posts, &rev, e));
    MN_TRY(say_ledger(s, &seq, ledger, e));
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_posts_changed(s, rev > MN_HELP_SAMPLE ? rev - MN_HELP_SAMPLE : 0,
                                      MN_HELP_SAMPLE, &a, &last, e);
    if (rc == MN_OK) rc = mn_helper_try(h, &last, o->keep_handles, &tried, e);
    if (rc == MN_OK) {
        snprintf(ret->field[STORE], sizeof ret->field[STORE],
                 "%llu posts, revision %llu of hash %016llx, ledger of %llu lines and hash %s",
                 (unsigned long long)posts, (unsigned long long)rev,
                 (unsigned long long)hash_posts(&last), (unsigned long long)seq, ledger);
        snprintf(ret->field[STAGES], sizeof ret->field[STAGES], "%016llx",
                 (unsigned long long)tried);
    }
    mn_arena_release(&a);
    return rc;
}

static void say_rest(const mn_corpus_opts *o, hello *ret)
{
    snprintf(ret->field[PROGRAM], sizeof ret->field[PROGRAM], "%s, pipeline %d", MN_VERSION,
             MN_CORPUS_PIPELINE);
    snprintf(ret->field[OPTIONS], sizeof ret->field[OPTIONS],
             "name '%.32s', held out %g, vocabulary %u%s, canaries %llu, after '%.32s', replay "
             "%g%s",
             o->name ? o->name : "", o->val_share, (unsigned)o->vocab,
             o->tokenizer || o->tokens ? " given" : "", (unsigned long long)o->canaries,
             o->after ? o->after : "", o->replay, o->keep_handles ? ", handles kept" : "");
}

/* On rank 0: how another rank differs, or nothing. */
static mn_rc compare(const hello *all, int size, int *ret_field, mn_err *e)
{
    for (int f = 0; f < N_FIELDS; f++)
        for (int k = 1; k < size; k++) {
            if (strcmp(all[k].field[f], all[0].field[f]) == 0) continue;
            *ret_field = f;
            return mn_fail(e, MN_E_USAGE,
                           "rank %d has another %s than rank 0 (%s, not %s): give every rank "
                           "the same command and the same store",
                           k, what[f], all[k].field[f], all[0].field[f]);
        }
    return MN_OK;
}

/* Once; *ret_again where the store may just have been written to. */
static mn_rc meet_once(mn_ranks *r, mn_store *store, mn_helper *h, const mn_corpus_opts *o,
                       hello *all, bool *ret_again, mn_err *e)
{
    hello own;
    uint8_t again = 0;
    int field = -1;
    memset(&own, 0, sizeof own);
    say_rest(o, &own);
    MN_TRY(mn_ranks_agree(r, say_store(store, h, o, &own, e), e));
    MN_TRY(mn_ranks_gather(r, &own, sizeof own, all, e));
    mn_rc rc = all ? compare(all, mn_ranks_size(r), &field, e) : MN_OK;
    again = *ret_again && field == STORE;
    MN_TRY(mn_ranks_broadcast(r, &again, sizeof again, e));
    *ret_again = again;
    return again ? MN_OK : mn_ranks_agree(r, rc, e);
}

mn_rc mn_corpus__meet(mn_ranks *r, mn_store *store, mn_helper *h, const mn_corpus_opts *o,
                      mn_err *e)
{
    mn_rc rc = MN_OK;
    hello *all = NULL;
    if (!mn_ranks_rank(r) && !(all = mn_calloc((size_t)mn_ranks_size(r), sizeof *all)))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    rc = mn_ranks_agree(r, rc, e);
    bool again = rc == MN_OK;
    for (int i = 0; again && rc == MN_OK; i++) {
        if (i) usleep(PAUSE_US);
        again = i + 1 < TRIES;
        rc = meet_once(r, store, h, o, all, &again, e);
    }
    mn_free(all);
    return rc;
}

/* ---- the build ------------------------------------------------------------------------------------------------------- */

static mn_rc prepare(mn_together *g, mn_store *store, const char *data_dir,
                     const mn_corpus_opts *o, mn_err *e)
{
    const int threads = o->threads ? o->threads : mn_ranks_threads(g->ranks);
    MN_TRY(mn_corpus__check(data_dir, o, mn_ranks_rank(g->ranks) == 0, e));
    MN_TRY(mn_pool_new(threads, &g->pool, e));
    MN_TRY(mn_helper_new(store, g->pool, &g->helper, e));
    if (mn_ranks_rank(g->ranks)) return MN_OK;
    return mn_tasks_new(g->ranks, mn_helper_do, g->helper, &g->tasks, e);
}

mn_rc mn_corpus__build_together(mn_store *store, const char *data_dir,
                                const mn_corpus_opts *opts, mn_corpus_progress progress,
                                void *arg, mn_corpus_report *ret, mn_err *e)
{
    mn_together g = {.ranks = opts->ranks};
    mn_rc rc = mn_ranks_agree(g.ranks, prepare(&g, store, data_dir, opts, e), e);
    if (rc == MN_OK) rc = mn_corpus__meet(g.ranks, store, g.helper, opts, e);
    if (rc == MN_OK && g.tasks)
        rc = mn_corpus__build_here(store, data_dir, opts, &g, progress, arg, ret, e);
    else if (rc == MN_OK) rc = mn_tasks_serve(g.ranks, mn_helper_do, g.helper, e);
    mn_tasks_free(g.tasks);
    mn_helper_free(g.helper);
    mn_pool_free(g.pool);
    return rc;
}
