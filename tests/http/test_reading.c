/* Reading over the Mastodon API: timelines, lists, tags, filters, conversations, markers, search, trends. */
#include "three.h"

#include "api/api_int.h"

static size_t n_items(void)
{
    return masto_json()->n;
}

static void follow(const member *a, const member *b)
{
    ask("POST", path("/api/v1/accounts/%llu/follow", b->id), a, "{}", 200);
}

/* ---- timelines --------------------------------------------------------------------------------------------------------- */

static void home_shows_those_one_follows_and_oneself(void **state)
{
    (void)state;
    follow(&alice, &bob);
    uint64_t a = masto_post(&alice, "mine"), b = masto_post(&bob, "from bob");
    masto_post(&carol, "from carol");
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    openapi_check("get", "/api/v1/timelines/home", "200", masto_json());
    assert_int_equal(n_items(), 2);
    assert_int_equal(masto_id("0.id"), b);
    assert_int_equal(masto_id("1.id"), a);
    ask("DELETE", path("/api/v1/statuses/%llu", b), &bob, NULL, 200);
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    ask("GET", "/api/v1/timelines/home", NULL, NULL, 401);
}

static void pages_lead_to_each_other(void **state)
{
    (void)state;
    uint64_t ids[7];
    for (int i = 0; i < 7; i++) ids[i] = masto_post(&alice, "one of seven");
    ask("GET", "/api/v1/timelines/home?limit=3", &alice, NULL, 200);
    assert_int_equal(masto_id("0.id"), ids[6]);
    OK(masto_says(path("max_id=%llu", ids[4])) && masto_says("rel=\"next\""));
    OK(masto_says(path("min_id=%llu", ids[6])) && masto_says("rel=\"prev\""));
    ask("GET", path("/api/v1/timelines/home?limit=3&max_id=%llu", ids[4]), &alice, NULL, 200);
    assert_int_equal(masto_id("0.id"), ids[3]);
    ask("GET", path("/api/v1/timelines/home?limit=2&min_id=%llu", ids[1]), &alice, NULL, 200);
    assert_int_equal(masto_id("0.id"), ids[3]);
    assert_int_equal(masto_id("1.id"), ids[2]);
    ask("GET", path("/api/v1/timelines/home?limit=2&since_id=%llu", ids[1]), &alice, NULL, 200);
    assert_int_equal(masto_id("0.id"), ids[6]);
}

static void the_public_timeline_leaves_out_replies_boosts_and_what_is_not_public(void **state)
{
    (void)state;
    uint64_t a = masto_post(&alice, "out in the open");
    post(&alice, "{\"status\":\"quietly\",\"visibility\":\"unlisted\"}");
    post(&alice, "{\"status\":\"for followers\",\"visibility\":\"private\"}");
    char reply[200];
    snprintf(reply, sizeof reply, "{\"status\":\"answer\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)a);
    post(&bob, reply);
    ask("POST", path("/api/v1/statuses/%llu/reblog", a), &bob, NULL, 200);
    ask("GET", "/api/v1/timelines/public?local=true", NULL, NULL, 200);
    openapi_check("get", "/api/v1/timelines/public", "200", masto_json());
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), a);
    ask("GET", "/api/v1/timelines/public?remote=true", NULL, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", "/api/v1/timelines/public?only_media=true", NULL, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("POST", path("/api/v1/accounts/%llu/mute", alice.id), &carol, "{}", 200);
    ask("GET", "/api/v1/timelines/public", &carol, NULL, 200);
    assert_int_equal(n_items(), 0);
}

