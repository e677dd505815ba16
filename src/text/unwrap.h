/* Joining prose that was wrapped by hand at a fixed width, as in fortune files and old mail. */
#ifndef MN_TEXT_UNWRAP_H
#define MN_TEXT_UNWRAP_H

#include "base/str.h"

/* Appends text with those line breaks turned into blanks that only a fixed width had put there: the line before is at least
 * 50 columns wide, and the next one goes on with a small letter or its first word would have made the line wider than the
 * text's widest. A break stays before an empty or indented line, a list item, a quoted line or an attribution ("-- ",
 * dashes), and after an indented line; so verse, dialogue and attributions keep their lines. Total over any bytes; columns
 * are code points. */
mn_rc mn_text_unwrap(mn_str text, mn_buf *ret);

#endif
