/* Fused attention, causal, with documents and grouped heads: mn_ref_attention and mn_ref_attention_back.
 *
 * Scores live in tiles of 64 queries by 64 keys, in registers and shared memory; softmax is online, so nothing of size T x T is ever
 * stored. 256 threads stand in 16 x 16: thread (tx, ty) has rows ty + 16 i and columns tx + 16 j of every tile, so lanes of a
 * warp read neighbouring columns, and a row belongs to 16 lanes of one warp. Tiles lie in rows of DP + 1 values (DP: the head
 * size filled up with zeros), so a column of them has no bank conflicts.
 *
 * Tiles that documents or causality hide whole are skipped: first never falls within a sequence, so the keys that a tile of queries
 * sees begin at its first row's, and the queries that see a tile of keys end where first has passed it.
 *
 * Backward: one pass by tiles of keys makes dk and dv (all heads and rows that read them, in order), one by tiles of queries makes dq.
 * Scores are computed twice; in exchange every sum has one owner and one order, and there are no atomic operations.
 * sources  Dao et al. 2022, arXiv:2205.14135; Milakov & Gimelshein 2018, arXiv:1805.02867 */
#include "tensor/cuda/device.cuh"

#define TILE 64
#define SIDE 16 /* threads a side */
#define PER  (TILE / SIDE)
#define SROW (TILE + 1) /* values in a row of a tile of scores */

struct shape {
    const uint32_t *first; /* of the sequence */
    size_t T, H, KV, D, W; /* W: values in a row of qkv */
    float scale;
};

__device__ static inline shape shape_of(mn_cuda_rows r)
{
    shape s;
    s.first = r.first + blockIdx.z * r.T;
    s.T = r.T, s.H = r.H, s.KV = r.KV, s.D = r.D;
    s.W = (r.H + 2 * r.KV) * r.D;
    s.scale = 1.0f / sqrtf((float)r.D);
    return s;
}

/* Rows [from, from + TILE) of D values, rows `stride` apart, into a tile; zeros beyond T and D. */
template <int DP>
__device__ static inline void load_tile(float *tile, const float *src, size_t stride,
                                        size_t from, size_t T, size_t D)
{
    for (int i = (int)threadIdx.x; i < TILE * DP; i += MN_BLOCK) {
        const size_t row = from + i / DP, d = i % DP;
        tile[i / DP * (DP + 1) + d] = row < T && d < D ? src[row * stride + d] : 0.0f;
    }
}

/* s[i][j] = row ty + 16 i of a times row tx + 16 j of b */
template <int DP>
__device__ static inline void tile_products(float s[PER][PER], const float *a, const float *b,
                                            int tx, int ty)
{
    for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++) s[i][j] = 0;
#pragma unroll 8
    for (int d = 0; d < DP; d++) {
        float x[PER], y[PER];
        for (int i = 0; i < PER; i++) x[i] = a[(ty + SIDE * i) * (DP + 1) + d];
        for (int j = 0; j < PER; j++) y[j] = b[(tx + SIDE * j) * (DP + 1) + d];
        for (int i = 0; i < PER; i++)
            for (int j = 0; j < PER; j++) s[i][j] += x[i] * y[j];
    }
}

/* acc[i][c] += sum over n of scores[ty + 16 i][n] b[n][tx + 16 c] */
template <int DP>
__device__ static inline void tile_apply(float acc[PER][DP / SIDE], const float *scores,
                                         const float *b, int tx, int ty)
{
#pragma unroll 4
    for (int n = 0; n < TILE; n++) {
        float x[PER];
        for (int i = 0; i < PER; i++) x[i] = scores[(ty + SIDE * i) * SROW + n];
        for (int c = 0; c < DP / SIDE; c++) {
            const float y = b[n * (DP + 1) + tx + SIDE * c];
            for (int i = 0; i < PER; i++) acc[i][c] += x[i] * y;
        }
    }
}

