/* Benches of the corpus: the whole build, its stages, and what near-duplicate search finds compared with all pairs.
 *
 * The posts are put into a store of their own in a temporary folder, under 2,000 authors, one a second; making it is not
 * timed. The build is timed once a repetition, each into a fresh name. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "cmd/bench.h"
#include "corpus/corpus.h"
#include "corpus/minhash.h"
#include "corpus/normalise.h"
#include "corpus/pii.h"
#include "social/social.h"

enum { AUTHORS = 2000, RECALL_POSTS = 12000, STAGES = 12 };
#define FIRST_MS INT64_C(1600000000000)

typedef struct stage_clock { /* when a stage began */
    const char *name;
    double cpu_s, wall_s;
} stage_clock;

typedef struct job {
    mn_buf posts; /* one a line */
    double mb, n_posts;
    char dir[64];
    mn_store *store;
    int threads, builds, n_stages;
    stage_clock stages[STAGES];
    mn_buf out;
    mn_form form;
    mn_shingles tmp;
    uint64_t sum;
} job;

static mn_rc open_job(mn_bench_run *r, job *j, mn_err *e)
{
    *j = (job){.threads = r->threads};
    mn_buf_init(&j->posts, 0);
    mn_buf_init(&j->out, 0);
    MN_TRY(mn_bench_posts(r, &j->posts, &j->n_posts, e));
    j->mb = (double)j->posts.len / 1e6;
    return MN_OK;
}

static void close_job(job *j)
{
    mn_store_close(j->store);
    if (*j->dir) mn_fs_remove_tree(j->dir, NULL);
    mn_buf_release(&j->posts);
    mn_buf_release(&j->out);
    mn_form_release(&j->form);
    mn_shingles_release(&j->tmp);
}

/* ---- the whole build ----------------------------------------------------------------------------------------- */

static uint64_t author_id(uint64_t k)
{
    return mn_snowflake_at(FIRST_MS - 1000, k);
}

static mn_rc add_authors(mn_tx *tx, mn_err *e)
{
    char name[32];
    for (uint64_t k = 0; k < AUTHORS; k++) {
        snprintf(name, sizeof name, "author%u", (unsigned)k);
        mn_account a = {.id = author_id(k), .name = mn_str_from(name), .created_ms = FIRST_MS};
        MN_TRY(mn_store_account_add(tx, &a, e));
    }
    return MN_OK;
}

static mn_rc add_posts(job *j, mn_tx *tx, mn_err *e)
{
    mn_str rest = mn_buf_str(&j->posts), text;
    for (uint64_t i = 0; mn_bench_next_post(&rest, &text); i++) {
        int64_t at = FIRST_MS + 1000 * (int64_t)i;
        uint64_t id = mn_snowflake_at(at, i);
        mn_post p = {.id = id,
                     .account_id = author_id(mn_rand_at(1, i, 0) % AUTHORS),
                     .created_ms = at,
                     .thread_id = id,
                     .text = text};
        MN_TRY(mn_store_post_add(tx, &p, e));
    }
    return MN_OK;
}

static mn_rc fill_store(job *j, mn_err *e)
{
    char path[96];
    mn_tx *tx;
    MN_TRY(mn_bench_tmp(j->dir, e));
    snprintf(path, sizeof path, "%s/mynah.db", j->dir);
    MN_TRY(mn_store_open(path, &j->store, e));
    MN_TRY(mn_store_begin(j->store, &tx, e));
    mn_rc rc = add_authors(tx, e);
    if (rc == MN_OK) rc = add_posts(j, tx, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    MN_TRY(mn_store_commit(tx, e));
    return mn_social_consent_set(j->store, MN_SCOPE_SERVER, 0, MN_P_TRAIN_GENERATIVE,
                                 MN_CONSENT_ALLOW, 0, MN_STR("bench"), e);
}

/* Begins the next stage's clock when the stage changes. */
static void watch_stage(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    job *j = arg;
    (void)done;
    (void)total;
    if (j->n_stages && strcmp(j->stages[j->n_stages - 1].name, stage) == 0) return;
    if (j->n_stages == STAGES) return;
    j->stages[j->n_stages++] = (stage_clock){stage, mn_cpu_s(), (double)mn_mono_us() / 1e6};
}

static mn_rc build(void *arg, mn_err *e)
{
    job *j = arg;
    char name[32];
    mn_corpus_report report;
    mn_corpus_opts opts = MN_CORPUS_OPTS_DEFAULT;
    snprintf(name, sizeof name, "b%d", j->builds++);
    opts.name = name;
    opts.threads = j->threads;
    j->n_stages = 0;
    watch_stage(j, "clean", 0, 0);
    MN_TRY(mn_corpus_build(j->store, j->dir, &opts, watch_stage, j, &report, e));
    watch_stage(j, "end", 0, 0);
    return MN_OK;
}

/* Where the time of the last build went. */
static void report_stages(mn_bench_run *r, const job *j)
{
    char name[64];
    for (int i = 0; i + 1 < j->n_stages; i++) {
        const stage_clock *a = &j->stages[i], *b = &j->stages[i + 1];
        snprintf(name, sizeof name, "corpus build: %s", a->name);
        mn_bench_times(r, name, j->n_posts, "posts", "last build", b->cpu_s - a->cpu_s,
                       b->wall_s - a->wall_s);
    }
}

static mn_rc bench_build(mn_bench_run *r, mn_err *e)
{
    job j;
    char note[64];
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK) rc = fill_store(&j, e);
    snprintf(note, sizeof note, "%.1f MB, %d threads", j.mb, j.threads);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "corpus build", j.n_posts, "posts", note, build, &j, e);
    if (rc == MN_OK) report_stages(r, &j);
    close_job(&j);
    return rc;
}

