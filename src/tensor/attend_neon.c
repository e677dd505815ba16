/* Attention for aarch64. */
#include "tensor/attend_int.h"

#if defined __aarch64__

#    include <arm_neon.h>

#    define STORE    mn_attend__store_neon
#    define ATTEND   mn_attend__neon
#    define S_ROWS   6
#    define S_PARTS  1
#    define O_ROWS   6
#    define O_PARTS  1
#    define OP       static inline __attribute__((always_inline))
#    define EACH4(i) _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
typedef struct vf {
    float32x4_t v[4];
} vf;

OP vf vf_one(float f)
{
    float32x4_t v = vdupq_n_f32(f);
    return (vf){{v, v, v, v}};
}
OP vf vf_zero(void)
{
    return vf_one(0);
}
OP vf vf_load(const float *p)
{
    vf r;
    EACH4(i) r.v[i] = vld1q_f32(p + 4 * i);
    return r;
}
OP void vf_store(float *p, vf v)
{
    EACH4(i) vst1q_f32(p + 4 * i, v.v[i]);
}
OP vf vf_add(vf a, vf b)
{
    EACH4(i) a.v[i] = vaddq_f32(a.v[i], b.v[i]);
    return a;
}
OP vf vf_sub(vf a, vf b)
{
    EACH4(i) a.v[i] = vsubq_f32(a.v[i], b.v[i]);
    return a;
}
OP vf vf_mul(vf a, vf b)
{
    EACH4(i) a.v[i] = vmulq_f32(a.v[i], b.v[i]);
    return a;
}
OP vf vf_max(vf a, vf b)
{
    EACH4(i) a.v[i] = vmaxq_f32(a.v[i], b.v[i]);
    return a;
}
OP vf vf_fma(vf a, vf b, vf c)
{
    EACH4(i) c.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]);
    return c;
}
OP bool vf_any_above(vf v, float f)
{
    uint32x4_t any = vdupq_n_u32(0);
    EACH4(i) any = vorrq_u32(any, vcgtq_f32(v.v[i], vdupq_n_f32(f)));
    return vmaxvq_u32(any) != 0;
}
OP vf vf_clamp(vf v, float most)
{
    EACH4(i) v.v[i] = vmaxq_f32(vminq_f32(v.v[i], vdupq_n_f32(most)), vdupq_n_f32(-most));
    return v;
}
OP vf vf_halves(const uint8_t *p)
{
    vf r;
    EACH4(i) r.v[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * i)));
    return r;
}
OP vf vf_bytes(const uint8_t *p)
{
    int8x16_t b = vld1q_s8((const int8_t *)p);
    int16x8_t low = vmovl_s8(vget_low_s8(b)), high = vmovl_s8(vget_high_s8(b));
    return (vf){{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))),
                 vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
                 vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                 vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
}
OP void vf_to_halves(uint8_t *p, vf v)
{
    EACH4(i) vst1_u8(p + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(v.v[i])));
}
OP float32x4_t power(float32x4_t x)
{
    float32x4_t n = vrndnq_f32(x), f = vsubq_f32(x, n), y = vdupq_n_f32(MN_EXP2__C5);
    y = vfmaq_f32(y, vdupq_n_f32(MN_EXP2__C6), f);
    y = vfmaq_f32(vdupq_n_f32(MN_EXP2__C4), y, f);
    y = vfmaq_f32(vdupq_n_f32(MN_EXP2__C3), y, f);
    y = vfmaq_f32(vdupq_n_f32(MN_EXP2__C2), y, f);
    y = vfmaq_f32(vdupq_n_f32(MN_EXP2__C1), y, f);
    y = vfmaq_f32(vdupq_n_f32(1), y, f);
    int32x4_t e = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23);
    uint32x4_t bits = vreinterpretq_u32_f32(vmulq_f32(y, vreinterpretq_f32_s32(e)));
    return vreinterpretq_f32_u32(vbicq_u32(bits, vcltq_f32(x, vdupq_n_f32(-126))));
}
OP vf vf_exp2(vf x)
{
    EACH4(i) x.v[i] = power(x.v[i]);
    return x;
}

#    include "tensor/attend_tiles.inc"

#else
typedef int mn_no_attend_here; /* a file may not be empty */
#endif
