/* Adapters and the pass over a frozen base: gradients against finite differences in double precision and against the plain fast model, the
 * same bits whatever the threads, formats and memory, and nothing learnt from what is masked. */
#include "lora_fixture.h"

#include "model/reference.h"
#include "tensor/gemm.h"
#include "tensor/ref.h"

#define MN_REAL           double
#define MN_REF(ret, name) static __attribute__((unused)) ret d_##name
#include "tensor/ref_body.inc"
#define MN_K(f) d_##f
#define MN_M(f) d_##f
#include "model/reference_body.inc"

static lora_batch batch;
static float losses[LORA_ROWS * LORA_T], losses2[LORA_ROWS * LORA_T];

static const mn_lora_pass_opts room = {
    .n_rows = LORA_ROWS, .T = LORA_T, .dtype = MN_F32, .backward = true};

static void run_pass(const mn_model *m, const mn_lora *a, int threads, mn_lora_pass_opts o,
                     const mn_batch *b, float *l, float *d)
{
    mn_err e = {0};
    mn_pool *pool;
    mn_lora_pass *p;
    RUN(mn_pool_new(threads, &pool, &e));
    RUN(mn_lora_pass_new(m, a, pool, &o, &p, &e));
    if (d) memset(d, 0, a->n_all * sizeof *d);
    mn_lora_pass_run(p, b, l, d);
    mn_lora_pass_free(p);
    mn_pool_free(pool);
}

/* ---- gradients ------------------------------------------------------------------------------------------------------ */

static float *place(mn_layer *y, mn_lora_target t)
{
    float *const W[] = {y->wq, y->wk, y->wv, y->wo, y->wg, y->wu, y->wd};
    return W[t];
}

/* all = base + scale B A in double; the weighted loss of it, and with dall its gradient */
static double d_loss(mn_weights *w, const mn_lora *a, const double *lora, double *all,
                     double *dall, const mn_rows *r, const double *weight, double *work)
{
    double l[16], sum = 0;
    for (uint64_t i = 0; i < w->n_all; i++) all[i] = w->all[i];
    for (uint32_t y = 0; y < w->cfg.L; y++)
        for (int i = 0; i < MN_LORA_TARGETS; i++) {
            mn_lora_target t = (mn_lora_target)i;
            uint32_t N, K;
            mn_lora_shape(&w->cfg, t, &N, &K);
            if (!mn_lora_has(a, t)) continue;
            const double *A = lora + mn_lora_a(a, y, t), *B = lora + mn_lora_b(a, y, t);
            double *W = all + (place(&w->layers[y], t) - w->all);
            for (uint32_t n = 0; n < N; n++)
                for (uint32_t k = 0; k < K; k++)
                    for (uint32_t j = 0; j < a->rank; j++)
                        W[n * K + k] +=
                            (double)mn_lora_scale(a) * B[n * a->rank + j] * A[j * K + k];
        }
    d_model(w, all, dall, r, weight, l, NULL, work);
    for (size_t i = 0; i < r->T; i++) sum += l[i] * weight[i];
    return sum;
}

static void check_differences(uint32_t targets, bool again)
{
    mn_config c = lora_shape;
    c.V = 31, c.C = 32, c.L = 2, c.H = 2, c.KV = 1, c.D = 16, c.F = 32, c.T = 10;
    mn_weights w = lora_weights(&c, 0.4f, 5);
    mn_lora a = lora_adapter(&c, 3, targets, 0.2f);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, MN_Q_F32);
    mn_batch b = lora_fill(&batch, c.V, 1, 10);
    mn_rows r = {b.ids, b.target, b.pos, b.first, b.weight, 10};
    const size_t n = (size_t)a.n_all;
    double *lora = mn_calloc(n, 8), *all = mn_calloc(w.n_all, 8), weight[16];
    double *work = mn_calloc(mn_ref_model_work(&c, 10), 8), scale = 0;
    float *d = mn_calloc(n, sizeof *d);
    for (size_t i = 0; i < n; i++) lora[i] = a.all[i];
    for (size_t i = 0; i < 10; i++) weight[i] = b.weight[i];
    mn_lora_pass_opts o = {
        .n_rows = 1, .T = 10, .dtype = MN_F32, .backward = true, .again = again};
    run_pass(m, &a, 1, o, &b, losses, d);
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)d[i]));
    for (size_t i = 0; i < n; i++) {
        double keep = lora[i], h = 1e-5;
        lora[i] = keep + h;
        double up = d_loss(&w, &a, lora, all, NULL, &r, weight, work);
        lora[i] = keep - h;
        double num = (up - d_loss(&w, &a, lora, all, NULL, &r, weight, work)) / (2 * h);
        lora[i] = keep;
        if (!(fabs(num - (double)d[i]) < 2e-5 * scale))
            fail_msg("parameter %zu: backward %.9g, differences %.9g (largest %.3g)", i,
                     (double)d[i], num, scale);
    }
    OK(scale > 1e-3);
    mn_free(lora), mn_free(all), mn_free(work), mn_free(d);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void every_parameter_of_an_adapter_has_the_gradient_of_differences(void **state)
{
    (void)state;
    check_differences(MN_LORA_ALL, false);
    check_differences(1u << MN_LORA_V | 1u << MN_LORA_DOWN, true);
    check_differences(1u << MN_LORA_O | 1u << MN_LORA_GATE, false);
}