__device__ static inline void store_scores(float *scores, const float s[PER][PER], int tx,
                                           int ty)
{
    for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++) scores[(ty + SIDE * i) * SROW + tx + SIDE * j] = s[i][j];
}

/* Over the 16 lanes that share a row. */
__device__ static inline float row_max(float x)
{
    for (int k = SIDE / 2; k > 0; k /= 2) x = fmaxf(x, __shfl_xor_sync(MN_LANES, x, k));
    return x;
}

__device__ static inline float row_sum(float x)
{
    for (int k = SIDE / 2; k > 0; k /= 2) x += __shfl_xor_sync(MN_LANES, x, k);
    return x;
}

/* ---- forward --------------------------------------------------------------------------------------------------------------- */

/* One tile of keys for the rows of a thread: from raw products to weights, and the running maximum and sum moved. */
template <int DP>
__device__ static inline void
soften(float s[PER][PER], float acc[PER][DP / SIDE], float most[PER], float sum[PER],
       const shape &h, const uint32_t first[PER], size_t t0, size_t j0, int tx, int ty)
{
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const size_t t = t0 + ty + SIDE * i;
        float high = -HUGE_VALF;
        for (int j = 0; j < PER; j++) {
            const size_t key = j0 + tx + SIDE * j;
            const bool seen = t < h.T && key <= t && key >= first[i];
            s[i][j] = seen ? s[i][j] * h.scale : -HUGE_VALF;
            high = fmaxf(high, s[i][j]);
        }
        high = fmaxf(most[i], row_max(high));
        const bool none = high == -HUGE_VALF; /* nothing seen so far */
        const float shrink = none ? 1.0f : expf(most[i] - high);
        float part = 0;
        for (int j = 0; j < PER; j++) {
            s[i][j] = none ? 0.0f : expf(s[i][j] - high);
            part += s[i][j];
        }
        sum[i] = sum[i] * shrink + row_sum(part);
        most[i] = high;
        for (int c = 0; c < DP / SIDE; c++) acc[i][c] *= shrink;
    }
}

/* A block: a tile of queries of one head of one sequence. */
template <int DP>
__global__ static void __launch_bounds__(MN_BLOCK)
    forward(mn_cuda_mat o, float *lse, const float *qkv, mn_cuda_rows r)
{
    MN_SHARED(float, q);
    float *k = q + TILE * (DP + 1), *v = k + TILE * (DP + 1), *scores = v + TILE * (DP + 1);
    const shape h = shape_of(r);
    const int tx = (int)threadIdx.x % SIDE, ty = (int)threadIdx.x / SIDE;
    const size_t t0 = (size_t)blockIdx.x * TILE, head = blockIdx.y, group = head / (h.H / h.KV);
    const float *rows = qkv + (size_t)blockIdx.z * h.T * h.W;
    float most[PER], sum[PER], acc[PER][DP / SIDE], s[PER][PER];
    uint32_t first[PER];
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const size_t t = t0 + ty + SIDE * i;
        most[i] = -HUGE_VALF, sum[i] = 0;
        first[i] = t < h.T ? h.first[t] : 0;
        for (int c = 0; c < DP / SIDE; c++) acc[i][c] = 0;
    }
    load_tile<DP>(q, rows + head * h.D, h.W, t0, h.T, h.D);
    for (size_t j0 = h.first[t0] / TILE * TILE; j0 <= t0; j0 += TILE) {
        __syncthreads(); /* the last tile has been read */
        load_tile<DP>(k, rows + (h.H + group) * h.D, h.W, j0, h.T, h.D);
        load_tile<DP>(v, rows + (h.H + h.KV + group) * h.D, h.W, j0, h.T, h.D);
        __syncthreads();
        tile_products<DP>(s, q, k, tx, ty);
        soften<DP>(s, acc, most, sum, h, first, t0, j0, tx, ty);
        store_scores(scores, s, tx, ty);
        __syncthreads();
        tile_apply<DP>(acc, scores, v, tx, ty);
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const size_t t = t0 + ty + SIDE * i;
        if (t >= h.T) continue;
        const size_t row = ((size_t)blockIdx.z * h.T + t) * h.H * h.D + head * h.D;
        for (int c = 0; c < DP / SIDE; c++)
            if (tx + SIDE * c < (int)h.D)
                mn_cuda__put(o, row + tx + SIDE * c, acc[i][c] / sum[i]);
        if (tx == 0) lse[((size_t)blockIdx.z * h.H + head) * h.T + t] = most[i] + logf(sum[i]);
    }
}

