/* Moderation over real sockets: reports, acts and their undoing, blocks, who may not; what the instance says of itself. */
#include "http/masto.h"

#include "social/moderation.h"
#include "store/access.h"

static member op, mod, alice, bob;

static int setup(void **s)
{
    (void)s;
    masto_start();
    op = masto_staff("opal", MN_ROLE_OPERATOR);
    mod = masto_staff("moss", MN_ROLE_MODERATOR);
    alice = masto_member("alice");
    bob = masto_member("bob");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

static int at(const char *method, const member *m, const char *body, const char *fmt, ...)
{
    char path[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    return masto(method, path, m, body);
}

/* A member with a token that the test may do away with. */
static member someone(void)
{
    static int n;
    char name[32];
    snprintf(name, sizeof name, "someone%d", ++n);
    return masto_member(name);
}

/* ---- the instance ------------------------------------------------------------------------------------------------------ */

static void the_instance_says_what_clients_look_for(void **state)
{
    (void)state;
    OK(masto("GET", "/api/v1/instance", NULL, NULL) == 200);
    openapi_check("get", "/api/v1/instance", "200", masto_json());
    OK(mn_str_starts(masto_str("version"), "4.5.0 (compatible; mynah "));
    IS(masto_str("uri"), "test.example");
    IS(masto_str("urls.streaming_api"), "wss://test.example");
    OK(masto_id("contact_account.id") == op.id);
    OK(masto("GET", "/api/v2/instance", NULL, NULL) == 200);
    openapi_check("get", "/api/v2/instance", "200", masto_json());
    OK(mn_json_u64(masto_at("api_versions.mastodon"), 0) == 7);
    OK(mn_json_u64(masto_at("configuration.statuses.max_characters"), 0) == 500);
    OK(masto_str("configuration.vapid.public_key").len > 80);
    IS(masto_str("configuration.urls.streaming"), "wss://test.example");
    IS(masto_str("configuration.timelines_access.live_feeds.local"), "public");
    OK(masto_says("Access-Control-Allow-Origin: *"));
}

static void the_smaller_instance_endpoints_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/v1/instance/rules", "/api/v1/instance/peers",
                                        "/api/v1/instance/activity"};
    for (size_t i = 0; i < 3; i++) {
        OK(masto("GET", paths[i], NULL, NULL) == 200);
        openapi_check("get", paths[i], "200", masto_json());
    }
    OK(masto("GET", "/api/v1/instance/activity", NULL, NULL) == 200 && masto_json()->n == 12);
    OK(masto("GET", "/api/v1/instance/translation_languages", NULL, NULL) == 200);
    OK(masto("GET", "/api/v1/instance/domain_blocks", NULL, NULL) == 404); /* shown to nobody */
    OK(masto("GET", "/api/v1/instance/privacy_policy", NULL, NULL) == 404);
    OK(masto("GET", "/health", NULL, NULL) == 200 && mn_str_eqz(masto_body, "OK"));
}

static void the_operators_texts_are_shown_without_their_markup(void **state)
{
    (void)state;
    mn_err e = {0};
    char path[200];
    const char text[] = "Hello <script>\n\nsee https://example.org/x now";
    snprintf(path, sizeof path, "%s/pages", masto_dir);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/pages/privacy.txt", masto_dir);
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
    OK(masto("GET", "/api/v1/instance/privacy_policy", NULL, NULL) == 200);
    openapi_check("get", "/api/v1/instance/privacy_policy", "200", masto_json());
    IS(masto_str("content"),
       "<p>Hello &lt;script&gt;</p><p>see <a href=\"https://example.org/x\" rel=\"nofollow "
       "noopener\">https://example.org/x</a> now</p>");
    snprintf(path, sizeof path, "%s/pages/terms.txt", masto_dir);
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
    OK(masto("GET", "/api/v1/instance/terms_of_service", NULL, NULL) == 200);
    openapi_check("get", "/api/v1/instance/terms_of_service", "200", masto_json());
    OK(masto("GET", "/api/v1/instance/terms_of_service/2001-01-01", NULL, NULL) == 404);
    OK(masto("GET", "/about/privacy", NULL, NULL) == 200 && masto_says("&lt;script&gt;"));
    OK(masto("GET", "/api/v2/instance", NULL, NULL) == 200);
    IS(masto_str("configuration.urls.privacy_policy"), "https://test.example/about/privacy");
}

static void others_can_look_us_up(void **state)
{
    (void)state;
    OK(masto("GET", "/.well-known/webfinger?resource=acct:alice@test.example", NULL, NULL) ==
       200);
    IS(masto_str("subject"), "acct:alice@test.example");
    IS(masto_str("links.0.href"), "https://test.example/@alice");
    OK(masto_says("application/jrd+json"));
    OK(masto("GET", "/.well-known/webfinger?resource=https://test.example/@alice", NULL,
             NULL) == 200);
    OK(masto("GET", "/.well-known/webfinger?resource=acct:alice@other.example", NULL, NULL) ==
       404);
    OK(masto("GET", "/.well-known/webfinger?resource=acct:nobody@test.example", NULL, NULL) ==
       404);
    OK(masto("GET", "/.well-known/webfinger", NULL, NULL) == 400);
    OK(masto("GET", "/.well-known/nodeinfo", NULL, NULL) == 200);
    IS(masto_str("links.1.href"), "https://test.example/nodeinfo/2.1");
    OK(masto("GET", "/nodeinfo/2.0", NULL, NULL) == 200);
    IS(masto_str("software.name"), "mynah");
    OK(masto("GET", "/nodeinfo/3.0", NULL, NULL) == 404);
    OK(masto("GET", "/.well-known/host-meta", NULL, NULL) == 200 && masto_says("{uri}"));
    OK(masto("GET", "/.well-known/change-password", NULL, NULL) == 302);
    OK(masto("GET", "/manifest.json", NULL, NULL) == 200);
    IS(masto_str("display"), "standalone");
}

