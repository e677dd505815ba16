/* See gpu.h. One allocation on the device, laid out twice: once to count, once to hand out. */
#include "model/gpu.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/gpu_int.h"
#include "model/tensors.h"
#include "tensor/kernels.h"

#define HEAD_ROWS   128
#define HEAD_FLOATS ((size_t)64 << 20) /* logits held at once, about */

/* ---- memory ------------------------------------------------------------------------------------------------------------------- */

/* What only products read: in bfloat16 runs the twin alone. */
static mn_cuda_mat take_operand(const mn_gpu *g, mn_cuda_room *b, size_t n)
{
    if (g->bf16) return (mn_cuda_mat){NULL, mn_cuda_take(b, n * sizeof(uint16_t))};
    return (mn_cuda_mat){mn_cuda_take_f(b, n), NULL};
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Values whose sum this rank makes. */
static size_t own_values(const mn_gpu *g)
{
    return (size_t)(g->at[g->o.rank + 1] - g->at[g->o.rank]);
}

static void lay_weights(mn_gpu *g, mn_cuda_room *b)
{
    const size_t n = (size_t)g->w->n_all;
    g->all = mn_cuda_take_f(b, n), g->m = mn_cuda_take_f(b, n), g->v = mn_cuda_take_f(b, n),
    g->grad = mn_cuda_take_f(b, n);
    g->part = g->n_micro > 1 || g->o.size > 1 ? mn_cuda_take_f(b, n) : NULL;
    g->told_by_all =
        g->o.size > 1 ? mn_cuda_take_f(b, (size_t)g->o.size * own_values(g)) : NULL;
    g->half = g->bf16 ? mn_cuda_take(b, n * sizeof(uint16_t)) : NULL;
}

static void lay_layers(mn_gpu *g, mn_cuda_room *b)
{
    const size_t N = g->N, C = g->c.C;
    for (uint32_t l = 0; l < g->c.L; l++) {
        mn_model__gpu_saved *s = &g->layer[l];
        if (l && g->o.recompute) *s = g->layer[0];
        s->x = mn_cuda_take_f(b, N * C);
        if (l && g->o.recompute) continue;
        s->r1 = mn_cuda_take_f(b, N), s->qkv = mn_cuda_take_f(b, N * g->W);
        s->lse = mn_cuda_take_f(b, N * g->c.H), s->att = mn_cuda_take_f(b, N * g->Q),
        s->mid = mn_cuda_take_f(b, N * C);
        s->r2 = mn_cuda_take_f(b, N), s->gu = mn_cuda_take_f(b, N * 2 * g->c.F);
    }
    g->last = mn_cuda_take_f(b, N * C), g->last_r = mn_cuda_take_f(b, N),
    g->losses = mn_cuda_take_f(b, N);
    g->nf = take_operand(g, b, N * C);
}

static size_t muon_work(const mn_gpu *g)
{
    size_t most = 0;
    mn_tensor t;
    for (uint64_t i = 0; g->o.optimiser == MN_OPTIM_MUON && mn_tensor_at(&g->c, i, &t); i++)
        if (t.cols && t.part != MN_PART_EMBED && t.part != MN_PART_HEAD)
            most = larger(most, mn_cuda_muon_work(t.rows, t.cols, g->c.L));
    return most;
}

static void lay_scratch(mn_gpu *g, mn_cuda_room *b)
{
    const size_t N = g->N, C = g->c.C, F = g->c.F, V = g->c.V, H = g->head_rows * V;
    g->turn = mn_cuda_take_f(b, g->o.T * g->c.D);
    g->logits = mn_cuda_take_f(b, H);
    g->dlogits = g->bf16 ? (mn_cuda_mat){NULL, mn_cuda_take(b, H * sizeof(uint16_t))}
                         : (mn_cuda_mat){g->logits, NULL};
    g->wide = mn_cuda_take_f(b, N * larger(larger(C, g->Q), F)),
    g->narrow = mn_cuda_take_f(b, N * C), g->dx = mn_cuda_take_f(b, N * C);
    g->dqkv = mn_cuda_take_f(b, N * g->W), g->delta = mn_cuda_take_f(b, N * g->c.H);
    g->norm_work = mn_cuda_take_f(b, mn_cuda_norm_work(N, C));
    g->n = take_operand(g, b, N * C), g->h = take_operand(g, b, N * larger(F, g->Q));
    g->dgu = take_operand(g, b, N * 2 * F);
    g->half_out =
        g->bf16 ? mn_cuda_take(b, N * larger(larger(C, g->Q), g->W) * sizeof(uint16_t)) : NULL;
    g->sums = mn_cuda_take(b, (1 + g->n_micro) * sizeof(double));
    g->square_work =
        mn_cuda_take(b, mn_cuda_square_parts((size_t)g->w->n_all) * sizeof(double));
    g->scale = mn_cuda_take_f(b, 1);
    g->muon_work = mn_cuda_take(b, muon_work(g));
    g->batch = mn_cuda_take(b, (7 * g->o.batch_rows * g->o.T + g->n_micro) * sizeof(uint32_t));
}

static size_t lay_out(mn_gpu *g, void *base)
{
    mn_cuda_room b = {.base = base};
    lay_weights(g, &b);
    lay_layers(g, &b);
    lay_scratch(g, &b);
    return b.n;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------ */

static mn_rc take_host(mn_gpu *g, mn_err *e)
{
    const size_t slots = g->o.batch_rows * g->o.T;
    g->layer = mn_calloc(g->c.L, sizeof *g->layer);
    g->staged = mn_calloc(7 * slots + g->n_micro, sizeof *g->staged);
    g->at = mn_calloc((size_t)g->o.size + 1, sizeof *g->at);
    g->count = mn_calloc(g->c.V, sizeof *g->count);
    g->n_ids = mn_calloc(g->n_micro, sizeof *g->n_ids);
    g->told = mn_calloc(1 + g->n_micro, sizeof *g->told);
    if (!g->layer || !g->staged || !g->count || !g->n_ids || !g->told || !g->at)
        return mn_fail(e, MN_E_NOMEM, "no memory for a model on the GPU");
    for (int k = 0; k <= g->o.size; k++)
        g->at[k] = g->w->n_all / (uint64_t)g->o.size * (uint64_t)k;
    g->at[g->o.size] = g->w->n_all;
    return MN_OK;
}

static mn_rc take_device(mn_gpu *g, mn_err *e)
{
    const size_t bytes = lay_out(g, NULL);
    g->api->describe(g->d, &g->info);
    MN_TRY(mn_cuda_sync(g->api, g->d, e));
    g->memory = g->api->alloc(g->d, bytes);
    if (!g->memory)
        return mn_fail(e, MN_E_NOMEM,
                       "the GPU (%s) has %llu MB free and %zu are needed: fewer rows at once "
                       "(--micro)%s take less",
                       g->info.name, (unsigned long long)(g->info.free >> 20), bytes >> 20,
                       g->o.recompute ? "" : " or --recompute");
    lay_out(g, g->memory);
    return MN_OK;
}

static mn_rc fill_turn(mn_gpu *g, mn_err *e)
{
    const size_t n = g->o.T * g->c.D;
    double *angle = mn_calloc(g->c.D / 2, sizeof *angle);
    float *turn = mn_calloc(n, sizeof *turn);
    mn_rc rc = MN_OK;
    if (angle && turn) {
        mn_config_rope(&g->c, angle);
        mn_rope_table_from(turn, g->o.T, g->c.D, angle);
        g->api->upload(g->d, g->turn, turn, n * sizeof *turn);
    } else rc = mn_fail(e, MN_E_NOMEM, "no memory for a model on the GPU");
    mn_free(angle);
    mn_free(turn);
    return rc;
}

static mn_rc open_all(mn_gpu *g, mn_err *e)
{
    if (g->c.D > MN_CUDA_D_MAX)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "heads of %u values: on a GPU at most %d; use --device cpu", g->c.D,
                       MN_CUDA_D_MAX);
    MN_TRY(mn_cuda_open(g->o.index, &g->api, &g->d, e));
    MN_TRY(take_host(g, e));
    if (g->o.size > 1) {
        const char *why = g->api->join(g->d, g->o.meeting, g->o.rank, g->o.size);
        if (why) return mn_fail(e, MN_E_UNSUPPORTED, "the GPUs cannot meet: %s", why);
    }
    MN_TRY(take_device(g, e));
    MN_TRY(fill_turn(g, e));
    return mn_cuda_sync(g->api, g->d, e);
}

mn_rc mn_gpu_meeting(unsigned char *ret, mn_err *e)
{
    const mn_cuda_api *api;
    MN_TRY(mn_cuda_load(&api, e));
    const char *why = api->meeting(ret);
    return why ? mn_fail(e, MN_E_UNSUPPORTED, "the GPUs cannot meet: %s", why) : MN_OK;
}

mn_rc mn_gpu_new(const mn_weights *w, const mn_gpu_opts *o, mn_gpu **ret, mn_err *e)
{
    MN_ASSERT(o->batch_rows && o->micro_rows && o->micro_rows <= o->batch_rows && o->T &&
              o->T <= w->cfg.T);
    mn_gpu *g = mn_calloc(1, sizeof *g);
    if (!g) return mn_fail(e, MN_E_NOMEM, "no memory for a model on the GPU");
    *g = (mn_gpu){
        .w = w, .o = *o, .c = w->cfg, .N = o->micro_rows * o->T, .bf16 = o->dtype == MN_BF16};
    if (g->o.size < 1) g->o.size = 1;
    MN_ASSERT(g->o.rank >= 0 && g->o.rank < g->o.size);
    g->n_micro = (o->batch_rows + o->micro_rows - 1) / o->micro_rows;
    g->Q = (size_t)g->c.H * g->c.D, g->W = g->Q + 2 * (size_t)g->c.KV * g->c.D;
    g->head_rows = larger(HEAD_FLOATS / g->c.V / HEAD_ROWS * HEAD_ROWS, HEAD_ROWS);
    if (g->head_rows > g->N) g->head_rows = g->N;
    mn_rc rc = open_all(g, e);
    if (rc == MN_OK) *ret = g;
    else mn_gpu_free(g);
    return rc;
}

void mn_gpu_free(mn_gpu *g)
{
    if (!g) return;
    if (g->d) {
        g->api->free(g->d, g->memory);
        g->api->close(g->d);
    }
    mn_free(g->layer);
    mn_free(g->staged);
    mn_free(g->at);
    mn_free(g->count);
    mn_free(g->n_ids);
    mn_free(g->told);
    mn_free(g);
}

const mn_cuda_info *mn_gpu_info(const mn_gpu *g)
{
    return &g->info;
}

/* ---- weights and moments -------------------------------------------------------------------------------------------------------- */

static void load_or_zero(mn_gpu *g, float *to, const float *from, size_t bytes)
{
    if (from) g->api->upload(g->d, to, from, bytes);
    else g->api->zero(g->d, to, bytes);
}

mn_rc mn_gpu_load(mn_gpu *g, const float *all, const float *m, const float *v, mn_err *e)
{
    const size_t n = (size_t)g->w->n_all, bytes = n * sizeof(float);
    g->api->upload(g->d, g->all, all, bytes);
    if (g->bf16) g->api->round(g->d, g->half, g->all, n);
    load_or_zero(g, g->m, m, bytes);
    load_or_zero(g, g->v, v, bytes);
    return mn_cuda_sync(g->api, g->d, e);
}

mn_rc mn_gpu_store(mn_gpu *g, float *all, float *m, float *v, mn_err *e)
{
    const size_t bytes = (size_t)g->w->n_all * sizeof(float);
    g->api->download(g->d, all, g->all, bytes);
    if (m) g->api->download(g->d, m, g->m, bytes);
    if (v) g->api->download(g->d, v, g->v, bytes);
    return mn_cuda_sync(g->api, g->d, e);
}

/* ---- batches -------------------------------------------------------------------------------------------------------------------- */

/* Micro-batch i of the batch of n_rows that lies on the device. */
static mn_model__gpu_rows micro_at(const mn_gpu *g, size_t i, size_t n_rows)
{
    const size_t slots = g->o.batch_rows * g->o.T, from = i * g->o.micro_rows,
                 left = n_rows - from;
    const size_t at = from * g->o.T;
    const uint32_t *b = g->batch;
    return (mn_model__gpu_rows){.ids = b + at,
                                .target = b + slots + at,
                                .pos = b + 2 * slots + at,
                                .first = b + 3 * slots + at,
                                .weight = (const float *)(const void *)(b + 4 * slots + at),
                                .plan = {.order = b + 5 * slots + at,
                                         .begin = b + 6 * slots + at + i,
                                         .n_ids = g->n_ids[i]},
                                .n_rows = left < g->o.micro_rows ? left : g->o.micro_rows};
}

/* In one piece. The plan of micro-batch i counts its places from its own first token. */
static void send(mn_gpu *g, const mn_batch *b)
{
    const size_t slots = g->o.batch_rows * g->o.T, n = b->n_rows * b->T;
    uint32_t *s = g->staged;
    memcpy(s, b->ids, n * sizeof *s);
    memcpy(s + slots, b->target, n * sizeof *s);
    memcpy(s + 2 * slots, b->pos, n * sizeof *s);
    memcpy(s + 3 * slots, b->first, n * sizeof *s);
    memcpy(s + 4 * slots, b->weight, n * sizeof *s);
    for (size_t i = 0; i * g->o.micro_rows < b->n_rows; i++) {
        const size_t from = i * g->N, k = n - from < g->N ? n - from : g->N;
        g->n_ids[i] = mn_cuda_plan_make(b->ids + from, k, g->c.V, s + 5 * slots + from,
                                        s + 6 * slots + from + i, g->count);
    }
    g->api->upload(g->d, g->batch, s, (7 * slots + g->n_micro) * sizeof *s);
}

/* ---- a step ----------------------------------------------------------------------------------------------------------------------- */

static size_t micro_of(const mn_gpu *g, const mn_batch *b)
{
    return (b->n_rows + g->o.micro_rows - 1) / g->o.micro_rows;
}

/* Micro-batch i's gradient, over what is in `to`; its loss. */
static void run_micro(mn_gpu *g, const mn_batch *b, size_t i, float *to)
{
    const mn_model__gpu_rows micro = micro_at(g, i, b->n_rows);
    g->api->zero(g->d, to, (size_t)g->w->n_all * sizeof *to);
    mn_model__gpu_run(g, &micro, to);
    g->api->weigh(g->d, g->sums + 1 + i, g->losses, micro.weight, micro.n_rows * g->o.T);
}

/* The first micro-batch's gradient, to which each further one's is added. */
static void sum_alone(mn_gpu *g, const mn_batch *b)
{
    for (size_t i = 0; i < micro_of(g, b); i++) {
        run_micro(g, b, i, i ? g->part : g->grad);
        if (i) g->api->add(g->d, g->grad, g->part, (size_t)g->w->n_all);
    }
}

/* The same sum, each rank that of its own values: in rounds of a micro-batch a rank. Then all have all. */
static void sum_together(mn_gpu *g, const mn_batch *b)
{
    const size_t size = (size_t)g->o.size, me = (size_t)g->o.rank, own = own_values(g);
    float *sum = g->grad + g->at[me];
    for (size_t m = 0; m < micro_of(g, b); m += size) {
        const size_t left = micro_of(g, b) - m, n = left < size ? left : size;
        if (me < n) run_micro(g, b, m + me, g->part);
        g->api->scatter(g->d, g->told_by_all, g->part, g->at, (int)n);
        for (size_t k = 0; k < n; k++) {
            const float *theirs = g->told_by_all + k * own;
            if (m + k) g->api->add(g->d, sum, theirs, own);
            else g->api->copy(g->d, sum, theirs, own * sizeof *sum);
        }
    }
    g->api->share(g->d, g->grad, g->at);
}

/* The gradient of the batch into g->grad. */
static void sum_gradient(mn_gpu *g, const mn_batch *b)
{
    send(g, b);
    g->api->zero(g->d, g->sums, (1 + g->n_micro) * sizeof *g->sums);
    if (g->o.size > 1) sum_together(g, b);
    else sum_alone(g, b);
}

static mn_rc hear(mn_gpu *g, const mn_batch *b, double *ret_loss, mn_err *e)
{
    const size_t n = micro_of(g, b);
    double loss = 0;
    g->api->download(g->d, g->told, g->sums, (1 + n) * sizeof *g->told);
    MN_TRY(mn_cuda_sync(g->api, g->d, e));
    for (size_t i = 0; i < n; i++) loss += g->told[1 + i];
    *ret_loss = loss;
    return MN_OK;
}

typedef struct steps {
    mn_adamw adamw;
    mn_cuda_muon muon;
} steps;

/* A tensor of all layers at once, or one that is there once. */
static void step_tensor(mn_gpu *g, const mn_tensor *t, size_t at, size_t batch, size_t stride,
                        const steps *how)
{
    const size_t n = (size_t)t->rows * (t->cols ? t->cols : 1);
    const bool table = t->part == MN_PART_EMBED || t->part == MN_PART_HEAD;
    uint16_t *half = g->half ? g->half + at : NULL;
    if (t->cols && !table && g->o.optimiser == MN_OPTIM_MUON) {
        mn_cuda_muon m = how->muon;
        m.p = g->all + at, m.m = g->m + at, m.g = g->grad + at, m.half = half;
        m.rows = t->rows, m.cols = t->cols, m.batch = batch, m.stride = stride;
        g->api->muon(g->d, &m);
        return;
    }
    mn_cuda_adamw a = {.p = g->all + at,
                       .m = g->m + at,
                       .v = g->v + at,
                       .g = g->grad + at,
                       .half = half,
                       .n = n,
                       .batch = batch,
                       .stride = stride,
                       .how = how->adamw,
                       .scale = g->scale};
    if (!t->cols) a.how.decay = 0;
    g->api->adamw(g->d, &a);
}

static void step_all(mn_gpu *g, const steps *how)
{
    const uint64_t per_layer = (mn_tensor_count(&g->c) - (g->c.tied ? 2 : 3)) / g->c.L;
    size_t at = 0, layer = 0;
    mn_tensor t;
    for (uint64_t i = 1; i <= per_layer && mn_tensor_at(&g->c, i, &t); i++)
        layer += (size_t)t.rows * (t.cols ? t.cols : 1);
    for (uint64_t i = 0; mn_tensor_at(&g->c, i, &t); i++) {
        const bool in_layer = i >= 1 && i <= per_layer * g->c.L;
        if (!in_layer) step_tensor(g, &t, at, 1, 0, how);
        else if (t.layer == 0) step_tensor(g, &t, at, g->c.L, layer, how);
        at += (size_t)t.rows * (t.cols ? t.cols : 1);
    }
}

mn_rc mn_gpu_step(mn_gpu *g, const mn_batch *b, const mn_optim_opts *o, uint64_t step,
                  double *ret_loss, double *ret_norm, mn_err *e)
{
    MN_ASSERT(b->T == g->o.T && b->n_rows > 0 && b->n_rows <= g->o.batch_rows);
    const steps how = {.adamw = {.lr = (float)o->lr,
                                 .b1 = (float)o->b1,
                                 .b2 = (float)o->b2,
                                 .eps = (float)o->eps,
                                 .decay = (float)o->decay,
                                 .fix1 = (float)(1 - pow(o->b1, (double)step)),
                                 .fix2 = (float)(1 - pow(o->b2, (double)step)),
                                 .cautious = o->cautious},
                       .muon = {.lr = (float)o->lr,
                                .momentum = (float)o->momentum,
                                .decay = (float)o->decay,
                                .cautious = o->cautious,
                                .bf16 = g->bf16,
                                .scale = g->scale,
                                .work = g->muon_work}};
    double loss;
    sum_gradient(g, b);
    g->api->sum_squares(g->d, g->sums, g->grad, (size_t)g->w->n_all, 1, 0, g->square_work);
    g->api->clip(g->d, g->scale, g->sums, o->clip);
    step_all(g, &how);
    MN_TRY(hear(g, b, &loss, e));
    *ret_loss = loss;
    *ret_norm = sqrt(g->told[0]);
    return MN_OK;
}

mn_rc mn_gpu_gradient(mn_gpu *g, const mn_batch *b, float *ret_d, double *ret_loss, mn_err *e)
{
    MN_ASSERT(b->T == g->o.T && b->n_rows > 0 && b->n_rows <= g->o.batch_rows);
    sum_gradient(g, b);
    MN_TRY(hear(g, b, ret_loss, e));
    g->api->download(g->d, ret_d, g->grad, (size_t)g->w->n_all * sizeof *ret_d);
    return mn_cuda_sync(g->api, g->d, e);
}

mn_rc mn_gpu_losses(mn_gpu *g, const mn_batch *b, float *losses, mn_err *e)
{
    MN_ASSERT(b->T == g->o.T);
    for (size_t from = 0; from < b->n_rows; from += g->o.micro_rows) {
        const size_t left = b->n_rows - from,
                     n = left < g->o.micro_rows ? left : g->o.micro_rows, at = from * b->T;
        const mn_batch part = {
            b->ids + at, b->target + at, b->pos + at, b->first + at, b->weight + at, n, b->T};
        send(g, &part);
        const mn_model__gpu_rows rows = micro_at(g, 0, n);
        mn_model__gpu_run(g, &rows, NULL);
        g->api->download(g->d, losses + at, g->losses, n * b->T * sizeof *losses);
    }
    return mn_cuda_sync(g->api, g->d, e);
}
