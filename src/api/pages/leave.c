/* Invitations, and leaving. */
#include "api/jobs.h"
#include "api/pages/sign_pages.h"
#include "base/clock.h"
#include "social/erase.h"

#define INVITES_MOST 100

/* ---- invitations ----------------------------------------------------------------------------------------------- */

static void put_invite(mn_req *r, mn_resp *w, mn_buf *b, const mn_invite *i)
{
    bool over = (i->expires_ms && i->expires_ms <= mn_now_ms()) ||
                (i->max_uses && i->uses >= i->max_uses);
    H(b, "<li><p><code>");
    mn_h_text(b, mn_masto_base(r->app));
    H(b, "/auth/sign_up?invite=");
    mn_h_text(b, i->code);
    H(b, "</code></p><p class=\"small\">Used ");
    mn_h_plural(b, i->uses, "time", "times");
    if (i->max_uses) {
        H(b, " of ");
        mn_h_count(b, i->max_uses);
    }
    if (i->expires_ms) {
        H(b, ", until ");
        mn_h_time(b, i->expires_ms);
    }
    if (i->follow) H(b, ", who comes follows you");
    if (over) H(b, " (over)");
    H(b, "</p>");
    mn_h_form(r, w, b, "/settings/invites/remove");
    mn_h_hidden(b, "id", mn_str_fmt(r->arena, "%llu", (unsigned long long)i->id));
    H(b, "<button type=\"submit\">Take it back</button></form></li>");
}

static void put_new_invite(mn_req *r, mn_resp *w, mn_buf *b)
{
    H(b, "<section class=\"card\"><h2>Invite somebody</h2>");
    mn_h_form(r, w, b, "/settings/invites");
    H(b, "<label for=\"f-uses\">How many people</label><select id=\"f-uses\" name=\"uses\">"
         "<option value=\"1\">1</option><option value=\"5\">5</option><option "
         "value=\"25\">25</option><option value=\"0\">any number</option></select>"
         "<label for=\"f-days\">For how long</label><select id=\"f-days\" name=\"days\">"
         "<option value=\"1\">a day</option><option value=\"7\" selected>a week</option>"
         "<option value=\"30\">a month</option><option value=\"0\">until I take it back"
         "</option></select><label class=\"tick\"><input type=\"checkbox\" name=\"follow\" "
         "value=\"1\"> Whoever comes follows me from the start</label>");
    mn_h_submit(b, "Make an invitation");
    H(b, "</form></section>");
}

static void invites_get(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_invite *list = NULL;
    size_t n = 0;
    const mn_grant *g = NULL;
    if (!mn_sign_need(r, w, &g)) return;
    mn_rc rc =
        mn_store_invites_of(mn_api_store(r->app), g->account_id, r->arena, &list, &n, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Invitations");
    put_new_invite(r, w, b);
    if (n > 0) {
        H(b, "<section class=\"card\"><h2>Yours</h2><ul class=\"rows\">");
        for (size_t i = 0; i < n; i++) put_invite(r, w, b, &list[i]);
        H(b, "</ul></section>");
    }
    mn_sign_page_end(r, w);
}

static const mn_grant *poster(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    return mn_sign_need(r, w, &g) && mn_sign_csrf_right(r, w) ? g : NULL;
}

static uint64_t number_of(mn_req *r, const char *name, uint64_t most)
{
    uint64_t n = 0;
    if (mn_str_to_u64(mn_param(r, name), &n) != MN_OK) return 1;
    return n < most ? n : most;
}

/* A member whose own account is not in yet lets nobody else in. */
static mn_rc make_invite(mn_req *r, const mn_grant *g, mn_err *e)
{
    mn_invite *list = NULL, made;
    size_t n = 0;
    mn_store *s = mn_api_store(r->app);
    if (!g->confirmed || g->silenced)
        return mn_fail(e, MN_E_DENIED, "your account may not invite others at present");
    MN_TRY(mn_store_invites_of(s, g->account_id, r->arena, &list, &n, e));
    if (n >= INVITES_MOST)
        return mn_fail(e, MN_E_DENIED, "you have %d invitations; take one back first",
                       INVITES_MOST);
    int64_t valid_s = (int64_t)number_of(r, "days", 365) * 86400;
    return mn_social_invite_make(s, g->account_id, number_of(r, "uses", 1000), valid_s,
                                 mn_param_bool(r, "follow", false), r->arena, &made, e);
}

static void invites_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_rc rc = make_invite(r, g, &e);
    if (rc == MN_E_DENIED)
        mn_sign_says(r, w, 403, "Not possible", e.msg, "/settings/invites", "Back");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else mn_sign_goz(r, w, "/settings/invites");
}

