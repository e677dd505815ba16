/* Who is told of what: the decision as a table, and what comes of it. */
#include "test.h"

#include "base/clock.h"
#include "social/people.h"
#include "store/marks.h"

static char dir[64], url[128];
static mn_store *s;
static mn_arena ar;
static mn_err e;

/* ---- the decision ------------------------------------------------------------------------------------------------ */

static const mn_notification_policy all_drop = {MN_POLICY_DROP, MN_POLICY_DROP, MN_POLICY_DROP,
                                                MN_POLICY_DROP, MN_POLICY_DROP};

/* A stranger's mention that nothing speaks against. */
static mn_notice_facts mention(void)
{
    return (mn_notice_facts){.kind = MN_NOTICE_MENTION};
}

static void nothing_against_it_is_accepted(void **state)
{
    (void)state;
    for (int k = 1; k < MN_NOTICE_KINDS; k++) {
        mn_notice_facts f = {.kind = (mn_notice_kind)k};
        OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
    }
}

static void nobody_is_told_of_their_own_doing_but_of_their_poll(void **state)
{
    (void)state;
    for (int k = 1; k < MN_NOTICE_KINDS; k++) {
        mn_notice_facts f = {.kind = (mn_notice_kind)k, .to_self = true};
        bool told = k == MN_NOTICE_POLL || k == MN_NOTICE_ADMIN_SIGN_UP ||
                    k == MN_NOTICE_ADMIN_REPORT || k == MN_NOTICE_SEVERED ||
                    k == MN_NOTICE_MODERATION_WARNING;
        OK((mn_social_notice_decide(&f) == MN_POLICY_ACCEPT) == told);
        f.to_gone = true;
        OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
    }
}

static void what_stands_between_two_drops_all_but_the_servers_own_word(void **state)
{
    (void)state;
    for (int k = 1; k < MN_NOTICE_KINDS; k++)
        for (int why = 0; why < 6; why++) {
            mn_notice_facts f = {.kind = (mn_notice_kind)k,
                                 .from_gone = why == 0,
                                 .blocking = why == 1,
                                 .blocked_by = why == 2,
                                 .domain_blocking = why == 3,
                                 .muting_notifications = why == 4,
                                 .muted_thread = why == 5};
            bool official = k == MN_NOTICE_ADMIN_SIGN_UP || k == MN_NOTICE_ADMIN_REPORT ||
                            k == MN_NOTICE_SEVERED || k == MN_NOTICE_MODERATION_WARNING;
            OK((mn_social_notice_decide(&f) == MN_POLICY_ACCEPT) == official);
        }
}

static void a_blocked_domain_does_not_silence_whom_one_follows(void **state)
{
    (void)state;
    mn_notice_facts f = mention();
    f.domain_blocking = true;
    OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
    f.following = true;
    OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
}

static void a_moderators_mention_arrives(void **state)
{
    (void)state;
    mn_notice_facts f = mention();
    f.from_staff = f.blocking = true;
    f.policy = all_drop;
    OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
    f.kind = MN_NOTICE_FAVOURITE;
    OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
    f.kind = MN_NOTICE_MENTION, f.from_gone = true;
    OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
}

