/* mynah eval --tweeteval on tasks that a tiny model can learn. */
#include "eval_fixture.h"

static char tweets[150];

static void write_split(const char *part, const char *split, uint64_t from, size_t n,
                        uint8_t n_labels)
{
    char path[400], s[200];
    mn_buf texts, labels;
    mn_buf_init(&texts, 0), mn_buf_init(&labels, 0);
    for (uint64_t i = from; i < from + n; i++) {
        fixture_sentence(i, s);
        uint8_t k = 0;
        while (!strstr(s, when[k])) k++;
        mn_buf_addf(&texts, "%s\n", s);
        mn_buf_addf(&labels, "%u\n", k % n_labels);
    }
    snprintf(path, sizeof path, "%s/%s", tweets, part);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/%s/%s_text.txt", tweets, part, split);
    RUN(mn_fs_write_atomic(path, texts.ptr, texts.len, &e));
    snprintf(path, sizeof path, "%s/%s/%s_labels.txt", tweets, part, split);
    RUN(mn_fs_write_atomic(path, labels.ptr, labels.len, &e));
    mn_buf_release(&texts), mn_buf_release(&labels);
}

static int write_tasks(void **state)
{
    int rc = set_up(state);
    const char *parts[] = {"abortion", "atheism", "climate", "feminist", "hillary"};
    snprintf(tweets, sizeof tweets, "%s/tweets", dir);
    write_split("emotion", "train", 0, 160, 4);
    write_split("emotion", "val", 5000, 60, 4);
    write_split("sentiment", "val", 5000, 60, 3);
    for (int i = 0; i < 5; i++) {
        char part[40];
        snprintf(part, sizeof part, "stance/%s", parts[i]);
        write_split(part, "train", 0, 30, 3);
        write_split(part, "val", 5000, 20 + (size_t)i, 3);
    }
    return rc;
}

static void a_task_is_learnt_scored_and_kept(void **state)
{
    (void)state;
    mn_arena a;
    char kept[300];
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "emotion", "--epochs", "20",
           "--lr", "0.005", "--lora", "4", "--dtype", "f32", "--json", NULL) == 0);
    const mn_json *t = mn_json_get(parsed(said("out"), &a), "emotion");
    OK(number(t, "score") > 0.8 && number(t, "accuracy") > 0.8); /* chance is a quarter */
    OK(number(t, "train") == 160 && number(t, "val") == 60);
    IS(mn_json_str(mn_json_get(t, "measure")), "macro_f1");
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    const mn_json *file = mn_json_get(parsed(read_file(kept), &a), "tweeteval");
    OK(number(mn_json_get(file, "emotion"), "score") == number(t, "score"));
    mn_arena_release(&a);
}

/* A task that was learnt with other weights goes when another one is learnt with these. */
static void tasks_of_other_weights_are_not_kept(void **state)
{
    (void)state;
    mn_arena a;
    char kept[300];
    const char *const were[] = {"{\"tweeteval\":{\"irony\":{\"score\":0.5}}}",
                                "{\"tweeteval\":{\"irony\":{\"score\":0.5},"
                                "\"checkpoint_sha256\":\"other\"}}"};
    mn_arena_init(&a, 0);
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    for (int k = 0; k < 2; k++) {
        RUN(mn_fs_write_atomic(kept, were[k], strlen(were[k]), &e));
        OK(run("--model", "base", "--tweeteval", tweets, "--task", "emotion", "--shots", "2",
               NULL) == 0);
        OK(run("--model", "base", "--tweeteval", tweets, "--task", "emotion", "--epochs", "0.1",
               NULL) == 0);
        const mn_json *t = mn_json_get(parsed(read_file(kept), &a), "tweeteval");
        OK(mn_json_get(t, "emotion") && !mn_json_get(t, "irony") == (k == 1));
        OK(mn_json_str(mn_json_get(t, "checkpoint_sha256")).len == 64);
    }
    unlink(kept);
    mn_arena_release(&a);
}

static void stance_is_five_tasks_and_a_task_without_training_text_has_no_figure(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "stance", "--epochs", "1",
           "--examples", "20", "--json", NULL) == 0);
    const mn_json *t = mn_json_get(parsed(said("out"), &a), "stance");
    OK(number(t, "train") == 100 && number(t, "val") == 110);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "sentiment", "--json", NULL) ==
       0);
    OK(strstr(said("out"), "\"sentiment\":null"));
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "sentiment", NULL) == 0);
    OK(strstr(said("out"), "no training text") && strstr(said("out"), "73.4"));
    mn_arena_release(&a);
}

/* Two labels whose words stand at -1 and -3 in the mean: what counts is what a tweet adds. */
static void a_label_is_chosen_by_what_its_word_gains(void **state)
{
    (void)state;
    const quiz k = {.task = mn_tweet_task_find("irony")};
    const double at[] = {-0.8, -3.4, -1.2, -2.6, -0.5, -3.5, -1.5, -2.5};
    uint8_t said_[4];
    choose_labels(&k, at, 4, said_);
    OK(said_[0] == 0 && said_[1] == 1 && said_[2] == 0 && said_[3] == 1);
    choose_labels(&k, at, 1, said_); /* alone it gains nothing: the smaller */
    OK(said_[0] == 0);
}

static void examples_in_a_prompt_need_no_training_text(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "sentiment", "--shots", "2",
           "--json", NULL) == 0);
    const mn_json *t = mn_json_get(parsed(said("out"), &a), "sentiment");
    OK(number(t, "train") == 0 && number(t, "val") == 60 && number(t, "shots") == 2);
    OK(number(t, "score") >= 0 && number(t, "score") <= 1);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "emotion", "--shots", "4",
           "--json", NULL) == 0);
    t = mn_json_get(parsed(said("out"), &a), "emotion");
    OK(number(t, "train") == 160 && number(t, "accuracy") >= 0);
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "emotion", "--shots", "900",
           NULL) == 1);
    OK(strstr(said("err"), "--shots"));
    OK(run("--model", "base", "--tweeteval", tweets, "--shots", "5000", NULL) == 2);
    mn_arena_release(&a);
}

static void wrong_tasks_and_folders_are_named(void **state)
{
    (void)state;
    OK(run("--model", "base", "--tweeteval", tweets, "--task", "mood", NULL) == 2);
    OK(strstr(said("err"), "'mood'"));
    OK(run("--model", "base", "--tweeteval", "/tmp/mynah-none", NULL) == 1);
    OK(strstr(said("err"), "/tmp/mynah-none/emoji/val_text.txt"));
    OK(run("--model", "base", "--tweeteval", tweets, "--lora", "5000", NULL) == 2);
    OK(run("--model", "base", "--tweeteval", tweets, "--corpus", "x", NULL) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_is_learnt_scored_and_kept),
        TEST(tasks_of_other_weights_are_not_kept),
        TEST(stance_is_five_tasks_and_a_task_without_training_text_has_no_figure),
        TEST(a_label_is_chosen_by_what_its_word_gains),
        TEST(examples_in_a_prompt_need_no_training_text),
        TEST(wrong_tasks_and_folders_are_named),
    };
    return cmocka_run_group_tests(tests, write_tasks, tear_down);
}
