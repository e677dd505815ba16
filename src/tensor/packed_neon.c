/* Packed matrices for every aarch64. */
#include "tensor/packed_int.h"

#if defined __aarch64__

#    include <arm_neon.h>

#    define SET      mn_packed__neon
#    define SET_NAME "neon"

/* Two products of a row fit in 16 bits: 2 * 128 * 127. */
static inline __attribute__((always_inline)) int32x4_t dot(int32x4_t s, int8x16_t w,
                                                           int8x16_t x)
{
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
    return vpadalq_s16(s, vpaddq_s16(low, high));
}
#    define DOT dot

#    include "tensor/packed_neon.inc"

#else
typedef int mn_no_packed_here; /* a file may not be empty */
#endif