static void a_post_is_embedded_unless_it_is_hidden(void **state)
{
    (void)state;
    uint64_t id = masto_post(&alice, "see <this> & that");
    OK(at("GET", NULL, NULL, "/api/oembed?url=https://test.example/@alice/%llu",
          (unsigned long long)id) == 200);
    openapi_check("get", "/api/oembed", "200", masto_json());
    OK(mn_str_find(masto_str("html"), MN_STR("see &lt;this&gt; &amp; that"), 0) != SIZE_MAX);
    OK(masto("POST", "/api/v1/statuses", &alice, "status=secret&visibility=private") == 200);
    id = masto_id("id");
    OK(at("GET", NULL, NULL, "/api/oembed?url=https://test.example/@alice/%llu",
          (unsigned long long)id) == 404);
    OK(masto("GET", "/api/oembed?url=https://other.example/@alice/1", NULL, NULL) == 404);
}

/* ---- reports -------------------------------------------------------------------------------------------------------------- */

static uint64_t report(const member *by, const member *of, uint64_t post, const char *more)
{
    char body[300];
    int n = snprintf(body, sizeof body, "account_id=%llu%s", (unsigned long long)of->id, more);
    if (post)
        snprintf(body + n, sizeof body - (size_t)n, "&status_ids[]=%llu",
                 (unsigned long long)post);
    if (masto("POST", "/api/v1/reports", by, body) != 200) return 0;
    return masto_id("id");
}

static void a_report_is_made_worked_off_and_opened_again(void **state)
{
    (void)state;
    uint64_t post = masto_post(&bob, "buy my things");
    uint64_t id = report(&alice, &bob, post, "&category=spam&comment=ads");
    OK(id != 0);
    openapi_check("post", "/api/v1/reports", "200", masto_json());
    IS(masto_str("category"), "spam");
    OK(masto_id("status_ids.0") == post && masto_id("target_account.id") == bob.id);
    OK(masto("GET", "/api/v1/admin/reports", &mod, NULL) == 200);
    openapi_check_entity("AdminReport", mn_json_at(masto_json(), 0));
    OK(masto_id("0.id") == id && masto_id("0.account.id") == alice.id);
    unsigned long long i = id;
    OK(at("POST", &mod, NULL, "/api/v1/admin/reports/%llu/assign_to_self", i) == 200);
    OK(masto_id("assigned_account.id") == mod.id);
    OK(at("POST", &mod, NULL, "/api/v1/admin/reports/%llu/unassign", i) == 200);
    OK(masto_at("assigned_account")->type == MN_JSON_NULL);
    OK(at("PUT", &mod, "category=legal", "/api/v1/admin/reports/%llu", i) == 200);
    IS(masto_str("category"), "legal");
    OK(at("POST", &mod, NULL, "/api/v1/admin/reports/%llu/resolve", i) == 200);
    OK(mn_json_bool(masto_at("action_taken"), false) &&
       masto_id("action_taken_by_account.id") == mod.id);
    OK(masto("GET", "/api/v1/admin/reports?resolved=true", &mod, NULL) == 200 &&
       masto_json()->n >= 1);
    OK(at("POST", &mod, NULL, "/api/v1/admin/reports/%llu/reopen", i) == 200);
    OK(!mn_json_bool(masto_at("action_taken"), true));
    OK(at("POST", &mod, NULL, "/api/v1/admin/reports/%llu/resolve", i) == 200);
    OK(at("GET", &mod, NULL, "/api/v1/admin/reports/%llu", i + 1) == 404);
}

static void a_report_does_not_show_what_one_may_not_see(void **state)
{
    (void)state;
    char body[200];
    OK(masto("POST", "/api/v1/statuses", &bob, "status=hidden&visibility=private") == 200);
    uint64_t hidden = masto_id("id");
    OK(report(&alice, &bob, hidden, "") == 0 && mn_str_starts(masto_body, "{\"error\":"));
    OK(masto_says("Record not found") && !masto_says("hidden"));
    uint64_t other = masto_post(&alice, "mine");
    OK(report(&alice, &bob, other, "") == 0 && masto_says("Record not found"));
    OK(report(&alice, &bob, 12345, "") == 0);
    OK(report(&alice, &alice, 0, "") == 0 && masto_says("nobody reports themselves"));
    OK(report(&alice, &bob, 0, "&category=bad") == 0 && masto_says("should be one of"));
    OK(report(&alice, &bob, 0, "&rule_ids[]=7&category=violation") == 0 &&
       masto_says("valid rules"));
    snprintf(body, sizeof body, "{\"account_id\":\"%llu\"}", (unsigned long long)bob.id);
    OK(masto("POST", "/api/v1/reports", NULL, body) == 401);
}

