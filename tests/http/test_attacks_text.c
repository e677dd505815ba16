/* What people write is text, wherever it comes out: in the HTML that the API gives to clients and in our own pages. Each answer
 * is read as a browser reads it, and has no element, attribute or address that is not ours. */
/* Addresses are built from tables of formats that stand in this file. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#include <gumbo.h>

#include "api/mastodon/mastodon.h"
#include "http/browser.h"
#include "unit/media/pictures.h"

/* Each stands for a way out of where text is put: element, attribute in either quote, comment, title, raw text, URL. The
 * browser would make an element "evil-x" or an attribute "onevil" of those that get out. */
static const char *const payloads[] = {
    "<evil-x onevil=1>a</evil-x>",
    "\"><evil-x onevil=1>b",
    "'><evil-x onevil=1>c",
    "\" onevil=1 x=\"",
    "' onevil=1 x='",
    "--><evil-x>d",
    "</title></textarea></style></script><evil-x>e",
    "</p></div></body><evil-x>f",
    "javascript:onevil(1)",
    "https://a.example/\"onevil=\"1",
    "https://a.example/'onevil='1",
    "https://a.example/?q=<evil-x/onevil=1>",
    "https://a.example/`onevil=`1",
    "http://javascript:onevil(1)/",
    "#\"><evil-x>",
    "#tag'onevil='1",
    "@ada\"><evil-x>",
    "@ada@evil.example\"onevil=\"1",
    ":a\"><evil-x>:",
    "&lt;evil-x onevil=1&gt;",
    "&#60;evil-x&#62;",
    "\xEF\xBC\x9C"
    "evil-x\xEF\xBC\x9E", /* full width */
    "<\\/script><evil-x>",
    "<![CDATA[<evil-x>]]>",
    "<svg><evil-x>",
    "<math><mtext></form><form><evil-x>",
    "<a href=\"jav\tascript:onevil(1)\">",
    "data:text/html,<evil-x>",
    "${7*7}{{7*7}}<%= 7*7 %>",
    "\xE2\x80\xAE\xE2\x81\xA6<evil-x>",
};
#define N_PAYLOADS (sizeof payloads / sizeof *payloads)

static member ada, mod;
static const char *where; /* what is being looked at, for the message */

static void token_again(member *m)
{
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_token_make(tx, m->id, 0, MN_STR("read write follow"), &secret, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(m->token, sizeof m->token, "%s", secret.text);
}

static int set_up(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start_with("rate_limits = off\nnew_account_links = 1000\n");
    ada = masto_member("ada");
    mod = masto_staff("modesty", MN_ROLE_OPERATOR);
    RUN(mn_social_password_set(masto_home.store, ada.id, "correct horse", NULL, &e));
    token_again(&ada); /* a new password ends what was let in before */
    browser_clear();
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

/* ---- reading HTML ---------------------------------------------------------------------------------------------------- */

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(s, *list) == 0) return true;
    return false;
}

static void address_is_harmless(const char *url)
{
    mn_str u = mn_str_from(url);
    bool fine = mn_str_starts(u, "http://") || mn_str_starts(u, "https://") ||
                mn_str_starts(u, "HTTP") || u.len == 0 || u.ptr[0] == '#' || u.ptr[0] == '?' ||
                (u.ptr[0] == '/' && !mn_str_starts(u, "//") && !mn_str_starts(u, "/\\"));
    if (!fine) fail_msg("%s: an address of a scheme of its own: %s", where, url);
}

static void attributes_are_ours(const GumboElement *el, bool fragment)
{
    static const char *const of_fragments[] = {"href",      "class", "target", "rel",
                                               "translate", "cite",  NULL};
    static const char *const addresses[] = {"href",       "src",  "action",
                                            "formaction", "cite", NULL};
    for (unsigned i = 0; i < el->attributes.length; i++) {
        const GumboAttribute *at = el->attributes.data[i];
        if (strncasecmp(at->name, "on", 2) == 0 || strcasecmp(at->name, "style") == 0 ||
            strcasecmp(at->name, "srcdoc") == 0 || strpbrk(at->name, "\"'<`"))
            fail_msg("%s: the attribute %s=%s", where, at->name, at->value);
        if (fragment && !one_of(at->name, of_fragments))
            fail_msg("%s: the attribute %s=%s", where, at->name, at->value);
        if (one_of(at->name, addresses)) address_is_harmless(at->value);
    }
}

