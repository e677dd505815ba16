/* What posts look like in JSON, kept in memory: the part that is the same for every viewer.
 *
 * An entry is read by many threads and never changed; it goes when the store tells that its subject has changed, when it is
 * older than MN_SHOWN_MS (another process may have written to the same file), or when room is needed. Whoever fills the
 * cache takes a ticket first and hands it in with the entry: one that was overtaken by a change is not kept. */
#ifndef MN_MASTO_SHOWN_H
#define MN_MASTO_SHOWN_H

#include "store/store.h"

#define MN_SHOWN_BYTES (16u << 20)
#define MN_SHOWN_MS    10000

typedef struct mn_shown_entry {
    mn_post post; /* its strings belong to the entry */
    mn_str json;  /* members without braces */
} mn_shown_entry;

typedef struct mn_shown mn_shown;
/* Listens to the store's events until it is freed. bytes_max 0: MN_SHOWN_BYTES. */
mn_rc mn_shown_new(mn_store *s, size_t bytes_max, mn_shown **ret, mn_err *e);
void mn_shown_free(mn_shown *c); /* NULL is fine; every entry must have been given back */

/* Borrowed until mn_shown_done, NULL when it is not here. Thread-safe; about 0.1 µs. */
const mn_shown_entry *mn_shown_get(mn_shown *c, uint64_t id);
void mn_shown_done(mn_shown *c, const mn_shown_entry *x);
/* Before reading what is to be shown. */
uint64_t mn_shown_ticket(mn_shown *c, uint64_t id);
/* Copies; *ret is borrowed like one that was found, whether the cache keeps it or not. */
mn_rc mn_shown_put(mn_shown *c, uint64_t ticket, const mn_post *post, mn_str json,
                   const mn_shown_entry **ret, mn_err *e);

typedef struct mn_shown_stats {
    uint64_t hits, misses, bytes, entries;
} mn_shown_stats;
void mn_shown_stats_get(mn_shown *c, mn_shown_stats *ret);

#endif
