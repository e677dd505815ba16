/* Subscriptions: made, shown, changed and ended by the app that holds the token they belong to. */
#include "api/mastodon/push.h"

#include "base/clock.h"
#include "base/snowflake.h"

#define ENDPOINT_MAX 2048

static const char *const policies[] = {
    [MN_PUSH_ALL] = "all",
    [MN_PUSH_FOLLOWED] = "followed",
    [MN_PUSH_FOLLOWER] = "follower",
    [MN_PUSH_NONE] = "none",
};

static void write_push(mn_api *a, mn_resp *w, const mn_push *p)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kid(&j, "id", p->id);
    mn_jw_kstr(&j, "endpoint", p->endpoint);
    mn_jw_kbool(&j, "standard", p->standard);
    mn_jw_key(&j, "alerts");
    mn_jw_object(&j);
    for (int k = 1; k < MN_NOTICE_KINDS; k++)
        mn_jw_kbool(&j, mn_notice_name((mn_notice_kind)k), p->alerts & MN_NOTICE_BIT(k));
    mn_jw_object_end(&j);
    mn_jw_kstrz(&j, "server_key", mn_api__vapid_public(a));
    mn_jw_kstrz(&j, "policy", policies[p->policy]);
    mn_jw_object_end(&j);
}

/* data[alerts][mention] …: those that are true. */
static mn_notice_set read_alerts(const mn_req *r)
{
    mn_notice_set set = 0;
    for (int k = 1; k < MN_NOTICE_KINDS; k++) {
        mn_str name =
            mn_str_fmt(r->arena, "data[alerts][%s]", mn_notice_name((mn_notice_kind)k));
        if (name.ptr && mn_param_bool(r, name.ptr, false)) set |= MN_NOTICE_BIT(k);
    }
    return set;
}

/* Absent or unknown: everybody. */
static mn_push_policy read_policy(const mn_req *r)
{
    mn_str s = mn_param(r, "data[policy]");
    if (s.len == 0) s = mn_param(r, "policy");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (mn_str_eqz(s, policies[i])) return (mn_push_policy)i;
    return MN_PUSH_ALL;
}

static mn_str bearer_of(const mn_req *r)
{
    mn_str token, kind = mn_str_split(mn_req_header(r, "Authorization"), ' ', &token);
    if (mn_str_eq_nocase(kind, MN_STR("Bearer"))) return mn_str_trim(token);
    return mn_param(r, "access_token");
}

/* False: answered. */
static bool read_subscription(mn_req *r, mn_resp *w, mn_push *p)
{
    mn_api *a = r->app;
    mn_err e = {0};
    p->endpoint = mn_param(r, "subscription[endpoint]");
    p->p256dh = mn_param(r, "subscription[keys][p256dh]");
    p->auth = mn_param(r, "subscription[keys][auth]");
    p->standard = mn_param_bool(r, "subscription[standard]", false);
    if (p->endpoint.len == 0 || p->endpoint.len > ENDPOINT_MAX ||
        mn_client_url_check(a->client, p->endpoint, &e) != MN_OK) {
        mn_masto_error(r, w, 422, "Validation failed: Endpoint is not a valid URL");
        return false;
    }
    if (mn_webpush_keys_check(p->p256dh, p->auth, &e) == MN_OK) return true;
    mn_str words = mn_str_fmt(r->arena, "Validation failed: %s", e.msg);
    mn_masto_error(r, w, 422, words.ptr ? words.ptr : "Validation failed");
    return false;
}

static void answer_push(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_push p;
    mn_err e = {0};
    mn_rc rc = mn_store_push(a->home->store, mn_masto_grant(r)->token_id, r->arena, &p, &e);
    e.rc = rc;
    if (rc == MN_OK) write_push(a, w, &p);
    else mn_masto_fail(r, w, &e);
}

static void post_push(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    const mn_grant *g = mn_masto_grant(r);
    mn_tx *tx;
    mn_err e = {0};
    mn_push p = {.id = mn_snowflake_next(),
                 .token_id = g->token_id,
                 .account_id = g->account_id,
                 .access_token = g->web ? MN_STR("") : bearer_of(r), /* a cookie goes nowhere */
                 .alerts = read_alerts(r),
                 .policy = read_policy(r),
                 .created_ms = mn_now_ms()};
    if (!read_subscription(r, w, &p)) return;
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK) {
        rc = mn_store_push_set(tx, &p, &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc == MN_OK) answer_push(r, w);
    else mn_masto_fail(r, w, &e);
}

static void put_push(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_tx *tx;
    mn_err e = {0};
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK) {
        rc = mn_store_push_change(tx, mn_masto_grant(r)->token_id, read_alerts(r),
                                  read_policy(r), &e);
        rc = mn_store_end(tx, rc, &e);
    }
    e.rc = rc;
    if (rc == MN_OK) answer_push(r, w);
    else mn_masto_fail(r, w, &e);
}

static void delete_push(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_tx *tx;
    mn_err e = {0};
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK) {
        rc = mn_store_push_remove(tx, mn_masto_grant(r)->token_id, 0, &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_fail(r, w, &e);
}

const mn_route mn_masto__routes_push[] = {
    {MN_GET, "/api/v1/push/subscription", answer_push, 0, MN_RUN_HERE, "push"},
    {MN_POST, "/api/v1/push/subscription", post_push, 16384, MN_RUN_WORKER, "push"},
    {MN_PUT, "/api/v1/push/subscription", put_push, 16384, MN_RUN_WORKER, "push"},
    {MN_DELETE, "/api/v1/push/subscription", delete_push, 16384, MN_RUN_WORKER, "push"},
    {.path = NULL},
};
