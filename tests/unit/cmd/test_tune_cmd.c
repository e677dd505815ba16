/* mynah tune as a command: exit codes, results, what is left, going on, and merging. */
#include "../model/train_fixture.h"

#include "base/json.h"
#include "cmd/card.c"
#include "cmd/cmd.c" /* commands are not linked into tests, a program is one */
#include "cmd/learning.c"
#include "cmd/models.c"
#include "cmd/tune.c"
#include "verb.h"

#define run(...) verb_run(mn_cmd_tune, "tune", __VA_ARGS__)
#define said     verb_said

static char lines[100], corpus[200];

static int set_up(void **state)
{
    (void)state;
    char base[200];
    mn_buf b;
    mn_train_result r;
    test_tmp(dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(base, sizeof base, "%s/models/base", data);
    snprintf(lines, sizeof lines, "%s/lines.jsonl", dir);
    RUN(mn_fs_mkdirs(data, &e));
    fixture_corpus(data, 60, corpus);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = base,
                       .preset = "nano",
                       .steps = 3,
                       .seed = 3,
                       .threads = 1,
                       .batch_rows = 2,
                       .row_tokens = 40,
                       .no_samples = true};
    RUN(mn_train_run(&o, &r, &e));
    mn_buf_init(&b, 0);
    for (int i = 0; i < 30; i++)
        mn_buf_addf(&b, "{\"prompt\":\"%s %s \",\"completion\":\"%s %d\"}\n", who[i % 5],
                    does[i / 5 % 5], when[i % 4], i);
    mn_buf_addz(&b, "no json\n");
    RUN(mn_fs_write_atomic(lines, b.ptr, b.len, &e));
    mn_buf_release(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

static bool there(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/models/%s", data, name);
    return mn_fs_exists(path);
}

static void wrong_usage_ends_with_2_and_says_what_is_expected(void **state)
{
    (void)state;
    OK(run("--from", "base", NULL) == 2 &&
       strstr(said("err"), "--data FILE.jsonl or --corpus"));
    OK(run("--corpus", "x", NULL) == 2 && strstr(said("err"), "--from"));
    OK(run("--from", "base", "--data", lines, "--full", "--lora", "8", NULL) == 2);
    OK(run("--from", "base", "--data", lines, "--lora-targets", "q,z", NULL) == 2 &&
       strstr(said("err"), "'z'"));
    OK(run("--from", "base", "--data", lines, "--type", "q4_0", NULL) == 2 &&
       strstr(said("err"), "quantize"));
    OK(run("--from", "base", "--data", lines, "--dtype", "f64", NULL) == 2);
    OK(run("--from", "base", "--data", lines, "--lr", "7", NULL) == 2);
    OK(run("--from", "base", "--data", lines, "--name", "../x", NULL) == 2);
    OK(run("--from", "base", "--data", lines, "--data", corpus, "--data", lines, NULL) == 2);
    OK(run("--from", "base", "--merge", "x", "--data", lines, NULL) == 2);
    OK(run("extra", NULL) == 2);
    OK(run("--help", NULL) == 0 && strstr(said("out"), "--lora-targets"));
}

static void what_is_not_there_ends_with_1(void **state)
{
    (void)state;
    OK(run("--from", "none", "--data", lines, NULL) == 1 && strstr(said("err"), "'none'"));
    OK(run("--from", "base", "--data", "/tmp/mynah-none.jsonl", NULL) == 1);
    OK(run("--from", "base", "--corpus", "none", NULL) == 1);
    OK(run("--resume", NULL) == 1 && strstr(said("err"), "no tuning was interrupted"));
    OK(run("--resume", "--name", "none", NULL) == 1 && strstr(said("err"), "'none'"));
    OK(!there("base-tuned"));
}

static void a_tuning_leaves_a_model_and_says_what_it_read(void **state)
{
    (void)state;
    OK(run("--from", "base", "--data", lines, "--steps", "4", "--lora", "2", "--dtype", "f32",
           "--json", NULL) == 0);
    mn_arena a;
    mn_json *t;
    mn_arena_init(&a, 0);
    const char *out = said("out"), *line = strstr(out, "{\"model\"");
    OK(strstr(out, "{\"step\":0,\"val_loss\":") && line);
    RUN(mn_json_parse(mn_str_trim(mn_str_from(line)), &a, &t, &e));
    IS(mn_json_str(mn_json_get(t, "model")), "base-tuned");
    const mn_json *n = mn_json_get(t, "lines");
    OK(mn_json_u64(mn_json_get(n, "read"), 0) == 31 &&
       mn_json_u64(mn_json_get(n, "kept"), 0) == 30);
    OK(mn_json_u64(mn_json_get(mn_json_get(n, "skipped"), "not_json"), 0) == 1);
    OK(mn_str_starts(mn_json_str(mn_json_get(n, "first_skipped")), "line 31: "));
    OK(mn_json_bool(mn_json_get(t, "finished"), false));
    OK(there("base-tuned/model.safetensors") &&
       there("base-tuned/adapter/adapter_config.json"));
    OK(run("--from", "base", "--data", lines, "--steps", "1", "--name", "base-tuned", NULL) ==
       1);
    OK(run("--from", "base", "--corpus", "../corpus", "--steps", "1", "--full", NULL) == 0);
    OK(there("base-tuned-2/model.safetensors") && !there("base-tuned-2/adapter"));
    OK(strstr(said("out"), "model base-tuned-2: 1 steps"));
    mn_arena_release(&a);
}

static void an_adapter_is_merged(void **state)
{
    (void)state;
    char adapter[200];
    snprintf(adapter, sizeof adapter, "%s/models/base-tuned/adapter", data);
    OK(run("--from", "base", "--merge", adapter, "--name", "joined", "--json", NULL) == 0);
    OK(strstr(said("out"), "\"model\":\"joined\"") && there("joined/model.safetensors"));
    OK(run("--from", "base", "--merge", data, "--name", "other", NULL) == 1);
    OK(!there("other/config.json"));
}

static void a_finished_tuning_is_finished_again(void **state)
{
    (void)state;
    OK(run("--resume", "--name", "base-tuned", NULL) == 0);
    OK(strstr(said("out"), "model base-tuned: 4 steps"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_usage_ends_with_2_and_says_what_is_expected),
        TEST(what_is_not_there_ends_with_1),
        TEST(a_tuning_leaves_a_model_and_says_what_it_read),
        TEST(an_adapter_is_merged),
        TEST(a_finished_tuning_is_finished_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
