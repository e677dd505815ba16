/* From the store to candidates: gate, cleaning, language, rules, signatures, post by post and in parallel. */
#ifndef MN_CORPUS_SCAN_H
#define MN_CORPUS_SCAN_H

#include "base/thread.h"
#include "corpus/candidates.h"
#include "corpus/pii.h"

/* A post that was left out. */
typedef struct mn_dropped {
    uint64_t id, of;
    mn_drop why;
} mn_dropped;

typedef struct mn_scan {
    mn_cands cands;
    mn_dropped *dropped; /* by the gate and the rules, ids rising */
    size_t n_dropped, cap_dropped;
    uint64_t posts_in;
    uint64_t pii[MN_PII_KINDS]; /* placeholders set, over all candidates */
    uint64_t spool_bytes;
    uint64_t skipped; /* not in `only` */
} mn_scan;

/* Reads all live posts, or those whose ids are in `only` (sorted, NULL: all) and not in `except` (sorted), and appends the clean texts of the
 * candidates to the file at spool (made here). Reading of the next posts overlaps with work on these. The result does not
 * depend on the pool. total: for progress. errors of the store; MN_E_IO, MN_E_NOMEM, MN_E_CANCELLED */
mn_rc mn_corpus_scan(mn_store *store, const char *spool, const uint64_t *only, size_t n_only,
                     const uint64_t *except, size_t n_except, bool keep_handles, mn_pool *pool,
                     uint64_t total, mn_corpus_progress progress, void *arg, mn_scan *ret,
                     mn_err *e);
void mn_scan_release(mn_scan *s);
mn_rc mn_scan_drop(mn_scan *s, uint64_t id, mn_drop why, uint64_t of);

#endif