/* ---- who may not ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *method, *path;
} guarded[] = {
    {"GET", "/api/v1/admin/accounts"},
    {"GET", "/api/v2/admin/accounts"},
    {"GET", "/api/v1/admin/accounts/1"},
    {"POST", "/api/v1/admin/accounts/1/approve"},
    {"POST", "/api/v1/admin/accounts/1/reject"},
    {"POST", "/api/v1/admin/accounts/1/enable"},
    {"POST", "/api/v1/admin/accounts/1/unsensitive"},
    {"POST", "/api/v1/admin/accounts/1/unsilence"},
    {"POST", "/api/v1/admin/accounts/1/unsuspend"},
    {"POST", "/api/v1/admin/accounts/1/action"},
    {"DELETE", "/api/v1/admin/accounts/1"},
    {"GET", "/api/v1/admin/reports"},
    {"GET", "/api/v1/admin/reports/1"},
    {"PUT", "/api/v1/admin/reports/1"},
    {"POST", "/api/v1/admin/reports/1/assign_to_self"},
    {"POST", "/api/v1/admin/reports/1/unassign"},
    {"POST", "/api/v1/admin/reports/1/resolve"},
    {"POST", "/api/v1/admin/reports/1/reopen"},
    {"GET", "/api/v1/admin/domain_blocks"},
    {"POST", "/api/v1/admin/domain_blocks"},
    {"GET", "/api/v1/admin/domain_blocks/1"},
    {"PUT", "/api/v1/admin/domain_blocks/1"},
    {"DELETE", "/api/v1/admin/domain_blocks/1"},
    {"GET", "/api/v1/admin/domain_allows"},
    {"POST", "/api/v1/admin/domain_allows"},
    {"DELETE", "/api/v1/admin/domain_allows/1"},
    {"GET", "/api/v1/admin/email_domain_blocks"},
    {"POST", "/api/v1/admin/email_domain_blocks"},
    {"DELETE", "/api/v1/admin/email_domain_blocks/1"},
    {"GET", "/api/v1/admin/canonical_email_blocks"},
    {"POST", "/api/v1/admin/canonical_email_blocks"},
    {"POST", "/api/v1/admin/canonical_email_blocks/test"},
    {"DELETE", "/api/v1/admin/canonical_email_blocks/1"},
    {"GET", "/api/v1/admin/ip_blocks"},
    {"POST", "/api/v1/admin/ip_blocks"},
    {"PUT", "/api/v1/admin/ip_blocks/1"},
    {"DELETE", "/api/v1/admin/ip_blocks/1"},
    {"POST", "/api/v1/admin/measures"},
    {"POST", "/api/v1/admin/dimensions"},
    {"POST", "/api/v1/admin/retention"},
    {"GET", "/api/mynah/admin/waiting"},
    {"POST", "/api/mynah/admin/rules"},
    {"PUT", "/api/mynah/admin/rules/1"},
    {"DELETE", "/api/mynah/admin/rules/1"},
    {"GET", "/api/mynah/admin/announcements"},
    {"POST", "/api/mynah/admin/announcements"},
    {"DELETE", "/api/mynah/admin/announcements/1"},
    {"GET", "/api/mynah/admin/word_filters"},
    {"POST", "/api/mynah/admin/word_filters"},
    {"DELETE", "/api/mynah/admin/word_filters/1"},
    {"GET", "/api/mynah/admin/strikes"},
    {"POST", "/api/mynah/admin/strikes/1/approve_appeal"},
    {"POST", "/api/mynah/admin/strikes/1/reject_appeal"},
    {"GET", "/api/mynah/admin/accounts/1/notes"},
    {"POST", "/api/mynah/admin/accounts/1/notes"},
    {"POST", "/api/mynah/admin/accounts/1/role"},
    {"POST", "/api/mynah/admin/accounts/1/plan"},
    {"GET", "/api/mynah/admin/reports/1/notes"},
    {"GET", "/api/mynah/admin/audit"},
    {"GET", "/api/mynah/admin/settings"},
};

static void a_member_reaches_no_admin_route_whatever_the_token_says(void **state)
{
    (void)state;
    /* a token with all scopes in the hands of somebody without the role */
    member sly = masto_member_with("sly", MN_ROLE_MEMBER, "read write admin:read admin:write");
    /* a moderator's token without the scopes */
    member plain = masto_member_with("plain", MN_ROLE_MODERATOR, "read write follow");
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        const char *m = guarded[i].method, *p = guarded[i].path;
        const char *body = strcmp(m, "GET") == 0 ? NULL : "x=1";
        if (masto(m, p, NULL, body) != 401) fail_msg("%s %s without a token", m, p);
        if (masto(m, p, &alice, body) != 403) fail_msg("%s %s without the scope", m, p);
        if (masto(m, p, &plain, body) != 403) fail_msg("%s %s with a poor token", m, p);
        if (masto(m, p, &sly, body) != 403) fail_msg("%s %s without the role", m, p);
    }
}

