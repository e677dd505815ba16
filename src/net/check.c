/* The strictness that the HTTP library lacks.
 *
 * libmicrohttpd 0.9.75 takes requests that a proxy in front may read differently, which is how requests are smuggled: two
 * Content-Lengths, Content-Length with Transfer-Encoding, two Hosts, folded lines, bare line feeds, NULs. It parses in place:
 * the request head stays where it was received, with the byte after each token set to NUL. So the head can be walked once
 * more: method, target, version, then each name and value must follow one another with exactly the separators of RFC 9112
 * between them. A folded value was moved elsewhere, a bare LF leaves a gap one byte short, a NUL one too long: whatever does
 * not fit is refused. Later versions of the library are strict themselves and lay memory out otherwise: there the walk is
 * left out and their strictest level is asked for (http.c).
 *
 * sources RFC 9112 sections 2.2, 3.2, 5, 6.3; measured on the library, tests/unit/net/test_http_raw.c */
#include <string.h>

#include "net/http_int.h"

#define WALK_LAYOUT (MHD_VERSION < 0x00097600)

typedef struct head_walk {
    const char *at, *end; /* the next token must start at `at` */
    bool broken;
    int n_host, n_length, n_encoding;
    bool chunked;
    const char *reason;
} head_walk;

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.ptr[i])) return false;
    return s.len > 0;
}

static bool value_is_clean(mn_str v)
{
    for (size_t i = 0; i < v.len; i++)
        if (((unsigned char)v.ptr[i] < 0x20 && v.ptr[i] != '\t') || v.ptr[i] == 0x7f)
            return false;
    return true;
}

#if WALK_LAYOUT
/* The name must start where the last line ended, then come the colon's NUL and blanks up to the value. */
static bool line_is_whole(head_walk *w, mn_str name, mn_str value)
{
    if (name.ptr != w->at || value.ptr < name.ptr + name.len + 1 ||
        value.ptr + value.len + 2 > w->end)
        return false;
    for (const char *p = name.ptr + name.len + 1; p < value.ptr; p++)
        if (*p != ' ' && *p != '\t') return false;
    w->at = value.ptr + value.len + 2; /* CR LF */
    return true;
}
#endif

static void count_header(head_walk *w, mn_str name, mn_str value)
{
    if (mn_str_eq_nocase(name, MN_STR("Host"))) w->n_host++;
    if (mn_str_eq_nocase(name, MN_STR("Content-Length"))) w->n_length++;
    if (mn_str_eq_nocase(name, MN_STR("Transfer-Encoding"))) {
        w->n_encoding++;
        w->chunked = mn_str_eq_nocase(mn_str_trim(value), MN_STR("chunked"));
    }
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *val, size_t val_len)
{
    head_walk *w = arg;
    mn_str name = {key, key_len}, value = {val ? val : "", val ? val_len : 0};
    (void)kind;
    if (!is_token(name)) w->reason = "a header name holds a character it may not";
    else if (!value_is_clean(value)) w->reason = "a header value holds a control character";
#if WALK_LAYOUT
    else if (!val || !line_is_whole(w, name, value)) w->reason = "a header line is malformed";
#endif
    if (w->reason) return MHD_NO;
    count_header(w, name, value);
    return MHD_YES;
}

static const char *request_line_fault(mn_exchange *x, const char *method, const char *version)
{
#if WALK_LAYOUT
    if (x->target_at != method + strlen(method) + 1 ||
        version != x->target_at + x->target.len + 1)
        return "the request line is malformed";
#else
    (void)method, (void)version;
#endif
    for (size_t i = 0; i < x->target.len; i++)
        if ((unsigned char)x->target.ptr[i] <= 0x20 || x->target.ptr[i] == 0x7f)
            return "the request target holds a blank or a control character";
    return NULL;
}

static const char *framing_fault(const head_walk *w, bool http11)
{
    if (w->n_host > 1) return "more than one Host header";
    if (http11 && w->n_host == 0) return "the Host header is missing";
    if (w->n_length > 1) return "more than one Content-Length header";
    if (w->n_encoding > 1) return "more than one Transfer-Encoding header";
    if (w->n_encoding && w->n_length) return "both Content-Length and Transfer-Encoding";
    if (w->n_encoding && !http11) return "Transfer-Encoding in HTTP/1.0";
    return NULL;
}

int mn_http__check(mn_exchange *x, const char *method, const char *version,
                   const char **ret_reason)
{
    bool http11 = strcmp(version, "HTTP/1.1") == 0;
    *ret_reason = "only HTTP/1.1 and HTTP/1.0 are spoken here";
    if (!http11 && strcmp(version, "HTTP/1.0") != 0) return 505;
    *ret_reason = request_line_fault(x, method, version);
    if (*ret_reason) return 400;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t size = info ? info->header_size : 0;
    *ret_reason = "the request's headers are too large";
    if (size > MN_HTTP_HEADERS_MAX) return 431;

    head_walk w = {.at = version + strlen(version) + 2, .end = method + size};
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, on_header, &w);
#if WALK_LAYOUT
    if (!w.reason && w.at + 2 != w.end) w.reason = "the header block is malformed";
#endif
    *ret_reason = w.reason ? w.reason : framing_fault(&w, http11);
    if (*ret_reason) return 400;
    *ret_reason = "the only Transfer-Encoding taken is chunked";
    return w.n_encoding && !w.chunked ? 501 : 0;
}
