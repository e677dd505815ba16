/* From documents to batches: which tokens stand in which row, epoch by epoch.
 *
 * A document of n tokens gives n - 1 slots (a token and the one it should predict). Rows have T slots and begin at a document's
 * start; documents that follow in the row restart their positions and see only themselves. A document longer than a row is cut
 * into pieces of T slots, each starting anew. Of the next 64 pieces the longest that fits is taken, so little is padded.
 * The order of documents is a permutation drawn from (seed, epoch): a place in training is two numbers, epoch and row. */
#ifndef MN_MODEL_PACK_H
#define MN_MODEL_PACK_H

#include "model/forward.h"
#include "text/shard.h"

typedef struct mn_piece {
    uint64_t from; /* first token in the shard */
    uint32_t n;    /* slots */
    uint32_t row;  /* in the epoch */
} mn_piece;

typedef struct mn_packing {
    mn_piece *pieces; /* by row, owned */
    uint64_t n_pieces, n_rows, n_slots;
    uint64_t *row_piece; /* [n_rows + 1]: a row's first piece, owned */
    size_t T;
} mn_packing;

/* every: take the documents whose number is a multiple of it (1: all). shuffle: by (seed, epoch), else in order.
 * memory  24 bytes a document; errors MN_E_NOMEM, MN_E_LIMIT (no document has two tokens) */
mn_rc mn_pack(const mn_shard *s, size_t T, uint64_t every, bool shuffle, uint64_t seed,
              uint64_t epoch, mn_packing *ret, mn_err *e);
/* The same for documents of any kind: document d is tokens [end[d - 1], end[d]) of one run of them. */
mn_rc mn_pack_ends(const uint64_t *end, uint64_t n_docs, size_t T, uint64_t every, bool shuffle,
                   uint64_t seed, uint64_t epoch, mn_packing *ret, mn_err *e);
void mn_packing_release(mn_packing *p);
/* The number of the document that a piece is of. */
uint64_t mn_piece_document(const mn_shard *s, const mn_piece *p);

/* A batch's arrays, filled row by row. */
typedef struct mn_batch_buf {
    uint32_t *ids, *target, *pos, *first;
    float *weight;
    size_t n_rows, T;
} mn_batch_buf;
mn_rc mn_batch_buf_new(size_t n_rows, size_t T, mn_batch_buf *ret, mn_err *e);
void mn_batch_buf_release(mn_batch_buf *b);
/* Fills row `at` of b from row `row` of p. weight is 1 where the target is learnt, 0 for conditions and padding.
 * Returns the slots that are not padding; adds the learnt ones to *io_scored. */
size_t mn_batch_fill(mn_batch_buf *b, size_t at, const mn_shard *s, const mn_packing *p,
                     uint64_t row, size_t *io_scored);
mn_batch mn_batch_view(const mn_batch_buf *b, size_t from, size_t n_rows);

#endif
