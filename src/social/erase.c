#include "social/erase.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/access.h"
#include "store/media.h"

#define BATCH 200

mn_rc mn_social_account_erase_later(mn_tx *tx, uint64_t account, mn_err *e)
{
    char payload[64];
    int n = snprintf(payload, sizeof payload, "{\"account\":\"%llu\"}",
                     (unsigned long long)account);
    return mn_store_job_add(tx, MN_STR(MN_ERASE_JOB), (mn_str){payload, (size_t)n}, mn_now_ms(),
                            NULL, e);
}

static mn_rc close_it(mn_tx *tx, mn_store *s, uint64_t account, mn_arena *ar, mn_err *e)
{
    mn_account a;
    mn_rc rc = mn_store_account_by_id(s, account, ar, &a, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no such account");
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store_tokens_remove(tx, account, 0, e));
    MN_TRY(mn_store_account_picture_set(tx, account, MN_MEDIA_AVATAR, 0, e));
    MN_TRY(mn_store_account_picture_set(tx, account, MN_MEDIA_HEADER, 0, e));
    mn_social_account_emptied(&a);
    MN_TRY(mn_store_account_update(tx, &a, e));
    MN_TRY(mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = account}, e));
    return mn_social_account_erase_later(tx, account, e);
}

mn_rc mn_social_account_erase(mn_store *s, uint64_t account, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = close_it(tx, s, account, &ar, e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_social_account_erase_run(mn_store *s, uint64_t account, int64_t budget_ms,
                                  bool *ret_left, mn_err *e)
{
    int64_t until_us = mn_mono_us() + budget_ms * 1000;
    bool left = true;
    while (left && mn_mono_us() < until_us)
        MN_TRY(mn_social_account_delete(s, account, BATCH, &left, e));
    *ret_left = left;
    return MN_OK;
}
