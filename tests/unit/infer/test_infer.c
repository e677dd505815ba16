#include "test.h"

#include <math.h>

#include "infer/infer.h"
#include "model/reference.h"
#include "model/weights.h"

/* A tiny model with grouped heads, and a tokenizer trained on a few lines, saved as a folder. */
typedef struct room {
    char dir[64];
    mn_weights w;
    mn_engine *g;
} room;

static const char *const lines[] = {"the mynah learns to talk",
                                    "the mynah talks to those around it", "grüße aus der küche",
                                    "こんにちは世界", "a post belongs to its author"};

static int open_room(void **state)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *tok;
    char path[128];
    room *r = calloc(1, sizeof *r);
    test_tmp(r->dir);
    RUN(mn_tok_trainer_new(&tr, &e));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        RUN(mn_tok_trainer_add(tr, mn_str_from(lines[i]), &e));
    RUN(mn_tok_trainer_finish(tr, 400, &tok, &e));
    mn_tok_trainer_free(tr);
    mn_config c = {.V = mn_tok_vocab(tok),
                   .C = 32,
                   .L = 2,
                   .H = 4,
                   .KV = 2,
                   .D = 8,
                   .F = 48,
                   .T = 160,
                   .rope_theta = 10000.0f,
                   .eps = 1e-5f,
                   .tied = true};
    RUN(mn_weights_new(&c, &r->w, &e));
    mn_weights_init(&r->w, 7);
    for (uint64_t i = 0; i < r->w.n_all; i++) r->w.all[i] *= 4; /* make the logits differ */
    RUN(mn_weights_save(&r->w, r->dir, &e));
    snprintf(path, sizeof path, "%s/tokenizer.json", r->dir);
    RUN(mn_tok_save(tok, path, &e));
    mn_tok_free(tok);
    RUN(mn_engine_load(r->dir, &(mn_engine_opts){.n_threads = 2}, &r->g, &e));
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_engine_free(r->g);
    mn_weights_release(&r->w);
    test_tmp_remove(r->dir);
    free(r);
    return 0;
}

#define N 100
static void some_ids(const room *r, uint32_t ids[N])
{
    for (uint32_t i = 0; i < N; i++) ids[i] = (i * 37u + 11u) % r->w.cfg.V;
}

static void logits_equal_the_reference_model_however_the_tokens_are_fed(void **state)
{
    room *r = *state;
    mn_err e = {0};
    uint32_t ids[N], pos[N], first[N] = {0}, target[N] = {0};
    float weight[N] = {0}, losses[N];
    size_t V = r->w.cfg.V;
    some_ids(r, ids);
    for (uint32_t i = 0; i < N; i++) pos[i] = i;
    mn_rows rows = {ids, target, pos, first, weight, N};
    float *want = calloc(N * V, sizeof(float)),
          *work = calloc(mn_ref_model_work(&r->w.cfg, N), sizeof(float));
    mn_ref_model(&r->w, NULL, &rows, losses, want, work);
    static const size_t cuts[][3] = {{N, 0, 0}, {1, N - 1, 0}, {70, 3, 27}, {64, 36, 0}};
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        mn_seq *s;
        size_t at = 0;
        RUN(mn_seq_new(r->g, &s, &e));
        for (int j = 0; j < 3 && cuts[k][j]; j++) {
            const float *got;
            RUN(mn_seq_feed(s, ids + at, cuts[k][j], &got, &e));
            at += cuts[k][j];
            for (size_t v = 0; v < V; v++)
                OK(fabsf(got[v] - want[(at - 1) * V + v]) < 0.03f); /* of 5: f16 in the cache */
        }
        mn_seq_free(s);
    }
    free(want);
    free(work);
}

static void feeding_token_by_token_gives_the_same_bits_as_feeding_at_once(void **state)
{
    room *r = *state;
    mn_err e = {0};
    uint32_t ids[N];
    mn_seq *a, *b;
    const float *la, *lb;
    some_ids(r, ids);
    RUN(mn_seq_new(r->g, &a, &e));
    RUN(mn_seq_new(r->g, &b, &e));
    RUN(mn_seq_feed(a, ids, N, &la, &e));
    for (int i = 0; i < N; i++) RUN(mn_seq_feed(b, ids + i, 1, &lb, &e));
    assert_memory_equal(la, lb, r->w.cfg.V * sizeof(float));
    mn_seq_free(a);
    mn_seq_free(b);
}

