/* Keys of the model API: made, checked, revoked, limited. */
#include "social/keys.h"

#include "base/conf.h"
#include "social/limits.h"
#include "social/settings.h"
#include "test.h"

static char dir[64];
static mn_store *S;
static uint64_t ada, bob;
static mn_arena A;

static int setup(void **s)
{
    (void)s;
    mn_err e = {0};
    char path[128];
    test_tmp(dir);
    mn_arena_init(&A, 0);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &S, &e));
    RUN(mn_social_account_create(S, MN_STR("ada"), MN_STR("Ada"), MN_ROLE_MEMBER, "", NULL,
                                 &ada, &e));
    RUN(mn_social_account_create(S, MN_STR("bob"), MN_STR("Bob"), MN_ROLE_OPERATOR, "", NULL,
                                 &bob, &e));
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    mn_store_close(S);
    mn_arena_release(&A);
    test_tmp_remove(dir);
    return 0;
}

static void a_key_is_shown_once_and_checked_like_a_token(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_access *x;
    mn_key key;
    mn_grant g;
    uint64_t id;
    mn_token *list;
    size_t n;
    mn_scopes all = 0;
    RUN(mn_access_new(S, &x, &e));
    RUN(mn_key_make(S, ada, MN_STR("laptop"), MN_STR(""), &key, &id, &e));
    OK(strlen(key.text) == 52 && strncmp(key.text, "sk-mynah-", 9) == 0);
    RUN(mn_access_check(x, mn_str_from(key.text), &g, &e));
    RUN(mn_scopes_parse(MN_STR("model"), &all, &e));
    OK(g.account_id == ada && g.token_id == id && g.key && !g.web && g.scopes == all);
    RUN(mn_keys_of(S, ada, &A, &list, &n, &e));
    OK(n == 1 && list[0].id == id && list[0].used_ms == 0);
    IS(list[0].name, "laptop");
    assert_memory_equal(list[0].hint.ptr, key.text + 48, 4);
    RUN(mn_store_tokens_of(S, ada, 10, &A, &list, &n, &e));
    OK(n == 0); /* no app and no browser */
    FAILS(MN_E_NOT_FOUND, mn_key_revoke(S, bob, id, &e));
    RUN(mn_key_revoke(S, ada, id, &e));
    FAILS(MN_E_DENIED, mn_access_check(x, mn_str_from(key.text), &g, &e));
    FAILS(MN_E_NOT_FOUND, mn_key_revoke(S, ada, id, &e));
    mn_access_free(x);
}

static void what_a_key_cannot_be_is_refused(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_key key;
    FAILS(MN_E_USAGE, mn_key_make(S, ada, MN_STR(""), MN_STR(""), &key, NULL, &e));
    FAILS(MN_E_USAGE, mn_key_make(S, ada, MN_STR("a\nb"), MN_STR(""), &key, NULL, &e));
    FAILS(MN_E_USAGE, mn_key_make(S, ada, MN_STR("x"), MN_STR("read"), &key, NULL, &e));
    FAILS(MN_E_USAGE,
          mn_key_make(S, ada, MN_STR("x"), MN_STR("model:list write"), &key, NULL, &e));
    FAILS(MN_E_USAGE, mn_key_make(S, ada, MN_STR("x"), MN_STR("model:x"), &key, NULL, &e));
    for (int i = 0; i < MN_KEYS_MAX; i++)
        RUN(mn_key_make(S, bob, MN_STR("k"), MN_STR("model:embed"), &key, NULL, &e));
    FAILS(MN_E_LIMIT, mn_key_make(S, bob, MN_STR("k"), MN_STR(""), &key, NULL, &e));
}

static void tokens_of_models_are_counted_by_day_and_kept(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_conf *c;
    mn_limits *l;
    mn_reading d;
    char path[128];
    snprintf(path, sizeof path, "%s/none.conf", dir);
    RUN(mn_conf_load(path, mn_settings, &c, &e));
    for (int life = 0; life < 2; life++) {
        RUN(mn_limits_new(S, c, &l, &e));
        RUN(mn_limits_model_tokens(l, ada, 0, &d, &e));
        OK(d.limit == 20000 && d.used == (life ? 150u : 0u) && d.level == MN_LEVEL_NEW);
        if (!life) RUN(mn_limits_model_tokens(l, ada, 100, &d, &e));
        if (!life) RUN(mn_limits_model_tokens(l, ada, 50, &d, &e));
        OK(d.used == 150);
        RUN(mn_limits_model_tokens(l, bob, 70, &d, &e));
        OK(d.limit == 0 && d.level == MN_LEVEL_SUBSCRIBER && d.used == (life ? 140u : 70u));
        mn_limits_free(l); /* writes what was counted */
    }
    mn_conf_free(c);
}

static void requests_to_models_are_as_many_as_the_plan_includes(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_conf *c;
    mn_limits *l;
    mn_rate_state r;
    char path[128];
    snprintf(path, sizeof path, "%s/none.conf", dir);
    RUN(mn_conf_load(path, mn_settings, &c, &e));
    RUN(mn_limits_new(S, c, &l, &e));
    unsigned over = 0;
    for (int i = 0; i < 50;
         i++) { /* twice the limit and some more: a minute may begin in between */
        RUN(mn_limits_take_plan(l, "model", ada, MN_PLAN_MODEL_REQUESTS, &r, &e));
        OK(r.rate && r.limit == 20);
        over += r.over;
    }
    OK(over >= 10 && over <= 30);
    RUN(mn_limits_take_plan(l, "model", bob, MN_PLAN_MODEL_REQUESTS, &r, &e));
    OK(r.limit == 600 && !r.over);
    RUN(mn_limits_take_plan(l, "model", 0, MN_PLAN_MODEL_REQUESTS, &r, &e));
    OK(!r.rate);
    mn_limits_free(l);
    mn_conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_shown_once_and_checked_like_a_token),
        TEST(what_a_key_cannot_be_is_refused),
        TEST(tokens_of_models_are_counted_by_day_and_kept),
        TEST(requests_to_models_are_as_many_as_the_plan_includes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
