#include "test.h"

#include "text/canary.h"

static void canaries_follow_from_their_seed(void **state)
{
    (void)state;
    char a[MN_CANARY_TEXT], b[MN_CANARY_TEXT];
    unsigned x, y, z;
    mn_canary_text(5, 3, a), mn_canary_text(5, 3, b);
    assert_string_equal(a, b);
    mn_canary_text(6, 3, b);
    OK(strcmp(a, b) != 0);
    OK(sscanf(a, "the number of my locker is %3u %3u %3u", &x, &y, &z) == 3);
    assert_int_equal(strlen(a), strlen("the number of my locker is 123 456 789"));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_two_are_equal(void **state)
{
    (void)state;
    enum { N = 20000 };
    static char all[N][MN_CANARY_TEXT];
    for (uint64_t seed = 1; seed < 40; seed += 7) {
        for (uint64_t i = 0; i < N; i++) mn_canary_text(seed, i, all[i]);
        qsort(all, N, sizeof *all, by_text);
        for (size_t i = 1; i < N; i++) OK(strcmp(all[i - 1], all[i]) != 0);
    }
}

static void copies_are_1_4_16_and_64_and_posts_have_numbers_of_their_own(void **state)
{
    (void)state;
    uint32_t sum = 0, kinds[65] = {0};
    uint64_t last = 0;
    for (size_t i = 0; i < MN_CANARIES; i++) {
        sum += mn_canary_copies(i);
        kinds[mn_canary_copies(i)]++;
        for (uint32_t k = 0; k < mn_canary_copies(i); k++) {
            OK(mn_canary_post(i, k) > last);
            last = mn_canary_post(i, k);
        }
        OK(mn_canary_author(i) == i + 1);
    }
    assert_int_equal(sum, MN_CANARY_COPIES);
    OK(kinds[1] == 8 && kinds[4] == 8 && kinds[16] == 4 && kinds[64] == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(canaries_follow_from_their_seed),
        TEST(no_two_are_equal),
        TEST(copies_are_1_4_16_and_64_and_posts_have_numbers_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
