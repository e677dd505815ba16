/* mynah eval --corpus, --data: bits per byte of posts, in total and by language, author and month. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/progress.h"
#include "cmd/eval.h"
#include "model/probe.h"

#define LEAST 20 /* posts that a group needs to say anything */
#define MOST  50 /* groups of a kind that are told apart */
#define SHOWN 12 /* of them to people, but months */

typedef struct tables {
    mn_probe_group total, *by[3];
    size_t n[3];
} tables;
static const char *const kinds[3] = {"languages", "authors", "months"};
static const char *const kind_keys[3] = {"lang", "author", "month"};

static void on_row(void *arg, uint64_t row, uint64_t n_rows)
{
    mn_progress *bar = arg;
    bar->total = n_rows;
    mn_progress_set(bar, row);
}

static mn_rc score(mn_eval_job *j, const mn_model *m, mn_probe *p, mn_err *e)
{
    mn_pool *pool = NULL;
    mn_progress bar;
    if (j->corpus_dir) MN_TRY(mn_probe_corpus(p, j->corpus_dir, "val", j->tokens, e));
    else MN_TRY(mn_probe_file(p, j->posts, mn_now_ms(), e));
    MN_TRY(mn_pool_new((int)j->threads, &pool, e));
    mn_progress_start(&bar, "eval", "rows", 0);
    mn_rc rc = mn_probe_run(p, pool, mn_eval_context(j, m), j->products, on_row, &bar, e);
    mn_progress_end(&bar);
    mn_pool_free(pool);
    return rc;
}

static mn_rc add_up(mn_eval_job *j, const mn_probe *p, tables *ret, mn_err *e)
{
    ret->total = mn_probe_total(p);
    for (int by = 0; by < 3; by++)
        MN_TRY(mn_probe_groups(p, (mn_probe_by)by, LEAST, by == MN_PROBE_BY_MONTH ? 1200 : MOST,
                               &j->arena, &ret->by[by], &ret->n[by], e));
    return MN_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------ */

static void put_sums(mn_json_writer *w, const mn_probe_group *g)
{
    mn_jw_kf64(w, "bits_per_byte", mn_probe_bits_per_byte(g));
    mn_jw_kf64(w, "bits", g->bits);
    mn_jw_ku64(w, "bytes", g->bytes);
    mn_jw_ku64(w, "posts", g->posts);
    mn_jw_ku64(w, "tokens", g->tokens);
}

static void put_groups(mn_json_writer *w, const tables *t, int by)
{
    mn_jw_key(w, kinds[by]);
    mn_jw_array(w);
    for (size_t i = 0; i < t->n[by]; i++) {
        const mn_probe_group *g = &t->by[by][i];
        mn_jw_object(w);
        if (g->others) mn_jw_kbool(w, "others", true);
        else mn_jw_kstr(w, kind_keys[by], g->name.len ? g->name : MN_STR_NONE);
        put_sums(w, g);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
}

static void put_result(mn_eval_job *j, const mn_probe *p, const tables *t)
{
    mn_json_writer *w = &j->w;
    mn_jw_object(w);
    mn_jw_kstrz(w, j->corpus ? "corpus" : "data", j->corpus ? j->corpus : mn_fs_base(j->posts));
    mn_jw_key(w, "evaluated_at");
    mn_jw_time(w, mn_now_ms());
    mn_jw_kstrz(w, "dtype", j->products == MN_BF16 ? "bf16" : "f32");
    mn_jw_ku64(w, "context", mn_eval_context(j, p->m));
    mn_jw_ku64(w, "documents", p->n_docs);
    put_sums(w, &t->total);
    mn_jw_kf64(w, "end_bits", p->end_bits);
    for (int by = 0; by < 3; by++) put_groups(w, t, by);
    mn_jw_object_end(w);
}

/* ---- words ----------------------------------------------------------------------------------------------------------- */

static void show_group(const mn_probe_group *g, const char *name)
{
    printf("  %-24s %8.4f %10llu %12llu\n", name, mn_probe_bits_per_byte(g),
           (unsigned long long)g->posts, (unsigned long long)g->bytes);
}

static void show_groups(const tables *t, int by)
{
    static const char *const titles[3] = {"language", "author", "month"};
    const size_t most = by == MN_PROBE_BY_MONTH ? t->n[by] : SHOWN;
    char name[64];
    if (t->n[by] == 1 && !t->by[by][0].others && !t->by[by][0].name.len) return; /* unknown */
    printf("\n  %-24s %8s %10s %12s\n", titles[by], "bits/B", "posts", "bytes");
    for (size_t i = 0; i < t->n[by] && i < most; i++) {
        const mn_probe_group *g = &t->by[by][i];
        mn_str s = g->name.len ? mn_utf8_cut(g->name, sizeof name - 1) : MN_STR("unknown");
        snprintf(name, sizeof name, "%.*s", MN_STR_FMT(s));
        show_group(g, name);
    }
    if (t->n[by] > most) printf("  … %zu more with --json\n", t->n[by] - most);
}

static void show(const mn_eval_job *j, const mn_probe *p, const tables *t)
{
    printf("model %s, %s %s\n\n", j->path, j->corpus ? "held-out posts of corpus" : "posts of",
           j->corpus ? j->corpus : j->posts);
    printf("  %-24s %8s %10s %12s\n", "", "bits/B", "posts", "bytes");
    show_group(&t->total, "all");
    printf("  %llu documents; %.4f bits/B of them for where documents end\n",
           (unsigned long long)p->n_docs, p->end_bits / (double)t->total.bytes);
    for (int by = 0; by < 3; by++) show_groups(t, by);
}

mn_rc mn_eval_held_out(mn_eval_job *j, mn_err *e)
{
    mn_model *m = NULL;
    mn_probe p = {0};
    tables t = {0};
    MN_TRY(mn_model_open(j->path, &m, e));
    mn_rc rc = mn_probe_new(m, &p, e);
    if (rc == MN_OK) rc = score(j, m, &p, e);
    if (rc == MN_OK) rc = add_up(j, &p, &t, e);
    if (rc == MN_OK) put_result(j, &p, &t);
    if (rc == MN_OK && !j->json) show(j, &p, &t);
    mn_probe_release(&p);
    mn_model_free(m);
    return rc;
}
