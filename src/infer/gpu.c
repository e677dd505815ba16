/* A model goes to a GPU: what is needed is counted, taken in three pieces (weights, cache, scratch), and filled. gpu.h */
#include "infer/gpu.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/cuda_matrix.h"

_Static_assert(MN_CUDA_BLOCK == MN_KV_BLOCK, "blocks are counted once, for both ways");

/* ---- weights ------------------------------------------------------------------------------------------------------------------ */

/* Where a matrix goes, and the largest of them as the host lays it out. */
typedef struct loading {
    mn_engine *g;
    mn_pool *pool;
    uint8_t *base; /* on the device; NULL: only counts */
    size_t n, largest;
    uint8_t *host; /* [largest] */
} loading;

static void put_matrix(loading *a, const mn_tensor_view *v, mn_cuda_matrix *ret)
{
    const mn_engine_gpu *u = a->g->gpu;
    const mn_cuda_form form = mn_cuda_form_of(v->type);
    const size_t bytes = mn_cuda_matrix_bytes(form, v->rows, v->cols);
    if (a->base) {
        mn_cuda_matrix_make(v->type, v->rows, v->cols, v->data,
                            v->alternate ? mn_view_row : NULL, v, a->pool, a->host);
        u->api->upload(u->d, a->base + a->n, a->host, bytes);
        *ret = (mn_cuda_matrix){form, v->rows, v->cols, a->base + a->n};
    }
    a->n += bytes;
    if (bytes > a->largest) a->largest = bytes;
}

static void put_norm(loading *a, const mn_tensor_view *v, const float **ret)
{
    const mn_engine_gpu *u = a->g->gpu;
    const size_t bytes = a->g->cfg.C * sizeof(float);
    if (a->base) {
        mn_view_read_row(v, 0, (float *)(void *)a->host);
        u->api->upload(u->d, a->base + a->n, a->host, bytes);
        *ret = (const float *)(const void *)(a->base + a->n);
    }
    a->n += mn_cuda_whole(bytes);
    if (bytes > a->largest) a->largest = bytes;
}

static void put_layer(loading *a, size_t l)
{
    const mn_layer_view *v = &a->g->model->layers[l];
    mn_engine_gpu_layer *y = &a->g->gpu->layers[l];
    put_norm(a, &v->norm1, &y->norm1);
    put_matrix(a, &v->wq, &y->qkv[0]);
    put_matrix(a, &v->wk, &y->qkv[1]);
    put_matrix(a, &v->wv, &y->qkv[2]);
    put_matrix(a, &v->wo, &y->o);
    put_norm(a, &v->norm2, &y->norm2);
    put_matrix(a, &v->wg, &y->gu[0]);
    put_matrix(a, &v->wu, &y->gu[1]);
    put_matrix(a, &v->wd, &y->down);
}

/* Twice: to count, and to bring them there. */
static void put_weights(loading *a)
{
    const mn_model *m = a->g->model;
    mn_engine_gpu *u = a->g->gpu;
    a->n = 0;
    for (size_t l = 0; l < a->g->cfg.L; l++) {
        put_layer(a, l);
        if (a->base) mn_model_drop_pages(m);
    }
    put_norm(a, &m->norm, &u->norm);
    put_matrix(a, &m->embed, &u->embed);
    u->head = u->embed;
    if (m->head.data) put_matrix(a, &m->head, &u->head);
    if (a->base) mn_model_drop_pages(m);
}

/* ---- scratch ------------------------------------------------------------------------------------------------------------------ */

/* Pieces may be one row each, with a list of blocks and a tile of their own. */
static size_t lay_rows(const mn_engine *g, mn_engine_gpu_rows *r, uint8_t *base)
{
    const size_t R = MN_ENGINE_GPU_ROWS, each = (g->context + MN_KV_BLOCK - 1) / MN_KV_BLOCK;
    const size_t tiles = R + mn_cuda_tiles(R, g->cfg.H / g->cfg.KV);
    mn_cuda_room b = {.base = base};
    r->ids = mn_cuda_take(&b, R * sizeof *r->ids),
    r->pos = mn_cuda_take(&b, R * sizeof *r->pos);
    r->slot = mn_cuda_take(&b, R * sizeof *r->slot),
    r->out = mn_cuda_take(&b, R * sizeof *r->out);
    r->tiles = mn_cuda_take(&b, tiles * sizeof *r->tiles);
    r->last_tiles = mn_cuda_take(&b, tiles * sizeof *r->tiles);
    r->blocks =
        mn_cuda_take(&b, R * each * sizeof *r->blocks); /* the last: its length varies most */
    return b.n;
}

static size_t lay_scratch(mn_engine *g, uint8_t *base)
{
    mn_engine_gpu *u = g->gpu;
    const mn_config *c = &g->cfg;
    const size_t R = MN_ENGINE_GPU_ROWS, C = c->C, Q = (size_t)c->H * c->D,
                 W = Q + 2 * (size_t)c->KV * c->D;
    mn_cuda_room b = {.base = base};
    u->x = mn_cuda_take_f(&b, R * C), u->normed = mn_cuda_take_f(&b, R * C),
    u->scale = mn_cuda_take_f(&b, R);
    u->qkv = mn_cuda_take_f(&b, R * W), u->o = mn_cuda_take_f(&b, R * Q);
    u->gu = mn_cuda_take_f(&b, R * 2 * c->F), u->f = mn_cuda_take_f(&b, R * c->F);
    u->logits = mn_cuda_take_f(&b, (size_t)MN_ENGINE_GPU_LOGITS * c->V);
    u->turn = mn_cuda_take_f(&b, (size_t)g->context * c->D);
    u->parts = mn_cuda_take_f(&b, MN_ENGINE_GPU_PARTS);
    uint8_t *rows = mn_cuda_take(&b, u->rows_bytes);
    if (base) lay_rows(g, &u->on, rows);
    return b.n;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------ */

static mn_rc check(const mn_engine *g, mn_err *e)
{
    if (g->kv.shape.type != MN_KV_F16)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "a GPU keeps keys and values as f16 only: set model_cache_type to f16, "
                       "or use the CPU");
    if (g->cfg.D > MN_CUDA_HEAD_MAX)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the model has heads of %u values: a GPU takes %d at most; use the CPU",
                       g->cfg.D, MN_CUDA_HEAD_MAX);
    return MN_OK;
}

