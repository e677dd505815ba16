/* Lines from a terminal or a pipe for `mynah chat`, without a lost wish to stop: reading waits for the keyboard and for signals. */
#ifndef MN_CMD_CHAT_LINE_H
#define MN_CMD_CHAT_LINE_H

#include "base/err.h"
#include "base/str.h"

typedef struct mn_line {
    mn_buf pending; /* read, but behind the last line that was given */
    size_t at;      /* of it, given already */
    bool terminal;
    bool ended;
} mn_line;

/* Standard input. A terminal's own line editing is told that text is UTF-8; SIGINT sets mn_line_interrupted instead of ending the
 * program. mn_line_release puts back what was before. */
void mn_line_init(mn_line *l);
void mn_line_release(mn_line *l);
/* The next line without its end, borrowed until the next call; the last needs no end. *ret_more: false at the end of the input, on Ctrl-C
 * and when the program is asked to stop. errors MN_E_LIMIT (a line above 4 MiB), MN_E_IO, MN_E_NOMEM */
mn_rc mn_line_next(mn_line *l, const char *question, mn_str *ret, bool *ret_more, mn_err *e);
/* Set by Ctrl-C and by a wish to stop; cleared by whoever starts something that it may stop. */
extern volatile int mn_line_interrupted;

#endif
