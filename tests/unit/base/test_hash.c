#include "test.h"

#include "base/base_int.h"
#include "base/hash.h"

static void is_sha(const uint8_t sum[32], const char *hex)
{
    char text[MN_HEX256];
    assert_string_equal(mn_hex(sum, 32, text), hex);
}

/* FIPS 180-4 examples. */
static void sha256_gives_the_published_sums(void **state)
{
    (void)state;
    uint8_t sum[32];
    mn_sha256_of("", 0, sum);
    is_sha(sum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mn_sha256_of("abc", 3, sum);
    is_sha(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void sha256_in_pieces_is_sha256_at_once(void **state)
{
    (void)state;
    mn_err e = {0};
    uint8_t data[1000], once[32], pieces[32], file[32];
    char dir[64], path[128];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 31);
    mn_sha256_of(data, sizeof data, once);
    mn_sha256 h;
    RUN(mn_sha256_init(&h, &e));
    for (size_t at = 0, n = 0; at < sizeof data; at += n, n++)
        mn_sha256_add(&h, data + at, n < sizeof data - at ? n : sizeof data - at);
    mn_sha256_done(&h, pieces);
    OK(memcmp(once, pieces, 32) == 0 && !h.ctx);
    snprintf(path, sizeof path, "%s/x", test_tmp(dir));
    RUN(mn_fs_write_atomic(path, data, sizeof data, &e));
    RUN(mn_sha256_file(path, file, &e));
    OK(memcmp(once, file, 32) == 0);
    memset(file, 7, 32);
    FAILS(MN_E_NOT_FOUND, mn_sha256_file("/none/such", file, &e));
    FAILS(MN_E_IO, mn_sha256_file(dir, file, &e));
    OK(file[0] == 7 && file[31] == 7);
    test_tmp_remove(dir);
}

static void hexadecimal_goes_both_ways(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    char text[513];
    for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
    OK(mn_hex(all, 256, text) == text && strlen(text) == 512);
    FAILS(MN_OK, mn_unhex(mn_str_from(text), back, 256));
    OK(memcmp(all, back, 256) == 0);
    FAILS(MN_OK, mn_unhex(MN_STR("DeadBEEF"), back, 4));
    OK(memcmp(back, "\xDE\xAD\xBE\xEF", 4) == 0);
    back[0] = 7;
    FAILS(MN_E_PARSE, mn_unhex(MN_STR("00112"), back, 2));
    FAILS(MN_E_PARSE, mn_unhex(MN_STR("0011"), back, 3));
    FAILS(MN_E_PARSE, mn_unhex(MN_STR("001g"), back, 2));
    FAILS(MN_E_PARSE, mn_unhex(MN_STR("00:1"), back, 2));
    FAILS(MN_E_PARSE, mn_unhex(MN_STR("0\x01"
                                      "11"),
                               back, 2));
    assert_int_equal(back[0], 7);
}

/* RFC 3720, appendix B.4. */
static void crc32c_gives_the_published_sums(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32];
    memset(ones, 0xFF, 32);
    for (int i = 0; i < 32; i++) up[i] = (uint8_t)i;
    assert_int_equal(mn_crc32c(0, zeros, 32), 0x8A9136AA);
    assert_int_equal(mn_crc32c(0, ones, 32), 0x62A8AB43);
    assert_int_equal(mn_crc32c(0, up, 32), 0x46DD794E);
    assert_int_equal(mn_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(mn_crc32c(0, "", 0), 0);
}

static void crc32c_is_the_same_by_table_and_by_instruction_and_in_pieces(void **state)
{
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(mn_rand_at(1, 1, i));
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from <= sizeof data; n += 7) {
            uint32_t whole = mn_crc32c(0, data + from, n);
            assert_int_equal(whole, mn_base__crc32c_plain(0, data + from, n));
            assert_int_equal(whole, mn_crc32c(mn_crc32c(0, data + from, n / 3),
                                              data + from + n / 3, n - n / 3));
        }
}

/* Known answers for philox4x32-10 from the Random123 distribution. */
static void philox_gives_the_published_numbers(void **state)
{
    (void)state;
    uint32_t zero[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    mn_base__philox(zero, 0, 0);
    mn_base__philox(ones, ~0u, ~0u);
    mn_base__philox(pi, 0xa4093822, 0x299f31d0);
    const uint32_t want[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    OK(memcmp(zero, want[0], 16) == 0);
    OK(memcmp(ones, want[1], 16) == 0);
    OK(memcmp(pi, want[2], 16) == 0);
    OK(mn_rand_at(0, 0, 0) == UINT64_C(0xe169c58d6627e8d5));
}

static void random_numbers_depend_on_all_three_arguments(void **state)
{
    (void)state;
    OK(mn_rand_at(1, 2, 3) == mn_rand_at(1, 2, 3));
    for (int bit = 0; bit < 64; bit++) {
        uint64_t one = UINT64_C(1) << bit;
        OK(mn_rand_at(1, 2, 3) != mn_rand_at(1 ^ one, 2, 3));
        OK(mn_rand_at(1, 2, 3) != mn_rand_at(1, 2 ^ one, 3));
        OK(mn_rand_at(1, 2, 3) != mn_rand_at(1, 2, 3 ^ one));
    }
    double sum = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double x = mn_rand_unit(mn_rand_at(5, 6, i));
        OK(x >= 0 && x < 1);
        sum += x;
    }
    OK(sum > 49500 && sum < 50500);
    OK(mn_rand_unit(UINT64_MAX) < 1 && mn_rand_unit(0) == 0);
}

static void the_table_hash_is_xxh3_and_stays_so(void **state)
{
    (void)state;
    OK(mn_hash64("", 0, 0) == UINT64_C(0x2d06800538d394c2)); /* XXH3_64bits of nothing */
    OK(mn_hash64("mynah", 5, 0) != mn_hash64("mynah", 5, 1));
    OK(mn_hash64("mynah", 5, 7) == mn_hash64("mynah", 5, 7));
}

static void the_kernel_gives_random_bytes(void **state)
{
    (void)state;
    mn_err e = {0};
    uint8_t a[5000] = {0}, b[5000] = {0};
    RUN(mn_random_bytes(a, sizeof a, &e));
    RUN(mn_random_bytes(b, sizeof b, &e));
    RUN(mn_random_bytes(b, 0, &e));
    OK(memcmp(a, b, sizeof a) != 0 && memcmp(a + 4900, b + 4900, 100) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sha256_gives_the_published_sums),
        TEST(sha256_in_pieces_is_sha256_at_once),
        TEST(hexadecimal_goes_both_ways),
        TEST(crc32c_gives_the_published_sums),
        TEST(crc32c_is_the_same_by_table_and_by_instruction_and_in_pieces),
        TEST(philox_gives_the_published_numbers),
        TEST(random_numbers_depend_on_all_three_arguments),
        TEST(the_table_hash_is_xxh3_and_stays_so),
        TEST(the_kernel_gives_random_bytes),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
