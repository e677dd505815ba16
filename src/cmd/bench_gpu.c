/* mynah bench gpu: whether a GPU computes what the CPU's reference computes, and how fast (docs/design/cuda.md).
 *
 *   mynah bench gpu-check    a line for each result of each kernel; fails when one differs by more than is allowed
 *   mynah bench gpu-speed    kernels alone
 *   mynah bench gpu-train    whole steps of training */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cmd/bench.h"
#include "model/gpu.h"
#include "model/gpu_check.h"
#include "model/pack.h"
#include "tensor/cuda_matrix.h"

/* A machine without a GPU skips these lines. */
static mn_rc open_gpu(const mn_cuda_api **ret_api, mn_cuda **ret, mn_cuda_info *ret_info,
                      mn_err *e)
{
    mn_rc rc = mn_cuda_open(0, ret_api, ret, e);
    if (rc != MN_OK) return mn_fail(e, MN_E_NOT_FOUND, "%s", e->msg);
    (*ret_api)->describe(*ret, ret_info);
    return MN_OK;
}

/* ---- the check ---------------------------------------------------------------------------------------------------------------- */

static void show(void *arg, const mn_gpu_result *r)
{
    char name[80], note[80];
    snprintf(name, sizeof name, "%s %s", r->name, r->dtype);
    snprintf(note, sizeof note, "%.1e, %.0e allowed%s", r->error, r->tolerance,
             r->error <= r->tolerance ? "" : ": WRONG");
    mn_bench_value(arg, name, r->tolerance > 0 ? r->error / r->tolerance : r->error,
                   "of allowed", note);
}

static mn_rc check(mn_bench_run *r, mn_err *e)
{
    const mn_cuda_api *api;
    mn_cuda *d;
    mn_cuda_info info;
    size_t wrong = 0;
    MN_TRY(open_gpu(&api, &d, &info, e));
    /* the tests' emulated GPU has no compute capability, and no patience for large shapes */
    mn_rc rc = mn_gpu_check(api, d, info.major > 0, show, r, &wrong, e);
    api->close(d);
    if (rc == MN_OK && wrong)
        rc = mn_fail(e, MN_E_CORRUPT, "%zu results of the GPU (%s) are not the reference's",
                     wrong, info.name);
    return rc;
}

/* ---- the speed of kernels -------------------------------------------------------------------------------------------------------- */

enum { CALLS = 20 };

typedef struct job {
    const mn_cuda_api *api;
    mn_cuda *d;
    char *memory; /* zeros: shapes decide the time */
    size_t used, size;
    mn_cuda_product product;
    mn_cuda_rows rows;
    mn_cuda_matrix matrix;
    mn_cuda_cache cache;
    mn_cuda_attend attend;
    float *a, *b, *c, *l;
    uint16_t *h;
    size_t T, C;
} job;

static void *room(job *j, size_t bytes)
{
    char *p = j->memory + j->used;
    j->used += mn_cuda_whole(bytes);
    MN_ASSERT(j->used <= j->size);
    return p;
}

static void run_product(job *j)
{
    j->api->product(j->d, &j->product);
}

static void run_attention(job *j)
{
    j->api->attention(j->d, (mn_cuda_mat){j->b, NULL}, j->l, j->a, &j->rows);
}

static void run_attention_back(job *j)
{
    j->api->attention_back(j->d, j->c, j->b, j->b, j->l, j->a, &j->rows,
                           j->l + j->rows.n_rows * j->rows.T * j->rows.H);
}

static void run_norm(job *j)
{
    j->api->rmsnorm(j->d, (mn_cuda_mat){NULL, j->h}, j->l, j->a, j->b, j->T, j->C, 1e-5f);
}

static void run_swiglu(job *j)
{
    j->api->swiglu(j->d, (mn_cuda_mat){NULL, j->h}, j->a, j->T, j->C);
}

static void run_loss(job *j)
{
    j->api->cross_entropy(j->d, (mn_cuda_mat){NULL, j->h}, j->l, j->a, (uint32_t *)(void *)j->b,
                          j->b, j->T, j->C);
}

static void run_rows(job *j)
{
    j->api->rows_product(j->d, j->c, j->matrix.N, j->a, j->T, &j->matrix, 1, false);
}

static void run_attend(job *j)
{
    j->api->attend(j->d, j->b, j->a, &j->cache, &j->attend);
}

typedef struct timed {
    job *j;
    void (*run)(job *j);
} timed;

