/* The optimiser: against plain loops in double precision, whatever the threads; and what a recipe is in eight bytes. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/muon.h"
#include "model/optim.h"
#include "model/tensors.h"
#include "tensor/gemm.h"

/* More than one part in the embedding, matrices tall, wide and square, a head of its own. */
static const mn_config shape = {.V = 3000,
                                .C = 24,
                                .L = 2,
                                .H = 4,
                                .KV = 2,
                                .D = 6,
                                .F = 50,
                                .T = 40,
                                .rope_theta = 10000,
                                .eps = 1e-5f,
                                .tied = false};
static const mn_optim_opts opts = {
    .lr = 0.01, .b1 = 0.9, .b2 = 0.95, .eps = 1e-8, .decay = 0.5, .clip = 1, .momentum = 0.95};

typedef struct rig {
    mn_weights w;
    mn_optim o;
    mn_pool *pool;
} rig;

static rig make(mn_optimiser by, int threads)
{
    mn_err e = {0};
    rig r;
    RUN(mn_weights_new(&shape, &r.w, &e));
    mn_weights_init(&r.w, 5);
    RUN(mn_optim_new(&r.w, by, threads, &r.o, &e));
    RUN(mn_pool_new(threads, &r.pool, &e));
    return r;
}

static void unmake(rig *r)
{
    mn_pool_free(r->pool);
    mn_optim_release(&r->o);
    mn_weights_release(&r->w);
}

static float noise(uint64_t seed, uint64_t i)
{
    return (float)(mn_rand_unit(mn_rand_at(seed, 4, i)) - 0.5);
}

static void gradient(rig *r, uint64_t step)
{
    for (uint64_t i = 0; i < r->o.n; i++) r->o.d[i] = 0.02f * noise(step, i);
}

/* What the step does, tensor by tensor in double; only the orthogonal matrix is muon.h's, which has tests of its own. */
typedef struct plain {
    double *p, *m, *v;
} plain;

static void plain_muon(plain *s, const float *g, const mn_tensor *t, double scale,
                       const mn_optim_opts *o)
{
    const size_t n = (size_t)t->rows * t->cols;
    float *x = mn_calloc(n, sizeof *x);
    float *work = mn_alloc_aligned(64, mn_muon_work(t->rows, t->cols) * sizeof *work);
    for (size_t i = 0; i < n; i++) {
        double d = (double)g[i] * scale;
        s->m[i] = o->momentum * s->m[i] + (1 - o->momentum) * d;
        x[i] = (float)(o->momentum * s->m[i] + (1 - o->momentum) * d);
    }
    mn_muon_orthogonalise(x, t->rows, t->cols, false, work);
    double longest = t->rows > t->cols ? t->rows : t->cols;
    for (size_t i = 0; i < n; i++) {
        bool spared = o->cautious && (double)x[i] * s->p[i] < 0;
        double decay = spared ? 0 : o->decay * s->p[i];
        s->p[i] -= o->lr * (0.2 * sqrt(longest) * (double)x[i] + decay);
    }
    mn_free(work);
    mn_free(x);
}

static void plain_adamw(plain *s, const float *g, size_t n, double scale, double decay,
                        const mn_optim_opts *o, double step)
{
    for (size_t i = 0; i < n; i++) {
        double d = (double)g[i] * scale;
        s->m[i] = o->b1 * s->m[i] + (1 - o->b1) * d;
        s->v[i] = o->b2 * s->v[i] + (1 - o->b2) * d * d;
        double u = s->m[i] / (1 - pow(o->b1, step)) /
                   (sqrt(s->v[i] / (1 - pow(o->b2, step))) + o->eps);
        bool spared = o->cautious && u * s->p[i] < 0;
        s->p[i] -= o->lr * (u + (spared ? 0 : decay * s->p[i]));
    }
}

static void plain_step(plain s, const float *g, uint64_t n, mn_optimiser by,
                       const mn_optim_opts *o, double step)
{
    mn_tensor t;
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += (double)g[i] * (double)g[i];
    double scale = sqrt(sum) > o->clip ? o->clip / sqrt(sum) : 1;
    OK(scale < 1); /* the test is of clipping, too */
    for (uint64_t i = 0; mn_tensor_at(&shape, i, &t); i++) {
        size_t len = (size_t)t.rows * (t.cols ? t.cols : 1);
        bool hidden = t.cols && t.part != MN_PART_EMBED && t.part != MN_PART_HEAD;
        if (by == MN_OPTIM_MUON && hidden) plain_muon(&s, g, &t, scale, o);
        else plain_adamw(&s, g, len, scale, t.cols ? o->decay : 0, o, step);
        s.p += len, s.m += len, s.v += len, g += len;
    }
}

