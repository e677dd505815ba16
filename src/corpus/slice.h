/* What a corpus that goes on from another one takes: the posts that are new since, and a share of old ones.
 *
 * A corpus with `after` stands at the end of a chain of corpora, each after the one before. New is a live post that may be learnt from and
 * that none of the chain has kept or left out for what it says. Old documents are drawn from the train splits of the chain, in the order of
 * a hash of their first post and of the chain's last corpus, so that the same chain gives the same ones and each night others; those that
 * were erased are passed over. docs/design/current.md. */
#ifndef MN_CORPUS_SLICE_H
#define MN_CORPUS_SLICE_H

#include "corpus/corpus_int.h"

#define MN_CORPUS_CHAIN_MOST 4096

typedef struct mn_slice {
    uint64_t *old;    /* posts that the chain has kept, rising */
    uint64_t *except; /* posts of the store that are not to be read, rising */
    size_t n_old, n_except;
    uint64_t new_posts, new_bytes; /* that may be learnt from, as they are stored */
} mn_slice;

/* after: the last corpus of the chain; NULL: no chain, every post is new. replay: the share of the text that is to be old, 0 … 0.99; as far
 * as there is as much. errors MN_E_NOT_FOUND (a corpus of the chain is not there), MN_E_CORRUPT, of the store */
mn_rc mn_slice_open(mn_store *store, const char *data_dir, const char *after, double replay,
                    mn_slice *ret, mn_err *e);
void mn_slice_release(mn_slice *s);
bool mn_slice_is_old(const mn_slice *s, uint64_t id);

#endif
