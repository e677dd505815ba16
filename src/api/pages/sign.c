#include "api/pages/sign.h"

#include "api/mastodon/params.h"
#include "base/clock.h"
#include "base/log.h"
#include "social/limits.h"

#define FORM_COOKIE "form"
#define SESSION_AGE "31536000"
#define NEXT_MAX    6144
#define COOKIE_MAX  4096

/* ---- cookies --------------------------------------------------------------------------------------------------- */

static mn_str cookie_name(mn_req *r, const char *name)
{
    return mn_str_fmt(r->arena, "%s-%s", mn_web_cookie_name(r->app), name);
}

mn_str mn_sign_cookie(mn_req *r, const char *name)
{
    mn_str wanted = cookie_name(r, name), rest = mn_req_header(r, "Cookie");
    while (rest.ptr) {
        mn_str value, pair = mn_str_trim(mn_str_split(rest, ';', &rest));
        mn_str key = mn_str_split(pair, '=', &value);
        if (value.len > 0 && mn_str_eq(key, wanted)) return value;
    }
    return MN_STR_NONE;
}

static void set_cookie(mn_req *r, mn_resp *w, mn_str name, mn_str value, const char *age)
{
    mn_resp_header(w, "Set-Cookie",
                   mn_str_fmt(r->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s%s",
                              MN_STR_FMT(name), MN_STR_FMT(value), age ? "; Max-Age=" : "",
                              age ? age : "", mn_web_https(r->app) ? "; Secure" : ""));
}

void mn_sign_cookie_set(mn_req *r, mn_resp *w, const char *name, mn_str value, int max_age_s)
{
    mn_str age = mn_str_fmt(r->arena, "%d", max_age_s < 0 ? 0 : max_age_s);
    set_cookie(r, w, cookie_name(r, name), value, max_age_s ? age.ptr : NULL);
}

/* ---- who ------------------------------------------------------------------------------------------------------- */

const mn_grant *mn_sign_session(mn_req *r)
{
    const mn_grant *g = mn_masto_grant(r);
    return g->account_id && g->web ? g : NULL;
}

/* The address of this request, to come back to. */
static mn_str here(mn_req *r)
{
    if (r->method != MN_GET) return MN_STR("/");
    return r->query.len
               ? mn_str_fmt(r->arena, "%.*s?%.*s", MN_STR_FMT(r->path), MN_STR_FMT(r->query))
               : r->path;
}

bool mn_sign_need(mn_req *r, mn_resp *w, const mn_grant **ret)
{
    const mn_grant *g = mn_sign_session(r);
    if (!g) {
        mn_buf b;
        mn_buf_init(&b, 65536);
        mn_buf_addz(&b, "/auth/sign_in?next=");
        mn_h_query(&b, here(r));
        if (b.len > NEXT_MAX) mn_sign_goz(r, w, "/auth/sign_in");
        else mn_sign_go(r, w, mn_buf_str(&b));
        mn_buf_release(&b);
        return false;
    }
    if (g->state != MN_ACCOUNT_ACTIVE) {
        mn_sign_says(r, w, 403, "Account suspended",
                     "The moderators have suspended this account. You can write to them if you "
                     "think that is a mistake.",
                     "/about", "About this community");
        return false;
    }
    *ret = g;
    return true;
}

bool mn_sign_begin(mn_req *r, mn_resp *w, uint64_t account)
{
    mn_err e = {0};
    mn_secret secret;
    mn_rc rc = mn_social_session_begin(mn_api_store(r->app), account, r->peer,
                                       mn_req_header(r, "User-Agent"), &secret, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return false;
    }
    mn_str copy = mn_str_dup(r->arena, mn_str_from(secret.text));
    set_cookie(r, w, mn_str_from(mn_web_cookie_name(r->app)), copy, SESSION_AGE);
    mn_sign_cookie_set(r, w, FORM_COOKIE, MN_STR(""), -1);
    return true;
}

void mn_sign_forget(mn_req *r, mn_resp *w)
{
    set_cookie(r, w, mn_str_from(mn_web_cookie_name(r->app)), MN_STR(""), "0");
}

/* ---- forms ----------------------------------------------------------------------------------------------------- */

mn_str mn_sign_csrf(mn_req *r, mn_resp *w)
{
    mn_secret fresh;
    mn_masto_state *state = r->priv;
    if (mn_sign_session(r)) return mn_web_csrf(r, mn_web_cookie(r));
    mn_str cookie = mn_sign_cookie(r, FORM_COOKIE);
    if (!cookie.ptr) cookie = state->form_secret;
    if (!cookie.ptr && mn_secret_make(&fresh, NULL) == MN_OK) {
        cookie = state->form_secret = mn_str_dup(r->arena, mn_str_from(fresh.text));
        mn_sign_cookie_set(r, w, FORM_COOKIE, cookie, 0);
    }
    return cookie.ptr ? mn_web_csrf(r, cookie) : MN_STR("");
}

bool mn_sign_csrf_right(mn_req *r, mn_resp *w)
{
    bool session = mn_sign_session(r) != NULL;
    mn_str cookie = session ? mn_web_cookie(r) : mn_sign_cookie(r, FORM_COOKIE);
    mn_str site = mn_req_header(r, "Sec-Fetch-Site");
    bool right = cookie.len > 0 && mn_secret_same(mn_param(r, "csrf"), mn_web_csrf(r, cookie));
    if (right && !mn_str_eqz(site, "cross-site")) return true;
    mn_sign_says(
        r, w, 403, "This page is out of date",
        "Load it again and try once more. (Cookies have to be allowed for signing in.)",
        "/auth/sign_in", "Go on");
    return false;
}

