/* Handing a model over: as a Hugging Face folder that `transformers` loads, or as a GGUF file that llama.cpp runs. */
#ifndef MN_MODEL_EXPORT_H
#define MN_MODEL_EXPORT_H

#include "model/open.h"

/* Writes config.json, generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json (with the chat template),
 * special_tokens_map.json and README.md (the model card, with licence and origin) into dir, which must not hold a model yet.
 * type: MN_Q_F32, MN_Q_F16 or MN_Q_BF16. Quantised weights are written as the floats they stand for. */
mn_rc mn_model_export_folder(const mn_model *m, const char *dir, mn_qtype type, mn_err *e);

/* All that stands beside the weights, card apart: config.json (which says float32), generation_config.json, the tokenizer with its chat
 * template, licences. For weights of the same shape that go into dir. errors as above; MN_E_UNSUPPORTED: positions that config.json cannot
 * say, a vocabulary that tokenizer.json cannot */
mn_rc mn_model_export_beside(const mn_model *m, const char *dir, mn_err *e);

/* type: any format, for matrices; vectors stay float32. As llama.cpp's own quantiser does: the matrix that logits come from (the head;
 * the embedding of a tied model) is Q6_K when the others have blocks of fewer bits (not with MN_QUANT_PURE), and where a block does not divide the
 * row, Q4_K becomes Q5_0, Q5_K Q5_1, Q6_K Q8_0 and the others F16. MN_QUANT_KEEP: every matrix as it is. Embedding and head of
 * a tied model are one tensor. Tokenizer, merges, scores, token types, special ids, add_bos and the chat template are written as
 * llama.cpp reads them. Runs on all processors; the file is replaced atomically. */
#define MN_QUANT_KEEP UINT32_MAX
#define MN_QUANT_PURE 0x10000u /* or'ed to a type */
mn_rc mn_model_export_gguf(const mn_model *m, const char *path, uint32_t type, mn_err *e);

/* `model import`: brings a file or folder in as DIR, unchanged in its numbers: a GGUF file stays one (DIR/model.gguf beside
 * config.json, tokenizer.json and origin.json), a folder is copied. origin.json: {"source","licence","author","sha256","imported_at"}.
 * Atomic: DIR is there whole or not at all. errors: as mn_model_open; MN_E_EXISTS */
mn_rc mn_model_import(const char *path, const char *dir, mn_str licence, mn_str origin,
                      mn_err *e);
/* `model quantize`: m in another format as a new folder of that kind (a GGUF file, type as mn_model_export_gguf), with m's licence and
 * origin. errors: MN_E_EXISTS, MN_E_IO, MN_E_NOMEM, MN_E_USAGE */
mn_rc mn_model_quantise(const mn_model *m, const char *dir, uint32_t type, mn_err *e);

#endif
