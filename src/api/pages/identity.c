#include "api/pages/identity.h"

#include <stdatomic.h>

#include "base/base64.h"
#include "base/conf.h"
#include "base/hash.h"
#include "base/log.h"

#define FLOW_COOKIE "flow"
#define FLOW_AGE_S  900
#define AT_A_TIME                                                                              \
    2 /* workers that may wait for other servers: the rest stay for those who are here */

/* ---- asking other servers -------------------------------------------------------------------------------------- */

mn_str mn_identity__form(const mn_str (*pairs)[2], size_t n, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, 32768);
    for (size_t i = 0; i < n; i++) {
        if (!pairs[i][1].ptr) continue;
        if (b.len) mn_buf_addc(&b, '&');
        mn_buf_adds(&b, pairs[i][0]);
        mn_buf_addc(&b, '=');
        mn_h_query(&b, pairs[i][1]);
    }
    mn_str out = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

/* A JSON object, copied into the arena. */
static mn_rc read_answer(mn_str url, const mn_client_resp *resp, mn_arena *ar, mn_json **ret,
                         mn_err *e)
{
    mn_json *j = NULL;
    mn_err why = {0};
    mn_str text = mn_str_dup(ar, mn_buf_str(&resp->body));
    if (resp->status / 100 != 2)
        return mn_fail(e, MN_E_DENIED, "'%.*s' answered %d", MN_STR_FMT(mn_utf8_cut(url, 100)),
                       resp->status);
    if (mn_json_parse(text, ar, &j, &why) != MN_OK || j->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_DENIED, "'%.*s' answered with something else",
                       MN_STR_FMT(mn_utf8_cut(url, 100)));
    *ret = j;
    return MN_OK;
}

