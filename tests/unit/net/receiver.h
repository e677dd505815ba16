/* The other end of Web Push, for tests: a browser's keys, and opening what was sealed for them. */
#ifndef MN_TESTS_NET_RECEIVER_H
#define MN_TESTS_NET_RECEIVER_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>

#include "base/base64.h"
#include "test.h"

typedef struct receiver {
    BIGNUM *priv;
    EC_GROUP *group;
    uint8_t pub[65], auth[16];
    char p256dh[88], auth_text[23];
} receiver;

static inline void receiver_text(const void *p, size_t n, char *ret)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_base64url_add(&b, p, n, false) == MN_OK);
    memcpy(ret, b.ptr, b.len + 1);
    mn_buf_release(&b);
}

static inline void receiver_init(receiver *r, const char *private_key, const char *auth)
{
    uint8_t scalar[32];
    size_t n;
    OK(mn_base64_read(mn_str_from(private_key), scalar, 32, &n) == MN_OK && n == 32);
    OK(mn_base64_read(mn_str_from(auth), r->auth, 16, &n) == MN_OK && n == 16);
    r->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    r->priv = BN_bin2bn(scalar, 32, NULL);
    EC_POINT *p = EC_POINT_new(r->group);
    OK(EC_POINT_mul(r->group, p, r->priv, NULL, NULL, NULL) == 1);
    OK(EC_POINT_point2oct(r->group, p, POINT_CONVERSION_UNCOMPRESSED, r->pub, 65, NULL) == 65);
    EC_POINT_free(p);
    receiver_text(r->pub, 65, r->p256dh);
    receiver_text(r->auth, 16, r->auth_text);
}

static inline void receiver_release(receiver *r)
{
    BN_free(r->priv);
    EC_GROUP_free(r->group);
}

static inline void receiver_shared(const receiver *r, const uint8_t sender[65], uint8_t ret[32])
{
    EC_POINT *p = EC_POINT_new(r->group);
    BIGNUM *x = BN_new();
    OK(EC_POINT_oct2point(r->group, p, sender, 65, NULL) == 1);
    OK(EC_POINT_mul(r->group, p, NULL, p, r->priv, NULL) == 1);
    OK(EC_POINT_get_affine_coordinates(r->group, p, x, NULL, NULL) == 1);
    OK(BN_bn2binpad(x, ret, 32) == 32);
    BN_free(x);
    EC_POINT_free(p);
}

static inline void receiver_hkdf(const uint8_t *salt, size_t n_salt, const uint8_t *ikm,
                                 const uint8_t *info, size_t n_info, uint8_t *ret, size_t n)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    OK(EVP_PKEY_derive_init(c) > 0 && EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) > 0);
    OK(EVP_PKEY_CTX_set1_hkdf_salt(c, salt, (int)n_salt) > 0);
    OK(EVP_PKEY_CTX_set1_hkdf_key(c, ikm, 32) > 0);
    OK(EVP_PKEY_CTX_add1_hkdf_info(c, info, (int)n_info) > 0 &&
       EVP_PKEY_derive(c, ret, &n) > 0);
    EVP_PKEY_CTX_free(c);
}

/* The plaintext's length, -1 when the tag is wrong. */
static inline int receiver_unseal(const uint8_t key[16], const uint8_t nonce[12],
                                  const uint8_t *in, size_t n, uint8_t *ret)
{
    int k = 0, more = 0;
    uint8_t tag[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    memcpy(tag, in + n - 16, 16);
    OK(EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce) == 1);
    OK(EVP_DecryptUpdate(c, ret, &k, in, (int)n - 16) == 1);
    OK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag) == 1);
    bool ok = EVP_DecryptFinal_ex(c, ret + k, &more) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? k + more : -1;
}

/* RFC 8291; -1 when it cannot be opened. ret has room for n bytes. */
static inline int receiver_open(const receiver *r, const uint8_t *body, size_t n, char *ret)
{
    static const char start[] = "WebPush: info", key_info[] = "Content-Encoding: aes128gcm",
                      nonce_info[] = "Content-Encoding: nonce";
    uint8_t shared[32], info[sizeof start + 130], ikm[32], key[16], nonce[12];
    if (n < 86 + 17 || body[20] != 65) return -1;
    const uint8_t *sender = body + 21;
    receiver_shared(r, sender, shared);
    memcpy(info, start, sizeof start);
    memcpy(info + sizeof start, r->pub, 65);
    memcpy(info + sizeof start + 65, sender, 65);
    receiver_hkdf(r->auth, 16, shared, info, sizeof info, ikm, 32);
    receiver_hkdf(body, 16, ikm, (const uint8_t *)key_info, sizeof key_info, key, 16);
    receiver_hkdf(body, 16, ikm, (const uint8_t *)nonce_info, sizeof nonce_info, nonce, 12);
    int k = receiver_unseal(key, nonce, body + 86, n - 86, (uint8_t *)ret);
    if (k < 1 || ret[k - 1] != 2) return -1;
    ret[k - 1] = 0;
    return k - 1;
}

#endif
