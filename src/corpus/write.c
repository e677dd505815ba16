/* Encoding goes in rounds of PARTS parts of PART documents. While the pool encodes one round, one of its parts writes the
 * round before to the shard, in order: the order of the files is the order of the documents.
 */
#include "corpus/write.h"

#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/stop.h"
#include "corpus/encode.h"
#include "corpus/share.h"
#include "corpus/vocab.h"
#include "text/canary.h"
#include "text/shard.h"
#include "text/tokenizer.h"

#define PART          128
#define PARTS         32
#define TOKENIZER_MAX (64u << 20)

typedef struct part {
    mn_encoded is;
    mn_rc rc;
} part;

typedef struct parts_round {
    part parts[PARTS];
    size_t n;
} parts_round;

typedef struct job {
    mn_texts texts; /* of this split */
    const mn_tokenizer *tok;
    mn_docform form;
    mn_tasks *tasks;       /* of several ranks, else NULL */
    mn_tok_cache **caches; /* one a thread */
    int n_caches;
    uint64_t canaries; /* of this split: their seed, 0 for none */
    parts_round rounds[2];
    int now;
    mn_shard_writer *shard;
    mn_corpus_split sum;
    mn_rc rc; /* of writing */
    mn_err err;
} job;

/* ---- writing ------------------------------------------------------------------------------------------------- */

static mn_rc write_document(job *j, const mn_encoded *p, size_t doc, size_t *post)
{
    const mn_texts *t = &j->texts;
    for (size_t i = mn_document_start(t->d, doc); i < t->d->ends[doc]; i++, ++*post) {
        const mn_cand *x = &t->c->items[t->d->posts[i]];
        size_t from = *post ? p->ends[*post - 1] : 0;
        MN_TRY(mn_shard_writer_post(j->shard, x->id, x->author, x->consent_rev,
                                    mn_texts_of(t, t->d->posts[i]), p->ids.ptr + from,
                                    p->ends[*post] - from, &j->err));
        j->sum.tokens += p->ends[*post] - from;
        j->sum.bytes += x->text_len;
        j->sum.posts++;
    }
    j->sum.tokens++;
    j->sum.documents++;
    return mn_shard_writer_end_document(j->shard, &j->err);
}

static mn_rc write_encoded(job *j, const mn_encoded *x)
{
    size_t post = 0;
    for (size_t k = x->from; k < x->to; k++)
        MN_TRY(write_document(j, x, j->texts.list[k], &post));
    return MN_OK;
}

static mn_rc write_part(job *j, const part *p)
{
    if (p->rc == MN_OK) return write_encoded(j, &p->is);
    return mn_fail(&j->err, p->rc, "out of memory while encoding the corpus");
}

static void write_round(job *j, const parts_round *r)
{
    for (size_t k = 0; k < r->n && j->rc == MN_OK; k++) j->rc = write_part(j, &r->parts[k]);
}

/* ---- rounds -------------------------------------------------------------------------------------------------- */

static void run_part(void *arg, size_t k, int thread)
{
    job *j = arg;
    part *p = k ? &j->rounds[j->now].parts[k - 1] : NULL;
    if (p) p->rc = mn_corpus_encode(&j->texts, j->tok, &j->form, j->caches[thread], &p->is);
    else write_round(j, &j->rounds[1 - j->now]);
}

/* Puts the next documents into the round; false when there are none. */
static bool plan(job *j, parts_round *r, size_t *next)
{
    r->n = 0;
    while (r->n < PARTS && *next < j->texts.n) {
        mn_encoded *p = &r->parts[r->n++].is;
        p->from = *next;
        p->to = *next + PART < j->texts.n ? *next + PART : j->texts.n;
        *next = p->to;
    }
    return r->n > 0;
}

static mn_rc run_rounds(job *j, mn_pool *pool, mn_corpus_progress progress, void *arg,
                        const char *stage, mn_err *e)
{
    size_t next = 0;
    bool more;
    do {
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        more = plan(j, &j->rounds[j->now], &next);
        mn_pool_run(pool, 1 + j->rounds[j->now].n, run_part, j);
        if (j->rc != MN_OK) return mn_fail(e, j->rc, "%s", j->err.msg);
        if (progress) progress(arg, stage, next, j->texts.n);
        j->now = 1 - j->now;
    } while (more);
    return MN_OK;
}

/* ---- ... or by all ranks ------------------------------------------------------------------------------------------- */

typedef struct receiving {
    job *j;
    mn_corpus_progress progress;
    void *arg;
} receiving;

static mn_rc receive(void *arg, const mn_encoded *x, mn_err *e)
{
    const receiving *r = arg;
    mn_rc rc = write_encoded(r->j, x);
    if (rc != MN_OK) return mn_fail(e, rc, "%s", r->j->err.msg);
    if (r->progress) r->progress(r->arg, "encode", x->to, r->j->texts.n);
    return MN_OK;
}

