/* An engine on a GPU, an emulated one (tests/cuda/emu): the model's logits, and infer.h's promise about bits. */
#include "engine.h"
#include "tiny.h"

#include "unit/model/emulated.h"

#include <pthread.h>

#include "base/mem.h"
#include "infer/batch.h"
#include "infer/infer_int.h"
#include "model/export.h"

/* N: tokens of a sequence, two chunks of attention; SHARED: that others have too, whole blocks. */
enum { N = 80, SHARED = 64, CONTEXT = 256 };

typedef struct room {
    char small[64], wide[64]; /* folders: width 64; 256, for formats that want rows of 256 */
    mn_weights w, w_wide;
} room;

static int open_room(void **state)
{
    mn_err e = {0};
    room *r = calloc(1, sizeof *r);
    use_emulated_gpu();
    tiny_model(r->small, 64, 16, CONTEXT, &r->w);
    tiny_model(r->wide, 256, 64, CONTEXT, &r->w_wide);
    for (uint64_t i = 0; i < r->w_wide.n_all; i++) r->w_wide.all[i] *= 0.3f;
    RUN(mn_weights_save(&r->w_wide, r->wide, &e));
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_weights_release(&r->w);
    mn_weights_release(&r->w_wide);
    test_tmp_remove(r->small);
    test_tmp_remove(r->wide);
    free(r);
    return 0;
}

static mn_engine *on_gpu(const char *path)
{
    return engine(path, (mn_engine_opts){.gpu = 1, .n_threads = 2});
}

