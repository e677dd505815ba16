/* The small classifier of texts: it learns what tells labels apart, its threshold gives shares that are right, and placeholders mean nothing to it. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "model/linear.h"

#define N 600

static char lines[N][100];
static mn_str texts[N];
static uint8_t labels[N];
static mn_err e;

/* A third is rude, most of it by a word, some of it by two that are harmless alone. */
static void make_texts(uint64_t stream)
{
    static const char *const mild[] = {"tea", "rain", "bees", "the harbour", "an old cat"};
    for (size_t i = 0; i < N; i++) {
        const uint64_t r = mn_rand_at(9, stream, i);
        const char *a = mild[r % 5], *b = mild[(r >> 8) % 5];
        labels[i] = (r >> 16) % 3 == 0;
        const char *how = !labels[i] ? "likes" : (r >> 24) % 4 ? "you nitwit," : "likes no";
        snprintf(lines[i], sizeof lines[i], "%s %s %s, no %llu", a, how, b,
                 (unsigned long long)((r >> 32) % 100));
        texts[i] = mn_str_from(lines[i]);
    }
}

static void what_tells_labels_apart_is_learnt(void **state)
{
    (void)state;
    mn_linear *c;
    size_t right = 0, said = 0, ones = 0;
    make_texts(1);
    RUN(mn_linear_learn(texts, labels, N, 1, &c, &e));
    make_texts(2);
    for (size_t i = 0; i < N; i++) {
        const bool one = mn_linear_score(c, texts[i]) >= mn_linear_threshold(c);
        right += one == (labels[i] == 1), said += one, ones += labels[i];
    }
    OK(right > N * 95 / 100);
    OK(fabs((double)said - (double)ones) < N * 0.03);
    mn_linear_free(c);
}

/* Labels that nothing in the text speaks of: the share that is judged 1 is still that of the labels. */
static void the_threshold_gives_the_share_where_nothing_can_be_learnt(void **state)
{
    (void)state;
    mn_linear *c;
    size_t said = 0;
    make_texts(3);
    for (size_t i = 0; i < N; i++) {
        snprintf(lines[i], sizeof lines[i], "word%llu word%llu",
                 (unsigned long long)(mn_rand_at(5, 1, i) % 40),
                 (unsigned long long)(mn_rand_at(5, 2, i) % 40));
        texts[i] = mn_str_from(lines[i]);
        labels[i] = mn_rand_at(5, 3, i) % 4 == 0;
    }
    RUN(mn_linear_learn(texts, labels, N, 1, &c, &e));
    for (size_t i = 0; i < N; i++) {
        snprintf(lines[i], sizeof lines[i], "word%llu word%llu",
                 (unsigned long long)(mn_rand_at(6, 1, i) % 40),
                 (unsigned long long)(mn_rand_at(6, 2, i) % 40));
        said += mn_linear_score(c, mn_str_from(lines[i])) >= mn_linear_threshold(c);
    }
    OK(said > N / 10 && said < N * 45 / 100); /* a quarter are */
    mn_linear_free(c);
}

static void the_same_texts_and_seed_give_the_same_scores(void **state)
{
    (void)state;
    mn_linear *a, *b;
    make_texts(1);
    RUN(mn_linear_learn(texts, labels, N, 7, &a, &e));
    RUN(mn_linear_learn(texts, labels, N, 7, &b, &e));
    OK(mn_linear_threshold(a) == mn_linear_threshold(b));
    for (size_t i = 0; i < N; i++)
        OK(mn_linear_score(a, texts[i]) == mn_linear_score(b, texts[i]));
    mn_linear_free(a), mn_linear_free(b);
}

static double score(mn_linear *c, const char *text)
{
    return mn_linear_score(c, mn_str_from(text));
}

static void placeholders_and_addresses_mean_nothing(void **state)
{
    (void)state;
    mn_linear *c;
    make_texts(1);
    RUN(mn_linear_learn(texts, labels, N, 1, &c, &e));
    const double plain = score(c, "the bees like you nitwit");
    OK(plain == score(c, "@user the bees like you nitwit [link]"));
    OK(plain == score(c, "@Other_1 THE Bees like you http://nitwit.example/bees nitwit"));
    OK(plain != score(c, "the bees like you"));
    OK(score(c, "#nitwit you") == score(c, "nitwit you"));
    mn_linear_free(c);
}

static void any_bytes_have_a_score(void **state)
{
    (void)state;
    mn_linear *c;
    static char long_[3 * MN_LINEAR_TEXT_MAX];
    make_texts(1);
    RUN(mn_linear_learn(texts, labels, N, 1, &c, &e));
    const double none = mn_linear_score(c, MN_STR(""));
    OK(none > 0 && none < 1);
    OK(none == mn_linear_score(c, MN_STR("\xff\xc3\x28\0")));
    for (size_t i = 0; i < sizeof long_; i++) long_[i] = (char)('a' + i % 26);
    OK(isfinite(mn_linear_score(c, (mn_str){long_, sizeof long_})));
    for (size_t i = 1; i < sizeof long_; i += 2) long_[i] = ' ';
    OK(isfinite(mn_linear_score(c, (mn_str){long_, sizeof long_})));
    OK(mn_linear_score(c, (mn_str){long_, sizeof long_}) ==
       mn_linear_score(c, (mn_str){long_, MN_LINEAR_TEXT_MAX}));
    mn_linear_free(c);
}

static void too_little_to_learn_from_is_refused(void **state)
{
    (void)state;
    mn_linear *c;
    make_texts(1);
    OK(mn_linear_learn(texts, labels, 60, 1, &c, &e) == MN_E_LIMIT);
    OK(strstr(e.msg, "at least 50"));
    memset(labels, 1, sizeof labels);
    OK(mn_linear_learn(texts, labels, N, 1, &c, &e) == MN_E_LIMIT);
}

static void no_memory_is_said(void **state)
{
    (void)state;
    mn_linear *c;
    make_texts(1);
    for (long n = 1; n < 9; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_linear_learn(texts, labels, N, 1, &c, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_tells_labels_apart_is_learnt),
        TEST(the_threshold_gives_the_share_where_nothing_can_be_learnt),
        TEST(the_same_texts_and_seed_give_the_same_scores),
        TEST(placeholders_and_addresses_mean_nothing),
        TEST(any_bytes_have_a_score),
        TEST(too_little_to_learn_from_is_refused),
        TEST(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