static void each_class_of_the_policy_counts_alone(void **state)
{
    (void)state;
    static const struct {
        mn_notice_facts facts;
        mn_notification_policy policy;
    } rows[] = {
        {{.follower = true}, {.not_following = MN_POLICY_FILTER}},
        {{.following = true}, {.not_followers = MN_POLICY_FILTER}},
        {{.from_new = true, .follower = true}, {.new_accounts = MN_POLICY_FILTER}},
        {{.direct = true, .follower = true}, {.private_mentions = MN_POLICY_FILTER}},
        {{.from_silenced = true, .follower = true}, {.limited_accounts = MN_POLICY_FILTER}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            mn_notice_facts f = rows[i].facts;
            f.kind = MN_NOTICE_MENTION;
            f.policy = rows[k].policy;
            /* all of them but the second are not followed; the second is no follower */
            bool fits = i == k || (k == 0 && i != 1);
            OK((mn_social_notice_decide(&f) == MN_POLICY_FILTER) == fits);
            f.permitted = true;
            OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
        }
}

static void following_somebody_lets_them_through(void **state)
{
    (void)state;
    mn_notice_facts f = {.kind = MN_NOTICE_MENTION,
                         .from_new = true,
                         .from_silenced = true,
                         .direct = true,
                         .following = true,
                         .follower = true,
                         .policy = all_drop};
    OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
    f.follower = false; /* one may follow without being followed: that class is about it */
    OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
}

static void the_hardest_word_of_the_policy_counts(void **state)
{
    (void)state;
    mn_notice_facts f = mention();
    f.policy.not_following = MN_POLICY_FILTER;
    f.policy.not_followers = MN_POLICY_DROP;
    OK(mn_social_notice_decide(&f) == MN_POLICY_DROP);
}

static void the_policy_does_not_touch_what_was_asked_for(void **state)
{
    (void)state;
    static const mn_notice_kind asked[] = {MN_NOTICE_STATUS, MN_NOTICE_POLL, MN_NOTICE_UPDATE,
                                           MN_NOTICE_QUOTED_UPDATE, MN_NOTICE_ADMIN_REPORT};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        mn_notice_facts f = {.kind = asked[i], .policy = all_drop};
        OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
    }
}

static void an_answer_is_no_unsolicited_mention(void **state)
{
    (void)state;
    mn_notice_facts f = mention();
    f.direct = true;
    f.policy = mn_notification_policy_default;
    OK(mn_social_notice_decide(&f) == MN_POLICY_FILTER);
    f.answer = true;
    OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
    f.answer = false, f.kind = MN_NOTICE_FAVOURITE;
    OK(mn_social_notice_decide(&f) == MN_POLICY_ACCEPT);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

#define TX(call)                                                                               \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        RUN(call);                                                                             \
        RUN(mn_store_commit(tx, &e));                                                          \
    } while (0)

#define DAY_MS INT64_C(86400000)
#define NOW    (INT64_C(1800000000000))

static void add_account(uint64_t id, const char *name, int64_t created_ms)
{
    TX(mn_store_account_add(
        tx, &(mn_account){.id = id, .name = mn_str_from(name), .created_ms = created_ms}, &e));
}

static void add_post(uint64_t id, uint64_t by, mn_visibility v, uint64_t reply_to,
                     uint64_t reply_account, uint64_t mentions)
{
    mn_post p = {.id = id,
                 .account_id = by,
                 .created_ms = NOW,
                 .visibility = v,
                 .reply_to = reply_to,
                 .reply_account = reply_account,
                 .text = MN_STR("text")};
    TX(mn_store_post_add(tx, &p, &e));
    if (mentions) TX(mn_store_mentions_set(tx, id, &mentions, 1, &e));
}

static int setup(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    snprintf(url, sizeof url, "%s/mynah.db", test_tmp(dir));
    RUN(mn_store_open(url, &s, &e));
    mn_now_freeze(NOW);
    add_account(1, "me", 1);
    add_account(2, "friend", 1);
    add_account(3, "newcomer", NOW - DAY_MS);
    add_post(100, 1, MN_VIS_PUBLIC, 0, 0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_now_freeze(0);
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static uint64_t tell(mn_notice_kind kind, uint64_t to, uint64_t from, uint64_t post)
{
    uint64_t id = 0;
    TX(mn_social_notify(tx, &(mn_notice){.kind = kind, .to = to, .from = from, .post_id = post},
                        &id, &e));
    return id;
}

static mn_notification get(uint64_t id)
{
    mn_notification n = {0};
    RUN(mn_store_notification(s, 0, id, &ar, &n, &e));
    return n;
}

static size_t n_events;
static mn_event events[64];
static void hear(void *arg, const mn_event *ev, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        if (ev[i].kind == MN_EV_NOTIFICATION && n_events < 64) events[n_events++] = ev[i];
}

static void a_favourite_is_told_once_with_an_event(void **state)
{
    (void)state;
    n_events = 0;
    RUN(mn_store_listen(s, hear, NULL, &e));
    uint64_t id = tell(MN_NOTICE_FAVOURITE, 1, 2, 100);
    OK(id && n_events == 1 && events[0].id == id && events[0].account == 1);
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 100) == 0 && n_events == 1);
    OK(tell(MN_NOTICE_FAVOURITE, 1, 1, 100) == 0); /* one's own */
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 999) == 0); /* no such post */
    OK(tell(MN_NOTICE_FAVOURITE, 99, 2, 100) == 0 &&
       tell(MN_NOTICE_FAVOURITE, 1, 99, 100) == 0);
    TX(mn_social_notify_undo(
        tx, &(mn_notice){.kind = MN_NOTICE_FAVOURITE, .to = 1, .from = 2, .post_id = 100}, &e));
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 100) != 0);
    mn_store_unlisten(s, hear, NULL);
}

