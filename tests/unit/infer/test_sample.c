#include "test.h"

#include <math.h>

#include "infer/infer.h"

enum { MANY = 5000 };

static mn_sampler *sampler(mn_sampling p, uint32_t V)
{
    mn_err e = {0};
    mn_sampler *s = NULL;
    RUN(mn_sampler_new(&p, V, &s, &e));
    return s;
}

static uint32_t take(mn_sampler *s, const float *l)
{
    uint32_t id = mn_sampler_pick(s, l, NULL, NULL, 0);
    mn_sampler_took(s, id);
    return id;
}

static void temperature_zero_takes_the_likeliest_and_the_smaller_id_of_equals(void **state)
{
    (void)state;
    float l[5] = {1, 3, NAN, 3, 2}, nothing[3] = {-INFINITY, -INFINITY, -INFINITY};
    uint32_t banned = 1;
    uint64_t allowed = 1u << 4 | 1u << 0;
    mn_sampler *s = sampler((mn_sampling){.top_p = 1}, 5),
               *t = sampler((mn_sampling){.top_p = 1}, 3);
    assert_int_equal(mn_sampler_pick(s, l, NULL, NULL, 0), 1);
    assert_int_equal(mn_sampler_pick(s, l, NULL, &banned, 1), 3);
    assert_int_equal(mn_sampler_pick(s, l, &allowed, NULL, 0), 4);
    allowed = 6;
    assert_int_equal(mn_sampler_pick(t, nothing, &allowed, &banned, 1), 2);
    mn_sampler_free(s);
    mn_sampler_free(t);
}

static void samples_follow_the_probabilities(void **state)
{
    (void)state;
    float l[3] = {0, logf(2), logf(5)};
    const mn_sampling how[] = {{.temperature = 1, .top_p = 1, .seed = 42},
                               {.temperature = 1, .top_p = 1, .top_k = 3, .seed = 43}};
    for (int k = 0; k < 2; k++) {
        int seen[3] = {0};
        mn_sampler *s = sampler(how[k], 3);
        for (int i = 0; i < 16000; i++) seen[take(s, l)]++;
        OK(abs(seen[0] - 2000) < 250 && abs(seen[1] - 4000) < 300 &&
           abs(seen[2] - 10000) < 350);
        mn_sampler_free(s);
    }
}

static void a_draw_is_the_same_until_it_is_taken(void **state)
{
    (void)state;
    float l[64] = {0};
    int same = 0;
    mn_sampler *s = sampler((mn_sampling){.temperature = 1, .top_p = 1, .seed = 9}, 64);
    uint32_t first = mn_sampler_pick(s, l, NULL, NULL, 0);
    assert_int_equal(mn_sampler_pick(s, l, NULL, NULL, 0), first);
    for (int i = 0; i < 32; i++) same += take(s, l) == first;
    OK(same >= 1 && same < 16);
    mn_sampler_free(s);
}

static void top_k_top_p_and_min_p_cut_the_tail(void **state)
{
    (void)state;
    float l[4] = {0, 1, 2, 3};
    mn_sampler *k = sampler((mn_sampling){.temperature = 2, .top_k = 2, .top_p = 1}, 4),
               *p = sampler((mn_sampling){.temperature = 1, .top_p = 0.6f}, 4), /* 3 has 0.64 */
                   *m = sampler((mn_sampling){.temperature = 1, .top_p = 1, .min_p = 0.3f}, 4);
    for (int i = 0; i < 500; i++) {
        OK(take(k, l) >= 2);
        assert_int_equal(take(p, l), 3);
        OK(take(m, l) >= 2); /* 2 has e^-1 = 0.37 of the likeliest, 1 has 0.14 */
    }
    mn_sampler_free(k);
    mn_sampler_free(p);
    mn_sampler_free(m);
}

/* The cuts by their definition: everything sorted. */
static size_t nucleus(const float *l, uint32_t V, float temperature, float top_p, bool *in)
{
    double sum = 0, mass = 0;
    size_t n = 0;
    for (uint32_t i = 0; i < V; i++) sum += exp((double)l[i] / (double)temperature);
    memset(in, 0, V);
    while (mass < (double)top_p * sum) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < V; i++)
            if (!in[i] && (best == UINT32_MAX || l[i] > l[best])) best = i;
        in[best] = true;
        mass += exp((double)l[best] / (double)temperature);
        n++;
    }
    return n;
}

static void the_nucleus_is_that_of_the_definition_however_wide_it_is(void **state)
{
    (void)state;
    static const float ps[] = {0.2f, 0.5f, 0.9f, 0.97f};
    static float l[MANY];
    static bool in[MANY], got[MANY];
    uint32_t x = 1;
    for (uint32_t i = 0; i < MANY; i++) {
        x = x * 1664525u + 1013904223u;
        l[i] = (float)(x >> 8) / (float)(1 << 24) * 12;
    }
    for (size_t k = 0; k < sizeof ps / sizeof *ps; k++) {
        size_t n = nucleus(l, MANY, 0.7f, ps[k], in), seen = 0;
        mn_sampler *s = sampler((mn_sampling){.temperature = 0.7f, .top_p = ps[k]}, MANY);
        memset(got, 0, sizeof got);
        for (int i = 0; i < 30000; i++) {
            uint32_t id = take(s, l);
            OK(in[id]);
            seen += !got[id];
            got[id] = true;
        }
        OK(seen > n * 8 / 10 || n > 2000);
        mn_sampler_free(s);
    }
}

