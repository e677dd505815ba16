/* Checkpoints: everything that training is, so that a stopped run goes on to the same bits. docs/design/checkpoints.md.
 *
 *   models/NAME/checkpoints/step-0000001234.mnc: a header of MN_CHECKPOINT_HEAD bytes (below, little-endian, zero-filled; files
 *   of before there were masks have one of MN_CHECKPOINT_HEAD_1, and are read), what
 *   is learnt (all weights, or an adapter), both moments (float32 each), then the SHA-256 of all before it. The header holds the hash of the checkpoint before:
 *   a chain back to the first. */
#ifndef MN_MODEL_CHECKPOINT_H
#define MN_MODEL_CHECKPOINT_H

#include "model/lora.h"
#include "model/optim.h"
#include "model/schedule.h"
#include "model/weights.h"

#define MN_CHECKPOINT_HEAD    1024
#define MN_CHECKPOINT_HEAD_1  512
#define MN_CHECKPOINT_LAST    2  /* the newest, which always stay */
#define MN_CHECKPOINT_HISTORY 20 /* of a training, besides: spread over it, to go back to */

/* What tuning adds; all zero in a training from nothing, whose files are as they were before there was tuning. */
typedef struct mn_checkpoint_tune {
    uint64_t tuned, rank, targets; /* tuned: 1; rank 0: all weights */
    double alpha, held_share;
    uint64_t eval_every, learnt, best_step; /* learnt: tokens so far */
    double loss_before, loss_best;
    uint8_t base[32]; /* hash of the base's weights */
} mn_checkpoint_tune;

typedef struct mn_checkpoint {
    mn_config cfg;
    uint64_t seed, step, tokens; /* steps done, tokens seen */
    uint64_t epoch, row;         /* the next row to take */
    uint64_t batch_rows, row_tokens, threads, dtype;
    uint64_t
        micro_rows; /* rows whose gradient is summed apart; 0, before there were such: as many as run at once */
    double seconds, minutes; /* trained so far; the budget of time, 0 for none */
    mn_schedule schedule;
    uint8_t corpus[32]; /* hash of the corpus, of its tokenizer */
    uint8_t tokenizer[32];
    uint8_t previous[32], self[32]; /* self: filled in by save and load */
    bool finished;
    mn_recipe recipe;
    mn_checkpoint_tune tune;
    uint8_t
        masked[32]; /* hash of the documents that it may not learn from (mask.h); zero: none */
    uint8_t
        log[32]; /* the chain of steps.wal at this step (wal.h); zero: there is no such log */
    uint64_t
        stable; /* the step at which the rate first began to fall; 0: it has not yet, or did from the beginning */
    uint64_t
        before; /* steps of the trainings that this one goes on from (train.h, stable_of) */
    uint64_t
        history; /* not on disk: how many old ones `save` leaves besides the first and the last */
} mn_checkpoint;

/* Parameters that it holds. */
uint64_t mn_checkpoint_params(const mn_checkpoint *c);

/* Writes atomically into dir. all: the o->n parameters, mn_checkpoint_params(c) of them. c->previous should be the self of the
 * one before. Then removes what is not kept: MN_CHECKPOINT_LAST stay, and of a training the first, that at
 * mn_checkpoint_mark, that of c->stable, and c->history others, evenly over its steps as far as they lie so: the one goes without which the widest
 * gap is narrowest. Where the disk has not room for two more, none of the others stay. */
mn_rc mn_checkpoint_save(const char *dir, mn_checkpoint *c, const float *all, const mn_optim *o,
                         mn_err *e);
/* The step at which nine tenths of a run's planned steps are done, whose checkpoint stays while that plan holds; 0: not planned. */
uint64_t mn_checkpoint_mark(const mn_schedule *s);
/* The checkpoint of that step, header only. MN_E_NOT_FOUND, MN_E_CORRUPT. */
mn_rc mn_checkpoint_peek_at(const char *dir, uint64_t step, mn_checkpoint *ret, mn_err *e);
/* The steps of the checkpoints in dir, rising; on the arena. None, or no dir: 0. */
mn_rc mn_checkpoint_steps(const char *dir, mn_arena *a, uint64_t **ret, size_t *ret_n,
                          mn_err *e);
/* "DIR/step-SSSSSSSSSS.mnc" on the arena; NULL: no memory. */
char *mn_checkpoint_path(mn_arena *a, const char *dir, uint64_t step);
/* Reads all of it and checks its hash. MN_E_CORRUPT, MN_E_NOT_FOUND. */
mn_rc mn_checkpoint_check(const char *dir, uint64_t step, mn_err *e);
/* The checkpoint of that step into all and o, made for its shape; its hash must fit. MN_E_CORRUPT, MN_E_NOT_FOUND. */
mn_rc mn_checkpoint_load_at(const char *dir, uint64_t step, mn_checkpoint *ret, float *all,
                            mn_optim *o, mn_err *e);
/* The newest checkpoint in dir, header only. MN_E_NOT_FOUND when there is none. */
mn_rc mn_checkpoint_peek(const char *dir, mn_checkpoint *ret, mn_err *e);
/* Loads it into all and o, made for its shape. The hash must fit; if the newest is damaged (a crash of the machine) the one before is
 * taken, and *ret_skipped says so. MN_E_CORRUPT when none is whole. */
mn_rc mn_checkpoint_load(const char *dir, mn_checkpoint *ret, float *all, mn_optim *o,
                         bool *ret_skipped, mn_err *e);

#endif
