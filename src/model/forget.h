/* Forgetting exactly: a model as if it had been trained from the start without some documents, to the bit.
 *
 * The log of steps (wal.h) says which step saw one of them first. The last checkpoint from before it is taken, the rest of the run is
 * repeated from there with the documents masked (mask.h), at the rates of the log, and the result takes the place of the model. What is
 * repeated is checked against the log, batch by batch. docs/design/forgetting.md.
 *
 * The work is done in models/NAME/forgetting, itself a model's folder that is trained on; until it is whole, the old model stays as it is
 * and can be served. After a stop or a crash the same call, or one for more documents, goes on. */
#ifndef MN_MODEL_FORGET_H
#define MN_MODEL_FORGET_H

#include "model/train.h"

typedef struct mn_forget_opts {
    const char *model_dir, *corpus_dir;
    /* Of the corpus' training shard, in any order. None: to go on with a forgetting that was interrupted, and to take over what the
     * corpus has already lost. */
    const uint64_t *docs;
    size_t n_docs;
    int threads;         /* 0: all processors */
    double checkpoint_s; /* these three as in mn_train_opts */
    uint64_t checkpoint_steps;
    int history;
    bool no_samples;
    /* Called from the caller's thread; any may be NULL. share: of the steps to repeat, 0..1 */
    void *arg;
    void (*on_note)(void *arg, const char *line);
    void (*on_step)(void *arg, const mn_curve_point *p, uint64_t steps_total, double share);
} mn_forget_opts;

typedef struct mn_forget_result {
    bool nothing;             /* they were all forgotten before: nothing was done */
    bool finished;            /* false: stopped on request (mn_stop_requested), resumable */
    uint64_t documents;       /* that this forgetting adds to the mask */
    uint64_t masked;          /* in all */
    uint64_t first_step;      /* that saw one of them; 0: none did */
    uint64_t from_step, step; /* repeated: the steps from_step + 1 … step */
    double share;             /* of the run's steps that was repeated */
    char weights_sha256[65];  /* of model.safetensors as it is now */
} mn_forget_result;

/* Writes models/NAME/forgotten/NNNN.json, which says what was done (docs/design/forgetting.md has its members), with the model.
 * errors MN_E_NOT_FOUND    there is no such model, no corpus, no log of its steps, or no checkpoint from before it saw them
 *        MN_E_USAGE        the model was trained on another corpus, or there is no such document
 *        MN_E_UNSUPPORTED  the model was not trained but tuned
 *        MN_E_CORRUPT      the log, the mask or the corpus was changed
 *        MN_E_BUSY         the model is being trained
 *        MN_E_IO, MN_E_NOMEM. The old model stays whole in every case. */
mn_rc mn_forget_run(const mn_forget_opts *o, mn_forget_result *ret, mn_err *e);

/* Takes the samples out of models/NAME/training.json: they open with words of held-out posts, one of which is to go. Without such a
 * file: nothing. errors MN_E_BUSY (the model is being trained), MN_E_CORRUPT, MN_E_IO, MN_E_NOMEM */
mn_rc mn_forget_samples(const char *model_dir, mn_err *e);

/* Whether models/NAME/forgetting is there: a forgetting that was interrupted. */
bool mn_forget_pending(const char *model_dir);

#endif
