/* What the kernels share: a device, launches, sums over warps and blocks, bfloat16.
 *
 * The same text is compiled by nvcc for a GPU and by the C++ compiler for tests/cuda/emu, which runs every thread of a block as a fibre
 * (MN_EMU): hence the macros, and no feature of CUDA beyond blocks, barriers and shuffles of whole warps.
 *
 * Rules here: blocks are of whole warps, all threads of a block come to every barrier, all 32 lanes to every shuffle; no atomic
 * operations; every sum has a fixed shape. */
#ifndef MN_TENSOR_CUDA_DEVICE_CUH
#define MN_TENSOR_CUDA_DEVICE_CUH

#include <cublasLt.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <math.h>

#include "tensor/cuda_api.h"

#ifndef MN_EMU
#    define MN_LAUNCH(kernel, grid, block, shared, stream, ...)                                \
        kernel<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__)
#    define MN_SHARED(type, name)                                                              \
        extern __shared__ __align__(16) unsigned char mn_shared_bytes[];                       \
        type *name = reinterpret_cast<type *>(mn_shared_bytes)
#endif

#define MN_BLOCK 256 /* threads of a block, mostly */
#define MN_WARPS (MN_BLOCK / 32)
#define MN_LANES 0xffffffffu

/* ---- a device (device.cu) ---------------------------------------------------------------------------------------------- */

struct mn_cuda_plan_cache; /* product.cu */

struct mn_cuda {
    int index;
    cudaStream_t stream;
    cublasLtHandle_t lt;
    void *lt_work;
    mn_cuda_plan_cache *plans;
    struct ncclComm *comm; /* NULL: alone */
    int rank, size;
    bool failed;
    char why[256];
};

/* Notes the first failure. */
void mn_cuda__fail(mn_cuda *d, const char *what, const char *why);
/* True when work may be given: this thread looks at this device, and nothing has failed. */
bool mn_cuda__ready(mn_cuda *d);
/* After a launch. */
void mn_cuda__launched(mn_cuda *d, const char *what);
/* More shared memory than 48 KiB for a kernel; false: it has failed. */
bool mn_cuda__allow_shared(mn_cuda *d, const void *kernel, size_t bytes, const char *what);

/* product.cu */
const char *mn_cuda__products_open(mn_cuda *d); /* NULL: well */
void mn_cuda__products_close(mn_cuda *d);
size_t mn_cuda__products_version(void);

/* nccl.cu; leave: before the stream goes */
const char *mn_cuda__meeting(unsigned char ret_id[MN_CUDA_ID_BYTES]);
const char *mn_cuda__join(mn_cuda *, const unsigned char id[MN_CUDA_ID_BYTES], int, int);
void mn_cuda__scatter(mn_cuda *, float *, const float *, const uint64_t *, int);
void mn_cuda__share(mn_cuda *, float *, const uint64_t *);
void mn_cuda__leave(mn_cuda *);

/* What the table is made of (cuda_api.h). */
void mn_cuda__product(mn_cuda *, const mn_cuda_product *);
void mn_cuda__round(mn_cuda *, uint16_t *, const float *, size_t);
void mn_cuda__add(mn_cuda *, float *, const float *, size_t);
void mn_cuda__embed(mn_cuda *, float *, const float *, const uint32_t *, size_t, size_t);
void mn_cuda__embed_back(mn_cuda *, float *, const float *, const uint32_t *,
                         const mn_cuda_plan *, size_t);
void mn_cuda__rmsnorm(mn_cuda *, mn_cuda_mat, float *, const float *, const float *, size_t,
                      size_t, float);
void mn_cuda__rmsnorm_back(mn_cuda *, float *, float *, const float *, const float *,
                           const float *, const float *, size_t, size_t, float *);
void mn_cuda__rope(mn_cuda *, float *, size_t, const float *, const uint32_t *, size_t, size_t,
                   size_t, bool);
void mn_cuda__attention(mn_cuda *, mn_cuda_mat, float *, const float *, const mn_cuda_rows *);
void mn_cuda__attention_back(mn_cuda *, float *, const float *, const float *, const float *,
                             const float *, const mn_cuda_rows *, float *);
