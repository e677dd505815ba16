/* Lists and their members. */
#include "store/lists.h"

#include "api/mastodon/mastodon.h"
#include "base/snowflake.h"

#define LISTS_MAX   50
#define TITLE_MAX   255 /* characters */
#define PEOPLE      40
#define PEOPLE_MAX  80
#define MEMBERS_MAX 1000 /* answered at once when all are asked for */
#define BODY_MAX    65536

static const char *const policies[] = {
    [MN_LIST_REPLIES_LIST] = "list",
    [MN_LIST_REPLIES_FOLLOWED] = "followed",
    [MN_LIST_REPLIES_NONE] = "none",
};

static void write_list(mn_json_writer *j, const mn_list *l)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", l->id);
    mn_jw_kstr(j, "title", l->title);
    mn_jw_kstrz(j, "replies_policy", policies[l->replies]);
    mn_jw_kbool(j, "exclusive", l->exclusive);
    mn_jw_object_end(j);
}

static void answer_lists(mn_req *r, mn_resp *w, uint64_t member)
{
    mn_err e = {0};
    mn_list *lists = NULL;
    size_t n = 0;
    mn_rc rc =
        mn_store_lists(mn_api_store(r->app), mn_masto_me(r), member, r->arena, &lists, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) write_list(&j, &lists[i]);
    mn_jw_array_end(&j);
}

static void get_lists(mn_req *r, mn_resp *w)
{
    answer_lists(r, w, 0);
}

static void get_lists_of(mn_req *r, mn_resp *w)
{
    uint64_t member;
    if (mn_masto_id(r, w, "id", &member)) answer_lists(r, w, member);
}

/* The list in the path; false: 404 was answered. */
static bool list_of(mn_req *r, mn_resp *w, mn_list *ret)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_list(mn_api_store(r->app), mn_masto_me(r), id, r->arena, ret, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void get_list(mn_req *r, mn_resp *w)
{
    mn_list l;
    if (!list_of(r, w, &l)) return;
    mn_json_writer j = mn_masto_json(w);
    write_list(&j, &l);
}

/* ---- making and changing --------------------------------------------------------------------------------------------- */

/* What was sent, over what is in *l. */
static mn_rc read_list(const mn_req *r, mn_list *l, mn_err *e)
{
    mn_str policy = mn_param(r, "replies_policy");
    if (mn_param_has(r, "title")) l->title = mn_str_trim(mn_param(r, "title"));
    l->exclusive = mn_param_bool(r, "exclusive", l->exclusive);
    if (l->title.len == 0)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Title can't be blank");
    if (mn_utf8_count(l->title) > TITLE_MAX)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Title is too long (maximum is %d characters)",
                       TITLE_MAX);
    if (policy.len == 0) return MN_OK;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (mn_str_eqz(policy, policies[i])) {
            l->replies = (mn_list_replies)i;
            return MN_OK;
        }
    return mn_fail(e, MN_E_USAGE, "'%.*s' is not a valid replies_policy", MN_STR_FMT(policy));
}

static mn_rc tell(mn_tx *tx, const mn_list *l, mn_err *e)
{
    return mn_store_event(
        tx, (mn_event){.kind = MN_EV_LIST, .id = l->id, .account = l->account_id}, e);
}

static mn_rc add(mn_tx *tx, const mn_list *l, mn_err *e)
{
    uint64_t n = 0;
    MN_TRY(mn_store_list_count(tx, l->account_id, &n, e));
    if (n >= LISTS_MAX)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: You have reached the maximum number of lists");
    MN_TRY(mn_store_list_add(tx, l, e));
    return tell(tx, l, e);
}

static mn_rc update(mn_tx *tx, const mn_list *l, mn_err *e)
{
    MN_TRY(mn_store_list_update(tx, l, e));
    return tell(tx, l, e);
}

static mn_rc remove_list(mn_tx *tx, const mn_list *l, mn_err *e)
{
    MN_TRY(mn_store_list_remove(tx, l->account_id, l->id, e));
    return tell(tx, l, e);
}

static mn_rc in_tx(mn_store *s, mn_rc (*fn)(mn_tx *, const mn_list *, mn_err *),
                   const mn_list *l, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, fn(tx, l, e), e);
}

