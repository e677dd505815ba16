/* A device: opening, memory, copies, failures; and the table. Contract: tensor/cuda_api.h. */
#include "tensor/cuda/device.cuh"

#include <new>
#include <stdio.h>
#include <string.h>

void mn_cuda__fail(mn_cuda *d, const char *what, const char *why)
{
    if (d->failed) return;
    d->failed = true;
    snprintf(d->why, sizeof d->why, "%s: %s", what, why);
}

static bool check(mn_cuda *d, const char *what, cudaError_t rc)
{
    if (rc != cudaSuccess) mn_cuda__fail(d, what, cudaGetErrorString(rc));
    return rc == cudaSuccess;
}

bool mn_cuda__ready(mn_cuda *d)
{
    return !d->failed && check(d, "device", cudaSetDevice(d->index));
}

void mn_cuda__launched(mn_cuda *d, const char *what)
{
    check(d, what, cudaGetLastError());
}

bool mn_cuda__allow_shared(mn_cuda *d, const void *kernel, size_t bytes, const char *what)
{
    return check(
        d, what,
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes));
}

/* ---- opening --------------------------------------------------------------------------------------------------------------- */

static void close_device(mn_cuda *d)
{
    if (!d) return;
    cudaSetDevice(d->index);
    if (d->failed) mn_cuda__leave(d); /* else what waits for others is waited for */
    cudaStreamSynchronize(d->stream);
    mn_cuda__leave(d);
    mn_cuda__products_close(d);
    cudaStreamDestroy(d->stream);
    delete d;
}

static mn_cuda *open_device(int index, char *ret_msg, size_t cap)
{
    int n = 0;
    cudaError_t rc = cudaGetDeviceCount(&n);
    if (rc == cudaSuccess && n == 0) rc = cudaErrorNoDevice;
    if (rc != cudaSuccess) {
        snprintf(ret_msg, cap, "%s", cudaGetErrorString(rc));
        return NULL;
    }
    if (index < 0 || index >= n) {
        snprintf(ret_msg, cap, "there is no device %d; 0 to %d are there", index, n - 1);
        return NULL;
    }
    cudaStream_t stream;
    rc = cudaSetDevice(index);
    if (rc == cudaSuccess) rc = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (rc != cudaSuccess) {
        snprintf(ret_msg, cap, "device %d: %s", index, cudaGetErrorString(rc));
        return NULL;
    }
    mn_cuda *d = new (std::nothrow) mn_cuda();
    if (!d) {
        snprintf(ret_msg, cap, "no memory");
        cudaStreamDestroy(stream);
        return NULL;
    }
    d->index = index, d->stream = stream;
    const char *why = mn_cuda__products_open(d);
    if (why) {
        snprintf(ret_msg, cap, "device %d: %s", index, why);
        close_device(d);
        return NULL;
    }
    return d;
}

static void describe_device(mn_cuda *d, mn_cuda_info *ret)
{
    cudaDeviceProp p;
    size_t free_bytes = 0, all = 0;
    memset(ret, 0, sizeof *ret);
    if (!mn_cuda__ready(d) || !check(d, "device", cudaGetDeviceProperties(&p, d->index)) ||
        !check(d, "device", cudaMemGetInfo(&free_bytes, &all)))
        return;
    const unsigned v = (unsigned)mn_cuda__products_version();
    snprintf(ret->name, sizeof ret->name, "%.120s", p.name);
    /* 13.1.0 is 130100 */
    snprintf(ret->products, sizeof ret->products, "cublaslt %u.%u.%u", v / 10000, v / 100 % 100,
             v % 100);
    ret->major = p.major, ret->minor = p.minor, ret->processors = p.multiProcessorCount;
    ret->memory = all, ret->free = free_bytes;
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

static const char *sync_device(mn_cuda *d)
{
    if (mn_cuda__ready(d)) check(d, "stream", cudaStreamSynchronize(d->stream));
    return d->failed ? d->why : NULL;
}

static void *alloc_bytes(mn_cuda *d, size_t bytes)
{
    void *p = NULL;
    if (!mn_cuda__ready(d)) return NULL;
    const cudaError_t rc = cudaMalloc(&p, bytes ? bytes : 1);
    if (rc == cudaSuccess) return p;
    if (rc == cudaErrorMemoryAllocation) cudaGetLastError(); /* told by NULL, not kept */
    else check(d, "memory", rc);
    return NULL;
}

static void free_bytes(mn_cuda *d, void *p)
{
    if (!p) return;
    cudaSetDevice(d->index);
    cudaStreamSynchronize(d->stream);
    cudaFree(p);
}

static void upload(mn_cuda *d, void *to, const void *host, size_t bytes)
{
    if (mn_cuda__ready(d) && bytes &&
        check(d, "upload", cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, d->stream)))
        check(d, "upload", cudaStreamSynchronize(d->stream));
}

static void download(mn_cuda *d, void *host, const void *from, size_t bytes)
{
    if (mn_cuda__ready(d) && bytes &&
        check(d, "download",
              cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, d->stream)))
        check(d, "download", cudaStreamSynchronize(d->stream));
}

static void copy_bytes(mn_cuda *d, void *to, const void *from, size_t bytes)
{
    if (mn_cuda__ready(d) && bytes)
        check(d, "copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, d->stream));
}

static void zero_bytes(mn_cuda *d, void *p, size_t bytes)
{
    if (mn_cuda__ready(d) && bytes) check(d, "zero", cudaMemsetAsync(p, 0, bytes, d->stream));
}

/* ---- the table ------------------------------------------------------------------------------------------------------------- */

static const mn_cuda_api table = {
    MN_CUDA_VERSION,
    open_device,
    close_device,
    describe_device,
    sync_device,
    alloc_bytes,
    free_bytes,
    upload,
    download,
    copy_bytes,
    zero_bytes,
    mn_cuda__product,
    mn_cuda__round,
    mn_cuda__add,
    mn_cuda__embed,
    mn_cuda__embed_back,
    mn_cuda__rmsnorm,
    mn_cuda__rmsnorm_back,
    mn_cuda__rope,
    mn_cuda__attention,
    mn_cuda__attention_back,
    mn_cuda__swiglu,
    mn_cuda__swiglu_back,
    mn_cuda__cross_entropy,
    mn_cuda__sum_squares,
    mn_cuda__clip,
    mn_cuda__adamw,
    mn_cuda__muon,
    mn_cuda__weigh,
    mn_cuda__meeting,
    mn_cuda__join,
    mn_cuda__scatter,
    mn_cuda__share,
    mn_cuda__gather,
    mn_cuda__rows_product,
    mn_cuda__kv_store,
    mn_cuda__attend,
};

extern "C" __attribute__((visibility("default"))) const mn_cuda_api *mn_cuda_table(void)
{
    return &table;
}
