/* /api/v1/admin: domain_blocks, domain_allows, email_domain_blocks, canonical_email_blocks, ip_blocks. */
#include "api/admin/admin.h"

#include "base/clock.h"
#include "base/hash.h"

/* ---- what the lists share ---------------------------------------------------------------------------------------------------- */

/* A table as this API shows it: pages of rows of item_bytes, whose first member is the id. */
typedef mn_rc page_fn(mn_store *s, int what, const mn_page_ids *p, mn_arena *ar, void **ret,
                      size_t *ret_n, mn_err *e);
typedef mn_rc row_fn(mn_store *s, int what, uint64_t id, mn_arena *ar, void *ret, mn_err *e);
typedef void write_fn(const void *row, int what, mn_json_writer *j);
typedef struct table {
    page_fn *page;
    row_fn *row;
    write_fn *write;
    int what; /* mn_block_list */
    mn_mod_table rows;
    size_t item_bytes;
} table;

static void list(mn_req *r, mn_resp *w, const table *t)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    void *rows = NULL;
    size_t n = 0;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_page p = mn_masto_page(r, 100, 200);
    mn_page_ids ids = mn_admin_page(&p);
    mn_rc rc = t->page(a->home->store, t->what, &ids, r->arena, &rows, &n, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    const char *at = rows;
    for (size_t i = 0; i < n; i++) t->write(at + i * t->item_bytes, t->what, &j);
    mn_jw_array_end(&j);
    if (n == 0) return;
    uint64_t newest, oldest;
    memcpy(&newest, at, sizeof newest);
    memcpy(&oldest, at + (n - 1) * t->item_bytes, sizeof oldest);
    mn_masto_link(r, w, newest, oldest, n == p.limit);
}

static void show(mn_req *r, mn_resp *w, const table *t, uint64_t id)
{
    mn_api *a = r->app;
    mn_err e = {0};
    void *row = mn_arena_calloc(r->arena, 1, t->item_bytes);
    mn_rc rc = row ? t->row(a->home->store, t->what, id, r->arena, row, &e)
                   : mn_fail(&e, MN_E_NOMEM, "out of memory");
    if (mn_admin_failed(r, w, rc, &e)) return;
    mn_json_writer j = mn_masto_json(w);
    t->write(row, t->what, &j);
}

static void get(mn_req *r, mn_resp *w, const table *t)
{
    mn_actor by;
    uint64_t id;
    if (mn_admin_actor(r, w, &by) && mn_masto_id(r, w, "id", &id)) show(r, w, t, id);
}

static void drop(mn_req *r, mn_resp *w, const table *t)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_social_mod_delete(a->home->store, by, t->rows, id, &e);
    if (!mn_admin_failed(r, w, rc, &e)) mn_masto_empty(w);
}

static mn_str or_empty(mn_str s)
{
    return s.ptr ? s : MN_STR("");
}

/* ---- domains blocked ---------------------------------------------------------------------------------------------------------- */

static mn_rc domain_page(mn_store *s, int what, const mn_page_ids *p, mn_arena *ar, void **ret,
                         size_t *ret_n, mn_err *e)
{
    (void)what;
    return mn_store_domain_blocks(s, p, ar, (mn_domain_block **)ret, ret_n, e);
}

static mn_rc domain_row(mn_store *s, int what, uint64_t id, mn_arena *ar, void *ret, mn_err *e)
{
    (void)what;
    return mn_store_domain_block(s, id, ar, ret, e);
}

static void domain_write(const void *row, int what, mn_json_writer *j)
{
    const mn_domain_block *b = row;
    uint8_t hash[32];
    char hex[65];
    (void)what;
    mn_sha256_of(b->domain.ptr, b->domain.len, hash);
    mn_jw_object(j);
    mn_jw_kid(j, "id", b->id);
    mn_jw_kstr(j, "domain", b->domain);
    mn_jw_kstrz(j, "digest", mn_hex(hash, 32, hex));
    mn_jw_key(j, "created_at");
    mn_jw_time(j, b->at_ms);
    mn_jw_kstrz(j, "severity", mn_block_names.names[b->severity]);
    mn_jw_kbool(j, "reject_media", b->reject_media);
    mn_jw_kbool(j, "reject_reports", b->reject_reports);
    mn_jw_kstr(j, "private_comment", b->private_comment);
    mn_jw_kstr(j, "public_comment", b->public_comment);
    mn_jw_kbool(j, "obfuscate", b->obfuscate);
    mn_jw_object_end(j);
}

static const table domains = {
    domain_page, domain_row, domain_write, 0, MN_TABLE_DOMAIN_BLOCKS, sizeof(mn_domain_block)};

static mn_rc domain_params(const mn_req *r, mn_domain_block *b, mn_err *e)
{
    int severity = (int)b->severity;
    if (mn_param(r, "severity").len)
        MN_TRY(
            mn_name_parse(&mn_block_names, "severity", mn_param(r, "severity"), &severity, e));
    b->severity = (mn_block_severity)severity;
    b->reject_media = mn_param_bool(r, "reject_media", b->reject_media);
    b->reject_reports = mn_param_bool(r, "reject_reports", b->reject_reports);
    b->obfuscate = mn_param_bool(r, "obfuscate", b->obfuscate);
    if (mn_param_has(r, "private_comment"))
        b->private_comment = or_empty(mn_param(r, "private_comment"));
    if (mn_param_has(r, "public_comment"))
        b->public_comment = or_empty(mn_param(r, "public_comment"));
    return MN_OK;
}

