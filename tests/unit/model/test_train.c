/* Training as a whole: it learns, it repeats itself to the bit, it goes on after a stop and after SIGKILL as if nothing had
 * happened, and it refuses what it should with the right words. */
#include "train_fixture.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/stop.h"

static char tmp[64], corpus[200];

static int set_up(void **state)
{
    (void)state;
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

static char model_path[16][200];
static const char *model(int i)
{
    snprintf(model_path[i], 200, "%s/models/m%d", tmp, i);
    return model_path[i];
}

static mn_train_opts opts_for(int i, uint64_t steps)
{
    return (mn_train_opts){.corpus_dir = corpus,
                           .model_dir = model(i),
                           .preset = "nano",
                           .steps = steps,
                           .seed = 3,
                           .threads = 2,
                           .batch_rows = 3,
                           .row_tokens = 40,
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

static double first_loss, last_loss;
static void note_loss(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg;
    OK(share > 0 && share <= 1 && total == 60);
    if (p->step == 1) first_loss = p->loss;
    last_loss = p->loss;
}

static void note_first(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 1) first_loss = p->loss;
}

static void sixty_steps_teach_the_grammar(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_opts o = opts_for(0, 60);
    mn_train_result r;
    o.on_step = note_loss;
    o.no_samples = false;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 60 && r.tokens > 60 * 60);
    OK(first_loss > 5.5); /* log of some 430 tokens is 6.1 */
    OK(last_loss < 2.6);  /* of the grammar's own some 1.3 */
    OK(r.val_bits_per_byte < 1.2 && r.val_bits_per_byte > 0.2);
}

static void what_it_leaves_can_be_read_by_others(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w;
    RUN(mn_weights_load(model(0), &w, &e));
    OK(w.cfg.C == 128);
    uint64_t w_context = w.cfg.T;
    mn_weights_release(&w);
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_json *t;
    mn_buf b = bytes_of(0, "tokenizer_config.json");
    RUN(mn_json_parse(mn_buf_str(&b), &a, &t, &e));
    IS(mn_json_str(mn_json_get(t, "tokenizer_class")), "PreTrainedTokenizerFast");
    IS(mn_json_str(mn_json_get(t, "bos_token")), "<|start|>");
    IS(mn_json_str(mn_json_get(t, "eos_token")), "<|end|>");
    IS(mn_json_str(mn_json_get(t, "pad_token")), "<|pad|>");
    OK(mn_json_u64(mn_json_get(t, "model_max_length"), 0) == w_context);
    mn_buf_release(&b);
    b = bytes_of(0, "training.json");
    RUN(mn_json_parse(mn_buf_str(&b), &a, &t, &e));
    IS(mn_json_str(mn_json_get(t, "state")), "done");
    IS(mn_json_str(mn_json_get(t, "corpus")), "tiny");
    IS(mn_json_str(mn_json_get(t, "optimiser")), "muon");
    double share = mn_json_f64(mn_json_get(t, "optimiser_share"), 0);
    OK(share > 0 && share < 1);
    share = mn_json_f64(mn_json_get(t, "checkpoint_share"), 0);
    OK(share > 0 && share < 1);
    OK(mn_json_get(t, "curve")->n == 60 && mn_json_get(t, "evals")->n >= 2);
    OK(mn_json_get(t, "samples")->n >= 3);
    double xz = mn_json_f64(mn_json_get(t, "xz_bits_per_byte"), 0);
    OK(xz > 0.1 && xz < 8);
    const mn_json *first = mn_json_at(mn_json_get(t, "samples"), 0);
    OK(mn_json_str(mn_json_get(first, "given")).len > 0);
    /* in the beginning it looks more often: before anything, and after 10, 20 and 50 steps */
    const uint64_t early[] = {0, 10, 20, 50};
    for (size_t i = 0; i < 4; i++) {
        const mn_json *v = mn_json_at(mn_json_get(t, "evals"), i);
        OK(mn_json_u64(mn_json_get(v, "step"), 99) == early[i]);
    }
    OK(mn_json_u64(mn_json_get(t, "steps"), 0) == 60);
    OK(mn_json_str(mn_json_get(t, "checkpoint_sha256")).len == 64);
    mn_buf_release(&b);
    mn_arena_release(&a);
}

static void the_same_run_gives_the_same_bits_whatever_the_threads_and_what_is_kept(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(1, 14);
    RUN(mn_train_run(&o, &r, &e));
    o.model_dir = model(2), o.threads = 1, o.recompute = true;
    RUN(mn_train_run(&o, &r, &e));
    OK(same_weights(1, 2));
    o.model_dir = model(3), o.seed = 4;
    RUN(mn_train_run(&o, &r, &e));
    OK(!same_weights(1, 3));
}

static void kill_at_11(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 11) raise(SIGKILL);
}

