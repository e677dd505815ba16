/* See sign.h. What is kept is the seed; the pair of keys follows from it. */
#include "social/sign.h"

#include <sodium.h>

#include "base/hash.h"
#include "base/json.h"

#define KEY_NAME "sign_key"

static mn_rc read_seed(mn_store *s, uint8_t ret[crypto_sign_SEEDBYTES], mn_err *e)
{
    mn_arena ar;
    mn_str hex;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_meta_get(s, KEY_NAME, &ar, &hex, e);
    if (rc == MN_OK && mn_unhex(hex, ret, crypto_sign_SEEDBYTES) != MN_OK)
        rc = mn_fail(e, MN_E_CORRUPT, "the key of this instance (" KEY_NAME ") is damaged");
    mn_arena_release(&ar);
    return rc;
}

/* Makes it under the writer's lock, unless somebody was faster. */
static mn_rc make_seed(mn_store *s, uint8_t ret[crypto_sign_SEEDBYTES], mn_err *e)
{
    mn_tx *tx;
    char hex[2 * crypto_sign_SEEDBYTES + 1];
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = read_seed(s, ret, e);
    if (rc == MN_E_NOT_FOUND) {
        rc = mn_random_bytes(ret, crypto_sign_SEEDBYTES, e);
        if (rc == MN_OK)
            rc = mn_store_meta_set(tx, KEY_NAME,
                                   mn_str_from(mn_hex(ret, crypto_sign_SEEDBYTES, hex)), e);
        sodium_memzero(hex, sizeof hex);
    }
    return mn_store_end(tx, rc, e);
}

typedef struct pair {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
} pair;

static mn_rc get_pair(mn_store *s, pair *ret, mn_err *e)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    mn_rc rc = read_seed(s, seed, e);
    if (rc == MN_E_NOT_FOUND) rc = make_seed(s, seed, e);
    if (rc == MN_OK) crypto_sign_seed_keypair(ret->public_key, ret->secret, seed);
    sodium_memzero(seed, sizeof seed);
    return rc;
}

mn_rc mn_sign_public(mn_store *s, uint8_t ret[MN_SIGN_PUBLIC], mn_err *e)
{
    pair p;
    MN_TRY(get_pair(s, &p, e));
    memcpy(ret, p.public_key, MN_SIGN_PUBLIC);
    sodium_memzero(&p, sizeof p);
    return MN_OK;
}

mn_rc mn_sign_bytes(mn_store *s, mn_str bytes, uint8_t ret[MN_SIGN_SIGNATURE], mn_err *e)
{
    pair p;
    MN_TRY(get_pair(s, &p, e));
    crypto_sign_detached(ret, NULL, (const uint8_t *)bytes.ptr, bytes.len, p.secret);
    sodium_memzero(&p, sizeof p);
    return MN_OK;
}

mn_rc mn_sign_file_parse(mn_str text, uint8_t ret_key[MN_SIGN_PUBLIC],
                         uint8_t ret_signature[MN_SIGN_SIGNATURE], mn_err *e)
{
    uint8_t key[MN_SIGN_PUBLIC], signature[MN_SIGN_SIGNATURE];
    mn_arena a;
    mn_json *t = NULL;
    mn_arena_init(&a, 1u << 20);
    bool good = text.len <= MN_SIGN_FILE && mn_json_parse(text, &a, &t, NULL) == MN_OK &&
                t->type == MN_JSON_OBJECT && t->n == 3 &&
                mn_str_eqz(mn_json_str(mn_json_get(t, "algorithm")), "ed25519") &&
                mn_unhex(mn_json_str(mn_json_get(t, "public_key")), key, sizeof key) == MN_OK &&
                mn_unhex(mn_json_str(mn_json_get(t, "signature")), signature,
                         sizeof signature) == MN_OK;
    mn_arena_release(&a);
    if (!good) return mn_fail(e, MN_E_CORRUPT, "its signature's file is none");
    memcpy(ret_key, key, sizeof key);
    memcpy(ret_signature, signature, sizeof signature);
    return MN_OK;
}

bool mn_sign_check(const uint8_t public_key[MN_SIGN_PUBLIC], mn_str bytes,
                   const uint8_t signature[MN_SIGN_SIGNATURE])
{
    return crypto_sign_verify_detached(signature, (const uint8_t *)bytes.ptr, bytes.len,
                                       public_key) == 0;
}