bool mn_sign_is_local(mn_str path)
{
    if (path.len == 0 || path.len > NEXT_MAX || path.ptr[0] != '/') return false;
    if (path.len > 1 && (path.ptr[1] == '/' || path.ptr[1] == '\\')) return false;
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f || path.ptr[i] == '\\')
            return false;
    return true;
}

mn_str mn_sign_next(const mn_req *r)
{
    mn_str next = mn_param(r, "next");
    return mn_sign_is_local(next) ? next : MN_STR("/");
}

void mn_sign_go(mn_req *r, mn_resp *w, mn_str where)
{
    mn_buf_clear(mn_resp_body(w));
    mn_resp_status(w, r->method == MN_GET ? 302 : 303);
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
    mn_resp_header(w, "Location", where);
}

void mn_sign_goz(mn_req *r, mn_resp *w, const char *where)
{
    mn_sign_go(r, w, mn_str_from(where));
}

mn_buf *mn_sign_page(mn_req *r, mn_resp *w, const char *title)
{
    mn_buf_clear(mn_resp_body(w));
    mn_buf *b = mn_page_open(r, w, title, MN_TAB_NONE);
    mn_resp_header(w, "X-Frame-Options", MN_STR("DENY"));
    H(b, "<h1>");
    mn_h_textz(b, title);
    H(b, "</h1>");
    return b;
}

void mn_sign_page_end(mn_req *r, mn_resp *w)
{
    mn_page_close(r, w);
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
}

void mn_sign_says(mn_req *r, mn_resp *w, int status, const char *title, const char *text,
                  const char *href, const char *label)
{
    mn_buf *b = mn_sign_page(r, w, title);
    H(b, "<section class=\"card form\"><p>");
    mn_h_textz(b, text);
    H(b, "</p>");
    if (href) {
        H(b, "<p class=\"pager\"><a href=\"");
        mn_h_textz(b, href);
        H(b, "\">");
        mn_h_textz(b, label);
        H(b, "</a></p>");
    }
    H(b, "</section>");
    mn_sign_page_end(r, w);
    mn_resp_status(w, status);
}

void mn_h_form(mn_req *r, mn_resp *w, mn_buf *b, const char *action)
{
    H(b, "<form class=\"form\" method=\"post\" action=\"");
    mn_h_textz(b, action);
    H(b, "\">");
    mn_h_hidden(b, "csrf", mn_sign_csrf(r, w));
}

void mn_h_hidden(mn_buf *b, const char *name, mn_str value)
{
    mn_buf_addf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    mn_h_text(b, value);
    H(b, "\">");
}

void mn_h_input(mn_buf *b, const mn_field_ask *f)
{
    mn_buf_addf(b, "<label for=\"f-%s\">", f->name);
    mn_h_textz(b, f->label);
    mn_buf_addf(b, "</label><input id=\"f-%s\" name=\"%s\" type=\"%s\" autocomplete=\"%s\"",
                f->name, f->name, f->type, f->autocomplete ? f->autocomplete : "off");
    if (f->required) H(b, " required");
    if (f->focus) H(b, " autofocus");
    if (f->hint || f->error)
        mn_buf_addf(b, " aria-describedby=\"%s%s%s%s%s\"", f->hint ? "h-" : "",
                    f->hint ? f->name : "", f->hint && f->error ? " " : "",
                    f->error ? "e-" : "", f->error ? f->name : "");
    if (f->error) H(b, " aria-invalid=\"true\"");
    H(b, " autocapitalize=\"none\" value=\"");
    mn_h_text(b, f->value);
    H(b, "\">");
    if (f->hint) {
        mn_buf_addf(b, "<p class=\"small\" id=\"h-%s\">", f->name);
        mn_h_textz(b, f->hint);
        H(b, "</p>");
    }
    if (f->error) {
        mn_buf_addf(b, "<p class=\"wrong\" id=\"e-%s\">", f->name);
        mn_h_textz(b, f->error);
        H(b, "</p>");
    }
}

void mn_h_alert(mn_buf *b, const char *text)
{
    if (!text) return;
    H(b, "<p class=\"wrong\" role=\"alert\">");
    mn_h_textz(b, text);
    H(b, "</p>");
}

void mn_h_submit(mn_buf *b, const char *label)
{
    H(b, "<button type=\"submit\" class=\"main\">");
    mn_h_textz(b, label);
    H(b, "</button>");
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

bool mn_sign_may_try(mn_req *r, mn_resp *w, const char *what, mn_str name)
{
    mn_api *a = r->app;
    mn_rate_state left;
    char key[128];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < sizeof key; i++)
        key[n++] =
            (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
    if (mn_limits_take_name(a->limits, what, (mn_str){key, n}, &left)) return true;
    int64_t wait_s = (left.resets_ms - mn_now_ms()) / 1000 + 1;
    mn_sign_says(r, w, 429, "Too many tries",
                 "That was tried too often. Wait a while, then try again.", NULL, NULL);
    mn_resp_header(w, "Retry-After", mn_str_fmt(r->arena, "%lld", (long long)wait_s));
    return false;
}
