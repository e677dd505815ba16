/* The curve of a short training on the tiny grammar, held to stated values: a change of the arithmetic, the packing, the
 * optimiser or the schedule that matters shows here first. Tolerance 0.15 nats, far above what another instruction set
 * changes in forty steps and far below what a fault does. */
#include "unit/model/train_fixture.h"

#include <math.h>

static double curve[64];

static void note(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    curve[p->step] = p->loss;
}

typedef struct known {
    int step;
    double loss;
} known;

static void follow(mn_optimiser optimiser, const known *want, size_t n)
{
    char tmp[64], corpus[200], model[200];
    mn_err e = {0};
    mn_train_result r;
    mn_recipe recipe = mn_train_recipe(false);
    recipe.optimiser = optimiser, recipe.decay = 0.1f;
    test_tmp(tmp);
    fixture_corpus(tmp, 300, corpus);
    snprintf(model, sizeof model, "%s/models/curve", tmp);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = model,
                       .preset = "nano",
                       .recipe = &recipe,
                       .steps = 40,
                       .seed = 11,
                       .threads = 2,
                       .batch_rows = 4,
                       .row_tokens = 64,
                       .peak_lr = 0.004,
                       .no_samples = true,
                       .on_step = note};
    RUN(mn_train_run(&o, &r, &e));
    for (size_t i = 0; i < n; i++)
        if (fabs(curve[want[i].step] - want[i].loss) > 0.15)
            fail_msg("step %d: loss %.4f, known %.4f", want[i].step, curve[want[i].step],
                     want[i].loss);
    test_tmp_remove(tmp);
}

static void adamws_loss_follows_the_known_curve(void **state)
{
    (void)state;
    static const known want[] = {
        {1, 6.099}, {10, 3.121}, {20, 1.227}, {30, 0.610}, {40, 0.568}};
    follow(MN_OPTIM_ADAMW, want, sizeof want / sizeof *want);
}

static void muons_loss_follows_the_known_curve(void **state)
{
    (void)state;
    static const known want[] = {
        {1, 6.099}, {10, 2.394}, {20, 0.815}, {30, 0.462}, {40, 0.491}};
    follow(MN_OPTIM_MUON, want, sizeof want / sizeof *want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adamws_loss_follows_the_known_curve),
        TEST(muons_loss_follows_the_known_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
