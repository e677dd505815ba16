/* The model forward and backward on the fast path: a workspace made once, then steps that allocate nothing.
 *
 * Work is split into parts whose number depends on the batch and the shape only, never on the threads, and every part writes
 * its own place: the same batch gives the same bits on any number of threads (of one kind of CPU). docs/design/model.md. */
#ifndef MN_MODEL_FORWARD_H
#define MN_MODEL_FORWARD_H

#include "base/thread.h"
#include "model/weights.h"

/* n_rows sequences of T tokens, arrays [n_rows][T]. What row t of a sequence should predict (target), how much it
 * counts (weight, 0: not at all), its position in its document, and the row of this sequence at which its document begins
 * (first[t] <= t, never falling). Borrowed. */
typedef struct mn_batch {
    const uint32_t *ids, *target, *pos, *first;
    const float *weight;
    size_t n_rows, T;
} mn_batch;

typedef enum mn_dtype {
    MN_F32,
    MN_BF16
} mn_dtype; /* of the products; sums and weights are f32 */

typedef struct mn_pass mn_pass;

/* What a pass keeps of each layer's activations. With and without the same bits come out. */
typedef enum mn_keep {
    MN_KEEP_NOTHING, /* gradients are not asked for */
    MN_KEEP_INPUTS, /* what goes in; the rest is computed again for the gradient: a quarter more work */
    MN_KEEP_ALL
} mn_keep;

/* Borrows w and pool (NULL: one thread). Room for batches of up to n_rows sequences of exactly T tokens, T at most cfg.T.
 * errors  MN_E_NOMEM; MN_E_UNSUPPORTED for MN_BF16 without the library or the CPU for it */
mn_rc mn_pass_new(const mn_weights *w, mn_pool *pool, size_t n_rows, size_t T, mn_dtype dtype,
                  mn_keep keep, mn_pass **ret, mn_err *e);
/* Bytes that mn_pass_new takes for these. With MN_KEEP_ALL about 4 * n_rows * T * L * (5 C + 2 F) and more. */
uint64_t mn_pass_bytes(const mn_weights *w, int n_threads, size_t n_rows, size_t T,
                       mn_dtype dtype, mn_keep keep);
void mn_pass_free(mn_pass *p);

/* losses[n_rows][T]: -log p(target) in natural units, not weighted. With dall (laid out as w->all; the pass must be a
 * backward one) ADDS the gradient of the sum of weight * loss. Every id and target is below V. */
void mn_pass_run(mn_pass *p, const mn_batch *b, float *losses, float *dall);
/* The next-token logits [V] after row t of sequence `row` of the last mn_pass_run. */
void mn_pass_logits(mn_pass *p, size_t row, size_t t, float *ret_logits);

#endif
