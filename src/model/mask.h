/* Documents of a corpus that a model may not learn from: it forgot them, or never saw them.
 *
 * A masked document keeps its slots in the rows (so no other document moves), but padding stands in them and they weigh nothing. The
 * same is true of a document that was erased from the shard (text/shard.h), to the bit: training on an erased corpus and
 * training on the whole one with a mask are one run.
 *
 *   models/NAME/masked: "MNMASK1\n", u64 n, n rising u64 document numbers, SHA-256 of all before; little-endian. No file: none. */
#ifndef MN_MODEL_MASK_H
#define MN_MODEL_MASK_H

#include "model/pack.h"

typedef struct mn_mask {
    uint64_t *doc; /* rising, owned */
    uint64_t n;
} mn_mask;

/* Total over any bytes. errors MN_E_CORRUPT, MN_E_NOMEM */
mn_rc mn_mask_parse(const uint8_t *p, size_t len, mn_mask *ret, mn_err *e);
/* A file that is absent is a mask of none. */
mn_rc mn_mask_read(const char *path, mn_mask *ret, mn_err *e);
mn_rc mn_mask_write(const mn_mask *m, const char *path, mn_err *e); /* atomically */
void mn_mask_release(mn_mask *m);

/* Of any numbers in any order, some perhaps twice. */
mn_rc mn_mask_from(const uint64_t *doc, size_t n, mn_mask *ret, mn_err *e);
mn_rc mn_mask_union(const mn_mask *a, const mn_mask *b, mn_mask *ret, mn_err *e);
/* The documents that were erased from s. */
mn_rc mn_mask_erased(const mn_shard *s, mn_mask *ret, mn_err *e);
bool mn_mask_has(const mn_mask *m, uint64_t doc);
bool mn_mask_within(const mn_mask *a, const mn_mask *b); /* all of a are in b */
void mn_mask_hash(const mn_mask *m, uint8_t ret[32]);    /* of the numbers; zero for none */

/* After mn_batch_fill of the same row: takes the masked documents out, and what they scored from *io_scored. */
void mn_mask_row(const mn_mask *m, const mn_shard *s, const mn_packing *p, uint64_t row,
                 mn_batch_buf *b, size_t at, size_t *io_scored);

#endif