void mn_cuda__swiglu(mn_cuda *, mn_cuda_mat, const float *, size_t, size_t);
void mn_cuda__swiglu_back(mn_cuda *, mn_cuda_mat, mn_cuda_mat, const float *, const float *,
                          size_t, size_t);
void mn_cuda__cross_entropy(mn_cuda *, mn_cuda_mat, float *, const float *, const uint32_t *,
                            const float *, size_t, size_t);
void mn_cuda__sum_squares(mn_cuda *, double *, const float *, size_t, size_t, size_t, double *);
void mn_cuda__clip(mn_cuda *, float *, const double *, double);
void mn_cuda__adamw(mn_cuda *, const mn_cuda_adamw *);
void mn_cuda__muon(mn_cuda *, const mn_cuda_muon *);
void mn_cuda__weigh(mn_cuda *, double *, const float *, const float *, size_t);

void mn_cuda__gather(mn_cuda *, float *, const mn_cuda_matrix *, const uint32_t *, size_t);
void mn_cuda__rows_product(mn_cuda *, float *, size_t, const float *, size_t,
                           const mn_cuda_matrix *, size_t, bool);
void mn_cuda__kv_store(mn_cuda *, const mn_cuda_cache *, size_t, const float *,
                       const uint32_t *, const uint32_t *, size_t, size_t);
void mn_cuda__attend(mn_cuda *, float *, const float *, const mn_cuda_cache *,
                     const mn_cuda_attend *);

/* ---- launches ---------------------------------------------------------------------------------------------------------- */

/* Blocks for n values, one a thread; kernels of values step by the whole grid, so fewer are right too. */
static inline unsigned mn_cuda__blocks(size_t n)
{
    const size_t blocks = (n + MN_BLOCK - 1) / MN_BLOCK, most = 65535;
    return (unsigned)(blocks < most ? blocks : most);
}

/* for (size_t i = MN_FIRST; i < n; i += MN_STEP) */
#define MN_FIRST ((size_t)blockIdx.x * blockDim.x + threadIdx.x)
#define MN_STEP  ((size_t)gridDim.x * blockDim.x)

/* ---- in kernels ---------------------------------------------------------------------------------------------------------- */

/* To nearest, ties to even; NaN stays NaN: kernels.h's to_bf16. */
__host__ __device__ static inline uint16_t mn_cuda__bf16(float x)
{
    union {
        float f;
        uint32_t u;
    } b = {x};
    if ((b.u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((b.u | 0x400000u) >> 16);
    return (uint16_t)((b.u + 0x7fffu + (b.u >> 16 & 1u)) >> 16);
}

__device__ static inline void mn_cuda__put(mn_cuda_mat y, size_t i, float x)
{
    if (y.f) y.f[i] = x;
    if (y.h) y.h[i] = mn_cuda__bf16(x);
}

__device__ static inline float mn_cuda__from_half(uint16_t h)
{
    return __half2float(__ushort_as_half(h));
}

/* What is too large becomes the largest: infinity would make NaN of every row that gives it no weight. NaN stays. */
__device__ static inline uint16_t mn_cuda__to_half(float x)
{
    return __half_as_ushort(__float2half_rn(x > 65504.0f ? 65504.0f : x < -65504.0f ? -65504.0f : x));
}

/* Over the lanes of a warp, in pairs 16, 8, 4, 2, 1 apart: every lane gets the same bits. */
template <typename T> __device__ static inline T mn_cuda__warp_sum(T x)
{
    for (int k = 16; k > 0; k /= 2) x += __shfl_xor_sync(MN_LANES, x, k);
    return x;
}

__device__ static inline float mn_cuda__warp_max(float x)
{
    for (int k = 16; k > 0; k /= 2) x = fmaxf(x, __shfl_xor_sync(MN_LANES, x, k));
    return x;
}

/* Over a block of MN_BLOCK; shared: MN_WARPS values, which may be used again after the next barrier. All threads get it. */
template <typename T> __device__ static inline T mn_cuda__block_sum(T x, T *shared)
{
    x = mn_cuda__warp_sum(x);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    T sum = 0;
    for (int i = 0; i < MN_WARPS; i++) sum += shared[i];
    return sum;
}

#endif
