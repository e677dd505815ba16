/* Benches of search and ask: how well it ranks (TREC microblog 2011 and 2012), how fast it is on
 * a million posts.
 *
 * The million is made from the two collections: post i is one of theirs, and from the second
 * round on every second word is replaced by a word out of a random other post, so that words
 * keep their frequencies and mostly their company. The index is built as `mynah search` builds
 * it, in segments of COMMIT posts. Latencies are CPU time of the one thread that asks, each
 * query the median of several runs, warm.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "cmd/bench.h"
#include "cmd/bench_trec.h"
#include "mind/ask.h"
#include "mind/parts.h"

enum {
    YEARS = 2,
    MILLION = 1000000,
    COMMIT = 262144,
    SEGS = 16,
    ASK_POSTS = 100000,
    ASK_AUTHORS = 500
};
#define FEEDBACK 10u
#define DEEP     1000u

typedef struct job {
    mn_trec trec[YEARS];
    char dir[64];
    mn_snap_item items[SEGS];
    size_t n_items;
    mn_snap *snap;
    mn_buf text;
} job;

static const char *const year_names[YEARS] = {"2011", "2012"};

static mn_rc open_job(mn_bench_run *r, job *j, mn_err *e)
{
    memset(j, 0, sizeof *j);
    mn_buf_init(&j->text, 0);
    MN_TRY(mn_bench_tmp(j->dir, e));
    for (int y = 0; y < YEARS; y++) {
        mn_str path = mn_str_fmt(&r->arena, "%s/trec-microblog/%s", r->data_dir, year_names[y]);
        if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a bench");
        MN_TRY(mn_trec_load(&j->trec[y], path.ptr, e));
    }
    return MN_OK;
}

static void drop_index(job *j)
{
    mn_mind__snap_unref(j->snap);
    j->snap = NULL;
    while (j->n_items) mn_mind__seg_unref(j->items[--j->n_items].seg);
}

static void close_job(job *j)
{
    drop_index(j);
    for (int y = 0; y < YEARS; y++) mn_trec_release(&j->trec[y]);
    mn_buf_release(&j->text);
    if (*j->dir) mn_fs_remove_tree(j->dir, NULL);
}

static mn_rc flush_builder(job *j, mn_builder *b, mn_err *e)
{
    char path[96];
    if (mn_mind__builder_count(b) == 0) return MN_OK;
    snprintf(path, sizeof path, "%s/%zu.seg", j->dir, j->n_items);
    MN_TRY(mn_mind__builder_write(b, path, e));
    MN_TRY(mn_mind__seg_open(path, &j->items[j->n_items].seg, e));
    j->n_items++;
    mn_mind__builder_clear(b);
    return MN_OK;
}

/* ---- ranking --------------------------------------------------------------------------------- */

