/* Posts, threads and accounts as JSON: docs/design/http.md has the shapes. */
#include <stdio.h>

#include "api/api_int.h"
#include "text/html.h"

#define PAGE_DEFAULT 20
#define PAGE_MOST    100
#define THREAD_MOST  500
#define SPANS_MOST   64

static const char *const visibility_names[] = {"public", "unlisted", "followers", "direct"};

/* Links, mentions and hashtags as byte ranges of the text's UTF-8. */
static void spans_json(mn_json_writer *j, mn_str text)
{
    mn_link_span spans[SPANS_MOST];
    size_t n = mn_text_links(text, spans, SPANS_MOST);
    mn_jw_key(j, "spans");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "kind",
                    spans[i].kind == 'u'   ? "url"
                    : spans[i].kind == '@' ? "mention"
                                           : "hashtag");
        mn_jw_ku64(j, "start", spans[i].start);
        mn_jw_ku64(j, "length", spans[i].len);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static void id_or_null(mn_json_writer *j, const char *key, uint64_t id)
{
    mn_jw_key(j, key);
    if (id) mn_jw_id(j, id);
    else mn_jw_null(j);
}

static void post_url(mn_json_writer *j, const mn_post *p)
{
    char url[128];
    snprintf(url, sizeof url, "/@%.*s/%llu", MN_STR_FMT(p->account_name),
             (unsigned long long)p->id);
    mn_jw_kstrz(j, "url", url);
}

void mn_api__post_json(mn_json_writer *j, const mn_post *p)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", p->id);
    if (p->deleted_ms) {
        mn_jw_kbool(j, "deleted", true);
        mn_jw_object_end(j);
        return;
    }
    mn_jw_key(j, "created_at");
    mn_jw_time(j, p->created_ms);
    mn_jw_key(j, "edited_at");
    if (p->edited_ms) mn_jw_time(j, p->edited_ms);
    else mn_jw_null(j);
    mn_jw_key(j, "account");
    mn_jw_object(j);
    mn_jw_kstr(j, "name", p->account_name);
    mn_jw_kstr(j, "display", p->account_display.len ? p->account_display : p->account_name);
    mn_jw_object_end(j);
    mn_jw_kstr(j, "text", p->text.ptr ? p->text : MN_STR(""));
    spans_json(j, p->text.ptr ? p->text : MN_STR(""));
    mn_jw_kstr(j, "lang", p->lang.len ? p->lang : MN_STR_NONE);
    mn_jw_kstr(j, "warning", p->warning.len ? p->warning : MN_STR_NONE);
    id_or_null(j, "reply_to", p->reply_to);
    id_or_null(j, "quote_of", p->quote_of);
    id_or_null(j, "boost_of", p->boost_of);
    id_or_null(j, "thread_id", p->thread_id);
    mn_jw_kstrz(j, "visibility", visibility_names[p->visibility]);
    post_url(j, p);
    mn_jw_object_end(j);
}

/* The page as members "posts" and "next"; posts holds one more than the page when there is a next one. */
static void page_json(const mn_req *r, mn_json_writer *j, const mn_posts *posts, size_t limit)
{
    size_t n = posts->n < limit ? posts->n : limit;
    mn_jw_key(j, "posts");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) mn_api__post_json(j, &posts->items[i]);
    mn_api__read(r, n);
    mn_jw_array_end(j);
    mn_jw_key(j, "next");
    if (posts->n > limit && n > 0) mn_jw_id(j, posts->items[n - 1].id);
    else mn_jw_null(j);
}

static bool page_query(mn_req *r, mn_resp *w, uint64_t *ret_before, uint64_t *ret_limit)
{
    return mn_api__id_query(r, w, "before", ret_before) &&
           mn_api__number_query(r, w, "limit", 1, PAGE_MOST, PAGE_DEFAULT, ret_limit);
}

