/* Encryption and signature with OpenSSL 3. The names are those of RFC 8291: the application server (as) is we, the user agent
 * (ua) is the browser. */
#include "net/webpush.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/base64.h"
#include "base/hash.h"

#define KEY        MN_WEBPUSH_KEY
#define SCALAR     32
#define SALT       16
#define AUTH       16
#define TAG        16
#define TOKEN_S    (12 * 3600)
#define RECORD     4096
#define HEAD_BYTES (SALT + 4 + 1 + KEY) /* of an aes128gcm body */

struct mn_vapid {
    EVP_PKEY *key;
    char public_text[89];
};

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static mn_rc crypto_failed(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_IO, "the cryptographic library could not %s", what);
}

static EVP_PKEY *key_from(const uint8_t *pub, const BIGNUM *priv)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params = NULL;
    bool ok = b && c &&
              OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
              OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, pub, KEY) &&
              (!priv || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, priv)) &&
              (params = OSSL_PARAM_BLD_to_param(b)) != NULL && EVP_PKEY_fromdata_init(c) > 0;
    if (ok) EVP_PKEY_fromdata(c, &key, priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(c);
    return key;
}

/* The public point of a private key; false when it is none. */
static bool point_of(const EC_GROUP *g, const BIGNUM *priv, uint8_t ret[KEY])
{
    const BIGNUM *order = EC_GROUP_get0_order(g);
    EC_POINT *p = EC_POINT_new(g);
    bool ok = p && !BN_is_zero(priv) && BN_cmp(priv, order) < 0 &&
              EC_POINT_mul(g, p, priv, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, ret, KEY, NULL) == KEY;
    EC_POINT_free(p);
    return ok;
}

static EVP_PKEY *key_of_private(const uint8_t scalar[SCALAR], uint8_t ret_public[KEY])
{
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *priv = BN_secure_new();
    EVP_PKEY *key = NULL;
    if (g && priv && BN_bin2bn(scalar, SCALAR, priv) && point_of(g, priv, ret_public))
        key = key_from(ret_public, priv);
    BN_clear_free(priv);
    EC_GROUP_free(g);
    return key;
}

/* A random key; about one try in 2^32 has to be repeated. */
static mn_rc random_key(uint8_t ret_scalar[SCALAR], uint8_t ret_public[KEY], EVP_PKEY **ret,
                        mn_err *e)
{
    for (int i = 0; i < 8; i++) {
        MN_TRY(mn_random_bytes(ret_scalar, SCALAR, e));
        *ret = key_of_private(ret_scalar, ret_public);
        if (*ret) return MN_OK;
    }
    return crypto_failed(e, "make a key");
}

mn_rc mn_vapid_generate(char ret_private[44], mn_err *e)
{
    uint8_t scalar[SCALAR], pub[KEY];
    EVP_PKEY *key = NULL;
    mn_buf b;
    MN_TRY(random_key(scalar, pub, &key, e));
    EVP_PKEY_free(key);
    mn_buf_init(&b, 0);
    mn_rc rc = mn_base64url_add(&b, scalar, SCALAR, false);
    if (rc == MN_OK) memcpy(ret_private, b.ptr, 44);
    else rc = mn_fail(e, rc, "out of memory");
    OPENSSL_cleanse(scalar, sizeof scalar);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_vapid_new(mn_str private_key, mn_vapid **ret, mn_err *e)
{
    uint8_t scalar[SCALAR], pub[KEY];
    size_t n = 0;
    mn_buf b;
    mn_rc rc = mn_base64_read(private_key, scalar, SCALAR, &n);
    if (rc != MN_OK || n != SCALAR)
        return mn_fail(e, MN_E_PARSE, "the private key of Web Push is malformed");
    mn_vapid *v = mn_calloc(1, sizeof *v);
    if (!v) return mn_fail(e, MN_E_NOMEM, "out of memory");
    v->key = key_of_private(scalar, pub);
    OPENSSL_cleanse(scalar, sizeof scalar);
    mn_buf_init(&b, 0);
    if (!v->key) rc = mn_fail(e, MN_E_PARSE, "the private key of Web Push is malformed");
    else if (mn_base64url_add(&b, pub, KEY, true) != MN_OK)
        rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) memcpy(v->public_text, b.ptr, sizeof v->public_text);
    mn_buf_release(&b);
    if (rc == MN_OK) *ret = v;
    else mn_vapid_free(v);
    return rc;
}

void mn_vapid_free(mn_vapid *v)
{
    if (!v) return;
    EVP_PKEY_free(v->key);
    mn_free(v);
}

