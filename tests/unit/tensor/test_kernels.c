/* Every set of fast kernels that this CPU can run, against the reference, on awkward shapes: rows shorter than a vector,
 * one row, lengths that are no multiple of anything. */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"
#include "tensor/ref.h"

#define MAX (1 << 16)
static float X[MAX], Y[MAX], Z[MAX], A[MAX], B[MAX], G[MAX], P[MAX], Q[MAX];
static uint64_t stream;

static void fill(float *p, size_t n)
{
    stream++;
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(2 * mn_rand_unit(mn_rand_at(11, stream, i)) - 1);
}

static void near(const char *set, const char *what, const float *a, const float *b, size_t n,
                 double tol)
{
    double scale = 1e-6;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)b[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tol * scale))
            fail_msg("%s %s[%zu of %zu]: %.9g, reference %.9g", set, what, i, n, (double)a[i],
                     (double)b[i]);
}

#define EACH_SET(k)                                                                            \
    const mn_kernels *k;                                                                       \
    for (int set_ = 0; (k = mn_kernels_at(set_)); set_++)

static const size_t widths[] = {1, 3, 4, 8, 15, 16, 17, 31, 48, 64, 100, 257};
#define EACH_WIDTH(C)                                                                          \
    for (size_t w_ = 0, C; w_ < sizeof widths / sizeof *widths && (C = widths[w_], true); w_++)

static void norms_agree(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(C)
    {
        float r1[3], r2[3];
        fill(X, 3 * C), fill(G, C), fill(A, 3 * C);
        k->rmsnorm(Y, r1, X, G, 3, C, 1e-5f);
        mn_ref_rmsnorm(Z, r2, X, G, 3, C, 1e-5f);
        near(k->name, "rmsnorm", Y, Z, 3 * C, 1e-5);
        near(k->name, "rms", r1, r2, 3, 1e-5);
        fill(P, 3 * C), memcpy(Q, P, 3 * C * 4);
        fill(Y, C), memcpy(Z, Y, C * 4);
        k->rmsnorm_back(P, Y, A, X, G, r2, 3, C);
        mn_ref_rmsnorm_back(Q, Z, A, X, G, r2, 3, C);
        near(k->name, "rmsnorm dx", P, Q, 3 * C, 1e-5);
        near(k->name, "rmsnorm dg", Y, Z, C, 1e-5);
    }
}

static void swiglu_agrees_and_gives_h_again(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(F)
    {
        fill(X, 6 * F), fill(G, 3 * F);
        for (size_t i = 0; i < 6 * F; i++) X[i] *= 20;
        mn_ref_swiglu(Z, X, 3, F);
        k->swiglu(Y, X, 3, F);
        near(k->name, "swiglu", Y, Z, 3 * F, 1e-5);
        k->swiglu_back(P, Y, G, X, 3, F);
        near(k->name, "swiglu h again", Y, Z, 3 * F, 1e-5);
        mn_ref_swiglu_back(Q, G, X, 3, F);
        near(k->name, "dgu", P, Q, 6 * F, 1e-5);
    }
}

static void the_loss_agrees(void **state)
{
    (void)state;
    const float weight[3] = {1, 0, 0.25f};
    EACH_SET(k) EACH_WIDTH(V)
    {
        float l1[3], l2[3];
        const uint32_t target[3] = {0, (uint32_t)V - 1, (uint32_t)V / 2};
        fill(X, 3 * V);
        for (size_t i = 0; i < 3 * V; i++) X[i] *= 15;
        memcpy(Y, X, 3 * V * 4);
        k->cross_entropy(X, l1, target, weight, 3, V);
        mn_ref_cross_entropy(Y, l2, target, weight, 3, V);
        near(k->name, "loss", l1, l2, 3, 1e-5);
        near(k->name, "dlogits", X, Y, 3 * V, 1e-5);
    }
}

static void rope_agrees(void **state)
{
    (void)state;
    const uint32_t pos[4] = {0, 7, 1, 99};
    EACH_SET(k) for (size_t D = 2; D <= 66; D += 32)
    {
        mn_rope_table(G, 100, D, 500);
        fill(X, 4 * 5 * D), memcpy(Y, X, 4 * 5 * D * 4);
        k->rope(X, 5 * D, G, pos, 4, 3, D, false);
        mn_ref_rope(Y, 5 * D, pos, 4, 3, D, 500, false);
        near(k->name, "rope", X, Y, 4 * 5 * D, 1e-5);
        k->rope(X, 5 * D, G, pos, 4, 3, D, true);
        mn_ref_rope(Y, 5 * D, pos, 4, 3, D, 500, true);
        near(k->name, "rope back", X, Y, 4 * 5 * D, 1e-5);
    }
}

