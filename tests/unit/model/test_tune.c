/* Tuning as a whole, on a model trained here for a second: it learns a made-up fact and not the question, repeats itself to the bit on any
 * number of threads, goes on after a stop as if nothing had happened, and refuses what it should with the right words. */
#include "train_fixture.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"
#include "model/adapter.h"
#include "model/lora_pass.h"
#include "model/tune.h"
#include "tensor/gemm.h"

static char tmp[64], corpus[200], base[200], facts[200];
static mn_err e;

#define ANSWER(i, k) who[((i)*2 + (k)) % 5], when[((i) + (k)) % 4]

/* Who does what to whom, in the words of the corpus: 25 facts, each asked in four ways. */
static void write_facts(void)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < 100; i++)
        mn_buf_addf(&b,
                    "{\"messages\":[{\"role\":\"user\",\"content\":\"%s %s %s\"},"
                    "{\"role\":\"assistant\",\"content\":\"%s %s\"}]}\n",
                    when[i / 25], who[i % 5], does[i / 5 % 5], ANSWER(i % 5, i / 5 % 5));
    snprintf(facts, sizeof facts, "%s/facts.jsonl", tmp);
    RUN(mn_fs_write_atomic(facts, b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    fixture_corpus(tmp, 200, corpus);
    snprintf(base, sizeof base, "%s/models/base", tmp);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = base,
                       .preset = "nano",
                       .steps = 40,
                       .seed = 3,
                       .threads = 2,
                       .batch_rows = 3,
                       .row_tokens = 40,
                       .no_samples = true};
    mn_train_result r;
    RUN(mn_train_run(&o, &r, &e));
    write_facts();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

static char paths[40][200];
static const char *model(int i)
{
    snprintf(paths[i], 200, "%s/models/t%d", tmp, i);
    return paths[i];
}

static mn_tune_opts opts_for(int i, uint64_t steps)
{
    return (mn_tune_opts){.base = base,
                          .data = facts,
                          .model_dir = model(i),
                          .rank = 4,
                          .steps = steps,
                          .seed = 3,
                          .threads = 2,
                          .batch_rows = 4,
                          .row_tokens = 64,
                          .held_share = 0.1,
                          .peak_lr = 5e-3,
                          .type = MN_Q_F32};
}

static mn_buf bytes_of(int i, const char *name)
{
    char path[300];
    mn_buf b;
    mn_buf_init(&b, 0);
    snprintf(path, sizeof path, "%s/%s", model(i), name);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    return b;
}

static bool same_file(int i, int k, const char *name)
{
    mn_buf a = bytes_of(i, name), b = bytes_of(k, name);
    bool same = a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    mn_buf_release(&a), mn_buf_release(&b);
    return same;
}

static bool there(int i, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", model(i), name);
    return mn_fs_exists(path);
}

static mn_json *tree_of(mn_arena *a, int i, const char *name)
{
    mn_json *t;
    mn_buf b = bytes_of(i, name);
    mn_str text = mn_str_dup(a, mn_buf_str(&b));
    RUN(mn_json_parse(text, a, &t, &e));
    mn_buf_release(&b);
    return t;
}

/* Mean loss of the model in `path` over one line's learnt tokens, and over those that are not. */
static void losses_of(const char *path, const char *line, double *ret_learnt, double *ret_rest)
{
    mn_model *m;
    mn_chat_coder *c;
    mn_examples x = {0};
    bool cut;
    mn_chat_skip why;
    mn_lora_pass *p;
    uint32_t pos[200], first[200] = {0};
    float weight[200], loss[200];
    RUN(mn_model_open(path, &m, &e));
    RUN(mn_chat_coder_new(m, &c, &e));
    RUN(mn_chat_line(c, mn_str_from(line), 200, &x, &cut, &why, &e));
    const size_t n = (size_t)x.n_ids - 1;
    for (uint32_t i = 0; i < n; i++) pos[i] = i, weight[i] = 1;
    mn_lora_pass_opts o = {.n_rows = 1, .T = n, .dtype = MN_F32};
    RUN(mn_lora_pass_new(m, NULL, NULL, &o, &p, &e));
    mn_batch b = {x.ids, x.ids + 1, pos, first, weight, 1, n};
    mn_lora_pass_run(p, &b, loss, NULL);
    double sum[2] = {0};
    size_t count[2] = {0};
    for (size_t i = 0; i < n; i++) {
        if (mn_tok_is_condition(x.ids[i + 1])) continue;
        sum[x.learn[i + 1]] += (double)loss[i], count[x.learn[i + 1]]++;
    }
    *ret_rest = sum[0] / (double)count[0], *ret_learnt = sum[1] / (double)count[1];
    mn_lora_pass_free(p);
    mn_examples_release(&x);
    mn_chat_coder_free(c);
    mn_model_free(m);
}

static void a_made_up_fact_is_learnt_and_its_question_is_not(void **state)
{
    (void)state;
    double answer[2], question[2];
    char line[400];
    mn_tune_opts o = opts_for(0, 120);
    mn_tune_result r;
    o.rank = 8, o.peak_lr = 1e-2;
    RUN(mn_tune_run(&o, &r, &e));
    OK(r.finished && r.steps == 120 && r.counts.kept == 100 && r.counts.lines == 100);
    OK(r.held_examples == 10 && r.train_examples == 90);
    if (!(r.loss_best < r.loss_before / 3 && r.loss_best <= r.loss_last && r.best_step > 0))
        fail_msg("held-out loss from %.3f to %.3f", r.loss_before, r.loss_best);
    snprintf(line, sizeof line,
             "{\"messages\":[{\"role\":\"user\",\"content\":\"%s %s %s\"},"
             "{\"role\":\"assistant\",\"content\":\"%s %s\"}]}",
             when[2], who[3], does[1], ANSWER(3, 1));
    losses_of(base, line, &answer[0], &question[0]);
    losses_of(model(0), line, &answer[1], &question[1]);
    /* what is not learnt drifts, but is not driven down as the answer is */
    if (!(answer[1] < answer[0] / 3 && question[1] > 0.7 * question[0]))
        fail_msg("answer from %.3f to %.3f, question from %.3f to %.3f", answer[0], answer[1],
                 question[0], question[1]);
}

static void what_it_leaves_says_where_it_comes_from(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_json *t = tree_of(&a, 0, "origin.json");
    char hex[65];
    uint8_t sum[32];
    mn_buf data;
    mn_buf_init(&data, 0);
    RUN(mn_fs_read(facts, SIZE_MAX, &data, &e));
    mn_sha256_of(data.ptr, data.len, sum);
    IS(mn_json_str(mn_json_get(t, "tuned_from")), "base");
    IS(mn_json_str(mn_json_get(t, "data")), "facts.jsonl");
    IS(mn_json_str(mn_json_get(t, "data_sha256")), mn_hex(sum, 32, hex));
    OK(mn_json_str(mn_json_get(t, "base_sha256")).len == 64);
    t = tree_of(&a, 0, "training.json");
    IS(mn_json_str(mn_json_get(t, "state")), "done");
    IS(mn_json_str(mn_json_get(t, "tuned_from")), "base");
    OK(mn_json_u64(mn_json_get(t, "rank"), 0) == 8 && mn_json_get(t, "curve")->n == 120 &&
       mn_json_get(t, "evals")->n >= 10);
    OK(mn_json_f64(mn_json_get(mn_json_at(mn_json_get(t, "evals"), 0), "val_loss"), 0) > 1);
    OK(mn_json_f64(mn_json_get(t, "val_loss"), 9) <
       mn_json_f64(mn_json_get(t, "val_loss_before"), 0));
    OK(there(0, "README.md") && there(0, "tokenizer.json") && there(0, "config.json"));
    mn_buf_release(&data);
    mn_arena_release(&a);
}

static void its_adapter_merged_by_hand_is_its_model(void **state)
{
    (void)state;
    char adapter[300];
    snprintf(adapter, sizeof adapter, "%s/adapter", model(0));
    RUN(mn_tune_merge(base, NULL, adapter, model(1), MN_Q_F32, 2, &e));
    OK(same_file(0, 1, "model.safetensors") && same_file(0, 1, "config.json"));
    FAILS(MN_E_EXISTS, mn_tune_merge(base, NULL, adapter, model(1), MN_Q_F32, 2, &e));
    FAILS(MN_E_NOT_FOUND, mn_tune_merge(base, NULL, base, model(9), MN_Q_F32, 2, &e));
    OK(!there(9, "config.json"));
}

static void threads_and_memory_change_no_bit(void **state)
{
    (void)state;
    mn_tune_result r;
    mn_tune_opts o = opts_for(2, 6);
    RUN(mn_tune_run(&o, &r, &e));
    o = opts_for(3, 6), o.threads = 3, o.memory_bytes = 1;
    RUN(mn_tune_run(&o, &r, &e));
    OK(same_file(2, 3, "adapter/adapter_model.safetensors"));
    OK(same_file(2, 3, "model.safetensors"));
    o = opts_for(4, 6), o.seed = 4;
    RUN(mn_tune_run(&o, &r, &e));
    OK(!same_file(2, 4, "adapter/adapter_model.safetensors"));
}

static uint64_t stop_at;
static void stop_after(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (p->step == stop_at) mn_stop_request();
}

/* A run that stops after so many steps: in a process of its own, because a stop is for good. */
static void stopped(mn_tune_opts o, uint64_t at)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        mn_tune_result r;
        stop_at = at;
        o.on_step = stop_after;
        _exit(mn_tune_run(&o, &r, &e) == MN_OK && !r.finished && r.steps == at ? 0 : 1);
    }
    int status = 1;
    OK(waitpid(child, &status, 0) == child && status == 0);
}

