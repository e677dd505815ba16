/* Attention over a cache of keys and values in blocks: mn_kv_store and mn_attend.
 *
 * A sequence's positions are cut into chunks of MN_CUDA_CHUNK. A warp takes up to four (row, head) that share a key head, so that what it
 * reads of the cache serves four; in a block of the cache a lane has a position for the scores (keys lie so that neighbours read
 * neighbours), then 1 / 32 of the head for the weighted sums. A chunk begins with nothing and ends with its largest score, the sum of its weights and D
 * weighted sums; chunks are put together one after the other, in the order of positions. Whoever does that, the warp that walks through all
 * of them (prompts: there are rows enough for every processor) or another kernel when each chunk had a warp of its own (decoding), calls
 * the same function with the same values, and every multiplication that is followed by an addition is a fmaf that stands here: the same bits.
 * A pair's own limit decides what enters its sums, so it does not matter who stands beside it.
 * sources  Kwon et al. 2023, arXiv:2309.06180; Milakov & Gimelshein 2018, arXiv:1805.02867 */
#include "tensor/cuda/device.cuh"

#define PAIRS ((int)MN_CUDA_PAIRS)
#define LANES 32 /* a block is one warp: its barriers are a warp's */

static_assert(MN_CUDA_BLOCK == LANES, "a lane for each position of a block");

/* ---- storing -------------------------------------------------------------------------------------------------------------- */

__global__ static void kv_store(mn_cuda_cache c, size_t layer, const float *qkv,
                                const uint32_t *pos, const uint32_t *block, size_t n, size_t H)
{
    const size_t KVD = c.KV * c.D, W = (H + 2 * c.KV) * c.D;
    const size_t head = 2 * MN_CUDA_BLOCK * c.D, per_layer = c.KV * head;
    for (size_t i = MN_FIRST; i < n * KVD; i += MN_STEP) {
        const size_t t = i / KVD, kv = i % KVD / c.D, d = i % c.D;
        const size_t at = pos[t] % MN_CUDA_BLOCK;
        uint16_t *to = c.base + (block[t] * c.layers + layer) * per_layer + kv * head;
        const float *k = qkv + t * W + (H + kv) * c.D + d;
        to[d * MN_CUDA_BLOCK + at] = mn_cuda__to_half(k[0]);
        to[(MN_CUDA_BLOCK + at) * c.D + d] = mn_cuda__to_half(k[KVD]);
    }
}

void mn_cuda__kv_store(mn_cuda *d, const mn_cuda_cache *c, size_t layer, const float *qkv,
                       const uint32_t *pos, const uint32_t *block, size_t T, size_t H)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(kv_store, mn_cuda__blocks(T * c->KV * c->D), MN_BLOCK, 0, d->stream, *c, layer,
              qkv, pos, block, T, H);
    mn_cuda__launched(d, "kv_store");
}

/* ---- a chunk ---------------------------------------------------------------------------------------------------------------- */

/* Of one (row, head), a lane's part: its values of the head are lane, lane + 32, … */
template <int DL> struct state {
    float top, sum, o[DL];
};

/* What is done at once. */
struct work {
    const mn_cuda_tile *tile;
    const uint32_t *blocks;
    uint32_t limit[PAIRS]; /* positions that a pair sees; 0: there is no such pair */
    uint32_t least, most;  /* of the pairs that are there */
    float *q, *w;          /* shared: [D][PAIRS] queries, [LANES][PAIRS] weights */
};

__device__ static inline float4 four(const float *p)
{
    return *reinterpret_cast<const float4 *>(p);
}

/* Scores of a lane's position. */
__device__ static inline void score(float s[PAIRS], const work &x, const uint16_t *keys,
                                    size_t D)
{
    for (int i = 0; i < PAIRS; i++) s[i] = 0;
#pragma unroll 8
    for (size_t d = 0; d < D; d++) {
        const float k = mn_cuda__from_half(keys[d * MN_CUDA_BLOCK + threadIdx.x]);
        const float4 q = four(x.q + d * PAIRS);
        s[0] = fmaf(q.x, k, s[0]), s[1] = fmaf(q.y, k, s[1]);
        s[2] = fmaf(q.z, k, s[2]), s[3] = fmaf(q.w, k, s[3]);
    }
}

