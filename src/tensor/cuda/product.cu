/* Matrix products by cuBLASLt. Reference: mn_ref_matmul_nt and its kin.
 *
 * cuBLASLt has columns where we have rows: our row-major X [r][c] is its X^T, c by r. So a row-major C = A B is asked for as
 * C^T = B^T A^T: our b goes first, M and N change places, and a transposition stays one.
 *
 * Descriptors and the algorithm of a shape are made once and kept. The algorithm is the library's first choice among those that do not sum
 * into the result in an order of their own (no reduction, or one in the workspace): the same choice on every run. */
#include <stdio.h>
#include <string.h>

#include "tensor/cuda/device.cuh"

#define WORK_BYTES ((size_t)32 << 20)
#define PLANS      256

struct key {
    uint64_t M, N, K, lda, ldb, ldc, batch, a_stride, b_stride, c_stride;
    uint32_t flags, align; /* align: log2 of the three pointers' */
};

struct plan {
    key k;
    cublasLtMatmulDesc_t how;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algo;
};

struct mn_cuda_plan_cache {
    plan plans[PLANS];
    int n;
};

const char *mn_cuda__products_open(mn_cuda *d)
{
    if (cublasLtCreate(&d->lt) != CUBLAS_STATUS_SUCCESS) {
        d->lt = NULL;
        return "cuBLASLt does not start";
    }
    if (cudaMalloc(&d->lt_work, WORK_BYTES) != cudaSuccess) {
        d->lt_work = NULL;
        return "no memory for products on the device";
    }
    d->plans = new mn_cuda_plan_cache();
    return NULL;
}

static void drop(plan *p)
{
    if (p->c) cublasLtMatrixLayoutDestroy(p->c);
    if (p->b) cublasLtMatrixLayoutDestroy(p->b);
    if (p->a) cublasLtMatrixLayoutDestroy(p->a);
    if (p->how) cublasLtMatmulDescDestroy(p->how);
}

static void drop_all(mn_cuda_plan_cache *c)
{
    for (int i = 0; i < c->n; i++) drop(&c->plans[i]);
    c->n = 0;
}

void mn_cuda__products_close(mn_cuda *d)
{
    if (d->plans) drop_all(d->plans);
    delete d->plans;
    if (d->lt_work) cudaFree(d->lt_work);
    if (d->lt) cublasLtDestroy(d->lt);
}

size_t mn_cuda__products_version(void)
{
    return cublasLtGetVersion();
}

/* log2 of the largest power of two, at most 256, that divides an address. */
static uint32_t alignment(const void *p)
{
    uint32_t k = 0;
    while (k < 8 && ((uintptr_t)p >> k & 1) == 0) k++;
    return k;
}

static bool in_bf16(const mn_cuda_product *p)
{
    return p->a.h && p->b.h;
}

static key key_of(const mn_cuda_product *p, const void *a, const void *b)
{
    key k;
    memset(&k, 0, sizeof k); /* compared as bytes */
    k.M = p->M, k.N = p->N, k.K = p->K, k.lda = p->lda, k.ldb = p->ldb, k.ldc = p->ldc;
    k.batch = p->batch ? p->batch : 1;
    k.a_stride = p->a_stride, k.b_stride = p->b_stride, k.c_stride = p->c_stride;
    k.flags = (p->ta ? 1u : 0) | (p->tb ? 2u : 0) | (p->add ? 4u : 0) | (in_bf16(p) ? 8u : 0);
    k.align = alignment(a) | alignment(b) << 8 | alignment(p->c) << 16;
    if (k.batch > 1) { /* every matrix of it */
        const size_t size = in_bf16(p) ? 2 : 4;
        const uint32_t sa = alignment((const void *)(p->a_stride * size)),
                       sb = alignment((const void *)(p->b_stride * size));
        const uint32_t sc = alignment((const void *)(p->c_stride * 4));
        const uint32_t la = k.align & 255, lb = k.align >> 8 & 255, lc = k.align >> 16;
        k.align = (sa < la ? sa : la) | (sb < lb ? sb : lb) << 8 | (sc < lc ? sc : lc) << 16;
    }
    return k;
}

/* A row-major matrix [rows][cols] in cuBLASLt's words: cols by rows. */
static bool layout(cublasLtMatrixLayout_t *ret, cudaDataType_t type, uint64_t rows,
                   uint64_t cols, uint64_t ld, uint64_t batch, uint64_t stride)
{
    const int32_t n = (int32_t)batch;
    const int64_t apart = (int64_t)stride;
    if (cublasLtMatrixLayoutCreate(ret, type, cols, rows, (int64_t)ld) != CUBLAS_STATUS_SUCCESS)
        return false;
    if (batch == 1) return true;
    return cublasLtMatrixLayoutSetAttribute(*ret, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &n,
                                            sizeof n) == CUBLAS_STATUS_SUCCESS &&
           cublasLtMatrixLayoutSetAttribute(*ret, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                            &apart, sizeof apart) == CUBLAS_STATUS_SUCCESS;
}