/* dA = scale B^T dW and dB = scale dW A^T, with dW from the fast model on the merged weights. */
static double against_merged(const mn_model *m, const mn_lora *a, mn_dtype dtype, bool tied)
{
    mn_err e = {0};
    mn_weights w = lora_floats(m);
    OK(w.cfg.tied == tied);
    lora_add(&w, a);
    mn_batch b = lora_fill(&batch, m->cfg.V, LORA_ROWS, LORA_T);
    mn_pass *p;
    RUN(mn_pass_new(&w, NULL, LORA_ROWS, LORA_T, MN_F32, MN_KEEP_ALL, &p, &e));
    float *dw = mn_calloc(w.n_all, 4), *want = mn_calloc(a->n_all, 4),
          *d = mn_calloc(a->n_all, 4);
    mn_pass_run(p, &b, losses2, dw);
    mn_lora_pass_opts o = room;
    o.dtype = dtype;
    run_pass(m, a, 2, o, &b, losses, d);
    for (uint32_t l = 0; l < a->cfg.L; l++)
        for (int i = 0; i < MN_LORA_TARGETS; i++) {
            mn_lora_target t = (mn_lora_target)i;
            uint32_t N, K;
            mn_lora_shape(&a->cfg, t, &N, &K);
            if (!mn_lora_has(a, t)) continue;
            const uint64_t at = mn_lora_a(a, l, t), bt = mn_lora_b(a, l, t);
            const float *g = dw + (place(&w.layers[l], t) - w.all);
            for (uint32_t n = 0; n < N; n++)
                for (uint32_t k = 0; k < K; k++)
                    for (uint32_t j = 0; j < a->rank; j++) {
                        float s = mn_lora_scale(a) * g[n * K + k];
                        want[at + j * K + k] += s * a->all[bt + n * a->rank + j];
                        want[bt + n * a->rank + j] += s * a->all[at + j * K + k];
                    }
        }
    double apart = lora_apart(d, want, a->n_all);
    for (size_t i = 0; i < LORA_ROWS * LORA_T; i++) {
        if (!(b.weight[i] > 0)) OK(losses[i] == 0);
        else apart = fmax(apart, fabs((double)(losses[i] - losses2[i])) / 10);
    }
    mn_free(dw), mn_free(want), mn_free(d);
    mn_pass_free(p);
    mn_weights_release(&w);
    return apart;
}

static void check_against_merged(mn_qtype type, mn_dtype dtype, bool tied, double tol)
{
    mn_config c = lora_shape;
    c.tied = tied;
    mn_weights w = lora_weights(&c, 0.1f, 5);
    mn_lora a = lora_adapter(&c, 5, MN_LORA_ALL, 0.1f);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, type);
    double apart = against_merged(m, &a, dtype, tied);
    if (!(apart < tol)) fail_msg("%.3g apart, allowed are %.3g", apart, tol);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void an_adapter_beside_its_base_is_what_merged_weights_are(void **state)
{
    (void)state;
    check_against_merged(MN_Q_F32, MN_F32, true, 2e-5);
    check_against_merged(MN_Q_F32, MN_F32, false, 2e-5);
    check_against_merged(MN_Q_Q4_1, MN_F32, true, 2e-5);
    check_against_merged(MN_Q_Q8_0, MN_F32, false, 2e-5);
}

static void in_bf16_it_is_so_to_that_precision(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_gemm_setup();
    if (mn_gemm_bf16_check(&e) != MN_OK) SKIP(e.msg);
    check_against_merged(MN_Q_F32, MN_BF16, true, 3e-2);
    check_against_merged(MN_Q_Q4_0, MN_BF16, false, 3e-2);
}

/* ---- the same bits --------------------------------------------------------------------------------------------------- */

typedef struct bits {
    float *d, *l;
    size_t n;
} bits;

