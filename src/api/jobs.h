/* Work behind the requests: durable jobs of the store's queue, and things done every so often.
 *
 * A job is added in the transaction that makes it necessary (mn_store_job_add, kind and a JSON payload) and run by one of
 * the workers here, in this or another process, at least once: handlers are written so that doing it twice does no harm.
 * MN_OK ends it. MN_E_BUSY and MN_E_IO put it back (15 s, then about 2^n times longer); any other error buries it with its
 * reason in the log. Kinds and timers are tables in api/jobs.c. */
#ifndef MN_API_JOBS_H
#define MN_API_JOBS_H

#include "api/pages/pages.h"
#include "base/json.h"

typedef struct mn_job_kind {
    const char *kind;
    mn_rc (*run)(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);
    int lease_s;
    int at_once; /* so many at the same time in this process, so that slow machines elsewhere hold up nothing else; 0: any */
} mn_job_kind;

typedef struct mn_timer {
    const char *name;
    int every_s;
    mn_rc (*run)(mn_api *a, mn_arena *ar, mn_err *e);
} mn_timer;

/* Look now: a job was added (any thread; cheap). */
void mn_api_jobs_wake(mn_api *a);

#endif