static void a_demotion_counts_at_once_though_the_token_stays(void **state)
{
    (void)state;
    member was = masto_staff("was", MN_ROLE_MODERATOR);
    OK(masto("GET", "/api/v1/admin/accounts", &was, NULL) == 200);
    OK(at("POST", &op, "role=member", "/api/mynah/admin/accounts/%llu/role",
          (unsigned long long)was.id) == 200);
    OK(masto("GET", "/api/v1/admin/accounts", &was, NULL) == 403);
}

static void nobody_acts_on_a_higher_role_or_on_themselves(void **state)
{
    (void)state;
    const char *act = "type=suspend";
    unsigned long long o = op.id, m = mod.id;
    OK(at("POST", &mod, act, "/api/v1/admin/accounts/%llu/action", o) == 403);
    OK(at("POST", &mod, act, "/api/v1/admin/accounts/%llu/action", m) == 403);
    OK(at("POST", &op, act, "/api/v1/admin/accounts/%llu/action", o) == 403);
    member mod2 = masto_staff("mod2", MN_ROLE_MODERATOR);
    OK(at("POST", &mod, act, "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)mod2.id) == 403);
    OK(at("POST", &op, act, "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)mod2.id) == 200);
    OK(at("POST", &mod, "role=operator", "/api/mynah/admin/accounts/%llu/role", m) == 403);
    OK(at("POST", &op, "role=member", "/api/mynah/admin/accounts/%llu/role", o) == 403);
    OK(masto_says("the last operator stays"));
    OK(masto("POST", "/api/mynah/admin/rules", &mod, "text=mine") == 403);
    OK(masto("POST", "/api/mynah/admin/word_filters", &mod, "pattern=x&kind=phrase") == 403);
    OK(masto("GET", "/api/mynah/admin/settings", &mod, NULL) == 403);
}

/* ---- acts ---------------------------------------------------------------------------------------------------------------------- */

static void a_suspension_hides_at_once_cuts_sessions_and_is_undone_exactly(void **state)
{
    (void)state;
    member eve = someone();
    unsigned long long id = eve.id;
    uint64_t post = masto_post(&eve, "still here");
    OK(at("POST", &alice, NULL, "/api/v1/accounts/%llu/follow", id) == 200);
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 200);
    OK(at("POST", &mod, "type=suspend&text=spam", "/api/v1/admin/accounts/%llu/action", id) ==
       200);
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 404);
    OK(at("GET", &alice, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 404);
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &eve, NULL) == 401);
    OK(masto("POST", "/api/v1/statuses", &eve, "status=again") == 401);
    OK(at("POST", &mod, "type=suspend", "/api/v1/admin/accounts/%llu/action", id) == 422);
    OK(at("GET", &mod, NULL, "/api/v1/admin/accounts/%llu", id) == 200);
    openapi_check_entity("AdminAccount", masto_json());
    OK(mn_json_bool(masto_at("suspended"), false));
    OK(masto("GET", "/api/v2/admin/accounts?status=suspended&origin=local", &mod, NULL) ==
           200 &&
       masto_id("0.id") == eve.id);
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/unsuspend", id) == 200);
    OK(!mn_json_bool(masto_at("suspended"), true));
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 200);
    IS(masto_str("content"), "<p>still here</p>");
    OK(at("GET", &alice, NULL, "/api/v1/accounts/relationships?id[]=%llu", id) == 200 &&
       mn_json_bool(masto_at("0.following"), false));
}

static void who_is_disabled_cannot_use_a_token_and_posts_stay(void **state)
{
    (void)state;
    member eve = someone();
    unsigned long long id = eve.id;
    uint64_t post = masto_post(&eve, "a post that stays");
    /* nobody can sign in to an account without a password or credentials */
    OK(at("POST", &mod, "type=disable", "/api/v1/admin/accounts/%llu/action", id) == 422);
    mn_err e = {0};
    RUN(mn_social_password_set(masto_home.store, eve.id, "a long password", NULL, &e));
    OK(at("POST", &mod, "type=disable", "/api/v1/admin/accounts/%llu/action", id) == 200);
    OK(masto("GET", "/api/v1/accounts/verify_credentials", &eve, NULL) != 200);
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 200);
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/enable", id) == 200);
    OK(!mn_json_bool(masto_at("disabled"), true));
}

static void silence_and_sensitive_are_set_and_taken_back(void **state)
{
    (void)state;
    member eve = someone();
    unsigned long long id = eve.id;
    OK(at("POST", &mod, "type=silence", "/api/v1/admin/accounts/%llu/action", id) == 200);
    unsigned long long post = masto_post(&eve, "a picture, perhaps");
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", post) == 200 &&
       !mn_json_bool(masto_at("sensitive"), true));
    OK(at("POST", &mod, "type=sensitive", "/api/v1/admin/accounts/%llu/action", id) == 200);
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", post) == 200 &&
       mn_json_bool(masto_at("sensitive"), false));
    OK(at("GET", &mod, NULL, "/api/v1/admin/accounts/%llu", id) == 200 &&
       mn_json_bool(masto_at("silenced"), false) &&
       mn_json_bool(masto_at("sensitized"), false));
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/unsilence", id) == 200 &&
       !mn_json_bool(masto_at("silenced"), true));
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/unsensitive", id) == 200 &&
       !mn_json_bool(masto_at("sensitized"), true));
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", post) == 200 &&
       !mn_json_bool(masto_at("sensitive"), true));
    OK(at("POST", &mod, "type=explode", "/api/v1/admin/accounts/%llu/action", id) == 422);
    OK(at("POST", &mod, "type=silence", "/api/v1/admin/accounts/77/action") == 404);
}

