/* OpenID Connect, as relying party: discovery, code flow with PKCE, state and nonce, ID token verified with the provider's keys.
 * An e-mail address in it means nothing here: an account belongs to (issuer, subject). */
#include "api/pages/identity.h"

#include <openssl/evp.h>

#include "base/clock.h"
#include "net/jwt.h"

/* ---- the setting ----------------------------------------------------------------------------------------------- */

static mn_str with_blanks(mn_str s, mn_arena *ar)
{
    char *p = mn_arena_strndup(ar, s.ptr, s.len);
    if (!p) return s;
    for (size_t i = 0; i < s.len; i++)
        if (p[i] == '_') p[i] = ' ';
    return (mn_str){p, s.len};
}

static bool is_name(mn_str s)
{
    if (s.len == 0 || s.len > 40) return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("~;,\"%", s.ptr[i])) return false;
    return mn_utf8_valid(s);
}

size_t mn_identity__providers(const char *setting, mn_arena *ar,
                              mn_openid_provider ret[MN_OPENID_MAX])
{
    size_t n = 0;
    mn_str rest = mn_str_from(setting);
    while (rest.ptr && n < MN_OPENID_MAX) {
        mn_openid_provider p = {0};
        mn_str more, one = mn_str_trim(mn_str_split(rest, ' ', &rest));
        p.name = mn_str_split(one, '|', &more);
        p.issuer = mn_str_split(more, '|', &more);
        p.client_id = mn_str_split(more, '|', &more);
        p.secret = more;
        if (!is_name(p.name) || p.issuer.len == 0 || p.client_id.len == 0) continue;
        p.shown = with_blanks(p.name, ar);
        ret[n++] = p;
    }
    return n;
}

/* ---- discovery ------------------------------------------------------------------------------------------------- */

typedef struct endpoints {
    mn_str authorization, token, jwks;
    bool post; /* the secret goes into the form */
} endpoints;

/* An issuer on https sends nobody to an address without it. */
static bool as_safe(mn_str issuer, mn_str url)
{
    if (mn_str_starts(url, "https://")) return true;
    return mn_str_starts(issuer, "http://") && mn_str_starts(url, "http://");
}

/* HTTP Basic is what everybody has to know; the form only where it is said. */
static bool wants_post(const mn_json *d)
{
    const mn_json *m = mn_json_get(d, "token_endpoint_auth_methods_supported");
    bool basic = !m, post = false;
    for (size_t i = 0; m && m->type == MN_JSON_ARRAY && i < m->n; i++) {
        basic = basic || mn_str_eqz(mn_json_str(m->items[i]), "client_secret_basic");
        post = post || mn_str_eqz(mn_json_str(m->items[i]), "client_secret_post");
    }
    return post && !basic;
}

static mn_rc discover(mn_api *a, const mn_openid_provider *p, mn_arena *ar, endpoints *ret,
                      mn_err *e)
{
    mn_json *d = NULL;
    mn_str base = p->issuer;
    if (mn_str_ends(base, "/")) base = mn_str_sub(base, 0, base.len - 1);
    mn_str url = mn_str_fmt(ar, "%.*s/.well-known/openid-configuration", MN_STR_FMT(base));
    MN_TRY(mn_identity__ask(a, url, MN_STR_NONE, MN_STR_NONE, ar, &d, NULL, e));
    endpoints x = {.authorization = mn_json_str(mn_json_get(d, "authorization_endpoint")),
                   .token = mn_json_str(mn_json_get(d, "token_endpoint")),
                   .jwks = mn_json_str(mn_json_get(d, "jwks_uri")),
                   .post = wants_post(d)};
    if (!mn_str_eq(mn_json_str(mn_json_get(d, "issuer")), p->issuer))
        return mn_fail(e, MN_E_DENIED, "'%.*s' describes another issuer", MN_STR_FMT(url));
    if (!as_safe(p->issuer, x.authorization) || !as_safe(p->issuer, x.token) ||
        !as_safe(p->issuer, x.jwks))
        return mn_fail(e, MN_E_DENIED, "'%.*s' does not say where to go", MN_STR_FMT(url));
    *ret = x;
    return MN_OK;
}

