/* Training as a whole on a GPU, an emulated one: it learns what the CPU learns, goes on after a stop as if nothing had happened, and
 * hands its checkpoint to the CPU. */
#include "emulated.h"
#include "ranks_fixture.h"
#include "train_fixture.h"

#include <math.h>
#include <sys/wait.h>

#include "base/stop.h"

static char tmp[64], corpus[200];

static int set_up(void **state)
{
    (void)state;
    use_emulated_gpu();
    test_tmp(tmp);
    fixture_corpus(tmp, 300, corpus);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

static char model_path[8][200];
static const char *model(int i)
{
    snprintf(model_path[i], 200, "%s/models/m%d", tmp, i);
    return model_path[i];
}

static const mn_recipe adamw = {.optimiser = MN_OPTIM_ADAMW, .decay = 0.1f, .fall = 0.5f};

static mn_train_opts opts_for(int i, int device)
{
    return (mn_train_opts){.corpus_dir = corpus,
                           .model_dir = model(i),
                           .preset = "nano",
                           .steps = 4,
                           .seed = 3,
                           .threads = 1,
                           .device = device,
                           .batch_rows = 3,
                           .micro_rows = 2,
                           .row_tokens = 24,
                           .recipe = &adamw,
                           .no_samples = true};
}

static mn_buf bytes_of(int i, const char *name)
{
    return fixture_file(model(i), name);
}

static bool same_weights(int i, int k)
{
    return fixture_same_weights(model(i), model(k));
}

static void a_gpu_learns_what_the_cpu_learns(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result cpu = {0}, gpu = {0};
    mn_train_opts o = opts_for(0, 0);
    RUN(mn_train_run(&o, &cpu, &e));
    o = opts_for(1, 1);
    RUN(mn_train_run(&o, &gpu, &e));
    OK(gpu.finished && gpu.steps == 4 && gpu.tokens == cpu.tokens);
    OK(fabs(gpu.val_bits_per_byte - cpu.val_bits_per_byte) < 1e-3 * cpu.val_bits_per_byte);
    mn_buf log = bytes_of(1, "training.json");
    OK(mn_buf_add(&log, "", 1) == MN_OK);
    OK(strstr(log.ptr, "emulated on the CPU") && strstr(log.ptr, "cublaslt"));
    mn_buf_release(&log);
}

static void stop_at_two(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (p->step == 2) mn_stop_request();
}

/* A run that is stopped after two steps: in a process of its own, for a request to stop is not taken back. */
static void stopped_run(int i)
{
    const pid_t child = fork();
    if (child == 0) {
        mn_err e = {0};
        mn_train_result r = {0};
        mn_train_opts o = opts_for(i, 1);
        o.on_step = stop_at_two;
        const mn_rc rc = mn_train_run(&o, &r, &e);
        _exit(rc == MN_OK && !r.finished && r.steps == 2 ? 0 : 1);
    }
    int status;
    OK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static uint64_t first_step;
static void note_first(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (!first_step) first_step = p->step;
}

static void resume(int i, int device)
{
    mn_err e = {0};
    mn_train_result r = {0};
    mn_train_opts o = opts_for(i, device);
    o.resume = true;
    o.on_step = note_first;
    first_step = 0;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 4 && first_step == 3);
}

static void a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    stopped_run(2);
    resume(2, 1);
    OK(same_weights(1, 2));
    OK(!same_weights(0, 1)); /* a GPU's bits are its own */
}

static void a_checkpoint_of_a_gpu_goes_on_on_the_cpu(void **state)
{
    (void)state;
    stopped_run(3);
    resume(3, 0);
    OK(!same_weights(1, 3));
}

/* ---- ranks, which are threads here, each with an emulated GPU ------------------------------------------------------------- */

typedef struct training {
    mn_train_opts o;
    int cpu_rank; /* that is told to compute on the CPU; -1: none */
    mn_rc rc[BOARD_RANKS];
    mn_err e[BOARD_RANKS];
} training;

static void train(mn_ranks *r, void *arg)
{
    training *t = arg;
    mn_train_opts o = t->o;
    mn_train_result done = {0};
    const int me = mn_ranks_rank(r);
    o.ranks = r;
    if (me == t->cpu_rank) o.device = 0;
    t->e[me] = (mn_err){0};
    t->rc[me] = mn_train_run(&o, &done, &t->e[me]);
    OK(t->rc[me] == MN_OK || mn_ranks_agreed(r));
    if (t->rc[me] == MN_OK) OK(done.steps == 4);
}

static void run_on(int ranks, training *t)
{
    crew(ranks, -1, 0, train, t);
    for (int k = 0; k < ranks; k++)
        if (t->rc[k] != MN_OK) fail_msg("rank %d: %s", k, t->e[k].msg);
}

static void ranks_raise_the_model_of_one(void **state)
{
    (void)state;
    setenv("MYNAH_NCCL_LIB", getenv("MYNAH_CUDA_LIB"), 1);
    training t = {.o = opts_for(4, 1), .cpu_rank = -1};
    run_on(2, &t); /* two micro-batches, as alone */
    OK(same_weights(1, 4));
    stopped_run(5);
    t.o = opts_for(5, 1);
    t.o.resume = true;
    run_on(3, &t); /* one has nothing to compute */
    OK(same_weights(1, 5));
}

static void ranks_on_gpu_and_cpu_do_not_mix(void **state)
{
    (void)state;
    training t = {.o = opts_for(6, 1), .cpu_rank = 1};
    crew(2, -1, 0, train, &t);
    OK(t.rc[0] == MN_E_USAGE && strstr(t.e[0].msg, "a GPU"));
    OK(!mn_fs_exists(model(6)));
}

static void without_a_gpu_nothing_is_left_behind(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r = {0};
    const mn_train_opts o = opts_for(7, 1);
    setenv("MN_EMU_DEVICES", "0", 1);
    FAILS(MN_E_UNSUPPORTED, mn_train_run(&o, &r, &e));
    unsetenv("MN_EMU_DEVICES");
    OK(strstr(e.msg, "--device cpu"));
    OK(!mn_fs_exists(model(7)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_gpu_learns_what_the_cpu_learns),
        TEST(a_stopped_run_goes_on_to_the_same_bits),
        TEST(a_checkpoint_of_a_gpu_goes_on_on_the_cpu),
        TEST(ranks_raise_the_model_of_one),
        TEST(ranks_on_gpu_and_cpu_do_not_mix),
        TEST(without_a_gpu_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
