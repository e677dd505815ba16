/* Inside training: what a run holds. */
#ifndef MN_MODEL_TRAIN_INT_H
#define MN_MODEL_TRAIN_INT_H

#include "base/fs.h"
#include "model/gpu.h"
#include "model/held_out.h"
#include "model/reduce.h"
#include "model/train.h"

/* A corpus folder, opened and checked. Its shards have one form: that of its tokenizer (text/docform.h). */
typedef struct mn_model__corpus {
    char name[128], sha256[65];
    uint8_t hash[32], tokenizer_hash[32];
    mn_tokenizer *tok;
    mn_docform form;
    mn_shard train, val;
    bool has_val;
} mn_model__corpus;
mn_rc mn_model__corpus_open(const char *dir, mn_model__corpus *ret, mn_err *e);
void mn_model__corpus_close(mn_model__corpus *c);
/* The tokenizer into the model's folder: corpus DIR's tokenizer.json byte for byte, and tokenizer_config.json, without which
 * transformers 4 takes a Llama's tokenizer for its own and adds tokens to it. T: the longest text. */
mn_rc mn_model__copy_tokenizer(const mn_model__corpus *c, const char *corpus_dir,
                               const char *model_dir, uint64_t T, mn_err *e);

/* What ranks tell each other in a step, each its own range: bytes [at[k], at[k + 1]) of values, [weights[k], weights[k + 1]) of the
 * weights. All owned. */
typedef struct mn_model__told {
    double *values;
    uint64_t *at, *weights;
} mn_model__told;

/* A run. `at` is both its state and what a checkpoint holds. */
typedef struct mn_model__run {
    const mn_train_opts *o;
    mn_model__corpus corpus;
    mn_fs_lock lock;
    bool locked;
    bool made_dir; /* the model's folder was not there before this run */
    mn_pool *pool;
    mn_weights w;
    mn_model *
        base; /* a new run on rank 0: whose weights it goes on from; NULL: none, or not any more */
    mn_optim optim;
    mn_pass *pass;  /* NULL on a GPU, and reduce too */
    mn_gpu *gpu;    /* NULL on the CPU */
    bool gpu_ahead; /* its weights and moments are newer than w and optim */
    char gpu_name[192];
    mn_batch_buf batch;
    mn_packing packing; /* of epoch packed */
    uint64_t packed;
    float *losses;
    mn_ranks *ranks; /* borrowed; NULL: alone */
    mn_reduce *reduce;
    mn_model__told told;
    mn_optim full;      /* rank 0 of several: all moments, for checkpoints */
    bool in_step;       /* with the others: a failure now cannot be told to them */
    bool asked_to_stop; /* some rank was */
    mn_held_out held;
    bool has_held;
    mn_mask mask; /* at.masked is its hash */
    mn_wal wal;
    bool has_wal;
    mn_buf docs; /* numbers of the documents in the batch */
    mn_checkpoint at;
    mn_trainlog *log;
    char *checkpoints; /* folder */
    int64_t start_us, checkpoint_us, log_us;
    double seconds_before, eval_s, eval_at; /* eval_s: cost of one */
    double checkpoint_s, checkpoints_s;     /* cost of the last one; of all since the start */
    uint64_t checkpoint_step;               /* from which the next is counted */
    bool kept;                              /* this process has written one */
    double step_s, optim_s;                 /* in steps since the start, in their optimiser */
    double loss;
} mn_model__run;

/* train_from.c. An open model: one in a vocabulary that was not made here. */
bool mn_model__is_open(const mn_model__run *r);
/* Weights of that shape can be learnt on the corpus' tokens. */
bool mn_model__has_room(const mn_model__run *r, const mn_config *c);
/* A new run: r->base, where it goes on from one, which must speak the corpus' tokens. MN_E_USAGE: the corpus asks for one */
mn_rc mn_model__open_base(mn_model__run *r, mn_err *e);
mn_rc mn_model__load_from(mn_model__run *r, mn_err *e); /* r->base's weights */
/* What an open model learns with where nothing was asked for, into the options. */
void mn_model__choose_open(const mn_model__run *r, mn_train_opts *io);
/* Tokenizer and, of an open model, all else that is kept of the base, into the model's folder. */
mn_rc mn_model__write_beside(mn_model__run *r, mn_err *e);
mn_rc mn_model__save_weights(const mn_model__run *r, mn_err *e);