const char *mn_vapid_public(const mn_vapid *v)
{
    return v->public_text;
}

/* ---- the token ------------------------------------------------------------------------------------------------- */

/* "https://push.example:8443/a/b" → "https://push.example:8443" */
static mn_str origin_of(mn_str url)
{
    size_t from = mn_str_find(url, MN_STR("://"), 0);
    if (from == SIZE_MAX) return MN_STR_NONE;
    size_t end = from + 3;
    while (end < url.len && !strchr("/?#", url.ptr[end])) end++;
    return end > from + 3 ? mn_str_sub(url, 0, end) : MN_STR_NONE;
}

/* DER → r and s, 32 bytes each. */
static bool raw_signature(const uint8_t *der, size_t n, uint8_t ret[64])
{
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + 32, 32) == 32;
    ECDSA_SIG_free(s);
    return ok;
}

static bool sign(EVP_PKEY *key, mn_str text, uint8_t ret[64])
{
    uint8_t der[128];
    size_t n = sizeof der;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(c, der, &n, (const uint8_t *)text.ptr, text.len) == 1 &&
              raw_signature(der, n, ret);
    EVP_MD_CTX_free(c);
    return ok;
}

static mn_rc add_claims(mn_buf *b, const mn_webpush *p, mn_str origin, mn_arena *ar)
{
    mn_str claims =
        mn_str_fmt(ar, "{\"aud\":\"%.*s\",\"exp\":%lld,\"sub\":\"%.*s\"}", MN_STR_FMT(origin),
                   (long long)(p->now_ms / 1000 + TOKEN_S), MN_STR_FMT(p->subject));
    return claims.ptr ? mn_base64url_add(b, claims.ptr, claims.len, false) : MN_E_NOMEM;
}

/* Nothing that would have to be escaped in JSON or could end a header. */
static bool is_plain_text(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
    return s.len > 0;
}

static mn_rc add_token(mn_buf *b, const mn_vapid *v, const mn_webpush *p, mn_arena *ar,
                       mn_err *e)
{
    static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
    uint8_t signature[64];
    size_t from = b->len;
    mn_str origin = origin_of(p->endpoint);
    if (!is_plain_text(origin) || !is_plain_text(p->subject))
        return mn_fail(e, MN_E_PARSE, "the endpoint of a push subscription is no address");
    mn_base64url_add(b, head, sizeof head - 1, false);
    mn_buf_addc(b, '.');
    if (add_claims(b, p, origin, ar) != MN_OK || b->failed)
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!sign(v->key, (mn_str){b->ptr + from, b->len - from}, signature))
        return crypto_failed(e, "sign");
    mn_buf_addc(b, '.');
    mn_base64url_add(b, signature, sizeof signature, false);
    return b->failed ? mn_fail(e, MN_E_NOMEM, "out of memory") : MN_OK;
}

/* ---- encryption ------------------------------------------------------------------------------------------------ */

/* What both sides know: keys, secret, salt. */
typedef struct envelope {
    uint8_t ua[KEY], as[KEY], auth[AUTH], salt[SALT], shared[32];
} envelope;

static bool hkdf(const uint8_t *salt, size_t n_salt, const uint8_t ikm[32], const void *info,
                 size_t n_info, uint8_t *ret, size_t n)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool ok = c && EVP_PKEY_derive_init(c) > 0 &&
              EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) > 0 &&
              EVP_PKEY_CTX_set1_hkdf_salt(c, salt, (int)n_salt) > 0 &&
              EVP_PKEY_CTX_set1_hkdf_key(c, ikm, 32) > 0 &&
              EVP_PKEY_CTX_add1_hkdf_info(c, info, (int)n_info) > 0 &&
              EVP_PKEY_derive(c, ret, &n) > 0;
    EVP_PKEY_CTX_free(c);
    return ok;
}

static bool agree(EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t ret[32])
{
    size_t n = 32;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(mine, NULL);
    bool ok = c && EVP_PKEY_derive_init(c) > 0 && EVP_PKEY_derive_set_peer(c, theirs) > 0 &&
              EVP_PKEY_derive(c, ret, &n) > 0 && n == 32;
    EVP_PKEY_CTX_free(c);
    return ok;
}

