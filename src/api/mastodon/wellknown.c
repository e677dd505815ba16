/* What other programs look up before they speak with us: WebFinger, host-meta, NodeInfo; for browsers the app's manifest and the
 * place to change a password; for pages elsewhere oEmbed.
 *
 * sources RFC 7033 (WebFinger), RFC 6415 (host-meta), nodeinfo.diaspora.software 2.0 and 2.1, oembed.com. The link rel="self"
 * of WebFinger comes with federation: until then there is no actor document to name. */
#include "api/mastodon/instance.h"

#include "api/pages/page.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/version.h"

static const char *conf(const mn_api *a, const char *key)
{
    return mn_conf_get(a->home->conf, key);
}

static mn_json_writer json_of(mn_resp *w, const char *type)
{
    mn_json_writer j = mn_masto_json(w);
    mn_resp_type(w, type);
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=600"));
    return j;
}

/* ---- WebFinger ----------------------------------------------------------------------------------------------------------- */

static void link_open(mn_json_writer *j, const char *rel, const char *type)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "rel", rel);
    if (type) mn_jw_kstrz(j, "type", type);
}

/* Is this relation asked for? Without `rel` all are (RFC 7033, 4.3). */
static bool wanted(const mn_req *r, const char *rel)
{
    bool any = false;
    for (mn_str rest = r->query; rest.ptr && rest.len;) {
        mn_str value, pair = mn_str_split(rest, '&', &rest);
        if (!mn_str_eqz(mn_str_split(pair, '=', &value), "rel")) continue;
        any = true;
        mn_str *all;
        size_t n = mn_param_list(r, "rel", &all);
        for (size_t i = 0; i < n; i++)
            if (mn_str_eqz(all[i], rel)) return true;
        break;
    }
    return !any;
}

