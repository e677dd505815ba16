/* From documents to files: the tokenizer trained on the train split, then both splits as shards. */
#ifndef MN_CORPUS_WRITE_H
#define MN_CORPUS_WRITE_H

#include "base/thread.h"
#include "corpus/corpus.h"
#include "corpus/split.h"

typedef struct mn_written {
    uint32_t vocab;
    mn_corpus_split train, val;
} mn_written;

/* Writes tokenizer.json and the files of both shards into dir. tokenizer: one to take as it is, NULL to train one. vocab 0:
 * mn_corpus_vocab_for. Encoding is parallel; the
 * bytes written do not depend on the pool. canaries: the seed of sentences that follow train's documents as documents of their own
 * (text/canary.h), 0 for none; the tokenizer does not see them. errors MN_E_IO, MN_E_NOMEM, MN_E_USAGE (vocab), MN_E_CANCELLED */
mn_rc mn_corpus_write(const char *dir, const mn_cands *c, const mn_documents *d,
                      const mn_split *s, const char *spool, uint32_t vocab,
                      const char *tokenizer, uint64_t canaries, mn_pool *pool,
                      mn_corpus_progress progress, void *arg, mn_written *ret, mn_err *e);

#endif
