/* Asking a member whether an app may: /oauth/authorize. Server-rendered, works without JavaScript.
 *
 * Nothing is granted unseen: the page always asks, whatever was granted before. An app that is not ours, or an address that it
 * did not register, gets no redirect but a page (RFC 9700, section 4.11.2: we are no open redirector); so do all mistakes in the
 * request, as Mastodon does it. The page can't be framed, and its form may lead only to us and to where the app said it
 * wants its answer. */
#include "api/mastodon/oauth.h"
#include "api/pages/sign.h"

/* ---- addresses ------------------------------------------------------------------------------------------------- */

mn_str mn_oauth__redirect(mn_str uri, const mn_str (*pairs)[2], size_t n, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, 16384);
    mn_buf_adds(&b, uri);
    char sep = mn_str_find(uri, MN_STR("?"), 0) == SIZE_MAX ? '?' : '&';
    for (size_t i = 0; i < n; i++) {
        if (!pairs[i][1].ptr) continue;
        mn_buf_addc(&b, sep);
        mn_buf_adds(&b, pairs[i][0]);
        mn_buf_addc(&b, '=');
        mn_h_query(&b, pairs[i][1]);
        sep = '&';
    }
    mn_str out = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

/* The page's own policy: its form's answer leads to the app. */
static void allow_form_target(mn_req *r, mn_resp *w, mn_str redirect_uri)
{
    mn_str source = mn_oauth_redirect_source(redirect_uri, r->arena);
    mn_str policy = mn_str_fmt(r->arena,
                               "default-src 'self'; base-uri 'none'; form-action 'self' %.*s; "
                               "frame-ancestors 'none'; object-src 'none'",
                               MN_STR_FMT(source));
    if (policy.ptr) mn_resp_header(w, "Content-Security-Policy", policy);
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

static const char *const names[] = {
    "response_type", "client_id",      "redirect_uri",         "scope",
    "state",         "code_challenge", "code_challenge_method"};

static mn_oauth_ask read_ask(const mn_req *r)
{
    return (mn_oauth_ask){.response_type = mn_param(r, "response_type"),
                          .client_id = mn_param(r, "client_id"),
                          .redirect_uri = mn_param(r, "redirect_uri"),
                          .scope = mn_param(r, "scope"),
                          .challenge = mn_param(r, "code_challenge"),
                          .challenge_method = mn_param(r, "code_challenge_method")};
}

static void fault_page(mn_req *r, mn_resp *w, mn_oauth_fault fault)
{
    const mn_oauth_words *words = mn_oauth_fault_words(fault);
    mn_buf *b = mn_sign_page(r, w, "This app can't be let in");
    H(b, "<section class=\"card form\"><p>");
    mn_h_textz(b, words->text);
    H(b, "</p><p class=\"small\">What the app asked for does not fit: <code>");
    mn_h_textz(b, words->code);
    H(b, "</code>. This is for its makers to put right; nothing was granted.</p></section>");
    mn_sign_page_end(r, w);
    mn_resp_status(w, fault == MN_OAUTH_INVALID_CLIENT ? 401 : 400);
}

/* The app and the scopes; false: answered. */
static bool check_ask(mn_req *r, mn_resp *w, mn_oauth_ask *ask, mn_app *app, mn_str *scopes)
{
    mn_err e = {0};
    mn_oauth_fault fault = MN_OAUTH_FINE;
    *ask = read_ask(r);
    if (mn_param(r, "state").len > 2048) fault = MN_OAUTH_INVALID_REQUEST;
    mn_rc rc = fault ? MN_OK
                     : mn_oauth_ask_check(mn_api_store(r->app), ask, r->arena, app, scopes,
                                          &fault, &e);
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else if (fault) fault_page(r, w, fault);
    return rc == MN_OK && !fault;
}

/* ---- the page -------------------------------------------------------------------------------------------------- */

static void put_who(mn_buf *b, const mn_account *a, const char *domain)
{
    H(b, "<p class=\"who\">");
    mn_h_avatar(b, a->name, a->display_name);
    H(b, "<span class=\"names\"><b dir=\"auto\">");
    mn_h_text(b, a->display_name.len ? a->display_name : a->name);
    H(b, "</b><span class=\"handle\">@");
    mn_h_text(b, a->name);
    H(b, "@");
    mn_h_textz(b, domain);
    H(b, "</span></span></p>");
}

static void put_meanings(mn_buf *b, mn_str scopes)
{
    const char *lines[MN_SCOPE_LINES];
    mn_scopes bits = 0;
    size_t n = 0;
    if (mn_scopes_parse(scopes, &bits, NULL) == MN_OK) n = mn_scopes_meanings(bits, lines);
    H(b, "<p>It wants to be able to</p><ul class=\"means\">");
    for (size_t i = 0; i < n; i++) {
        H(b, "<li>");
        mn_h_textz(b, lines[i]);
        H(b, "</li>");
    }
    H(b, "</ul>");
}

/* Where it says it comes from, as far as that can be told. */
static void put_origin(mn_buf *b, const mn_app *app, mn_str redirect_uri)
{
    H(b, "<p class=\"small\">");
    if (mn_str_eqz(redirect_uri, MN_OAUTH_OOB)) {
        H(b, "You will be shown a code to copy into the app. Give it to nobody else.");
    } else {
        H(b, "Afterwards you are sent to <code>");
        mn_h_text(b, mn_utf8_cut(redirect_uri, 120));
        H(b, "</code>.");
    }
    if (app->website.len) {
        H(b, " It says its home is <code>");
        mn_h_text(b, mn_utf8_cut(app->website, 120));
        H(b, "</code>.");
    }
    H(b, " Anybody can give an app any name: go on only if you began this yourself.</p>");
}

static void put_form(mn_req *r, mn_resp *w, mn_buf *b)
{
    mn_h_form(r, w, b, "/oauth/authorize");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mn_param(r, names[i]).ptr) mn_h_hidden(b, names[i], mn_param(r, names[i]));
    H(b, "<div class=\"row\"><button type=\"submit\" name=\"decision\" value=\"allow\" "
         "class=\"main\">Allow</button><button type=\"submit\" name=\"decision\" "
         "value=\"deny\">Don't allow</button></div></form>");
}

