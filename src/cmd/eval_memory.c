/* mynah eval --memorisation: how exposed planted sentences are, and how much of its training documents a model says word for word.
 *
 * Extraction needs no generating: greedy continuation gives the document exactly as long as at each place, after the document's own
 * tokens, its next one is the likeliest. So one pass over prompt and continuation decides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/eval.h"
#include "infer/infer.h"
#include "model/exposure.h"
#include "model/probe.h"
#include "text/canary.h"

#define REFERENCES  1000
#define PROMPT      32
#define WHOLE       50 /* tokens of continuation that count as extracted */
#define SHORT_LEAST 8  /* of a document that ends before: no chance hit */
#define MANIFEST    (16u << 20)

/* ---- canaries ---------------------------------------------------------------------------------------------------------- */

typedef struct exposed {
    uint64_t seed; /* 0: the corpus has no canaries */
    double bits[MN_CANARIES], rank[MN_CANARIES], beyond[MN_CANARIES];
    double z; /* of their bits against the references' */
} exposed;

static mn_rc read_seed(const mn_eval_job *j, uint64_t *ret, mn_err *e)
{
    mn_buf b;
    mn_json *t = NULL;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, MANIFEST);
    const char *path = mn_fs_join(&a, j->corpus_dir, "manifest.json");
    mn_rc rc = path ? mn_fs_read(path, MANIFEST, &b, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) rc = mn_json_parse(mn_buf_str(&b), &a, &t, e);
    if (rc == MN_OK)
        *ret = mn_json_u64(mn_json_get(mn_json_get(t, "parameters"), "canaries"), 0);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

static mn_rc add_sentences(mn_probe *p, uint64_t seed, mn_err *e)
{
    char line[MN_CANARY_TEXT];
    for (uint64_t i = 0; i < MN_CANARIES + REFERENCES; i++) {
        mn_canary_text(seed, i, line);
        const mn_probe_text t = {.text = mn_str_from(line),
                                 .created_ms = MN_CANARY_MS,
                                 .lang = mn_tok_lang(MN_STR(MN_CANARY_LANG))};
        MN_TRY(mn_probe_document(p, &t, 1, MN_CANARY_MS, e));
    }
    return MN_OK;
}

static mn_rc rank_all(const mn_probe *p, exposed *x, mn_err *e)
{
    double refs[REFERENCES], work[MN_CANARIES + REFERENCES];
    mn_skew_normal s;
    for (size_t i = 0; i < REFERENCES; i++) refs[i] = p->posts[MN_CANARIES + i].bits;
    MN_TRY(mn_skew_normal_fit(refs, REFERENCES, &s, e));
    for (size_t i = 0; i < MN_CANARIES; i++) {
        x->bits[i] = p->posts[i].bits;
        x->rank[i] = mn_exposure(x->bits[i], refs, REFERENCES);
        x->beyond[i] = mn_exposure_beyond(x->bits[i], &s);
    }
    x->z = mn_rank_sum_z(x->bits, MN_CANARIES, refs, REFERENCES, work);
    return MN_OK;
}

static mn_rc measure_exposure(const mn_eval_job *j, const mn_model *m, exposed *x, mn_err *e)
{
    mn_probe p = {0};
    mn_pool *pool = NULL;
    MN_TRY(read_seed(j, &x->seed, e));
    if (!x->seed) return MN_OK;
    MN_TRY(mn_probe_new(m, &p, e));
    mn_rc rc = add_sentences(&p, x->seed, e);
    if (rc == MN_OK) rc = mn_pool_new((int)j->threads, &pool, e);
    if (rc == MN_OK)
        rc = mn_probe_run(&p, pool, mn_eval_context(j, m), j->products, NULL, NULL, e);
    if (rc == MN_OK) rc = rank_all(&p, x, e);
    mn_pool_free(pool);
    mn_probe_release(&p);
    return rc;
}

/* ---- extraction -------------------------------------------------------------------------------------------------------- */

