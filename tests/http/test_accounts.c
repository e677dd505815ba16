/* People over the Mastodon API: profiles, follows, blocks, mutes, lists of people; and what of it is seen by whom. */
#include "three.h"

#include "social/people.h"
#include "store/moderation.h"
#include "store/people.h"
#include "unit/media/pictures.h"
#include "unit/net/peer.h"

static int set_up(void **state)
{
    (void)state;
    three_start_with("rate_limits = off\noutgoing_private = yes\n");
    return 0;
}

/* POST /api/v1/accounts/ID/WHAT as m; the answer is a relationship. */
static void act(const member *m, uint64_t id, const char *what, const char *body)
{
    char p[120];
    snprintf(p, sizeof p, "/api/v1/accounts/%llu/%s", (unsigned long long)id, what);
    ask("POST", p, m, body, 200);
    openapi_check_entity("Relationship", masto_json());
    assert_int_equal(masto_id("id"), id);
}

static bool is(const char *what)
{
    return mn_json_bool(masto_at(what), false);
}

static size_t count(void)
{
    return masto_json()->n;
}

static void change(uint64_t id, void (*fn)(mn_account *a))
{
    mn_err e = {0};
    mn_tx *tx;
    mn_account a;
    mn_arena ar;
    mn_arena_init(&ar, 0);
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_account_tx(tx, id, &ar, &a, &e));
    fn(&a);
    RUN(mn_store_account_update(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
    mn_arena_release(&ar);
}
static void lock(mn_account *a)
{
    a->locked = true;
}
static void suspend(mn_account *a)
{
    a->state = MN_ACCOUNT_SUSPENDED;
}
static void limit(mn_account *a)
{
    a->silenced_ms = 1;
}
static void hide(mn_account *a)
{
    a->hide_follows = true;
}
static void be_found(mn_account *a)
{
    a->discoverable = true;
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static void an_account_is_what_the_api_says(void **state)
{
    (void)state;
    ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
    openapi_check("get", "/api/v1/accounts/{id}", "200", masto_json());
    IS(masto_str("username"), "alice");
    IS(masto_str("acct"), "alice");
    IS(masto_str("url"), "https://test.example/@alice");
    IS(masto_str("uri"), "https://test.example/users/alice");
    IS(masto_str("avatar"), "https://test.example/avatars/original/missing.png");
    IS(masto_str("header"), "https://test.example/headers/original/missing.png");
    IS(masto_str("note"), "");
    OK(mn_str_ends(masto_str("created_at"), "T00:00:00.000Z"));
    OK(masto_at("last_status_at")->type == MN_JSON_NULL && !masto_at("moved"));
    OK(!masto_at("suspended") && !masto_at("limited") && !masto_at("memorial"));
    OK(masto_at("roles")->n == 0 && masto_at("emojis")->n == 0);
    ask("GET", "/api/v1/accounts/7", NULL, NULL, 404);
    IS(masto_str("error"), "Record not found");
    ask("GET", "/api/v1/accounts/abc", NULL, NULL, 404);
    ask("GET", "/api/v1/accounts/99999999999999999999", NULL, NULL, 404);
}

static void several_accounts_come_at_once(void **state)
{
    (void)state;
    char p[200];
    snprintf(p, sizeof p, "/api/v1/accounts?id[]=%llu&id[]=7&id[]=%llu&id[]=x",
             (unsigned long long)bob.id, (unsigned long long)alice.id);
    ask("GET", p, NULL, NULL, 200);
    openapi_check("get", "/api/v1/accounts", "200", masto_json());
    OK(count() == 2);
    IS(masto_str("0.username"), "bob");
}

static void an_account_is_looked_up_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"alice", "@alice", "ALICE", "alice@test.example",
                                        "@Alice@TEST.example"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char p[100];
        snprintf(p, sizeof p, "/api/v1/accounts/lookup?acct=%s", names[i]);
        ask("GET", p, NULL, NULL, 200);
        assert_int_equal(masto_id("id"), alice.id);
    }
    ask("GET", "/api/v1/accounts/lookup?acct=alice@elsewhere.example", NULL, NULL, 404);
    ask("GET", "/api/v1/accounts/lookup?acct=", NULL, NULL, 404);
    ask("GET", "/api/v1/accounts/lookup", NULL, NULL, 404);
}

static void people_are_searched_by_members(void **state)
{
    (void)state;
    ask("GET", "/api/v1/accounts/search?q=ali", NULL, NULL, 401);
    ask("GET", "/api/v1/accounts/search?q=ali", &bob, NULL, 200);
    openapi_check("get", "/api/v1/accounts/search", "200", masto_json());
    OK(count() == 1);
    IS(masto_str("0.username"), "alice");
    ask("GET", "/api/v1/accounts/search?q=ali&following=true", &bob, NULL, 200);
    OK(count() == 0);
    ask("GET", "/api/v1/accounts/search?q=%25", &bob, NULL, 200);
    OK(count() == 0);
    change(alice.id, suspend);
    ask("GET", "/api/v1/accounts/search?q=ali", &bob, NULL, 200);
    OK(count() == 0);
}

