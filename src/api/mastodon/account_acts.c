/* What people do to each other, by request: each answers how the two stand to each other then. */
#include "api/mastodon/accounts.h"
#include "base/clock.h"

typedef struct act {
    mn_req *r;
    uint64_t me, id;
    mn_rc (*plain)(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e);
    mn_follow_opts follow;
    bool notifications, on;
    int64_t duration_s;
    mn_str text;
} act;

static void answer_relation(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_err e = {0};
    mn_relation *list = NULL;
    size_t n = 0;
    mn_rc rc = mn_store_relations(mn_api_store(r->app), mn_masto_me(r), &id, 1, r->arena, &list,
                                  &n, &e);
    if (rc == MN_OK && n == 0) rc = MN_E_NOT_FOUND;
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_entity_relationship(&list[0], &j);
}

/* Does it, and answers. */
static void perform(mn_req *r, mn_resp *w, mn_masto__act *fn, act *x)
{
    x->r = r;
    x->me = mn_masto_me(r);
    if (!mn_masto_id(r, w, "id", &x->id)) return;
    if (mn_masto__transact(r, w, fn, x)) answer_relation(r, w, x->id);
}

static mn_rc do_plain(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return x->plain(tx, x->me, x->id, e);
}

static void plain(mn_req *r, mn_resp *w,
                  mn_rc (*fn)(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e))
{
    perform(r, w, do_plain, &(act){.plain = fn});
}

/* ---- follow ------------------------------------------------------------------------------------------------------ */

static mn_rc do_follow(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_social_follow(tx, x->me, x->id, &x->follow, NULL, e);
}

/* A list as "en,fr"; empty entries are left out. */
static mn_str joined(const mn_req *r, const char *name)
{
    mn_str *all = NULL, out = MN_STR("");
    size_t n = mn_param_list(r, name, &all);
    for (size_t i = 0; i < n && i < 64; i++)
        if (all[i].len)
            out = mn_str_fmt(r->arena, "%.*s%s%.*s", MN_STR_FMT(out), out.len ? "," : "",
                             MN_STR_FMT(all[i]));
    return out.ptr ? out : MN_STR("");
}

static void follow(mn_req *r, mn_resp *w)
{
    act x = {.follow = {.has_boosts = mn_param(r, "reblogs").ptr != NULL,
                        .boosts = mn_param_bool(r, "reblogs", true),
                        .has_notify = mn_param(r, "notify").ptr != NULL,
                        .notify = mn_param_bool(r, "notify", false),
                        .has_languages = mn_param_has(r, "languages"),
                        .languages = joined(r, "languages")}};
    perform(r, w, do_follow, &x);
}

static void unfollow(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_unfollow);
}

static void remove_follower(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_remove_follower);
}

static void accept_request(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_request_accept);
}

static void reject_request(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_request_reject);
}

/* ---- block, mute, note, endorse ---------------------------------------------------------------------------------- */

static void block(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_block);
}

static void unblock(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_unblock);
}

static mn_rc do_mute(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_social_mute(tx, x->me, x->id, x->notifications, x->duration_s, e);
}

static void mute(mn_req *r, mn_resp *w)
{
    act x = {.notifications = mn_param_bool(r, "notifications", true)};
    if (!mn_param_i64(r, w, "duration", 0, INT64_C(86400) * 36500, 0, &x.duration_s)) return;
    perform(r, w, do_mute, &x);
}

static void unmute(mn_req *r, mn_resp *w)
{
    plain(r, w, mn_social_unmute);
}

static mn_rc do_note(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_social_note(tx, x->me, x->id, x->text, e);
}

static void note(mn_req *r, mn_resp *w)
{
    perform(r, w, do_note, &(act){.text = mn_param(r, "comment")});
}

static mn_rc do_endorse(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_social_endorse(tx, x->me, x->id, x->on, e);
}