void mn_api__timeline(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_posts posts = {0};
    uint64_t before, limit;
    if (!page_query(r, w, &before, &limit)) return;
    if (mn_store_posts_public(a->home->store, before, limit + 1, r->arena, &posts, &e)) {
        mn_api__failed(r, w, &e);
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    page_json(r, &j, &posts, limit);
    mn_jw_object_end(&j);
    mn_resp_etag(w);
}

/* The post when anybody may see it; MN_E_NOT_FOUND otherwise, so that a hidden post looks like none. */
static mn_rc visible_post(mn_api *a, mn_str text, mn_arena *ar, mn_post *ret, mn_err *e)
{
    uint64_t id = 0;
    bool ok = false;
    if (mn_str_to_u64(text, &id) != MN_OK) return MN_E_NOT_FOUND;
    MN_TRY(mn_store_post(a->home->store, id, ar, ret, e));
    MN_TRY(mn_social_may_see(a->home->store, ret, 0, &ok, e));
    return ok ? MN_OK : MN_E_NOT_FOUND;
}

/* Posts that may not be seen are left out; tombstones stay, they hold a thread together. */
static mn_rc thread_json(mn_req *r, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_api *a = r->app;
    mn_posts thread = {0};
    MN_TRY(
        mn_store_posts_thread(a->home->store, p->thread_id, THREAD_MOST, r->arena, &thread, e));
    mn_jw_key(j, "thread");
    mn_jw_array(j);
    for (size_t i = 0; i < thread.n; i++) {
        const mn_post *t = &thread.items[i];
        bool ok = mn_api__is_stone(t);
        if (!ok) MN_TRY(mn_social_may_see(a->home->store, t, 0, &ok, e));
        if (ok) mn_api__post_json(j, t);
        mn_api__read(r, ok && !t->deleted_ms);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

void mn_api__post(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_post p;
    mn_rc rc = visible_post(a, mn_req_param(r, "id"), r->arena, &p, &e);
    if (rc == MN_E_NOT_FOUND) {
        mn_resp_error(r, w, 404, "there is no such post");
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    if (rc == MN_OK) {
        mn_jw_key(&j, "post");
        mn_api__post_json(&j, &p);
        rc = thread_json(r, &p, &j, &e);
    }
    mn_jw_object_end(&j);
    if (rc != MN_OK) mn_api__failed(r, w, &e);
    else mn_resp_etag(w);
}

static void account_json(mn_json_writer *j, const mn_account *a)
{
    mn_jw_key(j, "account");
    mn_jw_object(j);
    mn_jw_kid(j, "id", a->id);
    mn_jw_kstr(j, "name", a->name);
    mn_jw_kstr(j, "display", a->display_name.len ? a->display_name : a->name);
    mn_jw_kstr(j, "bio", a->bio.ptr ? a->bio : MN_STR(""));
    mn_jw_kbool(j, "bot", a->bot);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, a->created_ms);
    mn_jw_ku64(j, "posts", a->n_posts);
    mn_jw_object_end(j);
}

void mn_api__account(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_store *s = a->home->store;
    mn_err e = {0};
    mn_account who;
    mn_posts posts = {0};
    uint64_t before, limit;
    if (!page_query(r, w, &before, &limit)) return;
    mn_rc rc = mn_store_account_by_name(s, mn_req_param(r, "name"), r->arena, &who, &e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && who.state != MN_ACCOUNT_ACTIVE)) {
        mn_resp_error(r, w, 404, "there is nobody of that name here");
        return;
    }
    if (rc == MN_OK)
        rc = mn_store_posts_by_account(s, who.id, MN_VIS_UNLISTED, before, limit + 1, r->arena,
                                       &posts, &e);
    if (rc != MN_OK) {
        mn_api__failed(r, w, &e);
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    account_json(&j, &who);
    page_json(r, &j, &posts, limit);
    mn_jw_object_end(&j);
    mn_resp_etag(w);
}
