/* ASCII classes for the matchers of this folder. */
#ifndef MN_CORPUS_CHARS_H
#define MN_CORPUS_CHARS_H

#include <stdbool.h>

#include "base/str.h"

static inline bool mn_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool mn_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool mn_is_alnum(char c)
{
    return mn_is_digit(c) || mn_is_alpha(c);
}
static inline char mn_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
/* Value of a hexadecimal digit, or -1. */
static inline int mn_hexval(char c)
{
    c = mn_lower(c);
    return mn_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* The byte at i, or NUL outside of the string. */
static inline char mn_at(mn_str s, size_t i)
{
    return i < s.len ? s.ptr[i] : '\0';
}
static inline char mn_before(mn_str s, size_t i)
{
    return i > 0 ? s.ptr[i - 1] : '\0';
}

#endif
