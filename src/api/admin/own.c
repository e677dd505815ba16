/* /api/mynah/admin: what Mastodon has as pages only. Rules, announcements, word filters, strikes and appeals, notes, roles and
 * plans, the audit log, settings as they are, what waits. */
#include "api/admin/admin.h"

#include "base/clock.h"
#include "base/conf.h"
#include "social/settings.h"

static mn_str or_empty(mn_str s)
{
    return s.ptr ? s : MN_STR("");
}

/* ":id", or 0 where the route has none. */
static bool id_or_none(mn_req *r, mn_resp *w, uint64_t *ret)
{
    *ret = 0;
    return mn_req_param(r, "id").ptr == NULL || mn_masto_id(r, w, "id", ret);
}

/* {"id": "…"}: what was made or changed. */
static void answer_id(mn_req *r, mn_resp *w, mn_rc rc, uint64_t id, mn_err *e)
{
    if (mn_admin_failed(r, w, rc, e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kid(&j, "id", id);
    mn_jw_object_end(&j);
}

static void answer_empty(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e)
{
    if (!mn_admin_failed(r, w, rc, e)) mn_masto_empty(w);
}

/* ---- what waits -------------------------------------------------------------------------------------------------------------- */

static void waiting(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t accounts, reports, appeals;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_rc rc = mn_store_moderation_waiting(a->home->store, &accounts, &reports, &appeals, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_ku64(&j, "accounts", accounts);
    mn_jw_ku64(&j, "reports", reports);
    mn_jw_ku64(&j, "appeals", appeals);
    mn_jw_object_end(&j);
}

/* ---- rules ---------------------------------------------------------------------------------------------------------------------- */

static bool rule_of(mn_store *s, uint64_t id, mn_arena *ar, mn_rule *ret)
{
    mn_err e = {0};
    mn_rule *rules;
    size_t n = 0;
    if (mn_store_rules(s, ar, &rules, &n, &e) != MN_OK) return false;
    for (size_t i = 0; i < n; i++)
        if (rules[i].id == id) {
            *ret = rules[i];
            return true;
        }
    return false;
}

static void rule_save(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    int64_t place;
    mn_rule x = {.text = MN_STR(""), .hint = MN_STR("")};
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !id_or_none(r, w, &id)) return;
    if (id && !rule_of(a->home->store, id, r->arena, &x)) {
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    }
    if (!mn_param_i64(r, w, "place", 0, 100000, x.place, &place)) return;
    x.place = (int)place;
    if (mn_param_has(r, "text")) x.text = or_empty(mn_param(r, "text"));
    if (mn_param_has(r, "hint")) x.hint = or_empty(mn_param(r, "hint"));
    mn_rc rc = mn_social_rule_put(a->home->store, by, &x, &id, &e);
    answer_id(r, w, rc, id, &e);
}

static void rule_delete(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id))
        answer_empty(r, w, mn_social_rule_delete(a->home->store, by, id, &e), &e);
}

/* ---- announcements ----------------------------------------------------------------------------------------------------------------- */

static void announcements(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_store *s = v.api->home->store;
    mn_err e = {0};
    mn_actor by;
    mn_announcement *list;
    size_t n = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_rc rc = mn_store_announcements(s, v.me, 0, r->arena, &list, &n, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kid(&j, "id", list[i].id);
        mn_jw_kstr(&j, "text", list[i].text);
        mn_jw__time_or_null(&j, "starts_at", list[i].starts_ms);
        mn_jw__time_or_null(&j, "ends_at", list[i].ends_ms);
        mn_jw_kbool(&j, "all_day", list[i].all_day);
        mn_jw__time_or_null(&j, "published_at", list[i].published_ms);
        mn_jw_key(&j, "updated_at");
        mn_jw_time(&j, list[i].updated_ms);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
}

/* A time parameter: absent leaves it, empty clears it. */
static bool time_param(mn_req *r, mn_resp *w, const char *name, int64_t *ret)
{
    mn_str s = mn_param(r, name);
    if (!mn_param_has(r, name)) return true;
    if (s.len == 0) {
        *ret = 0;
        return true;
    }
    if (mn_time_parse(s, ret) == MN_OK) return true;
    mn_masto_error(r, w, 422, "Validation failed: times look like 2026-11-22T09:00:00Z");
    return false;
}

static bool announcement_params(mn_req *r, mn_resp *w, mn_announcement *x)
{
    if (mn_param_has(r, "text")) x->text = or_empty(mn_param(r, "text"));
    x->all_day = mn_param_bool(r, "all_day", x->all_day);
    if (!time_param(r, w, "starts_at", &x->starts_ms)) return false;
    if (!time_param(r, w, "ends_at", &x->ends_ms)) return false;
    if (!time_param(r, w, "published_at", &x->published_ms)) return false;
    bool published = mn_param_bool(r, "published", x->published_ms != 0);
    if (!published) x->published_ms = 0;
    else if (!x->published_ms) x->published_ms = mn_now_ms();
    return true;
}

static void announcement_save(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_announcement *list, x = {.text = MN_STR(""), .published_ms = mn_now_ms()};
    size_t n = 0;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !id_or_none(r, w, &id)) return;
    mn_rc rc = mn_store_announcements(a->home->store, 0, 0, r->arena, &list, &n, &e);
    for (size_t i = 0; id && i < n; i++)
        if (list[i].id == id) x = list[i];
    if (rc == MN_OK && x.id != id) rc = MN_E_NOT_FOUND;
    if (mn_admin_failed(r, w, rc, &e) || !announcement_params(r, w, &x)) return;
    rc = mn_social_announce(a->home->store, by, &x, &id, &e);
    answer_id(r, w, rc, id, &e);
}

