/* GGUF files made by hand: what is in them is found, what is wrong with them is said. */
#include "test.h"

#include "model/gguf.h"

static mn_err e;

/* ---- a file in the making ---- */

typedef struct file {
    uint8_t p[8192];
    size_t n;
} file;

static void put(file *f, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) f->p[f->n++] = (uint8_t)(v >> 8 * i);
}

static void text(file *f, const char *s)
{
    put(f, strlen(s), 8);
    memcpy(f->p + f->n, s, strlen(s));
    f->n += strlen(s);
}

static void head(file *f, uint64_t tensors, uint64_t keys)
{
    f->n = 0;
    memcpy(f->p, "GGUF", 4);
    f->n = 4;
    put(f, 3, 4), put(f, tensors, 8), put(f, keys, 8);
}

static void tensor(file *f, const char *name, uint32_t format, uint64_t cols, uint64_t rows,
                   uint64_t offset)
{
    text(f, name);
    put(f, 2, 4), put(f, cols, 8), put(f, rows, 8);
    put(f, format, 4), put(f, offset, 8);
}

static void data(file *f, size_t n)
{
    while (f->n % 32) f->p[f->n++] = 0;
    while (n--) f->p[f->n] = (uint8_t)f->n, f->n++;
}

static mn_rc parse(const file *f, mn_arena *a, mn_gguf *g)
{
    uint8_t *exact = malloc(f->n + 1); /* so that reads past the end are seen */
    if (!exact) abort();
    memcpy(exact, f->p, f->n);
    e = (mn_err){0};
    mn_rc rc = mn_gguf_parse(exact, f->n, a, g, &e);
    if (rc == MN_OK) rc = mn_gguf_parse(f->p, f->n, a, g, &e);
    free(exact);
    return rc;
}

/* The file is refused, with these words in the message. */
static void refused(const file *f, mn_rc code, const char *words)
{
    mn_arena a;
    mn_gguf g = {0};
    mn_arena_init(&a, 1u << 20);
    mn_rc rc = parse(f, &a, &g);
    if (rc != code || !strstr(e.msg, words))
        fail_msg("%s '%s', expected %s '%s'", mn_rc_name(rc), e.msg, mn_rc_name(code), words);
    OK(!g.values && !g.tensors);
    mn_arena_release(&a);
}

/* Two tensors and three keys. */
static void good(file *f)
{
    head(f, 2, 3);
    text(f, "general.architecture"), put(f, MN_GGUF_STRING, 4), text(f, "llama");
    text(f, "tokens"), put(f, MN_GGUF_ARRAY, 4), put(f, MN_GGUF_STRING, 4), put(f, 3, 8);
    text(f, "a"), text(f, ""), text(f, "ccc");
    text(f, "n"), put(f, MN_GGUF_I16, 4), put(f, 0xfffe, 2);
    tensor(f, "x", MN_Q_Q8_0, 64, 2, 160);
    tensor(f, "y", MN_Q_F32, 4, 3, 0);
    data(f, 160 + 136);
}

static void a_good_file_gives_its_keys_and_tensors(void **state)
{
    (void)state;
    file f;
    mn_arena a;
    mn_gguf g;
    mn_str *s;
    mn_arena_init(&a, 0);
    good(&f);
    RUN(parse(&f, &a, &g));
    OK(g.n_values == 3 && g.n_tensors == 2);
    IS(mn_gguf_str(mn_gguf_find(&g, "general.architecture")), "llama");
    RUN(mn_gguf_strings(mn_gguf_find(&g, "tokens"), &a, &s, &e));
    IS(s[0], "a");
    IS(s[1], "");
    IS(s[2], "ccc");
    OK(!mn_gguf_find(&g, "token") && !mn_gguf_tensor_named(&g, "z"));
    const mn_gguf_tensor *x = mn_gguf_tensor_named(&g, "x");
    OK(x == &g.tensors[0] && x->format->type == MN_Q_Q8_0 && x->rank == 2 &&
       x->shape[0] == 64 && x->shape[1] == 2 && x->bytes == 136 && x->data + 136 == f.p + f.n);
    mn_arena_release(&a);
}

