/* What is talked about: hashtags, posts and links of the last days.
 *
 * Counted is what accounts do that want to be found: public posts, not sensitive, by active accounts that are discoverable and
 * not silenced; tags that moderators hid do not count. A tag's or a link's score is the number of accounts that used it, each by
 * its latest use, halved every 12 hours; a post's the number of its boosts and favourites, halved alike, one post an account.
 * Two accounts (marks) at least make a trend. Kept in memory, worked out anew by mn_trends_refresh. Thread-safe. */
#ifndef MN_SOCIAL_TRENDS_H
#define MN_SOCIAL_TRENDS_H

#include "social/social.h"
#include "store/tags.h"

#define MN_TREND_DAYS 7
#define MN_TRENDS_MAX 200 /* kept of each kind */

typedef enum mn_trend_kind {
    MN_TREND_TAGS,
    MN_TREND_POSTS,
    MN_TREND_LINKS,
    MN_TREND_KINDS
} mn_trend_kind;
typedef struct mn_trend {
    uint64_t id; /* tag, post or card */
    double score;
    mn_tag_use days[MN_TREND_DAYS]; /* today first; of posts all zero */
} mn_trend;

typedef struct mn_trends mn_trends;
mn_rc mn_trends_new(mn_store *s, mn_trends **ret, mn_err *e); /* borrows the store; empty */
void mn_trends_free(mn_trends *t);                            /* NULL is fine */
/* cost reads what the last seven days brought, 200,000 uses at most */
mn_rc mn_trends_refresh(mn_trends *t, int64_t now_ms, mn_err *e);
/* By falling score. The first call works them out. */
mn_rc mn_trends_get(mn_trends *t, mn_trend_kind kind, size_t offset, size_t limit,
                    int64_t now_ms, mn_arena *ar, mn_trend **ret, size_t *ret_n, mn_err *e);

#endif
