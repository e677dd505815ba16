/* The whole model: the reference's gradient against finite differences in double precision, the fast path against the
 * reference, the same bits on any number of threads, and documents that do not see each other. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/forward.h"
#include "model/reference.h"
#include "tensor/gemm.h"
#include "tensor/ref.h"

#define MN_REAL           double
#define MN_REF(ret, name) static __attribute__((unused)) ret d_##name
#include "tensor/ref_body.inc"
#define MN_K(f) d_##f
#define MN_M(f) d_##f
#include "model/reference_body.inc"

static const mn_config tiny = {.V = 11,
                               .C = 6,
                               .L = 2,
                               .H = 2,
                               .KV = 1,
                               .D = 4,
                               .F = 5,
                               .T = 8,
                               .rope_theta = 50,
                               .eps = 1e-5f,
                               .tied = true};
/* odd sizes on purpose: nothing is a multiple of a vector */
static const mn_config odd = {.V = 301,
                              .C = 52,
                              .L = 3,
                              .H = 4,
                              .KV = 2,
                              .D = 18,
                              .F = 70,
                              .T = 40,
                              .rope_theta = 10000,
                              .eps = 1e-5f,
                              .tied = false};

enum { ROWS = 3, T = 40 };
static uint32_t ids[ROWS * T], target[ROWS * T], pos[ROWS * T], first[ROWS * T];
static float weight[ROWS * T], losses[ROWS * T], losses2[ROWS * T];

/* Documents of 1, 2, .. 12 tokens, one after the other; a sequence begins a new one. */
static mn_batch make_batch(uint32_t V, size_t n_rows, size_t t_row)
{
    size_t left = 0, doc = 0;
    for (size_t i = 0; i < n_rows * t_row; i++) {
        if (i % t_row == 0 || left == 0)
            left = 1 + doc++ % 12, pos[i] = 0, first[i] = (uint32_t)(i % t_row);
        else pos[i] = pos[i - 1] + 1, first[i] = first[i - 1];
        left--;
        ids[i] = (uint32_t)(mn_rand_at(3, 1, i) % V),
        target[i] = (uint32_t)(mn_rand_at(3, 2, i) % V);
        weight[i] = i % 5 == 2 ? 0 : 1.0f + (float)(i % 3);
    }
    return (mn_batch){ids, target, pos, first, weight, n_rows, t_row};
}

static mn_weights make(const mn_config *c, float spread)
{
    mn_err e = {0};
    mn_weights w;
    RUN(mn_weights_new(c, &w, &e));
    mn_weights_init(&w, 5);
    for (uint64_t i = 0; i < w.n_all; i++)
        w.all[i] += spread * (float)(mn_rand_unit(mn_rand_at(9, 9, i)) - 0.5);
    return w;
}

static double weighted(const double *l, const double *wt, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += l[i] * wt[i];
    return s;
}

static void check_gradient(bool tied)
{
    mn_config c = tiny;
    c.tied = tied;
    mn_weights w = make(&c, 0.8f);
    mn_batch b = make_batch(c.V, 1, 8);
    mn_rows r = {b.ids, b.target, b.pos, b.first, b.weight, 8};
    size_t n = (size_t)w.n_all;
    double *all = mn_calloc(n, 8), *dall = mn_calloc(n, 8), l[8], wt[8];
    double *work = mn_calloc(mn_ref_model_work(&c, 8), 8);
    for (size_t i = 0; i < n; i++) all[i] = w.all[i];
    for (size_t i = 0; i < 8; i++) wt[i] = weight[i];
    d_model(&w, all, dall, &r, wt, l, NULL, work);
    for (size_t i = 0; i < n; i++) {
        double keep = all[i], h = 1e-5;
        all[i] = keep + h;
        d_model(&w, all, NULL, &r, wt, l, NULL, work);
        double up = weighted(l, wt, 8);
        all[i] = keep - h;
        d_model(&w, all, NULL, &r, wt, l, NULL, work);
        double num = (up - weighted(l, wt, 8)) / (2 * h);
        all[i] = keep;
        if (fabs(num - dall[i]) > 2e-7 * (1 + fabs(num)))
            fail_msg("parameter %zu: backward %.12g, differences %.12g", i, dall[i], num);
    }
    mn_free(all), mn_free(dall), mn_free(work);
    mn_weights_release(&w);
}