/* ---- backward -------------------------------------------------------------------------------------------------------------- */

/* delta[row][h][t] = dO . o: a warp for each. */
__global__ static void make_delta(float *delta, const float *dO, const float *o, mn_cuda_rows r)
{
    const size_t i = (size_t)blockIdx.x * MN_WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (i >= r.n_rows * r.T * r.H) return;
    const size_t head = i % r.H, t = i / r.H % r.T, row = i / r.H / r.T;
    float sum = 0;
    for (size_t d = lane; d < r.D; d += 32) sum += dO[i * r.D + d] * o[i * r.D + d];
    sum = mn_cuda__warp_sum(sum);
    if (lane == 0) delta[(row * r.H + head) * r.T + t] = sum;
}

/* A block: a tile of keys of one key head of one sequence. Tiles of scores are turned: rows are keys, columns queries. */
template <int DP>
__global__ static void __launch_bounds__(MN_BLOCK)
    backward_keys(float *dqkv, const float *dO, const float *lse, const float *delta,
                  const float *qkv, mn_cuda_rows r)
{
    MN_SHARED(float, k);
    float *v = k + TILE * (DP + 1), *q = v + TILE * (DP + 1), *g = q + TILE * (DP + 1);
    float *scores = g + TILE * (DP + 1), *row_lse = scores + TILE * SROW,
          *row_delta = row_lse + TILE;
    uint32_t *row_first = reinterpret_cast<uint32_t *>(row_delta + TILE);
    const shape h = shape_of(r);
    const int tx = (int)threadIdx.x % SIDE, ty = (int)threadIdx.x / SIDE;
    const size_t j0 = (size_t)blockIdx.x * TILE, group = blockIdx.y, share = h.H / h.KV;
    const float *rows = qkv + (size_t)blockIdx.z * h.T * h.W;
    float dk[PER][DP / SIDE], dv[PER][DP / SIDE], p[PER][PER], dp[PER][PER];
    for (int i = 0; i < PER; i++)
        for (int c = 0; c < DP / SIDE; c++) dk[i][c] = dv[i][c] = 0;
    load_tile<DP>(k, rows + (h.H + group) * h.D, h.W, j0, h.T, h.D);
    load_tile<DP>(v, rows + (h.H + h.KV + group) * h.D, h.W, j0, h.T, h.D);
    for (size_t head = group * share; head < (group + 1) * share; head++) {
        const size_t at_head = ((size_t)blockIdx.z * h.H + head) * h.T;
        for (size_t t0 = j0; t0 < h.T && h.first[t0] < j0 + TILE; t0 += TILE) {
            __syncthreads();
            load_tile<DP>(q, rows + head * h.D, h.W, t0, h.T, h.D);
            load_tile<DP>(g, dO + (size_t)blockIdx.z * h.T * h.H * h.D + head * h.D, h.H * h.D,
                          t0, h.T, h.D);
            if (threadIdx.x < TILE && t0 + threadIdx.x < h.T) {
                row_lse[threadIdx.x] = lse[at_head + t0 + threadIdx.x];
                row_delta[threadIdx.x] = delta[at_head + t0 + threadIdx.x];
                row_first[threadIdx.x] = h.first[t0 + threadIdx.x];
            }
            __syncthreads();
            tile_products<DP>(p, k, q, tx, ty);
            tile_products<DP>(dp, v, g, tx, ty);
#pragma unroll
            for (int i = 0; i < PER; i++) {
                for (int j = 0; j < PER; j++) {
                    const size_t key = j0 + ty + SIDE * i, m = tx + SIDE * j, t = t0 + m;
                    const bool seen = t < h.T && key <= t && key >= row_first[m];
                    p[i][j] = seen ? expf(p[i][j] * h.scale - row_lse[m]) : 0.0f;
                    dp[i][j] = seen ? p[i][j] * (dp[i][j] - row_delta[m]) * h.scale : 0.0f;
                }
            }
            store_scores(scores, p, tx, ty);
            __syncthreads();
            tile_apply<DP>(dv, scores, g, tx, ty);
            __syncthreads();
            store_scores(scores, dp, tx, ty);
            __syncthreads();
            tile_apply<DP>(dk, scores, q, tx, ty);
        }
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const size_t t = j0 + ty + SIDE * i;
        if (t >= h.T) continue;
        float *out = dqkv + ((size_t)blockIdx.z * h.T + t) * h.W + (h.H + group) * h.D;
        for (int c = 0; c < DP / SIDE; c++) {
            const int d = tx + SIDE * c;
            if (d >= (int)h.D) continue;
            out[d] = dk[i][c];
            out[h.KV * h.D + d] = dv[i][c];
        }
    }
}

