/* What the files of moderation share: pages by id. Private to src/store. */
#ifndef MN_STORE_MODERATION_INT_H
#define MN_STORE_MODERATION_INT_H

#include "store/moderation.h"
#include "store/store_int.h"

/* The two ends of a statement whose WHERE … goes by the column `id`: its own parameters begin at ?4. */
#define PAGE_DOWN(id) " AND " id " < ?1 AND " id " > ?2 ORDER BY " id " DESC LIMIT ?3"
#define PAGE_UP(id)   " AND " id " > ?1 AND " id " < ?2 ORDER BY " id " LIMIT ?3"

typedef void mn_store__bind_fn(mn_stmt *q, const void *arg);
typedef struct mn_store__paged {
    const char *down, *up;   /* ending with PAGE_DOWN and PAGE_UP */
    mn_store__bind_fn *bind; /* NULL: nothing more to bind */
    const void *arg;
    mn_store__row_fn row;
    size_t item_bytes;
} mn_store__paged;
/* The page's rows, newest first. MN_E_LIMIT above MN_STORE_PAGE_MAX. */
mn_rc mn_store__page(mn_store *s, const mn_store__paged *x, const mn_page_ids *p, mn_arena *ar,
                     void **ret, size_t *ret_n, mn_err *e);
/* The row that a statement with ?1 = id gives. */
mn_rc mn_store__by_id(mn_store *s, const char *sql, uint64_t id, mn_store__row_fn row,
                      mn_arena *ar, void *ret, mn_err *e);
/* All rows of a statement with up to two numbers, ?1 and ?2. */
mn_rc mn_store__all2(mn_store *s, const char *sql, uint64_t a, uint64_t b, mn_store__row_fn row,
                     size_t item_bytes, mn_arena *ar, void **ret, size_t *ret_n, mn_err *e);
/* Runs a bound INSERT or UPDATE; when nothing was written: `code` with the message. */
mn_rc mn_store__run_one(mn_stmt *q, mn_rc code, const char *message, mn_err *e);
/* MN_EV_RULES with the commit. */
mn_rc mn_store__rules_changed(mn_tx *tx, mn_err *e);

/* "12,34" as ids, and back. */
mn_rc mn_store__ids_text(const uint64_t *ids, size_t n, mn_buf *ret, mn_err *e);
mn_rc mn_store__ids_read(mn_str text, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);

#endif
