/* Exposure. The tail of the skew-normal is an integral taken in logarithms, so that it is right where its value is below any
 * double; the fit is Nelder and Mead's simplex over (loc, log scale, shape) from the moments' solution. */
#include "model/exposure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOG_2PI   1.8378770664093453
#define INTERVALS 4000
#define ROUNDS    400

double mn_exposure(double x, const double *refs, size_t n)
{
    size_t rank = 1;
    MN_ASSERT(n > 0);
    for (size_t i = 0; i < n; i++) rank += refs[i] < x;
    return log2((double)n) - log2((double)rank);
}

/* ---- the distribution ---------------------------------------------------------------------------------------------- */

/* log of the normal distribution function */
static double log_phi(double t)
{
    if (t > -30) return log(0.5 * erfc(-t / sqrt(2)));
    return -t * t / 2 - log(-t) - LOG_2PI / 2 + log1p(-1 / (t * t));
}

/* log density in z, scale 1 */
static double log_density(double z, double shape)
{
    return log(2) - z * z / 2 - LOG_2PI / 2 + log_phi(shape * z);
}

/* How far below z the density is still of account: it is log-concave, so it falls at least as fast as it does at z. */
static double reach(double z, double shape)
{
    double rate =
        -z + shape * exp(-LOG_2PI / 2 - shape * shape * z * z / 2 - log_phi(shape * z));
    double far = z > 0 ? z + 12 : 12;
    return rate * far > 45 ? 45 / rate : far;
}

double mn_skew_normal_log2_cdf(const mn_skew_normal *s, double x)
{
    const double z = (x - s->loc) / s->scale, h = reach(z, s->shape) / INTERVALS;
    double top = -INFINITY, sum = 0;
    for (int i = 0; i <= INTERVALS; i++) top = fmax(top, log_density(z - i * h, s->shape));
    for (int i = 0; i <= INTERVALS; i++) { /* Simpson's rule */
        double weight = i == 0 || i == INTERVALS ? 1 : i % 2 ? 4 : 2;
        sum += weight * exp(log_density(z - i * h, s->shape) - top);
    }
    double log_cdf = top + log(sum * h / 3);
    return log_cdf < 0 ? log_cdf / log(2) : 0;
}

/* ---- fitting it -------------------------------------------------------------------------------------------------------- */

typedef struct sample {
    const double *x;
    size_t n;
} sample;
typedef struct point { /* loc, log scale, shape; and what it costs */
    double at[3], cost;
} point;

static double cost_of(const sample *s, const double at[3])
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum -= log_density((s->x[i] - at[0]) * exp(-at[1]), at[2]) - at[1];
    return isfinite(sum) ? sum : INFINITY;
}

static mn_rc by_moments(const sample *s, double ret[3], mn_err *e)
{
    double mean = 0, m2 = 0, m3 = 0;
    const double n = (double)s->n;
    for (size_t i = 0; i < s->n; i++) mean += s->x[i] / n;
    for (size_t i = 0; i < s->n; i++) {
        double d = s->x[i] - mean;
        m2 += d * d / n, m3 += d * d * d / n;
    }
    if (s->n < 8 || !(m2 > 1e-24 * mean * mean) || !isfinite(m2)) /* rounding is not spread */
        return mn_fail(e, MN_E_LIMIT,
                       "no distribution fits %zu references: expected eight or more, not all "
                       "equal",
                       s->n);
    double skew = m3 / pow(m2, 1.5), a = pow(fabs(skew), 2.0 / 3),
           b = pow((4 - M_PI) / 2, 2.0 / 3);
    double delta = sqrt(M_PI / 2 * a / (a + b));
    if (delta > 0.99) delta = 0.99; /* more than any has */
    delta = copysign(delta, skew);
    double scale = sqrt(m2 / (1 - 2 * delta * delta / M_PI));
    ret[0] = mean - scale * delta * sqrt(2 / M_PI);
    ret[1] = log(scale);
    ret[2] = delta / sqrt(1 - delta * delta);
    return MN_OK;
}

static int by_cost(const void *a, const void *b)
{
    const point *x = a, *y = b;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

/* From the worst corner through the middle of the others: 1 mirrors it, 2 goes on, -0.5 comes back. */
static point toward(const sample *s, const point p[4], double by)
{
    point q;
    for (int k = 0; k < 3; k++) {
        double middle = (p[0].at[k] + p[1].at[k] + p[2].at[k]) / 3;
        q.at[k] = middle + by * (middle - p[3].at[k]);
    }
    q.cost = cost_of(s, q.at);
    return q;
}

static void shrink(const sample *s, point p[4])
{
    for (int i = 1; i < 4; i++) {
        for (int k = 0; k < 3; k++) p[i].at[k] = (p[0].at[k] + p[i].at[k]) / 2;
        p[i].cost = cost_of(s, p[i].at);
    }
}

static void descend(const sample *s, point p[4])
{
    for (int round = 0; round < ROUNDS; round++) {
        qsort(p, 4, sizeof *p, by_cost);
        if (p[3].cost - p[0].cost < 1e-10 * (fabs(p[0].cost) + 1)) return;
        point mirrored = toward(s, p, 1), best = mirrored;
        if (mirrored.cost < p[0].cost) {
            point on = toward(s, p, 2);
            if (on.cost < mirrored.cost) best = on;
        } else if (mirrored.cost >= p[2].cost) {
            best = toward(s, p, -0.5);
        }
        if (best.cost < p[3].cost) p[3] = best;
        else shrink(s, p);
    }
    qsort(p, 4, sizeof *p, by_cost);
}

mn_rc mn_skew_normal_fit(const double *x, size_t n, mn_skew_normal *ret, mn_err *e)
{
    const sample s = {x, n};
    point p[4];
    MN_TRY(by_moments(&s, p[0].at, e));
    for (int i = 1; i < 4; i++) memcpy(p[i].at, p[0].at, sizeof p[i].at);
    p[1].at[0] += 0.2 * exp(p[0].at[1]), p[2].at[1] += 0.2, p[3].at[2] += 0.5;
    for (int i = 0; i < 4; i++) p[i].cost = cost_of(&s, p[i].at);
    descend(&s, p);
    *ret = (mn_skew_normal){p[0].at[0], exp(p[0].at[1]), p[0].at[2]};
    return MN_OK;
}

/* ---- two samples --------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where v stands in sorted[n]: the mean of the ranks of its equals, from 1; *ret_n: how many they are. */
static double rank_of(double v, const double *sorted, size_t n, size_t *ret_n)
{
    size_t lo = 0, hi = n, first;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (sorted[mid] < v) lo = mid + 1;
        else hi = mid;
    }
    for (first = lo; lo < n && !(sorted[lo] > v);) lo++;
    *ret_n = lo - first;
    return (double)(first + lo + 1) / 2;
}

double mn_rank_sum_z(const double *a, size_t n, const double *b, size_t m, double *work)
{
    const double N = (double)(n + m);
    double sum = 0, ties = 0;
    size_t equals;
    memcpy(work, a, n * sizeof *a);
    memcpy(work + n, b, m * sizeof *b);
    qsort(work, n + m, sizeof *work, by_value);
    for (size_t i = 0; i < n; i++) sum += rank_of(a[i], work, n + m, &equals);
    for (size_t i = 0; i < n + m; i += equals) {
        rank_of(work[i], work, n + m, &equals);
        double t = (double)equals;
        ties += t * t * t - t;
    }
    double spread = (double)n * (double)m / 12 * (N + 1 - ties / (N * (N - 1)));
    return spread > 0 ? (sum - (double)n * (N + 1) / 2) / sqrt(spread) : 0;
}
