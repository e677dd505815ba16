/* Posts over the Mastodon API: who is told of what, media, links, and what timers do. */
#include "three.h"

#include "base/snowflake.h"
#include "social/compose.h"
#include "social/people.h"
#include "store/media.h"

/* The newest notification of a member is of that kind, from that account, about that post. */
static void told(const member *m, const char *kind, const char *from, uint64_t id)
{
    OK(masto("GET", "/api/v1/notifications?limit=1", m, NULL) == 200);
    if (!mn_str_eqz(masto_str("0.type"), kind) ||
        !mn_str_eqz(masto_str("0.account.acct"), from) || masto_id("0.status.id") != id)
        fail_msg("%s was told %.*s instead of %s by %s", m->name, MN_STR_FMT(masto_body), kind,
                 from);
}
static size_t n_told(const member *m)
{
    OK(masto("GET", "/api/v1/notifications?limit=80", m, NULL) == 200);
    return masto_json()->n;
}

static void follow(const member *a, const member *b, bool bell)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_follow(
        tx, a->id, b->id,
        &(mn_follow_opts){.has_notify = true, .notify = bell, .no_notice = true}, NULL, &e));
    RUN(mn_store_commit(tx, &e));
}

static void everybody_concerned_is_told_once(void **state)
{
    char json[300];
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"hello @bob @bob and @alice\"}");
    told(&bob, "mention", "alice", id);
    OK(n_told(&bob) == 1 && n_told(&alice) == 0);
    for (int i = 0; i < 2; i++) {
        OK(masto("POST", path("/api/v1/statuses/%llu/favourite", id), &bob, NULL) == 200);
        OK(masto("POST", path("/api/v1/statuses/%llu/reblog", id), &carol, NULL) == 200);
    }
    told(&alice, "reblog", "carol", id);
    OK(n_told(&alice) == 2);
    OK(masto("POST", path("/api/v1/statuses/%llu/unreblog", id), &carol, NULL) == 200);
    told(&alice, "favourite", "bob", id);
    OK(n_told(&alice) == 1);
    OK(masto("POST", path("/api/v1/statuses/%llu/unfavourite", id), &bob, NULL) == 200);
    OK(n_told(&alice) == 0);

    snprintf(json, sizeof json, "{\"status\":\"see\",\"quoted_status_id\":\"%llu\"}",
             (unsigned long long)id);
    uint64_t q = post(&carol, json);
    told(&alice, "quote", "carol", q);
    OK(masto("POST", path("/api/v1/statuses/%llu/reblog", id), &bob, NULL) == 200);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice,
             "{\"status\":\"hello @carol\"}") == 200);
    told(&bob, "update", "alice", id);
    OK(masto("GET", "/api/v1/notifications?types[]=mention", &carol, NULL) == 200);
    OK(masto_id("0.status.id") == id);
    OK(masto("GET", "/api/v1/notifications?types[]=quoted_update", &carol, NULL) == 200);
    OK(masto_id("0.status.id") == q);
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &alice, NULL) == 200);
    OK(n_told(&bob) == 0);
}

