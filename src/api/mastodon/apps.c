/* Apps: registering, and what an app is told about itself. */
#include "api/mastodon/mastodon.h"
#include "api/mastodon/oauth.h"
#include "social/oauth.h"

#define BODY_MAX  65536
#define REDIRECTS 64

static void write_lines(mn_json_writer *j, const char *key, mn_str lines, char sep)
{
    mn_jw_key(j, key);
    mn_jw_array(j);
    mn_str rest = lines;
    while (rest.ptr) {
        mn_str one = mn_str_split(rest, sep, &rest);
        if (one.len) mn_jw_str(j, one);
    }
    mn_jw_array_end(j);
}

/* An Application; secret NULL leaves out what only the registration tells. */
static void write_app(mn_req *r, mn_resp *w, const mn_app *a, const mn_secret *secret)
{
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kid(&j, "id", a->id);
    mn_jw_kstr(&j, "name", a->name);
    mn_jw_kstr(&j, "website", a->website.len ? a->website : MN_STR_NONE);
    write_lines(&j, "scopes", a->scopes, ' ');
    write_lines(&j, "redirect_uris", a->redirect_uris, '\n');
    mn_jw_kstr(&j, "redirect_uri", a->redirect_uris);
    if (secret) {
        mn_jw_kstr(&j, "client_id", a->client_id);
        mn_jw_kstrz(&j, "client_secret", secret->text);
        mn_jw_ki64(&j, "client_secret_expires_at", 0);
    }
    mn_jw_kstr(&j, "vapid_key", mn_oauth__vapid(r));
    mn_jw_object_end(&j);
}

static void apps_post(mn_req *r, mn_resp *w)
{
    mn_app app;
    mn_secret secret;
    mn_err e = {0};
    mn_str *list = NULL;
    mn_app_ask ask = {.name = mn_param(r, "client_name"),
                      .website = mn_param(r, "website"),
                      .scopes = mn_param(r, "scopes")};
    ask.n_redirects = mn_param_list(r, "redirect_uris", &list);
    if (ask.n_redirects > REDIRECTS) ask.n_redirects = REDIRECTS;
    ask.redirects = list;
    mn_rc rc = mn_oauth_app_register(mn_api_store(r->app), &ask, r->arena, &app, &secret, &e);
    if (rc == MN_OK) write_app(r, w, &app, &secret);
    else mn_masto_fail(r, w, &e);
}

static void apps_verify(mn_req *r, mn_resp *w)
{
    mn_app app;
    mn_err e = {0};
    mn_rc rc =
        mn_store_app_by_id(mn_api_store(r->app), mn_masto_grant(r)->app_id, r->arena, &app, &e);
    if (rc == MN_OK) write_app(r, w, &app, NULL);
    else if (rc == MN_E_NOT_FOUND) mn_masto_error(r, w, 401, "The access token is invalid");
    else mn_masto_fail(r, w, &e);
}

const mn_route mn_masto__routes_apps[] = {
    {MN_POST, "/api/v1/apps", apps_post, BODY_MAX, MN_RUN_WORKER, "-"},
    {MN_GET, "/api/v1/apps/verify_credentials", apps_verify, 0, MN_RUN_HERE, "app"},
    {.path = NULL},
};
