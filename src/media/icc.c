/* Colours of another profile into sRGB, for profiles that are three curves and a matrix: what cameras and telephones embed
 * (Display P3, Adobe RGB). Others are left as they are, which is what a viewer without colour management shows. The profile
 * itself is dropped with all other metadata. Source: ICC.1:2010; the matrix from XYZ (D50) to linear sRGB is Bradford-adapted
 * IEC 61966-2-1. */
#include <math.h>

#include "media/media_int.h"

#define CURVE_MAX 4096
#define BACK      4096 /* steps of the table back to sRGB */

typedef struct profile {
    double m[9];         /* linear device RGB to linear sRGB */
    float curve[3][256]; /* device value to linear */
} profile;

static uint32_t be32(mn_str s, size_t at)
{
    const uint8_t *p = (const uint8_t *)s.ptr + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned be16(mn_str s, size_t at)
{
    const uint8_t *p = (const uint8_t *)s.ptr + at;
    return (unsigned)p[0] << 8 | p[1];
}

static double fixed(mn_str s, size_t at)
{
    return (int32_t)be32(s, at) / 65536.0;
}

/* The bytes of a tag, empty when there is none. */
static mn_str tag(mn_str icc, const char *name)
{
    uint32_t n = be32(icc, 128);
    for (uint32_t i = 0; i < n && i < 100 && 132 + 12 * ((size_t)i + 1) <= icc.len; i++) {
        size_t entry = 132 + 12 * (size_t)i, at = be32(icc, entry + 4),
               len = be32(icc, entry + 8);
        if (memcmp(icc.ptr + entry, name, 4) != 0) continue;
        return at <= icc.len && len <= icc.len - at ? mn_str_sub(icc, at, len) : MN_STR("");
    }
    return MN_STR("");
}

static bool read_xyz(mn_str icc, const char *name, double ret[3])
{
    mn_str t = tag(icc, name);
    if (t.len < 20 || memcmp(t.ptr, "XYZ ", 4) != 0) return false;
    for (size_t i = 0; i < 3; i++) ret[i] = fixed(t, 8 + 4 * i);
    return true;
}

/* A table of n 16-bit points, between them straight. */
static float from_table(mn_str t, uint32_t n, double x)
{
    double at = x * (n - 1);
    uint32_t i = (uint32_t)at;
    if (i >= n - 1) return (float)(be16(t, 12 + 2 * (size_t)(n - 1)) / 65535.0);
    double a = be16(t, 12 + 2 * (size_t)i), b = be16(t, 14 + 2 * (size_t)i);
    return (float)((a + (b - a) * (at - i)) / 65535.0);
}

static bool read_curv(mn_str t, float ret[256])
{
    uint32_t n = t.len >= 12 ? be32(t, 8) : UINT32_MAX;
    if (n > CURVE_MAX || 12 + 2 * (size_t)n > t.len) return false;
    for (int i = 0; i < 256; i++) {
        double x = i / 255.0;
        ret[i] = n == 0   ? (float)x
                 : n == 1 ? (float)pow(x, be16(t, 12) / 256.0)
                          : from_table(t, n, x);
    }
    return true;
}

/* Parametric: Y = (aX + b)^g + e above d, cX + f below; later functions name more of these. */
static bool read_para(mn_str t, float ret[256])
{
    static const size_t counts[] = {1, 3, 4, 5, 7};
    double v[7] = {0};
    unsigned kind = t.len >= 12 ? be16(t, 8) : 99;
    if (kind > 4 || 12 + 4 * counts[kind] > t.len) return false;
    for (size_t i = 0; i < counts[kind]; i++) v[i] = fixed(t, 12 + 4 * i);
    double g = v[0], a = kind ? v[1] : 1, b = v[2], c = v[3], d = v[4], e = v[5], f = v[6];
    if (kind == 1 || kind == 2) { /* constant below -b/a */
        e = f = kind == 2 ? v[3] : 0;
        c = 0;
        d = a != 0 ? -b / a : 0;
    }
    for (int i = 0; i < 256; i++) {
        double x = i / 255.0, base = a * x + b;
        ret[i] = (float)(kind == 0 || x >= d ? pow(base > 0 ? base : 0, g) + e : c * x + f);
    }
    return true;
}

static bool read_curve(mn_str icc, const char *name, float ret[256])
{
    mn_str t = tag(icc, name);
    bool ok = t.len >= 12 && (memcmp(t.ptr, "curv", 4) == 0   ? read_curv(t, ret)
                              : memcmp(t.ptr, "para", 4) == 0 ? read_para(t, ret)
                                                              : false);
    for (int i = 0; ok && i < 256; i++) ok = isfinite(ret[i]);
    return ok;
}

static bool read_profile(mn_str icc, profile *ret)
{
    static const double to_srgb[9] = {3.1338561, -1.6168667, -0.4906146, -0.9787684, 1.9161415,
                                      0.0334540, 0.0719453,  -0.2289914, 1.4052427};
    double xyz[3][3];
    if (icc.len < 132 || memcmp(icc.ptr + 36, "acsp", 4) != 0 ||
        memcmp(icc.ptr + 16, "RGB ", 4) != 0 || memcmp(icc.ptr + 20, "XYZ ", 4) != 0)
        return false;
    if (!read_xyz(icc, "rXYZ", xyz[0]) || !read_xyz(icc, "gXYZ", xyz[1]) ||
        !read_xyz(icc, "bXYZ", xyz[2]) || !read_curve(icc, "rTRC", ret->curve[0]) ||
        !read_curve(icc, "gTRC", ret->curve[1]) || !read_curve(icc, "bTRC", ret->curve[2]))
        return false;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            ret->m[3 * r + c] = 0;
            for (int k = 0; k < 3; k++) ret->m[3 * r + c] += to_srgb[3 * r + k] * xyz[c][k];
        }
    return true;
}

static double srgb_to_linear(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double linear_to_srgb(double v)
{
    return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* So near to sRGB that rounding would do more than converting. */
static bool is_srgb(const profile *f)
{
    for (int i = 0; i < 9; i++)
        if (fabs(f->m[i] - (i % 4 == 0)) > 0.01) return false;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i += 15)
            if (fabs(f->curve[c][i] - srgb_to_linear(i / 255.0)) > 0.006) return false;
    return true;
}

static void convert(mn_pic *p, const profile *f)
{
    static uint8_t back[BACK + 1]; /* the worker has one thread and one picture */
    for (int i = 0; i <= BACK; i++)
        back[i] = (uint8_t)(linear_to_srgb((double)i / BACK) * 255 + 0.5);
    float m[9];
    for (int i = 0; i < 9; i++) m[i] = (float)f->m[i];
    size_t n = (size_t)p->w * (size_t)p->h;
    for (uint8_t *px = p->px; n > 0; n--, px += 4) {
        float r = f->curve[0][px[0]], g = f->curve[1][px[1]], b = f->curve[2][px[2]];
        for (int c = 0; c < 3; c++) {
            float v = m[3 * c] * r + m[3 * c + 1] * g + m[3 * c + 2] * b;
            px[c] = back[v > 0 ? v < 1 ? (int)(v * BACK + 0.5f) : BACK : 0];
        }
    }
}

mn_rc mn_pic__to_srgb(mn_pic *p, mn_err *e)
{
    if (!p->icc.len) return MN_OK;
    profile *f = mn_calloc(1, sizeof *f);
    if (!f) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    if (read_profile(mn_buf_str(&p->icc), f) && !is_srgb(f)) convert(p, f);
    mn_free(f);
    return MN_OK;
}
