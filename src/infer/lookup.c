/* Prompt lookup: where the last tokens stood before, what followed then is likely to follow again (answers quote posts).
 *
 * Tables by hash keep the last place of each run of one, two and three tokens; a newer run takes the place of an older one with the same
 * hash, and what is found is compared, so a draft is always what really stood there. Long runs are trusted more, and each length by how its
 * drafts did lately. Source: the idea is A. Saxena's prompt lookup decoding (2023). */
#include <string.h>

#include "base/mem.h"
#include "infer/batch_int.h"

static const float first_trust[MN_LOOKUP_NGRAM] = {0.25f, 0.5f, 0.75f};

void mn_lookup__init(mn_lookup *l)
{
    *l = (mn_lookup){0};
    memcpy(l->trust, first_trust, sizeof l->trust);
}

void mn_lookup__release(mn_lookup *l)
{
    for (int n = 0; n < MN_LOOKUP_NGRAM; n++) mn_free(l->last[n]);
    *l = (mn_lookup){0};
}

/* Of the `n` tokens that end before `end`. */
static uint32_t slot_of(const mn_lookup *l, const uint32_t *ids, uint32_t end, uint32_t n)
{
    uint64_t h = n;
    for (uint32_t i = 1; i <= n; i++) h = (h ^ ids[end - i]) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 40) & (l->cap - 1);
}

/* Tables twice as large as there are tokens; what was indexed is indexed anew. */
static bool grow(mn_lookup *l, uint32_t n)
{
    uint32_t cap = 256;
    while (cap < 2 * n) cap *= 2;
    if (cap <= l->cap) return true;
    for (int k = 0; k < MN_LOOKUP_NGRAM; k++) {
        uint32_t *p = mn_calloc(cap, sizeof *p);
        if (!p) {
            l->cap = 0; /* tables of unlike sizes are no use: try again next time */
            return false;
        }
        mn_free(l->last[k]);
        l->last[k] = p;
    }
    l->cap = cap;
    l->n_indexed = 0;
    return true;
}

/* Everything that is followed by something. */
static void index_all(mn_lookup *l, const uint32_t *ids, uint32_t n)
{
    for (uint32_t end = l->n_indexed < 1 ? 1 : l->n_indexed; end < n; end++)
        for (uint32_t k = 1; k <= MN_LOOKUP_NGRAM && k <= end; k++)
            l->last[k - 1][slot_of(l, ids, end, k)] = end;
    l->n_indexed = n;
}

/* Where the last k tokens stood before: the position after them; 0: nowhere. */
static uint32_t find(const mn_lookup *l, const uint32_t *ids, uint32_t n, uint32_t k)
{
    uint32_t at = n > k ? l->last[k - 1][slot_of(l, ids, n, k)] : 0;
    return at >= k && memcmp(ids + at - k, ids + n - k, k * sizeof *ids) == 0 ? at : 0;
}

uint32_t mn_lookup__draft(mn_lookup *l, const uint32_t *ids, uint32_t n, uint32_t most,
                          float least, uint32_t ret[MN_LOOKUP_DRAFT])
{
    l->ngram = 0;
    if (!grow(l, n)) return 0;
    index_all(l, ids, n);
    for (uint32_t k = MN_LOOKUP_NGRAM; k > 0; k--) {
        uint32_t at = find(l, ids, n, k), m = 0;
        float chance = l->trust[k - 1];
        if (at == 0) continue;
        for (; m < most && m < MN_LOOKUP_DRAFT && at + m < n && chance > least; m++) {
            ret[m] = ids[at + m];
            chance *= l->trust[k - 1];
        }
        /* what is not tried cannot show that it would hold by now */
        if (m == 0) l->trust[k - 1] += 0.02f * (first_trust[k - 1] - l->trust[k - 1]);
        else l->ngram = k;
        return m;
    }
    return 0;
}

void mn_lookup__learn(mn_lookup *l, uint32_t drafted, uint32_t held)
{
    if (l->ngram == 0 || drafted == 0) return;
    float *trust = &l->trust[l->ngram - 1];
    for (uint32_t i = 0; i < drafted && i <= held; i++)
        *trust += 0.15f * ((i < held ? 1.0f : 0.0f) - *trust);
}
