/* Tuning: a model that is there learns conversations or a corpus, through adapters (LoRA) or in all its weights.
 *
 * A run is a function of (base, data, seed, options, number of steps): the same gives the same bits on any number of threads of one
 * kind of CPU, and stopping and resuming changes nothing. docs/design/tuning.md.
 *
 * What it leaves in models/NAME: the merged model as a Hugging Face folder that is served, exported and quantised like any other (so it
 * does not need its base any more), adapter/ with adapter_config.json and adapter_model.safetensors (PEFT's layout; the best by held-out
 * loss), origin.json, training.json, checkpoints/. Model and adapter are written when the run is finished. */
#ifndef MN_MODEL_TUNE_H
#define MN_MODEL_TUNE_H

#include "model/chat_data.h"
#include "model/forward.h"
#include "model/lora.h"
#include "model/trainlog.h"

typedef struct mn_tune_opts {
    const char *base;       /* path of the model: a folder or a GGUF file */
    const char *base_name;  /* how the adapter names it; NULL: the path's last part */
    const char *data;       /* a file of JSON lines, or … */
    const char *corpus_dir; /* … a corpus */
    const char *model_dir;  /* made; its last part is the model's name */
    bool full;              /* all weights; else an adapter of */
    uint32_t rank;          /* 0: 16 */
    float alpha;            /* 0: twice the rank */
    uint32_t targets;       /* 0: MN_LORA_ALL */
    /* The budget: what is reached first ends the run; all 0: three epochs. */
    double minutes, epochs;
    uint64_t steps;
    double peak_lr;    /* 0: mn_tune_rate_for */
    size_t batch_rows; /* 0: by the data, at most 8 */
    size_t row_tokens; /* 0: 512 at most, by the data and the base's context */
    double held_share; /* of the lines of data; 0: 0.05 */
    uint64_t seed;
    int threads;    /* 0: all processors */
    mn_dtype dtype; /* of the products */
    mn_qtype
        type; /* of the merged model: F32, F16, BF16; MN_TUNE_TYPE_BASE: the base's own, F16 for a quantised one */
    uint64_t memory_bytes; /* for activations; 0: 2 GiB. Changes no bit. */
    bool
        resume; /* go on from the newest checkpoint: what it was made with must be given again, or nothing of it */
    double checkpoint_s;       /* 60 */
    uint64_t checkpoint_steps; /* besides: after so many steps; 0: never */

    /* Called from the caller's thread; any may be NULL. */
    void *arg;
    void (*on_note)(void *arg, const char *line);
    void (*on_step)(void *arg, const mn_curve_point *p, uint64_t steps_total, double share);
    void (*on_eval)(void *arg, uint64_t step, double held_out_loss);
} mn_tune_opts;
#define MN_TUNE_TYPE_BASE ((mn_qtype)99)

typedef struct mn_tune_result {
    uint64_t steps, tokens, learnt; /* tokens seen, of them learnt */
    double seconds;
    /* mean loss of held-out learnt tokens, natural units: before, the best, and at which step; 0 without held-out data */
    double loss_before, loss_best, loss_last;
    uint64_t best_step, params; /* params: learnt ones */
    uint64_t held_examples, train_examples, memory_bytes;
    mn_chat_counts counts; /* of the lines; zeros for a corpus */
    bool finished;         /* false: stopped on request (mn_stop_requested), resumable */
} mn_tune_result;

/* errors  MN_E_EXISTS (something is there and resume is not asked for), MN_E_BUSY, MN_E_NOT_FOUND, MN_E_PARSE, MN_E_CORRUPT,
 *         MN_E_UNSUPPORTED, MN_E_IO, MN_E_NOMEM, MN_E_LIMIT (the loss is no longer a number; no usable line), MN_E_USAGE (resumed with
 *         another base or other data). The last checkpoint stays whole in every case. */
mn_rc mn_tune_run(const mn_tune_opts *o, mn_tune_result *ret, mn_err *e);

/* Merges the adapter in folder `adapter` (ours or PEFT's) into the model at `base` and writes a folder of plain weights, with origin.json. dir must not
 * hold a model. */
mn_rc mn_tune_merge(const char *base, const char *base_name, const char *adapter,
                    const char *dir, mn_qtype type, int threads, mn_err *e);

/* The highest learning rate that a run chooses by itself. */
double mn_tune_rate_for(const mn_config *c, bool full);

#endif
