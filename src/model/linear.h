/* A small classifier of texts with two labels: a logistic regression on hashed words, pairs of words and runs of letters. It knows nothing of any
 * language model, so it may judge what one wrote. Learnt in seconds from labelled texts; nothing is kept.
 *
 * What was put in a name's or an address' place (@user, [link], http…) is passed over, so texts cleaned in different ways compare.
 *
 * numbers  the same (texts, labels, seed) give the same scores on one machine
 * source   features as in Joulin et al. 2017, arXiv:1607.01759; AdaGrad: Duchi et al., JMLR 12 (2011) */
#ifndef MN_MODEL_LINEAR_H
#define MN_MODEL_LINEAR_H

#include "base/err.h"
#include "base/str.h"

#define MN_LINEAR_TEXT_MAX 2048u /* bytes of a text that are read, from its beginning */

typedef struct mn_linear mn_linear;
/* labels [n]: 1, or anything else for the other label. Fifths of the texts are held back first, one after the other, to find the threshold at which as
 * many are judged 1 as are; then all are learnt from. So the share judged 1 is, on texts like these, neither too high nor too low.
 * errors MN_E_LIMIT (fewer than 50 texts of either label), MN_E_CANCELLED, MN_E_NOMEM */
mn_rc mn_linear_learn(const mn_str *texts, const uint8_t *labels, size_t n, uint64_t seed,
                      mn_linear **ret, mn_err *e);
void mn_linear_free(mn_linear *c); /* NULL is fine */
/* Between 0 and 1: how likely label 1 is. Total over any bytes. Not thread-safe: c has room to work in. */
double mn_linear_score(mn_linear *c, mn_str text);
/* A score of at least this is judged 1. */
double mn_linear_threshold(const mn_linear *c);

#endif
