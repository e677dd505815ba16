/* Memory: see mem.h.
 *
 * Every allocation passes `may`, which is where tests make one fail. An arena is a list of blocks, newest first; only
 * the head is bumped. Under AddressSanitizer the unused part of a block is poisoned and 16 bytes are left between
 * allocations, so that running over the end of one is seen although the block is one malloc. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

#ifdef __has_feature
#    if __has_feature(address_sanitizer)
#        define ASAN 1
#    endif
#endif
#ifdef __SANITIZE_ADDRESS__
#    define ASAN 1
#endif
#ifdef ASAN
#    include <sanitizer/asan_interface.h>
#    define POISON(p, n)   __asan_poison_memory_region((p), (n))
#    define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
enum { RED_ZONE = 16 };
#else
#    define POISON(p, n)   ((void)(p), (void)(n))
#    define UNPOISON(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

/* 0: off; n: the n-th allocation fails; 1 stays 1, so that all after it fail too. */
static _Atomic long fail_left;

uint64_t mn_mem_of_machine(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

void mn_mem_fail_after(long n)
{
    atomic_store(&fail_left, n);
}

static bool may(void)
{
    long left = atomic_load_explicit(&fail_left, memory_order_relaxed);
    if (__builtin_expect(left == 0, 1)) return true;
    while (left > 1)
        if (atomic_compare_exchange_weak(&fail_left, &left, left - 1)) return true;
    return left == 0;
}

void *mn_alloc(size_t size_bytes)
{
    return may() ? malloc(size_bytes ? size_bytes : 1) : NULL;
}

void *mn_calloc(size_t n, size_t size_bytes)
{
    size_t sum;
    if (__builtin_mul_overflow(n, size_bytes, &sum) || !may()) return NULL;
    return calloc(1, sum ? sum : 1);
}

void *mn_realloc(void *p, size_t size_bytes)
{
    return may() ? realloc(p, size_bytes ? size_bytes : 1) : NULL;
}

void *mn_reallocarray(void *p, size_t n, size_t size_bytes)
{
    size_t sum;
    if (__builtin_mul_overflow(n, size_bytes, &sum)) return NULL;
    return mn_realloc(p, sum);
}

void mn_free(void *p)
{
    free(p);
}

char *mn_strdup(const char *s)
{
    return mn_strndup(s, strlen(s));
}

char *mn_strndup(const char *s, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *p = mn_alloc(n + 1);
    if (!p) return NULL;
    if (n) memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

void *mn_alloc_aligned(size_t align_bytes, size_t size_bytes)
{
    MN_ASSERT(align_bytes >= 16 && (align_bytes & (align_bytes - 1)) == 0);
    size_t sum;
    if (__builtin_add_overflow(size_bytes ? size_bytes : 1, align_bytes - 1, &sum)) return NULL;
    sum &= ~(align_bytes - 1);
    void *p = may() ? aligned_alloc(align_bytes, sum) : NULL;
    if (p) memset(p, 0, sum);
    return p;
}

void *mn_alloc_pages(size_t size_bytes)
{
    const size_t huge = (size_t)2 << 20;
    size_t align = size_bytes >= 2 * huge ? huge : 64, sum;
    if (__builtin_add_overflow(size_bytes ? size_bytes : 1, align - 1, &sum)) return NULL;
    sum &= ~(align - 1);
    void *p = may() ? aligned_alloc(align, sum) : NULL;
    if (p &&
        align ==
            huge) /* if not, then not; the tail stays on small pages, as none would be filled */
        madvise(p, size_bytes & ~(huge - 1), MADV_HUGEPAGE);
    return p;
}

/* ---- arena --------------------------------------------------------------------------------------------------- */

enum { FIRST_BLOCK = 4096 - 32, LARGEST_BLOCK = 1 << 20 };

struct mn_arena_block {
    struct mn_arena_block *next;
    size_t cap, used; /* bytes of mem, and of those handed out */
    _Alignas(16) unsigned char mem[];
};

void mn_arena_init(mn_arena *a, size_t limit_bytes)
{
    *a = (mn_arena){.limit_bytes = limit_bytes};
}

static void block_free(struct mn_arena_block *b)
{
    UNPOISON(b->mem, b->cap);
    mn_free(b);
}

/* The block worth keeping: the largest of ordinary size, else the smallest of all. */
static struct mn_arena_block *keeper(struct mn_arena_block *head)
{
    struct mn_arena_block *best = head;
    for (struct mn_arena_block *b = head; b; b = b->next) {
        bool fits = b->cap <= LARGEST_BLOCK, had = best->cap <= LARGEST_BLOCK;
        if (fits == had ? (fits ? b->cap > best->cap : b->cap < best->cap) : fits) best = b;
    }
    return best;
}

void mn_arena_reset(mn_arena *a)
{
    struct mn_arena_block *keep = keeper(a->head);
    for (struct mn_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        if (b != keep) block_free(b);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
        POISON(keep->mem, keep->cap);
    }
    a->head = keep;
    a->used_bytes = 0;
}

void mn_arena_release(mn_arena *a)
{
    for (struct mn_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        block_free(b);
    }
    a->head = NULL;
    a->used_bytes = 0;
}

static struct mn_arena_block *block_new(mn_arena *a, size_t need)
{
    size_t cap = FIRST_BLOCK, sum;
    if (a->head) cap = a->head->cap < LARGEST_BLOCK / 2 ? a->head->cap * 2 : LARGEST_BLOCK;
    if (cap < need) cap = need;
    if (__builtin_add_overflow(cap, sizeof(struct mn_arena_block), &sum)) return NULL;
    struct mn_arena_block *b = mn_alloc(sum);
    if (!b) return NULL;
    b->cap = cap;
    b->used = 0;
    b->next = a->head;
    a->head = b;
    POISON(b->mem, cap);
    return b;
}

void *mn_arena_alloc(mn_arena *a, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - 64) return NULL;
    size_t size = (size_bytes + 15) & ~(size_t)15;
    if (size == 0) size = 16;
    if (a->limit_bytes &&
        (a->used_bytes > a->limit_bytes || size > a->limit_bytes - a->used_bytes))
        return NULL;
    struct mn_arena_block *b = a->head;
    if (!b || b->cap - b->used < size + RED_ZONE) b = block_new(a, size + RED_ZONE);
    if (!b) return NULL;
    void *p = b->mem + b->used;
    b->used += size + RED_ZONE;
    a->used_bytes += size;
    UNPOISON(p, size_bytes);
    return p;
}

void *mn_arena_calloc(mn_arena *a, size_t n, size_t size_bytes)
{
    size_t sum;
    if (__builtin_mul_overflow(n, size_bytes, &sum)) return NULL;
    void *p = mn_arena_alloc(a, sum);
    if (p) memset(p, 0, sum);
    return p;
}

char *mn_arena_strndup(mn_arena *a, const char *s, size_t n)
{
    char *p = n < SIZE_MAX ? mn_arena_alloc(a, n + 1) : NULL;
    if (!p) return NULL;
    if (n) memcpy(p, s, n);
    p[n] = '\0';
    return p;
}
