/* AdamW over all weights, in parts over the pool: decay on matrices, none on the gains of norms; gradients clipped to a
 * norm. Deterministic: parts are ranges of the weights, and the norm is summed in their order. */
#ifndef MN_MODEL_OPTIM_H
#define MN_MODEL_OPTIM_H

#include "base/thread.h"
#include "model/weights.h"

typedef struct mn_optim {
    float *m, *v, *d; /* moments and gradient, laid out as the weights; one allocation, owned */
    uint64_t n;
    double *squares;  /* of each part */
    uint8_t *decayed; /* ... which parts are of matrices */
    uint64_t *cut;    /* [n_parts + 1] */
    size_t n_parts;
} mn_optim;

typedef struct mn_optim_opts {
    double lr, b1, b2, eps, decay, clip; /* clip 0: never */
} mn_optim_opts;

mn_rc mn_optim_new(const mn_weights *w, mn_optim *ret, mn_err *e);
/* For n parameters without norms among them: an adapter's. */
mn_rc mn_optim_new_flat(uint64_t n, mn_optim *ret, mn_err *e);
void mn_optim_release(mn_optim *o);
/* One step of the o->n parameters in `all` with the gradient in o->d, which is zeroed for the next. step counts from 1. Returns
 * the gradient's norm before clipping. */
double mn_optim_step(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                     uint64_t step);

#endif