static void save(mn_req *r, mn_resp *w, mn_list *l,
                 mn_rc (*fn)(mn_tx *, const mn_list *, mn_err *))
{
    mn_err e = {0};
    mn_rc rc = read_list(r, l, &e);
    if (rc == MN_OK) rc = in_tx(mn_api_store(r->app), fn, l, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    write_list(&j, l);
}

static void post_list(mn_req *r, mn_resp *w)
{
    mn_list l = {.id = mn_snowflake_next(), .account_id = mn_masto_me(r)};
    save(r, w, &l, add);
}

static void put_list(mn_req *r, mn_resp *w)
{
    mn_list l;
    if (list_of(r, w, &l)) save(r, w, &l, update);
}

static void delete_list(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_list l;
    if (!list_of(r, w, &l)) return;
    mn_rc rc = in_tx(mn_api_store(r->app), remove_list, &l, &e);
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

/* ---- members ----------------------------------------------------------------------------------------------------------- */

static void get_members(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_list l;
    mn_list_member *m = NULL;
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    mn_page p = mn_masto_page(r, PEOPLE, PEOPLE_MAX);
    bool all = mn_str_eqz(mn_param(r, "limit"), "0");
    if (!list_of(r, w, &l)) return;
    if (all) p.limit = MEMBERS_MAX;
    mn_rc rc = mn_store_list_members(mn_api_store(r->app), l.id, p.max_id,
                                     p.min_id ? p.min_id : p.since_id, p.min_id != 0, p.limit,
                                     r->arena, &m, &n, &e);
    uint64_t *ids = mn_arena_alloc(r->arena, (n + 1) * sizeof *ids);
    if (rc == MN_OK && !ids) rc = mn_fail(&e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) {
        for (size_t i = 0; i < n; i++) ids[i] = m[i].account_id;
        mn_json_writer j = mn_masto_json(w);
        mn_jw_array(&j);
        rc = mn_entity_accounts(&v, ids, n, &j, &e);
        mn_jw_array_end(&j);
    }
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n && !all) mn_masto_link(r, w, m[0].id, m[n - 1].id, n == p.limit);
}

/* Only people one follows, and oneself, can be on a list. */
static mn_rc check_member(mn_store *s, uint64_t me, uint64_t id, mn_err *e)
{
    bool follows = id == me;
    if (!follows) MN_TRY(mn_store_follow_is(s, me, id, &follows, e));
    return follows ? MN_OK : MN_E_NOT_FOUND;
}

static mn_rc add_member(mn_tx *tx, const mn_list *l, uint64_t id, mn_err *e)
{
    bool changed = false;
    MN_TRY(mn_store_list_member_set(tx, l->id, id, true, &changed, e));
    if (changed) return MN_OK;
    return mn_fail(e, MN_E_EXISTS, "Validation failed: Account has already been taken");
}

static mn_rc drop_member(mn_tx *tx, const mn_list *l, uint64_t id, mn_err *e)
{
    bool changed = false;
    return mn_store_list_member_set(tx, l->id, id, false, &changed, e);
}

static mn_rc change_members(mn_store *s, const mn_list *l, const uint64_t *ids, size_t n,
                            bool on, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = MN_OK;
    for (size_t i = 0; on && i < n; i++) MN_TRY(check_member(s, l->account_id, ids[i], e));
    MN_TRY(mn_store_begin(s, &tx, e));
    for (size_t i = 0; i < n && rc == MN_OK; i++)
        rc = on ? add_member(tx, l, ids[i], e) : drop_member(tx, l, ids[i], e);
    if (rc == MN_OK) rc = tell(tx, l, e);
    return mn_store_end(tx, rc, e);
}

static void set_members(mn_req *r, mn_resp *w, bool on)
{
    mn_err e = {0};
    mn_list l;
    uint64_t *ids = NULL;
    if (!list_of(r, w, &l)) return;
    size_t n = mn_param_ids(r, "account_ids", &ids);
    mn_rc rc = change_members(mn_api_store(r->app), &l, ids, n, on, &e);
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

static void post_members(mn_req *r, mn_resp *w)
{
    set_members(r, w, true);
}

static void delete_members(mn_req *r, mn_resp *w)
{
    set_members(r, w, false);
}

const mn_route mn_masto__routes_lists[] = {
    {MN_GET, "/api/v1/lists", get_lists, 0, MN_RUN_HERE, "read:lists"},
    {MN_POST, "/api/v1/lists", post_list, BODY_MAX, MN_RUN_WORKER, "write:lists"},
    {MN_GET, "/api/v1/lists/:id", get_list, 0, MN_RUN_HERE, "read:lists"},
    {MN_PUT, "/api/v1/lists/:id", put_list, BODY_MAX, MN_RUN_WORKER, "write:lists"},
    {MN_DELETE, "/api/v1/lists/:id", delete_list, BODY_MAX, MN_RUN_WORKER, "write:lists"},
    {MN_GET, "/api/v1/lists/:id/accounts", get_members, 0, MN_RUN_HERE, "read:lists"},
    {MN_POST, "/api/v1/lists/:id/accounts", post_members, BODY_MAX, MN_RUN_WORKER,
     "write:lists"},
    {MN_DELETE, "/api/v1/lists/:id/accounts", delete_members, BODY_MAX, MN_RUN_WORKER,
     "write:lists"},
    {MN_GET, "/api/v1/accounts/:id/lists", get_lists_of, 0, MN_RUN_HERE, "read:lists"},
    {.path = NULL},
};
