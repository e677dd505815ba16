/* The program's side of the door to a GPU; what is behind it is in cuda_api.h. */
#ifndef MN_TENSOR_CUDA_H
#define MN_TENSOR_CUDA_H

#include "base/err.h"
#include "tensor/cuda_api.h"

/* Opens the library, once; thread-safe. The table stays valid.
 * errors  MN_E_UNSUPPORTED: it is not there, cannot be loaded, or is of another version; the message says what to do */
mn_rc mn_cuda_load(const mn_cuda_api **ret, mn_err *e);
/* The library and its device `index`. errors  as above, and where there is no such device */
mn_rc mn_cuda_open(int index, const mn_cuda_api **ret_api, mn_cuda **ret, mn_err *e);
/* "cpu": 0, "cuda" (the first GPU): 1, "cuda:N": 1 + N, N up to 9. MN_E_USAGE: it is none of them. */
mn_rc mn_cuda_device(const char *name, int *ret, mn_err *e);
/* sync, as a result. MN_E_IO with the device's words. */
mn_rc mn_cuda_sync(const mn_cuda_api *api, mn_cuda *d, mn_err *e);

/* Sorts the n places of ids, all below V, by id. order: n values, begin: n + 1 at most, count: V of scratch; all of the host. Returns
 * how many ids there are. */
size_t mn_cuda_plan_make(const uint32_t *ids, size_t n, size_t V, uint32_t *order,
                         uint32_t *begin, uint32_t *count);

/* Tiles of n rows of one sequence, from `row` on, with `share` query heads for each key head; ret: mn_cuda_tiles(n, share). */
void mn_cuda_tiles_make(uint32_t row, uint32_t n, uint32_t share, uint32_t table,
                        mn_cuda_tile *ret);
static inline size_t mn_cuda_tiles(size_t n, size_t share)
{
    return (n * share + MN_CUDA_PAIRS - 1) / MN_CUDA_PAIRS;
}

/* Lays pieces out in one allocation of a device, each aligned as the device wants: once with base NULL, which only counts, then with memory. */
typedef struct mn_cuda_room {
    uint8_t *base;
    size_t n; /* bytes taken */
} mn_cuda_room;
static inline void *mn_cuda_take(mn_cuda_room *r, size_t bytes)
{
    void *p = r->base ? r->base + r->n : NULL;
    r->n += mn_cuda_whole(bytes);
    return p;
}
static inline float *mn_cuda_take_f(mn_cuda_room *r, size_t n)
{
    return mn_cuda_take(r, n * sizeof(float));
}

#endif
