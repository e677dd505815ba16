/* Notifications over the Mastodon API: plain, grouped, policies, requests; who sees them and who does not. */
#include "three.h"

#include "social/notify.h"
#include "social/people.h"

static size_t count(void)
{
    return masto_json()->n;
}

static void like(const member *m, uint64_t id)
{
    ask("POST", path("/api/v1/statuses/%llu/favourite", id), m, NULL, 200);
}

static void follow(const member *m, const member *whom)
{
    ask("POST", path("/api/v1/accounts/%llu/follow", whom->id), m, NULL, 200);
}

/* The list of m, checked; how many. */
static size_t list(const member *m, const char *query)
{
    char p[300];
    snprintf(p, sizeof p, "/api/v1/notifications?%s", query);
    ask("GET", p, m, NULL, 200);
    openapi_check("get", "/api/v1/notifications", "200", masto_json());
    return count();
}

static size_t groups(const member *m, const char *query)
{
    char p[300];
    snprintf(p, sizeof p, "/api/v2/notifications?%s", query);
    ask("GET", p, m, NULL, 200);
    openapi_check("get", "/api/v2/notifications", "200", masto_json());
    return masto_at("notification_groups")->n;
}

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static void what_happens_is_told(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    OK(list(&alice, "") == 0);
    follow(&bob, &alice);
    like(&bob, id);
    ask("POST", path("/api/v1/statuses/%llu/reblog", id), &carol, NULL, 200);
    post(&carol, "{\"status\":\"@alice hi\"}");
    OK(list(&alice, "") == 4);
    IS(masto_str("0.type"), "mention");
    IS(masto_str("1.type"), "reblog");
    IS(masto_str("2.type"), "favourite");
    IS(masto_str("3.type"), "follow");
    OK(masto_id("1.status.id") == id && masto_id("2.account.id") == bob.id);
    OK(!masto_at("3.status") && !masto_at("0.filtered"));
    OK(mn_str_starts(masto_str("2.group_key"), "favourite-"));
    OK(mn_str_starts(masto_str("0.group_key"), "ungrouped-"));
    OK(masto_says("rel=\"prev\"") && !masto_says("rel=\"next\""));
    uint64_t one = masto_id("0.id");
    ask("GET", path("/api/v1/notifications/%llu", one), &alice, NULL, 200);
    openapi_check("get", "/api/v1/notifications/{id}", "200", masto_json());
    ask("GET", path("/api/v1/notifications/%llu", one), &bob, NULL, 404);
    ask("GET", "/api/v1/notifications/7", &alice, NULL, 404);
    ask("GET", "/api/v1/notifications", NULL, NULL, 401);
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "read:statuses");
    ask("GET", "/api/v1/notifications", &weak, NULL, 403);
}

static void the_list_is_narrowed_and_paged(void **state)
{
    (void)state;
    char q[200];
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    follow(&bob, &alice);
    like(&bob, id);
    like(&carol, id);
    OK(list(&alice, "types[]=favourite") == 2);
    OK(list(&alice, "types[]=favourite&types[]=follow") == 3);
    OK(list(&alice, "exclude_types[]=favourite") == 1);
    OK(list(&alice, "types[]=poke") == 0);
    snprintf(q, sizeof q, "account_id=%llu", (unsigned long long)bob.id);
    OK(list(&alice, q) == 2);
    OK(list(&alice, "limit=1") == 1 && masto_id("0.account.id") == carol.id);
    OK(masto_says("rel=\"next\""));
    uint64_t newest = masto_id("0.id");
    snprintf(q, sizeof q, "limit=1&max_id=%llu", (unsigned long long)newest);
    OK(list(&alice, q) == 1 && masto_id("0.account.id") == bob.id);
    snprintf(q, sizeof q, "min_id=%llu", (unsigned long long)masto_id("0.id"));
    OK(list(&alice, q) == 1 && masto_id("0.id") == newest);
    OK(list(&alice, "limit=0") == 3 && list(&alice, "limit=100000") == 3);
    OK(list(&alice, "max_id=abc") == 3);
}

static void what_was_read_is_not_counted(void **state)
{
    (void)state;
    char body[120];
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    follow(&bob, &alice);
    like(&bob, id);
    ask("GET", "/api/v1/notifications/unread_count", &alice, NULL, 200);
    openapi_check("get", "/api/v1/notifications/unread_count", "200", masto_json());
    OK(mn_json_u64(masto_at("count"), 9) == 2);
    list(&alice, "limit=1");
    snprintf(body, sizeof body, "{\"notifications\":{\"last_read_id\":\"%llu\"}}",
             (unsigned long long)masto_id("0.id"));
    ask("POST", "/api/v1/markers", &alice, body, 200);
    like(&carol, id);
    ask("GET", "/api/v1/notifications/unread_count", &alice, NULL, 200);
    OK(mn_json_u64(masto_at("count"), 9) == 1);
    ask("GET", "/api/v2/notifications/unread_count", &alice, NULL, 200);
    openapi_check("get", "/api/v2/notifications/unread_count", "200", masto_json());
    OK(mn_json_u64(masto_at("count"), 9) == 1);
    ask("GET", "/api/v1/notifications/unread_count?limit=1&types[]=follow", &alice, NULL, 200);
    OK(mn_json_u64(masto_at("count"), 9) == 0);
}

