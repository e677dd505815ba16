/* Web Push, end to end: a subscription made over the API, a push service that listens, a browser's keys that open what it gets. */
#include "api/api_int.h"
#include "api/mastodon/push.h"
#include "http/masto.h"
#include "net/http.h"
#include "social/compose.h"
#include "social/people.h"
#include "unit/net/receiver.h"

#define UA_PRIVATE "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define AUTH       "BTBZMqHH6r4Tts7J_aSIgg"

/* ---- the push service ------------------------------------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int n, answer;
    size_t n_body;
    uint8_t body[5000];
    char ttl[20], urgency[20], coding[20], authorization[800];
} got;

static void keep(mn_req *r, const char *name, char *ret, size_t cap)
{
    mn_str v = mn_req_header(r, name);
    snprintf(ret, cap, "%.*s", MN_STR_FMT(v));
}

static void take_push(mn_req *r, mn_resp *w)
{
    pthread_mutex_lock(&lock);
    got.n++;
    got.n_body = r->body.len < sizeof got.body ? r->body.len : 0;
    memcpy(got.body, r->body.ptr, got.n_body);
    keep(r, "TTL", got.ttl, sizeof got.ttl);
    keep(r, "Urgency", got.urgency, sizeof got.urgency);
    keep(r, "Content-Encoding", got.coding, sizeof got.coding);
    keep(r, "Authorization", got.authorization, sizeof got.authorization);
    mn_resp_status(w, got.answer);
    pthread_mutex_unlock(&lock);
}

static const mn_route service_routes[] = {
    {.method = MN_POST, .path = "/push/:who", .handler = take_push, .body_limit = 8192},
    {.path = NULL},
};
static mn_http *service;

/* Waits for the n-th message; false when it does not come. */
static bool arrives(int n)
{
    for (int i = 0; i < 1500; i++) {
        pthread_mutex_lock(&lock);
        bool there = got.n >= n;
        pthread_mutex_unlock(&lock);
        if (there) return true;
        usleep(10000);
    }
    return false;
}
static void answer_from_now_on(int status)
{
    pthread_mutex_lock(&lock);
    got.answer = status;
    pthread_mutex_unlock(&lock);
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

static member alice, bob;
static mn_compose compose;
static receiver R;

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_http_opts o = {.listen = "127.0.0.1:0", .routes = service_routes};
    got.answer = 201;
    RUN(mn_http_start(&o, &service, &e));
    masto_start_with("outgoing_private = yes\ncontact_email = admin@test.example\n");
    alice = masto_member("alice");
    bob = masto_member("bob");
    RUN(mn_compose_init(masto_home.store, masto_home.conf, MN_STR("test.example"), &compose,
                        &e));
    receiver_init(&R, UA_PRIVATE, AUTH);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    mn_http_stop(service, 500);
    receiver_release(&R);
    return 0;
}

static void follow(const member *a, const member *b, bool on)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    if (on) RUN(mn_social_follow(tx, a->id, b->id, NULL, NULL, &e));
    else RUN(mn_social_unfollow(tx, a->id, b->id, &e));
    RUN(mn_store_commit(tx, &e));
}

/* bob mentions alice. */
static uint64_t mention(const char *text)
{
    mn_err e = {0};
    mn_draft d;
    mn_created made;
    mn_draft_init(&d, bob.id);
    d.text = mn_str_from(text);
    d.visibility = MN_VIS_PUBLIC;
    RUN(mn_social_post_create(&compose, &d, &made, &e));
    return made.post_id;
}

