/* The door to a GPU: one device, memory on it, and a twin of every kernel that training and inference run (docs/design/cuda.md).
 *
 * The main program links nothing of CUDA. `make CUDA=1` builds libmynah-cuda.so from tensor/cuda/, and mn_cuda_load opens it when
 * somebody asks for a GPU: beside the program, in ../lib, or where $MYNAH_CUDA_LIB says. It gives one table of functions.
 *
 * How work runs. Every function of the table that takes a mn_cuda enqueues on that device's one stream and returns; what follows sees
 * its results, in order. The first failure sticks: later work does nothing, and `sync` says what it was. So a pass is a list of
 * calls, looked at once at its end. One thread at a time uses a device.
 *
 * Pointers named by kernels are of device memory; sizes are counts of values. Shapes are the caller's promise, as in tensor/ref.h,
 * whose letters these are (T rows, C width, H heads, KV key heads, D head size, F feed-forward, V vocabulary), and so are the
 * contracts: what is said here is the difference. Everything is row-major, contiguous, float32 unless it is an operand.
 *
 * Numbers. All sums are float32 in a fixed order (tiles, then trees of fixed shape) or float64 (norms); there is no atomic operation, so the
 * same input gives the same bits on the same kind of GPU with the same libraries. They are not the CPU's bits.
 *
 * This header is C17 and C++17. */
#ifndef MN_TENSOR_CUDA_API_H
#define MN_TENSOR_CUDA_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/ref.h"

#define MN_CUDA_VERSION  2   /* of this table: program and library must have the same */
#define MN_CUDA_D_MAX    128 /* largest head size of attention */
#define MN_CUDA_ID_BYTES 128
#define MN_CUDA_HEAD_MAX 256 /* ... of attention over a cache */
#define MN_CUDA_BLOCK    32u /* positions of a block of the cache: attend.h's MN_KV_BLOCK */
#define MN_CUDA_CHUNK    64u /* positions of a sequence whose softmax is made apart: two blocks */
#define MN_CUDA_PAIRS    4u /* (row, head) that attend together */
#define MN_CUDA_JOINED   3  /* matrices that are multiplied at once, at most */

typedef struct mn_cuda mn_cuda;

/* An operand of products: float32, its bfloat16 twin (rounded to nearest, ties to even), or both. Kernels that make one write
 * those that are not NULL. */
typedef struct mn_cuda_mat {
    float *f;
    uint16_t *h;
} mn_cuda_mat;

typedef struct mn_cuda_info {
    char name[128];        /* "NVIDIA H100 80GB HBM3" */
    char products[64];     /* "cublaslt 13.1.0" */
    int major, minor;      /* of the compute capability */
    int processors;        /* multiprocessors */
    uint64_t memory, free; /* bytes */
} mn_cuda_info;

/* c (+)= a b, `batch` times, matrices of a batch being strides apart. a is [M][K], with ta [K][M]; b is [K][N], with tb [N][K]; c is
 * [M][N]; rows are lda, ldb, ldc apart. In bfloat16 when both operands have it, summed in float32; else in float32 (never TF32). */
typedef struct mn_cuda_product {
    bool ta, tb, add;
    size_t M, N, K;
    mn_cuda_mat a, b;
    float *c;
    size_t lda, ldb, ldc;
    size_t batch, a_stride, b_stride, c_stride; /* batch 0 counts as 1 */
} mn_cuda_product;

/* Rows of a batch, on the device: n_rows sequences of T tokens. */
typedef struct mn_cuda_rows {
    const uint32_t *first;      /* [n_rows][T]: never falls within a sequence */
    size_t n_rows, T, H, KV, D; /* D at most MN_CUDA_D_MAX, even */
} mn_cuda_rows;

/* A step of Muon for `batch` matrices of one shape, `stride` values apart in p, half, m and g alike (mn_muon_step is the reference). */
typedef struct mn_cuda_muon {
    float *p, *m, *g; /* g is overwritten */
    uint16_t *half;   /* of p, or NULL */
    size_t rows, cols, batch, stride;
    float lr, momentum, decay;
    bool cautious, bf16;
    const float *scale; /* on the device: what g is multiplied by */
    void *work;         /* mn_cuda_muon_work bytes */
} mn_cuda_muon;

/* AdamW for `batch` stretches of n values, stride apart. o->scale is not used: the device's `scale` is. */
typedef struct mn_cuda_adamw {
    float *p, *m, *v;
    const float *g;
    uint16_t *half; /* of p, or NULL */
    size_t n, batch, stride;
    mn_adamw how;
    const float *scale;
} mn_cuda_adamw;

