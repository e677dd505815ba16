/* The numbers' contract of infer.h: a token's logits are the same bits however it was computed. */
#include "engine.h"
#include "tiny.h"

#include "infer/infer_int.h"
#include "model/export.h"

enum { N = 90, CONTEXT = 256, WIDTH = 256 };

static const struct {
    uint32_t type; /* of the file; 0 is F32: the folder itself */
    const char *name;
} formats[] = {{MN_Q_F32, "f32"},   {MN_Q_F16, "f16"},   {MN_Q_BF16, "bf16"},
               {MN_Q_Q8_0, "q8_0"}, {MN_Q_Q4_0, "q4_0"}, {MN_Q_Q4_1, "q4_1"},
               {MN_Q_Q5_0, "q5_0"}, {MN_Q_Q5_1, "q5_1"}, {MN_Q_Q4_K, "q4_k"},
               {MN_Q_Q5_K, "q5_k"}, {MN_Q_Q6_K, "q6_k"}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

typedef struct room {
    char dir[64];
    mn_weights w;
    char path[N_FORMATS][96];
} room;

static int open_room(void **state)
{
    mn_err e = {0};
    mn_model *m;
    room *r = calloc(1, sizeof *r);
    tiny_model(r->dir, WIDTH, 64, CONTEXT, &r->w);
    for (uint64_t i = 0; i < r->w.n_all; i++) r->w.all[i] *= 0.3f;
    RUN(mn_weights_save(&r->w, r->dir, &e));
    RUN(mn_model_open(r->dir, &m, &e));
    for (int i = 0; i < N_FORMATS; i++) {
        char *path = r->path[i];
        strcpy(stpcpy(stpcpy(stpcpy(path, r->dir), "/"), formats[i].name),
               ".gguf"); /* a folder of 64, a name of 4 */
        RUN(mn_model_export_gguf(m, r->path[i], formats[i].type, &e));
    }
    mn_model_free(m);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_weights_release(&r->w);
    test_tmp_remove(r->dir);
    free(r);
    return 0;
}

static void every_format_gives_the_same_bits_in_pieces_and_on_threads(void **state)
{
    const room *r = *state;
    uint32_t ids[N];
    float *f32 = NULL;
    for (int f = 0; f < N_FORMATS; f++) {
        mn_engine *one = engine(r->path[f], (mn_engine_opts){.n_threads = 1}),
                  *three = engine(r->path[f], (mn_engine_opts){.n_threads = 3});
        const size_t V = mn_engine_vocab(one);
        tiny_ids((uint32_t)V, 3, ids, N);
        float *want = logits_of(one, ids, N, 64), *got;
        static const size_t pieces[] = {1, 7, 33};
        for (size_t k = 0; k < 3; k++) {
            got = logits_of(k == 1 ? one : three, ids, N, pieces[k]);
            assert_memory_equal(got, want, N * V * sizeof *got);
            free(got);
        }
        if (!f32) f32 = calloc(N * V, sizeof *f32), memcpy(f32, want, N * V * sizeof *f32);
        double d = apart(want, f32, N * V);
        print_message("%s: within %.3f of float32\n", formats[f].name, d);
        OK(d < (f < 3 ? 0.01 : f == 3 ? 0.03 : 0.2)); /* it is that model, more or less */
        free(want);
        mn_engine_free(one), mn_engine_free(three);
    }
    free(f32);
}

static void several_sequences_at_once_give_the_bits_of_each_alone(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    for (int kv = MN_KV_F16; kv <= MN_KV_I8; kv++) {
        mn_engine *g =
            engine(r->path[3], (mn_engine_opts){.n_threads = 2, .kv = (mn_kv_type)kv});
        const size_t V = mn_engine_vocab(g);
        uint32_t ids[5][N];
        float *want[5], *logits = mn_alloc_aligned(64, 256 * V * sizeof *logits);
        mn_seq *s[5];
        uint32_t at[5] = {0}, x = 1;
        for (uint32_t i = 0; i < 5; i++) {
            tiny_ids((uint32_t)V, 10 + i, ids[i], N);
            want[i] = logits_of(g, ids[i], N, 64);
            RUN(mn_seq_new(g, &s[i], &e));
        }
        for (int step = 0; step < 60;
             step++) { /* pieces of random length of random sequences */
            mn_piece p[5];
            size_t n = 0, row = 0;
            for (uint32_t i = 0; i < 5; i++) {
                x = x * 1664525u + 1013904223u;
                uint32_t m = (x >> 16) % (step % 3 ? 3 : 14);
                if (m > N - at[i]) m = N - at[i];
                if (m == 0) continue;
                OK(mn_seq__reserve(s[i], m));
                p[n++] = (mn_piece){s[i], ids[i] + at[i], m,
                                    x & 1 << 24 ? MN_WANT_ALL : MN_WANT_LAST, NULL};
            }
            mn_engine__turn(g);
            RUN(mn_forward__run(g, p, n, logits, &e));
            mn_engine__turn_over(g);
            for (size_t k = 0; k < n; k++) {
                uint32_t i = 0;
                while (s[i] != p[k].seq) i++;
                uint32_t rows = p[k].want == MN_WANT_ALL ? p[k].n : 1;
                at[i] += p[k].n;
                assert_memory_equal(logits + row * V, want[i] + (at[i] - rows) * V,
                                    rows * V * sizeof *logits);
                row += rows;
            }
        }
        for (int i = 0; i < 5; i++) OK(at[i] > 60), mn_seq_free(s[i]), free(want[i]);
        mn_free(logits);
        mn_engine_free(g);
    }
}

static void a_shared_beginning_gives_the_same_bits_and_its_copy_is_ones_own(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = engine(r->path[5], (mn_engine_opts){.n_threads = 2});
    const size_t V = mn_engine_vocab(g);
    uint32_t ids[N], other[N];
    const float *l;
    mn_seq *a, *b;
    tiny_ids((uint32_t)V, 4, ids, N);
    memcpy(other, ids, sizeof ids);
    tiny_ids((uint32_t)V, 5, other + 50, N - 50);
    float *want = logits_of(g, ids, N, 64), *want_other = logits_of(g, other, N, 64);
    RUN(mn_seq_new(g, &a, &e));
    RUN(mn_seq_new(g, &b, &e));
    RUN(mn_seq_feed(a, ids, N, &l, &e));
    mn_seq__offer(a, ids);
    assert_int_equal(mn_seq__share(b, ids, N), 64);
    assert_int_equal(mn_seq_len(b), 64);
    mn_seq_cut(b, 50); /* into a block that a has too */
    RUN(mn_seq_feed(b, other + 50, N - 50, &l, &e));
    assert_memory_equal(l, want_other + (N - 1) * V, V * sizeof *l);
    mn_seq_cut(a, 60);
    RUN(mn_seq_feed(a, ids + 60, N - 60, &l, &e));
    assert_memory_equal(l, want + (N - 1) * V, V * sizeof *l);
    mn_seq_free(a), mn_seq_free(b);
    free(want), free(want_other);
    mn_engine_free(g);
}

static void the_context_can_be_filled_to_its_end_and_cut_to_nothing(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = engine(r->path[3], (mn_engine_opts){.context = 70});
    uint32_t ids[CONTEXT];
    const float *l;
    mn_seq *s;
    tiny_ids(mn_engine_vocab(g), 6, ids, CONTEXT);
    assert_int_equal(mn_engine_context(g), 70);
    RUN(mn_seq_new(g, &s, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(s, ids, 71, &l, &e));
    RUN(mn_seq_feed(s, ids, 70, &l, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(s, ids, 1, &l, &e));
    FAILS(MN_E_USAGE, mn_seq_feed_all(s, ids, MN_SEQ_ALL_MAX + 1, &l, &e));
    mn_seq_cut(s, 100);
    assert_int_equal(mn_seq_len(s), 70);
    mn_seq_reset(s);
    assert_int_equal(mn_seq_len(s), 0);
    RUN(mn_seq_feed(s, ids, 70, &l, &e));
    mn_seq_free(s);
    mn_engine_free(g);
}

static void a_full_cache_is_told_and_nothing_is_lost(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    size_t block = mn_kv__bytes(&(mn_kv_shape){MN_KV_F16, 2, 64}, 2);
    mn_engine *g = engine(r->path[3], (mn_engine_opts){.cache_bytes = 3 * block});
    uint32_t ids[CONTEXT], used, kept;
    const float *l;
    mn_seq *a, *b;
    tiny_ids(mn_engine_vocab(g), 6, ids, CONTEXT);
    assert_int_equal(mn_engine_context(g), 96); /* what the cache holds */
    RUN(mn_seq_new(g, &a, &e));
    RUN(mn_seq_new(g, &b, &e));
    RUN(mn_seq_feed(a, ids, 40, &l, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(b, ids, 40, &l, &e));
    mn_kv__counts(&g->kv, &used, &kept);
    assert_int_equal(used, 2);
    RUN(mn_seq_feed(b, ids, 32, &l, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(b, ids, 1, &l, &e));
    mn_seq_free(a);
    RUN(mn_seq_feed(b, ids, 1, &l, &e));
    mn_seq_free(b);
    assert_int_equal(mn_kv__dirty(&g->kv), 3);
    FAILS(MN_E_USAGE,
          mn_engine_load(r->path[3], &(mn_engine_opts){.cache_bytes = 100}, &g, &e));
    mn_engine_free(g);
}

static void want_of_memory_is_an_error(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    for (long n = 1; n < 400; n += n < 40 ? 1 : 13) {
        mn_engine *g = NULL;
        mn_mem_fail_after(n);
        mn_rc rc = mn_engine_load(r->path[3], &(mn_engine_opts){.n_threads = 2}, &g, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) {
            mn_engine_free(g);
            break;
        }
        assert_int_equal(rc, MN_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_format_gives_the_same_bits_in_pieces_and_on_threads),
        TEST(several_sequences_at_once_give_the_bits_of_each_alone),
        TEST(a_shared_beginning_gives_the_same_bits_and_its_copy_is_ones_own),
        TEST(the_context_can_be_filled_to_its_end_and_cut_to_nothing),
        TEST(a_full_cache_is_told_and_nothing_is_lost),
        TEST(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
