/* Both shards of a corpus with their texts, and which of their posts are meant: shared by closure.c and due.c. */
#ifndef MN_CORPUS_SIDES_H
#define MN_CORPUS_SIDES_H

#include "corpus/corpus_int.h"
#include "text/shard.h"

typedef enum mn_corpus__mark {
    MN_MARK_NONE,
    MN_MARK_NAMED, /* its id or its author was named */
    MN_MARK_COPY   /* it was kept, and one that was named left out as a copy of it */
} mn_corpus__mark;

typedef struct mn_corpus__side {
    mn_shard s;
    mn_fs_map text;
    uint8_t *mark; /* [s.n_posts] mn_corpus__mark; those of erased documents have none */
    bool open;
} mn_corpus__side;

typedef struct mn_corpus__copy {
    uint64_t kept, id; /* id was left out as a copy of kept */
} mn_corpus__copy;

typedef struct mn_corpus__sides {
    mn_corpus__side side[2]; /* train, val */
    mn_corpus__copy *copy;   /* by kept, rising: of the named posts that were left out */
    size_t n_copies, cap_copies;
} mn_corpus__sides;

/* Opens the corpus in dir and marks its posts. posts, authors: ids, rising. To be closed after an error too.
 * errors MN_E_CORRUPT, MN_E_NOT_FOUND, MN_E_IO, MN_E_NOMEM */
mn_rc mn_corpus__sides_open(const char *dir, const uint64_t *posts, size_t n,
                            const uint64_t *authors, size_t n_authors, mn_corpus__sides *ret,
                            mn_err *e);
void mn_corpus__sides_close(mn_corpus__sides *s);
mn_str mn_corpus__side_text(const mn_corpus__side *x, uint64_t post);
static inline bool mn_corpus__side_gone(const mn_corpus__side *x, uint64_t post)
{
    return mn_shard_erased(&x->s, x->s.posts[post].document);
}

/* For qsort and bsearch of ids. */
int mn_corpus__by_number(const void *a, const void *b);
bool mn_corpus__among(const uint64_t *sorted, size_t n, uint64_t id);

#endif
