/* Consent through the API: what one sets is what holds, nobody else's, and what was done is told. */
#include "http/masto.h"

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

/* The member of the purpose with that name in the last answer. */
static mn_str purpose(const char *name, const char *what)
{
    const mn_json *list = masto_at("purposes");
    for (size_t i = 0; i < list->n; i++)
        if (mn_str_eqz(mn_json_str(mn_json_get(list->items[i], "name")), name))
            return mn_json_str(mn_json_get(list->items[i], what));
    return MN_STR_NONE;
}
static bool now(const char *name)
{
    const mn_json *list = masto_at("purposes");
    for (size_t i = 0; i < list->n; i++)
        if (mn_str_eqz(mn_json_str(mn_json_get(list->items[i], "name")), name))
            return mn_json_bool(mn_json_get(list->items[i], "now"), false);
    return false;
}

static void nothing_but_search_is_allowed_at_first(void **s)
{
    (void)s;
    OK(masto("GET", "/api/mynah/consent", &alice, NULL) == 200);
    OK(masto_at("purposes")->n == MN_PURPOSES);
    IS(purpose("train_generative", "account"), "unset");
    OK(!now("train_generative") && !now("inference_input") && !now("bulk_dataset"));
    OK(now("search"));
}

static void what_is_set_holds_and_is_in_the_ledger(void **s)
{
    (void)s;
    OK(masto("PUT", "/api/mynah/consent", &alice,
             "{\"train_generative\":\"allow\",\"search\":\"deny\"}") == 200);
    IS(purpose("train_generative", "account"), "allow");
    OK(now("train_generative") && !now("search"));
    OK(masto("GET", "/api/mynah/consent/history", &alice, NULL) == 200);
    OK(masto_json()->n == 2);
    OK(masto_str("0.hash").len == 64);
    OK(masto("GET", "/api/mynah/consent", &bob, NULL) == 200);
    IS(purpose("train_generative", "account"), "unset");
    OK(masto("GET", "/api/mynah/consent/history", &bob, NULL) == 200 && masto_json()->n == 0);
}

static void a_wrong_wish_changes_nothing(void **s)
{
    (void)s;
    OK(masto("PUT", "/api/mynah/consent", &alice,
             "{\"train_generative\":\"allow\",\"search\":\"maybe\"}") == 422);
    OK(masto("PUT", "/api/mynah/consent", &alice, "{}") == 422);
    OK(masto("GET", "/api/mynah/consent", &alice, NULL) == 200);
    IS(purpose("train_generative", "account"), "unset");
}

static void a_post_has_its_own_setting_which_only_its_author_sets(void **s)
{
    (void)s;
    char path[80];
    uint64_t id = masto_post(&alice, "kingfishers nest in river banks");
    snprintf(path, sizeof path, "/api/mynah/consent/posts/%llu", (unsigned long long)id);
    OK(masto("PUT", path, &alice, "{\"inference_input\":\"allow\"}") == 200);
    IS(purpose("inference_input", "post"), "allow");
    OK(now("inference_input"));
    OK(masto("GET", path, &bob, NULL) == 404);
    OK(masto("PUT", path, &bob, "{\"inference_input\":\"deny\"}") == 404);
    OK(masto("GET", path, NULL, NULL) == 401);
    OK(masto("GET", path, &alice, NULL) == 200);
    IS(purpose("inference_input", "post"), "allow");
}

static void an_answer_that_quotes_a_post_is_told_to_its_author(void **s)
{
    (void)s;
    uint64_t id = masto_post(&alice, "The ferry to the island leaves at 9:15 from tomorrow.");
    char path[80];
    snprintf(path, sizeof path, "/api/mynah/consent/posts/%llu", (unsigned long long)id);
    OK(masto("PUT", path, &alice, "{\"inference_input\":\"allow\"}") == 200);
    for (int i = 0; i < 100; i++) {
        mn_api_index_wake(masto_api);
        OK(masto("GET", "/api/mynah/ask?q=when+does+the+ferry+leave", NULL, NULL) == 200);
        if (masto_says("9:15")) break;
        usleep(50000);
    }
    OK(masto("GET", "/api/mynah/consent/uses", &alice, NULL) == 200);
    OK(masto_id("answers.posts") == 1 && masto_id("answers.times") >= 1);
    OK(masto("GET", "/api/mynah/consent/uses", &bob, NULL) == 200);
    OK(masto_id("answers.posts") == 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_but_search_is_allowed_at_first),
        CASE(what_is_set_holds_and_is_in_the_ledger),
        CASE(a_wrong_wish_changes_nothing),
        CASE(a_post_has_its_own_setting_which_only_its_author_sets),
        CASE(an_answer_that_quotes_a_post_is_told_to_its_author),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
