/* Choosing a token. Candidates are sorted by logit, then id, so that equal logits never depend on the sort. */
#include "infer/infer.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

typedef struct candidate {
    float logit;
    uint32_t id;
} candidate;

mn_rc mn_sampler_init(mn_sampler *s, const mn_sampling *p, uint32_t V, mn_err *e)
{
    if (!(p->temperature >= 0 && p->temperature <= 10))
        return mn_fail(e, MN_E_USAGE, "the temperature should be from 0 to 10, not %g",
                       (double)p->temperature);
    if (!(p->top_p > 0 && p->top_p <= 1))
        return mn_fail(e, MN_E_USAGE, "top-p should be above 0 and at most 1, not %g",
                       (double)p->top_p);
    void *work = mn_calloc(V, sizeof(candidate));
    if (!work) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *s = (mn_sampler){*p, 0, V, work};
    return MN_OK;
}

void mn_sampler_release(mn_sampler *s)
{
    mn_free(s->work);
    *s = (mn_sampler){0};
}

static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool is_banned(uint32_t id, const uint32_t *banned, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (banned[i] == id) return true;
    return false;
}

/* Every token that may be picked and is a number; at least one, or 0. */
static size_t gather(const mn_sampler *s, const float *logits, const uint32_t *banned,
                     size_t n_banned)
{
    candidate *c = s->work;
    size_t n = 0;
    for (uint32_t i = 0; i < s->V; i++) {
        if (isnan(logits[i]) || is_banned(i, banned, n_banned)) continue;
        c[n++] = (candidate){logits[i], i};
    }
    return n;
}

static uint32_t best_of(const candidate *c, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (c[i].logit > c[best].logit) best = i;
    return n ? c[best].id : 0;
}

/* Probabilities in place of logits; returns their sum. c is sorted, so the first is the largest. */
static double soften(candidate *c, size_t n, float temperature)
{
    double sum = 0;
    float max = c[0].logit;
    for (size_t i = 0; i < n; i++) sum += c[i].logit = expf((c[i].logit - max) / temperature);
    return sum;
}

uint32_t mn_sampler_pick(mn_sampler *s, const float *logits, const uint32_t *banned,
                         size_t n_banned)
{
    candidate *c = s->work;
    size_t n = gather(s, logits, banned, n_banned);
    uint64_t bits = mn_rand_at(s->p.seed, 0x73616d70, s->step++);
    if (s->p.temperature == 0 || n < 2) return best_of(c, n);
    qsort(c, n, sizeof *c, by_logit);
    if (s->p.top_k && n > s->p.top_k) n = s->p.top_k;
    double sum = soften(c, n, s->p.temperature), kept = 0;
    size_t m = 0;
    while (m < n && (m == 0 || kept < (double)s->p.top_p * sum)) kept += c[m++].logit;
    double at = mn_rand_unit(bits) * kept;
    for (size_t i = 0; i < m; i++) {
        at -= c[i].logit;
        if (at < 0) return c[i].id;
    }
    return c[m - 1].id;
}