static void one_is_dismissed_or_all(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    like(&bob, id);
    like(&carol, id);
    follow(&bob, &alice);
    list(&alice, "");
    uint64_t one = masto_id("0.id"), two = masto_id("1.id");
    ask("POST", path("/api/v1/notifications/%llu/dismiss", one), &bob, NULL, 404);
    ask("POST", path("/api/v1/notifications/%llu/dismiss", one), &alice, NULL, 200);
    ask("POST", path("/api/v1/notifications/%llu/dismiss", one), &alice, NULL, 404);
    ask("POST", "/api/v1/notifications/dismiss", &alice, path("id=%llu", two), 200);
    OK(list(&alice, "") == 1);
    member weak = masto_member_with("weak", MN_ROLE_MEMBER, "read");
    ask("POST", "/api/v1/notifications/clear", &weak, NULL, 403);
    ask("POST", "/api/v1/notifications/clear", &bob, NULL, 200);
    OK(list(&alice, "") == 1);
    ask("POST", "/api/v1/notifications/clear", &alice, NULL, 200);
    OK(list(&alice, "") == 0);
}

static void what_is_undone_or_deleted_is_told_no_more(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    like(&bob, id);
    ask("POST", path("/api/v1/statuses/%llu/reblog", id), &bob, NULL, 200);
    follow(&bob, &alice);
    uint64_t mention = post(&carol, "{\"status\":\"@alice hi\"}");
    OK(list(&alice, "") == 4);
    ask("POST", path("/api/v1/statuses/%llu/unfavourite", id), &bob, NULL, 200);
    OK(list(&alice, "") == 3);
    ask("POST", path("/api/v1/statuses/%llu/unreblog", id), &bob, NULL, 200);
    OK(list(&alice, "") == 2);
    ask("POST", path("/api/v1/accounts/%llu/unfollow", alice.id), &bob, NULL, 200);
    OK(list(&alice, "") == 1);
    ask("DELETE", path("/api/v1/statuses/%llu", mention), &carol, NULL, 200);
    OK(list(&alice, "") == 0);
}

static void nobody_hears_of_whom_they_shut_out(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    like(&bob, id);
    ask("POST", path("/api/v1/accounts/%llu/block", bob.id), &alice, NULL, 200);
    OK(list(&alice, "") == 0); /* what was told goes too */
    ask("POST", path("/api/v1/accounts/%llu/mute", carol.id), &alice, NULL, 200);
    like(&carol, id);
    OK(list(&alice, "") == 0);
    ask("POST", path("/api/v1/accounts/%llu/unmute", carol.id), &alice, NULL, 200);
    ask("POST", path("/api/v1/statuses/%llu/mute", id), &alice, NULL, 200);
    ask("POST", path("/api/v1/statuses/%llu/reblog", id), &carol, NULL, 200);
    OK(list(&alice, "") == 0);
}

