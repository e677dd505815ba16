/* The JSON pull reader: see json.h.
 *
 * Strings are the bulk of what we read, so they are scanned sixteen bytes at a time for the four things that end a
 * plain run (quote, backslash, control character, end), and only a string with a byte above 0x7F is checked for UTF-8.
 * A multi-byte sequence never contains a quote or a backslash, so looking for the end first and checking afterwards is
 * sound. Structure is kept by the caller's own calls: the reader holds a depth and whether a comma is due. */
#include "base/json.h"

#include <stdio.h>

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#include "base/base_int.h"

/* ---- errors and white space ---------------------------------------------------------------------------------- */

/* Records `what` with the place of `at`; columns count characters. */
static mn_rc __attribute__((cold, noinline))
bad(mn_json_reader *r, mn_rc rc, const char *at, const char *what)
{
    size_t line = 1;
    const char *from = r->start;
    for (const char *p = r->start; p < at; p++)
        if (*p == '\n') line++, from = p + 1;
    size_t column = mn_utf8_count((mn_str){from, (size_t)(at - from)}) + 1;
    return mn_fail(r->err, rc, "line %zu, column %zu: %s", line, column, what);
}

static mn_rc __attribute__((cold, noinline)) expected(mn_json_reader *r, const char *what)
{
    char msg[96];
    snprintf(msg, sizeof msg, "expected %s%s", what,
             r->at >= r->end ? ", but the text ends" : "");
    return bad(r, MN_E_PARSE, r->at, msg);
}

static inline void skip_space(mn_json_reader *r)
{
    const char *p = r->at, *end = r->end;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    r->at = p;
}

/* The next character that is not white space, or 0 at the end. */
static inline char next_char(mn_json_reader *r)
{
    if (r->at < r->end && (unsigned char)*r->at > ' ') return *r->at;
    skip_space(r);
    return r->at < r->end ? *r->at : '\0';
}

void mn_json_reader_init(mn_json_reader *r, mn_str text, mn_arena *a, mn_err *e)
{
    const char *p = text.ptr ? text.ptr : "";
    *r = (mn_json_reader){.start = p, .at = p, .end = p + text.len, .arena = a, .err = e};
}

mn_rc mn_json_peek(mn_json_reader *r, mn_json_type *ret)
{
    char c = next_char(r);
    if (c == '"') *ret = MN_JSON_STRING;
    else if (c == '{') *ret = MN_JSON_OBJECT;
    else if (c == '[') *ret = MN_JSON_ARRAY;
    else if (c == '-' || (c >= '0' && c <= '9')) *ret = MN_JSON_NUMBER;
    else if (c == 't' || c == 'f') *ret = MN_JSON_BOOL;
    else if (c == 'n') *ret = MN_JSON_NULL;
    else return expected(r, "a value");
    return MN_OK;
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static inline const char *plain_run(const char *p, const char *end, bool *high)
{
    unsigned seen = 0;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1F);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v));
        seen |= (unsigned)_mm_movemask_epi8(v);
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask) {
            *high |= seen != 0;
            return p + __builtin_ctz(mask);
        }
    }
#endif
    for (; p < end && is_plain((unsigned char)*p); p++) seen |= (unsigned char)*p & 0x80u;
    *high |= seen != 0;
    return p;
}

const char *mn_base__json_run(const char *p, const char *end, bool *high)
{
    return plain_run(p, end, high);
}

static mn_rc __attribute__((cold, noinline)) bad_utf8(mn_json_reader *r, mn_str raw)
{
    uint32_t cp;
    size_t i = 0;
    for (size_t n; (n = mn_utf8_decode(raw.ptr + i, raw.len - i, &cp)) != 0;) i += n;
    return bad(r, MN_E_PARSE, raw.ptr + i, "the string is not valid UTF-8");
}

/* Takes a string as it is written, without its quotes, checked but for its escapes. */
static mn_rc raw_string(mn_json_reader *r, mn_str *ret, bool *ret_escapes)
{
    const char *from = r->at + 1, *p = from, *end = r->end;
    bool high = false;
    *ret_escapes = false;
    for (;;) {
        p = plain_run(p, end, &high);
        if (p >= end) return bad(r, MN_E_PARSE, r->at, "the string is not closed");
        if (*p == '"') break;
        if (*p != '\\')
            return bad(r, MN_E_PARSE, p, "a control character in a string must be escaped");
        *ret_escapes = true;
        if (end - p < 2) return bad(r, MN_E_PARSE, r->at, "the string is not closed");
        high |= (p[1] & 0x80) != 0;
        p += 2;
    }
    *ret = (mn_str){from, (size_t)(p - from)};
    if (high && !mn_utf8_valid(*ret)) return bad_utf8(r, *ret);
    r->at = p + 1;
    return MN_OK;
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
    if (end - p < 4) return false;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i], l = c | 0x20;
        if (c >= '0' && c <= '9') v = v << 4 | (uint32_t)(c - '0');
        else if (l >= 'a' && l <= 'f') v = v << 4 | (uint32_t)(l - 'a' + 10);
        else return false;
    }
    *ret = v;
    return true;
}

