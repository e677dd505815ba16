/* Rank 0's side of a corpus build on several ranks: the stages that look at one post or one document at a time, cut into tasks (tasks.h) that any rank does
 * (helper.h), and their results put together in order. What decides about posts together (copies, threads, split, vocabulary) stays with rank 0.
 *
 * traffic  of a post that is kept, in bytes: its record and its clean text to rank 0; 24, its text and 8 a document from it for the vocabulary, and
 *          again for its tokens; 8 and 4 a token back
 * errors   those of the stages and of tasks.h */
#ifndef MN_CORPUS_SHARE_H
#define MN_CORPUS_SHARE_H

#include "corpus/spool.h"
#include "corpus/tasks.h"
#include "corpus/wire.h"

/* As mn_corpus_scan; rules without `only`. */
mn_rc mn_share_scan(mn_tasks *t, mn_store *store, const char *spool, const mn_scan_rules *rules,
                    uint64_t total, mn_corpus_progress progress, void *arg, mn_scan *ret,
                    mn_err *e);
/* As mn_corpus_vocab. */
mn_rc mn_share_vocab(mn_tasks *t, const mn_texts *texts, uint32_t vocab, mn_tokenizer **ret,
                     mn_err *e);
/* Gives all ranks the tokenizer in that file, which is tok, and the form of documents. MN_E_CORRUPT: a rank reads another one */
mn_rc mn_share_tokenizer(mn_tasks *t, const char *path, const mn_tokenizer *tok,
                         const mn_docform *form, mn_err *e);
/* All texts as tokens; sink gets the documents in order. */
typedef mn_rc (*mn_encoded_sink)(void *arg, const mn_encoded *x, mn_err *e);
mn_rc mn_share_encode(mn_tasks *t, const mn_texts *texts, const mn_tokenizer *tok,
                      mn_encoded_sink sink, void *arg, mn_err *e);

#endif
