#include "corpus/vocab.h"

#include "base/mem.h"

uint32_t mn_corpus_vocab_for(uint64_t train_bytes)
{
    uint32_t vocab = 2048;
    for (uint64_t size = 2000000; train_bytes >= size && vocab < 32768; size *= 4) vocab *= 2;
    return vocab;
}

#define COUNT_PART 256 /* documents */

/* One a thread: what it has counted so far, and how that went. */
typedef struct tally {
    mn_tok_trainer *trainer;
    uint64_t bytes;
    mn_rc rc;
    mn_err err;
} tally;

struct mn_counter {
    mn_pool *pool;
    const mn_texts *t; /* counted now */
    tally *tallies;
    int n;
};

mn_rc mn_counter_new(mn_pool *pool, mn_counter **ret, mn_err *e)
{
    const int threads = mn_pool_threads(pool);
    mn_rc rc = MN_OK;
    mn_counter *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory");
    c->pool = pool;
    c->tallies = mn_calloc((size_t)threads, sizeof *c->tallies);
    if (!c->tallies) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    for (; rc == MN_OK && c->n < threads; c->n++)
        rc = mn_tok_trainer_new(&c->tallies[c->n].trainer, e);
    if (rc == MN_OK) *ret = c;
    else mn_counter_free(c);
    return rc;
}

void mn_counter_free(mn_counter *c)
{
    if (!c) return;
    for (int i = 0; i < c->n; i++) mn_tok_trainer_free(c->tallies[i].trainer);
    mn_free(c->tallies);
    mn_free(c);
}

static void count_part(void *arg, size_t k, int thread)
{
    const mn_counter *x = arg;
    const mn_texts *t = x->t;
    const mn_documents *d = t->d;
    tally *c = &x->tallies[thread];
    size_t end = (k + 1) * COUNT_PART < t->n ? (k + 1) * COUNT_PART : t->n;
    for (size_t at = k * COUNT_PART; at < end; at++)
        for (size_t i = mn_document_start(d, t->list[at]); i < d->ends[t->list[at]]; i++) {
            mn_str text = mn_texts_of(t, d->posts[i]);
            c->bytes += text.len;
            if (c->rc == MN_OK) c->rc = mn_tok_trainer_add(c->trainer, text, &c->err);
        }
}

mn_rc mn_counter_add(mn_counter *c, const mn_texts *t, mn_err *e)
{
    c->t = t;
    mn_pool_run(c->pool, (t->n + COUNT_PART - 1) / COUNT_PART, count_part, c);
    for (int i = 0; i < c->n; i++)
        if (c->tallies[i].rc != MN_OK)
            return mn_fail(e, c->tallies[i].rc, "%s", c->tallies[i].err.msg);
    return MN_OK;
}

/* All go into the first. */
mn_rc mn_counter_words(mn_counter *c, mn_tok_trainer **ret, uint64_t *ret_bytes, mn_err *e)
{
    for (; c->n > 1; c->n--) {
        tally *last = &c->tallies[c->n - 1];
        MN_TRY(mn_tok_trainer_absorb(c->tallies[0].trainer, last->trainer, e));
        c->tallies[0].bytes += last->bytes;
        mn_tok_trainer_free(last->trainer);
    }
    *ret = c->tallies[0].trainer;
    *ret_bytes = c->tallies[0].bytes;
    return MN_OK;
}

mn_rc mn_corpus_vocab(const mn_texts *t, uint32_t vocab, mn_pool *pool, mn_tokenizer **ret,
                      mn_err *e)
{
    uint64_t bytes;
    mn_tok_trainer *words;
    mn_counter *c;
    MN_TRY(mn_counter_new(pool, &c, e));
    mn_rc rc = mn_counter_add(c, t, e);
    if (rc == MN_OK) rc = mn_counter_words(c, &words, &bytes, e);
    if (rc == MN_OK)
        rc = mn_tok_trainer_finish(words, vocab ? vocab : mn_corpus_vocab_for(bytes), ret, e);
    mn_counter_free(c);
    return rc;
}
