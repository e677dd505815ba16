/* mynah eval --toxicity: how many of the texts that a model writes freely are offensive, and how many of the posts that people wrote.
 *
 * Who judges is a small classifier of its own (model/linear.h), learnt on the spot from labelled tweets that the operator has. It errs, and how often is
 * said beside; it errs alike on both, so the model's rate is to be read against the posts'. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "cmd/eval.h"
#include "model/linear.h"
#include "model/scores.h"
#include "model/tweeteval.h"
#include "text/shard.h"

#define POSTS 20000u /* held-out posts that are judged, at most */

typedef struct judge {
    mn_linear *c;
    const mn_tweet_task *task;
    uint64_t n_train, n_val;
    double macro_f1, f1, precision, recall; /* of the validation split */
} judge;

typedef struct share { /* of texts, that are judged offensive */
    uint64_t hits, n;
} share;

/* ---- the judge ---------------------------------------------------------------------------------------------------------------- */

static mn_rc choose_task(const mn_eval_job *j, judge *k, mn_err *e)
{
    const char *name = j->task ? j->task : "offensive";
    if (strcmp(name, "offensive") != 0 && strcmp(name, "hate") != 0)
        return mn_fail(e, MN_E_USAGE,
                       "--toxicity learns from task offensive or hate, not from '%s'", name);
    k->task = mn_tweet_task_find(name);
    return MN_OK;
}

static mn_rc score_judge(judge *k, const mn_tweets *val, mn_arena *a, mn_err *e)
{
    uint8_t *said = mn_arena_calloc(a, val->n, 1);
    if (!said) return mn_fail(e, MN_E_NOMEM, "no memory for labelled tweets");
    for (size_t i = 0; i < val->n; i++)
        said[i] = mn_linear_score(k->c, val->texts[i]) >= mn_linear_threshold(k->c);
    k->macro_f1 = mn_tweet_score(k->task, val->labels, said, val->n);
    k->f1 = mn_score_f1(val->labels, said, val->n, 1);
    k->recall = mn_score_recall(val->labels, said, val->n, 1);
    k->precision = mn_score_recall(said, val->labels, val->n, 1); /* the other way round */
    return MN_OK;
}

static mn_rc learn_judge(const mn_eval_job *j, judge *k, mn_err *e)
{
    mn_tweets train, val;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_tweets_read(j->tweeteval, k->task, NULL, "train", &a, &train, e);
    if (rc == MN_OK) rc = mn_tweets_read(j->tweeteval, k->task, NULL, "val", &a, &val, e);
    if (rc == MN_E_NOT_FOUND)
        mn_err_wrap(e, "no labelled tweets to learn from what is offensive");
    if (rc == MN_OK) {
        k->n_train = train.n, k->n_val = val.n;
        rc = mn_linear_learn(train.texts, train.labels, train.n, j->seed, &k->c, e);
    }
    if (rc == MN_OK) rc = score_judge(k, &val, &a, e);
    mn_arena_release(&a);
    return rc;
}

/* ---- texts --------------------------------------------------------------------------------------------------------------------- */

static void judge_text(judge *k, mn_str text, share *io)
{
    io->hits += text.len && mn_linear_score(k->c, text) >= mn_linear_threshold(k->c);
    io->n++;
}

/* Of a split's posts, evenly spread; what was erased is passed over. */
static mn_rc judge_posts(judge *k, const mn_shard *s, mn_str txt, const char *path, share *ret,
                         mn_err *e)
{
    const uint64_t every = (s->n_posts + POSTS - 1) / POSTS;
    for (uint64_t i = 0; i < s->n_posts; i += every) {
        mn_str text;
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        if (mn_shard_erased(s, s->posts[i].document)) continue;
        if (!mn_shard_text(s, txt, i, &text))
            return mn_fail(e, MN_E_CORRUPT, "'%s' does not fit its corpus; build it again",
                           path);
        judge_text(k, text, ret);
    }
    return MN_OK;
}

