/* E-mail, IP and MAC addresses.
 *
 * Only what a stranger could reach is a person's address: private, loopback, documentation and multicast ranges stay
 * (IANA special-purpose registries for IPv4 and IPv6, read 2026).
 */
#include <arpa/inet.h>

#include "corpus/chars.h"
#include "corpus/pii.h"

/* ---- e-mail -------------------------------------------------------------------------------------------------- */

static bool local_byte(char c)
{
    return mn_is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~.-", c)) ||
           (unsigned char)c >= 0x80;
}

/* After the domain that begins at i: labels of letters, digits and inner hyphens, at least two, the last without digits.
 * 0 when there is none. */
static size_t domain_end(mn_str t, size_t i)
{
    size_t good = 0, from = i, label = i;
    int dots = 0;
    while (i < t.len && i < from + 254) {
        while (mn_is_alnum(mn_at(t, i)) || mn_at(t, i) == '-') i++;
        if (i == label || i - label > 63 || t.ptr[label] == '-' || t.ptr[i - 1] == '-') break;
        if (dots > 0 && i - label >= 2 && mn_is_alpha(t.ptr[label])) good = i;
        if (mn_at(t, i) != '.') break;
        dots++;
        label = ++i;
    }
    return good;
}

bool mn_corpus__email(mn_str t, size_t at, size_t floor, mn_pii_span *ret)
{
    size_t start = at;
    while (start > floor && at - start < 64 && local_byte(t.ptr[start - 1])) start--;
    while (start < at && !mn_is_alnum(t.ptr[start]) && (unsigned char)t.ptr[start] < 0x80)
        start++; /* punctuation before the address */
    while (start < at && ((unsigned char)t.ptr[start] & 0xc0) == 0x80)
        start++; /* cut by the limit */
    if (start == at || t.ptr[at - 1] == '.') return false;
    size_t end = domain_end(t, at + 1);
    if (end == 0) return false;
    *ret = (mn_pii_span){start, end};
    return true;
}

/* ---- IP ------------------------------------------------------------------------------------------------------ */

static const struct {
    uint32_t net;
    int bits;
} not_global4[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
                   {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
                   {0xc0586300, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24},
                   {0xcb007100, 24}, {0xe0000000, 3}};

static bool global4(uint32_t ip)
{
    for (size_t i = 0; i < sizeof not_global4 / sizeof *not_global4; i++)
        if ((ip ^ not_global4[i].net) >> (32 - not_global4[i].bits) == 0) return false;
    return true;
}

bool mn_corpus__ipv4(mn_str t, size_t at, mn_pii_span *ret)
{
    static const char *const versions[] = {"version",  "v",        "ver",     "release",
                                           "firmware", "build",    "section", "rev",
                                           "chapter",  "revision", "kernel",  NULL};
    uint32_t ip = 0;
    size_t i = at;
    for (int octet = 0; octet < 4; octet++) {
        uint32_t v = 0;
        size_t from = i;
        if (octet && mn_at(t, i) != '.') return false;
        if (octet) from = ++i;
        while (mn_is_digit(mn_at(t, i)) && i < from + 4)
            v = v * 10 + (uint32_t)(t.ptr[i++] - '0');
        if (i == from || v > 255 || (i > from + 1 && t.ptr[from] == '0')) return false;
        ip = ip << 8 | v;
    }
    bool more = mn_at(t, i) == '.' && mn_is_alnum(mn_at(t, i + 1));
    if (mn_before(t, at) == '-' || mn_before(t, at) == '_') return false; /* name-1.2.3.4 */
    if (mn_is_alnum(mn_at(t, i)) || more || mn_before(t, at) == '.' || !global4(ip))
        return false;
    if (mn_corpus__word_before(t, at, 12, versions)) return false;
    *ret = (mn_pii_span){at, i};
    return true;
}

static bool global6(const uint8_t a[16])
{
    if ((a[0] & 0xe0) != 0x20) return false; /* 2000::/3 is what is given out */
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0) return false; /* 2001::/23 */
    if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8)
        return false;                                      /* examples */
    return !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10); /* 3fff::/20 */
}

bool mn_corpus__ipv6(mn_str t, size_t at, size_t floor, mn_pii_span *ret)
{
    size_t start = at, end = at;
    int colons = 0;
    char z[48];
    while (start > floor && at - start < 4 && mn_hexval(t.ptr[start - 1]) >= 0) start--;
    if (start == at || mn_is_alnum(mn_before(t, start)) || mn_before(t, start) == ':')
        return false;
    for (; end < t.len && end - start < sizeof z - 1; end++) {
        char c = t.ptr[end];
        if (mn_hexval(c) < 0 && c != ':' && c != '.') break;
        colons += c == ':';
    }
    if (colons < 2 || mn_is_alnum(mn_at(t, end))) return false;
    while (end > start &&
           (t.ptr[end - 1] == '.' || (t.ptr[end - 1] == ':' && mn_before(t, end - 1) != ':')))
        end--;
    memcpy(z, t.ptr + start, end - start);
    z[end - start] = '\0';
    uint8_t a[16];
    if (inet_pton(AF_INET6, z, a) != 1 || !global6(a)) return false;
    *ret = (mn_pii_span){start, end};
    return true;
}

/* ---- MAC ----------------------------------------------------------------------------------------------------- */

/* groups of `width` hexadecimal digits from start with `sep` between: the end, or 0. */
static size_t hex_groups(mn_str t, size_t start, size_t width, int groups, char sep)
{
    size_t i = start;
    for (int g = 0; g < groups; g++) {
        if (g && mn_at(t, i++) != sep) return 0;
        for (size_t k = 0; k < width; k++)
            if (mn_hexval(mn_at(t, i++)) < 0) return 0;
    }
    bool more = mn_at(t, i) == sep && mn_is_alnum(mn_at(t, i + 1));
    return mn_is_alnum(mn_at(t, i)) || more ? 0 : i;
}

bool mn_corpus__mac(mn_str t, size_t at, size_t floor, mn_pii_span *ret)
{
    char sep = t.ptr[at];
    size_t width = sep == '.' ? 4 : 2;
    if (at < floor + width) return false;
    size_t start = at - width, end;
    if (mn_is_alnum(mn_before(t, start)) || mn_before(t, start) == sep) return false;
    end = hex_groups(t, start, width, sep == '.' ? 3 : 6, sep);
    if (end == 0) return false;
    int letters = 0, differ = 0;
    for (size_t i = start; i < end; i++) {
        letters += mn_is_alpha(t.ptr[i]);
        differ += t.ptr[i] != sep && t.ptr[i] != t.ptr[start];
    }
    if (differ == 0 || (sep == '.' && letters == 0)) return false; /* ff:…:ff; 1234.5678.9012 */
    *ret = (mn_pii_span){start, end};
    return true;
}
