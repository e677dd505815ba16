/* The part of CUDA's cuda_fp16.h that src/tensor/cuda/ uses, for a machine without a GPU: see cuda_runtime.h beside this. */
#ifndef MN_TESTS_EMU_CUDA_FP16_H
#define MN_TESTS_EMU_CUDA_FP16_H

#include <math.h>
#include <stdint.h>

struct __half {
    uint16_t bits;
};

static inline __half __ushort_as_half(uint16_t bits)
{
    return __half{bits};
}

static inline uint16_t __half_as_ushort(__half h)
{
    return h.bits;
}

static inline float __half2float(__half h)
{
    const int exponent = h.bits >> 10 & 31, digits = h.bits & 1023;
    const float sign = h.bits >> 15 ? -1.0f : 1.0f;
    if (exponent == 31) return digits ? nanf("") : sign * HUGE_VALF;
    if (exponent == 0) return sign * ldexpf((float)digits, -24);
    return sign * ldexpf((float)(1024 + digits), exponent - 25);
}

/* To nearest, ties to even: as the processor rounds integers. */
static inline __half __float2half_rn(float x)
{
    const uint16_t sign = signbit(x) ? 0x8000 : 0;
    int exponent;
    x = fabsf(x);
    if (x != x) return __half{0x7fff};
    if (x >= 65520) return __half{(uint16_t)(sign | 0x7c00)};
    if (x < 0x1p-14f) return __half{(uint16_t)(sign | (int)nearbyintf(x * 0x1p24f))};
    const float digits = nearbyintf(ldexpf(frexpf(x, &exponent), 11)); /* 1024 to 2048 */
    return __half{(uint16_t)(sign | (((exponent + 14) << 10) + ((int)digits - 1024)))};
}

#endif
