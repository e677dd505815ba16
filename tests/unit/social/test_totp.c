/* One-time codes by time, recovery codes, sealed texts. */
#include "test.h"

#include "social/seal.h"
#include "social/totp.h"

#define RFC_SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" /* "12345678901234567890" in base32 */

static mn_arena ar;
static mn_err e;

static void codes_are_those_of_rfc_6238(void **state)
{
    (void)state;
    static const struct {
        int64_t s;
        const char *code;
    } of[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
              {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    char code[7];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        RUN(mn_totp_code(MN_STR(RFC_SECRET), of[i].s / 30, code, &e));
        assert_string_equal(code, of[i].code);
    }
    FAILS(MN_E_PARSE, mn_totp_code(MN_STR("not base32"), 1, code, &e));
    FAILS(MN_E_PARSE, mn_totp_code(MN_STR("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1"), 1, code, &e));
}

static int64_t check(const char *code, int64_t s, int64_t last)
{
    int64_t step = -1;
    RUN(mn_totp_check(MN_STR(RFC_SECRET), mn_str_from(code), s * 1000, last, &step, &e));
    return step;
}

static void a_code_counts_for_its_step_and_its_neighbours_and_once(void **state)
{
    (void)state;
    assert_int_equal(check("005924", 1234567890, 0), 41152263);
    assert_int_equal(check("005 924", 1234567890 + 29, 0), 41152263);
    assert_int_equal(check("005924", 1234567890 - 30, 0), 41152263);
    assert_int_equal(check("005924", 1234567890 + 61, 0), 0);
    assert_int_equal(check("005924", 1234567890, 41152263), 0);
    assert_int_equal(check("005925", 1234567890, 0), 0);
    assert_int_equal(check("5924", 1234567890, 0), 0);
    assert_int_equal(check("0059240", 1234567890, 0), 0);
    assert_int_equal(check("", 1234567890, 0), 0);
}

static void secrets_and_addresses_for_the_authenticator_are_well_formed(void **state)
{
    (void)state;
    char one[MN_TOTP_SECRET], two[MN_TOTP_SECRET], code[7];
    RUN(mn_totp_secret_make(one, &e));
    RUN(mn_totp_secret_make(two, &e));
    OK(strlen(one) == 32 && strcmp(one, two) != 0);
    RUN(mn_totp_code(mn_str_from(one), 1, code, &e));
    IS(mn_totp_uri(MN_STR("ABC"), MN_STR("a b.example"), MN_STR("ada"), &ar),
       "otpauth://totp/a%20b.example:ada?secret=ABC&issuer=a%20b.example");
}

static void recovery_codes_are_read_however_they_are_typed(void **state)
{
    (void)state;
    mn_recovery_code c[MN_TOTP_RECOVERY];
    char plain[20], again[20];
    RUN(mn_recovery_codes_make(c, &e));
    for (int i = 0; i < MN_TOTP_RECOVERY; i++) {
        OK(strlen(c[i].text) == 19 && c[i].text[4] == '-');
        mn_str a = mn_recovery_code_plain(mn_str_from(c[i].text), plain);
        OK(a.len == 16);
        OK(mn_str_eq(a, mn_recovery_code_plain(a, again)));
    }
    IS(mn_recovery_code_plain(MN_STR(" ABCD efgh-ijkl mnop"), plain), "abcdefghijklmnop");
    OK(!mn_recovery_code_plain(MN_STR("abcd"), plain).ptr);
    OK(!mn_recovery_code_plain(MN_STR("abcd-efgh-ijkl-mnopq"), plain).ptr);
}

static void a_sealed_text_opens_for_its_purpose_and_time_only(void **state)
{
    (void)state;
    char dir[64], path[128], bent[512];
    mn_store *s;
    mn_str sealed, other, text = MN_STR_NONE;
    snprintf(path, sizeof path, "%s/mynah.db", test_tmp(dir));
    RUN(mn_store_open(path, &s, &e));
    RUN(mn_seal_make(s, MN_STR("a"), MN_STR("hello"), 5000, &ar, &sealed, &e));
    RUN(mn_seal_open(s, MN_STR("a"), sealed, 4999, &ar, &text, &e));
    IS(text, "hello");
    FAILS(MN_E_DENIED, mn_seal_open(s, MN_STR("a"), sealed, 5000, &ar, &text, &e));
    FAILS(MN_E_DENIED, mn_seal_open(s, MN_STR("b"), sealed, 1, &ar, &text, &e));
    RUN(mn_seal_make(s, MN_STR("a"), MN_STR("hello"), 6000, &ar, &other, &e));
    OK(!mn_str_eq(sealed, other));
    for (size_t i = 0; i < sealed.len; i++) {
        snprintf(bent, sizeof bent, "%.*s", MN_STR_FMT(sealed));
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        FAILS(MN_E_DENIED, mn_seal_open(s, MN_STR("a"), mn_str_from(bent), 1, &ar, &text, &e));
    }
    static const char *const bad[] = {
        "", ".", "..", "a.b.c", "aGVsbG8.5000.", "aGVsbG8.9e9.AAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_DENIED,
              mn_seal_open(s, MN_STR("a"), mn_str_from(bad[i]), 1, &ar, &text, &e));
    mn_store_close(s);
    RUN(mn_store_open(path, &s, &e)); /* the key stays */
    RUN(mn_seal_open(s, MN_STR("a"), sealed, 1, &ar, &text, &e));
    mn_store_close(s);
    test_tmp_remove(dir);
}

int main(void)
{
    mn_arena_init(&ar, 0);
    const struct CMUnitTest tests[] = {
        TEST(codes_are_those_of_rfc_6238),
        TEST(a_code_counts_for_its_step_and_its_neighbours_and_once),
        TEST(secrets_and_addresses_for_the_authenticator_are_well_formed),
        TEST(recovery_codes_are_read_however_they_are_typed),
        TEST(a_sealed_text_opens_for_its_purpose_and_time_only),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mn_arena_release(&ar);
    return failed;
}
