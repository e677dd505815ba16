/* Two small tables of feeds: a sequence of entries, and the index of followers. */
#include "social/feeds_int.h"

/* ---- sequences ----------------------------------------------------------------------------------------------------- */

size_t mn_social__feed_seq_from(const mn_feed_seq *s, uint64_t id)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->items[mid].id < id) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static bool more_room(mn_feed_seq *s)
{
    if (s->n < s->cap) return true;
    size_t cap = s->cap < 16 ? 16 : s->cap + s->cap / 2;
    mn_feed_entry *bigger = mn_reallocarray(s->items, cap, sizeof *bigger);
    if (!bigger) return false;
    s->items = bigger;
    s->cap = cap;
    return true;
}

bool mn_social__feed_seq_put(mn_feed_seq *s, mn_feed_entry x, bool belongs)
{
    size_t i = s->n && s->items[s->n - 1].id < x.id ? s->n : mn_social__feed_seq_from(s, x.id);
    bool there = i < s->n && s->items[i].id == x.id;
    if (there == belongs) return true;
    if (there) {
        memmove(s->items + i, s->items + i + 1, (--s->n - i) * sizeof *s->items);
        return true;
    }
    if (!more_room(s)) return false;
    memmove(s->items + i + 1, s->items + i, (s->n++ - i) * sizeof *s->items);
    s->items[i] = x;
    return true;
}

/* ---- the index ------------------------------------------------------------------------------------------------------ */

/* Open addressing, cap a power of two. A key whose list has become empty keeps its slot until the table grows. */
struct mn_feed_index_slot {
    uint64_t key; /* 0: free */
    void **items;
    uint32_t n, cap;
};
typedef struct mn_feed_index_slot slot;

static slot *slot_of(slot *t, size_t cap, uint64_t key)
{
    size_t i = (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
    while (t[i].key != 0 && t[i].key != key) i = (i + 1) & (cap - 1);
    return &t[i];
}

static bool rehash(mn_feed_index *x)
{
    size_t live = 0;
    for (size_t i = 0; i < x->cap; i++) live += x->slots[i].n > 0;
    size_t cap = 64;
    while (cap < (live + 1) * 4) cap *= 2;
    slot *t = mn_calloc(cap, sizeof *t);
    if (!t) return false;
    for (size_t i = 0; i < x->cap; i++) {
        if (x->slots[i].n > 0) *slot_of(t, cap, x->slots[i].key) = x->slots[i];
        else mn_free(x->slots[i].items);
    }
    mn_free(x->slots);
    *x = (mn_feed_index){t, live, cap};
    return true;
}

bool mn_social__index_add(mn_feed_index *x, uint64_t key, void *who)
{
    if ((x->n + 1) * 2 > x->cap && !rehash(x)) return false;
    slot *s = slot_of(x->slots, x->cap, key);
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 2;
        void **bigger = mn_reallocarray(s->items, cap, sizeof *bigger);
        if (!bigger) return false;
        s->items = bigger;
        s->cap = cap;
    }
    if (s->key == 0) x->n++;
    s->key = key;
    s->items[s->n++] = who;
    return true;
}

void mn_social__index_remove(mn_feed_index *x, uint64_t key, const void *who)
{
    if (!x->cap) return;
    slot *s = slot_of(x->slots, x->cap, key);
    for (uint32_t i = 0; i < s->n; i++)
        if (s->items[i] == who) {
            s->items[i] = s->items[--s->n];
            break;
        }
    if (s->n == 0 && s->items) {
        mn_free(s->items);
        s->items = NULL;
        s->cap = 0;
    }
}

void *const *mn_social__index_get(const mn_feed_index *x, uint64_t key, size_t *ret_n)
{
    const slot *s = x->cap ? slot_of(x->slots, x->cap, key) : NULL;
    *ret_n = s ? s->n : 0;
    return s ? s->items : NULL;
}

void mn_social__index_release(mn_feed_index *x)
{
    for (size_t i = 0; i < x->cap; i++) mn_free(x->slots[i].items);
    mn_free(x->slots);
    *x = (mn_feed_index){0};
}
