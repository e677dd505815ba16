/* Posts: made, shown, edited, deleted. */
#include "api/mastodon/statuses.h"
#include <stdio.h>

#include "api/mastodon/media.h"
#include "base/clock.h"
#include "social/cards.h"
#include "social/limits.h"
#include "social/reading.h"

#define BODY_MAX  (1u << 20)
#define MANY_MOST 40 /* posts of one GET with ids */

/* ---- around the handlers ------------------------------------------------------------------------------------------------ */

mn_rc mn_masto__statuses_start(mn_api *a, mn_err *e)
{
    MN_TRY(mn_shown_new(a->home->store, 0, &a->shown, e));
    a->compose = mn_calloc(1, sizeof *a->compose);
    if (!a->compose) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    MN_TRY(
        mn_compose_init(a->home->store, a->home->conf, mn_str_from(a->domain), a->compose, e));
    a->compose->moderation = a->moderation;
    a->compose->plans = a->limits;
    a->compose->written = mn_social_card_wanted;
    return MN_OK;
}

void mn_masto__statuses_stop(mn_api *a)
{
    mn_shown_free(a->shown);
    mn_free(a->compose);
    a->shown = NULL;
    a->compose = NULL;
}

void mn_masto__compose_failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e)
{
    if (rc == MN_E_NOT_FOUND) {
        bool said = mn_str_starts(mn_str_from(e->msg), "The post");
        mn_masto_error(r, w, 404, said ? e->msg : MN_MASTO_NOT_FOUND);
    } else if (rc == MN_E_DENIED) {
        mn_masto_error(r, w, 403, "This action is not allowed");
    } else {
        e->rc = rc;
        mn_masto_fail(r, w, e);
    }
}

/* The status as text; MN_E_NOT_FOUND when the one who asks may not see it. */
static mn_rc status_text(mn_req *r, uint64_t id, bool with_text, mn_buf *ret, mn_err *e)
{
    mn_json_writer j;
    mn_view v = mn_masto_view(r);
    if (r->method != MN_GET) v.n_read = NULL; /* what one does is not reading */
    mn_json_writer_init(&j, ret, 0);
    return mn_masto__status(&v, id, with_text, &j, e);
}

static void answer_text(mn_resp *w, mn_str json)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_raw(&j, json);
}

void mn_masto__answer_status(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_buf b;
    mn_err e = {0};
    mn_buf_init(&b, 0);
    mn_rc rc = status_text(r, id, false, &b, &e);
    if (rc == MN_OK && b.failed) rc = mn_fail(&e, b.failed, "out of memory");
    if (rc == MN_OK) answer_text(w, mn_buf_str(&b));
    else mn_masto__compose_failed(r, w, rc, &e);
    mn_buf_release(&b);
}

/* ---- a draft from the request --------------------------------------------------------------------------------------------- */

/* An id among the parameters: absent 0; what is none is one that nothing has. */
static uint64_t id_param(const mn_req *r, const char *name)
{
    uint64_t id = 0;
    mn_str s = mn_param(r, name);
    if (s.len == 0) return 0;
    return mn_str_to_u64(s, &id) == MN_OK ? id : UINT64_MAX;
}

static mn_rc read_words(const mn_req *r, mn_draft *d, mn_err *e)
{
    mn_str v = mn_param(r, "visibility"), q = mn_param(r, "quote_approval_policy");
    if (v.len) {
        mn_visibility vis;
        MN_TRY(mn_masto__visibility_parse(v, &vis, e));
        d->visibility = (int)vis;
    }
    if (q.len) {
        mn_quote_policy policy;
        MN_TRY(mn_masto__policy_parse(q, &policy, e));
        d->quote_policy = (int)policy;
    }
    if (mn_param(r, "sensitive").len) d->sensitive = mn_param_bool(r, "sensitive", false);
    return MN_OK;
}