static mn_rc remove_invite(mn_store *s, uint64_t account, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_invite_remove(tx, account, id, e), e);
}

static void invite_remove_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id = 0;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_rc rc = mn_str_to_u64(mn_param(r, "id"), &id) == MN_OK
                   ? remove_invite(mn_api_store(r->app), g->account_id, id, &e)
                   : MN_E_NOT_FOUND;
    if (rc == MN_OK || rc == MN_E_NOT_FOUND) mn_sign_goz(r, w, "/settings/invites");
    else mn_page_failed(r, w, &e);
}

/* ---- leaving --------------------------------------------------------------------------------------------------- */

static void delete_page(mn_req *r, mn_resp *w, const mn_grant *g, const char *wrong)
{
    mn_err e = {0};
    mn_account a;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), g->account_id, r->arena, &a, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Delete the account");
    H(b, "<section class=\"card\"><p>Your profile, ");
    mn_h_plural(b, a.n_posts, "post", "posts");
    H(b, ", your messages, pictures, follows, lists and settings go: out of view at once, off "
         "the disk within the hour. Nothing of anybody else is touched. Your name stays taken, "
         "so that nobody can pretend to be you. This can't be undone.</p><p>Take your things "
         "with you first: <a href=\"/settings/moving\">save an archive</a>.</p>");
    mn_h_form(r, w, b, "/settings/delete");
    mn_h_alert(b, wrong);
    if (mn_social_has_password(&a))
        mn_h_input(b, &(mn_field_ask){.name = "password",
                                      .label = "Your password",
                                      .type = "password",
                                      .autocomplete = "current-password",
                                      .required = true});
    mn_h_input(b, &(mn_field_ask){.name = "name",
                                  .label = "Your account's name, so that it is no slip",
                                  .type = "text",
                                  .required = true});
    mn_h_submit(b, "Delete my account");
    H(b, "</form></section>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

static void delete_get(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    if (mn_sign_need(r, w, &g)) delete_page(r, w, g, NULL);
}

/* The operator who is the only one left can't go: nobody could let anybody in. */
static mn_rc may_leave(mn_req *r, const mn_account *a, const char **ret_why, mn_err *e)
{
    mn_account *all;
    size_t n = 0, operators = 0;
    mn_str after = MN_STR("");
    *ret_why = NULL;
    if (a->role != MN_ROLE_OPERATOR) return MN_OK;
    do {
        MN_TRY(mn_store_accounts(mn_api_store(r->app), after, 500, r->arena, &all, &n, e));
        for (size_t i = 0; i < n; i++)
            operators += all[i].role == MN_ROLE_OPERATOR && all[i].state == MN_ACCOUNT_ACTIVE;
        if (n) after = all[n - 1].name;
    } while (n == 500 && operators < 2);
    if (operators < 2) *ret_why = "You are the only operator. Make somebody else one first.";
    return MN_OK;
}

static void leave(mn_req *r, mn_resp *w, const mn_grant *g)
{
    mn_err e = {0};
    mn_account a;
    const char *why = NULL;
    mn_store *s = mn_api_store(r->app);
    mn_rc rc = mn_store_account_by_id(s, g->account_id, r->arena, &a, &e);
    if (rc == MN_OK && !mn_str_eq_nocase(mn_str_trim(mn_param(r, "name")), a.name))
        why = "That is not your account's name.";
    if (rc == MN_OK && !why) rc = may_leave(r, &a, &why, &e);
    if (rc == MN_OK && !why) rc = mn_social_account_erase(s, g->account_id, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    if (why) {
        delete_page(r, w, g, why);
        return;
    }
    mn_api_jobs_wake(r->app);
    mn_sign_forget(r, w);
    mn_sign_says(r, w, 200, "Goodbye",
                 "Your account is gone from view. What is left of it is being removed now.",
                 "/", "To the timeline");
}

static void delete_post(mn_req *r, mn_resp *w)
{
    bool right = false;
    const mn_grant *g = poster(r, w);
    if (!g || !mn_sign__password_again(r, w, g, mn_param(r, "password"), &right)) return;
    if (right) leave(r, w, g);
    else delete_page(r, w, g, "That is not your password.");
}

const mn_route mn_page__routes_leave[] = {
    {MN_GET, "/settings/invites", invites_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/settings/invites", invites_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/invites/remove", invite_remove_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_GET, "/settings/delete", delete_get, 0, MN_RUN_HERE, "-"},
    {MN_POST, "/settings/delete", delete_post, MN_SIGN_BODY, MN_RUN_PASSWORD, "-"},
    {.path = NULL},
};
