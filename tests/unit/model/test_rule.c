/* What a training chooses by itself: sizes go with the corpus and the budget, stay in bounds, and give way to what is asked for. */
#include "test.h"

#include <math.h>

#include "model/rule.h"

#define GB 300e6 /* tokens of about a gigabyte of posts */

static uint32_t vocab_of(double tokens)
{
    uint32_t v = 2048;
    for (double size = 7e5; tokens >= size && v < 32768; size *= 4) v *= 2;
    return v;
}

static mn_rule_ask ask_for(double tokens)
{
    return (mn_rule_ask){.tokens = (uint64_t)tokens,
                         .bytes = (uint64_t)(tokens * 3),
                         .vocab = vocab_of(tokens),
                         .optimiser = MN_OPTIM_MUON,
                         .decay = -1,
                         .speed = mn_rule_speed("avx512", MN_F32, 2, false),
                         .most_operations = MN_RULE_DAY};
}

static mn_rule_plan plan_for(const mn_rule_ask *a)
{
    mn_err e = {0};
    mn_rule_plan p;
    RUN(mn_rule_choose(a, &p, &e));
    OK(p.batch_rows >= 1 && p.batch_rows <= 4096 && p.row_tokens >= 1);
    OK(p.rate >= 1e-4 && p.rate <= 2e-2);
    OK(isfinite(p.epochs) && p.epochs > 0 && isfinite(p.seconds) && p.steps >= 1);
    return p;
}

/* Weights, without those of the vocabulary: the order of presets. */
static uint64_t size_of(const mn_rule_plan *p)
{
    mn_config c = p->shape;
    c.V = 2;
    return mn_config_params(&c);
}

static void a_larger_corpus_never_gets_a_smaller_preset_or_batch(void **state)
{
    (void)state;
    uint64_t size = 0;
    size_t rows = 0;
    for (double tokens = 1; tokens < 2 * GB; tokens *= 1.25) {
        mn_rule_ask a = ask_for(tokens);
        a.vocab = 8192;
        const mn_rule_plan p = plan_for(&a);
        OK(size_of(&p) >= size);
        if (size_of(&p) == size) OK(p.batch_rows >= rows);
        size = size_of(&p), rows = p.batch_rows;
    }
}

static void more_time_never_gets_a_smaller_preset(void **state)
{
    (void)state;
    for (double tokens = 1e4; tokens < 2 * GB; tokens *= 10) {
        uint64_t size = 0;
        for (double minutes = 0.1; minutes < 1e6; minutes *= 1.5) {
            mn_rule_ask a = ask_for(tokens);
            a.minutes = minutes;
            const mn_rule_plan p = plan_for(&a);
            OK(size_of(&p) >= size && p.end == MN_RULE_ASKED);
            OK(fabs(p.seconds - minutes * 60) < 1e-6 * minutes * 60);
            size = size_of(&p);
        }
    }
}

static void a_faster_machine_never_gets_a_smaller_preset(void **state)
{
    (void)state;
    uint64_t size = 0;
    for (double speed = 1e9; speed < 1e16; speed *= 2) {
        mn_rule_ask a = ask_for(1e7);
        a.minutes = 60, a.speed = speed;
        const mn_rule_plan p = plan_for(&a);
        OK(size_of(&p) >= size);
        size = size_of(&p);
    }
}

static void longer_runs_have_larger_batches_and_enough_steps(void **state)
{
    (void)state;
    size_t rows = 1;
    for (double tokens = 100; tokens < 1e10; tokens *= 1.5) {
        mn_rule_ask a = ask_for(1e6);
        a.preset = "nano", a.most_tokens = (uint64_t)tokens;
        const mn_rule_plan p = plan_for(&a);
        OK(p.batch_rows >= rows && p.batch_rows <= 256);
        OK(p.batch_rows == 1 || p.steps >= MN_RULE_STEPS);
        rows = p.batch_rows;
    }
    OK(rows == 256);
}