/* A block: a tile of queries of one head of one sequence. */
template <int DP>
__global__ static void __launch_bounds__(MN_BLOCK)
    backward_queries(float *dqkv, const float *dO, const float *lse, const float *delta,
                     const float *qkv, mn_cuda_rows r)
{
    MN_SHARED(float, q);
    float *g = q + TILE * (DP + 1), *k = g + TILE * (DP + 1), *v = k + TILE * (DP + 1);
    float *scores = v + TILE * (DP + 1);
    const shape h = shape_of(r);
    const int tx = (int)threadIdx.x % SIDE, ty = (int)threadIdx.x / SIDE;
    const size_t t0 = (size_t)blockIdx.x * TILE, head = blockIdx.y, group = head / (h.H / h.KV);
    const size_t at_head = ((size_t)blockIdx.z * h.H + head) * h.T;
    const float *rows = qkv + (size_t)blockIdx.z * h.T * h.W;
    float dq[PER][DP / SIDE], p[PER][PER], dp[PER][PER];
    for (int i = 0; i < PER; i++)
        for (int c = 0; c < DP / SIDE; c++) dq[i][c] = 0;
    load_tile<DP>(q, rows + head * h.D, h.W, t0, h.T, h.D);
    load_tile<DP>(g, dO + (size_t)blockIdx.z * h.T * h.H * h.D + head * h.D, h.H * h.D, t0, h.T,
                  h.D);
    for (size_t j0 = h.first[t0] / TILE * TILE; j0 <= t0; j0 += TILE) {
        __syncthreads();
        load_tile<DP>(k, rows + (h.H + group) * h.D, h.W, j0, h.T, h.D);
        load_tile<DP>(v, rows + (h.H + h.KV + group) * h.D, h.W, j0, h.T, h.D);
        __syncthreads();
        tile_products<DP>(p, q, k, tx, ty);
        tile_products<DP>(dp, g, v, tx, ty);
#pragma unroll
        for (int i = 0; i < PER; i++) {
            const size_t t = t0 + ty + SIDE * i;
            for (int j = 0; j < PER; j++) {
                const size_t key = j0 + tx + SIDE * j;
                const bool seen = t < h.T && key <= t && key >= h.first[t];
                const float w = seen ? expf(p[i][j] * h.scale - lse[at_head + t]) : 0.0f;
                dp[i][j] = seen ? w * (dp[i][j] - delta[at_head + t]) * h.scale : 0.0f;
            }
        }
        store_scores(scores, dp, tx, ty);
        __syncthreads();
        tile_apply<DP>(dq, scores, k, tx, ty);
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        const size_t t = t0 + ty + SIDE * i;
        if (t >= h.T) continue;
        float *out = dqkv + ((size_t)blockIdx.z * h.T + t) * h.W + head * h.D;
        for (int c = 0; c < DP / SIDE; c++)
            if (tx + SIDE * c < (int)h.D) out[tx + SIDE * c] = dq[i][c];
    }
}

