/* What is let into use: worked cases of the judge. */
#include "test.h"

#include <math.h>

#include "cmd/judge.c" /* commands are not linked into tests, a program is one */

static mn_measure v(double x)
{
    return (mn_measure){true, x, x, x};
}

static mn_measured good(void)
{
    return (mn_measured){{v(2.0), v(2.5), v(0.01), v(1.5), {true, 0.05, 0.03, 0.08}}};
}

static void nothing_worse_is_promoted_without_a_word(void **state)
{
    (void)state;
    mn_measured a = good(), b = good();
    mn_judgement j;
    mn_judge(&a, &b, &j);
    OK(j.promote && !j.why[0]);
    b.of[MN_MEASURE_OLD] = v(2.0399), b.of[MN_MEASURE_NEW] = v(1.9);
    b.of[MN_MEASURE_EXTRACTION] = v(0.0299), b.of[MN_MEASURE_EXPOSURE] = v(3.49);
    b.of[MN_MEASURE_TOXICITY] = (mn_measure){true, 0.12, 0.079, 0.2};
    mn_judge(&a, &b, &j);
    OK(j.promote && !j.why[0]);
}

static void each_measure_alone_can_refuse(void **state)
{
    (void)state;
    const mn_measure worse[MN_MEASURES] = {
        v(2.05), v(2.53), v(0.04), v(3.6), {true, 0.12, 0.09, 0.2}};
    for (int k = 0; k < MN_MEASURES; k++) {
        mn_measured a = good(), b = good();
        mn_judgement j;
        b.of[k] = worse[k];
        mn_judge(&a, &b, &j);
        OK(!j.promote && j.worse[k] && strstr(j.why, "rose from"));
        for (int i = 0; i < MN_MEASURES; i++) OK(j.worse[i] == (i == k));
    }
}

static void what_is_not_measured_is_named_and_old_posts_must_be(void **state)
{
    (void)state;
    for (int k = 0; k < MN_MEASURES; k++)
        for (int side = 0; side < 2; side++) {
            mn_measured a = good(), b = good();
            mn_judgement j;
            (side ? &a : &b)->of[k].measured = false;
            mn_judge(&a, &b, &j);
            OK(strstr(j.why, "not measured") && j.promote == (k != MN_MEASURE_OLD));
            (side ? &a : &b)->of[k] = v(NAN);
            mn_judge(&a, &b, &j);
            OK(!j.judged[k] && j.promote == (k != MN_MEASURE_OLD));
        }
    mn_measured none = {0};
    mn_judgement j;
    mn_judge(&none, &none, &j);
    OK(!j.promote && strlen(j.why) < MN_JUDGE_WHY);
}

static void the_decision_is_json(void **state)
{
    (void)state;
    mn_measured a = good(), b = good();
    mn_judgement j;
    mn_buf out;
    mn_json_writer w;
    mn_json *t = NULL;
    mn_arena ar;
    mn_err e = {0};
    b.of[MN_MEASURE_NEW] = v(9), b.of[MN_MEASURE_TOXICITY].measured = false;
    mn_judge(&a, &b, &j);
    mn_arena_init(&ar, 0);
    mn_buf_init(&out, 0);
    mn_json_writer_init(&w, &out, 0);
    mn_jw_object(&w);
    mn_judgement_put(&w, &a, &b, &j);
    mn_jw_object_end(&w);
    RUN(mn_json_parse(mn_buf_str(&out), &ar, &t, &e));
    const mn_json *m = mn_json_get(t, "measures"), *not = mn_json_get(t, "not_measured");
    OK(m->n == MN_MEASURES && not ->n == 1 &&
       mn_str_eqz(mn_json_str(mn_json_at(not, 0)), "toxicity"));
    OK(mn_json_bool(mn_json_get(mn_json_at(m, MN_MEASURE_NEW), "worse"), false));
    OK(mn_json_get(mn_json_at(m, MN_MEASURE_TOXICITY), "after")->type == MN_JSON_NULL);
    mn_buf_release(&out);
    mn_arena_release(&ar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_worse_is_promoted_without_a_word),
        TEST(each_measure_alone_can_refuse),
        TEST(what_is_not_measured_is_named_and_old_posts_must_be),
        TEST(the_decision_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