/* The escape at p (a backslash): its length in the text, or 0; its code point in *ret. */
static size_t escape(const char *p, const char *end, uint32_t *ret, const char **ret_why)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    *ret_why = "unknown escape in a string";
    if (p[1] != 'u') {
        const char *at = p[1] ? strchr(names, p[1]) : NULL;
        if (at) *ret = (uint32_t)values[at - names];
        return at ? 2 : 0;
    }
    uint32_t hi, lo;
    *ret_why = "expected four hexadecimal digits after \\u";
    if (!hex4(p + 2, end, &hi)) return 0;
    *ret = hi;
    if (hi < 0xD800 || hi > 0xDFFF) return 6;
    *ret_why = "half of a surrogate pair in a string";
    if (hi > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, end, &lo) ||
        lo < 0xDC00 || lo > 0xDFFF)
        return 0;
    *ret = 0x10000 + ((hi - 0xD800) << 10) + (lo - 0xDC00);
    return 12;
}

/* Undoes the escapes of raw into out (raw.len bytes, which is always enough), or only checks them when out is NULL. */
static mn_rc unescape(mn_json_reader *r, mn_str raw, char *out, size_t *ret_len)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    size_t n = 0;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash ? slash : end) - p);
        if (out) memcpy(out + n, p, run);
        n += run;
        p += run;
        if (!slash) break;
        uint32_t cp = 0;
        const char *why;
        size_t len = escape(p, end, &cp, &why);
        if (len == 0) return bad(r, MN_E_PARSE, p, why);
        char tmp[4];
        n += mn_utf8_encode(cp, out ? out + n : tmp);
        p += len;
    }
    *ret_len = n;
    return MN_OK;
}

/* ret NULL: checked and skipped. */
static mn_rc string(mn_json_reader *r, mn_str *ret)
{
    mn_str raw;
    bool escapes;
    size_t n;
    if (next_char(r) != '"') return expected(r, "a string");
    const char *at = r->at;
    MN_TRY(raw_string(r, &raw, &escapes));
    if (!ret) return escapes ? unescape(r, raw, NULL, &n) : MN_OK;
    if (escapes) {
        if (!r->arena) return bad(r, MN_E_PARSE, at, "escapes are not allowed in this string");
        char *out = mn_arena_alloc(r->arena, raw.len + 1);
        if (!out) return bad(r, MN_E_NOMEM, at, "out of memory for a string");
        MN_TRY(unescape(r, raw, out, &n));
        out[n] = '\0';
        raw = (mn_str){out, n};
    }
    *ret = raw;
    return MN_OK;
}

mn_rc mn_json_read_string(mn_json_reader *r, mn_str *ret)
{
    return string(r, ret);
}

/* ---- numbers and words --------------------------------------------------------------------------------------- */

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* Leaves r->at where the grammar stops, so that the error points there. */
static mn_rc number_rest(mn_json_reader *r, const char *p, mn_str *ret)
{
    const char *from = r->at, *end = r->end, *q;
    if (p < end && *p == '.') {
        q = digits(++p, end);
        if (q == p) return r->at = p, expected(r, "a digit after the decimal point");
        p = q;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        q = digits(p, end);
        if (q == p) return r->at = p, expected(r, "a digit in the exponent");
        p = q;
    }
    *ret = (mn_str){from, (size_t)(p - from)};
    r->at = p;
    return MN_OK;
}

mn_rc mn_json_read_number(mn_json_reader *r, mn_str *ret)
{
    char c = next_char(r);
    if (c != '-' && (c < '0' || c > '9')) return expected(r, "a number");
    const char *p = r->at + (c == '-'), *q = digits(p, r->end);
    if (q == p) return r->at = p, expected(r, "a digit");
    if (*p == '0' && q - p > 1) return bad(r, MN_E_PARSE, p, "a number must not begin with 0");
    return number_rest(r, q, ret);
}

