/* Batches of BATCH posts. While the pool works on one batch in parts of PART posts, one of its parts reads the next batch
 * into the other of two arenas. Parts write to their own places; when all are done, the calling thread appends the results
 * in order. So the order of the output is the order of ids, whoever did the work.
 */
#include "corpus/scan.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "corpus/dedup.h"
#include "corpus/gate.h"
#include "corpus/normalise.h"
#include "corpus/rules.h"
#include "text/langid.h"
#include "text/tokenizer.h"

#define BATCH 8192
#define PART  256
#define PARTS (BATCH / PART)

typedef struct worker { /* scratch of one thread */
    mn_buf normal;
    mn_form form;
    mn_shingles shingles;
} worker;

typedef struct part { /* results of one part of a batch */
    mn_buf text;
    uint64_t pii[MN_PII_KINDS];
    mn_rc rc;
} part;

typedef struct batch {
    mn_arena arena;
    mn_posts posts;
    mn_rc rc;
} batch;

typedef struct job {
    mn_store *store;
    mn_consents server;
    uint64_t server_seq;
    bool keep_handles;
    const uint64_t *only, *except;
    size_t n_only, n_except;
    batch batches[2];
    int now; /* the batch worked on; the other is being read */
    uint64_t after;
    mn_err read_err;
    worker *workers;
    int n_workers;
    part parts[PARTS];
    mn_cand *results; /* [BATCH] */
    FILE *spool;
    mn_scan out;
} job;

/* ---- one post ------------------------------------------------------------------------------------------------ */

static uint32_t language(const mn_post *p, mn_str text)
{
    if (p->lang.len) return mn_tok_lang(p->lang);
    mn_lang l = mn_langid(text);
    return l.reliable ? mn_tok_lang(mn_str_from(l.code)) : MN_TOK_LANG0;
}

static mn_rc sign(const mn_post *p, worker *w, mn_cand *c)
{
    mn_form_hash(&w->form, c->form);
    c->form_n = (uint32_t)w->form.n;
    size_t opening = mn_form_words(&w->form, MN_TEMPLATE_WORDS);
    c->opening = mn_hash64(w->form.cp, opening * sizeof *w->form.cp, p->account_id);
    return c->form_n >= MN_MIN_FORM ? mn_minhash(&w->form, &w->shingles, c->bands) : MN_OK;
}

/* Clean text to the part's buffer, facts to c. A post that breaks a rule leaves no text. */
static mn_rc clean(const job *j, const mn_post *p, worker *w, part *out, mn_cand *c)
{
    uint32_t pii[MN_PII_KINDS] = {0};
    size_t from = out->text.len;
    mn_buf_clear(&w->normal);
    MN_TRY(mn_corpus_normalise(p->text, &w->normal, NULL));
    mn_str normal = mn_buf_str(&w->normal);
    MN_TRY(mn_corpus_pii(normal, j->keep_handles, &out->text, NULL, pii));
    mn_str text = {out->text.ptr + from, out->text.len - from};
    MN_TRY(mn_form_of(text, &w->form));
    c->drop = (uint8_t)mn_corpus_rules(text, &w->form);
    if (c->drop) {
        out->text.len = from;
        return MN_OK;
    }
    c->text_at = from;
    c->text_len = (uint32_t)text.len;
    c->lang = language(p, normal);
    for (int k = 0; k < MN_PII_KINDS; k++) out->pii[k] += pii[k];
    return sign(p, w, c);
}

static bool among(const uint64_t *sorted, size_t n, uint64_t id)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (sorted[mid] < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && sorted[lo] == id;
}

static bool wanted(const job *j, uint64_t id)
{
    return (!j->only || among(j->only, j->n_only, id)) && !among(j->except, j->n_except, id);
}

