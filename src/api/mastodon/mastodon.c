/* Around the handlers of the Mastodon API: who asks, may they, what was sent; and how answers look. */
#include "api/mastodon/mastodon.h"

#include <stdio.h>

#include "api/mastodon/params.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

/* ---- who asks ---------------------------------------------------------------------------------------------------- */

static mn_masto_state *state_of(const mn_req *r)
{
    return r->priv;
}

mn_str mn_web_cookie(const mn_req *r)
{
    const mn_api *a = r->app;
    mn_str all = mn_req_header(r, "Cookie"), rest = all;
    while (rest.ptr) {
        mn_str value, pair = mn_str_trim(mn_str_split(rest, ';', &rest));
        mn_str name = mn_str_split(pair, '=', &value);
        if (value.ptr && mn_str_eqz(name, mn_web_cookie_name(a))) return value;
    }
    return MN_STR_NONE;
}

const char *mn_web_cookie_name(const mn_api *a)
{
    return mn_web_https(a) ? "__Host-mynah" : "mynah";
}

mn_str mn_web_csrf(const mn_req *r, mn_str token)
{
    uint8_t h[32];
    mn_str text = mn_str_fmt(r->arena, "csrf:%.*s", MN_STR_FMT(token));
    char *out = mn_arena_alloc(r->arena, MN_HEX256);
    if (!text.ptr || !out) return MN_STR_NONE;
    mn_sha256_of(text.ptr, text.len, h);
    return (mn_str){mn_hex(h, 16, out), 32};
}

static bool same_text(mn_str a, mn_str b)
{
    unsigned char d = 0;
    if (a.len != b.len || a.len == 0) return false;
    for (size_t i = 0; i < a.len; i++) d |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return d == 0;
}

bool mn_web_csrf_right(const mn_req *r)
{
    mn_str sent = mn_req_header(r, "X-CSRF-Token"), cookie = mn_web_cookie(r);
    if (sent.len == 0) sent = mn_param(r, "csrf");
    return cookie.len > 0 && same_text(sent, mn_web_csrf(r, cookie));
}

static mn_str bearer(const mn_req *r)
{
    mn_str header = mn_req_header(r, "Authorization"), token;
    mn_str kind = mn_str_split(header, ' ', &token);
    if (mn_str_eq_nocase(kind, MN_STR("Bearer"))) return mn_str_trim(token);
    return mn_param(r, "access_token");
}

/* Somebody whose account is suspended or disabled reads pages as a stranger does. The pages to sign in and out ("-") and the API
 * say what is the matter. */
static bool is_shut_out(const mn_req *r, const mn_grant *g)
{
    const mn_route *route = mn_req_route_of(r);
    return g->state != MN_ACCOUNT_ACTIVE && (!route || !route->scope);
}

/* Looked up once a request. A cookie is believed only where nothing else was given. */
static void ask(const mn_req *r)
{
    mn_masto_state *s = state_of(r);
    mn_api *a = r->app;
    mn_err e = {0};
    s->asked = true;
    mn_str token = bearer(r);
    bool cookie = token.len == 0;
    if (cookie) token = mn_web_cookie(r);
    if (token.len == 0) return;
    mn_rc rc = mn_access_check(a->access, token, &s->grant, &e);
    if (rc == MN_OK && s->grant.web == cookie && !s->grant.key && !is_shut_out(r, &s->grant))
        return;
    memset(&s->grant, 0, sizeof s->grant);
    if (rc != MN_OK && rc != MN_E_DENIED) mn_error("serve", "cannot check a token: %s", e.msg);
    s->denied = !cookie;
}

const mn_grant *mn_masto_grant(const mn_req *r)
{
    if (!state_of(r)->asked) ask(r);
    return &state_of(r)->grant;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

mn_json_writer mn_masto_json(mn_resp *w)
{
    mn_json_writer j;
    mn_resp_type(w, "application/json; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("private, no-store"));
    mn_buf_clear(mn_resp_body(w));
    mn_json_writer_init(&j, mn_resp_body(w), 0);
    return j;
}

void mn_masto_empty(mn_resp *w)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_object_end(&j);
}

void mn_masto_error(mn_req *r, mn_resp *w, int status, const char *message)
{
    (void)r;
    mn_json_writer j = mn_masto_json(w);
    mn_resp_status(w, status);
    mn_jw_object(&j);
    mn_jw_key(&j, "error");
    mn_jw_strz(&j, message);
    mn_jw_object_end(&j);
}

void mn_masto_fail(mn_req *r, mn_resp *w, const mn_err *e)
{
    switch (e->rc) {
    case MN_E_NOT_FOUND:
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    case MN_E_DENIED:
        mn_masto_error(r, w, 403, e->msg[0] ? e->msg : "This action is not allowed");
        return;
    case MN_E_USAGE:
    case MN_E_LIMIT:
    case MN_E_PARSE:
    case MN_E_EXISTS:
    case MN_E_UNSUPPORTED:
        mn_masto_error(r, w, 422, e->msg);
        return;
    case MN_E_BUSY:
    case MN_E_NOMEM:
        mn_error("serve", "%.*s: %s", MN_STR_FMT(r->path), e->msg);
        mn_masto_error(r, w, 503, "The server is busy; try again in a moment");
        mn_resp_header(w, "Retry-After", MN_STR("2"));
        return;
    default:
        mn_error("serve", "%.*s: %s", MN_STR_FMT(r->path),
                 e->msg[0] ? e->msg : mn_rc_name(e->rc));
        mn_masto_error(r, w, 500, "The server could not do this; the reason is in its log");
    }
}

void mn_masto_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e)
{
    e->rc = rc;
    mn_masto_fail(r, w, e);
}

