/* A corpus build of several ranks: all see the same store and were told the same, then rank 0 builds as one process would, but for what it has the others do
 * (share.h); they serve (helper.h) until it ends. docs/design/scale.md. */
#ifndef MN_CORPUS_TOGETHER_H
#define MN_CORPUS_TOGETHER_H

#include "corpus/corpus_int.h"
#include "corpus/helper.h"

/* Rank 0's, for the stages that are shared. */
typedef struct mn_together {
    mn_ranks *ranks;
    mn_pool *pool;
    mn_helper *helper;
    mn_tasks *tasks; /* of rank 0 */
} mn_together;

/* mn_corpus_build with opts->ranks; *ret is written on rank 0 only. */
mn_rc mn_corpus__build_together(mn_store *store, const char *data_dir,
                                const mn_corpus_opts *opts, mn_corpus_progress progress,
                                void *arg, mn_corpus_report *ret, mn_err *e);

/* All ranks call it. Ends well on all, or on all with the same MN_E_USAGE that says who differs in what. A store in use is looked at again for a moment,
 * until all see it at the same revision. */
mn_rc mn_corpus__meet(mn_ranks *r, mn_store *store, mn_helper *h, const mn_corpus_opts *opts,
                      mn_err *e);

#endif
