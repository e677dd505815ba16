/* What a model remembers of a planted sentence: how far down it stands among sentences of the same pattern that it never saw.
 *
 *   exposure = log2(number of references) - log2(rank),    rank = 1 + number of references that the model finds likelier
 *
 * Chance gives 1.44 bits in the mean (the rank is anywhere); nothing remembered beyond chance, nothing leaked. With n references it is at most
 * log2(n): beyond, it is read off a skew-normal distribution fitted to the references' values.
 * source  Carlini et al. 2019, arXiv:1802.08232. docs/design/evaluation.md */
#ifndef MN_MODEL_EXPOSURE_H
#define MN_MODEL_EXPOSURE_H

#include <stddef.h>

#include "base/err.h"

#define MN_EXPOSURE_CHANCE 1.4426950408889634 /* bits, in the mean: log2(e) */

/* x and refs[n] are bits (or perplexities: only their order counts), n > 0. Between log2(n / (n + 1)) and log2(n). */
double mn_exposure(double x, const double *refs, size_t n);

/* Density 2 / scale phi(z) Phi(shape z), z = (x - loc) / scale. */
typedef struct mn_skew_normal {
    double loc, scale, shape;
} mn_skew_normal;
/* The likeliest for x[n]. errors MN_E_LIMIT: fewer than 8 values, or all equal. Nothing is allocated */
mn_rc mn_skew_normal_fit(const double *x, size_t n, mn_skew_normal *ret, mn_err *e);
/* log2 of the probability of a value below x; right to about 1e-6 relative however small it is. */
double mn_skew_normal_log2_cdf(const mn_skew_normal *s, double x);
/* As mn_exposure, without its bound. */
static inline double mn_exposure_beyond(double x, const mn_skew_normal *s)
{
    return -mn_skew_normal_log2_cdf(s, x);
}

/* Whether a[n] lie lower than b[m] (Wilcoxon's rank sum, ties by their mean rank): standard deviations from what chance gives, below 0 when they
 * do. Two-sided 5 %: beyond 1.96. 0 when all are equal. work: room for n + m doubles. */
double mn_rank_sum_z(const double *a, size_t n, const double *b, size_t m, double *work);

#endif
