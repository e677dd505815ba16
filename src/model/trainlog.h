/* training.json: how a model came to be, written beside it while it is trained, small enough for a page to poll.
 * Fields: docs/design/training.md. */
#ifndef MN_MODEL_TRAINLOG_H
#define MN_MODEL_TRAINLOG_H

#include "base/mem.h"
#include "model/checkpoint.h"

#define MN_CURVE_MAX  1000
#define MN_EVALS_MAX  200
#define MN_SAMPLE_MAX 400 /* bytes of one sample */
#define MN_SAMPLES    3   /* at one evaluation */
#define MN_SAMPLE_EVALS                                                                        \
    8 /* evaluations whose samples are kept: the first, the latest, and between them ever wider apart */

typedef struct mn_curve_point {
    uint64_t step, tokens;
    double loss, lr, tokens_per_s, seconds;
} mn_curve_point;

typedef struct mn_eval_point {
    uint64_t step;
    double val_bits_per_byte;
} mn_eval_point;

typedef struct mn_sample_point {
    uint64_t step;
    char text[MN_SAMPLES][MN_SAMPLE_MAX];
    size_t given
        [MN_SAMPLES]; /* bytes of text that are not the model's: the opening it went on from */
} mn_sample_point;

/* What a tuning says besides; strings borrowed. */
typedef struct mn_trainlog_tune {
    const char *tuned_from, *data, *targets; /* targets: "" where all weights are tuned */
    char base_sha256[65], data_sha256[65];
    uint64_t rank, base_params, best_step, train_examples, held_examples, learnt;
    double alpha, loss_before, loss_best;
} mn_trainlog_tune;

typedef struct mn_trainlog {
    /* said once; borrowed */
    const char *model, *corpus, *preset, *gemm, *kernels;
    const char *state; /* "running", "stopped", "done" */
    uint64_t steps_planned, params, threads, dtype, seed, train_tokens;
    char corpus_sha256[65], tokenizer_sha256[65], checkpoint_sha256[65];
    uint64_t masked;                 /* documents of the corpus that it does not learn from */
    char masked_sha256[65];          /* of their numbers; unset where there are none */
    const mn_recipe *recipe;         /* how it learns; NULL: a tuning. Borrowed */
    uint64_t batch_rows, row_tokens; /* of a training, as its rate: what it was told or chose */
    double peak_lr;
    double optimiser_share;   /* of the time of this process's steps */
    double checkpoint_share;  /* of the time since this process began */
    double val_bits_per_byte; /* 0: not yet */
    double xz_bits_per_byte;  /* of the held-out text (baseline.h); 0: not known */
    mn_curve_point curve[MN_CURVE_MAX];
    mn_eval_point evals[MN_EVALS_MAX];
    mn_sample_point samples[MN_SAMPLE_EVALS];
    size_t n_curve, n_evals, n_samples;
    uint64_t every; /* one curve point in so many steps; doubles when the curve is full */
    /* NULL: a training. Evaluations are then mean losses of learnt tokens in natural units, in the file "val_loss". Borrowed. */
    const mn_trainlog_tune *tune;
} mn_trainlog;

/* About 60 KB: allocate it. */
void mn_trainlog_init(mn_trainlog *l);
void mn_trainlog_point(mn_trainlog *l, const mn_curve_point *p);
void mn_trainlog_eval(mn_trainlog *l, uint64_t step, double val_bits_per_byte);
/* The entry for `step`, to be filled. */
mn_sample_point *mn_trainlog_sample(mn_trainlog *l, uint64_t step);
/* Atomically to DIR/training.json. */
mn_rc mn_trainlog_write(const mn_trainlog *l, const char *dir, mn_err *e);
/* Takes curve, evaluations and samples up to `step` from DIR/training.json, for a resumed run; a file that is absent or not
 * ours leaves the log empty, which loses a picture, not the training. */
void mn_trainlog_read(mn_trainlog *l, const char *dir, uint64_t step);

#endif
