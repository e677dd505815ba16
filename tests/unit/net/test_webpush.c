/* Web Push against the vectors of its standards and a receiver that opens what was sealed. */
#include "net/webpush.h"

#include "receiver.h"

#define AS_PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define UA_PRIVATE "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define AUTH       "BTBZMqHH6r4Tts7J_aSIgg"

static mn_vapid *V;
static receiver R;

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    if (mn_vapid_new(MN_STR("xQw2dYJnIiHk8SXQhxTmHBQxKQ_mMpgW6sBzYZvJ0pM"), &V, &e) != MN_OK)
        fail_msg("%s", e.msg);
    receiver_init(&R, UA_PRIVATE, AUTH);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_vapid_free(V);
    receiver_release(&R);
    return 0;
}

static void fixed_bytes(const char *key, const char *salt, uint8_t ret[48])
{
    size_t n;
    OK(mn_base64_read(mn_str_from(key), ret, 32, &n) == MN_OK && n == 32);
    OK(mn_base64_read(mn_str_from(salt), ret + 32, 16, &n) == MN_OK && n == 16);
}

static mn_webpush standard_push(mn_str plain)
{
    return (mn_webpush){.endpoint = MN_STR("https://push.example.net:8443/p/abc?x=1"),
                        .p256dh = mn_str_from(R.p256dh),
                        .auth = mn_str_from(R.auth_text),
                        .standard = true,
                        .subject = MN_STR("mailto:admin@example.org"),
                        .ttl_s = 172800,
                        .urgency = "normal",
                        .plain = plain,
                        .now_ms = 1700000000000};
}

static mn_str header(const mn_webpush_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (mn_str_eqz(m->headers[i].name, name)) return m->headers[i].value;
    return MN_STR_NONE;
}

static void is_base64url(mn_str bytes, const char *want)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_base64url_add(&b, bytes.ptr, bytes.len, false) == MN_OK);
    assert_string_equal(b.ptr, want);
    mn_buf_release(&b);
}

static void the_vector_of_rfc_8291_comes_out(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_arena ar;
    uint8_t fixed[48];
    mn_webpush_message m;
    mn_arena_init(&ar, 0);
    fixed_bytes(AS_PRIVATE, "DGv6ra1nlYgDCS1FRnbzlw", fixed);
    mn_webpush p = standard_push(MN_STR("When I grow up, I want to be a watermelon"));
    p.fixed = fixed;
    RUN(mn_webpush_make(V, &p, &ar, &m, &e));
    is_base64url(m.body, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_"
                         "c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
                         "WAmS6TlzAC8wEqKK6PBru3jl7A_"
                         "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
                         "gSxsj_Qulcy4a-fN");
    IS(header(&m, "Content-Encoding"), "aes128gcm");
    IS(header(&m, "Content-Type"), "application/octet-stream");
    IS(header(&m, "TTL"), "172800");
    IS(header(&m, "Urgency"), "normal");
    OK(!header(&m, "Crypto-Key").ptr && !header(&m, "Encryption").ptr);
    mn_arena_release(&ar);
}

static void the_vector_of_the_older_draft_comes_out(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_arena ar;
    uint8_t fixed[48];
    mn_webpush_message m;
    mn_arena_init(&ar, 0);
    fixed_bytes("nCScek-QpEjmOOlT-rQ38nZzvdPlqa00Zy0i6m2OJvY", "lngarbyKfMoi9Z75xYXmkg", fixed);
    mn_webpush p = standard_push(MN_STR("I am the walrus"));
    p.standard = false;
    p.p256dh = MN_STR("BCEkBjzL8Z3C-oi2Q7oE5t2Np-p7osjGLg93qUP0wvqRT21EEWyf0cQDQcakQMqz4hQKYOQ3"
                      "il2nNZct4HgAUQU");
    p.auth = MN_STR("R29vIGdvbyBnJyBqb29iIQ==");
    p.fixed = fixed;
    RUN(mn_webpush_make(V, &p, &ar, &m, &e));
    is_base64url(m.body, "6nqAQUME8hNqw5J3kl8cpVVJylXKYqZOeseZG8UueKpA");
    IS(header(&m, "Content-Encoding"), "aesgcm");
    IS(header(&m, "Encryption"), "salt=lngarbyKfMoi9Z75xYXmkg");
    mn_str keys = header(&m, "Crypto-Key");
    OK(mn_str_starts(keys,
                     "dh=BNoRDbb84JGm8g5Z5CFxurSqsXWJ11ItfXEWYVLE85Y7CYkDjXsIEc4aqxYaQ1G8B"
                     "qkXCJ6DPpDrWtdWj_mugHU;p256ecdsa=B"));
    OK(mn_str_starts(header(&m, "Authorization"), "WebPush ey"));
    mn_arena_release(&ar);
}