static void of_the_suspended_only_that_is_seen(void **state)
{
    (void)state;
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"display_name\":\"Real Name\",\"note\":\"secret bio\",\"fields_attributes\":"
        "[{\"name\":\"home\",\"value\":\"Rome\"}]}",
        200);
    change(alice.id, suspend);
    ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
    openapi_check_entity("Account", masto_json());
    OK(is("suspended") && !masto_says("Real Name") && !masto_says("secret bio"));
    OK(!masto_says("Rome"));
    ask("GET", path("/api/v1/accounts/%llu/followers", alice.id), &bob, NULL, 200);
    OK(count() == 0);
    ask("GET", path("/api/v1/accounts/%llu/statuses", alice.id), &bob, NULL, 200);
    OK(count() == 0);
}

static void a_change_of_an_account_is_seen_at_once(void **state)
{
    (void)state;
    ask("GET", path("/api/v1/accounts/%llu", bob.id), NULL, NULL, 200);
    OK(mn_json_u64(masto_at("followers_count"), 9) == 0 && !masto_at("limited"));
    act(&alice, bob.id, "follow", NULL);
    ask("GET", path("/api/v1/accounts/%llu", bob.id), NULL, NULL, 200);
    OK(mn_json_u64(masto_at("followers_count"), 9) == 1);
    change(bob.id, limit);
    ask("GET", path("/api/v1/accounts/%llu", bob.id), NULL, NULL, 200);
    OK(is("limited"));
    masto_post(&bob, "hello");
    ask("GET", path("/api/v1/accounts/%llu", bob.id), NULL, NULL, 200);
    OK(mn_json_u64(masto_at("statuses_count"), 9) == 1 &&
       masto_str("last_status_at").len == 10);
}

/* ---- one's own --------------------------------------------------------------------------------------------------- */

static void my_credentials_have_a_source_and_a_role(void **state)
{
    (void)state;
    ask("GET", "/api/v1/accounts/verify_credentials", NULL, NULL, 401);
    ask("GET", "/api/v1/accounts/verify_credentials", &alice, NULL, 200);
    openapi_check("get", "/api/v1/accounts/verify_credentials", "200", masto_json());
    assert_int_equal(masto_id("id"), alice.id);
    IS(masto_str("source.privacy"), "public");
    IS(masto_str("source.quote_policy"), "public");
    OK(masto_at("source.language")->type == MN_JSON_NULL);
    IS(masto_str("role.id"), "-99");
    member mod = masto_staff("moddy", MN_ROLE_MODERATOR);
    ask("GET", "/api/v1/accounts/verify_credentials", &mod, NULL, 200);
    IS(masto_str("role.name"), "Moderator");
    IS(masto_str("roles.0.name"), "Moderator");
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "write:follows");
    ask("GET", "/api/v1/accounts/verify_credentials", &weak, NULL, 403);
    IS(masto_str("error"), "This action is outside the authorized scopes");
}

static void a_profile_is_changed_as_asked_and_no_further(void **state)
{
    (void)state;
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "display_name=Alice+A&note=I+write.%0A%0ANow.&locked=true&bot=1&discoverable=true&"
        "hide_collections=true&source[privacy]=private&source[sensitive]=true&"
        "source[language]=fr&source[quote_policy]=followers&"
        "fields_attributes[0][name]=Web&fields_attributes[0][value]=https://alice.example/&"
        "fields_attributes[1][name]=Pronouns&fields_attributes[1][value]=she&"
        "attribution_domains[]=news.example&attribution_domains[]=blog.example",
        200);
    openapi_check("patch", "/api/v1/accounts/update_credentials", "200", masto_json());
    IS(masto_str("display_name"), "Alice A");
    IS(masto_str("note"), "<p>I write.</p><p>Now.</p>");
    IS(masto_str("source.note"), "I write.\n\nNow.");
    OK(is("locked") && is("bot") && is("discoverable") && is("hide_collections"));
    IS(masto_str("source.privacy"), "private");
    OK(is("source.sensitive"));
    IS(masto_str("source.language"), "fr");
    IS(masto_str("source.quote_policy"), "followers");
    OK(masto_at("fields")->n == 2);
    OK(masto_says("rel=\\\"nofollow noopener me\\\""));
    IS(masto_str("source.fields.0.value"), "https://alice.example/");
    OK(masto_at("source.attribution_domains")->n == 2);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"locked\":false}", 200);
    OK(!is("locked") && is("bot"));
    IS(masto_str("display_name"), "Alice A");
    OK(masto_at("fields")->n == 2);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"fields_attributes\":[{\"name\":\"\",\"value\":\"\"}],\"display_name\":\"\"}", 200);
    OK(masto_at("fields")->n == 0);
    IS(masto_str("display_name"), "");
    ask("GET", "/api/v1/preferences", &alice, NULL, 200);
    openapi_check_entity("Preferences", masto_json());
    IS(masto_str("posting:default:visibility"), "private");
    IS(masto_str("posting:default:language"), "fr");
}

