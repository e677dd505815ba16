/* Several devices, one a process, by NCCL, which is loaded when it is needed ($MYNAH_NCCL_LIB names another than libnccl.so.2). Sends and
 * receives alone are used: what is summed is summed by us, in an order of ours. Its functions are declared here with their documented
 * types (nccl.h, NCCL 2.x), so that nothing is built against it. */
#include "tensor/cuda/device.cuh"

#include <dlfcn.h>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOATS 7 /* ncclFloat32 */

struct unique_id {
    char bytes[MN_CUDA_ID_BYTES];
};
typedef struct ncclComm *comm;

static struct {
    std::once_flag once;
    bool there;
    char why[256];
    int (*get_id)(unique_id *);
    int (*init)(comm *, int, unique_id, int);
    int (*destroy)(comm);
    int (*abort)(comm);
    int (*send)(const void *, size_t, int, int, comm, cudaStream_t);
    int (*recv)(void *, size_t, int, int, comm, cudaStream_t);
    int (*begin)(void);
    int (*end)(void);
    const char *(*words)(int);
} lib;

static bool find(void *so, const char *name, void *ret)
{
    void *p = dlsym(so, name); /* POSIX lets it be read as a function's */
    memcpy(ret, &p, sizeof p);
    return p != NULL;
}

static void load(void)
{
    const char *named = getenv("MYNAH_NCCL_LIB");
    void *so = dlopen(named && named[0] ? named : "libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        snprintf(lib.why, sizeof lib.why, "%s", dlerror());
        return;
    }
    lib.there =
        find(so, "ncclGetUniqueId", &lib.get_id) && find(so, "ncclCommInitRank", &lib.init) &&
        find(so, "ncclCommDestroy", &lib.destroy) && find(so, "ncclCommAbort", &lib.abort) &&
        find(so, "ncclSend", &lib.send) && find(so, "ncclRecv", &lib.recv) &&
        find(so, "ncclGroupStart", &lib.begin) && find(so, "ncclGroupEnd", &lib.end) &&
        find(so, "ncclGetErrorString", &lib.words);
    if (!lib.there)
        snprintf(lib.why, sizeof lib.why, "NCCL is too old: 2.7 has what is needed");
}

static const char *absent(void)
{
    std::call_once(lib.once, load);
    return lib.there ? NULL : lib.why;
}

static bool check(mn_cuda *d, int rc)
{
    if (rc) mn_cuda__fail(d, "nccl", lib.words(rc));
    return rc == 0;
}

const char *mn_cuda__meeting(unsigned char ret_id[MN_CUDA_ID_BYTES])
{
    unique_id id;
    const char *why = absent();
    if (why) return why;
    const int rc = lib.get_id(&id);
    if (rc) return lib.words(rc);
    memcpy(ret_id, id.bytes, sizeof id.bytes);
    return NULL;
}

const char *mn_cuda__join(mn_cuda *d, const unsigned char id[MN_CUDA_ID_BYTES], int rank,
                          int size)
{
    unique_id bytes;
    const char *why = absent();
    if (why) return why;
    if (!mn_cuda__ready(d)) return d->why;
    memcpy(bytes.bytes, id, sizeof bytes.bytes);
    const int rc = lib.init(&d->comm, size, bytes, rank);
    if (rc) {
        d->comm = NULL;
        return lib.words(rc);
    }
    d->rank = rank, d->size = size;
    return NULL;
}

void mn_cuda__leave(mn_cuda *d)
{
    if (d->comm && d->failed) lib.abort(d->comm); /* others may not come any more */
    else if (d->comm) lib.destroy(d->comm);
    d->comm = NULL;
}

void mn_cuda__scatter(mn_cuda *d, float *ret, const float *from, const uint64_t *at, int n_from)
{
    if (!mn_cuda__ready(d)) return;
    const size_t own = (size_t)(at[d->rank + 1] - at[d->rank]);
    bool well = check(d, lib.begin());
    for (int k = 0; k < d->size && well && d->rank < n_from; k++)
        if (k != d->rank && at[k + 1] > at[k])
            well = check(d, lib.send(from + at[k], (size_t)(at[k + 1] - at[k]), FLOATS, k,
                                     d->comm, d->stream));
    for (int k = 0; k < n_from && well && own; k++)
        if (k != d->rank)
            well = check(d, lib.recv(ret + k * own, own, FLOATS, k, d->comm, d->stream));
    if (!well || !check(d, lib.end()) || d->rank >= n_from || !own) return;
    if (cudaMemcpyAsync(ret + d->rank * own, from + at[d->rank], own * sizeof(float),
                        cudaMemcpyDeviceToDevice, d->stream) != cudaSuccess)
        mn_cuda__fail(d, "nccl", "a copy on the device failed");
}

void mn_cuda__share(mn_cuda *d, float *io, const uint64_t *at)
{
    if (!mn_cuda__ready(d)) return;
    const size_t own = (size_t)(at[d->rank + 1] - at[d->rank]);
    bool well = check(d, lib.begin());
    for (int k = 0; k < d->size && well; k++) {
        const size_t theirs = (size_t)(at[k + 1] - at[k]);
        if (k == d->rank) continue;
        if (own)
            well = check(d, lib.send(io + at[d->rank], own, FLOATS, k, d->comm, d->stream));
        if (theirs && well)
            well = check(d, lib.recv(io + at[k], theirs, FLOATS, k, d->comm, d->stream));
    }
    if (well) check(d, lib.end());
}
