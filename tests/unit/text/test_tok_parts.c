/* Tokenizers made of GGUF's lists and of SentencePiece's protobuf: what is kept, what is refused, and merging against a plain twin. */
#include "test.h"

#include <math.h>

#include "base/clock.h"
#include "base/hash.h"
#include "text/tokenizer.h"

enum { MOST = 64 };

/* A "llama" vocabulary: <unk>, then pieces with scores. types NULL: all normal. */
typedef struct vocab {
    mn_str tokens[MOST + 257];
    float scores[MOST + 257];
    int32_t types[MOST + 257];
    char names[MOST + 257][16];
    size_t n;
} vocab;

static void add(vocab *v, const char *name, float score, int32_t type)
{
    snprintf(v->names[v->n], sizeof v->names[v->n], "%s", name);
    v->tokens[v->n] = mn_str_from(v->names[v->n]);
    v->scores[v->n] = score;
    v->types[v->n++] = type;
}

static void add_bytes(vocab *v)
{
    for (int i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
        add(v, name, 0, 6);
    }
}

static mn_tok_parts parts_of(const vocab *v)
{
    return (mn_tok_parts){.model = MN_STR("llama"),
                          .tokens = v->tokens,
                          .scores = v->scores,
                          .types = v->types,
                          .n = v->n,
                          .bos = UINT32_MAX,
                          .eos = UINT32_MAX,
                          .unk = 0,
                          .pad = UINT32_MAX};
}

static const char *ids_of(const mn_tokenizer *t, const char *text, bool special)
{
    static char ret[4096];
    mn_ids ids = {0};
    size_t at = 0;
    mn_str s = mn_str_from(text);
    ret[0] = '\0';
    assert_int_equal(
        special ? mn_tok_encode_special(t, s, &ids) : mn_tok_encode(t, NULL, s, &ids), MN_OK);
    for (size_t i = 0; i < ids.n; i++)
        at += (size_t)snprintf(ret + at, sizeof ret - at, i ? " %u" : "%u", ids.ptr[i]);
    mn_ids_release(&ids);
    return ret;
}

/* ---- merging by score ----------------------------------------------------------------------------------------- */

static size_t find_piece(const vocab *v, const char *s, size_t n)
{
    for (size_t i = 1; i < v->n; i++)
        if (v->types[i] == 1 && v->tokens[i].len == n && memcmp(v->tokens[i].ptr, s, n) == 0)
            return i;
    return 0;
}

/* SentencePiece's rule, plainly: of all neighbours that spell a piece the pair with the best score, the leftmost of equals. */
static size_t merge_plainly(const vocab *v, const char *s, size_t n, uint32_t *ids)
{
    size_t start[MOST + 1], k = n;
    for (size_t i = 0; i <= n; i++) start[i] = i;
    for (;;) {
        size_t best = 0, at = 0;
        for (size_t i = 0; i + 1 < k; i++) {
            size_t id = find_piece(v, s + start[i], start[i + 2] - start[i]);
            if (id && (!best || v->scores[id] > v->scores[best])) best = id, at = i;
        }
        if (!best) break;
        memmove(start + at + 1, start + at + 2, (k - at - 1) * sizeof *start);
        k--;
    }
    for (size_t i = 0; i < k; i++)
        ids[i] = (uint32_t)find_piece(v, s + start[i], start[i + 1] - start[i]);
    return k;
}

/* Letters a to c, then random words of them: with repeats of scores when `ties`, and pieces that can never come about. */
static void random_vocab(vocab *v, uint64_t seed, bool ties)
{
    v->n = 0;
    add(v, "<unk>", 0, 2);
    for (char c = 'a'; c <= 'c'; c++) add(v, (char[]){c, 0}, -100, 1);
    for (uint64_t i = 0; i < 40; i++) {
        char word[8] = {0};
        size_t n = 2 + mn_rand_at(seed, 3, i) % 5;
        for (size_t k = 0; k < n; k++)
            word[k] = (char)('a' + mn_rand_at(seed, 4, i * 8 + k) % 3);
        if (find_piece(v, word, n)) continue;
        uint64_t score = mn_rand_at(seed, 5, i);
        add(v, word, ties ? -(float)(score % 7) : -(float)(score % 100003), 1);
    }
    add(v, "d", 0, 1); /* another character so that words differ from the alphabet of pieces */
}