static mn_rc index_year(job *j, const mn_trec *t, mn_err *e)
{
    mn_builder *b;
    MN_TRY(mn_mind__builder_new(&b, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < t->n_posts; i++)
        rc = mn_mind__builder_add(b, t->ids[i], 0, t->texts[i], e);
    if (rc == MN_OK) rc = flush_builder(j, b, e);
    if (rc == MN_OK) rc = mn_mind__snap_new(j->items, j->n_items, &j->snap, e);
    mn_mind__builder_free(b);
    return rc;
}

static mn_rc ask_topic(job *j, const mn_trec *t, const mn_trec_topic *topic, bool expand,
                       mn_arena *a, mn_hit **ret, size_t *ret_n, mn_err *e)
{
    mn_query_term *q;
    size_t n;
    mn_feedback f[FEEDBACK];
    MN_TRY(mn_mind__query_terms(topic->query, a, &q, &n, e));
    if (expand) {
        MN_TRY(mn_mind__query_run(j->snap, q, n, topic->newest_id, FEEDBACK, a, ret, ret_n, e));
        for (size_t i = 0; i < *ret_n; i++)
            f[i] = (mn_feedback){mn_trec_text(t, (*ret)[i].id), (*ret)[i].score};
        MN_TRY(mn_mind__expand(j->snap, q, n, f, *ret_n, a, &q, &n, e));
    }
    return mn_mind__query_run(j->snap, q, n, topic->newest_id, DEEP, a, ret, ret_n, e);
}

static mn_rc score_year(job *j, const mn_trec *t, bool expand, mn_trec_score *ret, mn_err *e)
{
    mn_rc rc = MN_OK;
    mn_trec_score s = {0};
    for (size_t i = 0; rc == MN_OK && i < t->n_topics; i++) {
        mn_arena a;
        mn_hit *hits = NULL;
        size_t n = 0;
        uint64_t ids[DEEP];
        mn_arena_init(&a, 0);
        rc = ask_topic(j, t, &t->topics[i], expand, &a, &hits, &n, e);
        for (size_t k = 0; k < n; k++) ids[k] = hits[k].id;
        if (rc == MN_OK) mn_trec_add(&s, &t->topics[i], ids, n);
        mn_arena_release(&a);
    }
    mn_trec_mean(&s);
    if (rc == MN_OK) *ret = s;
    return rc;
}

static void report_score(mn_bench_run *r, const char *run, int year, const mn_trec_score *s)
{
    char name[64];
    snprintf(name, sizeof name, "%s %s MAP", run, year_names[year]);
    mn_bench_value(r, name, s->map, "", NULL);
    snprintf(name, sizeof name, "%s %s P@30", run, year_names[year]);
    mn_bench_value(r, name, s->p30, "", NULL);
}

static mn_rc report_given(mn_bench_run *r, job *j, int year, const char *run, mn_err *e)
{
    mn_trec_score s;
    char name[64];
    mn_str path = mn_str_fmt(&r->arena, "%s/trec-microblog/%s/run.%s.txt", r->data_dir,
                             year_names[year], run);
    if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a bench");
    MN_TRY(mn_trec_score_file(&j->trec[year], path.ptr, &s, e));
    snprintf(name, sizeof name, "given %s", run);
    report_score(r, name, year, &s);
    return MN_OK;
}

static mn_rc bench_trec(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    for (int y = 0; rc == MN_OK && y < YEARS; y++) {
        mn_trec_score s;
        rc = index_year(&j, &j.trec[y], e);
        for (int expand = 0; rc == MN_OK && expand < 2; expand++) {
            rc = score_year(&j, &j.trec[y], expand, &s, e);
            if (rc == MN_OK) report_score(r, expand ? "mynah --expand" : "mynah", y, &s);
        }
        if (rc == MN_OK) rc = report_given(r, &j, y, "QL", e);
        if (rc == MN_OK) rc = report_given(r, &j, y, "RM3", e);
        drop_index(&j);
    }
    close_job(&j);
    return rc;
}

/* ---- speed ----------------------------------------------------------------------------------- */

static mn_str random_word(const job *j, uint64_t z)
{
    const mn_trec *t = &j->trec[z & 1];
    mn_str text = t->texts[(z >> 1) % t->n_posts], rest;
    size_t at = text.len ? (size_t)(z >> 32) % text.len : 0;
    while (at && text.ptr[at - 1] != ' ') at--;
    return mn_str_split(mn_str_sub(text, at, text.len), ' ', &rest);
}

static mn_str mixed_post(job *j, uint64_t i)
{
    const mn_trec *t = &j->trec[i % YEARS];
    uint64_t round = i / YEARS / t->n_posts;
    mn_str rest = t->texts[i / YEARS % t->n_posts];
    mn_buf_clear(&j->text);
    for (uint64_t k = 0; rest.len; k++) {
        mn_str word = mn_str_split(rest, ' ', &rest);
        uint64_t z = mn_rand_at(1, i, k);
        mn_buf_adds(&j->text, round && k % 2 ? random_word(j, z) : word);
        mn_buf_addc(&j->text, ' ');
    }
    return mn_buf_str(&j->text);
}

static mn_rc index_million(mn_bench_run *r, job *j, mn_err *e)
{
    mn_builder *b;
    double cpu = 0;
    uint64_t bytes = 0;
    MN_TRY(mn_mind__builder_new(&b, e));
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; rc == MN_OK && i < MILLION; i++) {
        mn_str text = mixed_post(j, i);
        double started = mn_thread_cpu_s();
        rc = mn_mind__builder_add(b, i + 1, i % 1000, text, e);
        if (rc == MN_OK && (mn_mind__builder_count(b) == COMMIT || i + 1 == MILLION))
            rc = flush_builder(j, b, e);
        cpu += mn_thread_cpu_s() - started;
    }
    mn_mind__builder_free(b);
    MN_TRY(rc);
    for (size_t i = 0; i < j->n_items; i++) bytes += j->items[i].seg->map.len;
    mn_bench_times(r, "index a million posts", MILLION, "posts", NULL, cpu, -1);
    mn_bench_value(r, "index size", (double)bytes / 1e6, "MB", NULL);
    return mn_mind__snap_new(j->items, j->n_items, &j->snap, e);
}

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

/* Median CPU milliseconds of one query for the 50 best. */
static mn_rc time_query(mn_bench_run *r, job *j, mn_str query, double *ret, mn_err *e)
{
    double ms[101];
    int reps = r->reps < 5 ? 5 : r->reps < 101 ? r->reps : 101;
    for (int i = 0; i < reps; i++) {
        mn_arena a;
        mn_query_term *q;
        mn_hit *hits;
        size_t n, n_hits;
        mn_arena_init(&a, 0);
        double started = mn_thread_cpu_s();
        mn_rc rc = mn_mind__query_terms(query, &a, &q, &n, e);
        if (rc == MN_OK) rc = mn_mind__query_run(j->snap, q, n, 0, 50, &a, &hits, &n_hits, e);
        ms[i] = (mn_thread_cpu_s() - started) * 1e3;
        mn_arena_release(&a);
        MN_TRY(rc);
    }
    qsort(ms, (size_t)reps, sizeof *ms, by_size);
    *ret = ms[reps / 2];
    return MN_OK;
}

