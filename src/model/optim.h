/* The optimiser, in parts over the pool: AdamW for everything, or Muon (muon.h) for the matrices of the layers and AdamW for
 * embedding, head and norms. Decay on matrices, none on the gains of norms; gradients clipped to a norm. Deterministic: parts
 * are ranges of the weights or whole matrices, and the norm is summed in the order of ranges. */
#ifndef MN_MODEL_OPTIM_H
#define MN_MODEL_OPTIM_H

#include "base/thread.h"
#include "model/weights.h"

typedef enum mn_optimiser { MN_OPTIM_ADAMW, MN_OPTIM_MUON } mn_optimiser;
/* "adamw", "muon" */
const char *mn_optimiser_name(mn_optimiser o);
/* MN_E_USAGE lists them. */
mn_rc mn_optimiser_parse(const char *name, mn_optimiser *ret, mn_err *e);

/* How a training learns, beside its rate. */
typedef struct mn_recipe {
    mn_optimiser optimiser;
    bool cautious; /* decay only where update and weight agree in sign */
    bool
        zero_init; /* a model made from noise begins with wo and wd of zeros: layers that pass on what they get */
    float decay; /* MN_DECAY_BY_RULE: as rule.h chooses; never in a checkpoint */
    float fall;  /* the share of the run in which the rate falls, in thousandths, 0.001 to 1 */
} mn_recipe;

#define MN_DECAY_BY_RULE (-1.0f)

/* A recipe in eight bytes, for checkpoints. 0 is what runs had before there was a choice: AdamW, decay 0.1, fall 0.5. */
uint64_t mn_recipe_pack(const mn_recipe *r);
/* MN_E_CORRUPT for what pack does not give of a recipe with values in range. */
mn_rc mn_recipe_unpack(uint64_t packed, mn_recipe *ret, mn_err *e);

typedef struct mn_optim_matrix {
    uint64_t at; /* in the weights */
    uint32_t rows, cols;
} mn_optim_matrix;

typedef struct mn_optim {
    /* moments and gradient of weights [from, from + n_own), laid out as they are; one allocation, owned */
    float *m, *v, *d;
    uint64_t n, from, n_own; /* n: all weights */
    double *squares; /* of each part of all, so that the norm is the same on every rank */
    uint8_t *kind;   /* what each part is of */
    uint8_t *joined; /* ... which parts are of the same slice as the one before */
    uint64_t *cut;   /* [n_parts + 1] */
    size_t n_parts, part_from, part_to;
    /* Muon's; its matrices' v stays zero */
    mn_optim_matrix *matrices; /* the largest first */
    size_t n_matrices, work_each;
    float *work; /* [threads][work_each] */
    int threads;
} mn_optim;

typedef struct mn_optim_opts {
    double lr, b1, b2, eps, decay, clip; /* clip 0: never */
    double momentum;                     /* Muon's */
    bool cautious;
    bool bf16; /* Muon's products; after mn_gemm_bf16_check */
} mn_optim_opts;

/* threads: the most that a pool given to mn_optim_step has; only Muon takes memory for each. */
mn_rc mn_optim_new(const mn_weights *w, mn_optimiser kind, int threads, mn_optim *ret,
                   mn_err *e);
/* Of several ranks (ranks.h), rank k of n steps a slice of the weights only: parts [part_from, part_to), and has memory for its
 * moments and gradient only. A slice is whole tensors, but for the embedding and the head. */
mn_rc mn_optim_new_slice(const mn_weights *w, mn_optimiser kind, int threads, size_t k,
                         size_t n, mn_optim *ret, mn_err *e);
/* The first part of slice k of n, o->n_parts for k == n: the border nearest to k / n of all weights. So slices lie in order,
 * cover all, and are empty where there are more of them than borders. */
size_t mn_optim_slice_from(const mn_optim *o, size_t k, size_t n);
/* AdamW for n parameters without norms among them: an adapter's. */
mn_rc mn_optim_new_flat(uint64_t n, mn_optim *ret, mn_err *e);
void mn_optim_release(mn_optim *o);
/* One step of the o->n parameters in `all` with the gradient in o->d, which is zeroed for the next. step counts from 1. Returns
 * the gradient's norm before clipping; one that is not a number leaves weights that are none either. Nothing is allocated.
 * Muon needs mn_gemm_setup. */
double mn_optim_step(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                     uint64_t step);
/* The same in two halves, for slices: the sums of squares of the slice's own parts; then, when all of o->squares are there, the
 * step of the slice's weights. */
void mn_optim_squares(mn_optim *o, mn_pool *pool);
double mn_optim_apply(mn_optim *o, float *all, mn_pool *pool, const mn_optim_opts *opts,
                      uint64_t step);

#endif