static mn_seq *sequence(mn_engine *g)
{
    mn_err e = {0};
    mn_seq *s = NULL;
    RUN(mn_seq_new(g, &s, &e));
    return s;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------------- */

/* The CPU's engine over the same values as float32: it rounds no activation. What is left is rounding of keys and values to f16 that falls
 * the other way, and sums in another order. */
static void near_the_cpu(const char *dir, mn_qtype type, size_t n)
{
    mn_err e = {0};
    mn_model *m;
    char path[2][128];
    uint32_t ids[N];
    snprintf(path[0], sizeof path[0], "%s/file.gguf", dir);
    snprintf(path[1], sizeof path[1], "%s/f32.gguf", dir);
    RUN(mn_model_open(dir, &m, &e));
    RUN(mn_model_export_gguf(m, path[0], type, &e));
    mn_model_free(m);
    RUN(mn_model_open(path[0], &m, &e));
    RUN(mn_model_export_gguf(m, path[1], MN_Q_F32, &e));
    mn_model_free(m);
    mn_engine *cpu = engine(path[1], (mn_engine_opts){.n_threads = 2}), *gpu = on_gpu(path[0]);
    tiny_ids(mn_engine_vocab(cpu), 3, ids, N);
    float *want = logits_of(cpu, ids, n, 64), *got = logits_of(gpu, ids, n, 64);
    const double off = apart(got, want, n * mn_engine_vocab(cpu));
    print_message("%s: %.1e from the CPU's\n", mn_qformat_of(type)->name, off);
    OK(off < 1e-3);
    free(want), free(got);
    mn_engine_free(cpu), mn_engine_free(gpu);
    unlink(path[0]), unlink(path[1]);
}

static void logits_are_near_the_cpus_in_every_format(void **state)
{
    const room *r = *state;
    static const mn_qtype plain[] = {MN_Q_F32,  MN_Q_F16,  MN_Q_BF16, MN_Q_Q8_0,
                                     MN_Q_Q4_0, MN_Q_Q4_1, MN_Q_Q5_0, MN_Q_Q5_1};
    static const mn_qtype by_256[] = {MN_Q_Q4_K, MN_Q_Q5_K, MN_Q_Q6_K};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        near_the_cpu(r->small, plain[i], i == 0 ? N : 6);
    for (size_t i = 0; i < sizeof by_256 / sizeof *by_256; i++)
        near_the_cpu(r->wide, by_256[i], 3);
}

static void a_prompt_in_pieces_gives_the_same_bits_in_any_order_of_threads(void **state)
{
    const room *r = *state;
    mn_engine *g = on_gpu(r->small);
    const size_t V = mn_engine_vocab(g);
    uint32_t ids[N];
    static const size_t pieces[] = {1, 33};
    tiny_ids((uint32_t)V, 3, ids, N);
    float *want = logits_of(g, ids, N, 64);
    for (size_t k = 0; k < 2; k++) {
        setenv("MN_EMU_ORDER", k == 0 ? "1" : "77", 1);
        float *got = logits_of(g, ids, N, pieces[k]);
        assert_memory_equal(got, want, N * V * sizeof *got);
        free(got);
    }
    unsetenv("MN_EMU_ORDER");
    free(want);
    mn_engine_free(g);
}

enum { MIXED = 3 };

static void several_sequences_at_once_give_the_bits_of_each_alone(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = on_gpu(r->small);
    const size_t V = mn_engine_vocab(g);
    uint32_t ids[MIXED][N], at[MIXED] = {0}, x = 1;
    float *want[MIXED], *logits = calloc(256 * V, sizeof *logits);
    mn_seq *s[MIXED];
    for (uint32_t i = 0; i < MIXED; i++) {
        tiny_ids((uint32_t)V, 10 + i, ids[i], N);
        want[i] = logits_of(g, ids[i], N, 64);
        s[i] = sequence(g);
    }
    for (int step = 0; step < 30; step++) {
        mn_piece p[MIXED];
        size_t n = 0, row = 0;
        for (uint32_t i = 0; i < MIXED; i++) {
            x = x * 1664525u + 1013904223u;
            uint32_t m = (x >> 16) % (step % 3 ? 3 : 14);
            if (m > N - at[i]) m = N - at[i];
            if (m == 0) continue;
            OK(mn_seq__reserve(s[i], m));
            p[n++] = (mn_piece){s[i], ids[i] + at[i], m,
                                x & 1 << 24 ? MN_WANT_ALL : MN_WANT_LAST, NULL};
        }
        if (n == 0) break;
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
    for (int i = 0; i < MIXED; i++) OK(at[i] > N / 2), mn_seq_free(s[i]), free(want[i]);
    free(logits);
    mn_engine_free(g);
}

static void a_shared_beginning_gives_the_same_bits_and_its_copy_is_ones_own(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = on_gpu(r->small);
    const size_t V = mn_engine_vocab(g);
    uint32_t ids[N], other[N];
    const float *l;
    mn_seq *a = sequence(g), *b = sequence(g);
    tiny_ids((uint32_t)V, 4, ids, N);
    memcpy(other, ids, sizeof ids);
    tiny_ids((uint32_t)V, 5, other + SHARED - 14, N - SHARED + 14);
    float *want = logits_of(g, ids, N, 64), *want_other = logits_of(g, other, N, 64);
    RUN(mn_seq_feed(a, ids, N, &l, &e));
    mn_seq__offer(a, ids);
    assert_int_equal(mn_seq__share(b, ids, SHARED + 2), SHARED);
    mn_seq_cut(b, SHARED - 14); /* into a block that a has too */
    RUN(mn_seq_feed(b, other + SHARED - 14, N - SHARED + 14, &l, &e));
    assert_memory_equal(l, want_other + (N - 1) * V, V * sizeof *l);
    mn_seq_cut(a, SHARED - 4);
    RUN(mn_seq_feed(a, ids + SHARED - 4, N - SHARED + 4, &l, &e));
    assert_memory_equal(l, want + (N - 1) * V, V * sizeof *l);
    mn_seq_reset(a);
    RUN(mn_seq_feed(a, other, N, &l, &e));
    assert_memory_equal(l, want_other + (N - 1) * V, V * sizeof *l);
    mn_seq_free(a), mn_seq_free(b);
    free(want), free(want_other);
    mn_engine_free(g);
}

static void embeddings_are_near_the_cpus(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *cpu = engine(r->small, (mn_engine_opts){.n_threads = 2}),
              *gpu = on_gpu(r->small);
    uint32_t ids[N];
    float want[64], got[64];
    mn_seq *a = sequence(cpu), *b = sequence(gpu);
    tiny_ids(mn_engine_vocab(cpu), 8, ids, N);
    RUN(mn_seq_embed(a, ids, 40, want, &e));
    RUN(mn_seq_embed(b, ids, 40, got, &e));
    OK(apart(got, want, 64) < 1e-3);
    mn_seq_free(a), mn_seq_free(b);
    mn_engine_free(cpu), mn_engine_free(gpu);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------------ */

typedef struct heard {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    mn_gen_end end;
    uint32_t ids[32], cached;
    size_t n;
    char error[256];
} heard;

static void hear(void *arg, const mn_gen_event *ev)
{
    heard *h = arg;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < ev->n_ids; i++) OK(h->n < 32), h->ids[h->n++] = ev->ids[i];
    if (ev->error) snprintf(h->error, sizeof h->error, "%s", ev->error);
    h->end = ev->end;
    h->cached = ev->cached_tokens;
    pthread_cond_signal(&h->ended);
    pthread_mutex_unlock(&h->lock);
}

/* A listener, and its request: greedy, 12 tokens. */
static void ask(mn_batcher *b, heard *h, const uint32_t *ids, size_t n)
{
    mn_err e = {0};
    *h = (heard){.end = MN_GEN_NOT_ENDED};
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->ended, NULL);
    const mn_gen_request q = {.prompt = ids,
                              .n_prompt = n,
                              .sampling = {.top_p = 1},
                              .max_tokens = 12,
                              .ignore_end = true,
                              .on_event = hear,
                              .arg = h};
    RUN(mn_batcher_submit(b, &q, NULL, NULL, &e));
}

static void wait_end(heard *h)
{
    pthread_mutex_lock(&h->lock);
    while (!h->end) pthread_cond_wait(&h->ended, &h->lock);
    pthread_mutex_unlock(&h->lock);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->ended);
}

