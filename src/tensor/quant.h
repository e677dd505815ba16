/* Number formats of weights as GGUF lays them out: plain ones, and blocks of quantised values with a scale.
 *
 * Bytes are little-endian whatever the machine. A row is a whole number of blocks. Plain C, the reference that packed.h's
 * kernels are tested against; docs/design/quantisation.md draws each block. Sources: the GGUF specification (ggml's docs/gguf.md)
 * and what llama.cpp writes, checked value by value against the `gguf` Python package (tests/model). */
#ifndef MN_TENSOR_QUANT_H
#define MN_TENSOR_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The numbers are GGUF's. */
typedef enum mn_qtype {
    MN_Q_F32 = 0,
    MN_Q_F16 = 1,
    MN_Q_Q4_0 = 2,
    MN_Q_Q4_1 = 3,
    MN_Q_Q5_0 = 6,
    MN_Q_Q5_1 = 7,
    MN_Q_Q8_0 = 8,
    MN_Q_Q4_K = 12,
    MN_Q_Q5_K = 13,
    MN_Q_Q6_K = 14,
    MN_Q_BF16 = 30
} mn_qtype;

typedef struct mn_qformat {
    mn_qtype type;
    const char *name; /* "q4_k", "bf16" */
    uint32_t block;   /* values a block: 1, 32 or 256 */
    uint32_t bytes;   /* of a block */
} mn_qformat;

/* NULL for a number or a name (any case) that is none of the above. */
const mn_qformat *mn_qformat_of(uint32_t type);
const mn_qformat *mn_qformat_named(mn_str name);
/* The i-th format, NULL past the last. */
const mn_qformat *mn_qformat_at(size_t i);
static inline size_t mn_qformat_row_bytes(const mn_qformat *f, size_t n)
{
    return n / f->block * f->bytes;
}

/* n values, a multiple of the format's block. src needs no alignment. Any bytes give some floats (Inf and NaN scales included). */
void mn_dequant(mn_qtype type, const void *src, float *ret, size_t n);
/* To nearest for the plain formats; the least squares of llama.cpp's reference quantiser or better for blocks. Values that are
 * not finite are taken as 0 by blocks, kept by plain formats. */
void mn_quant(mn_qtype type, const float *src, void *ret, size_t n);

float mn_f16_to_f32(uint16_t h);
uint16_t mn_f32_to_f16(float f); /* to nearest, ties to even; too large gives infinity */
float mn_bf16_to_f32(uint16_t h);
uint16_t mn_f32_to_bf16(float f);

#endif
