/* mynah bench train: one optimiser step of preset micro on 16 sequences of 256 random tokens, as bench/peer_torch_train.py does
 * it with PyTorch: the same shape, batch, clipping and AdamW, every token learnt, nothing masked but the future. */
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cmd/bench.h"
#include "model/forward.h"
#include "model/optim.h"
#include "model/pack.h"
#include "tensor/gemm.h"

enum { ROWS = 16, SEQ = 256 };

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

static mn_rc open_job(mn_bench_run *r, job *j, mn_dtype dtype, mn_optimiser by, mn_err *e)
{
    mn_config c;
    *j = (job){.bf16 = dtype == MN_BF16};
    MN_TRY(mn_config_preset("micro", &c, e));
    MN_TRY(mn_weights_new(&c, &j->w, e));
    mn_weights_init(&j->w, 1);
    MN_TRY(mn_optim_new(&j->w, by, r->threads, &j->optim, e));
    MN_TRY(mn_pool_new(r->threads, &j->pool, e));
    MN_TRY(mn_pass_new(&j->w, j->pool, ROWS, SEQ, dtype, true, &j->pass, e));
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

static mn_rc bench(mn_bench_run *r, mn_dtype dtype, mn_optimiser by, mn_err *e)
{
    static const char *const names[2][2] = {{"train-f32", "train-muon-f32"},
                                            {"train-bf16", "train-muon-bf16"}};
    job j;
    char note[120];
    mn_rc rc = open_job(r, &j, dtype, by, e);
    snprintf(note, sizeof note, "micro, 16x256, %d threads, %s", r->threads, mn_gemm_backend());
    if (rc == MN_OK)
        rc = mn_bench_measure(r, names[dtype == MN_BF16][by], ROWS * SEQ, "tokens", note,
                              one_step, &j, e);
    close_job(&j);
    /* a machine without bf16 skips that line */
    return rc == MN_E_UNSUPPORTED ? mn_fail(e, MN_E_NOT_FOUND, "%s", e->msg) : rc;
}

static mn_rc bench_f32(mn_bench_run *r, mn_err *e)
{
    return bench(r, MN_F32, MN_OPTIM_ADAMW, e);
}

static mn_rc bench_bf16(mn_bench_run *r, mn_err *e)
{
    return bench(r, MN_BF16, MN_OPTIM_ADAMW, e);
}

static mn_rc bench_muon_f32(mn_bench_run *r, mn_err *e)
{
    return bench(r, MN_F32, MN_OPTIM_MUON, e);
}

static mn_rc bench_muon_bf16(mn_bench_run *r, mn_err *e)
{
    return bench(r, MN_BF16, MN_OPTIM_MUON, e);
}

const mn_bench mn_bench_train[] = {
    {"train-f32", "one training step of preset micro, products in float32", bench_f32},
    {"train-bf16", "the same with products in bfloat16", bench_bf16},
    {"train-muon-f32", "train-f32 with Muon for the layers' matrices", bench_muon_f32},
    {"train-muon-bf16", "train-bf16 with Muon for the layers' matrices", bench_muon_bf16},
    {0}};
