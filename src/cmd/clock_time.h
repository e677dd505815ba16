/* A time of day in local time, and whether it has come. */
#ifndef MN_CMD_CLOCK_TIME_H
#define MN_CMD_CLOCK_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MN_CLOCK_OFF (-1)

/* "HH:MM" to minutes since midnight, "off" to MN_CLOCK_OFF. errors MN_E_USAGE */
mn_rc mn_clock_parse(const char *text, int *ret_minutes, mn_err *e);
/* Whether the local time of day `minutes` came after since_ms and not after now_ms. Once, however long that is; never where the clock
 * was set back. A time that a clock change skips comes when the clock goes on; one that comes twice counts twice. */
bool mn_clock_came(int minutes, int64_t since_ms, int64_t now_ms);

#endif
