/* The kernels of inference: products with matrices in every format, and attention over a cache, against packed.h's and attend.h's meaning;
 * and that a row's bits do not depend on its company, which is exact. */
#include "model/gpu_check_int.h"

#include <string.h>

#include "tensor/attend.h"
#include "tensor/cuda_matrix.h"
#include "tensor/ref.h"

#define ROW_OFF 1e-6 /* a value of a matrix: one rounding instead of two */

/* How many of n values have other bits. */
static void tell_other_bits(mn_gpu_check__run *c, const char *what, const float *device,
                            const float *want, size_t n)
{
    float *got = mn_gpu_check__host_bytes(c, n * sizeof *got);
    size_t other = 0;
    if (c->failed) return;
    c->api->download(c->d, got, device, n * sizeof *got);
    for (size_t i = 0; i < n; i++) other += memcmp(got + i, want + i, sizeof *got) != 0;
    mn_gpu_check__tell(c, what, "bits", (double)other, 0);
}

static float *downloaded(mn_gpu_check__run *c, const float *device, size_t n)
{
    float *p = mn_gpu_check__host_bytes(c, n * sizeof *p);
    if (!c->failed) c->api->download(c->d, p, device, n * sizeof *p);
    return p;
}

/* ---- matrices --------------------------------------------------------------------------------------------------------------------- */

/* A random matrix in a format: its values in W, itself on the device. */
static mn_cuda_matrix make_matrix(mn_gpu_check__run *c, const mn_qformat *f, size_t N, size_t K,
                                  float *W)
{
    const size_t row = mn_qformat_row_bytes(f, K);
    mn_cuda_matrix m = {mn_cuda_form_of(f->type), (uint32_t)N, (uint32_t)K, NULL};
    const size_t bytes = mn_cuda_matrix_bytes(m.form, N, K);
    float *x = mn_gpu_check__values(c, N * K, 0.1);
    uint8_t *file = mn_gpu_check__host_bytes(c, N * row),
            *form = mn_gpu_check__host_bytes(c, bytes);
    if (c->failed) return m;
    mn_quant(f->type, x, file, N * K);
    mn_dequant(f->type, file, W, N * K);
    mn_cuda_matrix_make(f->type, m.N, m.K, file, NULL, NULL, NULL, form);
    m.at = mn_gpu_check__on_device(c, form, bytes);
    return m;
}

static void check_gather(mn_gpu_check__run *c, const mn_cuda_matrix *m, const float *W,
                         const char *format, size_t T)
{
    uint32_t *ids = mn_gpu_check__below(c, T, m->N);
    uint32_t *ids_on = mn_gpu_check__on_device(c, ids, T * sizeof *ids);
    float *want = mn_gpu_check__values(c, T * m->K, 0),
          *x_on = mn_gpu_check__f32_room(c, T * m->K);
    if (c->failed) return;
    for (size_t t = 0; t < T; t++)
        memcpy(want + t * m->K, W + (size_t)ids[t] * m->K, m->K * sizeof *want);
    c->api->gather(c->d, x_on, m, ids_on, T);
    mn_gpu_check__compare(c, "gather", format, x_on, want, T * m->K, ROW_OFF);
}

/* n matrices at once, T rows; then each row alone. */
static void check_matrix(mn_gpu_check__run *c, const mn_qformat *f, size_t N, size_t K,
                         size_t T, size_t n)
{
    mn_gpu_check__begin(c, "%zux%zux%zu of %zu", T, N, K, n);
    const size_t stride = n * N + 3, all = T * stride;
    float *W = mn_gpu_check__values(c, n * N * K, 0), *x = mn_gpu_check__values(c, T * K, 1),
          *y = mn_gpu_check__values(c, all, 1);
    mn_cuda_matrix m[MN_CUDA_JOINED];
    for (size_t i = 0; i < n && !c->failed; i++) m[i] = make_matrix(c, f, N, K, W + i * N * K);
    float *x_on = mn_gpu_check__f32_on(c, x, T * K), *y_on = mn_gpu_check__f32_on(c, y, all),
          *one = mn_gpu_check__f32_room(c, K), *alone = mn_gpu_check__f32_on(c, y, all);
    if (c->failed) return;
    check_gather(c, &m[0], W, f->name, T);
    c->api->rows_product(c->d, y_on, stride, x_on, T, m, n, n > 1);
    for (size_t t = 0; t < T; t++) {
        c->api->copy(c->d, one, x_on + t * K, K * sizeof *one);
        c->api->rows_product(c->d, alone + t * stride, stride, one, 1, m, n, n > 1);
    }
    float *want = mn_gpu_check__values(c, T * n * N, 0), *got = downloaded(c, alone, all);
    if (c->failed) return;
    mn_ref_matmul_nt(want, x, W, T, n * N, K, false);
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < n * N; i++)
            y[t * stride + i] = want[t * n * N + i] + (n > 1 ? y[t * stride + i] : 0);
    mn_gpu_check__compare(c, "rows_product", f->name, y_on, y, all, MN_GPU_CHECK__F32);
    tell_other_bits(c, "rows alone", y_on, got, all);
}

