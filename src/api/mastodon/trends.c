/* Trends: hashtags, posts, links. */
#include "social/trends.h"

#include "api/mastodon/reading_int.h"
#include "base/clock.h"

#define TAGS      10
#define TAGS_MAX  20
#define OTHER     20
#define OTHER_MAX 40
#define DAY_MS    INT64_C(86400000)

mn_rc mn_masto__trends_refresh(mn_api *a, mn_arena *ar, mn_err *e)
{
    (void)ar;
    return mn_trends_refresh(a->trends, mn_now_ms(), e);
}

/* Pages of trends go by offset. */
static void link_pages(mn_req *r, mn_resp *w, const char *path, const mn_page *p, size_t n)
{
    mn_str base = mn_masto_base(r->app);
    if (n == p->limit)
        mn_resp_header(w, "Link",
                       mn_str_fmt(r->arena, "<%.*s%s?limit=%zu&offset=%zu>; rel=\"next\"",
                                  MN_STR_FMT(base), path, p->limit, p->offset + p->limit));
    if (p->offset >= p->limit)
        mn_resp_header(w, "Link",
                       mn_str_fmt(r->arena, "<%.*s%s?limit=%zu&offset=%zu>; rel=\"prev\"",
                                  MN_STR_FMT(base), path, p->limit, p->offset - p->limit));
}

static mn_rc read_trends(mn_req *r, mn_trend_kind kind, const mn_page *p, mn_trend **ret,
                         size_t *ret_n, mn_err *e)
{
    mn_api *a = r->app;
    return mn_trends_get(a->trends, kind, p->offset, p->limit, mn_now_ms(), r->arena, ret,
                         ret_n, e);
}

/* ---- tags ------------------------------------------------------------------------------------------------------------ */

static mn_rc write_tags(const mn_view *v, const mn_trend *t, size_t n, mn_json_writer *j,
                        mn_err *e)
{
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_tag *tag = NULL;
        size_t found = 0;
        MN_TRY(
            mn_store_tags_by_ids(v->api->home->store, &t[i].id, 1, v->arena, &tag, &found, e));
        if (found && !tag->hidden) MN_TRY(mn_masto__tag(v, tag, j, e));
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static void get_tags(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_trend *t = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, TAGS, TAGS_MAX);
    mn_rc rc = read_trends(r, MN_TREND_TAGS, &p, &t, &n, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = write_tags(&v, t, n, &j, &e);
    }
    if (rc == MN_OK) link_pages(r, w, "/api/v1/trends/tags", &p, n);
    else mn_masto_failed(r, w, rc, &e);
}

/* ---- posts ----------------------------------------------------------------------------------------------------------- */

static void get_statuses(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_trend *t = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, OTHER, OTHER_MAX);
    mn_rc rc = read_trends(r, MN_TREND_POSTS, &p, &t, &n, &e);
    if (rc == MN_OK) {
        uint64_t ids[OTHER_MAX];
        mn_json_writer j = mn_masto_json(w);
        for (size_t i = 0; i < n; i++) ids[i] = t[i].id;
        rc = mn_masto__posts_write(&v, ids, n, MN_FILTER_PUBLIC, &j, &e);
    }
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_api__read(r, n);
    link_pages(r, w, "/api/v1/trends/statuses", &p, n);
}

/* ---- links ------------------------------------------------------------------------------------------------------------ */

static void write_history(const mn_trend *t, mn_json_writer *j)
{
    int64_t today = mn_now_ms() / DAY_MS;
    mn_jw_array(j);
    for (int i = 0; i < MN_TREND_DAYS; i++)
        mn_masto__history_day(j, today - i, t->days[i].uses, t->days[i].accounts);
    mn_jw_array_end(j);
}

/* A PreviewCard with one member more. */
static mn_rc write_link(const mn_view *v, const mn_trend *t, mn_json_writer *j, mn_err *e)
{
    mn_buf card, history;
    mn_json_writer inner;
    mn_buf_init(&card, 0);
    mn_buf_init(&history, 0);
    mn_json_writer_init(&inner, &card, 0);
    mn_rc rc = mn_entity_card(v, t->id, &inner, e);
    mn_json_writer_init(&inner, &history, 0);
    write_history(t, &inner);
    if (rc == MN_OK && card.len > 2 && card.ptr[card.len - 1] == '}') {
        card.len--;
        mn_buf_addz(&card, ",\"history\":");
        mn_buf_adds(&card, mn_buf_str(&history));
        mn_buf_addc(&card, '}');
        if (card.failed || history.failed) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
        else mn_jw_raw(j, mn_buf_str(&card));
    }
    mn_buf_release(&card);
    mn_buf_release(&history);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static void get_links(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_trend *t = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, OTHER, OTHER_MAX);
    mn_rc rc = read_trends(r, MN_TREND_LINKS, &p, &t, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = write_link(&v, &t[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc == MN_OK) link_pages(r, w, "/api/v1/trends/links", &p, n);
    else mn_masto_failed(r, w, rc, &e);
}

const mn_route mn_masto__routes_trends[] = {
    {MN_GET, "/api/v1/trends", get_tags, 0, MN_RUN_WORKER, ""},
    {MN_GET, "/api/v1/trends/tags", get_tags, 0, MN_RUN_WORKER, ""},
    {MN_GET, "/api/v1/trends/statuses", get_statuses, 0, MN_RUN_WORKER, "?read:statuses"},
    {MN_GET, "/api/v1/trends/links", get_links, 0, MN_RUN_WORKER, ""},
    {.path = NULL},
};
