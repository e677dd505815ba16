/* Posts over the Mastodon API: each route with what it does and how it fails. */
#include "three.h"

#include "base/clock.h"
#include "base/snowflake.h"
#include "social/compose.h"
#include "social/people.h"
#include "store/media.h"

static void act(const member *m, uint64_t id, const char *what, int want)
{
    char p[100];
    snprintf(p, sizeof p, "/api/v1/statuses/%llu/%s", (unsigned long long)id, what);
    int status = masto("POST", p, m, NULL);
    if (status != want) fail_msg("%s gave %d: %.*s", p, status, MN_STR_FMT(masto_body));
    if (want == 200) openapi_check_entity("Status", masto_json());
}

static void follow(const member *a, const member *b)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_follow(tx, a->id, b->id, &(mn_follow_opts){0}, NULL, &e));
    RUN(mn_store_commit(tx, &e));
}
static void block(const member *a, const member *b, bool on)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    if (on) RUN(mn_social_block(tx, a->id, b->id, &e));
    else RUN(mn_social_unblock(tx, a->id, b->id, &e));
    RUN(mn_store_commit(tx, &e));
}
static int64_t count(const char *what)
{
    return mn_json_i64(masto_at(what), -1);
}

/* ---- making, showing ------------------------------------------------------------------------------------------------- */

static void a_post_has_all_that_the_api_describes(void **state)
{
    (void)state;
    uint64_t id =
        post(&alice, "{\"status\":\" Hello #World, @bob!\\r\\n\\r\\nnext\\nline <b>&\\\"x "
                     "#1 @nobody \",\"spoiler_text\":\"about\",\"language\":\"en\"}");
    openapi_check("post", "/api/v1/statuses", "200", masto_json());
    IS(masto_str("content"),
       "<p>Hello <a href=\"https://test.example/tags/World\" class=\"mention hashtag\" "
       "rel=\"tag\">#<span>World</span></a>, <span class=\"h-card\" translate=\"no\"><a "
       "href=\"https://test.example/@bob\" class=\"u-url "
       "mention\">@<span>bob</span></a></span>!"
       "</p><p>next<br />line &lt;b&gt;&amp;&quot;x #1 @nobody</p>");
    IS(masto_str("visibility"), "public");
    IS(masto_str("spoiler_text"), "about");
    OK(mn_json_bool(masto_at("sensitive"), false));
    IS(masto_str("language"), "en");
    IS(masto_str("account.acct"), "alice");
    IS(masto_str("mentions.0.acct"), "bob");
    IS(masto_str("tags.0.name"), "world");
    OK(masto_at("tags.1") == NULL);
    IS(masto_str("quote_approval.current_user"), "automatic");
    char url[100];
    snprintf(url, sizeof url, "https://test.example/@alice/%llu", (unsigned long long)id);
    OK(mn_str_eqz(masto_str("url"), url));
    OK(!mn_json_bool(masto_at("pinned"), true) && !mn_json_bool(masto_at("favourited"), true));

    OK(masto("GET", path("/api/v1/statuses/%llu", id), NULL, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}", "200", masto_json());
    OK(masto_at("favourited") == NULL && masto_at("filtered") == NULL);
    OK(masto("GET", path("/api/v1/statuses?id[]=%llu&id[]=12&id[]=x", id), &bob, NULL) == 200);
    openapi_check("get", "/api/v1/statuses", "200", masto_json());
    OK(masto_id("0.id") == id && masto_at("1") == NULL);
    OK(masto("GET", path("/api/v1/statuses/%llu/source", id), &alice, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/source", "200", masto_json());
    IS(masto_str("text"), "Hello #World, @bob!\n\nnext\nline <b>&\"x #1 @nobody");
}

static void what_makes_no_post_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int status;
        const char *says;
    } bad[] = {
        {"{}", 422, "can't be blank"},
        {"{\"status\":\" \\n \"}", 422, "can't be blank"},
        {"{\"status\":\"x\",\"visibility\":\"secret\"}", 422, "Visibility"},
        {"{\"status\":\"x\",\"in_reply_to_id\":\"77\"}", 404, "reply"},
        {"{\"status\":\"x\",\"in_reply_to_id\":\"abc\"}", 404, "reply"},
        {"{\"status\":\"x\",\"quoted_status_id\":\"77\"}", 404, "quote"},
        {"{\"status\":\"@bob x\",\"allowed_mentions\":[]}", 422, "unexpected accounts"},
        {"{\"status\":\"@bob x\",\"allowed_mentions\":[\"77\"]}", 422, "\"acct\":\"bob\""},
        {"{\"status\":\"x\",\"media_ids\":[\"5\"]}", 422, "Validation failed"},
        {"{\"status\":\"x\",\"media_ids\":[1,2,3,4,5]}", 422, "more than 4"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\"],\"expires_in\":600}}", 422,
         "Options"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\",\"a\"],\"expires_in\":600}}", 422,
         "unique"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\",\" \"],\"expires_in\":600}}", 422,
         "blank"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\",\"b\"],\"expires_in\":1}}", 422,
         "Expires in"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\",\"b\"],\"expires_in\":\"soon\"}}", 422,
         "Expires in"},
        {"{\"status\":\"x\",\"poll\":{\"options\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"expires_"
         "in\":"
         "600}}",
         422, "more than 4"},
        {"{\"status\":\"x\",\"scheduled_at\":\"tomorrow\"}", 422, "Scheduled"},
        {"{\"status\":\"x\",\"consent\":{\"train_generative\":\"maybe\"}}", 422, "maybe"},
        {"{\"status\":\"x\",\"quote_approval_policy\":\"friends\"}", 422, "Quote"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = masto("POST", "/api/v1/statuses", &alice, bad[i].json);
        if (status != bad[i].status || !masto_str("error").ptr || !masto_says(bad[i].says))
            fail_msg("%s: %d %.*s", bad[i].json, status, MN_STR_FMT(masto_body));
    }
    OK(masto("POST", "/api/v1/statuses", NULL, "{\"status\":\"x\"}") == 401);
    member reader = masto_member_with("reader", MN_ROLE_MEMBER, "read");
    OK(masto("POST", "/api/v1/statuses", &reader, "{\"status\":\"x\"}") == 403);
    OK(masto("GET", "/api/v1/statuses/99999", NULL, NULL) == 404);
    IS(masto_str("error"), "Record not found");
    OK(masto("GET", "/api/v1/statuses/abc", NULL, NULL) == 404);
}

static void the_limit_counts_as_mastodon_counts(void **state)
{
    char json[1200], text[600];
    (void)state;
    memset(text, 'x', sizeof text);
    snprintf(json, sizeof json, "{\"status\":\"%.500s\"}", text);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 200);
    snprintf(json, sizeof json, "{\"status\":\"%.501s\"}", text);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 422);
    IS(masto_str("error"), "Validation failed: Text character limit of 500 exceeded");
    snprintf(json, sizeof json, "{\"status\":\"%.499s\",\"spoiler_text\":\"yy\"}", text);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 422);
    /* 490 and " @bob@elsewhere.example" are 495 */
    snprintf(json, sizeof json, "{\"status\":\"%.490s @bob@elsewhere.example.org\"}", text);
    OK(masto("POST", "/api/v1/statuses", &alice, json) == 200);
}

