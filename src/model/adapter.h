/* Adapters on disk, in the layout of PEFT (Hugging Face): a folder with
 *
 *   adapter_config.json        peft_type LORA, r, lora_alpha, target_modules, base_model_name_or_path …
 *   adapter_model.safetensors  base_model.model.model.layers.L.self_attn.q_proj.lora_A.weight [r][K], …lora_B.weight [N][r]; float32
 *
 * and merging them into the weights of their base. */
#ifndef MN_MODEL_ADAPTER_H
#define MN_MODEL_ADAPTER_H

#include "base/thread.h"
#include "model/lora.h"
#include "model/open.h"

/* Writes both files, each atomically. base: its name or path, as it will be looked for. */
mn_rc mn_adapter_save(const mn_lora *a, const char *base, const char *dir, mn_err *e);

/* Reads an adapter for a base of shape c; F32, F16 and BF16. *ret_base (on the arena): base_model_name_or_path.
 * errors  MN_E_NOT_FOUND, MN_E_PARSE (missing or unknown tensors, shapes that are not the base's, by name), MN_E_UNSUPPORTED (what would
 *         give wrong answers if ignored: DoRA, biases, ranks or alphas by layer, further modules, other kinds of adapters; by name),
 *         MN_E_LIMIT, MN_E_NOMEM. Fuzzed. */
mn_rc mn_adapter_load(const char *dir, const mn_config *c, mn_arena *arena, mn_lora *ret,
                      mn_str *ret_base, mn_err *e);
/* The two halves of it, total over any bytes; *ret_base may borrow from json. */
mn_rc mn_adapter_parse_config(mn_str json, const mn_config *c, mn_arena *arena, mn_lora *ret,
                              mn_str *ret_base, mn_err *e);
mn_rc mn_adapter_parse_tensors(const uint8_t *p, size_t len, mn_lora *io, mn_err *e);

/* A model that borrows all of `base` but for the adapted matrices, which are made anew: base + adapter in `type` (F32, F16
 * or BF16), sums in float32. base and its mapping must outlive it; pool may be NULL.
 * memory  the adapted matrices in `type` */
mn_rc mn_adapter_merge(const mn_model *base, const mn_lora *a, mn_qtype type, mn_pool *pool,
                       mn_model **ret, mn_err *e);
void mn_adapter_merge_free(mn_model *merged);

#endif
