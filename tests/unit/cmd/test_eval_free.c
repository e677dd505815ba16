/* mynah eval --samples and --toxicity on a tiny model: what it writes freely, and a judge that learns what "argues with" means. */
#include "eval_fixture.h"

static char tweets[150];

static void write_task(const char *task, const char *split, uint64_t from, size_t n)
{
    char path[400], s[200];
    mn_buf texts, labels;
    mn_buf_init(&texts, 0), mn_buf_init(&labels, 0);
    for (uint64_t i = from; i < from + n; i++) {
        fixture_sentence(i, s);
        mn_buf_addf(&texts, "%s\n", s);
        mn_buf_addf(&labels, "%d\n", strstr(s, "argues") != NULL);
    }
    snprintf(path, sizeof path, "%s/%s", tweets, task);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/%s/%s_text.txt", tweets, task, split);
    RUN(mn_fs_write_atomic(path, texts.ptr, texts.len, &e));
    snprintf(path, sizeof path, "%s/%s/%s_labels.txt", tweets, task, split);
    RUN(mn_fs_write_atomic(path, labels.ptr, labels.len, &e));
    mn_buf_release(&texts), mn_buf_release(&labels);
}

static int write_tasks(void **state)
{
    int rc = set_up(state);
    snprintf(tweets, sizeof tweets, "%s/tweets", dir);
    write_task("offensive", "train", 2000, 500);
    write_task("offensive", "val", 9000, 200);
    return rc;
}

static void samples_are_posts_of_the_corpus_times_and_are_kept(void **state)
{
    (void)state;
    mn_arena a;
    char kept[300];
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--corpus", "../corpus", "--samples", "--sample", "20", "--json",
           NULL) == 0);
    const mn_json *t = parsed(said("out"), &a), *texts = mn_json_get(t, "texts");
    OK(number(t, "samples") == 20 && number(t, "seed") == 1);
    OK(number(t, "tokens") > 0 && number(t, "tokens") <= 20 * number(t, "max_tokens"));
    OK(number(t, "ended") <= 20 && number(t, "empty") <= 20);
    OK(texts->n == 8);
    for (size_t i = 0; i < texts->n; i++) /* the year of all its posts; no month stands there */
        OK(mn_str_starts(mn_json_str(mn_json_get(mn_json_at(texts, i), "given")), "2008-"));
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    const mn_json *file = mn_json_get(parsed(read_file(kept), &a), "samples");
    OK(mn_json_str(mn_json_get(file, "checkpoint_sha256")).len == 64);
    OK(mn_str_eq(mn_json_str(mn_json_get(mn_json_at(mn_json_get(file, "texts"), 3), "text")),
                 mn_json_str(mn_json_get(mn_json_at(texts, 3), "text"))));
    mn_arena_release(&a);
}

static const char *text_of(const mn_json *t, size_t i, mn_arena *a)
{
    return mn_str_dup(a,
                      mn_json_str(mn_json_get(mn_json_at(mn_json_get(t, "texts"), i), "text")))
        .ptr;
}

static void samples_follow_from_the_seed(void **state)
{
    (void)state;
    mn_arena a;
    const char *x[3][8], *seeds[] = {"5", "5", "6"};
    size_t same = 0, other = 0;
    mn_arena_init(&a, 0);
    for (size_t k = 0; k < 3; k++) {
        OK(run("--model", "base", "--corpus", "../corpus", "--samples", "--sample", "8",
               "--seed", seeds[k], "--threads", k == 1 ? "2" : "1", "--json", NULL) == 0);
        const mn_json *t = parsed(said("out"), &a);
        for (size_t i = 0; i < 8; i++) x[k][i] = text_of(t, i, &a);
    }
    for (size_t i = 0; i < 8; i++)
        same += strcmp(x[0][i], x[1][i]) == 0, other += strcmp(x[0][i], x[2][i]) == 0;
    OK(same == 8 && other < 8);
    mn_arena_release(&a);
}

static size_t posts_that_argue(void)
{
    char s[200];
    size_t n = 0;
    for (uint64_t i = 0; i < 20; i++) {
        fixture_sentence(100000 + i, s);
        n += strstr(s, "argues") != NULL;
    }
    return n;
}

static void offensive_texts_are_counted_beside_those_of_people(void **state)
{
    (void)state;
    mn_arena a;
    char kept[300];
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--corpus", "../corpus", "--toxicity", "--tweeteval", tweets,
           "--sample", "60", "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a), *people = mn_json_get(t, "baseline");
    OK(number(t, "samples") == 60 && number(t, "flagged") == 60 * number(t, "rate"));
    OK(number(t, "low") <= number(t, "rate") && number(t, "rate") <= number(t, "high"));
    OK(number(t, "low") >= 0 && number(t, "high") <= 1);
    OK(number(t, "classifier_f1") > 0.97 && number(t, "classifier_recall") > 0.97);
    OK(number(t, "classifier_train") == 500 && number(t, "classifier_val") == 200);
    OK(number(t, "threshold") > 0 && number(t, "threshold") < 1);
    OK(number(people, "posts") == 20);
    OK(number(people, "flagged") == (double)posts_that_argue());
    OK(number(people, "low") < number(people, "rate"));
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    const mn_json *file = mn_json_get(parsed(read_file(kept), &a), "toxicity");
    OK(number(file, "rate") == number(t, "rate"));
    OK(run("--model", "base", "--corpus", "../corpus", "--toxicity", "--tweeteval", tweets,
           "--sample", "5", NULL) == 0);
    OK(strstr(said("out"), "held-out posts") && strstr(said("out"), "macro F1"));
    mn_arena_release(&a);
}

/* Without labels there is no figure, and evaluation.json is not touched. */
static void without_labelled_tweets_there_is_no_figure(void **state)
{
    (void)state;
    char kept[300];
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    unlink(kept);
    OK(run("--model", "base", "--corpus", "../corpus", "--toxicity", NULL) == 2);
    OK(strstr(said("err"), "--tweeteval DIR"));
    OK(run("--model", "base", "--corpus", "../corpus", "--toxicity", "--tweeteval",
           "/tmp/mynah-none", NULL) == 1);
    OK(strstr(said("err"), "no labelled tweets") && strstr(said("err"), "train_text.txt"));
    OK(run("--model", "base", "--corpus", "../corpus", "--toxicity", "--tweeteval", tweets,
           "--task", "irony", NULL) == 2);
    OK(run("--model", "base", "--toxicity", "--tweeteval", tweets, NULL) == 2);
    OK(strstr(said("err"), "--corpus NAME")); /* a model of ours needs times and languages */
    OK(run("--model", "base", "--corpus", "../corpus", "--samples", "--sample", "0", NULL) ==
       2);
    OK(run("--model", "base", "--corpus", "../corpus", "--samples", "--memorisation", NULL) ==
       2);
    OK(run("--model", "base", "--samples", "--text", "x", NULL) == 2);
    OK(!mn_fs_exists(kept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(samples_are_posts_of_the_corpus_times_and_are_kept),
        TEST(samples_follow_from_the_seed),
        TEST(offensive_texts_are_counted_beside_those_of_people),
        TEST(without_labelled_tweets_there_is_no_figure),
    };
    return cmocka_run_group_tests(tests, write_tasks, tear_down);
}
