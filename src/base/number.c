/* Numbers from text: see str.h.
 *
 * A double is read exactly without the C library where Clinger's fast path applies (at most 2^53 as an integer, a power
 * of ten up to 22: both exact, so that one multiplication or division rounds once); the rest goes to strtod_l in the
 * "C" locale, whatever the process has set.  Source: Clinger 1990, How to read floating point numbers accurately. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/str.h"

mn_rc mn_str_to_u64(mn_str s, uint64_t *ret)
{
    if (s.len == 0) return MN_E_PARSE;
    uint64_t v = 0;
    bool over = false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (d > 9) return MN_E_PARSE;
        over |= __builtin_mul_overflow(v, UINT64_C(10), &v);
        over |= __builtin_add_overflow(v, (uint64_t)d, &v);
    }
    if (over) return MN_E_LIMIT;
    *ret = v;
    return MN_OK;
}

mn_rc mn_str_to_i64(mn_str s, int64_t *ret)
{
    bool minus = s.len && s.ptr[0] == '-';
    if (s.len && (minus || s.ptr[0] == '+')) s = mn_str_sub(s, 1, SIZE_MAX);
    uint64_t v;
    MN_TRY(mn_str_to_u64(s, &v));
    if (v > (uint64_t)INT64_MAX + minus) return MN_E_LIMIT;
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return MN_OK;
}

/* A decimal number taken apart: value = digits · 10^exp10, exact unless `more`. */
typedef struct decimal {
    uint64_t digits;
    int64_t exp10;
    bool minus, more;
} decimal;

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* Reads digits into d, counting each as `places` of the exponent; returns where they end. */
static const char *take_digits(const char *p, const char *end, bool fraction, decimal *d)
{
    for (; is_digit(p, end); p++) {
        if (d->digits >= UINT64_C(100000000000000000)) {
            if (*p != '0') d->more = true;
            d->exp10 += !fraction;
        } else {
            d->digits = d->digits * 10 + (uint64_t)(*p - '0');
            d->exp10 -= fraction;
        }
    }
    return p;
}

static bool take_apart(mn_str s, decimal *d)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    if (p < end && (*p == '-' || *p == '+')) d->minus = *p++ == '-';
    const char *from = p;
    p = take_digits(p, end, false, d);
    size_t n = (size_t)(p - from);
    if (p < end && *p == '.') {
        from = ++p;
        p = take_digits(p, end, true, d);
        n += (size_t)(p - from);
    }
    if (n == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (!is_digit(p, end)) return false;
        int64_t x = 0;
        for (; is_digit(p, end); p++)
            if (x < 1000000000) x = x * 10 + (*p - '0');
        d->exp10 += minus ? -x : x;
    }
    return p == end;
}

static locale_t c_locale;
static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* static in glibc: cannot fail */
    MN_ASSERT(c_locale != (locale_t)0);
}

static mn_rc slow(mn_str s, double *ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    char small[128], *z = s.len < sizeof small ? small : mn_alloc(s.len + 1);
    if (!z) return MN_E_NOMEM;
    memcpy(z, s.ptr, s.len);
    z[s.len] = '\0';
    double v = strtod_l(z, NULL, c_locale);
    if (z != small) mn_free(z);
    if (isinf(v)) return MN_E_LIMIT;
    *ret = v;
    return MN_OK;
}

mn_rc mn_str_to_f64(mn_str s, double *ret)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    decimal d = {0};
    if (s.len == 0 || !take_apart(s, &d)) return MN_E_PARSE;
    if (d.more || d.digits > UINT64_C(1) << 53 || d.exp10 < -22 || d.exp10 > 22)
        return slow(s, ret);
    double v = (double)d.digits;
    v = d.exp10 < 0 ? v / tens[-d.exp10] : v * tens[d.exp10];
    *ret = d.minus ? -v : v;
    return MN_OK;
}
