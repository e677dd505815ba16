/* The progress bar: see progress.h. One line, redrawn in place with one write; nothing at all off a terminal. */
#include "base/progress.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { BAR = 16, EVERY_US = 100000 };

static _Atomic bool disabled;

void mn_progress_disable(void)
{
    atomic_store(&disabled, true);
}

void mn_progress_start(mn_progress *p, const char *label, const char *unit, uint64_t total)
{
    const char *term = getenv("TERM");
    *p = (mn_progress){.label = label, .unit = unit, .total = total};
    p->started_us = mn_mono_us();
    p->on = !atomic_load(&disabled) && isatty(STDERR_FILENO) &&
            !(term && strcmp(term, "dumb") == 0);
}

/* 12400 → "12,400" */
static const char *with_commas(uint64_t v, char ret[32])
{
    char *p = ret + 31;
    *p = '\0';
    for (int n = 0; v || n == 0; n++, v /= 10) {
        if (n && n % 3 == 0) *--p = ',';
        *--p = (char)('0' + v % 10);
    }
    return p;
}

static void add_bar(const mn_progress *p, char *line, size_t size, size_t *len)
{
    uint64_t done = p->done < p->total ? p->done : p->total;
    double share = (double)done / (double)p->total;
    int full = (int)(share * BAR);
    for (int i = 0; i < BAR; i++)
        *len += (size_t)snprintf(line + *len, size - *len, "%s", i < full ? "█" : "░");
    *len += (size_t)snprintf(line + *len, size - *len, "  %2d %%  ", (int)(share * 100));
}

static void add_left(const mn_progress *p, double rate, char *line, size_t size, size_t *len)
{
    if (!p->total || p->done >= p->total || rate <= 0) return;
    double s = (double)(p->total - p->done) / rate;
    if (s < 99.5) *len += (size_t)snprintf(line + *len, size - *len, "  %.0f s left", s);
    else if (s < 99.5 * 60)
        *len += (size_t)snprintf(line + *len, size - *len, "  %.0f min left", s / 60);
    else *len += (size_t)snprintf(line + *len, size - *len, "  %.1f h left", s / 3600);
}

/* Cuts the line to the terminal's width, so that it never wraps: every character of ours is one column wide. */
static size_t fit(const char *line, size_t len)
{
    struct winsize w;
    size_t columns = 80, n = 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col) columns = w.ws_col;
    for (size_t i = 0; i < len; i++) {
        n += ((unsigned char)line[i] & 0xC0) != 0x80;
        if (n == columns) return i;
    }
    return len;
}

static void draw(mn_progress *p, int64_t now_us)
{
    char line[600], out[700], number[32], per_s[32];
    const size_t size = sizeof line;
    double seconds = (double)(now_us - p->started_us) * 1e-6;
    double rate =
        seconds >= 0.5 && p->done > p->from ? (double)(p->done - p->from) / seconds : 0;
    size_t len = (size_t)snprintf(line, size, "  %-8.40s ", p->label);
    if (p->total) add_bar(p, line, size, &len);
    len += (size_t)snprintf(line + len, size - len, "%s %.40s", with_commas(p->done, number),
                            p->unit);
    if (rate >= 10)
        len += (size_t)snprintf(line + len, size - len, "  %s/s",
                                with_commas((uint64_t)rate, per_s));
    else if (rate > 0) len += (size_t)snprintf(line + len, size - len, "  %.1f/s", rate);
    if (seconds >= 1) add_left(p, rate, line, size, &len);
    if (p->note[0]) len += (size_t)snprintf(line + len, size - len, "  %s", p->note);
    int n = snprintf(out, sizeof out, "\r%.*s\x1b[K", (int)fit(line, len), line);
    if (write(STDERR_FILENO, out, (size_t)n) < 0) p->on = false;
    p->drawn_us = now_us;
}

void mn_progress_set(mn_progress *p, uint64_t done)
{
    if (!p->begun) p->from = done, p->begun = true;
    p->done = done;
    if (!p->on) return;
    int64_t now = mn_mono_us();
    if (now - p->drawn_us >= EVERY_US) draw(p, now);
}

void mn_progress_note(mn_progress *p, const char *fmt, ...)
{
    char tmp[sizeof p->note + 4];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(tmp, sizeof tmp, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof tmp ? (size_t)n : sizeof tmp - 1;
    mn_str s = mn_utf8_cut((mn_str){tmp, len}, sizeof p->note - 1);
    memcpy(p->note, s.ptr, s.len);
    p->note[s.len] = '\0';
}

void mn_progress_end(mn_progress *p)
{
    static const char erase[] = "\r\x1b[K";
    if (p->on && p->drawn_us && write(STDERR_FILENO, erase, sizeof erase - 1) < 0) {
    }
    p->on = false;
}
