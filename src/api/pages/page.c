#include "api/pages/page.h"

#include <stdio.h>

#include "api/mastodon/mastodon.h"
#include "base/clock.h"
#include "base/log.h"
#include "text/html.h"

/* ---- small words ------------------------------------------------------------------------------------------------ */

void mn_h_text(mn_buf *b, mn_str s)
{
    if (s.len) mn_html_escape(s, b);
}

void mn_h_textz(mn_buf *b, const char *s)
{
    mn_h_text(b, mn_str_from(s));
}

void mn_h_count(mn_buf *b, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) mn_buf_addc(b, ',');
        mn_buf_addc(b, digits[i]);
    }
}

void mn_h_plural(mn_buf *b, uint64_t n, const char *one, const char *many)
{
    mn_h_count(b, n);
    mn_buf_addc(b, ' ');
    mn_buf_addz(b, n == 1 ? one : many);
}

void mn_h_time(mn_buf *b, int64_t ms)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int year, month, day, hour, min, sec;
    char iso[MN_TIME_MAX];
    mn_time_to_civil(ms, &year, &month, &day, &hour, &min, &sec);
    mn_time_format(ms, iso);
    mn_buf_addf(b, "<time datetime=\"%s\" title=\"%d %s %d, %02d:%02d UTC\">%d %s %d</time>",
                iso, day, months[month - 1], year, hour, min, day, months[month - 1], year);
}

void mn_h_query(mn_buf *b, mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) mn_buf_addc(b, (char)c);
        else mn_buf_addf(b, "%%%02X", c);
    }
}

/* ---- frame ------------------------------------------------------------------------------------------------------ */

static void asset_tag(mn_buf *b, const char *before, const char *name, const char *after)
{
    mn_str url = mn_asset_url(name);
    if (!url.ptr) return;
    mn_buf_addz(b, before);
    mn_h_text(b, url);
    mn_buf_addz(b, after);
}

static void nav_link(mn_buf *b, const char *href, const char *label, bool here)
{
    mn_buf_addf(b, "<a href=\"%s\"%s>%s</a>", href, here ? " aria-current=\"page\"" : "",
                label);
}

/* The bird: one line drawing, in the colour of the text around it. */
static void logo(mn_buf *b)
{
    H(b, "<svg class=\"logo\" viewBox=\"0 0 32 32\" width=\"28\" height=\"28\" "
         "aria-hidden=\"true\">"
         "<path d=\"M4 22c4 4 12 5 17 1 4-3 4-8 3-12l5-2-5-2c-2-3-7-4-10-1-2 2-3 5-5 8-1 3-3 "
         "6-5 8z\" "
         "fill=\"currentColor\"/><path d=\"M24 9l5 0-5 2z\" class=\"logo-beak\"/>"
         "<circle cx=\"19.500\" cy=\"8.500\" r=\"1.400\" class=\"logo-eye\"/>"
         "<path d=\"M12 25l-1 4m5-4v4\" stroke=\"currentColor\" stroke-width=\"1.600\" "
         "fill=\"none\"/></svg>");
}

/* The web app reads from the body who is signed in. */
static void body_tag(mn_req *r, mn_buf *b, bool member)
{
    if (!member) {
        H(b, "<body>");
        return;
    }
    mn_buf_addf(b, "<body class=\"signed\" data-me=\"%llu\" data-csrf=\"",
                (unsigned long long)mn_masto_me(r));
    mn_h_text(b, mn_web_csrf(r, mn_web_cookie(r)));
    H(b, "\">");
}

