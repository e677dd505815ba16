/* Addresses of money on block chains. Bitcoin's carry a checksum, which is recomputed: base58check (SHA-256 twice) for
 * those that begin with 1 or 3, the BCH code of BIP-173 and BIP-350 for those that begin with bc1. Ethereum's are 0x and
 * 40 hexadecimal digits; the length alone tells them from transaction hashes. */
#include "base/hash.h"
#include "corpus/chars.h"
#include "corpus/pii.h"

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char bech32[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static size_t alnum_run(mn_str t, size_t at, size_t most)
{
    size_t i = at;
    while (i < t.len && i < at + most && mn_is_alnum(t.ptr[i])) i++;
    return i - at;
}

/* A version byte, 20 bytes and the first 4 of their double SHA-256, as a number in base 58. */
static bool base58check(const char *s, size_t n)
{
    uint8_t v[25] = {0}, h[32];
    for (size_t i = 0; i < n; i++) {
        const char *d = strchr(base58, s[i]);
        if (!d) return false;
        unsigned carry = (unsigned)(d - base58);
        for (int k = 24; k >= 0; k--) {
            carry += 58u * v[k];
            v[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry) return false;
    }
    if (v[0] != 0x00 && v[0] != 0x05) return false;
    mn_sha256_of(v, 21, h);
    mn_sha256_of(h, 32, h);
    return memcmp(h, v + 21, 4) == 0;
}

static uint32_t polymod(uint32_t c, uint32_t v)
{
    static const uint32_t gen[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = c >> 25;
    c = (c & 0x1ffffff) << 5 ^ v;
    for (int i = 0; i < 5; i++)
        if (top >> i & 1) c ^= gen[i];
    return c;
}

/* "bc1" and at least 11 characters, of one case. */
static bool bech32_check(const char *s, size_t n)
{
    static const uint32_t hrp[5] = {'b' >> 5, 'c' >> 5, 0, 'b' & 31, 'c' & 31};
    uint32_t c = 1;
    int upper = 0, lower = 0;
    for (int i = 0; i < 5; i++) c = polymod(c, hrp[i]);
    for (size_t i = 0; i < n; i++) {
        lower += s[i] >= 'a' && s[i] <= 'z';
        upper += s[i] >= 'A' && s[i] <= 'Z';
        if (i < 3) continue;
        const char *d = strchr(bech32, mn_lower(s[i]));
        if (!d) return false;
        c = polymod(c, (uint32_t)(d - bech32));
    }
    return !(upper && lower) && (c == 1 || c == 0x2bc830a3);
}

static bool all_hex(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mn_hexval(s[i]) < 0) return false;
    return true;
}

bool mn_corpus__wallet(mn_str t, size_t at, size_t floor, mn_pii_span *ret)
{
    char c = t.ptr[at];
    size_t start = at, n;
    if (c == '1' && at >= floor + 2 && mn_lower(t.ptr[at - 1]) == 'c' &&
        mn_lower(t.ptr[at - 2]) == 'b')
        start = at - 2;
    if ((c != '0' && c != '1' && c != '3') || mn_is_alnum(mn_before(t, start))) return false;
    n = alnum_run(t, start, 91);
    const char *s = t.ptr + start;
    bool ok = start < at ? n >= 14 && n <= 90 && bech32_check(s, n)
              : c == '0' ? n == 42 && mn_lower(s[1]) == 'x' && all_hex(s + 2, 40)
                         : n >= 25 && n <= 35 && base58check(s, n);
    if (ok) *ret = (mn_pii_span){start, start + n};
    return ok;
}
