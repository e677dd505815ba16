/* See cublasLt.h beside this. D = alpha op(A) op(B) + beta C, everything by columns: element (r, c) lies at r + c ld. */
#include <cublasLt.h>

#include <algorithm>
#include <stdlib.h>
#include <vector>

struct emu_lt {
    int used;
};
struct emu_desc {
    cublasOperation_t a, b;
};
struct emu_layout {
    cudaDataType_t type;
    uint64_t rows, cols;
    int64_t ld, stride;
    int32_t batch;
};
struct emu_pref {
    uint32_t a, b, c, d;
};

cublasStatus_t cublasLtCreate(cublasLtHandle_t *lt)
{
    *lt = new emu_lt();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t lt)
{
    delete lt;
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return 0;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *ret, cublasComputeType_t,
                                        cudaDataType_t scale)
{
    if (scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    *ret = new emu_desc();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
    delete d;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
                                              cublasLtMatmulDescAttributes_t what,
                                              const void *value, size_t size)
{
    cublasOperation_t *to = what == CUBLASLT_MATMUL_DESC_TRANSA ? &d->a : &d->b;
    if (size != sizeof *to) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(to, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *ret, cudaDataType_t type,
                                          uint64_t rows, uint64_t cols, int64_t ld)
{
    if (ld < (int64_t)rows) return CUBLAS_STATUS_INVALID_VALUE;
    emu_layout *m = new emu_layout();
    m->type = type, m->rows = rows, m->cols = cols, m->ld = ld, m->batch = 1;
    *ret = m;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t m)
{
    delete m;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t m,
                                                cublasLtMatrixLayoutAttribute_t what,
                                                const void *value, size_t size)
{
    const bool count = what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
    if (size != (count ? sizeof m->batch : sizeof m->stride))
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(count ? (void *)&m->batch : (void *)&m->stride, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *ret)
{
    *ret = new emu_pref{256, 256, 256,
                        256}; /* what the library takes for granted when it is not told */
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    delete p;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t what,
                                                    const void *value, size_t size)
{
    uint32_t *to = what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES   ? &p->a
                   : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES ? &p->b
                   : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES ? &p->c
                   : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES ? &p->d
                                                                        : NULL;
    const bool work = what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
    if (size != (work ? sizeof(size_t) : sizeof(uint32_t))) return CUBLAS_STATUS_INVALID_VALUE;
    if (to) memcpy(to, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

/* The alignments that were promised travel in the algorithm, and are held to when it runs. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t pref, int most,
                                              cublasLtMatmulHeuristicResult_t *ret, int *ret_n)
{
    if (most < 1) return CUBLAS_STATUS_INVALID_VALUE;
    memset(ret, 0, sizeof *ret);
    ret->algo.data[0] = pref->a, ret->algo.data[1] = pref->b;
    ret->algo.data[2] = pref->c, ret->algo.data[3] = pref->d;
    *ret_n = 1;
    return CUBLAS_STATUS_SUCCESS;
}

static float value_at(const void *p, const emu_layout *m, int64_t at)
{
    if (m->type == CUDA_R_32F) return ((const float *)p)[at];
    const uint32_t bits = (uint32_t)((const uint16_t *)p)[at] << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static size_t size_of(const emu_layout *m)
{
    return m->type == CUDA_R_32F ? 4 : 2;
}

static bool aligned(const void *p, const emu_layout *m, int32_t i, uint64_t to)
{
    return ((uintptr_t)p + (uint64_t)i * (uint64_t)m->stride * size_of(m)) % to == 0;
}

/* op(X) as float, by columns without gaps. */
static std::vector<float> straight(const void *p, const emu_layout *m, cublasOperation_t op,
                                   int64_t at)
{
    const uint64_t rows = op == CUBLAS_OP_N ? m->rows : m->cols;
    const uint64_t cols = op == CUBLAS_OP_N ? m->cols : m->rows;
    std::vector<float> x(rows * cols);
    for (uint64_t c = 0; c < cols; c++)
        for (uint64_t r = 0; r < rows; r++)
            x[c * rows + r] =
                value_at(p, m,
                         at + (int64_t)(op == CUBLAS_OP_N ? r + c * (uint64_t)m->ld
                                                          : c + r * (uint64_t)m->ld));
    return x;
}

static void one(const emu_desc *how, float alpha, const void *A, const emu_layout *a,
                const void *B, const emu_layout *b, float beta, float *D, const emu_layout *d,
                int32_t i)
{
    const std::vector<float> left = straight(A, a, how->a, a->stride * i),
                             right = straight(B, b, how->b, b->stride * i);
    const uint64_t M = d->rows, K = how->a == CUBLAS_OP_N ? a->cols : a->rows;
    std::vector<float> sum(M);
    for (uint64_t c = 0; c < d->cols; c++) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (uint64_t k = 0; k < K; k++)
            for (uint64_t r = 0; r < M; r++) sum[r] += left[k * M + r] * right[c * K + k];
        float *to = D + d->stride * i + (int64_t)c * d->ld;
        for (uint64_t r = 0; r < M; r++)
            to[r] = alpha * sum[r] + (beta == 0 ? 0 : beta * to[r]);
    }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t how, const void *alpha,
                              const void *A, cublasLtMatrixLayout_t a, const void *B,
                              cublasLtMatrixLayout_t b, const void *beta, const void *C,
                              cublasLtMatrixLayout_t c, void *D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t *algo, void *, size_t, cudaStream_t)
{
    const uint64_t m = how->a == CUBLAS_OP_N ? a->rows : a->cols,
                   k = how->a == CUBLAS_OP_N ? a->cols : a->rows;
    const uint64_t k2 = how->b == CUBLAS_OP_N ? b->rows : b->cols,
                   n = how->b == CUBLAS_OP_N ? b->cols : b->rows;
    if (k != k2 || d->rows != m || d->cols != n || a->type != b->type ||
        d->type != CUDA_R_32F || c != d || C != D || a->batch != b->batch ||
        a->batch != d->batch)
        return CUBLAS_STATUS_INVALID_VALUE;
    for (int32_t i = 0; i < d->batch; i++) {
        if (!aligned(A, a, i, algo->data[0]) || !aligned(B, b, i, algo->data[1]) ||
            !aligned(C, c, i, algo->data[2]) || !aligned(D, d, i, algo->data[3]))
            return CUBLAS_STATUS_INVALID_VALUE;
        one(how, *(const float *)alpha, A, a, B, b, *(const float *)beta, (float *)D, d, i);
    }
    return CUBLAS_STATUS_SUCCESS;
}
