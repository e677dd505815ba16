/* Shared inside src/infer: the cache of keys and values, sequences, the engine
 * and its forward pass. docs/design/engine.md. */
#ifndef MN_INFER_INFER_INT_H
#define MN_INFER_INFER_INT_H

#include <pthread.h>

#include "base/team.h"
#include "infer/infer.h"
#include "model/open.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"

/* ---- kv.c: the cache --------------------------------------------------------------------------------------------- */

#define MN_KV_NONE UINT32_MAX

/* One block of the pool: MN_KV_BLOCK positions in all layers. A block whose
 * tokens are known can be shared with whoever begins alike: it is found by
 * (serial of the block before it, its tokens), exactly, whatever anybody
 * hashes. */
typedef struct mn_kv_entry {
    uint32_t refs;
    uint32_t next, prev;     /* in the list of free blocks, or of kept ones, oldest first */
    uint32_t same;           /* the next with the same hash */
    uint64_t serial, before; /* 0: not known; before 0: it begins a sequence */
    bool dirty;              /* has memory */
    uint32_t ids[MN_KV_BLOCK];
} mn_kv_entry;

typedef struct mn_kv {
    pthread_mutex_t lock;
    mn_kv_shape shape;
    size_t layer_bytes, block_bytes; /* of a block in one layer, in all */
    uint32_t n_blocks, n_used, n_kept, n_dirty_free;
    uint8_t *base; /* [n_blocks][L][layer_bytes], mapped; memory comes with the
                    first write */
    mn_kv_entry *entries;
    uint32_t free, kept_first, kept_last;
    uint32_t *buckets, n_buckets; /* a power of two */
    uint64_t serial;
} mn_kv;

mn_rc mn_kv__init(mn_kv *kv, const mn_kv_shape *s, uint32_t L, uint32_t n_blocks, mn_err *e);
void mn_kv__release(mn_kv *kv);
size_t mn_kv__bytes(const mn_kv_shape *s, uint32_t L); /* of a block in all layers */
static inline void *mn_kv__at(const mn_kv *kv, uint32_t block, size_t layer)
{
    return kv->base + block * kv->block_bytes + layer * kv->layer_bytes;
}
/* A block of one's own; MN_KV_NONE when all are in use. The oldest kept one
 * goes when none is free. */
uint32_t mn_kv__take(mn_kv *kv);
void mn_kv__drop(mn_kv *kv, uint32_t block); /* one reference less */
bool mn_kv__is_own(mn_kv *kv,
                   uint32_t block); /* may be written to: nobody else has it or can find it */
/* The block that holds these MN_KV_BLOCK tokens after the block `before`
 * (MN_KV_NONE: at the beginning), with a reference; MN_KV_NONE when there is
 * none. */
uint32_t mn_kv__find(mn_kv *kv, uint32_t before, const uint32_t *ids);
/* Makes a full block known under its tokens. Returns the block to go on with:
 * another one, with the reference moved, when the same was known already. */
uint32_t mn_kv__offer(mn_kv *kv, uint32_t before, uint32_t block, const uint32_t *ids);
void mn_kv__counts(mn_kv *kv, uint32_t *ret_used, uint32_t *ret_kept);
uint32_t mn_kv__dirty(mn_kv *kv); /* blocks that have memory */

/* ---- engine.c ---------------------------------------------------------------------------------------------------- */

typedef struct mn_engine_layer {
    mn_packed wq, wk, wv, wo, wg, wu, wd;
    float *norm1, *norm2; /* [C] */
} mn_engine_layer;

enum { MN_ACTS = 3 }; /* kinds of mn_act */

/* Where passes are computed and the cache lies: the CPU (forward.c) or a GPU (gpu.h). Chosen when the engine is loaded; `release` belongs to the
 * way alone, what both have is engine.c's. */
struct mn_piece;
typedef struct mn_way {
    /* mn_forward__run's, but for the sequences' lengths. On failure what was written to the cache does not count. */
    mn_rc (*run)(mn_engine *g, const struct mn_piece *p, size_t n, float *logits, mn_err *e);
    void (*copy_block)(mn_engine *g, uint32_t to, uint32_t from); /* of the cache; any thread */
    size_t (*cache_bytes)(mn_engine *g);                          /* what has memory now */
    void (*release)(mn_engine *g); /* what is left of an attempt, too */
} mn_way;
typedef struct mn_engine_gpu mn_engine_gpu;