static void silenced_authors_are_seen_by_their_followers_alone(void **state)
{
    (void)state;
    masto_post(&bob, "shout #noise");
    follow(&alice, &bob);
    member mod = masto_staff("mod", MN_ROLE_MODERATOR);
    ask("POST", path("/api/v1/admin/accounts/%llu/action", bob.id), &mod,
        "{\"type\":\"silence\"}", 200);
    ask("GET", "/api/v1/timelines/public", NULL, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", "/api/v1/timelines/tag/noise", &carol, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", "/api/v1/timelines/public", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
}

static void tag_timelines_take_any_all_and_none(void **state)
{
    (void)state;
    uint64_t ab = masto_post(&alice, "#Aa and #bb"), a = masto_post(&alice, "only #aa"),
             c = masto_post(&bob, "#c\xc3\xa9");
    ask("GET", "/api/v1/timelines/tag/AA", NULL, NULL, 200);
    openapi_check("get", "/api/v1/timelines/tag/{hashtag}", "200", masto_json());
    assert_int_equal(n_items(), 2);
    ask("GET", "/api/v1/timelines/tag/aa?all[]=bb", NULL, NULL, 200);
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), ab);
    ask("GET", "/api/v1/timelines/tag/aa?none[]=bb", NULL, NULL, 200);
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), a);
    ask("GET", "/api/v1/timelines/tag/aa?any[]=CE", NULL, NULL, 200);
    assert_int_equal(n_items(), 3);
    assert_int_equal(masto_id("0.id"), c);
    ask("GET", "/api/v1/timelines/tag/aa?all[]=unheard", NULL, NULL, 200);
    assert_int_equal(n_items(), 0);
}

static void a_community_can_keep_its_public_timelines_to_members(void **state)
{
    (void)state;
    masto_stop();
    masto_start_with("public_timeline = members\n");
    alice = masto_member("alice");
    ask("GET", "/api/v1/timelines/public", NULL, NULL, 401);
    ask("GET", "/api/v1/timelines/tag/x", NULL, NULL, 401);
    ask("GET", "/api/v1/timelines/public", &alice, NULL, 200);
}

/* ---- lists --------------------------------------------------------------------------------------------------------------- */

static void lists_are_made_changed_filled_and_read(void **state)
{
    (void)state;
    char body[100];
    follow(&alice, &bob);
    ask("POST", "/api/v1/lists", &alice, "{\"title\":\"Birds\",\"replies_policy\":\"none\"}",
        200);
    openapi_check("post", "/api/v1/lists", "200", masto_json());
    uint64_t id = masto_id("id");
    snprintf(body, sizeof body, "{\"account_ids\":[\"%llu\"]}", (unsigned long long)bob.id);
    ask("POST", path("/api/v1/lists/%llu/accounts", id), &alice, body, 200);
    ask("POST", path("/api/v1/lists/%llu/accounts", id), &alice, body, 422);
    snprintf(body, sizeof body, "{\"account_ids\":[\"%llu\"]}", (unsigned long long)carol.id);
    ask("POST", path("/api/v1/lists/%llu/accounts", id), &alice, body, 404);
    ask("GET", path("/api/v1/lists/%llu/accounts", id), &alice, NULL, 200);
    openapi_check("get", "/api/v1/lists/{id}/accounts", "200", masto_json());
    assert_int_equal(n_items(), 1);
    ask("GET", path("/api/v1/accounts/%llu/lists", bob.id), &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    uint64_t b = masto_post(&bob, "chirp");
    masto_post(&carol, "not here");
    ask("GET", path("/api/v1/timelines/list/%llu", id), &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), b);
    ask("PUT", path("/api/v1/lists/%llu", id), &alice, "title=Fewer&exclusive=true", 200);
    IS(masto_str("title"), "Fewer");
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", path("/api/v1/lists/%llu", id), &bob, NULL, 404);
    ask("GET", path("/api/v1/timelines/list/%llu", id), &bob, NULL, 404);
    ask("PUT", path("/api/v1/lists/%llu", id), &alice, "{\"title\":\" \"}", 422);
    ask("PUT", path("/api/v1/lists/%llu", id), &alice, "replies_policy=sometimes", 422);
    ask("POST", path("/api/v1/accounts/%llu/unfollow", bob.id), &alice, "{}", 200);
    ask("GET", path("/api/v1/lists/%llu/accounts?limit=0", id), &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("DELETE", path("/api/v1/lists/%llu", id), &alice, NULL, 200);
    ask("GET", "/api/v1/lists", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
}

/* ---- tags ---------------------------------------------------------------------------------------------------------------- */

static void tags_are_followed_and_come_home(void **state)
{
    (void)state;
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    ask("POST", "/api/v1/tags/Birds/follow", &alice, NULL, 200);
    openapi_check("post", "/api/v1/tags/{name}/follow", "200", masto_json());
    OK(mn_json_bool(masto_at("following"), false));
    uint64_t b = masto_post(&bob, "two #birds");
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), b);
    ask("GET", "/api/v1/tags/birds", NULL, NULL, 200);
    openapi_check("get", "/api/v1/tags/{name}", "200", masto_json());
    IS(masto_str("name"), "Birds");
    IS(masto_str("history.0.uses"), "1");
    IS(masto_str("history.0.accounts"), "1");
    assert_int_equal(masto_at("history")->n, 7);
    ask("GET", "/api/v1/followed_tags", &alice, NULL, 200);
    openapi_check("get", "/api/v1/followed_tags", "200", masto_json());
    assert_int_equal(n_items(), 1);
    ask("POST", "/api/v1/tags/BIRDS/unfollow", &alice, NULL, 200);
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", "/api/v1/tags/not%20one", NULL, NULL, 404);
    ask("POST", "/api/v1/tags/12345/follow", &alice, NULL, 404);
}

