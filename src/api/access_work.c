/* What is done about tokens every now and then. */
#include "api/api_int.h"
#include "base/clock.h"
#include "social/erase.h"
#include "social/oauth.h"

#define ERASE_MS 20000 /* then others may have the worker */

mn_rc mn_api__access_flush(mn_api *a, mn_arena *ar, mn_err *e)
{
    (void)ar;
    return mn_access_flush(a->access, e);
}

mn_rc mn_api__access_sweep(mn_api *a, mn_arena *ar, mn_err *e)
{
    (void)ar;
    return mn_oauth_sweep(a->home->store, mn_now_ms(), e);
}

/* Goes on with an account that leaves; a job that did not come to its end puts another behind those that wait. */
mn_rc mn_api__erase_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    mn_tx *tx;
    bool left = false;
    uint64_t account = mn_json_u64(mn_json_get(payload, "account"), 0);
    (void)ar;
    mn_rc rc = mn_social_account_erase_run(a->home->store, account, ERASE_MS, &left, e);
    if (rc != MN_OK || !left) return rc;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    rc = mn_social_account_erase_later(tx, account, e);
    return mn_store_end(tx, rc, e);
}
