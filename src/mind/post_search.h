/* Finding posts for a member: what was typed (post_query.h), answered from the index and from what concerns the member.
 *
 * Found are: posts that anybody may see and whose authors let them be searched, through the index; and the member's library, own
 * posts of any visibility, those favourited or bookmarked, those that mention the member. Never what the member may not see,
 * nor those blocked or muted. Newest first. */
#ifndef MN_MIND_POST_SEARCH_H
#define MN_MIND_POST_SEARCH_H

#include "mind/search.h"
#include "social/feeds.h"

#define MN_POST_SEARCH_LOOK 4000 /* posts looked at, of each kind, for one page */

typedef struct mn_post_search {
    mn_store *store;
    mn_feeds *feeds;
    mn_search *index;      /* NULL: not open yet, only the library is searched */
    uint64_t me;           /* 0: anybody */
    mn_str query, domain;  /* domain: ours, as in from:@name@domain */
    uint64_t account;      /* only by this one; 0: by all */
    uint64_t below, above; /* ids strictly between; 0: no bound */
    size_t offset, limit;  /* together ≤ 1,000 (MN_E_LIMIT) */
} mn_post_search;
/* errors those of the store */
mn_rc mn_post_search_run(const mn_post_search *s, mn_arena *a, uint64_t **ret, size_t *ret_n,
                         mn_err *e);

#endif
