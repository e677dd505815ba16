/* Each family of tokenizers against the library it comes from: files made by tools/golden/tokenizer_families.py. */
#include "test.h"

#include "base/hash.h"
#include "base/json.h"
#include "text/tok_int.h"

#define FOLDER "tests/data/tokenizer/"

enum { LLAMA3, QWEN2, LLAMA2, FIRST, WORDS, SP, USER, UNKNOWN, N };
static const char *const files[N] = {"llama3.json", "qwen2.json",   "llama2.json",
                                     "first.json",  "words.json",   "sp.model",
                                     "user.model",  "unknown.model"};

typedef struct golden {
    mn_tokenizer *t[N];
    mn_tok_cache *cache[N];
    mn_buf file;
} golden;

static mn_tokenizer *load(const char *name)
{
    char path[128];
    mn_err e = {0};
    mn_tokenizer *t;
    snprintf(path, sizeof path, FOLDER "%s", name);
    if (mn_str_ends(mn_str_from(name), ".model")) RUN(mn_tok_load_sentencepiece(path, &t, &e));
    else RUN(mn_tok_load(path, &t, &e));
    return t;
}

static int set_up(void **state)
{
    static golden g;
    mn_err e = {0};
    for (int i = 0; i < N; i++) {
        g.t[i] = load(files[i]);
        RUN(mn_tok_cache_new(&g.cache[i], &e));
    }
    mn_buf_init(&g.file, 0);
    RUN(mn_fs_read(FOLDER "families.jsonl", 1 << 24, &g.file, &e));
    *state = &g;
    return 0;
}

static int tear_down(void **state)
{
    golden *g = *state;
    for (int i = 0; i < N; i++) {
        mn_tok_free(g->t[i]);
        mn_tok_cache_free(g->cache[i]);
    }
    mn_buf_release(&g->file);
    return 0;
}

static void short_hash(const void *p, size_t n, char ret[9])
{
    uint8_t hash[32];
    char hex[MN_HEX256];
    mn_sha256_of(p, n, hash);
    memcpy(ret, mn_hex(hash, 32, hex), 8);
    ret[8] = '\0';
}

static void check_ids(const char *file, const mn_json *line, mn_str text, const mn_ids *ids,
                      mn_str want)
{
    char got[9];
    short_hash(ids->ptr, ids->n * sizeof *ids->ptr, got);
    if (!mn_str_eqz(want, got)) fail_msg("%s: '%.*s' has other ids", file, MN_STR_FMT(text));
    (void)line;
}

static void check_back(const mn_tokenizer *t, const char *file, mn_str text, const mn_ids *ids,
                       mn_str want)
{
    char got[9];
    mn_buf back;
    if (!want.ptr) return;
    mn_buf_init(&back, 0);
    assert_int_equal(mn_tok_decode(t, ids->ptr, ids->n, true, &back), MN_OK);
    short_hash(mn_buf_str(&back).ptr, back.len, got);
    if (!mn_str_eqz(want, got))
        fail_msg("%s: '%.*s' comes back as '%.*s'", file, MN_STR_FMT(text),
                 MN_STR_FMT(mn_buf_str(&back)));
    mn_buf_release(&back);
}

/* tokenizer.json finds added tokens in text, sentencepiece does not: each with the function that does the same. */
static void check_text(golden *g, int family, mn_str text, const mn_json *line)
{
    const mn_json *both = mn_json_at(mn_json_get(line, "golden"), (size_t)family);
    mn_str want = mn_json_str(mn_json_at(both, 0));
    mn_ids ids = {0};
    if (!want.ptr) return;
    for (int cached = 0; cached < 2; cached++) {
        mn_ids_clear(&ids);
        if (family < SP)
            assert_int_equal(mn_tok_encode_special(g->t[family], text, &ids), MN_OK);
        else
            assert_int_equal(
                mn_tok_encode(g->t[family], cached ? g->cache[family] : NULL, text, &ids),
                MN_OK);
        check_ids(files[family], line, text, &ids, want);
    }
    check_back(g->t[family], files[family], text, &ids, mn_json_str(mn_json_at(both, 1)));
    mn_ids_release(&ids);
}