static void the_same_key_makes_one_post(void **state)
{
    (void)state;
    char headers[300];
    snprintf(
        headers, sizeof headers,
        "Authorization: Bearer %s\r\nContent-Type: application/json\r\nIdempotency-Key: k1\r\n",
        alice.token);
    const char *body = "{\"status\":\"once\"}";
    OK(masto_raw("POST", "/api/v1/statuses", headers, body, strlen(body)) == 200);
    uint64_t first = masto_id("id");
    OK(masto_raw("POST", "/api/v1/statuses", headers, body, strlen(body)) == 200);
    OK(masto_id("id") == first);
    mn_now_freeze(mn_now_ms() + 2 * 3600 * 1000);
    OK(masto_raw("POST", "/api/v1/statuses", headers, body, strlen(body)) == 200);
    OK(masto_id("id") != first);
    mn_now_freeze(0);
    snprintf(
        headers, sizeof headers,
        "Authorization: Bearer %s\r\nContent-Type: application/json\r\nIdempotency-Key: k1\r\n",
        bob.token);
    OK(masto_raw("POST", "/api/v1/statuses", headers, body, strlen(body)) == 200);
    OK(masto_id("id") != first); /* keys are each account's own */
}

static void consent_of_a_post_goes_through_the_ledger(void **state)
{
    mn_err e = {0};
    mn_post p;
    mn_ledger_line *lines = NULL;
    size_t n = 0;
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"learn this\",\"consent\":{\"train_generative\":"
                               "\"allow\",\"search\":\"deny\"}}");
    RUN(mn_store_post(masto_home.store, id, &masto_arena, &p, &e));
    OK(mn_consents_get(p.consent, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_ALLOW);
    OK(mn_consents_get(p.consent, MN_P_SEARCH) == MN_CONSENT_DENY);
    OK(mn_consents_get(p.consent, MN_P_BRIDGE) == MN_CONSENT_UNSET);
    RUN(mn_store_ledger_of(masto_home.store, MN_SCOPE_POST, id, 10, &masto_arena, &lines, &n,
                           &e));
    OK(n == 2 && lines[0].actor_id == alice.id);
}

