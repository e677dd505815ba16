/* Pages kept in memory: they are given again, to those who are not signed in, and never when they are no longer so. */
#include "http/masto.h"

#include "api/api_int.h"
#include "api/pages/kept.h"

static member alice, bob;

static int setup(void **s)
{
    (void)s;
    masto_start();
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

static int get(const char *path)
{
    return masto_raw("GET", path, "Accept: text/html\r\n", NULL, 0);
}
static uint64_t hits(void)
{
    return mn_kept_hits(masto_api->kept);
}
/* Asks twice: the second answer comes from memory. */
static bool both_say(const char *path, const char *what)
{
    uint64_t before = hits();
    bool first = get(path) == 200 && masto_says(what);
    bool second = get(path) == 200 && masto_says(what);
    return first && second && hits() > before;
}
static bool both_hide(const char *path, const char *what)
{
    bool first = get(path) == 200 && !masto_says(what);
    return get(path) == 200 && !masto_says(what) && first;
}

static void a_page_is_kept_with_its_tag_and_variants(void **s)
{
    (void)s;
    char tag[90], headers[200];
    masto_post(&alice, "a word about kept pages");
    OK(get("/@alice") == 200 && masto_says("a word about kept pages"));
    const char *at = strstr(masto_answer, "ETag: ");
    OK(at && sscanf(at, "ETag: %80s", tag) == 1);
    uint64_t before = hits();
    snprintf(headers, sizeof headers, "Accept: text/html\r\nIf-None-Match: %s\r\n", tag);
    OK(masto_raw("GET", "/@alice", headers, NULL, 0) == 304);
    OK(get("/@alice") == 200 && masto_says(tag) && masto_says("Vary: Cookie"));
    OK(masto_says("text/html; charset=utf-8") && masto_says("Content-Security-Policy"));
    OK(hits() == before + 2);
    OK(get("/@alice?before=1") == 200 && hits() == before + 2); /* another page */
}

static void what_is_new_edited_or_deleted_shows_at_once(void **s)
{
    (void)s;
    char path[100];
    OK(both_say("/", "Public timeline") && both_say("/@alice", "No public posts"));
    uint64_t id = masto_post(&alice, "first light");
    OK(both_say("/", "first light") && both_say("/@alice", "first light"));
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    OK(masto("PUT", path, &alice, "{\"status\":\"second thought\"}") == 200);
    OK(both_say("/", "second thought") && both_hide("/@alice", "first light"));
    OK(masto("DELETE", path, &alice, NULL) == 200);
    OK(both_hide("/", "second thought") && both_hide("/@alice", "second thought"));
}

static void what_another_changed_below_a_boost_shows_at_once(void **s)
{
    (void)s;
    char path[100];
    uint64_t id = masto_post(&alice, "words of alice");
    snprintf(path, sizeof path, "/api/v1/statuses/%llu/reblog", (unsigned long long)id);
    OK(masto("POST", path, &bob, "{}") == 200);
    OK(both_say("/@bob", "words of alice"));
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    OK(masto("PUT", path, &alice, "{\"status\":\"other words\"}") == 200);
    OK(both_say("/@bob", "other words") && both_hide("/@bob", "words of alice"));
}

static void a_profile_changed_shows_at_once(void **s)
{
    (void)s;
    OK(both_say("/@alice", "alice"));
    OK(masto("PATCH", "/api/v1/accounts/update_credentials", &alice,
             "{\"display_name\":\"Alice of the Harbour\",\"note\":\"sails\"}") == 200);
    OK(both_say("/@alice", "Alice of the Harbour") && both_say("/@alice", "sails"));
}

static void the_suspended_are_gone_at_once(void **s)
{
    (void)s;
    char path[100];
    member mod = masto_staff("mod", MN_ROLE_OPERATOR);
    masto_post(&alice, "soon to be silent");
    OK(both_say("/@alice", "soon to be silent") && both_say("/", "soon to be silent"));
    snprintf(path, sizeof path, "/api/v1/admin/accounts/%llu/action",
             (unsigned long long)alice.id);
    OK(masto("POST", path, &mod, "{\"type\":\"suspend\"}") == 200);
    OK(get("/@alice") == 404);
    OK(both_hide("/", "soon to be silent"));
}

static void a_members_page_is_neither_kept_nor_from_memory(void **s)
{
    (void)s;
    char headers[300];
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_session_make(tx, alice.id, MN_STR("127.0.0.1"), MN_STR("test"), &secret, NULL,
                               &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(headers, sizeof headers, "Accept: text/html\r\nCookie: __Host-mynah=%s\r\n",
             secret.text);
    OK(masto_raw("GET", "/@bob", headers, NULL, 0) == 200 && masto_says("data-me=\""));
    OK(get("/@bob") == 200 && !masto_says("data-me") && !masto_says("private, no-cache"));
    OK(get("/@bob") == 200 && !masto_says("data-me"));
    uint64_t before = hits();
    OK(masto_raw("GET", "/@bob", headers, NULL, 0) == 200 && masto_says("data-me=\""));
    OK(masto_says("private, no-cache") && hits() == before);
}

static void what_is_for_followers_is_never_kept_for_others(void **s)
{
    (void)s;
    OK(both_say("/@alice", "No public posts"));
    OK(masto("POST", "/api/v1/statuses", &alice,
             "{\"status\":\"for friends\",\"visibility\":\"private\"}") == 200);
    OK(both_hide("/@alice", "for friends") && both_hide("/", "for friends"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_page_is_kept_with_its_tag_and_variants),
        CASE(what_is_new_edited_or_deleted_shows_at_once),
        CASE(what_another_changed_below_a_boost_shows_at_once),
        CASE(a_profile_changed_shows_at_once),
        CASE(the_suspended_are_gone_at_once),
        CASE(a_members_page_is_neither_kept_nor_from_memory),
        CASE(what_is_for_followers_is_never_kept_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
