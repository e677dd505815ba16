/* What a member lets through: the policy, in its two forms, and the requests of senders that it set aside. */
#include "api/mastodon/notifications.h"

#define LIMIT     40
#define LIMIT_MAX 80
#define IDS_MAX   100
#define BODY      (16u << 10)

/* ---- policy ------------------------------------------------------------------------------------------------------ */

static const char *const values[] = {"accept", "filter", "drop"};

/* The classes of senders by name in version 2 and version 1 (which has no word for the last). */
static const struct {
    const char *v2, *v1;
    size_t offset;
} classes[] = {
    {"for_not_following", "filter_not_following",
     offsetof(mn_notification_policy, not_following)},
    {"for_not_followers", "filter_not_followers",
     offsetof(mn_notification_policy, not_followers)},
    {"for_new_accounts", "filter_new_accounts", offsetof(mn_notification_policy, new_accounts)},
    {"for_private_mentions", "filter_private_mentions",
     offsetof(mn_notification_policy, private_mentions)},
    {"for_limited_accounts", NULL, offsetof(mn_notification_policy, limited_accounts)},
};
#define CLASSES (sizeof classes / sizeof *classes)

static mn_policy_value *value_of(mn_notification_policy *p, size_t i)
{
    return (mn_policy_value *)(void *)((char *)p + classes[i].offset);
}

static mn_rc put_summary(mn_req *r, mn_json_writer *j, mn_err *e)
{
    uint64_t requests = 0, notifications = 0;
    MN_TRY(mn_store_notification_requests_count(mn_api_store(r->app), mn_masto_me(r), &requests,
                                                &notifications, e));
    mn_jw_key(j, "summary");
    mn_jw_object(j);
    mn_jw_ku64(j, "pending_requests_count", requests);
    mn_jw_ku64(j, "pending_notifications_count", notifications);
    mn_jw_object_end(j);
    return MN_OK;
}

