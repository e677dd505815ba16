/* Link previews: a page that a post names is asked once, what it says of itself is kept as plain text, its picture goes through
 * the sandbox. No HTML of a stranger is kept or shown. A page that cannot be had is remembered too, so that it is not asked
 * for every post that names it. */
#include "social/cards.h"
#include "api/mastodon/media_int.h"
#include "base/clock.h"
#include "base/snowflake.h"
#include "net/client.h"
#include "text/page.h"

#define PAGE_MS      10000
#define PAGE_MAX     ((size_t)1 << 20)
#define IMAGE_MS     10000
#define IMAGE_MAX    ((size_t)8 << 20)
#define REDIRECTS    5
#define FAILED_AGE_S 3600 /* until a page that could not be had is asked again */

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

static mn_rc ask_page(mn_api *a, mn_str url, mn_client_resp *ret, mn_err *e)
{
    static const char *const types[] = {"text/html", "application/xhtml+xml", NULL};
    static const mn_client_header headers[] = {
        {{"Accept", 6}, {"text/html, application/xhtml+xml", 32}}};
    mn_client_req q = {.url = url,
                       .headers = headers,
                       .n_headers = 1,
                       .timeout_ms = PAGE_MS,
                       .max_bytes = PAGE_MAX,
                       .cut = true,
                       .max_redirects = REDIRECTS,
                       .types = types};
    MN_TRY(mn_client_do(a->client, &q, ret, e));
    if (ret->status == 200) return MN_OK;
    mn_fail(e, MN_E_UNSUPPORTED, "the page answers %d", ret->status);
    mn_client_resp_release(ret);
    return MN_E_UNSUPPORTED;
}

/* The picture's row, added; 0 when it has none that can be had. Only trouble of our own is an error. */
static mn_rc ask_image(mn_api *a, mn_arena *ar, mn_str url, mn_str alt, mn_card *c, mn_err *e)
{
    mn_err why = {0};
    mn_client_resp r;
    mn_media m = {
        .id = mn_snowflake_next(), .use = MN_MEDIA_CARD, .alt = alt, .created_ms = mn_now_ms()};
    mn_client_req q = {
        .url = url, .timeout_ms = IMAGE_MS, .max_bytes = IMAGE_MAX, .max_redirects = REDIRECTS};
    mn_rc rc = mn_client_do(a->client, &q, &r, &why);
    if (rc != MN_OK) return rc == MN_E_CANCELLED ? mn_fail(e, rc, "%s", why.msg) : MN_OK;
    rc = r.status == 200
             ? mn_media__picture_row(a, ar, mn_buf_str(&r.body), MN_PIC_CARD, &m, &why)
             : MN_E_UNSUPPORTED;
    mn_client_resp_release(&r);
    if (rc != MN_OK) return MN_OK;
    MN_TRY(mn_media__add(a, &m, e));
    c->image_id = m.id;
    c->width = m.width;
    c->height = m.height;
    return MN_OK;
}

/* ---- what it says ---------------------------------------------------------------------------------------------------------- */

static mn_str host_of(mn_str url, mn_arena *ar)
{
    mn_str host = mn_client_url_host(url, ar);
    return host.ptr ? host : MN_STR("");
}

static mn_str origin_of(mn_str url, mn_arena *ar)
{
    size_t from = mn_str_find(url, MN_STR("://"), 0);
    size_t slash = from == SIZE_MAX ? SIZE_MAX : mn_str_find(url, MN_STR("/"), from + 3);
    return slash == SIZE_MAX ? url : mn_str_dup(ar, mn_str_sub(url, 0, slash));
}

/* An address on the page as a whole one; empty when it is none that a reader may be sent to. */
static mn_str whole(mn_api *a, mn_str base, mn_str found, mn_arena *ar)
{
    mn_str url = MN_STR("");
    if (found.len && mn_client_url_join(a->client, base, found, ar, &url, NULL) != MN_OK)
        return MN_STR("");
    return url;
}

