/* Packed matrices for x86-64 with AVX2, FMA and AVX-VNNI: the 8-bit products of packed_avx512.c in half the width. */
#include "tensor/packed_int.h"

#if defined __x86_64__

#    include <immintrin.h>

#    define SET                mn_packed__avxvnni
#    define SET_NAME           "avx2-vnni"
#    define SIGNED_BYTES       0
#    define LATE(bits)         0
#    define DOT(s, w, x, bits) ((void)(bits), _mm256_dpbusd_avx_epi32(s, w, x))

#    include "tensor/packed_ymm.inc"

#else
typedef int mn_no_packed_here; /* a file may not be empty */
#endif
