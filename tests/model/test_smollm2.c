/* SmolLM2-135M-Instruct beside `transformers` in float32 (tests/data/smollm2/logits.json, made by tools/golden/smollm2_logits.py). The model is
 * looked for at $MYNAH_SMOLLM2 and in build/models/smollm2.gguf; tools/get-smollm2.sh brings it. */
#include "test.h"

#include <math.h>

#include "base/json.h"
#include "infer/infer.h"
#include "model/export.h"

#define GOLDEN "tests/data/smollm2/logits.json"

typedef struct room {
    mn_arena a;
    mn_buf text; /* what golden points into */
    mn_json *golden;
    const char *path; /* of the model, NULL when it is not there */
    char dir[64];
} room;

static int open_room(void **state)
{
    mn_err e = {0};
    room *r = calloc(1, sizeof *r);
    const char *named = getenv("MYNAH_SMOLLM2"), *usual = "build/models/smollm2.gguf";
    mn_arena_init(&r->a, 0);
    mn_buf_init(&r->text, 1u << 24);
    RUN(mn_fs_read(GOLDEN, 1u << 24, &r->text, &e));
    RUN(mn_json_parse(mn_buf_str(&r->text), &r->a, &r->golden, &e));
    r->path = named ? named : usual;
    if (access(r->path, R_OK) != 0) r->path = NULL;
    test_tmp(r->dir);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    test_tmp_remove(r->dir);
    mn_arena_release(&r->a);
    mn_buf_release(&r->text);
    free(r);
    return 0;
}

static mn_engine *engine(const char *path)
{
    mn_err e = {0};
    mn_engine *g = NULL;
    RUN(mn_engine_load(path, &(mn_engine_opts){.n_threads = 2, .context = 2048}, &g, &e));
    return g;
}

/* The golden text number i, as ids; the tokenizer must say the same. */
static const mn_json *text_of(const room *r, const mn_engine *g, size_t i, mn_ids *ret)
{
    mn_err e = {0};
    const mn_json *t = mn_json_at(mn_json_get(r->golden, "texts"), i),
                  *ids = mn_json_get(t, "ids");
    mn_ids_clear(ret);
    if (!t) return NULL;
    RUN(mn_tok_encode_special(mn_engine_tokenizer(g), mn_json_str(mn_json_get(t, "text")),
                              ret));
    assert_int_equal(ret->n, ids->n);
    for (size_t k = 0; k < ids->n; k++)
        assert_int_equal(ret->ptr[k], mn_json_u64(mn_json_at(ids, k), 0));
    return t;
}

/* The largest difference among the golden logits, as a share of the largest logit. */
static double difference(const mn_json *t, const float *logits)
{
    const mn_json *want = mn_json_get(t, "logits"), *top = mn_json_get(t, "top");
    uint64_t every = mn_json_u64(mn_json_get(t, "every"), 1);
    double most = 0, largest = 0;
    for (size_t k = 0; k < want->n; k++) {
        double w = mn_json_f64(mn_json_at(want, k), 0), d = fabs(w - (double)logits[k * every]);
        if (d > most) most = d;
        if (fabs(w) > largest) largest = fabs(w);
    }
    for (size_t k = 0; k < top->n; k++) {
        const mn_json *x = mn_json_at(top, k);
        double w = mn_json_f64(mn_json_at(x, 1), 0),
               d = fabs(w - (double)logits[mn_json_u64(mn_json_at(x, 0), 0)]);
        if (d > most) most = d;
        if (fabs(w) > largest) largest = fabs(w);
    }
    return most / largest;
}

static void check_logits(const room *r, mn_engine *g, double within)
{
    mn_err e = {0};
    mn_seq *s;
    mn_ids ids = {0};
    const mn_json *t;
    RUN(mn_seq_new(g, &s, &e));
    for (size_t i = 0; (t = text_of(r, g, i, &ids)); i++) {
        const float *l;
        mn_seq_reset(s);
        RUN(mn_seq_feed(s, ids.ptr, ids.n, &l, &e));
        double d = difference(t, l);
        print_message("text %zu, %zu tokens: within %.2e\n", i, ids.n, d);
        OK(d < within);
    }
    mn_ids_release(&ids);
    mn_seq_free(s);
}

static void logits_in_float32_are_those_of_transformers(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_model *m;
    char path[128];
    if (!r->path) SKIP("SmolLM2 is not here: tools/get-smollm2.sh brings it");
    snprintf(path, sizeof path, "%s/f32.gguf", r->dir);
    RUN(mn_model_open(r->path, &m, &e));
    RUN(mn_model_export_gguf(m, path, MN_Q_F32, &e));
    mn_model_free(m);
    mn_engine *g = engine(path);
    check_logits(r, g, 1e-3);
    mn_engine_free(g);
    unlink(path);
}

static void logits_of_four_bits_are_near_them(void **state)
{
    const room *r = *state;
    if (!r->path) SKIP("SmolLM2 is not here: tools/get-smollm2.sh brings it");
    mn_engine *g = engine(r->path);
    check_logits(r, g, 0.06); /* rows of x in 8 bits, the worst of 3,072 logits */
    mn_engine_free(g);
}

static void
a_prompt_in_pieces_gives_the_same_bits_as_at_once_on_any_number_of_threads(void **state)
{
    const room *r = *state;
    mn_err e = {0};
    mn_ids ids = {0};
    mn_seq *s;
    const float *l;
    float *want = NULL;
    if (!r->path) SKIP("SmolLM2 is not here: tools/get-smollm2.sh brings it");
    for (int threads = 1; threads <= 3; threads++) {
        mn_engine *g = NULL;
        RUN(mn_engine_load(r->path, &(mn_engine_opts){.n_threads = threads}, &g, &e));
        const size_t V = mn_engine_vocab(g), pieces[3] = {150, 1, 37};
        text_of(r, g, 4, &ids);
        RUN(mn_seq_new(g, &s, &e));
        for (size_t at = 0; at < 300; at += pieces[threads - 1])
            RUN(mn_seq_feed(s, ids.ptr + at,
                            300 - at < pieces[threads - 1] ? 300 - at : pieces[threads - 1], &l,
                            &e));
        if (!want) want = calloc(V, sizeof *want), memcpy(want, l, V * sizeof *want);
        assert_memory_equal(want, l, V * sizeof *want);
        mn_seq_free(s);
        mn_engine_free(g);
    }
    free(want);
    mn_ids_release(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(logits_in_float32_are_those_of_transformers),
        TEST(logits_of_four_bits_are_near_them),
        TEST(a_prompt_in_pieces_gives_the_same_bits_as_at_once_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
