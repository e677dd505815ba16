/* Every backward kernel against central finite differences, in double precision: the reference's bodies built a second
 * time. A scalar loss sum(coef * output) with fixed random coefficients is differentiated. */
#include "test.h"

#include "base/hash.h"
#include "tensor/ref.h"

#define MN_REAL           double
#define MN_REF(ret, name) static __attribute__((unused)) ret d_##name
#include "tensor/ref_body.inc"

enum { T = 5, C = 6, H = 4, KV = 2, D = 4, F = 7, V = 9, W = (H + 2 * KV) * D };
static const uint32_t ids[T] = {3, 0, 8, 3, 1}, pos[T] = {0, 1, 2, 0, 1},
                      first[T] = {0, 0, 0, 3, 3};
static uint64_t stream;

static void fill(double *p, size_t n)
{
    stream++;
    for (size_t i = 0; i < n; i++) p[i] = 2 * mn_rand_unit(mn_rand_at(7, stream, i)) - 1;
}

/* loss(x) for the kernel under test; reads what it needs from file-level state set by the test */
typedef double (*loss_fn)(void);

static void matches(const char *what, loss_fn loss, double *x, const double *dx, size_t n)
{
    const double h = 1e-5;
    for (size_t i = 0; i < n; i++) {
        double keep = x[i];
        x[i] = keep + h;
        double up = loss();
        x[i] = keep - h;
        double down = loss();
        x[i] = keep;
        double num = (up - down) / (2 * h), tol = 1e-7 * (1 + fabs(num));
        if (fabs(num - dx[i]) > tol)
            fail_msg("%s[%zu]: backward %.12g, differences %.12g", what, i, dx[i], num);
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static double A[T * 16], B[16 * 16], Y[T * 16], G[T * 16], dA[T * 16], dB[16 * 16];

static double loss_matmul(void)
{
    d_matmul_nt(Y, A, B, T, F, C, false);
    return dot(Y, G, T * F);
}
static void a_linear_layer_has_the_gradients_of_its_three_products(void **state)
{
    (void)state;
    fill(A, T * C), fill(B, F * C), fill(G, T * F);
    memset(dB, 0, sizeof dB);
    d_matmul_nn(dA, G, B, T, C, F, false);
    d_matmul_tn(dB, G, A, F, C, T, true);
    matches("dx", loss_matmul, A, dA, T * C);
    matches("dW", loss_matmul, B, dB, F * C);
}

static void adding_products_add_to_what_is_there(void **state)
{
    (void)state;
    double once[T * F], twice[T * F];
    fill(A, T * C), fill(B, F * C);
    d_matmul_nt(once, A, B, T, F, C, false);
    d_matmul_nt(twice, A, B, T, F, C, false);
    d_matmul_nt(twice, A, B, T, F, C, true);
    for (int i = 0; i < T * F; i++) OK(fabs(twice[i] - 2 * once[i]) < 1e-12);
}

static double loss_embed(void)
{
    d_embed(Y, B, ids, T, C);
    return dot(Y, G, T * C);
}
static void an_id_that_comes_twice_gets_both_gradients(void **state)
{
    (void)state;
    fill(B, V * C), fill(G, T * C);
    memset(dB, 0, sizeof dB);
    d_embed_back(dB, G, ids, T, C);
    matches("dE", loss_embed, B, dB, V * C);
}

static double loss_norm(void)
{
    double r[T];
    d_rmsnorm(Y, r, A, B, T, C, 1e-5);
    return dot(Y, G, T * C);
}
static void the_norm_has_the_gradients_of_input_and_gain(void **state)
{
    (void)state;
    double r[T];
    fill(A, T * C), fill(B, C), fill(G, T * C);
    d_rmsnorm(Y, r, A, B, T, C, 1e-5);
    memset(dA, 0, sizeof dA), memset(dB, 0, sizeof dB);
    d_rmsnorm_back(dA, dB, G, A, B, r, T, C);
    matches("dx", loss_norm, A, dA, T * C);
    matches("dg", loss_norm, B, dB, C);
}

static void a_row_of_zeros_leaves_the_norm_as_zeros(void **state)
{
    (void)state;
    float x[4] = {0}, y[4] = {1, 1, 1, 1}, g[4] = {1, 2, 3, 4}, r[1];
    mn_ref_rmsnorm(y, r, x, g, 1, 4, 1e-5f);
    for (int i = 0; i < 4; i++) OK(y[i] == 0);
}

static double Q[T * W], dQ[T * W], GQ[T * W], O[T * H * D], LSE[H * T], GO[T * H * D], work[T];

static double loss_rope(void)
{
    double y[T * W];
    memcpy(y, Q, sizeof y);
    d_rope(y, W, pos, T, H + KV, D, 100, false);
    return dot(y, GQ, T * W);
}
static void turning_back_is_the_gradient_of_turning(void **state)
{
    (void)state;
    fill(Q, T * W), fill(GQ, T * W);
    memcpy(dQ, GQ, sizeof dQ);
    d_rope(dQ, W, pos, T, H + KV, D, 100, true);
    matches("dqkv", loss_rope, Q, dQ, T * W);
}

static double loss_attention(void)
{
    d_attention(O, LSE, Q, first, T, H, KV, D, work);
    return dot(O, GO, T * H * D);
}
static void grouped_attention_under_a_document_mask_has_its_gradient(void **state)
{
    (void)state;
    fill(Q, T * W), fill(GO, T * H * D);
    loss_attention();
    memset(dQ, 0, sizeof dQ);
    d_attention_back(dQ, GO, O, LSE, Q, first, T, H, KV, D);
    matches("dqkv", loss_attention, Q, dQ, T * W);
}

static void a_document_does_not_see_the_one_before_it(void **state)
{
    (void)state;
    double before[T * H * D];
    fill(Q, T * W);
    d_attention(before, LSE, Q, first, T, H, KV, D, work);
    fill(Q, 3 * W); /* rows 0..2 are another document */
    d_attention(O, LSE, Q, first, T, H, KV, D, work);
    OK(memcmp(before + 3 * H * D, O + 3 * H * D, 2 * H * D * sizeof *O) == 0);
    OK(memcmp(before, O, 3 * H * D * sizeof *O) != 0);
}

static double loss_swiglu(void)
{
    d_swiglu(Y, Q, T, F);
    return dot(Y, G, T * F);
}
static void swiglu_has_the_gradients_of_gate_and_up(void **state)
{
    (void)state;
    fill(Q, T * 2 * F), fill(G, T * F);
    d_swiglu_back(dQ, G, Q, T, F);
    matches("dgu", loss_swiglu, Q, dQ, T * 2 * F);
}

static const double weight[T] = {1, 0.5, 0, 2, 1};
static double L[T * V];
static double loss_ce(void)
{
    double x[T * V], losses[T];
    memcpy(x, L, sizeof x);
    d_cross_entropy(x, losses, ids, weight, T, V);
    return dot(losses, weight, T);
}
static void cross_entropy_leaves_its_gradient_in_place_and_masks_rows(void **state)
{
    (void)state;
    double losses[T], dL[T * V];
    fill(L, T * V);
    memcpy(dL, L, sizeof dL);
    d_cross_entropy(dL, losses, ids, weight, T, V);
    matches("dlogits", loss_ce, L, dL, T * V);
    for (int v = 0; v < V; v++) OK(dL[2 * V + v] == 0);
    OK(losses[2] > 0);
}

static void large_logits_do_not_overflow_the_loss(void **state)
{
    (void)state;
    float x[4] = {1e4f, -1e4f, 0, 1e4f}, loss, w = 1;
    uint32_t target = 0;
    mn_ref_cross_entropy(x, &loss, &target, &w, 1, 4);
    OK(fabsf(loss - 0.6931472f) < 1e-5f);
}

static void adamw_without_history_steps_by_the_rate_and_decays(void **state)
{
    (void)state;
    float p[2] = {1, -2}, m[2] = {0}, v[2] = {0}, g[2] = {0.3f, -4};
    mn_adamw o = {.lr = 0.1f,
                  .b1 = 0.9f,
                  .b2 = 0.95f,
                  .eps = 1e-8f,
                  .decay = 0.5f,
                  .fix1 = 1 - 0.9f,
                  .fix2 = 1 - 0.95f,
                  .scale = 1};
    mn_ref_adamw(p, m, v, g, 2, &o);
    OK(fabsf(p[0] - (1 - 0.1f - 0.05f)) < 1e-5f); /* sign of g times the rate, then decay */
    OK(fabsf(p[1] - (-2 + 0.1f + 0.1f)) < 1e-5f);
}

static void cautious_decay_spares_what_the_update_drives_away_from_nothing(void **state)
{
    (void)state;
    float p[4] = {1, 1, -2, -2}, m[4] = {0}, v[4] = {0}, g[4] = {0.3f, -0.3f, -4, 4};
    mn_adamw o = {.lr = 0.1f,
                  .b1 = 0.9f,
                  .b2 = 0.95f,
                  .eps = 1e-8f,
                  .decay = 0.5f,
                  .fix1 = 1 - 0.9f,
                  .fix2 = 1 - 0.95f,
                  .scale = 1,
                  .cautious = true};
    mn_ref_adamw(p, m, v, g, 4, &o);
    OK(fabsf(p[0] - (1 - 0.1f - 0.05f)) < 1e-5f);
    OK(fabsf(p[1] - (1 + 0.1f)) < 1e-5f);
    OK(fabsf(p[2] - (-2 + 0.1f + 0.1f)) < 1e-5f);
    OK(fabsf(p[3] - (-2 - 0.1f)) < 1e-5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_linear_layer_has_the_gradients_of_its_three_products),
        TEST(adding_products_add_to_what_is_there),
        TEST(an_id_that_comes_twice_gets_both_gradients),
        TEST(the_norm_has_the_gradients_of_input_and_gain),
        TEST(a_row_of_zeros_leaves_the_norm_as_zeros),
        TEST(turning_back_is_the_gradient_of_turning),
        TEST(grouped_attention_under_a_document_mask_has_its_gradient),
        TEST(a_document_does_not_see_the_one_before_it),
        TEST(swiglu_has_the_gradients_of_gate_and_up),
        TEST(cross_entropy_leaves_its_gradient_in_place_and_masks_rows),
        TEST(large_logits_do_not_overflow_the_loss),
        TEST(adamw_without_history_steps_by_the_rate_and_decays),
        TEST(cautious_decay_spares_what_the_update_drives_away_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
