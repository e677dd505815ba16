/* mynah bench kernels: products of packed matrices and attention alone, on one thread. An operation is a multiplication or an
 * addition; what a processor can do at most is in docs/design/kernels.md. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/thread.h"
#include "cmd/bench.h"
#include "tensor/attend.h"
#include "tensor/packed.h"

enum { T_MAX = 512, LARGE_T_MAX = 64 };
static const double work_ops = 2e9;

static double thread_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct job {
    mn_packed p;
    uint8_t *x;
    float *y;
    size_t T;
} job;

static mn_rc multiply(void *arg, mn_err *e)
{
    (void)e;
    job *j = arg;
    mn_packed_product(&j->p, j->x, j->T, 0, j->p.N, j->y, j->p.N);
    return MN_OK;
}

/* A line: the least time of thread r->reps times, each with so many runs that it is some milliseconds. */
static mn_rc measure(mn_bench_run *r, const char *name, double ops,
                     mn_rc (*work)(void *, mn_err *), void *arg, mn_err *e)
{
    double best = 0;
    int runs = 1 + (int)(work_ops / ops);
    MN_TRY(work(arg, e));
    for (int i = 0; i < r->reps; i++) {
        double from = thread_s();
        for (int k = 0; k < runs; k++) MN_TRY(work(arg, e));
        double s = thread_s() - from;
        if (i == 0 || s < best) best = s;
    }
    mn_bench_times(r, name, ops * runs / 1e9, "Gop", mn_packed_set(), best, -1);
    return MN_OK;
}

/* Any bytes do for the time they take, as long as no scale is NaN: these are small in every format. */
static mn_rc make_job(const mn_qformat *f, uint32_t N, uint32_t K, job *ret, mn_err *e)
{
    size_t bytes = N * mn_qformat_row_bytes(f, K), rows = T_MAX;
    uint8_t *src = mn_alloc(bytes);
    float *x = mn_calloc(K, sizeof *x);
    job j = {0};
    mn_rc rc = MN_E_NOMEM;
    if (!src || !x) goto out;
    for (size_t i = 0; i < bytes; i++) src[i] = (uint8_t)(i * 2654435761u >> 13) & 0x3b;
    for (uint32_t k = 0; k < K; k++) x[k] = (float)(k % 101) / 101 - 0.5f;
    rc = mn_packed_new(f->type, N, K, src, NULL, NULL, NULL, &j.p, e);
    if (rc != MN_OK) goto out;
    size_t row = mn_act_bytes(j.p.act, K);
    j.x = mn_alloc_aligned(64, rows * row);
    j.y = mn_alloc_aligned(64, (N > 10000 ? LARGE_T_MAX : rows) * N * sizeof *j.y);
    if (!j.x || !j.y) {
        rc = MN_E_NOMEM;
        goto out;
    }
    for (size_t t = 0; t < rows; t++) mn_act_pack(j.p.act, x, K, j.x + t * row);
    *ret = j;
    j = (job){0};
out:
    mn_packed_release(&j.p);
    mn_free(j.x);
    mn_free(j.y);
    mn_free(src);
    mn_free(x);
    return rc == MN_E_NOMEM ? mn_fail(e, rc, "out of memory for a matrix") : rc;
}

