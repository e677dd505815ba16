/* Lists around posts: their thread, who boosted, favourited and quoted them; what one has bookmarked and favourited. */
#include "api/mastodon/accounts.h"
#include "api/mastodon/statuses.h"
#include "base/clock.h"
#include "social/context.h"
#include "store/marks.h"

/* ---- context ------------------------------------------------------------------------------------------------------------- */

/* Authors whom the viewer mutes are left out of threads. */
static mn_rc without_muted(const mn_view *v, uint64_t *ids, size_t *n, mn_err *e)
{
    size_t kept = 0;
    uint64_t authors[200], *at = ids;
    bool muted[200];
    for (size_t from = 0; v->me && from < *n; from += 200) {
        size_t k = *n - from < 200 ? *n - from : 200, m = 0;
        uint64_t part[200];
        for (size_t i = 0; i < k; i++) {
            const mn_shown_entry *x = NULL;
            mn_rc rc = mn_masto__shown(v, ids[from + i], &x, e);
            if (rc == MN_E_NOT_FOUND) continue;
            MN_TRY(rc);
            part[m] = ids[from + i];
            authors[m++] = x->post.account_id;
            mn_shown_done(v->api->shown, x);
        }
        MN_TRY(mn_store_muted(v->api->home->store, v->me, authors, m, mn_now_ms(), muted, e));
        for (size_t i = 0; i < m; i++)
            if (!muted[i]) at[kept++] = part[i];
    }
    if (v->me) *n = kept;
    return MN_OK;
}

static mn_rc put_ids(const mn_view *v, const char *key, uint64_t *ids, size_t n,
                     mn_json_writer *j, mn_err *e)
{
    MN_TRY(without_muted(v, ids, &n, e));
    mn_jw_key(j, key);
    mn_jw_array(j);
    MN_TRY(mn_entity_statuses_by_ids(v, ids, n, true, MN_FILTER_THREAD, j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

static void context(mn_req *r, mn_resp *w)
{
    static const mn_context_limits member = {4096, 4096, 0}, anybody = {40, 60, 20};
    mn_view v = mn_masto_view(r);
    mn_context c;
    mn_post p;
    mn_err e = {0};
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_rc rc =
        mn_social_context(v.api->home->store, &p, v.me ? &member : &anybody, r->arena, &c, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    if (rc == MN_OK) rc = put_ids(&v, "ancestors", c.ancestors, c.n_ancestors, &j, &e);
    if (rc == MN_OK) rc = put_ids(&v, "descendants", c.descendants, c.n_descendants, &j, &e);
    mn_jw_object_end(&j);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
}

/* ---- people ---------------------------------------------------------------------------------------------------------------- */

/* The accounts of the rows but those that the one who asks has blocked or is blocked by. */
static void answer_people(mn_req *r, mn_resp *w, const mn_mark_row *rows, size_t n,
                          size_t limit)
{
    const mn_api *a = r->app;
    mn_err e = {0};
    size_t k = 0;
    uint64_t *ids = mn_arena_alloc(r->arena, (n + 1) * sizeof *ids);
    bool *blocked = mn_arena_alloc(r->arena, (n + 1) * sizeof *blocked);
    mn_rc rc = ids && blocked ? MN_OK : mn_fail(&e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) {
        for (size_t i = 0; i < n; i++) ids[i] = rows[i].account_id;
        rc = mn_store_blocked_pairs(a->home->store, mn_masto_me(r), ids, n, blocked, &e);
    }
    if (rc != MN_OK) {
        mn_masto__compose_failed(r, w, rc, &e);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!blocked[i]) ids[k++] = ids[i];
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == limit);
    mn_masto__answer_accounts(r, w, ids, k);
}

static void favourited_by(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_page g = mn_masto_page(r, 40, 80);
    mn_mark_span sp = mn_masto__span(&g);
    mn_mark_row *rows = NULL;
    mn_post p;
    mn_err e = {0};
    size_t n = 0;
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_rc rc = mn_store_favourites_of(a->home->store, p.boost_of ? p.boost_of : p.id, &sp,
                                      r->arena, &rows, &n, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_people(r, w, rows, n, g.limit);
}

static void reblogged_by(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_page g = mn_masto_page(r, 40, 80);
    mn_mark_span sp = mn_masto__span(&g);
    mn_mark_row *rows = NULL;
    mn_post p;
    mn_err e = {0};
    size_t n = 0;
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_rc rc = mn_store_boosts_of(a->home->store, p.boost_of ? p.boost_of : p.id,
                                  mn_masto_me(r), &sp, r->arena, &rows, &n, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_people(r, w, rows, n, g.limit);
}

/* ---- posts ----------------------------------------------------------------------------------------------------------------- */

/* The posts of the rows, as far as they may be seen; pages go by the rows' own ids. */
static void answer_posts(mn_req *r, mn_resp *w, const mn_mark_row *rows, size_t n, size_t limit)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    uint64_t *ids = mn_arena_alloc(r->arena, (n + 1) * sizeof *ids);
    mn_rc rc = ids ? MN_OK : mn_fail(&e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; ids && i < n; i++) ids[i] = rows[i].post_id;
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == limit);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    if (rc == MN_OK) rc = mn_entity_statuses_by_ids(&v, ids, n, true, MN_FILTER_NONE, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
}

static void quotes(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_page g = mn_masto_page(r, 20, 40);
    mn_mark_span sp = mn_masto__span(&g);
    mn_mark_row *rows = NULL;
    mn_post p;
    mn_err e = {0};
    size_t n = 0;
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_rc rc = mn_store_quotes_of(a->home->store, p.id, &sp, r->arena, &rows, &n, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_posts(r, w, rows, n, g.limit);
}

static void marked(mn_req *r, mn_resp *w, mn_mark m)
{
    const mn_api *a = r->app;
    mn_page g = mn_masto_page(r, 20, 40);
    mn_mark_span sp = mn_masto__span(&g);
    mn_mark_row *rows = NULL;
    mn_err e = {0};
    size_t n = 0;
    mn_rc rc =
        mn_store_marks_by(a->home->store, m, mn_masto_me(r), &sp, r->arena, &rows, &n, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_posts(r, w, rows, n, g.limit);
}

static void bookmarks(mn_req *r, mn_resp *w)
{
    marked(r, w, MN_MARK_BOOKMARK);
}
static void favourites(mn_req *r, mn_resp *w)
{
    marked(r, w, MN_MARK_FAVOURITE);
}

const mn_route mn_masto__routes_status_lists[] = {
    {MN_GET, "/api/v1/statuses/:id/context", context, 0, MN_RUN_WORKER, "?read:statuses"},
    {MN_GET, "/api/v1/statuses/:id/history", mn_masto__history, 0, MN_RUN_HERE,
     "?read:statuses"},
    {MN_GET, "/api/v1/statuses/:id/favourited_by", favourited_by, 0, MN_RUN_HERE,
     "?read:accounts"},
    {MN_GET, "/api/v1/statuses/:id/reblogged_by", reblogged_by, 0, MN_RUN_HERE,
     "?read:accounts"},
    {MN_GET, "/api/v1/statuses/:id/quotes", quotes, 0, MN_RUN_HERE, "read:statuses"},
    {MN_GET, "/api/v1/bookmarks", bookmarks, 0, MN_RUN_HERE, "read:bookmarks"},
    {MN_GET, "/api/v1/favourites", favourites, 0, MN_RUN_HERE, "read:favourites"},
    {.path = NULL},
};
