/* Stopping cleanly. SIGINT, SIGTERM and SIGHUP (unless nohup has it ignored) set a flag and make a descriptor readable; long work looks at the flag between
 * steps and leaves everything resumable. A second signal ends the process at once
 * (one within MN_STOP_SAME_MS counts as the same). SIGPIPE is ignored. */
#ifndef MN_BASE_STOP_H
#define MN_BASE_STOP_H

#include <stdbool.h>

#define MN_STOP_SAME_MS 300

void mn_stop_setup(void);     /* once, at program start */
bool mn_stop_requested(void); /* async-signal-safe, any thread */
int mn_stop_fd(void);         /* readable once a stop is requested; for poll(2) */
void mn_stop_request(void);   /* as if a signal had come; tests, and api's own shutdown */

#endif