/* consent[train_generative]=allow and the like: the post's own settings. */
static mn_rc read_consent(const mn_req *r, mn_draft *d, mn_err *e)
{
    for (int p = 0; p < MN_PURPOSES; p++) {
        char name[64];
        mn_purpose purpose;
        mn_consent value;
        snprintf(name, sizeof name, "consent[%s]", mn_purpose_names[p]);
        mn_str s = mn_param(r, name);
        if (s.len == 0) continue;
        mn_str arg = mn_str_fmt(r->arena, "%s=%.*s", mn_purpose_names[p], MN_STR_FMT(s));
        if (!arg.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
        MN_TRY(mn_social_consent_parse(arg.ptr, &purpose, &value, e));
        d->consent = mn_consents_set(d->consent, purpose, value);
    }
    return MN_OK;
}

static mn_rc read_poll(const mn_req *r, mn_draft *d, mn_err *e)
{
    mn_str *options = NULL, s = mn_param(r, "poll[expires_in]");
    d->n_poll = mn_param_list(r, "poll[options]", &options);
    d->poll = options;
    d->poll_multiple = mn_param_bool(r, "poll[multiple]", false);
    d->poll_hide_totals = mn_param_bool(r, "poll[hide_totals]", false);
    if (d->n_poll && s.len && mn_str_to_i64(s, &d->poll_expires_s) != MN_OK)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Expires in should be a number of seconds");
    return MN_OK;
}

static mn_rc read_time(const mn_req *r, mn_draft *d, mn_err *e)
{
    mn_str s = mn_param(r, "scheduled_at");
    if (s.len == 0 || mn_time_parse(s, &d->scheduled_ms) == MN_OK) return MN_OK;
    return mn_fail(e, MN_E_USAGE,
                   "Validation failed: Scheduled at should be a time in ISO 8601");
}

static mn_rc read_draft(const mn_req *r, mn_draft *d, mn_err *e)
{
    uint64_t *media = NULL;
    const mn_grant *g = mn_masto_grant(r);
    mn_draft_init(d, g->account_id);
    d->app_id = g->app_id;
    d->text = mn_param(r, "status");
    d->warning = mn_param(r, "spoiler_text");
    d->lang = mn_param(r, "language");
    d->reply_to = id_param(r, "in_reply_to_id");
    d->quote_of = id_param(r, "quoted_status_id");
    d->n_media = mn_param_ids(r, "media_ids", &media);
    d->media = media;
    d->idempotency_key = mn_req_header(r, "Idempotency-Key");
    MN_TRY(read_words(r, d, e));
    MN_TRY(read_consent(r, d, e));
    MN_TRY(read_poll(r, d, e));
    return read_time(r, d, e);
}

bool mn_masto__read_draft(mn_req *r, mn_resp *w, mn_draft *ret)
{
    mn_err e = {0};
    mn_rc rc = read_draft(r, ret, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    return rc == MN_OK;
}

/* ---- whom an app allows to be mentioned ------------------------------------------------------------------------------------- */

static mn_rc answer_unexpected(mn_req *r, mn_resp *w, const uint64_t *ids, size_t n, mn_err *e)
{
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_resp_status(w, 422);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "error", "Post would be sent to unexpected accounts");
    mn_jw_key(&j, "unexpected_accounts");
    mn_jw_array(&j);
    mn_rc rc = mn_entity_accounts(&v, ids, n, &j, e);
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
    return rc;
}

static bool among(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

/* Where allowed_mentions is given, even as an empty list, nobody else is mentioned; false: answered. */
static bool mentions_allowed(mn_req *r, mn_resp *w, mn_str text)
{
    mn_err e = {0};
    uint64_t *allowed = NULL;
    const uint64_t *named = NULL;
    size_t n_allowed, n = 0, n_more = 0;
    if (!mn_param_has(r, "allowed_mentions")) return true;
    n_allowed = mn_param_ids(r, "allowed_mentions", &allowed);
    mn_rc rc = mn_social_mentions_of(mn_masto__compose(r), text, r->arena, &named, &n, &e);
    uint64_t *more = rc == MN_OK ? mn_arena_alloc(r->arena, (n + 1) * sizeof *more) : NULL;
    if (rc == MN_OK && !more) rc = mn_fail(&e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        if (!among(allowed, n_allowed, named[i])) more[n_more++] = named[i];
    if (rc == MN_OK && n_more) rc = answer_unexpected(r, w, more, n_more, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    return rc == MN_OK && n_more == 0;
}

/* ---- making ----------------------------------------------------------------------------------------------------------------- */

static void create(mn_req *r, mn_resp *w)
{
    mn_draft d;
    mn_created made;
    mn_err e = {0};
    if (!mn_masto__read_draft(r, w, &d) || !mentions_allowed(r, w, d.text)) return;
    mn_rc rc = mn_social_post_create(mn_masto__compose(r), &d, &made, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else if (made.scheduled_id) mn_masto__answer_scheduled(r, w, made.scheduled_id);
    else {
        if (mn_social_card_link(d.text, MN_STR_NONE).ptr) mn_api_jobs_wake(r->app);
        mn_masto__answer_status(r, w, made.post_id);
    }
}

static bool read_edit(mn_req *r, mn_resp *w, mn_edit *x)
{
    mn_draft d;
    if (!mn_masto__read_draft(r, w, &d)) return false;
    size_t n = mn_param_objects(r, "media_attributes");
    uint64_t *ids = mn_arena_alloc(r->arena, (n + 1) * sizeof *ids);
    mn_str *alts = mn_arena_alloc(r->arena, (n + 1) * sizeof *alts);
    if (!ids || !alts) {
        mn_masto_error(r, w, 503, "The server is busy; try again in a moment");
        return false;
    }
    *x = (mn_edit){.text = d.text,
                   .warning = d.warning,
                   .lang = d.lang,
                   .sensitive = d.sensitive > 0, /* not said is no; a warning is yes */
                   .quote_policy = d.quote_policy,
                   .media = d.media,
                   .n_media = d.n_media,
                   .alt_ids = ids,
                   .alts = alts,
                   .poll = d.poll,
                   .n_poll = d.n_poll,
                   .poll_expires_s = d.poll_expires_s,
                   .poll_multiple = d.poll_multiple,
                   .poll_hide_totals = d.poll_hide_totals};
    for (size_t i = 0; i < n; i++) {
        mn_str id = mn_param_of(r, "media_attributes", i, "id");
        mn_str alt = mn_param_of(r, "media_attributes", i, "description");
        if (!alt.ptr || mn_str_to_u64(id, &ids[x->n_alts]) != MN_OK) continue;
        alts[x->n_alts++] = alt;
    }
    return true;
}

static void edit(mn_req *r, mn_resp *w)
{
    mn_edit x;
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id) || !read_edit(r, w, &x)) return;
    mn_rc rc = mn_social_post_edit(mn_masto__compose(r), mn_masto_me(r), id, &x, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, id);
}

/* The answer is the post as it was, with its source: so that it can be written anew. */
static void destroy(mn_req *r, mn_resp *w)
{
    mn_buf b;
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_buf_init(&b, 0);
    mn_rc rc = status_text(r, id, true, &b, &e);
    if (rc == MN_OK)
        rc = mn_social_post_delete(mn_masto__compose(r), mn_masto_me(r), id,
                                   !mn_param_bool(r, "delete_media", false), &e);
    if (rc == MN_OK) answer_text(w, mn_buf_str(&b));
    else mn_masto__compose_failed(r, w, rc, &e);
    mn_buf_release(&b);
}

/* ---- showing ------------------------------------------------------------------------------------------------------------------ */

static void show(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) mn_masto__answer_status(r, w, id);
}

static void show_many(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    mn_view v = mn_masto_view(r);
    size_t n = mn_param_ids(r, "id", &ids);
    if (n > MANY_MOST) n = MANY_MOST;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_rc rc = mn_entity_statuses_by_ids(&v, ids, n, true, MN_FILTER_NONE, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
}

bool mn_masto__visible_post(mn_req *r, mn_resp *w, mn_post *ret)
{
    const mn_api *a = r->app;
    mn_err e = {0};
    uint64_t id;
    bool may = false;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_post(a->home->store, id, r->arena, ret, &e);
    if (rc == MN_OK) rc = mn_social_may_see(a->home->store, ret, mn_masto_me(r), &may, &e);
    if (rc == MN_OK && !may) rc = MN_E_NOT_FOUND;
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void source(mn_req *r, mn_resp *w)
{
    mn_post p;
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kid(&j, "id", p.id);
    mn_jw_kstr(&j, "text", p.text.ptr ? p.text : MN_STR(""));
    mn_jw_kstr(&j, "spoiler_text", p.warning.ptr ? p.warning : MN_STR(""));
    mn_jw_object_end(&j);
}

/* Nothing here translates. */
static void translate(mn_req *r, mn_resp *w)
{
    mn_post p;
    if (mn_masto__visible_post(r, w, &p))
        mn_masto_error(r, w, 404, "Translation is not offered here");
}

/* ---- quotes -------------------------------------------------------------------------------------------------------------------------- */

static void interaction_policy(mn_req *r, mn_resp *w)
{
    mn_quote_policy policy = MN_QUOTES_NOBODY;
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_masto__policy_parse(mn_param(r, "quote_approval_policy"), &policy, &e);
    if (rc == MN_OK)
        rc = mn_social_quote_policy_set(mn_masto__compose(r), mn_masto_me(r), id, policy, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, id);
}

static void revoke_quote(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id, quoting;
    if (!mn_masto_id(r, w, "id", &id) || !mn_masto_id(r, w, "quoting", &quoting)) return;
    mn_rc rc = mn_social_quote_revoke(mn_masto__compose(r), mn_masto_me(r), id, quoting, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, quoting);
}

const mn_route mn_masto__routes_statuses[] = {
    {MN_POST, "/api/v1/statuses", create, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {MN_GET, "/api/v1/statuses", show_many, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_GET, "/api/v1/statuses/:id", show, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_PUT, "/api/v1/statuses/:id", edit, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {MN_DELETE, "/api/v1/statuses/:id", destroy, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {MN_GET, "/api/v1/statuses/:id/source", source, 0, MN_RUN_HERE, "read:statuses"},
    {MN_POST, "/api/v1/statuses/:id/translate", translate, BODY_MAX, MN_RUN_HERE,
     "read:statuses"},
    {MN_PUT, "/api/v1/statuses/:id/interaction_policy", interaction_policy, BODY_MAX,
     MN_RUN_WORKER, "write:statuses"},
    {MN_POST, "/api/v1/statuses/:id/quotes/:quoting/revoke", revoke_quote, BODY_MAX,
     MN_RUN_WORKER, "write:statuses"},
    {.path = NULL},
};
