/* Accounts to look at: one, several, by name, by search; who follows whom; what they have posted. */
#include "api/mastodon/accounts.h"

#include "api/mastodon/reading_int.h"
#include "social/tags.h"

#define LIMIT       40
#define LIMIT_MAX   80
#define IDS_MAX     40 /* of one request: Mastodon takes as many as it shows on a page */
#define POSTS_LIMIT 20
#define POSTS_MAX   40

/* ---- shared ------------------------------------------------------------------------------------------------------ */

static void failed(mn_req *r, mn_resp *w, mn_rc rc, mn_err *e)
{
    e->rc = rc; /* "not found" comes without a message */
    mn_masto_fail(r, w, e);
}

bool mn_masto__transact(mn_req *r, mn_resp *w, mn_masto__act *fn, void *arg)
{
    mn_err e = {0};
    mn_tx *tx;
    mn_rc rc = mn_store_begin(mn_api_store(r->app), &tx, &e);
    if (rc == MN_OK) {
        rc = fn(tx, arg, &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc != MN_OK) failed(r, w, rc, &e);
    return rc == MN_OK;
}

bool mn_masto__account(mn_req *r, mn_resp *w, mn_account *ret)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), id, r->arena, ret, &e);
    if (rc == MN_OK && (ret->state == MN_ACCOUNT_DELETED || ret->waits)) rc = MN_E_NOT_FOUND;
    if (rc != MN_OK) failed(r, w, rc, &e);
    return rc == MN_OK;
}

void mn_masto__answer_accounts(mn_req *r, mn_resp *w, const uint64_t *ids, size_t n)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_rc rc = mn_entity_accounts(&v, ids, n, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) failed(r, w, rc, &e);
}

static void answer_one(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = mn_entity_account(&v, id, &j, &e);
    if (rc != MN_OK) failed(r, w, rc, &e);
}

/* How the reader stands to the account; nobody stands to anybody. */
static mn_rc relation_to(mn_req *r, uint64_t id, mn_relation *ret, mn_err *e)
{
    mn_relation *list = NULL;
    size_t n = 0;
    *ret = (mn_relation){.id = id};
    if (!mn_masto_me(r)) return MN_OK;
    MN_TRY(mn_store_relations(mn_api_store(r->app), mn_masto_me(r), &id, 1, r->arena, &list, &n,
                              e));
    if (n) *ret = list[0];
    return MN_OK;
}

/* ---- one, several ------------------------------------------------------------------------------------------------ */

static void get_account(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) answer_one(r, w, id);
}

static void get_accounts(mn_req *r, mn_resp *w)
{
    uint64_t *ids = NULL;
    size_t n = mn_param_ids(r, "id", &ids);
    mn_masto__answer_accounts(r, w, ids, n < IDS_MAX ? n : IDS_MAX);
}

/* "name", "@name", "name@DOMAIN" with ours. */
static mn_str local_name(const mn_req *r, mn_str acct)
{
    mn_str host, name;
    acct = mn_str_trim(acct);
    if (mn_str_starts(acct, "@")) acct = mn_str_sub(acct, 1, SIZE_MAX);
    name = mn_str_split(acct, '@', &host);
    if (host.ptr && mn_str_eq_nocase(host, mn_str_from(mn_api_domain(r->app)))) return name;
    return acct;
}

static void lookup(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    mn_str name = local_name(r, mn_param(r, "acct"));
    mn_rc rc = name.len ? mn_store_account_by_name(mn_api_store(r->app), name, r->arena, &a, &e)
                        : MN_E_NOT_FOUND;
    if (rc != MN_OK) failed(r, w, rc, &e);
    else answer_one(r, w, a.id);
}

static void search(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_people_query q = {.text = local_name(r, mn_param(r, "q")),
                         .me = mn_masto_me(r),
                         .following = mn_param_bool(r, "following", false),
                         .limit = p.limit,
                         .offset = p.offset};
    mn_rc rc = mn_store_people_search(mn_api_store(r->app), &q, r->arena, &ids, &n, &e);
    if (rc != MN_OK) failed(r, w, rc, &e);
    else mn_masto__answer_accounts(r, w, ids, n);
}