static void check_matrices(mn_gpu_check__run *c)
{
    const mn_qformat *f;
    for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
        check_matrix(c, f, 33, f->block == 1 ? 37 : f->block, 3, 1);
        check_matrix(c, f, 9, f->block == 256 ? 768 : 288, 11, 3);
        check_matrix(c, f, 5, f->block == 1 ? 70 : 512, 2, 2);
        check_matrix(c, f, 40, 256, 1, 1);
        if (!c->large) continue;
        check_matrix(c, f, 1536, 768, 200, 2);
        check_matrix(c, f, 576, 4096, 5, 1);
    }
}

/* ---- a cache ------------------------------------------------------------------------------------------------------------------------- */

/* P positions of one sequence, whose blocks lie backwards among as many others. */
typedef struct cache {
    size_t P, H, KV, D, n_blocks, W; /* W: values in a row of q, k and v */
    float *qkv, *o;                  /* of the host; o: [P][H D], the reference's */
    float *qkv_on, *o_on;
    uint32_t *pos_on, *blocks_on, *at_on; /* at: the block of each position */
    mn_cuda_cache on;
} cache;

static void refer(mn_gpu_check__run *c, cache *k)
{
    const mn_kv_shape shape = {MN_KV_F16, (uint32_t)k->KV, (uint32_t)k->D};
    const size_t bytes = mn_kv_block_bytes(&shape), share = k->H / k->KV, Q = k->H * k->D;
    uint8_t *memory = mn_gpu_check__host_bytes(c, k->n_blocks * bytes + 64);
    const void **blocks = mn_gpu_check__host_bytes(c, k->n_blocks * sizeof *blocks);
    float *work = mn_gpu_check__host_bytes(
        c, mn_attend_work(&shape, 1, (uint32_t)share) * sizeof(float) + 64);
    float *o = mn_gpu_check__values(c, k->W, 0);
    if (c->failed) return;
    memory += -(uintptr_t)memory & 63, work += (-(uintptr_t)work & 63) / sizeof *work;
    for (size_t b = 0; b < k->n_blocks; b++) blocks[b] = memory + b * bytes;
    for (size_t p = 0; p < k->P; p++) {
        const float *row = k->qkv + p * k->W;
        for (uint32_t kv = 0; kv < k->KV; kv++) {
            mn_kv_store(&shape, memory + p / MN_KV_BLOCK * bytes, p % MN_KV_BLOCK, kv,
                        row + Q + kv * k->D, row + Q + (k->KV + kv) * k->D);
            mn_attend(&shape, row, 1, k->W, kv * (uint32_t)share, (kv + 1) * (uint32_t)share,
                      kv, (uint32_t)p, blocks, o, work);
        }
        memcpy(k->o + p * Q, o, Q * sizeof *o);
    }
}

static cache make_cache(mn_gpu_check__run *c, size_t P, size_t H, size_t KV, size_t D)
{
    cache k = {.P = P, .H = H, .KV = KV, .D = D, .W = (H + 2 * KV) * D};
    k.n_blocks = (P + MN_CUDA_BLOCK - 1) / MN_CUDA_BLOCK;
    k.on = (mn_cuda_cache){NULL, 2, KV, D};
    k.qkv = mn_gpu_check__values(c, P * k.W, 1.5), k.o = mn_gpu_check__values(c, P * H * D, 0);
    uint32_t *pos = mn_gpu_check__below(c, P, 1), *at = mn_gpu_check__below(c, P, 1),
             *blocks = mn_gpu_check__below(c, k.n_blocks, 1);
    for (size_t b = 0; b < k.n_blocks && !c->failed; b++)
        blocks[b] = (uint32_t)(2 * (k.n_blocks - b) - 1);
    for (size_t p = 0; p < P && !c->failed; p++)
        pos[p] = (uint32_t)p, at[p] = blocks[p / MN_CUDA_BLOCK];
    k.on.base = mn_gpu_check__room(c, 2 * k.n_blocks * k.on.layers *
                                          mn_cuda_cache_layer(&k.on) * sizeof(uint16_t));
    k.qkv_on = mn_gpu_check__f32_on(c, k.qkv, P * k.W);
    k.o_on = mn_gpu_check__f32_room(c, P * H * D);
    k.pos_on = mn_gpu_check__on_device(c, pos, P * sizeof *pos);
    k.blocks_on = mn_gpu_check__on_device(c, blocks, k.n_blocks * sizeof *blocks);
    k.at_on = mn_gpu_check__on_device(c, at, P * sizeof *at);
    if (!c->failed) c->api->kv_store(c->d, &k.on, 1, k.qkv_on, k.pos_on, k.at_on, P, H);
    return k;
}

