/* The shortest decimal that reads back as the same double.
 *
 * Most numbers people write have few digits: for those, m = v · 10^k rounded is tried for k = 0, 1, … and taken when
 * m / 10^k is v, which is exactly how the reader's fast path computes it (m ≤ 2^53, k ≤ 22). Others take the fewest
 * digits of 15, 16 and 17 (1 to 17 for subnormals) that read back; where 16 do not, the next decimal away from zero is
 * tried too, because at a power of two the interval that reads back is wider above than below. */
#include <math.h>
#include <stdio.h>

#include "base/base_int.h"

/* Lays n digits with the decimal point after digit `point` out as JSON; like JavaScript, an exponent from 21 digits on
 * and below 1e-6. */
static size_t lay_out(char *ret, const char *digits, int n, int point)
{
    char *p = ret;
    if (point > 0 && point <= 21) {
        for (int i = 0; i < point || i < n; i++) {
            if (i == point) *p++ = '.';
            *p++ = i < n ? digits[i] : '0';
        }
    } else if (point <= 0 && point > -6) {
        memcpy(p, "0.000000", 8);
        p += 2 - point;
        memcpy(p, digits, (size_t)n);
        p += n;
    } else {
        *p++ = digits[0];
        if (n > 1) *p++ = '.';
        memcpy(p, digits + 1, (size_t)n - 1);
        p += n - 1;
        int x = point - 1;
        *p++ = 'e';
        *p++ = x < 0 ? '-' : '+';
        x = x < 0 ? -x : x;
        if (x >= 100) *p++ = (char)('0' + x / 100);
        if (x >= 10) *p++ = (char)('0' + x / 10 % 10);
        *p++ = (char)('0' + x % 10);
    }
    return (size_t)(p - ret);
}

/* digits (n of them) of m, most significant first, without trailing zeros; *point counts all. */
static int digits_of(uint64_t m, char *digits, int *point)
{
    char tmp[24];
    int n = snprintf(tmp, sizeof tmp, "%llu", (unsigned long long)m);
    *point = n;
    while (n > 1 && tmp[n - 1] == '0') n--;
    memcpy(digits, tmp, (size_t)n);
    return n;
}

static bool put_short(double v, char *digits, int *n, int *point)
{
    static const double tens[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    for (int k = 0; k < 16; k++) {
        double m = nearbyint(v * tens[k]);
        if (m >= 0x1p53) return false;
        if (m / tens[k] == v) {
            *n = digits_of((uint64_t)m, digits, point);
            *point -= k;
            return true;
        }
    }
    return false;
}

static bool reads_back(const char *digits, int n, int point, double v)
{
    char tmp[40];
    double back;
    memcpy(tmp, digits, (size_t)n);
    int len = n + snprintf(tmp + n, sizeof tmp - (size_t)n, "e%d", point - n);
    return mn_str_to_f64((mn_str){tmp, (size_t)len}, &back) == MN_OK && back == v;
}

/* n significant digits of v, by the C library; its decimal point, whatever the locale, is skipped. */
static void round_to(double v, int n, char *digits, int *point)
{
    char tmp[48];
    snprintf(tmp, sizeof tmp, "%.*e", n - 1, v);
    int got = 0, x = 0;
    const char *p = tmp;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') digits[got++] = *p;
    for (const char *d = p + 2; *d; d++) x = x * 10 + (*d - '0');
    *point = (p[1] == '-' ? -x : x) + 1;
}

/* The decimal of n digits next above. */
static void step_up(char *digits, int n, int *point)
{
    int i = n - 1;
    for (; i >= 0 && digits[i] == '9'; i--) digits[i] = '0';
    if (i >= 0) {
        digits[i]++;
    } else {
        digits[0] = '1';
        ++*point;
    }
}

static void put_long(double v, char *digits, int *n, int *point)
{
    for (*n = v < 0x1p-1022 ? 1 : 15; *n < 17; ++*n) {
        round_to(v, *n, digits, point);
        if (reads_back(digits, *n, *point, v)) break;
        step_up(digits, *n, point);
        if (reads_back(digits, *n, *point, v)) break;
    }
    if (*n == 17) round_to(v, 17, digits, point);
    while (*n > 1 && digits[*n - 1] == '0') --*n;
}

size_t mn_base__f64_put(double v, char *ret)
{
    char digits[24];
    int n, point;
    size_t sign = signbit(v) ? 1 : 0;
    if (sign) *ret = '-';
    v = fabs(v);
    if (!put_short(v, digits, &n, &point)) put_long(v, digits, &n, &point);
    return sign + lay_out(ret + sign, digits, n, point);
}
