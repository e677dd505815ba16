/* Making matrices orthogonal, against the same in double precision and against their singular values. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/muon.h"
#include "tensor/gemm.h"

enum { MOST = 200 * 200 };
static const size_t shapes[][2] = {{1, 1},   {1, 9},    {9, 1},    {2, 3},
                                   {16, 16}, {5, 40},   {40, 5},   {33, 17},
                                   {31, 31}, {96, 136}, {128, 48}, {172, 64}};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static double normal(uint64_t seed, uint64_t i)
{
    double u = 1 - mn_rand_unit(mn_rand_at(seed, 1, i)),
           v = mn_rand_unit(mn_rand_at(seed, 2, i));
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static void fill(float *x, size_t n, uint64_t seed, double size)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(size * normal(seed, i));
}

/* Made for exactly that shape, so that the address sanitizer sees a step outside. */
static void orthogonalise_by(float *x, size_t rows, size_t cols, bool bf16)
{
    float *work = mn_alloc_aligned(64, mn_muon_work(rows, cols) * sizeof *work);
    OK(work);
    mn_muon_orthogonalise(x, rows, cols, bf16, work);
    mn_free(work);
}

static void orthogonalise(float *x, size_t rows, size_t cols)
{
    orthogonalise_by(x, rows, cols, false);
}

/* What tensor/polar.h has, with more digits; tools/golden/muon.py --steps 3 */
static const double BY[3][3] = {{7.7064907, -20.3989245, 13.6657008},
                                {3.4916724, -2.3791665, 0.4259536},
                                {2.6204256, -1.7942615, 0.3720546}};

/* y = a x + b (x x^T) x + c (x x^T)^2 x, element by element in double. */
static void reference_step(double *x, size_t rows, size_t cols, const double by[3])
{
    static double gram[MOST], once[MOST], twice[MOST];
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < rows; k++) {
            gram[i * rows + k] = 0;
            for (size_t j = 0; j < cols; j++)
                gram[i * rows + k] += x[i * cols + j] * x[k * cols + j];
        }
    double *from = x, *to = once;
    for (int pass = 0; pass < 2; pass++, from = once, to = twice)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++) {
                to[i * cols + j] = 0;
                for (size_t k = 0; k < rows; k++)
                    to[i * cols + j] += gram[i * rows + k] * from[k * cols + j];
            }
    for (size_t i = 0; i < rows * cols; i++)
        x[i] = by[0] * x[i] + by[1] * once[i] + by[2] * twice[i];
}

static void reference(const float *x, double *ret, size_t rows, size_t cols)
{
    double sum = 0;
    for (size_t i = 0; i < rows * cols; i++) sum += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < rows * cols; i++) ret[i] = (double)x[i] / sqrt(sum);
    for (int i = 0; i < 3; i++) reference_step(ret, rows, cols, BY[i]);
}

/* Singular values by turning pairs of columns until all stand upright (Jacobi, from one side); of the transpose when wide. */
static size_t singular_values(const float *x, size_t rows, size_t cols, double *ret)
{
    static double a[MOST];
    const bool wide = cols > rows;
    const size_t m = wide ? cols : rows, n = wide ? rows : cols;
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < n; k++)
            a[k * m + i] = (double)(wide ? x[k * cols + i] : x[i * cols + k]);
    for (int sweep = 0; sweep < 30; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                double pp = 0, qq = 0, pq = 0, *u = a + p * m, *v = a + q * m;
                for (size_t i = 0; i < m; i++)
                    pp += u[i] * u[i], qq += v[i] * v[i], pq += u[i] * v[i];
                if (fabs(pq) <= 1e-15 * sqrt(pp * qq)) continue;
                double z = (qq - pp) / (2 * pq), t = 1 / (fabs(z) + sqrt(1 + z * z));
                if (z < 0) t = -t;
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (size_t i = 0; i < m; i++) {
                    double old = u[i];
                    u[i] = c * old - s * v[i], v[i] = s * old + c * v[i];
                }
            }
    for (size_t k = 0; k < n; k++) {
        ret[k] = 0;
        for (size_t i = 0; i < m; i++) ret[k] += a[k * m + i] * a[k * m + i];
        ret[k] = sqrt(ret[k]);
    }
    return n;
}

static float X[MOST], Y[MOST];
static double R[MOST], S[200];

static void it_is_what_double_precision_says_in_any_shape(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        const size_t rows = shapes[s][0], cols = shapes[s][1];
        fill(X, rows * cols, 10 + s, 3e-4);
        reference(X, R, rows, cols);
        orthogonalise(X, rows, cols);
        for (size_t i = 0; i < rows * cols; i++) OK(fabs((double)X[i] - R[i]) < 2e-4);
    }
}