static void ask_page(mn_req *r, mn_resp *w, const mn_oauth_ask *ask, const mn_app *app,
                     mn_str scopes, uint64_t me)
{
    mn_err e = {0};
    mn_account a;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), me, r->arena, &a, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Let an app in?");
    allow_form_target(r, w, ask->redirect_uri);
    H(b, "<section class=\"card form\"><p><b dir=\"auto\">");
    mn_h_text(b, app->name);
    H(b, "</b> asks for access to your account</p>");
    put_who(b, &a, mn_api_domain(r->app));
    put_meanings(b, scopes);
    put_origin(b, app, ask->redirect_uri);
    put_form(r, w, b);
    H(b, "<p class=\"small\">You can take this back at any time under <a "
         "href=\"/settings/security\">sign-in and security</a>.</p></section>");
    mn_sign_page_end(r, w);
}

/* force_login and prompt=login ask for the password anew, unless that was just done for this very request. */
static bool wants_sign_in(mn_req *r)
{
    mn_str prompt = mn_param(r, "prompt");
    bool forced = mn_param_bool(r, "force_login", false) || mn_str_eqz(prompt, "login") ||
                  mn_str_eqz(prompt, "select_account");
    return forced && !mn_str_eqz(mn_param(r, "signed"), "1");
}

/* To the sign-in page, with what brings the browser back here. */
static void go_sign_in(mn_req *r, mn_resp *w)
{
    mn_buf back, b;
    mn_buf_init(&back, 8192);
    mn_buf_init(&b, 32768);
    mn_buf_addf(&back, "/oauth/authorize?%.*s%ssigned=1", MN_STR_FMT(r->query),
                r->query.len ? "&" : "");
    mn_buf_addz(&b, "/auth/sign_in?again=1&next=");
    mn_h_query(&b, mn_buf_str(&back));
    if (back.failed || b.failed) mn_sign_goz(r, w, "/auth/sign_in");
    else mn_sign_go(r, w, mn_buf_str(&b));
    mn_buf_release(&back);
    mn_buf_release(&b);
}

