/* A post as HTML: its text, what is attached to it, its poll, the post it quotes or boosts. */
#include "api/pages/page.h"

#include <stdio.h>

#include "api/mastodon/mastodon.h"
#include "api/mastodon/media.h"
#include "base/clock.h"
#include "store/media.h"
#include "store/polls.h"
#include "text/html.h"

static void post_link(mn_buf *b, mn_str text, const mn_link_span *l)
{
    mn_str s = mn_str_sub(text, l->start, l->len);
    if (l->kind == 'u') {
        H(b, "<a href=\"");
        mn_h_text(b, s);
        H(b, "\" rel=\"nofollow noopener ugc\">");
    } else if (l->kind == '#') {
        H(b, "<a href=\"/tags/");
        mn_h_query(b, mn_str_sub(s, 1, s.len));
        H(b, "\" rel=\"tag\">");
    } else {
        H(b, "<a href=\"/");
        mn_h_text(b, s);
        H(b, "\" class=\"mention\">");
    }
    mn_h_text(b, s);
    H(b, "</a>");
}

void mn_h_post_text(mn_buf *b, mn_str text)
{
    mn_link_span links[64];
    size_t n = mn_text_links(text, links, 64), at = 0;
    for (size_t i = 0; i < n; i++) {
        mn_h_text(b, mn_str_sub(text, at, links[i].start - at));
        /* A mention of somebody elsewhere has no page here. */
        mn_str s = mn_str_sub(text, links[i].start, links[i].len);
        if (links[i].kind == '@' && mn_str_find(s, MN_STR("@"), 1) != SIZE_MAX) mn_h_text(b, s);
        else post_link(b, text, &links[i]);
        at = links[i].start + links[i].len;
    }
    mn_h_text(b, mn_str_sub(text, at, text.len));
}

/* ---- what hangs on a post ------------------------------------------------------------------------------------------- */

static void alt_of(mn_buf *b, const char *name, mn_str alt)
{
    mn_buf_addf(b, " %s=\"", name);
    mn_h_text(b, alt);
    mn_buf_addc(b, '"');
}

static void one_medium(mn_buf *b, const mn_view *v, const mn_media *m)
{
    mn_str url = mn_media_url(v, m), small = mn_media_preview_url(v, m);
    if (!url.ptr) return;
    bool video = mn_str_starts(m->mime, "video/"), sound = mn_str_starts(m->mime, "audio/");
    if (video || sound) {
        mn_buf_addf(b, "<%s controls preload=\"none\" src=\"", video ? "video" : "audio");
        mn_h_text(b, url);
        mn_buf_addc(b, '"');
        alt_of(b, "aria-label",
               m->alt.len ? m->alt
               : video    ? MN_STR("Video")
                          : MN_STR("Sound"));
        mn_buf_addf(b, "></%s>", video ? "video" : "audio");
        return;
    }
    H(b, "<a href=\"");
    mn_h_text(b, url);
    H(b, "\"><img loading=\"lazy\" src=\"");
    mn_h_text(b, small.ptr ? small : url);
    mn_buf_addc(b, '"');
    alt_of(b, "alt", m->alt.len ? m->alt : MN_STR("Picture without a description"));
    if (small.ptr && m->preview_width > 0)
        mn_buf_addf(b, " width=\"%d\" height=\"%d\"", m->preview_width, m->preview_height);
    H(b, "></a>");
}

static void post_media(mn_req *r, mn_buf *b, const mn_post *p)
{
    mn_err e = {0};
    mn_media *m = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    if (mn_store_media_of(mn_api_store(r->app), p->id, r->arena, &m, &n, &e) != MN_OK) return;
    bool hide = p->sensitive && !p->warning.len && n > 0;
    if (hide) H(b, "<details class=\"warned\"><summary>Sensitive pictures</summary>");
    H(b, "<div class=\"shots\">");
    for (size_t i = 0; i < n; i++) one_medium(b, &v, &m[i]);
    H(b, "</div>");
    if (hide) H(b, "</details>");
}

static void post_poll(mn_req *r, mn_buf *b, uint64_t id)
{
    mn_err e = {0};
    mn_poll poll;
    if (mn_store_poll(mn_api_store(r->app), id, r->arena, &poll, &e) != MN_OK) return;
    bool over = poll.expires_ms && poll.expires_ms <= mn_now_ms();
    bool told = over || !poll.hide_totals;
    H(b, "<ul class=\"standing\">");
    for (size_t i = 0; i < poll.n_options; i++) {
        unsigned share =
            poll.n_voters ? (unsigned)(poll.options[i].votes * 100 / poll.n_voters) : 0;
        H(b, "<li><span dir=\"auto\">");
        mn_h_text(b, poll.options[i].title);
        H(b, "</span>");
        if (told)
            mn_buf_addf(b, " <b>%u %%</b><meter min=\"0\" max=\"100\" value=\"%u\"></meter>",
                        share, share);
        H(b, "</li>");
    }
    H(b, "</ul><p class=\"small\">");
    mn_h_plural(b, poll.n_voters, "voter", "voters");
    mn_buf_addz(b, over ? " · closed</p>" : " · open</p>");
}

static void post_head(mn_buf *b, const mn_post *p);
static void post_inside(mn_req *r, mn_buf *b, const mn_post *p, bool quoted);

