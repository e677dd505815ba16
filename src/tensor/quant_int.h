/* What quant.c and quantise.c share. */
#ifndef MN_TENSOR_QUANT_INT_H
#define MN_TENSOR_QUANT_INT_H

#include "tensor/quant.h"

static inline uint16_t mn_q__u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline float mn_q__half(const uint8_t *p)
{
    return mn_f16_to_f32(mn_q__u16(p));
}

/* Q4_K's and Q5_K's eight scales and eight minimums of six bits in twelve bytes. */
void mn_q__scales_get(const uint8_t *b, uint8_t ret_scale[8], uint8_t ret_min[8]);
void mn_q__scales_put(const uint8_t scale[8], const uint8_t min[8], uint8_t *b);

#endif