mn_rc mn_identity__ask(mn_api *a, mn_str url, mn_str form, mn_str authorization, mn_arena *ar,
                       mn_json **ret, int *ret_status, mn_err *e)
{
    mn_client_resp resp;
    mn_client_header headers[3] = {{MN_STR("Accept"), MN_STR("application/json")}};
    size_t n = 1;
    if (!url.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (form.ptr)
        headers[n++] = (mn_client_header){MN_STR("Content-Type"),
                                          MN_STR("application/x-www-form-urlencoded")};
    if (authorization.ptr)
        headers[n++] = (mn_client_header){MN_STR("Authorization"), authorization};
    mn_client_req req = {.method = form.ptr ? "POST" : "GET",
                         .url = url,
                         .headers = headers,
                         .n_headers = n,
                         .body = form,
                         .timeout_ms = MN_IDENTITY_WAIT_MS,
                         .https_only = mn_str_starts(url, "https://")};
    MN_TRY(mn_client_do(a->client, &req, &resp, e));
    if (ret_status) *ret_status = resp.status;
    mn_rc rc = read_answer(url, &resp, ar, ret, e);
    mn_client_resp_release(&resp);
    return rc;
}

/* ---- the flow -------------------------------------------------------------------------------------------------- */

/* 64 hex digits made of the cookie and a word: a state, a nonce, a verifier. */
static mn_str derive(const mn_identity_flow *f, const char *word, mn_arena *ar)
{
    char hash[MN_SECRET_HASH];
    mn_str text = mn_str_fmt(ar, "%s:%.*s", word, MN_STR_FMT(f->cookie));
    return text.ptr ? mn_str_dup(ar, mn_secret_hash(text, hash)) : MN_STR_NONE;
}

static mn_str sha256_base64url(mn_str s, mn_arena *ar)
{
    uint8_t hash[32];
    mn_buf b;
    mn_buf_init(&b, 64);
    mn_sha256_of(s.ptr, s.len, hash);
    mn_base64url_add(&b, hash, sizeof hash, false);
    mn_str out = mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

/* Everything that follows from the cookie; false when it is none of ours or memory is short. */
static bool complete(mn_req *r, mn_identity_flow *f)
{
    uint8_t next[2048];
    size_t n = 0;
    mn_str rest;
    mn_str secret = mn_str_split(f->cookie, '~', &rest);
    f->kind = mn_str_split(rest, '~', &rest);
    f->link = mn_str_eqz(mn_str_split(rest, '~', &rest), "link");
    f->who = mn_str_split(rest, '~', &rest);
    if (secret.len != 43 || !rest.ptr || mn_base64_read(rest, next, sizeof next, &n) != MN_OK)
        return false;
    f->next = mn_str_dup(r->arena, (mn_str){(const char *)next, n});
    if (!mn_sign_is_local(f->next)) f->next = MN_STR("/");
    f->state = derive(f, "state", r->arena);
    f->nonce = derive(f, "nonce", r->arena);
    f->verifier = derive(f, "verifier", r->arena);
    f->redirect_uri =
        mn_str_fmt(r->arena, "%.*s/auth/identity/callback", MN_STR_FMT(mn_masto_base(r->app)));
    if (!f->state.ptr || !f->nonce.ptr || !f->verifier.ptr || !f->redirect_uri.ptr)
        return false;
    f->challenge = sha256_base64url(f->verifier, r->arena);
    return f->challenge.ptr != NULL;
}

/* What shows that a member asked on our own page for one more way in. It is not the text of the forms, since it stands in an
 * address. */
static mn_str link_text(mn_req *r, mn_str csrf)
{
    char hash[MN_SECRET_HASH];
    mn_str text = mn_str_fmt(r->arena, "link:%.*s", MN_STR_FMT(csrf));
    return text.ptr ? mn_str_dup(r->arena, mn_str_sub(mn_secret_hash(text, hash), 0, 32))
                    : MN_STR_NONE;
}

static bool wants_link(mn_req *r, mn_resp *w)
{
    mn_str sent = mn_param(r, "link");
    return sent.len > 0 && mn_sign_session(r) &&
           mn_secret_same(sent, link_text(r, mn_sign_csrf(r, w)));
}

static bool flow_new(mn_req *r, mn_resp *w, const char *kind, mn_str who, mn_identity_flow *ret)
{
    mn_secret secret;
    mn_buf b;
    mn_str next = mn_sign_next(r);
    if (next.len > 1024) next = MN_STR("/");
    if (mn_secret_make(&secret, NULL) != MN_OK) return false;
    mn_buf_init(&b, 4096);
    mn_buf_addf(&b, "%s~%s~%s~%.*s~", secret.text, kind, wants_link(r, w) ? "link" : "in",
                MN_STR_FMT(who));
    mn_base64url_add(&b, next.ptr, next.len, false);
    *ret = (mn_identity_flow){.cookie = mn_str_dup(r->arena, mn_buf_str(&b))};
    mn_buf_release(&b);
    if (!ret->cookie.ptr || !complete(r, ret)) return false;
    mn_sign_cookie_set(r, w, FLOW_COOKIE, ret->cookie, FLOW_AGE_S);
    return true;
}

static bool provider_named(mn_req *r, mn_str name, mn_openid_provider *ret)
{
    mn_openid_provider all[MN_OPENID_MAX];
    mn_api *a = r->app;
    size_t n =
        mn_identity__providers(mn_conf_get(a->home->conf, "openid_providers"), r->arena, all);
    for (size_t i = 0; i < n; i++) {
        if (!mn_str_eq(all[i].name, name)) continue;
        *ret = all[i];
        return true;
    }
    return false;
}

static bool elsewhere_is_on(const mn_api *a)
{
    bool on = false;
    return mn_conf_bool(a->home->conf, "sign_in_elsewhere", &on, NULL) == MN_OK && on;
}

void mn_sign__identity_links(mn_req *r, mn_buf *b, mn_str csrf)
{
    mn_str link = csrf.len ? link_text(r, csrf) : MN_STR_NONE;
    mn_openid_provider all[MN_OPENID_MAX];
    mn_api *a = r->app;
    mn_str next = mn_sign_next(r);
    size_t n =
        mn_identity__providers(mn_conf_get(a->home->conf, "openid_providers"), r->arena, all);
    if (n == 0 && !elsewhere_is_on(a)) return;
    H(b, "<div class=\"other-ways\"><h2>With an account you already have</h2>");
    for (size_t i = 0; i < n; i++) {
        H(b, "<p class=\"pager\"><a href=\"/auth/identity/start?provider=");
        mn_h_query(b, all[i].name);
        H(b, "&amp;next=");
        mn_h_query(b, next);
        if (link.ptr) H(b, "&amp;link=");
        mn_h_query(b, link);
        H(b, "\">Go on with ");
        mn_h_text(b, all[i].shown);
        H(b, "</a></p>");
    }
    if (elsewhere_is_on(a)) {
        H(b, "<form class=\"form\" method=\"get\" action=\"/auth/identity/start\">");
        mn_h_hidden(b, "next", next);
        if (link.ptr) mn_h_hidden(b, "link", link);
        mn_h_input(b,
                   &(mn_field_ask){.name = "server",
                                   .label = "Mastodon server of your account",
                                   .type = "text",
                                   .hint = "Such as mastodon.social. You sign in there; your "
                                           "password stays there.",
                                   .required = true});
        H(b, "<button type=\"submit\">Go on with Mastodon</button></form>");
    }
    H(b, "</div>");
}

/* ---- going there ----------------------------------------------------------------------------------------------- */

static _Atomic int waiting;

static bool take_turn(mn_req *r, mn_resp *w)
{
    if (atomic_fetch_add(&waiting, 1) < AT_A_TIME) return true;
    atomic_fetch_sub(&waiting, 1);
    mn_sign_says(r, w, 503, "One moment",
                 "Others are signing in this way just now. Try again in a few seconds.", NULL,
                 NULL);
    mn_resp_header(w, "Retry-After", MN_STR("5"));
    return false;
}

/* What went wrong with the other side is in the log; people are told that much. */
static void failed(mn_req *r, mn_resp *w, const mn_err *e)
{
    mn_warn("sign", "sign-in elsewhere: %s", e->msg);
    mn_sign_says(r, w, 502, "That did not work",
                 "The other server could not be asked, or what it said does not fit. Nothing "
                 "was done here.",
                 "/auth/sign_in", "Back");
}

static void start_openid(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_openid_provider p;
    mn_identity_flow f;
    mn_str url;
    if (!provider_named(r, mn_param(r, "provider"), &p)) {
        mn_sign_says(r, w, 404, "No such provider", "There is no provider of that name here.",
                     "/auth/sign_in", "Back");
        return;
    }
    if (!flow_new(r, w, "openid", p.name, &f) || !take_turn(r, w)) return;
    mn_rc rc = mn_openid__begin(r->app, &p, &f, r->arena, &url, &e);
    atomic_fetch_sub(&waiting, 1);
    if (rc == MN_OK) mn_sign_go(r, w, url);
    else failed(r, w, &e);
}

/* A page in between, so that people see where they are sent. */
static void start_elsewhere(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_identity_flow f;
    mn_str domain, url;
    if (!elsewhere_is_on(r->app)) {
        mn_sign_goz(r, w, "/auth/sign_in");
        return;
    }
    if (mn_elsewhere__domain(r->app, mn_param(r, "server"), r->arena, &domain, &e) != MN_OK) {
        mn_sign_says(r, w, 422, "Which server?", e.msg, "/auth/sign_in", "Back");
        return;
    }
    if (!flow_new(r, w, "mastodon", domain, &f) || !take_turn(r, w)) return;
    mn_rc rc = mn_elsewhere__begin(r->app, &f, r->arena, &url, &e);
    atomic_fetch_sub(&waiting, 1);
    if (rc != MN_OK) {
        failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Go on at your server");
    H(b, "<section class=\"card form\"><p>You sign in at <b>");
    mn_h_text(b, domain);
    H(b, "</b>, which then tells us your name there. Your password stays there.</p>"
         "<p class=\"pager\"><a rel=\"noreferrer\" href=\"");
    mn_h_text(b, url);
    H(b, "\">Go on at ");
    mn_h_text(b, domain);
    H(b, "</a></p></section>");
    mn_sign_page_end(r, w);
}

static void start_get(mn_req *r, mn_resp *w)
{
    if (mn_param(r, "provider").len) start_openid(r, w);
    else start_elsewhere(r, w);
}

/* ---- coming back ----------------------------------------------------------------------------------------------- */

static mn_rc finish(mn_req *r, const mn_identity_flow *f, mn_sign_identity *ret, mn_err *e)
{
    mn_openid_provider p;
    mn_str code = mn_param(r, "code");
    if (code.len == 0 || code.len > 4096)
        return mn_fail(e, MN_E_DENIED, "the other side gave no code");
    if (mn_str_eqz(f->kind, "mastodon"))
        return mn_elsewhere__finish(r->app, f, code, r->arena, ret, e);
    if (!provider_named(r, f->who, &p))
        return mn_fail(e, MN_E_DENIED, "there is no such provider any more");
    return mn_openid__finish(r->app, &p, f, code, r->arena, ret, e);
}

/* Signed in already: the identity becomes one more way in. */
static void link_to(mn_req *r, mn_resp *w, const mn_grant *g, const mn_sign_identity *i)
{
    mn_err e = {0};
    mn_rc rc = mn_social_identity_link(mn_api_store(r->app), g->account_id, i->provider,
                                       i->subject, &e);
    if (rc == MN_E_EXISTS)
        mn_sign_says(r, w, 409, "Already in use",
                     "That identity belongs to an account here already.", "/settings/security",
                     "Sign-in and security");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else mn_sign_goz(r, w, "/settings/security");
}

/* Who is signed in stays who they are: another's identity neither joins their account nor takes its place unless they asked for
 * that on our own page. Else whoever gets a browser signed in at the provider as themselves would get into this account. */
static void land_signed_in(mn_req *r, mn_resp *w, const mn_grant *g, const mn_identity_flow *f,
                           const mn_sign_identity *i, uint64_t account)
{
    if (account == g->account_id) mn_sign_go(r, w, f->next);
    else if (account)
        mn_sign_says(r, w, 409, "Already in use",
                     "That identity belongs to another account here. Sign out first to use it.",
                     "/auth/sign_out", "Sign out");
    else if (f->link) link_to(r, w, g, i);
    else
        mn_sign_says(r, w, 409, "You are signed in already",
                     "If you want to sign in with that identity too, add it under sign-in and "
                     "security.",
                     "/settings/security", "Sign-in and security");
}

static void land(mn_req *r, mn_resp *w, const mn_identity_flow *f, const mn_sign_identity *i)
{
    mn_err e = {0};
    uint64_t account = 0;
    const mn_grant *g = mn_sign_session(r);
    mn_rc rc =
        mn_social_identity_account(mn_api_store(r->app), i->provider, i->subject, &account, &e);
    if (rc == MN_E_DENIED)
        mn_sign_says(r, w, 403, "Account suspended", e.msg, "/about", "About this community");
    else if (rc != MN_OK && rc != MN_E_NOT_FOUND) mn_page_failed(r, w, &e);
    else if (g) land_signed_in(r, w, g, f, i, account);
    else if (rc == MN_OK) mn_sign__enter(r, w, account, f->next);
    else mn_sign__up_with(r, w, i);
}

static void callback_get(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_sign_identity i;
    mn_identity_flow f = {.cookie = mn_sign_cookie(r, FLOW_COOKIE)};
    if (!f.cookie.ptr || !complete(r, &f) || !mn_secret_same(mn_param(r, "state"), f.state)) {
        mn_sign_says(r, w, 403, "Begin again",
                     "This answer belongs to no sign-in that was begun in this browser within "
                     "the last quarter of an hour.",
                     "/auth/sign_in", "Sign in");
        return;
    }
    mn_sign_cookie_set(r, w, FLOW_COOKIE, MN_STR(""), -1);
    if (mn_param(r, "error").len) {
        mn_sign_says(r, w, 403, "Not signed in", "The other side said no, or you did.",
                     "/auth/sign_in", "Back");
        return;
    }
    if (!take_turn(r, w)) return;
    mn_rc rc = finish(r, &f, &i, &e);
    atomic_fetch_sub(&waiting, 1);
    if (rc == MN_OK) land(r, w, &f, &i);
    else failed(r, w, &e);
}

const mn_route mn_page__routes_identity[] = {
    {MN_GET, "/auth/identity/start", start_get, 0, MN_RUN_WORKER, "-"},
    {MN_GET, "/auth/identity/callback", callback_get, 0, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
