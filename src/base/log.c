/* Logging: see log.h. A line is built on the stack, so that logging never allocates; what does not fit is cut. Control
 * characters are escaped: text from outside cannot forge a second line or move the terminal's cursor. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { MESSAGE = 4096, LINE = 8192 };

static _Atomic int least_level = MN_LOG_INFO;
static _Atomic bool as_json;

void mn_log_setup(mn_log_level least, bool json)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&as_json, json);
}

bool mn_log_enabled(mn_log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

typedef struct line {
    char text[LINE];
    size_t len;
} line;

/* All or nothing; leaves room for the closing characters. */
static bool add(line *l, const char *s, size_t n)
{
    if (n > LINE - 8 - l->len) return false;
    memcpy(l->text + l->len, s, n);
    l->len += n;
    return true;
}

static void addz(line *l, const char *z)
{
    add(l, z, strlen(z));
}

/* s with control characters as \n or \u001b, bad UTF-8 as U+FFFD and, in JSON, quotes and backslashes escaped. */
static void add_escaped(line *l, mn_str s, bool json)
{
    for (size_t i = 0, n; i < s.len; i += n) {
        char tmp[8];
        uint32_t cp;
        n = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        bool fits;
        if (n == 0) {
            n = 1;
            fits = add(l, "\xEF\xBF\xBD", 3);
        } else if (cp == '\n') {
            fits = add(l, "\\n", 2);
        } else if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) {
            fits = add(l, tmp, (size_t)snprintf(tmp, sizeof tmp, "\\u%04x", cp));
        } else if (json && (cp == '"' || cp == '\\')) {
            fits = add(l, cp == '"' ? "\\\"" : "\\\\", 2);
        } else {
            fits = add(l, s.ptr + i, n);
        }
        if (!fits) return;
    }
}

static void compose(line *l, bool json, mn_log_level level, const char *who, mn_str message)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char time[MN_TIME_MAX];
    l->len = 0;
    if (json) addz(l, "{\"time\":\"");
    addz(l, mn_time_format(mn_now_ms(), time));
    addz(l, json ? "\",\"level\":\"" : " ");
    addz(l, names[level]);
    addz(l, json ? "\",\"who\":\"" : " ");
    add_escaped(l, mn_str_from(who), json);
    addz(l, json ? "\",\"message\":\"" : ": ");
    add_escaped(l, message, json);
    const char *close = json ? "\"}\n" : "\n";
    memcpy(l->text + l->len, close, strlen(close));
    l->len += strlen(close);
}

void mn_log(mn_log_level level, const char *who, const char *fmt, ...)
{
    if (!mn_log_enabled(level)) return;
    int saved = errno;
    char message[MESSAGE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    mn_str s = {message, n < 0 ? 0 : (size_t)n};
    if (n >= MESSAGE) s.len = mn_utf8_cut((mn_str){message, MESSAGE - 1}, MESSAGE - 5).len;
    line l;
    compose(&l, atomic_load(&as_json), level, who, s);
    while (write(STDERR_FILENO, l.text, l.len) < 0 && errno == EINTR) {
    }
    errno = saved;
}
