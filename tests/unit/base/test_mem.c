#include "test.h"

#include "base/mem.h"

static int failures_stop(void **state)
{
    (void)state;
    mn_mem_fail_after(0);
    return 0;
}

static void nothing_is_allocated_past_the_address_space(void **state)
{
    (void)state;
    OK(!mn_calloc(SIZE_MAX / 2, 3));
    char *p = mn_alloc(8);
    OK(!mn_reallocarray(p, SIZE_MAX / 2, 3));
    p[7] = 1; /* still ours */
    mn_free(p);
    OK(!mn_strndup("x", SIZE_MAX));
    OK(!mn_alloc_aligned(64, SIZE_MAX - 3));
}

static void size_zero_gives_unique_pointers(void **state)
{
    (void)state;
    void *a = mn_alloc(0), *b = mn_alloc(0), *c = mn_calloc(0, 8);
    OK(a && b && c && a != b && b != c);
    a = mn_realloc(a, 0);
    OK(a != NULL);
    mn_free(a), mn_free(b), mn_free(c), mn_free(NULL);
}

static void copies_end_in_a_nul(void **state)
{
    (void)state;
    char *a = mn_strdup("post"), *b = mn_strndup("a\0b!", 3);
    assert_string_equal(a, "post");
    OK(memcmp(b, "a\0b\0", 4) == 0);
    mn_free(a), mn_free(b);
}

static void aligned_memory_is_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t align = 16; align <= 4096; align *= 2)
        for (size_t size = 0; size < 300; size += 37) {
            unsigned char *p = mn_alloc_aligned(align, size);
            OK(p && (uintptr_t)p % align == 0);
            for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
            mn_free(p);
        }
}

static void the_nth_allocation_and_all_after_it_fail(void **state)
{
    (void)state;
    mn_mem_fail_after(3);
    void *a = mn_alloc(1), *b = mn_calloc(1, 1);
    OK(a && b);
    OK(!mn_alloc(1) && !mn_calloc(1, 1) && !mn_realloc(a, 100) && !mn_strdup("x") &&
       !mn_alloc_aligned(16, 1));
    mn_mem_fail_after(0);
    void *c = mn_alloc(1);
    OK(c);
    mn_free(a), mn_free(b), mn_free(c);
}

static void arena_memory_is_aligned_and_does_not_overlap(void **state)
{
    (void)state;
    mn_arena a;
    unsigned char *at[500];
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < 500; i++) {
        at[i] = mn_arena_alloc(&a, i * 7 % 900);
        OK(at[i] && (uintptr_t)at[i] % 16 == 0);
        memset(at[i], (int)(i & 255), i * 7 % 900);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t k = 0; k < i * 7 % 900; k++) assert_int_equal(at[i][k], i & 255);
    mn_arena_release(&a);
    OK(a.head == NULL && a.used_bytes == 0);
    mn_arena_release(&a);
}

static void an_arena_refuses_what_passes_its_limit(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 100);
    OK(mn_arena_alloc(&a, 64));
    OK(!mn_arena_alloc(&a, 64));
    OK(mn_arena_alloc(&a, 32));
    assert_int_equal(a.used_bytes, 96);
    OK(!mn_arena_alloc(&a, 16) && !mn_arena_alloc(&a, SIZE_MAX) &&
       !mn_arena_alloc(&a, SIZE_MAX - 63));
    mn_arena_reset(&a);
    OK(mn_arena_alloc(&a, 96));
    mn_arena_release(&a);
    mn_arena_init(&a, 0);
    OK(!mn_arena_calloc(&a, SIZE_MAX / 4, 8) && !mn_arena_strndup(&a, "x", SIZE_MAX));
    mn_arena_release(&a);
}

static void a_reset_arena_reuses_one_block(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    for (int i = 0; i < 3000; i++) OK(mn_arena_alloc(&a, 100));
    OK(mn_arena_alloc(&a, 8 << 20));
    mn_arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);
    mn_mem_fail_after(1); /* what fits in the block that was kept needs no allocation */
    for (int i = 0; i < 500; i++) OK(mn_arena_alloc(&a, 100));
    OK(!mn_arena_alloc(&a, 2 << 20));
    mn_mem_fail_after(0);
    OK(mn_arena_alloc(&a, 2 << 20));
    mn_arena_release(&a);
}

static void arena_copies_and_zeroes(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    memset(mn_arena_alloc(&a, 2000), 0xFF, 2000);
    mn_arena_reset(&a);
    unsigned char *z = mn_arena_calloc(&a, 100, 20);
    for (int i = 0; i < 2000; i++) assert_int_equal(z[i], 0);
    assert_string_equal(mn_arena_strndup(&a, "mynah bird", 5), "mynah");
    assert_string_equal(mn_arena_strndup(&a, NULL, 0), "");
    mn_arena_release(&a);
}

static void an_arena_gives_null_when_memory_is_out(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_mem_fail_after(1);
    OK(!mn_arena_alloc(&a, 1) && !mn_arena_calloc(&a, 1, 1) && !mn_arena_strndup(&a, "x", 1));
    mn_arena_reset(&a);
    mn_mem_fail_after(0);
    mn_arena_release(&a);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, failures_stop)
    const struct CMUnitTest tests[] = {
        T(nothing_is_allocated_past_the_address_space),
        T(size_zero_gives_unique_pointers),
        T(copies_end_in_a_nul),
        T(aligned_memory_is_aligned_and_zero),
        T(the_nth_allocation_and_all_after_it_fail),
        T(arena_memory_is_aligned_and_does_not_overlap),
        T(an_arena_refuses_what_passes_its_limit),
        T(a_reset_arena_reuses_one_block),
        T(arena_copies_and_zeroes),
        T(an_arena_gives_null_when_memory_is_out),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