static mn_rc one_post(const job *j, const mn_post *p, worker *w, part *out, mn_cand *c)
{
    *c = (mn_cand){.id = p->id,
                   .author = p->account_id,
                   .thread = p->thread_id ? p->thread_id : p->id,
                   .reply_to = p->reply_to,
                   .quote_of = p->quote_of,
                   .created_ms = p->created_ms,
                   .consent_rev = mn_corpus_gate_rev(p, j->server_seq)};
    if (!wanted(j, p->id)) {
        c->id = 0;
        return MN_OK;
    }
    c->drop = (uint8_t)mn_corpus_gate(p, j->server);
    if (!c->drop && p->text.len > MN_RULE_MOST_BYTES) c->drop = MN_DROP_TOO_LONG;
    return c->drop ? MN_OK : clean(j, p, w, out, c);
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

static void read_batch(job *j, batch *b)
{
    mn_arena_reset(&b->arena);
    b->posts = (mn_posts){0};
    b->rc = mn_store_posts_scan(j->store, j->after, BATCH, &b->arena, &b->posts, &j->read_err);
    if (b->rc == MN_OK && b->posts.n) j->after = b->posts.items[b->posts.n - 1].id;
}

static void work_part(job *j, size_t k, int thread)
{
    const mn_posts *posts = &j->batches[j->now].posts;
    part *out = &j->parts[k];
    mn_buf_clear(&out->text);
    out->rc = MN_OK;
    size_t end = (k + 1) * PART < posts->n ? (k + 1) * PART : posts->n;
    for (size_t i = k * PART; i < end && out->rc == MN_OK; i++)
        out->rc = one_post(j, &posts->items[i], &j->workers[thread], out, &j->results[i]);
}

/* Part 0 reads ahead, so that the slowest thing begins first. */
static void run_part(void *arg, size_t k, int thread)
{
    job *j = arg;
    if (k == 0) read_batch(j, &j->batches[1 - j->now]);
    else work_part(j, k - 1, thread);
}

/* ---- results, in order --------------------------------------------------------------------------------------- */

mn_rc mn_scan_drop(mn_scan *s, uint64_t id, mn_drop why, uint64_t of)
{
    if (s->n_dropped == s->cap_dropped) {
        size_t cap = s->cap_dropped ? s->cap_dropped + s->cap_dropped / 2 : 4096;
        mn_dropped *d = mn_reallocarray(s->dropped, cap, sizeof *d);
        if (!d) return MN_E_NOMEM;
        s->dropped = d;
        s->cap_dropped = cap;
    }
    s->dropped[s->n_dropped++] = (mn_dropped){id, of, why};
    return MN_OK;
}

static mn_rc append_post(job *j, mn_cand *c)
{
    if (c->id == 0) {
        j->out.skipped++;
        return MN_OK;
    }
    j->out.posts_in++;
    if (c->drop) return mn_scan_drop(&j->out, c->id, (mn_drop)c->drop, 0);
    c->text_at += j->out.spool_bytes;
    return mn_cands_add(&j->out.cands, c);
}

static mn_rc append_part(job *j, size_t k, size_t n_posts, mn_err *e)
{
    part *p = &j->parts[k];
    if (p->rc != MN_OK) return mn_fail(e, p->rc, "out of memory while cleaning posts");
    size_t end = (k + 1) * PART < n_posts ? (k + 1) * PART : n_posts;
    for (size_t i = k * PART; i < end; i++)
        if (append_post(j, &j->results[i]) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "out of memory after %zu posts", j->out.cands.n);
    if (p->text.len && fwrite(p->text.ptr, p->text.len, 1, j->spool) != 1)
        return mn_fail_errno(e, MN_E_IO, "cannot write the texts of the corpus");
    j->out.spool_bytes += p->text.len;
    for (int m = 0; m < MN_PII_KINDS; m++) {
        j->out.pii[m] += p->pii[m];
        p->pii[m] = 0;
    }
    return MN_OK;
}

static mn_rc run_batches(job *j, mn_pool *pool, uint64_t total, mn_corpus_progress progress,
                         void *arg, mn_err *e)
{
    uint64_t seen = 0;
    read_batch(j, &j->batches[j->now]);
    for (;;) {
        batch *b = &j->batches[j->now];
        if (b->rc != MN_OK) return mn_fail(e, b->rc, "%s", j->read_err.msg);
        if (b->posts.n == 0) return MN_OK;
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        size_t parts = (b->posts.n + PART - 1) / PART;
        mn_pool_run(pool, 1 + parts, run_part, j);
        for (size_t k = 0; k < parts; k++) MN_TRY(append_part(j, k, b->posts.n, e));
        seen += b->posts.n;
        if (progress) progress(arg, "clean", seen, total);
        j->now = 1 - j->now;
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static mn_rc job_open(job *j, const char *spool, int threads, mn_err *e)
{
    mn_rc rc = mn_store_consent_server(j->store, &j->server, &j->server_seq, e);
    for (int i = 0; i < 2; i++) mn_arena_init(&j->batches[i].arena, 0);
    for (int i = 0; i < PARTS; i++) mn_buf_init(&j->parts[i].text, 0);
    MN_TRY(rc);
    j->results = mn_reallocarray(NULL, BATCH, sizeof *j->results);
    j->workers = mn_calloc((size_t)threads, sizeof *j->workers);
    if (!j->results || !j->workers) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (j->n_workers = 0; j->n_workers < threads; j->n_workers++)
        mn_buf_init(&j->workers[j->n_workers].normal, 0);
    j->spool = fopen(spool, "wbxe");
    return j->spool ? MN_OK : mn_fail_errno(e, MN_E_IO, "cannot make '%s'", spool);
}

static mn_rc job_close(job *j, mn_rc rc, mn_err *e)
{
    for (int i = 0; i < 2; i++) mn_arena_release(&j->batches[i].arena);
    for (int i = 0; i < PARTS; i++) mn_buf_release(&j->parts[i].text);
    for (int i = 0; i < j->n_workers; i++) {
        mn_buf_release(&j->workers[i].normal);
        mn_form_release(&j->workers[i].form);
        mn_shingles_release(&j->workers[i].shingles);
    }
    mn_free(j->workers);
    mn_free(j->results);
    if (j->spool && fclose(j->spool) != 0 && rc == MN_OK)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write the texts of the corpus");
    return rc;
}

mn_rc mn_corpus_scan(mn_store *store, const char *spool, const uint64_t *only, size_t n_only,
                     const uint64_t *except, size_t n_except, bool keep_handles, mn_pool *pool,
                     uint64_t total, mn_corpus_progress progress, void *arg, mn_scan *ret,
                     mn_err *e)
{
    job *j = mn_calloc(1, sizeof *j);
    if (!j) return mn_fail(e, MN_E_NOMEM, "out of memory");
    j->store = store;
    j->keep_handles = keep_handles;
    j->only = only;
    j->n_only = n_only;
    j->except = except;
    j->n_except = n_except;
    mn_rc rc = job_open(j, spool, mn_pool_threads(pool), e);
    if (rc == MN_OK) rc = run_batches(j, pool, total, progress, arg, e);
    rc = job_close(j, rc, e);
    if (rc == MN_OK) rc = mn_cands_order(&j->out.cands);
    if (rc == MN_OK) *ret = j->out;
    else mn_scan_release(&j->out);
    mn_free(j);
    return rc;
}

void mn_scan_release(mn_scan *s)
{
    mn_cands_release(&s->cands);
    mn_free(s->dropped);
    *s = (mn_scan){0};
}