static void a_reports_posts_are_deleted_with_a_strike(void **state)
{
    (void)state;
    member eve = someone();
    char body[200];
    uint64_t post = masto_post(&eve, "something bad"), other = masto_post(&bob, "good");
    uint64_t r = report(&alice, &eve, post, "&category=other");
    OK(r != 0);
    snprintf(body, sizeof body, "type=delete_statuses&report_id=%llu", (unsigned long long)r);
    OK(at("POST", &mod, body, "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)bob.id) == 422); /* the report is about somebody else */
    OK(at("POST", &mod, body, "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)eve.id) == 200);
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)post) == 404);
    OK(at("GET", &mod, NULL, "/api/v1/admin/reports/%llu", (unsigned long long)r) == 200 &&
       mn_json_bool(masto_at("action_taken"), false));
    snprintf(body, sizeof body, "type=delete_statuses&status_ids[]=%llu",
             (unsigned long long)other);
    OK(at("POST", &mod, body, "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)eve.id) == 422); /* another's post cannot be taken along */
    OK(at("GET", NULL, NULL, "/api/v1/statuses/%llu", (unsigned long long)other) == 200);
}

static void a_strike_is_told_appealed_and_overruled(void **state)
{
    (void)state;
    member eve = someone(), judge = masto_staff("judge", MN_ROLE_MODERATOR);
    unsigned long long id = eve.id;
    OK(at("POST", &mod, "type=silence&text=calm+down", "/api/v1/admin/accounts/%llu/action",
          id) == 200);
    OK(masto("GET", "/api/v1/notifications", &eve, NULL) == 200);
    IS(masto_str("0.type"), "moderation_warning");
    OK(masto("GET", "/api/mynah/strikes", &eve, NULL) == 200);
    openapi_check_entity("AccountWarning", mn_json_at(masto_json(), 0));
    IS(masto_str("0.action"), "silence");
    IS(masto_str("0.text"), "calm down");
    unsigned long long k = masto_id("0.id");
    OK(at("POST", &bob, "text=me+too", "/api/mynah/strikes/%llu/appeal", k) == 404);
    OK(at("POST", &eve, "text=", "/api/mynah/strikes/%llu/appeal", k) == 422);
    OK(at("POST", &eve, "text=I+did+not", "/api/mynah/strikes/%llu/appeal", k) == 200);
    IS(masto_str("appeal.state"), "pending");
    OK(at("POST", &eve, "text=again", "/api/mynah/strikes/%llu/appeal", k) == 422);
    OK(masto("GET", "/api/mynah/admin/strikes?appealed=true", &judge, NULL) == 200 &&
       masto_json()->n == 1);
    OK(at("POST", &mod, NULL, "/api/mynah/admin/strikes/%llu/approve_appeal", k) == 403);
    OK(at("POST", &judge, NULL, "/api/mynah/admin/strikes/%llu/approve_appeal", k) == 200);
    IS(masto_str("appeal.state"), "approved");
    OK(at("POST", &judge, NULL, "/api/mynah/admin/strikes/%llu/reject_appeal", k) == 404);
    OK(at("GET", &mod, NULL, "/api/v1/admin/accounts/%llu", id) == 200 &&
       !mn_json_bool(masto_at("silenced"), true));
}

static void who_cannot_sign_in_appeals_by_the_link_of_the_mail(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tx *tx;
    char code[33], path[120];
    member eve = someone();
    OK(at("POST", &mod, "type=suspend&text=spam", "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)eve.id) == 200);
    OK(at("GET", &mod, NULL, "/api/mynah/admin/strikes?account_id=%llu",
          (unsigned long long)eve.id) == 200);
    unsigned long long k = masto_id("0.id");
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_appeal_code(tx, masto_home.store, k, code, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(path, sizeof path, "/appeals/%llu/%s", k, code);
    OK(masto("GET", path, NULL, NULL) == 200 && masto_says("suspend") && masto_says("spam"));
    OK(masto("POST", path, NULL, "text=") == 422);
    OK(masto("POST", path, NULL, "text=%3Cscript%3E+it+was+not+me") == 303);
    OK(masto("GET", path, NULL, NULL) == 200 && masto_says("&lt;script&gt; it was not me"));
    code[0] = code[0] == '0' ? '1' : '0';
    snprintf(path, sizeof path, "/appeals/%llu/%s", k, code);
    OK(masto("GET", path, NULL, NULL) == 404);
    snprintf(path, sizeof path, "/appeals/%llu/%s", k + 1, code);
    OK(masto("GET", path, NULL, NULL) == 404);
}

static void a_sign_up_that_waits_is_approved_or_rejected(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tx *tx;
    member w = someone(), x = someone();
    mn_credentials c = {.account_id = w.id,
                        .email = MN_STR("w@example.org"),
                        .reason = MN_STR("hi"),
                        .sign_up_ip = MN_STR("192.0.2.4"),
                        .locale = MN_STR("en")};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_credentials_add(tx, &c, &e));
    c.account_id = x.id;
    c.email = MN_STR("x@example.org");
    RUN(mn_store_credentials_add(tx, &c, &e));
    RUN(mn_store_commit(tx, &e));
    OK(masto("GET", "/api/v1/admin/accounts?pending=true", &mod, NULL) == 200 &&
       masto_json()->n == 2);
    openapi_check_entity("AdminAccount", mn_json_at(masto_json(), 0));
    IS(masto_str("0.invite_request"), "hi");
    IS(masto_str("0.ip"), "192.0.2.4");
    OK(masto("GET", "/api/mynah/admin/waiting", &mod, NULL) == 200 &&
       mn_json_u64(masto_at("accounts"), 0) == 2);
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/approve",
          (unsigned long long)w.id) == 200);
    OK(mn_json_bool(masto_at("approved"), false));
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/approve",
          (unsigned long long)w.id) == 403);
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/reject", (unsigned long long)x.id) ==
       200);
    OK(at("GET", &mod, NULL, "/api/v1/admin/accounts/%llu", (unsigned long long)x.id) == 404);
    OK(at("POST", &mod, NULL, "/api/v1/admin/accounts/%llu/reject",
          (unsigned long long)alice.id) == 403); /* who does not wait is not thrown out so */
}