static void agrees(mn_optimiser by, bool cautious)
{
    mn_optim_opts how = opts;
    how.cautious = cautious;
    rig r = make(by, 2);
    const uint64_t n = r.o.n;
    plain s = {.p = mn_calloc(3 * n, sizeof(double))};
    s.m = s.p + n, s.v = s.m + n;
    for (uint64_t i = 0; i < n; i++) s.p[i] = (double)r.w.all[i];
    for (uint64_t step = 1; step <= 3; step++) {
        gradient(&r, step);
        plain_step(s, r.o.d, n, by, &how, (double)step);
        mn_optim_step(&r.o, r.w.all, r.pool, &how, step);
        for (uint64_t i = 0; i < n; i++) OK(r.o.d[i] == 0);
    }
    size_t off =
        0; /* where update and weight are so near to nothing that their signs are chance */
    for (uint64_t i = 0; i < n; i++) off += fabs((double)r.w.all[i] - s.p[i]) > 2e-6;
    OK(off <= (cautious ? n / 10000 : 0));
    mn_free(s.p);
    unmake(&r);
}

static void adamw_steps_as_plain_loops_do(void **state)
{
    (void)state;
    agrees(MN_OPTIM_ADAMW, false);
    agrees(MN_OPTIM_ADAMW, true);
}

static void muon_steps_as_plain_loops_do(void **state)
{
    (void)state;
    agrees(MN_OPTIM_MUON, false);
    agrees(MN_OPTIM_MUON, true);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    rig one = make(MN_OPTIM_MUON, 1);
    for (int threads = 2; threads <= 3; threads++) {
        rig r = make(MN_OPTIM_MUON, threads);
        if (threads == 2)
            for (uint64_t step = 1; step <= 3; step++) {
                gradient(&one, step);
                mn_optim_step(&one.o, one.w.all, one.pool, &opts, step);
            }
        for (uint64_t step = 1; step <= 3; step++) {
            gradient(&r, step);
            mn_optim_step(&r.o, r.w.all, r.pool, &opts, step);
        }
        OK(memcmp(r.w.all, one.w.all, r.o.n * sizeof(float)) == 0);
        OK(memcmp(r.o.m, one.o.m, 2 * r.o.n * sizeof(float)) == 0);
        unmake(&r);
    }
    unmake(&one);
}

static void no_gradient_changes_nothing_but_by_decay(void **state)
{
    (void)state;
    mn_tensor t;
    for (mn_optimiser by = MN_OPTIM_ADAMW; by <= MN_OPTIM_MUON; by++) {
        rig r = make(by, 2), old = make(by, 1);
        OK(mn_optim_step(&r.o, r.w.all, r.pool, &opts, 1) == 0);
        const float *p = r.w.all, *q = old.w.all;
        for (uint64_t i = 0; mn_tensor_at(&shape, i, &t); i++) {
            size_t n = (size_t)t.rows * (t.cols ? t.cols : 1);
            for (size_t k = 0; k < n; k++)
                OK(t.cols ? fabsf(p[k] - q[k] * (1 - 0.01f * 0.5f)) <= 1e-6f * fabsf(q[k])
                          : p[k] == q[k]);
            p += n, q += n;
        }
        unmake(&r);
        unmake(&old);
    }
}

static void what_is_no_number_is_told(void **state)
{
    (void)state;
    for (mn_optimiser by = MN_OPTIM_ADAMW; by <= MN_OPTIM_MUON; by++) {
        rig r = make(by, 2);
        gradient(&r, 1);
        r.o.d[r.w.layers[1].wd - r.w.all + 5] = NAN;
        OK(isnan(mn_optim_step(&r.o, r.w.all, r.pool, &opts, 1)));
        gradient(&r, 1);
        r.o.d[r.w.layers[1].wd - r.w.all + 5] = INFINITY;
        OK(!isfinite(mn_optim_step(&r.o, r.w.all, r.pool, &opts, 1)));
        unmake(&r);
    }
}

