/* Sampling: which token comes next, given the model's logits.
 *
 * What changes the logits comes first (repetition, presence and frequency penalties, bias, what may not be picked), then
 * temperature, top-k, top-p over what top-k left, min-p; then one draw from the counter-based generator at (seed, how many were
 * taken). Only the head of the distribution is ever sorted: candidates are gathered above a threshold that is lowered until
 * what the cuts need is there.
 *
 * The exponential is a polynomial of our own: the same bits whatever the C library, and fast in a plain loop. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "infer/infer.h"

typedef struct candidate {
    float p;
    uint32_t id;
} candidate;

struct mn_sampler {
    mn_sampling p;
    mn_bias *bias; /* owned */
    uint64_t step; /* tokens taken */
    uint32_t V;
    float *l; /* [V] logits as changed, then probabilities; NULL when a pick never needs them */
    candidate *heads; /* [V] */
    uint32_t *
        seen; /* [V] how often this generation wrote it, times 2, plus 1 when the prompt has it; NULL without penalties */
};

/* ---- a new one --------------------------------------------------------------------------------------------------- */

static bool in_range(float x, float from, float to)
{
    return x >= from && x <= to; /* not for NaN */
}

static mn_rc check(const mn_sampling *p, uint32_t V, mn_err *e)
{
    if (!in_range(p->temperature, 0, 10))
        return mn_fail(e, MN_E_USAGE, "temperature %g: expected 0 to 10",
                       (double)p->temperature);
    if (!in_range(p->top_p, 0, 1) || p->top_p == 0)
        return mn_fail(e, MN_E_USAGE, "top-p %g: expected more than 0, at most 1",
                       (double)p->top_p);
    if (!in_range(p->min_p, 0, 1))
        return mn_fail(e, MN_E_USAGE, "min-p %g: expected 0 to 1", (double)p->min_p);
    if (!in_range(p->presence, -2, 2) || !in_range(p->frequency, -2, 2))
        return mn_fail(e, MN_E_USAGE,
                       "presence penalty %g, frequency penalty %g: expected -2 to 2",
                       (double)p->presence, (double)p->frequency);
    if (!in_range(p->repetition, 0, 10) || (p->repetition > 0 && p->repetition < 0.01f))
        return mn_fail(e, MN_E_USAGE, "repetition penalty %g: expected 0.01 to 10, or 0",
                       (double)p->repetition);
    for (size_t i = 0; i < p->n_bias; i++) {
        if (p->bias[i].id >= V)
            return mn_fail(e, MN_E_USAGE,
                           "bias for token %u, which is outside the vocabulary of %u",
                           p->bias[i].id, V);
        if (!in_range(p->bias[i].add, -1000, 1000))
            return mn_fail(e, MN_E_USAGE, "bias %g for token %u: expected -1000 to 1000",
                           (double)p->bias[i].add, p->bias[i].id);
    }
    return MN_OK;
}

static bool has_penalties(const mn_sampling *p)
{
    return p->presence != 0 || p->frequency != 0 || (p->repetition != 0 && p->repetition != 1);
}

static bool reserve(mn_sampler *s)
{
    const mn_sampling *p = &s->p;
    bool draws = p->temperature > 0, changes = p->n_bias || has_penalties(p);
    if (draws || changes) s->l = mn_alloc((size_t)s->V * sizeof *s->l);
    if (draws) s->heads = mn_alloc((size_t)s->V * sizeof *s->heads);
    if (has_penalties(p)) s->seen = mn_calloc(s->V, sizeof *s->seen);
    if (p->n_bias) s->bias = mn_calloc(p->n_bias, sizeof *s->bias);
    return (s->l || !(draws || changes)) && (s->heads || !draws) &&
           (s->seen || !has_penalties(p)) && (s->bias || !p->n_bias);
}

mn_rc mn_sampler_new(const mn_sampling *p, uint32_t V, mn_sampler **ret, mn_err *e)
{
    MN_TRY(check(p, V, e));
    mn_sampler *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory for sampling");
    s->p = *p;
    s->V = V;
    if (!reserve(s)) {
        mn_sampler_free(s);
        return mn_fail(e, MN_E_NOMEM, "out of memory for sampling");
    }
    if (p->n_bias) memcpy(s->bias, p->bias, p->n_bias * sizeof *s->bias);
    s->p.bias = s->bias;
    *ret = s;
    return MN_OK;
}

void mn_sampler_free(mn_sampler *s)
{
    if (!s) return;
    mn_free(s->l);
    mn_free(s->heads);
    mn_free(s->seen);
    mn_free(s->bias);
    mn_free(s);
}