static void element_is_ours(const GumboElement *el, bool fragment)
{
    static const char *const of_fragments[] = {"html", "head", "body",       "p", "br",
                                               "a",    "span", "blockquote", NULL};
    const char *name = gumbo_normalized_tagname(el->tag);
    mn_str as_written = {el->original_tag.data, el->original_tag.length};
    bool logo = !fragment && el->tag_namespace == GUMBO_NAMESPACE_SVG &&
                (mn_str_starts(as_written, "<path d=\"M") ||
                 mn_str_starts(as_written, "<circle cx=\""));
    if ((el->tag == GUMBO_TAG_UNKNOWN && !logo) || el->tag_namespace == GUMBO_NAMESPACE_MATHML)
        fail_msg("%s: a foreign element %.40s", where, el->original_tag.data);
    if (fragment && !one_of(name, of_fragments)) fail_msg("%s: the element %s", where, name);
    if (el->tag == GUMBO_TAG_SCRIPT) {
        const GumboAttribute *src = gumbo_get_attribute(&el->attributes, "src");
        if (!src || strncmp(src->value, "/assets/", 8) != 0 || el->children.length)
            fail_msg("%s: a script of somebody else", where);
    }
    if (el->tag == GUMBO_TAG_IFRAME || el->tag == GUMBO_TAG_OBJECT ||
        el->tag == GUMBO_TAG_EMBED || el->tag == GUMBO_TAG_BASE || el->tag == GUMBO_TAG_STYLE)
        fail_msg("%s: the element %s", where, name);
}

static void tree_is_ours(const GumboNode *n, bool fragment)
{
    const GumboVector *below = NULL;
    if (n->type == GUMBO_NODE_ELEMENT) {
        element_is_ours(&n->v.element, fragment);
        attributes_are_ours(&n->v.element, fragment);
        below = &n->v.element.children;
    } else if (n->type == GUMBO_NODE_DOCUMENT) below = &n->v.document.children;
    else if (n->type == GUMBO_NODE_COMMENT || n->type == GUMBO_NODE_CDATA)
        fail_msg("%s: a comment: %s", where, n->v.text.text);
    for (unsigned i = 0; below && i < below->length; i++)
        tree_is_ours(below->data[i], fragment);
}

static void html_is_ours(mn_str html, bool fragment)
{
    GumboOutput *o = gumbo_parse_with_options(&kGumboDefaultOptions, html.ptr, html.len);
    tree_is_ours(o->document, fragment);
    gumbo_destroy_output(&kGumboDefaultOptions, o);
}

/* Of a JSON answer: the members that clients show as HTML. */
static void json_is_ours(const mn_json *v)
{
    static const char *const html[] = {"content", "note", "html", NULL};
    for (size_t i = 0; v && i < v->n; i++) {
        const mn_json *c = v->items[i];
        if (v->type == MN_JSON_OBJECT && c->type == MN_JSON_STRING) {
            char key[64];
            snprintf(key, sizeof key, "%.*s", MN_STR_FMT(v->keys[i]));
            bool field = strcmp(key, "value") == 0 && mn_json_get(v, "verified_at");
            bool of_source =
                strcmp(key, "note") == 0 &&
                (mn_json_get(v, "follow_requests_count") || mn_json_get(v, "requested"));
            if (field || (one_of(key, html) && !of_source)) html_is_ours(c->text, true);
        }
        if (v->type == MN_JSON_OBJECT && mn_str_eqz(v->keys[i], "source")) continue; /* text */
        json_is_ours(c);
    }
}

