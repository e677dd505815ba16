/* The loss of a chunk of rows, and the weighted sum of losses. Reference: mn_ref_cross_entropy. */
#include "tensor/cuda/device.cuh"

/* Of a set of logits: the largest, and the sum of exp(logit - most). */
struct softmax_sum {
    float most, sum;
};

__device__ static inline softmax_sum merge(softmax_sum a, softmax_sum b)
{
    if (b.most == -HUGE_VALF) return a; /* of nothing */
    if (a.most == -HUGE_VALF) return b;
    const float most = fmaxf(a.most, b.most);
    const softmax_sum both = {most, a.sum * expf(a.most - most) + b.sum * expf(b.most - most)};
    return both;
}

__device__ static inline softmax_sum of_stretch(const float *x, size_t V)
{
    softmax_sum s = {-HUGE_VALF, 0};
    for (size_t v = threadIdx.x; v < V; v += MN_BLOCK) {
        if (x[v] > s.most) {
            s.sum = s.sum * expf(s.most - x[v]) + 1;
            s.most = x[v];
        } else s.sum += expf(x[v] - s.most);
    }
    return s;
}

/* All threads get that of the whole row. */
__device__ static inline softmax_sum of_block(softmax_sum s, softmax_sum *shared)
{
    for (int k = 16; k > 0; k /= 2) {
        /* both lanes of a pair merge in the same order: the same bits in each */
        softmax_sum other;
        other.most = __shfl_xor_sync(MN_LANES, s.most, k);
        other.sum = __shfl_xor_sync(MN_LANES, s.sum, k);
        s = threadIdx.x & (unsigned)k ? merge(other, s) : merge(s, other);
    }
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = s;
    __syncthreads();
    s = shared[0];
    for (int i = 1; i < MN_WARPS; i++) s = merge(s, shared[i]);
    return s;
}

/* A block for each row. dlogits.f may be the logits: all have been read, and are read by the thread that writes them alone. */
__global__ static void cross_entropy(mn_cuda_mat dlogits, float *losses, const float *logits,
                                     const uint32_t *target, const float *weight, size_t V)
{
    MN_SHARED(softmax_sum, shared);
    const size_t t = blockIdx.x, want = target[t];
    const float *x = logits + t * V;
    const float wanted = x[want];
    const softmax_sum s = of_block(of_stretch(x, V), shared);
    if (threadIdx.x == 0) losses[t] = logf(s.sum) - (wanted - s.most);
    if (!dlogits.f && !dlogits.h) return;
    const float w = weight[t];
    for (size_t v = threadIdx.x; v < V; v += MN_BLOCK)
        mn_cuda__put(dlogits, t * V + v,
                     w * (expf(x[v] - s.most) / s.sum - (v == want ? 1.0f : 0.0f)));
}

void mn_cuda__cross_entropy(mn_cuda *d, mn_cuda_mat dlogits, float *losses, const float *logits,
                            const uint32_t *target, const float *weight, size_t T, size_t V)
{
    if (!mn_cuda__ready(d) || !T) return;
    MN_LAUNCH(cross_entropy, (unsigned)T, MN_BLOCK, MN_WARPS * sizeof(softmax_sum), d->stream,
              dlogits, losses, logits, target, weight, V);
    mn_cuda__launched(d, "cross_entropy");
}

/* One block: a batch has some thousand rows. */
__global__ static void weigh(double *ret, const float *losses, const float *weight, size_t n)
{
    MN_SHARED(double, shared);
    double sum = 0;
    for (size_t i = threadIdx.x; i < n; i += MN_BLOCK) sum += (double)(weight[i] * losses[i]);
    sum = mn_cuda__block_sum(sum, shared);
    if (threadIdx.x == 0) *ret = sum;
}

void mn_cuda__weigh(mn_cuda *d, double *ret, const float *losses, const float *weight, size_t n)
{
    if (!mn_cuda__ready(d)) return;
    MN_LAUNCH(weigh, 1, MN_BLOCK, MN_WARPS * sizeof(double), d->stream, ret, losses, weight, n);
    mn_cuda__launched(d, "weigh");
}