static void every_parameter_of_the_model_has_the_gradient_of_differences(void **state)
{
    (void)state;
    check_gradient(true);
    check_gradient(false);
}

static void near(const char *what, const float *a, const float *b, size_t n, double tol)
{
    double scale = 1e-9;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)b[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tol * scale))
            fail_msg("%s[%zu]: fast %.9g, reference %.9g (largest %.3g)", what, i, (double)a[i],
                     (double)b[i], scale);
}

/* Fast against reference, tensor by tensor so that a small one cannot hide behind a large one. */
static void compare(const mn_config *c, mn_dtype dtype, mn_keep keep, double tol)
{
    mn_err e = {0};
    mn_weights w = make(c, 0.1f);
    mn_batch b = make_batch(c->V, ROWS, T);
    mn_pass *p;
    mn_pool *pool;
    RUN(mn_pool_new(2, &pool, &e));
    RUN(mn_pass_new(&w, pool, ROWS, T, dtype, keep, &p, &e));
    float *d1 = mn_calloc(w.n_all, 4), *d2 = mn_calloc(w.n_all, 4);
    float *work = mn_calloc(mn_ref_model_work(c, T), 4), *logits = mn_calloc(T * c->V, 4);
    float *some = mn_calloc(c->V, 4);
    mn_pass_run(p, &b, losses, d1);
    for (size_t r = 0; r < ROWS; r++) {
        mn_rows rows = {ids + r * T,   target + r * T, pos + r * T,
                        first + r * T, weight + r * T, T};
        mn_ref_model(&w, d2, &rows, losses2 + r * T, logits, work);
    }
    near("loss", losses, losses2, ROWS * T, tol);
    mn_pass_logits(p, ROWS - 1, T - 1, some);
    near("logits", some, logits + (T - 1) * c->V, c->V, tol);
    const mn_layer *y = &w.layers[c->L - 1];
    const float *const cuts[] = {w.embed,  y->norm1, y->wq, y->wk, y->wv, y->wo,
                                 y->norm2, y->wg,    y->wu, y->wd, w.norm};
    const size_t C = c->C, q = (size_t)c->H * c->D, kv = (size_t)c->KV * c->D;
    const size_t sizes[] = {c->V * C, C,        q * C,    kv * C,   kv * C, q * C,
                            C,        c->F * C, c->F * C, c->F * C, C};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        near("gradient", d1 + (cuts[i] - w.all), d2 + (cuts[i] - w.all), sizes[i], tol);
    near("all gradients", d1, d2, w.n_all, tol);
    mn_free(d1), mn_free(d2), mn_free(work), mn_free(logits), mn_free(some);
    mn_pass_free(p), mn_pool_free(pool);
    mn_weights_release(&w);
}

static void the_fast_model_agrees_with_the_reference(void **state)
{
    (void)state;
    compare(&odd, MN_F32, MN_KEEP_ALL, 1e-4);
    mn_config c = odd;
    c.tied = true, c.H = 3, c.KV = 3, c.D = 16, c.C = 64, c.L = 4;
    compare(&c, MN_F32, MN_KEEP_ALL, 1e-4);
    c.L = 1;
    compare(&c, MN_F32, MN_KEEP_ALL, 1e-4);
    compare(&c, MN_F32, MN_KEEP_INPUTS, 1e-4);
}

static void in_bf16_it_agrees_to_that_precision(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = make(&tiny, 0);
    mn_pass *p = NULL;
    mn_rc rc = mn_pass_new(&w, NULL, 1, 4, MN_BF16, MN_KEEP_ALL, &p, &e);
    mn_pass_free(p);
    mn_weights_release(&w);
    if (rc != MN_OK) SKIP(e.msg);
    mn_config c = odd;
    c.tied = true;
    compare(&c, MN_BF16, MN_KEEP_ALL, 5e-2);
    compare(&c, MN_BF16, MN_KEEP_INPUTS, 5e-2);
}

static void run_with(const mn_weights *w, int threads, mn_dtype dtype, mn_keep keep,
                     const mn_batch *b, float *ret_d, float *ret_l)
{
    mn_err e = {0};
    mn_pool *pool;
    mn_pass *p;
    RUN(mn_pool_new(threads, &pool, &e));
    RUN(mn_pass_new(w, pool, b->n_rows, b->T, dtype, keep, &p, &e));
    memset(ret_d, 0, w->n_all * 4);
    mn_pass_run(p, b, ret_l, ret_d);
    mn_pass_free(p);
    mn_pool_free(pool);
}

