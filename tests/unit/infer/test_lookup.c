#include "test.h"

#include "infer/batch_int.h"

static uint32_t draft(mn_lookup *l, const char *text, uint32_t most, float least, char ret[16])
{
    uint32_t ids[256], got[MN_LOOKUP_DRAFT], n = (uint32_t)strlen(text);
    for (uint32_t i = 0; i < n; i++) ids[i] = (uint32_t)text[i];
    uint32_t m = mn_lookup__draft(l, ids, n, most, least, got);
    for (uint32_t i = 0; i < m; i++) ret[i] = (char)got[i];
    ret[m] = '\0';
    return m;
}

static void what_followed_the_last_tokens_before_is_drafted(void **state)
{
    (void)state;
    mn_lookup l;
    char got[16];
    mn_lookup__init(&l);
    assert_int_equal(draft(&l, "the mynah talks. the my", 4, 0, got), 4);
    assert_string_equal(got, "nah ");
    assert_int_equal(draft(&l, "the mynah talks. the mynah ", 5, 0, got), 5);
    assert_string_equal(got, "talks");
    mn_lookup__release(&l);
}

static void the_longest_run_decides_and_the_latest_place_of_it(void **state)
{
    (void)state;
    mn_lookup l;
    char got[16];
    mn_lookup__init(&l);
    OK(draft(&l, "abcX bcY cZ abc", 1, 0, got));
    assert_string_equal(got, "X");
    mn_lookup__release(&l);
    mn_lookup__init(&l);
    OK(draft(&l, "abcX abcY abc", 1, 0, got));
    assert_string_equal(got, "Y");
    mn_lookup__release(&l);
}

static void nothing_new_has_no_draft(void **state)
{
    (void)state;
    mn_lookup l;
    char got[16];
    mn_lookup__init(&l);
    assert_int_equal(draft(&l, "", 8, 0, got), 0);
    assert_int_equal(draft(&l, "a", 8, 0, got), 0);
    assert_int_equal(draft(&l, "abcdefg", 8, 0, got), 0);
    assert_int_equal(draft(&l, "aa", 8, 0, got),
                     1); /* the end of the text is the end of the draft */
    mn_lookup__release(&l);
}

static void drafts_that_fail_are_tried_less_and_those_that_hold_longer(void **state)
{
    (void)state;
    mn_lookup good, bad;
    char got[16];
    const char *text = "one two three. one two three. one tw";
    mn_lookup__init(&good), mn_lookup__init(&bad);
    uint32_t first = draft(&good, text, 8, 0.3f, got), n = first;
    OK(first >= 2 && first < 8);
    for (int i = 0; i < 30; i++) {
        n = draft(&good, text, 8, 0.3f, got);
        mn_lookup__learn(&good, n, n);
    }
    assert_int_equal(n, 8);
    for (int i = 0; i < 30; i++) {
        n = draft(&bad, text, 8, 0.3f, got);
        mn_lookup__learn(&bad, n, 0);
        if (n == 0) break;
    }
    assert_int_equal(n, 0);
    for (int i = 0; i < 200 && n == 0; i++) n = draft(&bad, text, 8, 0.3f, got);
    OK(n > 0); /* in the end it is tried again */
    mn_lookup__release(&good), mn_lookup__release(&bad);
}

static void a_text_that_grows_is_indexed_as_it_grows(void **state)
{
    (void)state;
    static uint32_t ids[5000];
    mn_lookup l;
    uint32_t got[MN_LOOKUP_DRAFT], found = 0;
    mn_lookup__init(&l);
    for (uint32_t i = 0; i < 5000; i++) ids[i] = i % 1000 + (i / 1000 == 2 ? 7000 : 0);
    for (uint32_t n = 1; n < 5000; n++) {
        uint32_t m = mn_lookup__draft(&l, ids, n, 1, 0, got);
        if (n > 1003 && n < 2000) OK(m == 1 && got[0] == ids[n]);
        found += m && got[0] == ids[n];
    }
    OK(found > 2900);
    mn_lookup__release(&l);
}

static void without_memory_there_is_no_draft(void **state)
{
    (void)state;
    for (long k = 1; k <= 3; k++) {
        mn_lookup l;
        char got[16];
        mn_lookup__init(&l);
        mn_mem_fail_after(k);
        assert_int_equal(draft(&l, "abab", 8, 0, got), 0);
        mn_mem_fail_after(0);
        OK(draft(&l, "abab", 8, 0, got) > 0);
        mn_lookup__release(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_followed_the_last_tokens_before_is_drafted),
        TEST(the_longest_run_decides_and_the_latest_place_of_it),
        TEST(nothing_new_has_no_draft),
        TEST(drafts_that_fail_are_tried_less_and_those_that_hold_longer),
        TEST(a_text_that_grows_is_indexed_as_it_grows),
        TEST(without_memory_there_is_no_draft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