mn_rc mn_json_read_i64(mn_json_reader *r, int64_t *ret)
{
    mn_str s;
    MN_TRY(mn_json_read_number(r, &s));
    mn_rc rc = mn_str_to_i64(s, ret);
    if (rc == MN_OK) return rc;
    return bad(r, MN_E_PARSE, s.ptr,
               rc == MN_E_LIMIT ? "the number does not fit 64 bits"
                                : "expected a whole number");
}

mn_rc mn_json_read_f64(mn_json_reader *r, double *ret)
{
    mn_str s;
    MN_TRY(mn_json_read_number(r, &s));
    mn_rc rc = mn_str_to_f64(s, ret);
    if (rc == MN_OK) return rc;
    return bad(r, rc, s.ptr,
               rc == MN_E_LIMIT ? "the number is too large" : "out of memory for a number");
}

/* Takes the word if it stands here. */
static bool word(mn_json_reader *r, const char *w, size_t n)
{
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, w, n) != 0) return false;
    r->at += n;
    return true;
}

mn_rc mn_json_read_bool(mn_json_reader *r, bool *ret)
{
    char c = next_char(r);
    if (c == 't' && word(r, "true", 4)) return *ret = true, MN_OK;
    if (c == 'f' && word(r, "false", 5)) return *ret = false, MN_OK;
    return expected(r, "true or false");
}

mn_rc mn_json_read_null(mn_json_reader *r)
{
    if (next_char(r) == 'n' && word(r, "null", 4)) return MN_OK;
    return expected(r, "null");
}

/* ---- containers ---------------------------------------------------------------------------------------------- */

static mn_rc enter(mn_json_reader *r, char open)
{
    if (next_char(r) != open) return expected(r, open == '{' ? "an object" : "an array");
    if (r->depth >= MN_JSON_DEPTH_MAX)
        return bad(r, MN_E_LIMIT, r->at, "nested more than 64 deep");
    r->at++;
    r->depth++;
    r->first = true;
    return MN_OK;
}

mn_rc mn_json_object_enter(mn_json_reader *r)
{
    return enter(r, '{');
}

mn_rc mn_json_array_enter(mn_json_reader *r)
{
    return enter(r, '[');
}

/* Takes the closing bracket or the comma that is due; *ret_more says which. */
static mn_rc next(mn_json_reader *r, char close, bool *ret_more)
{
    char c = next_char(r);
    bool first = r->first;
    r->first = false;
    if (c == close) {
        r->at++;
        r->depth--;
        *ret_more = false;
        return MN_OK;
    }
    if (!first) {
        if (c != ',') return expected(r, close == '}' ? "',' or '}'" : "',' or ']'");
        r->at++;
    }
    *ret_more = true;
    return MN_OK;
}

static mn_rc object_next(mn_json_reader *r, mn_str *ret_key, bool *ret_more)
{
    bool more;
    MN_TRY(next(r, '}', &more));
    if (more) {
        if (next_char(r) != '"') return expected(r, "a key in quotes");
        MN_TRY(string(r, ret_key));
        if (next_char(r) != ':') return expected(r, "':'");
        r->at++;
    }
    *ret_more = more;
    return MN_OK;
}

mn_rc mn_json_object_next(mn_json_reader *r, mn_str *ret_key, bool *ret_more)
{
    return object_next(r, ret_key, ret_more);
}

mn_rc mn_json_array_next(mn_json_reader *r, bool *ret_more)
{
    return next(r, ']', ret_more);
}

static mn_rc skip_container(mn_json_reader *r, bool object)
{
    bool more;
    MN_TRY(enter(r, object ? '{' : '['));
    for (;;) {
        MN_TRY(object ? object_next(r, NULL, &more) : next(r, ']', &more));
        if (!more) return MN_OK;
        MN_TRY(mn_json_skip(r));
    }
}

mn_rc mn_json_skip(mn_json_reader *r)
{
    mn_json_type type;
    mn_str s;
    bool b;
    MN_TRY(mn_json_peek(r, &type));
    switch (type) {
    case MN_JSON_NULL:
        return mn_json_read_null(r);
    case MN_JSON_BOOL:
        return mn_json_read_bool(r, &b);
    case MN_JSON_NUMBER:
        return mn_json_read_number(r, &s);
    case MN_JSON_STRING:
        return string(r, NULL);
    case MN_JSON_ARRAY:
        break;
    case MN_JSON_OBJECT:
        break;
    }
    return skip_container(r, type == MN_JSON_OBJECT);
}

mn_rc mn_json_end(mn_json_reader *r)
{
    next_char(r);
    return r->at >= r->end ? MN_OK : expected(r, "the end of the text");
}