/* Where each id of a batch stands, made by mn_cuda_plan: the places of one id lie together, in order, so that a sum over them needs no
 * atomic operation and has the reference's order. */
typedef struct mn_cuda_plan {
    const uint32_t *order; /* [n]: places by id */
    const uint32_t *begin; /* [n_ids + 1]: where each id's places begin in it */
    size_t n_ids;
} mn_cuda_plan;

/* ---- inference --------------------------------------------------------------------------------------------------- */

/* How a weight matrix lies on the device. Row after row its codes, rows MN_CUDA_LINE bytes apart or a multiple of it, filled up with zeros; then, from
 * mn_cuda_scales_at on, row after row its scales. A value is d * code, or d * code + m. Four bits: of eight values, byte i
 * of four has value i in its low half, value 4 + i in its high one. Eight bits: signed bytes. */
typedef enum mn_cuda_form {
    MN_CUDA_F32,
    MN_CUDA_F16,
    MN_CUDA_BF16,
    MN_CUDA_Q8,  /* eight bits; d (f16) of 32 */
    MN_CUDA_Q4,  /* four bits, less 8; d (f16) of 32 */
    MN_CUDA_Q4M, /* four bits; d, m (f16) of 32 */
    MN_CUDA_K4,  /* four bits; d, m (f32) of 32 */
    MN_CUDA_K8,  /* eight bits; d, m (f32) of 32 */
    MN_CUDA_K8H, /* eight bits; d (f32) of 16 */
} mn_cuda_form;
enum { MN_CUDA_FORMS = MN_CUDA_K8H + 1, MN_CUDA_LINE = 16 };

/* [N][K]; K a multiple of 32 where there are scales. cuda_matrix.h makes them. */
typedef struct mn_cuda_matrix {
    mn_cuda_form form;
    uint32_t N, K;
    const void *at; /* on the device, on 256 bytes */
} mn_cuda_matrix;

/* The cache of keys and values: blocks of MN_CUDA_BLOCK positions in all layers, float16. In a block, for each layer and key head: keys
 * [D][MN_CUDA_BLOCK], values [MN_CUDA_BLOCK][D]. */
typedef struct mn_cuda_cache {
    uint16_t *base;
    size_t layers, KV, D; /* D at most MN_CUDA_HEAD_MAX, even */
} mn_cuda_cache;

/* Up to MN_CUDA_PAIRS of the (row, head) of one sequence that share a key head, rows ascending: pair i of the H / KV heads of `row` and the rows after
 * it. */
typedef struct mn_cuda_tile {
    uint32_t row, pair, n_pairs;
    uint32_t table; /* where in `blocks` the sequence's list begins */
} mn_cuda_tile;

/* Attention of rows over the cache. Arrays are on the device. */
typedef struct mn_cuda_attend {
    const mn_cuda_tile *tiles;
    const uint32_t *pos, *blocks; /* pos: of each row, which sees positions 0 .. pos */
    size_t n_tiles, layer, H;
    /* The chunks that the longest row sees. With `parts` each is computed apart, by as many of the device's processors, and summed
     * up afterwards; without, one after the other. The bits are the same. */
    size_t n_chunks;
    float *parts; /* mn_cuda_attend_parts values, or NULL */
} mn_cuda_attend;