/* Scores become weights, for whom they are meant; the running maximum and sums move. */
template <int DL>
__device__ static inline void weigh(state<DL> st[PAIRS], const float s[PAIRS], const work &x,
                                    uint32_t position)
{
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        const float mine = position < x.limit[i] ? s[i] : -HUGE_VALF;
        const float high = fmaxf(st[i].top, mn_cuda__warp_max(mine));
        const bool none = high == -HUGE_VALF; /* nothing seen so far */
        const float shrink = none ? 1.0f : exp2f(st[i].top - high);
        const float weight = none || position >= x.limit[i] ? 0.0f : exp2f(mine - high);
        st[i].sum = fmaf(st[i].sum, shrink, weight);
        st[i].top = high;
        for (int j = 0; j < DL; j++) st[i].o[j] *= shrink;
        x.w[threadIdx.x * PAIRS + i] = weight;
    }
}

/* Position p's value, times its weights. all: every pair sees it. */
template <int DL>
__device__ static inline void add_value(state<DL> st[PAIRS], const work &x,
                                        const uint16_t *values, uint32_t p, uint32_t position,
                                        size_t D, bool all)
{
    const float4 w4 = four(x.w + p * PAIRS);
    const float w[PAIRS] = {w4.x, w4.y, w4.z, w4.w};
#pragma unroll
    for (int j = 0; j < DL; j++) {
        const size_t d = threadIdx.x + LANES * j;
        const float v = d < D ? mn_cuda__from_half(values[p * D + d]) : 0.0f;
        for (int i = 0; i < PAIRS; i++)
            if (all || position < x.limit[i]) st[i].o[j] = fmaf(w[i], v, st[i].o[j]);
    }
}

template <int DL>
__device__ static inline void take_block(state<DL> st[PAIRS], const work &x,
                                         const uint16_t *keys, uint32_t first, size_t D)
{
    const uint16_t *values = keys + MN_CUDA_BLOCK * D;
    const uint32_t all = x.least > first ? x.least - first : 0,
                   n = x.most - first < MN_CUDA_BLOCK ? x.most - first : MN_CUDA_BLOCK;
    float s[PAIRS];
    score(s, x, keys, D);
    weigh<DL>(st, s, x, first + threadIdx.x);
    __syncthreads();
    const uint32_t some = all < n ? all : n;
#pragma unroll 4
    for (uint32_t p = 0; p < some; p++) add_value<DL>(st, x, values, p, first + p, D, true);
    for (uint32_t p = some; p < n; p++) add_value<DL>(st, x, values, p, first + p, D, false);
    __syncthreads();
}

/* A whole chunk, from nothing; sums are then every lane's. */
template <int DL>
__device__ static inline void take_chunk(state<DL> st[PAIRS], const work &x, uint32_t chunk,
                                         const mn_cuda_cache &c, size_t layer, size_t kv)
{
    const size_t head = 2 * MN_CUDA_BLOCK * c.D;
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        st[i].top = -HUGE_VALF, st[i].sum = 0;
        for (int j = 0; j < DL; j++) st[i].o[j] = 0;
    }
    for (uint32_t b = 0; b < MN_CUDA_CHUNK / MN_CUDA_BLOCK; b++) {
        const uint32_t first = chunk * MN_CUDA_CHUNK + b * MN_CUDA_BLOCK;
        if (first >= x.most) break;
        const size_t block = x.blocks[first / MN_CUDA_BLOCK];
        take_block<DL>(st, x, c.base + ((block * c.layers + layer) * c.KV + kv) * head, first,
                       c.D);
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++) st[i].sum = mn_cuda__warp_sum(st[i].sum);
}

