/* The GPU's kernels, and a model in training on them, run thread by thread on the CPU (tests/cuda/emu): every twin against its
 * reference, a model's gradient against the reference's, steps against the CPU's. */
#include "emulated.h"

#include <math.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/gpu.h"
#include "model/gpu_check.h"
#include "model/reference.h"
#include "tensor/gemm.h"

enum { ROWS = 3, T = 72 };
static uint32_t ids[ROWS * T], target[ROWS * T], pos[ROWS * T], first[ROWS * T];
static float weight[ROWS * T], losses[ROWS * T], losses2[ROWS * T];

static const mn_config odd = {.V = 301,
                              .C = 52,
                              .L = 3,
                              .H = 4,
                              .KV = 2,
                              .D = 18,
                              .F = 70,
                              .T = T,
                              .rope_theta = 10000,
                              .eps = 1e-5f,
                              .tied = false};
static const mn_config even = {.V = 96,
                               .C = 64,
                               .L = 2,
                               .H = 4,
                               .KV = 2,
                               .D = 16,
                               .F = 80,
                               .T = T,
                               .rope_theta = 10000,
                               .eps = 1e-5f,
                               .tied = true};

static int set_up(void **state)
{
    (void)state;
    use_emulated_gpu();
    mn_gemm_setup();
    return 0;
}

/* ---- kernels ---------------------------------------------------------------------------------------------------------------- */

static void print_result(void *arg, const mn_gpu_result *r)
{
    (void)arg;
    if (!(r->error <= r->tolerance) || getenv("MN_GPU_SHOW"))
        print_message("%-56s %-4s %.2e of %.0e\n", r->name, r->dtype, r->error, r->tolerance);
}

/* Threads and blocks in three orders: what forgets a barrier gives something else in one of them. */
static void every_twin_gives_what_its_reference_gives(void **state)
{
    (void)state;
    mn_err e = {0};
    const mn_cuda_api *api;
    mn_cuda *d;
    size_t wrong;
    static const char *const orders[] = {"0", "1", "77"};
    RUN(mn_cuda_open(0, &api, &d, &e));
    for (size_t i = 0; i < 3; i++) {
        setenv("MN_EMU_ORDER", orders[i], 1);
        RUN(mn_gpu_check(api, d, false, print_result, NULL, &wrong, &e));
        assert_int_equal(wrong, 0);
    }
    unsetenv("MN_EMU_ORDER");
    api->close(d);
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    mn_err e = {0};
    const mn_cuda_api *api;
    mn_cuda *d;
    RUN(mn_cuda_open(0, &api, &d, &e));
    const mn_cuda_rows wide = {.n_rows = 1, .T = 1, .H = 1, .KV = 1, .D = 256};
    float *x = api->alloc(d, 4 * 256 * sizeof *x), one = 1, got = 0;
    api->upload(d, x, &one, sizeof one);
    api->attention(d, (mn_cuda_mat){x, NULL}, x, x, &wide);
    api->zero(d, x, sizeof *x); /* not done any more */
    FAILS(MN_E_IO, mn_cuda_sync(api, d, &e));
    OK(strstr(e.msg, "heads of more than 128 values"));
    api->download(d, &got, x, sizeof got);
    OK(got == 0 && *(volatile float *)x == 1); /* the emulator's memory is ours */
    api->free(d, x);
    api->close(d);
}

/* ---- a model ------------------------------------------------------------------------------------------------------------------ */

/* Documents of 1 to 12 tokens, one of most of a row; a sequence begins a new one. */
static mn_batch make_batch(uint32_t V, size_t n_rows, uint64_t seed)
{
    size_t left = 0, doc = 0;
    for (size_t i = 0; i < n_rows * T; i++) {
        if (i % T == 0 || left == 0)
            left = i / T == 1 ? 66 : 1 + doc++ % 12, pos[i] = 0, first[i] = (uint32_t)(i % T);
        else pos[i] = pos[i - 1] + 1, first[i] = first[i - 1];
        left--;
        ids[i] = (uint32_t)(mn_rand_at(seed, 1, i) % V),
        target[i] = (uint32_t)(mn_rand_at(seed, 2, i) % V);
        weight[i] = (i % 5 == 2 ? 0 : 1.0f + (float)(i % 3)) / (float)(n_rows * T);
    }
    return (mn_batch){ids, target, pos, first, weight, n_rows, T};
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

static mn_gpu *make_gpu_of(const mn_weights *w, const mn_gpu_opts *o)
{
    mn_err e = {0};
    mn_gpu *g;
    RUN(mn_gpu_new(w, o, &g, &e));
    RUN(mn_gpu_load(g, w->all, NULL, NULL, &e));
    return g;
}

static mn_gpu *make_gpu(const mn_weights *w, size_t micro, mn_dtype dtype, mn_optimiser kind)
{
    const mn_gpu_opts o = {
        .batch_rows = ROWS, .micro_rows = micro, .T = T, .dtype = dtype, .optimiser = kind};
    return make_gpu_of(w, &o);
}

/* The largest difference as a share of b's largest value; NaN where there is one. */
static double off_by(const float *a, const float *b, size_t n)
{
    double off = 0, most = 1e-30;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= off) && !isnan(off)) off = d;
        if (fabs((double)b[i]) > most) most = fabs((double)b[i]);
    }
    return off / most;
}

