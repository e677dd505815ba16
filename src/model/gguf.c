/* Reading GGUF.
 *
 *   "GGUF", u32 version, u64 tensors, u64 keys; keys: string, u32 kind, value; tensors: string, u32 rank, u64 × rank,
 *   u32 format, u64 offset; zeros up to general.alignment (32 when not said); the data, which offsets count from.
 *   A string is u64 length and bytes; an array u32 kind, u64 length and its elements.
 *
 * A cursor that never goes past the end; what the file claims is compared with what is left of it before memory is taken, so
 * memory is bounded by a small multiple of the file's size. */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#define VERSION       3
#define KEYS_MAX      65536u
#define TENSORS_MAX   65536u
#define NAME_MAX_     1024u /* of keys and tensors */
#define ALIGNMENT_MAX 65536u
#define VALUES_MAX    (UINT64_C(1) << 48) /* of one tensor */

static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct cursor {
    const uint8_t *at, *end;
    mn_err *e;
} cursor;

static uint64_t number(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    while (n--) v = v << 8 | p[n];
    return v;
}

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static mn_rc ends(const cursor *c, const char *where)
{
    return mn_fail(c->e, MN_E_PARSE, "the GGUF file ends in %s", where);
}

static mn_rc take(cursor *c, size_t n, const char *where, uint64_t *ret)
{
    if (left(c) < n) return ends(c, where);
    *ret = number(c->at, n);
    c->at += n;
    return MN_OK;
}

static mn_rc take_str(cursor *c, const char *where, mn_str *ret)
{
    uint64_t n = 0;
    MN_TRY(take(c, 8, where, &n));
    if (n > left(c)) return ends(c, where);
    *ret = (mn_str){(const char *)c->at, (size_t)n};
    c->at += n;
    return MN_OK;
}