static void any_two_neighbours_that_spell_a_piece_merge_by_its_score(void **state)
{
    static vocab v;
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        mn_err e = {0};
        mn_tokenizer *t;
        random_vocab(&v, seed, seed % 2);
        mn_tok_parts p = parts_of(&v);
        RUN(mn_tok_from_parts(&p, &t, &e));
        for (uint64_t k = 0; k < 40; k++) {
            char text[MOST];
            uint32_t want[MOST];
            mn_ids got = {0};
            size_t n = 1 + mn_rand_at(seed, 6, k) % (MOST - 1); /* short and long words */
            for (size_t i = 0; i < n; i++)
                text[i] = "abcabcabcd"[mn_rand_at(seed, 7, k * MOST + i) % 10];
            size_t n_want = merge_plainly(&v, text, n, want);
            assert_int_equal(mn_tok_encode(t, NULL, (mn_str){text, n}, &got), MN_OK);
            assert_int_equal(got.n, n_want);
            assert_memory_equal(got.ptr, want, n_want * sizeof *want);
            mn_ids_release(&got);
        }
        mn_tok_free(t);
    }
}

static mn_tokenizer *small_llama(bool prefix)
{
    static vocab v;
    mn_err e = {0};
    mn_tokenizer *t;
    v.n = 0;
    add(&v, "<unk>", 0, 2);
    add(&v, "<s>", 0, 3);
    add(&v, "</s>", 0, 3);
    add_bytes(&v);              /* 3.. */
    add(&v, "\u2581", -9, 1);   /* 259 */
    add(&v, "h", -10, 1);       /* 260 */
    add(&v, "i", -11, 1);       /* 261 */
    add(&v, "hi", -1, 1);       /* 262 */
    add(&v, "\u2581hi", -2, 1); /* 263 */
    add(&v, "<user>", 0, 4);    /* 264 */
    add(&v, "[PAD265]", 0, 5);  /* 265 */
    mn_tok_parts p = parts_of(&v);
    p.add_space_prefix = prefix;
    p.bos = 1;
    p.eos = 2;
    p.add_bos = true;
    RUN(mn_tok_from_parts(&p, &t, &e));
    return t;
}

static void blanks_bytes_and_added_tokens_of_pieces(void **state)
{
    mn_tokenizer *t = small_llama(true);
    mn_buf b;
    (void)state;
    assert_string_equal(ids_of(t, "hi", false), "263");
    assert_string_equal(ids_of(t, " hi", false), "259 263");
    assert_string_equal(ids_of(t, "hi hi", false), "263 263");
    assert_string_equal(ids_of(t, "\u2581hi", false), "259 263"); /* U+2581 is a blank */
    assert_string_equal(ids_of(t, "", false), "");
    assert_string_equal(ids_of(t, "\n", false), "259 13");
    assert_string_equal(ids_of(t, "\xff", false),
                        "259 242 194 192"); /* U+FFFD, as sentencepiece has it */
    assert_string_equal(ids_of(t, "<s>hi</s>", true), "1 263 2");
    assert_string_equal(ids_of(t, "hi<user>hi", true), "263 264 263");
    assert_string_not_equal(ids_of(t, "<s>", false), "1");
    IS(mn_tok_bytes(t, 263), " hi");
    IS(mn_tok_bytes(t, 13), "\n");
    IS(mn_tok_bytes(t, 1), "<s>");
    assert_int_equal(mn_tok_find(t, MN_STR(" hi")), 263);
    assert_int_equal(mn_tok_begin(t), 1);
    uint32_t ids[] = {1, 263, 263, 13, 264};
    mn_buf_init(&b, 0);
    assert_int_equal(mn_tok_decode(t, ids, 5, false, &b), MN_OK);
    IS(mn_buf_str(&b), "hi hi\n<user>");
    mn_buf_release(&b);
    mn_tok_free(t);
    t = small_llama(false);
    assert_string_equal(ids_of(t, "hi hi", false), "262 263");
    mn_tok_free(t);
}

static void unknown_characters_are_one_unknown_token(void **state)
{
    static vocab v;
    mn_err e = {0};
    mn_tokenizer *t;
    (void)state;
    v.n = 0;
    add(&v, "<unk>", 0, 2);
    add(&v, "\u2581", -1, 1);
    add(&v, "a", -2, 1);
    mn_tok_parts p = parts_of(&v);
    p.add_space_prefix = true;
    RUN(mn_tok_from_parts(&p, &t, &e));
    assert_string_equal(ids_of(t, "xyaz y", false), "1 0 2 0 1 0");
    mn_tok_free(t);
}