static void webfinger_write(mn_req *r, const mn_account *c, mn_json_writer *j)
{
    static const char page[] = "http://webfinger.net/rel/profile-page";
    const mn_api *a = r->app;
    mn_str url = mn_str_fmt(r->arena, "%s/@%.*s", a->base, MN_STR_FMT(c->name));
    mn_jw_object(j);
    mn_jw_kstr(j, "subject",
               mn_str_fmt(r->arena, "acct:%.*s@%s", MN_STR_FMT(c->name), a->domain));
    mn_jw_key(j, "aliases");
    mn_jw_array(j);
    mn_jw_str(j, url);
    mn_jw_array_end(j);
    mn_jw_key(j, "links");
    mn_jw_array(j);
    if (wanted(r, page)) {
        link_open(j, page, "text/html");
        mn_jw_kstr(j, "href", url);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

static void webfinger(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account c;
    mn_str resource = mn_param(r, "resource");
    if (resource.len == 0) {
        mn_masto_error(r, w, 400, "resource should be an address such as acct:name@domain");
        return;
    }
    if (mn_str_starts(resource, "acct:")) resource = mn_str_sub(resource, 5, SIZE_MAX);
    mn_rc rc = mn_instance_account(r->app, resource, r->arena, &c, &e);
    if (rc == MN_OK && (c.domain.len || c.state == MN_ACCOUNT_DELETED)) rc = MN_E_NOT_FOUND;
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    if (c.state == MN_ACCOUNT_SUSPENDED) {
        mn_masto_error(r, w, 410, "This account is suspended");
        return;
    }
    mn_json_writer j = json_of(w, "application/jrd+json; charset=utf-8");
    webfinger_write(r, &c, &j);
}

static void host_meta(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_buf *b = mn_resp_body(w);
    mn_resp_type(w, "application/xrd+xml; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=86400"));
    mn_buf_addz(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XRD "
                   "xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  <Link rel=\"lrdd\" "
                   "template=\"");
    mn_h_textz(b, a->base);
    mn_buf_addz(b, "/.well-known/webfinger?resource={uri}\"/>\n</XRD>\n");
}

/* ---- NodeInfo -------------------------------------------------------------------------------------------------------------- */

#define SCHEMA "http://nodeinfo.diaspora.software/ns/schema/"

static void nodeinfo_links(mn_req *r, mn_resp *w)
{
    static const char *const versions[] = {"2.0", "2.1"};
    const mn_api *a = r->app;
    mn_json_writer j = json_of(w, "application/json; charset=utf-8");
    mn_jw_object(&j);
    mn_jw_key(&j, "links");
    mn_jw_array(&j);
    for (int i = 0; i < 2; i++) {
        mn_jw_object(&j);
        mn_jw_kstr(&j, "rel", mn_str_fmt(r->arena, SCHEMA "%s", versions[i]));
        mn_jw_kstr(&j, "href", mn_str_fmt(r->arena, "%s/nodeinfo/%s", a->base, versions[i]));
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
}

static void nodeinfo_usage(const mn_instance_numbers *n, mn_json_writer *j)
{
    mn_jw_key(j, "usage");
    mn_jw_object(j);
    mn_jw_key(j, "users");
    mn_jw_object(j);
    mn_jw_ku64(j, "total", n->accounts);
    mn_jw_ku64(j, "activeMonth", n->active_month);
    mn_jw_object_end(j);
    mn_jw_ku64(j, "localPosts", n->posts);
    mn_jw_object_end(j);
}

static void nodeinfo_write(const mn_api *a, const mn_instance_numbers *n, bool v21,
                           mn_json_writer *j)
{
    bool open = strcmp(conf(a, "registrations"), "open") == 0 ||
                strcmp(conf(a, "registrations"), "approval") == 0;
    mn_jw_object(j);
    mn_jw_kstrz(j, "version", v21 ? "2.1" : "2.0");
    mn_jw_key(j, "software");
    mn_jw_object(j);
    mn_jw_kstrz(j, "name", "mynah");
    mn_jw_kstrz(j, "version", MN_VERSION);
    mn_jw_object_end(j);
    mn_jw_key(j, "protocols");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_key(j, "services");
    mn_jw_object(j);
    mn_jw_key(j, "outbound");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_key(j, "inbound");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    nodeinfo_usage(n, j);
    mn_jw_kbool(j, "openRegistrations", open);
    mn_jw_key(j, "metadata");
    mn_jw_object(j);
    mn_jw_kstrz(j, "nodeName", conf(a, "title"));
    mn_jw_kstrz(j, "nodeDescription", conf(a, "description"));
    mn_jw_object_end(j);
    mn_jw_object_end(j);
}

static void nodeinfo(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_instance_numbers n;
    bool v21 = mn_str_eqz(mn_req_param(r, "version"), "2.1");
    if (!v21 && !mn_str_eqz(mn_req_param(r, "version"), "2.0")) {
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    }
    if (mn_instance_numbers_get(r->app, r->arena, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j =
        json_of(w, v21 ? "application/json; profile=\"" SCHEMA "2.1#\"; charset=utf-8"
                       : "application/json; profile=\"" SCHEMA "2.0#\"; charset=utf-8");
    nodeinfo_write(r->app, &n, v21, &j);
}

/* ---- for browsers ------------------------------------------------------------------------------------------------------------ */

static void change_password(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_status(w, 302);
    mn_resp_header(w, "Location", MN_STR("/settings/security"));
}

static void manifest(mn_req *r, mn_resp *w)
{
    const mn_api *a = r->app;
    mn_str icon = mn_asset_url("icon.svg");
    mn_json_writer j = json_of(w, "application/manifest+json; charset=utf-8");
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "id", "/");
    mn_jw_kstrz(&j, "name", conf(a, "title"));
    mn_jw_kstrz(&j, "short_name", conf(a, "title"));
    mn_jw_kstrz(&j, "description", conf(a, "description"));
    mn_jw_kstrz(&j, "start_url", "/");
    mn_jw_kstrz(&j, "scope", "/");
    mn_jw_kstrz(&j, "display", "standalone");
    mn_jw_kstrz(&j, "background_color", "#f6f5f1");
    mn_jw_kstrz(&j, "theme_color", "#f6f5f1");
    mn_jw_key(&j, "icons");
    mn_jw_array(&j);
    for (int i = 0; icon.ptr && i < 2; i++) {
        mn_jw_object(&j);
        mn_jw_kstr(&j, "src", icon);
        mn_jw_kstrz(&j, "sizes", "any");
        mn_jw_kstrz(&j, "type", "image/svg+xml");
        mn_jw_kstrz(&j, "purpose", i ? "maskable" : "any");
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    mn_jw_key(&j, "categories");
    mn_jw_array(&j);
    mn_jw_strz(&j, "social");
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
}

static void health(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_type(w, "text/plain; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
    mn_buf_addz(mn_resp_body(w), "OK");
}

/* ---- oEmbed -------------------------------------------------------------------------------------------------------------------- */

/* The post that "https://DOMAIN/@name/ID" names, if anybody may see it. */
static mn_rc post_at(mn_req *r, mn_str url, mn_post *ret, mn_err *e)
{
    mn_api *a = r->app;
    uint64_t id = 0;
    bool seen = false;
    mn_str base = mn_masto_base(a), rest;
    if (url.len <= base.len + 2 || memcmp(url.ptr, base.ptr, base.len) != 0)
        return MN_E_NOT_FOUND;
    mn_str path = mn_str_sub(url, base.len, SIZE_MAX);
    if (!mn_str_starts(path, "/@")) return MN_E_NOT_FOUND;
    mn_str name = mn_str_split(mn_str_sub(path, 2, SIZE_MAX), '/', &rest);
    if (mn_str_to_u64(rest, &id) != MN_OK) return MN_E_NOT_FOUND;
    MN_TRY(mn_store_post(a->home->store, id, r->arena, ret, e));
    MN_TRY(mn_social_may_see(a->home->store, ret, 0, &seen, e));
    return seen && mn_str_eq_nocase(name, ret->account_name) ? MN_OK : MN_E_NOT_FOUND;
}

static void oembed_html(mn_req *r, const mn_post *p, mn_buf *b)
{
    const mn_api *a = r->app;
    mn_buf_addz(b, "<blockquote cite=\"");
    mn_h_textz(b, a->base);
    mn_buf_addz(b, "/@");
    mn_h_text(b, p->account_name);
    mn_buf_addf(b, "/%llu\"><p>", (unsigned long long)p->id);
    mn_h_text(b, p->warning.len ? p->warning : p->text);
    mn_buf_addz(b, "</p>&mdash; <a href=\"");
    mn_h_textz(b, a->base);
    mn_buf_addz(b, "/@");
    mn_h_text(b, p->account_name);
    mn_buf_addf(b, "/%llu\">", (unsigned long long)p->id);
    mn_h_text(b, p->account_display.len ? p->account_display : p->account_name);
    mn_buf_addz(b, "</a></blockquote>");
}

static void oembed_write(mn_req *r, const mn_post *p, int64_t width, mn_json_writer *j)
{
    const mn_api *a = r->app;
    mn_buf b;
    mn_str author = p->account_display.len ? p->account_display : p->account_name;
    mn_buf_init(&b, 0);
    oembed_html(r, p, &b);
    mn_jw_object(j);
    mn_jw_kstrz(j, "type", "rich");
    mn_jw_kstrz(j, "version", "1.0");
    mn_jw_kstr(j, "title", mn_str_fmt(r->arena, "A post by %.*s", MN_STR_FMT(author)));
    mn_jw_kstr(j, "author_name", author);
    mn_jw_kstr(j, "author_url",
               mn_str_fmt(r->arena, "%s/@%.*s", a->base, MN_STR_FMT(p->account_name)));
    mn_jw_kstrz(j, "provider_name", conf(a, "title"));
    mn_jw_kstr(j, "provider_url", mn_masto_base(a));
    mn_jw_ku64(j, "cache_age", 86400);
    mn_jw_kstr(j, "html", mn_buf_str(&b));
    mn_jw_ki64(j, "width", width);
    mn_jw_key(j, "height");
    mn_jw_null(j);
    mn_jw_object_end(j);
    mn_buf_release(&b);
}

static void oembed(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_post p;
    int64_t width;
    mn_str format = mn_param(r, "format");
    if (!mn_param_i64(r, w, "maxwidth", 1, 10000, 400, &width)) return;
    if (format.len && !mn_str_eqz(format, "json")) {
        mn_masto_error(r, w, 501, "Only the format json is offered");
        return;
    }
    mn_rc rc = post_at(r, mn_param(r, "url"), &p, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = json_of(w, "application/json; charset=utf-8");
    oembed_write(r, &p, width < 400 ? width : 400, &j);
}

const mn_route mn_masto__routes_wellknown[] = {
    {MN_GET, "/.well-known/webfinger", webfinger, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/.well-known/host-meta", host_meta, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/.well-known/nodeinfo", nodeinfo_links, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/.well-known/change-password", change_password, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/nodeinfo/:version", nodeinfo, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/manifest.json", manifest, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/health", health, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/oembed", oembed, 0, MN_RUN_HERE, "-"},
    {.path = NULL},
};