static void a_profile_that_is_too_much_is_refused_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"display_name\":\"1234567890123456789012345678901\"}",
        "{\"source\":{\"privacy\":\"secret\"}}",
        "{\"source\":{\"language\":\"<script>\"}}",
        "{\"source\":{\"quote_policy\":\"all\"}}",
        "{\"attribution_domains\":[\"https://a.example\"]}",
        "{\"fields_attributes\":[{\"name\":\"\",\"value\":\"x\"}]}"};
    char body[200];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body, "{\"note\":\"changed\",%s", bad[i] + 1);
        ask("PATCH", "/api/v1/accounts/update_credentials", &alice, body, 422);
        OK(mn_str_starts(masto_str("error"), "Validation failed: "));
    }
    char *note = malloc(700);
    snprintf(note, 700, "{\"note\":\"%0501d\"}", 7);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, note, 422);
    free(note);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "fields_attributes[0][name]=n&fields_attributes[0][value]=v&fields_attributes[1][name]="
        "n&"
        "fields_attributes[2][name]=n&fields_attributes[3][name]=n&fields_attributes[4][name]="
        "n",
        200);
    OK(masto_at("fields")->n == MN_FIELDS_MAX);
    IS(masto_str("source.note"), "");
    ask("PATCH", "/api/v1/accounts/update_credentials", NULL, "{\"note\":\"x\"}", 401);
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "read");
    ask("PATCH", "/api/v1/accounts/update_credentials", &weak, "{\"note\":\"x\"}", 403);
}

static void nothing_in_a_profile_becomes_markup(void **state)
{
    (void)state;
    static const char *const evil[] = {"<script>alert(1)</script>",
                                       "\\\"><img src=x onerror=alert(1)>",
                                       "javascript:alert(1)",
                                       "https://a.example/\\\"onmouseover=\\\"alert(1)",
                                       "https://a.example/?q=<svg/onload=1>",
                                       "#\\\"><b>",
                                       "@alice\\\"><b>",
                                       "&lt;script&gt;",
                                       "https://a.example/' rel=' nofollow noopener"};
    char body[600];
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        snprintf(
            body, sizeof body,
            "{\"note\":\"x %s\",\"fields_attributes\":[{\"name\":\"n%s\",\"value\":\"%s\"}]}",
            evil[i], evil[i], evil[i]);
        ask("PATCH", "/api/v1/accounts/update_credentials", &alice, body, 200);
        mn_str texts[] = {masto_str("note"), masto_str("fields.0.value")};
        for (int k = 0; k < 2; k++) {
            mn_str t = texts[k];
            OK(t.ptr != NULL);
            /* what is markup is ours: paragraphs, breaks, links, spans */
            for (size_t at = 0; (at = mn_str_find(t, MN_STR("<"), at)) != SIZE_MAX; at++) {
                mn_str tag = mn_str_sub(t, at, 6);
                OK(mn_str_starts(tag, "<p>") || mn_str_starts(tag, "</p>") ||
                   mn_str_starts(tag, "<br") || mn_str_starts(tag, "<a hre") ||
                   mn_str_starts(tag, "</a>") || mn_str_starts(tag, "<span ") ||
                   mn_str_starts(tag, "<span>") || mn_str_starts(tag, "</span"));
            }
            OK(mn_str_find(t, MN_STR("href=\"javascript"), 0) == SIZE_MAX);
            OK(mn_str_find(t, MN_STR("\"onmouse"), 0) == SIZE_MAX);
        }
    }
    /* a name is text for the client to escape; our own page escapes it */
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"display_name\":\"<img src=x onerror=a()>\"}", 200);
    IS(masto_str("display_name"), "<img src=x onerror=a()>");
    ask("GET", "/@alice", NULL, NULL, 200);
    OK(!masto_says("<img src=x"));
}

static void word_filter(uint64_t id, const char *words, mn_word_action action)
{
    mn_err e = {0};
    mn_tx *tx;
    mn_word_filter f = {.id = id,
                        .pattern = mn_str_from(words),
                        .kind = MN_WORD_PHRASE,
                        .action = action,
                        .comment = MN_STR(""),
                        .at_ms = 1};
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_word_filter_put(tx, &f, false, &e));
    RUN(mn_store_event(tx, (mn_event){.kind = MN_EV_RULES}, &e));
    RUN(mn_store_commit(tx, &e));
}

static void the_operators_word_filters_hold_for_profiles(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_report *reports = NULL;
    size_t n = 0;
    word_filter(71, "cheap pills", MN_WORD_REJECT);
    word_filter(72, "fishy", MN_WORD_REPORT);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"display_name\":\"A\",\"fields_attributes\":[{\"name\":\"x\",\"value\":\"Cheap "
        "pills "
        "here\"}]}",
        422);
    OK(mn_str_starts(masto_str("error"), "Validation failed: "));
    ask("GET", "/api/v1/accounts/verify_credentials", &alice, NULL, 200);
    IS(masto_str("display_name"), "alice");
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"note\":\"a fishy thing\"}",
        200);
    RUN(mn_store_reports(masto_home.store, &(mn_report_filter){.any = true},
                         &(mn_page_ids){.limit = 9}, &masto_arena, &reports, &n, &e));
    OK(n == 1 && reports[0].target_id == alice.id && reports[0].n_posts == 0);
}

