/* Search: people, hashtags, posts. */
#include "api/mastodon/reading_int.h"
#include "mind/post_search.h"
#include "social/tags.h"
#include "store/people.h"

#define LIMIT      20
#define LIMIT_MAX  40
#define OFFSET_MAX 900

typedef struct asked {
    mn_str q;
    bool accounts, hashtags, statuses, following;
    uint64_t account;
    mn_page page;
    size_t n_posts; /* given */
} asked;

static asked read_asked(mn_req *r)
{
    asked x = {.q = mn_str_trim(mn_utf8_cut(mn_param(r, "q"), 1024)),
               .following = mn_param_bool(r, "following", false),
               .page = mn_masto_page(r, LIMIT, LIMIT_MAX)};
    mn_str type = mn_param(r, "type");
    bool all = type.len == 0;
    x.accounts = all || mn_str_eqz(type, "accounts");
    x.hashtags = all || mn_str_eqz(type, "hashtags");
    x.statuses = all || mn_str_eqz(type, "statuses");
    if (mn_str_to_u64(mn_param(r, "account_id"), &x.account) != MN_OK) x.account = 0;
    if (x.page.offset > OFFSET_MAX) x.page.offset = OFFSET_MAX;
    /* More pages are of one kind only, as Mastodon gives them. */
    if (all) x.page.offset = 0;
    return x;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------- */

/* An address of this server: "/@name" gives *ret_name, "/@name/ID" or "/users/name/statuses/ID" also *ret_id. */
static bool our_address(const mn_api *a, mn_str q, mn_str *ret_name, uint64_t *ret_id)
{
    mn_str base = mn_masto_base(a), rest = MN_STR_NONE, tail = MN_STR_NONE;
    if (q.len <= base.len || !mn_str_eq_nocase(mn_str_sub(q, 0, base.len), base)) return false;
    mn_str path = mn_str_sub(q, base.len, SIZE_MAX);
    *ret_id = 0;
    if (mn_str_starts(path, "/@")) path = mn_str_sub(path, 2, SIZE_MAX);
    else if (mn_str_starts(path, "/users/")) path = mn_str_sub(path, 7, SIZE_MAX);
    else return false;
    *ret_name = mn_str_split(path, '/', &rest);
    if (mn_str_starts(rest, "statuses/")) rest = mn_str_sub(rest, 9, SIZE_MAX);
    if (rest.len == 0) return true;
    return mn_str_to_u64(mn_str_split(rest, '/', &tail), ret_id) == MN_OK;
}

/* ---- the three kinds --------------------------------------------------------------------------------------------------- */

static mn_rc write_accounts(const mn_view *v, const asked *x, mn_str name, mn_json_writer *j,
                            mn_err *e)
{
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_people_query q = {.text = name.ptr ? name : x->q,
                         .me = v->me,
                         .following = x->following,
                         .limit = name.ptr ? 1 : x->page.limit,
                         .offset = x->page.offset};
    mn_jw_key(j, "accounts");
    mn_jw_array(j);
    if (x->accounts && x->q.len) {
        MN_TRY(mn_store_people_search(v->api->home->store, &q, v->arena, &ids, &n, e));
        if (n) MN_TRY(mn_entity_accounts(v, ids, n, j, e));
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc write_statuses(const mn_view *v, asked *x, uint64_t post, mn_json_writer *j,
                            mn_err *e)
{
    uint64_t *ids = &post;
    size_t n = post != 0;
    mn_post_search s = {.store = v->api->home->store,
                        .feeds = v->api->feeds,
                        .index = mn_api_search(v->api),
                        .me = v->me,
                        .query = x->q,
                        .domain = mn_str_from(v->api->domain),
                        .account = x->account,
                        .below = x->page.max_id,
                        .above = x->page.min_id,
                        .offset = x->page.offset,
                        .limit = x->page.limit};
    if (!post && x->statuses && v->me) MN_TRY(mn_post_search_run(&s, v->arena, &ids, &n, e));
    x->n_posts = x->statuses ? n : 0;
    mn_jw_key(j, "statuses");
    return mn_masto__posts_write(v, ids, x->n_posts, MN_FILTER_PUBLIC, j, e);
}

static mn_rc write_hashtags(const mn_view *v, const asked *x, mn_json_writer *j, mn_err *e)
{
    mn_tag *tags = NULL;
    size_t n = 0;
    mn_str key = mn_social_tag_key(x->q, v->arena);
    if (x->hashtags && key.ptr)
        MN_TRY(mn_store_tags_search(v->api->home->store, key, x->page.offset, x->page.limit,
                                    v->arena, &tags, &n, e));
    mn_jw_key(j, "hashtags");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) /* the very one first */
        if (mn_str_eq(tags[i].name, key)) MN_TRY(mn_masto__tag(v, &tags[i], j, e));
    for (size_t i = 0; i < n; i++)
        if (!mn_str_eq(tags[i].name, key)) MN_TRY(mn_masto__tag(v, &tags[i], j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc write_all(const mn_view *v, asked *x, mn_json_writer *j, mn_err *e)
{
    mn_str name = MN_STR_NONE;
    uint64_t post = 0;
    if (our_address(v->api, x->q, &name, &post)) {
        x->accounts = x->accounts && !post;
        x->statuses = x->statuses && post;
        x->hashtags = false;
    }
    mn_jw_object(j);
    MN_TRY(write_accounts(v, x, name, j, e));
    MN_TRY(write_statuses(v, x, post, j, e));
    MN_TRY(write_hashtags(v, x, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- who may ask --------------------------------------------------------------------------------------------------------- */

static bool may_search(mn_req *r, mn_resp *w)
{
    if (mn_masto_me(r)) return true;
    if (mn_param_bool(r, "resolve", false)) {
        mn_masto_error(r, w, 401,
                       "Search queries that resolve remote resources is not supported without "
                       "authentication");
        return false;
    }
    if (mn_param(r, "offset").len) {
        mn_masto_error(r, w, 401,
                       "Search queries pagination is not supported without authentication");
        return false;
    }
    return true;
}

static void get_search(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    if (!may_search(r, w)) return;
    asked x = read_asked(r);
    if (x.q.len == 0) {
        mn_masto_error(r, w, 400, "param is missing or the value is empty: q");
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = write_all(&v, &x, &j, &e);
    if (rc == MN_OK) mn_api__read(r, x.n_posts);
    else {
        mn_masto_failed(r, w, rc, &e);
    }
}

const mn_route mn_masto__routes_search[] = {
    {MN_GET, "/api/v2/search", get_search, 0, MN_RUN_WORKER, "?read:search"},
    {.path = NULL},
};
