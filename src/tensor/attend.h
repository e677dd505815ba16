/* Attention over a cache of keys and values that lies in blocks: decoding, and prompts in pieces.
 *
 * The cache of one layer is a set of blocks of MN_KV_BLOCK positions; a sequence is a list of block numbers, so sequences with the
 * same beginning share blocks. In a block, for each key/value head, and on cache lines of its own: keys [D][MN_KV_BLOCK], values
 * [MN_KV_BLOCK][D rounded up to 16], as f16 (what is too large becomes the largest), or as int8 with a scale (f32) for each
 * position after them.
 *
 * numbers  o of a row depends on its own query and on the cached positions 0..pos alone: blocks are taken in order of position, so
 *          the bits are the same whether a prompt came at once, in pieces or token by token, whatever else is computed, and on
 *          every instruction set. What lies in a block beyond the last position seen has no effect, whatever it is.
 * twins    mn_attend__plain: tests/unit/tensor/test_attend.c holds every set to it */
#ifndef MN_TENSOR_ATTEND_H
#define MN_TENSOR_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#define MN_KV_BLOCK 32u

typedef enum mn_kv_type { MN_KV_F16, MN_KV_I8 } mn_kv_type;

typedef struct mn_kv_shape {
    mn_kv_type type;
    uint32_t KV, D; /* key/value heads, head size (even, at most 256) */
} mn_kv_shape;

/* Bytes of one block of one layer, a multiple of 64. */
size_t mn_kv_block_bytes(const mn_kv_shape *s);
/* Stores key and value [D] of head kv (the key already turned by position) at position `at` (0 .. MN_KV_BLOCK-1) of a block. Either may be
 * NULL: it stays as it is. So that whoever computes a head stores it, at once and for himself. */
void mn_kv_store(const mn_kv_shape *s, void *block, uint32_t at, uint32_t kv, const float *k,
                 const float *v);

/* Attention of n rows of one sequence for query heads [from, to) that share one key/value head `kv`:
 *   q        [n][stride]: row t's query of head h at q + t * stride + h * D, turned by position, not scaled
 *   pos      row t sees positions 0 .. pos + t
 *   blocks   the layer's blocks of this sequence: position p is in blocks[p / MN_KV_BLOCK]
 *   o        as q
 *   work     mn_attend_work(s, n, to - from) floats of the calling thread's own
 * Scale 1/sqrt(D). Softmax in float32, online over blocks. */
void mn_attend(const mn_kv_shape *s, const float *q, size_t n, size_t stride, uint32_t from,
               uint32_t to, uint32_t kv, uint32_t pos, const void *const *blocks, float *o,
               float *work);
size_t mn_attend_work(const mn_kv_shape *s, size_t n, uint32_t heads);

#endif