static void an_answer_is_the_same_alone_and_in_company(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = on_gpu(r->small);
    mn_batcher *b;
    heard alone[3], together[3];
    uint32_t ids[3][N];
    RUN(mn_batcher_new(g, NULL, &b, &e));
    for (uint32_t i = 0; i < 3; i++) {
        tiny_ids(mn_engine_vocab(g), 20 + i / 2, ids[i], N); /* the first two are one */
        ask(b, &alone[i], ids[i], 40 + 3 * i);
        wait_end(&alone[i]);
        assert_int_equal(alone[i].end, MN_GEN_LENGTH);
        assert_int_equal(alone[i].n, 12);
    }
    assert_int_equal(alone[1].cached, 32); /* a block of the first one's */
    for (uint32_t i = 0; i < 3; i++) ask(b, &together[i], ids[i], 40 + 3 * i);
    for (uint32_t i = 0; i < 3; i++) {
        wait_end(&together[i]);
        assert_memory_equal(together[i].ids, alone[i].ids, sizeof alone[i].ids[0] * 12);
    }
    mn_batcher_free(b);
    mn_engine_free(g);
}

/* ---- failures ------------------------------------------------------------------------------------------------------------------ */

static void a_gpu_that_fails_ends_what_runs_with_one_line(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = on_gpu(r->small);
    mn_batcher *b;
    heard h;
    uint32_t ids[N];
    const float *l;
    mn_seq *s = sequence(g);
    tiny_ids(mn_engine_vocab(g), 9, ids, N);
    RUN(mn_seq_feed(s, ids, 5, &l, &e));
    RUN(mn_batcher_new(g, NULL, &b, &e));
    setenv("MN_EMU_FAIL", "1", 1);
    FAILS(MN_E_IO, mn_seq_feed(s, ids + 5, 5, &l, &e));
    OK(strstr(e.msg, "the GPU failed: ") && strstr(e.msg, "launch failure"));
    OK(!strchr(e.msg, '\n'));
    assert_int_equal(mn_seq_len(s), 5);
    ask(b, &h, ids, 20);
    wait_end(&h);
    unsetenv("MN_EMU_FAIL");
    assert_int_equal(h.end, MN_GEN_FAILED);
    OK(strstr(h.error, "the GPU failed: "));
    FAILS(MN_E_IO, mn_seq_feed_all(s, ids + 5, 2, &l, &e)); /* the first failure stays */
    float unit[64];
    FAILS(MN_E_IO, mn_seq_embed(s, ids, 5, unit, &e));
    mn_seq_free(s);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void what_a_gpu_cannot_hold_is_told_at_load(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_engine *g = NULL;
    const mn_engine_opts large = {.gpu = 1, .cache_bytes = (size_t)2 << 30};
    const mn_engine_opts int8 = {.gpu = 1, .kv = MN_KV_I8}, none = {.gpu = 9};
    FAILS(MN_E_NOMEM, mn_engine_load(r->small, &large, &g, &e));
    OK(strstr(e.msg, "1024 MiB free") && strstr(e.msg, "2048 for keys and values"));
    setenv("MN_EMU_MEMORY", "33600000", 1); /* cuBLASLt has its 32 MiB */
    FAILS(MN_E_NOMEM, mn_engine_load(r->small, &(mn_engine_opts){.gpu = 1}, &g, &e));
    unsetenv("MN_EMU_MEMORY");
    OK(strstr(e.msg, "MiB free and the model needs"));
    FAILS(MN_E_UNSUPPORTED, mn_engine_load(r->small, &int8, &g, &e));
    OK(strstr(e.msg, "model_cache_type"));
    FAILS(MN_E_UNSUPPORTED, mn_engine_load(r->small, &none, &g, &e));
    OK(strstr(e.msg, "no device 8"));
    OK(!g);
}

static void want_of_memory_is_an_error(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    for (long n = 1; n < 400; n += n < 40 ? 1 : 13) {
        mn_engine *g = NULL;
        mn_mem_fail_after(n);
        mn_rc rc =
            mn_engine_load(r->small, &(mn_engine_opts){.n_threads = 1, .gpu = 1}, &g, &e);
        mn_mem_fail_after(0);
        mn_engine_free(g);
        if (rc == MN_OK) return;
        if (rc != MN_E_NOMEM) print_message("%ld: %s\n", n, e.msg);
        assert_int_equal(rc, MN_E_NOMEM);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(logits_are_near_the_cpus_in_every_format),
        TEST(a_prompt_in_pieces_gives_the_same_bits_in_any_order_of_threads),
        TEST(several_sequences_at_once_give_the_bits_of_each_alone),
        TEST(a_shared_beginning_gives_the_same_bits_and_its_copy_is_ones_own),
        TEST(embeddings_are_near_the_cpus),
        TEST(an_answer_is_the_same_alone_and_in_company),
        TEST(a_gpu_that_fails_ends_what_runs_with_one_line),
        TEST(what_a_gpu_cannot_hold_is_told_at_load),
        TEST(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
