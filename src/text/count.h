/* How long a text is for the one who writes it. */
#ifndef MN_TEXT_COUNT_H
#define MN_TEXT_COUNT_H

#include "base/str.h"

/* Extended grapheme clusters (UAX 29): what a reader sees as one character. Invalid bytes count one each. Linear time. */
size_t mn_text_graphemes(mn_str text);
/* The same, as Mastodon counts posts: an address (http, https) is 23 whatever its length, a mention with a host counts without
 * it ("@bob@example.org" is 4). */
#define MN_TEXT_URL_CHARACTERS 23
size_t mn_text_characters(mn_str text);

#endif