static mn_rc take_host(mn_engine *g, mn_err *e)
{
    mn_engine_gpu *u = g->gpu;
    u->layers = mn_calloc(g->cfg.L, sizeof *u->layers);
    u->states = mn_calloc((size_t)MN_ENGINE_GPU_ROWS * g->cfg.C, sizeof *u->states);
    u->rows_bytes = lay_rows(g, &u->host, NULL);
    uint8_t *rows = mn_alloc_aligned(64, u->rows_bytes);
    if (rows) lay_rows(g, &u->host, rows);
    if (!u->layers || !u->states || !rows)
        return mn_fail(e, MN_E_NOMEM, "out of memory for a model on a GPU");
    return MN_OK;
}

/* All of the device's memory that the engine will ever have. */
static mn_rc take_device(mn_engine *g, size_t weights, mn_err *e)
{
    mn_engine_gpu *u = g->gpu;
    const size_t MiB = 1 << 20, scratch = lay_scratch(g, NULL);
    u->cache_bytes =
        g->kv.n_blocks * g->cfg.L * mn_cuda_cache_layer(&u->cache) * sizeof(uint16_t);
    const size_t all = weights + u->cache_bytes + scratch;
    if (all <= u->info.free) {
        u->weights = u->api->alloc(u->d, weights);
        u->cache.base = u->api->alloc(u->d, u->cache_bytes);
        u->scratch = u->api->alloc(u->d, scratch);
    }
    if (!u->weights || !u->cache.base || !u->scratch)
        return mn_fail(
            e, MN_E_NOMEM,
            "the GPU (%s) has %zu MiB free and the model needs %zu: %zu for weights, "
            "%zu for keys and values, %zu to compute in; make context or cache "
            "smaller, or use the CPU",
            u->info.name, (size_t)u->info.free / MiB, all / MiB + 1, weights / MiB,
            u->cache_bytes / MiB, scratch / MiB);
    lay_scratch(g, u->scratch);
    return MN_OK;
}

static mn_rc bring(mn_engine *g, int n_threads, mn_err *e)
{
    loading a = {.g = g};
    mn_engine_gpu *u = g->gpu;
    put_weights(&a);
    g->bytes = a.n;
    MN_TRY(take_device(g, a.n, e));
    MN_TRY(mn_pool_new(n_threads, &a.pool, e));
    a.base = u->weights;
    a.host = mn_alloc_aligned(64, a.largest);
    if (a.host) put_weights(&a);
    mn_pool_free(a.pool);
    mn_free(a.host);
    if (!a.host)
        return mn_fail(e, MN_E_NOMEM, "out of memory for a matrix of %zu bytes", a.largest);
    return mn_cuda_sync(u->api, u->d, e);
}

static void release(mn_engine *g)
{
    mn_engine_gpu *u = g->gpu;
    if (!u) return;
    if (u->d) {
        u->api->free(u->d, u->weights);
        u->api->free(u->d, u->cache.base);
        u->api->free(u->d, u->scratch);
        u->api->close(u->d);
    }
    pthread_mutex_destroy(&u->lock);
    mn_free(u->layers);
    mn_free(u->states);
    mn_free(u->host.ids); /* the first of them */
    mn_free(u);
    g->gpu = NULL;
}

static void copy_block(mn_engine *g, uint32_t to, uint32_t from)
{
    mn_engine_gpu *u = g->gpu;
    const size_t values = g->cfg.L * mn_cuda_cache_layer(&u->cache);
    pthread_mutex_lock(&u->lock);
    u->api->copy(u->d, u->cache.base + to * values, u->cache.base + from * values,
                 values * sizeof *u->cache.base);
    pthread_mutex_unlock(&u->lock);
}

static size_t cache_bytes(mn_engine *g)
{
    return g->gpu->cache_bytes;
}

static const mn_way on_gpu = {mn_engine__gpu_run, copy_block, cache_bytes, release};

mn_rc mn_engine__gpu_open(mn_engine *g, int index, int n_threads, mn_err *e)
{
    MN_TRY(check(g, e));
    mn_engine_gpu *u = mn_calloc(1, sizeof *u);
    if (!u) return mn_fail(e, MN_E_NOMEM, "out of memory");
    pthread_mutex_init(&u->lock, NULL);
    g->gpu = u;
    g->way = &on_gpu;
    g->s.R = MN_ENGINE_GPU_ROWS;
    MN_TRY(mn_cuda_open(index, &u->api, &u->d, e));
    u->api->describe(u->d, &u->info);
    u->cache = (mn_cuda_cache){NULL, g->cfg.L, g->cfg.KV, g->cfg.D};
    MN_TRY(take_host(g, e));
    return bring(g, n_threads, e);
}
