/* The shape of a model: LLaMA architecture, as in Hugging Face's config.json ("LlamaForCausalLM"). */
#ifndef MN_MODEL_CONFIG_H
#define MN_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
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
    /* Llama 3's stretching of positions ("rope_scaling" of type llama3); factor 0: none */
    float rope_factor, rope_low, rope_high;
    uint32_t rope_original; /* the context before it */
} mn_config;

/* "nano" (about 1 M parameters at V = 2,048), "micro" (6 M at 8,192), "small" (30 M), "base" (SmolLM2-135M's shape).
 * V is set by the caller afterwards. MN_E_USAGE lists the presets. */
mn_rc mn_config_preset(const char *name, mn_config *ret, mn_err *e);
mn_rc mn_config_check(const mn_config *c,
                      mn_err *e); /* limits and divisibility; total over any values */
uint64_t mn_config_params(const mn_config *c);
mn_rc mn_config_parse(mn_str json, mn_config *ret,
                      mn_err *e); /* config.json; other architectures are refused by name */
/* The angle that each position adds, [D/2] in radians, i-th pair of a head: theta^(-2i/D), stretched. */
void mn_config_rope(const mn_config *c, double *ret);
/* What config.json says of a model beside its shape. */
typedef struct mn_config_notes {
    uint32_t bos, pad; /* UINT32_MAX: none */
    const uint32_t *ends;
    size_t n_ends;
    const char *dtype; /* "float32", "float16", "bfloat16" */
} mn_config_notes;
/* n NULL: the shape alone. */
mn_rc mn_config_write_with(const mn_config *c, const mn_config_notes *n, mn_buf *ret);
/* As above, for the tokens of tokenizers trained here and float32. */
mn_rc mn_config_write(const mn_config *c, mn_buf *ret);
/* The members "bos_token_id", "eos_token_id" (a number or several) and "pad_token_id" of an open object. */
void mn_config_write_tokens(const mn_config_notes *n, mn_json_writer *w);

#endif
