#include "corpus/candidates.h"

#include "base/mem.h"

mn_rc mn_cands_add(mn_cands *c, const mn_cand *x)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap + c->cap / 2 : 4096;
        mn_cand *items = mn_reallocarray(c->items, cap, sizeof *items);
        if (!items) return MN_E_NOMEM;
        c->items = items;
        c->cap = cap;
    }
    c->items[c->n++] = *x;
    return MN_OK;
}

void mn_cands_release(mn_cands *c)
{
    mn_free(c->items);
    *c = (mn_cands){0};
}

/* One byte of the key: a counting pass from a to b. false when all keys agree in it and nothing was moved. */
static bool radix_pass(const mn_keyed *a, mn_keyed *b, size_t n, int shift)
{
    size_t at[256] = {0};
    for (size_t i = 0; i < n; i++) at[a[i].key >> shift & 255]++;
    if (at[a[0].key >> shift & 255] == n) return false;
    size_t sum = 0;
    for (int k = 0; k < 256; k++) {
        size_t count = at[k];
        at[k] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) b[at[a[i].key >> shift & 255]++] = a[i];
    return true;
}

void mn_keyed_sort(mn_keyed *a, mn_keyed *tmp, size_t n)
{
    mn_keyed *from = a, *to = tmp;
    if (n < 2) return;
    for (int shift = 0; shift < 64; shift += 8) {
        if (!radix_pass(from, to, n, shift)) continue;
        mn_keyed *swap = from;
        from = to;
        to = swap;
    }
    if (from != a) memcpy(a, from, n * sizeof *a);
}

mn_keyed *mn_keyed_new(size_t n)
{
    return mn_reallocarray(NULL, n ? 2 * n : 1, sizeof(mn_keyed));
}

uint64_t mn_keyed_find(const mn_keyed *a, size_t n, uint64_t key)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (a[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && a[lo].key == key ? a[lo].val : UINT64_MAX;
}

static bool in_order(const mn_cands *c)
{
    for (size_t i = 1; i < c->n; i++) {
        const mn_cand *a = &c->items[i - 1], *b = &c->items[i];
        if (a->created_ms > b->created_ms || (a->created_ms == b->created_ms && a->id > b->id))
            return false;
    }
    return true;
}

/* items[i] = old items[order[i].val], following the cycles so that no second array is needed. */
static void permute(mn_cands *c, mn_keyed *order)
{
    for (size_t i = 0; i < c->n; i++) {
        if (order[i].val == i) continue;
        mn_cand first = c->items[i];
        size_t at = i;
        while (order[at].val != i) {
            size_t from = order[at].val;
            c->items[at] = c->items[from];
            order[at].val = at;
            at = from;
        }
        c->items[at] = first;
        order[at].val = at;
    }
}

mn_rc mn_cands_order(mn_cands *c)
{
    if (in_order(c)) return MN_OK; /* they come by id, and ids are made of times */
    mn_keyed *a = mn_keyed_new(c->n);
    if (!a) return MN_E_NOMEM;
    for (size_t i = 0; i < c->n; i++)
        a[i] = (mn_keyed){(uint64_t)c->items[i].created_ms ^ (UINT64_C(1) << 63), i};
    mn_keyed_sort(a, a + c->n, c->n); /* stable, so ids stay in order within a millisecond */
    permute(c, a);
    mn_free(a);
    return MN_OK;
}
