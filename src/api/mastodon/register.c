/* Signing up from an app: POST /api/v1/accounts with the app's own token, as Mastodon answers it. */
#include "api/mastodon/oauth.h"
#include "api/pages/sign_pages.h"
#include "base/clock.h"
#include "net/mail.h"

#define BODY_MAX 16384

/* "Username has already been taken" */
static void put_label(mn_buf *b, const mn_fault *f)
{
    mn_buf_addc(b, (char)(f->field[0] - 32));
    mn_buf_addf(b, "%s %s", f->field + 1, mn_fault_text(f->kind));
}

static void put_details(mn_json_writer *j, const mn_faults *f)
{
    mn_jw_key(j, "details");
    mn_jw_object(j);
    for (size_t i = 0; i < f->n; i++) {
        mn_jw_key(j, f->items[i].field);
        mn_jw_array(j);
        mn_jw_object(j);
        mn_jw_kstrz(j, "error", mn_fault_code(f->items[i].kind));
        mn_jw_kstrz(j, "description", mn_fault_text(f->items[i].kind));
        mn_jw_object_end(j);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
}

static void refuse(mn_req *r, mn_resp *w, const mn_faults *f)
{
    mn_buf b;
    mn_buf_init(&b, 4096);
    mn_buf_addz(&b, "Validation failed: ");
    for (size_t i = 0; i < f->n; i++) {
        if (i) mn_buf_addz(&b, ", ");
        put_label(&b, &f->items[i]);
    }
    mn_str text = mn_str_dup(r->arena, mn_buf_str(&b));
    mn_buf_release(&b);
    mn_json_writer j = mn_masto_json(w);
    mn_resp_status(w, 422);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "error", text);
    put_details(&j, f);
    mn_jw_object_end(&j);
}

/* The new member's token: same app, same scopes. */
static mn_rc make_token(mn_req *r, uint64_t account, mn_oauth_token *ret, mn_err *e)
{
    mn_tx *tx;
    mn_token_now app;
    mn_store *s = mn_api_store(r->app);
    MN_TRY(mn_store_token_by_id(s, mn_masto_grant(r)->token_id, r->arena, &app, e));
    ret->scopes = app.token.scopes;
    ret->created_ms = mn_now_ms();
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc =
        mn_access_token_make(tx, account, app.token.app_id, ret->scopes, &ret->secret, NULL, e);
    return mn_store_end(tx, rc, e);
}

/* An app's own token with write:accounts; false: answered. */
static bool may_register(mn_req *r, mn_resp *w)
{
    mn_scopes need = 0;
    const mn_grant *g = mn_masto_grant(r);
    const char *no = NULL;
    mn_scopes_parse(MN_STR("write:accounts"), &need, NULL);
    if (!mn_scopes_cover(g->scopes, need)) no = "This action is outside the authorized scopes";
    else if (g->account_id) no = "This action is not allowed";
    if (no) mn_masto_error(r, w, 403, no);
    return !no;
}

static mn_sign_up read_sign_up(mn_req *r, const mn_sign_up_rules *rules)
{
    mn_sign_up up = {.name = mn_str_trim(mn_param(r, "username")),
                     .reason = mn_param(r, "reason"),
                     .invite = mn_str_trim(mn_param(r, "invite_code")),
                     .locale = mn_param(r, "locale"),
                     .ip = r->peer,
                     .password = mn_param(r, "password"),
                     .agreement = mn_param_bool(r, "agreement", false),
                     .moderation = ((mn_api *)r->app)->moderation};
    if (rules->email != MN_EMAIL_NO) up.email = mn_str_trim(mn_param(r, "email"));
    up.email_wrong = up.email.len && mn_mail_address(up.email, NULL, NULL) != MN_OK;
    return up;
}

static mn_rc sign_up(mn_req *r, mn_faults *faults, mn_oauth_token *token, mn_err *e)
{
    mn_api *a = r->app;
    mn_sign_up_rules rules;
    uint64_t account = 0;
    bool waits = false;
    MN_TRY(mn_sign_up_rules_read(a->home->conf, &rules, e));
    mn_sign_up up = read_sign_up(r, &rules);
    MN_TRY(mn_social_sign_up(mn_api_store(a), &rules, &up, &account, &waits, faults, e));
    if (faults->n) return MN_OK;
    MN_TRY(mn_sign__confirmation(a, account, up.email, e));
    return make_token(r, account, token, e);
}

static void accounts_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_oauth_token token;
    mn_faults faults = {.n = 0};
    if (!may_register(r, w)) return;
    if (sign_up(r, &faults, &token, &e) != MN_OK) mn_masto_fail(r, w, &e);
    else if (faults.n) refuse(r, w, &faults);
    else mn_oauth__token(w, &token);
}

/* Sends the confirming mail again, to another address if one is given. Only the app that made the account may. */
static void confirmations_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_credentials c;
    mn_str email = mn_str_trim(mn_param(r, "email"));
    const mn_grant *g = mn_masto_grant(r);
    if (!g->account_id) {
        mn_masto_error(r, w, 422, "This method requires an authenticated user");
        return;
    }
    mn_rc rc = mn_store_credentials(mn_api_store(a), g->account_id, r->arena, &c, &e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) {
        mn_masto_fail(r, w, &e);
        return;
    }
    if (rc == MN_E_NOT_FOUND || c.email_confirmed_ms || (!c.email.len && !email.len)) {
        mn_masto_error(
            r, w, 403,
            "This method is only available while the e-mail is awaiting confirmation");
        return;
    }
    if (!email.len) email = c.email;
    if (mn_mail_address(email, NULL, &e) == MN_OK &&
        !mn_moderation_email_blocked(a->moderation, email))
        rc = mn_sign__confirmation(a, g->account_id, email, &e);
    else rc = mn_fail(&e, MN_E_USAGE, "Validation failed: E-mail is invalid");
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_fail(r, w, &e);
}

const mn_route mn_masto__routes_register[] = {
    {MN_POST, "/api/v1/accounts", accounts_post, BODY_MAX, MN_RUN_PASSWORD, "app"},
    {MN_POST, "/api/v1/emails/confirmations", confirmations_post, BODY_MAX, MN_RUN_WORKER,
     "app"},
    {.path = NULL},
};