static mn_str text_of(const mn_json *line, uint8_t raw[256])
{
    mn_str text = mn_json_str(mn_json_get(line, "text")),
           hex = mn_json_str(mn_json_get(line, "hex"));
    if (text.ptr) return text;
    assert_int_equal(mn_unhex(hex, raw, hex.len / 2), MN_OK);
    return (mn_str){(const char *)raw, hex.len / 2};
}

/* Runs every text through tokenizers that should do what the golden file says of `as`. */
static size_t each_text(golden *g, const bool which[N])
{
    mn_err e = {0};
    mn_arena a;
    size_t n = 0;
    mn_str rest = mn_buf_str(&g->file);
    mn_arena_init(&a, 0);
    mn_str_split(rest, '\n', &rest); /* the versions */
    while (rest.len) {
        mn_json *line;
        uint8_t raw[256];
        RUN(mn_json_parse(mn_str_split(rest, '\n', &rest), &a, &line, &e));
        mn_str text = text_of(line, raw);
        for (int i = 0; i < N; i++)
            if (which[i]) check_text(g, i, text, line);
        mn_arena_reset(&a);
        n++;
    }
    mn_arena_release(&a);
    return n;
}

static const bool all[N] = {true, true, true, true, true, true, true, true};

static void every_family_gives_the_ids_and_texts_of_its_library(void **state)
{
    OK(each_text(*state, all) > 500);
}

/* Puts other tokenizers, which `make` makes of those that were loaded, in the places of `which`, and compares again. */
static void again_with(golden *g, const bool which[N],
                       mn_tokenizer *(*make)(const mn_tokenizer *t))
{
    golden other = {.file = g->file};
    for (int i = 0; i < N; i++) {
        other.t[i] = which[i] ? make(g->t[i]) : NULL;
        other.cache[i] = g->cache[i];
    }
    OK(each_text(&other, which) > 500);
    for (int i = 0; i < N; i++) mn_tok_free(other.t[i]);
}

static mn_tokenizer *saved(const mn_tokenizer *t)
{
    char dir[64], path[96];
    mn_err e = {0};
    mn_tokenizer *back;
    snprintf(path, sizeof path, "%s/tokenizer.json", test_tmp(dir));
    RUN(mn_tok_save(t, path, &e));
    RUN(mn_tok_load(path, &back, &e));
    assert_int_equal(mn_tok_begin(back), mn_tok_begin(t));
    test_tmp_remove(dir);
    return back;
}

static void what_is_saved_and_loaded_again_is_the_same(void **state)
{
    static const bool which[N] = {
        [LLAMA3] = true, [QWEN2] = true, [LLAMA2] = true, [FIRST] = true, [WORDS] = true};
    again_with(*state, which, saved);
    golden *g = *state;
    for (int i = LLAMA3; i <= WORDS; i++) {
        uint8_t x[32], y[32];
        mn_tokenizer *back = saved(g->t[i]);
        mn_tok_hash(g->t[i], x);
        mn_tok_hash(back, y);
        assert_memory_equal(x, y, 32);
        mn_tok_free(back);
    }
}

static void sentencepiece_as_tokenizer_json_is_the_same(void **state)
{
    static const bool which[N] = {[SP] = true, [UNKNOWN] = true};
    again_with(*state, which, saved);
}

static mn_tokenizer *through_parts(const mn_tokenizer *t)
{
    mn_err e = {0};
    mn_arena a;
    mn_tok_parts p;
    mn_tokenizer *back;
    mn_arena_init(&a, 0);
    RUN(mn_tok_to_parts(t, &a, &p, &e));
    assert_int_equal(p.n, mn_tok_vocab(t));
    RUN(mn_tok_from_parts(&p, &back, &e));
    assert_int_equal(mn_tok_begin(back), mn_tok_begin(t));
    assert_int_equal(mn_tok_bos(back), mn_tok_bos(t));
    assert_int_equal(mn_tok_eos(back), mn_tok_eos(t));
    mn_arena_release(&a);
    return back;
}

