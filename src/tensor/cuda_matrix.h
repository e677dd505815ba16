/* Weight matrices for a GPU: from a file's rows to the forms of cuda_api.h, on the host. */
#ifndef MN_TENSOR_CUDA_MATRIX_H
#define MN_TENSOR_CUDA_MATRIX_H

#include "base/thread.h"
#include "tensor/cuda_api.h"
#include "tensor/quant.h"

/* The values stay those of the file. F32, F16, BF16, Q8_0, Q4_0 and Q4_1 keep their size; five and six bits become eight, and scales
 * that are products become float32: Q4_K takes 6 bits a value (4.5 in the file), Q5_0 8.5, Q5_1, Q5_K and Q6_K 10. */
mn_cuda_form mn_cuda_form_of(mn_qtype type);

/* Lays out a matrix; the arguments but the last are mn_packed_new's (packed.h), K a multiple of the format's block. ret: mn_cuda_matrix_bytes(form, N, K)
 * bytes of the host, on 64. Every byte is written. */
void mn_cuda_matrix_make(mn_qtype type, uint32_t N, uint32_t K, const void *src,
                         uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                         mn_pool *pool, void *ret);

#endif