bool mn_masto_id(mn_req *r, mn_resp *w, const char *name, uint64_t *ret)
{
    mn_str s = mn_req_param(r, name);
    if (mn_str_to_u64(s, ret) == MN_OK && *ret > 0 && *ret <= INT64_MAX) return true;
    mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
    return false;
}

/* ---- pages --------------------------------------------------------------------------------------------------------- */

static uint64_t id_of(mn_str s)
{
    uint64_t id = 0;
    if (s.len == 0 || mn_str_to_u64(s, &id) != MN_OK) return 0;
    return id > INT64_MAX ? INT64_MAX : id;
}

mn_page mn_masto_page(const mn_req *r, size_t fallback, size_t most)
{
    mn_page p = {.max_id = id_of(mn_param(r, "max_id")),
                 .since_id = id_of(mn_param(r, "since_id")),
                 .min_id = id_of(mn_param(r, "min_id"))};
    uint64_t limit = id_of(mn_param(r, "limit"));
    p.offset = (size_t)id_of(mn_param(r, "offset"));
    p.limit = limit == 0 ? fallback : limit > most ? most : (size_t)limit;
    if (p.offset > 100000) p.offset = 100000;
    return p;
}

mn_str mn_masto_base(const mn_api *a)
{
    return mn_str_from(a->base);
}

/* The request's query without what says which page, ready for one more parameter. */
static void kept_query(const mn_req *r, mn_buf *b)
{
    static const char *const page_names[] = {"max_id", "since_id", "min_id", "access_token"};
    mn_str rest = r->query;
    while (rest.ptr && rest.len > 0) {
        mn_str pair = mn_str_split(rest, '&', &rest), value;
        mn_str name = mn_str_split(pair, '=', &value);
        bool skip = pair.len == 0;
        for (size_t i = 0; i < sizeof page_names / sizeof *page_names; i++)
            skip = skip || mn_str_eqz(name, page_names[i]);
        if (skip) continue;
        mn_buf_adds(b, pair);
        mn_buf_addc(b, '&');
    }
}

static void path_encoded(mn_str s, mn_buf *b)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || strchr("/_-.~@:", c);
        if (plain && c) mn_buf_addc(b, (char)c);
        else mn_buf_addf(b, "%%%02X", c);
    }
}

static void one_link(mn_req *r, mn_resp *w, const char *param, uint64_t id, const char *rel)
{
    mn_buf b;
    mn_buf_init(&b, 16384);
    mn_buf_addf(&b, "<%s", ((const mn_api *)r->app)->base);
    path_encoded(r->path, &b);
    mn_buf_addc(&b, '?');
    kept_query(r, &b);
    mn_buf_addf(&b, "%s=%llu>; rel=\"%s\"", param, (unsigned long long)id, rel);
    if (!b.failed) mn_resp_header(w, "Link", mn_buf_str(&b));
    mn_buf_release(&b);
}

void mn_masto_link(mn_req *r, mn_resp *w, uint64_t newest, uint64_t oldest, bool full)
{
    if (newest == 0) return;
    if (full) one_link(r, w, "max_id", oldest, "next");
    one_link(r, w, "min_id", newest, "prev");
}

mn_view mn_masto_view(mn_req *r)
{
    return (mn_view){
        .api = r->app, .arena = r->arena, .me = mn_masto_me(r), .n_read = &state_of(r)->n_read};
}

/* ---- before a handler ------------------------------------------------------------------------------------------------ */

static bool starts_any(mn_str path, const char *const *list)
{
    for (; *list; list++)
        if (mn_str_starts(path, *list)) return true;
    return false;
}