void mn_sampler_saw(mn_sampler *s, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; s->seen && i < n; i++)
        if (ids[i] < s->V) s->seen[ids[i]] |= 1;
}

void mn_sampler_took(mn_sampler *s, uint32_t id)
{
    s->step++;
    if (s->seen && id < s->V) s->seen[id] += 2;
}

/* ---- the logits as changed --------------------------------------------------------------------------------------- */

static void penalise(const mn_sampler *s, float *l)
{
    const mn_sampling *p = &s->p;
    const float rep = p->repetition == 0 ? 1 : p->repetition;
    for (uint32_t i = 0; i < s->V; i++) {
        uint32_t n = s->seen[i];
        if (n == 0) continue;
        l[i] = l[i] > 0 ? l[i] / rep : l[i] * rep;
        if (n >= 2) l[i] -= p->presence + p->frequency * (float)(n >> 1);
    }
}

static bool is_allowed(const uint64_t *allowed, uint32_t id)
{
    return !allowed || (allowed[id / 64] >> (id % 64) & 1);
}

static bool is_banned(uint32_t id, const uint32_t *banned, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (banned[i] == id) return true;
    return false;
}

/* The likeliest that may be picked, the smaller id of equals; 0 when there is none. */
static uint32_t best_of(const mn_sampler *s, const float *l, const uint64_t *allowed,
                        const uint32_t *banned, size_t n_banned)
{
    uint32_t best = UINT32_MAX;
    float max = -INFINITY;
    for (uint32_t i = 0; i < s->V; i++)
        if (l[i] > max && is_allowed(allowed, i) && !is_banned(i, banned, n_banned)) {
            max = l[i];
            best = i;
        }
    if (best != UINT32_MAX) return best;
    for (uint32_t i = 0; i < s->V; i++) /* all of them are -inf or no number */
        if (is_allowed(allowed, i) && !is_banned(i, banned, n_banned)) return i;
    return 0;
}

static void forbid(const mn_sampler *s, float *l, const uint64_t *allowed,
                   const uint32_t *banned, size_t n_banned)
{
    for (size_t i = 0; i < n_banned; i++)
        if (banned[i] < s->V) l[banned[i]] = -INFINITY;
    if (!allowed) return;
    for (uint32_t i = 0; i < s->V; i++)
        if (!is_allowed(allowed, i)) l[i] = -INFINITY;
}

/* ---- probabilities ----------------------------------------------------------------------------------------------- */

/* e^x for x ≤ 0, within 2e-7 relative; 0 below -87. */
static inline float exp_neg(float x)
{
    float y = x < -87.0f ? -87.0f : x, z = y * 1.44269504f;
    int32_t n = (int32_t)(z - 0.5f); /* towards zero: the nearest, z being negative */
    float f = y - (float)n * 0.693145752f - (float)n * 1.42860677e-6f;
    float p = 1.0f / 5040;
    p = p * f + 1.0f / 720;
    p = p * f + 1.0f / 120;
    p = p * f + 1.0f / 24;
    p = p * f + 1.0f / 6;
    p = p * f + 0.5f;
    p = p * f + 1.0f;
    p = p * f + 1.0f;
    union {
        int32_t i;
        float f;
    } two = {.i = (n + 127) << 23};
    return x < -87.0f ? 0.0f : p * two.f;
}

static float max_of(const float *l, uint32_t V)
{
    float max = -INFINITY;
    for (uint32_t i = 0; i < V; i++) max = l[i] > max ? l[i] : max;
    return max;
}

/* Probabilities in place of logits, that of the likeliest being 1; returns their sum. What is no number becomes 0. */
static double soften(float *l, uint32_t V, float max, float temperature)
{
    enum { LANES = 8, PIECE = 1024 };
    double sum = 0;
    const float by = 1 / temperature;
    for (uint32_t at = 0; at < V; at += PIECE) {
        float lane[LANES] = {0};
        uint32_t to = V - at < PIECE ? V : at + PIECE;
        for (uint32_t i = at; i < to; i++) {
            float d = (l[i] - max) * by;
            l[i] = d <= 0 ? exp_neg(d) : 0;
        }
        for (uint32_t i = at; i < to; i++) lane[i % LANES] += l[i];
        for (int k = 0; k < LANES; k++) sum += (double)lane[k];
    }
    return sum;
}

static int by_probability(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->p != y->p) return x->p > y->p ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* All with a probability of at least `least`; their sum is in *ret_mass. */
static size_t gather(mn_sampler *s, float least, double *ret_mass)
{
    size_t n = 0;
    double mass = 0;
    for (uint32_t i = 0; i < s->V; i++)
        if (s->l[i] >= least) {
            s->heads[n++] = (candidate){s->l[i], i};
            mass += (double)s->l[i];
        }
    *ret_mass = mass;
    return n;
}