/* ---- editing, deleting --------------------------------------------------------------------------------------------------- */

static void an_edit_keeps_what_was_before(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"first #one\"}");
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice,
             "{\"status\":\"second #two\",\"spoiler_text\":\"cw\"}") == 200);
    openapi_check("put", "/api/v1/statuses/{id}", "200", masto_json());
    IS(masto_str("tags.0.name"), "two");
    OK(masto_at("tags.1") == NULL && masto_str("edited_at").len > 0);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice,
             "{\"status\":\"second #two\",\"spoiler_text\":\"cw\"}") ==
       200); /* the same again */
    OK(masto("GET", path("/api/v1/statuses/%llu/history", id), NULL, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/history", "200", masto_json());
    OK(masto_at("2") == NULL);
    OK(mn_str_find(masto_str("0.content"), MN_STR("first"), 0) != SIZE_MAX);
    IS(masto_str("1.spoiler_text"), "cw");
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &bob, "{\"status\":\"mine\"}") == 404);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice, "{\"status\":\"\"}") == 422);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice, "{\"status\":\"third\"}") ==
       200);
    OK(!mn_json_bool(masto_at("sensitive"), true)); /* the warning is gone */
}

static void a_deleted_post_is_given_back_once(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"to be redrafted\"}");
    act(&bob, id, "favourite", 200);
    act(&bob, id, "bookmark", 200);
    act(&bob, id, "reblog", 200);
    uint64_t boost = masto_id("id");
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &bob, NULL) == 404);
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &alice, NULL) == 200);
    openapi_check("delete", "/api/v1/statuses/{id}", "200", masto_json());
    IS(masto_str("text"), "to be redrafted");
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &alice, NULL) == 404);
    OK(masto("GET", path("/api/v1/statuses/%llu", id), &alice, NULL) == 404);
    OK(masto("GET", path("/api/v1/statuses/%llu", boost), &bob, NULL) == 404);
    OK(masto("GET", "/api/v1/bookmarks", &bob, NULL) == 200);
    OK(masto_id("0.id") != id);
    act(&bob, id, "favourite", 404);
}

/* ---- marks ------------------------------------------------------------------------------------------------------------------ */

static void marks_are_put_on_once_and_taken_off(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"mark me\"}");
    for (int twice = 0; twice < 2; twice++) {
        act(&bob, id, "favourite", 200);
        OK(count("favourites_count") == 1 && mn_json_bool(masto_at("favourited"), false));
    }
    act(&carol, id, "favourite", 200);
    OK(count("favourites_count") == 2);
    OK(masto("GET", path("/api/v1/statuses/%llu/favourited_by?limit=1", id), NULL, NULL) ==
       200);
    openapi_check("get", "/api/v1/statuses/{id}/favourited_by", "200", masto_json());
    IS(masto_str("0.acct"), "carol");
    OK(masto_at("1") == NULL && masto_says("rel=\"next\""));
    for (int twice = 0; twice < 2; twice++) {
        act(&bob, id, "unfavourite", 200);
        OK(count("favourites_count") == 1 && !mn_json_bool(masto_at("favourited"), true));
    }
    act(&bob, id, "bookmark", 200);
    OK(mn_json_bool(masto_at("bookmarked"), false));
    OK(masto("GET", "/api/v1/bookmarks", &bob, NULL) == 200);
    openapi_check("get", "/api/v1/bookmarks", "200", masto_json());
    OK(masto_id("0.id") == id);
    act(&bob, id, "unbookmark", 200);
    OK(masto("GET", "/api/v1/bookmarks", &bob, NULL) == 200 && masto_at("0") == NULL);
    OK(masto("GET", "/api/v1/favourites", &carol, NULL) == 200);
    openapi_check("get", "/api/v1/favourites", "200", masto_json());
    OK(masto_id("0.id") == id);
    act(&bob, id, "mute", 200);
    OK(mn_json_bool(masto_at("muted"), false));
    act(&bob, id, "unmute", 200);
    OK(!mn_json_bool(masto_at("muted"), true));
    act(&bob, 424242, "favourite", 404);
    act(&bob, 424242, "unfavourite", 404);
    act(NULL, id, "favourite", 401);
}

