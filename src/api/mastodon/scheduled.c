/* Posts to come: scheduled ones and drafts; the timers that post them and close polls. */
#include "api/jobs.h"
#include "api/mastodon/media.h"
#include "api/mastodon/statuses.h"
#include "base/clock.h"

#define BODY_MAX (1u << 20)
#define AT_ONCE  50 /* of one look */

/* ---- entities -------------------------------------------------------------------------------------------------------------- */

static void id_or_null(mn_json_writer *j, const char *key, uint64_t id)
{
    mn_jw_key(j, key);
    if (id) mn_jw_id(j, id);
    else mn_jw_null(j);
}

static void put_poll(const mn_draft *d, mn_json_writer *j)
{
    mn_jw_key(j, "poll");
    if (d->n_poll == 0) {
        mn_jw_null(j);
        return;
    }
    mn_jw_object(j);
    mn_jw_key(j, "options");
    mn_jw_array(j);
    for (size_t i = 0; i < d->n_poll; i++) mn_jw_str(j, d->poll[i]);
    mn_jw_array_end(j);
    mn_jw_ki64(j, "expires_in", d->poll_expires_s);
    mn_jw_kbool(j, "multiple", d->poll_multiple);
    mn_jw_kbool(j, "hide_totals", d->poll_hide_totals);
    mn_jw_object_end(j);
}

static void put_media_ids(const mn_draft *d, mn_json_writer *j)
{
    mn_jw_key(j, "media_ids");
    if (d->n_media == 0) {
        mn_jw_null(j);
        return;
    }
    mn_jw_array(j);
    for (size_t i = 0; i < d->n_media; i++) mn_jw_id(j, d->media[i]);
    mn_jw_array_end(j);
}

/* Our own member: which purposes the post itself allows or denies. */
static void put_consent(const mn_draft *d, mn_json_writer *j)
{
    mn_jw_key(j, "consent");
    mn_jw_object(j);
    for (int p = 0; p < MN_PURPOSES; p++) {
        mn_consent c = mn_consents_get(d->consent, (mn_purpose)p);
        if (c != MN_CONSENT_UNSET)
            mn_jw_kstrz(j, mn_purpose_names[p], mn_social_consent_name(c));
    }
    mn_jw_object_end(j);
}

static void put_params(const mn_draft *d, mn_json_writer *j)
{
    static const char *const policies[] = {"public", "followers", "nobody"};
    mn_jw_key(j, "params");
    mn_jw_object(j);
    mn_jw_kstr(j, "text", d->text.ptr ? d->text : MN_STR(""));
    mn_jw_kstr(j, "spoiler_text", d->warning.len ? d->warning : MN_STR_NONE);
    mn_jw_kstrz(j, "visibility",
                mn_masto__visibility_name(d->visibility < 0 ? MN_VIS_PUBLIC
                                                            : (mn_visibility)d->visibility));
    mn_jw_kbool(j, "sensitive", d->sensitive > 0);
    mn_jw_kstr(j, "language", d->lang.len ? d->lang : MN_STR_NONE);
    /* Numbers, as Mastodon has them here and nowhere else. */
    mn_jw_key(j, "in_reply_to_id");
    if (d->reply_to) mn_jw_u64(j, d->reply_to);
    else mn_jw_null(j);
    mn_jw_ku64(j, "application_id", d->app_id);
    id_or_null(j, "quoted_status_id", d->quote_of);
    if (d->quote_policy >= 0)
        mn_jw_kstrz(j, "quote_approval_policy", policies[d->quote_policy]);
    mn_jw_kstr(j, "idempotency", d->idempotency_key.len ? d->idempotency_key : MN_STR_NONE);
    mn_jw_key(j, "scheduled_at");
    if (d->scheduled_ms) mn_jw_time(j, d->scheduled_ms);
    else mn_jw_null(j);
    mn_jw_kbool(j, "with_rate_limit", true);
    put_poll(d, j);
    put_media_ids(d, j);
    put_consent(d, j);
    mn_jw_object_end(j);
}

static mn_rc put_later(const mn_view *v, const mn_scheduled *x, const char *when,
                       mn_json_writer *j, mn_err *e)
{
    mn_draft d;
    mn_media *m = NULL;
    size_t n = 0;
    MN_TRY(mn_draft_read(x->params, v->arena, &d, e));
    if (d.n_media)
        MN_TRY(mn_store_media_by_ids(v->api->home->store, d.media, d.n_media, v->arena, &m, &n,
                                     e));
    mn_jw_object(j);
    mn_jw_kid(j, "id", x->id);
    mn_jw_key(j, when);
    mn_jw_time(j, x->at_ms);
    put_params(&d, j);
    mn_jw_key(j, "media_attachments");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) mn_entity_media(v, &m[i], j);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- both kinds --------------------------------------------------------------------------------------------------------------- */

typedef struct later {
    const char *when; /* the member that says the time */
    mn_rc (*one)(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar, mn_scheduled *ret,
                 mn_err *e);
    mn_rc (*page)(mn_store *s, uint64_t account, const mn_mark_span *sp, mn_arena *ar,
                  mn_scheduled **ret, size_t *ret_n, mn_err *e);
    mn_rc (*remove)(const mn_compose *c, uint64_t account, uint64_t id, mn_err *e);
} later;
static const later scheduled = {"scheduled_at", mn_store_scheduled, mn_store_scheduled_page,
                                mn_social_scheduled_cancel};