typedef struct extracted {
    uint64_t documents;           /* long enough to be asked for */
    uint64_t whole, whole_hits;   /* asked for WHOLE tokens; of them said exactly */
    uint64_t shorter, short_hits; /* asked for what is left of the document */
    uint64_t tokens, guessed;     /* of all continuations */
    uint64_t longest;             /* tokens said in a row from a prompt's end */
} extracted;

typedef struct asking {
    const mn_probe *p;
    mn_seq *s;
    uint32_t V;
    extracted *x;
} asking;

static bool may_be_said(const mn_probe *p, uint32_t id)
{
    return !p->form.ours || !mn_tok_is_condition(id);
}

static uint32_t likeliest(const mn_probe *p, const float *logits, uint32_t V)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t v = 0; v < V; v++)
        if (may_be_said(p, v) && (best == UINT32_MAX || logits[v] > logits[best])) best = v;
    return best;
}

/* Of ids[PROMPT..PROMPT + n) given all before: how many are the likeliest; *ret_row: how many from the first on. */
static mn_rc guess(const asking *k, const uint32_t *ids, const uint32_t *owner, size_t n,
                   uint64_t *ret_n, uint64_t *ret_row, uint64_t *ret_tokens, mn_err *e)
{
    const float *logits;
    bool row = true;
    *ret_n = *ret_row = *ret_tokens = 0;
    mn_seq_reset(k->s);
    MN_TRY(mn_seq_feed(k->s, ids, PROMPT - 1, &logits, e));
    MN_TRY(mn_seq_feed_all(k->s, ids + PROMPT - 1, n, &logits, e));
    for (size_t i = 0; i < n; i++) {
        if (owner[PROMPT + i] == MN_PROBE_FREE) continue; /* given, as it always is */
        bool hit = likeliest(k->p, logits + i * k->V, k->V) == ids[PROMPT + i];
        row = row && hit;
        *ret_n += hit, *ret_row += row;
        ++*ret_tokens;
    }
    return MN_OK;
}

static mn_rc ask(asking *k, uint64_t from, uint64_t to, mn_err *e)
{
    const size_t left = (size_t)(to - from) - PROMPT; /* without what ends it */
    const size_t n = left < WHOLE ? left : WHOLE;
    uint64_t hits, row, tokens;
    MN_TRY(guess(k, k->p->ids + from, k->p->owner + from, n, &hits, &row, &tokens, e));
    extracted *x = k->x;
    x->tokens += tokens, x->guessed += hits;
    if (row > x->longest) x->longest = row;
    if (n == WHOLE) x->whole++, x->whole_hits += row == tokens;
    else x->shorter++, x->short_hits += row == tokens;
    return MN_OK;
}

/* The documents that are long enough, `most` of them drawn with the seed; on the arena. */
static mn_rc choose(const mn_probe *p, uint64_t seed, uint64_t most, mn_arena *a,
                    uint64_t **ret, uint64_t *ret_n, uint64_t *ret_all, mn_err *e)
{
    uint64_t *at = mn_arena_calloc(a, p->n_docs + 1, sizeof *at), n = 0;
    if (!at) return mn_fail(e, MN_E_NOMEM, "no memory to draw documents");
    for (uint64_t d = 0, from = 0; d < p->n_docs; from = p->doc_end[d++])
        if (p->doc_end[d] - from > PROMPT + SHORT_LEAST) at[n++] = d;
    *ret_all = n;
    if (most > n) most = n;
    for (uint64_t i = 0; i < most; i++) { /* Fisher and Yates, as far as it is needed */
        double u = mn_rand_unit(mn_rand_at(seed, 0x65787472, i));
        uint64_t k = i + (uint64_t)(u * (double)(n - i)), t = at[i];
        at[i] = at[k], at[k] = t;
    }
    *ret = at;
    *ret_n = most;
    return MN_OK;
}

