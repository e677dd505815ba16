/* Parsers for the bytes of a request that are ours to read.
 *
 * The library hands over the raw target and header values; what they mean is decided here, once. Two kinds of reading:
 * the path names a resource, so anything odd in it is refused (an encoded slash or a ".." would let two parts of the
 * program disagree about where it points); a query or form holds what a person typed, so every byte gets a meaning.
 *
 * sources RFC 9110 sections 8.8.3, 12.4.2, 12.5; RFC 9112 section 3.2; WHATWG URL, application/x-www-form-urlencoded */
#include "net/parse.h"

#include <arpa/inet.h>
#include <stdio.h>

/* ---- targets ------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that s[i..] encodes when it is "%XX", else -1. */
static int percent_at(mn_str s, size_t i)
{
    if (s.ptr[i] != '%' || s.len - i < 3) return -1;
    int hi = hex_digit(s.ptr[i + 1]), lo = hex_digit(s.ptr[i + 2]);
    return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

/* "http://host/a" → "/a"; other forms as they are. */
static mn_str origin_form(mn_str t)
{
    size_t skip = 0;
    if (t.len >= 7 && mn_str_eq_nocase(mn_str_sub(t, 0, 7), MN_STR("http://"))) skip = 7;
    if (t.len >= 8 && mn_str_eq_nocase(mn_str_sub(t, 0, 8), MN_STR("https://"))) skip = 8;
    if (skip == 0) return t;
    size_t end = skip;
    while (end < t.len && t.ptr[end] != '/' && t.ptr[end] != '?') end++;
    if (end == t.len || t.ptr[end] == '?') return MN_STR("/");
    return mn_str_sub(t, end, t.len - end);
}

static bool has_dotdot(mn_str path)
{
    mn_str rest = path;
    while (rest.ptr)
        if (mn_str_eqz(mn_str_split(rest, '/', &rest), "..")) return true;
    return false;
}

static mn_rc path_decode(mn_str raw, mn_arena *a, mn_str *ret)
{
    char *out = mn_arena_alloc(a, raw.len + 1);
    if (!out) return MN_E_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int c = (unsigned char)raw.ptr[i];
        if (c == '%') {
            c = percent_at(raw, i);
            if (c < 0 || c == '/') return MN_E_PARSE;
            i += 2;
        }
        if (c < 0x20 || c == 0x7f) return MN_E_PARSE;
        out[n++] = (char)c;
    }
    out[n] = 0;
    mn_str path = {out, n};
    if (!mn_utf8_valid(path) || has_dotdot(path)) return MN_E_PARSE;
    *ret = path;
    return MN_OK;
}

mn_rc mn_http_target(mn_str target, mn_arena *a, mn_str *ret_path, mn_str *ret_query)
{
    if (target.len > MN_HTTP_TARGET_MAX) return MN_E_LIMIT;
    mn_str query = MN_STR_NONE, raw = mn_str_split(origin_form(target), '?', &query), path;
    if (mn_str_eqz(raw, "*")) {
        path = raw;
    } else {
        if (raw.len == 0 || raw.ptr[0] != '/') return MN_E_PARSE;
        MN_TRY(path_decode(raw, a, &path));
    }
    *ret_path = path;
    *ret_query = query;
    return MN_OK;
}

/* ---- routes -------------------------------------------------------------------------------------------------- */

bool mn_http_match(const char *pattern, mn_str path, mn_http_param *ret, size_t *ret_n)
{
    size_t n = 0, at = 0;
    const char *p = pattern;
    while (*p) {
        if (*p != ':') {
            if (at >= path.len || path.ptr[at++] != *p++) return false;
            continue;
        }
        const char *name = ++p;
        while (*p && *p != '/') p++;
        size_t from = at;
        while (at < path.len && path.ptr[at] != '/') at++;
        if (at == from || n == MN_HTTP_PARAMS_MAX) return false;
        ret[n++] = (mn_http_param){{name, (size_t)(p - name)}, {path.ptr + from, at - from}};
    }
    if (at != path.len) return false;
    *ret_n = n;
    return true;
}

