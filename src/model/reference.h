/* The model, forward and backward, from the reference kernels: slow, plain, and what the fast path (forward.h) is tested
 * against. reference_body.inc is included a second time by a test, in double precision, for finite differences. */
#ifndef MN_MODEL_REFERENCE_H
#define MN_MODEL_REFERENCE_H

#include "model/weights.h"

/* One sequence of T tokens. target[t] is what row t should predict, weight[t] how much that counts (0: not at all);
 * pos[t] is the position in its document, first[t] the row at which its document begins. Borrowed. */
typedef struct mn_rows {
    const uint32_t *ids, *target, *pos, *first;
    const float *weight;
    size_t T;
} mn_rows;

/* Values of `work` that mn_ref_model needs for T rows. */
size_t mn_ref_model_work(const mn_config *c, size_t T);
/* losses[t] = -log p(target[t]) in natural units. With dall (as w->all, else NULL), adds the gradient of the sum of
 * weight * loss to it. logits [T][V] may be NULL. work: mn_ref_model_work floats; nothing is allocated.
 * domain  ids and targets below V, pos below any limit, first[t] <= t */
void mn_ref_model(const mn_weights *w, float *dall, const mn_rows *rows, float *losses,
                  float *logits, float *work);

#endif
