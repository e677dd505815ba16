/* Sign-in and security: password, second factor, identities from elsewhere, and who is signed in where. */
#include "api/pages/identity.h"
#include "api/pages/sign_pages.h"
#include "base/clock.h"
#include "base/conf.h"
#include "social/totp.h"
#include "text/qr.h"

#define TOKENS_SHOWN 200

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static void put_end_form(mn_req *r, mn_resp *w, mn_buf *b, const char *action, uint64_t id,
                         const char *label)
{
    mn_h_form(r, w, b, action);
    mn_h_hidden(b, "id", mn_str_fmt(r->arena, "%llu", (unsigned long long)id));
    H(b, "<button type=\"submit\">");
    mn_h_textz(b, label);
    H(b, "</button></form>");
}

/* "Firefox on Linux" of what a browser says of itself; the beginning of it when that is unknown. The first that fits counts:
 * browsers name those they descend from. */
static mn_str browser_name(mn_str agent, mn_arena *ar)
{
    static const char *const kinds[][2] = {{"Firefox/", "Firefox"}, {"Edg/", "Edge"},
                                           {"OPR/", "Opera"},       {"Chrome/", "Chrome"},
                                           {"Safari/", "Safari"},   {NULL, NULL}};
    static const char *const systems[][2] = {{"Android", "Android"},
                                             {"iPhone", "an iPhone"},
                                             {"iPad", "an iPad"},
                                             {"Windows", "Windows"},
                                             {"Macintosh", "a Mac"},
                                             {"Linux", "Linux"},
                                             {NULL, NULL}};
    const char *kind = NULL, *system = NULL;
    for (int i = 0; !kind && kinds[i][0]; i++)
        if (mn_str_find(agent, mn_str_from(kinds[i][0]), 0) != SIZE_MAX) kind = kinds[i][1];
    for (int i = 0; !system && systems[i][0]; i++)
        if (mn_str_find(agent, mn_str_from(systems[i][0]), 0) != SIZE_MAX)
            system = systems[i][1];
    if (!kind) return agent.len ? mn_utf8_cut(agent, 80) : MN_STR("A browser");
    return mn_str_fmt(ar, "%s%s%s", kind, system ? " on " : "", system ? system : "");
}

static void put_session(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *t, uint64_t here)
{
    H(b, "<li><p><b>");
    mn_h_text(b, browser_name(t->agent, r->arena));
    H(b, "</b>");
    if (t->id == here) H(b, " <span class=\"tag\">this one</span>");
    H(b, "</p><p class=\"small\">");
    mn_h_text(b, t->ip);
    H(b, ", since ");
    mn_h_time(b, t->created_ms);
    H(b, ", last used ");
    mn_h_time(b, t->used_ms);
    H(b, "</p>");
    if (t->id != here)
        put_end_form(r, w, b, "/settings/security/session", t->id, "Sign it out");
    H(b, "</li>");
}

static void put_sessions(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *list, size_t n,
                         uint64_t here)
{
    H(b, "<section class=\"card\"><h2>Browsers</h2><ul class=\"rows\">");
    for (size_t i = 0; i < n; i++)
        if (list[i].kind == MN_TOKEN_SESSION) put_session(r, w, b, &list[i], here);
    H(b, "</ul></section>");
}

static void put_app(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *t)
{
    const char *lines[MN_SCOPE_LINES];
    mn_scopes bits = 0;
    size_t n = 0;
    H(b, "<li><p><b dir=\"auto\">");
    mn_h_text(b, t->app_name.len ? t->app_name : MN_STR("An app"));
    H(b, "</b></p><p class=\"small\">");
    if (mn_scopes_parse(t->scopes, &bits, NULL) == MN_OK) n = mn_scopes_meanings(bits, lines);
    for (size_t i = 0; i < n; i++) {
        if (i) H(b, "; ");
        mn_h_textz(b, lines[i]);
    }
    H(b, ". Since ");
    mn_h_time(b, t->created_ms);
    H(b, ", last used ");
    mn_h_time(b, t->used_ms);
    H(b, "</p>");
    put_end_form(r, w, b, "/settings/security/app", t->app_id, "Take access back");
    H(b, "</li>");
}

