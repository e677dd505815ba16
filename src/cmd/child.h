/* A subcommand of this very program as a child process, whose lines are read one by one.
 *
 * It runs with lower priority, in a process group of its own (so that Ctrl-C in the terminal reaches only the parent, which
 * passes it on), and is told to stop when the parent dies, however that happens. */
#ifndef MN_CMD_CHILD_H
#define MN_CMD_CHILD_H

#include "base/err.h"
#include "base/str.h"

/* Called for each line of its stdout, without the line feed; a line over 1 MiB is passed over. */
typedef void (*mn_child_line)(void *arg, mn_str line);

typedef struct mn_child_end {
    int exit;    /* exit code, or -1 when a signal ended it */
    int signal;  /* that signal, or 0 */
    bool killed; /* it did not stop in time and was ended */
} mn_child_end;

/* on_tick, which may be NULL, is called about once a second meanwhile. Runs `mynah ARG…` (args ends with NULL) to its end. When a stop is requested (base/stop.h) the child gets SIGTERM and
 * stop_ms to end; then SIGKILL. Call it from a thread that lives as long as the child. */
mn_rc mn_child_run(const char *const *args, int stop_ms, mn_child_line on_line,
                   void (*on_tick)(void *arg), void *arg, mn_child_end *ret, mn_err *e);

#endif
