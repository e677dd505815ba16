/* TweetEval's files and measures. */
#include "test.h"

#include <math.h>

#include "model/tweeteval.h"

static void each_task_has_its_official_measure(void **state)
{
    (void)state;
    const char *want[][2] = {{"emoji", "macro_f1"},         {"emotion", "macro_f1"},
                             {"hate", "macro_f1"},          {"irony", "f1_irony"},
                             {"offensive", "macro_f1"},     {"sentiment", "macro_recall"},
                             {"stance", "f1_against_favor"}};
    for (size_t i = 0; i < MN_TWEET_TASKS; i++) {
        const mn_tweet_task *t = mn_tweet_task_find(want[i][0]);
        OK(t == &mn_tweet_tasks[i]);
        assert_string_equal(mn_tweet_measure_names[t->measure], want[i][1]);
        for (uint8_t k = 0; k < t->n_labels; k++) OK(*t->words[k]);
    }
    OK(!mn_tweet_task_find("mood"));
}

/* true and said as in test_scores.c, counted there by hand */
static void scores_are_those_of_the_measure(void **state)
{
    (void)state;
    const uint8_t gold[] = {0, 0, 0, 0, 1, 1, 1, 2}, said[] = {0, 0, 1, 1, 1, 1, 2, 0};
    const double want[] = {8.0 / 21, 8.0 / 21, 4.0 / 7, 4.0 / 7, 4.0 / 7, (0.5 + 2.0 / 3) / 3,
                           2.0 / 7};
    for (size_t i = 0; i < MN_TWEET_TASKS; i++)
        OK(fabs(mn_tweet_score(&mn_tweet_tasks[i], gold, said, 8) - want[i]) < 1e-12);
}

static void files_are_read_and_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_tweets t;
    mn_arena_init(&a, 0);
    RUN(mn_tweets_parse(MN_STR("so it rains \n\nagain"), MN_STR("1\n0\n2\n"), 3, &a, &t, &e));
    assert_int_equal(t.n, 3);
    IS(t.texts[0], "so it rains");
    IS(t.texts[1], "."); /* a tweet that was only a link: nothing is left of it */
    OK(t.labels[0] == 1 && t.labels[1] == 0 && t.labels[2] == 2);
    FAILS(MN_E_PARSE, mn_tweets_parse(MN_STR("a\nb\n"), MN_STR("1\n"), 3, &a, &t, &e));
    FAILS(MN_E_PARSE, mn_tweets_parse(MN_STR("a\n"), MN_STR("3\n"), 3, &a, &t, &e));
    FAILS(MN_E_PARSE, mn_tweets_parse(MN_STR("a\n"), MN_STR("x\n"), 3, &a, &t, &e));
    FAILS(MN_E_PARSE, mn_tweets_parse(MN_STR(""), MN_STR(""), 3, &a, &t, &e));
    FAILS(MN_E_PARSE, mn_tweets_parse(MN_STR("\xff\n"), MN_STR("1\n"), 3, &a, &t, &e));
    OK(t.n == 3); /* written only on success */
    mn_tweets_thin(&t, 2);
    OK(t.n == 2 && t.labels[0] == 1 && t.labels[1] == 0);
    FAILS(MN_E_NOT_FOUND,
          mn_tweets_read("/tmp/mynah-none", &mn_tweet_tasks[0], NULL, "val", &a, &t, &e));
    mn_arena_release(&a);
}

static void the_published_files_are_read(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_tweets t;
    char dir[512];
    if (!test_data("tweeteval", dir)) SKIP("TweetEval is not here");
    mn_arena_init(&a, 0);
    const size_t val[] = {5000, 374, 1000, 955, 1324, 2000};
    for (size_t i = 0; i < 6; i++) {
        RUN(mn_tweets_read(dir, &mn_tweet_tasks[i], NULL, "val", &a, &t, &e));
        assert_int_equal(t.n, val[i]);
    }
    size_t stance = 0;
    for (const char *const *part = mn_tweet_tasks[6].parts; *part; part++) {
        RUN(mn_tweets_read(dir, &mn_tweet_tasks[6], *part, "train", &a, &t, &e));
        stance += t.n;
    }
    assert_int_equal(stance, 2620);
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_task_has_its_official_measure),
        TEST(scores_are_those_of_the_measure),
        TEST(files_are_read_and_what_does_not_fit_is_refused),
        TEST(the_published_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
