/* The time of day at which something is due, over midnights, clock changes and clocks that are set. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cmd/clock_time.c" /* commands are not linked into tests, a program is one */

static int64_t utc(const char *text)
{
    int64_t ms = 0;
    mn_err e = {0};
    RUN(mn_time_parse(mn_str_from(text), &ms));
    (void)e;
    return ms;
}

static void zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static void times_are_read(void **state)
{
    (void)state;
    int m = 0;
    mn_err e = {0};
    RUN(mn_clock_parse("03:30", &m, &e));
    OK(m == 210);
    RUN(mn_clock_parse("23:59", &m, &e));
    OK(m == 1439);
    RUN(mn_clock_parse("off", &m, &e));
    OK(m == MN_CLOCK_OFF);
    static const char *const bad[] = {"",      "3:30",  "24:00", "12:60",
                                      "12.30", "12:3x", "on",    "12:300"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_USAGE, mn_clock_parse(bad[i], &m, &e));
}

static void it_comes_once_a_day(void **state)
{
    (void)state;
    zone("UTC");
    const int at = 210;
    OK(!mn_clock_came(at, utc("2026-01-10T03:29:00Z"), utc("2026-01-10T03:29:59Z")));
    OK(mn_clock_came(at, utc("2026-01-10T03:29:59Z"), utc("2026-01-10T03:30:00Z")));
    OK(!mn_clock_came(at, utc("2026-01-10T03:30:00Z"), utc("2026-01-10T03:30:20Z")));
    OK(mn_clock_came(at, utc("2026-01-09T23:00:00Z"), utc("2026-01-10T04:00:00Z")));
    /* a machine that slept for a week learns once */
    OK(mn_clock_came(at, utc("2026-01-03T12:00:00Z"), utc("2026-01-10T02:00:00Z")));
    /* midnight */
    OK(mn_clock_came(0, utc("2026-01-09T23:59:50Z"), utc("2026-01-10T00:00:10Z")));
    OK(mn_clock_came(1439, utc("2026-01-09T23:58:50Z"), utc("2026-01-10T00:00:10Z")));
    int n = 0;
    for (int64_t t = utc("2026-01-01T00:00:00Z"); t < utc("2026-01-31T00:00:00Z"); t += 20000)
        n += mn_clock_came(at, t, t + 20000);
    OK(n == 30);
    OK(!mn_clock_came(MN_CLOCK_OFF, utc("2026-01-03T12:00:00Z"), utc("2026-01-10T02:00:00Z")));
}

static void a_clock_that_is_set_back_makes_nothing_due(void **state)
{
    (void)state;
    zone("UTC");
    OK(!mn_clock_came(210, utc("2026-01-10T04:00:00Z"), utc("2026-01-10T03:00:00Z")));
    OK(!mn_clock_came(210, utc("2026-01-10T04:00:00Z"), utc("2020-01-10T03:40:00Z")));
    OK(!mn_clock_came(210, utc("2026-01-10T04:00:00Z"), utc("2026-01-10T04:00:00Z")));
}

/* Central Europe: on 29 March 2026 there is no 02:30, on 25 October there are two. */
static void clock_changes_skip_no_day(void **state)
{
    (void)state;
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    int spring = 0, autumn = 0;
    for (int64_t t = utc("2026-03-28T12:00:00Z"); t < utc("2026-03-29T12:00:00Z"); t += 20000)
        spring += mn_clock_came(150, t, t + 20000);
    for (int64_t t = utc("2026-10-24T12:00:00Z"); t < utc("2026-10-25T12:00:00Z"); t += 20000)
        autumn += mn_clock_came(150, t, t + 20000);
    OK(spring == 1);
    OK(autumn == 1 || autumn == 2);
    zone("UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(times_are_read),
        TEST(it_comes_once_a_day),
        TEST(a_clock_that_is_set_back_makes_nothing_due),
        TEST(clock_changes_skip_no_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