static void penalties_and_bias_change_what_is_likely(void **state)
{
    (void)state;
    float l[4] = {1.0f, 1.5f, 2.0f, -1};
    const mn_bias up = {3, 4};
    mn_sampler *f = sampler((mn_sampling){.top_p = 1, .frequency = 0.3f}, 4),
               *p = sampler((mn_sampling){.top_p = 1, .presence = 0.6f}, 4),
               *r = sampler((mn_sampling){.top_p = 1, .repetition = 2}, 4),
               *b = sampler((mn_sampling){.top_p = 1, .bias = &up, .n_bias = 1}, 4);
    assert_int_equal(take(f, l), 2);
    assert_int_equal(take(f, l), 2); /* 1.7 */
    assert_int_equal(take(f, l), 1); /* 2 has 1.4 */
    assert_int_equal(take(p, l), 2);
    assert_int_equal(take(p, l), 1);
    assert_int_equal(take(p, l), 2); /* both have been there: 1.4 against 0.9 */
    mn_sampler_saw(r, &(uint32_t){2}, 1);
    assert_int_equal(take(r, l), 1); /* 2 has 1.0 */
    assert_int_equal(take(r, l), 0); /* 1 has 0.75, 0 and 2 have 1: the smaller id */
    assert_int_equal(take(b, l), 3);
    mn_sampler_free(f), mn_sampler_free(p), mn_sampler_free(r), mn_sampler_free(b);
}

static void what_is_not_allowed_is_never_drawn(void **state)
{
    (void)state;
    float l[130];
    uint64_t allowed[3] = {1ull << 7 | 1ull << 63, 1, 2}; /* 7, 63, 64, 129 */
    uint32_t banned[] = {63}, seen[130] = {0};
    for (int i = 0; i < 130; i++) l[i] = i % 2 ? 5 : 4;
    mn_sampler *s = sampler((mn_sampling){.temperature = 1, .top_p = 0.99f, .seed = 1}, 130);
    for (int i = 0; i < 2000; i++) {
        uint32_t id = mn_sampler_pick(s, l, allowed, banned, 1);
        mn_sampler_took(s, id);
        seen[id]++;
    }
    assert_int_equal(seen[7] + seen[64] + seen[129], 2000);
    OK(seen[7] > 500 && seen[64] > 100 && seen[129] > 500);
    mn_sampler_free(s);
}

static void log_probabilities_are_those_of_the_softmax(void **state)
{
    (void)state;
    float l[6] = {0, -1, 4, 2, 4, -90};
    double sum = 0;
    mn_logprob top[8];
    for (int i = 0; i < 6; i++) sum += exp((double)l[i]);
    float got = mn_logprobs(l, 6, 1, top, 3);
    OK(fabs((double)got - (-1 - log(sum))) < 1e-5);
    OK(top[0].id == 2 && top[1].id == 4 && top[2].id == 3);
    for (int i = 0; i < 3; i++)
        OK(fabs((double)top[i].logprob - ((double)l[top[i].id] - log(sum))) < 1e-5);
    OK(fabs((double)mn_logprobs(l, 6, 5, NULL, 0) - (-90 - log(sum))) < 1e-4);
}

static void sampling_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_sampler *s;
    const mn_bias far = {3, 1}, nan = {0, NAN};
    const mn_sampling bad[] = {
        {.temperature = -1, .top_p = 1},         {.temperature = NAN, .top_p = 1},
        {.temperature = 1, .top_p = 0},          {.temperature = 1, .top_p = 1.01f},
        {.top_p = 1, .presence = 2.5f},          {.top_p = 1, .frequency = -3},
        {.top_p = 1, .repetition = -1},          {.top_p = 1, .min_p = 2},
        {.top_p = 1, .bias = &far, .n_bias = 1}, {.top_p = 1, .bias = &nan, .n_bias = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_USAGE, mn_sampler_new(&bad[i], 3, &s, &e));
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_sampler *s;
    const mn_bias up = {1, 1};
    for (long n = 1; n <= 5; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_sampler_new(
            &(mn_sampling){
                .temperature = 1, .top_p = 1, .presence = 1, .bias = &up, .n_bias = 1},
            3, &s, &e);
        mn_mem_fail_after(0);
        assert_int_equal(rc, MN_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(temperature_zero_takes_the_likeliest_and_the_smaller_id_of_equals),
        TEST(samples_follow_the_probabilities),
        TEST(a_draw_is_the_same_until_it_is_taken),
        TEST(top_k_top_p_and_min_p_cut_the_tail),
        TEST(the_nucleus_is_that_of_the_definition_however_wide_it_is),
        TEST(penalties_and_bias_change_what_is_likely),
        TEST(what_is_not_allowed_is_never_drawn),
        TEST(log_probabilities_are_those_of_the_softmax),
        TEST(sampling_that_makes_no_sense_is_refused),
        TEST(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
