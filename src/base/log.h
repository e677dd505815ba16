/* Logging to stderr: "2026-11-21T20:49:06.123Z info serve: listening" as text, or one JSON object a line.
 *
 * Library code below `api` does not log; it returns errors. Thread-safe; a line is written with one write(2). */
#ifndef MN_BASE_LOG_H
#define MN_BASE_LOG_H

#include <stdbool.h>

typedef enum mn_log_level { MN_LOG_DEBUG, MN_LOG_INFO, MN_LOG_WARN, MN_LOG_ERROR } mn_log_level;

void mn_log_setup(mn_log_level least, bool json); /* default: info, text */
bool mn_log_enabled(mn_log_level level);
void mn_log(mn_log_level level, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define mn_debug(who, ...) mn_log(MN_LOG_DEBUG, (who), __VA_ARGS__)
#define mn_info(who, ...)  mn_log(MN_LOG_INFO, (who), __VA_ARGS__)
#define mn_warn(who, ...)  mn_log(MN_LOG_WARN, (who), __VA_ARGS__)
#define mn_error(who, ...) mn_log(MN_LOG_ERROR, (who), __VA_ARGS__)

#endif
