/* Time: see clock.h. The calendar is Howard Hinnant's days_from_civil and civil_from_days (years begin in March, so
 * that the leap day is the last of its year; eras of 400 years make it exact for negative years). */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static _Atomic int64_t frozen_ms;

int64_t mn_now_ms(void)
{
    int64_t frozen = atomic_load_explicit(&frozen_ms, memory_order_relaxed);
    if (frozen) return frozen;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void mn_now_freeze(int64_t ms)
{
    atomic_store(&frozen_ms, ms);
}

int64_t mn_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double mn_cpu_s(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double mn_thread_cpu_s(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *year, int *month, int *day)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

mn_rc mn_time_from_civil(int year, int month, int day, int hour, int min, int sec, int64_t *ret)
{
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour < 0 ||
        hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 59)
        return MN_E_PARSE;
    int64_t s = days_from_civil(year, month, day) * 86400 + hour * 3600 + min * 60 + sec;
    *ret = s * 1000;
    return MN_OK;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void mn_time_to_civil(int64_t ms, int *year, int *month, int *day, int *hour, int *min,
                      int *sec)
{
    int64_t s = floor_div(ms, 1000), days = floor_div(s, 86400), rest = s - days * 86400;
    civil_from_days(days, year, month, day);
    *hour = (int)(rest / 3600);
    *min = (int)(rest / 60 % 60);
    *sec = (int)(rest % 60);
}

static char *put(char *p, int v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10) p[i] = (char)('0' + v % 10);
    return p + width;
}

char *mn_time_format(int64_t ms, char ret[MN_TIME_MAX])
{
    const int64_t least = INT64_C(-62167219200000), most = INT64_C(253402300799999);
    ms = ms < least ? least : ms > most ? most : ms;
    int year, month, day, hour, min, sec;
    mn_time_to_civil(ms, &year, &month, &day, &hour, &min, &sec);
    char *p = put(ret, year, 4);
    *p++ = '-', p = put(p, month, 2);
    *p++ = '-', p = put(p, day, 2);
    *p++ = 'T', p = put(p, hour, 2);
    *p++ = ':', p = put(p, min, 2);
    *p++ = ':', p = put(p, sec, 2);
    *p++ = '.', p = put(p, (int)(ms - floor_div(ms, 1000) * 1000), 3);
    *p++ = 'Z', *p = '\0';
    return ret;
}

/* ---- RFC 3339 ------------------------------------------------------------------------------------------------ */

/* Takes n digits off s into *ret. */
static bool take(mn_str *s, size_t n, int *ret)
{
    if (s->len < n) return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') return false;
        v = v * 10 + (s->ptr[i] - '0');
    }
    *s = mn_str_sub(*s, n, SIZE_MAX);
    *ret = v;
    return true;
}

/* Takes one character, if it is one of those. */
static bool take_one(mn_str *s, const char *of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(of, s->ptr[0])) return false;
    *s = mn_str_sub(*s, 1, SIZE_MAX);
    return true;
}

/* 1 to 9 digits after the point, cut to milliseconds. */
static bool take_fraction(mn_str *s, int *ret_ms)
{
    int digits = 0, ms = 0, d;
    while (take(s, 1, &d)) {
        if (digits < 3) ms = ms * 10 + d;
        digits++;
    }
    for (int i = digits; i < 3; i++) ms *= 10;
    *ret_ms = ms;
    return digits >= 1 && digits <= 9;
}

static bool take_offset(mn_str *s, int *ret_min)
{
    if (take_one(s, "Zz")) {
        *ret_min = 0;
        return true;
    }
    int h, m;
    bool minus = s->len && s->ptr[0] == '-';
    if (!take_one(s, "+-") || !take(s, 2, &h) || !take_one(s, ":") || !take(s, 2, &m))
        return false;
    *ret_min = (h * 60 + m) * (minus ? -1 : 1);
    return h <= 23 && m <= 59;
}

mn_rc mn_time_parse(mn_str s, int64_t *ret)
{
    int year, month, day, hour, min, sec, ms = 0, offset_min;
    if (!take(&s, 4, &year) || !take_one(&s, "-") || !take(&s, 2, &month) ||
        !take_one(&s, "-") || !take(&s, 2, &day) || !take_one(&s, "Tt ") ||
        !take(&s, 2, &hour) || !take_one(&s, ":") || !take(&s, 2, &min) || !take_one(&s, ":") ||
        !take(&s, 2, &sec))
        return MN_E_PARSE;
    if (take_one(&s, ".") && !take_fraction(&s, &ms)) return MN_E_PARSE;
    if (!take_offset(&s, &offset_min) || s.len) return MN_E_PARSE;
    bool leap_second = sec == 60; /* Unix time has none: it is the next second */
    int64_t t;
    MN_TRY(mn_time_from_civil(year, month, day, hour, min, leap_second ? 59 : sec, &t));
    *ret = t + ms + (leap_second ? 1000 : 0) - (int64_t)offset_min * 60000;
    return MN_OK;
}
