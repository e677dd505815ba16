/* A progress bar on stderr, drawn only when stderr is a terminal and not switched off; at most ten times a second.
 *   import  ██████████░░░░░░  62 %  31,012 posts  12,400/s  3 s left */
#ifndef MN_BASE_PROGRESS_H
#define MN_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mn_progress {
    const char *label, *unit;
    uint64_t total, done; /* total 0: unknown, a count without a bar */
    int64_t started_us, drawn_us;
    uint64_t from; /* what was done at the first word: a resumed job did not just do it */
    bool begun;
    bool on;
    char note[80]; /* shown at the end of the line; set with mn_progress_note */
} mn_progress;

void mn_progress_start(mn_progress *p, const char *label, const char *unit, uint64_t total);
void mn_progress_set(mn_progress *p, uint64_t done);
void mn_progress_note(mn_progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void mn_progress_end(mn_progress *p); /* erases the bar */
void mn_progress_disable(void);       /* for --json and --quiet, process-wide */

#endif