static void relationships(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    mn_relation *list = NULL;
    size_t n = mn_param_ids(r, "id", &ids), found = 0;
    bool suspended = mn_param_bool(r, "with_suspended", false);
    if (n > LIMIT_MAX) n = LIMIT_MAX;
    mn_rc rc = mn_store_relations(mn_api_store(r->app), mn_masto_me(r), ids, n, r->arena, &list,
                                  &found, &e);
    if (rc != MN_OK) {
        failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < found; i++)
        if (list[i].state == MN_ACCOUNT_ACTIVE ||
            (suspended && list[i].state == MN_ACCOUNT_SUSPENDED))
            mn_entity_relationship(&list[i], &j);
    mn_jw_array_end(&j);
}

/* ---- who follows whom -------------------------------------------------------------------------------------------- */

/* Those between whom and the reader a block stands, or whom the reader has muted, are not shown in others' lists. */
static mn_rc without_hidden(mn_req *r, const mn_rel_row *rows, size_t n, uint64_t *ret,
                            size_t *ret_n, mn_err *e)
{
    mn_relation *list = NULL;
    size_t found = 0, k = 0;
    for (size_t i = 0; i < n; i++) ret[i] = rows[i].account_id;
    *ret_n = n;
    if (!mn_masto_me(r)) return MN_OK;
    MN_TRY(mn_store_relations(mn_api_store(r->app), mn_masto_me(r), ret, n, r->arena, &list,
                              &found, e));
    for (size_t i = 0; i < found; i++)
        if (!list[i].blocking && !list[i].blocked_by && !list[i].muting) ret[k++] = list[i].id;
    *ret_n = k;
    return MN_OK;
}

static void people_of(mn_req *r, mn_resp *w, mn_rel rel)
{
    mn_err e = {0};
    mn_account a;
    mn_relation me;
    mn_rel_row *rows = NULL;
    size_t n = 0, shown = 0;
    uint64_t ids[LIMIT_MAX];
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    if (!mn_masto__account(r, w, &a)) return;
    bool own = a.id == mn_masto_me(r);
    mn_rc rc = relation_to(r, a.id, &me, &e);
    bool hidden = a.state != MN_ACCOUNT_ACTIVE || (a.hide_follows && !own) || me.blocked_by;
    if (rc == MN_OK && !hidden)
        rc = mn_store_rel_page(mn_api_store(r->app), a.id, rel, mn_masto__bounds(&p), r->arena,
                               &rows, &n, &e);
    if (rc == MN_OK && own)
        for (; shown < n; shown++) ids[shown] = rows[shown].account_id;
    else if (rc == MN_OK) rc = without_hidden(r, rows, n, ids, &shown, &e);
    if (rc != MN_OK) {
        failed(r, w, rc, &e);
        return;
    }
    mn_masto__answer_accounts(r, w, ids, shown);
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

static void followers(mn_req *r, mn_resp *w)
{
    people_of(r, w, MN_REL_FOLLOWERS);
}

static void following(mn_req *r, mn_resp *w)
{
    people_of(r, w, MN_REL_FOLLOWING);
}

static void endorsements_of(mn_req *r, mn_resp *w)
{
    people_of(r, w, MN_REL_ENDORSED);
}

static mn_rc put_familiar(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_store *s = mn_api_store(v->api);
    mn_account a;
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_rc rc = mn_store_account_by_id(s, id, v->arena, &a, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && (a.state != MN_ACCOUNT_ACTIVE || a.waits)))
        return MN_OK;
    if (rc == MN_OK && !a.hide_follows)
        rc = mn_store_familiar(s, v->me, id, 10, v->arena, &ids, &n, e);
    if (rc != MN_OK) return rc;
    mn_jw_object(j);
    mn_jw_kid(j, "id", id);
    mn_jw_key(j, "accounts");
    mn_jw_array(j);
    rc = mn_entity_accounts(v, ids, n, j, e);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return rc;
}

static void familiar_followers(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    size_t n = mn_param_ids(r, "id", &ids);
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = MN_OK;
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n && i < IDS_MAX; i++)
        rc = put_familiar(&v, ids[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) failed(r, w, rc, &e);
}