static void a_boost_holds_its_post(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"boost me\"}");
    act(&bob, id, "reblog", 200);
    uint64_t boost = masto_id("id");
    OK(boost != id && masto_id("reblog.id") == id && count("reblog.reblogs_count") == 1);
    OK(mn_json_bool(masto_at("reblog.reblogged"), false));
    act(&bob, id, "reblog", 200);
    OK(masto_id("id") == boost && count("reblog.reblogs_count") == 1);
    OK(masto("GET", path("/api/v1/statuses/%llu/reblogged_by", id), NULL, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/reblogged_by", "200", masto_json());
    IS(masto_str("0.acct"), "bob");
    act(&carol, boost, "favourite", 200); /* of the boost: of the post */
    OK(masto_id("id") == boost || masto_id("id") == id);
    OK(masto("GET", path("/api/v1/statuses/%llu", id), &carol, NULL) == 200);
    OK(count("favourites_count") == 1 && mn_json_bool(masto_at("favourited"), false));
    act(&bob, id, "unreblog", 200);
    OK(masto_id("id") == id && count("reblogs_count") == 0);
    OK(masto("GET", path("/api/v1/statuses/%llu", boost), &bob, NULL) == 404);
    uint64_t own = post(&alice, "{\"status\":\"for followers\",\"visibility\":\"private\"}");
    act(&alice, own, "reblog", 200);
    IS(masto_str("visibility"), "private");
    follow(&bob, &alice);
    act(&bob, own, "reblog", 403);
    IS(masto_str("error"), "This action is not allowed");
    uint64_t direct = post(&alice, "{\"status\":\"@bob psst\",\"visibility\":\"direct\"}");
    act(&bob, direct, "reblog", 403);
}

static void five_posts_are_pinned_and_no_more(void **state)
{
    (void)state;
    uint64_t ids[6];
    for (int i = 0; i < 6; i++) ids[i] = post(&carol, "{\"status\":\"pin\"}");
    for (int i = 0; i < 5; i++) act(&carol, ids[i], "pin", 200);
    OK(mn_json_bool(masto_at("pinned"), false));
    act(&carol, ids[5], "pin", 422);
    act(&carol, ids[0], "unpin", 200);
    act(&carol, ids[5], "pin", 200);
    act(&bob, ids[5], "pin", 422);
    uint64_t direct = post(&carol, "{\"status\":\"@bob\",\"visibility\":\"direct\"}");
    act(&carol, direct, "pin", 422);
    for (int i = 1; i < 6; i++) act(&carol, ids[i], "unpin", 200);
}

/* ---- threads ------------------------------------------------------------------------------------------------------------------ */

static uint64_t reply(const member *m, uint64_t to, const char *visibility)
{
    char json[300];
    snprintf(json, sizeof json,
             "{\"status\":\"an answer\",\"in_reply_to_id\":\"%llu\",\"visibility\":\"%s\"}",
             (unsigned long long)to, visibility);
    return post(m, json);
}

static void a_thread_is_shown_as_far_as_it_may_be_seen(void **state)
{
    (void)state;
    uint64_t a = post(&alice, "{\"status\":\"thread\"}");
    uint64_t b = reply(&bob, a, "public"), c = reply(&carol, b, "public");
    uint64_t d = reply(&bob, a, "direct"), own = reply(&alice, a, "unlisted");
    OK(masto("GET", path("/api/v1/statuses/%llu/context", a), NULL, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/context", "200", masto_json());
    OK(masto_id("descendants.0.id") == own); /* one's own answers first */
    OK(masto_id("descendants.1.id") == b && masto_id("descendants.2.id") == c);
    OK(masto_at("descendants.3") == NULL && masto_at("ancestors.0") == NULL);
    OK(masto("GET", path("/api/v1/statuses/%llu", a), NULL, NULL) == 200);
    OK(count("replies_count") == 2); /* the direct one is not counted */
    OK(masto("GET", path("/api/v1/statuses/%llu/context", c), NULL, NULL) == 200);
    OK(masto_id("ancestors.0.id") == a && masto_id("ancestors.1.id") == b);
    OK(masto("GET", path("/api/v1/statuses/%llu/context", a), &bob, NULL) == 200);
    OK(masto_id("descendants.3.id") == d);
    OK(masto("GET", path("/api/v1/statuses/%llu/context", d), &carol, NULL) == 404);
    OK(masto("DELETE", path("/api/v1/statuses/%llu", b), &bob, NULL) == 200);
    OK(masto("GET", path("/api/v1/statuses/%llu/context", a), NULL, NULL) == 200);
    OK(masto_id("descendants.1.id") == c && masto_at("descendants.2") == NULL);
    OK(masto("GET", path("/api/v1/statuses/%llu", a), NULL, NULL) == 200);
    OK(count("replies_count") == 1);
}

/* ---- quotes ---------------------------------------------------------------------------------------------------------------------- */

static int quote(const member *m, uint64_t of)
{
    char json[300];
    snprintf(json, sizeof json, "{\"status\":\"look\",\"quoted_status_id\":\"%llu\"}",
             (unsigned long long)of);
    return masto("POST", "/api/v1/statuses", m, json);
}

static void quotes_ask_the_quoted_author(void **state)
{
    (void)state;
    uint64_t id = post(&alice, "{\"status\":\"quote me\"}");
    OK(quote(&carol, id) == 200);
    openapi_check_entity("Status", masto_json());
    uint64_t q = masto_id("id");
    IS(masto_str("quote.state"), "accepted");
    OK(masto_id("quote.quoted_status.id") == id);
    OK(count("quote.quoted_status.quotes_count") == 1);
    OK(masto("GET", path("/api/v1/statuses/%llu/quotes", id), &alice, NULL) == 200);
    openapi_check("get", "/api/v1/statuses/{id}/quotes", "200", masto_json());
    OK(masto_id("0.id") == q);
    char p[120];
    snprintf(p, sizeof p, "/api/v1/statuses/%llu/quotes/%llu/revoke", (unsigned long long)id,
             (unsigned long long)q);
    OK(masto("POST", p, &carol, NULL) == 403);
    OK(masto("POST", p, &alice, NULL) == 200);
    IS(masto_str("quote.state"), "revoked");
    OK(masto_at("quote.quoted_status")->type == MN_JSON_NULL);
    OK(masto("GET", path("/api/v1/statuses/%llu", id), NULL, NULL) == 200);
    OK(count("quotes_count") == 0);

    OK(masto("PUT", path("/api/v1/statuses/%llu/interaction_policy", id), &alice,
             "{\"quote_approval_policy\":\"followers\"}") == 200);
    openapi_check("put", "/api/v1/statuses/{id}/interaction_policy", "200", masto_json());
    IS(masto_str("quote_approval.automatic.0"), "followers");
    OK(quote(&carol, id) == 403);
    follow(&carol, &alice);
    OK(quote(&carol, id) == 200);
    uint64_t second = masto_id("id");
    OK(masto("PUT", path("/api/v1/statuses/%llu/interaction_policy", id), &bob,
             "{\"quote_approval_policy\":\"nobody\"}") == 403);
    OK(masto("PUT", path("/api/v1/statuses/%llu/interaction_policy", id), &alice,
             "{\"quote_approval_policy\":\"nobody\"}") == 200);
    OK(quote(&carol, id) == 403 && quote(&alice, id) == 200);
    uint64_t secret = post(&alice, "{\"status\":\"private\",\"visibility\":\"private\"}");
    OK(quote(&carol, secret) == 403); /* a follower sees it and may not quote it */
    member stranger = masto_member("stranger");
    OK(quote(&stranger, secret) == 404);
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), &alice, NULL) == 200);
    OK(masto("GET", path("/api/v1/statuses/%llu", second), NULL, NULL) == 200);
    IS(masto_str("quote.state"), "deleted");
}