static mn_rc run_calls(void *arg, mn_err *e)
{
    timed *t = arg;
    for (int i = 0; i < CALLS; i++) t->run(t->j);
    return mn_cuda_sync(t->j->api, t->j->d, e);
}

static mn_rc measure(mn_bench_run *r, job *j, const char *name, double amount, const char *unit,
                     const char *note, void (*run)(job *), mn_err *e)
{
    timed t = {j, run};
    j->used = 0;
    return mn_bench_measure(r, name, CALLS * amount, unit, note, run_calls, &t, e);
}

static mn_rc speed_of_product(mn_bench_run *r, job *j, size_t M, size_t N, size_t K, bool bf16,
                              const char *note, mn_err *e)
{
    char name[64];
    j->used = 0;
    mn_cuda_product p = {.tb = true, .M = M, .N = N, .K = K, .lda = K, .ldb = K, .ldc = N};
    p.a = bf16 ? (mn_cuda_mat){NULL, room(j, M * K * 2)}
               : (mn_cuda_mat){room(j, M * K * 4), NULL};
    p.b = bf16 ? (mn_cuda_mat){NULL, room(j, N * K * 2)}
               : (mn_cuda_mat){room(j, N * K * 4), NULL};
    p.c = room(j, M * N * 4);
    j->product = p;
    snprintf(name, sizeof name, "product %zux%zux%zu %s", M, N, K, bf16 ? "bf16" : "f32");
    return measure(r, j, name, 2e-12 * (double)M * (double)N * (double)K, "Top", note,
                   run_product, e);
}

static mn_rc speed_of_attention(mn_bench_run *r, job *j, size_t n_rows, size_t T, size_t D,
                                const char *note, mn_err *e)
{
    char name[64];
    const size_t H = 8, KV = 2, N = n_rows * T;
    j->used = 0;
    j->rows = (mn_cuda_rows){
        .first = room(j, N * 4), .n_rows = n_rows, .T = T, .H = H, .KV = KV, .D = D};
    j->a = room(j, N * (H + 2 * KV) * D * 4), j->c = room(j, N * (H + 2 * KV) * D * 4);
    j->b = room(j, N * H * D * 4), j->l = room(j, 2 * N * H * 4);
    /* half of all pairs; a pair is two products of D forward, five (seven with what is made again) backward */
    const double ops = 1e-12 * 2 * (double)H * (double)N * (double)T * (double)D;
    snprintf(name, sizeof name, "attention %zux%zu H8 KV2 D%zu", n_rows, T, D);
    MN_TRY(measure(r, j, name, ops, "Top", note, run_attention, e));
    snprintf(name, sizeof name, "attention_back %zux%zu H8 KV2 D%zu", n_rows, T, D);
    return measure(r, j, name, 2.5 * ops, "Top", note, run_attention_back, e);
}

/* Passes that memory bounds: bytes read and written. */
static mn_rc speed_of_rows(mn_bench_run *r, job *j, size_t T, size_t C, const char *note,
                           mn_err *e)
{
    char name[64];
    const double n = 1e-9 * (double)T * (double)C;
    j->used = 0, j->T = T, j->C = C;
    j->a = room(j, 2 * T * C * 4), j->b = room(j, (T + C) * 4), j->l = room(j, T * 4),
    j->h = room(j, T * C * 2);
    snprintf(name, sizeof name, "rmsnorm %zux%zu", T, C);
    MN_TRY(measure(r, j, name, 6 * n, "GB", note, run_norm, e));
    snprintf(name, sizeof name, "swiglu %zux%zu", T, C);
    MN_TRY(measure(r, j, name, 10 * n, "GB", note, run_swiglu, e));
    snprintf(name, sizeof name, "cross_entropy %zux%zu", T, C);
    return measure(r, j, name, 10 * n, "GB", note, run_loss, e);
}

/* One row: bytes of weights read; many: operations. */
static mn_rc speed_of_matrix(mn_bench_run *r, job *j, mn_qtype type, size_t T, const char *note,
                             mn_err *e)
{
    char name[64];
    const uint32_t N = 4096, K = 4096;
    const mn_cuda_form form = mn_cuda_form_of(type);
    const size_t bytes = mn_cuda_matrix_bytes(form, N, K);
    j->used = 0, j->T = T;
    j->matrix = (mn_cuda_matrix){form, N, K, room(j, bytes)};
    j->a = room(j, T * K * 4), j->c = room(j, T * N * 4);
    snprintf(name, sizeof name, "rows_product %zux%ux%u %s", T, N, K,
             mn_qformat_of(type)->name);
    if (T == 1) return measure(r, j, name, 1e-9 * (double)bytes, "GB", note, run_rows, e);
    return measure(r, j, name, 2e-12 * (double)T * N * K, "Top", note, run_rows, e);
}

