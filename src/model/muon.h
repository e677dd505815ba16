/* Muon's step for one matrix of a hidden layer: the momentum of its gradient, made (nearly) orthogonal, is the direction.
 *
 * Where AdamW scales every weight by itself, Muon gives all directions of a matrix the same length: what the gradient says
 * faintly counts as much as what it says loudly. One call works on one matrix with one thread, so the bits depend on the
 * matrix alone.
 * source  Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the scale: Liu et al. 2025, arXiv:2502.16982 */
#ifndef MN_MODEL_MUON_H
#define MN_MODEL_MUON_H

#include <stdbool.h>
#include <stddef.h>

#define MN_MUON_ZERO 1e-12 /* a Frobenius norm below is that of a matrix of zeros */

/* Floats of scratch memory for a matrix of that shape. */
size_t mn_muon_work(size_t rows, size_t cols);

/* x [rows][cols], row-major and contiguous, becomes a matrix with the same singular vectors whose singular values are near 1.
 *
 *   x = x / |x|_F, then three times  A = x x^T;  x = (a I + b A + c A^2) x     (tensor/polar.h; of the transpose when rows > cols)
 *
 * numbers float32; singular values of at least 1/95 of |x|_F end between 0.7 and 1.3, smaller ones are raised at most
 *         71-fold; zeros stay zeros; NaN in, NaN out. bf16: the products' factors in bfloat16, their sums in float32, which
 *         moves no value by more than some hundredths and takes half the time
 * memory  work: mn_muon_work(rows, cols) floats of the caller's own, on 64 bytes; nothing is allocated or kept
 * needs   mn_gemm_setup; for bf16 mn_gemm_bf16_check */
void mn_muon_orthogonalise(float *x, size_t rows, size_t cols, bool bf16, float *work);

typedef struct mn_muon {
    float lr, momentum, decay;
    float scale;   /* g is multiplied by it first: clipping */
    bool cautious; /* decay only weights that the update brings nearer to nothing, too */
    bool bf16;     /* of orthogonalise */
} mn_muon;

/* One step of the matrix p with the gradient g, which is overwritten; m is its momentum, zeros before the first:
 *
 *   m = momentum m + (1 - momentum) g;  o = orthogonalise(momentum m + (1 - momentum) g)     (Nesterov's)
 *   p -= lr (0.2 sqrt(max(rows, cols)) o + decay p)
 *
 * The factor gives every shape's update the root mean square of 0.2, about that of AdamW: one rate serves both. */
void mn_muon_step(float *p, float *m, float *g, size_t rows, size_t cols, const mn_muon *o,
                  float *work);

#endif
