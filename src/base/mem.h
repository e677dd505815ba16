/* Memory. malloc and its kin are called in this module only.
 *
 * mn_alloc & co. return NULL on failure (callers return MN_E_NOMEM). Tests make the n-th allocation fail through
 * mn_mem_fail_after. An arena hands out memory that lives until the arena is reset: one request, one job.
 */
#ifndef MN_BASE_MEM_H
#define MN_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mn_alloc(size_t size_bytes);            /* uninitialised; size 0 gives a unique pointer */
void *mn_calloc(size_t n, size_t size_bytes); /* zeroed; NULL when n * size_bytes overflows */
void *mn_realloc(void *p, size_t size_bytes);
void *mn_reallocarray(void *p, size_t n,
                      size_t size_bytes); /* NULL on overflow; p stays valid */
void mn_free(void *p);                    /* NULL is fine */
char *mn_strdup(const char *s);
char *mn_strndup(const char *s, size_t n); /* copies n bytes and adds NUL */
/* Aligned to align_bytes (a power of two ≥ 16), zeroed; free with mn_free. For tensors. */
void *mn_alloc_aligned(size_t align_bytes, size_t size_bytes);

/* For what is large, written by several threads and read through again and again: aligned to 64 bytes, uninitialised, on huge
 * pages where it fills some and the system has them; free with mn_free. */
void *mn_alloc_pages(size_t size_bytes);

/* Bytes of memory that this machine has; 0: not known. */
uint64_t mn_mem_of_machine(void);

/* Test aid: the n-th allocation from now (1 = next) and all after it fail; 0 switches it off. Process-wide. */
void mn_mem_fail_after(long n);

/* An arena: bump allocation from growing blocks, freed all at once. Not thread-safe; one owner. */
typedef struct mn_arena {
    struct mn_arena_block *head;
    size_t used_bytes;  /* in all blocks */
    size_t limit_bytes; /* 0 = none; an allocation past it returns NULL */
} mn_arena;

void mn_arena_init(mn_arena *a, size_t limit_bytes);
void mn_arena_reset(mn_arena *a); /* frees everything but one block, which is kept for reuse */
void mn_arena_release(mn_arena *a); /* frees everything */
/* 16-byte aligned, uninitialised; NULL on failure or past the limit. */
void *mn_arena_alloc(mn_arena *a, size_t size_bytes);
void *mn_arena_calloc(mn_arena *a, size_t n, size_t size_bytes);
/* Copies n bytes and adds a NUL. */
char *mn_arena_strndup(mn_arena *a, const char *s, size_t n);

#endif
