/* One way to write each text.
 *
 * Unicode NFC; line ends as LF; control characters, byte-order marks, invisible and private-use code points dropped;
 * every kind of blank a space; runs of blanks one space, none at the ends of lines; at most one empty line in a row;
 * HTML leftovers undone (character references decoded once, tags of running text removed, <br> and <p> made line ends).
 * Joiners (U+200C, U+200D) stay between letters or emoji that need them; flags made of tag characters stay whole.
 */
#ifndef MN_CORPUS_NORMALISE_H
#define MN_CORPUS_NORMALISE_H

#include "base/str.h"
#include "corpus/offsets.h"

#define MN_NORMALISE_MAX (16u << 20) /* bytes of one text */

/* Appends the normalised text to ret; map (may be NULL) is cleared and filled: ret's bytes, counted from where it was
 * appended, to text's bytes. Total over any bytes (what is not UTF-8 becomes U+FFFD); linear time; pure.
 * errors MN_E_LIMIT text over MN_NORMALISE_MAX or ret full, MN_E_NOMEM */
mn_rc mn_corpus_normalise(mn_str text, mn_buf *ret, mn_offsets *map);

#endif