static mn_rc run_shape(mn_bench_run *r, const mn_qformat *f, uint32_t N, uint32_t K, mn_err *e)
{
    static const size_t rows[] = {1, 2, 4, 8, 64, 512};
    job j;
    char name[64];
    K = (K + f->block - 1) / f->block * f->block;
    MN_TRY(make_job(f, N, K, &j, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == MN_OK; i++) {
        j.T = rows[i];
        if (N > 10000 && j.T > LARGE_T_MAX) continue;
        snprintf(name, sizeof name, "%s %ux%u T%zu", f->name, N, K, j.T);
        rc = measure(r, name, 2.0 * N * K * (double)j.T, multiply, &j, e);
    }
    mn_packed_release(&j.p);
    mn_free(j.x);
    mn_free(j.y);
    return rc;
}

static mn_rc run_products(mn_bench_run *r, mn_err *e)
{
    const mn_qformat *f;
    for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
        MN_TRY(run_shape(r, f, 576, 576, e));
        MN_TRY(run_shape(r, f, 1536, 576, e));
        MN_TRY(run_shape(r, f, 576, 1536, e));
        MN_TRY(run_shape(r, f, 49152, 576, e));
    }
    return MN_OK;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

enum { READ_PART = 1 << 20 };

typedef struct reading {
    const uint64_t *p;
    mn_pool *pool;
    size_t n_parts;
    _Atomic uint64_t sum; /* so that nothing is optimised away */
} reading;

static void read_part(void *arg, size_t part, int thread)
{
    reading *m = arg;
    const uint64_t *p = m->p + part * (READ_PART / 8);
    uint64_t s[16] = {0};
    (void)thread;
    for (size_t i = 0; i < READ_PART / 8; i += 16)
        for (size_t k = 0; k < 16; k++) s[k] += p[i + k];
    for (size_t k = 1; k < 16; k++) s[0] += s[k];
    m->sum += s[0];
}

static mn_rc read_all(void *arg, mn_err *e)
{
    reading *m = arg;
    (void)e;
    mn_pool_run(m->pool, m->n_parts, read_part, m);
    return MN_OK;
}

mn_rc mn_bench_reading(mn_bench_run *r, const char *name, size_t bytes, double amount,
                       const char *unit, int threads, mn_err *e)
{
    reading m = {.n_parts = (bytes + READ_PART - 1) / READ_PART};
    uint64_t *p = mn_alloc_pages(m.n_parts * READ_PART);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for reading it");
    memset(p, 1, m.n_parts * READ_PART);
    m.p = p;
    mn_rc rc = mn_pool_new(threads, &m.pool, e);
    if (rc == MN_OK) rc = mn_bench_measure(r, name, amount, unit, NULL, read_all, &m, e);
    mn_pool_free(m.pool);
    mn_free(p);
    return rc;
}

static mn_rc run_memory(mn_bench_run *r, mn_err *e)
{
    const size_t bytes = (size_t)512 << 20;
    MN_TRY(mn_bench_reading(r, "512 MiB, 1 thread", bytes, (double)bytes / 1e9, "GB", 1, e));
    return mn_bench_reading(r, "512 MiB, all threads", bytes, (double)bytes / 1e9, "GB",
                            r->threads, e);
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

enum { GROUP = 3, D = 64, POSITIONS = 2048, ROWS = 64 };

typedef struct attention {
    mn_kv_shape shape;
    const void *blocks[POSITIONS / MN_KV_BLOCK];
    float *q, *o, *work;
    uint32_t n, pos;
} attention;

static mn_rc attend(void *arg, mn_err *e)
{
    (void)e;
    attention *a = arg;
    mn_attend(&a->shape, a->q, a->n, (size_t)GROUP * D, 0, GROUP, 0, a->pos, a->blocks, a->o,
              a->work);
    return MN_OK;
}

static mn_rc run_type(mn_bench_run *r, mn_kv_type type, mn_err *e)
{
    attention a = {.shape = {type, 1, D}};
    size_t bytes = mn_kv_block_bytes(&a.shape), n = (size_t)ROWS * GROUP * D;
    float row[D];
    char name[64];
    uint8_t *cache = mn_arena_alloc(&r->arena, POSITIONS / MN_KV_BLOCK * bytes + 64);
    a.q = mn_arena_alloc(&r->arena, n * sizeof *a.q);
    a.o = mn_arena_alloc(&r->arena, n * sizeof *a.o);
    a.work = mn_arena_alloc(&r->arena, mn_attend_work(&a.shape, ROWS, GROUP) * sizeof *a.work);
    if (!cache || !a.q || !a.o || !a.work) return mn_fail(e, MN_E_NOMEM, "out of memory");
    cache += 64 - (uintptr_t)cache % 64;
    for (size_t i = 0; i < n; i++) a.q[i] = (float)(i % 37) / 37 - 0.5f;
    for (uint32_t p = 0; p < POSITIONS; p++) {
        void *block = cache + p / MN_KV_BLOCK * bytes;
        a.blocks[p / MN_KV_BLOCK] = block;
        for (uint32_t d = 0; d < D; d++) row[d] = (float)((p * 7 + d * 13) % 41) / 41 - 0.5f;
        mn_kv_store(&a.shape, block, p % MN_KV_BLOCK, 0, row, row);
    }
    for (a.n = 1; a.n <= ROWS; a.n *= ROWS) {
        a.pos = POSITIONS - a.n;
        snprintf(name, sizeof name, "attention %s, %u rows of %d heads at %u",
                 type == MN_KV_F16 ? "f16" : "int8", a.n, GROUP, a.pos);
        MN_TRY(measure(r, name, 4.0 * GROUP * D * a.pos * a.n, attend, &a, e));
    }
    return MN_OK;
}

static mn_rc run_attention(mn_bench_run *r, mn_err *e)
{
    MN_TRY(run_type(r, MN_KV_F16, e));
    return run_type(r, MN_KV_I8, e);
}

const mn_bench mn_bench_kernels[] = {
    {"kernels-products", "products of packed matrices, each format, one thread", run_products},
    {"kernels-memory", "reading memory in order", run_memory},
    {"kernels-attention", "attention over a cache of 2,048 positions, one thread",
     run_attention},
    {0},
};
