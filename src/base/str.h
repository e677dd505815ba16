/* Text: borrowed slices (mn_str) and growing buffers with a hard limit (mn_buf). */
#ifndef MN_BASE_STR_H
#define MN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Borrowed bytes, not NUL-terminated; valid as long as their owner. {NULL,0} is the absent string,
 * {"",0} the empty one. */
typedef struct mn_str {
    const char *ptr;
    size_t len;
} mn_str;

#define MN_STR(literal) ((mn_str){(literal), sizeof(literal) - 1})
#define MN_STR_NONE     ((mn_str){NULL, 0})
/* For printf: "%.*s", MN_STR_FMT(s) */
#define MN_STR_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline mn_str mn_str_from(const char *z)
{
    return z ? (mn_str){z, strlen(z)} : MN_STR_NONE;
}
bool mn_str_eq(mn_str a, mn_str b);
bool mn_str_eqz(mn_str a, const char *z);
bool mn_str_eq_nocase(mn_str a, mn_str b); /* ASCII only */
int mn_str_cmp(mn_str a, mn_str b);        /* bytewise, as memcmp then length */
bool mn_str_starts(mn_str s, const char *prefix);
bool mn_str_ends(mn_str s, const char *suffix);
mn_str mn_str_trim(mn_str s);                         /* ASCII white space at both ends */
mn_str mn_str_sub(mn_str s, size_t from, size_t len); /* clamped */
/* First occurrence of needle in s at or after from; SIZE_MAX when absent. */
size_t mn_str_find(mn_str s, mn_str needle, size_t from);
/* Cuts s at the first `sep`: returns what is before, leaves what is after in *rest (MN_STR_NONE when no sep). */
mn_str mn_str_split(mn_str s, char sep, mn_str *rest);
mn_str mn_str_dup(mn_arena *a,
                  mn_str s); /* NUL-terminated copy; MN_STR_NONE when out of memory */
mn_str mn_str_fmt(mn_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Edit distance with insertions, deletions, replacements and swaps of neighbours, in bytes; SIZE_MAX when either is
 * longer than 64. For "did you mean". */
size_t mn_str_distance(mn_str a, mn_str b);

/* Whole string as a number: MN_E_PARSE when empty, not a number or followed by anything; MN_E_LIMIT when too large.
 * Decimal only, optional sign for the signed one. */
mn_rc mn_str_to_u64(mn_str s, uint64_t *ret);
mn_rc mn_str_to_i64(mn_str s, int64_t *ret);
mn_rc mn_str_to_f64(mn_str s, double *ret); /* locale-independent; no hex, no inf, no nan */

/* Growing bytes with a hard maximum. `ptr` is always NUL-terminated after `len` once anything was added (and "" after
 * init). On failure (no memory, over the maximum) the buffer is unchanged and `failed` is set, so that a run of
 * appends may be checked once at the end: until mn_buf_clear every later append fails the same way. */
typedef struct mn_buf {
    char *ptr;
    size_t len, cap, max;
    mn_rc failed; /* MN_OK, MN_E_NOMEM or MN_E_LIMIT: the first failure */
} mn_buf;

void mn_buf_init(mn_buf *b, size_t max_bytes); /* 0 = no limit but memory */
void mn_buf_release(mn_buf *b);
void mn_buf_clear(mn_buf *b); /* empties, keeps the memory and the maximum, resets `failed` */
mn_rc mn_buf_reserve(mn_buf *b, size_t extra); /* room for extra more bytes (and the NUL) */
mn_rc mn_buf_add(mn_buf *b, const void *p, size_t n);
mn_rc mn_buf_adds(mn_buf *b, mn_str s);
mn_rc mn_buf_addz(mn_buf *b, const char *z);
mn_rc mn_buf_addc(mn_buf *b, char c);
mn_rc mn_buf_addf(mn_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
mn_rc mn_buf_addu(mn_buf *b, uint64_t v); /* decimal, fast */
mn_rc mn_buf_addi(mn_buf *b, int64_t v);
static inline mn_str mn_buf_str(const mn_buf *b)
{
    return (mn_str){b->ptr ? b->ptr : "", b->len};
}

/* UTF-8. Decodes one code point at s[0..len): its length 1..4 and *ret, or 0 when the bytes are not well-formed
 * (overlong, surrogate, above U+10FFFF, truncated, or len = 0). */
size_t mn_utf8_decode(const char *s, size_t len, uint32_t *ret);
size_t mn_utf8_encode(uint32_t cp, char ret[4]); /* 0 when cp is not a scalar value */
bool mn_utf8_valid(mn_str s);   /* fast; checks 8+ bytes at a time where ASCII */
size_t mn_utf8_count(mn_str s); /* code points of a valid string */
/* The longest prefix of s of at most max_bytes that ends between code points. */
mn_str mn_utf8_cut(mn_str s, size_t max_bytes);

#endif
