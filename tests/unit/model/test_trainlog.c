/* training.json: what is kept when it is full, and that it reads back what it wrote. The compressor beside it. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/baseline.h"
#include "model/trainlog.h"

static mn_trainlog *fresh(void)
{
    mn_trainlog *l = mn_alloc(sizeof *l);
    mn_trainlog_init(l);
    l->model = l->corpus = l->preset = l->gemm = l->kernels = "x";
    return l;
}

static void of_many_samples_the_first_the_latest_and_ever_wider_steps_are_kept(void **state)
{
    (void)state;
    mn_trainlog *l = fresh();
    mn_trainlog_sample(l, 0);
    for (uint64_t s = 10; s <= 2000; s += 10) mn_trainlog_sample(l, s);
    OK(l->n_samples == MN_SAMPLE_EVALS);
    OK(l->samples[0].step == 0 && l->samples[MN_SAMPLE_EVALS - 1].step == 2000);
    OK(l->samples[1].step < 100); /* something of the first minutes stays */
    for (size_t i = 1; i < l->n_samples; i++) OK(l->samples[i].step > l->samples[i - 1].step);
    mn_free(l);
}

static void samples_come_back_with_the_part_that_was_given(void **state)
{
    (void)state;
    char tmp[64];
    mn_err e = {0};
    mn_trainlog *l = fresh(), *back = fresh();
    test_tmp(tmp);
    mn_sample_point *p = mn_trainlog_sample(l, 7);
    strcpy(p->text[0], "Er sagt \xc3\xa4hnliches");
    p->given[0] = 8;
    l->xz_bits_per_byte = 3.25;
    RUN(mn_trainlog_write(l, tmp, &e));
    mn_trainlog_read(back, tmp, 7);
    OK(back->n_samples == 1 && back->samples[0].given[0] == 8);
    IS(mn_str_from(back->samples[0].text[0]), "Er sagt \xc3\xa4hnliches");
    OK(fabs(back->xz_bits_per_byte - 3.25) < 1e-9);
    test_tmp_remove(tmp);
    mn_free(l);
    mn_free(back);
}

static void the_compressor_knows_noise_from_repetition(void **state)
{
    (void)state;
    mn_err e = {0};
    double bits = 0;
    static char text[60000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
    RUN(mn_xz_bits_per_byte((mn_str){text, sizeof text}, &bits, &e));
    OK(bits > 7.9 && bits < 8.2);
    memset(text, 'a', sizeof text);
    RUN(mn_xz_bits_per_byte((mn_str){text, sizeof text}, &bits, &e));
    OK(bits < 0.1);
    OK(mn_xz_bits_per_byte(MN_STR_NONE, &bits, &e) == MN_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_many_samples_the_first_the_latest_and_ever_wider_steps_are_kept),
        TEST(samples_come_back_with_the_part_that_was_given),
        TEST(the_compressor_knows_noise_from_repetition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
