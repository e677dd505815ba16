/* Documents as tokens, in their form (text/docform.h): what stands before each post, then its text. What ends a document is the shard
 * writer's. */
#ifndef MN_CORPUS_ENCODE_H
#define MN_CORPUS_ENCODE_H

#include "corpus/threads.h"
#include "text/docform.h"

/* Documents and what they are made of; borrowed. Of candidates only time, language and place of the text are looked at. */
typedef struct mn_texts {
    const mn_cands *c;
    const mn_documents *d;
    const char *spool;
    const size_t *list; /* documents, in the order in which they are written */
    size_t n;
} mn_texts;
static inline mn_str mn_texts_of(const mn_texts *t, uint32_t post)
{
    return (mn_str){t->spool + t->c->items[post].text_at, t->c->items[post].text_len};
}

/* Documents [from, to) of a list, encoded. Zero-initialise; keeps its memory for the next ones. */
typedef struct mn_encoded {
    size_t from, to;
    mn_ids ids;
    size_t *ends; /* ids' end of each post */
    size_t n_posts, cap;
} mn_encoded;
void mn_encoded_release(mn_encoded *x);

/* Encodes documents [io->from, io->to). form: of documents in tok's vocabulary; cache: of the calling thread. errors MN_E_NOMEM, MN_E_LIMIT */
mn_rc mn_corpus_encode(const mn_texts *t, const mn_tokenizer *tok, const mn_docform *form,
                       mn_tok_cache *cache, mn_encoded *io);
/* Appends what stands before a post; before: the post before it in the document, NULL for the first; kind: how it hangs on that. */
mn_rc mn_corpus_encode_before(const mn_docform *form, const mn_cand *x, const mn_cand *before,
                              uint8_t kind, mn_ids *ret);

#endif
