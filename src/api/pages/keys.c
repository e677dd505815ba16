/* A member's keys of the model API: made, shown once, taken back; and how much of today is used. */
#include "social/keys.h"
#include "api/pages/sign_pages.h"
#include "social/limits.h"

static void put_key(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *t)
{
    const char *lines[MN_SCOPE_LINES];
    mn_scopes bits = 0;
    size_t n = 0;
    H(b, "<li><p><b dir=\"auto\">");
    mn_h_text(b, t->name);
    H(b, "</b> <code>" MN_KEY_PREFIX "…");
    mn_h_text(b, t->hint);
    H(b, "</code></p><p class=\"small\">");
    if (mn_scopes_parse(t->scopes, &bits, NULL) == MN_OK) n = mn_scopes_meanings(bits, lines);
    for (size_t i = 0; i < n; i++) {
        if (i) H(b, "; ");
        mn_h_textz(b, lines[i]);
    }
    H(b, ". Since ");
    mn_h_time(b, t->created_ms);
    if (t->used_ms) {
        H(b, ", last used ");
        mn_h_time(b, t->used_ms);
    } else H(b, ", never used");
    H(b, "</p>");
    mn_h_form(r, w, b, "/settings/keys/revoke");
    mn_h_hidden(b, "id", mn_str_fmt(r->arena, "%llu", (unsigned long long)t->id));
    H(b, "<button type=\"submit\">Revoke it</button></form></li>");
}

static void put_list(mn_req *r, mn_resp *w, mn_buf *b, const mn_token *list, size_t n)
{
    if (!n) return;
    H(b, "<section class=\"card\"><h2>Yours</h2><ul class=\"rows\">");
    for (size_t i = 0; i < n; i++) put_key(r, w, b, &list[i]);
    H(b, "</ul></section>");
}

static void put_new(mn_req *r, mn_resp *w, mn_buf *b)
{
    H(b, "<section class=\"card\"><h2>Make a key</h2>");
    mn_h_form(r, w, b, "/settings/keys");
    mn_h_input(b, &(mn_field_ask){.name = "name",
                                  .label = "What is it for",
                                  .type = "text",
                                  .hint = "A word for you, such as laptop.",
                                  .required = true});
    H(b,
      "<label class=\"tick\"><input type=\"checkbox\" name=\"generate\" value=\"1\" checked> "
      "It may let models write</label><label class=\"tick\"><input type=\"checkbox\" "
      "name=\"embed\" value=\"1\" checked> It may turn texts into vectors</label>");
    mn_h_submit(b, "Make a key");
    H(b, "</form></section>");
}

static void put_about(mn_req *r, mn_buf *b, const mn_reading *today)
{
    H(b,
      "<p>Programs that speak OpenAI's API can use this community's language models: give them "
      "the address <code>");
    mn_h_text(b, mn_masto_base(r->app));
    H(b, "/v1</code> and a key.</p><p class=\"small\">Tokens used today: ");
    mn_h_count(b, today->used);
    if (today->limit) {
        H(b, " of ");
        mn_h_count(b, today->limit);
    }
    H(b, ".</p>");
}

/* The key itself, this once. */
static void put_fresh(mn_buf *b, const mn_key *key)
{
    H(b, "<section class=\"card said\" role=\"status\"><h2>Your new key</h2><p><code>");
    mn_h_textz(b, key->text);
    H(b, "</code></p><p>Copy it now: it is not shown again, here it is kept only as a "
         "hash.</p></section>");
}

static mn_rc load(mn_req *r, uint64_t me, mn_token **ret, size_t *ret_n, mn_reading *ret_today,
                  mn_err *e)
{
    mn_api *a = r->app;
    MN_TRY(mn_limits_model_tokens(a->limits, me, 0, ret_today, e));
    return mn_keys_of(a->home->store, me, r->arena, ret, ret_n, e);
}

static void keys_page(mn_req *r, mn_resp *w, const mn_grant *g, const mn_key *fresh,
                      const char *wrong)
{
    mn_err e = {0};
    mn_token *list = NULL;
    size_t n = 0;
    mn_reading today;
    if (load(r, g->account_id, &list, &n, &today, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_sign_page(r, w, "Keys of the model API");
    if (wrong) mn_h_alert(b, wrong);
    if (fresh) put_fresh(b, fresh);
    put_about(r, b, &today);
    put_list(r, w, b, list, n);
    put_new(r, w, b);
    H(b, "<p class=\"pager\"><a href=\"/settings/security\">Sign-in and security</a></p>");
    mn_sign_page_end(r, w);
    if (wrong) mn_resp_status(w, 422);
}

static void keys_get(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    if (mn_sign_need(r, w, &g)) keys_page(r, w, g, NULL, NULL);
}

static const mn_grant *poster(mn_req *r, mn_resp *w)
{
    const mn_grant *g = NULL;
    return mn_sign_need(r, w, &g) && mn_sign_csrf_right(r, w) ? g : NULL;
}

static void keys_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_key key;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    mn_str scopes = mn_str_fmt(r->arena, "model:list%s%s",
                               mn_param_bool(r, "generate", false) ? " model:generate" : "",
                               mn_param_bool(r, "embed", false) ? " model:embed" : "");
    mn_rc rc = mn_key_make(mn_api_store(r->app), g->account_id,
                           mn_str_trim(mn_param(r, "name")), scopes, &key, NULL, &e);
    if (rc == MN_E_USAGE || rc == MN_E_LIMIT) keys_page(r, w, g, NULL, e.msg);
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else keys_page(r, w, g, &key, NULL);
}

static void revoke_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t id = 0;
    const mn_grant *g = poster(r, w);
    if (!g) return;
    if (mn_str_to_u64(mn_param(r, "id"), &id) != MN_OK) id = 0;
    mn_rc rc = mn_key_revoke(mn_api_store(r->app), g->account_id, id, &e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) mn_page_failed(r, w, &e);
    else mn_sign_goz(r, w, "/settings/keys");
}

const mn_route mn_page__routes_keys[] = {
    {MN_GET, "/settings/keys", keys_get, 0, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/keys", keys_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {MN_POST, "/settings/keys/revoke", revoke_post, MN_SIGN_BODY, MN_RUN_WORKER, "-"},
    {.path = NULL},
};
