/* CUDA's names for a machine without a GPU: src/tensor/cuda/ is compiled against this by the ordinary C++ compiler, and every kernel
 * really runs, thread by thread. A test's tool; nothing of the program uses it.
 *
 * Threads of a block are fibres (emu.cc). They run in an order that $MN_EMU_ORDER chooses (0 upwards, 1 downwards, else shuffled by that
 * number), until all wait at the same barrier: what forgets a barrier gives other results in another order. Checked besides, ending
 * the program when broken: every thread of a block comes to the barriers, every lane of a warp to its shuffles, blocks are of
 * whole warps, grids and shared memory are within a GPU's limits. Memory is malloc's and begins as NaN, shared memory too, each
 * exactly as large as was asked for, so the address sanitizer sees what lies beyond.
 *
 * Not emulated: the memory model (fences, caches), time, and the rounding of a GPU's expf and logf. */
#ifndef MN_TESTS_EMU_CUDA_RUNTIME_H
#define MN_TESTS_EMU_CUDA_RUNTIME_H

#include <functional>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MN_EMU 1
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(n)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned X = 1, unsigned Y = 1, unsigned Z = 1) : x(X), y(Y), z(Z)
    {
    }
};
struct emu_index {
    unsigned x, y, z;
};
/* On as many bytes as a GPU wants them: the sanitizers see an address that is not. */
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
extern __thread emu_index threadIdx, blockIdx, blockDim,
    gridDim; /* a thread of the program has a GPU of its own */

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorNoDevice = 100,
    cudaErrorLaunchFailure = 719
} cudaError_t;
typedef enum cudaMemcpyKind {
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3
} cudaMemcpyKind;
typedef enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8
} cudaFuncAttribute;
typedef enum cudaDataType { CUDA_R_32F = 0, CUDA_R_16BF = 14 } cudaDataType_t;
typedef struct emu_stream *cudaStream_t;
struct cudaDeviceProp {
    char name[256];
    int major, minor, multiProcessorCount;
};
#define cudaStreamNonBlocking 1

cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int index);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaMallocBytes(void **p, size_t n);
template <typename T> cudaError_t cudaMalloc(T **p, size_t n)
{
    return cudaMallocBytes((void **)p, n);
}
cudaError_t cudaFree(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind kind,
                            cudaStream_t s);
cudaError_t cudaMemsetAsync(void *p, int byte, size_t n, cudaStream_t s);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t rc);
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute what, int value);

/* ---- kernels ---------------------------------------------------------------------------------------------------------------- */

void emu_launch(const void *kernel, dim3 grid, dim3 block, size_t shared,
                const std::function<void()> &thread);
void *emu_shared(void);
void emu_block_barrier(void);
/* All lanes of the warp give 8 bytes; returns those of lane `from`. */
uint64_t emu_warp_exchange(uint64_t mine, unsigned from);

template <typename... P, typename... A>
void emu_call(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args)
{
    emu_launch((const void *)kernel, grid, block, shared, [=] { kernel(args...); });
}
#define MN_LAUNCH(kernel, grid, block, shared, stream, ...)                                    \
    ((void)(stream), emu_call(kernel, grid, block, shared, __VA_ARGS__))
#define MN_SHARED(type, name) type *name = (type *)emu_shared()

static inline void __syncthreads(void)
{
    emu_block_barrier();
}
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T x, int k)
{
    uint64_t bits = 0;
    static_assert(sizeof x <= 8, "shuffles are of 8 bytes at most");
    (void)mask;
    memcpy(&bits, &x, sizeof x);
    bits = emu_warp_exchange(bits, threadIdx.x % 32 ^ (unsigned)k);
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
