/* mynah bench train: one optimiser step on 16 sequences of 256 random tokens, as bench/peer_torch_train.py does it with PyTorch: the
 * same shape (preset micro), batch, clipping and AdamW, every token learnt, nothing masked but the future. The larger presets stand beside
 * the processor's peak: their products' operations a second, 6 a parameter and token. */
#include <stdio.h>
#include <string.h>
#if defined __x86_64__
#    include <immintrin.h>
#endif

#include "base/hash.h"
#include "base/mem.h"
#include "cmd/bench.h"
#include "model/forward.h"
#include "model/optim.h"
#include "model/pack.h"
#include "tensor/gemm.h"

enum { ROWS = 16, SEQ = 256 };

typedef struct variant {
    const char *name, *preset;
    mn_dtype dtype;
    mn_optimiser by;
} variant;

static const variant variants[] = {
    {"train-f32", "micro", MN_F32, MN_OPTIM_ADAMW},
    {"train-bf16", "micro", MN_BF16, MN_OPTIM_ADAMW},
    {"train-muon-f32", "micro", MN_F32, MN_OPTIM_MUON},
    {"train-muon-bf16", "micro", MN_BF16, MN_OPTIM_MUON},
    {"train-small-bf16", "small", MN_BF16, MN_OPTIM_ADAMW},
    {"train-base-bf16", "base", MN_BF16, MN_OPTIM_ADAMW},
};

typedef struct job {
    mn_weights w;
    mn_optim optim;
    mn_pool *pool;
    mn_pass *pass;
    mn_batch_buf batch;
    float *losses;
    uint64_t step;
    bool bf16;
} job;

static void fill(job *j)
{
    const uint32_t V = j->w.cfg.V;
    for (size_t i = 0; i < ROWS * SEQ; i++) {
        j->batch.ids[i] = (uint32_t)(mn_rand_at(1, 1, i) % V);
        j->batch.target[i] = (uint32_t)(mn_rand_at(1, 1, i + 1) % V);
        j->batch.pos[i] = (uint32_t)(i % SEQ);
        j->batch.first[i] = 0;
        j->batch.weight[i] = 1.0f / (ROWS * SEQ);
    }
}

static mn_rc open_job(mn_bench_run *r, job *j, const variant *v, mn_err *e)
{
    mn_config c;
    *j = (job){.bf16 = v->dtype == MN_BF16};
    MN_TRY(mn_config_preset(v->preset, &c, e));
    MN_TRY(mn_weights_new(&c, &j->w, e));
    mn_weights_init(&j->w, 1);
    MN_TRY(mn_optim_new(&j->w, v->by, r->threads, &j->optim, e));
    MN_TRY(mn_pool_new(r->threads, &j->pool, e));
    MN_TRY(mn_pass_new(&j->w, j->pool, ROWS, SEQ, v->dtype, MN_KEEP_ALL, &j->pass, e));
    MN_TRY(mn_batch_buf_new(ROWS, SEQ, &j->batch, e));
    j->losses = mn_calloc(ROWS * SEQ, sizeof *j->losses);
    if (!j->losses) return mn_fail(e, MN_E_NOMEM, "no memory for a batch");
    fill(j);
    return MN_OK;
}

static void close_job(job *j)
{
    mn_free(j->losses);
    mn_batch_buf_release(&j->batch);
    mn_pass_free(j->pass);
    mn_pool_free(j->pool);
    if (j->optim.m) mn_optim_release(&j->optim);
    if (j->w.all) mn_weights_release(&j->w);
}

static mn_rc one_step(void *arg, mn_err *e)
{
    job *j = arg;
    (void)e;
    const mn_optim_opts opts = {.lr = 1e-3,
                                .b1 = 0.9,
                                .b2 = 0.95,
                                .eps = 1e-8,
                                .decay = 0.1,
                                .clip = 1,
                                .momentum = 0.95,
                                .bf16 = j->bf16};
    mn_batch b = mn_batch_view(&j->batch, 0, ROWS);
    mn_pass_run(j->pass, &b, j->losses, j->optim.d);
    mn_optim_step(&j->optim, j->w.all, j->pool, &opts, ++j->step);
    return MN_OK;
}

