/* Time: milliseconds since the Unix epoch (UTC) for facts, a monotonic clock for durations, CPU time for measuring. */
#ifndef MN_BASE_CLOCK_H
#define MN_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

int64_t mn_now_ms(void);        /* wall clock; tests may freeze it with mn_now_freeze */
void mn_now_freeze(int64_t ms); /* 0 thaws */
int64_t mn_mono_us(void);       /* monotonic microseconds */
double mn_cpu_s(void);          /* CPU seconds of this process */
double mn_thread_cpu_s(void);   /* CPU seconds of this thread */

/* "2026-11-21T20:49:06.123Z"; needs MN_TIME_MAX bytes, returns ret. Years 0000 to 9999; outside it is clamped. */
#define MN_TIME_MAX 32
char *mn_time_format(int64_t ms, char ret[MN_TIME_MAX]);
/* RFC 3339 with any offset, up to nanoseconds (cut to ms), "T" or blank between; "Z" or ±hh:mm needed. */
mn_rc mn_time_parse(mn_str s, int64_t *ret);
/* Calendar date in UTC to ms, and back. month 1..12, day 1..31. MN_E_PARSE when there is no such date. */
mn_rc mn_time_from_civil(int year, int month, int day, int hour, int min, int sec,
                         int64_t *ret);
void mn_time_to_civil(int64_t ms, int *year, int *month, int *day, int *hour, int *min,
                      int *sec);

#endif
