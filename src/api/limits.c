/* Limits around the handlers: the only place where a request is counted or refused for how often, from where, or how much it
 * reads. The tables are in social/limits_table.c; routes are known by their pattern, so no spelling of a path escapes. */
#include "social/limits.h"
#include "api/mastodon/mastodon.h"
#include "api/mastodon/params.h"
#include "base/clock.h"
#include "base/log.h"
#include "social/moderation.h"

static const char *method_name(mn_method m)
{
    static const char *const names[] = {
        [MN_GET] = "GET",     [MN_POST] = "POST",     [MN_PUT] = "PUT",
        [MN_PATCH] = "PATCH", [MN_DELETE] = "DELETE", [MN_OPTIONS] = "OPTIONS"};
    return names[m];
}

mn_caller mn_api__caller(const mn_req *r)
{
    const mn_grant *g = mn_masto_grant(r);
    return (mn_caller){r->peer, g->account_id, g->token_id};
}

static bool is_api(const mn_req *r)
{
    return mn_str_starts(r->path, "/api/") || mn_str_starts(r->path, "/oauth/");
}

/* For people a page, for apps Mastodon's words. */
static bool refused(mn_req *r, mn_resp *w, int status, const char *api, const char *page)
{
    if (is_api(r)) mn_masto_error(r, w, status, api);
    else mn_resp_error(r, w, status, "%s", page);
    return true;
}

static void header_u64(mn_req *r, mn_resp *w, const char *name, uint64_t v)
{
    mn_resp_header(w, name, mn_str_fmt(r->arena, "%llu", (unsigned long long)v));
}

/* "2026-11-22T00:25:00.000000Z": six digits of a second, as Mastodon writes them. */
static void header_time(mn_req *r, mn_resp *w, const char *name, int64_t ms)
{
    char t[MN_TIME_MAX];
    mn_time_format(ms, t);
    mn_resp_header(w, name, mn_str_fmt(r->arena, "%.23s000Z", t));
}

static void retry_after(mn_req *r, mn_resp *w, int64_t at_ms)
{
    int64_t wait_s = (at_ms - mn_now_ms() + 999) / 1000;
    header_u64(r, w, "Retry-After", wait_s > 0 ? (uint64_t)wait_s : 1);
}

/* ---- how often ------------------------------------------------------------------------------------------------------- */

static bool too_often(mn_req *r, mn_resp *w, const mn_caller *who)
{
    mn_api *a = r->app;
    mn_rate_state s;
    mn_limits_take(a->limits, method_name(r->method), mn_req_route(r), r->path, who, &s);
    if (!s.rate || !(s.over || is_api(r))) return false;
    header_u64(r, w, "X-RateLimit-Limit", s.limit);
    header_u64(r, w, "X-RateLimit-Remaining", s.remaining);
    header_time(r, w, "X-RateLimit-Reset", s.resets_ms);
    if (!s.over) return false;
    retry_after(r, w, s.resets_ms);
    return refused(r, w, 429, "Too many requests",
                   "that was too often; try again in a few minutes");
}

/* ---- how much is read -------------------------------------------------------------------------------------------------- */

static void reading_headers(mn_req *r, mn_resp *w, const mn_reading *d)
{
    if (!d->limit) return;
    header_u64(r, w, "X-Mynah-Reading-Limit", d->limit);
    header_u64(r, w, "X-Mynah-Reading-Used", d->used);
    header_time(r, w, "X-Mynah-Reading-Reset", d->resets_ms);
}

static bool read_enough(mn_req *r, mn_resp *w, const mn_caller *who)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_reading d;
    mn_rc rc = mn_limits_reading(a->limits, who, &d, &e);
    if (rc != MN_OK) {
        /* Nobody is kept from reading because a count is not to be had. */
        mn_warn("limits", "what was read cannot be counted: %s", e.msg);
        return false;
    }
    if (!d.limit || d.used < d.limit) return false;
    reading_headers(r, w, &d);
    retry_after(r, w, d.resets_ms);
    return refused(r, w, 429,
                   "You have read as many posts today as your plan includes; it starts anew at "
                   "midnight UTC",
                   "you have read as many posts today as are included; reading goes on at "
                   "midnight UTC");
}

static bool may_not_read(mn_req *r, mn_resp *w, const mn_caller *who)
{
    mn_api *a = r->app;
    if (!mn_limits_is_reading(a->limits, method_name(r->method), mn_req_route(r))) return false;
    if (who->account_id == 0 && mn_limits_members_only(a->limits))
        return refused(r, w, 401, "This API requires an authenticated user",
                       "this community reads among itself: sign in to see its posts");
    return mn_limits_counts_reading(a->limits) && read_enough(r, w, who);
}

void mn_api__reading_done(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    const mn_masto_state *s = r->priv;
    mn_err e = {0};
    mn_reading d;
    if (!s || !mn_limits_counts_reading(a->limits)) return;
    if (!mn_limits_is_reading(a->limits, method_name(r->method), mn_req_route(r))) return;
    mn_caller who = mn_api__caller(r);
    mn_rc rc = mn_limits_read(a->limits, &who, s->n_read, &d, &e);
    if (rc == MN_OK) reading_headers(r, w, &d);
    else mn_warn("limits", "what was read cannot be counted: %s", e.msg);
}

void mn_api__read(const mn_req *r, size_t n_posts)
{
    mn_masto_state *s = r->priv;
    if (s) s->n_read += n_posts;
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

bool mn_api__limited(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_caller who = mn_api__caller(r);
    if (mn_moderation_address(a->moderation, r->peer) == MN_IP_NO_ACCESS)
        return refused(r, w, 403, "Access from this address is blocked",
                       "access from this address is blocked");
    return too_often(r, w, &who) || may_not_read(r, w, &who);
}

/* ---- timers ---------------------------------------------------------------------------------------------------------------- */

mn_rc mn_api__limits_flush(mn_api *a, mn_arena *ar, mn_err *e)
{
    (void)ar;
    return mn_limits_flush(a->limits, e);
}

mn_rc mn_api__suspended_purge(mn_api *a, mn_arena *ar, mn_err *e)
{
    size_t n = 0;
    (void)ar;
    MN_TRY(mn_social_suspended_purge(a->home->store, mn_now_ms(), &n, e));
    if (n) mn_info("moderation", "%zu accounts suspended for long are being deleted", n);
    return MN_OK;
}