static mn_rc ask_all(const mn_eval_job *j, mn_engine *g, const mn_probe *p, extracted *x,
                     mn_err *e)
{
    asking k = {.p = p, .V = mn_engine_vocab(g), .x = x};
    mn_arena a;
    mn_progress bar;
    uint64_t *at = NULL, n = 0;
    mn_arena_init(&a, 0);
    mn_rc rc = choose(p, j->seed, j->sample, &a, &at, &n, &x->documents, e);
    if (rc == MN_OK) rc = mn_seq_new(g, &k.s, e);
    mn_progress_start(&bar, "extraction", "documents", n);
    for (uint64_t i = 0; rc == MN_OK && i < n; i++) {
        const uint64_t from = at[i] ? p->doc_end[at[i] - 1] : 0;
        rc = mn_stop_requested() ? mn_fail(e, MN_E_CANCELLED, "stopped")
                                 : ask(&k, from, p->doc_end[at[i]] - 1, e);
        mn_progress_set(&bar, i + 1);
    }
    mn_progress_end(&bar);
    mn_seq_free(k.s);
    mn_arena_release(&a);
    return rc;
}

static mn_rc measure_extraction(const mn_eval_job *j, const mn_model *m, const char *split,
                                extracted *x, mn_err *e)
{
    const mn_engine_opts o = {.n_threads = (int)j->threads, .context = PROMPT + WHOLE};
    mn_engine *g = NULL;
    mn_probe p = {0};
    MN_TRY(mn_probe_new(m, &p, e));
    mn_rc rc = mn_probe_corpus(&p, j->corpus_dir, split, 0, e);
    if (rc == MN_OK) rc = mn_engine_load(j->path, &o, &g, e);
    if (rc == MN_OK) rc = ask_all(j, g, &p, x, e);
    mn_engine_free(g);
    mn_probe_release(&p);
    return rc;
}

/* ---- showing it -------------------------------------------------------------------------------------------------------- */

typedef struct repeated { /* canaries planted equally often */
    uint32_t copies;
    size_t n;
    double bits, rank, most, beyond; /* means, but most: the largest of rank */
} repeated;

static size_t by_copies(const exposed *x, repeated ret[4])
{
    size_t n = 0;
    for (size_t i = 0; i < MN_CANARIES; i++) {
        if (!n || ret[n - 1].copies != mn_canary_copies(i))
            ret[n++] = (repeated){.copies = mn_canary_copies(i), .most = -INFINITY};
        repeated *r = &ret[n - 1];
        r->n++;
        r->bits += x->bits[i], r->rank += x->rank[i], r->beyond += x->beyond[i];
        r->most = fmax(r->most, x->rank[i]);
    }
    for (size_t k = 0; k < n; k++) {
        const double of = (double)ret[k].n;
        ret[k].bits /= of, ret[k].rank /= of, ret[k].beyond /= of;
    }
    return n;
}