static void attention_case(const mn_kernels *k, size_t T, size_t H, size_t KV, size_t D,
                           size_t doc)
{
    const size_t W = (H + 2 * KV) * D;
    static float l1[512], l2[512], o1[MAX], o2[MAX], work[MAX * 2], ref[512];
    uint32_t first[64];
    OK(T * W < MAX && T <= 64 && mn_attention_work(T, D) <= MAX * 2);
    for (size_t t = 0; t < T; t++) first[t] = (uint32_t)(t / doc * doc);
    fill(X, T * W), fill(G, T * H * D);
    for (size_t i = 0; i < T * W; i++) X[i] *= 3;
    k->attention(o1, l1, X, first, T, H, KV, D, work);
    mn_ref_attention(o2, l2, X, first, T, H, KV, D, ref);
    near(k->name, "attention", o1, o2, T * H * D, 2e-5);
    near(k->name, "lse", l1, l2, T * H, 2e-5);
    memset(Z, 0, T * W * 4);
    memset(Y, 0x7f, T * W * 4); /* must be overwritten */
    k->attention_back(Y, G, o2, l2, X, first, T, H, KV, D, work);
    mn_ref_attention_back(Z, G, o2, l2, X, first, T, H, KV, D);
    near(k->name, "dqkv", Y, Z, T * W, 5e-5);
}

static void attention_agrees_under_documents_of_any_length(void **state)
{
    (void)state;
    EACH_SET(k)
    {
        attention_case(k, 1, 1, 1, 2, 1);
        attention_case(k, 5, 2, 1, 6, 2);
        attention_case(k, 37, 4, 2, 16, 11);
        attention_case(k, 64, 3, 3, 20, 64);
        attention_case(k, 33, 4, 1, 34, 1);
        attention_case(k, 63, 2, 2, 64, 17);
    }
}

static void adamw_agrees(void **state)
{
    (void)state;
    mn_adamw o = {.lr = 0.01f,
                  .b1 = 0.9f,
                  .b2 = 0.95f,
                  .eps = 1e-8f,
                  .decay = 0.1f,
                  .fix1 = 0.3f,
                  .fix2 = 0.2f,
                  .scale = 0.5f};
    EACH_SET(k) EACH_WIDTH(n) for (int way = 0; way < 2; way++)
    {
        o.cautious = way;
        fill(X, n), fill(G, n), fill(A, n), fill(B, n);
        for (size_t i = 0; i < n; i++) B[i] *= B[i];
        memcpy(Y, X, n * 4), memcpy(P, A, n * 4), memcpy(Q, B, n * 4);
        k->adamw(X, A, B, G, n, &o);
        mn_ref_adamw(Y, P, Q, G, n, &o);
        near(k->name, "p", X, Y, n, 1e-5), near(k->name, "m", A, P, n, 1e-5);
        near(k->name, "v", B, Q, n, 1e-5);
    }
}

static void sums_of_squares_agree(void **state)
{
    (void)state;
    fill(X, 10007);
    double want = 0;
    for (int i = 0; i < 10007; i++) want += (double)X[i] * (double)X[i];
    EACH_SET(k) OK(fabs(k->sum_squares(X, 10007) - want) < 1e-4 * want);
}

static void bf16_rounds_to_the_nearest_even(void **state)
{
    (void)state;
    const float x[5] = {1.0f, 1.00390625f, 1.01171875f, -3.14159274f, NAN};
    EACH_SET(k)
    {
        uint16_t y[5];
        k->to_bf16(y, x, 5);
        OK(y[0] == 0x3f80 && y[1] == 0x3f80 && y[2] == 0x3f82 && y[3] == 0xc049);
        OK((y[4] & 0x7f80) == 0x7f80 && (y[4] & 0x7f));
    }
}