/* As Llama 2's runs of blanks: equal scores, the leftmost pair first, so the longest that there is. */
static void runs_of_equal_score_grow_from_the_left_and_can_be_saved(void **state)
{
    static vocab v;
    char dir[64], path[96];
    mn_err e = {0};
    mn_tokenizer *t, *back;
    (void)state;
    v.n = 0;
    add(&v, "<unk>", 0, 2);
    add(&v, "a", -9, 1);
    add(&v, "aaaa", -9, 1);
    add(&v, "aa", -9, 1);
    add(&v, "aaa", -9, 1);
    add(&v, "b", -9, 1);
    add(&v, "ab", -1, 1);
    mn_tok_parts p = parts_of(&v);
    RUN(mn_tok_from_parts(&p, &t, &e));
    snprintf(path, sizeof path, "%s/tokenizer.json", test_tmp(dir));
    RUN(mn_tok_save(t, path, &e));
    RUN(mn_tok_load(path, &back, &e));
    for (int i = 0; i < 2; i++) {
        assert_string_equal(ids_of(i ? back : t, "aaaaaaaaaaa", false), "2 2 4");
        assert_string_equal(ids_of(i ? back : t, "aaaabaaaaab", false), "4 6 2 6");
    }
    mn_tok_free(back);
    mn_tok_free(t);
    add(&v, "ba", -9, 1); /* and one that is no run */
    p = parts_of(&v);
    RUN(mn_tok_from_parts(&p, &t, &e));
    FAILS(MN_E_UNSUPPORTED, mn_tok_save(t, path, &e));
    OK(strstr(e.msg, "same score"));
    mn_tok_free(t);
    test_tmp_remove(dir);
}

/* ---- lists ---------------------------------------------------------------------------------------------------- */

static mn_tokenizer *ours(void)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *t;
    RUN(mn_tok_trainer_new(&tr, &e));
    RUN(mn_tok_trainer_add(tr, MN_STR("the baker bakes the bread, the bread of the baker"),
                           &e));
    RUN(mn_tok_trainer_finish(tr, 420, &t, &e));
    mn_tok_trainer_free(tr);
    return t;
}

static void our_own_tokenizers_survive_the_form_of_gguf_files(void **state)
{
    mn_tokenizer *t = ours(), *back;
    mn_err e = {0};
    mn_arena a;
    mn_tok_parts p;
    uint8_t x[32], y[32];
    (void)state;
    mn_arena_init(&a, 0);
    RUN(mn_tok_to_parts(t, &a, &p, &e));
    IS(p.model, "gpt2");
    IS(p.pre, "smollm");
    assert_int_equal(p.bos, MN_TOK_START);
    assert_int_equal(p.eos, MN_TOK_END);
    assert_int_equal(p.types[0], 3);
    assert_int_equal(p.types[mn_tok_find(t, MN_STR(" the"))], 1);
    RUN(mn_tok_from_parts(&p, &back, &e));
    OK(mn_tok_is_ours(back));
    mn_tok_hash(t, x);
    mn_tok_hash(back, y);
    assert_memory_equal(x, y, 32);
    mn_tok_free(back);
    mn_tok_free(t);
    mn_arena_release(&a);
}

