/* Reading and writing safetensors. The header is parsed by base's strict JSON tree (repeated names fail there), then each
 * entry is checked on its own, then all spans against each other after sorting. */
#include "model/safetensors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"

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

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static float from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, ex = (h >> 10) & 31, m = h & 1023;
    if (ex == 31) return from_bits(sign | 0x7f800000 | m << 13);
    if (ex) return from_bits(sign | (ex + 112) << 23 | m << 13);
    float f = (float)m * 0x1p-24f; /* zero or subnormal */
    return sign ? -f : f;
}

void mn_st_read(const mn_st_tensor *t, float *ret)
{
    if (t->type == MN_ST_F32) {
        memcpy(ret, t->data, t->n * 4);
        return;
    }
    for (uint64_t i = 0; i < t->n; i++) {
        uint16_t h = (uint16_t)(t->data[2 * i] | t->data[2 * i + 1] << 8);
        ret[i] = t->type == MN_ST_F16 ? from_f16(h) : from_bits((uint32_t)h << 16);
    }
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static mn_rc write_all(int fd, const mn_st_piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = pieces[i].ptr;
        for (size_t left = pieces[i].size_bytes; left;) {
            ssize_t w = write(fd, p, left);
            if (w < 0) return MN_E_IO;
            p += w;
            left -= (size_t)w;
        }
    }
    return fsync(fd) == 0 ? MN_OK : MN_E_IO;
}

mn_rc mn_st_write_pieces(const char *path, const mn_st_piece *pieces, size_t n, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = MN_OK;
    mn_str tmp = mn_str_fmt(&a, "%s.tmp", path);
    int fd = -1;
    if (!tmp.ptr) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to write '%s'", path);
        goto out;
    }
    fd = open(tmp.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", tmp.ptr);
        goto out;
    }
    rc = write_all(fd, pieces, n);
    if (rc == MN_OK && rename(tmp.ptr, path) != 0) rc = MN_E_IO;
    if (rc != MN_OK) {
        mn_fail_errno(e, rc, "cannot write '%s'", path);
        unlink(tmp.ptr);
        goto out;
    }
    const char *slash = strrchr(path, '/');
    size_t n_dir = slash ? (size_t)(slash - path) : 0;
    mn_str folder = n_dir ? mn_str_dup(&a, (mn_str){path, n_dir}) : MN_STR(".");
    rc = folder.ptr ? mn_fs_sync_dir(folder.ptr, e) : mn_fail(e, MN_E_NOMEM, "no memory");
out:
    if (fd >= 0) close(fd);
    mn_arena_release(&a);
    return rc;
}