typedef struct mn_cuda_api {
    uint32_t version;

    /* ---- the device ------------------------------------------------------------------------------------------------ */

    /* NULL: no device, no driver, a library that is absent; msg says which. index: 0, 1, … */
    mn_cuda *(*open)(int index, char *ret_msg, size_t cap);
    void (*close)(mn_cuda *d); /* NULL is fine; frees none of what alloc gave */
    void (*describe)(mn_cuda *d, mn_cuda_info *ret);
    /* Waits. NULL: all went well; else what failed first, valid as long as the device. */
    const char *(*sync)(mn_cuda *d);

    /* NULL when there is no room (the device goes on). On 256 bytes, uninitialised. */
    void *(*alloc)(mn_cuda *d, size_t bytes);
    void (*free)(mn_cuda *d, void *p); /* waits; NULL is fine */
    void (*upload)(mn_cuda *d, void *to, const void *host,
                   size_t bytes); /* host may change at once */
    void (*download)(mn_cuda *d, void *host, const void *from, size_t bytes); /* waits */
    void (*copy)(mn_cuda *d, void *to, const void *from, size_t bytes);
    void (*zero)(mn_cuda *d, void *p, size_t bytes);

    /* ---- kernels; `ref` is tensor/ref.h's --------------------------------------------------------------------------- */

    void (*product)(mn_cuda *d, const mn_cuda_product *p); /* ref matmul_* */
    void (*round)(mn_cuda *d, uint16_t *h, const float *f, size_t n);
    void (*add)(mn_cuda *d, float *y, const float *x, size_t n); /* y += x */

    void (*embed)(mn_cuda *d, float *x, const float *E, const uint32_t *ids, size_t T,
                  size_t C);
    /* In the order of places: ref's bits. */
    void (*embed_back)(mn_cuda *d, float *dE, const float *dx, const uint32_t *ids,
                       const mn_cuda_plan *plan, size_t C);
    void (*rmsnorm)(mn_cuda *d, mn_cuda_mat y, float *r, const float *x, const float *g,
                    size_t T, size_t C, float eps);
    /* dx += and dg +=. work: mn_cuda_norm_work(T, C) floats */
    void (*rmsnorm_back)(mn_cuda *d, float *dx, float *dg, const float *dy, const float *x,
                         const float *g, const float *r, size_t T, size_t C, float *work);
    /* turn: mn_rope_table's (kernels.h), on the device */
    void (*rope)(mn_cuda *d, float *x, size_t stride, const float *turn, const uint32_t *pos,
                 size_t T, size_t n_heads, size_t D, bool inverse);
    /* Fused: scores live in tiles of 64 x 64 and are never stored. lse [n_rows][H][T] */
    void (*attention)(mn_cuda *d, mn_cuda_mat o, float *lse, const float *qkv,
                      const mn_cuda_rows *r);
    /* OVERWRITES dqkv. delta: [n_rows][H][T] of scratch */
    void (*attention_back)(mn_cuda *d, float *dqkv, const float *dO, const float *o,
                           const float *lse, const float *qkv, const mn_cuda_rows *r,
                           float *delta);
    void (*swiglu)(mn_cuda *d, mn_cuda_mat h, const float *gu, size_t T, size_t F);
    /* also gives h again */
    void (*swiglu_back)(mn_cuda *d, mn_cuda_mat dgu, mn_cuda_mat h, const float *dh,
                        const float *gu, size_t T, size_t F);
    /* One chunk of rows. dlogits: none (both NULL), logits itself as f, or another place. weight is not read without dlogits. */
    void (*cross_entropy)(mn_cuda *d, mn_cuda_mat dlogits, float *losses, const float *logits,
                          const uint32_t *target, const float *weight, size_t T, size_t V);

    /* ret[i] = sum of squares of n values at x + i stride, in float64. work: batch * mn_cuda_square_parts(n) doubles */
    void (*sum_squares)(mn_cuda *d, double *ret, const float *x, size_t n, size_t batch,
                        size_t stride, double *work);
    /* *scale = clip / norm where the norm, the root of *squares, is larger than clip > 0; else 1 */
    void (*clip)(mn_cuda *d, float *scale, const double *squares, double clip);
    void (*adamw)(mn_cuda *d, const mn_cuda_adamw *a);
    void (*muon)(mn_cuda *d, const mn_cuda_muon *m);
    /* *ret = sum of weight * loss, in float64, in a fixed order */
    void (*weigh)(mn_cuda *d, double *ret, const float *losses, const float *weight, size_t n);

    /* ---- several devices, each of a process of its own, by NCCL --------------------------------------- */

    /* A name for a meeting: one process makes it and tells the others. NULL: done; else what is wrong. */
    const char *(*meeting)(unsigned char ret_id[MN_CUDA_ID_BYTES]);
    /* All `size` processes call it, and wait for each other. NULL: done; else what is wrong. */
    const char *(*join)(mn_cuda *d, const unsigned char id[MN_CUDA_ID_BYTES], int rank,
                        int size);
    /* After join, by all together. Rank k owns values [at[k], at[k + 1]); at: [size + 1], of the host.
     * The first n_from ranks give each owner its part of their `from`: ret + i * own is what rank i gave. */
    void (*scatter)(mn_cuda *d, float *ret, const float *from, const uint64_t *at, int n_from);
    /* Everybody's own part to everybody. */
    void (*share)(mn_cuda *d, float *io, const uint64_t *at);

    /* ---- inference. A row's result is a function of that row, bit by bit, whatever T is and whatever the other rows are ------------- */

    /* Rows of a matrix as float32, ids below its N: an embedding. packed.h's mn_packed_row */
    void (*gather)(mn_cuda *d, float *x, const mn_cuda_matrix *m, const uint32_t *ids,
                   size_t T);
    /* y[t] (+)= x[t] W^T for n matrices of one form and K, whose results stand side by side in a row of y; rows of y are `stride`
     * apart. x: [T][K], on 256 bytes. Sums are float32, 32 of them (one for each lane), then in pairs. packed.h's mn_packed_product
     * with float32 x */
    void (*rows_product)(mn_cuda *d, float *y, size_t stride, const float *x, size_t T,
                         const mn_cuda_matrix *m, size_t n, bool add);
    /* Keys (turned) and values of T rows [H queries, KV keys, KV values] into their blocks: row t is position pos[t] % MN_CUDA_BLOCK
     * of block[t]. attend.h's mn_kv_store */
    void (*kv_store)(mn_cuda *d, const mn_cuda_cache *c, size_t layer, const float *qkv,
                     const uint32_t *pos, const uint32_t *block, size_t T, size_t H);
    /* o: [rows][H][D]. Softmax of each chunk of MN_CUDA_CHUNK positions apart, chunks put together in the order of positions. What lies
     * beyond the positions that a row sees has no effect on it. attend.h's mn_attend */
    void (*attend)(mn_cuda *d, float *o, const float *qkv, const mn_cuda_cache *c,
                   const mn_cuda_attend *a);
} mn_cuda_api;