static void every_message_is_sealed_anew_and_opens_for_its_receiver_only(void **s)
{
    (void)s;
    static char plain[MN_WEBPUSH_PLAIN_MAX + 1], out[8192];
    static const size_t sizes[] = {0, 1, 100, MN_WEBPUSH_PLAIN_MAX};
    mn_err e = {0};
    mn_arena ar;
    receiver other;
    mn_arena_init(&ar, 0);
    receiver_init(&other, AS_PRIVATE, AUTH);
    for (size_t i = 0; i < sizeof plain; i++) plain[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mn_webpush_message a, b;
        mn_webpush p = standard_push((mn_str){plain, sizes[i]});
        RUN(mn_webpush_make(V, &p, &ar, &a, &e));
        RUN(mn_webpush_make(V, &p, &ar, &b, &e));
        OK(!mn_str_eq(a.body, b.body) && a.body.len == b.body.len && a.body.len <= 4096);
        int n = receiver_open(&R, (const uint8_t *)a.body.ptr, a.body.len, out);
        OK(n == (int)sizes[i] && memcmp(out, plain, sizes[i]) == 0);
        OK(receiver_open(&other, (const uint8_t *)a.body.ptr, a.body.len, out) == -1);
        char *bent = mn_arena_strndup(&ar, a.body.ptr, a.body.len);
        bent[a.body.len - 1] ^= 1;
        OK(receiver_open(&R, (const uint8_t *)bent, a.body.len, out) == -1);
    }
    mn_webpush_message m;
    mn_webpush p = standard_push((mn_str){plain, sizeof plain});
    FAILS(MN_E_LIMIT, mn_webpush_make(V, &p, &ar, &m, &e));
    receiver_release(&other);
    mn_arena_release(&ar);
}

/* Checks an ES256 signature with the key of the header's k. */
static bool verifies(mn_str token, mn_str key)
{
    uint8_t raw[64], pub[65];
    size_t n, dot = token.len;
    while (dot > 0 && token.ptr[dot - 1] != '.') dot--;
    if (mn_base64_read(mn_str_sub(token, dot, SIZE_MAX), raw, 64, &n) != MN_OK || n != 64)
        return false;
    if (mn_base64_read(key, pub, 65, &n) != MN_OK || n != 65) return false;
    uint8_t hash[32];
    OK(EVP_Digest(token.ptr, dot - 1, hash, NULL, EVP_sha256(), NULL) == 1);
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *q = EC_POINT_new(g), *t = EC_POINT_new(g);
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *sig = BN_bin2bn(raw + 32, 32, NULL),
           *z = BN_bin2bn(hash, 32, NULL), *u = BN_new(), *v = BN_new(), *x = BN_new();
    BN_CTX *c = BN_CTX_new();
    const BIGNUM *order = EC_GROUP_get0_order(g);
    OK(EC_POINT_oct2point(g, q, pub, 65, NULL) == 1);
    OK(BN_mod_inverse(sig, sig, order, c) != NULL);
    OK(BN_mod_mul(u, z, sig, order, c) && BN_mod_mul(v, r, sig, order, c));
    OK(EC_POINT_mul(g, t, u, q, v, c) && EC_POINT_get_affine_coordinates(g, t, x, NULL, c));
    OK(BN_nnmod(x, x, order, c));
    bool ok = BN_cmp(x, r) == 0;
    BN_free(r), BN_free(sig), BN_free(z), BN_free(u), BN_free(v), BN_free(x);
    BN_CTX_free(c);
    EC_POINT_free(q), EC_POINT_free(t);
    EC_GROUP_free(g);
    return ok;
}