static void numbers_are_read_as_what_they_are(void **state)
{
    (void)state;
    static const struct {
        mn_gguf_kind kind;
        uint64_t bits;
        int bytes;
        uint64_t want; /* 77: the fallback */
        double real;
    } cases[] = {
        {MN_GGUF_U8, 200, 1, 200, 200},
        {MN_GGUF_I8, 200, 1, 77, -7},
        {MN_GGUF_I8, 100, 1, 100, 100},
        {MN_GGUF_U16, 65535, 2, 65535, 65535},
        {MN_GGUF_I16, 0xfffe, 2, 77, -7},
        {MN_GGUF_U32, UINT32_MAX, 4, UINT32_MAX, UINT32_MAX},
        {MN_GGUF_I32, UINT32_MAX, 4, 77, -7},
        {MN_GGUF_U64, UINT64_C(1) << 40, 8, UINT64_C(1) << 40, 1099511627776.0},
        {MN_GGUF_I64, UINT64_MAX, 8, 77, -7},
        {MN_GGUF_BOOL, 1, 1, 1, 1},
        {MN_GGUF_F32, 0x3fc00000, 4, 77, 1.5},
        {MN_GGUF_F64, UINT64_C(0x3ff8000000000000), 8, 77, 1.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file f;
        mn_arena a;
        mn_gguf g;
        mn_arena_init(&a, 0);
        head(&f, 0, 1);
        text(&f, "k"), put(&f, cases[i].kind, 4), put(&f, cases[i].bits, cases[i].bytes);
        RUN(parse(&f, &a, &g));
        const mn_gguf_value *v = mn_gguf_find(&g, "k");
        OK(mn_gguf_u64(v, 77) == cases[i].want);
        OK(mn_gguf_f64(v, -7) == cases[i].real && !mn_gguf_str(v).ptr);
        mn_str *s;
        FAILS(MN_E_PARSE, mn_gguf_strings(v, &a, &s, &e));
        mn_arena_release(&a);
    }
    OK(mn_gguf_u64(NULL, 5) == 5 && mn_gguf_f64(NULL, 5) == 5 && !mn_gguf_str(NULL).ptr);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    file f;
    good(&f);
    for (size_t n = 0; n < f.n; n++) {
        file cut = f;
        mn_arena a;
        mn_gguf g;
        mn_arena_init(&a, 1u << 20);
        cut.n = n;
        FAILS(MN_E_PARSE, parse(&cut, &a, &g));
        mn_arena_release(&a);
    }
}

static void lying_headers_are_refused_before_memory_is_taken(void **state)
{
    (void)state;
    file f;
    head(&f, 0, 0), f.p[0] = 'g';
    refused(&f, MN_E_PARSE, "not a GGUF file");
    head(&f, 0, 0), f.p[4] = 1;
    refused(&f, MN_E_UNSUPPORTED, "version 1");
    head(&f, 0, 0), memcpy(f.p + 4, "\0\0\0\3", 4);
    refused(&f, MN_E_UNSUPPORTED, "big-endian");
    head(&f, UINT64_MAX, 0), data(&f, 100);
    refused(&f, MN_E_PARSE, "ends in its tensors");
    head(&f, 0, UINT64_MAX), data(&f, 100);
    refused(&f, MN_E_PARSE, "ends in its keys");
    head(&f, 0, UINT64_C(1) << 60), data(&f, 100);
    refused(&f, MN_E_PARSE, "ends in its keys");
}

static void lying_keys_are_refused(void **state)
{
    (void)state;
    file f;
    head(&f, 0, 1), put(&f, UINT64_MAX, 8), data(&f, 64);
    refused(&f, MN_E_PARSE, "ends in its keys");
    head(&f, 0, 1), text(&f, "k"), put(&f, 13, 4), data(&f, 64);
    refused(&f, MN_E_PARSE, "unknown kind 13");
    head(&f, 0, 1), text(&f, "k"), put(&f, MN_GGUF_STRING, 4), put(&f, UINT64_MAX - 3, 8);
    data(&f, 64);
    refused(&f, MN_E_PARSE, "a string");
    head(&f, 0, 1), text(&f, "a\nb"), put(&f, MN_GGUF_U8, 4), data(&f, 64);
    refused(&f, MN_E_PARSE, "impossible name");
    head(&f, 0, 1), text(&f, "\xff"), put(&f, MN_GGUF_U8, 4), data(&f, 64);
    refused(&f, MN_E_PARSE, "impossible name");
    head(&f, 0, 1), text(&f, ""), put(&f, MN_GGUF_U8, 4), data(&f, 64);
    refused(&f, MN_E_PARSE, "impossible name");
    head(&f, 0, 2);
    for (int i = 0; i < 2; i++) text(&f, "twice"), put(&f, MN_GGUF_U8, 4), put(&f, 0, 1);
    refused(&f, MN_E_PARSE, "'twice' twice");
}

static void array(file *f, uint32_t of, uint64_t n)
{
    head(f, 0, 1);
    text(f, "k"), put(f, MN_GGUF_ARRAY, 4), put(f, of, 4), put(f, n, 8);
}

static void lying_arrays_are_refused(void **state)
{
    (void)state;
    file f;
    array(&f, MN_GGUF_U32, UINT64_C(1) << 62), data(&f, 64);
    refused(&f, MN_E_PARSE, "an array");
    array(&f, MN_GGUF_U8, UINT64_MAX), data(&f, 64);
    refused(&f, MN_E_PARSE, "an array");
    array(&f, MN_GGUF_STRING, UINT64_C(1) << 61), data(&f, 64);
    refused(&f, MN_E_PARSE, "an array of strings");
    array(&f, MN_GGUF_STRING, 2), text(&f, "a"), put(&f, 1000, 8), data(&f, 64);
    refused(&f, MN_E_PARSE, "an array of strings");
    array(&f, MN_GGUF_ARRAY, 1), data(&f, 64);
    refused(&f, MN_E_UNSUPPORTED, "array of kind 9");
    array(&f, 99, 1), data(&f, 64);
    refused(&f, MN_E_UNSUPPORTED, "array of kind 99");
}

static void one_tensor(file *f, uint32_t format, uint64_t cols, uint64_t rows, uint64_t offset,
                       size_t bytes)
{
    head(f, 1, 0);
    tensor(f, "t", format, cols, rows, offset);
    data(f, bytes);
}

static void lying_tensors_are_refused(void **state)
{
    (void)state;
    file f;
    one_tensor(&f, MN_Q_F32, 4, 4, 0, 63);
    refused(&f, MN_E_PARSE, "does not lie inside the file");
    one_tensor(&f, MN_Q_F32, 4, 4, 32, 64);
    refused(&f, MN_E_PARSE, "does not lie inside the file");
    one_tensor(&f, MN_Q_F32, 4, 4, UINT64_MAX - 31, 64);
    refused(&f, MN_E_PARSE, "does not lie inside the file");
    one_tensor(&f, MN_Q_F32, 4, 4, 16, 100);
    refused(&f, MN_E_PARSE, "not aligned");
    one_tensor(&f, MN_Q_F32, UINT64_C(1) << 62, 8, 0, 64);
    refused(&f, MN_E_PARSE, "impossible shape");
    one_tensor(&f, MN_Q_F32, UINT64_C(1) << 32, UINT64_C(1) << 32, 0, 64);
    refused(&f, MN_E_PARSE, "impossible shape");
    one_tensor(&f, MN_Q_F32, UINT64_C(1) << 40, 1, 0, 64);
    refused(&f, MN_E_PARSE, "does not lie inside the file");
    one_tensor(&f, MN_Q_F32, 0, 4, 0, 64);
    refused(&f, MN_E_PARSE, "impossible shape");
    one_tensor(&f, MN_Q_Q4_K, 128, 4, 0, 512);
    refused(&f, MN_E_PARSE, "not a multiple of q4_k's 256");
    one_tensor(&f, 10, 256, 4, 0, 512);
    refused(&f, MN_E_UNSUPPORTED, "'t' is in format 10 (q2_k)");
    one_tensor(&f, 4, 256, 4, 0, 512);
    refused(&f, MN_E_UNSUPPORTED, "format 4 (unknown)");
    head(&f, 1, 0), text(&f, "t"), put(&f, 5, 4), data(&f, 100);
    refused(&f, MN_E_PARSE, "5 dimensions");
    head(&f, 1, 0), text(&f, "t"), put(&f, 0, 4), data(&f, 100);
    refused(&f, MN_E_PARSE, "0 dimensions");
}

static void tensors_that_overlap_or_share_a_name_are_refused(void **state)
{
    (void)state;
    file f;
    head(&f, 2, 0);
    tensor(&f, "a", MN_Q_F32, 4, 4, 0), tensor(&f, "b", MN_Q_F32, 4, 4, 32), data(&f, 96);
    refused(&f, MN_E_PARSE, "'a' and 'b' overlap");
    head(&f, 2, 0);
    tensor(&f, "a", MN_Q_F32, 4, 4, 0), tensor(&f, "b", MN_Q_F32, 4, 4, 0), data(&f, 96);
    refused(&f, MN_E_PARSE, "overlap");
    head(&f, 2, 0);
    tensor(&f, "a", MN_Q_F32, 4, 4, 0), tensor(&f, "a", MN_Q_F32, 4, 4, 64), data(&f, 128);
    refused(&f, MN_E_PARSE, "tensor 'a' twice");
}

static void with_alignment(file *f, uint64_t alignment, uint64_t offset)
{
    head(f, 1, 1);
    text(f, "general.alignment"), put(f, MN_GGUF_U32, 4), put(f, alignment, 4);
    tensor(f, "t", MN_Q_F32, 4, 4, offset);
    data(f, 256);
}

static void the_alignment_that_a_file_names_is_kept_to(void **state)
{
    (void)state;
    file f;
    mn_arena a;
    mn_gguf g;
    static const uint32_t wrong[] = {0, 1, 7, 48, 131072, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        with_alignment(&f, wrong[i], 0);
        refused(&f, MN_E_PARSE, "general.alignment");
    }
    with_alignment(&f, 64, 32);
    refused(&f, MN_E_PARSE, "not aligned to 64");
    mn_arena_init(&a, 0);
    with_alignment(&f, 64, 64);
    RUN(parse(&f, &a, &g));
    OK((g.tensors[0].data - f.p) % 64 == 0);
    mn_arena_release(&a);
}

/* ---- writing ---- */

static mn_rc two_pieces(void *arg, mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                        mn_err *er)
{
    (void)er;
    const uint8_t *p = arg;
    mn_rc rc = out(to, p, 10);
    return rc == MN_OK ? out(to, p + 10, 54) : rc;
}

static void write_some(mn_gguf_writer *w, uint8_t *bytes)
{
    const mn_str words[] = {MN_STR("a"), MN_STR(""), MN_STR("\xe2\x96\x81")};
    const int32_t ints[] = {-1, 2};
    const float floats[] = {0.5f, -1};
    const uint64_t square[] = {4, 4}, line[] = {16};
    mn_gguf_put_str(w, "s", MN_STR("text"));
    mn_gguf_put_u32(w, "u", 7);
    mn_gguf_put_f32(w, "f", 1.5f);
    mn_gguf_put_bool(w, "b", true);
    mn_gguf_put_strs(w, "words", words, 3);
    mn_gguf_put_i32s(w, "ints", ints, 2);
    mn_gguf_put_f32s(w, "floats", floats, 2);
    mn_gguf_put_tensor(w, "x", mn_qformat_of(MN_Q_F32), 2, square, two_pieces, bytes);
    mn_gguf_put_tensor(w, "y", mn_qformat_of(MN_Q_F32), 1, line, two_pieces, bytes);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char dir[64], path[100];
    uint8_t bytes[64];
    mn_gguf_writer *w;
    mn_fs_map map;
    mn_arena a;
    mn_gguf g;
    mn_str *s;
    for (int i = 0; i < 64; i++) bytes[i] = (uint8_t)(3 * i);
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/x.gguf", dir);
    RUN(mn_gguf_writer_new(&w, &e));
    write_some(w, bytes);
    RUN(mn_gguf_write(w, path, &e));
    mn_gguf_writer_free(w);
    mn_arena_init(&a, 0);
    RUN(mn_fs_map_open(path, &map, &e));
    RUN(mn_gguf_parse(map.ptr, map.len, &a, &g, &e));
    OK(g.n_values == 7 && g.n_tensors == 2);
    IS(mn_gguf_str(mn_gguf_find(&g, "s")), "text");
    OK(mn_gguf_u64(mn_gguf_find(&g, "u"), 0) == 7 &&
       mn_gguf_u64(mn_gguf_find(&g, "b"), 0) == 1);
    OK(mn_gguf_f64(mn_gguf_find(&g, "f"), 0) == 1.5);
    RUN(mn_gguf_strings(mn_gguf_find(&g, "words"), &a, &s, &e));
    IS(s[2], "\xe2\x96\x81");
    OK(memcmp(mn_gguf_find(&g, "ints")->data, "\xff\xff\xff\xff\2\0\0\0", 8) == 0);
    for (size_t i = 0; i < 2; i++) OK(memcmp(g.tensors[i].data, bytes, 64) == 0);
    mn_fs_map_close(&map);
    mn_arena_release(&a);
    test_tmp_remove(dir);
}

static void writing_survives_any_failing_allocation_and_leaves_nothing(void **state)
{
    (void)state;
    char dir[64], path[100];
    uint8_t bytes[64] = {0};
    int failed = 0;
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/x.gguf", dir);
    for (long n = 1; n < 100; n++) {
        mn_gguf_writer *w = NULL;
        mn_mem_fail_after(n);
        mn_rc rc = mn_gguf_writer_new(&w, &e);
        if (rc == MN_OK) write_some(w, bytes);
        if (rc == MN_OK) rc = mn_gguf_write(w, path, &e);
        mn_mem_fail_after(0);
        mn_gguf_writer_free(w);
        if (rc == MN_OK) break;
        OK(rc == MN_E_NOMEM && !mn_fs_exists(path));
        failed++;
    }
    OK(failed > 3 && failed < 98);
    test_tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_file_gives_its_keys_and_tensors),
        TEST(numbers_are_read_as_what_they_are),
        TEST(a_file_cut_anywhere_is_refused),
        TEST(lying_headers_are_refused_before_memory_is_taken),
        TEST(lying_keys_are_refused),
        TEST(lying_arrays_are_refused),
        TEST(lying_tensors_are_refused),
        TEST(tensors_that_overlap_or_share_a_name_are_refused),
        TEST(the_alignment_that_a_file_names_is_kept_to),
        TEST(what_is_written_is_read_again),
        TEST(writing_survives_any_failing_allocation_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