/* ---- polls ------------------------------------------------------------------------------------------------------------------------- */

static void a_poll_counts_each_voter_once(void **state)
{
    (void)state;
    uint64_t id =
        post(&alice, "{\"status\":\"which?\",\"poll\":{\"options\":[\"tea\",\"coffee\"],"
                     "\"expires_in\":3600,\"hide_totals\":true}}");
    openapi_check_entity("Status", masto_json());
    uint64_t poll = masto_id("poll.id");
    OK(masto_at("poll.options.0.votes_count")->type == MN_JSON_NULL);
    OK(mn_json_bool(masto_at("poll.voted"), false)); /* one's own */
    const char *p = path("/api/v1/polls/%llu/votes", poll);
    OK(masto("POST", p, &alice, "{\"choices\":[0]}") == 422);
    OK(masto("POST", p, &bob, "{\"choices\":[]}") == 422);
    OK(masto("POST", p, &bob, "{\"choices\":[2]}") == 422);
    OK(masto("POST", p, &bob, "{\"choices\":[\"-1\"]}") == 422);
    OK(masto("POST", p, &bob, "{\"choices\":[0,1]}") == 422);
    OK(masto("POST", p, &bob, "{\"choices\":[1]}") == 200);
    openapi_check("post", "/api/v1/polls/{id}/votes", "200", masto_json());
    OK(count("votes_count") == 1 && count("own_votes.0") == 1);
    OK(masto("POST", p, &bob, "{\"choices\":[0]}") == 422);
    OK(masto("POST", p, &carol, "choices[]=0") == 200);
    OK(masto("GET", path("/api/v1/polls/%llu", poll), NULL, NULL) == 200);
    openapi_check("get", "/api/v1/polls/{id}", "200", masto_json());
    OK(count("voters_count") == 2);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), &alice,
             "{\"status\":\"which?\",\"poll\":{\"options\":[\"tea\",\"water\"],\"expires_in\":"
             "3600}}") == 200);
    OK(count("poll.votes_count") == 0); /* other options: other poll */
    OK(masto("GET", path("/api/v1/statuses/%llu/history", id), NULL, NULL) == 200);
    IS(masto_str("0.poll.options.1.title"), "coffee");
    IS(masto_str("1.poll.options.1.title"), "water");
    mn_now_freeze(mn_now_ms() + 2 * 3600 * 1000);
    OK(masto("POST", p, &bob, "{\"choices\":[1]}") == 422 && masto_says("ended"));
    mn_now_freeze(0);
    OK(masto("GET", "/api/v1/polls/4242", NULL, NULL) == 404);
    uint64_t hidden =
        post(&alice, "{\"status\":\"@carol?\",\"visibility\":\"direct\",\"poll\":{"
                     "\"options\":[\"a\",\"b\"],\"expires_in\":600}}");
    (void)hidden;
    uint64_t secret = masto_id("poll.id");
    OK(masto("GET", path("/api/v1/polls/%llu", secret), &bob, NULL) == 404);
    OK(masto("POST", path("/api/v1/polls/%llu/votes", secret), &bob, "{\"choices\":[0]}") ==
       404);
    OK(masto("GET", path("/api/v1/polls/%llu", secret), &carol, NULL) == 200);
}

