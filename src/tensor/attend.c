/* Attention: shapes, and which set runs. packed_int.h has the table of sets; attend_int.h the layout of a block. */
#include "tensor/attend.h"

#include "tensor/attend_int.h"

size_t mn_kv_block_bytes(const mn_kv_shape *s)
{
    return s->KV * mn_attend__layout_of(s).head;
}

size_t mn_attend_work(const mn_kv_shape *s, size_t n, uint32_t heads)
{
    (void)n, (void)heads; /* rows are taken some at a time */
    return (size_t)MN_ATTEND__ROWS * (2 * mn_attend__wide(s->D) + MN_KV_BLOCK + 16);
}

void mn_kv_store(const mn_kv_shape *s, void *block, uint32_t at, uint32_t kv, const float *k,
                 const float *v)
{
    mn_packed__best()->kv_store(s, block, at, kv, k, v);
}

void mn_attend(const mn_kv_shape *s, const float *q, size_t n, size_t stride, uint32_t from,
               uint32_t to, uint32_t kv, uint32_t pos, const void *const *blocks, float *o,
               float *work)
{
    mn_packed__best()->attend(s, q, n, stride, from, to, kv, pos, blocks, o, work);
}
