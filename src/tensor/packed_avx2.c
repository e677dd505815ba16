/* Packed matrices for x86-64 with AVX2 and FMA. */
#include "tensor/packed_int.h"

#if defined __x86_64__

#    include <immintrin.h>

#    define SET      mn_packed__avx2
#    define SET_NAME "avx2"

/* Pairs of products are summed in 16 bits, saturating. Codes of 4 bits leave room for all 8 steps of a block (8 * 15 * 127 * 2),
 * those of 5 and 6 for one (63 * 127 * 2). Bytes of all 8 bits become signed again and their sign goes to x (128 * 127 * 2). */
static inline __attribute__((always_inline)) __m256i dot(__m256i s, __m256i w, __m256i x,
                                                         const int bits)
{
    if (bits == 4) return _mm256_add_epi16(s, _mm256_maddubs_epi16(w, x));
    if (bits == 8) {
        w = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
        x = _mm256_sign_epi8(x, w);
        w = _mm256_abs_epi8(w);
    }
    return _mm256_add_epi32(
        s, _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
}
#    define SIGNED_BYTES 1
#    define LATE(bits)   ((bits) == 4)
#    define DOT          dot

#    include "tensor/packed_ymm.inc"

#else
typedef int mn_no_packed_here; /* a file may not be empty */
#endif
