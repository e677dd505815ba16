/* Growing buffers: see str.h. cap counts the bytes owned (0: ptr is the shared empty string or NULL), and len < cap
 * always holds where cap > 0, because of the NUL. */
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

static char nothing[1]; /* what an empty buffer points at; never written */

void mn_buf_init(mn_buf *b, size_t max_bytes)
{
    *b = (mn_buf){.ptr = nothing, .max = max_bytes};
}

void mn_buf_release(mn_buf *b)
{
    if (b->cap) mn_free(b->ptr);
    mn_buf_init(b, b->max);
}

void mn_buf_clear(mn_buf *b)
{
    b->len = 0;
    b->failed = MN_OK;
    if (b->cap) b->ptr[0] = '\0';
}

static mn_rc grow(mn_buf *b, size_t extra)
{
    size_t need, max = b->max ? b->max : SIZE_MAX - 1;
    if (__builtin_add_overflow(b->len, extra, &need) || need > max)
        return b->failed = MN_E_LIMIT;
    size_t cap = b->cap + b->cap / 2;
    if (cap < 64) cap = 64;
    if (cap > max) cap = max + 1;
    if (cap < need + 1) cap = need + 1;
    char *p = mn_realloc(b->cap ? b->ptr : NULL, cap);
    if (!p) return b->failed = MN_E_NOMEM;
    if (!b->cap) p[0] = '\0';
    b->ptr = p;
    b->cap = cap;
    return MN_OK;
}

mn_rc mn_buf_reserve(mn_buf *b, size_t extra)
{
    if (b->failed != MN_OK) return b->failed;
    if (b->cap > b->len && b->cap - b->len > extra) {
        if (b->max == 0 || extra <= b->max - b->len) return MN_OK;
        return b->failed = MN_E_LIMIT;
    }
    return grow(b, extra);
}

mn_rc mn_buf_add(mn_buf *b, const void *p, size_t n)
{
    MN_TRY(mn_buf_reserve(b, n));
    if (n) memcpy(b->ptr + b->len, p, n);
    b->len += n;
    b->ptr[b->len] = '\0';
    return MN_OK;
}

mn_rc mn_buf_adds(mn_buf *b, mn_str s)
{
    return mn_buf_add(b, s.ptr, s.len);
}

mn_rc mn_buf_addz(mn_buf *b, const char *z)
{
    return mn_buf_add(b, z, strlen(z));
}

mn_rc mn_buf_addc(mn_buf *b, char c)
{
    return mn_buf_add(b, &c, 1);
}

mn_rc mn_buf_addf(mn_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char tmp[256];
    int n = vsnprintf(tmp, sizeof tmp, fmt, ap);
    mn_rc rc = b->failed;
    if (rc != MN_OK) goto out;
    if (n < 0) {
        rc = b->failed = MN_E_LIMIT;
    } else if ((size_t)n < sizeof tmp) {
        rc = mn_buf_add(b, tmp, (size_t)n);
    } else if ((rc = mn_buf_reserve(b, (size_t)n)) == MN_OK) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
out:
    va_end(again);
    va_end(ap);
    return rc;
}

static const char two_digits[] = "0001020304050607080910111213141516171819"
                                 "2021222324252627282930313233343536373839"
                                 "4041424344454647484950515253545556575859"
                                 "6061626364656667686970717273747576777879"
                                 "8081828384858687888990919293949596979899";

enum { DIGITS = 24 };

/* Writes v at the end of tmp; returns how many digits. */
static size_t put_u64(char tmp[DIGITS], uint64_t v)
{
    char *p = tmp + DIGITS;
    while (v >= 100) {
        p -= 2;
        memcpy(p, two_digits + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, two_digits + v * 2, 2);
    } else {
        *--p = (char)('0' + v);
    }
    return (size_t)(tmp + DIGITS - p);
}

mn_rc mn_buf_addu(mn_buf *b, uint64_t v)
{
    char tmp[DIGITS];
    size_t n = put_u64(tmp, v);
    return mn_buf_add(b, tmp + DIGITS - n, n);
}

mn_rc mn_buf_addi(mn_buf *b, int64_t v)
{
    char tmp[DIGITS];
    size_t n = put_u64(tmp, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    if (v < 0) tmp[DIGITS - ++n] = '-';
    return mn_buf_add(b, tmp + DIGITS - n, n);
}
