/* Signatures of an instance. */
#include "social/sign.h"

#include "base/hash.h"
#include "test.h"

static void what_is_signed_can_be_checked_and_not_be_changed(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_store *s;
    char dir[64], path[100];
    uint8_t public_key[MN_SIGN_PUBLIC], again[MN_SIGN_PUBLIC], a[MN_SIGN_SIGNATURE],
        b[MN_SIGN_SIGNATURE];
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &s, &e));
    RUN(mn_sign_public(s, public_key, &e));
    RUN(mn_sign_bytes(s, MN_STR("we forgot"), a, &e));
    RUN(mn_sign_bytes(s, MN_STR("we forgot"), b, &e));
    OK(memcmp(a, b, sizeof a) == 0);
    OK(mn_sign_check(public_key, MN_STR("we forgot"), a));
    OK(!mn_sign_check(public_key, MN_STR("we forgov"), a));
    a[3] ^= 1;
    OK(!mn_sign_check(public_key, MN_STR("we forgot"), a));
    mn_store_close(s);
    RUN(mn_store_open(path, &s, &e)); /* the key stays */
    RUN(mn_sign_public(s, again, &e));
    OK(memcmp(public_key, again, sizeof again) == 0);
    mn_store_close(s);
    test_tmp_remove(dir);
}

/* The second test vector of RFC 8032, section 7.1. */
static void checking_is_that_of_the_standard(void **state)
{
    (void)state;
    uint8_t key[32], signature[64];
    OK(mn_unhex(MN_STR("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), key,
                32) == MN_OK);
    OK(mn_unhex(MN_STR("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
                signature, 64) == MN_OK);
    OK(mn_sign_check(key, (mn_str){"\x72", 1}, signature));
    OK(!mn_sign_check(key, (mn_str){"\x73", 1}, signature));
}

static void a_damaged_key_is_said(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_store *s;
    mn_tx *tx;
    char dir[64], path[100];
    uint8_t public_key[MN_SIGN_PUBLIC];
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &s, &e));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_meta_set(tx, "sign_key", MN_STR("abc"), &e));
    RUN(mn_store_commit(tx, &e));
    FAILS(MN_E_CORRUPT, mn_sign_public(s, public_key, &e));
    mn_store_close(s);
    test_tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_signed_can_be_checked_and_not_be_changed),
        TEST(checking_is_that_of_the_standard),
        TEST(a_damaged_key_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
