#include "base/base64.h"

#define DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static mn_rc add(mn_buf *b, const void *p, size_t n, const char *digits, bool padded)
{
    const uint8_t *in = p;
    MN_TRY(mn_buf_reserve(b, (n + 2) / 3 * 4));
    for (size_t i = 0; i < n; i += 3) {
        size_t k = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)in[i] << 16 | (k > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (k > 2 ? in[i + 2] : 0u);
        for (size_t d = 0; d < 4; d++) {
            if (d <= k) mn_buf_addc(b, digits[v >> (18 - 6 * d) & 63]);
            else if (padded) mn_buf_addc(b, '=');
        }
    }
    return b->failed;
}

mn_rc mn_base64url_add(mn_buf *b, const void *p, size_t n, bool padded)
{
    return add(b, p, n, DIGITS "-_", padded);
}

mn_rc mn_base64_add(mn_buf *b, const void *p, size_t n)
{
    return add(b, p, n, DIGITS "+/", true);
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-' || c == '+') return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

mn_rc mn_base64_read(mn_str s, uint8_t *ret, size_t cap, size_t *ret_n)
{
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0, pads = 0;
    while (pads < 2 && pads < s.len && s.ptr[s.len - 1 - pads] == '=') pads++;
    if (pads && s.len % 4 != 0) return MN_E_PARSE;
    s.len -= pads;
    if (s.len % 4 == 1) return MN_E_PARSE;
    for (size_t i = 0; i < s.len; i++) {
        int d = digit_of(s.ptr[i]);
        if (d < 0) return MN_E_PARSE;
        bits = bits << 6 | (uint32_t)d;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        if (n == cap) return MN_E_LIMIT;
        ret[n++] = (uint8_t)(bits >> n_bits);
        bits &= (1u << n_bits) - 1;
    }
    if (bits) return MN_E_PARSE;
    *ret_n = n;
    return MN_OK;
}
