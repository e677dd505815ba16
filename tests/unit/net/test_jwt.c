/* Tokens of identity providers: what verifies, and everything that must not. */
#include "test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "net/jwt.h"
#include "unit/net/jwt_make.h"

static mn_arena ar;
static mn_err e;
static jwt_key rsa, other, ec, weak;

static int set_up(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    rsa = jwt_key_rsa("one", 2048);
    other = jwt_key_rsa("two", 2048);
    weak = jwt_key_rsa("weak", 1024);
    ec = jwt_key_ec("ec");
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    jwt_key_free(&rsa);
    jwt_key_free(&other);
    jwt_key_free(&weak);
    jwt_key_free(&ec);
    mn_arena_release(&ar);
    return 0;
}

#define CLAIMS                                                                                 \
    "{\"iss\":\"https://"                                                                      \
    "id.example\",\"sub\":\"42\",\"aud\":\"me\",\"exp\":2000,\"iat\":1000,\"nonce\":\"n\"}"

static mn_rc verify(const char *token, const char *set, mn_json **ret)
{
    return mn_jwt_verify(mn_str_from(token), mn_str_from(set), &ar, ret, &e);
}

static void rs256_and_es256_verify(void **state)
{
    (void)state;
    mn_json *c = NULL;
    char set[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa, &ec}, 2);
    RUN(verify(jwt_sign(&rsa, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS), set, &c));
    IS(mn_json_str(mn_json_get(c, "sub")), "42");
    RUN(verify(jwt_sign(&ec, "{\"alg\":\"ES256\",\"kid\":\"ec\"}", CLAIMS), set, &c));
    /* without a kid the only key that fits is taken */
    RUN(verify(jwt_sign(&ec, "{\"alg\":\"ES256\"}", CLAIMS), set, &c));
}

static void what_is_not_signed_by_the_provider_is_refused(void **state)
{
    (void)state;
    mn_json *c = NULL;
    char set[4096], token[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa}, 1);
    FAILS(MN_E_DENIED,
          verify(jwt_sign(&other, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS), set, &c));
    FAILS(MN_E_NOT_FOUND,
          verify(jwt_sign(&other, "{\"alg\":\"RS256\",\"kid\":\"two\"}", CLAIMS), set, &c));
    snprintf(token, sizeof token, "%s",
             jwt_sign(&rsa, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS));
    char *body = strchr(token, '.') + 5;
    *body = *body == 'A' ? 'B' : 'A';
    FAILS(MN_E_DENIED, verify(token, set, &c));
    OK(c == NULL);
}

static void none_shared_secrets_and_other_algorithms_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "{\"alg\":\"none\"}",  "{\"alg\":\"HS256\",\"kid\":\"one\"}",
        "{\"alg\":\"RS512\"}", "{\"alg\":\"PS256\"}",
        "{\"alg\":\"rs256\"}", "{}",
        "{\"alg\":1}",         "{\"alg\":\"RS256\",\"kid\":\"one\",\"crit\":[\"x\"]}",
    };
    mn_json *c = NULL;
    char set[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa}, 1);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        FAILS(MN_E_UNSUPPORTED, verify(jwt_sign(&rsa, heads[i], CLAIMS), set, &c));
}

static void a_key_of_another_kind_or_use_or_size_is_not_taken(void **state)
{
    (void)state;
    mn_json *c = NULL;
    char set[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&ec}, 1);
    FAILS(MN_E_NOT_FOUND,
          verify(jwt_sign(&rsa, "{\"alg\":\"RS256\",\"kid\":\"ec\"}", CLAIMS), set, &c));
    jwt_set(set, sizeof set, (const jwt_key *[]){&weak}, 1);
    FAILS(MN_E_PARSE,
          verify(jwt_sign(&weak, "{\"alg\":\"RS256\",\"kid\":\"weak\"}", CLAIMS), set, &c));
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa}, 1);
    char *use = strstr(set, "\"use\":\"sig\"");
    OK(use != NULL);
    memcpy(use, "\"use\":\"enc\"", 11);
    FAILS(MN_E_NOT_FOUND,
          verify(jwt_sign(&rsa, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS), set, &c));
}

