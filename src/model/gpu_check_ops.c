/* What the checks of gpu_check.c and gpu_check_infer.c share: operands, device memory of their exact size, and comparing. */
#include "model/gpu_check_int.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "tensor/kernels.h"

/* ---- operands --------------------------------------------------------------------------------------------------------------- */

void mn_gpu_check__begin(mn_gpu_check__run *c, const char *shape, ...)
{
    va_list ap;
    va_start(ap, shape);
    vsnprintf(c->shape, sizeof c->shape, shape, ap);
    va_end(ap);
    while (c->n_held) c->api->free(c->d, c->held[--c->n_held]);
    mn_arena_reset(&c->arena);
}

void *mn_gpu_check__host_bytes(mn_gpu_check__run *c, size_t bytes)
{
    static char nothing[1];
    void *p = mn_arena_calloc(&c->arena, bytes ? bytes : 1, 1);
    if (!p) c->failed = true;
    return p ? p : nothing;
}

/* Nearly normal values: the sum of four uniform ones. */
float *mn_gpu_check__values(mn_gpu_check__run *c, size_t n, double size)
{
    float *p = mn_gpu_check__host_bytes(c, n * sizeof *p);
    for (size_t i = 0; i < n && !c->failed; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++)
            sum += mn_rand_unit(mn_rand_at(7, 0x677075, c->draws++)) - 0.5;
        p[i] = (float)(sum * 1.73 * size);
    }
    return p;
}

uint32_t *mn_gpu_check__below(mn_gpu_check__run *c, size_t n, size_t most)
{
    uint32_t *p = mn_gpu_check__host_bytes(c, n * sizeof *p);
    for (size_t i = 0; i < n && !c->failed; i++)
        p[i] = (uint32_t)(mn_rand_at(7, 0x677075, c->draws++) % most);
    return p;
}

void *mn_gpu_check__room(mn_gpu_check__run *c, size_t bytes)
{
    void *p = c->n_held < MN_GPU_CHECK__HELD ? c->api->alloc(c->d, bytes) : NULL;
    if (p) c->held[c->n_held++] = p;
    else c->failed = true;
    return p;
}

void *mn_gpu_check__on_device(mn_gpu_check__run *c, const void *host, size_t bytes)
{
    void *p = mn_gpu_check__room(c, bytes);
    if (p && !c->failed) c->api->upload(c->d, p, host, bytes);
    return p;
}

float *mn_gpu_check__f32_on(mn_gpu_check__run *c, const float *host, size_t n)
{
    return mn_gpu_check__on_device(c, host, n * sizeof *host);
}

float *mn_gpu_check__f32_room(mn_gpu_check__run *c, size_t n)
{
    return mn_gpu_check__room(c, n * sizeof(float));
}

mn_cuda_mat mn_gpu_check__mat_room(mn_gpu_check__run *c, size_t n)
{
    return (mn_cuda_mat){mn_gpu_check__f32_room(c, n),
                         mn_gpu_check__room(c, n * sizeof(uint16_t))};
}

/* Values as bfloat16 has them, and their bits on the device. */
uint16_t *mn_gpu_check__halve(mn_gpu_check__run *c, float *io, size_t n)
{
    uint16_t *h = mn_gpu_check__host_bytes(c, n * sizeof *h);
    if (c->failed) return NULL;
    mn_kernels_best()->to_bf16(h, io, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)h[i] << 16;
        memcpy(io + i, &bits, sizeof bits);
    }
    return mn_gpu_check__on_device(c, h, n * sizeof *h);
}

/* ---- results ------------------------------------------------------------------------------------------------------------------ */

void mn_gpu_check__tell(mn_gpu_check__run *c, const char *what, const char *dtype, double error,
                        double tolerance)
{
    mn_gpu_result r = {.dtype = dtype, .error = error, .tolerance = tolerance};
    snprintf(r.name, sizeof r.name, "%s, %s", what, c->shape);
    if (!(error <= tolerance)) c->wrong++;
    c->on_result(c->arg, &r);
}

double mn_gpu_check__difference(const float *a, const float *ref, size_t n)
{
    double most = 1e-30, off = 0;
    for (size_t i = 0; i < n; i++) {
        const double diff = fabs((double)a[i] - (double)ref[i]);
        if (!(diff <= off) && !isnan(off)) off = diff; /* a NaN comes and stays */
        if (fabs((double)ref[i]) > most) most = fabs((double)ref[i]);
    }
    return off / most;
}

void mn_gpu_check__compare(mn_gpu_check__run *c, const char *what, const char *dtype,
                           const float *device, const float *ref, size_t n, double tolerance)
{
    float *got = mn_gpu_check__host_bytes(c, n * sizeof *got);
    if (c->failed) return;
    c->api->download(c->d, got, device, n * sizeof *got);
    mn_gpu_check__tell(c, what, dtype, mn_gpu_check__difference(got, ref, n), tolerance);
}

/* An operand: its values against the reference, its bfloat16 bits against its own values. */
void mn_gpu_check__compare_mat(mn_gpu_check__run *c, const char *what, mn_cuda_mat device,
                               const float *ref, size_t n)
{
    float *f = mn_gpu_check__host_bytes(c, n * sizeof *f);
    uint16_t *h = mn_gpu_check__host_bytes(c, n * sizeof *h),
             *want = mn_gpu_check__host_bytes(c, n * sizeof *want);
    size_t off = 0;
    mn_gpu_check__compare(c, what, "f32", device.f, ref, n, MN_GPU_CHECK__F32);
    if (c->failed) return;
    c->api->download(c->d, f, device.f, n * sizeof *f);
    c->api->download(c->d, h, device.h, n * sizeof *h);
    mn_kernels_best()->to_bf16(want, f, n);
    for (size_t i = 0; i < n; i++) off += h[i] != want[i];
    mn_gpu_check__tell(c, what, "bf16", (double)off, 0);
}
