#include "social/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/hash.h"

#define STEP_MS INT64_C(30000)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

mn_rc mn_totp_secret_make(char ret[MN_TOTP_SECRET], mn_err *e)
{
    uint8_t bytes[MN_TOTP_SECRET - 1];
    MN_TRY(mn_random_bytes(bytes, sizeof bytes, e));
    for (size_t i = 0; i < sizeof bytes; i++) ret[i] = alphabet[bytes[i] & 31];
    ret[sizeof bytes] = '\0';
    return MN_OK;
}

/* The bytes of a base32 text; false when it is none. */
static bool unbase32(mn_str s, uint8_t ret[20])
{
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0;
    if (s.len != MN_TOTP_SECRET - 1) return false;
    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.ptr[i] ? strchr(alphabet, s.ptr[i]) : NULL;
        if (!at) return false;
        bits = (bits << 5) | (uint32_t)(at - alphabet);
        n_bits += 5;
        if (n_bits < 8) continue;
        n_bits -= 8;
        ret[n++] = (uint8_t)(bits >> n_bits);
        bits &= (1u << n_bits) - 1u;
    }
    return n == 20;
}

mn_rc mn_totp_code(mn_str secret, int64_t step, char ret[7], mn_err *e)
{
    uint8_t key[20], count[8], mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!unbase32(secret, key)) return mn_fail(e, MN_E_PARSE, "a damaged two-factor secret");
    for (int i = 0; i < 8; i++) count[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    if (!HMAC(EVP_sha1(), key, sizeof key, count, sizeof count, mac, &n) || n != 20)
        return mn_fail(e, MN_E_IO, "the crypto library cannot make a two-factor code");
    unsigned at = mac[19] & 15u;
    uint32_t v = ((uint32_t)(mac[at] & 0x7f) << 24) | ((uint32_t)mac[at + 1] << 16) |
                 ((uint32_t)mac[at + 2] << 8) | mac[at + 3];
    snprintf(ret, 7, "%06u", (unsigned)(v % 1000000u));
    return MN_OK;
}

/* The six digits without blanks; false when it is something else. */
static bool digits_of(mn_str code, char ret[7])
{
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] == ' ') continue;
        if (n == 6 || code.ptr[i] < '0' || code.ptr[i] > '9') return false;
        ret[n++] = code.ptr[i];
    }
    ret[n] = '\0';
    return n == 6;
}

mn_rc mn_totp_check(mn_str secret, mn_str code, int64_t now_ms, int64_t last_step,
                    int64_t *ret_step, mn_err *e)
{
    char given[7], right[7];
    int64_t now = now_ms / STEP_MS, found = 0;
    bool read = digits_of(code, given);
    for (int64_t step = now - 1; read && step <= now + 1; step++) {
        unsigned char d = 0;
        MN_TRY(mn_totp_code(secret, step, right, e));
        for (int i = 0; i < 6; i++) d |= (unsigned char)(given[i] ^ right[i]);
        if (d == 0 && step > last_step && !found) found = step;
    }
    *ret_step = found;
    return MN_OK;
}

static void add_encoded(mn_buf *b, mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
        if (plain) mn_buf_addc(b, (char)c);
        else mn_buf_addf(b, "%%%02X", c);
    }
}

mn_str mn_totp_uri(mn_str secret, mn_str issuer, mn_str name, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, 2048);
    mn_buf_addz(&b, "otpauth://totp/");
    add_encoded(&b, issuer);
    mn_buf_addc(&b, ':');
    add_encoded(&b, name);
    mn_buf_addf(&b, "?secret=%.*s&issuer=", MN_STR_FMT(secret));
    add_encoded(&b, issuer);
    mn_str out = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

/* ---- recovery codes -------------------------------------------------------------------------------------------- */

mn_rc mn_recovery_codes_make(mn_recovery_code ret[MN_TOTP_RECOVERY], mn_err *e)
{
    uint8_t bytes[MN_TOTP_RECOVERY][16];
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    MN_TRY(mn_random_bytes(bytes, sizeof bytes, e));
    for (int i = 0; i < MN_TOTP_RECOVERY; i++) {
        char *at = ret[i].text;
        for (int j = 0; j < 16; j++) {
            if (j > 0 && j % 4 == 0) *at++ = '-';
            *at++ = letters[bytes[i][j] & 31];
        }
        *at = '\0';
    }
    return MN_OK;
}

mn_str mn_recovery_code_plain(mn_str code, char ret[20])
{
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (c == '-' || c == ' ') continue;
        if (n == 16) return MN_STR_NONE;
        ret[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return n == 16 ? (mn_str){ret, n} : MN_STR_NONE;
}
