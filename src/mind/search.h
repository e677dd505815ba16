/* Search: BM25 over an inverted index of our own, fed from the store's change feed, durable,
 * visibility respected.
 *
 * DATA/search/ holds immutable segments (mapped, checksummed) and a manifest written atomically
 * that names them and the last `rev` they cover. Opening replays what the store has since. Only
 * posts that anybody may see and whose author lets them be searched (mn_social_allows, `search`)
 * are in the index; an edit, deletion or consent change takes effect with the next
 * mn_search_update. docs/design/search.md describes bytes and invariants.
 */
#ifndef MN_MIND_SEARCH_H
#define MN_MIND_SEARCH_H

#include "social/social.h"

typedef struct mn_search mn_search;

/* One process may update (a lock file); others open read_only. A damaged segment is said, set aside and rebuilt from
 * the store. */
mn_rc mn_search_open(const char *dir, mn_store *s, bool read_only, mn_search **ret, mn_err *e);
void mn_search_close(mn_search *x);
/* Follows the store to its last rev; makes segments durable and merges them. *ret_n (may be
 * NULL): posts looked at. One at a time; queries go on meanwhile and see the old or the new
 * state. Read-only: takes up what the writer has made since. */
mn_rc mn_search_update(mn_search *x, uint64_t *ret_n, mn_err *e);
uint64_t mn_search_count(const mn_search *x); /* live documents */
/* What opening found wrong and set right ("…; the search index is made again"), for the caller
 * to show; "" when nothing. */
const char *mn_search_notice(const mn_search *x);

#define MN_SEARCH_LIMIT_MAX 10000

typedef struct mn_hit {
    uint64_t id;
    double score;
} mn_hit;
typedef struct mn_query_opts {
    uint64_t before; /* only ids ≤ before; 0: no bound */
    size_t limit;    /* ≤ MN_SEARCH_LIMIT_MAX (else MN_E_USAGE); 0: 50 */
    bool expand;     /* pseudo-relevance feedback (RM3) */
} mn_query_opts;
/* Best first; ties by higher id. A query without any term that is in the index gives no hits. Posts that the store does
 * not have any more (deleted, or of an undone import) are left out even before the next update. Thread-safe. */
mn_rc mn_search_query(mn_search *x, mn_str query, const mn_query_opts *o, mn_arena *a,
                      mn_hit **ret, size_t *ret_n, mn_err *e);
/* The newest posts that hold all of the words, newest first: ids below `before` (0: no bound), at most limit
 * (≤ MN_SEARCH_LIMIT_MAX, else MN_E_USAGE). Words are compared as the index has them. No words find nothing. What was deleted
 * since the last update may be among them: look in the store. Thread-safe. */
mn_rc mn_search_match(mn_search *x, mn_str words, uint64_t before, size_t limit, mn_arena *a,
                      uint64_t **ret, size_t *ret_n, mn_err *e);

#endif
