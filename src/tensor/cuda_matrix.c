/* See cuda_matrix.h. packed_pack.c reads the formats: a block of the file is packed as a matrix of one row and read back as codes and scales. */
#include "tensor/cuda_matrix.h"

#include <string.h>

#include "tensor/packed_int.h"

/* PANEL_MAX: of a packed matrix of one block, padded to MN_PACK_ROWS rows. */
enum { ROWS_EACH = 16, PANEL_MAX = 6144 };

typedef struct job {
    mn_qtype type;
    const mn_qformat *format;
    mn_cuda_form form;
    uint32_t N, K;
    const uint8_t *src;
    uint32_t (*row_of)(const void *arg, uint32_t n);
    const void *arg;
    uint8_t *codes, *scales; /* of row 0 */
    size_t code_pitch, scale_pitch;
} job;

mn_cuda_form mn_cuda_form_of(mn_qtype type)
{
    switch (type) {
    case MN_Q_F32:
        return MN_CUDA_F32;
    case MN_Q_F16:
        return MN_CUDA_F16;
    case MN_Q_BF16:
        return MN_CUDA_BF16;
    case MN_Q_Q8_0:
    case MN_Q_Q5_0:
        return MN_CUDA_Q8;
    case MN_Q_Q4_0:
        return MN_CUDA_Q4;
    case MN_Q_Q4_1:
        return MN_CUDA_Q4M;
    case MN_Q_Q4_K:
        return MN_CUDA_K4;
    case MN_Q_Q5_1:
    case MN_Q_Q5_K:
        return MN_CUDA_K8;
    case MN_Q_Q6_K:
        break;
    }
    return MN_CUDA_K8H;
}

static const uint8_t *row_at(const job *j, uint32_t n)
{
    const size_t row = j->row_of ? j->row_of(j->arg, n) : n;
    return j->src + row * mn_qformat_row_bytes(j->format, j->K);
}

/* Eight codes in four bytes. */
static void halves_put(const uint8_t *code, uint8_t *to)
{
    for (int i = 0; i < 32; i++)
        if (i % 8 < 4) to[i / 8 * 4 + i % 4] = (uint8_t)(code[i] | code[i + 4] << 4);
}

static void codes_put(mn_cuda_form form, uint8_t offset, const uint8_t *code, uint8_t *row,
                      uint32_t b)
{
    if (form == MN_CUDA_Q4 || form == MN_CUDA_Q4M || form == MN_CUDA_K4) {
        halves_put(code, row + 16 * (size_t)b);
        return;
    }
    for (size_t i = 0; i < 32; i++) row[32 * (size_t)b + i] = (uint8_t)(code[i] - offset);
}

static void scales_put(mn_cuda_form form, const mn_packed__block *x, uint8_t *row, uint32_t b)
{
    const uint16_t half[2] = {mn_f32_to_f16(x->d[0]), mn_f32_to_f16(x->m)};
    const float whole[2] = {x->d[0], form == MN_CUDA_K8H ? x->d[1] : x->m};
    if (form == MN_CUDA_Q8 || form == MN_CUDA_Q4)
        memcpy(row + 2 * (size_t)b, half, sizeof *half);
    else if (form == MN_CUDA_Q4M) memcpy(row + sizeof half * (size_t)b, half, sizeof half);
    else memcpy(row + sizeof whole * (size_t)b, whole, sizeof whole);
}

static void row_put_blocks(const job *j, uint32_t n)
{
    _Alignas(64) uint8_t panel[PANEL_MAX];
    const uint32_t each = j->format->block;
    const uint8_t offset = mn_packed__layout_of(j->type).offset, *from = row_at(j, n);
    uint8_t *codes = j->codes + n * j->code_pitch, *scales = j->scales + n * j->scale_pitch;
    MN_ASSERT(mn_packed_bytes(j->type, 1, each) <= sizeof panel);
    for (uint32_t b = 0; b < j->K / 32; from += j->format->bytes) {
        mn_packed p;
        mn_err none;
        mn_rc rc = mn_packed_new_at(panel, j->type, 1, each, from, NULL, NULL, NULL, &p, &none);
        MN_ASSERT(rc == MN_OK);
        for (uint32_t i = 0; i < each / 32; i++, b++) {
            mn_packed__block x;
            mn_packed__block_get(&p, 0, i, &x);
            codes_put(j->form, offset, x.code, codes, b);
            scales_put(j->form, &x, scales, b);
        }
    }
}

static void rows_put(void *arg, size_t part, int thread)
{
    (void)thread;
    const job *j = arg;
    const uint32_t from = (uint32_t)part * ROWS_EACH;
    for (uint32_t n = from; n < j->N && n < from + ROWS_EACH; n++) {
        const size_t bytes = mn_qformat_row_bytes(j->format, j->K);
        uint8_t *row = j->codes + n * j->code_pitch;
        if (j->format->block > 1) {
            row_put_blocks(j, n);
        } else {
            memcpy(row, row_at(j, n), bytes);
            memset(row + bytes, 0, j->code_pitch - bytes);
        }
    }
}

void mn_cuda_matrix_make(mn_qtype type, uint32_t N, uint32_t K, const void *src,
                         uint32_t (*row_of)(const void *arg, uint32_t n), const void *arg,
                         mn_pool *pool, void *ret)
{
    const mn_cuda_form form = mn_cuda_form_of(type);
    job j = {type, mn_qformat_of(type), form, N, K, src, row_of, arg, .codes = ret};
    j.code_pitch = mn_cuda_code_pitch(form, K);
    j.scale_pitch = mn_cuda_scale_pitch(form, K);
    j.scales = j.codes + mn_cuda_scales_at(form, N, K);
    const size_t codes = N * j.code_pitch, scales = N * j.scale_pitch;
    memset(j.codes + codes, 0, (size_t)(j.scales - j.codes) - codes);
    memset(j.scales + scales, 0, mn_cuda_whole(scales) - scales);
    mn_pool_run(pool, ((size_t)N + ROWS_EACH - 1) / ROWS_EACH, rows_put, &j);
}
