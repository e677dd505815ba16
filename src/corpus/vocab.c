#include "corpus/vocab.h"

#include "base/mem.h"

uint32_t mn_corpus_vocab_for(uint64_t train_bytes)
{
    uint32_t vocab = 2048;
    for (uint64_t size = 2000000; train_bytes >= size && vocab < 32768; size *= 4) vocab *= 2;
    return vocab;
}

#define COUNT_PART 1024 /* documents */

/* One a thread: what it has counted so far, and how that went. */
typedef struct counter {
    mn_tok_trainer *trainer;
    uint64_t bytes;
    mn_rc rc;
    mn_err err;
} counter;

typedef struct counting {
    const mn_texts *t;
    counter *counters;
} counting;

static void count_part(void *arg, size_t k, int thread)
{
    const counting *x = arg;
    const mn_texts *t = x->t;
    const mn_documents *d = t->d;
    counter *c = &x->counters[thread];
    size_t end = (k + 1) * COUNT_PART < t->n ? (k + 1) * COUNT_PART : t->n;
    for (size_t at = k * COUNT_PART; at < end; at++)
        for (size_t i = mn_document_start(d, t->list[at]); i < d->ends[t->list[at]]; i++) {
            mn_str text = mn_texts_of(t, d->posts[i]);
            c->bytes += text.len;
            if (c->rc == MN_OK) c->rc = mn_tok_trainer_add(c->trainer, text, &c->err);
        }
}

/* All into the first; *ret_bytes: of all texts. */
static mn_rc gather(counting *x, int n, uint64_t *ret_bytes, mn_err *e)
{
    *ret_bytes = 0;
    for (int i = 0; i < n; i++) {
        counter *c = &x->counters[i];
        if (c->rc != MN_OK) return mn_fail(e, c->rc, "%s", c->err.msg);
        *ret_bytes += c->bytes;
        if (i == 0) continue;
        MN_TRY(mn_tok_trainer_absorb(x->counters[0].trainer, c->trainer, e));
        mn_tok_trainer_free(c->trainer);
        c->trainer = NULL;
    }
    return MN_OK;
}

mn_rc mn_corpus_vocab(const mn_texts *t, uint32_t vocab, mn_pool *pool, mn_tokenizer **ret,
                      mn_err *e)
{
    uint64_t bytes = 0;
    int threads = mn_pool_threads(pool);
    counting x = {t, mn_calloc((size_t)threads, sizeof(counter))};
    mn_rc rc = x.counters ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    for (int i = 0; i < threads && rc == MN_OK; i++)
        rc = mn_tok_trainer_new(&x.counters[i].trainer, e);
    if (rc == MN_OK) {
        mn_pool_run(pool, (t->n + COUNT_PART - 1) / COUNT_PART, count_part, &x);
        rc = gather(&x, threads, &bytes, e);
    }
    if (rc == MN_OK)
        rc = mn_tok_trainer_finish(x.counters[0].trainer,
                                   vocab ? vocab : mn_corpus_vocab_for(bytes), ret, e);
    for (int i = 0; x.counters && i < threads; i++) mn_tok_trainer_free(x.counters[i].trainer);
    mn_free(x.counters);
    return rc;
}