static void members_named_in_a_bio_are_linked(void **state)
{
    (void)state;
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"note\":\"with @bob, @bob@test.example and @nobody #art\"}", 200);
    OK(masto_says("https://test.example/@bob\\\""));
    OK(masto_says("tags/art"));
    OK(!masto_says("https://test.example/@nobody"));
    change(bob.id, suspend);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"note\":\"with @bob\"}",
        200);
    OK(!masto_says("https://test.example/@bob"));
}

static mn_consent search_consent(uint64_t id)
{
    mn_err e = {0};
    mn_consents c = 0;
    RUN(mn_store_consent_account(masto_home.store, id, &c, NULL, &e));
    return mn_consents_get(c, MN_P_SEARCH);
}

static void indexable_is_the_consent_to_be_searched(void **state)
{
    (void)state;
    mn_err e = {0};
    uint64_t lines = 0;
    ask("GET", "/api/v1/accounts/verify_credentials", &alice, NULL, 200);
    bool before = is("indexable");
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"indexable\":false}", 200);
    OK(!is("indexable") && !is("source.indexable") && before);
    OK(search_consent(alice.id) == MN_CONSENT_DENY);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"indexable\":true}", 200);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"indexable\":true}", 200);
    OK(is("indexable") && search_consent(alice.id) == MN_CONSENT_ALLOW);
    RUN(mn_store_ledger_verify(masto_home.store, &lines, &e));
    assert_int_equal(lines, 2); /* what did not change is not written again */
    /* decided elsewhere, seen at once */
    ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
    OK(is("indexable"));
    RUN(mn_social_consent_set(masto_home.store, MN_SCOPE_ACCOUNT, alice.id, MN_P_SEARCH,
                              MN_CONSENT_DENY, alice.id, MN_STR("test"), &e));
    ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
    OK(!is("indexable"));
}

static void the_profile_of_its_own_is_read_and_changed(void **state)
{
    (void)state;
    ask("GET", "/api/v1/profile", &alice, NULL, 200);
    openapi_check("get", "/api/v1/profile", "200", masto_json());
    OK(masto_at("avatar")->type == MN_JSON_NULL && is("show_media"));
    ask("PATCH", "/api/v1/profile", &alice,
        "{\"display_name\":\"A\",\"show_media\":false,\"avatar_description\":\"a face\"}", 200);
    openapi_check("patch", "/api/v1/profile", "200", masto_json());
    OK(!is("show_media") && is("show_featured"));
    IS(masto_str("avatar_description"), "a face");
    ask("DELETE", "/api/v1/profile/avatar", &alice, NULL, 200);
    openapi_check("delete", "/api/v1/profile/avatar", "200", masto_json());
    ask("DELETE", "/api/v1/profile/header", &alice, NULL, 200);
    ask("GET", "/api/v1/profile", NULL, NULL, 401);
}

/* A PATCH of the profile with a file and, behind it, a name; the status. */
static int send_picture(const char *name, mn_str file, const char *display)
{
    mn_buf b;
    char headers[400];
    mn_buf_init(&b, 0);
    mn_buf_addf(
        &b, "--XX\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"a.png\"\r\n\r\n",
        name);
    mn_buf_adds(&b, file);
    mn_buf_addf(&b,
                "\r\n--XX\r\nContent-Disposition: form-data; name=\"display_name\"\r\n\r\n%s"
                "\r\n--XX--\r\n",
                display);
    snprintf(headers, sizeof headers,
             "Authorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=XX\r\n",
             alice.token);
    int status =
        masto_raw("PATCH", "/api/v1/accounts/update_credentials", headers, b.ptr, b.len);
    mn_buf_release(&b);
    return status;
}

static void a_picture_is_sent_with_the_profile(void **state)
{
    (void)state;
    mn_buf pic;
    char was[300];
    mn_buf_init(&pic, 0);
    make_png(64, 64, 255, &pic);
    assert_int_equal(send_picture("avatar", mn_buf_str(&pic), "With a face"), 200);
    openapi_check_entity("CredentialAccount", masto_json());
    IS(masto_str("display_name"), "With a face");
    snprintf(was, sizeof was, "%.*s", MN_STR_FMT(masto_str("avatar")));
    OK(mn_str_starts(mn_str_from(was), "https://test.example/media/"));
    IS(masto_str("header"), "https://test.example/headers/original/missing.png");
    ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
    IS(masto_str("avatar"), was);
    /* what is no picture changes nothing, the name beside it included */
    assert_int_equal(send_picture("header", MN_STR("<svg onload=alert(1)>"), "Evil"), 422);
    ask("GET", "/api/v1/accounts/verify_credentials", &alice, NULL, 200);
    IS(masto_str("display_name"), "With a face");
    ask("GET", "/api/v1/profile", &alice, NULL, 200);
    IS(masto_str("avatar"), was);
    ask("DELETE", "/api/v1/profile/avatar", &alice, NULL, 200);
    IS(masto_str("avatar"), "https://test.example/avatars/original/missing.png");
    mn_buf_release(&pic);
}