enum {
    MN_OWN_ROWS = 4,     /* up to so many rows, each thread norms and packs for itself */
    MN_ATTEND_ROWS = 32, /* rows of a part of attention */
};

/* Rows of a sequence that attend together. */
typedef struct mn_attend_item {
    uint32_t piece; /* which sequence */
    uint32_t row, n, pos;
} mn_attend_item;

/* A thread's own memory. */
typedef struct mn_own {
    uint8_t *acts[MN_ACTS]; /* [MN_OWN_ROWS] packed rows, NULL for forms that no matrix takes */
    float *normed;          /* [widest] */
    float *work;            /* of attention */
    const void **blocks;    /* [context / MN_KV_BLOCK] */
    void *all;
} mn_own;

/* What a forward pass writes on its way; belongs to whoever has the turn. R
 * rows at most. */
typedef struct mn_scratch {
    uint32_t R;
    float *x;                   /* [R][C] */
    float *o, *f;               /* [R][H D], [R][F]; in one place */
    float *q, *y, *gu;          /* [R][H D], [R][C], [R][2 F]; in one place, k and v behind q */
    float *k, *v;               /* [R][KV D] */
    unsigned forms;             /* of mn_act, one bit each: which the matrices take */
    uint8_t *acts[MN_ACTS];     /* [R] packed rows of the widest input, NULL for other forms */
    float *all;                 /* what the above point into, but acts */
    uint32_t *ids, *pos, *slot; /* [R] of each row: token, position, block of the cache */
    uint32_t *out; /* [R] which rows go on after the last layer's keys and values */
    mn_attend_item *items, *last_items; /* [R] */
    mn_own *own;                        /* [threads] */
} mn_scratch;

struct mn_engine {
    mn_model *model;
    mn_config cfg;
    uint32_t context, vocab; /* vocab: of the tokenizer; ids from there on are never picked */
    int n_threads;
    const mn_way *way;
    mn_engine_gpu *gpu; /* NULL: the CPU, and what follows up to `norms` is in use */
    mn_team *team;
    const mn_kernels *kernels;
    mn_engine_layer *layers;
    mn_packed head;
    uint8_t *weights;    /* where all of them lie, in the order in which a pass reads them */
    float *norm, *norms; /* norms: what all point into */
    float *
        turn_table; /* [context][D]: cosines, sines; filled up to n_turned, as positions are needed */
    double *angles; /* [D/2] that each position adds */
    uint32_t n_turned;
    size_t bytes; /* of the weights */
    mn_kv kv;
    mn_scratch s;
    uint32_t banned[MN_TOK_SPECIALS]; /* what is a condition in our own models is
                                       never written */
    size_t n_banned;
    pthread_mutex_t guard_lock;
    mn_guard *guard;           /* NULL: none */
    pthread_mutex_t turn_lock; /* whose turn it is, in the order of asking */
    pthread_cond_t turn_cond;
    uint64_t turn_next, turn_now;
};

void mn_engine__turn(mn_engine *g); /* waits for it */
void mn_engine__turn_over(mn_engine *g);

/* ---- scratch.c, forward.c --------------------------------------------------------------------------------------------------- */

typedef enum mn_want { MN_WANT_NOTHING, MN_WANT_LAST, MN_WANT_ALL, MN_WANT_SUM } mn_want;

/* Rows of one sequence that go through the model together. */
typedef struct mn_piece {
    mn_seq *seq;
    const uint32_t *ids;
    uint32_t n;
    mn_want want;
    double *sum; /* [C], MN_WANT_SUM: the final hidden states of the rows are
                  added to it, one after the other */
} mn_piece;