static void announcement_delete(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id))
        answer_empty(r, w, mn_social_announcement_delete(a->home->store, by, id, &e), &e);
}

/* ---- word filters ------------------------------------------------------------------------------------------------------------------- */

static void filter_write(const mn_word_filter *f, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", f->id);
    mn_jw_kstr(j, "pattern", f->pattern);
    mn_jw_kstrz(j, "kind", mn_word_kind_names.names[f->kind]);
    mn_jw_kstrz(j, "action", mn_word_action_names.names[f->action]);
    mn_jw_kstr(j, "comment", f->comment);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, f->at_ms);
    mn_jw_object_end(j);
}

static void filters(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_word_filter *list;
    size_t n = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_rc rc = mn_store_word_filters(a->home->store, r->arena, &list, &n, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) filter_write(&list[i], &j);
    mn_jw_array_end(&j);
}

static mn_rc filter_params(const mn_req *r, mn_word_filter *f, mn_err *e)
{
    int kind = (int)f->kind, action = (int)f->action;
    if (mn_param_has(r, "pattern")) f->pattern = or_empty(mn_param(r, "pattern"));
    if (mn_param_has(r, "comment")) f->comment = or_empty(mn_param(r, "comment"));
    if (mn_param(r, "kind").len)
        MN_TRY(mn_name_parse(&mn_word_kind_names, "kind", mn_param(r, "kind"), &kind, e));
    if (mn_param(r, "action").len)
        MN_TRY(
            mn_name_parse(&mn_word_action_names, "action", mn_param(r, "action"), &action, e));
    f->kind = (mn_word_kind)kind;
    f->action = (mn_word_action)action;
    return MN_OK;
}

static void filter_save(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_word_filter *list, x = {.pattern = MN_STR(""), .comment = MN_STR("")};
    size_t n = 0;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !id_or_none(r, w, &id)) return;
    mn_rc rc = mn_store_word_filters(a->home->store, r->arena, &list, &n, &e);
    for (size_t i = 0; id && i < n; i++)
        if (list[i].id == id) x = list[i];
    if (rc == MN_OK && x.id != id) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = filter_params(r, &x, &e);
    if (rc == MN_OK) rc = mn_social_word_filter_put(a->home->store, by, &x, &id, &e);
    answer_id(r, w, rc, id, &e);
}

static void filter_delete(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id))
        answer_empty(
            r, w, mn_social_mod_delete(a->home->store, by, MN_TABLE_WORD_FILTERS, id, &e), &e);
}

/* ---- strikes, appeals, notes --------------------------------------------------------------------------------------------------------- */

/* ?appealed=true: those whose appeal waits; ?account_id=: one account's. */
static void strikes(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_actor by;
    mn_strike *list;
    size_t n = 0;
    uint64_t target = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_page p = mn_masto_page(r, 40, 80);
    mn_page_ids ids = mn_admin_page(&p);
    mn_str_to_u64(mn_param(r, "account_id"), &target);
    mn_rc rc = mn_store_strikes(v.api->home->store, target, mn_param_bool(r, "appealed", false),
                                &ids, r->arena, &list, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = mn_entity_warning(&v, &list[i], &j, &e);
    mn_jw_array_end(&j);
    if (mn_admin_failed(r, w, rc, &e)) return;
    if (n) mn_masto_link(r, w, list[0].id, list[n - 1].id, n == p.limit);
}

static void decide(mn_req *r, mn_resp *w, bool granted)
{
    mn_view v = mn_masto_view(r);
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_appeal_decide(v.api->home->store, by, id, granted, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_warning_by_id(&v, id, &j, &e);
    }
    mn_admin_failed(r, w, rc, &e);
}

static void appeal_approve(mn_req *r, mn_resp *w)
{
    decide(r, w, true);
}
static void appeal_reject(mn_req *r, mn_resp *w)
{
    decide(r, w, false);
}

static void notes(mn_req *r, mn_resp *w, bool report)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_mod_note *list;
    size_t n = 0;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_mod_notes(a->home->store, report ? 0 : id, report ? id : 0, r->arena,
                                  &list, &n, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kid(&j, "id", list[i].id);
        mn_jw_kid(&j, "account_id", list[i].account_id);
        mn_jw_kstr(&j, "content", list[i].text);
        mn_jw_key(&j, "created_at");
        mn_jw_time(&j, list[i].at_ms);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
}

static void note_add(mn_req *r, mn_resp *w, bool report)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_mod_note x = {.target_id = report ? 0 : id,
                     .report_id = report ? id : 0,
                     .text = or_empty(mn_param(r, "content"))};
    mn_rc rc = mn_social_note_add(a->home->store, by, &x, &id, &e);
    answer_id(r, w, rc, id, &e);
}