static bool home_page(peer *p, int fd, const char *request, size_t n)
{
    const char *mine = "<p>me, <a href='https://test.example/@alice' rel='me'>there</a>",
               *other = "<p>me, <a href='https://test.example/@bob' rel='me'>there</a>",
               *body = strstr(request, "GET /mine") ? mine : other;
    char answer[400];
    (void)p, (void)n;
    snprintf(
        answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: "
        "%zu\r\n\r\n%s",
        strlen(body), body);
    peer_say(fd, answer);
    return false;
}

/* Waits until field i of alice is verified, at most ms. */
static bool verified(const char *field, int ms)
{
    for (int64_t until = mn_mono_us() + (int64_t)ms * 1000; mn_mono_us() < until;
         usleep(30000)) {
        ask("GET", path("/api/v1/accounts/%llu", alice.id), NULL, NULL, 200);
        if (masto_str(field).len) return true;
    }
    return false;
}

static void a_page_that_links_back_is_verified(void **state)
{
    (void)state;
    peer site;
    char body[400];
    peer_start(&site, home_page);
    snprintf(
        body, sizeof body,
        "{\"fields_attributes\":[{\"name\":\"other\",\"value\":\"http://127.0.0.1:%d/other\"},"
        "{\"name\":\"mine\",\"value\":\"http://127.0.0.1:%d/mine\"}]}",
        site.port, site.port);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, body, 200);
    OK(verified("fields.1.verified_at", 15000));
    openapi_check_entity("Account", masto_json());
    OK(masto_at("fields.0.verified_at")->type == MN_JSON_NULL);
    int asked = site.requests;
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"note\":\"new\"}", 200);
    OK(masto_str("fields.1.verified_at").len > 0 && site.requests == asked);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice,
        "{\"fields_attributes\":[{\"name\":\"mine\",\"value\":\"not an address\"}]}", 200);
    OK(masto_at("fields.0.verified_at")->type == MN_JSON_NULL);
    peer_stop(&site);
}

/* ---- follow ------------------------------------------------------------------------------------------------------ */

static void following_and_its_end(void **state)
{
    (void)state;
    act(&alice, bob.id, "follow",
        "{\"notify\":true,\"reblogs\":false,\"languages\":[\"en\",\"it\"]}");
    OK(is("following") && is("notifying") && !is("showing_reblogs"));
    OK(masto_at("languages")->n == 2);
    act(&alice, bob.id, "follow", "reblogs=true");
    OK(is("notifying") && is("showing_reblogs") && masto_at("languages")->n == 2);
    act(&alice, bob.id, "follow", "{\"languages\":[]}");
    OK(masto_at("languages")->type == MN_JSON_NULL);
    act(&bob, alice.id, "remove_from_followers", NULL);
    OK(!is("followed_by"));
    act(&alice, bob.id, "unfollow", NULL);
    OK(!is("following"));
    ask("POST", path("/api/v1/accounts/%llu/follow", alice.id), &alice, NULL, 404);
    ask("POST", path("/api/v1/accounts/%llu/follow", 7), &alice, NULL, 404);
    ask("POST", path("/api/v1/accounts/%llu/follow", bob.id), NULL, NULL, 401);
    ask("POST", path("/api/v1/accounts/%llu/follow", bob.id), &alice,
        "{\"languages\":[\"<script>\"]}", 422);
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "read write:blocks");
    ask("POST", path("/api/v1/accounts/%llu/follow", bob.id), &weak, NULL, 403);
}

static void a_locked_account_decides_itself(void **state)
{
    (void)state;
    change(bob.id, lock);
    act(&alice, bob.id, "follow", NULL);
    OK(is("requested") && !is("following"));
    ask("GET", "/api/v1/follow_requests", &bob, NULL, 200);
    openapi_check("get", "/api/v1/follow_requests", "200", masto_json());
    OK(count() == 1 && masto_id("0.id") == alice.id);
    ask("POST", path("/api/v1/follow_requests/%llu/authorize", carol.id), &bob, NULL, 404);
    ask("POST", path("/api/v1/follow_requests/%llu/authorize", bob.id), &alice, NULL, 404);
    ask("POST", path("/api/v1/follow_requests/%llu/authorize", alice.id), &bob, NULL, 200);
    openapi_check("post", "/api/v1/follow_requests/{account_id}/authorize", "200",
                  masto_json());
    OK(is("followed_by"));
    ask("POST", path("/api/v1/follow_requests/%llu/authorize", alice.id), &bob, NULL, 404);
    act(&carol, bob.id, "follow", NULL);
    ask("POST", path("/api/v1/follow_requests/%llu/reject", carol.id), &bob, NULL, 200);
    OK(!is("followed_by") && !is("requested_by"));
}