static bits bits_of(const mn_model *m, const mn_lora *a, int threads, mn_lora_pass_opts o)
{
    mn_batch b = lora_fill(&batch, m->cfg.V, LORA_ROWS, LORA_T);
    bits r = {mn_calloc(a->n_all, 4), mn_calloc(LORA_ROWS * LORA_T, 4), (size_t)a->n_all};
    run_pass(m, a, threads, o, &b, r.l, r.d);
    return r;
}

/* Frees b. */
static bool same(const bits *a, bits b)
{
    bool is = a->n == b.n && memcmp(a->d, b.d, a->n * 4) == 0 &&
              memcmp(a->l, b.l, LORA_ROWS * LORA_T * 4) == 0;
    mn_free(b.d), mn_free(b.l);
    return is;
}

static void check_bits(mn_dtype dtype)
{
    mn_err e = {0};
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.1f);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_lora_pass_opts o = room, again = room;
    o.dtype = again.dtype = dtype, again.again = true;
    static const mn_qtype types[] = {MN_Q_Q4_0, MN_Q_Q4_1, MN_Q_Q5_0, MN_Q_Q8_0,
                                     MN_Q_F16,  MN_Q_BF16, MN_Q_F32};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        mn_model *m = lora_model(&arena, &w, types[i]);
        bits one = bits_of(m, &a, 1, o);
        for (int threads = 2; threads < 5; threads++)
            OK(same(&one, bits_of(m, &a, threads, o)));
        OK(same(&one, bits_of(m, &a, 3, again)));
        /* a base of floats that are the quantised one's */
        mn_weights floats = lora_floats(m);
        OK(same(&one, bits_of(lora_model(&arena, &floats, MN_Q_F32), &a, 2, o)));
        mn_weights_release(&floats);
        /* the batch in three calls */
        mn_batch b = lora_fill(&batch, lora_shape.V, LORA_ROWS, LORA_T);
        mn_lora_pass *p;
        mn_lora_pass_opts small = o;
        small.n_rows = 2;
        RUN(mn_lora_pass_new(m, &a, NULL, &small, &p, &e));
        bits two = {mn_calloc(a.n_all, 4), mn_calloc(LORA_ROWS * LORA_T, 4), (size_t)a.n_all};
        for (size_t row = 0; row < LORA_ROWS; row += 2) {
            size_t at = row * LORA_T, n = LORA_ROWS - row < 2 ? 1 : 2;
            mn_batch some = {b.ids + at, b.target + at, b.pos + at, b.first + at, b.weight + at,
                             n,          LORA_T};
            mn_lora_pass_run(p, &some, two.l + at, two.d);
        }
        OK(same(&one, two));
        mn_lora_pass_free(p);
        mn_free(one.d), mn_free(one.l);
    }
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void threads_formats_and_memory_change_no_bit(void **state)
{
    (void)state;
    check_bits(MN_F32);
}

static void nor_in_bf16(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_gemm_setup();
    if (mn_gemm_bf16_check(&e) != MN_OK) SKIP(e.msg);
    check_bits(MN_BF16);
}

/* ---- masks, logits, memory --------------------------------------------------------------------------------------------- */

static void masked_tokens_carry_no_gradient(void **state)
{
    (void)state;
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.1f);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, MN_Q_F32);
    mn_batch b = lora_fill(&batch, lora_shape.V, LORA_ROWS, LORA_T);
    float *d = mn_calloc(a.n_all, 4), *d2 = mn_calloc(a.n_all, 4);
    run_pass(m, &a, 2, room, &b, losses, d);
    for (size_t i = 0; i < LORA_ROWS * LORA_T; i++) /* other targets where nothing counts */
        if (!(b.weight[i] > 0)) batch.target[i] = (batch.target[i] + 17) % lora_shape.V;
    run_pass(m, &a, 2, room, &b, losses, d2);
    OK(memcmp(d, d2, a.n_all * 4) == 0);
    for (size_t i = 0; i < LORA_ROWS * LORA_T; i++) batch.weight[i] = 0;
    run_pass(m, &a, 2, room, &b, losses, d);
    for (uint64_t i = 0; i < a.n_all; i++) OK(d[i] == 0);
    mn_free(d), mn_free(d2);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void an_adapter_that_learnt_nothing_changes_nothing(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a;
    RUN(mn_lora_new(&lora_shape, 8, 16, false, MN_LORA_ALL, &a, &e));
    mn_lora_init(&a, 3);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, MN_Q_F32);
    mn_batch b = lora_fill(&batch, lora_shape.V, LORA_ROWS, LORA_T);
    mn_lora_pass_opts o = room;
    o.backward = false;
    run_pass(m, &a, 2, o, &b, losses, NULL);
    run_pass(m, NULL, 2, o, &b, losses2, NULL);
    OK(memcmp(losses, losses2, sizeof losses) == 0);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void logits_are_those_of_the_merged_model(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.1f);
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, MN_Q_Q8_0);
    mn_weights merged = lora_floats(m);
    lora_add(&merged, &a);
    mn_batch b = lora_fill(&batch, lora_shape.V, LORA_ROWS, LORA_T);
    mn_pass *p;
    mn_lora_pass *q;
    mn_lora_pass_opts o = room;
    o.backward = false;
    float *x = mn_calloc(lora_shape.V, 4), *y = mn_calloc(lora_shape.V, 4);
    RUN(mn_pass_new(&merged, NULL, LORA_ROWS, LORA_T, MN_F32, MN_KEEP_NOTHING, &p, &e));
    RUN(mn_lora_pass_new(m, &a, NULL, &o, &q, &e));
    mn_pass_run(p, &b, losses, NULL);
    mn_lora_pass_run(q, &b, losses2, NULL);
    mn_pass_logits(p, 3, 17, x);
    mn_lora_pass_logits(q, 3, 17, y);
    OK(lora_apart(y, x, lora_shape.V) < 1e-5);
    mn_free(x), mn_free(y);
    mn_pass_free(p), mn_lora_pass_free(q);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&merged), mn_weights_release(&w);
}