/* Each app once: its newest token. The list is newest first. */
static bool seen_before(const mn_token *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (list[k].kind == MN_TOKEN_ACCESS && list[k].app_id == list[i].app_id) return true;
    return false;
}

static void put_apps(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *list, size_t n)
{
    size_t shown = 0;
    H(b, "<section class=\"card\"><h2>Apps</h2><ul class=\"rows\">");
    for (size_t i = 0; i < n; i++) {
        if (list[i].kind != MN_TOKEN_ACCESS || !list[i].app_id || seen_before(list, i))
            continue;
        put_app(r, w, b, &list[i]);
        shown++;
    }
    if (!shown) H(b, "<li class=\"small\">No app has access to your account.</li>");
    H(b, "</ul></section>");
}

static void put_identities(mn_req *r, mn_resp *w, mn_buf *b, const mn_identity *list, size_t n)
{
    H(b, "<section class=\"card\"><h2>Accounts elsewhere</h2><ul class=\"rows\">");
    for (size_t i = 0; i < n; i++) {
        H(b, "<li><p><b>");
        mn_h_text(b, mn_utf8_cut(list[i].subject, 120));
        H(b, "</b> <span class=\"small\">");
        mn_h_text(b, mn_utf8_cut(list[i].provider, 120));
        H(b, "</span></p>");
        mn_h_form(r, w, b, "/settings/security/identity");
        mn_h_hidden(b, "provider", list[i].provider);
        mn_h_hidden(b, "subject", list[i].subject);
        H(b, "<button type=\"submit\">Remove</button></form></li>");
    }
    if (!n) H(b, "<li class=\"small\">None: you sign in with your password.</li>");
    H(b, "</ul>");
    mn_sign__identity_links(r, b, mn_sign_csrf(r, w));
    H(b, "</section>");
}

/* ---- the page -------------------------------------------------------------------------------------------------- */

static void put_password(mn_req *r, mn_resp *w, mn_buf *b, const mn_account *a)
{
    bool has = mn_social_has_password(a);
    H(b, "<section class=\"card\"><h2>Password</h2>");
    mn_h_form(r, w, b, "/settings/security/password");
    if (has)
        mn_h_input(b, &(mn_field_ask){.name = "current",
                                      .label = "Present password",
                                      .type = "password",
                                      .autocomplete = "current-password",
                                      .required = true});
    mn_h_input(b, &(mn_field_ask){.name = "password",
                                  .label = "New password",
                                  .type = "password",
                                  .autocomplete = "new-password",
                                  .hint = "At least 8 characters. All other browsers and all "
                                          "apps are signed out.",
                                  .required = true});
    mn_h_submit(b, has ? "Change" : "Set a password");
    H(b, "</form></section>");
}

static void put_totp(mn_req *r, mn_resp *w, mn_buf *b, bool on)
{
    H(b, "<section class=\"card\"><h2>Second factor</h2>");
    if (!on) {
        H(b, "<p>A code from your telephone at each sign-in: who learns your password still "
             "can't get in.</p>");
        mn_h_form(r, w, b, "/settings/security/totp");
        mn_h_submit(b, "Set it up");
        H(b, "</form></section>");
        return;
    }
    H(b, "<p>On: a code from your authenticator is asked for at each sign-in.</p>");
    mn_h_form(r, w, b, "/settings/security/totp/off");
    mn_h_input(b, &(mn_field_ask){.name = "code",
                                  .label = "A code, to switch it off",
                                  .type = "text",
                                  .autocomplete = "one-time-code",
                                  .required = true});
    H(b, "<button type=\"submit\">Switch it off</button></form></section>");
}

typedef struct view {
    mn_account account;
    mn_credentials credentials;
    mn_token *tokens;
    mn_identity *identities;
    size_t n_tokens, n_identities;
} view;