static void reference_gradient(const mn_weights *w, const mn_batch *b, float *ret_d,
                               float *ret_losses)
{
    float *work = mn_calloc(mn_ref_model_work(&w->cfg, T), sizeof *work);
    for (size_t i = 0; i < b->n_rows; i++) {
        const size_t at = i * T;
        const mn_rows rows = {b->ids + at,   b->target + at, b->pos + at,
                              b->first + at, b->weight + at, T};
        mn_ref_model(w, ret_d, &rows, ret_losses + at, NULL, work);
    }
    mn_free(work);
}

static void check_gradient(const mn_config *c, size_t micro)
{
    mn_err e = {0};
    mn_weights w = make(c, 0.2f);
    mn_gpu *g = make_gpu(&w, micro, MN_F32, MN_OPTIM_ADAMW);
    const mn_batch b = make_batch(c->V, ROWS, 3);
    float *want = mn_calloc(w.n_all, sizeof *want), *got = mn_calloc(w.n_all, sizeof *got);
    double loss, sum = 0;
    RUN(mn_gpu_gradient(g, &b, got, &loss, &e));
    reference_gradient(&w, &b, want, losses);
    for (size_t i = 0; i < ROWS * T; i++) sum += (double)weight[i] * (double)losses[i];
    OK(fabs(loss - sum) < 1e-5 * sum);
    const struct {
        const float *from;
        size_t n;
    } all[] = {{w.all, w.n_all},
               {w.norm, c->C},
               {w.layers[0].norm1, c->C},
               {w.layers[1].wk, (size_t)c->KV * c->D * c->C},
               {w.layers[0].wo, (size_t)c->C * c->H * c->D},
               {w.embed, (size_t)c->V * c->C}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t at = (size_t)(all[i].from - w.all);
        const double off = off_by(got + at, want + at, all[i].n);
        if (!(off < 2e-5)) fail_msg("part %zu of the gradient is off by %g", i, off);
    }
    RUN(mn_gpu_losses(g, &b, losses2, &e));
    OK(off_by(losses2, losses, ROWS * T) < 1e-5);
    mn_gpu_free(g);
    mn_free(want);
    mn_free(got);
    mn_weights_release(&w);
}

static void a_model_has_the_references_gradient(void **state)
{
    (void)state;
    check_gradient(&odd, ROWS);
    check_gradient(&even, ROWS);
}

static void a_batch_in_pieces_has_it_too(void **state)
{
    (void)state;
    check_gradient(&odd, 2);
    check_gradient(&even, 1);
}

static void check_computed_again(mn_dtype dtype)
{
    mn_err e = {0};
    const mn_gpu_opts o = {
        .batch_rows = ROWS, .micro_rows = 2, .T = T, .dtype = dtype, .recompute = true};
    mn_weights w = make(&even, 0.2f);
    mn_gpu *all = make_gpu(&w, 2, dtype, MN_OPTIM_ADAMW), *again = make_gpu_of(&w, &o);
    const mn_batch b = make_batch(even.V, ROWS, 3);
    float *d1 = mn_calloc(w.n_all, sizeof *d1), *d2 = mn_calloc(w.n_all, sizeof *d2);
    double l1, l2;
    RUN(mn_gpu_gradient(all, &b, d1, &l1, &e));
    RUN(mn_gpu_gradient(again, &b, d2, &l2, &e));
    OK(l1 == l2 && memcmp(d1, d2, w.n_all * sizeof *d1) == 0);
    mn_gpu_free(all), mn_gpu_free(again);
    mn_free(d1), mn_free(d2);
    mn_weights_release(&w);
}

static void activations_that_are_computed_again_give_the_same_bits(void **state)
{
    (void)state;
    check_computed_again(MN_F32);
    check_computed_again(MN_BF16);
}

