/* Timelines: home, lists, public, tags, links, direct. */
#include "api/mastodon/reading_int.h"
#include "api/mastodon/statuses.h"
#include "base/conf.h"
#include "social/tags.h"

#define LIMIT     20
#define LIMIT_MAX 40
#define ROUNDS_MAX                                                                             \
    8 /* questions to a source for one page: where nearly all is hidden, a page may be short */
#define TAGS_MAX 4 /* of any[], all[] and none[] each, as Mastodon takes */

/* ---- pages of posts -------------------------------------------------------------------------------------------------- */

static mn_span span_of(const mn_page *p)
{
    return (mn_span){.below = p->max_id,
                     .above = p->min_id ? p->min_id : p->since_id,
                     .upward = p->min_id != 0,
                     .limit = p->limit};
}

typedef struct id_page {
    uint64_t *items; /* newest first */
    size_t n;
    bool full; /* there may be more */
} id_page;

/* Asks the source until the page is full: what it leaves out does not shorten it. */
static mn_rc gather(mn_span sp, mn_masto__source source, void *arg, mn_arena *ar, id_page *ret,
                    mn_err *e)
{
    const size_t limit = sp.limit;
    id_page all = {.items = mn_arena_alloc(ar, (limit + 1) * sizeof *all.items)};
    bool ended = limit == 0;
    if (!all.items) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (int round = 0; !ended && all.n < limit && round < ROUNDS_MAX; round++) {
        uint64_t *some = NULL, next = 0;
        size_t n = 0;
        sp.limit = round == 0 ? limit : LIMIT_MAX;
        MN_TRY(source(arg, &sp, ar, &some, &n, &next, &ended, e));
        for (size_t i = 0; i < n && all.n < limit; i++) all.items[all.n++] = some[i];
        if (sp.upward) sp.above = next;
        else sp.below = next;
    }
    for (size_t i = 0; sp.upward && i < all.n / 2; i++) {
        uint64_t t = all.items[i];
        all.items[i] = all.items[all.n - 1 - i];
        all.items[all.n - 1 - i] = t;
    }
    all.full = all.n == limit || !ended;
    *ret = all;
    return MN_OK;
}

