/* Checkpoints: everything that training is, so that a stopped run goes on to the same bits. docs/design/checkpoints.md.
 *
 *   models/NAME/checkpoints/step-0000001234.mnc: a header of MN_CHECKPOINT_HEAD bytes (below, little-endian, zero-filled), the
 *   weights, both moments (float32 each), then the SHA-256 of all before it. The header holds the hash of the checkpoint before:
 *   a chain back to the first. */
#ifndef MN_MODEL_CHECKPOINT_H
#define MN_MODEL_CHECKPOINT_H

#include "model/optim.h"
#include "model/schedule.h"
#include "model/weights.h"

#define MN_CHECKPOINT_HEAD 512

typedef struct mn_checkpoint {
    mn_config cfg;
    uint64_t seed, step, tokens; /* steps done, tokens seen */
    uint64_t epoch, row;         /* the next row to take */
    uint64_t batch_rows, row_tokens, threads, dtype;
    double seconds, minutes; /* trained so far; the budget of time, 0 for none */
    mn_schedule schedule;
    uint8_t corpus[32]; /* hash of the corpus, of its tokenizer */
    uint8_t tokenizer[32];
    uint8_t previous[32], self[32]; /* self: filled in by save and load */
    bool finished;
} mn_checkpoint;

/* Writes atomically into dir and removes all but the last two. c->previous should be the self of the one before. */
mn_rc mn_checkpoint_save(const char *dir, mn_checkpoint *c, const mn_weights *w,
                         const mn_optim *o, mn_err *e);
/* The newest checkpoint in dir, header only. MN_E_NOT_FOUND when there is none. */
mn_rc mn_checkpoint_peek(const char *dir, mn_checkpoint *ret, mn_err *e);
/* Loads it into w and o, made for its cfg. The hash must fit; if the newest is damaged (a crash of the machine) the one before is
 * taken, and *ret_skipped says so. MN_E_CORRUPT when none is whole. */
mn_rc mn_checkpoint_load(const char *dir, mn_checkpoint *ret, mn_weights *w, mn_optim *o,
                         bool *ret_skipped, mn_err *e);

#endif
