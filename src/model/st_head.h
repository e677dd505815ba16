/* The header of a model's safetensors file. */
#ifndef MN_MODEL_ST_HEAD_H
#define MN_MODEL_ST_HEAD_H

#include "model/config.h"
#include "tensor/quant.h"

/* Appends length and JSON of a file with all tensors of the shape, in order, without gaps, all of one plain type (F32, F16, BF16). */
mn_rc mn_st_head(const mn_config *c, mn_qtype type, mn_buf *ret);

#endif