/* A JSON answer is told to be JSON, and nothing that a browser could take for a page. */
static void answer_is_ours(const char *method, const char *path, const member *m,
                           const char *body)
{
    where = path;
    int status = masto(method, path, m, body);
    if (status >= 500) fail_msg("%s %s gave %d", method, path, status);
    OK(masto_says("X-Content-Type-Options: nosniff"));
    OK(masto_says("Content-Type: application/json") || masto_says("application/jrd+json") ||
       masto_says("304 "));
    json_is_ours(masto_json());
}

static void page_is_ours(const char *path, int want)
{
    where = path;
    int status = browser_get(path);
    if (want && status != want) fail_msg("%s gave %d", path, status);
    if (status >= 500) fail_msg("%s gave %d", path, status);
    OK(masto_says("X-Content-Type-Options: nosniff"));
    if (!masto_says("Content-Type: text/html")) return;
    OK(masto_says("frame-ancestors 'none'") && !masto_says("unsafe-inline"));
    html_is_ours(masto_body, false);
}

static void encoded(const char *s, char *ret, size_t cap)
{
    size_t n = 0;
    for (; *s && n + 4 < cap; s++)
        n += (size_t)snprintf(ret + n, cap - n, "%%%02X", (unsigned char)*s);
    ret[n] = 0;
}

/* A form of names and values; NULL ends. */
static const char *form(const char *first, ...)
{
    static char out[8192];
    va_list more;
    size_t n = 0;
    va_start(more, first);
    for (const char *name = first; name; name = va_arg(more, const char *)) {
        char value[1500];
        encoded(va_arg(more, const char *), value, sizeof value);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s=%s", n ? "&" : "", name, value);
    }
    va_end(more);
    return out;
}

static const char *path(const char *fmt, uint64_t id)
{
    static char out[4][200];
    static int k;
    char *at = out[k++ % 4];
    snprintf(at, 200, fmt, (unsigned long long)id);
    return at;
}

/* ---- posts ----------------------------------------------------------------------------------------------------------------- */

static void a_post_is_text_everywhere(void **state)
{
    (void)state;
    char url[300], q[1000];
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        const char *p = payloads[i];
        answer_is_ours("POST", "/api/v1/statuses", &ada,
                       form("status", p, "spoiler_text", p, "language", "en", NULL));
        uint64_t id = masto_id("id");
        if (!id) fail_msg("%s gave %.*s", p, MN_STR_FMT(masto_body));
        answer_is_ours("PUT", path("/api/v1/statuses/%llu", id), &ada,
                       form("status", p, "spoiler_text", i % 2 ? p : "", NULL));
        answer_is_ours("GET", path("/api/v1/statuses/%llu", id), NULL, NULL);
        answer_is_ours("GET", path("/api/v1/statuses/%llu/history", id), NULL, NULL);
        answer_is_ours("GET", path("/api/v1/statuses/%llu/source", id), &ada, NULL);
        answer_is_ours("GET", path("/api/v1/statuses/%llu/context", id), NULL, NULL);
        snprintf(url, sizeof url, "/api/oembed?url=https://test.example/@ada/%llu",
                 (unsigned long long)id);
        answer_is_ours("GET", url, NULL, NULL);
        page_is_ours(path("/@ada/%llu", id), 200);
        encoded(p, q, sizeof q);
        snprintf(url, sizeof url, "/api/mynah/posts/%llu", (unsigned long long)id);
        answer_is_ours("GET", url, NULL, NULL);
    }
    page_is_ours("/", 200);
    page_is_ours("/@ada", 200);
    answer_is_ours("GET", "/api/v1/timelines/public", NULL, NULL);
    answer_is_ours("GET", "/api/v1/timelines/home", &ada, NULL);
    answer_is_ours("GET", "/api/v1/trends/tags", NULL, NULL);
    answer_is_ours("GET", "/api/mynah/timeline", NULL, NULL);
    answer_is_ours("GET", "/api/mynah/accounts/ada", NULL, NULL);
}

