#include "net/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/base64.h"

#define SKEW_MS     INT64_C(60000)
#define RSA_LEAST   256 /* bytes of the modulus */
#define RSA_MOST    1024
#define KEYS_MAX    64
#define SUBJECT_MAX 255

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

typedef struct bytes {
    uint8_t *ptr;
    size_t len;
} bytes;

/* base64url without padding, strictly of that alphabet. */
static mn_rc decode(mn_str s, mn_arena *ar, bytes *ret, mn_err *e)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '+' || s.ptr[i] == '/' || s.ptr[i] == '=')
            return mn_fail(e, MN_E_PARSE, "not base64url");
    bytes b = {mn_arena_alloc(ar, s.len + 1), 0};
    if (!b.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory reading a token");
    if (mn_base64_read(s, b.ptr, s.len + 1, &b.len) != MN_OK)
        return mn_fail(e, MN_E_PARSE, "not base64url");
    *ret = b;
    return MN_OK;
}

static mn_rc decode_json(mn_str s, mn_arena *ar, mn_json **ret, mn_err *e)
{
    bytes b;
    mn_json *j = NULL;
    MN_TRY(decode(s, ar, &b, e));
    MN_TRY(mn_json_parse((mn_str){(const char *)b.ptr, b.len}, ar, &j, e));
    if (j->type != MN_JSON_OBJECT) return mn_fail(e, MN_E_PARSE, "not a JSON object");
    *ret = j;
    return MN_OK;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static mn_rc no_key(mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "a key of the provider can't be read");
}

static mn_rc make_key(const char *kind, OSSL_PARAM_BLD *b, EVP_PKEY **ret, mn_err *e)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *key = NULL;
    bool made = params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
                EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    if (!made) {
        EVP_PKEY_free(key);
        return no_key(e);
    }
    *ret = key;
    return MN_OK;
}

static mn_rc rsa_key(const mn_json *k, mn_arena *ar, EVP_PKEY **ret, mn_err *e)
{
    bytes n, x;
    MN_TRY(decode(mn_json_str(mn_json_get(k, "n")), ar, &n, e));
    MN_TRY(decode(mn_json_str(mn_json_get(k, "e")), ar, &x, e));
    while (n.len && n.ptr[0] == 0) n.ptr++, n.len--;
    if (n.len < RSA_LEAST || n.len > RSA_MOST || x.len == 0 || x.len > 8) return no_key(e);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *bn = BN_bin2bn(n.ptr, (int)n.len, NULL), *be = BN_bin2bn(x.ptr, (int)x.len, NULL);
    mn_rc rc = MN_E_NOMEM;
    if (b && bn && be && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
        rc = make_key("RSA", b, ret, e);
    else mn_fail(e, rc, "out of memory reading a key");
    OSSL_PARAM_BLD_free(b);
    BN_free(bn);
    BN_free(be);
    return rc;
}

static mn_rc ec_key(const mn_json *k, mn_arena *ar, EVP_PKEY **ret, mn_err *e)
{
    bytes x, y;
    uint8_t point[65] = {4};
    if (!mn_str_eqz(mn_json_str(mn_json_get(k, "crv")), "P-256")) return no_key(e);
    MN_TRY(decode(mn_json_str(mn_json_get(k, "x")), ar, &x, e));
    MN_TRY(decode(mn_json_str(mn_json_get(k, "y")), ar, &y, e));
    if (x.len != 32 || y.len != 32) return no_key(e);
    memcpy(point + 1, x.ptr, 32);
    memcpy(point + 33, y.ptr, 32);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    mn_rc rc = MN_E_NOMEM;
    if (b &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        rc = make_key("EC", b, ret, e);
    else mn_fail(e, rc, "out of memory reading a key");
    OSSL_PARAM_BLD_free(b);
    return rc;
}

/* Does the key fit the token's header: kind, use, algorithm, name? */
static bool key_fits(const mn_json *k, mn_str alg, mn_str kid)
{
    mn_str kty = mn_json_str(mn_json_get(k, "kty")), use = mn_json_str(mn_json_get(k, "use")),
           own = mn_json_str(mn_json_get(k, "alg"));
    if (!mn_str_eqz(kty, mn_str_eqz(alg, "RS256") ? "RSA" : "EC")) return false;
    if (use.ptr && !mn_str_eqz(use, "sig")) return false;
    if (own.ptr && !mn_str_eq(own, alg)) return false;
    return !kid.ptr || mn_str_eq(mn_json_str(mn_json_get(k, "kid")), kid);
}

static mn_rc find_key(mn_str jwks, mn_str alg, mn_str kid, mn_arena *ar, const mn_json **ret,
                      mn_err *e)
{
    mn_json *set = NULL;
    const mn_json *found = NULL;
    size_t n = 0;
    if (jwks.len > MN_JWKS_MAX) return mn_fail(e, MN_E_PARSE, "the key set is too long");
    MN_TRY(mn_json_parse(jwks, ar, &set, e));
    const mn_json *keys = mn_json_get(set, "keys");
    for (size_t i = 0; keys && keys->type == MN_JSON_ARRAY && i < keys->n && i < KEYS_MAX; i++)
        if (key_fits(keys->items[i], alg, kid)) {
            found = keys->items[i];
            n++;
        }
    if (n == 0 || (n > 1 && !kid.ptr))
        return mn_fail(e, MN_E_NOT_FOUND, "the provider's key set has no key for this token");
    *ret = found;
    return MN_OK;
}

/* ---- signatures ------------------------------------------------------------------------------------------------ */

/* r and s side by side, as JWS has them, into the DER that OpenSSL wants. */
static mn_rc ecdsa_der(bytes raw, mn_arena *ar, bytes *ret, mn_err *e)
{
    if (raw.len != 64) return mn_fail(e, MN_E_DENIED, "the token's signature is wrong");
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, 32, NULL), *s = BN_bin2bn(raw.ptr + 32, 32, NULL);
    mn_rc rc = mn_fail(e, MN_E_NOMEM, "out of memory checking a signature");
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        uint8_t *der = mn_arena_alloc(ar, 80), *at = der;
        r = s = NULL;
        int n = der ? i2d_ECDSA_SIG(sig, &at) : -1;
        if (n > 0 && n <= 80) {
            *ret = (bytes){der, (size_t)n};
            rc = MN_OK;
        }
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return rc;
}

static mn_rc check_signature(EVP_PKEY *key, mn_str text, bytes sig, mn_err *e)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool right =
        ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, sig.ptr, sig.len, (const uint8_t *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return right ? MN_OK : mn_fail(e, MN_E_DENIED, "the token's signature is wrong");
}

static mn_rc check(mn_str text, mn_str sig_text, const mn_json *jwk, bool rsa, mn_arena *ar,
                   mn_err *e)
{
    bytes sig;
    EVP_PKEY *key = NULL;
    MN_TRY(decode(sig_text, ar, &sig, e));
    if (!rsa) MN_TRY(ecdsa_der(sig, ar, &sig, e));
    MN_TRY(rsa ? rsa_key(jwk, ar, &key, e) : ec_key(jwk, ar, &key, e));
    mn_rc rc = check_signature(key, text, sig, e);
    EVP_PKEY_free(key);
    return rc;
}

mn_rc mn_jwt_verify(mn_str token, mn_str jwks, mn_arena *ar, mn_json **ret_claims, mn_err *e)
{
    mn_str rest, signature, more;
    mn_json *header = NULL, *claims = NULL;
    const mn_json *jwk = NULL;
    if (token.len > MN_JWT_MAX) return mn_fail(e, MN_E_PARSE, "the token is too long");
    mn_str head = mn_str_split(token, '.', &rest), body = mn_str_split(rest, '.', &signature);
    if (!signature.ptr || (mn_str_split(signature, '.', &more), more.ptr))
        return mn_fail(e, MN_E_PARSE, "a token has three parts");
    MN_TRY(decode_json(head, ar, &header, e));
    mn_str alg = mn_json_str(mn_json_get(header, "alg"));
    bool rsa = mn_str_eqz(alg, "RS256");
    if (mn_json_get(header, "crit") || (!rsa && !mn_str_eqz(alg, "ES256")))
        return mn_fail(e, MN_E_UNSUPPORTED, "the token is signed in a way that is not taken");
    MN_TRY(find_key(jwks, alg, mn_json_str(mn_json_get(header, "kid")), ar, &jwk, e));
    mn_str text = {token.ptr, head.len + 1 + body.len};
    MN_TRY(check(text, signature, jwk, rsa, ar, e));
    MN_TRY(decode_json(body, ar, &claims, e));
    *ret_claims = claims;
    return MN_OK;
}

/* ---- claims ---------------------------------------------------------------------------------------------------- */

static mn_rc denied(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_DENIED, "the token's %s does not fit", what);
}

