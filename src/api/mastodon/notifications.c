/* Notifications by request: the plain list, groups, and what is done with either. */
#include "api/mastodon/notifications.h"

#include "store/conversations.h"

#define LIMIT     40
#define LIMIT_MAX 80
#define COUNT     100
#define COUNT_MAX 1000
#define BODY      (16u << 10)

/* ---- which are asked for ----------------------------------------------------------------------------------------- */

static mn_notice_set set_of(const mn_req *r, const char *name)
{
    mn_str *all = NULL;
    mn_notice_set set = 0;
    size_t n = mn_param_list(r, name, &all);
    for (size_t i = 0; i < n; i++) {
        mn_notice_kind k = mn_notice_parse(all[i]);
        if (k) set |= MN_NOTICE_BIT(k);
    }
    return set;
}

/* False: none can fit, since every kind was left out, or kinds that we do not have were asked for. */
static bool query_of(const mn_req *r, const mn_page *p, mn_notification_query *ret)
{
    mn_notice_set kinds = set_of(r, "types");
    uint64_t from = 0;
    bool chosen = mn_param_has(r, "types");
    if (!chosen) kinds = MN_NOTICE_ALL;
    kinds &= ~set_of(r, "exclude_types");
    if (mn_str_to_u64(mn_param(r, "account_id"), &from) != MN_OK) from = 0;
    *ret =
        (mn_notification_query){.account = mn_masto_me(r),
                                .kinds = kinds,
                                .from = from,
                                .include_filtered = mn_param_bool(r, "include_filtered", false),
                                .page = mn_masto__bounds(p)};
    return kinds != 0;
}

/* How far I have read, as a client said. */
static mn_rc read_so_far(mn_req *r, uint64_t *ret, mn_err *e)
{
    mn_marker m;
    *ret = 0;
    mn_rc rc = mn_store_marker(mn_api_store(r->app), mn_masto_me(r), MN_STR("notifications"),
                               r->arena, &m, e);
    if (rc == MN_OK && mn_str_to_u64(m.last_read_id, ret) != MN_OK) *ret = 0;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static void answer_count(mn_resp *w, uint64_t n)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_ku64(&j, "count", n);
    mn_jw_object_end(&j);
}

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static void answer_list(mn_req *r, mn_resp *w, const mn_notification *list, size_t n, bool full)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    mn_rc rc = mn_masto__notifications(&v, list, n, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else if (n) mn_masto_link(r, w, list[0].id, list[n - 1].id, full);
}

