/* The safetensors container: a header of JSON that names tensors, then their bytes.
 *
 *   u64 little-endian: bytes of the header; the header: {"name":{"dtype","shape":[…],"data_offsets":[from,to]},…,
 *   "__metadata__":{…}} with blanks at its end; then the data, which offsets count from.
 *
 * Everything is checked before anybody reads a tensor: sizes agree with shape and type, spans lie inside the file, do not
 * overlap and leave no holes. Source: the format's own README (huggingface/safetensors). docs/design/model.md. */
#ifndef MN_MODEL_SAFETENSORS_H
#define MN_MODEL_SAFETENSORS_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tensor/quant.h"

#define MN_ST_HEADER_MAX (16u << 20)
#define MN_ST_RANK_MAX   8

typedef enum mn_st_type { MN_ST_F32, MN_ST_F16, MN_ST_BF16 } mn_st_type;

typedef struct mn_st_tensor {
    mn_str name;
    mn_st_type type;
    uint32_t rank;
    uint64_t shape[MN_ST_RANK_MAX], n; /* n: elements */
    const uint8_t *data;               /* into the file; no alignment promised */
    uint64_t from, to;
} mn_st_tensor;

typedef struct mn_st {
    mn_st_tensor *items; /* in the order of their data */
    size_t n;
} mn_st;

/* Total over any bytes. Borrows p, which must outlive *ret; tables are on the arena. */
mn_rc mn_st_parse(const uint8_t *p, size_t len, mn_arena *a, mn_st *ret, mn_err *e);
const mn_st_tensor *mn_st_find(const mn_st *st, mn_str name); /* NULL when absent */
mn_qtype mn_st_qtype(mn_st_type t);
/* All elements as float32. */
void mn_st_read(const mn_st_tensor *t, float *ret);

/* One piece of a file to write. */
typedef struct mn_st_piece {
    const void *ptr;
    size_t size_bytes;
} mn_st_piece;
/* As mn_fs_write_atomic, from several pieces, without a copy of them. */
mn_rc mn_st_write_pieces(const char *path, const mn_st_piece *pieces, size_t n, mn_err *e);

#endif
