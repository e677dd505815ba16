/* Who may, and the two entities that the admin API is made of. */
#include "api/admin/admin.h"

#include "api/mastodon/accounts.h"
#include "api/mastodon/instance.h"
#include "base/conf.h"

bool mn_admin_actor(mn_req *r, mn_resp *w, mn_actor *ret)
{
    const mn_api *a = r->app;
    const mn_grant *g = mn_masto_grant(r);
    *ret = (mn_actor){.account_id = g->account_id, .role = g->role};
    if (*mn_conf_get(a->home->conf, "smtp_url")) ret->mail_base = mn_masto_base(a);
    if (g->account_id && g->role >= MN_ROLE_MODERATOR) return true;
    mn_masto_error(r, w, 403, "This action is not allowed");
    return false;
}

bool mn_admin_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e)
{
    if (rc == MN_OK) return false;
    e->rc = rc;
    mn_resp_status(w, 200);
    mn_masto_fail(r, w, e);
    return true;
}

mn_page_ids mn_admin_page(const mn_page *p)
{
    return (mn_page_ids){p->max_id, p->since_id, p->min_id, p->limit};
}

/* ---- AdminAccount -------------------------------------------------------------------------------------------------------- */

static mn_rc put_ips(const mn_view *v, const mn_moderated *m, mn_json_writer *j, mn_err *e)
{
    mn_seen_ip *ips = NULL;
    size_t n = 0;
    MN_TRY(mn_store_account_ips(v->api->home->store, m->id, v->arena, &ips, &n, e));
    mn_jw_kstr(j, "ip", n ? ips[0].ip : MN_STR_NONE);
    mn_jw_key(j, "ips");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(j);
        mn_jw_kstr(j, "ip", ips[i].ip);
        mn_jw_key(j, "used_at");
        mn_jw_time(j, ips[i].used_ms);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

/* An account that waits for approval is shown to nobody else, so it has no entity yet: what there is to say of it. */
static void put_waiting(const mn_view *v, const mn_moderated *m, mn_json_writer *j)
{
    static const char *const empty[] = {"display_name", "note"};
    static const char *const no[] = {"locked", "bot", "group", "discoverable", "indexable"};
    static const char *const zero[] = {"followers_count", "following_count", "statuses_count"};
    static const char *const lists[] = {"fields", "emojis", "roles"};
    static const char *const pictures[] = {"avatar", "avatar_static", "header",
                                           "header_static"};
    mn_str url = mn_str_fmt(v->arena, "%s/@%.*s", v->api->base, MN_STR_FMT(m->name));
    mn_jw_object(j);
    mn_jw_kid(j, "id", m->id);
    mn_jw_kstr(j, "username", m->name);
    mn_jw_kstr(j, "acct", m->name);
    mn_jw_kstr(j, "url", url);
    mn_jw_kstr(j, "uri", url);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, m->created_ms);
    mn_jw_key(j, "last_status_at");
    mn_jw_null(j);
    mn_jw_kbool(j, "hide_collections", true);
    for (size_t i = 0; i < 2; i++) mn_jw_kstrz(j, empty[i], "");
    for (size_t i = 0; i < 5; i++) mn_jw_kbool(j, no[i], false);
    for (size_t i = 0; i < 3; i++) mn_jw_ku64(j, zero[i], 0);
    for (size_t i = 0; i < 4; i++)
        mn_jw_kstr(j, pictures[i],
                   mn_str_fmt(v->arena, "%s/%ss/original/missing.png", v->api->base,
                              i < 2 ? "avatar" : "header"));
    for (size_t i = 0; i < 3; i++) {
        mn_jw_key(j, lists[i]);
        mn_jw_array(j);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
}

static mn_rc put_account(const mn_view *v, const mn_moderated *m, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "account");
    mn_rc rc = mn_entity_account(v, m->id, j, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    put_waiting(v, m, j);
    return MN_OK;
}

static void put_user(const mn_moderated *m, mn_json_writer *j)
{
    mn_jw_kstr(j, "email", m->email);
    mn_jw_kstr(j, "locale", m->locale);
    mn_jw_kstr(j, "invite_request", m->reason.len ? m->reason : MN_STR_NONE);
    if (m->invited_by) mn_jw_kid(j, "invited_by_account_id", m->invited_by);
    mn_jw_key(j, "role");
    mn_entity_role(m->role, j);
    mn_jw_kbool(j, "confirmed", m->confirmed);
    mn_jw_kbool(j, "approved", m->approved);
    mn_jw_kbool(j, "disabled", m->disabled_ms != 0);
    mn_jw_kbool(j, "silenced", m->silenced_ms != 0);
    mn_jw_kbool(j, "suspended", m->state == MN_ACCOUNT_SUSPENDED);
    mn_jw_kbool(j, "sensitized", m->sensitized_ms != 0);
    mn_jw_kstr(j, "plan", m->plan);
}

mn_rc mn_entity_admin_account(const mn_view *v, const mn_moderated *m, mn_json_writer *j,
                              mn_err *e)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", m->id);
    mn_jw_kstr(j, "username", m->name);
    mn_jw_kstr(j, "domain", m->domain.len ? m->domain : MN_STR_NONE);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, m->created_ms);
    put_user(m, j);
    MN_TRY(put_ips(v, m, j, e));
    MN_TRY(put_account(v, m, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_admin_account_by_id(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_moderated m;
    mn_rc rc =
        id ? mn_store_moderated(v->api->home->store, id, v->arena, &m, e) : MN_E_NOT_FOUND;
    if (rc == MN_OK && m.state != MN_ACCOUNT_DELETED)
        return mn_entity_admin_account(v, &m, j, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    mn_jw_null(j);
    return MN_OK;
}

/* ---- AdminReport ----------------------------------------------------------------------------------------------------------- */

static mn_rc kadmin(const mn_view *v, const char *key, uint64_t id, mn_json_writer *j,
                    mn_err *e)
{
    mn_jw_key(j, key);
    return mn_entity_admin_account_by_id(v, id, j, e);
}

/* The program's own reports stand under the name of the community's contact. */
static mn_rc reporter(const mn_view *v, const mn_report *r, uint64_t *ret, mn_err *e)
{
    *ret = r->account_id;
    return *ret ? MN_OK : mn_instance_contact(v->api, v->arena, ret, e);
}

static mn_rc put_posts(const mn_view *v, const mn_report *r, mn_json_writer *j, mn_err *e)
{
    mn_posts posts = {0};
    size_t k = 0;
    if (r->n_posts)
        MN_TRY(mn_store_posts_by_ids(v->api->home->store, r->posts, r->n_posts, v->arena,
                                     &posts, e));
    for (size_t i = 0; i < posts.n; i++)
        if (!posts.items[i].deleted_ms) posts.items[k++] = posts.items[i];
    posts.n = k;
    mn_jw_key(j, "statuses");
    mn_jw_array(j);
    MN_TRY(mn_entity_statuses(v, &posts, MN_FILTER_NONE, j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_rules(const mn_view *v, const mn_report *r, mn_json_writer *j, mn_err *e)
{
    mn_rule *all, *some;
    size_t n = 0, k = 0;
    MN_TRY(mn_store_rules(v->api->home->store, v->arena, &all, &n, e));
    some = mn_arena_calloc(v->arena, n + 1, sizeof *some);
    if (!some) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        for (size_t x = 0; x < r->n_rules; x++)
            if (all[i].id == r->rules[x]) some[k++] = all[i];
    mn_jw_key(j, "rules");
    mn_entity_rules(some, k, j);
    return MN_OK;
}

mn_rc mn_entity_admin_report(const mn_view *v, const mn_report *r, mn_json_writer *j, mn_err *e)
{
    uint64_t from;
    MN_TRY(reporter(v, r, &from, e));
    mn_jw_object(j);
    mn_jw_kid(j, "id", r->id);
    mn_jw_kbool(j, "action_taken", r->done_ms != 0);
    mn_jw__time_or_null(j, "action_taken_at", r->done_ms);
    mn_jw_kstrz(j, "category", mn_report_names.names[r->category]);
    mn_jw_kstr(j, "comment", r->comment);
    mn_jw_kbool(j, "forwarded", r->forward);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, r->created_ms);
    mn_jw_key(j, "updated_at");
    mn_jw_time(j, r->updated_ms);
    MN_TRY(kadmin(v, "account", from, j, e));
    MN_TRY(kadmin(v, "target_account", r->target_id, j, e));
    MN_TRY(kadmin(v, "assigned_account", r->assigned_id, j, e));
    MN_TRY(kadmin(v, "action_taken_by_account", r->done_by, j, e));
    MN_TRY(put_posts(v, r, j, e));
    MN_TRY(put_rules(v, r, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}
