/* Attention for x86-64 with AVX2, FMA and F16C. */
#include "tensor/attend_int.h"

#if defined __x86_64__

#    include <immintrin.h>

#    define STORE   mn_attend__store_avx2
#    define ATTEND  mn_attend__avx2
#    define S_ROWS  6
#    define S_PARTS 1
#    define O_ROWS  3
#    define O_PARTS 2
#    define OP      static inline __attribute__((always_inline))
typedef struct vf {
    __m256 a, b;
} vf;

OP vf vf_zero(void)
{
    return (vf){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
OP vf vf_one(float v)
{
    return (vf){_mm256_set1_ps(v), _mm256_set1_ps(v)};
}
OP vf vf_load(const float *p)
{
    return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
OP void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}
OP vf vf_add(vf a, vf b)
{
    return (vf){_mm256_add_ps(a.a, b.a), _mm256_add_ps(a.b, b.b)};
}
OP vf vf_sub(vf a, vf b)
{
    return (vf){_mm256_sub_ps(a.a, b.a), _mm256_sub_ps(a.b, b.b)};
}
OP vf vf_mul(vf a, vf b)
{
    return (vf){_mm256_mul_ps(a.a, b.a), _mm256_mul_ps(a.b, b.b)};
}
OP vf vf_max(vf a, vf b)
{
    return (vf){_mm256_max_ps(a.a, b.a), _mm256_max_ps(a.b, b.b)};
}
OP vf vf_fma(vf a, vf b, vf c)
{
    return (vf){_mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b)};
}
OP bool vf_any_above(vf v, float f)
{
    __m256 t = _mm256_set1_ps(f);
    __m256 any =
        _mm256_or_ps(_mm256_cmp_ps(v.a, t, _CMP_GT_OQ), _mm256_cmp_ps(v.b, t, _CMP_GT_OQ));
    return _mm256_movemask_ps(any) != 0;
}
/* NaN stays NaN: the bounds are the first operands. */
OP __m256 clamp(__m256 v, float most)
{
    return _mm256_max_ps(_mm256_set1_ps(-most), _mm256_min_ps(_mm256_set1_ps(most), v));
}
OP vf vf_clamp(vf v, float most)
{
    return (vf){clamp(v.a, most), clamp(v.b, most)};
}
OP vf vf_halves(const uint8_t *p)
{
    const __m128i *h = (const __m128i *)(const void *)p;
    return (vf){_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
}
OP vf vf_bytes(const uint8_t *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (vf){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)))};
}
OP void vf_to_halves(uint8_t *p, vf v)
{
    __m128i *h = (__m128i *)(void *)p;
    _mm_storeu_si128(h, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128(h + 1,
                     _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
OP __m256 power(__m256 x)
{
    __m256 n = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
           f = _mm256_sub_ps(x, n);
    __m256 y = _mm256_fmadd_ps(_mm256_set1_ps(MN_EXP2__C6), f, _mm256_set1_ps(MN_EXP2__C5));
    y = _mm256_fmadd_ps(y, f, _mm256_set1_ps(MN_EXP2__C4));
    y = _mm256_fmadd_ps(y, f, _mm256_set1_ps(MN_EXP2__C3));
    y = _mm256_fmadd_ps(y, f, _mm256_set1_ps(MN_EXP2__C2));
    y = _mm256_fmadd_ps(y, f, _mm256_set1_ps(MN_EXP2__C1));
    y = _mm256_fmadd_ps(y, f, _mm256_set1_ps(1));
    __m256i e =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    __m256 some = _mm256_cmp_ps(x, _mm256_set1_ps(-126), _CMP_NLT_UQ);
    return _mm256_and_ps(some, _mm256_mul_ps(y, _mm256_castsi256_ps(e)));
}
OP vf vf_exp2(vf x)
{
    return (vf){power(x.a), power(x.b)};
}

#    include "tensor/attend_tiles.inc"

#else
typedef int mn_no_attend_here; /* a file may not be empty */
#endif