static void report_latency(mn_bench_run *r, const char *what, double *ms, size_t n)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {{"p50", 0.5}, {"p99", 0.99}, {"max", 1}};
    char name[64];
    qsort(ms, n, sizeof *ms, by_size);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        size_t at = (size_t)(points[i].share * (double)n);
        snprintf(name, sizeof name, "%s %s", what, points[i].name);
        mn_bench_value(r, name, ms[at < n ? at : n - 1], "ms", NULL);
    }
}

static mn_rc bench_search(mn_bench_run *r, mn_err *e)
{
    static const char *const common[] = {"the",   "to",   "a",   "in",  "of",    "and",   "i",
                                         "for",   "rt",   "on",  "is",  "you",   "news",  "new",
                                         "video", "love", "lol", "day", "today", "people"};
    enum { COMMON = sizeof common / sizeof *common };
    job j;
    double ms[512];
    size_t n = 0;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK) rc = index_million(r, &j, e);
    for (int y = 0; y < YEARS; y++)
        for (size_t i = 0; rc == MN_OK && i < j.trec[y].n_topics && n < 512; i++)
            rc = time_query(r, &j, j.trec[y].topics[i].query, &ms[n++], e);
    if (rc == MN_OK) report_latency(r, "top 50, TREC topics", ms, n);
    for (size_t i = 0; rc == MN_OK && i < COMMON; i++)
        rc = time_query(r, &j, mn_str_from(common[i]), &ms[i], e);
    if (rc == MN_OK) report_latency(r, "top 50, common words", ms, COMMON);
    close_job(&j);
    return rc;
}

/* ---- ask ------------------------------------------------------------------------------------- */

static mn_rc fill_store(job *j, mn_store *s, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = MN_OK;
    for (uint64_t i = 1; rc == MN_OK && i <= ASK_AUTHORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "author%llu", (unsigned long long)i);
        mn_account a = {.id = i, .name = mn_str_from(name), .created_ms = 1};
        rc = mn_store_account_add(tx, &a, e);
    }
    for (uint64_t i = 0; rc == MN_OK && i < ASK_POSTS; i++) {
        int64_t at = INT64_C(1300000000000) + (int64_t)i * 10000;
        mn_post p = {
            .id = mn_snowflake_at(at, i), .account_id = 1 + i % ASK_AUTHORS, .created_ms = at};
        p.text = mixed_post(j, i);
        rc = mn_store_post_add(tx, &p, e);
    }
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc time_asking(mn_bench_run *r, job *j, mn_search *x, mn_store *s, mn_err *e)
{
    double ms[512];
    size_t n = 0, found = 0;
    for (int y = 0; y < YEARS; y++)
        for (size_t i = 0; i < j->trec[y].n_topics && n < 512; i++) {
            mn_arena a;
            mn_answer answer = {0};
            mn_ask_opts o = {0};
            mn_arena_init(&a, 0);
            mn_rc rc = mn_ask(x, s, j->trec[y].topics[i].query, &o, &a, &answer, e);
            ms[n++] = answer.took_ms;
            found += answer.found;
            mn_arena_release(&a);
            MN_TRY(rc);
        }
    report_latency(r, "ask, 100,000 posts", ms, n);
    mn_bench_value(r, "topics answered", (double)found / (double)n, "", NULL);
    return MN_OK;
}

static mn_rc bench_ask(mn_bench_run *r, mn_err *e)
{
    job j;
    char path[96];
    mn_store *s = NULL;
    mn_search *x = NULL;
    mn_rc rc = open_job(r, &j, e);
    snprintf(path, sizeof path, "%s/mynah.db", j.dir);
    if (rc == MN_OK) rc = mn_store_open(path, &s, e);
    if (rc == MN_OK) rc = fill_store(&j, s, e);
    if (rc == MN_OK)
        rc = mn_social_consent_set(s, MN_SCOPE_SERVER, 0, MN_P_INFERENCE_INPUT,
                                   MN_CONSENT_ALLOW, 0, MN_STR("bench"), e);
    snprintf(path, sizeof path, "%s/search", j.dir);
    if (rc == MN_OK) rc = mn_search_open(path, s, false, &x, e);
    double started = mn_thread_cpu_s();
    if (rc == MN_OK) rc = mn_search_update(x, NULL, e);
    if (rc == MN_OK)
        mn_bench_times(r, "index from the store", ASK_POSTS, "posts", NULL,
                       mn_thread_cpu_s() - started, -1);
    if (rc == MN_OK) rc = time_asking(r, &j, x, s, e);
    mn_search_close(x);
    mn_store_close(s);
    close_job(&j);
    return rc;
}

const mn_bench mn_bench_search[] = {
    {"search-trec", "MAP and P@30 on TREC microblog 2011 and 2012, beside the given runs",
     bench_trec},
    {"search-million", "indexing and searching a million posts on one thread", bench_search},
    {"search-ask", "answers over 100,000 posts in a store", bench_ask},
    {0},
};
