/* Whole trainings of several ranks, with threads for processes: the bytes of one rank, whatever number begins and goes on. Under
 * mpirun the same is shown by tests/e2e/ranks.sh. */
#include "ranks_fixture.h"
#include "train_fixture.h"

#include <sys/wait.h>

#include "base/stop.h"
#include "model/forget.h"
#include "tensor/gemm.h"

static char tmp[64], corpus[200], other[200];

static int set_up(void **state)
{
    (void)state;
    char dir[80];
    test_tmp(tmp);
    fixture_corpus(tmp, 200, corpus);
    snprintf(dir, sizeof dir, "%s/other", tmp);
    fixture_corpus(dir, 150, other);
    mn_gemm_setup();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

typedef struct training {
    mn_train_opts o;
    char model[200];
    const char *corpus_of_1; /* NULL: that of the others */
    mn_rc rc[BOARD_RANKS];
    mn_err e[BOARD_RANKS];
    uint64_t steps[BOARD_RANKS];
} training;

static training training_of(const char *name, uint64_t steps)
{
    training t = {.o = {.corpus_dir = corpus,
                        .preset = "nano",
                        .steps = steps,
                        .seed = 3,
                        .threads = 1,
                        .batch_rows = 5,
                        .micro_rows = 1,
                        .row_tokens = 40,
                        .no_samples = true}};
    snprintf(t.model, sizeof t.model, "%s/models/%s", tmp, name);
    return t;
}

static void train(mn_ranks *r, void *arg)
{
    training *t = arg;
    mn_train_opts o = t->o;
    mn_train_result done = {0};
    const int me = mn_ranks_rank(r);
    o.model_dir = t->model, o.ranks = r;
    if (me == 1 && t->corpus_of_1) o.corpus_dir = t->corpus_of_1;
    t->e[me] = (mn_err){0};
    t->rc[me] = mn_train_run(&o, &done, &t->e[me]);
    t->steps[me] = done.steps;
    OK(t->rc[me] == MN_OK || mn_ranks_agreed(r));
}

static void run_on(int ranks, training *t, uint64_t steps)
{
    crew(ranks, -1, 0, train, t);
    for (int k = 0; k < ranks; k++) {
        if (t->rc[k] != MN_OK) fail_msg("rank %d: %s", k, t->e[k].msg);
        OK(t->steps[k] == steps);
    }
}

static void same_bytes(const training *a, const training *b)
{
    mn_err e = {0};
    char path[300];
    mn_buf x, y;
    mn_buf_init(&x, 0), mn_buf_init(&y, 0);
    snprintf(path, sizeof path, "%s/model.safetensors", a->model);
    RUN(mn_fs_read(path, SIZE_MAX, &x, &e));
    snprintf(path, sizeof path, "%s/model.safetensors", b->model);
    RUN(mn_fs_read(path, SIZE_MAX, &y, &e));
    OK(x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0);
    mn_buf_release(&x), mn_buf_release(&y);
}

static void any_number_of_ranks_raises_the_same_model(void **state)
{
    (void)state;
    training one = training_of("one", 7);
    run_on(1, &one, 7);
    for (int n = 2; n <= 6; n += 2) { /* six: one has nothing to compute */
        char name[16];
        snprintf(name, sizeof name, "by%d", n);
        training t = training_of(name, 7);
        run_on(n, &t, 7);
        same_bytes(&one, &t);
    }
}

static void ranks_learn_by_any_recipe(void **state)
{
    (void)state;
    const mn_recipe muon = {.optimiser = MN_OPTIM_MUON,
                            .cautious = true,
                            .zero_init = true,
                            .decay = 0.2f,
                            .fall = 0.5f};
    training one = training_of("muon-one", 5), many = training_of("muon-many", 5);
    one.o.recipe = many.o.recipe = &muon;
    run_on(1, &one, 5);
    run_on(3, &many, 5);
    same_bytes(&one, &many);
}

static void ask_to_stop(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (p->step == 3) mn_stop_request();
}

/* Asking to stop cannot be taken back in a process: the stopped run is a child. */
static void another_number_of_ranks_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    training one = training_of("one-more", 7), many = training_of("many", 7);
    pid_t pid = fork();
    if (pid == 0) {
        many.o.on_step = ask_to_stop;
        crew(2, -1, 0, train, &many);
        _exit(many.rc[0] == MN_OK && many.rc[1] == MN_OK && many.steps[1] < 7 ? 0 : 1);
    }
    int status = 0;
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    many.o.resume = true;
    run_on(3, &many, 7);
    run_on(1, &one, 7);
    same_bytes(&one, &many);
}