static void two_keys_and_no_kid_is_no_guess(void **state)
{
    (void)state;
    mn_json *c = NULL;
    char set[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa, &other}, 2);
    FAILS(MN_E_NOT_FOUND, verify(jwt_sign(&rsa, "{\"alg\":\"RS256\"}", CLAIMS), set, &c));
}

static void broken_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "...",
                                      "a.b",
                                      "a.b.c.d",
                                      "e30.e30.",
                                      "e30.e30.e30",
                                      "!!!.e30.e30",
                                      "eyJhbGciOiJSUzI1NiJ9.e30",
                                      "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
                                      "W10.e30.AA"};
    mn_json *c = NULL;
    char set[4096];
    jwt_set(set, sizeof set, (const jwt_key *[]){&rsa, &ec}, 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) OK(verify(bad[i], set, &c) != MN_OK);
    const char *good = jwt_sign(&rsa, "{\"alg\":\"RS256\",\"kid\":\"one\"}", CLAIMS);
    OK(verify(good, "", &c) != MN_OK && verify(good, "{}", &c) != MN_OK &&
       verify(good, "{\"keys\":{}}", &c) != MN_OK &&
       verify(good, "{\"keys\":[1,null]}", &c) != MN_OK &&
       verify(good, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"one\"}]}", &c) != MN_OK);
    OK(c == NULL);
}

static mn_rc claims(const char *text, int64_t now_ms, const char *nonce)
{
    mn_json *c = NULL;
    mn_str sub;
    RUN(mn_json_parse(mn_str_from(text), &ar, &c, &e));
    mn_jwt_ask ask = {MN_STR("https://id.example"), MN_STR("me"), mn_str_from(nonce), now_ms};
    return mn_jwt_claims_check(c, &ask, &sub, &e);
}

static void claims_must_be_for_us_now_and_for_this_sign_in(void **state)
{
    (void)state;
    RUN(claims(CLAIMS, 1500000, "n"));
    FAILS(MN_E_DENIED, claims(CLAIMS, 1500000, "other"));
    FAILS(MN_E_DENIED, claims(CLAIMS, 2061000, "n")); /* over, a minute forgiven */
    RUN(claims(CLAIMS, 2059000, "n"));
    FAILS(MN_E_DENIED, claims(CLAIMS, 900000, "n")); /* not made yet */
    static const char *const bad[] = {
        "{\"iss\":\"https://id.example/"
        "\",\"sub\":\"42\",\"aud\":\"me\",\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"42\",\"aud\":\"you\",\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"42\",\"aud\":[\"you\"],\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"42\",\"aud\":[\"me\",\"you\"],\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"42\",\"aud\":\"me\",\"azp\":\"you\",\"exp\":2000,\"nonce\":"
        "\"n\"}",
        "{\"iss\":\"https://id.example\",\"sub\":\"42\",\"aud\":\"me\",\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"42\",\"aud\":\"me\",\"exp\":\"2000\",\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":\"\",\"aud\":\"me\",\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://"
        "id.example\",\"sub\":42,\"aud\":\"me\",\"exp\":2000,\"nonce\":\"n\"}",
        "{\"iss\":\"https://id.example\",\"sub\":\"42\",\"aud\":\"me\",\"exp\":2000}",
        "{\"sub\":\"42\",\"aud\":\"me\",\"exp\":2000,\"nonce\":\"n\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (claims(bad[i], 1500000, "n") != MN_E_DENIED) fail_msg("taken: %s", bad[i]);
    RUN(claims("{\"iss\":\"https://"
               "id.example\",\"sub\":\"42\",\"aud\":[\"me\",\"you\"],\"azp\":\"me\",\"exp\":"
               "2000,\"nonce\":\"n\"}",
               1500000, "n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rs256_and_es256_verify),
        TEST(what_is_not_signed_by_the_provider_is_refused),
        TEST(none_shared_secrets_and_other_algorithms_are_refused),
        TEST(a_key_of_another_kind_or_use_or_size_is_not_taken),
        TEST(two_keys_and_no_kid_is_no_guess),
        TEST(broken_bytes_are_refused),
        TEST(claims_must_be_for_us_now_and_for_this_sign_in),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