/* Puts the next chunk to what came before it. */
template <int DL>
__device__ static inline void put_together(state<DL> *io, const state<DL> &next, bool first)
{
    if (first) {
        *io = next;
        return;
    }
    const float high = fmaxf(io->top, next.top), before = exp2f(io->top - high),
                now = exp2f(next.top - high);
    io->top = high;
    io->sum = fmaf(io->sum, before, next.sum * now);
    for (int j = 0; j < DL; j++) io->o[j] = fmaf(io->o[j], before, next.o[j] * now);
}

template <int DL>
__device__ static inline void put_out(float *o, const state<DL> &st, size_t D)
{
    for (int j = 0; j < DL; j++)
        if (threadIdx.x + LANES * j < D)
            o[threadIdx.x + LANES * j] = st.o[j] / st.sum;
}

/* ---- kernels ---------------------------------------------------------------------------------------------------------------- */

/* Where the part of a pair lies. */
__device__ static inline size_t part_at(size_t tile, size_t kv, size_t KV, size_t chunk,
                                        size_t n_chunks, int pair, size_t D)
{
    return (((tile * KV + kv) * n_chunks + chunk) * PAIRS + pair) * (D + 2);
}

/* The head's index among all, and the row of pair i. */
__device__ static inline size_t row_of(const mn_cuda_tile &t, int i, size_t share)
{
    return t.row + (t.pair + i) / share;
}

__device__ static inline size_t head_of(const mn_cuda_tile &t, int i, size_t share, size_t kv)
{
    return kv * share + (t.pair + i) % share;
}

__device__ static inline work begin(float *shared, const mn_cuda_tile *tile,
                                    const mn_cuda_attend &a, const mn_cuda_cache &c,
                                    const float *q, size_t kv)
{
    const size_t share = a.H / c.KV, W = (a.H + 2 * c.KV) * c.D;
    const float scale = 1.44269504088896341f / sqrtf((float)c.D);
    work x;
    x.tile = tile, x.blocks = a.blocks + tile->table;
    x.q = shared, x.w = shared + c.D * PAIRS;
    x.least = UINT32_MAX, x.most = 0;
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        const bool there = i < (int)tile->n_pairs;
        const size_t row = row_of(*tile, there ? i : 0, share),
                     head = head_of(*tile, there ? i : 0, share, kv);
        x.limit[i] = there ? a.pos[row] + 1 : 0;
        if (there && x.limit[i] < x.least) x.least = x.limit[i];
        if (there && x.limit[i] > x.most) x.most = x.limit[i];
        for (size_t d = threadIdx.x; d < c.D; d += LANES)
            x.q[d * PAIRS + i] = there ? q[row * W + head * c.D + d] * scale : 0.0f;
    }
    __syncthreads();
    return x;
}

/* A warp: a tile, for one key head, all chunks one after the other. */
template <int DL>
__global__ static void __launch_bounds__(LANES)
    attend_whole(float *o, const float *qkv, mn_cuda_cache c, mn_cuda_attend a)
{
    MN_SHARED(float, shared);
    const size_t kv = blockIdx.y, share = a.H / c.KV;
    const work x = begin(shared, &a.tiles[blockIdx.x], a, c, qkv, kv);
    state<DL> st[PAIRS], next[PAIRS];
    for (uint32_t chunk = 0; chunk * MN_CUDA_CHUNK < x.most; chunk++) {
        take_chunk<DL>(next, x, chunk, c, a.layer, kv);
#pragma unroll
        for (int i = 0; i < PAIRS; i++)
            if (chunk * MN_CUDA_CHUNK < x.limit[i])
                put_together<DL>(&st[i], next[i], chunk == 0);
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
        if (i < (int)x.tile->n_pairs)
            put_out<DL>(o + (row_of(*x.tile, i, share) * a.H + head_of(*x.tile, i, share, kv)) *
                                c.D,
                        st[i], c.D);
}

/* A warp: a tile, for one key head, one chunk. */
template <int DL>
__global__ static void __launch_bounds__(LANES)
    attend_chunk(const float *qkv, mn_cuda_cache c, mn_cuda_attend a)
{
    MN_SHARED(float, shared);
    const size_t kv = blockIdx.y;
    const uint32_t chunk = blockIdx.z;
    const work x = begin(shared, &a.tiles[blockIdx.x], a, c, qkv, kv);
    state<DL> st[PAIRS];
    if (chunk * MN_CUDA_CHUNK >= x.most) return;
    take_chunk<DL>(st, x, chunk, c, a.layer, kv);
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        float *part = a.parts + part_at(blockIdx.x, kv, c.KV, chunk, a.n_chunks, i, c.D);
        if (chunk * MN_CUDA_CHUNK >= x.limit[i]) continue;
        if (threadIdx.x == 0) part[0] = st[i].top, part[1] = st[i].sum;
        for (int j = 0; j < DL; j++)
            if (threadIdx.x + LANES * j < c.D)
                part[2 + threadIdx.x + LANES * j] = st[i].o[j];
    }
}

