/* Low-rank adapters: beside each frozen matrix W [N][K] of a target two small ones are learnt, A [r][K] and B [N][r]:
 *
 *   y = x W^T + scale (x A^T) B^T,   scale = alpha / r   (alpha / sqrt(r) for "rslora")
 *
 * B begins as zeros, so an adapter that has learnt nothing changes nothing.
 * source  Hu et al. 2021, arXiv:2106.09685; names and initial values as PEFT has them. docs/design/tuning.md */
#ifndef MN_MODEL_LORA_H
#define MN_MODEL_LORA_H

#include "model/config.h"

typedef enum mn_lora_target {
    MN_LORA_Q,
    MN_LORA_K,
    MN_LORA_V,
    MN_LORA_O,
    MN_LORA_GATE,
    MN_LORA_UP,
    MN_LORA_DOWN
} mn_lora_target;
#define MN_LORA_TARGETS  7
#define MN_LORA_ALL      0x7fu /* bits 1 << target */
#define MN_LORA_RANK_MAX 1024u

typedef struct mn_lora {
    mn_config cfg; /* of the base */
    uint32_t rank, targets;
    float alpha;
    bool rslora;
    float *all; /* n_all floats, owned: layer by layer, target by target, A then B */
    uint64_t n_all, n_layer;
} mn_lora;

/* Zeroed. errors MN_E_USAGE (rank 0 or above MN_LORA_RANK_MAX, no target, alpha not above 0), MN_E_NOMEM */
mn_rc mn_lora_new(const mn_config *c, uint32_t rank, float alpha, bool rslora, uint32_t targets,
                  mn_lora *ret, mn_err *e);
void mn_lora_release(mn_lora *a);
/* A uniform in (-1/sqrt(K), 1/sqrt(K)), by (seed, layer, target, element); B zeros. */
void mn_lora_init(mn_lora *a, uint64_t seed);

/* "q,k,v,o,gate,up,down" in any order, or "all"; MN_E_USAGE names what is not known. */
mn_rc mn_lora_targets_parse(mn_str list, uint32_t *ret, mn_err *e);
const char *mn_lora_module(mn_lora_target t); /* "q_proj" … "down_proj" */
const char *mn_lora_parent(mn_lora_target t); /* "self_attn" or "mlp" */

static inline bool mn_lora_has(const mn_lora *a, mn_lora_target t)
{
    return a->targets >> t & 1;
}
float mn_lora_scale(const mn_lora *a);
/* Rows and columns of the target's W. */
void mn_lora_shape(const mn_config *c, mn_lora_target t, uint32_t *ret_N, uint32_t *ret_K);
/* Where A and B of a layer's target begin in `all`; only for targets it has. */
uint64_t mn_lora_a(const mn_lora *a, uint32_t layer, mn_lora_target t);
uint64_t mn_lora_b(const mn_lora *a, uint32_t layer, mn_lora_target t);
/* w[k] += scale * sum over i of B[n][i] A[i][k], for row n of the target: what merging does, sums in order of i in double. */
void mn_lora_merge_row(const mn_lora *a, uint32_t layer, mn_lora_target t, uint32_t n,
                       float *w);

#endif
