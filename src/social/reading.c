/* Who may see what.
 *
 * For many posts: those that anybody may see and whose authors have nothing to do with the viewer cost nothing but the two
 * statements that ask for blocks; follows, mentions and boosted posts are looked up only where they decide. */
#include "social/reading.h"

#include "store/marks.h"

#define PAGE 1000

/* What can be said without the store; `maybe`: followers-only or direct, by somebody else. */
typedef enum first_look { SEE_NO, SEE_YES, SEE_MAYBE } first_look;

static first_look look(const mn_post *p, uint64_t viewer)
{
    bool author = viewer != 0 && viewer == p->account_id;
    if (p->deleted_ms) return SEE_NO;
    if (author) return SEE_YES;
    if (p->account_state != MN_ACCOUNT_ACTIVE) return SEE_NO;
    if (p->visibility == MN_VIS_PUBLIC || p->visibility == MN_VIS_UNLISTED) return SEE_YES;
    return viewer ? SEE_MAYBE : SEE_NO;
}

/* Followers-only and direct posts of others: the follower, and those mentioned. */
static mn_rc may_see_private(mn_store *s, const mn_post *p, uint64_t viewer, bool *ret,
                             mn_err *e)
{
    *ret = false;
    if (p->visibility == MN_VIS_FOLLOWERS)
        MN_TRY(mn_store_follow_is(s, viewer, p->account_id, ret, e));
    return *ret ? MN_OK : mn_store_mentions_is(s, p->id, viewer, ret, e);
}

/* As if nothing were boosted. */
static mn_rc see_itself(mn_store *s, const mn_posts *posts, uint64_t viewer, bool *ret,
                        uint64_t *authors, bool *blocked, mn_err *e)
{
    for (size_t i = 0; i < posts->n; i++) authors[i] = posts->items[i].account_id;
    MN_TRY(mn_store_blocked_pairs(s, viewer, authors, posts->n, blocked, e));
    for (size_t i = 0; i < posts->n; i++) {
        const mn_post *p = &posts->items[i];
        first_look l = blocked[i] && p->account_id != viewer ? SEE_NO : look(p, viewer);
        ret[i] = l == SEE_YES;
        if (l == SEE_MAYBE) MN_TRY(may_see_private(s, p, viewer, &ret[i], e));
    }
    return MN_OK;
}

static const mn_post *find(const mn_posts *posts, uint64_t id, size_t *ret_i)
{
    for (size_t i = 0; i < posts->n; i++)
        if (posts->items[i].id == id) {
            *ret_i = i;
            return &posts->items[i];
        }
    return NULL;
}

/* A boost falls with what it boosts. */
static mn_rc see_boosted(mn_store *s, const mn_posts *posts, uint64_t viewer, bool *ret,
                         mn_arena *ar, mn_err *e)
{
    mn_posts boosted = {0};
    size_t n = 0, at = 0;
    uint64_t *ids = mn_arena_alloc(ar, (posts->n + 1) * 2 * sizeof *ids);
    bool *may = mn_arena_alloc(ar, (posts->n + 1) * 2 * sizeof *may);
    if (!ids || !may) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < posts->n; i++)
        if (ret[i] && posts->items[i].boost_of) ids[n++] = posts->items[i].boost_of;
    if (n == 0) return MN_OK;
    MN_TRY(mn_store_posts_by_ids(s, ids, n, ar, &boosted, e));
    MN_TRY(see_itself(s, &boosted, viewer, may, ids + posts->n, may + posts->n, e));
    for (size_t i = 0; i < posts->n; i++)
        if (ret[i] && posts->items[i].boost_of)
            ret[i] = find(&boosted, posts->items[i].boost_of, &at) != NULL && may[at];
    return MN_OK;
}

mn_rc mn_social_may_see_posts(mn_store *s, const mn_posts *posts, uint64_t viewer, bool *ret,
                              mn_err *e)
{
    mn_arena ar;
    if (posts->n > PAGE)
        return mn_fail(e, MN_E_LIMIT, "visibility is decided for %d posts at a time", PAGE);
    if (posts->n == 0) return MN_OK;
    mn_arena_init(&ar, 0);
    uint64_t *authors = mn_arena_alloc(&ar, posts->n * sizeof *authors);
    bool *blocked = mn_arena_alloc(&ar, posts->n * sizeof *blocked);
    mn_rc rc = authors && blocked ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = see_itself(s, posts, viewer, ret, authors, blocked, e);
    if (rc == MN_OK) rc = see_boosted(s, posts, viewer, ret, &ar, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_may_see(mn_store *s, const mn_post *p, uint64_t viewer, bool *ret, mn_err *e)
{
    mn_post one = *p;
    bool may = false;
    MN_TRY(mn_social_may_see_posts(s, &(mn_posts){&one, 1}, viewer, &may, e));
    *ret = may;
    return MN_OK;
}

mn_rc mn_social_posts_visible(mn_store *s, mn_posts *posts, uint64_t viewer, mn_err *e)
{
    bool may[PAGE];
    size_t n = 0;
    MN_TRY(mn_social_may_see_posts(s, posts, viewer, may, e));
    for (size_t i = 0; i < posts->n; i++)
        if (may[i]) posts->items[n++] = posts->items[i];
    posts->n = n;
    return MN_OK;
}