/* ---- queries and forms --------------------------------------------------------------------------------------- */

/* Copies s with every byte that is not part of well-formed UTF-8, and every NUL, as U+FFFD. */
static mn_str utf8_repair(mn_str s, mn_arena *a)
{
    char *out = mn_arena_alloc(a, s.len * 3 + 1);
    if (!out) return MN_STR_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp = 0;
        size_t k = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (k == 0 || cp == 0) {
            memcpy(out + n, "\xEF\xBF\xBD", 3);
            n += 3, i++;
        } else {
            memcpy(out + n, s.ptr + i, k);
            n += k, i += k;
        }
    }
    out[n] = 0;
    return (mn_str){out, n};
}

mn_str mn_http_form_decode(mn_str s, mn_arena *a)
{
    char *out = mn_arena_alloc(a, s.len + 1);
    if (!out) return MN_STR_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int c = percent_at(s, i);
        if (c >= 0) i += 2;
        else c = s.ptr[i] == '+' ? ' ' : (unsigned char)s.ptr[i];
        out[n++] = (char)c;
    }
    out[n] = 0;
    mn_str d = {out, n};
    return mn_utf8_valid(d) && !memchr(out, 0, n) ? d : utf8_repair(d, a);
}

mn_str mn_http_form_get(mn_str form, const char *name, mn_arena *a)
{
    while (form.ptr) {
        mn_str value = MN_STR_NONE,
               key = mn_str_split(mn_str_split(form, '&', &form), '=', &value);
        if (mn_str_eqz(key, name) || (key.len > 0 && memchr(key.ptr, '%', key.len) &&
                                      mn_str_eqz(mn_http_form_decode(key, a), name)))
            return mn_http_form_decode(value.ptr ? value : MN_STR(""), a);
    }
    return MN_STR_NONE;
}

/* ---- lists with weights -------------------------------------------------------------------------------------- */

/* "0.75" → 750; anything malformed counts as 0, so that a broken preference is never read as a wish. */
static int weight_parse(mn_str s)
{
    if (s.len == 0 || (s.ptr[0] != '0' && s.ptr[0] != '1')) return 0;
    int v = (s.ptr[0] - '0') * 1000, unit = 100;
    if (s.len > 5 || (s.len > 1 && s.ptr[1] != '.')) return 0;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return 0;
        v += (s.ptr[i] - '0') * unit;
    }
    return v > 1000 ? 0 : v;
}

/* Takes the next member of a comma list: its name and its q. False at the end. */
static bool list_next(mn_str *list, mn_str *ret_name, int *ret_q)
{
    if (!list->ptr) return false;
    mn_str params = MN_STR_NONE, member = mn_str_split(*list, ',', list);
    *ret_name = mn_str_trim(mn_str_split(member, ';', &params));
    *ret_q = 1000;
    while (params.ptr) {
        mn_str p = mn_str_trim(mn_str_split(params, ';', &params));
        if (p.len >= 2 && (p.ptr[0] == 'q' || p.ptr[0] == 'Q') && p.ptr[1] == '=')
            *ret_q = weight_parse(mn_str_sub(p, 2, p.len));
    }
    return true;
}

mn_coding mn_http_coding(mn_str accept_encoding, bool may_zstd)
{
    int gzip = -1, zstd = -1, identity = -1, any = -1, q;
    mn_str name;
    while (list_next(&accept_encoding, &name, &q)) {
        if (mn_str_eq_nocase(name, MN_STR("gzip")) || mn_str_eq_nocase(name, MN_STR("x-gzip")))
            gzip = q;
        else if (mn_str_eq_nocase(name, MN_STR("zstd"))) zstd = q;
        else if (mn_str_eq_nocase(name, MN_STR("identity"))) identity = q;
        else if (mn_str_eqz(name, "*")) any = q;
    }
    if (gzip < 0) gzip = any;
    if (zstd < 0) zstd = any;
    if (!may_zstd) zstd = 0;
    if (identity > 0 && identity > gzip && identity > zstd) return MN_CODING_IDENTITY;
    if (zstd > 0 && zstd >= gzip) return MN_CODING_ZSTD;
    return gzip > 0 ? MN_CODING_GZIP : MN_CODING_IDENTITY;
}

