/* Bits per byte of posts: the same total as training's own measure, and sums that add up. */
#include "train_fixture.h"

#include <math.h>

#include "base/mem.h"
#include "model/held_out.h"
#include "model/probe.h"
#include "model/train_int.h"

static char dir[64], corpus[200], other[200], model[200];
static mn_err e;

/* Posts of five authors over three years, in documents of up to three. */
static void conversations(const char *to, uint64_t n)
{
    char stem[300], text[200], path[300];
    mn_tokenizer *tok;
    mn_shard_writer *w;
    snprintf(path, sizeof path, "%s/tokenizer.json", to);
    RUN(mn_tok_load(path, &tok, &e));
    snprintf(stem, sizeof stem, "%s/val", to);
    for (int i = 0; i < 4; i++) {
        const char *end[] = {".bin", ".docs", ".origin", ".txt"};
        snprintf(path, sizeof path, "%s%s", stem, end[i]);
        unlink(path);
    }
    RUN(mn_shard_writer_open(stem, &w, &e));
    for (uint64_t i = 0; i < n; i++) {
        mn_ids ids = {0};
        fixture_sentence(7000 + i, text);
        mn_ids_add(&ids, i % 3 ? MN_TOK_REPLY : MN_TOK_START);
        if (i % 3 == 0 || i % 3 == 2) {
            mn_ids_add(&ids, MN_TOK_YEAR0 + 3 + (uint32_t)(i % 3));
            mn_ids_add(&ids, MN_TOK_MONTH0 + 4);
        }
        if (i % 3 == 0) mn_ids_add(&ids, MN_TOK_LANG0 + 1 + (uint32_t)(i / 3 % 2));
        OK(mn_tok_encode(tok, NULL, mn_str_from(text), &ids) == MN_OK);
        RUN(mn_shard_writer_post(w, i + 1, 100 + i % 5, 1, mn_str_from(text), ids.ptr, ids.n,
                                 &e));
        if (i % 3 == 2 || i + 1 == n) RUN(mn_shard_writer_end_document(w, &e));
        mn_ids_release(&ids);
    }
    RUN(mn_shard_writer_close(w, &e));
    mn_tok_free(tok);
}

static int set_up(void **state)
{
    (void)state;
    mn_train_result r;
    char sub[100];
    test_tmp(dir);
    fixture_corpus(dir, 60, corpus);
    conversations(corpus, 41);
    snprintf(model, sizeof model, "%s/models/base", dir);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = model,
                       .preset = "nano",
                       .steps = 6,
                       .seed = 3,
                       .threads = 1,
                       .batch_rows = 4,
                       .row_tokens = 64,
                       .no_samples = true};
    RUN(mn_train_run(&o, &r, &e));
    /* the same posts in another vocabulary */
    snprintf(sub, sizeof sub, "%s/other", dir);
    RUN(mn_fs_mkdirs(sub, &e));
    fixture_corpus(sub, 20, other);
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    char path[300], text[200];
    RUN(mn_tok_trainer_new(&t, &e));
    for (uint64_t i = 0; i < 50; i++) {
        fixture_sentence(i, text);
        RUN(mn_tok_trainer_add(t, mn_str_from(text), &e));
    }
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 9, &tok, &e));
    mn_tok_trainer_free(t);
    snprintf(path, sizeof path, "%s/tokenizer.json", other);
    RUN(mn_tok_save(tok, path, &e));
    for (int i = 0; i < 4; i++) {
        const char *end[] = {".bin", ".docs", ".origin", ".txt"};
        snprintf(path, sizeof path, "%s/train%s", other, end[i]);
        unlink(path);
    }
    fixture_shard(other, "train", tok, 0, 5);
    mn_tok_free(tok);
    conversations(other, 41);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

static mn_model *open_model(mn_probe *p)
{
    mn_model *m;
    RUN(mn_model_open(model, &m, &e));
    RUN(mn_probe_new(m, p, &e));
    return m;
}

static mn_probe_group scored(const char *from, size_t T, int threads, mn_probe *p)
{
    mn_pool *pool;
    RUN(mn_pool_new(threads, &pool, &e));
    RUN(mn_probe_corpus(p, from, "val", 0, &e));
    RUN(mn_probe_run(p, pool, T, MN_F32, NULL, NULL, &e));
    mn_pool_free(pool);
    return mn_probe_total(p);
}