/* Rows [from, to) in one call. apart: each chunk by itself. */
static void attend_rows(mn_gpu_check__run *c, const cache *k, size_t from, size_t to,
                        bool apart)
{
    const size_t share = k->H / k->KV, n = mn_cuda_tiles(to - from, share);
    mn_cuda_tile *tiles = mn_gpu_check__host_bytes(c, n * sizeof *tiles);
    if (c->failed) return;
    mn_cuda_tiles_make((uint32_t)from, (uint32_t)(to - from), (uint32_t)share, 0, tiles);
    mn_cuda_attend a = {.tiles = mn_gpu_check__on_device(c, tiles, n * sizeof *tiles),
                        .pos = k->pos_on,
                        .blocks = k->blocks_on,
                        .n_tiles = n,
                        .layer = 1,
                        .H = k->H,
                        .n_chunks = (to + MN_CUDA_CHUNK - 1) / MN_CUDA_CHUNK};
    if (apart) a.parts = mn_gpu_check__f32_room(c, mn_cuda_attend_parts(&k->on, n, a.n_chunks));
    if (!c->failed) c->api->attend(c->d, k->o_on, k->qkv_on, &k->on, &a);
}

/* What lies beyond a row's positions, here what is no number, has no effect on it: all rows again, [0, n) with their bits as they were, though
 * later ones stand in the same tiles. */
static void check_beyond(mn_gpu_check__run *c, cache *k, size_t n, const float *whole)
{
    const size_t rest = k->P - n;
    float *nothing = mn_gpu_check__host_bytes(c, rest * k->W * sizeof *nothing);
    if (c->failed) return;
    memset(nothing, 0xff, rest * k->W * sizeof *nothing);
    float *nothing_on = mn_gpu_check__f32_on(c, nothing, rest * k->W);
    if (c->failed) return;
    c->api->kv_store(c->d, &k->on, 1, nothing_on, k->pos_on + n, k->at_on + n, rest, k->H);
    attend_rows(c, k, 0, k->P, false);
    tell_other_bits(c, "attend beyond", k->o_on, whole, n * k->H * k->D);
}

static void check_cache(mn_gpu_check__run *c, size_t P, size_t H, size_t KV, size_t D)
{
    mn_gpu_check__begin(c, "%zu H%zu KV%zu D%zu", P, H, KV, D);
    const size_t n = P * H * D, cut = P / 3;
    cache k = make_cache(c, P, H, KV, D);
    if (c->failed) return;
    refer(c, &k);
    attend_rows(c, &k, 0, P, false);
    mn_gpu_check__compare(c, "attend", "f16", k.o_on, k.o, n, MN_GPU_CHECK__F32);
    const float *whole = downloaded(c, k.o_on, n);
    if (c->failed) return;
    c->api->zero(c->d, k.o_on, n * sizeof(float));
    attend_rows(c, &k, 0, cut, true);
    attend_rows(c, &k, cut, P, true);
    tell_other_bits(c, "attend apart", k.o_on, whole, n);
    c->api->zero(c->d, k.o_on, n * sizeof(float));
    attend_rows(c, &k, 0, P - 1, false);
    attend_rows(c, &k, P - 1, P, true);
    tell_other_bits(c, "attend alone", k.o_on, whole, n);
    check_beyond(c, &k, P - P / 3 - 1, whole);
}

void mn_gpu_check__inference(mn_gpu_check__run *c)
{
    check_matrices(c);
    check_cache(c, 2, 1, 1, 2);
    check_cache(c, 33, 3, 1, 18);
    check_cache(c, 100, 4, 2, 34);
    check_cache(c, 70, 6, 2, 64);
    check_cache(c, 40, 2, 2, 80);
    check_cache(c, 130, 2, 1, 128);
    check_cache(c, 35, 1, 1, 256);
    if (!c->large) return;
    check_cache(c, 700, 9, 3, 64);
    check_cache(c, 1100, 8, 2, 128);
}