static void a_poll_is_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        char option[51];
        mn_str cut = mn_utf8_cut(mn_str_from(payloads[i]), 48);
        snprintf(option, sizeof option, "%.*s", MN_STR_FMT(cut));
        answer_is_ours("POST", "/api/v1/statuses", &ada,
                       form("status", "which", "poll[options][]", option, "poll[options][]",
                            "b", "poll[expires_in]", "3600", NULL));
        if (!masto_id("poll.id")) fail_msg("%s gave %.*s", option, MN_STR_FMT(masto_body));
        page_is_ours(path("/@ada/%llu", masto_id("id")), 200);
    }
}

/* ---- people ---------------------------------------------------------------------------------------------------------------- */

static void a_profile_is_text_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        char name[31];
        const char *p = payloads[i];
        mn_str cut = mn_utf8_cut(mn_str_from(p), 30);
        snprintf(name, sizeof name, "%.*s", MN_STR_FMT(cut));
        answer_is_ours("PATCH", "/api/v1/accounts/update_credentials", &ada,
                       form("display_name", name, "note", p, "fields_attributes[0][name]", p,
                            "fields_attributes[0][value]", p, NULL));
        if (masto_id("id") != ada.id) fail_msg("%s gave %.*s", p, MN_STR_FMT(masto_body));
        answer_is_ours("GET", path("/api/v1/accounts/%llu", ada.id), NULL, NULL);
        answer_is_ours("GET", "/api/v1/accounts/lookup?acct=ada", NULL, NULL);
        answer_is_ours("GET", path("/api/v1/admin/accounts/%llu", ada.id), &mod, NULL);
        page_is_ours("/@ada", 200);
        uint64_t id = masto_post(&ada, "plain");
        page_is_ours(path("/@ada/%llu", id), 200);
        page_is_ours("/", 200);
        char url[200];
        snprintf(url, sizeof url, "/api/oembed?url=https://test.example/@ada/%llu",
                 (unsigned long long)id);
        answer_is_ours("GET", url, NULL, NULL);
        answer_is_ours("GET", "/.well-known/webfinger?resource=acct:ada@test.example", NULL,
                       NULL);
    }
}

/* ---- names of things, reports, what is asked for ------------------------------------------------------------------------------ */

static void titles_comments_and_announcements_are_text(void **state)
{
    (void)state;
    char id[32];
    member bob = masto_member("bob");
    snprintf(id, sizeof id, "%llu", (unsigned long long)ada.id);
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        const char *p = payloads[i];
        answer_is_ours("POST", "/api/v1/lists", &ada, form("title", p, NULL));
        answer_is_ours(
            "POST", "/api/v2/filters", &ada,
            form("title", p, "context[]", "home", "keywords_attributes[0][keyword]", p, NULL));
        answer_is_ours("POST", "/api/v1/reports", &bob,
                       form("account_id", id, "comment", p, NULL));
        answer_is_ours("POST", path("/api/v1/accounts/%llu/note", ada.id), &bob,
                       form("comment", p, NULL));
        answer_is_ours("POST", "/api/v1/mynah/drafts", &ada, form("status", p, NULL));
        answer_is_ours("POST", "/api/mynah/admin/announcements", &mod,
                       form("text", p, "published", "true", NULL));
    }
    answer_is_ours("GET", "/api/v1/lists", &ada, NULL);
    answer_is_ours("GET", "/api/v2/filters", &ada, NULL);
    answer_is_ours("GET", "/api/v1/admin/reports", &mod, NULL);
    answer_is_ours("GET", "/api/v1/announcements", &ada, NULL);
    OK(masto_at("0") != NULL);
    answer_is_ours("GET", "/api/mynah/admin/announcements", &mod, NULL);
    answer_is_ours("GET", "/api/mynah/admin/audit", &mod, NULL);
    answer_is_ours("GET", "/api/v1/notifications", &mod, NULL);
}

