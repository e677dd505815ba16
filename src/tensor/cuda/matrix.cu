/* Products of rows with weight matrices as they lie in files, quantised or plain: mn_packed_product and mn_packed_row.
 *
 * A warp makes some rows of W times some rows of x. A lane has E values of k at a time, E apart from its neighbours', so a warp reads a line of
 * W at once; it turns them into float32 and adds each to its own sum of each (row of x, row of W), k ascending; at the end the 32 sums of
 * a pair are added in pairs 16, 8, 4, 2, 1 apart. How many rows a warp has changes how often something is read and never what is added to what:
 * every addition is a fmaf that stands here, so nothing is left for the compiler to contract one way or the other.
 *
 * It uses the ordinary float units. With one row the memory bounds it, with many the reading of x from the first cache; tensor cores add in
 * an order that is nobody's promise. */
#include "tensor/cuda/device.cuh"

/* Up to MN_CUDA_JOINED matrices, whose rows are counted through. */
struct joined {
    const unsigned char *codes[MN_CUDA_JOINED], *scales[MN_CUDA_JOINED];
    uint32_t end[MN_CUDA_JOINED]; /* the first row that is not of it */
    size_t code_pitch, scale_pitch, K;
};

struct weights_row {
    const unsigned char *codes, *scales;
};

__device__ static inline weights_row row_at(const joined &m, uint32_t n)
{
    const bool first = n < m.end[0], second = n < m.end[1];
    const size_t row = n - (first ? 0 : second ? m.end[0] : m.end[1]);
    weights_row w; /* no index that is not a constant: the arguments would be copied */
    w.codes = (first ? m.codes[0] : second ? m.codes[1] : m.codes[2]) + row * m.code_pitch;
    w.scales = (first ? m.scales[0] : second ? m.scales[1] : m.scales[2]) + row * m.scale_pitch;
    return w;
}

/* ---- E values of a row, from k on ---------------------------------------------------------------------------------------- */

template <int FORM> struct values_of {
    static const int E = 8;
};
template <> struct values_of<MN_CUDA_F32> {
    static const int E = 4;
};

__device__ static inline float bf16_value(uint32_t bits)
{
    union {
        uint32_t u;
        float f;
    } b = {bits << 16};
    return b.f;
}

template <typename T> __device__ static inline T load(const unsigned char *p)
{
    return *reinterpret_cast<const T *>(p);
}

__device__ static inline void plain_pairs(float *v, const unsigned char *p, bool bf16)
{
    const uint4 a = load<uint4>(p);
    const uint32_t w[4] = {a.x, a.y, a.z, a.w};
    for (int i = 0; i < 4; i++) {
        const uint32_t low = w[i] & 0xffffu, high = w[i] >> 16;
        v[2 * i] = bf16 ? bf16_value(low) : mn_cuda__from_half((uint16_t)low);
        v[2 * i + 1] = bf16 ? bf16_value(high) : mn_cuda__from_half((uint16_t)high);
    }
}

__device__ static inline void bytes_of(float *v, const unsigned char *p)
{
    const uint2 a = load<uint2>(p);
    for (int i = 0; i < 4; i++) {
        v[i] = (float)(int8_t)(a.x >> 8 * i & 255u);
        v[4 + i] = (float)(int8_t)(a.y >> 8 * i & 255u);
    }
}

__device__ static inline void halves_of(float *v, const unsigned char *p, int less)
{
    const uint32_t a = load<uint32_t>(p);
    for (int i = 0; i < 4; i++) {
        v[i] = (float)((int)(a >> 8 * i & 15u) - less);
        v[4 + i] = (float)((int)(a >> (8 * i + 4) & 15u) - less);
    }
}

__device__ static inline void times(float *v, float d)
{
    for (int i = 0; i < 8; i++) v[i] *= d;
}

__device__ static inline void times_plus(float *v, float d, float m)
{
    for (int i = 0; i < 8; i++) v[i] = fmaf(v[i], d, m);
}

template <int FORM> __device__ static inline void scale(float *v, const unsigned char *s, size_t k)
{
    if constexpr (FORM == MN_CUDA_Q8 || FORM == MN_CUDA_Q4) {
        times(v, mn_cuda__from_half(load<uint16_t>(s + k / 32 * 2)));
    } else if constexpr (FORM == MN_CUDA_Q4M) {
        const uint32_t dm = load<uint32_t>(s + k / 32 * 4);
        times_plus(v, mn_cuda__from_half((uint16_t)(dm & 0xffffu)),
                   mn_cuda__from_half((uint16_t)(dm >> 16)));
    } else if constexpr (FORM == MN_CUDA_K8H) {
        times(v, load<float>(s + k / 16 * 4));
    } else {
        const float2 dm = load<float2>(s + k / 32 * 8);
        times_plus(v, dm.x, dm.y);
    }
}