static void lists_that_make_no_tokenizer_are_refused(void **state)
{
    static const mn_str he[] = {{"h", 1}, {"e", 1}, {"he", 2}};
    static const mn_str twice[] = {{"h", 1}, {"h", 1}};
    static const mn_str blank[] = {{"h", 1}, {"a b", 3}};
    static const mn_str good[] = {{"h e", 3}}, lacks[] = {{"h x", 3}}, one[] = {{"he", 2}},
                        nothing[] = {{"h ", 2}};
    static const float scores[] = {0, -1, -2}, not_a_number[] = {0, NAN, -2};
    static const int32_t types[] = {1, 1, 9}, bytes[] = {1, 1, 6}, unknown[] = {2, 1, 1};
    const mn_str gpt2 = MN_STR("gpt2"), pre = MN_STR("gpt-2"), llama = MN_STR("llama");
    const struct {
        mn_rc rc;
        mn_tok_parts p;
        const char *says;
    } cases[] = {
        {MN_E_LIMIT, {.model = gpt2, .pre = pre, .tokens = he, .n = 0}, "0 tokens"},
        {MN_E_LIMIT, {.model = gpt2, .pre = pre, .tokens = he, .n = 1 << 21}, "tokens"},
        {MN_E_LIMIT,
         {.model = gpt2, .pre = pre, .tokens = he, .n = 3, .n_merges = SIZE_MAX / 64},
         "merges"},
        {MN_E_UNSUPPORTED, {.model = MN_STR("bert"), .tokens = he, .n = 3}, "bert"},
        {MN_E_UNSUPPORTED,
         {.model = gpt2, .pre = MN_STR("default"), .tokens = he, .n = 3},
         "default"},
        {MN_E_UNSUPPORTED, {.model = gpt2, .tokens = he, .n = 3}, "pre-tokenizer"},
        {MN_E_PARSE, {.model = gpt2, .pre = pre, .tokens = twice, .n = 2}, "the same"},
        {MN_E_PARSE, {.model = gpt2, .pre = pre, .tokens = blank, .n = 2}, "alphabet"},
        {MN_E_PARSE,
         {.model = gpt2, .pre = pre, .tokens = he, .n = 3, .merges = lacks, .n_merges = 1},
         "lacks"},
        {MN_E_PARSE,
         {.model = gpt2, .pre = pre, .tokens = he, .n = 3, .merges = one, .n_merges = 1},
         "blank"},
        {MN_E_PARSE,
         {.model = gpt2, .pre = pre, .tokens = he, .n = 3, .merges = nothing, .n_merges = 1},
         "nothing"},
        {MN_E_PARSE,
         {.model = gpt2, .pre = pre, .tokens = he, .types = types, .n = 3},
         "type 9"},
        {MN_E_PARSE,
         {.model = gpt2, .pre = pre, .tokens = he, .types = bytes, .n = 3},
         "type 6"},
        {MN_E_PARSE, {.model = llama, .tokens = he, .n = 3}, "scores"},
        {MN_E_PARSE, {.model = llama, .tokens = blank, .scores = scores, .n = 2}, "U+2581"},
        {MN_E_PARSE,
         {.model = llama, .tokens = he, .scores = scores, .types = bytes, .n = 3},
         "byte"},
        {MN_E_UNSUPPORTED,
         {.model = llama, .tokens = he, .scores = scores, .n = 3, .unk = UINT32_MAX},
         "unknown"},
        {MN_E_PARSE,
         {.model = llama, .tokens = he, .scores = scores, .n = 3, .unk = 1},
         "is text"},
        {MN_E_PARSE,
         {.model = llama, .tokens = he, .scores = not_a_number, .n = 3, .types = unknown},
         "no number"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_err e = {0};
        mn_tokenizer *t = NULL;
        mn_tok_parts p = cases[i].p;
        p.bos = p.eos = p.pad = UINT32_MAX;
        if (!mn_str_eqz(p.model, "llama")) p.unk = UINT32_MAX;
        mn_rc rc = mn_tok_from_parts(&p, &t, &e);
        if (rc != cases[i].rc || t || !strstr(e.msg, cases[i].says))
            fail_msg("case %zu: %s, '%s'", i, mn_rc_name(rc), e.msg);
    }
    mn_err e = {0};
    mn_tokenizer *t;
    mn_tok_parts p = {.model = gpt2,
                      .pre = pre,
                      .tokens = he,
                      .n = 3,
                      .merges = good,
                      .n_merges = 1,
                      .bos = 3,
                      .eos = UINT32_MAX,
                      .unk = UINT32_MAX,
                      .pad = UINT32_MAX};
    FAILS(MN_E_PARSE, mn_tok_from_parts(&p, &t, &e));
    OK(strstr(e.msg, "beginning"));
    p.bos = 0;
    RUN(mn_tok_from_parts(&p, &t, &e));
    mn_tok_free(t);
}

static void making_and_taking_apart_says_when_memory_runs_out(void **state)
{
    static vocab v;
    (void)state;
    v.n = 0;
    add(&v, "<unk>", 0, 2);
    add(&v, "a", -3, 1);
    add(&v, "b", -3, 1);
    add(&v, "ab", -1, 1);
    add(&v, "ba", -1, 1);
    mn_tok_parts p = parts_of(&v);
    for (long n = 1;; n++) {
        mn_err e = {0};
        mn_tokenizer *t = NULL;
        mn_tok_parts out;
        mn_arena a;
        mn_arena_init(&a, 0);
        mn_mem_fail_after(n);
        mn_rc rc = mn_tok_from_parts(&p, &t, &e);
        if (rc == MN_OK) rc = mn_tok_to_parts(t, &a, &out, &e);
        mn_mem_fail_after(0);
        mn_tok_free(t);
        mn_arena_release(&a);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(e.msg[0] && n < 500);
    }
}

static void a_million_tokens_and_chains_of_pieces_load_in_about_linear_time(void **state)
{
    enum { CHAIN = 6000, MANY = 1 << 20 };
    mn_str *tokens = calloc(MANY, sizeof *tokens);
    float *scores = calloc(MANY, sizeof *scores);
    char *text = calloc(MANY, 8);
    mn_err e = {0};
    mn_tokenizer *t;
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        tokens[i] = (mn_str){text + 8 * i, (size_t)snprintf(text + 8 * i, 8, "%05zx", i)};
        scores[i] = -(float)(i % 1000);
    }
    mn_tok_parts p = {.model = MN_STR("gpt2"),
                      .pre = MN_STR("gpt-2"),
                      .tokens = tokens,
                      .n = MANY,
                      .bos = UINT32_MAX,
                      .eos = UINT32_MAX,
                      .unk = UINT32_MAX,
                      .pad = UINT32_MAX};
    double from = mn_thread_cpu_s();
    RUN(mn_tok_from_parts(&p, &t, &e));
    assert_int_equal(mn_tok_vocab(t), MANY);
    mn_tok_free(t);
    OK(mn_thread_cpu_s() - from < 5);
    memset(text, 'a', CHAIN); /* a, aa, aaa, …: every pair of them spells another */
    int32_t *types = calloc(CHAIN, sizeof *types);
    for (size_t i = 0; i < CHAIN; i++) {
        tokens[i] = (mn_str){text, i};
        types[i] = i ? 1 : 2;
    }
    tokens[0] = MN_STR("<unk>");
    p.types = types;
    p.model = MN_STR("llama");
    p.scores = scores;
    p.n = CHAIN;
    p.unk = 0;
    from = mn_thread_cpu_s();
    RUN(mn_tok_from_parts(&p, &t, &e));
    mn_ids ids = {0};
    assert_int_equal(mn_tok_encode(t, NULL, (mn_str){text, CHAIN}, &ids), MN_OK);
    OK(ids.n >= 1 && mn_thread_cpu_s() - from < 20); /* 18 million letters to merge */
    mn_ids_release(&ids);
    mn_tok_free(t);
    free(tokens);
    free(types);
    free(scores);
    free(text);
}

