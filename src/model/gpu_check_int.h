/* Shared by the checks of a GPU's kernels (gpu_check.h). */
#ifndef MN_MODEL_GPU_CHECK_INT_H
#define MN_MODEL_GPU_CHECK_INT_H

#include "base/mem.h"
#include "model/gpu_check.h"

/* Sums of some hundred to thousand values in another order, and other exponentials. */
#define MN_GPU_CHECK__F32 2e-5

enum { MN_GPU_CHECK__HELD = 40 };

typedef struct mn_gpu_check__run {
    const mn_cuda_api *api;
    mn_cuda *d;
    mn_arena arena;
    void *held[MN_GPU_CHECK__HELD]; /* on the device */
    size_t n_held, wrong;
    uint64_t draws;
    bool failed; /* no memory: nothing more is computed */
    bool large;
    void (*on_result)(void *arg, const mn_gpu_result *r);
    void *arg;
    char shape[48];
} mn_gpu_check__run;

/* A new check: what the one before held is freed. */
void mn_gpu_check__begin(mn_gpu_check__run *c, const char *shape, ...)
    __attribute__((format(printf, 2, 3)));

/* Memory of the host until the next check; never NULL, but too small when c->failed. */
void *mn_gpu_check__host_bytes(mn_gpu_check__run *c, size_t bytes);
/* Nearly normal values. */
float *mn_gpu_check__values(mn_gpu_check__run *c, size_t n, double size);
uint32_t *mn_gpu_check__below(mn_gpu_check__run *c, size_t n, size_t most);

/* Memory of the device until the next check; NULL when c->failed. */
void *mn_gpu_check__room(mn_gpu_check__run *c, size_t bytes);
void *mn_gpu_check__on_device(mn_gpu_check__run *c, const void *host, size_t bytes);
float *mn_gpu_check__f32_on(mn_gpu_check__run *c, const float *host, size_t n);
float *mn_gpu_check__f32_room(mn_gpu_check__run *c, size_t n);
mn_cuda_mat mn_gpu_check__mat_room(mn_gpu_check__run *c, size_t n);
/* io becomes what bfloat16 has of it; its bits on the device. */
uint16_t *mn_gpu_check__halve(mn_gpu_check__run *c, float *io, size_t n);

/* A result; the largest difference as a share of the reference's largest value; both together. */
void mn_gpu_check__tell(mn_gpu_check__run *c, const char *what, const char *dtype, double error,
                        double tolerance);
double mn_gpu_check__difference(const float *a, const float *ref, size_t n);
void mn_gpu_check__compare(mn_gpu_check__run *c, const char *what, const char *dtype,
                           const float *device, const float *ref, size_t n, double tolerance);
/* An operand: its values against the reference, its bfloat16 bits against its own values. */
void mn_gpu_check__compare_mat(mn_gpu_check__run *c, const char *what, mn_cuda_mat device,
                               const float *ref, size_t n);

void mn_gpu_check__inference(mn_gpu_check__run *c); /* gpu_check_infer.c */

#endif