/* ---- launches -------------------------------------------------------------------------------------------------------------- */

static dim3 tiles_by(const mn_cuda_rows *r, size_t heads)
{
    return dim3((unsigned)((r->T + TILE - 1) / TILE), (unsigned)heads, (unsigned)r->n_rows);
}

template <int DP>
static void run_forward(mn_cuda *d, mn_cuda_mat o, float *lse, const float *qkv,
                        const mn_cuda_rows *r)
{
    const size_t shared = (3 * TILE * (DP + 1) + TILE * SROW) * sizeof(float);
    if (!mn_cuda__allow_shared(d, (const void *)forward<DP>, shared, "attention")) return;
    MN_LAUNCH(forward<DP>, tiles_by(r, r->H), MN_BLOCK, shared, d->stream, o, lse, qkv, *r);
    mn_cuda__launched(d, "attention");
}

template <int DP>
static void run_backward(mn_cuda *d, float *dqkv, const float *dO, const float *lse,
                         const float *delta, const float *qkv, const mn_cuda_rows *r)
{
    const size_t shared = (4 * TILE * (DP + 1) + TILE * SROW) * sizeof(float);
    const size_t keys = shared + 3 * TILE * sizeof(float);
    if (!mn_cuda__allow_shared(d, (const void *)backward_keys<DP>, keys, "attention_back") ||
        !mn_cuda__allow_shared(d, (const void *)backward_queries<DP>, shared, "attention_back"))
        return;
    MN_LAUNCH(backward_keys<DP>, tiles_by(r, r->KV), MN_BLOCK, keys, d->stream, dqkv, dO, lse,
              delta, qkv, *r);
    MN_LAUNCH(backward_queries<DP>, tiles_by(r, r->H), MN_BLOCK, shared, d->stream, dqkv, dO,
              lse, delta, qkv, *r);
    mn_cuda__launched(d, "attention_back");
}

static bool fits(mn_cuda *d, const mn_cuda_rows *r)
{
    if (!mn_cuda__ready(d) || !r->n_rows || !r->T) return false;
    if (r->D > MN_CUDA_D_MAX) mn_cuda__fail(d, "attention", "heads of more than 128 values");
    else if (r->n_rows > 65535 || r->H > 65535)
        mn_cuda__fail(d, "attention", "too many sequences or heads");
    return !d->failed;
}

void mn_cuda__attention(mn_cuda *d, mn_cuda_mat o, float *lse, const float *qkv,
                        const mn_cuda_rows *r)
{
    if (!fits(d, r)) return;
    if (r->D <= 32) run_forward<32>(d, o, lse, qkv, r);
    else if (r->D <= 64) run_forward<64>(d, o, lse, qkv, r);
    else run_forward<128>(d, o, lse, qkv, r);
}

void mn_cuda__attention_back(mn_cuda *d, float *dqkv, const float *dO, const float *o,
                             const float *lse, const float *qkv, const mn_cuda_rows *r,
                             float *delta)
{
    if (!fits(d, r)) return;
    const size_t n = r->n_rows * r->T * r->H;
    MN_LAUNCH(make_delta, (unsigned)((n + MN_WARPS - 1) / MN_WARPS), MN_BLOCK, 0, d->stream,
              delta, dO, o, *r);
    mn_cuda__launched(d, "attention_back");
    if (r->D <= 32) run_backward<32>(d, dqkv, dO, lse, delta, qkv, r);
    else if (r->D <= 64) run_backward<64>(d, dqkv, dO, lse, delta, qkv, r);
    else run_backward<128>(d, dqkv, dO, lse, delta, qkv, r);
}
