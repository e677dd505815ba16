/* Slices: see str.h. Numbers from text are in number.c, UTF-8 in utf8.c, growing buffers in buf.c. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool mn_str_eq(mn_str a, mn_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool mn_str_eqz(mn_str a, const char *z)
{
    return mn_str_eq(a, mn_str_from(z));
}

bool mn_str_eq_nocase(mn_str a, mn_str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

int mn_str_cmp(mn_str a, mn_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool mn_str_starts(mn_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

bool mn_str_ends(mn_str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && (n == 0 || memcmp(s.ptr + s.len - n, suffix, n) == 0);
}

mn_str mn_str_trim(mn_str s)
{
    while (s.len && is_space(s.ptr[0])) s.ptr++, s.len--;
    while (s.len && is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

mn_str mn_str_sub(mn_str s, size_t from, size_t len)
{
    if (!s.ptr) return MN_STR_NONE;
    if (from > s.len) from = s.len;
    if (len > s.len - from) len = s.len - from;
    return (mn_str){s.ptr + from, len};
}

size_t mn_str_find(mn_str s, mn_str needle, size_t from)
{
    if (from > s.len) return SIZE_MAX;
    if (needle.len == 0) return from;
    if (s.len - from < needle.len) return SIZE_MAX;
    const char *p = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

mn_str mn_str_split(mn_str s, char sep, mn_str *rest)
{
    const char *p = s.len ? memchr(s.ptr, sep, s.len) : NULL;
    if (!p) {
        *rest = MN_STR_NONE;
        return s;
    }
    size_t n = (size_t)(p - s.ptr);
    *rest = (mn_str){p + 1, s.len - n - 1};
    return (mn_str){s.ptr, n};
}

mn_str mn_str_dup(mn_arena *a, mn_str s)
{
    char *p = mn_arena_strndup(a, s.ptr, s.len);
    return p ? (mn_str){p, s.len} : MN_STR_NONE;
}

mn_str mn_str_fmt(mn_arena *a, const char *fmt, ...)
{
    char tmp[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    mn_str s = MN_STR_NONE;
    int n = vsnprintf(tmp, sizeof tmp, fmt, ap);
    char *p = n < 0 ? NULL : mn_arena_alloc(a, (size_t)n + 1);
    if (p) {
        if ((size_t)n < sizeof tmp) memcpy(p, tmp, (size_t)n + 1);
        else vsnprintf(p, (size_t)n + 1, fmt, again);
        s = (mn_str){p, (size_t)n};
    }
    va_end(again);
    va_end(ap);
    return s;
}

/* Three rows of the usual table are enough for transpositions too. */
size_t mn_str_distance(mn_str a, mn_str b)
{
    enum { MOST = 64 };
    if (a.len > MOST || b.len > MOST) return SIZE_MAX;
    size_t rows[3][MOST + 1], *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;
        before = last, last = row, row = spare;
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}
