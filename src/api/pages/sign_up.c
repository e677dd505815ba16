/* Signing up: name, password (or an identity from elsewhere), the rules, and what may be done with one's posts, asked once, in
 * plain words, with nothing ticked. What is left open stays unset: the server's default, which is no for everything but the
 * search of public posts. */
#include <stdio.h>

#include "api/pages/sign_pages.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/json.h"
#include "net/mail.h"
#include "social/mail.h"
#include "social/moderation.h"
#include "social/seal.h"

#define IDENTITY_MS (INT64_C(30) * 60000)

/* What is asked: purpose, the question, what each answer means. */
static const struct {
    mn_purpose purpose;
    const char *question, *more;
} asked[] = {
    {MN_P_TRAIN_GENERATIVE, "May the community's language model learn from your public posts?",
     "It may then write a little like you. You can take it back: models "
     "trained from then on do without them."},
    {MN_P_INFERENCE_INPUT, "May answers to questions quote your public posts?",
     "With your name and a link to the post, never without."},
    {MN_P_BULK_DATASET, "May your public posts be part of data sets for research?",
     "They are given under a licence, and you are told to whom."},
    {MN_P_SEARCH, "May your public posts be found by search here?",
     "If you leave this open, they can."},
};
#define ASKED (sizeof asked / sizeof *asked)

/* ---- identities as tickets ------------------------------------------------------------------------------------- */

static mn_str identity_purpose(mn_req *r, mn_resp *w)
{
    return mn_str_fmt(r->arena, "identity:%.*s", MN_STR_FMT(mn_sign_csrf(r, w)));
}