static void a_step_takes_no_memory(void **state)
{
    (void)state;
    rig r = make(MN_OPTIM_MUON, 2);
    gradient(&r, 1);
    mn_mem_fail_after(1);
    double norm = mn_optim_step(&r.o, r.w.all, r.pool, &opts, 1);
    mn_mem_fail_after(0);
    OK(isfinite(norm) && norm > 0);
    unmake(&r);
}

static void without_memory_there_is_no_optimiser(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w;
    mn_optim o;
    RUN(mn_weights_new(&shape, &w, &e));
    for (long n = 1; n <= 6; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_optim_new(&w, MN_OPTIM_MUON, 2, &o, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_E_NOMEM);
    }
    RUN(mn_optim_new(&w, MN_OPTIM_MUON, 2, &o, &e));
    mn_optim_release(&o);
    mn_weights_release(&w);
}

static void a_recipe_comes_back_from_eight_bytes(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_recipe r = {0};
    RUN(mn_recipe_unpack(0, &r, &e)); /* of a checkpoint from before there were recipes */
    OK(r.optimiser == MN_OPTIM_ADAMW && !r.cautious && !r.zero_init);
    OK(r.decay == 0.1f && r.fall == 0.5f && mn_recipe_pack(&r) == 0);
    for (unsigned i = 0; i < 32; i++) {
        mn_recipe a = {.optimiser = i & 1 ? MN_OPTIM_MUON : MN_OPTIM_ADAMW,
                       .cautious = i & 2,
                       .zero_init = i & 4,
                       .decay = i & 8 ? 0 : 0.1f,
                       .fall = i & 16 ? 0.65f : 0.5f};
        RUN(mn_recipe_unpack(mn_recipe_pack(&a), &r, &e));
        OK(r.optimiser == a.optimiser && r.cautious == a.cautious);
        OK(r.zero_init == a.zero_init && r.decay == a.decay && r.fall == a.fall);
    }
    r.optimiser = MN_OPTIM_MUON;
    uint64_t good = mn_recipe_pack(&r);
    for (int bit = 1; bit < 8; bit++)
        FAILS(MN_E_CORRUPT, mn_recipe_unpack(good | 1u << bit, &r, &e));
    FAILS(MN_E_CORRUPT, mn_recipe_unpack(good | 1u << 11, &r, &e));
    FAILS(MN_E_CORRUPT, mn_recipe_unpack(good | UINT64_C(0xff800000) << 32, &r, &e));
    FAILS(MN_E_CORRUPT, mn_recipe_unpack(1, &r, &e));
    OK(r.optimiser == MN_OPTIM_MUON);
}

static void optimisers_have_names(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_optimiser o = MN_OPTIM_ADAMW;
    RUN(mn_optimiser_parse("muon", &o, &e));
    OK(o == MN_OPTIM_MUON && strcmp(mn_optimiser_name(o), "muon") == 0);
    RUN(mn_optimiser_parse("adamw", &o, &e));
    OK(o == MN_OPTIM_ADAMW);
    FAILS(MN_E_USAGE, mn_optimiser_parse("sgd", &o, &e));
    OK(strstr(e.msg, "muon"));
}

static void zeroed_outputs_are_those_of_attention_and_feed_forward(void **state)
{
    (void)state;
    rig r = make(MN_OPTIM_MUON, 1), old = make(MN_OPTIM_MUON, 1);
    mn_tensor t;
    mn_weights_zero_outputs(&r.w);
    const float *p = r.w.all, *q = old.w.all;
    for (uint64_t i = 0; mn_tensor_at(&shape, i, &t); i++) {
        bool out = t.part == MN_PART_WO || t.part == MN_PART_WD;
        size_t n = (size_t)t.rows * (t.cols ? t.cols : 1);
        for (size_t k = 0; k < n; k++) OK(p[k] == (out ? 0 : q[k]));
        p += n, q += n;
    }
    unmake(&r);
    unmake(&old);
}

static int set_up(void **state)
{
    (void)state;
    mn_gemm_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adamw_steps_as_plain_loops_do),
        TEST(muon_steps_as_plain_loops_do),
        TEST(threads_change_no_bit),
        TEST(no_gradient_changes_nothing_but_by_decay),
        TEST(what_is_no_number_is_told),
        TEST(a_step_takes_no_memory),
        TEST(without_memory_there_is_no_optimiser),
        TEST(a_recipe_comes_back_from_eight_bytes),
        TEST(optimisers_have_names),
        TEST(zeroed_outputs_are_those_of_attention_and_feed_forward),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
