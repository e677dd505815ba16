/* Fields of profiles that are verified: the page whose address a field holds links back to the profile with rel="me". Asked
 * once by a job after the field was written; what was not found is not marked, and is asked again when the field is written
 * anew. */
#include "api/mastodon/accounts.h"

#include <stdio.h>

#include "base/clock.h"
#include "net/client.h"
#include "text/page.h"

#define PAGE_MS   10000
#define PAGE_MAX  ((size_t)1 << 20)
#define REDIRECTS 3

/* The whole value is one address. */
static bool is_address(mn_str value)
{
    bool web = mn_str_starts(value, "https://") || mn_str_starts(value, "http://");
    for (size_t i = 0; web && i < value.len; i++) web = (unsigned char)value.ptr[i] > ' ';
    return web;
}

static bool is_open(const mn_field *f)
{
    return f->verified_ms == 0 && is_address(f->value);
}

mn_rc mn_masto__verify_wanted(mn_tx *tx, uint64_t account, const mn_field *f, size_t n,
                              mn_err *e)
{
    char payload[64];
    size_t i = 0;
    while (i < n && !is_open(&f[i])) i++;
    if (i == n) return MN_OK;
    snprintf(payload, sizeof payload, "{\"account\":\"%llu\"}", (unsigned long long)account);
    return mn_store_job_add(tx, MN_STR(MN_VERIFY_JOB), mn_str_from(payload), mn_now_ms(), NULL,
                            e);
}

/* Does the page link back? A page that cannot be had does not. MN_E_BUSY when the server stops. */
static mn_rc ask(mn_api *a, mn_str url, mn_str profile, bool *ret, mn_err *e)
{
    static const char *const types[] = {"text/html", "application/xhtml+xml", NULL};
    mn_client_resp r;
    mn_err why = {0};
    mn_client_req q = {.url = url,
                       .timeout_ms = PAGE_MS,
                       .max_bytes = PAGE_MAX,
                       .cut = true,
                       .max_redirects = REDIRECTS,
                       .types = types};
    mn_rc rc = mn_client_do(a->client, &q, &r, &why);
    if (rc == MN_E_CANCELLED) return mn_fail(e, MN_E_BUSY, "the server stops");
    *ret = rc == MN_OK && r.status == 200 && mn_page_links_me(mn_buf_str(&r.body), profile);
    if (rc == MN_OK) mn_client_resp_release(&r);
    return MN_OK;
}

/* Marks the fields that were found and are still as they were. */
static mn_rc mark(mn_tx *tx, uint64_t id, const mn_field *found, size_t n, mn_arena *ar,
                  mn_err *e)
{
    mn_account a;
    mn_field now[MN_FIELDS_MAX];
    MN_TRY(mn_store_account_tx(tx, id, ar, &a, e));
    size_t n_now = mn_social_fields_read(a.fields, ar, now);
    for (size_t i = 0; i < n_now; i++)
        for (size_t k = 0; k < n; k++)
            if (found[k].verified_ms && mn_str_eq(now[i].value, found[k].value))
                now[i].verified_ms = found[k].verified_ms;
    a.fields = mn_social_fields_write(now, n_now, ar);
    if (!a.fields.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    return mn_store_account_update(tx, &a, e);
}

static mn_rc keep(mn_api *a, uint64_t id, const mn_field *found, size_t n, mn_arena *ar,
                  mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(mn_api_store(a), &tx, e));
    return mn_store_end(tx, mark(tx, id, found, n, ar, e), e);
}

mn_rc mn_masto__verify_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    mn_account x;
    mn_field f[MN_FIELDS_MAX];
    uint64_t id = mn_json_u64(mn_json_get(payload, "account"), 0);
    bool any = false;
    mn_rc rc = mn_store_account_by_id(mn_api_store(a), id, ar, &x, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && x.state != MN_ACCOUNT_ACTIVE)) return MN_OK;
    if (rc != MN_OK) return rc;
    mn_str profile = mn_str_fmt(ar, "%s/@%.*s", mn_masto_base(a).ptr, MN_STR_FMT(x.name));
    size_t n = mn_social_fields_read(x.fields, ar, f);
    for (size_t i = 0; i < n; i++) {
        bool is = false;
        if (!is_open(&f[i])) continue;
        MN_TRY(ask(a, f[i].value, profile, &is, e));
        if (is) f[i].verified_ms = mn_now_ms();
        any = any || is;
    }
    return any ? keep(a, id, f, n, ar, e) : MN_OK;
}