/* The one symbol that the library exports. */
#define MN_CUDA_SYMBOL "mn_cuda_table"
typedef const mn_cuda_api *mn_cuda_table_fn(void);

/* Sizes of scratch. */
#define MN_CUDA_NORM_ROWS   64    /* rows whose gains' gradients are summed together */
#define MN_CUDA_SQUARE_PART 65536 /* values whose squares are */
static inline size_t mn_cuda_norm_work(size_t T, size_t C)
{
    return (T + MN_CUDA_NORM_ROWS - 1) / MN_CUDA_NORM_ROWS * C;
}
static inline size_t mn_cuda_square_parts(size_t n)
{
    return (n + MN_CUDA_SQUARE_PART - 1) / MN_CUDA_SQUARE_PART;
}
static inline size_t mn_cuda_whole(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}
/* Bytes of a row's codes, of its scales, where scales begin, of the whole. */
static inline size_t mn_cuda_code_pitch(mn_cuda_form form, size_t K)
{
    const size_t bits = form == MN_CUDA_F32                                               ? 32
                        : form == MN_CUDA_F16 || form == MN_CUDA_BF16                     ? 16
                        : form == MN_CUDA_Q4 || form == MN_CUDA_Q4M || form == MN_CUDA_K4 ? 4
                                                                                          : 8;
    return (K * bits / 8 + MN_CUDA_LINE - 1) / MN_CUDA_LINE * MN_CUDA_LINE;
}
static inline size_t mn_cuda_scale_pitch(mn_cuda_form form, size_t K)
{
    return K / 32 *
           (form <= MN_CUDA_BF16                       ? 0
            : form == MN_CUDA_Q8 || form == MN_CUDA_Q4 ? 2
            : form == MN_CUDA_Q4M                      ? 4
                                                       : 8);
}
static inline size_t mn_cuda_scales_at(mn_cuda_form form, size_t N, size_t K)
{
    return mn_cuda_whole(N * mn_cuda_code_pitch(form, K));
}
static inline size_t mn_cuda_matrix_bytes(mn_cuda_form form, size_t N, size_t K)
{
    return mn_cuda_scales_at(form, N, K) + mn_cuda_whole(N * mn_cuda_scale_pitch(form, K));
}
/* Values of a block of the cache in one layer. */
static inline size_t mn_cuda_cache_layer(const mn_cuda_cache *c)
{
    return c->KV * c->D * 2 * MN_CUDA_BLOCK;
}
/* For each tile, key head, chunk and pair: the largest score, the sum of weights, D weighted sums. */
static inline size_t mn_cuda_attend_parts(const mn_cuda_cache *c, size_t n_tiles,
                                          size_t n_chunks)
{
    return n_tiles * c->KV * n_chunks * MN_CUDA_PAIRS * (c->D + 2);
}
/* In order: norms and their parts, the other matrix, its operand, gram, its square, and their operand. */
static inline size_t mn_cuda_muon_work(size_t rows, size_t cols, size_t batch)
{
    const size_t n = rows * cols, side = rows < cols ? rows : cols, square = side * side;
    return mn_cuda_whole(batch * (1 + mn_cuda_square_parts(n)) * sizeof(double)) +
           mn_cuda_whole(batch * n * sizeof(float)) +
           mn_cuda_whole(batch * n * sizeof(uint16_t)) +
           2 * mn_cuda_whole(batch * square * sizeof(float)) +
           mn_cuda_whole(batch * square * sizeof(uint16_t));
}

#endif