template <int FORM>
__device__ static inline void take(float v[values_of<FORM>::E], weights_row w, size_t k)
{
    constexpr bool four = FORM == MN_CUDA_Q4 || FORM == MN_CUDA_Q4M || FORM == MN_CUDA_K4;
    if constexpr (FORM == MN_CUDA_F32) {
        const float4 a = load<float4>(w.codes + 4 * k);
        v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
    } else if constexpr (FORM == MN_CUDA_F16 || FORM == MN_CUDA_BF16) {
        plain_pairs(v, w.codes + 2 * k, FORM == MN_CUDA_BF16);
    } else {
        if (four) halves_of(v, w.codes + k / 2, FORM == MN_CUDA_Q4 ? 8 : 0);
        else bytes_of(v, w.codes + k);
        scale<FORM>(v, w.scales, k);
    }
}

/* E values of a row of x from k on; zeros beyond K. */
template <int E>
__device__ static inline void take_x(float v[E], const float *x, size_t k, size_t K, bool fours)
{
    if (fours && k + E <= K) {
        for (int i = 0; i < E; i += 4) {
            const float4 a = *reinterpret_cast<const float4 *>(x + k + i);
            v[i] = a.x, v[i + 1] = a.y, v[i + 2] = a.z, v[i + 3] = a.w;
        }
    } else {
        for (int i = 0; i < E; i++) v[i] = k + i < K ? x[k + i] : 0.0f;
    }
}

/* ---- products -------------------------------------------------------------------------------------------------------------- */

/* A warp: RT rows of x by RN rows of W. */
template <int FORM, int RT, int RN>
__global__ static void __launch_bounds__(MN_BLOCK)
    rows_product(float *y, size_t stride, const float *x, size_t T, joined m, uint32_t n_rows,
                 uint32_t t_tiles, bool add)
{
    const int E = values_of<FORM>::E;
    const uint32_t lane = threadIdx.x % 32;
    const size_t n0 =
        ((size_t)(blockIdx.x / t_tiles) * MN_WARPS + threadIdx.x / 32) * (size_t)RN;
    const size_t t0 = (size_t)(blockIdx.x % t_tiles) * RT;
    const bool fours = m.K % 4 == 0;
    if (n0 >= n_rows) return;
    weights_row w[RN];
    float sum[RT][RN];
#pragma unroll
    for (int r = 0; r < RN; r++)
        w[r] = row_at(m, (uint32_t)(n0 + r < n_rows ? n0 + r : n_rows - 1));
#pragma unroll
    for (int t = 0; t < RT; t++)
        for (int r = 0; r < RN; r++) sum[t][r] = 0;
    for (size_t k = lane * E; k < m.K; k += 32 * E) {
        float v[RN][E], a[E];
#pragma unroll
        for (int r = 0; r < RN; r++) take<FORM>(v[r], w[r], k);
#pragma unroll
        for (int t = 0; t < RT; t++) {
            take_x<E>(a, x + (t0 + t < T ? t0 + t : T - 1) * m.K, k, m.K, fours);
#pragma unroll
            for (int r = 0; r < RN; r++)
                for (int i = 0; i < E; i++) sum[t][r] = fmaf(v[r][i], a[i], sum[t][r]);
        }
    }
#pragma unroll
    for (int t = 0; t < RT; t++) {
#pragma unroll
        for (int r = 0; r < RN; r++) {
            const float s = mn_cuda__warp_sum(sum[t][r]);
            float *to = y + (t0 + t) * stride + n0 + r;
            if (lane == (uint32_t)(t * RN + r) && t0 + t < T && n0 + r < n_rows)
                *to = add ? *to + s : s;
        }
    }
}

template <int FORM, int RT, int RN>
static void run_product(mn_cuda *d, float *y, size_t stride, const float *x, size_t T,
                        const joined &m, uint32_t n_rows, bool add)
{
    const size_t t_tiles = (T + RT - 1) / RT;
    const size_t blocks = ((size_t)n_rows + RN * MN_WARPS - 1) / (RN * MN_WARPS) * t_tiles;
    if (blocks > 0x7fffffff) {
        mn_cuda__fail(d, "rows_product", "too many rows");
        return;
    }
    MN_LAUNCH((rows_product<FORM, RT, RN>), (unsigned)blocks, MN_BLOCK, 0, d->stream, y, stride,
              x, T, m, n_rows, (uint32_t)t_tiles, add);
    mn_cuda__launched(d, "rows_product");
}

