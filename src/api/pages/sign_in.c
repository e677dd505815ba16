/* Signing in and out. A password that is right may not be enough: a code of the authenticator, or a password of one's own in
 * place of a one-time one, is asked for on a second page, which gets a sealed ticket instead of a session. The ticket is bound
 * to the browser, to the password that was right, and to five minutes. */
#include "api/pages/sign.h"
#include "api/pages/sign_pages.h"

#include "base/clock.h"
#include "social/passwords.h"
#include "social/seal.h"

#define TICKET_MS (INT64_C(5) * 60000)

/* ---- tickets --------------------------------------------------------------------------------------------------- */

/* What a ticket is good for: this step, this browser, this password. */
static mn_str ticket_purpose(mn_req *r, mn_resp *w, const char *step, const mn_account *a)
{
    char hash[MN_SECRET_HASH];
    return mn_str_fmt(r->arena, "%s:%.*s:%.*s", step, MN_STR_FMT(mn_sign_csrf(r, w)),
                      MN_STR_FMT(mn_secret_hash(a->password_hash, hash)));
}

static mn_rc ticket_make(mn_req *r, mn_resp *w, const char *step, uint64_t account, mn_str *ret,
                         mn_err *e)
{
    mn_account a;
    mn_str seal;
    mn_store *s = mn_api_store(r->app);
    MN_TRY(mn_store_account_by_id(s, account, r->arena, &a, e));
    mn_str id = mn_str_fmt(r->arena, "%llu", (unsigned long long)account);
    MN_TRY(mn_seal_make(s, ticket_purpose(r, w, step, &a), id, mn_now_ms() + TICKET_MS,
                        r->arena, &seal, e));
    *ret = mn_str_fmt(r->arena, "%.*s~%.*s", MN_STR_FMT(id), MN_STR_FMT(seal));
    return MN_OK;
}

/* The account of the form's ticket; false: answered. */
static bool ticket_open(mn_req *r, mn_resp *w, const char *step, mn_account *ret)
{
    mn_err e = {0};
    mn_str seal, payload;
    uint64_t id = 0;
    mn_store *s = mn_api_store(r->app);
    mn_str id_text = mn_str_split(mn_param(r, "ticket"), '~', &seal);
    mn_rc rc = mn_str_to_u64(id_text, &id);
    if (rc == MN_OK) rc = mn_store_account_by_id(s, id, r->arena, ret, &e);
    if (rc == MN_OK)
        rc = mn_seal_open(s, ticket_purpose(r, w, step, ret), seal, mn_now_ms(), r->arena,
                          &payload, &e);
    if (rc == MN_OK && mn_str_eq(payload, id_text)) return true;
    mn_sign_says(r, w, 403, "Sign in again", "That took too long. Begin again.",
                 "/auth/sign_in", "Sign in");
    return false;
}

/* ---- signing in ------------------------------------------------------------------------------------------------ */

static void put_ways(mn_req *r, mn_buf *b, bool up)
{
    mn_sign__identity_links(r, b, MN_STR(""));
    H(b, "<p class=\"small\">");
    if (up) H(b, "New here? <a href=\"/auth/sign_up\">Sign up</a>. ");
    H(b, "<a href=\"/auth/password\">Password forgotten?</a></p>");
}

static void sign_in_page(mn_req *r, mn_resp *w, mn_str name, const char *wrong)
{
    mn_buf *b = mn_sign_page(r, w, "Sign in");
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/sign_in");
    mn_h_alert(b, wrong);
    mn_h_hidden(b, "next", mn_sign_next(r));
    mn_h_input(b, &(mn_field_ask){.name = "name",
                                  .label = "Name or e-mail address",
                                  .type = "text",
                                  .autocomplete = "username",
                                  .value = name,
                                  .required = true,
                                  .focus = true});
    mn_h_input(b, &(mn_field_ask){.name = "password",
                                  .label = "Password",
                                  .type = "password",
                                  .autocomplete = "current-password",
                                  .required = true});
    mn_h_submit(b, "Sign in");
    H(b, "</form>");
    put_ways(r, b, true);
    H(b, "</section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 401);
}

static void sign_in_get(mn_req *r, mn_resp *w)
{
    if (mn_sign_session(r) && !mn_param(r, "again").ptr) mn_sign_go(r, w, mn_sign_next(r));
    else sign_in_page(r, w, MN_STR(""), NULL);
}

static void code_page(mn_req *r, mn_resp *w, mn_str ticket, mn_str next, const char *wrong)
{
    mn_buf *b = mn_sign_page(r, w, "One more step");
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/sign_in/code");
    mn_h_alert(b, wrong);
    mn_h_hidden(b, "next", next);
    mn_h_hidden(b, "ticket", ticket);
    mn_h_input(b,
               &(mn_field_ask){.name = "code",
                               .label = "Code",
                               .type = "text",
                               .autocomplete = "one-time-code",
                               .hint = "The six digits that your authenticator shows, or one "
                                       "of your recovery codes.",
                               .required = true,
                               .focus = true});
    mn_h_submit(b, "Go on");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 401);
}

