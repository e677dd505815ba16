/* The token endpoint, revocation, user info, and what the server says about itself (RFC 8414). */
#include "api/mastodon/oauth.h"

#include "base/base64.h"
#include "base/log.h"

#define BODY_MAX  16384
#define BASIC_MAX 2048

mn_str mn_oauth__vapid(mn_req *r)
{
    const mn_api *a = r->app;
    return a->pushing ? mn_str_from(mn_api__vapid_public(a)) : MN_STR("");
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static mn_json_writer uncached_json(mn_resp *w)
{
    mn_json_writer j = mn_masto_json(w);
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
    mn_resp_header(w, "Pragma", MN_STR("no-cache"));
    return j;
}

void mn_oauth__fault_says(mn_req *r, mn_resp *w, mn_oauth_fault f, const char *text)
{
    const mn_oauth_words *words = mn_oauth_fault_words(f);
    mn_json_writer j = uncached_json(w);
    mn_resp_status(w, words->status);
    if (words->status == 401)
        mn_resp_header(
            w, "WWW-Authenticate",
            mn_str_fmt(r->arena, "Bearer realm=\"Mynah\", error=\"%s\"", words->code));
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "error", words->code);
    mn_jw_kstrz(&j, "error_description", text);
    mn_jw_object_end(&j);
}

void mn_oauth__fault(mn_req *r, mn_resp *w, mn_oauth_fault f)
{
    mn_oauth__fault_says(r, w, f, mn_oauth_fault_words(f)->text);
}

/* ---- who is the client ----------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* In place; what is not well encoded stays as it is. */
static mn_str form_decode(char *p, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        int hi = p[i] == '%' && i + 2 < n ? hex_value(p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_value(p[i + 2]) : -1;
        if (lo >= 0) {
            p[k++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            p[k++] = p[i];
        }
    }
    return (mn_str){p, k};
}

bool mn_oauth__basic(mn_str header, mn_arena *ar, mn_str *ret_id, mn_str *ret_secret)
{
    mn_str text;
    size_t n = 0;
    mn_str kind = mn_str_split(header, ' ', &text);
    text = mn_str_trim(text);
    if (!mn_str_eq_nocase(kind, MN_STR("Basic")) || text.len == 0 || text.len > BASIC_MAX)
        return false;
    char *bytes = mn_arena_alloc(ar, BASIC_MAX);
    if (!bytes || mn_base64_read(text, (uint8_t *)bytes, BASIC_MAX, &n) != MN_OK) return false;
    char *colon = memchr(bytes, ':', n);
    if (!colon) return false;
    *ret_id = form_decode(bytes, (size_t)(colon - bytes));
    *ret_secret = form_decode(colon + 1, n - (size_t)(colon + 1 - bytes));
    return true;
}

static void read_client(mn_req *r, mn_str *ret_id, mn_str *ret_secret)
{
    if (mn_oauth__basic(mn_req_header(r, "Authorization"), r->arena, ret_id, ret_secret))
        return;
    *ret_id = mn_param(r, "client_id");
    *ret_secret = mn_param(r, "client_secret");
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

void mn_oauth__token(mn_resp *w, const mn_oauth_token *t)
{
    mn_json_writer j = uncached_json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "access_token", t->secret.text);
    mn_jw_kstrz(&j, "token_type", "Bearer");
    mn_jw_kstr(&j, "scope", t->scopes);
    mn_jw_ki64(&j, "created_at", t->created_ms / 1000);
    mn_jw_object_end(&j);
}

static void token_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_oauth_token token;
    mn_oauth_fault fault = MN_OAUTH_FINE;
    mn_rc rc = MN_OK;
    mn_store *s = mn_api_store(r->app);
    mn_str kind = mn_param(r, "grant_type");
    mn_oauth_trade t = {.code = mn_param(r, "code"),
                        .redirect_uri = mn_param(r, "redirect_uri"),
                        .verifier = mn_param(r, "code_verifier"),
                        .scope = mn_param(r, "scope")};
    read_client(r, &t.client_id, &t.client_secret);
    if (kind.len == 0) {
        mn_oauth__fault_says(r, w, MN_OAUTH_INVALID_REQUEST,
                             "Missing required parameter: grant_type.");
        return;
    }
    if (mn_str_eqz(kind, "authorization_code"))
        rc = mn_oauth_trade_code(s, &t, r->arena, &token, &fault, &e);
    else if (mn_str_eqz(kind, "client_credentials"))
        rc = mn_oauth_trade_client(s, &t, r->arena, &token, &fault, &e);
    else fault = MN_OAUTH_UNSUPPORTED_GRANT;
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
    else if (fault == MN_OAUTH_INVALID_REQUEST)
        mn_oauth__fault_says(r, w, fault, "Missing required parameter: code.");
    else if (fault) mn_oauth__fault(r, w, fault);
    else mn_oauth__token(w, &token);
}