static void favourites_of_one_post_within_twelve_hours_are_one_group(void **state)
{
    (void)state;
    mn_notification a = get(tell(MN_NOTICE_FAVOURITE, 1, 2, 100));
    char key[64];
    snprintf(key, sizeof key, "favourite-100-%lld", (long long)(NOW / 3600000));
    IS(a.group_key, key);
    mn_now_freeze(NOW + 11 * 3600000);
    IS(get(tell(MN_NOTICE_FAVOURITE, 1, 3, 100)).group_key, key);
    add_account(4, "late", 1);
    mn_now_freeze(NOW + 12 * 3600000);
    snprintf(key, sizeof key, "favourite-100-%lld", (long long)(NOW / 3600000 + 12));
    IS(get(tell(MN_NOTICE_FAVOURITE, 1, 4, 100)).group_key, key);
    snprintf(key, sizeof key, "reblog-100-%lld", (long long)(NOW / 3600000 + 12));
    IS(get(tell(MN_NOTICE_REBLOG, 1, 4, 100)).group_key, key);
    snprintf(key, sizeof key, "follow-%lld", (long long)(NOW / 3600000 + 12));
    IS(get(tell(MN_NOTICE_FOLLOW, 1, 4, 0)).group_key, key);
    add_post(110, 4, MN_VIS_PUBLIC, 0, 0, 1);
    IS(get(tell(MN_NOTICE_MENTION, 1, 4, 110)).group_key, "");
}

static void blocks_mutes_and_muted_threads_are_kept_to(void **state)
{
    (void)state;
    TX(mn_social_mute(tx, 1, 2, false, 0, &e));
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 100) != 0); /* muted, but notifications are wanted */
    TX(mn_social_mute(tx, 1, 2, true, 60, &e));
    OK(tell(MN_NOTICE_REBLOG, 1, 2, 100) == 0);
    mn_now_freeze(NOW + 61000);
    OK(tell(MN_NOTICE_REBLOG, 1, 2, 100) != 0); /* the mute has ended */
    bool on = false;
    TX(mn_store_thread_mute_set(tx, 1, 100, true, &on, &e));
    OK(tell(MN_NOTICE_REBLOG, 1, 3, 100) == 0);
    TX(mn_store_thread_mute_set(tx, 1, 100, false, &on, &e));
    TX(mn_social_block(tx, 3, 1, &e));
    OK(tell(MN_NOTICE_REBLOG, 1, 3, 100) == 0);
    TX(mn_social_unblock(tx, 3, 1, &e));
    OK(tell(MN_NOTICE_REBLOG, 1, 3, 100) != 0);
}

static size_t n_requests(void)
{
    mn_notification_request *r = NULL;
    size_t n = 0;
    RUN(mn_store_notification_requests(s, 1, (mn_bounds){.limit = 9}, &ar, &r, &n, &e));
    return n;
}

