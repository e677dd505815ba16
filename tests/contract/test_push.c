/* Subscriptions to Web Push as rows, and the jobs that notifications make of them. */
#include "contract/store.h"
#include "store/access.h"
#include "store/push.h"

#define BIT(k) MN_NOTICE_BIT(MN_NOTICE_##k)

static mn_push push(uint64_t token, mn_notice_set alerts)
{
    return (mn_push){.id = token * 10,
                     .token_id = token,
                     .account_id = 1,
                     .endpoint = MN_STR("https://push.example/x"),
                     .p256dh = MN_STR("key"),
                     .auth = MN_STR("secret"),
                     .access_token = MN_STR("token"),
                     .alerts = alerts,
                     .policy = MN_PUSH_FOLLOWED,
                     .standard = true,
                     .created_ms = 77};
}

static void add_token(uint64_t id)
{
    char hash[16];
    snprintf(hash, sizeof hash, "hash %d", (int)id);
    mn_token t = {.id = id, .account_id = 1, .scopes = MN_STR("push"), .created_ms = 1};
    TX(mn_store_token_add(tx, mn_str_from(hash), &t, &e));
}

static void a_token_has_one_subscription_and_takes_it_along(void **state)
{
    (void)state;
    mn_push p;
    add_account(1, "alice");
    add_token(7);
    FAILS(MN_E_NOT_FOUND, mn_store_push(s, 7, &ar, &p, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_push_change(tx, 7, 0, MN_PUSH_ALL, &e));
    mn_push first = push(7, BIT(MENTION) | BIT(POLL)), second = push(7, BIT(FOLLOW));
    TX(mn_store_push_set(tx, &first, &e));
    RUN(mn_store_push(s, 7, &ar, &p, &e));
    OK(p.id == 70 && p.account_id == 1 && p.alerts == (BIT(MENTION) | BIT(POLL)));
    OK(p.policy == MN_PUSH_FOLLOWED && p.standard && p.created_ms == 77);
    IS(p.endpoint, "https://push.example/x");
    IS(p.p256dh, "key");
    IS(p.auth, "secret");
    IS(p.access_token, "token");
    second.id = 71;
    TX(mn_store_push_set(tx, &second, &e));
    TX(mn_store_push_change(tx, 7, BIT(REBLOG), MN_PUSH_NONE, &e));
    RUN(mn_store_push(s, 7, &ar, &p, &e));
    OK(p.id == 71 && p.alerts == BIT(REBLOG) && p.policy == MN_PUSH_NONE);
    TX(mn_store_push_remove(tx, 7, 70, &e)); /* that one was replaced: nothing goes */
    RUN(mn_store_push(s, 7, &ar, &p, &e));
    TX(mn_store_push_remove(tx, 7, 71, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_push(s, 7, &ar, &p, &e));
    TX(mn_store_push_set(tx, &first, &e));
    TX(mn_store_token_remove(tx, 7, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_push(s, 7, &ar, &p, &e));
}

static void a_notification_makes_a_job_for_each_that_wants_its_kind(void **state)
{
    (void)state;
    mn_job job;
    int64_t due;
    uint64_t id = 0;
    add_account(1, "alice");
    add_account(2, "bob");
    mn_push wants = push(7, BIT(FOLLOW)), other = push(8, BIT(POLL)),
            none = push(9, BIT(FOLLOW));
    none.policy = MN_PUSH_NONE;
    TX(mn_store_push_set(tx, &wants, &e));
    TX(mn_store_push_set(tx, &other, &e));
    TX(mn_store_push_set(tx, &none, &e));
    mn_notification n = {.account_id = 1,
                         .from_id = 2,
                         .kind = MN_NOTICE_FOLLOW,
                         .at_ms = 5,
                         .group_key = MN_STR("")};
    mn_notification set_aside = n;
    set_aside.filtered = true;
    set_aside.kind = MN_NOTICE_FOLLOW_REQUEST;
    wants.alerts |= BIT(FOLLOW_REQUEST);
    TX(mn_store_push_set(tx, &wants, &e));
    TX(mn_store_notification_add(tx, &set_aside, NULL, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_job_due(s, MN_STR("push"), &due, &e));
    TX(mn_store_notification_add(tx, &n, &id, &e));
    TX(mn_store_job_take(tx, MN_STR("push"), 60000, &ar, &job, &e));
    char want[100];
    snprintf(want, sizeof want, "{\"token\":\"7\",\"notification\":\"%llu\"}",
             (unsigned long long)id);
    IS(job.payload, want);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_job_take(tx, MN_STR("push"), 60000, &ar, &job, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_token_has_one_subscription_and_takes_it_along),
        CASE(a_notification_makes_a_job_for_each_that_wants_its_kind),
    };
    RUN_ON_ALL(tests);
}