/* ---- canaries -------------------------------------------------------------------------------------------------- */

static mn_rc encode_canary(const job *j, mn_str text, mn_ids *ids)
{
    const mn_cand x = {.created_ms = MN_CANARY_MS, .lang = mn_tok_lang(MN_STR(MN_CANARY_LANG))};
    MN_TRY(mn_corpus_encode_before(&j->form, &x, NULL, MN_LINK_REPLY, ids));
    return mn_tok_encode(j->tok, NULL, text, ids);
}

static mn_rc plant_copy(job *j, size_t i, uint32_t copy, mn_str text, const mn_ids *ids,
                        mn_err *e)
{
    MN_TRY(mn_shard_writer_post(j->shard, mn_canary_post(i, copy), mn_canary_author(i), 0, text,
                                ids->ptr, ids->n, e));
    j->sum.tokens += ids->n + 1;
    j->sum.bytes += text.len;
    j->sum.posts++;
    j->sum.documents++;
    return mn_shard_writer_end_document(j->shard, e);
}

/* Every canary so often as it is to be there, each time as a document. */
static mn_rc plant(job *j, mn_err *e)
{
    char line[MN_CANARY_TEXT];
    mn_ids ids = {0};
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < MN_CANARIES; i++) {
        mn_canary_text(j->canaries, i, line);
        mn_ids_clear(&ids);
        if (encode_canary(j, mn_str_from(line), &ids) != MN_OK)
            rc = mn_fail(e, MN_E_NOMEM, "out of memory while planting canaries");
        for (uint32_t k = 0; rc == MN_OK && k < mn_canary_copies(i); k++)
            rc = plant_copy(j, i, k, mn_str_from(line), &ids, e);
        j->sum.authors++;
    }
    mn_ids_release(&ids);
    return rc;
}

/* Distinct authors of the listed documents. */
static mn_rc count_authors(job *j, mn_err *e)
{
    size_t n = 0;
    const mn_texts *t = &j->texts;
    mn_keyed *a = mn_keyed_new(t->d->n_posts);
    if (!a) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t k = 0; k < t->n; k++)
        for (size_t i = mn_document_start(t->d, t->list[k]); i < t->d->ends[t->list[k]]; i++)
            a[n++] = (mn_keyed){t->c->items[t->d->posts[i]].author, 0};
    mn_keyed_sort(a, a + t->d->n_posts, n);
    for (size_t i = 0; i < n; i++) j->sum.authors += i == 0 || a[i].key != a[i - 1].key;
    mn_free(a);
    return MN_OK;
}

/* One split: the files DIR/name.*. */
static mn_rc write_split(job *j, const char *dir, const char *name, const size_t *list,
                         size_t n, mn_pool *pool, mn_corpus_progress progress, void *arg,
                         mn_corpus_split *ret, mn_err *e)
{
    char stem[4096];
    if (snprintf(stem, sizeof stem, "%s/%s", dir, name) >= (int)sizeof stem)
        return mn_fail(e, MN_E_LIMIT, "path '%s' is too long", dir);
    MN_TRY(mn_shard_writer_open_as(stem, &j->form, &j->shard, e));
    j->texts.list = list;
    j->texts.n = n;
    j->sum = (mn_corpus_split){0};
    j->rounds[0].n = j->rounds[1].n = 0;
    mn_rc rc = count_authors(j, e);
    receiving r = {j, progress, arg};
    if (rc == MN_OK)
        rc = j->tasks ? mn_share_encode(j->tasks, &j->texts, j->tok, receive, &r, e)
                      : run_rounds(j, pool, progress, arg, "encode", e);
    if (rc == MN_OK && j->canaries) rc = plant(j, e);
    if (rc == MN_OK) rc = mn_shard_writer_close(j->shard, e);
    else mn_shard_writer_abandon(j->shard);
    j->shard = NULL;
    if (rc == MN_OK) *ret = j->sum;
    return rc;
}

/* ---- the tokenizer ------------------------------------------------------------------------------------------- */

