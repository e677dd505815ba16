/* What a scan comes to: its candidates in memory, and their texts in a file. */
#ifndef MN_CORPUS_SPOOL_H
#define MN_CORPUS_SPOOL_H

#include <stdio.h>

#include "corpus/scan.h"

/* A scan that grows; mn_spool_add is a mn_scan_sink. */
typedef struct mn_spool {
    FILE *f;
    mn_scan all;
    uint64_t posts, total;
    mn_corpus_progress progress;
    void *arg;
} mn_spool;
mn_rc mn_spool_open(const char *path, uint64_t total, mn_corpus_progress progress, void *arg,
                    mn_spool *ret, mn_err *e);
mn_rc mn_spool_add(void *spool, const mn_scan *is, mn_str text, size_t posts, mn_err *e);
/* Closes in every case; with MN_OK *ret has all candidates in time order. rc: how it went before, and what is given then */
mn_rc mn_spool_close(mn_spool *s, mn_rc rc, mn_scan *ret, mn_err *e);

/* Reads all live posts (rules) and puts the clean texts of the candidates into the file at spool (made here). The result does not
 * depend on the pool. total: for progress. errors of the store; MN_E_IO, MN_E_NOMEM, MN_E_CANCELLED */
mn_rc mn_corpus_scan(mn_store *store, const char *spool, const mn_scan_rules *rules,
                     mn_pool *pool, uint64_t total, mn_corpus_progress progress, void *arg,
                     mn_scan *ret, mn_err *e);

#endif
