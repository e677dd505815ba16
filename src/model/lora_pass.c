/* The pass over a frozen base: memory and the stages of a run. Contract: lora_pass.h.
 *
 * Idea. forward.c lets each sequence run through all layers; here the layers come one after the other and the sequences are parts
 * within each, because a layer of the base is brought from its file's format into operands once for all of them. That work is itself parts
 * of the stage before (two layers' room, taken in turns), and so is adding up the gradients of the layer after, which each sequence has left in a
 * place of its own: one barrier a layer. */
#include "model/lora_pass.h"

#include <string.h>

#include "base/mem.h"
#include "model/lora_int.h"

#define HEAD_FLOATS  ((size_t)16 << 20) /* logits held at once, about */
#define HEAD_LEAST   64u
#define BRING_PARTS  4u /* of each matrix of a layer */
#define REDUCE_CHUNK ((size_t)1 << 16)

typedef mn_lora__mat mat;
typedef mn_lora__saved saved;

/* ---- memory: counted with base NULL, then handed out ---------------------------------------------------------------- */

typedef struct bump {
    uint8_t *base;
    size_t n;
} bump;

static void *take(bump *b, size_t n, size_t size)
{
    void *p = b->base ? b->base + b->n : NULL;
    b->n += (n * size + 63) / 64 * 64;
    return p;
}

static float *take_f(bump *b, size_t n)
{
    return take(b, n, sizeof(float));
}

static uint16_t *take_h(const mn_lora_pass *p, bump *b, size_t n)
{
    return p->bf16 ? take(b, n, sizeof(uint16_t)) : NULL;
}

/* An operand that is computed: floats, and in bf16 runs their twin. */
static mat take_mat(const mn_lora_pass *p, bump *b, size_t n)
{
    mat m = {.f = take_f(b, n)};
    m.h = take_h(p, b, n);
    return m;
}