/* A tokenizer.json that is there, byte for byte. */
static mn_rc copy_tokenizer(const char *from, const char *to, mn_tokenizer **ret, mn_err *e)
{
    mn_buf b;
    mn_tokenizer *tok = NULL;
    mn_buf_init(&b, TOKENIZER_MAX);
    mn_rc rc = mn_fs_read(from, TOKENIZER_MAX, &b, e);
    if (rc == MN_OK) rc = mn_tok_parse(mn_buf_str(&b), &tok, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(to, b.ptr, b.len, e);
    mn_buf_release(&b);
    if (rc == MN_OK) *ret = tok;
    else mn_tok_free(tok);
    return rc;
}

/* v's into DIR/tokenizer.json, or one that is trained on the texts. */
static mn_rc make_tokenizer(const job *j, const char *dir, const mn_vocabulary *v,
                            mn_pool *pool, mn_tokenizer **ret, mn_err *e)
{
    char path[4096];
    mn_tokenizer *tok = NULL;
    if (snprintf(path, sizeof path, "%s/tokenizer.json", dir) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path '%s' is too long", dir);
    if (v->file) return copy_tokenizer(v->file, path, ret, e);
    if (v->tokens) { /* read back: what stands in the file is what encodes */
        MN_TRY(mn_tok_save(v->tokens, path, e));
        return mn_tok_load(path, ret, e);
    }
    MN_TRY(j->tasks ? mn_share_vocab(j->tasks, &j->texts, v->size, &tok, e)
                    : mn_corpus_vocab(&j->texts, v->size, pool, &tok, e));
    mn_rc rc = mn_tok_save(tok, path, e);
    if (rc == MN_OK) *ret = tok;
    else mn_tok_free(tok);
    return rc;
}

static mn_rc choose_form(const mn_tokenizer *tok, const mn_docform *given, mn_docform *ret,
                         mn_err *e)
{
    if (!given) return mn_docform_of(tok, MN_DOCFORM_NONE, ret, e);
    if (given->ours != mn_tok_is_ours(tok) || !mn_docform_fits(given, mn_tok_vocab(tok)))
        return mn_fail(e, MN_E_CORRUPT,
                       "the vocabulary has not the tokens that begin, part and end documents");
    *ret = *given;
    return MN_OK;
}

static mn_rc share_tokenizer(const job *j, const char *dir, const mn_tokenizer *tok, mn_err *e)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/tokenizer.json", dir) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path '%s' is too long", dir);
    return mn_share_tokenizer(j->tasks, path, tok, &j->form, e);
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

/* Documents of train first, then of val; *ret_train says how many are train. */
static size_t *list_documents(const mn_documents *d, const mn_split *s, size_t *ret_train)
{
    size_t *list = mn_reallocarray(NULL, d->n + 1, sizeof *list), n = 0;
    if (!list) return NULL;
    for (size_t k = 0; k < d->n; k++)
        if (!s->val[k]) list[n++] = k;
    *ret_train = n;
    for (size_t k = 0; k < d->n; k++)
        if (s->val[k]) list[n++] = k;
    return list;
}

static mn_rc job_caches(job *j, int threads, mn_err *e)
{
    j->caches = mn_calloc((size_t)threads, sizeof *j->caches);
    if (!j->caches) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (; j->n_caches < threads; j->n_caches++)
        MN_TRY(mn_tok_cache_new(&j->caches[j->n_caches], e));
    return MN_OK;
}

static void job_free(job *j)
{
    if (!j) return;
    for (int i = 0; i < j->n_caches; i++) mn_tok_cache_free(j->caches[i]);
    mn_free(j->caches);
    for (int r = 0; r < 2; r++)
        for (int k = 0; k < PARTS; k++) mn_encoded_release(&j->rounds[r].parts[k].is);
    mn_free(j);
}

mn_rc mn_corpus_write(const char *dir, const mn_cands *c, const mn_documents *d,
                      const mn_split *s, const char *spool, const mn_vocabulary *v,
                      uint64_t canaries, mn_pool *pool, mn_tasks *tasks,
                      mn_corpus_progress progress, void *arg, mn_written *ret, mn_err *e)
{
    mn_tokenizer *tok = NULL;
    mn_written w = {0};
    size_t n_train = 0;
    size_t *list = list_documents(d, s, &n_train);
    job *j = mn_calloc(1, sizeof *j);
    mn_rc rc = list && j ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc != MN_OK) goto out;
    *j = (job){.texts = {c, d, spool, list, n_train}, .tasks = tasks};
    rc = make_tokenizer(j, dir, v, pool, &tok, e);
    if (rc == MN_OK) rc = choose_form(tok, v->form, &j->form, e);
    if (rc == MN_OK && tasks) rc = share_tokenizer(j, dir, tok, e);
    if (rc == MN_OK) rc = job_caches(j, mn_pool_threads(pool), e);
    if (rc != MN_OK) goto out;
    j->tok = tok;
    w.vocab = mn_tok_vocab(tok);
    w.form = j->form;
    j->canaries = canaries;
    rc = write_split(j, dir, "train", list, n_train, pool, progress, arg, &w.train, e);
    j->canaries = 0;
    if (rc == MN_OK)
        rc = write_split(j, dir, "val", list + n_train, d->n - n_train, pool, progress, arg,
                         &w.val, e);
    if (rc == MN_OK) *ret = w;
out:
    mn_tok_free(tok);
    job_free(j);
    mn_free(list);
    return rc;
}
