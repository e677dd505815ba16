/* Conversations: threads of direct posts, and markers: how far one has read. */
#include "store/conversations.h"

#include "api/mastodon/reading_int.h"
#include "base/clock.h"
#include "social/reading.h"

#define LIMIT     20
#define LIMIT_MAX 40
#define BODY_MAX  8192

/* ---- the entity ------------------------------------------------------------------------------------------------------ */

static mn_rc write_last(const mn_view *v, const mn_conversation *c, mn_json_writer *j,
                        mn_err *e)
{
    mn_posts posts = {0};
    mn_store *s = v->api->home->store;
    if (c->last_post_id)
        MN_TRY(mn_store_posts_by_ids(s, &c->last_post_id, 1, v->arena, &posts, e));
    if (posts.n) MN_TRY(mn_social_posts_visible(s, &posts, v->me, e));
    mn_jw_key(j, "last_status");
    if (posts.n) return mn_entity_status(v, &posts.items[0], MN_FILTER_NONE, j, e);
    mn_jw_null(j);
    return MN_OK;
}

static mn_rc write_conversation(const mn_view *v, const mn_conversation *c, mn_json_writer *j,
                                mn_err *e)
{
    /* Who writes to nobody but oneself is the only one there. */
    const uint64_t *people = c->n_others ? c->others : &c->account_id;
    mn_jw_object(j);
    mn_jw_kid(j, "id", c->id);
    mn_jw_kbool(j, "unread", c->unread);
    mn_jw_key(j, "accounts");
    mn_jw_array(j);
    MN_TRY(mn_entity_accounts(v, people, c->n_others ? c->n_others : 1, j, e));
    mn_jw_array_end(j);
    MN_TRY(write_last(v, c, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_conversation(const mn_view *v, uint64_t conversation_id, mn_json_writer *j,
                             mn_err *e)
{
    mn_conversation c;
    MN_TRY(mn_store_conversation(v->api->home->store, v->me, conversation_id, v->arena, &c, e));
    return write_conversation(v, &c, j, e);
}

/* ---- handlers ---------------------------------------------------------------------------------------------------------- */

static void get_conversations(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_conversation *c = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = mn_store_conversations(mn_api_store(r->app), v.me, p.max_id,
                                      p.min_id ? p.min_id : p.since_id, p.min_id != 0, p.limit,
                                      r->arena, &c, &n, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = write_conversation(&v, &c[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, c[0].last_post_id, c[n - 1].last_post_id, n == p.limit);
}

static mn_rc set_unread(mn_store *s, uint64_t me, uint64_t id, bool unread, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_conversation_unread_set(tx, me, id, unread, e), e);
}

static void mark(mn_req *r, mn_resp *w, bool unread)
{
    mn_err e = {0};
    uint64_t id;
    mn_view v = mn_masto_view(r);
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = set_unread(mn_api_store(r->app), v.me, id, unread, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        rc = mn_entity_conversation(&v, id, &j, &e);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

static void post_read(mn_req *r, mn_resp *w)
{
    mark(r, w, false);
}

static void post_unread(mn_req *r, mn_resp *w)
{
    mark(r, w, true);
}

static mn_rc remove_one(mn_store *s, uint64_t me, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_conversation_remove(tx, me, id, e), e);
}

static void delete_conversation(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = remove_one(mn_api_store(r->app), mn_masto_me(r), id, &e);
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

/* ---- markers ------------------------------------------------------------------------------------------------------------ */

static const char *const timelines[] = {"home", "notifications"};
#define N_TIMELINES (sizeof timelines / sizeof *timelines)

static mn_rc write_marker(mn_req *r, const char *timeline, mn_json_writer *j, mn_err *e)
{
    mn_marker m;
    mn_rc rc = mn_store_marker(mn_api_store(r->app), mn_masto_me(r), mn_str_from(timeline),
                               r->arena, &m, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    mn_jw_key(j, timeline);
    mn_jw_object(j);
    mn_jw_kstr(j, "last_read_id", m.last_read_id);
    mn_jw_ku64(j, "version", m.version);
    mn_jw_key(j, "updated_at");
    mn_jw_time(j, m.updated_ms);
    mn_jw_object_end(j);
    return MN_OK;
}

static void answer_markers(mn_req *r, mn_resp *w, const bool asked[N_TIMELINES])
{
    mn_err e = {0};
    mn_rc rc = MN_OK;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    for (size_t i = 0; rc == MN_OK && i < N_TIMELINES; i++)
        if (asked[i]) rc = write_marker(r, timelines[i], &j, &e);
    mn_jw_object_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

static void get_markers(mn_req *r, mn_resp *w)
{
    bool asked[N_TIMELINES] = {false};
    mn_str *names = NULL;
    size_t n = mn_param_list(r, "timeline", &names);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < N_TIMELINES; k++) asked[k] |= mn_str_eqz(names[i], timelines[k]);
    answer_markers(r, w, asked);
}

/* An id as it is kept: what is no number counts as 0, as Mastodon reads it. */
static mn_str read_id(mn_req *r, mn_str sent)
{
    uint64_t id = 0;
    if (mn_str_to_u64(sent, &id) != MN_OK) id = 0;
    return mn_str_fmt(r->arena, "%llu", (unsigned long long)id);
}

static mn_rc set_markers(mn_req *r, bool asked[N_TIMELINES], mn_err *e)
{
    static const char *const names[N_TIMELINES] = {"home[last_read_id]",
                                                   "notifications[last_read_id]"};
    mn_tx *tx;
    mn_rc rc = MN_OK;
    MN_TRY(mn_store_begin(mn_api_store(r->app), &tx, e));
    for (size_t i = 0; i < N_TIMELINES && rc == MN_OK; i++) {
        asked[i] = mn_param_has(r, names[i]);
        if (asked[i])
            rc = mn_store_marker_set(tx, mn_masto_me(r), mn_str_from(timelines[i]),
                                     read_id(r, mn_param(r, names[i])), mn_now_ms(), e);
    }
    return mn_store_end(tx, rc, e);
}

static void post_markers(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    bool asked[N_TIMELINES] = {false};
    mn_rc rc = set_markers(r, asked, &e);
    if (rc == MN_OK) answer_markers(r, w, asked);
    else if (rc == MN_E_BUSY)
        mn_masto_error(r, w, 409, "Conflict during update, please try again");
    else mn_masto_failed(r, w, rc, &e);
}

const mn_route mn_masto__routes_conversations[] = {
    {MN_GET, "/api/v1/conversations", get_conversations, 0, MN_RUN_HERE, "read:statuses"},
    {MN_POST, "/api/v1/conversations/:id/read", post_read, BODY_MAX, MN_RUN_WORKER,
     "write:conversations"},
    {MN_POST, "/api/v1/conversations/:id/unread", post_unread, BODY_MAX, MN_RUN_WORKER,
     "write:conversations"},
    {MN_DELETE, "/api/v1/conversations/:id", delete_conversation, BODY_MAX, MN_RUN_WORKER,
     "write:conversations"},
    {MN_GET, "/api/v1/markers", get_markers, 0, MN_RUN_HERE, "read:statuses"},
    {MN_POST, "/api/v1/markers", post_markers, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {.path = NULL},
};
