/* Inside a model on a GPU. */
#ifndef MN_MODEL_GPU_INT_H
#define MN_MODEL_GPU_INT_H

#include "model/gpu.h"

/* One layer's activations of a micro-batch. */
typedef struct mn_model__gpu_saved {
    float *x, *r1, *qkv, *lse, *att, *mid, *r2, *gu;
} mn_model__gpu_saved;

/* A micro-batch on the device. */
typedef struct mn_model__gpu_rows {
    const uint32_t *ids, *target, *pos, *first;
    const float *weight;
    mn_cuda_plan plan; /* with a gradient */
    size_t n_rows;
} mn_model__gpu_rows;

struct mn_gpu {
    const mn_cuda_api *api;
    mn_cuda *d;
    mn_cuda_info info;
    const mn_weights *w; /* borrowed: shapes and places */
    mn_gpu_opts o;
    mn_config c;
    size_t N, Q, W, head_rows, n_micro; /* N: tokens of a micro-batch */
    bool bf16;

    void *memory;                     /* all of what follows, on the device */
    float *all, *m, *v, *grad, *part; /* [n_all] each; part: a later micro-batch's gradient */
    uint16_t *half;                   /* of all, in bfloat16 runs */
    float *turn;
    mn_model__gpu_saved *layer; /* [L], of the host */
    float *last, *last_r, *losses;
    mn_cuda_mat nf, dlogits;
    float *logits;
    /* scratch of the backward pass: [N][max(C, Q, F)] and [N][C]; operands of weights' gradients */
    float *wide, *narrow, *dx, *dqkv, *delta, *norm_work;
    mn_cuda_mat n, h, dgu;
    uint16_t *half_out; /* bfloat16 of [N][max(C, Q, W)] */
    double *sums;       /* the norm's square, then each micro-batch's loss */
    double *square_work;
    float *scale;
    float *told_by_all; /* with ranks: every rank's gradient of the values that this one sums */
    uint64_t *at;       /* [size + 1], of the host: who sums which values */
    void *muon_work;
    uint32_t *batch; /* all arrays of a batch, as they lie in `staged` */

    uint32_t *staged; /* of the host: ids, target, pos, first, weight, order, begin */
    uint32_t *count;  /* [V] */
    size_t *n_ids;    /* [n_micro] */
    double *told;     /* sums, on the host */
};

/* gpu_pass.c: losses of b into g->losses; with grad also its gradient, added. */
void mn_model__gpu_run(mn_gpu *g, const mn_model__gpu_rows *b, float *grad);

#endif