static void followers_who_asked_are_told_of_each_post(void **state)
{
    (void)state;
    member dora = masto_member("dora");
    follow(&dora, &alice, true);
    uint64_t id = post(&alice, "{\"status\":\"news\"}");
    told(&dora, "status", "alice", id);
    char json[200];
    snprintf(json, sizeof json, "{\"status\":\"more\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)id);
    uint64_t more = post(&alice, json); /* a thread of one's own goes on */
    told(&dora, "status", "alice", more);
    uint64_t other = post(&bob, "{\"status\":\"hm\"}");
    snprintf(json, sizeof json, "{\"status\":\"to bob\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)other);
    post(&alice, json);
    told(&dora, "status", "alice", more);
    uint64_t both = post(&alice, "{\"status\":\"news for @dora\"}");
    told(&dora, "mention", "alice", both);
    post(&alice, "{\"status\":\"@bob psst\",\"visibility\":\"direct\"}");
    OK(n_told(&dora) == 3);
}

static void the_end_of_a_poll_is_told_once(void **state)
{
    mn_err e = {0};
    mn_compose c;
    size_t n = 0;
    (void)state;
    member erin = masto_member("erin"), finn = masto_member("finn");
    uint64_t id = post(&erin, "{\"status\":\"?\",\"poll\":{\"options\":[\"a\",\"b\"],"
                              "\"expires_in\":300}}");
    OK(masto("POST", path("/api/v1/polls/%llu/votes", masto_id("poll.id")), &finn,
             "{\"choices\":[0]}") == 200);
    RUN(mn_compose_init(masto_home.store, masto_home.conf, MN_STR("test.example"), &c, &e));
    RUN(mn_social_polls_ended(&c, mn_now_ms(), 10, &n, &e));
    OK(n == 0);
    for (int i = 0; i < 2; i++) {
        RUN(mn_social_polls_ended(&c, mn_now_ms() + 301000, 10, &n, &e));
        OK(n == (i == 0 ? 1 : 0));
    }
    told(&finn, "poll", "erin", id);
    OK(n_told(&finn) == 1);
    OK(masto("GET", "/api/v1/notifications?types[]=poll", &erin, NULL) == 200);
    OK(masto_id("0.status.id") == id);
}

static void a_muted_thread_tells_nothing(void **state)
{
    (void)state;
    member gina = masto_member("gina");
    uint64_t id = post(&gina, "{\"status\":\"noise\"}");
    OK(masto("POST", path("/api/v1/statuses/%llu/mute", id), &gina, NULL) == 200);
    char json[200];
    snprintf(json, sizeof json, "{\"status\":\"@gina!\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)id);
    post(&bob, json);
    OK(n_told(&gina) == 0);
}

/* ---- media ---------------------------------------------------------------------------------------------------------- */

static uint64_t picture(const member *m, const char *alt)
{
    mn_err e = {0};
    mn_tx *tx;
    uint64_t id = mn_snowflake_next();
    mn_media x = {.id = id,
                  .account_id = m->id,
                  .mime = MN_STR("image/png"),
                  .alt = mn_str_from(alt),
                  .size_bytes = 10,
                  .width = 4,
                  .height = 3,
                  .created_ms = mn_now_ms()};
    x.sha256[0] = (uint8_t)id;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_media_add(tx, &x, &e));
    RUN(mn_store_commit(tx, &e));
    return id;
}

static void media_are_attached_once_and_by_their_owner(void **state)
{
    char json[300];
    (void)state;
    uint64_t a = picture(&alice, "a cat"), b = picture(&alice, ""), theirs = picture(&bob, "");
    snprintf(json, sizeof json, "{\"media_ids\":[\"%llu\",\"%llu\"]}", (unsigned long long)b,
             (unsigned long long)a);
    uint64_t id = post(&alice, json);
    openapi_check("post", "/api/v1/statuses", "200", masto_json());
    IS(masto_str("content"), "");
    OK(masto_id("media_attachments.0.id") == b && masto_id("media_attachments.1.id") == a);
    IS(masto_str("media_attachments.1.description"), "a cat");
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 422); /* attached already */
    snprintf(json, sizeof json, "{\"status\":\"x\",\"media_ids\":[\"%llu\"]}",
             (unsigned long long)theirs);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 422);

    snprintf(json, sizeof json,
             "{\"status\":\"edited\",\"media_ids\":[\"%llu\"],\"media_attributes\":[{\"id\":"
             "\"%llu\",\"description\":\"a dog\"}]}",
             (unsigned long long)a, (unsigned long long)a);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice, json) == 200);
    OK(masto_at("media_attachments.1") == NULL);
    IS(masto_str("media_attachments.0.description"), "a dog");
    OK(masto("GET", path("/api/v1/statuses/%llu/history", id), &alice, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/history", "200", masto_json());
    IS(masto_str("0.media_attachments.0.description"), "a cat");
    IS(masto_str("1.media_attachments.0.description"), "a dog");

    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &alice, NULL) == 200);
    OK(masto_id("media_attachments.0.id") == a);
    snprintf(json, sizeof json, "{\"status\":\"again\",\"media_ids\":[\"%llu\"]}",
             (unsigned long long)a);
    id = post(&alice, json); /* redrafted */
    OK(masto("DELETE", path("/api/v1/statuses/%llu?delete_media=true", id), &alice, NULL) ==
       200);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 422);
}

static void a_scheduled_post_holds_its_media(void **state)
{
    char json[400], when[MN_TIME_MAX];
    mn_err e = {0};
    mn_compose c;
    size_t n = 0;
    (void)state;
    uint64_t a = picture(&carol, "held");
    int64_t at = mn_now_ms() + 600000;
    snprintf(json, sizeof json,
             "{\"status\":\"with a picture\",\"media_ids\":[\"%llu\"],\"scheduled_at\":\"%s\"}",
             (unsigned long long)a, mn_time_format(at, when));
    OK(masto("POST", "/api/v1/statuses", &carol, json) == 200);
    openapi_check_entity("ScheduledStatus", masto_json());
    OK(masto_id("media_attachments.0.id") == a);
    uint64_t scheduled = masto_id("id");
    char now[200];
    snprintf(now, sizeof now, "{\"status\":\"x\",\"media_ids\":[\"%llu\"]}",
             (unsigned long long)a);
    OK(masto("POST", "/api/v1/statuses", &carol, now) == 422);
    OK(masto("DELETE", path("/api/v1/scheduled_statuses/%llu", scheduled), &carol, NULL) ==
       200);
    OK(masto("POST", "/api/v1/statuses", &carol, json) == 200); /* free again */
    RUN(mn_compose_init(masto_home.store, masto_home.conf, MN_STR("test.example"), &c, &e));
    RUN(mn_social_scheduled_due(&c, at, 10, &n, &e));
    OK(n == 1);
    OK(masto("GET", path("/api/v1/accounts/%llu/statuses?limit=1", carol.id), NULL, NULL) ==
       200);
    OK(masto_id("0.media_attachments.0.id") == a);
}

/* ---- links ------------------------------------------------------------------------------------------------------------ */

static void an_address_is_linked_and_shortened(void **state)
{
    (void)state;
    post(&alice, "{\"status\":\"https://www.example.org/a/path/that/is/rather/long?q=1&r=2 "
                 "javascript:alert(1)\",\"visibility\":\"direct\"}");
    IS(masto_str("content"),
       "<p><a href=\"https://www.example.org/a/path/that/is/rather/long?q=1&amp;r=2\" "
       "target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\"><span class=\"invisible\">"
       "https://www.</span><span class=\"ellipsis\">example.org/a/path/that/is/rat</span><span "
       "class=\"invisible\">her/long?q=1&amp;r=2</span></a> javascript:alert(1)</p>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_concerned_is_told_once),
        TEST(followers_who_asked_are_told_of_each_post),
        TEST(the_end_of_a_poll_is_told_once),
        TEST(a_muted_thread_tells_nothing),
        TEST(media_are_attached_once_and_by_their_owner),
        TEST(a_scheduled_post_holds_its_media),
        TEST(an_address_is_linked_and_shortened),
    };
    return cmocka_run_group_tests(tests, three_set_up, three_tear_down);
}
