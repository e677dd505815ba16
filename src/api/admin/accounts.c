/* /api/v1/admin/accounts and /api/v2/admin/accounts. */
#include "api/admin/admin.h"
#include "api/jobs.h"

/* ---- lists --------------------------------------------------------------------------------------------------------------- */

/* Version 1 says "status" by parameters that are present; version 2 by names. */
static mn_mod_status status_of(const mn_req *r)
{
    static const struct {
        const char *name;
        mn_mod_status status;
    } names[] = {{"active", MN_MOD_ACTIVE},       {"pending", MN_MOD_PENDING},
                 {"disabled", MN_MOD_DISABLED},   {"silenced", MN_MOD_SILENCED},
                 {"suspended", MN_MOD_SUSPENDED}, {"sensitized", MN_MOD_SENSITIZED}};
    mn_str said = mn_param(r, "status");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mn_str_eqz(said, names[i].name) || mn_param_bool(r, names[i].name, false))
            return names[i].status;
    return MN_MOD_ANY;
}

static int role_of(const mn_req *r)
{
    mn_str *ids;
    size_t n = mn_param_list(r, "role_ids", &ids);
    if (n == 0) return -1;
    if (mn_str_eqz(ids[0], "3")) return MN_ROLE_OPERATOR;
    if (mn_str_eqz(ids[0], "1")) return MN_ROLE_MODERATOR;
    return mn_str_eqz(ids[0], "-99") ? MN_ROLE_MEMBER : 99; /* a role that nobody has */
}

static mn_mod_filter filter_of(const mn_req *r)
{
    mn_str origin = mn_param(r, "origin");
    mn_mod_filter f = {
        .status = status_of(r),
        .local = mn_str_eqz(origin, "local") || mn_param_bool(r, "local", false),
        .remote = mn_str_eqz(origin, "remote") || mn_param_bool(r, "remote", false),
        .staff =
            mn_str_eqz(mn_param(r, "permissions"), "staff") || mn_param_bool(r, "staff", false),
        .role = role_of(r),
        .username = mn_param(r, "username"),
        .display_name = mn_param(r, "display_name"),
        .domain = mn_param(r, "by_domain"),
        .email = mn_param(r, "email"),
        .ip = mn_param(r, "ip"),
    };
    mn_str_to_u64(mn_param(r, "invited_by"), &f.invited_by);
    return f;
}

static void list(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_actor by;
    mn_moderated *rows;
    size_t n = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_mod_filter f = filter_of(r);
    mn_page p = mn_masto_page(r, 100, 200);
    mn_page_ids ids = mn_admin_page(&p);
    mn_rc rc = mn_store_moderated_list(v.api->home->store, &f, &ids, r->arena, &rows, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = mn_entity_admin_account(&v, &rows[i], &j, &e);
    mn_jw_array_end(&j);
    if (mn_admin_failed(r, w, rc, &e)) return;
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

/* ---- one ------------------------------------------------------------------------------------------------------------------- */

static void show(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_moderated m;
    mn_rc rc = mn_store_moderated(v.api->home->store, id, r->arena, &m, &e);
    if (rc == MN_OK && m.state == MN_ACCOUNT_DELETED) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_admin_account(&v, &m, &j, &e);
    }
    mn_admin_failed(r, w, rc, &e);
}

static void get(mn_req *r, mn_resp *w)
{
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id)) show(r, w, id);
}

typedef mn_rc act_fn(mn_store *s, mn_actor by, uint64_t id, mn_err *e);

/* Does it and shows how the account is then. `gone`: nothing is left to show. */
static void act(mn_req *r, mn_resp *w, act_fn *fn, bool gone)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    if (mn_admin_failed(r, w, fn(a->home->store, by, id, &e), &e)) return;
    if (gone) mn_masto_empty(w);
    else show(r, w, id);
}

static mn_rc enable(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    return mn_social_moderate_undo(s, by, id, MN_UNDO_DISABLE, e);
}
static mn_rc unsensitive(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    return mn_social_moderate_undo(s, by, id, MN_UNDO_SENSITIVE, e);
}
static mn_rc unsilence(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    return mn_social_moderate_undo(s, by, id, MN_UNDO_SILENCE, e);
}
static mn_rc unsuspend(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    return mn_social_moderate_undo(s, by, id, MN_UNDO_SUSPEND, e);
}

static void post_approve(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_approve, false);
}
static void post_reject(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_reject, true);
}
static void post_enable(mn_req *r, mn_resp *w)
{
    act(r, w, enable, false);
}
static void post_unsensitive(mn_req *r, mn_resp *w)
{
    act(r, w, unsensitive, false);
}
static void post_unsilence(mn_req *r, mn_resp *w)
{
    act(r, w, unsilence, false);
}
static void post_unsuspend(mn_req *r, mn_resp *w)
{
    act(r, w, unsuspend, false);
}
static void delete_account(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_moderate_delete, true);
    mn_api_jobs_wake(r->app);
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static void post_action(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id, *posts;
    int type = MN_STRIKE_NONE;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_act x = {.text = mn_param(r, "text"),
                .tell = mn_param_bool(r, "send_email_notification", true)};
    if (!x.text.ptr) x.text = MN_STR("");
    mn_str_to_u64(mn_param(r, "report_id"), &x.report_id);
    x.n_posts = mn_param_ids(r, "status_ids", &posts);
    if (x.n_posts) x.posts = posts;
    mn_rc rc = mn_name_parse(&mn_strike_names, "type", mn_param(r, "type"), &type, &e);
    x.action = (mn_strike_action)type;
    if (rc == MN_OK) rc = mn_social_moderate(a->home->store, by, id, &x, NULL, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_api_jobs_wake(a);
    mn_masto_empty(w);
}

#define READ  "admin:read:accounts"
#define WRITE "admin:write:accounts"
const mn_route mn_masto__routes_admin_accounts[] = {
    {MN_GET, "/api/v1/admin/accounts", list, 0, MN_RUN_WORKER, READ},
    {MN_GET, "/api/v2/admin/accounts", list, 0, MN_RUN_WORKER, READ},
    {MN_GET, "/api/v1/admin/accounts/:id", get, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v1/admin/accounts/:id/approve", post_approve, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/reject", post_reject, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/enable", post_enable, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/unsensitive", post_unsensitive, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/unsilence", post_unsilence, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/unsuspend", post_unsuspend, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/admin/accounts/:id/action", post_action, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, WRITE},
    {MN_DELETE, "/api/v1/admin/accounts/:id", delete_account, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     WRITE},
    {.path = NULL},
};
