/* A frozen base with an adapter, forward and backward: what tuning runs, step by step.
 *
 * The base stays as it lies in its file: quantised matrices are never held as floats, but for one layer at a time (and a piece of the
 * head), which is brought into scratch while the layer before it is computed. Only the adapter has gradients. The same
 * mathematics as forward.h, whose kernels and products it uses.
 *
 * numbers  the same batch gives the same bits on any number of threads, whether activations are kept or computed again, and however
 *          the rows of a batch are spread over calls: gradients are added sequence by sequence, in order
 * twins    a base that is float32 already gives the same bits as the quantised one it was made from; merged weights give the same
 *          logits within float32's rounding (tests/unit/model/test_lora.c) */
#ifndef MN_MODEL_LORA_PASS_H
#define MN_MODEL_LORA_PASS_H

#include "model/forward.h"
#include "model/lora.h"
#include "model/open.h"

typedef struct mn_lora_pass mn_lora_pass;

typedef struct mn_lora_pass_opts {
    size_t n_rows,
        T; /* room for batches of up to n_rows sequences of exactly T tokens, T at most cfg.T */
    mn_dtype dtype; /* of the products */
    bool backward;
    bool
        again; /* keep only each layer's input and compute the rest again: a tenth of the memory, half as much work more */
} mn_lora_pass_opts;

/* Borrows base, adapter (NULL: the base alone) and pool (NULL: one thread).
 * errors  MN_E_NOMEM; MN_E_UNSUPPORTED for MN_BF16 without the library or the CPU for it */
mn_rc mn_lora_pass_new(const mn_model *base, const mn_lora *a, mn_pool *pool,
                       const mn_lora_pass_opts *o, mn_lora_pass **ret, mn_err *e);
void mn_lora_pass_free(mn_lora_pass *p);
/* Bytes that a pass with these options takes, the base not counted. */
uint64_t mn_lora_pass_bytes(const mn_config *c, const mn_lora *a, int n_threads,
                            const mn_lora_pass_opts *o);

/* losses[n_rows][T]: -log p(target) in natural units, not weighted; 0 where the weight is 0 (those rows are not computed). With dall
 * (laid out as adapter->all; a backward pass) ADDS the gradient of the sum of weight * loss. Nothing is allocated. */
void mn_lora_pass_run(mn_lora_pass *p, const mn_batch *b, float *losses, float *dall);
/* The next-token logits [V] after row t of sequence `row` of the last mn_lora_pass_run. */
void mn_lora_pass_logits(mn_lora_pass *p, size_t row, size_t t, float *ret_logits);

/* Without the head, for what is learnt about texts instead of next tokens: the final hidden state, after the last norm, of every row whose
 * weight is above 0, in order of the batch: ret [n][C]. Returns n. Targets are not looked at, but must be below V. */
size_t mn_lora_pass_states(mn_lora_pass *p, const mn_batch *b, float *ret);
/* With d [n][C], the gradient of a loss at what the last mn_lora_pass_states gave, ADDS the adapter's to dall; b is the same batch, the pass a backward one
 * with an adapter. */
void mn_lora_pass_states_back(mn_lora_pass *p, const mn_batch *b, const float *d, float *dall);

#endif