static void stop_at_6(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 6) mn_stop_request();
}

/* Runs o in a child; its wait status. Exit 10: stopped, resumable. */
static int in_child(mn_train_opts *o)
{
    pid_t pid = fork();
    if (pid == 0) {
        mn_err e = {0};
        mn_train_result r;
        mn_rc rc = mn_train_run(o, &r, &e);
        _exit(rc != MN_OK ? 1 : r.finished ? 0 : 10);
    }
    int status = 0;
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void a_run_that_was_killed_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_opts o = opts_for(4, 14);
    o.checkpoint_steps = 4, o.checkpoint_s = 60;
    o.on_step = kill_at_11;
    int status = in_child(&o);
    OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    mn_checkpoint c;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/checkpoints", model(4));
    RUN(mn_checkpoint_peek(dir, &c, &e));
    OK(c.step == 8 && !c.finished);
    mn_train_result r;
    o.on_step = NULL, o.resume = true;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(1, 4));
}

static void a_run_that_was_stopped_saves_itself_and_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_opts o = opts_for(5, 14);
    o.on_step = stop_at_6;
    int status = in_child(&o);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 10);
    mn_buf b = bytes_of(5, "training.json");
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"state\":\"stopped\""), 0) != SIZE_MAX);
    mn_buf_release(&b);
    mn_train_result r;
    o.on_step = NULL, o.resume = true, o.threads = 1;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(1, 5));
}

/* Everything of a recipe that is not as it was before there were recipes: a checkpoint must know it. */
static void a_run_with_a_recipe_goes_on_by_it_after_kill_and_stop(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    const mn_recipe recipe = {.optimiser = MN_OPTIM_MUON,
                              .cautious = true,
                              .zero_init = true,
                              .decay = 0.3f,
                              .fall = 0.65f};
    mn_train_opts o = opts_for(10, 14);
    o.recipe = &recipe;
    RUN(mn_train_run(&o, &r, &e));
    OK(!same_weights(1, 10));
    o = opts_for(11, 14);
    o.recipe = &recipe, o.checkpoint_steps = 4, o.checkpoint_s = 60;
    o.on_step = kill_at_11;
    OK(WIFSIGNALED(in_child(&o)));
    o.on_step = NULL, o.recipe = NULL, o.resume = true, o.threads = 3;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(10, 11));
    o = opts_for(12, 14);
    o.recipe = &recipe, o.on_step = stop_at_6;
    OK(WEXITSTATUS(in_child(&o)) == 10);
    o.on_step = NULL, o.recipe = NULL, o.resume = true, o.threads = 1;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(10, 12));
    mn_buf b = bytes_of(12, "training.json");
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"optimiser\":\"muon\""), 0) != SIZE_MAX);
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"cautious_decay\":true"), 0) != SIZE_MAX);
    mn_buf_release(&b);
}

