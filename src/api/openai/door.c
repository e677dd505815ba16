/* The door: what a browser's script may, whose key it is, what the key opens, how often and how much. */
#include <stdio.h>

#include "api/mastodon/params.h"
#include "api/openai/openai_int.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/snowflake.h"

/* ---- browsers ------------------------------------------------------------------------------------------------------ */

/* Names of headers, as a preflight asks for them: clients send many of their own. */
static bool is_header_list(mn_str s)
{
    if (s.len == 0 || s.len > 2048) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ',' || c == ' ';
        if (!fine) return false;
    }
    return true;
}

static void cross_origin(const mn_req *r, mn_resp *w)
{
    mn_str asked = mn_req_header(r, "Access-Control-Request-Headers");
    mn_resp_header(w, "Access-Control-Allow-Origin", MN_STR("*"));
    mn_resp_header(w, "Cross-Origin-Resource-Policy", MN_STR("cross-origin"));
    mn_resp_header(w, "Access-Control-Expose-Headers",
                   MN_STR("X-Request-Id, Retry-After, X-RateLimit-Limit-Requests, "
                          "X-RateLimit-Remaining-Requests, X-RateLimit-Reset-Requests, "
                          "X-RateLimit-Limit-Tokens, X-RateLimit-Remaining-Tokens, "
                          "X-RateLimit-Reset-Tokens"));
    if (r->method != MN_OPTIONS) return;
    mn_resp_header(w, "Access-Control-Allow-Methods", MN_STR("GET, HEAD, POST, OPTIONS"));
    mn_resp_header(w, "Access-Control-Allow-Headers",
                   is_header_list(asked) ? asked : MN_STR("Authorization, Content-Type"));
    mn_resp_header(w, "Vary", MN_STR("Access-Control-Request-Headers"));
    mn_resp_header(w, "Access-Control-Max-Age", MN_STR("86400"));
}

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

static bool is_loopback(mn_str peer)
{
    return mn_str_starts(peer, "127.") || mn_str_eqz(peer, "::1");
}

/* model_open = yes: programs on this machine need no key. A browser's script names its origin, and what a proxy brings says so:
 * neither is a program of this machine. */
static bool needs_no_key(const mn_req *r)
{
    static const char *const foreign[] = {
        "Origin",    "Referer", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP",
        "Forwarded", "Via"};
    const mn_api *a = r->app;
    bool open = false;
    if (mn_conf_bool(a->home->conf, "model_open", &open, NULL) != MN_OK || !open) return false;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (mn_req_header(r, foreign[i]).ptr) return false;
    return is_loopback(r->peer);
}

static bool unauthorized(mn_resp *w, const char *message)
{
    mn_resp_header(w, "WWW-Authenticate", MN_STR("Bearer"));
    return mn_oai_fail(w,
                       &(mn_oai_fault){401, "invalid_request_error", "invalid_api_key", NULL},
                       "%s", message);
}

static bool check_key(const mn_req *r, mn_resp *w, mn_str key, mn_grant *ret)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_grant g = {0};
    mn_rc rc = mn_access_check(a->access, key, &g, &e);
    if (rc != MN_OK && rc != MN_E_DENIED) return mn_oai_failed(w, NULL, 2, &e);
    if (rc != MN_OK || g.web) /* a browser's session is no key */
        return unauthorized(w,
                            "this key is not known here, or was revoked; members make keys in "
                            "their settings");
    if (g.account_id && (g.state != MN_ACCOUNT_ACTIVE || !g.confirmed))
        return mn_oai_fail(
            w, &(mn_oai_fault){403, "invalid_request_error", "account_inactive", NULL},
            "the account of this key is suspended, or not confirmed yet");
    *ret = g;
    return true;
}

/* A key of a member that has the scope; an app's own token has no member whose limits it could count for. */
static bool check_scope(mn_resp *w, const mn_grant *g, const char *scope)
{
    mn_scopes need = 0;
    mn_err e = {0};
    if (mn_scopes_parse(mn_str_from(scope), &need, &e) == MN_OK && g->account_id &&
        mn_scopes_cover(g->scopes, need))
        return true;
    return mn_oai_fail(
        w, &(mn_oai_fault){403, "invalid_request_error", "insufficient_scope", NULL},
        "this key does not have the scope %s", scope);
}

