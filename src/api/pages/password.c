/* A forgotten password, and addresses confirmed: what links in mail lead to. A link is opened by GET, which changes nothing
 * (mail scanners open links too), and acted on by a form. */
#include <stdio.h>

#include "api/pages/sign_pages.h"
#include "base/conf.h"
#include "social/mail.h"

/* ---- asking for a link ----------------------------------------------------------------------------------------- */

static void ask_get(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    if (!*mn_conf_get(a->home->conf, "smtp_url")) {
        mn_sign_says(r, w, 200, "Password forgotten",
                     "This community sends no mail. Ask its operator: they can give you a new "
                     "one-time password.",
                     "/about", "About this community");
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Password forgotten");
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/password");
    mn_h_input(b,
               &(mn_field_ask){.name = "email",
                               .label = "E-mail address",
                               .type = "email",
                               .autocomplete = "email",
                               .hint = "We send a link for choosing a new password there, if "
                                       "an account here has confirmed this address.",
                               .required = true,
                               .focus = true});
    mn_h_submit(b, "Send the link");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
}

static mn_rc send_link(mn_api *a, uint64_t account, mn_str email, mn_err *e)
{
    mn_tx *tx;
    mn_secret secret;
    char text[1024];
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = mn_social_link_make(tx, account, MN_LINK_PASSWORD, email, &secret, e);
    if (rc == MN_OK) {
        snprintf(
            text, sizeof text,
            "Somebody wants to choose a new password for your account at %s.\n\nIf it was "
            "you, do so within an hour:\n\n%s/auth/password/edit?token=%s\n\nIf not, there "
            "is nothing you have to do: your password stays as it is.\n",
            a->domain, a->base, secret.text);
        rc = mn_social_mail_add(tx, email, MN_STR("Choose a new password"), mn_str_from(text),
                                MN_STR("password"), e);
    }
    return mn_store_end(tx, rc, e);
}

/* The answer is the same whether there is such an account or not; the link goes to the address as it is kept here. */
static mn_rc maybe_send(mn_req *r, mn_str email, mn_err *e)
{
    uint64_t id = 0;
    mn_account a;
    mn_credentials c;
    mn_store *s = mn_api_store(r->app);
    mn_rc rc = mn_store_account_by_email(s, email, &id, e);
    if (rc == MN_OK) rc = mn_store_account_by_id(s, id, r->arena, &a, e);
    if (rc == MN_OK) rc = mn_store_credentials(s, id, r->arena, &c, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    if (a.state != MN_ACCOUNT_ACTIVE || !c.email_confirmed_ms) return MN_OK;
    return send_link(r->app, id, c.email, e);
}

static void ask_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_str email = mn_str_trim(mn_param(r, "email"));
    if (!mn_sign_csrf_right(r, w) || !mn_sign_may_try(r, w, "password_name", email)) return;
    mn_rc rc = *mn_conf_get(a->home->conf, "smtp_url") ? maybe_send(r, email, &e) : MN_OK;
    if (rc != MN_OK) mn_page_failed(r, w, &e);
    else
        mn_sign_says(r, w, 200, "Look into your mail",
                     "If an account here has confirmed that address, a link is on its way.",
                     "/auth/sign_in", "Sign in");
}

/* ---- choosing -------------------------------------------------------------------------------------------------- */

static void choose_page(mn_req *r, mn_resp *w, const char *wrong)
{
    mn_buf *b = mn_sign_page(r, w, "Choose a new password");
    mn_resp_header(w, "Referrer-Policy", MN_STR("no-referrer"));
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/password/edit");
    mn_h_hidden(b, "token", mn_param(r, "token"));
    mn_h_input(b, &(mn_field_ask){.name = "password",
                                  .label = "New password",
                                  .type = "password",
                                  .autocomplete = "new-password",
                                  .hint = "At least 8 characters. All browsers and apps are "
                                          "signed out.",
                                  .error = wrong,
                                  .required = true,
                                  .focus = true});
    mn_h_submit(b, "Save");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

static void choose_get(mn_req *r, mn_resp *w)
{
    choose_page(r, w, NULL);
}

static void choose_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    if (!mn_sign_csrf_right(r, w)) return;
    mn_rc rc = mn_social_password_reset(mn_api_store(r->app), mn_param(r, "token"),
                                        mn_param(r, "password"), &e);
    if (rc == MN_E_USAGE) choose_page(r, w, "A password has 8 to 1024 characters.");
    else if (rc == MN_E_DENIED)
        mn_sign_says(r, w, 403, "This link is over", e.msg, "/auth/password",
                     "Ask for another");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else
        mn_sign_says(r, w, 200, "Saved",
                     "Your new password counts from now on. All browsers and apps were signed "
                     "out.",
                     "/auth/sign_in", "Sign in");
}

/* ---- confirming an address ------------------------------------------------------------------------------------- */

static void confirm_get(mn_req *r, mn_resp *w)
{
    mn_buf *b = mn_sign_page(r, w, "Confirm your address");
    mn_resp_header(w, "Referrer-Policy", MN_STR("no-referrer"));
    H(b, "<section class=\"card\">");
    mn_h_form(r, w, b, "/auth/confirm");
    H(b, "<p>You followed a link that we sent by mail.</p>");
    mn_h_hidden(b, "token", mn_param(r, "token"));
    mn_h_submit(b, "Yes, this is my address");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
}

static void confirm_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t account = 0;
    if (!mn_sign_csrf_right(r, w)) return;
    mn_rc rc =
        mn_social_email_confirm(mn_api_store(r->app), mn_param(r, "token"), &account, &e);
    if (rc == MN_E_DENIED || rc == MN_E_EXISTS)
        mn_sign_says(r, w, 403, "This link is over", e.msg, "/", "To the timeline");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else
        mn_sign_says(r, w, 200, "Confirmed", "Thank you: your address is confirmed.", "/",
                     "To the timeline");
}

const mn_route mn_page__routes_password[] = {
    {MN_GET, "/auth/password", ask_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/password", ask_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_GET, "/auth/password/edit", choose_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/password/edit", choose_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {MN_GET, "/auth/confirm", confirm_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/confirm", confirm_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
