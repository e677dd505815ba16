/* Unicode facts by two table look-ups, and NFC in linear time.
 *
 * utf8proc's own decomposition sorts combining marks by swapping neighbours, which is quadratic on a post made of marks
 * only; here each code point is decomposed by utf8proc and runs of marks are sorted by counting. Composition is
 * utf8proc's, which is linear. ASCII never changes under NFC and an ASCII character never joins what stands before it,
 * so only stretches "one ASCII character, then non-ASCII ones" are worked on.
 */
#include "text/unicode.h"

#include <string.h>

#include <utf8proc.h>

#include "text/unicode_table.h"

#define MN_U_MAX 0x10FFFFu

static inline uint8_t flags_of(uint32_t cp)
{
    if (cp > MN_U_MAX) return 0;
    size_t page = mn_u_flags_page[cp >> MN_U_PAGE_SHIFT];
    return mn_u_flags_value[page << MN_U_PAGE_SHIFT | (cp & ((1u << MN_U_PAGE_SHIFT) - 1))];
}

mn_uclass mn_uclass_of(uint32_t cp)
{
    return (mn_uclass)(flags_of(cp) & 3);
}

bool mn_umark(uint32_t cp)
{
    return flags_of(cp) & 4;
}

bool mn_uemoji(uint32_t cp)
{
    return flags_of(cp) & 8;
}

uint32_t mn_ulower(uint32_t cp)
{
    if (cp > MN_U_MAX) return cp;
    size_t page = mn_u_lower_page[cp >> MN_U_PAGE_SHIFT];
    size_t value = page << MN_U_PAGE_SHIFT | (cp & ((1u << MN_U_PAGE_SHIFT) - 1));
    return (uint32_t)((int32_t)cp + mn_u_lower_delta[mn_u_lower_value[value]]);
}

/* ---- NFC ---------------------------------------------------------------------------------------------------- */

/* Code points of one stretch, decomposed. */
typedef struct points {
    int32_t *ptr;
    size_t n, cap;
} points;

static mn_rc points_room(points *p, size_t extra)
{
    if (extra <= p->cap - p->n) return MN_OK;
    size_t cap = p->cap * 2 + extra + 64;
    int32_t *bigger = mn_reallocarray(p->ptr, cap, sizeof *bigger);
    if (!bigger) return MN_E_NOMEM;
    p->ptr = bigger;
    p->cap = cap;
    return MN_OK;
}

static int combining_class(int32_t cp)
{
    return cp < 0x300 ? 0 : (int)utf8proc_get_property(cp)->combining_class;
}

static void sort_short(int32_t *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int32_t cp = p[i];
        int c = combining_class(cp);
        size_t j = i;
        for (; j > 0 && combining_class(p[j - 1]) > c; j--) p[j] = p[j - 1];
        p[j] = cp;
    }
}

/* Stable counting sort by combining class, for runs so long that only an attacker or a bug writes them. */
static mn_rc sort_long(int32_t *p, size_t n)
{
    size_t at[257] = {0};
    int32_t *out = mn_reallocarray(NULL, n, sizeof *out);
    if (!out) return MN_E_NOMEM;
    for (size_t i = 0; i < n; i++) at[combining_class(p[i]) + 1]++;
    for (size_t c = 1; c < 257; c++) at[c] += at[c - 1];
    for (size_t i = 0; i < n; i++) out[at[combining_class(p[i])]++] = p[i];
    memcpy(p, out, n * sizeof *p);
    mn_free(out);
    return MN_OK;
}

static mn_rc sort_marks(points *p)
{
    for (size_t i = 0; i < p->n;) {
        if (!combining_class(p->ptr[i])) {
            i++;
            continue;
        }
        size_t from = i;
        while (i < p->n && combining_class(p->ptr[i])) i++;
        if (i - from <= 32) sort_short(p->ptr + from, i - from);
        else MN_TRY(sort_long(p->ptr + from, i - from));
    }
    return MN_OK;
}

