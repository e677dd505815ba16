/* A vocabulary for a corpus: the words of its texts counted, then merged. */
#ifndef MN_CORPUS_VOCAB_H
#define MN_CORPUS_VOCAB_H

#include "base/thread.h"
#include "corpus/encode.h"

/* The vocabulary for so many bytes of training text: 2,048 below 2 MB, then doubled with every fourfold size, at most
 * 32,768. */
uint32_t mn_corpus_vocab_for(uint64_t train_bytes);

/* Counts the words of texts, with a pool's threads. */
typedef struct mn_counter mn_counter;
mn_rc mn_counter_new(mn_pool *pool, mn_counter **ret, mn_err *e); /* borrows pool */
void mn_counter_free(mn_counter *c);
mn_rc mn_counter_add(mn_counter *c, const mn_texts *t, mn_err *e);
/* All that was counted, for a tokenizer, and how many bytes of text that was. Borrowed. */
mn_rc mn_counter_words(mn_counter *c, mn_tok_trainer **ret, uint64_t *ret_bytes, mn_err *e);

/* A tokenizer trained on all texts; vocab 0: mn_corpus_vocab_for. The same for any pool. errors MN_E_NOMEM, MN_E_USAGE (vocab), MN_E_LIMIT */
mn_rc mn_corpus_vocab(const mn_texts *t, uint32_t vocab, mn_pool *pool, mn_tokenizer **ret,
                      mn_err *e);

#endif