static void put_exposure(mn_json_writer *w, const exposed *x)
{
    repeated r[4];
    mn_jw_key(w, "exposure");
    if (!x->seed) {
        mn_jw_null(w);
        return;
    }
    mn_jw_object(w);
    mn_jw_ku64(w, "seed", x->seed);
    mn_jw_ku64(w, "references", REFERENCES);
    mn_jw_kf64(w, "chance", MN_EXPOSURE_CHANCE);
    mn_jw_kf64(w, "rank_sum_z", x->z);
    mn_jw_key(w, "repetitions");
    mn_jw_array(w);
    for (size_t k = 0, n = by_copies(x, r); k < n; k++) {
        mn_jw_object(w);
        mn_jw_ku64(w, "copies", r[k].copies);
        mn_jw_ku64(w, "canaries", r[k].n);
        mn_jw_kf64(w, "bits", r[k].bits);
        mn_jw_kf64(w, "exposure", r[k].rank);
        mn_jw_kf64(w, "highest", r[k].most);
        mn_jw_kf64(w, "extrapolated", r[k].beyond);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

static void put_extracted(mn_json_writer *w, const char *name, const extracted *x)
{
    mn_jw_key(w, name);
    mn_jw_object(w);
    mn_jw_ku64(w, "documents", x->documents);
    mn_jw_ku64(w, "asked", x->whole);
    mn_jw_ku64(w, "extracted", x->whole_hits);
    mn_jw_ku64(w, "asked_short", x->shorter);
    mn_jw_ku64(w, "extracted_short", x->short_hits);
    mn_jw_ku64(w, "tokens", x->tokens);
    mn_jw_ku64(w, "tokens_guessed", x->guessed);
    mn_jw_ku64(w, "longest", x->longest);
    mn_jw_object_end(w);
}

static void put_memory(mn_eval_job *j, const exposed *x, const extracted *train,
                       const extracted *val)
{
    mn_json_writer *w = &j->w;
    mn_jw_object(w);
    mn_jw_kstrz(w, "corpus", j->corpus);
    mn_jw_key(w, "evaluated_at");
    mn_jw_time(w, mn_now_ms());
    put_exposure(w, x);
    mn_jw_key(w, "extraction");
    mn_jw_object(w);
    mn_jw_ku64(w, "prompt_tokens", PROMPT);
    mn_jw_ku64(w, "continuation_tokens", WHOLE);
    mn_jw_ku64(w, "seed", j->seed);
    put_extracted(w, "train", train);
    put_extracted(w, "held_out", val);
    mn_jw_object_end(w);
    mn_jw_object_end(w);
}

static void show_extracted(const char *name, const extracted *x)
{
    printf("  %-10s %6llu of %-6llu %6llu of %-6llu %8.1f %% %9llu\n", name,
           (unsigned long long)x->whole_hits, (unsigned long long)x->whole,
           (unsigned long long)x->short_hits, (unsigned long long)x->shorter,
           x->tokens ? 100.0 * (double)x->guessed / (double)x->tokens : 0,
           (unsigned long long)x->longest);
}

static void show_memory(const mn_eval_job *j, const exposed *x, const extracted *train,
                        const extracted *val)
{
    repeated r[4];
    printf("model %s, corpus %s\n\n", j->path, j->corpus);
    if (!x->seed)
        printf("  exposure: the corpus has no canaries; `mynah corpus build --canaries SEED` "
               "plants some\n");
    else
        printf("  exposure, bits (chance %.2f; rank sum z %.2f)\n  %8s %9s %9s %9s %13s\n",
               MN_EXPOSURE_CHANCE, x->z, "copies", "canaries", "mean", "highest",
               "extrapolated");
    for (size_t k = 0, n = x->seed ? by_copies(x, r) : 0; k < n; k++)
        printf("  %8u %9zu %9.2f %9.2f %13.2f\n", r[k].copies, r[k].n, r[k].rank, r[k].most,
               r[k].beyond);
    printf("\n  said word for word after %d tokens of a document\n", PROMPT);
    printf("  %-10s %16s %16s %10s %9s\n", "", "50 tokens", "to its end", "tokens", "longest");
    show_extracted("train", train);
    show_extracted("held out", val);
}

mn_rc mn_eval_memorisation(mn_eval_job *j, mn_err *e)
{
    mn_model *m = NULL;
    exposed x = {0};
    extracted train = {0}, val = {0};
    MN_TRY(mn_model_open(j->path, &m, e));
    mn_rc rc = m->cfg.T < PROMPT + WHOLE
                   ? mn_fail(e, MN_E_UNSUPPORTED,
                             "the model reads %u tokens at once; memorisation needs %d",
                             m->cfg.T, PROMPT + WHOLE)
                   : measure_exposure(j, m, &x, e);
    if (rc == MN_OK) rc = measure_extraction(j, m, "train", &train, e);
    if (rc == MN_OK) rc = measure_extraction(j, m, "val", &val, e);
    if (rc == MN_E_NOT_FOUND && train.documents) rc = MN_OK; /* nothing is held out */
    if (rc == MN_OK) put_memory(j, &x, &train, &val);
    if (rc == MN_OK && !j->json) show_memory(j, &x, &train, &val);
    mn_model_free(m);
    return rc;
}
