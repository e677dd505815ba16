/* The reference kernels: plain C, fixed order, no intrinsics. They say what is right; tensor/kernels.h is fast and is
 * tested against them, and their own gradients are tested by finite differences in double precision (the bodies are in
 * ref_body.inc, which a test includes a second time with MN_REAL double).
 *
 * Letters: T rows (tokens), C width, H query heads, KV key/value heads, D head size, F feed-forward width, V vocabulary.
 * Row-major and contiguous unless said. Gradients are `d` + name. Backward kernels ADD to their gradients, so that a
 * tensor used twice needs no second kernel; forward kernels overwrite. Nothing is allocated or kept; sums run in index
 * order in the type of the data, so the same input gives the same bits. Shapes are the caller's promise, never checked. */
#ifndef MN_TENSOR_REF_H
#define MN_TENSOR_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Matrix products in the three forms of a linear layer y = x W^T, W [out][in]:
 *   nt  c[m][n] = sum over k of a[m][k] b[n][k]      y = x W^T
 *   nn  c[m][n] = sum over k of a[m][k] b[k][n]      dx = dy W
 *   tn  c[m][n] = sum over k of a[k][m] b[k][n]      dW = dy^T x
 * add: to what is in c, else over it. */
void mn_ref_matmul_nt(float *c, const float *a, const float *b, size_t M, size_t N, size_t K,
                      bool add);
void mn_ref_matmul_nn(float *c, const float *a, const float *b, size_t M, size_t N, size_t K,
                      bool add);
void mn_ref_matmul_tn(float *c, const float *a, const float *b, size_t M, size_t N, size_t K,
                      bool add);

/* x[t] = E[ids[t]]; backward: dE[ids[t]] += dx[t].   x: [T][C], E: [V][C], every id below V */
void mn_ref_embed(float *x, const float *E, const uint32_t *ids, size_t T, size_t C);
void mn_ref_embed_back(float *dE, const float *dx, const uint32_t *ids, size_t T, size_t C);

/* Root-mean-square normalisation of each row, times a gain:
 *
 *   r[t] = 1 / sqrt(mean over c of x[t][c]^2 + eps);   y[t][c] = x[t][c] * r[t] * g[c]
 *
 * shapes  x, y: [T][C]; g: [C]; r: [T]
 * domain  eps > 0; a row of zeros gives a row of zeros; NaN in, NaN out
 * back    dx += r (dy g - x r^2 mean(dy g x));   dg[c] += sum over t of dy x r
 * source  Zhang & Sennrich 2019, arXiv:1910.07467 */
void mn_ref_rmsnorm(float *y, float *r, const float *x, const float *g, size_t T, size_t C,
                    float eps);
void mn_ref_rmsnorm_back(float *dx, float *dg, const float *dy, const float *x, const float *g,
                         const float *r, size_t T, size_t C);

/* Rotary positions in place, in the layout of Hugging Face's Llama: within a head, element i turns with i + D/2 by the
 * angle pos * theta^(-2i/D).   x: n_heads heads of D at each of T rows, rows `stride` apart; inverse: by minus the
 * angle, which is also the backward pass (a rotation's transpose).   source  Su et al. 2021, arXiv:2104.09864 */
void mn_ref_rope(float *x, size_t stride, const uint32_t *pos, size_t T, size_t n_heads,
                 size_t D, double theta, bool inverse);

/* Causal attention with grouped heads and a document mask: row t sees rows first[t]..t, first[t] <= t, where first[t] is
 * the row at which t's document begins.
 *
 *   s[j] = q[t] . k[j] / sqrt(D);   p = softmax(s);   o[t] = sum of p[j] v[j];   lse[t] = log sum exp s
 *
 * shapes  qkv: [T][(H + 2 KV) D], heads of q, then k, then v; head h reads k and v of group h / (H / KV);
 *         o, dO: [T][H D]; lse: [H][T]; work: [T] at least
 * back    dqkv += gradients; needs o and lse of the forward pass
 * source  Vaswani et al. 2017; Ainslie et al. 2023, arXiv:2305.13245; the backward's identity
 *         sum of p dp = o . dO is Dao et al. 2022's, arXiv:2205.14135 */
void mn_ref_attention(float *o, float *lse, const float *qkv, const uint32_t *first, size_t T,
                      size_t H, size_t KV, size_t D, float *work);
void mn_ref_attention_back(float *dqkv, const float *dO, const float *o, const float *lse,
                           const float *qkv, const uint32_t *first, size_t T, size_t H,
                           size_t KV, size_t D);

/* h = silu(g) u, silu(g) = g / (1 + exp(-g)).   gu: [T][2 F], g then u in each row; h: [T][F]
 * back    dgu = gradients (overwritten: gu has one reader).   source  Shazeer 2020, arXiv:2002.05202 */
void mn_ref_swiglu(float *h, const float *gu, size_t T, size_t F);
void mn_ref_swiglu_back(float *dgu, const float *dh, const float *gu, size_t T, size_t F);

/* Softmax and cross-entropy at once, in place: logits [T][V] become weight (softmax - onehot(target)), the gradient of
 * the sum of weight * loss; losses[t] = -log softmax[target], natural units, not weighted. weight[t] = 0 masks a row:
 * its loss is still given, its gradient is zero. */
void mn_ref_cross_entropy(float *logits, float *losses, const uint32_t *target,
                          const float *weight, size_t T, size_t V);

/* One AdamW step on n parameters, decoupled decay:  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
 *   p -= lr ( (m / fix1) / (sqrt(v / fix2) + eps) + decay p ),  fix = 1 - b^step, given by the caller
 * cautious: no decay of those p whose update has the other sign, which is away from nothing
 * source  Loshchilov & Hutter 2019, arXiv:1711.05101; cautious: Chen et al. 2025, arXiv:2510.12402 */
typedef struct mn_adamw {
    float lr, b1, b2, eps, decay, fix1, fix2;
    float scale; /* g is multiplied by it first: clipping */
    bool cautious;
} mn_adamw;
void mn_ref_adamw(float *p, float *m, float *v, const float *g, size_t n, const mn_adamw *o);

#endif
