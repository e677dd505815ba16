/* Adapters in memory; see lora.h. */
#include "model/lora.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"

#define STREAM UINT64_C(0x6c6f7261) /* "lora": of initial values */

static const struct {
    const char *word, *module, *parent;
} names[MN_LORA_TARGETS] = {
    {"q", "q_proj", "self_attn"}, {"k", "k_proj", "self_attn"}, {"v", "v_proj", "self_attn"},
    {"o", "o_proj", "self_attn"}, {"gate", "gate_proj", "mlp"}, {"up", "up_proj", "mlp"},
    {"down", "down_proj", "mlp"},
};

const char *mn_lora_module(mn_lora_target t)
{
    return names[t].module;
}

const char *mn_lora_parent(mn_lora_target t)
{
    return names[t].parent;
}

static uint32_t target_bit(mn_str word)
{
    for (int t = 0; t < MN_LORA_TARGETS; t++)
        if (mn_str_eqz(word, names[t].word) || mn_str_eqz(word, names[t].module))
            return 1u << t;
    return mn_str_eqz(word, "all") ? MN_LORA_ALL : 0;
}

mn_rc mn_lora_targets_parse(mn_str list, uint32_t *ret, mn_err *e)
{
    uint32_t bits = 0;
    mn_str rest = list;
    while (rest.ptr) {
        mn_str word = mn_str_trim(mn_str_split(rest, ',', &rest));
        uint32_t bit = target_bit(word);
        if (!bit)
            return mn_fail(e, MN_E_USAGE,
                           "'%.*s' is no target of an adapter: name some of q, k, v, o, gate, "
                           "up, down, or all",
                           MN_STR_FMT(word));
        bits |= bit;
    }
    if (!bits) return mn_fail(e, MN_E_USAGE, "name at least one target of the adapter");
    *ret = bits;
    return MN_OK;
}

void mn_lora_shape(const mn_config *c, mn_lora_target t, uint32_t *ret_N, uint32_t *ret_K)
{
    const uint32_t Q = c->H * c->D, KV = c->KV * c->D;
    switch (t) {
    case MN_LORA_Q:
        *ret_N = Q, *ret_K = c->C;
        break;
    case MN_LORA_K:
    case MN_LORA_V:
        *ret_N = KV, *ret_K = c->C;
        break;
    case MN_LORA_O:
        *ret_N = c->C, *ret_K = Q;
        break;
    case MN_LORA_GATE:
    case MN_LORA_UP:
        *ret_N = c->F, *ret_K = c->C;
        break;
    default:
        *ret_N = c->C, *ret_K = c->F;
        break;
    }
}

float mn_lora_scale(const mn_lora *a)
{
    return a->rslora ? a->alpha / sqrtf((float)a->rank) : a->alpha / (float)a->rank;
}

/* Values of A and B of one target in one layer. */
static uint64_t pair_size(const mn_lora *a, mn_lora_target t)
{
    uint32_t N, K;
    mn_lora_shape(&a->cfg, t, &N, &K);
    return (uint64_t)a->rank * ((uint64_t)N + K);
}

uint64_t mn_lora_a(const mn_lora *a, uint32_t layer, mn_lora_target t)
{
    uint64_t at = layer * a->n_layer;
    for (int i = 0; i < (int)t; i++)
        if (mn_lora_has(a, (mn_lora_target)i)) at += pair_size(a, (mn_lora_target)i);
    return at;
}

uint64_t mn_lora_b(const mn_lora *a, uint32_t layer, mn_lora_target t)
{
    uint32_t N, K;
    mn_lora_shape(&a->cfg, t, &N, &K);
    return mn_lora_a(a, layer, t) + (uint64_t)a->rank * K;
}

mn_rc mn_lora_new(const mn_config *c, uint32_t rank, float alpha, bool rslora, uint32_t targets,
                  mn_lora *ret, mn_err *e)
{
    if (rank < 1 || rank > MN_LORA_RANK_MAX)
        return mn_fail(e, MN_E_USAGE, "the rank of an adapter is between 1 and %u, not %u",
                       MN_LORA_RANK_MAX, rank);
    if (!(alpha > 0) || !isfinite(alpha))
        return mn_fail(e, MN_E_USAGE, "alpha of an adapter is above 0, not %g", (double)alpha);
    if (!targets || targets & ~MN_LORA_ALL)
        return mn_fail(e, MN_E_USAGE, "an adapter has at least one target");
    mn_lora a = {.cfg = *c, .rank = rank, .targets = targets, .alpha = alpha, .rslora = rslora};
    for (int t = 0; t < MN_LORA_TARGETS; t++)
        if (mn_lora_has(&a, (mn_lora_target)t)) a.n_layer += pair_size(&a, (mn_lora_target)t);
    a.n_all = a.n_layer * c->L;
    a.all = a.n_all <= SIZE_MAX / 4 ? mn_alloc_aligned(64, (size_t)a.n_all * 4) : NULL;
    if (!a.all)
        return mn_fail(e, MN_E_NOMEM, "no memory for an adapter of %llu parameters",
                       (unsigned long long)a.n_all);
    *ret = a;
    return MN_OK;
}

void mn_lora_release(mn_lora *a)
{
    mn_free(a->all);
    *a = (mn_lora){0};
}

void mn_lora_init(mn_lora *a, uint64_t seed)
{
    for (uint32_t l = 0; l < a->cfg.L; l++) {
        for (int i = 0; i < MN_LORA_TARGETS; i++) {
            mn_lora_target t = (mn_lora_target)i;
            uint32_t N, K;
            if (!mn_lora_has(a, t)) continue;
            mn_lora_shape(&a->cfg, t, &N, &K);
            float *A = a->all + mn_lora_a(a, l, t), *B = a->all + mn_lora_b(a, l, t);
            const double most = 1 / sqrt((double)K);
            const uint64_t stream = STREAM + (uint64_t)l * MN_LORA_TARGETS + (uint64_t)i;
            for (uint64_t k = 0; k < (uint64_t)a->rank * K; k++)
                A[k] = (float)((2 * mn_rand_unit(mn_rand_at(seed, stream, k)) - 1) * most);
            for (uint64_t k = 0; k < (uint64_t)a->rank * N; k++) B[k] = 0;
        }
    }
}

#define CHUNK 256u
void mn_lora_merge_row(const mn_lora *a, uint32_t layer, mn_lora_target t, uint32_t n, float *w)
{
    uint32_t N, K;
    mn_lora_shape(&a->cfg, t, &N, &K);
    const float *A = a->all + mn_lora_a(a, layer, t);
    const float *B = a->all + mn_lora_b(a, layer, t) + (uint64_t)n * a->rank;
    const double scale = (double)mn_lora_scale(a);
    for (uint32_t at = 0; at < K; at += CHUNK) {
        double sum[CHUNK] = {0};
        const uint32_t end = K - at < CHUNK ? K - at : CHUNK;
        for (uint32_t i = 0; i < a->rank; i++)
            for (uint32_t k = 0; k < end; k++)
                sum[k] += (double)B[i] * (double)A[(uint64_t)i * K + at + k];
        for (uint32_t k = 0; k < end; k++)
            w[at + k] = (float)((double)w[at + k] + scale * sum[k]);
    }
}
