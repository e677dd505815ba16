/* The log of a training's steps: which documents each step saw, at which rate. By it a model forgets exactly (forget.h).
 *
 *   models/NAME/steps.wal: a head of MN_WAL_HEAD bytes, then MN_WAL_RECORD bytes for each step, little-endian.
 *   head    "MNSTEPS1", u64 seed, batch_rows, row_tokens, 32 bytes hash of the corpus, 32 of the tokenizer, zeros
 *   record  u64 step (1, 2, …), epoch, row, rows, bits of the learning rate, scored; 32 bytes hash of the documents; 32 bytes chain
 *
 * A chain is the SHA-256 of the one before (of the first record: of the head) and the record's bytes before it. Checkpoints
 * hold the chain at their step, so neither a record nor the whole log can be exchanged without showing. docs/design/forgetting.md. */
#ifndef MN_MODEL_WAL_H
#define MN_MODEL_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/hash.h"

#define MN_WAL_HEAD   128
#define MN_WAL_RECORD 112

/* What a log belongs to. */
typedef struct mn_wal_run {
    uint64_t seed, batch_rows, row_tokens;
    uint8_t corpus[32], tokenizer[32];
} mn_wal_run;

typedef struct mn_wal_record {
    uint64_t step; /* counts from 1 */
    uint64_t epoch, row,
        rows; /* the place of its first row, and how many rows, maybe into the next epoch */
    double rate;
    uint64_t scored; /* targets with weight: what the loss is divided by */
    uint8_t docs
        [32]; /* of the numbers (u64) of the documents in its rows, in their order, masked ones too */
    uint8_t chain[32]; /* filled in by add and read */
} mn_wal_record;

/* ---- reading ------------------------------------------------------------------------------------------------------ */

typedef struct mn_wal_log {
    mn_fs_map map;
    mn_wal_run run;
    uint64_t n;        /* records, all checked */
    uint8_t chain[32]; /* of the last; of the head when n is 0 */
} mn_wal_log;

/* The first `steps` records of the bytes at p, checked; what follows them (steps after a checkpoint, a torn end) is not looked at.
 * Total over any bytes. Borrows p: ret->map is not set.
 * errors MN_E_CORRUPT says where: not a log, cut short, a record out of order or one whose chain does not fit */
mn_rc mn_wal_parse(const uint8_t *p, size_t len, uint64_t steps, mn_wal_log *ret, mn_err *e);
/* The same of a file, which stays mapped until mn_wal_log_close. errors also MN_E_NOT_FOUND */
mn_rc mn_wal_log_open(const char *path, uint64_t steps, mn_wal_log *ret, mn_err *e);
void mn_wal_log_close(mn_wal_log *l);
/* Record i < l->n: that of step i + 1. */
void mn_wal_log_at(const mn_wal_log *l, uint64_t i, mn_wal_record *ret);
bool mn_wal_run_same(const mn_wal_run *a, const mn_wal_run *b);

/* ---- writing ------------------------------------------------------------------------------------------------------ */

typedef struct mn_wal {
    int fd;
    char *path;
    mn_buf pending; /* records not yet written */
    uint64_t n;     /* records, pending ones too */
    uint8_t chain[32];
} mn_wal;

/* steps 0: a new log, over whatever was there. Else goes on with the one there: it must be of that run and hold `steps` whole records;
 * what follows them is cut off.
 * errors MN_E_NOT_FOUND (steps > 0 and no file), MN_E_CORRUPT, MN_E_IO, MN_E_NOMEM */
mn_rc mn_wal_open(const char *path, const mn_wal_run *run, uint64_t steps, mn_wal *ret,
                  mn_err *e);
/* Adds r, whose step must be the next (assert), in memory. MN_E_NOMEM. */
mn_rc mn_wal_add(mn_wal *w, const mn_wal_record *r, mn_err *e);
/* To the disk, synced. Before each checkpoint. */
mn_rc mn_wal_flush(mn_wal *w, mn_err *e);
/* Closes; what was not flushed is lost, as the steps after a checkpoint are. */
void mn_wal_close(mn_wal *w);

#endif