static void who_follows_whom_is_paged_and_can_be_hidden(void **state)
{
    (void)state;
    act(&alice, carol.id, "follow", NULL);
    act(&bob, carol.id, "follow", NULL);
    const char *p = path("/api/v1/accounts/%llu/followers?limit=1", carol.id);
    ask("GET", p, NULL, NULL, 200);
    openapi_check("get", "/api/v1/accounts/{id}/followers", "200", masto_json());
    OK(count() == 1 && masto_id("0.id") == bob.id);
    OK(masto_says("rel=\"next\"") && masto_says("rel=\"prev\"") && masto_says("max_id="));
    ask("GET", path("/api/v1/accounts/%llu/following", alice.id), NULL, NULL, 200);
    OK(count() == 1 && masto_id("0.id") == carol.id && !masto_says("rel=\"next\""));
    act(&alice, bob.id, "mute", NULL);
    ask("GET", path("/api/v1/accounts/%llu/followers", carol.id), &alice, NULL, 200);
    OK(count() == 1 && masto_id("0.id") == alice.id);
    act(&carol, bob.id, "block", NULL); /* the blocked see no list */
    ask("GET", path("/api/v1/accounts/%llu/followers", carol.id), &bob, NULL, 200);
    OK(count() == 0);
    change(carol.id, hide);
    ask("GET", path("/api/v1/accounts/%llu/followers", carol.id), &alice, NULL, 200);
    OK(count() == 0);
    ask("GET", path("/api/v1/accounts/%llu/followers", carol.id), &carol, NULL, 200);
    OK(count() == 1);
    ask("GET", "/api/v1/accounts/7/followers", NULL, NULL, 404);
}

static void relationships_are_asked_for_many(void **state)
{
    (void)state;
    char p[300];
    act(&alice, bob.id, "follow", NULL);
    act(&carol, alice.id, "block", NULL);
    snprintf(p, sizeof p, "/api/v1/accounts/relationships?id[]=%llu&id[]=%llu&id[]=7",
             (unsigned long long)carol.id, (unsigned long long)bob.id);
    ask("GET", p, &alice, NULL, 200);
    openapi_check("get", "/api/v1/accounts/relationships", "200", masto_json());
    OK(count() == 2 && masto_id("0.id") == carol.id && is("0.blocked_by") && is("1.following"));
    ask("GET", path("/api/v1/accounts/relationships?id=%llu", bob.id), &alice, NULL, 200);
    OK(count() == 1);
    ask("GET", "/api/v1/accounts/relationships", &alice, NULL, 200);
    OK(count() == 0);
    change(bob.id, suspend);
    ask("GET", path("/api/v1/accounts/relationships?id[]=%llu", bob.id), &alice, NULL, 200);
    OK(count() == 0);
    ask("GET", path("/api/v1/accounts/relationships?with_suspended=1&id[]=%llu", bob.id),
        &alice, NULL, 200);
    OK(count() == 1);
    ask("GET", p, NULL, NULL, 401);
}

static void familiar_followers_are_those_i_follow(void **state)
{
    (void)state;
    act(&alice, bob.id, "follow", NULL);
    act(&bob, carol.id, "follow", NULL);
    ask("GET", path("/api/v1/accounts/familiar_followers?id[]=%llu", carol.id), &alice, NULL,
        200);
    openapi_check("get", "/api/v1/accounts/familiar_followers", "200", masto_json());
    OK(masto_id("0.id") == carol.id && masto_id("0.accounts.0.id") == bob.id);
    change(carol.id, hide);
    ask("GET", path("/api/v1/accounts/familiar_followers?id[]=%llu", carol.id), &alice, NULL,
        200);
    OK(masto_at("0.accounts")->n == 0);
}

/* ---- block, mute, note, endorse ---------------------------------------------------------------------------------- */

static void blocking_and_its_end(void **state)
{
    (void)state;
    act(&alice, bob.id, "follow", NULL);
    act(&bob, alice.id, "block", NULL);
    OK(is("blocking") && !is("followed_by"));
    ask("GET", "/api/v1/blocks", &bob, NULL, 200);
    openapi_check("get", "/api/v1/blocks", "200", masto_json());
    OK(count() == 1 && masto_id("0.id") == alice.id);
    ask("POST", path("/api/v1/accounts/%llu/follow", bob.id), &alice, NULL, 403);
    act(&bob, alice.id, "unblock", NULL);
    OK(!is("blocking"));
    act(&alice, bob.id, "follow", NULL);
}

static void muting_and_its_end(void **state)
{
    (void)state;
    act(&alice, bob.id, "mute", "{\"notifications\":false,\"duration\":3600}");
    OK(is("muting") && !is("muting_notifications"));
    OK(masto_str("muting_expires_at").len > 0);
    act(&alice, carol.id, "mute", NULL);
    OK(is("muting_notifications") && masto_at("muting_expires_at")->type == MN_JSON_NULL);
    ask("GET", "/api/v1/mutes", &alice, NULL, 200);
    openapi_check("get", "/api/v1/mutes", "200", masto_json());
    OK(count() == 2 && masto_at("0.mute_expires_at")->type == MN_JSON_NULL);
    OK(masto_str("1.mute_expires_at").len > 0);
    act(&alice, bob.id, "unmute", NULL);
    OK(!is("muting"));
    ask("POST", path("/api/v1/accounts/%llu/mute", bob.id), &alice, "{\"duration\":\"soon\"}",
        422);
    ask("POST", path("/api/v1/accounts/%llu/mute", alice.id), &alice, NULL, 404);
}

