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
/* A text for reading: lines of at most 80 columns, all but the first behind `indent` blanks (the first goes on at
 * column `at`), runs of white space as one blank, control characters left out, cut with "…" after max_lines (0: never).
 * No line end behind the last. Returns the column it ends at. */
size_t mn_index_wrap(mn_str text, size_t at, size_t indent, size_t max_lines, mn_buf *ret);
/* 29 Jan 2011 */
void mn_index_day(int64_t ms, mn_buf *ret);

#endif
