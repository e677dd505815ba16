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
void mn_scan_release(mn_scan *s);
void mn_scan_clear(mn_scan *s); /* empties it, and keeps its memory */
mn_rc mn_scan_drop(mn_scan *s, uint64_t id, mn_drop why, uint64_t of);
/* What `more` has follows, its texts too. errors MN_E_NOMEM */
mn_rc mn_scan_append(mn_scan *s, const mn_scan *more);

/* What decides on a post beside itself. */
typedef struct mn_scan_rules {
    mn_consents server; /* the server's setting, and the line of the ledger that made it */
    uint64_t server_seq;
    bool keep_handles;
    const uint64_t *only,
        *except; /* sorted ids: only these (NULL: all), and none of those; borrowed */
    size_t n_only, n_except;
} mn_scan_rules;

/* Reads and looks at posts, with a pool's threads. */
typedef struct mn_scanner mn_scanner;
/* at_once: posts of a batch, at most MN_SCAN_BATCH. pool NULL is one thread. Borrows both. errors MN_E_NOMEM */
#define MN_SCAN_BATCH 8192
mn_rc mn_scanner_new(mn_store *store, mn_pool *pool, size_t at_once, mn_scanner **ret,
                     mn_err *e);
void mn_scanner_free(mn_scanner *s);
/* Rules without only and except, with the server's setting as the store has it. */
mn_rc mn_scan_rules_of(mn_store *store, bool keep_handles, mn_scan_rules *ret, mn_err *e);

/* What became of some posts, ids rising: the candidates' texts lie in text; spool_bytes is their length. posts: read. Borrowed. */
typedef mn_rc (*mn_scan_sink)(void *arg, const mn_scan *is, mn_str text, size_t posts,
                              mn_err *e);
/* Calls sink for all live posts of ids in (after, until], batch after batch, on the calling thread. Reading of the next posts overlaps with work on
 * these. What sink gets in all does not depend on pool and batch. errors of the store and of sink; MN_E_NOMEM, MN_E_CANCELLED */
mn_rc mn_scanner_run(mn_scanner *s, const mn_scan_rules *rules, uint64_t after, uint64_t until,
                     mn_scan_sink sink, void *arg, mn_err *e);
/* The same for posts at hand, at most a batch. */
mn_rc mn_scanner_look(mn_scanner *s, const mn_scan_rules *rules, const mn_posts *posts,
                      mn_scan_sink sink, void *arg, mn_err *e);

#endif
