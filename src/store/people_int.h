/* What the files about people, notifications and profiles share. Private to src/store. */
#ifndef MN_STORE_PEOPLE_INT_H
#define MN_STORE_PEOPLE_INT_H

#include "store/people.h"
#include "store/store_int.h"

/* MN_E_LIMIT when a page is too long. */
mn_rc mn_store__bounds(mn_bounds b, mn_err *e);
/* The same as a span of mn_store__page_of. */
static inline mn_store__span mn_store__span_of(mn_bounds b)
{
    return (mn_store__span){b.before, b.after ? b.after : b.since, b.limit, b.after != 0};
}
/* The parameters `first`: ids below it, then: ids above it, then: the limit. */
void mn_store__bind_bounds(mn_stmt *q, int first, mn_bounds b);

/* Words by which people are found: parts of a name in letters and digits, ASCII, Latin, Greek and Cyrillic capitals made
 * small, each cut to MN_WORD_MAX bytes. */
#define MN_WORD_MAX  32
#define MN_WORDS_MAX 8
typedef struct mn_words {
    size_t n, len[MN_WORDS_MAX];
    char text[MN_WORDS_MAX][MN_WORD_MAX];
} mn_words;
void mn_store__words(mn_str text, mn_words *ret);
/* Enters the words of a display name instead of those there were; "" takes them out. */
mn_rc mn_store__words_set(mn_tx *tx, uint64_t account, mn_str display_name, mn_err *e);

#endif
