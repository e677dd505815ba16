/* Packed matrices for x86-64 with AVX-512 and VNNI: 16 rows are one vector. */
#include "tensor/packed_int.h"

#if defined __x86_64__

#    include <immintrin.h>

#    define SIGNED_BYTES 0
#    define LATE(bits)   0
#    define TILE_P       2
#    define TILE_T       6
#    define TILE_MAX     8
typedef __m512i vi, vb, xv;
typedef __m512 vf;
#    define OP static inline __attribute__((always_inline))

OP __mmask16 first(uint32_t n)
{
    return (__mmask16)(0xffffu >> (16 - n));
}
OP vb vb_load(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}
OP vb vb_low(vb b)
{
    return _mm512_and_si512(b, _mm512_set1_epi8(15));
}
OP vb vb_high(vb b)
{
    return _mm512_and_si512(_mm512_srli_epi16(b, 4), _mm512_set1_epi8(15));
}
/* The bits of other bytes that a shift of words brings are masked away. */
OP vb vb_or_bits(vb b, vb plane, const int from, const int mask)
{
    vb bits = from > 4 ? _mm512_srli_epi32(plane, (unsigned)(from - 4))
                       : _mm512_slli_epi32(plane, (unsigned)(4 - from));
    return _mm512_ternarylogic_epi32(b, bits, _mm512_set1_epi8((char)(mask << 4)),
                                     0xf8); /* b | (bits & mask) */
}
OP vi vi_zero(void)
{
    return _mm512_setzero_si512();
}
OP xv x_load(const uint8_t *p)
{
    int32_t w;
    memcpy(&w, p, sizeof w);
    return _mm512_set1_epi32(w);
}
OP vi vi_sum(const uint8_t *p, const int shift)
{
    return _mm512_slli_epi32(x_load(p), (unsigned)shift);
}
OP vi vi_rest(const uint8_t *sum, const uint8_t *part, const int shift)
{
    return _mm512_slli_epi32(_mm512_sub_epi32(x_load(sum), x_load(part)), (unsigned)shift);
}
OP vi vi_dot(vi s, vb w, xv x, const int bits)
{
    (void)bits;
    return _mm512_dpbusd_epi32(s, w, x);
}
OP vi vi_close(vi s, vi begin)
{
    return _mm512_add_epi32(s, begin);
}
OP vf vf_zero(void)
{
    return _mm512_setzero_ps();
}
OP vf vf_load(const float *p, uint32_t n)
{
    return _mm512_maskz_loadu_ps(first(n), p);
}
OP void vf_store(float *p, vf v, uint32_t n)
{
    _mm512_mask_storeu_ps(p, first(n), v);
}
OP vf vf_one(const uint8_t *p)
{
    return _mm512_castsi512_ps(x_load(p));
}
OP vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
OP vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
OP vf vf_of(vi v)
{
    return _mm512_cvtepi32_ps(v);
}
OP vf vf_halves(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
OP vf vf_bytes(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
OP vf vf_signed_bytes(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
OP vf vw_f32(vf acc, const uint8_t *w, const uint8_t *x)
{
    return _mm512_fmadd_ps(_mm512_loadu_ps((const float *)(const void *)w), vf_one(x), acc);
}
OP vf vw_f16(vf acc, const uint8_t *w, const uint8_t *x)
{
    return _mm512_fmadd_ps(vf_halves(w), vf_one(x), acc);
}
OP vf vw_bf16(vf acc, const uint8_t *w, const uint8_t *x)
{
    return _mm512_dpbf16_ps(acc, (__m512bh)_mm512_loadu_si512(w), (__m512bh)x_load(x));
}

#    include "tensor/packed_tiles.inc"

/* ---- rows of x --------------------------------------------------------------------------------------------------- */

/* The largest magnitude of 32 floats: as bits, see mn_act__largest. */
OP float largest(__m512i a, __m512i b)
{
    __m512i m = _mm512_set1_epi32(0x7fffffff);
    uint32_t u = _mm512_reduce_max_epu32(
        _mm512_max_epu32(_mm512_and_si512(a, m), _mm512_and_si512(b, m)));
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static void act_q8(const float *x, uint32_t K, uint8_t *ret)
{
    uint8_t *blocks = ret + mn_act__blocks_at(K);
    memset(ret + K, 0, mn_act__q8_bytes(K) - K);
    for (size_t b = 0; b < K / 32; b++, x += 32) {
        __m512 v[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
        float inverse,
            d = mn_act__scale(largest(_mm512_castps_si512(v[0]), _mm512_castps_si512(v[1])),
                              &inverse);
        int32_t half[2];
        for (int h = 0; h < 2; h++) {
            /* Not finite times 0 would be NaN, and become -2^31. */
            __mmask16 some = inverse > 0 ? 0xffff : 0;
            __m512i q =
                _mm512_maskz_cvtps_epi32(some, _mm512_mul_ps(v[h], _mm512_set1_ps(inverse)));
            _mm_storeu_si128((__m128i *)(void *)(ret + 32 * b + 16 * (size_t)h),
                             _mm512_cvtepi32_epi8(q));
            half[h] = -_mm512_reduce_add_epi32(q);
        }
        int32_t sum = half[0] + half[1];
        mn_act__block a = {d, d * (float)-sum, sum, half[0]};
        memcpy(blocks + b * sizeof a, &a, sizeof a);
    }
}

/* vcvtneps2bf16 takes subnormal numbers for 0; rounding by hand does not. */
static void act_bf16(const float *x, uint32_t K, uint8_t *ret)
{
    for (size_t k = 0; k < K; k += 16) {
        __mmask16 m = first(K - k < 16 ? (uint32_t)(K - k) : 16);
        __m512 v = _mm512_maskz_loadu_ps(m, x + k);
        __m512i u = _mm512_castps_si512(v),
                odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
        __m512i r = _mm512_srli_epi32(
            _mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff)), 16);
        __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        r = _mm512_mask_or_epi32(r, nan, _mm512_srli_epi32(u, 16), _mm512_set1_epi32(0x40));
        __mmask16 store = first(K - k < 16 ? (uint32_t)(K - k + (K & 1)) : 16);
        _mm256_mask_storeu_epi16(ret + 2 * k, store, _mm512_cvtepi32_epi16(r));
    }
}

const mn_packed__set mn_packed__avx512 = {
    .name = "avx512-vnni-bf16",
    .product = {[MN_Q_F32] = f32,
                [MN_Q_F16] = f16,
                [MN_Q_BF16] = bf16,
                [MN_Q_Q8_0] = q8_0,
                [MN_Q_Q4_0] = q4_0,
                [MN_Q_Q4_1] = q4_1,
                [MN_Q_Q5_0] = q5_0,
                [MN_Q_Q5_1] = q5_1,
                [MN_Q_Q4_K] = q4_k,
                [MN_Q_Q5_K] = q5_k,
                [MN_Q_Q6_K] = q6_k},
    .act_q8 = act_q8,
    .act_bf16 = act_bf16,
    .kv_store = mn_attend__store_avx512,
    .attend = mn_attend__avx512,
};

#else
typedef int mn_no_packed_here; /* a file may not be empty */
#endif
