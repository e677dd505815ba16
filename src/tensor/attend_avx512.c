/* Attention for x86-64 with AVX-512. */
#include "tensor/attend_int.h"

#if defined __x86_64__

#    include <immintrin.h>

#    define STORE   mn_attend__store_avx512
#    define ATTEND  mn_attend__avx512
#    define S_ROWS  12
#    define S_PARTS 2
#    define O_ROWS  6
#    define O_PARTS 4
#    define OP      static inline __attribute__((always_inline))
typedef __m512 vf;

OP vf vf_zero(void)
{
    return _mm512_setzero_ps();
}
OP vf vf_one(float v)
{
    return _mm512_set1_ps(v);
}
OP vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
OP void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}
OP vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
OP vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
OP vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
OP vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
OP vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
OP bool vf_any_above(vf v, float f)
{
    return _mm512_cmp_ps_mask(v, _mm512_set1_ps(f), _CMP_GT_OQ) != 0;
}
/* NaN stays NaN: the bounds are the first operands. */
OP vf vf_clamp(vf v, float most)
{
    return _mm512_max_ps(_mm512_set1_ps(-most), _mm512_min_ps(_mm512_set1_ps(most), v));
}
OP vf vf_halves(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
OP vf vf_bytes(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
OP void vf_to_halves(uint8_t *p, vf v)
{
    _mm256_storeu_si256((__m256i *)(void *)p,
                        _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
OP vf vf_exp2(vf x)
{
    vf n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
       f = _mm512_sub_ps(x, n);
    vf y = _mm512_fmadd_ps(_mm512_set1_ps(MN_EXP2__C6), f, _mm512_set1_ps(MN_EXP2__C5));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(MN_EXP2__C4));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(MN_EXP2__C3));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(MN_EXP2__C2));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(MN_EXP2__C1));
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(1));
    __mmask16 some = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126), _CMP_NLT_UQ);
    return _mm512_maskz_scalef_ps(some, y, n);
}

#    include "tensor/attend_tiles.inc"

#else
typedef int mn_no_attend_here; /* a file may not be empty */
#endif
