/* A post on its way through the stages, and sorting. */
#ifndef MN_CORPUS_CANDIDATES_H
#define MN_CORPUS_CANDIDATES_H

#include "corpus/corpus.h"
#include "corpus/minhash.h"

/* What is kept in memory of a post that passed the gate and the rules; its clean text is in the spool. After the scan
 * the candidates stand in order of (created_ms, id), so a lower index is an earlier post. */
typedef struct mn_cand {
    uint64_t id, author, thread, reply_to, quote_of, consent_rev;
    int64_t created_ms;
    uint64_t text_at; /* in the spool */
    uint32_t text_len;
    uint32_t lang;    /* token id, MN_TOK_LANG0 + … */
    uint64_t form[2]; /* hash of the normal form */
    uint64_t opening; /* hash of author and the form's first words */
    uint32_t form_n;  /* code points of the normal form */
    uint32_t
        bands[MN_BANDS]; /* MinHash band keys when form_n ≥ MN_MIN_FORM; later group numbers */
    uint8_t drop;        /* mn_drop */
    bool old;            /* it was in a corpus before this one: never held out (slice.h) */
    uint64_t of;         /* the post it is a copy of */
} mn_cand;

typedef struct mn_cands {
    mn_cand *items;
    size_t n, cap;
} mn_cands;
mn_rc mn_cands_add(mn_cands *c, const mn_cand *x);
void mn_cands_release(mn_cands *c);
/* Puts them into time order. errors MN_E_NOMEM */
mn_rc mn_cands_order(mn_cands *c);

/* A key and what it belongs to. */
typedef struct mn_keyed {
    uint64_t key, val;
} mn_keyed;
/* Sorts by key, stable (radix); tmp has room for n. */
void mn_keyed_sort(mn_keyed *a, mn_keyed *tmp, size_t n);
/* Two arrays of n at once for sorting; NULL when out of memory, free with mn_free. The second begins at [n]. */
mn_keyed *mn_keyed_new(size_t n);
/* The val of a key in a sorted array, UINT64_MAX when absent. */
uint64_t mn_keyed_find(const mn_keyed *a, size_t n, uint64_t key);

#endif
