/* A classifier over a frozen model: its gradient, and that it learns what can be learnt. */
#include "lora_fixture.h"
#include "train_fixture.h"

#include "model/classify.h"
#include "model/scores.h"

static mn_err e;

/* sum over rows that count of <c, state> in double, and the rows */
static double linear(mn_lora_pass *p, const mn_batch *b, const float *c, size_t C,
                     size_t *ret_n)
{
    static float s[LORA_ROWS * LORA_T * 64];
    double sum = 0;
    size_t n = mn_lora_pass_states(p, b, s);
    for (size_t i = 0; i < n * C; i++) sum += (double)s[i] * (double)c[i];
    *ret_n = n;
    return sum;
}

static void the_gradient_of_states_is_that_of_differences(void **state)
{
    (void)state;
    static lora_batch room;
    static float c[LORA_ROWS * LORA_T * 64];
    mn_arena a;
    mn_lora_pass *p;
    mn_pool *pool;
    size_t n, rows = 0;
    mn_arena_init(&a, 0);
    mn_weights w = lora_weights(&lora_shape, 0.4f, 5);
    mn_model *m = lora_model(&a, &w, MN_Q_F32);
    mn_lora l = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.2f);
    mn_batch b = lora_fill(&room, lora_shape.V, 3, LORA_T);
    const mn_lora_pass_opts o = {.n_rows = 3, .T = LORA_T, .dtype = MN_F32, .backward = true};
    RUN(mn_pool_new(2, &pool, &e));
    RUN(mn_lora_pass_new(m, &l, pool, &o, &p, &e));
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        c[i] = (float)(mn_rand_unit(mn_rand_at(8, 1, i)) - 0.5);
    for (size_t i = 0; i < 3 * LORA_T; i++) rows += room.weight[i] > 0;
    linear(p, &b, c, lora_shape.C, &n);
    assert_int_equal(n, rows);
    float *d = mn_calloc(l.n_all, sizeof *d);
    mn_lora_pass_states_back(p, &b, c, d);
    double worst = 0, scale = 0;
    for (uint64_t i = 0; i < l.n_all; i++) scale = fmax(scale, fabs((double)d[i]));
    for (int k = 0; k < 60; k++) {
        uint64_t i = mn_rand_at(9, 1, (uint64_t)k) % l.n_all;
        const float was = l.all[i], h = 2e-2f;
        l.all[i] = was + h;
        double up = linear(p, &b, c, lora_shape.C, &n);
        l.all[i] = was - h;
        double down = linear(p, &b, c, lora_shape.C, &n);
        l.all[i] = was;
        worst = fmax(worst, fabs((up - down) / (2 * (double)h) - (double)d[i]));
    }
    OK(scale > 0.1 && worst < 0.01 * scale);
    mn_free(d);
    mn_lora_pass_free(p);
    mn_pool_free(pool);
    mn_lora_release(&l);
    mn_weights_release(&w);
    mn_arena_release(&a);
}

static char dir[64], model[200];