static bool is_audience(const mn_json *claims, mn_str us)
{
    const mn_json *aud = mn_json_get(claims, "aud"), *azp = mn_json_get(claims, "azp");
    if (azp && !mn_str_eq(mn_json_str(azp), us)) return false;
    if (!aud) return false;
    if (aud->type == MN_JSON_STRING) return mn_str_eq(aud->text, us);
    bool found = false;
    for (size_t i = 0; aud->type == MN_JSON_ARRAY && i < aud->n; i++)
        found = found || mn_str_eq(mn_json_str(aud->items[i]), us);
    return found && (aud->n == 1 || azp);
}

/* Seconds as milliseconds; the fallback when absent or beyond all sense. */
static int64_t time_ms(const mn_json *claims, const char *key, int64_t fallback)
{
    double v = mn_json_f64(mn_json_get(claims, key), -1);
    return v >= 0 && v < 1e11 ? (int64_t)v * 1000 : fallback;
}

mn_rc mn_jwt_claims_check(const mn_json *claims, const mn_jwt_ask *ask, mn_str *ret_subject,
                          mn_err *e)
{
    mn_str sub = mn_json_str(mn_json_get(claims, "sub"));
    if (ask->issuer.len == 0 ||
        !mn_str_eq(mn_json_str(mn_json_get(claims, "iss")), ask->issuer))
        return denied(e, "issuer");
    if (ask->audience.len == 0 || !is_audience(claims, ask->audience))
        return denied(e, "audience");
    if (time_ms(claims, "exp", 0) + SKEW_MS <= ask->now_ms) return denied(e, "time of expiry");
    if (time_ms(claims, "nbf", 0) - SKEW_MS > ask->now_ms ||
        time_ms(claims, "iat", 0) - SKEW_MS > ask->now_ms)
        return denied(e, "time of making");
    if (ask->nonce.ptr && !mn_str_eq(mn_json_str(mn_json_get(claims, "nonce")), ask->nonce))
        return denied(e, "nonce");
    if (sub.len == 0 || sub.len > SUBJECT_MAX) return denied(e, "subject");
    *ret_subject = sub;
    return MN_OK;
}
