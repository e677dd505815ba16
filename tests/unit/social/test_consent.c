/* Consent decided: walked through all combinations of settings, not sampled. */
#include "test.h"

#include "social/social.h"

static mn_err e;

/* A live public post with these settings for all purposes that matter to the test. */
static mn_post post_with(mn_purpose purpose, mn_consent own, mn_consent account)
{
    return (mn_post){.id = 1,
                     .account_id = 1,
                     .consent = mn_consents_set(0, purpose, own),
                     .account_consent = mn_consents_set(0, purpose, account)};
}

/* Calls fn with each combination of purpose, three settings, visibility, boost, deletion and account state. */
static void each_case(void (*fn)(mn_post p, mn_consents server, mn_purpose purpose))
{
    for (int i = 0; i < MN_PURPOSES * 27; i++) {
        mn_purpose purpose = (mn_purpose)(i / 27);
        mn_post p = post_with(purpose, (mn_consent)(i % 3), (mn_consent)(i / 3 % 3));
        mn_consents server = mn_consents_set(0, purpose, (mn_consent)(i / 9 % 3));
        for (int k = 0; k < 4 * 2 * 2 * 3; k++) {
            p.visibility = (mn_visibility)(k % 4);
            p.boost_of = k / 4 % 2 ? 77 : 0;
            p.deleted_ms = k / 8 % 2 ? 5 : 0;
            p.account_state = (mn_account_state)(k / 16);
            fn(p, server, purpose);
        }
    }
}

static void deny_anywhere(mn_post p, mn_consents server, mn_purpose purpose)
{
    bool before = mn_social_allows(&p, server, purpose);
    mn_post own = p, account = p;
    own.consent = mn_consents_set(p.consent, purpose, MN_CONSENT_DENY);
    account.account_consent = mn_consents_set(p.account_consent, purpose, MN_CONSENT_DENY);
    mn_consents denying = mn_consents_set(server, purpose, MN_CONSENT_DENY);
    OK(before || !mn_social_allows(&own, server, purpose));
    OK(before || !mn_social_allows(&account, server, purpose));
    OK(before || !mn_social_allows(&p, denying, purpose));
    OK(!mn_social_allows(&own, server, purpose)); /* the nearest deny is a no, always */
}

static void adding_a_deny_never_turns_a_no_into_a_yes(void **state)
{
    (void)state;
    each_case(deny_anywhere);
}

static void nearest_decides(mn_post p, mn_consents server, mn_purpose purpose)
{
    mn_consent own = mn_consents_get(p.consent, purpose);
    mn_consent account = mn_consents_get(p.account_consent, purpose);
    mn_consent expected = own ? own : account ? account : mn_consents_get(server, purpose);
    assert_int_equal(mn_social_setting(&p, server, purpose), expected);
    if (expected == MN_CONSENT_UNSET && purpose != MN_P_SEARCH)
        OK(!mn_social_allows(&p, server, purpose));
    if (expected == MN_CONSENT_ALLOW && p.visibility == MN_VIS_PUBLIC && !p.boost_of &&
        !p.deleted_ms && p.account_state == MN_ACCOUNT_ACTIVE)
        OK(mn_social_allows(&p, server, purpose));
}

static void the_nearest_scope_that_says_anything_decides(void **state)
{
    (void)state;
    each_case(nearest_decides);
}

static void conditions_hold(mn_post p, mn_consents server, mn_purpose purpose)
{
    if (!mn_social_allows(&p, server, purpose)) return;
    OK(p.deleted_ms == 0 && p.account_state == MN_ACCOUNT_ACTIVE);
    OK(p.visibility == MN_VIS_PUBLIC || p.visibility == MN_VIS_UNLISTED);
    if (purpose == MN_P_TRAIN_GENERATIVE || purpose == MN_P_TRAIN_OTHER)
        OK(p.visibility == MN_VIS_PUBLIC && p.boost_of == 0);
}

static void no_setting_opens_what_is_not_public_live_and_ones_own(void **state)
{
    (void)state;
    each_case(conditions_hold);
}

static void one_purpose_says_nothing_about_another(void **state)
{
    (void)state;
    for (int p = 0; p < MN_PURPOSES; p++)
        for (int q = 0; q < MN_PURPOSES; q++) {
            mn_post none = {.id = 1};
            mn_post some = post_with((mn_purpose)p, MN_CONSENT_ALLOW, MN_CONSENT_DENY);
            mn_consents server = mn_consents_set(0, (mn_purpose)p, MN_CONSENT_ALLOW);
            if (p == q) continue;
            OK(mn_social_allows(&some, server, (mn_purpose)q) ==
               mn_social_allows(&none, 0, (mn_purpose)q));
        }
}

static void by_default_public_posts_are_searched_and_nothing_else(void **state)
{
    (void)state;
    mn_post p = {.id = 1};
    for (int i = 0; i < MN_PURPOSES; i++)
        OK(mn_social_allows(&p, 0, (mn_purpose)i) == (i == MN_P_SEARCH));
    p.visibility = MN_VIS_UNLISTED;
    OK(!mn_social_allows(&p, 0, MN_P_SEARCH));
}

static void bits_of_purposes_do_not_touch_each_other(void **state)
{
    (void)state;
    mn_consents c = 0;
    for (int p = 0; p < MN_PURPOSES; p++)
        c = mn_consents_set(c, (mn_purpose)p, (mn_consent)(p % 3));
    for (int p = 0; p < MN_PURPOSES; p++)
        assert_int_equal(mn_consents_get(c, (mn_purpose)p), p % 3);
    c = mn_consents_set(c, MN_P_BRIDGE, MN_CONSENT_UNSET);
    assert_int_equal(mn_consents_get(c, MN_P_BULK_DATASET), MN_P_BULK_DATASET % 3);
}

static void settings_are_parsed_from_words(void **state)
{
    (void)state;
    mn_purpose p = MN_PURPOSES;
    mn_consent v = MN_CONSENT_UNSET;
    RUN(mn_social_consent_parse("train_generative=deny", &p, &v, &e));
    OK(p == MN_P_TRAIN_GENERATIVE && v == MN_CONSENT_DENY);
    RUN(mn_social_consent_parse("embedding", &p, &v, &e));
    OK(p == MN_P_EMBEDDING && v == MN_CONSENT_ALLOW);
    RUN(mn_social_consent_parse("bridge=unset", &p, &v, &e));
    OK(p == MN_P_BRIDGE && v == MN_CONSENT_UNSET);
    FAILS(MN_E_USAGE, mn_social_consent_parse("embedding=maybe", &p, &v, &e));
    OK(strstr(e.msg, "maybe") && strstr(e.msg, "embedding"));
    FAILS(MN_E_USAGE, mn_social_consent_parse("embedding=", &p, &v, &e));
    FAILS(MN_E_USAGE, mn_social_consent_parse("=allow", &p, &v, &e));
    FAILS(MN_E_USAGE, mn_social_consent_parse("", &p, &v, &e));
    OK(p == MN_P_BRIDGE && v == MN_CONSENT_UNSET); /* written only on success */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adding_a_deny_never_turns_a_no_into_a_yes),
        TEST(the_nearest_scope_that_says_anything_decides),
        TEST(no_setting_opens_what_is_not_public_live_and_ones_own),
        TEST(one_purpose_says_nothing_about_another),
        TEST(by_default_public_posts_are_searched_and_nothing_else),
        TEST(bits_of_purposes_do_not_touch_each_other),
        TEST(settings_are_parsed_from_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