/* Other origins' scripts are apps as good as any: they bring a token, cookies are not sent along. */
static void cross_origin(const mn_req *r, mn_resp *w)
{
    static const char *const open[] = {
        "/api/", "/oauth/", "/.well-known/", "/nodeinfo", "/media/", "/health", NULL};
    if (!starts_any(r->path, open)) return;
    mn_resp_header(w, "Access-Control-Allow-Origin", MN_STR("*"));
    mn_resp_header(w, "Cross-Origin-Resource-Policy", MN_STR("cross-origin"));
    mn_resp_header(w, "Access-Control-Expose-Headers",
                   MN_STR("Link, X-RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining, "
                          "X-Request-Id, X-Mynah-Reading-Limit, X-Mynah-Reading-Used, "
                          "X-Mynah-Reading-Reset, Retry-After"));
    if (r->method != MN_OPTIONS) return;
    mn_resp_header(w, "Access-Control-Allow-Methods",
                   MN_STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    mn_resp_header(w, "Access-Control-Allow-Headers",
                   MN_STR("Authorization, Content-Type, Idempotency-Key, X-CSRF-Token"));
    mn_resp_header(w, "Access-Control-Max-Age", MN_STR("86400"));
}

static mn_rc read_params(mn_req *r, mn_params *p, mn_err *e)
{
    mn_str type = mn_req_header(r, "Content-Type"), rest;
    mn_str kind = mn_str_trim(mn_str_split(type, ';', &rest));
    MN_TRY(mn_params__form(r->query, r->arena, p, e));
    if (r->body.len == 0) return MN_OK;
    if (mn_str_eq_nocase(kind, MN_STR("application/json")))
        return mn_params__json(r->body, r->arena, p, e);
    if (mn_str_eq_nocase(kind, MN_STR("multipart/form-data")))
        return mn_params__multipart(r->body, type, r->arena, p, e);
    if (kind.len == 0 || mn_str_eq_nocase(kind, MN_STR("application/x-www-form-urlencoded")))
        return mn_params__form(r->body, r->arena, p, e);
    return MN_OK; /* a body of a kind that no parameter is read from */
}

static bool refused(mn_req *r, mn_resp *w, int status, const char *message)
{
    mn_masto_error(r, w, status, message);
    return true;
}

/* Is one of the scopes named, separated by '|', among those of the grant? */
static bool scope_fits(const mn_grant *g, const char *scope)
{
    mn_str rest = mn_str_from(scope);
    while (rest.ptr) {
        mn_str one = mn_str_split(rest, '|', &rest);
        mn_scopes need = 0;
        mn_err e = {0};
        if (mn_scopes_parse(one, &need, &e) == MN_OK && mn_scopes_cover(g->scopes, need))
            return true;
    }
    return false;
}

/* What a token of an app alone, or of an account that may not act now, cannot do. */
static bool account_refused(mn_req *r, mn_resp *w, const mn_grant *g)
{
    if (!g->account_id) return refused(r, w, 422, "This method requires an authenticated user");
    if (!g->confirmed)
        return refused(r, w, 403,
                       "Your login is missing a confirmed e-mail address or an approval");
    return false;
}

/* True when the request was answered: its token does not do for the route's scope. */
static bool scope_refused(mn_req *r, mn_resp *w, const char *scope)
{
    if (strcmp(scope, "-") == 0) return false;
    const mn_grant *g = mn_masto_grant(r);
    bool open = !*scope || *scope == '?';
    if (state_of(r)->denied) return refused(r, w, 401, "The access token is invalid");
    if (g->web && r->method != MN_GET && !mn_web_csrf_right(r))
        return refused(r, w, 403, "This page is out of date; load it again");
    if (!g->token_id) return open ? false : refused(r, w, 401, "The access token is invalid");
    if (g->account_id && g->state != MN_ACCOUNT_ACTIVE)
        return refused(r, w, 403, "Your login is currently disabled");
    if (!*scope || strcmp(scope, "app") == 0) return false;
    if (!scope_fits(g, scope + open))
        return refused(r, w, 403, "This action is outside the authorized scopes");
    return !open && account_refused(r, w, g);
}

size_t mn_masto__body_limit(const mn_req *r, size_t limit)
{
    mn_api *a = r->app;
    mn_grant g = {0};
    mn_str token, kind = mn_str_split(mn_req_header(r, "Authorization"), ' ', &token);
    token = mn_str_eq_nocase(kind, MN_STR("Bearer")) ? mn_str_trim(token) : mn_web_cookie(r);
    bool known = token.len && mn_access_check(a->access, token, &g, NULL) == MN_OK &&
                 g.account_id && g.state == MN_ACCOUNT_ACTIVE;
    return known ? limit : MN_HTTP_BODY_FREE;
}

bool mn_masto__before(mn_req *r, mn_resp *w)
{
    const mn_route *route = mn_req_route_of(r);
    mn_err e = {0};
    mn_masto_state *s = mn_arena_calloc(r->arena, 1, sizeof *s);
    if (!s) return refused(r, w, 503, "The server is out of memory; try again in a moment");
    r->priv = s;
    cross_origin(r, w);
    if (!route || !route->scope) return mn_api__limited(r, w);
    mn_rc rc = read_params(r, &s->params, &e);
    if (mn_api__limited(r, w)) return true;
    if (rc != MN_OK) return refused(r, w, rc == MN_E_NOMEM ? 503 : 400, e.msg);
    return scope_refused(r, w, route->scope);
}