static void revoke_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_str id, secret;
    mn_oauth_fault fault = MN_OAUTH_FINE;
    read_client(r, &id, &secret);
    mn_rc rc =
        mn_oauth_revoke(mn_api_store(r->app), id, secret, mn_param(r, "token"), &fault, &e);
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
    else if (fault) mn_oauth__fault(r, w, fault);
    else mn_masto_empty(w);
}

/* ---- user info ------------------------------------------------------------------------------------------------- */

static void userinfo(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    mn_api *api = r->app;
    mn_str base = mn_masto_base(api);
    mn_rc rc = mn_store_account_by_id(mn_api_store(api), mn_masto_me(r), r->arena, &a, &e);
    if (rc != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = uncached_json(w);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "iss", mn_str_fmt(r->arena, "%.*s/", MN_STR_FMT(base)));
    mn_jw_kstr(&j, "sub",
               mn_str_fmt(r->arena, "%.*s/users/%.*s", MN_STR_FMT(base), MN_STR_FMT(a.name)));
    mn_jw_kstr(&j, "name", a.display_name.len ? a.display_name : a.name);
    mn_jw_kstr(&j, "preferred_username", a.name);
    mn_jw_kstr(&j, "profile",
               mn_str_fmt(r->arena, "%.*s/@%.*s", MN_STR_FMT(base), MN_STR_FMT(a.name)));
    mn_jw_object_end(&j);
}

/* ---- what this server offers ----------------------------------------------------------------------------------- */

static void put_list(mn_json_writer *j, const char *key, const char *const *words)
{
    mn_jw_key(j, key);
    mn_jw_array(j);
    for (; *words; words++) mn_jw_strz(j, *words);
    mn_jw_array_end(j);
}

static void put_address(mn_req *r, mn_json_writer *j, const char *key, const char *path)
{
    mn_jw_kstr(j, key, mn_str_fmt(r->arena, "%.*s%s", MN_STR_FMT(mn_masto_base(r->app)), path));
}

static void metadata(mn_req *r, mn_resp *w)
{
    static const char *const code[] = {"code", NULL}, *const query[] = {"query", NULL},
                             *const s256[] = {"S256", NULL},
                             *const grants[] = {"authorization_code", "client_credentials",
                                                NULL},
                             *const auth[] = {"client_secret_basic", "client_secret_post",
                                              "none", NULL};
    mn_json_writer j = mn_masto_json(w);
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=300"));
    mn_jw_object(&j);
    put_address(r, &j, "issuer", "/");
    put_address(r, &j, "service_documentation", "/about");
    put_address(r, &j, "authorization_endpoint", "/oauth/authorize");
    put_address(r, &j, "token_endpoint", "/oauth/token");
    put_address(r, &j, "app_registration_endpoint", "/api/v1/apps");
    put_address(r, &j, "revocation_endpoint", "/oauth/revoke");
    put_address(r, &j, "userinfo_endpoint", "/oauth/userinfo");
    mn_jw_key(&j, "scopes_supported");
    mn_jw_array(&j);
    for (size_t i = 0; mn_scopes_name(i);
         i++) /* those of the model API are no scopes of Mastodon's */
        if (strncmp(mn_scopes_name(i), "model", 5) != 0) mn_jw_strz(&j, mn_scopes_name(i));
    mn_jw_array_end(&j);
    put_list(&j, "response_types_supported", code);
    put_list(&j, "response_modes_supported", query);
    put_list(&j, "grant_types_supported", grants);
    put_list(&j, "token_endpoint_auth_methods_supported", auth);
    put_list(&j, "code_challenge_methods_supported", s256);
    mn_jw_object_end(&j);
}

const mn_route mn_masto__routes_oauth[] = {
    {MN_POST, "/oauth/token", token_post, BODY_MAX, MN_RUN_WORKER, "-"},
    {MN_POST, "/oauth/revoke", revoke_post, BODY_MAX, MN_RUN_WORKER, "-"},
    {MN_GET, "/oauth/userinfo", userinfo, 0, MN_RUN_HERE, "profile"},
    {MN_POST, "/oauth/userinfo", userinfo, BODY_MAX, MN_RUN_HERE, "profile"},
    {MN_GET, "/.well-known/oauth-authorization-server", metadata, 0, MN_RUN_HERE, "-"},
    {.path = NULL},
};