static void nothing(mn_req *r, mn_resp *w)
{
    mn_account a;
    if (!mn_masto__account(r, w, &a)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_jw_array_end(&j);
}

/* ---- posts ------------------------------------------------------------------------------------------------------- */

typedef struct posts_source {
    mn_store *store;
    mn_profile_query q;
} posts_source;

static mn_rc from_profile(void *arg, const mn_span *sp, mn_arena *ar, uint64_t **ret,
                          size_t *ret_n, uint64_t *ret_next, bool *ret_ended, mn_err *e)
{
    posts_source *s = arg;
    s->q.page = (mn_bounds){.before = sp->below,
                            .since = sp->upward ? 0 : sp->above,
                            .after = sp->upward ? sp->above : 0,
                            .limit = sp->limit};
    MN_TRY(mn_store_profile_posts(s->store, &s->q, ar, ret, ret_n, e));
    size_t n = *ret_n;
    for (size_t i = 0; sp->upward && i < n / 2; i++) {
        uint64_t t = (*ret)[i];
        (*ret)[i] = (*ret)[n - 1 - i];
        (*ret)[n - 1 - i] = t;
    }
    *ret_next = n ? (*ret)[n - 1] : 0;
    *ret_ended = n < sp->limit;
    return MN_OK;
}

static void no_posts(mn_resp *w)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_jw_array_end(&j);
}

static mn_visibility most_private(const mn_req *r, const mn_relation *me)
{
    if (mn_masto_me(r) == me->id) return MN_VIS_DIRECT;
    return me->following ? MN_VIS_FOLLOWERS : MN_VIS_UNLISTED;
}

static void statuses(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    mn_relation me;
    if (!mn_masto__account(r, w, &a)) return;
    mn_rc rc = relation_to(r, a.id, &me, &e);
    if (rc != MN_OK) {
        failed(r, w, rc, &e);
        return;
    }
    mn_page p = mn_masto_page(r, POSTS_LIMIT, POSTS_MAX);
    mn_str tagged = mn_param(r, "tagged"),
           key = tagged.len ? mn_social_tag_key(tagged, r->arena) : MN_STR("");
    posts_source s = {.store = mn_api_store(r->app),
                      .q = {.account = a.id,
                            .me = mn_masto_me(r),
                            .most_private = most_private(r, &me),
                            .only_media = mn_param_bool(r, "only_media", false),
                            .exclude_replies = mn_param_bool(r, "exclude_replies", false),
                            .exclude_boosts = mn_param_bool(r, "exclude_reblogs", false),
                            .pinned = mn_param_bool(r, "pinned", false),
                            .tagged = key}};
    if (a.state != MN_ACCOUNT_ACTIVE || me.blocked_by || (tagged.len && !key.len)) no_posts(w);
    else mn_masto__posts_out(r, w, &p, from_profile, &s, MN_FILTER_ACCOUNT);
}

const mn_route mn_masto__routes_accounts[] = {
    {MN_GET, "/api/v1/accounts", get_accounts, 0, MN_RUN_HERE, "?read:accounts"},
    {MN_GET, "/api/v1/accounts/lookup", lookup, 0, MN_RUN_HERE, "?read:accounts"},
    {MN_GET, "/api/v1/accounts/search", search, 0, MN_RUN_WORKER, "read:accounts"},
    {MN_GET, "/api/v1/accounts/relationships", relationships, 0, MN_RUN_HERE, "read:follows"},
    {MN_GET, "/api/v1/accounts/familiar_followers", familiar_followers, 0, MN_RUN_WORKER,
     "read:follows"},
    {MN_GET, "/api/v1/accounts/:id", get_account, 0, MN_RUN_HERE, "?read:accounts"},
    {MN_GET, "/api/v1/accounts/:id/statuses", statuses, 0, MN_RUN_HERE, "?read:statuses"},
    {MN_GET, "/api/v1/accounts/:id/followers", followers, 0, MN_RUN_HERE, "?read:accounts"},
    {MN_GET, "/api/v1/accounts/:id/following", following, 0, MN_RUN_HERE, "?read:accounts"},
    {MN_GET, "/api/v1/accounts/:id/endorsements", endorsements_of, 0, MN_RUN_HERE,
     "?read:accounts"},
    {MN_GET, "/api/v1/accounts/:id/identity_proofs", nothing, 0, MN_RUN_HERE, "read:accounts"},
    {.path = NULL},
};
