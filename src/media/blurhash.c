/* BlurHash: a picture's lowest frequencies in a few dozen characters. Source: the algorithm's public description
 * (blurha.sh): a cosine transform of the linear colours, 4 x 4 components, written in base 83. */
#include <math.h>

#include "media/media_int.h"

#define X 4
#define Y 4

static const char digits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

static char *put83(char *to, int value, int n)
{
    for (int i = n - 1; i >= 0; i--, value /= 83) to[i] = digits[value % 83];
    return to + n;
}

static float to_linear(int v)
{
    float x = (float)v / 255;
    return x <= 0.04045f ? x / 12.92f : powf((x + 0.055f) / 1.055f, 2.4f);
}

static int to_srgb(float v)
{
    v = v < 0 ? 0 : v > 1 ? 1 : v;
    v = v <= 0.0031308f ? v * 12.92f : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
    return (int)(v * 255 + 0.5f);
}

/* Amplitude of one pair of waves; transparent parts count as white. */
static void factor(const mn_pic *p, const float linear[256], int i, int j, float ret[3])
{
    double sum[3] = {0};
    for (int y = 0; y < p->h; y++) {
        double wave_y = cos(M_PI * j * y / p->h);
        for (int x = 0; x < p->w; x++) {
            const uint8_t *px = p->px + 4 * ((size_t)y * (size_t)p->w + (size_t)x);
            double wave = wave_y * cos(M_PI * i * x / p->w);
            for (int c = 0; c < 3; c++)
                sum[c] += wave * linear[(px[c] * px[3] + 255 * (255 - px[3]) + 127) / 255];
        }
    }
    double scale = (i || j ? 2.0 : 1.0) / ((double)p->w * p->h);
    for (int c = 0; c < 3; c++) ret[c] = (float)(sum[c] * scale);
}

static int quantise(float v, float most)
{
    v /= most;
    int q = (int)floorf(copysignf(sqrtf(fabsf(v)), v) * 9 + 9.5f);
    return q < 0 ? 0 : q > 18 ? 18 : q;
}

void mn_blurhash__encode(const mn_pic *p, char ret[MN_BLURHASH_MAX])
{
    float linear[256], f[X * Y][3], most = 0;
    for (int i = 0; i < 256; i++) linear[i] = to_linear(i);
    for (int k = 0; k < X * Y; k++) {
        factor(p, linear, k % X, k / X, f[k]);
        for (int c = 0; k && c < 3; c++) most = fmaxf(most, fabsf(f[k][c]));
    }
    int q = (int)floorf(most * 166 - 0.5f);
    q = q < 0 ? 0 : q > 82 ? 82 : q;
    char *to = put83(ret, X - 1 + (Y - 1) * 9, 1);
    to = put83(to, q, 1);
    to = put83(to, to_srgb(f[0][0]) << 16 | to_srgb(f[0][1]) << 8 | to_srgb(f[0][2]), 4);
    most = (float)(q + 1) / 166;
    for (int k = 1; k < X * Y; k++)
        to = put83(to,
                   (quantise(f[k][0], most) * 19 + quantise(f[k][1], most)) * 19 +
                       quantise(f[k][2], most),
                   2);
    *to = '\0';
}
