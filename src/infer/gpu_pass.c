/* A forward pass on a GPU: what forward.c does on the CPU, as a list of calls. gpu.h */
#include <string.h>

#include "infer/gpu.h"

/* A pass. */
typedef struct pass {
    mn_engine *g;
    mn_engine_gpu *u;
    const mn_cuda_api *api;
    mn_cuda *d;
    uint32_t n_rows, n_out, n_logits; /* as in forward.c */
    size_t n_tiles, n_last, n_blocks;
    uint32_t longest; /* positions that the longest row sees */
} pass;

/* ---- rows ----------------------------------------------------------------------------------------------------------------------- */

static void lay_piece(pass *j, const mn_piece *p)
{
    mn_engine_gpu_rows *r = &j->u->host;
    const uint32_t share = j->g->cfg.H / j->g->cfg.KV, from = p->n - mn_forward__wanted(p),
                   row = j->n_rows, end = p->seq->len + p->n,
                   n_blocks = (end + MN_KV_BLOCK - 1) / MN_KV_BLOCK;
    MN_ASSERT(row + p->n <= MN_ENGINE_GPU_ROWS);
    for (uint32_t t = 0; t < p->n; t++) {
        const uint32_t pos = p->seq->len + t;
        r->ids[row + t] = p->ids[t];
        r->pos[row + t] = pos;
        r->slot[row + t] = p->seq->blocks[pos / MN_KV_BLOCK];
        if (t >= from) r->out[j->n_out++] = row + t;
    }
    const uint32_t table = (uint32_t)j->n_blocks;
    memcpy(r->blocks + table, p->seq->blocks, n_blocks * sizeof *r->blocks);
    mn_cuda_tiles_make(row, p->n, share, table, r->tiles + j->n_tiles);
    mn_cuda_tiles_make(row + from, p->n - from, share, table, r->last_tiles + j->n_last);
    j->n_tiles += mn_cuda_tiles(p->n, share);
    j->n_last += mn_cuda_tiles(p->n - from, share);
    j->n_blocks += n_blocks;
    j->n_rows += p->n;
    if (end > j->longest) j->longest = end;
}

/* All that is in use lies before the end of the blocks. */
static void upload_rows(const pass *j)
{
    const mn_engine_gpu_rows *host = &j->u->host;
    const size_t bytes =
        (size_t)((const char *)(host->blocks + j->n_blocks) - (const char *)host->ids);
    j->api->upload(j->d, j->u->on.ids, host->ids, bytes);
}

static void upload_turns(const pass *j)
{
    mn_engine_gpu *u = j->u;
    const size_t D = j->g->cfg.D;
    mn_forward__turn_up_to(j->g, j->longest);
    if (j->g->n_turned <= u->n_turned) return;
    j->api->upload(j->d, u->turn + u->n_turned * D, j->g->turn_table + u->n_turned * D,
                   (j->g->n_turned - u->n_turned) * D * sizeof(float));
    u->n_turned = j->g->n_turned;
}

/* ---- a layer -------------------------------------------------------------------------------------------------------------------- */

/* Matrices side by side in y: those of one form in one call. */
static void multiply(const pass *j, float *y, size_t stride, const float *x, size_t T,
                     const mn_cuda_matrix *m, size_t n, bool add)
{
    for (size_t at = 0; at < n;) {
        size_t same = 1, cols = m[at].N;
        for (; at + same < n && m[at + same].form == m[at].form; same++) cols += m[at + same].N;
        j->api->rows_product(j->d, y, stride, x, T, m + at, same, add);
        y += cols;
        at += same;
    }
}

static void norm(const pass *j, const float *x, const float *gain, size_t T)
{
    const mn_cuda_mat y = {j->u->normed, NULL};
    j->api->rmsnorm(j->d, y, j->u->scale, x, gain, T, j->g->cfg.C, j->g->cfg.eps);
}

static void keys_and_values(const pass *j, size_t l)
{
    const mn_engine_gpu *u = j->u;
    const mn_config *c = &j->g->cfg;
    const size_t W = (size_t)(c->H + 2 * c->KV) * c->D;
    norm(j, u->x, u->layers[l].norm1, j->n_rows);
    multiply(j, u->qkv, W, u->normed, j->n_rows, u->layers[l].qkv, 3, false);
    j->api->rope(j->d, u->qkv, W, u->turn, u->on.pos, j->n_rows, c->H + c->KV, c->D, false);
    j->api->kv_store(j->d, &u->cache, l, u->qkv, u->on.pos, u->on.slot, j->n_rows, c->H);
}

