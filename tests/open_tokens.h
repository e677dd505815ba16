/* An open model's vocabulary, as small as a test needs it: byte-level BPE with SmolLM2's splitter and its first special tokens. */
#ifndef MN_TESTS_OPEN_TOKENS_H
#define MN_TESTS_OPEN_TOKENS_H

#include "test.h"

#include "base/mem.h"
#include "text/docform.h"
#include "text/tokenizer.h"

enum {
    OPEN_START,
    OPEN_BOS,
    OPEN_END,
    OPEN_SPECIALS
}; /* <|endoftext|> <|im_start|> <|im_end|> */

/* With the merges of one of ours. The caller frees it. */
static inline mn_tokenizer *open_tokens(const mn_tokenizer *ours)
{
    static const char *const names[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    mn_err e = {0};
    mn_arena a;
    mn_tok_parts p;
    mn_tokenizer *ret;
    mn_arena_init(&a, 0);
    RUN(mn_tok_to_parts(ours, &a, &p, &e));
    const size_t n = p.n - MN_TOK_SPECIALS + OPEN_SPECIALS;
    mn_str *tokens = mn_arena_calloc(&a, n, sizeof *tokens);
    int32_t *types = mn_arena_calloc(&a, n, sizeof *types);
    for (size_t i = 0; i < n; i++) {
        const bool special = i < OPEN_SPECIALS;
        tokens[i] =
            special ? mn_str_from(names[i]) : p.tokens[MN_TOK_SPECIALS + i - OPEN_SPECIALS];
        types[i] = special ? 3 : 1;
    }
    const mn_tok_parts open = {.model = MN_STR("gpt2"),
                               .pre = MN_STR("smollm"),
                               .tokens = tokens,
                               .types = types,
                               .n = n,
                               .merges = p.merges,
                               .n_merges = p.n_merges,
                               .bos = OPEN_BOS,
                               .eos = OPEN_END,
                               .unk = UINT32_MAX,
                               .pad = OPEN_END};
    RUN(mn_tok_from_parts(&open, &ret, &e));
    mn_arena_release(&a);
    OK(!mn_tok_is_ours(ret));
    return ret;
}

/* One whose merges come from these texts. */
static inline mn_tokenizer *open_tokens_of(const char *const *texts, size_t n)
{
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *ours;
    RUN(mn_tok_trainer_new(&t, &e));
    for (size_t i = 0; i < n; i++) RUN(mn_tok_trainer_add(t, mn_str_from(texts[i]), &e));
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 60, &ours, &e));
    mn_tok_trainer_free(t);
    mn_tokenizer *open = open_tokens(ours);
    mn_tok_free(ours);
    return open;
}

/* FOLDER/tokenizer.json, and what transformers names beside it. */
static inline void open_tokens_save(const mn_tokenizer *t, const char *folder)
{
    static const char config[] =
        "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"bos_token\":\"<|im_start|>\","
        "\"eos_token\":\"<|im_end|>\",\"pad_token\":\"<|im_end|>\",\"chat_template\":"
        "\"{% for m in messages %}{{ m['content'] + '<|im_end|>' }}{% endfor %}\"}\n";
    mn_err e = {0};
    char path[300];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    RUN(mn_tok_save(t, path, &e));
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    RUN(mn_fs_write_atomic(path, config, sizeof config - 1, &e));
}

#endif
