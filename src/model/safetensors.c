/* Reading and writing safetensors. The header is parsed by base's strict JSON tree (repeated names fail there), then each
 * entry is checked on its own, then all spans against each other after sorting. */
#include "model/safetensors.h"

#include <stdlib.h>

#include "base/json.h"
#include "model/file_out.h"

static const struct {
    const char *name;
    mn_st_type type;
    uint64_t size;
} types[] = {{"F32", MN_ST_F32, 4}, {"F16", MN_ST_F16, 2}, {"BF16", MN_ST_BF16, 2}};

static mn_rc read_shape(const mn_json *shape, uint64_t size, mn_st_tensor *t, mn_err *e)
{
    if (!shape || shape->type != MN_JSON_ARRAY || shape->n > MN_ST_RANK_MAX)
        return mn_fail(e, MN_E_PARSE, "safetensors: '%.*s' has no shape of at most %d numbers",
                       MN_STR_FMT(t->name), MN_ST_RANK_MAX);
    t->rank = (uint32_t)shape->n;
    t->n = 1;
    for (size_t i = 0; i < shape->n; i++) {
        int64_t d = mn_json_i64(shape->items[i], -1);
        if (d <= 0 || (uint64_t)d > (UINT64_C(1) << 48) / size / t->n)
            return mn_fail(e, MN_E_PARSE, "safetensors: the shape of '%.*s' is impossible",
                           MN_STR_FMT(t->name));
        t->shape[i] = (uint64_t)d;
        t->n *= (uint64_t)d;
    }
    return MN_OK;
}

static mn_rc read_entry(mn_str name, const mn_json *o, uint64_t data_len, mn_st_tensor *t,
                        mn_err *e)
{
    mn_str dtype = mn_json_str(mn_json_get(o, "dtype"));
    size_t k = 0, n_types = sizeof types / sizeof *types;
    while (k < n_types && !mn_str_eqz(dtype, types[k].name)) k++;
    t->name = name;
    if (k == n_types)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "safetensors: '%.*s' has type '%.*s': F32, F16 and BF16 are read",
                       MN_STR_FMT(name), MN_STR_FMT(dtype));
    t->type = types[k].type;
    MN_TRY(read_shape(mn_json_get(o, "shape"), types[k].size, t, e));
    const mn_json *span = mn_json_get(o, "data_offsets");
    int64_t from = mn_json_i64(mn_json_at(span, 0), -1),
            to = mn_json_i64(mn_json_at(span, 1), -1);
    if (!span || span->n != 2 || from < 0 || to < from || (uint64_t)to > data_len)
        return mn_fail(e, MN_E_PARSE, "safetensors: '%.*s' does not lie inside the file",
                       MN_STR_FMT(name));
    if ((uint64_t)(to - from) != t->n * types[k].size)
        return mn_fail(e, MN_E_PARSE,
                       "safetensors: '%.*s' has %lld bytes, its shape needs %llu",
                       MN_STR_FMT(name), (long long)(to - from),
                       (unsigned long long)(t->n * types[k].size));
    t->from = (uint64_t)from;
    t->to = (uint64_t)to;
    return MN_OK;
}

static int by_offset(const void *a, const void *b)
{
    const mn_st_tensor *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Sorted spans follow one another exactly, from 0 to the end of the data. */
static mn_rc check_spans(const mn_st *st, uint64_t data_len, mn_err *e)
{
    uint64_t at = 0;
    for (size_t i = 0; i < st->n; i++) {
        if (st->items[i].from != at)
            return mn_fail(e, MN_E_PARSE, "safetensors: the data of '%.*s' %s",
                           MN_STR_FMT(st->items[i].name),
                           st->items[i].from < at ? "overlaps another tensor"
                                                  : "follows a hole");
        at = st->items[i].to;
    }
    if (at != data_len)
        return mn_fail(e, MN_E_PARSE, "safetensors: %llu bytes at the end belong to no tensor",
                       (unsigned long long)(data_len - at));
    return MN_OK;
}

mn_rc mn_st_parse(const uint8_t *p, size_t len, mn_arena *a, mn_st *ret, mn_err *e)
{
    if (len < 8) return mn_fail(e, MN_E_PARSE, "safetensors: the file ends before its header");
    uint64_t head = 0;
    for (int i = 7; i >= 0; i--) head = head << 8 | p[i];
    if (head > MN_ST_HEADER_MAX)
        return mn_fail(e, MN_E_LIMIT,
                       "safetensors: a header of %llu bytes, at most %u are read",
                       (unsigned long long)head, MN_ST_HEADER_MAX);
    if (head > len - 8)
        return mn_fail(e, MN_E_PARSE, "safetensors: the file ends in its header");
    mn_json *tree = NULL;
    mn_rc rc = mn_json_parse((mn_str){(const char *)p + 8, (size_t)head}, a, &tree, e);
    if (rc != MN_OK) {
        mn_err_wrap(e, "safetensors: the header");
        return rc;
    }
    if (tree->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_PARSE, "safetensors: the header is not an object");
    mn_st st = {.items = mn_arena_calloc(a, tree->n + 1, sizeof *st.items)};
    if (!st.items) return mn_fail(e, MN_E_NOMEM, "safetensors: no memory for the header");
    uint64_t data_len = len - 8 - head;
    for (size_t i = 0; i < tree->n; i++) {
        if (mn_str_eqz(tree->keys[i], "__metadata__")) continue;
        mn_st_tensor *t = &st.items[st.n];
        MN_TRY(read_entry(tree->keys[i], tree->items[i], data_len, t, e));
        t->data = p + 8 + head + t->from;
        st.n++;
    }
    if (st.n) qsort(st.items, st.n, sizeof *st.items, by_offset);
    MN_TRY(check_spans(&st, data_len, e));
    *ret = st;
    return MN_OK;
}

const mn_st_tensor *mn_st_find(const mn_st *st, mn_str name)
{
    for (size_t i = 0; i < st->n; i++)
        if (mn_str_eq(st->items[i].name, name)) return &st->items[i];
    return NULL;
}

mn_qtype mn_st_qtype(mn_st_type t)
{
    return t == MN_ST_F32 ? MN_Q_F32 : t == MN_ST_F16 ? MN_Q_F16 : MN_Q_BF16;
}

void mn_st_read(const mn_st_tensor *t, float *ret)
{
    mn_dequant(mn_st_qtype(t->type), t->data, ret, (size_t)t->n);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

mn_rc mn_st_write_pieces(const char *path, const mn_st_piece *pieces, size_t n, mn_err *e)
{
    mn_file_out f;
    MN_TRY(mn_file_out_open(path, &f, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = mn_file_out_add(&f, pieces[i].ptr, pieces[i].size_bytes, e);
    if (rc == MN_OK) rc = mn_file_out_commit(&f, e);
    mn_file_out_release(&f);
    return rc;
}