static int set_up(void **state)
{
    (void)state;
    char corpus[200];
    mn_train_result r;
    test_tmp(dir);
    fixture_corpus(dir, 60, corpus);
    snprintf(model, sizeof model, "%s/models/base", dir);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = model,
                       .preset = "nano",
                       .steps = 60,
                       .seed = 3,
                       .threads = 1,
                       .batch_rows = 4,
                       .row_tokens = 64,
                       .no_samples = true};
    RUN(mn_train_run(&o, &r, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

#define N_TRAIN 160
#define N_VAL   80
/* When something is done is the label: the sentence's end, among words that say nothing about it. */
static void read_sentences(const mn_model *m, uint64_t from, size_t n, mn_class_texts *ret,
                           uint8_t *labels)
{
    static char text[N_TRAIN][200];
    mn_str s[N_TRAIN];
    for (size_t i = 0; i < n; i++) {
        fixture_sentence(from + i, text[i]);
        s[i] = mn_str_from(text[i]);
        for (uint8_t k = 0; k < 4; k++)
            if (strstr(text[i], when[k])) labels[i] = k;
    }
    RUN(mn_class_texts_new(m, s, n, 64, ret, &e));
}

static double learnt(const mn_model *m, int threads, uint8_t said[N_VAL], uint8_t gold[N_VAL])
{
    mn_class_texts train, val;
    uint8_t labels[N_TRAIN];
    mn_classifier *c;
    mn_pool *pool;
    const mn_classify_opts o = {
        .n_labels = 4, .rank = 4, .epochs = 16, .lr = 5e-3, .row_tokens = 64, .seed = 1};
    RUN(mn_pool_new(threads, &pool, &e));
    read_sentences(m, 0, N_TRAIN, &train, labels);
    read_sentences(m, 5000, N_VAL, &val, gold);
    RUN(mn_classifier_learn(m, pool, &o, &train, labels, &c, &e));
    RUN(mn_classifier_say(c, &val, said, &e));
    mn_classifier_free(c);
    mn_class_texts_release(&train), mn_class_texts_release(&val);
    mn_pool_free(pool);
    return mn_score_accuracy(gold, said, N_VAL);
}

static void what_can_be_learnt_is_learnt_and_threads_change_nothing(void **state)
{
    (void)state;
    mn_model *m;
    uint8_t one[N_VAL], three[N_VAL], gold[N_VAL];
    RUN(mn_model_open(model, &m, &e));
    double right = learnt(m, 1, one, gold);
    OK(right > 0.9); /* chance is a quarter */
    learnt(m, 3, three, gold);
    assert_memory_equal(one, three, sizeof one);
    mn_model_free(m);
}

static void long_texts_are_cut_and_keep_their_end(void **state)
{
    (void)state;
    mn_model *m;
    mn_class_texts t;
    char text[2000] = "";
    RUN(mn_model_open(model, &m, &e));
    for (int i = 0; i < 150; i++) strcat(text, "the mynah ");
    const mn_str s[] = {mn_str_from(text), MN_STR("a sparrow")};
    RUN(mn_class_texts_new(m, s, 2, 40, &t, &e));
    assert_int_equal(t.end[0], 41);
    OK(t.ids[39] == MN_TOK_END && t.ids[40] == MN_TOK_END);
    OK(t.ids[0] == MN_TOK_START && t.ids[41] == MN_TOK_START && t.n_ids == t.end[1]);
    OK(t.ids[t.n_ids - 1] == MN_TOK_END && t.ids[t.n_ids - 2] == MN_TOK_END);
    mn_class_texts_release(&t);
    FAILS(MN_E_USAGE, mn_class_texts_new(m, &(mn_str){"", 0}, 1, 40, &t, &e));
    mn_model_free(m);
}

static void wrong_labels_are_refused(void **state)
{
    (void)state;
    mn_model *m;
    mn_class_texts t;
    mn_classifier *c = NULL;
    RUN(mn_model_open(model, &m, &e));
    const mn_str s[] = {MN_STR("the mynah"), MN_STR("a sparrow")};
    RUN(mn_class_texts_new(m, s, 2, 40, &t, &e));
    mn_classify_opts o = {.n_labels = 2, .row_tokens = 40};
    FAILS(MN_E_USAGE, mn_classifier_learn(m, NULL, &o, &t, (uint8_t[]){0, 2}, &c, &e));
    o.n_labels = 1;
    FAILS(MN_E_USAGE, mn_classifier_learn(m, NULL, &o, &t, (uint8_t[]){0, 0}, &c, &e));
    o.n_labels = 2, t.n = 0;
    FAILS(MN_E_LIMIT, mn_classifier_learn(m, NULL, &o, &t, (uint8_t[]){0, 0}, &c, &e));
    OK(!c);
    mn_class_texts_release(&t);
    mn_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_gradient_of_states_is_that_of_differences),
        TEST(what_can_be_learnt_is_learnt_and_threads_change_nothing),
        TEST(long_texts_are_cut_and_keep_their_end),
        TEST(wrong_labels_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