/* Products of bfloat16 on the CPU round the same operands: what differs is the order of sums, and what that rounds over an edge. */
static void in_bfloat16_it_is_the_cpus(void **state)
{
    (void)state;
    mn_err e = {0};
    if (mn_gemm_bf16_check(&e) != MN_OK) SKIP("this machine has no bf16 products");
    mn_weights w = make(&even, 0.2f);
    mn_gpu *g = make_gpu(&w, ROWS, MN_BF16, MN_OPTIM_ADAMW);
    mn_pass *p;
    const mn_batch b = make_batch(even.V, ROWS, 3);
    float *want = mn_calloc(w.n_all, sizeof *want), *got = mn_calloc(w.n_all, sizeof *got);
    double loss;
    RUN(mn_pass_new(&w, NULL, ROWS, T, MN_BF16, MN_KEEP_ALL, &p, &e));
    mn_pass_run(p, &b, losses, want);
    RUN(mn_gpu_gradient(g, &b, got, &loss, &e));
    RUN(mn_gpu_losses(g, &b, losses2, &e));
    const double off = off_by(got, want, w.n_all), off_loss = off_by(losses2, losses, ROWS * T);
    print_message("bf16: gradient off by %.1e, losses by %.1e\n", off, off_loss);
    OK(off < 1e-2);
    OK(off_loss < 2e-3);
    mn_pass_free(p);
    mn_gpu_free(g);
    mn_free(want);
    mn_free(got);
    mn_weights_release(&w);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------- */

static const mn_optim_opts how = {.lr = 0.01,
                                  .b1 = 0.9,
                                  .b2 = 0.95,
                                  .eps = 1e-8,
                                  .decay = 0.1,
                                  .clip = 0.05,
                                  .momentum = 0.95,
                                  .cautious = true};

/* Steps on both from the same weights; leaves the CPU's in w and o, and gives the GPU's. */
static void step_both(mn_weights *w, mn_optim *o, mn_gpu *g, int n, float *ret_all,
                      float *ret_m)
{
    mn_err e = {0};
    mn_pass *p;
    double loss, norm, cpu_loss, cpu_norm;
    RUN(mn_pass_new(w, NULL, ROWS, T, MN_F32, MN_KEEP_ALL, &p, &e));
    for (int i = 1; i <= n; i++) {
        const mn_batch b = make_batch(w->cfg.V, ROWS - (size_t)i % 2, 40 + (uint64_t)i);
        mn_pass_run(p, &b, losses, o->d);
        cpu_loss = 0;
        for (size_t k = 0; k < b.n_rows * T; k++) cpu_loss += (double)(weight[k] * losses[k]);
        cpu_norm = mn_optim_step(o, w->all, NULL, &how, (uint64_t)i);
        RUN(mn_gpu_step(g, &b, &how, (uint64_t)i, &loss, &norm, &e));
        OK(fabs(loss - cpu_loss) < 1e-3 * cpu_loss);
        OK(fabs(norm - cpu_norm) < 1e-2 * cpu_norm);
        OK(norm > how.clip); /* else nothing is clipped */
    }
    RUN(mn_gpu_store(g, ret_all, ret_m, NULL, &e));
    mn_pass_free(p);
}

static void check_steps(mn_optimiser kind, double tolerance)
{
    mn_err e = {0};
    mn_weights w = make(&even, 0.05f);
    mn_optim o;
    RUN(mn_optim_new(&w, kind, 1, &o, &e));
    mn_gpu *g = make_gpu(&w, 2, MN_F32, kind);
    float *before = mn_calloc(w.n_all, sizeof *before), *got = mn_calloc(w.n_all, sizeof *got);
    float *m = mn_calloc(w.n_all, sizeof *m);
    memcpy(before, w.all, w.n_all * sizeof *before);
    step_both(&w, &o, g, 4, got, m);
    OK(off_by(m, o.m, w.n_all) < tolerance);
    for (uint64_t i = 0; i < w.n_all; i++) w.all[i] -= before[i], got[i] -= before[i];
    const double off = off_by(got, w.all, w.n_all);
    print_message("%s: four steps off by %.1e of the largest move\n", mn_optimiser_name(kind),
                  off);
    OK(off < tolerance);
    mn_gpu_free(g);
    mn_optim_release(&o);
    mn_weights_release(&w);
    mn_free(before);
    mn_free(got);
    mn_free(m);
}

static void steps_of_adamw_are_the_cpus(void **state)
{
    (void)state;
    check_steps(MN_OPTIM_ADAMW, 2e-2);
}

static void steps_of_muon_are_the_cpus(void **state)
{
    (void)state;
    check_steps(MN_OPTIM_MUON, 2e-2);
}

/* Two steps, stopped after `stop` of them: weights and moments go to the host and to a new device. */
static void run_steps(mn_dtype dtype, int stop, const char *order, float *ret_all)
{
    mn_err e = {0};
    mn_weights w = make(&even, 0.05f);
    float *m = mn_calloc(w.n_all, sizeof *m), *v = mn_calloc(w.n_all, sizeof *v);
    double loss, norm;
    setenv("MN_EMU_ORDER", order, 1);
    mn_gpu *g = make_gpu(&w, 2, dtype, MN_OPTIM_MUON);
    for (int i = 1; i <= 2; i++) {
        const mn_batch b = make_batch(w.cfg.V, ROWS, 40 + (uint64_t)i);
        RUN(mn_gpu_step(g, &b, &how, (uint64_t)i, &loss, &norm, &e));
        if (i != stop) continue;
        RUN(mn_gpu_store(g, w.all, m, v, &e));
        mn_gpu_free(g);
        g = make_gpu(&w, 2, dtype, MN_OPTIM_MUON);
        RUN(mn_gpu_load(g, w.all, m, v, &e));
    }
    RUN(mn_gpu_store(g, ret_all, NULL, NULL, &e));
    unsetenv("MN_EMU_ORDER");
    mn_gpu_free(g);
    mn_weights_release(&w);
    mn_free(m);
    mn_free(v);
}

static void stops_and_the_order_of_threads_change_no_bit(void **state)
{
    (void)state;
    mn_weights w = make(&even, 0.05f);
    const size_t bytes = w.n_all * sizeof(float);
    float *a = mn_alloc(bytes), *b = mn_alloc(bytes);
    for (int dtype = MN_F32; dtype <= MN_BF16; dtype++) {
        run_steps((mn_dtype)dtype, 0, "0", a);
        OK(off_by(a, w.all, w.n_all) > 1e-3); /* something was learnt */
        run_steps((mn_dtype)dtype, 0, "1", b);
        assert_memory_equal(a, b, bytes);
        run_steps((mn_dtype)dtype, 1, "5", b);
        assert_memory_equal(a, b, bytes);
    }
    mn_free(a);
    mn_free(b);
    mn_weights_release(&w);
}

/* ---- ranks --------------------------------------------------------------------------------------------------------------------- */

/* Two steps of rank `rank` of `size`, whose weights, moments and loss go to a file. */
static int run_rank(const char *dir, int rank, int size, const unsigned char *meeting,
                    mn_optimiser kind)
{
    mn_err e = {0};
    char path[100];
    mn_weights w = make(&even, 0.05f);
    mn_gpu *g;
    const mn_gpu_opts o = {.batch_rows = ROWS,
                           .micro_rows = 1,
                           .T = T,
                           .optimiser = kind,
                           .rank = rank,
                           .size = size,
                           .meeting = meeting};
    double out[4], *norm = out + 2;
    if (mn_gpu_new(&w, &o, &g, &e) != MN_OK || mn_gpu_load(g, w.all, NULL, NULL, &e) != MN_OK)
        return 1;
    for (int i = 0; i < 2; i++) {
        const mn_batch b = make_batch(w.cfg.V, ROWS, 40 + (uint64_t)i);
        if (mn_gpu_step(g, &b, &how, (uint64_t)i + 1, &out[i], &norm[i], &e) != MN_OK) return 2;
    }
    if (mn_gpu_store(g, w.all, NULL, NULL, &e) != MN_OK) return 3;
    mn_gpu_free(g);
    snprintf(path, sizeof path, "%s/%d-of-%d", dir, rank, size);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(out, sizeof out, 1, f) != 1 ||
        fwrite(w.all, sizeof *w.all, w.n_all, f) != w.n_all || fclose(f))
        return 4;
    mn_weights_release(&w);
    return 0;
}

