/* Engines of a file or a folder, and what they say of a text. */
#ifndef MN_TESTS_INFER_ENGINE_H
#define MN_TESTS_INFER_ENGINE_H

#include <math.h>

#include "test.h"

#include "infer/infer.h"

static inline mn_engine *engine(const char *path, mn_engine_opts o)
{
    mn_err e = {0};
    mn_engine *g = NULL;
    RUN(mn_engine_load(path, &o, &g, &e));
    return g;
}

/* The logits of all n rows, fed in pieces of `piece`: the caller's to free. */
static inline float *logits_of(mn_engine *g, const uint32_t *ids, size_t n, size_t piece)
{
    mn_err e = {0};
    mn_seq *s;
    const float *l;
    const size_t V = mn_engine_vocab(g);
    float *all = calloc(n * V, sizeof *all);
    RUN(mn_seq_new(g, &s, &e));
    for (size_t at = 0; at < n; at += piece) {
        size_t m = n - at < piece ? n - at : piece;
        RUN(mn_seq_feed_all(s, ids + at, m, &l, &e));
        memcpy(all + at * V, l, m * V * sizeof *l);
    }
    mn_seq_free(s);
    return all;
}

/* The largest difference as a share of b's largest value; NaN where one is. */
static inline double apart(const float *a, const float *b, size_t n)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)b[i]) > largest) largest = fabs((double)b[i]);
    }
    return most / largest;
}

#endif
