#include "model/scores.h"

#include <math.h>
#include <stdbool.h>

#include "base/err.h"

typedef struct counts {
    size_t right, gold, said; /* right: true and said */
} counts;

static counts count(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t label)
{
    counts c = {0};
    for (size_t i = 0; i < n; i++) {
        MN_ASSERT(gold[i] < MN_SCORE_LABELS && said[i] < MN_SCORE_LABELS);
        c.gold += gold[i] == label;
        c.said += said[i] == label;
        c.right += gold[i] == label && said[i] == label;
    }
    return c;
}

double mn_score_accuracy(const uint8_t *gold, const uint8_t *said, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) right += gold[i] == said[i];
    return n ? (double)right / (double)n : 0;
}

double mn_score_f1(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t label)
{
    counts c = count(gold, said, n, label);
    return c.gold + c.said ? 2 * (double)c.right / (double)(c.gold + c.said) : 0;
}

double mn_score_recall(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t label)
{
    counts c = count(gold, said, n, label);
    return c.gold ? (double)c.right / (double)c.gold : 0;
}

static double mean(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t n_labels,
                   double (*score)(const uint8_t *, const uint8_t *, size_t, uint8_t))
{
    double sum = 0;
    size_t occur = 0;
    for (uint8_t label = 0; label < n_labels; label++) {
        counts c = count(gold, said, n, label);
        if (!c.gold && !c.said) continue;
        sum += score(gold, said, n, label);
        occur++;
    }
    return occur ? sum / (double)occur : 0;
}

double mn_score_macro_f1(const uint8_t *gold, const uint8_t *said, size_t n, uint8_t n_labels)
{
    return mean(gold, said, n, n_labels, mn_score_f1);
}

double mn_score_macro_recall(const uint8_t *gold, const uint8_t *said, size_t n,
                             uint8_t n_labels)
{
    return mean(gold, said, n, n_labels, mn_score_recall);
}

void mn_score_bounds(uint64_t hits, uint64_t n, double *ret_low, double *ret_high)
{
    const double z = 1.959963984540054, N = (double)n;
    *ret_low = 0, *ret_high = 1;
    if (!n) return;
    const double p = (double)hits / N, of = 1 + z * z / N;
    const double mid = (p + z * z / (2 * N)) / of;
    const double half = z * sqrt(p * (1 - p) / N + z * z / (4 * N * N)) / of;
    if (hits) *ret_low = fmax(0, mid - half);
    if (hits < n) *ret_high = fmin(1, mid + half);
}
