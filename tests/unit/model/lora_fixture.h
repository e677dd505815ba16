/* A small model as views over memory, in any format, made from weights; and batches of random documents. */
#ifndef MN_TESTS_LORA_FIXTURE_H
#define MN_TESTS_LORA_FIXTURE_H

#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/lora_pass.h"
#include "model/open_int.h"
#include "model/weights.h"
#include "tensor/quant.h"

/* row lengths are whole blocks of 32, other sizes are odd on purpose */
static const mn_config lora_shape = {.V = 301,
                                     .C = 64,
                                     .L = 3,
                                     .H = 4,
                                     .KV = 2,
                                     .D = 24,
                                     .F = 160,
                                     .T = 40,
                                     .rope_theta = 10000,
                                     .eps = 1e-5f,
                                     .tied = true};

static inline mn_weights lora_weights(const mn_config *c, float spread, uint64_t seed)
{
    mn_err e = {0};
    mn_weights w;
    RUN(mn_weights_new(c, &w, &e));
    mn_weights_init(&w, seed);
    for (uint64_t i = 0; i < w.n_all; i++)
        w.all[i] += spread * (float)(mn_rand_unit(mn_rand_at(seed, 9, i)) - 0.5);
    return w;
}

static inline mn_tensor_view lora_view(mn_arena *a, mn_qtype type, const float *x,
                                       uint32_t rows, uint32_t cols)
{
    if (!cols) type = MN_Q_F32; /* vectors are floats in every file */
    const size_t n = (size_t)rows * (cols ? cols : 1);
    uint8_t *data = mn_arena_alloc(a, mn_qformat_row_bytes(mn_qformat_of(type), n));
    mn_quant(type, x, data, n);
    return (mn_tensor_view){.type = type, .rows = rows, .cols = cols, .data = data};
}

/* All on the arena. */
static inline mn_model *lora_model(mn_arena *a, const mn_weights *w, mn_qtype type)
{
    const mn_config *c = &w->cfg;
    const uint32_t Q = c->H * c->D, KV = c->KV * c->D;
    mn_model *m = mn_arena_calloc(a, 1, sizeof *m);
    m->cfg = *c;
    m->map = mn_arena_calloc(a, 1, sizeof *m->map);
    m->layers = mn_arena_calloc(a, c->L, sizeof *m->layers);
    m->embed = lora_view(a, type, w->embed, c->V, c->C);
    m->norm = lora_view(a, type, w->norm, c->C, 0);
    if (!c->tied) m->head = lora_view(a, type, w->head, c->V, c->C);
    for (uint32_t l = 0; l < c->L; l++) {
        const mn_layer *y = &w->layers[l];
        m->layers[l] = (mn_layer_view){
            .norm1 = lora_view(a, type, y->norm1, c->C, 0),
            .wq = lora_view(a, type, y->wq, Q, c->C),
            .wk = lora_view(a, type, y->wk, KV, c->C),
            .wv = lora_view(a, type, y->wv, KV, c->C),
            .wo = lora_view(a, type, y->wo, c->C, Q),
            .norm2 = lora_view(a, type, y->norm2, c->C, 0),
            .wg = lora_view(a, type, y->wg, c->F, c->C),
            .wu = lora_view(a, type, y->wu, c->F, c->C),
            .wd = lora_view(a, type, y->wd, c->C, c->F),
        };
    }
    return m;
}

static inline void lora_read(const mn_tensor_view *v, float *ret)
{
    if (!v->cols) mn_view_read_row(v, 0, ret);
    for (uint32_t n = 0; v->cols && n < v->rows; n++)
        mn_view_read_row(v, n, ret + (size_t)n * v->cols);
}

/* What the views stand for, as floats. */
static inline mn_weights lora_floats(const mn_model *m)
{
    mn_err e = {0};
    mn_weights w;
    RUN(mn_weights_new(&m->cfg, &w, &e));
    lora_read(&m->embed, w.embed), lora_read(&m->norm, w.norm);
    if (!m->cfg.tied) lora_read(&m->head, w.head);
    for (uint32_t l = 0; l < m->cfg.L; l++) {
        const mn_layer_view *v = &m->layers[l];
        mn_layer *y = &w.layers[l];
        lora_read(&v->norm1, y->norm1), lora_read(&v->norm2, y->norm2);
        lora_read(&v->wq, y->wq), lora_read(&v->wk, y->wk), lora_read(&v->wv, y->wv);
        lora_read(&v->wo, y->wo), lora_read(&v->wg, y->wg), lora_read(&v->wu, y->wu);
        lora_read(&v->wd, y->wd);
    }
    return w;
}

/* An adapter that has learnt something: B is not zero. */
static inline mn_lora lora_adapter(const mn_config *c, uint32_t rank, uint32_t targets,
                                   float spread)
{
    mn_err e = {0};
    mn_lora a;
    RUN(mn_lora_new(c, rank, 2.0f * (float)rank, false, targets, &a, &e));
    mn_lora_init(&a, 11);
    for (uint64_t i = 0; i < a.n_all; i++)
        a.all[i] += spread * (float)(mn_rand_unit(mn_rand_at(12, 1, i)) - 0.5);
    return a;
}

/* w with the adapter added: what merging must give. */
static inline void lora_add(mn_weights *w, const mn_lora *a)
{
    for (uint32_t l = 0; l < a->cfg.L; l++) {
        mn_layer *y = &w->layers[l];
        float *const W[] = {y->wq, y->wk, y->wv, y->wo, y->wg, y->wu, y->wd};
        for (int i = 0; i < MN_LORA_TARGETS; i++) {
            mn_lora_target t = (mn_lora_target)i;
            uint32_t N, K;
            mn_lora_shape(&a->cfg, t, &N, &K);
            for (uint32_t n = 0; mn_lora_has(a, t) && n < N; n++)
                mn_lora_merge_row(a, l, t, n, W[i] + (size_t)n * K);
        }
    }
}

#define LORA_ROWS 5
#define LORA_T    40
typedef struct lora_batch {
    uint32_t ids[LORA_ROWS * LORA_T], target[LORA_ROWS * LORA_T], pos[LORA_ROWS * LORA_T],
        first[LORA_ROWS * LORA_T];
    float weight[LORA_ROWS * LORA_T];
} lora_batch;

/* Documents of 1, 2, .. 12 tokens; each third row does not count. */
static inline mn_batch lora_fill(lora_batch *b, uint32_t V, size_t n_rows, size_t T)
{
    size_t left = 0, doc = 0;
    for (size_t i = 0; i < n_rows * T; i++) {
        if (i % T == 0 || left == 0)
            left = 1 + doc++ % 12, b->pos[i] = 0, b->first[i] = (uint32_t)(i % T);
        else b->pos[i] = b->pos[i - 1] + 1, b->first[i] = b->first[i - 1];
        left--;
        b->ids[i] = (uint32_t)(mn_rand_at(3, 1, i) % V);
        b->target[i] = (uint32_t)(mn_rand_at(3, 2, i) % V);
        b->weight[i] = i % 3 == 2 ? 0 : 1.0f + (float)(i % 2);
    }
    return (mn_batch){b->ids, b->target, b->pos, b->first, b->weight, n_rows, T};
}

/* The largest difference, relative to the largest of b. */
static inline double lora_apart(const float *a, const float *b, size_t n)
{
    double scale = 1e-12, worst = 0;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)b[i]));
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst / scale;
}

#endif