mn_rc mn_sign__identity_seal(mn_req *r, mn_resp *w, const mn_sign_identity *i, mn_str *ret,
                             mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, MN_SEAL_MAX);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "provider", i->provider);
    mn_jw_kstr(&j, "subject", i->subject);
    mn_jw_kstr(&j, "shown", i->shown);
    mn_jw_kstr(&j, "name", i->name);
    mn_jw_kstr(&j, "display", i->display);
    mn_jw_object_end(&j);
    mn_rc rc = b.failed
                   ? mn_fail(e, b.failed, "the identity is too long")
                   : mn_seal_make(mn_api_store(r->app), identity_purpose(r, w), mn_buf_str(&b),
                                  mn_now_ms() + IDENTITY_MS, r->arena, ret, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_sign__identity_open(mn_req *r, mn_resp *w, mn_str ticket, mn_sign_identity *ret,
                             mn_err *e)
{
    mn_str text;
    mn_json *j = NULL;
    MN_TRY(mn_seal_open(mn_api_store(r->app), identity_purpose(r, w), ticket, mn_now_ms(),
                        r->arena, &text, e));
    MN_TRY(mn_json_parse(text, r->arena, &j, e));
    *ret = (mn_sign_identity){.provider = mn_json_str(mn_json_get(j, "provider")),
                              .subject = mn_json_str(mn_json_get(j, "subject")),
                              .shown = mn_json_str(mn_json_get(j, "shown")),
                              .name = mn_json_str(mn_json_get(j, "name")),
                              .display = mn_json_str(mn_json_get(j, "display"))};
    return MN_OK;
}

/* ---- the form -------------------------------------------------------------------------------------------------- */

typedef struct form {
    mn_sign_up_rules rules;
    mn_sign_identity identity; /* provider empty: none */
    mn_str ticket;
    mn_str name, email, reason, invite;
    mn_consents consent;
    bool agreement;
    mn_faults faults;
} form;

/* "Name has already been taken." for a field, or NULL. */
static const char *fault_of(mn_req *r, const form *f, const char *field, const char *label)
{
    for (size_t i = 0; i < f->faults.n; i++)
        if (strcmp(f->faults.items[i].field, field) == 0)
            return mn_str_fmt(r->arena, "%s %s.", label, mn_fault_text(f->faults.items[i].kind))
                .ptr;
    return NULL;
}

static void put_consent(mn_buf *b, mn_consents chosen)
{
    H(b, "<fieldset><legend>What may be done with your posts</legend><p class=\"small\">"
         "A post belongs to its author. Nothing is chosen for you, you may leave any of these "
         "open, and you can change your mind at any time, for all posts or for one.</p>");
    for (size_t i = 0; i < ASKED; i++) {
        const char *name = mn_purpose_names[asked[i].purpose];
        mn_consent c = mn_consents_get(chosen, asked[i].purpose);
        mn_buf_addf(b,
                    "<div class=\"choice\" role=\"radiogroup\" aria-labelledby=\"q-%s\"><p "
                    "id=\"q-%s\"><b>",
                    name, name);
        mn_h_textz(b, asked[i].question);
        H(b, "</b> <span class=\"small\">");
        mn_h_textz(b, asked[i].more);
        mn_buf_addf(
            b,
            "</span></p><label><input type=\"radio\" name=\"consent-%s\" value=\"allow\"%s> "
            "Yes</label> <label><input type=\"radio\" name=\"consent-%s\" "
            "value=\"deny\"%s> No</label></div>",
            name, c == MN_CONSENT_ALLOW ? " checked" : "", name,
            c == MN_CONSENT_DENY ? " checked" : "");
    }
    H(b, "</fieldset>");
}

static mn_rc put_rules(mn_req *r, mn_buf *b, const form *f, mn_err *e)
{
    mn_rule *rules = NULL;
    size_t n = 0;
    const char *wrong = fault_of(r, f, "agreement", "The rules");
    MN_TRY(mn_store_rules(mn_api_store(r->app), r->arena, &rules, &n, e));
    H(b, "<fieldset><legend>The rules</legend>");
    if (n > 0) H(b, "<ol class=\"rules\">");
    for (size_t i = 0; i < n; i++) {
        H(b, "<li dir=\"auto\">");
        mn_h_text(b, rules[i].text);
        H(b, "</li>");
    }
    if (n > 0) H(b, "</ol>");
    H(b,
      "<label class=\"tick\"><input type=\"checkbox\" name=\"agreement\" value=\"1\" required");
    if (f->agreement) H(b, " checked");
    mn_buf_addz(b, n > 0 ? "> I have read the rules and keep to them</label>"
                         : "> I treat people here as I want to be treated</label>");
    mn_h_alert(b, wrong);
    H(b, "</fieldset>");
    return MN_OK;
}

static void put_name(mn_req *r, mn_buf *b, const form *f)
{
    const char *hint =
        mn_str_fmt(r->arena, "Letters, digits and _. People find you as @name@%s; it stays.",
                   mn_api_domain(r->app))
            .ptr;
    mn_h_input(b, &(mn_field_ask){.name = "name",
                                  .label = "Name",
                                  .type = "text",
                                  .autocomplete = "username",
                                  .hint = hint,
                                  .value = f->name,
                                  .error = fault_of(r, f, "username", "This name"),
                                  .required = true,
                                  .focus = true});
}

static void put_secrets(mn_req *r, mn_buf *b, const form *f)
{
    if (f->rules.email != MN_EMAIL_NO)
        mn_h_input(b,
                   &(mn_field_ask){
                       .name = "email",
                       .label = f->rules.email == MN_EMAIL_REQUIRED
                                    ? "E-mail address"
                                    : "E-mail address (if you like)",
                       .type = "email",
                       .autocomplete = "email",
                       .hint = "For a forgotten password and for notices. Nobody here sees it "
                               "but the operator.",
                       .value = f->email,
                       .error = fault_of(r, f, "email", "This address"),
                       .required = f->rules.email == MN_EMAIL_REQUIRED});
    if (f->identity.provider.len) return;
    mn_h_input(b, &(mn_field_ask){.name = "password",
                                  .label = "Password",
                                  .type = "password",
                                  .autocomplete = "new-password",
                                  .hint = "At least 8 characters. A few words are better than "
                                          "one with digits.",
                                  .error = fault_of(r, f, "password", "This password"),
                                  .required = true});
}

static void put_door(mn_req *r, mn_buf *b, const form *f)
{
    if (f->rules.mode == MN_SIGN_UP_INVITE || f->invite.len)
        mn_h_input(b, &(mn_field_ask){.name = "invite",
                                      .label = "Invitation",
                                      .type = "text",
                                      .hint = "The code that a member gave you.",
                                      .value = f->invite,
                                      .error = fault_of(r, f, "invite", "This invitation"),
                                      .required = f->rules.mode == MN_SIGN_UP_INVITE});
    if (f->rules.mode == MN_SIGN_UP_APPROVAL && !f->invite.len)
        mn_h_input(b, &(mn_field_ask){.name = "reason",
                                      .label = "Why do you want to join?",
                                      .type = "text",
                                      .hint = "A moderator reads this before you are let in.",
                                      .value = f->reason,
                                      .error = fault_of(r, f, "reason", "The reason"),
                                      .required = true});
}

static mn_rc put_form(mn_req *r, mn_resp *w, mn_buf *b, const form *f, mn_err *e)
{
    mn_h_form(r, w, b, f->identity.provider.len ? "/auth/sign_up/identity" : "/auth/sign_up");
    mn_h_alert(b, fault_of(r, f, "identity", "This identity"));
    mn_h_hidden(b, "next", mn_sign_next(r));
    if (f->identity.provider.len) {
        mn_h_hidden(b, "identity", f->ticket);
        H(b, "<p>You come as <b>");
        mn_h_text(b, f->identity.shown);
        H(b, "</b>. Choose what you are called here.</p>");
    }
    put_name(r, b, f);
    put_secrets(r, b, f);
    put_door(r, b, f);
    put_consent(b, f->consent);
    MN_TRY(put_rules(r, b, f, e));
    mn_h_submit(b, "Sign up");
    H(b, "</form>");
    return MN_OK;
}

static void form_page(mn_req *r, mn_resp *w, const form *f)
{
    mn_err e = {0};
    mn_buf *b = mn_sign_page(r, w, "Sign up");
    H(b, "<section class=\"card\">");
    if (put_form(r, w, b, f, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    if (!f->identity.provider.len) mn_sign__identity_links(r, b, MN_STR(""));
    H(b, "<p class=\"small\">A member already? <a href=\"/auth/sign_in\">Sign in</a>.</p>"
         "</section>");
    mn_sign_page_end(r, w);
    if (f->faults.n) mn_resp_status(w, 422);
}

static bool read_rules(mn_req *r, mn_resp *w, mn_sign_up_rules *ret)
{
    mn_err e = {0};
    if (mn_sign_up_rules_read(((mn_api *)r->app)->home->conf, ret, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return false;
    }
    if (ret->mode != MN_SIGN_UP_CLOSED) return true;
    mn_sign_says(r, w, 403, "No sign-ups", "This community takes no new members at present.",
                 "/about", "About this community");
    return false;
}

static void sign_up_get(mn_req *r, mn_resp *w)
{
    form f = {.invite = mn_param(r, "invite")};
    if (mn_sign_session(r)) mn_sign_goz(r, w, "/");
    else if (read_rules(r, w, &f.rules)) form_page(r, w, &f);
}

void mn_sign__up_with(mn_req *r, mn_resp *w, const mn_sign_identity *i)
{
    mn_err e = {0};
    form f = {.identity = *i};
    if (!read_rules(r, w, &f.rules)) return;
    mn_str name = mn_social_name_from(i->name, r->arena);
    f.name = mn_str_sub(name, 0, MN_SIGN_UP_NAME_MAX);
    if (mn_sign__identity_seal(r, w, i, &f.ticket, &e) != MN_OK) mn_page_failed(r, w, &e);
    else form_page(r, w, &f);
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

mn_rc mn_sign__confirmation(mn_api *a, uint64_t account, mn_str email, mn_err *e)
{
    mn_tx *tx;
    mn_secret secret;
    char text[1024];
    if (!*mn_conf_get(a->home->conf, "smtp_url") || email.len == 0) return MN_OK;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = mn_social_link_make(tx, account, MN_LINK_CONFIRM, email, &secret, e);
    if (rc == MN_OK) {
        snprintf(
            text, sizeof text,
            "Somebody has given this address at %s.\n\nIf it was you, confirm it within two "
            "days:\n\n%s/auth/confirm?token=%s\n\nIf not, there is nothing you have to "
            "do.\n",
            a->domain, a->base, secret.text);
        rc = mn_social_mail_add(tx, email, MN_STR("Confirm your address"), mn_str_from(text),
                                MN_STR("confirm"), e);
    }
    return mn_store_end(tx, rc, e);
}

static mn_consents read_consent(mn_req *r)
{
    mn_consents c = 0;
    for (size_t i = 0; i < ASKED; i++) {
        mn_str v = mn_param(
            r, mn_str_fmt(r->arena, "consent-%s", mn_purpose_names[asked[i].purpose]).ptr);
        if (mn_str_eqz(v, "allow")) c = mn_consents_set(c, asked[i].purpose, MN_CONSENT_ALLOW);
        if (mn_str_eqz(v, "deny")) c = mn_consents_set(c, asked[i].purpose, MN_CONSENT_DENY);
    }
    return c;
}

static void welcome(mn_req *r, mn_resp *w, const form *f, uint64_t account, bool waits)
{
    mn_err e = {0};
    if (mn_sign__confirmation(r->app, account, f->email, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    if (waits) {
        mn_sign_says(r, w, 200, "Thank you",
                     "Your request is with the moderators. You can sign in as soon as one of "
                     "them has let you in.",
                     "/", "To the timeline");
        return;
    }
    if (!mn_sign_begin(r, w, account)) return;
    if (f->rules.email == MN_EMAIL_REQUIRED)
        mn_sign_says(r, w, 200, "Look into your mail",
                     "We have sent you a link. Follow it to confirm your address; then you can "
                     "write here.",
                     "/", "To the timeline");
    else mn_sign_go(r, w, mn_sign_next(r));
}

static void read_form(mn_req *r, form *f)
{
    f->name = mn_str_trim(mn_param(r, "name"));
    f->email = f->rules.email == MN_EMAIL_NO ? MN_STR("") : mn_str_trim(mn_param(r, "email"));
    f->reason = mn_str_trim(mn_param(r, "reason"));
    f->invite = mn_str_trim(mn_param(r, "invite"));
    f->ticket = mn_param(r, "identity");
    f->consent = read_consent(r);
    f->agreement = mn_param_bool(r, "agreement", false);
}

static void sign_up(mn_req *r, mn_resp *w, bool with_identity)
{
    mn_err e = {0};
    form f = {.agreement = false};
    uint64_t account = 0;
    bool waits = false;
    if (!mn_sign_csrf_right(r, w) || !read_rules(r, w, &f.rules)) return;
    read_form(r, &f);
    if (with_identity && mn_sign__identity_open(r, w, f.ticket, &f.identity, &e) != MN_OK) {
        mn_sign_says(r, w, 403, "Begin again", "That took too long. Begin again.",
                     "/auth/sign_up", "Sign up");
        return;
    }
    mn_sign_up up = {.name = f.name,
                     .display = f.identity.display,
                     .email = f.email,
                     .reason = f.reason,
                     .invite = f.invite,
                     .ip = r->peer,
                     .password = with_identity ? MN_STR_NONE : mn_param(r, "password"),
                     .provider = f.identity.provider,
                     .subject = f.identity.subject,
                     .agreement = f.agreement,
                     .email_wrong =
                         f.email.len && mn_mail_address(f.email, NULL, NULL) != MN_OK,
                     .consent = f.consent,
                     .moderation = ((mn_api *)r->app)->moderation};
    mn_rc rc =
        mn_social_sign_up(mn_api_store(r->app), &f.rules, &up, &account, &waits, &f.faults, &e);
    if (rc == MN_E_DENIED)
        mn_sign_says(r, w, 403, "That was not possible", e.msg, "/about",
                     "About this community");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else if (f.faults.n) form_page(r, w, &f);
    else welcome(r, w, &f, account, waits);
}

static void sign_up_post(mn_req *r, mn_resp *w)
{
    sign_up(r, w, false);
}

/* The same with an identity: no password is hashed, so it does not wait for those who hash. */
static void sign_up_identity_post(mn_req *r, mn_resp *w)
{
    sign_up(r, w, true);
}

const mn_route mn_page__routes_sign_up[] = {
    {MN_GET, "/auth/sign_up", sign_up_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/auth/sign_up", sign_up_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {MN_POST, "/auth/sign_up/identity", sign_up_identity_post, MN_SIGN_BODY, MN_RUN_WORKER,
     "-"},
    {.path = NULL},
};
