/* UTF-8: see str.h. Well-formedness is table 3-7 of the Unicode standard: the second byte's range depends on the first,
 * which is what excludes overlong forms, surrogates and everything above U+10FFFF. */
#include "base/str.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

size_t mn_utf8_decode(const char *s, size_t len, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)s;
    if (len == 0) return 0;
    uint32_t c = p[0];
    if (c < 0x80) {
        *ret = c;
        return 1;
    }
    size_t n = c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (n == 0 || len < n || (p[1] & 0xC0) != 0x80) return 0;
    if (n == 2) {
        *ret = (c & 0x1F) << 6 | (p[1] & 0x3Fu);
        return 2;
    }
    if ((p[2] & 0xC0) != 0x80) return 0;
    if (n == 3) {
        c = (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        if (c < 0x800 || (c >= 0xD800 && c < 0xE000)) return 0;
        *ret = c;
        return 3;
    }
    if ((p[3] & 0xC0) != 0x80) return 0;
    c = (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    if (c < 0x10000 || c > 0x10FFFF) return 0;
    *ret = c;
    return 4;
}

size_t mn_utf8_encode(uint32_t cp, char ret[4])
{
    if (cp < 0x80) {
        ret[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        ret[0] = (char)(0xC0 | cp >> 6);
        ret[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) return 0;
    if (cp < 0x10000) {
        ret[0] = (char)(0xE0 | cp >> 12);
        ret[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        ret[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    ret[0] = (char)(0xF0 | cp >> 18);
    ret[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    ret[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    ret[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Where the run of ASCII at p ends, in whole steps; the caller's loop does the rest byte by byte. */
static const char *skip_ascii(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16)
        if (_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p))) return p;
#endif
    for (uint64_t w; end - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        if (w & UINT64_C(0x8080808080808080)) return p;
    }
    return p;
}

bool mn_utf8_valid(mn_str s)
{
    if (s.len == 0) return true; /* the absent string has no pointer to add to */
    const char *p = s.ptr, *end = s.ptr + s.len;
    while (p < end) {
        if (!(*p & 0x80)) {
            p = skip_ascii(p, end);
            while (p < end && !(*p & 0x80)) p++;
            continue;
        }
        uint32_t cp;
        size_t n = mn_utf8_decode(p, (size_t)(end - p), &cp);
        if (n == 0) return false;
        p += n;
    }
    return true;
}

size_t mn_utf8_count(mn_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

mn_str mn_utf8_cut(mn_str s, size_t max_bytes)
{
    if (s.len <= max_bytes) return s;
    size_t n = max_bytes;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) n--;
    return (mn_str){s.ptr, n};
}