/* As one thread that keeps everything. */
static void check_same_bits(const mn_config *c, mn_dtype dtype, mn_keep keep)
{
    mn_weights w = make(c, 0.1f);
    mn_batch b = make_batch(c->V, ROWS, T);
    float *d1 = mn_calloc(w.n_all, 4), *d2 = mn_calloc(w.n_all, 4);
    run_with(&w, 1, dtype, MN_KEEP_ALL, &b, d1, losses);
    for (int threads = 1; threads <= 5; threads++) {
        run_with(&w, threads, dtype, keep, &b, d2, losses2);
        OK(memcmp(d1, d2, w.n_all * 4) == 0 && memcmp(losses, losses2, sizeof losses) == 0);
    }
    mn_free(d1), mn_free(d2);
    mn_weights_release(&w);
}

static void the_same_batch_gives_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    check_same_bits(&odd, MN_F32, MN_KEEP_ALL);
}

static void activations_that_are_computed_again_give_the_same_bits(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c = odd;
    for (c.L = 1; c.L <= 5; c.L++) {
        check_same_bits(&c, MN_F32, MN_KEEP_INPUTS);
        if (mn_gemm_bf16_check(&e) == MN_OK) check_same_bits(&c, MN_BF16, MN_KEEP_INPUTS);
    }
}

static void what_is_not_kept_takes_no_memory(void **state)
{
    (void)state;
    mn_config c = odd;
    c.L = 24;
    mn_weights w = make(&c, 0.1f);
    const uint64_t all = mn_pass_bytes(&w, 2, 64, T, MN_F32, MN_KEEP_ALL);
    const uint64_t inputs = mn_pass_bytes(&w, 2, 64, T, MN_F32, MN_KEEP_INPUTS);
    const uint64_t nothing = mn_pass_bytes(&w, 2, 64, T, MN_F32, MN_KEEP_NOTHING);
    const uint64_t kept =
        (uint64_t)22 * 64 * T * 4 * (c.C + 2 * c.H * c.D + 2 * c.KV * c.D + c.H + 2 * c.F);
    OK(all - inputs >= kept && all - inputs < kept + 22 * 5 * 64);
    OK(nothing < inputs / 2);
    mn_weights_release(&w);
}

static void changing_a_document_changes_no_other_documents_loss(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = make(&odd, 0.1f);
    mn_batch b = make_batch(odd.V, ROWS, T);
    mn_pass *p;
    RUN(mn_pass_new(&w, NULL, ROWS, T, MN_F32, MN_KEEP_NOTHING, &p, &e));
    mn_pass_run(p, &b, losses, NULL);
    size_t from = 21; /* tokens 21..27 of the first sequence are one document */
    OK(first[from] == 21 && first[27] == 21 && first[28] == 28);
    for (size_t t = 21; t < 28; t++) ids[t] = (ids[t] + 1) % odd.V;
    mn_pass_run(p, &b, losses2, NULL);
    for (size_t t = 0; t < ROWS * T; t++) {
        bool inside = t >= 21 && t < 28;
        OK(inside == (losses[t] != losses2[t]));
    }
    mn_pass_free(p);
    mn_weights_release(&w);
}

static void a_pass_that_finds_no_memory_says_so(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = make(&tiny, 0);
    for (long n = 1; n <= 4; n++) {
        mn_pass *p = NULL;
        mn_mem_fail_after(n);
        FAILS(MN_E_NOMEM, mn_pass_new(&w, NULL, 2, 8, MN_F32, MN_KEEP_ALL, &p, &e));
        mn_mem_fail_after(0);
        OK(p == NULL);
    }
    mn_weights_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_parameter_of_the_model_has_the_gradient_of_differences),
        TEST(the_fast_model_agrees_with_the_reference),
        TEST(in_bf16_it_agrees_to_that_precision),
        TEST(activations_that_are_computed_again_give_the_same_bits),
        TEST(what_is_not_kept_takes_no_memory),
        TEST(the_same_batch_gives_the_same_bits_on_any_number_of_threads),
        TEST(changing_a_document_changes_no_other_documents_loss),
        TEST(a_pass_that_finds_no_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