template <int FORM>
static void product_of(mn_cuda *d, float *y, size_t stride, const float *x, size_t T,
                       const joined &m, uint32_t n_rows, bool add)
{
    if (T == 1) run_product<FORM, 1, 1>(d, y, stride, x, T, m, n_rows, add);
    else if (T == 2) run_product<FORM, 2, 2>(d, y, stride, x, T, m, n_rows, add);
    else if (T <= 4) run_product<FORM, 4, 4>(d, y, stride, x, T, m, n_rows, add);
    else run_product<FORM, 8, 4>(d, y, stride, x, T, m, n_rows, add);
}

typedef void product_fn(mn_cuda *, float *, size_t, const float *, size_t, const joined &,
                        uint32_t, bool);
static product_fn *const products[MN_CUDA_FORMS] = {
    product_of<MN_CUDA_F32>, product_of<MN_CUDA_F16>, product_of<MN_CUDA_BF16>,
    product_of<MN_CUDA_Q8>,  product_of<MN_CUDA_Q4>,  product_of<MN_CUDA_Q4M>,
    product_of<MN_CUDA_K4>,  product_of<MN_CUDA_K8>,  product_of<MN_CUDA_K8H>,
};

static joined join(const mn_cuda_matrix *m, size_t n, uint32_t *ret_rows)
{
    joined j;
    uint32_t rows = 0;
    j.K = m->K;
    j.code_pitch = mn_cuda_code_pitch(m->form, m->K);
    j.scale_pitch = mn_cuda_scale_pitch(m->form, m->K);
    for (size_t i = 0; i < MN_CUDA_JOINED; i++) {
        const mn_cuda_matrix *one = &m[i < n ? i : n - 1];
        j.codes[i] = static_cast<const unsigned char *>(one->at);
        j.scales[i] = j.codes[i] + mn_cuda_scales_at(one->form, one->N, one->K);
        rows += i < n ? one->N : 0;
        j.end[i] = rows;
    }
    *ret_rows = rows;
    return j;
}

void mn_cuda__rows_product(mn_cuda *d, float *y, size_t stride, const float *x, size_t T,
                           const mn_cuda_matrix *m, size_t n, bool add)
{
    uint32_t n_rows = 0;
    if (!mn_cuda__ready(d) || !T || !n) return;
    const joined j = join(m, n, &n_rows);
    products[m->form](d, y, stride, x, T, j, n_rows, add);
}

/* ---- rows as they are ---------------------------------------------------------------------------------------------------------- */

template <int FORM>
__global__ static void gather(float *x, joined m, const uint32_t *ids, size_t n)
{
    const int E = values_of<FORM>::E;
    const size_t each = (m.K + E - 1) / E;
    for (size_t i = MN_FIRST; i < n * each; i += MN_STEP) {
        const size_t t = i / each, k = i % each * E;
        float v[E];
        take<FORM>(v, row_at(m, ids[t]), k);
        for (int c = 0; c < E; c++)
            if (k + c < m.K) x[t * m.K + k + c] = v[c];
    }
}

template <int FORM>
static void gather_of(mn_cuda *d, float *x, const joined &m, const uint32_t *ids, size_t T)
{
    MN_LAUNCH(gather<FORM>, mn_cuda__blocks(T * m.K / 4 + 1), MN_BLOCK, 0, d->stream, x, m, ids,
              T);
    mn_cuda__launched(d, "gather");
}

typedef void gather_fn(mn_cuda *, float *, const joined &, const uint32_t *, size_t);
static gather_fn *const gathers[MN_CUDA_FORMS] = {
    gather_of<MN_CUDA_F32>, gather_of<MN_CUDA_F16>, gather_of<MN_CUDA_BF16>,
    gather_of<MN_CUDA_Q8>,  gather_of<MN_CUDA_Q4>,  gather_of<MN_CUDA_Q4M>,
    gather_of<MN_CUDA_K4>,  gather_of<MN_CUDA_K8>,  gather_of<MN_CUDA_K8H>,
};

void mn_cuda__gather(mn_cuda *d, float *x, const mn_cuda_matrix *m, const uint32_t *ids,
                     size_t T)
{
    uint32_t n_rows = 0;
    if (!mn_cuda__ready(d) || !T) return;
    const joined j = join(m, 1, &n_rows);
    gathers[m->form](d, x, j, ids, T);
}
