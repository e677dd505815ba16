/* The polynomials with which Muon makes a matrix nearly orthogonal, for the CPU (model/muon.c) and its twin for the GPU: a x + b x^3 + c x^5 of
 * its singular values, one after the other. Each stays as near to 1 as an odd polynomial of degree 5 can where the values lie by
 * then: the first on [1/95, 1.05], the last leaves them in [0.7, 1.3]. tools/golden/muon.py makes them.
 * source  Amsel et al. 2025, "The Polar Express", arXiv:2505.16932 */
#ifndef MN_TENSOR_POLAR_H
#define MN_TENSOR_POLAR_H

#define MN_POLAR_STEPS 3 /* odd, so that the GPU's last result lies where it is contiguous */
/* clang-format off */
#define MN_POLAR_POLYNOMIALS { /* a, b, c */ \
    {7.7064907f, -20.3989245f, 13.6657008f}, \
    {3.4916724f, -2.3791665f, 0.4259536f}, \
    {2.6204256f, -1.7942615f, 0.3720546f}}
/* clang-format on */

#endif