static const later drafts = {"updated_at", mn_store_draft, mn_store_drafts_page,
                             mn_social_draft_delete};

static void answer_one(mn_req *r, mn_resp *w, const later *k, uint64_t id)
{
    mn_view v = mn_masto_view(r);
    mn_scheduled x;
    mn_err e = {0};
    mn_rc rc = k->one(v.api->home->store, v.me, id, r->arena, &x, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = put_later(&v, &x, k->when, &j, &e);
    }
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
}

static void answer_page(mn_req *r, mn_resp *w, const later *k)
{
    mn_view v = mn_masto_view(r);
    mn_page g = mn_masto_page(r, 20, 40);
    mn_mark_span sp = mn_masto__span(&g);
    mn_scheduled *rows = NULL;
    mn_err e = {0};
    size_t n = 0;
    mn_rc rc = k->page(v.api->home->store, v.me, &sp, r->arena, &rows, &n, &e);
    if (rc == MN_OK && n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == g.limit);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = put_later(&v, &rows[i], k->when, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
}

static void remove_one(mn_req *r, mn_resp *w, const later *k)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = k->remove(mn_masto__compose(r), mn_masto_me(r), id, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto_empty(w);
}

static void show_one(mn_req *r, mn_resp *w, const later *k)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) answer_one(r, w, k, id);
}

/* ---- scheduled posts ------------------------------------------------------------------------------------------------------------ */

void mn_masto__answer_scheduled(mn_req *r, mn_resp *w, uint64_t id)
{
    answer_one(r, w, &scheduled, id);
}

static void scheduled_list(mn_req *r, mn_resp *w)
{
    answer_page(r, w, &scheduled);
}
static void scheduled_show(mn_req *r, mn_resp *w)
{
    show_one(r, w, &scheduled);
}
static void scheduled_delete(mn_req *r, mn_resp *w)
{
    remove_one(r, w, &scheduled);
}

static void scheduled_put(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    int64_t at_ms = 0;
    if (!mn_masto_id(r, w, "id", &id)) return;
    if (mn_time_parse(mn_param(r, "scheduled_at"), &at_ms) != MN_OK) {
        mn_masto_error(r, w, 422,
                       "Validation failed: Scheduled at should be a time in ISO 8601");
        return;
    }
    mn_rc rc = mn_social_scheduled_move(mn_masto__compose(r), mn_masto_me(r), id, at_ms, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_one(r, w, &scheduled, id);
}

/* ---- drafts ---------------------------------------------------------------------------------------------------------------------- */

static void drafts_list(mn_req *r, mn_resp *w)
{
    answer_page(r, w, &drafts);
}
static void drafts_show(mn_req *r, mn_resp *w)
{
    show_one(r, w, &drafts);
}
static void drafts_delete(mn_req *r, mn_resp *w)
{
    remove_one(r, w, &drafts);
}

static void save_draft(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_draft d;
    mn_err e = {0};
    if (!mn_masto__read_draft(r, w, &d)) return;
    mn_rc rc = mn_social_draft_save(mn_masto__compose(r), &d, id, &id, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_one(r, w, &drafts, id);
}

static void drafts_post(mn_req *r, mn_resp *w)
{
    save_draft(r, w, 0);
}
static void drafts_put(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) save_draft(r, w, id);
}

/* ---- timers ---------------------------------------------------------------------------------------------------------------------- */

mn_rc mn_masto__scheduled_timer(mn_api *a, mn_arena *ar, mn_err *e)
{
    size_t n = AT_ONCE;
    (void)ar;
    while (n == AT_ONCE)
        MN_TRY(mn_social_scheduled_due(a->compose, mn_now_ms(), AT_ONCE, &n, e));
    return MN_OK;
}

mn_rc mn_masto__polls_timer(mn_api *a, mn_arena *ar, mn_err *e)
{
    size_t n = AT_ONCE;
    (void)ar;
    while (n == AT_ONCE) MN_TRY(mn_social_polls_ended(a->compose, mn_now_ms(), AT_ONCE, &n, e));
    return MN_OK;
}

mn_rc mn_masto__repeats_timer(mn_api *a, mn_arena *ar, mn_err *e)
{
    (void)ar;
    return mn_social_idempotency_forget(a->compose, mn_now_ms(), e);
}

const mn_route mn_masto__routes_scheduled[] = {
    {MN_GET, "/api/v1/scheduled_statuses", scheduled_list, 0, MN_RUN_HERE, "read:statuses"},
    {MN_GET, "/api/v1/scheduled_statuses/:id", scheduled_show, 0, MN_RUN_HERE, "read:statuses"},
    {MN_PUT, "/api/v1/scheduled_statuses/:id", scheduled_put, BODY_MAX, MN_RUN_WORKER,
     "write:statuses"},
    {MN_DELETE, "/api/v1/scheduled_statuses/:id", scheduled_delete, BODY_MAX, MN_RUN_WORKER,
     "write:statuses"},
    {MN_GET, "/api/v1/mynah/drafts", drafts_list, 0, MN_RUN_HERE, "read:statuses"},
    {MN_POST, "/api/v1/mynah/drafts", drafts_post, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {MN_GET, "/api/v1/mynah/drafts/:id", drafts_show, 0, MN_RUN_HERE, "read:statuses"},
    {MN_PUT, "/api/v1/mynah/drafts/:id", drafts_put, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {MN_DELETE, "/api/v1/mynah/drafts/:id", drafts_delete, BODY_MAX, MN_RUN_WORKER,
     "write:statuses"},
    {.path = NULL},
};