static void a_run_allocates_nothing_and_a_pass_without_memory_says_so(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.1f), none = {0};
    mn_arena arena;
    mn_arena_init(&arena, 0);
    mn_model *m = lora_model(&arena, &w, MN_Q_Q4_0);
    mn_batch b = lora_fill(&batch, lora_shape.V, LORA_ROWS, LORA_T);
    float *d = mn_calloc(a.n_all, 4);
    mn_lora_pass *p = NULL;
    for (long n = 1; n <= 5; n++) {
        mn_mem_fail_after(n);
        FAILS(MN_E_NOMEM, mn_lora_pass_new(m, &a, NULL, &room, &p, &e));
        mn_mem_fail_after(0);
        OK(p == NULL);
    }
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_lora_new(&lora_shape, 4, 8, false, MN_LORA_ALL, &none, &e));
    mn_mem_fail_after(0);
    RUN(mn_lora_pass_new(m, &a, NULL, &room, &p, &e));
    mn_mem_fail_after(1); /* an allocation would now give NULL, and that would be seen */
    mn_lora_pass_run(p, &b, losses, d);
    mn_mem_fail_after(0);
    run_pass(m, &a, 1, room, &b, losses2, d);
    OK(memcmp(losses, losses2, sizeof losses) == 0);
    OK(mn_lora_pass_bytes(&lora_shape, &a, 1, &room) > 1000000);
    mn_free(d);
    mn_lora_pass_free(p);
    mn_arena_release(&arena);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void targets_are_named_and_wrong_ones_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_lora a;
    uint32_t set;
    RUN(mn_lora_targets_parse(MN_STR("q, v"), &set, &e));
    OK(set == (1u << MN_LORA_Q | 1u << MN_LORA_V));
    RUN(mn_lora_targets_parse(MN_STR("all"), &set, &e));
    OK(set == MN_LORA_ALL);
    RUN(mn_lora_targets_parse(MN_STR("gate_proj,down"), &set, &e));
    OK(set == (1u << MN_LORA_GATE | 1u << MN_LORA_DOWN));
    FAILS(MN_E_USAGE, mn_lora_targets_parse(MN_STR("q,x"), &set, &e));
    OK(strstr(e.msg, "'x'"));
    FAILS(MN_E_USAGE, mn_lora_targets_parse(MN_STR(""), &set, &e));
    FAILS(MN_E_USAGE, mn_lora_new(&lora_shape, 0, 8, false, MN_LORA_ALL, &a, &e));
    FAILS(MN_E_USAGE, mn_lora_new(&lora_shape, 4000, 8, false, MN_LORA_ALL, &a, &e));
    FAILS(MN_E_USAGE, mn_lora_new(&lora_shape, 8, -1, false, MN_LORA_ALL, &a, &e));
    FAILS(MN_E_USAGE, mn_lora_new(&lora_shape, 8, 8, false, 0, &a, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_parameter_of_an_adapter_has_the_gradient_of_differences),
        TEST(an_adapter_beside_its_base_is_what_merged_weights_are),
        TEST(in_bf16_it_is_so_to_that_precision),
        TEST(threads_formats_and_memory_change_no_bit),
        TEST(nor_in_bf16),
        TEST(masked_tokens_carry_no_gradient),
        TEST(an_adapter_that_learnt_nothing_changes_nothing),
        TEST(logits_are_those_of_the_merged_model),
        TEST(a_run_allocates_nothing_and_a_pass_without_memory_says_so),
        TEST(targets_are_named_and_wrong_ones_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