static void the_token_names_the_service_and_verifies(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_arena ar;
    mn_webpush_message m;
    uint8_t claims[300];
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_webpush p = standard_push(MN_STR("x"));
    RUN(mn_webpush_make(V, &p, &ar, &m, &e));
    mn_str a = header(&m, "Authorization"), key, rest;
    OK(mn_str_starts(a, "vapid t="));
    mn_str token = mn_str_split(mn_str_sub(a, 8, SIZE_MAX), ',', &key);
    OK(mn_str_starts(key, "k="));
    key = mn_str_sub(key, 2, SIZE_MAX);
    OK(key.len == 87 && memcmp(key.ptr, mn_vapid_public(V), 87) == 0);
    OK(verifies(token, key));
    char *bent = mn_arena_strndup(&ar, token.ptr, token.len);
    bent[40]++;
    OK(!verifies(mn_str_from(bent), key));
    mn_str_split(token, '.', &rest);
    mn_str middle = mn_str_split(rest, '.', &rest);
    OK(mn_base64_read(middle, claims, sizeof claims - 1, &n) == MN_OK);
    claims[n] = 0;
    assert_string_equal((char *)claims, "{\"aud\":\"https://push.example.net:8443\",\"exp\":"
                                        "1700043200,\"sub\":\"mailto:admin@example.org\"}");
    mn_arena_release(&ar);
}

static void keys_are_made_kept_and_read_back(void **s)
{
    (void)s;
    char a[44], b[44];
    mn_err e = {0};
    mn_vapid *v = NULL, *w = NULL;
    RUN(mn_vapid_generate(a, &e));
    RUN(mn_vapid_generate(b, &e));
    OK(strlen(a) == 43 && strcmp(a, b) != 0);
    RUN(mn_vapid_new(mn_str_from(a), &v, &e));
    RUN(mn_vapid_new(mn_str_from(a), &w, &e));
    OK(strlen(mn_vapid_public(v)) == 88 && mn_vapid_public(v)[0] == 'B');
    assert_string_equal(mn_vapid_public(v), mn_vapid_public(w));
    mn_vapid_free(v);
    mn_vapid_free(w);
    FAILS(MN_E_PARSE, mn_vapid_new(MN_STR("short"), &v, &e));
    FAILS(MN_E_PARSE,
          mn_vapid_new(MN_STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &v, &e));
    FAILS(
        MN_E_PARSE,
        mn_vapid_new(MN_STR("_____________________________________________________8"), &v, &e));
}

static void subscriptions_with_bad_keys_are_refused(void **s)
{
    (void)s;
    mn_err e = {0};
    char off_curve[88];
    mn_arena ar;
    mn_webpush_message m;
    mn_arena_init(&ar, 0);
    RUN(mn_webpush_keys_check(mn_str_from(R.p256dh), mn_str_from(R.auth_text), &e));
    memcpy(off_curve, R.p256dh, 88);
    off_curve[60] = off_curve[60] == 'A' ? 'B' : 'A';
    FAILS(MN_E_PARSE, mn_webpush_keys_check(mn_str_from(off_curve), MN_STR(AUTH), &e));
    FAILS(MN_E_PARSE, mn_webpush_keys_check(MN_STR("AAAA"), MN_STR(AUTH), &e));
    FAILS(MN_E_PARSE, mn_webpush_keys_check(MN_STR(""), MN_STR(""), &e));
    FAILS(MN_E_PARSE, mn_webpush_keys_check(mn_str_from(R.p256dh), MN_STR("c2hvcnQ"), &e));
    mn_webpush p = standard_push(MN_STR("x"));
    p.endpoint = MN_STR("nonsense");
    FAILS(MN_E_PARSE, mn_webpush_make(V, &p, &ar, &m, &e));
    p.endpoint = MN_STR("https://a\"b/");
    FAILS(MN_E_PARSE, mn_webpush_make(V, &p, &ar, &m, &e));
    mn_arena_release(&ar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_vector_of_rfc_8291_comes_out),
        TEST(the_vector_of_the_older_draft_comes_out),
        TEST(every_message_is_sealed_anew_and_opens_for_its_receiver_only),
        TEST(the_token_names_the_service_and_verifies),
        TEST(keys_are_made_kept_and_read_back),
        TEST(subscriptions_with_bad_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
