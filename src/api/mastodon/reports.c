/* POST /api/v1/reports, and what a member sees of strikes and limits: /api/mynah/strikes, /api/mynah/limits, /appeals. */
#include "api/mastodon/reports.h"

#include "api/pages/page.h"
#include "base/clock.h"
#include "social/limits.h"
#include "social/moderation.h"

#define BODY_MAX (64u << 10)

void mn_jw__time_or_null(mn_json_writer *j, const char *key, int64_t ms)
{
    mn_jw_key(j, key);
    if (ms) mn_jw_time(j, ms);
    else mn_jw_null(j);
}

void mn_jw__ids(mn_json_writer *j, const char *key, const uint64_t *ids, size_t n)
{
    mn_jw_key(j, key);
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) mn_jw_id(j, ids[i]);
    mn_jw_array_end(j);
}

/* The account, or null when there is none to show. */
static mn_rc kaccount(const mn_view *v, const char *key, uint64_t id, mn_json_writer *j,
                      mn_err *e)
{
    mn_jw_key(j, key);
    mn_rc rc = mn_entity_account(v, id, j, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    mn_jw_null(j);
    return MN_OK;
}

/* ---- entities ---------------------------------------------------------------------------------------------------------- */

mn_rc mn_entity_report(const mn_view *v, const mn_report *r, mn_json_writer *j, mn_err *e)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", r->id);
    mn_jw_kbool(j, "action_taken", r->done_ms != 0);
    mn_jw__time_or_null(j, "action_taken_at", r->done_ms);
    mn_jw_kstrz(j, "category", mn_report_names.names[r->category]);
    mn_jw_kstr(j, "comment", r->comment);
    mn_jw_kbool(j, "forwarded", r->forward);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, r->created_ms);
    mn_jw__ids(j, "status_ids", r->posts, r->n_posts);
    mn_jw__ids(j, "rule_ids", r->rules, r->n_rules);
    mn_jw_key(j, "collection_ids");
    mn_jw_array(j);
    mn_jw_array_end(j);
    MN_TRY(kaccount(v, "target_account", r->target_id, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_report_by_id(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_report r;
    MN_TRY(mn_store_report(v->api->home->store, id, v->arena, &r, e));
    return mn_entity_report(v, &r, j, e);
}

mn_rc mn_entity_warning(const mn_view *v, const mn_strike *k, mn_json_writer *j, mn_err *e)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", k->id);
    mn_jw_kstrz(j, "action", mn_strike_names.names[k->action]);
    mn_jw_kstr(j, "text", k->text);
    mn_jw__ids(j, "status_ids", k->posts, k->n_posts);
    MN_TRY(kaccount(v, "target_account", k->target_id, j, e));
    mn_jw_key(j, "appeal");
    if (k->appeal_id) {
        mn_jw_object(j);
        mn_jw_kstr(j, "text", k->appeal);
        mn_jw_kstrz(j, "state",
                    k->decided_ms == 0 ? "pending"
                    : k->granted       ? "approved"
                                       : "rejected");
        mn_jw_object_end(j);
    } else {
        mn_jw_null(j);
    }
    mn_jw_key(j, "created_at");
    mn_jw_time(j, k->at_ms);
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_warning_by_id(const mn_view *v, uint64_t strike_id, mn_json_writer *j,
                              mn_err *e)
{
    mn_strike k;
    MN_TRY(mn_store_strike(v->api->home->store, strike_id, v->arena, &k, e));
    return mn_entity_warning(v, &k, j, e);
}

/* ---- reporting ------------------------------------------------------------------------------------------------------------ */

static bool read_report(mn_req *r, mn_resp *w, mn_report *ret, mn_err *e)
{
    int category = MN_REPORT_OTHER;
    uint64_t target = 0;
    mn_str name = mn_param(r, "category");
    mn_str_to_u64(mn_param(r, "account_id"), &target);
    if (name.len && mn_name_parse(&mn_report_names, "category", name, &category, e) != MN_OK) {
        mn_masto_fail(r, w, e);
        return false;
    }
    *ret = (mn_report){.account_id = mn_masto_me(r),
                       .target_id = target,
                       .category = (mn_report_category)category,
                       .comment = mn_param(r, "comment"),
                       .forward = mn_param_bool(r, "forward", false)};
    if (!ret->comment.ptr) ret->comment = MN_STR("");
    ret->n_posts = mn_param_ids(r, "status_ids", &ret->posts);
    ret->n_rules = mn_param_ids(r, "rule_ids", &ret->rules);
    if (name.len && category != MN_REPORT_VIOLATION) ret->n_rules = 0;
    return true;
}

static void report(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_report x;
    uint64_t id;
    mn_view v = mn_masto_view(r);
    if (!read_report(r, w, &x, &e)) return;
    mn_rc rc = mn_social_report(a->home->store, &x, &id, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_report_by_id(&v, id, &j, &e);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

/* ---- one's own strikes ------------------------------------------------------------------------------------------------------ */

static void strikes(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_strike *list;
    size_t n = 0;
    mn_page p = mn_masto_page(r, 20, 80);
    mn_page_ids ids = {p.max_id, p.since_id, p.min_id, p.limit};
    mn_view v = mn_masto_view(r);
    mn_rc rc = mn_store_strikes(a->home->store, v.me, false, &ids, r->arena, &list, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = mn_entity_warning(&v, &list[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, list[0].id, list[n - 1].id, n == p.limit);
}

static void appeal(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    uint64_t id;
    mn_view v = mn_masto_view(r);
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_appeal(a->home->store, v.me, id, mn_param(r, "text"), &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_warning_by_id(&v, id, &j, &e);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

/* ---- the page that the mail leads to: for those who cannot sign in any more -------------------------------------------------- */

static bool strike_of_link(mn_req *r, mn_resp *w, mn_strike *ret)
{
    mn_api *a = r->app;
    mn_err e = {0};
    uint64_t id = 0;
    bool right = false;
    mn_rc rc = mn_str_to_u64(mn_req_param(r, "id"), &id) == MN_OK
                   ? mn_social_appeal_code_right(a->home->store, id, mn_req_param(r, "code"),
                                                 &right, &e)
                   : MN_OK;
    if (rc == MN_OK && right) rc = mn_store_strike(a->home->store, id, r->arena, ret, &e);
    if (rc == MN_OK && right) return true;
    if (rc == MN_OK || rc == MN_E_NOT_FOUND)
        mn_resp_error(r, w, 404, "there is nothing at this address");
    else mn_page_failed(r, w, &e);
    return false;
}

static void appeal_form(mn_buf *b, const mn_strike *k, const char *fault)
{
    if (fault) {
        H(b, "<p class=\"error\" role=\"alert\">");
        mn_h_textz(b, fault);
        H(b, "</p>");
    }
    if (k->appeal_id) {
        H(b, "<h2>What you wrote</h2><p dir=\"auto\">");
        mn_h_text(b, k->appeal);
        H(b, "</p><p>");
        mn_h_textz(b, k->decided_ms == 0 ? "It has not been decided yet."
                      : k->granted       ? "The moderators agreed; it was taken back."
                                         : "The moderators have looked at it again and stay "
                                           "with their decision.");
        H(b, "</p>");
        return;
    }
    H(b, "<form method=\"post\"><p><label for=\"text\">Why is this wrong?</label></p>"
         "<p><textarea id=\"text\" name=\"text\" rows=\"8\" maxlength=\"2000\" "
         "required></textarea></p><p><button>Send to the moderators</button></p></form>");
}

static void appeal_show(mn_req *r, mn_resp *w, const mn_strike *k, const char *fault)
{
    mn_buf *b = mn_page_open(r, w, "Appeal", MN_TAB_NONE);
    H(b, "<section class=\"card\"><h1>A decision about your account</h1><p>On ");
    mn_h_time(b, k->at_ms);
    H(b, " the moderators decided: <b>");
    mn_h_textz(b, mn_strike_names.names[k->action]);
    H(b, "</b>.</p>");
    if (k->text.len) {
        H(b, "<blockquote dir=\"auto\">");
        mn_h_text(b, k->text);
        H(b, "</blockquote>");
    }
    appeal_form(b, k, fault);
    H(b, "</section>");
    mn_page_close(r, w);
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
}

static void appeal_page(mn_req *r, mn_resp *w)
{
    mn_strike k;
    if (strike_of_link(r, w, &k)) appeal_show(r, w, &k, NULL);
}

static void appeal_send(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_strike k;
    if (!strike_of_link(r, w, &k)) return;
    mn_rc rc = mn_social_appeal(a->home->store, k.target_id, k.id, mn_param(r, "text"), &e);
    if (rc == MN_OK) {
        mn_resp_status(w, 303);
        mn_resp_header(w, "Location", r->path);
        return;
    }
    appeal_show(r, w, &k, e.msg);
    mn_resp_status(w, 422);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------- */

static void plan_items(const mn_limits *l, mn_level level, mn_json_writer *j)
{
    mn_jw_key(j, "includes");
    mn_jw_array(j);
    for (int i = 0; i < MN_PLAN_ITEMS; i++) {
        uint64_t n = mn_limits_of(l, level, (mn_plan_item)i);
        mn_jw_object(j);
        mn_jw_kstrz(j, "name", mn_plan[i].name);
        mn_jw_kstrz(j, "description", mn_plan[i].help);
        mn_jw_kstrz(j, "unit", mn_plan[i].unit);
        mn_jw_key(j, "limit");
        if (n) mn_jw_u64(j, n);
        else mn_jw_null(j);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

/* {"level", "reading": {"limit", "used", "resets_at"}, "includes": […], "plans": {"member": […] …}} */
static void limits(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_reading d;
    mn_caller who = mn_api__caller(r);
    if (mn_limits_reading(a->limits, &who, &d, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "level", mn_level_name(d.level));
    mn_jw_key(&j, "reading");
    mn_jw_object(&j);
    mn_jw_key(&j, "limit");
    if (d.limit) mn_jw_u64(&j, d.limit);
    else mn_jw_null(&j);
    mn_jw_ku64(&j, "used", d.used);
    mn_jw_key(&j, "resets_at");
    mn_jw_time(&j, d.resets_ms);
    mn_jw_object_end(&j);
    plan_items(a->limits, d.level, &j);
    mn_jw_key(&j, "plans");
    mn_jw_object(&j);
    for (int k = MN_LEVEL_ANONYMOUS; k < MN_LEVELS; k++) {
        mn_jw_key(&j, mn_level_name((mn_level)k));
        mn_jw_object(&j);
        plan_items(a->limits, (mn_level)k, &j);
        mn_jw_object_end(&j);
    }
    mn_jw_object_end(&j);
    mn_jw_object_end(&j);
}

static void limits_page(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_buf *b = mn_page_open(r, w, "Limits and plans", MN_TAB_ABOUT);
    H(b, "<section class=\"card\">");
    if (mn_limits_html(a->limits, b, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    H(b, "</section>");
    mn_page_close(r, w);
}

const mn_route mn_masto__routes_reports[] = {
    {MN_POST, "/api/v1/reports", report, BODY_MAX, MN_RUN_WORKER, "write:reports"},
    {MN_GET, "/api/mynah/strikes", strikes, 0, MN_RUN_HERE, "read:accounts"},
    {MN_POST, "/api/mynah/strikes/:id/appeal", appeal, BODY_MAX, MN_RUN_WORKER,
     "write:accounts"},
    {MN_GET, "/api/mynah/limits", limits, 0, MN_RUN_HERE, ""},
    {MN_GET, "/about/limits", limits_page, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/appeals/:id/:code", appeal_page, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/appeals/:id/:code", appeal_send, BODY_MAX, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