/* Whoever goes on with it may have another rule, or other wishes. */
static void what_a_run_chose_by_itself_holds_after_a_kill(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_shard train;
    mn_checkpoint c;
    mn_rule_ask ask;
    mn_rule_plan plan;
    char path[300];
    mn_train_opts o = opts_for(13, 14);
    o.preset = NULL, o.batch_rows = o.row_tokens = 0;
    snprintf(path, sizeof path, "%.200s/train", corpus);
    RUN(mn_shard_open(path, MN_TOK_SPECIALS + 1000, &train, &e));
    RUN(mn_train_plan(&o, train.n_tok, train.text_bytes, 500, NULL, &ask, &plan, &e));
    mn_shard_close(&train);
    RUN(mn_train_run(&o, &r, &e));
    o.model_dir = model(14), o.checkpoint_steps = 4, o.checkpoint_s = 60;
    o.on_step = kill_at_11;
    OK(WIFSIGNALED(in_child(&o)));
    o.on_step = NULL, o.resume = true;
    o.preset = "micro", o.batch_rows = 9, o.row_tokens = 33, o.peak_lr = 0.5;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(13, 14));
    snprintf(path, sizeof path, "%s/checkpoints", model(14));
    RUN(mn_checkpoint_peek(path, &c, &e));
    OK(c.cfg.C == plan.shape.C && c.cfg.L == plan.shape.L && c.row_tokens == plan.row_tokens);
    OK(c.batch_rows == plan.batch_rows && c.schedule.peak == plan.rate);
    mn_buf b = bytes_of(14, "training.json");
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"batch_rows\":1,\"row_tokens\":256,"), 0) !=
       SIZE_MAX);
    mn_buf_release(&b);
}

static void checkpoints_chain_from_the_first_to_the_last(void **state)
{
    (void)state;
    mn_err e = {0};
    char dir[300];
    snprintf(dir, sizeof dir, "%s/checkpoints", model(4));
    mn_arena a;
    mn_arena_init(&a, 0);
    const uint64_t want[] = {
        0, 4, 7, 8, 12, 13, 14}; /* every four, where the rate falls, nine tenths, the end */
    uint64_t *step;
    size_t n;
    RUN(mn_checkpoint_steps(dir, &a, &step, &n, &e));
    OK(n == 7 && memcmp(step, want, sizeof want) == 0);
    mn_checkpoint before, c;
    for (size_t i = 0; i < n; i++) {
        RUN(mn_checkpoint_peek_at(dir, step[i], &c, &e));
        RUN(mn_checkpoint_check(dir, step[i], &e));
        if (i) OK(memcmp(before.self, c.previous, 32) == 0);
        before = c;
    }
    mn_arena_release(&a);
}

static void of_many_checkpoints_those_stay_that_lie_evenly(void **state)
{
    (void)state;
    mn_err e = {0};
    char dir[300];
    mn_train_result r;
    mn_train_opts o = opts_for(7, 40);
    o.checkpoint_steps = 1, o.history = 3;
    RUN(mn_train_run(&o, &r, &e));
    snprintf(dir, sizeof dir, "%s/checkpoints", model(7));
    mn_arena a;
    mn_arena_init(&a, 0);
    uint64_t *step;
    size_t n;
    RUN(mn_checkpoint_steps(dir, &a, &step, &n, &e));
    OK(n == 8 && step[0] == 0 && step[5] == 36 && step[6] == 39 && step[7] == 40);
    bool stable = false;
    for (size_t i = 1; i < 6; i++) {
        stable |= step[i] == 20;
        OK(step[i] - step[i - 1] >= 4 && step[i] - step[i - 1] <= 20);
    }
    OK(stable); /* where the rate began to fall */
    mn_fs_remove_tree(model(7), NULL);
    mn_arena_release(&a);
}

static void a_damaged_checkpoint_is_passed_over_for_the_one_before(void **state)
{
    (void)state;
    mn_err e = {0};
    char dir[300], path[400];
    snprintf(dir, sizeof dir, "%s/checkpoints", model(4));
    mn_checkpoint c, old;
    RUN(mn_checkpoint_peek(dir, &c, &e));
    snprintf(path, sizeof path, "%s/step-%010llu.mnc", dir, (unsigned long long)c.step);
    FILE *f = fopen(path, "r+b");
    OK(f && fseek(f, 5000, SEEK_SET) == 0 && fputc(77, f) == 77 && fputc(78, f) == 78);
    fclose(f);
    mn_weights w;
    mn_optim o;
    bool skipped;
    RUN(mn_weights_new(&c.cfg, &w, &e));
    RUN(mn_optim_new(&w, MN_OPTIM_ADAMW, 1, &o, &e));
    RUN(mn_checkpoint_load(dir, &old, w.all, &o, &skipped, &e));
    OK(skipped && old.step == 13);
    OK(truncate(path, 700) == 0);
    RUN(mn_checkpoint_load(dir, &old, w.all, &o, &skipped, &e));
    OK(skipped && old.step == 13);
    mn_optim_release(&o);
    mn_weights_release(&w);
}

