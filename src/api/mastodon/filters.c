/* Filters of the second kind (a title, several words and posts) and of the first (one word each). */
#include "api/mastodon/filters.h"

#include "base/clock.h"
#include "base/snowflake.h"
#include "social/reading.h"

#define BODY_MAX (256u << 10)

/* The filter in the path (":id" or another name); false: answered. */
static bool filter_of(mn_req *r, mn_resp *w, const char *name, mn_filter *ret)
{
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, name, &id)) return false;
    mn_rc rc = mn_store_filter(mn_api_store(r->app), mn_masto_me(r), id, r->arena, ret, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void answer_filter(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_err e = {0};
    mn_filter f;
    mn_rc rc = mn_store_filter(mn_api_store(r->app), mn_masto_me(r), id, r->arena, &f, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_masto__filter_write(&f, true, &j);
}

/* ---- what was sent ---------------------------------------------------------------------------------------------------- */

static mn_rc read_context(const mn_req *r, unsigned *ret, mn_err *e)
{
    mn_str *names = NULL;
    size_t n = mn_param_list(r, "context", &names);
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned k = 0;
        while (k < MN_MASTO_CONTEXTS && !mn_str_eqz(names[i], mn_masto__contexts[k])) k++;
        if (k == MN_MASTO_CONTEXTS)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: Context None or invalid context supplied");
        bits |= 1u << k;
    }
    *ret = bits;
    return MN_OK;
}

/* Seconds from now; given as nothing: never. */
static mn_rc read_expiry(const mn_req *r, int64_t *ret, mn_err *e)
{
    int64_t s = 0;
    mn_str sent = mn_param(r, "expires_in");
    if (sent.len && (mn_str_to_i64(sent, &s) != MN_OK || s < 0 || s > INT64_C(10000000000)))
        return mn_fail(e, MN_E_USAGE, "Validation failed: Expires in is not a number");
    *ret = sent.len ? mn_now_ms() + s * 1000 : 0;
    return MN_OK;
}

/* What was sent, over what is in *f. */
static mn_rc read_filter(const mn_req *r, mn_filter *f, mn_err *e)
{
    mn_str action = mn_param(r, "filter_action");
    if (mn_param_has(r, "title")) f->title = mn_str_trim(mn_param(r, "title"));
    if (mn_param_has(r, "context")) MN_TRY(read_context(r, &f->context, e));
    if (mn_param_has(r, "expires_in")) MN_TRY(read_expiry(r, &f->expires_ms, e));
    if (action.len && !mn_masto__action_parse(action, &f->action))
        return mn_fail(e, MN_E_USAGE, "'%.*s' is not a valid filter_action",
                       MN_STR_FMT(action));
    return MN_OK;
}

static bool truth(mn_str s)
{
    return mn_str_eqz(s, "true") || mn_str_eqz(s, "1") || mn_str_eqz(s, "on") ||
           mn_str_eqz(s, "t") || mn_str_eqz(s, "True") || mn_str_eqz(s, "TRUE");
}

static mn_rc read_keywords(mn_req *r, mn_filter_change *c, mn_err *e)
{
    static const char list[] = "keywords_attributes";
    size_t n = mn_param_objects(r, list);
    mn_keyword_change *k = mn_arena_calloc(r->arena, n + 1, sizeof *k);
    if (!k) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        mn_str id = mn_param_of(r, list, i, "id"),
               whole = mn_param_of(r, list, i, "whole_word");
        if (id.len && mn_str_to_u64(id, &k[i].id) != MN_OK) return MN_E_NOT_FOUND;
        k[i].keyword = mn_param_of(r, list, i, "keyword");
        k[i].whole_word = whole.ptr ? truth(whole) : -1;
        k[i].destroy = truth(mn_param_of(r, list, i, "_destroy"));
    }
    c->keywords = k;
    c->n_keywords = n;
    return MN_OK;
}

/* ---- second kind ------------------------------------------------------------------------------------------------------- */

static void get_filters(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter *f = NULL;
    size_t n = 0;
    mn_rc rc = mn_store_filters(mn_api_store(r->app), mn_masto_me(r), r->arena, &f, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) mn_masto__filter_write(&f[i], true, &j);
    mn_jw_array_end(&j);
}

