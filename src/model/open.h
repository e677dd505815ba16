/* A model as it lies on disk, whatever the form: a Hugging Face folder (safetensors, one file or sharded) or a GGUF file.
 * Memory-mapped: opening costs the tables and the tokenizer, not the weights.
 *
 * Training wants float32 (weights.h: mn_weights_load goes through here), inference wants packed matrices (tensor/packed.h), export
 * (export.h) wants the bytes: all take them from these views. */
#ifndef MN_MODEL_OPEN_H
#define MN_MODEL_OPEN_H

#include "base/json.h"
#include "model/config.h"
#include "tensor/quant.h"
#include "text/docform.h"
#include "text/tokenizer.h"

/* One weight matrix [rows][cols] or vector [rows] (cols 0), row-major in its format. */
typedef struct mn_tensor_view {
    mn_qtype type;
    uint32_t rows, cols;
    const uint8_t
        *data; /* no alignment promised; NULL: the model has none (head of a tied one) */
    /* GGUF files store the rows of q and k so that the two halves of a head alternate. Row n of the model is row
     * mn_view_row(v, n) of data. 0: as it is; else the head size. */
    uint32_t alternate;
} mn_tensor_view;
uint32_t mn_view_row(const void *view, uint32_t n); /* an argument for mn_packed_new */
/* Row n as float32 [cols]; a vector's values with n = 0. */
void mn_view_read_row(const mn_tensor_view *v, uint32_t n, float *ret);

typedef struct mn_layer_view {
    mn_tensor_view norm1, wq, wk, wv, wo, norm2, wg, wu, wd; /* as mn_layer, model/weights.h */
} mn_layer_view;

typedef struct mn_model {
    mn_config cfg;
    mn_tensor_view embed, norm, head;
    mn_layer_view *layers; /* [L] */
    mn_tokenizer *tok;
    mn_str chat_template; /* Jinja source; MN_STR_NONE when it has none */
    uint32_t end_ids[8];  /* generation ends at any of these */
    size_t n_end_ids;
    mn_str name, licence, origin,
        author; /* from GGUF's general.*, from origin.json beside the folder; MN_STR_NONE when unknown */
    uint64_t bytes; /* of all tensors */
    const char *path;
    struct mn_model_map *map; /* mappings and arena; private */
} mn_model;

/* path: a folder or a .gguf file. Every tensor's name, shape and format is checked; missing and unknown ones are refused by name.
 * cost    SmolLM2-135M: under 100 ms
 * errors  MN_E_NOT_FOUND, MN_E_PARSE and MN_E_CORRUPT (what is wrong, and where), MN_E_UNSUPPORTED (another architecture, format or
 *         tokenizer, by name), MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_model_open(const char *path, mn_model **ret, mn_err *e);
/* As above without the tokenizer (tok is NULL, end_ids are those that a folder names): where only weights or facts are wanted. */
mn_rc mn_model_open_weights(const char *path, mn_model **ret, mn_err *e);
void mn_model_free(mn_model *m);
/* How documents stand in its tokens, which must be there. errors MN_E_UNSUPPORTED (no token can stand before a text or after it), MN_E_NOMEM */
mn_rc mn_model_form(const mn_model *m, mn_docform *ret, mn_err *e);
/* The format that most bytes of the layers' matrices are in. */
mn_qtype mn_model_format(const mn_model *m);
/* The angle that each position adds, [D/2]: mn_config_rope's, or what a GGUF file's rope_freqs make of it. */
void mn_model_rope(const mn_model *m, double *ret);
/* Tells the system that the mapped weights are not needed in memory any more (they were packed). */
void mn_model_drop_pages(const mn_model *m);

#endif