/* Decoding: the next token of n sequences of P positions, their chunks apart; bytes of keys and values read. */
static mn_rc speed_of_attend(mn_bench_run *r, job *j, uint32_t n, uint32_t P, const char *note,
                             mn_err *e)
{
    enum { H = 32, KV = 8, D = 128, SHARE = H / KV, MOST = 64 };
    char name[64];
    uint32_t pos[MOST], blocks[512];
    mn_cuda_tile tiles[MOST * SHARE];
    const size_t n_tiles = n * mn_cuda_tiles(1, SHARE);
    MN_ASSERT(n <= MOST && P <= 512 * MN_CUDA_BLOCK);
    for (uint32_t b = 0; b < 512; b++) blocks[b] = b;
    for (uint32_t t = 0; t < n; t++) {
        pos[t] = P - 1;
        mn_cuda_tiles_make(t, 1, SHARE, 0, tiles + t * mn_cuda_tiles(1, SHARE));
    }
    j->used = 0;
    j->cache = (mn_cuda_cache){NULL, 1, KV, D};
    j->cache.base = room(j, 512 * mn_cuda_cache_layer(&j->cache) * sizeof(uint16_t));
    j->a = room(j, n * (H + 2 * KV) * D * 4), j->b = room(j, n * H * D * 4);
    void *at[3] = {room(j, sizeof tiles), room(j, sizeof pos), room(j, sizeof blocks)};
    j->api->upload(j->d, at[0], tiles, n_tiles * sizeof *tiles);
    j->api->upload(j->d, at[1], pos, n * sizeof *pos);
    j->api->upload(j->d, at[2], blocks, sizeof blocks);
    j->attend = (mn_cuda_attend){.tiles = at[0],
                                 .pos = at[1],
                                 .blocks = at[2],
                                 .n_tiles = n_tiles,
                                 .H = H,
                                 .n_chunks = (P + MN_CUDA_CHUNK - 1) / MN_CUDA_CHUNK};
    j->attend.parts =
        room(j, mn_cuda_attend_parts(&j->cache, n_tiles, j->attend.n_chunks) * sizeof(float));
    snprintf(name, sizeof name, "attend %ux%u H%d KV%d D%d", n, P, H, KV, D);
    return measure(r, j, name, 1e-9 * n * P * KV * D * 4, "GB", note, run_attend, e);
}

static mn_rc speed_of_inference(mn_bench_run *r, job *j, const char *note, mn_err *e)
{
    static const mn_qtype types[] = {MN_Q_BF16, MN_Q_Q8_0, MN_Q_Q4_0, MN_Q_Q4_1, MN_Q_Q4_K};
    static const size_t rows[] = {1, 8, 256};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            MN_TRY(speed_of_matrix(r, j, types[i], rows[k], note, e));
    MN_TRY(speed_of_attend(r, j, 1, 8192, note, e));
    return speed_of_attend(r, j, 32, 2048, note, e);
}

static mn_rc speed_of_kernels(mn_bench_run *r, job *j, const char *note, mn_err *e)
{
    for (int bf16 = 0; bf16 < 2; bf16++) {
        MN_TRY(speed_of_product(r, j, 4096, 4096, 4096, bf16, note, e));
        MN_TRY(speed_of_product(r, j, 8192, 3072, 768, bf16, note, e));
        MN_TRY(speed_of_product(r, j, 8192, 768, 256, bf16, note, e));
    }
    MN_TRY(speed_of_attention(r, j, 32, 256, 64, note, e));
    MN_TRY(speed_of_attention(r, j, 4, 2048, 64, note, e));
    MN_TRY(speed_of_attention(r, j, 4, 2048, 128, note, e));
    MN_TRY(speed_of_rows(r, j, 8192, 3072, note, e));
    return speed_of_inference(r, j, note, e);
}

static mn_rc speed(mn_bench_run *r, mn_err *e)
{
    job j = {.size = (size_t)1 << 30};
    mn_cuda_info info;
    MN_TRY(open_gpu(&j.api, &j.d, &info, e));
    mn_rc rc = MN_OK;
    j.memory = j.api->alloc(j.d, j.size);
    if (j.memory) {
        j.api->zero(j.d, j.memory, j.size);
        rc = speed_of_kernels(r, &j, info.name, e);
    } else rc = mn_fail(e, MN_E_NOMEM, "the GPU has no gigabyte free");
    j.api->free(j.d, j.memory);
    j.api->close(j.d);
    return rc;
}