static mn_rc load(mn_req *r, uint64_t me, view *v, mn_err *e)
{
    mn_store *s = mn_api_store(r->app);
    MN_TRY(mn_store_account_by_id(s, me, r->arena, &v->account, e));
    mn_rc rc = mn_store_credentials(s, me, r->arena, &v->credentials, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    MN_TRY(mn_store_tokens_of(s, me, TOKENS_SHOWN, r->arena, &v->tokens, &v->n_tokens, e));
    return mn_store_identities_of(s, me, r->arena, &v->identities, &v->n_identities, e);
}

static void security_page(mn_req *r, mn_resp *w, const mn_grant *g, const char *said,
                          bool wrong)
{
    view v = {0};
    mn_err e = {0};
    if (load(r, g->account_id, &v, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Sign-in and security");
    if (said && wrong) mn_h_alert(b, said);
    else if (said) {
        H(b, "<p class=\"said\" role=\"status\">");
        mn_h_textz(b, said);
        H(b, "</p>");
    }
    put_password(r, w, b, &v.account);
    put_totp(r, w, b, v.credentials.totp_on);
    put_identities(r, w, b, v.identities, v.n_identities);
    put_sessions(r, w, b, v.tokens, v.n_tokens, g->token_id);
    put_apps(r, w, b, v.tokens, v.n_tokens);
    H(b, "<p class=\"pager\"><a href=\"/settings/keys\">Keys of the model API</a> <a "
         "href=\"/settings/invites\">Invitations</a> <a "
         "href=\"/settings/delete\">Delete the account</a> <a href=\"/auth/sign_out\">Sign "
         "out</a></p>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

static void security_get(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    if (mn_sign_need(r, w, &g)) security_page(r, w, g, NULL, false);
}

/* Who posts: signed in, and with our own form. */
static const mn_grant *poster(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    return mn_sign_need(r, w, &g) && mn_sign_csrf_right(r, w) ? g : NULL;
}

/* ---- what the forms do ----------------------------------------------------------------------------------------- */

bool mn_sign__password_again(mn_req *r, mn_resp *w, const mn_grant *g, mn_str password,
                             bool *ret_right)
{
    mn_err e = {0};
    mn_str who = mn_str_fmt(r->arena, "again:%llu", (unsigned long long)g->account_id);
    if (!mn_sign_may_try(r, w, "sign_in_name", who)) return false;
    mn_rc rc =
        mn_social_password_right(mn_api_store(r->app), g->account_id, password, ret_right, &e);
    if (rc == MN_E_NOT_FOUND) *ret_right = true; /* none was ever set: the session has to do */
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    return rc == MN_OK || rc == MN_E_NOT_FOUND;
}

static void password_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    bool right = false;
    const mn_grant *g = poster(r, w);
    if (!g || !mn_sign__password_again(r, w, g, mn_param(r, "current"), &right)) return;
    if (!right) {
        security_page(r, w, g, "That is not your present password.", true);
        return;
    }
    mn_rc rc = mn_social_password_change(mn_api_store(r->app), g->account_id,
                                         mn_param(r, "password"), g->token_id, &e);
    if (rc == MN_E_USAGE) security_page(r, w, g, "A password has 8 to 1024 characters.", true);
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else
        security_page(r, w, g,
                      "Your password was changed; all other browsers and all apps are signed "
                      "out.",
                      false);
}

static void totp_page(mn_req *r, mn_resp *w, const mn_grant *g, mn_str secret,
                      const char *wrong)
{
    mn_err e = {0};
    mn_qr qr;
    mn_account a;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), g->account_id, r->arena, &a, &e);
    mn_str uri = MN_STR_NONE;
    if (rc == MN_OK)
        uri = mn_totp_uri(secret, mn_str_from(mn_api_domain(r->app)), a.name, r->arena);
    if (rc == MN_OK) rc = mn_qr_make(uri, &qr, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Set up the second factor");
    H(b, "<section class=\"card\"><p>Scan this with an authenticator app, then enter the code "
         "it shows.</p>");
    mn_qr_svg(&qr, "QR code for the authenticator", b);
    H(b, "<p class=\"small\">Or type it in: <code>");
    mn_h_text(b, secret);
    H(b, "</code></p>");
    mn_h_form(r, w, b, "/settings/security/totp/on");
    mn_h_hidden(b, "secret", secret);
    mn_h_input(b, &(mn_field_ask){.name = "code",
                                  .label = "Code",
                                  .type = "text",
                                  .autocomplete = "one-time-code",
                                  .error = wrong,
                                  .required = true,
                                  .focus = true});
    mn_h_submit(b, "Switch it on");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

static void totp_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_str secret;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_rc rc = mn_social_totp_begin(mn_api_store(r->app), g->account_id, r->arena, &secret, &e);
    if (rc == MN_E_EXISTS) mn_sign_goz(r, w, "/settings/security");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else totp_page(r, w, g, secret, NULL);
}

static void recovery_page(mn_req *r, mn_resp *w, mn_str codes)
{
    mn_buf *b = mn_sign_page(r, w, "Your recovery codes");
    H(b, "<section class=\"card form\"><p>The second factor is on. Keep these codes where you "
         "find them without your telephone. Each works once; they are shown only now.</p><pre "
         "class=\"codes\">");
    mn_h_text(b, codes);
    H(b, "</pre><p class=\"pager\"><a href=\"/settings/security\">I have kept them</a></p>"
         "</section>");
    mn_sign_page_end(r, w);
}

static void totp_on_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    bool right = false;
    mn_str codes;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_rc rc = mn_social_totp_on(mn_api_store(r->app), g->account_id, mn_param(r, "code"),
                                 r->arena, &right, &codes, &e);
    if (rc == MN_E_EXISTS) mn_sign_goz(r, w, "/settings/security");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else if (right) recovery_page(r, w, codes);
    else totp_page(r, w, g, mn_param(r, "secret"), "That is not the code of this moment.");
}

static void totp_off_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    bool right = false;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_str who = mn_str_fmt(r->arena, "code:%llu", (unsigned long long)g->account_id);
    if (!mn_sign_may_try(r, w, "sign_in_name", who)) return;
    mn_store *s = mn_api_store(r->app);
    mn_rc rc = mn_social_sign_in_code(s, g->account_id, mn_param(r, "code"), &right, &e);
    if (rc == MN_OK && right) rc = mn_social_totp_off(s, g->account_id, &e);
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else
        security_page(r, w, g,
                      right ? "The second factor is off."
                            : "That code is not right, or was used already.",
                      !right);
}

/* The form's id; false: answered. */
static bool form_id(mn_req *r, mn_resp *w, uint64_t *ret)
{
    if (mn_str_to_u64(mn_param(r, "id"), ret) == MN_OK) return true;
    mn_sign_goz(r, w, "/settings/security");
    return false;
}

static void finish(mn_req *r, mn_resp *w, mn_rc rc, const mn_err *e)
{
    if (rc == MN_OK || rc == MN_E_NOT_FOUND) mn_sign_goz(r, w, "/settings/security");
    else mn_page_failed(r, w, e);
}

static void session_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    const mn_grant *g = poster(r, w);
    if (!g || !form_id(r, w, &id)) return;
    finish(r, w, mn_social_token_end(mn_api_store(r->app), g->account_id, id, &e), &e);
}

static void app_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id;
    const mn_grant *g = poster(r, w);
    if (!g || !form_id(r, w, &id)) return;
    finish(r, w, mn_social_app_end(mn_api_store(r->app), g->account_id, id, &e), &e);
}

static void identity_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_rc rc = mn_social_identity_unlink(mn_api_store(r->app), g->account_id,
                                         mn_param(r, "provider"), mn_param(r, "subject"), &e);
    if (rc == MN_E_DENIED) security_page(r, w, g, e.msg, true);
    else finish(r, w, rc, &e);
}

const mn_route mn_page__routes_security[] = {
    {MN_GET, "/settings/security", security_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/settings/security/password", password_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {MN_POST, "/settings/security/totp", totp_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/security/totp/on", totp_on_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/security/totp/off", totp_off_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/security/session", session_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/security/app", app_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/security/identity", identity_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