mn_rc mn_masto__posts_write(const mn_view *v, const uint64_t *ids, size_t n,
                            mn_filter_context where, mn_json_writer *j, mn_err *e)
{
    mn_jw_array(j);
    if (n) MN_TRY(mn_entity_statuses_by_ids(v, ids, n, true, where, j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

void mn_masto__posts_out(mn_req *r, mn_resp *w, const mn_page *p, mn_masto__source source,
                         void *arg, mn_filter_context where)
{
    mn_err e = {0};
    id_page page = {0};
    mn_view v = mn_masto_view(r);
    mn_rc rc = gather(span_of(p), source, arg, r->arena, &page, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_masto__posts_write(&v, page.items, page.n, where, &j, &e);
    }
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
    } else if (page.n) mn_masto_link(r, w, page.items[0], page.items[page.n - 1], page.full);
}

bool mn_masto__may_read_public(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    if (mn_masto_me(r) || strcmp(mn_conf_get(a->home->conf, "public_timeline"), "anyone") == 0)
        return true;
    mn_masto_error(r, w, 401, "This API requires an authenticated user");
    return false;
}

/* ---- home, lists ------------------------------------------------------------------------------------------------------- */

typedef struct feed_source {
    mn_feeds *feeds;
    uint64_t account, list;
} feed_source;

static mn_rc from_feed(void *arg, const mn_span *sp, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, uint64_t *ret_next, bool *ret_ended, mn_err *e)
{
    const feed_source *s = arg;
    uint64_t *ids = NULL;
    size_t n = 0;
    MN_TRY(mn_feeds_page(s->feeds, s->account, s->list, sp, ar, &ids, &n, e));
    for (size_t i = 0; sp->upward && i < n / 2; i++) {
        uint64_t t = ids[i];
        ids[i] = ids[n - 1 - i];
        ids[n - 1 - i] = t;
    }
    *ret = ids;
    *ret_n = n;
    *ret_next = n ? ids[n - 1] : 0;
    *ret_ended = n < sp->limit;
    return MN_OK;
}

static void get_home(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    feed_source s = {a->feeds, mn_masto_me(r), 0};
    mn_masto__posts_out(r, w, &p, from_feed, &s, MN_FILTER_HOME);
}

static void get_list(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    feed_source s = {a->feeds, mn_masto_me(r), 0};
    if (!mn_masto_id(r, w, "id", &s.list)) return;
    mn_masto__posts_out(r, w, &p, from_feed, &s, MN_FILTER_HOME);
}

/* ---- public ones ------------------------------------------------------------------------------------------------------- */

typedef struct row_source {
    mn_api *api;
    uint64_t me, card;
    mn_where where;
    bool only_media, direct;
    const mn_tag_query *tags;
} row_source;

static mn_rc ask_rows(const row_source *s, const mn_span *sp, mn_arena *ar, mn_row **ret,
                      size_t *ret_n, mn_err *e)
{
    mn_store *store = s->api->home->store;
    if (s->tags) return mn_store_rows_tagged(store, s->tags, sp, ar, ret, ret_n, e);
    if (s->card) return mn_store_rows_linking(store, s->card, sp, ar, ret, ret_n, e);
    if (s->direct) return mn_store_rows_direct(store, s->me, sp, ar, ret, ret_n, e);
    return mn_store_rows_public(store, s->where, s->only_media, sp, ar, ret, ret_n, e);
}

static mn_rc from_rows(void *arg, const mn_span *sp, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, uint64_t *ret_next, bool *ret_ended, mn_err *e)
{
    const row_source *s = arg;
    mn_row *rows = NULL;
    size_t n = 0;
    MN_TRY(ask_rows(s, sp, ar, &rows, &n, e));
    *ret_ended = n < sp->limit;
    *ret_next = n ? rows[n - 1].id : 0;
    if (!s->direct) MN_TRY(mn_feeds_public(s->api->feeds, s->me, rows, &n, e));
    uint64_t *ids = mn_arena_alloc(ar, (n + 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = rows[i].id;
    *ret = ids;
    *ret_n = n;
    return MN_OK;
}

static row_source rows_of(mn_req *r)
{
    bool local = mn_param_bool(r, "local", false), remote = mn_param_bool(r, "remote", false);
    return (row_source){.api = r->app,
                        .me = mn_masto_me(r),
                        .where = local    ? MN_WHERE_LOCAL
                                 : remote ? MN_WHERE_REMOTE
                                          : MN_WHERE_ALL,
                        .only_media = mn_param_bool(r, "only_media", false)};
}

static void get_public(mn_req *r, mn_resp *w)
{
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    row_source s = rows_of(r);
    if (!mn_masto__may_read_public(r, w)) return;
    mn_masto__posts_out(r, w, &p, from_rows, &s, MN_FILTER_PUBLIC);
}

static void get_direct(mn_req *r, mn_resp *w)
{
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    row_source s = {.api = r->app, .me = mn_masto_me(r), .direct = true};
    mn_masto__posts_out(r, w, &p, from_rows, &s, MN_FILTER_NOTIFICATIONS);
}

static void get_link(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    row_source s = {.api = r->app, .me = mn_masto_me(r)};
    if (!mn_masto__may_read_public(r, w)) return;
    mn_rc rc = mn_store_card_by_url(s.api->home->store, mn_param(r, "url"), &s.card, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_masto__posts_out(r, w, &p, from_rows, &s, MN_FILTER_PUBLIC);
}

/* ---- tags ---------------------------------------------------------------------------------------------------------------- */

/* The ids of tags named in a parameter; those nobody has used are left out and counted. */
static mn_rc tag_ids(mn_req *r, const char *name, uint64_t *ret, size_t *n, size_t *ret_unknown,
                     mn_err *e)
{
    mn_str *names = NULL;
    mn_api *a = r->app;
    size_t many = mn_param_list(r, name, &names);
    if (many > TAGS_MAX) many = TAGS_MAX;
    for (size_t i = 0; i < many; i++) {
        mn_tag t;
        mn_str key = mn_social_tag_key(names[i], r->arena);
        mn_rc rc = key.ptr ? mn_store_tag_by_name(a->home->store, key, r->arena, &t, e)
                           : MN_E_NOT_FOUND;
        if (rc == MN_OK) ret[(*n)++] = t.id;
        else if (rc == MN_E_NOT_FOUND) ++*ret_unknown;
        else return rc;
    }
    return MN_OK;
}

static mn_rc main_tag(mn_req *r, uint64_t *ret, size_t *n, mn_err *e)
{
    mn_tag t;
    mn_api *a = r->app;
    mn_str key = mn_social_tag_key(mn_req_param(r, "hashtag"), r->arena);
    mn_rc rc =
        key.ptr ? mn_store_tag_by_name(a->home->store, key, r->arena, &t, e) : MN_E_NOT_FOUND;
    if (rc == MN_OK) ret[(*n)++] = t.id;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static void get_tag(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t any[TAGS_MAX + 1], all[TAGS_MAX], none[TAGS_MAX];
    size_t n_any = 0, n_all = 0, n_none = 0, unknown = 0, missing = 0;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    row_source s = rows_of(r);
    if (!mn_masto__may_read_public(r, w)) return;
    mn_rc rc = main_tag(r, any, &n_any, &e);
    if (rc == MN_OK) rc = tag_ids(r, "any", any, &n_any, &unknown, &e);
    if (rc == MN_OK) rc = tag_ids(r, "all", all, &n_all, &missing, &e);
    if (rc == MN_OK) rc = tag_ids(r, "none", none, &n_none, &unknown, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    if (missing) n_any = 0; /* a tag that nobody has used is on no post */
    mn_tag_query t = {.any = any,
                      .all = all,
                      .none = none,
                      .n_any = n_any,
                      .n_all = n_all,
                      .n_none = n_none,
                      .where = s.where,
                      .only_media = s.only_media};
    s.tags = &t;
    mn_masto__posts_out(r, w, &p, from_rows, &s, MN_FILTER_PUBLIC);
}

const mn_route mn_masto__routes_timelines[] = {
    {MN_GET, "/api/v1/timelines/home", get_home, 0, MN_RUN_HERE, "read:statuses"},
    {MN_GET, "/api/v1/timelines/public", get_public, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_GET, "/api/v1/timelines/tag/:hashtag", get_tag, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_GET, "/api/v1/timelines/list/:id", get_list, 0, MN_RUN_HERE, "read:lists"},
    {MN_GET, "/api/v1/timelines/link", get_link, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_GET, "/api/v1/timelines/direct", get_direct, 0, MN_RUN_HERE, "read:statuses"},
    {.path = NULL},
};
