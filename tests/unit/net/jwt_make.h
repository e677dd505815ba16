/* Keys, key sets and signed tokens for tests: the provider's side of net/jwt.h. */
#ifndef MN_TESTS_JWT_MAKE_H
#define MN_TESTS_JWT_MAKE_H

#include "test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/base64.h"

typedef struct jwt_key {
    EVP_PKEY *key;
    char kid[32];
    bool is_ec;
} jwt_key;

static inline jwt_key jwt_key_rsa(const char *kid, unsigned bits)
{
    jwt_key k = {.key = EVP_RSA_gen(bits)};
    snprintf(k.kid, sizeof k.kid, "%s", kid);
    if (!k.key) abort();
    return k;
}
static inline jwt_key jwt_key_ec(const char *kid)
{
    jwt_key k = {.key = EVP_EC_gen("P-256"), .is_ec = true};
    snprintf(k.kid, sizeof k.kid, "%s", kid);
    if (!k.key) abort();
    return k;
}
static inline void jwt_key_free(jwt_key *k)
{
    EVP_PKEY_free(k->key);
}

static inline void jwt_add_bn(mn_buf *b, const jwt_key *k, const char *param, int size)
{
    BIGNUM *n = NULL;
    uint8_t bytes[512];
    if (EVP_PKEY_get_bn_param(k->key, param, &n) != 1) abort();
    int len = size ? BN_bn2binpad(n, bytes, size) : BN_bn2bin(n, bytes);
    BN_free(n);
    mn_base64url_add(b, bytes, (size_t)len, false);
}

/* {"keys":[…]} */
static inline void jwt_set(char *ret, size_t cap, const jwt_key *const *keys, size_t n)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, "{\"keys\":[");
    for (size_t i = 0; i < n; i++) {
        const jwt_key *k = keys[i];
        mn_buf_addf(&b, "%s{\"kid\":\"%s\",\"use\":\"sig\",", i ? "," : "", k->kid);
        mn_buf_addz(&b, k->is_ec ? "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""
                                 : "\"kty\":\"RSA\",\"n\":\"");
        jwt_add_bn(&b, k, k->is_ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N,
                   k->is_ec ? 32 : 0);
        mn_buf_addz(&b, k->is_ec ? "\",\"y\":\"" : "\",\"e\":\"");
        jwt_add_bn(&b, k, k->is_ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E,
                   k->is_ec ? 32 : 0);
        mn_buf_addz(&b, "\"}");
    }
    mn_buf_addz(&b, "]}");
    snprintf(ret, cap, "%s", b.ptr);
    mn_buf_release(&b);
}

/* DER of an ECDSA signature as r and s side by side. */
static inline size_t jwt_raw(const uint8_t *der, size_t n, uint8_t ret[64])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    if (!sig) abort();
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32);
    ECDSA_SIG_free(sig);
    return 64;
}

/* The token, good until the next call. */
static inline const char *jwt_sign(const jwt_key *k, const char *header, const char *claims)
{
    static char out[8192];
    uint8_t sig[512], raw[64];
    size_t n = sizeof sig;
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_base64url_add(&b, header, strlen(header), false);
    mn_buf_addc(&b, '.');
    mn_base64url_add(&b, claims, strlen(claims), false);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k->key) != 1 ||
        EVP_DigestSign(c, sig, &n, (const uint8_t *)b.ptr, b.len) != 1)
        abort();
    EVP_MD_CTX_free(c);
    mn_buf_addc(&b, '.');
    if (k->is_ec) mn_base64url_add(&b, raw, jwt_raw(sig, n, raw), false);
    else mn_base64url_add(&b, sig, n, false);
    snprintf(out, sizeof out, "%s", b.ptr);
    mn_buf_release(&b);
    return out;
}

#endif