static void notes_and_endorsements(void **state)
{
    (void)state;
    act(&alice, bob.id, "note", "{\"comment\":\"<b>owes me a book</b>\"}");
    IS(masto_str("note"), "<b>owes me a book</b>");
    act(&alice, bob.id, "note", NULL);
    IS(masto_str("note"), "");
    ask("POST", path("/api/v1/accounts/%llu/endorse", bob.id), &alice, NULL, 422);
    OK(masto_says("must be already following"));
    act(&alice, bob.id, "follow", NULL);
    act(&alice, bob.id, "endorse", NULL);
    OK(is("endorsed"));
    ask("GET", "/api/v1/endorsements", &alice, NULL, 200);
    openapi_check("get", "/api/v1/endorsements", "200", masto_json());
    OK(count() == 1);
    ask("GET", path("/api/v1/accounts/%llu/endorsements", alice.id), NULL, NULL, 200);
    OK(count() == 1 && masto_id("0.id") == bob.id);
    act(&alice, bob.id, "unpin", NULL);
    OK(!is("endorsed"));
    act(&alice, bob.id, "pin", NULL);
    OK(is("endorsed"));
    ask("GET", path("/api/v1/accounts/%llu/identity_proofs", bob.id), &alice, NULL, 200);
    OK(count() == 0);
}

static void domains_are_blocked_by_name(void **state)
{
    (void)state;
    ask("POST", "/api/v1/domain_blocks", &alice, "{\"domain\":\"Bad.Example\"}", 200);
    ask("POST", "/api/v1/domain_blocks", &alice, "domain=worse.example", 200);
    ask("GET", "/api/v1/domain_blocks", &alice, NULL, 200);
    openapi_check("get", "/api/v1/domain_blocks", "200", masto_json());
    OK(count() == 2);
    IS(masto_str("1"), "bad.example");
    ask("DELETE", "/api/v1/domain_blocks?domain=bad.example", &alice, NULL, 200);
    ask("GET", "/api/v1/domain_blocks", &alice, NULL, 200);
    OK(count() == 1);
    ask("POST", "/api/v1/domain_blocks", &alice, "{\"domain\":\"no domain\"}", 422);
    ask("POST", "/api/v1/domain_blocks", &alice, NULL, 422);
}

/* ---- finding people ---------------------------------------------------------------------------------------------- */

static void the_directory_and_suggestions(void **state)
{
    (void)state;
    ask("GET", "/api/v1/directory", NULL, NULL, 200);
    OK(count() == 0);
    change(bob.id, be_found);
    change(carol.id, be_found);
    act(&bob, carol.id, "follow", NULL);
    ask("GET", "/api/v1/directory?order=new", NULL, NULL, 200);
    openapi_check("get", "/api/v1/directory", "200", masto_json());
    OK(count() == 2 && masto_id("0.id") == carol.id);
    ask("GET", "/api/v1/directory?order=new&offset=1&limit=1", NULL, NULL, 200);
    OK(count() == 1 && masto_id("0.id") == bob.id);
    ask("GET", "/api/v2/suggestions", &alice, NULL, 200);
    openapi_check("get", "/api/v2/suggestions", "200", masto_json());
    OK(count() == 1 && masto_id("0.account.id") == carol.id);
    IS(masto_str("0.sources.0"), "most_followed");
    ask("GET", "/api/v1/suggestions", &alice, NULL, 200);
    openapi_check("get", "/api/v1/suggestions", "200", masto_json());
    OK(count() == 1);
    ask("DELETE", path("/api/v1/suggestions/%llu", carol.id), &alice, NULL, 200);
    ask("GET", "/api/v2/suggestions", &alice, NULL, 200);
    OK(count() == 0);
    ask("GET", "/api/v2/suggestions", NULL, NULL, 401);
    ask("DELETE", "/api/v1/suggestions/7", &alice, NULL, 404);
}

/* ---- posts of a profile ------------------------------------------------------------------------------------------ */

static size_t posts_of(const member *who, const member *reader, const char *query)
{
    char p[200];
    snprintf(p, sizeof p, "/api/v1/accounts/%llu/statuses?%s", (unsigned long long)who->id,
             query);
    ask("GET", p, reader, NULL, 200);
    openapi_check("get", "/api/v1/accounts/{id}/statuses", "200", masto_json());
    return count();
}

static void a_profiles_posts_are_seen_by_those_who_may(void **state)
{
    (void)state;
    post(&bob, "{\"status\":\"public\"}");
    post(&bob, "{\"status\":\"unlisted\",\"visibility\":\"unlisted\"}");
    uint64_t private = post(&bob, "{\"status\":\"followers\",\"visibility\":\"private\"}");
    post(&bob, "{\"status\":\"@carol psst\",\"visibility\":\"direct\"}");
    OK(posts_of(&bob, NULL, "") == 2 && posts_of(&bob, &alice, "") == 2);
    OK(posts_of(&bob, &carol, "") == 3 && posts_of(&bob, &bob, "") == 4);
    act(&alice, bob.id, "follow", NULL);
    OK(posts_of(&bob, &alice, "") == 3 && masto_id("0.id") == private);
    act(&bob, alice.id, "block", NULL);
    OK(posts_of(&bob, &alice, "") == 0);
    act(&bob, alice.id, "unblock", NULL);
    OK(posts_of(&bob, &alice, "") == 2);
    ask("GET", "/api/v1/accounts/7/statuses", NULL, NULL, 404);
}

