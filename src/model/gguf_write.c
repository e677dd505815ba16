/* Writing GGUF: keys are kept as the bytes they become, tensors as a table of who gives their bytes. */
#include <string.h>

#include "model/file_out.h"
#include "model/gguf.h"

#define ALIGNMENT 32u
#define KEYS_MAX  (1u << 30)

typedef struct tensor {
    mn_str name;
    const mn_qformat *format;
    uint32_t rank;
    uint64_t shape[4], bytes;
    mn_rc (*fill)(void *arg, mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                  mn_err *e);
    void *arg;
} tensor;

struct mn_gguf_writer {
    mn_buf keys; /* as they will lie in the file */
    uint64_t n_keys;
    mn_arena arena; /* names */
    tensor *tensors;
    size_t n, cap;
    bool failed; /* out of memory */
};

mn_rc mn_gguf_writer_new(mn_gguf_writer **ret, mn_err *e)
{
    mn_gguf_writer *w = mn_calloc(1, sizeof *w);
    if (!w) return mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
    mn_buf_init(&w->keys, KEYS_MAX);
    mn_arena_init(&w->arena, 0);
    *ret = w;
    return MN_OK;
}

void mn_gguf_writer_free(mn_gguf_writer *w)
{
    if (!w) return;
    mn_buf_release(&w->keys);
    mn_arena_release(&w->arena);
    mn_free(w->tensors);
    mn_free(w);
}

static void put(mn_buf *b, uint64_t v, int bytes)
{
    char little[8];
    for (int i = 0; i < bytes; i++) little[i] = (char)(v >> 8 * i);
    mn_buf_add(b, little, (size_t)bytes);
}

static void put_text(mn_buf *b, mn_str s)
{
    put(b, s.len, 8);
    mn_buf_adds(b, s);
}

static void put_key(mn_gguf_writer *w, const char *key, mn_gguf_kind kind)
{
    put_text(&w->keys, mn_str_from(key));
    put(&w->keys, kind, 4);
    w->n_keys++;
}

static void put_array(mn_gguf_writer *w, const char *key, mn_gguf_kind of, size_t n)
{
    put_key(w, key, MN_GGUF_ARRAY);
    put(&w->keys, of, 4);
    put(&w->keys, n, 8);
}

static void put_float(mn_buf *b, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(b, bits, 4);
}

void mn_gguf_put_str(mn_gguf_writer *w, const char *key, mn_str v)
{
    put_key(w, key, MN_GGUF_STRING);
    put_text(&w->keys, v);
}

void mn_gguf_put_u32(mn_gguf_writer *w, const char *key, uint32_t v)
{
    put_key(w, key, MN_GGUF_U32);
    put(&w->keys, v, 4);
}

void mn_gguf_put_f32(mn_gguf_writer *w, const char *key, float v)
{
    put_key(w, key, MN_GGUF_F32);
    put_float(&w->keys, v);
}

void mn_gguf_put_bool(mn_gguf_writer *w, const char *key, bool v)
{
    put_key(w, key, MN_GGUF_BOOL);
    put(&w->keys, v, 1);
}

void mn_gguf_put_strs(mn_gguf_writer *w, const char *key, const mn_str *v, size_t n)
{
    put_array(w, key, MN_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) put_text(&w->keys, v[i]);
}

void mn_gguf_put_i32s(mn_gguf_writer *w, const char *key, const int32_t *v, size_t n)
{
    put_array(w, key, MN_GGUF_I32, n);
    for (size_t i = 0; i < n; i++) put(&w->keys, (uint32_t)v[i], 4);
}

void mn_gguf_put_f32s(mn_gguf_writer *w, const char *key, const float *v, size_t n)
{
    put_array(w, key, MN_GGUF_F32, n);
    for (size_t i = 0; i < n; i++) put_float(&w->keys, v[i]);
}

