/* Timelines: the public one, an account's, a tag's and search results; and one post with its thread. */
#include "api/pages/page.h"

#include <stdio.h>

#include "api/mastodon/mastodon.h"
#include "api/mastodon/media.h"
#include "api/pages/kept.h"
#include "social/feeds.h"
#include "social/people.h"
#include "social/reading.h"

#define PAGE_POSTS        20u
#define THREAD_POSTS      500u
#define THREAD_INDENT_MAX 6
#define QUERY_MAX         1200u /* bytes: 300 characters */

/* Asks for one post more than is shown: it tells whether there is an older page. */
static void pager(mn_buf *b, mn_posts *posts, bool first_page, const char *path)
{
    bool more = posts->n > PAGE_POSTS;
    H(b, "<nav class=\"pager\" aria-label=\"Pages\">");
    if (!first_page) {
        H(b, "<a href=\"");
        mn_h_textz(b, path);
        H(b, "\">Newest</a>");
    }
    if (more) {
        H(b, "<a rel=\"next\" href=\"");
        mn_h_textz(b, path);
        mn_buf_addf(b, "?before=%llu\">Older posts</a>",
                    (unsigned long long)posts->items[PAGE_POSTS - 1].id);
    }
    H(b, "</nav>");
}

static void feed_page(mn_req *r, mn_buf *b, mn_posts *posts, const char *label,
                      const char *empty, bool first_page, const char *path)
{
    mn_posts shown = *posts;
    if (shown.n > PAGE_POSTS) shown.n = PAGE_POSTS;
    mn_h_feed(r, b, &shown, label, empty);
    mn_api__read(r, shown.n);
    pager(b, posts, first_page, path);
}

/* What a member's home shows of these ids: boosts as what they boost. */
static mn_rc home_posts(mn_req *r, const uint64_t *ids, size_t n, mn_posts *ret, mn_err *e)
{
    mn_store *s = mn_api_store(r->app);
    uint64_t *shown = mn_arena_calloc(r->arena, n + 1, sizeof *shown);
    if (!shown) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store_posts_by_ids(s, ids, n, r->arena, ret, e));
    for (size_t i = 0; i < ret->n; i++)
        shown[i] = ret->items[i].boost_of ? ret->items[i].boost_of : ret->items[i].id;
    MN_TRY(mn_store_posts_by_ids(s, shown, ret->n, r->arena, ret, e));
    return mn_social_posts_visible(s, ret, mn_masto_me(r), e);
}

/* Their home as far as it goes without scripts; the web app takes its place. */
static void home_page(mn_req *r, mn_resp *w, uint64_t before)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_posts posts = {0};
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_span span = {.below = before, .limit = PAGE_POSTS + 1};
    mn_rc rc = mn_feeds_page(a->feeds, mn_masto_me(r), 0, &span, r->arena, &ids, &n, &e);
    bool more = n > PAGE_POSTS;
    if (more) n = PAGE_POSTS;
    if (rc == MN_OK) rc = home_posts(r, ids, n, &posts, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_page_open(r, w, "Home", MN_TAB_TIMELINE);
    H(b, "<h1 class=\"sr\">Home</h1>");
    mn_h_ask_form(b, MN_STR_NONE, false);
    mn_api__read(r, posts.n);
    mn_h_feed(r, b, &posts, "Home", "Your timeline shows the posts of the people you follow.");
    H(b, "<nav class=\"pager\" aria-label=\"Pages\">");
    if (more)
        mn_buf_addf(b, "<a rel=\"next\" href=\"/?before=%llu\">Older posts</a>",
                    (unsigned long long)ids[n - 1]);
    H(b, "</nav>");
    mn_page_close(r, w);
}

