/* Inside training: what a run holds. */
#ifndef MN_MODEL_TRAIN_INT_H
#define MN_MODEL_TRAIN_INT_H

#include "base/fs.h"
#include "model/held_out.h"
#include "model/train.h"

/* A corpus folder, opened and checked. */
typedef struct mn_model__corpus {
    char name[128], sha256[65];
    uint8_t hash[32], tokenizer_hash[32];
    mn_tokenizer *tok;
    mn_shard train, val;
    bool has_val;
} mn_model__corpus;
mn_rc mn_model__corpus_open(const char *dir, mn_model__corpus *ret, mn_err *e);
void mn_model__corpus_close(mn_model__corpus *c);
/* The tokenizer into the model's folder: corpus DIR's tokenizer.json byte for byte, and tokenizer_config.json, without which
 * transformers 4 takes a Llama's tokenizer for its own and adds tokens to it. T: the longest text. */
mn_rc mn_model__copy_tokenizer(const mn_model__corpus *c, const char *corpus_dir,
                               const char *model_dir, uint64_t T, mn_err *e);

/* A run. `at` is both its state and what a checkpoint holds. */
typedef struct mn_model__run {
    const mn_train_opts *o;
    mn_model__corpus corpus;
    mn_fs_lock lock;
    bool locked;
    bool made_dir; /* the model's folder was not there before this run */
    mn_pool *pool;
    mn_weights w;
    mn_optim optim;
    mn_pass *pass;
    mn_batch_buf batch;
    mn_packing packing; /* of epoch packed */
    uint64_t packed;
    float *losses;
    size_t pass_rows; /* rows run at once; a batch is several when large */
    mn_held_out held;
    bool has_held;
    mn_checkpoint at;
    mn_trainlog *log;
    char *checkpoints; /* folder */
    int64_t start_us, checkpoint_us, log_us;
    double seconds_before, eval_s, eval_at; /* eval_s: cost of one */
    uint64_t checkpoint_step;
    double loss;
} mn_model__run;

/* The step at hand: fills a batch, runs it, updates the weights. */
mn_rc mn_model__step(mn_model__run *r, mn_err *e);
mn_rc mn_model__open_epoch(mn_model__run *r, mn_err *e);

#endif
