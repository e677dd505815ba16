/* Hashtags: one tag with its week, those followed, those featured on profiles. */
#include "social/tags.h"
#include "api/mastodon/reading_int.h"
#include "base/clock.h"
#include "base/snowflake.h"

#define WEEK         7
#define DAY_MS       INT64_C(86400000)
#define FOLLOWED     100
#define FOLLOWED_MAX 200
#define SUGGESTIONS  10
#define BODY_MAX     8192

/* ---- the entity ------------------------------------------------------------------------------------------------------ */

static void number(mn_json_writer *j, const char *key, uint64_t v)
{
    mn_jw_key(j, key);
    mn_jw_id(j, v);
}

void mn_masto__history_day(mn_json_writer *j, int64_t day, uint64_t uses, uint64_t accounts)
{
    mn_jw_object(j);
    number(j, "day", (uint64_t)(day * 86400));
    number(j, "accounts", accounts);
    number(j, "uses", uses);
    mn_jw_object_end(j);
}

static bool plain_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c == '-' || c == '.';
}

void mn_masto__tag_url(const mn_view *v, mn_str name, mn_json_writer *j)
{
    mn_buf b;
    mn_buf_init(&b, 4096);
    mn_buf_adds(&b, mn_masto_base(v->api));
    mn_buf_addz(&b, "/tags/");
    for (size_t i = 0; i < name.len; i++)
        if (plain_byte(name.ptr[i])) mn_buf_addc(&b, name.ptr[i]);
        else mn_buf_addf(&b, "%%%02X", (unsigned)(unsigned char)name.ptr[i]);
    mn_jw_kstr(j, "url", mn_buf_str(&b));
    mn_buf_release(&b);
}

static mn_rc write_history(const mn_view *v, uint64_t tag, mn_json_writer *j, mn_err *e)
{
    mn_tag_use use[WEEK] = {{0}};
    int64_t today = mn_now_ms() / DAY_MS;
    if (tag)
        MN_TRY(mn_store_tag_history(v->api->home->store, tag, today - WEEK + 1, WEEK, use, e));
    mn_jw_key(j, "history");
    mn_jw_array(j);
    for (int i = WEEK - 1; i >= 0; i--)
        mn_masto__history_day(j, today - WEEK + 1 + i, use[i].uses, use[i].accounts);
    mn_jw_array_end(j);
    return MN_OK;
}

