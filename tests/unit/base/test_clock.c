#include "test.h"

#include "base/clock.h"

static int64_t parsed(const char *text)
{
    int64_t ms = -1;
    if (mn_time_parse(mn_str_from(text), &ms) != MN_OK) fail_msg("'%s' was refused", text);
    return ms;
}

static void times_are_formatted_to_the_millisecond(void **state)
{
    (void)state;
    char t[MN_TIME_MAX];
    assert_string_equal(mn_time_format(0, t), "1970-01-01T00:00:00.000Z");
    assert_string_equal(mn_time_format(-1, t), "1969-12-31T23:59:59.999Z");
    assert_string_equal(mn_time_format(1288834974657, t), "2010-11-04T01:42:54.657Z");
    assert_string_equal(mn_time_format(951782400000, t), "2000-02-29T00:00:00.000Z");
    assert_string_equal(mn_time_format(INT64_MAX, t), "9999-12-31T23:59:59.999Z");
    assert_string_equal(mn_time_format(INT64_MIN, t), "0000-01-01T00:00:00.000Z");
    OK(mn_time_format(0, t) == t);
}

static void rfc_3339_is_read_with_any_offset(void **state)
{
    (void)state;
    OK(parsed("1970-01-01T00:00:00Z") == 0);
    OK(parsed("2010-11-04T01:42:54.657Z") == 1288834974657);
    OK(parsed("2010-11-04T03:12:54.657+01:30") == 1288834974657);
    OK(parsed("2010-11-03 20:42:54.657999999-05:00") == 1288834974657);
    OK(parsed("2010-11-04t01:42:54.6z") == 1288834974600);
    OK(parsed("1969-12-31T23:59:59.9999Z") == -1);
    OK(parsed("2016-12-31T23:59:60Z") == parsed("2017-01-01T00:00:00Z"));
    OK(parsed("2024-02-29T12:00:00-00:00") == 1709208000000);
    OK(parsed("9999-12-31T23:59:59.999Z") == 253402300799999);
    OK(parsed("0000-01-01T00:00:00Z") == -62167219200000);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "2010-11-04",
                               "2010-11-04T01:42:54",
                               "2010-11-04T01:42Z",
                               "2010-13-04T01:42:54Z",
                               "2010-00-04T01:42:54Z",
                               "2010-11-31T01:42:54Z",
                               "2023-02-29T01:42:54Z",
                               "1900-02-29T01:42:54Z",
                               "2010-11-04T24:00:00Z",
                               "2010-11-04T01:60:00Z",
                               "2010-11-04T01:42:61Z",
                               "2010-11-04T01:42:54.Z",
                               "2010-11-04T01:42:54.1234567890Z",
                               "2010-11-04T01:42:54+0130",
                               "2010-11-04T01:42:54+01",
                               "2010-11-04T01:42:54+24:00",
                               "2010-11-04T01:42:54+01:60",
                               "2010-11-04T01:42:54Z ",
                               " 2010-11-04T01:42:54Z",
                               "2010-11-04_01:42:54Z",
                               "+010-11-04T01:42:54Z",
                               "2010-11-04T01:42:54,5Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 7;
        if (mn_time_parse(mn_str_from(bad[i]), &ms) != MN_E_PARSE) fail_msg("'%s'", bad[i]);
        OK(ms == 7);
    }
    int64_t ms;
    FAILS(MN_E_PARSE, mn_time_parse(((mn_str){"2010-11-04T01:42:54\0Z", 21}), &ms));
}

static void the_calendar_goes_both_ways(void **state)
{
    (void)state;
    int64_t day = 0, ms;
    FAILS(MN_OK, mn_time_from_civil(0, 1, 1, 0, 0, 0, &day));
    for (; day < 253402300800000; day += 86400000 * 13 + 3661000) {
        int y, mo, d, h, mi, s;
        char text[MN_TIME_MAX];
        mn_time_to_civil(day, &y, &mo, &d, &h, &mi, &s);
        FAILS(MN_OK, mn_time_from_civil(y, mo, d, h, mi, s, &ms));
        OK(ms == day && parsed(mn_time_format(day, text)) == day);
    }
    FAILS(MN_E_PARSE, mn_time_from_civil(2023, 2, 29, 0, 0, 0, &ms));
    FAILS(MN_E_PARSE, mn_time_from_civil(2023, 1, 0, 0, 0, 0, &ms));
    FAILS(MN_E_PARSE, mn_time_from_civil(2023, 1, 1, 0, 0, 60, &ms));
    FAILS(MN_E_PARSE, mn_time_from_civil(2023, 1, 1, -1, 0, 0, &ms));
    FAILS(MN_OK, mn_time_from_civil(-400, 2, 29, 0, 0, 0, &ms));
}

static void the_wall_clock_can_be_frozen(void **state)
{
    (void)state;
    int64_t before = mn_now_ms();
    OK(before > 1700000000000);
    mn_now_freeze(1234);
    OK(mn_now_ms() == 1234);
    mn_now_freeze(0);
    OK(mn_now_ms() >= before);
}

static void durations_never_run_back(void **state)
{
    (void)state;
    int64_t last = mn_mono_us();
    double cpu = mn_cpu_s(), thread = mn_thread_cpu_s();
    for (int i = 0; i < 100000; i++) {
        int64_t now = mn_mono_us();
        OK(now >= last);
        last = now;
    }
    OK(mn_cpu_s() > cpu && mn_thread_cpu_s() > thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(times_are_formatted_to_the_millisecond),
        TEST(rfc_3339_is_read_with_any_offset),
        TEST(what_is_no_time_is_refused),
        TEST(the_calendar_goes_both_ways),
        TEST(the_wall_clock_can_be_frozen),
        TEST(durations_never_run_back),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
