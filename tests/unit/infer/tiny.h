/* A tiny model with grouped heads, and a tokenizer trained on a few lines, saved as a folder. */
#ifndef MN_TESTS_INFER_TINY_H
#define MN_TESTS_INFER_TINY_H

#include "test.h"

#include "infer/infer.h"
#include "model/weights.h"

static const char *const tiny_lines[] = {
    "the mynah learns to talk",      "the mynah talks to those around it",
    "grüße aus der küche",           "こんにちは世界",
    "a post belongs to its author",  "posts are answered by those who know",
    "what is quoted is quoted whole"};

/* dir gets the folder's path; *ret the weights as they were saved. context: of the model. */
static inline void tiny_model(char dir[64], uint32_t C, uint32_t D, uint32_t context,
                              mn_weights *ret)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *tok;
    char path[128];
    test_tmp(dir);
    RUN(mn_tok_trainer_new(&tr, &e));
    for (size_t i = 0; i < sizeof tiny_lines / sizeof *tiny_lines; i++)
        RUN(mn_tok_trainer_add(tr, mn_str_from(tiny_lines[i]), &e));
    RUN(mn_tok_trainer_finish(tr, 400, &tok, &e));
    mn_tok_trainer_free(tr);
    mn_config c = {.V = mn_tok_vocab(tok),
                   .C = C,
                   .L = 2,
                   .H = 4,
                   .KV = 2,
                   .D = D,
                   .F = C + C / 2,
                   .T = context,
                   .rope_theta = 10000.0f,
                   .eps = 1e-5f,
                   .tied = true};
    RUN(mn_weights_new(&c, ret, &e));
    mn_weights_init(ret, 7);
    for (uint64_t i = 0; i < ret->n_all; i++) ret->all[i] *= 4; /* make the logits differ */
    RUN(mn_weights_save(ret, dir, &e));
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    RUN(mn_tok_save(tok, path, &e));
    mn_tok_free(tok);
}

/* Ids that are no structure tokens; another stream, other ids. */
static inline void tiny_ids(uint32_t V, uint32_t stream, uint32_t *ids, size_t n)
{
    uint32_t x = stream * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        ids[i] = MN_TOK_SPECIALS + (x >> 8) % (V - MN_TOK_SPECIALS);
    }
}

#endif
