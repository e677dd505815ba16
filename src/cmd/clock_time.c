#include "cmd/clock_time.h"

#include <string.h>
#include <time.h>

static bool two_digits(const char *s, int most, int *ret)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9') return false;
    *ret = (s[0] - '0') * 10 + s[1] - '0';
    return *ret <= most;
}

mn_rc mn_clock_parse(const char *text, int *ret_minutes, mn_err *e)
{
    int h, m;
    if (strcmp(text, "off") == 0) {
        *ret_minutes = MN_CLOCK_OFF;
        return MN_OK;
    }
    if (strlen(text) != 5 || text[2] != ':' || !two_digits(text, 23, &h) ||
        !two_digits(text + 3, 59, &m))
        return mn_fail(e, MN_E_USAGE, "'%.40s' is no time of day: expected HH:MM or off", text);
    *ret_minutes = h * 60 + m;
    return MN_OK;
}

/* That time on the local day of `at`, `days` later. */
static int64_t on_day(time_t at, int days, int minutes)
{
    struct tm t;
    localtime_r(&at, &t);
    t.tm_mday += days;
    t.tm_hour = minutes / 60, t.tm_min = minutes % 60, t.tm_sec = 0;
    t.tm_isdst = -1;
    return (int64_t)mktime(&t) * 1000;
}

bool mn_clock_came(int minutes, int64_t since_ms, int64_t now_ms)
{
    if (minutes == MN_CLOCK_OFF || now_ms <= since_ms) return false;
    const time_t now = (time_t)(now_ms / 1000);
    for (int days = -1; days <= 0; days++) {
        const int64_t at = on_day(now, days, minutes);
        if (at > since_ms && at <= now_ms) return true;
    }
    return false;
}