/* The quoted post, when its author agrees and whoever asks may see it. */
static void post_quote(mn_req *r, mn_buf *b, const mn_post *p)
{
    mn_err e = {0};
    mn_post q;
    bool ok = false;
    mn_store *s = mn_api_store(r->app);
    if (p->quote_state == MN_QUOTE_ACCEPTED &&
        mn_store_post(s, p->quote_of, r->arena, &q, &e) == MN_OK && !q.deleted_ms)
        (void)mn_social_may_see(s, &q, mn_masto_me(r), &ok, &e);
    if (!ok) {
        H(b, "<p class=\"small\">The quoted post is not shown.</p>");
        return;
    }
    H(b, "<blockquote class=\"quoted-post\">");
    post_head(b, &q);
    post_inside(r, b, &q, true);
    H(b, "</blockquote>");
}

static void post_address(mn_buf *b, const mn_post *p)
{
    H(b, "/@");
    mn_h_text(b, p->account_name);
    mn_buf_addc(b, '/');
    mn_buf_addu(b, p->id);
}

static void post_head(mn_buf *b, const mn_post *p)
{
    H(b, "<header><a class=\"who\" href=\"/@");
    mn_h_text(b, p->account_name);
    mn_buf_addf(b, "\" id=\"a%llu\">", (unsigned long long)p->id);
    mn_h_avatar(b, p->account_name, p->account_display);
    H(b, "<span class=\"names\"><b dir=\"auto\">");
    mn_h_text(b, p->account_display.len ? p->account_display : p->account_name);
    H(b, "</b> <span class=\"handle\">@");
    mn_h_text(b, p->account_name);
    H(b, "</span></span></a><a class=\"when\" href=\"");
    post_address(b, p);
    H(b, "\">");
    mn_h_time(b, p->created_ms);
    H(b, "</a></header>");
}

static void post_body(mn_buf *b, const mn_post *p)
{
    mn_buf_addf(b, "<div class=\"text\" id=\"t%llu\" dir=\"auto\"", (unsigned long long)p->id);
    if (p->lang.len && !mn_str_eqz(p->lang, "und")) {
        H(b, " lang=\"");
        mn_h_text(b, p->lang);
        mn_buf_addc(b, '"');
    }
    H(b, ">");
    mn_h_post_text(b, p->text);
    H(b, "</div>");
}

/* What is behind a warning: text, media, poll, quoted post. */
static void post_parts(mn_req *r, mn_buf *b, const mn_post *p, bool quoted)
{
    post_body(b, p);
    if (p->n_media > 0) post_media(r, b, p);
    if (p->poll_id) post_poll(r, b, p->poll_id);
    if (p->quote_of && !quoted) post_quote(r, b, p);
}

static void post_inside(mn_req *r, mn_buf *b, const mn_post *p, bool quoted)
{
    if (p->warning.len) {
        H(b, "<details class=\"warned\"><summary dir=\"auto\">");
        mn_h_text(b, p->warning);
        H(b, "</summary>");
    }
    post_parts(r, b, p, quoted);
    if (p->warning.len) H(b, "</details>");
}

/* The boosted post in the place of the boost; false: whoever asks may not see it, and nothing is shown. */
static bool boosted(mn_req *r, const mn_post *p, mn_post *ret)
{
    mn_err e = {0};
    bool ok = false;
    mn_store *s = mn_api_store(r->app);
    return mn_store_post(s, p->boost_of, r->arena, ret, &e) == MN_OK && !ret->deleted_ms &&
           mn_social_may_see(s, ret, mn_masto_me(r), &ok, &e) == MN_OK && ok;
}

void mn_h_post(mn_req *r, mn_buf *b, const mn_post *p, size_t pos, bool current)
{
    unsigned long long id = p->id;
    mn_post inner;
    const mn_post *boost = p->boost_of && !p->deleted_ms ? p : NULL;
    if (boost && !boosted(r, p, &inner)) return;
    if (boost) p = &inner;
    mn_buf_addf(
        b,
        "<article class=\"post%s\" data-id=\"%llu\" tabindex=\"0\" aria-labelledby=\"a%llu\" "
        "aria-describedby=\"t%llu\"",
        current ? " current" : "", id, id, id);
    if (pos) mn_buf_addf(b, " aria-posinset=\"%zu\" aria-setsize=\"-1\"", pos);
    H(b, ">");
    if (p->deleted_ms) {
        mn_buf_addf(b,
                    "<p class=\"gone\" id=\"t%llu\"><span id=\"a%llu\">This post was "
                    "deleted.</span></p></article>",
                    id, id);
        return;
    }
    if (boost) {
        H(b, "<p class=\"small\">");
        mn_h_text(b, boost->account_display.len ? boost->account_display : boost->account_name);
        H(b, " boosted</p>");
    }
    post_head(b, p);
    post_inside(r, b, p, false);
    if (p->edited_ms) {
        H(b, "<p class=\"small\">edited ");
        mn_h_time(b, p->edited_ms);
        H(b, "</p>");
    }
    H(b, "</article>");
}

void mn_h_feed(mn_req *r, mn_buf *b, const mn_posts *posts, const char *label,
               const char *empty)
{
    if (posts->n == 0) {
        mn_buf_addf(b, "<p class=\"empty\">%s</p>", empty);
        return;
    }
    mn_buf_addf(b, "<div class=\"feed\" role=\"feed\" aria-busy=\"false\" aria-label=\"%s\">",
                label);
    for (size_t i = 0; i < posts->n; i++) mn_h_post(r, b, &posts->items[i], i + 1, false);
    H(b, "</div>");
}