static void the_rate_falls_with_the_width_and_grows_with_the_batch(void **state)
{
    (void)state;
    double rate = 1;
    for (const char *const *preset = (const char *const[]){"nano", "micro", "small", NULL};
         *preset; preset++) {
        mn_rule_ask a = ask_for(1e6);
        a.preset = *preset, a.batch_rows = 8;
        const mn_rule_plan p = plan_for(&a);
        OK(p.rate < rate);
        rate = p.rate;
        a.optimiser = MN_OPTIM_ADAMW;
        OK(plan_for(&a).rate < rate);
        a.optimiser = MN_OPTIM_MUON, a.batch_rows = 32;
        OK(plan_for(&a).rate > rate);
    }
}

static void what_is_read_again_decays_the_more(void **state)
{
    (void)state;
    double decay = 0;
    for (double epochs = 0.1; epochs < 100; epochs *= 1.5) {
        mn_rule_ask a = ask_for(4e5);
        a.preset = "nano", a.batch_rows = 8, a.rate = 0.005, a.epochs = epochs;
        const mn_rule_plan p = plan_for(&a);
        const double remembered = 1 / (p.rate * p.decay), epoch = 4e5 / (8 * 256);
        OK(p.decay >= decay && p.decay >= 0.1 && p.decay <= 8);
        if (epochs <= 2) OK(p.decay == 0.1);
        if (epochs > 20) OK(remembered < 0.9 * epoch && remembered > 0.75 * epoch);
        decay = p.decay;
        a.decay = 0;
        OK(plan_for(&a).decay == 0);
    }
}

static void a_single_post_is_planned_for(void **state)
{
    (void)state;
    for (uint64_t tokens = 0; tokens < 20; tokens++) {
        mn_rule_ask a = ask_for((double)tokens);
        const mn_rule_plan p = plan_for(&a);
        OK(strcmp(p.preset, "nano") == 0 && p.batch_rows == 1);
        OK(p.tokens <= 100 * (tokens + 1));
    }
}

static void a_gigabyte_costs_no_more_than_it_may(void **state)
{
    (void)state;
    mn_rule_ask a = ask_for(GB);
    const mn_rule_plan p = plan_for(&a);
    OK(6.0 * (double)mn_config_params(&p.shape) * (double)p.tokens <= MN_RULE_DAY * 1.001);
    OK(p.end == MN_RULE_COST && p.batch_rows >= 32);
    a.most_operations = MN_RULE_DAY_GPU, a.speed = mn_rule_speed("avx512", MN_BF16, 2, true);
    const mn_rule_plan gpu = plan_for(&a);
    OK(size_of(&gpu) > size_of(&p));
}

static void what_is_asked_for_wins(void **state)
{
    (void)state;
    mn_rule_ask a = ask_for(3e6);
    a.preset = "small", a.batch_rows = 3, a.row_tokens = 40, a.rate = 0.00123, a.epochs = 2.5;
    const mn_rule_plan p = plan_for(&a);
    OK(p.preset == a.preset && p.shape.C == 512 && p.shape.V == a.vocab);
    OK(p.batch_rows == 3 && p.row_tokens == 40 && p.rate == 0.00123);
    OK(p.epochs == 2.5 && p.tokens == 7500000 && p.end == MN_RULE_ASKED);
    a.steps = 7, a.most_tokens = 1000;
    OK(plan_for(&a).steps == 7); /* 840 tokens */
    a.most_tokens = 500;
    OK(plan_for(&a).tokens == 500);
}

static void steps_that_are_asked_for_are_those_of_its_batch(void **state)
{
    (void)state;
    for (uint64_t steps = 1; steps < 1000000; steps *= 3) {
        mn_rule_ask a = ask_for(3e6);
        a.steps = steps;
        const mn_rule_plan p = plan_for(&a);
        OK(p.steps == steps);
    }
}

static void weights_that_are_there_keep_their_shape(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c;
    RUN(mn_config_preset("micro", &c, &e));
    c.V = 777, c.T = 96;
    mn_rule_ask a = ask_for(1e8);
    a.shape = &c;
    const mn_rule_plan p = plan_for(&a);
    OK(!p.preset && memcmp(&p.shape, &c, sizeof c) == 0 && p.row_tokens == 96);
}

