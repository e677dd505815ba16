/* Norms, positions, SwiGLU and embeddings. References: mn_ref_rmsnorm, mn_ref_rope, mn_ref_swiglu, mn_ref_embed and their _back. */
#include "tensor/cuda/device.cuh"

/* ---- norms: a warp for each row ------------------------------------------------------------------------------------------ */

__global__ static void rmsnorm(mn_cuda_mat y, float *r, const float *x, const float *g,
                               size_t T, size_t C, float eps)
{
    const size_t t = (size_t)blockIdx.x * MN_WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (t >= T) return;
    float sum = 0;
    for (size_t c = lane; c < C; c += 32) sum += x[t * C + c] * x[t * C + c];
    sum = mn_cuda__warp_sum(sum);
    const float scale = 1.0f / sqrtf(sum / (float)C + eps);
    if (lane == 0) r[t] = scale;
    for (size_t c = lane; c < C; c += 32)
        mn_cuda__put(y, t * C + c, x[t * C + c] * scale * g[c]);
}

__global__ static void rmsnorm_back(float *dx, const float *dy, const float *x, const float *g,
                                    const float *r, size_t T, size_t C)
{
    const size_t t = (size_t)blockIdx.x * MN_WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (t >= T) return;
    float dot = 0;
    for (size_t c = lane; c < C; c += 32) dot += dy[t * C + c] * g[c] * x[t * C + c];
    dot = mn_cuda__warp_sum(dot);
    const float k = dot * r[t] * r[t] / (float)C;
    for (size_t c = lane; c < C; c += 32)
        dx[t * C + c] += r[t] * (dy[t * C + c] * g[c] - x[t * C + c] * k);
}

/* The gains' gradient of MN_CUDA_NORM_ROWS rows, a column a thread. */
__global__ static void gain_part(float *part, const float *dy, const float *x, const float *r,
                                 size_t T, size_t C)
{
    const size_t c = (size_t)blockIdx.y * MN_BLOCK + threadIdx.x;
    const size_t from = (size_t)blockIdx.x * MN_CUDA_NORM_ROWS;
    const size_t to = from + MN_CUDA_NORM_ROWS < T ? from + MN_CUDA_NORM_ROWS : T;
    if (c >= C) return;
    float sum = 0;
    for (size_t t = from; t < to; t++) sum += dy[t * C + c] * x[t * C + c] * r[t];
    part[blockIdx.x * C + c] = sum;
}

__global__ static void gain_sum(float *dg, const float *part, size_t n_parts, size_t C)
{
    const size_t c = MN_FIRST;
    if (c >= C) return;
    float sum = 0;
    for (size_t i = 0; i < n_parts; i++) sum += part[i * C + c];
    dg[c] += sum;
}

void mn_cuda__rmsnorm(mn_cuda *d, mn_cuda_mat y, float *r, const float *x, const float *g,
                      size_t T, size_t C, float eps)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(rmsnorm, (unsigned)((T + MN_WARPS - 1) / MN_WARPS), MN_BLOCK, 0, d->stream, y, r,
              x, g, T, C, eps);
    mn_cuda__launched(d, "rmsnorm");
}

void mn_cuda__rmsnorm_back(mn_cuda *d, float *dx, float *dg, const float *dy, const float *x,
                           const float *g, const float *r, size_t T, size_t C, float *work)
{
    if (!mn_cuda__ready(d) || !T) return;
    const size_t parts = (T + MN_CUDA_NORM_ROWS - 1) / MN_CUDA_NORM_ROWS;
    const dim3 grid((unsigned)parts, (unsigned)((C + MN_BLOCK - 1) / MN_BLOCK));
    MN_LAUNCH(rmsnorm_back, (unsigned)((T + MN_WARPS - 1) / MN_WARPS), MN_BLOCK, 0, d->stream,
              dx, dy, x, g, r, T, C);
    MN_LAUNCH(gain_part, grid, MN_BLOCK, 0, d->stream, work, dy, x, r, T, C);
    MN_LAUNCH(gain_sum, mn_cuda__blocks(C), MN_BLOCK, 0, d->stream, dg, work, parts, C);
    mn_cuda__launched(d, "rmsnorm_back");
}

/* ---- positions ------------------------------------------------------------------------------------------------------------- */

