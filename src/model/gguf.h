/* The GGUF container, version 3 (2 is read too): keys with typed values, then tensors, then their bytes.
 *
 * Everything is checked before anybody reads a tensor: counts and lengths against the file's size, offsets against the alignment,
 * spans inside the file and not overlapping, sizes that agree with shape and format. Source: ggml's docs/gguf.md. Fuzzed. */
#ifndef MN_MODEL_GGUF_H
#define MN_MODEL_GGUF_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tensor/quant.h"

typedef enum mn_gguf_kind {
    MN_GGUF_U8,
    MN_GGUF_I8,
    MN_GGUF_U16,
    MN_GGUF_I16,
    MN_GGUF_U32,
    MN_GGUF_I32,
    MN_GGUF_F32,
    MN_GGUF_BOOL,
    MN_GGUF_STRING,
    MN_GGUF_ARRAY,
    MN_GGUF_U64,
    MN_GGUF_I64,
    MN_GGUF_F64
} mn_gguf_kind; /* the format's numbers */

typedef struct mn_gguf_value {
    mn_str key;
    mn_gguf_kind kind, of; /* of: an array's elements */
    mn_str text;           /* a string */
    uint64_t n;            /* an array's elements */
    const uint8_t *
        data; /* scalars and arrays as they lie in the file; strings of an array: see mn_gguf_strings */
} mn_gguf_value;

typedef struct mn_gguf_tensor {
    mn_str name;
    const mn_qformat *format;
    uint32_t rank;
    uint64_t shape[4]; /* as in the file: the row length first */
    const uint8_t *data;
    uint64_t bytes;
} mn_gguf_tensor;

typedef struct mn_gguf {
    mn_gguf_value *values;
    size_t n_values;
    mn_gguf_tensor *tensors; /* in the file's order */
    size_t n_tensors;
    const mn_str **keys, **names; /* of values and tensors, sorted: for finding */
} mn_gguf;

/* Total over any bytes. Borrows p, which must outlive *ret; tables are on the arena. Tensors in a format that quant.h does not know are
 * MN_E_UNSUPPORTED, by name. */
mn_rc mn_gguf_parse(const uint8_t *p, size_t len, mn_arena *a, mn_gguf *ret, mn_err *e);
const mn_gguf_value *mn_gguf_find(const mn_gguf *g, const char *key); /* NULL when absent */
const mn_gguf_tensor *mn_gguf_tensor_named(const mn_gguf *g, const char *name);
/* Any integer or bool, else the fallback; any number. */
uint64_t mn_gguf_u64(const mn_gguf_value *v, uint64_t fallback);
double mn_gguf_f64(const mn_gguf_value *v, double fallback);
mn_str mn_gguf_str(const mn_gguf_value *v); /* MN_STR_NONE unless a string */
/* The strings of an array, borrowed from the file; MN_E_PARSE unless it is an array of strings. */
mn_rc mn_gguf_strings(const mn_gguf_value *v, mn_arena *a, mn_str **ret, mn_err *e);

/* ---- writing ------------------------------------------------------------------------------------------------------- */

typedef struct mn_gguf_writer mn_gguf_writer;
mn_rc mn_gguf_writer_new(mn_gguf_writer **ret, mn_err *e);
void mn_gguf_writer_free(mn_gguf_writer *w);
/* Failures are kept and told by mn_gguf_write. */
void mn_gguf_put_str(mn_gguf_writer *w, const char *key, mn_str v);
void mn_gguf_put_u32(mn_gguf_writer *w, const char *key, uint32_t v);
void mn_gguf_put_f32(mn_gguf_writer *w, const char *key, float v);
void mn_gguf_put_bool(mn_gguf_writer *w, const char *key, bool v);
void mn_gguf_put_strs(mn_gguf_writer *w, const char *key, const mn_str *v, size_t n);
void mn_gguf_put_i32s(mn_gguf_writer *w, const char *key, const int32_t *v, size_t n);
void mn_gguf_put_f32s(mn_gguf_writer *w, const char *key, const float *v, size_t n);
/* fill is called while writing and gives the tensor's bytes in order, piece by piece through `out`. */
void mn_gguf_put_tensor(mn_gguf_writer *w, const char *name, const mn_qformat *f, uint32_t rank,
                        const uint64_t *shape,
                        mn_rc (*fill)(void *arg,
                                      mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                                      mn_err *e),
                        void *arg);
/* Atomically; never more in memory than one tensor's piece. */
mn_rc mn_gguf_write(mn_gguf_writer *w, const char *path, mn_err *e);

#endif
