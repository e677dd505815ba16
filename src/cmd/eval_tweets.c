/* mynah eval --tweeteval: TweetEval's tasks by fine-tuning a linear layer with an adapter, or by asking with examples. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/eval.h"
#include "model/classify.h"
#include "model/scores.h"
#include "model/tweeteval.h"

typedef struct outcome { /* of a task */
    const mn_tweet_task *task;
    bool done; /* false: there is nothing to learn from */
    double score, accuracy;
    uint64_t n_train, n_val;
} outcome;

typedef struct asked { /* of a task or of a part of it */
    double score, accuracy;
    uint64_t n_train, n_val;
} asked;

static void on_step(void *arg, uint64_t step, uint64_t n_steps, double loss)
{
    mn_progress *bar = arg;
    bar->total = n_steps;
    mn_progress_note(bar, "loss %.3f", loss);
    mn_progress_set(bar, step);
}

/* ---- fine-tuning ------------------------------------------------------------------------------------------------------- */

static mn_rc tune(mn_eval_job *j, const mn_model *m, mn_pool *pool, const mn_tweet_task *t,
                  const mn_tweets *train, const mn_tweets *val, uint8_t *ret, mn_err *e)
{
    mn_class_texts a = {0}, b = {0};
    mn_classifier *c = NULL;
    mn_progress bar;
    const mn_classify_opts o = {.n_labels = t->n_labels,
                                .rank = (uint32_t)j->rank,
                                .epochs = j->epochs,
                                .lr = j->lr,
                                .row_tokens = (size_t)j->context,
                                .seed = j->seed,
                                .dtype = j->products,
                                .arg = &bar,
                                .on_step = on_step};
    const size_t most = mn_classify_row_tokens(&o, m);
    mn_progress_start(&bar, t->name, "steps", 0);
    mn_rc rc = mn_class_texts_new(m, train->texts, train->n, most, &a, e);
    if (rc == MN_OK) rc = mn_class_texts_new(m, val->texts, val->n, most, &b, e);
    if (rc == MN_OK) rc = mn_classifier_learn(m, pool, &o, &a, train->labels, &c, e);
    if (rc == MN_OK) rc = mn_classifier_say(c, &b, ret, e);
    mn_progress_end(&bar);
    mn_classifier_free(c);
    mn_class_texts_release(&a);
    mn_class_texts_release(&b);
    return rc;
}

/* What a task is run with: the model and threads, or, to ask with examples, the engine. */
typedef struct runner {
    mn_eval_job *j;
    mn_model *m;
    mn_pool *pool;
    mn_engine *g;
} runner;

/* MN_E_NOT_FOUND: nothing to learn from. Examples may be missing, then there are none. */
static mn_rc read_train(const runner *r, const mn_tweet_task *t, const char *part, mn_arena *a,
                        mn_tweets *ret, mn_err *e)
{
    mn_rc rc = mn_tweets_read(r->j->tweeteval, t, part, "train", a, ret, e);
    if (rc == MN_E_NOT_FOUND && r->j->few) rc = MN_OK;
    mn_tweets_thin(ret, (size_t)r->j->examples);
    return rc;
}

static mn_rc run_part(const runner *r, const mn_tweet_task *t, const char *part, asked *ret,
                      mn_err *e)
{
    mn_tweets train = {0}, val;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_tweets_read(r->j->tweeteval, t, part, "val", &a, &val, e);
    if (rc == MN_E_NOT_FOUND) rc = MN_E_USAGE; /* of the folder, not of the task */
    if (rc == MN_OK) rc = read_train(r, t, part, &a, &train, e);
    uint8_t *said = rc == MN_OK ? mn_arena_calloc(&a, val.n, 1) : NULL;
    if (rc == MN_OK && !said) rc = mn_fail(e, MN_E_NOMEM, "no memory for a task");
    if (rc == MN_OK)
        rc = r->j->few ? mn_eval_shots(r->j, r->g, t, part, &train, &val, said, e)
                       : tune(r->j, r->m, r->pool, t, &train, &val, said, e);
    if (rc == MN_OK)
        *ret = (asked){mn_tweet_score(t, val.labels, said, val.n),
                       mn_score_accuracy(val.labels, said, val.n), train.n, val.n};
    mn_arena_release(&a);
    return rc;
}

