/* Who may see what. */
#include "social/social.h"

mn_rc mn_social_may_see(mn_store *s, const mn_post *p, uint64_t viewer, bool *ret, mn_err *e)
{
    bool author = viewer != 0 && viewer == p->account_id;
    bool may = p->deleted_ms == 0 && (author || p->account_state == MN_ACCOUNT_ACTIVE);
    if (may && !author) {
        if (p->visibility == MN_VIS_FOLLOWERS && viewer != 0)
            return mn_store_follow_is(s, viewer, p->account_id, ret, e);
        may = p->visibility == MN_VIS_PUBLIC || p->visibility == MN_VIS_UNLISTED;
    }
    *ret = may;
    return MN_OK;
}