static void documents_that_are_masked_are_masked_on_every_rank(void **state)
{
    (void)state;
    uint64_t docs[] = {0, 3, 17, 60, 61, 62, 120};
    const mn_mask mask = {docs, sizeof docs / sizeof *docs};
    training bare = training_of("bare", 4), one = training_of("masked-one", 4);
    training many = training_of("masked-many", 4);
    one.o.masked = many.o.masked = &mask;
    run_on(1, &bare, 4);
    run_on(1, &one, 4);
    run_on(4, &many, 4);
    same_bytes(&one, &many);
}

/* Forgetting is repeated by one process, in the micro-batches that the checkpoint names. */
static void
what_ranks_have_learnt_one_forgets_to_the_bytes_of_ranks_that_never_saw_it(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_mask m;
    mn_forget_result r;
    const uint64_t docs[] = {4, 17, 18, 120};
    training whole = training_of("knew", 7), without = training_of("never", 7);
    RUN(mn_mask_from(docs, 4, &m, &e));
    without.o.masked = &m;
    run_on(3, &whole, 7);
    run_on(2, &without, 7);
    mn_mask_release(&m);
    const mn_forget_opts o = {.model_dir = whole.model,
                              .corpus_dir = corpus,
                              .docs = docs,
                              .n_docs = 4,
                              .threads = 2,
                              .no_samples = true};
    RUN(mn_forget_run(&o, &r, &e));
    OK(r.finished && r.documents == 4 && r.first_step > 0 && r.from_step < 7);
    same_bytes(&whole, &without);
}

static void ranks_with_different_corpora_all_refuse(void **state)
{
    (void)state;
    training t = training_of("mixed", 4);
    t.corpus_of_1 = other;
    crew(3, -1, 0, train, &t);
    for (int k = 0; k < 3; k++) {
        OK(t.rc[k] == MN_E_USAGE);
        OK(strstr(t.e[k].msg, "rank 1 has another corpus than rank 0"));
    }
    OK(!mn_fs_exists(t.model));
    t.corpus_of_1 = "/nowhere/at/all";
    crew(3, -1, 0, train, &t);
    for (int k = 0; k < 3; k++)
        OK(t.rc[k] == MN_E_NOT_FOUND && strstr(t.e[k].msg, "rank 1 on '"));
}

static void a_failure_of_the_first_is_that_of_all(void **state)
{
    (void)state;
    training t = training_of("wild", 30);
    t.o.peak_lr = 1e30;
    crew(2, -1, 0, train, &t);
    for (int k = 0; k < 2; k++)
        OK(t.rc[k] == MN_E_LIMIT && strstr(t.e[k].msg, "no longer a number"));
    t = training_of("micro", 4);
    t.o.micro_rows = 900;
    crew(2, -1, 0, train, &t);
    for (int k = 0; k < 2; k++) OK(t.rc[k] == MN_E_USAGE && strstr(t.e[k].msg, "at most 5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_number_of_ranks_raises_the_same_model),
        TEST(ranks_learn_by_any_recipe),
        TEST(another_number_of_ranks_goes_on_to_the_same_bytes),
        TEST(documents_that_are_masked_are_masked_on_every_rank),
        TEST(what_ranks_have_learnt_one_forgets_to_the_bytes_of_ranks_that_never_saw_it),
        TEST(ranks_with_different_corpora_all_refuse),
        TEST(a_failure_of_the_first_is_that_of_all),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