static void account_notes(mn_req *r, mn_resp *w)
{
    notes(r, w, false);
}
static void account_note_add(mn_req *r, mn_resp *w)
{
    note_add(r, w, false);
}
static void report_notes(mn_req *r, mn_resp *w)
{
    notes(r, w, true);
}
static void report_note_add(mn_req *r, mn_resp *w)
{
    note_add(r, w, true);
}

/* ---- roles and plans ------------------------------------------------------------------------------------------------------------------- */

static void role_set(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_account_role role;
    uint64_t id;
    mn_str name = mn_str_dup(r->arena, mn_param(r, "role"));
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_role_parse(name.ptr ? name.ptr : "", &role, &e);
    if (rc == MN_OK) rc = mn_social_role_set(a->home->store, by, id, role, &e);
    answer_empty(r, w, rc, &e);
}

static void plan_set(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_plan_set(a->home->store, by, id, or_empty(mn_param(r, "plan")), &e);
    answer_empty(r, w, rc, &e);
}

/* ---- the audit log, settings -------------------------------------------------------------------------------------------------------------- */

static void audit(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_audit *list;
    size_t n = 0;
    uint64_t account = 0, target = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_page p = mn_masto_page(r, 40, 200);
    mn_page_ids ids = mn_admin_page(&p);
    mn_str_to_u64(mn_param(r, "account_id"), &account);
    mn_str_to_u64(mn_param(r, "target_id"), &target);
    mn_rc rc = mn_store_audits(a->home->store, account, or_empty(mn_param(r, "target_type")),
                               target, &ids, r->arena, &list, &n, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kid(&j, "id", list[i].id);
        mn_jw_kid(&j, "account_id", list[i].account_id);
        mn_jw_kstr(&j, "account_name", list[i].account_name);
        mn_jw_kstr(&j, "action", list[i].action);
        mn_jw_kstr(&j, "target_type", list[i].target_kind);
        mn_jw_kid(&j, "target_id", list[i].target_id);
        mn_jw_kstr(&j, "detail", list[i].detail);
        mn_jw_key(&j, "created_at");
        mn_jw_time(&j, list[i].at_ms);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    if (n) mn_masto_link(r, w, list[0].id, list[n - 1].id, n == p.limit);
}

/* A secret is shown as set or not. */
static bool secret(const char *name)
{
    static const char *const words[] = {"password", "secret", "private_key", "database"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(name, words[i])) return true;
    return false;
}

static void settings(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_actor by;
    if (!mn_admin_actor(r, w, &by)) return;
    if (by.role != MN_ROLE_OPERATOR) {
        mn_masto_error(r, w, 403, "This action is not allowed");
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (const mn_conf_key *k = mn_settings; k->name; k++) {
        const char *value = mn_conf_get(a->home->conf, k->name);
        mn_jw_object(&j);
        mn_jw_kstrz(&j, "name", k->name);
        mn_jw_kstrz(&j, "value", secret(k->name) && *value ? "(set)" : value);
        mn_jw_kstrz(&j, "default", k->fallback);
        mn_jw_kstrz(&j, "help", k->help);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
}

#define READ    "admin:read"
#define WRITE   "admin:write"
#define M(path) "/api/mynah/admin/" path
#define SAVE(m, path, handler)                                                                 \
    {                                                                                          \
        m, M(path), handler, MN_ADMIN_BODY_MAX, MN_RUN_WORKER, WRITE                           \
    }
const mn_route mn_masto__routes_admin_own[] = {
    {MN_GET, M("waiting"), waiting, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "rules", rule_save),
    SAVE(MN_PUT, "rules/:id", rule_save),
    SAVE(MN_DELETE, "rules/:id", rule_delete),
    {MN_GET, M("announcements"), announcements, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "announcements", announcement_save),
    SAVE(MN_PUT, "announcements/:id", announcement_save),
    SAVE(MN_DELETE, "announcements/:id", announcement_delete),
    {MN_GET, M("word_filters"), filters, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "word_filters", filter_save),
    SAVE(MN_PUT, "word_filters/:id", filter_save),
    SAVE(MN_DELETE, "word_filters/:id", filter_delete),
    {MN_GET, M("strikes"), strikes, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "strikes/:id/approve_appeal", appeal_approve),
    SAVE(MN_POST, "strikes/:id/reject_appeal", appeal_reject),
    {MN_GET, M("accounts/:id/notes"), account_notes, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "accounts/:id/notes", account_note_add),
    SAVE(MN_POST, "accounts/:id/role", role_set),
    SAVE(MN_POST, "accounts/:id/plan", plan_set),
    {MN_GET, M("reports/:id/notes"), report_notes, 0, MN_RUN_HERE, READ},
    SAVE(MN_POST, "reports/:id/notes", report_note_add),
    {MN_GET, M("audit"), audit, 0, MN_RUN_HERE, READ},
    {MN_GET, M("settings"), settings, 0, MN_RUN_HERE, READ},
    {.path = NULL},
};
