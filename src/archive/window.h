/* A stream of any length, taken apart in bounded memory: lines, or the elements of one big JSON array.
 *
 * Only one item is in memory at a time, and it has a hard maximum. The finding of an element's end knows strings,
 * escapes and brackets and nothing more; the element is then checked by the JSON reader. What stands around the array
 * is checked for balance, so that a file cut short anywhere is noticed. */
#ifndef MN_ARCHIVE_WINDOW_H
#define MN_ARCHIVE_WINDOW_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct mn_window {
    /* Gives up to n bytes; *ret_n = 0 at the end. */
    mn_rc (*read)(void *arg, void *p, size_t n, size_t *ret_n, mn_err *e);
    void *arg;
    const char *name; /* of the stream, for messages; borrowed */
    char *buf;
    size_t at, len, cap, max; /* unread bytes are buf[at..len) */
    bool ended;
    uint64_t line;  /* line number of buf[at], from 1 */
    uint64_t taken; /* bytes before buf[at] */
    int closing;    /* brackets that close after the array */
    bool first;     /* no element yet */
} mn_window;

/* max_item: of a line or an element. Nothing is allocated before the first read. */
void mn_window_init(mn_window *w, const char *name, size_t max_item,
                    mn_rc (*read)(void *, void *, size_t, size_t *, mn_err *), void *arg);
void mn_window_release(mn_window *w);

/* The next line without its end (LF or CR LF; the last may lack it); a byte order mark in front is passed over. Valid
 * until the next call. w->line is the number of the line after it.
 * errors MN_E_LIMIT longer than the maximum, with the line number */
mn_rc mn_window_line(mn_window *w, mn_str *ret, bool *ret_more, mn_err *e);

/* Goes to the array to read. key NULL: the first '[' of the stream, after anything (as in "window.YTD.tweets.part0 = [");
 * ret_head (may be NULL) gets what stood before it, up to 512 bytes. Else the member of that name of the object the
 * stream consists of.
 * errors MN_E_PARSE when there is none */
mn_rc mn_window_array(mn_window *w, const char *key, mn_buf *ret_head, mn_err *e);
/* The next element's text, valid until the next call. At the end of the array checks what follows it.
 * errors MN_E_PARSE (cut short, unbalanced, no comma), MN_E_LIMIT (element larger than the maximum) */
mn_rc mn_window_element(mn_window *w, mn_str *ret, bool *ret_more, mn_err *e);

/* A read function over bytes in memory, for tests; arg is a mn_str * that is used up. */
mn_rc mn_window_read_memory(void *arg, void *p, size_t n, size_t *ret_n, mn_err *e);

#endif
