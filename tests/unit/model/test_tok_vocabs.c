/* Vocabularies of others, where they are at hand: the ids of 20,000 generated texts have the hash that the libraries' ids have (tools/golden/
 * compare_tokenizers.py FILE --hash: tokenizers 0.23.3, sentencepiece 0.2.3). $MYNAH_SMOLLM2 names SmolLM2's GGUF file,
 * $MYNAH_VOCABS a folder with those that llama.cpp's sources hold (models/ggml-vocab-*.gguf). Skipped by name where they are not.
 */
#include "test.h"

#include "base/hash.h"
#include "model/gguf.h"
#include "text/tokenizer.h"

enum { TEXTS = 20000 };

static const char *const bits[] = {
    " ",
    " ",
    " ",
    "  ",
    "   ",
    "\x0a",
    "\x0a\x0a",
    "\x0d\x0a",
    "\x09",
    "\xc2\xa0",
    "\xe3\x80\x80",
    "\xe2\x80\xa8",
    "\xc2\x85",
    "\x0b",
    "\x1c",
    "\xe2\x80\x8b",
    "\xe2\x96\x81",
    "'s",
    "'S",
    "'re",
    "'LL",
    "'\xc5\xbf",
    "'",
    "1",
    "23",
    "4567",
    "\xd9\xa3\xd9\xa4",
    "\xc2\xbd",
    "\xe2\x85\xa3",
    "e\xcc\x81",
    "\xcc\x81",
    "\xc3\x9f",
    "\xc4\xb0",
    "\xe1\xba\x9e",
    "\xe8\xaa\x9e",
    "\xed\x95\x9c",
    "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
    "!",
    "...",
    "_",
    "\xe2\x80\x94",
    "<|",
    "|>",
    "[INST]",
    "\x01",
    "the",
    "The",
    "word",
    "don't",
    "\xe2\x84\xab",
    "\xef\xac\x81",
    "\xf0\x9f\x99\x82",
    "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
    "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
    "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
    "\xe2\x9d\xa4\xef\xb8\x8f",
    "#\xef\xb8\x8f\xe2\x83\xa3",
    "\xe2\x98\xba",
};

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* As generated() in tools/golden/compare_tokenizers.py. */
static void generated_text(uint64_t *state, mn_buf *ret)
{
    mn_buf_clear(ret);
    for (uint64_t n = 1 + next(state) % 24; n; n--) {
        uint64_t pick = next(state);
        char utf8[4];
        if (pick % 4) mn_buf_addz(ret, bits[(pick >> 2) % (sizeof bits / sizeof *bits)]);
        else mn_buf_add(ret, utf8, mn_utf8_encode((uint32_t)((pick >> 2) % 0x3000 + 1), utf8));
    }
}

static void hash_u32(mn_sha256 *h, uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    mn_sha256_add(h, bytes, 4);
}

static void hash_of_ids(const mn_tokenizer *t, char ret[MN_HEX256])
{
    mn_sha256 h;
    mn_err e = {0};
    mn_buf text;
    mn_ids ids = {0};
    mn_tok_cache *cache;
    uint8_t hash[32];
    uint64_t state = 20261122;
    mn_buf_init(&text, 0);
    RUN(mn_sha256_init(&h, &e));
    RUN(mn_tok_cache_new(&cache, &e));
    for (int i = 0; i < TEXTS; i++) {
        generated_text(&state, &text);
        mn_ids_clear(&ids);
        assert_int_equal(mn_tok_encode(t, cache, mn_buf_str(&text), &ids), MN_OK);
        hash_u32(&h, (uint32_t)ids.n);
        for (size_t k = 0; k < ids.n; k++) hash_u32(&h, ids.ptr[k]);
    }
    mn_sha256_done(&h, hash);
    mn_hex(hash, 32, ret);
    mn_tok_cache_free(cache);
    mn_ids_release(&ids);
    mn_buf_release(&text);
}

static const void *numbers(const mn_gguf *g, const char *key, size_t n, mn_arena *a)
{
    const mn_gguf_value *v = mn_gguf_find(g, key);
    if (!v) return NULL;
    assert_int_equal(v->n, n);
    void *ret = mn_arena_alloc(a, n * 4);
    memcpy(ret, v->data, n * 4); /* the file promises no alignment */
    return ret;
}