/* An operand that is only read: in one of the two forms. */
static mat take_one(const mn_lora_pass *p, bump *b, size_t n)
{
    mat m = {.h = take_h(p, b, n)};
    if (!p->bf16) m.f = take_f(b, n);
    return m;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static saved take_saved(const mn_lora_pass *p, bump *b, size_t n)
{
    return (saved){NULL,
                   take_f(b, n * p->W),
                   take_f(b, n * p->c.H),
                   take_f(b, n * p->Q),
                   take_f(b, n * p->c.C),
                   take_f(b, n * 2 * p->c.F)};
}

static void lay_layers(mn_lora_pass *p, bump *b)
{
    const size_t N = p->rows * p->T, C = p->c.C;
    const bool keep = p->o.backward && !p->o.again;
    for (uint32_t l = 0; l < p->c.L; l++) {
        if (keep) p->layer[l] = take_saved(p, b, N);
        p->layer[l].x = l && !p->o.backward ? p->layer[0].x : take_f(b, N * C);
    }
    p->last = p->o.backward ? take_f(b, N * C) : p->layer[0].x;
}

static void lay_frozen(mn_lora_pass *p, bump *b, mn_lora__frozen *f)
{
    const size_t C = p->c.C, F = p->c.F;
    f->all = take_one(p, b, C * (p->W + p->Q + 3 * F));
    f->wqkv = f->all;
    f->wo = mn_lora__at(f->wqkv, p->W * C);
    f->wgu = mn_lora__at(f->wo, p->Q * C);
    f->wd = mn_lora__at(f->wgu, 2 * F * C);
    f->layer = UINT32_MAX;
}

static void lay_own(mn_lora_pass *p, bump *b, mn_lora__own *s)
{
    const size_t T = p->T, C = p->c.C, F = p->c.F, Q = p->Q, r = p->a ? p->a->rank : 0;
    s->n = take_mat(p, b, T * most(C, Q));
    s->h = take_mat(p, b, T * F);
    s->d = take_f(b, T * most(F, most(C, Q)));
    s->r = take_f(b, T);
    s->t = take_mat(p, b, T * r), s->u = take_mat(p, b, T * r);
    s->row = take_f(b, most(F, most(C, Q)));
    s->piece = take_one(p, b, MN_LORA_PIECE * C);
    s->attention = take_f(b, mn_attention_work(T, p->c.D));
    s->gemm = take_f(b, MN_GEMM_WORK);
    if (!p->o.backward || p->o.again) s->again = take_saved(p, b, T);
    if (!p->o.backward) return;
    s->junk = take_f(b, C);
    s->dgu = take_mat(p, b, T * 2 * F), s->dqkv = take_mat(p, b, T * p->W);
    s->dmid = take_mat(p, b, T * C), s->dout = take_mat(p, b, T * C);
}

static void lay_head(mn_lora_pass *p, bump *b)
{
    const size_t N = p->rows * p->T, C = p->c.C;
    p->scored = take(b, N, sizeof *p->scored), p->target = take(b, N, sizeof *p->target);
    p->weight = take_f(b, N), p->loss = take_f(b, N);
    p->nf = take_mat(p, b, (N + MN_LORA_ROWS) * C);
    p->dlogits = take_mat(p, b, p->head_rows * p->c.V);
    if (p->o.backward) p->dnf = take_f(b, p->n_groups * p->head_rows * C);
}

static void lay_out(mn_lora_pass *p, bump *b)
{
    const size_t C = p->c.C;
    p->turn = take_f(b, p->T * p->c.D);
    p->norms = take_f(b, (2 * (size_t)p->c.L + 1) * C);
    if (p->a) p->adapter.h = take_h(p, b, p->a->n_all);
    lay_layers(p, b);
    lay_frozen(p, b, &p->frozen[0]);
    lay_frozen(p, b, &p->frozen[1]);
    for (size_t i = 0; i < p->n_threads; i++) lay_own(p, b, &p->own[i]);
    lay_head(p, b);
    if (!p->o.backward) return;
    p->dx = take_f(b, p->rows * p->T * C);
    for (int i = 0; p->a && i < 2; i++) p->grads[i] = take_f(b, p->rows * p->a->n_layer);
}

static size_t head_rows_for(const mn_config *c, size_t N)
{
    size_t n = HEAD_FLOATS / c->V / HEAD_LEAST * HEAD_LEAST;
    n = n < HEAD_LEAST ? HEAD_LEAST : n;
    return n < N ? n : N < MN_LORA_ROWS ? MN_LORA_ROWS : N;
}

static mn_lora_pass plan(const mn_config *c, const mn_lora *a, size_t n_threads,
                         const mn_lora_pass_opts *o)
{
    mn_lora_pass p = {.a = a,
                      .c = *c,
                      .o = *o,
                      .rows = o->n_rows,
                      .T = o->T,
                      .n_threads = n_threads,
                      .bf16 = o->dtype == MN_BF16};
    const size_t pieces = (c->V + MN_LORA_PIECE - 1) / MN_LORA_PIECE;
    p.Q = (size_t)c->H * c->D, p.W = p.Q + 2 * (size_t)c->KV * c->D;
    p.head_rows = head_rows_for(c, o->n_rows * o->T);
    p.n_groups = pieces < MN_LORA_GROUPS ? pieces : MN_LORA_GROUPS;
    return p;
}

static bool take_tables(mn_lora_pass *p)
{
    p->layer = mn_calloc(p->c.L, sizeof *p->layer);
    p->own = mn_calloc(p->n_threads, sizeof *p->own);
    return p->layer && p->own;
}

uint64_t mn_lora_pass_bytes(const mn_config *c, const mn_lora *a, int n_threads,
                            const mn_lora_pass_opts *o)
{
    mn_lora_pass p = plan(c, a, (size_t)n_threads, o);
    bump count = {0};
    if (take_tables(&p)) lay_out(&p, &count);
    mn_free(p.layer);
    mn_free(p.own);
    return count.n;
}

static mn_rc fill_tables(mn_lora_pass *p, mn_err *e)
{
    double *angle = mn_calloc(p->c.D / 2, sizeof *angle);
    if (!angle) return mn_fail(e, MN_E_NOMEM, "no memory for a pass");
    mn_model_rope(p->m, angle);
    mn_rope_table_from(p->turn, p->T, p->c.D, angle);
    mn_free(angle);
    for (uint32_t l = 0; l < p->c.L; l++) {
        mn_view_read_row(&p->m->layers[l].norm1, 0, p->norms + (size_t)(2 * l) * p->c.C);
        mn_view_read_row(&p->m->layers[l].norm2, 0, p->norms + (size_t)(2 * l + 1) * p->c.C);
    }
    mn_view_read_row(&p->m->norm, 0, p->norms + 2 * (size_t)p->c.L * p->c.C);
    return MN_OK;
}

mn_rc mn_lora_pass_new(const mn_model *base, const mn_lora *a, mn_pool *pool,
                       const mn_lora_pass_opts *o, mn_lora_pass **ret, mn_err *e)
{
    MN_ASSERT(o->n_rows > 0 && o->T > 0 && o->T <= base->cfg.T);
    mn_gemm_setup();
    if (o->dtype == MN_BF16) MN_TRY(mn_gemm_bf16_check(e));
    mn_lora_pass *p = mn_alloc(sizeof *p);
    if (!p) return mn_fail(e, MN_E_NOMEM, "no memory for a pass");
    *p = plan(&base->cfg, a, (size_t)mn_pool_threads(pool), o);
    p->m = base, p->pool = pool, p->k = mn_kernels_best();
    if (a) p->adapter.f = a->all;
    bump count = {0};
    bool tables = take_tables(p);
    if (tables) lay_out(p, &count);
    p->memory = tables ? mn_alloc_aligned(64, count.n) : NULL;
    mn_rc rc = p->memory
                   ? MN_OK
                   : mn_fail(e, MN_E_NOMEM,
                             "no memory for %zu sequences of %zu tokens (%zu MB): fewer or "
                             "shorter ones need less",
                             o->n_rows, o->T, count.n >> 20);
    if (rc == MN_OK) {
        bump real = {.base = p->memory};
        lay_out(p, &real);
        rc = fill_tables(p, e);
    }
    if (rc == MN_OK) *ret = p;
    else mn_lora_pass_free(p);
    return rc;
}

void mn_lora_pass_free(mn_lora_pass *p)
{
    if (!p) return;
    mn_free(p->memory);
    mn_free(p->layer);
    mn_free(p->own);
    mn_free(p);
}

/* ---- bringing the base into operands -------------------------------------------------------------------------------- */

void mn_lora__bring(const mn_lora_pass *p, const mn_tensor_view *v, uint32_t from, uint32_t to,
                    mat to_mat, float *row)
{
    const size_t K = v->cols;
    for (uint32_t n = from; n < to; n++) {
        const size_t at = (size_t)(n - from) * K;
        if (!p->bf16) {
            mn_view_read_row(v, n, to_mat.f + at);
            continue;
        }
        mn_view_read_row(v, n, row);
        p->k->to_bf16(to_mat.h + at, row, K);
    }
}

#define MATRICES 7u
static void bring_part(mn_lora_pass *p, uint32_t l, size_t part, int thread)
{
    const mn_layer_view *y = &p->m->layers[l];
    const mn_tensor_view *const views[MATRICES] = {&y->wq, &y->wk, &y->wv, &y->wo,
                                                   &y->wg, &y->wu, &y->wd};
    size_t which = part / BRING_PARTS, at = 0;
    const mn_tensor_view *v = views[which];
    for (size_t i = 0; i < which; i++) at += (size_t)views[i]->rows * views[i]->cols;
    uint32_t from = (uint32_t)((uint64_t)v->rows * (part % BRING_PARTS) / BRING_PARTS);
    uint32_t to = (uint32_t)((uint64_t)v->rows * (part % BRING_PARTS + 1) / BRING_PARTS);
    mat place = mn_lora__at(p->frozen[l % 2].all, at + (size_t)from * v->cols);
    mn_lora__bring(p, v, from, to, place, p->own[thread].row);
}

static bool is_here(const mn_lora_pass *p, uint32_t l)
{
    return p->frozen[l % 2].layer == l;
}

static size_t bring_parts(const mn_lora_pass *p, uint32_t l)
{
    return is_here(p, l) ? 0 : MATRICES * BRING_PARTS;
}

/* ---- stages ------------------------------------------------------------------------------------------------------------ */

static void first_part(void *arg, size_t part, int thread)
{
    bring_part(arg, 0, part, thread);
}

static void embed_part(void *arg, size_t row, int thread)
{
    (void)thread;
    mn_lora_pass *p = arg;
    for (size_t t = row * p->T; t < (row + 1) * p->T; t++) {
        MN_ASSERT(p->b->ids[t] < p->c.V && p->b->target[t] < p->c.V);
        mn_view_read_row(&p->m->embed, p->b->ids[t], p->layer[0].x + t * p->c.C);
    }
}

/* Sequences through layer p->l beside bringing the next one. */
static void forward_part(void *arg, size_t part, int thread)
{
    mn_lora_pass *p = arg;
    if (part >= p->b->n_rows) {
        bring_part(p, p->l + 1, part - p->b->n_rows, thread);
        return;
    }
    float *out = p->l + 1 < p->c.L ? p->layer[p->l + 1].x : p->last;
    mn_lora__layer_forward(p, p->l, part, out + part * p->T * p->c.C, thread);
}

static void run_forward(mn_lora_pass *p)
{
    mn_pool_run(p->pool, p->b->n_rows, embed_part, p);
    mn_pool_run(p->pool, bring_parts(p, 0), first_part, p);
    p->frozen[0].layer = 0;
    for (p->l = 0; p->l < p->c.L; p->l++) {
        const bool next = p->l + 1 < p->c.L;
        size_t bring = next ? bring_parts(p, p->l + 1) : 0;
        mn_pool_run(p->pool, p->b->n_rows + bring, forward_part, p);
        if (next) p->frozen[(p->l + 1) % 2].layer = p->l + 1;
    }
}

static size_t reduce_parts(const mn_lora_pass *p)
{
    return (p->a->n_layer + REDUCE_CHUNK - 1) / REDUCE_CHUNK;
}

/* A stretch of layer l's gradients: the sequences', in order. */
static void reduce_part(mn_lora_pass *p, uint32_t l, size_t part)
{
    const size_t from = part * REDUCE_CHUNK, all = p->a->n_layer;
    const size_t n = all - from < REDUCE_CHUNK ? all - from : REDUCE_CHUNK;
    for (size_t row = 0; row < p->b->n_rows; row++)
        p->k->add(p->dall + l * all + from, p->grads[l % 2] + row * all + from, n);
}

static void backward_part(void *arg, size_t part, int thread)
{
    mn_lora_pass *p = arg;
    const size_t n = p->b->n_rows, reduce = p->l + 1 < p->c.L ? reduce_parts(p) : 0;
    if (part < n) mn_lora__layer_backward(p, p->l, part, thread);
    else if (part < n + reduce) reduce_part(p, p->l + 1, part - n);
    else bring_part(p, p->l - 1, part - n - reduce, thread);
}

static void last_reduce_part(void *arg, size_t part, int thread)
{
    (void)thread;
    reduce_part(arg, 0, part);
}

static void run_backward(mn_lora_pass *p)
{
    for (p->l = p->c.L; p->l-- > 0;) {
        size_t parts = p->b->n_rows;
        if (p->l + 1 < p->c.L) parts += reduce_parts(p);
        if (p->l) parts += bring_parts(p, p->l - 1);
        mn_pool_run(p->pool, parts, backward_part, p);
        if (p->l) p->frozen[(p->l - 1) % 2].layer = p->l - 1;
    }
    mn_pool_run(p->pool, reduce_parts(p), last_reduce_part, p);
}

#define TWIN_CHUNK ((size_t)1 << 16)
static void twin_part(void *arg, size_t part, int thread)
{
    (void)thread;
    mn_lora_pass *p = arg;
    size_t from = part * TWIN_CHUNK, n = (size_t)p->a->n_all - from;
    mn_lora__ready(p, mn_lora__at(p->adapter, from), n < TWIN_CHUNK ? n : TWIN_CHUNK);
}

static void begin(mn_lora_pass *p, const mn_batch *b, float *dall)
{
    MN_ASSERT(b->T == p->T && b->n_rows > 0 && b->n_rows <= p->rows);
    MN_ASSERT(!dall || (p->o.backward && p->a));
    p->b = b, p->dall = dall;
    if (p->a && p->bf16)
        mn_pool_run(p->pool, (size_t)((p->a->n_all + TWIN_CHUNK - 1) / TWIN_CHUNK), twin_part,
                    p);
    run_forward(p);
}

void mn_lora_pass_run(mn_lora_pass *p, const mn_batch *b, float *losses, float *dall)
{
    begin(p, b, dall);
    mn_lora__head(p, losses);
    if (dall) run_backward(p);
}

size_t mn_lora_pass_states(mn_lora_pass *p, const mn_batch *b, float *ret)
{
    begin(p, b, NULL);
    mn_lora__states(p, ret);
    return p->n_scored;
}

void mn_lora_pass_states_back(mn_lora_pass *p, const mn_batch *b, const float *d, float *dall)
{
    MN_ASSERT(p->o.backward && p->a);
    p->b = b, p->dall = dall;
    mn_lora__states_back(p, d);
    run_backward(p);
}

void mn_lora_pass_logits(mn_lora_pass *p, size_t row, size_t t, float *ret_logits)
{
    mn_lora__logits(p, row * p->T + t, ret_logits);
}
