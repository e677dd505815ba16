/* Private to src/infer: running a grammar (grammar_run.c), its cache of masks (grammar_cache.c). */
#ifndef MN_INFER_GRAMMAR_RUN_H
#define MN_INFER_GRAMMAR_RUN_H

#include "infer/grammar_int.h"

#define MN_G_NO_FRAME UINT32_MAX
#define MN_G_RETURN   UINT32_MAX /* count of a frame that is no repetition */

typedef struct mn_gframe {
    uint32_t count; /* runs that a repetition had before this one, or MN_G_RETURN */
    uint32_t below; /* in the pool, or MN_G_NO_FRAME */
    uint32_t height;
    uint32_t hash; /* of it and all below */
    uint32_t rest; /* bytes at least to the end of everything from here down */
    uint16_t pc;   /* where to go on, or the REP */
    uint16_t nest; /* arrays and objects open, from here down */
} mn_gframe;

typedef struct mn_gpool {
    mn_gframe *f;
    uint32_t n, cap;
} mn_gpool;

typedef struct mn_gconf {
    uint16_t pc;
    uint32_t stack; /* frame, or MN_G_NO_FRAME */
} mn_gconf;

/* Configurations at work, one set after the other in c. */
typedef struct mn_gwalk {
    const mn_grammar *g;
    mn_gpool *pool;
    mn_gconf *c;
    size_t n, cap;
    /* What the result of a walk from one configuration depends on, besides its node: the uppermost `touched` frames, and that there is room for `room` more
     * levels of nesting. */
    uint32_t base, height, touched;
    int32_t nest, room;
} mn_gwalk;

mn_rc mn_grammar__pool_push(mn_gpool *p, const mn_gframe *f, uint32_t *ret);
/* Adds to the set that begins at `from` (the last one) all configurations that node pc with this stack stands for.
 * left: only those that can end within so many bytes; MN_G_INF: all */
mn_rc mn_grammar__enter(mn_gwalk *w, uint16_t pc, uint32_t stack, size_t from, uint32_t left);
/* Appends the set that comes of c[from .. to) by a byte; it may be empty. */
mn_rc mn_grammar__step(mn_gwalk *w, size_t from, size_t to, uint8_t byte, uint32_t left);
uint32_t mn_grammar__left(const mn_gwalk *w, size_t from,
                          size_t to); /* bytes to the end at least */
/* Makes the walk note what it depends on, from c on. */
void mn_grammar__walk_begin(mn_gwalk *w, const mn_gconf *c);
/* Sets the bits of the tokens of t that c[from .. to) can take; w and its pool are as before. */
mn_rc mn_grammar__walk(mn_gwalk *w, const mn_gtrie *t, size_t from, size_t to, uint32_t left,
                       uint64_t *mask);

/* ---- masks that were worked out before ------------------------------------------------------------------------- */

typedef struct mn_gmask_stats {
    uint64_t found, made, bytes;
} mn_gmask_stats;
mn_gcache *mn_grammar__cache_new(const mn_grammar *g); /* NULL: out of memory */
void mn_grammar__cache_free(mn_gcache *c);
/* ORs the mask of a configuration into `mask` when it is known. Locks. */
bool mn_grammar__cache_find(mn_gcache *c, const mn_gwalk *w, const mn_gconf *k, uint64_t *mask);
/* Keeps the mask that a walk found; w says what it depended on. Best effort: without memory it is not kept. Locks. */
void mn_grammar__cache_add(mn_gcache *c, const mn_gwalk *w, const mn_gconf *k,
                           const uint64_t *mask);
void mn_grammar__cache_stats(const mn_grammar *g, mn_gmask_stats *ret);

#endif
