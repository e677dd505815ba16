/* What is for some is not seen by others, and what is somebody's is not changed by others: asked of every route there is, with
 * every id there is, rather than of those where one would look. */
#include "http/masto.h"

#include "api/mastodon/mastodon.h"
#include "social/people.h"
#include "unit/media/pictures.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#define SECRET                                                                                 \
    "zebrasecret" /* a word of all that is not for eve, so that one look finds any of it */
#define IDS 24

static member ada, friend, eve;
static const char *word; /* what is looked for */
static mn_route *routes;
static char ids[IDS][32]; /* of things that are not eve's */
static size_t n_ids;
static uint64_t secret, direct, answer, poll_post, open_post, list, filter, scheduled, draft;

static uint64_t note(uint64_t id)
{
    OK(id != 0 && n_ids < IDS);
    snprintf(ids[n_ids++], 32, "%llu", (unsigned long long)id);
    return id;
}
static const char *at(const char *fmt, uint64_t id)
{
    static char out[8][300];
    static int k;
    char *p = out[k++ % 8];
    snprintf(p, 300, fmt, (unsigned long long)id);
    return p;
}
static uint64_t make(const char *path, const member *m, const char *body)
{
    int status = masto("POST", path, m, body);
    if (status != 200) fail_msg("%s gave %d: %.*s", path, status, MN_STR_FMT(masto_body));
    return note(masto_id("id"));
}
static void does(const char *method, const char *path, const member *m, const char *body)
{
    int status = masto(method, path, m, body);
    if (status != 200) fail_msg("%s gave %d: %.*s", path, status, MN_STR_FMT(masto_body));
}

static uint64_t make_media(const member *m)
{
    mn_buf pic, b;
    char headers[300];
    mn_buf_init(&pic, 0);
    mn_buf_init(&b, 0);
    make_png(60, 40, 255, &pic);
    mn_buf_addz(&b,
                "--XX\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n" SECRET
                "\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                "filename=\"a.png\"\r\n\r\n");
    mn_buf_adds(&b, mn_buf_str(&pic));
    mn_buf_addz(&b, "\r\n--XX--\r\n");
    snprintf(headers, sizeof headers,
             "Authorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=XX\r\n",
             m->token);
    assert_int_equal(masto_raw("POST", "/api/v2/media", headers, b.ptr, b.len), 200);
    mn_buf_release(&pic);
    mn_buf_release(&b);
    return note(masto_id("id"));
}