/* Reflected: what stands in an address, a form or a header. */
static void what_is_asked_for_is_text(void **state)
{
    (void)state;
    static const char *const pages[] = {
        "/search?q=%s",
        "/ask?q=%s",
        "/tags/%s",
        "/@%s",
        "/@ada/%s",
        "/%s",
        "/?before=%s",
        "/public/%s",
        "/assets/%s",
        "/moderation/%s/%s",
        "/auth/sign_in?next=%s",
        "/auth/sign_in?next=/%s",
        "/auth/sign_up?invite=%s",
        "/auth/password/edit?token=%s",
        "/auth/confirm?token=%s",
        "/auth/setup?ticket=%s",
        "/auth/identity/start?provider=%s",
        "/auth/identity/callback?error=%s&state=%s",
        "/appeals/1/%s",
        "/oauth/authorize?client_id=%s&redirect_uri=%s&response_type=%s&scope=%s",
        "/oauth/authorize/native?code=%s",
        "/media/%s",
        "/nodeinfo/%s",
    };
    char q[1000], url[5000];
    for (size_t i = 0; i < N_PAYLOADS; i++)
        for (size_t k = 0; k < sizeof pages / sizeof *pages; k++) {
            encoded(payloads[i], q, sizeof q);
            snprintf(url, sizeof url, pages[k], q, q, q, q);
            page_is_ours(url, 0);
            OK(!masto_says("\r\nX-Evil"));
        }
}

static void forms_that_come_back_are_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        const char *p = payloads[i];
        static const struct {
            const char *get, *post;
        } at[] = {{"/auth/sign_in", "/auth/sign_in"},
                  {"/auth/sign_up", "/auth/sign_up"},
                  {"/auth/password", "/auth/password"}};
        for (size_t k = 0; k < 3; k++) {
            where = at[k].post;
            browser_clear();
            browser_get(at[k].get);
            browser_form(form("name", p, "password", "x", "email", p, "reason", p, "invite", p,
                              "next", p, "ticket", p, NULL));
            int status = browser_post(at[k].post);
            if (status >= 500) fail_msg("%s gave %d", where, status);
            html_is_ours(masto_body, false);
        }
    }
}

/* ---- an app's own words, shown to who is asked for consent ------------------------------------------------------------------------ */

static void an_app_is_text_on_the_page_of_consent(void **state)
{
    (void)state;
    char url[1000];
    size_t named = 0;
    for (size_t i = 0; i < N_PAYLOADS; i++) {
        char name[61];
        mn_str cut = mn_utf8_cut(mn_str_from(payloads[i]), 60);
        snprintf(name, sizeof name, "%.*s", MN_STR_FMT(cut));
        const char *with_site = form("client_name", name, "redirect_uris",
                                     "https://app.example/back", "website", payloads[i], NULL);
        int status = masto("POST", "/api/v1/apps", NULL, with_site);
        if (status == 422)
            status = masto(
                "POST", "/api/v1/apps", NULL,
                form("client_name", name, "redirect_uris", "https://app.example/back", NULL));
        if (status == 422) continue; /* neither its address nor its name is one */
        assert_int_equal(status, 200);
        named++;
        json_is_ours(masto_json());
        char id[64];
        snprintf(id, sizeof id, "%.*s", MN_STR_FMT(masto_str("client_id")));
        browser_clear();
        browser_get("/auth/sign_in");
        browser_form("name=ada&password=correct+horse");
        assert_int_equal(browser_post("/auth/sign_in"), 303);
        snprintf(url, sizeof url,
                 "/oauth/authorize?response_type=code&client_id=%s&redirect_uri="
                 "https://app.example/back&state=%%22%%3E%%3Cevil-x%%3E",
                 id);
        page_is_ours(url, 200);
        OK(masto_says("X-Frame-Options: DENY"));
        page_is_ours("/settings/security", 200);
    }
    OK(named + 2 >= N_PAYLOADS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_post_is_text_everywhere),
        CASE(a_poll_is_text),
        CASE(a_profile_is_text_everywhere),
        CASE(titles_comments_and_announcements_are_text),
        CASE(what_is_asked_for_is_text),
        CASE(forms_that_come_back_are_text),
        CASE(an_app_is_text_on_the_page_of_consent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