void mn_page_timeline(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *app = r->app;
    uint64_t before, ticket;
    mn_posts posts;
    if (!mn_page_before(r, w, &before)) return;
    if (mn_masto_me(r)) {
        home_page(r, w, before);
        return;
    }
    if (mn_kept_answer(app->kept, r, w, &ticket)) return;
    if (mn_store_posts_public(mn_api_store(r->app), before, PAGE_POSTS + 1, r->arena, &posts,
                              &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_page_open(r, w, "Timeline", MN_TAB_TIMELINE);
    H(b, "<h1 class=\"sr\">Public timeline</h1>");
    if (!before) {
        mn_h_ask_form(b, MN_STR_NONE, false);
        H(b, "<div id=\"live-model\" class=\"card strip\"><a href=\"/model\">A model is raised "
             "on these posts: "
             "see it learn</a></div><div id=\"new-posts\"></div>");
    }
    feed_page(r, b, &posts, "Public timeline",
              "No posts yet. The sample community appears here while it is imported.",
              before == 0, "/");
    mn_page_close(r, w);
    mn_kept_put(app->kept, r, w, ticket, 0);
}

static void profile_picture(mn_req *r, mn_buf *b, const mn_account *a)
{
    mn_err e = {0};
    mn_str url = MN_STR_NONE;
    mn_view v = mn_masto_view(r);
    if (!a->avatar_id ||
        mn_media_picture_urls(&v, &a->avatar_id, 1, MN_MEDIA_AVATAR, &url, &e) != MN_OK ||
        !url.ptr) {
        mn_h_avatar(b, a->name, a->display_name);
        return;
    }
    H(b, "<img class=\"portrait\" alt=\"\" width=\"64\" height=\"64\" src=\"");
    mn_h_text(b, url);
    H(b, "\">");
}

static void profile_fields(mn_req *r, mn_buf *b, const mn_account *a)
{
    mn_field fields[MN_FIELDS_MAX];
    size_t n = mn_social_fields_read(a->fields, r->arena, fields);
    if (n == 0) return;
    H(b, "<dl class=\"facts-list\">");
    for (size_t i = 0; i < n; i++) {
        H(b, "<div><dt dir=\"auto\">");
        mn_h_text(b, fields[i].name);
        H(b, "</dt><dd dir=\"auto\">");
        mn_h_post_text(b, fields[i].value);
        H(b, "</dd></div>");
    }
    H(b, "</dl>");
}

static void profile_numbers(mn_buf *b, const mn_account *a)
{
    H(b, "<p class=\"small\">");
    mn_h_plural(b, a->n_posts, "post", "posts");
    H(b, " · ");
    mn_h_plural(b, a->n_followers, "follower", "followers");
    H(b, " · here since ");
    mn_h_time(b, a->created_ms);
    H(b, "</p>");
}

static void profile_card(mn_req *r, mn_buf *b, const mn_account *a)
{
    H(b, "<section class=\"card profile\">");
    profile_picture(r, b, a);
    H(b, "<div><h1 dir=\"auto\">");
    mn_h_text(b, a->display_name.len ? a->display_name : a->name);
    H(b, "</h1><p class=\"handle\">@");
    mn_h_text(b, a->name);
    if (a->bot) H(b, " <span class=\"tag\">automated</span>");
    if (a->origin.len) H(b, " <span class=\"tag\">imported</span>");
    H(b, "</p>");
    if (a->bio.len) {
        H(b, "<p class=\"bio\" dir=\"auto\">");
        mn_h_post_text(b, a->bio);
        H(b, "</p>");
    }
    profile_fields(r, b, a);
    profile_numbers(b, a);
    H(b, "</div></section>");
}

void mn_page_account(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *app = r->app;
    uint64_t before, ticket;
    mn_account a;
    mn_posts posts;
    mn_store *s = mn_api_store(app);
    if (!mn_page_before(r, w, &before)) return;
    if (mn_kept_answer(app->kept, r, w, &ticket)) return;
    mn_rc rc = mn_store_account_by_name(s, mn_req_param(r, "name"), r->arena, &a, &e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && a.state != MN_ACCOUNT_ACTIVE)) {
        mn_page_error(r, w, 404, "There is nobody of that name here.");
        return;
    }
    if (rc == MN_OK)
        rc = mn_store_posts_by_account(s, a.id, MN_VIS_UNLISTED, before, PAGE_POSTS + 1,
                                       r->arena, &posts, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_str title = mn_str_fmt(r->arena, "%.*s (@%.*s)",
                              MN_STR_FMT(a.display_name.len ? a.display_name : a.name),
                              MN_STR_FMT(a.name));
    mn_str path = mn_str_fmt(r->arena, "/@%.*s", MN_STR_FMT(a.name));
    if (!title.ptr || !path.ptr) {
        mn_page_error(r, w, 503, "The server is out of memory. Try again in a moment.");
        return;
    }
    mn_buf *b = mn_page_open(r, w, title.ptr, MN_TAB_NONE);
    profile_card(r, b, &a);
    feed_page(r, b, &posts, "Posts", "No public posts.", before == 0, path.ptr);
    mn_page_close(r, w);
    mn_kept_put(app->kept, r, w, ticket, a.id);
}

/* ---- one post and its thread ------------------------------------------------------------------------------------ */

/* How deep each post hangs below the thread's first: parents come before children in time order. */
static int depth_of(const mn_posts *t, const int *depths, size_t i)
{
    for (size_t j = i; j-- > 0;)
        if (t->items[j].id == t->items[i].reply_to) return depths[j] + 1;
    return 0;
}

static void thread_html(mn_req *r, mn_buf *b, const mn_posts *t, uint64_t current)
{
    mn_err e = {0};
    int *depths = mn_arena_calloc(r->arena, t->n + 1, sizeof *depths);
    bool *seen = mn_arena_calloc(r->arena, t->n + 1, sizeof *seen);
    if (!depths || !seen ||
        mn_social_may_see_posts(mn_api_store(r->app), t, mn_masto_me(r), seen, &e) != MN_OK)
        return;
    H(b, "<div class=\"thread\">");
    for (size_t i = 0; i < t->n; i++) {
        depths[i] = depth_of(t, depths, i);
        const mn_post *p = &t->items[i];
        if (!mn_api__is_stone(p) && !seen[i]) continue;
        int shown = depths[i] > THREAD_INDENT_MAX ? THREAD_INDENT_MAX : depths[i];
        mn_buf_addf(b, "<div class=\"depth-%d\">", shown);
        mn_h_post(r, b, p, 0, p->id == current);
        mn_api__read(r, p->deleted_ms ? 0 : 1);
        H(b, "</div>");
    }
    H(b, "</div>");
}

static mn_rc post_find(mn_req *r, mn_post *ret, mn_err *e)
{
    uint64_t id;
    bool ok = false;
    if (mn_str_to_u64(mn_req_param(r, "id"), &id) != MN_OK) return MN_E_NOT_FOUND;
    MN_TRY(mn_store_post(mn_api_store(r->app), id, r->arena, ret, e));
    if (!mn_str_eq_nocase(ret->account_name, mn_req_param(r, "name"))) return MN_E_NOT_FOUND;
    if (mn_api__is_stone(ret)) return MN_OK;
    MN_TRY(mn_social_may_see(mn_api_store(r->app), ret, mn_masto_me(r), &ok, e));
    return ok ? MN_OK : MN_E_NOT_FOUND;
}

static void post_facts(mn_buf *b, const mn_post *p, mn_consents server)
{
    static const struct {
        mn_purpose purpose;
        const char *yes, *no;
    } facts[] = {
        {MN_P_TRAIN_GENERATIVE, "may be learnt from", "is not learnt from"},
        {MN_P_INFERENCE_INPUT, "may be quoted in answers", "is not quoted in answers"},
        {MN_P_SEARCH, "can be found by search", "is not in the search index"},
    };
    H(b, "<section class=\"card facts\"><h2>What its author allows</h2><ul>");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        bool yes = mn_social_allows(p, server, facts[i].purpose);
        mn_buf_addf(b, "<li class=\"%s\">%s</li>", yes ? "yes" : "no",
                    yes ? facts[i].yes : facts[i].no);
    }
    H(b, "</ul></section>");
}

void mn_page_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_post p;
    mn_posts thread;
    mn_consents server = 0;
    mn_store *s = mn_api_store(r->app);
    mn_rc rc = post_find(r, &p, &e);
    if (rc == MN_E_NOT_FOUND) {
        mn_page_error(
            r, w, 404,
            "That post is not here. It may have been deleted, or it is not for everybody.");
        return;
    }
    if (rc == MN_OK)
        rc = mn_store_posts_thread(s, p.thread_id, THREAD_POSTS, r->arena, &thread, &e);
    if (rc == MN_OK) rc = mn_store_consent_server(s, &server, NULL, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    char title[160];
    mn_str words = mn_utf8_cut(p.text, 60);
    snprintf(title, sizeof title, "@%.*s: %.*s%s", MN_STR_FMT(p.account_name),
             MN_STR_FMT(words), words.len < p.text.len ? "…" : "");
    mn_buf *b = mn_page_open(r, w, p.deleted_ms ? "Deleted post" : title, MN_TAB_NONE);
    mn_buf_addf(b, "<h1 class=\"sr\">%s</h1>", thread.n > 1 ? "Thread" : "Post");
    thread_html(r, b, &thread, p.id);
    if (!p.deleted_ms) post_facts(b, &p, server);
    mn_page_close(r, w);
    if (p.deleted_ms) mn_resp_status(w, 410);
}

/* ---- search ----------------------------------------------------------------------------------------------------- */

static mn_rc search_posts(mn_req *r, mn_str query, mn_posts *ret, mn_err *e)
{
    mn_search *x = mn_api_search(r->app);
    mn_hit *hits;
    size_t n;
    *ret = (mn_posts){0};
    if (!x || !query.len) return MN_OK;
    mn_query_opts o = {.limit = 50};
    MN_TRY(mn_search_query(x, query, &o, r->arena, &hits, &n, e));
    uint64_t *ids = mn_arena_calloc(r->arena, n + 1, sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = hits[i].id;
    mn_store *s = mn_api_store(r->app);
    MN_TRY(mn_store_posts_by_ids(s, ids, n, r->arena, ret, e));
    return mn_social_posts_visible(s, ret, mn_masto_me(r),
                                   e); /* the index follows the store by a moment */
}

static void results_page(mn_req *r, mn_resp *w, const char *title, mn_str query, bool form)
{
    mn_err e = {0};
    mn_posts posts;
    if (query.len > QUERY_MAX) {
        mn_page_error(r, w, 400, "That is too long to search for: 300 characters at most.");
        return;
    }
    if (search_posts(r, query, &posts, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_page_open(r, w, title, MN_TAB_NONE);
    H(b, "<h1>");
    mn_h_textz(b, title);
    H(b, "</h1>");
    if (form) {
        H(b, "<form class=\"ask\" action=\"/search\" role=\"search\"><label for=\"q\">Words to "
             "look for</label>"
             "<div class=\"field\"><input id=\"q\" name=\"q\" type=\"search\" "
             "maxlength=\"300\" value=\"");
        mn_h_text(b, query);
        H(b, "\"><button>Search</button></div></form>");
    }
    mn_api__read(r, query.len ? posts.n : 0);
    if (query.len)
        mn_h_feed(r, b, &posts, "Results", "No post that you may see has these words.");
    mn_page_close(r, w);
}

void mn_page_search(mn_req *r, mn_resp *w)
{
    results_page(r, w, "Search", mn_str_trim(mn_req_query(r, "q")), true);
}

void mn_page_tag(mn_req *r, mn_resp *w)
{
    mn_str tag = mn_req_param(r, "tag");
    mn_str title = mn_str_fmt(r->arena, "#%.*s", MN_STR_FMT(tag));
    results_page(r, w, title.ptr ? title.ptr : "Tag", tag, false);
}