static void endorse(mn_req *r, mn_resp *w)
{
    perform(r, w, do_endorse, &(act){.on = true});
}

static void unendorse(mn_req *r, mn_resp *w)
{
    perform(r, w, do_endorse, &(act){.on = false});
}

#define EXPIRE_BATCH 500

mn_rc mn_masto__mutes_expire(mn_api *a, mn_arena *ar, mn_err *e)
{
    size_t n = EXPIRE_BATCH;
    (void)ar;
    while (n == EXPIRE_BATCH) {
        mn_tx *tx;
        MN_TRY(mn_store_begin(mn_api_store(a), &tx, e));
        mn_rc rc = mn_store_mutes_expire(tx, mn_now_ms(), EXPIRE_BATCH, &n, e);
        rc = mn_store_end(tx, rc, e);
        if (rc != MN_OK) return rc;
    }
    return MN_OK;
}

/* ---- domains, suggestions ---------------------------------------------------------------------------------------- */

static mn_rc do_domain(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_social_domain_block(tx, x->me, x->text, x->on, e);
}

static void domain(mn_req *r, mn_resp *w, bool on)
{
    act x = {.me = mn_masto_me(r), .text = mn_param(r, "domain"), .on = on};
    if (mn_masto__transact(r, w, do_domain, &x)) mn_masto_empty(w);
}

static void block_domain(mn_req *r, mn_resp *w)
{
    domain(r, w, true);
}

static void unblock_domain(mn_req *r, mn_resp *w)
{
    domain(r, w, false);
}

static mn_rc do_dismiss(mn_tx *tx, void *arg, mn_err *e)
{
    const act *x = arg;
    return mn_store_suggestion_dismiss(tx, x->me, x->id, e);
}

static void dismiss_suggestion(mn_req *r, mn_resp *w)
{
    mn_account a;
    if (!mn_masto__account(r, w, &a)) return;
    act x = {.me = mn_masto_me(r), .id = a.id};
    if (mn_masto__transact(r, w, do_dismiss, &x)) mn_masto_empty(w);
}

#define BODY (16u << 10)
#define POST(path, handler, scope)                                                             \
    {                                                                                          \
        MN_POST, path, handler, BODY, MN_RUN_WORKER, scope                                     \
    }

const mn_route mn_masto__routes_account_acts[] = {
    POST("/api/v1/accounts/:id/follow", follow, "write:follows"),
    POST("/api/v1/accounts/:id/unfollow", unfollow, "write:follows"),
    POST("/api/v1/accounts/:id/remove_from_followers", remove_follower, "write:follows"),
    POST("/api/v1/accounts/:id/block", block, "write:blocks"),
    POST("/api/v1/accounts/:id/unblock", unblock, "write:blocks"),
    POST("/api/v1/accounts/:id/mute", mute, "write:mutes"),
    POST("/api/v1/accounts/:id/unmute", unmute, "write:mutes"),
    POST("/api/v1/accounts/:id/note", note, "write:accounts"),
    POST("/api/v1/accounts/:id/pin", endorse, "write:accounts"),
    POST("/api/v1/accounts/:id/unpin", unendorse, "write:accounts"),
    POST("/api/v1/accounts/:id/endorse", endorse, "write:accounts"),
    POST("/api/v1/accounts/:id/unendorse", unendorse, "write:accounts"),
    POST("/api/v1/follow_requests/:id/authorize", accept_request, "write:follows"),
    POST("/api/v1/follow_requests/:id/reject", reject_request, "write:follows"),
    POST("/api/v1/domain_blocks", block_domain, "write:blocks"),
    {MN_DELETE, "/api/v1/domain_blocks", unblock_domain, BODY, MN_RUN_WORKER, "write:blocks"},
    {MN_DELETE, "/api/v1/suggestions/:id", dismiss_suggestion, BODY, MN_RUN_WORKER,
     "write:accounts"},
    {.path = NULL},
};