mn_rc mn_masto__tag(const mn_view *v, const mn_tag *t, mn_json_writer *j, mn_err *e)
{
    bool following = false, featuring = false;
    mn_store *s = v->api->home->store;
    if (v->me && t->id) {
        MN_TRY(mn_store_tag_is_followed(s, v->me, t->id, &following, e));
        MN_TRY(mn_store_tag_is_featured(s, v->me, t->id, &featuring, e));
    }
    mn_jw_object(j);
    mn_jw_key(j, "id");
    if (t->id) mn_jw_id(j, t->id);
    else mn_jw_strz(j, "");
    mn_jw_kstr(j, "name", t->display.len ? t->display : t->name);
    mn_masto__tag_url(v, t->name, j);
    MN_TRY(write_history(v, t->id, j, e));
    if (v->me) {
        mn_jw_kbool(j, "following", following);
        mn_jw_kbool(j, "featuring", featuring);
    }
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- one tag ---------------------------------------------------------------------------------------------------------- */

static void answer_tag(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_tag t = {0};
    mn_view v = mn_masto_view(r);
    mn_str name = mn_req_param(r, "name"), key = mn_social_tag_key(name, r->arena);
    mn_rc rc = key.ptr ? mn_store_tag_by_name(mn_api_store(r->app), key, r->arena, &t, &e)
                       : MN_E_NOT_FOUND;
    if (rc == MN_E_NOT_FOUND && key.ptr) {
        t = (mn_tag){.name = key, .display = name}; /* nobody has used it yet */
        rc = MN_OK;
    }
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_masto__tag(&v, &t, &j, &e);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

static void get_tag(mn_req *r, mn_resp *w)
{
    answer_tag(r, w);
}

static void change_follow(mn_req *r, mn_resp *w, bool on)
{
    mn_err e = {0};
    uint64_t tag = 0;
    mn_rc rc = mn_social_tag_follow(mn_api_store(r->app), mn_masto_me(r),
                                    mn_req_param(r, "name"), on, &tag, &e);
    if (rc == MN_OK) answer_tag(r, w);
    else mn_masto_failed(r, w, rc == MN_E_USAGE ? MN_E_NOT_FOUND : rc, &e);
}

static void post_follow(mn_req *r, mn_resp *w)
{
    change_follow(r, w, true);
}

static void post_unfollow(mn_req *r, mn_resp *w)
{
    change_follow(r, w, false);
}

static void post_feature(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id = 0;
    mn_rc rc = mn_social_tag_feature(mn_api_store(r->app), mn_masto_me(r),
                                     mn_req_param(r, "name"), &id, &e);
    if (rc == MN_OK || rc == MN_E_EXISTS) answer_tag(r, w);
    else mn_masto_failed(r, w, rc, &e);
}

static void post_unfeature(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_rc rc = mn_social_tag_unfeature(mn_api_store(r->app), mn_masto_me(r), 0,
                                       mn_req_param(r, "name"), &e);
    if (rc == MN_OK || rc == MN_E_NOT_FOUND) answer_tag(r, w);
    else mn_masto_failed(r, w, rc, &e);
}

static mn_rc write_followed(const mn_view *v, const mn_tag_follow *f, size_t n,
                            mn_json_writer *j, mn_err *e)
{
    mn_tag *tags = NULL;
    size_t n_tags = 0;
    uint64_t *ids = mn_arena_alloc(v->arena, (n + 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = f[i].tag_id;
    MN_TRY(mn_store_tags_by_ids(v->api->home->store, ids, n, v->arena, &tags, &n_tags, e));
    mn_jw_array(j);
    for (size_t i = 0; i < n_tags; i++) MN_TRY(mn_masto__tag(v, &tags[i], j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

static void get_followed(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_tag_follow *f = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, FOLLOWED, FOLLOWED_MAX);
    mn_rc rc = mn_store_followed_tags(mn_api_store(r->app), v.me, p.max_id,
                                      p.min_id ? p.min_id : p.since_id, p.min_id != 0, p.limit,
                                      r->arena, &f, &n, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = write_followed(&v, f, n, &j, &e);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, f[0].id, f[n - 1].id, n == p.limit);
}

/* ---- featured ---------------------------------------------------------------------------------------------------------- */

static void write_featured(const mn_view *v, const mn_featured_tag *f, mn_json_writer *j)
{
    char day[MN_TIME_MAX];
    mn_jw_object(j);
    mn_jw_kid(j, "id", f->id);
    mn_jw_kstr(j, "name", f->display.len ? f->display : f->name);
    mn_masto__tag_url(v, f->name, j);
    number(j, "statuses_count", f->n_posts);
    mn_jw_key(j, "last_status_at");
    if (f->last_post_id)
        mn_jw_str(j, (mn_str){mn_time_format(mn_snowflake_ms(f->last_post_id), day), 10});
    else mn_jw_null(j);
    mn_jw_object_end(j);
}

/* All of an account, or only the one with this id (0: all). */
static void answer_featured(mn_req *r, mn_resp *w, uint64_t account, uint64_t only)
{
    mn_err e = {0};
    mn_featured_tag *f = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_rc rc = mn_store_featured_tags(mn_api_store(r->app), account, r->arena, &f, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    if (!only) mn_jw_array(&j);
    for (size_t i = 0; i < n; i++)
        if (!only || f[i].id == only) write_featured(&v, &f[i], &j);
    if (!only) mn_jw_array_end(&j);
}

static void get_featured(mn_req *r, mn_resp *w)
{
    answer_featured(r, w, mn_masto_me(r), 0);
}

static void get_featured_of(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), id, r->arena, &a, &e);
    if (rc == MN_OK && a.state != MN_ACCOUNT_ACTIVE) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) answer_featured(r, w, id, 0);
    else mn_masto_failed(r, w, rc, &e);
}

static void post_featured(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id = 0;
    mn_rc rc = mn_social_tag_feature(mn_api_store(r->app), mn_masto_me(r), mn_param(r, "name"),
                                     &id, &e);
    if (rc == MN_OK) answer_featured(r, w, mn_masto_me(r), id);
    else mn_masto_failed(r, w, rc, &e);
}

static void delete_featured(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc =
        mn_social_tag_unfeature(mn_api_store(r->app), mn_masto_me(r), id, MN_STR_NONE, &e);
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

static void get_suggestions(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_tag *tags = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_rc rc = mn_store_featured_suggestions(mn_api_store(r->app), v.me, SUGGESTIONS, r->arena,
                                             &tags, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = mn_masto__tag(&v, &tags[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

const mn_route mn_masto__routes_tags[] = {
    {MN_GET, "/api/v1/tags/:name", get_tag, 0, MN_RUN_HERE, ""},
    {MN_POST, "/api/v1/tags/:name/follow", post_follow, BODY_MAX, MN_RUN_WORKER,
     "write:follows"},
    {MN_POST, "/api/v1/tags/:name/unfollow", post_unfollow, BODY_MAX, MN_RUN_WORKER,
     "write:follows"},
    {MN_POST, "/api/v1/tags/:name/feature", post_feature, BODY_MAX, MN_RUN_WORKER,
     "write:accounts"},
    {MN_POST, "/api/v1/tags/:name/unfeature", post_unfeature, BODY_MAX, MN_RUN_WORKER,
     "write:accounts"},
    {MN_GET, "/api/v1/followed_tags", get_followed, 0, MN_RUN_HERE, "read:follows"},
    {MN_GET, "/api/v1/featured_tags", get_featured, 0, MN_RUN_HERE, "read:accounts"},
    {MN_POST, "/api/v1/featured_tags", post_featured, BODY_MAX, MN_RUN_WORKER,
     "write:accounts"},
    {MN_GET, "/api/v1/featured_tags/suggestions", get_suggestions, 0, MN_RUN_HERE,
     "read:accounts"},
    {MN_DELETE, "/api/v1/featured_tags/:id", delete_featured, BODY_MAX, MN_RUN_WORKER,
     "write:accounts"},
    {MN_GET, "/api/v1/accounts/:id/featured_tags", get_featured_of, 0, MN_RUN_HERE, ""},
    {.path = NULL},
};
