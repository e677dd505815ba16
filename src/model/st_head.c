#include "model/st_head.h"

#include "base/json.h"
#include "model/tensors.h"

static void write_entry(mn_json_writer *j, const mn_tensor *t, const char *dtype, uint64_t from,
                        uint64_t to)
{
    mn_jw_key(j, t->name);
    mn_jw_object(j);
    mn_jw_kstrz(j, "dtype", dtype);
    mn_jw_key(j, "shape");
    mn_jw_array(j);
    mn_jw_u64(j, t->rows);
    if (t->cols) mn_jw_u64(j, t->cols);
    mn_jw_array_end(j);
    mn_jw_key(j, "data_offsets");
    mn_jw_array(j);
    mn_jw_u64(j, from);
    mn_jw_u64(j, to);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

mn_rc mn_st_head(const mn_config *c, mn_qtype type, mn_buf *ret)
{
    const char *dtype = type == MN_Q_F32 ? "F32" : type == MN_Q_F16 ? "F16" : "BF16";
    uint64_t at = 0, size = type == MN_Q_F32 ? 4 : 2;
    size_t start = ret->len;
    mn_json_writer j;
    mn_tensor t;
    mn_buf_add(ret, "\0\0\0\0\0\0\0\0", 8);
    mn_json_writer_init(&j, ret, 0);
    mn_jw_object(&j);
    mn_jw_key(&j, "__metadata__");
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "format", "pt");
    mn_jw_object_end(&j);
    for (uint64_t i = 0; mn_tensor_at(c, i, &t); i++) {
        uint64_t n = (uint64_t)t.rows * (t.cols ? t.cols : 1) * size;
        write_entry(&j, &t, dtype, at, at + n);
        at += n;
    }
    mn_jw_object_end(&j);
    while (ret->failed == MN_OK && (ret->len - start) % 64 != 0)
        mn_buf_addc(ret, ' '); /* data stays aligned */
    for (size_t i = 0; ret->failed == MN_OK && i < 8; i++)
        ret->ptr[start + i] = (char)((uint64_t)(ret->len - start - 8) >> (8 * i));
    return ret->failed;
}