static void resuming_what_never_began_begins_it(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(6, 14);
    o.resume = true;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == 14 && same_weights(1, 6));
    RUN(mn_train_run(&o, &r, &e)); /* finished: nothing more happens */
    OK(r.finished && r.steps == 14 && same_weights(1, 6));
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(1, 5);
    FAILS(MN_E_EXISTS, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "--resume"));
    o.model_dir = model(8), o.corpus_dir = "/nowhere/at/all";
    FAILS(MN_E_NOT_FOUND, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "corpus build"));
    o.corpus_dir = corpus, o.preset = "giant";
    FAILS(MN_E_USAGE, mn_train_run(&o, &r, &e));
    o.preset = "nano", o.peak_lr = 1e30, o.steps = 50;
    FAILS(MN_E_LIMIT, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "--lr"));
}

static void a_run_may_start_from_a_model_with_the_same_tokens(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(9, 3);
    o.from_dir = "/nowhere/at/all";
    FAILS(MN_E_NOT_FOUND, mn_train_run(&o, &r, &e));
    o.from_dir = model(0); /* has learnt for sixty steps */
    o.on_step = note_first;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && first_loss < 2.6);
    mn_buf b = bytes_of(9, "training.json");
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"optimiser\":\"adamw\""), 0) != SIZE_MAX);
    mn_buf_release(&b);
}

static void another_process_training_the_same_model_is_named(void **state)
{
    (void)state;
    mn_err e = {0};
    char path[300];
    int pipe_fd[2];
    snprintf(path, sizeof path, "%s/models/m7", tmp);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/models/m7/lock", tmp);
    OK(pipe(pipe_fd) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        mn_fs_lock l;
        mn_rc rc = mn_fs_lock_take(path, &l, &e);
        if (write(pipe_fd[1], &rc, sizeof rc) != sizeof rc) _exit(1);
        pause();
        _exit(0);
    }
    mn_rc rc;
    OK(read(pipe_fd[0], &rc, sizeof rc) == sizeof rc && rc == MN_OK);
    mn_train_result r;
    mn_train_opts o = opts_for(7, 5);
    FAILS(MN_E_BUSY, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "being trained"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_budget_of_time_ends_near_it_with_the_rate_near_nothing(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(7, 0);
    o.minutes = 4.0 / 60;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps > 5 && r.seconds < 12);
    mn_checkpoint c;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/checkpoints", model(7));
    RUN(mn_checkpoint_peek(dir, &c, &e));
    OK(c.schedule.n_steps == r.steps);
    OK(mn_schedule_rate(&c.schedule, c.step - 1) < 0.2 * c.schedule.peak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sixty_steps_teach_the_grammar),
        TEST(what_it_leaves_can_be_read_by_others),
        TEST(the_same_run_gives_the_same_bits_whatever_the_threads_and_what_is_kept),
        TEST(a_run_that_was_killed_goes_on_to_the_same_bits),
        TEST(a_run_that_was_stopped_saves_itself_and_goes_on_to_the_same_bits),
        TEST(a_run_with_a_recipe_goes_on_by_it_after_kill_and_stop),
        TEST(what_a_run_chose_by_itself_holds_after_a_kill),
        TEST(checkpoints_chain_from_the_first_to_the_last),
        TEST(of_many_checkpoints_those_stay_that_lie_evenly),
        TEST(a_damaged_checkpoint_is_passed_over_for_the_one_before),
        TEST(resuming_what_never_began_begins_it),
        TEST(refusals_say_what_to_do),
        TEST(a_run_may_start_from_a_model_with_the_same_tokens),
        TEST(another_process_training_the_same_model_is_named),
        TEST(a_budget_of_time_ends_near_it_with_the_rate_near_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
