#include "social/seal.h"

#include <sodium.h>

#include "base/base64.h"
#include "base/hash.h"

#define KEY_NAME "seal_key"

/* ---- the key --------------------------------------------------------------------------------------------------- */

static mn_rc read_key(mn_store *s, uint8_t ret[32], mn_err *e)
{
    mn_arena ar;
    mn_str hex;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_meta_get(s, KEY_NAME, &ar, &hex, e);
    if (rc == MN_OK && mn_unhex(hex, ret, 32) != MN_OK)
        rc = mn_fail(e, MN_E_CORRUPT, "the key of this instance (" KEY_NAME ") is damaged");
    mn_arena_release(&ar);
    return rc;
}

/* Makes it under the writer's lock, unless somebody was faster. */
static mn_rc make_key(mn_store *s, uint8_t ret[32], mn_err *e)
{
    mn_tx *tx;
    char hex[MN_HEX256];
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = read_key(s, ret, e);
    if (rc == MN_E_NOT_FOUND) {
        rc = mn_random_bytes(ret, 32, e);
        if (rc == MN_OK)
            rc = mn_store_meta_set(tx, KEY_NAME, mn_str_from(mn_hex(ret, 32, hex)), e);
    }
    return mn_store_end(tx, rc, e);
}

static mn_rc get_key(mn_store *s, uint8_t ret[32], mn_err *e)
{
    mn_rc rc = read_key(s, ret, e);
    return rc == MN_E_NOT_FOUND ? make_key(s, ret, e) : rc;
}

/* ---- the seal -------------------------------------------------------------------------------------------------- */

/* Each part with its length before it, so that no two readings give the same bytes. */
static void add_part(crypto_auth_hmacsha256_state *h, mn_str part)
{
    uint64_t n = part.len;
    crypto_auth_hmacsha256_update(h, (const uint8_t *)&n, sizeof n);
    if (n) crypto_auth_hmacsha256_update(h, (const uint8_t *)part.ptr, part.len);
}

static mn_rc sign(mn_store *s, mn_str purpose, mn_str payload, int64_t expires_ms,
                  uint8_t ret[32], mn_err *e)
{
    uint8_t key[32];
    crypto_auth_hmacsha256_state h;
    MN_TRY(get_key(s, key, e));
    crypto_auth_hmacsha256_init(&h, key, sizeof key);
    add_part(&h, purpose);
    add_part(&h, payload);
    add_part(&h, (mn_str){(const char *)&expires_ms, sizeof expires_ms});
    crypto_auth_hmacsha256_final(&h, ret);
    sodium_memzero(key, sizeof key);
    return MN_OK;
}

mn_rc mn_seal_make(mn_store *s, mn_str purpose, mn_str payload, int64_t expires_ms,
                   mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_buf b;
    uint8_t mac[32];
    if (payload.len > MN_SEAL_MAX)
        return mn_fail(e, MN_E_LIMIT, "a sealed text has at most %d bytes", MN_SEAL_MAX);
    MN_TRY(sign(s, purpose, payload, expires_ms, mac, e));
    mn_buf_init(&b, 0);
    mn_base64url_add(&b, payload.ptr ? payload.ptr : "", payload.len, false);
    mn_buf_addf(&b, ".%lld.", (long long)expires_ms);
    mn_base64url_add(&b, mac, sizeof mac, false);
    mn_str out = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    if (!out.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory sealing a text");
    *ret = out;
    return MN_OK;
}

static mn_rc not_ours(mn_err *e)
{
    return mn_fail(e, MN_E_DENIED, "this was not made here, or its time is over; begin again");
}

mn_rc mn_seal_open(mn_store *s, mn_str purpose, mn_str sealed, int64_t now_ms, mn_arena *ar,
                   mn_str *ret_payload, mn_err *e)
{
    mn_str rest, time, mac_text;
    int64_t expires_ms = 0;
    uint8_t given[32], mac[32];
    size_t n = 0;
    mn_str text = mn_str_split(sealed, '.', &rest);
    time = mn_str_split(rest, '.', &mac_text);
    if (!mac_text.ptr || text.len > 2 * MN_SEAL_MAX ||
        mn_str_to_i64(time, &expires_ms) != MN_OK || expires_ms <= now_ms ||
        mn_base64_read(mac_text, given, sizeof given, &n) != MN_OK || n != sizeof given)
        return not_ours(e);
    char *payload = mn_arena_alloc(ar, text.len + 1);
    if (!payload) return mn_fail(e, MN_E_NOMEM, "out of memory opening a sealed text");
    if (mn_base64_read(text, (uint8_t *)payload, text.len + 1, &n) != MN_OK) return not_ours(e);
    MN_TRY(sign(s, purpose, (mn_str){payload, n}, expires_ms, mac, e));
    if (sodium_memcmp(mac, given, sizeof mac) != 0) return not_ours(e);
    payload[n] = '\0';
    *ret_payload = (mn_str){payload, n};
    return MN_OK;
}
