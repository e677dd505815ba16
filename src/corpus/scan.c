/* Batches of up to MN_SCAN_BATCH posts. While the pool works on one batch in parts of PART posts, one of its parts reads the next batch
 * into the other of two arenas. Parts write to their own places; when all are done, the calling thread puts the results
 * together in order. So the order of the output is the order of ids, whoever did the work.
 */
#include "corpus/scan.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "corpus/dedup.h"
#include "corpus/gate.h"
#include "corpus/normalise.h"
#include "corpus/rules.h"
#include "text/langid.h"
#include "text/tokenizer.h"

#define PART  256
#define PARTS (MN_SCAN_BATCH / PART)

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

struct mn_scanner {
    mn_store *store;
    mn_pool *pool;
    size_t at_once; /* posts of a batch */
    const mn_scan_rules *rules;
    batch batches[2];
    int now; /* the batch worked on; the other is being read */
    uint64_t after, until;
    mn_err read_err;
    worker *workers;
    int n_workers;
    part parts[PARTS];
    mn_cand *results; /* [at_once] */
    mn_scan out;      /* of the batch */
    mn_buf text;
};

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
static mn_rc clean(const mn_scanner *j, const mn_post *p, worker *w, part *out, mn_cand *c)
{
    uint32_t pii[MN_PII_KINDS] = {0};
    size_t from = out->text.len;
    mn_buf_clear(&w->normal);
    MN_TRY(mn_corpus_normalise(p->text, &w->normal, NULL));
    mn_str normal = mn_buf_str(&w->normal);
    MN_TRY(mn_corpus_pii(normal, j->rules->keep_handles, &out->text, NULL, pii));
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

static bool wanted(const mn_scanner *j, uint64_t id)
{
    const mn_scan_rules *r = j->rules;
    return (!r->only || among(r->only, r->n_only, id)) && !among(r->except, r->n_except, id);
}

static mn_rc one_post(const mn_scanner *j, const mn_post *p, worker *w, part *out, mn_cand *c)
{
    *c = (mn_cand){.id = p->id,
                   .author = p->account_id,
                   .thread = p->thread_id ? p->thread_id : p->id,
                   .reply_to = p->reply_to,
                   .quote_of = p->quote_of,
                   .created_ms = p->created_ms,
                   .consent_rev = mn_corpus_gate_rev(p, j->rules->server_seq)};
    if (!wanted(j, p->id)) {
        c->id = 0;
        return MN_OK;
    }
    c->drop = (uint8_t)mn_corpus_gate(p, j->rules->server);
    if (!c->drop && p->text.len > MN_RULE_MOST_BYTES) c->drop = MN_DROP_TOO_LONG;
    return c->drop ? MN_OK : clean(j, p, w, out, c);
}

/* ---- parts --------------------------------------------------------------------------------------------------- */

/* The posts after those that were read before; those beyond the last id are not this run's. */
static void read_batch(mn_scanner *j, batch *b)
{
    mn_arena_reset(&b->arena);
    b->posts = (mn_posts){0};
    b->rc = MN_OK;
    if (j->after >= j->until) return;
    b->rc =
        mn_store_posts_scan(j->store, j->after, j->at_once, &b->arena, &b->posts, &j->read_err);
    if (b->rc != MN_OK) return;
    j->after = b->posts.n ? b->posts.items[b->posts.n - 1].id : j->until;
    while (b->posts.n && b->posts.items[b->posts.n - 1].id > j->until) b->posts.n--;
}

static void work_part(mn_scanner *j, size_t k, int thread)
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
    mn_scanner *j = arg;
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

mn_rc mn_scan_append(mn_scan *s, const mn_scan *more)
{
    for (size_t i = 0; i < more->cands.n; i++) {
        mn_cand c = more->cands.items[i];
        c.text_at += s->spool_bytes;
        MN_TRY(mn_cands_add(&s->cands, &c));
    }
    for (size_t i = 0; i < more->n_dropped; i++) {
        const mn_dropped *d = &more->dropped[i];
        MN_TRY(mn_scan_drop(s, d->id, d->why, d->of));
    }
    for (int k = 0; k < MN_PII_KINDS; k++) s->pii[k] += more->pii[k];
    s->posts_in += more->posts_in;
    s->skipped += more->skipped;
    s->spool_bytes += more->spool_bytes;
    return MN_OK;
}

void mn_scan_release(mn_scan *s)
{
    mn_cands_release(&s->cands);
    mn_free(s->dropped);
    *s = (mn_scan){0};
}

void mn_scan_clear(mn_scan *s)
{
    const mn_scan was = *s;
    *s = (mn_scan){.cands = {was.cands.items, 0, was.cands.cap},
                   .dropped = was.dropped,
                   .cap_dropped = was.cap_dropped};
}

static mn_rc append_post(mn_scan *out, mn_cand *c)
{
    if (c->id == 0) {
        out->skipped++;
        return MN_OK;
    }
    out->posts_in++;
    if (c->drop) return mn_scan_drop(out, c->id, (mn_drop)c->drop, 0);
    c->text_at += out->spool_bytes;
    return mn_cands_add(&out->cands, c);
}

static mn_rc append_part(mn_scanner *j, size_t k, size_t n_posts, mn_err *e)
{
    part *p = &j->parts[k];
    if (p->rc != MN_OK) return mn_fail(e, p->rc, "out of memory while cleaning posts");
    size_t end = (k + 1) * PART < n_posts ? (k + 1) * PART : n_posts;
    mn_rc rc = mn_buf_add(&j->text, p->text.ptr, p->text.len);
    for (size_t i = k * PART; i < end && rc == MN_OK; i++)
        rc = append_post(&j->out, &j->results[i]);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory while cleaning posts");
    j->out.spool_bytes += p->text.len;
    for (int m = 0; m < MN_PII_KINDS; m++) {
        j->out.pii[m] += p->pii[m];
        p->pii[m] = 0;
    }
    return MN_OK;
}

/* Works on the batch at hand, and reads the next one. */
static mn_rc run_batch(mn_scanner *j, mn_scan_sink sink, void *arg, mn_err *e)
{
    const size_t n = j->batches[j->now].posts.n, parts = (n + PART - 1) / PART;
    mn_pool_run(j->pool, 1 + parts, run_part, j);
    mn_scan_clear(&j->out);
    mn_buf_clear(&j->text);
    for (size_t k = 0; k < parts; k++) MN_TRY(append_part(j, k, n, e));
    return sink(arg, &j->out, mn_buf_str(&j->text), n, e);
}

mn_rc mn_scanner_run(mn_scanner *j, const mn_scan_rules *rules, uint64_t after, uint64_t until,
                     mn_scan_sink sink, void *arg, mn_err *e)
{
    j->rules = rules;
    j->after = after;
    j->until = until;
    read_batch(j, &j->batches[j->now]);
    for (;; j->now = 1 - j->now) {
        const batch *b = &j->batches[j->now];
        if (b->rc != MN_OK) return mn_fail(e, b->rc, "%s", j->read_err.msg);
        if (b->posts.n == 0) return MN_OK;
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        MN_TRY(run_batch(j, sink, arg, e));
    }
}

mn_rc mn_scanner_look(mn_scanner *j, const mn_scan_rules *rules, const mn_posts *posts,
                      mn_scan_sink sink, void *arg, mn_err *e)
{
    MN_ASSERT(posts->n <= j->at_once);
    j->rules = rules;
    j->after = j->until = 0; /* nothing more is read */
    j->batches[j->now].posts = *posts;
    return run_batch(j, sink, arg, e);
}

mn_rc mn_scan_rules_of(mn_store *store, bool keep_handles, mn_scan_rules *ret, mn_err *e)
{
    mn_scan_rules r = {.keep_handles = keep_handles};
    MN_TRY(mn_store_consent_server(store, &r.server, &r.server_seq, e));
    *ret = r;
    return MN_OK;
}

/* ---- the scanner --------------------------------------------------------------------------------------------- */

mn_rc mn_scanner_new(mn_store *store, mn_pool *pool, size_t at_once, mn_scanner **ret,
                     mn_err *e)
{
    const int threads = mn_pool_threads(pool);
    MN_ASSERT(at_once && at_once <= MN_SCAN_BATCH);
    mn_scanner *j = mn_calloc(1, sizeof *j);
    if (!j) return mn_fail(e, MN_E_NOMEM, "out of memory");
    j->store = store;
    j->pool = pool;
    j->at_once = at_once;
    for (int i = 0; i < 2; i++) mn_arena_init(&j->batches[i].arena, 0);
    for (int i = 0; i < PARTS; i++) mn_buf_init(&j->parts[i].text, 0);
    mn_buf_init(&j->text, 0);
    j->results = mn_reallocarray(NULL, at_once, sizeof *j->results);
    j->workers = mn_calloc((size_t)threads, sizeof *j->workers);
    if (!j->results || !j->workers) {
        mn_scanner_free(j);
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    }
    for (; j->n_workers < threads; j->n_workers++)
        mn_buf_init(&j->workers[j->n_workers].normal, 0);
    *ret = j;
    return MN_OK;
}

void mn_scanner_free(mn_scanner *j)
{
    if (!j) return;
    for (int i = 0; i < 2; i++) mn_arena_release(&j->batches[i].arena);
    for (int i = 0; i < PARTS; i++) mn_buf_release(&j->parts[i].text);
    for (int i = 0; i < j->n_workers; i++) {
        mn_buf_release(&j->workers[i].normal);
        mn_form_release(&j->workers[i].form);
        mn_shingles_release(&j->workers[i].shingles);
    }
    mn_buf_release(&j->text);
    mn_scan_release(&j->out);
    mn_free(j->workers);
    mn_free(j->results);
    mn_free(j);
}