static void setup_page(mn_req *r, mn_resp *w, mn_str ticket, const char *wrong)
{
    mn_buf *b = mn_sign_page(r, w, "Choose your password");
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/setup");
    H(b, "<p>The password you signed in with was for one time only.</p>");
    mn_h_hidden(b, "next", mn_sign_next(r));
    mn_h_hidden(b, "ticket", ticket);
    mn_h_input(b, &(mn_field_ask){.name = "password",
                                  .label = "New password",
                                  .type = "password",
                                  .autocomplete = "new-password",
                                  .hint = "At least 8 characters. A few words are better than "
                                          "one with digits.",
                                  .error = wrong,
                                  .required = true,
                                  .focus = true});
    mn_h_submit(b, "Save and go on");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

/* The old session of this browser ends when a new one begins. */
static bool enter(mn_req *r, mn_resp *w, uint64_t account)
{
    const mn_grant *old = mn_sign_session(r);
    mn_err e = {0};
    if (old) mn_social_token_end(mn_api_store(r->app), old->account_id, old->token_id, &e);
    if (!mn_sign_begin(r, w, account)) return false;
    mn_sign_go(r, w, mn_sign_next(r));
    return true;
}

static void next_step(mn_req *r, mn_resp *w, mn_sign_in how, uint64_t account, mn_str next)
{
    mn_err e = {0};
    mn_str ticket;
    bool code = how == MN_SIGN_IN_TOTP;
    mn_rc rc = ticket_make(r, w, code ? "code" : "setup", account, &ticket, &e);
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else if (code) code_page(r, w, ticket, next, NULL);
    else setup_page(r, w, ticket, NULL);
}

void mn_sign__enter(mn_req *r, mn_resp *w, uint64_t account, mn_str next)
{
    mn_err e = {0};
    mn_credentials c;
    mn_rc rc = mn_store_credentials(mn_api_store(r->app), account, r->arena, &c, &e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) mn_page_failed(r, w, &e);
    else if (rc == MN_OK && c.totp_on) next_step(r, w, MN_SIGN_IN_TOTP, account, next);
    else if (mn_sign_begin(r, w, account)) mn_sign_go(r, w, next);
}

static void sign_in_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t account = 0;
    mn_sign_in how = MN_SIGN_IN_WRONG;
    mn_str name = mn_str_trim(mn_param(r, "name"));
    if (!mn_sign_csrf_right(r, w) || !mn_sign_may_try(r, w, "sign_in_name", name)) return;
    mn_rc rc = mn_social_sign_in(mn_api_store(r->app), name, mn_param(r, "password"), &how,
                                 &account, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    switch (how) {
    case MN_SIGN_IN_RIGHT:
        enter(r, w, account);
        return;
    case MN_SIGN_IN_WRONG:
        sign_in_page(r, w, name, "Wrong name or password.");
        return;
    case MN_SIGN_IN_SUSPENDED:
        mn_sign_says(r, w, 403, "Account suspended",
                     "The moderators have suspended this account. You can write to them if you "
                     "think that is a mistake.",
                     "/about", "About this community");
        return;
    default:
        next_step(r, w, how, account, mn_sign_next(r));
    }
}

static void code_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    bool right = false;
    if (!mn_sign_csrf_right(r, w) || !ticket_open(r, w, "code", &a)) return;
    if (!mn_sign_may_try(r, w, "sign_in_name",
                         mn_str_fmt(r->arena, "code:%.*s", MN_STR_FMT(a.name))))
        return;
    if (a.state != MN_ACCOUNT_ACTIVE) {
        mn_sign_goz(r, w, "/auth/sign_in");
        return;
    }
    mn_rc rc =
        mn_social_sign_in_code(mn_api_store(r->app), a.id, mn_param(r, "code"), &right, &e);
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else if (right && mn_password_is_one_time(a.password_hash))
        next_step(r, w, MN_SIGN_IN_ONE_TIME, a.id, mn_sign_next(r));
    else if (right) enter(r, w, a.id);
    else
        code_page(r, w, mn_param(r, "ticket"), mn_sign_next(r),
                  "That code is not right, or was used already.");
}

static void setup_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    if (!mn_sign_csrf_right(r, w) || !ticket_open(r, w, "setup", &a)) return;
    if (a.state != MN_ACCOUNT_ACTIVE || !mn_password_is_one_time(a.password_hash)) {
        mn_sign_goz(r, w, "/auth/sign_in");
        return;
    }
    mn_rc rc =
        mn_social_password_change(mn_api_store(r->app), a.id, mn_param(r, "password"), 0, &e);
    if (rc == MN_E_USAGE)
        setup_page(r, w, mn_param(r, "ticket"), "A password has 8 to 1024 characters.");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else enter(r, w, a.id);
}

static void setup_get(mn_req *r, mn_resp *w)
{
    mn_sign_says(r, w, 200, "Choose your password",
                 "Sign in with the one-time password that was printed when the server was "
                 "started for the first time; then you choose your own.",
                 "/auth/sign_in", "Sign in");
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static void sign_out_get(mn_req *r, mn_resp *w)
{
    if (!mn_sign_session(r)) {
        mn_sign_goz(r, w, "/");
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Sign out");
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/sign_out");
    H(b, "<p>This browser will be signed out. Apps stay signed in.</p>");
    mn_h_submit(b, "Sign out");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
}

static void sign_out_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    const mn_grant *g = mn_sign_session(r);
    if (g && !mn_sign_csrf_right(r, w)) return;
    mn_rc rc =
        g ? mn_social_token_end(mn_api_store(r->app), g->account_id, g->token_id, &e) : MN_OK;
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_sign_forget(r, w);
    mn_sign_goz(r, w, "/");
}

const mn_route mn_page__routes_sign_in[] = {
    {MN_GET, "/auth/sign_in", sign_in_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/sign_in", sign_in_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {MN_POST, "/auth/sign_in/code", code_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_GET, "/auth/setup", setup_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/setup", setup_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {MN_GET, "/auth/sign_out", sign_out_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/sign_out", sign_out_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
