/* The search index of a data folder, as `search` and `ask` need it: open and brought up to date. */
#ifndef MN_CMD_INDEX_H
#define MN_CMD_INDEX_H

#include "mind/search.h"

/* Opens DATA/search and follows the store. When another process (the server) keeps the index,
 * opens it read-only and takes what is there. Repairs are told on stderr. */
mn_rc mn_index_open(const mn_home *h, mn_search **ret, mn_err *e);
/* The positionals argv[1..n] joined by blanks; MN_E_USAGE with `what` was expected when there is none. */
mn_rc mn_index_words(int n, char **argv, const char *what, mn_arena *a, mn_str *ret, mn_err *e);
/* --before: an id in decimal; 0 when the option was not given. */
mn_rc mn_index_before(const char *option, uint64_t *ret, mn_err *e);
/* One line of a text: line ends become blanks, cut with "…" after max_bytes. */
mn_rc mn_index_one_line(mn_str text, size_t max_bytes, mn_buf *ret);

#endif