static bool let_in(const mn_req *r, mn_resp *w, const char *scope, mn_masto_state *s)
{
    mn_str key, kind = mn_str_split(mn_req_header(r, "Authorization"), ' ', &key);
    key = mn_str_eq_nocase(kind, MN_STR("Bearer")) ? mn_str_trim(key) : MN_STR_NONE;
    if (needs_no_key(
            r)) { /* a key that is sent all the same may be anything: clients demand one */
        mn_grant g = {0};
        const mn_api *a = r->app;
        if (key.len && mn_access_check(a->access, key, &g, NULL) == MN_OK && g.key)
            s->grant = g;
        return !s->grant.token_id || check_scope(w, &s->grant, scope);
    }
    if (key.len == 0)
        return unauthorized(w, "no key was sent; it belongs into the header \"Authorization: "
                               "Bearer KEY\"");
    return check_key(r, w, key, &s->grant) && check_scope(w, &s->grant, scope);
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

/* "6m0s", "24.5s", as OpenAI writes how long it takes. */
static mn_str duration(mn_arena *ar, int64_t until_ms)
{
    int64_t ms = until_ms - mn_now_ms();
    if (ms < 0) ms = 0;
    int64_t s = ms / 1000, m = s / 60, h = m / 60;
    if (h)
        return mn_str_fmt(ar, "%lldh%lldm%llds", (long long)h, (long long)(m % 60),
                          (long long)(s % 60));
    if (m) return mn_str_fmt(ar, "%lldm%llds", (long long)m, (long long)(s % 60));
    return mn_str_fmt(ar, "%lld.%03llds", (long long)s, (long long)(ms % 1000));
}

static void limit_headers(mn_req *r, mn_resp *w, bool tokens, uint64_t limit,
                          uint64_t remaining, int64_t resets_ms)
{
    mn_arena *ar = r->arena;
    mn_resp_header(w, tokens ? "X-RateLimit-Limit-Tokens" : "X-RateLimit-Limit-Requests",
                   mn_str_fmt(ar, "%llu", (unsigned long long)limit));
    mn_resp_header(w,
                   tokens ? "X-RateLimit-Remaining-Tokens" : "X-RateLimit-Remaining-Requests",
                   mn_str_fmt(ar, "%llu", (unsigned long long)remaining));
    mn_resp_header(w, tokens ? "X-RateLimit-Reset-Tokens" : "X-RateLimit-Reset-Requests",
                   duration(ar, resets_ms));
}

static bool too_much(mn_req *r, mn_resp *w, const char *type, int64_t resets_ms,
                     const char *what)
{
    int64_t wait_s = (resets_ms - mn_now_ms() + 999) / 1000;
    mn_resp_header(w, "Retry-After",
                   mn_str_fmt(r->arena, "%lld", (long long)(wait_s > 0 ? wait_s : 1)));
    return mn_oai_fail(w, &(mn_oai_fault){429, type, "rate_limit_exceeded", NULL}, "%s", what);
}

static bool count_request(mn_req *r, mn_resp *w, uint64_t account_id)
{
    mn_api *a = r->app;
    mn_rate_state s;
    mn_err e = {0};
    mn_rc rc =
        mn_limits_take_plan(a->limits, "model", account_id, MN_PLAN_MODEL_REQUESTS, &s, &e);
    if (rc != MN_OK) return mn_oai_failed(w, NULL, 2, &e);
    if (!s.rate) return true;
    limit_headers(r, w, false, s.limit, s.remaining, s.resets_ms);
    return !s.over ||
           too_much(r, w, "requests", s.resets_ms,
                    "too many requests this minute; the header Retry-After says when "
                    "to try again");
}

static bool check_tokens(mn_req *r, mn_resp *w, uint64_t account_id)
{
    mn_api *a = r->app;
    mn_reading d;
    mn_err e = {0};
    mn_rc rc = mn_limits_model_tokens(a->limits, account_id, 0, &d, &e);
    if (rc != MN_OK) return mn_oai_failed(w, NULL, 2, &e);
    if (!d.limit) return true;
    limit_headers(r, w, true, d.limit, d.used < d.limit ? d.limit - d.used : 0, d.resets_ms);
    return d.used < d.limit ||
           too_much(r, w, "tokens", d.resets_ms,
                    "all tokens of today are used; there are new ones from midnight UTC");
}

/* ---- before a handler ---------------------------------------------------------------------------------------------- */

/* By which a client's report and our log can be matched, as OpenAI's clients show it. */
static void name_request(mn_req *r, mn_resp *w)
{
    uint64_t n = mn_snowflake_next();
    mn_resp_header(w, "X-Request-Id",
                   mn_str_fmt(r->arena, "req_%016llx", (unsigned long long)n));
    mn_debug("openai", "req_%016llx %.*s", (unsigned long long)n, MN_STR_FMT(r->path));
}

bool mn_oai_before(mn_req *r, mn_resp *w)
{
    const mn_route *route = mn_req_route_of(r);
    mn_masto_state *s = mn_arena_calloc(r->arena, 1, sizeof *s);
    if (!s) return !mn_oai_failed(w, NULL, 2, &(mn_err){.rc = MN_E_NOMEM});
    s->asked = true; /* by us: no cookie counts here */
    r->priv = s;
    cross_origin(r, w);
    name_request(r, w);
    if (mn_api__limited(r, w)) return true; /* by address */
    if (!route) return false;
    if (!let_in(r, w, route->scope, s)) return true;
    uint64_t account = s->grant.account_id;
    if (r->method == MN_GET || !account) return false;
    return !(count_request(r, w, account) && check_tokens(r, w, account));
}

/* ---- routes -------------------------------------------------------------------------------------------------------- */

const mn_route mn_oai__routes[] = {
    {MN_GET, "/v1/models", mn_oai_models, 0, MN_RUN_WORKER, "model:list"},
    {MN_GET, "/v1/models/:id", mn_oai_model, 0, MN_RUN_WORKER, "model:list"},
    {MN_POST, "/v1/chat/completions", mn_oai_chat, MN_OAI_BODY, MN_RUN_MODEL, "model:generate"},
    {MN_POST, "/v1/completions", mn_oai_completions, MN_OAI_BODY, MN_RUN_MODEL,
     "model:generate"},
    {MN_POST, "/v1/responses", mn_oai_responses, MN_OAI_BODY, MN_RUN_MODEL, "model:generate"},
    {MN_POST, "/v1/embeddings", mn_oai_embeddings, MN_OAI_BODY, MN_RUN_MODEL, "model:embed"},
    {.path = NULL},
};