static void get_filter(mn_req *r, mn_resp *w)
{
    mn_filter f;
    if (!filter_of(r, w, "id", &f)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_masto__filter_write(&f, true, &j);
}

static void save(mn_req *r, mn_resp *w, mn_filter_change *c)
{
    mn_err e = {0};
    uint64_t id = 0;
    mn_rc rc = read_filter(r, &c->f, &e);
    if (rc == MN_OK) rc = read_keywords(r, c, &e);
    if (rc == MN_OK) rc = mn_social_filter_save(mn_api_store(r->app), c, &id, &e);
    if (rc == MN_OK) answer_filter(r, w, id);
    else mn_masto_failed(r, w, rc, &e);
}

static void post_filter(mn_req *r, mn_resp *w)
{
    mn_filter_change c = {.f = {.account_id = mn_masto_me(r)}};
    save(r, w, &c);
}

static void put_filter(mn_req *r, mn_resp *w)
{
    mn_filter_change c = {0};
    if (filter_of(r, w, "id", &c.f)) save(r, w, &c);
}

typedef mn_rc (*remove_fn)(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);

static void remove_by_id(mn_req *r, mn_resp *w, remove_fn fn)
{
    mn_err e = {0};
    mn_tx *tx;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_begin(mn_api_store(r->app), &tx, &e);
    if (rc == MN_OK) {
        rc = fn(tx, mn_masto_me(r), id, &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

static void delete_filter(mn_req *r, mn_resp *w)
{
    remove_by_id(r, w, mn_store_filter_remove);
}

/* ---- its keywords -------------------------------------------------------------------------------------------------------- */

static void get_keywords(mn_req *r, mn_resp *w)
{
    mn_filter f;
    if (!filter_of(r, w, "filter_id", &f)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < f.n_keywords; i++) mn_masto__keyword_write(&f.keywords[i], &j);
    mn_jw_array_end(&j);
}

static void answer_keyword(mn_req *r, mn_resp *w, uint64_t id)
{
    mn_err e = {0};
    mn_filter_keyword k;
    mn_rc rc =
        mn_store_filter_keyword(mn_api_store(r->app), mn_masto_me(r), id, r->arena, &k, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_masto__keyword_write(&k, &j);
}

/* The one keyword of a request, in the filter f. id 0: a new one, whose id is found afterwards as the filter's last. */
static mn_rc save_keyword(mn_req *r, const mn_filter *f, uint64_t id, uint64_t *ret_id,
                          mn_err *e)
{
    uint64_t filter = 0;
    mn_filter now;
    mn_str keyword = mn_param(r, "keyword");
    mn_keyword_change k = {.id = id,
                           .keyword = keyword,
                           .whole_word = mn_param_has(r, "whole_word")
                                             ? mn_param_bool(r, "whole_word", false)
                                             : -1};
    mn_filter_change c = {.f = *f, .keywords = &k, .n_keywords = 1};
    MN_TRY(mn_social_filter_save(mn_api_store(r->app), &c, &filter, e));
    *ret_id = id;
    if (id) return MN_OK;
    MN_TRY(mn_store_filter(mn_api_store(r->app), mn_masto_me(r), filter, r->arena, &now, e));
    if (now.n_keywords == 0) return MN_E_NOT_FOUND;
    *ret_id = now.keywords[now.n_keywords - 1].id;
    return MN_OK;
}

static void post_keyword(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter f;
    uint64_t id = 0;
    if (!filter_of(r, w, "filter_id", &f)) return;
    mn_rc rc = save_keyword(r, &f, 0, &id, &e);
    if (rc == MN_OK) answer_keyword(r, w, id);
    else mn_masto_failed(r, w, rc, &e);
}

static void get_keyword(mn_req *r, mn_resp *w)
{
    uint64_t id;
    if (mn_masto_id(r, w, "id", &id)) answer_keyword(r, w, id);
}

/* The keyword in the path and its filter; false: answered. */
static bool keyword_of(mn_req *r, mn_resp *w, mn_filter_keyword *ret, mn_filter *ret_filter)
{
    mn_err e = {0};
    uint64_t id, me = mn_masto_me(r);
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_filter_keyword(mn_api_store(r->app), me, id, r->arena, ret, &e);
    if (rc == MN_OK)
        rc =
            mn_store_filter(mn_api_store(r->app), me, ret->filter_id, r->arena, ret_filter, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

static void put_keyword(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter_keyword k;
    mn_filter f;
    uint64_t id = 0;
    if (!keyword_of(r, w, &k, &f)) return;
    mn_rc rc = save_keyword(r, &f, k.id, &id, &e);
    if (rc == MN_OK) answer_keyword(r, w, id);
    else mn_masto_failed(r, w, rc, &e);
}

static void delete_keyword(mn_req *r, mn_resp *w)
{
    remove_by_id(r, w, mn_store_filter_keyword_remove);
}

/* ---- its posts ------------------------------------------------------------------------------------------------------------ */

static void get_posts(mn_req *r, mn_resp *w)
{
    mn_filter f;
    if (!filter_of(r, w, "filter_id", &f)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < f.n_posts; i++) mn_masto__filter_post_write(&f.posts[i], &j);
    mn_jw_array_end(&j);
}

/* A post that the member may see; a boost stands for what it boosts. */
static mn_rc seen_post(mn_req *r, uint64_t id, uint64_t *ret, mn_err *e)
{
    mn_post p;
    bool may = false;
    MN_TRY(mn_store_post(mn_api_store(r->app), id, r->arena, &p, e));
    MN_TRY(mn_social_may_see_posts(mn_api_store(r->app), &(mn_posts){&p, 1}, mn_masto_me(r),
                                   &may, e));
    if (!may) return MN_E_NOT_FOUND;
    *ret = p.boost_of ? p.boost_of : p.id;
    return MN_OK;
}

static mn_rc add_post(mn_req *r, mn_filter_post *p, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(mn_api_store(r->app), &tx, e));
    mn_rc rc = mn_store_filter_post_add(tx, mn_masto_me(r), p, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc == MN_E_EXISTS
               ? mn_fail(e, rc, "Validation failed: Status has already been taken")
               : rc;
}

static void post_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter f;
    uint64_t id = 0;
    if (!filter_of(r, w, "filter_id", &f)) return;
    mn_filter_post p = {.id = mn_snowflake_next(), .filter_id = f.id};
    mn_rc rc = mn_str_to_u64(mn_param(r, "status_id"), &id) == MN_OK
                   ? seen_post(r, id, &p.post_id, &e)
                   : MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = add_post(r, &p, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_masto__filter_post_write(&p, &j);
}

static void get_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter_post p;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_filter_post(mn_api_store(r->app), mn_masto_me(r), id, &p, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_masto__filter_post_write(&p, &j);
}

static void delete_post(mn_req *r, mn_resp *w)
{
    remove_by_id(r, w, mn_store_filter_post_remove);
}

/* ---- first kind: a keyword with its filter around it ------------------------------------------------------------------------ */

static void write_v1(const mn_filter *f, const mn_filter_keyword *k, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", k->id);
    mn_jw_kstr(j, "phrase", k->keyword);
    mn_masto__context_write(f->context, j);
    mn_jw_kbool(j, "whole_word", k->whole_word);
    mn_masto__expires_write(f->expires_ms, j);
    mn_jw_kbool(j, "irreversible", f->action == MN_FILTER_HIDE);
    mn_jw_object_end(j);
}

static void get_v1_all(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter *f = NULL;
    size_t n = 0;
    mn_rc rc = mn_store_filters(mn_api_store(r->app), mn_masto_me(r), r->arena, &f, &n, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f[i].n_keywords; k++) write_v1(&f[i], &f[i].keywords[k], &j);
    mn_jw_array_end(&j);
}

static void answer_v1(mn_req *r, mn_resp *w)
{
    mn_filter_keyword k;
    mn_filter f;
    if (!keyword_of(r, w, &k, &f)) return;
    mn_json_writer j = mn_masto_json(w);
    write_v1(&f, &k, &j);
}

/* What was sent in the words of the first kind, over what is there. */
static mn_rc read_v1(mn_req *r, mn_filter *f, mn_keyword_change *k, mn_err *e)
{
    k->keyword = mn_param(r, "phrase");
    k->whole_word = mn_param_has(r, "whole_word") ? mn_param_bool(r, "whole_word", false) : -1;
    if (mn_param_has(r, "irreversible"))
        f->action = mn_param_bool(r, "irreversible", false) ? MN_FILTER_HIDE : MN_FILTER_WARN;
    if (mn_param_has(r, "context")) MN_TRY(read_context(r, &f->context, e));
    return mn_param_has(r, "expires_in") ? read_expiry(r, &f->expires_ms, e) : MN_OK;
}

static void post_v1(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id = 0;
    mn_keyword_change k = {0};
    mn_filter_change c = {.f = {.account_id = mn_masto_me(r)}, .keywords = &k, .n_keywords = 1};
    mn_rc rc = read_v1(r, &c.f, &k, &e);
    c.f.title = mn_utf8_cut(mn_str_trim(k.keyword), MN_FILTER_TITLE_MAX);
    if (!k.keyword.ptr) k.keyword = MN_STR("");
    if (rc == MN_OK && c.f.title.len == 0)
        rc = mn_fail(&e, MN_E_USAGE, "Validation failed: Phrase can't be blank");
    if (rc == MN_OK) rc = mn_social_filter_save(mn_api_store(r->app), &c, &id, &e);
    mn_filter f;
    if (rc == MN_OK)
        rc = mn_store_filter(mn_api_store(r->app), mn_masto_me(r), id, r->arena, &f, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    write_v1(&f, &f.keywords[0], &j);
}

static void put_v1(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter_keyword k;
    mn_filter f;
    uint64_t id = 0;
    if (!keyword_of(r, w, &k, &f)) return;
    mn_filter before = f;
    mn_keyword_change change = {.id = k.id};
    mn_rc rc = read_v1(r, &f, &change, &e);
    bool changed = f.action != before.action || f.context != before.context ||
                   f.expires_ms != before.expires_ms;
    if (rc == MN_OK && changed && f.n_keywords > 1)
        rc = mn_fail(&e, MN_E_USAGE,
                     "These parameters cannot be changed from this application because they "
                     "apply to more than one filter keyword. Use a more recent application or "
                     "the web interface.");
    mn_filter_change c = {.f = f, .keywords = &change, .n_keywords = 1};
    if (rc == MN_OK) rc = mn_social_filter_save(mn_api_store(r->app), &c, &id, &e);
    if (rc == MN_OK) answer_v1(r, w);
    else mn_masto_failed(r, w, rc, &e);
}

/* The keyword, and its filter when nothing else is in it. */
static void delete_v1(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_filter_keyword k;
    mn_filter f;
    mn_tx *tx;
    if (!keyword_of(r, w, &k, &f)) return;
    bool last = f.n_keywords == 1 && f.n_posts == 0;
    mn_rc rc = mn_store_begin(mn_api_store(r->app), &tx, &e);
    if (rc == MN_OK) {
        rc = last ? mn_store_filter_remove(tx, f.account_id, f.id, &e)
                  : mn_store_filter_keyword_remove(tx, f.account_id, k.id, &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_failed(r, w, rc, &e);
}

#define READ  "read:filters"
#define WRITE "write:filters"
#define KEYS  "/api/v2/filters/:filter_id/keywords"
#define POSTS "/api/v2/filters/:filter_id/statuses"

const mn_route mn_masto__routes_filters[] = {
    {MN_GET, "/api/v2/filters/keywords/:id", get_keyword, 0, MN_RUN_HERE, READ},
    {MN_PUT, "/api/v2/filters/keywords/:id", put_keyword, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_DELETE, "/api/v2/filters/keywords/:id", delete_keyword, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/filters/statuses/:id", get_post, 0, MN_RUN_HERE, READ},
    {MN_DELETE, "/api/v2/filters/statuses/:id", delete_post, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, KEYS, get_keywords, 0, MN_RUN_HERE, READ},
    {MN_POST, KEYS, post_keyword, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, POSTS, get_posts, 0, MN_RUN_HERE, READ},
    {MN_POST, POSTS, post_post, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/filters", get_filters, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v2/filters", post_filter, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v2/filters/:id", get_filter, 0, MN_RUN_HERE, READ},
    {MN_PUT, "/api/v2/filters/:id", put_filter, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_DELETE, "/api/v2/filters/:id", delete_filter, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v1/filters", get_v1_all, 0, MN_RUN_HERE, READ},
    {MN_POST, "/api/v1/filters", post_v1, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_GET, "/api/v1/filters/:id", answer_v1, 0, MN_RUN_HERE, READ},
    {MN_PUT, "/api/v1/filters/:id", put_v1, BODY_MAX, MN_RUN_WORKER, WRITE},
    {MN_DELETE, "/api/v1/filters/:id", delete_v1, BODY_MAX, MN_RUN_WORKER, WRITE},
    {.path = NULL},
};