/* ---- the speed of training ------------------------------------------------------------------------------------------------------- */

enum { SEQ = 256 };

typedef struct training {
    mn_gpu *gpu;
    mn_batch_buf batch;
    uint64_t step;
} training;

static mn_rc one_step(void *arg, mn_err *e)
{
    training *t = arg;
    double loss, norm;
    const mn_batch b = mn_batch_view(&t->batch, 0, t->batch.n_rows);
    const mn_optim_opts o = {.lr = 1e-3,
                             .b1 = 0.9,
                             .b2 = 0.95,
                             .eps = 1e-8,
                             .decay = 0.1,
                             .clip = 1,
                             .momentum = 0.95};
    return mn_gpu_step(t->gpu, &b, &o, ++t->step, &loss, &norm, e);
}

/* Random tokens, every one learnt, nothing masked but the future: as bench train. */
static void fill(mn_batch_buf *b, uint32_t V)
{
    const size_t n = b->n_rows * b->T;
    for (size_t i = 0; i < n; i++) {
        b->ids[i] = (uint32_t)(mn_rand_at(1, 1, i) % V);
        b->target[i] = (uint32_t)(mn_rand_at(1, 1, i + 1) % V);
        b->pos[i] = (uint32_t)(i % b->T), b->first[i] = 0;
        b->weight[i] = 1.0f / (float)n;
    }
}

static mn_rc train(mn_bench_run *r, const char *preset, size_t rows, mn_dtype dtype,
                   mn_optimiser by, mn_err *e)
{
    mn_config c;
    mn_weights w = {0};
    training t = {0};
    char name[64], note[96];
    const mn_gpu_opts o = {
        .batch_rows = rows, .micro_rows = rows, .T = SEQ, .dtype = dtype, .optimiser = by};
    MN_TRY(mn_config_preset(preset, &c, e));
    mn_rc rc = mn_weights_new(&c, &w, e);
    if (rc == MN_OK) rc = mn_batch_buf_new(rows, SEQ, &t.batch, e);
    if (rc == MN_OK) rc = mn_gpu_new(&w, &o, &t.gpu, e);
    if (rc == MN_OK) {
        mn_weights_init(&w, 1);
        fill(&t.batch, c.V);
        rc = mn_gpu_load(t.gpu, w.all, NULL, NULL, e);
    }
    if (rc == MN_OK) {
        snprintf(name, sizeof name, "train %s %s %s", preset, dtype == MN_BF16 ? "bf16" : "f32",
                 mn_optimiser_name(by));
        snprintf(note, sizeof note, "%zux%d; %.3f Gop a token", rows, SEQ,
                 6e-9 * (double)mn_config_params(&c));
        rc = mn_bench_measure(r, name, (double)(rows * SEQ), "tokens", note, one_step, &t, e);
    }
    mn_gpu_free(t.gpu);
    mn_batch_buf_release(&t.batch);
    if (w.all) mn_weights_release(&w);
    return rc;
}

static mn_rc speed_of_training(mn_bench_run *r, mn_err *e)
{
    const mn_cuda_api *api;
    mn_cuda *d;
    mn_cuda_info info;
    MN_TRY(open_gpu(&api, &d, &info, e));
    api->close(d);
    MN_TRY(train(r, "micro", 16, MN_F32, MN_OPTIM_ADAMW, e));
    MN_TRY(train(r, "micro", 16, MN_BF16, MN_OPTIM_ADAMW, e));
    MN_TRY(train(r, "micro", 16, MN_BF16, MN_OPTIM_MUON, e));
    MN_TRY(train(r, "small", 64, MN_BF16, MN_OPTIM_ADAMW, e));
    MN_TRY(train(r, "base", 64, MN_BF16, MN_OPTIM_ADAMW, e));
    return train(r, "base", 64, MN_BF16, MN_OPTIM_MUON, e);
}

const mn_bench mn_bench_gpu[] = {
    {"gpu-check", "every kernel of the GPU against its reference", check},
    {"gpu-speed", "kernels of the GPU alone", speed},
    {"gpu-train", "steps of training on the GPU, 256 tokens a row", speed_of_training},
    {0},
};