static void an_unsolicited_private_mention_waits_in_a_request(void **state)
{
    (void)state;
    n_events = 0;
    RUN(mn_store_listen(s, hear, NULL, &e));
    add_post(110, 3, MN_VIS_DIRECT, 0, 0, 1);
    mn_notification n = get(tell(MN_NOTICE_MENTION, 1, 3, 110));
    OK(n.filtered && n.group_key.len == 0 && n_requests() == 1 && n_events == 0);
    mn_store_unlisten(s, hear, NULL);
    /* who answers me is welcome */
    add_post(111, 1, MN_VIS_DIRECT, 0, 0, 2);
    add_post(112, 2, MN_VIS_DIRECT, 111, 1, 1);
    OK(!get(tell(MN_NOTICE_MENTION, 1, 2, 112)).filtered);
    /* and, in a thread where I wrote to them, who answers somebody else */
    add_account(5, "third", 1);
    add_post(113, 5, MN_VIS_DIRECT, 112, 2, 1);
    OK(get(tell(MN_NOTICE_MENTION, 1, 5, 113)).filtered);
    add_post(114, 2, MN_VIS_DIRECT, 113, 5, 1);
    OK(!get(tell(MN_NOTICE_MENTION, 1, 2, 114)).filtered);
}

static void the_policy_is_asked(void **state)
{
    (void)state;
    mn_notification_policy p = {.new_accounts = MN_POLICY_FILTER,
                                .not_followers = MN_POLICY_DROP};
    TX(mn_store_policy_set(tx, 1, &p, &e));
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 100) == 0);
    TX(mn_store_follow_add(tx, 2, 1, NOW - 4 * DAY_MS, &e));
    OK(tell(MN_NOTICE_FAVOURITE, 1, 2, 100) != 0);
    TX(mn_store_follow_add(tx, 3, 1, NOW - 2 * DAY_MS, &e)); /* not long enough */
    OK(tell(MN_NOTICE_FAVOURITE, 1, 3, 100) == 0);
    p.not_followers = MN_POLICY_ACCEPT;
    TX(mn_store_policy_set(tx, 1, &p, &e));
    mn_notification n = get(tell(MN_NOTICE_FAVOURITE, 1, 3, 100));
    OK(n.filtered && n_requests() == 0); /* only mentions and quotes ask */
    TX(mn_store_permission_set(tx, 1, 3, true, &e));
    OK(!get(tell(MN_NOTICE_REBLOG, 1, 3, 100)).filtered);
}

static void the_staff_is_told_whoever_it_is(void **state)
{
    (void)state;
    mn_account a = {.id = 7, .name = MN_STR("mod"), .role = MN_ROLE_MODERATOR};
    TX(mn_store_account_add(tx, &a, &e));
    a = (mn_account){.id = 8, .name = MN_STR("op"), .role = MN_ROLE_OPERATOR};
    TX(mn_store_account_add(tx, &a, &e));
    TX(mn_social_block(tx, 7, 3, &e));
    mn_notice n = {.kind = MN_NOTICE_ADMIN_REPORT, .from = 3, .other_id = 55};
    TX(mn_social_notify_staff(tx, &n, &e));
    n.other_id = 56;
    TX(mn_social_notify_staff(tx, &n, &e));
    mn_notification *l = NULL;
    for (uint64_t id = 7; id <= 8; id++) {
        size_t k = 0;
        mn_notification_query q = {.account = id, .page = {.limit = 9}};
        RUN(mn_store_notifications(s, &q, &ar, &l, &k, &e));
        OK(k == 2 && l[0].other_id == 56 && l[1].other_id == 55);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_against_it_is_accepted),
        TEST(nobody_is_told_of_their_own_doing_but_of_their_poll),
        TEST(what_stands_between_two_drops_all_but_the_servers_own_word),
        TEST(a_blocked_domain_does_not_silence_whom_one_follows),
        TEST(a_moderators_mention_arrives),
        TEST(each_class_of_the_policy_counts_alone),
        TEST(following_somebody_lets_them_through),
        TEST(the_hardest_word_of_the_policy_counts),
        TEST(the_policy_does_not_touch_what_was_asked_for),
        TEST(an_answer_is_no_unsolicited_mention),
        CASE(a_favourite_is_told_once_with_an_event),
        CASE(favourites_of_one_post_within_twelve_hours_are_one_group),
        CASE(blocks_mutes_and_muted_threads_are_kept_to),
        CASE(an_unsolicited_private_mention_waits_in_a_request),
        CASE(the_policy_is_asked),
        CASE(the_staff_is_told_whoever_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