/* ---- stages on one thread ------------------------------------------------------------------------------------ */

static mn_rc scrub_all(void *arg, mn_err *e)
{
    job *j = arg;
    mn_str rest = mn_buf_str(&j->posts), post;
    while (mn_bench_next_post(&rest, &post)) {
        mn_buf_clear(&j->out);
        if (mn_corpus_clean(post, false, &j->out, NULL) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "out of memory");
    }
    return MN_OK;
}

static mn_rc sign_all(void *arg, mn_err *e)
{
    job *j = arg;
    uint32_t bands[MN_BANDS];
    mn_str rest = mn_buf_str(&j->posts), post;
    while (mn_bench_next_post(&rest, &post)) {
        mn_rc rc = mn_form_of(post, &j->form);
        if (rc == MN_OK && j->form.n >= MN_MIN_FORM) rc = mn_minhash(&j->form, &j->tmp, bands);
        if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
        j->sum += bands[0];
    }
    return MN_OK;
}

static mn_rc bench_stages(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "normalise and placeholders", j.mb, "MB", NULL, scrub_all, &j,
                              e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "normal form and MinHash", j.mb, "MB", "20 bands of 5",
                              sign_all, &j, e);
    close_job(&j);
    return rc;
}

/* ---- recall -------------------------------------------------------------------------------------------------- */

typedef struct sample {
    mn_shingle_set sets[RECALL_POSTS];
    uint32_t bands[RECALL_POSTS][MN_BANDS];
    size_t n;
} sample;

static bool share_a_band(const sample *s, size_t a, size_t b)
{
    for (int k = 0; k < MN_BANDS; k++)
        if (s->bands[a][k] == s->bands[b][k]) return true;
    return false;
}

static mn_rc take_sample(job *j, sample *s, mn_err *e)
{
    mn_str rest = mn_buf_str(&j->posts), post;
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; rc == MN_OK && s->n < RECALL_POSTS && mn_bench_next_post(&rest, &post);
         i++) {
        rc = mn_form_of(post, &j->form);
        if (rc != MN_OK || j->form.n < MN_MIN_FORM) continue;
        rc = mn_minhash(&j->form, &j->tmp, s->bands[s->n]);
        if (rc == MN_OK) rc = mn_shingle_set_of(&j->form, &s->sets[s->n++]);
    }
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory");
}

/* All pairs of the sample's first posts: how many of those with J ≥ 0.8 share a band. */
static mn_rc bench_recall(mn_bench_run *r, mn_err *e)
{
    job j;
    char note[96];
    sample *s = mn_calloc(1, sizeof *s);
    mn_rc rc = s ? open_job(r, &j, e) : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!s) return rc;
    uint64_t near = 0, found = 0, candidates = 0;
    if (rc == MN_OK) rc = take_sample(&j, s, e);
    for (size_t a = 0; rc == MN_OK && a < s->n; a++)
        for (size_t b = 0; b < a; b++) {
            bool candidate = share_a_band(s, a, b);
            bool pair = mn_shingle_sets_near(&s->sets[a], &s->sets[b]);
            candidates += candidate;
            near += pair;
            found += pair && candidate;
        }
    if (rc == MN_OK) {
        snprintf(note, sizeof note, "%llu of %llu pairs of %zu posts; %llu candidates",
                 (unsigned long long)found, (unsigned long long)near, s->n,
                 (unsigned long long)candidates);
        mn_bench_value(r, "recall of pairs J >= 0.8", near ? (double)found / (double)near : 1,
                       "share", note);
    }
    for (size_t i = 0; i < s->n; i++) mn_shingle_set_release(&s->sets[i]);
    mn_free(s);
    close_job(&j);
    return rc;
}

const mn_bench mn_bench_corpus[] = {
    {"corpus-build", "posts from the store to shards, end to end", bench_build},
    {"corpus-stages", "cleaning and signatures on one thread", bench_stages},
    {"corpus-recall", "near duplicates found, compared with all pairs", bench_recall},
    {0}};