static double *read_rank(const char *dir, int rank, int size, mn_buf *ret)
{
    mn_err e = {0};
    char path[100];
    mn_buf_init(ret, 0);
    snprintf(path, sizeof path, "%s/%d-of-%d", dir, rank, size);
    RUN(mn_fs_read(path, SIZE_MAX, ret, &e));
    return (double *)(void *)ret->ptr;
}

/* Processes with an emulated device each; their messages are files. */
static void ranks_have_the_bits_of_one(void **state)
{
    (void)state;
    mn_err e = {0};
    char dir[64];
    setenv("MYNAH_NCCL_LIB", getenv("MYNAH_CUDA_LIB"), 1);
    test_tmp(dir);
    assert_int_equal(run_rank(dir, 0, 1, NULL, MN_OPTIM_MUON), 0);
    mn_buf one, theirs;
    const double *want = read_rank(dir, 0, 1, &one);
    /* three micro-batches: a rank has two, all have one, one has none */
    for (int size = 2; size <= 4; size++) {
        unsigned char meeting[MN_CUDA_ID_BYTES];
        pid_t child[4];
        double loss = 0;
        RUN(mn_gpu_meeting(meeting, &e));
        for (int k = 0; k < size; k++)
            if ((child[k] = fork()) == 0) _exit(run_rank(dir, k, size, meeting, MN_OPTIM_MUON));
        for (int k = 0; k < size; k++) {
            int status;
            OK(waitpid(child[k], &status, 0) == child[k]);
            assert_int_equal(status, 0);
        }
        for (int k = 0; k < size; k++) {
            const double *got = read_rank(dir, k, size, &theirs);
            assert_int_equal(theirs.len, one.len);
            assert_memory_equal(got + 2, want + 2,
                                one.len - 2 * sizeof *got); /* norms and weights */
            loss += got[0];
            mn_buf_release(&theirs);
        }
        OK(fabs(loss - want[0]) < 1e-12 * want[0]);
    }
    mn_buf_release(&one);
    unsetenv("MYNAH_NCCL_LIB");
    test_tmp_remove(dir);
}

