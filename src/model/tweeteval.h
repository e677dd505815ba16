/* TweetEval: seven tasks of telling tweets apart, each with its own measure, and one figure over all.
 *
 * Files as published: DIR/TASK/{train,val,test}_text.txt with a tweet a line and …_labels.txt with its label, a number; stance has a folder
 * for each of its five targets, each a task with a training of its own, and the mean over them is its figure.
 * source  Barbieri et al., Findings of EMNLP 2020, arXiv:2010.12421 */
#ifndef MN_MODEL_TWEETEVAL_H
#define MN_MODEL_TWEETEVAL_H

#include "base/mem.h"
#include "base/str.h"

typedef enum mn_tweet_measure {
    MN_TWEET_MACRO_F1,
    MN_TWEET_MACRO_RECALL,
    MN_TWEET_F1_OF_ONE,   /* of label 1: irony */
    MN_TWEET_F1_OF_STANCE /* mean of labels 1 (against) and 2 (favour) */
} mn_tweet_measure;

typedef struct mn_tweet_task {
    const char *name;         /* its folder */
    const char *const *parts; /* folders inside it, NULL-terminated; NULL: none */
    uint8_t n_labels;
    mn_tweet_measure measure;
    const char *const *words; /* [n_labels]: what a label is called in a prompt */
    const char *question;     /* what stands before the answer there */
    double fasttext, lstm, roberta, bertweet; /* published, test split, percent */
} mn_tweet_task;
#define MN_TWEET_TASKS 7u
extern const mn_tweet_task mn_tweet_tasks[MN_TWEET_TASKS];
extern const char *const mn_tweet_measure_names[4]; /* "macro_f1" … */
/* NULL: there is none of that name. */
const mn_tweet_task *mn_tweet_task_find(const char *name);
/* The task's own measure, 0 to 1; n > 0. */
double mn_tweet_score(const mn_tweet_task *t, const uint8_t *gold, const uint8_t *said,
                      size_t n);

/* A split's tweets, on the arena. */
typedef struct mn_tweets {
    mn_str *texts;
    uint8_t *labels;
    size_t n;
} mn_tweets;
/* Texts and labels as the files have them; blank tweets are kept as ".". Total over any bytes.
 * limits 1,000,000 tweets of 64 KiB; errors MN_E_PARSE (a line that is no label, not UTF-8, or not as many labels as tweets), MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_tweets_parse(mn_str texts, mn_str labels, uint8_t n_labels, mn_arena *a,
                      mn_tweets *ret, mn_err *e);
/* part may be NULL; split: "train", "val" or "test". errors as above; MN_E_NOT_FOUND: a file is not there (sentiment's training text is often not) */
mn_rc mn_tweets_read(const char *dir, const mn_tweet_task *t, const char *part,
                     const char *split, mn_arena *a, mn_tweets *ret, mn_err *e);
/* Evenly spread, at most `most`; 0: all. */
void mn_tweets_thin(mn_tweets *t, size_t most);

#endif