__global__ static void rope(float *x, size_t stride, const float *turn, const uint32_t *pos,
                            size_t T, size_t n_heads, size_t D, float sign)
{
    const size_t half = D / 2, per_row = n_heads * half, n = T * per_row;
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t t = i / per_row, h = i % per_row / half, k = i % half;
        const float *turned = turn + pos[t] * D;
        const float c = turned[k], s = sign * turned[half + k];
        float *a = x + t * stride + h * D + k, *b = a + half;
        const float a0 = *a, b0 = *b;
        *a = a0 * c - b0 * s;
        *b = b0 * c + a0 * s;
    }
}

void mn_cuda__rope(mn_cuda *d, float *x, size_t stride, const float *turn, const uint32_t *pos,
                   size_t T, size_t n_heads, size_t D, bool inverse)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(rope, mn_cuda__blocks(T * n_heads * (D / 2)), MN_BLOCK, 0, d->stream, x, stride,
              turn, pos, T, n_heads, D, inverse ? -1.0f : 1.0f);
    mn_cuda__launched(d, "rope");
}

/* ---- SwiGLU ---------------------------------------------------------------------------------------------------------------- */

__global__ static void swiglu(mn_cuda_mat h, const float *gu, size_t n, size_t F)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t at = i / F * 2 * F + i % F;
        const float g = gu[at], u = gu[at + F];
        mn_cuda__put(h, i, g / (1.0f + expf(-g)) * u);
    }
}

__global__ static void swiglu_back(mn_cuda_mat dgu, mn_cuda_mat h, const float *dh,
                                   const float *gu, size_t n, size_t F)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) {
        const size_t at = i / F * 2 * F + i % F;
        const float g = gu[at], u = gu[at + F], sig = 1.0f / (1.0f + expf(-g));
        mn_cuda__put(dgu, at, dh[i] * u * sig * (1.0f + g * (1.0f - sig)));
        mn_cuda__put(dgu, at + F, dh[i] * g * sig);
        mn_cuda__put(h, i, g * sig * u);
    }
}

void mn_cuda__swiglu(mn_cuda *d, mn_cuda_mat h, const float *gu, size_t T, size_t F)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(swiglu, mn_cuda__blocks(T * F), MN_BLOCK, 0, d->stream, h, gu, T * F, F);
    mn_cuda__launched(d, "swiglu");
}

void mn_cuda__swiglu_back(mn_cuda *d, mn_cuda_mat dgu, mn_cuda_mat h, const float *dh,
                          const float *gu, size_t T, size_t F)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(swiglu_back, mn_cuda__blocks(T * F), MN_BLOCK, 0, d->stream, dgu, h, dh, gu,
              T * F, F);
    mn_cuda__launched(d, "swiglu_back");
}

/* ---- embedding --------------------------------------------------------------------------------------------------------------- */

__global__ static void embed(float *x, const float *E, const uint32_t *ids, size_t n, size_t C)
{
    for (size_t i = MN_FIRST; i < n; i += MN_STEP) x[i] = E[ids[i / C] * C + i % C];
}

/* A block for each id that occurs: a column a thread, its places in order. */
__global__ static void embed_back(float *dE, const float *dx, const uint32_t *ids,
                                  const uint32_t *order, const uint32_t *begin, size_t C)
{
    const uint32_t from = begin[blockIdx.x], to = begin[blockIdx.x + 1];
    float *row = dE + ids[order[from]] * C;
    for (size_t c = threadIdx.x; c < C; c += MN_BLOCK) {
        float sum = row[c];
        for (uint32_t i = from; i < to; i++) sum += dx[order[i] * C + c];
        row[c] = sum;
    }
}

void mn_cuda__embed(mn_cuda *d, float *x, const float *E, const uint32_t *ids, size_t T,
                    size_t C)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(embed, mn_cuda__blocks(T * C), MN_BLOCK, 0, d->stream, x, E, ids, T * C, C);
    mn_cuda__launched(d, "embed");
}

void mn_cuda__embed_back(mn_cuda *d, float *dE, const float *dx, const uint32_t *ids,
                         const mn_cuda_plan *plan, size_t C)
{
    if (!mn_cuda__ready(d) || !plan->n_ids) return;
    MN_LAUNCH(embed_back, (unsigned)plan->n_ids, MN_BLOCK, 0, d->stream, dE, dx, ids,
              plan->order, plan->begin, C);
    mn_cuda__launched(d, "embed_back");
}
