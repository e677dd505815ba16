/* An open model: SmolLM2's shape in small (three heads, one of keys, tied, a large theta) with a vocabulary that was not made here, and a corpus
 * in it. */
#ifndef MN_TESTS_OPEN_FIXTURE_H
#define MN_TESTS_OPEN_FIXTURE_H

#include "open_tokens.h"
#include "train_fixture.h"

#include "base/snowflake.h"
#include "model/weights.h"

/* Documents of one to three posts. */
static inline void open_shard(const char *dir, const char *name, const mn_tokenizer *tok,
                              const mn_docform *f, uint64_t from, uint64_t n)
{
    mn_err e = {0};
    char stem[300], text[200];
    mn_shard_writer *w;
    snprintf(stem, sizeof stem, "%.200s/%s", dir, name);
    RUN(mn_shard_writer_open_as(stem, f, &w, &e));
    for (uint64_t i = from, place = 0; i < from + n; i++) {
        mn_ids ids = {0};
        fixture_sentence(i, text);
        if (!place) mn_ids_add(&ids, f->start);
        for (uint32_t k = 0; place && k < f->n_part; k++) mn_ids_add(&ids, f->part[k]);
        OK(mn_tok_encode(tok, NULL, mn_str_from(text), &ids) == MN_OK);
        RUN(mn_shard_writer_post(w, mn_snowflake_at(INT64_C(1600000000000), i), 7 + i % 3, 1,
                                 mn_str_from(text), ids.ptr, ids.n, &e));
        mn_ids_release(&ids);
        if (place++ < i % 3 && i + 1 < from + n) continue;
        RUN(mn_shard_writer_end_document(w, &e));
        place = 0;
    }
    RUN(mn_shard_writer_close(w, &e));
}

/* DIR/corpus with n training posts in tok's vocabulary. */
static inline void open_corpus(const char *dir, const mn_tokenizer *tok, const mn_docform *f,
                               uint64_t n, char ret[200])
{
    mn_err e = {0};
    char json[200], path[300], hex[65];
    uint8_t sha[32];
    snprintf(ret, 200, "%.100s/corpus", dir);
    RUN(mn_fs_mkdirs(ret, &e));
    open_shard(ret, "train", tok, f, 0, n);
    open_shard(ret, "val", tok, f, 100000, 30);
    snprintf(path, sizeof path, "%s/tokenizer.json", ret);
    RUN(mn_tok_save(tok, path, &e));
    mn_sha256_of(ret, strlen(ret), sha);
    int len = snprintf(json, sizeof json, "{\"name\":\"tiny\",\"sha256\":\"%s\"}",
                       mn_hex(sha, 32, hex));
    snprintf(path, sizeof path, "%s/manifest.json", ret);
    RUN(mn_fs_write_atomic(path, json, (size_t)len, &e));
}

static inline void open_put(const char *dir, const char *name, const char *text)
{
    mn_err e = {0};
    char path[400];
    snprintf(path, sizeof path, "%.200s/%s", dir, name);
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
}

/* A folder as transformers writes it, with a licence. */
static inline void open_model(const char *dir, const mn_tokenizer *tok, uint64_t seed)
{
    mn_err e = {0};
    mn_weights w;
    mn_buf b;
    const uint32_t end = OPEN_END;
    const mn_config c = {.V = mn_tok_vocab(tok),
                         .C = 96,
                         .L = 2,
                         .H = 3,
                         .KV = 1,
                         .D = 32,
                         .F = 160,
                         .T = 128,
                         .rope_theta = 100000,
                         .eps = 1e-5f,
                         .tied = true};
    RUN(mn_fs_mkdirs(dir, &e));
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, seed);
    RUN(mn_weights_save_tensors(&w, dir, &e));
    mn_weights_release(&w);
    mn_buf_init(&b, 0);
    OK(mn_config_write_with(&c, &(mn_config_notes){OPEN_BOS, OPEN_END, &end, 1, "float32"},
                            &b) == MN_OK);
    mn_buf_addc(&b, 0);
    open_put(dir, "config.json", b.ptr);
    mn_buf_release(&b);
    open_tokens_save(tok, dir);
    open_put(dir, "LICENSE", "Do as you like.\n");
    open_put(dir, "origin.json",
             "{\"source\":\"https://example.org/tiny\",\"licence\":\"apache-2.0\","
             "\"author\":\"the people of the mill\"}\n");
}

/* The vocabulary that both are in. */
static inline mn_tokenizer *open_vocabulary(mn_docform *ret)
{
    mn_err e = {0};
    char text[60][200];
    const char *texts[60];
    for (uint64_t i = 0; i < 60; i++) fixture_sentence(i, text[i]), texts[i] = text[i];
    mn_tokenizer *tok = open_tokens_of(texts, 60);
    RUN(mn_docform_of(tok, MN_DOCFORM_NONE, ret, &e));
    return tok;
}

#endif
