/* What is left out for what it is: spam, templates, drawings, shouting. One post at a time; templates are told by dedup.h,
 * which sees all posts. The figures are in docs/design/corpus.md with what they were measured on. */
#ifndef MN_CORPUS_RULES_H
#define MN_CORPUS_RULES_H

#include "corpus/corpus.h"
#include "corpus/form.h"

#define MN_RULE_MOST_BYTES  65536 /* of the text as it is stored; asked before cleaning */
#define MN_RULE_LEAST_BYTES 6     /* of the normal form: "thanks", two Chinese characters */
#define MN_RULE_MOST_LINKS  5     /* web addresses */
#define MN_RULE_WORD_RUN    6     /* a word so often in a row */
#define MN_RULE_CHAR_RUN    30    /* a character so often in a row */
#define MN_RULE_CAPS_LEAST  20    /* cased letters before shouting counts */

/* The first rule that clean text breaks, or MN_DROP_NONE. form: its normal form. Pure; linear. */
mn_drop mn_corpus_rules(mn_str clean, const mn_form *form);

#endif
