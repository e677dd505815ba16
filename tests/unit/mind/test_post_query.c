/* What people type to find posts. */
#include "test.h"

#include "mind/post_query.h"

static mn_err e;
static mn_arena ar;

static mn_post_query q_of(const char *text)
{
    mn_post_query q;
    RUN(mn_post_query_parse(mn_str_from(text), &ar, &q, &e));
    return q;
}

static bool fits(const char *query, const char *text)
{
    bool yes = false;
    mn_post_query q = q_of(query);
    RUN(mn_post_query_fits_text(&q, mn_str_from(text), &ar, &yes, &e));
    return yes;
}

static void words_phrases_and_operators_are_told_apart(void **state)
{
    (void)state;
    mn_post_query q = q_of("blue \"two words\" -red from:@Alice -from:bob has:poll -is:reply "
                           "language:it in:library");
    IS(q.words, "blue two words");
    assert_int_equal(q.n_phrases, 1);
    IS(q.phrases[0], "two words");
    assert_int_equal(q.n_not_words, 1);
    IS(q.not_words[0], "red");
    IS(q.from[0], "Alice");
    IS(q.not_from[0], "bob");
    assert_int_equal(q.has, MN_HAS_POLL);
    assert_int_equal(q.has_not, MN_IS_REPLY);
    IS(q.langs[0], "it");
    assert_int_equal(q.in, MN_IN_LIBRARY);
}

static void days_are_bounds(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000), d = INT64_C(1704067200000); /* 2024-01-01 */
    assert_int_equal(q_of("since:2024-01-01").from_ms, d);
    assert_int_equal(q_of("after:2024-01-01").from_ms, d + day);
    assert_int_equal(q_of("before:2024-01-01").until_ms, d);
    mn_post_query q = q_of("during:2024-01-01");
    assert_int_equal(q.from_ms, d);
    assert_int_equal(q.until_ms, d + day);
    q = q_of("since:2023-01-01 since:2024-01-01 before:2025-01-01 before:2024-06-01");
    assert_int_equal(q.from_ms, d);
    OK(q.until_ms < d + 366 * day);
}

static void what_is_no_operator_is_a_word(void **state)
{
    (void)state;
    IS(q_of("since:yesterday").words, "since:yesterday");
    IS(q_of("has:feathers").words, "has:feathers");
    IS(q_of("https://example.org").words, "https://example.org");
    IS(q_of("since:2024-13-01").words, "since:2024-13-01");
    IS(q_of("from:").words, "from:");
    IS(q_of("-").words, "-");
    IS(q_of("a - b").words, "a - b");
    IS(q_of("\"open").phrases[0], "open");
}

static void nothing_is_empty(void **state)
{
    (void)state;
    mn_post_query q = q_of(" ");
    OK(mn_post_query_empty(&q));
    q = q_of("-word");
    OK(mn_post_query_empty(&q));
    q = q_of("from:me");
    OK(!mn_post_query_empty(&q));
    RUN(mn_post_query_parse(MN_STR("\xff\xfe"), &ar, &q, &e));
    OK(mn_post_query_empty(&q));
}

static void texts_fit_as_the_index_compares(void **state)
{
    (void)state;
    OK(fits("perche", "Perché no?"));
    OK(fits("bird sings", "The birds were singing"));
    OK(!fits("bird sleep", "The birds were singing"));
    OK(fits("\"blue kettle\"", "my Blue kettle sings"));
    OK(!fits("\"blue kettle\"", "a kettle, blue"));
    OK(!fits("kettle -blue", "a blue kettle"));
    OK(fits("kettle -\"blue kettle\"", "a kettle, blue"));
    OK(fits("#tea", "more #Tea please"));
    OK(fits("日本", "ここは日本です"));
}

static void parts_have_a_limit(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < 100; i++) mn_buf_addf(&b, "from:a%d -b%d \"c%d\" ", i, i, i);
    mn_post_query q = q_of(b.ptr);
    OK(q.n_from <= MN_POST_QUERY_PARTS && q.n_not_words <= MN_POST_QUERY_PARTS);
    OK(q.n_phrases <= MN_POST_QUERY_PARTS && q.words.len <= MN_POST_QUERY_MAX);
    mn_buf_release(&b);
}

static int begin(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    return 0;
}
static int end(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_phrases_and_operators_are_told_apart),
        TEST(days_are_bounds),
        TEST(what_is_no_operator_is_a_word),
        TEST(nothing_is_empty),
        TEST(texts_fit_as_the_index_compares),
        TEST(parts_have_a_limit),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
