/* What is done about tokens every now and then. */
#include "api/api_int.h"
#include "base/clock.h"
#include "social/oauth.h"

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
