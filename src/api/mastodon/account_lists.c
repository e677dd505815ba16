/* Lists of people that are one's own business: who asks, whom one blocks, mutes, endorses; the directory, suggestions. */
#include "api/mastodon/accounts.h"

#define LIMIT         40
#define LIMIT_MAX     80
#define DOMAINS_LIMIT 100
#define DOMAINS_MAX   200

/* A page of one of my relations. *ret_n > 0 unless it is empty; false: answered. */
static bool my_page(mn_req *r, mn_resp *w, mn_rel rel, mn_page *p, mn_rel_row **ret,
                    size_t *ret_n)
{
    mn_err e = {0};
    *p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = mn_store_rel_page(mn_api_store(r->app), mn_masto_me(r), rel, mn_masto__bounds(p),
                                 r->arena, ret, ret_n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void my_people(mn_req *r, mn_resp *w, mn_rel rel)
{
    mn_page p;
    mn_rel_row *rows = NULL;
    size_t n = 0;
    uint64_t ids[LIMIT_MAX];
    if (!my_page(r, w, rel, &p, &rows, &n)) return;
    for (size_t i = 0; i < n; i++) ids[i] = rows[i].account_id;
    mn_masto__answer_accounts(r, w, ids, n);
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

static void follow_requests(mn_req *r, mn_resp *w)
{
    my_people(r, w, MN_REL_REQUESTED_BY);
}

static void blocks(mn_req *r, mn_resp *w)
{
    my_people(r, w, MN_REL_BLOCKING);
}

static void endorsements(mn_req *r, mn_resp *w)
{
    my_people(r, w, MN_REL_ENDORSED);
}

static void mutes(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_page p;
    mn_rel_row *rows = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    if (!my_page(r, w, MN_REL_MUTING, &p, &rows, &n)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_rc rc = mn_entity_muted_accounts(&v, rows, n, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

static void domain_blocks(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_domain_row *rows = NULL;
    size_t n = 0;
    mn_page p = mn_masto_page(r, DOMAINS_LIMIT, DOMAINS_MAX);
    mn_rc rc = mn_store_domain_blocks_page(mn_api_store(r->app), mn_masto_me(r),
                                           mn_masto__bounds(&p), r->arena, &rows, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) mn_jw_str(&j, rows[i].domain);
    mn_jw_array_end(&j);
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

/* ---- finding people ---------------------------------------------------------------------------------------------- */

static void directory(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = mn_store_directory(
        mn_api_store(r->app), mn_masto_me(r), mn_str_eqz(mn_param(r, "order"), "new"),
        mn_param_bool(r, "local", false), p.limit, p.offset, r->arena, &ids, &n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else mn_masto__answer_accounts(r, w, ids, n);
}

static bool suggested(mn_req *r, mn_resp *w, mn_suggestion **ret, size_t *ret_n)
{
    mn_err e = {0};
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = mn_store_suggestions(mn_api_store(r->app), mn_masto_me(r), p.limit, r->arena,
                                    ret, ret_n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void suggestions_v1(mn_req *r, mn_resp *w)
{
    mn_suggestion *list = NULL;
    size_t n = 0;
    uint64_t ids[LIMIT_MAX];
    if (!suggested(r, w, &list, &n)) return;
    for (size_t i = 0; i < n; i++) ids[i] = list[i].account_id;
    mn_masto__answer_accounts(r, w, ids, n);
}

/* The old word, and the newer, as Mastodon has both. */
static const struct {
    const char *old, *source;
} sources[] = {
    [MN_SUGGEST_FRIENDS] = {"past_interactions", "friends_of_friends"},
    [MN_SUGGEST_FOLLOWED] = {"global", "most_followed"},
    [MN_SUGGEST_ACTIVE] = {"global", "most_interactions"},
};

static mn_rc put_suggestion(const mn_view *v, const mn_suggestion *s, mn_json_writer *j,
                            mn_err *e)
{
    mn_str account;
    mn_rc rc = mn_entity_account_json(v, s->account_id, &account, e);
    if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    mn_jw_object(j);
    mn_jw_kstrz(j, "source", sources[s->source].old);
    mn_jw_key(j, "sources");
    mn_jw_array(j);
    mn_jw_strz(j, sources[s->source].source);
    mn_jw_array_end(j);
    mn_jw_key(j, "account");
    mn_jw_raw(j, account);
    mn_jw_object_end(j);
    return MN_OK;
}

static void suggestions(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_suggestion *list = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_rc rc = MN_OK;
    if (!suggested(r, w, &list, &n)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = put_suggestion(&v, &list[i], &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

#define GET(path, handler, run, scope)                                                         \
    {                                                                                          \
        MN_GET, path, handler, 0, run, scope                                                   \
    }

const mn_route mn_masto__routes_account_lists[] = {
    GET("/api/v1/follow_requests", follow_requests, MN_RUN_HERE, "read:follows"),
    GET("/api/v1/blocks", blocks, MN_RUN_HERE, "read:blocks"),
    GET("/api/v1/mutes", mutes, MN_RUN_HERE, "read:mutes"),
    GET("/api/v1/domain_blocks", domain_blocks, MN_RUN_HERE, "read:blocks"),
    GET("/api/v1/endorsements", endorsements, MN_RUN_HERE, "read:accounts"),
    GET("/api/v1/directory", directory, MN_RUN_WORKER, ""),
    GET("/api/v1/suggestions", suggestions_v1, MN_RUN_WORKER, "read:accounts"),
    GET("/api/v2/suggestions", suggestions, MN_RUN_WORKER, "read:accounts"),
    {.path = NULL},
};