/* Appends AES-128-GCM of a and b, one after the other, and the tag. */
static bool seal(const uint8_t key[16], const uint8_t nonce[12], mn_str a, mn_str b, mn_buf *to)
{
    int k = 0, total = 0;
    if (mn_buf_reserve(to, a.len + b.len + TAG) != MN_OK) return false;
    uint8_t *out = (uint8_t *)to->ptr + to->len;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce) == 1;
    ok = ok && EVP_EncryptUpdate(c, out, &k, (const uint8_t *)a.ptr, (int)a.len) == 1;
    total += k;
    ok = ok && EVP_EncryptUpdate(c, out + total, &k, (const uint8_t *)b.ptr, (int)b.len) == 1;
    total += k;
    ok = ok && EVP_EncryptFinal_ex(c, out + total, &k) == 1;
    total += k;
    ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + total) == 1;
    EVP_CIPHER_CTX_free(c);
    if (ok) to->len += (size_t)total + TAG;
    if (ok) to->ptr[to->len] = 0;
    return ok;
}

static size_t put(uint8_t *to, size_t at, const void *p, size_t n)
{
    memcpy(to + at, p, n);
    return at + n;
}

/* RFC 8291 section 3.4 and RFC 8188: one record, the delimiter 2, no padding. */
static bool seal_aes128gcm(const envelope *v, mn_str plain, mn_buf *ret)
{
    static const char key_info[] = "Content-Encoding: aes128gcm",
                      nonce_info[] = "Content-Encoding: nonce", start[] = "WebPush: info";
    uint8_t info[sizeof start + 2 * KEY], ikm[32], key[16], nonce[12];
    size_t n = put(info, 0, start, sizeof start); /* the NUL belongs to it, here and below */
    n = put(info, n, v->ua, KEY);
    n = put(info, n, v->as, KEY);
    uint8_t head[HEAD_BYTES];
    size_t h = put(head, 0, v->salt, SALT);
    const uint8_t sizes[5] = {RECORD >> 24, RECORD >> 16 & 255, RECORD >> 8 & 255, RECORD & 255,
                              KEY};
    h = put(head, h, sizes, sizeof sizes);
    h = put(head, h, v->as, KEY);
    return hkdf(v->auth, AUTH, v->shared, info, n, ikm, 32) &&
           hkdf(v->salt, SALT, ikm, key_info, sizeof key_info, key, 16) &&
           hkdf(v->salt, SALT, ikm, nonce_info, sizeof nonce_info, nonce, 12) &&
           mn_buf_add(ret, head, h) == MN_OK && seal(key, nonce, plain, MN_STR("\x02"), ret);
}

static size_t put_context(uint8_t *to, size_t at, const envelope *v)
{
    static const uint8_t n_key[2] = {0, KEY};
    at = put(to, at, "P-256", 6);
    at = put(to, at, n_key, 2);
    at = put(to, at, v->ua, KEY);
    at = put(to, at, n_key, 2);
    return put(to, at, v->as, KEY);
}

/* draft-ietf-webpush-encryption-04: the keys are in the info, padding comes first. */
static bool seal_aesgcm(const envelope *v, mn_str plain, mn_buf *ret)
{
    static const char auth_info[] = "Content-Encoding: auth",
                      key_name[] = "Content-Encoding: aesgcm",
                      nonce_name[] = "Content-Encoding: nonce";
    uint8_t info[64 + 2 * KEY], ikm[32], key[16], nonce[12];
    bool ok = hkdf(v->auth, AUTH, v->shared, auth_info, sizeof auth_info, ikm, 32);
    size_t n = put_context(info, put(info, 0, key_name, sizeof key_name), v);
    ok = ok && hkdf(v->salt, SALT, ikm, info, n, key, 16);
    n = put_context(info, put(info, 0, nonce_name, sizeof nonce_name), v);
    ok = ok && hkdf(v->salt, SALT, ikm, info, n, nonce, 12);
    return ok && seal(key, nonce, MN_STR("\0\0"), plain, ret);
}

static mn_rc read_keys(mn_str p256dh, mn_str auth, envelope *v, EVP_PKEY **ret, mn_err *e)
{
    size_t n_key = 0, n_auth = 0;
    if (mn_base64_read(p256dh, v->ua, KEY, &n_key) != MN_OK || n_key != KEY || v->ua[0] != 4)
        return mn_fail(e, MN_E_PARSE, "the p256dh key should be 65 bytes in base64url");
    if (mn_base64_read(auth, v->auth, AUTH, &n_auth) != MN_OK || n_auth != AUTH)
        return mn_fail(e, MN_E_PARSE, "the auth secret should be 16 bytes in base64url");
    *ret = key_from(v->ua, NULL);
    return *ret ? MN_OK : mn_fail(e, MN_E_PARSE, "the p256dh key is no point of P-256");
}

mn_rc mn_webpush_keys_check(mn_str p256dh, mn_str auth, mn_err *e)
{
    envelope v;
    EVP_PKEY *key = NULL;
    mn_rc rc = read_keys(p256dh, auth, &v, &key, e);
    EVP_PKEY_free(key);
    return rc;
}

