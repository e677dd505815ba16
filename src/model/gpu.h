/* A model in training on a GPU: weights, their bfloat16 twin, moments, gradient and activations live there; batches go in, losses come
 * out, and weights and moments come back when somebody wants to save or look at them. docs/design/cuda.md.
 *
 * The mathematics, the order of micro-batches and the optimiser are forward.h's and optim.h's; the numbers differ by rounding. The
 * same model, batches and GPU (and versions of its libraries) give the same bits. One thread uses it at a time. */
#ifndef MN_MODEL_GPU_H
#define MN_MODEL_GPU_H

#include "model/forward.h"
#include "model/optim.h"
#include "tensor/cuda.h"

typedef struct mn_gpu mn_gpu;

typedef struct mn_gpu_opts {
    int index; /* of the device */
    size_t batch_rows, micro_rows,
        T;          /* micro_rows at most batch_rows: what is computed at once */
    mn_dtype dtype; /* of products */
    mn_optimiser optimiser;
    bool recompute; /* keep each layer's input alone (forward.h, MN_KEEP_INPUTS) */
    /* Of several processes with a device each, the same weights and the same batches; size 0 or 1: alone. Rank k computes micro-batches m
     * with m mod size == k; the gradient is summed in the order of m and all take the same step: the bits of one that computes all. */
    int rank, size;
    const unsigned char *meeting; /* with size > 1: mn_gpu_meeting's, the same for all */
} mn_gpu_opts;

/* One rank makes it and tells the others, MN_CUDA_ID_BYTES of it. errors  MN_E_UNSUPPORTED (no NCCL, or it does not start) */
mn_rc mn_gpu_meeting(unsigned char *ret, mn_err *e);

/* Borrows w for its shape and the places of its tensors; its values are not taken (mn_gpu_load).
 * memory  on the device about 18 to 22 bytes a parameter and mn_pass's activations of micro_rows * T tokens
 * errors  MN_E_UNSUPPORTED (no library, driver or device; with ranks no NCCL; heads of more than MN_CUDA_D_MAX values), MN_E_NOMEM (the device's memory is too
 *         small: the message says what is needed), MN_E_IO */
mn_rc mn_gpu_new(const mn_weights *w, const mn_gpu_opts *o, mn_gpu **ret, mn_err *e);
void mn_gpu_free(mn_gpu *g); /* NULL is fine */
const mn_cuda_info *mn_gpu_info(const mn_gpu *g);

/* Values of w->n_all weights and of both moments, laid out as w->all, to the device and back. m and v may be NULL: zeros, or not wanted.
 * errors  MN_E_IO */
mn_rc mn_gpu_load(mn_gpu *g, const float *all, const float *m, const float *v, mn_err *e);
mn_rc mn_gpu_store(mn_gpu *g, float *all, float *m, float *v, mn_err *e);

/* A step of training: gradient, clipping, optimiser; all ranks together. *ret_loss is the sum of weight * loss over the micro-batches of this rank,
 * *ret_norm the whole gradient's before it is clipped; one
 * that is not a number leaves weights that are none. step counts from 1. o->bf16 is not read: products are of the run's dtype.
 * errors  MN_E_IO */
mn_rc mn_gpu_step(mn_gpu *g, const mn_batch *b, const mn_optim_opts *o, uint64_t step,
                  double *ret_loss, double *ret_norm, mn_err *e);
/* The gradient alone, for tests: ret_d as w->all. */
mn_rc mn_gpu_gradient(mn_gpu *g, const mn_batch *b, float *ret_d, double *ret_loss, mn_err *e);
/* losses[n_rows][T] of any number of rows, without a gradient; the weights of b are not read. */
mn_rc mn_gpu_losses(mn_gpu *g, const mn_batch *b, float *losses, mn_err *e);

#endif