static mn_rc decompose_one(uint32_t cp, bool compat, points *p)
{
    const utf8proc_option_t how =
        UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (compat ? UTF8PROC_COMPAT : 0);
    int boundary = 0;
    for (;;) {
        utf8proc_ssize_t n =
            utf8proc_decompose_char((utf8proc_int32_t)cp, p->ptr ? p->ptr + p->n : NULL,
                                    (utf8proc_ssize_t)(p->cap - p->n), how, &boundary);
        if (n < 0) return MN_E_PARSE;
        if ((size_t)n <= p->cap - p->n) {
            p->n += (size_t)n;
            return MN_OK;
        }
        MN_TRY(points_room(p, (size_t)n));
    }
}

static mn_rc decompose(mn_str s, points *p)
{
    p->n = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp = 0;
        size_t len = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (!len) return MN_E_PARSE;
        i += len;
        MN_TRY(decompose_one(cp, false, p));
    }
    return MN_OK;
}

static mn_rc compose(points *p, mn_buf *ret)
{
    utf8proc_ssize_t n = utf8proc_normalize_utf32(p->ptr, (utf8proc_ssize_t)p->n,
                                                  UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        char bytes[4];
        MN_TRY(mn_buf_add(ret, bytes, mn_utf8_encode((uint32_t)p->ptr[i], bytes)));
    }
    return MN_OK;
}

static mn_rc nfc_stretch(mn_str s, points *p, mn_buf *ret)
{
    MN_TRY(decompose(s, p));
    MN_TRY(sort_marks(p));
    return compose(p, ret);
}

mn_rc mn_unfc(mn_str s, mn_buf *ret)
{
    points p = {0};
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < s.len && rc == MN_OK;) {
        size_t from = i;
        while (i < s.len && (uint8_t)s.ptr[i] < 0x80) i++;
        if (i == s.len) {
            rc = mn_buf_add(ret, s.ptr + from, i - from);
            break;
        }
        size_t start = i > from ? i - 1 : i; /* the ASCII character that a mark may join */
        while (i < s.len && (uint8_t)s.ptr[i] >= 0x80) i++;
        rc = mn_buf_add(ret, s.ptr + from, start - from);
        if (rc == MN_OK) rc = nfc_stretch((mn_str){s.ptr + start, i - start}, &p, ret);
    }
    mn_free(p.ptr);
    return rc;
}

/* ---- plain forms --------------------------------------------------------------------------------------------------- */

static bool is_latin(uint32_t cp)
{
    return (cp | 32) - 'a' < 26 || (cp >= 0xC0 && cp < 0x250) || (cp >= 0x1E00 && cp < 0x1F00);
}

/* Letters with a stroke and the like, which decompose into nothing. */
static uint32_t without_stroke(uint32_t cp)
{
    static const uint16_t pairs[][2] = {
        {0xF0, 'd'},  {0xF8, 'o'},  {0x111, 'd'}, {0x127, 'h'}, {0x131, 'i'}, {0x138, 'k'},
        {0x140, 'l'}, {0x142, 'l'}, {0x149, 'n'}, {0x14B, 'n'}, {0x167, 't'}, {0x17F, 's'},
    };
    for (size_t i = 0; cp >= 0xF0 && cp < 0x180 && i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == cp) return pairs[i][1];
    return cp;
}

/* In place: small letters, Latin ones without marks. */
static void make_plain(points *p)
{
    size_t n = 0;
    bool latin = false;
    for (size_t i = 0; i < p->n; i++) {
        uint32_t cp = (uint32_t)p->ptr[i];
        if (cp >= 0x300 && cp < 0x370 && latin) continue;
        cp = mn_ulower(cp);
        latin = is_latin(cp);
        p->ptr[n++] = (int32_t)(latin ? without_stroke(cp) : cp);
    }
    p->n = n;
}

mn_rc mn_uplain(mn_str s, mn_buf *ret)
{
    points p = {0};
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < s.len && rc == MN_OK;) {
        uint32_t cp = 0;
        size_t len = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        i += len;
        rc = len ? decompose_one(cp, cp >= 0xFF00 && cp < 0xFFF0, &p) : MN_E_PARSE;
    }
    if (rc == MN_OK) make_plain(&p);
    if (rc == MN_OK) rc = sort_marks(&p);
    if (rc == MN_OK) rc = compose(&p, ret);
    mn_free(p.ptr);
    return rc;
}