static mn_rc fill_envelope(const mn_webpush *p, envelope *v, mn_err *e)
{
    uint8_t scalar[SCALAR];
    EVP_PKEY *theirs = NULL, *mine = NULL;
    MN_TRY(read_keys(p->p256dh, p->auth, v, &theirs, e));
    mn_rc rc = p->fixed ? MN_OK : mn_random_bytes(v->salt, SALT, e);
    if (p->fixed) {
        mine = key_of_private(p->fixed, v->as);
        memcpy(v->salt, p->fixed + SCALAR, SALT);
    } else if (rc == MN_OK) {
        rc = random_key(scalar, v->as, &mine, e);
        OPENSSL_cleanse(scalar, sizeof scalar);
    }
    if (rc == MN_OK && !(mine && agree(mine, theirs, v->shared)))
        rc = crypto_failed(e, "agree on a key");
    EVP_PKEY_free(mine);
    EVP_PKEY_free(theirs);
    return rc;
}

/* ---- the message ----------------------------------------------------------------------------------------------- */

static void add_header(mn_webpush_message *m, const char *name, mn_str value)
{
    m->headers[m->n_headers++] = (mn_client_header){mn_str_from(name), value};
}

/* base64url without padding, on the arena */
static mn_str encoded(const void *p, size_t n, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_str s = mn_base64url_add(&b, p, n, false) == MN_OK ? mn_str_dup(ar, mn_buf_str(&b))
                                                          : MN_STR_NONE;
    mn_buf_release(&b);
    return s;
}

/* Who sends it, and for the older coding what it takes to open it. */
static mn_rc add_identity(const mn_vapid *v, const mn_webpush *p, const envelope *env,
                          mn_arena *ar, mn_webpush_message *m, mn_err *e)
{
    mn_buf b;
    mn_str pub = {v->public_text, 87}; /* without the padding */
    mn_buf_init(&b, 8192);
    mn_buf_addz(&b, p->standard ? "vapid t=" : "WebPush ");
    mn_rc rc = add_token(&b, v, p, ar, e);
    if (p->standard) mn_buf_addf(&b, ",k=%.*s", MN_STR_FMT(pub));
    if (rc == MN_OK) add_header(m, "Authorization", mn_str_dup(ar, mn_buf_str(&b)));
    mn_buf_release(&b);
    if (rc != MN_OK || p->standard) return rc;
    add_header(m, "Encryption",
               mn_str_fmt(ar, "salt=%.*s", MN_STR_FMT(encoded(env->salt, SALT, ar))));
    add_header(m, "Crypto-Key",
               mn_str_fmt(ar, "dh=%.*s;p256ecdsa=%.*s", MN_STR_FMT(encoded(env->as, KEY, ar)),
                          MN_STR_FMT(pub)));
    return MN_OK;
}

static mn_rc seal_body(const mn_webpush *p, const envelope *env, mn_arena *ar, mn_str *ret,
                       mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, RECORD + HEAD_BYTES);
    bool ok = p->standard ? seal_aes128gcm(env, p->plain, &b) : seal_aesgcm(env, p->plain, &b);
    if (ok) *ret = mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return ok ? MN_OK : crypto_failed(e, "encrypt");
}

mn_rc mn_webpush_make(const mn_vapid *v, const mn_webpush *p, mn_arena *ar,
                      mn_webpush_message *ret, mn_err *e)
{
    envelope env;
    mn_webpush_message m = {0};
    if (p->plain.len > MN_WEBPUSH_PLAIN_MAX)
        return mn_fail(e, MN_E_LIMIT, "a push message has %d bytes at most",
                       MN_WEBPUSH_PLAIN_MAX);
    mn_rc rc = fill_envelope(p, &env, e);
    if (rc == MN_OK) rc = seal_body(p, &env, ar, &m.body, e);
    if (rc == MN_OK) rc = add_identity(v, p, &env, ar, &m, e);
    OPENSSL_cleanse(&env, sizeof env);
    MN_TRY(rc);
    add_header(&m, "Content-Type", MN_STR("application/octet-stream"));
    add_header(&m, "Content-Encoding", p->standard ? MN_STR("aes128gcm") : MN_STR("aesgcm"));
    add_header(&m, "TTL", mn_str_fmt(ar, "%d", p->ttl_s));
    add_header(&m, "Urgency", mn_str_from(p->urgency));
    for (size_t i = 0; i < m.n_headers; i++)
        if (!m.headers[i].value.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!m.body.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = m;
    return MN_OK;
}