/* ---- later ------------------------------------------------------------------------------------------------------------------------- */

static void a_scheduled_post_waits_and_can_be_moved(void **state)
{
    mn_err e = {0};
    char when[MN_TIME_MAX], json[300];
    size_t n = 0;
    mn_compose c;
    (void)state;
    int64_t at = mn_now_ms() + 3600 * 1000;
    snprintf(json, sizeof json, "{\"status\":\"later\",\"scheduled_at\":\"%s\"}",
             mn_time_format(at, when));
    OK(masto("POST", "/api/v1/statuses", &bob, json) == 200);
    openapi_check_entity("ScheduledStatus", masto_json());
    uint64_t id = masto_id("id");
    IS(masto_str("params.text"), "later");
    OK(masto("GET", "/api/v1/scheduled_statuses", &bob, NULL) == 200);
    openapi_check("get", "/api/v1/scheduled_statuses", "200", masto_json());
    OK(masto_id("0.id") == id);
    const char *p = path("/api/v1/scheduled_statuses/%llu", id);
    OK(masto("GET", p, &alice, NULL) == 404);
    OK(masto("PUT", p, &bob, "{\"scheduled_at\":\"2001-01-01T00:00:00Z\"}") == 422);
    snprintf(json, sizeof json, "{\"scheduled_at\":\"%s\"}",
             mn_time_format(at + 3600 * 1000, when));
    OK(masto("PUT", p, &bob, json) == 200);
    openapi_check("put", "/api/v1/scheduled_statuses/{id}", "200", masto_json());
    OK(mn_str_eqz(masto_str("scheduled_at"), when));
    OK(masto("DELETE", p, &alice, NULL) == 404);
    RUN(mn_compose_init(masto_home.store, masto_home.conf, MN_STR("test.example"), &c, &e));
    RUN(mn_social_scheduled_due(&c, at + 2 * 3600 * 1000, 10, &n, &e));
    OK(n == 1);
    OK(masto("GET", p, &bob, NULL) == 404);
    OK(masto("GET", path("/api/v1/accounts/%llu/statuses?limit=1", bob.id), NULL, NULL) == 200);
    OK(mn_str_find(masto_str("0.content"), MN_STR("later"), 0) != SIZE_MAX);
    snprintf(json, sizeof json, "{\"status\":\"never\",\"scheduled_at\":\"%s\"}",
             mn_time_format(at, when));
    OK(masto("POST", "/api/v1/statuses", &bob, json) == 200);
    p = path("/api/v1/scheduled_statuses/%llu", masto_id("id"));
    OK(masto("DELETE", p, &bob, NULL) == 200);
    OK(masto("DELETE", p, &bob, NULL) == 404);
    for (int i = 0; i < 25; i++) OK(masto("POST", "/api/v1/statuses", &carol, json) == 200);
    OK(masto("POST", "/api/v1/statuses", &carol, json) == 422);
}