static bool grow(mn_gguf_writer *w)
{
    if (w->n < w->cap) return true;
    size_t cap = w->cap ? 2 * w->cap : 64;
    tensor *t = mn_reallocarray(w->tensors, cap, sizeof *t);
    if (!t) return false;
    w->tensors = t;
    w->cap = cap;
    return true;
}

void mn_gguf_put_tensor(mn_gguf_writer *w, const char *name, const mn_qformat *f, uint32_t rank,
                        const uint64_t *shape,
                        mn_rc (*fill)(void *arg,
                                      mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                                      mn_err *e),
                        void *arg)
{
    tensor t = {.name = mn_str_dup(&w->arena, mn_str_from(name)),
                .format = f,
                .rank = rank,
                .fill = fill,
                .arg = arg};
    uint64_t n = 1;
    MN_ASSERT(rank >= 1 && rank <= 4 && shape[0] % f->block == 0);
    for (uint32_t i = 0; i < rank; i++) n *= t.shape[i] = shape[i];
    t.bytes = n / f->block * f->bytes;
    if (!t.name.ptr || !grow(w)) w->failed = true;
    else w->tensors[w->n++] = t;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

typedef struct sink {
    mn_file_out *f;
    mn_err *e;
} sink;

static mn_rc sink_add(void *to, const void *p, size_t n)
{
    sink *s = to;
    return mn_file_out_add(s->f, p, n, s->e);
}

static mn_rc write_table(const mn_gguf_writer *w, mn_file_out *f, mn_err *e)
{
    mn_buf b;
    uint64_t at = 0;
    mn_buf_init(&b, 0);
    for (size_t i = 0; i < w->n; i++) {
        const tensor *t = &w->tensors[i];
        put_text(&b, t->name);
        put(&b, t->rank, 4);
        for (uint32_t k = 0; k < t->rank; k++) put(&b, t->shape[k], 8);
        put(&b, t->format->type, 4);
        put(&b, at, 8);
        at += (t->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    mn_rc rc = b.failed == MN_OK ? mn_file_out_add(f, b.ptr ? b.ptr : "", b.len, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
    mn_buf_release(&b);
    return rc;
}

static mn_rc write_head(const mn_gguf_writer *w, mn_file_out *f, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_add(&b, "GGUF", 4);
    put(&b, 3, 4);
    put(&b, w->n, 8);
    put(&b, w->n_keys, 8);
    mn_rc rc = b.failed == MN_OK ? mn_file_out_add(f, b.ptr, b.len, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
    mn_buf_release(&b);
    if (rc == MN_OK) rc = mn_file_out_add(f, w->keys.ptr ? w->keys.ptr : "", w->keys.len, e);
    if (rc == MN_OK) rc = write_table(w, f, e);
    return rc == MN_OK ? mn_file_out_align(f, ALIGNMENT, e) : rc;
}

static mn_rc write_data(const mn_gguf_writer *w, mn_file_out *f, mn_err *e)
{
    sink s = {f, e};
    for (size_t i = 0; i < w->n; i++) {
        const tensor *t = &w->tensors[i];
        uint64_t before = f->written;
        MN_TRY(t->fill(t->arg, sink_add, &s, e));
        MN_ASSERT(f->written - before == t->bytes);
        MN_TRY(mn_file_out_align(f, ALIGNMENT, e));
    }
    return MN_OK;
}

mn_rc mn_gguf_write(mn_gguf_writer *w, const char *path, mn_err *e)
{
    mn_file_out f;
    if (w->keys.failed == MN_E_LIMIT)
        return mn_fail(e, MN_E_LIMIT, "the keys of a GGUF file would take more than %u bytes",
                       KEYS_MAX);
    if (w->failed || w->keys.failed != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
    MN_TRY(mn_file_out_open(path, &f, e));
    mn_rc rc = write_head(w, &f, e);
    if (rc == MN_OK) rc = write_data(w, &f, e);
    if (rc == MN_OK) rc = mn_file_out_commit(&f, e);
    mn_file_out_release(&f);
    return rc;
}