/* Ada has friends, and says much that is not for eve. */
static void make_world(void)
{
    mn_err e = {0};
    mn_tx *tx;
    char body[400], when[MN_TIME_MAX];
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_social_follow(tx, friend.id, ada.id, &(mn_follow_opts){0}, NULL, &e));
    RUN(mn_social_follow(tx, ada.id, friend.id, &(mn_follow_opts){0}, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    does("PATCH", "/api/v1/accounts/update_credentials", &ada, "locked=true");
    open_post = make("/api/v1/statuses", &ada, "status=open+to+all");
    uint64_t media = make_media(&ada);
    snprintf(body, sizeof body,
             "status=" SECRET "+%%23" SECRET "tag+https://" SECRET
             ".example/x&spoiler_text=" SECRET "&visibility=private&media_ids[]=%llu",
             (unsigned long long)media);
    secret = make("/api/v1/statuses", &ada, body);
    direct = make("/api/v1/statuses", &ada, "status=@friend+" SECRET "&visibility=direct");
    poll_post = make("/api/v1/statuses", &ada,
                     "status=" SECRET "&visibility=private&poll[options][]=" SECRET
                     "1&poll[options][]=" SECRET "2&poll[expires_in]=3600");
    note(masto_id("poll.id"));
    snprintf(body, sizeof body, "status=" SECRET "&visibility=private&in_reply_to_id=%llu",
             (unsigned long long)open_post);
    answer = make("/api/v1/statuses", &friend, body);
    snprintf(body, sizeof body, "status=" SECRET "&visibility=private&quoted_status_id=%llu",
             (unsigned long long)secret);
    make("/api/v1/statuses", &ada, body);
    make(at("/api/v1/statuses/%llu/reblog", secret), &ada, "x=1");
    does("POST", at("/api/v1/statuses/%llu/pin", secret), &ada, "x=1");
    does("POST", at("/api/v1/statuses/%llu/favourite", secret), &friend, "x=1");
    does("POST", at("/api/v1/statuses/%llu/bookmark", secret), &friend, "x=1");
    does("PUT", at("/api/v1/statuses/%llu", direct), &ada, "status=@friend+" SECRET "+edited");
    list = make("/api/v1/lists", &ada, "title=" SECRET);
    does("POST", at("/api/v1/lists/%llu/accounts", list), &ada,
         at("account_ids[]=%llu", friend.id));
    filter = make("/api/v2/filters", &ada,
                  "title=" SECRET "&context[]=home&keywords_attributes[0][keyword]=" SECRET);
    note(masto_id("keywords.0.id"));
    mn_time_format(mn_now_ms() + 86400000, when);
    snprintf(body, sizeof body, "status=" SECRET "&scheduled_at=%s", when);
    scheduled = make("/api/v1/statuses", &ada, body);
    draft = make("/api/v1/mynah/drafts", &ada, "status=" SECRET);
    does("POST", at("/api/v1/accounts/%llu/note", eve.id), &ada, "comment=" SECRET);
    OK(masto("GET", "/api/v1/conversations", &ada, NULL) == 200);
    note(masto_id("0.id"));
    OK(masto("GET", "/api/v1/notifications", &ada, NULL) == 200);
    note(masto_id("0.id"));
    note(ada.id);
    note(friend.id);
}

static int set_up(void **s)
{
    mn_err e = {0};
    (void)s;
    masto_start();
    ada = masto_member("ada");
    friend = masto_member("friend");
    eve = masto_member("eve");
    n_ids = 0;
    word = SECRET;
    RUN(mn_api__routes_new(&routes, &e));
    make_world();
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    mn_free(routes);
    masto_stop();
    return 0;
}

static const char *method_of(const mn_route *r)
{
    static const char *const names[] = {
        [MN_GET] = "GET",     [MN_POST] = "POST",     [MN_PUT] = "PUT",
        [MN_PATCH] = "PATCH", [MN_DELETE] = "DELETE", [MN_OPTIONS] = "OPTIONS"};
    return names[r->method];
}

/* The pattern with these for its first and its other parameters. */
static const char *address_of(const char *pattern, const char *first, const char *other)
{
    static char out[400];
    size_t n = 0;
    for (const char *p = pattern; *p && n < sizeof out - 40;) {
        if (*p != ':') {
            out[n++] = *p++;
            continue;
        }
        n += (size_t)snprintf(out + n, 40, "%s", first);
        first = other;
        while (*p && *p != '/') p++;
    }
    out[n] = 0;
    return out;
}

static bool streams(const mn_route *r)
{
    return strstr(r->path, "/streaming") || strstr(r->path, "/events");
}

static void looks_at(const char *address, const member *m)
{
    char url[900];
    snprintf(url, sizeof url,
             "%s?limit=40&q=%s&pinned=true%s&acct=ada&id[]=%llu&id[]=%llu"
             "&id[]=%llu&account_id=%llu&url=https://test.example/@ada/%llu&with_muted=true",
             address, word, m ? "&resolve=true" : "", (unsigned long long)secret,
             (unsigned long long)direct, (unsigned long long)ada.id, (unsigned long long)ada.id,
             (unsigned long long)secret);
    int status = masto("GET", url, m, NULL);
    if (status >= 500) fail_msg("%s gave %d", url, status);
    /* what was asked for may be said again, once: the page's own field of search */
    const char *found = memmem(masto_body.ptr, masto_body.len, word, strlen(word));
    bool echo = found && (found[strlen(word)] == '"' || found[strlen(word)] == '&') &&
                memmem(found - 40, 40, "value=\"", 7);
    if (found && echo)
        found = memmem(found + 1, (size_t)(masto_body.ptr + masto_body.len - found - 1), word,
                       strlen(word));
    if (found) fail_msg("%s shows %s: …%.*s", url, m ? m->name : "anybody", 120, found - 60);
}

static void every_address_looked_at(const member *m)
{
    static const char *const names[] = {"ada", "friend", SECRET "tag", SECRET};
    for (const mn_route *r = routes; r->path; r++) {
        if (r->method != MN_GET || streams(r)) continue;
        if (!strchr(r->path, ':')) {
            looks_at(r->path, m);
            continue;
        }
        bool named = strstr(r->path, ":name") || strstr(r->path, "tag");
        for (size_t i = 0; i < n_ids; i++) {
            looks_at(address_of(r->path, ids[i], ids[i]), m);
            for (size_t k = 0; named && k < 2; k++)
                looks_at(address_of(r->path, names[k], ids[i]), m);
        }
        /* An answer may name the tag that it was asked for; what is below it may not be there. */
        for (size_t k = 0; k < 2; k++) looks_at(address_of(r->path, names[k], "1"), m);
    }
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------- */

/* That looking finds something where there is something: ada and her friend see it all. */
static void who_may_see_it_does(void **state)
{
    (void)state;
    OK(masto("GET", at("/api/v1/statuses/%llu", secret), &friend, NULL) == 200);
    OK(masto_says(SECRET));
    OK(masto("GET", at("/api/v1/statuses/%llu", direct), &friend, NULL) == 200);
    OK(masto("GET", "/api/v1/timelines/home", &friend, NULL) == 200 && masto_says(SECRET));
    OK(masto("GET", at("/api/v1/accounts/%llu/statuses?pinned=true", ada.id), &friend, NULL) ==
       200);
    OK(masto_says(SECRET));
}

static void nothing_of_it_is_seen_by_a_stranger(void **state)
{
    (void)state;
    every_address_looked_at(&eve);
}
static void nothing_of_it_is_seen_by_anybody(void **state)
{
    (void)state;
    every_address_looked_at(NULL);
}

static void tags_of_private_posts_are_counted_for_nobody(void **state)
{
    (void)state;
    OK(masto("GET", "/api/v1/timelines/tag/" SECRET "tag", &eve, NULL) == 200);
    OK(mn_str_eqz(masto_body, "[]"));
    OK(masto("GET", "/api/v1/tags/" SECRET "tag", &eve, NULL) == 200 ||
       masto_says("Record not found"));
    OK(!masto_says("\"uses\":\"1\"") && !masto_says("\"accounts\":\"1\""));
    OK(masto("GET", at("/api/v1/statuses/%llu", open_post), &eve, NULL) == 200);
    OK(mn_json_i64(masto_at("replies_count"), -1) == 0);
    OK(masto("GET", at("/api/v1/accounts/%llu", ada.id), NULL, NULL) == 200);
    OK(!masto_says(SECRET));
}

/* That there was one is as little for others as what it said. */
static void a_private_post_leaves_no_trace_when_it_is_deleted(void **state)
{
    (void)state;
    char id[32];
    does("DELETE", at("/api/v1/statuses/%llu", secret), &ada, NULL);
    does("DELETE", at("/api/v1/statuses/%llu", answer), &friend, NULL);
    OK(masto("GET", at("/@ada/%llu", secret), &eve, NULL) == 404);
    OK(masto("GET", at("/@friend/%llu", answer), NULL, NULL) == 404);
    snprintf(id, sizeof id, "\"%llu\"", (unsigned long long)answer);
    OK(masto("GET", at("/api/mynah/posts/%llu", open_post), NULL, NULL) == 200);
    OK(!masto_says(id));
    OK(masto("GET", at("/@ada/%llu", open_post), NULL, NULL) == 200);
    OK(!masto_says("was deleted"));
}

/* Nothing of a suspended account is left to be read, whoever has kept it how. */
static void what_a_suspended_account_said_is_gone_everywhere(void **state)
{
    (void)state;
    mn_err e = {0};
    char body[200];
    does("PATCH", "/api/v1/accounts/update_credentials", &ada, "locked=false");
    does("POST", at("/api/v1/accounts/%llu/follow", ada.id), &eve, "x=1");
    uint64_t id = make("/api/v1/statuses", &ada, "status=yakpublic+@eve+%23yaktag");
    does("POST", at("/api/v1/statuses/%llu/bookmark", id), &eve, "x=1");
    does("POST", at("/api/v1/statuses/%llu/favourite", id), &eve, "x=1");
    does("POST", at("/api/v1/statuses/%llu/reblog", id), &friend, "x=1");
    does("POST", at("/api/v1/accounts/%llu/follow", friend.id), &eve, "x=1");
    snprintf(body, sizeof body, "status=quoting&quoted_status_id=%llu", (unsigned long long)id);
    make("/api/v1/statuses", &eve, body);
    snprintf(body, sizeof body, "status=answering&in_reply_to_id=%llu", (unsigned long long)id);
    make("/api/v1/statuses", &eve, body);
    OK(masto("GET", "/api/v1/timelines/home", &eve, NULL) == 200 && masto_says("yakpublic"));
    RUN(mn_social_account_suspend(masto_home.store, ada.id, true, &e));
    word = "yakpublic";
    every_address_looked_at(&eve);
    every_address_looked_at(NULL);
    OK(masto("GET", "/.well-known/webfinger?resource=acct:ada@test.example", NULL, NULL) >=
       404);
    OK(masto("GET", "/@ada", NULL, NULL) >= 404);
}

/* What ada has, as she sees it. */
static void things_of_ada(mn_buf *b)
{
    const char *const of[] = {
        at("/api/v1/statuses/%llu/source", secret),
        at("/api/v1/statuses/%llu/source", direct),
        at("/api/v1/lists/%llu/accounts", list),
        at("/api/v2/filters/%llu", filter),
        at("/api/v1/scheduled_statuses/%llu", scheduled),
    };
    const char *const more[] = {at("/api/v1/mynah/drafts/%llu", draft),
                                at("/api/v1/lists/%llu", list), "/api/mynah/consent",
                                "/api/v1/markers?timeline[]=home"};
    for (size_t i = 0; i < 9; i++) {
        const char *path = i < 5 ? of[i] : more[i - 5];
        does("GET", path, &ada, NULL);
        mn_buf_adds(b, masto_body);
    }
    does("GET", at("/api/v1/statuses/%llu", secret), &ada, NULL);
    mn_buf_addf(b, "%lld %lld %d", (long long)mn_json_i64(masto_at("favourites_count"), -1),
                (long long)mn_json_i64(masto_at("reblogs_count"), -1),
                masto_says("\"pinned\":true"));
    does("GET", at("/api/v1/statuses/%llu", poll_post), &ada, NULL);
    mn_buf_addf(b, " %lld", (long long)mn_json_i64(masto_at("poll.votes_count"), -1));
    does("GET", at("/api/v1/statuses/%llu", answer), &ada, NULL);
}

/* Every route that changes something, called by eve with every id of somebody else's. */
static void nothing_of_anothers_is_changed_or_shown_by_doing(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "status=x&title=x&comment=x&description=x&context[]=home&choices[]=0&account_ids[]=1&"
        "keyword=x&status_id=%s&in_reply_to_id=%s&quoted_status_id=%s&media_ids[]=%s&"
        "replies_policy=none&consent[search]=deny&status_ids[]=%s&account_id=%s&id=%s&"
        "quote_approval_policy=public"};
    mn_buf before, after;
    mn_buf_init(&before, 0);
    mn_buf_init(&after, 0);
    things_of_ada(&before);
    for (const mn_route *r = routes; r->path; r++) {
        if (r->method == MN_GET || streams(r) || strncmp(r->path, "/api/", 5) != 0) continue;
        for (size_t i = 0; i < n_ids; i++) {
            char body[900];
            const char *id = ids[i];
            snprintf(body, sizeof body, bodies[0], id, id, id, id, id, id, id);
            const char *address = address_of(r->path, id, id);
            int status = masto(method_of(r), address, &eve, body);
            if (status >= 500) fail_msg("%s %s gave %d", method_of(r), address, status);
            if (masto_says(SECRET))
                fail_msg("%s %s shows: %.*s", method_of(r), address, MN_STR_FMT(masto_body));
            if (!strchr(r->path, ':') && !strstr(r->path, "status")) break;
        }
    }
    things_of_ada(&after);
    if (!mn_str_eq(mn_buf_str(&before), mn_buf_str(&after)))
        fail_msg("it was:\n%s\nand is:\n%s", before.ptr, after.ptr);
    mn_buf_release(&before);
    mn_buf_release(&after);
    every_address_looked_at(&eve); /* and has not brought eve nearer to it */
}

static void the_same_key_of_two_people_makes_two_posts(void **state)
{
    (void)state;
    char headers[2][300];
    uint64_t made[2];
    const member *who[] = {&ada, &eve};
    for (int i = 0; i < 2; i++) {
        static const char body[] = "status=" SECRET "&visibility=private";
        snprintf(headers[i], sizeof headers[i],
                 "Authorization: Bearer %s\r\nIdempotency-Key: same\r\nContent-Type: "
                 "application/x-www-form-urlencoded\r\n",
                 who[i]->token);
        assert_int_equal(
            masto_raw("POST", "/api/v1/statuses", headers[i], body, sizeof body - 1), 200);
        made[i] = masto_id("id");
        assert_int_equal(masto_id("account.id"), who[i]->id);
    }
    OK(made[0] != made[1]);
}

static void a_moderator_of_no_rights_reads_no_private_posts(void **state)
{
    (void)state;
    member mod = masto_staff("mod", MN_ROLE_MODERATOR);
    OK(masto("GET", at("/api/v1/statuses/%llu", direct), &mod, NULL) == 404);
    OK(masto("GET", at("/api/v1/accounts/%llu/statuses", ada.id), &mod, NULL) == 200);
    OK(!masto_says(SECRET));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_may_see_it_does),
        CASE(nothing_of_it_is_seen_by_a_stranger),
        CASE(nothing_of_it_is_seen_by_anybody),
        CASE(tags_of_private_posts_are_counted_for_nobody),
        CASE(a_private_post_leaves_no_trace_when_it_is_deleted),
        CASE(what_a_suspended_account_said_is_gone_everywhere),
        CASE(nothing_of_anothers_is_changed_or_shown_by_doing),
        CASE(the_same_key_of_two_people_makes_two_posts),
        CASE(a_moderator_of_no_rights_reads_no_private_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