static void product_case(const mn_kernels *k, size_t M, size_t N, size_t K, bool add)
{
    float *work = mn_alloc(MN_GEMM_WORK * 4);
    fill(A, M * K), fill(B, N * K), fill(Y, M * N);
    for (int form = 0; form < 3; form++) {
        bool ta = form == 2, tb = form == 0;
        memcpy(Z, Y, M * N * 4), memcpy(X, Y, M * N * 4);
        if (form == 0) mn_ref_matmul_nt(Z, A, B, M, N, K, add);
        if (form == 1) mn_ref_matmul_nn(Z, A, B, M, N, K, add);
        if (form == 2) mn_ref_matmul_tn(Z, A, B, M, N, K, add);
        size_t lda = ta ? M : K, ldb = tb ? K : N;
        if (k) k->gemm(ta, tb, M, N, K, A, lda, B, ldb, add, X, N, work);
        else mn_gemm(ta, tb, M, N, K, A, lda, B, ldb, add, X, N, work);
        near(k ? k->name : mn_gemm_backend(), "product", X, Z, M * N, 2e-5);
    }
    mn_free(work);
}

static void products_agree_in_all_three_forms(void **state)
{
    (void)state;
    mn_gemm_setup();
    for (int i = 0;; i++) { /* the sets, then whatever mn_gemm chose */
        const mn_kernels *k = mn_kernels_at(i);
        product_case(k, 1, 1, 1, false);
        product_case(k, 7, 50, 33, true);
        product_case(k, 100, 49, 17, false);
        product_case(k, 5, 200, 300, true);
        product_case(k, 97, 31, 513, false);
        if (!k) break;
    }
}

static void bf16_products_agree_to_their_precision(void **state)
{
    (void)state;
    mn_err e = {0};
    if (mn_gemm_bf16_check(&e) != MN_OK) SKIP(e.msg);
    static uint16_t a[MAX], b[MAX];
    const size_t M = 33, N = 48, K = 70;
    fill(A, M * K), fill(B, N * K), fill(Y, M * N);
    mn_kernels_best()->to_bf16(a, A, M * K), mn_kernels_best()->to_bf16(b, B, N * K);
    memcpy(Z, Y, M * N * 4);
    mn_gemm_bf16(false, true, M, N, K, a, K, b, K, false, X, N);
    mn_ref_matmul_nt(Z, A, B, M, N, K, false);
    near("bf16", "nt", X, Z, M * N, 1e-2);
    mn_gemm_bf16(false, false, M, N, K, a, K, b, N, false, X, N);
    mn_ref_matmul_nn(Z, A, B, M, N, K, false);
    near("bf16", "nn", X, Z, M * N, 1e-2);
    memcpy(X, Y, M * N * 4), memcpy(Z, Y, M * N * 4);
    mn_gemm_bf16(true, false, M, N, K, a, M, b, N, true, X, N);
    mn_ref_matmul_tn(Z, A, B, M, N, K, true);
    near("bf16", "tn", X, Z, M * N, 1e-2);
}

static void count_signal(int sig)
{
    (void)sig;
}

/* In a child, since what it would break is the heap. */
static void signals_during_products_break_nothing(void **state)
{
    (void)state;
    mn_gemm_setup();
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction sa = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
        const struct itimerval often = {{0, 500}, {0, 500}};
        float *work = mn_alloc(MN_GEMM_WORK * 4), *c = mn_alloc(256 * 512 * 4);
        float *a = mn_calloc(256 * 256, 4), *b = mn_calloc(512 * 256, 4);
        sigaction(SIGALRM, &sa, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < 400; i++) {
            void *churn = mn_alloc(100000);
            mn_gemm(i % 3 == 2, i % 3 == 0, 256, 256, 256, a, 256, b, 256, false, c, 256, work);
            mn_gemm(true, false, 256, 256, 256, a, 256, b, 256, true, c, 256, work);
            mn_free(churn);
        }
        for (int i = 0; i < 256 * 256; i++)
            if (a[i] != 0 || b[i] != 0 || c[i] != 0) _exit(1);
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(norms_agree),
        TEST(swiglu_agrees_and_gives_h_again),
        TEST(the_loss_agrees),
        TEST(rope_agrees),
        TEST(attention_agrees_under_documents_of_any_length),
        TEST(adamw_agrees),
        TEST(sums_of_squares_agree),
        TEST(bf16_rounds_to_the_nearest_even),
        TEST(products_agree_in_all_three_forms),
        TEST(bf16_products_agree_to_their_precision),
        TEST(signals_during_products_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
