/* Adding an adapter to its base: a model whose adapted matrices are new and whose others are the base's own. */
#include <string.h>

#include "base/mem.h"
#include "model/adapter.h"

typedef struct merged {
    mn_model m; /* first: what is handed out */
    uint8_t *data;
} merged;

typedef struct job {
    const mn_model *base;
    const mn_lora *a;
    mn_qtype type;
    mn_model *m;
    uint64_t at[MN_LORA_TARGETS]; /* of each target in a layer's data */
    uint64_t per_layer;
    uint8_t *data;
    float *row; /* [threads][K_max] */
    size_t K_max;
} job;

static mn_tensor_view *view_of(mn_layer_view *y, mn_lora_target t)
{
    mn_tensor_view *const all[] = {&y->wq, &y->wk, &y->wv, &y->wo, &y->wg, &y->wu, &y->wd};
    return all[t];
}

/* One matrix: part is layer * targets + target. */
static void merge_part(void *arg, size_t part, int thread)
{
    job *j = arg;
    const uint32_t l = (uint32_t)(part / MN_LORA_TARGETS);
    const mn_lora_target t = (mn_lora_target)(part % MN_LORA_TARGETS);
    if (!mn_lora_has(j->a, t)) return;
    uint32_t N, K;
    mn_lora_shape(&j->a->cfg, t, &N, &K);
    const mn_tensor_view *from = view_of(&j->base->layers[l], t);
    float *row = j->row + (size_t)thread * j->K_max;
    uint8_t *to = j->data + l * j->per_layer + j->at[t];
    const size_t step = mn_qformat_row_bytes(mn_qformat_of(j->type), K);
    *view_of(&j->m->layers[l], t) =
        (mn_tensor_view){.type = j->type, .rows = N, .cols = K, .data = to};
    for (uint32_t n = 0; n < N; n++) {
        mn_view_read_row(from, n, row);
        mn_lora_merge_row(j->a, l, t, n, row);
        mn_quant(j->type, row, to + n * step, K);
    }
}

/* Where each target's matrix goes, and how many bytes the change is. */
static void plan(job *j)
{
    for (int i = 0; i < MN_LORA_TARGETS; i++) {
        uint32_t N, K;
        if (!mn_lora_has(j->a, (mn_lora_target)i)) continue;
        mn_lora_shape(&j->a->cfg, (mn_lora_target)i, &N, &K);
        j->at[i] = j->per_layer;
        j->per_layer += (uint64_t)N * mn_qformat_row_bytes(mn_qformat_of(j->type), K);
        if (K > j->K_max) j->K_max = K;
    }
}

mn_rc mn_adapter_merge(const mn_model *base, const mn_lora *a, mn_qtype type, mn_pool *pool,
                       mn_model **ret, mn_err *e)
{
    const mn_config *c = &base->cfg, *d = &a->cfg;
    if (c->C != d->C || c->L != d->L || c->H != d->H || c->KV != d->KV || c->D != d->D ||
        c->F != d->F)
        return mn_fail(e, MN_E_USAGE, "the adapter is of a model of another shape");
    if (mn_qformat_of(type)->block != 1)
        return mn_fail(e, MN_E_USAGE, "models are merged as f32, f16 or bf16");
    job j = {.base = base, .a = a, .type = type};
    plan(&j);
    merged *m = mn_calloc(1, sizeof *m);
    mn_layer_view *layers = mn_reallocarray(NULL, c->L, sizeof *layers);
    j.row = mn_reallocarray(NULL, (size_t)mn_pool_threads(pool) * j.K_max, sizeof *j.row);
    j.data = j.per_layer <= SIZE_MAX / c->L ? mn_alloc((size_t)(j.per_layer * c->L)) : NULL;
    if (!m || !layers || !j.row || !j.data) {
        mn_free(m), mn_free(layers), mn_free(j.row), mn_free(j.data);
        return mn_fail(e, MN_E_NOMEM, "no memory to merge a model (%llu MB)",
                       (unsigned long long)(j.per_layer * c->L) >> 20);
    }
    memcpy(layers, base->layers, c->L * sizeof *layers);
    m->m = *base;
    m->m.layers = layers;
    m->data = j.data;
    j.m = &m->m;
    mn_pool_run(pool, (size_t)c->L * MN_LORA_TARGETS, merge_part, &j);
    mn_free(j.row);
    *ret = &m->m;
    return MN_OK;
}

void mn_adapter_merge_free(mn_model *m)
{
    if (!m) return;
    merged *all = (merged *)(void *)m; /* m is its first member */
    mn_free(all->m.layers);
    mn_free(all->data);
    mn_free(all);
}
