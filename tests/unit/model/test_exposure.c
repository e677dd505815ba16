/* Exposure against values worked out by hand, the distribution against the normal one, the fit against what was drawn. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "model/exposure.h"

static bool near(double a, double b, double by)
{
    return fabs(a - b) <= by * fmax(1, fabs(b));
}

static void exposure_is_what_the_rank_says(void **state)
{
    (void)state;
    double refs[16];
    for (int i = 0; i < 16; i++) refs[i] = i + 1;
    OK(near(mn_exposure(0, refs, 16), 4, 1e-12)); /* likelier than all */
    OK(near(mn_exposure(0.1, refs, 16), 4, 1e-12));
    OK(near(mn_exposure(3.5, refs, 16), 2, 1e-12)); /* fourth of sixteen */
    OK(near(mn_exposure(20, refs, 16), 4 - log2(17), 1e-12));
    OK(near(mn_exposure(3, refs, 16), 4 - log2(3), 1e-12)); /* an equal one is not likelier */
    OK(near(mn_exposure(5, (double[]){5}, 1), 0, 1e-12));
}

static void chance_is_the_mean_over_ranks(void **state)
{
    (void)state;
    enum { N = 4096 };
    static double refs[N];
    double sum = 0;
    for (int i = 0; i < N; i++) refs[i] = i;
    for (int i = 0; i < N; i++) sum += mn_exposure(i - 0.5, refs, N) / N;
    OK(near(sum, MN_EXPOSURE_CHANCE, 2e-3));
}

static double log2_phi(double t)
{
    return log2(0.5 * erfc(-t / sqrt(2)));
}

/* With shape 0 it is the normal distribution, with shape 1 its square, with -1 what is left of the square. */
static void the_distribution_is_the_normal_one_where_it_must_be(void **state)
{
    (void)state;
    const double at[] = {-20, -8, -3, -1.96, -0.5, 0, 0.7, 2};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        const double x = 5 + 3 * at[i], phi = 0.5 * erfc(-at[i] / sqrt(2));
        OK(near(mn_skew_normal_log2_cdf(&(mn_skew_normal){5, 3, 0}, x), log2_phi(at[i]), 1e-6));
        OK(near(mn_skew_normal_log2_cdf(&(mn_skew_normal){5, 3, 1}, x), 2 * log2_phi(at[i]),
                1e-6));
        OK(near(mn_skew_normal_log2_cdf(&(mn_skew_normal){5, 3, -1}, x),
                log2(2 * phi - phi * phi), 1e-6));
    }
    OK(near(exp2(mn_skew_normal_log2_cdf(&(mn_skew_normal){0, 1, 0}, -1.959963985)), 0.025,
            1e-6));
    /* beyond what a double can hold: -x^2/2 - log(x sqrt(2 pi)) to first order */
    double far = mn_skew_normal_log2_cdf(&(mn_skew_normal){0, 1, 0}, -60) * log(2);
    OK(near(far, -1800 - log(60) - 0.5 * log(2 * M_PI) - 1 / 3600.0, 1e-7));
    OK(mn_skew_normal_log2_cdf(&(mn_skew_normal){0, 1, 4}, 100) <= 0);
}

/* loc + scale (delta |u| + sqrt(1 - delta^2) v) of normal u, v. */
static void draw(double *x, size_t n, const mn_skew_normal *s)
{
    const double delta = s->shape / sqrt(1 + s->shape * s->shape);
    for (size_t i = 0; i < n; i++) {
        double r = sqrt(-2 * log(1 - mn_rand_unit(mn_rand_at(1, 1, i))));
        double a = 2 * M_PI * mn_rand_unit(mn_rand_at(1, 2, i));
        x[i] = s->loc +
               s->scale * (delta * fabs(r * cos(a)) + sqrt(1 - delta * delta) * r * sin(a));
    }
}

static void the_fit_finds_what_was_drawn(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double x[N];
    mn_err e = {0};
    const mn_skew_normal from[] = {{40, 5, 3}, {100, 12, -2}, {-3, 0.5, 0}};
    for (int k = 0; k < 3; k++) {
        mn_skew_normal s;
        size_t below = 0;
        draw(x, N, &from[k]);
        RUN(mn_skew_normal_fit(x, N, &s, &e));
        if (k < 2) {
            OK(fabs(s.loc - from[k].loc) < 0.15 * from[k].scale);
            OK(near(s.scale, from[k].scale, 0.1) && fabs(s.shape - from[k].shape) < 0.6);
        }
        for (int at = -1; at <= 2; at++) { /* probabilities, whatever the parameters */
            double t = from[k].loc + at * from[k].scale;
            below = 0;
            for (size_t i = 0; i < N; i++) below += x[i] < t;
            OK(fabs(exp2(mn_skew_normal_log2_cdf(&s, t)) - (double)below / N) < 0.02);
        }
    }
    FAILS(MN_E_LIMIT, mn_skew_normal_fit(x, 7, &(mn_skew_normal){0}, &e));
    for (int i = 0; i < 20; i++) x[i] = 3;
    FAILS(MN_E_LIMIT, mn_skew_normal_fit(x, 20, &(mn_skew_normal){0}, &e));
}

/* Extrapolation goes on where the rank can say no more, and agrees where it can. */
static void beyond_the_references_exposure_goes_on(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double x[N];
    mn_err e = {0};
    mn_skew_normal s;
    draw(x, N, &(mn_skew_normal){60, 4, 1});
    RUN(mn_skew_normal_fit(x, N, &s, &e));
    OK(near(mn_exposure(20, x, N), log2(N), 1e-12) && mn_exposure_beyond(20, &s) > 60);
    OK(fabs(mn_exposure(60, x, N) - mn_exposure_beyond(60, &s)) < 0.2);
}

/* Three of 1..3 against 4..6: the sum of ranks is 6, expected 10.5, spread sqrt(5.25). */
static void rank_sums_tell_samples_apart(void **state)
{
    (void)state;
    double work[1100], a[100], b[1000];
    OK(near(mn_rank_sum_z((double[]){1, 2, 3}, 3, (double[]){4, 5, 6}, 3, work),
            -4.5 / sqrt(5.25), 1e-12));
    OK(near(mn_rank_sum_z((double[]){4, 6, 5}, 3, (double[]){3, 1, 2}, 3, work),
            4.5 / sqrt(5.25), 1e-12));
    OK(mn_rank_sum_z((double[]){7, 7}, 2, (double[]){7, 7, 7}, 3, work) == 0);
    /* 1, 2, 2 and 2, 3: ranks 1, 3, 3 of 1, 3, 3, 3, 5; ties of three: 24 */
    OK(near(mn_rank_sum_z((double[]){1, 2, 2}, 3, (double[]){2, 3}, 2, work),
            (7 - 9) / sqrt(6.0 / 12 * (6 - 24 / 20.0)), 1e-12));
    for (int i = 0; i < 100; i++) a[i] = mn_rand_unit(mn_rand_at(5, 1, (uint64_t)i));
    for (int i = 0; i < 1000; i++) b[i] = mn_rand_unit(mn_rand_at(5, 2, (uint64_t)i));
    OK(fabs(mn_rank_sum_z(a, 100, b, 1000, work)) < 1.96);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exposure_is_what_the_rank_says),
        TEST(chance_is_the_mean_over_ranks),
        TEST(the_distribution_is_the_normal_one_where_it_must_be),
        TEST(the_fit_finds_what_was_drawn),
        TEST(beyond_the_references_exposure_goes_on),
        TEST(rank_sums_tell_samples_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
