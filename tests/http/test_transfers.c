/* Moving in and out over the API: archives made and brought, tables as CSV, nobody else's files. */
#include "test.h"

#include "http/masto.h"

static member ada, bob, eve;
static char packed[8 << 20]; /* an archive as it was downloaded */
static size_t n_packed;

static int setup(void **s)
{
    (void)s;
    masto_start();
    ada = masto_member("ada");
    bob = masto_member("bob");
    eve = masto_member("eve");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

/* Sends a file for bringing in; the status. */
static int send_file(const member *m, const char *kind, const char *name, const void *p,
                     size_t n)
{
    char headers[400];
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addf(&b,
                "--xyz\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n%s\r\n"
                "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                "Content-Type: application/octet-stream\r\n\r\n",
                kind, name);
    mn_buf_add(&b, p, n);
    mn_buf_addz(&b, "\r\n--xyz--\r\n");
    snprintf(headers, sizeof headers,
             "%s%s%sContent-Type: multipart/form-data; boundary=xyz\r\n",
             m ? "Authorization: Bearer " : "", m ? m->token : "", m ? "\r\n" : "");
    int status = masto_raw("POST", "/api/mynah/transfers/import", headers, b.ptr, b.len);
    mn_buf_release(&b);
    return status;
}
static int send_text(const member *m, const char *kind, const char *text)
{
    return send_file(m, kind, "list.csv", text, strlen(text));
}

/* Waits until the newest transfer has ended; its state is in the last answer at "0.state". */
static void wait_for(const member *m, const char *state)
{
    for (int i = 0; i < 400; i++) {
        OK(masto("GET", "/api/mynah/transfers", m, NULL) == 200);
        mn_str is = masto_str("0.state");
        if (mn_str_eqz(is, "done") || mn_str_eqz(is, "failed")) break;
        usleep(25000);
    }
    if (!mn_str_eqz(masto_str("0.state"), state)) fail_msg("%.*s", MN_STR_FMT(masto_body));
}

static void an_archive_is_made_and_only_its_owner_gets_it(void **state)
{
    char path[200];
    (void)state;
    OK(masto("GET", "/api/mynah/transfers", NULL, NULL) == 401);
    OK(masto("GET", "/api/mynah/transfers", &ada, NULL) == 200);
    assert_int_equal(masto_json()->n, 0);
    masto_post(&ada, "hello from #test");
    OK(masto("POST", "/api/mynah/transfers/export", &ada, NULL) == 200);
    IS(masto_str("kind"), "export");
    wait_for(&ada, "done");
    IS(masto_str("0.report"), "1 posts, 0 boosts, 0 media files");
    snprintf(path, sizeof path, "%.*s", MN_STR_FMT(masto_str("0.file")));
    OK(masto("GET", path, &eve, NULL) == 404);
    OK(masto("GET", path, NULL, NULL) == 401);
    OK(masto("GET", path, &ada, NULL) == 200);
    OK(masto_says("Content-Type: application/zip"));
    OK(masto_says("filename=\"ada-20"));
    OK(mn_str_starts(masto_body, "PK\x03\x04"));
    OK(masto_body.len < sizeof packed);
    memcpy(packed, masto_body.ptr, n_packed = masto_body.len);
    OK(masto("GET", "/api/mynah/transfers", &eve, NULL) == 200);
    assert_int_equal(masto_json()->n, 0);
    OK(masto("POST", "/api/mynah/transfers/export", &ada, NULL) == 422); /* once a day */
}

static void the_archive_can_be_brought_in_by_another(void **state)
{
    (void)state;
    OK(n_packed > 0);
    OK(send_file(&bob, "archive", "ada.zip", packed, n_packed) == 200);
    wait_for(&bob, "done");
    /* It never left this server: the post is here, and it is ada's. */
    IS(masto_str("0.report"), "0 posts brought, 1 were here already");
    assert_null(masto_at("0.file")->text.ptr);
}

static void posts_of_a_mastodon_archive_come_into_ones_own_account(void **state)
{
    static const char outbox[] =
        "{\"@context\":\"https://www.w3.org/ns/"
        "activitystreams\",\"type\":\"OrderedCollection\","
        "\"orderedItems\":[{\"type\":\"Create\",\"actor\":\"https://old.example/users/bob\","
        "\"object\":{\"id\":\"https://old.example/users/bob/statuses/7\",\"type\":\"Note\","
        "\"published\":\"2023-05-01T10:00:00Z\",\"attributedTo\":\"https://old.example/users/"
        "bob\","
        "\"to\":[\"https://www.w3.org/ns/activitystreams#Public\"],\"cc\":[],"
        "\"content\":\"<p>from before</p>\"}}]}";
    char path[100];
    (void)state;
    OK(send_file(&bob, "archive", "outbox.json", outbox, sizeof outbox - 1) == 200);
    wait_for(&bob, "done");
    IS(masto_str("0.report"),
       "1 posts brought; there is no actor.json; the account is named by the first activity");
    snprintf(path, sizeof path, "/api/v1/accounts/%llu/statuses", (unsigned long long)bob.id);
    OK(masto("GET", path, &bob, NULL) == 200);
    IS(masto_str("0.content"), "<p>from before</p>");
}

static void follows_are_brought_over_from_a_table_in_one_step(void **state)
{
    (void)state;
    OK(send_text(&eve, "follows",
                 "Account address,Show boosts,Notify on new posts,Languages\n"
                 "ada@test.example,true,false,\nfar@else.example,true,true,\n"
                 "nobody@test.example,true,false,\n") == 200);
    wait_for(&eve, "done");
    IS(masto_str("0.report"),
       "3 rows: 1 new, 0 were so already, 1 wait for their account or post, 1 are unknown");
    OK(masto("GET", "/api/mynah/export/follows.csv", &eve, NULL) == 200);
    OK(masto_says("Content-Type: text/csv"));
    IS(masto_body, "Account address,Show boosts,Notify on new posts,Languages\n"
                   "ada@test.example,true,false,\nfar@else.example,true,true,\n");
    OK(masto("GET", "/api/mynah/export/blocks.csv", &eve, NULL) == 200);
    assert_int_equal(masto_body.len, 0);
    OK(masto("GET", "/api/mynah/export/follows.csv", NULL, NULL) == 401);
    OK(masto("GET", "/api/mynah/export/other.csv", &eve, NULL) == 404);
}

static void what_is_no_table_or_archive_fails_and_says_why(void **state)
{
    (void)state;
    OK(send_text(&eve, "follows", "a@b.example\n\"open") == 200);
    wait_for(&eve, "failed");
    IS(masto_str("0.report"), "row 2 has a quote that never closes");
    OK(send_text(&eve, "archive", "PK\x03\x04 but no archive") == 200);
    wait_for(&eve, "failed");
    OK(masto_str("0.report").len > 10);
    OK(mn_str_find(masto_str("0.report"), mn_str_from(masto_dir), 0) == SIZE_MAX);
    OK(send_text(&eve, "everything", "a") == 422);
    OK(send_text(&eve, "follows", "") == 422);
    OK(send_text(NULL, "follows", "ada") == 401);
    OK(masto("POST", "/api/mynah/transfers/import", &eve, "kind=follows") == 422);
}

static void a_token_to_read_cannot_bring_anything(void **state)
{
    (void)state;
    member reader = masto_member_with("reader", MN_ROLE_MEMBER, "read");
    OK(send_text(&reader, "follows", "ada\n") == 403);
    OK(masto("POST", "/api/mynah/transfers/export", &reader, NULL) == 403);
    OK(masto("GET", "/api/mynah/transfers", &reader, NULL) == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_is_made_and_only_its_owner_gets_it),
        cmocka_unit_test(the_archive_can_be_brought_in_by_another),
        cmocka_unit_test(posts_of_a_mastodon_archive_come_into_ones_own_account),
        cmocka_unit_test(follows_are_brought_over_from_a_table_in_one_step),
        cmocka_unit_test(what_is_no_table_or_archive_fails_and_says_why),
        cmocka_unit_test(a_token_to_read_cannot_bring_anything),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