static void drafts_are_kept_changed_and_thrown_away(void **state)
{
    (void)state;
    OK(masto("POST", "/api/v1/mynah/drafts", &alice,
             "{\"status\":\"half a tho\",\"visibility\":\"private\"}") == 200);
    uint64_t id = masto_id("id");
    const char *p = path("/api/v1/mynah/drafts/%llu", id);
    OK(masto("PUT", p, &alice, "{\"status\":\"half a thought\"}") == 200);
    IS(masto_str("params.text"), "half a thought");
    OK(masto("GET", "/api/v1/mynah/drafts", &alice, NULL) == 200 && masto_id("0.id") == id);
    OK(masto("GET", p, &bob, NULL) == 404);
    OK(masto("PUT", p, &bob, "{\"status\":\"mine\"}") == 404);
    OK(masto("DELETE", p, &bob, NULL) == 404);
    OK(masto("DELETE", p, &alice, NULL) == 200);
    OK(masto("GET", p, &alice, NULL) == 404);
    OK(masto("POST",
             path("/api/v1/statuses/%llu/translate", post(&alice, "{\"status\":\"x\"}")), &bob,
             NULL) == 404);
}

/* ---- what must not be seen -------------------------------------------------------------------------------------------------------- */

/* Whatever is asked about a post that `m` may not see, the answer is that of a post that is not there. */
static void looks_absent(const member *m, uint64_t id)
{
    static const char *const gets[] = {"", "/context", "/history", "/favourited_by",
                                       "/reblogged_by"};
    static const char *const member_gets[] = {"/source", "/quotes"};
    static const char *const posts[] = {"favourite", "unfavourite", "reblog",   "unreblog",
                                        "bookmark",  "unbookmark",  "pin",      "unpin",
                                        "mute",      "unmute",      "translate"};
    char p[120], want[400];
    for (size_t i = 0; i < 5; i++) {
        snprintf(p, sizeof p, "/api/v1/statuses/%llu%s", (unsigned long long)id, gets[i]);
        if (masto("GET", p, m, NULL) != 404) fail_msg("%s: %.*s", p, MN_STR_FMT(masto_body));
    }
    snprintf(p, sizeof p, "/api/v1/statuses?id[]=%llu", (unsigned long long)id);
    OK(masto("GET", p, m, NULL) == 200 && mn_str_eqz(masto_body, "[]"));
    if (!m) return;
    for (size_t i = 0; i < 2; i++) {
        snprintf(p, sizeof p, "/api/v1/statuses/%llu%s", (unsigned long long)id,
                 member_gets[i]);
        if (masto("GET", p, m, NULL) != 404) fail_msg("%s: %.*s", p, MN_STR_FMT(masto_body));
    }
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        snprintf(p, sizeof p, "/api/v1/statuses/77/%s", posts[i]);
        int status = masto("POST", p, m, NULL);
        snprintf(want, sizeof want, "%.*s", MN_STR_FMT(masto_body));
        snprintf(p, sizeof p, "/api/v1/statuses/%llu/%s", (unsigned long long)id, posts[i]);
        if (masto("POST", p, m, NULL) != status || !mn_str_eqz(masto_body, want))
            fail_msg("%s: %.*s instead of %s", p, MN_STR_FMT(masto_body), want);
    }
    OK(quote(m, id) == 404);
    snprintf(p, sizeof p, "{\"status\":\"x\",\"in_reply_to_id\":\"%llu\"}",
             (unsigned long long)id);
    OK(masto("POST", "/api/v1/statuses", m, p) == 404);
    OK(masto("PUT", path("/api/v1/statuses/%llu", id), m, "{\"status\":\"x\"}") == 404);
    OK(masto("DELETE", path("/api/v1/statuses/%llu", id), m, NULL) == 404);
}