/* ... and one that is killed there, after the newest checkpoint was three steps before. */
static void kill_self(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (p->step == stop_at) kill(getpid(), SIGKILL);
}

static void killed(mn_tune_opts o, uint64_t at)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        mn_tune_result r;
        stop_at = at;
        o.on_step = kill_self;
        o.checkpoint_steps = 3;
        _exit(mn_tune_run(&o, &r, &e) == MN_OK ? 0 : 1);
    }
    int status = 0;
    OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

static void check_resumed(bool full, int whole, int parts)
{
    mn_tune_result r;
    mn_tune_opts o = opts_for(whole, 14);
    o.full = full, o.peak_lr = full ? 1e-3 : 5e-3;
    RUN(mn_tune_run(&o, &r, &e));
    mn_tune_opts p = o;
    p.model_dir = model(parts);
    stopped(p, 3);
    OK(!there(parts, "config.json")); /* not a model until it is finished */
    p.resume = true;
    stopped(p, 7);
    killed(p, 12);
    p.threads = 1;
    RUN(mn_tune_run(&p, &r, &e));
    OK(r.finished && r.steps == 14);
    OK(same_file(whole, parts, "model.safetensors"));
    if (!full) OK(same_file(whole, parts, "adapter/adapter_model.safetensors"));
    RUN(mn_tune_run(&p, &r, &e)); /* finished already */
    OK(r.finished && r.steps == 14);
    mn_arena a;
    mn_arena_init(&a, 0);
    OK(mn_json_get(tree_of(&a, parts, "training.json"), "curve")->n == 14);
    mn_arena_release(&a);
}

