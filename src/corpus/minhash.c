/* The orders are x -> (x ^ s) * a mod 2^32 with a odd: a bijection of the 32-bit shingle hashes, so "first" is a minimum.
 * The loop over shingles keeps 16 orders' minima at a time; the compiler makes vectors of the inner loop, once for each
 * instruction set. 112 orders are computed (seven times 16), 100 are used.
 */
#include "corpus/minhash.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define LANES  16
#define ORDERS 112 /* 20 × 5, rounded up to whole blocks of LANES */

/* ---- shingles ------------------------------------------------------------------------------------------------ */

void mn_shingles_release(mn_shingles *s)
{
    mn_free(s->h);
    *s = (mn_shingles){0};
}

static inline uint32_t mix32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static inline __attribute__((always_inline)) void shingle_hashes(const uint32_t *restrict cp,
                                                                 size_t n, uint32_t *restrict h)
{
    for (size_t i = 0; i < n; i++)
        h[i] = mix32(cp[i] * 0x9e3779b1u + cp[i + 1] * 0x85ebca77u + cp[i + 2] * 0xc2b2ae3du +
                     cp[i + 3] * 0x27d4eb2fu + cp[i + 4] * 0x165667b1u);
}

/* ---- minima -------------------------------------------------------------------------------------------------- */

/* Multipliers and masks of the orders: fixed for ever, since signatures must not change between machines. */
static uint32_t order_mul[ORDERS], order_xor[ORDERS];

__attribute__((constructor)) static void make_orders(void)
{
    for (uint32_t k = 0; k < ORDERS; k++) {
        order_mul[k] = mix32(2 * k + 0x6d796e61u) | 1u;
        order_xor[k] = mix32(2 * k + 0x68313631u);
    }
}

static inline __attribute__((always_inline)) void minima(const uint32_t *restrict h, size_t n,
                                                         uint32_t *restrict ret)
{
    for (size_t block = 0; block < ORDERS; block += LANES) {
        uint32_t mul[LANES], xor[LANES], least[LANES];
        for (int k = 0; k < LANES; k++) {
            mul[k] = order_mul[block + (size_t)k];
            xor[k] = order_xor[block + (size_t)k];
            least[k] = UINT32_MAX;
        }
        for (size_t i = 0; i < n; i++)
            for (int k = 0; k < LANES; k++) {
                uint32_t v = (h[i] ^ xor[k]) * mul[k];
                least[k] = v < least[k] ? v : least[k];
            }
        memcpy(ret + block, least, sizeof least);
    }
}

static void signature_plain(const uint32_t *cp, size_t n, uint32_t *h, uint32_t *ret)
{
    shingle_hashes(cp, n, h);
    minima(h, n, ret);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void signature_avx2(const uint32_t *cp, size_t n,
                                                           uint32_t *h, uint32_t *ret)
{
    shingle_hashes(cp, n, h);
    minima(h, n, ret);
}

__attribute__((target("avx512f"))) static void signature_avx512(const uint32_t *cp, size_t n,
                                                                uint32_t *h, uint32_t *ret)
{
    shingle_hashes(cp, n, h);
    minima(h, n, ret);
}
#endif

static void signature(const uint32_t *cp, size_t n, uint32_t *h, uint32_t *ret)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        signature_avx512(cp, n, h, ret);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        signature_avx2(cp, n, h, ret);
        return;
    }
#endif
    signature_plain(cp, n, h, ret);
}

mn_rc mn_minhash(const mn_form *f, mn_shingles *tmp, uint32_t ret[MN_BANDS])
{
    MN_ASSERT(f->n >= MN_SHINGLE);
    size_t n = f->n - MN_SHINGLE + 1;
    if (n > tmp->cap) {
        uint32_t *h = mn_reallocarray(tmp->h, n + n / 2, sizeof *h);
        if (!h) return MN_E_NOMEM;
        tmp->h = h;
        tmp->cap = n + n / 2;
    }
    uint32_t least[ORDERS];
    signature(f->cp, n, tmp->h, least);
    for (int b = 0; b < MN_BANDS; b++) {
        uint32_t key = (uint32_t)b;
        for (int r = 0; r < MN_ROWS; r++)
            key = mix32(key ^ least[b * MN_ROWS + r]) * 0x9e3779b1u;
        ret[b] = key;
    }
    return MN_OK;
}

/* ---- true similarity ----------------------------------------------------------------------------------------- */

void mn_shingle_set_release(mn_shingle_set *s)
{
    mn_free(s->h);
    *s = (mn_shingle_set){0};
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_set(uint64_t *h, size_t n)
{
    if (n > 256) {
        qsort(h, n, sizeof *h, by_value);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t v = h[i];
        size_t k = i;
        for (; k > 0 && h[k - 1] > v; k--) h[k] = h[k - 1];
        h[k] = v;
    }
}

mn_rc mn_shingle_set_of(const mn_form *f, mn_shingle_set *ret)
{
    ret->n = 0;
    if (f->n < MN_SHINGLE) return MN_OK;
    size_t n = f->n - MN_SHINGLE + 1;
    if (n > ret->cap) {
        uint64_t *h = mn_reallocarray(ret->h, n + n / 2, sizeof *h);
        if (!h) return MN_E_NOMEM;
        ret->h = h;
        ret->cap = n + n / 2;
    }
    for (size_t i = 0; i < n; i++) ret->h[i] = mn_hash64(f->cp + i, MN_SHINGLE * 4, 0);
    sort_set(ret->h, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || ret->h[i] != ret->h[i - 1]) ret->h[ret->n++] = ret->h[i];
    return MN_OK;
}

static size_t common(const mn_shingle_set *a, const mn_shingle_set *b)
{
    size_t i = 0, k = 0, n = 0;
    while (i < a->n && k < b->n) {
        uint64_t x = a->h[i], y = b->h[k];
        n += x == y;
        i += x <= y;
        k += y <= x;
    }
    return n;
}

bool mn_shingle_sets_near(const mn_shingle_set *a, const mn_shingle_set *b)
{
    if (5 * a->n < 4 * b->n || 5 * b->n < 4 * a->n)
        return false; /* the smaller cannot cover enough */
    size_t both = common(a, b);
    return 5 * both >= 4 * (a->n + b->n - both);
}

double mn_shingle_sets_jaccard(const mn_shingle_set *a, const mn_shingle_set *b)
{
    size_t both = common(a, b), either = a->n + b->n - both;
    return either ? (double)both / (double)either : 1;
}