static void domain_post(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_domain_block b = {.domain = mn_param(r, "domain"),
                         .severity = MN_BLOCK_SILENCE,
                         .private_comment = MN_STR(""),
                         .public_comment = MN_STR("")};
    mn_rc rc = domain_params(r, &b, &e);
    if (rc == MN_OK) rc = mn_social_domain_block_put(a->home->store, by, &b, &id, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, &domains, id);
}

static void domain_put(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_domain_block b;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_domain_block(a->home->store, id, r->arena, &b, &e);
    if (rc == MN_OK) rc = domain_params(r, &b, &e);
    if (rc == MN_OK) rc = mn_social_domain_block_put(a->home->store, by, &b, &id, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, &domains, id);
}

/* ---- lists of one text a line ------------------------------------------------------------------------------------------------------ */

static mn_rc line_page(mn_store *s, int what, const mn_page_ids *p, mn_arena *ar, void **ret,
                       size_t *ret_n, mn_err *e)
{
    return mn_store_block_lines(s, (mn_block_list)what, p, ar, (mn_block_line **)ret, ret_n, e);
}

static mn_rc line_row(mn_store *s, int what, uint64_t id, mn_arena *ar, void *ret, mn_err *e)
{
    return mn_store_block_line(s, (mn_block_list)what, id, ar, ret, e);
}

static void line_write(const void *row, int what, mn_json_writer *j)
{
    const mn_block_line *b = row;
    bool hash = what == MN_LIST_EMAIL_HASHES;
    mn_jw_object(j);
    mn_jw_kid(j, "id", b->id);
    mn_jw_kstr(j, hash ? "canonical_email_hash" : "domain", b->text);
    if (!hash) {
        mn_jw_key(j, "created_at");
        mn_jw_time(j, b->at_ms);
    }
    if (what == MN_LIST_EMAIL_DOMAINS) {
        mn_jw_key(j, "history"); /* attempts to sign up with it are not kept */
        mn_jw_array(j);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
}

#define LINE_TABLE(list_, rows_)                                                               \
    {                                                                                          \
        line_page, line_row, line_write, list_, rows_, sizeof(mn_block_line)                   \
    }
static const table allows = LINE_TABLE(MN_LIST_DOMAIN_ALLOWS, MN_TABLE_DOMAIN_ALLOWS),
                   emails = LINE_TABLE(MN_LIST_EMAIL_DOMAINS, MN_TABLE_EMAIL_DOMAINS),
                   hashes = LINE_TABLE(MN_LIST_EMAIL_HASHES, MN_TABLE_EMAIL_HASHES);

static void line_post(mn_req *r, mn_resp *w, const table *t, mn_str text)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by)) return;
    mn_rc rc =
        mn_social_block_line_add(a->home->store, by, (mn_block_list)t->what, text, &id, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, t, id);
}

static void allow_post(mn_req *r, mn_resp *w)
{
    line_post(r, w, &allows, or_empty(mn_param(r, "domain")));
}
static void email_post(mn_req *r, mn_resp *w)
{
    line_post(r, w, &emails, or_empty(mn_param(r, "domain")));
}
static void hash_post(mn_req *r, mn_resp *w)
{
    mn_str hash = mn_param(r, "canonical_email_hash");
    line_post(r, w, &hashes, hash.len ? hash : or_empty(mn_param(r, "email")));
}

/* The blocks that an address meets. */
static void hash_test(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_block_line *rows;
    size_t n = 1000;
    char hash[65];
    mn_page_ids p = {.limit = 1000};
    if (!mn_admin_actor(r, w, &by)) return;
    mn_email_hash(or_empty(mn_param(r, "email")), hash);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (mn_rc rc = MN_OK; n == p.limit; p.max_id = n ? rows[n - 1].id : 0) {
        rc = mn_store_block_lines(a->home->store, MN_LIST_EMAIL_HASHES, &p, r->arena, &rows, &n,
                                  &e);
        if (mn_admin_failed(r, w, rc, &e)) return;
        for (size_t i = 0; i < n; i++)
            if (mn_str_eqz(rows[i].text, hash)) line_write(&rows[i], MN_LIST_EMAIL_HASHES, &j);
    }
    mn_jw_array_end(&j);
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------------------ */

static mn_rc ip_page(mn_store *s, int what, const mn_page_ids *p, mn_arena *ar, void **ret,
                     size_t *ret_n, mn_err *e)
{
    (void)what;
    return mn_store_ip_blocks(s, p, ar, (mn_ip_block **)ret, ret_n, e);
}

static mn_rc ip_row(mn_store *s, int what, uint64_t id, mn_arena *ar, void *ret, mn_err *e)
{
    (void)what;
    return mn_store_ip_block(s, id, ar, ret, e);
}

static void ip_write(const void *row, int what, mn_json_writer *j)
{
    const mn_ip_block *b = row;
    (void)what;
    mn_jw_object(j);
    mn_jw_kid(j, "id", b->id);
    mn_jw_kstr(j, "ip", b->ip);
    mn_jw_kstrz(j, "severity", mn_ip_names.names[b->severity]);
    mn_jw_kstr(j, "comment", b->comment);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, b->at_ms);
    mn_jw__time_or_null(j, "expires_at", b->expires_ms);
    mn_jw_object_end(j);
}

