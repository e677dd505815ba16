/* Inside tuning: what a run holds. */
#ifndef MN_MODEL_TUNE_INT_H
#define MN_MODEL_TUNE_INT_H

#include "base/fs.h"
#include "model/adapter.h"
#include "model/lora_pass.h"
#include "model/pack.h"
#include "model/tune.h"

/* `at` is both its state and what a checkpoint holds. What is learnt is all[n_all]: the adapter's or all weights. */
typedef struct mn_tune__run {
    const mn_tune_opts *o;
    const char *base_name;
    mn_model *base;
    mn_chat_coder *coder;
    mn_chat_counts counts;
    mn_examples train, held;
    char data_name[256], targets[96];
    mn_fs_lock lock;
    bool locked, made_dir, resumed;
    mn_pool *pool;
    mn_lora lora; /* rank 0: all weights are tuned */
    mn_weights w;
    mn_lora_pass *lora_pass;
    mn_pass *full_pass;
    float *all;
    uint64_t n_all, pass_bytes;
    mn_optim optim;
    size_t pass_rows; /* rows run at once */
    mn_batch_buf batch;
    mn_packing packing, held_packing; /* packing: of epoch packed */
    uint64_t packed;
    float *losses;
    mn_checkpoint at;
    mn_trainlog *log;
    mn_trainlog_tune note;
    char *checkpoints; /* folder */
    int64_t start_us, checkpoint_us, log_us;
    double seconds_before, eval_s, loss, loss_last;
    uint64_t checkpoint_step;
    int time_bound; /* the number of steps was fixed by time */
} mn_tune__run;

static inline bool mn_tune__full(const mn_tune__run *r)
{
    return !r->at.tune.rank;
}

/* Opens base, data, what is learnt and the buffers; resumes where asked to. */
mn_rc mn_tune__open(mn_tune__run *r, mn_err *e);
void mn_tune__close(mn_tune__run *r);
/* The data's examples: r->train, r->held, r->counts, at.corpus. */
mn_rc mn_tune__read_data(mn_tune__run *r, mn_err *e);

/* The step at hand: fills a batch, runs it, updates what is learnt. */
mn_rc mn_tune__step(mn_tune__run *r, mn_err *e);
mn_rc mn_tune__open_epoch(mn_tune__run *r, mn_err *e);
/* Mean loss of the held-out tokens that are learnt, natural units; only with held-out examples. */
double mn_tune__held_loss(mn_tune__run *r);

/* The best so far: kept in the folder of checkpoints as best-SSSSSSSSSS.mnb, read back into r->all. keep_best leaves older ones
 * until drop_best. */
mn_rc mn_tune__keep_best(mn_tune__run *r, mn_err *e);
void mn_tune__drop_best(const mn_tune__run *r);
mn_rc mn_tune__take_best(mn_tune__run *r, mn_err *e);
/* Adapter, merged model, origin.json, README.md into the model's folder. */
mn_rc mn_tune__hand_over(mn_tune__run *r, mn_err *e);

#endif