/* Few tiles: chunks apart, so that every multiprocessor has work; the bits are the same. */
static void attend(const pass *j, size_t l, bool last)
{
    const mn_engine_gpu *u = j->u;
    mn_cuda_attend a = {.tiles = last ? u->on.last_tiles : u->on.tiles,
                        .pos = u->on.pos,
                        .blocks = u->on.blocks,
                        .n_tiles = last ? j->n_last : j->n_tiles,
                        .layer = l,
                        .H = j->g->cfg.H,
                        .n_chunks = (j->longest + MN_CUDA_CHUNK - 1) / MN_CUDA_CHUNK};
    const size_t warps = a.n_tiles * u->cache.KV,
                 full = (size_t)u->info.processors * MN_ENGINE_GPU_FULL;
    if (a.n_chunks > 1 && warps < full &&
        mn_cuda_attend_parts(&u->cache, a.n_tiles, a.n_chunks) <= MN_ENGINE_GPU_PARTS)
        a.parts = u->parts;
    j->api->attend(j->d, u->o, u->qkv, &u->cache, &a);
}

/* The rest of a layer for n rows: o and x are [n]. */
static void finish_layer(const pass *j, const mn_engine_gpu_layer *y, const float *o, size_t n)
{
    const mn_engine_gpu *u = j->u;
    const size_t C = j->g->cfg.C, F = j->g->cfg.F;
    multiply(j, u->x, C, o, n, &y->o, 1, true);
    norm(j, u->x, y->norm2, n);
    multiply(j, u->gu, 2 * F, u->normed, n, y->gu, 2, false);
    j->api->swiglu(j->d, (mn_cuda_mat){u->f, NULL}, u->gu, n, F);
    multiply(j, u->x, C, u->f, n, &y->down, 1, true);
}

/* In the last layer only rows that something is asked of go on; they move up. Queries and norms have been read by then. */
static const float *move_up(const pass *j)
{
    mn_engine_gpu *u = j->u;
    const mn_config *c = &j->g->cfg;
    if (j->n_out == j->n_rows) return u->o;
    float *x = u->x;
    j->api->embed(j->d, u->normed, x, u->on.out, j->n_out, c->C);
    j->api->embed(j->d, u->qkv, u->o, u->on.out, j->n_out, (size_t)c->H * c->D);
    u->x = u->normed, u->normed = x;
    return u->qkv;
}

static void run_layers(const pass *j)
{
    const mn_engine_gpu *u = j->u;
    const size_t L = j->g->cfg.L;
    j->api->gather(j->d, u->x, &u->embed, u->on.ids, j->n_rows);
    for (size_t l = 0; l < L; l++) {
        const bool last = l + 1 == L;
        keys_and_values(j, l);
        if (last && j->n_out == 0) return;
        attend(j, l, last);
        finish_layer(j, &u->layers[l], last ? move_up(j) : u->o, last ? j->n_out : j->n_rows);
    }
}

/* ---- what comes of it ------------------------------------------------------------------------------------------------------------ */

static void head(const pass *j, float *logits)
{
    const mn_engine_gpu *u = j->u;
    const size_t C = j->g->cfg.C, V = j->g->cfg.V;
    for (size_t at = 0; at < j->n_logits; at += MN_ENGINE_GPU_LOGITS) {
        const size_t left = j->n_logits - at,
                     n = left < MN_ENGINE_GPU_LOGITS ? left : MN_ENGINE_GPU_LOGITS;
        multiply(j, u->logits, V, u->normed + at * C, n, &u->head, 1, false);
        j->api->download(j->d, logits + at * V, u->logits, n * V * sizeof *logits);
    }
}

/* The final states of rows that are summed: they come after those with logits. */
static void download_states(const pass *j)
{
    const size_t C = j->g->cfg.C;
    j->api->download(j->d, j->u->states, j->u->normed + j->n_logits * C,
                     (j->n_out - j->n_logits) * C * sizeof(float));
}

static void add_states(const pass *j, const mn_piece *p, size_t n)
{
    const size_t C = j->g->cfg.C;
    const float *row = j->u->states;
    for (size_t i = 0; i < n; i++)
        for (uint32_t t = 0; p[i].want == MN_WANT_SUM && t < p[i].n; t++, row += C)
            for (size_t c = 0; c < C; c++) p[i].sum[c] += (double)row[c];
}

mn_rc mn_engine__gpu_run(mn_engine *g, const mn_piece *p, size_t n, float *logits, mn_err *e)
{
    mn_engine_gpu *u = g->gpu;
    pass j = {.g = g, .u = u, .api = u->api, .d = u->d};
    j.n_logits = (uint32_t)mn_forward__rows_out(p, n);
    for (size_t i = 0; i < n; i++) lay_piece(&j, &p[i]);
    pthread_mutex_lock(&u->lock);
    upload_rows(&j);
    upload_turns(&j);
    run_layers(&j);
    if (j.n_out) norm(&j, u->x, u->norm, j.n_out);
    head(&j, logits);
    if (j.n_out > j.n_logits) download_states(&j);
    mn_rc rc = mn_cuda_sync(u->api, u->d, e);
    pthread_mutex_unlock(&u->lock);
    if (rc == MN_OK) add_states(&j, p, n);
    return rc;
}