static void a_profiles_posts_go_by_pages_and_filters(void **state)
{
    (void)state;
    char body[200];
    uint64_t first = post(&bob, "{\"status\":\"one #Art\"}");
    uint64_t of_alice = post(&alice, "{\"status\":\"hers\"}");
    snprintf(body, sizeof body, "{\"status\":\"@alice yes\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)of_alice);
    post(&bob, body);
    ask("POST", path("/api/v1/statuses/%llu/reblog", of_alice), &bob, NULL, 200);
    uint64_t last = post(&bob, "{\"status\":\"four\"}");
    OK(posts_of(&bob, NULL, "") == 4);
    OK(posts_of(&bob, NULL, "exclude_replies=true") == 3);
    OK(posts_of(&bob, NULL, "exclude_reblogs=1") == 3);
    OK(posts_of(&bob, NULL, "only_media=true") == 0);
    OK(posts_of(&bob, NULL, "tagged=ART") == 1 && masto_id("0.id") == first);
    OK(posts_of(&bob, NULL, "tagged=%3C%3E") == 0);
    OK(posts_of(&bob, NULL, "pinned=true") == 0);
    ask("POST", path("/api/v1/statuses/%llu/pin", first), &bob, NULL, 200);
    OK(posts_of(&bob, NULL, "pinned=true") == 1 && masto_id("0.id") == first);
    OK(posts_of(&bob, NULL, "limit=1") == 1 && masto_id("0.id") == last);
    OK(masto_says("rel=\"next\"") && masto_says("limit=1&max_id="));
    snprintf(body, sizeof body, "limit=2&max_id=%llu", (unsigned long long)last);
    OK(posts_of(&bob, NULL, body) == 2);
    snprintf(body, sizeof body, "limit=2&min_id=%llu", (unsigned long long)first);
    OK(posts_of(&bob, NULL, body) == 2 && masto_id("0.id") != last);
    act(&carol, alice.id, "mute", NULL); /* whom I mute does not come back as a boost */
    OK(posts_of(&bob, &carol, "") == 3);
    change(alice.id, suspend);
    OK(posts_of(&bob, NULL, "") == 3);
}

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

static void every_route_needs_its_scope(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
    } routes[] = {
        {"GET", "/api/v1/follow_requests"}, {"GET", "/api/v1/blocks"},
        {"GET", "/api/v1/mutes"},           {"GET", "/api/v1/domain_blocks"},
        {"GET", "/api/v1/endorsements"},    {"GET", "/api/v1/preferences"},
        {"GET", "/api/v1/profile"},         {"PATCH", "/api/v1/profile"},
        {"GET", "/api/v2/suggestions"},     {"DELETE", "/api/v1/profile/avatar"},
        {"POST", "/api/v1/domain_blocks"},  {"GET", "/api/v1/accounts/relationships"},
    };
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "read:bookmarks write:bookmarks");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        ask(routes[i].method, routes[i].path, NULL, NULL, 401);
        ask(routes[i].method, routes[i].path, &weak, NULL, 403);
    }
    member bad = alice;
    snprintf(bad.token, sizeof bad.token, "nonsense");
    ask("GET", path("/api/v1/accounts/%llu", bob.id), &bad, NULL, 401);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, three_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_account_is_what_the_api_says),
        CASE(several_accounts_come_at_once),
        CASE(an_account_is_looked_up_by_name),
        CASE(people_are_searched_by_members),
        CASE(of_the_suspended_only_that_is_seen),
        CASE(a_change_of_an_account_is_seen_at_once),
        CASE(my_credentials_have_a_source_and_a_role),
        CASE(a_profile_is_changed_as_asked_and_no_further),
        CASE(a_profile_that_is_too_much_is_refused_whole),
        CASE(nothing_in_a_profile_becomes_markup),
        CASE(the_operators_word_filters_hold_for_profiles),
        CASE(members_named_in_a_bio_are_linked),
        CASE(indexable_is_the_consent_to_be_searched),
        CASE(the_profile_of_its_own_is_read_and_changed),
        CASE(a_picture_is_sent_with_the_profile),
        CASE(a_page_that_links_back_is_verified),
        CASE(following_and_its_end),
        CASE(a_locked_account_decides_itself),
        CASE(who_follows_whom_is_paged_and_can_be_hidden),
        CASE(relationships_are_asked_for_many),
        CASE(familiar_followers_are_those_i_follow),
        CASE(blocking_and_its_end),
        CASE(muting_and_its_end),
        CASE(notes_and_endorsements),
        CASE(domains_are_blocked_by_name),
        CASE(the_directory_and_suggestions),
        CASE(a_profiles_posts_are_seen_by_those_who_may),
        CASE(a_profiles_posts_go_by_pages_and_filters),
        CASE(every_route_needs_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
