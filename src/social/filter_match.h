/* Which of many words a text holds: one pass over the text, whatever the number of words. */
#ifndef MN_SOCIAL_FILTER_MATCH_H
#define MN_SOCIAL_FILTER_MATCH_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define MN_WORDS_BYTES_MAX (1u << 20) /* of all words together */

/* A keyword as members write it in filters. Compared without regard to case; whole_word: where it begins (ends) with a letter,
 * number, mark or underscore, none of these may stand before (behind) it, as Mastodon matches. */
typedef struct mn_word {
    mn_str text;
    bool whole_word;
} mn_word;

typedef struct mn_words mn_words;
/* Compiles n words; empty ones match nothing. Copies what it needs. Gives.
 * errors MN_E_LIMIT more than MN_WORDS_BYTES_MAX; MN_E_NOMEM */
mn_rc mn_words_new(const mn_word *words, size_t n, mn_words **ret, mn_err *e);
void mn_words_free(mn_words *w); /* NULL is fine */
size_t mn_words_bytes(const mn_words *w);
/* found[i] (n of mn_words_new, set to false by the caller) becomes true where word i stands in the text. Total over any bytes;
 * those that are no UTF-8 match nothing. Thread-safe.
 * cost linear in the text and the number of places where a word stands; the words count once, when compiling
 * source Aho & Corasick 1975 */
void mn_words_find(const mn_words *w, mn_str text, bool *found);

#endif
