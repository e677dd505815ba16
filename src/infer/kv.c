/* The cache of keys and values: a pool of blocks, counted, shared, the oldest
 * unused ones forgotten first.
 *
 * The pool is one mapping that takes no memory until a block is written to. A
 * block is in one of three states: free (on a stack, a few of them with memory
 * still), in use (refs), or kept: unused but known by its tokens, on a list in
 * order of its last use. What is known is found by (serial of the block before,
 * tokens): serials are never used twice, so the chain of serials stands for all
 * tokens from the beginning, and a block whose predecessor is gone is never
 * found again. */
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/mem.h"
#include "infer/infer_int.h"

enum { DIRTY_FREE_MAX = 8 }; /* free blocks that keep their memory, for who comes next */

size_t mn_kv__bytes(const mn_kv_shape *s, uint32_t L)
{
    return mn_kv_block_bytes(s) * L;
}

static void free_push(mn_kv *kv, uint32_t b)
{
    kv->entries[b].next = kv->free;
    kv->free = b;
}

mn_rc mn_kv__init(mn_kv *kv, const mn_kv_shape *s, uint32_t L, uint32_t n_blocks, mn_err *e)
{
    *kv = (mn_kv){.shape = *s, .n_blocks = n_blocks, .free = MN_KV_NONE};
    pthread_mutex_init(&kv->lock, NULL);
    kv->kept_first = kv->kept_last = MN_KV_NONE;
    kv->layer_bytes = mn_kv_block_bytes(s);
    kv->block_bytes = kv->layer_bytes * L;
    for (kv->n_buckets = 64; kv->n_buckets < n_blocks;) kv->n_buckets *= 2;
    kv->entries = mn_calloc(n_blocks, sizeof *kv->entries);
    kv->buckets = mn_alloc(kv->n_buckets * sizeof *kv->buckets);
    if (!kv->entries || !kv->buckets)
        return mn_fail(e, MN_E_NOMEM, "out of memory for a cache of %u blocks", n_blocks);
    memset(kv->buckets, 0xff, kv->n_buckets * sizeof *kv->buckets);
    void *p = mmap(NULL, n_blocks * kv->block_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return mn_fail_errno(e, MN_E_NOMEM, "cannot reserve %zu MiB for keys and values",
                             (n_blocks * kv->block_bytes) >> 20);
    kv->base = p;
    for (uint32_t b = n_blocks; b-- > 0;) free_push(kv, b);
    return MN_OK;
}

void mn_kv__release(mn_kv *kv)
{
    if (kv->base) munmap(kv->base, kv->n_blocks * kv->block_bytes);
    if (kv->entries || kv->buckets) pthread_mutex_destroy(&kv->lock);
    mn_free(kv->entries);
    mn_free(kv->buckets);
    *kv = (mn_kv){0};
}

/* ---- what is known ----------------------------------------------------------------------------------------------- */

static uint32_t *bucket_of(mn_kv *kv, uint64_t before, const uint32_t *ids)
{
    uint64_t h = mn_hash64(ids, MN_KV_BLOCK * sizeof *ids, before);
    return &kv->buckets[h & (kv->n_buckets - 1)];
}

static uint64_t serial_of(const mn_kv *kv, uint32_t block)
{
    return block == MN_KV_NONE ? 0 : kv->entries[block].serial;
}

static uint32_t look_up(mn_kv *kv, uint64_t before, const uint32_t *ids)
{
    uint32_t b = *bucket_of(kv, before, ids);
    for (; b != MN_KV_NONE; b = kv->entries[b].same)
        if (kv->entries[b].before == before &&
            memcmp(kv->entries[b].ids, ids, sizeof kv->entries[b].ids) == 0)
            return b;
    return MN_KV_NONE;
}

static void forget(mn_kv *kv, uint32_t b)
{
    mn_kv_entry *x = &kv->entries[b];
    uint32_t *at = bucket_of(kv, x->before, x->ids);
    while (*at != b) at = &kv->entries[*at].same;
    *at = x->same;
    x->serial = 0;
}

/* ---- the list of kept ones --------------------------------------------------------------------------------------- */

static void kept_add(mn_kv *kv, uint32_t b)
{
    mn_kv_entry *x = &kv->entries[b];
    x->next = MN_KV_NONE;
    x->prev = kv->kept_last;
    if (kv->kept_last == MN_KV_NONE) kv->kept_first = b;
    else kv->entries[kv->kept_last].next = b;
    kv->kept_last = b;
    kv->n_kept++;
}

static void kept_remove(mn_kv *kv, uint32_t b)
{
    const mn_kv_entry *x = &kv->entries[b];
    if (x->prev == MN_KV_NONE) kv->kept_first = x->next;
    else kv->entries[x->prev].next = x->next;
    if (x->next == MN_KV_NONE) kv->kept_last = x->prev;
    else kv->entries[x->next].prev = x->prev;
    kv->n_kept--;
}

/* ---- taking and giving ------------------------------------------------------------------------------------------- */

static uint32_t take(mn_kv *kv)
{
    uint32_t b = kv->free;
    if (b != MN_KV_NONE) {
        kv->free = kv->entries[b].next;
        if (kv->entries[b].dirty) kv->n_dirty_free--;
    } else if ((b = kv->kept_first) != MN_KV_NONE) {
        kept_remove(kv, b);
        forget(kv, b);
    } else {
        return MN_KV_NONE;
    }
    kv->entries[b].refs = 1;
    kv->entries[b].dirty = true;
    kv->n_used++;
    return b;
}

static void give(mn_kv *kv, uint32_t b)
{
    mn_kv_entry *x = &kv->entries[b];
    if (kv->n_dirty_free >= DIRTY_FREE_MAX) {
        madvise(mn_kv__at(kv, b, 0), kv->block_bytes, MADV_DONTNEED);
        x->dirty = false;
    } else {
        kv->n_dirty_free++;
    }
    free_push(kv, b);
}

static void drop(mn_kv *kv, uint32_t b)
{
    mn_kv_entry *x = &kv->entries[b];
    MN_ASSERT(x->refs > 0);
    if (--x->refs) return;
    kv->n_used--;
    if (x->serial) kept_add(kv, b);
    else give(kv, b);
}

static void hold(mn_kv *kv, uint32_t b)
{
    if (kv->entries[b].refs++ == 0) {
        kept_remove(kv, b);
        kv->n_used++;
    }
}

uint32_t mn_kv__take(mn_kv *kv)
{
    pthread_mutex_lock(&kv->lock);
    uint32_t b = take(kv);
    pthread_mutex_unlock(&kv->lock);
    return b;
}

void mn_kv__drop(mn_kv *kv, uint32_t block)
{
    pthread_mutex_lock(&kv->lock);
    drop(kv, block);
    pthread_mutex_unlock(&kv->lock);
}

bool mn_kv__is_own(mn_kv *kv, uint32_t block)
{
    pthread_mutex_lock(&kv->lock);
    bool own = kv->entries[block].refs == 1 && kv->entries[block].serial == 0;
    pthread_mutex_unlock(&kv->lock);
    return own;
}

uint32_t mn_kv__find(mn_kv *kv, uint32_t before, const uint32_t *ids)
{
    pthread_mutex_lock(&kv->lock);
    uint32_t b = look_up(kv, serial_of(kv, before), ids);
    if (b != MN_KV_NONE) hold(kv, b);
    pthread_mutex_unlock(&kv->lock);
    return b;
}

uint32_t mn_kv__offer(mn_kv *kv, uint32_t before, uint32_t block, const uint32_t *ids)
{
    pthread_mutex_lock(&kv->lock);
    uint64_t chain = serial_of(kv, before);
    uint32_t b = look_up(kv, chain, ids);
    if (b != MN_KV_NONE) {
        hold(kv, b);
        drop(kv, block);
    } else {
        mn_kv_entry *x = &kv->entries[b = block];
        uint32_t *bucket = bucket_of(kv, chain, ids);
        memcpy(x->ids, ids, sizeof x->ids);
        x->before = chain;
        x->serial = ++kv->serial;
        x->same = *bucket;
        *bucket = b;
    }
    pthread_mutex_unlock(&kv->lock);
    return b;
}

void mn_kv__counts(mn_kv *kv, uint32_t *ret_used, uint32_t *ret_kept)
{
    pthread_mutex_lock(&kv->lock);
    *ret_used = kv->n_used;
    *ret_kept = kv->n_kept;
    pthread_mutex_unlock(&kv->lock);
}

uint32_t mn_kv__dirty(mn_kv *kv)
{
    pthread_mutex_lock(&kv->lock);
    uint32_t n = kv->n_used + kv->n_kept + kv->n_dirty_free;
    pthread_mutex_unlock(&kv->lock);
    return n;
}