/* Names are shown to people: text without control characters. */
static mn_rc take_name(cursor *c, const char *where, mn_str *ret)
{
    mn_str s;
    MN_TRY(take_str(c, where, &s));
    bool good = s.len > 0 && s.len <= NAME_MAX_ && mn_utf8_valid(s);
    for (size_t i = 0; good && i < s.len; i++)
        good = (uint8_t)s.ptr[i] >= 32 && s.ptr[i] != 127;
    if (!good)
        return mn_fail(c->e, MN_E_PARSE, "the GGUF file has an impossible name in %s", where);
    *ret = s;
    return MN_OK;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static mn_rc skip_strings(cursor *c, const mn_gguf_value *v)
{
    mn_str s;
    if (v->n > left(c) / 8) return ends(c, "an array of strings");
    for (uint64_t i = 0; i < v->n; i++) MN_TRY(take_str(c, "an array of strings", &s));
    return MN_OK;
}

static mn_rc take_array(cursor *c, mn_gguf_value *v)
{
    uint64_t of = 0;
    MN_TRY(take(c, 4, "an array", &of));
    MN_TRY(take(c, 8, "an array", &v->n));
    if (of > MN_GGUF_F64 || of == MN_GGUF_ARRAY)
        return mn_fail(c->e, MN_E_UNSUPPORTED,
                       "GGUF key '%.*s' is an array of kind %u, which is not read",
                       MN_STR_FMT(v->key), (unsigned)of);
    v->of = (mn_gguf_kind)of;
    v->data = c->at;
    if (of == MN_GGUF_STRING) return skip_strings(c, v);
    if (v->n > left(c) / sizes[of]) return ends(c, "an array");
    c->at += v->n * sizes[of];
    return MN_OK;
}

static mn_rc take_value(cursor *c, mn_gguf_value *v)
{
    uint64_t kind = 0;
    MN_TRY(take_name(c, "its keys", &v->key));
    MN_TRY(take(c, 4, "its keys", &kind));
    if (kind > MN_GGUF_F64)
        return mn_fail(c->e, MN_E_PARSE, "GGUF key '%.*s' has the unknown kind %u",
                       MN_STR_FMT(v->key), (unsigned)kind);
    v->kind = (mn_gguf_kind)kind;
    if (kind == MN_GGUF_ARRAY) return take_array(c, v);
    if (kind == MN_GGUF_STRING) return take_str(c, "a string", &v->text);
    v->data = c->at;
    if (left(c) < sizes[kind]) return ends(c, "its keys");
    c->at += sizes[kind];
    return MN_OK;
}

static int by_key(const void *a, const void *b)
{
    return mn_str_cmp(**(const mn_str *const *)a, **(const mn_str *const *)b);
}

/* names: pointers to structs that begin with their name. Sorts them; a name that is there twice is refused. */
static mn_rc sort_names(const mn_str **names, size_t n, const char *what, mn_err *e)
{
    if (n) qsort(names, n, sizeof *names, by_key);
    for (size_t i = 1; i < n; i++)
        if (mn_str_eq(*names[i - 1], *names[i]))
            return mn_fail(e, MN_E_PARSE, "the GGUF file has the %s '%.*s' twice", what,
                           MN_STR_FMT(*names[i]));
    return MN_OK;
}

static mn_rc take_values(cursor *c, mn_arena *a, uint64_t n, mn_gguf *g)
{
    if (n > left(c) / 13) return ends(c, "its keys"); /* the shortest key takes 13 bytes */
    if (n > KEYS_MAX)
        return mn_fail(c->e, MN_E_LIMIT, "the GGUF file has %llu keys, at most %u are read",
                       (unsigned long long)n, KEYS_MAX);
    g->values = mn_arena_calloc(a, n + 1, sizeof *g->values);
    g->keys = mn_arena_alloc(a, (n + 1) * sizeof *g->keys);
    if (!g->values || !g->keys)
        return mn_fail(c->e, MN_E_NOMEM, "no memory to read the GGUF file");
    g->n_values = (size_t)n;
    for (size_t i = 0; i < n; i++) {
        MN_TRY(take_value(c, &g->values[i]));
        g->keys[i] = &g->values[i].key;
    }
    return sort_names(g->keys, g->n_values, "key", c->e);
}

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

static mn_rc take_shape(cursor *c, mn_gguf_tensor *t, uint64_t *ret_n)
{
    uint64_t rank = 0, n = 1;
    MN_TRY(take(c, 4, "its tensors", &rank));
    if (rank < 1 || rank > 4)
        return mn_fail(c->e, MN_E_PARSE,
                       "GGUF tensor '%.*s' has %llu dimensions, expected 1 to 4",
                       MN_STR_FMT(t->name), (unsigned long long)rank);
    t->rank = (uint32_t)rank;
    for (uint32_t i = 0; i < 4; i++) t->shape[i] = 1;
    for (uint32_t i = 0; i < rank; i++) {
        MN_TRY(take(c, 8, "its tensors", &t->shape[i]));
        if (t->shape[i] < 1 || t->shape[i] > VALUES_MAX / n)
            return mn_fail(c->e, MN_E_PARSE, "GGUF tensor '%.*s' has an impossible shape",
                           MN_STR_FMT(t->name));
        n *= t->shape[i];
    }
    *ret_n = n;
    return MN_OK;
}

/* Formats of ggml that are not read, for the message. */
static const char *format_name(uint64_t type)
{
    static const char *const names[] = {
        [9] = "q8_1",    [10] = "q2_k",    [11] = "q3_k",  [15] = "q8_k",   [16] = "iq2_xxs",
        [17] = "iq2_xs", [18] = "iq3_xxs", [19] = "iq1_s", [20] = "iq4_nl", [21] = "iq3_s",
        [22] = "iq2_s",  [23] = "iq4_xs",  [24] = "i8",    [25] = "i16",    [26] = "i32",
        [27] = "i64",    [28] = "f64",     [29] = "iq1_m", [34] = "tq1_0",  [35] = "tq2_0",
        [39] = "mxfp4",
    };
    return type < sizeof names / sizeof *names && names[type] ? names[type] : "unknown";
}

/* Leaves the offset in t->bytes until place_tensors knows where the data begins. */
static mn_rc take_tensor(cursor *c, mn_gguf_tensor *t, uint64_t *ret_offset)
{
    uint64_t type = 0, n = 0;
    MN_TRY(take_name(c, "its tensors", &t->name));
    MN_TRY(take_shape(c, t, &n));
    MN_TRY(take(c, 4, "its tensors", &type));
    MN_TRY(take(c, 8, "its tensors", ret_offset));
    t->format = mn_qformat_of((uint32_t)type);
    if (!t->format)
        return mn_fail(c->e, MN_E_UNSUPPORTED,
                       "GGUF tensor '%.*s' is in format %u (%s), which is not read",
                       MN_STR_FMT(t->name), (unsigned)type, format_name(type));
    if (t->shape[0] % t->format->block != 0)
        return mn_fail(c->e, MN_E_PARSE,
                       "GGUF tensor '%.*s' has rows of %llu values, not a multiple of %s's %u",
                       MN_STR_FMT(t->name), (unsigned long long)t->shape[0], t->format->name,
                       t->format->block);
    t->bytes = n / t->format->block * t->format->bytes;
    return MN_OK;
}

static mn_rc alignment_of(const mn_gguf *g, uint64_t *ret, mn_err *e)
{
    const mn_gguf_value *v = mn_gguf_find(g, "general.alignment");
    uint64_t n = v ? mn_gguf_u64(v, 0) : 32;
    if (n < 8 || n > ALIGNMENT_MAX || (n & (n - 1)) != 0)
        return mn_fail(e, MN_E_PARSE,
                       "general.alignment is %llu: expected a power of two from 8 to %u",
                       (unsigned long long)n, ALIGNMENT_MAX);
    *ret = n;
    return MN_OK;
}

static int by_data(const void *a, const void *b)
{
    const mn_gguf_tensor *x = *(const mn_gguf_tensor *const *)a;
    const mn_gguf_tensor *y = *(const mn_gguf_tensor *const *)b;
    return (x->data > y->data) - (x->data < y->data);
}

static mn_rc check_overlap(const mn_gguf *g, mn_arena *a, mn_err *e)
{
    const mn_gguf_tensor **order = mn_arena_alloc(a, (g->n_tensors + 1) * sizeof *order);
    if (!order) return mn_fail(e, MN_E_NOMEM, "no memory to read the GGUF file");
    for (size_t i = 0; i < g->n_tensors; i++) order[i] = &g->tensors[i];
    if (g->n_tensors) qsort(order, g->n_tensors, sizeof *order, by_data);
    for (size_t i = 1; i < g->n_tensors; i++)
        if ((uint64_t)(order[i]->data - order[i - 1]->data) < order[i - 1]->bytes)
            return mn_fail(e, MN_E_PARSE, "GGUF tensors '%.*s' and '%.*s' overlap",
                           MN_STR_FMT(order[i - 1]->name), MN_STR_FMT(order[i]->name));
    return MN_OK;
}

static mn_rc take_tensors(cursor *c, const uint8_t *start, mn_arena *a, uint64_t n, mn_gguf *g)
{
    uint64_t alignment = 0, *offsets;
    MN_TRY(alignment_of(g, &alignment, c->e));
    if (n > left(c) / 33) return ends(c, "its tensors"); /* the shortest entry takes 33 bytes */
    if (n > TENSORS_MAX)
        return mn_fail(c->e, MN_E_LIMIT, "the GGUF file has %llu tensors, at most %u are read",
                       (unsigned long long)n, TENSORS_MAX);
    g->tensors = mn_arena_calloc(a, n + 1, sizeof *g->tensors);
    g->names = mn_arena_alloc(a, (n + 1) * sizeof *g->names);
    offsets = mn_arena_alloc(a, (n + 1) * sizeof *offsets);
    if (!g->tensors || !g->names || !offsets)
        return mn_fail(c->e, MN_E_NOMEM, "no memory to read the GGUF file");
    g->n_tensors = (size_t)n;
    for (size_t i = 0; i < n; i++) {
        MN_TRY(take_tensor(c, &g->tensors[i], &offsets[i]));
        g->names[i] = &g->tensors[i].name;
    }
    MN_TRY(sort_names(g->names, g->n_tensors, "tensor", c->e));
    size_t pad = (size_t)(alignment - (uint64_t)(c->at - start) % alignment) % alignment;
    uint64_t room = left(c) > pad ? left(c) - pad : 0;
    for (size_t i = 0; i < n; i++) {
        mn_gguf_tensor *t = &g->tensors[i];
        if (offsets[i] % alignment != 0)
            return mn_fail(c->e, MN_E_PARSE, "GGUF tensor '%.*s' is not aligned to %u bytes",
                           MN_STR_FMT(t->name), (unsigned)alignment);
        if (offsets[i] > room || t->bytes > room - offsets[i])
            return mn_fail(c->e, MN_E_PARSE,
                           "GGUF tensor '%.*s' does not lie inside the file (is it whole?)",
                           MN_STR_FMT(t->name));
        t->data = c->at + pad + offsets[i];
    }
    return check_overlap(g, a, c->e);
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

static mn_rc check_version(uint64_t version, mn_err *e)
{
    if (version == 2 || version == VERSION) return MN_OK;
    if (version && version % 65536 == 0)
        return mn_fail(e, MN_E_UNSUPPORTED, "the GGUF file is big-endian, which is not read");
    return mn_fail(e, MN_E_UNSUPPORTED, "the GGUF file has version %llu: 2 and 3 are read",
                   (unsigned long long)version);
}

mn_rc mn_gguf_parse(const uint8_t *p, size_t len, mn_arena *a, mn_gguf *ret, mn_err *e)
{
    cursor c = {p, p + len, e};
    mn_gguf g = {0};
    uint64_t version = 0, tensors = 0, values = 0;
    if (len < 4 || memcmp(p, "GGUF", 4) != 0)
        return mn_fail(e, MN_E_PARSE, "this is not a GGUF file");
    c.at += 4;
    MN_TRY(take(&c, 4, "its header", &version));
    MN_TRY(check_version(version, e));
    MN_TRY(take(&c, 8, "its header", &tensors));
    MN_TRY(take(&c, 8, "its header", &values));
    MN_TRY(take_values(&c, a, values, &g));
    MN_TRY(take_tensors(&c, p, a, tensors, &g));
    *ret = g;
    return MN_OK;
}

/* The struct that begins with that name, or NULL. */
static const void *find(const mn_str *const *names, size_t n, const char *name)
{
    mn_str key = mn_str_from(name);
    const mn_str *want = &key;
    const mn_str *const *at = n ? bsearch(&want, names, n, sizeof *names, by_key) : NULL;
    return at ? *at : NULL;
}

const mn_gguf_value *mn_gguf_find(const mn_gguf *g, const char *key)
{
    return find(g->keys, g->n_values, key);
}

const mn_gguf_tensor *mn_gguf_tensor_named(const mn_gguf *g, const char *name)
{
    return find(g->names, g->n_tensors, name);
}

uint64_t mn_gguf_u64(const mn_gguf_value *v, uint64_t fallback)
{
    if (!v) return fallback;
    switch (v->kind) {
    case MN_GGUF_U8:
    case MN_GGUF_U16:
    case MN_GGUF_U32:
    case MN_GGUF_U64:
        return number(v->data, sizes[v->kind]);
    case MN_GGUF_BOOL:
        return v->data[0] != 0;
    case MN_GGUF_I8:
    case MN_GGUF_I16:
    case MN_GGUF_I32:
    case MN_GGUF_I64:
        if (v->data[sizes[v->kind] - 1] & 0x80) return fallback; /* below 0 */
        return number(v->data, sizes[v->kind]);
    case MN_GGUF_F32:
    case MN_GGUF_F64:
    case MN_GGUF_STRING:
    case MN_GGUF_ARRAY:
        break;
    }
    return fallback;
}

double mn_gguf_f64(const mn_gguf_value *v, double fallback)
{
    if (!v) return fallback;
    if (v->kind == MN_GGUF_F32) {
        float f;
        mn_dequant(MN_Q_F32, v->data, &f, 1);
        return (double)f;
    }
    if (v->kind == MN_GGUF_F64) {
        uint64_t bits = number(v->data, 8);
        double d;
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    uint64_t n = mn_gguf_u64(v, UINT64_MAX);
    return n == UINT64_MAX ? fallback : (double)n;
}

mn_str mn_gguf_str(const mn_gguf_value *v)
{
    return v && v->kind == MN_GGUF_STRING ? v->text : MN_STR_NONE;
}

mn_rc mn_gguf_strings(const mn_gguf_value *v, mn_arena *a, mn_str **ret, mn_err *e)
{
    if (v->kind != MN_GGUF_ARRAY || v->of != MN_GGUF_STRING)
        return mn_fail(e, MN_E_PARSE, "GGUF key '%.*s' is not an array of strings",
                       MN_STR_FMT(v->key));
    mn_str *s = mn_arena_alloc(a, ((size_t)v->n + 1) * sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory to read the GGUF file");
    const uint8_t *p = v->data; /* lengths were checked when the file was parsed */
    for (uint64_t i = 0; i < v->n; i++) {
        uint64_t n = number(p, 8);
        s[i] = (mn_str){(const char *)p + 8, (size_t)n};
        p += 8 + n;
    }
    *ret = s;
    return MN_OK;
}