static void tags_are_featured_on_a_profile(void **state)
{
    (void)state;
    masto_post(&alice, "#tea in the morning");
    masto_post(&alice, "#tea at noon #bread");
    ask("GET", "/api/v1/featured_tags/suggestions", &alice, NULL, 200);
    openapi_check("get", "/api/v1/featured_tags/suggestions", "200", masto_json());
    IS(masto_str("0.name"), "tea");
    ask("POST", "/api/v1/featured_tags", &alice, "{\"name\":\"#Tea\"}", 200);
    openapi_check("post", "/api/v1/featured_tags", "200", masto_json());
    IS(masto_str("statuses_count"), "2");
    uint64_t id = masto_id("id");
    ask("POST", "/api/v1/featured_tags", &alice, "{\"name\":\"tea\"}", 422);
    ask("GET", path("/api/v1/accounts/%llu/featured_tags", alice.id), NULL, NULL, 200);
    openapi_check("get", "/api/v1/accounts/{id}/featured_tags", "200", masto_json());
    assert_int_equal(n_items(), 1);
    ask("DELETE", path("/api/v1/featured_tags/%llu", id), &bob, NULL, 404);
    ask("DELETE", path("/api/v1/featured_tags/%llu", id), &alice, NULL, 200);
    ask("POST", "/api/v1/tags/bread/feature", &alice, NULL, 200);
    OK(mn_json_bool(masto_at("featuring"), false));
    ask("POST", "/api/v1/tags/bread/unfeature", &alice, NULL, 200);
    OK(!mn_json_bool(masto_at("featuring"), true));
}

/* ---- filters ------------------------------------------------------------------------------------------------------------- */

static void filters_mark_and_hide_posts(void **state)
{
    (void)state;
    follow(&alice, &bob);
    masto_post(&bob, "The weather is fine");
    ask("POST", "/api/v2/filters", &alice,
        "{\"title\":\"small talk\",\"context\":[\"home\",\"public\"],\"filter_action\":"
        "\"warn\",\"expires_in\":3600,\"keywords_attributes\":[{\"keyword\":\"WEATHER\","
        "\"whole_word\":true},{\"keyword\":\"rain\"}]}",
        200);
    openapi_check("post", "/api/v2/filters", "200", masto_json());
    assert_int_equal(masto_at("keywords")->n, 2);
    uint64_t id = masto_id("id");
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    openapi_check("get", "/api/v1/timelines/home", "200", masto_json());
    IS(masto_str("0.filtered.0.filter.title"), "small talk");
    IS(masto_str("0.filtered.0.keyword_matches.0"), "WEATHER");
    ask("PUT", path("/api/v2/filters/%llu", id), &alice, "{\"filter_action\":\"hide\"}", 200);
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("PUT", path("/api/v2/filters/%llu", id), &alice, "{\"context\":[\"thread\"]}", 200);
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    ask("DELETE", path("/api/v2/filters/%llu", id), &alice, NULL, 200);
    ask("GET", "/api/v1/timelines/home", &alice, NULL, 200);
    assert_int_equal(masto_at("0.filtered")->n, 0);
}