static mn_tokenizer *tokenizer_of(const char *path)
{
    mn_err e = {0};
    mn_arena a;
    mn_fs_map map;
    mn_gguf g;
    mn_str *tokens, *merges = NULL;
    mn_tokenizer *t;
    mn_arena_init(&a, 0);
    RUN(mn_fs_map_open(path, &map, &e));
    RUN(mn_gguf_parse(map.ptr, map.len, &a, &g, &e));
    const mn_gguf_value *v = mn_gguf_find(&g, "tokenizer.ggml.tokens"),
                        *m = mn_gguf_find(&g, "tokenizer.ggml.merges");
    RUN(mn_gguf_strings(v, &a, &tokens, &e));
    if (m) RUN(mn_gguf_strings(m, &a, &merges, &e));
    mn_str model = mn_gguf_str(mn_gguf_find(&g, "tokenizer.ggml.model"));
    bool pieces = mn_str_eqz(model, "llama");
    mn_tok_parts p = {.model = model,
                      .pre = mn_gguf_str(mn_gguf_find(&g, "tokenizer.ggml.pre")),
                      .tokens = tokens,
                      .scores = numbers(&g, "tokenizer.ggml.scores", v->n, &a),
                      .types = numbers(&g, "tokenizer.ggml.token_type", v->n, &a),
                      .n = v->n,
                      .merges = merges,
                      .n_merges = m ? m->n : 0,
                      .bos = UINT32_MAX,
                      .eos = UINT32_MAX,
                      .unk = pieces ? 0 : UINT32_MAX,
                      .pad = UINT32_MAX,
                      .add_space_prefix = pieces};
    RUN(mn_tok_from_parts(&p, &t, &e));
    mn_fs_map_close(&map);
    mn_arena_release(&a);
    return t;
}

static void check(const char *path, const char *want)
{
    char got[MN_HEX256];
    mn_tokenizer *t = tokenizer_of(path);
    hash_of_ids(t, got);
    assert_string_equal(got, want);
    mn_tok_free(t);
}

static bool vocab_file(const char *name, char ret[512])
{
    const char *dir = getenv("MYNAH_VOCABS");
    snprintf(ret, 512, "%s/%s", dir ? dir : "build/models", name);
    return access(ret, R_OK) == 0;
}

static void smollm2s_ids_are_those_of_tokenizers(void **state)
{
    const char *path = getenv("MYNAH_SMOLLM2");
    (void)state;
    if (!path) path = "build/models/smollm2.gguf";
    if (access(path, R_OK) != 0) SKIP("no SmolLM2; tools/get-smollm2.sh");
    check(path, "67ad06833bee3a8b9a12f55ec866d0530497adc1f09ee2e14ad0e4377665d70e");
}

static void gpt2s_ids_are_those_of_tokenizers(void **state)
{
    char path[512];
    (void)state;
    if (!vocab_file("ggml-vocab-gpt-2.gguf", path))
        SKIP("no ggml-vocab-gpt-2.gguf in $MYNAH_VOCABS");
    check(path, "7b2fb236124308d0b1a9ae9c87c283fade636a944d9bd31fdd5b129e7707ba48");
}

static void llama3s_ids_are_those_of_tokenizers(void **state)
{
    char path[512];
    (void)state;
    if (!vocab_file("ggml-vocab-llama-bpe.gguf", path))
        SKIP("no ggml-vocab-llama-bpe.gguf in $MYNAH_VOCABS");
    check(path, "f04e7e50ee1c91120a69453fd4eb65d7ecaaceba67cda5b8e56477854adbfa46");
}

static void llama2s_ids_are_those_of_sentencepiece(void **state)
{
    char path[512];
    (void)state;
    if (!vocab_file("ggml-vocab-llama-spm.gguf", path))
        SKIP("no ggml-vocab-llama-spm.gguf in $MYNAH_VOCABS");
    check(path, "28db08d07190058e31a31155f74805b611d534baddae49370f00539dfc0ae69e");
}

static void qwen2s_ids_are_those_of_tokenizers(void **state)
{
    char path[512];
    (void)state;
    if (!vocab_file("ggml-vocab-qwen2.gguf", path))
        SKIP("no ggml-vocab-qwen2.gguf in $MYNAH_VOCABS");
    check(path, "644982d60f7dead5073f1c4659fa318dfc595b686bfb3d0df72b47b1ecbd747f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(smollm2s_ids_are_those_of_tokenizers),
        TEST(gpt2s_ids_are_those_of_tokenizers),
        TEST(llama3s_ids_are_those_of_tokenizers),
        TEST(llama2s_ids_are_those_of_sentencepiece),
        TEST(qwen2s_ids_are_those_of_tokenizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