static void a_full_context_and_a_strange_token_are_refused(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_seq *s;
    const float *l;
    uint32_t ids[161] = {0}, strange = r->w.cfg.V;
    RUN(mn_seq_new(r->g, &s, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(s, ids, 161, &l, &e));
    FAILS(MN_E_USAGE, mn_seq_feed(s, &strange, 1, &l, &e));
    FAILS(MN_E_USAGE, mn_seq_feed(s, ids, 0, &l, &e));
    RUN(mn_seq_feed(s, ids, 160, &l, &e));
    FAILS(MN_E_LIMIT, mn_seq_feed(s, ids, 1, &l, &e));
    mn_seq_reset(s);
    RUN(mn_seq_feed(s, ids, 1, &l, &e));
    mn_seq_free(s);
}

typedef struct heard {
    mn_buf text;
    int most;
} heard;

static bool hear(void *arg, mn_str text)
{
    heard *h = arg;
    OK(mn_utf8_valid(text));
    mn_buf_adds(&h->text, text);
    return h->most == 0 || --h->most > 0;
}

static void generation_is_repeatable_valid_utf8_and_never_writes_conditions(void **state)
{
    room *r = *state;
    mn_err e = {0};
    heard a = {0}, b = {0}, c = {0};
    mn_ids prompt = {0};
    uint32_t n;
    mn_sampling p = {.temperature = 1.5f, .top_p = 1, .seed = 5};
    mn_buf_init(&a.text, 0), mn_buf_init(&b.text, 0), mn_buf_init(&c.text, 0);
    RUN(mn_prompt_post(mn_engine_tokenizer(r->g), 1700000000000, MN_STR("en"),
                       MN_STR("the mynah"), &prompt));
    assert_int_equal(prompt.ptr[0], MN_TOK_START);
    assert_int_equal(prompt.ptr[1], mn_tok_year(1700000000000));
    assert_int_equal(prompt.ptr[2], mn_tok_month(1700000000000));
    assert_int_equal(prompt.ptr[3], mn_tok_lang(MN_STR("en")));
    RUN(mn_generate(r->g, prompt.ptr, prompt.n, &p, 60, hear, &a, &n, &e));
    RUN(mn_generate(r->g, prompt.ptr, prompt.n, &p, 60, hear, &b, NULL, &e));
    OK(n >= 1 && n <= 60);
    OK(mn_str_eq(mn_buf_str(&a.text), mn_buf_str(&b.text)));
    OK(mn_str_find(mn_buf_str(&a.text), MN_STR("<|"), 0) == SIZE_MAX);
    p.seed = 6;
    RUN(mn_generate(r->g, prompt.ptr, prompt.n, &p, 60, hear, &c, NULL, &e));
    OK(!mn_str_eq(mn_buf_str(&a.text), mn_buf_str(&c.text)));
    mn_buf_release(&a.text), mn_buf_release(&b.text), mn_buf_release(&c.text);
    mn_ids_release(&prompt);
}

static void a_reader_who_has_had_enough_stops_generation(void **state)
{
    room *r = *state;
    mn_err e = {0};
    heard h = {.most = 1};
    uint32_t prompt[] = {MN_TOK_START, 300}, n = 0;
    mn_sampling p = {.temperature = 1.5f, .top_p = 1, .seed = 1};
    mn_buf_init(&h.text, 0);
    RUN(mn_generate(r->g, prompt, 2, &p, 0, hear, &h, &n, &e));
    OK(n < 158);
    mn_buf_release(&h.text);
}

static void bits_of_a_text_equal_those_of_its_tokens(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_eval ev = {0};
    mn_seq *s;
    mn_ids ids = {0};
    const float *l;
    double bits = 0;
    int64_t at = 1700000000000;
    mn_str text = MN_STR("a post belongs to its author");
    RUN(mn_seq_new(r->g, &s, &e));
    RUN(mn_eval_text(s, text, at, &ev, &e));
    RUN(mn_prompt_post(mn_engine_tokenizer(r->g), at, MN_STR_NONE, text, &ids));
    RUN(mn_ids_add(&ids, MN_TOK_END));
    mn_seq_reset(s);
    for (size_t i = 0; i + 1 < ids.n; i++) {
        double sum = 0;
        RUN(mn_seq_feed(s, ids.ptr + i, 1, &l, &e));
        for (uint32_t v = 0; v < r->w.cfg.V; v++) sum += exp((double)l[v]);
        if (!mn_tok_is_condition(ids.ptr[i + 1]))
            bits += (log(sum) - (double)l[ids.ptr[i + 1]]) / log(2);
    }
    assert_int_equal(ev.bytes, text.len);
    assert_int_equal(ev.tokens, ids.n - 4); /* all but START, year, month, language */
    OK(fabs(ev.bits - bits) < 1e-3 * bits);
    mn_ids_release(&ids);
    mn_seq_free(s);
}

static void a_text_longer_than_the_context_is_scored_whole(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_eval ev = {0};
    mn_seq *s;
    mn_buf long_text;
    mn_buf_init(&long_text, 0);
    for (int i = 0; i < 200; i++) mn_buf_addf(&long_text, "zq%dü ", i);
    RUN(mn_seq_new(r->g, &s, &e));
    RUN(mn_eval_text(s, mn_buf_str(&long_text), 0, &ev, &e));
    assert_int_equal(ev.bytes, long_text.len);
    OK(ev.tokens > r->w.cfg.T && isfinite(ev.bits) && ev.bits > 0);
    mn_seq_free(s);
    mn_buf_release(&long_text);
}

static void a_folder_without_a_model_is_refused_with_advice(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_engine *g;
    FAILS(MN_E_NOT_FOUND, mn_engine_load("/nowhere/at/all", NULL, &g, &e));
    OK(strstr(e.msg, "mynah train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(logits_equal_the_reference_model_however_the_tokens_are_fed),
        TEST(feeding_token_by_token_gives_the_same_bits_as_feeding_at_once),
        TEST(a_full_context_and_a_strange_token_are_refused),
        TEST(generation_is_repeatable_valid_utf8_and_never_writes_conditions),
        TEST(a_reader_who_has_had_enough_stops_generation),
        TEST(bits_of_a_text_equal_those_of_its_tokens),
        TEST(a_text_longer_than_the_context_is_scored_whole),
        TEST(a_folder_without_a_model_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
