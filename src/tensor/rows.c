/* The weights are read once for every four rows of x, in whole cache lines; that is what decoding waits for. One body is
 * compiled for three instruction sets, all with 16 lanes and without fused multiply-add, so that the bits agree. */
#include "tensor/rows.h"

#include <string.h>

typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));

static inline __attribute__((always_inline)) float lanes_sum(const lanes *v)
{
    float s[16];
    memcpy(s, v, sizeof s);
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++) s[i] += s[i + half];
    return s[0];
}

static inline __attribute__((always_inline)) float tail(float sum, const float *x,
                                                        const float *w, size_t k, size_t K)
{
    for (; k < K; k++) sum += x[k] * w[k];
    return sum;
}

/* One row of W with up to four rows of x; R is a constant, so the loops over r unroll. */
static inline __attribute__((always_inline)) void dot_rows(float *y, size_t N, const float *x,
                                                           const float *w, size_t K, int R)
{
    lanes acc[4];
    memset(acc, 0, sizeof acc);
    size_t k = 0;
    for (; k + 16 <= K; k += 16) {
        lanes wv = *(const lanes *)(w + k);
        for (int r = 0; r < R; r++) acc[r] += *(const lanes *)(x + (size_t)r * K + k) * wv;
    }
    for (int r = 0; r < R; r++)
        y[(size_t)r * N] = tail(lanes_sum(&acc[r]), x + (size_t)r * K, w, k, K);
}

/* Four rows of W with one row of x: four independent sums keep the processor busy. */
static inline __attribute__((always_inline)) void dot_four(float *y, const float *x,
                                                           const float *w, size_t K)
{
    lanes acc[4];
    memset(acc, 0, sizeof acc);
    size_t k = 0;
    for (; k + 16 <= K; k += 16) {
        lanes xv = *(const lanes *)(x + k);
        for (int r = 0; r < 4; r++) acc[r] += xv * *(const lanes *)(w + (size_t)r * K + k);
    }
    for (int r = 0; r < 4; r++) y[r] = tail(lanes_sum(&acc[r]), x, w + (size_t)r * K, k, K);
}

static inline __attribute__((always_inline)) void body(float *y, const float *x, const float *W,
                                                       size_t T, size_t N, size_t K,
                                                       size_t from, size_t to)
{
    size_t n = from;
    if (T == 1)
        for (; n + 4 <= to; n += 4) dot_four(y + n, x, W + n * K, K);
    for (; n < to; n++) {
        const float *w = W + n * K;
        size_t t = 0;
        for (; t + 4 <= T; t += 4) dot_rows(y + t * N + n, N, x + t * K, w, K, 4);
        for (; t < T; t++) dot_rows(y + t * N + n, N, x + t * K, w, K, 1);
    }
}

typedef void rows_fn(float *, const float *, const float *, size_t, size_t, size_t, size_t,
                     size_t);

static void rows_plain(float *y, const float *x, const float *W, size_t T, size_t N, size_t K,
                       size_t from, size_t to)
{
    body(y, x, W, T, N, K, from, to);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void rows_avx2(float *y, const float *x, const float *W,
                                                      size_t T, size_t N, size_t K, size_t from,
                                                      size_t to)
{
    body(y, x, W, T, N, K, from, to);
}
__attribute__((target("avx512f"))) static void rows_avx512(float *y, const float *x,
                                                           const float *W, size_t T, size_t N,
                                                           size_t K, size_t from, size_t to)
{
    body(y, x, W, T, N, K, from, to);
}
#endif

static rows_fn *rows_choose(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) return rows_avx512;
    if (__builtin_cpu_supports("avx2")) return rows_avx2;
#endif
    return rows_plain;
}

typedef struct job {
    rows_fn *fn;
    float *y;
    const float *x, *W;
    size_t T, N, K, part;
} job;

static void run_part(void *arg, size_t part, int thread)
{
    const job *j = arg;
    size_t from = part * j->part, to = from + j->part;
    (void)thread;
    j->fn(j->y, j->x, j->W, j->T, j->N, j->K, from, to < j->N ? to : j->N);
}

void mn_linear_rows(mn_pool *pool, float *y, const float *x, const float *W, size_t T, size_t N,
                    size_t K)
{
    job j = {rows_choose(), y, x, W, T, N, K, N};
    size_t work = T * N * K, threads = (size_t)mn_pool_threads(pool);
    if (threads > 1 && work > 65536) j.part = (N / (threads * 2) + 4) & ~(size_t)3;
    mn_pool_run(j.part < N ? pool : NULL, (N + j.part - 1) / j.part, run_part, &j);
}
