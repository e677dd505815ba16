/* The gradient of a batch, summed over micro-batches that several ranks computed.
 *
 * A batch is n_micro micro-batches; rank k of N computes those with m mod N == k, each into zeros of its own. Every rank owns a slice of
 * the weights and gets of each micro-batch that slice; it adds them in the order of m, in float32, beginning with the first as it
 * is. So the sum of a weight is ((g0 + g1) + g2) + … whoever computed them, and one rank alone does the same sum.
 *
 * Alone, the first micro-batch is computed where the sum is to be, and each further one is added by the pool. With others,
 * a thread sends and receives while the next micro-batch is computed (it is the one that uses the ranks between begin and end).
 *
 * memory  alone: n floats when n_micro > 1; with others: n floats, or 2 n where a rank has several micro-batches, and
 *         (N - 1) slices
 * traffic of a rank and micro-batch: n minus its slice sent, and as much received */
#ifndef MN_MODEL_REDUCE_H
#define MN_MODEL_REDUCE_H

#include "base/ranks.h"
#include "base/thread.h"

typedef struct mn_reduce mn_reduce;

/* n weights, of which rank k owns [at[k], at[k + 1]); at [size + 1] is copied. sum: this rank's slice, borrowed. Borrows ranks and
 * pool. */
mn_rc mn_reduce_new(mn_ranks *ranks, mn_pool *pool, uint64_t n, const uint64_t *at, float *sum,
                    size_t n_micro, mn_reduce **ret, mn_err *e);
void mn_reduce_free(mn_reduce *r);

/* A batch: begin (sum is all zeros), then for each micro-batch of this rank in order take and give, then end: sum is the slice of the
 * gradient. Ranks that have no micro-batch only begin and end.
 * take gives n zeros to add a gradient to; it waits until an earlier one is on its way.
 * errors  those of ranks.h, from take and end */
void mn_reduce_begin(mn_reduce *r);
mn_rc mn_reduce_take(mn_reduce *r, float **ret, mn_err *e);
void mn_reduce_give(mn_reduce *r);
mn_rc mn_reduce_end(mn_reduce *r, mn_err *e);

#endif
