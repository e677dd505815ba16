/* A model's weights: one allocation (or one mapping), tensors point into it. */
#ifndef MN_MODEL_WEIGHTS_H
#define MN_MODEL_WEIGHTS_H

#include "base/fs.h"
#include "model/config.h"
#include "model/open.h"

/* Tensor names and shapes are Hugging Face's (row-major [out][in]). All float32: what training works on. Pointers of layer l are [l]. */
typedef struct mn_layer {
    float *norm1;        /* input_layernorm.weight           [C]      */
    float *wq, *wk, *wv; /* self_attn.{q,k,v}_proj.weight    [H*D][C], [KV*D][C] ×2 */
    float *wo;           /* self_attn.o_proj.weight          [C][H*D] */
    float *norm2;        /* post_attention_layernorm.weight  [C]      */
    float *wg, *wu;      /* mlp.{gate,up}_proj.weight        [F][C]   */
    float *wd;           /* mlp.down_proj.weight             [C][F]   */
} mn_layer;

typedef struct mn_weights {
    mn_config cfg;
    float *all; /* n_all floats, owned */
    uint64_t n_all;
    float *embed;     /* model.embed_tokens.weight [V][C] */
    mn_layer *layers; /* [L] */
    float *norm;      /* model.norm.weight [C] */
    float *head;      /* lm_head.weight [V][C]; == embed when tied */
} mn_weights;

/* Zeroed weights of that shape. The order in `all` is the order above: embed, layers, norm, head. */
mn_rc mn_weights_new(const mn_config *c, mn_weights *ret, mn_err *e);
void mn_weights_release(mn_weights *w);
/* Normal(0, 0.02) from the counter-based generator, residual projections scaled by 1/sqrt(2 L), norms 1. */
void mn_weights_init(mn_weights *w, uint64_t seed);
/* Zeros in what projects back into the residual stream (wo, wd): every layer passes on what it gets, until it learns better. */
void mn_weights_zero_outputs(mn_weights *w);

/* The weights of a model on disk, whatever its form and format (model/open.h), as float32. Everything is checked before memory is
 * taken. A folder needs no tokenizer for it. */
mn_rc mn_weights_load(const char *path, mn_weights *ret, mn_err *e);
/* Of a model that is open. MN_E_UNSUPPORTED where its positions are stretched in a way that mn_config cannot say. */
mn_rc mn_weights_from(const mn_model *m, mn_weights *ret, mn_err *e);
/* Writes model.safetensors (float32) and config.json with the tokens of tokenizers trained here, each atomically. */
mn_rc mn_weights_save(const mn_weights *w, const char *dir, mn_err *e);
/* model.safetensors alone. */
mn_rc mn_weights_save_tensors(const mn_weights *w, const char *dir, mn_err *e);

#endif
