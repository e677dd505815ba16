/* /api/v1/admin/reports. */
#include "api/admin/admin.h"

static void list(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_actor by;
    mn_report *rows;
    size_t n = 0;
    mn_report_filter f = {.resolved = mn_param_bool(r, "resolved", false)};
    if (!mn_admin_actor(r, w, &by)) return;
    mn_str_to_u64(mn_param(r, "account_id"), &f.account_id);
    mn_str_to_u64(mn_param(r, "target_account_id"), &f.target_id);
    mn_str_to_u64(mn_param(r, "assigned_account_id"), &f.assigned_id);
    mn_page p = mn_masto_page(r, 100, 200);
    mn_page_ids ids = mn_admin_page(&p);
    mn_rc rc = mn_store_reports(v.api->home->store, &f, &ids, r->arena, &rows, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = mn_entity_admin_report(&v, &rows[i], &j, &e);
    mn_jw_array_end(&j);
    if (mn_admin_failed(r, w, rc, &e)) return;
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

static void show(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_report x;
    mn_rc rc = mn_store_report(v.api->home->store, id, r->arena, &x, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_admin_report(&v, &x, &j, &e);
    }
    mn_admin_failed(r, w, rc, &e);
}

static void get(mn_req *r, mn_resp *w)
{
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id)) show(r, w, id);
}

static void put(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_report x;
    uint64_t id, *rules;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_report(a->home->store, id, r->arena, &x, &e);
    int category = rc == MN_OK ? (int)x.category : 0;
    mn_str name = mn_param(r, "category");
    bool has_rules = mn_param_has(r, "rule_ids");
    size_t n = mn_param_ids(r, "rule_ids", &rules);
    if (rc == MN_OK && name.len)
        rc = mn_name_parse(&mn_report_names, "category", name, &category, &e);
    else if (n) category = MN_REPORT_VIOLATION;
    if (rc == MN_OK)
        rc = mn_social_report_recategorise(a->home->store, by, id, (mn_report_category)category,
                                           has_rules ? rules : NULL, n, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, id);
}

static void act(mn_req *r, mn_resp *w, mn_report_do what)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_report_do(a->home->store, by, id, what, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, id);
}

static void assign(mn_req *r, mn_resp *w)
{
    act(r, w, MN_REPORT_ASSIGN);
}
static void unassign(mn_req *r, mn_resp *w)
{
    act(r, w, MN_REPORT_UNASSIGN);
}
static void resolve(mn_req *r, mn_resp *w)
{
    act(r, w, MN_REPORT_RESOLVE);
}
static void reopen(mn_req *r, mn_resp *w)
{
    act(r, w, MN_REPORT_REOPEN);
}

#define READ  "admin:read:reports"
#define WRITE "admin:write:reports"
const mn_route mn_masto__routes_admin_reports[] = {
    {MN_GET, "/api/v1/admin/reports", list, 0, MN_RUN_WORKER, READ},
    {MN_GET, "/api/v1/admin/reports/:id", get, 0, MN_RUN_HERE, READ},
    {MN_PUT, "/api/v1/admin/reports/:id", put, MN_ADMIN_BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/reports/:id/assign_to_self", assign, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/reports/:id/unassign", unassign, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     WRITE},
    {MN_POST, "/api/v1/admin/reports/:id/resolve", resolve, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     WRITE},
    {MN_POST, "/api/v1/admin/reports/:id/reopen", reopen, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     WRITE},
    {.path = NULL},
};