mn_buf *mn_page_open(mn_req *r, mn_resp *w, const char *title, mn_tab tab)
{
    mn_api *app = r->app;
    mn_buf *b = mn_resp_body(w);
    mn_resp_status(w, 200);
    mn_resp_type(w, "text/html; charset=utf-8");
    H(b, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
         "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    mn_h_textz(b, title);
    H(b, " · ");
    mn_h_textz(b, mn_api_domain(app));
    H(b, "</title>");
    asset_tag(b, "<link rel=\"stylesheet\" href=\"", "app.css", "\">");
    bool member = mn_masto_me(r) != 0;
    if (member) asset_tag(b, "<link rel=\"stylesheet\" href=\"", "member.css", "\">");
    asset_tag(b, "<link rel=\"icon\" href=\"", "icon.svg", "\" type=\"image/svg+xml\">");
    asset_tag(b, "<script type=\"module\" src=\"", "app.js", "\"></script>");
    H(b, "<link rel=\"manifest\" href=\"/manifest.json\"></head>");
    body_tag(r, b, member);
    H(b, "<a class=\"skip\" href=\"#main\">Skip to content</a>"
         "<header class=\"top\"><div class=\"bar\"><a class=\"brand\" href=\"/\">");
    logo(b);
    H(b, "<span>Mynah</span></a><nav aria-label=\"Main\">");
    nav_link(b, "/", member ? "Home" : "Timeline", tab == MN_TAB_TIMELINE);
    nav_link(b, "/ask", "Ask", tab == MN_TAB_ASK);
    nav_link(b, "/model", "Model", tab == MN_TAB_MODEL);
    nav_link(b, "/about", "About", tab == MN_TAB_ABOUT);
    if (!member) nav_link(b, "/auth/sign_in", "Sign in", tab == MN_TAB_SIGN_IN);
    else nav_link(b, "/settings/security", "Settings", tab == MN_TAB_SIGN_IN);
    H(b, "</nav><div id=\"tools\"></div></div></header><main id=\"main\" tabindex=\"-1\">");
    return b;
}

void mn_page_close(mn_req *r, mn_resp *w)
{
    mn_buf *b = mn_resp_body(w);
    mn_resp_header(w, "Vary", MN_STR("Cookie"));
    if (mn_masto_me(r)) mn_resp_header(w, "Cache-Control", MN_STR("private, no-cache"));
    H(b, "</main><footer class=\"foot\"><p>A post belongs to its author: each one says whether "
         "it may be "
         "learnt from, quoted or searched.</p><p><a href=\"/about\">How this works</a> · "
         "<a href=\"/model\">What the model learnt from</a></p></footer></body></html>\n");
    mn_resp_etag(w);
}

void mn_page_error(mn_req *r, mn_resp *w, int status, const char *message)
{
    char title[32];
    snprintf(title, sizeof title, "Error %d", status);
    mn_buf_clear(mn_resp_body(w));
    mn_buf *b = mn_page_open(r, w, title, MN_TAB_NONE);
    mn_buf_addf(b, "<section class=\"notice\"><h1>%d</h1><p>", status);
    mn_h_textz(b, message);
    H(b, "</p><p><a href=\"/\">Back to the timeline</a></p></section>");
    mn_page_close(r, w);
    mn_resp_status(w, status);
}

void mn_page_failed(mn_req *r, mn_resp *w, const mn_err *e)
{
    mn_error("page", "%.*s: %s", MN_STR_FMT(r->path), e->msg);
    mn_page_error(r, w, 500, "The server could not make this page. The reason is in its log.");
}

bool mn_page_before(mn_req *r, mn_resp *w, uint64_t *ret)
{
    mn_str s = mn_req_query(r, "before");
    *ret = 0;
    if (!s.len || (mn_str_to_u64(s, ret) == MN_OK && *ret <= INT64_MAX)) return true;
    mn_page_error(r, w, 400, "\"before\" should be the id of a post");
    return false;
}

/* ---- posts ------------------------------------------------------------------------------------------------------ */

void mn_h_avatar(mn_buf *b, mn_str name, mn_str display)
{
    mn_str shown = display.len ? display : name;
    unsigned hue = 0;
    for (size_t i = 0; i < name.len; i++) hue = hue * 31u + (unsigned char)name.ptr[i];
    uint32_t cp = '?';
    size_t n = mn_utf8_decode(shown.ptr, shown.len, &cp);
    mn_buf_addf(b, "<span class=\"avatar hue-%u\" aria-hidden=\"true\">", hue % 12u);
    if (n) mn_h_text(b, mn_str_sub(shown, 0, n));
    H(b, "</span>");
}

void mn_h_ask_form(mn_buf *b, mn_str question, bool focus)
{
    H(b, "<form class=\"ask\" action=\"/ask\" method=\"get\" role=\"search\"><label "
         "for=\"q\">Ask what people here "
         "say</label><div class=\"field\"><input id=\"q\" name=\"q\" type=\"search\" "
         "maxlength=\"300\" required "
         "autocomplete=\"off\" enterkeyhint=\"search\" placeholder=\"What do they say about "
         "…?\" value=\"");
    mn_h_text(b, question);
    mn_buf_addf(b, "\"%s><button>Ask</button></div></form>", focus ? " autofocus" : "");
}