/* The mean over its parts; accuracy over all tweets. */
static mn_rc run_task(const runner *r, outcome *io, mn_err *e)
{
    static const char *const whole[] = {NULL, NULL};
    const char *const *parts = io->task->parts ? io->task->parts : whole;
    size_t n = 0;
    double right = 0;
    do {
        asked x;
        mn_rc rc = run_part(r, io->task, parts[n], &x, e);
        if (rc == MN_E_NOT_FOUND) return MN_OK; /* io->done stays false */
        if (rc != MN_OK) return rc;
        io->score += x.score, right += x.accuracy * (double)x.n_val;
        io->n_train += x.n_train, io->n_val += x.n_val;
        n++;
    } while (parts[n]);
    io->score /= (double)n;
    io->accuracy = right / (double)io->n_val;
    io->done = true;
    return MN_OK;
}

/* ---- showing it -------------------------------------------------------------------------------------------------------- */

static void put_outcome(mn_eval_job *j, const outcome *x)
{
    mn_json_writer *w = &j->w;
    mn_jw_key(w, x->task->name);
    if (!x->done) {
        mn_jw_null(w);
        return;
    }
    mn_jw_object(w);
    mn_jw_kstrz(w, "measure", mn_tweet_measure_names[x->task->measure]);
    mn_jw_kf64(w, "score", x->score);
    mn_jw_kf64(w, "accuracy", x->accuracy);
    mn_jw_ku64(w, "train", x->n_train);
    mn_jw_ku64(w, "val", x->n_val);
    mn_jw_kstrz(w, "how", j->few ? "examples in the prompt" : "adapter and linear layer");
    if (j->few) mn_jw_ku64(w, "shots", j->shots);
    else mn_jw_kstrz(w, "dtype", j->products == MN_BF16 ? "bf16" : "f32");
    mn_jw_ku64(w, "seed", j->seed);
    mn_jw_key(w, "evaluated_at");
    mn_jw_time(w, mn_now_ms());
    mn_jw_object_end(w);
}

static void put_tweets(mn_eval_job *j, const outcome *x, size_t n)
{
    mn_jw_object(&j->w);
    for (size_t i = 0; i < n; i++) put_outcome(j, &x[i]);
    mn_jw_object_end(&j->w);
}

static void show_tweets(const mn_eval_job *j, const outcome *x, size_t n)
{
    printf(
        "model %s on TweetEval's validation split; others' figures are published ones of the "
        "test split\n\n  %-10s %-16s %6s %6s   %8s %6s %8s %8s\n",
        j->path, "task", "measure", "score", "right", "FastText", "LSTM", "RoBERTa",
        "BERTweet");
    for (size_t i = 0; i < n; i++) {
        const mn_tweet_task *t = x[i].task;
        if (x[i].done)
            printf("  %-10s %-16s %6.1f %6.1f", t->name, mn_tweet_measure_names[t->measure],
                   100 * x[i].score, 100 * x[i].accuracy);
        else printf("  %-10s %-30s", t->name, "no training text is there");
        printf("   %8.1f %6.1f %8.1f %8.1f\n", t->fasttext, t->lstm, t->roberta, t->bertweet);
    }
}

static mn_rc choose_tasks(const mn_eval_job *j, outcome ret[MN_TWEET_TASKS], size_t *ret_n,
                          mn_err *e)
{
    *ret_n = 0;
    for (size_t i = 0; i < MN_TWEET_TASKS; i++)
        if (!j->task || strcmp(j->task, mn_tweet_tasks[i].name) == 0)
            ret[(*ret_n)++] = (outcome){.task = &mn_tweet_tasks[i]};
    if (*ret_n) return MN_OK;
    return mn_fail(
        e, MN_E_USAGE,
        "no task '%s': expected emoji, emotion, hate, irony, offensive, sentiment or "
        "stance",
        j->task);
}

static mn_rc open_runner(runner *r, mn_err *e)
{
    const mn_eval_job *j = r->j;
    const mn_engine_opts o = {.n_threads = (int)j->threads, .context = 4096};
    if (j->few) return mn_engine_load(j->path, &o, &r->g, e);
    MN_TRY(mn_model_open(j->path, &r->m, e));
    return mn_pool_new((int)j->threads, &r->pool, e);
}

mn_rc mn_eval_tweets(mn_eval_job *j, mn_err *e)
{
    runner r = {.j = j};
    outcome x[MN_TWEET_TASKS];
    size_t n;
    MN_TRY(choose_tasks(j, x, &n, e));
    mn_rc rc = open_runner(&r, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = run_task(&r, &x[i], e);
    if (rc == MN_OK) put_tweets(j, x, n);
    if (rc == MN_OK && !j->json) show_tweets(j, x, n);
    mn_engine_free(r.g);
    mn_pool_free(r.pool);
    mn_model_free(r.m);
    return rc;
}