static int subscribe(const char *more)
{
    char body[1000];
    snprintf(body, sizeof body,
             "{\"subscription\":{\"endpoint\":\"http://127.0.0.1:%d/push/alice\",\"keys\":"
             "{\"p256dh\":\"%s\",\"auth\":\"%s\"},\"standard\":true},\"data\":{\"alerts\":"
             "{\"mention\":true,\"follow\":false}%s}}",
             mn_http_port(service), R.p256dh, R.auth_text, more);
    return masto("POST", "/api/v1/push/subscription", &alice, body);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void subscriptions_are_made_shown_changed_and_ended(void **s)
{
    (void)s;
    OK(masto("GET", "/api/v1/push/subscription", &alice, NULL) == 404);
    IS(masto_str("error"), "Record not found");
    OK(masto("PUT", "/api/v1/push/subscription", &alice, "{\"data\":{\"policy\":\"all\"}}") ==
       404);
    OK(subscribe("") == 200);
    mn_str id = masto_str("id");
    OK(id.len > 5);
    IS(masto_str("server_key"), mn_api__vapid_public(masto_api));
    IS(masto_str("policy"), "all");
    OK(mn_json_bool(masto_at("alerts.mention"), false));
    OK(!mn_json_bool(masto_at("alerts.follow"), true));
    OK(mn_json_bool(masto_at("standard"), false));
    OK(masto("PUT", "/api/v1/push/subscription", &alice,
             "{\"data\":{\"alerts\":{\"follow\":true,\"admin.sign_up\":true},\"policy\":"
             "\"follower\"}}") == 200);
    OK(mn_str_eq(masto_str("id"), id));
    IS(masto_str("policy"), "follower");
    OK(mn_json_bool(masto_at("alerts.follow"), false));
    OK(!mn_json_bool(masto_at("alerts.mention"), true));
    OK(masto("GET", "/api/v1/push/subscription", &alice, NULL) == 200);
    OK(mn_str_eq(masto_str("id"), id));
    OK(masto("DELETE", "/api/v1/push/subscription", &alice, NULL) == 200);
    IS(masto_body, "{}");
    OK(masto("GET", "/api/v1/push/subscription", &alice, NULL) == 404);
    /* as a form too */
    char form[600];
    snprintf(form, sizeof form,
             "subscription[endpoint]=http://127.0.0.1:%d/push/x&subscription[keys][p256dh]=%s&"
             "subscription[keys][auth]=%s&data[alerts][poll]=1",
             mn_http_port(service), R.p256dh, R.auth_text);
    OK(masto("POST", "/api/v1/push/subscription", &alice, form) == 200);
    OK(mn_json_bool(masto_at("alerts.poll"), false) &&
       !mn_json_bool(masto_at("standard"), true));
    OK(masto("DELETE", "/api/v1/push/subscription", &alice, NULL) == 200);
}

static void what_is_no_subscription_is_refused(void **s)
{
    (void)s;
    member reader = masto_member_with("reader", MN_ROLE_MEMBER, "read write");
    char body[600];
    OK(masto("GET", "/api/v1/push/subscription", &reader, NULL) == 403);
    OK(masto("GET", "/api/v1/push/subscription", NULL, NULL) == 401);
    OK(masto("POST", "/api/v1/push/subscription", &alice, "{}") == 422);
    static const char *const endpoints[] = {"nonsense", "ftp://x/", "javascript:alert(1)",
                                            "https://user:secret@push.example/"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        snprintf(body, sizeof body,
                 "{\"subscription\":{\"endpoint\":\"%s\",\"keys\":{\"p256dh\":\"%s\",\"auth\":"
                 "\"%s\"}}}",
                 endpoints[i], R.p256dh, R.auth_text);
        OK(masto("POST", "/api/v1/push/subscription", &alice, body) == 422);
    }
    snprintf(body, sizeof body,
             "{\"subscription\":{\"endpoint\":\"https://push.example/x\",\"keys\":{\"p256dh\":"
             "\"AAAA\",\"auth\":\"%s\"}}}",
             R.auth_text);
    OK(masto("POST", "/api/v1/push/subscription", &alice, body) == 422);
    OK(masto("GET", "/api/v1/push/subscription", &alice, NULL) == 404);
}

static void a_mention_arrives_sealed_and_signed(void **s)
{
    (void)s;
    static char letter[5000];
    mn_err e = {0};
    mn_json *j = NULL;
    OK(subscribe("") == 200);
    int was = got.n;
    mention("hello @alice,\nhow are you?");
    OK(arrives(was + 1));
    pthread_mutex_lock(&lock);
    assert_string_equal(got.ttl, "172800");
    assert_string_equal(got.urgency, "normal");
    assert_string_equal(got.coding, "aes128gcm");
    OK(strncmp(got.authorization, "vapid t=ey", 10) == 0);
    int n = receiver_open(&R, got.body, got.n_body, letter);
    pthread_mutex_unlock(&lock);
    OK(n > 0);
    RUN(mn_json_parse((mn_str){letter, (size_t)n}, &masto_arena, &j, &e));
    IS(mn_json_str(mn_json_get(j, "access_token")), alice.token);
    IS(mn_json_str(mn_json_get(j, "notification_type")), "mention");
    IS(mn_json_str(mn_json_get(j, "preferred_locale")), "en");
    IS(mn_json_str(mn_json_get(j, "title")), "bob mentioned you");
    IS(mn_json_str(mn_json_get(j, "body")), "hello @alice, how are you?");
    OK(mn_str_find(mn_json_str(mn_json_get(j, "icon")), MN_STR("://"), 0) != SIZE_MAX);
    OK(mn_json_u64(mn_json_get(j, "notification_id"), 0) > 0);
    OK(masto("DELETE", "/api/v1/push/subscription", &alice, NULL) == 200);
}

static void only_what_was_asked_for_is_pushed(void **s)
{
    (void)s;
    OK(subscribe(",\"policy\":\"followed\"") == 200);
    int was = got.n;
    mention("@alice, from a stranger");
    follow(&bob, &alice, true); /* this alert is off */
    usleep(500000);
    OK(got.n == was); /* and the job has been run by now */
    follow(&alice, &bob, true);
    mention("@alice, from one you follow");
    OK(arrives(was + 1));
    usleep(300000);
    OK(got.n == was + 1);
    follow(&alice, &bob, false);
    follow(&bob, &alice, false);
    OK(masto("DELETE", "/api/v1/push/subscription", &alice, NULL) == 200);
}

static void a_subscription_that_is_gone_is_ended(void **s)
{
    (void)s;
    OK(subscribe("") == 200);
    int was = got.n;
    answer_from_now_on(410);
    mention("@alice, are you there?");
    OK(arrives(was + 1));
    int status = 200;
    for (int i = 0; i < 200 && status == 200; i++, usleep(10000))
        status = masto("GET", "/api/v1/push/subscription", &alice, NULL);
    OK(status == 404);
    answer_from_now_on(201);
}

static void a_service_that_is_busy_is_asked_again(void **s)
{
    (void)s;
    mn_arena ar;
    mn_err e = {0};
    int64_t due = 0;
    OK(subscribe("") == 200);
    int was = got.n;
    answer_from_now_on(503);
    mention("@alice, later then");
    OK(arrives(was + 1));
    mn_arena_init(&ar, 0);
    mn_rc rc = MN_E_NOT_FOUND;
    for (int i = 0; i < 200 && !(rc == MN_OK && due > mn_now_ms() + 5000); i++, usleep(10000))
        rc = mn_store_job_due(masto_home.store, MN_STR("push"), &due, &e);
    OK(rc == MN_OK && due > mn_now_ms() + 5000); /* put back, not now */
    OK(masto("GET", "/api/v1/push/subscription", &alice, NULL) == 200);
    answer_from_now_on(201);
    mn_arena_release(&ar);
}

static void the_server_s_key_stays_the_same(void **s)
{
    (void)s;
    char key[100];
    mn_err e = {0};
    snprintf(key, sizeof key, "%s", mn_api__vapid_public(masto_api));
    OK(strlen(key) == 88);
    mn_api_stop(masto_api, 500);
    mn_api_opts o = {.home = &masto_home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
    assert_string_equal(mn_api__vapid_public(masto_api), key);
}

static void words_are_in_the_reader_s_language(void **s)
{
    (void)s;
    mn_arena ar;
    char longer[1000];
    mn_arena_init(&ar, 0);
    memset(longer, 'x', sizeof longer);
    mn_push_words w = mn_push_words_of(MN_NOTICE_FOLLOW, MN_STR("fr-CA"), MN_STR("Bob"),
                                       (mn_str){longer, sizeof longer}, &ar);
    IS(w.title, "Bob vous suit d\xC3\xA9sormais");
    OK(w.body.len == 143 && mn_str_ends(w.body, "\xE2\x80\xA6"));
    w = mn_push_words_of(MN_NOTICE_POLL, MN_STR("de"), MN_STR("Bob"), MN_STR_NONE, &ar);
    IS(w.title, "A poll has ended");
    OK(w.body.len == 0);
    for (int k = 1; k < MN_NOTICE_KINDS; k++)
        OK(mn_push_words_of((mn_notice_kind)k, MN_STR("es"), MN_STR("B"), MN_STR("t"), &ar)
               .title.len > 5);
    mn_arena_release(&ar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(subscriptions_are_made_shown_changed_and_ended),
        TEST(what_is_no_subscription_is_refused),
        TEST(a_mention_arrives_sealed_and_signed),
        TEST(only_what_was_asked_for_is_pushed),
        TEST(a_subscription_that_is_gone_is_ended),
        TEST(a_service_that_is_busy_is_asked_again),
        TEST(the_server_s_key_stays_the_same),
        TEST(words_are_in_the_reader_s_language),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
