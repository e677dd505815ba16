/* The measures against values counted by hand. */
#include "test.h"

#include <math.h>

#include "model/scores.h"

static bool is(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* label 0: true 4, said 3, right 2; label 1: true 3, said 4, right 2; label 2: true 1, said 1, right 0 */
static const uint8_t gold[] = {0, 0, 0, 0, 1, 1, 1, 2};
static const uint8_t said[] = {0, 0, 1, 1, 1, 1, 2, 0};

static void scores_are_what_counting_gives(void **state)
{
    (void)state;
    OK(is(mn_score_accuracy(gold, said, 8), 4.0 / 8));
    OK(is(mn_score_f1(gold, said, 8, 0), 4.0 / 7)); /* precision 2/3, recall 1/2 */
    OK(is(mn_score_f1(gold, said, 8, 1), 4.0 / 7)); /* precision 1/2, recall 2/3 */
    OK(is(mn_score_f1(gold, said, 8, 2), 0));
    OK(is(mn_score_recall(gold, said, 8, 0), 0.5) &&
       is(mn_score_recall(gold, said, 8, 1), 2.0 / 3));
    OK(is(mn_score_macro_f1(gold, said, 8, 3), 8.0 / 21));
    OK(is(mn_score_macro_recall(gold, said, 8, 3), (0.5 + 2.0 / 3) / 3));
}

/* stance: the mean of against and favour, while "none" counts only by being mistaken for them */
static void stance_leaves_none_out(void **state)
{
    (void)state;
    const uint8_t g[] = {0, 0, 1, 1, 1, 2, 2}, s[] = {0, 1, 1, 1, 0, 2, 1};
    OK(is(mn_score_f1(g, s, 7, 1), 4.0 / 7)); /* true 3, said 4, right 2 */
    OK(is(mn_score_f1(g, s, 7, 2), 2.0 / 3)); /* true 2, said 1, right 1 */
    OK(is((mn_score_f1(g, s, 7, 1) + mn_score_f1(g, s, 7, 2)) / 2, (4.0 / 7 + 2.0 / 3) / 2));
}

static void labels_that_do_not_occur_are_left_out(void **state)
{
    (void)state;
    OK(is(mn_score_macro_f1(gold, said, 8, 20), 8.0 / 21));
    const uint8_t all[] = {3, 3}, none[] = {5, 5};
    OK(is(mn_score_macro_f1(all, all, 2, 20), 1) &&
       is(mn_score_macro_recall(all, all, 2, 20), 1));
    OK(is(mn_score_macro_f1(all, none, 2, 20), 0) && is(mn_score_accuracy(all, none, 2), 0));
}

/* By hand: p = 0.1, n = 100 gives 0.0552 to 0.1744 (Brown, Cai and DasGupta 2001 print such values). */
static void shares_have_bounds(void **state)
{
    (void)state;
    double low, high;
    mn_score_bounds(10, 100, &low, &high);
    OK(fabs(low - 0.05523) < 1e-5 && fabs(high - 0.17437) < 1e-5);
    mn_score_bounds(0, 100, &low, &high);
    OK(low == 0 && fabs(high - 0.03699) < 1e-5);
    mn_score_bounds(100, 100, &low, &high);
    OK(fabs(low - 0.96301) < 1e-5 && high == 1);
    mn_score_bounds(0, 0, &low, &high);
    OK(low == 0 && high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scores_are_what_counting_gives),
        TEST(stance_leaves_none_out),
        TEST(labels_that_do_not_occur_are_left_out),
        TEST(shares_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