static void a_post_that_may_not_be_seen_is_not_shown_in_a_notification(void **state)
{
    (void)state;
    follow(&alice, &bob);
    ask("POST", path("/api/v1/accounts/%llu/follow", bob.id), &alice, "notify=true", 200);
    post(&bob, "{\"status\":\"for followers\",\"visibility\":\"private\"}");
    OK(list(&alice, "types[]=status") == 1);
    ask("POST", path("/api/v1/accounts/%llu/unfollow", bob.id), &alice, NULL, 200);
    OK(list(&alice, "types[]=status") == 0 && !masto_says("for followers"));
    groups(&alice, "");
    OK(!masto_says("for followers"));
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static void favourites_come_as_one_group(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    like(&bob, id);
    like(&carol, id);
    post(&carol, "{\"status\":\"@alice hi\"}");
    OK(groups(&alice, "") == 2);
    IS(masto_str("notification_groups.0.type"), "mention");
    IS(masto_str("notification_groups.1.type"), "favourite");
    OK(mn_json_u64(masto_at("notification_groups.1.notifications_count"), 0) == 2);
    OK(masto_at("notification_groups.1.sample_account_ids")->n == 2);
    OK(masto_id("notification_groups.1.status_id") == id);
    OK(masto_at("accounts")->n == 2 && masto_at("statuses")->n == 2);
    OK(masto_str("notification_groups.1.page_max_id").len > 0);
    OK(groups(&alice, "grouped_types[]=reblog") == 3);
    OK(groups(&alice, "grouped_types[]=poke") == 3);
    OK(groups(&alice, "types[]=mention") == 1);
    OK(groups(&alice, "limit=1") == 1 && masto_says("rel=\"next\""));
    OK(groups(&alice, "expand_accounts=partial_avatars") == 2);
    OK(masto_at("accounts")->n == 1 && masto_id("accounts.0.id") == carol.id);
    OK(masto_at("partial_accounts")->n == 1 && masto_id("partial_accounts.0.id") == bob.id);
    ask("GET", "/api/v2/notifications?expand_accounts=none", &alice, NULL, 400);
    ask("GET", "/api/v2/notifications", NULL, NULL, 401);
}

static void a_group_is_asked_for_by_its_key(void **state)
{
    (void)state;
    char key[80], p[200];
    uint64_t id = post(&alice, "{\"status\":\"hello\"}");
    like(&bob, id);
    like(&carol, id);
    groups(&alice, "");
    snprintf(key, sizeof key, "%.*s", MN_STR_FMT(masto_str("notification_groups.0.group_key")));
    snprintf(p, sizeof p, "/api/v2/notifications/%s", key);
    ask("GET", p, &alice, NULL, 200);
    openapi_check("get", "/api/v2/notifications/{group_key}", "200", masto_json());
    OK(masto_at("notification_groups")->n == 1 && masto_at("accounts")->n == 2);
    ask("GET", p, &bob, NULL, 404);
    snprintf(p, sizeof p, "/api/v2/notifications/%s/accounts", key);
    ask("GET", p, &alice, NULL, 200);
    openapi_check("get", "/api/v2/notifications/{group_key}/accounts", "200", masto_json());
    OK(count() == 2 && masto_id("0.id") == carol.id);
    ask("GET", p, &bob, NULL, 200);
    OK(count() == 0);
    snprintf(p, sizeof p, "/api/v2/notifications/%s/dismiss", key);
    ask("POST", p, &bob, NULL, 200);
    OK(groups(&alice, "") == 1);
    ask("POST", p, &alice, NULL, 200);
    OK(groups(&alice, "") == 0);
    ask("GET", "/api/v2/notifications/favourite-1-1", &alice, NULL, 404);
    ask("GET", "/api/v2/notifications/ungrouped-999", &alice, NULL, 404);
}

/* ---- policy, requests -------------------------------------------------------------------------------------------- */

static void a_policy_is_read_and_changed_in_both_forms(void **state)
{
    (void)state;
    ask("GET", "/api/v2/notifications/policy", &alice, NULL, 200);
    openapi_check("get", "/api/v2/notifications/policy", "200", masto_json());
    IS(masto_str("for_not_following"), "accept");
    IS(masto_str("for_private_mentions"), "filter");
    ask("PATCH", "/api/v2/notifications/policy", &alice,
        "{\"for_not_following\":\"drop\",\"for_new_accounts\":\"filter\"}", 200);
    openapi_check("patch", "/api/v2/notifications/policy", "200", masto_json());
    IS(masto_str("for_not_following"), "drop");
    IS(masto_str("for_new_accounts"), "filter");
    IS(masto_str("for_private_mentions"), "filter");
    ask("GET", "/api/v1/notifications/policy", &alice, NULL, 200);
    openapi_check_entity("V1NotificationPolicy", masto_json());
    OK(mn_json_bool(masto_at("filter_not_following"), false));
    ask("PATCH", "/api/v1/notifications/policy", &alice, "filter_not_following=false", 200);
    OK(!mn_json_bool(masto_at("filter_not_following"), true));
    OK(mn_json_bool(masto_at("filter_new_accounts"), false));
    ask("PATCH", "/api/v2/notifications/policy", &alice, "{\"for_not_followers\":\"perhaps\"}",
        422);
    ask("PATCH", "/api/v2/notifications/policy", NULL, "{\"for_not_followers\":\"drop\"}", 401);
}

static void an_unsolicited_word_waits_until_it_is_let_in(void **state)
{
    (void)state;
    post(&bob, "{\"status\":\"@alice psst\",\"visibility\":\"direct\"}");
    post(&carol, "{\"status\":\"@alice hey\",\"visibility\":\"direct\"}");
    OK(list(&alice, "") == 0);
    OK(list(&alice, "include_filtered=true") == 2);
    OK(mn_json_bool(masto_at("0.filtered"), false));
    ask("GET", "/api/v2/notifications/policy", &alice, NULL, 200);
    OK(mn_json_u64(masto_at("summary.pending_requests_count"), 0) == 2);
    OK(mn_json_u64(masto_at("summary.pending_notifications_count"), 0) == 2);
    ask("GET", "/api/v1/notifications/requests", &alice, NULL, 200);
    openapi_check("get", "/api/v1/notifications/requests", "200", masto_json());
    OK(count() == 2 && masto_id("0.account.id") == carol.id);
    IS(masto_str("0.notifications_count"), "1");
    OK(masto_says("psst"));
    uint64_t of_carol = masto_id("0.id"), of_bob = masto_id("1.id");
    ask("GET", path("/api/v1/notifications/requests/%llu", of_bob), &alice, NULL, 200);
    openapi_check("get", "/api/v1/notifications/requests/{id}", "200", masto_json());
    ask("GET", path("/api/v1/notifications/requests/%llu", of_bob), &bob, NULL, 404);
    ask("POST", path("/api/v1/notifications/requests/%llu/accept", of_bob), &carol, NULL, 404);
    ask("POST", path("/api/v1/notifications/requests/%llu/accept", of_bob), &alice, NULL, 200);
    OK(list(&alice, "") == 1 && masto_id("0.account.id") == bob.id);
    ask("GET", "/api/v1/notifications/requests/merged", &alice, NULL, 200);
    OK(mn_json_bool(masto_at("merged"), false));
    post(&bob, "{\"status\":\"@alice again\",\"visibility\":\"direct\"}");
    OK(list(&alice, "") == 2); /* known from now on */
    ask("POST", path("/api/v1/notifications/requests/%llu/dismiss", of_carol), &alice, NULL,
        200);
    OK(list(&alice, "include_filtered=true") == 2);
    ask("GET", path("/api/v1/notifications/requests/%llu", of_carol), &alice, NULL, 404);
}

static void several_requests_are_ended_at_once(void **state)
{
    (void)state;
    char body[200];
    post(&bob, "{\"status\":\"@alice psst\",\"visibility\":\"direct\"}");
    post(&carol, "{\"status\":\"@alice hey\",\"visibility\":\"direct\"}");
    ask("GET", "/api/v1/notifications/requests", &alice, NULL, 200);
    snprintf(body, sizeof body, "{\"id\":[\"%llu\",\"7\",\"%llu\"]}",
             (unsigned long long)masto_id("0.id"), (unsigned long long)masto_id("1.id"));
    ask("POST", "/api/v1/notifications/requests/accept", &bob, body, 200);
    OK(list(&alice, "") == 0); /* not bob's to accept */
    ask("POST", "/api/v1/notifications/requests/accept", &alice, body, 200);
    OK(list(&alice, "") == 2);
    ask("GET", "/api/v1/notifications/requests", &alice, NULL, 200);
    OK(count() == 0);
    ask("POST", "/api/v1/notifications/requests/dismiss", &alice, body, 200);
}

/* ---- for moderators, of warnings --------------------------------------------------------------------------------- */

static void a_report_and_a_warning_are_told_with_what_they_are(void **state)
{
    (void)state;
    char body[200];
    member mod = masto_staff("moddy", MN_ROLE_MODERATOR);
    snprintf(body, sizeof body, "{\"account_id\":\"%llu\",\"comment\":\"rude\"}",
             (unsigned long long)bob.id);
    ask("POST", "/api/v1/reports", &alice, body, 200);
    OK(list(&mod, "types[]=admin.report") == 1);
    IS(masto_str("0.report.comment"), "rude");
    OK(masto_id("0.report.target_account.id") == bob.id);
    OK(groups(&mod, "") >= 1 && masto_says("rude"));
    ask("POST", path("/api/v1/admin/accounts/%llu/action", bob.id), &mod,
        "{\"type\":\"none\",\"text\":\"be kind\"}", 200);
    OK(list(&bob, "types[]=moderation_warning") == 1);
    IS(masto_str("0.moderation_warning.text"), "be kind");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, three_set_up, three_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_happens_is_told),
        CASE(the_list_is_narrowed_and_paged),
        CASE(what_was_read_is_not_counted),
        CASE(one_is_dismissed_or_all),
        CASE(what_is_undone_or_deleted_is_told_no_more),
        CASE(nobody_hears_of_whom_they_shut_out),
        CASE(a_post_that_may_not_be_seen_is_not_shown_in_a_notification),
        CASE(favourites_come_as_one_group),
        CASE(a_group_is_asked_for_by_its_key),
        CASE(a_policy_is_read_and_changed_in_both_forms),
        CASE(an_unsolicited_word_waits_until_it_is_let_in),
        CASE(several_requests_are_ended_at_once),
        CASE(a_report_and_a_warning_are_told_with_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