mn_rc mn_openid__begin(mn_api *a, const mn_openid_provider *p, const mn_identity_flow *f,
                       mn_arena *ar, mn_str *ret_url, mn_err *e)
{
    endpoints x;
    MN_TRY(discover(a, p, ar, &x, e));
    const mn_str pairs[][2] = {{MN_STR("response_type"), MN_STR("code")},
                               {MN_STR("client_id"), p->client_id},
                               {MN_STR("redirect_uri"), f->redirect_uri},
                               {MN_STR("scope"), MN_STR("openid profile")},
                               {MN_STR("state"), f->state},
                               {MN_STR("nonce"), f->nonce},
                               {MN_STR("code_challenge"), f->challenge},
                               {MN_STR("code_challenge_method"), MN_STR("S256")}};
    mn_str query = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    bool more = mn_str_find(x.authorization, MN_STR("?"), 0) != SIZE_MAX;
    *ret_url = mn_str_fmt(ar, "%.*s%c%.*s", MN_STR_FMT(x.authorization), more ? '&' : '?',
                          MN_STR_FMT(query));
    return ret_url->ptr && query.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

/* ---- coming back ----------------------------------------------------------------------------------------------- */

static mn_str basic(const mn_openid_provider *p, mn_arena *ar)
{
    mn_buf text;
    char out[4096];
    mn_buf_init(&text, 2048);
    mn_h_query(&text, p->client_id);
    mn_buf_addc(&text, ':');
    mn_h_query(&text, p->secret);
    bool fits = !text.failed;
    int n =
        fits ? EVP_EncodeBlock((unsigned char *)out, (unsigned char *)text.ptr, (int)text.len)
             : 0;
    mn_buf_release(&text);
    return fits ? mn_str_fmt(ar, "Basic %.*s", n, out) : MN_STR_NONE;
}

static mn_rc fetch_token(mn_api *a, const mn_openid_provider *p, const endpoints *x,
                         const mn_identity_flow *f, mn_str code, mn_arena *ar, mn_str *ret,
                         mn_err *e)
{
    mn_json *t = NULL;
    const mn_str pairs[][2] = {
        {MN_STR("grant_type"), MN_STR("authorization_code")},
        {MN_STR("code"), code},
        {MN_STR("redirect_uri"), f->redirect_uri},
        {MN_STR("code_verifier"), f->verifier},
        {MN_STR("client_id"), p->client_id},
        {MN_STR("client_secret"), x->post && p->secret.len ? p->secret : MN_STR_NONE}};
    mn_str form = mn_identity__form(pairs, sizeof pairs / sizeof *pairs, ar);
    mn_str auth = x->post || p->secret.len == 0 ? MN_STR_NONE : basic(p, ar);
    MN_TRY(mn_identity__ask(a, x->token, form, auth, ar, &t, NULL, e));
    *ret = mn_json_str(mn_json_get(t, "id_token"));
    return ret->len ? MN_OK : mn_fail(e, MN_E_DENIED, "the provider sent no ID token");
}

/* The key set as it came, since the verifier reads it itself. */
static mn_rc fetch_keys(mn_api *a, mn_str url, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_client_resp resp;
    mn_client_req req = {
        .url = url, .timeout_ms = MN_IDENTITY_WAIT_MS, .max_bytes = MN_JWKS_MAX};
    MN_TRY(mn_client_do(a->client, &req, &resp, e));
    mn_rc rc = resp.status == 200
                   ? MN_OK
                   : mn_fail(e, MN_E_DENIED, "the provider's keys gave %d", resp.status);
    if (rc == MN_OK) *ret = mn_str_dup(ar, mn_buf_str(&resp.body));
    mn_client_resp_release(&resp);
    if (rc == MN_OK && !ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    return rc;
}

mn_rc mn_openid__finish(mn_api *a, const mn_openid_provider *p, const mn_identity_flow *f,
                        mn_str code, mn_arena *ar, mn_sign_identity *ret, mn_err *e)
{
    endpoints x;
    mn_str token, keys, subject;
    mn_json *claims = NULL;
    MN_TRY(discover(a, p, ar, &x, e));
    MN_TRY(fetch_token(a, p, &x, f, code, ar, &token, e));
    MN_TRY(fetch_keys(a, x.jwks, ar, &keys, e));
    MN_TRY(mn_jwt_verify(token, keys, ar, &claims, e));
    mn_jwt_ask ask = {p->issuer, p->client_id, f->nonce, mn_now_ms()};
    MN_TRY(mn_jwt_claims_check(claims, &ask, &subject, e));
    mn_str name = mn_json_str(mn_json_get(claims, "preferred_username"));
    mn_str display = mn_json_str(mn_json_get(claims, "name"));
    mn_str shown = name.len ? name : display.len ? display : subject;
    *ret = (mn_sign_identity){.provider = mn_str_fmt(ar, "openid:%.*s", MN_STR_FMT(p->issuer)),
                              .subject = subject,
                              .shown = mn_str_fmt(ar, "%.*s (%.*s)",
                                                  MN_STR_FMT(mn_utf8_cut(shown, 100)),
                                                  MN_STR_FMT(p->shown)),
                              .name = mn_utf8_cut(shown, 100),
                              .display = mn_utf8_cut(display, 200)};
    return MN_OK;
}