/* ---- SentencePiece's protobuf --------------------------------------------------------------------------------- */

static void put_field(mn_buf *b, unsigned number, const void *p, size_t n)
{
    mn_buf_addc(b, (char)(number << 3 | 2));
    mn_buf_addc(b, (char)n);
    mn_buf_add(b, p, n);
}

static void put_piece(mn_buf *b, const char *name, float score, int type)
{
    mn_buf piece;
    mn_buf_init(&piece, 0);
    put_field(&piece, 1, name, strlen(name));
    mn_buf_addc(&piece, 2 << 3 | 5);
    mn_buf_add(&piece, &score, 4);
    mn_buf_addc(&piece, 3 << 3 | 0);
    mn_buf_addc(&piece, (char)type);
    put_field(b, 1, piece.ptr, piece.len);
    mn_buf_release(&piece);
}

/* <unk> <s> ▁ a b ab, with the given specs. */
static void put_model(mn_buf *b, const char *trainer, size_t n_trainer, const char *normalizer,
                      size_t n_normalizer)
{
    mn_buf_init(b, 0);
    put_piece(b, "<unk>", 0, 2);
    put_piece(b, "<s>", 0, 3);
    put_piece(b, "\u2581", -3, 1);
    put_piece(b, "a", -4, 1);
    put_piece(b, "b", -5, 1);
    put_piece(b, "ab", -1, 1);
    put_field(b, 2, trainer, n_trainer);
    put_field(b, 3, normalizer, n_normalizer);
}