static void only_the_suspended_are_deleted(void **state)
{
    (void)state;
    member eve = someone();
    unsigned long long id = eve.id;
    OK(at("DELETE", &mod, NULL, "/api/v1/admin/accounts/%llu", id) == 403);
    OK(at("POST", &mod, "type=suspend", "/api/v1/admin/accounts/%llu/action", id) == 200);
    OK(at("DELETE", &mod, NULL, "/api/v1/admin/accounts/%llu", id) == 200);
    int status = 200;
    for (int i = 0; i < 100 && status != 404; i++) {
        usleep(50000);
        status = at("GET", &mod, NULL, "/api/v1/admin/accounts/%llu", id);
    }
    OK(status == 404);
}

/* ---- blocks and filters ----------------------------------------------------------------------------------------------------------- */

static void blocks_are_kept_in_their_canonical_form(void **state)
{
    (void)state;
    OK(masto("POST", "/api/v1/admin/domain_blocks", &mod,
             "domain=Bad.Example.&severity=suspend&reject_media=true") == 200);
    openapi_check_entity("AdminDomainBlock", masto_json());
    IS(masto_str("domain"), "bad.example");
    unsigned long long id = masto_id("id");
    OK(masto("POST", "/api/v1/admin/domain_blocks", &mod, "domain=bad.example") == 422);
    OK(masto("POST", "/api/v1/admin/domain_blocks", &mod, "domain=no+domain") == 422);
    OK(at("PUT", &mod, "severity=silence", "/api/v1/admin/domain_blocks/%llu", id) == 200);
    IS(masto_str("severity"), "silence");
    OK(mn_json_bool(masto_at("reject_media"), false));
    OK(at("DELETE", &mod, NULL, "/api/v1/admin/domain_blocks/%llu", id) == 200);
    OK(at("GET", &mod, NULL, "/api/v1/admin/domain_blocks/%llu", id) == 404);
    OK(masto("POST", "/api/v1/admin/domain_allows", &mod, "domain=good.example") == 200);
    openapi_check_entity("AdminDomainAllow", masto_json());
    OK(masto("POST", "/api/v1/admin/email_domain_blocks", &mod, "domain=spam.example") == 200);
    openapi_check_entity("AdminEmailDomainBlock", masto_json());
    OK(masto("POST", "/api/v1/admin/canonical_email_blocks", &mod,
             "email=Me.Too%2Bx%40Example.com") == 200);
    openapi_check_entity("AdminCanonicalEmailBlock", masto_json());
    OK(masto("POST", "/api/v1/admin/canonical_email_blocks/test", &mod,
             "email=metoo%40example.com") == 200 &&
       masto_json()->n == 1);
    OK(masto("POST", "/api/v1/admin/canonical_email_blocks/test", &mod,
             "email=you%40example.com") == 200 &&
       masto_json()->n == 0);
    OK(masto("POST", "/api/v1/admin/ip_blocks", &mod,
             "ip=198.51.100.77/24&severity=sign_up_block&expires_in=3600") == 200);
    openapi_check_entity("AdminIpBlock", masto_json());
    IS(masto_str("ip"), "198.51.100.0/24");
    OK(masto("POST", "/api/v1/admin/ip_blocks", &mod, "ip=nonsense&severity=no_access") == 422);
    OK(masto("POST", "/api/v1/admin/ip_blocks", &mod, "ip=192.0.2.1") == 422);
    OK(masto("GET", "/api/v1/admin/ip_blocks?limit=1", &mod, NULL) == 200 &&
       masto_json()->n == 1);
}

static uint64_t filter(const char *body)
{
    OK(masto("POST", "/api/mynah/admin/word_filters", &op, body) == 200);
    return masto_id("id");
}

