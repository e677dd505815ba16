#include "tiny.h"

#include "infer/infer_int.h"

/* Four blocks of one layer, one head of two. */
enum { BLOCKS = 4 };

static mn_kv kv_of(uint32_t n_blocks)
{
    mn_kv kv;
    mn_err e = {0};
    const mn_kv_shape shape = {MN_KV_F16, 1, 2};
    RUN(mn_kv__init(&kv, &shape, 1, n_blocks, &e));
    return kv;
}

static void fill(uint32_t first, uint32_t ids[MN_KV_BLOCK])
{
    for (uint32_t i = 0; i < MN_KV_BLOCK; i++) ids[i] = first + i;
}

static void blocks_are_given_out_once_and_come_back(void **state)
{
    (void)state;
    mn_kv kv = kv_of(BLOCKS);
    uint32_t b[BLOCKS], used, kept;
    for (int i = 0; i < BLOCKS; i++) {
        b[i] = mn_kv__take(&kv);
        for (int k = 0; k < i; k++) OK(b[i] != b[k]);
        OK(mn_kv__is_own(&kv, b[i]));
    }
    assert_int_equal(mn_kv__take(&kv), MN_KV_NONE);
    mn_kv__drop(&kv, b[2]);
    assert_int_equal(mn_kv__take(&kv), b[2]);
    for (int i = 0; i < BLOCKS; i++) mn_kv__drop(&kv, b[i]);
    mn_kv__counts(&kv, &used, &kept);
    assert_int_equal(used + kept, 0);
    mn_kv__release(&kv);
}

static void what_was_offered_is_found_by_all_tokens_before_it(void **state)
{
    (void)state;
    mn_kv kv = kv_of(BLOCKS);
    uint32_t one[MN_KV_BLOCK], two[MN_KV_BLOCK], a, b;
    fill(1, one), fill(100, two);
    a = mn_kv__take(&kv), b = mn_kv__take(&kv);
    assert_int_equal(mn_kv__offer(&kv, MN_KV_NONE, a, one), a);
    assert_int_equal(mn_kv__offer(&kv, a, b, two), b);
    OK(!mn_kv__is_own(&kv, a));
    assert_int_equal(mn_kv__find(&kv, MN_KV_NONE, one), a);
    assert_int_equal(mn_kv__find(&kv, a, two), b);
    assert_int_equal(mn_kv__find(&kv, MN_KV_NONE, two), MN_KV_NONE);
    assert_int_equal(mn_kv__find(&kv, a, one), MN_KV_NONE);
    one[31]++;
    assert_int_equal(mn_kv__find(&kv, MN_KV_NONE, one), MN_KV_NONE);
    mn_kv__release(&kv);
}

static void the_same_offered_twice_is_kept_once(void **state)
{
    (void)state;
    mn_kv kv = kv_of(BLOCKS);
    uint32_t ids[MN_KV_BLOCK], used, kept;
    fill(1, ids);
    uint32_t a = mn_kv__take(&kv), b = mn_kv__take(&kv);
    assert_int_equal(mn_kv__offer(&kv, MN_KV_NONE, a, ids), a);
    assert_int_equal(mn_kv__offer(&kv, MN_KV_NONE, b, ids), a);
    mn_kv__counts(&kv, &used, &kept);
    assert_int_equal(used, 1);
    mn_kv__drop(&kv, a), mn_kv__drop(&kv, a);
    mn_kv__counts(&kv, &used, &kept);
    OK(used == 0 && kept == 1);
    mn_kv__release(&kv);
}

static void the_oldest_unused_block_goes_first_and_what_followed_it_is_not_found(void **state)
{
    (void)state;
    mn_kv kv = kv_of(BLOCKS);
    uint32_t ids[BLOCKS][MN_KV_BLOCK], b[BLOCKS];
    for (uint32_t i = 0; i < BLOCKS; i++) {
        fill(1 + 100 * i, ids[i]);
        b[i] = mn_kv__take(&kv);
        /* 0 and 1 are a chain, 2 and 3 begin sequences */
        mn_kv__offer(&kv, i == 1 ? b[0] : MN_KV_NONE, b[i], ids[i]);
    }
    for (int i = 0; i < BLOCKS; i++) mn_kv__drop(&kv, b[i]);
    assert_int_equal(mn_kv__take(&kv), b[0]);
    assert_int_equal(mn_kv__find(&kv, MN_KV_NONE, ids[0]), MN_KV_NONE);
    assert_int_equal(mn_kv__find(&kv, b[0], ids[1]),
                     MN_KV_NONE); /* b[0] is another block now */
    assert_int_equal(mn_kv__find(&kv, MN_KV_NONE, ids[2]), b[2]); /* in use again */
    assert_int_equal(mn_kv__take(&kv), b[1]);
    assert_int_equal(mn_kv__take(&kv), b[3]);
    assert_int_equal(mn_kv__take(&kv), MN_KV_NONE);
    mn_kv__release(&kv);
}

/* Random taking, dropping, offering and finding beside a plain count of references. */
static void counts_agree_with_a_model_of_them(void **state)
{
    (void)state;
    enum { N = 12 };
    mn_kv kv = kv_of(N);
    uint32_t refs[N] = {0}, ids[MN_KV_BLOCK], x = 5, used, kept;
    for (int step = 0; step < 20000; step++) {
        x = x * 1664525u + 1013904223u;
        uint32_t b = (x >> 8) % N, what = (x >> 20) % 4, in_use = 0;
        fill(1000 * ((x >> 12) % 9), ids);
        if (what == 0 && (b = mn_kv__take(&kv)) != MN_KV_NONE) {
            assert_int_equal(refs[b], 0);
            refs[b] = 1;
        } else if (what == 1 && refs[b]) {
            refs[b]--;
            mn_kv__drop(&kv, b);
        } else if (what == 2 && refs[b] && mn_kv__is_own(&kv, b)) {
            refs[b]--;
            refs[mn_kv__offer(&kv, MN_KV_NONE, b, ids)]++;
        } else if (what == 3 && (b = mn_kv__find(&kv, MN_KV_NONE, ids)) != MN_KV_NONE) {
            refs[b]++;
        }
        for (int i = 0; i < N; i++) in_use += refs[i] > 0;
        mn_kv__counts(&kv, &used, &kept);
        assert_int_equal(used, in_use);
        OK(used + kept <= N);
    }
    mn_kv__release(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_given_out_once_and_come_back),
        TEST(what_was_offered_is_found_by_all_tokens_before_it),
        TEST(the_same_offered_twice_is_kept_once),
        TEST(the_oldest_unused_block_goes_first_and_what_followed_it_is_not_found),
        TEST(counts_agree_with_a_model_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
