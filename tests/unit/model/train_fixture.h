/* A small corpus of sentences with a grammar, made with the real tokenizer trainer and shard writer. */
#ifndef MN_TESTS_TRAIN_FIXTURE_H
#define MN_TESTS_TRAIN_FIXTURE_H

#include "test.h"

#include "base/hash.h"
#include "model/train.h"
#include "text/shard.h"
#include "text/tokenizer.h"

static const char *const who[] = {"the mynah", "a sparrow", "my neighbour", "the old cat",
                                  "our poet"};
static const char *const does[] = {"sings to", "listens to", "argues with", "forgets",
                                   "follows"};
static const char *const when[] = {"every morning", "at night", "in the rain",
                                   "without a word"};

static inline void fixture_sentence(uint64_t i, char ret[200])
{
    uint64_t r = mn_rand_at(42, 1, i);
    snprintf(ret, 120, "%s %s %s %s.", who[r % 5], does[(r >> 8) % 5], who[(r >> 16) % 5],
             when[(r >> 24) % 4]);
}

static inline void fixture_shard(const char *dir, const char *name, mn_tokenizer *tok,
                                 uint64_t from, uint64_t n)
{
    mn_err e = {0};
    char stem[200], text[200];
    snprintf(stem, sizeof stem, "%.150s/%s", dir, name);
    mn_shard_writer *w;
    RUN(mn_shard_writer_open(stem, &w, &e));
    for (uint64_t i = from; i < from + n; i++) {
        mn_ids ids = {0};
        fixture_sentence(i, text);
        mn_ids_add(&ids, MN_TOK_START);
        mn_ids_add(&ids, MN_TOK_YEAR0 + 3);
        mn_ids_add(&ids, MN_TOK_LANG0 + 1);
        OK(mn_tok_encode(tok, NULL, mn_str_from(text), &ids) == MN_OK);
        RUN(mn_shard_writer_post(w, i + 1, 7, 1, mn_str_from(text), ids.ptr, ids.n, &e));
        RUN(mn_shard_writer_end_document(w, &e));
        mn_ids_release(&ids);
    }
    RUN(mn_shard_writer_close(w, &e));
}

/* dir/corpus with `n` training posts */
static inline void fixture_corpus(const char *dir, uint64_t n, char ret[200])
{
    mn_err e = {0};
    char text[200], path[400];
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    snprintf(ret, 200, "%.100s/corpus", dir);
    RUN(mn_fs_mkdirs(ret, &e));
    RUN(mn_tok_trainer_new(&t, &e));
    for (uint64_t i = 0; i < 200; i++) {
        fixture_sentence(i, text);
        RUN(mn_tok_trainer_add(t, mn_str_from(text), &e));
    }
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 60, &tok, &e));
    mn_tok_trainer_free(t);
    snprintf(path, sizeof path, "%s/tokenizer.json", ret);
    RUN(mn_tok_save(tok, path, &e));
    fixture_shard(ret, "train", tok, 0, n);
    fixture_shard(ret, "val", tok, 100000, 20);
    mn_tok_free(tok);
    char json[200], hex[65];
    uint8_t sha[32];
    mn_sha256_of(ret, strlen(ret), sha);
    int len = snprintf(json, sizeof json, "{\"name\":\"tiny\",\"sha256\":\"%s\"}",
                       mn_hex(sha, 32, hex));
    snprintf(path, sizeof path, "%s/manifest.json", ret);
    RUN(mn_fs_write_atomic(path, json, (size_t)len, &e));
}

/* A file of a model's folder, whole; the caller releases it. */
static inline mn_buf fixture_file(const char *model, const char *name)
{
    mn_err e = {0};
    char path[300];
    mn_buf b;
    mn_buf_init(&b, 0);
    snprintf(path, sizeof path, "%s/%s", model, name);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    return b;
}

static inline bool fixture_same_weights(const char *one, const char *other)
{
    mn_buf a = fixture_file(one, "model.safetensors"),
           b = fixture_file(other, "model.safetensors");
    bool same = a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    mn_buf_release(&a);
    mn_buf_release(&b);
    return same;
}

#endif
