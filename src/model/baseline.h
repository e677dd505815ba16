/* What a general compressor makes of a text: the line that a language model has to get under. */
#ifndef MN_MODEL_BASELINE_H
#define MN_MODEL_BASELINE_H

#include "base/err.h"
#include "base/str.h"

#define MN_XZ_TEXT_MAX (4u << 20) /* bytes; of a longer text the beginning stands for all */

/* Bits per byte of `text` as an .xz file of preset 9 extreme (`xz -9e`), its headers included.
 * memory about eleven times the text, at most 50 MB; cost about a second a megabyte
 * errors MN_E_LIMIT for an empty text, MN_E_NOMEM */
mn_rc mn_xz_bits_per_byte(mn_str text, double *ret, mn_err *e);

#endif
