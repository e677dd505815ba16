#include "net/ratelimit.h"

#include "test.h"

static void a_burst_passes_and_then_one_each_interval(void **s)
{
    (void)s;
    mn_ratelimit *l;
    mn_err e = {0};
    RUN(mn_ratelimit_new(6, 3, &l, &e)); /* one each 10 s */
    int64_t t = 1000000;
    for (int i = 0; i < 3; i++) OK(mn_ratelimit_take(l, MN_STR("1.2.3.4"), t) == 0);
    OK(mn_ratelimit_take(l, MN_STR("1.2.3.4"), t) == 10);
    OK(mn_ratelimit_take(l, MN_STR("1.2.3.4"), t + 9500000) == 1);
    OK(mn_ratelimit_take(l, MN_STR("1.2.3.4"), t + 10000000) == 0);
    OK(mn_ratelimit_take(l, MN_STR("1.2.3.4"), t + 10000000) == 10);
    OK(mn_ratelimit_take(l, MN_STR("1.2.3.5"), t) == 0);
    mn_ratelimit_free(l);
}

static void all_of_an_ipv6_64_is_one_caller(void **s)
{
    (void)s;
    mn_ratelimit *l;
    mn_err e = {0};
    RUN(mn_ratelimit_new(1, 1, &l, &e));
    OK(mn_ratelimit_take(l, MN_STR("2001:db8:1:2::1"), 1) == 0);
    OK(mn_ratelimit_take(l, MN_STR("2001:db8:1:2:ffff::9"), 1) == 60);
    OK(mn_ratelimit_take(l, MN_STR("2001:db8:1:3::1"), 1) == 0);
    mn_ratelimit_free(l);
}

static void a_flood_of_callers_takes_no_more_memory_and_none_is_locked_out(void **s)
{
    (void)s;
    mn_ratelimit *l;
    mn_err e = {0};
    RUN(mn_ratelimit_new(60, 1, &l, &e));
    for (int i = 0; i < 100000; i++) {
        char who[32];
        snprintf(who, sizeof who, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        OK(mn_ratelimit_take(l, mn_str_from(who), 1000 + i) == 0);
    }
    mn_ratelimit_free(l);
}

static void no_memory_is_said(void **s)
{
    (void)s;
    mn_ratelimit *l;
    mn_err e = {0};
    mn_mem_fail_after(1);
    mn_rc rc = mn_ratelimit_new(60, 1, &l, &e);
    mn_mem_fail_after(0);
    OK(rc == MN_E_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_burst_passes_and_then_one_each_interval),
        TEST(all_of_an_ipv6_64_is_one_caller),
        TEST(a_flood_of_callers_takes_no_more_memory_and_none_is_locked_out),
        TEST(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
