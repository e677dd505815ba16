/* What was done with posts: quoted in answers, given to licensees. One row a post, kind and reference. */
#ifndef MN_STORE_USES_H
#define MN_STORE_USES_H

#include "store/store.h"

/* Counts one use of each post (kind "answer", "licensee" …; ref: which one, may be empty). Posts that are not here are left
 * out. n ≤ 1,000. */
mn_rc mn_store_uses_add(mn_tx *tx, const uint64_t *post_ids, size_t n, mn_str kind, mn_str ref,
                        int64_t at_ms, mn_err *e);

typedef struct mn_uses {
    mn_str kind, ref;
    uint64_t posts, times;
    int64_t last_ms;
} mn_uses;
/* What was done with an account's posts, summed up by kind and reference; the latest first. */
mn_rc mn_store_uses_of(mn_store *s, uint64_t account, mn_arena *ar, mn_uses **ret,
                       size_t *ret_n, mn_err *e);

#endif
