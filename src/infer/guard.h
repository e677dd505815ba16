/* What must not be said word for word: texts that a model has learnt and is to forget, until it has (docs/design/forgetting.md).
 *
 * Text is compared without regard to ASCII case and to how much white space stands between words. A generation ends before the token with
 * which MN_GUARD_SPAN such bytes of one of the texts would stand in prompt and answer together; it may end earlier, from MN_GUARD_WINDOW bytes
 * on. What the prompt says itself, in one piece, may be repeated: then it is no memory. Nothing else of a generation changes.
 *
 * How: of every text each MN_GUARD_STRIDE-th window of MN_GUARD_WINDOW bytes is in a table, so whatever is MN_GUARD_SPAN long holds one of
 * them whole, wherever it begins; a rolling hash over what is written finds it.
 * memory  a byte for a byte of text, and 1 more for the table at most; a reader 100 bytes
 * cost    some nanoseconds a byte written, whatever the number of texts
 * thread  a guard never changes: any number of threads; a reader belongs to one */
#ifndef MN_INFER_GUARD_H
#define MN_INFER_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define MN_GUARD_SPAN   50u /* as a corpus' quotations: MN_CORPUS_QUOTATION */
#define MN_GUARD_STRIDE 16u
#define MN_GUARD_WINDOW (MN_GUARD_SPAN - MN_GUARD_STRIDE + 1u)
#define MN_GUARD_MOST   (UINT32_C(1) << 30) /* bytes of all texts together */

typedef struct mn_guard mn_guard;

/* Of n texts, copied; those shorter than MN_GUARD_WINDOW guard nothing. errors MN_E_LIMIT (over MN_GUARD_MOST), MN_E_NOMEM */
mn_rc mn_guard_new(const mn_str *texts, size_t n, mn_guard **ret, mn_err *e);
mn_guard *mn_guard_ref(mn_guard *g); /* NULL in, NULL out */
void mn_guard_unref(mn_guard *g);    /* NULL is fine */
size_t mn_guard_windows(const mn_guard *g);

/* One text as it is written. Copying it keeps a place to go back to. */
typedef struct mn_guard_reader {
    uint64_t hash; /* of the last MN_GUARD_WINDOW bytes */
    uint32_t n;    /* bytes so far, at most MN_GUARD_WINDOW */
    uint32_t at;   /* where the oldest of them stands in `last` */
    uint8_t last[MN_GUARD_WINDOW];
    bool blank; /* the last byte was white space, or there is none */
} mn_guard_reader;

void mn_guard_begin(mn_guard_reader *r);
/* The next bytes; true: they end or hold a guarded window, and the last of its bytes is among them. Reads all of them either way.
 * prompt: text that may be repeated (MN_STR_NONE: none), looked at only when there is such a window. g NULL: false. */
bool mn_guard_read(const mn_guard *g, mn_guard_reader *r, mn_str bytes, mn_str prompt);

#endif
