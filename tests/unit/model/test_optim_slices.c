/* The optimiser in slices, one a rank: together they do what one does alone, to the bit, and a slice never ends within a matrix. */
#include "test.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/optim.h"
#include "model/tensors.h"
#include "tensor/gemm.h"

#define STEPS 3

static mn_weights start(void)
{
    mn_err e = {0};
    mn_config c;
    mn_weights w;
    RUN(mn_config_preset("nano", &c, &e));
    c.V = 700; /* several parts */
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, 5);
    return w;
}

static void gradient(float *d, uint64_t from, uint64_t n, uint64_t step)
{
    for (uint64_t i = 0; i < n; i++)
        d[i] += (float)(mn_rand_unit(mn_rand_at(9, step, from + i)) - 0.5);
}

static const mn_optim_opts opts = {
    .lr = 1e-2, .b1 = 0.9, .b2 = 0.95, .eps = 1e-8, .decay = 0.1, .clip = 1, .momentum = 0.95};

/* Steps w by n slices, each told the others' squares. */
static void step_in_slices(mn_weights *w, mn_optimiser by, size_t n)
{
    mn_err e = {0};
    mn_optim *o = mn_calloc(n, sizeof *o);
    for (size_t k = 0; k < n; k++) RUN(mn_optim_new_slice(w, by, 1, k, n, &o[k], &e));
    for (uint64_t step = 1; step <= STEPS; step++) {
        for (size_t k = 0; k < n; k++) {
            gradient(o[k].d, o[k].from, o[k].n_own, step);
            mn_optim_squares(&o[k], NULL);
            for (size_t i = 0; i < n; i++)
                memcpy(o[i].squares + o[k].part_from, o[k].squares + o[k].part_from,
                       (o[k].part_to - o[k].part_from) * sizeof(double));
        }
        for (size_t k = 0; k < n; k++) OK(mn_optim_apply(&o[k], w->all, NULL, &opts, step) > 1);
    }
    for (size_t k = 0; k < n; k++) mn_optim_release(&o[k]);
    mn_free(o);
}

static void slices_step_as_the_whole_does(mn_optimiser by)
{
    mn_err e = {0};
    mn_weights one = start();
    mn_optim whole;
    RUN(mn_optim_new(&one, by, 1, &whole, &e));
    for (uint64_t step = 1; step <= STEPS; step++) {
        gradient(whole.d, 0, whole.n, step);
        mn_optim_step(&whole, one.all, NULL, &opts, step);
    }
    const size_t counts[] = {1, 2, 3, 4, 7, 40, 100};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        mn_weights many = start();
        OK(memcmp(one.all, many.all, (size_t)one.n_all * 4) != 0);
        step_in_slices(&many, by, counts[i]);
        OK(memcmp(one.all, many.all, (size_t)one.n_all * 4) == 0);
        mn_weights_release(&many);
    }
    mn_optim_release(&whole);
    mn_weights_release(&one);
}

static void slices_of_adamw_step_as_the_whole_does(void **state)
{
    (void)state;
    slices_step_as_the_whole_does(MN_OPTIM_ADAMW);
}

static void slices_of_muon_step_as_the_whole_does(void **state)
{
    (void)state;
    mn_gemm_setup();
    slices_step_as_the_whole_does(MN_OPTIM_MUON);
}

/* Where tensor i begins, and whether it may be cut. */
static bool may_end_at(const mn_config *c, uint64_t at)
{
    uint64_t from = 0;
    mn_tensor t;
    for (uint64_t i = 0; mn_tensor_at(c, i, &t); i++) {
        uint64_t end = from + (uint64_t)t.rows * (t.cols ? t.cols : 1);
        bool table = t.part == MN_PART_EMBED || t.part == MN_PART_HEAD;
        if (at == from || at == end || (table && at > from && at < end)) return true;
        from = end;
    }
    return false;
}

static void slices_lie_in_order_cover_all_and_keep_matrices_whole(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = start();
    for (size_t n = 1; n <= 60; n++) {
        uint64_t at = 0, most = 0;
        for (size_t k = 0; k < n; k++) {
            mn_optim o;
            RUN(mn_optim_new_slice(&w, MN_OPTIM_MUON, 1, k, n, &o, &e));
            OK(o.from == at && may_end_at(&w.cfg, at));
            at += o.n_own;
            if (o.n_own > most) most = o.n_own;
            mn_optim_release(&o);
        }
        OK(at == w.n_all);
        OK(n > 4 || most < w.n_all / n + w.n_all / 10); /* about even where there is enough */
    }
    mn_weights_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slices_of_adamw_step_as_the_whole_does),
        TEST(slices_of_muon_step_as_the_whole_does),
        TEST(slices_lie_in_order_cover_all_and_keep_matrices_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