static void get_list(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_notification_query q;
    mn_notification *list = NULL;
    size_t n = 0;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = MN_OK;
    if (query_of(r, &p, &q))
        rc = mn_store_notifications(mn_api_store(r->app), &q, r->arena, &list, &n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else answer_list(r, w, list, n, n == p.limit);
}

static void get_one(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = mn_entity_notification(&v, id, &j, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

static void unread(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t since = 0, n = 0;
    mn_notification_query q;
    mn_page p = mn_masto_page(r, COUNT, COUNT_MAX);
    mn_rc rc = read_so_far(r, &since, &e);
    bool any = query_of(r, &p, &q);
    q.page = (mn_bounds){.since = since};
    if (rc == MN_OK && any)
        rc = mn_store_notifications_count(mn_api_store(r->app), &q, p.limit, &n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else answer_count(w, n);
}

static mn_rc do_clear(mn_tx *tx, void *arg, mn_err *e)
{
    return mn_store_notifications_clear(tx, mn_masto_me(arg), e);
}

static void clear(mn_req *r, mn_resp *w)
{
    if (mn_masto__transact(r, w, do_clear, r)) mn_masto_empty(w);
}

typedef struct one {
    uint64_t me, id;
    mn_str key;
} one;

static mn_rc do_dismiss(mn_tx *tx, void *arg, mn_err *e)
{
    const one *x = arg;
    bool was = false;
    MN_TRY(mn_store_notification_remove(tx, x->me, x->id, &was, e));
    return was ? MN_OK : MN_E_NOT_FOUND;
}

static void dismiss_id(mn_req *r, mn_resp *w, uint64_t id)
{
    one x = {.me = mn_masto_me(r), .id = id};
    if (mn_masto__transact(r, w, do_dismiss, &x)) mn_masto_empty(w);
}

static void dismiss(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) dismiss_id(r, w, id);
}

/* The old form: the id as a parameter. */
static void dismiss_param(mn_req *r, mn_resp *w)
{
    uint64_t id = 0;
    if (mn_str_to_u64(mn_param(r, "id"), &id) == MN_OK && id > 0) dismiss_id(r, w, id);
    else mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* The kinds to be put together; those asked for that cannot be are given one by one. */
static mn_notice_set grouped_of(const mn_req *r)
{
    mn_notice_set set = set_of(r, "grouped_types");
    /* asked for, but none that we have: bit 0 is no kind, and not "all" */
    return set || !mn_param_has(r, "grouped_types") ? set : 1;
}

/* False: 422 answered. */
static bool partial_asked(mn_req *r, mn_resp *w, bool *ret)
{
    mn_str s = mn_param(r, "expand_accounts");
    *ret = mn_str_eqz(s, "partial_avatars");
    if (!s.ptr || *ret || mn_str_eqz(s, "full")) return true;
    mn_masto_error(r, w, 400,
                   "Invalid value for 'expand_accounts', allowed values are 'full' and "
                   "'partial_avatars'");
    return false;
}

static void answer_groups(mn_req *r, mn_resp *w, const mn_notification_group *g, size_t n,
                          bool paged, bool partial)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = mn_masto__groups(&v, g, n, paged, partial, &j, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

/* Pages go by what put each group onto the page. */
static void link_groups(mn_req *r, mn_resp *w, const mn_notification_group *g, size_t n,
                        bool full)
{
    uint64_t newest = 0, oldest = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (g[i].lead_id > newest) newest = g[i].lead_id;
        if (g[i].lead_id < oldest) oldest = g[i].lead_id;
    }
    if (n) mn_masto_link(r, w, newest, oldest, full);
}

static void get_groups(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_notification_query q;
    mn_notification_group *g = NULL;
    size_t n = 0;
    bool partial = false;
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    if (!partial_asked(r, w, &partial)) return;
    mn_rc rc = MN_OK;
    if (query_of(r, &p, &q))
        rc = mn_store_notification_groups(mn_api_store(r->app), &q, grouped_of(r), r->arena, &g,
                                          &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    answer_groups(r, w, g, n, true, partial);
    link_groups(r, w, g, n, n == p.limit);
}

static void get_group(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_notification_group g;
    mn_rc rc = mn_store_notification_group(mn_api_store(r->app), mn_masto_me(r),
                                           mn_req_param(r, "key"), r->arena, &g, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else answer_groups(r, w, &g, 1, false, false);
}

static void group_accounts(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_rel_row *rows = NULL;
    size_t n = 0;
    uint64_t ids[LIMIT_MAX];
    mn_page p = mn_masto_page(r, LIMIT, LIMIT_MAX);
    mn_rc rc = mn_store_notification_group_people(mn_api_store(r->app), mn_masto_me(r),
                                                  mn_req_param(r, "key"), mn_masto__bounds(&p),
                                                  r->arena, &rows, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) ids[i] = rows[i].account_id;
    mn_masto__answer_accounts(r, w, ids, n);
    if (n) mn_masto_link(r, w, rows[0].id, rows[n - 1].id, n == p.limit);
}

static mn_rc do_dismiss_group(mn_tx *tx, void *arg, mn_err *e)
{
    const one *x = arg;
    return mn_store_notification_group_remove(tx, x->me, x->key, e);
}

static void dismiss_group(mn_req *r, mn_resp *w)
{
    one x = {.me = mn_masto_me(r), .key = mn_req_param(r, "key")};
    if (mn_masto__transact(r, w, do_dismiss_group, &x)) mn_masto_empty(w);
}

static void unread_groups(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t since = 0, n = 0;
    mn_notification_query q;
    mn_page p = mn_masto_page(r, COUNT, COUNT_MAX);
    mn_rc rc = read_so_far(r, &since, &e);
    bool any = query_of(r, &p, &q);
    q.page = (mn_bounds){.since = since};
    if (rc == MN_OK && any)
        rc = mn_store_notification_groups_count(mn_api_store(r->app), &q, grouped_of(r),
                                                p.limit, &n, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else answer_count(w, n);
}

#define READ  "read:notifications"
#define WRITE "write:notifications"

const mn_route mn_masto__routes_notifications[] = {
    {MN_GET, "/api/v1/notifications", get_list, 0, MN_RUN_HERE, READ},
    {MN_GET, "/api/v1/notifications/unread_count", unread, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v1/notifications/clear", clear, BODY, MN_RUN_WORKER, WRITE},
    {MN_POST, "/api/v1/notifications/dismiss", dismiss_param, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v1/notifications/:id", get_one, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v1/notifications/:id/dismiss", dismiss, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/notifications", get_groups, 0, MN_RUN_WORKER, READ},
    {MN_GET, "/api/v2/notifications/unread_count", unread_groups, 0, MN_RUN_WORKER, READ},
    {MN_POST, "/api/v2/notifications/clear", clear, BODY, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/notifications/:key", get_group, 0, MN_RUN_HERE, READ},
    {MN_GET, "/api/v2/notifications/:key/accounts", group_accounts, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v2/notifications/:key/dismiss", dismiss_group, BODY, MN_RUN_WORKER, WRITE},
    {.path = NULL},
};
