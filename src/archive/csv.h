/* Comma-separated values (RFC 4180), as Mastodon writes and reads them: a total reader over bytes in memory, and a writer. */
#ifndef MN_ARCHIVE_CSV_H
#define MN_ARCHIVE_CSV_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define MN_CSV_FIELDS_MAX 16   /* of a row; what comes after them is passed over */
#define MN_CSV_FIELD_MAX  2048 /* bytes of a field */

typedef struct mn_csv {
    mn_str rest;
    uint64_t row; /* of the row read last, from 1; empty lines count */
} mn_csv;
typedef struct mn_csv_row {
    mn_str fields
        [MN_CSV_FIELDS_MAX]; /* trimmed; unquoted ones borrow from the text, others live in the arena */
    size_t n;
} mn_csv_row;

/* Borrows the text; a byte order mark in front is passed over. MN_E_PARSE when it is not UTF-8 or holds a NUL byte. */
mn_rc mn_csv_init(mn_csv *c, mn_str text, mn_err *e);
/* The next row that is not empty; *ret_more false: the end.
 * errors MN_E_PARSE an open quote, or something after a closing one; MN_E_LIMIT a field too long: the message names the row */
mn_rc mn_csv_next(mn_csv *c, mn_arena *ar, mn_csv_row *ret, bool *ret_more, mn_err *e);

/* One field, quoted where it must be; a comma before it unless it is the first of its line. */
void mn_csv_put(mn_buf *b, bool first, mn_str field);

#endif
