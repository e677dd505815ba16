/* What has to go from a corpus when posts are forgotten, and taking it out. docs/design/forgetting.md. */
#ifndef MN_CORPUS_CLOSURE_H
#define MN_CORPUS_CLOSURE_H

#include "base/err.h"
#include "base/mem.h"

/* Bytes of clean text that two posts must share, one after the other, for one to be a quotation of the other. */
#define MN_CORPUS_QUOTATION 50

typedef struct mn_corpus_closure {
    uint64_t *train, *val; /* documents of either shard, rising; on the arena */
    size_t n_train, n_val;
    uint64_t posts;  /* of those named or by the author, that are in the corpus */
    uint64_t copies; /* posts kept in whose favour a named one was left out as a copy */
    uint64_t
        quotations;  /* other posts that share MN_CORPUS_QUOTATION bytes with one of these */
    uint64_t others; /* posts that stand in the same documents and go with them */
} mn_corpus_closure;

/* The documents of corpus DATA/corpus/NAME that hold one of the n posts or one by the n_authors (ids in any order), a copy or a
 * long quotation of one. Documents that are erased already are left out.
 * cost   linear in the corpus: it is read once
 * memory 16 bytes for each 16 bytes of the named posts' text; a byte a post
 * errors as mn_corpus_read; MN_E_CORRUPT */
mn_rc mn_corpus_closure_find(const char *data_dir, const char *name, const uint64_t *posts,
                             size_t n, const uint64_t *authors, size_t n_authors, mn_arena *a,
                             mn_corpus_closure *ret, mn_err *e);

/* Erases those documents (mn_shard_erase) and writes the manifest anew: the hashes of the changed files, and "forgotten": how many documents
 * each shard has lost. The corpus keeps its name and its sha256, by which models know it. Nobody may be reading the corpus. What is to be
 * erased is noted first in DATA/corpus/NAME/erasing: after a crash any call, one with c NULL too, ends that. Until then
 * nobody can open the corpus.
 * errors MN_E_BUSY (a build is running), MN_E_IO, MN_E_CORRUPT, MN_E_NOMEM */
mn_rc mn_corpus_erase(const char *data_dir, const char *name, const mn_corpus_closure *c,
                      mn_err *e);

#endif