static void the_form_of_gguf_files_is_the_same(void **state)
{
    static const bool which[N] = {[SP] = true, [UNKNOWN] = true};
    golden *g = *state;
    mn_err e = {0};
    mn_arena a;
    mn_tok_parts p;
    again_with(g, which, through_parts);
    mn_arena_init(&a, 0);
    RUN(mn_tok_to_parts(g->t[LLAMA3], &a, &p, &e));
    IS(p.pre, "llama-bpe");
    RUN(mn_tok_to_parts(g->t[QWEN2], &a, &p, &e));
    IS(p.pre, "qwen2");
    FAILS(MN_E_UNSUPPORTED, mn_tok_to_parts(g->t[FIRST], &a, &p, &e));
    mn_arena_release(&a);
}

/* Ids of texts without added tokens are the same from the list of all pairs and from the scores. */
static void llama2s_pairs_and_sentencepieces_scores_agree(void **state)
{
    golden *g = *state;
    mn_tokenizer *parts = through_parts(g->t[LLAMA2]);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        char text[64];
        mn_ids x = {0}, y = {0}, z = {0};
        size_t n = mn_rand_at(seed, 0, 0) % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = " the bread\n\xc3\xa9"[mn_rand_at(seed, 1, i) % 13];
        mn_str s = {text, n};
        assert_int_equal(mn_tok_encode(g->t[LLAMA2], NULL, s, &x), MN_OK);
        assert_int_equal(mn_tok_encode(g->t[SP], g->cache[SP], s, &y), MN_OK);
        assert_int_equal(mn_tok_encode(parts, NULL, s, &z), MN_OK);
        OK(x.n == y.n && x.n == z.n);
        if (x.n) assert_memory_equal(x.ptr, y.ptr, x.n * sizeof *x.ptr);
        if (x.n) assert_memory_equal(x.ptr, z.ptr, x.n * sizeof *x.ptr);
        mn_ids_release(&x);
        mn_ids_release(&y);
        mn_ids_release(&z);
    }
    mn_tok_free(parts);
}

static void texts_begin_as_their_files_say(void **state)
{
    golden *g = *state;
    assert_int_equal(mn_tok_begin(g->t[LLAMA3]),
                     mn_tok_find(g->t[LLAMA3], MN_STR("<|begin|>")));
    assert_int_equal(mn_tok_begin(g->t[LLAMA2]), mn_tok_find(g->t[LLAMA2], MN_STR("<s>")));
    assert_int_equal(mn_tok_eos(g->t[LLAMA2]), mn_tok_find(g->t[LLAMA2], MN_STR("</s>")));
    assert_int_equal(mn_tok_begin(g->t[FIRST]), UINT32_MAX);
    assert_int_equal(mn_tok_begin(g->t[SP]),
                     UINT32_MAX); /* sentencepiece adds nothing unless asked to */
    assert_int_equal(mn_tok_bos(g->t[SP]), 1);
    assert_int_equal(mn_tok_eos(g->t[SP]), 2);
}

static void tokenizer_json_cannot_hold_symbols_of_sentencepiece(void **state)
{
    golden *g = *state;
    mn_err e = {0};
    FAILS(MN_E_UNSUPPORTED, mn_tok_save(g->t[USER], "/nowhere/tokenizer.json", &e));
    OK(strstr(e.msg, "user-defined"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_family_gives_the_ids_and_texts_of_its_library),
        TEST(what_is_saved_and_loaded_again_is_the_same),
        TEST(sentencepiece_as_tokenizer_json_is_the_same),
        TEST(the_form_of_gguf_files_is_the_same),
        TEST(llama2s_pairs_and_sentencepieces_scores_agree),
        TEST(texts_begin_as_their_files_say),
        TEST(tokenizer_json_cannot_hold_symbols_of_sentencepiece),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
