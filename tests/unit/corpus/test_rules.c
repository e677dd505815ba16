#include "corpus/rules.h"

#include "corpus/gate.h"
#include "test.h"

static mn_drop judge(const char *text)
{
    mn_form f = {0};
    OK(mn_form_of(mn_str_from(text), &f) == MN_OK);
    mn_drop d = mn_corpus_rules(mn_str_from(text), &f);
    mn_form_release(&f);
    return d;
}

static void drops(const char *text, mn_drop why)
{
    mn_drop got = judge(text);
    if (got != why)
        fail_msg("'%s': '%s', expected '%s'", text, mn_drop_names[got], mn_drop_names[why]);
}

static void ordinary_posts_pass(void **state)
{
    (void)state;
    drops("I think the library opens at nine, doesn't it?", MN_DROP_NONE);
    drops("thanks!", MN_DROP_NONE);
    drops("早安", MN_DROP_NONE);
    drops("no no no, that is wrong", MN_DROP_NONE);
    drops("NASA and ESA launch together", MN_DROP_NONE);
    drops("@user see [link] for the whole story", MN_DROP_NONE);
    drops("हिन्दी में एक वाक्य", MN_DROP_NONE);
}

static void next_to_nothing_is_too_short(void **state)
{
    (void)state;
    drops("", MN_DROP_TOO_SHORT);
    drops("ok", MN_DROP_TOO_SHORT);
    drops("🙂🙂🙂🙂🙂", MN_DROP_TOO_SHORT);
    drops("@user [link]", MN_DROP_TOO_SHORT);
    drops("[email] [phone] [wallet]", MN_DROP_TOO_SHORT);
    drops("... !!! ???", MN_DROP_TOO_SHORT);
}

static void links_mentions_and_hashtags_must_not_prevail(void **state)
{
    (void)state;
    drops("@user @user @user @user nice pictures", MN_DROP_MOSTLY_LINKS);
    drops("#follow #like #win #prize get yours", MN_DROP_MOSTLY_LINKS);
    drops("[link] [link] [link] [link] [link] [link] and some words that say enough of it here",
          MN_DROP_TOO_MANY_LINKS);
    drops("#one #two words and words", MN_DROP_NONE);
}

static void repetition_is_dropped(void **state)
{
    (void)state;
    drops("spam spam spam spam spam spam", MN_DROP_REPETITION);
    drops("win now win big win here win it win all win", MN_DROP_REPETITION);
    drops("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaargh what", MN_DROP_REPETITION);
    drops("goooooal in the last minute", MN_DROP_NONE);
}

static void drawings_and_tables_are_dropped(void **state)
{
    (void)state;
    drops("/\\_/\\ ( o.o ) > ^ < =====----- cat", MN_DROP_SYMBOLS);
    drops("12 345 67 89 01 23 45 67 89 total sum", MN_DROP_SYMBOLS);
}

static void shouting_is_dropped(void **state)
{
    (void)state;
    drops("BUY THIS NOW BEFORE IT IS GONE FOR EVER", MN_DROP_ALL_CAPS);
    drops("КУПИТЕ ЭТО СЕЙЧАС ПОКА НЕ ПОЗДНО", MN_DROP_ALL_CAPS);
    drops("OMG", MN_DROP_TOO_SHORT);
    drops("LAUGHING OUT LOUD", MN_DROP_NONE);
}

static void every_reason_has_a_name_that_parses_back(void **state)
{
    (void)state;
    for (int d = 1; d < MN_DROPS; d++)
        OK(mn_drop_parse(mn_str_from(mn_drop_names[d])) == (mn_drop)d);
    OK(mn_drop_parse(MN_STR("nonsense")) == MN_DROP_NONE);
    OK(mn_drop_parse(MN_STR("")) == MN_DROP_NONE);
}

/* ---- the gate ------------------------------------------------------------------------------------------------ */

static void only_live_public_consented_originals_pass_the_gate(void **state)
{
    (void)state;
    mn_consents allow = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    mn_consents deny = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_DENY);
    mn_post p = {.id = 1, .text = MN_STR("x"), .visibility = MN_VIS_PUBLIC};
    OK(mn_corpus_gate(&p, 0) == MN_DROP_NO_CONSENT);
    OK(mn_corpus_gate(&p, allow) == MN_DROP_NONE);
    p.account_consent = deny;
    OK(mn_corpus_gate(&p, allow) == MN_DROP_NO_CONSENT);
    p.consent = allow;
    OK(mn_corpus_gate(&p, 0) == MN_DROP_NONE);
    p.visibility = MN_VIS_UNLISTED;
    OK(mn_corpus_gate(&p, allow) == MN_DROP_NOT_PUBLIC);
    p.boost_of = 7;
    OK(mn_corpus_gate(&p, allow) == MN_DROP_BOOST);
    p.deleted_ms = 1;
    OK(mn_corpus_gate(&p, allow) == MN_DROP_DELETED);
}

static void the_nearest_setting_names_the_ledger_line(void **state)
{
    (void)state;
    mn_consents allow = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    mn_consents other = mn_consents_set(0, MN_P_SEARCH, MN_CONSENT_DENY);
    mn_post p = {.consent = other, .consent_rev = 3, .account_consent_rev = 5};
    OK(mn_corpus_gate_rev(&p, 9) == 9);
    p.account_consent = allow;
    OK(mn_corpus_gate_rev(&p, 9) == 5);
    p.consent = mn_consents_set(other, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    OK(mn_corpus_gate_rev(&p, 9) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ordinary_posts_pass),
        TEST(next_to_nothing_is_too_short),
        TEST(links_mentions_and_hashtags_must_not_prevail),
        TEST(repetition_is_dropped),
        TEST(drawings_and_tables_are_dropped),
        TEST(shouting_is_dropped),
        TEST(every_reason_has_a_name_that_parses_back),
        TEST(only_live_public_consented_originals_pass_the_gate),
        TEST(the_nearest_setting_names_the_ledger_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