static void filters_have_keywords_and_posts_of_their_own(void **state)
{
    (void)state;
    char body[100];
    uint64_t b = masto_post(&bob, "this one");
    ask("POST", "/api/v2/filters", &alice, "title=t&context[]=home&context[]=public", 200);
    uint64_t f = masto_id("id");
    ask("POST", path("/api/v2/filters/%llu/keywords", f), &alice, "keyword=x&whole_word=1",
        200);
    openapi_check("post", "/api/v2/filters/{filter_id}/keywords", "200", masto_json());
    uint64_t k = masto_id("id");
    ask("PUT", path("/api/v2/filters/keywords/%llu", k), &alice, "keyword=y", 200);
    IS(masto_str("keyword"), "y");
    OK(mn_json_bool(masto_at("whole_word"), false));
    ask("GET", path("/api/v2/filters/keywords/%llu", k), &bob, NULL, 404);
    ask("GET", path("/api/v2/filters/%llu/keywords", f), &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    ask("DELETE", path("/api/v2/filters/keywords/%llu", k), &alice, NULL, 200);
    snprintf(body, sizeof body, "{\"status_id\":\"%llu\"}", (unsigned long long)b);
    ask("POST", path("/api/v2/filters/%llu/statuses", f), &alice, body, 200);
    openapi_check("post", "/api/v2/filters/{filter_id}/statuses", "200", masto_json());
    uint64_t s = masto_id("id");
    ask("POST", path("/api/v2/filters/%llu/statuses", f), &alice, body, 422);
    ask("GET", "/api/v1/timelines/public", &alice, NULL, 200);
    assert_int_equal(masto_id("0.filtered.0.status_matches.0"), b);
    ask("GET", path("/api/v2/filters/statuses/%llu", s), &alice, NULL, 200);
    ask("DELETE", path("/api/v2/filters/statuses/%llu", s), &alice, NULL, 200);
    ask("GET", path("/api/v2/filters/%llu/statuses", f), &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", path("/api/v2/filters/%llu", f), &bob, NULL, 404);
    ask("POST", "/api/v2/filters", &alice, "{\"title\":\"t\",\"context\":[\"nowhere\"]}", 422);
    ask("POST", "/api/v2/filters", &alice, "{\"title\":\"\",\"context\":[\"home\"]}", 422);
}

static void filters_of_the_first_kind_are_keywords_of_the_second(void **state)
{
    (void)state;
    ask("POST", "/api/v1/filters", &alice,
        "{\"phrase\":\"spoiler\",\"context\":[\"home\"],\"irreversible\":true}", 200);
    openapi_check("post", "/api/v1/filters", "200", masto_json());
    uint64_t id = masto_id("id");
    OK(mn_json_bool(masto_at("irreversible"), false));
    ask("PUT", path("/api/v1/filters/%llu", id), &alice,
        "{\"phrase\":\"ending\",\"context\":[\"home\",\"thread\"],\"whole_word\":true}", 200);
    IS(masto_str("phrase"), "ending");
    ask("GET", "/api/v1/filters", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    ask("GET", "/api/v2/filters", &alice, NULL, 200);
    openapi_check("get", "/api/v2/filters", "200", masto_json());
    IS(masto_str("0.keywords.0.keyword"), "ending");
    ask("DELETE", path("/api/v1/filters/%llu", id), &alice, NULL, 200);
    ask("GET", "/api/v2/filters", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
}

/* ---- conversations, markers ------------------------------------------------------------------------------------------------ */

static void direct_posts_make_conversations(void **state)
{
    (void)state;
    uint64_t first = post(&alice, "{\"status\":\"@bob psst\",\"visibility\":\"direct\"}");
    ask("GET", "/api/v1/conversations", &bob, NULL, 200);
    openapi_check("get", "/api/v1/conversations", "200", masto_json());
    assert_int_equal(n_items(), 1);
    OK(mn_json_bool(masto_at("0.unread"), false));
    IS(masto_str("0.accounts.0.username"), "alice");
    assert_int_equal(masto_id("0.last_status.id"), first);
    uint64_t id = masto_id("0.id");
    ask("POST", path("/api/v1/conversations/%llu/read", id), &bob, NULL, 200);
    OK(!mn_json_bool(masto_at("unread"), true));
    ask("POST", path("/api/v1/conversations/%llu/unread", id), &bob, NULL, 200);
    OK(mn_json_bool(masto_at("unread"), false));
    ask("POST", path("/api/v1/conversations/%llu/read", id), &carol, NULL, 404);
    char body[200];
    snprintf(body, sizeof body,
             "{\"status\":\"@alice yes?\",\"visibility\":\"direct\",\"in_reply_to_id\":"
             "\"%llu\"}",
             (unsigned long long)first);
    uint64_t second = post(&bob, body);
    ask("GET", "/api/v1/conversations", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.last_status.id"), second);
    ask("DELETE", path("/api/v1/statuses/%llu", second), &bob, NULL, 200);
    ask("GET", "/api/v1/conversations", &alice, NULL, 200);
    assert_int_equal(masto_id("0.last_status.id"), first);
    ask("GET", "/api/v1/timelines/direct", &alice, NULL, 200);
    assert_int_equal(n_items(), 1);
    ask("DELETE", path("/api/v1/conversations/%llu", id), &bob, NULL, 200);
    ask("GET", "/api/v1/conversations", &bob, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("GET", "/api/v1/conversations", &carol, NULL, 200);
    assert_int_equal(n_items(), 0);
}

static void markers_say_how_far_one_has_read(void **state)
{
    (void)state;
    ask("GET", "/api/v1/markers?timeline[]=home", &alice, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("POST", "/api/v1/markers", &alice,
        "{\"home\":{\"last_read_id\":\"103\"},\"notifications\":{\"last_read_id\":\"7\"}}",
        200);
    openapi_check("post", "/api/v1/markers", "200", masto_json());
    ask("POST", "/api/v1/markers", &alice, "home[last_read_id]=104", 200);
    IS(masto_str("home.last_read_id"), "104");
    assert_int_equal(mn_json_i64(masto_at("home.version"), 0), 2);
    ask("GET", "/api/v1/markers?timeline[]=home&timeline[]=notifications", &alice, NULL, 200);
    openapi_check("get", "/api/v1/markers", "200", masto_json());
    IS(masto_str("notifications.last_read_id"), "7");
    ask("GET", "/api/v1/markers?timeline[]=home", &bob, NULL, 200);
    assert_int_equal(n_items(), 0);
}

/* ---- search, trends -------------------------------------------------------------------------------------------------------- */

/* The index follows in the background: asked until it says so, for ten seconds at most. */
static size_t found(const member *m, const char *q, size_t want)
{
    char p[400];
    size_t n = 0;
    snprintf(p, sizeof p, "/api/v2/search?type=statuses&q=%s", q);
    for (int i = 0; i < 100; i++) {
        ask("GET", p, m, NULL, 200);
        n = masto_at("statuses")->n;
        if (n == want) break;
        mn_api_index_wake(masto_api);
        usleep(100000);
    }
    return n;
}

static void search_finds_people_tags_and_posts(void **state)
{
    (void)state;
    uint64_t a = masto_post(&alice, "A heron stood in the river #heron");
    masto_post(&bob, "nothing of note");
    assert_int_equal(found(&carol, "heron", 1), 1);
    assert_int_equal(masto_id("statuses.0.id"), a);
    ask("GET", "/api/v2/search?q=heron", &carol, NULL, 200);
    openapi_check("get", "/api/v2/search", "200", masto_json());
    IS(masto_str("hashtags.0.name"), "heron");
    ask("GET", "/api/v2/search?q=ali", &carol, NULL, 200);
    IS(masto_str("accounts.0.username"), "alice");
    ask("GET", "/api/v2/search?q=ali&type=hashtags", &carol, NULL, 200);
    assert_int_equal(masto_at("accounts")->n, 0);
    ask("GET", "/api/v2/search?q=ali&resolve=true", NULL, NULL, 401);
    ask("GET", "/api/v2/search?q=", &carol, NULL, 400);
    member narrow = masto_member_with("narrow", MN_ROLE_MEMBER, "read:statuses");
    ask("GET", "/api/v2/search?q=ali", &narrow, NULL, 403);
}

static void search_takes_operators(void **state)
{
    (void)state;
    uint64_t a = masto_post(&alice, "the blue kettle sings https://example.org/kettle");
    masto_post(&bob, "kettle, blue and cold");
    post(&bob, "{\"status\":\"a kettle poll\",\"poll\":{\"options\":[\"tea\",\"no tea\"],"
               "\"expires_in\":3600}}");
    assert_int_equal(found(&carol, "kettle", 3), 3);
    assert_int_equal(found(&carol, "kettle%20from:alice", 1), 1);
    assert_int_equal(masto_id("statuses.0.id"), a);
    assert_int_equal(found(&carol, "kettle%20-from:alice", 2), 2);
    assert_int_equal(found(&carol, "%22blue%20kettle%22", 1), 1);
    assert_int_equal(found(&carol, "kettle%20-blue", 1), 1);
    assert_int_equal(found(&carol, "kettle%20has:poll", 1), 1);
    assert_int_equal(found(&carol, "kettle%20has:link", 1), 1);
    assert_int_equal(found(&carol, "kettle%20is:reply", 0), 0);
    assert_int_equal(found(&carol, "kettle%20before:2020-01-01", 0), 0);
    assert_int_equal(found(&carol, "kettle%20since:2020-01-01", 3), 3);
    assert_int_equal(found(&carol, "from:bob", 2), 2);
    assert_int_equal(found(&carol, "kettle%20in:library", 0), 0);
    assert_int_equal(found(&alice, "kettle%20in:library", 1), 1);
    assert_int_equal(found(&carol, "kettle%20from:nobody", 0), 0);
}

static void search_respects_who_may_see_and_who_lets_it(void **state)
{
    (void)state;
    post(&alice, "{\"status\":\"a hidden otter\",\"visibility\":\"private\"}");
    uint64_t open = masto_post(&bob, "an open otter");
    assert_int_equal(found(&carol, "otter", 1), 1);
    assert_int_equal(masto_id("statuses.0.id"), open);
    assert_int_equal(found(&alice, "otter", 2), 2); /* one's own are found */
    mn_err e = {0};
    RUN(mn_social_consent_set(masto_home.store, MN_SCOPE_ACCOUNT, bob.id, MN_P_SEARCH,
                              MN_CONSENT_DENY, bob.id, MN_STR("no"), &e));
    assert_int_equal(found(&carol, "otter", 0), 0);
    ask("POST", path("/api/v1/statuses/%llu/bookmark", open), &carol, NULL, 200);
    assert_int_equal(found(&carol, "otter", 1), 1); /* in the library */
    ask("POST", path("/api/v1/accounts/%llu/block", carol.id), &bob, "{}", 200);
    assert_int_equal(found(&carol, "otter", 0), 0);
}

static void trends_are_made_by_several_who_want_to_be_found(void **state)
{
    (void)state;
    ask("GET", "/api/v1/trends/tags", NULL, NULL, 200);
    assert_int_equal(n_items(), 0);
    ask("PATCH", "/api/v1/accounts/update_credentials", &alice, "{\"discoverable\":true}", 200);
    ask("PATCH", "/api/v1/accounts/update_credentials", &bob, "{\"discoverable\":true}", 200);
    uint64_t a = masto_post(&alice, "#swifts are back");
    masto_post(&bob, "#Swifts overhead");
    masto_post(&alice, "#alone");
    masto_post(&carol, "#alone too, but she does not want to be found");
    ask("POST", path("/api/v1/statuses/%llu/favourite", a), &bob, NULL, 200);
    ask("POST", path("/api/v1/statuses/%llu/favourite", a), &carol, NULL, 200);
    mn_err e = {0};
    mn_arena ar;
    mn_arena_init(&ar, 0);
    RUN(mn_masto__trends_refresh(masto_api, &ar, &e));
    mn_arena_release(&ar);
    ask("GET", "/api/v1/trends/tags", NULL, NULL, 200);
    openapi_check("get", "/api/v1/trends/tags", "200", masto_json());
    assert_int_equal(n_items(), 1);
    IS(masto_str("0.name"), "swifts");
    IS(masto_str("0.history.0.accounts"), "2");
    ask("GET", "/api/v1/trends/statuses", NULL, NULL, 200);
    openapi_check("get", "/api/v1/trends/statuses", "200", masto_json());
    assert_int_equal(n_items(), 1);
    assert_int_equal(masto_id("0.id"), a);
    ask("GET", "/api/v1/trends/links", NULL, NULL, 200);
    openapi_check("get", "/api/v1/trends/links", "200", masto_json());
}

static void other_methods_and_scopes_are_refused(void **state)
{
    (void)state;
    member narrow = masto_member_with("narrow", MN_ROLE_MEMBER, "read:accounts");
    ask("GET", "/api/v1/timelines/home", &narrow, NULL, 403);
    ask("GET", "/api/v1/lists", &narrow, NULL, 403);
    ask("POST", "/api/v1/lists", &narrow, "{\"title\":\"x\"}", 403);
    ask("GET", "/api/v2/filters", &narrow, NULL, 403);
    ask("POST", "/api/v1/tags/x/follow", &narrow, NULL, 403);
    ask("GET", "/api/v1/conversations", &narrow, NULL, 403);
    ask("POST", "/api/v1/markers", &narrow, "home[last_read_id]=1", 403);
    ask("GET", "/api/v1/lists", NULL, NULL, 401);
    ask("GET", "/api/v1/lists/abc", &alice, NULL, 404);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, three_set_up, three_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(home_shows_those_one_follows_and_oneself),
        CASE(pages_lead_to_each_other),
        CASE(the_public_timeline_leaves_out_replies_boosts_and_what_is_not_public),
        CASE(silenced_authors_are_seen_by_their_followers_alone),
        CASE(tag_timelines_take_any_all_and_none),
        CASE(a_community_can_keep_its_public_timelines_to_members),
        CASE(lists_are_made_changed_filled_and_read),
        CASE(tags_are_followed_and_come_home),
        CASE(tags_are_featured_on_a_profile),
        CASE(filters_mark_and_hide_posts),
        CASE(filters_have_keywords_and_posts_of_their_own),
        CASE(filters_of_the_first_kind_are_keywords_of_the_second),
        CASE(direct_posts_make_conversations),
        CASE(markers_say_how_far_one_has_read),
        CASE(search_finds_people_tags_and_posts),
        CASE(search_takes_operators),
        CASE(search_respects_who_may_see_and_who_lets_it),
        CASE(trends_are_made_by_several_who_want_to_be_found),
        CASE(other_methods_and_scopes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