static void authorize_get(mn_req *r, mn_resp *w)
{
    mn_oauth_ask ask;
    mn_app app;
    mn_str scopes;
    const mn_grant *g = mn_sign_session(r);
    if (!check_ask(r, w, &ask, &app, &scopes)) return;
    if (mn_str_eqz(mn_param(r, "prompt"), "none")) {
        fault_page(r, w, MN_OAUTH_INTERACTION);
        return;
    }
    if (g && wants_sign_in(r)) {
        go_sign_in(r, w);
        return;
    }
    if (!mn_sign_need(r, w, &g)) return;
    ask_page(r, w, &ask, &app, scopes, g->account_id);
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static void send_back(mn_req *r, mn_resp *w, const mn_oauth_ask *ask, mn_str code)
{
    const mn_oauth_words *no = mn_oauth_fault_words(MN_OAUTH_ACCESS_DENIED);
    mn_str state = mn_param(r, "state");
    const mn_str yes_pairs[][2] = {{MN_STR("code"), code}, {MN_STR("state"), state}};
    const mn_str no_pairs[][2] = {{MN_STR("error"), mn_str_from(no->code)},
                                  {MN_STR("error_description"), mn_str_from(no->text)},
                                  {MN_STR("state"), state}};
    mn_str uri = ask->redirect_uri;
    if (mn_str_eqz(uri, MN_OAUTH_OOB)) uri = MN_STR("/oauth/authorize/native");
    mn_str where = code.ptr ? mn_oauth__redirect(uri, yes_pairs, 2, r->arena)
                            : mn_oauth__redirect(uri, no_pairs, 3, r->arena);
    if (!where.ptr) fault_page(r, w, MN_OAUTH_INVALID_REQUEST);
    else mn_sign_go(r, w, where);
    if (where.ptr) mn_resp_header(w, "Referrer-Policy", MN_STR("no-referrer"));
}

static void authorize_post(mn_req *r, mn_resp *w)
{
    mn_oauth_ask ask;
    mn_app app;
    mn_str scopes;
    mn_secret code;
    mn_err e = {0};
    const mn_grant *g = NULL;
    if (!mn_sign_need(r, w, &g) || !mn_sign_csrf_right(r, w)) return;
    if (!check_ask(r, w, &ask, &app, &scopes)) return;
    allow_form_target(r, w, ask.redirect_uri);
    if (!mn_str_eqz(mn_param(r, "decision"), "allow")) {
        send_back(r, w, &ask, MN_STR_NONE);
        return;
    }
    mn_rc rc =
        mn_oauth_code_make(mn_api_store(r->app), &app, g->account_id, &ask, scopes, &code, &e);
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else send_back(r, w, &ask, mn_str_from(code.text));
}

/* The code to be copied, or that there is none. */
static void native_get(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    mn_str code = mn_param(r, "code");
    if (!mn_sign_need(r, w, &g)) return;
    if (code.len == 0 || code.len > 128) {
        mn_sign_says(r, w, 200, "Nothing was granted",
                     "The app was not let in. You can close this page.", NULL, NULL);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Your code");
    mn_resp_header(w, "Referrer-Policy", MN_STR("no-referrer"));
    H(b, "<section class=\"card form\"><p>Copy this into the app. It works once, for ten "
         "minutes. Give it to nobody else.</p><p><input class=\"code\" readonly "
         "aria-label=\"Code\" value=\"");
    mn_h_text(b, code);
    H(b, "\"></p></section>");
    mn_sign_page_end(r, w);
}

const mn_route mn_masto__routes_authorize[] = {
    {MN_GET, "/oauth/authorize/native", native_get, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/oauth/authorize", authorize_get, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/oauth/authorize/", authorize_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/oauth/authorize", authorize_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
