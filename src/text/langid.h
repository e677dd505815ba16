/* Language identification: CLD2 on text without URLs, mentions and '#' (research: 7-language mean 94.8 % on tweets). */
#ifndef MN_TEXT_LANGID_H
#define MN_TEXT_LANGID_H

#include <stdbool.h>

#include "base/str.h"

typedef struct mn_lang {
    char code[8]; /* BCP 47 primary tag ("en", "zh-Hant"), "und" when unknown */
    int percent;  /* share of the text in that language, 0..100 */
    bool reliable;
} mn_lang;

/* Total; valid UTF-8 in. Thread-safe, nothing kept. */
mn_lang mn_langid(mn_str text);

#endif