static void word_filters_reject_cover_and_report(void **state)
{
    (void)state;
    unsigned long long a = filter("pattern=forbidden+word&kind=phrase&action=reject");
    unsigned long long b = filter("pattern=evil.example&kind=link&action=sensitive");
    unsigned long long c = filter("pattern=ca%5Bst%5Dh%5Cd%2B&kind=pattern&action=report");
    OK(masto("POST", "/api/v1/statuses", &alice, "status=A+FORBIDDEN%0Aword!") == 422);
    OK(masto("POST", "/api/v1/statuses", &alice, "status=unforbidden+words") == 200);
    OK(masto("POST", "/api/v1/statuses", &alice, "status=x&spoiler_text=forbidden+word") ==
       422);
    OK(masto("POST", "/api/v1/statuses", &alice, "status=see+https://www.evil.example/page") ==
       200);
    OK(mn_json_bool(masto_at("sensitive"), false));
    OK(masto("POST", "/api/v1/statuses", &alice, "status=win+cash77+now") == 200);
    uint64_t post = masto_id("id");
    OK(masto("GET", "/api/v1/admin/reports", &mod, NULL) == 200);
    OK(masto_id("0.statuses.0.id") == post && masto_id("0.target_account.id") == alice.id);
    openapi_check_entity("AdminReport", mn_json_at(masto_json(), 0));
    /* an edit meets them too */
    OK(at("PUT", &alice, "status=forbidden+word", "/api/v1/statuses/%llu",
          (unsigned long long)post) == 422);
    OK(masto("POST", "/api/mynah/admin/word_filters", &op, "pattern=(&kind=pattern") == 422);
    OK(masto_says("the pattern is wrong at character"));
    unsigned long long all[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        OK(at("DELETE", &op, NULL, "/api/mynah/admin/word_filters/%llu", all[i]) == 200);
    OK(masto("POST", "/api/v1/statuses", &alice, "status=a+forbidden+word") == 200);
}

static void a_pattern_that_takes_too_long_lets_the_text_pass(void **state)
{
    (void)state;
    char body[400] = "status=";
    unsigned long long id = filter("pattern=(a%2B)%2B%24&kind=pattern&action=reject");
    memset(body + 7, 'a', 300);
    strcpy(body + 307, "!");
    int64_t began = mn_mono_us();
    OK(masto("POST", "/api/v1/statuses", &alice, body) == 200);
    OK(mn_mono_us() - began < 3000000);
    OK(at("DELETE", &op, NULL, "/api/mynah/admin/word_filters/%llu", id) == 200);
}

static void new_accounts_have_few_links(void **state)
{
    (void)state;
    member fresh = someone();
    char body[600] = "status=";
    for (int i = 0; i < 6; i++) snprintf(body + strlen(body), 60, "https://a%d.example/ ", i);
    OK(masto("POST", "/api/v1/statuses", &fresh, body) == 422);
    OK(masto_says("new accounts may put 5 links"));
    OK(masto("POST", "/api/v1/statuses", &mod, body) == 200);
}

/* ---- announcements, rules, the log, numbers -------------------------------------------------------------------------------------------- */

static void an_announcement_is_read_and_reacted_to(void **state)
{
    (void)state;
    OK(masto("POST", "/api/mynah/admin/announcements", &op,
             "text=Party+%23fun+for+%40alice+at+https://example.org") == 200);
    unsigned long long id = masto_id("id");
    OK(masto("GET", "/api/v1/announcements", &alice, NULL) == 200 && masto_json()->n == 1);
    openapi_check("get", "/api/v1/announcements", "200", masto_json());
    OK(mn_str_find(masto_str("0.content"), MN_STR("<a "), 0) != SIZE_MAX);
    IS(masto_str("0.tags.0.name"), "fun");
    OK(masto_id("0.mentions.0.id") == alice.id);
    OK(at("PUT", &alice, NULL, "/api/v1/announcements/%llu/reactions/%%F0%%9F%%8E%%89", id) ==
       200);
    OK(at("PUT", &alice, NULL, "/api/v1/announcements/%llu/reactions/nonsense", id) == 422);
    OK(masto("GET", "/api/v1/announcements", &bob, NULL) == 200);
    OK(mn_json_u64(masto_at("0.reactions.0.count"), 0) == 1 &&
       !mn_json_bool(masto_at("0.reactions.0.me"), true));
    OK(at("DELETE", &alice, NULL, "/api/v1/announcements/%llu/reactions/%%F0%%9F%%8E%%89",
          id) == 200);
    OK(at("POST", &alice, NULL, "/api/v1/announcements/%llu/dismiss", id) == 200);
    OK(masto("GET", "/api/v1/announcements", &alice, NULL) == 200 && masto_json()->n == 0);
    OK(masto("GET", "/api/v1/announcements?with_dismissed=true", &alice, NULL) == 200 &&
       mn_json_bool(masto_at("0.read"), false));
    OK(masto("GET", "/api/v1/announcements", NULL, NULL) == 401);
    OK(at("PUT", &op, "published=false", "/api/mynah/admin/announcements/%llu", id) == 200);
    OK(masto("GET", "/api/v1/announcements", &bob, NULL) == 200 && masto_json()->n == 0);
    OK(at("DELETE", &op, NULL, "/api/mynah/admin/announcements/%llu", id) == 200);
}

static void rules_are_written_and_shown(void **state)
{
    (void)state;
    OK(masto("POST", "/api/mynah/admin/rules", &op, "text=Be+kind&hint=Always") == 200);
    unsigned long long id = masto_id("id");
    OK(masto("GET", "/api/v1/instance/rules", NULL, NULL) == 200);
    IS(masto_str("0.text"), "Be kind");
    OK(report(&alice, &bob, 0, "&category=violation") != 0);
    char body[64];
    snprintf(body, sizeof body, "&rule_ids[]=%llu", id);
    OK(report(&alice, &bob, 0, body) != 0);
    IS(masto_str("category"), "violation");
    OK(masto_id("rule_ids.0") == id);
    OK(at("PUT", &op, "text=Be+very+kind", "/api/mynah/admin/rules/%llu", id) == 200);
    OK(masto("GET", "/api/v2/instance", NULL, NULL) == 200);
    IS(masto_str("rules.0.text"), "Be very kind");
    IS(masto_str("rules.0.hint"), "Always");
    OK(at("DELETE", &op, NULL, "/api/mynah/admin/rules/%llu", id) == 200);
    OK(at("PUT", &op, "text=x", "/api/mynah/admin/rules/%llu", id) == 404);
}

static void each_act_stands_in_the_audit_log(void **state)
{
    (void)state;
    member eve = someone();
    OK(at("POST", &mod, "type=none&text=careful", "/api/v1/admin/accounts/%llu/action",
          (unsigned long long)eve.id) == 200);
    OK(at("POST", &mod, "content=watch+this+one", "/api/mynah/admin/accounts/%llu/notes",
          (unsigned long long)eve.id) == 200);
    OK(at("GET", &mod, NULL, "/api/mynah/admin/accounts/%llu/notes",
          (unsigned long long)eve.id) == 200);
    IS(masto_str("0.content"), "watch this one");
    OK(at("GET", &op, NULL, "/api/mynah/admin/audit?target_type=account&target_id=%llu",
          (unsigned long long)eve.id) == 200 &&
       masto_json()->n == 2);
    IS(masto_str("0.action"), "note");
    IS(masto_str("1.action"), "none");
    IS(masto_str("1.account_name"), "moss");
    OK(masto("GET", "/api/mynah/admin/settings", &op, NULL) == 200 &&
       masto_says("reading_limit_member"));
}

static void numbers_are_counted(void **state)
{
    (void)state;
    char body[300], from[MN_TIME_MAX], to[MN_TIME_MAX];
    mn_time_format(mn_now_ms() - 2 * INT64_C(86400000), from);
    mn_time_format(mn_now_ms(), to);
    snprintf(
        body, sizeof body,
        "keys[]=new_users&keys[]=opened_reports&keys[]=nonsense&start_at=%.10s&end_at=%.10s",
        from, to);
    OK(masto("POST", "/api/v1/admin/measures", &mod, body) == 200 && masto_json()->n == 2);
    openapi_check_entity("AdminMeasure", mn_json_at(masto_json(), 0));
    OK(masto_id("0.total") >= 4 && masto_at("0.data")->n == 3);
    snprintf(body, sizeof body,
             "keys[]=languages&keys[]=software_versions&start_at=%.10s&end_at=%.10s", from, to);
    OK(masto("POST", "/api/v1/admin/dimensions", &mod, body) == 200 && masto_json()->n == 2);
    openapi_check_entity("AdminDimension", mn_json_at(masto_json(), 0));
    snprintf(body, sizeof body, "frequency=day&start_at=%.10s&end_at=%.10s", from, to);
    OK(masto("POST", "/api/v1/admin/retention", &mod, body) == 200 && masto_json()->n == 3);
    openapi_check_entity("AdminCohort", mn_json_at(masto_json(), 0));
    OK(masto("POST", "/api/v1/admin/measures", &mod, "keys[]=new_users") == 422);
    OK(masto("POST", "/api/v1/admin/measures", &mod,
             "keys[]=new_users&start_at=2000-01-01&end_at=2026-01-01") == 422);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_instance_says_what_clients_look_for),
        TEST(the_smaller_instance_endpoints_answer),
        TEST(the_operators_texts_are_shown_without_their_markup),
        TEST(others_can_look_us_up),
        TEST(a_post_is_embedded_unless_it_is_hidden),
        TEST(a_report_is_made_worked_off_and_opened_again),
        TEST(a_report_does_not_show_what_one_may_not_see),
        TEST(a_member_reaches_no_admin_route_whatever_the_token_says),
        TEST(a_demotion_counts_at_once_though_the_token_stays),
        TEST(nobody_acts_on_a_higher_role_or_on_themselves),
        TEST(a_suspension_hides_at_once_cuts_sessions_and_is_undone_exactly),
        TEST(who_is_disabled_cannot_use_a_token_and_posts_stay),
        TEST(silence_and_sensitive_are_set_and_taken_back),
        TEST(a_reports_posts_are_deleted_with_a_strike),
        TEST(a_strike_is_told_appealed_and_overruled),
        TEST(who_cannot_sign_in_appeals_by_the_link_of_the_mail),
        TEST(a_sign_up_that_waits_is_approved_or_rejected),
        TEST(only_the_suspended_are_deleted),
        TEST(blocks_are_kept_in_their_canonical_form),
        TEST(word_filters_reject_cover_and_report),
        TEST(a_pattern_that_takes_too_long_lets_the_text_pass),
        TEST(new_accounts_have_few_links),
        TEST(an_announcement_is_read_and_reacted_to),
        TEST(rules_are_written_and_shown),
        TEST(each_act_stands_in_the_audit_log),
        TEST(numbers_are_counted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