static bool describe(plan *p)
{
    const key *k = &p->k;
    const bool ta = k->flags & 1, tb = k->flags & 2;
    const cudaDataType_t type = k->flags & 8 ? CUDA_R_16BF : CUDA_R_32F;
    const cublasOperation_t first = tb ? CUBLAS_OP_T : CUBLAS_OP_N,
                            second = ta ? CUBLAS_OP_T : CUBLAS_OP_N;
    if (cublasLtMatmulDescCreate(&p->how, CUBLAS_COMPUTE_32F, CUDA_R_32F) !=
        CUBLAS_STATUS_SUCCESS)
        return false;
    return cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSA, &first,
                                          sizeof first) == CUBLAS_STATUS_SUCCESS &&
           cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSB, &second,
                                          sizeof second) == CUBLAS_STATUS_SUCCESS &&
           layout(&p->b, type, tb ? k->N : k->K, tb ? k->K : k->N, k->ldb, k->batch,
                  k->b_stride) &&
           layout(&p->a, type, ta ? k->K : k->M, ta ? k->M : k->K, k->lda, k->batch,
                  k->a_stride) &&
           layout(&p->c, CUDA_R_32F, k->M, k->N, k->ldc, k->batch, k->c_stride);
}

static bool prefer(cublasLtMatmulPreference_t pref, const key *k)
{
    const uint32_t a = 1u << (k->align & 255), b = 1u << (k->align >> 8 & 255),
                   c = 1u << (k->align >> 16);
    const uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const size_t work = WORK_BYTES;
    const struct {
        cublasLtMatmulPreferenceAttributes_t what;
        const void *value;
        size_t size;
    } all[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &work, sizeof work},
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums, sizeof sums},
        /* our b is its A */
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &b, sizeof b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &a, sizeof a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c, sizeof c},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c, sizeof c},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (cublasLtMatmulPreferenceSetAttribute(pref, all[i].what, all[i].value,
                                                 all[i].size) != CUBLAS_STATUS_SUCCESS)
            return false;
    return true;
}

static bool choose(mn_cuda *d, plan *p)
{
    cublasLtMatmulPreference_t pref = NULL;
    cublasLtMatmulHeuristicResult_t best;
    int n = 0;
    memset(&best, 0, sizeof best);
    if (cublasLtMatmulPreferenceCreate(&pref) != CUBLAS_STATUS_SUCCESS) return false;
    const bool well =
        prefer(pref, &p->k) &&
        cublasLtMatmulAlgoGetHeuristic(d->lt, p->how, p->b, p->a, p->c, p->c, pref, 1, &best,
                                       &n) == CUBLAS_STATUS_SUCCESS &&
        n > 0 && best.state == CUBLAS_STATUS_SUCCESS;
    cublasLtMatmulPreferenceDestroy(pref);
    p->algo = best.algo;
    return well;
}

static plan *find(mn_cuda *d, const key *k)
{
    mn_cuda_plan_cache *c = d->plans;
    for (int i = 0; i < c->n; i++)
        if (memcmp(&c->plans[i].k, k, sizeof *k) == 0) return &c->plans[i];
    if (c->n == PLANS) drop_all(c);
    plan *p = &c->plans[c->n];
    memset(p, 0, sizeof *p);
    p->k = *k;
    if (describe(p) && choose(d, p)) {
        c->n++;
        return p;
    }
    drop(p);
    return NULL;
}

void mn_cuda__product(mn_cuda *d, const mn_cuda_product *p)
{
    if (!mn_cuda__ready(d) || !p->M || !p->N) return;
    const void *a = in_bf16(p) ? (const void *)p->a.h : p->a.f,
               *b = in_bf16(p) ? (const void *)p->b.h : p->b.f;
    const key k = key_of(p, a, b);
    const plan *how = find(d, &k);
    if (!how) {
        char why[128];
        snprintf(why, sizeof why, "cuBLASLt has no algorithm for %llu x %llu x %llu",
                 (unsigned long long)p->M, (unsigned long long)p->N, (unsigned long long)p->K);
        mn_cuda__fail(d, "product", why);
        return;
    }
    const float one = 1, keep = p->add ? 1.0f : 0.0f;
    const cublasStatus_t rc =
        cublasLtMatmul(d->lt, how->how, &one, b, how->b, a, how->a, &keep, p->c, how->c, p->c,
                       how->c, &how->algo, d->lt_work, WORK_BYTES, d->stream);
    if (rc != CUBLAS_STATUS_SUCCESS) mn_cuda__fail(d, "product", "cuBLASLt refused it");
}
