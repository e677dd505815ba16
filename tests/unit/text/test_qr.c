/* QR codes: size, patterns, and one code that another program's reader has read. */
#include "test.h"

#include "base/hash.h"
#include "text/qr.h"

static mn_err e;

static void the_version_grows_with_the_text(void **state)
{
    (void)state;
    static char text[500];
    mn_qr q;
    memset(text, 'a', sizeof text);
    RUN(mn_qr_make((mn_str){text, 14}, &q, &e));
    assert_int_equal(q.size, 21);
    RUN(mn_qr_make((mn_str){text, 15}, &q, &e));
    assert_int_equal(q.size, 25);
    RUN(mn_qr_make((mn_str){text, 412}, &q, &e));
    assert_int_equal(q.size, 77);
    FAILS(MN_E_LIMIT, mn_qr_make((mn_str){text, 413}, &q, &e));
}

static void finders_and_timing_are_in_their_places(void **state)
{
    (void)state;
    mn_qr q;
    RUN(mn_qr_make(MN_STR("otpauth://totp/x"), &q, &e));
    int last = q.size - 1;
    for (int i = 0; i < 7; i++)
        OK(q.dark[0][i] && q.dark[i][0] && q.dark[0][last - i] && q.dark[last][i] &&
           !q.dark[7][i]);
    OK(q.dark[3][3] && !q.dark[1][1]);
    for (int i = 8; i < last - 7; i++) OK(q.dark[6][i] == (i % 2 == 0));
    OK(q.dark[last - 7][8]);
}

static void a_code_that_was_read_elsewhere_stays_as_it_is(void **state)
{
    (void)state;
    mn_qr q;
    char hex[MN_HEX256];
    uint8_t hash[32];
    RUN(mn_qr_make(
        MN_STR("otpauth://totp/test.example:ada?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
               "&issuer=test.example"),
        &q, &e));
    mn_sha256_of(q.dark, sizeof q.dark, hash);
    assert_string_equal(mn_hex(hash, 32, hex),
                        "5293741d4e5c0026932d6c0c385ea00c2548372064c3f33035f889f948be5ee6");
}

static void the_picture_is_one_path_on_white(void **state)
{
    (void)state;
    mn_qr q;
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_qr_make(MN_STR("x"), &q, &e));
    mn_qr_svg(&q, "a code", &b);
    OK(mn_str_starts(mn_buf_str(&b), "<svg class=\"qr\" viewBox=\"0 0 29 29\"") && !b.failed);
    OK(mn_str_ends(mn_buf_str(&b), "\"/></svg>") && strstr(b.ptr, "M4 4h7v1h-7z"));
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_version_grows_with_the_text),
        TEST(finders_and_timing_are_in_their_places),
        TEST(a_code_that_was_read_elsewhere_stays_as_it_is),
        TEST(the_picture_is_one_path_on_white),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
