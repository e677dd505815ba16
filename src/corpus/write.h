/* From documents to files: the tokenizer trained on the train split, then both splits as shards. */
#ifndef MN_CORPUS_WRITE_H
#define MN_CORPUS_WRITE_H

#include "base/thread.h"
#include "corpus/corpus.h"
#include "corpus/split.h"
#include "corpus/tasks.h"

/* Whose vocabulary: that of a tokenizer.json or of a tokenizer in memory, else a new one of so many tokens (0: mn_corpus_vocab_for).
 * form NULL: what the tokenizer says. All borrowed. */
typedef struct mn_vocabulary {
    const char *file;
    const mn_tokenizer *tokens;
    const mn_docform *form;
    uint32_t size;
} mn_vocabulary;

typedef struct mn_written {
    uint32_t vocab;
    mn_docform form;
    mn_corpus_split train, val;
} mn_written;

/* tasks: of several ranks, which share the work then; else NULL. Writes tokenizer.json (v's, or one that is trained) and the files of both shards into dir. Encoding is parallel; the
 * bytes written do not depend on the pool. canaries: the seed of sentences that follow train's documents as documents of their own
 * (text/canary.h), 0 for none; the tokenizer does not see them. errors MN_E_IO, MN_E_NOMEM, MN_E_USAGE (vocab), MN_E_CANCELLED; MN_E_UNSUPPORTED: documents cannot
 * be written in v, or tokenizer.json cannot say it */
mn_rc mn_corpus_write(const char *dir, const mn_cands *c, const mn_documents *d,
                      const mn_split *s, const char *spool, const mn_vocabulary *v,
                      uint64_t canaries, mn_pool *pool, mn_tasks *tasks,
                      mn_corpus_progress progress, void *arg, mn_written *ret, mn_err *e);

#endif