/* train_continue.c: the weights and moments of the model that o->stable_of names, and in *ret what its checkpoint says. */
mn_rc mn_model__load_stable(mn_model__run *r, mn_checkpoint *ret, mn_err *e);
/* A new run's `at` (chosen from the options) becomes one that goes on from c. */
void mn_model__go_on_from(mn_model__run *r, const mn_checkpoint *c);
/* models/NAME/lineage.json of a run that goes on from another; else nothing. */
mn_rc mn_model__write_lineage(mn_model__run *r, mn_err *e);
/* Whether the step at hand is where the rate first begins to fall: r->at.stable is set then, and a checkpoint is due. */
bool mn_model__note_stable(mn_model__run *r);

/* train_step.c: what steps need, after the weights and the optimiser; then the step at hand: fills a batch, runs it, updates the
 * weights. Every rank calls it. */
mn_rc mn_model__step_open(mn_model__run *r, mn_err *e);
void mn_model__step_close(mn_model__run *r);
mn_rc mn_model__step(mn_model__run *r, mn_err *e);
int mn_model__gpu_index(const mn_model__run *r); /* this rank's, from 0 */
/* w and optim become what the steps have made, where that lies on a GPU. */
mn_rc mn_model__fetch(mn_model__run *r, mn_err *e);
mn_rc mn_model__open_epoch(mn_model__run *r, mn_err *e);

/* train_ranks.c. Alone these do nothing, or what there is to do alone. */
typedef enum mn_model__todo { MN_TODO_STEP, MN_TODO_MOMENTS, MN_TODO_END } mn_model__todo;
/* All ranks: whether they were given the same corpus and options. After the corpus is open. */
mn_rc mn_model__meet(mn_model__run *r, mn_err *e);
/* All ranks: the run that rank 0 has opened (r->at, weights, optimiser, mask) becomes theirs. */
mn_rc mn_model__spread(mn_model__run *r, mn_err *e);
/* Rank 0: a step of all. */
mn_rc mn_model__lead_step(mn_model__run *r, mn_err *e);
/* Rank 0: an optimiser whose moments are those of all weights. */
mn_rc mn_model__all_moments(mn_model__run *r, const mn_optim **ret, mn_err *e);
/* Rank 0, at the end: the others learn how it went, when they can. Returns rc. */
mn_rc mn_model__dismiss(mn_model__run *r, mn_rc rc, mn_err *e);
/* The others: what rank 0 tells, until the end. */
mn_rc mn_model__serve(mn_model__run *r, mn_err *e);

/* train_log.c: the mask and the log of steps. After the checkpoint is loaded, or a new run is made. */
mn_rc mn_model__open_log(mn_model__run *r, mn_err *e);
/* The documents of row `row` of the epoch at hand are in the batch. */
mn_rc mn_model__note_row(mn_model__run *r, uint64_t row, mn_err *e);
/* The rate of the next step; in a replay from the log, after a look whether the batch is the same. `at` says where it began. */
mn_rc mn_model__rate(mn_model__run *r, uint64_t epoch, uint64_t row, double *ret, mn_err *e);
/* The step is done: it stands in the log. */
mn_rc mn_model__note_step(mn_model__run *r, uint64_t epoch, uint64_t row, double rate,
                          uint64_t scored, mn_err *e);
/* Before a checkpoint: the log to the disk, its chain into r->at. */
mn_rc mn_model__flush_log(mn_model__run *r, mn_err *e);
void mn_model__close_log(mn_model__run *r);

#endif