static const variant *variant_of(const char *name)
{
    const variant *v = variants;
    while (strcmp(v->name, name) != 0) v++;
    return v;
}

static mn_rc bench(mn_bench_run *r, mn_err *e)
{
    const variant *v = variant_of(r->bench);
    job j;
    char note[120];
    mn_rc rc = open_job(r, &j, v, e);
    if (rc == MN_OK) {
        snprintf(note, sizeof note, "%s, 16x256, %d threads, %s; %.3f Gop a token", v->preset,
                 r->threads, mn_gemm_backend(), 6e-9 * (double)mn_config_params(&j.w.cfg));
        rc = mn_bench_measure(r, v->name, ROWS * SEQ, "tokens", note, one_step, &j, e);
    }
    close_job(&j);
    /* a machine without bf16 skips that line */
    return rc == MN_E_UNSUPPORTED ? mn_fail(e, MN_E_NOT_FOUND, "%s", e->msg) : rc;
}

#if defined __x86_64__
enum { SUMS = 16, ROUNDS = 1 << 23 };

/* 16 products that wait for nothing but their own last sum; the numbers stay zeros. */
__attribute__((target("avx512f,avx512bf16"))) static void dot_products(void *arg, size_t part,
                                                                       int thread)
{
    float *ret = (float *)arg + part * 16;
    const __m512bh x = (__m512bh)_mm512_set1_epi32(thread & 0);
    __m512 sum[SUMS];
#    pragma GCC unroll 16
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_setzero_ps();
    for (int n = 0; n < ROUNDS; n++) {
#    pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++) {
            sum[i] = _mm512_dpbf16_ps(sum[i], x, x);
            __asm__ volatile("" : "+v"(sum[i]));
        }
    }
#    pragma GCC unroll 16
    for (int i = 1; i < SUMS; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    _mm512_storeu_ps(ret, sum[0]);
}
#endif

typedef struct peak {
    mn_pool *pool;
    size_t n;
    float sums[256][16];
} peak;

static mn_rc all_threads(void *arg, mn_err *e)
{
    peak *p = arg;
    (void)e;
#if defined __x86_64__
    mn_pool_run(p->pool, p->n, dot_products, p->sums);
#else
    (void)p;
#endif
    return MN_OK;
}

static mn_rc bench_peak(mn_bench_run *r, mn_err *e)
{
    static peak p;
    if (mn_gemm_bf16_check(e) != MN_OK) return MN_E_NOT_FOUND;
#if defined __x86_64__
    p.n = (size_t)r->threads < 256 ? (size_t)r->threads : 256;
    const double gop = (double)p.n * ROUNDS * SUMS * 64 * 1e-9;
    MN_TRY(mn_pool_new((int)p.n, &p.pool, e));
    mn_rc rc = mn_bench_measure(r, "bf16 dot products and nothing else", gop, "Gop", NULL,
                                all_threads, &p, e);
    mn_pool_free(p.pool);
    return rc;
#else
    return mn_fail(e, MN_E_NOT_FOUND, "no peak of bfloat16 is known on this processor");
#endif
}

const mn_bench mn_bench_train[] = {
    {"train-f32", "one training step of preset micro, products in float32", bench},
    {"train-bf16", "the same with products in bfloat16", bench},
    {"train-muon-f32", "train-f32 with Muon for the layers' matrices", bench},
    {"train-muon-bf16", "train-bf16 with Muon for the layers' matrices", bench},
    {"train-small-bf16", "train-bf16 of preset small", bench},
    {"train-base-bf16", "train-bf16 of preset base", bench},
    {"train-peak-bf16", "what the processor's bf16 dot products give at most", bench_peak},
    {0}};
