/* Which posts of a corpus may no longer be learnt from: their author deleted them or left, or took back the consent.
 *
 * The store's change feed says it: every deletion and every change of consent gives posts a new revision, so only what changed since the
 * corpus was read is looked at; but for the server's own setting, which tells no post: posts that it alone had
 * allowed are looked at when it no longer does. docs/design/forgetting.md. */
#ifndef MN_CORPUS_DUE_H
#define MN_CORPUS_DUE_H

#include "corpus/corpus.h"

typedef struct mn_corpus_due {
    uint64_t *posts; /* rising; also such as were left out as copies of a post that is there */
    size_t n;
    uint64_t gone; /* deleted, taken out with their import, or by an account that was deleted */
    uint64_t withdrawn; /* the nearest setting no longer allows train_generative */
    uint64_t rev;       /* changes up to this one were looked at */
} mn_corpus_due;

/* What became due since revision `known->rev`, and what of known->posts still is; on the arena. known NULL: since
 * mn_corpus_due_done, else since the corpus was built. Documents that were erased hold no posts any more, so what was forgotten is not
 * due. Not due: posts of suspended accounts (they are, when the suspension ends in a deletion), and edited posts (docs/design/forgetting.md).
 * cost   linear in the changes; in the corpus only when one of them is a post that may not be learnt from
 * errors as mn_corpus_read; of the store; MN_E_CORRUPT, MN_E_IO, MN_E_NOMEM */
mn_rc mn_corpus_due_find(mn_store *store, const char *data_dir, const mn_corpus_report *corpus,
                         const mn_corpus_due *known, mn_arena *a, mn_corpus_due *ret,
                         mn_err *e);
/* Nothing that `d` found is due any more: the next search begins at d->rev. */
mn_rc mn_corpus_due_done(mn_store *store, const mn_corpus_report *corpus,
                         const mn_corpus_due *d, mn_err *e);

/* The clean texts of those posts that are in the corpus, and of what was kept in place of those that were left out as copies: calls fn
 * for each (borrowed) until it returns false. What is erased already has no text. ids rise.
 * errors as mn_corpus_due_find */
typedef bool (*mn_corpus_text_fn)(void *arg, mn_str text);
mn_rc mn_corpus_texts(const char *data_dir, const char *name, const uint64_t *ids, size_t n,
                      mn_corpus_text_fn fn, void *arg, mn_err *e);

#endif
