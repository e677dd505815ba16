/* What members do with posts: favourite, boost, bookmark, pin, mute, each with its way back; and votes. */
#include "api/mastodon/statuses.h"

#define BODY_MAX 65536

typedef mn_rc mark_fn(const mn_compose *c, uint64_t account, uint64_t post, bool on, mn_err *e);

static void act(mn_req *r, mn_resp *w, mark_fn *fn, bool on)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = fn(mn_masto__compose(r), mn_masto_me(r), id, on, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, id);
}

static void favourite(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_favourite, true);
}
static void unfavourite(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_favourite, false);
}
static void bookmark(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_bookmark, true);
}
static void unbookmark(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_bookmark, false);
}
static void pin(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_pin, true);
}
static void unpin(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_pin, false);
}
static void mute(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_thread_mute, true);
}
static void unmute(mn_req *r, mn_resp *w)
{
    act(r, w, mn_social_thread_mute, false);
}

/* The answer to a boost is the boost, to its end the post. */
static void reblog(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id, boost = 0;
    mn_visibility v = MN_VIS_PUBLIC;
    mn_rc rc = MN_OK;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_str asked = mn_param(r, "visibility");
    if (asked.len) rc = mn_masto__visibility_parse(asked, &v, &e);
    if (rc == MN_OK)
        rc = mn_social_boost(mn_masto__compose(r), mn_masto_me(r), mn_masto_grant(r)->app_id,
                             id, asked.len ? (int)v : -1, &boost, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, boost);
}

static void unreblog(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_post p;
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    /* The id may be that of the boost, which is about to go. */
    mn_rc rc = mn_store_post(a->home->store, id, r->arena, &p, &e);
    if (rc == MN_OK) rc = mn_social_unboost(mn_masto__compose(r), mn_masto_me(r), id, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else mn_masto__answer_status(r, w, p.boost_of ? p.boost_of : id);
}

/* ---- polls ------------------------------------------------------------------------------------------------------------- */

/* The poll as the answer, when its post may be seen. */
static void answer_poll(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_view v = mn_masto_view(r);
    mn_store *s = v.api->home->store;
    mn_poll poll;
    mn_post p;
    mn_buf b;
    mn_json_writer k;
    mn_err e = {0};
    bool may = false;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&k, &b, 0);
    mn_rc rc = mn_store_poll(s, id, r->arena, &poll, &e);
    if (rc == MN_OK) rc = mn_store_post(s, poll.post_id, r->arena, &p, &e);
    if (rc == MN_OK) rc = mn_social_may_see(s, &p, v.me, &may, &e);
    if (rc == MN_OK && !may) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = mn_entity_poll(&v, id, &k, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        mn_jw_raw(&j, mn_buf_str(&b));
    } else {
        mn_masto__compose_failed(r, w, rc, &e);
    }
    mn_buf_release(&b);
}

static void show_poll(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) answer_poll(r, w, id);
}

static void vote(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_str *sent = NULL;
    uint64_t id, choices[MN_POLL_OPTIONS_MAX];
    if (!mn_masto_id(r, w, "id", &id)) return;
    size_t n = mn_param_list(r, "choices", &sent);
    bool good = n <= MN_POLL_OPTIONS_MAX;
    for (size_t i = 0; good && i < n; i++) good = mn_str_to_u64(sent[i], &choices[i]) == MN_OK;
    if (!good) {
        mn_masto_error(r, w, 422, "Validation failed: The chosen vote option does not exist");
        return;
    }
    mn_rc rc = mn_social_vote(mn_masto__compose(r), mn_masto_me(r), id, choices, n, &e);
    if (rc != MN_OK) mn_masto__compose_failed(r, w, rc, &e);
    else answer_poll(r, w, id);
}

#define ACT(path, fn, scope)                                                                   \
    {                                                                                          \
        MN_POST, "/api/v1/statuses/:id/" path, fn, BODY_MAX, MN_RUN_WORKER, scope              \
    }
const mn_route mn_masto__routes_status_acts[] = {
    ACT("favourite", favourite, "write:favourites"),
    ACT("unfavourite", unfavourite, "write:favourites"),
    ACT("bookmark", bookmark, "write:bookmarks"),
    ACT("unbookmark", unbookmark, "write:bookmarks"),
    ACT("reblog", reblog, "write:statuses"),
    ACT("unreblog", unreblog, "write:statuses"),
    ACT("pin", pin, "write:accounts"),
    ACT("unpin", unpin, "write:accounts"),
    ACT("mute", mute, "write:mutes"),
    ACT("unmute", unmute, "write:mutes"),
    {MN_GET, "/api/v1/polls/:id", show_poll, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_POST, "/api/v1/polls/:id/votes", vote, BODY_MAX, MN_RUN_WORKER, "write:statuses"},
    {.path = NULL},
};
