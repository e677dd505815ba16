/* Which tensors a model has, in what order, under which names: the one list that opening, loading, saving and exporting walk,
 * so that they cannot disagree. */
#ifndef MN_MODEL_TENSORS_H
#define MN_MODEL_TENSORS_H

#include "model/config.h"

typedef enum mn_part {
    MN_PART_EMBED,
    MN_PART_NORM1,
    MN_PART_WQ,
    MN_PART_WK,
    MN_PART_WV,
    MN_PART_WO,
    MN_PART_NORM2,
    MN_PART_WG,
    MN_PART_WU,
    MN_PART_WD,
    MN_PART_NORM,
    MN_PART_HEAD
} mn_part;

/* The parts of a layer, and what mn_layer and mn_layer_view call them. */
#define MN_LAYER_PARTS(X)                                                                      \
    X(NORM1, norm1)                                                                            \
    X(WQ, wq) X(WK, wk) X(WV, wv) X(WO, wo) X(NORM2, norm2) X(WG, wg) X(WU, wu) X(WD, wd)

typedef struct mn_tensor {
    mn_part part;
    uint32_t layer;      /* of the parts from NORM1 to WD */
    char name[80];       /* Hugging Face's: "model.layers.3.self_attn.q_proj.weight" */
    char gguf[48];       /* "blk.3.attn_q.weight" */
    uint32_t rows, cols; /* cols 0: a vector of `rows` values */
    uint32_t
        alternate; /* GGUF: the head size where rows of a head's halves alternate (q and k), else 0 */
    bool residual; /* projects back into the residual stream */
} mn_tensor;

/* The i-th tensor in order: embedding, layers, norm, head (absent when tied); false past the last. The configuration is
 * one that mn_config_check accepts. */
bool mn_tensor_at(const mn_config *c, uint64_t i, mn_tensor *ret);
uint64_t mn_tensor_count(const mn_config *c);

#endif
