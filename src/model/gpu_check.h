/* Every twin of the GPU against its reference in plain C (tensor/ref.h, muon.h), on random values and awkward shapes. */
#ifndef MN_MODEL_GPU_CHECK_H
#define MN_MODEL_GPU_CHECK_H

#include "base/err.h"
#include "tensor/cuda.h"

typedef struct mn_gpu_result {
    char name[64];     /* "attention_back dqkv, 2x150 H6 KV2 D64" */
    const char *dtype; /* "f32", "bf16" */
    double error,
        tolerance; /* the largest difference, as a share of the reference's largest value; above: not right */
} mn_gpu_result;

/* Calls back for each result; *ret_wrong counts those that are not right. large: shapes of real models, too, which the reference takes
 * a minute for.
 * errors  MN_E_NOMEM, MN_E_IO (the device failed) */
mn_rc mn_gpu_check(const mn_cuda_api *api, mn_cuda *d, bool large,
                   void (*on_result)(void *arg, const mn_gpu_result *r), void *arg,
                   size_t *ret_wrong, mn_err *e);

#endif
