/* What the kinds of evaluation share: mynah eval's options, and where results are kept. */
#ifndef MN_CMD_EVAL_H
#define MN_CMD_EVAL_H

#include <stdio.h>

#include "base/args.h"
#include "base/json.h"
#include "base/thread.h"
#include "infer/infer.h"
#include "model/forward.h"
#include "model/open.h"
#include "model/tweeteval.h"
#include "text/shard.h"

typedef struct mn_eval_job {
    const char *data, *name, *text, *posts, *corpus, *dtype, *tweeteval, *task;
    mn_opt_strs given; /* --data: a file of posts, a data folder, or both */
    uint64_t threads, tokens, context, seed, sample, rank, examples, shots;
    double epochs, lr;
    bool json, memorisation, samples, toxicity, few; /* few: --shots was given */

    mn_arena arena;
    const char *path;       /* of the model */
    const char *corpus_dir; /* with --corpus */
    mn_dtype products;
    mn_buf out;
    mn_json_writer w; /* into out: one result, an object */
} mn_eval_job;

/* Each writes its result as one JSON object with j->w, or says it in words on stdout when j->json is false and fills j->out all the same. */
mn_rc mn_eval_held_out(mn_eval_job *j, mn_err *e);
mn_rc mn_eval_memorisation(mn_eval_job *j, mn_err *e); /* needs corpus_dir */
mn_rc mn_eval_tweets(mn_eval_job *j, mn_err *e);       /* needs tweeteval, its folder */
/* Labels for val's tweets from j->shots of train's in a prompt, without learning; part may be NULL. */
mn_rc mn_eval_shots(const mn_eval_job *j, mn_engine *g, const mn_tweet_task *t,
                    const char *part, const mn_tweets *train, const mn_tweets *val,
                    uint8_t *ret, mn_err *e);

/* What a model writes when nothing is asked of it; on j->arena. */
typedef struct mn_eval_sample {
    mn_str given, text; /* given: "2011-02 en"; MN_STR_NONE for imported models */
} mn_eval_sample;
typedef struct mn_eval_written {
    mn_eval_sample *items;
    size_t n;
    uint64_t tokens, bytes, ended, empty; /* ended: by itself, not cut; empty: no text came */
} mn_eval_written;
/* j->sample texts. Models trained here need corpus_dir. */
mn_rc mn_eval_write(mn_eval_job *j, mn_eval_written *ret, mn_err *e);
/* A split of corpus_dir. */
mn_rc mn_eval_shard(mn_eval_job *j, const char *split, mn_shard *ret, mn_err *e);
/* Members of the object at hand: how they were written, and how much that is. */
void mn_eval_put_written(mn_eval_job *j, const mn_eval_written *x);
mn_rc mn_eval_samples(mn_eval_job *j, mn_err *e);
mn_rc mn_eval_toxicity(mn_eval_job *j, mn_err *e); /* needs tweeteval */

/* The object in j->out becomes member `section` of evaluation.json in the model's folder; the others stay as they are. join: and so do the
 * old section's members that the new one has not. Only for models below
 * the data folder: others' folders are left alone. */
mn_rc mn_eval_keep(const mn_eval_job *j, const char *section, bool join, mn_err *e);
/* j->context or what suits the model: rows of at most 512 tokens. */
size_t mn_eval_context(const mn_eval_job *j, const mn_model *m);

#endif