/* ---- what goes wrong ------------------------------------------------------------------------------------------------------------ */

static void a_machine_without_a_device_is_one_clear_line(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = make(&even, 0);
    mn_gpu *g = NULL;
    mn_gpu_opts o = {.batch_rows = 1, .micro_rows = 1, .T = T};
    setenv("MN_EMU_DEVICES", "0", 1);
    FAILS(MN_E_UNSUPPORTED, mn_gpu_new(&w, &o, &g, &e));
    unsetenv("MN_EMU_DEVICES");
    OK(strstr(e.msg, "no CUDA-capable device is detected"));
    OK(strstr(e.msg, "--device cpu"));
    o.index = 3;
    FAILS(MN_E_UNSUPPORTED, mn_gpu_new(&w, &o, &g, &e));
    OK(strstr(e.msg, "there is no device 3"));
    OK(!g);
    mn_weights_release(&w);
}

static void a_device_that_is_too_small_says_so(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w = make(&even, 0);
    mn_gpu *g = NULL;
    const mn_gpu_opts o = {.batch_rows = 1, .micro_rows = 1, .T = T};
    setenv("MN_EMU_MEMORY", "40000000",
           1); /* enough for products, which take 32 MiB, and for no logits */
    mn_config large = even;
    large.V = 60000;
    mn_weights wide = make(&large, 0);
    FAILS(MN_E_NOMEM, mn_gpu_new(&wide, &o, &g, &e));
    OK(strstr(e.msg, "MB free") && strstr(e.msg, "--micro"));
    setenv("MN_EMU_MEMORY", "1000", 1);
    FAILS(MN_E_UNSUPPORTED, mn_gpu_new(&w, &o, &g, &e));
    OK(strstr(e.msg, "no memory for products"));
    unsetenv("MN_EMU_MEMORY");
    OK(!g);
    mn_weights_release(&wide);
    mn_weights_release(&w);
}

static void heads_that_are_too_wide_are_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c = even;
    c.D = 160;
    mn_weights w = make(&c, 0);
    mn_gpu *g = NULL;
    const mn_gpu_opts o = {.batch_rows = 1, .micro_rows = 1, .T = T};
    FAILS(MN_E_UNSUPPORTED, mn_gpu_new(&w, &o, &g, &e));
    OK(strstr(e.msg, "heads of 160 values"));
    mn_weights_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_twin_gives_what_its_reference_gives),
        TEST(the_first_failure_sticks),
        TEST(a_model_has_the_references_gradient),
        TEST(a_batch_in_pieces_has_it_too),
        TEST(activations_that_are_computed_again_give_the_same_bits),
        TEST(in_bfloat16_it_is_the_cpus),
        TEST(steps_of_adamw_are_the_cpus),
        TEST(steps_of_muon_are_the_cpus),
        TEST(stops_and_the_order_of_threads_change_no_bit),
        TEST(ranks_have_the_bits_of_one),
        TEST(a_machine_without_a_device_is_one_clear_line),
        TEST(a_device_that_is_too_small_says_so),
        TEST(heads_that_are_too_wide_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
