/* The normal form: what two posts have in common when people would call them the same.
 *
 * Placeholders and @handles gone, lower case, every digit '0', letters and marks kept, everything else (punctuation,
 * emoji, blanks) one space between words. A sequence of code points; shingles, hashes and rules work on it.
 */
#ifndef MN_CORPUS_FORM_H
#define MN_CORPUS_FORM_H

#include "base/str.h"

/* Zero-initialise; reused from post to post. */
typedef struct mn_form {
    uint32_t *cp;
    size_t n, cap;
} mn_form;

void mn_form_release(mn_form *f);
/* Fills f from clean text. Pure; linear. errors MN_E_NOMEM */
mn_rc mn_form_of(mn_str clean, mn_form *f);
/* 128 bits that tell forms apart. */
void mn_form_hash(const mn_form *f, uint64_t ret[2]);
/* Length of the first n words (all of it when there are fewer). */
size_t mn_form_words(const mn_form *f, size_t n);
/* Bytes the form has as UTF-8. */
size_t mn_form_bytes(const mn_form *f);

#endif
