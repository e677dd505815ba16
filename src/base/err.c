/* Errors: see err.h. The message is formatted aside before it is stored, so that a format may quote e->msg itself. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MSG = sizeof(((mn_err *)0)->msg) };

/* Cuts s[0..len) to what fits a message with its NUL, between code points. */
static size_t cut(const char *s, size_t len)
{
    if (len < MSG) return len;
    size_t n = MSG - 1;
    while (n > MSG - 5 && ((unsigned char)s[n] & 0xC0) == 0x80) n--;
    return n;
}

/* Formats into tmp (MSG + 4 bytes, so that the byte after the cut can be looked at); returns the bytes kept there. */
static size_t __attribute__((format(printf, 2, 0)))
format(char *tmp, const char *fmt, va_list ap)
{
    int n = vsnprintf(tmp, MSG + 4, fmt, ap);
    if (n < 0) n = snprintf(tmp, MSG + 4, "%s", fmt);
    size_t len = n < 0 ? 0 : (size_t)n;
    return len < MSG + 3 ? len : MSG + 3;
}

static void store(mn_err *e, mn_rc rc, const char *file, int line, const char *msg, size_t len)
{
    size_t n = cut(msg, len);
    memcpy(e->msg, msg, n);
    e->msg[n] = '\0';
    e->rc = rc;
    e->file = file;
    e->line = line;
}

mn_rc mn_err_set(mn_err *e, mn_rc rc, const char *file, int line, const char *fmt, ...)
{
    if (!e) return rc;
    char tmp[MSG + 4];
    va_list ap;
    va_start(ap, fmt);
    size_t len = format(tmp, fmt, ap);
    va_end(ap);
    store(e, rc, file, line, tmp, len);
    return rc;
}

/* Appends ": " and more to tmp, as far as there is room. */
static size_t append(char *tmp, size_t len, const char *more)
{
    int n = snprintf(tmp + len, MSG + 4 - len, ": %s", more);
    size_t sum = len + (n < 0 ? 0 : (size_t)n);
    return sum < MSG + 3 ? sum : MSG + 3;
}

/* What the system says; for the one failure that people can mend at once, also how. */
static const char *reason(int number, char *text, size_t cap)
{
    if (number == ENOSPC || number == EDQUOT)
        return "no space is left on the disk; free some and try again";
    return strerror_r(number, text, cap);
}

mn_rc mn_err_set_errno(mn_err *e, mn_rc rc, const char *file, int line, const char *fmt, ...)
{
    int number = errno;
    if (!e) return rc;
    char tmp[MSG + 4], text[128];
    va_list ap;
    va_start(ap, fmt);
    size_t len = format(tmp, fmt, ap);
    va_end(ap);
    len = append(tmp, len, reason(number, text, sizeof text));
    store(e, rc, file, line, tmp, len);
    errno = number;
    return rc;
}

mn_rc mn_err_wrap(mn_err *e, const char *fmt, ...)
{
    if (!e || e->rc == MN_OK) return MN_OK;
    char tmp[MSG + 4];
    va_list ap;
    va_start(ap, fmt);
    size_t len = format(tmp, fmt, ap);
    va_end(ap);
    len = append(tmp, len, e->msg);
    store(e, e->rc, e->file, e->line, tmp, len);
    return e->rc;
}

const char *mn_rc_name(mn_rc rc)
{
    switch (rc) {
    case MN_OK:
        return "ok";
    case MN_E_NOMEM:
        return "no_memory";
    case MN_E_IO:
        return "io";
    case MN_E_PARSE:
        return "parse";
    case MN_E_LIMIT:
        return "limit";
    case MN_E_USAGE:
        return "usage";
    case MN_E_NOT_FOUND:
        return "not_found";
    case MN_E_EXISTS:
        return "exists";
    case MN_E_BUSY:
        return "busy";
    case MN_E_CORRUPT:
        return "corrupt";
    case MN_E_DENIED:
        return "denied";
    case MN_E_CANCELLED:
        return "cancelled";
    case MN_E_UNSUPPORTED:
        return "unsupported";
    }
    return "unknown";
}

void mn_assert_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "mynah: %s:%d: our own mistake: %s does not hold\n", file, line, expr);
    abort();
}