static void answer_policy(mn_req *r, mn_resp *w, bool old)
{
    mn_err e = {0};
    mn_notification_policy p;
    mn_rc rc = mn_store_policy(mn_api_store(r->app), mn_masto_me(r), &p, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        mn_jw_object(&j);
        for (size_t i = 0; i < CLASSES; i++) {
            mn_policy_value v = *value_of(&p, i);
            if (!old) mn_jw_kstrz(&j, classes[i].v2, values[v]);
            else if (classes[i].v1) mn_jw_kbool(&j, classes[i].v1, v != MN_POLICY_ACCEPT);
        }
        rc = put_summary(r, &j, &e);
        mn_jw_object_end(&j);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

/* What was sent, over what holds; MN_E_USAGE for a word that is none. */
static mn_rc read_policy(const mn_req *r, bool old, mn_notification_policy *p, mn_err *e)
{
    for (size_t i = 0; i < CLASSES; i++) {
        const char *name = old ? classes[i].v1 : classes[i].v2;
        mn_str s = name ? mn_param(r, name) : MN_STR_NONE;
        if (!s.ptr) continue;
        if (old) {
            *value_of(p, i) =
                mn_param_bool(r, name, false) ? MN_POLICY_FILTER : MN_POLICY_ACCEPT;
            continue;
        }
        size_t k = 0;
        while (k < 3 && !mn_str_eqz(s, values[k])) k++;
        if (k == 3)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: %s should be accept, filter or drop", name);
        *value_of(p, i) = (mn_policy_value)k;
    }
    return MN_OK;
}

typedef struct policy_change {
    mn_req *r;
    bool old;
} policy_change;

static mn_rc do_policy(mn_tx *tx, void *arg, mn_err *e)
{
    const policy_change *x = arg;
    mn_notification_policy p;
    MN_TRY(mn_store_policy_tx(tx, mn_masto_me(x->r), &p, e));
    MN_TRY(read_policy(x->r, x->old, &p, e));
    return mn_store_policy_set(tx, mn_masto_me(x->r), &p, e);
}

static void set_policy(mn_req *r, mn_resp *w, bool old)
{
    policy_change x = {r, old};
    if (mn_masto__transact(r, w, do_policy, &x)) answer_policy(r, w, old);
}

static void get_policy_v1(mn_req *r, mn_resp *w)
{
    answer_policy(r, w, true);
}

static void get_policy(mn_req *r, mn_resp *w)
{
    answer_policy(r, w, false);
}

static void set_policy_v1(mn_req *r, mn_resp *w)
{
    set_policy(r, w, true);
}

static void set_policy_v2(mn_req *r, mn_resp *w)
{
    set_policy(r, w, false);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void get_requests(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_notification_request *list = NULL;
    size_t n = 0;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_view v = mn_masto_view(r);
    mn_rc rc = mn_store_notification_requests(mn_api_store(r->app), v.me, mn_masto__bounds(&p),
                                              r->arena, &list, &n, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        mn_jw_array(&j);
        rc = mn_masto__requests(&v, list, n, &j, &e);
        mn_jw_array_end(&j);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, list[0].id, list[n - 1].id, n == p.limit);
}

static void get_request(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    mn_notification_request x;
    mn_view v = mn_masto_view(r);
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_notification_request(mn_api_store(r->app), v.me, id, &x, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_masto__requests(&v, &x, 1, &j, &e);
        if (rc == MN_OK && mn_resp_body(w)->len == 0) rc = MN_E_NOT_FOUND;
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

typedef struct ending {
    uint64_t me, *ids;
    size_t n;
    bool accept, bulk;
} ending;

static mn_rc do_end(mn_tx *tx, void *arg, mn_err *e)
{
    const ending *x = arg;
    for (size_t i = 0; i < x->n; i++) {
        mn_rc rc = mn_store_notification_request_end(tx, x->me, x->ids[i], x->accept, e);
        if (rc == MN_E_NOT_FOUND && x->bulk) continue; /* of many, those that are there */
        if (rc != MN_OK) return rc;
    }
    return MN_OK;
}

static void end_one(mn_req *r, mn_resp *w, bool accept)
{
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    ending x = {.me = mn_masto_me(r), .ids = &id, .n = 1, .accept = accept};
    if (mn_masto__transact(r, w, do_end, &x)) mn_masto_empty(w);
}

static void end_many(mn_req *r, mn_resp *w, bool accept)
{
    ending x = {.me = mn_masto_me(r), .accept = accept, .bulk = true};
    x.n = mn_param_ids(r, "id", &x.ids);
    if (x.n > IDS_MAX) x.n = IDS_MAX;
    if (mn_masto__transact(r, w, do_end, &x)) mn_masto_empty(w);
}

static void accept_one(mn_req *r, mn_resp *w)
{
    end_one(r, w, true);
}

static void dismiss_one(mn_req *r, mn_resp *w)
{
    end_one(r, w, false);
}

static void accept_many(mn_req *r, mn_resp *w)
{
    end_many(r, w, true);
}

static void dismiss_many(mn_req *r, mn_resp *w)
{
    end_many(r, w, false);
}

/* Accepting is one transaction: what was accepted has joined the list when the answer is there. */
static void merged(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kbool(&j, "merged", true);
    mn_jw_object_end(&j);
}

#define READ  "read:notifications"
#define WRITE "write:notifications"
#define AT    "/api/v1/notifications/requests"

const mn_route mn_masto__routes_notification_requests[] = {
    {MN_GET, "/api/v1/notifications/policy", get_policy_v1, 0, MN_RUN_HERE, READ},
    {MN_PUT, "/api/v1/notifications/policy", set_policy_v1, BODY, MN_RUN_WORKER, WRITE},
    {MN_PATCH, "/api/v1/notifications/policy", set_policy_v1, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/notifications/policy", get_policy, 0, MN_RUN_HERE, READ},
    {MN_PATCH, "/api/v2/notifications/policy", set_policy_v2, BODY, MN_RUN_WORKER, WRITE},
    {MN_PUT, "/api/v2/notifications/policy", set_policy_v2, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, AT, get_requests, 0, MN_RUN_HERE, READ},
    {MN_GET, AT "/merged", merged, 0, MN_RUN_HERE, READ},
    {MN_POST, AT "/accept", accept_many, BODY, MN_RUN_WORKER, WRITE},
    {MN_POST, AT "/dismiss", dismiss_many, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, AT "/:id", get_request, 0, MN_RUN_HERE, READ},
    {MN_POST, AT "/:id/accept", accept_one, BODY, MN_RUN_WORKER, WRITE},
    {MN_POST, AT "/:id/dismiss", dismiss_one, BODY, MN_RUN_WORKER, WRITE},
    {.path = NULL},
};
