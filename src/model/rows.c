#include "model/rows.h"

#include <string.h>

#define PIECE      (1u << 20) /* bytes converted before they are given out */
#define PART_BYTES (1u << 14)

typedef struct job {
    const mn_tensor_view *v;
    const mn_qformat *from, *to;
    uint32_t cols, alternate;
    size_t from_bytes, to_bytes; /* of a row */
    uint8_t *piece;
    float *scratch; /* [threads][cols] */
    uint32_t first, n, per_part;
} job;

/* Which row of the model is row n of what is written. */
static uint32_t model_row(uint32_t alternate, uint32_t n)
{
    if (!alternate) return n;
    uint32_t half = alternate / 2, r = n % alternate;
    return n - r + r % 2 * half + r / 2;
}

static void convert(const job *j, uint32_t n, uint8_t *to, float *scratch)
{
    uint32_t row = j->v->cols ? mn_view_row(j->v, model_row(j->alternate, n)) : 0;
    const uint8_t *from = j->v->data + j->from_bytes * row;
    if (j->from == j->to) {
        memcpy(to, from, j->to_bytes);
        return;
    }
    mn_dequant(j->from->type, from, scratch, j->cols);
    mn_quant(j->to->type, scratch, to, j->cols);
}

static void convert_part(void *arg, size_t part, int thread)
{
    const job *j = arg;
    uint32_t from = (uint32_t)part * j->per_part, to = from + j->per_part;
    for (uint32_t i = from; i < to && i < j->n; i++)
        convert(j, j->first + i, j->piece + j->to_bytes * i,
                j->scratch + (size_t)thread * j->cols);
}

mn_rc mn_rows_write(const mn_tensor_view *v, mn_qtype to, uint32_t alternate, mn_pool *pool,
                    mn_rc (*out)(void *arg, const void *p, size_t n), void *arg, mn_err *e)
{
    uint32_t rows = v->cols ? v->rows : 1;
    job j = {.v = v,
             .from = mn_qformat_of(v->type),
             .to = mn_qformat_of(to),
             .cols = v->cols ? v->cols : v->rows,
             .alternate = alternate};
    MN_ASSERT(j.to && j.cols % j.to->block == 0);
    j.from_bytes = mn_qformat_row_bytes(j.from, j.cols);
    j.to_bytes = mn_qformat_row_bytes(j.to, j.cols);
    uint32_t step = j.to_bytes < PIECE ? (uint32_t)(PIECE / j.to_bytes) : 1;
    j.per_part = j.to_bytes < PART_BYTES ? (uint32_t)(PART_BYTES / j.to_bytes) : 1;
    j.piece = mn_alloc(step * j.to_bytes);
    j.scratch = mn_alloc((size_t)mn_pool_threads(pool) * j.cols * sizeof(float));
    mn_rc rc = j.piece && j.scratch ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for rows");
    for (; rc == MN_OK && j.first < rows; j.first += step) {
        j.n = rows - j.first < step ? rows - j.first : step;
        mn_pool_run(pool, (j.n + j.per_part - 1) / j.per_part, convert_part, &j);
        rc = out(arg, j.piece, j.n * j.to_bytes);
    }
    mn_free(j.piece);
    mn_free(j.scratch);
    return rc;
}
