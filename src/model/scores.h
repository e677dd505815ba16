/* How well labels were guessed: the measures of TweetEval, from what is true and what was said. Labels are below MN_SCORE_LABELS.
 * Precision, recall and F1 of a label that nobody has and nobody was given are 0, and means over labels leave it out: what scikit-learn's
 * classification report does. */
#ifndef MN_MODEL_SCORES_H
#define MN_MODEL_SCORES_H

#include <stddef.h>
#include <stdint.h>

#define MN_SCORE_LABELS 64u

/* All of n > 0. 2 tp / (2 tp + fp + fn); tp / (tp + fn). */
double mn_score_accuracy(const uint8_t *gold, const uint8_t *said, size_t n);
double mn_score_f1(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t label);
double mn_score_recall(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t label);
/* Means over the labels below n_labels that occur in either. */
double mn_score_macro_f1(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t n_labels);
double mn_score_macro_recall(const uint8_t *gold, const uint8_t *said, size_t n,
                             uint8_t n_labels);

/* Where the true share lies, from hits of n tries, 19 times in 20: Wilson's interval. 0 to 1 for n = 0.
 * source  Wilson, JASA 22 (1927) */
void mn_score_bounds(uint64_t hits, uint64_t n, double *ret_low, double *ret_high);

#endif
