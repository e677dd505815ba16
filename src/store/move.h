/* Copying a whole store from one database to another, whatever either is, and comparing two. */
#ifndef MN_STORE_MOVE_H
#define MN_STORE_MOVE_H

#include "store/store.h"

/* What a table holds: its rows, and SHA-256 over them in the order of the key. A row is its columns in the order of the
 * schema, each a byte (0 NULL, 1 number, 2 text or bytes) and its value: 8 bytes little-endian, or a length of 8 bytes and
 * the bytes. */
typedef struct mn_digest_table {
    mn_str name;
    uint64_t rows;
    uint8_t sha256[32];
} mn_digest_table;
typedef struct mn_digest {
    mn_digest_table *tables;
    size_t n;
    uint64_t rows; /* of all of them */
} mn_digest;

/* Now and then: `done` rows of `total` (0: not counted) have been gone through; false stops with MN_E_CANCELLED. */
typedef bool mn_move_progress_fn(void *arg, const char *what, uint64_t done, uint64_t total);

/* All tables, in one snapshot and little memory (some kB stay with the store until it is closed). fn may be NULL. Names live
 * as long as the program. */
mn_rc mn_store_digest(mn_store *s, mn_move_progress_fn *fn, void *arg, mn_arena *ar,
                      mn_digest *ret, mn_err *e);
/* The first table in which they differ, or NULL. */
const mn_digest_table *mn_digest_differs(const mn_digest *a, const mn_digest *b);

/* Copies all rows of all tables from one store to the other, in transactions of some thousand rows, then digests both and
 * compares. `to` must be empty and opened with `unfinished`, and nobody else may use it. Until the end it carries a mark, so
 * that no one else opens it; after an interruption the same call empties it and begins again.
 * errors MN_E_EXISTS `to` has rows; MN_E_BUSY `from` was written to meanwhile; MN_E_PARSE a text of `from` that the other
 *        database cannot keep (the message names table and row); MN_E_CANCELLED */
mn_rc mn_store_move(mn_store *from, mn_store *to, mn_move_progress_fn *fn, void *arg,
                    mn_arena *ar, mn_digest *ret, mn_err *e);

#endif