static void the_same_question_has_the_same_answer(void **state)
{
    (void)state;
    const mn_rule_ask a = ask_for(5e6);
    const mn_rule_plan p = plan_for(&a), q = plan_for(&a);
    OK(p.batch_rows == q.batch_rows && p.rate == q.rate && p.epochs == q.epochs &&
       p.preset == q.preset);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_rule_plan p = {.batch_rows = 99};
    mn_rule_ask a = ask_for(1e6);
    a.preset = "huge";
    FAILS(MN_E_USAGE, mn_rule_choose(&a, &p, &e));
    a.preset = NULL, a.vocab = 1;
    FAILS(MN_E_LIMIT, mn_rule_choose(&a, &p, &e));
    OK(p.batch_rows == 99);
}

static void the_law_knows_that_text_is_worth_more_than_passes(void **state)
{
    (void)state;
    for (double n = 1e6; n < 2e8; n *= 3)
        for (double tokens = 1e4; tokens < GB; tokens *= 3) {
            const double once = mn_rule_bits(n, tokens, tokens);
            OK(mn_rule_bits(n, 2 * tokens, 2 * tokens) < once);
            OK(mn_rule_bits(n, 2 * tokens, 2 * tokens) < mn_rule_bits(n, tokens, 2 * tokens));
            if (tokens < 1e6) /* about where passes were measured */
                OK(mn_rule_bits(n, tokens, 100 * tokens) >
                   mn_rule_bits(n, tokens, 30 * tokens));
            OK(mn_rule_bits(2 * n, tokens, tokens) < once);
        }
}

static const char *said(const mn_rule_ask *a)
{
    static char line[400];
    const mn_rule_plan p = plan_for(a);
    mn_buf b;
    mn_buf_init(&b, sizeof line - 1);
    mn_rule_say(a, &p, &b);
    OK(!b.failed);
    snprintf(line, sizeof line, "%s", b.ptr);
    mn_buf_release(&b);
    return line;
}

static void people_are_told_what_was_chosen_and_why(void **state)
{
    (void)state;
    mn_rule_ask a = ask_for(900000);
    a.bytes = 3100000, a.vocab = 4096;
    OK(strstr(said(&a), "corpus 3.1 MB, 0.9 M tokens: "));
    OK(strstr(said(&a), " epochs would help little"));
    a.preset = "nano", a.batch_rows = 32, a.rate = 0.0032, a.epochs = 2;
    assert_string_equal(
        said(&a), "corpus 3.1 MB, 0.9 M tokens: nano as asked, batch 8,192 as asked, rate "
                  "0.0032 as asked, decay 0.1, 2 epochs, about 220 steps, about 47 s");
    a = ask_for(GB);
    OK(strstr(said(&a), "--minutes"));
    a = ask_for(12);
    OK(strstr(said(&a), "corpus 0.0 KB, 0.0 K tokens: nano, batch 256, "));
    a.minutes = 1;
    OK(strstr(said(&a), " epochs would do better"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_larger_corpus_never_gets_a_smaller_preset_or_batch),
        TEST(more_time_never_gets_a_smaller_preset),
        TEST(a_faster_machine_never_gets_a_smaller_preset),
        TEST(longer_runs_have_larger_batches_and_enough_steps),
        TEST(the_rate_falls_with_the_width_and_grows_with_the_batch),
        TEST(what_is_read_again_decays_the_more),
        TEST(a_single_post_is_planned_for),
        TEST(a_gigabyte_costs_no_more_than_it_may),
        TEST(what_is_asked_for_wins),
        TEST(steps_that_are_asked_for_are_those_of_its_batch),
        TEST(weights_that_are_there_keep_their_shape),
        TEST(the_same_question_has_the_same_answer),
        TEST(what_cannot_be_is_refused),
        TEST(the_law_knows_that_text_is_worth_more_than_passes),
        TEST(people_are_told_what_was_chosen_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