static mn_rc describe(mn_api *a, const mn_client_resp *r, mn_arena *ar, mn_card *c, mn_err *e)
{
    mn_page_meta m;
    mn_str charset = mn_client_resp_param(r, "charset");
    MN_TRY(mn_page_meta_read(mn_buf_str(&r->body), charset, ar, &m, e));
    mn_str base = whole(a, r->url, m.base, ar);
    if (!base.len) base = mn_str_dup(ar, r->url);
    if (m.no_preview || !m.title.len) return MN_OK;
    c->kind = MN_CARD_LINK;
    c->title = m.title;
    c->description = m.description;
    c->lang = m.lang;
    c->author = m.author;
    c->author_url = whole(a, base, m.author_url, ar);
    c->provider = m.site.len ? m.site : host_of(r->url, ar);
    c->provider_url = origin_of(mn_str_dup(ar, r->url), ar);
    if (mn_time_parse(m.published, &c->published_ms) != MN_OK) c->published_ms = 0;
    mn_str image = whole(a, base, m.image, ar);
    return image.len ? ask_image(a, ar, image, m.image_alt, c, e) : MN_OK;
}

/* ---- the job -------------------------------------------------------------------------------------------------------------- */

static mn_rc show(mn_api *a, uint64_t post, uint64_t card, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_post_card_set(tx, post, card, e), e);
}

static mn_rc keep(mn_api *a, uint64_t post, const mn_card *c, mn_err *e)
{
    mn_tx *tx;
    uint64_t id = 0;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = mn_store_card_put(tx, c, &id, e);
    if (rc == MN_OK) rc = mn_store_post_card_set(tx, post, id, e);
    return mn_store_end(tx, rc, e);
}

static bool is_fresh(const mn_card *c)
{
    int64_t age_s = (mn_now_ms() - c->fetched_ms) / 1000;
    return age_s < (c->kind == MN_CARD_NONE ? FAILED_AGE_S : MN_CARD_AGE_S);
}

static mn_rc fetch(mn_api *a, mn_arena *ar, uint64_t post, mn_str url, const mn_card *before,
                   mn_err *e)
{
    mn_err why = {0};
    mn_client_resp r;
    mn_card c = {.url = url, .kind = MN_CARD_NONE, .fetched_ms = mn_now_ms()};
    mn_rc rc = ask_page(a, url, &r, &why);
    if (rc == MN_E_CANCELLED || rc == MN_E_NOMEM) /* again, by another process or later */
        return mn_fail(e, MN_E_BUSY, "%s", why.msg);
    if (rc != MN_OK) { /* what was known before is better than nothing */
        if (before && before->kind != MN_CARD_NONE) return show(a, post, before->id, e);
        return keep(a, post, &c, e);
    }
    rc = describe(a, &r, ar, &c, e);
    mn_client_resp_release(&r);
    if (rc == MN_E_CANCELLED) return mn_fail(e, MN_E_BUSY, "the server is stopping");
    return rc == MN_OK ? keep(a, post, &c, e) : rc;
}

mn_rc mn_card_job(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    uint64_t id = mn_json_u64(mn_json_get(payload, "post"), 0);
    mn_post p;
    mn_card before = {0};
    mn_rc rc = mn_store_post(a->home->store, id, ar, &p, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    mn_str url = mn_social_card_link(p.text, mn_str_from(a->domain));
    if (p.deleted_ms || p.visibility == MN_VIS_DIRECT) return MN_OK;
    if (!url.ptr) return show(a, id, 0, e);
    url = mn_str_dup(ar, url);
    if (!url.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a preview");
    rc = mn_store_card_find(a->home->store, url, ar, &before, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc == MN_OK && is_fresh(&before)) return show(a, id, before.id, e);
    return fetch(a, ar, id, url, rc == MN_OK ? &before : NULL, e);
}