static double held_out(size_t T)
{
    mn_model__corpus c = {0};
    mn_weights w;
    mn_held_out h;
    RUN(mn_model__corpus_open(corpus, &c, &e));
    RUN(mn_weights_load(model, &w, &e));
    RUN(mn_held_out_new(&c.val, &w, NULL, T, MN_F32, 1u << 30, &h, &e));
    double bits = mn_held_out_bits_per_byte(&h);
    mn_held_out_release(&h);
    mn_weights_release(&w);
    mn_model__corpus_close(&c);
    return bits;
}

static void bits_per_byte_are_those_that_training_measures(void **state)
{
    (void)state;
    for (size_t T = 16; T <= 64; T *= 2) { /* with 16, documents are cut */
        mn_probe p;
        mn_model *m = open_model(&p);
        mn_probe_group all = scored(corpus, T, 1, &p);
        double want = held_out(T), got = mn_probe_bits_per_byte(&all);
        OK(want > 0.15 && fabs(got / want - 1) < 1e-5);
        assert_int_equal(all.posts, 41);
        assert_int_equal(p.n_docs, 14);
        mn_probe_release(&p);
        mn_model_free(m);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    mn_probe p, q;
    mn_model *m = open_model(&p), *n = open_model(&q);
    OK(scored(corpus, 64, 1, &p).bits == scored(corpus, 64, 3, &q).bits);
    for (uint64_t i = 0; i < p.n_posts; i++) OK(p.posts[i].bits == q.posts[i].bits);
    OK(p.end_bits > 0 && p.end_bits == q.end_bits);
    mn_probe_release(&p), mn_probe_release(&q);
    mn_model_free(m), mn_model_free(n);
}

/* The texts tokenized anew give the tokens that the corpus with the model's own vocabulary has. */
static void a_corpus_in_another_vocabulary_is_read_as_text(void **state)
{
    (void)state;
    mn_probe p, q;
    mn_model *m = open_model(&p), *n = open_model(&q);
    mn_probe_group a = scored(corpus, 64, 1, &p), b = scored(other, 64, 1, &q);
    assert_int_equal(p.n_ids, q.n_ids);
    assert_memory_equal(p.ids, q.ids, p.n_ids * sizeof *p.ids);
    assert_memory_equal(p.owner, q.owner, p.n_ids * sizeof *p.owner);
    OK(a.bits == b.bits && a.bytes == b.bytes);
    mn_probe_release(&p), mn_probe_release(&q);
    mn_model_free(m), mn_model_free(n);
}

static void totals_are_the_sums_of_groups(void **state)
{
    (void)state;
    mn_probe p;
    mn_arena a;
    mn_model *m = open_model(&p);
    mn_probe_group all = scored(corpus, 64, 1, &p), *g;
    size_t n, want[] = {2, 5, 2}; /* languages, authors, months */
    mn_arena_init(&a, 0);
    for (int by = 0; by < 3; by++)
        for (int least = 1; least < 12; least += 8) { /* with 9 the smaller ones are added up */
            mn_probe_group sum = {0};
            RUN(mn_probe_groups(&p, (mn_probe_by)by, (uint64_t)least, 100, &a, &g, &n, &e));
            for (size_t i = 0; i < n; i++) {
                OK(g[i].others ? i + 1 == n : g[i].posts >= (uint64_t)least);
                sum.posts += g[i].posts, sum.bytes += g[i].bytes;
                sum.tokens += g[i].tokens, sum.bits += g[i].bits;
            }
            if (least == 1) assert_int_equal(n, want[by]);
            if (by == MN_PROBE_BY_AUTHOR && least == 9) {
                IS(g[1].name, "others"); /* 41 posts of five: one has nine, four have eight */
                OK(n == 2 && g[1].others && g[1].posts == 32);
                IS(g[0].name, "100");
            }
            OK(sum.posts == all.posts && sum.bytes == all.bytes && sum.tokens == all.tokens);
            OK(fabs(sum.bits - all.bits) < 1e-9 * all.bits);
        }
    RUN(mn_probe_groups(&p, MN_PROBE_BY_MONTH, 1, 100, &a, &g, &n, &e));
    IS(g[0].name, "2008-05");
    IS(g[1].name, "2010-05");
    RUN(mn_probe_groups(&p, MN_PROBE_BY_AUTHOR, 1, 2, &a, &g, &n, &e));
    OK(n == 3 && g[2].others && g[2].posts == all.posts - g[0].posts - g[1].posts);
    mn_arena_release(&a);
    mn_probe_release(&p);
    mn_model_free(m);
}

static void a_longer_text_costs_more_and_its_post_pays(void **state)
{
    (void)state;
    mn_probe p;
    mn_model *m = open_model(&p);
    const mn_probe_text t[] = {
        {.text = MN_STR("the mynah sings"), .author = MN_STR("ada"), .created_ms = 0},
        {.text = MN_STR("xq zzz qqqq vvvvv"), .created_ms = MN_PROBE_NO_TIME, .quotes = true}};
    RUN(mn_probe_document(&p, t, 2, 0, &e));
    FAILS(MN_E_USAGE, mn_probe_document(&p, t, 0, 0, &e));
    FAILS(MN_E_USAGE,
          mn_probe_document(&p, (mn_probe_text[]){t[0], {.text = MN_STR(""), .lang = 90}}, 2, 0,
                            &e));
    OK(p.n_posts == 2 && p.n_docs == 1); /* what failed left nothing */
    RUN(mn_probe_run(&p, NULL, 64, MN_F32, NULL, NULL, &e));
    OK(p.posts[1].bits > p.posts[0].bits && p.posts[0].bits > 0);
    IS(p.posts[0].author, "ada");
    OK(!p.posts[1].author.ptr && p.posts[0].month == 1970 * 12 && p.posts[1].month == 0);
    assert_int_equal(p.posts[1].bytes, 17);
    mn_probe_release(&p);
    mn_model_free(m);
}

static void lines_say_what_they_hold(void **state)
{
    (void)state;
    mn_arena a;
    mn_probe_text t;
    mn_arena_init(&a, 0);
    RUN(mn_probe_line(MN_STR("{\"text\":\" hi \\u00e9\",\"author\":7,\"lang\":\"fr\","
                             "\"created_at\":\"2011-02-03T04:05:06Z\",\"x\":[1]}"),
                      &a, &t, &e));
    IS(t.text, "hi \xc3\xa9");
    IS(t.author, "7");
    OK(t.lang == mn_tok_lang(MN_STR("fr")) && t.created_ms == INT64_C(1296705906000));
    RUN(mn_probe_line(MN_STR("{\"text\":\"a\",\"author\":null,\"lang\":null}"), &a, &t, &e));
    OK(!t.author.ptr && !t.lang && t.created_ms == MN_PROBE_NO_TIME);
    const char *bad[] = {"",
                         "[]",
                         "{}",
                         "{\"text\":1}",
                         "{\"text\":\"  \"}",
                         "{\"text\":\"a\",\"author\":1.5}",
                         "{\"text\":\"a\",\"created_at\":\"now\"}",
                         "{\"text\":\"a\",\"lang\":3}",
                         "{\"text\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_PARSE, mn_probe_line(mn_str_from(bad[i]), &a, &t, &e));
    mn_arena_release(&a);
}

static void files_are_read_line_by_line_and_refused_with_the_number(void **state)
{
    (void)state;
    char path[200];
    mn_probe p;
    mn_model *m = open_model(&p);
    const char good[] = "{\"text\":\"the mynah sings at night.\"}\n\n{\"text\":\"a sparrow\"}";
    const char bad[] = "{\"text\":\"a\"}\n{\"text\":}\n";
    snprintf(path, sizeof path, "%s/posts.jsonl", dir);
    RUN(mn_fs_write_atomic(path, good, strlen(good), &e));
    RUN(mn_probe_file(&p, path, 0, &e));
    OK(p.n_posts == 2 && p.n_docs == 2);
    RUN(mn_fs_write_atomic(path, bad, strlen(bad), &e));
    FAILS(MN_E_PARSE, mn_probe_file(&p, path, 0, &e));
    OK(strstr(e.msg, "line 2 of "));
    RUN(mn_fs_write_atomic(path, "\n", 1, &e));
    FAILS(MN_E_LIMIT, mn_probe_file(&p, path, 0, &e));
    FAILS(MN_E_NOT_FOUND, mn_probe_corpus(&p, "/tmp/mynah-no-corpus", "val", 0, &e));
    mn_probe_release(&p);
    mn_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bits_per_byte_are_those_that_training_measures),
        TEST(threads_change_no_bit),
        TEST(a_corpus_in_another_vocabulary_is_read_as_text),
        TEST(totals_are_the_sums_of_groups),
        TEST(a_longer_text_costs_more_and_its_post_pays),
        TEST(lines_say_what_they_hold),
        TEST(files_are_read_line_by_line_and_refused_with_the_number),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