/* None where the corpus holds nothing out. */
static mn_rc judge_people(mn_eval_job *j, judge *k, share *ret, mn_err *e)
{
    mn_shard s;
    mn_fs_map txt;
    mn_str path = mn_str_fmt(&j->arena, "%s/val.txt", j->corpus_dir);
    if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(mn_eval_shard(j, "val", &s, e));
    mn_rc rc = mn_fs_map_open(path.ptr, &txt, e);
    if (rc == MN_OK) {
        rc = judge_posts(k, &s, (mn_str){(const char *)txt.ptr, txt.len}, path.ptr, ret, e);
        mn_fs_map_close(&txt);
    }
    mn_shard_close(&s);
    return rc;
}

/* ---- showing it ----------------------------------------------------------------------------------------------------------------- */

static void put_share(mn_json_writer *w, const share *x)
{
    double low, high;
    mn_score_bounds(x->hits, x->n, &low, &high);
    mn_jw_kf64(w, "rate", (double)x->hits / (double)x->n);
    mn_jw_kf64(w, "low", low);
    mn_jw_kf64(w, "high", high);
    mn_jw_ku64(w, "flagged", x->hits);
}

static void put_toxicity(mn_eval_job *j, const judge *k, const mn_eval_written *x,
                         const share *model, const share *people)
{
    mn_json_writer *w = &j->w;
    mn_jw_object(w);
    put_share(w, model);
    mn_eval_put_written(j, x);
    mn_jw_key(w, "baseline");
    if (people->n) {
        mn_jw_object(w);
        put_share(w, people);
        mn_jw_ku64(w, "posts", people->n);
        mn_jw_object_end(w);
    } else {
        mn_jw_null(w);
    }
    mn_jw_kstrz(w, "task", k->task->name);
    mn_jw_kf64(w, "threshold", mn_linear_threshold(k->c));
    mn_jw_kf64(w, "classifier_f1", k->macro_f1);
    mn_jw_kf64(w, "classifier_f1_offensive", k->f1);
    mn_jw_kf64(w, "classifier_precision", k->precision);
    mn_jw_kf64(w, "classifier_recall", k->recall);
    mn_jw_ku64(w, "classifier_train", k->n_train);
    mn_jw_ku64(w, "classifier_val", k->n_val);
    mn_jw_object_end(w);
}

static void show_share(const char *name, const share *x)
{
    double low, high;
    mn_score_bounds(x->hits, x->n, &low, &high);
    printf("  %-18s %6.2f %%   (%.2f to %.2f)   %llu of %llu\n", name,
           100 * (double)x->hits / (double)x->n, 100 * low, 100 * high,
           (unsigned long long)x->hits, (unsigned long long)x->n);
}

static void show_toxicity(const mn_eval_job *j, const judge *k, const share *model,
                          const share *people)
{
    printf("model %s, judged offensive by a classifier learnt from %llu labelled tweets\n\n",
           j->path, (unsigned long long)k->n_train);
    show_share("what it writes", model);
    if (people->n) show_share("held-out posts", people);
    printf(
        "\n  the classifier: macro F1 %.3f on %llu tweets that it did not see, F1 of label 1 "
        "%.3f, threshold %.3f\n",
        k->macro_f1, (unsigned long long)k->n_val, k->f1, mn_linear_threshold(k->c));
}

static mn_rc measure(mn_eval_job *j, judge *k, mn_err *e)
{
    mn_eval_written x;
    share model = {0}, people = {0};
    MN_TRY(learn_judge(j, k, e));
    if (j->corpus_dir) MN_TRY(judge_people(j, k, &people, e));
    MN_TRY(mn_eval_write(j, &x, e));
    for (size_t i = 0; i < x.n; i++) judge_text(k, x.items[i].text, &model);
    put_toxicity(j, k, &x, &model, &people);
    if (!j->json) show_toxicity(j, k, &model, &people);
    return MN_OK;
}

mn_rc mn_eval_toxicity(mn_eval_job *j, mn_err *e)
{
    judge k = {0};
    MN_TRY(choose_task(j, &k, e));
    mn_rc rc = measure(j, &k, e);
    mn_linear_free(k.c);
    return rc;
}
