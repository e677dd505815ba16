/* Which set of kernels this CPU runs. The sets are the same text (kernels_body.inc) compiled under other flags. */
#include "tensor/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const mn_kernels mn_kernels__plain;
#if defined __x86_64__
extern const mn_kernels mn_kernels__avx2, mn_kernels__avx512;
#endif

const mn_kernels *mn_kernels_at(int i)
{
#if defined __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && i-- == 0)
        return &mn_kernels__avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && i-- == 0)
        return &mn_kernels__avx2;
#endif
    return i == 0 ? &mn_kernels__plain : NULL;
}

const mn_kernels *mn_kernels_best(void)
{
    const char *wish = getenv("MYNAH_KERNELS");
    for (int i = 0; wish && mn_kernels_at(i); i++)
        if (strcmp(mn_kernels_at(i)->name, wish) == 0) return mn_kernels_at(i);
    return mn_kernels_at(0);
}

/* Widest vector and the most padding any set uses: see attention in kernels_body.inc. */
size_t mn_attention_work(size_t T, size_t D)
{
    size_t Dp = (D + 15) / 16 * 16, Tp = (T + 15) / 16 * 16 + 16;
    return 2 * Dp * Tp + 4 * Tp * Dp + 16 * Tp + 16 * Dp; /* up to 8 rows at once */
}

/* The i-th pair of a head at every position. */
static void rope_column(float *ret, size_t n_pos, size_t D, size_t i, double angle)
{
    for (size_t p = 0; p < n_pos; p++) {
        ret[p * D + i] = (float)cos((double)p * angle);
        ret[p * D + D / 2 + i] = (float)sin((double)p * angle);
    }
}

void mn_rope_table(float *ret, size_t n_pos, size_t D, double theta)
{
    for (size_t i = 0; i < D / 2; i++)
        rope_column(ret, n_pos, D, i, pow(theta, -2.0 * (double)i / (double)D));
}

void mn_rope_table_from(float *ret, size_t n_pos, size_t D, const double *angle)
{
    for (size_t i = 0; i < D / 2; i++) rope_column(ret, n_pos, D, i, angle[i]);
}
