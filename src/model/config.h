/* The shape of a model: LLaMA architecture, as in Hugging Face's config.json ("LlamaForCausalLM"). */
#ifndef MN_MODEL_CONFIG_H
#define MN_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mn_config {
    uint32_t V;     /* vocabulary */
    uint32_t C;     /* width (hidden_size) */
    uint32_t L;     /* layers */
    uint32_t H, KV; /* query heads, key/value heads; H % KV == 0 */
    uint32_t D;     /* head size, even */
    uint32_t F;     /* feed-forward width (intermediate_size) */
    uint32_t T;     /* longest sequence (max_position_embeddings) */
    float rope_theta;
    float eps; /* RMSNorm */
    bool tied; /* output head shares the embedding */
} mn_config;

/* "nano" (about 1 M parameters at V = 2,048), "micro" (6 M at 8,192), "small" (30 M), "base" (SmolLM2-135M's shape).
 * V is set by the caller afterwards. MN_E_USAGE lists the presets. */
mn_rc mn_config_preset(const char *name, mn_config *ret, mn_err *e);
mn_rc mn_config_check(const mn_config *c,
                      mn_err *e); /* limits and divisibility; total over any values */
uint64_t mn_config_params(const mn_config *c);
mn_rc mn_config_parse(mn_str json, mn_config *ret,
                      mn_err *e); /* config.json; other architectures are refused by name */
mn_rc mn_config_write(const mn_config *c, mn_buf *ret);

#endif