/* The likeliest, sorted, at least as many as the cuts can leave. */
static size_t gather_heads(mn_sampler *s, double sum)
{
    const float smallest = 1e-38f; /* a probability that is 0 is never picked */
    double mass;
    for (float least = 0.03f;; least *= 0.03f) {
        if (least < smallest) least = smallest;
        if (least < s->p.min_p) least = s->p.min_p;
        size_t n = gather(s, least, &mass);
        bool enough = s->p.top_k ? n >= s->p.top_k : mass >= (double)s->p.top_p * sum;
        if (enough || least <= smallest || least <= s->p.min_p) {
            qsort(s->heads, n, sizeof *s->heads, by_probability);
            return n;
        }
    }
}

/* What the cuts leave of n sorted candidates; their sum is in *ret_mass. */
static size_t cut(const mn_sampler *s, size_t n, double sum, double *ret_mass)
{
    const candidate *c = s->heads;
    double mass = 0;
    size_t m = 0;
    if (s->p.top_k && n > s->p.top_k) n = s->p.top_k;
    if (s->p.top_k) {
        sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)c[i].p;
    }
    while (m < n && (m == 0 || mass < (double)s->p.top_p * sum)) mass += (double)c[m++].p;
    *ret_mass = mass;
    return m;
}

static uint32_t draw_heads(mn_sampler *s, double sum, double unit)
{
    double mass;
    size_t n = gather_heads(s, sum), m = cut(s, n, sum, &mass);
    double at = unit * mass;
    for (size_t i = 0; i + 1 < m; i++) {
        at -= (double)s->heads[i].p;
        if (at < 0) return s->heads[i].id;
    }
    return s->heads[m - 1].id;
}

/* Nothing is cut: in the order of ids, no sorting. */
static uint32_t draw_all(const mn_sampler *s, double sum, double unit)
{
    double at = unit * sum;
    uint32_t last = 0;
    for (uint32_t i = 0; i < s->V; i++) {
        if (s->l[i] <= 0) continue;
        last = i;
        at -= (double)s->l[i];
        if (at < 0) return i;
    }
    return last;
}

uint32_t mn_sampler_pick(mn_sampler *s, const float *logits, const uint64_t *allowed,
                         const uint32_t *banned, size_t n_banned)
{
    const mn_sampling *p = &s->p;
    const float *l = logits;
    if (s->l) {
        memcpy(s->l, logits, (size_t)s->V * sizeof *s->l);
        if (s->seen) penalise(s, s->l);
        for (size_t i = 0; i < p->n_bias; i++) s->l[p->bias[i].id] += p->bias[i].add;
        l = s->l;
    }
    if (p->temperature == 0) return best_of(s, l, allowed, banned, n_banned);
    forbid(s, s->l, allowed, banned, n_banned);
    float max = max_of(s->l, s->V);
    if (!isfinite(max)) return best_of(s, logits, allowed, banned, n_banned);
    double sum = soften(s->l, s->V, max, p->temperature);
    double unit = mn_rand_unit(mn_rand_at(p->seed, 0x73616d70, s->step));
    bool cuts = p->top_k || p->top_p < 1 || p->min_p > 0;
    return cuts ? draw_heads(s, sum, unit) : draw_all(s, sum, unit);
}

/* ---- log probabilities ------------------------------------------------------------------------------------------- */

/* Puts x where it belongs among the m best so far (of at most n). */
static size_t insert(mn_logprob *top, size_t m, size_t n, mn_logprob x)
{
    size_t at = m;
    if (m == n && !(x.logprob > top[n - 1].logprob)) return m;
    if (m == n) at = n - 1;
    else m++;
    for (; at > 0 && x.logprob > top[at - 1].logprob; at--) top[at] = top[at - 1];
    top[at] = x;
    return m;
}

float mn_logprobs(const float *logits, uint32_t V, uint32_t id, mn_logprob *ret_top, size_t n)
{
    float max = max_of(logits, V);
    double sum = 0;
    size_t m = 0;
    for (uint32_t i = 0; i < V; i++) {
        float d = logits[i] - max;
        if (d <= 0) sum += (double)exp_neg(d);
        if (n) m = insert(ret_top, m, n, (mn_logprob){i, logits[i]});
    }
    double whole = (double)max + log(sum);
    for (size_t i = 0; i < m; i++)
        ret_top[i].logprob = (float)((double)ret_top[i].logprob - whole);
    return (float)((double)logits[id] - whole);
}