/* A warp: one pair of a tile, for one key head: what its chunks gave. */
template <int DL>
__global__ static void __launch_bounds__(LANES)
    attend_sum(float *o, mn_cuda_cache c, mn_cuda_attend a)
{
    const mn_cuda_tile tile = a.tiles[blockIdx.x];
    const size_t kv = blockIdx.y, share = a.H / c.KV;
    const int i = (int)blockIdx.z;
    if (i >= (int)tile.n_pairs) return;
    const size_t row = row_of(tile, i, share);
    state<DL> st, next;
    for (uint32_t chunk = 0; chunk * MN_CUDA_CHUNK <= a.pos[row]; chunk++) {
        const float *part = a.parts + part_at(blockIdx.x, kv, c.KV, chunk, a.n_chunks, i, c.D);
        next.top = part[0], next.sum = part[1];
        for (int j = 0; j < DL; j++) {
            const size_t d = threadIdx.x + LANES * j;
            next.o[j] = d < c.D ? part[2 + d] : 0.0f;
        }
        put_together<DL>(&st, next, chunk == 0);
    }
    put_out<DL>(o + (row * a.H + head_of(tile, i, share, kv)) * c.D, st, c.D);
}

template <int DL>
static void run_attend(mn_cuda *d, float *o, const float *qkv, const mn_cuda_cache *c,
                       const mn_cuda_attend *a)
{
    const size_t shared = (c->D + LANES) * PAIRS * sizeof(float);
    const dim3 whole((unsigned)a->n_tiles, (unsigned)c->KV);
    const dim3 chunks((unsigned)a->n_tiles, (unsigned)c->KV, (unsigned)a->n_chunks);
    const dim3 pairs((unsigned)a->n_tiles, (unsigned)c->KV, MN_CUDA_PAIRS);
    if (a->parts) {
        MN_LAUNCH(attend_chunk<DL>, chunks, LANES, shared, d->stream, qkv, *c, *a);
        MN_LAUNCH(attend_sum<DL>, pairs, LANES, 0, d->stream, o, *c, *a);
    } else {
        MN_LAUNCH(attend_whole<DL>, whole, LANES, shared, d->stream, o, qkv, *c, *a);
    }
    mn_cuda__launched(d, "attend");
}

void mn_cuda__attend(mn_cuda *d, float *o, const float *qkv, const mn_cuda_cache *c,
                     const mn_cuda_attend *a)
{
    if (!mn_cuda__ready(d) || !a->n_tiles) return;
    if (c->D > MN_CUDA_HEAD_MAX)
        mn_cuda__fail(d, "attend", "heads of more than 256 values");
    else if (c->KV > 65535 || (a->parts && a->n_chunks > 65535))
        mn_cuda__fail(d, "attend", "too many heads or positions");
    else if (c->D <= 32) run_attend<1>(d, o, qkv, c, a);
    else if (c->D <= 64) run_attend<2>(d, o, qkv, c, a);
    else if (c->D <= 128) run_attend<4>(d, o, qkv, c, a);
    else run_attend<8>(d, o, qkv, c, a);
}
