/* Who may see what, for many posts at once. For one post: mn_social_may_see in social.h.
 *
 * A post may be seen when it is not deleted, its author is active (or the viewer), neither has blocked the other (or a
 * moderator looks with other functions), and: it is public or unlisted; or the viewer wrote it; or it mentions the viewer; or it
 * is for followers and the viewer follows the author. A boost may be seen when, besides, the boosted post may be seen.
 * Mutes, filters, silenced accounts are matters of timelines, not of this.
 */
#ifndef MN_SOCIAL_READING_H
#define MN_SOCIAL_READING_H

#include "social/social.h"

/* ret[i]: may `viewer` (0: anybody) see posts->items[i]? A few statements in all, whatever n ≤ 1,000. */
mn_rc mn_social_may_see_posts(mn_store *s, const mn_posts *posts, uint64_t viewer, bool *ret,
                              mn_err *e);
/* Takes out of posts (in place, order kept) what the viewer may not see. */
mn_rc mn_social_posts_visible(mn_store *s, mn_posts *posts, uint64_t viewer, mn_err *e);

#endif