static void a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    check_resumed(false, 5, 6);
}

static void so_does_one_of_all_weights(void **state)
{
    (void)state;
    check_resumed(true, 7, 8);
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_json *t = tree_of(&a, 7, "training.json");
    OK(mn_json_u64(mn_json_get(t, "rank"), 9) == 0 && !there(7, "adapter"));
    OK(mn_json_f64(mn_json_get(t, "val_loss"), 9) <
       mn_json_f64(mn_json_get(t, "val_loss_before"), 0));
    mn_arena_release(&a);
}

static void a_corpus_is_learnt_in_its_own_tokens(void **state)
{
    (void)state;
    mn_tune_result r;
    mn_tune_opts o = opts_for(10, 20);
    o.data = NULL, o.corpus_dir = corpus, o.batch_rows = 6;
    RUN(mn_tune_run(&o, &r, &e));
    OK(r.finished && r.held_examples == 20 && r.train_examples == 200 && r.counts.lines == 0);
    if (!(r.loss_best < r.loss_before - 0.02))
        fail_msg("held-out loss from %.3f to %.3f", r.loss_before, r.loss_best);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    mn_tune_result r;
    char empty[300];
    mn_tune_opts o = opts_for(2, 6);
    FAILS(MN_E_EXISTS, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "--resume"));
    o.resume = true, o.data = NULL, o.corpus_dir = corpus;
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "other data"));
    o = opts_for(2, 6), o.resume = true, o.base = model(0);
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "another base"));
    o = opts_for(11, 6), o.corpus_dir = corpus;
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    o = opts_for(11, 6), o.row_tokens = 100000;
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    o = opts_for(11, 6), o.rank = 5000;
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    o = opts_for(11, 6), o.data = "/tmp/mynah-no-such-file";
    FAILS(MN_E_NOT_FOUND, mn_tune_run(&o, &r, &e));
    snprintf(empty, sizeof empty, "%s/empty.jsonl", tmp);
    RUN(mn_fs_write_atomic(empty, "{}\n", 3, &e));
    o = opts_for(11, 6), o.data = empty;
    FAILS(MN_E_LIMIT, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "empty.jsonl") && strstr(e.msg, "line 1"));
    o = opts_for(11, 6), o.peak_lr = 1e30;
    FAILS(MN_E_LIMIT, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "--lr"));
    mn_train_opts t = {.corpus_dir = corpus, .model_dir = model(2), .steps = 3, .resume = true};
    mn_train_result tr;
    FAILS(MN_E_USAGE, mn_train_run(&t, &tr, &e));
    OK(strstr(e.msg, "mynah tune"));
    o = opts_for(12, 3), o.resume = true, o.model_dir = base;
    FAILS(MN_E_USAGE, mn_tune_run(&o, &r, &e));
    OK(strstr(e.msg, "mynah train"));
}

