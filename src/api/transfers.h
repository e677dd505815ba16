/* Moving in and out: requests that put work into the queue, and the work. Private to src/api. */
#ifndef MN_API_TRANSFERS_H
#define MN_API_TRANSFERS_H

#include "api/mastodon/mastodon.h"
#include "archive/moving.h"
#include "store/transfers.h"

#define MN_TRANSFER_JOB     "transfer" /* payload {"id":"ID"} */
#define MN_TRANSFER_KEPT_MS (7 * 24 * 3600 * INT64_C(1000))
#define MN_TRANSFER_DAY_MS  (24 * 3600 * INT64_C(1000))

extern const mn_route mn_api__routes_transfers[];
/* The job: makes the archive, or brings in what was sent. */
mn_rc mn_api__transfer_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);
/* The timer: what is older than a week goes, files that no transfer names too. */
mn_rc mn_api__transfers_sweep(mn_api *a, mn_arena *ar, mn_err *e);

mn_place mn_api__place(const mn_api *a);
/* "DATA/transfers/name" on the arena; the folder is made. NULL: no memory, or it cannot be made. */
const char *mn_api__transfer_path(const mn_api *a, mn_str name, mn_arena *ar);
/* How far a transfer is that runs in this process; false: none does. */
bool mn_api__transfer_progress(uint64_t id, uint64_t *ret_done, uint64_t *ret_total);

#endif