static const table ips = {
    ip_page, ip_row, ip_write, 0, MN_TABLE_IP_BLOCKS, sizeof(mn_ip_block)};

static bool ip_params(mn_req *r, mn_resp *w, mn_ip_block *b)
{
    mn_err e = {0};
    int severity = (int)b->severity;
    int64_t in_s;
    if (!mn_param_i64(r, w, "expires_in", 0, INT64_C(10) * 366 * 86400, -1, &in_s))
        return false;
    if (mn_param(r, "severity").len &&
        mn_admin_failed(
            r, w,
            mn_name_parse(&mn_ip_names, "severity", mn_param(r, "severity"), &severity, &e),
            &e))
        return false;
    b->severity = (mn_ip_severity)severity;
    if (mn_param(r, "ip").len) b->ip = mn_param(r, "ip");
    if (mn_param_has(r, "comment")) b->comment = or_empty(mn_param(r, "comment"));
    if (in_s >= 0) b->expires_ms = in_s ? mn_now_ms() + in_s * 1000 : 0;
    return true;
}

static void ip_save(mn_req *r, mn_resp *w, mn_actor by, mn_ip_block *b)
{
    mn_api *a = r->app;
    mn_err e = {0};
    uint64_t id;
    if (!ip_params(r, w, b)) return;
    mn_rc rc = mn_social_ip_block_put(a->home->store, by, b, &id, &e);
    if (!mn_admin_failed(r, w, rc, &e)) show(r, w, &ips, id);
}

static void ip_post(mn_req *r, mn_resp *w)
{
    mn_actor by;
    mn_ip_block b = {.ip = MN_STR(""), .comment = MN_STR("")};
    if (mn_admin_actor(r, w, &by)) ip_save(r, w, by, &b);
}

static void ip_put(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_ip_block b;
    uint64_t id;
    if (!mn_admin_actor(r, w, &by) || !mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_ip_block(a->home->store, id, r->arena, &b, &e);
    if (!mn_admin_failed(r, w, rc, &e)) ip_save(r, w, by, &b);
}

/* ---- routes ----------------------------------------------------------------------------------------------------------------------------- */

#define HANDLERS(t)                                                                            \
    static void t##_list(mn_req *r, mn_resp *w)                                                \
    {                                                                                          \
        list(r, w, &(t));                                                                      \
    }                                                                                          \
    static void t##_get(mn_req *r, mn_resp *w)                                                 \
    {                                                                                          \
        get(r, w, &(t));                                                                       \
    }                                                                                          \
    static void t##_delete(mn_req *r, mn_resp *w)                                              \
    {                                                                                          \
        drop(r, w, &(t));                                                                      \
    }
HANDLERS(domains)
HANDLERS(allows)
HANDLERS(emails)
HANDLERS(hashes)
HANDLERS(ips)

#define ROUTES(t, path, scope, post)                                                           \
    {MN_GET, "/api/v1/admin/" path, t##_list, 0, MN_RUN_HERE, "admin:read:" scope},            \
        {MN_GET, "/api/v1/admin/" path "/:id", t##_get, 0, MN_RUN_HERE, "admin:read:" scope},  \
        {MN_POST,           "/api/v1/admin/" path, post,                                       \
         MN_ADMIN_BODY_MAX, MN_RUN_WORKER,         "admin:write:" scope},                      \
    {                                                                                          \
        MN_DELETE, "/api/v1/admin/" path "/:id", t##_delete, MN_ADMIN_BODY_MAX, MN_RUN_WORKER, \
            "admin:write:" scope                                                               \
    }
const mn_route mn_masto__routes_admin_blocks[] = {
    {MN_POST, "/api/v1/admin/canonical_email_blocks/test", hash_test, MN_ADMIN_BODY_MAX,
     MN_RUN_WORKER, "admin:read:canonical_email_blocks"},
    ROUTES(domains, "domain_blocks", "domain_blocks", domain_post),
    {MN_PUT, "/api/v1/admin/domain_blocks/:id", domain_put, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     "admin:write:domain_blocks"},
    ROUTES(allows, "domain_allows", "domain_allows", allow_post),
    ROUTES(emails, "email_domain_blocks", "email_domain_blocks", email_post),
    ROUTES(hashes, "canonical_email_blocks", "canonical_email_blocks", hash_post),
    ROUTES(ips, "ip_blocks", "ip_blocks", ip_post),
    {MN_PUT, "/api/v1/admin/ip_blocks/:id", ip_put, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     "admin:write:ip_blocks"},
    {.path = NULL},
};
