/* What `mynah serve` does about models in the background: raising the first one on a fresh data folder, and keeping it current.
 *
 * sample community → corpus → training → promotion, then a cycle of learning (night.h) every day at `learn_at`. Each step is remembered
 * in the data folder, so that a later start goes on where this one stopped and does nothing that is done. All of it is shown through
 * mn_api_live_*. */
#ifndef MN_CMD_RAISE_H
#define MN_CMD_RAISE_H

#include "api/api.h"

typedef struct mn_raise mn_raise;

typedef struct mn_raise_opts {
    mn_home *home;
    mn_api *api;
    bool no_sample, no_train;
    bool bar; /* draw progress bars on the terminal */
} mn_raise_opts;

/* Starts the thread. errors MN_E_USAGE (learn_at) */
mn_rc mn_raise_start(const mn_raise_opts *o, mn_raise **ret, mn_err *e);
/* Waits for it to end; a stop must have been requested (base/stop.h). Up to 30 s for the trainer's checkpoint. */
void mn_raise_join(mn_raise *r);

#endif
