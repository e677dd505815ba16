/* Inside the card: writing what is not trusted, and the parts of the text. */
#ifndef MN_MODEL_CARD_INT_H
#define MN_MODEL_CARD_INT_H

#include "model/card.h"

/* A line that only our cards have. */
#define MN_CARD__MARK                                                                          \
    "<!-- Made by mynah from the files beside it, and made anew with them. -->"

/* A string of YAML, quoted; Markdown text that is nothing but text, also inside a table. Control characters, line ends and characters that change the
 * direction of writing become blanks, bytes that are no UTF-8 U+FFFD. */
void mn_card__yaml(mn_buf *b, mn_str s);
void mn_card__text(mn_buf *b, mn_str s);
void mn_card__count(mn_buf *b, uint64_t n); /* 12345 → "12,345" */
/* false: no finite number there, or not from low to high. */
bool mn_card__number(const mn_json *o, const char *key, double low, double high, double *ret);

void mn_card__head(const mn_card *c, mn_buf *b); /* the front matter */
void mn_card__body(const mn_card *c, mn_buf *b);

#endif