/* How closely a media range names the type: 0 not at all, 1 by "*" "/" "*", 2 by "type/" "*", 3 in full. */
static int range_fits(mn_str range, mn_str type)
{
    if (mn_str_eq_nocase(range, type)) return 3;
    if (mn_str_eqz(range, "*/*")) return 1;
    if (!mn_str_ends(range, "/*") || type.len < range.len - 1) return 0;
    return mn_str_eq_nocase(mn_str_sub(range, 0, range.len - 1),
                            mn_str_sub(type, 0, range.len - 1))
               ? 2
               : 0;
}

int mn_http_accept_weight(mn_str accept, const char *type, bool *ret_named)
{
    int best = 0, weight = accept.ptr ? 0 : 1000, q;
    mn_str name, wanted = mn_str_from(type);
    while (list_next(&accept, &name, &q)) {
        int fit = range_fits(name, wanted);
        if (fit > best) best = fit, weight = q;
    }
    if (ret_named) *ret_named = best == 3;
    return weight;
}

/* The opaque part of an entity tag: W/"x" and "x" give "x" with its quotes. */
static mn_str etag_opaque(mn_str t)
{
    return mn_str_starts(t, "W/") ? mn_str_sub(t, 2, t.len) : t;
}

bool mn_http_etag_in(mn_str list, mn_str tag)
{
    mn_str opaque = etag_opaque(tag);
    for (size_t i = 0; i < list.len;) {
        char c = list.ptr[i];
        if (c == '*') return true;
        if (c != '"') {
            i++;
            continue;
        }
        const char *close = memchr(list.ptr + i + 1, '"', list.len - i - 1);
        if (!close) return false;
        size_t len = (size_t)(close - (list.ptr + i)) + 1;
        if (mn_str_eq((mn_str){list.ptr + i, len}, opaque)) return true;
        i += len;
    }
    return false;
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

mn_rc mn_http_listen_parse(const char *listen, char ret_host[256], char ret_port[8], mn_err *e)
{
    mn_str s = mn_str_from(listen), host, port;
    size_t colon = s.len;
    while (colon > 0 && s.ptr[colon - 1] != ':') colon--;
    uint64_t number = 0;
    if (colon == 0) goto bad;
    host = mn_str_sub(s, 0, colon - 1);
    port = mn_str_sub(s, colon, s.len);
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = mn_str_sub(host, 1, host.len - 2);
    else if (host.len > 0 && memchr(host.ptr, ':', host.len)) goto bad;
    if (host.len > 255 || port.len > 5 || mn_str_to_u64(port, &number) != MN_OK ||
        number > 65535)
        goto bad;
    if (host.len > 0) memcpy(ret_host, host.ptr, host.len);
    ret_host[host.len] = 0;
    snprintf(ret_port, 8, "%u", (unsigned)number);
    return MN_OK;
bad:
    return mn_fail(
        e, MN_E_USAGE,
        "cannot listen on '%s', expected HOST:PORT such as 127.0.0.1:8420 or [::1]:8420",
        listen ? listen : "");
}

mn_str mn_http_last_hop(mn_str forwarded)
{
    mn_str hop = MN_STR_NONE;
    while (forwarded.ptr) hop = mn_str_trim(mn_str_split(forwarded, ',', &forwarded));
    char z[INET6_ADDRSTRLEN];
    unsigned char addr[16];
    if (hop.len == 0 || hop.len >= sizeof z) return MN_STR_NONE;
    memcpy(z, hop.ptr, hop.len);
    z[hop.len] = 0;
    return inet_pton(AF_INET, z, addr) == 1 || inet_pton(AF_INET6, z, addr) == 1 ? hop
                                                                                 : MN_STR_NONE;
}