mn_rc mn_forward__scratch(mn_engine *g, mn_err *e);
void mn_forward__scratch_free(mn_engine *g);
/* How many logits rows the pieces ask for. */
size_t mn_forward__rows_out(const mn_piece *p, size_t n);
uint32_t mn_forward__wanted(const mn_piece *p); /* rows that something is asked of */
/* Runs the pieces, all in one pass: at most g->s.R rows, ids checked, positions
 * reserved (mn_seq__reserve), a sequence at most once, pieces with MN_WANT_SUM
 * after all others. logits: [rows_out][V], in the order of pieces. The
 * sequences are longer afterwards. Call it with the turn only.
 * errors  MN_E_IO: the GPU failed; sequences are as long as before. Never on the CPU. */
mn_rc mn_forward__run(mn_engine *g, const mn_piece *p, size_t n, float *logits, mn_err *e);
/* The position table up to n positions. With the turn only. */
void mn_forward__turn_up_to(mn_engine *g, uint32_t n);
extern const mn_way mn_forward__on_cpu;

/* ---- seq.c ------------------------------------------------------------------------------------------------------- */

struct mn_seq {
    mn_engine *g;
    uint32_t len;               /* positions computed */
    uint32_t n_blocks, n_known; /* the first n_known are known to others by their tokens */
    uint32_t *blocks;           /* [context / MN_KV_BLOCK, rounded up] */
    float *logits;              /* what was asked for last */
    size_t logits_rows;
};

mn_rc mn_seq__check(const mn_engine *g, const uint32_t *ids, size_t n, mn_err *e);
/* Makes the next n positions writable; false when the cache is full (nothing is
 * kept of the attempt). */
bool mn_seq__reserve(mn_seq *s, uint32_t n);
/* Finds what the cache already has of the sequence `ids` [n] beyond its length,
 * a whole number of blocks, and at most n - 1 tokens; returns how many tokens
 * that is. Only for sequences that are offered. */
uint32_t mn_seq__share(mn_seq *s, const uint32_t *ids, uint32_t n);
/* Makes its full blocks known; ids: the sequence's tokens from its beginning,
 * at least its length. */
void mn_seq__offer(mn_seq *s, const uint32_t *ids);

/* The mean of rows (their sum does) scaled to length 1. */
void mn_seq__unit(const double *sum, size_t C, float *ret);

/* ---- stream.c: tokens become text -------------------------------------------------------------------------------- */

/* Whole UTF-8 sequences, what can never become one replaced by U+FFFD, nothing
 * of a stop string. */
typedef struct mn_stream {
    const mn_tokenizer *tok;
    bool ours, specials;
    const mn_str *stops; /* borrowed */
    size_t n_stops;
    mn_buf raw;   /* bytes of a UTF-8 sequence that is not whole yet */
    mn_buf text;  /* whole text, not given out yet: its end could be the beginning
                   of a stop string */
    bool stopped; /* a stop string came; text ends before it */
} mn_stream;
void mn_stream__init(mn_stream *st, const mn_tokenizer *t, const mn_str *stops, size_t n_stops);
void mn_stream__release(mn_stream *st);
/* What a token says: "" for most special ones. Borrowed from the tokenizer. */
mn_str mn_stream__text(const mn_stream *st, uint32_t id);
/* Takes a token's text; MN_E_NOMEM, MN_E_LIMIT. */
mn_rc mn_stream__put(mn_stream *st, uint32_t id);
/* No more comes: what is left becomes whole. */
mn_rc mn_stream__end(mn_stream *st);
/* What may be given out now; it stays until mn_stream__given. */
mn_str mn_stream__ready(const mn_stream *st, bool at_end);
void mn_stream__given(mn_stream *st, size_t n);

/* ---- guarded.c: one generation under the engine's guard ---------------------------------------------------------- */

typedef struct mn_guarded {
    mn_guard *guard; /* a reference; NULL: all may be said */
    mn_guard_reader reader;
    const uint32_t *prompt; /* borrowed */
    size_t n_prompt;
} mn_guarded;
void mn_guarded__begin(mn_guarded *x, mn_engine *g, const mn_stream *st, const uint32_t *prompt,
                       size_t n_prompt);
void mn_guarded__release(mn_guarded *x);
/* True: with this token the guard would be broken, the generation ends before it. Else it counts as written. */
bool mn_guarded__stops(mn_guarded *x, const mn_stream *st, uint32_t id);

#endif
