#include "base/base64.h"
#include "test.h"

static void known_texts_go_there_and_back(void **s)
{
    (void)s;
    static const struct {
        const char *plain, *padded;
    } all[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xff\xfe\xfd\xfb", "__79-w=="}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mn_buf b;
        uint8_t back[16];
        size_t n = 0, len = strlen(all[i].plain);
        mn_buf_init(&b, 0);
        OK(mn_base64url_add(&b, all[i].plain, len, true) == MN_OK);
        assert_string_equal(mn_buf_str(&b).ptr, all[i].padded);
        OK(mn_base64_read(mn_buf_str(&b), back, sizeof back, &n) == MN_OK);
        OK(n == len && memcmp(back, all[i].plain, n) == 0);
        mn_buf_clear(&b);
        OK(mn_base64url_add(&b, all[i].plain, len, false) == MN_OK && !strchr(b.ptr, '='));
        OK(mn_base64_read(mn_buf_str(&b), back, sizeof back, &n) == MN_OK && n == len);
        mn_buf_release(&b);
    }
    uint8_t back[4];
    size_t n;
    OK(mn_base64_read(MN_STR("//79+w=="), back, 4, &n) == MN_OK && n == 4 && back[3] == 0xfb);
}

static void what_is_no_base64_is_refused(void **s)
{
    (void)s;
    static const char *const bad[] = {"A",   "AB=",  "A===",     "Zm9v=", "Zm 9", "Zh",
                                      "Zm9", "====", "Zg==Zg==", "=",     "Z=g="};
    uint8_t back[16];
    size_t n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mn_base64_read(mn_str_from(bad[i]), back, sizeof back, &n) != MN_E_PARSE)
            fail_msg("taken: %s", bad[i]);
    OK(mn_base64_read(MN_STR("Zm9vYmFy"), back, 5, &n) == MN_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(known_texts_go_there_and_back),
        TEST(what_is_no_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