/* The square of random numbers has a least singular value as small as it likes; the wide and the tall have not. */
static void singular_values_end_near_one(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        const size_t rows = shapes[s][0], cols = shapes[s][1];
        fill(X, rows * cols, 30 + s, 1);
        double sum = 0, least = INFINITY;
        size_t n = singular_values(X, rows, cols, S);
        for (size_t k = 0; k < n; k++) sum += S[k] * S[k], least = fmin(least, S[k]);
        const bool far = least > sqrt(sum) / 95;
        OK(far || rows == cols);
        orthogonalise(X, rows, cols);
        singular_values(X, rows, cols, S);
        for (size_t k = 0; k < n; k++) OK(S[k] < 1.3001 && (!far || S[k] > 0.6999));
    }
}

static void in_bfloat16_it_is_nearly_the_same(void **state)
{
    (void)state;
    mn_err e = {0};
    if (mn_gemm_bf16_check(&e) != MN_OK) SKIP(e.msg);
    for (size_t s = 0; s < N_SHAPES; s++) {
        const size_t rows = shapes[s][0], cols = shapes[s][1];
        double apart = 0, size = 0;
        fill(X, rows * cols, 110 + s, 3e-4);
        reference(X, R, rows, cols);
        orthogonalise_by(X, rows, cols, true);
        for (size_t i = 0; i < rows * cols; i++) {
            double d = (double)X[i] - R[i];
            apart += d * d, size += R[i] * R[i];
        }
        OK(apart < 0.08 * 0.08 * size);
        size_t n = singular_values(X, rows, cols, S);
        for (size_t k = 0; k < n; k++) OK(S[k] < 1.4 && (rows == cols || S[k] > 0.6));
    }
}

/* Three loud directions and faint noise: the three end near one, the noise stays below them, nothing is blown up. */
static void a_nearly_singular_matrix_keeps_its_directions_and_stays_bounded(void **state)
{
    (void)state;
    enum { ROWS = 24, COLS = 60 };
    fill(X, ROWS * COLS, 50, 1e-7);
    for (size_t d = 0; d < 3; d++)
        for (size_t i = 0; i < ROWS; i++)
            for (size_t k = 0; k < COLS; k++)
                X[i * COLS + k] += (float)(normal(60 + d, i) * normal(70 + d, k));
    orthogonalise(X, ROWS, COLS);
    size_t n = singular_values(X, ROWS, COLS, S), loud = 0, faint = 0;
    for (size_t k = 0; k < n; k++) loud += S[k] > 0.69 && S[k] < 1.31, faint += S[k] < 0.01;
    OK(loud == 3 && faint == n - 3);
}

static void the_size_of_a_matrix_does_not_matter_and_nothing_stays_nothing(void **state)
{
    (void)state;
    fill(X, 12 * 20, 80, 1);
    for (size_t i = 0; i < 12 * 20; i++) Y[i] = X[i] * 0x1p-30f;
    orthogonalise(X, 12, 20);
    orthogonalise(Y, 12, 20);
    for (size_t i = 0; i < 12 * 20; i++) OK(fabsf(X[i] - Y[i]) < 1e-5f);
    memset(X, 0, sizeof X);
    orthogonalise(X, 12, 20);
    for (size_t i = 0; i < 12 * 20; i++) OK(X[i] == 0);
    X[7] = NAN;
    orthogonalise(X, 12, 20);
    OK(isnan(X[0]) && isnan(X[239]));
}

static void steps_of_all_shapes_have_the_same_size(void **state)
{
    (void)state;
    const mn_muon o = {.lr = 0.5f, .momentum = 0.9f, .scale = 1};
    static float p[MOST], m[MOST];
    for (size_t s = 4; s < N_SHAPES; s++) {
        const size_t rows = shapes[s][0], cols = shapes[s][1];
        float *work = mn_alloc_aligned(64, mn_muon_work(rows, cols) * sizeof *work);
        memset(p, 0, sizeof p), memset(m, 0, sizeof m);
        fill(X, rows * cols, 90 + s, 1);
        mn_muon_step(p, m, X, rows, cols, &o, work);
        mn_free(work);
        double sum = 0;
        for (size_t i = 0; i < rows * cols; i++) sum += (double)p[i] * (double)p[i];
        double rms = sqrt(sum / (double)(rows * cols)) / 0.5;
        OK(rms > 0.2 * 0.69 && rms < 0.2 * 1.31);
    }
}

static int set_up(void **state)
{
    (void)state;
    mn_gemm_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_what_double_precision_says_in_any_shape),
        TEST(singular_values_end_near_one),
        TEST(in_bfloat16_it_is_nearly_the_same),
        TEST(a_nearly_singular_matrix_keeps_its_directions_and_stays_bounded),
        TEST(the_size_of_a_matrix_does_not_matter_and_nothing_stays_nothing),
        TEST(steps_of_all_shapes_have_the_same_size),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