#define BPE      "\x18\x02"
#define PLAIN    "\x20\x00"
#define BYTES(s) (s), sizeof(s) - 1

static void a_protobuf_is_read_and_what_we_lack_refused_by_name(void **state)
{
    static const struct {
        const char *trainer;
        size_t n_trainer;
        const char *normalizer;
        size_t n_normalizer;
        const char *says;
    } cases[] = {
        {BYTES("\x18\x01"), BYTES(PLAIN), "unigram"},
        {BYTES(""), BYTES(PLAIN), "unigram"},
        {BYTES("\x18\x04"), BYTES(PLAIN), "char"},
        {BYTES("\x18\x7f"), BYTES(PLAIN), "unknown"},
        {BYTES(BPE "\xc0\x01\x01"), BYTES(PLAIN), "suffix"},
        {BYTES(BPE), BYTES(""), "remove_extra_whitespaces"},
        {BYTES(BPE), BYTES(PLAIN "\x28\x00"), "escape_whitespaces"},
        {BYTES(BPE), BYTES(PLAIN "\x0a\x04nfkc\x12\x01x"), "nfkc"},
        {BYTES(BPE "\x98\x02\x01"), BYTES(PLAIN), "byte"},
    };
    mn_err e = {0};
    mn_buf b;
    mn_tokenizer *t;
    (void)state;
    put_model(&b, BYTES(BPE), BYTES(PLAIN));
    RUN(mn_tok_parse_sentencepiece((const uint8_t *)b.ptr, b.len, &t, &e));
    assert_string_equal(ids_of(t, "ab x", false), "2 5 2 0");
    assert_int_equal(mn_tok_bos(t), 1);
    assert_int_equal(mn_tok_eos(t), UINT32_MAX);
    mn_tok_free(t);
    mn_buf_release(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t = NULL;
        put_model(&b, cases[i].trainer, cases[i].n_trainer, cases[i].normalizer,
                  cases[i].n_normalizer);
        mn_rc rc = mn_tok_parse_sentencepiece((const uint8_t *)b.ptr, b.len, &t, &e);
        if ((rc != MN_E_UNSUPPORTED && i < 8) || rc == MN_OK || t ||
            !strstr(e.msg, cases[i].says))
            fail_msg("case %zu: %s, '%s'", i, mn_rc_name(rc), e.msg);
        mn_buf_release(&b);
    }
}

static void a_protobuf_cut_anywhere_or_with_lying_lengths_is_refused(void **state)
{
    mn_err e = {0};
    mn_buf b;
    mn_tokenizer *t = NULL;
    (void)state;
    put_model(&b, BYTES(BPE), BYTES(PLAIN));
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *cut = malloc(n + 1); /* exactly as long, so that a sanitizer sees more */
        memcpy(cut, b.ptr, n);
        mn_rc rc = mn_tok_parse_sentencepiece(cut, n, &t, &e);
        OK(rc == MN_E_PARSE || rc == MN_E_UNSUPPORTED);
        OK(!t && e.msg[0]);
        free(cut);
    }
    mn_buf_release(&b);
    static const char *const lies[] = {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                       "\x0a\xff\xff\xff\xff\x7f",
                                       "\x0a\x05\x0a\x7f",
                                       "\x0b",
                                       "\x0f",
                                       "\x00\x01",
                                       "\x0d\x01",
                                       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        FAILS(MN_E_PARSE,
              mn_tok_parse_sentencepiece((const uint8_t *)lies[i], strlen(lies[i]), &t, &e));
    FAILS(MN_E_PARSE, mn_tok_parse_sentencepiece(NULL, 0, &t, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_two_neighbours_that_spell_a_piece_merge_by_its_score),
        TEST(blanks_bytes_and_added_tokens_of_pieces),
        TEST(unknown_characters_are_one_unknown_token),
        TEST(runs_of_equal_score_grow_from_the_left_and_can_be_saved),
        TEST(our_own_tokenizers_survive_the_form_of_gguf_files),
        TEST(lists_that_make_no_tokenizer_are_refused),
        TEST(making_and_taking_apart_says_when_memory_runs_out),
        TEST(a_million_tokens_and_chains_of_pieces_load_in_about_linear_time),
        TEST(a_protobuf_is_read_and_what_we_lack_refused_by_name),
        TEST(a_protobuf_cut_anywhere_or_with_lying_lengths_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