static void a_post_that_may_not_be_seen_leaks_nowhere(void **state)
{
    (void)state;
    member ann = masto_member("ann"), eve = masto_member("eve"),
           friend = masto_member("friend");
    follow(&friend, &ann);
    uint64_t open = post(&ann, "{\"status\":\"open\"}");
    uint64_t secret = post(&ann, "{\"status\":\"for followers\",\"visibility\":\"private\"}");
    uint64_t direct = post(&ann, "{\"status\":\"@friend psst\",\"visibility\":\"direct\"}");
    OK(masto("GET", path("/api/v1/statuses/%llu", secret), &friend, NULL) == 200);
    OK(masto("GET", path("/api/v1/statuses/%llu", direct), &friend, NULL) == 200);
    looks_absent(&eve, secret);
    looks_absent(&eve, direct);
    looks_absent(NULL, secret);
    looks_absent(NULL, direct);

    /* A boost of one's own private post, and a quote of it, show it to nobody else. */
    act(&ann, secret, "reblog", 200);
    looks_absent(&eve, masto_id("id"));
    OK(quote(&ann, secret) == 200);
    IS(masto_str("visibility"), "private");
    looks_absent(&eve, masto_id("id"));
    act(&ann, secret, "pin", 200);
    OK(masto("GET", path("/api/v1/accounts/%llu/statuses?pinned=true", ann.id), &eve, NULL) ==
       200);
    OK(!masto_says("for followers"));

    /* A private answer to a public post is counted for nobody. */
    uint64_t answer = reply(&friend, open, "private");
    OK(masto("GET", path("/api/v1/statuses/%llu", open), &eve, NULL) == 200);
    OK(count("replies_count") == 0);
    OK(masto("GET", path("/api/v1/statuses/%llu/context", open), &eve, NULL) == 200);
    OK(masto_at("descendants.0") == NULL);
    looks_absent(&eve, answer);

    /* What one marked while one could see it is gone from one's lists when one can no more. */
    follow(&eve, &ann);
    act(&eve, secret, "bookmark", 200);
    act(&eve, secret, "favourite", 200);
    block(&ann, &eve, true);
    OK(masto("GET", "/api/v1/bookmarks", &eve, NULL) == 200 && mn_str_eqz(masto_body, "[]"));
    OK(masto("GET", "/api/v1/favourites", &eve, NULL) == 200 && mn_str_eqz(masto_body, "[]"));
    looks_absent(&eve, open);
    OK(masto("GET", path("/api/v1/statuses/%llu/favourited_by", secret), &ann, NULL) == 200);
    OK(mn_str_eqz(masto_body, "[]"));
    block(&ann, &eve, false);
    OK(masto("GET", path("/api/v1/statuses/%llu", open), &eve, NULL) == 200);

    /* A quote of a post whose author has blocked the reader stands without it. */
    OK(quote(&carol, open) == 200);
    uint64_t q = masto_id("id");
    block(&ann, &eve, true);
    OK(masto("GET", path("/api/v1/statuses/%llu", q), &eve, NULL) == 200);
    IS(masto_str("quote.state"), "unauthorized");
    OK(!masto_says("open"));
}

static void a_suspended_account_is_not_read(void **state)
{
    mn_err e = {0};
    (void)state;
    member mallory = masto_member("mallory");
    uint64_t id = post(&mallory, "{\"status\":\"spam\"}");
    act(&bob, id, "reblog", 200);
    uint64_t boost = masto_id("id");
    RUN(mn_social_account_suspend(masto_home.store, mallory.id, true, &e));
    OK(masto("GET", path("/api/v1/statuses/%llu", id), &bob, NULL) == 404);
    OK(masto("GET", path("/api/v1/statuses/%llu", boost), &bob, NULL) == 404);
    RUN(mn_social_account_suspend(masto_home.store, mallory.id, false, &e));
    OK(masto("GET", path("/api/v1/statuses/%llu", boost), &bob, NULL) == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_post_has_all_that_the_api_describes),
        TEST(what_makes_no_post_is_refused_in_words),
        TEST(the_limit_counts_as_mastodon_counts),
        TEST(the_same_key_makes_one_post),
        TEST(consent_of_a_post_goes_through_the_ledger),
        TEST(an_edit_keeps_what_was_before),
        TEST(a_deleted_post_is_given_back_once),
        TEST(marks_are_put_on_once_and_taken_off),
        TEST(a_boost_holds_its_post),
        TEST(five_posts_are_pinned_and_no_more),
        TEST(a_thread_is_shown_as_far_as_it_may_be_seen),
        TEST(quotes_ask_the_quoted_author),
        TEST(a_poll_counts_each_voter_once),
        TEST(a_scheduled_post_waits_and_can_be_moved),
        TEST(drafts_are_kept_changed_and_thrown_away),
        TEST(a_post_that_may_not_be_seen_leaks_nowhere),
        TEST(a_suspended_account_is_not_read),
    };
    return cmocka_run_group_tests(tests, three_set_up, three_tear_down);
}
