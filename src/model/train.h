/* Training a model on a corpus, from the first step to the folder that is served.
 *
 * A run is a function of (corpus, seed, preset, batch, number of steps): the same gives the same bits on any number of threads
 * of one kind of CPU, and stopping and resuming changes nothing. A budget of time is turned into a number of steps on the
 * way (schedule.h), and from the checkpoint that records it on, the same holds. docs/design/training.md. */
#ifndef MN_MODEL_TRAIN_H
#define MN_MODEL_TRAIN_H

#include "base/ranks.h"
#include "model/forward.h"
#include "model/mask.h"
#include "model/optim.h"
#include "model/rule.h"
#include "model/trainlog.h"
#include "model/wal.h"

/* A run that repeats the end of another with more documents masked (forget.h): rates from its log, checked against it batch by
 * batch, until the step of `to`, whose plan it takes over. Without evaluations on the way. All borrowed. */
typedef struct mn_train_replay {
    const mn_wal_log *log;
    const mn_checkpoint *to;
    const char *name; /* of the model */
} mn_train_replay;

typedef struct mn_train_opts {
    const char *corpus_dir; /* has manifest.json, tokenizer.json, train.*, val.* */
    const char *model_dir;  /* made; its last part is the model's name */
    const char *preset;     /* NULL: by the corpus and the budget (rule.h) */
    const char *
        from_dir; /* start from these weights (a folder or GGUF file, same tokenizer); NULL: from noise. A corpus in the vocabulary of an
                   * open model needs it, or stable_of: tokenizer, chat template, licence and origin are then the base's */
    /* Go on with the stable phase of the model in this folder: weights, moments, shape, recipe, rate, batch and dtype are those of its
     * checkpoint from before its rate fell, and there is no rise. Of recipe only `fall` and `decay` count. models/NAME/lineage.json keeps whose. */
    const char *stable_of;
    /* The budget: what is reached first ends the run; all 0: chosen from the corpus and the model. */
    double minutes, epochs;
    uint64_t tokens, steps;
    uint64_t seed;
    int threads;    /* 0: all processors */
    mn_dtype dtype; /* of the products */
    int device; /* 0: the CPU; k + 1: GPU k (gpu.h); of several ranks each its own, the next ones */
    bool
        resume; /* go on from the newest checkpoint: budget, seed, preset, batch and dtype are its own */
    /* 0 in each: chosen (rule.h) */
    size_t batch_rows, row_tokens;
    size_t
        micro_rows; /* rows whose gradient is summed apart: what one rank computes at once (reduce.h) */
    bool
        recompute; /* keep little of a batch's activations (forward.h, MN_KEEP_INPUTS). Done in any case where they would take half of the memory */
    double peak_lr;
    const mn_recipe *recipe;   /* NULL: mn_train_recipe's; resumed runs have their own */
    double checkpoint_s;       /* 60 */
    uint64_t checkpoint_steps; /* besides: after so many steps; 0: never */
    bool no_samples;
    int history; /* checkpoints kept besides the newest, to go back to: 0: MN_CHECKPOINT_HISTORY, -1: none */
    const mn_mask *masked; /* documents that a new run does not learn from; NULL: none */
    const mn_train_replay *replay; /* with resume; NULL: none */
    mn_ranks *
        ranks; /* processes that train together, all with these options; borrowed; NULL: alone */

    /* Called from the caller's thread; any may be NULL. */
    void *arg;
    void (*on_note)(void *arg, const char *line); /* once or twice: what is trained, by what */
    /* steps_total 0: not yet known; share of the budget, 0..1 */
    void (*on_step)(void *arg, const mn_curve_point *p, uint64_t steps_total, double share);
    void (*on_eval)(void *arg, uint64_t step, double val_bits_per_byte);
} mn_train_opts;

typedef struct mn_train_result {
    uint64_t steps, tokens;
    double seconds, val_bits_per_byte;
    double xz_bits_per_byte; /* of the held-out text, for comparison; 0: not known */
    bool finished;           /* false: stopped on request (mn_stop_requested), resumable */
} mn_train_result;

/* errors  MN_E_EXISTS (a trained model is there and resume is not asked for), MN_E_BUSY (another process trains it),
 *         MN_E_NOT_FOUND (no corpus), MN_E_CORRUPT, MN_E_UNSUPPORTED, MN_E_IO, MN_E_NOMEM,
 *         MN_E_LIMIT (the loss is no longer a number). The last checkpoint stays whole in every case. */
mn_rc mn_train_run(const mn_train_opts *o, mn_train_result *ret, mn_err *e);
/* With ranks: the result has the same bits as one rank's, for any number of them that resumes whatever number began. Rank 0 alone
 * touches model_dir, evaluates, and calls back; *ret on the others has steps and tokens only. A failure that all know of
 * (mn_ranks_agreed) is the same on all; after another one the caller must mn_ranks_abort. */

/* ---- trainings that go on from others (docs/design/current.md) ---------------------------------------------------- */

/* The checkpoint from before the model's rate fell, header only: what stable_of begins with.
 * errors MN_E_NOT_FOUND (it was not trained here), MN_E_UNSUPPORTED (tuned, or there is no such checkpoint), MN_E_CORRUPT */
mn_rc mn_train_stable(const char *model_dir, mn_checkpoint *ret, mn_err *e);
/* The name of the model whose stable phase this one went on with, on the arena; NULL: it began by itself. MN_E_CORRUPT */
mn_rc mn_train_continues(const char *model_dir, mn_arena *a, const char **ret, mn_err *e);
/* Whether the model in parent_dir is no longer what model_dir went on from: it has forgotten something since. */
mn_rc mn_train_is_stale(const char *model_dir, const char *parent_dir, bool *ret, mn_err *e);

/* What a new run with these options chooses by itself (rule.h) on a corpus of so many tokens and bytes to learn from. Only what is asked for
 * is read of *o: no files. shape: of the weights that it begins with; NULL: none, or those of a preset.
 * errors MN_E_USAGE, MN_E_LIMIT as mn_rule_choose */
mn_rc mn_train_plan(const mn_train_opts *o, uint64_t tokens, uint64_t bytes, uint32_t vocab,
                    const mn_config *shape, mn_rule_ask *ret_ask, mn_rule_plan *ret, mn_err *e);
/* from_model: it begins with the weights of another one, not with noise. */
mn_recipe mn_train_recipe(bool from_model);

#endif
