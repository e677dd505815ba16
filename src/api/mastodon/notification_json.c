/* Notification entities, one by one and in groups. */
#include "api/mastodon/notifications.h"

#include <stdio.h>

#include "api/mastodon/reports.h"
#include "api/mastodon/statuses.h"

/* ---- posts in notifications -------------------------------------------------------------------------------------- */

static bool has(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

/* The end of the JSON object that begins at `at`: the text is our own, so braces in strings are all there is to mind. */
static size_t object_end(mn_str s, size_t at)
{
    bool text = false;
    for (size_t depth = 0; at < s.len; at++) {
        char c = s.ptr[at];
        if (text && c == '\\') at++;
        else if (c == '"') text = !text;
        else if (!text && c == '{') depth++;
        else if (!text && c == '}' && --depth == 0) return at + 1;
    }
    return s.len;
}

/* Each begins with its own id. */
static uint64_t id_at(mn_str json)
{
    static const char head[] = "{\"id\":\"";
    uint64_t id = 0;
    if (!mn_str_starts(json, head)) return 0;
    mn_str digits = mn_str_sub(json, sizeof head - 1, 24), rest;
    return mn_str_to_u64(mn_str_split(digits, '"', &rest), &id) == MN_OK ? id : 0;
}

static void split(mn_str all, size_t most, mn_status_texts *ret)
{
    for (size_t at = 1; at < all.len && ret->n < most; at++) {
        if (all.ptr[at] != '{') continue;
        size_t end = object_end(all, at);
        mn_str one = mn_str_sub(all, at, end - at);
        ret->items[ret->n++] = (mn_status_text){id_at(one), one};
        at = end;
    }
}

mn_rc mn_masto__status_texts(const mn_view *v, const uint64_t *ids, size_t n,
                             mn_status_texts *ret, mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    size_t k = 0;
    uint64_t *own = mn_arena_alloc(v->arena, (n ? n : 1) * sizeof *own);
    *ret = (mn_status_texts){mn_arena_alloc(v->arena, (n ? n : 1) * sizeof *ret->items), 0};
    if (!own || !ret->items) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (ids[i] && !has(own, k, ids[i])) own[k++] = ids[i];
    if (k == 0) return MN_OK;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_array(&j);
    mn_rc rc = mn_entity_statuses_by_ids(v, own, k, true, MN_FILTER_NOTIFICATIONS, &j, e);
    mn_jw_array_end(&j);
    mn_str all = rc == MN_OK ? mn_str_dup(v->arena, mn_buf_str(&b)) : MN_STR_NONE;
    if (rc == MN_OK && (b.failed || !all.ptr)) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_buf_release(&b);
    if (rc == MN_OK) split(all, k, ret);
    return rc;
}

mn_str mn_masto__status_text(const mn_status_texts *t, uint64_t id)
{
    for (size_t i = 0; id && i < t->n; i++)
        if (t->items[i].id == id) return t->items[i].json;
    return MN_STR_NONE;
}

/* ---- what else one may be about ---------------------------------------------------------------------------------- */

/* What it is about besides a post; null when that is gone. */
static mn_rc put_subject(const mn_view *v, const mn_notification *n, mn_json_writer *j,
                         mn_err *e)
{
    bool report = n->kind == MN_NOTICE_ADMIN_REPORT;
    if (!report && n->kind != MN_NOTICE_MODERATION_WARNING) return MN_OK;
    mn_jw_key(j, report ? "report" : "moderation_warning");
    mn_rc rc = report ? mn_entity_report_by_id(v, n->other_id, j, e)
                      : mn_entity_warning_by_id(v, n->other_id, j, e);
    if (rc == MN_E_NOT_FOUND) mn_jw_null(j);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* ---- one by one -------------------------------------------------------------------------------------------------- */

static void put_key(mn_json_writer *j, const mn_notification *n)
{
    char key[48];
    mn_jw_key(j, "group_key");
    if (n->group_key.len) mn_jw_str(j, n->group_key);
    else {
        snprintf(key, sizeof key, "ungrouped-%llu", (unsigned long long)n->id);
        mn_jw_strz(j, key);
    }
}

static mn_rc put_one(const mn_view *v, const mn_notification *n, const mn_status_texts *t,
                     mn_json_writer *j, mn_err *e)
{
    mn_str account, status = mn_masto__status_text(t, n->post_id);
    if (n->post_id && !status.ptr) return MN_E_NOT_FOUND;
    MN_TRY(mn_entity_account_json(v, n->from_id, &account, e));
    mn_jw_object(j);
    mn_jw_kid(j, "id", n->id);
    mn_jw_kstrz(j, "type", mn_notice_name(n->kind));
    mn_jw__time_or_null(j, "created_at", n->at_ms);
    put_key(j, n);
    if (n->filtered) mn_jw_kbool(j, "filtered", true);
    mn_jw_key(j, "account");
    mn_jw_raw(j, account);
    if (status.ptr) {
        mn_jw_key(j, "status");
        mn_jw_raw(j, status);
    }
    MN_TRY(put_subject(v, n, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_masto__notifications(const mn_view *v, const mn_notification *list, size_t n,
                              mn_json_writer *j, mn_err *e)
{
    mn_status_texts t;
    uint64_t *ids = mn_arena_alloc(v->arena, (n ? n : 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = list[i].post_id;
    MN_TRY(mn_masto__status_texts(v, ids, n, &t, e));
    for (size_t i = 0; i < n; i++) {
        mn_rc rc = put_one(v, &list[i], &t, j, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    }
    return MN_OK;
}

mn_rc mn_entity_notification(const mn_view *v, uint64_t notification_id, mn_json_writer *j,
                             mn_err *e)
{
    mn_notification n;
    mn_status_texts t;
    MN_TRY(
        mn_store_notification(mn_api_store(v->api), v->me, notification_id, v->arena, &n, e));
    MN_TRY(mn_masto__status_texts(v, &n.post_id, 1, &t, e));
    return put_one(v, &n, &t, j, e);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* Each account once, in the order of meeting. */
typedef struct people {
    uint64_t *ids;
    size_t n;
} people;

static void meet(people *p, uint64_t id)
{
    if (!has(p->ids, p->n, id)) p->ids[p->n++] = id;
}

static mn_rc put_accounts(const mn_view *v, const people *p, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "accounts");
    mn_jw_array(j);
    mn_rc rc = mn_entity_accounts(v, p->ids, p->n, j, e);
    mn_jw_array_end(j);
    return rc;
}

static mn_rc put_partial(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_profile p;
    mn_rc rc = mn_masto__profile(v, id, &p, e);
    if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    mn_jw_object(j);
    mn_masto__names_json(v, &p.a, j);
    mn_jw_kbool(j, "locked", p.a.locked);
    mn_jw_kbool(j, "bot", p.a.bot);
    mn_jw_kstr(j, "avatar", p.avatar);
    mn_jw_kstr(j, "avatar_static", p.avatar_static);
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc put_partials(const mn_view *v, const people *whole, const people *all,
                          mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "partial_accounts");
    mn_jw_array(j);
    for (size_t i = 0; i < all->n; i++)
        if (!has(whole->ids, whole->n, all->ids[i])) MN_TRY(put_partial(v, all->ids[i], j, e));
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_group(const mn_view *v, const mn_notification_group *g, bool paged,
                       mn_json_writer *j, mn_err *e)
{
    mn_jw_object(j);
    put_key(j, &g->newest);
    mn_jw_ku64(j, "notifications_count", g->n);
    mn_jw_kstrz(j, "type", mn_notice_name(g->newest.kind));
    mn_jw_ku64(j, "most_recent_notification_id", g->newest.id);
    if (paged) {
        mn_jw_kid(j, "page_min_id", g->page_min_id ? g->page_min_id : g->page_max_id);
        mn_jw_kid(j, "page_max_id", g->page_max_id);
        mn_jw__time_or_null(j, "latest_page_notification_at", g->page_at_ms);
    }
    mn_jw__ids(j, "sample_account_ids", g->sample, g->n_sample);
    if (g->newest.post_id) mn_jw_kid(j, "status_id", g->newest.post_id);
    MN_TRY(put_subject(v, &g->newest, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

static void put_statuses(const mn_status_texts *t, mn_json_writer *j)
{
    mn_jw_key(j, "statuses");
    mn_jw_array(j);
    for (size_t i = 0; i < t->n; i++) mn_jw_raw(j, t->items[i].json);
    mn_jw_array_end(j);
}

static mn_rc put_groups(const mn_view *v, const mn_notification_group *g, size_t n, bool paged,
                        const mn_status_texts *t, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "notification_groups");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        uint64_t post = g[i].newest.post_id;
        if (!post || mn_masto__status_text(t, post).ptr)
            MN_TRY(put_group(v, &g[i], paged, j, e));
    }
    mn_jw_array_end(j);
    return MN_OK;
}

mn_rc mn_masto__groups(const mn_view *v, const mn_notification_group *g, size_t n, bool paged,
                       bool partial, mn_json_writer *j, mn_err *e)
{
    size_t most = n * MN_GROUP_SAMPLE + 1;
    mn_status_texts t;
    uint64_t *posts = mn_arena_alloc(v->arena, most * sizeof *posts);
    people whole = {mn_arena_alloc(v->arena, most * sizeof *posts), 0},
           all = {mn_arena_alloc(v->arena, most * sizeof *posts), 0};
    if (!posts || !whole.ids || !all.ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        posts[i] = g[i].newest.post_id;
        for (size_t k = 0; k < g[i].n_sample; k++) {
            if (k == 0 || !partial) meet(&whole, g[i].sample[k]);
            meet(&all, g[i].sample[k]);
        }
    }
    MN_TRY(mn_masto__status_texts(v, posts, n, &t, e));
    mn_jw_object(j);
    MN_TRY(put_accounts(v, &whole, j, e));
    if (partial) MN_TRY(put_partials(v, &whole, &all, j, e));
    put_statuses(&t, j);
    MN_TRY(put_groups(v, g, n, paged, &t, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static mn_rc put_request(const mn_view *v, const mn_notification_request *x,
                         const mn_status_texts *t, mn_json_writer *j, mn_err *e)
{
    char n[24];
    mn_str account, status = mn_masto__status_text(t, x->last_post_id);
    mn_rc rc = mn_entity_account_json(v, x->from_id, &account, e);
    if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    snprintf(n, sizeof n, "%llu", (unsigned long long)x->n);
    mn_jw_object(j);
    mn_jw_kid(j, "id", x->id);
    mn_jw__time_or_null(j, "created_at", x->created_ms);
    mn_jw__time_or_null(j, "updated_at", x->updated_ms);
    mn_jw_kstrz(j, "notifications_count", n);
    mn_jw_key(j, "account");
    mn_jw_raw(j, account);
    mn_jw_key(j, "last_status");
    mn_jw_raw(j, status.ptr ? status : MN_STR("null"));
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_masto__requests(const mn_view *v, const mn_notification_request *list, size_t n,
                         mn_json_writer *j, mn_err *e)
{
    mn_status_texts t;
    uint64_t *ids = mn_arena_alloc(v->arena, (n ? n : 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = list[i].last_post_id;
    MN_TRY(mn_masto__status_texts(v, ids, n, &t, e));
    for (size_t i = 0; i < n; i++) MN_TRY(put_request(v, &list[i], &t, j, e));
    return MN_OK;
}
