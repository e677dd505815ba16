/* The engine's other way: weights, cache and passes on a GPU (tensor/cuda_api.h; docs/design/cuda.md). Private to this folder.
 *
 * What stays the CPU's: the tokenizer, which blocks of the cache belong to whom (kv.c, by number), sequences, the batcher, sampling, grammars. A pass
 * uploads what its rows are, in one piece, runs some 10 kernels a layer and brings the logits back.
 *
 * Numbers. As on the CPU, a row's logits are a function of its sequence's tokens up to it, bit by bit, on one GPU with one build of the library: every
 * kernel's sums have an order of their own that no other row, no cut of a prompt, no place in a batch changes, and none is a library's. They are
 * not the CPU's bits: activations stay float32 (the CPU rounds them to 8 bits or bfloat16 as the matrix wants), sums have another order. */
#ifndef MN_INFER_GPU_H
#define MN_INFER_GPU_H

#include "infer/infer_int.h"
#include "tensor/cuda.h"

enum {
    MN_ENGINE_GPU_ROWS = 256,      /* of a pass, at most */
    MN_ENGINE_GPU_LOGITS = 64,     /* rows of logits computed at once */
    MN_ENGINE_GPU_PARTS = 8 << 20, /* floats for chunks of attention that are computed apart */
    MN_ENGINE_GPU_FULL = 4,        /* so many warps for each multiprocessor keep it busy */
};

typedef struct mn_engine_gpu_layer {
    mn_cuda_matrix qkv[3], o, gu[2], down;
    const float *norm1, *norm2;
} mn_engine_gpu_layer;

/* What a pass's rows are, as it is uploaded: on the host and on the device the same places. */
typedef struct mn_engine_gpu_rows {
    uint32_t *ids, *pos, *slot, *out; /* [rows], out: those that go on in the last layer */
    mn_cuda_tile *tiles, *last_tiles;
    uint32_t *blocks;
} mn_engine_gpu_rows;

struct mn_engine_gpu {
    const mn_cuda_api *api;
    mn_cuda *d;
    mn_cuda_info info;
    pthread_mutex_t lock; /* one thread at a time uses a device */
    void *weights, *scratch;
    mn_cuda_cache cache;
    size_t cache_bytes;
    mn_engine_gpu_layer *layers;
    mn_cuda_matrix embed, head; /* one and the same when they are tied */
    const float *norm;
    float *turn; /* [context][D], filled up to n_turned */
    uint32_t n_turned;
    float *x, *normed, *scale, *qkv, *o, *gu, *f, *logits, *parts;
    mn_engine_gpu_rows host, on;
    size_t rows_bytes;
    float *states; /* [MN_ENGINE_GPU_ROWS][C] of the host */
};

/* Opens GPU `index` and brings the engine's model there, laid out by n_threads (0: all): g->gpu, g->way, g->bytes, g->s.R. g has its model, config, cache
 * and position table.
 * errors  mn_cuda_open's; MN_E_UNSUPPORTED (an int8 cache, heads of more than MN_CUDA_HEAD_MAX values), MN_E_NOMEM (also the device's: the message says
 *         what is needed and what is free), MN_E_IO */
mn_rc mn_engine__gpu_open(mn_engine *g, int index, int n_threads, mn_err *e);

/* gpu_pass.c: mn_way's */
mn_rc mn_engine__gpu_run(mn_engine *g, const mn_piece *p, size_t n, float *logits, mn_err *e);

#endif