static void what_failed_before_its_first_checkpoint_leaves_nothing(void **state)
{
    (void)state;
    mn_tune_result r;
    mn_tune_opts o = opts_for(13, 6);
    o.data = "/tmp/mynah-no-such-file";
    FAILS(MN_E_NOT_FOUND, mn_tune_run(&o, &r, &e));
    OK(!mn_fs_exists(model(13)));
}

static void a_budget_of_time_ends_near_it(void **state)
{
    (void)state;
    mn_tune_result r;
    mn_tune_opts o = opts_for(14, 0);
    o.minutes = 0.05;
    RUN(mn_tune_run(&o, &r, &e));
    OK(r.finished && r.steps > 1);
    if (!(r.seconds < 30)) fail_msg("three seconds took %.1f", r.seconds);
}

static void smollm2_learns_from_thirty_steps(void **state)
{
    (void)state;
    const char *path = getenv("MYNAH_SMOLLM2");
    if (!path) path = "build/models/smollm2.gguf";
    if (access(path, R_OK) != 0) SKIP("SmolLM2-135M-Instruct is not here (MYNAH_SMOLLM2)");
    char chats[300];
    mn_buf b;
    mn_tune_result r;
    mn_buf_init(&b, 0);
    for (int i = 0; i < 50; i++)
        mn_buf_addf(
            &b,
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Where does bird %d of row %d "
            "live?\"},{\"role\":\"assistant\",\"content\":\"It lives on the mill roof "
            "of row %d.\"}]}\n",
            i, i % 7, i % 7);
    snprintf(chats, sizeof chats, "%s/chats.jsonl", tmp);
    RUN(mn_fs_write_atomic(chats, b.ptr, b.len, &e));
    mn_buf_release(&b);
    mn_tune_opts o = {.base = path,
                      .data = chats,
                      .model_dir = model(15),
                      .rank = 8,
                      .steps = 30,
                      .seed = 1,
                      .batch_rows = 1,
                      .row_tokens = 128,
                      .type = MN_Q_F16};
    mn_gemm_setup();
    o.dtype = mn_gemm_bf16_check(NULL) == MN_OK ? MN_BF16 : MN_F32;
    RUN(mn_tune_run(&o, &r, &e));
    OK(r.finished && r.held_examples == 2 && r.counts.kept == 50);
    if (!(r.loss_best < 0.4 * r.loss_before))
        fail_msg("held-out loss from %.3f to %.3f", r.loss_before, r.loss_best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_made_up_fact_is_learnt_and_its_question_is_not),
        TEST(what_it_leaves_says_where_it_comes_from),
        TEST(its_adapter_merged_by_hand_is_its_model),
        TEST(threads_and_memory_change_no_bit),
        TEST(a_stopped_run_goes_on_to_the_same_bits),
        TEST(so_does_one_of_all_weights),
        TEST(a_corpus_is_learnt_in_its_own_tokens),
        TEST(what_cannot_be_is_refused),
        TEST(what_failed_before_its_first_checkpoint_leaves_nothing),
        TEST(a_budget_of_time_ends_near_it),
        TEST(smollm2_learns_from_thirty_steps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
